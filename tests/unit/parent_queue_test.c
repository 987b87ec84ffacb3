/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues: opening, submitting, the doorbell, commands, and what their links are told. */
#include "parent_fixture.h"

#include <pthread.h>

#include "parent/link.h"

static struct rig rig;
static struct umd_link *link_;
static struct umd_queue *queue;

/* What the link was told. */
static struct {
	unsigned int halts, notes;
	int reason;
	uint32_t lost;
	size_t size;
	uint8_t note[UMD_NOTE_MAX];
	struct umd_queue *queue;
	char order[8]; /* the first of them, a letter each */
} told;

static void note_order(char letter)
{
	size_t length = strlen(told.order);

	if (length + 1 < sizeof(told.order))
		told.order[length] = letter;
}

static void note_halted(void *data, struct umd_queue *halted, int reason)
{
	note_order('h');
	told.halts++;
	told.reason = reason;
	told.queue = halted;
}

static void note_noted(void *data, struct umd_queue *noted, const void *note, size_t size,
		       uint32_t lost)
{
	note_order('n');
	told.notes++;
	told.queue = noted;
	told.size = size;
	told.lost = lost;
	memcpy(told.note, note, size);
}

static const struct umd_link_ops hears = {.halted = note_halted, .noted = note_noted};

static int setup(void **state)
{
	memset(&told, 0, sizeof(told));
	rig_init(&rig);
	link_ = rig_link(&rig, 1);
	umd_link_set_ops(link_, &hears, NULL);
	queue = rig_queue(link_, 8);
	return 0;
}

static int teardown(void **state)
{
	umd_link_close(link_);
	assert_int_equal(rig.author.opened, rig.author.closed);
	rig_finish(&rig);
	return 0;
}

static struct umd_work *work(void)
{
	return rig.author.work;
}

static void dispatch(void)
{
	assert_int_equal(umd_link_dispatch(link_), 0);
}

/* ---- Opening ------------------------------------------------------------------------------- */

static int try_open(const struct umd_queue_options *options)
{
	struct umd_queue *opened;
	int err = umd_queue_open(link_, options, &opened);

	if (!err)
		umd_queue_close(opened);
	return err;
}

static void test_a_queue_that_may_not_be_is_not_opened(void **state)
{
	struct umd_queue_options strange = queue_options(8), deep = queue_options(1025);
	struct umd_queue_options deepest = queue_options(UINT32_MAX), shared = queue_options(8);
	struct umd_queue_options heavy = queue_options(8), wordy = queue_options(8);
	struct umd_queue_options empty = queue_options(8);
	uint8_t config[UMD_QUEUE_CONFIG_MAX + 1] = {0};

	strange.size++;
	shared.shared = 4;
	heavy.weight = 9;
	wordy.config = config;
	wordy.config_size = sizeof(config);
	empty.config_size = 1;
	assert_int_equal(try_open(&strange), -EINVAL);
	assert_int_equal(try_open(&deep), -EINVAL);
	assert_int_equal(try_open(&deepest), -EINVAL);
	assert_int_equal(try_open(&shared), -ENOENT);
	assert_int_equal(try_open(&heavy), -EPERM);
	assert_int_equal(try_open(&wordy), -EINVAL);
	assert_int_equal(try_open(&empty), -EINVAL);
	assert_int_equal(rig.author.opened, 1);

	shared.shared = 3;
	heavy.weight = 8;
	wordy.config_size--;
	assert_int_equal(try_open(&shared), 0);
	assert_int_equal(try_open(&heavy), 0);
	assert_int_equal(try_open(&wordy), 0);
}

