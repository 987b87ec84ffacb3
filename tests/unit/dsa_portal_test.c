/* SPDX-License-Identifier: BSD-2-Clause */
/* Portals: how writes become descriptors. */
#include "unit.h"

#include "dsa/portal.h"

#define PAGES 8u

static struct dsa_portals *portals;
static struct dsa_submission got;
static uint8_t descriptor[DSA_DESCRIPTOR_SIZE];

static int begin(void **state)
{
	memset(&got, 0xee, sizeof(got));
	for (unsigned int i = 0; i < DSA_DESCRIPTOR_SIZE; i++)
		descriptor[i] = (uint8_t)(i + 1);
	return dsa_portals_create(PAGES, &portals);
}

static int end(void **state)
{
	dsa_portals_destroy(portals);
	return 0;
}

static int put(uint64_t offset, unsigned int at, size_t size)
{
	return dsa_portals_write(portals, offset + at, descriptor + at, size, &got);
}

static void expect(unsigned int wq, enum dsa_portal_kind kind)
{
	assert_int_equal(got.wq, wq);
	assert_int_equal(got.kind, kind);
	assert_memory_equal(got.descriptor, descriptor, DSA_DESCRIPTOR_SIZE);
}

static void one_write_of_64_bytes_is_a_descriptor(void **state)
{
	for (unsigned int page = 0; page < PAGES; page++)
		for (unsigned int slot = 0; slot < 64; slot++) {
			memset(&got, 0, sizeof(got));
			assert_int_equal(put(page * 0x1000 + slot * 64, 0, 64), 1);
			expect(page / 4, page % 4);
		}
}

static void smaller_writes_are_gathered(void **state)
{
	static const size_t sizes[] = {4, 8, 16, 32};

	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		for (unsigned int at = 0; at < 64 - sizes[i]; at += sizes[i])
			assert_int_equal(put(0x5040, at, sizes[i]), 0);
		assert_int_equal(put(0x5040, 64 - sizes[i], sizes[i]), 1);
		expect(1, DSA_PORTAL_LIMITED);
		memset(&got, 0, sizeof(got));
	}
}

static void pieces_come_in_any_order_and_size(void **state)
{
	assert_int_equal(put(0, 56, 8), 0);
	assert_int_equal(put(0, 32, 16), 0);
	assert_int_equal(put(0, 48, 4), 0);
	assert_int_equal(put(0, 0, 32), 0);
	assert_int_equal(put(0, 52, 4), 1);
	expect(0, DSA_PORTAL_UNLIMITED);
}

static void slots_and_pages_do_not_mix(void **state)
{
	static const uint64_t slots[] = {0, 0x40, 0xfc0, 0x1000, 0x4000};

	for (unsigned int at = 0; at < 56; at += 8)
		for (size_t i = 0; i < UNIT_COUNT(slots); i++)
			assert_int_equal(put(slots[i], at, 8), 0);
	for (size_t i = 0; i < UNIT_COUNT(slots); i++) {
		memset(&got, 0, sizeof(got));
		assert_int_equal(put(slots[i], 56, 8), 1);
		expect(slots[i] / 0x4000, slots[i] / 0x1000 % 4);
	}
}

static void a_byte_written_twice_begins_anew(void **state)
{
	uint8_t stale[32];

	memset(stale, 0x99, sizeof(stale));
	assert_int_equal(dsa_portals_write(portals, 0x20, stale, 32, &got), 0);
	for (unsigned int at = 0; at < 32; at += 8)
		assert_int_equal(put(0, at, 8), at < 24 ? 0 : 1);
	assert_int_equal(got.descriptor[0x20], 0x99);

	assert_int_equal(dsa_portals_write(portals, 0, stale, 32, &got), 0);
	for (unsigned int at = 0; at < 56; at += 8)
		assert_int_equal(put(0, at, 8), 0);
	assert_int_equal(put(0, 56, 8), 1);
	expect(0, DSA_PORTAL_UNLIMITED);
}

