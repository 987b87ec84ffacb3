/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of config space: who the device is, and the state of its control and status bits. */
#include "probe.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "cli.h"

static const struct report_flags control_flags[] = {
	{"I/O", PCI_COMMAND_IO},
	{"Mem", PCI_COMMAND_MEMORY},
	{"BusMaster", PCI_COMMAND_MASTER},
	{"SpecCycle", PCI_COMMAND_SPECIAL},
	{"MemWINV", PCI_COMMAND_INVALIDATE},
	{"VGASnoop", PCI_COMMAND_VGA_PALETTE},
	{"ParErr", PCI_COMMAND_PARITY},
	{"Stepping", PCI_COMMAND_WAIT},
	{"SERR", PCI_COMMAND_SERR},
	{"FastB2B", PCI_COMMAND_FAST_BACK},
	{"DisINTx", PCI_COMMAND_INTX_DISABLE},
	{NULL, 0},
};

/* lspci has the timing of DEVSEL between these two. */
static const struct report_flags status_flags[] = {
	{"Cap", PCI_STATUS_CAP_LIST},	   {"66MHz", PCI_STATUS_66MHZ},	  {"UDF", PCI_STATUS_UDF},
	{"FastB2B", PCI_STATUS_FAST_BACK}, {"ParErr", PCI_STATUS_PARITY}, {NULL, 0},
};

static const struct report_flags abort_flags[] = {
	{">TAbort", PCI_STATUS_SIG_TARGET_ABORT},
	{"<TAbort", PCI_STATUS_REC_TARGET_ABORT},
	{"<MAbort", PCI_STATUS_REC_MASTER_ABORT},
	{">SERR", PCI_STATUS_SIG_SYSTEM_ERROR},
	{"<PERR", PCI_STATUS_DETECTED_PARITY},
	{"INTx", PCI_STATUS_INTERRUPT},
	{NULL, 0},
};

/* What the header says by numbers that have names. */
struct identity {
	uint16_t vendor, device, class, subsystem_vendor, subsystem;
	uint8_t interface, revision, header_type;
};

