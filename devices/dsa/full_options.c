/* SPDX-License-Identifier: BSD-2-Clause */
/* Options: each may be given once. */
#include "full_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "regs.h"

enum option { DEVICE_ID, WORKERS, STATUS, OPTIONS };

const struct umd_option dsa_full_option_table[] = {
	[DEVICE_ID] = {"device-id", "0b25|11fb",
		       "What the device is called: Sapphire Rapids' id, or Granite Rapids D's, "
		       "which vfio-pci takes. Default: 0b25."},
	[WORKERS] = {"workers", "1-64",
		     "Threads that do the work. Default: as many as there are processors, at most "
		     "8."},
	[STATUS] = {"status", "PATH", "A socket that tells what the engine has done, as JSON."},
	[OPTIONS] = {NULL, NULL, NULL},
};

static int find_option(const char *text, size_t length)
{
	for (int i = 0; i < OPTIONS; i++)
		if (strlen(dsa_full_option_table[i].name) == length &&
		    !memcmp(dsa_full_option_table[i].name, text, length))
			return i;
	return -1;
}

/* Sorts the strings into one value per option. */
static int collect(const char *values[OPTIONS], const char *const *options, size_t count,
		   struct umd_error *error)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(options[i], "=");
		int option = find_option(options[i], length);

		if (option < 0)
			return umd_error_set(
				error, -EINVAL,
				"no option '%.*s': there are device-id, workers and status",
				(int)length, options[i]);
		if (!options[i][length] || !options[i][length + 1])
			return umd_error_set(error, -EINVAL, "%s needs a value: %s=%s",
					     dsa_full_option_table[option].name,
					     dsa_full_option_table[option].name,
					     dsa_full_option_table[option].value);
		if (values[option])
			return umd_error_set(error, -EINVAL, "%s is given twice",
					     dsa_full_option_table[option].name);
		values[option] = options[i] + length + 1;
	}
	return 0;
}

static int parse_device_id(const char *value, uint16_t *ret, struct umd_error *error)
{
	if (!strcmp(value, "0b25"))
		*ret = DSA_DEVICE_SPR;
	else if (!strcmp(value, "11fb"))
		*ret = DSA_DEVICE_GNRD;
	else
		return umd_error_set(error, -EINVAL, "device-id is 0b25 or 11fb, not '%s'", value);
	return 0;
}

static int parse_workers(const char *value, unsigned int *ret, struct umd_error *error)
{
	size_t length = strlen(value);
	unsigned long number = 0;

	if (length <= 2 && strspn(value, "0123456789") == length)
		number = strtoul(value, NULL, 10);
	if (!number || number > DSA_FULL_WORKERS_MAX)
		return umd_error_set(error, -EINVAL, "workers is a number from 1 to %u, not '%s'",
				     DSA_FULL_WORKERS_MAX, value);

	*ret = (unsigned int)number;
	return 0;
}

int dsa_full_options_parse(struct dsa_full_options *ret, const char *const *options, size_t count,
			   struct umd_error *error)
{
	const char *values[OPTIONS] = {NULL};
	struct dsa_full_options result = {.device_id = DSA_DEVICE_SPR};
	int err = collect(values, options, count, error);

	if (!err && values[DEVICE_ID])
		err = parse_device_id(values[DEVICE_ID], &result.device_id, error);
	if (!err && values[WORKERS])
		err = parse_workers(values[WORKERS], &result.workers, error);
	if (err)
		return err;

	result.status = values[STATUS];
	*ret = result;
	return 0;
}
