/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The box of fds that wait for their message: kept in order, closed when nobody claims them, and
 * never more than fit.
 */
#include "unit.h"

#include <fcntl.h>

#include "wire/fdbox.h"

static struct umd_fdbox box;
static int before; /* fds open while the box is empty */

static int setup(void **state)
{
	box = (struct umd_fdbox){0};
	before = unit_count_fds();
	return 0;
}

static int teardown(void **state)
{
	umd_fdbox_drop(&box, box.fd_count);
	assert_int_equal(unit_count_fds(), before);
	return 0;
}

/* Puts `count` new fds in for the stretch [start, end). */
static void put(uint64_t start, uint64_t end, unsigned int count)
{
	int fds[UMD_SCM_MAX_FD];

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	umd_fdbox_put(&box, start, end, fds, count);
}

static void check(unsigned int batches, unsigned int fds)
{
	assert_int_equal(box.batch_count, batches);
	assert_int_equal(box.fd_count, fds);
	assert_int_equal(unit_count_fds(), before + (int)fds);
}

static void test_dropping_closes_the_first_batches_and_moves_the_others_up(void **state)
{
	int third;

	put(0, 16, 2);
	put(16, 32, 1);
	put(32, 64, 3);
	third = box.fds[3];
	check(3, 6);
	umd_fdbox_drop(&box, 3);
	check(1, 3);
	assert_int_equal(box.fds[0], third);
	assert_int_equal(box.batches[0].start, 32);
	assert_int_equal(box.batches[0].end, 64);
	assert_int_equal(box.batches[0].count, 3);
}

static void test_dropping_none_changes_nothing(void **state)
{
	umd_fdbox_drop(&box, 0);
	check(0, 0);
	put(0, 16, 1);
	umd_fdbox_drop(&box, 0);
	check(1, 1);
}

static void test_fd_that_was_taken_stays_open(void **state)
{
	int taken;

	put(0, 16, 3);
	taken = box.fds[1];
	box.fds[1] = -1;
	umd_fdbox_drop(&box, 3);
	assert_int_equal(unit_count_fds(), before + 1);
	assert_true(fcntl(taken, F_GETFD) >= 0);
	close(taken);
}

static void test_batches_are_retired_once_their_stretch_has_passed(void **state)
{
	put(0, 16, 1);
	put(8, 32, 2);
	put(32, 48, 1);
	umd_fdbox_retire(&box, 15);
	check(3, 4);
	umd_fdbox_retire(&box, 16);
	check(2, 3);
	umd_fdbox_retire(&box, 31);
	check(2, 3);
	umd_fdbox_retire(&box, UINT64_MAX);
	check(0, 0);
}

static void test_room_is_for_a_whole_receive_more(void **state)
{
	assert_true(umd_fdbox_has_room(&box));
	put(0, 16, UMD_SCM_MAX_FD);
	assert_true(umd_fdbox_has_room(&box));
	put(16, 32, 1);
	assert_false(umd_fdbox_has_room(&box));
	umd_fdbox_drop(&box, UMD_SCM_MAX_FD);
	assert_true(umd_fdbox_has_room(&box));
	put(32, 48, UMD_SCM_MAX_FD);
	assert_false(umd_fdbox_has_room(&box));
}

static void test_room_ends_with_the_batches_too(void **state)
{
	unsigned int batches = 0;

	while (umd_fdbox_has_room(&box)) {
		put(batches * 16, batches * 16 + 16, 1);
		assert_true(++batches <= UNIT_COUNT(box.batches));
	}
	assert_int_equal(batches, UNIT_COUNT(box.batches));
	umd_fdbox_retire(&box, 16);
	assert_true(umd_fdbox_has_room(&box));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_dropping_closes_the_first_batches_and_moves_the_others_up),
		TEST(test_dropping_none_changes_nothing),
		TEST(test_fd_that_was_taken_stays_open),
		TEST(test_batches_are_retired_once_their_stretch_has_passed),
		TEST(test_room_is_for_a_whole_receive_more),
		TEST(test_room_ends_with_the_batches_too),
	};

	return cmocka_run_group_tests_name("fdbox", tests, NULL, NULL);
}
