/* SPDX-License-Identifier: BSD-2-Clause */
/* Advanced Error Reporting (PCI Express 5.0, section 7.8.4), in lspci's words. */
#include "probe.h"

#include <linux/pci_regs.h>

/* What the kernel's header lacks. */
#define ERR_UNC_POISON_BLK 0x04000000u /* poisoned TLP egress blocked */
#define ERR_CAP_MULT_HDRC  0x00000200u /* can record several headers */
#define ERR_CAP_MULT_HDRE  0x00000400u
#define ERR_CAP_TLP_PFX	   0x00000800u /* the log behind the headers holds TLP prefixes */
#define ERR_CAP_HDR_LOG	   0x00001000u /* logs headers of completion timeouts */

static const struct report_flags uncorrectable_flags[] = {
	{"DLP", PCI_ERR_UNC_DLP},
	{"SDES", PCI_ERR_UNC_SURPDN},
	{"TLP", PCI_ERR_UNC_POISON_TLP},
	{"FCP", PCI_ERR_UNC_FCP},
	{"CmpltTO", PCI_ERR_UNC_COMP_TIME},
	{"CmpltAbrt", PCI_ERR_UNC_COMP_ABORT},
	{"UnxCmplt", PCI_ERR_UNC_UNX_COMP},
	{"RxOF", PCI_ERR_UNC_RX_OVER},
	{"MalfTLP", PCI_ERR_UNC_MALF_TLP},
	{"ECRC", PCI_ERR_UNC_ECRC},
	{"UnsupReq", PCI_ERR_UNC_UNSUP},
	{"ACSViol", PCI_ERR_UNC_ACSV},
	{"UncorrIntErr", PCI_ERR_UNC_INTN},
	{"BlockedTLP", PCI_ERR_UNC_MCBTLP},
	{"AtomicOpBlocked", PCI_ERR_UNC_ATOMEG},
	{"TLPBlockedErr", PCI_ERR_UNC_TLPPRE},
	{"PoisonTLPBlocked", ERR_UNC_POISON_BLK},
	{NULL, 0},
};

static const struct report_flags correctable_flags[] = {
	{"RxErr", PCI_ERR_COR_RCVR},
	{"BadTLP", PCI_ERR_COR_BAD_TLP},
	{"BadDLLP", PCI_ERR_COR_BAD_DLLP},
	{"Rollover", PCI_ERR_COR_REP_ROLL},
	{"Timeout", PCI_ERR_COR_REP_TIMER},
	{"AdvNonFatalErr", PCI_ERR_COR_ADV_NFAT},
	{"CorrIntErr", PCI_ERR_COR_INTERNAL},
	{"HeaderOF", PCI_ERR_COR_LOG_OVER},
	{NULL, 0},
};

static const struct report_flags aer_flags[] = {
	{"ECRCGenCap", PCI_ERR_CAP_ECRC_GENC},
	{"ECRCGenEn", PCI_ERR_CAP_ECRC_GENE},
	{"ECRCChkCap", PCI_ERR_CAP_ECRC_CHKC},
	{"ECRCChkEn", PCI_ERR_CAP_ECRC_CHKE},
	{"MultHdrRecCap", ERR_CAP_MULT_HDRC},
	{"MultHdrRecEn", ERR_CAP_MULT_HDRE},
	{"TLPPfxPres", ERR_CAP_TLP_PFX},
	{"HdrLogCap", ERR_CAP_HDR_LOG},
	{NULL, 0},
};

/* The TLP at fault, in words. */
static void report_header_log(const struct probe_cap *cap, struct report *report)
{
	report_say(report, "\t\tHeaderLog:");
	report_open(report, "HeaderLog", '[');
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t word = probe_cap_get(cap, PCI_ERR_HEADER_LOG + 4 * i, 4);

		report_say(report, " %08x", word);
		report_hex(report, NULL, 8, word);
	}
	report_say(report, "\n");
	report_close(report, ']');
}

void probe_report_aer(const struct probe_cap *cap, struct report *report)
{
	uint32_t control = probe_cap_get(cap, PCI_ERR_CAP, 4);

	report_say(report, "\n");
	probe_report_register(cap, report, "UESta", uncorrectable_flags, PCI_ERR_UNCOR_STATUS, 4);
	probe_report_register(cap, report, "UEMsk", uncorrectable_flags, PCI_ERR_UNCOR_MASK, 4);
	probe_report_register(cap, report, "UESvrt", uncorrectable_flags, PCI_ERR_UNCOR_SEVER, 4);
	probe_report_register(cap, report, "CESta", correctable_flags, PCI_ERR_COR_STATUS, 4);
	probe_report_register(cap, report, "CEMsk", correctable_flags, PCI_ERR_COR_MASK, 4);

	report_register(report, "AERCap", NULL, 0);
	report_count(report, "First Error Pointer",
		     " First Error Pointer: ", PCI_ERR_CAP_FEP(control));
	report_say(report, ",");
	report_flags(report, aer_flags, control);
	report_register_end(report);
	report_header_log(cap, report);
}
