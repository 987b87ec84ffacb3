/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of a DMA space, sorted by IOVA: a sorted index of leaves, each a sorted array. Looking up is
 * two binary searches, adding or removing one map moves at most a leaf's worth, and maps that come
 * in ascending order fill their leaves. Maps never overlap.
 */
#ifndef UMD_DMA_TABLE_H
#define UMD_DMA_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct umd_dma_file;

/* What the device may do with a map: VFIO_DMA_MAP_FLAG_READ and _WRITE (linux/vfio.h). */
#define UMD_DMA_READ  (1u << 0)
#define UMD_DMA_WRITE (1u << 1)

/* A map: [iova, iova + size - 1] of the device is this memory of the client. */
struct umd_dma_map {
	uint64_t iova, size;	   /* bytes; iova + size - 1 does not wrap */
	struct umd_dma_file *file; /* what it lies in; NULL: reachable by message only */
	uint64_t offset;	   /* in the file */
	uint32_t prot;		   /* UMD_DMA_READ, UMD_DMA_WRITE */
};

struct umd_dma_leaf;

struct umd_dma_table {
	struct umd_dma_leaf **leaves; /* ascending, none empty */
	size_t leaf_count, leaf_room;
	size_t count; /* maps */
};

/* Where a map stands. */
struct umd_dma_place {
	size_t leaf, slot;
};

void umd_dma_table_finish(struct umd_dma_table *table);

/*
 * The first map that ends at or after `iova`, and its place; NULL where there is none. The pointer
 * holds until the table is changed.
 */
struct umd_dma_map *umd_dma_table_find(const struct umd_dma_table *table, uint64_t iova,
				       struct umd_dma_place *ret_place);

/* The map behind the one at `place`, which is moved on; NULL at the end. */
struct umd_dma_map *umd_dma_table_next(const struct umd_dma_table *table,
				       struct umd_dma_place *place);

/* Adds a map that overlaps none. 0 or -ENOMEM. */
int umd_dma_table_add(struct umd_dma_table *table, const struct umd_dma_map *map);

/* Removes the map at `place`, which then is the place of the one behind it. */
void umd_dma_table_remove(struct umd_dma_table *table, struct umd_dma_place *place);

/* The map at a place that umd_dma_table_remove() left; NULL at the end. */
struct umd_dma_map *umd_dma_table_at(const struct umd_dma_table *table,
				     const struct umd_dma_place *place);

#endif
