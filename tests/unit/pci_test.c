/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space: the header's fields, how BARs are sized, the chain of capabilities, what a driver
 * may write at any size and alignment, and what a reset brings back.
 */
#include "unit.h"

#include <linux/pci_regs.h>

#include "base/bytes.h"
#include "pci/config.h"

static struct umd_pci_config config;

static const struct umd_device_info identity = {.size = sizeof(identity),
						.vendor = 0x1b36,
						.device = 0x0010,
						.subsystem_vendor = 0x1af4,
						.subsystem = 0x1100,
						.class_code = 0x070002,
						.revision = 0x5a};

static int setup(void **state)
{
	umd_pci_config_init(&config, &identity);
	return 0;
}

static uint32_t get(size_t offset, unsigned int size)
{
	uint8_t bytes[8];

	umd_pci_config_read(&config, offset, bytes, size);
	return (uint32_t)umd_get_le(bytes, size);
}

static void put(size_t offset, unsigned int size, uint32_t value)
{
	uint8_t bytes[8];

	umd_put_le(bytes, size, value);
	umd_pci_config_write(&config, offset, bytes, size);
}

/* ---- The header ---------------------------------------------------------------------------- */

static void test_header_names_the_device(void **state)
{
	assert_int_equal(get(PCI_VENDOR_ID, 2), 0x1b36);
	assert_int_equal(get(PCI_DEVICE_ID, 2), 0x0010);
	assert_int_equal(get(PCI_SUBSYSTEM_VENDOR_ID, 2), 0x1af4);
	assert_int_equal(get(PCI_SUBSYSTEM_ID, 2), 0x1100);
	assert_int_equal(get(PCI_REVISION_ID, 1), 0x5a);
	assert_int_equal(get(PCI_CLASS_PROG, 1), 0x02);
	assert_int_equal(get(PCI_CLASS_DEVICE, 2), 0x0700);
	assert_int_equal(get(PCI_CLASS_REVISION, 4), 0x0700025a);
	assert_int_equal(get(PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
}

static void test_device_without_capabilities_interrupts_and_bars_shows_none(void **state)
{
	assert_int_equal(get(PCI_STATUS, 2), 0);
	assert_int_equal(get(PCI_CAPABILITY_LIST, 1), 0);
	assert_int_equal(get(PCI_INTERRUPT_PIN, 1), 0);
	for (size_t at = PCI_BASE_ADDRESS_0; at < PCI_CARDBUS_CIS; at += 4) {
		put(at, 4, UINT32_MAX);
		assert_int_equal(get(at, 4), 0);
	}
	put(PCI_ROM_ADDRESS, 4, UINT32_MAX);
	assert_int_equal(get(PCI_ROM_ADDRESS, 4), 0);
}

static void test_driver_writes_only_what_the_standard_lets_it(void **state)
{
	static const struct {
		size_t offset;
		unsigned int size;
		uint32_t writable;
	} rows[] = {
		{PCI_VENDOR_ID, 4, 0},
		{PCI_COMMAND, 2, 0x0547},
		{PCI_STATUS, 2, 0},
		{PCI_CLASS_REVISION, 4, 0},
		{PCI_CACHE_LINE_SIZE, 1, 0xff},
		{PCI_LATENCY_TIMER, 1, 0xff},
		{PCI_HEADER_TYPE, 1, 0},
		{PCI_BIST, 1, 0},
		{PCI_CARDBUS_CIS, 4, 0},
		{PCI_SUBSYSTEM_VENDOR_ID, 4, 0},
		{PCI_CAPABILITY_LIST, 4, 0},
		{PCI_INTERRUPT_LINE, 1, 0xff},
		{PCI_INTERRUPT_PIN, 1, 0},
		{PCI_MIN_GNT, 2, 0},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		uint32_t before = get(rows[i].offset, rows[i].size);

		put(rows[i].offset, rows[i].size, UINT32_MAX);
		assert_int_equal(get(rows[i].offset, rows[i].size), before | rows[i].writable);
		put(rows[i].offset, rows[i].size, 0);
		assert_int_equal(get(rows[i].offset, rows[i].size), before & ~rows[i].writable);
	}
}

static void test_command_is_what_was_written(void **state)
{
	put(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(umd_pci_config_command(&config), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	put(PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	assert_int_equal(umd_pci_config_command(&config),
			 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
}

static void test_pin_and_interrupt_status(void **state)
{
	umd_pci_config_set_pin(&config, 3);
	assert_int_equal(get(PCI_INTERRUPT_PIN, 1), 3);
	umd_pci_config_set_interrupt_status(&config, true);
	assert_int_equal(get(PCI_STATUS, 2), PCI_STATUS_INTERRUPT);
	umd_pci_config_set_interrupt_status(&config, false);
	assert_int_equal(get(PCI_STATUS, 2), 0);
}

/* ---- BARs ---------------------------------------------------------------------------------- */

static void add_bar(unsigned int index, uint64_t size, unsigned int flags)
{
	struct umd_region region = {.size = size, .flags = flags};

	umd_pci_config_add_bar(&config, index, &region);
}

/* What a driver reads after it has written all ones. */
static uint32_t size_bar(unsigned int index)
{
	put(PCI_BASE_ADDRESS_0 + 4 * index, 4, UINT32_MAX);
	return get(PCI_BASE_ADDRESS_0 + 4 * index, 4);
}

static void test_bars_of_32_bits_are_sized_by_their_kind(void **state)
{
	static const struct {
		uint64_t size;
		unsigned int flags;
		uint32_t sized, type;
	} rows[] = {
		{4, UMD_REGION_IO, 0xfffffffd, 1},
		{8, UMD_REGION_IO, 0xfffffff9, 1},
		{256, UMD_REGION_IO, 0xffffff01, 1},
		{16, 0, 0xfffffff0, 0},
		{4096, 0, 0xfffff000, 0},
		{4096, UMD_REGION_PREFETCH, 0xfffff008, 8},
		{UINT64_C(1) << 31, 0, 0x80000000, 0},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		setup(state);
		add_bar(5, rows[i].size, rows[i].flags);
		assert_int_equal(size_bar(5), rows[i].sized);
		put(PCI_BASE_ADDRESS_5, 4, 0);
		assert_int_equal(get(PCI_BASE_ADDRESS_5, 4), rows[i].type);
	}
}

static void test_bars_of_64_bits_are_sized_in_two_halves(void **state)
{
	static const struct {
		uint64_t size;
		unsigned int flags;
		uint32_t low, high;
	} rows[] = {
		{16, 0, 0xfffffff4, 0xffffffff},
		{1 << 20, UMD_REGION_PREFETCH, 0xfff0000c, 0xffffffff},
		{UINT64_C(1) << 31, 0, 0x80000004, 0xffffffff},
		{UINT64_C(1) << 32, 0, 0x00000004, 0xffffffff},
		{UINT64_C(1) << 36, UMD_REGION_PREFETCH, 0x0000000c, 0xfffffff0},
		{UINT64_C(1) << 63, 0, 0x00000004, 0x80000000},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		setup(state);
		add_bar(2, rows[i].size, rows[i].flags | UMD_REGION_MEM64);
		assert_int_equal(size_bar(2), rows[i].low);
		assert_int_equal(size_bar(3), rows[i].high);
		assert_int_equal(size_bar(1), 0);
		assert_int_equal(size_bar(4), 0);
	}
}

static void test_bar_keeps_the_address_it_is_given(void **state)
{
	add_bar(0, 4096, 0);
	put(PCI_BASE_ADDRESS_0, 4, 0xfebf1234);
	assert_int_equal(get(PCI_BASE_ADDRESS_0, 4), 0xfebf1000);
	put(PCI_BASE_ADDRESS_0 + 1, 1, 0xff);
	assert_int_equal(get(PCI_BASE_ADDRESS_0, 4), 0xfebff000);
}

/* ---- Capabilities -------------------------------------------------------------------------- */

static int add_cap(uint8_t id, size_t size, uint8_t fill, uint8_t mask)
{
	uint8_t body[256], writable[256];

	memset(body, fill, sizeof(body));
	memset(writable, mask, sizeof(writable));
	return umd_pci_config_add_cap(&config, id, body, writable, size);
}

static void test_capabilities_form_a_chain_in_their_order(void **state)
{
	static const uint8_t ids[] = {PCI_CAP_ID_MSIX, PCI_CAP_ID_VNDR, PCI_CAP_ID_PM};
	static const size_t sizes[] = {10, 1, 6};
	uint32_t at;

	for (size_t i = 0; i < UNIT_COUNT(ids); i++)
		assert_true(add_cap(ids[i], sizes[i], (uint8_t)(0xa0 + i), 0) > 0);
	assert_int_equal(get(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);

	at = get(PCI_CAPABILITY_LIST, 1);
	assert_int_equal(at, PCI_STD_HEADER_SIZEOF);
	for (size_t i = 0; i < UNIT_COUNT(ids); i++) {
		assert_int_equal(at % 4, 0);
		assert_int_equal(get(at + PCI_CAP_LIST_ID, 1), ids[i]);
		for (size_t b = 0; b < sizes[i]; b++)
			assert_int_equal(get(at + 2 + b, 1), 0xa0 + i);
		at = get(at + PCI_CAP_LIST_NEXT, 1);
	}
	assert_int_equal(at, 0);
}

static void test_id_and_next_of_a_capability_are_read_only(void **state)
{
	int at = add_cap(PCI_CAP_ID_VNDR, 6, 0, 0xff);
	uint32_t header;

	add_cap(PCI_CAP_ID_PM, 6, 0, 0);
	header = get((size_t)at, 2);
	put((size_t)at, 4, 0xffffffff);
	assert_int_equal(get((size_t)at, 2), header);
	assert_int_equal(get((size_t)at + 2, 2), 0xffff);
}

static void test_capability_masks_are_bits(void **state)
{
	int at = add_cap(PCI_CAP_ID_VNDR, 2, 0x0f, 0x3c);

	put((size_t)at + 2, 2, 0xffff);
	assert_int_equal(get((size_t)at + 2, 2), 0x3f3f);
	put((size_t)at + 2, 2, 0);
	assert_int_equal(get((size_t)at + 2, 2), 0x0303);
}

static void test_capabilities_fill_the_space_and_no_more(void **state)
{
	struct umd_pci_config before;

	assert_int_equal(add_cap(PCI_CAP_ID_VNDR, 256 - 64 - 2 + 1, 0, 0), -ENOSPC);
	assert_int_equal(get(PCI_STATUS, 2), 0);
	assert_int_equal(add_cap(PCI_CAP_ID_VNDR, 256 - 64 - 2, 0xee, 0), 64);
	before = config;
	assert_int_equal(add_cap(PCI_CAP_ID_PM, 0, 0, 0), -ENOSPC);
	assert_int_equal(add_cap(PCI_CAP_ID_PM, 6, 0, 0), -ENOSPC);
	assert_memory_equal(&before, &config, sizeof(config));
}

static void test_small_capabilities_fill_it_too(void **state)
{
	unsigned int count = 0;

	while (add_cap(PCI_CAP_ID_VNDR, 2, 0, 0) > 0)
		count++;
	assert_int_equal(count, (256 - 64) / 4);
}

/* ---- Writes -------------------------------------------------------------------------------- */

/* Writes of any size and place, against a model that goes bit by bit. */
static long run_writes(uint64_t seed)
{
	uint8_t model[UMD_PCI_CONFIG_SIZE], from[UMD_PCI_CONFIG_SIZE];

	setup(NULL);
	for (size_t i = 0; i < UMD_PCI_CONFIG_SIZE; i++) {
		config.bytes[i] = (uint8_t)unit_random(&seed);
		config.writable[i] = (uint8_t)unit_random(&seed);
	}
	memcpy(model, config.bytes, sizeof(model));
	for (long step = 0; step < 20000; step++) {
		size_t offset = unit_below(&seed, UMD_PCI_CONFIG_SIZE);
		size_t size = unit_below(&seed, UMD_PCI_CONFIG_SIZE - offset + 1);

		for (size_t i = 0; i < size; i++) {
			from[i] = (uint8_t)unit_random(&seed);
			for (unsigned int bit = 0; bit < 8; bit++) {
				const uint8_t mask = (uint8_t)(1u << bit);

				if (config.writable[offset + i] & mask)
					model[offset + i] ^= (model[offset + i] ^ from[i]) & mask;
			}
		}
		umd_pci_config_write(&config, offset, from, size);
		if (memcmp(model, config.bytes, sizeof(model)) != 0)
			return step;
	}
	return -1;
}

static void test_writes_of_any_size_change_writable_bits_only(void **state)
{
	unit_run_seeds(run_writes);
}

static void test_reads_of_any_size_show_the_bytes(void **state)
{
	uint8_t to[UMD_PCI_CONFIG_SIZE];

	for (size_t offset = 0; offset < UMD_PCI_CONFIG_SIZE; offset++) {
		for (size_t size = 1; size <= 8 && offset + size <= UMD_PCI_CONFIG_SIZE; size++) {
			umd_pci_config_read(&config, offset, to, size);
			assert_memory_equal(to, &config.bytes[offset], size);
		}
	}
}

/* ---- Reset --------------------------------------------------------------------------------- */

static void test_reset_brings_back_what_was_declared(void **state)
{
	struct umd_pci_config declared;
	uint8_t ones[UMD_PCI_CONFIG_SIZE];

	add_bar(0, 4096, UMD_REGION_MEM64);
	umd_pci_config_set_pin(&config, 1);
	add_cap(PCI_CAP_ID_MSIX, 10, 0x11, 0xf0);
	umd_pci_config_realize(&config);
	declared = config;
	memset(ones, 0xff, sizeof(ones));
	umd_pci_config_write(&config, 0, ones, sizeof(ones));
	umd_pci_config_set_interrupt_status(&config, true);
	assert_int_not_equal(umd_pci_config_command(&config), 0);
	umd_pci_config_reset(&config);
	assert_memory_equal(&config, &declared, sizeof(config));
	assert_int_equal(umd_pci_config_command(&config), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_header_names_the_device),
		TEST(test_device_without_capabilities_interrupts_and_bars_shows_none),
		TEST(test_driver_writes_only_what_the_standard_lets_it),
		TEST(test_command_is_what_was_written),
		TEST(test_pin_and_interrupt_status),
		TEST(test_bars_of_32_bits_are_sized_by_their_kind),
		TEST(test_bars_of_64_bits_are_sized_in_two_halves),
		TEST(test_bar_keeps_the_address_it_is_given),
		TEST(test_capabilities_form_a_chain_in_their_order),
		TEST(test_id_and_next_of_a_capability_are_read_only),
		TEST(test_capability_masks_are_bits),
		TEST(test_capabilities_fill_the_space_and_no_more),
		TEST(test_small_capabilities_fill_it_too),
		TEST(test_writes_of_any_size_change_writable_bits_only),
		TEST(test_reads_of_any_size_show_the_bytes),
		TEST(test_reset_brings_back_what_was_declared),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
