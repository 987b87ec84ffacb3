/* SPDX-License-Identifier: BSD-2-Clause */
/* Diagnostics, one line each on stderr. */
#include "cli.h"

#include <stdarg.h>

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
	char text[512], clean[512];

	vsnprintf(text, sizeof(text), format, args);
	fprintf(stderr, "umdev: %s\n", cli_printable(clean, sizeof(clean), text));
}

int cli_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return CLI_FAILED;
}

int cli_misuse(const char *verb, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "umdev: see 'umdev%s --help'\n", verb);
	return CLI_USAGE;
}

int cli_unknown(const char *verb, const char *what, const struct cli_guess *guess)
{
	if (guess->best)
		return cli_misuse(verb, "no %s '%s'; did you mean '%s'?", what, guess->given,
				  guess->best);
	return cli_misuse(verb, "no %s '%s'", what, guess->given);
}

/* Bytes above 0x7f are left alone: they are UTF-8 in the names of files and of PCI devices. */
const char *cli_printable(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from[i] && i + 1 < size; i++) {
		unsigned char c = (unsigned char)from[i];

		to[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	to[i] = '\0';
	return to;
}
