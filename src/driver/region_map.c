/* SPDX-License-Identifier: BSD-2-Clause */
/* Mapping parts of regions, and keeping what is mapped where region.c finds it. */
#include "driver/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/export.h"
#include "base/range.h"

#define ACCESS (UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_WRITE)

/* ---- What may be mapped -------------------------------------------------------------------- */

/* What the region allows, of a range that lies in one of its areas; -ENOTSUP where it does not. */
static int get_access(struct umd_driver *driver, unsigned int index, uint64_t offset,
		      uint64_t bytes, unsigned int *ret)
{
	struct umd_driver_area areas[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_region region;
	int err = driver->backend->get_region(driver, index, &region, areas);

	if (err)
		return err;

	for (unsigned int i = 0; i < region.areas; i++) {
		if (offset >= areas[i].offset &&
		    umd_range_within(offset - areas[i].offset, bytes, areas[i].size)) {
			*ret = region.flags & ACCESS;
			return *ret ? 0 : -ENOTSUP;
		}
	}
	return -ENOTSUP;
}

static bool is_mapped(const struct umd_driver *driver, unsigned int index, uint64_t offset,
		      uint64_t bytes)
{
	const struct umd_driver_windows *windows = &driver->windows[index];

	for (unsigned int i = 0; i < windows->count; i++) {
		if (umd_range_overlap(windows->list[i].offset, windows->list[i].bytes, offset,
				      bytes))
			return true;
	}
	return false;
}

/* ---- Guards -------------------------------------------------------------------------------- */

static int guard_window(struct umd_driver_window *window)
{
	struct umd_driver_guard *guard = calloc(1, sizeof(*guard));
	int err = guard ? umd_dma_guard_install() : -ENOMEM;

	if (!err) {
		guard->guard = (struct umd_dma_guard){
			.base = window->address,
			.length = (size_t)window->bytes,
			.block = (size_t)sysconf(_SC_PAGESIZE),
			.writable = window->access & UMD_DRIVER_REGION_WRITE,
			.lost = &guard->lost,
		};
		err = umd_dma_guard_add(&guard->guard);
	}
	if (err)
		free(guard);
	else
		window->guard = guard;
	return err;
}

/* ---- Windows ------------------------------------------------------------------------------- */

static void unmap(struct umd_driver_window *window)
{
	if (window->guard)
		umd_dma_guard_remove(&window->guard->guard);
	free(window->guard);
	munmap(window->address, (size_t)window->bytes);
}

static int make_room(struct umd_driver *driver, unsigned int index)
{
	struct umd_driver_windows *windows;
	struct umd_driver_window *list;

	if (!driver->windows)
		driver->windows = calloc(driver->info.regions, sizeof(*driver->windows));
	if (!driver->windows)
		return -ENOMEM;

	windows = &driver->windows[index];
	list = realloc(windows->list, (windows->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	windows->list = list;
	return 0;
}

static void insert(struct umd_driver_windows *windows, const struct umd_driver_window *window)
{
	unsigned int at = windows->count++;

	for (; at > 0 && windows->list[at - 1].offset > window->offset; at--)
		windows->list[at] = windows->list[at - 1];
	windows->list[at] = *window;
}

static int map(struct umd_driver *driver, unsigned int index, struct umd_driver_window *window)
{
	int prot = (window->access & UMD_DRIVER_REGION_READ ? PROT_READ : 0) |
		   (window->access & UMD_DRIVER_REGION_WRITE ? PROT_WRITE : 0);
	void *address;
	int err = driver->backend->map_region(driver, index, window->offset, (size_t)window->bytes,
					      prot, &address);

	if (err)
		return err;

	window->address = address;
	err = driver->guards ? guard_window(window) : 0;
	if (err)
		munmap(address, (size_t)window->bytes);
	return err;
}

UMD_EXPORT int umd_driver_region_map(struct umd_driver *driver, unsigned int index, uint64_t offset,
				     uint64_t bytes, volatile void **ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct umd_driver_window window = {.offset = offset, .bytes = bytes};
	int err;

	if (index >= driver->info.regions || !bytes || offset % page || bytes % page ||
	    bytes > UINT64_MAX - offset)
		return -EINVAL;
	if (driver->gone)
		return -ENODEV;
	if (!driver->backend->map_region || bytes > SIZE_MAX)
		return -ENOTSUP;

	err = get_access(driver, index, offset, bytes, &window.access);
	if (!err)
		err = make_room(driver, index);
	if (!err && is_mapped(driver, index, offset, bytes))
		err = -EBUSY;
	if (!err)
		err = map(driver, index, &window);
	if (err)
		return err;

	insert(&driver->windows[index], &window);
	*ret = window.address;
	return 0;
}

static int unmap_in(struct umd_driver_windows *windows, volatile void *address)
{
	for (unsigned int i = 0; i < windows->count; i++) {
		if (windows->list[i].address != address)
			continue;
		unmap(&windows->list[i]);
		windows->count--;
		memmove(windows->list + i, windows->list + i + 1,
			(windows->count - i) * sizeof(*windows->list));
		return 0;
	}
	return -EINVAL;
}

UMD_EXPORT int umd_driver_region_unmap(struct umd_driver *driver, volatile void *address)
{
	for (unsigned int i = 0; driver->windows && i < driver->info.regions; i++) {
		if (unmap_in(&driver->windows[i], address) == 0)
			return 0;
	}
	return -EINVAL;
}

void umd_driver_regions_finish(struct umd_driver *driver)
{
	for (unsigned int i = 0; driver->windows && i < driver->info.regions; i++) {
		struct umd_driver_windows *windows = &driver->windows[i];

		for (unsigned int j = 0; j < windows->count; j++)
			unmap(&windows->list[j]);
		free(windows->list);
	}
	free(driver->windows);
	driver->windows = NULL;
}
