/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the verbs share: the table they stand in, exit statuses, and how mistakes are told. Data
 * goes to stdout, diagnostics to stderr.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

/* Exit statuses; umdev(1) documents them. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1, /* what was asked for could not be done */
	CLI_USAGE = 2,	/* it was not understood */
};

struct cli_verb {
	const char *name;
	const char *summary;
	void (*help)(FILE *to);

	/* argv[0] is "umdev VERB". Returns an exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct cli_verb cli_serve_verb, cli_parent_verb, cli_probe_verb, cli_bind_verb,
	cli_unbind_verb;

/* Prints "umdev: ..." as one line. Returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a mistake in the arguments, with a pointer to `verb`'s help. Returns CLI_USAGE. */
int cli_misuse(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The known name nearest to one that is not known. */
struct cli_guess {
	const char *given;
	const char *best; /* NULL: none is near */
	unsigned int distance;
};

/* Considers a known name. */
void cli_guess_try(struct cli_guess *guess, const char *name);

/* Says that there is no such `what`, with the guess. Returns CLI_USAGE. */
int cli_unknown(const char *verb, const char *what, const struct cli_guess *guess);

/* Copies text that others made, with '?' in place of control characters. */
const char *cli_printable(char *to, size_t size, const char *from);

#endif
