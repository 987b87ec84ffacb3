/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors: functions return 0 or a negative errno. Where a bare number would leave a person
 * guessing (which option, which field), a function also takes a struct umd_error and fills it in.
 */
#ifndef UMDEV_ERROR_H
#define UMDEV_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/** What went wrong, as a number and as a sentence. */
struct umd_error {
	int code;	/* negative errno, 0 = nothing went wrong */
	char text[232]; /* NUL-terminated, one line, no newline */
};

/**
 * Records an error and returns its code, so that a caller can write
 * `return umd_error_set(error, -EINVAL, "ports must be 1, 2 or 4")`.
 *
 * @param error  where to record it; NULL is allowed
 * @param code   negative errno
 * @param format printf format of the sentence; text beyond the buffer is cut
 */
int umd_error_set(struct umd_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