static void test_the_parent_s_author_sees_what_was_asked_for(void **state)
{
	const char config[] = "fast, please";
	struct umd_queue_options wanted = queue_options(5);
	struct umd_queue *other;

	wanted.shared = 2;
	wanted.config = config;
	wanted.config_size = sizeof(config);
	assert_int_equal(umd_queue_open(link_, &wanted, &other), 0);
	assert_int_equal(umd_queue_depth(other), 8);
	assert_int_equal(umd_work_options(work())->depth, 8);
	assert_int_equal(umd_work_options(work())->weight, 1);
	assert_int_equal(umd_work_options(work())->shared, 2);
	assert_int_equal(umd_work_options(work())->config_size, sizeof(config));
	assert_memory_equal(umd_work_options(work())->config, config, sizeof(config));
	assert_ptr_not_equal(umd_work_options(work())->config, config);
}

static void test_a_queue_without_a_wish_has_a_depth_all_the_same(void **state)
{
	assert_int_equal(umd_queue_depth(rig_queue(link_, 0)), 256);
}

static void test_what_the_author_refuses_is_not_opened(void **state)
{
	struct umd_queue_options wanted = queue_options(8);
	int fds = unit_count_fds();

	rig.author.refuse = -EDOM;
	assert_int_equal(try_open(&wanted), -EDOM);
	assert_int_equal(unit_count_fds(), fds);
	rig.author.refuse = 0;
	for (int i = 0; i < 3; i++)
		rig_queue(link_, 8);
	assert_int_equal(try_open(&wanted), -ENOSPC);
}

/* ---- Entries ------------------------------------------------------------------------------- */

static void test_a_full_queue_takes_what_fits(void **state)
{
	struct entry entries[12] = {{{0}}};

	assert_int_equal(umd_queue_room(queue), 8);
	assert_int_equal(submit(queue, 1), 1);
	assert_int_equal(umd_queue_submit(queue, entries, 12), 7);
	assert_int_equal(umd_queue_submit(queue, entries, 1), 0);
	assert_int_equal(umd_work_waiting(work()), 8);
	expect_entry(work(), 1);
	assert_int_equal(umd_queue_room(queue), 1);
	assert_int_equal(umd_work_waiting(work()), 7);
	assert_int_equal(work_stats(work()).entries, 1);
}

static void test_queues_do_not_mix(void **state)
{
	struct umd_work *mine = work(), *others;
	struct umd_queue *other = rig_queue(link_, 8);

	others = work();
	assert_int_equal(submit(queue, 1), 1);
	assert_int_equal(submit(other, 2), 1);
	expect_entry(others, 2);
	expect_entry(mine, 1);
	assert_int_equal(take_one(mine), 0);
	assert_int_equal(take_one(others), 0);
}

static void test_statistics_of_another_size_are_not_filled_in(void **state)
{
	struct umd_work_stats stats = {.size = sizeof(stats) + 1, .entries = 5};

	assert_int_equal(umd_work_get_stats(work(), &stats), -EINVAL);
	assert_int_equal(stats.entries, 5);
}

/* ---- The doorbell -------------------------------------------------------------------------- */

static void test_nobody_rings_for_a_parent_that_is_awake(void **state)
{
	submit(queue, 1);
	assert_int_equal(unit_take_events(umd_work_doorbell(work())), 0);
	assert_int_equal(work_stats(work()).doorbells, 0);
}

static void test_a_sleeping_parent_is_rung_for_once(void **state)
{
	assert_true(umd_work_sleep(work()));
	submit(queue, 1);
	submit(queue, 2);
	assert_int_equal(unit_take_events(umd_work_doorbell(work())), 1);
	assert_int_equal(work_stats(work()).doorbells, 1);
	umd_work_wake(work());
	submit(queue, 3);
	assert_int_equal(unit_take_events(umd_work_doorbell(work())), 0);
}

static void test_a_parent_with_entries_may_not_sleep(void **state)
{
	submit(queue, 1);
	submit(queue, 2);
	assert_false(umd_work_sleep(work()));
	umd_work_wake(work());
	expect_entry(work(), 1);
	assert_false(umd_work_sleep(work()));
	umd_work_wake(work());
	expect_entry(work(), 2);
	assert_true(umd_work_sleep(work()));
}

