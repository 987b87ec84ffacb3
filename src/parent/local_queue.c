/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues within a process: opened with the parent's author, commanded by him, and his news. */
#include <errno.h>

#include "base/range.h"
#include "parent/local.h"

#define DEPTH 256u /* where the link has no wish, and the parent has so many */

static struct umd_local *local_of(const struct umd_queue *queue)
{
	return (struct umd_local *)(void *)queue->link;
}

static const struct umd_parent_ops *ops_of(const struct umd_local *local)
{
	return local->parent->options.ops;
}

/* ---- Opening ------------------------------------------------------------------------------- */

static uint32_t round_up(uint32_t depth)
{
	uint32_t power = 1;

	while (power < depth)
		power *= 2;
	return power;
}

/* Fills in what the link leaves to us. */
static void complete(const struct umd_parent *parent, struct umd_queue_options *options)
{
	uint32_t most = parent->options.max_depth;

	if (!options->depth)
		options->depth = DEPTH < most ? DEPTH : most;
	options->depth = round_up(options->depth);
	if (!options->weight)
		options->weight = 1;
}

static int check(const struct umd_local *local, const struct umd_queue_options *options)
{
	const struct umd_parent *parent = local->parent;

	if (options->depth > parent->options.max_depth)
		return -EINVAL;
	if (options->shared > parent->options.shared_queues)
		return -ENOENT;
	if (options->weight > local->owner.max_weight)
		return -EPERM;
	if (local->queue_count >= local->owner.queues)
		return -ENOSPC;
	if (parent->options.max_queues && parent->queue_count >= parent->options.max_queues)
		return -ENOSPC;
	return 0;
}

static void attach(struct umd_queue *queue, struct umd_work *work)
{
	struct umd_local *local = work->local;

	queue->own = work;
	queue->ring = umd_ring_share(&work->ring);
	queue->doorbell = work->doorbell;
	local->queue_count++;
	local->parent->queue_count++;
}

int umd_local_open_queue(struct umd_queue *queue, const struct umd_queue_options *options)
{
	struct umd_local *local = local_of(queue);
	struct umd_queue_options wanted = *options;
	struct umd_work *work;
	int err;

	complete(local->parent, &wanted);
	err = check(local, &wanted);
	if (err)
		return err;
	err = umd_work_create(local, queue, &wanted, &work);
	if (err)
		return err;

	err = ops_of(local)->open(local->parent->options.data, work, &work->context);
	if (err) {
		umd_news_drop(&local->parent->news, &work->news);
		umd_work_destroy(work);
		return err;
	}
	attach(queue, work);
	return 0;
}

/* ---- Commands ------------------------------------------------------------------------------ */

/* What the library does when the parent's author has done his part. */
static void end_command(struct umd_work *work, int result)
{
	work->queue->commanded = false;
	if (work->command == UMD_QUEUE_START && !result)
		umd_work_start(work);
}

static void finish_command(struct umd_work *work, int result)
{
	umd_link_done_fn *done = work->done;

	if (!work->queue->commanded)
		return;
	end_command(work, result);
	done(work->data, result);
}

static int begin_command(struct umd_work *work, enum umd_queue_command command)
{
	struct umd_local *local = work->local;
	int result;

	work->queue->commanded = true;
	work->command = command;
	umd_work_begin(work);
	if (command == UMD_QUEUE_STOP || command == UMD_QUEUE_ABORT)
		umd_work_stop(work);
	ops_of(local)->command(local->parent->options.data, work->context, command);

	if (!umd_work_has_ended(work, &result))
		return -EINPROGRESS;
	end_command(work, result);
	return result;
}

int umd_local_command(struct umd_queue *queue, enum umd_queue_command command,
		      umd_link_done_fn *done, void *data)
{
	struct umd_local_wait wait = {.ended = false};
	struct umd_parent *parent = local_of(queue)->parent;
	struct umd_work *work = queue->own;
	int result;

	if (command == UMD_QUEUE_START && !__atomic_load_n(&work->stopped, __ATOMIC_RELAXED))
		return 0;
	work->done = done ? done : umd_local_ended;
	work->data = done ? data : &wait;
	result = begin_command(work, command);
	return result != -EINPROGRESS || done ? result : umd_local_wait(parent, &wait);
}

/* ---- News ---------------------------------------------------------------------------------- */

void umd_local_tell_work(struct umd_news *news)
{
	struct umd_work *work =
		(struct umd_work *)(void *)((char *)news - offsetof(struct umd_work, news));
	struct umd_link *link = &work->local->link;
	struct umd_work_said said;

	if (!umd_work_next(work, &said))
		return;
	switch (said.event) {
	case UMD_WORK_NOTED:
		if (link->ops.noted)
			link->ops.noted(link->data, work->queue, said.note, said.note_size,
					said.notes_lost);
		break;
	case UMD_WORK_HALTED:
		if (link->ops.halted)
			link->ops.halted(link->data, work->queue, said.result);
		break;
	case UMD_WORK_ENDED:
		finish_command(work, said.result);
		break;
	default:
		umd_work_look_again(work);
	}
}

/* ---- Closing ------------------------------------------------------------------------------- */

void umd_local_close_queue(struct umd_queue *queue)
{
	struct umd_local *local = local_of(queue);
	struct umd_work *work = queue->own;
	umd_link_done_fn *done;
	void *data;

	if (!work) /* the parent has ended before */
		return;

	done = queue->commanded ? work->done : NULL;
	data = work->data;
	ops_of(local)->close(local->parent->options.data, work->context);
	umd_news_drop(&local->parent->news, &work->news);
	umd_ring_close(&queue->ring);
	umd_work_destroy(work);
	queue->own = NULL;
	queue->doorbell = -1;
	queue->commanded = false;
	local->queue_count--;
	local->parent->queue_count--;
	if (done)
		done(data, -ECANCELED);
}
