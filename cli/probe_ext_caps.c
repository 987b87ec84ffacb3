/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities (PCI Express 5.0, sections 7.7 to 7.9), in lspci's words: their table, and
 * the smaller ones. Those without a decoder are named and dumped.
 */
#include "probe.h"

#include <linux/pci_regs.h>

void probe_report_register(const struct probe_cap *cap, struct report *report, const char *name,
			   const struct report_flags *flags, size_t offset, unsigned int width)
{
	report_register(report, name, flags, probe_cap_get(cap, offset, width));
	report_register_end(report);
}

/* ---- Identity ------------------------------------------------------------------------------ */

static void decode_serial_number(const struct probe_cap *cap, struct report *report)
{
	uint32_t low = probe_cap_get(cap, 4, 4), high = probe_cap_get(cap, 8, 4);
	char text[32];

	snprintf(text, sizeof(text), "%02x-%02x-%02x-%02x-%02x-%02x-%02x-%02x", high >> 24,
		 high >> 16 & 0xff, high >> 8 & 0xff, high & 0xff, low >> 24, low >> 16 & 0xff,
		 low >> 8 & 0xff, low & 0xff);
	report_say(report, " %s\n", text);
	report_text(report, "serial_number", text);
}

/* Length includes the capability's header. */
static void decode_vendor(const struct probe_cap *cap, struct report *report)
{
	uint32_t header = probe_cap_get(cap, PCI_VNDR_HEADER, 4);

	report_say(report, ": ID=%04x Rev=%u Len=%03x\n", PCI_VNDR_HEADER_ID(header),
		   PCI_VNDR_HEADER_REV(header), PCI_VNDR_HEADER_LEN(header));
	report_hex(report, "ID", 4, PCI_VNDR_HEADER_ID(header));
	report_number(report, "Rev", PCI_VNDR_HEADER_REV(header));
	report_number(report, "Len", PCI_VNDR_HEADER_LEN(header));
}

static void decode_designated_vendor(const struct probe_cap *cap, struct report *report)
{
	uint32_t header = probe_cap_get(cap, PCI_DVSEC_HEADER1, 4);
	uint32_t id = probe_cap_get(cap, PCI_DVSEC_HEADER2, 2);

	report_say(report, ": Vendor=%04x ID=%04x Rev=%u Len=%u\n", PCI_DVSEC_HEADER1_VID(header),
		   id, PCI_DVSEC_HEADER1_REV(header), PCI_DVSEC_HEADER1_LEN(header));
	report_hex(report, "Vendor", 4, PCI_DVSEC_HEADER1_VID(header));
	report_hex(report, "ID", 4, id);
	report_number(report, "Rev", PCI_DVSEC_HEADER1_REV(header));
	report_number(report, "Len", PCI_DVSEC_HEADER1_LEN(header));
}

/* ---- Isolation and routing ----------------------------------------------------------------- */

static const struct report_flags acs_flags[] = {
	{"SrcValid", PCI_ACS_SV},    {"TransBlk", PCI_ACS_TB},
	{"ReqRedir", PCI_ACS_RR},    {"CmpltRedir", PCI_ACS_CR},
	{"UpstreamFwd", PCI_ACS_UF}, {"EgressCtrl", PCI_ACS_EC},
	{"DirectTrans", PCI_ACS_DT}, {NULL, 0},
};

static void decode_acs(const struct probe_cap *cap, struct report *report)
{
	report_say(report, "\n");
	probe_report_register(cap, report, "ACSCap", acs_flags, PCI_ACS_CAP, 2);
	probe_report_register(cap, report, "ACSCtl", acs_flags, PCI_ACS_CTRL, 2);
}

static void decode_ari(const struct probe_cap *cap, struct report *report)
{
	static const struct report_flags flags[] = {
		{"MFVC", PCI_ARI_CAP_MFVC}, {"ACS", PCI_ARI_CAP_ACS}, {NULL, 0}};
	uint32_t capability = probe_cap_get(cap, PCI_ARI_CAP, 2);
	uint32_t control = probe_cap_get(cap, PCI_ARI_CTRL, 2);

	report_say(report, "\n");
	report_register(report, "ARICap", flags, capability);
	report_count(report, "Next Function", ", Next Function: ", PCI_ARI_CAP_NFN(capability));
	report_register_end(report);
	report_register(report, "ARICtl", flags, control);
	report_count(report, "Function Group", ", Function Group: ", PCI_ARI_CTRL_FG(control));
	report_register_end(report);
}