static void test_a_parent_with_nonsense_may_not_sleep(void **state)
{
	queue->ring.shared->tail = 77;
	assert_false(umd_work_sleep(work()));
}

static void test_entries_of_a_stopped_queue_do_not_keep_awake(void **state)
{
	submit(queue, 1);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, NULL, NULL), 0);
	assert_true(umd_work_sleep(work()));
	assert_int_equal(umd_work_waiting(work()), 0);
}

/* The parent slept when the queue was stopped. */
static void test_a_queue_that_was_started_rings(void **state)
{
	assert_true(umd_work_sleep(work()));
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, NULL, NULL), 0);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_START, NULL, NULL), 0);
	submit(queue, 1);
	assert_int_equal(unit_take_events(umd_work_doorbell(work())), 1);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static int command(enum umd_queue_command which)
{
	return umd_queue_command(queue, which, NULL, NULL);
}

static void test_a_stopped_queue_takes_nothing(void **state)
{
	submit(queue, 1);
	assert_int_equal(command(UMD_QUEUE_STOP), 0);
	assert_int_equal(rig.author.command, UMD_QUEUE_STOP);
	assert_int_equal(take_one(work()), 0);
	assert_int_equal(submit(queue, 2), -ESHUTDOWN);
}

static void test_what_a_stop_left_behind_is_dropped_by_the_start(void **state)
{
	submit(queue, 1);
	submit(queue, 2);
	expect_entry(work(), 1);
	assert_int_equal(command(UMD_QUEUE_STOP), 0);
	assert_int_equal(command(UMD_QUEUE_START), 0);
	assert_int_equal(umd_queue_room(queue), 8);
	assert_int_equal(take_one(work()), 0);
	assert_int_equal(submit(queue, 3), 1);
	expect_entry(work(), 3);
}

static void test_an_abort_stops(void **state)
{
	submit(queue, 1);
	assert_int_equal(command(UMD_QUEUE_ABORT), 0);
	assert_int_equal(take_one(work()), 0);
	assert_int_equal(submit(queue, 2), -ESHUTDOWN);
	assert_int_equal(command(UMD_QUEUE_START), 0);
	assert_int_equal(submit(queue, 3), 1);
	expect_entry(work(), 3);
}

static void test_a_drain_leaves_the_queue_open(void **state)
{
	submit(queue, 1);
	assert_int_equal(command(UMD_QUEUE_DRAIN), 0);
	assert_int_equal(submit(queue, 2), 1);
	expect_entry(work(), 1);
	expect_entry(work(), 2);
}

static void test_a_start_leaves_alone_what_runs(void **state)
{
	submit(queue, 1);
	assert_int_equal(command(UMD_QUEUE_START), 0);
	assert_int_equal(rig.author.command, -1);
	expect_entry(work(), 1);
}

static void test_a_start_that_fails_starts_nothing(void **state)
{
	assert_int_equal(command(UMD_QUEUE_STOP), 0);
	rig.author.result = -EIO;
	assert_int_equal(command(UMD_QUEUE_START), -EIO);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
	rig.author.result = 0;
	assert_int_equal(command(UMD_QUEUE_START), 0);
	assert_int_equal(submit(queue, 1), 1);
}

static void test_nothing_is_taken_before_the_start_has_ended(void **state)
{
	struct ending ending = {.told = 0};

	assert_int_equal(command(UMD_QUEUE_STOP), 0);
	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_START, ending_done, &ending),
			 -EINPROGRESS);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
	umd_work_ended(work(), 0);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
	dispatch();
	assert_int_equal(ending.told, 1);
	assert_int_equal(submit(queue, 1), 1);
}

static void test_a_command_that_ends_later_is_told_once(void **state)
{
	struct ending ending = {.told = 0};

	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending),
			 -EINPROGRESS);
	dispatch();
	assert_int_equal(ending.told, 0);
	umd_work_ended(work(), -EXDEV);
	umd_work_ended(work(), 0);
	dispatch();
	dispatch();
	assert_int_equal(ending.told, 1);
	assert_int_equal(ending.result, -EXDEV);
}

