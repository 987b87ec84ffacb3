/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vital Product Data (PCI Local Bus 3.0, appendix I): four bytes at a time, at the address that the
 * driver writes. The flag in its upper byte says which way, and turns over when it is done.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/caps.h>

#include "base/bytes.h"
#include "base/export.h"
#include "base/range.h"
#include "device/caps.h"
#include "pci/caps.h"

/* Bytes that are not there read as zero; those that the driver may not write stay. */
static void transfer(struct umd_device *device, size_t address, bool write)
{
	const struct umd_vpd_data *vpd = &device->vpd;
	uint8_t *data = &device->config.bytes[device->at.vpd + PCI_VPD_DATA];

	for (size_t i = 0; i < 4; i++) {
		size_t at = address + i;

		if (!write)
			data[i] = at < vpd->size ? vpd->bytes[at] : 0;
		else if (at >= vpd->writable_at && at - vpd->writable_at < vpd->writable_size)
			vpd->bytes[at] = data[i];
	}
}

static void address_written(void *data, size_t offset, size_t size)
{
	struct umd_device *device = data;
	size_t at = device->at.vpd + PCI_VPD_ADDR;
	uint32_t address = umd_pci_config_get(&device->config, at, 2);

	if (offset + size < 2) /* without its upper byte, the address is not whole */
		return;
	transfer(device, address & PCI_VPD_ADDR_MASK, address & PCI_VPD_ADDR_F);
	umd_pci_config_set(&device->config, at, 2, address ^ PCI_VPD_ADDR_F);
}

void umd_vpd_forget(struct umd_device *device)
{
	if (device->vpd.bytes)
		memcpy(device->vpd.bytes, device->vpd.initial, device->vpd.size);
}

static int keep(struct umd_device *device, const struct umd_vpd *vpd)
{
	uint8_t *bytes = malloc(2 * vpd->size);

	if (!bytes)
		return umd_error_set(umd_device_declaring(device), -ENOMEM,
				     "Vital Product Data: out of memory");

	memcpy(bytes, vpd->bytes, vpd->size);
	memcpy(bytes + vpd->size, vpd->bytes, vpd->size);
	device->vpd = (struct umd_vpd_data){.bytes = bytes,
					    .initial = bytes + vpd->size,
					    .size = vpd->size,
					    .writable_at = vpd->writable_at,
					    .writable_size = vpd->writable_size};
	return 0;
}

UMD_EXPORT int umd_device_add_vpd(struct umd_device *device, const struct umd_vpd *vpd)
{
	int at, err;

	if (device->realized)
		return -EBUSY;

	at = umd_pci_add_vpd(&device->config, vpd, umd_device_declaring(device));
	if (at < 0)
		return at;
	err = keep(device, vpd);
	if (err)
		return err;
	device->at.vpd = (unsigned int)at;
	return umd_caps_hook(device, device->at.vpd + PCI_VPD_ADDR, 2, address_written);
}
