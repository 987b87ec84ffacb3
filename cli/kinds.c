/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of kinds: a kind of device is added here and in meson.build. */
#include "kinds.h"

#include <string.h>

#include "dsa/full.h"
#include "dsa/slice.h"
#include "serial/serial.h"

const struct umd_device_kind *const cli_kinds[] = {
	&umd_serial_kind, &dsa_full_kind, &dsa_full_pasid_kind,
	&dsa_1dwq_kind,	  &dsa_1swq_kind, NULL,
};

const struct umd_device_kind *cli_find_kind(const char *name)
{
	for (size_t i = 0; cli_kinds[i]; i++) {
		if (strcmp(cli_kinds[i]->name, name) == 0)
			return cli_kinds[i];
	}
	return NULL;
}