static void test_a_command_that_ends_at_once_is_not_told_besides(void **state)
{
	struct ending ending = {.told = 0};

	rig.author.result = -ENOLINK;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending), -ENOLINK);
	dispatch();
	assert_int_equal(ending.told, 0);
}

static void test_there_is_one_command_at_a_time(void **state)
{
	struct ending ending = {.told = 0};

	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending),
			 -EINPROGRESS);
	assert_int_equal(command(UMD_QUEUE_STOP), -EBUSY);
	assert_int_equal(rig.author.command, UMD_QUEUE_DRAIN);
	assert_int_equal(submit(queue, 1), 1);
	umd_work_ended(work(), 0);
	dispatch();
	rig.author.is_slow = false;
	assert_int_equal(command(UMD_QUEUE_STOP), 0);
}

static void test_what_is_no_command_is_refused(void **state)
{
	assert_int_equal(command(UMD_QUEUE_COMMANDS), -EINVAL);
	assert_int_equal(command((enum umd_queue_command) - 1), -EINVAL);
}

/* An engine that says so of its own accord ends no command that comes later. */
static void test_an_end_without_a_command_is_nothing(void **state)
{
	struct ending ending = {.told = 0};

	umd_work_ended(work(), -EIO);
	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending),
			 -EINPROGRESS);
	dispatch();
	assert_int_equal(ending.told, 0);
	umd_queue_close(queue);
}

static void test_a_command_of_a_queue_that_is_closed_is_cancelled(void **state)
{
	struct ending ending = {.told = 0};

	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, ending_done, &ending),
			 -EINPROGRESS);
	umd_work_ended(work(), 0);
	umd_queue_close(queue);
	assert_int_equal(ending.told, 1);
	assert_int_equal(ending.result, -ECANCELED);
	dispatch();
	assert_int_equal(ending.told, 1);
}

static void close_queue(void *data, int result)
{
	umd_queue_close(data);
}

static void test_a_queue_may_be_closed_when_its_command_has_ended(void **state)
{
	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, close_queue, queue),
			 -EINPROGRESS);
	umd_work_note(work(), "x", 1);
	umd_work_ended(work(), 0);
	umd_work_halt(work(), -EIO);
	dispatch();
	assert_int_equal(rig.author.closed, 1);
	assert_int_equal(told.notes, 1);
	assert_int_equal(told.halts, 0);
}

/* ---- Commands that wait -------------------------------------------------------------------- */

static void close_other(void *data, struct umd_queue *noted, const void *note, size_t size,
			uint32_t lost)
{
	umd_queue_close(data);
}

/* The call dispatches, and what it calls closes its own queue. */
static void test_a_call_that_waits_hears_of_the_end_of_its_queue(void **state)
{
	const struct umd_link_ops ops = {.noted = close_other};
	struct umd_queue *other;

	umd_link_set_ops(link_, &ops, queue);
	rig.author.is_slow = true;
	umd_work_note(work(), "x", 1);
	other = rig_queue(link_, 8);
	assert_int_equal(command(UMD_QUEUE_STOP), -ECANCELED);
	umd_queue_close(other);
}

struct outer {
	struct umd_queue *queue;
	int result;
};

/* An engine of ours that ends everything when it is asked for the other queue's command. */
static void command_another(void *data, int result)
{
	struct outer *outer = data;

	outer->result = umd_queue_command(outer->queue, UMD_QUEUE_DRAIN, NULL, NULL);
}

static void *end_soon(void *data)
{
	usleep(20000);
	umd_work_ended(data, -EXDEV);
	return NULL;
}

