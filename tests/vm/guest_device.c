/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI device through the kernel's vfio-pci (Documentation/driver-api/vfio.rst). */
#include "guest_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_group(struct guest_device *device, const char *address)
{
	char path[256], target[256], node[sizeof(target)];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return guest_problem("%s", path);

	target[length] = '\0';
	snprintf(node, sizeof(node), "/dev/vfio/%.200s", strrchr(target, '/') + 1);
	device->group = open(node, O_RDWR | O_CLOEXEC);
	return device->group < 0 ? guest_problem("%s", node) : 0;
}

static int join_container(struct guest_device *device)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	device->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (device->container < 0)
		return guest_problem("/dev/vfio/vfio");
	if (ioctl(device->group, VFIO_GROUP_GET_STATUS, &status) < 0 ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return guest_problem("the group is not viable");
	if (ioctl(device->group, VFIO_GROUP_SET_CONTAINER, &device->container) < 0 ||
	    ioctl(device->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return guest_problem("no type1 container");
	return 0;
}

static int region_info(struct guest_device *device, unsigned int index,
		       struct vfio_region_info *ret)
{
	*ret = (struct vfio_region_info){.argsz = sizeof(*ret), .index = index};
	if (ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, ret) < 0)
		return guest_problem("region %u", index);
	return 0;
}

static int map_registers(struct guest_device *device)
{
	struct vfio_region_info info;
	void *memory;

	if (region_info(device, VFIO_PCI_BAR0_REGION_INDEX, &info) < 0)
		return -1;
	memory = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
		      (off_t)info.offset);
	if (memory == MAP_FAILED)
		return guest_problem("BAR0");

	device->registers = memory;
	device->registers_size = info.size;
	return 0;
}

/* Opening leaves bus mastering off, and a message is a DMA write. */
static int enable_master(struct guest_device *device)
{
	struct vfio_region_info info;
	uint32_t command = 0;

	if (region_info(device, VFIO_PCI_CONFIG_REGION_INDEX, &info) < 0)
		return -1;
	device->config_offset = info.offset;
	if (guest_config_read(device, PCI_COMMAND, 2, &command) < 0)
		return -1;
	return guest_config_write(device, PCI_COMMAND, 2, command | PCI_COMMAND_MASTER);
}

int guest_device_open(struct guest_device *device, const char *address)
{
	*device = (struct guest_device){.container = -1, .group = -1, .fd = -1};
	if (open_group(device, address) < 0 || join_container(device) < 0)
		return -1;
	device->fd = ioctl(device->group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (device->fd < 0)
		return guest_problem("%s is not vfio-pci's", address);
	return enable_master(device) < 0 || map_registers(device) < 0 ? -1 : 0;
}

void guest_device_close(struct guest_device *device)
{
	if (device->registers)
		munmap((void *)device->registers, device->registers_size);
	if (device->fd >= 0)
		close(device->fd);
	if (device->group >= 0)
		close(device->group);
	if (device->container >= 0)
		close(device->container);
}

uint32_t guest_device_read(const struct guest_device *device, unsigned int offset)
{
	return device->registers[offset / 4];
}

void guest_device_write(struct guest_device *device, unsigned int offset, uint32_t value)
{
	device->registers[offset / 4] = value;
}

int guest_config_read(const struct guest_device *device, unsigned int offset, unsigned int size,
		      uint32_t *ret)
{
	uint32_t value = 0;

	if (pread(device->fd, &value, size, (off_t)(device->config_offset + offset)) != size)
		return guest_problem("config space at %#x", offset);
	*ret = value;
	return 0;
}

int guest_config_write(const struct guest_device *device, unsigned int offset, unsigned int size,
		       uint32_t value)
{
	if (pwrite(device->fd, &value, size, (off_t)(device->config_offset + offset)) != size)
		return guest_problem("config space at %#x", offset);
	return 0;
}
