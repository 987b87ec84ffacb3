// SPDX-License-Identifier: BSD-2-Clause
/* The engine: descriptors that go through a queue, what is refused, and what the owner is told. */
#include "dsa_rig.h"

static struct dsa_engine *engine;
static struct rig_user user;

static int set_up(void **state)
{
	(void)state;
	engine = rig_engine(NULL);
	rig_join(&user, engine, 7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_leave(&user);
	dsa_engine_destroy(engine);
	return 0;
}

/* ---- What is done -------------------------------------------------------------------------- */

static void a_move_is_done_and_its_record_written(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_fill(user.memory + RIG_SOURCE, 4096, 1);
	rig_describe_move(raw, 3, 0, 64, 1000);
	assert_int_equal(rig_do(&user, raw, 3), DSA_OK);
	assert_memory_equal(user.memory + RIG_DESTINATION + 64, user.memory + RIG_SOURCE, 1000);
	assert_int_equal(user.memory[RIG_DESTINATION + 63], 0);
	assert_int_equal(user.memory[RIG_DESTINATION + 1064], 0);
}

static void many_moves_are_done_in_order(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		rig_put(user.memory + RIG_SOURCE + i % 256 * 8, i, 8);
		rig_describe_move(raw, 0, i % 256 * 8, 0, 8);
		rig_submit(&user, raw);
		if (i % 250 == 249)
			rig_drain(&user);
	}
	rig_drain(&user);
	assert_int_equal(rig_get(user.memory + RIG_DESTINATION, 8), 19999);
	assert_int_equal(rig_usage(engine, 7).descriptors, 20000);
	assert_int_equal(rig_usage(engine, 7).bytes, 160000);
}

static void a_large_move_is_done_in_pieces(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_fill(user.memory + RIG_SOURCE, 1 << 20, 2);
	rig_describe_move(raw, 0, 0, 0, 1 << 20);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	assert_memory_equal(user.memory + RIG_DESTINATION, user.memory + RIG_SOURCE, 1 << 20);
}

static void a_record_that_was_not_asked_for_is_not_written(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_NOP, DSA_FLAG_CRAV, 0, 0, 0, 0);
	rig_submit(&user, raw);
	rig_drain(&user);
	assert_int_equal(rig_status(&user, 0), 0);
	assert_int_equal(user.notes, 0);
}

static void a_queue_that_slept_wakes(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	for (unsigned int i = 0; i < 200; i++) {
		usleep(i % 2 ? 10 * i : 20);
		assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	}
}

static void an_interrupt_follows_the_record(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct pollfd ready = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN};
	uint32_t vector;

	(void)state;
	assert_int_equal(umd_link_alloc_vector(user.link, &vector), 0);
	assert_int_equal(umd_link_set_eventfd(user.link, vector, ready.fd), 0);
	rig_describe(raw, DSA_NOP, RIG_ALWAYS | DSA_FLAG_RCI, 0, 0, 0, 0);
	rig_put(raw + 36, vector, 2);
	rig_submit(&user, raw);
	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_int_equal(rig_status(&user, 0), DSA_OK);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).interrupts, 1);
	close(ready.fd);
}

static void a_drain_comes_after_what_it_drains(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe_move(raw, 1, 0, 0, 1 << 20);
	rig_submit(&user, raw);
	rig_describe(raw, DSA_DRAIN, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	assert_int_equal(rig_status(&user, 1), DSA_OK);
}

/* ---- What is refused ----------------------------------------------------------------------- */

static void a_drain_has_no_operands(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_DRAIN, RIG_ALWAYS | DSA_FLAG_CC, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_FLAGS);
	assert_int_equal(rig_get(rig_record(&user, 0) + 16, 4), DSA_FLAG_CC);
	rig_describe(raw, DSA_DRAIN, RIG_ALWAYS, 0, RIG_BASE, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_RESERVED);
	rig_describe(raw, DSA_DRAIN, RIG_ALWAYS, 0, 0, 0, 8);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_RESERVED);
}

static void an_unknown_opcode_is_refused(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, 0xff, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_OPCODE);
	rig_describe(raw, 0x40 | DSA_BATCH, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_OPCODE);
}

static void somebody_elses_pasid_is_refused_and_counted(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	rig_put(raw, 7, 4);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	rig_put(raw, 8, 4);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_RESERVED);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).refused, 1);
}

static void nobody_is_privileged(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	rig_put(raw, UINT32_C(1) << 31, 4);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_PRIVILEGE);
}

