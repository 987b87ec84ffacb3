/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue as the engine works it off: what was taken from its ring, the descriptor that is under
 * way, the batch it belongs to, and a command that waits for them. Whoever calls has the queue for
 * himself: a worker for a turn, or the parent's thread while it holds the queue's line (pool.h).
 */
#ifndef DSA_QUEUE_H
#define DSA_QUEUE_H

#include "batch.h"
#include "engine.h"
#include "job.h"
#include "limit.h"
#include "usage.h"

#define DSA_TAKE 32u /* descriptors taken from a ring at a time */

/* What is left of a turn, and what it has cost. */
struct dsa_quantum {
	uint64_t bytes;
	unsigned int descriptors;
	uint64_t charged;
	const bool *leave; /* any thread: end the turn as soon as possible */
};

enum dsa_turn {
	DSA_TURN_MORE,	/* there may be more to do */
	DSA_TURN_EMPTY, /* nothing was left */
	DSA_TURN_LATER, /* a limit says when */
};

/* What all queues have of the engine. */
struct dsa_capabilities {
	uint64_t max_transfer;
	uint32_t max_batch;
	uint64_t opcodes[4];
};

struct dsa_queue {
	struct umd_work *work;
	struct umd_dma_reader *reader;
	struct dsa_meter *meter;
	struct dsa_counts counts; /* since the meter was told */
	uint32_t owner;
	uint32_t weight; /* with its priority */
	struct dsa_limits limits;
	uint32_t max_batch;
	bool is_limited;
	struct dsa_limit bytes, descriptors;

	struct dsa_queue *next_of_all; /* of the engine's */
	struct dsa_queue *next;	       /* of its line, round */
	struct dsa_line *line;

	unsigned int taken, begun; /* in entries */
	bool in_job, in_batch;
	bool asks_for_pages; /* where DSA_FLAG_BOF says so */
	bool asks, denied;   /* the job waits for a page; it will not come */
	uint64_t asked_at;
	unsigned int asked_again;
	uint64_t cost;	/* of the job so far */
	bool has_ended; /* stopped, or halted */

	bool is_commanded; /* a command waits for what there was when it came: */
	enum umd_queue_command command;
	uint32_t left; /* entries that were in the ring then */

	struct dsa_job job;
	struct dsa_batch batch;
	uint8_t entries[DSA_TAKE][DSA_DESCRIPTOR_SIZE];
};

/*
 * Makes a queue of work, in the parent's thread; checks what it asks for. 0; -EINVAL; -ENOSPC for
 * too many owners; -ENOMEM; what umd_dma_reader_create() returns.
 */
int dsa_queue_create(struct umd_work *work, const struct dsa_capabilities *capabilities,
		     struct dsa_usages *usages, struct dsa_queue **ret);
void dsa_queue_destroy(struct dsa_queue *queue);

/* Works until the quantum is used up, or nothing is left. DSA_TURN_LATER: *ret_until is the time.
 */
enum dsa_turn dsa_queue_run(struct dsa_queue *queue, struct dsa_quantum *quantum,
			    uint64_t *ret_until);

/* The page of an address is there, or will not be: whoever waits for it goes on. */
void dsa_queue_answer(struct dsa_queue *queue, uint64_t address, bool granted);

/* Begins a command: it is ended here, or by dsa_queue_run(). */
void dsa_queue_command(struct dsa_queue *queue, enum umd_queue_command command);

#endif
