/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI Express capability (PCI Express 5.0, section 7.5.3), in lspci's words. */
#include "probe.h"

#include <linux/pci_regs.h>

static const struct report_flags devcap_flags[] = {
	{"ExtTag", PCI_EXP_DEVCAP_EXT_TAG},
	{"AttnBtn", PCI_EXP_DEVCAP_ATN_BUT},
	{"AttnInd", PCI_EXP_DEVCAP_ATN_IND},
	{"PwrInd", PCI_EXP_DEVCAP_PWR_IND},
	{"RBE", PCI_EXP_DEVCAP_RBER},
	{"FLReset", PCI_EXP_DEVCAP_FLR},
	{NULL, 0},
};

static const struct report_flags devctl_flags[] = {
	{"CorrErr", PCI_EXP_DEVCTL_CERE},	{"NonFatalErr", PCI_EXP_DEVCTL_NFERE},
	{"FatalErr", PCI_EXP_DEVCTL_FERE},	{"UnsupReq", PCI_EXP_DEVCTL_URRE},
	{"RlxdOrd", PCI_EXP_DEVCTL_RELAX_EN},	{"ExtTag", PCI_EXP_DEVCTL_EXT_TAG},
	{"PhantFunc", PCI_EXP_DEVCTL_PHANTOM},	{"AuxPwr", PCI_EXP_DEVCTL_AUX_PME},
	{"NoSnoop", PCI_EXP_DEVCTL_NOSNOOP_EN}, {NULL, 0},
};

static const struct report_flags devsta_flags[] = {
	{"CorrErr", PCI_EXP_DEVSTA_CED},
	{"NonFatalErr", PCI_EXP_DEVSTA_NFED},
	{"FatalErr", PCI_EXP_DEVSTA_FED},
	{"UnsupReq", PCI_EXP_DEVSTA_URD},
	{"AuxPwr", PCI_EXP_DEVSTA_AUXPD},
	{"TransPend", PCI_EXP_DEVSTA_TRPND},
	{NULL, 0},
};

static const struct report_flags lnkcap_flags[] = {
	{"ClockPM", PCI_EXP_LNKCAP_CLKPM},
	{"Surprise", PCI_EXP_LNKCAP_SDERC},
	{"LLActRep", PCI_EXP_LNKCAP_DLLLARC},
	{"BwNot", PCI_EXP_LNKCAP_LBNC},
	{NULL, 0},
};

static const struct report_flags lnkctl_flags[] = {
	{"Disabled", PCI_EXP_LNKCTL_LD},    {"CommClk", PCI_EXP_LNKCTL_CCC},
	{"ExtSynch", PCI_EXP_LNKCTL_ES},    {"ClockPM", PCI_EXP_LNKCTL_CLKREQ_EN},
	{"AutWidDis", PCI_EXP_LNKCTL_HAWD}, {"BWInt", PCI_EXP_LNKCTL_LBMIE},
	{"AutBWInt", PCI_EXP_LNKCTL_LABIE}, {NULL, 0},
};

static const struct report_flags lnksta_flags[] = {
	{"Train", PCI_EXP_LNKSTA_LT},	    {"SlotClk", PCI_EXP_LNKSTA_SLC},
	{"DLActive", PCI_EXP_LNKSTA_DLLLA}, {"BWMgmt", PCI_EXP_LNKSTA_LBMS},
	{"ABWMgmt", PCI_EXP_LNKSTA_LABS},   {NULL, 0},
};

static const struct report_flags devcap2_flags[] = {
	{"TimeoutDis", PCI_EXP_DEVCAP2_COMP_TMOUT_DIS}, {"LTR", PCI_EXP_DEVCAP2_LTR},
	{"OBFF-Msg", PCI_EXP_DEVCAP2_OBFF_MSG},		{"OBFF-WAKE", PCI_EXP_DEVCAP2_OBFF_WAKE},
	{"EETLPPrefix", PCI_EXP_DEVCAP2_EE_PREFIX},	{"ARIFwd", PCI_EXP_DEVCAP2_ARI},
	{"32bit", PCI_EXP_DEVCAP2_ATOMIC_COMP32},	{"64bit", PCI_EXP_DEVCAP2_ATOMIC_COMP64},
	{"128bitCAS", PCI_EXP_DEVCAP2_ATOMIC_COMP128},	{NULL, 0},
};

static const struct report_flags devctl2_flags[] = {
	{"TimeoutDis", PCI_EXP_DEVCTL2_COMP_TMOUT_DIS},
	{"LTR", PCI_EXP_DEVCTL2_LTR_EN},
	{"ARIFwd", PCI_EXP_DEVCTL2_ARI},
	{"AtomicOpsCtl", PCI_EXP_DEVCTL2_ATOMIC_REQ},
	{"IDOReq", PCI_EXP_DEVCTL2_IDO_REQ_EN},
	{"IDOCompl", PCI_EXP_DEVCTL2_IDO_CMP_EN},
	{NULL, 0},
};

/* ---- The device's registers ---------------------------------------------------------------- */

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {
		[PCI_EXP_TYPE_ENDPOINT] = "Endpoint",
		[PCI_EXP_TYPE_LEG_END] = "Legacy Endpoint",
		[PCI_EXP_TYPE_ROOT_PORT] = "Root Port",
		[PCI_EXP_TYPE_UPSTREAM] = "Upstream Port",
		[PCI_EXP_TYPE_DOWNSTREAM] = "Downstream Port",
		[PCI_EXP_TYPE_PCI_BRIDGE] = "PCI-Express to PCI/PCI-X Bridge",
		[PCI_EXP_TYPE_PCIE_BRIDGE] = "PCI/PCI-X to PCI-Express Bridge",
		[PCI_EXP_TYPE_RC_END] = "Root Complex Integrated Endpoint",
		[PCI_EXP_TYPE_RC_EC] = "Root Complex Event Collector",
	};
	const char *name = type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;

	return name ? name : "Unknown type";
}

