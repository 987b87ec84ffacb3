/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities, decoded in lspci's words. PCI Local Bus 3.0, section 6.7 and appendix H; PCI Power
 * Management 1.2; registers as in linux/pci_regs.h.
 */
#include "probe.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#define DUMP_UNKNOWN 16u /* bytes of a capability whose size nobody knows */

void probe_dump(const struct probe_cap *cap, struct report *report, size_t size)
{
	if (size > cap->size)
		size = cap->size;
	for (size_t i = 0; i < size; i++) {
		if (i % 16 == 0)
			report_say(report, "%s\t\t%02zx:", i ? "\n" : "", cap->offset + i);
		report_say(report, " %02x", cap->bytes[i]);
	}
	report_say(report, "\n");
	report_bytes(report, "raw", cap->bytes, size);
}

/* The name, and what the decoder has to say; without one, a raw dump. */
void probe_decode(const struct probe_decoder *table, const struct probe_cap *cap,
		  struct report *report)
{
	while (table->name && table->id != cap->id)
		table++;

	if (table->name) {
		report_say(report, "%s", table->name);
		report_text(report, "name", table->name);
	} else {
		report_say(report, "#%02x", cap->id);
	}
	if (table->name && table->decode && cap->size >= table->size) {
		table->decode(cap, report);
		return;
	}
	report_say(report, "\n");
	probe_dump(cap, report, DUMP_UNKNOWN);
}

/* ---- Power Management ---------------------------------------------------------------------- */

static const struct report_flags pm_flags[] = {
	{"PMEClk", PCI_PM_CAP_PME_CLOCK},
	{"DSI", PCI_PM_CAP_DSI},
	{"D1", PCI_PM_CAP_D1},
	{"D2", PCI_PM_CAP_D2},
	{NULL, 0},
};

static const struct report_flags pme_flags[] = {
	{"D0", PCI_PM_CAP_PME_D0},	   {"D1", PCI_PM_CAP_PME_D1},
	{"D2", PCI_PM_CAP_PME_D2},	   {"D3hot", PCI_PM_CAP_PME_D3hot},
	{"D3cold", PCI_PM_CAP_PME_D3cold}, {NULL, 0},
};

/* " PME(D0-,D1-,...)": the states from which it can wake the system. */
static void decode_pme(uint32_t pmc, struct report *report)
{
	report_say(report, " PME");
	report_open(report, "PME", '{');
	for (const struct report_flags *flag = pme_flags; flag->name; flag++) {
		bool value = pmc & flag->mask;

		report_say(report, "%c%s%c", flag == pme_flags ? '(' : ',', flag->name,
			   value ? '+' : '-');
		report_bool(report, flag->name, value);
	}
	report_close(report, '}');
	report_say(report, ")");
}

static void decode_pm_status(uint32_t status, struct report *report)
{
	report_register(report, "Status", NULL, 0);
	report_count(report, "D", " D", status & PCI_PM_CTRL_STATE_MASK);
	report_flag(report, "NoSoftRst", status & PCI_PM_CTRL_NO_SOFT_RESET);
	report_flag(report, "PME-Enable", status & PCI_PM_CTRL_PME_ENABLE);
	report_count(report, "DSel", " DSel=", (status & PCI_PM_CTRL_DATA_SEL_MASK) >> 9);
	report_count(report, "DScale", " DScale=", (status & PCI_PM_CTRL_DATA_SCALE_MASK) >> 13);
	report_flag(report, "PME", status & PCI_PM_CTRL_PME_STATUS);
	report_register_end(report);
}

