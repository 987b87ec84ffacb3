/* SPDX-License-Identifier: BSD-2-Clause */
/* What a vfio-user server says about its device and its regions. */
#include "driver/vfio_user.h"

#include <errno.h>

#include "base/foreign.h"
#include "base/range.h"

/* NOLINTBEGIN(misc-redundant-expression): ours are the wire's, and are to stay so */
static_assert(UMD_DRIVER_RESET == UMD_WIRE_DEVICE_FLAG_RESET, "flags");
static_assert(UMD_DRIVER_PCI == UMD_WIRE_DEVICE_FLAG_PCI, "flags");
static_assert(UMD_DRIVER_REGION_READ == UMD_WIRE_REGION_FLAG_READ, "flags");
static_assert(UMD_DRIVER_REGION_WRITE == UMD_WIRE_REGION_FLAG_WRITE, "flags");
static_assert(UMD_DRIVER_REGION_MMAP == UMD_WIRE_REGION_FLAG_MMAP, "flags");
/* NOLINTEND(misc-redundant-expression) */

#define DEVICE_FLAGS (UMD_DRIVER_RESET | UMD_DRIVER_PCI)
#define REGION_FLAGS (UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_WRITE | UMD_DRIVER_REGION_MMAP)

/* A region's description with its capabilities, as many as we ask for. */
struct region_reply {
	struct umd_wire_region_info info;
	uint8_t caps[sizeof(struct umd_wire_sparse_mmap) +
		     UMD_DRIVER_AREAS_MAX * sizeof(struct umd_wire_area)];
	size_t size; /* bytes of the above that came */
};
#define REGION_REPLY_MAX offsetof(struct region_reply, size)

/* ---- The device ---------------------------------------------------------------------------- */

int umd_vfio_user_get_info(struct umd_vfio_user *user)
{
	struct umd_wire_device_info info = {.argsz = sizeof(info)};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_GET_INFO,
		.out = {{&info, sizeof(info)}},
		.in = {{&info, sizeof(info)}},
	};
	int err = umd_vfio_user_call_exact(user, &call);

	if (err)
		return err;
	if (info.regions > UMD_DRIVER_INDEXES_MAX || info.irqs > UMD_DRIVER_INDEXES_MAX)
		return -EPROTO;

	user->driver.info = (struct umd_driver_info){.size = sizeof(user->driver.info),
						     .flags = info.flags & DEVICE_FLAGS,
						     .regions = info.regions,
						     .irqs = info.irqs};
	return 0;
}

/* ---- Regions ------------------------------------------------------------------------------- */

/* ret_fd: the file to map, or -1; NULL: it is not wanted. */
static int ask_region(struct umd_vfio_user *user, unsigned int index, struct region_reply *ret,
		      int *ret_fd)
{
	struct umd_wire_region_info request = {.argsz = REGION_REPLY_MAX, .index = index};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_GET_REGION_INFO,
		.out = {{&request, sizeof(request)}},
		.in = {{ret, REGION_REPLY_MAX}},
		.wants_fd = ret_fd,
	};
	int err = umd_vfio_user_call(user, &call);

	if (err)
		return err;

	ret->size = call.got;
	if (ret->size < sizeof(ret->info) || ret->info.index != index)
		err = -EPROTO;
	else if (ret->info.argsz > REGION_REPLY_MAX)
		err = -E2BIG;
	if (ret_fd && err)
		umd_foreign_close(&call.fd);
	else if (ret_fd)
		*ret_fd = call.fd;
	return err;
}

/* Bytes of the reply, or false where it has none there. */
static bool get(const struct region_reply *reply, uint64_t offset, void *to, size_t size)
{
	if (!umd_range_within(offset, size, reply->size))
		return false;
	memcpy(to, (const uint8_t *)reply + offset, size);
	return true;
}

/* Where the sparse-mmap capability begins; 0 without one; -EPROTO. Offsets grow along the chain. */
static int find_sparse(const struct region_reply *reply, struct umd_wire_sparse_mmap *ret)
{
	uint32_t at = reply->info.flags & UMD_WIRE_REGION_FLAG_CAPS ? reply->info.cap_offset : 0;
	uint32_t least = sizeof(reply->info);

	while (at) {
		if (at < least ||
		    !get(reply, at, ret, offsetof(struct umd_wire_sparse_mmap, areas)))
			return -EPROTO;
		if (ret->id == UMD_WIRE_CAP_SPARSE_MMAP)
			return get(reply, at, ret, sizeof(*ret)) ? (int)at : -EPROTO;
		least = at + 1;
		at = ret->next;
	}
	return 0;
}

/* The number of areas, or -EPROTO. */
static int get_areas(const struct region_reply *reply, struct umd_driver_area *areas)
{
	struct umd_wire_sparse_mmap sparse;
	struct umd_wire_area area;
	int at = find_sparse(reply, &sparse);

	if (at < 0)
		return at;
	if (at == 0) {
		areas[0] = (struct umd_driver_area){.size = reply->info.size};
		return reply->info.size ? 1 : 0;
	}
	if (sparse.areas > UMD_DRIVER_AREAS_MAX)
		return -EPROTO;

	for (uint32_t i = 0; i < sparse.areas; i++) {
		if (!get(reply, (uint64_t)at + sizeof(sparse) + i * sizeof(area), &area,
			 sizeof(area)) ||
		    !umd_range_within(area.offset, area.size, reply->info.size))
			return -EPROTO;
		areas[i] = (struct umd_driver_area){.offset = area.offset, .size = area.size};
	}
	return (int)sparse.areas;
}

static struct umd_driver_region describe(const struct region_reply *reply)
{
	return (struct umd_driver_region){.size = sizeof(struct umd_driver_region),
					  .flags = reply->info.flags & REGION_FLAGS,
					  .bytes = reply->info.size,
					  .mmap_offset = reply->info.offset};
}

int umd_vfio_user_get_region(struct umd_driver *driver, unsigned int index,
			     struct umd_driver_region *ret, struct umd_driver_area *areas)
{
	struct region_reply reply = {0};
	int count = 0;
	int err = ask_region(umd_vfio_user(driver), index, &reply, NULL);

	if (err)
		return err;
	if (reply.info.flags & UMD_WIRE_REGION_FLAG_MMAP)
		count = get_areas(&reply, areas);
	if (count < 0)
		return count;

	*ret = describe(&reply);
	ret->areas = (unsigned int)count;
	return 0;
}

int umd_vfio_user_get_region_file(struct umd_driver *driver, unsigned int index,
				  struct umd_driver_region *ret, int *ret_fd)
{
	struct region_reply reply = {0};
	int err = ask_region(umd_vfio_user(driver), index, &reply, ret_fd);

	if (!err)
		*ret = describe(&reply);
	return err;
}
