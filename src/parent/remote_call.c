/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to a parent, and its answers. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "parent/remote.h"

#define TIMEOUT_NS (UMD_LINK_TIMEOUT_MS * UINT64_C(1000000))

/* ---- Calls --------------------------------------------------------------------------------- */

static void append(struct umd_remote_call ***end, struct umd_remote_call *call)
{
	call->next = NULL;
	**end = call;
	*end = &call->next;
}

/* Where the call of this number hangs; where nothing does, for none. */
static struct umd_remote_call **find(struct umd_remote *remote, uint32_t id)
{
	struct umd_remote_call **at = &remote->calls;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

/* Those that a prompt parent answers at once. */
static bool is_counted(const struct umd_remote_call *call)
{
	return call->posted && !call->slow;
}

static void end(struct umd_remote *remote, struct umd_remote_call **at)
{
	struct umd_remote_call *call = *at;

	*at = call->next;
	if (!call->next)
		remote->calls_end = at;
	call->awaited = 0;
	if (is_counted(call))
		remote->posted--;
	if (!call->posted)
		return;
	append(&remote->ended_end, call);
	umd_remote_kick(remote);
}

/* The first thing that went wrong is the call's result. */
static void answer(struct umd_remote *remote, struct umd_remote_call **at, int result,
		   uint32_t value)
{
	struct umd_remote_call *call = *at;

	if (!call->result)
		call->result = result;
	call->value = value;
	if (--call->awaited == 0)
		end(remote, at);
}

void umd_remote_lose(struct umd_remote *remote)
{
	if (remote->gone)
		return;
	remote->gone = true;
	while (remote->calls) {
		remote->calls->result = -ENOTCONN;
		end(remote, &remote->calls);
	}
	umd_remote_kick(remote);
}

struct umd_remote_call *umd_remote_new_call(umd_link_done_fn *done, void *data)
{
	struct umd_remote_call *call = malloc(sizeof(*call));

