/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies beyond config space: regions, interrupts, what memory the device can be given, and what
 * device and driver agreed on where there is a protocol between them.
 */
#include "probe.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct report_flags region_flags[] = {
	{"read", UMD_DRIVER_REGION_READ},
	{"write", UMD_DRIVER_REGION_WRITE},
	{"mmap", UMD_DRIVER_REGION_MMAP},
	{NULL, 0},
};

static const struct report_flags irq_flags[] = {
	{"eventfd", UMD_DRIVER_IRQ_EVENTFD},
	{"maskable", UMD_DRIVER_IRQ_MASKABLE},
	{"automasked", UMD_DRIVER_IRQ_AUTOMASKED},
	{"noresize", UMD_DRIVER_IRQ_NORESIZE},
	{NULL, 0},
};

/* "BAR0" for index 0 and so on; a number for what PCI does not name. */
static const char *name_of(const char *const *names, size_t count, bool pci, unsigned int index)
{
	return pci && index < count ? names[index] : "-";
}

/* How every line of a table begins, and every object of its array. */
static void begin_line(struct report *report, unsigned int index, const char *name)
{
	report_open(report, NULL, '{');
	report_say(report, "\t\t%2u %-6s", index, name);
	report_number(report, "index", index);
	report_text(report, "name", name);
}

static void end_line(struct report *report, int error)
{
	if (error) {
		report_say(report, " %s", strerror(-error));
		report_text(report, "error", strerror(-error));
	}
	report_say(report, "\n");
	report_close(report, '}');
}

/* ---- Regions ------------------------------------------------------------------------------- */

static void report_areas(const struct probe_region *region, struct report *report)
{
	report_number(report, "mmap_offset", region->info.mmap_offset);
	report_say(report, " at 0x%" PRIx64 ":", region->info.mmap_offset);
	report_open(report, "areas", '[');
	for (unsigned int i = 0; i < region->info.areas; i++) {
		const struct umd_driver_area *area = &region->areas[i];
		char size[REPORT_SIZE_MAX];

		report_say(report, " 0x%" PRIx64 "[%s]", area->offset,
			   report_size(size, area->size));
		report_open(report, NULL, '{');
		report_number(report, "offset", area->offset);
		report_number(report, "size", area->size);
		report_close(report, '}');
	}
	report_close(report, ']');
}

static void report_region(const struct probe_region *region, struct report *report)
{
	char size[REPORT_SIZE_MAX];

	report_say(report, " size=%s", report_size(size, region->info.bytes));
	report_number(report, "size", region->info.bytes);
	report_flags(report, region_flags, region->info.flags);
	if (region->info.areas)
		report_areas(region, report);
}

/* A region that the device does not have is a line that says nothing: JSON has it all the same. */
void probe_report_regions(const struct probe *probe, struct report *report)
{
	static const char *const names[] = {"BAR0", "BAR1", "BAR2",   "BAR3", "BAR4",
					    "BAR5", "ROM",  "Config", "VGA"};
	bool pci = probe->info.flags & UMD_DRIVER_PCI;

	report_say(report, "\tRegions: %u\n", probe->info.regions);
	report_open(report, "regions", '[');
	for (unsigned int i = 0; i < probe->info.regions; i++) {
		const struct probe_region *region = &probe->regions[i];

		if (!report->is_json && !region->error && !region->info.bytes)
			continue;
		begin_line(report, i, name_of(names, sizeof(names) / sizeof(names[0]), pci, i));
		if (!region->error)
			report_region(region, report);
		end_line(report, region->error);
	}
	report_close(report, ']');
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

void probe_report_irqs(const struct probe *probe, struct report *report)
{
	static const char *const names[] = {"INTx", "MSI", "MSI-X", "ERR", "REQ"};
	bool pci = probe->info.flags & UMD_DRIVER_PCI;

	report_say(report, "\tInterrupts: %u\n", probe->info.irqs);
	report_open(report, "interrupts", '[');
	for (unsigned int i = 0; i < probe->info.irqs; i++) {
		const struct probe_irq *irq = &probe->irqs[i];

		if (!report->is_json && !irq->error && !irq->info.count)
			continue;
		begin_line(report, i, name_of(names, sizeof(names) / sizeof(names[0]), pci, i));
		if (!irq->error) {
			report_count(report, "count", " count=", irq->info.count);
			report_flags(report, irq_flags, irq->info.flags);
		}
		end_line(report, irq->error);
	}
	report_close(report, ']');
}

/* ---- Limits -------------------------------------------------------------------------------- */

static void report_page_sizes(struct report *report, uint64_t page_sizes)
{
	const char *separator = ", pages ";
	char text[REPORT_SIZE_MAX];

	report_open(report, "page_sizes", '[');
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t size = UINT64_C(1) << bit;

		if (!(page_sizes & size))
			continue;
		report_say(report, "%s%s", separator, report_size(text, size));
		report_number(report, NULL, size);
		separator = "/";
	}
	report_close(report, ']');
}

