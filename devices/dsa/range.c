/* SPDX-License-Identifier: BSD-2-Clause */
#include "range.h"

#include <string.h>

#define PAGE 4096u

static int find(struct dsa_range *range, struct umd_dma_reader *reader, uint64_t iova, size_t size)
{
	return umd_dma_resolve(reader, iova, size, range->prot, range->segments, DSA_SEGMENTS);
}

/* What of the range's first, or last, `pages` pages, in bytes; a page may be cut by the range. */
static size_t bytes_of(const struct dsa_range *range, size_t pages, bool from_end)
{
	uint64_t edge = from_end ? range->iova + range->size : range->iova;
	size_t cut = (size_t)(from_end ? 0 - edge : edge) % PAGE;
	size_t bytes = pages * PAGE - cut;

	if (!pages)
		return 0;
	return bytes < range->size ? bytes : range->size;
}

static uint64_t part_at(const struct dsa_range *range, size_t bytes, bool from_end)
{
	return from_end ? range->iova + (range->size - bytes) : range->iova;
}

/* Of a range that is not there as a whole. If a part is there, so are smaller ones: bisects. */
static void find_part(struct dsa_range *range, struct umd_dma_reader *reader, bool from_end)
{
	size_t good = 0, bad = range->size / PAGE + 2;
	int count = 0;

	while (bad - good > 1) {
		size_t middle = good + (bad - good) / 2, bytes = bytes_of(range, middle, from_end);

		if (find(range, reader, part_at(range, bytes, from_end), bytes) < 0)
			bad = middle;
		else
			good = middle;
	}
	range->there = bytes_of(range, good, from_end);
	if (good)
		count = find(range, reader, part_at(range, range->there, from_end), range->there);
	if (count <= 0)
		range->there = 0;
	range->count = count > 0 ? (unsigned int)count : 0;
	range->iova = part_at(range, range->there, from_end);
}

void dsa_range_find_part(struct dsa_range *range, struct umd_dma_reader *reader, uint64_t base)
{
	if (range->iova >= base) {
		find_part(range, reader, false);
		return;
	}
	range->there = 0;
	range->count = 0;
}

void dsa_range_find_end(struct dsa_range *range, struct umd_dma_reader *reader, uint64_t iova,
			size_t size, uint32_t prot)
{
	int count = umd_dma_resolve(reader, iova, size, prot, range->segments, DSA_SEGMENTS);

	range->iova = iova;
	range->size = size;
	range->prot = prot;
	range->at = 0;
	range->offset = 0;
	range->there = size;
	range->count = (unsigned int)count;
	if (count < 0)
		find_part(range, reader, true);
}

void dsa_range_get(struct dsa_range *range, uint8_t *to, size_t size)
{
	while (size) {
		size_t run;
		const uint8_t *from = dsa_range_here(range, &run);

		if (run > size)
			run = size;
		memcpy(to, from, run);
		dsa_range_skip(range, run);
		to += run;
		size -= run;
	}
}

void dsa_range_put(struct dsa_range *range, const uint8_t *from, size_t size)
{
	while (size) {
		size_t run;
		uint8_t *to = dsa_range_here(range, &run);

		if (run > size)
			run = size;
		memcpy(to, from, run);
		dsa_range_skip(range, run);
		from += run;
		size -= run;
	}
}

bool dsa_range_lasted(const struct dsa_range *range, uint64_t *ret_lost)
{
	uint64_t iova = range->iova;

	if (umd_dma_check(range->segments, range->count) == 0)
		return true;
	for (unsigned int i = 0; i < range->count; i++) {
		if (umd_dma_check(&range->segments[i], 1) < 0)
			break;
		iova += range->segments[i].size;
	}
	*ret_lost = iova;
	return false;
}
