/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host end `pty[:LINK]`: a pseudo-terminal in raw mode, whose other side terminal programs open.
 * Its path is said on stderr in one line, "serial: port N: pty /dev/pts/M", and LINK, where given,
 * is a symbolic link to it for as long as the device lives.
 *
 * While no program has the other side open, the master's poll() says POLLHUP for ever, and nothing
 * wakes it when one opens: that edge comes from inotify, and without inotify from a slow timer.
 * A pty carries neither modem lines nor breaks: the kernel drops both.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "end.h"
#include "stream.h"

#define REOPEN_POLL_NS \
	250000000u /* how often to look for an opener where inotify is not to be had */

struct serial_pty {
	struct serial_end end;
	struct serial_stream master;
	struct umd_watch *master_watch;
	int inotify;		      /* -1: the timer stands in */
	struct umd_watch *open_watch; /* of inotify, or the timer */
	char path[64];		      /* of the other side */
	char *link;		      /* NULL without, or until it is made */
};

static struct serial_pty *to_pty(struct serial_end *end)
{
	return (struct serial_pty *)end;
}

/* ---- Openers and hang-ups ------------------------------------------------------------------ */

static void look_for_opener_later(struct serial_pty *pty)
{
	if (pty->inotify < 0 && !pty->end.connected)
		umd_watch_set_timer(pty->open_watch, REOPEN_POLL_NS);
}

/* The other side may have been opened, written and closed in between, so reading is tried too. */
static void on_master(void *data, uint32_t events)
{
	struct serial_pty *pty = data;

	pty->end.connected = !(events & EPOLLHUP);
	pty->end.readable |= !!(events & EPOLLIN);
	pty->end.writable |= !!(events & EPOLLOUT);
	look_for_opener_later(pty);
	pty->end.notify(pty->end.data);
}

/* What inotify's events say does not matter: they are a hint to look at the master. */
static void on_open(void *data, uint32_t events)
{
	struct serial_pty *pty = data;
	struct pollfd fd = {.fd = pty->master.fd, .events = POLLIN | POLLOUT};
	char buffer[1024] __attribute__((aligned(8)));

	if (pty->inotify >= 0 && read(pty->inotify, buffer, sizeof(buffer)) < 0)
		return;
	if (poll(&fd, 1, 0) == 1)
		on_master(pty, (uint32_t)fd.revents);
}

static size_t pty_read(struct serial_end *end, const struct iovec *iov, int count)
{
	struct serial_pty *pty = to_pty(end);
	ssize_t n = serial_stream_read(&pty->master, iov, count);

	if (n > 0)
		return (size_t)n;

	end->readable = false;
	if (n != -EAGAIN)
		end->connected = false;
	look_for_opener_later(pty);
	return 0;
}

static size_t pty_write(struct serial_end *end, const struct iovec *iov, int count)
{
	struct serial_pty *pty = to_pty(end);
	ssize_t n = serial_stream_write(&pty->master, iov, count);

	if (n > 0)
		return (size_t)n;

	end->writable = false;
	if (n != -EAGAIN)
		end->connected = false;
	look_for_opener_later(pty);
	return 0;
}

/* ---- Making one ---------------------------------------------------------------------------- */

/* Raw, or the terminal would echo what the guest sends, and change its line ends. */
static int make_raw(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios termios;
	int err = 0;

	if (fd < 0)
		return -errno;

	if (tcgetattr(fd, &termios) < 0)
		err = -errno;
	cfmakeraw(&termios);
	if (!err && tcsetattr(fd, TCSANOW, &termios) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int open_master(struct serial_pty *pty)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;

	pty->master = serial_stream_open(fd);
	if (grantpt(fd) < 0 || unlockpt(fd) < 0)
		return -errno;

	err = ptsname_r(fd, pty->path, sizeof(pty->path));
	return err ? -err : make_raw(pty->path);
}

static int watch_openers(struct serial_pty *pty, struct umd_device *device)
{
	pty->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (pty->inotify >= 0 && inotify_add_watch(pty->inotify, pty->path, IN_OPEN) < 0) {
		close(pty->inotify);
		pty->inotify = -1;
	}
	if (pty->inotify < 0)
		return umd_watch_timer(device, on_open, pty, &pty->open_watch);
	return umd_watch_fd(device, pty->inotify, EPOLLIN, on_open, pty, &pty->open_watch);
}

/* A link that leads nowhere was left by somebody who did not end well. */
static int make_link(struct serial_pty *pty, const char *link, struct umd_error *error)
{
	struct stat st;
	char *copy = strdup(link);

	if (!copy)
		return umd_error_set(error, -ENOMEM, "no memory for a path");

	if (!lstat(link, &st) && S_ISLNK(st.st_mode) && stat(link, &st) < 0 && errno == ENOENT)
		unlink(link);
	if (symlink(pty->path, link) < 0) {
		free(copy);
		return umd_error_set(error, -errno, "cannot make the link %s: %s", link,
				     strerror(errno));
	}

	pty->link = copy;
	return 0;
}

/* Only if it is still ours: another device may have put its own there. */
static void remove_link(struct serial_pty *pty)
{
	char target[sizeof(pty->path)];
	ssize_t n;

	if (!pty->link)
		return;

	n = readlink(pty->link, target, sizeof(target));
	if (n == (ssize_t)strlen(pty->path) && !memcmp(target, pty->path, (size_t)n))
		unlink(pty->link);
	free(pty->link);
}

static void pty_destroy(struct serial_end *end)
{
	struct serial_pty *pty = to_pty(end);

	remove_link(pty);
	umd_watch_destroy(pty->open_watch);
	if (pty->inotify >= 0)
		close(pty->inotify);
	umd_watch_destroy(pty->master_watch);
	serial_stream_close(&pty->master);
	free(pty);
}

static int pty_start(struct serial_pty *pty, const struct serial_end_config *config,
		     struct umd_error *error)
{
	int err = open_master(pty);

	if (!err)
		err = umd_watch_fd(config->device, pty->master.fd, EPOLLIN | EPOLLOUT | EPOLLET,
				   on_master, pty, &pty->master_watch);
	if (!err)
		err = watch_openers(pty, config->device);
	if (err)
		return umd_error_set(error, err, "cannot make a pty: %s", strerror(-err));

	look_for_opener_later(pty);
	return *config->argument ? make_link(pty, config->argument, error) : 0;
}

static int pty_create(const struct serial_end_config *config, struct serial_end **ret,
		      struct umd_error *error)
{
	struct serial_pty *pty = calloc(1, sizeof(*pty));
	int err;

	if (!pty)
		return umd_error_set(error, -ENOMEM, "no memory for a backend");

	serial_end_init(&pty->end, &serial_end_pty, config);
	pty->master.fd = -1;
	pty->inotify = -1;
	err = pty_start(pty, config, error);
	if (err) {
		pty_destroy(&pty->end);
		return err;
	}

	fprintf(stderr, "serial: port %u: pty %s\n", config->port, pty->path);
	*ret = &pty->end;
	return 0;
}

const struct serial_end_ops serial_end_pty = {
	.name = "pty",
	.takes_argument = true,
	.create = pty_create,
	.destroy = pty_destroy,
	.read = pty_read,
	.write = pty_write,
};
