/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a link's user is told: from umd_link_dispatch() only, whoever has received it.
 *
 * Posted calls are looked after by one timer, which is not set anew with each: when it expires, it
 * is set for the oldest that there is then.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "parent/remote.h"

#define TIMEOUT_NS   (UMD_LINK_TIMEOUT_MS * UINT64_C(1000000))
#define RECEIVES_MAX 64

/* ---- What comes ---------------------------------------------------------------------------- */

void umd_remote_kick(struct umd_remote *remote)
{
	uint64_t one = 1;

	if (remote->kicked || remote->telling)
		return;
	remote->kicked = write(remote->kick, &one, sizeof(one)) == sizeof(one);
}

int umd_remote_take_event(struct umd_remote *remote)
{
	if (remote->has_event)
		return -EPROTO;
	remote->has_event = true;
	remote->event = remote->answer.event;
	umd_remote_kick(remote);
	return 0;
}

/* One that the link has freed meanwhile is no news. */
int umd_remote_take_revoked(struct umd_remote *remote)
{
	const struct umd_msg_revoked *msg = &remote->answer.revoked;

	for (uint32_t i = 0; i < msg->count; i++) {
		struct umd_remote_vector *vector = umd_remote_find_vector(remote, msg->vectors[i]);

		if (vector)
			vector->revoked = remote->has_revoked = true;
	}
	if (remote->has_revoked)
		umd_remote_kick(remote);
	return 0;
}

/* ---- Posted calls that are late ------------------------------------------------------------ */

static void set_timer(struct umd_remote *remote, uint64_t until)
{
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(until / 1000000000),
						     .tv_nsec = (long)(until % 1000000000)}};

	timerfd_settime(remote->timer, TFD_TIMER_ABSTIME, &when, NULL);
	remote->timed_until = until;
}

void umd_remote_time(struct umd_remote *remote, struct umd_remote_call *call)
{
	call->since = umd_now_ns();
	if (!remote->timed_until)
		set_timer(remote, call->since + TIMEOUT_NS);
}

static const struct umd_remote_call *find_oldest(const struct umd_remote *remote)
{
	const struct umd_remote_call *call = remote->calls;

	while (call && (!call->posted || call->slow))
		call = call->next;
	return call;
}

static void check_timer(struct umd_remote *remote)
{
	const struct umd_remote_call *oldest;
	uint64_t expirations;

	if (!remote->timed_until || umd_now_ns() < remote->timed_until ||
	    read(remote->timer, &expirations, sizeof(expirations)) < 0)
		return;

	remote->timed_until = 0;
	oldest = find_oldest(remote);
	if (!oldest)
		return;
	if (oldest->since + TIMEOUT_NS <= umd_now_ns())
		umd_remote_lose(remote);
	else
		set_timer(remote, oldest->since + TIMEOUT_NS);
}

/* ---- Telling ------------------------------------------------------------------------------- */

/* Takes out the call that hangs here, and tells of it. */
static void tell_one(struct umd_remote *remote, struct umd_remote_call **at)
{
	struct umd_remote_call call = **at;

	free(*at);
	*at = call.next;
	if (!call.next)
		remote->ended_end = at;
	if (call.queue)
		call.queue->commanded = false;
	call.done(call.data, call.result);
}

void umd_remote_tell_ended(struct umd_remote *remote, const bool *closed)
{
	while (!*closed && remote->ended)
		tell_one(remote, &remote->ended);
}

void umd_remote_tell_queue(struct umd_remote *remote, const struct umd_queue *queue)
{
	struct umd_remote_call **at = &remote->ended;

	while (*at && (*at)->queue != queue)
		at = &(*at)->next;
	if (*at)
		tell_one(remote, at);
}

static struct umd_remote_vector *find_revoked(struct umd_remote *remote)
{
	for (size_t i = 0; i < remote->vector_count; i++)
		if (remote->vectors[i].revoked)
			return &remote->vectors[i];
	return NULL;
}

static void tell_revoked(struct umd_remote *remote, const bool *closed)
{
	const struct umd_link *link = &remote->link;

	while (!*closed && remote->has_revoked) {
		struct umd_remote_vector *vector = find_revoked(remote);
		uint32_t number;

		remote->has_revoked = vector;
		if (!vector)
			return;
		number = vector->vector;
		umd_remote_forget_vector(remote, vector);
		if (link->ops.revoked)
			link->ops.revoked(link->data, number);
	}
}

static struct umd_queue *find_queue(const struct umd_remote *remote, uint32_t number)
{
	struct umd_queue *queue = remote->link.queues;

	while (queue && ((struct umd_remote_queue *)queue->own)->number != number)
		queue = queue->next;
	return queue;
}

static void tell_event(struct umd_remote *remote, const struct umd_msg_event *event)
{
	const struct umd_link *link = &remote->link;
	struct umd_queue *queue = find_queue(remote, event->queue);

	if (!queue)
		return;
	if (event->header.type == UMD_MSG_HALTED && link->ops.halted)
		link->ops.halted(link->data, queue, event->reason);
	if (event->header.type == UMD_MSG_NOTED && link->ops.noted)
		link->ops.noted(link->data, queue, event->note, event->size, event->lost);
}

static void tell_events(struct umd_remote *remote, const bool *closed)
{
	struct umd_msg_header heard = {.type = UMD_MSG_HEARD};
	struct umd_msg_event event;

	if (*closed || !remote->has_event)
		return;
	event = remote->event;
	remote->has_event = false;
	tell_event(remote, &event);
	if (!*closed)
		umd_remote_post(remote, &heard, sizeof(heard), NULL, 0);
}

/* In what is told the user may close the link. */
static void tell(struct umd_remote *remote, const bool *closed)
{
	uint64_t count;

	if (remote->kicked)
		remote->kicked = read(remote->kick, &count, sizeof(count)) < 0;
	umd_remote_tell_ended(remote, closed);
	tell_revoked(remote, closed);
	umd_remote_tell_lost_regions(remote, closed);
	tell_events(remote, closed);
}

int umd_remote_get_fd(const struct umd_link *link)
{
	return ((const struct umd_remote *)(const void *)link)->poll_fd;
}

static void receive(struct umd_remote *remote)
{
	int count = 0;

	remote->telling = true;
	while (count++ < RECEIVES_MAX && umd_remote_receive(remote, MSG_DONTWAIT) == 0)
		;
	check_timer(remote);
}

/* Ends a dispatch, which may have been one within another. */
static int leave(struct umd_remote *remote, bool *outer)
{
	remote->closed = outer;
	remote->telling = outer;
	if (remote->ended || remote->has_event || remote->has_revoked || remote->has_lost_region)
		umd_remote_kick(remote);
	if (!remote->gone)
		return 0;
	/* Its end would be ready for ever. */
	epoll_ctl(remote->poll_fd, EPOLL_CTL_DEL, remote->fd, NULL);
	umd_link_lose(&remote->link);
	return -ENOTCONN;
}

int umd_remote_dispatch(struct umd_link *link)
{
	struct umd_remote *remote = umd_remote_of(link);
	bool closed = false, *outer = remote->closed;

	remote->telling = true;
	remote->closed = &closed;
	receive(remote);
	tell(remote, &closed);
	if (!closed)
		return leave(remote, outer);
	if (outer)
		*outer = true;
	return -ENOTCONN;
}
