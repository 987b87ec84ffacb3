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

void umd_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}
