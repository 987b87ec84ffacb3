/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A leaf of the table of maps: a sorted array. While readers may see it, only the maps' prot
 * changes, to 0 when one is hidden, and their base.
 *
 * A leaf is searched by the maps' last pages, counted from the first map's. They are divided into
 * equal parts, with a hint for each: the first map that may be meant, which mostly is the one or
 * the one before. That takes less than a binary search, whose branches nobody can guess.
 */
#ifndef UMD_DMA_LEAF_H
#define UMD_DMA_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dma/table.h"

#define UMD_DMA_LEAF_MAPS  64u
#define UMD_DMA_LEAF_PARTS 128u
#define UMD_DMA_LEAF_FAR   UINT32_MAX

struct umd_dma_leaf {
	struct umd_dma_retired retired;
	uint64_t first; /* the first map's last page */
	uint32_t count; /* hidden maps too */
	uint32_t scale; /* parts for each page, times 2^31; 0: some map is too far to be numbered */
	uint8_t hints[UMD_DMA_LEAF_PARTS];
	uint32_t pages[UMD_DMA_LEAF_MAPS + 1]; /* from `first`; FAR behind the last map */
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

static inline uint64_t umd_dma_leaf_part(const struct umd_dma_leaf *leaf, uint32_t page)
{
	return (uint64_t)page * leaf->scale >> 31;
}

/*
 * The first map that ends at or after `iova`; the leaf's count where there is none. Where the map
 * probably stands is fetched meanwhile.
 */
static inline size_t umd_dma_leaf_search(const struct umd_dma_leaf *leaf, uint64_t iova)
{
	uint64_t page = iova / UMD_DMA_PAGE;
	uint64_t distance = page < leaf->first ? 0 : page - leaf->first, part;
	uint32_t key = distance < UMD_DMA_LEAF_FAR ? (uint32_t)distance : UMD_DMA_LEAF_FAR;
	size_t slot;

	if (!leaf->scale)
		return umd_dma_leaf_search_wide(leaf, iova);
	part = umd_dma_leaf_part(leaf, key);
	if (part >= UMD_DMA_LEAF_PARTS)
		part = UMD_DMA_LEAF_PARTS - 1;
	__builtin_prefetch(&leaf->maps[part * UMD_DMA_LEAF_MAPS / UMD_DMA_LEAF_PARTS]);
	slot = leaf->hints[part];
	slot += leaf->pages[slot] < key; /* no branch, which nobody could guess */
	while (leaf->pages[slot] < key)
		slot++;
	return slot;
}

#endif
