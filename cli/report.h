/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One report in two forms, text for people and JSON for programs, written by the same code so that
 * both say the same. The functions below are grouped by the form that they write.
 *
 * Nothing that a device sends reaches the output but as numbers, flags and names of ours, and the
 * texts of its Vital Product Data, escaped.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "json.h"

struct report {
	bool is_json;
	FILE *text;
	struct json_out json;
};

/* Begins a report on `to`, which is an object in JSON. */
void report_begin(struct report *report, FILE *to, bool is_json);
void report_end(struct report *report);

/* ---- In text ------------------------------------------------------------------------------- */

void report_say(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- In JSON: as json.h -------------------------------------------------------------------- */

void report_open(struct report *report, const char *name, char bracket);
void report_close(struct report *report, char bracket);
void report_text(struct report *report, const char *name, const char *text);
void report_number(struct report *report, const char *name, uint64_t value);
void report_bool(struct report *report, const char *name, bool value);

/* A number as a string "0x..." of so many digits: ids and register values. */
void report_hex(struct report *report, const char *name, unsigned int digits, uint64_t value);

/* Bytes as a string of hexadecimal digits. */
void report_bytes(struct report *report, const char *name, const uint8_t *bytes, size_t size);

/* ---- In both ------------------------------------------------------------------------------- */

/* " NAME+" or " NAME-"; a boolean member. */
void report_flag(struct report *report, const char *name, bool value);

struct report_flags {
	const char *name; /* NULL ends the table */
	uint32_t mask;
};

/* Flags of a register, in the table's order. */
void report_flags(struct report *report, const struct report_flags *flags, uint32_t value);

/*
 * Begins a line "\t\tNAME:", an object, with flags (NULL: none); more may be added before
 * report_register_end().
 */
void report_register(struct report *report, const char *name, const struct report_flags *flags,
		     uint32_t value);
void report_register_end(struct report *report);

/* The number with that text before it; a member with that name. */
void report_count(struct report *report, const char *name, const char *text, uint64_t value);

/* "64", "4K", "1M": how lspci writes sizes. `to` has at least 24 bytes. Returns it. */
const char *report_size(char *to, uint64_t size);
#define REPORT_SIZE_MAX 24

#endif
