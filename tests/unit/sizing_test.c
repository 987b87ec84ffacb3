/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver may choose: the sizes of resizable BARs, and the substate of Dynamic Power
 * Allocation.
 */
#include "device_fixture.h"

#define MIB UINT64_C(0x100000)

/* Registers of Dynamic Power Allocation. */
#define DPA_STATUS	   0x0c
#define DPA_STATUS_ENABLED 0x100u
#define DPA_CONTROL	   0x0e

static struct device_log told;
static struct umd_device *device;

static int setup(void **state)
{
	static const struct umd_pcie pcie = {.flr = true};

	device = device_create(&told);
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

static void add_bar(unsigned int index, uint64_t size, unsigned int flags)
{
	const struct umd_region region = {.size = size, .flags = flags};

	assert_int_equal(umd_device_add_bar(device, index, &region), 0);
}

/* ---- Resizable BAR ------------------------------------------------------------------------- */

/* BAR 0: 1, 4 or 16 MiB. BAR 2, of 64 bits: 1 MiB, 2 GiB or 8 GiB. BAR 4 is as it is. */
static void realize_resizable(void)
{
	static const struct umd_rebar rebar = {
		.count = 2, .bars = {{0, 21 * MIB}, {2, 8192 * MIB + 2048 * MIB + MIB}}};

	add_bar(0, 16 * MIB, 0);
	add_bar(2, 8192 * MIB, UMD_REGION_MEM64 | UMD_REGION_PREFETCH);
	add_bar(4, 4 * MIB, 0);
	assert_int_equal(umd_device_add_rebar(device, &rebar), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
}

static unsigned int control_at(unsigned int i)
{
	return device_ext_cap(device, PCI_EXT_CAP_ID_REBAR, PCI_REBAR_CTRL) + 8 * i;
}

static void choose(unsigned int i, unsigned int bits)
{
	device_set_config(device, control_at(i), 4, bits << PCI_REBAR_CTRL_BAR_SHIFT);
}

static unsigned int chosen(unsigned int i)
{
	return device_config(device, control_at(i), 4) >> PCI_REBAR_CTRL_BAR_SHIFT & 0x3f;
}

/* The size that a driver finds by writing ones. */
static uint64_t probe(unsigned int index, bool is_64bit)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + 4 * index;
	uint64_t before, ones;

	before = device_config(device, at, 4);
	device_set_config(device, at, 4, UINT32_MAX);
	ones = device_config(device, at, 4) & PCI_BASE_ADDRESS_MEM_MASK;
	device_set_config(device, at, 4, (uint32_t)before);
	if (!is_64bit)
		return (uint32_t)-ones;
	device_set_config(device, at + 4, 4, UINT32_MAX);
	ones = (uint32_t)ones | (uint64_t)device_config(device, at + 4, 4) << 32;
	device_set_config(device, at + 4, 4, 0);
	return -ones;
}

static void test_bars_begin_with_their_largest_size(void **state)
{
	realize_resizable();
	assert_int_equal(chosen(0), 4);
	assert_int_equal(chosen(1), 13);
	assert_true(probe(0, false) == 16 * MIB);
	assert_true(probe(2, true) == 8192 * MIB);
}

static bool is_offered(unsigned int i, unsigned int bits)
{
	return bits == 0 || (i ? bits == 11 || bits == 13 : bits == 2 || bits == 4);
}

/* A size that is not offered is not taken; the register shows the one that is. */
static void test_driver_chooses_among_the_sizes_that_are_offered(void **state)
{
	realize_resizable();
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int bar = i ? 2 : 0, other = chosen(!i), size = chosen(i);

		for (unsigned int bits = 0; bits < 64; bits++) {
			choose(i, bits);
			size = is_offered(i, bits) ? bits : size;
			assert_int_equal(chosen(i), size);
			assert_int_equal(chosen(!i), other);
			assert_true(probe(bar, i) == MIB << size);
		}
	}
	assert_true(probe(4, false) == 4 * MIB);
}

