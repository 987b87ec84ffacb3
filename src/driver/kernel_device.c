/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device's fd does (VFIO_DEVICE_..., linux/vfio.h).
 *
 * vfio-pci does not say that a device was removed by surprise: ioctls work on, and registers read
 * as all ones. So a read that gives nothing but ones is no answer yet: registers of config space
 * that the kernel passes through, and that no device has all ones in, tell whether there is one.
 */
#include "driver/kernel.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/range.h"
#include "driver/events.h"

/* NOLINTBEGIN(misc-redundant-expression): ours are the kernel's, and are to stay so */
static_assert(UMD_DRIVER_RESET == VFIO_DEVICE_FLAGS_RESET, "flags");
static_assert(UMD_DRIVER_PCI == VFIO_DEVICE_FLAGS_PCI, "flags");
static_assert(UMD_DRIVER_REGION_READ == VFIO_REGION_INFO_FLAG_READ, "flags");
static_assert(UMD_DRIVER_REGION_WRITE == VFIO_REGION_INFO_FLAG_WRITE, "flags");
static_assert(UMD_DRIVER_REGION_MMAP == VFIO_REGION_INFO_FLAG_MMAP, "flags");
static_assert(UMD_DRIVER_IRQ_EVENTFD == VFIO_IRQ_INFO_EVENTFD, "flags");
static_assert(UMD_DRIVER_IRQ_MASKABLE == VFIO_IRQ_INFO_MASKABLE, "flags");
static_assert(UMD_DRIVER_IRQ_AUTOMASKED == VFIO_IRQ_INFO_AUTOMASKED, "flags");
static_assert(UMD_DRIVER_IRQ_NORESIZE == VFIO_IRQ_INFO_NORESIZE, "flags");
/* NOLINTEND(misc-redundant-expression) */

#define DEVICE_FLAGS (UMD_DRIVER_RESET | UMD_DRIVER_PCI)
#define REGION_FLAGS (UMD_DRIVER_REGION_READ | UMD_DRIVER_REGION_WRITE | UMD_DRIVER_REGION_MMAP)
#define IRQ_FLAGS                                                                       \
	(UMD_DRIVER_IRQ_EVENTFD | UMD_DRIVER_IRQ_MASKABLE | UMD_DRIVER_IRQ_AUTOMASKED | \
	 UMD_DRIVER_IRQ_NORESIZE)

#define TRANSFER_MAX (1u << 20) /* bytes of one pread(), which nothing can interrupt */

/* ---- Whether it is there --------------------------------------------------------------------- */

static int fail(struct umd_kernel *kernel, int err)
{
	if (err == -ENODEV)
		umd_driver_events_gone(&kernel->driver);
	return err;
}

/* Any call wakes a device, and one that sleeps once does not go back to sleep. */
static void note_access(struct umd_kernel *kernel)
{
	if (kernel->sleep == UMD_KERNEL_SLEEPS_ONCE)
		kernel->sleep = UMD_KERNEL_AWAKE;
}

int umd_kernel_ioctl(struct umd_kernel *kernel, unsigned long request, void *argument)
{
	int n;

	if (kernel->driver.gone)
		return -ENODEV;
	note_access(kernel);
	n = ioctl(kernel->fd, request, argument);
	return n < 0 ? fail(kernel, -errno) : n;
}

/*
 * Status has bits that are reserved and 0, and of no class are all bits 1 (PCI Local Bus 3.0,
 * section 6.2). The kernel adds the bit for a list of capabilities by itself. An error of this read
 * says nothing, as it may have other reasons.
 */
static bool is_gone(struct umd_kernel *kernel)
{
	const struct umd_kernel_region *config = &kernel->regions[UMD_DRIVER_CONFIG];
	uint8_t registers[8]; /* COMMAND, STATUS, revision and class */
	ssize_t n;

	if (!(kernel->driver.info.flags & UMD_DRIVER_PCI) || !config->known)
		return false;

	n = pread(kernel->fd, registers, sizeof(registers), (off_t)(config->offset + PCI_COMMAND));
	if (n < 0)
		return errno == ENODEV;
	return n == (ssize_t)sizeof(registers) && umd_get_le32(registers + 4) == UINT32_MAX &&
	       (umd_get_le16(registers + 2) | PCI_STATUS_CAP_LIST) == UINT16_MAX;
}

int umd_kernel_link_fd(const struct umd_driver *driver)
{
	return driver->gone ? -ENODEV : -ENOTTY;
}

int umd_kernel_ask_presence(struct umd_driver *driver)
{
	return driver->gone ? -ENODEV : 0;
}

/* Of one that sleeps nothing is read, since that would wake it. */
int umd_kernel_hear_presence(struct umd_driver *driver)
{
	struct umd_kernel *kernel = umd_kernel(driver);

	if (!driver->gone && (kernel->sleep != UMD_KERNEL_AWAKE || !is_gone(kernel)))
		return 0;
	return fail(kernel, -ENODEV);
}

