/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of `umdev probe`: what a device said is gathered first, then reported. Nothing is
 * written to the device: it is left as it was found.
 *
 * The device is not trusted. What the driver library has not checked (the bytes of config space) is
 * only read through probe_get(), and every loop over it is bounded.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include <umdev/driver.h>

#include "names.h"
#include "report.h"

#define PROBE_CONFIG_MAX 4096u

struct probe_region {
	int error; /* 0, or why nothing else is known */
	struct umd_driver_region info;
	struct umd_driver_area *areas; /* info.areas of them; NULL where memory was short */
};

struct probe_irq {
	int error;
	struct umd_driver_irq info;
};

/* A chain of capabilities. */
struct probe_caps {
	int error; /* -ELOOP or -ERANGE: the chain breaks behind these */
	unsigned int count;
	struct umd_driver_cap caps[UMD_DRIVER_EXT_CAPS_MAX];
};

struct probe {
	const char *uri;
	struct umd_driver_limits limits;
	struct umd_driver_info info;
	struct probe_region regions[UMD_DRIVER_INDEXES_MAX];
	struct probe_irq irqs[UMD_DRIVER_INDEXES_MAX];

	int config_error; /* 0, or why there is no config space */
	uint8_t config[PROBE_CONFIG_MAX];
	size_t config_size;
	struct probe_caps caps, ext_caps;

	int lost; /* 0, or the error with which the device was lost on the way */
};

/* A capability with its bytes, up to the end of the space that it lies in. */
struct probe_cap {
	unsigned int id, version, offset;
	const uint8_t *bytes;
	size_t size;
};

/* Asks the device everything. What it does not answer leaves an error in its place. */
void probe_gather(struct probe *probe, struct umd_driver *driver);
void probe_release(struct probe *probe);

/* The sections of the report. */
void probe_report_header(const struct probe *probe, struct names *names, struct report *report);
void probe_report_bars(const struct probe *probe, struct report *report);
void probe_report_caps(const struct probe *probe, struct report *report);
void probe_report_regions(const struct probe *probe, struct report *report);
void probe_report_irqs(const struct probe *probe, struct report *report);
void probe_report_limits(const struct probe *probe, struct report *report);

/* Capabilities one by one, for probe_report_caps(): the rest of the line, and lines of registers.
 */
void probe_report_cap(const struct probe_cap *cap, struct report *report);
void probe_report_ext_cap(const struct probe_cap *cap, struct report *report);
void probe_report_express(const struct probe_cap *cap, struct report *report);

/* How capabilities are decoded: a table of these, ended by a NULL name. */
struct probe_decoder {
	unsigned int id;
	const char *name; /* as lspci has it */
	size_t size;	  /* bytes that `decode` needs */
	void (*decode)(const struct probe_cap *cap, struct report *report); /* NULL: a raw dump */
};

void probe_decode(const struct probe_decoder *table, const struct probe_cap *cap,
		  struct report *report);

/* Lines of up to `size` raw bytes. */
void probe_dump(const struct probe_cap *cap, struct report *report, size_t size);

/* A little-endian register of 1, 2 or 4 bytes; all ones where the bytes end before. */
uint32_t probe_get(const uint8_t *bytes, size_t size, size_t offset, unsigned int width);

static inline uint32_t probe_cap_get(const struct probe_cap *cap, size_t offset, unsigned int width)
{
	return probe_get(cap->bytes, cap->size, offset, width);
}

static inline uint32_t probe_config_get(const struct probe *probe, size_t offset,
					unsigned int width)
{
	return probe_get(probe->config, probe->config_size, offset, width);
}

#endif
