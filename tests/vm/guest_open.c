/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens a device in a guest as whoever runs it, by its group or by its own node.
 *
 *   guest-open group ADDRESS     (as in sysfs: 0000:01:00.0)
 *   guest-open cdev NODE         (as /dev/vfio/devices/vfio0)
 *
 * Maps memory for its DMA, prints the device's ids as its config space has them, and waits for its
 * standard input to end. Exit status 0 when all of that went well; 1 otherwise, with the reason on
 * stderr.
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest_device.h"

#define TIME_LIMIT 300 /* seconds, whatever happens */
#define IOVA	   UINT64_C(0x10000000)
#define BYTES	   UINT64_C(0x100000)

/* ---- Of linux/iommufd.h and linux/vfio.h as of Linux 6.6, newer than the build machine's ---- */

struct ioas_alloc {
	uint32_t size, flags, ioas;
};
#define IOAS_ALLOC _IO(';', 0x81)

struct ioas_map {
	uint32_t size, flags, ioas, reserved;
	uint64_t memory, length, iova;
};
#define IOAS_MAP	  _IO(';', 0x85)
#define IOAS_MAP_FIXED_RW 0x7u

struct bind_iommufd {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t id;
};
#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)

struct attach {
	uint32_t argsz, flags, ioas;
};
#define ATTACH _IO(VFIO_TYPE, VFIO_BASE + 19)

/* -------------------------------------------------------------------------------------------- */

static void *take_memory(void)
{
	void *memory =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int print_ids(struct guest_device *device)
{
	uint32_t ids;

	if (guest_config_read(device, 0, sizeof(ids), &ids) < 0)
		return -1;
	printf("%04x:%04x\n", ids & 0xffff, ids >> 16);
	fflush(stdout);
	return 0;
}

static int open_group(struct guest_device *device, const char *address)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)take_memory(),
		.iova = IOVA,
		.size = BYTES,
	};

	if (guest_device_open(device, address) < 0)
		return -1;
	if (ioctl(device->container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		return guest_problem("map");
	return 0;
}

static int attach_to_space(struct guest_device *device, uint32_t *ret_ioas)
{
	struct bind_iommufd bind = {.argsz = sizeof(bind), .iommufd = device->container};
	struct ioas_alloc alloc = {.size = sizeof(alloc)};
	struct attach attach = {.argsz = sizeof(attach)};

	if (ioctl(device->fd, BIND_IOMMUFD, &bind) < 0)
		return guest_problem("bind to iommufd");
	if (ioctl(device->container, IOAS_ALLOC, &alloc) < 0)
		return guest_problem("no address space");
	attach.ioas = alloc.ioas;
	if (ioctl(device->fd, ATTACH, &attach) < 0)
		return guest_problem("attach");
	*ret_ioas = alloc.ioas;
	return 0;
}

/* The fd of the address spaces takes the place of the container's. */
static int open_cdev(struct guest_device *device, const char *node)
{
	struct vfio_region_info config = {.argsz = sizeof(config),
					  .index = VFIO_PCI_CONFIG_REGION_INDEX};
	struct ioas_map map = {.size = sizeof(map),
			       .flags = IOAS_MAP_FIXED_RW,
			       .memory = (uintptr_t)take_memory(),
			       .length = BYTES,
			       .iova = IOVA};

	*device = (struct guest_device){.container = -1, .group = -1, .fd = -1};
	device->fd = open(node, O_RDWR | O_CLOEXEC);
	if (device->fd < 0)
		return guest_problem("%s", node);
	device->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (device->container < 0)
		return guest_problem("/dev/iommu");
	if (attach_to_space(device, &map.ioas) < 0)
		return -1;
	if (ioctl(device->container, IOAS_MAP, &map) < 0)
		return guest_problem("map");
	if (ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		return guest_problem("config space");
	device->config_offset = config.offset;
	return 0;
}

/* Its input is a pipe that the test closes. */
static void wait_for_end(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	struct guest_device device;
	bool cdev = argc == 3 && !strcmp(argv[1], "cdev");
	int result;

	if (argc != 3 || (!cdev && strcmp(argv[1], "group") != 0))
		return 2;
	alarm(TIME_LIMIT);
	result = cdev ? open_cdev(&device, argv[2]) : open_group(&device, argv[2]);
	if (!result)
		result = print_ids(&device);
	if (!result)
		wait_for_end();
	guest_device_close(&device);
	return result < 0;
}
