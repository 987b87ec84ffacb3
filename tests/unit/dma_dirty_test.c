/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log: what can be logged, what a report says, against a plain map of pages; that writes
 * to a space are logged, and that no mark is lost between threads.
 */
#include "dma_fixture.h"

#include <pthread.h>

#define TOP	(UINT64_MAX - PAGE + 1) /* the last page */
#define MAX	((uint64_t)UMD_DMA_DIRTY_PAGES_MAX * PAGE)
#define BATCH	8u
#define MARKERS 3u
#define SHARED	65536u /* pages */

static struct umd_dma_space space;
static struct umd_dma_dirty *const dirty = &space.dirty;

static int setup(void **state)
{
	init_space(&space);
	return 0;
}

static int teardown(void **state)
{
	finish_space(&space);
	assert_null(dirty->log);
	return 0;
}

static int start(uint64_t iova, uint64_t size)
{
	return umd_dma_dirty_start(dirty, &(struct umd_dma_range){iova, size}, 1, PAGE);
}

static int start_all(void)
{
	return umd_dma_dirty_start_all(dirty, &space.table, PAGE);
}

/* The first 64 bits of a report. */
static uint64_t report(uint64_t iova, uint64_t size, uint64_t page_size)
{
	const struct umd_dma_range range = {iova, size};
	uint64_t bits = UINT64_MAX;

	assert_int_equal(umd_dma_dirty_check(dirty, &range, page_size), 0);
	assert_int_equal(umd_dma_dirty_bitmap_size(&range, page_size), sizeof(bits));
	umd_dma_dirty_report(dirty, &range, page_size, (uint8_t *)&bits);
	return bits;
}

/* ---- Starting and stopping ----------------------------------------------------------------- */

static void test_ranges_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		struct umd_dma_range ranges[3];
		size_t count;
		uint64_t page_size;
		int expected;
	} rows[] = {
		{{{0, PAGE}}, 0, PAGE, -EINVAL},
		{{{0, PAGE}}, 1, 0, -EINVAL},
		{{{0, PAGE}}, 1, PAGE + 1, -EINVAL},
		{{{0, PAGE}}, 1, UINT64_MAX, -EINVAL},
		{{{0, 0}}, 1, PAGE, -EINVAL},
		{{{0, PAGE}}, 1, 2 * PAGE, -EINVAL},
		{{{PAGE, 2 * PAGE}}, 1, 2 * PAGE, -EINVAL},
		{{{512, PAGE}}, 1, 512, -EINVAL},
		{{{0, 512}}, 1, 512, -EINVAL},
		{{{0, PAGE}, {1, PAGE}}, 2, 1, -EINVAL},
		{{{TOP, 2 * PAGE}}, 1, PAGE, -EOVERFLOW},
		{{{2 * PAGE, TOP}}, 1, PAGE, -EOVERFLOW},
		{{{0, PAGE}, {0, PAGE}}, 2, PAGE, -EINVAL},
		{{{4 * PAGE, 2 * PAGE}, {0, PAGE}, {PAGE, 4 * PAGE}}, 3, PAGE, -EINVAL},
		{{{0, TOP}, {TOP - PAGE, PAGE}}, 2, PAGE, -EINVAL},
		{{{0, MAX + PAGE}}, 1, PAGE, -ENOSPC},
		{{{0, MAX}, {TOP, PAGE}}, 2, PAGE, -ENOSPC},
		{{{0, TOP}}, 1, PAGE, -ENOSPC},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int err = umd_dma_dirty_start(dirty, rows[i].ranges, rows[i].count,
					      rows[i].page_size);

		if (err != rows[i].expected || dirty->log)
			fail_msg("row %zu: %d", i, err);
	}
}

static void test_ranges_may_touch_come_in_any_order_and_end_with_the_address_space(void **state)
{
	const struct umd_dma_range ranges[] = {{TOP, PAGE}, {PAGE, PAGE}, {0, PAGE}};

	assert_int_equal(umd_dma_dirty_start(dirty, ranges, 3, PAGE), 0);
	umd_dma_dirty_mark(dirty, TOP, PAGE);
	umd_dma_dirty_mark(dirty, PAGE - 1, 2);
	assert_int_equal(report(TOP, PAGE, PAGE), 1);
	assert_int_equal(report(0, 2 * PAGE, PAGE), 3);
}

