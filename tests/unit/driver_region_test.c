/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a region, by call and where they are mapped, on a device of this process and on one
 * that is served. */
#include "driver_device.h"

#include "base/bytes.h"
#include "driver/backend.h"

#define PAGE UINT64_C(4096)

static volatile uint8_t *map(uint64_t offset, uint64_t bytes)
{
	volatile void *address = NULL;

	assert_int_equal(umd_driver_region_map(driver, UMD_DRIVER_BAR0, offset, bytes, &address),
			 0);
	assert_non_null(address);
	return address;
}

static int map_error(unsigned int index, uint64_t offset, uint64_t bytes)
{
	volatile void *address = NULL;
	int err = umd_driver_region_map(driver, index, offset, bytes, &address);

	assert_null(address);
	return err;
}

/* By call, BARs answer only while memory decoding is on; what is mapped does not ask. */
static void set_decoding(bool on)
{
	uint16_t command = PCI_COMMAND_MASTER | (on ? PCI_COMMAND_MEMORY : 0);

	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND, command), 0);
}

static bool is_mapped(uint64_t offset)
{
	uint32_t value;
	int err;

	set_decoding(false);
	err = umd_driver_read32(driver, UMD_DRIVER_BAR0, offset, &value);
	set_decoding(true);
	assert_true(err == 0 || err == -EIO);
	return err == 0;
}

/* ---- By call ------------------------------------------------------------------------------- */

static void test_a_register_is_one_access_of_its_width(void **state)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	assert_int_equal(umd_driver_write64(driver, 0, SCRATCH, UINT64_C(0x8877665544332211)), 0);
	assert_int_equal(get(LAST_WIDTH), 8);
	assert_int_equal(umd_driver_read64(driver, 0, SCRATCH, &u64), 0);
	assert_int_equal(get(LAST_WIDTH), 8);
	assert_true(u64 == UINT64_C(0x8877665544332211));
	assert_int_equal(umd_driver_read32(driver, 0, SCRATCH + 4, &u32), 0);
	assert_int_equal(get(LAST_WIDTH), 4);
	assert_int_equal(u32, 0x88776655);
	assert_int_equal(umd_driver_read16(driver, 0, SCRATCH + 2, &u16), 0);
	assert_int_equal(get(LAST_WIDTH), 2);
	assert_int_equal(u16, 0x4433);
	assert_int_equal(umd_driver_read8(driver, 0, SCRATCH + 7, &u8), 0);
	assert_int_equal(get(LAST_WIDTH), 1);
	assert_int_equal(u8, 0x88);

	assert_int_equal(umd_driver_write32(driver, 0, SCRATCH, 0xaabbccdd), 0);
	assert_int_equal(umd_driver_write16(driver, 0, SCRATCH + 4, 0x1234), 0);
	assert_int_equal(umd_driver_write8(driver, 0, SCRATCH + 6, 0x56), 0);
	assert_int_equal(get(LAST_WIDTH), 1);
	assert_int_equal(umd_driver_read64(driver, 0, SCRATCH, &u64), 0);
	assert_true(u64 == UINT64_C(0x88561234aabbccdd));
	assert_int_equal(get(ACCESSES), 9);
}

static void test_bytes_are_little_endian(void **state)
{
	static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t read[8];
	uint64_t value;

	assert_int_equal(umd_driver_region_write(driver, 0, SCRATCH, bytes, 8), 0);
	assert_int_equal(umd_driver_read64(driver, 0, SCRATCH, &value), 0);
	assert_true(value == UINT64_C(0x0807060504030201));
	assert_int_equal(umd_driver_write16(driver, 0, SCRATCH, 0xbeef), 0);
	assert_int_equal(umd_driver_region_read(driver, 0, SCRATCH, read, 2), 0);
	assert_int_equal(read[0], 0xef);
	assert_int_equal(read[1], 0xbe);
}

static void test_misaligned_registers_are_refused(void **state)
{
	uint64_t u64 = 7;
	uint32_t u32 = 7;
	uint16_t u16 = 7;

	assert_int_equal(umd_driver_read64(driver, 0, 4, &u64), -EINVAL);
	assert_int_equal(umd_driver_read32(driver, 0, 2, &u32), -EINVAL);
	assert_int_equal(umd_driver_read16(driver, 0, 1, &u16), -EINVAL);
	assert_int_equal(umd_driver_write64(driver, 0, 4, 0), -EINVAL);
	assert_int_equal(umd_driver_write32(driver, 0, 2, 0), -EINVAL);
	assert_int_equal(umd_driver_write16(driver, 0, 1, 0), -EINVAL);
	assert_true(u64 == 7 && u32 == 7 && u16 == 7);
	assert_int_equal(get(ACCESSES), 0);
}

