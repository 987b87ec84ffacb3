/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of device dsa-1dwq-v1 and dsa-1swq-v1: what a person can say about a slice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "regs.h"
#include "slice_source.h"

#define WORKERS_MAX 64

enum option { PARENT, WORKERS, STATUS, DEVICE_ID, OPTIONS };

static const struct umd_option option_table[] = {
	[PARENT] = {"parent", "PATH",
		    "The socket of a parent (umdev parent dsa). Default: an engine of its own."},
	[WORKERS] = {"workers", "N",
		     "Threads of the engine. Default: one for each processor, to 8."},
	[STATUS] = {"status", "PATH", "A socket that tells what the engine has done, as JSON."},
	[DEVICE_ID] = {"device-id", "0b25|11fb", "The PCI device id. Default: 0b25."},
	[OPTIONS] = {NULL, NULL, NULL},
};

struct settings {
	const char *values[OPTIONS]; /* as given */
	unsigned int workers;
	uint16_t device_id;
};

static int find_option(const char *text, size_t length)
{
	for (int i = 0; i < OPTIONS; i++)
		if (strlen(option_table[i].name) == length &&
		    memcmp(option_table[i].name, text, length) == 0)
			return i;
	return -1;
}

static int collect(struct settings *settings, const char *const *options, size_t count,
		   struct umd_error *error)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(options[i], "=");
		int option = find_option(options[i], length);

		if (option < 0)
			return umd_error_set(error, -EINVAL,
					     "no option '%.*s': a slice has parent, workers, "
					     "status and device-id",
					     (int)length, options[i]);
		if (!options[i][length] || !options[i][length + 1])
			return umd_error_set(error, -EINVAL, "%s needs a value: %s=%s",
					     option_table[option].name, option_table[option].name,
					     option_table[option].value);
		if (settings->values[option])
			return umd_error_set(error, -EINVAL, "%s is given twice",
					     option_table[option].name);
		settings->values[option] = options[i] + length + 1;
	}
	return 0;
}

static bool parse(const char *text, int base, unsigned long max, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, base);
	return !errno && !*end && text[0] != '-' && *ret && *ret <= max;
}

static int parse_values(struct settings *settings, struct umd_error *error)
{
	const char *workers = settings->values[WORKERS];
	const char *id = settings->values[DEVICE_ID];
	unsigned long value;

	if (workers) {
		if (!parse(workers, 10, WORKERS_MAX, &value))
			return umd_error_set(error, -EINVAL, "workers is 1 to %d, not '%s'",
					     WORKERS_MAX, workers);
		settings->workers = (unsigned int)value;
	}
	if (id) {
		if (!parse(id, 16, UINT16_MAX, &value) ||
		    (value != DSA_DEVICE_SPR && value != DSA_DEVICE_GNRD))
			return umd_error_set(error, -EINVAL, "device-id is 0b25 or 11fb, not '%s'",
					     id);
		settings->device_id = (uint16_t)value;
	}
	return 0;
}

/* A parent's threads and status are its own business. */
static int check_parent(const struct settings *settings, struct umd_error *error)
{
	if (!settings->values[PARENT] || (!settings->values[WORKERS] && !settings->values[STATUS]))
		return 0;
	return umd_error_set(error, -EINVAL, "%s is for a slice without parent=",
			     settings->values[WORKERS] ? "workers" : "status");
}

static int init_source(struct dsa_slice_source *source, const struct settings *settings,
		       bool shared, struct umd_error *error)
{
	const struct dsa_engine_options options = {.workers = settings->workers,
						   .shared_queues = shared ? 1 : 0};

	if (!settings->values[PARENT])
		return slice_source_init_embedded(source, &options, settings->values[STATUS],
						  error);
	return slice_source_init_remote(source, settings->values[PARENT]) < 0
		       ? umd_error_set(error, -ENOMEM, "out of memory")
		       : 0;
}

static int create(const char *name, bool shared, const char *const *strings, size_t count,
		  struct umd_device **ret, struct umd_error *error)
{
	struct dsa_slice_options options = {.name = name, .shared = shared};
	struct settings settings = {.workers = 0};
	int err = collect(&settings, strings, count, error);

	if (!err)
		err = parse_values(&settings, error);
	if (!err)
		err = check_parent(&settings, error);
	if (!err)
		err = init_source(&options.source, &settings, shared, error);
	if (err)
		return err;

	options.device_id = settings.device_id;
	return dsa_slice_create(&options, ret, error);
}

static int create_dedicated(const char *const *options, size_t count, struct umd_device **ret,
			    struct umd_error *error)
{
	return create("dsa-1dwq-v1", false, options, count, ret, error);
}

static int create_shared(const char *const *options, size_t count, struct umd_device **ret,
			 struct umd_error *error)
{
	return create("dsa-1swq-v1", true, options, count, ret, error);
}

const struct umd_device_kind dsa_1dwq_kind = {
	.name = "dsa-1dwq-v1",
	.summary = "Slice of an Intel DSA: one dedicated work queue, for guests and programs",
	.description =
		"The device (8086:0b25) has one group, one engine and one dedicated work queue, and a\n"
		"configuration that cannot be changed. Linux's idxd drives it as it is: a work queue\n"
		"of type kernel and driver_name dmaengine. Portals are trapped, so a guest needs a\n"
		"virtual CPU without MOVDIR64B, and umdev's module guest/movdir64b; see umdev(1).\n"
		"\n"
		"The work is done by a parent, which several slices and programs share, each an owner\n"
		"of its own (umdev parent dsa); or by an engine of this process, without parent=.\n"
		"When a parent is gone, the device halts, and works again after a reset once a parent\n"
		"is back.\n",
	.options = option_table,
	.create = create_dedicated,
};

const struct umd_device_kind dsa_1swq_kind = {
	.name = "dsa-1swq-v1",
	.summary = "Slice of an Intel DSA: a share of a shared work queue, for programs",
	.description =
		"As dsa-1dwq-v1, with a shared work queue: slices of one parent share it, and a write\n"
		"to its portal that finds it full fails with EAGAIN, where ENQCMD says retry. Linux's\n"
		"idxd refuses a shared work queue that it cannot configure; programs and umdev's own\n"
		"clients use it.\n",
	.options = option_table,
	.create = create_shared,
};