/* Sizes of payloads and read requests are coded alike: 128 bytes shifted left. */
static void report_bytes_coded(struct report *report, const char *name, const char *text,
			       uint32_t code)
{
	report_count(report, name, text, 128u << (code & 7));
	report_say(report, " bytes");
}

static void report_device_registers(const struct probe_cap *cap, struct report *report)
{
	uint32_t devcap = probe_cap_get(cap, PCI_EXP_DEVCAP, 4);
	uint32_t devctl = probe_cap_get(cap, PCI_EXP_DEVCTL, 2);

	report_register(report, "DevCap", NULL, 0);
	report_bytes_coded(report, "MaxPayload", " MaxPayload ", devcap & PCI_EXP_DEVCAP_PAYLOAD);
	report_count(report, "PhantFunc", ", PhantFunc ", (devcap & PCI_EXP_DEVCAP_PHANTOM) >> 3);
	report_flags(report, devcap_flags, devcap);
	report_register_end(report);

	report_register(report, "DevCtl", devctl_flags, devctl);
	report_bytes_coded(report, "MaxPayload", " MaxPayload ",
			   (devctl & PCI_EXP_DEVCTL_PAYLOAD) >> 5);
	report_bytes_coded(report, "MaxReadReq", ", MaxReadReq ",
			   (devctl & PCI_EXP_DEVCTL_READRQ) >> 12);
	report_register_end(report);

	report_register(report, "DevSta", devsta_flags, probe_cap_get(cap, PCI_EXP_DEVSTA, 2));
	report_register_end(report);
}

static void report_device_registers_2(const struct probe_cap *cap, struct report *report)
{
	report_register(report, "DevCap2", devcap2_flags, probe_cap_get(cap, PCI_EXP_DEVCAP2, 4));
	report_register_end(report);
	report_register(report, "DevCtl2", devctl2_flags, probe_cap_get(cap, PCI_EXP_DEVCTL2, 2));
	report_register_end(report);
}

/* ---- The link's ---------------------------------------------------------------------------- */

static void report_speed(struct report *report, uint32_t code)
{
	static const char *const names[] = {"unknown", "2.5GT/s", "5GT/s", "8GT/s",
					    "16GT/s",  "32GT/s",  "64GT/s"};
	const char *name = names[code < sizeof(names) / sizeof(names[0]) ? code : 0];

	report_say(report, " Speed %s", name);
	report_text(report, "Speed", name);
}

static void report_aspm(struct report *report, const char *off, uint32_t code)
{
	const char *const names[] = {off, "L0s", "L1", "L0s L1"};

	report_say(report, ", ASPM %s", names[code & 3]);
	report_text(report, "ASPM", names[code & 3]);
}

static void report_link_registers(const struct probe_cap *cap, struct report *report)
{
	uint32_t lnkcap = probe_cap_get(cap, PCI_EXP_LNKCAP, 4);
	uint32_t lnkctl = probe_cap_get(cap, PCI_EXP_LNKCTL, 2);
	uint32_t lnksta = probe_cap_get(cap, PCI_EXP_LNKSTA, 2);

	report_register(report, "LnkCap", NULL, 0);
	report_count(report, "Port", " Port #", (lnkcap & PCI_EXP_LNKCAP_PN) >> 24);
	report_say(report, ",");
	report_speed(report, lnkcap & PCI_EXP_LNKCAP_SLS);
	report_count(report, "Width", ", Width x", (lnkcap & PCI_EXP_LNKCAP_MLW) >> 4);
	report_aspm(report, "not supported", (lnkcap & PCI_EXP_LNKCAP_ASPMS) >> 10);
	report_flags(report, lnkcap_flags, lnkcap);
	report_register_end(report);

	report_register(report, "LnkCtl", lnkctl_flags, lnkctl);
	report_aspm(report, "Disabled", lnkctl & PCI_EXP_LNKCTL_ASPMC);
	report_register_end(report);

	report_register(report, "LnkSta", NULL, 0);
	report_speed(report, lnksta & PCI_EXP_LNKSTA_CLS);
	report_count(report, "Width", ", Width x", (lnksta & PCI_EXP_LNKSTA_NLW) >> 4);
	report_flags(report, lnksta_flags, lnksta);
	report_register_end(report);
}

void probe_report_express(const struct probe_cap *cap, struct report *report)
{
	uint32_t flags = probe_cap_get(cap, PCI_EXP_FLAGS, 2);
	uint32_t version = flags & PCI_EXP_FLAGS_VERS, type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;

	report_say(report, " (v%u) %s, MSI %02x\n", version, type_name(type),
		   (flags & PCI_EXP_FLAGS_IRQ) >> 9);
	report_number(report, "version", version);
	report_text(report, "type", type_name(type));
	report_number(report, "MSI", (flags & PCI_EXP_FLAGS_IRQ) >> 9);

	report_device_registers(cap, report);
	if (type != PCI_EXP_TYPE_RC_END && type != PCI_EXP_TYPE_RC_EC &&
	    cap->size >= PCI_CAP_EXP_ENDPOINT_SIZEOF_V1)
		report_link_registers(cap, report);
	if (version >= 2 && cap->size >= PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V2)
		report_device_registers_2(cap, report);
}
