/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the connection's tests share: a connection over a socket pair, and a peer that sends
 * messages whose payload follows from their id, so that each can be told from every other.
 */
#ifndef CONN_FIXTURE_H
#define CONN_FIXTURE_H

#include "unit.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "wire/conn.h"

#define CONN_HEADER sizeof(struct umd_wire_header)

struct conn_fixture {
	struct umd_conn conn;
	int peer;
	int fds_before; /* open before the fixture */
};

static inline void conn_start(struct conn_fixture *f)
{
	int pair[2];

	f->fds_before = unit_count_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(umd_conn_init(&f->conn, pair[0]), 0);
	f->peer = pair[1];
}

/* Ends both sides; no fd may be left. */
static inline void conn_stop(struct conn_fixture *f)
{
	umd_conn_finish(&f->conn);
	if (f->peer >= 0)
		close(f->peer);
	assert_int_equal(unit_count_fds(), f->fds_before);
}

static inline uint8_t conn_pattern(uint16_t id, size_t at)
{
	return (uint8_t)(id * 29u + at * 7u + at / 251u);
}

/* Builds a message of `size` bytes with its header; returns its end. */
static inline uint8_t *conn_build(uint8_t *to, uint16_t id, uint16_t command, uint32_t flags,
				  uint32_t size)
{
	struct umd_wire_header header = {
		.id = id, .command = command, .size = size, .flags = flags};

	memcpy(to, &header, sizeof(header));
	for (size_t i = CONN_HEADER; i < size; i++)
		to[i] = conn_pattern(id, i - CONN_HEADER);
	return to + size;
}

static inline bool conn_is_pattern(uint16_t id, const uint8_t *payload, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (payload[i] != conn_pattern(id, i))
			return false;
	}
	return true;
}

/* Sends without waiting, with fds if there are any; returns what went. */
static inline ssize_t conn_send(int fd, const void *bytes, size_t size, const int *fds,
				unsigned int count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_SCM_MAX_FD * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
							.cmsg_type = SCM_RIGHTS,
							.cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends bytes that fit into the socket. */
static inline void conn_send_all(struct conn_fixture *f, const void *bytes, size_t size)
{
	assert_int_equal(conn_send(f->peer, bytes, size, NULL, 0), size);
}

static inline void conn_send_message(struct conn_fixture *f, uint16_t id, uint16_t command,
				     uint32_t size, const int *fds, unsigned int count)
{
	uint8_t bytes[1024];

	conn_build(bytes, id, command, UMD_WIRE_TYPE_COMMAND, size);
	assert_int_equal(conn_send(f->peer, bytes, size, fds, count), size);
}

/* The next message must be there and be this one. */
static inline void conn_expect(struct conn_fixture *f, uint16_t id, unsigned int fd_count,
			       struct umd_message *message)
{
	assert_int_equal(umd_conn_next(&f->conn, message), 1);
	assert_int_equal(message->header.id, id);
	assert_int_equal(message->size, message->header.size - CONN_HEADER);
	assert_true(conn_is_pattern(id, message->payload, message->size));
	assert_int_equal(message->fd_count, fd_count);
}

static inline void conn_take(struct conn_fixture *f, uint16_t id, unsigned int fd_count)
{
	struct umd_message message;

	conn_expect(f, id, fd_count, &message);
	umd_conn_consume(&f->conn, &message);
}

static inline void conn_expect_none(struct conn_fixture *f)
{
	struct umd_message message;

	assert_int_equal(umd_conn_next(&f->conn, &message), 0);
}

/* Room for messages of the largest size on both sides. */
static inline uint8_t *conn_big_buffer(size_t size)
{
	uint8_t *p = malloc(size);

	assert_non_null(p);
	return p;
}

#endif
