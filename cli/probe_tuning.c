/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities by which a function is fitted to its platform: Resizable BAR, TPH
 * Requester, Latency Tolerance Reporting, Dynamic Power Allocation (PCI Express 5.0, sections
 * 7.8.6, 7.9.13, 7.8.2, 7.9.12), in lspci's words; it has none for the last one.
 */
#include "probe.h"

#include <inttypes.h>
#include <linux/pci_regs.h>

/* ---- Resizable BAR ------------------------------------------------------------------------- */

#define REBAR_MAX	    6u
#define REBAR_SIZES	    44u	   /* 1 MiB to 8 EiB */
#define REBAR_CTRL_SIZE	    0x3f00 /* six bits since PCI Express 5.0 */
#define REBAR_CTRL_UPPER    0xffff0000u
#define REBAR_CAP_SIZES_LOW 4  /* the bit of the smallest size */
#define REBAR_CAP_SIZES_END 28 /* sizes that the capability register has bits for */

/* A bit for each size, from 1 MiB on: the largest ones are in the control register. */
static uint64_t rebar_sizes(uint32_t capability, uint32_t control)
{
	return capability >> REBAR_CAP_SIZES_LOW | (uint64_t)(control & REBAR_CTRL_UPPER)
							   << (REBAR_CAP_SIZES_END - 16);
}

/* "256MB". A code beyond the largest is no size. */
static const char *rebar_size(char *to, unsigned int code)
{
	return report_size(to, code < REBAR_SIZES ? UINT64_C(1) << (code + 20) : 0);
}

static void report_rebar_sizes(struct report *report, uint64_t sizes)
{
	char text[REPORT_SIZE_MAX];

	report_open(report, "supported", '[');
	if (sizes)
		report_say(report, ", supported:");
	for (unsigned int code = 0; code < REBAR_SIZES; code++) {
		if (!(sizes >> code & 1))
			continue;
		report_say(report, " %sB", rebar_size(text, code));
		report_number(report, NULL, UINT64_C(1) << (code + 20));
	}
	report_close(report, ']');
}

static void report_rebar_bar(const struct probe_cap *cap, struct report *report, size_t offset)
{
	uint32_t capability = probe_cap_get(cap, offset, 4);
	uint32_t control = probe_cap_get(cap, offset + 4, 4);
	unsigned int code = (control & REBAR_CTRL_SIZE) >> PCI_REBAR_CTRL_BAR_SHIFT;
	char size[REPORT_SIZE_MAX];

	report_open(report, NULL, '{');
	report_say(report, "\t\tBAR %u: current size: %sB", control & PCI_REBAR_CTRL_BAR_IDX,
		   rebar_size(size, code));
	report_number(report, "BAR", control & PCI_REBAR_CTRL_BAR_IDX);
	report_number(report, "current size", code < REBAR_SIZES ? UINT64_C(1) << (code + 20) : 0);
	report_rebar_sizes(report, rebar_sizes(capability, control));
	report_say(report, "\n");
	report_close(report, '}');
}

/* The first one says how many there are. */
void probe_report_rebar(const struct probe_cap *cap, struct report *report)
{
	uint32_t control = probe_cap_get(cap, PCI_REBAR_CTRL, 4);
	unsigned int count = (control & PCI_REBAR_CTRL_NBAR_MASK) >> PCI_REBAR_CTRL_NBAR_SHIFT;

	report_say(report, "\n");
	report_open(report, "BARs", '[');
	for (size_t i = 0; i < count && i < REBAR_MAX && PCI_REBAR_CTRL + 8 * i + 4 <= cap->size;
	     i++)
		report_rebar_bar(cap, report, PCI_REBAR_CAP + 8 * i);
	report_close(report, ']');
}

/* ---- TPH Requester ------------------------------------------------------------------------- */

#define TPH_CTRL	 8
#define TPH_CAP_INTVEC	 0x2u
#define TPH_CAP_DEVICE	 0x4u
#define TPH_CAP_EXTENDED 0x100u
#define TPH_CTRL_MODE	 0x7u
#define TPH_CTRL_REQUEST 0x300u

static const struct {
	uint32_t bit;
	const char *name, *words;
} tph_modes[] = {
	{TPH_CAP_INTVEC, "interrupt_vector_mode", "Interrupt vector mode supported"},
	{TPH_CAP_DEVICE, "device_specific_mode", "Device specific mode supported"},
	{TPH_CAP_EXTENDED, "extended_requester", "Extended requester support"},
};

static const char *tph_location(uint32_t capability)
{
	switch (capability & PCI_TPH_CAP_LOC_MASK) {
	case PCI_TPH_LOC_NONE:
		return "No steering table available";
	case PCI_TPH_LOC_CAP:
		return "Steering table in TPH capability structure";
	case PCI_TPH_LOC_MSIX:
		return "Steering table in MSI-X table";
	default:
		return "Reserved steering table location";
	}
}

static void report_tph_table(struct report *report, uint32_t capability)
{
	const char *location = tph_location(capability);
	uint32_t location_code = capability & PCI_TPH_CAP_LOC_MASK;

	report_say(report, "\t\t%s", location);
	report_text(report, "steering_table", location);
	if (location_code == PCI_TPH_LOC_CAP || location_code == PCI_TPH_LOC_MSIX)
		report_count(report, "entries", ", entries ",
			     ((capability & PCI_TPH_CAP_ST_MASK) >> PCI_TPH_CAP_ST_SHIFT) + 1);
	report_say(report, "\n");
}

