/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent's end of a socket: its life, what comes in and goes out. */
#include "parent/door.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/foreign.h"

#define MESSAGES_MAX 16 /* at a time; then others have their turn */

/* ---- Out ----------------------------------------------------------------------------------- */

/* What has ended is found by the watch: whoever has sent goes on as if nothing were. */
static void give_up(struct umd_door *door)
{
	if (!door->broken)
		shutdown(door->fd, SHUT_RDWR);
	door->broken = true;
}

void umd_door_send(struct umd_door *door, const void *msg, size_t size, const int *fds,
		   unsigned int fd_count)
{
	if (!door->broken && umd_msg_send(door->fd, msg, size, fds, fd_count, MSG_DONTWAIT) < 0)
		give_up(door);
}

static void send_done(struct umd_door *door)
{
	struct umd_msg_done *msg = &door->done;

	if (msg->count)
		umd_door_send(door, msg, umd_msg_done_size(msg->count), NULL, 0);
	msg->count = 0;
}

static void send_revoked(struct umd_door *door)
{
	struct umd_msg_revoked *msg = &door->revoked;

	if (msg->count)
		umd_door_send(door, msg, umd_msg_revoked_size(msg->count), NULL, 0);
	msg->count = 0;
}

/* A client is told of nothing before it knows who is there. */
static void flush(struct umd_door *door)
{
	send_done(door);
	if (!door->greeted)
		return;
	send_revoked(door);
	umd_door_tell(door);
}

void umd_door_flush_soon(struct umd_door *door)
{
	if (!door->busy && !umd_watch_call_later(door->watch))
		flush(door);
}

void umd_door_answer(struct umd_door *door, uint32_t id, int result, uint32_t value)
{
	if (!id && !result)
		return;
	if (door->done.count == UMD_MSG_DONE_MAX)
		send_done(door);
	door->done.done[door->done.count++] =
		(struct umd_msg_one_done){.id = id, .result = result, .value = value};
	umd_door_flush_soon(door);
}

/* ---- In ------------------------------------------------------------------------------------ */

static int check(const struct umd_door *door, const union umd_msg *msg, size_t size,
		 unsigned int fd_count)
{
	int err = umd_msg_check(msg, size, fd_count);

	if (err)
		return err;
	return (msg->header.type == UMD_MSG_HELLO) == door->greeted ? -EPROTO : 0;
}

/* Whether the client waits now. */
static bool handle(struct umd_door *door, const union umd_msg *msg, size_t size, const int *fds,
		   unsigned int fd_count)
{
	bool is_whole = size >= sizeof(msg->header) && size <= UMD_MSG_SIZE_MAX;
	int result = check(door, msg, size, fd_count);

	if (!result)
		result = umd_door_handle(door, msg, fds);
	if (result <= 0 && result != -EINPROGRESS)
		umd_door_answer(door, is_whole ? msg->header.id : 0, result, 0);
	return is_whole && (msg->header.flags & UMD_MSG_WAITS);
}

/* Whether there may be more. */
static bool receive(struct umd_door *door)
{
	int fds[UMD_SCM_MAX_FD];
	unsigned int fd_count = 0;
	union umd_msg msg;
	bool waits;
	int n = umd_receive(door->fd, &msg, sizeof(msg), fds, &fd_count);

	if (n == -EAGAIN || n == -ENOBUFS)
		return false;
	if (n <= 0) {
		give_up(door);
		umd_foreign_close_all(fds, n == 0 ? fd_count : 0);
		return false;
	}
	waits = handle(door, &msg, (size_t)n, fds, fd_count);
	umd_foreign_close_all(fds, fd_count);
	return !waits;
}

static bool can_receive(const struct umd_door *door)
{
	return door->free_calls && !door->broken && !door->left;
}

