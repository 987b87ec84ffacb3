/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options: each may be given once; backendN for one port wins over backend for all.
 */
#include "options.h"

#include <errno.h>
#include <string.h>

enum option { PORTS, BACKEND, BACKEND_0, BACKEND_LAST = BACKEND_0 + SERIAL_PORTS_MAX - 1, OPTIONS };

const struct umd_option serial_option_table[] = {
	[PORTS] = {"ports", "1|2|4", "How many UARTs the card has. Default: 1."},
	[BACKEND] = {"backend", "pty[:LINK]|stdio|unix:PATH|file:PATH|null",
		     "What every port leads to on the host. Default: pty."},
	[BACKEND_0] = {"backend0", "as backend", "What port 0 leads to. Default: backend's."},
	{"backend1", "as backend", "What port 1 leads to. Default: backend's."},
	{"backend2", "as backend", "What port 2 leads to. Default: backend's."},
	{"backend3", "as backend", "What port 3 leads to. Default: backend's."},
	[OPTIONS] = {NULL, NULL, NULL},
};

static int find_option(const char *text, size_t length)
{
	for (int i = 0; i < OPTIONS; i++)
		if (strlen(serial_option_table[i].name) == length &&
		    !memcmp(serial_option_table[i].name, text, length))
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
			return umd_error_set(error, -EINVAL,
					     "no option '%.*s': serial has ports, backend and "
					     "backend0 to backend3",
					     (int)length, options[i]);
		if (!options[i][length] || !options[i][length + 1])
			return umd_error_set(error, -EINVAL, "%s needs a value: %s=%s",
					     serial_option_table[option].name,
					     serial_option_table[option].name,
					     serial_option_table[option].value);
		if (values[option])
			return umd_error_set(error, -EINVAL, "%s is given twice",
					     serial_option_table[option].name);
		values[option] = options[i] + length + 1;
	}
	return 0;
}

static int parse_ports(const char *value, unsigned int *ret, struct umd_error *error)
{
	if (strlen(value) != 1 || !strchr("124", *value))
		return umd_error_set(error, -EINVAL, "ports is 1, 2 or 4, not '%s'", value);

	*ret = (unsigned int)(*value - '0');
	return 0;
}

/* A port that the card does not have is a mistake worth saying. */
static int assign_backends(struct serial_options *options, const char *const values[OPTIONS],
			   struct umd_error *error)
{
	const char *common = values[BACKEND] ? values[BACKEND] : "pty";

	for (unsigned int i = 0; i < SERIAL_PORTS_MAX; i++) {
		const char *own = values[BACKEND_0 + i];

		if (own && i >= options->ports)
			return umd_error_set(error, -EINVAL,
					     "backend%u is for a port that a card with ports=%u "
					     "does not have",
					     i, options->ports);
		options->backends[i] = own ? own : common;
	}
	return 0;
}

/* Two ports cannot share one stdin, one socket or one link; a file they can append to both. */
static int check_shared(const struct serial_options *options, struct umd_error *error)
{
	for (unsigned int i = 0; i < options->ports; i++)
		for (unsigned int j = 0; j < i; j++) {
			const char *backend = options->backends[i];

			if (strcmp(backend, options->backends[j]) != 0)
				continue;
			if (!strcmp(backend, "stdio") || !strncmp(backend, "unix:", 5) ||
			    !strncmp(backend, "pty:", 4))
				return umd_error_set(error, -EINVAL,
						     "ports %u and %u cannot share %s: give each "
						     "its own by backend%u= and backend%u=",
						     j, i, backend, j, i);
		}
	return 0;
}

int serial_options_parse(struct serial_options *ret, const char *const *options, size_t count,
			 struct umd_error *error)
{
	const char *values[OPTIONS] = {NULL};
	struct serial_options result = {.ports = 1};
	int err = collect(values, options, count, error);

	if (!err && values[PORTS])
		err = parse_ports(values[PORTS], &result.ports, error);
	if (!err)
		err = assign_backends(&result, values, error);
	if (!err)
		err = check_shared(&result, error);
	if (err)
		return err;

	*ret = result;
	return 0;
}
