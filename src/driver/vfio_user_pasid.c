/* SPDX-License-Identifier: BSD-2-Clause */
/* Spaces of PASIDs, by the extension of docs/extensions.md: what is mapped in them has a file. */
#include "driver/vfio_user.h"

#include <errno.h>

#include "wire/pasid.h"

/* NOLINTBEGIN(misc-redundant-expression): ours are the wire's, and are to stay so */
static_assert(UMD_DRIVER_DMA_READ == UMD_WIRE_PASID_MAP_READ, "flags");
static_assert(UMD_DRIVER_DMA_WRITE == UMD_WIRE_PASID_MAP_WRITE, "flags");
/* NOLINTEND(misc-redundant-expression) */

static int call_pasid(struct umd_driver *driver, uint16_t command, uint32_t pasid)
{
	struct umd_wire_pasid request = {.argsz = sizeof(request), .pasid = pasid};
	struct umd_vfio_user_call call = {
		.command = command,
		.out = {{&request, sizeof(request)}},
	};

	return umd_vfio_user_call_exact(umd_vfio_user(driver), &call);
}

int umd_vfio_user_attach_pasid(struct umd_driver *driver, uint32_t pasid)
{
	return call_pasid(driver, UMD_WIRE_PASID_ATTACH, pasid);
}

int umd_vfio_user_detach_pasid(struct umd_driver *driver, uint32_t pasid)
{
	return umd_vfio_user_end_map(umd_vfio_user(driver),
				     call_pasid(driver, UMD_WIRE_PASID_DETACH, pasid));
}

int umd_vfio_user_map_pasid(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_wire_pasid_map request = {
		.argsz = sizeof(request),
		.flags = dma->flags & (UMD_WIRE_PASID_MAP_READ | UMD_WIRE_PASID_MAP_WRITE),
		.offset = dma->fd_offset,
		.address = dma->iova,
		.size = dma->bytes,
		.pasid = dma->pasid};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_PASID_DMA_MAP,
		.out = {{&request, sizeof(request)}},
		.fds = &dma->fd,
		.fd_count = 1,
	};

	if (dma->fd < 0 || !driver->limits.max_msg_fds)
		return -EOPNOTSUPP;
	return umd_vfio_user_call_exact(umd_vfio_user(driver), &call);
}

int umd_vfio_user_unmap_pasid(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_wire_pasid_unmap reply, request = {.argsz = sizeof(request),
						      .address = dma->iova,
						      .size = dma->bytes,
						      .pasid = dma->pasid};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_PASID_DMA_UNMAP,
		.out = {{&request, sizeof(request)}},
		.in = {{&reply, sizeof(reply)}},
	};
	int err = umd_vfio_user_call_exact(umd_vfio_user(driver), &call);

	if (!err && memcmp(&reply, &request, sizeof(request)) != 0)
		err = -EPROTO;
	return umd_vfio_user_end_map(umd_vfio_user(driver), err);
}
