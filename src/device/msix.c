/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/msix.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "base/range.h"

#define TPH_EXTENDED (1u << 8) /* of PCI_TPH_CAP: tags of 16 bits */

static int check_stretch(const struct umd_device *device, unsigned int bar, uint64_t offset,
			 uint64_t size, const char *what, struct umd_error *error)
{
	const struct umd_region *region = &device->bars[bar].region;

	if (!region->size || (region->flags & UMD_REGION_IO))
		return umd_error_set(error, -EINVAL, "MSI-X %s: BAR %u is no memory BAR", what,
				     bar);
	if (!umd_range_within(offset, size, region->size))
		return umd_error_set(error, -EINVAL,
				     "MSI-X %s: %llu bytes at 0x%llx do not fit into BAR %u", what,
				     (unsigned long long)size, (unsigned long long)offset, bar);
	for (unsigned int i = 0; i < device->bars[bar].backed_count; i++) {
		const struct umd_backed *other = &device->bars[bar].backed[i];

		if (umd_range_overlap(offset, size, other->offset, other->size))
			return umd_error_set(error, -EINVAL,
					     "MSI-X %s: overlaps memory at 0x%llx of BAR %u", what,
					     (unsigned long long)other->offset, bar);
	}
	return 0;
}

static int back(struct umd_device *device, unsigned int bar, const struct umd_backed *backed,
		const char *what, struct umd_error *error)
{
	struct umd_bar *b = &device->bars[bar];
	int err = check_stretch(device, bar, backed->offset, backed->size, what, error);

	if (err)
		return err;
	b->backed[b->backed_count++] = *backed;
	return 0;
}

/* Steering tags lie in vector control where TPH Requester says so (PCIe 5.0, section 7.7.2). */
static uint32_t tag_bits(const struct umd_device *device)
{
	int at = umd_pci_config_find_cap(&device->config, PCI_EXT_CAP_ID_TPH, true);
	uint32_t tph = 0;

	if (at > 0)
		tph = umd_pci_config_get(&device->config, (size_t)at + PCI_TPH_CAP, 4);
	if ((tph & PCI_TPH_CAP_LOC_MASK) != PCI_TPH_LOC_MSIX)
		return 0;
	return tph & TPH_EXTENDED ? 0xffff0000 : 0x00ff0000;
}

int umd_msix_realize(struct umd_device *device, struct umd_error *error)
{
	const struct umd_msix *msix = &device->msix;
	const struct umd_backed table = {.offset = msix->table_offset,
					 .size = umd_msix_table_size(msix->vectors),
					 .memory = device->irqs.msix.table,
					 .msix_table = true};
	const struct umd_backed pending = {.offset = msix->pba_offset,
					   .size = umd_msix_pending_size(msix->vectors),
					   .memory = device->irqs.msix.pending,
					   .read_only = true,
					   .msix_pending = true};
	int err;

	device->irqs.msix.control_bits |= tag_bits(device);
	err = back(device, msix->table_bar, &table, "table", error);

	if (err)
		return err;
	err = back(device, msix->pba_bar, &pending, "pending bits", error);
	if (err)
		device->bars[msix->table_bar].backed_count--;
	return err;
}