static struct identity read_identity(const struct probe *probe)
{
	return (struct identity){
		.vendor = (uint16_t)probe_config_get(probe, PCI_VENDOR_ID, 2),
		.device = (uint16_t)probe_config_get(probe, PCI_DEVICE_ID, 2),
		.class = (uint16_t)probe_config_get(probe, PCI_CLASS_DEVICE, 2),
		.interface = (uint8_t)probe_config_get(probe, PCI_CLASS_PROG, 1),
		.revision = (uint8_t)probe_config_get(probe, PCI_REVISION_ID, 1),
		.header_type = probe_config_get(probe, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK,
		.subsystem_vendor = (uint16_t)probe_config_get(probe, PCI_SUBSYSTEM_VENDOR_ID, 2),
		.subsystem = (uint16_t)probe_config_get(probe, PCI_SUBSYSTEM_ID, 2),
	};
}

/* A name, where it is known, and the space behind it. */
static void say_name(struct report *report, const char *key, const char *name, const char *unknown)
{
	if (name)
		report_text(report, key, name);
	if (name || *unknown)
		report_say(report, "%s ", name ? name : unknown);
}

static void report_class(const struct identity *id, struct names *names, struct report *report)
{
	char buffer[NAMES_MAX];
	const struct names_ids class = {.a = id->class};

	report_hex(report, "class", 4, id->class);
	say_name(report, "class_name", names_find(names, buffer, NAMES_CLASS, class), "Class");
	report_say(report, "[%04x]: ", id->class);
}

static void report_device(const struct identity *id, struct names *names, struct report *report)
{
	char buffer[NAMES_MAX];
	const struct names_ids ids = {.a = id->vendor, .b = id->device};

	report_hex(report, "vendor_id", 4, id->vendor);
	say_name(report, "vendor", names_find(names, buffer, NAMES_VENDOR, ids), "");
	report_hex(report, "device_id", 4, id->device);
	say_name(report, "name", names_find(names, buffer, NAMES_DEVICE, ids), "Device");
	report_say(report, "[%04x:%04x]", id->vendor, id->device);
}

static void report_revision(const struct identity *id, struct names *names, struct report *report)
{
	const struct names_ids ids = {.a = id->class, .b = id->interface};
	char buffer[NAMES_MAX];
	const char *name = names_find(names, buffer, NAMES_INTERFACE, ids);

	report_say(report, " (rev %02x) (prog-if %02x", id->revision, id->interface);
	if (name)
		report_say(report, " [%s]", name);
	report_say(report, ")\n");

	report_hex(report, "revision", 2, id->revision);
	report_hex(report, "interface", 2, id->interface);
	if (name)
		report_text(report, "interface_name", name);
}

static void report_subsystem(const struct identity *id, struct names *names, struct report *report)
{
	const struct names_ids ids = {id->vendor, id->device, id->subsystem_vendor, id->subsystem};
	const struct names_ids vendor = {.a = id->subsystem_vendor};
	char buffer[NAMES_MAX];

	report_hex(report, "subsystem_vendor_id", 4, id->subsystem_vendor);
	report_hex(report, "subsystem_id", 4, id->subsystem);
	if (!id->subsystem_vendor && !id->subsystem)
		return;

	report_say(report, "\tSubsystem: ");
	say_name(report, "subsystem_vendor", names_find(names, buffer, NAMES_VENDOR, vendor), "");
	say_name(report, "subsystem_name", names_find(names, buffer, NAMES_SUBSYSTEM, ids),
		 "Device");
	report_say(report, "[%04x:%04x]\n", id->subsystem_vendor, id->subsystem);
}

static void report_state(const struct probe *probe, struct report *report)
{
	static const char *const timings[] = {"fast", "medium", "slow", "??"};
	uint32_t status = probe_config_get(probe, PCI_STATUS, 2);
	const char *timing = timings[(status & PCI_STATUS_DEVSEL_MASK) >> 9];

	report_say(report, "\tControl:");
	report_open(report, "control", '{');
	report_flags(report, control_flags, probe_config_get(probe, PCI_COMMAND, 2));
	report_close(report, '}');

	report_say(report, "\n\tStatus:");
	report_open(report, "status", '{');
	report_flags(report, status_flags, status);
	report_say(report, " DEVSEL=%s", timing);
	report_text(report, "DEVSEL", timing);
	report_flags(report, abort_flags, status);
	report_say(report, "\n");
	report_close(report, '}');
}

static void report_pin(const struct probe *probe, struct report *report)
{
	uint32_t pin = probe_config_get(probe, PCI_INTERRUPT_PIN, 1);
	char name[] = {(char)('A' + (pin - 1) % 4), '\0'};

	if (!pin)
		return;
	if (pin > 4) {
		report_say(report, "\tInterrupt: pin ? (%u)\n", pin);
		return;
	}
	report_say(report, "\tInterrupt: pin %s\n", name);
	report_text(report, "interrupt_pin", name);
}

static void report_header_type(const struct identity *id, struct report *report)
{
	report_number(report, "header_type", id->header_type);
	if (id->header_type != PCI_HEADER_TYPE_NORMAL)
		report_say(report, "\t!!! Header type %02x: no more of it is shown\n",
			   id->header_type);
}

static void report_pci(const struct probe *probe, struct names *names, struct report *report)
{
	const struct identity id = read_identity(probe);

	report_class(&id, names, report);
	report_device(&id, names, report);
	report_revision(&id, names, report);
	report_header_type(&id, report);
	if (id.header_type == PCI_HEADER_TYPE_NORMAL)
		report_subsystem(&id, names, report);
	report_state(probe, report);
	report_pin(probe, report);
}

static void report_no_pci(const struct probe *probe, struct report *report)
{
	if (!(probe->info.flags & UMD_DRIVER_PCI)) {
		report_say(report, "not a PCI device\n");
		return;
	}
	report_say(report, "a PCI device whose config space cannot be read: %s\n",
		   strerror(-probe->config_error));
	report_text(report, "error", strerror(-probe->config_error));
}

void probe_report_header(const struct probe *probe, struct names *names, struct report *report)
{
	char uri[160], name[160];

	cli_printable(uri, sizeof(uri), probe->uri);
	report_say(report, "%s: ", uri);
	report_text(report, "uri", uri);
	report_text(report, "name", cli_printable(name, sizeof(name), probe->name));

	report_open(report, "device", '{');
	report_bool(report, "pci", probe->info.flags & UMD_DRIVER_PCI);
	report_bool(report, "reset", probe->info.flags & UMD_DRIVER_RESET);
	if (probe->config_error)
		report_no_pci(probe, report);
	else
		report_pci(probe, names, report);
	report_close(report, '}');
}
