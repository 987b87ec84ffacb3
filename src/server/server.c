/* SPDX-License-Identifier: BSD-2-Clause */
/* A device on a socket: takes one client at a time and turns away the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/export.h"
#include "base/foreign.h"
#include "base/listen.h"
#include "server/listen.h"
#include "server/session.h"

struct umd_server {
	struct umd_device *device;
	struct umd_session session;
	int listen_fd; /* -1: a single connection was handed over */
	struct umd_watch *listen_watch;
	char *path; /* to remove in the end; NULL: none */
	bool over;  /* the single connection has ended */
};

/*
 * Takes one connection. None is taken while the client there is leaves, nor, for want of fds,
 * before it has: the end of its session listens again.
 */
static void connection_ready(void *data, uint32_t events)
{
	struct umd_server *server = data;
	int fd;

	if (umd_session_is_live(&server->session) && umd_session_is_leaving(&server->session)) {
		umd_watch_set_events(server->listen_watch, 0);
		return;
	}
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		if (umd_session_is_live(&server->session) && errno == EMFILE)
			umd_watch_set_events(server->listen_watch, 0);
		return;
	}
	if (umd_unplug_is_gone(server->device))
		umd_refuse(fd, -ENODEV);
	else if (umd_session_is_live(&server->session) ||
		 umd_session_begin(&server->session, fd) < 0)
		umd_refuse(fd, -EBUSY);
}

static void session_ended(void *data)
{
	struct umd_server *server = data;

	if (server->listen_watch)
		umd_watch_set_events(server->listen_watch, EPOLLIN);
	else
		server->over = true;
}

static int watch_listener(struct umd_server *server)
{
	return umd_poller_watch_fd(&server->device->poller, server->listen_fd, EPOLLIN,
				   connection_ready, server, &server->listen_watch);
}

static int serve_path(struct umd_server *server, const char *path)
{
	int fd = umd_listen(path, SOCK_STREAM);

	if (fd < 0)
		return fd;

	server->listen_fd = fd;
	server->path = strdup(path);
	if (!server->path) {
		unlink(path);
		return -ENOMEM;
	}
	return watch_listener(server);
}

/* On an error, the fd stays the caller's. */
static int serve_fd(struct umd_server *server, int fd)
{
	bool listens;
	int err = umd_listen_check(fd, SOCK_STREAM, &listens);

	if (err)
		return err;
	if (!listens)
		return umd_session_begin(&server->session, fd);

	server->listen_fd = fd;
	err = watch_listener(server);
	if (err)
		server->listen_fd = -1;
	return err;
}

UMD_EXPORT int umd_server_create(struct umd_device *device,
				 const struct umd_server_options *options, struct umd_server **ret)
{
	struct umd_server *server;
	int err;

	if (options->size != sizeof(*options) || !device->realized)
		return -EINVAL;
	if (device->served)
		return -EBUSY;

	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;

	server->device = device;
	server->listen_fd = -1;
	device->served = true;
	umd_dma_client_limit(&device->dma, options->max_mapped_bytes, options->max_pinned_bytes);
	err = umd_session_init(&server->session, device, session_ended, server);
	if (!err)
		err = options->socket_path ? serve_path(server, options->socket_path)
					   : serve_fd(server, options->fd);
	if (err) {
		umd_server_destroy(server);
		return err;
	}
	*ret = server;
	return 0;
}

UMD_EXPORT void umd_server_destroy(struct umd_server *server)
{
	if (!server)
		return;

	umd_watch_destroy(server->listen_watch);
	server->listen_watch = NULL;
	if (server->path)
		unlink(server->path);
	umd_foreign_close(&server->listen_fd); /* who waits to be accepted may have sent fds */
	umd_session_finish(&server->session);
	server->device->served = false;
	free(server->path);
	free(server);
}

UMD_EXPORT int umd_server_fd(const struct umd_server *server)
{
	return server->device->poller.fd;
}

/* The single client has left, or there is no device any more for whom to wait. */
static bool is_over(const struct umd_server *server)
{
	return server->over ||
	       (umd_unplug_is_gone(server->device) && !umd_session_is_live(&server->session));
}

UMD_EXPORT int umd_server_dispatch(struct umd_server *server, int timeout_ms)
{
	int err;

	if (is_over(server))
		return -ESHUTDOWN;

	err = umd_poller_dispatch(&server->device->poller, timeout_ms);
	if (err)
		return err;
	return is_over(server) ? -ESHUTDOWN : 0;
}
