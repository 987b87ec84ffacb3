/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of ours, DMA_READ and DMA_WRITE before all: on the twin socket where there is one, else
 * among the replies, while no reply is under construction and little output waits: the client may
 * be sending, and reads nothing before we have received.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "server/session.h"

#define TICK_NS	    UINT64_C(500000000) /* between looks at what is not answered */
#define OUTPUT_MAX  16384u		/* bytes of output that a command may come behind */
#define SHORT_REPLY 12u			/* to DMA_WRITE, with a count of 32 bits */

/* ---- Sending ------------------------------------------------------------------------------- */

static bool has_room(const struct umd_conn *conn)
{
	return conn->tx_end - conn->tx_start <= OUTPUT_MAX && umd_conn_can_send(conn) &&
	       !conn->tx_held;
}

/* If need be after sending what there is. */
bool umd_session_can_command(struct umd_conn *conn)
{
	if (has_room(conn))
		return true;
	return !conn->tx_held && umd_conn_flush(conn) == 0 && has_room(conn);
}

void umd_session_put_command(struct umd_conn *conn, const struct umd_wire_header *header,
			     const void *payload, size_t size, const void *data)
{
	uint8_t *to = umd_conn_reserve(conn, header->size);

	memcpy(to, header, sizeof(*header));
	memcpy(to + sizeof(*header), payload, size);
	if (data)
		memcpy(to + sizeof(*header) + size, data, header->size - sizeof(*header) - size);
	umd_conn_commit(conn, header->size, NULL, 0);
}

static void put_message(struct umd_conn *conn, const struct umd_dma_message *message)
{
	struct umd_wire_dma_access access = {.address = message->iova, .count = message->size};
	size_t data = message->write ? message->size : 0;
	struct umd_wire_header header = {.id = message->id,
					 .command = message->write ? UMD_WIRE_DMA_WRITE
								   : UMD_WIRE_DMA_READ,
					 .size = (uint32_t)(sizeof(header) + sizeof(access) + data),
					 .flags = UMD_WIRE_TYPE_COMMAND};

	umd_session_put_command(conn, &header, &access, sizeof(access),
				data ? message->local : NULL);
}

static void put_commands(struct umd_session *session, struct umd_conn *conn)
{
	struct umd_dma_space *space = &session->device->space;

	umd_session_put_pages(session, conn);
	while (umd_dma_remote_turn(&space->remote) && umd_session_can_command(conn)) {
		struct umd_dma_message *message = umd_dma_space_next_message(space);

		if (!message)
			break;
		put_message(conn, message);
	}
}

/* The twin socket is watched for room in the client's end while there is output left. */
static void flush_twin(struct umd_session *session)
{
	umd_conn_flush(&session->twin);
	umd_watch_set_events(session->twin_watch,
			     EPOLLIN | (umd_conn_has_output(&session->twin) ? EPOLLOUT : 0));
}

bool umd_session_has_commands(const struct umd_session *session)
{
	return umd_dma_remote_turn(&session->device->space.remote) ||
	       umd_session_has_pages(session);
}

void umd_session_send_commands(struct umd_session *session)
{
	if (session->closing || session->hung_up)
		return;
	if (session->twin_watch) {
		put_commands(session, &session->twin);
		flush_twin(session);
	} else {
		put_commands(session, &session->conn);
	}
}

/* ---- Answers ------------------------------------------------------------------------------- */

static int translate_error(uint32_t error)
{
	return error == ENODEV || error == EFAULT ? -(int)error : -EIO;
}

/* The answer names the address and the count that were asked for, and nothing is missing. */
static bool is_echo(const struct umd_message *reply, const struct umd_dma_message *message)
{
	size_t data = message->write ? 0 : message->size;
	struct umd_wire_dma_access access = {0};
	uint32_t count = 0;

	if (message->write && reply->size == SHORT_REPLY) {
		umd_message_get(reply, 0, &access.address, sizeof(access.address));
		umd_message_get(reply, sizeof(access.address), &count, sizeof(count));
		access.count = count;
	} else if (!umd_message_get(reply, 0, &access, sizeof(access)) ||
		   reply->size != sizeof(access) + data) {
		return false;
	}
	return access.address == message->iova && access.count == message->size;
}

static int check_answer(const struct umd_message *reply, const struct umd_dma_message *message)
{
	if (reply->header.flags & UMD_WIRE_ERROR)
		return translate_error(reply->header.error);
	if (reply->header.command != (message->write ? UMD_WIRE_DMA_WRITE : UMD_WIRE_DMA_READ))
		return -EIO;
	return is_echo(reply, message) ? 0 : -EIO;
}

