/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums: the tables, and whatever is used here, beside one bit after the other; and values that
 * are known. "123456789" is what every catalogue of CRCs has: CRC-32/ISCSI, CRC-16/T10-DIF.
 */
#include "dsa_fixture.h"
#include "dsa_reference.h"

#include "dsa/crc.h"

#define SIZE 5000u

static uint8_t bytes[SIZE];

static const uint8_t check[] = "123456789";

static int setup(void **state)
{
	uint64_t random = 3;

	for (unsigned int i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)unit_random(&random);
	return 0;
}

static void test_known_values(void **state)
{
	assert_int_equal(~dsa_crc32c(UINT32_MAX, check, 9), 0xe3069283);
	assert_int_equal(~dsa_crc32c_by_table(UINT32_MAX, check, 9), 0xe3069283);
	assert_int_equal(dsa_crc16(0, check, 9), 0xd0db);
	assert_int_equal(dsa_crc16_by_table(0, check, 9), 0xd0db);
}

/* RFC 3720, B.4. */
static void test_known_values_of_iscsi(void **state)
{
	static const uint8_t zeroes[32];
	uint8_t ones[32], up[32];

	memset(ones, 0xff, sizeof(ones));
	for (uint8_t i = 0; i < 32; i++)
		up[i] = i;
	assert_int_equal(~dsa_crc32c(UINT32_MAX, zeroes, 32), 0x8a9136aa);
	assert_int_equal(~dsa_crc32c(UINT32_MAX, ones, 32), 0x62a8ab43);
	assert_int_equal(~dsa_crc32c(UINT32_MAX, up, 32), 0x46dd794e);
}

static void test_tables_and_kernels_do_what_bits_do(void **state)
{
	uint64_t random = 9;

	for (unsigned int i = 0; i < 300; i++) {
		size_t size = i < 100 ? i : (size_t)unit_below(&random, 4900);
		const uint8_t *from = bytes + unit_below(&random, 64);
		uint32_t seed = (uint32_t)unit_random(&random), low = ref_turn(seed), high = low;
		uint16_t guard = (uint16_t)seed;

		for (size_t n = 0; n < size; n++) {
			low = ref_crc32c(low, from[n], false);
			high = ref_crc32c(high, from[n], true);
			guard = ref_crc16(guard, from[n]);
		}
		assert_int_equal(dsa_crc32c(seed, from, size), ref_turn(low));
		assert_int_equal(dsa_crc32c_by_table(seed, from, size), ref_turn(low));
		assert_int_equal(dsa_crc32c_msb(seed, from, size), ref_turn(high));
		assert_int_equal(dsa_crc16((uint16_t)seed, from, size), guard);
		assert_int_equal(dsa_crc16_by_table((uint16_t)seed, from, size), guard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_known_values_of_iscsi),
		cmocka_unit_test(test_tables_and_kernels_do_what_bits_do),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
