/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A leaf of the table of maps: a sorted array. While readers may see it, only the maps' prot
 * changes, to 0 when one is hidden, and their base.
 *
 * A leaf is searched by the maps' last pages, counted from the first map's: 32-bit numbers, few
 * enough to be all compared. That takes less than a binary search, whose branches nobody can guess.
 */
#ifndef UMD_DMA_LEAF_H
#define UMD_DMA_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dma/table.h"

#define UMD_DMA_LEAF_MAPS   64u
#define UMD_DMA_LEAF_STRIDE ((size_t)8) /* pages for each step */
#define UMD_DMA_LEAF_FAR    INT32_MAX

struct umd_dma_leaf {
	struct umd_dma_retired retired;
	uint64_t first; /* the first map's last page */
	uint32_t count; /* hidden maps too */
	bool wide;	/* some map is too far from the first to be numbered */

	/* The last page of each stride; of the last, FAR. */
	int32_t steps[UMD_DMA_LEAF_MAPS / UMD_DMA_LEAF_STRIDE];
	int32_t pages[UMD_DMA_LEAF_MAPS]; /* from `first`; FAR behind the last map */
	struct umd_dma_map maps[UMD_DMA_LEAF_MAPS];
	size_t live; /* maps that are not hidden: the owner's */
};

static inline uint64_t umd_dma_map_last(const struct umd_dma_map *map)
{
	return map->iova + (map->size - 1);
}

static inline bool umd_dma_map_is_hidden(const struct umd_dma_map *map)
{
	return __atomic_load_n(&map->prot, __ATOMIC_ACQUIRE) == 0;
}

/* The first map that ends at or after `iova`, by the maps themselves. */
size_t umd_dma_leaf_search_wide(const struct umd_dma_leaf *leaf, uint64_t iova);

/* Copies maps that are not hidden to the end of a leaf, which may be the same one. */
void umd_dma_leaf_append(struct umd_dma_leaf *to, const struct umd_dma_leaf *from, size_t begin,
			 size_t end);

/* Writes what a leaf is searched by: after it was changed. */
void umd_dma_leaf_number(struct umd_dma_leaf *leaf);

/* Changes a leaf that has no hidden maps and room, or that nobody else sees. */
void umd_dma_leaf_insert(struct umd_dma_leaf *leaf, const struct umd_dma_map *map);
void umd_dma_leaf_erase(struct umd_dma_leaf *leaf, size_t slot);

/* The first map that ends at or after `iova`; the leaf's count where there is none. */
static inline size_t umd_dma_leaf_search(const struct umd_dma_leaf *leaf, uint64_t iova)
{
	uint64_t page = iova / UMD_DMA_PAGE;
	uint64_t distance = page < leaf->first ? 0 : page - leaf->first;
	int32_t key = distance < UMD_DMA_LEAF_FAR ? (int32_t)distance : UMD_DMA_LEAF_FAR;
	const int32_t *pages;
	int32_t steps = 0, below = 0;

	if (leaf->wide)
		return umd_dma_leaf_search_wide(leaf, iova);
	for (size_t i = 0; i < UMD_DMA_LEAF_MAPS / UMD_DMA_LEAF_STRIDE; i++)
		steps += leaf->steps[i] < key;
	pages = &leaf->pages[(uint32_t)steps * UMD_DMA_LEAF_STRIDE];
	for (size_t i = 0; i < UMD_DMA_LEAF_STRIDE; i++)
		below += pages[i] < key;
	return (uint32_t)steps * UMD_DMA_LEAF_STRIDE + (uint32_t)below;
}

#endif
