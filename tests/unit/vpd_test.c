/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vital Product Data: read and written four bytes at a time through an address and a data register,
 * in the part that a driver may write and nowhere else, at any address that the register can hold.
 */
#include "device_fixture.h"

#define SIZE	 64u
#define WRITABLE 20u /* where the writable part begins: in the middle of four bytes read at 18 */
#define LENGTH	 22u

static struct device_log told;
static struct umd_device *device;
static uint8_t bytes[SIZE];
static unsigned int address_at, data_at;

static void create(size_t size, size_t writable_at, size_t writable_size)
{
	const struct umd_vpd vpd = {.bytes = bytes,
				    .size = size,
				    .writable_at = writable_at,
				    .writable_size = writable_size};

	device = device_create(&told);
	assert_int_equal(umd_device_add_vpd(device, &vpd), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	address_at = device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_ADDR);
	data_at = device_cap(device, PCI_CAP_ID_VPD, PCI_VPD_DATA);
}

static int setup(void **state)
{
	for (unsigned int i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(0x80 + i);
	create(SIZE, WRITABLE, LENGTH);
	memset(bytes, 0, sizeof(bytes)); /* the device has a copy */
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

/* As a driver reads: the flag turns to one when the data are there. */
static uint32_t get(uint32_t address)
{
	device_set_config(device, address_at, 2, address);
	assert_int_equal(device_config(device, address_at, 2), address | PCI_VPD_ADDR_F);
	return device_config(device, data_at, 4);
}

/* As a driver writes: the flag turns to zero when they are taken. */
static void put(uint32_t address, uint32_t value)
{
	device_set_config(device, data_at, 4, value);
	device_set_config(device, address_at, 2, address | PCI_VPD_ADDR_F);
	assert_int_equal(device_config(device, address_at, 2), address);
	assert_int_equal(device_config(device, data_at, 4), value);
}

static uint32_t expected(const uint8_t *all, uint32_t address)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value |= address + i < SIZE ? (uint32_t)all[address + i] << 8 * i : 0;
	return value;
}

static void fresh(uint8_t *all)
{
	for (unsigned int i = 0; i < SIZE; i++)
		all[i] = (uint8_t)(0x80 + i);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void test_driver_reads_all_of_it_and_zeroes_behind(void **state)
{
	uint8_t all[SIZE];

	fresh(all);
	for (uint32_t address = 0; address <= PCI_VPD_ADDR_MASK; address++) {
		if (get(address) != expected(all, address))
			fail_msg("at 0x%x", address);
	}
}

static void test_data_stay_till_the_next_address(void **state)
{
	uint32_t first = get(0);

	assert_int_equal(device_config(device, data_at, 4), first);
	device_set_config(device, data_at, 4, 0x12345678);
	assert_int_equal(device_config(device, data_at, 4), 0x12345678);
	assert_int_equal(get(0), first);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Whatever the address, bytes outside of the writable part stay. */
static void test_driver_writes_the_writable_part_only(void **state)
{
	for (uint32_t address = 0; address <= SIZE; address++) {
		uint8_t all[SIZE];

		fresh(all);
		for (uint32_t i = address; i < address + 4; i++) {
			if (i >= WRITABLE && i < WRITABLE + LENGTH)
				all[i] = (uint8_t)(i - address + 1);
		}
		put(address, 0x04030201);
		for (uint32_t i = 0; i < SIZE; i += 4)
			assert_int_equal(get(i), expected(all, i));
		teardown(state);
		setup(state);
	}
}

static void test_write_behind_the_end_is_dropped(void **state)
{
	uint8_t all[SIZE];

	fresh(all);
	teardown(NULL);
	fresh(bytes);
	create(SIZE, SIZE - 4, 4);
	for (uint32_t address = SIZE - 4; address <= PCI_VPD_ADDR_MASK; address++) {
		put(address, 0xffffffff);
		if (address < SIZE)
			memset(&all[address], 0xff, SIZE - address);
	}
	for (uint32_t i = 0; i < SIZE; i += 4)
		assert_int_equal(get(i), expected(all, i));
}

static void test_without_a_writable_part_nothing_is_written(void **state)
{
	uint8_t all[SIZE];

	fresh(all);
	for (size_t at = 0; at <= SIZE; at += SIZE) {
		teardown(NULL);
		fresh(bytes);
		create(SIZE, at, 0);
		for (uint32_t i = 0; i < SIZE; i += 4) {
			put(i, 0);
			assert_int_equal(get(i), expected(all, i));
		}
	}
}

static void test_largest_there_can_be_is_whole(void **state)
{
	static uint8_t largest[32768];
	static const struct umd_vpd vpd = {
		.bytes = largest, .size = sizeof(largest), .writable_size = sizeof(largest)};

	teardown(NULL);
	device = device_create(&told);
	assert_int_equal(umd_device_add_vpd(device, &vpd), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	for (uint32_t at = 0; at < sizeof(largest); at += 4)
		put(at, ~at);
	for (uint32_t at = 0; at < sizeof(largest); at += 4)
		assert_int_equal(get(at), ~at);
	put(PCI_VPD_ADDR_MASK, 0x01020304);
	assert_int_equal(get(PCI_VPD_ADDR_MASK), 0x04);
}

/* ---- Odd accesses -------------------------------------------------------------------------- */

/* The address is whole when its upper byte, which has the flag, is written. */
static void test_address_is_taken_with_its_upper_byte(void **state)
{
	uint32_t first = get(0);

	device_set_config(device, address_at, 1, 8);
	assert_int_equal(device_config(device, address_at, 2), 8 | PCI_VPD_ADDR_F);
	assert_int_equal(device_config(device, data_at, 4), first);
	device_set_config(device, address_at + 1, 1, 0);
	assert_int_equal(device_config(device, address_at, 2), 8 | PCI_VPD_ADDR_F);
	assert_int_equal(device_config(device, data_at, 4), 0x8b8a8988);
}

/* One after the other: what is written is what was there when the address came. */
static void test_write_of_both_registers_begins_with_the_address(void **state)
{
	uint8_t both[6];

	device_set_config(device, data_at, 4, 0x44332211);
	umd_put_le16(both, 24 | PCI_VPD_ADDR_F);
	umd_put_le32(&both[2], 0x88776655);
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, address_at, both, sizeof(both)),
			 0);
	assert_int_equal(device_config(device, address_at, 2), 24);
	assert_int_equal(device_config(device, data_at, 4), 0x88776655);
	assert_int_equal(get(24), 0x44332211);
}

static void test_write_that_only_touches_its_neighbours_is_none(void **state)
{
	uint32_t first = get(4);

	device_set_config(device, address_at - 2, 2, 0);
	device_set_config(device, address_at + 2, 2, 0x5555);
	assert_int_equal(device_config(device, address_at, 2), 4 | PCI_VPD_ADDR_F);
	assert_int_equal(device_config(device, data_at, 4), (first & 0xffff0000) | 0x5555);
}

/* ---- Declaring ----------------------------------------------------------------------------- */

static void test_parts_that_it_cannot_have(void **state)
{
	static const struct {
		size_t size, writable_at, writable_size;
	} rows[] = {
		{0, 0, 0},   {3, 0, 0},	  {62, 0, 0},  {32772, 0, 0},	  {SIZE_MAX - 3, 0, 0},
		{64, 0, 65}, {64, 64, 1}, {64, 65, 0}, {64, 1, SIZE_MAX}, {64, SIZE_MAX, 1},
		{64, 8, 60},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const struct umd_vpd vpd = {.bytes = bytes,
					    .size = rows[i].size,
					    .writable_at = rows[i].writable_at,
					    .writable_size = rows[i].writable_size};

		teardown(NULL);
		device = device_create(&told);
		assert_int_equal(umd_device_add_vpd(device, &vpd), -EINVAL);
		device_expect_refused(device, -EINVAL, "Vital Product Data");
	}
}

/* ---- Any order ----------------------------------------------------------------------------- */

static struct {
	uint8_t all[SIZE], data[4];
	uint16_t address;
} model;

static void model_transfer(void)
{
	uint32_t address = model.address & PCI_VPD_ADDR_MASK;

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t at = address + i;

		if (!(model.address & PCI_VPD_ADDR_F))
			model.data[i] = at < SIZE ? model.all[at] : 0;
		else if (at >= WRITABLE && at < WRITABLE + LENGTH)
			model.all[at] = model.data[i];
	}
	model.address ^= PCI_VPD_ADDR_F;
}

/* A write of 1 to 6 bytes anywhere in the two registers, of which the address comes first. */
static void operate(uint64_t *seed)
{
	size_t from = unit_below(seed, 6), size = 1 + unit_below(seed, 6 - from);
	uint8_t written[6], address[2];

	for (size_t i = 0; i < sizeof(written); i++)
		written[i] = (uint8_t)unit_random(seed);
	written[0] &= 0x7f; /* near the beginning, mostly */
	written[1] &= 0x80;
	umd_put_le16(address, model.address);
	for (size_t i = from; i < 2 && i < from + size; i++)
		address[i] = written[i];
	model.address = umd_get_le16(address);
	if (from < 2 && from + size >= 2)
		model_transfer();
	for (size_t i = from < 2 ? 2 : from; i < from + size; i++)
		model.data[i - 2] = written[i];
	assert_int_equal(
		device_write(device, UMD_REGION_CONFIG, address_at + from, &written[from], size),
		0);
}

static bool is_as_modelled(void)
{
	return device_config(device, address_at, 2) == model.address &&
	       device_config(device, data_at, 4) == umd_get_le32(model.data) &&
	       memcmp(device->vpd.bytes, model.all, SIZE) == 0;
}

static long run_model(uint64_t seed)
{
	teardown(NULL);
	setup(NULL);
	memset(&model, 0, sizeof(model));
	fresh(model.all);
	for (long step = 0; step < 5000; step++) {
		operate(&seed);
		if (!is_as_modelled())
			return step;
	}
	return -1;
}

static void test_registers_do_what_a_model_says(void **state)
{
	unit_run_seeds(run_model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_driver_reads_all_of_it_and_zeroes_behind),
		TEST(test_data_stay_till_the_next_address),
		TEST(test_driver_writes_the_writable_part_only),
		TEST(test_write_behind_the_end_is_dropped),
		TEST(test_without_a_writable_part_nothing_is_written),
		TEST(test_largest_there_can_be_is_whole),
		TEST(test_address_is_taken_with_its_upper_byte),
		TEST(test_write_of_both_registers_begins_with_the_address),
		TEST(test_write_that_only_touches_its_neighbours_is_none),
		TEST(test_parts_that_it_cannot_have),
		TEST(test_registers_do_what_a_model_says),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("vpd", tests, NULL, NULL);
}