/* ---- Address translation ------------------------------------------------------------------- */

static void decode_ats(const struct probe_cap *cap, struct report *report)
{
	uint32_t capability = probe_cap_get(cap, PCI_ATS_CAP, 2);
	uint32_t control = probe_cap_get(cap, PCI_ATS_CTRL, 2);

	report_say(report, "\n");
	report_register(report, "ATSCap", NULL, 0);
	report_count(report, "Invalidate Queue Depth",
		     " Invalidate Queue Depth: ", PCI_ATS_CAP_QDEP(capability));
	report_register_end(report);
	report_register(report, "ATSCtl", NULL, 0);
	report_flag(report, "Enable", control & PCI_ATS_CTRL_ENABLE);
	report_count(report, "Smallest Translation Unit",
		     ", Smallest Translation Unit: ", PCI_ATS_CTRL_STU(control));
	report_register_end(report);
}

static const struct report_flags pri_control_flags[] = {
	{"Enable", PCI_PRI_CTRL_ENABLE},
	{"Reset", PCI_PRI_CTRL_RESET},
	{NULL, 0},
};

static const struct report_flags pri_status_flags[] = {
	{"RF", PCI_PRI_STATUS_RF},
	{"UPRGI", PCI_PRI_STATUS_UPRGI},
	{"Stopped", PCI_PRI_STATUS_STOPPED},
	{"PASID", PCI_PRI_STATUS_PASID},
	{NULL, 0},
};

static void decode_pri(const struct probe_cap *cap, struct report *report)
{
	uint32_t capacity = probe_cap_get(cap, PCI_PRI_MAX_REQ, 4);
	uint32_t allocation = probe_cap_get(cap, PCI_PRI_ALLOC_REQ, 4);

	report_say(report, "\n");
	probe_report_register(cap, report, "PRICtl", pri_control_flags, PCI_PRI_CTRL, 2);
	probe_report_register(cap, report, "PRISta", pri_status_flags, PCI_PRI_STATUS, 2);
	report_say(report, "\t\tPage Request Capacity: %08x, Page Request Allocation: %08x\n",
		   capacity, allocation);
	report_number(report, "Page Request Capacity", capacity);
	report_number(report, "Page Request Allocation", allocation);
}

static const struct report_flags pasid_cap_flags[] = {
	{"Exec", PCI_PASID_CAP_EXEC},
	{"Priv", PCI_PASID_CAP_PRIV},
	{NULL, 0},
};

static const struct report_flags pasid_control_flags[] = {
	{"Enable", PCI_PASID_CTRL_ENABLE},
	{"Exec", PCI_PASID_CTRL_EXEC},
	{"Priv", PCI_PASID_CTRL_PRIV},
	{NULL, 0},
};

/* The width is bits 12:8. */
static void decode_pasid(const struct probe_cap *cap, struct report *report)
{
	uint32_t capability = probe_cap_get(cap, PCI_PASID_CAP, 2);

	report_say(report, "\n");
	report_register(report, "PASIDCap", pasid_cap_flags, capability);
	report_count(report, "Max PASID Width", ", Max PASID Width: ", capability >> 8 & 0x1f);
	report_register_end(report);
	probe_report_register(cap, report, "PASIDCtl", pasid_control_flags, PCI_PASID_CTRL, 2);
}

/* ---- The table ----------------------------------------------------------------------------- */

