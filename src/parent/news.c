/* SPDX-License-Identifier: BSD-2-Clause */
#include "parent/news.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

#define AT_A_TIME 64 /* and then others have their turn */

/* The eventfd is nobody else's, and does not block: it can only be full, or empty, as well. */
static void set_readable(struct umd_newsroom *room, bool readable)
{
	uint64_t count = 1;
	ssize_t n = readable ? write(room->eventfd, &count, sizeof(count))
			     : read(room->eventfd, &count, sizeof(count));

	(void)n;
}

static struct umd_news *take_first(struct umd_newsroom *room)
{
	struct umd_news *news;

	pthread_mutex_lock(&room->lock);
	news = room->first;
	if (news) {
		room->first = news->next;
		news->waits = false;
		if (!room->first) {
			room->end = &room->first;
			set_readable(room, false);
		}
	}
	pthread_mutex_unlock(&room->lock);
	return news;
}

static void tell(void *data, uint32_t events)
{
	struct umd_newsroom *room = data;
	struct umd_news *news;

	for (int i = 0; i < AT_A_TIME && (news = take_first(room)); i++)
		news->tell(news);
}

int umd_newsroom_init(struct umd_newsroom *room, struct umd_poller *poller)
{
	*room = (struct umd_newsroom){.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (room->eventfd < 0)
		return -errno;
	room->end = &room->first;
	pthread_mutex_init(&room->lock, NULL);
	return umd_poller_watch_fd(poller, room->eventfd, EPOLLIN, tell, room, &room->watch);
}

void umd_newsroom_finish(struct umd_newsroom *room)
{
	umd_watch_destroy(room->watch);
	if (room->eventfd >= 0)
		pthread_mutex_destroy(&room->lock);
	umd_close(&room->eventfd);
}

void umd_news_post(struct umd_newsroom *room, struct umd_news *news)
{
	if (news->waits)
		return;

	news->waits = true;
	news->next = NULL;
	*room->end = news;
	room->end = &news->next;
	if (room->first == news)
		set_readable(room, true);
}

void umd_news_drop(struct umd_newsroom *room, struct umd_news *news)
{
	struct umd_news **at = &room->first;

	pthread_mutex_lock(&room->lock);
	if (news->waits) {
		while (*at != news)
			at = &(*at)->next;
		*at = news->next;
		if (!news->next)
			room->end = at;
		if (!room->first)
			set_readable(room, false);
		news->waits = false;
	}
	pthread_mutex_unlock(&room->lock);
}