static void test_a_call_that_waits_may_do_so_out_of_another_s_dispatch(void **state)
{
	struct outer outer = {.queue = rig_queue(link_, 8)};
	struct umd_work *others = work(), *mine;
	struct ending ending = {.told = 0};
	struct umd_queue *third = rig_queue(link_, 8);
	pthread_t thread;

	mine = work();
	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(third, UMD_QUEUE_STOP, command_another, &outer),
			 -EINPROGRESS);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, ending_done, &ending),
			 -EINPROGRESS);
	umd_work_ended(mine, 0);
	assert_int_equal(pthread_create(&thread, NULL, end_soon, others), 0);
	dispatch();
	assert_int_equal(outer.result, -EXDEV);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(ending.told, 0);
	umd_queue_close(queue);
}

/* ---- Halts --------------------------------------------------------------------------------- */

static void test_a_nonsense_tail_halts_the_queue(void **state)
{
	queue->ring.shared->tail = 77;
	assert_int_equal(take_one(work()), -EPROTO);
	assert_int_equal(take_one(work()), 0);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
	dispatch();
	assert_int_equal(told.halts, 1);
	assert_int_equal(told.reason, -EPROTO);
	assert_ptr_equal(told.queue, queue);
}

static void test_a_halted_queue_comes_back_with_a_start(void **state)
{
	queue->ring.shared->tail = 77;
	assert_int_equal(take_one(work()), -EPROTO);
	queue->ring.shared->tail = 0;
	dispatch();
	assert_int_equal(command(UMD_QUEUE_START), 0);
	assert_int_equal(submit(queue, 1), 1);
	expect_entry(work(), 1);
}

static void test_a_halt_has_the_reason_that_came_first(void **state)
{
	umd_work_halt(work(), -EIO);
	umd_work_halt(work(), -EDOM);
	assert_int_equal(told.halts, 0);
	dispatch();
	assert_int_equal(told.halts, 1);
	assert_int_equal(told.reason, -EIO);
}

/* The engine halts it again before anybody has seen that the start has ended. */
static void test_a_halt_behind_a_start_stays(void **state)
{
	struct ending ending = {.told = 0};

	assert_int_equal(command(UMD_QUEUE_STOP), 0);
	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_START, ending_done, &ending),
			 -EINPROGRESS);
	umd_work_ended(work(), 0);
	umd_work_halt(work(), -EIO);
	dispatch();
	assert_int_equal(ending.told, 1);
	assert_int_equal(told.halts, 1);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
}

/* ---- Notes --------------------------------------------------------------------------------- */

static void test_the_first_note_is_told_and_the_rest_is_counted(void **state)
{
	umd_work_note(work(), "first", 6);
	umd_work_note(work(), "second", 7);
	umd_work_note(work(), "third", 6);
	dispatch();
	assert_int_equal(told.notes, 1);
	assert_ptr_equal(told.queue, queue);
	assert_int_equal(told.size, 6);
	assert_string_equal((const char *)told.note, "first");
	assert_int_equal(told.lost, 2);

	umd_work_note(work(), "fourth", 7);
	dispatch();
	assert_int_equal(told.notes, 2);
	assert_string_equal((const char *)told.note, "fourth");
	assert_int_equal(told.lost, 0);
}

static void test_a_note_is_cut_at_its_longest(void **state)
{
	uint8_t note[UMD_NOTE_MAX + 8];

	memset(note, 'x', sizeof(note));
	umd_work_note(work(), note, sizeof(note));
	dispatch();
	assert_int_equal(told.size, UMD_NOTE_MAX);
}

static void test_events_are_told_as_they_came(void **state)
{
	umd_work_halt(work(), -EIO);
	umd_work_note(work(), "x", 1);
	umd_work_halt(work(), -EIO);
	dispatch();
	umd_work_note(work(), "x", 1);
	umd_work_halt(work(), -EIO);
	dispatch();
	assert_string_equal(told.order, "hnnh");
}

static void test_a_link_that_listens_to_nothing_is_told_nothing(void **state)
{
	umd_link_set_ops(link_, NULL, NULL);
	umd_work_note(work(), "x", 1);
	umd_work_halt(work(), -EIO);
	dispatch();
	assert_int_equal(told.notes + told.halts, 0);
}