	if (call)
		*call = (struct umd_remote_call){.posted = true, .done = done, .data = data};
	return call;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* Answers to what was posted with number 0 are errors, which nobody waits for. */
static int take_done(struct umd_remote *remote)
{
	const struct umd_msg_done *msg = &remote->answer.done;

	for (uint32_t i = 0; i < msg->count; i++) {
		const struct umd_msg_one_done *done = &msg->done[i];
		struct umd_remote_call **at = find(remote, done->id);

		if (done->result > 0 || (!*at && done->id))
			return -EPROTO;
		if (*at)
			answer(remote, at, done->result, done->value);
	}
	return 0;
}

/* More than a result is only told to somebody who waits for it. */
static int take_payload(struct umd_remote *remote)
{
	const struct umd_msg_header *header = &remote->answer.header;
	struct umd_remote_call **at = find(remote, header->id);

	if (header->type == UMD_MSG_HELLO && !*at)
		at = find(remote, 1); /* turned away before the question was there */
	if (!*at || (*at)->type != header->type || (*at)->posted)
		return -EPROTO;
	answer(remote, at, 0, 0);
	return 0;
}

static int take(struct umd_remote *remote)
{
	switch (remote->answer.header.type) {
	case UMD_MSG_DONE:
		return take_done(remote);
	case UMD_MSG_REVOKED:
		return umd_remote_take_revoked(remote);
	case UMD_MSG_REGION_REVOKED:
		return umd_remote_take_lost_region(remote);
	case UMD_MSG_HALTED:
	case UMD_MSG_NOTED:
		return umd_remote_take_event(remote);
	default:
		return take_payload(remote);
	}
}

/* The fds of an answer that nobody has asked for. */
static void drop_fds(struct umd_remote *remote, unsigned int fd_count)
{
	for (unsigned int i = 0; i < fd_count; i++)
		umd_close(&remote->fds[i]);
}

static int take_message(struct umd_remote *remote, size_t size, unsigned int fd_count)
{
	int err = umd_msg_check_answer(&remote->answer, size, fd_count);

	if (!err)
		err = take(remote);
	if (!err)
		return 0;
	drop_fds(remote, fd_count);
	umd_remote_lose(remote);
	return -ENOTCONN;
}

int umd_remote_receive(struct umd_remote *remote, int flags)
{
	unsigned int fd_count = 0;
	int n;

	if (remote->gone)
		return -ENOTCONN;
	n = umd_msg_receive_answer(remote->fd, &remote->answer, flags, remote->fds, &fd_count);
	if (n == -EAGAIN || n == -EINTR)
		return -EAGAIN;
	if (n > 0)
		return take_message(remote, (size_t)n, fd_count);
	/* What was sent before a reset can still be read. */
	if (n == -ECONNRESET && !remote->was_reset) {
		remote->was_reset = true;
		return 0;
	}
	drop_fds(remote, fd_count);
	umd_remote_lose(remote);
	return -ENOTCONN;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* For the parent to send; and, with POLLOUT, to read. 0; -ETIMEDOUT */
static int await(struct umd_remote *remote, short events, uint64_t until)
{
	struct pollfd ready = {.fd = remote->fd, .events = events};
	uint64_t now = umd_now_ns();

	if (now >= until)
		return -ETIMEDOUT;
	poll(&ready, 1, (int)((until - now) / 1000000) + 1);
	return 0;
}

static uint64_t get_deadline(void)
{
	return umd_now_ns() + TIMEOUT_NS;
}

/* A queue may have much to do, so that its parent is only asked whether it is still there. */
static int ask_whether_there(struct umd_remote *remote)
{
	struct umd_msg_header msg = {.type = UMD_MSG_INFO};
	struct umd_remote_call call = {0};

	return umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);
}

static void be_late(struct umd_remote *remote, const struct umd_remote_call *call)
{
	if (call->slow) {
		ask_whether_there(remote);
		return;
	}
	remote->late = true;
	umd_remote_lose(remote);
}

/* The socket's own timeout does the waiting, the first time. */
int umd_remote_wait(struct umd_remote *remote, struct umd_remote_call *call)
{
	uint64_t until = get_deadline();
	int flags = 0;

	while (call->awaited) {
		int err = umd_remote_receive(remote, flags);

		flags = MSG_DONTWAIT;
		if (!call->awaited || (err == 0 && umd_now_ns() < until))
			continue;
		if (await(remote, POLLIN, until) == 0)
			continue;
		be_late(remote, call);
		until = get_deadline();
	}
	return call->result;
}

int umd_remote_make_room(struct umd_remote *remote)
{
	uint64_t until;

	if (remote->posted < UMD_REMOTE_POSTED_MAX)
		return remote->gone ? -ENOTCONN : 0;
	until = get_deadline();
	while (remote->posted >= UMD_REMOTE_POSTED_MAX) {
		if (umd_remote_receive(remote, MSG_DONTWAIT) == -EAGAIN &&
		    await(remote, POLLIN, until) < 0)
			umd_remote_lose(remote);
	}
	return remote->gone ? -ENOTCONN : 0;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* The parent is busy: meanwhile what it sends is read, so that neither waits for the other. */
static int wait_to_send(struct umd_remote *remote, uint64_t *until)
{
	if (!*until)
		*until = get_deadline();
	while (umd_remote_receive(remote, MSG_DONTWAIT) == 0)
		;
	return remote->gone ? -ENOTCONN : await(remote, POLLIN | POLLOUT, *until);
}

/* An end that is found here may have been explained: so it is left to who reads. */
static int deliver(struct umd_remote *remote, const void *msg, size_t size, const int *fds,
		   unsigned int fd_count)
{
	uint64_t until = 0;
	int err;

	if (remote->gone)
		return -ENOTCONN;
	while ((err = umd_msg_send(remote->fd, msg, size, fds, fd_count, MSG_DONTWAIT)) == -EAGAIN)
		if (wait_to_send(remote, &until) < 0)
			break;
	if (!err || err == -EBADF || err == -EPIPE || err == -ECONNRESET)
		return err == -EBADF ? err : 0;
	umd_remote_lose(remote);
	return -ENOTCONN;
}

int umd_remote_post(struct umd_remote *remote, void *msg, size_t size, const int *fds,
		    unsigned int fd_count)
{
	struct umd_msg_header *header = msg;

	header->id = 0;
	return deliver(remote, msg, size, fds, fd_count);
}

int umd_remote_send(struct umd_remote *remote, const struct umd_remote_call *call, void *msg,
		    size_t size, const int *fds, unsigned int fd_count)
{
	struct umd_msg_header *header = msg;

	header->id = call->id;
	return deliver(remote, msg, size, fds, fd_count);
}

static uint32_t next_id(struct umd_remote *remote)
{
	if (++remote->last_id == 0)
		remote->last_id = 1;
	return remote->last_id;
}

void umd_remote_begin(struct umd_remote *remote, struct umd_remote_call *call, unsigned int answers)
{
	call->id = next_id(remote);
	call->awaited = answers;
	append(&remote->calls_end, call);
	if (!is_counted(call))
		return;
	remote->posted++;
	umd_remote_time(remote, call);
}

void umd_remote_skip(struct umd_remote *remote, struct umd_remote_call *call, unsigned int answers,
		     int result)
{
	struct umd_remote_call **at = find(remote, call->id);

	while (answers-- && *at == call)
		answer(remote, at, result, 0);
}

int umd_remote_call(struct umd_remote *remote, struct umd_remote_call *call, void *msg, size_t size,
		    const int *fds, unsigned int fd_count)
{
	struct umd_msg_header *header = msg;
	int err;

	if (remote->gone)
		return -ENOTCONN;
	header->flags |= UMD_MSG_WAITS;
	call->type = header->type;
	umd_remote_begin(remote, call, 1);
	err = umd_remote_send(remote, call, msg, size, fds, fd_count);
	if (err)
		umd_remote_skip(remote, call, 1, err);
	return umd_remote_wait(remote, call);
}
