/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `umdev serve`. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <stdio.h>

#include <umdev/device.h>

struct serve {
	const struct umd_device_kind *kind;
	const char *socket_path; /* or NULL, and: */
	int fd;			 /* -1: none */
	const char **options;	 /* "name=value", as given */
	size_t option_count;
	uint64_t max_mapped; /* bytes of memory that a driver may map for DMA; 0: any number */
	unsigned int grace;  /* seconds that a driver has to let go when the process is to end */
};

/* Serves until SIGTERM or SIGINT. Returns an exit status. */
int serve_run(const struct serve *serve);

void serve_help(FILE *to);
void serve_list_kinds(FILE *to);
void serve_kind_help(FILE *to, const struct umd_device_kind *kind);

/* Prints what a kind's backend can do, as QEMU's docs/interop/vhost-user.rst wants it; NULL: any.
 */
void serve_print_capabilities(FILE *to, const struct umd_device_kind *kind);

#endif
