/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors that carry a sentence: include/umdev/error.h. */
#include <stdarg.h>
#include <stdio.h>

#include <umdev/error.h>

#include "base/export.h"

UMD_EXPORT int umd_error_set(struct umd_error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;

	error->code = code;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}
