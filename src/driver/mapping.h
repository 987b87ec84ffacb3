/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a device's regions is mapped into this process: a sorted array of windows for each
 * region, looked through at each access to a register (region.c).
 */
#ifndef UMD_DRIVER_MAPPING_H
#define UMD_DRIVER_MAPPING_H

#include "dma/guard.h"
#include "driver/backend.h"

/* Memory whose owner may cut it short (UMD_DRIVER_GUARD_REGIONS). It stays where it is. */
struct umd_driver_guard {
	struct umd_dma_guard guard;
	bool lost;
};

struct umd_driver_window {
	uint64_t offset, bytes; /* in the region; at least a page */
	uint8_t *address;
	unsigned int access; /* UMD_DRIVER_REGION_READ, _WRITE */
	struct umd_driver_guard *guard;
};

/* The windows of a region, by their offsets; none overlap. */
struct umd_driver_windows {
	struct umd_driver_window *list;
	unsigned int count;
};

/* Where all of a register is mapped with this access; NULL where it is not. */
static inline const struct umd_driver_window *
umd_driver_find_window(const struct umd_driver *driver, unsigned int index, uint64_t offset,
		       size_t size, unsigned int access)
{
	const struct umd_driver_window *window;
	unsigned int count, half;

	if (!driver->windows || index >= driver->info.regions)
		return NULL;

	window = driver->windows[index].list;
	for (count = driver->windows[index].count; count > 1; count -= half) {
		half = count / 2;
		window = window[half].offset <= offset ? window + half : window;
	}
	if (!count || offset - window->offset > window->bytes - size || !(window->access & access))
		return NULL;
	return window;
}

/* Unmaps everything. */
void umd_driver_regions_finish(struct umd_driver *driver);

#endif