static void somebody_elses_interrupt_is_refused_and_counted(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct rig_user other;
	uint32_t vector;

	(void)state;
	rig_join(&other, engine, 8);
	assert_int_equal(umd_link_alloc_vector(other.link, &vector), 0);
	assert_int_equal(umd_link_set_eventfd(other.link, vector, fd), 0);
	rig_fill(user.memory + RIG_SOURCE, 64, 3);
	rig_describe(raw, DSA_MOVE, RIG_ALWAYS | DSA_FLAG_RCI, 0, RIG_BASE + RIG_SOURCE,
		     RIG_BASE + RIG_DESTINATION, 64);
	rig_put(raw + 36, vector, 2);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_HANDLE);
	assert_int_equal(user.memory[RIG_DESTINATION], 0);
	rig_put(raw + 36, 0xffff, 2);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_HANDLE);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).refused, 2);
	assert_int_equal(rig_usage(engine, 7).interrupts, 0);
	assert_int_equal(unit_take_events(fd), 0);
	rig_leave(&other);
	close(fd);
}

static void a_queue_has_the_opcodes_and_sizes_it_was_given(void **state)
{
	const struct dsa_queue_config config = {
		.size = sizeof(config), .max_transfer = 4096, .opcodes = {1u << DSA_MOVE}};
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	umd_queue_close(user.queue);
	user.queue = rig_queue(&user, 0, 0, &config);
	rig_describe_move(raw, 0, 0, 0, 4096);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	rig_describe_move(raw, 0, 0, 0, 4097);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_SIZE);
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_OPCODE);
	rig_describe(raw, DSA_DRAIN, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_OPCODE);
	rig_describe(raw, DSA_MOVE, RIG_ALWAYS | DSA_FLAG_BOF, 0, RIG_BASE, RIG_BASE + 4096, 8);
	assert_int_equal(rig_do(&user, raw, 0), DSA_BAD_FLAGS);
}

static void a_config_that_cannot_be_is_refused(void **state)
{
	struct dsa_queue_config config = {.size = sizeof(config)};
	struct umd_queue_options options = {
		.size = sizeof(options), .config = &config, .config_size = sizeof(config)};
	struct umd_queue *queue = NULL;

	(void)state;
	config.max_batch = 1025;
	assert_int_equal(umd_queue_open(user.link, &options, &queue), -EINVAL);
	config = (struct dsa_queue_config){.size = sizeof(config), .priority = 16};
	assert_int_equal(umd_queue_open(user.link, &options, &queue), -EINVAL);
	config = (struct dsa_queue_config){.size = sizeof(config) - 1};
	assert_int_equal(umd_queue_open(user.link, &options, &queue), -EINVAL);
	config.size = sizeof(config);
	options.config_size--;
	assert_int_equal(umd_queue_open(user.link, &options, &queue), -EINVAL);
	assert_int_equal(rig_usage(engine, 7).queues, 1);
}

/* ---- What cannot be told in a record ------------------------------------------------------- */

static void a_fault_is_told_by_the_record_and_counted(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_unmap(&user, 0, RIG_SIZE);
	rig_map(&user, 0, RIG_DESTINATION + 8192);
	rig_describe_move(raw, 0, 0, 0, 10000);
	assert_int_equal(rig_do(&user, raw, 0), DSA_FAULT | DSA_FAULT_WRITE);
	assert_int_equal(rig_get(rig_record(&user, 0) + 4, 4), 8192);
	assert_int_equal(rig_get(rig_record(&user, 0) + 8, 8), RIG_BASE + RIG_DESTINATION + 8192);
	rig_drain(&user);
	assert_int_equal(rig_usage(engine, 7).faults, 1);
	assert_int_equal(user.notes, 0);
}

static void an_error_without_a_record_is_noted(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_MOVE, DSA_FLAG_CR, 0, RIG_BASE, RIG_BASE + 4096, 8);
	rig_submit(&user, raw);
	rig_drain(&user);
	assert_int_equal(user.notes, 1);
	assert_int_equal(user.note.status, DSA_BAD_FLAGS);
	assert_int_equal(user.note.opcode, DSA_MOVE);
	assert_int_equal(user.note.invalid_flags, DSA_FLAG_CR);
	assert_false(user.note.in_batch);

	rig_describe(raw, DSA_MOVE, 0, 0, RIG_BASE, RIG_BASE + RIG_SIZE, 8);
	rig_submit(&user, raw);
	rig_drain(&user);
	assert_int_equal(user.notes, 2);
	assert_int_equal(user.note.status, DSA_FAULT);
	assert_true(user.note.write);
	assert_int_equal(user.note.address, RIG_BASE + RIG_SIZE);
}

static void a_record_that_cannot_be_written_is_noted(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	rig_put(raw + 8, RIG_BASE + RIG_SIZE, 8);
	rig_submit(&user, raw);
	rig_drain(&user);
	assert_int_equal(user.notes, 1);
	assert_int_equal(user.note.status, DSA_RECORD_TRANSLATE);
	assert_int_equal(user.note.address, RIG_BASE + RIG_SIZE);
	assert_int_equal(rig_usage(engine, 7).faults, 1);
}

static void a_record_out_of_line_keeps_its_descriptor_from_being_done(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	user.memory[RIG_SOURCE] = 1;
	rig_describe_move(raw, 0, 0, 0, 64);
	rig_put(raw + 8, RIG_BASE + 16, 8);
	rig_submit(&user, raw);
	rig_drain(&user);
	assert_int_equal(user.notes, 1);
	assert_int_equal(user.note.status, DSA_BAD_RECORD);
	assert_int_equal(user.memory[RIG_DESTINATION], 0);
	assert_int_equal(rig_get(user.memory, 8), 0);
}

