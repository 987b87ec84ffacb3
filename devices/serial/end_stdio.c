/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host end `stdio`: the process's own standard input and output.
 *
 * They are usually shared with other processes, whose reads O_NONBLOCK would break; so pipes and
 * terminals are opened a second time, through /proc, and only that opening is non-blocking. Sockets
 * cannot be and need not be (stream.h), nor need regular files, which never block.
 *
 * A terminal is put in raw mode until the end, except that Ctrl-C and its like still end the
 * process. The end of the input is no hang-up; output that fails is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "end.h"
#include "stream.h"

struct serial_stdio {
	struct serial_end end;
	struct serial_stream in, out;
	struct umd_watch *in_watch, *out_watch; /* NULL for a regular file, which is always ready */
	bool raw;				/* `saved` is to be restored */
	struct termios saved;
};

static struct serial_stdio *to_stdio(struct serial_end *end)
{
	return (struct serial_stdio *)end;
}

static void on_input(void *data, uint32_t events)
{
	struct serial_stdio *io = data;

	io->end.readable = true;
	io->end.notify(io->end.data);
}

static void on_output(void *data, uint32_t events)
{
	struct serial_stdio *io = data;

	io->end.writable = io->end.connected;
	io->end.notify(io->end.data);
}

/* The watch of an input at its end is no use any more: a closed pipe would say so for ever. */
static size_t stdio_read(struct serial_end *end, const struct iovec *iov, int count)
{
	struct serial_stdio *io = to_stdio(end);
	ssize_t n;

	end->readable = false;
	if (io->in.fd < 0)
		return 0;

	n = serial_stream_read(&io->in, iov, count);
	if (n > 0) {
		end->readable = true;
		return (size_t)n;
	}
	if (n != -EAGAIN) {
		umd_watch_destroy(io->in_watch);
		io->in_watch = NULL;
		serial_stream_close(&io->in);
	}
	return 0;
}

static size_t stdio_write(struct serial_end *end, const struct iovec *iov, int count)
{
	ssize_t n = serial_stream_write(&to_stdio(end)->out, iov, count);

	if (n > 0)
		return (size_t)n;

	end->writable = false;
	if (n != -EAGAIN)
		end->connected = false;
	return 0;
}

/* Only a real serial line behind stdout makes anything of it. */
static void stdio_set_break(struct serial_end *end, bool on)
{
	struct serial_stdio *io = to_stdio(end);

	if (isatty(io->out.fd))
		ioctl(io->out.fd, on ? TIOCSBRK : TIOCCBRK);
}

/* ---- Making one ---------------------------------------------------------------------------- */

/* A process in the background may not set a terminal; the kernel would stop it for trying. */
static void make_raw(struct serial_stdio *io)
{
	struct termios raw;

	if (!isatty(io->in.fd) || tcgetpgrp(io->in.fd) != getpgrp() ||
	    tcgetattr(io->in.fd, &io->saved) < 0)
		return;

	raw = io->saved;
	cfmakeraw(&raw);
	raw.c_lflag |= ISIG;
	io->raw = !tcsetattr(io->in.fd, TCSANOW, &raw);
}

/* An opening of our own where that is possible, else a second descriptor of the shared one. */
static int open_own(int fd, int flags)
{
	char path[32];
	struct stat st;
	int own = -1;

	if (fstat(fd, &st) < 0)
		return -errno;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode))
		own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	else
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return own < 0 ? -errno : own;
}

static int open_stream(struct serial_stream *stream, int fd, int flags, const char *name,
		       struct umd_error *error)
{
	int own = open_own(fd, flags);

	if (own < 0)
		return umd_error_set(error, own, "cannot use %s: %s", name, strerror(-own));

	*stream = serial_stream_open(own);
	return 0;
}

static int watch_stream(struct serial_stdio *io, struct umd_device *device, bool input,
			struct umd_error *error)
{
	int fd = input ? io->in.fd : io->out.fd;
	uint32_t events = (input ? EPOLLIN : EPOLLOUT) | EPOLLET;
	int err = umd_watch_fd(device, fd, events, input ? on_input : on_output, io,
			       input ? &io->in_watch : &io->out_watch);

	if (err && err != -EPERM)
		return umd_error_set(error, err, "cannot watch %s: %s", input ? "stdin" : "stdout",
				     strerror(-err));
	return 0;
}

/* A pipe's reader may go away, which must not end us; sockets have MSG_NOSIGNAL instead. */
static void ignore_sigpipe(void)
{
	struct sigaction action;

	if (!sigaction(SIGPIPE, NULL, &action) && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

static int stdio_start(struct serial_stdio *io, struct umd_device *device, struct umd_error *error)
{
	int err = open_stream(&io->in, STDIN_FILENO, O_RDONLY, "stdin", error);

	if (!err)
		err = open_stream(&io->out, STDOUT_FILENO, O_WRONLY, "stdout", error);
	if (!err)
		err = watch_stream(io, device, true, error);
	if (!err)
		err = watch_stream(io, device, false, error);
	if (err)
		return err;

	ignore_sigpipe();
	make_raw(io);
	return 0;
}

static void stdio_destroy(struct serial_end *end)
{
	struct serial_stdio *io = to_stdio(end);

	if (io->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &io->saved);
	umd_watch_destroy(io->in_watch);
	umd_watch_destroy(io->out_watch);
	serial_stream_close(&io->in);
	serial_stream_close(&io->out);
	free(io);
}

static int stdio_create(const struct serial_end_config *config, struct serial_end **ret,
			struct umd_error *error)
{
	struct serial_stdio *io = calloc(1, sizeof(*io));
	int err;

	if (!io)
		return umd_error_set(error, -ENOMEM, "no memory for a backend");

	serial_end_init(&io->end, &serial_end_stdio, config);
	io->in.fd = -1;
	io->out.fd = -1;
	err = stdio_start(io, config->device, error);
	if (err) {
		stdio_destroy(&io->end);
		return err;
	}

	io->end.connected = true;
	io->end.readable = true;
	io->end.writable = true;
	*ret = &io->end;
	return 0;
}

const struct serial_end_ops serial_end_stdio = {
	.name = "stdio",
	.create = stdio_create,
	.destroy = stdio_destroy,
	.read = stdio_read,
	.write = stdio_write,
	.set_break = stdio_set_break,
};