/* Memory appears as bits are set. */
static void test_as_much_as_is_allowed_can_be_logged(void **state)
{
	struct umd_dma_range ranges[UMD_DMA_DIRTY_RANGES_MAX + 1];

	assert_int_equal(start(0, MAX), 0);
	umd_dma_dirty_mark(dirty, MAX - 1, 1);
	assert_int_equal(report(MAX - PAGE, 2 * PAGE, PAGE), 1);
	umd_dma_dirty_stop(dirty);

	for (size_t i = 0; i < UNIT_COUNT(ranges); i++)
		ranges[i] = (struct umd_dma_range){i * 2 * PAGE, PAGE};
	assert_int_equal(umd_dma_dirty_start(dirty, ranges, UNIT_COUNT(ranges), PAGE), -E2BIG);
	assert_int_equal(umd_dma_dirty_start(dirty, ranges, UNIT_COUNT(ranges) - 1, PAGE), 0);
}

static void test_one_log_runs_at_a_time(void **state)
{
	umd_dma_dirty_stop(dirty);
	assert_int_equal(start(0, PAGE), 0);
	assert_int_equal(start(0, PAGE), -EINVAL);
	assert_int_equal(start_all(), -EINVAL);
	umd_dma_dirty_mark(dirty, 0, 1);
	umd_dma_dirty_stop(dirty);
	umd_dma_dirty_stop(dirty);
	assert_int_equal(start(0, PAGE), 0);
	assert_int_equal(report(0, PAGE, PAGE), 0);
}

/* A log may take 64 MiB, which readers see until it has ended. */
static void test_log_that_ended_is_freed_when_no_reader_is_inside(void **state)
{
	const struct umd_dma_epochs *epochs = &space.table.epochs;
	struct umd_dma_reader *reader;

	assert_int_equal(umd_dma_reader_create(&space, UMD_DMA_READER_NO_SIGBUS, &reader), 0);
	assert_int_equal(start(0, MAX), 0);
	umd_dma_dirty_stop(dirty);
	assert_null(epochs->fresh);
	assert_null(epochs->waiting);

	assert_int_equal(start(0, MAX), 0);
	umd_dma_enter(reader);
	umd_dma_dirty_stop(dirty);
	assert_non_null(epochs->waiting);
	umd_dma_leave(reader);
	assert_int_equal(start(0, PAGE), 0);
	umd_dma_dirty_stop(dirty);
	assert_null(epochs->waiting);
	umd_dma_reader_destroy(reader);
}

/* ---- Reporting ----------------------------------------------------------------------------- */

static void test_reports_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		struct umd_dma_range range;
		uint64_t page_size;
		int expected;
	} rows[] = {
		{{0, PAGE}, 0, -EINVAL},
		{{0, PAGE}, 512, -EINVAL},
		{{0, PAGE}, 2048, -EINVAL},
		{{0, PAGE}, PAGE + 1, -EINVAL},
		{{0, PAGE}, 3 * PAGE, -EINVAL},
		{{0, 0}, PAGE, -EINVAL},
		{{1, PAGE}, PAGE, -EINVAL},
		{{0, PAGE - 1}, PAGE, -EINVAL},
		{{TOP, 2 * PAGE}, PAGE, -EOVERFLOW},
		{{PAGE, TOP}, PAGE, 0},
		{{PAGE, 3 * PAGE}, 2 * PAGE, 0},
		{{0, PAGE}, UINT64_C(1) << 63, 0},
	};

	assert_int_equal(umd_dma_dirty_check(dirty, &rows[11].range, PAGE), -EINVAL);
	assert_int_equal(start(0, PAGE), 0);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int err = umd_dma_dirty_check(dirty, &rows[i].range, rows[i].page_size);

		if (err != rows[i].expected)
			fail_msg("row %zu: %d", i, err);
	}
}

static void test_page_is_reported_once(void **state)
{
	assert_int_equal(start(0, 64 * PAGE), 0);
	umd_dma_dirty_mark(dirty, 3 * PAGE, 1);
	umd_dma_dirty_mark(dirty, 63 * PAGE + 17, 100);
	assert_int_equal(report(0, 4 * PAGE, PAGE), 8);
	assert_int_equal(report(0, 64 * PAGE, PAGE), UINT64_C(1) << 63);
	assert_int_equal(report(0, 64 * PAGE, PAGE), 0);
}

