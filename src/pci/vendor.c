/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities whose registers are a vendor's: Vendor-Specific, its extended form, and Designated
 * Vendor-Specific. A device may have several. Each ends with the body that was declared.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "pci/caps.h"

#define VENDOR_LENGTH 2 /* register: bytes of the whole capability */
#define VENDOR_HEADER 3u
#define VSEC_HEADER   8u
#define DVSEC_HEADER  10u

#define REVISION_MAX   15u
#define REVISION_SHIFT 16
#define LENGTH_SHIFT   20

#define STANDARD_ROOM (UMD_PCI_CONFIG_SIZE - PCI_STD_HEADER_SIZEOF)
#define EXTENDED_ROOM (UMD_PCIE_CONFIG_SIZE - UMD_PCI_CONFIG_SIZE)

static int check_body(const struct umd_cap_body *body, size_t most, const char *name,
		      struct umd_error *error)
{
	if (body->size > most)
		return umd_error_set(error, -EINVAL, "%s: body.size %zu is not 0 to %zu", name,
				     body->size, most);
	if (!body->writable || !body->clearable)
		return 0;

	for (size_t i = 0; i < body->size; i++) {
		unsigned int both = body->writable[i] & body->clearable[i];

		if (both)
			return umd_error_set(error, -EINVAL,
					     "%s: bits 0x%x of byte %zu of the body are both "
					     "writable and clearable",
					     name, both, i);
	}
	return 0;
}

static int add(struct umd_pci_config *config, const struct umd_pci_cap *cap,
	       const struct umd_pci_field *fields, size_t count, const struct umd_cap_body *body,
	       struct umd_error *error)
{
	int at = umd_pci_config_add_cap(config, cap, fields, count, error);

	if (at > 0)
		umd_pci_config_add_body(config, (size_t)at + cap->size - body->size, body);
	return at;
}

int umd_pci_add_vendor(struct umd_pci_config *config, const struct umd_vendor_cap *vendor,
		       struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Vendor-Specific",
					.id = PCI_CAP_ID_VNDR,
					.at = vendor->at,
					.size = VENDOR_HEADER + (unsigned int)vendor->body.size};
	const struct umd_pci_field length = {VENDOR_LENGTH, 1, .value = cap.size};
	int err = check_body(&vendor->body, STANDARD_ROOM - VENDOR_HEADER, cap.name, error);

	return err ? err : add(config, &cap, &length, 1, &vendor->body, error);
}

int umd_pci_add_vsec(struct umd_pci_config *config, const struct umd_vsec *vsec,
		     struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Vendor-Specific Extended",
					.id = PCI_EXT_CAP_ID_VNDR,
					.version = 1,
					.at = vsec->at,
					.size = VSEC_HEADER + (unsigned int)vsec->body.size};
	const struct umd_pci_field header = {PCI_VNDR_HEADER, 4,
					     .value = vsec->id |
						      (uint32_t)vsec->revision << REVISION_SHIFT |
						      cap.size << LENGTH_SHIFT};
	int err = check_body(&vsec->body, EXTENDED_ROOM - VSEC_HEADER, cap.name, error);

	if (!err)
		err = umd_pci_check_range(cap.name, "revision", vsec->revision, 0, REVISION_MAX,
					  error);
	return err ? err : add(config, &cap, &header, 1, &vsec->body, error);
}

int umd_pci_add_dvsec(struct umd_pci_config *config, const struct umd_dvsec *dvsec,
		      struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Designated Vendor-Specific",
					.id = PCI_EXT_CAP_ID_DVSEC,
					.version = 1,
					.at = dvsec->at,
					.size = DVSEC_HEADER + (unsigned int)dvsec->body.size};
	const struct umd_pci_field headers[] = {
		{PCI_DVSEC_HEADER1, 4,
		 .value = dvsec->vendor | (uint32_t)dvsec->revision << REVISION_SHIFT |
			  cap.size << LENGTH_SHIFT},
		{PCI_DVSEC_HEADER2, 2, .value = dvsec->id},
	};
	int err = check_body(&dvsec->body, EXTENDED_ROOM - DVSEC_HEADER, cap.name, error);

	if (!err)
		err = umd_pci_check_range(cap.name, "revision", dvsec->revision, 0, REVISION_MAX,
					  error);
	return err ? err
		   : add(config, &cap, headers, sizeof(headers) / sizeof(headers[0]), &dvsec->body,
			 error);
}