static void test_registers_that_are_not_there_are_refused(void **state)
{
	uint32_t value = 7;

	assert_int_equal(umd_driver_read32(driver, 9, 0, &value), -EINVAL);
	assert_int_equal(umd_driver_write32(driver, UINT32_MAX, 0, 0), -EINVAL);
	assert_int_equal(umd_driver_read32(driver, UMD_DRIVER_BAR5, 0, &value), -EINVAL);
	assert_int_equal(umd_driver_read32(driver, 0, 1 << 20, &value), -EINVAL);
	assert_int_equal(umd_driver_read32(driver, 0, UINT64_MAX - 3, &value), -EINVAL);
	assert_int_equal(value, 7);
}

/* ---- Mapping ------------------------------------------------------------------------------- */

static void test_what_is_mapped_is_the_devices_memory(void **state)
{
	volatile uint8_t *memory = map(SMALL_AREA, PAGE);
	uint8_t bytes[4];
	uint32_t value = 0x04030201;

	assert_int_equal(umd_driver_region_write(driver, 0, SMALL_AREA + 8, &value, 4), 0);
	assert_int_equal(memory[8], 1);
	assert_int_equal(memory[11], 4);
	memory[100] = 0x77;
	assert_int_equal(umd_driver_region_read(driver, 0, SMALL_AREA + 100, bytes, 1), 0);
	assert_int_equal(bytes[0], 0x77);
}

static void test_registers_use_what_is_mapped(void **state)
{
	volatile uint8_t *memory;
	uint64_t u64;
	uint16_t u16;
	uint8_t u8;

	assert_false(is_mapped(SMALL_AREA));
	memory = map(SMALL_AREA, PAGE);
	set_decoding(false);
	assert_int_equal(umd_driver_write64(driver, 0, SMALL_AREA, UINT64_C(0x8877665544332211)),
			 0);
	assert_int_equal(memory[0], 0x11);
	assert_int_equal(memory[7], 0x88);
	assert_int_equal(umd_driver_write32(driver, 0, SMALL_AREA + 8, 0x0d0c0b0a), 0);
	assert_int_equal(memory[8], 0x0a);
	assert_int_equal(umd_driver_write16(driver, 0, SMALL_AREA + 12, 0xf0e0), 0);
	assert_int_equal(memory[12], 0xe0);
	assert_int_equal(umd_driver_write8(driver, 0, SMALL_AREA + 14, 0x99), 0);
	assert_int_equal(memory[14], 0x99);

	assert_int_equal(umd_driver_read64(driver, 0, SMALL_AREA + 8, &u64), 0);
	assert_true(u64 == UINT64_C(0x0099f0e00d0c0b0a));
	assert_int_equal(umd_driver_read16(driver, 0, SMALL_AREA + 2, &u16), 0);
	assert_int_equal(u16, 0x4433);
	assert_int_equal(umd_driver_read8(driver, 0, SMALL_AREA + PAGE - 1, &u8), 0);
	assert_int_equal(umd_driver_read64(driver, 0, SMALL_AREA + PAGE - 8, &u64), 0);
	assert_int_equal(umd_driver_read64(driver, 0, SMALL_AREA + 4, &u64), -EINVAL);
}

static void test_what_is_beside_the_mapping_is_asked_for(void **state)
{
	map(AREA_OFFSET + 2 * PAGE, PAGE);
	assert_false(is_mapped(0));
	assert_false(is_mapped(SMALL_AREA));
	assert_false(is_mapped(AREA_OFFSET + 2 * PAGE - 4));
	assert_true(is_mapped(AREA_OFFSET + 2 * PAGE));
	assert_true(is_mapped(AREA_OFFSET + 3 * PAGE - 4));
	assert_false(is_mapped(AREA_OFFSET + 3 * PAGE));
	assert_false(is_mapped((1 << 20) - 4));
	assert_int_equal(get(LAST_WIDTH), 0);
}