static void a_whole_descriptor_takes_the_place_of_a_part(void **state)
{
	uint8_t stale[8] = {0x99};

	assert_int_equal(dsa_portals_write(portals, 0x18, stale, 8, &got), 0);
	assert_int_equal(put(0, 0, 64), 1);
	expect(0, DSA_PORTAL_UNLIMITED);
	for (unsigned int at = 0; at < 56; at += 8)
		assert_int_equal(put(0, at, 8), 0);
	assert_int_equal(put(0, 56, 8), 1);
}

static void other_shapes_are_refused(void **state)
{
	uint8_t bytes[256] = {0};
	static const struct {
		uint64_t offset;
		size_t size;
	} bad[] = {{0, 1},
		   {0, 2},
		   {0, 3},
		   {0, 12},
		   {0, 24},
		   {0, 48},
		   {0, 63},
		   {0, 65},
		   {0, 96},
		   {0, 128},
		   {0, 256},
		   {4, 8},
		   {8, 16},
		   {16, 32},
		   {2, 4},
		   {8, 64},
		   {0x20, 64},
		   {0, 0},
		   {PAGES * 0x1000, 64},
		   {UINT64_MAX - 63, 64}};

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		assert_int_equal(
			dsa_portals_write(portals, bad[i].offset, bytes, bad[i].size, &got),
			-EINVAL);
	assert_int_equal(got.wq, 0xeeeeeeee);
}

static void a_reset_drops_what_is_gathered(void **state)
{
	put(0, 0, 32);
	put(0x4000, 0, 32);
	put(0x7fc0, 0, 32);
	dsa_portals_reset_wq(portals, 1);
	assert_int_equal(put(0x4000, 32, 32), 0);
	assert_int_equal(put(0x7fc0, 32, 32), 0);
	assert_int_equal(put(0, 32, 32), 1);

	put(0, 0, 32);
	dsa_portals_reset_wq(portals, 2);
	dsa_portals_reset(portals);
	assert_int_equal(put(0, 32, 32), 0);
}

static void limits_are_those_of_the_page(void **state)
{
	struct dsa_portal_wq wq = {.size = 8, .threshold = 3};

	for (wq.occupied = 0; wq.occupied < 12; wq.occupied++) {
		assert_int_equal(dsa_portal_admits(&wq, DSA_PORTAL_UNLIMITED), wq.occupied < 8);
		assert_int_equal(dsa_portal_admits(&wq, DSA_PORTAL_IMS_UNLIMITED), wq.occupied < 8);
		assert_int_equal(dsa_portal_admits(&wq, DSA_PORTAL_LIMITED), wq.occupied < 3);
		assert_int_equal(dsa_portal_admits(&wq, DSA_PORTAL_IMS_LIMITED), wq.occupied < 3);
	}
	wq.threshold = 20;
	wq.occupied = 8;
	assert_false(dsa_portal_admits(&wq, DSA_PORTAL_LIMITED));

	wq.dedicated = true;
	wq.threshold = 0;
	wq.occupied = 7;
	assert_true(dsa_portal_admits(&wq, DSA_PORTAL_LIMITED));
}

static void a_sender_is_dropped(void **state)
{
	assert_int_equal(put(0, 0, 64), 1);
	dsa_submission_drop_sender(&got);
	memset(descriptor, 0, 4);
	expect(0, DSA_PORTAL_UNLIMITED);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
	struct dsa_portals *none = NULL;

	assert_int_equal(dsa_portals_create(0, &none), -EINVAL);
	assert_int_equal(dsa_portals_create(1021, &none), -EINVAL);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_write_of_64_bytes_is_a_descriptor, begin, end),
		cmocka_unit_test_setup_teardown(smaller_writes_are_gathered, begin, end),
		cmocka_unit_test_setup_teardown(pieces_come_in_any_order_and_size, begin, end),
		cmocka_unit_test_setup_teardown(slots_and_pages_do_not_mix, begin, end),
		cmocka_unit_test_setup_teardown(a_byte_written_twice_begins_anew, begin, end),
		cmocka_unit_test_setup_teardown(a_whole_descriptor_takes_the_place_of_a_part, begin,
						end),
		cmocka_unit_test_setup_teardown(other_shapes_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(a_reset_drops_what_is_gathered, begin, end),
		cmocka_unit_test_setup_teardown(limits_are_those_of_the_page, begin, end),
		cmocka_unit_test_setup_teardown(a_sender_is_dropped, begin, end),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