static void test_rest_of_the_register_is_read_only(void **state)
{
	uint32_t first, second;

	realize_resizable();
	first = device_config(device, control_at(0), 4);
	second = device_config(device, control_at(1), 4);
	assert_int_equal(first & PCI_REBAR_CTRL_BAR_IDX, 0);
	assert_int_equal((first & PCI_REBAR_CTRL_NBAR_MASK) >> PCI_REBAR_CTRL_NBAR_SHIFT, 2);
	assert_int_equal(second & PCI_REBAR_CTRL_BAR_IDX, 2);
	device_set_config(device, control_at(0), 4, 0xfffff8ff & ~0x3f00u);
	assert_int_equal(device_config(device, control_at(0), 4), first & ~0x3f00u);
	device_set_config(device, control_at(1), 1, 0xff);
	assert_int_equal(device_config(device, control_at(1), 4), second);
}

static void test_type_bits_of_a_resized_bar_stay(void **state)
{
	realize_resizable();
	choose(1, 0);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_2, 4),
			 PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	device_set_config(device, PCI_BASE_ADDRESS_2, 4, UINT32_MAX);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_2, 4),
			 0xfff00000 | PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
}

/* Address bits that a larger size does not decode are gone, and do not come back. */
static void test_address_follows_the_size(void **state)
{
	realize_resizable();
	choose(0, 0);
	device_set_config(device, PCI_BASE_ADDRESS_0, 4, 0xfe700000);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_0, 4), 0xfe700000);
	choose(0, 2);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_0, 4), 0xfe400000);
	choose(0, 4);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_0, 4), 0xfe000000);
	choose(0, 0);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_0, 4), 0xfe000000);
	assert_int_equal(device_config(device, PCI_BASE_ADDRESS_1, 4), 0);
}

static void test_region_keeps_its_largest_size(void **state)
{
	uint8_t byte;

	realize_resizable();
	choose(0, 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
	assert_true(umd_device_region_size(device, 0) == 16 * MIB);
	assert_int_equal(device_read(device, 0, 16 * MIB - 1, &byte, 1), 0);
}

static void test_reset_brings_back_the_largest_size(void **state)
{
	static const enum umd_reset kinds[] = {UMD_RESET_DEVICE, UMD_RESET_FLR, UMD_RESET_POWER,
					       UMD_RESET_DISCONNECT};

	realize_resizable();
	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		choose(0, 0);
		choose(1, 11);
		umd_device_do_reset(device, kinds[i]);
		assert_int_equal(chosen(0), 4);
		assert_int_equal(chosen(1), 13);
		assert_true(probe(0, false) == 16 * MIB);
		assert_true(probe(2, true) == 8192 * MIB);
		choose(0, 63);
		assert_int_equal(chosen(0), 4);
	}
}

static void test_bars_that_cannot_be_resizable(void **state)
{
	static const struct umd_rebar rows[] = {
		{.count = 0},
		{.count = 7, .bars = {{0, 16 * MIB}}},
		{.count = UINT32_MAX, .bars = {{0, 16 * MIB}}},
		{.count = 1, .bars = {{6, 16 * MIB}}},
		{.count = 1, .bars = {{UINT32_MAX, 16 * MIB}}},
		{.count = 1, .bars = {{1, 16 * MIB}}}, /* none */
		{.count = 1, .bars = {{3, 16 * MIB}}}, /* the upper half of another */
		{.count = 1, .bars = {{5, 256}}},      /* an I/O BAR */
		{.count = 1, .bars = {{0, 0}}},
		{.count = 1, .bars = {{0, 8 * MIB}}},  /* less than the BAR */
		{.count = 1, .bars = {{0, 48 * MIB}}}, /* more than it */
		{.count = 1, .bars = {{0, 16 * MIB + 4096}}},
		{.count = 2, .bars = {{0, 16 * MIB}, {0, 16 * MIB}}},
		{.count = 2, .bars = {{0, 16 * MIB}, {4, 16 * MIB}}},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		add_bar(0, 16 * MIB, 0);
		add_bar(2, 16 * MIB, UMD_REGION_MEM64);
		add_bar(4, 4096, 0);
		add_bar(5, 256, UMD_REGION_IO);
		assert_int_equal(umd_device_add_rebar(device, &rows[i]), -EINVAL);
		device_expect_refused(device, -EINVAL, "Resizable BAR");
		teardown(state);
		setup(state);
	}
}

