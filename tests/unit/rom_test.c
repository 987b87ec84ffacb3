/* SPDX-License-Identifier: BSD-2-Clause */
/* The expansion ROM: its bytes as a region, its BAR, and when a driver reaches it. */
#include "device_fixture.h"

#define MIB ((size_t)1 << 20)

static struct device_log told;
static struct umd_device *device;

static int setup(void **state)
{
	device = device_create(&told);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

static void again(void)
{
	umd_device_destroy(device);
	device = device_create(&told);
}

static uint8_t byte_at(size_t offset)
{
	return (uint8_t)(offset * 7 + 1);
}

/* The device has a copy: what it was made from is gone at once. */
static void realize(size_t size)
{
	uint8_t *bytes = malloc(size);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = byte_at(i);
	assert_int_equal(umd_device_add_rom(device, bytes, size), 0);
	memset(bytes, 0, size);
	free(bytes);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
}

/* ---- Its size ------------------------------------------------------------------------------ */

static const struct {
	size_t size;
	size_t region;
} sizes[] = {
	{1, 2048},
	{2047, 2048},
	{2048, 2048},
	{2049, 4096},
	{4096, 4096},
	{65537, 131072},
	{16 * MIB - 1, 16 * MIB},
	{16 * MIB, 16 * MIB},
};

static void test_region_is_the_next_power_of_two(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		realize(sizes[i].size);
		assert_true(umd_device_region_size(device, UMD_REGION_ROM) == sizes[i].region);
		again();
	}
}

static void test_driver_finds_the_size_by_writing_ones(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		realize(sizes[i].size);
		assert_int_equal(device_config(device, PCI_ROM_ADDRESS, 4), 0);
		device_set_config(device, PCI_ROM_ADDRESS, 4, PCI_ROM_ADDRESS_MASK);
		assert_int_equal(device_config(device, PCI_ROM_ADDRESS, 4),
				 (uint32_t)-sizes[i].region);
		device_set_config(device, PCI_ROM_ADDRESS, 4, UINT32_MAX);
		assert_int_equal(device_config(device, PCI_ROM_ADDRESS, 4),
				 (uint32_t)-sizes[i].region | 1);
		again();
	}
}

static void test_device_without_one_has_no_bar_for_it(void **state)
{
	uint8_t byte;

	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
	device_set_config(device, PCI_ROM_ADDRESS, 4, UINT32_MAX);
	assert_int_equal(device_config(device, PCI_ROM_ADDRESS, 4), 0);
	assert_true(umd_device_region_size(device, UMD_REGION_ROM) == 0);
	assert_int_equal(device_read(device, UMD_REGION_ROM, 0, &byte, 1), -EINVAL);
}

/* ---- Its bytes ----------------------------------------------------------------------------- */

/* Ones behind the bytes, wherever an access begins and ends. */
static void test_what_lies_behind_the_bytes_reads_as_ones(void **state)
{
	static const size_t ends[] = {1, 2, 1500, 2040, 2047, 2048};
	uint8_t data[16];

	for (size_t i = 0; i < UNIT_COUNT(ends); i++) {
		realize(ends[i]);
		for (size_t offset = 0; offset < 2048; offset++) {
			size_t size = 1 + offset % 16;

			if (offset + size > 2048)
				size = 2048 - offset;
			assert_int_equal(device_read(device, UMD_REGION_ROM, offset, data, size),
					 0);
			for (size_t n = 0; n < size; n++)
				assert_int_equal(data[n],
						 offset + n < ends[i] ? byte_at(offset + n) : 0xff);
		}
		again();
	}
}

static void test_one_access_reads_it_all(void **state)
{
	static uint8_t data[4096];

	realize(3000);
	assert_int_equal(device_read(device, UMD_REGION_ROM, 0, data, sizeof(data)), 0);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], i < 3000 ? byte_at(i) : 0xff);
}

static void test_accesses_outside_are_refused(void **state)
{
	static const struct {
		uint64_t offset;
		size_t size;
	} rows[] = {{2048, 1}, {2047, 2}, {0, 2049}, {0, 0}, {UINT64_MAX, 1}, {4, SIZE_MAX}};
	struct umd_request request = {0};
	uint8_t byte;

	realize(16);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(device_access(device, &request, UMD_REGION_ROM, false,
					       rows[i].offset, &byte, rows[i].size),
				 -EINVAL);
}

static void test_writes_are_refused_and_change_nothing(void **state)
{
	uint8_t data[4] = {0};

	realize(16);
	assert_int_equal(device_write(device, UMD_REGION_ROM, 0, data, 4), -EINVAL);
	assert_int_equal(device_write(device, UMD_REGION_ROM, 1000, data, 4), -EINVAL);
	assert_int_equal(device_read(device, UMD_REGION_ROM, 0, data, 4), 0);
	assert_int_equal(data[3], byte_at(3));
}

/* ---- When it is reached -------------------------------------------------------------------- */

/* As in vfio-pci: the client reads the region whatever the BAR's enable bit says. */
static void test_it_answers_while_memory_is_enabled(void **state)
{
	uint8_t byte;

	realize(16);
	for (uint32_t enable = 0; enable < 2; enable++) {
		device_set_config(device, PCI_ROM_ADDRESS, 4, 0xfe000000 | enable);
		assert_int_equal(device_read(device, UMD_REGION_ROM, 0, &byte, 1), 0);
		device_set_command(device, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
		assert_int_equal(device_read(device, UMD_REGION_ROM, 0, &byte, 1), -EIO);
		device_set_command(device, PCI_COMMAND_MEMORY);
	}
}

/* ---- Declaring ----------------------------------------------------------------------------- */

static void test_roms_that_a_device_cannot_have(void **state)
{
	static const uint8_t byte;

	assert_int_equal(umd_device_add_rom(device, &byte, 0), -EINVAL);
	device_expect_refused(device, -EINVAL, "ROM");
	again();
	assert_int_equal(umd_device_add_rom(device, &byte, 16 * MIB + 1), -EINVAL);
	device_expect_refused(device, -EINVAL, "ROM");
	again();
	assert_int_equal(umd_device_add_rom(device, &byte, SIZE_MAX), -EINVAL);
	device_expect_refused(device, -EINVAL, "ROM");
	again();
	assert_int_equal(umd_device_add_rom(device, &byte, 1), 0);
	assert_int_equal(umd_device_add_rom(device, &byte, 1), -EEXIST);
	device_expect_refused(device, -EEXIST, "ROM");
	again();
	realize(1);
	assert_int_equal(umd_device_add_rom(device, &byte, 1), -EBUSY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_region_is_the_next_power_of_two),
		TEST(test_driver_finds_the_size_by_writing_ones),
		TEST(test_device_without_one_has_no_bar_for_it),
		TEST(test_what_lies_behind_the_bytes_reads_as_ones),
		TEST(test_one_access_reads_it_all),
		TEST(test_accesses_outside_are_refused),
		TEST(test_writes_are_refused_and_change_nothing),
		TEST(test_it_answers_while_memory_is_enabled),
		TEST(test_roms_that_a_device_cannot_have),
	};

	return cmocka_run_group_tests_name("rom", tests, NULL, NULL);
}
