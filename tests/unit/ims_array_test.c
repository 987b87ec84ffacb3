/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store's array as registers: what each entry shows, what can be written and by whom, at every
 * alignment.
 */
#include "ims_fixture.h"

#include "base/bytes.h"

#define ENTRIES 8u
#define ARRAY	(ENTRIES * UMD_IMS_ENTRY_SIZE)
#define A	0xfff12345u /* whose PASID is its low 20 bits */
#define B	8u

static struct umd_ims *ims;
static struct umd_ims_domain *a, *b;
static umd_ims_handle of_a, of_b;
static int fd_a, fd_b;

static int setup(void **state)
{
	ims = ims_store(ENTRIES);
	a = ims_domain(ims, A, 4);
	b = ims_domain(ims, B, 2);
	fd_a = ims_eventfd();
	fd_b = ims_eventfd();
	of_a = ims_entry(a, fd_a);
	of_b = ims_entry(b, fd_b);
	return 0;
}

static int teardown(void **state)
{
	umd_ims_domain_destroy(a);
	umd_ims_domain_destroy(b);
	umd_ims_destroy(ims);
	close(fd_a);
	close(fd_b);
	return 0;
}

static size_t offset_of(umd_ims_handle handle)
{
	return (size_t)ims_index(handle) * UMD_IMS_ENTRY_SIZE;
}

static uint32_t control_of(umd_ims_handle handle)
{
	uint8_t bytes[4];

	assert_int_equal(umd_ims_read(ims, offset_of(handle) + 12, bytes, sizeof(bytes)), 0);
	return umd_get_le32(bytes);
}

static void write_control(umd_ims_handle handle, uint32_t owner, uint32_t value, int err)
{
	uint8_t bytes[4];

	umd_put_le32(bytes, value);
	assert_int_equal(umd_ims_write(ims, owner, offset_of(handle) + 12, bytes, sizeof(bytes)),
			 err);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void test_control_shows_the_entry(void **state)
{
	assert_int_equal(control_of(of_a), 0x12345008);
	assert_int_equal(control_of(of_b), 0x00008008);
	assert_int_equal(umd_ims_set_mask(b, of_b, true), 0);
	assert_int_equal(control_of(of_b), 0x00008009);
	assert_int_equal(umd_ims_trigger(ims, of_b, B), 0);
	assert_int_equal(control_of(of_b), 0x0000800d);
	assert_int_equal(umd_ims_set_mask(b, of_b, false), 0);
	assert_int_equal(control_of(of_b), 0x00008008);
}

static void test_entry_that_is_not_out_reads_as_zero(void **state)
{
	uint8_t bytes[ARRAY], zero[ARRAY] = {0};

	assert_int_equal(umd_ims_write(ims, A, offset_of(of_a), "0123456789ab", 12), 0);
	assert_int_equal(umd_ims_free(a, of_a), 0);
	assert_int_equal(umd_ims_revoke(ims, of_b), 0);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(umd_ims_read(ims, 0, bytes, sizeof(bytes)), 0);
	assert_memory_equal(bytes, zero, sizeof(bytes));
	assert_int_equal(umd_ims_alloc(a, &of_a), 0);
	assert_int_equal(umd_ims_read(ims, offset_of(of_a), bytes, 12), 0);
	assert_memory_equal(bytes, zero, 12);
}

static void test_saved_state_is_what_was_written(void **state)
{
	struct umd_ims_state saved = {.size = sizeof(saved)};
	uint8_t bytes[UMD_IMS_ENTRY_SIZE];

	umd_put_le64(bytes, UINT64_C(0x1122334455667788));
	umd_put_le32(bytes + 8, 0x99aabbcc);
	umd_put_le32(bytes + 12, UMD_IMS_CTRL_MASK);
	assert_int_equal(umd_ims_write(ims, A, offset_of(of_a), bytes, sizeof(bytes)), 0);
	assert_int_equal(umd_ims_save(a, of_a, &saved), 0);
	assert_true(saved.address == UINT64_C(0x1122334455667788));
	assert_int_equal(saved.data, 0x99aabbcc);
	assert_true(saved.masked);
	assert_false(saved.pending);
}

static void test_every_range_of_the_array_reads_the_same_bytes(void **state)
{
	uint8_t whole[ARRAY], part[ARRAY];

	assert_int_equal(umd_ims_write(ims, A, offset_of(of_a), "0123456789ab", 12), 0);
	assert_int_equal(umd_ims_write(ims, B, offset_of(of_b), "cdefghijklmn", 12), 0);
	assert_int_equal(umd_ims_read(ims, 0, whole, sizeof(whole)), 0);
	for (size_t offset = 0; offset <= ARRAY; offset++) {
		for (size_t size = 0; size <= ARRAY - offset; size++) {
			memset(part, 0xee, sizeof(part));
			assert_int_equal(umd_ims_read(ims, offset, part, size), 0);
			assert_memory_equal(part, whole + offset, size);
			assert_true(size == ARRAY || part[size] == 0xee);
		}
	}
}

static void test_range_outside_is_refused(void **state)
{
	static const struct {
		size_t offset, size;
	} cases[] = {
		{ARRAY, 1}, {ARRAY - 1, 2}, {0, ARRAY + 1},	   {ARRAY + 1, 0},
		{1, ARRAY}, {SIZE_MAX, 1},  {SIZE_MAX - 1, ARRAY}, {1, SIZE_MAX},
	};
	uint8_t bytes[ARRAY + 1] = {0};

	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		assert_int_equal(umd_ims_read(ims, cases[i].offset, bytes, cases[i].size), -EINVAL);
		assert_int_equal(umd_ims_write(ims, A, cases[i].offset, bytes, cases[i].size),
				 -EINVAL);
	}
}

