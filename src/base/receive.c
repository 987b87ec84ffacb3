/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/foreign.h"

static int receive(int socket, struct msghdr *msg, int flags)
{
	ssize_t n;

	do {
		n = recvmsg(socket, msg, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR && (flags & MSG_DONTWAIT));
	return n < 0 ? -errno : (int)n;
}

static unsigned int take_fds(struct msghdr *msg, int *fds)
{
	unsigned int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(&fds[count], CMSG_DATA(c), size);
		count += (unsigned int)(size / sizeof(*fds));
	}
	return count;
}

static int receive_all(int socket, void *to, size_t size, int flags, int *fds,
		       unsigned int *ret_fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_SCM_MAX_FD * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = to, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	int n = receive(socket, &msg, flags);
	unsigned int count = n >= 0 && msg.msg_controllen ? take_fds(&msg, fds) : 0;

	if (n >= 0 && (msg.msg_flags & MSG_CTRUNC)) {
		umd_foreign_close_all(fds, count);
		return -EMFILE;
	}
	if (n >= 0)
		*ret_fd_count = count;
	return n;
}

/*
 * How many of the next bytes come without fds: all that a look at them finds. A look without room
 * for fds takes none and says that there were some.
 */
static int look(int socket, void *to, size_t size)
{
	struct iovec iov = {.iov_base = to, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int n = receive(socket, &msg, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 || !(msg.msg_flags & MSG_CTRUNC))
		return n;
	return umd_foreign_is_stuck() ? -EMFILE : -ENOBUFS;
}

int umd_receive(int socket, void *to, size_t size, int *fds, unsigned int *ret_fd_count)
{
	int plain;

	if (umd_foreign_has_room())
		return receive_all(socket, to, size, MSG_DONTWAIT, fds, ret_fd_count);

	plain = look(socket, to, size);
	if (plain > 0)
		return receive_all(socket, to, (size_t)plain, MSG_DONTWAIT, fds, ret_fd_count);
	if (plain == 0)
		*ret_fd_count = 0;
	return plain;
}

int umd_receive_wait(int socket, void *to, size_t size, int *fds, unsigned int *ret_fd_count)
{
	if (!umd_foreign_has_room())
		return -EINTR;
	return receive_all(socket, to, size, 0, fds, ret_fd_count);
}

void umd_hang_up(int *socket, void *scratch, size_t size)
{
	int fds[UMD_SCM_MAX_FD];
	unsigned int count;
	int n;

	shutdown(*socket, SHUT_RD);
	while ((n = umd_receive(*socket, scratch, size, fds, &count)) > 0)
		umd_foreign_close_all(fds, count);
	if (n == 0)
		umd_close(socket);
	else
		umd_foreign_hang_up(socket);
}
