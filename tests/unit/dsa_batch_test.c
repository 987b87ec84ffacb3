// SPDX-License-Identifier: BSD-2-Clause
/* Batches: their lists, fences and records; and lists that are meant to do harm. */
#include "dsa_rig.h"

#define LIST (RIG_BASE + RIG_LISTS)

/* The batch's own record is the last: the members' are 0 and on. */
#define OWN 2000u

static struct dsa_engine *engine;
static struct rig_user user;

static int set_up(void **state)
{
	(void)state;
	engine = rig_engine(NULL);
	rig_join(&user, engine, 7);
	rig_fill(user.memory + RIG_SOURCE, 1 << 20, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_leave(&user);
	dsa_engine_destroy(engine);
	return 0;
}

static uint8_t *member(unsigned int index)
{
	return user.memory + RIG_LISTS + index * DSA_DESCRIPTOR_SIZE;
}

static void describe_batch(uint8_t *raw, uint64_t list, uint32_t count)
{
	rig_describe(raw, DSA_BATCH, RIG_ALWAYS, OWN, list, 0, count);
}

static uint8_t do_batch(uint64_t list, uint32_t count)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	describe_batch(raw, list, count);
	return rig_do(&user, raw, OWN);
}

static uint8_t own_result(void)
{
	return rig_record(&user, OWN)[1];
}

static uint32_t own_completed(void)
{
	return (uint32_t)rig_get(rig_record(&user, OWN) + 4, 4);
}

static void list_moves(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		rig_describe_move(member(i), i, i * 64, i * 64, 64);
}

static void set_flags(uint8_t *raw, uint32_t flags)
{
	rig_put(raw + 4, rig_get(raw + 4, 4) | flags, 4);
}

/* ---- What is done -------------------------------------------------------------------------- */

static void all_of_a_batch_is_done(void **state)
{
	(void)state;
	list_moves(1024);
	assert_int_equal(do_batch(LIST, 1024), DSA_OK);
	assert_int_equal(own_result(), 0);
	assert_int_equal(own_completed(), 1024);
	for (unsigned int i = 0; i < 1024; i++)
		assert_int_equal(rig_status(&user, i), DSA_OK);
	assert_memory_equal(user.memory + RIG_DESTINATION, user.memory + RIG_SOURCE, 65536);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).descriptors, 1025);
}

static void a_list_may_begin_anywhere_in_a_page(void **state)
{
	(void)state;
	list_moves(200);
	assert_int_equal(do_batch(LIST + 61 * DSA_DESCRIPTOR_SIZE, 100), DSA_OK);
	assert_int_equal(rig_status(&user, 60), 0);
	assert_int_equal(rig_status(&user, 61), DSA_OK);
	assert_int_equal(rig_status(&user, 160), DSA_OK);
	assert_int_equal(rig_status(&user, 161), 0);
}

static void what_does_not_succeed_fails_the_batch_but_not_the_others(void **state)
{
	(void)state;
	list_moves(10);
	rig_put(member(4) + 32, 0, 4); /* no size */
	assert_int_equal(do_batch(LIST, 10), DSA_BATCH_FAIL);
	assert_int_equal(own_result(), 1);
	assert_int_equal(own_completed(), 10);
	assert_int_equal(rig_status(&user, 4), DSA_BAD_SIZE);
	assert_int_equal(rig_status(&user, 9), DSA_OK);
}

static void a_fence_ends_a_batch_that_has_failed(void **state)
{
	(void)state;
	list_moves(10);
	rig_put(member(4) + 32, 0, 4);
	set_flags(member(3), DSA_FLAG_FENCE);
	set_flags(member(7), DSA_FLAG_FENCE);
	assert_int_equal(do_batch(LIST, 10), DSA_BATCH_FAIL);
	assert_int_equal(own_result(), 1);
	assert_int_equal(own_completed(), 7);
	assert_int_equal(rig_status(&user, 6), DSA_OK);
	assert_int_equal(rig_status(&user, 7), 0);
	assert_int_equal(rig_status(&user, 9), 0);
}

static void a_record_that_fails_counts_as_a_failure(void **state)
{
	(void)state;
	list_moves(4);
	rig_put(member(1) + 8, RIG_BASE + RIG_SIZE, 8);
	set_flags(member(2), DSA_FLAG_FENCE);
	assert_int_equal(do_batch(LIST, 4), DSA_BATCH_FAIL);
	assert_int_equal(own_completed(), 2);
	rig_drain(&user);
	assert_int_equal(user.notes, 1);
	assert_int_equal(user.note.status, DSA_RECORD_TRANSLATE);
	assert_true(user.note.in_batch);
	assert_int_equal(user.note.batch_index, 1);
}

