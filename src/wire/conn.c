/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/conn.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "wire/pasid.h"

#define RECEIVE	   69632u /* bytes asked for at a time: 64 KiB of data, and headers */
#define CHEAP_MOVE 8192u  /* bytes that may move at any time */
#define RX_SIZE	   (UMD_WIRE_MAX_MESSAGE + 2 * RECEIVE)
#define TX_SIZE	   (UMD_WIRE_MAX_MESSAGE + UMD_CONN_TX_QUEUED)
#define IDLE	   65536u /* bytes of either buffer kept between clients */

static uint8_t *map_buffer(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int umd_conn_init(struct umd_conn *conn, int fd)
{
	memset(conn, 0, sizeof(*conn));
	conn->fd = fd;
	conn->rx = map_buffer(RX_SIZE);
	conn->tx = map_buffer(TX_SIZE);
	if (conn->rx && conn->tx)
		return 0;

	umd_conn_finish(conn);
	return -ENOMEM;
}

void umd_conn_finish(struct umd_conn *conn)
{
	umd_conn_close(conn);
	if (conn->rx)
		munmap(conn->rx, RX_SIZE);
	if (conn->tx)
		munmap(conn->tx, TX_SIZE);
	conn->rx = conn->tx = NULL;
}

void umd_conn_attach(struct umd_conn *conn, int fd)
{
	umd_conn_close(conn);
	conn->fd = fd;
}

/* Gives back the pages that only a large message needs. */
static void trim(struct umd_conn *conn)
{
	if (conn->rx_large)
		madvise(conn->rx + IDLE, RX_SIZE - IDLE, MADV_DONTNEED);
	if (conn->tx_large)
		madvise(conn->tx + IDLE, TX_SIZE - IDLE, MADV_DONTNEED);
	conn->rx_large = conn->tx_large = false;
}

void umd_conn_close(struct umd_conn *conn)
{
	if (conn->fd < 0)
		return;

	if (conn->rx_ended)
		umd_close(&conn->fd);
	else
		umd_hang_up(&conn->fd, conn->rx, RECEIVE);
	umd_fdbox_drop(&conn->fdbox, conn->fdbox.fd_count);
	trim(conn);
	conn->rx_start = conn->rx_end = conn->tx_start = conn->tx_end = 0;
	conn->rx_position = conn->rx_skip = 0;
	conn->rx_ended = false;
	conn->tx_fd_count = 0;
	conn->tx_held = false;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* Room at the end of the buffer; bytes move only where no message in hand can point at them. */
static size_t make_room(struct umd_conn *conn)
{
	if (conn->rx_start == conn->rx_end)
		conn->rx_start = conn->rx_end = 0;
	return RX_SIZE - conn->rx_end;
}

static int receive(struct umd_conn *conn, bool wait)
{
	size_t room = make_room(conn), size = room < RECEIVE ? room : RECEIVE;
	uint64_t start = conn->rx_position + (conn->rx_end - conn->rx_start);
	int fds[UMD_SCM_MAX_FD];
	unsigned int fd_count;
	int n;

	if (room == 0 || !umd_fdbox_has_room(&conn->fdbox))
		return -ENOBUFS;

	if (wait)
		n = umd_receive_wait(conn->fd, conn->rx + conn->rx_end, size, fds, &fd_count);
	else
		n = umd_receive(conn->fd, conn->rx + conn->rx_end, size, fds, &fd_count);
	if (n < 0)
		return n;

	if (fd_count)
		umd_fdbox_put(&conn->fdbox, start, start + (uint64_t)n, fds, fd_count);
	conn->rx_filled = (size_t)n == size;
	conn->rx_fds = fd_count > 0;
	conn->rx_ended = n == 0;
	conn->rx_end += (size_t)n;
	conn->rx_large |= conn->rx_end > IDLE;
	return n;
}

int umd_conn_receive(struct umd_conn *conn)
{
	return receive(conn, false);
}

int umd_conn_receive_wait(struct umd_conn *conn)
{
	return receive(conn, true);
}

bool umd_conn_has_more(const struct umd_conn *conn)
{
	char byte;

	if (conn->rx_filled || !conn->rx_fds)
		return conn->rx_filled;
	return recv(conn->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* Throws away what has arrived of a message that is too large. */
static void skip(struct umd_conn *conn)
{
	size_t have = conn->rx_end - conn->rx_start;
	size_t n = conn->rx_skip < have ? (size_t)conn->rx_skip : have;

	conn->rx_start += n;
	conn->rx_position += n;
	conn->rx_skip -= n;
	umd_fdbox_retire(&conn->fdbox, conn->rx_position);
}

static bool carries_fds(const struct umd_wire_header *header)
{
	if ((header->flags & UMD_WIRE_TYPE_MASK) == UMD_WIRE_TYPE_REPLY)
		return header->command == UMD_WIRE_VERSION ||
		       header->command == UMD_WIRE_GET_REGION_INFO ||
		       header->command == UMD_WIRE_GET_REGION_IO_FDS;
	return header->command == UMD_WIRE_DMA_MAP || header->command == UMD_WIRE_SET_IRQS ||
	       header->command == UMD_WIRE_DEVICE_FEATURE ||
	       header->command == UMD_WIRE_PASID_DMA_MAP;
}

/*
 * Whether a batch belongs to the message at the head of the buffer, which carries fds and overlaps
 * it: no later message in the batch's stretch does. A header that has not arrived whole might.
 */
static bool owns(const struct umd_conn *conn, const struct umd_fd_batch *batch)
{
	struct umd_wire_header header;
	size_t at = conn->rx_start;
	size_t end = conn->rx_start + (size_t)(batch->end - conn->rx_position);

	for (;;) {
		memcpy(&header, conn->rx + at, sizeof(header));
		if (at != conn->rx_start && carries_fds(&header))
			return false;
		if (header.size < sizeof(header) || header.size >= end - at)
			return true;
		at += header.size;
		if (end - at < sizeof(header))
			return false;
	}
}

/* The fds of the message at the head of the buffer; they are the first ones in the box. */
static unsigned int claim_fds(struct umd_conn *conn, const struct umd_wire_header *header)
{
	unsigned int count = 0;

	if (!conn->fdbox.batch_count || !carries_fds(header))
		return 0;

	for (unsigned int i = 0; i < conn->fdbox.batch_count; i++) {
		const struct umd_fd_batch *batch = &conn->fdbox.batches[i];

		if (batch->start >= conn->rx_position + header->size || !owns(conn, batch))
			break;
		count += batch->count;
	}
	return count;
}

/*
 * Moves the beginning of a message of `size` bytes to the front where the rest might not fit, and
 * where it is short, so that few pages of the buffer are ever used. Nothing is in hand then.
 */
static void compact(struct umd_conn *conn, size_t size)
{
	size_t have = conn->rx_end - conn->rx_start;

	if (!conn->rx_start || have == 0)
		return;
	if (have > CHEAP_MOVE && conn->rx_start + size <= RX_SIZE - RECEIVE)
		return;
	memmove(conn->rx, conn->rx + conn->rx_start, have);
	conn->rx_start = 0;
	conn->rx_end = have;
}

/* The rest of a message must come; with it may come fds, for which there must be room. */
static int await(struct umd_conn *conn, size_t size)
{
	compact(conn, size);
	return umd_fdbox_has_room(&conn->fdbox) ? 0 : -EPROTO;
}

int umd_conn_next(struct umd_conn *conn, struct umd_message *message)
{
	size_t have;

	if (conn->rx_skip)
		skip(conn);
	have = conn->rx_end - conn->rx_start;
	if (have < sizeof(message->header))
		return await(conn, sizeof(message->header));

	memcpy(&message->header, conn->rx + conn->rx_start, sizeof(message->header));
	if (message->header.size < sizeof(message->header))
		return -EBADMSG;
	if (message->header.size > UMD_WIRE_MAX_MESSAGE)
		return -EMSGSIZE;
	if (have < message->header.size)
		return await(conn, message->header.size);

	message->payload = conn->rx + conn->rx_start + sizeof(message->header);
	message->size = message->header.size - sizeof(message->header);
	message->fds = conn->fdbox.fds;
	message->fd_count = claim_fds(conn, &message->header);
	return 1;
}

void umd_conn_consume(struct umd_conn *conn, const struct umd_message *message)
{
	if (message->header.size > UMD_WIRE_MAX_MESSAGE) {
		conn->rx_skip = message->header.size;
		return;
	}
	umd_fdbox_drop(&conn->fdbox, message->fd_count);
	conn->rx_start += message->header.size;
	conn->rx_position += message->header.size;
	umd_fdbox_retire(&conn->fdbox, conn->rx_position);
}

bool umd_conn_has_behind(const struct umd_conn *conn, const struct umd_message *message,
			 uint16_t command)
{
	struct umd_wire_header header;

	for (size_t at = conn->rx_start + message->header.size;
	     at <= conn->rx_end && conn->rx_end - at >= sizeof(header); at += header.size) {
		memcpy(&header, conn->rx + at, sizeof(header));
		if (header.size < sizeof(header))
			return false;
		if (header.command == command &&
		    (header.flags & UMD_WIRE_TYPE_MASK) == UMD_WIRE_TYPE_COMMAND)
			return true;
	}
	return false;
}

bool umd_conn_look_behind(const struct umd_conn *conn, const struct umd_message *message,
			  uint64_t *position, struct umd_message *ret)
{
	uint64_t behind = conn->rx_position + message->header.size;
	uint64_t end = conn->rx_position + (conn->rx_end - conn->rx_start);
	uint64_t from = *position > behind ? *position : behind;
	struct umd_wire_header header;
	const uint8_t *at;

	if (from > end || end - from < sizeof(header))
		return false;

	at = conn->rx + conn->rx_start + (from - conn->rx_position);
	memcpy(&header, at, sizeof(header));
	if (header.size < sizeof(header) || header.size > end - from)
		return false;

	*ret = (struct umd_message){.header = header,
				    .payload = at + sizeof(header),
				    .size = header.size - sizeof(header)};
	*position = from + header.size;
	return true;
}

/* ---- Sending ------------------------------------------------------------------------------- */

uint8_t *umd_conn_reserve(struct umd_conn *conn, size_t size)
{
	conn->tx_held = true;
	if (conn->tx_end + size > TX_SIZE) {
		memmove(conn->tx, conn->tx + conn->tx_start, conn->tx_end - conn->tx_start);
		conn->tx_end -= conn->tx_start;
		conn->tx_start = 0;
	}
	return conn->tx + conn->tx_end;
}

void umd_conn_commit(struct umd_conn *conn, size_t size, const int *fds, unsigned int fd_count)
{
	if (fd_count) {
		memcpy(conn->tx_fds, fds, fd_count * sizeof(*fds));
		conn->tx_fd_count = fd_count;
		conn->tx_fds_at = conn->tx_end;
	}
	conn->tx_end += size;
	conn->tx_large |= conn->tx_end > IDLE;
	conn->tx_held = false;
}

/* One send of a message with its fds, and of what lies behind it. */
static ssize_t send_with_fds(struct umd_conn *conn)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_WIRE_MAX_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = conn->tx + conn->tx_start,
			    .iov_len = conn->tx_end - conn->tx_start};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(conn->tx_fd_count * sizeof(int))};

	control.align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN(conn->tx_fd_count * sizeof(int))};
	memcpy(CMSG_DATA(&control.align), conn->tx_fds, conn->tx_fd_count * sizeof(int));
	return sendmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One send, up to the next message with fds, or from it with its fds. */
static ssize_t send_some(struct umd_conn *conn)
{
	size_t end = conn->tx_fd_count ? conn->tx_fds_at : conn->tx_end;

	if (end == conn->tx_start)
		return send_with_fds(conn);
	return send(conn->fd, conn->tx + conn->tx_start, end - conn->tx_start,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Nobody will read it. */
static void discard_output(struct umd_conn *conn)
{
	conn->tx_start = conn->tx_end;
	conn->tx_fd_count = 0;
}

int umd_conn_flush(struct umd_conn *conn)
{
	while (conn->tx_start != conn->tx_end) {
		ssize_t n = send_some(conn);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			discard_output(conn);
		if (n < 0)
			return -errno;
		if (conn->tx_fd_count && conn->tx_start == conn->tx_fds_at)
			conn->tx_fd_count = 0;
		conn->tx_start += (size_t)n;
	}
	if (!conn->tx_held)
		conn->tx_start = conn->tx_end = 0;
	return 0;
}
