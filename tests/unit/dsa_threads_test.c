// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads that submit, several workers, and the parent's thread that opens, closes, maps and
 * commands meanwhile: every transfer is checked by whoever asked for it.
 */
#include "dsa_rig.h"

#include <pthread.h>

#define SUBMITTERS 3u
#define SECTION	   0x40000u /* of the buffers, for one descriptor under way */
#define DEPTH	   4u
#define ROUNDS	   400u

struct submitter {
	struct rig_user user;
	pthread_t thread;
	uint64_t seed;
	unsigned int wrong;
	bool done;
};

static struct submitter submitters[SUBMITTERS];

static void submit(struct submitter *submitter, const uint8_t *raw)
{
	while (umd_queue_submit(submitter->user.queue, raw, 1) != 1)
		sched_yield();
}

static void await(struct submitter *submitter, unsigned int record)
{
	while (!rig_status(&submitter->user, record))
		sched_yield();
	submitter->wrong += rig_status(&submitter->user, record) != DSA_OK;
	__atomic_store_n(rig_record(&submitter->user, record), 0, __ATOMIC_RELAXED);
}

/* A move of any size, whole or as a batch of two halves, and a look at what has come of it. */
static void begin_one(struct submitter *submitter, unsigned int slot, uint32_t size)
{
	uint64_t at = (uint64_t)slot * SECTION;
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	uint8_t *list = submitter->user.memory + RIG_LISTS + slot * 256;

	rig_fill(submitter->user.memory + RIG_SOURCE + at, size, submitter->seed);
	rig_describe_move(raw, slot, at, at, size);
	if (unit_random(&submitter->seed) % 2) {
		rig_describe_move(list, 16 + slot, at, at, size / 2);
		rig_describe_move(list + DSA_DESCRIPTOR_SIZE, 32 + slot, at + size / 2,
				  at + size / 2, size - size / 2);
		rig_describe(raw, DSA_BATCH, RIG_ALWAYS, slot, RIG_BASE + RIG_LISTS + slot * 256, 0,
			     2);
	}
	submit(submitter, raw);
}

static void end_one(struct submitter *submitter, unsigned int slot, uint32_t size)
{
	size_t at = (size_t)slot * SECTION;

	await(submitter, slot);
	submitter->wrong += memcmp(submitter->user.memory + RIG_DESTINATION + at,
				   submitter->user.memory + RIG_SOURCE + at, size) != 0;
	if (unit_random(&submitter->seed) % 8 == 0)
		usleep((unsigned int)unit_below(&submitter->seed, 100));
}

static void *submit_all(void *data)
{
	struct submitter *submitter = data;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t sizes[DEPTH];

		for (unsigned int i = 0; i < DEPTH; i++) {
			sizes[i] = 2 + (uint32_t)(unit_random(&submitter->seed) %
						  (1u << unit_below(&submitter->seed, 18)));
			begin_one(submitter, i, sizes[i]);
		}
		for (unsigned int i = 0; i < DEPTH; i++)
			end_one(submitter, i, sizes[i]);
	}
	__atomic_store_n(&submitter->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool all_done(void)
{
	bool done = true;

	for (unsigned int i = 0; i < SUBMITTERS; i++)
		done = __atomic_load_n(&submitters[i].done, __ATOMIC_ACQUIRE) && done;
	return done;
}

/* What the parent's thread does all the time, with an owner of its own. */
static void disturb(struct dsa_engine *engine, uint64_t *seed)
{
	enum umd_queue_command command = unit_below(seed, UMD_QUEUE_COMMANDS);
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user user;

	rig_link(&user, engine, 99);
	rig_map(&user, 0, RIG_SIZE);
	user.queue = rig_queue(&user, 3, unit_random(seed) % 2, NULL);
	for (unsigned int i = 0; i < 20; i++) {
		rig_describe_move(raw, i, 0, 0, 1u << unit_below(seed, 20));
		umd_queue_submit(user.queue, raw, 1);
	}
	if (unit_random(seed) % 2)
		assert_int_equal(umd_queue_command(user.queue, command, NULL, NULL), 0);
	if (unit_random(seed) % 2)
		rig_unmap(&user, 0, RIG_SIZE);
	rig_leave(&user);
}

static void run(unsigned int workers, bool shared)
{
	const struct dsa_engine_options options = {
		.workers = workers, .shared_queues = 1, .spin_us = 1};
	struct dsa_engine *engine = rig_engine(&options);
	uint64_t seed = workers;

	for (unsigned int i = 0; i < SUBMITTERS; i++) {
		struct submitter *submitter = &submitters[i];

		*submitter = (struct submitter){.seed = i + 1};
		rig_link(&submitter->user, engine, 10 + i);
		rig_map(&submitter->user, 0, RIG_SIZE);
		submitter->user.queue = rig_queue(&submitter->user, 1 + i, shared, NULL);
		assert_int_equal(pthread_create(&submitter->thread, NULL, submit_all, submitter),
				 0);
	}
	while (!all_done()) {
		disturb(engine, &seed);
		assert_int_equal(umd_parent_dispatch(dsa_engine_parent(engine), 1), 0);
	}
	for (unsigned int i = 0; i < SUBMITTERS; i++) {
		pthread_join(submitters[i].thread, NULL);
		assert_int_equal(submitters[i].wrong, 0);
		assert_int_equal(rig_usage(engine, 10 + i).faults, 0);
		rig_leave(&submitters[i].user);
	}
	dsa_engine_destroy(engine);
}

static void one_worker_serves_all(void **state)
{
	(void)state;
	run(1, false);
}

static void many_workers_serve_all(void **state)
{
	(void)state;
	run(4, false);
}

static void many_workers_serve_a_shared_queue(void **state)
{
	(void)state;
	run(3, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_serves_all),
		cmocka_unit_test(many_workers_serve_all),
		cmocka_unit_test(many_workers_serve_a_shared_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
