/* SPDX-License-Identifier: BSD-2-Clause */
/* Device features (VFIO_DEVICE_FEATURE_..., linux/vfio.h): low power, and the log of DMA writes. */
#include "driver/kernel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Of newer kernels than the headers that we must build with. */
#define FEATURE_LOW_POWER_ENTRY	       3u
#define FEATURE_LOW_POWER_ENTRY_WAKEUP 4u
#define FEATURE_LOW_POWER_EXIT	       5u
#define FEATURE_LOGGING_START	       6u
#define FEATURE_LOGGING_STOP	       7u
#define FEATURE_LOGGING_REPORT	       8u

/* struct vfio_device_low_power_entry_with_wakeup */
struct wakeup_data {
	int32_t eventfd;
	uint32_t reserved;
};

/* struct vfio_device_feature_dma_logging_control, _range and _report */
struct logging_start {
	uint64_t page_size;
	uint32_t count, reserved;
	uint64_t ranges; /* address of `count` struct logging_range */
};
struct logging_range {
	uint64_t iova, bytes;
};
struct logging_report {
	uint64_t iova, bytes, page_size;
	uint64_t bitmap; /* its address */
};

#define DATA_MAX sizeof(struct logging_report)

static int call(struct umd_kernel *kernel, uint32_t flags, const void *data, size_t size)
{
	union {
		struct vfio_device_feature feature;
		uint8_t bytes[sizeof(struct vfio_device_feature) + DATA_MAX];
	} request = {
		.feature = {.argsz = (uint32_t)(sizeof(request.feature) + size), .flags = flags}};
	int err;

	if (size)
		memcpy(request.bytes + sizeof(request.feature), data, size);
	err = umd_kernel_ioctl(kernel, VFIO_DEVICE_FEATURE, &request);
	return err < 0 ? err : 0;
}

static uint64_t address_of(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* ---- Low power ------------------------------------------------------------------------------- */

int umd_kernel_enter_low_power(struct umd_driver *driver, int wakeup_fd)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	struct wakeup_data wakeup = {.eventfd = wakeup_fd};
	int err;

	if (wakeup_fd < 0)
		err = call(kernel, FEATURE_LOW_POWER_ENTRY | VFIO_DEVICE_FEATURE_SET, NULL, 0);
	else
		err = call(kernel, FEATURE_LOW_POWER_ENTRY_WAKEUP | VFIO_DEVICE_FEATURE_SET,
			   &wakeup, sizeof(wakeup));
	if (!err)
		kernel->sleep = wakeup_fd < 0 ? UMD_KERNEL_SLEEPS_ON : UMD_KERNEL_SLEEPS_ONCE;
	return err;
}

int umd_kernel_exit_low_power(struct umd_driver *driver)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	int err = call(kernel, FEATURE_LOW_POWER_EXIT | VFIO_DEVICE_FEATURE_SET, NULL, 0);

	if (!err)
		kernel->sleep = UMD_KERNEL_AWAKE;
	return err;
}

/* ---- What is written ------------------------------------------------------------------------- */

/*
 * The log is the device's own. That of a type1 container (VFIO_IOMMU_DIRTY_PAGES) is none: it takes
 * all memory of a PCI device for written, which is what a caller does without.
 */
bool umd_kernel_has_dirty(struct umd_kernel *kernel)
{
	uint32_t flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PROBE;

	return call(kernel, FEATURE_LOGGING_START | flags, NULL, 0) == 0;
}

int umd_kernel_get_dma_limits(struct umd_driver *driver, struct umd_driver_dma_limits *ret,
			      struct umd_driver_dma_range *ranges)
{
	const struct umd_kernel *kernel = umd_kernel(driver);

	if (driver->gone)
		return -ENODEV;
	*ret = kernel->dma;
	memcpy(ranges, kernel->ranges, kernel->dma.ranges * sizeof(*ranges));
	return 0;
}

static int check_dirty(const struct umd_kernel *kernel)
{
	return kernel->dma.flags & UMD_DRIVER_DMA_HAS_DIRTY ? 0 : -EOPNOTSUPP;
}

#define RANGES_MAX UMD_DRIVER_AREAS_MAX
static_assert(UMD_DRIVER_DIRTY_RANGES_MAX <= RANGES_MAX, "room for them");

/* The kernel wants ranges; all that is mapped lies in those that may be. */
int umd_kernel_start_dirty(struct umd_driver *driver, const struct umd_driver_dma_range *ranges,
			   unsigned int count, uint64_t page_size)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	struct logging_range list[RANGES_MAX];
	struct logging_start start = {.page_size = page_size, .ranges = address_of(list)};
	int err = check_dirty(kernel);

	if (err)
		return err;
	if (!count) {
		ranges = kernel->ranges;
		count = kernel->dma.ranges;
	}

	for (unsigned int i = 0; i < count; i++)
		list[i] = (struct logging_range){.iova = ranges[i].first,
						 .bytes = ranges[i].last - ranges[i].first + 1};
	start.count = count;
	return call(kernel, FEATURE_LOGGING_START | VFIO_DEVICE_FEATURE_SET, &start, sizeof(start));
}

int umd_kernel_stop_dirty(struct umd_driver *driver)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	int err = check_dirty(kernel);

	return err ? err : call(kernel, FEATURE_LOGGING_STOP | VFIO_DEVICE_FEATURE_SET, NULL, 0);
}

int umd_kernel_report_dirty(struct umd_driver *driver, uint64_t iova, uint64_t bytes,
			    uint64_t page_size, uint64_t *bitmap)
{
	struct umd_kernel *kernel = umd_kernel(driver);
	struct logging_report report = {
		.iova = iova, .bytes = bytes, .page_size = page_size, .bitmap = address_of(bitmap)};
	int err = check_dirty(kernel);

	if (err)
		return err;
	return call(kernel, FEATURE_LOGGING_REPORT | VFIO_DEVICE_FEATURE_GET, &report,
		    sizeof(report));
}
