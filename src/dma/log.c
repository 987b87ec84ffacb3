/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log of a space whose pins write for as long as they last.
 *
 * A pin that writes is marked when it is made, and again after each report that finds it: so what
 * it wrote up to its end is in a report made after that. A log that starts marks the pins there
 * are; a pin that this misses, since it is being made, sees the log: each side looks behind a
 * fence.
 */
#include "dma/space.h"

static void mark_pin(void *data, uint64_t iova, uint64_t size)
{
	struct umd_dma_space *space = data;

	umd_dma_dirty_mark(&space->dirty, iova, size);
}

int umd_dma_space_start_log(struct umd_dma_space *space, const struct umd_dma_range *ranges,
			    size_t count, uint64_t page_size)
{
	int err = count ? umd_dma_dirty_start(&space->dirty, ranges, count, page_size)
			: umd_dma_dirty_start_all(&space->dirty, &space->table, page_size);

	if (err)
		return err;
	umd_dma_epochs_fence(&space->table.epochs);
	umd_dma_pins_tell_writing(&space->pins, mark_pin, space);
	return 0;
}

void umd_dma_space_stop_log(struct umd_dma_space *space)
{
	umd_dma_dirty_stop(&space->dirty);
}

struct report {
	struct umd_dma_dirty *dirty;
	const struct umd_dma_range *range;
	uint64_t page_size;
	uint8_t *bitmap;
};

static void keep_pin(void *data, uint64_t iova, uint64_t size)
{
	const struct report *report = data;

	umd_dma_dirty_keep(report->dirty, report->range, report->page_size, report->bitmap, iova,
			   size);
}

void umd_dma_space_report_log(struct umd_dma_space *space, const struct umd_dma_range *range,
			      uint64_t page_size, uint8_t *bitmap)
{
	struct report report = {&space->dirty, range, page_size, bitmap};

	umd_dma_dirty_report(&space->dirty, range, page_size, bitmap);
	umd_dma_pins_tell_writing(&space->pins, keep_pin, &report);
}
