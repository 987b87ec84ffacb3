/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules are the kernel's (vfio_ioctl_device_feature_logging_start() and _report() in
 * drivers/vfio/vfio_main.c). Ranges are sorted, and each has words of its own in one bitmap, whose
 * memory appears as bits are set.
 */
#include "dma/dirty.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"

#define PAGE	  ((uint64_t)UMD_DMA_DIRTY_PAGE)
#define WORD_BITS 64u

struct logged {
	uint64_t iova, last;
	uint64_t *words; /* bit n: the page at iova + n * PAGE */
};

struct umd_dma_log {
	struct umd_dma_retired retired;
	size_t count;
	bool all;		/* writes outside the ranges count, too */
	bool outside;		/* and there was one */
	struct logged ranges[]; /* ascending; their words come behind them */
};

/* ---- Starting and stopping ----------------------------------------------------------------- */

static int check_range(const struct umd_dma_range *range, uint64_t page_size)
{
	if (!range->size || (range->iova | range->size) & (page_size - 1))
		return -EINVAL;
	return range->iova > UINT64_MAX - (range->size - 1) ? -EOVERFLOW : 0;
}

static int check_ranges(const struct umd_dma_range *ranges, size_t count, uint64_t page_size)
{
	if (!umd_is_power_of_2(page_size) || !count)
		return -EINVAL;
	if (count > UMD_DMA_DIRTY_RANGES_MAX)
		return -E2BIG;
	if (page_size < PAGE)
		page_size = PAGE;
	for (size_t i = 0; i < count; i++) {
		int err = check_range(&ranges[i], page_size);

		if (err)
			return err;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct logged *x = a, *y = b;

	return (x->iova > y->iova) - (x->iova < y->iova);
}

static int sort_ranges(struct umd_dma_log *log)
{
	qsort(log->ranges, log->count, sizeof(log->ranges[0]), compare);
	for (size_t i = 1; i < log->count; i++) {
		if (log->ranges[i].iova <= log->ranges[i - 1].last)
			return -EINVAL;
	}
	return 0;
}

static size_t log_size(size_t ranges)
{
	return sizeof(struct umd_dma_log) + ranges * sizeof(struct logged);
}

static uint64_t words_of(const struct logged *range)
{
	return (range->last - range->iova) / PAGE / WORD_BITS + 1;
}

/* Grows a log by the words of its ranges. */
static int add_bitmap(struct umd_dma_log **log)
{
	size_t size = log_size((*log)->count);
	uint64_t pages = 0, words = 0;
	struct umd_dma_log *grown;

	for (size_t i = 0; i < (*log)->count; i++) {
		const struct logged *range = &(*log)->ranges[i];

		pages += (range->last - range->iova) / PAGE + 1;
		if (pages > UMD_DMA_DIRTY_PAGES_MAX)
			return -ENOSPC;
		words += words_of(range);
	}
	grown = calloc(1, size + words * sizeof(uint64_t));
	if (!grown)
		return -ENOMEM;

	memcpy(grown, *log, size);
	free(*log);
	*log = grown;
	words = 0;
	for (size_t i = 0; i < grown->count; i++) {
		grown->ranges[i].words = (uint64_t *)(void *)((uint8_t *)grown + size) + words;
		words += words_of(&grown->ranges[i]);
	}
	return 0;
}

static struct umd_dma_log *make_log(size_t room)
{
	return calloc(1, log_size(room));
}

static void add_range(struct umd_dma_log *log, uint64_t iova, uint64_t size)
{
	log->ranges[log->count++] = (struct logged){.iova = iova, .last = iova + (size - 1)};
}

/* Takes over a log with its ranges. */
static int run_log(struct umd_dma_dirty *dirty, struct umd_dma_log *log)
{
	int err = sort_ranges(log);

	if (!err)
		err = add_bitmap(&log);
	if (err) {
		free(log);
		return err;
	}
	__atomic_store_n(&dirty->log, log, __ATOMIC_RELEASE);
	return 0;
}

int umd_dma_dirty_start(struct umd_dma_dirty *dirty, const struct umd_dma_range *ranges,
			size_t count, uint64_t page_size)
{
	int err = dirty->log ? -EINVAL : check_ranges(ranges, count, page_size);
	struct umd_dma_log *log;

	if (err)
		return err;

	log = make_log(count);
	if (!log)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		add_range(log, ranges[i].iova, ranges[i].size);
	return run_log(dirty, log);
}

int umd_dma_dirty_start_all(struct umd_dma_dirty *dirty, const struct umd_dma_table *table,
			    uint64_t page_size)
{
	struct umd_dma_place place;
	const struct umd_dma_map *map;
	struct umd_dma_log *log;

	if (dirty->log || !umd_is_power_of_2(page_size))
		return -EINVAL;

	log = make_log(table->count);
	if (!log)
		return -ENOMEM;
	log->all = true;
	for (map = umd_dma_table_find(table, 0, &place); map;
	     map = umd_dma_table_next(table, &place)) {
		if (map->base && (map->prot & UMD_DMA_WRITE))
			add_range(log, map->iova, map->size);
	}
	return run_log(dirty, log);
}

/* Logs are large, so that one does not wait for others to be freed together with. */
static void retire(struct umd_dma_epochs *epochs, struct umd_dma_log *log)
{
	umd_dma_epochs_retire(epochs, &log->retired);
	umd_dma_epochs_collect(epochs);
}

void umd_dma_dirty_stop(struct umd_dma_dirty *dirty)
{
	struct umd_dma_log *log = dirty->log;

	if (!log)
		return;
	__atomic_store_n(&dirty->log, NULL, __ATOMIC_RELEASE);
	if (dirty->epochs)
		retire(dirty->epochs, log);
	else
		free(log);
}

/* ---- Pages of a range ---------------------------------------------------------------------- */

/* The index of the first range that ends at or behind `iova`. */
static size_t find(const struct umd_dma_log *log, uint64_t iova)
{
	size_t low = 0, high = log->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->ranges[middle].last < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What of a range lies in [iova, last], which reaches into it. */
static struct logged clip(const struct logged *range, uint64_t iova, uint64_t last)
{
	return (struct logged){.iova = iova > range->iova ? iova : range->iova,
			       .last = last < range->last ? last : range->last};
}

/* The bits from page `first` to page `last` that lie in a word. */
static uint64_t mask_of(uint64_t word, uint64_t first, uint64_t last)
{
	uint64_t mask = UINT64_MAX;

	if (word == first / WORD_BITS)
		mask &= UINT64_MAX << first % WORD_BITS;
	if (word == last / WORD_BITS)
		mask &= UINT64_MAX >> (WORD_BITS - 1 - last % WORD_BITS);
	return mask;
}

/* ---- Marking ------------------------------------------------------------------------------- */

static void mark_part(const struct logged *range, const struct logged *part)
{
	uint64_t first = (part->iova - range->iova) / PAGE;
	uint64_t last = (part->last - range->iova) / PAGE;

	for (uint64_t word = first / WORD_BITS; word <= last / WORD_BITS; word++)
		__atomic_fetch_or(&range->words[word], mask_of(word, first, last),
				  __ATOMIC_RELEASE);
}

void umd_dma_dirty_mark_logged(struct umd_dma_dirty *dirty, uint64_t iova, uint64_t size)
{
	struct umd_dma_log *log = __atomic_load_n(&dirty->log, __ATOMIC_ACQUIRE);
	uint64_t last = iova + (size - 1), inside = 0;

	if (!log)
		return;
	for (size_t i = find(log, iova); i < log->count && log->ranges[i].iova <= last; i++) {
		struct logged part = clip(&log->ranges[i], iova, last);

		mark_part(&log->ranges[i], &part);
		inside += part.last - part.iova + 1;
	}
	if (inside != size)
		__atomic_store_n(&log->outside, true, __ATOMIC_RELEASE);
}

/* ---- Reporting ----------------------------------------------------------------------------- */

struct report {
	uint64_t iova, last;
	unsigned int shift; /* the page size is 1 << shift */
	uint8_t *bitmap;
};

static struct report make_report(const struct umd_dma_range *range, uint64_t page_size,
				 uint8_t *bitmap)
{
	return (struct report){.iova = range->iova,
			       .last = range->iova + (range->size - 1),
			       .shift = (unsigned int)__builtin_ctzll(page_size),
			       .bitmap = bitmap};
}

/* Sets the bits of the pages in which [iova, last] lies. The bitmap may stand at any address. */
static void report_bytes(const struct report *report, uint64_t iova, uint64_t last)
{
	uint64_t first_bit = (iova - report->iova) >> report->shift;
	uint64_t last_bit = (last - report->iova) >> report->shift;

	for (uint64_t at = first_bit / WORD_BITS; at <= last_bit / WORD_BITS; at++) {
		uint64_t word;

		memcpy(&word, report->bitmap + at * sizeof(word), sizeof(word));
		word |= mask_of(at, first_bit, last_bit);
		memcpy(report->bitmap + at * sizeof(word), &word, sizeof(word));
	}
}

/* Run by run of bits, so that much that is dirty costs little more than what is clean. */
static void report_word(const struct report *report, uint64_t iova, uint64_t bits)
{
	while (bits) {
		uint64_t page = iova + (uint64_t)__builtin_ctzll(bits) * PAGE;
		uint64_t left = bits & (bits + (bits & -bits)); /* without the lowest run */
		uint64_t size = (uint64_t)__builtin_popcountll(bits ^ left) * PAGE;

		report_bytes(report, page, page + (size - 1));
		bits = left;
	}
}

/* Most words are 0, and are only read, so that they take no memory. */
static void report_part(const struct report *report, const struct logged *range,
			const struct logged *part)
{
	uint64_t first = (part->iova - range->iova) / PAGE;
	uint64_t last = (part->last - range->iova) / PAGE;

	for (uint64_t word = first / WORD_BITS; word <= last / WORD_BITS; word++) {
		uint64_t mask = mask_of(word, first, last);

		if (!(__atomic_load_n(&range->words[word], __ATOMIC_RELAXED) & mask))
			continue;
		report_word(report, range->iova + word * WORD_BITS * PAGE,
			    __atomic_fetch_and(&range->words[word], ~mask, __ATOMIC_ACQUIRE) &
				    mask);
	}
}

/* What lies between the ranges. */
static void report_outside(const struct report *report, const struct umd_dma_log *log)
{
	uint64_t at = report->iova;

	for (size_t i = find(log, at); i < log->count; i++) {
		const struct logged *range = &log->ranges[i];

		if (range->iova > report->last)
			break;
		if (range->iova > at)
			report_bytes(report, at, range->iova - 1);
		if (range->last >= report->last)
			return;
		at = range->last + 1;
	}
	report_bytes(report, at, report->last);
}

int umd_dma_dirty_check(const struct umd_dma_dirty *dirty, const struct umd_dma_range *range,
			uint64_t page_size)
{
	if (!dirty->log || page_size < PAGE || !umd_is_power_of_2(page_size))
		return -EINVAL;
	return check_range(range, PAGE);
}

uint64_t umd_dma_dirty_bitmap_size(const struct umd_dma_range *range, uint64_t page_size)
{
	return ((range->size - 1) / page_size / WORD_BITS + 1) * sizeof(uint64_t);
}

void umd_dma_dirty_keep(struct umd_dma_dirty *dirty, const struct umd_dma_range *range,
			uint64_t page_size, uint8_t *bitmap, uint64_t iova, uint64_t size)
{
	const struct umd_dma_log *log = dirty->log;
	const struct report report = make_report(range, page_size, bitmap);
	uint64_t last = iova + (size - 1);

	for (size_t i = find(log, iova); i < log->count && log->ranges[i].iova <= last; i++) {
		struct logged part = clip(&log->ranges[i], iova, last);

		mark_part(&log->ranges[i], &part);
		if (part.iova > report.last || part.last < report.iova)
			continue;
		part = clip(&part, report.iova, report.last);
		report_bytes(&report, part.iova, part.last);
	}
}

void umd_dma_dirty_report(struct umd_dma_dirty *dirty, const struct umd_dma_range *range,
			  uint64_t page_size, uint8_t *bitmap)
{
	const struct umd_dma_log *log = dirty->log;
	const struct report report = make_report(range, page_size, bitmap);

	memset(bitmap, 0, umd_dma_dirty_bitmap_size(range, page_size));
	for (size_t i = find(log, report.iova);
	     i < log->count && log->ranges[i].iova <= report.last; i++) {
		struct logged part = clip(&log->ranges[i], report.iova, report.last);

		report_part(&report, &log->ranges[i], &part);
	}
	if (log->all && __atomic_load_n(&log->outside, __ATOMIC_ACQUIRE))
		report_outside(&report, log);
}
