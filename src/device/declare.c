/* SPDX-License-Identifier: BSD-2-Clause */
/* Declaring what a device has, before it is realised: BARs, doorbells, INTx. Memory: memory.c. */
#include <errno.h>
#include <fcntl.h>

#include "base/export.h"
#include "base/range.h"
#include "device/device.h"

#define IO_BAR_MIN  4u
#define IO_BAR_MAX  256u
#define MEM_BAR_MIN 16u

static int refuse(struct umd_device *device, unsigned int index, int code, const char *why)
{
	return umd_error_set(umd_device_declaring(device), code, "BAR %u: %s", index, why);
}

static const char *check_size(const struct umd_region *region)
{
	bool io = region->flags & UMD_REGION_IO;

	if (!umd_is_power_of_2(region->size))
		return "size is no power of two";
	if (io && (region->size < IO_BAR_MIN || region->size > IO_BAR_MAX))
		return "size of an I/O BAR is not 4 to 256";
	if (!io && region->size < MEM_BAR_MIN)
		return "size of a memory BAR is less than 16";
	if (!io && !(region->flags & UMD_REGION_MEM64) && region->size > UINT64_C(1) << 31)
		return "size is too large for a 32-bit BAR";
	return NULL;
}

/* What is wrong with a BAR; NULL: nothing. */
static const char *check_region(const struct umd_region *region, unsigned int index)
{
	const unsigned int memory = UMD_REGION_MEM64 | UMD_REGION_PREFETCH;

	if (index >= UMD_BARS)
		return "there are BARs 0 to 5";
	if (region->flags & ~(UMD_REGION_IO | memory))
		return "unknown flags";
	if ((region->flags & UMD_REGION_IO) && (region->flags & memory))
		return "flags of both an I/O and a memory BAR";
	if ((region->flags & UMD_REGION_MEM64) && index == UMD_BARS - 1)
		return "the last one cannot be a 64-bit BAR";
	if (region->access && (region->read || region->write))
		return "access excludes read and write";
	if (region->max_access > 8 ||
	    (region->max_access && !umd_is_power_of_2(region->max_access)))
		return "max_access is not 1, 2, 4 or 8";
	return check_size(region);
}

/* The upper half of a 64-bit BAR is a BAR's place too. */
static bool is_taken(const struct umd_device *device, unsigned int index)
{
	return device->bars[index].region.size ||
	       (index && (device->bars[index - 1].region.flags & UMD_REGION_MEM64));
}

UMD_EXPORT int umd_device_add_bar(struct umd_device *device, unsigned int index,
				  const struct umd_region *region)
{
	const char *wrong = check_region(region, index);

	if (device->realized)
		return -EBUSY;
	if (wrong)
		return refuse(device, index, -EINVAL, wrong);
	if (is_taken(device, index) ||
	    ((region->flags & UMD_REGION_MEM64) && is_taken(device, index + 1)))
		return refuse(device, index, -EEXIST, "its place is taken");

	device->bars[index].region = *region;
	if (!region->max_access)
		device->bars[index].region.max_access = 8;
	umd_pci_config_add_bar(&device->config, index, region);
	return 0;
}

UMD_EXPORT int umd_device_add_ioeventfd(struct umd_device *device, unsigned int index,
					uint64_t offset, uint64_t size, unsigned int flags,
					uint64_t datamatch, int fd)
{
	int copy;

	if (device->realized)
		return -EBUSY;
	if (index >= UMD_BARS || (size && (!umd_is_power_of_2(size) || size > 8)) ||
	    (flags & ~UMD_IOEVENTFD_DATAMATCH) ||
	    !umd_range_within(offset, size ? size : 1, device->bars[index].region.size))
		return refuse(device, index, -EINVAL, "no place or shape for an ioeventfd");
	if (device->ioeventfd_count == UMD_IOEVENTFDS_MAX)
		return refuse(device, index, -ENOSPC, "too many ioeventfds");

	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return refuse(device, index, -errno, "cannot duplicate an ioeventfd");
	device->ioeventfds[device->ioeventfd_count++] =
		(struct umd_ioeventfd){.bar = index,
				       .offset = offset,
				       .size = size,
				       .datamatch = datamatch,
				       .flags = flags,
				       .fd = copy};
	return 0;
}

UMD_EXPORT int umd_device_add_intx(struct umd_device *device, unsigned int pin)
{
	struct umd_error *error = umd_device_declaring(device);

	if (device->realized)
		return -EBUSY;
	if (pin < 1 || pin > 4)
		return umd_error_set(error, -EINVAL, "INTx: pin %u is not 1 to 4", pin);
	if (device->irqs.indexes[UMD_IRQ_INTX].count)
		return umd_error_set(error, -EEXIST, "INTx: declared twice");

	umd_pci_config_set_pin(&device->config, pin);
	return umd_irqs_declare(&device->irqs, UMD_IRQ_INTX, 1);
}
