/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of the table of maps: its leaves, ascending. While readers may see it, only the
 * entries' leaves change.
 *
 * The addresses between the first bound and the last but one are divided into equal parts, with a
 * hint for each: the first entry that may be meant.
 */
#ifndef UMD_DMA_INDEX_H
#define UMD_DMA_INDEX_H

#include "dma/leaf.h"

/* A leaf has the maps whose last bytes lie behind the bound before it and not behind its own. */
struct umd_dma_entry {
	uint64_t bound; /* ascending; the last is UINT64_MAX */
	struct umd_dma_leaf *leaf;
};

struct umd_dma_index {
	struct umd_dma_retired retired;
	size_t count, room;
	uint64_t low;	    /* the first bound */
	size_t parts;	    /* room * UMD_DMA_INDEX_HINTS at most */
	unsigned int shift; /* log2 of a part's bytes */
	uint32_t *hints;    /* one more than parts */
	struct umd_dma_entry entries[];
};

#define UMD_DMA_INDEX_HINTS 4u /* for each leaf that there is room for */

/* Bytes of an index; and what makes one of so many. */
size_t umd_dma_index_size(size_t room);
void umd_dma_index_init(struct umd_dma_index *index, size_t room);

/* Opens a gap at `at`, with the bound of the leaf that was there; closes one. */
void umd_dma_index_open_gap(struct umd_dma_index *index, size_t at);
void umd_dma_index_close_gap(struct umd_dma_index *index, size_t at);

/* Writes the hints: after it was changed. */
void umd_dma_index_write_hints(struct umd_dma_index *index);

/* The first entry whose bound is not below `key`: one of [from, to]. */
static inline size_t umd_dma_index_search_entries(const struct umd_dma_entry *entries, size_t from,
						  size_t to, uint64_t key)
{
	while (to - from > 1) {
		size_t middle = (from + to) / 2;

		if (entries[middle].bound < key)
			from = middle + 1;
		else
			to = middle;
	}
	/* As a rule there are two to choose from or one: no branch, which nobody could guess. */
	return from + (entries[from].bound < key);
}

/* The entry that a map which ends with byte `last` belongs to. */
static inline size_t umd_dma_index_search(const struct umd_dma_index *index, uint64_t last)
{
	uint64_t part;

	if (index->count == 0 || last <= index->low)
		return 0;
	part = (last - index->low) >> index->shift;
	if (part >= index->parts)
		return index->count - 1;
	return umd_dma_index_search_entries(index->entries, index->hints[part],
					    index->hints[part + 1], last);
}

#endif
