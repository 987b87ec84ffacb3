/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of a DMA space, sorted by IOVA: a sorted index of leaves, each a sorted array. Looking up is
 * two searches, adding or removing one map moves at most a leaf's worth, and maps that come in
 * ascending order fill their leaves. Leaves that have become sparse are merged. Maps never overlap.
 *
 * One thread changes the table; readers (dma/reader.h) look up in it without a lock. While there
 * are readers, nothing that they may see moves: adding puts a changed copy in the place of a leaf
 * or of the index, removing only hides a map where it is, and the next copy leaves it out. What was
 * replaced is freed when no reader sees it (dma/epoch.h). Without readers all is changed in place.
 */
#ifndef UMD_DMA_TABLE_H
#define UMD_DMA_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

#include "dma/epoch.h"

struct umd_dma_hold;

#define UMD_DMA_PAGE 4096u

/* A map: [iova, iova + size - 1] of the device is this memory of the client. */
struct umd_dma_map {
	uint64_t iova, size;	   /* bytes, whole pages; iova + size - 1 does not wrap */
	uint8_t *base;		   /* its first byte; NULL: reachable by message only */
	struct umd_dma_hold *hold; /* what keeps its memory; NULL where base is */
	uint32_t prot;		   /* umd_dma_rights() of what it allows; not 0, which hides it */
};

/*
 * What a map allows, or what an access needs, as bits of which the latter's have to be among the
 * former's: a map for privileged accesses only lacks a bit that all others need.
 */
static inline uint32_t umd_dma_rights(uint32_t prot)
{
	return prot ^ UMD_DMA_PRIVILEGED;
}

struct umd_dma_index;

struct umd_dma_table {
	struct umd_dma_index *index; /* NULL: none yet */
	struct umd_dma_epochs epochs;
	size_t count;	   /* maps */
	size_t leaf_count; /* in the index */
};

/* Where a map stands. */
struct umd_dma_place {
	size_t leaf, slot;
};

/* Drops all maps. Readers stay. */
void umd_dma_table_finish(struct umd_dma_table *table);

/*
 * The first map that ends at or after `iova`, and its place; NULL where there is none. The pointer
 * holds until the table is changed. This call and those below are for the thread that changes it.
 */
struct umd_dma_map *umd_dma_table_find(const struct umd_dma_table *table, uint64_t iova,
				       struct umd_dma_place *ret_place);

/* The map behind the one at `place`, which is moved on; NULL at the end. */
struct umd_dma_map *umd_dma_table_next(const struct umd_dma_table *table,
				       struct umd_dma_place *place);

/*
 * Adds a map that overlaps none. 0; -ENOMEM, also where readers keep too much memory from being
 * freed.
 */
int umd_dma_table_add(struct umd_dma_table *table, const struct umd_dma_map *map);

/* Removes the map at `place`, which then is the place of the one behind it. */
void umd_dma_table_remove(struct umd_dma_table *table, struct umd_dma_place *place);

/* The map at a place that umd_dma_table_remove() left; NULL at the end. */
struct umd_dma_map *umd_dma_table_at(const struct umd_dma_table *table,
				     const struct umd_dma_place *place);

/* A map, and the end of those that stand behind it: its followers, as far as they go. */
struct umd_dma_found {
	const struct umd_dma_map *map, *end;
};

/*
 * For readers, inside: the map that `iova` lies in; NULL where there is none. What was removed
 * before is not found; what is removed meanwhile may be, with a `prot` that becomes 0. The memory
 * stays until the reader leaves.
 */
struct umd_dma_found umd_dma_table_read(const struct umd_dma_table *table, uint64_t iova);

#endif
