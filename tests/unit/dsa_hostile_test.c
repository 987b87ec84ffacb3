// SPDX-License-Identifier: BSD-2-Clause
/*
 * Owners who mean harm: rings full of noise, rings that lie, memory that goes away. The engine goes
 * on, and another owner's queue notices nothing.
 */
#include "dsa_rig.h"

#include "parent/link.h"

static struct dsa_engine *engine;
static struct rig_user bad, good;

static int set_up(void **state)
{
	(void)state;
	engine = rig_engine(NULL);
	rig_join(&bad, engine, 7);
	rig_join(&good, engine, 8);
	rig_fill(good.memory + RIG_SOURCE, 65536, 8);
	return 0;
}

/* The good one has never had anything to do with it. */
static void check_good(void)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	memset(good.memory + RIG_DESTINATION, 0, 65536);
	rig_describe_move(raw, 0, 0, 0, 65536);
	assert_int_equal(rig_do(&good, raw, 0), DSA_OK);
	assert_memory_equal(good.memory + RIG_DESTINATION, good.memory + RIG_SOURCE, 65536);
	rig_drain(&good);
	assert_int_equal(good.notes, 0);
	assert_int_equal(good.halts, 0);
	assert_int_equal(rig_usage(engine, 8).refused, 0);
	assert_int_equal(rig_usage(engine, 8).faults, 0);
}

static int tear_down(void **state)
{
	(void)state;
	check_good();
	rig_leave(&bad);
	check_good();
	rig_leave(&good);
	dsa_engine_destroy(engine);
	return 0;
}

/* ---- Rings --------------------------------------------------------------------------------- */

static void noise_in_descriptors_ends_nothing(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (unsigned int i = 0; i < 50000; i++) {
		uint8_t raw[DSA_DESCRIPTOR_SIZE];

		rig_fill(raw, sizeof(raw), unit_random(&seed));
		if (i % 2) { /* half of them get further */
			rig_put(raw, 0, 4);
			raw[7] %= 34;
			rig_put(raw + 8, RIG_BASE + unit_below(&seed, 1024) * 32, 8);
			rig_put(raw + 16, RIG_BASE + unit_below(&seed, RIG_SIZE), 8);
			rig_put(raw + 24, RIG_BASE + unit_below(&seed, RIG_SIZE), 8);
			rig_put(raw + 32, unit_below(&seed, 100000), 4);
		}
		rig_submit(&bad, raw);
	}
	check_good();
	rig_drain(&bad);
	assert_int_equal(rig_usage(engine, 7).interrupts, 0);
}

static void every_field_may_be_anything(void **state)
{
	static const uint64_t values[] = {0,
					  1,
					  31,
					  63,
					  4095,
					  0x7fffffff,
					  0x80000000,
					  UINT32_MAX,
					  RIG_BASE + RIG_SIZE - 1,
					  UINT64_MAX - 31,
					  UINT64_MAX};
	static const unsigned int fields[][2] = {{0, 4},  {4, 3},  {7, 1},  {8, 8},
						 {16, 8}, {24, 8}, {32, 4}, {36, 2},
						 {38, 2}, {40, 8}, {48, 8}, {56, 8}};
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		for (size_t i = 0; i < UNIT_COUNT(fields); i++) {
			for (size_t k = 0; k < UNIT_COUNT(values); k++) {
				rig_describe(raw, (uint8_t)opcode, RIG_ALWAYS, 1, RIG_BASE,
					     RIG_BASE + RIG_DESTINATION, 128);
				rig_put(raw + fields[i][0], values[k], fields[i][1]);
				rig_submit(&bad, raw);
			}
		}
		if (opcode % 16 == 0)
			check_good();
	}
	rig_drain(&bad);
}

static void a_ring_that_is_nonsense_halts_its_own_queue(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	uint32_t *tail = &bad.queue->ring.shared->tail;
	uint64_t end = rig_now_ms() + 10000;

	(void)state;
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&bad, raw, 0), DSA_OK);
	__atomic_store_n(tail, *tail + 100000, __ATOMIC_RELEASE);
	while (!bad.halts && rig_now_ms() < end) {
		unit_add_event(bad.queue->doorbell);
		rig_dispatch(&bad);
	}
	assert_int_equal(bad.halts, 1);
	assert_int_equal(bad.reason, -EPROTO);
	assert_int_equal(umd_queue_submit(bad.queue, raw, 1), -ESHUTDOWN);
	check_good();

	umd_queue_close(bad.queue);
	bad.queue = rig_queue(&bad, 0, 0, NULL);
	assert_int_equal(rig_do(&bad, raw, 0), DSA_OK);
}

static void a_doorbell_that_rings_all_the_time_is_only_a_noise(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		unit_add_event(bad.queue->doorbell);
		if (i % 1000 == 0)
			check_good();
	}
}

/* ---- Memory -------------------------------------------------------------------------------- */

static void map_apart(struct rig_user *user)
{
	rig_unmap(user, 0, RIG_SIZE);
	rig_map(user, 0, RIG_SOURCE);
	rig_map(user, RIG_SOURCE, 1 << 20);
	rig_map(user, RIG_DESTINATION, RIG_SIZE - RIG_DESTINATION);
}

static void memory_may_be_unmapped_under_a_transfer(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	map_apart(&bad);
	for (unsigned int i = 0; i < 100; i++) {
		rig_describe_move(raw, 0, 0, 0, 1 << 20);
		for (unsigned int k = 0; k < 4; k++)
			rig_submit(&bad, raw);
		rig_unmap(&bad, RIG_SOURCE, 1 << 20);
		rig_map(&bad, RIG_SOURCE, 1 << 20);
	}
	rig_drain(&bad);
	rig_describe_move(raw, 0, 0, 0, 1 << 20);
	assert_int_equal(rig_do(&bad, raw, 0), DSA_OK);
}

static void an_owner_may_vanish_in_the_middle_of_it_all(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	for (unsigned int i = 0; i < 50; i++) {
		for (unsigned int k = 0; k < 64; k++) {
			rig_describe_move(raw, k, 0, 0, 1 << 20);
			umd_queue_submit(bad.queue, raw, 1);
		}
		rig_leave(&bad);
		rig_join(&bad, engine, 7);
	}
	check_good();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define HOSTILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		HOSTILE_TEST(noise_in_descriptors_ends_nothing),
		HOSTILE_TEST(every_field_may_be_anything),
		HOSTILE_TEST(a_ring_that_is_nonsense_halts_its_own_queue),
		HOSTILE_TEST(a_doorbell_that_rings_all_the_time_is_only_a_noise),
		HOSTILE_TEST(memory_may_be_unmapped_under_a_transfer),
		HOSTILE_TEST(an_owner_may_vanish_in_the_middle_of_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
