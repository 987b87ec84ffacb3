/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that an owner connects to, one connection at a time. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/export.h"
#include "base/foreign.h"
#include "base/listen.h"
#include "parent/door.h"

#define RETRY_NS UINT64_C(10000000)

struct listener {
	struct umd_parent_part part;
	struct umd_parent *parent;
	struct umd_owner owner;
	int fd;
	char *path;
	struct umd_watch *watch;
	struct umd_watch *retry; /* a timer: there was no room for a connection */
	struct umd_door *door;	 /* NULL: nobody is there */
};

/* The one there may be gone, and the next one be here before that is known. */
static void look_after(struct listener *listener)
{
	if (listener->door && umd_door_is_deserted(listener->door)) {
		umd_door_close(listener->door);
		listener->door = NULL;
	}
}

static void door_ended(void *data)
{
	struct listener *listener = data;

	listener->door = NULL;
}

static void listen_again(void *data, uint32_t events)
{
	struct listener *listener = data;

	umd_watch_set_events(listener->watch, EPOLLIN);
}

/* Of fds, here or where they are closed: the connection waits. */
static void wait_for_room(struct listener *listener)
{
	umd_watch_set_events(listener->watch, 0);
	umd_watch_set_timer(listener->retry, RETRY_NS);
}

static void connection_ready(void *data, uint32_t events)
{
	struct listener *listener = data;
	struct umd_error error = {.code = 0};
	struct umd_door *door;
	int fd, err;

	look_after(listener);
	fd = umd_foreign_has_room() ? accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC) : -1;
	if (fd < 0) {
		wait_for_room(listener);
		return;
	}
	err = umd_door_open(listener->parent, fd, &listener->owner, door_ended, listener, &door,
			    &error);
	if (err)
		umd_door_refuse(fd, err, error.text);
	else
		listener->door = door;
}

/* Who waits to be accepted may have sent fds. */
static void destroy(struct umd_parent_part *part)
{
	struct listener *listener = (struct listener *)(void *)part;

	umd_watch_destroy(listener->watch);
	umd_watch_destroy(listener->retry);
	if (listener->path)
		unlink(listener->path);
	umd_foreign_close(&listener->fd);
	if (listener->door)
		umd_door_close(listener->door);
	free(listener->path);
	free(listener);
}

static bool is_listened_for(const struct umd_parent *parent, uint32_t owner)
{
	for (const struct umd_parent_part *part = parent->parts; part; part = part->next) {
		const struct listener *listener = (const struct listener *)(const void *)part;

		if (part->end == destroy && listener->owner.owner == owner)
			return true;
	}
	return false;
}

static int watch(struct listener *listener)
{
	struct umd_poller *poller = &listener->parent->poller;
	int err = umd_poller_watch_timer(poller, listen_again, listener, &listener->retry);

	if (err)
		return err;
	return umd_poller_watch_fd(poller, listener->fd, EPOLLIN, connection_ready, listener,
				   &listener->watch);
}

static int start(struct listener *listener, const char *path)
{
	int fd = umd_listen(path, SOCK_SEQPACKET);

	if (fd < 0)
		return fd;

	listener->fd = fd;
	listener->path = strdup(path);
	if (!listener->path) {
		unlink(path);
		return -ENOMEM;
	}
	return watch(listener);
}

static bool is_valid(const struct umd_owner *owner)
{
	return owner->size == sizeof(*owner) && owner->owner != UMD_DMA_NO_OWNER;
}

UMD_EXPORT int umd_parent_listen(struct umd_parent *parent, const char *path,
				 const struct umd_owner *owner)
{
	struct listener *listener;
	int err;

	if (!is_valid(owner))
		return -EINVAL;
	if (is_listened_for(parent, owner->owner))
		return -EBUSY;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;

	*listener = (struct listener){
		.part = {.end = destroy}, .parent = parent, .owner = *owner, .fd = -1};
	err = start(listener, path);
	if (err) {
		destroy(&listener->part);
		return err;
	}
	umd_parent_add_part(parent, &listener->part);
	return 0;
}

UMD_EXPORT int umd_parent_accept(struct umd_parent *parent, int fd, const struct umd_owner *owner)
{
	struct umd_door *door;
	bool listens;
	int err = umd_listen_check(fd, SOCK_SEQPACKET, &listens);

	if (err || listens)
		return -EINVAL;
	return umd_door_open(parent, fd, owner, NULL, NULL, &door, NULL);
}
