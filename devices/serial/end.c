/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of host ends, and the specifications that name them.
 */
#include "end.h"

#include <errno.h>
#include <string.h>

static const struct serial_end_ops *const kinds[] = {
	&serial_end_pty, &serial_end_stdio, &serial_end_unix, &serial_end_file, &serial_end_null,
};

static const struct serial_end_ops *find_kind(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i]->name) == length && !memcmp(kinds[i]->name, name, length))
			return kinds[i];
	return NULL;
}

/* Whether there is an argument must be as the kind wants it. */
static int check_argument(const struct serial_end_ops *kind, const char *spec, const char *argument,
			  struct umd_error *error)
{
	bool given = spec[strlen(kind->name)];

	if (kind->needs_argument && !*argument)
		return umd_error_set(error, -EINVAL, "backend %s needs a path: %s:PATH", kind->name,
				     kind->name);
	if (!kind->takes_argument && given)
		return umd_error_set(error, -EINVAL, "backend %s takes no argument, but got '%s'",
				     kind->name, argument);
	return 0;
}

int serial_end_create(const struct serial_end_config *config, const char *spec,
		      struct serial_end **ret, struct umd_error *error)
{
	size_t length = strcspn(spec, ":");
	const struct serial_end_ops *kind = find_kind(spec, length);
	struct serial_end_config full = *config;
	int err;

	if (!kind)
		return umd_error_set(error, -EINVAL,
				     "no backend '%.*s': it is pty[:LINK], stdio, unix:PATH, "
				     "file:PATH or null",
				     (int)length, spec);

	full.argument = spec[length] ? spec + length + 1 : "";
	err = check_argument(kind, spec, full.argument, error);
	return err ? err : kind->create(&full, ret, error);
}

void serial_end_destroy(struct serial_end *end)
{
	if (end)
		end->ops->destroy(end);
}

void serial_end_init(struct serial_end *end, const struct serial_end_ops *ops,
		     const struct serial_end_config *config)
{
	*end = (struct serial_end){.ops = ops, .notify = config->notify, .data = config->data};
}