static void close_link(void *data, struct umd_queue *halted, int reason)
{
	umd_link_close(link_);
	link_ = NULL;
}

static void test_a_link_may_be_closed_when_it_is_told(void **state)
{
	const struct umd_link_ops ops = {.halted = close_link};

	umd_link_set_ops(link_, &ops, NULL);
	umd_work_halt(work(), -EIO);
	umd_work_note(work(), "x", 1);
	dispatch();
	assert_null(link_);
	assert_int_equal(rig.author.closed, 1);
	assert_int_equal(umd_parent_dispatch(rig.parent, 0), 0);
}

/* More than are told at a time. */
static void test_news_of_many_queues_are_all_told(void **state)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = 2, .queues = 100};
	struct umd_link *busy;

	assert_int_equal(umd_link_open(rig.parent, &owner, NULL, &busy, NULL), 0);
	umd_link_set_ops(busy, &hears, NULL);
	for (int i = 0; i < 100; i++) {
		rig_queue(busy, 1);
		umd_work_halt(work(), i);
	}
	while (told.halts < 100) {
		unsigned int before = told.halts;
		struct pollfd ready = {.fd = umd_parent_fd(rig.parent), .events = POLLIN};

		assert_int_equal(poll(&ready, 1, 0), 1);
		dispatch();
		assert_true(told.halts > before);
	}
	umd_link_close(busy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_queue_that_may_not_be_is_not_opened),
		TEST(test_the_parent_s_author_sees_what_was_asked_for),
		TEST(test_a_queue_without_a_wish_has_a_depth_all_the_same),
		TEST(test_what_the_author_refuses_is_not_opened),
		TEST(test_a_full_queue_takes_what_fits),
		TEST(test_queues_do_not_mix),
		TEST(test_statistics_of_another_size_are_not_filled_in),
		TEST(test_nobody_rings_for_a_parent_that_is_awake),
		TEST(test_a_sleeping_parent_is_rung_for_once),
		TEST(test_a_parent_with_entries_may_not_sleep),
		TEST(test_a_parent_with_nonsense_may_not_sleep),
		TEST(test_entries_of_a_stopped_queue_do_not_keep_awake),
		TEST(test_a_queue_that_was_started_rings),
		TEST(test_a_stopped_queue_takes_nothing),
		TEST(test_what_a_stop_left_behind_is_dropped_by_the_start),
		TEST(test_an_abort_stops),
		TEST(test_a_drain_leaves_the_queue_open),
		TEST(test_a_start_leaves_alone_what_runs),
		TEST(test_a_start_that_fails_starts_nothing),
		TEST(test_nothing_is_taken_before_the_start_has_ended),
		TEST(test_a_command_that_ends_later_is_told_once),
		TEST(test_a_command_that_ends_at_once_is_not_told_besides),
		TEST(test_there_is_one_command_at_a_time),
		TEST(test_what_is_no_command_is_refused),
		TEST(test_an_end_without_a_command_is_nothing),
		TEST(test_a_command_of_a_queue_that_is_closed_is_cancelled),
		TEST(test_a_queue_may_be_closed_when_its_command_has_ended),
		TEST(test_a_call_that_waits_hears_of_the_end_of_its_queue),
		TEST(test_a_call_that_waits_may_do_so_out_of_another_s_dispatch),
		TEST(test_a_nonsense_tail_halts_the_queue),
		TEST(test_a_halted_queue_comes_back_with_a_start),
		TEST(test_a_halt_has_the_reason_that_came_first),
		TEST(test_a_halt_behind_a_start_stays),
		TEST(test_the_first_note_is_told_and_the_rest_is_counted),
		TEST(test_a_note_is_cut_at_its_longest),
		TEST(test_events_are_told_as_they_came),
		TEST(test_a_link_that_listens_to_nothing_is_told_nothing),
		TEST(test_a_link_may_be_closed_when_it_is_told),
		TEST(test_news_of_many_queues_are_all_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