static void receive_all(struct umd_door *door)
{
	int count = 0;

	door->busy = true;
	while (count++ < MESSAGES_MAX && can_receive(door) && receive(door))
		;
	door->busy = false;
	flush(door);
	if (!door->free_calls)
		umd_watch_set_events(door->watch, 0);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void free_door(struct umd_door *door)
{
	free(door->changes);
	free(door);
}

static void free_queues(struct umd_door *door)
{
	while (door->queues) {
		struct umd_door_queue *queue = door->queues;

		door->queues = queue->next;
		free(queue);
	}
}

/* The client sees the end when all that was its is gone; who has said BYE gets what was asked. */
static void destroy(struct umd_door *door)
{
	door->busy = true;
	umd_link_close(door->link);
	if (door->left)
		send_done(door);
	umd_watch_destroy(door->watch);
	umd_foreign_hang_up(&door->fd);
	free_queues(door);
	free_door(door);
}

void umd_door_close(struct umd_door *door)
{
	umd_parent_remove_part(door->parent, &door->part);
	destroy(door);
}

static void end_part(struct umd_parent_part *part)
{
	struct umd_door *door = (struct umd_door *)(void *)part;
	void (*ended)(void *data) = door->ended;
	void *data = door->data;

	destroy(door);
	if (ended)
		ended(data);
}

static void end(struct umd_door *door)
{
	umd_parent_remove_part(door->parent, &door->part);
	end_part(&door->part);
}

/* ---- The beginning ------------------------------------------------------------------------- */

static void ready(void *data, uint32_t events)
{
	struct umd_door *door = data;

	if (events & EPOLLIN)
		receive_all(door);
	else if (!events)
		flush(door);
	if (door->broken || door->left || (events & (EPOLLHUP | EPOLLERR)))
		end(door);
}

static int init(struct umd_door *door)
{
	for (unsigned int i = 0; i < UMD_DOOR_CALLS; i++) {
		door->calls[i] = (struct umd_door_call){.door = door, .next = door->free_calls};
		door->free_calls = &door->calls[i];
	}
	door->done.header.type = UMD_MSG_DONE;
	door->revoked.header.type = UMD_MSG_REVOKED;
	door->part.end = end_part;
	door->changes = calloc(UMD_MSG_CHANGES_MAX, sizeof(door->changes[0]));
	return door->changes ? 0 : -ENOMEM;
}

static int start(struct umd_door *door, const struct umd_owner *owner, struct umd_error *error)
{
	int err = init(door);

	if (err)
		return umd_error_set(error, err, "no memory for a connection");
	err = umd_link_open(door->parent, owner, NULL, &door->link, error);
	if (err)
		return err;

	umd_link_set_ops(door->link, &umd_door_link_ops, door);
	err = umd_poller_watch_fd(&door->parent->poller, door->fd, EPOLLIN, ready, door,
				  &door->watch);
	if (err) {
		umd_link_close(door->link);
		return umd_error_set(error, err, "the connection cannot be watched");
	}
	return 0;
}

int umd_door_open(struct umd_parent *parent, int fd, const struct umd_owner *owner,
		  void (*ended)(void *data), void *data, struct umd_door **ret,
		  struct umd_error *error)
{
	struct umd_door *door = calloc(1, sizeof(*door));
	int err;

	if (!door)
		return umd_error_set(error, -ENOMEM, "no memory for a connection");

	*door = (struct umd_door){.parent = parent, .fd = fd, .ended = ended, .data = data};
	err = start(door, owner, error);
	if (err) {
		free_door(door);
		return err;
	}
	umd_foreign_new_peer();
	umd_parent_add_part(parent, &door->part);
	*ret = door;
	return 0;
}

bool umd_door_is_deserted(const struct umd_door *door)
{
	struct pollfd left = {.fd = door->fd};

	return door->broken || poll(&left, 1, 0) > 0;
}

void umd_door_refuse(int fd, int result, const char *text)
{
	struct umd_msg_welcome welcome = {
		.header.type = UMD_MSG_HELLO, .version = UMD_MSG_VERSION, .result = result};

	snprintf(welcome.text, sizeof(welcome.text), "%s", text);
	umd_msg_send(fd, &welcome, sizeof(welcome), NULL, 0, MSG_DONTWAIT);
	umd_foreign_hang_up(&fd);
}