static void a_batch_interrupts_after_all_records(void **state)
{
	struct pollfd ready = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN};
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	uint32_t vector;

	(void)state;
	assert_int_equal(umd_link_alloc_vector(user.link, &vector), 0);
	assert_int_equal(umd_link_set_eventfd(user.link, vector, ready.fd), 0);
	list_moves(100);
	describe_batch(raw, LIST, 100);
	set_flags(raw, DSA_FLAG_RCI);
	rig_put(raw + 36, vector, 2);
	rig_submit(&user, raw);
	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_int_equal(rig_status(&user, OWN), DSA_OK);
	assert_int_equal(rig_status(&user, 99), DSA_OK);
	close(ready.fd);
}

/* ---- What is refused ----------------------------------------------------------------------- */

static void a_batch_has_neither_batches_nor_drains(void **state)
{
	(void)state;
	list_moves(3);
	rig_describe(member(0), DSA_BATCH, RIG_ALWAYS, 0, LIST, 0, 3);
	rig_describe(member(1), DSA_DRAIN, RIG_ALWAYS, 1, 0, 0, 0);
	assert_int_equal(do_batch(LIST, 3), DSA_BATCH_FAIL);
	assert_int_equal(own_completed(), 3);
	assert_int_equal(rig_status(&user, 0), DSA_BAD_OPCODE);
	assert_int_equal(rig_status(&user, 1), DSA_BAD_OPCODE);
	assert_int_equal(rig_status(&user, 2), DSA_OK);
}

static void a_batch_has_at_least_two_and_at_most_what_its_queue_says(void **state)
{
	(void)state;
	list_moves(2);
	assert_int_equal(do_batch(LIST, 0), DSA_BAD_COUNT);
	assert_int_equal(do_batch(LIST, 1), DSA_BAD_COUNT);
	assert_int_equal(do_batch(LIST, 1025), DSA_BAD_COUNT);
	assert_int_equal(do_batch(LIST, UINT32_MAX), DSA_BAD_COUNT);
	assert_int_equal(do_batch(LIST, 2), DSA_OK);
}

static void a_list_is_aligned_and_a_batch_has_no_other_fields(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	list_moves(3);
	assert_int_equal(do_batch(LIST + 32, 2), DSA_BAD_LIST);
	describe_batch(raw, LIST, 2);
	rig_put(raw + 24, 1, 8);
	assert_int_equal(rig_do(&user, raw, OWN), DSA_BAD_RESERVED);
	describe_batch(raw, LIST, 2);
	raw[63] = 1;
	assert_int_equal(rig_do(&user, raw, OWN), DSA_BAD_RESERVED);
	describe_batch(raw, LIST, 2);
	set_flags(raw, DSA_FLAG_CR);
	assert_int_equal(rig_do(&user, raw, OWN), DSA_BAD_FLAGS);
	assert_int_equal(rig_status(&user, 0), 0);
}

static void members_speak_for_nobody_else_either(void **state)
{
	(void)state;
	list_moves(3);
	rig_put(member(1), 8, 4);
	rig_put(member(2) + 36, 100, 2);
	set_flags(member(2), DSA_FLAG_RCI);
	assert_int_equal(do_batch(LIST, 3), DSA_BATCH_FAIL);
	assert_int_equal(rig_status(&user, 0), DSA_OK);
	assert_int_equal(rig_status(&user, 1), DSA_BAD_RESERVED);
	assert_int_equal(rig_status(&user, 2), DSA_BAD_HANDLE);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).refused, 2);
}

/* ---- Lists that are not there -------------------------------------------------------------- */

static void a_list_that_is_not_there_is_a_fault_with_its_address(void **state)
{
	(void)state;
	assert_int_equal(do_batch(RIG_BASE + RIG_SIZE, 2), DSA_LIST_FAULT);
	assert_int_equal(own_completed(), 0);
	assert_int_equal(rig_get(rig_record(&user, OWN) + 8, 8), RIG_BASE + RIG_SIZE);
	assert_int_equal(do_batch(UINT64_MAX - 63, 100), DSA_LIST_FAULT);
}

static void a_list_may_end_in_a_page_that_is_missing(void **state)
{
	(void)state;
	list_moves(200);
	rig_unmap(&user, 0, RIG_SIZE);
	rig_map(&user, 0, RIG_LISTS + 4096);
	rig_map(&user, RIG_SOURCE, RIG_SIZE - RIG_SOURCE);
	assert_int_equal(do_batch(LIST, 200), DSA_LIST_FAULT);
	assert_int_equal(own_result(), 0);
	assert_int_equal(own_completed(), 64);
	assert_int_equal(rig_get(rig_record(&user, OWN) + 8, 8), LIST + 4096);
	assert_int_equal(rig_status(&user, 63), DSA_OK);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).faults, 1);
}

