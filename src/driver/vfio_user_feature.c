/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device features (VFIO_DEVICE_FEATURE_..., linux/vfio.h) as vfio-user messages. Servers refuse one
 * that they have not in more than one way, so that it is asked for first.
 */
#include "driver/vfio_user.h"

#include <errno.h>

/* Of newer kernels than the headers we must build with. */
#define FEATURE_LOW_POWER_ENTRY	       3u
#define FEATURE_LOW_POWER_ENTRY_WAKEUP 4u
#define FEATURE_LOW_POWER_EXIT	       5u

/* struct vfio_device_low_power_entry_with_wakeup: the eventfd is the message's first one. */
struct wakeup_data {
	int32_t eventfd;
	uint32_t reserved;
};

#define DATA_MAX sizeof(struct wakeup_data)

/* A reply repeats the request, with its data or without. */
int umd_vfio_user_call_feature(struct umd_vfio_user *user, uint32_t flags, size_t room,
			       struct umd_vfio_user_call *call)
{
	struct umd_wire_feature reply,
		request = {.argsz = (uint32_t)(sizeof(request) + room), .flags = flags};
	int err;

	call->command = UMD_WIRE_DEVICE_FEATURE;
	call->out[0] = (struct iovec){&request, sizeof(request)};
	call->in[0] = (struct iovec){&reply, sizeof(reply)};
	err = umd_vfio_user_call(user, call);
	if (err)
		return err;
	return call->got < sizeof(reply) || reply.flags != request.flags ? -EPROTO : 0;
}

int umd_vfio_user_probe_feature(struct umd_vfio_user *user, uint32_t flags)
{
	uint8_t data[DATA_MAX];
	struct umd_vfio_user_call call = {.in = {[1] = {data, sizeof(data)}}};
	int err = umd_vfio_user_call_feature(user, flags | UMD_WIRE_FEATURE_PROBE, sizeof(data),
					     &call);

	return !err || err == -ENODEV || err == -ETIMEDOUT || err == -EPROTO ? err : -ENOTTY;
}

/* Sets a feature with the data and the fds of `call`. */
static int set(struct umd_vfio_user *user, uint32_t feature, struct umd_vfio_user_call *call)
{
	uint8_t data[DATA_MAX];
	int err = umd_vfio_user_probe_feature(user, feature | UMD_WIRE_FEATURE_SET);

	if (err)
		return err;
	call->in[1] = (struct iovec){data, sizeof(data)};
	return umd_vfio_user_call_feature(user, feature | UMD_WIRE_FEATURE_SET,
					  call->out[1].iov_len, call);
}

int umd_vfio_user_enter_low_power(struct umd_driver *driver, int wakeup_fd)
{
	struct wakeup_data wakeup = {0};
	struct umd_vfio_user_call plain = {0}, with_wakeup = {
						       .out = {[1] = {&wakeup, sizeof(wakeup)}},
						       .fds = &wakeup_fd,
						       .fd_count = 1,
					       };

	if (wakeup_fd < 0)
		return set(umd_vfio_user(driver), FEATURE_LOW_POWER_ENTRY, &plain);
	if (!driver->limits.max_msg_fds)
		return -ENOTTY;
	return set(umd_vfio_user(driver), FEATURE_LOW_POWER_ENTRY_WAKEUP, &with_wakeup);
}

int umd_vfio_user_exit_low_power(struct umd_driver *driver)
{
	struct umd_vfio_user_call call = {0};

	return set(umd_vfio_user(driver), FEATURE_LOW_POWER_EXIT, &call);
}
