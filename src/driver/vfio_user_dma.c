/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA maps as vfio-user messages. A map goes with the file that its memory lies in; the server asks
 * us for the bytes of others, and of files that it cannot use (vfio_user_answer.c).
 */
#include "driver/vfio_user.h"

#include <errno.h>
#include <linux/vfio.h>

static_assert(UMD_DRIVER_DMA_READ == VFIO_DMA_MAP_FLAG_READ, "flags");
static_assert(UMD_DRIVER_DMA_WRITE == VFIO_DMA_MAP_FLAG_WRITE, "flags");

#define DIRECTIONS (UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE)

int umd_vfio_user_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
				 struct umd_driver_dma_range *ranges)
{
	struct umd_vfio_user *user = umd_vfio_user(driver);
	int err = umd_vfio_user_has_dirty(user);

	if (err < 0)
		return err;

	ranges[0] = (struct umd_driver_dma_range){.first = 0, .last = UINT64_MAX};
	*ret = (struct umd_driver_dma_limits){
		.flags = (err ? UMD_DRIVER_DMA_HAS_DIRTY : 0) |
			 (user->max_spaces ? UMD_DRIVER_DMA_HAS_PASID : 0),
		.page_sizes = driver->limits.page_sizes,
		.max_maps = driver->limits.max_dma_maps,
		.ranges = 1,
	};
	return 0;
}

int umd_vfio_user_map_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	bool by_file = dma->fd >= 0 && driver->limits.max_msg_fds;
	struct umd_wire_dma_map request = {.argsz = sizeof(request),
					   .flags = dma->flags & DIRECTIONS,
					   .offset = by_file ? dma->fd_offset : 0,
					   .address = dma->iova,
					   .size = dma->bytes};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_DMA_MAP,
		.out = {{&request, sizeof(request)}},
		.fds = &dma->fd,
		.fd_count = by_file,
	};

	if (dma->flags & UMD_DRIVER_DMA_PASID)
		return umd_vfio_user_map_pasid(driver, dma);
	return umd_vfio_user_call_exact(umd_vfio_user(driver), &call);
}

/*
 * A map that the server does not let go of would be memory that it reaches and we know nothing of:
 * that is the end of the connection.
 */
int umd_vfio_user_end_map(struct umd_vfio_user *user, int err)
{
	if (err && err != -ENODEV)
		umd_vfio_user_end(user);
	return err;
}

int umd_vfio_user_unmap_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_wire_dma_unmap reply,
		request = {.argsz = sizeof(request), .address = dma->iova, .size = dma->bytes};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_DMA_UNMAP,
		.out = {{&request, sizeof(request)}},
		.in = {{&reply, sizeof(reply)}},
	};
	int err;

	if (dma->flags & UMD_DRIVER_DMA_PASID)
		return umd_vfio_user_unmap_pasid(driver, dma);

	err = umd_vfio_user_call_exact(umd_vfio_user(driver), &call);
	if (!err && (reply.address != request.address || reply.size != request.size))
		err = -EPROTO;
	return umd_vfio_user_end_map(umd_vfio_user(driver), err);
}
