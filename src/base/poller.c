/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches on one epoll set. A watch that is destroyed inside a callback stays allocated until the
 * batch of events that may still name it has been walked.
 */
#include "base/poller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/export.h"
#include "base/fd.h"

#define BATCH 16 /* events taken from the kernel at a time */

struct umd_watch {
	struct umd_poller *poller; /* NULL once destroyed */
	struct umd_watch *next_dead, *next_later;
	umd_watch_fn *fn;
	void *data;
	int fd;
	uint32_t events;
	bool timer;    /* the fd is a timerfd of the watch's own */
	bool is_later; /* it is to be called back later */
};

int umd_poller_init(struct umd_poller *poller)
{
	*poller = (struct umd_poller){.fd = epoll_create1(EPOLL_CLOEXEC)};
	return poller->fd < 0 ? -errno : 0;
}

static void free_dead(struct umd_poller *poller)
{
	while (poller->dead) {
		struct umd_watch *watch = poller->dead;

		poller->dead = watch->next_dead;
		free(watch);
	}
}

void umd_poller_finish(struct umd_poller *poller)
{
	free_dead(poller);
	umd_close(&poller->fd);
}

/* A timer that was stopped or set anew since its event was taken has not expired: EAGAIN. */
static bool is_due(const struct umd_watch *watch)
{
	uint64_t expirations;

	return watch->poller &&
	       (!watch->timer || read(watch->fd, &expirations, sizeof(expirations)) > 0);
}

/* Those that are asked for meanwhile are refused, so that this ends. */
static void call_late(struct umd_poller *poller)
{
	bool outer = poller->is_later;

	poller->is_later = true;
	while (poller->later) {
		struct umd_watch *watch = poller->later;

		poller->later = watch->next_later;
		watch->is_later = false;
		if (watch->poller)
			watch->fn(watch->data, 0);
	}
	poller->is_later = outer;
}

bool umd_watch_call_later(struct umd_watch *watch)
{
	struct umd_poller *poller = watch->poller;

	if (watch->is_later)
		return true;
	if (poller->depth == 0 || poller->is_later)
		return false;

	watch->is_later = true;
	watch->next_later = poller->later;
	poller->later = watch;
	return true;
}

int umd_poller_dispatch(struct umd_poller *poller, int timeout_ms)
{
	struct epoll_event events[BATCH];
	int n;

	if (poller->later)
		call_late(poller);
	n = epoll_wait(poller->fd, events, BATCH, timeout_ms);
	if (n < 0)
		return -errno;

	poller->depth++;
	for (int i = 0; i < n; i++) {
		struct umd_watch *watch = events[i].data.ptr;

		if (is_due(watch))
			watch->fn(watch->data, watch->timer ? 0 : events[i].events);
	}
	if (poller->later && poller->depth == 1)
		call_late(poller);
	if (--poller->depth == 0)
		free_dead(poller);
	return 0;
}

int umd_poller_watch_fd(struct umd_poller *poller, int fd, uint32_t events, umd_watch_fn *fn,
			void *data, struct umd_watch **ret)
{
	struct umd_watch *watch = calloc(1, sizeof(*watch));
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (!watch)
		return -ENOMEM;

	*watch = (struct umd_watch){
		.poller = poller, .fn = fn, .data = data, .fd = fd, .events = events};
	if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(watch);
		return -errno;
	}

	*ret = watch;
	return 0;
}

int umd_poller_watch_timer(struct umd_poller *poller, umd_watch_fn *fn, void *data,
			   struct umd_watch **ret)
{
	cleanup_close int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;

	err = umd_poller_watch_fd(poller, fd, EPOLLIN, fn, data, ret);
	if (err)
		return err;

	(*ret)->timer = true;
	umd_steal_fd(&fd);
	return 0;
}

static int modify(struct umd_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(watch->poller->fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
		return -errno;
	watch->events = events;
	return 0;
}

UMD_EXPORT int umd_watch_set_events(struct umd_watch *watch, uint32_t events)
{
	return watch->events == events ? 0 : modify(watch, events);
}

void umd_watch_rearm(struct umd_watch *watch)
{
	modify(watch, watch->events);
}

UMD_EXPORT int umd_watch_set_timer(struct umd_watch *watch, uint64_t delay_ns)
{
	struct itimerspec when = {.it_value = {.tv_sec = (time_t)(delay_ns / 1000000000),
					       .tv_nsec = (long)(delay_ns % 1000000000)}};

	return timerfd_settime(watch->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

/* The fd may live on in another process, so closing it would not end its events: EPOLL_CTL_DEL. */
UMD_EXPORT void umd_watch_destroy(struct umd_watch *watch)
{
	struct umd_poller *poller;

	if (!watch)
		return;

	poller = watch->poller;
	epoll_ctl(poller->fd, EPOLL_CTL_DEL, watch->fd, NULL);
	if (watch->timer)
		umd_close(&watch->fd);
	watch->poller = NULL;
	watch->next_dead = poller->dead;
	poller->dead = watch;
	if (poller->depth == 0)
		free_dead(poller);
}
