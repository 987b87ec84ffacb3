/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/session.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/foreign.h"

#define DEFERRAL_NS   UINT64_C(1000000000)
#define SOCKET_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)
#define TURNS	      4 /* receives before others get their turn */

/*
 * Has the timer go off at a time, if not before: a deferral mostly ends long before its deadline,
 * and the next one begins, for which the timer need not be set anew.
 */
static void set_timer(struct umd_session *session, uint64_t when_ns, uint64_t now_ns)
{
	if (session->timer_ns && session->timer_ns <= when_ns)
		return;
	session->timer_ns = when_ns;
	umd_watch_set_timer(session->timer, when_ns - now_ns);
}

static void stop_timer(struct umd_session *session)
{
	if (session->timer_ns)
		umd_watch_set_timer(session->timer, 0);
	session->timer_ns = 0;
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* Adds the reply to the output, unless the client wants none. */
static void put_reply(struct umd_session *session, int error)
{
	const struct umd_wire_header *command = &session->message.header;
	struct umd_reply *reply = &session->reply;
	struct umd_wire_header header = {.id = command->id,
					 .command = command->command,
					 .size = sizeof(header),
					 .flags = UMD_WIRE_TYPE_REPLY};

	if (command->flags & UMD_WIRE_NO_REPLY) {
		umd_conn_commit(&session->conn, 0, NULL, 0);
		return;
	}
	if (error) {
		header.flags |= UMD_WIRE_ERROR;
		header.error = (uint32_t)-error;
		reply->fd_count = 0;
	} else {
		header.size += (uint32_t)reply->size;
	}
	memcpy(reply->payload - sizeof(header), &header, sizeof(header));
	umd_conn_commit(&session->conn, header.size, reply->fds, reply->fd_count);
}

static void finish_message(struct umd_session *session, int error)
{
	session->command = NULL;
	put_reply(session, error);
	umd_conn_consume(&session->conn, &session->message);
}

static bool is_deferred(const struct umd_session *session)
{
	return session->draining || session->request.state == UMD_REQUEST_DEFERRED;
}

static void end_deferral(struct umd_session *session, int error)
{
	if (session->draining)
		umd_session_end_drain(session, error);
	else
		umd_request_cancel(&session->request, error);
}

/*
 * The message is put off: it has what is left of its second, and no time at all where the client
 * has said its last, unless memory of the client's is used where it cannot be taken away.
 */
static void defer_message(struct umd_session *session, const struct umd_command *command)
{
	uint64_t now = umd_now_ns();

	if (!session->command)
		session->deadline_ns = now + DEFERRAL_NS;
	session->command = command;
	if (now >= session->deadline_ns)
		end_deferral(session, -ETIMEDOUT);
	else if (session->closing || session->hung_up)
		end_deferral(session, -ECANCELED);
	if (is_deferred(session))
		set_timer(session, session->deadline_ns, now);
}

static void run(struct umd_session *session, const struct umd_command *command, int result)
{
	while (result == UMD_DEFERRED) {
		defer_message(session, command);
		if (is_deferred(session))
			return;
		result = command->resume(session);
	}
	finish_message(session, result);
}

/* VERSION comes first, and once; a client that gets it wrong is not understood any further. */
static int check_order(struct umd_session *session)
{
	bool is_version = session->message.header.command == UMD_WIRE_VERSION;

	return is_version == session->negotiated ? -EINVAL : 0;
}

static const struct umd_command *find_command(const struct umd_session *session)
{
	uint16_t number = session->message.header.command;
	const struct umd_command *command = umd_command_find(number);

	return command || !session->caps.has_pasid ? command : umd_command_find_pasid(number);
}

static void take_command(struct umd_session *session)
{
	const struct umd_command *command = find_command(session);
	int result = check_order(session);

	if (!result)
		result = command ? command->start(session) : -ENOSYS;
	session->misunderstood = !session->negotiated;
	run(session, command, result);
}

static void take_message(struct umd_session *session)
{
	switch (session->message.header.flags & UMD_WIRE_TYPE_MASK) {
	case UMD_WIRE_TYPE_COMMAND:
		take_command(session);
		break;
	case UMD_WIRE_TYPE_REPLY:
		if (session->conn.rx_position >= session->passed)
			umd_session_take_answer(session, &session->message);
		umd_conn_commit(&session->conn, 0, NULL, 0);
		umd_conn_consume(&session->conn, &session->message);
		break;
	default:
		finish_message(session, -EINVAL);
	}
}

/* Whether another message's reply fits, if need be after sending those there are. */
static bool can_reply(struct umd_session *session)
{
	if (umd_conn_can_send(&session->conn))
		return true;
	umd_conn_flush(&session->conn);
	return umd_conn_can_send(&session->conn);
}

static void begin_reply(struct umd_session *session)
{
	uint8_t *message = umd_conn_reserve(&session->conn, UMD_WIRE_MAX_MESSAGE);

	session->reply.payload = message + sizeof(struct umd_wire_header);
	session->reply.size = 0;
	session->reply.fd_count = 0;
}

/* Takes one message: 1; 0 where there is no whole one; -EPROTO where the session must end. */
static int take_one(struct umd_session *session)
{
	int more = umd_conn_next(&session->conn, &session->message);

	if (more == 0)
		return 0;

	begin_reply(session);
	if (more > 0)
		take_message(session);
	else if (more == -EMSGSIZE)
		finish_message(session, -EMSGSIZE);
	else if (more == -EBADMSG)
		put_reply(session, -EINVAL);
	if (more == -EBADMSG || more == -EPROTO || session->misunderstood)
		return -EPROTO;
	return 1;
}

/* Takes the messages there are, while their replies fit: 0 when all are taken, 1 when not. */
static int take_messages(struct umd_session *session)
{
	while (!session->command && can_reply(session)) {
		int more = take_one(session);

		if (more <= 0)
			return more;
	}
	return 1;
}

/* ---- Events -------------------------------------------------------------------------------- */

/* A reset does not wait for the access that may be what it is for. */
static void expedite_reset(struct umd_session *session)
{
	if (umd_conn_has_behind(&session->conn, &session->message, UMD_WIRE_DEVICE_RESET))
		umd_request_cancel(&session->request, -ECANCELED);
}

/*
 * Answers what has been received; ends the session where it cannot go on. Messages are left only
 * behind a deferred one, or while there is output, whose sending is an event that comes back here:
 * a client may drain a full socket between our last try and this flush.
 */
static void proceed(struct umd_session *session)
{
	int left, unsent;

	do {
		left = take_messages(session);
		if (umd_session_has_commands(session))
			umd_session_send_commands(session);
		unsent = umd_conn_flush(&session->conn);
	} while (left > 0 && !session->command && unsent != -EAGAIN);

	if (unsent && unsent != -EAGAIN)
		session->hung_up = true;
	if (session->command) {
		umd_session_pass_answers(session);
		expedite_reset(session);
	}
	if (!session->conn.tx_fd_count)
		umd_foreign_close(&session->twin_peer);
	if (left < 0 || (session->closing && !left && !unsent) ||
	    (session->closing && session->hung_up))
		umd_session_end(session);
}

/* Ends a deferral that is over. */
static void resume(struct umd_session *session)
{
	const struct umd_command *command = session->command;

	if (command && !is_deferred(session))
		run(session, command, command->resume(session));
}

/*
 * Waits for room in the output where some is left. What is unread and could be received now comes
 * up again after the others that wait: setting the events anew makes an edge.
 */
static void watch_socket(struct umd_session *session)
{
	bool output = umd_conn_has_output(&session->conn);
	uint32_t events = SOCKET_EVENTS | (output ? EPOLLOUT : 0);

	umd_watch_set_events(session->watch, events);
	if (session->unread && !session->command && !session->closing &&
	    umd_conn_can_send(&session->conn))
		umd_watch_rearm(session->watch);
}

/* Nothing is put off any more: the client has left, or has said its last. */
static void hurry(struct umd_session *session)
{
	if (is_deferred(session))
		end_deferral(session, -ECANCELED);
	resume(session);
}

/* One receive, unless it has to wait for the output to drain or for messages to be taken. */
static bool receive(struct umd_session *session)
{
	int n;

	if (session->closing || !umd_conn_can_send(&session->conn))
		return false;

	n = umd_conn_receive(&session->conn);
	if (n != -ENOBUFS) {
		session->unread = n > 0 && (session->ending || umd_conn_has_more(&session->conn));
		session->closing = n == 0 || (n < 0 && n != -EAGAIN);
	}
	if (session->closing || session->hung_up)
		hurry(session);
	return n != -ENOBUFS;
}

/*
 * Receives and answers, a few times over. The socket is watched edge-triggered, which saves the
 * kernel a look at it before each wait; `unread` remembers what no edge will tell again.
 */
void umd_session_serve(struct umd_session *session)
{
	for (int turn = 0; turn < TURNS; turn++) {
		bool received = session->unread && receive(session);

		proceed(session);
		if (!umd_session_is_live(session))
			return;
		if (!received || !session->unread)
			break;
	}
	watch_socket(session);
}

static void socket_ready(void *data, uint32_t events)
{
	struct umd_session *session = data;

	session->hung_up |= (events & EPOLLHUP) != 0;
	session->ending |= (events & (EPOLLHUP | EPOLLRDHUP)) != 0;
	session->unread = true;
	umd_session_serve(session);
}

void umd_session_resume(struct umd_session *session)
{
	resume(session);
	umd_session_serve(session);
}

/* A deferred message may go on, or has had its time. */
static void timer_fired(void *data, uint32_t events)
{
	struct umd_session *session = data;
	uint64_t now = umd_now_ns();

	session->timer_ns = 0;
	if (!session->command)
		return;
	if (is_deferred(session) && now < session->deadline_ns) {
		set_timer(session, session->deadline_ns, now);
		return;
	}
	if (is_deferred(session))
		end_deferral(session, -ETIMEDOUT);
	umd_session_resume(session);
}

/* May be called from anywhere, so the work is left to the next dispatch. */
static void request_done(void *data)
{
	struct umd_session *session = data;

	set_timer(session, 1, 0);
}

/* ---- The session's life -------------------------------------------------------------------- */

int umd_session_init(struct umd_session *session, struct umd_device *device,
		     void (*ended)(void *data), void *data)
{
	int err;

	memset(session, 0, offsetof(struct umd_session, twin));
	session->device = device;
	session->ended = ended;
	session->ended_data = data;
	session->twin.fd = session->twin_peer = -1;
	session->request.done = request_done;
	session->request.done_data = session;
	err = umd_conn_init(&session->conn, -1);
	if (err)
		return err;
	err = umd_session_init_dma(session);
	if (err)
		return err;
	return umd_poller_watch_timer(&device->poller, timer_fired, session, &session->timer);
}

void umd_session_finish(struct umd_session *session)
{
	if (umd_session_is_live(session))
		umd_session_end(session);
	umd_watch_destroy(session->timer);
	umd_watch_destroy(session->dma_timer);
	umd_session_finish_drain(session);
	umd_conn_finish(&session->conn);
}

int umd_session_begin(struct umd_session *session, int fd)
{
	int err = umd_poller_watch_fd(&session->device->poller, fd, SOCKET_EVENTS, socket_ready,
				      session, &session->watch);

	if (err)
		return err;

	umd_foreign_new_peer();
	umd_conn_attach(&session->conn, fd);
	session->device->has_client = true;
	session->negotiated = session->misunderstood = false;
	session->caps = (struct umd_wire_caps){0};
	session->closing = session->hung_up = session->ending = false;
	session->unread = true; /* a client that has connected has mostly said something */
	session->passed = 0;
	umd_session_serve(session);
	return 0;
}

bool umd_session_is_leaving(const struct umd_session *session)
{
	struct pollfd socket = {.fd = session->conn.fd};

	return poll(&socket, 1, 0) == 1 && (socket.revents & POLLHUP);
}

void umd_session_end(struct umd_session *session)
{
	umd_request_cancel(&session->request, -ECANCELED);
	session->draining = NULL;
	session->command = NULL;
	stop_timer(session);
	umd_watch_destroy(session->watch);
	session->watch = NULL;
	umd_conn_flush(&session->conn);
	umd_conn_close(&session->conn);
	umd_foreign_close(&session->twin_peer);
	session->device->has_client = false;
	umd_device_do_reset(session->device, UMD_RESET_DISCONNECT);
	umd_session_end_dma(session);
	umd_unplug_released(session->device);
	session->ended(session->ended_data);
}
