/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line: what is one in the schedule. A dedicated queue has a line of its own; the rings of a
 * shared queue, one for each owner that uses it, stand in one line and take turns in it.
 */
#ifndef DSA_LINE_H
#define DSA_LINE_H

#include "queue.h"
#include "schedule.h"

/* The pool's lock guards it all, but for `leave`; a turn has the queues for itself. */
struct dsa_line {
	struct dsa_flow flow;	/* first: the schedule's */
	struct dsa_queue *turn; /* whose turn it is; its queues are a ring; NULL: it has none */
	uint32_t tag;		/* of its doorbells: index in the pool and a count of its uses */
	bool running;		/* a worker has it */
	bool held;		/* the parent's thread has it, or waits for it */
	bool dozing;		/* its last turn found nothing: it is looked at for a while */
	bool asleep;		/* it waits for its doorbells */
	bool rung;		/* they rang while it was falling asleep */
	bool leave;		/* end the turn; any thread */
	uint64_t idle_since;	/* nanoseconds; 0: its last turn found something */
};

void dsa_line_init(struct dsa_line *line, uint32_t tag);

void dsa_line_add(struct dsa_line *line, struct dsa_queue *queue);
void dsa_line_remove(struct dsa_line *line, struct dsa_queue *queue);

/*
 * A turn. A queue that was ended by the quantum is last from then on; one that has nothing to do,
 * or has to wait, passes its turn on. DSA_TURN_LATER: until *ret_until.
 */
enum dsa_turn dsa_line_run(struct dsa_line *line, struct dsa_quantum *quantum, uint64_t *ret_until);

/* Whether entries wait, also for a change of their space. */
bool dsa_line_has_entries(const struct dsa_line *line);

/* Has the doorbells rung from now on; false: there are entries. */
bool dsa_line_sleep(struct dsa_line *line);
void dsa_line_wake(struct dsa_line *line);

#endif
