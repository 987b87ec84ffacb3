/* SPDX-License-Identifier: BSD-2-Clause */
/* How the programs in the guest say what went wrong. */
#include "guest_problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int guest_problem(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
	return -1;
}
