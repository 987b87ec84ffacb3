/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * News: what other threads have for a parent's own. Each piece of news is part of what it is about,
 * so that telling allocates nothing and a piece that waits already is not put on the list again.
 *
 * The eventfd is readable as long as there are news: also while some of them are being told, so
 * that whoever is told may dispatch in his turn.
 */
#ifndef UMD_PARENT_NEWS_H
#define UMD_PARENT_NEWS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/poller.h"

struct umd_news {
	struct umd_news *next;
	bool waits; /* it is on the list */

	/* In the parent's thread, without the lock. What the news are of may end in it. */
	void (*tell)(struct umd_news *news);
};

struct umd_newsroom {
	pthread_mutex_t lock; /* of the list, and of what the news are about */
	struct umd_news *first, **end;
	int eventfd;
	struct umd_watch *watch;
};

int umd_newsroom_init(struct umd_newsroom *room, struct umd_poller *poller);
void umd_newsroom_finish(struct umd_newsroom *room);

/* Has news told once more. Any thread, under the lock. */
void umd_news_post(struct umd_newsroom *room, struct umd_news *news);

/* Has them told no more. Not under the lock. */
void umd_news_drop(struct umd_newsroom *room, struct umd_news *news);

#endif
