/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the capabilities share, and those of power, messages and resets: Power Management, MSI,
 * MSI-X, Advanced Features.
 */
#include "pci/caps.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "base/range.h"

#define PM_VERSION	   3u
#define PM_AUX_POWER_SHIFT 6
#define PM_PME_STATES	   0x1fu
#define PM_PME_D3COLD	   (1u << 4)

#define MSI_CAPABLE_SHIFT 1 /* Multiple Message Capable: a power of two */
#define MSI_MESSAGES_MAX  32u

#define BARS 6u

int umd_pci_add_single(struct umd_pci_config *config, const struct umd_pci_cap *cap,
		       const struct umd_pci_field *fields, size_t count, struct umd_error *error)
{
	int at = umd_pci_config_find_cap(config, cap->id, cap->version > 0);

	if (at >= 0)
		return umd_error_set(error, -EEXIST, "%s: there is one at 0x%x already", cap->name,
				     (unsigned int)at);
	return umd_pci_config_add_cap(config, cap, fields, count, error);
}

int umd_pci_check_range(const char *cap, const char *member, uint64_t value, uint64_t low,
			uint64_t high, struct umd_error *error)
{
	if (value >= low && value <= high)
		return 0;
	return umd_error_set(error, -EINVAL, "%s: %s %llu is not %llu to %llu", cap, member,
			     (unsigned long long)value, (unsigned long long)low,
			     (unsigned long long)high);
}

/* ---- Power Management (PM, section 3.2) ---------------------------------------------------- */

static int check_pm(const struct umd_pm *pm, const char *name, struct umd_error *error)
{
	static const char *const states[] = {"D0", "D1", "D2", "D3hot"};
	const bool has[] = {true, pm->d1, pm->d2, true};

	if (pm->pme & ~PM_PME_STATES)
		return umd_error_set(error, -EINVAL, "%s: pme 0x%x has more than bits 0 to 4", name,
				     pm->pme);
	for (unsigned int i = 0; i < sizeof(has) / sizeof(has[0]); i++) {
		if ((pm->pme & 1u << i) && !has[i])
			return umd_error_set(error, -EINVAL,
					     "%s: pme 0x%x names %s, which the device has not",
					     name, pm->pme, states[i]);
	}
	if (pm->aux_power && !(pm->pme & PM_PME_D3COLD))
		return umd_error_set(error, -EINVAL, "%s: aux_power %u without pme from D3cold",
				     name, pm->aux_power);
	return umd_pci_check_range(name, "aux_power", pm->aux_power, 0, 7, error);
}

/* What can wake the device up from D3cold outlives resets: sticky only there. */
int umd_pci_add_pm(struct umd_pci_config *config, const struct umd_pm *pm, struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Power Management",
					.id = PCI_CAP_ID_PM,
					.at = pm->at,
					.size = PCI_PM_SIZEOF};
	const bool from_d3cold = pm->pme & PM_PME_D3COLD;
	const uint32_t enable = pm->pme ? PCI_PM_CTRL_PME_ENABLE : 0;
	const uint32_t status = pm->pme ? PCI_PM_CTRL_PME_STATUS : 0;
	const struct umd_pci_field fields[] = {
		{PCI_PM_PMC, 2,
		 .value = PM_VERSION | pm->aux_power << PM_AUX_POWER_SHIFT |
			  (pm->d1 ? PCI_PM_CAP_D1 : 0) | (pm->d2 ? PCI_PM_CAP_D2 : 0) |
			  pm->pme << PCI_PM_CAP_PME_SHIFT},
		{PCI_PM_CTRL, 2, .value = pm->no_soft_reset ? PCI_PM_CTRL_NO_SOFT_RESET : 0,
		 .rw = PCI_PM_CTRL_STATE_MASK | enable, .w1c = status,
		 .sticky = from_d3cold ? enable | status : 0},
	};
	int err = check_pm(pm, cap.name, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}

/* ---- MSI (PCI, section 6.8.1) -------------------------------------------------------------- */

/* The mask and pending bits that there are, one for each message. */
static uint32_t message_bits(const struct umd_msi *msi)
{
	return UINT32_MAX >> (MSI_MESSAGES_MAX - msi->messages);
}

static unsigned int msi_size(const struct umd_msi *msi, unsigned int upper)
{
	return msi->unmaskable ? PCI_MSI_DATA_32 + upper + 2 : PCI_MSI_PENDING_32 + upper + 4;
}

