/* SPDX-License-Identifier: BSD-2-Clause */
/* Declaring what of a device is memory: parts of BARs that the driver may map, and the ROM. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/range.h"
#include "device/device.h"

#define ROM_MIN 2048u
#define ROM_MAX (16u << 20)

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
static int seal(int fd, uint64_t end)
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

static int refuse(struct umd_device *device, unsigned int index, int code, const char *why)
{
	return umd_error_set(umd_device_declaring(device), code, "memory of BAR %u: %s", index,
			     why);
}

/* Maps the file up to the last area's end. */
static int map(struct umd_device *device, unsigned int index, int fd, uint64_t fd_offset,
	       size_t size)
{
	struct umd_bar *bar = &device->bars[index];
	cleanup_close int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	uint64_t end;
	void *memory;
	int err;

	if (copy < 0)
		return refuse(device, index, -errno, "cannot duplicate the file");
	if (__builtin_add_overflow(fd_offset, size, &end))
		return refuse(device, index, -EINVAL, "fd_offset is too large");
	err = seal(copy, end);
	if (err)
		return refuse(device, index, err,
			      err == -EPERM ? "the file is no memfd that can be sealed"
					    : "the file is too short for its areas");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, copy, (off_t)fd_offset);
	if (memory == MAP_FAILED)
		return refuse(device, index, -errno, "cannot be mapped");

	bar->memory = memory;
	bar->memory_size = size;
	bar->memory_fd = umd_steal_fd(&copy);
	bar->memory_offset = fd_offset;
	return 0;
}

UMD_EXPORT int umd_device_add_memory(struct umd_device *device, unsigned int index, int fd,
				     uint64_t fd_offset, const struct umd_area *areas,
				     unsigned int count)
{
	struct umd_bar *bar;
	int err;

	if (device->realized)
		return -EBUSY;
	if (index >= UMD_BARS || !are_areas(areas, count, device->bars[index].region.size))
		return refuse(device, index, -EINVAL, "areas are not pages of it, ascending");
	bar = &device->bars[index];
	if (bar->memory)
		return refuse(device, index, -EEXIST, "declared twice");
	err = map(device, index, fd, fd_offset,
		  (size_t)(areas[count - 1].offset + areas[count - 1].size));
	if (err)
		return err;

	bar->area_count = count;
	for (unsigned int i = 0; i < count; i++)
		bar->backed[bar->backed_count++] =
			(struct umd_backed){.offset = areas[i].offset,
					    .size = areas[i].size,
					    .memory = bar->memory + areas[i].offset};
	return 0;
}

UMD_EXPORT int umd_device_add_rom(struct umd_device *device, const void *bytes, size_t size)
{
	struct umd_error *error = umd_device_declaring(device);
	size_t region = ROM_MIN;

	if (device->realized)
		return -EBUSY;
	if (!size || size > ROM_MAX)
		return umd_error_set(error, -EINVAL, "ROM: size %zu is not 1 to %u", size, ROM_MAX);
	if (device->rom.bytes)
		return umd_error_set(error, -EEXIST, "ROM: declared twice");

	while (region < size)
		region *= 2;
	device->rom = (struct umd_rom){malloc(size), size, region};
	if (!device->rom.bytes) {
		device->rom.region_size = 0;
		return umd_error_set(error, -ENOMEM, "ROM: out of memory");
	}
	memcpy(device->rom.bytes, bytes, size);
	umd_pci_config_add_rom(&device->config, (uint32_t)region);
	return 0;
}
