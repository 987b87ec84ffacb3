/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities of a device that asks for translations itself: Address Translation Service, Page
 * Request Interface, Process Address Space ID.
 */
#include <linux/pci_regs.h>

#include "pci/caps.h"

#define ATS_CAP_GLOBAL_INVALIDATE (1u << 6)
#define PASID_WIDTH_MAX		  20u
#define PASID_WIDTH_SHIFT	  8

/* ---- Address Translation Service (PCIe 5.0, section 10.5.1) -------------------------------- */

/* A queue of the largest depth has 0 in its register. */
int umd_pci_add_ats(struct umd_pci_config *config, const struct umd_ats *ats,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Address Translation Service",
					.id = PCI_EXT_CAP_ID_ATS,
					.version = 1,
					.at = ats->at,
					.size = PCI_EXT_CAP_ATS_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_ATS_CAP, 2,
		 .value = ats->queue_depth % PCI_ATS_MAX_QDEP |
			  (ats->page_aligned ? PCI_ATS_CAP_PAGE_ALIGNED : 0) |
			  (ats->global_invalidate ? ATS_CAP_GLOBAL_INVALIDATE : 0)},
		{PCI_ATS_CTRL, 2, .rw = PCI_ATS_CTRL_ENABLE | PCI_ATS_CTRL_STU(UINT32_MAX)},
	};
	int err = umd_pci_check_range(cap.name, "queue_depth", ats->queue_depth, 1,
				      PCI_ATS_MAX_QDEP, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}

/* ---- Page Request Interface (PCIe 5.0, section 10.5.2) ------------------------------------- */

/* It begins as stopped: off, and no request is under way. */
int umd_pci_add_pri(struct umd_pci_config *config, const struct umd_pri *pri,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Page Request Interface",
					.id = PCI_EXT_CAP_ID_PRI,
					.version = 1,
					.at = pri->at,
					.size = PCI_EXT_CAP_PRI_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_PRI_CTRL, 2, .rw = PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET},
		{PCI_PRI_STATUS, 2,
		 .value = PCI_PRI_STATUS_STOPPED | (pri->pasid_required ? PCI_PRI_STATUS_PASID : 0),
		 .w1c = PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI},
		{PCI_PRI_MAX_REQ, 4, .value = pri->capacity},
		{PCI_PRI_ALLOC_REQ, 4, .rw = UINT32_MAX},
	};
	int err = umd_pci_check_range(cap.name, "capacity", pri->capacity, 1, UINT32_MAX, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}

/* ---- Process Address Space ID (PCIe 5.0, section 7.8.8) ------------------------------------ */

int umd_pci_add_pasid(struct umd_pci_config *config, const struct umd_pasid *pasid,
		      struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "PASID",
					.id = PCI_EXT_CAP_ID_PASID,
					.version = 1,
					.at = pasid->at,
					.size = PCI_EXT_CAP_PASID_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_PASID_CAP, 2,
		 .value = pasid->width << PASID_WIDTH_SHIFT |
			  (pasid->execute ? PCI_PASID_CAP_EXEC : 0) |
			  (pasid->privileged ? PCI_PASID_CAP_PRIV : 0)},
		{PCI_PASID_CTRL, 2,
		 .rw = PCI_PASID_CTRL_ENABLE | (pasid->execute ? PCI_PASID_CTRL_EXEC : 0) |
		       (pasid->privileged ? PCI_PASID_CTRL_PRIV : 0)},
	};
	int err = umd_pci_check_range(cap.name, "width", pasid->width, 1, PASID_WIDTH_MAX, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}
