/* SPDX-License-Identifier: BSD-2-Clause */
#include "line.h"

#include "clock.h"

#define LOOK_NS UINT64_C(50000) /* how often a line is looked at while some queue of it waits */

void dsa_line_init(struct dsa_line *line, uint32_t tag)
{
	*line = (struct dsa_line){.tag = tag};
	dsa_flow_init(&line->flow, 1);
}

/* The heaviest of its queues: who shares a queue shares what that one may have. */
static void set_weight(struct dsa_line *line)
{
	const struct dsa_queue *queue = line->turn;
	uint32_t weight = 1;

	if (!queue)
		return;
	do {
		weight = queue->weight > weight ? queue->weight : weight;
		queue = queue->next;
	} while (queue != line->turn);
	dsa_flow_set_weight(&line->flow, weight);
}

void dsa_line_add(struct dsa_line *line, struct dsa_queue *queue)
{
	queue->line = line;
	if (line->turn) {
		queue->next = line->turn->next;
		line->turn->next = queue;
	} else {
		queue->next = queue;
		line->turn = queue;
	}
	set_weight(line);
}

void dsa_line_remove(struct dsa_line *line, struct dsa_queue *queue)
{
	struct dsa_queue *before = queue;

	while (before->next != queue)
		before = before->next;
	before->next = queue->next;
	if (line->turn == queue)
		line->turn = before == queue ? NULL : queue->next;
	set_weight(line);
}

/* The line is asked again when the first of those that wait can go on, and for the others before.
 */
static uint64_t when_to_ask(uint64_t until, bool all_wait)
{
	uint64_t look;

	if (all_wait)
		return until;
	look = dsa_now() + LOOK_NS;
	return look < until ? look : until;
}

enum dsa_turn dsa_line_run(struct dsa_line *line, struct dsa_quantum *quantum, uint64_t *ret_until)
{
	struct dsa_queue *first = line->turn;
	uint64_t until = UINT64_MAX;
	bool all_wait = true;

	do {
		struct dsa_queue *queue = line->turn;
		uint64_t time = UINT64_MAX;
		enum dsa_turn turn = dsa_queue_run(queue, quantum, &time);

		line->turn = queue->next;
		if (turn == DSA_TURN_MORE)
			return turn;
		all_wait = all_wait && turn == DSA_TURN_LATER;
		until = time < until ? time : until;
	} while (line->turn != first);

	if (until == UINT64_MAX)
		return DSA_TURN_EMPTY;
	*ret_until = when_to_ask(until, all_wait);
	return DSA_TURN_LATER;
}

bool dsa_line_has_entries(const struct dsa_line *line)
{
	const struct dsa_queue *queue = line->turn;

	do {
		if (umd_work_waiting(queue->work))
			return true;
		queue = queue->next;
	} while (queue != line->turn);
	return false;
}

bool dsa_line_sleep(struct dsa_line *line)
{
	struct dsa_queue *queue = line->turn;
	bool may = true;

	do {
		may = umd_work_sleep(queue->work) && may;
		queue = queue->next;
	} while (queue != line->turn);
	if (!may)
		dsa_line_wake(line);
	return may;
}

void dsa_line_wake(struct dsa_line *line)
{
	struct dsa_queue *queue = line->turn;

	do {
		umd_work_wake(queue->work);
		queue = queue->next;
	} while (queue != line->turn);
}
