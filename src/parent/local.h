/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link to a parent of the same process: what an owner has of it. The ends of sockets hold such
 * links, too.
 */
#ifndef UMD_PARENT_LOCAL_H
#define UMD_PARENT_LOCAL_H

#include <umdev/ims.h>

#include "parent/link.h"
#include "parent/parent.h"
#include "parent/work.h"

struct umd_local_change;

/* A vector that is out. */
struct umd_local_vector {
	umd_ims_handle handle;
	bool revoked; /* and the link has not been told yet */
};

struct umd_local {
	struct umd_link link;
	struct umd_parent *parent; /* NULL: it is gone */
	struct umd_local *next;	   /* of the parent's */
	struct umd_owner owner;	   /* without zeros that stand for something */
	uint32_t queue_count;

	struct umd_ims_domain *domain;
	struct umd_news revocations;	  /* told */
	struct umd_local_vector *vectors; /* under the lock of the news, as is vector_count */
	uint32_t vector_count;

	struct umd_dma_space *space;
	bool owns_space;
	struct umd_local_change *changes, **changes_end; /* not quiet yet, as they were made */
	unsigned int change_count;
	struct umd_watch *quiet_watch, *deadline;
	struct umd_news quiet; /* it makes sense to ask */

	struct umd_news lost_regions; /* some were revoked */
};

/* The parent ends, or the link: nothing of the parent's is used any more. */
void umd_local_lose(struct umd_local *local);

/* ---- local_queue.c: a way's calls (link.h) -------------------------------------------------- */

int umd_local_open_queue(struct umd_queue *queue, const struct umd_queue_options *options);
void umd_local_close_queue(struct umd_queue *queue);
int umd_local_command(struct umd_queue *queue, enum umd_queue_command command,
		      umd_link_done_fn *done, void *data);

/* Tells the link an engine's news of a queue. */
void umd_local_tell_work(struct umd_news *news);

/* ---- local_vector.c ------------------------------------------------------------------------ */

int umd_local_open_vectors(struct umd_local *local, struct umd_error *error);
void umd_local_close_vectors(struct umd_local *local);
uint32_t umd_local_free_vectors(struct umd_local *local);
int umd_local_alloc_vector(struct umd_link *link, uint32_t *ret);
int umd_local_free_vector(struct umd_link *link, uint32_t vector);
int umd_local_set_eventfd(struct umd_link *link, uint32_t vector, int fd);
int umd_local_set_mask(struct umd_link *link, uint32_t vector, bool masked);
int umd_local_is_pending(struct umd_link *link, uint32_t vector);

/* ---- local_region.c ------------------------------------------------------------------------ */

void umd_local_open_regions(struct umd_local *local);
void umd_local_close_regions(struct umd_local *local);
int umd_local_get_region(struct umd_link *link, uint32_t index, bool holds,
			 struct umd_parent_region *ret);
void umd_local_put_region(struct umd_link *link, uint32_t index);

/* ---- local_change.c ------------------------------------------------------------------------ */

int umd_local_open_space(struct umd_local *local, struct umd_dma_space *space);
void umd_local_close_space(struct umd_local *local); /* no queue is left */
int umd_local_change(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
		     umd_link_done_fn *done, void *data);

/* ---- local.c ------------------------------------------------------------------------------- */

/* Where a call waits: for umd_local_wait(), which dispatches the parent until it has ended. */
struct umd_local_wait {
	bool ended;
	int result;
};

void umd_local_ended(void *wait, int result); /* an umd_link_done_fn */
int umd_local_wait(struct umd_parent *parent, struct umd_local_wait *wait);

#endif