/* The first note is told; one that comes while it waits for that is lost. */
static void a_page_is_asked_for_again_where_the_note_was_lost(void **state)
{
	const struct dsa_queue_config config = {
		.size = sizeof(config), .block_on_fault = 1, .asks_for_pages = 1};
	uint64_t end = rig_now_ms() + 10000;
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	umd_queue_close(user.queue);
	user.queue = rig_queue(&user, 0, 0, &config);
	rig_unmap(&user, 0, RIG_SIZE);
	rig_map(&user, 0, RIG_SOURCE);
	user.memory[RIG_SOURCE] = 0x5a;
	rig_describe(raw, DSA_MOVE, DSA_FLAG_CR, 0, RIG_BASE, RIG_BASE + 4096, 8);
	rig_submit(&user, raw);
	rig_describe_move(raw, 1, 0, 0, 64);
	rig_put(raw + 4, RIG_ALWAYS | DSA_FLAG_BOF | (uint32_t)DSA_MOVE << 24, 4);
	rig_submit(&user, raw);
	usleep(100000); /* both have been noted */
	while (!user.note.asks) {
		assert_int_equal(rig_status(&user, 1), 0);
		assert_true(rig_now_ms() < end);
		rig_dispatch(&user);
		usleep(1000);
	}
	assert_int_equal(user.lost, 1);
	assert_int_equal(user.note.address, RIG_BASE + RIG_SOURCE);
	rig_map(&user, RIG_SOURCE, RIG_SIZE - RIG_SOURCE);
	dsa_engine_answer(engine, 7, user.note.address, true);
	assert_int_equal(rig_wait(&user, 1), DSA_OK);
	assert_int_equal(user.memory[RIG_DESTINATION], 0x5a);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void an_aborted_queue_starts_anew(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe_move(raw, 0, 0, 0, 1 << 20);
	for (unsigned int i = 0; i < 200; i++)
		rig_submit(&user, raw);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_ABORT, NULL, NULL), 0);
	assert_true(rig_usage(engine, 7).descriptors < 200);
	assert_int_equal(umd_queue_submit(user.queue, raw, 1), -ESHUTDOWN);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_START, NULL, NULL), 0);
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 1, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 1), DSA_OK);
}

static void a_stopped_queue_takes_nothing_until_it_is_started(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	rig_describe_move(raw, 0, 0, 0, 1 << 20);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_STOP, NULL, NULL), 0);
	assert_int_equal(umd_queue_submit(user.queue, raw, 1), -ESHUTDOWN);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_DRAIN, NULL, NULL), 0);
	assert_int_equal(umd_queue_command(user.queue, UMD_QUEUE_START, NULL, NULL), 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
}

static void a_queue_closes_in_the_middle_of_a_transfer(void **state)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	(void)state;
	for (unsigned int i = 0; i < 50; i++) {
		rig_describe_move(raw, 0, 0, 0, 1 << 20);
		rig_submit(&user, raw);
		if (i % 2)
			usleep(i);
		umd_queue_close(user.queue);
		user.queue = rig_queue(&user, 0, 0, NULL);
	}
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 1, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 1), DSA_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		ENGINE_TEST(a_move_is_done_and_its_record_written),
		ENGINE_TEST(many_moves_are_done_in_order),
		ENGINE_TEST(a_large_move_is_done_in_pieces),
		ENGINE_TEST(a_record_that_was_not_asked_for_is_not_written),
		ENGINE_TEST(a_queue_that_slept_wakes),
		ENGINE_TEST(an_interrupt_follows_the_record),
		ENGINE_TEST(a_drain_comes_after_what_it_drains),
		ENGINE_TEST(a_drain_has_no_operands),
		ENGINE_TEST(an_unknown_opcode_is_refused),
		ENGINE_TEST(somebody_elses_pasid_is_refused_and_counted),
		ENGINE_TEST(nobody_is_privileged),
		ENGINE_TEST(somebody_elses_interrupt_is_refused_and_counted),
		ENGINE_TEST(a_queue_has_the_opcodes_and_sizes_it_was_given),
		ENGINE_TEST(a_config_that_cannot_be_is_refused),
		ENGINE_TEST(a_fault_is_told_by_the_record_and_counted),
		ENGINE_TEST(an_error_without_a_record_is_noted),
		ENGINE_TEST(a_record_that_cannot_be_written_is_noted),
		ENGINE_TEST(a_record_out_of_line_keeps_its_descriptor_from_being_done),
		ENGINE_TEST(a_page_is_asked_for_again_where_the_note_was_lost),
		ENGINE_TEST(an_aborted_queue_starts_anew),
		ENGINE_TEST(a_stopped_queue_takes_nothing_until_it_is_started),
		ENGINE_TEST(a_queue_closes_in_the_middle_of_a_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
