/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power: the states of the Power Management capability (PCI Power Management 1.2, section 5), and
 * low power at the client's word (VFIO_DEVICE_FEATURE_LOW_POWER_..., linux/vfio.h).
 */
#ifndef UMD_DEVICE_POWER_H
#define UMD_DEVICE_POWER_H

#include <umdev/device.h>

struct umd_power_state {
	enum umd_power state; /* D0 to D3hot */
	bool entered;	      /* the client has let go, till it says so or accesses the device */
	bool asleep;	      /* the device has been told UMD_POWER_LOW */
	int wakeup_fd;	      /* the client's eventfd; -1: none */
};

/* The driver has written PCI_PM_CTRL. */
void umd_power_written(struct umd_device *device);

/* Back to D0, and awake: part of every reset. */
void umd_power_reset(struct umd_device *device);

/*
 * The client will not use the device for a while. `wakeup_fd` is taken over where there is one.
 *
 * @return 0; -EINVAL where it has said so already, or for what is no eventfd; -ENODEV
 */
int umd_power_enter_low(struct umd_device *device, int *wakeup_fd);

/* The client is back. 0, also where it was never gone; -ENODEV. */
int umd_power_exit_low(struct umd_device *device);

/* Signals the client's wake-up eventfd, where it left one. */
void umd_power_signal_wakeup(struct umd_device *device);

/* Around an access of a device that the client has let go of. */
void umd_power_access_begins(struct umd_device *device);
void umd_power_access_ends(struct umd_device *device);

#endif
