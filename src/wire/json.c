/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/json.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define MAX_DEPTH 16

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct umd_json *json)
{
	while (json->at < json->end && is_space(*json->at))
		json->at++;
}

/* Takes one character, where it is the next one. */
static bool take(struct umd_json *json, char c)
{
	skip_space(json);
	if (json->at == json->end || *json->at != c)
		return false;
	json->at++;
	return true;
}

static bool take_word(struct umd_json *json, const char *word)
{
	size_t n = strlen(word);

	skip_space(json);
	if ((size_t)(json->end - json->at) < n || memcmp(json->at, word, n) != 0)
		return false;
	json->at += n;
	return true;
}

/* What follows a backslash; the cursor stays on its last character. */
static bool check_escape(struct umd_json *json)
{
	int digits = 0;

	json->at++;
	if (json->at == json->end || !*json->at || !strchr("\"\\/bfnrtu", *json->at))
		return false;
	if (*json->at != 'u')
		return true;
	while (digits < 4 && json->end - json->at > 1 && isxdigit((unsigned char)json->at[1])) {
		json->at++;
		digits++;
	}
	return digits == 4;
}

static bool take_string(struct umd_json *json, struct umd_json_name *name)
{
	const char *start;

	if (!take(json, '"'))
		return false;

	start = json->at;
	for (; json->at < json->end; json->at++) {
		unsigned char c = (unsigned char)*json->at;

		if (c == '"') {
			*name = (struct umd_json_name){start, (size_t)(json->at - start)};
			json->at++;
			return true;
		}
		if (c < 0x20)
			return false;
		if (c == '\\' && !check_escape(json))
			return false;
	}
	return false;
}

bool umd_json_object(struct umd_json *json)
{
	return take(json, '{');
}

int umd_json_member(struct umd_json *json, bool *first, struct umd_json_name *name)
{
	if (take(json, '}'))
		return 0;
	if (!*first && !take(json, ','))
		return -EINVAL;
	*first = false;
	return take_string(json, name) && take(json, ':') ? 1 : -EINVAL;
}

bool umd_json_is(const struct umd_json_name *name, const char *text)
{
	return strlen(text) == name->size && memcmp(name->text, text, name->size) == 0;
}

/* Takes a character of a set, where it is the next one, white space not allowed. */
static bool take_of(struct umd_json *json, const char *set)
{
	if (json->at == json->end || !*json->at || !strchr(set, *json->at))
		return false;
	json->at++;
	return true;
}

static bool take_digits(struct umd_json *json)
{
	const char *start = json->at;

	while (take_of(json, "0123456789"))
		;
	return json->at != start;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool skip_number(struct umd_json *json)
{
	take_of(json, "-");
	if (!take_of(json, "0") && !take_digits(json))
		return false;
	if (take_of(json, ".") && !take_digits(json))
		return false;
	if (!take_of(json, "eE"))
		return true;
	take_of(json, "+-");
	return take_digits(json);
}

bool umd_json_uint(struct umd_json *json, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at;

	skip_space(json);
	at = json->at;
	if (!skip_number(json))
		return false;
	for (; at < json->at; at++) {
		if (!isdigit((unsigned char)*at) || __builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool umd_json_bool(struct umd_json *json, bool *ret)
{
	if (take_word(json, "true"))
		*ret = true;
	else if (take_word(json, "false"))
		*ret = false;
	else
		return false;
	return true;
}

static bool skip_value(struct umd_json *json, int depth);

static bool skip_object(struct umd_json *json, int depth)
{
	struct umd_json_name name;
	bool first = true;
	int more;

	while ((more = umd_json_member(json, &first, &name)) > 0) {
		if (!skip_value(json, depth))
			return false;
	}
	return more == 0;
}

static bool skip_array(struct umd_json *json, int depth)
{
	if (take(json, ']'))
		return true;
	do {
		if (!skip_value(json, depth))
			return false;
	} while (take(json, ','));
	return take(json, ']');
}

static bool skip_value(struct umd_json *json, int depth)
{
	struct umd_json_name string;

	if (depth == MAX_DEPTH)
		return false;

	skip_space(json);
	if (json->at == json->end)
		return false;
	switch (*json->at) {
	case '{':
		json->at++;
		return skip_object(json, depth + 1);
	case '[':
		json->at++;
		return skip_array(json, depth + 1);
	case '"':
		return take_string(json, &string);
	case 't':
		return take_word(json, "true");
	case 'f':
		return take_word(json, "false");
	case 'n':
		return take_word(json, "null");
	default:
		return skip_number(json);
	}
}

bool umd_json_skip(struct umd_json *json)
{
	return skip_value(json, 0);
}

bool umd_json_at_end(struct umd_json *json)
{
	skip_space(json);
	return json->at == json->end;
}