static void test_storage_per_owner_is_no_array(void **state)
{
	struct umd_ims *other = ims_store(0);
	struct umd_ims_domain *domain = ims_domain(other, 1, 1);
	uint8_t byte = 0;

	assert_int_equal(umd_ims_read(other, 0, &byte, 1), -EINVAL);
	assert_int_equal(umd_ims_write(other, 1, 0, &byte, 1), -EINVAL);
	umd_ims_domain_destroy(domain);
	umd_ims_destroy(other);
}

/* ---- Writing ------------------------------------------------------------------------------- */

static void test_mask_can_be_written_and_nothing_else_of_control(void **state)
{
	uint32_t owned = 0x12345000 | UMD_IMS_CTRL_OWNED;

	write_control(of_a, A, UINT32_MAX, 0);
	assert_int_equal(control_of(of_a), owned | UMD_IMS_CTRL_MASK);
	write_control(of_a, A, ~UMD_IMS_CTRL_MASK, 0);
	assert_int_equal(control_of(of_a), owned);
	assert_int_equal(unit_take_events(fd_a), 0);
	assert_int_equal(umd_ims_trigger(ims, of_a, A), 0);
	assert_int_equal(unit_take_events(fd_a), 1);
}

static void test_clearing_the_mask_delivers_what_is_pending(void **state)
{
	write_control(of_a, A, UMD_IMS_CTRL_MASK, 0);
	assert_int_equal(umd_ims_trigger(ims, of_a, A), 0);
	write_control(of_a, A, UMD_IMS_CTRL_MASK, 0);
	assert_int_equal(unit_take_events(fd_a), 0);
	write_control(of_a, A, 0, 0);
	assert_int_equal(unit_take_events(fd_a), 1);
	assert_int_equal(control_of(of_a) & UMD_IMS_CTRL_PENDING, 0);
}

/* The mask is in the first of control's bytes; those behind it leave it alone. */
static void test_byte_beside_the_mask_does_not_unmask(void **state)
{
	uint8_t zeros[3] = {0};

	write_control(of_a, A, UMD_IMS_CTRL_MASK, 0);
	assert_int_equal(umd_ims_trigger(ims, of_a, A), 0);
	assert_int_equal(umd_ims_write(ims, A, offset_of(of_a) + 13, zeros, 3), 0);
	assert_int_equal(umd_ims_write(ims, A, offset_of(of_a) + 9, zeros, 3), 0);
	assert_int_equal(unit_take_events(fd_a), 0);
	assert_int_equal(umd_ims_write(ims, A, offset_of(of_a) + 12, zeros, 1), 0);
	assert_int_equal(unit_take_events(fd_a), 1);
}

