/* SPDX-License-Identifier: BSD-2-Clause */
/* Single Root I/O Virtualization (PCI Express 5.0, section 9.3.3), in lspci's words. */
#include "probe.h"

#include <linux/pci_regs.h>

static const struct report_flags sriov_control_flags[] = {
	{"Enable", PCI_SRIOV_CTRL_VFE},	      {"Migration", PCI_SRIOV_CTRL_VFM},
	{"Interrupt", PCI_SRIOV_CTRL_INTR},   {"MSE", PCI_SRIOV_CTRL_MSE},
	{"ARIHierarchy", PCI_SRIOV_CTRL_ARI}, {NULL, 0},
};

static void report_sriov_numbers(const struct probe_cap *cap, struct report *report)
{
	uint32_t device = probe_cap_get(cap, PCI_SRIOV_VF_DID, 2);
	uint32_t link = probe_cap_get(cap, PCI_SRIOV_FUNC_LINK, 1);

	report_count(report, "Initial VFs",
		     "\t\tInitial VFs: ", probe_cap_get(cap, PCI_SRIOV_INITIAL_VF, 2));
	report_count(report, "Total VFs",
		     ", Total VFs: ", probe_cap_get(cap, PCI_SRIOV_TOTAL_VF, 2));
	report_count(report, "Number of VFs",
		     ", Number of VFs: ", probe_cap_get(cap, PCI_SRIOV_NUM_VF, 2));
	report_say(report, ", Function Dependency Link: %02x", link);
	report_number(report, "Function Dependency Link", link);
	report_count(report, "VF offset",
		     "\n\t\tVF offset: ", probe_cap_get(cap, PCI_SRIOV_VF_OFFSET, 2));
	report_count(report, "VF stride", ", stride: ", probe_cap_get(cap, PCI_SRIOV_VF_STRIDE, 2));
	report_say(report, ", Device ID: %04x\n", device);
	report_hex(report, "VF Device ID", 4, device);
}

static void report_sriov_pages(const struct probe_cap *cap, struct report *report)
{
	uint32_t supported = probe_cap_get(cap, PCI_SRIOV_SUP_PGSIZE, 4);
	uint32_t system = probe_cap_get(cap, PCI_SRIOV_SYS_PGSIZE, 4);

	report_say(report, "\t\tSupported Page Size: %08x, System Page Size: %08x\n", supported,
		   system);
	report_hex(report, "Supported Page Size", 8, supported);
	report_hex(report, "System Page Size", 8, system);
}

static void report_vf_bar(struct report *report, unsigned int index, uint32_t low, uint32_t high)
{
	bool wide = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	bool prefetch = low & PCI_BASE_ADDRESS_MEM_PREFETCH;
	uint32_t address = low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;

	report_open(report, NULL, '{');
	report_say(report, "\t\tRegion %u: Memory at ", index);
	if (wide)
		report_say(report, "%08x", high);
	report_say(report, "%08x (%s-bit, %sprefetchable)\n", address, wide ? "64" : "32",
		   prefetch ? "" : "non-");
	report_number(report, "index", index);
	report_number(report, "address", (wide ? (uint64_t)high << 32 : 0) | address);
	report_text(report, "type", wide ? "64-bit" : "32-bit");
	report_bool(report, "prefetchable", prefetch);
	report_close(report, '}');
}

/* Those of zeros, as those that are not there. */
static void report_vf_bars(const struct probe_cap *cap, struct report *report)
{
	report_open(report, "VF BARs", '[');
	for (unsigned int i = 0; i < PCI_SRIOV_NUM_BARS; i++) {
		uint32_t low = probe_cap_get(cap, PCI_SRIOV_BAR + 4 * i, 4);
		uint32_t high = probe_cap_get(cap, PCI_SRIOV_BAR + 4 * i + 4, 4);

		if (!low || low == UINT32_MAX)
			continue;
		report_vf_bar(report, i, low, high);
		if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64)
			i++;
	}
	report_close(report, ']');
}

/* Where the state of migrating VFs lies. */
static void report_vf_migration(const struct probe_cap *cap, struct report *report)
{
	uint32_t value = probe_cap_get(cap, PCI_SRIOV_VFM, 4);

	report_say(report, "\t\tVF Migration: offset: %08x, BIR: %x\n", PCI_SRIOV_VFM_OFFSET(value),
		   PCI_SRIOV_VFM_BIR(value));
	report_open(report, "VF Migration", '{');
	report_number(report, "offset", PCI_SRIOV_VFM_OFFSET(value));
	report_number(report, "BIR", PCI_SRIOV_VFM_BIR(value));
	report_close(report, '}');
}

void probe_report_sriov(const struct probe_cap *cap, struct report *report)
{
	static const struct report_flags caps[] = {{"Migration", PCI_SRIOV_CAP_VFM}, {NULL, 0}};
	static const struct report_flags status[] = {{"Migration", PCI_SRIOV_STATUS_VFM},
						     {NULL, 0}};
	uint32_t capability = probe_cap_get(cap, PCI_SRIOV_CAP, 4);

	report_say(report, "\n");
	report_register(report, "IOVCap", caps, capability);
	report_say(report, ", Interrupt Message Number: %03x", PCI_SRIOV_CAP_INTR(capability));
	report_number(report, "Interrupt Message Number", PCI_SRIOV_CAP_INTR(capability));
	report_register_end(report);
	probe_report_register(cap, report, "IOVCtl", sriov_control_flags, PCI_SRIOV_CTRL, 2);
	probe_report_register(cap, report, "IOVSta", status, PCI_SRIOV_STATUS, 2);
	report_sriov_numbers(cap, report);
	report_sriov_pages(cap, report);
	report_vf_bars(cap, report);
	report_vf_migration(cap, report);
}