/* In any order, and each finds its own. */
static void test_many_windows_are_told_apart(void **state)
{
	static const unsigned int order[] = {5, 0, 12, 7, 3, 20, 1, 9, 15, 2};
	volatile uint8_t *windows[UNIT_COUNT(order)];
	bool is_there[22] = {false};

	for (unsigned int i = 0; i < UNIT_COUNT(order); i++) {
		windows[i] = map(AREA_OFFSET + order[i] * PAGE, PAGE);
		windows[i][0] = (uint8_t)(order[i] + 1);
		is_there[order[i]] = true;
	}
	for (unsigned int i = 0; i < 22; i++) {
		assert_int_equal(is_mapped(AREA_OFFSET + i * PAGE), is_there[i]);
		assert_int_equal(is_mapped(AREA_OFFSET + i * PAGE + PAGE - 4), is_there[i]);
		assert_int_equal(get(AREA_OFFSET + i * PAGE), is_there[i] ? i + 1 : 0);
	}
	for (unsigned int i = 0; i < UNIT_COUNT(order); i++) {
		assert_int_equal(umd_driver_region_unmap(driver, windows[i]), 0);
		is_there[order[i]] = false;
		for (unsigned int j = 0; j < 22; j++)
			assert_int_equal(is_mapped(AREA_OFFSET + j * PAGE), is_there[j]);
	}
}

static void test_only_areas_can_be_mapped(void **state)
{
	assert_int_equal(map_error(0, 0, PAGE), -ENOTSUP);
	assert_int_equal(map_error(0, SMALL_AREA - PAGE, 2 * PAGE), -ENOTSUP);
	assert_int_equal(map_error(0, SMALL_AREA, 2 * PAGE), -ENOTSUP);
	assert_int_equal(map_error(0, AREA_OFFSET, AREA_BYTES + PAGE), -ENOTSUP);
	assert_int_equal(map_error(0, AREA_OFFSET, UINT64_C(1) << 62), -ENOTSUP);
	assert_int_equal(map_error(UMD_DRIVER_BAR2, 0, PAGE), -ENOTSUP);
	assert_int_equal(map_error(UMD_DRIVER_CONFIG, 0, PAGE), -ENOTSUP);
	assert_int_equal(map_error(UMD_DRIVER_VGA, 0, PAGE), -ENOTSUP);
}

static void test_what_makes_no_mapping_is_refused(void **state)
{
	assert_int_equal(map_error(9, 0, PAGE), -EINVAL);
	assert_int_equal(map_error(0, SMALL_AREA + 8, PAGE), -EINVAL);
	assert_int_equal(map_error(0, SMALL_AREA, 100), -EINVAL);
	assert_int_equal(map_error(0, SMALL_AREA, 0), -EINVAL);
	assert_int_equal(map_error(0, UINT64_MAX - PAGE + 1, 2 * PAGE), -EINVAL);
}

static void test_nothing_is_mapped_twice(void **state)
{
	volatile uint8_t *memory = map(AREA_OFFSET + PAGE, 2 * PAGE);

	assert_int_equal(map_error(0, AREA_OFFSET + PAGE, PAGE), -EBUSY);
	assert_int_equal(map_error(0, AREA_OFFSET + 2 * PAGE, 2 * PAGE), -EBUSY);
	assert_int_equal(map_error(0, AREA_OFFSET, AREA_BYTES), -EBUSY);
	map(AREA_OFFSET, PAGE);
	assert_int_equal(umd_driver_region_unmap(driver, memory), 0);
	map(AREA_OFFSET + PAGE, AREA_BYTES - PAGE);
}

static void test_only_mappings_can_be_unmapped(void **state)
{
	volatile uint8_t *memory;

	assert_int_equal(umd_driver_region_unmap(driver, NULL), -EINVAL);
	memory = map(SMALL_AREA, PAGE);
	assert_int_equal(umd_driver_region_unmap(driver, memory + 8), -EINVAL);
	assert_int_equal(umd_driver_region_unmap(driver, memory), 0);
	assert_int_equal(umd_driver_region_unmap(driver, memory), -EINVAL);
	assert_false(is_mapped(SMALL_AREA));
}

