/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to regions: who serves which bytes. Config space is the pci room's; in a BAR, stretches
 * of memory are copied here and the rest is the device's own: register by register, or as a whole.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "device/device.h"

uint64_t umd_device_region_size(const struct umd_device *device, uint32_t index)
{
	if (index < UMD_BARS)
		return device->bars[index].region.size;
	if (index == UMD_REGION_ROM)
		return device->rom.region_size;
	return index == UMD_REGION_CONFIG ? device->config.size : 0;
}

static void access_config(struct umd_device *device, struct umd_request *request)
{
	if (request->write)
		umd_pci_config_write(&device->config, request->offset, request->data,
				     request->size);
	else
		umd_pci_config_read(&device->config, request->offset, request->data, request->size);
}

/* The first stretch of memory that has a byte of [offset, offset + size), or NULL. */
static const struct umd_backed *find_backed(const struct umd_bar *bar, uint64_t offset, size_t size)
{
	for (unsigned int i = 0; i < bar->backed_count; i++) {
		const struct umd_backed *backed = &bar->backed[i];

		if (umd_range_overlap(offset, size, backed->offset, backed->size))
			return backed;
	}
	return NULL;
}

static void access_backed(struct umd_device *device, const struct umd_backed *backed, bool write,
			  uint64_t offset, uint8_t *data, size_t size)
{
	size_t at = (size_t)(offset - backed->offset);

	if (backed->msix_pending)
		umd_irqs_refresh_pending(&device->irqs);
	if (!write)
		memcpy(data, backed->memory + at, size);
	else if (!backed->read_only)
		memcpy(backed->memory + at, data, size);
	if (write && backed->msix_table)
		umd_irqs_msix_written(&device->irqs, at, size);
}

/* The largest register access that starts at `offset`, is aligned, and has `left` bytes. */
static unsigned int piece_size(const struct umd_region *region, uint64_t offset, size_t left)
{
	unsigned int size = region->max_access;

	while (offset & (size - 1) || size > left)
		size /= 2;
	return size;
}

static void access_register(const struct umd_device *device, const struct umd_region *region,
			    bool write, uint64_t offset, uint8_t *data, unsigned int size)
{
	if (!write)
		umd_put_le(data, size, region->read ? region->read(device->data, offset, size) : 0);
	else if (region->write)
		region->write(device->data, offset, size, umd_get_le(data, size));
}

static void access_registers(struct umd_device *device, const struct umd_bar *bar,
			     struct umd_request *request)
{
	for (size_t done = 0; done < request->size;) {
		uint64_t offset = request->offset + done;
		uint8_t *data = request->data + done;
		size_t size = request->size - done;
		const struct umd_backed *backed = find_backed(bar, offset, 1);

		if (backed) {
			uint64_t left = backed->offset + backed->size - offset;

			size = size < left ? size : (size_t)left;
			access_backed(device, backed, request->write, offset, data, size);
		} else {
			size = piece_size(&bar->region, offset, size);
			access_register(device, &bar->region, request->write, offset, data,
					(unsigned int)size);
		}
		done += size;
	}
}

/* A handler that reads finds zeroes to fill, not what an earlier reply left. */
static void run_handler(struct umd_device *device, const struct umd_bar *bar,
			struct umd_request *request)
{
	if (!request->write)
		memset(request->data, 0, request->size);
	umd_request_run(request, bar->region.access, device->data);
}

/* An access to a BAR whose handler takes whole requests: it is all memory, or all the handler's. */
static void access_requests(struct umd_device *device, const struct umd_bar *bar,
			    struct umd_request *request)
{
	const struct umd_backed *backed = find_backed(bar, request->offset, request->size);

	if (!backed)
		run_handler(device, bar, request);
	else if (umd_range_within(request->offset - backed->offset, request->size, backed->size))
		access_backed(device, backed, request->write, request->offset, request->data,
			      request->size);
	else
		request->error = -EINVAL;
}

static void access_bar(struct umd_device *device, const struct umd_bar *bar,
		       struct umd_request *request)
{
	bool decoded = bar->region.flags & UMD_REGION_IO ? device->decodes_io
							 : device->decodes_memory;

	if (!decoded)
		request->error = -EIO;
	else if (bar->region.access)
		access_requests(device, bar, request);
	else
		access_registers(device, bar, request);
}

/* The ROM, and all ones in what of its BAR lies behind it. */
static void access_rom(const struct umd_device *device, struct umd_request *request)
{
	const struct umd_rom *rom = &device->rom;
	size_t offset = (size_t)request->offset, left = offset < rom->size ? rom->size - offset : 0;
	size_t size = request->size < left ? request->size : left;

	if (request->write) {
		request->error = -EINVAL;
		return;
	}
	if (!device->decodes_memory) {
		request->error = -EIO;
		return;
	}
	if (size)
		memcpy(request->data, rom->bytes + offset, size);
	memset(request->data + size, 0xff, request->size - size);
}

static void access_region(struct umd_device *device, struct umd_request *request)
{
	if (request->region == UMD_REGION_CONFIG)
		access_config(device, request);
	else if (request->region == UMD_REGION_ROM)
		access_rom(device, request);
	else
		access_bar(device, &device->bars[request->region], request);
}

/* A device that is gone, or one that its client has put to sleep. */
static void access_unusual(struct umd_device *device, struct umd_request *request)
{
	if (umd_unplug_is_gone(device)) {
		umd_unplug_access(request);
		return;
	}
	umd_power_access_begins(device);
	access_region(device, request);
	if (request->state == UMD_REQUEST_DONE)
		umd_power_access_ends(device);
}

void umd_device_access(struct umd_device *device, struct umd_request *request)
{
	request->device = device;
	request->state = UMD_REQUEST_DONE;
	request->error = 0;

	if (request->size == 0 ||
	    !umd_range_within(request->offset, request->size,
			      umd_device_region_size(device, request->region)))
		request->error = -EINVAL;
	else if (device->unusual)
		access_unusual(device, request);
	else
		access_region(device, request);
}
