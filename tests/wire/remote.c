/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies by umd_dma_start(): several at a time, each reading and then writing. */
#include <errno.h>

#include "internal.h"

static void done(void *data, int error);

static int start(struct wire_remote *remote, uint64_t iova, bool write)
{
	remote->transfer.iova = iova;
	remote->transfer.write = write;
	remote->transfer.done = done;
	remote->transfer.data = remote;
	return umd_dma_start(remote->wire->device, &remote->transfer);
}

/* Goes on after a transfer that has ended, in whichever way. */
static void go_on(struct wire_remote *remote, int error)
{
	if (!error && !remote->transfer.write)
		error = start(remote, remote->to, true);
	remote->result = error;
}

static void done(void *data, int error)
{
	go_on(data, error);
}

int wire_remote_run(struct wire_device *wire, uint32_t number)
{
	struct wire_remote *remote = &wire->remotes[number % REMOTE_COPIES];
	uint32_t size = (uint32_t)get_le(wire->bar0 + REG_COPY_SIZE, 4);

	if (size > COPY_MAX)
		return -EINVAL;
	if (remote->result == -EINPROGRESS)
		return -EBUSY;

	remote->wire = wire;
	remote->to = get_le(wire->bar0 + REG_COPY_TO, 8);
	remote->transfer.buffer = remote->bounce;
	remote->transfer.size = size;
	go_on(remote, start(remote, get_le(wire->bar0 + REG_COPY_FROM, 8), false));
	return 0;
}

int wire_remote_cancel(struct wire_device *wire, uint32_t number)
{
	struct wire_remote *remote = &wire->remotes[number % REMOTE_COPIES];

	umd_dma_cancel(wire->device, &remote->transfer);
	remote->result = -ECANCELED;
	return 0;
}
