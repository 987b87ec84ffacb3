/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing what a host end has open, without ever waiting for it, raising SIGPIPE on a
 * socket, or changing the flags of a file that other processes share.
 */
#ifndef SERIAL_STREAM_H
#define SERIAL_STREAM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct serial_stream {
	int fd;	     /* -1: none */
	bool socket; /* needs no O_NONBLOCK: each call says MSG_DONTWAIT */
};

/** Looks at what an fd is, and keeps it. */
struct serial_stream serial_stream_open(int fd);

/** Closes the fd, if there is one. */
void serial_stream_close(struct serial_stream *stream);

/** @return bytes; -EAGAIN; -ENODATA at the end; another negative errno */
ssize_t serial_stream_read(const struct serial_stream *stream, const struct iovec *iov, int count);

/** @return bytes; -EAGAIN; another negative errno */
ssize_t serial_stream_write(const struct serial_stream *stream, const struct iovec *iov, int count);

#endif