/* ---- Regions --------------------------------------------------------------------------------- */

/* A region's description with its capabilities, as many as we ask for: other than areas are few. */
union region_answer {
	struct vfio_region_info info;
	uint8_t bytes[sizeof(struct vfio_region_info) + 256 +
		      sizeof(struct vfio_region_info_cap_sparse_mmap) +
		      UMD_DRIVER_AREAS_MAX * sizeof(struct vfio_region_sparse_mmap_area)];
};

/* vfio-pci calls an index that it knows and the device has not, VGA say, invalid. */
static int ask_region(struct umd_kernel *kernel, unsigned int index, union region_answer *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->info.argsz = sizeof(*ret);
	ret->info.index = index;
	err = umd_kernel_ioctl(kernel, VFIO_DEVICE_GET_REGION_INFO, ret);
	if (err == -EINVAL) {
		ret->info = (struct vfio_region_info){.index = index};
		return 0;
	}
	if (err < 0)
		return err;
	if (ret->info.argsz > sizeof(*ret))
		return -E2BIG;
	return ret->info.index == index ? 0 : -EPROTO;
}

/* Where a region lies has to be a file's offset. */
static int note_region(struct umd_kernel *kernel, unsigned int index,
		       const struct vfio_region_info *info)
{
	if (!umd_range_within(info->offset, info->size, INT64_MAX))
		return -EPROTO;
	kernel->regions[index] = (struct umd_kernel_region){
		.known = true, .offset = info->offset, .bytes = info->size};
	return 0;
}

static int find_region(struct umd_kernel *kernel, unsigned int index)
{
	union region_answer answer;
	int err;

	if (kernel->regions[index].known)
		return 0;
	err = ask_region(kernel, index, &answer);
	return err ? err : note_region(kernel, index, &answer.info);
}

int umd_kernel_get_region(struct umd_driver *driver, unsigned int index,
			  struct umd_driver_region *ret, struct umd_driver_area *areas)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	union region_answer answer;
	int count = 0, err = ask_region(kernel, index, &answer);

	if (!err)
		err = note_region(kernel, index, &answer.info);
	if (!err && answer.info.flags & VFIO_REGION_INFO_FLAG_MMAP)
		count = umd_kernel_parse_areas(
			&(struct umd_kernel_answer){
				.bytes = answer.bytes,
				.size = sizeof(answer),
				.start = answer.info.flags & VFIO_REGION_INFO_FLAG_CAPS
						 ? answer.info.cap_offset
						 : 0,
				.at_least = sizeof(answer.info),
			},
			answer.info.size, areas);
	if (err || count < 0)
		return err ? err : count;

	*ret = (struct umd_driver_region){.size = sizeof(*ret),
					  .flags = answer.info.flags & REGION_FLAGS,
					  .areas = (unsigned int)count,
					  .bytes = answer.info.size,
					  .mmap_offset = answer.info.offset};
	return 0;
}

/* Where an access goes in the file. */
static int find_access(struct umd_kernel *kernel, unsigned int index, uint64_t offset, size_t size,
		       off_t *ret)
{
	const struct umd_kernel_region *region = &kernel->regions[index];
	int err = kernel->driver.gone ? -ENODEV : find_region(kernel, index);

	if (err)
		return err;
	if (!umd_range_within(offset, size, region->bytes))
		return -EINVAL;
	*ret = (off_t)(region->offset + offset);
	return 0;
}

/* The kernel accesses less than it was asked for where the rest cannot be accessed. */
static int done(struct umd_kernel *kernel, ssize_t n, size_t size)
{
	if (n < 0)
		return fail(kernel, -errno);
	return (size_t)n == size ? 0 : -EIO;
}

static bool all_ones(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != 0xff)
			return false;
	}
	return true;
}

int umd_kernel_read(struct umd_driver *driver, unsigned int index, uint64_t offset, void *to,
		    size_t size)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	off_t at;
	int err = find_access(kernel, index, offset, size, &at);

	if (err)
		return err;

	note_access(kernel);
	err = done(kernel, pread(kernel->fd, to, size, at), size);
	if (!err && all_ones(to, size) && is_gone(kernel))
		return fail(kernel, -ENODEV);
	return err;
}

int umd_kernel_write(struct umd_driver *driver, unsigned int index, uint64_t offset,
		     const void *from, size_t size)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	off_t at;
	int err = find_access(kernel, index, offset, size, &at);

	if (err)
		return err;

	note_access(kernel);
	return done(kernel, pwrite(kernel->fd, from, size, at), size);
}