static void test_largest_sizes_that_there_are(void **state)
{
	static const struct umd_rebar rebar = {.count = 1,
					       .bars = {{0, UINT64_C(0x0000fffffff00000)}}};

	add_bar(0, UINT64_C(1) << 47, UMD_REGION_MEM64);
	assert_int_equal(umd_device_add_rebar(device, &rebar), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	for (unsigned int bits = 0; bits < 64; bits++) {
		choose(0, bits);
		assert_int_equal(chosen(0), bits < 28 ? bits : 27);
		assert_true(probe(0, true) == MIB << chosen(0));
	}
}

/* ---- Dynamic Power Allocation -------------------------------------------------------------- */

static void realize_dpa(unsigned int substates)
{
	static const uint8_t power[32] = {0};
	const struct umd_dpa dpa = {.substates = substates, .power = power};

	assert_int_equal(umd_device_add_dpa(device, &dpa), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
}

static uint32_t dpa_status(void)
{
	return device_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_DPA, DPA_STATUS), 2);
}

static void write_dpa(unsigned int offset, uint32_t value)
{
	device_set_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_DPA, offset), 2, value);
}

static void test_substate_is_the_one_asked_for_if_there_is_one(void **state)
{
	static const unsigned int counts[] = {1, 2, 5, 31, 32};

	for (size_t i = 0; i < UNIT_COUNT(counts); i++) {
		uint32_t substate = 0;

		realize_dpa(counts[i]);
		assert_int_equal(dpa_status(), DPA_STATUS_ENABLED);
		for (uint32_t wanted = 0; wanted < 32; wanted++) {
			write_dpa(DPA_CONTROL, wanted);
			if (wanted < counts[i])
				substate = wanted;
			assert_int_equal(dpa_status(), DPA_STATUS_ENABLED | substate);
		}
		write_dpa(DPA_CONTROL, 0xffe0);
		assert_int_equal(dpa_status(), DPA_STATUS_ENABLED);
		teardown(state);
		setup(state);
	}
}

/* Its driver turns control off for good; a reset turns it on. */
static void test_substate_stays_once_control_is_off(void **state)
{
	realize_dpa(8);
	write_dpa(DPA_CONTROL, 3);
	write_dpa(DPA_STATUS, DPA_STATUS_ENABLED);
	assert_int_equal(dpa_status(), 3);
	write_dpa(DPA_CONTROL, 5);
	assert_int_equal(dpa_status(), 3);
	write_dpa(DPA_STATUS, DPA_STATUS_ENABLED | 7);
	assert_int_equal(dpa_status(), 3);
	umd_device_do_reset(device, UMD_RESET_FLR);
	assert_int_equal(dpa_status(), DPA_STATUS_ENABLED);
	write_dpa(DPA_CONTROL, 5);
	assert_int_equal(dpa_status(), DPA_STATUS_ENABLED | 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_bars_begin_with_their_largest_size),
		TEST(test_driver_chooses_among_the_sizes_that_are_offered),
		TEST(test_rest_of_the_register_is_read_only),
		TEST(test_type_bits_of_a_resized_bar_stay),
		TEST(test_address_follows_the_size),
		TEST(test_region_keeps_its_largest_size),
		TEST(test_reset_brings_back_the_largest_size),
		TEST(test_bars_that_cannot_be_resizable),
		TEST(test_largest_sizes_that_there_are),
		TEST(test_substate_is_the_one_asked_for_if_there_is_one),
		TEST(test_substate_stays_once_control_is_off),
	};

	return cmocka_run_group_tests_name("sizing", tests, NULL, NULL);
}
