/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void umd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void umd_close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			umd_close(&fds[i]);
	}
}

void umd_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}
