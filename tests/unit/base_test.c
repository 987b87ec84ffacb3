/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ground floor: little-endian bytes, ranges that a peer gives, fds and memory that end with
 * their scope, errors with a sentence.
 */
#include "unit.h"

#include <fcntl.h>

#include <umdev/error.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/range.h"

/* ---- Bytes --------------------------------------------------------------------------------- */

static void test_numbers_lie_little_end_first(void **state)
{
	static const uint8_t bytes[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
	uint8_t to[8];

	assert_int_equal(umd_get_le16(bytes), 0x2211);
	assert_int_equal(umd_get_le32(bytes), 0x44332211);
	assert_true(umd_get_le64(bytes) == UINT64_C(0x8877665544332211));

	umd_put_le16(to, 0x2211);
	assert_memory_equal(to, bytes, 2);
	umd_put_le32(to, 0x44332211);
	assert_memory_equal(to, bytes, 4);
	umd_put_le64(to, UINT64_C(0x8877665544332211));
	assert_memory_equal(to, bytes, 8);
}

static void test_numbers_of_any_size_touch_no_more_bytes(void **state)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		for (unsigned int at = 1; at <= 8; at++) {
			uint8_t bytes[18];
			uint64_t value = UINT64_C(0xf1e2d3c4b5a69788);

			memset(bytes, 0x5a, sizeof(bytes));
			umd_put_le(&bytes[at], size, value);
			assert_true(umd_get_le(&bytes[at], size) ==
				    (size == 8 ? value : value & ((UINT64_C(1) << size * 8) - 1)));
			assert_int_equal(bytes[at - 1], 0x5a);
			assert_int_equal(bytes[at + size], 0x5a);
		}
	}
}

/* ---- Ranges -------------------------------------------------------------------------------- */

static void test_range_within(void **state)
{
	static const struct {
		uint64_t start, size, limit;
		bool within;
	} rows[] = {
		{0, 0, 0, true},
		{1, 0, 0, false},
		{0, 1, 0, false},
		{0, 16, 16, true},
		{16, 0, 16, true},
		{15, 1, 16, true},
		{15, 2, 16, false},
		{16, 1, 16, false},
		{17, 0, 16, false},
		{0, UINT64_MAX, UINT64_MAX, true},
		{1, UINT64_MAX, UINT64_MAX, false},
		{UINT64_MAX, 1, UINT64_MAX, false},
		{UINT64_MAX - 1, 1, UINT64_MAX, true},
		{UINT64_MAX, UINT64_MAX, 4096, false},
		{UINT64_MAX - 4095, 4096, 8192, false},
		{4096, UINT64_MAX - 4095, 8192, false},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(umd_range_within(rows[i].start, rows[i].size, rows[i].limit),
				 rows[i].within);
}

static void test_range_overlap(void **state)
{
	static const struct {
		uint64_t a, a_size, b, b_size;
		bool overlap;
	} rows[] = {
		{0, 16, 16, 16, false}, {0, 17, 16, 16, true}, {16, 16, 0, 16, false},
		{16, 16, 0, 17, true},	{0, 64, 16, 16, true}, {16, 16, 0, 64, true},
		{8, 8, 8, 8, true},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(
			umd_range_overlap(rows[i].a, rows[i].a_size, rows[i].b, rows[i].b_size),
			rows[i].overlap);
}

static void test_power_of_2(void **state)
{
	assert_false(umd_is_power_of_2(0));
	for (unsigned int bit = 0; bit < 64; bit++) {
		assert_true(umd_is_power_of_2(UINT64_C(1) << bit));
		assert_int_equal(umd_is_power_of_2((UINT64_C(1) << bit) + 1), bit == 0);
	}
	assert_false(umd_is_power_of_2(UINT64_MAX));
}

/* ---- Fds and memory ------------------------------------------------------------------------ */

static void test_close_forgets_the_fd_and_keeps_errno(void **state)
{
	int before = unit_count_fds();
	int fd = open("/dev/null", O_RDONLY);

	errno = ENOTTY;
	for (int i = 0; i < 2; i++) {
		umd_close(&fd);
		assert_int_equal(errno, ENOTTY);
		assert_int_equal(fd, -1);
		assert_int_equal(unit_count_fds(), before);
	}
}

static void leave_scope(int *ret_kept)
{
	cleanup_close int closed = open("/dev/null", O_RDONLY);
	cleanup_close int kept = open("/dev/null", O_RDONLY);
	cleanup_free char *memory = malloc(100);

	assert_non_null(memory);
	assert_true(closed >= 0);
	*ret_kept = umd_steal_fd(&kept);
	assert_int_equal(kept, -1);
}

static void test_scopes_end_what_nobody_took_over(void **state)
{
	int before = unit_count_fds();
	int kept = -1;

	leave_scope(&kept);
	assert_int_equal(unit_count_fds(), before + 1);
	close(kept);
}

/* ---- Errors -------------------------------------------------------------------------------- */

static void test_error_is_recorded_and_returned(void **state)
{
	struct umd_error error = {0};

	assert_int_equal(umd_error_set(&error, -EINVAL, "BAR %u", 3u), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	assert_string_equal(error.text, "BAR 3");
	assert_int_equal(umd_error_set(NULL, -EBUSY, "nobody reads this"), -EBUSY);
}

static void test_error_text_beyond_the_buffer_is_cut(void **state)
{
	struct umd_error error = {0};

	umd_error_set(&error, -EINVAL, "%500d", 7);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_lie_little_end_first),
		cmocka_unit_test(test_numbers_of_any_size_touch_no_more_bytes),
		cmocka_unit_test(test_range_within),
		cmocka_unit_test(test_range_overlap),
		cmocka_unit_test(test_power_of_2),
		cmocka_unit_test(test_close_forgets_the_fd_and_keeps_errno),
		cmocka_unit_test(test_scopes_end_what_nobody_took_over),
		cmocka_unit_test(test_error_is_recorded_and_returned),
		cmocka_unit_test(test_error_text_beyond_the_buffer_is_cut),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
