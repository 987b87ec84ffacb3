/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host end `file:PATH`: what the driver sends is appended to a file; nothing is ever received.
 *
 * A write error, such as a full disk, loses bytes: the alternative, holding the guest until there
 * is space, would stop one that writes its console here. It is said once on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "end.h"
#include "stream.h"

struct serial_file {
	struct serial_end end;
	struct serial_stream stream;
	struct umd_watch *watch; /* NULL for a regular file, which is always writable */
	unsigned int port;
	bool failed; /* and said so */
};

static struct serial_file *to_file(struct serial_end *end)
{
	return (struct serial_file *)end;
}

static void on_event(void *data, uint32_t events)
{
	struct serial_file *file = data;

	if (events & (EPOLLOUT | EPOLLERR))
		file->end.writable = true;
	file->end.notify(file->end.data);
}

static void file_destroy(struct serial_end *end)
{
	struct serial_file *file = to_file(end);

	umd_watch_destroy(file->watch);
	serial_stream_close(&file->stream);
	free(file);
}

/* Non-blocking for the sake of pipes and terminals, which may be what the path leads to. */
static int file_open(struct serial_file *file, const struct serial_end_config *config,
		     struct umd_error *error)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = open(config->argument, flags, 0666);
	int err;

	if (fd < 0)
		return umd_error_set(error, -errno, "cannot append to %s: %s", config->argument,
				     strerror(errno));

	file->stream = serial_stream_open(fd);
	err = umd_watch_fd(config->device, fd, EPOLLOUT | EPOLLET, on_event, file, &file->watch);
	if (err && err != -EPERM)
		return umd_error_set(error, err, "cannot watch %s: %s", config->argument,
				     strerror(-err));
	return 0;
}

static int file_create(const struct serial_end_config *config, struct serial_end **ret,
		       struct umd_error *error)
{
	struct serial_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return umd_error_set(error, -ENOMEM, "no memory for a backend");

	serial_end_init(&file->end, &serial_end_file, config);
	file->port = config->port;
	file->stream.fd = -1;
	err = file_open(file, config, error);
	if (err) {
		file_destroy(&file->end);
		return err;
	}

	file->end.connected = true;
	file->end.writable = true;
	*ret = &file->end;
	return 0;
}

static size_t file_read(struct serial_end *end, const struct iovec *iov, int count)
{
	end->readable = false;
	return 0;
}

static size_t lose(struct serial_file *file, ssize_t err, const struct iovec *iov, int count)
{
	size_t bytes = 0;

	if (!file->failed)
		fprintf(stderr, "serial: port %u: output is lost: %s\n", file->port,
			strerror((int)-err));
	file->failed = true;
	for (int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

static size_t file_write(struct serial_end *end, const struct iovec *iov, int count)
{
	struct serial_file *file = to_file(end);
	ssize_t n = serial_stream_write(&file->stream, iov, count);

	if (n == -EAGAIN) {
		end->writable = false;
		return 0;
	}
	if (n < 0)
		return lose(file, n, iov, count);

	file->failed = false;
	return (size_t)n;
}

const struct serial_end_ops serial_end_file = {
	.name = "file",
	.needs_argument = true,
	.takes_argument = true,
	.create = file_create,
	.destroy = file_destroy,
	.read = file_read,
	.write = file_write,
};
