/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void report_begin(struct report *report, FILE *to, bool is_json)
{
	*report = (struct report){.is_json = is_json, .text = to, .json = {.file = to}};
	report_open(report, NULL, '{');
}

void report_end(struct report *report)
{
	report_close(report, '}');
}

void report_say(struct report *report, const char *format, ...)
{
	va_list args;

	if (report->is_json)
		return;
	va_start(args, format);
	vfprintf(report->text, format, args);
	va_end(args);
}

void report_open(struct report *report, const char *name, char bracket)
{
	if (report->is_json)
		json_open(&report->json, name, bracket);
}

void report_close(struct report *report, char bracket)
{
	if (report->is_json)
		json_close(&report->json, bracket);
}

void report_text(struct report *report, const char *name, const char *text)
{
	if (report->is_json)
		json_text(&report->json, name, text);
}

void report_number(struct report *report, const char *name, uint64_t value)
{
	if (report->is_json)
		json_number(&report->json, name, value);
}

void report_bool(struct report *report, const char *name, bool value)
{
	if (report->is_json)
		json_bool(&report->json, name, value);
}

void report_hex(struct report *report, const char *name, unsigned int digits, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*" PRIx64, (int)digits, value);
	report_text(report, name, text);
}

void report_bytes(struct report *report, const char *name, const uint8_t *bytes, size_t size)
{
	char text[2 * 256 + 1] = "";

	for (size_t i = 0; i < size && i < 256; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	report_text(report, name, text);
}

void report_flag(struct report *report, const char *name, bool value)
{
	report_say(report, " %s%c", name, value ? '+' : '-');
	report_bool(report, name, value);
}

void report_flags(struct report *report, const struct report_flags *flags, uint32_t value)
{
	for (; flags && flags->name; flags++)
		report_flag(report, flags->name, value & flags->mask);
}

void report_register(struct report *report, const char *name, const struct report_flags *flags,
		     uint32_t value)
{
	report_say(report, "\t\t%s:", name);
	report_open(report, name, '{');
	report_flags(report, flags, value);
}

void report_register_end(struct report *report)
{
	report_say(report, "\n");
	report_close(report, '}');
}

void report_count(struct report *report, const char *name, const char *text, uint64_t value)
{
	report_say(report, "%s%" PRIu64, text, value);
	report_number(report, name, value);
}

const char *report_size(char *to, uint64_t size)
{
	static const char suffixes[] = "\0KMGTPE";
	unsigned int i = 0;

	while (size && size % 1024 == 0 && i + 2 < sizeof(suffixes)) {
		size /= 1024;
		i++;
	}
	snprintf(to, REPORT_SIZE_MAX, "%" PRIu64 "%.1s", size, &suffixes[i]);
	return to;
}
