/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of device that `umdev serve` offers. */
#ifndef CLI_KINDS_H
#define CLI_KINDS_H

#include <umdev/device.h>

extern const struct umd_device_kind *const cli_kinds[]; /* ends with NULL */

/* NULL where there is none of that name. */
const struct umd_device_kind *cli_find_kind(const char *name);

#endif
