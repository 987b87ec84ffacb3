/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to regions: who serves which bytes. Config space is the pci room's; in a BAR, stretches
 * of memory are copied here and the rest is the device's own: register by register, or as a whole.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "device/device.h"

uint64_t umd_device_region_size(const struct umd_device *device, uint32_t index)
{
	if (index < UMD_BARS)
		return device->bars[index].region.size;
	return index == UMD_REGION_CONFIG ? UMD_PCI_CONFIG_SIZE : 0;
}

/* What config space says to the other rooms. */
static void apply_config(struct umd_device *device)
{
	const struct umd_pci_config *config = &device->config;
	uint16_t command = umd_pci_config_command(config);

	umd_irqs_disable_intx(&device->irqs, command & PCI_COMMAND_INTX_DISABLE);
	if (device->msix_cap)
		umd_irqs_mask_msix(&device->irqs,
				   umd_get_le16(&config->bytes[device->msix_cap + PCI_MSIX_FLAGS]) &
					   PCI_MSIX_FLAGS_MASKALL);
}

static void access_config(struct umd_device *device, struct umd_request *request)
{
	if (!request->write) {
		umd_pci_config_read(&device->config, request->offset, request->data, request->size);
		return;
	}

	umd_pci_config_write(&device->config, request->offset, request->data, request->size);
	apply_config(device);
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

static bool is_gated(const struct umd_device *device, const struct umd_bar *bar)
{
	return !(bar->region.flags & UMD_REGION_IO) &&
	       !(umd_pci_config_command(&device->config) & PCI_COMMAND_MEMORY);
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
	if (is_gated(device, bar))
		request->error = -EIO;
	else if (bar->region.access)
		access_requests(device, bar, request);
	else
		access_registers(device, bar, request);
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
	else if (request->region == UMD_REGION_CONFIG)
		access_config(device, request);
	else
		access_bar(device, &device->bars[request->region], request);
}
