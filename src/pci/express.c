/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI Express capability of an endpoint, version 2 (PCIe 5.0, section 7.5.3). What a function
 * level reset leaves alone is in section 6.6.2.
 *
 * Every one says that it takes End-End TLP Prefixes, up to four: PASIDs and extended steering tags
 * travel in them, and a driver enables these only where they can.
 */
#include <errno.h>
#include <linux/pci_regs.h>

#include "base/range.h"
#include "pci/caps.h"

#define EXPRESS_SIZE	60u
#define EXPRESS_VERSION 2u
#define TYPE_SHIFT	4

#define PAYLOAD_MIN		128u
#define PAYLOAD_MAX		4096u
#define PAYLOAD_SHIFT		7 /* 0 means 2^7 bytes */
#define WIDTH_SHIFT		4
#define LNKCAP_ASPM_OPTIONALITY (1u << 22) /* "set in all functions", with ASPM or without */
#define DEVCAP2_EXT_FMT		(1u << 20) /* Extended Fmt Field Supported */

#define ERRORS_ENABLED \
	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE)

#define ERRORS_DETECTED \
	(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD)

/* All of them outlive a function level reset. */
#define LINK_CONTROL \
	(PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES)

/* Sticky: target speed, Enter Compliance, Transmit Margin and the compliance settings above it. */
#define LINK_CONTROL_2 \
	(PCI_EXP_LNKCTL2_TLS | PCI_EXP_LNKCTL2_ENTER_COMP | PCI_EXP_LNKCTL2_TX_MARGIN | 0xfc00u)

/* Link registers are the last ones here: an integrated endpoint has none. */
#define DEVICE_FIELDS 6u

static int check_link(const struct umd_pcie *pcie, const char *name, struct umd_error *error)
{
	unsigned int width = pcie->link_width;

	if (pcie->integrated && pcie->link_speed)
		return umd_error_set(
			error, -EINVAL,
			"%s: link_speed %u of an integrated endpoint, which has no link", name,
			pcie->link_speed);
	if (pcie->integrated && width)
		return umd_error_set(
			error, -EINVAL,
			"%s: link_width %u of an integrated endpoint, which has no link", name,
			width);
	if (width && width != 12 && (width > 32 || !umd_is_power_of_2(width)))
		return umd_error_set(error, -EINVAL,
				     "%s: link_width %u is not 1, 2, 4, 8, 12, 16 or 32", name,
				     width);
	return umd_pci_check_range(name, "link_speed", pcie->link_speed, 0, 5, error);
}

static int check(const struct umd_pcie *pcie, const char *name, struct umd_error *error)
{
	unsigned int payload = pcie->max_payload;

	if (payload &&
	    (payload < PAYLOAD_MIN || payload > PAYLOAD_MAX || !umd_is_power_of_2(payload)))
		return umd_error_set(error, -EINVAL,
				     "%s: max_payload %u is not 128, 256, 512, 1024, 2048 or 4096",
				     name, payload);
	return check_link(pcie, name, error);
}

/* Max_Payload_Size as the registers count it. */
static uint32_t payload_code(const struct umd_pcie *pcie)
{
	return pcie->max_payload ? (uint32_t)__builtin_ctz(pcie->max_payload) - PAYLOAD_SHIFT : 0;
}

static uint32_t device_capabilities(const struct umd_pcie *pcie)
{
	return payload_code(pcie) | PCI_EXP_DEVCAP_RBER |
	       (pcie->extended_tag ? PCI_EXP_DEVCAP_EXT_TAG : 0) |
	       (pcie->flr ? PCI_EXP_DEVCAP_FLR : 0);
}

/* What an endpoint never does, its driver cannot enable: the bits are zero, as they may be. */
static struct umd_pci_field device_control(const struct umd_pcie *pcie)
{
	const uint32_t relaxed = pcie->no_relaxed_ordering ? 0 : PCI_EXP_DEVCTL_RELAX_EN;
	const uint32_t payload = payload_code(pcie) ? PCI_EXP_DEVCTL_PAYLOAD : 0;

	return (struct umd_pci_field){
		PCI_EXP_DEVCTL,
		2,
		.value = relaxed | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B,
		.rw = ERRORS_ENABLED | relaxed | payload | PCI_EXP_DEVCTL_AUX_PME |
		      PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ |
		      (pcie->extended_tag ? PCI_EXP_DEVCTL_EXT_TAG : 0) |
		      (pcie->flr ? PCI_EXP_DEVCTL_BCR_FLR : 0),
		.sticky = payload | PCI_EXP_DEVCTL_AUX_PME,
	};
}

static int add(struct umd_pci_config *config, const struct umd_pcie *pcie,
	       const struct umd_pci_cap *cap, struct umd_error *error)
{
	const uint32_t type = pcie->integrated ? PCI_EXP_TYPE_RC_END : PCI_EXP_TYPE_ENDPOINT;
	const uint32_t speed = pcie->link_speed ? pcie->link_speed : 1;
	const uint32_t link = speed | (pcie->link_width ? pcie->link_width : 1) << WIDTH_SHIFT;
	const struct umd_pci_field fields[] = {
		{PCI_EXP_FLAGS, 2, .value = EXPRESS_VERSION | type << TYPE_SHIFT},
		{PCI_EXP_DEVCAP, 4, .value = device_capabilities(pcie)},
		device_control(pcie),
		{PCI_EXP_DEVSTA, 2, .w1c = ERRORS_DETECTED},
		{PCI_EXP_DEVCAP2, 4,
		 .value = PCI_EXP_DEVCAP2_COMP_TMOUT_DIS | DEVCAP2_EXT_FMT |
			  PCI_EXP_DEVCAP2_EE_PREFIX | (pcie->ltr ? PCI_EXP_DEVCAP2_LTR : 0)},
		{PCI_EXP_DEVCTL2, 2,
		 .rw = PCI_EXP_DEVCTL2_COMP_TMOUT_DIS | (pcie->ltr ? PCI_EXP_DEVCTL2_LTR_EN : 0)},
		{PCI_EXP_LNKCAP, 4, .value = link | LNKCAP_ASPM_OPTIONALITY},
		{PCI_EXP_LNKCTL, 2, .rw = LINK_CONTROL, .sticky = LINK_CONTROL},
		{PCI_EXP_LNKSTA, 2, .value = link},
		{PCI_EXP_LNKCAP2, 4, .value = (2u << speed) - 2},
		{PCI_EXP_LNKCTL2, 2, .value = speed, .rw = LINK_CONTROL_2,
		 .sticky = LINK_CONTROL_2},
	};

	return umd_pci_add_single(
		config, cap, fields,
		pcie->integrated ? DEVICE_FIELDS : sizeof(fields) / sizeof(fields[0]), error);
}

/* With it come 4 KiB of config space, and the latency timer, which is PCI's, is gone. */
int umd_pci_add_express(struct umd_pci_config *config, const struct umd_pcie *pcie,
			struct umd_error *error)
{
	const struct umd_pci_cap cap = {
		.name = "PCI Express", .id = PCI_CAP_ID_EXP, .at = pcie->at, .size = EXPRESS_SIZE};
	const struct umd_pci_field latency_timer = {PCI_LATENCY_TIMER, 1, .rw = 0};
	int at = check(pcie, cap.name, error);

	if (!at)
		at = add(config, pcie, &cap, error);
	if (at < 0)
		return at;
	umd_pci_config_grow(config);
	config->is_express = true;
	umd_pci_config_add_fields(config, 0, &latency_timer, 1);
	return at;
}
