/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities about where requests go and how functions are found: Access Control Services,
 * Alternative Routing-ID Interpretation.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "pci/caps.h"

#define ACS_OF_ENDPOINT	 (PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC | PCI_ACS_DT)
#define ACS_EGRESS_MAX	 256u /* bits; the register has 0 for it */
#define ACS_EGRESS_WORDS (ACS_EGRESS_MAX / 32)
#define ACS_REGISTERS	 3u /* besides the vector */

/* ---- Access Control Services (PCIe 5.0, section 7.7.8) ------------------------------------- */

static int check_acs(const struct umd_acs *acs, const char *name, struct umd_error *error)
{
	const bool requests = acs->services & PCI_ACS_RR, completions = acs->services & PCI_ACS_CR;
	const bool egress = acs->services & PCI_ACS_EC;

	if (acs->services & ~ACS_OF_ENDPOINT)
		return umd_error_set(error, -EINVAL,
				     "%s: services 0x%x has more than an endpoint's 0x%x", name,
				     acs->services, ACS_OF_ENDPOINT);
	if (requests != completions)
		return umd_error_set(error, -EINVAL,
				     "%s: services 0x%x redirects %s only: both or none", name,
				     acs->services, requests ? "requests" : "completions");
	if (!egress && acs->egress_bits)
		return umd_error_set(error, -EINVAL,
				     "%s: egress_bits %u without egress control in services", name,
				     acs->egress_bits);
	return egress ? umd_pci_check_range(name, "egress_bits", acs->egress_bits, 1,
					    ACS_EGRESS_MAX, error)
		      : 0;
}

/* The bits of a word of the vector that there are. */
static uint32_t egress_bits(const struct umd_acs *acs, unsigned int word)
{
	unsigned int left = acs->egress_bits - 32 * word;

	return left < 32 ? (1u << left) - 1 : UINT32_MAX;
}

static int add_acs(struct umd_pci_config *config, const struct umd_acs *acs, const char *name,
		   struct umd_error *error)
{
	const unsigned int words = (acs->egress_bits + 31) / 32;
	const struct umd_pci_cap cap = {.name = name,
					.id = PCI_EXT_CAP_ID_ACS,
					.version = 1,
					.at = acs->at,
					.size = PCI_ACS_EGRESS_CTL_V + 4 * words};
	struct umd_pci_field fields[ACS_REGISTERS + ACS_EGRESS_WORDS] = {
		{PCI_ACS_CAP, 1, .value = acs->services},
		{PCI_ACS_EGRESS_BITS, 1, .value = acs->egress_bits % ACS_EGRESS_MAX},
		{PCI_ACS_CTRL, 2, .rw = acs->services},
	};

	for (unsigned int i = 0; i < words; i++)
		fields[ACS_REGISTERS + i] = (struct umd_pci_field){PCI_ACS_EGRESS_CTL_V + 4 * i, 4,
								   .rw = egress_bits(acs, i)};
	return umd_pci_add_single(config, &cap, fields, ACS_REGISTERS + words, error);
}

int umd_pci_add_acs(struct umd_pci_config *config, const struct umd_acs *acs,
		    struct umd_error *error)
{
	static const char name[] = "Access Control Services";
	int err = check_acs(acs, name, error);

	return err ? err : add_acs(config, acs, name, error);
}

/* ---- Alternative Routing-ID Interpretation (PCIe 5.0, section 7.8.7) ----------------------- */

/* Without function groups there is nothing to control. */
int umd_pci_add_ari(struct umd_pci_config *config, const struct umd_ari *ari,
		    struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Alternative Routing-ID Interpretation",
					.id = PCI_EXT_CAP_ID_ARI,
					.version = 1,
					.at = ari->at,
					.size = PCI_EXT_CAP_ARI_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_ARI_CAP, 2, .value = ari->next_function << 8},
	};
	int err = umd_pci_check_range(cap.name, "next_function", ari->next_function, 0, 255, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}
