/* SPDX-License-Identifier: BSD-2-Clause */
/* What a person may have meant by a name that is not known. */
#include "cli.h"

#include <stdbool.h>
#include <string.h>

#define LONGEST 32u /* longer names are not guessed */

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * Edits that turn one name into the other: characters added, left out, replaced, or swapped with
 * their neighbour (optimal string alignment; three rows of the table are kept).
 */
static unsigned int edits(const char *a, const char *b)
{
	unsigned int rows[3][LONGEST + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	for (unsigned int j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (unsigned int i = 1; i <= a_length; i++) {
		unsigned int *row = rows[i % 3], *up = rows[(i + 2) % 3];

		row[0] = i;
		for (unsigned int j = 1; j <= b_length; j++) {
			row[j] = least(row[j - 1] + 1, up[j] + 1,
				       up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1, row[j]);
		}
	}
	return rows[a_length % 3][b_length];
}

static bool begins(const char *name, const char *beginning)
{
	return *beginning && strncmp(name, beginning, strlen(beginning)) == 0;
}

/* Near is a name's beginning, or an edit for every three of its characters. */
void cli_guess_try(struct cli_guess *guess, const char *name)
{
	unsigned int distance;

	if (strlen(guess->given) > LONGEST || strlen(name) > LONGEST)
		return;

	distance = begins(name, guess->given) ? 1 : edits(guess->given, name);
	if (distance > strlen(name) / 3 + 1 || distance >= strlen(name))
		return;
	if (!guess->best || distance < guess->distance) {
		guess->best = name;
		guess->distance = distance;
	}
}