static void report_ranges(const struct probe_dma *dma, struct report *report)
{
	report_say(report, "%s", dma->count ? ", IOVA" : "");
	report_open(report, "ranges", '[');
	for (unsigned int i = 0; i < dma->count; i++) {
		report_say(report, " %" PRIx64 "-%" PRIx64, dma->ranges[i].first,
			   dma->ranges[i].last);
		report_open(report, NULL, '{');
		report_hex(report, "first", 16, dma->ranges[i].first);
		report_hex(report, "last", 16, dma->ranges[i].last);
		report_close(report, '}');
	}
	report_close(report, ']');
}

/* Nothing where there is no DMA. */
void probe_report_dma(const struct probe *probe, struct report *report)
{
	static const struct report_flags flags[] = {
		{"dirty", UMD_DRIVER_DMA_HAS_DIRTY},
		{"pasid", UMD_DRIVER_DMA_HAS_PASID},
		{NULL, 0},
	};
	const struct probe_dma *dma = &probe->dma;

	if (dma->error == -EOPNOTSUPP)
		return;
	report_open(report, "dma", '{');
	report_say(report, "\tDMA:");
	if (dma->error) {
		report_say(report, " %s", strerror(-dma->error));
		report_text(report, "error", strerror(-dma->error));
	} else {
		report_count(report, "max_maps", " maps ", dma->limits.max_maps);
		report_page_sizes(report, dma->limits.page_sizes);
		report_ranges(dma, report);
		report_say(report, ",");
		report_flags(report, flags, dma->limits.flags);
	}
	report_say(report, "\n");
	report_close(report, '}');
}

/* Nothing for devices of the kernel, which has no version to agree on. */
void probe_report_limits(const struct probe *probe, struct report *report)
{
	const struct umd_driver_limits *limits = &probe->limits;
	char size[REPORT_SIZE_MAX], version[32];

	if (!limits->major && !limits->minor)
		return;
	snprintf(version, sizeof(version), "%u.%u", limits->major, limits->minor);
	report_open(report, "protocol", '{');
	report_say(report, "\tProtocol: version %s, reset%c, transfers [size=%s]", version,
		   probe->info.flags & UMD_DRIVER_RESET ? '+' : '-',
		   report_size(size, limits->max_data_xfer_size));
	report_text(report, "version", version);
	report_number(report, "max_data_xfer_size", limits->max_data_xfer_size);
	report_count(report, "max_msg_fds", ", fds ", limits->max_msg_fds);
	report_count(report, "max_dma_maps", ", DMA maps ", limits->max_dma_maps);
	report_page_sizes(report, limits->page_sizes);
	report_say(report, ",");
	report_flag(report, "write_multiple", limits->write_multiple);
	report_say(report, "\n");
	report_close(report, '}');
}