/* The upper half of the address, where there is one, moves what follows; size 0 is not there. */
static int add_msi(struct umd_pci_config *config, const struct umd_msi *msi, const char *name,
		   struct umd_error *error)
{
	const unsigned int upper = msi->only_32bit ? 0 : 4, mask_size = msi->unmaskable ? 0 : 4;
	const uint32_t capable = (uint32_t)__builtin_ctz(msi->messages) << MSI_CAPABLE_SHIFT;
	const struct umd_pci_cap cap = {
		.name = name, .id = PCI_CAP_ID_MSI, .at = msi->at, .size = msi_size(msi, upper)};
	const struct umd_pci_field fields[] = {
		{PCI_MSI_FLAGS, 2,
		 .value = capable | (msi->only_32bit ? 0 : PCI_MSI_FLAGS_64BIT) |
			  (msi->unmaskable ? 0 : PCI_MSI_FLAGS_MASKBIT),
		 .rw = PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE},
		{PCI_MSI_ADDRESS_LO, 4, .rw = ~3u},
		{PCI_MSI_ADDRESS_HI, upper, .rw = UINT32_MAX},
		{PCI_MSI_DATA_32 + upper, 2, .rw = UINT16_MAX},
		{PCI_MSI_MASK_32 + upper, mask_size, .rw = message_bits(msi)},
	};

	return umd_pci_add(config, &cap, fields, error);
}

int umd_pci_add_msi(struct umd_pci_config *config, const struct umd_msi *msi,
		    struct umd_error *error)
{
	static const char name[] = "MSI";

	if (!umd_is_power_of_2(msi->messages) || msi->messages > MSI_MESSAGES_MAX)
		return umd_error_set(error, -EINVAL, "%s: messages %u is not 1, 2, 4, 8, 16 or 32",
				     name, msi->messages);
	return add_msi(config, msi, name, error);
}

/* ---- MSI-X (PCI, section 6.8.2) ------------------------------------------------------------ */

static int check_offset(const char *name, const char *member, uint64_t offset,
			struct umd_error *error)
{
	if (offset % 8)
		return umd_error_set(error, -EINVAL, "%s: %s 0x%llx is no multiple of 8", name,
				     member, (unsigned long long)offset);
	if (offset > UINT32_MAX)
		return umd_error_set(error, -EINVAL, "%s: %s 0x%llx is not below 4 GiB", name,
				     member, (unsigned long long)offset);
	return 0;
}

static int check_msix(const struct umd_msix *msix, const char *name, struct umd_error *error)
{
	int err = umd_pci_check_range(name, "vectors", msix->vectors, 1, PCI_MSIX_FLAGS_QSIZE + 1,
				      error);

	if (!err)
		err = umd_pci_check_range(name, "table_bar", msix->table_bar, 0, BARS - 1, error);
	if (!err)
		err = umd_pci_check_range(name, "pba_bar", msix->pba_bar, 0, BARS - 1, error);
	if (!err)
		err = check_offset(name, "table_offset", msix->table_offset, error);
	if (!err)
		err = check_offset(name, "pba_offset", msix->pba_offset, error);
	return err;
}

int umd_pci_add_msix(struct umd_pci_config *config, const struct umd_msix *msix,
		     struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "MSI-X",
					.id = PCI_CAP_ID_MSIX,
					.at = msix->at,
					.size = PCI_CAP_MSIX_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_MSIX_FLAGS, 2, .value = msix->vectors - 1,
		 .rw = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL},
		{PCI_MSIX_TABLE, 4, .value = (uint32_t)msix->table_offset | msix->table_bar},
		{PCI_MSIX_PBA, 4, .value = (uint32_t)msix->pba_offset | msix->pba_bar},
	};
	int err = check_msix(msix, cap.name, error);

	return err ? err : umd_pci_add(config, &cap, fields, error);
}

/* ---- Advanced Features (PCI ECN Advanced Capabilities) ------------------------------------- */

/* Whether transactions are pending is asked of AF_STATUS; here none ever is. */
int umd_pci_add_af(struct umd_pci_config *config, const struct umd_af *af, struct umd_error *error)
{
	const struct umd_pci_cap cap = {.name = "Advanced Features",
					.id = PCI_CAP_ID_AF,
					.at = af->at,
					.size = PCI_CAP_AF_SIZEOF};
	const struct umd_pci_field fields[] = {
		{PCI_AF_LENGTH, 1, .value = PCI_CAP_AF_SIZEOF},
		{PCI_AF_CAP, 1, .value = PCI_AF_CAP_TP | PCI_AF_CAP_FLR},
		{PCI_AF_CTRL, 1, .rw = PCI_AF_CTRL_FLR},
	};

	return umd_pci_add(config, &cap, fields, error);
}