static void test_entry_of_another_owner_is_left_alone(void **state)
{
	uint8_t bytes[UMD_IMS_ENTRY_SIZE], ones[UMD_IMS_ENTRY_SIZE];
	umd_ims_handle gone = of_a;

	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(umd_ims_write(ims, A, offset_of(of_b), ones, sizeof(ones)), -EPERM);
	assert_int_equal(umd_ims_read(ims, offset_of(of_b), bytes, sizeof(bytes)), 0);
	assert_int_equal(umd_get_le64(bytes), 0);
	assert_int_equal(control_of(of_b), 0x00008008);

	assert_int_equal(umd_ims_free(a, of_a), 0);
	assert_int_equal(umd_ims_write(ims, A, offset_of(gone), ones, 1), -EPERM);
	assert_int_equal(umd_ims_read(ims, offset_of(gone), bytes, 1), 0);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(umd_ims_domain_refused(b), 0);
}

/* As a write of this range should leave the array, byte by byte. */
static void expect_written(const uint8_t *was, const uint8_t *is, size_t offset, size_t size)
{
	for (size_t i = 0; i < ARRAY; i++) {
		bool own = i / UMD_IMS_ENTRY_SIZE == ims_index(of_a);
		bool written = own && i >= offset && i < offset + size;
		uint8_t expected = was[i];

		if (written && i % UMD_IMS_ENTRY_SIZE < 12)
			expected = (uint8_t)(i + 1);
		if (written && i % UMD_IMS_ENTRY_SIZE == 12)
			expected = (uint8_t)((was[i] & ~UMD_IMS_CTRL_MASK) |
					     ((i + 1) & UMD_IMS_CTRL_MASK));
		if (is[i] != expected)
			fail_msg("write of %zu at %zu: byte %zu is %x, not %x", size, offset, i,
				 is[i], expected);
	}
}

static void test_every_range_writes_the_bytes_of_the_owner(void **state)
{
	uint8_t was[ARRAY], is[ARRAY], bytes[ARRAY];

	for (size_t i = 0; i < ARRAY; i++)
		bytes[i] = (uint8_t)(i + 1);
	for (size_t offset = 0; offset <= ARRAY; offset++) {
		for (size_t size = 0; size <= ARRAY - offset; size++) {
			bool inside = size == 0 || (offset >= offset_of(of_a) &&
						    offset + size <= offset_of(of_a) + 16);

			write_control(of_a, A, UMD_IMS_CTRL_MASK, 0);
			assert_int_equal(umd_ims_write(ims, A, offset_of(of_a), "zyxwvutsrqpo", 12),
					 0);
			assert_int_equal(umd_ims_read(ims, 0, was, ARRAY), 0);
			assert_int_equal(umd_ims_write(ims, A, offset, bytes + offset, size),
					 inside ? 0 : -EPERM);
			assert_int_equal(umd_ims_read(ims, 0, is, ARRAY), 0);
			expect_written(was, is, offset, size);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_control_shows_the_entry),
		TEST(test_entry_that_is_not_out_reads_as_zero),
		TEST(test_saved_state_is_what_was_written),
		TEST(test_every_range_of_the_array_reads_the_same_bytes),
		TEST(test_range_outside_is_refused),
		TEST(test_storage_per_owner_is_no_array),
		TEST(test_mask_can_be_written_and_nothing_else_of_control),
		TEST(test_clearing_the_mask_delivers_what_is_pending),
		TEST(test_byte_beside_the_mask_does_not_unmask),
		TEST(test_entry_of_another_owner_is_left_alone),
		TEST(test_every_range_writes_the_bytes_of_the_owner),
	};

	return cmocka_run_group_tests_name("ims_array", tests, NULL, NULL);
}
