/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signal goes three steps: `fresh` when its eventfd says so, `asked` while the device is asked
 * whether it is still there, `ready` for the driver.
 *
 * The eventfds are the device's too, so they are never read: it could read first, and make a read
 * wait. They are watched edge-triggered instead.
 */
#include "driver/events.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/export.h"
#include "base/foreign.h"
#include "base/poller.h"

enum source_kind {
	SOURCE_ERROR,
	SOURCE_WAKEUP,
	SOURCE_UNPLUG,
	SOURCES,
};

/* An eventfd of ours that the device signals. */
struct source {
	struct umd_driver_events *events;
	struct umd_watch *watch;
	int eventfd;
	uint32_t event; /* its bit */
};

struct umd_driver_events {
	struct umd_poller poller;
	struct umd_watch *link;	 /* NULL where there is none, or it has hung up */
	struct umd_watch *timer; /* for an answer that does not come, and for nudges */
	struct source sources[SOURCES];
	uint32_t fresh, asked, ready; /* bits of enum umd_driver_event_kind */
	bool gone;
};

static uint32_t bit(unsigned int kind)
{
	return 1u << kind;
}

/* ---- What is watched ----------------------------------------------------------------------- */

static void source_signalled(void *data, uint32_t events)
{
	struct source *source = data;

	source->events->fresh |= source->event;
}

/* Readable means that the answer has come, which is heard in any case. */
static void link_changed(void *data, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		umd_driver_events_gone(data);
}

static void timer_fired(void *data, uint32_t events)
{
}

static void unwatch(struct umd_watch **watch)
{
	umd_watch_destroy(*watch);
	*watch = NULL;
}

static void unwatch_device(struct umd_driver_events *events)
{
	unwatch(&events->link);
	for (unsigned int i = 0; i < SOURCES; i++)
		unwatch(&events->sources[i].watch);
}

static int watch_source(struct umd_driver_events *events, enum source_kind kind, uint32_t event)
{
	struct source *source = &events->sources[kind];

	*source = (struct source){.events = events,
				  .eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				  .event = event};
	if (source->eventfd < 0)
		return -errno;
	return umd_poller_watch_fd(&events->poller, source->eventfd, EPOLLIN | EPOLLET,
				   source_signalled, source, &source->watch);
}

static int watch_link(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	int fd = driver->backend->link_fd(driver);

	if (fd < 0)
		return fd == -ENOTTY ? 0 : fd;
	return umd_poller_watch_fd(&events->poller, fd, EPOLLRDHUP, link_changed, driver,
				   &events->link);
}

static int watch_all(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	int err = umd_poller_watch_timer(&events->poller, timer_fired, NULL, &events->timer);

	if (!err)
		err = watch_source(events, SOURCE_ERROR, bit(UMD_DRIVER_EVENT_ERROR));
	if (!err)
		err = watch_source(events, SOURCE_WAKEUP, bit(UMD_DRIVER_EVENT_WAKEUP));
	if (!err)
		err = watch_source(events, SOURCE_UNPLUG, bit(UMD_DRIVER_EVENT_UNPLUG_REQUEST));
	return err ? err : watch_link(driver);
}

/* ---- Enabling ------------------------------------------------------------------------------ */

static int create(struct umd_driver *driver)
{
	struct umd_driver_events *events = calloc(1, sizeof(*events));
	int err;

	if (!events)
		return -ENOMEM;
	for (unsigned int i = 0; i < SOURCES; i++)
		events->sources[i].eventfd = -1;
	err = umd_poller_init(&events->poller);
	if (err) {
		free(events);
		return err;
	}
	driver->events = events;
	return 0;
}

void umd_driver_events_destroy(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;

	if (!events)
		return;

	unwatch_device(events);
	unwatch(&events->timer);
	for (unsigned int i = 0; i < SOURCES; i++)
		umd_foreign_close(&events->sources[i].eventfd);
	umd_poller_finish(&events->poller);
	free(events);
	driver->events = NULL;
}

static int set_irq(struct umd_driver *driver, unsigned int index, const int *eventfd)
{
	return umd_driver_set_irqs(
		driver, &(struct umd_driver_irq_set){
				.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				.index = index,
				.count = 1,
				.fds = eventfd,
			});
}

