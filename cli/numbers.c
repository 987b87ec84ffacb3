/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in arguments: all of the text, or none of it. */
#include "numbers.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool cli_parse_number(const char *text, long max, long *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 0 || value > max)
		return false;
	*ret = value;
	return true;
}

bool cli_parse_size(const char *text, uint64_t *ret)
{
	static const char letters[] = "KMGT";
	const char *letter;
	unsigned int shift = 0;
	uint64_t value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	letter = *end ? strchr(letters, toupper((unsigned char)*end)) : NULL;
	if (letter) {
		shift = 10 * (unsigned int)(letter - letters + 1);
		end++;
	}
	if (errno || *end || value > UINT64_MAX >> shift)
		return false;
	*ret = value << shift;
	return true;
}
