/* SPDX-License-Identifier: BSD-2-Clause */
/* What each message of a client's does. Their shapes have been checked: umd_msg_check(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "parent/door.h"
#include "parent/region.h"
#include "parent/work.h"

typedef int handler_fn(struct umd_door *door, const union umd_msg *msg, const int *fds);

/* ---- What the parent offers ---------------------------------------------------------------- */

static int get_offer(struct umd_door *door, struct umd_msg_offer *ret)
{
	struct umd_parent_info info = {.size = sizeof(info)};
	int err = umd_link_get_info(door->link, &info);

	if (!err)
		umd_msg_put_offer(ret, &info);
	return err;
}

static int handle_hello(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	struct umd_msg_welcome welcome = {.header = {.type = UMD_MSG_HELLO, .id = msg->header.id},
					  .version = UMD_MSG_VERSION};

	if (msg->hello.version == UMD_MSG_VERSION) {
		welcome.result = get_offer(door, &welcome.offer);
		door->greeted = !welcome.result;
	} else {
		welcome.result = -EPROTONOSUPPORT;
		snprintf(welcome.text, sizeof(welcome.text),
			 "version %u of the protocol is asked for, %u is there", msg->hello.version,
			 UMD_MSG_VERSION);
	}
	umd_door_send(door, &welcome, sizeof(welcome), NULL, 0);
	return UMD_DOOR_ANSWERED;
}

