/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/leaf.h"

#include <string.h>

#define MAPS   UMD_DMA_LEAF_MAPS
#define STRIDE UMD_DMA_LEAF_STRIDE
#define FAR    UMD_DMA_LEAF_FAR

static uint64_t last_page(const struct umd_dma_map *map)
{
	return umd_dma_map_last(map) / UMD_DMA_PAGE;
}

size_t umd_dma_leaf_search_wide(const struct umd_dma_leaf *leaf, uint64_t iova)
{
	size_t low = 0, high = leaf->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (umd_dma_map_last(&leaf->maps[middle]) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void umd_dma_leaf_number(struct umd_dma_leaf *leaf)
{
	size_t count = leaf->count;

	leaf->first = count ? last_page(&leaf->maps[0]) : 0;
	leaf->wide = count && last_page(&leaf->maps[count - 1]) - leaf->first >= FAR;
	for (size_t i = 0; i < count && !leaf->wide; i++)
		leaf->pages[i] = (int32_t)(last_page(&leaf->maps[i]) - leaf->first);
	for (size_t i = count; i < MAPS; i++)
		leaf->pages[i] = FAR;
	for (size_t i = 0; i < MAPS / STRIDE - 1; i++)
		leaf->steps[i] = leaf->pages[i * STRIDE + STRIDE - 1];
	leaf->steps[MAPS / STRIDE - 1] = FAR;
}

void umd_dma_leaf_append(struct umd_dma_leaf *to, const struct umd_dma_leaf *from, size_t begin,
			 size_t end)
{
	for (size_t i = begin; i < end; i++) {
		if (umd_dma_map_is_hidden(&from->maps[i]))
			continue;
		to->maps[to->count++] = from->maps[i];
	}
	to->live = to->count;
}

void umd_dma_leaf_insert(struct umd_dma_leaf *leaf, const struct umd_dma_map *map)
{
	size_t slot = umd_dma_leaf_search_wide(leaf, map->iova);
	size_t behind = leaf->count - slot;

	memmove(&leaf->maps[slot + 1], &leaf->maps[slot], behind * sizeof(*leaf->maps));
	leaf->maps[slot] = *map;
	leaf->live = ++leaf->count;
	umd_dma_leaf_number(leaf);
}

void umd_dma_leaf_erase(struct umd_dma_leaf *leaf, size_t slot)
{
	size_t behind = --leaf->count - slot;

	memmove(&leaf->maps[slot], &leaf->maps[slot + 1], behind * sizeof(*leaf->maps));
	umd_dma_leaf_number(leaf);
}