void umd_session_take_answer(struct umd_session *session, const struct umd_message *reply)
{
	struct umd_dma_remote *remote = &session->device->space.remote;
	struct umd_dma_message *message = umd_dma_remote_find(remote, reply->header.id);
	int err;

	if (reply->header.command == UMD_WIRE_PAGE_REQUEST) {
		umd_session_take_response(session, reply);
		return;
	}
	if (!message)
		return;

	err = check_answer(reply, message);
	if (!err && message->transfer && !message->write)
		umd_message_get(reply, sizeof(struct umd_wire_dma_access), message->local,
				message->size);
	umd_dma_remote_answer(remote, message, err);
}

void umd_session_pass_answers(struct umd_session *session)
{
	struct umd_message reply;

	while (umd_conn_look_behind(&session->conn, &session->message, &session->passed, &reply)) {
		if ((reply.header.flags & UMD_WIRE_TYPE_MASK) == UMD_WIRE_TYPE_REPLY)
			umd_session_take_answer(session, &reply);
	}
}

/* ---- The twin socket ----------------------------------------------------------------------- */

/* Only the stream of commands has ended; without it, memory that needs it is out of reach. */
static void lose_twin(struct umd_session *session)
{
	umd_watch_destroy(session->twin_watch);
	session->twin_watch = NULL;
	umd_dma_remote_close(&session->device->space.remote, -ECANCELED);
	umd_session_end_pages(session);
	umd_conn_finish(&session->twin);
}

/* Takes the answers there are, and drops all else. 0, or -EPROTO where the stream makes no sense.
 */
static int take_answers(struct umd_session *session)
{
	struct umd_message message;
	int more;

	while ((more = umd_conn_next(&session->twin, &message)) > 0 || more == -EMSGSIZE) {
		if (more > 0 && (message.header.flags & UMD_WIRE_TYPE_MASK) == UMD_WIRE_TYPE_REPLY)
			umd_session_take_answer(session, &message);
		umd_conn_consume(&session->twin, &message);
	}
	return more;
}

static void twin_ready(void *data, uint32_t events)
{
	struct umd_session *session = data;
	int n = umd_conn_receive(&session->twin);

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -ENOBUFS) || take_answers(session) < 0)
		lose_twin(session);
	else
		umd_session_send_commands(session);
}

/* ---- Life ---------------------------------------------------------------------------------- */

/*
 * Something was started, perhaps in the middle of something else: the work is left to the end of
 * this dispatch, or to the next one. Setting a timer costs more than moving some KiB.
 */
void umd_session_wake(void *data)
{
	struct umd_session *session = data;

	if (umd_watch_call_later(session->dma_timer))
		return;
	session->next_look_ns = 0;
	umd_watch_set_timer(session->dma_timer, 1);
}

/* Looks at what is not answered, where it is time to, and plans the next look. */
static void look(struct umd_session *session)
{
	struct umd_dma_remote *remote = &session->device->space.remote;
	uint64_t now = umd_now_ns();
	bool pages;

	if (now < session->next_look_ns)
		return;
	umd_dma_remote_expire(remote);
	pages = umd_session_expire_pages(session);
	session->next_look_ns = 0;
	if (!pages && !umd_dma_remote_is_busy(remote))
		return;
	session->next_look_ns = now + TICK_NS;
	umd_watch_set_timer(session->dma_timer, TICK_NS);
}

/* Time for a look, or for the work that a wake has left. */
static void timer_fired(void *data, uint32_t events)
{
	struct umd_session *session = data;

	if (!umd_session_is_live(session))
		return;
	look(session);
	if (umd_session_has_commands(session))
		umd_session_serve(session);
}

int umd_session_init_dma(struct umd_session *session)
{
	return umd_poller_watch_timer(&session->device->poller, timer_fired, session,
				      &session->dma_timer);
}

int umd_session_begin_dma(struct umd_session *session, int twin_fd)
{
	int err;

	umd_dma_remote_open(&session->device->space.remote, session->caps.max_data_xfer_size,
			    umd_session_wake, session);
	umd_session_begin_pages(session);
	if (twin_fd < 0)
		return 0;

	err = umd_conn_init(&session->twin, twin_fd);
	if (err)
		return err;
	return umd_poller_watch_fd(&session->device->poller, twin_fd, EPOLLIN, twin_ready, session,
				   &session->twin_watch);
}

void umd_session_end_dma(struct umd_session *session)
{
	umd_watch_destroy(session->twin_watch);
	session->twin_watch = NULL;
	if (session->twin.fd >= 0)
		umd_conn_finish(&session->twin);
	umd_dma_remote_close(&session->device->space.remote, -ECANCELED);
	umd_session_end_pages(session);
}
