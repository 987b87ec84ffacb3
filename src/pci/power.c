/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities about power: Latency Tolerance Reporting, Dynamic Power Allocation. Power
 * Management: caps.c.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "pci/caps.h"

#define DPA_SUBSTATES_MAX  32u
#define DPA_UNIT_SHIFT	   8
#define DPA_SCALE_SHIFT	   12
#define DPA_LATENCY0_SHIFT 16
#define DPA_LATENCY1_SHIFT 24

#define DPA_REGISTERS 4u /* besides the substates' power */

/* ---- Latency Tolerance Reporting (PCIe 5.0, section 7.8.2) --------------------------------- */

int umd_pci_add_ltr(struct umd_pci_config *config, const struct umd_ltr *ltr,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Latency Tolerance Reporting",
					.id = PCI_EXT_CAP_ID_LTR,
					.version = 1,
					.at = ltr->at,
					.size = PCI_EXT_CAP_LTR_SIZEOF};
	const uint32_t latency = PCI_LTR_VALUE_MASK | PCI_LTR_SCALE_MASK;
	const struct umd_pci_field fields[] = {
		{PCI_LTR_MAX_SNOOP_LAT, 2, .rw = latency},
		{PCI_LTR_MAX_NOSNOOP_LAT, 2, .rw = latency},
	};

	return umd_pci_add(config, &cap, fields, error);
}

/* ---- Dynamic Power Allocation (PCIe 5.0, section 7.9.12) ----------------------------------- */

/* Substate 0 takes the most power, each one after it no more than the one before. */
static int check_power(const struct umd_dpa *dpa, const char *name, struct umd_error *error)
{
	if (!dpa->power)
		return umd_error_set(error, -EINVAL, "%s: power is missing", name);
	for (unsigned int i = 1; i < dpa->substates; i++) {
		if (dpa->power[i] > dpa->power[i - 1])
			return umd_error_set(error, -EINVAL,
					     "%s: power[%u] %u is more than power[%u] %u", name, i,
					     dpa->power[i], i - 1, dpa->power[i - 1]);
	}
	return 0;
}

static int check_dpa(const struct umd_dpa *dpa, const char *name, struct umd_error *error)
{
	int err =
		umd_pci_check_range(name, "substates", dpa->substates, 1, DPA_SUBSTATES_MAX, error);

	if (!err)
		err = umd_pci_check_range(name, "latency_unit", dpa->latency_unit, 0, 2, error);
	if (!err)
		err = umd_pci_check_range(name, "power_scale", dpa->power_scale, 0, 3, error);
	if (err)
		return err;
	if ((uint64_t)dpa->latency_indicator >> dpa->substates)
		return umd_error_set(error, -EINVAL,
				     "%s: latency_indicator 0x%x has bits beyond %u substates",
				     name, dpa->latency_indicator, dpa->substates);
	return check_power(dpa, name, error);
}

static int add_dpa(struct umd_pci_config *config, const struct umd_dpa *dpa, const char *name,
		   struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = name,
					.id = PCI_EXT_CAP_ID_DPA,
					.version = 1,
					.at = dpa->at,
					.size = PCI_DPA_BASE_SIZEOF + dpa->substates};
	struct umd_pci_field fields[DPA_REGISTERS + DPA_SUBSTATES_MAX] = {
		{PCI_DPA_CAP, 4,
		 .value = (dpa->substates - 1) | dpa->latency_unit << DPA_UNIT_SHIFT |
			  dpa->power_scale << DPA_SCALE_SHIFT |
			  (uint32_t)dpa->latency[0] << DPA_LATENCY0_SHIFT |
			  (uint32_t)dpa->latency[1] << DPA_LATENCY1_SHIFT},
		{UMD_PCI_DPA_LATENCY_INDICATOR, 4, .value = dpa->latency_indicator},
		{UMD_PCI_DPA_STATUS, 2, .value = UMD_PCI_DPA_STATUS_ENABLED,
		 .w1c = UMD_PCI_DPA_STATUS_ENABLED},
		{UMD_PCI_DPA_CONTROL, 2, .rw = PCI_DPA_CAP_SUBSTATE_MASK},
	};

	for (unsigned int i = 0; i < dpa->substates; i++)
		fields[DPA_REGISTERS + i] =
			(struct umd_pci_field){PCI_DPA_BASE_SIZEOF + i, 1, .value = dpa->power[i]};
	return umd_pci_add_single(config, &cap, fields, DPA_REGISTERS + dpa->substates, error);
}

int umd_pci_add_dpa(struct umd_pci_config *config, const struct umd_dpa *dpa,
		    struct umd_error *error)
{
	static const char name[] = "Dynamic Power Allocation";
	int err = check_dpa(dpa, name, error);

	return err ? err : add_dpa(config, dpa, name, error);
}