/* 1 where the device has this interrupt and signals it now; 0 where it has none. */
static int enable_irq(struct umd_driver *driver, unsigned int index, enum source_kind kind)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};
	int err;

	if (index >= driver->info.irqs)
		return 0;

	err = umd_driver_get_irq(driver, index, &irq);
	if (err)
		return err;
	if (!irq.count || !(irq.flags & UMD_DRIVER_IRQ_EVENTFD))
		return 0;

	err = set_irq(driver, index, &driver->events->sources[kind].eventfd);
	return err ? err : 1;
}

static int enable_irqs(struct umd_driver *driver)
{
	int first = enable_irq(driver, UMD_DRIVER_ERR, SOURCE_ERROR);
	int second;

	if (first < 0)
		return first;

	second = enable_irq(driver, UMD_DRIVER_REQ, SOURCE_UNPLUG);
	if (second >= 0)
		return 0;
	if (first > 0)
		set_irq(driver, UMD_DRIVER_ERR, NULL);
	return second;
}

UMD_EXPORT int umd_driver_enable_events(struct umd_driver *driver)
{
	int err;

	if (driver->events)
		return -EALREADY;

	err = create(driver);
	if (!err)
		err = watch_all(driver);
	if (!err)
		err = enable_irqs(driver);
	if (err)
		umd_driver_events_destroy(driver);
	return err;
}

/* ---- Events -------------------------------------------------------------------------------- */

void umd_driver_events_nudge(struct umd_driver *driver)
{
	if (driver->events)
		umd_watch_set_timer(driver->events->timer, 1);
}

void umd_driver_events_gone(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;

	if (!events || events->gone)
		return;

	events->gone = true;
	unwatch_device(events);
	events->fresh = events->asked = 0;
	events->ready = bit(UMD_DRIVER_EVENT_REMOVED);
	umd_driver_events_nudge(driver);
}

static void ask(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;

	if (events->asked || !events->fresh)
		return;

	events->asked = events->fresh;
	events->fresh = 0;
	if (driver->backend->ask_presence(driver) < 0)
		umd_driver_events_gone(driver);
}

static void hear(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	int err = events->asked ? driver->backend->hear_presence(driver) : -EAGAIN;

	if (err == -EAGAIN)
		return;
	if (err) {
		umd_driver_events_gone(driver);
		return;
	}
	events->ready |= events->asked;
	events->asked = 0;
}

/* The lowest of those that are ready: REMOVED, the last one, is alone. */
static int take(struct umd_driver_events *events, struct umd_driver_event *ret)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	int err;

	if (!events->ready)
		return -EAGAIN;

	event.kind = (unsigned int)__builtin_ctz(events->ready);
	err = umd_driver_give(ret, &event, sizeof(event));
	if (!err)
		events->ready &= ~bit(event.kind);
	return err;
}

/* When to call again: now for the next event; with an answer, or when it is too late for one. */
static void await(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	uint64_t delay_ns = events->asked ? (uint64_t)driver->timeout_ms * 1000000 : 0;

	if (events->link)
		umd_watch_set_events(events->link, EPOLLRDHUP | (events->asked ? EPOLLIN : 0));
	umd_watch_set_timer(events->timer, events->ready ? 1 : delay_ns);
}

UMD_EXPORT int umd_driver_next_event(struct umd_driver *driver, struct umd_driver_event *ret)
{
	struct umd_driver_events *events = driver->events;
	int err;

	if (!events)
		return -EINVAL;

	umd_poller_dispatch(&events->poller, 0);
	ask(driver);
	hear(driver);
	ask(driver); /* of what came since */
	err = take(events, ret);
	await(driver);
	return err;
}

UMD_EXPORT int umd_driver_event_fd(const struct umd_driver *driver)
{
	return driver->events ? driver->events->poller.fd : -EINVAL;
}

int umd_driver_events_wakeup_fd(const struct umd_driver *driver)
{
	return driver->events ? driver->events->sources[SOURCE_WAKEUP].eventfd : -1;
}
