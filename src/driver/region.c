/* SPDX-License-Identifier: BSD-2-Clause */
/* Access to regions, split into the transfers that the backend takes. */
#include "driver/backend.h"

#include <errno.h>

#include "base/export.h"

/* Pieces stay multiples of 8, so that a split access does not cut registers in two. */
static size_t piece(const struct umd_driver *driver, size_t left)
{
	size_t most = driver->max_transfer & ~(size_t)7;

	return left < most ? left : most;
}

static bool can_access(const struct umd_driver *driver, unsigned int index, uint64_t offset,
		       size_t size)
{
	return index < driver->info.regions && size <= UINT64_MAX - offset;
}

UMD_EXPORT int umd_driver_region_read(struct umd_driver *driver, unsigned int index,
				      uint64_t offset, void *to, size_t size)
{
	uint8_t *bytes = to;

	if (!can_access(driver, index, offset, size))
		return -EINVAL;

	for (size_t at = 0; at < size;) {
		size_t n = piece(driver, size - at);
		int err = driver->backend->read(driver, index, offset + at, bytes + at, n);

		if (err)
			return err;
		at += n;
	}
	return 0;
}

UMD_EXPORT int umd_driver_region_write(struct umd_driver *driver, unsigned int index,
				       uint64_t offset, const void *from, size_t size)
{
	const uint8_t *bytes = from;

	if (!can_access(driver, index, offset, size))
		return -EINVAL;

	for (size_t at = 0; at < size;) {
		size_t n = piece(driver, size - at);
		int err = driver->backend->write(driver, index, offset + at, bytes + at, n);

		if (err)
			return err;
		at += n;
	}
	return 0;
}
