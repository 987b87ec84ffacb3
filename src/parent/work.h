/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent's end of a queue, from the inside. */
#ifndef UMD_PARENT_WORK_H
#define UMD_PARENT_WORK_H

#include "parent/link.h"
#include "parent/news.h"
#include "parent/ring.h"

struct umd_local;

/* What an engine has to say about a queue; each at most once at a time. */
enum umd_work_event {
	UMD_WORK_NOTED,
	UMD_WORK_HALTED,
	UMD_WORK_ENDED,	  /* a command */
	UMD_WORK_BLOCKED, /* ours: the doorbell could not be rung */
	UMD_WORK_EVENTS,
};

/* An event, taken. */
struct umd_work_said {
	enum umd_work_event event;
	int result; /* of ENDED, or the reason of HALTED */
	uint8_t note[UMD_NOTE_MAX];
	size_t note_size;
	uint32_t notes_lost;
};

struct umd_work {
	/* What the taking thread uses, and seldom anybody else. */
	struct umd_ring ring;
	struct umd_local *local;
	bool stopped;	  /* any thread */
	bool blocked;	  /* any thread: it sleeps, and entries wait for a change */
	uint64_t entries; /* any thread reads */

	/* Any thread. */
	uint64_t triggers __attribute__((aligned(64)));
	uint64_t refused;

	/* The parent's thread, or never changed. */
	struct umd_queue *queue;
	void *context; /* the parent's author's */
	int doorbell, ring_fd;
	struct umd_queue_options options;
	uint8_t config[UMD_QUEUE_CONFIG_MAX];
	enum umd_queue_command command; /* where queue->commanded */
	umd_link_done_fn *done;
	void *data;

	/* Under the lock of the parent's news. */
	struct umd_news news;
	enum umd_work_event events[UMD_WORK_EVENTS]; /* as they came */
	unsigned int event_count;
	bool commanded;	    /* and the engine has not said that it has ended */
	int result, reason; /* of ENDED and HALTED */
	uint8_t note[UMD_NOTE_MAX];
	size_t note_size;
	uint32_t notes_lost;
};

/* Makes the ring and the doorbell. 0 or -errno. */
int umd_work_create(struct umd_local *local, struct umd_queue *queue,
		    const struct umd_queue_options *options, struct umd_work **ret);

/* The engine has let go of it. */
void umd_work_destroy(struct umd_work *work);

/* Nothing can be taken, or submitted, any more. */
void umd_work_stop(struct umd_work *work);

/* With an empty ring, where nobody takes. Not where it has been halted since the command ended. */
void umd_work_start(struct umd_work *work);

/* A command begins: the engine may say from now on that it has ended. */
void umd_work_begin(struct umd_work *work);

/* Takes the event that came first. False: there is none. */
bool umd_work_next(struct umd_work *work, struct umd_work_said *ret);

/* Takes it where it is the end of a command. */
bool umd_work_has_ended(struct umd_work *work, int *ret_result);

/* Changes of the space were made: wakes an engine that waits for them. */
void umd_work_look_again(struct umd_work *work);

#endif