/* The memory is there still, and means nothing. */
static void test_registers_of_a_device_that_is_gone_are_enodev(void **state)
{
	volatile uint8_t *memory = map(SMALL_AREA, PAGE);
	volatile void *other;
	uint32_t value = 7;

	assert_int_equal(umd_driver_enable_events(driver), 0);
	memory[0] = 1;
	put(UNPLUG, 2);
	expect_event(UMD_DRIVER_EVENT_REMOVED);
	assert_int_equal(umd_driver_read32(driver, 0, SMALL_AREA, &value), -ENODEV);
	assert_int_equal(umd_driver_write32(driver, 0, SMALL_AREA, 5), -ENODEV);
	assert_int_equal(umd_driver_read32(driver, 0, SCRATCH, &value), -ENODEV);
	assert_int_equal(umd_driver_write32(driver, 0, SCRATCH, 5), -ENODEV);
	assert_int_equal(umd_driver_region_read(driver, 0, SCRATCH, &value, 4), -ENODEV);
	assert_int_equal(umd_driver_region_map(driver, 0, AREA_OFFSET, PAGE, &other), -ENODEV);
	assert_int_equal(value, 7);
	assert_int_equal(memory[0], 1);
	assert_int_equal(umd_driver_region_unmap(driver, memory), 0);
}

static void test_closing_unmaps(void **state)
{
	volatile uint8_t *memory = map(AREA_OFFSET, AREA_BYTES);
	unsigned char resident;

	umd_driver_close(driver);
	driver = NULL;
	assert_int_equal(mincore((void *)(uintptr_t)memory, 1, &resident), -1);
	assert_int_equal(errno, ENOMEM);
}

static void test_guarded_regions_are_mapped_as_others(void **state)
{
	volatile uint8_t *memory;

	umd_driver_close(driver);
	dut_open(UMD_DRIVER_GUARD_REGIONS);
	memory = map(SMALL_AREA, PAGE);
	put(SMALL_AREA, 0x11223344);
	assert_int_equal(memory[3], 0x11);
	assert_int_equal(get(SMALL_AREA), 0x11223344);
	assert_int_equal(umd_driver_region_unmap(driver, memory), 0);
	map(SMALL_AREA, PAGE);
}

/* ---- Order --------------------------------------------------------------------------------- */

#define ROUNDS 2000u
#define STRIDE 64u /* a cache line */

_Static_assert(2 * ROUNDS * STRIDE <= AREA_BYTES, "cells");

static volatile uint8_t *cells;
static atomic_uint turn;
static uint32_t seen_there[ROUNDS];

static volatile uint32_t *cell(unsigned int i, unsigned int which)
{
	return (volatile uint32_t *)(cells + (2 * i + which) * STRIDE);
}

/* Until both have come to a round. */
static void meet(unsigned int round)
{
	atomic_fetch_add(&turn, 1);
	while (atomic_load(&turn) < 2 * (round + 1))
		continue;
}

static void *store_and_load(void *data)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		meet(i);
		*cell(i, 1) = 1;
		__sync_synchronize();
		seen_there[i] = *cell(i, 0);
	}
	return NULL;
}

/* Each side writes one register and reads the other's: one of them sees the other's write. */
static void test_a_read_does_not_pass_a_write(void **state)
{
	static uint32_t seen_here[ROUNDS];
	pthread_t thread;

	cells = map(AREA_OFFSET, AREA_BYTES);
	turn = 0;
	assert_int_equal(pthread_create(&thread, NULL, store_and_load, NULL), 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t at = AREA_OFFSET + UINT64_C(2) * i * STRIDE;

		meet(i);
		umd_driver_write32(driver, 0, at, 1);
		umd_driver_read32(driver, 0, at + STRIDE, &seen_here[i]);
	}
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < ROUNDS; i++)
		assert_true(seen_here[i] || seen_there[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_a_register_is_one_access_of_its_width),
		ON_BOTH(test_bytes_are_little_endian),
		ON_BOTH(test_misaligned_registers_are_refused),
		ON_BOTH(test_registers_that_are_not_there_are_refused),
		ON_BOTH(test_what_is_mapped_is_the_devices_memory),
		ON_BOTH(test_registers_use_what_is_mapped),
		ON_BOTH(test_what_is_beside_the_mapping_is_asked_for),
		ON_BOTH(test_many_windows_are_told_apart),
		ON_BOTH(test_only_areas_can_be_mapped),
		ON_BOTH(test_what_makes_no_mapping_is_refused),
		ON_BOTH(test_nothing_is_mapped_twice),
		ON_BOTH(test_only_mappings_can_be_unmapped),
		ON_BOTH(test_registers_of_a_device_that_is_gone_are_enodev),
		ON_BOTH(test_closing_unmaps),
		ON_BOTH(test_guarded_regions_are_mapped_as_others),
		ON_FAKE(test_a_read_does_not_pass_a_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