static void decode_pm(const struct probe_cap *cap, struct report *report)
{
	static const uint16_t currents[] = {0, 55, 100, 160, 220, 270, 320, 375}; /* mA */
	uint32_t pmc = probe_cap_get(cap, PCI_PM_PMC, 2);

	report_count(report, "version", " version ", pmc & PCI_PM_CAP_VER_MASK);
	report_say(report, "\n");

	report_register(report, "Flags", pm_flags, pmc);
	report_count(report, "AuxCurrent",
		     " AuxCurrent=", currents[(pmc & PCI_PM_CAP_AUX_POWER) >> 6]);
	report_say(report, "mA");
	decode_pme(pmc, report);
	report_register_end(report);
	decode_pm_status(probe_cap_get(cap, PCI_PM_CTRL, 2), report);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void decode_msi_masks(const struct probe_cap *cap, struct report *report, size_t offset)
{
	uint32_t mask = probe_cap_get(cap, offset, 4);
	uint32_t pending = probe_cap_get(cap, offset + 4, 4);

	report_say(report, "\t\tMasking: %08x  Pending: %08x\n", mask, pending);
	report_hex(report, "Masking", 8, mask);
	report_hex(report, "Pending", 8, pending);
}

static void decode_msi_message(const struct probe_cap *cap, struct report *report, bool wide)
{
	uint32_t low = probe_cap_get(cap, PCI_MSI_ADDRESS_LO, 4);
	uint32_t high = wide ? probe_cap_get(cap, PCI_MSI_ADDRESS_HI, 4) : 0;
	uint32_t data = probe_cap_get(cap, wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32, 2);

	report_say(report, "\t\tAddress: ");
	if (wide)
		report_say(report, "%08x", high);
	report_say(report, "%08x  Data: %04x\n", low, data);
	report_hex(report, "Address", wide ? 16 : 8, (uint64_t)high << 32 | low);
	report_hex(report, "Data", 4, data);
}

static void decode_msi(const struct probe_cap *cap, struct report *report)
{
	uint32_t flags = probe_cap_get(cap, PCI_MSI_FLAGS, 2);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;

	report_say(report, ":");
	report_flag(report, "Enable", flags & PCI_MSI_FLAGS_ENABLE);
	report_count(report, "Enabled", " Count=", 1u << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4));
	report_count(report, "Count", "/", 1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1));
	report_flag(report, "Maskable", flags & PCI_MSI_FLAGS_MASKBIT);
	report_flag(report, "64bit", wide);
	report_say(report, "\n");
	decode_msi_message(cap, report, wide);
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		decode_msi_masks(cap, report, wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

/* A table in a BAR: where it lies. */
static void report_place(struct report *report, const char *name, uint32_t value)
{
	report_say(report, "\t\t%s: BAR=%u offset=%08x\n", name, value & PCI_MSIX_TABLE_BIR,
		   value & PCI_MSIX_TABLE_OFFSET);
	report_open(report, name, '{');
	report_number(report, "BAR", value & PCI_MSIX_TABLE_BIR);
	report_number(report, "offset", value & PCI_MSIX_TABLE_OFFSET);
	report_close(report, '}');
}

static void decode_msix(const struct probe_cap *cap, struct report *report)
{
	uint32_t flags = probe_cap_get(cap, PCI_MSIX_FLAGS, 2);

	report_say(report, ":");
	report_flag(report, "Enable", flags & PCI_MSIX_FLAGS_ENABLE);
	report_count(report, "Count", " Count=", (flags & PCI_MSIX_FLAGS_QSIZE) + 1);
	report_flag(report, "Masked", flags & PCI_MSIX_FLAGS_MASKALL);
	report_say(report, "\n");
	report_place(report, "Vector table", probe_cap_get(cap, PCI_MSIX_TABLE, 4));
	report_place(report, "PBA", probe_cap_get(cap, PCI_MSIX_PBA, 4));
}

/* ---- The smaller ones ---------------------------------------------------------------------- */

/* Length includes the three bytes of id, next pointer and length. */
static void decode_vendor(const struct probe_cap *cap, struct report *report)
{
	uint32_t length = probe_cap_get(cap, PCI_CAP_FLAGS, 1);

	report_say(report, ": Len=%02x\n", length);
	report_number(report, "Len", length);
	probe_dump(cap, report, length);
}

static void decode_af(const struct probe_cap *cap, struct report *report)
{
	static const struct report_flags caps[] = {
		{"TP", PCI_AF_CAP_TP}, {"FLR", PCI_AF_CAP_FLR}, {NULL, 0}};
	static const struct report_flags control[] = {{"FLR", PCI_AF_CTRL_FLR}, {NULL, 0}};
	static const struct report_flags status[] = {{"TP", PCI_AF_STATUS_TP}, {NULL, 0}};

	report_say(report, "\n");
	report_register(report, "AFCap", caps, probe_cap_get(cap, PCI_AF_CAP, 1));
	report_register_end(report);
	report_register(report, "AFCtrl", control, probe_cap_get(cap, PCI_AF_CTRL, 1));
	report_register_end(report);
	report_register(report, "AFStatus", status, probe_cap_get(cap, PCI_AF_STATUS, 1));
	report_register_end(report);
}

static void decode_ssvid(const struct probe_cap *cap, struct report *report)
{
	uint32_t vendor = probe_cap_get(cap, PCI_SSVID_VENDOR_ID, 2);
	uint32_t device = probe_cap_get(cap, PCI_SSVID_DEVICE_ID, 2);

	report_say(report, ": [%04x:%04x]\n", vendor, device);
	report_hex(report, "vendor_id", 4, vendor);
	report_hex(report, "device_id", 4, device);
}

/* ---- The table ----------------------------------------------------------------------------- */

static const struct probe_decoder decoders[] = {
	{0x00, "Null", 0, NULL},
	{PCI_CAP_ID_PM, "Power Management", PCI_PM_SIZEOF, decode_pm},
	{PCI_CAP_ID_AGP, "AGP", 0, NULL},
	{PCI_CAP_ID_VPD, "Vital Product Data", PCI_CAP_VPD_SIZEOF, probe_report_vpd},
	{PCI_CAP_ID_SLOTID, "Slot ID", 0, NULL},
	{PCI_CAP_ID_MSI, "MSI", PCI_MSI_DATA_32 + 2, decode_msi},
	{PCI_CAP_ID_CHSWP, "CompactPCI hot-swap", 0, NULL},
	{PCI_CAP_ID_PCIX, "PCI-X", 0, NULL},
	{PCI_CAP_ID_HT, "HyperTransport", 0, NULL},
	{PCI_CAP_ID_VNDR, "Vendor Specific Information", PCI_CAP_FLAGS + 1, decode_vendor},
	{PCI_CAP_ID_DBG, "Debug port", 0, NULL},
	{PCI_CAP_ID_CCRC, "CompactPCI central resource control", 0, NULL},
	{PCI_CAP_ID_SHPC, "Hot-plug capable", 0, NULL},
	{PCI_CAP_ID_SSVID, "Subsystem", PCI_SSVID_DEVICE_ID + 2, decode_ssvid},
	{PCI_CAP_ID_AGP3, "AGP3", 0, NULL},
	{PCI_CAP_ID_SECDEV, "Secure device", 0, NULL},
	{PCI_CAP_ID_EXP, "Express", PCI_EXP_DEVSTA + 2, probe_report_express},
	{PCI_CAP_ID_MSIX, "MSI-X", PCI_CAP_MSIX_SIZEOF, decode_msix},
	{PCI_CAP_ID_SATA, "SATA HBA", 0, NULL},
	{PCI_CAP_ID_AF, "PCI Advanced Features", PCI_CAP_AF_SIZEOF, decode_af},
	{PCI_CAP_ID_EA, "Enhanced Allocation (EA)", 0, NULL},
	{0, NULL, 0, NULL},
};

void probe_report_cap(const struct probe_cap *cap, struct report *report)
{
	report_open(report, NULL, '{');
	report_say(report, "\tCapabilities: [%02x] ", cap->offset);
	report_hex(report, "id", 2, cap->id);
	report_number(report, "offset", cap->offset);
	probe_decode(decoders, cap, report);
	report_close(report, '}');
}

/* ---- The chains ---------------------------------------------------------------------------- */

typedef void report_fn(const struct probe_cap *cap, struct report *report);

/* `space` is where the chain's capabilities lie: none reaches beyond it. */
static void report_chain(const struct probe *probe, const struct probe_caps *caps, size_t space,
			 report_fn *report_one, struct report *report)
{
	size_t end = space < probe->config_size ? space : probe->config_size;

	for (unsigned int i = 0; i < caps->count; i++) {
		const struct umd_driver_cap *cap = &caps->caps[i];
		const struct probe_cap with_bytes = {.id = cap->id,
						     .version = cap->version,
						     .offset = cap->offset,
						     .bytes = probe->config + cap->offset,
						     .size = cap->offset < end ? end - cap->offset
									       : 0,
						     .vpd = &probe->vpd};

		if (with_bytes.size)
			report_one(&with_bytes, report);
	}
}

static void report_break(const struct probe_caps *caps, const char *name, struct report *report)
{
	const char *what = caps->error == -ELOOP    ? "chain looped"
			   : caps->error == -ERANGE ? "chain broken"
						    : strerror(-caps->error);

	if (!caps->error)
		return;
	report_say(report, "\tCapabilities: <%s>\n", what);
	report_text(report, name, what);
}

void probe_report_caps(const struct probe *probe, struct report *report)
{
	if (probe->config_error)
		return;

	report_open(report, "capabilities", '[');
	report_chain(probe, &probe->caps, 256, probe_report_cap, report);
	report_close(report, ']');
	report_break(&probe->caps, "capabilities_error", report);

	report_open(report, "extended_capabilities", '[');
	report_chain(probe, &probe->ext_caps, PROBE_CONFIG_MAX, probe_report_ext_cap, report);
	report_close(report, ']');
	report_break(&probe->ext_caps, "extended_capabilities_error", report);
}
