/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A signal goes three steps: `fresh` when its eventfd says so, `asked` while the device is asked
 * whether it is still there, `ready` for the driver. Vectors that have fired are a queue beside it,
 * of which one at a time is taken for an event.
 *
 * The eventfds are the device's too, so nothing waits for them: the device could read first, and
 * make a read wait, also of an fd that says O_NONBLOCK. They are watched edge-triggered, and how
 * often a vector has fired is read with RWF_NOWAIT, which is the reader's own.
 */
#include "driver/events.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

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
	uint32_t link_events;	      /* that the backend waits for */
	bool gone;
	struct umd_driver_vector *first, *last; /* that have fired, in this order */
	struct umd_driver_event irq;		/* the event, once it is ready */
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

static int watch_source(struct umd_driver_events *events, enum source_kind kind)
{
	struct source *source = &events->sources[kind];

	return umd_poller_watch_fd(&events->poller, source->eventfd, EPOLLIN | EPOLLET,
				   source_signalled, source, &source->watch);
}

static int watch_link(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	int fd = driver->backend->link_fd(driver);

	if (fd < 0)
		return fd == -ENOTTY ? 0 : fd;
	events->link_events = driver->backend->dispatch ? EPOLLIN : 0;
	return umd_poller_watch_fd(&events->poller, fd, EPOLLRDHUP | events->link_events,
				   link_changed, driver, &events->link);
}

static int watch_device(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	int err = 0;

	for (unsigned int i = 0; !err && i < SOURCES; i++)
		err = watch_source(events, (enum source_kind)i);
	return err ? err : watch_link(driver);
}

/* ---- Enabling ------------------------------------------------------------------------------ */

static const uint32_t kinds[SOURCES] = {
	[SOURCE_ERROR] = UMD_DRIVER_EVENT_ERROR,
	[SOURCE_WAKEUP] = UMD_DRIVER_EVENT_WAKEUP,
	[SOURCE_UNPLUG] = UMD_DRIVER_EVENT_UNPLUG_REQUEST,
};

static int make_sources(struct umd_driver_events *events)
{
	for (unsigned int i = 0; i < SOURCES; i++) {
		events->sources[i] =
			(struct source){.events = events,
					.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
					.event = bit(kinds[i])};
		if (events->sources[i].eventfd < 0)
			return -errno;
	}
	return 0;
}

static void close_sources(struct umd_driver_events *events)
{
	for (unsigned int i = 0; i < SOURCES; i++)
		umd_foreign_close(&events->sources[i].eventfd);
}

/* To be destroyed also on error, where driver->events is set. */
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
	err = umd_poller_watch_timer(&events->poller, timer_fired, NULL, &events->timer);
	return err ? err : make_sources(events);
}

void umd_driver_events_destroy(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;

	if (!events)
		return;

	unwatch_device(events);
	unwatch(&events->timer);
	close_sources(events);
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
		err = watch_device(driver);
	if (!err)
		err = enable_irqs(driver);
	if (err)
		umd_driver_events_destroy(driver);
	return err;
}

int umd_driver_events_restart(struct umd_driver *driver)
{
	struct umd_driver_events *events = driver->events;
	int err;

	if (!events)
		return 0;

	unwatch_device(events);
	close_sources(events); /* what they have counted says nothing of this device */
	err = make_sources(events);
	if (!err)
		err = watch_device(driver);
	if (!err)
		err = enable_irqs(driver);
	if (err) {
		unwatch_device(events);
		return err;
	}
	events->gone = false;
	events->ready = 0;
	return 0;
}

/* ---- Vectors ------------------------------------------------------------------------------- */

static void dequeue(struct umd_driver_events *events, struct umd_driver_vector *vector)
{
	if (!vector->previous && events->first != vector)
		return;

	*(vector->previous ? &vector->previous->next : &events->first) = vector->next;
	*(vector->next ? &vector->next->previous : &events->last) = vector->previous;
	vector->previous = vector->next = NULL;
}

static void vector_fired(void *data, uint32_t epoll_events)
{
	struct umd_driver_vector *vector = data;
	struct umd_driver_events *events = vector->events;

	if (events->gone || vector->previous || events->first == vector)
		return;

	vector->previous = events->last;
	*(events->last ? &events->last->next : &events->first) = vector;
	events->last = vector;
}

int umd_driver_events_listen(struct umd_driver *driver, int eventfd,
			     struct umd_driver_vector *vector, struct umd_watch **ret)
{
	vector->events = driver->events;
	return umd_poller_watch_fd(&driver->events->poller, eventfd, EPOLLIN | EPOLLET,
				   vector_fired, vector, ret);
}

void umd_driver_events_unlisten(struct umd_driver_vector *vector)
{
	if (!vector->watch)
		return;

	dequeue(vector->events, vector);
	unwatch(&vector->watch);
}

/* How often; 0 where that has been told already. A kernel before 5.8 does not say. */
static uint64_t take_count(int eventfd)
{
	uint64_t count = 0;
	struct iovec iov = {&count, sizeof(count)};

	if (preadv2(eventfd, &iov, 1, -1, RWF_NOWAIT) < 0)
		return errno == EAGAIN ? 0 : 1;
	return count;
}

/* Has the next vector that fired ready for the driver. */
static void fetch_vector(struct umd_driver_events *events)
{
	while (events->first && !(events->ready & bit(UMD_DRIVER_EVENT_IRQ))) {
		struct umd_driver_vector *vector = events->first;
		uint64_t count = vector->fd >= 0 ? take_count(vector->fd) : 0;

		dequeue(events, vector);
		if (!count)
			continue;
		events->irq = (struct umd_driver_event){.size = sizeof(events->irq),
							.kind = UMD_DRIVER_EVENT_IRQ,
							.index = vector->index,
							.vector = vector->number,
							.count = count};
		events->ready |= bit(UMD_DRIVER_EVENT_IRQ);
	}
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

	driver->gone = true;
	if (!events || events->gone)
		return;

	events->gone = true;
	while (events->first)
		dequeue(events, events->first);
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
	if (event.kind == UMD_DRIVER_EVENT_IRQ)
		event = events->irq;
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

	if (!driver->backend->dispatch)
		events->link_events = events->asked ? EPOLLIN : 0;
	if (events->link)
		umd_watch_set_events(events->link, EPOLLRDHUP | events->link_events);
	umd_watch_set_timer(events->timer, events->ready || events->first ? 1 : delay_ns);
}

UMD_EXPORT int umd_driver_next_event(struct umd_driver *driver, struct umd_driver_event *ret)
{
	struct umd_driver_events *events = driver->events;
	int err;

	if (!events)
		return -EINVAL;

	if (driver->backend->dispatch && !events->gone)
		events->link_events = driver->backend->dispatch(driver);
	umd_poller_dispatch(&events->poller, 0);
	ask(driver);
	hear(driver);
	ask(driver); /* of what came since */
	fetch_vector(events);
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
