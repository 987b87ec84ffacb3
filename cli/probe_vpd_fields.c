/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vital Product Data (PCI Local Bus 3.0, appendix I), in lspci's words. Its texts are the device's:
 * what is not printable ASCII is shown as \xNN, and what goes on and on is cut.
 */
#include "probe.h"

#include <linux/pci_regs.h>
#include <string.h>

#define TEXT_BYTES 255u		 /* of a text that are shown: a field has no more */
#define TEXT_MAX   (4 * 255 + 4) /* with each byte as \xNN, dots, and a NUL */
#define FIELD_HEAD 3u		 /* keyword and length */

enum format { TEXT, BINARY, CHECKSUM, FREE };

static const struct item {
	char keyword[2]; /* a NUL: any byte */
	enum format format;
	const char *name;
} items[] = {
	{{'C', 'P'}, BINARY, "Extended capability"},
	{{'E', 'C'}, TEXT, "Engineering changes"},
	{{'M', 'N'}, TEXT, "Manufacture ID"},
	{{'P', 'N'}, TEXT, "Part number"},
	{{'R', 'V'}, CHECKSUM, "Reserved"},
	{{'R', 'W'}, FREE, "Read-write area"},
	{{'S', 'N'}, TEXT, "Serial number"},
	{{'Y', 'A'}, TEXT, "Asset tag"},
	{{'V', 0}, TEXT, "Vendor specific"},
	{{'Y', 0}, TEXT, "System specific"},
	/* Of some vendors. */
	{{'C', 'C'}, TEXT, "CCIN"},
	{{'F', 'C'}, TEXT, "Feature code"},
	{{'F', 'N'}, TEXT, "FRU"},
	{{'N', 'A'}, TEXT, "Network address"},
	{{'R', 'M'}, TEXT, "Firmware version"},
	{{'Z', 0}, TEXT, "Product specific"},
};
static const struct item unknown_item = {{0, 0}, BINARY, "Unknown"};

/* A field: a keyword, and the data behind it, which lies in `bytes` from `at` on. */
struct field {
	const struct probe_vpd *vpd;
	const struct item *item;
	size_t at, size;
};

static const struct item *find_item(const uint8_t *keyword)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (items[i].keyword[0] == (char)keyword[0] &&
		    (!items[i].keyword[1] || items[i].keyword[1] == (char)keyword[1]))
			return &items[i];
	}
	return &unknown_item;
}

/* `to` has TEXT_MAX bytes. A NUL at the end is the text's, as of some cards. */
static const char *escape(char *to, const uint8_t *bytes, size_t size)
{
	size_t shown = size < TEXT_BYTES ? size : TEXT_BYTES;
	char *at = to;

	if (shown == size && size && !bytes[size - 1])
		shown--;
	for (size_t i = 0; i < shown; i++) {
		if (bytes[i] == '\\')
			at = stpcpy(at, "\\\\");
		else if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
			*at++ = (char)bytes[i];
		else
			at += snprintf(at, 5, "\\x%02x", bytes[i]);
	}
	strcpy(at, size > TEXT_BYTES ? "..." : "");
	return to;
}

/* ---- Fields -------------------------------------------------------------------------------- */

static void report_text_field(const struct field *field, struct report *report)
{
	char text[TEXT_MAX];

	escape(text, field->vpd->bytes + field->at, field->size);
	report_say(report, "%s\n", text);
	report_text(report, "text", text);
}

static void report_binary_field(const struct field *field, struct report *report)
{
	const uint8_t *bytes = field->vpd->bytes + field->at;

	for (size_t i = 0; i < field->size; i++)
		report_say(report, "%s%02x", i ? " " : "", bytes[i]);
	report_say(report, "\n");
	report_bytes(report, "raw", bytes, field->size);
}

/* All bytes from the first one to the checksum, which is the first one of the field, add up to 0.
 */
static void report_checksum_field(const struct field *field, struct report *report)
{
	size_t reserved = field->size ? field->size - 1 : 0;
	uint8_t sum = 0;

	for (size_t i = 0; i <= field->at && field->size; i++)
		sum = (uint8_t)(sum + field->vpd->bytes[i]);
	report_say(report, "checksum %s, %zu byte(s) reserved\n",
		   field->size && !sum ? "good" : "bad", reserved);
	report_bool(report, "checksum_good", field->size && !sum);
	report_number(report, "reserved", reserved);
}

