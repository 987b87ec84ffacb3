/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BARs: their kind and address from config space, their size from the region behind them. (The
 * usual way to a size, writing all ones, would disturb the device.)
 */
#include "probe.h"

#include <inttypes.h>
#include <linux/pci_regs.h>

struct bar {
	unsigned int index;
	bool io, wide, prefetch;
	const char *type; /* of a memory BAR */
	uint64_t address, size;
};

static struct bar read_bar(const struct probe *probe, unsigned int index)
{
	static const char *const types[] = {"32-bit", "low-1M", "64-bit", "type 3"};
	uint32_t value = probe_config_get(probe, PCI_BASE_ADDRESS_0 + 4 * index, 4);
	struct bar bar = {.index = index};

	if (index < probe->info.regions && !probe->regions[index].error)
		bar.size = probe->regions[index].info.bytes;
	if (value & PCI_BASE_ADDRESS_SPACE_IO) {
		bar.io = true;
		bar.address = value & (uint32_t)PCI_BASE_ADDRESS_IO_MASK;
		return bar;
	}

	bar.type = types[(value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) >> 1];
	bar.prefetch = value & PCI_BASE_ADDRESS_MEM_PREFETCH;
	bar.address = value & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	bar.wide = (value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (bar.wide && index < 5)
		bar.address |= (uint64_t)probe_config_get(probe, PCI_BASE_ADDRESS_1 + 4 * index, 4)
			       << 32;
	return bar;
}

static void say_place(struct report *report, uint64_t address, int digits, bool enabled)
{
	if (address)
		report_say(report, "%0*" PRIx64, digits, address);
	else
		report_say(report, "<unassigned>");
	report_number(report, "address", address);
	report_bool(report, "enabled", enabled);
}

static void say_size(struct report *report, uint64_t size, bool enabled)
{
	char text[REPORT_SIZE_MAX];

	report_say(report, "%s [size=%s]\n", enabled ? "" : " [disabled]", report_size(text, size));
	report_number(report, "size", size);
}

static void report_bar(const struct bar *bar, uint32_t command, struct report *report)
{
	bool enabled = command & (bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);

	report_open(report, NULL, '{');
	report_say(report, "\tRegion %u: %s at ", bar->index, bar->io ? "I/O ports" : "Memory");
	report_number(report, "index", bar->index);
	report_text(report, "kind", bar->io ? "io" : "memory");
	say_place(report, bar->address, bar->io ? 4 : bar->wide ? 16 : 8, enabled);
	if (!bar->io) {
		report_say(report, " (%s, %sprefetchable)", bar->type, bar->prefetch ? "" : "non-");
		report_text(report, "type", bar->type);
		report_bool(report, "prefetchable", bar->prefetch);
	}
	say_size(report, bar->size, enabled);
	report_close(report, '}');
}

/* How many BARs a header type has. */
static unsigned int bar_count(const struct probe *probe)
{
	switch (probe_config_get(probe, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK) {
	case PCI_HEADER_TYPE_NORMAL:
		return 6;
	case PCI_HEADER_TYPE_BRIDGE:
		return 2;
	default:
		return 0;
	}
}

static void report_rom(const struct probe *probe, struct report *report)
{
	const struct probe_region *region = &probe->regions[UMD_DRIVER_ROM];
	uint32_t value = probe_config_get(probe, PCI_ROM_ADDRESS, 4);
	bool enabled = value & PCI_ROM_ADDRESS_ENABLE;

	if (bar_count(probe) != 6 || UMD_DRIVER_ROM >= probe->info.regions || region->error ||
	    !region->info.bytes)
		return;

	report_open(report, "rom", '{');
	report_say(report, "\tExpansion ROM at ");
	say_place(report, value & (uint32_t)PCI_ROM_ADDRESS_MASK, 8, enabled);
	say_size(report, region->info.bytes, enabled);
	report_close(report, '}');
}

void probe_report_bars(const struct probe *probe, struct report *report)
{
	uint32_t command = probe_config_get(probe, PCI_COMMAND, 2);

	if (probe->config_error)
		return;

	report_open(report, "bars", '[');
	for (unsigned int i = 0; i < bar_count(probe); i++) {
		const struct bar bar = read_bar(probe, i);

		if (bar.size || bar.address)
			report_bar(&bar, command, report);
		if (bar.wide)
			i++;
	}
	report_close(report, ']');
	report_rom(probe, report);
}
