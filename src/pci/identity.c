/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities that tell one device from another: Vital Product Data, Device Serial Number. */
#include <errno.h>
#include <linux/pci_regs.h>

#include "base/range.h"
#include "pci/caps.h"

#define VPD_MAX (PCI_VPD_ADDR_MASK + 1u)

#define DSN_LOWER 4
#define DSN_UPPER 8

static int check_vpd(const struct umd_vpd *vpd, const char *name, struct umd_error *error)
{
	if (!vpd->bytes)
		return umd_error_set(error, -EINVAL, "%s: bytes are missing", name);
	if (!vpd->size || vpd->size % 4 || vpd->size > VPD_MAX)
		return umd_error_set(error, -EINVAL,
				     "%s: size %zu is no multiple of 4 from 4 to %u", name,
				     vpd->size, VPD_MAX);
	if (!umd_range_within(vpd->writable_at, vpd->writable_size, vpd->size))
		return umd_error_set(
			error, -EINVAL,
			"%s: writable_size %zu at writable_at %zu ends beyond size %zu", name,
			vpd->writable_size, vpd->writable_at, vpd->size);
	return 0;
}

int umd_pci_add_vpd(struct umd_pci_config *config, const struct umd_vpd *vpd,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Vital Product Data",
					.id = PCI_CAP_ID_VPD,
					.at = vpd->at,
					.size = PCI_CAP_VPD_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_VPD_ADDR, 2, .rw = PCI_VPD_ADDR_MASK | PCI_VPD_ADDR_F},
		{PCI_VPD_DATA, 4, .rw = UINT32_MAX},
	};
	int err = check_vpd(vpd, cap.name, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}

int umd_pci_add_dsn(struct umd_pci_config *config, const struct umd_dsn *dsn,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Device Serial Number",
					.id = PCI_EXT_CAP_ID_DSN,
					.version = 1,
					.at = dsn->at,
					.size = PCI_EXT_CAP_DSN_SIZEOF};
	const struct umd_pci_field fields[] = {
		{DSN_LOWER, 4, .value = (uint32_t)dsn->serial},
		{DSN_UPPER, 4, .value = (uint32_t)(dsn->serial >> 32)},
	};

	return umd_pci_add(config, &cap, fields, error);
}
