/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link's own space, and the changes of it: made at once, and ended when what was unmapped is used
 * by nobody any more. What an engine still uses after half a second is taken from it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "parent/local.h"

#define PATIENCE_NS UINT64_C(500000000)
#define RETRY_NS    UINT64_C(10000000) /* for what cannot be taken away */
#define CHANGES_MAX 4096u	       /* that are not quiet yet */

/* A change that is made, of whose memory somebody may still be using some. */
struct umd_local_change {
	struct umd_local_change *next;
	uint64_t mark;	   /* of the space */
	uint64_t deadline; /* CLOCK_MONOTONIC, in nanoseconds */
	bool revoked;
	int result;
	umd_link_done_fn *done;
	void *data;
};

/* ---- Ending -------------------------------------------------------------------------------- */

static bool is_quiet(struct umd_local *local, struct umd_local_change *change)
{
	if (umd_dma_space_is_quiet(local->space, change->mark))
		return true;
	if (change->revoked || umd_now_ns() < change->deadline)
		return false;

	change->revoked = true;
	umd_dma_space_revoke(local->space);
	return umd_dma_space_is_quiet(local->space, change->mark);
}

static void ask_again(struct umd_local *local)
{
	pthread_mutex_lock(&local->parent->news.lock);
	umd_news_post(&local->parent->news, &local->quiet);
	pthread_mutex_unlock(&local->parent->news.lock);
}

/* The first one: they end in their order. Nothing of the link's is touched behind done(). */
static void end_first(struct umd_local *local)
{
	struct umd_local_change *change = local->changes, copy = *change;

	local->changes = change->next;
	if (!local->changes)
		local->changes_end = &local->changes;
	local->change_count--;
	free(change);
	copy.done(copy.data, copy.result);
}

static void set_timer(struct umd_local *local, const struct umd_local_change *change)
{
	uint64_t now = umd_now_ns(), left = RETRY_NS;

	if (!change->revoked)
		left = change->deadline > now ? change->deadline - now : 1;
	umd_watch_set_timer(local->deadline, left);
}

static void tell(struct umd_news *news)
{
	struct umd_local *local =
		(struct umd_local *)(void *)((char *)news - offsetof(struct umd_local, quiet));
	struct umd_local_change *first = local->changes;

	if (!first)
		return;
	if (!is_quiet(local, first)) {
		set_timer(local, first);
		return;
	}
	if (first->next)
		ask_again(local);
	end_first(local);
}

/* A reader has left, a pin has ended, or it is late. */
static void woken(void *data, uint32_t events)
{
	ask_again(data);
}

/* ---- Changing ------------------------------------------------------------------------------ */

/* Entries that wait for it may be taken. */
static void count_change(struct umd_local *local)
{
	__atomic_store_n(&local->link.changes, local->link.changes + 1, __ATOMIC_RELEASE);
	umd_ring_fence();
	for (struct umd_queue *queue = local->link.queues; queue; queue = queue->next)
		umd_work_look_again(queue->own);
}

static bool unmaps(const struct umd_dma_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (changes[i].unmap)
			return true;
	}
	return false;
}

/* Where something is in use there has been a reader, and so there is an eventfd. */
static int watch(struct umd_local *local)
{
	if (local->quiet_watch)
		return 0;
	return umd_poller_watch_fd(&local->parent->poller, umd_dma_space_fd(local->space),
				   EPOLLIN | EPOLLET, woken, local, &local->quiet_watch);
}

/*
 * Asking whether this one is quiet may have swallowed the word about an earlier one, so that is
 * asked for again. Without a watch nobody would hear of the end: the memory is taken away at once.
 */
static int await(struct umd_local *local, struct umd_local_change *change)
{
	change->mark = umd_dma_space_mark(local->space);
	if (umd_dma_space_is_quiet(local->space, change->mark))
		return 0;
	change->deadline = watch(local) ? 0 : umd_now_ns() + PATIENCE_NS;
	if (is_quiet(local, change))
		return 0;

	*local->changes_end = change;
	local->changes_end = &change->next;
	local->change_count++;
	ask_again(local);
	return -EINPROGRESS;
}

/* Room for what may have to be waited for, before anything is changed. */
static int prepare(const struct umd_local *local, bool waits, struct umd_local_change **ret)
{
	*ret = NULL;
	if (!waits)
		return 0;
	if (local->change_count >= CHANGES_MAX)
		return -ENOBUFS;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static int make(struct umd_local *local, const struct umd_dma_change *changes, size_t count,
		umd_link_done_fn *done, void *data)
{
	struct umd_local_change *change;
	int err = prepare(local, unmaps(changes, count), &change), waits = 0;

	if (err)
		return err;

	err = umd_dma_space_change(local->space, changes, count, NULL);
	if (change) {
		change->result = err;
		change->done = done;
		change->data = data;
		waits = await(local, change);
	}
	if (!waits)
		free(change);
	return waits ? waits : err;
}

int umd_local_change(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
		     umd_link_done_fn *done, void *data)
{
	struct umd_local *local = (struct umd_local *)link;
	struct umd_parent *parent = local->parent;
	struct umd_local_wait wait = {.ended = false};
	int result;

	if (!local->owns_space)
		return -EPERM;

	result = make(local, changes, count, done ? done : umd_local_ended, done ? data : &wait);
	count_change(local);
	return result != -EINPROGRESS || done ? result : umd_local_wait(parent, &wait);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static int make_space(struct umd_local *local)
{
	const struct umd_dma_space_options options = {.size = sizeof(options),
						      .owner = local->owner.owner,
						      .max_maps = local->owner.max_maps,
						      .max_mapped_bytes =
							      local->owner.max_mapped_bytes};
	int err = umd_dma_space_create(&options, &local->space);

	if (err)
		return err;
	local->owns_space = true;
	return umd_poller_watch_timer(&local->parent->poller, woken, local, &local->deadline);
}

int umd_local_open_space(struct umd_local *local, struct umd_dma_space *space)
{
	local->changes_end = &local->changes;
	local->quiet.tell = tell;
	local->space = space;
	return space ? 0 : make_space(local);
}

/* Without readers and pins, all is quiet. */
void umd_local_close_space(struct umd_local *local)
{
	umd_news_drop(&local->parent->news, &local->quiet);
	umd_watch_destroy(local->quiet_watch);
	umd_watch_destroy(local->deadline);
	if (local->owns_space)
		umd_dma_space_destroy(local->space);
	local->space = NULL;
	while (local->changes)
		end_first(local);
}
