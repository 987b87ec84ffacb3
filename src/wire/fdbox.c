/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/fdbox.h"

#include <string.h>

#include "base/foreign.h"

void umd_fdbox_put(struct umd_fdbox *box, uint64_t start, uint64_t end, const int *fds,
		   unsigned int count)
{
	box->batches[box->batch_count++] =
		(struct umd_fd_batch){.start = start, .end = end, .count = count};
	memcpy(&box->fds[box->fd_count], fds, count * sizeof(*fds));
	box->fd_count += count;
}

void umd_fdbox_drop(struct umd_fdbox *box, unsigned int count)
{
	unsigned int batches = 0;

	if (!count)
		return;

	for (unsigned int fds = 0; fds < count; batches++)
		fds += box->batches[batches].count;
	umd_foreign_close_all(box->fds, count);
	box->fd_count -= count;
	box->batch_count -= batches;
	if (!box->batch_count)
		return;
	memmove(box->fds, &box->fds[count], box->fd_count * sizeof(*box->fds));
	memmove(box->batches, &box->batches[batches], box->batch_count * sizeof(*box->batches));
}

void umd_fdbox_retire(struct umd_fdbox *box, uint64_t position)
{
	while (box->batch_count && box->batches[0].end <= position)
		umd_fdbox_drop(box, box->batches[0].count);
}
