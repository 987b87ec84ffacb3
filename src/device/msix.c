/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/msix.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

static uint64_t table_size(const struct umd_msix *msix)
{
	return (uint64_t)msix->vectors * PCI_MSIX_ENTRY_SIZE;
}

static uint64_t pba_size(const struct umd_msix *msix)
{
	return (msix->vectors + 63) / 64 * 8;
}

static int check_stretch(const struct umd_device *device, unsigned int bar, uint64_t offset,
			 uint64_t size, const char *what, struct umd_error *error)
{
	const struct umd_region *region = &device->bars[bar].region;

	if (!region->size || (region->flags & UMD_REGION_IO))
		return umd_error_set(error, -EINVAL, "MSI-X %s: BAR %u is no memory BAR", what, bar);
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

static int back(struct umd_device *device, unsigned int bar, uint64_t offset, uint64_t size,
		const char *what, bool read_only, uint8_t **ret, struct umd_error *error)
{
	struct umd_bar *b = &device->bars[bar];
	int err = check_stretch(device, bar, offset, size, what, error);

	if (err)
		return err;
	*ret = calloc(1, (size_t)size);
	if (!*ret)
		return umd_error_set(error, -ENOMEM, "MSI-X %s: out of memory", what);

	b->backed[b->backed_count++] = (struct umd_backed){
		.offset = offset, .size = size, .memory = *ret, .read_only = read_only};
	return 0;
}

/* The capability's body: control, table and PBA; all of it the client's SET_IRQS' to change. */
static int add_capability(struct umd_device *device, struct umd_error *error)
{
	const struct umd_msix *msix = &device->msix;
	uint8_t body[PCI_CAP_MSIX_SIZEOF - PCI_MSIX_FLAGS] = {0}, writable[sizeof(body)] = {0};

	umd_put_le16(body, (uint16_t)(msix->vectors - 1));
	umd_put_le32(&body[PCI_MSIX_TABLE - PCI_MSIX_FLAGS],
		     (uint32_t)msix->table_offset | msix->table_bar);
	umd_put_le32(&body[PCI_MSIX_PBA - PCI_MSIX_FLAGS],
		     (uint32_t)msix->pba_offset | msix->pba_bar);
	if (umd_pci_config_add_cap(&device->config, PCI_CAP_ID_MSIX, body, writable, sizeof(body)) <
	    0)
		return umd_error_set(error, -ENOSPC, "MSI-X: config space is full");
	return 0;
}

int umd_msix_realize(struct umd_device *device, struct umd_error *error)
{
	const struct umd_msix *msix = &device->msix;
	int err = back(device, msix->table_bar, msix->table_offset, table_size(msix), "table",
		       false, &device->msix_table, error);

	if (err)
		return err;
	err = back(device, msix->pba_bar, msix->pba_offset, pba_size(msix), "pending bits", true,
		   &device->msix_pba, error);
	if (err)
		return err;

	umd_msix_reset(device);
	return add_capability(device, error);
}

void umd_msix_reset(struct umd_device *device)
{
	if (!device->msix_table)
		return;

	memset(device->msix_table, 0, (size_t)table_size(&device->msix));
	for (unsigned int i = 0; i < device->msix.vectors; i++)
		umd_put_le32(&device->msix_table[i * PCI_MSIX_ENTRY_SIZE +
						 PCI_MSIX_ENTRY_VECTOR_CTRL],
			     PCI_MSIX_ENTRY_CTRL_MASKBIT);
}
