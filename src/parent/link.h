/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links, whichever way they lead. What all have in common is in link.c and queue.c; a way does what
 * needs the parent: local.c in this process, remote.c through a socket. The parent's end of a
 * socket (door.c) holds a local link and does with it what the messages say.
 */
#ifndef UMD_PARENT_LINK_H
#define UMD_PARENT_LINK_H

#include <umdev/parent.h>

#include "parent/ring.h"

struct umd_held_region;
struct umd_link_vector;
struct umd_mirror;

struct umd_link_way {
	void (*close)(struct umd_link *link); /* frees it, its queues are closed */
	int (*get_info)(struct umd_link *link, struct umd_parent_info *ret);
	int (*get_fd)(const struct umd_link *link);
	int (*dispatch)(struct umd_link *link);
	int (*change)(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
		      umd_link_done_fn *done, void *data);

	int (*alloc_vector)(struct umd_link *link, uint32_t *ret);
	int (*free_vector)(struct umd_link *link, uint32_t vector);
	int (*set_eventfd)(struct umd_link *link, uint32_t vector, int fd);
	int (*set_mask)(struct umd_link *link, uint32_t vector, bool masked);
	int (*is_pending)(struct umd_link *link, uint32_t vector);

	/*
	 * Asks for a region that is not held; with a file, the caller's to close, where it will be
	 * (`holds`), else with -1.
	 */
	int (*get_region)(struct umd_link *link, uint32_t index, bool holds,
			  struct umd_parent_region *ret);

	/* It is held no more; also of a link that is lost. */
	void (*put_region)(struct umd_link *link, uint32_t index);

	/* Makes the queue's ring and doorbell; the options are checked but for the parent's limits
	 */
	int (*open_queue)(struct umd_queue *queue, const struct umd_queue_options *options);

	/* Ends both, also of a link that is lost. A command under way ends with -ECANCELED. */
	void (*close_queue)(struct umd_queue *queue);

	/* There is no other one under way; queue->commanded while this one is, which the way sets.
	 */
	int (*command)(struct umd_queue *queue, enum umd_queue_command command,
		       umd_link_done_fn *done, void *data);
};

/* Embedded first in each way's own. */
struct umd_link {
	const struct umd_link_way *way;
	struct umd_link_ops ops;
	void *data;
	bool lost; /* any thread reads */
	uint32_t entry_size;

	/*
	 * How many umd_link_change() there have been, modulo 2^32, whatever became of them: each
	 * that has reached the parent counts, as the parent counts. Any thread reads.
	 */
	uint32_t changes;
	struct umd_queue *queues;
	struct umd_mirror *mirror;	 /* mirror.c; NULL: no device's memory */
	struct umd_link_vector *vectors; /* vector.c: those behind a device's */
	struct umd_held_region *regions; /* region.c */
};

struct umd_queue {
	struct umd_link *link;
	struct umd_queue *next;
	struct umd_ring ring; /* the submitter's view */
	int doorbell;	      /* an eventfd */
	uint64_t doorbells;   /* rung; any thread reads */
	bool commanded;	      /* a command is under way */
	void *own;	      /* the way's */
};

/* Tells the link's user, once. The link may be closed in it. */
void umd_link_lose(struct umd_link *link);

#endif
