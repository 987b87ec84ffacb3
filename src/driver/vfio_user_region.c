/* SPDX-License-Identifier: BSD-2-Clause */
/* Region accesses and reset as vfio-user messages. */
#include "driver/vfio_user.h"

#include <errno.h>

/* A reply repeats what was accessed. One that accessed less, or elsewhere, is not understood. */
static bool repeats(const struct umd_wire_region_access *request,
		    const struct umd_wire_region_access *reply)
{
	return memcmp(request, reply, sizeof(*request)) == 0;
}

int umd_vfio_user_read(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		       size_t size)
{
	struct umd_wire_region_access reply,
		request = {.offset = offset, .region = index, .count = (uint32_t)size};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_REGION_READ,
		.out = {{&request, sizeof(request)}},
		.in = {{&reply, sizeof(reply)}, {to, size}},
	};
	int err = umd_vfio_user_call_exact(umd_vfio_user(driver), &call);

	if (err)
		return err;
	return repeats(&request, &reply) ? 0 : -EPROTO;
}

int umd_vfio_user_write(struct umd_driver *driver, unsigned int index, uint64_t offset,
			const void *from, size_t size)
{
	struct umd_wire_region_access reply,
		request = {.offset = offset, .region = index, .count = (uint32_t)size};
	struct umd_vfio_user_call call = {
		.command = UMD_WIRE_REGION_WRITE,
		.out = {{&request, sizeof(request)}, {(void *)from, size}},
		.in = {{&reply, sizeof(reply)}},
	};
	int err = umd_vfio_user_call_exact(umd_vfio_user(driver), &call);

	if (err)
		return err;
	return repeats(&request, &reply) ? 0 : -EPROTO;
}

int umd_vfio_user_reset(struct umd_driver *driver)
{
	struct umd_vfio_user_call call = {.command = UMD_WIRE_DEVICE_RESET};

	return umd_vfio_user_call_exact(umd_vfio_user(driver), &call);
}
