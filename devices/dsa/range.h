/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A range of a space's memory for as long as a visit: what of it is there, as segments, and a walk
 * along these. Between umd_dma_enter() and umd_dma_leave() only.
 */
#ifndef DSA_RANGE_H
#define DSA_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

/* How much a visit does at most. Maps have 4 KiB or more: so many can be in such a range. */
#define DSA_PIECE    ((size_t)512 << 10)
#define DSA_SEGMENTS (DSA_PIECE / 4096 + 3)

struct dsa_range {
	uint64_t iova; /* of the first segment */
	size_t size;   /* what was asked for */
	uint32_t prot;

	size_t there; /* bytes from the range's beginning, or end, up to the first that is not */
	unsigned int count;
	unsigned int at; /* the walk: the segment, and the byte in it */
	size_t offset;
	struct umd_dma_segment segments[DSA_SEGMENTS];
};

/* The slow half of the next one. */
void dsa_range_find_part(struct dsa_range *range, struct umd_dma_reader *reader, uint64_t base);

/*
 * Finds the memory of [base + offset, base + offset + size - 1], of at most DSA_PIECE + 4112 bytes,
 * from its beginning. Nothing is there beyond the end of the address space.
 */
static inline void dsa_range_find(struct dsa_range *range, struct umd_dma_reader *reader,
				  uint64_t base, uint64_t offset, size_t size, uint32_t prot)
{
	uint64_t iova = base + offset;
	int count = iova < base ? -1
				: umd_dma_resolve(reader, iova, size, prot, range->segments,
						  DSA_SEGMENTS);

	range->iova = iova;
	range->size = size;
	range->prot = prot;
	range->at = 0;
	range->offset = 0;
	range->there = size;
	range->count = (unsigned int)count;
	if (__builtin_expect(count < 0, 0))
		dsa_range_find_part(range, reader, base);
}

/* The same from its end: what is there ends where the range does. The range does not wrap. */
void dsa_range_find_end(struct dsa_range *range, struct umd_dma_reader *reader, uint64_t iova,
			size_t size, uint32_t prot);

/* Where the walk is, and how much lies together there. Not at the end. */
static inline uint8_t *dsa_range_here(const struct dsa_range *range, size_t *ret_size)
{
	const struct umd_dma_segment *segment = &range->segments[range->at];

	*ret_size = segment->size - range->offset;
	return segment->base + range->offset;
}

static inline void dsa_range_skip(struct dsa_range *range, size_t size)
{
	while (size) {
		size_t left = range->segments[range->at].size - range->offset;

		if (size < left) {
			range->offset += size;
			return;
		}
		size -= left;
		range->at++;
		range->offset = 0;
	}
}

/* Copies from where the walk is, or to it, and walks on. */
void dsa_range_get(struct dsa_range *range, uint8_t *to, size_t size);
void dsa_range_put(struct dsa_range *range, const uint8_t *from, size_t size);

/*
 * To be asked after the memory was used. False: some of it was taken away meanwhile; this is the
 * first address of that.
 */
bool dsa_range_lasted(const struct dsa_range *range, uint64_t *ret_lost);

#endif
