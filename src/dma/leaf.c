/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/leaf.h"

#include <string.h>

#define MAPS  UMD_DMA_LEAF_MAPS
#define PARTS UMD_DMA_LEAF_PARTS
#define FAR   UMD_DMA_LEAF_FAR

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

/* The last map's part is the last but one or two: see umd_dma_leaf_part(). */
static uint32_t scale(const struct umd_dma_leaf *leaf)
{
	uint64_t span = leaf->count ? last_page(&leaf->maps[leaf->count - 1]) - leaf->first : 0;
	uint64_t scale;

	if (span >= FAR)
		return 0;
	scale = span ? ((uint64_t)(PARTS - 2) << 31) / span : UINT32_MAX;
	if (scale > UINT32_MAX)
		return UINT32_MAX;
	return scale ? (uint32_t)scale : 1;
}

static void write_hints(struct umd_dma_leaf *leaf)
{
	size_t part = 0;

	for (size_t i = 0; i < leaf->count; i++) {
		size_t last = umd_dma_leaf_part(leaf, leaf->pages[i]);

		while (part <= last && part < PARTS)
			leaf->hints[part++] = (uint8_t)i;
	}
	memset(leaf->hints + part, (int)leaf->count, PARTS - part);
}

void umd_dma_leaf_number(struct umd_dma_leaf *leaf)
{
	size_t count = leaf->count;

	leaf->first = count ? last_page(&leaf->maps[0]) : 0;
	leaf->scale = scale(leaf);
	for (size_t i = 0; i < count && leaf->scale; i++)
		leaf->pages[i] = (uint32_t)(last_page(&leaf->maps[i]) - leaf->first);
	leaf->pages[count] = FAR;
	if (leaf->scale)
		write_hints(leaf);
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
