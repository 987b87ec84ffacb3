/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device, put together from its rooms: config space, interrupts, the DMA space, and the BARs'
 * handlers. This is what a server sees of it; what a device's author sees is umdev/device.h.
 */
#ifndef UMD_DEVICE_DEVICE_H
#define UMD_DEVICE_DEVICE_H

#include <umdev/device.h>

#include "base/poller.h"
#include "device/request.h"
#include "dma/space.h"
#include "irq/irq.h"
#include "pci/config.h"

#define UMD_BARS 6u

/* Region indexes and their number: VFIO_PCI_*_REGION_INDEX. */
#define UMD_REGION_ROM	  6u
#define UMD_REGION_CONFIG 7u
#define UMD_REGIONS	  9u

/* A stretch of a BAR that the library serves from memory: never a handler's. */
struct umd_backed {
	uint64_t offset, size;
	uint8_t *memory;
	bool read_only;
	bool msix_table; /* writes are the irq room's business too */
};

struct umd_bar {
	struct umd_region region;		     /* size 0: no such BAR */
	struct umd_backed backed[UMD_AREAS_MAX + 2]; /* areas, MSI-X table, pending bits */
	unsigned int backed_count;

	/* What the driver may map: the first area_count of `backed`. */
	unsigned int area_count;
	int memory_fd;
	uint64_t memory_offset;
	uint8_t *memory; /* the fd, mapped up to the last area's end */
	size_t memory_size;
};

struct umd_ioeventfd {
	unsigned int bar;
	uint64_t offset, size, datamatch;
	unsigned int flags;
	int fd;
};

struct umd_device {
	char *name;
	struct umd_device_ops ops;
	void *data;
	bool realized;
	bool served;

	struct umd_poller poller;
	struct umd_pci_config config;
	struct umd_irqs irqs;
	struct umd_dma_space space;
	struct umd_bar bars[UMD_BARS];
	struct umd_ioeventfd ioeventfds[UMD_IOEVENTFDS_MAX];
	unsigned int ioeventfd_count;
	struct umd_msix msix;  /* vectors 0: none */
	unsigned int msix_cap; /* its offset in config space */

	struct umd_request *deferred; /* the request that a handler has put off */
};

/* Bytes of a region; 0 where the device has none. */
uint64_t umd_device_region_size(const struct umd_device *device, uint32_t index);

/*
 * Starts an access; its request's region, offset, size, data and write are filled in. Afterwards
 * the request is either done, or deferred and `done` will be called.
 */
void umd_device_access(struct umd_device *device, struct umd_request *request);

/* One place that says what each kind of reset does; the device is told last. */
void umd_device_do_reset(struct umd_device *device, enum umd_reset kind);

#endif
