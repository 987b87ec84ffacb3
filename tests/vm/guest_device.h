/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI device through the kernel's vfio-pci: group, type1 container, and its registers. */
#ifndef UMD_GUEST_DEVICE_H
#define UMD_GUEST_DEVICE_H

#include <linux/vfio.h>
#include <stddef.h>
#include <stdint.h>

#include "guest_problem.h"

struct guest_device {
	int container, group, fd;
	volatile uint32_t *registers; /* BAR0, mapped */
	size_t registers_size;
	uint64_t config_offset; /* of config space in fd */
};

/* Opens a device that is bound to vfio-pci, makes it a bus master and maps its BAR0. 0 or -1. */
int guest_device_open(struct guest_device *device, const char *address);
void guest_device_close(struct guest_device *device);

uint32_t guest_device_read(const struct guest_device *device, unsigned int offset);
void guest_device_write(struct guest_device *device, unsigned int offset, uint32_t value);

/* Config space as the kernel virtualises it; size 1, 2 or 4. 0 or -1. */
int guest_config_read(const struct guest_device *device, unsigned int offset, unsigned int size,
		      uint32_t *ret);
int guest_config_write(const struct guest_device *device, unsigned int offset, unsigned int size,
		       uint32_t value);

#endif
