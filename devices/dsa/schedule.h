/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gets the next turn: start-time fair queueing, without threads and clocks of its own.
 *
 * A flow is what shares: a dedicated queue, or all rings of a shared one. A turn's work is charged
 * in bytes; divided by the flow's weight it moves the flow's pass, the virtual time at which its
 * next turn begins. The flow with the least pass is next; among equals, whichever has waited
 * longest. The virtual time of the schedule is that of the latest turn begun. A flow that comes
 * back begins there, or at its own pass where that is later: nobody saves up turns by being idle,
 * nobody sheds what he owes, and whoever waits is reached after one turn of each at most. What is
 * done while nobody waits is owed to nobody.
 *
 * A flow has one turn at a time. So with several servers one that is heavy, or slow, may not be
 * able to use its share: it then runs all the time, the others share what is left, and its pass
 * falls behind. How far is bounded, since it would otherwise run alone for as long one day.
 *
 * Flows that have to wait for a limit stand aside until a time, see limit.h.
 */
#ifndef DSA_SCHEDULE_H
#define DSA_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DSA_LAG_MAX (UINT64_C(1) << 20) /* bytes that a flow's pass may be behind */

struct dsa_heap;

struct dsa_flow {
	uint32_t weight;
	uint32_t rest;	     /* of the divisions by weight */
	uint64_t pass;	     /* bytes by weight */
	uint64_t key, order; /* in the heap: the least key, then the least order, comes first */
	struct dsa_heap *in; /* NULL: in none */
	size_t place;
};

struct dsa_heap {
	struct dsa_flow **flows;
	size_t count, room;
};

struct dsa_schedule {
	struct dsa_heap waiting; /* for their turn, by pass */
	struct dsa_heap delayed; /* by the time they wait for */
	uint64_t now;		 /* virtual */
	uint64_t order;		 /* of whoever comes next */
};

/* For so many flows: nothing else ever allocates. 0; -ENOMEM. */
int dsa_schedule_init(struct dsa_schedule *schedule, size_t flows);
void dsa_schedule_finish(struct dsa_schedule *schedule);

void dsa_flow_init(struct dsa_flow *flow, uint32_t weight);

/* Of charges from now on. */
void dsa_flow_set_weight(struct dsa_flow *flow, uint32_t weight);

/* A flow that was idle waits for a turn. */
void dsa_schedule_add(struct dsa_schedule *schedule, struct dsa_flow *flow);

/* Takes the next one out: its turn begins. NULL: none waits. */
struct dsa_flow *dsa_schedule_next(struct dsa_schedule *schedule);

/* Its turn ends, with so many bytes, and it waits for the next one, or until a time. */
void dsa_schedule_put(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t bytes);
void dsa_schedule_delay(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t bytes,
			uint64_t until);

/* Its turn ends, and it is idle. */
void dsa_schedule_rest(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t bytes);

/* Takes a flow out wherever it stands. */
void dsa_schedule_remove(struct dsa_schedule *schedule, struct dsa_flow *flow);

/* Those that have waited until now wait for a turn again. How many. */
size_t dsa_schedule_resume(struct dsa_schedule *schedule, uint64_t time);

/* When the first of them can; UINT64_MAX: there is none. */
uint64_t dsa_schedule_due(const struct dsa_schedule *schedule);

#endif