/* ---- Lists that are meant to do harm ------------------------------------------------------- */

/* Each move copies its list over itself, so that what comes next is what was done. */
static void a_list_that_writes_to_itself_ends(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1024; i++)
		rig_describe(member(i), DSA_MOVE, RIG_ALWAYS, 1,
			     LIST + (i + 1) % 1024 * DSA_DESCRIPTOR_SIZE,
			     LIST + (i * 7 + 2) % 1024 * DSA_DESCRIPTOR_SIZE, 64);
	do_batch(LIST, 1024);
	assert_int_equal(own_completed(), 1024);
}

/* Records that lie in the list, and the batch's own as well. */
static void records_in_the_list_only_hurt_its_owner(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user other;

	(void)state;
	rig_join(&other, engine, 8);
	list_moves(64);
	for (unsigned int i = 0; i < 64; i++)
		rig_put(member(i) + 8, LIST + (i + 20) % 64 * DSA_DESCRIPTOR_SIZE, 8);
	describe_batch(raw, LIST, 64);
	rig_put(raw + 8, LIST, 8);
	rig_submit(&user, raw);
	rig_drain(&user);
	assert_int_not_equal(member(0)[0], 0);

	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&other, raw, 0), DSA_OK);
	rig_leave(&other);
}

static void a_list_that_changes_all_the_time_only_hurts_its_owner(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE], move[DSA_DESCRIPTOR_SIZE];
	struct rig_user other;
	uint64_t seed = 3;

	(void)state;
	rig_join(&other, engine, 8);
	rig_fill(other.memory + RIG_SOURCE, 4096, 4);
	for (unsigned int round = 0; round < 100; round++) {
		list_moves(1024);
		describe_batch(raw, LIST, 1024);
		rig_submit(&user, raw);
		rig_describe_move(move, 0, 0, 0, 4096);
		memset(other.memory + RIG_DESTINATION, 0, 4096);
		rig_submit(&other, move);
		for (unsigned int i = 0; i < 2000; i++)
			*(volatile uint8_t *)(member((unsigned int)unit_below(&seed, 1024)) +
					      unit_below(&seed, 64)) = (uint8_t)unit_random(&seed);
		assert_int_equal(rig_wait(&other, 0), DSA_OK);
		memset(rig_record(&other, 0), 0, DSA_RECORD_SIZE);
		assert_memory_equal(other.memory + RIG_DESTINATION, other.memory + RIG_SOURCE,
				    4096);
		rig_drain(&user);
	}
	assert_int_equal(rig_usage(engine, 8).faults, 0);
	assert_int_equal(rig_usage(engine, 8).refused, 0);
	assert_int_equal(other.notes, 0);
	rig_leave(&other);
}

static void a_batch_is_aborted_between_its_members(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	for (unsigned int i = 0; i < 1024; i++)
		rig_describe_move(member(i), i, 0, 0, 1 << 20);
	describe_batch(raw, LIST, 1024);
	rig_submit(&user, raw);
	rig_wait(&user, 0);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_ABORT, NULL, NULL), 0);
	assert_int_equal(rig_status(&user, OWN), 0);
	assert_int_equal(rig_status(&user, 1023), 0);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_START, NULL, NULL), 0);
	list_moves(2);
	assert_int_equal(do_batch(LIST, 2), DSA_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define BATCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		BATCH_TEST(all_of_a_batch_is_done),
		BATCH_TEST(a_list_may_begin_anywhere_in_a_page),
		BATCH_TEST(what_does_not_succeed_fails_the_batch_but_not_the_others),
		BATCH_TEST(a_fence_ends_a_batch_that_has_failed),
		BATCH_TEST(a_record_that_fails_counts_as_a_failure),
		BATCH_TEST(a_batch_interrupts_after_all_records),
		BATCH_TEST(a_batch_has_neither_batches_nor_drains),
		BATCH_TEST(a_batch_has_at_least_two_and_at_most_what_its_queue_says),
		BATCH_TEST(a_list_is_aligned_and_a_batch_has_no_other_fields),
		BATCH_TEST(members_speak_for_nobody_else_either),
		BATCH_TEST(a_list_that_is_not_there_is_a_fault_with_its_address),
		BATCH_TEST(a_list_may_end_in_a_page_that_is_missing),
		BATCH_TEST(a_list_that_writes_to_itself_ends),
		BATCH_TEST(records_in_the_list_only_hurt_its_owner),
		BATCH_TEST(a_list_that_changes_all_the_time_only_hurts_its_owner),
		BATCH_TEST(a_batch_is_aborted_between_its_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
