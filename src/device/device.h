/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device, put together from its rooms: config space, interrupts, the DMA space, and the BARs'
 * handlers. This is what a server sees of it; what a device's author sees is umdev/device.h.
 */
#ifndef UMD_DEVICE_DEVICE_H
#define UMD_DEVICE_DEVICE_H

#include <umdev/device.h>

#include "base/poller.h"
#include "device/power.h"
#include "device/request.h"
#include "device/unplug.h"
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
	bool msix_table;   /* writes are the irq room's business too */
	bool msix_pending; /* brought up to date before it is read */
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

/* The expansion ROM; region_size 0: none. */
struct umd_rom {
	uint8_t *bytes;
	size_t size, region_size;
};

struct umd_ioeventfd {
	unsigned int bar;
	uint64_t offset, size, datamatch;
	unsigned int flags;
	int fd;
};

/* Vital Product Data behind its capability. */
struct umd_vpd_data {
	uint8_t *bytes, *initial;
	size_t size, writable_at, writable_size;
};

/* A BAR whose size the driver chooses: 2^(bits + 20) bytes now. */
struct umd_resizable {
	unsigned int index, bits;
};

/* Where capabilities lie whose registers do something; 0: the device has none. */
struct umd_cap_places {
	unsigned int pm, msi, msix, express, af, vpd, aer, pri, pasid, dpa, rebar;
};

/* The owner of a capability's registers, as its hooks see it: a body of the device's author. */
struct umd_cap_hooks {
	struct umd_device *device;
	void (*written)(void *data, size_t offset, size_t size);
	void (*reading)(void *data, size_t offset, size_t size);
	struct umd_cap_hooks *next;
};

struct umd_device {
	char *name;
	struct umd_device_ops ops;
	void *data;
	bool realized;
	bool served;
	bool has_client;
	struct umd_error declared; /* the first declaration that failed; code 0: none */

	/* What config space and power state allow, kept up to date: see umd_device_update(). */
	bool decodes_memory, decodes_io, is_master;
	bool unusual; /* absent, or asleep: accesses take the long way */

	struct umd_poller poller;
	struct umd_irqs irqs;
	struct umd_dma_client dma;
	struct umd_dma_space space;
	struct umd_bar bars[UMD_BARS];
	struct umd_rom rom;
	struct umd_ioeventfd ioeventfds[UMD_IOEVENTFDS_MAX];
	unsigned int ioeventfd_count;
	struct umd_msix msix; /* vectors 0: none */
	struct umd_vpd_data vpd;
	struct umd_cap_places at;
	struct umd_cap_hooks *cap_hooks;
	struct umd_resizable resizable[UMD_BARS];
	unsigned int resizable_count;

	struct umd_pasids *pasids; /* device/pasid.h; NULL: it has none */
	struct umd_pri_state *pri; /* device/pri.h; NULL: it has none */

	struct umd_power_state power;
	struct umd_unplug unplug;
	struct umd_request *deferred; /* the request that a handler has put off */

	struct umd_pci_config
		config; /* the last: most of it is never touched where it is not used */
};

/* ---- Declaring ----------------------------------------------------------------------------- */

/* Where the first failure of a declaration is kept; NULL once there is one. */
struct umd_error *umd_device_declaring(struct umd_device *device);

/* What a declaration returns: 0 for an offset. */
int umd_device_declared(int result);

/* ---- Running ------------------------------------------------------------------------------- */

/* Bytes of a region; 0 where the device has none. */
uint64_t umd_device_region_size(const struct umd_device *device, uint32_t index);

/*
 * Starts an access; its request's region, offset, size, data and write are filled in. Afterwards
 * the request is either done, or deferred and `done` will be called.
 */
void umd_device_access(struct umd_device *device, struct umd_request *request);

/* SET_IRQS and DEVICE_RESET: -ENODEV for a device that is gone. */
int umd_device_set_irqs(struct umd_device *device, const struct umd_irq_set *set);
int umd_device_reset_by_client(struct umd_device *device);

/* One place that says what each kind of reset does; the device is told last. */
void umd_device_do_reset(struct umd_device *device, enum umd_reset kind);

/* Config space, power state or presence has changed: what follows from it. */
void umd_device_update(struct umd_device *device);

#endif
