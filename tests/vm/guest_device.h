/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI device through the kernel's vfio-pci: group, type1 container, and what it offers. */
#ifndef UMD_GUEST_DEVICE_H
#define UMD_GUEST_DEVICE_H

#include <linux/vfio.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_VECTORS_MAX 64u

struct guest_device {
	int container, group, fd;
	volatile uint32_t *registers; /* BAR0, mapped */
	size_t registers_size;
	uint64_t config_offset; /* of config space in fd */
};

/* Says on stderr what went wrong, with errno's words if it is set. @return -1 */
int guest_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

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

int guest_irq_info(const struct guest_device *device, unsigned int index,
		   struct vfio_irq_info *ret);

/* Gives vectors eventfds, which switches the index on. 0 or -1. */
int guest_irq_assign(const struct guest_device *device, unsigned int index, unsigned int start,
		     const int *fds, unsigned int count);
int guest_irq_unmask(const struct guest_device *device, unsigned int index);
int guest_irq_disable(const struct guest_device *device, unsigned int index);

#endif
