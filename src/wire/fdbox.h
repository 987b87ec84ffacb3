/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors that arrived and have not been handed to their message yet.
 *
 * A stream socket delivers fds beside the bytes, not inside them: one receive returns the fds of at
 * most one send, and that send's bytes are the last ones of the receive. So a batch of fds is kept
 * with the stretch of the stream that its receive covered, and belongs to the last message in that
 * stretch that can carry fds (umd_conn_next()).
 */
#ifndef UMD_WIRE_FDBOX_H
#define UMD_WIRE_FDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/receive.h"

struct umd_fd_batch {
	uint64_t start, end; /* the receive's stretch, as offsets in the stream */
	uint32_t count;
};

#define UMD_FDBOX_BATCHES 32u

struct umd_fdbox {
	unsigned int batch_count, fd_count;
	struct umd_fd_batch batches[UMD_FDBOX_BATCHES]; /* in the order of arrival */
	int fds[2 * UMD_SCM_MAX_FD];			/* of all batches, in the same order */
};

/* Whether another receive, which may bring UMD_SCM_MAX_FD fds, fits. */
static inline bool umd_fdbox_has_room(const struct umd_fdbox *box)
{
	return box->batch_count < UMD_FDBOX_BATCHES && box->fd_count <= UMD_SCM_MAX_FD;
}

/* Takes over the fds of one receive. There must be room. */
void umd_fdbox_put(struct umd_fdbox *box, uint64_t start, uint64_t end, const int *fds,
		   unsigned int count);

/* Closes the first `count` fds with their batches, except those set to -1 meanwhile. */
void umd_fdbox_drop(struct umd_fdbox *box, unsigned int count);

/* Closes the fds of batches that end at or before `position`: nobody claimed them. */
void umd_fdbox_retire(struct umd_fdbox *box, uint64_t position);

#endif
