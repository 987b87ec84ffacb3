/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vfio-user connection: whole messages in, batches of messages out, over a non-blocking stream
 * socket.
 *
 * Receiving: one receive takes as many bytes as there are; umd_conn_next() hands out the messages
 * among them, one at a time, in place. A message's bytes stay where they are until it is consumed,
 * also while further ones are received. A message larger than UMD_WIRE_MAX_MESSAGE is reported
 * once and its body thrown away as it arrives.
 *
 * Sending: a message is built in place at the end of the output and leaves with all others in one
 * send. The output is bounded: whoever builds messages asks umd_conn_can_send() first.
 */
#ifndef UMD_WIRE_CONN_H
#define UMD_WIRE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wire/fdbox.h"
#include "wire/proto.h"

/* What every message touches comes first, so that it shares few cache lines. */
struct umd_conn {
	int fd;
	bool rx_filled;		 /* the last receive filled its room */
	bool rx_fds;		 /* the last receive brought fds, behind which it always stops */
	bool rx_ended;		 /* the stream's end has been received */
	bool rx_large, tx_large; /* pages beyond those of small messages have been used */
	bool tx_held;		 /* a message is being built at tx_end: it stays there */

	uint8_t *rx;		 /* mapped once; pages appear as they are used */
	size_t rx_start, rx_end; /* received and not consumed */
	uint64_t rx_position;	 /* offset in the stream of rx_start */
	uint64_t rx_skip;	 /* bytes of a message too large, still to be thrown away */

	uint8_t *tx;
	size_t tx_start, tx_end; /* built and not sent */
	unsigned int tx_fd_count;
	size_t tx_fds_at;
	int tx_fds[UMD_WIRE_MAX_FDS]; /* that go out with the message at tx_fds_at */

	struct umd_fdbox fdbox;
};

/* A message, as it lies in the receive buffer; valid until umd_conn_consume(). */
struct umd_message {
	struct umd_wire_header header;
	const uint8_t *payload;
	size_t size; /* of the payload */
	int *fds;    /* set one to -1 to keep it */
	unsigned int fd_count;
};

/* Takes over `fd` (-1: none yet). 0 or -ENOMEM. */
int umd_conn_init(struct umd_conn *conn, int fd);
void umd_conn_finish(struct umd_conn *conn);

/* Begins anew with another socket, keeping the buffers. */
void umd_conn_attach(struct umd_conn *conn, int fd);

/*
 * Ends the connection without a reset: the peer can send no more, what it has sent is read and
 * thrown away, and so are its fds, before the socket is closed. (A stream socket that is closed
 * with unread data gives its peer ECONNRESET, on which QEMU 11.1 aborts.)
 */
void umd_conn_close(struct umd_conn *conn);

/*
 * One receive. Returns bytes; 0 at the end of the stream; -EAGAIN; -ENOBUFS when full, or while fds
 * that were received before must be closed first: there is no other event for that; -EMFILE when
 * they cannot be, or fds were lost for want of room in the process; -errno.
 */
int umd_conn_receive(struct umd_conn *conn);

/* The same, waiting as umd_receive_wait() does, with its -EAGAIN and -EINTR. */
int umd_conn_receive_wait(struct umd_conn *conn);

/* Whether the last receive has left something in the socket, the stream's end included. */
bool umd_conn_has_more(const struct umd_conn *conn);

/*
 * The next whole message, not consumed.
 *
 * Returns 1 with a message; 0 when more must be received; -EMSGSIZE with `message->header` for a
 * message that is too large (consume it to go on); -EBADMSG with `message->header` when the header
 * cannot be true, and nothing more can be read; -EPROTO for an unfinished message that has brought
 * more fds than any may.
 */
int umd_conn_next(struct umd_conn *conn, struct umd_message *message);

/* Ends with the message that umd_conn_next() handed out. */
void umd_conn_consume(struct umd_conn *conn, const struct umd_message *message);

/*
 * The next whole message received behind `message`, which is in hand, from `*position` in the
 * stream on, which is moved behind it; false where there is none. It is not consumed.
 */
bool umd_conn_look_behind(const struct umd_conn *conn, const struct umd_message *message,
			  uint64_t *position, struct umd_message *ret);

/* Whether this command (no reply to it) is among the messages received behind `message`. */
bool umd_conn_has_behind(const struct umd_conn *conn, const struct umd_message *message,
			 uint16_t command);

#define UMD_CONN_TX_QUEUED 65536u /* bytes of output at which building stops */

/* Whether a message of the largest size, with fds, can be built now. */
static inline bool umd_conn_can_send(const struct umd_conn *conn)
{
	return conn->tx_end - conn->tx_start <= UMD_CONN_TX_QUEUED && !conn->tx_fd_count;
}

/* A place for a message of at most UMD_WIRE_MAX_MESSAGE bytes; it stays there until committed. */
uint8_t *umd_conn_reserve(struct umd_conn *conn, size_t size);

/* Adds the message that was built, with fds (duplicates are made when sending, not here). */
void umd_conn_commit(struct umd_conn *conn, size_t size, const int *fds, unsigned int fd_count);

/*
 * Sends what can be sent. 0 when all went; -EAGAIN; another -errno when the peer is gone, and then
 * there is no output any more.
 */
int umd_conn_flush(struct umd_conn *conn);

static inline bool umd_conn_has_output(const struct umd_conn *conn)
{
	return conn->tx_start != conn->tx_end;
}

/*
 * The only way to a payload's fields: copies `size` bytes at `offset` of the payload into `to`, or
 * returns false where the payload is shorter.
 */
static inline bool umd_message_get(const struct umd_message *message, size_t offset, void *to,
				   size_t size)
{
	if (offset > message->size || size > message->size - offset)
		return false;
	memcpy(to, message->payload + offset, size);
	return true;
}

#endif
