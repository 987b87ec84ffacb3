/* SPDX-License-Identifier: BSD-2-Clause */
/* Declaring what a device has, before it is realised: BARs, memory in them, interrupts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/range.h"
#include "device/device.h"

#define IO_BAR_MIN  4u
#define IO_BAR_MAX  256u
#define MEM_BAR_MIN 16u

static bool is_region_size(const struct umd_region *region)
{
	uint64_t size = region->size;

	if (!umd_is_power_of_2(size))
		return false;
	if (region->flags & UMD_REGION_IO)
		return size >= IO_BAR_MIN && size <= IO_BAR_MAX;
	return size >= MEM_BAR_MIN &&
	       ((region->flags & UMD_REGION_MEM64) || size <= UINT64_C(1) << 31);
}

static bool is_region(const struct umd_region *region, unsigned int index)
{
	const unsigned int memory = UMD_REGION_MEM64 | UMD_REGION_PREFETCH;

	if (region->flags & ~(UMD_REGION_IO | memory))
		return false;
	if ((region->flags & UMD_REGION_IO) && (region->flags & memory))
		return false;
	if ((region->flags & UMD_REGION_MEM64) && index == UMD_BARS - 1)
		return false;
	if (region->access && (region->read || region->write))
		return false;
	return is_region_size(region) && region->max_access <= 8 &&
	       (!region->max_access || umd_is_power_of_2(region->max_access));
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
	if (device->realized)
		return -EBUSY;
	if (index >= UMD_BARS || !is_region(region, index))
		return -EINVAL;
	if (is_taken(device, index) ||
	    ((region->flags & UMD_REGION_MEM64) && is_taken(device, index + 1)))
		return -EEXIST;

	device->bars[index].region = *region;
	if (!region->max_access)
		device->bars[index].region.max_access = 8;
	umd_pci_config_add_bar(&device->config, index, region);
	return 0;
}

static bool are_areas(const struct umd_area *areas, unsigned int count, uint64_t limit)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (!areas[i].size || areas[i].offset % page || areas[i].size % page)
			return false;
		if (areas[i].offset < end ||
		    !umd_range_within(areas[i].offset, areas[i].size, limit))
			return false;
		end = areas[i].offset + areas[i].size;
	}
	return count > 0 && count <= UMD_AREAS_MAX;
}

/* The driver gets the file too: were it cut off below `end`, our access would end in SIGBUS. */
static int check_size(int fd, uint64_t end)
{
	struct stat st;
	int seals;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		seals = fcntl(fd, F_GET_SEALS);
		if (seals < 0 || !(seals & F_SEAL_SHRINK))
			return -EPERM;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size < end ? -EINVAL : 0;
}

UMD_EXPORT int umd_device_add_memory(struct umd_device *device, unsigned int index, int fd,
				     uint64_t fd_offset, const struct umd_area *areas,
				     unsigned int count)
{
	cleanup_close int copy = -1;
	struct umd_bar *bar;
	uint64_t end;
	void *memory;
	size_t size;
	int err;

	if (device->realized)
		return -EBUSY;
	if (index >= UMD_BARS || !are_areas(areas, count, device->bars[index].region.size))
		return -EINVAL;
	bar = &device->bars[index];
	if (bar->memory)
		return -EEXIST;

	size = (size_t)(areas[count - 1].offset + areas[count - 1].size);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	if (__builtin_add_overflow(fd_offset, size, &end))
		return -EINVAL;
	err = check_size(copy, end);
	if (err)
		return err;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, copy, (off_t)fd_offset);
	if (memory == MAP_FAILED)
		return -errno;

	bar->memory = memory;
	bar->memory_size = size;
	bar->memory_fd = umd_steal_fd(&copy);
	bar->memory_offset = fd_offset;
	bar->area_count = count;
	for (unsigned int i = 0; i < count; i++)
		bar->backed[bar->backed_count++] =
			(struct umd_backed){.offset = areas[i].offset,
					    .size = areas[i].size,
					    .memory = bar->memory + areas[i].offset};
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
		return -EINVAL;
	if (device->ioeventfd_count == UMD_IOEVENTFDS_MAX)
		return -ENOSPC;

	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
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
	if (device->realized)
		return -EBUSY;
	if (pin < 1 || pin > 4)
		return -EINVAL;
	if (device->irqs.indexes[UMD_IRQ_INTX].count)
		return -EEXIST;

	umd_pci_config_set_pin(&device->config, pin);
	return umd_irqs_declare(&device->irqs, UMD_IRQ_INTX, 1);
}

UMD_EXPORT int umd_device_add_msix(struct umd_device *device, const struct umd_msix *msix)
{
	if (device->realized)
		return -EBUSY;
	if (msix->vectors < 1 || msix->vectors > PCI_MSIX_FLAGS_QSIZE + 1)
		return -EINVAL;
	if (msix->table_bar >= UMD_BARS || msix->pba_bar >= UMD_BARS)
		return -EINVAL;
	if (msix->table_offset % 8 || msix->pba_offset % 8 || msix->table_offset > UINT32_MAX ||
	    msix->pba_offset > UINT32_MAX)
		return -EINVAL;
	if (device->msix.vectors)
		return -EEXIST;

	device->msix = *msix;
	return umd_irqs_declare(&device->irqs, UMD_IRQ_MSIX, msix->vectors);
}
