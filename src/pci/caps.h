/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities as registers: each function checks a declaration and adds the capability to config
 * space, as umdev/caps.h describes it. What a register does when it is written is the device room's
 * business; the masks are here.
 *
 * All return the capability's offset, or -EINVAL, -EEXIST, -ENOSPC with a sentence that names the
 * field.
 */
#ifndef UMD_PCI_CAPS_H
#define UMD_PCI_CAPS_H

#include <linux/pci_regs.h>

#include <umdev/caps.h>

#include "pci/config.h"

/* ---- What they share ----------------------------------------------------------------------- */

/* Adds a capability that a device has once: -EEXIST for another. */
int umd_pci_add_single(struct umd_pci_config *config, const struct umd_pci_cap *cap,
		       const struct umd_pci_field *fields, size_t count, struct umd_error *error);

/* The same for registers that are an array. */
#define umd_pci_add(config, cap, fields, error) \
	umd_pci_add_single(config, cap, fields, sizeof(fields) / sizeof((fields)[0]), error)

/* 0 for a member of a declaration that is low to high, else -EINVAL with a sentence. */
int umd_pci_check_range(const char *cap, const char *member, uint64_t value, uint64_t low,
			uint64_t high, struct umd_error *error);

/* ---- What their registers hold ------------------------------------------------------------- */

/* Errors that an endpoint detects; what only ports detect is not among them (section 6.2.7). */
#define UMD_PCI_AER_UNCORRECTABLE                                                           \
	((uint32_t)(PCI_ERR_UNC_DLP | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP |            \
		    PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP | \
		    PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_ECRC |         \
		    PCI_ERR_UNC_UNSUP | PCI_ERR_UNC_ACSV | PCI_ERR_UNC_INTN))

/* Those among them that are fatal unless the driver says otherwise. */
#define UMD_PCI_AER_FATAL                                                     \
	((uint32_t)(PCI_ERR_UNC_DLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER | \
		    PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_INTN))

#define UMD_PCI_AER_CORRECTABLE                                                           \
	((uint32_t)(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP |       \
		    PCI_ERR_COR_REP_ROLL | PCI_ERR_COR_REP_TIMER | PCI_ERR_COR_ADV_NFAT | \
		    PCI_ERR_COR_INTERNAL | PCI_ERR_COR_LOG_OVER))

/* BAR Size in PCI_REBAR_CTRL: six bits since PCIe 5.0; linux/pci_regs.h up to 6.1 has five. */
#define UMD_PCI_REBAR_SIZE 0x3f00u

/* Registers of Dynamic Power Allocation that linux/pci_regs.h does not name. */
#define UMD_PCI_DPA_LATENCY_INDICATOR 0x08u
#define UMD_PCI_DPA_STATUS	      0x0cu
#define UMD_PCI_DPA_STATUS_ENABLED    (1u << 8) /* Substate Control Enabled */
#define UMD_PCI_DPA_CONTROL	      0x0eu

/* ---- Standard capabilities ----------------------------------------------------------------- */

int umd_pci_add_pm(struct umd_pci_config *config, const struct umd_pm *pm, struct umd_error *error);
int umd_pci_add_msi(struct umd_pci_config *config, const struct umd_msi *msi,
		    struct umd_error *error);
int umd_pci_add_msix(struct umd_pci_config *config, const struct umd_msix *msix,
		     struct umd_error *error);
int umd_pci_add_express(struct umd_pci_config *config, const struct umd_pcie *pcie,
			struct umd_error *error);
int umd_pci_add_af(struct umd_pci_config *config, const struct umd_af *af, struct umd_error *error);
int umd_pci_add_vpd(struct umd_pci_config *config, const struct umd_vpd *vpd,
		    struct umd_error *error);
int umd_pci_add_vendor(struct umd_pci_config *config, const struct umd_vendor_cap *cap,
		       struct umd_error *error);

/* ---- Extended capabilities ----------------------------------------------------------------- */

int umd_pci_add_aer(struct umd_pci_config *config, const struct umd_aer *aer,
		    struct umd_error *error);
int umd_pci_add_dsn(struct umd_pci_config *config, const struct umd_dsn *dsn,
		    struct umd_error *error);
int umd_pci_add_vsec(struct umd_pci_config *config, const struct umd_vsec *vsec,
		     struct umd_error *error);
int umd_pci_add_dvsec(struct umd_pci_config *config, const struct umd_dvsec *dvsec,
		      struct umd_error *error);
int umd_pci_add_acs(struct umd_pci_config *config, const struct umd_acs *acs,
		    struct umd_error *error);
int umd_pci_add_ari(struct umd_pci_config *config, const struct umd_ari *ari,
		    struct umd_error *error);
int umd_pci_add_ats(struct umd_pci_config *config, const struct umd_ats *ats,
		    struct umd_error *error);
int umd_pci_add_pri(struct umd_pci_config *config, const struct umd_pri *pri,
		    struct umd_error *error);
int umd_pci_add_pasid(struct umd_pci_config *config, const struct umd_pasid *pasid,
		      struct umd_error *error);
int umd_pci_add_ltr(struct umd_pci_config *config, const struct umd_ltr *ltr,
		    struct umd_error *error);
int umd_pci_add_tph(struct umd_pci_config *config, const struct umd_tph *tph,
		    struct umd_error *error);
int umd_pci_add_sriov(struct umd_pci_config *config, const struct umd_sriov *sriov,
		      struct umd_error *error);
int umd_pci_add_dpa(struct umd_pci_config *config, const struct umd_dpa *dpa,
		    struct umd_error *error);

/* `largest[i]`: the size of the BAR that rebar->bars[i] names; 0: there is no such BAR. */
int umd_pci_add_rebar(struct umd_pci_config *config, const struct umd_rebar *rebar,
		      const uint64_t *largest, struct umd_error *error);

#endif
