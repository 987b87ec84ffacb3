/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of this process for drivers in the same process: no socket, no thread, no time of its
 * own. A driver opens "fake:NAME" (umdev/driver.h), and the device's handlers run inside the
 * driver's calls, so that a program which drives it does the same each time it runs.
 *
 * A driver sees the device as it would over vfio-user: the same regions, interrupts, resets and
 * DMA maps by the same code, and one driver at a time, whose leaving resets the device. What the
 * device does later (its watches and timers) it does inside umd_driver_next_event() or any other
 * call on its driver that asks the device; umd_driver_event_fd() polls readable when there is some.
 * What it puts off, an access or the end of an unmap, has a second, or the driver's timeout where
 * that is shorter, as it has with a server.
 *
 * Memory without a file (umd_driver_dma.fd of -1) is reached at its address. A pin of a thread of
 * the device's that outlasts its unmap by that second keeps reaching it, since it cannot be taken
 * away as a file's can (umd_dma_space_revoke()).
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

/**
 * Ends the offer, before umd_device_destroy(). A driver that has the device open finds it gone:
 * UMD_DRIVER_EVENT_REMOVED, -ENODEV, and each eventfd is signalled once. The device is reset, and
 * may be offered again. Nothing for a device that is not offered.
 */
void umd_fake_withdraw(struct umd_device *device);

#ifdef __cplusplus
}
#endif
#endif
