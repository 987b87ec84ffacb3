/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `umdev parent`. */
#ifndef CLI_PARENT_H
#define CLI_PARENT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <umdev/parent.h>

/* Who may connect, where, and what it may have. */
struct parent_owner {
	struct umd_owner owner;
	const char *path;
};

struct parent {
	struct parent_owner *owners; /* as given */
	size_t owner_count;
	const char *status_path; /* NULL: none */
	unsigned int workers;	 /* 0: as the engine likes */
	unsigned int shared_queues;
};

/* Works until SIGTERM or SIGINT. Returns an exit status. */
int parent_run(const struct parent *parent);

void parent_help(FILE *to);

#endif
