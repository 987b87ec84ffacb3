/* SPDX-License-Identifier: BSD-2-Clause */
/* The dirty log: which pages a device writes. */
#include "driver/backend.h"

#include <errno.h>
#include <string.h>

#include "base/export.h"
#include "base/range.h"

#define WORD_BITS 64u

static bool are_ranges(const struct umd_driver_dma_range *ranges, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (ranges[i].first > ranges[i].last ||
		    ranges[i].last - ranges[i].first == UINT64_MAX)
			return false;
	}
	return true;
}

UMD_EXPORT int umd_driver_dirty_start(struct umd_driver *driver,
				      const struct umd_driver_dma_range *ranges, unsigned int count,
				      uint64_t page_size)
{
	if (!driver->backend->start_dirty)
		return -EOPNOTSUPP;
	if (!umd_is_power_of_2(page_size) || !are_ranges(ranges, count))
		return -EINVAL;
	if (count > UMD_DRIVER_DIRTY_RANGES_MAX)
		return -E2BIG;
	return driver->backend->start_dirty(driver, ranges, count, page_size);
}

UMD_EXPORT int umd_driver_dirty_stop(struct umd_driver *driver)
{
	return driver->backend->stop_dirty ? driver->backend->stop_dirty(driver) : -EOPNOTSUPP;
}

UMD_EXPORT int umd_driver_dirty_report(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
				       uint64_t page_size, uint64_t *bitmap)
{
	uint64_t pages;

	if (!driver->backend->report_dirty)
		return -EOPNOTSUPP;
	if (!umd_is_power_of_2(page_size) || !bytes || ((iova | bytes) & (page_size - 1)) ||
	    bytes - 1 > UINT64_MAX - iova)
		return -EINVAL;

	pages = bytes / page_size;
	memset(bitmap, 0, (pages / WORD_BITS + !!(pages % WORD_BITS)) * sizeof(*bitmap));
	return driver->backend->report_dirty(driver, iova, bytes, page_size, bitmap);
}
