/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person can say about a serial card, as "name=value" strings.
 */
#ifndef SERIAL_OPTIONS_H
#define SERIAL_OPTIONS_H

#include <stddef.h>

#include <umdev/device.h>

#define SERIAL_PORTS_MAX 4

/** What was said, with defaults filled in. The strings are the caller's. */
struct serial_options {
	unsigned int ports;			/* 1, 2 or 4 */
	const char *backends[SERIAL_PORTS_MAX]; /* of each port that exists */
};

/** For help; ends with a NULL name. */
extern const struct umd_option serial_option_table[];

/** @return 0; -EINVAL with a sentence that names the option */
int serial_options_parse(struct serial_options *ret, const char *const *options, size_t count,
			 struct umd_error *error);

#endif
