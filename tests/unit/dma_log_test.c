/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log of a space that other threads write to: what readers mark, and what pins write for
 * as long as they last.
 */
#include "dma_fixture.h"

#include "dma/reader.h"

#define PAGES 64u

static struct umd_dma_space space;
static struct umd_dma_reader *reader;
static struct umd_dma_segment segments[4];
static int fd;

static int setup(void **state)
{
	init_space(&space);
	fd = make_file(PAGES * PAGE);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGES / 2 * PAGE, READ_WRITE, fd, 0), 0);
	assert_int_equal(umd_dma_space_map_fd(&space, PAGES / 2 * PAGE, PAGES / 2 * PAGE,
					      READ_WRITE, fd, PAGES / 2 * PAGE),
			 0);
	return umd_dma_reader_create(&space, 0, &reader);
}

static int teardown(void **state)
{
	umd_dma_reader_destroy(reader);
	finish_space(&space);
	close(fd);
	return 0;
}

static void start_log(uint64_t first, uint64_t pages)
{
	const struct umd_dma_range range = {first * PAGE, pages * PAGE};

	assert_int_equal(umd_dma_space_start_log(&space, &range, 1, PAGE), 0);
}

/* A bit for each of `pages`, at most 64. */
static uint64_t report(uint64_t first, uint64_t pages)
{
	const struct umd_dma_range range = {first * PAGE, pages * PAGE};
	uint64_t bits;

	assert_int_equal(umd_dma_dirty_check(&space.dirty, &range, PAGE), 0);
	umd_dma_space_report_log(&space, &range, PAGE, (uint8_t *)&bits);
	return bits;
}

static void pin(uint64_t iova, size_t size, uint32_t prot)
{
	assert_true(umd_dma_pin(reader, iova, size, prot, segments, UNIT_COUNT(segments)) > 0);
}

static void test_what_a_reader_marks_is_reported_once(void **state)
{
	start_log(0, PAGES);
	umd_dma_enter(reader);
	umd_dma_mark(reader, 3 * PAGE + 5, PAGE);
	umd_dma_mark(reader, 9 * PAGE, 0);
	umd_dma_leave(reader);
	assert_int_equal(report(0, PAGES), 0x18);
	assert_int_equal(report(0, PAGES), 0);
}

static void test_pages_pinned_for_writing_are_in_every_report(void **state)
{
	start_log(0, PAGES);
	pin(5 * PAGE + 100, PAGE, WRITE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(report(0, PAGES), 0x60);
	umd_dma_unpin(segments, 1);
	assert_int_equal(report(0, PAGES), 0x60);
	assert_int_equal(report(0, PAGES), 0);
}

static void test_pages_pinned_for_reading_are_clean(void **state)
{
	start_log(0, PAGES);
	pin(5 * PAGE, PAGE, READ);
	assert_int_equal(report(0, PAGES), 0);
	umd_dma_unpin(segments, 1);
	assert_int_equal(report(0, PAGES), 0);
}

static void test_pin_older_than_the_log_is_in_it(void **state)
{
	pin(2 * PAGE, 2 * PAGE, READ_WRITE);
	start_log(0, PAGES);
	assert_int_equal(report(0, PAGES), 0xc);
	assert_int_equal(report(0, PAGES), 0xc);
	umd_dma_unpin(segments, 1);
	assert_int_equal(report(0, PAGES), 0xc);
	assert_int_equal(report(0, PAGES), 0);
}

/* It is marked, though no report has been made since it was. */
static void test_pin_between_two_reports_is_in_the_second(void **state)
{
	start_log(0, PAGES);
	assert_int_equal(report(0, PAGES), 0);
	pin(7 * PAGE, 1, WRITE);
	umd_dma_unpin(segments, 1);
	assert_int_equal(report(0, PAGES), 0x80);
}

static void test_pin_over_two_maps_counts_in_both(void **state)
{
	start_log(0, PAGES);
	pin((PAGES / 2 - 1) * PAGE, 2 * PAGE, WRITE);
	for (int i = 0; i < 2; i++)
		assert_int_equal(report(0, PAGES), UINT64_C(3) << (PAGES / 2 - 1));
	umd_dma_unpin(segments, 2);
}

static void test_report_of_a_part_keeps_what_is_pinned_elsewhere(void **state)
{
	start_log(0, PAGES);
	pin(6 * PAGE, 4 * PAGE, WRITE);
	assert_int_equal(report(8, 8), 0x3);
	assert_int_equal(report(0, 7), 0x40);
	assert_int_equal(report(20, 4), 0);
	umd_dma_unpin(segments, 1);
	assert_int_equal(report(0, PAGES), 0x3c0);
	assert_int_equal(report(0, PAGES), 0);
}

static void test_pin_outside_of_the_logged_ranges_is_not_reported(void **state)
{
	start_log(16, 8);
	pin(14 * PAGE, 4 * PAGE, WRITE);
	assert_int_equal(report(0, PAGES), UINT64_C(3) << 16);
	assert_int_equal(report(0, 16), 0);
	umd_dma_unpin(segments, 1);
}

static void test_larger_pages_hold_a_pin_as_a_whole(void **state)
{
	const struct umd_dma_range range = {0, PAGES * PAGE};
	uint64_t bits;

	start_log(0, PAGES);
	pin(7 * PAGE, 2 * PAGE, WRITE);
	for (int i = 0; i < 2; i++) {
		umd_dma_space_report_log(&space, &range, UINT64_C(8) * PAGE, (uint8_t *)&bits);
		assert_int_equal(bits, 3);
	}
	umd_dma_unpin(segments, 1);
}

/* A reader that is inside may be about to mark: what it looks at stays until it has left. */
static void test_log_that_ends_stays_for_readers_inside(void **state)
{
	start_log(0, PAGES);
	umd_dma_enter(reader);
	umd_dma_space_stop_log(&space);
	umd_dma_mark(reader, 0, 1);
	start_log(0, PAGES);
	umd_dma_mark(reader, PAGE, 1);
	umd_dma_leave(reader);
	assert_int_equal(report(0, PAGES), 2);
}

/* Logs wait to be freed for as long as a reader is inside, and are freed then. */
static void test_many_logs_under_one_reader_are_freed(void **state)
{
	umd_dma_enter(reader);
	for (int i = 0; i < 1000; i++) {
		start_log(0, PAGES);
		umd_dma_space_stop_log(&space);
	}
	umd_dma_leave(reader);
	umd_dma_epochs_collect(&space.table.epochs);
	assert_null(space.table.epochs.fresh);
	assert_null(space.table.epochs.waiting);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_what_a_reader_marks_is_reported_once),
		TEST(test_pages_pinned_for_writing_are_in_every_report),
		TEST(test_pages_pinned_for_reading_are_clean),
		TEST(test_pin_older_than_the_log_is_in_it),
		TEST(test_pin_between_two_reports_is_in_the_second),
		TEST(test_pin_over_two_maps_counts_in_both),
		TEST(test_report_of_a_part_keeps_what_is_pinned_elsewhere),
		TEST(test_pin_outside_of_the_logged_ranges_is_not_reported),
		TEST(test_larger_pages_hold_a_pin_as_a_whole),
		TEST(test_log_that_ends_stays_for_readers_inside),
		TEST(test_many_logs_under_one_reader_are_freed),
	};

	return cmocka_run_group_tests_name("dma_log", tests, NULL, NULL);
}
