/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log: which of its pages the device has written since the client last asked. A bit
 * stands for a page of 4 KiB of a logged range; a report reads and clears bits, and puts them
 * together to whatever page size the client counts in.
 *
 * Any thread may mark pages while reports are made and logs start and end; a reader does so inside
 * (dma/reader.h).
 */
#ifndef UMD_DMA_DIRTY_H
#define UMD_DMA_DIRTY_H

#include <stddef.h>
#include <stdint.h>

#include "dma/table.h"

#define UMD_DMA_DIRTY_PAGE	 4096u	    /* bytes that one bit stands for */
#define UMD_DMA_DIRTY_RANGES_MAX 256u	    /* as in the kernel: what fits into a page */
#define UMD_DMA_DIRTY_PAGES_MAX	 (1u << 29) /* of all ranges: 2 TiB, a bitmap of 64 MiB */

struct umd_dma_range {
	uint64_t iova, size; /* bytes; iova + size - 1 does not wrap */
};

struct umd_dma_log;

struct umd_dma_dirty {
	struct umd_dma_log *log;       /* NULL: none runs */
	struct umd_dma_epochs *epochs; /* of those who mark; NULL: there is one thread */
};

/*
 * Starts to log writes to ranges.
 *
 * @param page_size of which the ranges have to be multiples, a power of two; pages smaller than
 *                  ours are taken for ours
 * @return 0; -EINVAL for no range, ranges that overlap or are misaligned, and while a log runs;
 *         -EOVERFLOW for one that wraps; -E2BIG beyond UMD_DMA_DIRTY_RANGES_MAX; -ENOSPC beyond
 *         UMD_DMA_DIRTY_PAGES_MAX; -ENOMEM
 */
int umd_dma_dirty_start(struct umd_dma_dirty *dirty, const struct umd_dma_range *ranges,
			size_t count, uint64_t page_size);

/*
 * Starts to log all writes. Each map of now that can be written is a range; of a write elsewhere,
 * to what is mapped later, it is only remembered that there was one, and then everything outside
 * the ranges is reported as written until the log ends. Returns as umd_dma_dirty_start().
 */
int umd_dma_dirty_start_all(struct umd_dma_dirty *dirty, const struct umd_dma_table *table,
			    uint64_t page_size);

/* Ends the log; there may be none. */
void umd_dma_dirty_stop(struct umd_dma_dirty *dirty);

/*
 * 0 where a report can be made: of a range of whole pages of ours, in a page size that is a power
 * of two and no smaller than ours. -EINVAL, also where no log runs; -EOVERFLOW where it wraps.
 */
int umd_dma_dirty_check(const struct umd_dma_dirty *dirty, const struct umd_dma_range *range,
			uint64_t page_size);

/* Bytes of the bitmap of a range that can be reported: 64-bit words, a bit for each page. */
uint64_t umd_dma_dirty_bitmap_size(const struct umd_dma_range *range, uint64_t page_size);

/*
 * Reports and clears what was written in a range that has passed umd_dma_dirty_check(). Bit n of
 * the bitmap, in words of the host's byte order, is the page at range->iova + n * page_size. Pages
 * outside the logged ranges are clean.
 */
void umd_dma_dirty_report(struct umd_dma_dirty *dirty, const struct umd_dma_range *range,
			  uint64_t page_size, uint8_t *bitmap);

/*
 * Of what is still being written when a report has been made, pages in a range: they are in the
 * report, too, and stay marked for the next one. [iova, iova + size - 1] may reach anywhere.
 */
void umd_dma_dirty_keep(struct umd_dma_dirty *dirty, const struct umd_dma_range *range,
			uint64_t page_size, uint8_t *bitmap, uint64_t iova, uint64_t size);

/* What umd_dma_dirty_mark() does while a log runs. */
void umd_dma_dirty_mark_logged(struct umd_dma_dirty *dirty, uint64_t iova, uint64_t size);

/*
 * Marks pages, after they were written: a report between the two may miss the bytes, but then the
 * next one has the page. `size` is not 0, and iova + size - 1 does not wrap.
 */
static inline void umd_dma_dirty_mark(struct umd_dma_dirty *dirty, uint64_t iova, uint64_t size)
{
	if (__builtin_expect(!!__atomic_load_n(&dirty->log, __ATOMIC_RELAXED), 0))
		umd_dma_dirty_mark_logged(dirty, iova, size);
}

#endif
