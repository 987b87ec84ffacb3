/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command and its reply, within a deadline.
 *
 * One command is on its way at a time, so the next reply must be its own: with its id, its command
 * number, no longer than there is room for; or the answer to whether the device is still there
 * (vfio_user_presence.c). Everything else ends the exchange for good, since the stream can no
 * longer be told apart. What a server asks of us meanwhile, as it may once memory is mapped for
 * DMA, is answered (vfio_user_answer.c).
 */
#include "driver/vfio_user.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "driver/events.h"

#define MAX_ERRNO    4095u /* as the kernel's */
#define TAKE_AT_ONCE 32	   /* messages of the server's own */

int64_t umd_vfio_user_now_ms(void)
{
	return (int64_t)(umd_now_ns() / 1000000);
}

static int wait_for(const struct umd_vfio_user *user, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd pollfd = {.fd = user->conn.fd, .events = events};
		int64_t left = deadline - umd_vfio_user_now_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&pollfd, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* The socket's words for a peer that is gone. */
static int gone(int err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN ? -ENODEV : err;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* There is room for it: umd_conn_can_send(). */
void umd_vfio_user_build(struct umd_vfio_user *user, const struct umd_vfio_user_call *call)
{
	size_t size = sizeof(struct umd_wire_header) + call->out[0].iov_len + call->out[1].iov_len;
	struct umd_wire_header header = {
		.id = ++user->last_id, .command = call->command, .size = (uint32_t)size};
	uint8_t *at = umd_conn_reserve(&user->conn, size);

	memcpy(at, &header, sizeof(header));
	at += sizeof(header);
	for (int i = 0; i < 2; i++) {
		if (call->out[i].iov_len)
			memcpy(at, call->out[i].iov_base, call->out[i].iov_len);
		at += call->out[i].iov_len;
	}
	umd_conn_commit(&user->conn, size, call->fds, call->fd_count);
}

/* Sends some of the output, and waits until that is possible. */
static int send_some(struct umd_vfio_user *user, int64_t deadline)
{
	int err = wait_for(user, POLLOUT, deadline);

	if (!err)
		err = umd_conn_flush(&user->conn);
	return err == -EAGAIN ? 0 : gone(err);
}

/*
 * Before it may lie answers to the server's own commands, which it takes its time to read. 0 where
 * all of it left at once; 1 after a wait.
 */
static int send_command(struct umd_vfio_user *user, const struct umd_vfio_user_call *call,
			int64_t deadline)
{
	bool waits = !umd_conn_can_send(&user->conn);
	int err = 0;

	while (!err && !umd_conn_can_send(&user->conn))
		err = send_some(user, deadline);
	if (err)
		return err;

	umd_vfio_user_build(user, call);
	err = umd_conn_flush(&user->conn);
	if (err != -EAGAIN)
		return err ? gone(err) : waits;
	do {
		err = send_some(user, deadline);
	} while (!err && umd_conn_has_output(&user->conn));
	return err ? err : 1;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* What a receive has come to: 0 or -errno. */
static int received(int n)
{
	if (n == 0)
		return -ENODEV;
	if (n == -ENOBUFS)
		return -EPROTO; /* more file descriptors than any message carries */
	return n > 0 || n == -EAGAIN ? 0 : gone(n);
}

/* Sends as well what is left of answers: the server may wait for them with its own. */
static int receive_some(struct umd_vfio_user *user, int64_t deadline)
{
	bool output = umd_conn_has_output(&user->conn);
	int n = wait_for(user, (short)(POLLIN | (output ? POLLOUT : 0)), deadline);

	if (!n && output)
		n = umd_conn_flush(&user->conn);
	if (n && n != -EAGAIN)
		return gone(n);
	return received(umd_conn_receive(&user->conn));
}

/*
 * The first receive of a call, which has all of its time before it: the receive itself waits, for
 * the socket's timeout, which is the call's. That saves a system call; what is not a whole message
 * then is waited for as above.
 */
static int receive_first(struct umd_vfio_user *user)
{
	int n = umd_conn_receive_wait(&user->conn);

	if (n == -EAGAIN)
		return -ETIMEDOUT;
	return n == -EINTR ? 0 : received(n);
}

static int receive_message(struct umd_vfio_user *user, int64_t deadline, struct umd_message *ret)
{
	int n;

	while ((n = umd_conn_next(&user->conn, ret)) == 0) {
		int err = receive_some(user, deadline);

		if (err)
			return err;
	}
	return n > 0 ? 0 : -EPROTO;
}

/* Ends with a message, and with all file descriptors that have come and were not taken. */
static void consume(struct umd_vfio_user *user, const struct umd_message *message)
{
	umd_conn_consume(&user->conn, message);
	umd_fdbox_drop(&user->conn.fdbox, user->conn.fdbox.fd_count);
}

int umd_vfio_user_take_other(struct umd_vfio_user *user, const struct umd_message *message)
{
	uint32_t type = message->header.flags & UMD_WIRE_TYPE_MASK;
	int err = 0;

	if (type == UMD_WIRE_TYPE_COMMAND)
		err = umd_vfio_user_answer(user, message);
	else if (type != UMD_WIRE_TYPE_REPLY)
		return -EPROTO;
	else if (!umd_vfio_user_take_presence(user, &message->header))
		return 0;
	if (err)
		return err;

	umd_conn_consume(&user->conn, message); /* file descriptors may be a later reply's */
	err = umd_conn_has_output(&user->conn) ? umd_conn_flush(&user->conn) : 0;
	return err && err != -EAGAIN ? gone(err) : 1;
}

int umd_vfio_user_take_some(struct umd_vfio_user *user)
{
	struct umd_message message;

	for (int i = 0; i < TAKE_AT_ONCE; i++) {
		int n = umd_conn_next(&user->conn, &message);

		if (n <= 0)
			return n ? -EPROTO : 0;
		n = umd_vfio_user_take_other(user, &message);
		if (n <= 0)
			return n ? n : -EPROTO; /* a reply to nothing */
	}
	return 1;
}

static int receive_reply(struct umd_vfio_user *user, uint16_t command, int64_t deadline,
			 struct umd_message *ret)
{
	bool asked = user->presence.asked;
	int err;

	do {
		err = receive_message(user, deadline, ret);
		if (!err)
			err = umd_vfio_user_take_other(user, ret);
		if (err == -EAGAIN) {
			err = send_some(user, deadline);
			err = err ? err : 1;
		}
		if (err > 0 && umd_vfio_user_now_ms() >= deadline)
			err = -ETIMEDOUT;
	} while (err > 0);

	if (asked && !user->presence.asked)
		umd_driver_events_nudge(&user->driver);
	if (err)
		return err;
	return ret->header.id == user->last_id && ret->header.command == command ? 0 : -EPROTO;
}

/* What the reply says: an error, or the payload, which is spread over the call's parts. */
static int take_reply(struct umd_vfio_user_call *call, const struct umd_message *reply)
{
	size_t at = 0;

	if (reply->header.flags & UMD_WIRE_ERROR)
		return reply->header.error - 1 < MAX_ERRNO ? -(int)reply->header.error : -EPROTO;
	if (reply->size > call->in[0].iov_len + call->in[1].iov_len)
		return -EPROTO;

	for (int i = 0; i < 2; i++) {
		size_t left = reply->size - at;
		size_t n = left < call->in[i].iov_len ? left : call->in[i].iov_len;

		if (n)
			umd_message_get(reply, at, call->in[i].iov_base, n);
		at += n;
	}
	call->got = reply->size;
	return 0;
}

void umd_vfio_user_end(struct umd_vfio_user *user)
{
	user->ended = true;
	umd_driver_events_gone(&user->driver);
	umd_conn_close(&user->conn);
}

/* What came behind the reply; the rest is left to umd_driver_next_event(), or the next call. */
static void settle(struct umd_vfio_user *user)
{
	int n = umd_vfio_user_take_some(user);

	if (n < 0 && n != -EAGAIN)
		umd_vfio_user_end(user);
	else if (n || umd_conn_has_output(&user->conn))
		umd_driver_events_nudge(&user->driver);
}

int umd_vfio_user_call(struct umd_vfio_user *user, struct umd_vfio_user_call *call)
{
	int64_t deadline = umd_vfio_user_now_ms() + user->driver.timeout_ms;
	struct umd_message reply;
	int err;

	if (user->ended)
		return -ENODEV;

	err = send_command(user, call, deadline);
	if (!err && user->conn.rx_start == user->conn.rx_end)
		err = receive_first(user);
	if (err >= 0)
		err = receive_reply(user, call->command, deadline, &reply);
	if (err) {
		umd_vfio_user_end(user);
		return err;
	}

	err = take_reply(call, &reply);
	if (call->wants_fd)
		call->fd = !err && reply.fd_count ? umd_steal_fd(&reply.fds[0]) : -1;
	consume(user, &reply);
	if (err == -ENODEV)
		umd_driver_events_gone(&user->driver);
	if (user->conn.rx_start != user->conn.rx_end || umd_conn_has_output(&user->conn))
		settle(user);
	return err;
}

int umd_vfio_user_call_exact(struct umd_vfio_user *user, struct umd_vfio_user_call *call)
{
	int err = umd_vfio_user_call(user, call);

	if (!err && call->got != call->in[0].iov_len + call->in[1].iov_len)
		return -EPROTO;
	return err;
}
