/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA of a device of this process: the driver's memory in the device's spaces, by its file where it
 * lies in one, else by its address. The space of a PASID is there for as long as maps are in it.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "device/pasid.h"
#include "driver/events.h"
#include "driver/fake.h"

/* ---- Waiting for those who use what was unmapped ------------------------------------------- */

static void woken(void *data, uint32_t events)
{
}

/*
 * Until a space is quiet. Who does not let go of memory in time loses it, and the device with him
 * what it was at, as with a server.
 */
static void drain(struct umd_fake *fake, struct umd_dma_space *space)
{
	uint64_t mark = umd_dma_space_mark(space), deadline = umd_fake_deadline(fake);
	struct umd_watch *watch = NULL;
	bool quiet = umd_dma_space_is_quiet(space, mark);

	if (quiet)
		return;

	if (umd_poller_watch_fd(&fake->device->poller, umd_dma_space_fd(space), EPOLLIN | EPOLLET,
				woken, NULL, &watch) == 0) {
		while (!quiet && fake->device && umd_now_ns() < deadline) {
			umd_fake_wait(fake, deadline);
			quiet = !fake->device || umd_dma_space_is_quiet(space, mark);
		}
	}
	umd_watch_destroy(watch);
	if (quiet)
		return;
	umd_dma_space_give_up(space);
	if (!umd_dma_space_is_quiet(space, mark))
		umd_device_reset(fake->device);
	umd_dma_space_revoke(space);
}

void umd_fake_drain_all(struct umd_fake *fake)
{
	drain(fake, &fake->device->space);
	for (unsigned int i = 0;
	     fake->device && fake->device->pasids && i < fake->device->pasids->count; i++)
		drain(fake, &fake->device->pasids->attached[i]->space);
}

/* ---- Maps ---------------------------------------------------------------------------------- */

int umd_fake_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
			    struct umd_driver_dma_range *ranges)
{
	const struct umd_device *device = umd_fake(driver)->device;

	if (!device)
		return -ENODEV;

	*ret = (struct umd_driver_dma_limits){.size = sizeof(*ret),
					      .flags = UMD_DRIVER_DMA_HAS_DIRTY,
					      .page_sizes = driver->limits.page_sizes,
					      .max_maps = driver->limits.max_dma_maps,
					      .ranges = 1};
	if (device->pasids)
		ret->flags |= UMD_DRIVER_DMA_HAS_PASID;
	ranges[0] = (struct umd_driver_dma_range){0, UINT64_MAX};
	return 0;
}

/* The space that a map belongs to, made where it is that of a PASID. */
static int find_space(struct umd_device *device, const struct umd_driver_dma *dma, bool make,
		      struct umd_dma_space **ret)
{
	int err = 0;

	if (!(dma->flags & UMD_DRIVER_DMA_PASID)) {
		*ret = &device->space;
		return 0;
	}
	if (!device->pasids)
		return -EOPNOTSUPP;
	*ret = umd_pasid_find(device, dma->pasid);
	if (!*ret && make) {
		err = umd_pasid_attach(device, dma->pasid);
		*ret = err ? NULL : umd_pasid_find(device, dma->pasid);
	}
	if (err)
		return err;
	return *ret ? 0 : -ENOENT;
}

/* The space of a PASID goes with its last map. */
static void leave_space(struct umd_fake *fake, struct umd_dma_space *space)
{
	if (space == &fake->device->space || space->table.count)
		return;
	if (umd_pasid_detach(fake->device, umd_dma_space_owner(space), &space) == 0)
		drain(fake, space);
}

int umd_fake_map_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_fake *fake = umd_fake(driver);
	struct umd_dma_source source = {.kind = dma->fd >= 0 ? UMD_DMA_BY_FD : UMD_DMA_BY_ADDRESS,
					.fd = dma->fd,
					.offset = dma->fd_offset,
					.address = dma->address};
	uint32_t prot = (dma->flags & UMD_DRIVER_DMA_READ ? UMD_DMA_READ : 0) |
			(dma->flags & UMD_DRIVER_DMA_WRITE ? UMD_DMA_WRITE : 0);
	struct umd_dma_space *space;
	int err = umd_fake_begin(fake);

	if (!err && umd_unplug_is_gone(fake->device))
		err = -ENODEV;
	if (err == -ENODEV)
		umd_driver_events_gone(driver);
	if (!err)
		err = find_space(fake->device, dma, true, &space);
	if (err)
		return err;

	err = umd_dma_space_map(space, dma->iova, dma->bytes, prot, &source);
	if (err)
		leave_space(fake, space);
	return err;
}

int umd_fake_unmap_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_fake *fake = umd_fake(driver);
	struct umd_dma_space *space;
	int err = umd_fake_begin(fake);

	if (!err)
		err = find_space(fake->device, dma, false, &space);
	if (!err)
		err = umd_dma_space_unmap(space, dma->iova, dma->bytes);
	if (err)
		return err;

	drain(fake, space);
	if (fake->device)
		leave_space(fake, space);
	return 0;
}

/* ---- The dirty log ------------------------------------------------------------------------- */

/* It is of addresses of the device's own space, so there is none beside PASIDs. */
int umd_fake_start_dirty(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			 unsigned int count, uint64_t page_size)
{
	struct umd_fake *fake = umd_fake(driver);
	struct umd_dma_range logged[UMD_DMA_DIRTY_RANGES_MAX];
	int err = umd_fake_begin(fake);

	if (err)
		return err;
	if (fake->device->pasids && fake->device->pasids->count)
		return -EBUSY;
	if (count > UMD_DMA_DIRTY_RANGES_MAX)
		return -E2BIG;

	for (unsigned int i = 0; i < count; i++) {
		if (ranges[i].last < ranges[i].first)
			return -EINVAL;
		if (ranges[i].last - ranges[i].first == UINT64_MAX)
			return -ENOSPC;
		logged[i] = (struct umd_dma_range){ranges[i].first,
						   ranges[i].last - ranges[i].first + 1};
	}
	return umd_dma_space_start_log(&fake->device->space, logged, count, page_size);
}

int umd_fake_stop_dirty(struct umd_driver *driver)
{
	struct umd_fake *fake = umd_fake(driver);
	int err = umd_fake_begin(fake);

	if (!err)
		umd_dma_space_stop_log(&fake->device->space);
	return err;
}

int umd_fake_report_dirty(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			  uint64_t page_size, uint64_t *bitmap)
{
	struct umd_fake *fake = umd_fake(driver);
	struct umd_dma_range range = {iova, bytes};
	int err = umd_fake_begin(fake);

	if (!err)
		err = umd_dma_dirty_check(&fake->device->space.dirty, &range, page_size);
	if (!err)
		umd_dma_space_report_log(&fake->device->space, &range, page_size,
					 (uint8_t *)bitmap);
	return err;
}
