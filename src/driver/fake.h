/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake backend's parts: the devices that this process offers (fake_offer.c), what a driver asks
 * of one (fake.c), and DMA (fake_dma.c). It is what src/server is for a client, without messages:
 * the same calls of src/device, and the same second for what a device puts off.
 */
#ifndef UMD_DRIVER_FAKE_H
#define UMD_DRIVER_FAKE_H

#include "device/device.h"
#include "driver/backend.h"

struct umd_fake {
	struct umd_driver driver;
	struct umd_device *device; /* NULL: it was withdrawn */
	char *name;
	struct umd_request request;
};

static inline struct umd_fake *umd_fake(struct umd_driver *driver)
{
	return (struct umd_fake *)driver; /* its first member */
}

/* fake_offer.c: a device for a driver, which is the only one. 0; -ENOENT; -EBUSY; -ENODEV. */
int umd_fake_take(const char *name, struct umd_fake *fake);

/* The driver leaves: the device is reset, and there for the next one. Nothing where it is gone. */
void umd_fake_give_back(struct umd_fake *fake);

/*
 * Before each of the driver's calls: what has come up in the device meanwhile is done. 0, or
 * -ENODEV for a device that was withdrawn; one that was unplugged says so by itself.
 */
int umd_fake_begin(struct umd_fake *fake);

/* Dispatches the device until now is this, or something came up. The device may be gone then. */
void umd_fake_wait(struct umd_fake *fake, uint64_t deadline_ns);

/* When what is put off now has had its time. */
uint64_t umd_fake_deadline(const struct umd_fake *fake);

/* Waits until nobody uses what was unmapped, of all spaces: after a reset. */
void umd_fake_drain_all(struct umd_fake *fake);

/* The backend's operations (backend.h). */
int umd_fake_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
			    struct umd_driver_dma_range *ranges);
int umd_fake_map_dma(struct umd_driver *driver, const struct umd_driver_dma *dma);
int umd_fake_unmap_dma(struct umd_driver *driver, const struct umd_driver_dma *dma);
int umd_fake_start_dirty(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			 unsigned int count, uint64_t page_size);
int umd_fake_stop_dirty(struct umd_driver *driver);
int umd_fake_report_dirty(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			  uint64_t page_size, uint64_t *bitmap);

#endif
