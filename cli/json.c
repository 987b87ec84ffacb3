/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <inttypes.h>

static void begin_line(struct json_out *json)
{
	fprintf(json->file, "\n%*s", (int)(2 * json->depth), "");
}

static void put_string(struct json_out *json, const char *text)
{
	fputc('"', json->file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			fprintf(json->file, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			fprintf(json->file, "\\%c", c);
		else
			fputc(c, json->file);
	}
	fputc('"', json->file);
}

/* What comes before every value: a comma where one is due, a line of its own, the name. */
static void begin_value(struct json_out *json, const char *name)
{
	if (json->begun)
		fputc(',', json->file);
	json->begun = true;
	if (json->depth)
		begin_line(json);
	if (name) {
		put_string(json, name);
		fputs(": ", json->file);
	}
}

void json_open(struct json_out *json, const char *name, char bracket)
{
	begin_value(json, name);
	fputc(bracket, json->file);
	json->depth++;
	json->begun = false;
}

void json_close(struct json_out *json, char bracket)
{
	json->depth--;
	if (json->begun)
		begin_line(json);
	fputc(bracket, json->file);
	if (!json->depth)
		fputc('\n', json->file);
	json->begun = true;
}

void json_text(struct json_out *json, const char *name, const char *text)
{
	begin_value(json, name);
	put_string(json, text);
}

void json_number(struct json_out *json, const char *name, uint64_t value)
{
	begin_value(json, name);
	fprintf(json->file, "%" PRIu64, value);
}

void json_bool(struct json_out *json, const char *name, bool value)
{
	begin_value(json, name);
	fputs(value ? "true" : "false", json->file);
}
