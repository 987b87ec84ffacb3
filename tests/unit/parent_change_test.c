/* SPDX-License-Identifier: BSD-2-Clause */
/* A link's memory: made and taken away while an engine works with it. */
#include "dma_changes.h"
#include "parent_fixture.h"

#include <pthread.h>

#include "base/clock.h"
#include "parent/link.h"

static struct rig rig;
static struct umd_link *link_;
static struct umd_queue *queue;
static struct umd_dma_reader *reader;
static int fd;

static int setup(void **state)
{
	rig_init(&rig);
	link_ = rig_link(&rig, 1);
	queue = rig_queue(link_, 8);
	fd = make_file(8 * PAGE);
	assert_int_equal(umd_dma_reader_create(umd_work_space(rig.author.work), 0, &reader), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_dma_reader_destroy(reader);
	umd_link_close(link_);
	rig_finish(&rig);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
	return 0;
}

static int change(struct umd_dma_change one)
{
	return umd_link_change(link_, &one, 1, NULL, NULL);
}

static int begin(struct umd_dma_change one, struct ending *ending)
{
	return umd_link_change(link_, &one, 1, ending_done, ending);
}

static void map(uint64_t page, uint64_t offset)
{
	assert_int_equal(change(dma_map(page, 1, READ_WRITE, fd, offset)), 0);
}

static void dispatch(void)
{
	assert_int_equal(umd_link_dispatch(link_), 0);
}

/* Dispatches until it has ended, in five seconds at most; in how many milliseconds. */
static uint64_t wait_for(const struct ending *ending)
{
	uint64_t start = umd_now_ns();

	while (!ending->told && umd_now_ns() - start < UINT64_C(5000000000))
		assert_int_equal(umd_parent_dispatch(rig.parent, 100), 0);
	assert_int_equal(ending->told, 1);
	return (umd_now_ns() - start) / 1000000;
}

/*
 * Whether it takes so short a time, at least once, that nobody can have waited for the half second:
 * a machine that is busy with something else may stop us for that long.
 */
static bool is_prompt(uint64_t (*run)(void))
{
	for (int i = 0; i < 5; i++) {
		if (run() < 400)
			return true;
	}
	return false;
}

static struct umd_dma_segment pin(uint64_t page)
{
	struct umd_dma_segment segment;

	assert_int_equal(umd_dma_pin(reader, page * PAGE, PAGE, READ_WRITE, &segment, 1), 1);
	return segment;
}

static bool is_mapped(uint64_t page)
{
	struct umd_dma_segment segment;
	int n;

	umd_dma_enter(reader);
	n = umd_dma_resolve(reader, page * PAGE, PAGE, READ, &segment, 1);
	umd_dma_leave(reader);
	return n == 1;
}

/* ---- Changes ------------------------------------------------------------------------------- */

static void test_what_a_link_maps_its_work_reaches(void **state)
{
	const struct umd_dma_change two[] = {dma_map(1, 1, READ_WRITE, fd, 0),
					     dma_map(2, 1, READ, fd, 4)};

	assert_int_equal(umd_link_change(link_, two, 2, NULL, NULL), 0);
	assert_true(is_mapped(1) && is_mapped(2));
	assert_int_equal(change(dma_unmap(1, 1)), 0);
	assert_true(!is_mapped(1) && is_mapped(2));
}

static void test_links_do_not_see_each_other_s_memory(void **state)
{
	struct umd_link *other = rig_link(&rig, 2);
	struct umd_dma_change theirs = dma_map(1, 1, READ, fd, 0);

	assert_int_equal(umd_link_change(other, &theirs, 1, NULL, NULL), 0);
	assert_false(is_mapped(1));
	umd_link_close(other);
}

static void test_a_change_that_is_refused_leaves_those_before_it(void **state)
{
	const struct umd_dma_change three[] = {
		dma_map(1, 1, READ, fd, 0), dma_map(1, 1, READ, fd, 0), dma_map(2, 1, READ, fd, 0)};

	assert_int_equal(umd_link_change(link_, three, 3, NULL, NULL), -EEXIST);
	assert_true(is_mapped(1) && !is_mapped(2));
}

static void test_a_space_of_the_caller_s_is_not_the_link_s_to_change(void **state)
{
	struct umd_dma_space_options options = {.size = sizeof(options)};
	struct umd_dma_change one = dma_map(1, 1, READ, fd, 0);
	const struct umd_owner owner = rig_owner(3);
	struct umd_dma_space *space;
	struct umd_link *link;

	assert_int_equal(umd_dma_space_create(&options, &space), 0);
	assert_int_equal(umd_link_open(rig.parent, &owner, space, &link, NULL), 0);
	assert_int_equal(umd_link_change(link, &one, 1, NULL, NULL), -EPERM);
	assert_int_equal(link->changes, 0);
	umd_link_close(link);
	umd_dma_space_destroy(space);
}

static void test_an_owner_s_limits_are_its_space_s(void **state)
{
	struct umd_owner owner = rig_owner(3);
	const struct umd_dma_change few[] = {dma_map(1, 1, READ, fd, 0), dma_map(2, 1, READ, fd, 1),
					     dma_map(3, 1, READ, fd, 2)};
	const struct umd_dma_change big = dma_map(4, 4, READ, fd, 0);
	struct umd_link *link;

	owner.max_maps = 2;
	owner.max_mapped_bytes = 3 * PAGE;
	assert_int_equal(umd_link_open(rig.parent, &owner, NULL, &link, NULL), 0);
	assert_int_equal(umd_link_change(link, &big, 1, NULL, NULL), -ENOMEM);
	assert_int_equal(umd_link_change(link, few, 3, NULL, NULL), -ENOSPC);
	umd_link_close(link);
}

/* ---- Entries behind changes ---------------------------------------------------------------- */

/* As a peer does whose change is still on its way. */
static void submit_behind(uint32_t changes)
{
	const struct entry entry = {{0}};

	assert_int_equal(umd_ring_put(&queue->ring, &entry, 1, changes), 1);
}

static void test_entries_are_behind_the_changes_before_them(void **state)
{
	map(1, 0);
	assert_int_equal(submit(queue, 5), 1);
	assert_int_equal(queue->ring.shared->barrier, 1);
	expect_entry(rig.author.work, 5);
}

static void test_a_change_that_fails_counts(void **state)
{
	assert_int_equal(change(dma_map(1, 0, READ, fd, 0)), -EINVAL);
	submit_behind(1);
	assert_int_equal(take_one(rig.author.work), 1);
}

static void test_an_engine_sleeps_until_the_change_is_made(void **state)
{
	struct umd_work *work = rig.author.work;

	submit_behind(2);
	assert_int_equal(take_one(work), -EAGAIN);
	assert_true(umd_work_sleep(work));
	map(1, 0);
	assert_int_equal(unit_take_events(umd_work_doorbell(work)), 1);
	umd_work_wake(work);
	assert_int_equal(take_one(work), -EAGAIN);
	assert_true(umd_work_sleep(work));
	map(2, 0);
	assert_int_equal(unit_take_events(umd_work_doorbell(work)), 1);
	umd_work_wake(work);
	assert_int_equal(take_one(work), 1);
}

static void test_changes_wake_nobody_who_does_not_wait_for_them(void **state)
{
	struct umd_work *work = rig.author.work;

	assert_true(umd_work_sleep(work));
	map(1, 0);
	assert_int_equal(unit_take_events(umd_work_doorbell(work)), 0);
	submit_behind(5);
	assert_true(umd_work_sleep(work));
	umd_work_wake(work);
	map(2, 0);
	assert_int_equal(unit_take_events(umd_work_doorbell(work)), 0);
}

static void test_what_was_seen_before_a_barrier_keeps_awake(void **state)
{
	submit(queue, 1);
	submit(queue, 2);
	expect_entry(rig.author.work, 1);
	submit_behind(1);
	assert_false(umd_work_sleep(rig.author.work));
}

/* The peer has the eventfd, too, and has filled it: nobody waits for that. */
static void test_a_doorbell_that_is_full_holds_nobody_up(void **state)
{
	struct umd_work *work = rig.author.work;
	const uint64_t most = UINT64_MAX - 1;

	assert_int_equal(fcntl(umd_work_doorbell(work), F_SETFL, 0), 0);
	assert_int_equal(write(umd_work_doorbell(work), &most, sizeof(most)), sizeof(most));
	submit_behind(1);
	assert_true(umd_work_sleep(work));
	map(1, 0);
	assert_int_equal(take_one(work), 1);
}

/* ---- Memory in use ------------------------------------------------------------------------- */

static void test_an_unmap_of_what_nobody_uses_ends_at_once(void **state)
{
	struct ending ending = {.told = 0};

	map(1, 0);
	assert_int_equal(begin(dma_unmap(1, 1), &ending), 0);
	dispatch();
	assert_int_equal(ending.told, 0);
}

static uint64_t end_pin(void)
{
	struct ending ending = {.told = 0};
	struct umd_dma_segment segment;
	uint64_t ms;
	bool late;

	map(1, 0);
	segment = pin(1);
	assert_int_equal(begin(dma_unmap(1, 1), &ending), -EINPROGRESS);
	assert_false(is_mapped(1));
	dispatch();
	late = ending.told;
	umd_dma_unpin(&segment, 1);
	ms = wait_for(&ending);
	assert_int_equal(ending.result, 0);
	return late ? UINT64_MAX : ms;
}

static void test_an_unmap_ends_when_the_last_pin_has(void **state)
{
	assert_true(is_prompt(end_pin));
}

static void test_what_is_used_for_too_long_is_taken_away(void **state)
{
	struct ending ending = {.told = 0};
	struct umd_dma_segment segment;
	uint8_t byte;
	uint64_t ms;

	map(1, 3);
	segment = pin(1);
	assert_int_equal(begin(dma_unmap(1, 1), &ending), -EINPROGRESS);
	ms = wait_for(&ending);
	assert_true(ms >= 450);
	assert_int_equal(ending.result, 0);
	segment.base[0] = 'b';
	assert_int_equal(umd_dma_check(&segment, 1), -EFAULT);
	assert_int_equal(pread(fd, &byte, 1, 3 * PAGE), 1);
	assert_int_equal(byte, 0);
	umd_dma_unpin(&segment, 1);
}

static void test_memory_that_cannot_be_taken_away_is_waited_for(void **state)
{
	static uint8_t memory[PAGE] __attribute__((aligned(PAGE)));
	struct ending ending = {.told = 0};
	struct umd_dma_segment segment;
	uint64_t start = umd_now_ns();

	assert_int_equal(change(dma_map_address(1, 1, memory)), 0);
	segment = pin(1);
	assert_int_equal(begin(dma_unmap(1, 1), &ending), -EINPROGRESS);
	while (umd_now_ns() - start < UINT64_C(700000000))
		assert_int_equal(umd_parent_dispatch(rig.parent, 100), 0);
	assert_int_equal(ending.told, 0);
	umd_dma_unpin(&segment, 1);
	wait_for(&ending);
}

static uint64_t ended[3];
static unsigned int ended_count;

static void note_end(void *page, int result)
{
	ended[ended_count++] = *(const uint64_t *)page;
}

static void test_unmaps_end_in_their_order(void **state)
{
	uint64_t pages[3] = {0, 1, 2};
	struct umd_dma_segment first, third;

	ended_count = 0;
	for (uint64_t page = 0; page < 3; page++)
		map(page, page);
	first = pin(0);
	third = pin(2);
	for (uint64_t page = 0; page < 3; page++) {
		struct umd_dma_change unmap = dma_unmap(page, 1);

		assert_int_equal(umd_link_change(link_, &unmap, 1, note_end, &pages[page]),
				 -EINPROGRESS);
	}
	umd_dma_unpin(&third, 1);
	umd_dma_unpin(&first, 1);
	while (ended_count < 3)
		assert_int_equal(umd_parent_dispatch(rig.parent, 1000), 0);
	assert_memory_equal(ended, pages, sizeof(pages));
}

/* Who begins the second one looks for himself, and must not swallow the word of the first. */
static uint64_t end_one_of_two(void)
{
	struct ending endings[2] = {{.told = 0}};
	struct umd_dma_segment first, second;
	uint64_t ms;

	map(0, 0);
	map(1, 1);
	first = pin(0);
	second = pin(1);
	assert_int_equal(begin(dma_unmap(0, 1), &endings[0]), -EINPROGRESS);
	dispatch();
	umd_dma_unpin(&first, 1);
	assert_int_equal(begin(dma_unmap(1, 1), &endings[1]), -EINPROGRESS);
	ms = wait_for(&endings[0]);
	umd_dma_unpin(&second, 1);
	if (!endings[1].told)
		wait_for(&endings[1]);
	return ms;
}

static void test_an_unmap_is_told_though_another_has_begun_since(void **state)
{
	assert_true(is_prompt(end_one_of_two));
}

/* The first change was made, so its memory is waited for all the same. */
static void test_a_refused_change_is_told_when_those_before_it_are_quiet(void **state)
{
	const struct umd_dma_change two[] = {dma_unmap(1, 1), dma_map(2, 0, READ, fd, 0)};
	struct ending ending = {.told = 0};
	struct umd_dma_segment segment;

	map(1, 0);
	segment = pin(1);
	assert_int_equal(umd_link_change(link_, two, 2, ending_done, &ending), -EINPROGRESS);
	umd_dma_unpin(&segment, 1);
	wait_for(&ending);
	assert_int_equal(ending.result, -EINVAL);
}

static void *unpin_soon(void *segment)
{
	usleep(50000);
	umd_dma_unpin(segment, 1);
	return NULL;
}

static uint64_t wait_for_pin(void)
{
	struct umd_dma_segment segment;
	uint64_t start = umd_now_ns(), ms;
	pthread_t thread;

	map(1, 0);
	segment = pin(1);
	assert_int_equal(pthread_create(&thread, NULL, unpin_soon, &segment), 0);
	assert_int_equal(change(dma_unmap(1, 1)), 0);
	ms = (umd_now_ns() - start) / 1000000;
	assert_true(ms >= 45);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return ms;
}

static void test_a_call_without_done_waits(void **state)
{
	assert_true(is_prompt(wait_for_pin));
}

static void test_there_is_an_end_to_changes_that_wait(void **state)
{
	struct umd_dma_segment segment;
	struct ending ending = {.told = 0};
	unsigned int begun = 0;
	int err;

	map(0, 0);
	segment = pin(0);
	assert_int_equal(begin(dma_unmap(0, 1), &ending), -EINPROGRESS);
	do {
		map(1, 1);
		err = begin(dma_unmap(1, 1), &ending);
		begun++;
	} while (err == -EINPROGRESS && begun < 10000);
	assert_int_equal(err, -ENOBUFS);
	assert_int_equal(begun, 4096);
	assert_true(is_mapped(1));
	umd_dma_unpin(&segment, 1);
	while (ending.told < 4096)
		assert_int_equal(umd_parent_dispatch(rig.parent, 1000), 0);
	assert_int_equal(change(dma_unmap(1, 1)), 0);
}

static void unmap_more(void *data, int result)
{
	struct ending *ending = data;
	struct umd_dma_change unmap = dma_unmap(2, 1);

	ending_done(ending, result);
	assert_int_equal(umd_link_change(link_, &unmap, 1, ending_done, ending), -ENOTCONN);
}

static void test_changes_end_with_their_link(void **state)
{
	struct umd_dma_change unmap = dma_unmap(1, 1);
	struct ending ending = {.told = 0};
	struct umd_dma_segment segment;

	map(1, 0);
	segment = pin(1);
	assert_int_equal(umd_link_change(link_, &unmap, 1, unmap_more, &ending), -EINPROGRESS);
	umd_dma_unpin(&segment, 1);
	umd_dma_reader_destroy(reader);
	reader = NULL;
	umd_link_close(link_);
	link_ = NULL;
	assert_int_equal(ending.told, 1);
	assert_int_equal(ending.result, 0);
}

static void close_link(void *data, int result)
{
	umd_dma_reader_destroy(reader);
	reader = NULL;
	umd_link_close(link_);
	link_ = NULL;
}

static void test_a_link_may_be_closed_when_a_change_has_ended(void **state)
{
	struct umd_dma_change unmap = dma_unmap(1, 1);
	struct umd_dma_segment segment;
	struct ending ending = {.told = 0};

	map(1, 0);
	segment = pin(1);
	assert_int_equal(umd_link_change(link_, &unmap, 1, close_link, NULL), -EINPROGRESS);
	assert_int_equal(umd_link_change(link_, &unmap, 1, ending_done, &ending), -EINPROGRESS);
	umd_dma_unpin(&segment, 1);
	wait_for(&ending);
	assert_null(link_);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_link_maps_its_work_reaches),
		TEST(test_links_do_not_see_each_other_s_memory),
		TEST(test_a_change_that_is_refused_leaves_those_before_it),
		TEST(test_a_space_of_the_caller_s_is_not_the_link_s_to_change),
		TEST(test_an_owner_s_limits_are_its_space_s),
		TEST(test_entries_are_behind_the_changes_before_them),
		TEST(test_a_change_that_fails_counts),
		TEST(test_an_engine_sleeps_until_the_change_is_made),
		TEST(test_changes_wake_nobody_who_does_not_wait_for_them),
		TEST(test_what_was_seen_before_a_barrier_keeps_awake),
		TEST(test_a_doorbell_that_is_full_holds_nobody_up),
		TEST(test_an_unmap_of_what_nobody_uses_ends_at_once),
		TEST(test_an_unmap_ends_when_the_last_pin_has),
		TEST(test_what_is_used_for_too_long_is_taken_away),
		TEST(test_memory_that_cannot_be_taken_away_is_waited_for),
		TEST(test_unmaps_end_in_their_order),
		TEST(test_an_unmap_is_told_though_another_has_begun_since),
		TEST(test_a_refused_change_is_told_when_those_before_it_are_quiet),
		TEST(test_a_call_without_done_waits),
		TEST(test_there_is_an_end_to_changes_that_wait),
		TEST(test_changes_end_with_their_link),
		TEST(test_a_link_may_be_closed_when_a_change_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
