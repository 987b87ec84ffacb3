/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host end `unix:PATH`: a listening stream socket that serves one client at a time. A second client
 * waits in the kernel's backlog until the first has gone. The socket is removed in the end.
 *
 * A client that ends its own sending is still sent to; it is gone when both directions have ended,
 * or when a write to it fails. What it sent before is read first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "end.h"
#include "stream.h"

struct serial_unix {
	struct serial_end end;
	struct umd_device *device;
	struct serial_stream client;
	struct umd_watch *client_watch;
	bool ended;   /* the client sends no more */
	bool hung_up; /* and takes no more */
	int listener;
	struct umd_watch *listener_watch;
	struct sockaddr_un address;
	dev_t dev; /* the socket we made at that path */
	ino_t ino;
};

static struct serial_unix *to_unix(struct serial_end *end)
{
	return (struct serial_unix *)end;
}

/* ---- Clients ------------------------------------------------------------------------------- */

/* Watching the listener afresh finds a client that waited. */
static void drop_client(struct serial_unix *ux)
{
	umd_watch_destroy(ux->client_watch);
	ux->client_watch = NULL;
	serial_stream_close(&ux->client);
	ux->end.connected = false;
	ux->end.readable = false;
	ux->end.writable = false;
	umd_watch_set_events(ux->listener_watch, EPOLLIN | EPOLLET);
}

static void on_client(void *data, uint32_t events)
{
	struct serial_unix *ux = data;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		ux->end.readable = !ux->ended;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		ux->end.writable = true;
	if (events & (EPOLLHUP | EPOLLERR))
		ux->hung_up = true;
	if (ux->hung_up && ux->ended)
		drop_client(ux);
	ux->end.notify(ux->end.data);
}

static int take_client(struct serial_unix *ux, int fd)
{
	uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	int err = umd_watch_fd(ux->device, fd, events, on_client, ux, &ux->client_watch);

	if (err) {
		close(fd);
		return err;
	}

	ux->client = serial_stream_open(fd);
	ux->ended = false;
	ux->hung_up = false;
	ux->end.connected = true;
	ux->end.readable = true;
	ux->end.writable = true;
	umd_watch_set_events(ux->listener_watch, 0);
	return 0;
}

/* Out of descriptors is no reason to spin: the next client to connect has it tried again. */
static void on_listener(void *data, uint32_t events)
{
	struct serial_unix *ux = data;
	int fd;

	if (ux->end.connected)
		return;

	fd = accept4(ux->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0 && !take_client(ux, fd))
		ux->end.notify(ux->end.data);
}

static size_t unix_read(struct serial_end *end, const struct iovec *iov, int count)
{
	struct serial_unix *ux = to_unix(end);
	ssize_t n;

	if (!end->connected)
		return 0;

	n = serial_stream_read(&ux->client, iov, count);
	if (n > 0)
		return (size_t)n;

	end->readable = false;
	if (n == -EAGAIN)
		return 0;
	ux->ended = true;
	if (ux->hung_up || n != -ENODATA)
		drop_client(ux);
	return 0;
}

static size_t total(const struct iovec *iov, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

/*
 * A client that takes no more may have sent something that is still to be read. Until then what is
 * meant for it is thrown away, so that it does not stand in the way of the guest.
 */
static size_t unix_write(struct serial_end *end, const struct iovec *iov, int count)
{
	struct serial_unix *ux = to_unix(end);
	ssize_t n = -EPIPE;

	if (!end->connected)
		return 0;

	if (!ux->hung_up)
		n = serial_stream_write(&ux->client, iov, count);
	if (n > 0)
		return (size_t)n;
	if (n == -EAGAIN) {
		end->writable = false;
		return 0;
	}

	ux->hung_up = true;
	if (ux->ended)
		drop_client(ux);
	return total(iov, count);
}

/* ---- The socket ---------------------------------------------------------------------------- */

/* A socket whose server has died refuses connections; with a living one it connects or is full. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;

	stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_path(struct serial_unix *ux, struct umd_error *error)
{
	const struct sockaddr *address = (const struct sockaddr *)&ux->address;
	const char *path = ux->address.sun_path;
	struct stat st;

	if (!bind(ux->listener, address, sizeof(ux->address)))
		return 0;
	if (errno != EADDRINUSE)
		return umd_error_set(error, -errno, "cannot make a socket at %s: %s", path,
				     strerror(errno));
	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return umd_error_set(error, -EEXIST, "%s exists and is no socket", path);
	if (!is_stale(&ux->address))
		return umd_error_set(error, -EADDRINUSE, "somebody listens at %s already", path);
	if (unlink(path) < 0 || bind(ux->listener, address, sizeof(ux->address)) < 0)
		return umd_error_set(error, -errno, "cannot replace the socket %s: %s", path,
				     strerror(errno));
	return 0;
}

/* Remembers which file the socket is, so that what is removed in the end is ours. */
static int listen_at(struct serial_unix *ux, struct umd_error *error)
{
	const char *path = ux->address.sun_path;
	struct stat st;
	int err;

	ux->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ux->listener < 0)
		return umd_error_set(error, -errno, "cannot make a socket: %s", strerror(errno));

	err = bind_path(ux, error);
	if (err)
		return err;

	if (!lstat(path, &st)) {
		ux->dev = st.st_dev;
		ux->ino = st.st_ino;
	}
	if (listen(ux->listener, 1) < 0)
		return umd_error_set(error, -errno, "cannot listen at %s: %s", path,
				     strerror(errno));

	err = umd_watch_fd(ux->device, ux->listener, EPOLLIN | EPOLLET, on_listener, ux,
			   &ux->listener_watch);
	return err ? umd_error_set(error, err, "cannot watch %s: %s", path, strerror(-err)) : 0;
}

static void remove_socket(const struct serial_unix *ux)
{
	struct stat st;

	if (ux->ino && !lstat(ux->address.sun_path, &st) && st.st_dev == ux->dev &&
	    st.st_ino == ux->ino)
		unlink(ux->address.sun_path);
}

static void unix_destroy(struct serial_end *end)
{
	struct serial_unix *ux = to_unix(end);

	umd_watch_destroy(ux->client_watch);
	serial_stream_close(&ux->client);
	umd_watch_destroy(ux->listener_watch);
	if (ux->listener >= 0)
		close(ux->listener);
	remove_socket(ux);
	free(ux);
}

static int unix_create(const struct serial_end_config *config, struct serial_end **ret,
		       struct umd_error *error)
{
	struct serial_unix *ux;
	int err;

	if (strlen(config->argument) >= sizeof(ux->address.sun_path))
		return umd_error_set(error, -ENAMETOOLONG,
				     "a socket path has at most 107 bytes, this one has %zu",
				     strlen(config->argument));

	ux = calloc(1, sizeof(*ux));
	if (!ux)
		return umd_error_set(error, -ENOMEM, "no memory for a backend");

	serial_end_init(&ux->end, &serial_end_unix, config);
	ux->device = config->device;
	ux->client.fd = -1;
	ux->address.sun_family = AF_UNIX;
	strcpy(ux->address.sun_path, config->argument);
	err = listen_at(ux, error);
	if (err) {
		unix_destroy(&ux->end);
		return err;
	}

	*ret = &ux->end;
	return 0;
}

const struct serial_end_ops serial_end_unix = {
	.name = "unix",
	.needs_argument = true,
	.takes_argument = true,
	.create = unix_create,
	.destroy = unix_destroy,
	.read = unix_read,
	.write = unix_write,
};
