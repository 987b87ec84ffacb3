/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hot-unplug: the client is asked to let go (the REQ interrupt), again and again, and after a
 * deadline the device is gone whether it did or not.
 */
#ifndef UMD_DEVICE_UNPLUG_H
#define UMD_DEVICE_UNPLUG_H

#include <umdev/device.h>

enum umd_plug {
	UMD_PLUG_PRESENT,
	UMD_PLUG_ASKED, /* the client has been asked to let go */
	UMD_PLUG_GONE,
};

struct umd_unplug {
	enum umd_plug state;
	struct umd_watch *timer;
	uint64_t left_ns; /* till the deadline, from the timer's next expiry on */
};

struct umd_request;

bool umd_unplug_is_gone(const struct umd_device *device);

/* The client has left: that is what an unplug waits for. */
void umd_unplug_released(struct umd_device *device);

/* An access to a device that is gone: all ones, and nothing written. */
void umd_unplug_access(struct umd_request *request);

void umd_unplug_finish(struct umd_device *device);

#endif
