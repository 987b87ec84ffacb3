/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPH Requester (PCIe 5.0, section 7.9.13): hints with steering tags, whose table lies in the
 * capability, in MSI-X's table, or nowhere.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "pci/caps.h"

#define CAP_NO_ST_MODE		  (1u << 0) /* every requester has it */
#define CAP_INTERRUPT_VECTOR_MODE (1u << 1)
#define CAP_DEVICE_SPECIFIC_MODE  (1u << 2)
#define CAP_EXTENDED		  (1u << 8)

#define CONTROL		 0x08
#define CONTROL_MODE	 0x7u
#define CONTROL_ENABLE	 (1u << 8)
#define CONTROL_EXTENDED (1u << 9)

#define TABLE_IN_CAP_MAX  64u
#define TABLE_IN_MSIX_MAX 2048u
#define REGISTERS	  2u /* besides the table */

static const char name[] = "TPH Requester";

static int check_table(const struct umd_tph *tph, struct umd_error *error)
{
	switch (tph->table_location) {
	case PCI_TPH_LOC_NONE:
		if (tph->interrupt_vector_mode)
			return umd_error_set(error, -EINVAL,
					     "%s: interrupt_vector_mode without a table", name);
		return umd_pci_check_range(name, "table_entries", tph->table_entries, 0, 0, error);
	case PCI_TPH_LOC_CAP:
		return umd_pci_check_range(name, "table_entries", tph->table_entries, 1,
					   TABLE_IN_CAP_MAX, error);
	case PCI_TPH_LOC_MSIX:
		return umd_pci_check_range(name, "table_entries", tph->table_entries, 1,
					   TABLE_IN_MSIX_MAX, error);
	default:
		return umd_error_set(error, -EINVAL,
				     "%s: table_location 0x%x is not one of PCI_TPH_LOC_NONE, "
				     "PCI_TPH_LOC_CAP, PCI_TPH_LOC_MSIX",
				     name, tph->table_location);
	}
}

static uint32_t capability(const struct umd_tph *tph)
{
	uint32_t last = tph->table_entries ? tph->table_entries - 1 : 0;

	return CAP_NO_ST_MODE | (tph->interrupt_vector_mode ? CAP_INTERRUPT_VECTOR_MODE : 0) |
	       (tph->device_specific_mode ? CAP_DEVICE_SPECIFIC_MODE : 0) |
	       (tph->extended ? CAP_EXTENDED : 0) | tph->table_location |
	       last << PCI_TPH_CAP_ST_SHIFT;
}

/* Steering tags have 8 bits, of an extended requester 16. */
int umd_pci_add_tph(struct umd_pci_config *config, const struct umd_tph *tph,
		    struct umd_error *error)
{
	const unsigned int tags = tph->table_location == PCI_TPH_LOC_CAP ? tph->table_entries : 0;
	const struct umd_pci_cap cap = {.name = name,
					.id = PCI_EXT_CAP_ID_TPH,
					.version = 1,
					.at = tph->at,
					.size = PCI_TPH_BASE_SIZEOF + 2 * tags};
	struct umd_pci_field fields[REGISTERS + TABLE_IN_CAP_MAX] = {
		{PCI_TPH_CAP, 4, .value = capability(tph)},
		{CONTROL, 4,
		 .rw = CONTROL_MODE | CONTROL_ENABLE | (tph->extended ? CONTROL_EXTENDED : 0)},
	};
	int err = check_table(tph, error);

	if (err)
		return err;
	for (unsigned int i = 0; i < tags; i++)
		fields[REGISTERS + i] = (struct umd_pci_field){PCI_TPH_BASE_SIZEOF + 2 * i, 2,
							       .rw = tph->extended ? 0xffff : 0xff};
	return umd_pci_add_single(config, &cap, fields, REGISTERS + tags, error);
}