static void test_larger_pages_are_counted_from_where_the_report_begins(void **state)
{
	assert_int_equal(start(0, 64 * PAGE), 0);
	umd_dma_dirty_mark(dirty, 3 * PAGE, 2 * PAGE);
	assert_int_equal(report(PAGE, 5 * PAGE, 2 * PAGE), 2);
	umd_dma_dirty_mark(dirty, 3 * PAGE, 2 * PAGE);
	assert_int_equal(report(0, 5 * PAGE, 2 * PAGE), 6);
	umd_dma_dirty_mark(dirty, 63 * PAGE, 1);
	assert_int_equal(report(0, UINT64_C(1) << 63, UINT64_C(1) << 62), 1);
}

static void test_bitmap_is_of_whole_words(void **state)
{
	static const struct {
		struct umd_dma_range range;
		uint64_t page_size, expected;
	} rows[] = {
		{{0, PAGE}, PAGE, 8},
		{{0, 64 * PAGE}, PAGE, 8},
		{{0, 65 * PAGE}, PAGE, 16},
		{{0, 65 * PAGE}, 2 * PAGE, 8},
		{{0, TOP}, PAGE, UINT64_C(1) << 49},
		{{PAGE, TOP}, UINT64_C(1) << 63, 8},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(umd_dma_dirty_bitmap_size(&rows[i].range, rows[i].page_size),
				 rows[i].expected);
}

/* ---- Writes to a space --------------------------------------------------------------------- */

static void map(uint64_t iova, uint64_t size, uint32_t prot, int fd)
{
	assert_int_equal(umd_dma_space_map_fd(&space, iova, size, prot, fd, 0), 0);
}

static void test_writes_to_a_space_are_logged_and_reads_are_not(void **state)
{
	int fd = make_file(8 * PAGE);
	uint8_t bytes[2 * PAGE] = {0};

	map(0, 8 * PAGE, READ_WRITE, fd);
	assert_int_equal(umd_dma_space_write(&space, 0, bytes, 1), 0);
	assert_int_equal(start(0, 8 * PAGE), 0);
	assert_int_equal(report(0, 8 * PAGE, PAGE), 0);
	assert_int_equal(umd_dma_space_read(&space, 0, bytes, sizeof(bytes)), 0);
	assert_int_equal(report(0, 8 * PAGE, PAGE), 0);
	assert_int_equal(umd_dma_space_write(&space, PAGE + 1, bytes, sizeof(bytes)), 0);
	assert_int_equal(umd_dma_space_write(&space, 7 * PAGE, bytes, 0), 0);
	assert_int_equal(report(0, 8 * PAGE, PAGE), 0xe);
	close(fd);
}

/* The pages in front of the one that is missing have been written. */
static void test_write_that_fails_is_logged_as_far_as_it_went(void **state)
{
	int fd = make_file(4 * PAGE);
	uint8_t bytes[4 * PAGE] = {0};

	map(0, 4 * PAGE, READ_WRITE, fd);
	assert_int_equal(start(0, 4 * PAGE), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(umd_dma_space_write(&space, 0, bytes, sizeof(bytes)), -EFAULT);
	assert_int_equal(report(0, 4 * PAGE, PAGE) & 1, 1);
	close(fd);
}

static void test_log_of_all_is_precise_where_it_found_maps(void **state)
{
	int fd = make_file(4 * PAGE);
	uint8_t byte = 0;

	map(4 * PAGE, 2 * PAGE, READ_WRITE, fd);
	map(8 * PAGE, 4 * PAGE, READ, fd);
	map(UINT64_C(1) << 50, 2 * MAX, READ_WRITE, -1); /* more than a log holds, but no file */
	assert_int_equal(start_all(), 0);
	assert_int_equal(umd_dma_space_write(&space, 5 * PAGE, &byte, 1), 0);
	assert_int_equal(report(0, 16 * PAGE, PAGE), 1u << 5);
	assert_int_equal(report(0, 16 * PAGE, PAGE), 0);

	map(12 * PAGE, PAGE, READ_WRITE, fd);
	assert_int_equal(umd_dma_space_write(&space, 12 * PAGE, &byte, 1), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(report(0, 16 * PAGE, PAGE), 0xffcf);
	assert_int_equal(report(4 * PAGE, 2 * PAGE, PAGE), 0);
	assert_int_equal(report(5 * PAGE, PAGE, 2 * PAGE), 0);
	assert_int_equal(report(TOP, PAGE, PAGE), 1);
	close(fd);
}

static void test_log_of_all_may_find_no_map(void **state)
{
	assert_int_equal(umd_dma_dirty_start_all(dirty, &space.table, 3), -EINVAL);
	assert_int_equal(start_all(), 0);
	assert_int_equal(report(0, PAGE, PAGE), 0);
	umd_dma_dirty_mark(dirty, 17, 1);
	assert_int_equal(report(0, 2 * PAGE, PAGE), 3);
}

static void test_log_outlives_maps_and_ends_with_the_space(void **state)
{
	assert_int_equal(start(0, PAGE), 0);
	umd_dma_dirty_mark(dirty, 0, 1);
	umd_dma_space_unmap_all(&space);
	assert_int_equal(report(0, PAGE, PAGE), 1);
	umd_dma_space_reset(&space);
	assert_null(dirty->log);
}

/* ---- Against a plain map of pages ---------------------------------------------------------- */

#define PAGES 700u

/* A window on the address space, and for each of its pages whether it is logged, and written. */
static struct {
	uint64_t base;
	bool runs, logged[PAGES], written[PAGES];
} model;

static struct umd_dma_range some_range(uint64_t *random)
{
	uint64_t first = unit_below(random, PAGES);
	uint64_t most = unit_below(random, 3) ? 8 : PAGES;

	if (most > PAGES - first)
		most = PAGES - first;
	return (struct umd_dma_range){model.base + first * PAGE,
				      (1 + unit_below(random, most)) * PAGE};
}

static bool model_start(const struct umd_dma_range *ranges, size_t count)
{
	bool logged[PAGES] = {0};

	for (size_t i = 0; i < count; i++) {
		for (uint64_t at = 0; at < ranges[i].size; at += PAGE) {
			size_t page = (ranges[i].iova - model.base + at) / PAGE;

			if (logged[page])
				return false;
			logged[page] = true;
		}
	}
	memcpy(model.logged, logged, sizeof(logged));
	memset(model.written, 0, sizeof(model.written));
	return true;
}

static bool try_start(uint64_t *random)
{
	struct umd_dma_range ranges[BATCH];
	size_t count = 1 + unit_below(random, BATCH);
	bool expected;

	for (size_t i = 0; i < count; i++)
		ranges[i] = some_range(random);
	expected = !model.runs && model_start(ranges, count);
	model.runs |= expected;
	return umd_dma_dirty_start(dirty, ranges, count, PAGE) == (expected ? 0 : -EINVAL);
}

static bool try_mark(uint64_t *random)
{
	struct umd_dma_range range = some_range(random);
	uint64_t first = range.iova + unit_below(random, PAGE);
	uint64_t last = range.iova + (range.size - 1) - unit_below(random, PAGE);

	if (first > last)
		last = first;
	for (size_t page = 0; page < PAGES; page++) {
		uint64_t iova = model.base + page * PAGE;

		if (model.logged[page] && iova + (PAGE - 1) >= first && iova <= last)
			model.written[page] = true;
	}
	umd_dma_dirty_mark(dirty, first, last - first + 1);
	return true;
}

/* At an odd address, between two bytes that must stay; every bit of the bitmap is looked at. */
static bool try_report(uint64_t *random)
{
	uint8_t bitmap[PAGES / 8 + 16];
	struct umd_dma_range range = some_range(random);
	uint64_t per_bit = UINT64_C(1) << unit_below(random, 11);
	uint64_t size = umd_dma_dirty_bitmap_size(&range, per_bit * PAGE);
	bool expected[PAGES + 64] = {0};

	if (umd_dma_dirty_check(dirty, &range, per_bit * PAGE) != (model.runs ? 0 : -EINVAL))
		return false;
	if (!model.runs)
		return true;
	for (uint64_t page = 0; page < range.size / PAGE; page++) {
		bool *written = &model.written[(range.iova - model.base) / PAGE + page];

		expected[page / per_bit] |= *written;
		*written = false;
	}
	memset(bitmap, 0xa5, sizeof(bitmap));
	umd_dma_dirty_report(dirty, &range, per_bit * PAGE, bitmap + 1);
	if (bitmap[0] != 0xa5 || bitmap[1 + size] != 0xa5)
		return false;
	for (size_t bit = 0; bit < size * 8; bit++) {
		uint64_t word;

		memcpy(&word, bitmap + 1 + bit / 64 * 8, sizeof(word));
		if ((word >> bit % 64 & 1) != expected[bit])
			return false;
	}
	return true;
}

static void stop(void)
{
	umd_dma_dirty_stop(dirty);
	model.runs = false;
	memset(model.logged, 0, sizeof(model.logged));
	memset(model.written, 0, sizeof(model.written));
}

static long run_model(uint64_t seed)
{
	uint64_t random = seed;

	stop();
	for (long step = 0; step < 20000; step++) {
		uint64_t choice = unit_below(&random, 100);

		if (choice == 0)
			stop();
		if (choice < 10	  ? !try_start(&random)
		    : choice < 60 ? !try_mark(&random)
				  : !try_report(&random))
			return step;
	}
	return -1;
}

static void test_reports_say_what_a_plain_map_of_pages_says(void **state)
{
	static const uint64_t bases[] = {0, UINT64_C(1) << 32, TOP - (PAGES - 1) * PAGE};

	for (size_t i = 0; i < UNIT_COUNT(bases); i++) {
		model.base = bases[i];
		unit_run_seeds(run_model);
	}
}

/* ---- Threads ------------------------------------------------------------------------------- */

/* Each page is marked once, by the thread whose turn it is in a row of MARKERS. */
static void *mark_some(void *data)
{
	for (uint64_t page = (uintptr_t)data; page < SHARED; page += MARKERS)
		umd_dma_dirty_mark(dirty, page * PAGE, 1);
	return NULL;
}

static unsigned int collect(uint8_t *seen)
{
	const struct umd_dma_range range = {0, SHARED * PAGE};
	static uint64_t bitmap[SHARED / 64];
	unsigned int count = 0;

	umd_dma_dirty_report(dirty, &range, PAGE, (uint8_t *)bitmap);
	for (size_t page = 0; page < SHARED; page++) {
		if (bitmap[page / 64] >> page % 64 & 1) {
			seen[page]++;
			count++;
		}
	}
	return count;
}

static void run_markers(void)
{
	static uint8_t seen[SHARED];
	pthread_t threads[MARKERS];
	unsigned int left = SHARED;

	memset(seen, 0, sizeof(seen));
	for (uintptr_t i = 0; i < MARKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mark_some, (void *)i), 0);
	for (int i = 0; i < 20; i++)
		left -= collect(seen);
	for (unsigned int i = 0; i < MARKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(collect(seen), left);
	for (size_t page = 0; page < SHARED; page++)
		assert_int_equal(seen[page], 1);
}

static void test_each_mark_of_a_thread_is_reported_once(void **state)
{
	assert_int_equal(start(0, SHARED * PAGE), 0);
	for (int round = 0; round < 20; round++)
		run_markers();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_ranges_that_make_no_sense_are_refused),
		TEST(test_ranges_may_touch_come_in_any_order_and_end_with_the_address_space),
		TEST(test_as_much_as_is_allowed_can_be_logged),
		TEST(test_one_log_runs_at_a_time),
		TEST(test_log_that_ended_is_freed_when_no_reader_is_inside),
		TEST(test_reports_that_make_no_sense_are_refused),
		TEST(test_page_is_reported_once),
		TEST(test_larger_pages_are_counted_from_where_the_report_begins),
		TEST(test_bitmap_is_of_whole_words),
		TEST(test_writes_to_a_space_are_logged_and_reads_are_not),
		TEST(test_write_that_fails_is_logged_as_far_as_it_went),
		TEST(test_log_of_all_is_precise_where_it_found_maps),
		TEST(test_log_of_all_may_find_no_map),
		TEST(test_log_outlives_maps_and_ends_with_the_space),
		TEST(test_reports_say_what_a_plain_map_of_pages_says),
		TEST(test_each_mark_of_a_thread_is_reported_once),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("dma_dirty", tests, NULL, NULL);
}
