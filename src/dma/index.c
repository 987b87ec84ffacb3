/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/index.h"

#include <string.h>

size_t umd_dma_index_size(size_t room)
{
	return sizeof(struct umd_dma_index) + room * sizeof(struct umd_dma_entry) +
	       (room * UMD_DMA_INDEX_HINTS + 1) * sizeof(uint32_t);
}

void umd_dma_index_init(struct umd_dma_index *index, size_t room)
{
	index->count = 0;
	index->room = room;
	index->hints = (uint32_t *)(void *)(index->entries + room);
}

void umd_dma_index_open_gap(struct umd_dma_index *index, size_t at)
{
	size_t behind = index->count - at;

	memmove(&index->entries[at + 1], &index->entries[at], behind * sizeof(*index->entries));
	index->count++;
}

void umd_dma_index_close_gap(struct umd_dma_index *index, size_t at)
{
	size_t behind = --index->count - at;

	memmove(&index->entries[at], &index->entries[at + 1], behind * sizeof(*index->entries));
	if (index->count)
		index->entries[index->count - 1].bound = UINT64_MAX;
}

/* The smallest parts that there is room for. */
static void choose_parts(struct umd_dma_index *index)
{
	uint64_t span = index->entries[index->count - 2].bound - index->low;

	index->shift = 0;
	while (span >> index->shift >= index->room * UMD_DMA_INDEX_HINTS)
		index->shift++;
	index->parts = (size_t)(span >> index->shift) + 1;
}

void umd_dma_index_write_hints(struct umd_dma_index *index)
{
	size_t entry = 0;

	index->low = UINT64_MAX;
	if (index->count < 2)
		return;
	index->low = index->entries[0].bound;
	choose_parts(index);
	for (size_t part = 0; part < index->parts; part++) {
		uint64_t begin = index->low + ((uint64_t)part << index->shift);

		while (index->entries[entry].bound < begin)
			entry++;
		index->hints[part] = (uint32_t)entry;
	}
	/* Where the last part ends may be beyond the address space. */
	index->hints[index->parts] = (uint32_t)(index->count - 1);
}
