/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host end `null`: somebody who is always there, takes everything and says nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "end.h"

static int null_create(const struct serial_end_config *config, struct serial_end **ret,
		       struct umd_error *error)
{
	struct serial_end *end = calloc(1, sizeof(*end));

	if (!end)
		return umd_error_set(error, -ENOMEM, "no memory for a backend");

	serial_end_init(end, &serial_end_null, config);
	end->connected = true;
	end->writable = true;
	*ret = end;
	return 0;
}

static void null_destroy(struct serial_end *end)
{
	free(end);
}

static size_t null_read(struct serial_end *end, const struct iovec *iov, int count)
{
	end->readable = false;
	return 0;
}

static size_t null_write(struct serial_end *end, const struct iovec *iov, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

const struct serial_end_ops serial_end_null = {
	.name = "null",
	.create = null_create,
	.destroy = null_destroy,
	.read = null_read,
	.write = null_write,
};
