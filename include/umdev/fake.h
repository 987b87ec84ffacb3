/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of this process for drivers in the same process: no socket, no thread, no time of its
 * own. A driver opens "fake:NAME" (umdev/driver.h), and the device's handlers run inside the
 * driver's calls, so that a program which drives it does the same each time it runs.
 *
 * A driver sees the device as it would over vfio-user: the same regions, interrupts, resets and
 * DMA maps by the same code, and one driver at a time. What the device does later (its watches and
 * timers) it does inside umd_driver_next_event() or any other call on its driver.
 *
 * Threads: device and driver belong to one thread.
 */
#ifndef UMDEV_FAKE_H
#define UMDEV_FAKE_H

#include <umdev/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Offers a realised device that no server serves.
 *
 * @param name copied; at most 63 bytes
 * @return 0; -EINVAL; -EEXIST for a name that is taken; -EBUSY for a device that is offered or
 *	   served already; -ENOMEM
 */
int umd_fake_offer(struct umd_device *device, const char *name);

/** Ends the offer. A driver that has the device open finds it gone (-ENODEV). */
void umd_fake_withdraw(struct umd_device *device);

#ifdef __cplusplus
}
#endif
#endif