static int handle_info(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	struct umd_msg_info info = {.header = {.type = UMD_MSG_INFO, .id = msg->header.id}};
	int err = get_offer(door, &info.offer);

	if (err)
		return err;
	umd_door_send(door, &info, sizeof(info), NULL, 0);
	return UMD_DOOR_ANSWERED;
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* What was held back for want of a place is read again. */
static void put_call(struct umd_door_call *call)
{
	struct umd_door *door = call->door;

	if (!door->free_calls)
		umd_watch_set_events(door->watch, EPOLLIN);
	call->next = door->free_calls;
	door->free_calls = call;
}

static void changed(void *data, int result)
{
	struct umd_door_call *call = data;

	umd_door_answer(call->door, call->id, result, 0);
	put_call(call);
}

static void get_changes(const struct umd_msg_change *msg, const int *fds,
			struct umd_dma_change *ret)
{
	for (uint32_t i = 0; i < msg->count; i++) {
		const struct umd_msg_one_change *from = &msg->changes[i];
		bool unmap = from->flags & UMD_MSG_UNMAP;

		ret[i] = (struct umd_dma_change){.unmap = unmap,
						 .iova = from->iova,
						 .size = from->size,
						 .prot = from->prot,
						 .kind = UMD_DMA_BY_FD,
						 .fd = unmap ? -1 : fds[from->fd],
						 .offset = from->offset};
	}
}

/* There is a free call. */
static int make_changes(struct umd_door *door, uint32_t id, uint32_t count)
{
	struct umd_door_call *call = door->free_calls;
	int err;

	door->free_calls = call->next;
	call->id = id;
	err = umd_link_change(door->link, door->changes, count, changed, call);
	if (err != -EINPROGRESS) {
		call->next = door->free_calls;
		door->free_calls = call;
	}
	return err;
}

/* What an earlier piece of the same call came to; 0 where this is the first. */
static int get_failure(const struct umd_door *door, uint32_t id)
{
	return door->goes_on && door->went == id ? door->failed : 0;
}

/*
 * Pieces behind one that has failed are not made, but counted, as the link counts them: entries
 * may wait for them.
 */
static int handle_change(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	const struct umd_msg_header *header = &msg->header;
	int failure = get_failure(door, header->id), err;

	get_changes(&msg->change, fds, door->changes);
	err = make_changes(door, header->id, failure ? 0 : msg->change.count);
	door->goes_on = header->flags & UMD_MSG_MORE;
	door->went = header->id;
	door->failed = failure ? failure : err == -EINPROGRESS ? 0 : err;
	return failure ? failure : err;
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static int handle_alloc_vector(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	uint32_t vector;
	int err = umd_link_alloc_vector(door->link, &vector);

	if (err)
		return err;
	umd_door_answer(door, msg->header.id, 0, vector);
	return UMD_DOOR_ANSWERED;
}

static int handle_free_vector(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	return umd_link_free_vector(door->link, msg->vector.vector);
}

static int handle_set_eventfd(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	return umd_link_set_eventfd(door->link, msg->vector.vector,
				    msg->vector.value ? fds[0] : -1);
}

static int handle_set_mask(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	return umd_link_set_mask(door->link, msg->vector.vector, msg->vector.value);
}

static int handle_is_pending(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	int pending = umd_link_is_pending(door->link, msg->vector.vector);

	if (pending < 0)
		return pending;
	umd_door_answer(door, msg->header.id, 0, (uint32_t)pending);
	return UMD_DOOR_ANSWERED;
}

/* ---- Regions ------------------------------------------------------------------------------- */

static int handle_get_region(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	struct umd_msg_described described = {
		.header = {.type = UMD_MSG_GET_REGION, .id = msg->header.id},
		.region = msg->region.region};
	struct umd_parent_region region;
	bool holds = msg->region.value;
	int err = umd_region_get(door->link, described.region, holds, &region);

	if (err)
		return err;
	described.offset = region.offset;
	described.bytes = region.bytes;
	described.flags = (region.writable ? UMD_MSG_WRITABLE : 0) |
			  (holds ? UMD_MSG_WITH_FILE : 0);
	umd_door_send(door, &described, sizeof(described), &region.fd, holds);
	umd_close(&region.fd);
	return UMD_DOOR_ANSWERED;
}

static int handle_put_region(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	return umd_link_unmap_region(door->link, msg->region.region);
}

/* ---- Queues -------------------------------------------------------------------------------- */

/* Where the queue of this number hangs; where nothing does, for none. */
static struct umd_door_queue **find(struct umd_door *door, uint32_t number)
{
	struct umd_door_queue **at = &door->queues;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

/* A number that no queue has, nor has had lately: what is said late finds nothing. */
static uint32_t make_number(struct umd_door *door)
{
	do {
		door->last_queue++;
	} while (*find(door, door->last_queue));
	return door->last_queue;
}

static int open_queue(struct umd_door *door, const struct umd_msg_open *msg, struct umd_queue **ret)
{
	const struct umd_queue_options options = {.size = sizeof(options),
						  .shared = msg->shared,
						  .depth = msg->depth,
						  .weight = msg->weight,
						  .config = msg->config_size ? msg->config : NULL,
						  .config_size = msg->config_size};

	return umd_queue_open(door->link, &options, ret);
}

static void send_opened(struct umd_door *door, const struct umd_door_queue *it, uint32_t id)
{
	const struct umd_work *work = it->queue->own;
	const struct umd_msg_opened opened = {.header = {.type = UMD_MSG_OPEN_QUEUE, .id = id},
					      .queue = it->number,
					      .depth = it->queue->ring.depth,
					      .entry_size = it->queue->ring.entry_size};
	const int fds[] = {work->ring_fd, work->doorbell};

	umd_door_send(door, &opened, sizeof(opened), fds, 2);
}

static int handle_open_queue(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	struct umd_door_queue *it = calloc(1, sizeof(*it));
	int err;

	if (!it)
		return -ENOMEM;
	err = open_queue(door, &msg->open, &it->queue);
	if (err) {
		free(it);
		return err;
	}
	it->door = door;
	it->number = make_number(door);
	it->next = door->queues;
	door->queues = it;
	send_opened(door, it, msg->header.id);
	return UMD_DOOR_ANSWERED;
}

/* Its command ends with it, and is answered. */
static int handle_close_queue(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	struct umd_door_queue **at = find(door, msg->queue.queue), *it = *at;

	if (!it)
		return -ENOENT;
	umd_queue_close(it->queue);
	*at = it->next;
	free(it);
	return 0;
}

static void commanded(void *data, int result)
{
	const struct umd_door_queue *it = data;

	umd_door_answer(it->door, it->command_id, result, 0);
}

/* Who starts it knows that it stood still. */
static int handle_command(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	struct umd_door_queue *it = *find(door, msg->queue.queue);
	enum umd_queue_command command = msg->queue.value;

	if (!it)
		return -ENOENT;
	if (it->queue->commanded)
		return -EBUSY;
	if (command == UMD_QUEUE_START)
		it->halted = false;
	it->command_id = msg->header.id;
	return umd_queue_command(it->queue, command, commanded, it);
}

/* ---- All ----------------------------------------------------------------------------------- */

static int handle_heard(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	if (!door->told)
		return -EINVAL;
	door->told = false;
	return 0;
}

static int handle_bye(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	door->left = true;
	return UMD_DOOR_ANSWERED;
}

int umd_door_handle(struct umd_door *door, const union umd_msg *msg, const int *fds)
{
	static handler_fn *const handlers[UMD_MSG_QUESTIONS] = {
		[UMD_MSG_HELLO] = handle_hello,
		[UMD_MSG_INFO] = handle_info,
		[UMD_MSG_CHANGE] = handle_change,
		[UMD_MSG_ALLOC_VECTOR] = handle_alloc_vector,
		[UMD_MSG_FREE_VECTOR] = handle_free_vector,
		[UMD_MSG_SET_EVENTFD] = handle_set_eventfd,
		[UMD_MSG_SET_MASK] = handle_set_mask,
		[UMD_MSG_IS_PENDING] = handle_is_pending,
		[UMD_MSG_OPEN_QUEUE] = handle_open_queue,
		[UMD_MSG_CLOSE_QUEUE] = handle_close_queue,
		[UMD_MSG_COMMAND] = handle_command,
		[UMD_MSG_HEARD] = handle_heard,
		[UMD_MSG_BYE] = handle_bye,
		[UMD_MSG_GET_REGION] = handle_get_region,
		[UMD_MSG_PUT_REGION] = handle_put_region,
	};

	return handlers[msg->header.type](door, msg, fds);
}