static void report_free_field(const struct field *field, struct report *report)
{
	report_say(report, "%zu byte(s) free\n", field->size);
	report_number(report, "free", field->size);
}

static void report_field(const struct field *field, const uint8_t *keyword, struct report *report)
{
	static void (*const reports[])(const struct field *field, struct report *report) = {
		[TEXT] = report_text_field,
		[BINARY] = report_binary_field,
		[CHECKSUM] = report_checksum_field,
		[FREE] = report_free_field,
	};
	char text[TEXT_MAX];

	escape(text, keyword, 2);
	report_open(report, NULL, '{');
	report_say(report, "\t\t\t[%s] %s: ", text, field->item->name);
	report_text(report, "keyword", text);
	report_text(report, "name", field->item->name);
	reports[field->item->format](field, report);
	report_close(report, '}');
}

/* Up to the first one that is longer than what is left of the resource. */
static void report_fields(const struct probe_vpd *vpd, const struct probe_vpd_resource *resource,
			  struct report *report)
{
	size_t at = resource->data, end = resource->data + resource->size;

	report_open(report, "fields", '[');
	while (end - at >= FIELD_HEAD) {
		const uint8_t *head = vpd->bytes + at;
		const struct field field = {.vpd = vpd,
					    .item = find_item(head),
					    .at = at + FIELD_HEAD,
					    .size = head[2]};

		if (field.size > end - field.at)
			break;
		report_field(&field, head, report);
		at = field.at + field.size;
	}
	report_close(report, ']');
}

/* ---- Resources ----------------------------------------------------------------------------- */

static void report_resource(const struct probe_vpd *vpd, const struct probe_vpd_resource *resource,
			    struct report *report)
{
	bool read_only = resource->tag == PROBE_VPD_READ_ONLY;
	char text[TEXT_MAX];

	report_open(report, NULL, '{');
	if (resource->tag == PROBE_VPD_NAME) {
		escape(text, vpd->bytes + resource->data, resource->size);
		report_say(report, "\t\tProduct Name: %s\n", text);
		report_text(report, "Product Name", text);
	} else {
		report_say(report, "\t\t%s fields:\n", read_only ? "Read-only" : "Read/write");
		report_text(report, "access", read_only ? "read-only" : "read/write");
		report_fields(vpd, resource, report);
	}
	report_close(report, '}');
}

/* How it ends: with its end tag, or not. */
static void report_end_of(const struct probe_vpd *vpd, size_t at, struct report *report)
{
	struct probe_vpd_resource resource;
	const char *end = at ? "No end tag found" : "Not readable";

	if (vpd->error) {
		report_say(report, "\t\t%s: %s\n", end, strerror(-vpd->error));
		report_text(report, "error", strerror(-vpd->error));
	} else if (!probe_vpd_parse(vpd, at, &resource) || probe_vpd_is_known(&resource)) {
		report_say(report, "\t\t%s\n", end);
	} else if (resource.tag == PROBE_VPD_END) {
		report_say(report, "\t\tEnd\n");
	} else {
		report_say(report, "\t\tUnknown %s resource type %02x, will not decode more.\n",
			   resource.tag & 0x80 ? "large" : "small", resource.tag & 0x7f);
	}
	report_bool(report, "complete",
		    probe_vpd_parse(vpd, at, &resource) && resource.tag == PROBE_VPD_END);
}

void probe_report_vpd(const struct probe_cap *cap, struct report *report)
{
	static struct probe_vpd none; /* not const: zeroes that take no room in the program */
	const struct probe_vpd *vpd = cap->vpd;
	struct probe_vpd_resource resource;
	size_t at = 0;

	if (!vpd || vpd->offset != cap->offset)
		vpd = &none;
	report_say(report, "\n");
	report_open(report, "resources", '[');
	while (probe_vpd_parse(vpd, at, &resource) && probe_vpd_is_known(&resource) &&
	       resource.size <= vpd->size - resource.data) {
		report_resource(vpd, &resource, report);
		at = resource.data + resource.size;
	}
	report_close(report, ']');
	report_end_of(vpd, at, report);
}
