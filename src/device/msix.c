/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/msix.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "base/bytes.h"
#include "base/range.h"

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

/* The capability's body: control, table and PBA. */
static int add_capability(struct umd_device *device, struct umd_error *error)
{
	const struct umd_msix *msix = &device->msix;
	uint8_t body[PCI_CAP_MSIX_SIZEOF - PCI_MSIX_FLAGS] = {0}, writable[sizeof(body)] = {0};

	int at;

	umd_put_le16(writable, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	umd_put_le16(body, (uint16_t)(msix->vectors - 1));
	umd_put_le32(&body[PCI_MSIX_TABLE - PCI_MSIX_FLAGS],
		     (uint32_t)msix->table_offset | msix->table_bar);
	umd_put_le32(&body[PCI_MSIX_PBA - PCI_MSIX_FLAGS],
		     (uint32_t)msix->pba_offset | msix->pba_bar);
	at = umd_pci_config_add_cap(&device->config, PCI_CAP_ID_MSIX, body, writable, sizeof(body));
	if (at < 0)
		return umd_error_set(error, at, "MSI-X: config space is full");
	device->msix_cap = (unsigned int)at;
	return 0;
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
					   .read_only = true};
	int err = back(device, msix->table_bar, &table, "table", error);

	if (err)
		return err;
	err = back(device, msix->pba_bar, &pending, "pending bits", error);
	if (err) {
		device->bars[msix->table_bar].backed_count--;
		return err;
	}
	return add_capability(device, error);
}
