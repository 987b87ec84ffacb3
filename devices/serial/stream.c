/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams: sockets by recvmsg() and sendmsg(), whose flags belong to the call; everything else by
 * readv() and writev(), on fds that whoever opened them made non-blocking.
 */
#include "stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct serial_stream serial_stream_open(int fd)
{
	struct stat st;

	return (struct serial_stream){.fd = fd, .socket = !fstat(fd, &st) && S_ISSOCK(st.st_mode)};
}

void serial_stream_close(struct serial_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

static ssize_t read_once(const struct serial_stream *stream, const struct iovec *iov, int count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};

	if (stream->socket)
		return recvmsg(stream->fd, &message, MSG_DONTWAIT);
	return readv(stream->fd, iov, count);
}

static ssize_t write_once(const struct serial_stream *stream, const struct iovec *iov, int count)
{
	struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};

	if (stream->socket)
		return sendmsg(stream->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return writev(stream->fd, iov, count);
}

ssize_t serial_stream_read(const struct serial_stream *stream, const struct iovec *iov, int count)
{
	ssize_t n;

	do
		n = read_once(stream, iov, count);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? n : -ENODATA;
}

ssize_t serial_stream_write(const struct serial_stream *stream, const struct iovec *iov, int count)
{
	ssize_t n;

	do
		n = write_once(stream, iov, count);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? n : -EAGAIN;
}