static const struct probe_decoder decoders[] = {
	{0x00, "Null", 0, NULL},
	{PCI_EXT_CAP_ID_ERR, "Advanced Error Reporting", PCI_ERR_HEADER_LOG + 16, probe_report_aer},
	{PCI_EXT_CAP_ID_VC, "Virtual Channel", 0, NULL},
	{PCI_EXT_CAP_ID_DSN, "Device Serial Number", 12, decode_serial_number},
	{PCI_EXT_CAP_ID_PWR, "Power Budgeting", 0, NULL},
	{PCI_EXT_CAP_ID_RCLD, "Root Complex Link", 0, NULL},
	{PCI_EXT_CAP_ID_RCILC, "Root Complex Internal Link", 0, NULL},
	{PCI_EXT_CAP_ID_RCEC, "Root Complex Event Collector Endpoint Association", 0, NULL},
	{PCI_EXT_CAP_ID_MFVC, "Multi-Function Virtual Channel", 0, NULL},
	{PCI_EXT_CAP_ID_VC9, "Virtual Channel", 0, NULL},
	{PCI_EXT_CAP_ID_RCRB, "Root Bridge Control Block", 0, NULL},
	{PCI_EXT_CAP_ID_VNDR, "Vendor Specific Information", 8, decode_vendor},
	{PCI_EXT_CAP_ID_CAC, "Configuration Access Correlation", 0, NULL},
	{PCI_EXT_CAP_ID_ACS, "Access Control Services", 8, decode_acs},
	{PCI_EXT_CAP_ID_ARI, "Alternative Routing-ID Interpretation (ARI)", 8, decode_ari},
	{PCI_EXT_CAP_ID_ATS, "Address Translation Service (ATS)", 8, decode_ats},
	{PCI_EXT_CAP_ID_SRIOV, "Single Root I/O Virtualization (SR-IOV)", PCI_EXT_CAP_SRIOV_SIZEOF,
	 probe_report_sriov},
	{PCI_EXT_CAP_ID_MRIOV, "Multi-Root I/O Virtualization (MR-IOV)", 0, NULL},
	{PCI_EXT_CAP_ID_MCAST, "Multicast", 0, NULL},
	{PCI_EXT_CAP_ID_PRI, "Page Request Interface (PRI)", 16, decode_pri},
	{PCI_EXT_CAP_ID_REBAR, "Physical Resizable BAR", PCI_REBAR_CTRL + 4, probe_report_rebar},
	{PCI_EXT_CAP_ID_DPA, "Dynamic Power Allocation", PCI_DPA_BASE_SIZEOF, probe_report_dpa},
	{PCI_EXT_CAP_ID_TPH, "Transaction Processing Hints", PCI_TPH_BASE_SIZEOF, probe_report_tph},
	{PCI_EXT_CAP_ID_LTR, "Latency Tolerance Reporting", PCI_EXT_CAP_LTR_SIZEOF,
	 probe_report_ltr},
	{PCI_EXT_CAP_ID_SECPCI, "Secondary PCI Express", 0, NULL},
	{PCI_EXT_CAP_ID_PMUX, "Protocol Multiplexing", 0, NULL},
	{PCI_EXT_CAP_ID_PASID, "Process Address Space ID (PASID)", 8, decode_pasid},
	{0x1c, "LN Requester", 0, NULL},
	{PCI_EXT_CAP_ID_DPC, "Downstream Port Containment", 0, NULL},
	{PCI_EXT_CAP_ID_L1SS, "L1 PM Substates", 0, NULL},
	{PCI_EXT_CAP_ID_PTM, "Precision Time Measurement", 0, NULL},
	{0x20, "PCI Express over M_PHY", 0, NULL},
	{0x21, "FRS Queueing", 0, NULL},
	{0x22, "Readiness Time Reporting", 0, NULL},
	{PCI_EXT_CAP_ID_DVSEC, "Designated Vendor-Specific", 10, decode_designated_vendor},
	{0x24, "VF Resizable BAR", 0, NULL},
	{PCI_EXT_CAP_ID_DLF, "Data Link Feature", 0, NULL},
	{PCI_EXT_CAP_ID_PL_16GT, "Physical Layer 16.0 GT/s", 0, NULL},
	{0x27, "Lane Margining at the Receiver", 0, NULL},
	{0x28, "Hierarchy ID", 0, NULL},
	{0x29, "Native PCIe Enclosure Management", 0, NULL},
	{0x2a, "Physical Layer 32.0 GT/s", 0, NULL},
	{0x2b, "Alternate Protocol", 0, NULL},
	{0x2c, "System Firmware Intermediary", 0, NULL},
	{0x2e, "Data Object Exchange", 0, NULL},
	{0, NULL, 0, NULL},
};

void probe_report_ext_cap(const struct probe_cap *cap, struct report *report)
{
	report_open(report, NULL, '{');
	report_say(report, "\tCapabilities: [%03x v%u] ", cap->offset, cap->version);
	report_hex(report, "id", 4, cap->id);
	report_number(report, "offset", cap->offset);
	report_number(report, "version", cap->version);
	probe_decode(decoders, cap, report);
	report_close(report, '}');
}
