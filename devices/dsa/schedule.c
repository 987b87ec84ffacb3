/* SPDX-License-Identifier: BSD-2-Clause */
#include "schedule.h"

#include <errno.h>
#include <stdlib.h>

/* ---- A binary heap ------------------------------------------------------------------------- */

static bool comes_before(const struct dsa_flow *a, const struct dsa_flow *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void put_at(struct dsa_heap *heap, size_t place, struct dsa_flow *flow)
{
	heap->flows[place] = flow;
	flow->place = place;
}

static void sift_up(struct dsa_heap *heap, struct dsa_flow *flow)
{
	size_t place = flow->place;

	while (place) {
		size_t parent = (place - 1) / 2;

		if (!comes_before(flow, heap->flows[parent]))
			break;
		put_at(heap, place, heap->flows[parent]);
		place = parent;
	}
	put_at(heap, place, flow);
}

static void sift_down(struct dsa_heap *heap, struct dsa_flow *flow)
{
	size_t place = flow->place;

	for (;;) {
		size_t child = 2 * place + 1;

		if (child + 1 < heap->count &&
		    comes_before(heap->flows[child + 1], heap->flows[child]))
			child++;
		if (child >= heap->count || !comes_before(heap->flows[child], flow))
			break;
		put_at(heap, place, heap->flows[child]);
		place = child;
	}
	put_at(heap, place, flow);
}

static void push(struct dsa_heap *heap, struct dsa_flow *flow, uint64_t key, uint64_t order)
{
	flow->in = heap;
	flow->key = key;
	flow->order = order;
	flow->place = heap->count++;
	sift_up(heap, flow);
}

static void take_out(struct dsa_flow *flow)
{
	struct dsa_heap *heap = flow->in;
	struct dsa_flow *last = heap->flows[--heap->count];

	flow->in = NULL;
	if (last == flow)
		return;
	put_at(heap, flow->place, last);
	sift_up(heap, last);
	sift_down(heap, last);
}

/* ---- The schedule -------------------------------------------------------------------------- */

int dsa_schedule_init(struct dsa_schedule *schedule, size_t flows)
{
	*schedule = (struct dsa_schedule){
		.waiting = {.flows = calloc(flows, sizeof(struct dsa_flow *)), .room = flows},
		.delayed = {.flows = calloc(flows, sizeof(struct dsa_flow *)), .room = flows},
	};
	if (schedule->waiting.flows && schedule->delayed.flows)
		return 0;
	dsa_schedule_finish(schedule);
	return -ENOMEM;
}

void dsa_schedule_finish(struct dsa_schedule *schedule)
{
	free(schedule->waiting.flows);
	free(schedule->delayed.flows);
	*schedule = (struct dsa_schedule){0};
}

void dsa_flow_init(struct dsa_flow *flow, uint32_t weight)
{
	*flow = (struct dsa_flow){.weight = weight ? weight : 1};
}

void dsa_flow_set_weight(struct dsa_flow *flow, uint32_t weight)
{
	flow->weight = weight ? weight : 1;
}

static void charge(struct dsa_flow *flow, uint64_t bytes)
{
	uint64_t owed = bytes + flow->rest;

	flow->pass += owed / flow->weight;
	flow->rest = (uint32_t)(owed % flow->weight);
}

static void wait_from(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t earliest)
{
	if (flow->pass < earliest) {
		flow->pass = earliest;
		flow->rest = 0;
	}
	push(&schedule->waiting, flow, flow->pass, schedule->order++);
}

void dsa_schedule_add(struct dsa_schedule *schedule, struct dsa_flow *flow)
{
	wait_from(schedule, flow, schedule->now);
}

struct dsa_flow *dsa_schedule_next(struct dsa_schedule *schedule)
{
	struct dsa_flow *flow;

	if (!schedule->waiting.count)
		return NULL;
	flow = schedule->waiting.flows[0];
	take_out(flow);
	if (flow->pass > schedule->now)
		schedule->now = flow->pass;
	return flow;
}

void dsa_schedule_put(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t bytes)
{
	charge(flow, bytes);
	if (!schedule->waiting.count && flow->pass > schedule->now)
		schedule->now = flow->pass; /* nobody was kept waiting: nothing is owed */
	wait_from(schedule, flow, schedule->now < DSA_LAG_MAX ? 0 : schedule->now - DSA_LAG_MAX);
}

void dsa_schedule_delay(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t bytes,
			uint64_t until)
{
	charge(flow, bytes);
	push(&schedule->delayed, flow, until, schedule->order++);
}

void dsa_schedule_rest(struct dsa_schedule *schedule, struct dsa_flow *flow, uint64_t bytes)
{
	charge(flow, bytes);
}

void dsa_schedule_remove(struct dsa_schedule *schedule, struct dsa_flow *flow)
{
	if (flow->in)
		take_out(flow);
}

size_t dsa_schedule_resume(struct dsa_schedule *schedule, uint64_t time)
{
	size_t count = 0;

	while (dsa_schedule_due(schedule) <= time) {
		struct dsa_flow *flow = schedule->delayed.flows[0];

		take_out(flow);
		dsa_schedule_add(schedule, flow);
		count++;
	}
	return count;
}

uint64_t dsa_schedule_due(const struct dsa_schedule *schedule)
{
	return schedule->delayed.count ? schedule->delayed.flows[0]->key : UINT64_MAX;
}
