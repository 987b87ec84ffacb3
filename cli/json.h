/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes JSON (RFC 8259) as it goes: nothing is kept but where the writer is. Names are ours and
 * need no escapes; texts are escaped. A name of NULL is for the elements of an array.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *file;
	unsigned int depth; /* objects and arrays that are open */
	bool begun;	    /* the innermost has a member */
};

void json_open(struct json_out *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json_out *json, char bracket);		       /* '}' or ']' */

void json_text(struct json_out *json, const char *name, const char *text);
void json_number(struct json_out *json, const char *name, uint64_t value);
void json_bool(struct json_out *json, const char *name, bool value);

#endif
