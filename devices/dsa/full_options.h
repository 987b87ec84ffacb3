/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person can say about a full device, as "name=value" strings.
 */
#ifndef DSA_FULL_OPTIONS_H
#define DSA_FULL_OPTIONS_H

#include <stddef.h>

#include <umdev/device.h>

#define DSA_FULL_WORKERS_MAX 64u

struct dsa_full_options {
	uint16_t device_id;
	unsigned int workers; /* 0: as many as the engine likes */
	const char *status;   /* a path; NULL: none. The caller's */
};

/* For help; ends with a NULL name. */
extern const struct umd_option dsa_full_option_table[];

/* 0; -EINVAL with a sentence that names the option. */
int dsa_full_options_parse(struct dsa_full_options *ret, const char *const *options, size_t count,
			   struct umd_error *error);

#endif
