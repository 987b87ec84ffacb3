/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of `umdev probe`: what a device said is gathered first, then reported. Nothing is
 * written to the device but the address from which Vital Product Data is to be read.
 *
 * The device is not trusted. What the driver library has not checked (the bytes of config space) is
 * only read through probe_get(), and every loop over it is bounded.
 */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include <time.h>

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

/* Vital Product Data, as far as it has been read. */
#define PROBE_VPD_MAX 32768u
struct probe_vpd {
	unsigned int offset; /* of the capability through which it was; 0: none */
	int error;	     /* 0, or why there is no more */
	size_t size;
	uint8_t bytes[PROBE_VPD_MAX];
};

/* What memory can be given to it. */
struct probe_dma {
	int error;
	struct umd_driver_dma_limits limits;
	unsigned int count;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
};

struct probe {
	const char *uri;
	char name[160];	 /* the device's own */
	time_t deadline; /* CLOCK_MONOTONIC: after it, nothing more is asked */
	struct umd_driver_limits limits;
	struct umd_driver_info info;
	struct probe_dma dma;
	struct probe_region regions[UMD_DRIVER_INDEXES_MAX];
	struct probe_irq irqs[UMD_DRIVER_INDEXES_MAX];

	int config_error; /* 0, or why there is no config space */
	uint8_t config[PROBE_CONFIG_MAX];
	size_t config_size;
	struct probe_caps caps, ext_caps;
	struct probe_vpd vpd;

	int lost; /* 0, or the error with which the device was lost on the way */
};

/* A capability with its bytes, up to the end of the space that it lies in. */
struct probe_cap {
	unsigned int id, version, offset;
	const uint8_t *bytes;
	size_t size;
	const struct probe_vpd *vpd; /* NULL: none was read */
};

/* A resource of Vital Product Data; `data` and `size` may lead beyond what there is. */
struct probe_vpd_resource {
	uint32_t tag; /* of a large one with its uppermost bit */
	size_t data, size;
};
enum {
	PROBE_VPD_END = 0x0f,
	PROBE_VPD_NAME = 0x82,
	PROBE_VPD_READ_ONLY = 0x90,
	PROBE_VPD_READ_WRITE = 0x91,
};

/* Asks the device everything. What it does not answer leaves an error in its place. */
void probe_gather(struct probe *probe, struct umd_driver *driver);
void probe_release(struct probe *probe);

/* Reads Vital Product Data, where there is some. */
void probe_gather_vpd(struct probe *probe, struct umd_driver *driver);

/* What comes of a question: keeps in mind that the device was lost. Returns `err`. */
int probe_note(struct probe *probe, int err);

/* -ETIMEDOUT where it is time to ask no more. */
int probe_given_up(struct probe *probe);

/* The resource at `at`; false where its head does not lie within what was read. */
bool probe_vpd_parse(const struct probe_vpd *vpd, size_t at, struct probe_vpd_resource *ret);

/* Whether it is one of those that the rest of the data can be behind. */
bool probe_vpd_is_known(const struct probe_vpd_resource *resource);

/* The sections of the report. */
void probe_report_header(const struct probe *probe, struct names *names, struct report *report);
void probe_report_bars(const struct probe *probe, struct report *report);
void probe_report_caps(const struct probe *probe, struct report *report);
void probe_report_regions(const struct probe *probe, struct report *report);
void probe_report_irqs(const struct probe *probe, struct report *report);
void probe_report_dma(const struct probe *probe, struct report *report);
void probe_report_limits(const struct probe *probe, struct report *report);

/* Capabilities one by one, for probe_report_caps(): the rest of the line, and lines of registers.
 */
void probe_report_cap(const struct probe_cap *cap, struct report *report);
void probe_report_ext_cap(const struct probe_cap *cap, struct report *report);
void probe_report_express(const struct probe_cap *cap, struct report *report);
void probe_report_vpd(const struct probe_cap *cap, struct report *report);
void probe_report_aer(const struct probe_cap *cap, struct report *report);
void probe_report_sriov(const struct probe_cap *cap, struct report *report);
void probe_report_rebar(const struct probe_cap *cap, struct report *report);
void probe_report_tph(const struct probe_cap *cap, struct report *report);
void probe_report_ltr(const struct probe_cap *cap, struct report *report);
void probe_report_dpa(const struct probe_cap *cap, struct report *report);

/* How capabilities are decoded: a table of these, ended by a NULL name. */
struct probe_decoder {
	unsigned int id;
	const char *name; /* as lspci has it */
	size_t size;	  /* bytes that `decode` needs */
	void (*decode)(const struct probe_cap *cap, struct report *report); /* NULL: a raw dump */
};

void probe_decode(const struct probe_decoder *table, const struct probe_cap *cap,
		  struct report *report);

/* A line with a register of flags, of 1, 2 or 4 bytes. */
void probe_report_register(const struct probe_cap *cap, struct report *report, const char *name,
			   const struct report_flags *flags, size_t offset, unsigned int width);

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
