/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advanced Error Reporting of an endpoint (PCIe 5.0, section 7.8.4): the errors that one detects,
 * with the masks and severities that the specification gives them, which a driver may change. All
 * of it outlives a function level reset.
 */
#include <linux/pci_regs.h>

#include "pci/caps.h"

#define AER_VERSION 2u
#define AER_SIZE    0x48u /* with the TLP Prefix Log at its end, which stays empty */

int umd_pci_add_aer(struct umd_pci_config *config, const struct umd_aer *aer,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Advanced Error Reporting",
					.id = PCI_EXT_CAP_ID_ERR,
					.version = AER_VERSION,
					.at = aer->at,
					.size = AER_SIZE};
	const uint32_t uncorrectable = UMD_PCI_AER_UNCORRECTABLE;
	const uint32_t correctable = UMD_PCI_AER_CORRECTABLE;
	const uint32_t enable = (aer->ecrc_generation ? PCI_ERR_CAP_ECRC_GENE : 0) |
				(aer->ecrc_check ? PCI_ERR_CAP_ECRC_CHKE : 0);
	const uint32_t capable = (aer->ecrc_generation ? PCI_ERR_CAP_ECRC_GENC : 0) |
				 (aer->ecrc_check ? PCI_ERR_CAP_ECRC_CHKC : 0);
	const struct umd_pci_field fields[] = {
		{PCI_ERR_UNCOR_STATUS, 4, .w1c = uncorrectable, .sticky = uncorrectable},
		{PCI_ERR_UNCOR_MASK, 4, .value = PCI_ERR_UNC_INTN, .rw = uncorrectable,
		 .sticky = uncorrectable},
		{PCI_ERR_UNCOR_SEVER, 4, .value = UMD_PCI_AER_FATAL, .rw = uncorrectable,
		 .sticky = uncorrectable},
		{PCI_ERR_COR_STATUS, 4, .w1c = correctable, .sticky = correctable},
		{PCI_ERR_COR_MASK, 4,
		 .value = PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL | PCI_ERR_COR_LOG_OVER,
		 .rw = correctable, .sticky = correctable},
		{PCI_ERR_CAP, 4, .value = capable, .rw = enable,
		 .sticky = enable | PCI_ERR_CAP_FEP(UINT32_MAX)},
		{PCI_ERR_HEADER_LOG, 4, .sticky = UINT32_MAX},
		{PCI_ERR_HEADER_LOG + 4, 4, .sticky = UINT32_MAX},
		{PCI_ERR_HEADER_LOG + 8, 4, .sticky = UINT32_MAX},
		{PCI_ERR_HEADER_LOG + 12, 4, .sticky = UINT32_MAX},
	};

	return umd_pci_add(config, &cap, fields, error);
}