int umd_kernel_map_region(struct umd_driver *driver, unsigned int index, uint64_t offset,
			  size_t bytes, int protection, void **ret)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	void *memory;
	off_t at;
	int err = find_access(kernel, index, offset, bytes, &at);

	if (err)
		return err;

	memory = mmap(NULL, bytes, protection, MAP_SHARED, kernel->fd, at);
	if (memory == MAP_FAILED)
		return fail(kernel, -errno);
	*ret = memory;
	return 0;
}

/* ---- Interrupts ------------------------------------------------------------------------------ */

/* As with regions: ERR of a conventional device is invalid. */
int umd_kernel_get_irq(struct umd_driver *driver, unsigned int index, struct umd_driver_irq *ret)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};
	int err = umd_kernel_ioctl(umd_kernel(driver), VFIO_DEVICE_GET_IRQ_INFO, &info);

	if (err < 0 && err != -EINVAL)
		return err;
	if (err == -EINVAL)
		info = (struct vfio_irq_info){.index = index};
	if (info.index != index || info.count > UMD_DRIVER_VECTORS_MAX)
		return -EPROTO;

	*ret = (struct umd_driver_irq){
		.size = sizeof(*ret), .flags = info.flags & IRQ_FLAGS, .count = info.count};
	return 0;
}

/* An index that is not in use cannot be switched off, says vfio-pci; it is off. */
static bool is_off_already(const struct umd_driver_irq_set *set, int err)
{
	return err == -EINVAL && !set->count &&
	       set->flags == (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER);
}

int umd_kernel_set_irqs(struct umd_driver *driver, const struct umd_driver_irq_set *set)
{
	size_t data = set->flags & VFIO_IRQ_SET_DATA_EVENTFD ? set->count * sizeof(*set->fds) : 0;
	struct vfio_irq_set *request = malloc(sizeof(*request) + data);
	int err;

	if (!request)
		return -ENOMEM;

	*request = (struct vfio_irq_set){.argsz = (uint32_t)(sizeof(*request) + data),
					 .flags = set->flags,
					 .index = set->index,
					 .start = set->start,
					 .count = set->count};
	if (data && set->fds)
		memcpy(request->data, set->fds, data);
	else if (data)
		memset(request->data, 0xff, data); /* -1: none any more */
	err = umd_kernel_ioctl(umd_kernel(driver), VFIO_DEVICE_SET_IRQS, request);
	free(request);
	return is_off_already(set, err) ? 0 : err;
}

/* ---- The device ------------------------------------------------------------------------------ */

static int get_info(struct umd_kernel *kernel)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int err = umd_kernel_ioctl(kernel, VFIO_DEVICE_GET_INFO, &info);

	if (err < 0)
		return err;
	if (info.num_regions > UMD_DRIVER_INDEXES_MAX || info.num_irqs > UMD_DRIVER_INDEXES_MAX)
		return -EPROTO;

	kernel->driver.info = (struct umd_driver_info){.size = sizeof(kernel->driver.info),
						       .flags = info.flags & DEVICE_FLAGS,
						       .regions = info.num_regions,
						       .irqs = info.num_irqs};
	return 0;
}

/* There is no protocol: an ioctl takes as many fds as there are vectors. */
static void set_limits(struct umd_kernel *kernel, const struct umd_driver_options *options)
{
	struct umd_driver *driver = &kernel->driver;

	driver->limits = (struct umd_driver_limits){.size = sizeof(driver->limits),
						    .max_data_xfer_size = TRANSFER_MAX,
						    .max_msg_fds = UMD_DRIVER_VECTORS_MAX,
						    .max_dma_maps = kernel->dma.max_maps,
						    .page_sizes = kernel->dma.page_sizes};
	driver->max_transfer = TRANSFER_MAX;
	driver->timeout_ms = (int)options->timeout_ms;
}

int umd_kernel_init(struct umd_kernel *kernel, const struct umd_driver_backend *backend, int fd,
		    const char *name, const struct umd_driver_options *options)
{
	int err;

	kernel->driver.backend = backend;
	kernel->fd = fd;
	kernel->name = strdup(name);
	if (!kernel->name)
		return -ENOMEM;

	set_limits(kernel, options);
	err = get_info(kernel);
	if (!err && kernel->driver.info.regions > UMD_DRIVER_CONFIG)
		err = find_region(kernel, UMD_DRIVER_CONFIG);
	if (!err && umd_kernel_has_dirty(kernel))
		kernel->dma.flags |= UMD_DRIVER_DMA_HAS_DIRTY;
	return err;
}

void umd_kernel_finish(struct umd_kernel *kernel)
{
	umd_close(&kernel->fd);
	free(kernel->name);
	kernel->name = NULL;
}

const char *umd_kernel_get_name(const struct umd_driver *driver)
{
	return ((const struct umd_kernel *)driver)->name;
}

int umd_kernel_reset(struct umd_driver *driver)
{
	return umd_kernel_ioctl(umd_kernel(driver), VFIO_DEVICE_RESET, NULL);
}
