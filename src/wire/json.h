/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads JSON (RFC 8259) from a peer without building a tree: a cursor that walks objects and skips
 * what nobody asks for. Bounded in depth, strict, allocates nothing.
 */
#ifndef UMD_WIRE_JSON_H
#define UMD_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct umd_json {
	const char *at, *end;
};

/* A member's name, as it stands between the quotes (names with escapes never match). */
struct umd_json_name {
	const char *text;
	size_t size;
};

/* Begins an object. False where the next value is none. */
bool umd_json_object(struct umd_json *json);

/*
 * The next member of the object that was begun: returns 1 with its name and the cursor on its
 * value, 0 at the object's end, -EINVAL for bad JSON. The caller reads or skips each value.
 *
 * @param first true on the first call for an object, then false: kept up by this function
 */
int umd_json_member(struct umd_json *json, bool *first, struct umd_json_name *name);

bool umd_json_is(const struct umd_json_name *name, const char *text);

/* Reads a value. False where it is of another type, or does not fit. */
bool umd_json_uint(struct umd_json *json, uint64_t *ret);
bool umd_json_bool(struct umd_json *json, bool *ret);

/* Skips a value of any type, up to 16 levels deep. False for bad JSON. */
bool umd_json_skip(struct umd_json *json);

/* Whether nothing but white space is left. */
bool umd_json_at_end(struct umd_json *json);

#endif
