/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of sockets share: a directory of their own, clients that speak plain vfio-user,
 * and a guard that ends the program where something waits for its peer.
 */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "wire/proto.h"

struct server_fixture {
	char dir[32];
	char path[64]; /* of a socket in it */
	int fds_before;
};

static inline void server_start(struct server_fixture *f)
{
	alarm(20);
	strcpy(f->dir, "/tmp/umdev-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	f->fds_before = unit_count_fds();
}

/* Nothing is left: no fd, no file. */
static inline void server_stop(struct server_fixture *f)
{
	assert_int_equal(unit_count_fds(), f->fds_before);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	alarm(0);
}

static inline int server_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static inline struct sockaddr_un server_address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

/* A connection to the path; -1 where nobody listens. */
static inline int server_connect(const char *path)
{
	struct sockaddr_un address = server_address(path);
	int fd = server_socket(SOCK_STREAM | SOCK_NONBLOCK);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A socket bound to the path; it listens where `backlog` is not negative. */
static inline int server_bind(const char *path, int backlog)
{
	struct sockaddr_un address = server_address(path);
	int fd = server_socket(SOCK_STREAM);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static inline void server_send_version(int fd, uint16_t id)
{
	struct {
		struct umd_wire_header header;
		struct umd_wire_version version;
	} message = {.header = {.id = id, .command = UMD_WIRE_VERSION, .size = sizeof(message)},
		     .version = {.minor = UMD_WIRE_MINOR}};

	assert_int_equal(send(fd, &message, sizeof(message), MSG_NOSIGNAL), sizeof(message));
}

#define SERVER_FDS_MAX 4u

/* A command with its payload and fds. */
static inline void server_send(int fd, uint16_t id, uint16_t command, const void *payload,
			       size_t size, const int *fds, unsigned int fd_count)
{
	struct umd_wire_header header = {
		.id = id, .command = command, .size = (uint32_t)(sizeof(header) + size)};
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)(uintptr_t)payload, size}};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(SERVER_FDS_MAX * sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	assert_true(fd_count <= SERVER_FDS_MAX);
	if (fd_count) {
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), sizeof(header) + size);
}

/* The next reply must be there; of its payload `room` bytes are wanted. */
static inline struct umd_wire_header server_receive_reply(int fd, void *payload, size_t room)
{
	struct umd_wire_header header = {0};
	uint8_t rest[4096] = {0};

	assert_int_equal(recv(fd, &header, sizeof(header), MSG_DONTWAIT), sizeof(header));
	assert_int_equal(header.flags & UMD_WIRE_TYPE_MASK, UMD_WIRE_TYPE_REPLY);
	assert_true(header.size - sizeof(header) <= sizeof(rest));
	if (header.size > sizeof(header))
		assert_int_equal(recv(fd, rest, header.size - sizeof(header), MSG_DONTWAIT),
				 header.size - sizeof(header));
	if (room)
		memcpy(payload, rest, room);
	return header;
}

/* Its payload is thrown away. */
static inline struct umd_wire_header server_receive(int fd)
{
	return server_receive_reply(fd, NULL, 0);
}

static inline void server_expect_error(int fd, uint16_t id, uint32_t error)
{
	struct umd_wire_header header = server_receive(fd);

	assert_int_equal(header.id, id);
	assert_int_equal(header.size, sizeof(header));
	assert_int_equal(header.flags, UMD_WIRE_TYPE_REPLY | UMD_WIRE_ERROR);
	assert_int_equal(header.error, error);
}

/* The stream has ended, and not by a reset. */
static inline void server_expect_end(int fd)
{
	uint8_t byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
}

#endif
