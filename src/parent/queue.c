/* SPDX-License-Identifier: BSD-2-Clause */
/* A queue as its link sees it, whichever way that leads. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/export.h"
#include "parent/mirror.h"

static bool is_lost(const struct umd_queue *queue)
{
	return __atomic_load_n(&queue->link->lost, __ATOMIC_RELAXED);
}

static bool is_valid(const struct umd_queue_options *options)
{
	return options->size == sizeof(*options) && options->depth <= UMD_RING_DEPTH_MAX &&
	       options->config_size <= UMD_QUEUE_CONFIG_MAX &&
	       !options->config == !options->config_size;
}

UMD_EXPORT int umd_queue_open(struct umd_link *link, const struct umd_queue_options *options,
			      struct umd_queue **ret)
{
	struct umd_queue *queue;
	int err;

	if (!is_valid(options))
		return -EINVAL;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;

	*queue = (struct umd_queue){.link = link, .doorbell = -1};
	err = is_lost(queue) ? -ENOTCONN : link->way->open_queue(queue, options);
	if (err) {
		free(queue);
		return err;
	}
	queue->next = link->queues;
	link->queues = queue;
	*ret = queue;
	return 0;
}

UMD_EXPORT void umd_queue_close(struct umd_queue *queue)
{
	struct umd_queue **at;

	if (!queue)
		return;

	at = &queue->link->queues;
	while (*at != queue)
		at = &(*at)->next;
	*at = queue->next;
	queue->link->way->close_queue(queue);
	free(queue);
}

/* ---- Entries ------------------------------------------------------------------------------- */

/* Its other end is a parent that trusts nobody, and is trusted: it never fills the eventfd. */
static void ring_doorbell(struct umd_queue *queue)
{
	const uint64_t one = 1;
	ssize_t n = write(queue->doorbell, &one, sizeof(one));

	(void)n;
	__atomic_store_n(&queue->doorbells, queue->doorbells + 1, __ATOMIC_RELAXED);
}

UMD_EXPORT int umd_queue_submit(struct umd_queue *queue, const void *entries, unsigned int count)
{
	struct umd_ring *ring = &queue->ring;
	uint32_t taken;

	if (queue->link->mirror)
		umd_mirror_post(queue->link->mirror);
	if (is_lost(queue))
		return -ENOTCONN;
	if (umd_ring_is_stopped(ring))
		return -ESHUTDOWN;

	taken = umd_ring_put(ring, entries, count,
			     __atomic_load_n(&queue->link->changes, __ATOMIC_RELAXED));
	if (taken && umd_ring_wants_doorbell(ring))
		ring_doorbell(queue);
	return (int)taken;
}

UMD_EXPORT unsigned int umd_queue_room(const struct umd_queue *queue)
{
	return is_lost(queue) ? 0 : umd_ring_room(&queue->ring);
}

UMD_EXPORT unsigned int umd_queue_depth(const struct umd_queue *queue)
{
	return queue->ring.depth;
}

/* ---- Commands ------------------------------------------------------------------------------ */

UMD_EXPORT int umd_queue_command(struct umd_queue *queue, enum umd_queue_command command,
				 umd_link_done_fn *done, void *data)
{
	if ((unsigned int)command >= UMD_QUEUE_COMMANDS)
		return -EINVAL;
	if (is_lost(queue))
		return -ENOTCONN;
	if (queue->commanded)
		return -EBUSY;
	return queue->link->way->command(queue, command, done, data);
}