static void report_tph_control(struct report *report, uint32_t control)
{
	static const char *const modes[] = {"no steering tags", "interrupt vector mode",
					    "device specific mode"};
	static const char *const requests[] = {"disabled", "TPH", "reserved", "extended TPH"};
	uint32_t mode = control & TPH_CTRL_MODE;
	const char *name = mode < sizeof(modes) / sizeof(modes[0]) ? modes[mode] : "reserved mode";
	const char *request = requests[(control & TPH_CTRL_REQUEST) >> 8];

	report_register(report, "TPHCtl", NULL, 0);
	report_say(report, " Requests: %s, %s", request, name);
	report_text(report, "Requests", request);
	report_text(report, "mode", name);
	report_register_end(report);
}

void probe_report_tph(const struct probe_cap *cap, struct report *report)
{
	uint32_t capability = probe_cap_get(cap, PCI_TPH_CAP, 4);

	report_say(report, "\n");
	for (size_t i = 0; i < sizeof(tph_modes) / sizeof(tph_modes[0]); i++) {
		if (capability & tph_modes[i].bit)
			report_say(report, "\t\t%s\n", tph_modes[i].words);
		report_bool(report, tph_modes[i].name, capability & tph_modes[i].bit);
	}
	report_tph_table(report, capability);
	report_tph_control(report, probe_cap_get(cap, TPH_CTRL, 4));
}

/* ---- Latency Tolerance Reporting ----------------------------------------------------------- */

/* A value in units of 1 ns, 32 ns, 1024 ns and so on. */
static void report_latency(const struct probe_cap *cap, struct report *report, const char *name,
			   size_t offset)
{
	uint32_t value = probe_cap_get(cap, offset, 2);
	unsigned int scale = (value & PCI_LTR_SCALE_MASK) >> PCI_LTR_SCALE_SHIFT;
	uint64_t ns = (uint64_t)(value & PCI_LTR_VALUE_MASK) << (5 * scale);

	report_say(report, "\t\t%s: %" PRIu64 "ns\n", name, ns);
	report_number(report, name, ns);
}

void probe_report_ltr(const struct probe_cap *cap, struct report *report)
{
	report_say(report, "\n");
	report_latency(cap, report, "Max snoop latency", PCI_LTR_MAX_SNOOP_LAT);
	report_latency(cap, report, "Max no snoop latency", PCI_LTR_MAX_NOSNOOP_LAT);
}

/* ---- Dynamic Power Allocation -------------------------------------------------------------- */

#define DPA_LATENCY_INDICATOR 8
#define DPA_STATUS	      12
#define DPA_CONTROL	      14
#define DPA_SUBSTATE	      0x1fu
#define DPA_STATUS_ENABLED    0x100u

struct dpa {
	unsigned int substates;
	unsigned int latency_ms[2];
	uint32_t latency_indicator; /* which of them a substate has */
	unsigned int milliwatts;    /* a step of power */
};

/* Reserved codes of units and scales count as the last ones. */
static struct dpa read_dpa(const struct probe_cap *cap)
{
	static const unsigned int units[] = {1, 10, 100, 100};
	static const unsigned int scales[] = {10000, 1000, 100, 10};
	uint32_t capability = probe_cap_get(cap, PCI_DPA_CAP, 4);
	unsigned int unit = units[capability >> 8 & 3];

	return (struct dpa){
		.substates = (capability & PCI_DPA_CAP_SUBSTATE_MASK) + 1,
		.latency_ms = {(capability >> 16 & 0xff) * unit, (capability >> 24) * unit},
		.latency_indicator = probe_cap_get(cap, DPA_LATENCY_INDICATOR, 4),
		.milliwatts = scales[capability >> 12 & 3],
	};
}

static void report_substate(struct report *report, const struct dpa *dpa, unsigned int index,
			    uint32_t power)
{
	unsigned int milliwatts = power * dpa->milliwatts;
	unsigned int latency = dpa->latency_ms[dpa->latency_indicator >> index & 1];

	report_open(report, NULL, '{');
	report_say(report, "\t\tSubstate %u: %u.%02uW, transition latency %ums\n", index,
		   milliwatts / 1000, milliwatts % 1000 / 10, latency);
	report_number(report, "milliwatts", milliwatts);
	report_number(report, "latency_ms", latency);
	report_close(report, '}');
}

void probe_report_dpa(const struct probe_cap *cap, struct report *report)
{
	const struct dpa dpa = read_dpa(cap);
	uint32_t status = probe_cap_get(cap, DPA_STATUS, 2);

	report_say(report, "\n");
	report_register(report, "DPASta", NULL, 0);
	report_count(report, "Substate", " Substate ", status & DPA_SUBSTATE);
	report_flag(report, "Control", status & DPA_STATUS_ENABLED);
	report_register_end(report);
	report_register(report, "DPACtl", NULL, 0);
	report_count(report, "Substate", " Substate ",
		     probe_cap_get(cap, DPA_CONTROL, 2) & DPA_SUBSTATE);
	report_register_end(report);

	report_open(report, "Substates", '[');
	for (unsigned int i = 0; i < dpa.substates && PCI_DPA_BASE_SIZEOF + i < cap->size; i++)
		report_substate(report, &dpa, i, probe_cap_get(cap, PCI_DPA_BASE_SIZEOF + i, 1));
	report_close(report, ']');
}
