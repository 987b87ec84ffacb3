/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space: the header's fields, how BARs are sized, what a driver may write at any size and
 * alignment, who is told of it, and what a reset brings back. Capabilities: pci_caps_chain_test.c.
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
	memset(&config, 0, sizeof(config));
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

static void test_errors_in_status_are_cleared_by_ones(void **state)
{
	umd_pci_config_set(&config, PCI_STATUS, 2, 0xffff);
	put(PCI_STATUS, 2, 0);
	assert_int_equal(get(PCI_STATUS, 2), 0xffff);
	put(PCI_STATUS, 2, 0x0100);
	assert_int_equal(get(PCI_STATUS, 2), 0xfeff);
	put(PCI_STATUS + 1, 1, 0x80);
	assert_int_equal(get(PCI_STATUS, 2), 0x7eff);
	put(PCI_STATUS, 2, 0xffff);
	assert_int_equal(get(PCI_STATUS, 2), 0x06ff);
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

static void test_rom_is_sized_and_enabled(void **state)
{
	umd_pci_config_add_rom(&config, 0x10000);
	assert_int_equal(get(PCI_ROM_ADDRESS, 4), 0);
	put(PCI_ROM_ADDRESS, 4, UINT32_MAX);
	assert_int_equal(get(PCI_ROM_ADDRESS, 4), 0xffff0001);
	put(PCI_ROM_ADDRESS, 4, 0xfeb40000);
	assert_int_equal(get(PCI_ROM_ADDRESS, 4), 0xfeb40000);
}

static void test_smaller_bar_has_more_address_bits(void **state)
{
	add_bar(2, UINT64_C(1) << 33, UMD_REGION_MEM64 | UMD_REGION_PREFETCH);
	put(PCI_BASE_ADDRESS_3, 4, 0x7ffffffe);
	umd_pci_config_resize_bar(&config, 2, 1 << 20, true);
	assert_int_equal(get(PCI_BASE_ADDRESS_2, 4), 0x0000000c);
	assert_int_equal(get(PCI_BASE_ADDRESS_3, 4), 0x7ffffffe);
	assert_int_equal(size_bar(2), 0xfff0000c);
	assert_int_equal(size_bar(3), 0xffffffff);
}

static void test_larger_bar_loses_address_bits(void **state)
{
	add_bar(0, 1 << 20, UMD_REGION_PREFETCH);
	add_bar(1, 4096, 0);
	put(PCI_BASE_ADDRESS_0, 4, 0xfff00000);
	put(PCI_BASE_ADDRESS_1, 4, 0xfffff000);
	umd_pci_config_resize_bar(&config, 0, 8 << 20, false);
	assert_int_equal(get(PCI_BASE_ADDRESS_0, 4), 0xff800008);
	assert_int_equal(size_bar(0), 0xff800008);
	assert_int_equal(get(PCI_BASE_ADDRESS_1, 4), 0xfffff000);
	assert_int_equal(size_bar(1), 0xfffff000);
}

/* ---- Accesses ------------------------------------------------------------------------------ */

/* One bit of a write, as the specification has it: RW, RW1C or read-only. */
static uint8_t write_bit(uint8_t old, uint8_t from, const struct umd_pci_byte *about, uint8_t bit)
{
	if (about->writable & bit)
		return from & bit;
	return about->clearable & from & bit ? 0 : old & bit;
}

static void write_model(uint8_t *model, size_t offset, const uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t old = model[offset + i];

		model[offset + i] = 0;
		for (unsigned int bit = 0; bit < 8; bit++)
			model[offset + i] |= write_bit(old, from[i], &config.about[offset + i],
						       (uint8_t)(1u << bit));
	}
}

/* Writes of any size and place, against a model that goes bit by bit. */
static long run_writes(uint64_t seed)
{
	uint8_t model[UMD_PCI_CONFIG_SIZE], from[UMD_PCI_CONFIG_SIZE];

	setup(NULL);
	for (size_t i = 0; i < UMD_PCI_CONFIG_SIZE; i++) {
		config.bytes[i] = (uint8_t)unit_random(&seed);
		config.about[i].writable = (uint8_t)unit_random(&seed);
		config.about[i].clearable = (uint8_t)unit_random(&seed) &
					    (uint8_t)~config.about[i].writable;
	}
	memcpy(model, config.bytes, sizeof(model));
	for (long step = 0; step < 20000; step++) {
		size_t offset = unit_below(&seed, UMD_PCI_CONFIG_SIZE);
		size_t size = unit_below(&seed, UMD_PCI_CONFIG_SIZE - offset + 1);

		for (size_t i = 0; i < size; i++)
			from[i] = (uint8_t)unit_random(&seed);
		write_model(model, offset, from, size);
		umd_pci_config_write(&config, offset, from, size);
		if (memcmp(model, config.bytes, sizeof(model)) != 0)
			return step;
		/* What a device reports comes back, so that there is something to clear. */
		config.bytes[offset] = model[offset] = (uint8_t)unit_random(&seed);
	}
	return -1;
}

static void test_writes_of_any_size_change_what_they_may_only(void **state)
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

static void test_express_space_is_4_kib(void **state)
{
	const struct umd_pci_field last = {0, 4, .value = 0x12345678, .rw = 0x0000ffff};

	assert_int_equal(config.size, 256);
	config.size = UMD_PCIE_CONFIG_SIZE;
	umd_pci_config_add_fields(&config, 0xffc, &last, 1);
	put(0xff8, 4, UINT32_MAX);
	put(0xffc, 4, UINT32_MAX);
	assert_int_equal(get(0xff8, 4), 0);
	assert_int_equal(get(0xffc, 4), 0x1234ffff);
	umd_pci_config_reset(&config, 0);
	assert_int_equal(get(0xffc, 4), 0x12345678);
}

static void test_we_write_what_the_driver_may_not(void **state)
{
	umd_pci_config_set(&config, PCI_CAPABILITY_LIST + 4, 4, 0x89abcdef);
	assert_int_equal(umd_pci_config_get(&config, PCI_CAPABILITY_LIST + 4, 4), 0x89abcdef);
	assert_int_equal(umd_pci_config_get(&config, PCI_CAPABILITY_LIST + 4, 1), 0xef);
	umd_pci_config_set(&config, PCI_CAPABILITY_LIST + 6, 2, 0x1122);
	assert_int_equal(get(PCI_CAPABILITY_LIST + 4, 4), 0x1122cdef);
}

/* ---- Hooks --------------------------------------------------------------------------------- */

/* What a hook was told last, how often, and what its registers held at that moment. */
struct told {
	unsigned int written, reading;
	size_t base, offset, size;
	uint8_t byte;
};

static void keep(struct told *told, size_t offset, size_t size)
{
	told->offset = offset;
	told->size = size;
	told->byte = config.bytes[told->base + offset];
}

static void on_written(void *data, size_t offset, size_t size)
{
	struct told *told = data;

	told->written++;
	keep(told, offset, size);
}

/* Refreshes what is about to be read. */
static void on_reading(void *data, size_t offset, size_t size)
{
	struct told *told = data;

	told->reading++;
	keep(told, offset, size);
	memset(&config.bytes[told->base + offset], 0x77, size);
}

static void add_hook(struct told *told, size_t base, size_t size)
{
	const struct umd_pci_hook hook = {.offset = base,
					  .size = size,
					  .written = on_written,
					  .reading = on_reading,
					  .data = told};

	*told = (struct told){.base = base};
	assert_int_equal(umd_pci_config_add_hook(&config, &hook), 0);
	for (size_t i = 0; i < size; i++)
		config.about[base + i].writable = 0xff;
}

static void assert_told(const struct told *told, unsigned int written, unsigned int reading,
			size_t offset, size_t size)
{
	assert_int_equal(told->written, written);
	assert_int_equal(told->reading, reading);
	assert_int_equal(told->offset, offset);
	assert_int_equal(told->size, size);
}

static void test_hook_is_told_which_part_was_written(void **state)
{
	static const struct {
		size_t at;
		unsigned int size;
		size_t offset, part;
	} rows[] = {
		{0x80, 4, 0, 4}, {0x80, 1, 0, 1}, {0x83, 1, 3, 1},
		{0x82, 4, 2, 2}, {0x7e, 4, 0, 2}, {0x7e, 8, 0, 4},
	};
	struct told told;

	add_hook(&told, 0x80, 4);
	for (unsigned int i = 0; i < UNIT_COUNT(rows); i++) {
		put(rows[i].at, rows[i].size, 0xa5a5a5a5);
		assert_told(&told, i + 1, 0, rows[i].offset, rows[i].part);
	}
}

static void test_hook_is_not_told_of_its_neighbours(void **state)
{
	struct told told;

	add_hook(&told, 0x80, 4);
	put(0x7c, 4, 0);
	put(0x84, 4, 0);
	get(0x7c, 4);
	get(0x84, 4);
	assert_told(&told, 0, 0, 0, 0);
}

static void test_hook_sees_what_was_written(void **state)
{
	struct told told;

	add_hook(&told, 0x80, 4);
	put(0x82, 1, 0x5c);
	assert_int_equal(told.byte, 0x5c);
}

static void test_hook_refreshes_what_is_read(void **state)
{
	struct told told;

	add_hook(&told, 0x80, 4);
	put(0x80, 4, 0x11111111);
	assert_int_equal(get(0x81, 2), 0x7777);
	assert_told(&told, 1, 1, 1, 2);
	assert_int_equal(told.byte, 0x11);
	assert_int_equal(umd_pci_config_get(&config, 0x80, 4), 0x11777711);
}

static void test_access_over_several_hooks_tells_each_its_part(void **state)
{
	struct told first, second, third;
	uint8_t bytes[16] = {0};

	add_hook(&first, 0x80, 4);
	add_hook(&second, 0x84, 2);
	add_hook(&third, 0x88, 4);
	umd_pci_config_write(&config, 0x82, bytes, 8);
	assert_told(&first, 1, 0, 2, 2);
	assert_told(&second, 1, 0, 0, 2);
	assert_told(&third, 1, 0, 0, 2);
	umd_pci_config_read(&config, 0x7c, bytes, sizeof(bytes));
	assert_told(&first, 1, 1, 0, 4);
	assert_told(&second, 1, 1, 0, 2);
	assert_told(&third, 1, 1, 0, 4);
}

static void test_hook_for_writes_is_not_told_of_reads(void **state)
{
	struct told told = {.base = 0x80};
	struct told other;
	const struct umd_pci_hook hook = {
		.offset = 0x80, .size = 4, .written = on_written, .data = &told};

	assert_int_equal(umd_pci_config_add_hook(&config, &hook), 0);
	add_hook(&other, 0x90, 4);
	get(0x80, 4);
	assert_told(&told, 0, 0, 0, 0);
	put(0x80, 4, 0);
	assert_told(&told, 1, 0, 0, 4);
}

static void test_we_tell_no_hook(void **state)
{
	struct told told;

	add_hook(&told, 0x80, 4);
	umd_pci_config_set(&config, 0x80, 4, 0x12345678);
	assert_int_equal(umd_pci_config_get(&config, 0x80, 4), 0x12345678);
	umd_pci_config_reset(&config, 0);
	assert_told(&told, 0, 0, 0, 0);
}

static void test_there_are_so_many_hooks_and_no_more(void **state)
{
	const struct umd_pci_hook hook = {.offset = 0xf0, .size = 1, .written = on_written};
	struct told told[UMD_PCI_HOOKS_MAX];
	struct umd_pci_config before;

	for (size_t i = 0; i < UMD_PCI_HOOKS_MAX; i++)
		add_hook(&told[i], 0x40 + i, 1);
	before = config;
	assert_int_equal(umd_pci_config_add_hook(&config, &hook), -ENOSPC);
	assert_memory_equal(&before, &config, sizeof(config));
	put(0x40 + UMD_PCI_HOOKS_MAX - 1, 1, 0);
	assert_told(&told[UMD_PCI_HOOKS_MAX - 1], 1, 0, 0, 1);
}

/* ---- Reset --------------------------------------------------------------------------------- */

static void test_reset_brings_back_what_was_declared(void **state)
{
	struct umd_pci_config declared;
	uint8_t ones[UMD_PCI_CONFIG_SIZE];

	add_bar(0, 4096, UMD_REGION_MEM64);
	umd_pci_config_set_pin(&config, 1);
	declared = config;
	memset(ones, 0xff, sizeof(ones));
	umd_pci_config_write(&config, 0, ones, sizeof(ones));
	umd_pci_config_set_interrupt_status(&config, true);
	assert_int_not_equal(umd_pci_config_command(&config), 0);
	umd_pci_config_reset(&config, 0);
	assert_memory_equal(&config, &declared, sizeof(config));
	assert_int_equal(umd_pci_config_command(&config), 0);
}

static void test_reset_may_keep_the_addresses(void **state)
{
	add_bar(1, 4096, UMD_REGION_MEM64 | UMD_REGION_PREFETCH);
	umd_pci_config_add_rom(&config, 4096);
	put(PCI_BASE_ADDRESS_1, 4, 0xfeb01000);
	put(PCI_BASE_ADDRESS_2, 4, 0x00000012);
	put(PCI_ROM_ADDRESS, 4, 0xfeb02001);
	put(PCI_INTERRUPT_LINE, 1, 11);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_BARS);
	assert_int_equal(get(PCI_BASE_ADDRESS_1, 4), 0xfeb0100c);
	assert_int_equal(get(PCI_BASE_ADDRESS_2, 4), 0x00000012);
	assert_int_equal(get(PCI_ROM_ADDRESS, 4), 0xfeb02001);
	assert_int_equal(get(PCI_INTERRUPT_LINE, 1), 0);

	umd_pci_config_reset(&config, UMD_PCI_KEEP_STICKY);
	assert_int_equal(get(PCI_BASE_ADDRESS_1, 4), 0x0000000c);
	assert_int_equal(get(PCI_BASE_ADDRESS_2, 4), 0);
	assert_int_equal(get(PCI_ROM_ADDRESS, 4), 0);
}

static void test_reset_may_keep_what_else_is_said_of_bars(void **state)
{
	const struct umd_pci_field fields[] = {
		{0, 4, .value = 0x00000007, .rw = 0x0000ff00},
		{4, 4, .rw = 0x0000ffff},
	};

	umd_pci_config_add_fields(&config, 0x80, fields, UNIT_COUNT(fields));
	umd_pci_config_add_bar_fields(&config, 0x80, 4);
	umd_pci_config_set(&config, 0x80, 4, 0x12345678);
	put(0x84, 4, UINT32_MAX);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_BARS);
	assert_int_equal(get(0x80, 4), 0x00005607);
	assert_int_equal(get(0x84, 4), 0);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_STICKY);
	assert_int_equal(get(0x80, 4), 0x00000007);
}

static void test_reset_may_keep_what_is_sticky(void **state)
{
	const struct umd_pci_field field = {0,
					    4,
					    .value = 0x0000ff0f,
					    .rw = 0x0000ffff,
					    .w1c = 0xff000000,
					    .sticky = 0xf0f00ff0};

	umd_pci_config_add_fields(&config, 0x80, &field, 1);
	umd_pci_config_set(&config, 0x80, 4, 0xaaaaaaaa);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_STICKY);
	assert_int_equal(get(0x80, 4), 0xa0a0faaf);
	umd_pci_config_set(&config, 0x80, 4, 0xaaaaaaaa);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_STICKY | UMD_PCI_KEEP_BARS);
	assert_int_equal(get(0x80, 4), 0xa0a0faaf);
	umd_pci_config_reset(&config, UMD_PCI_KEEP_BARS);
	assert_int_equal(get(0x80, 4), 0x0000ff0f);
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
		TEST(test_errors_in_status_are_cleared_by_ones),
		TEST(test_bars_of_32_bits_are_sized_by_their_kind),
		TEST(test_bars_of_64_bits_are_sized_in_two_halves),
		TEST(test_bar_keeps_the_address_it_is_given),
		TEST(test_rom_is_sized_and_enabled),
		TEST(test_smaller_bar_has_more_address_bits),
		TEST(test_larger_bar_loses_address_bits),
		TEST(test_writes_of_any_size_change_what_they_may_only),
		TEST(test_reads_of_any_size_show_the_bytes),
		TEST(test_express_space_is_4_kib),
		TEST(test_we_write_what_the_driver_may_not),
		TEST(test_hook_is_told_which_part_was_written),
		TEST(test_hook_is_not_told_of_its_neighbours),
		TEST(test_hook_sees_what_was_written),
		TEST(test_hook_refreshes_what_is_read),
		TEST(test_access_over_several_hooks_tells_each_its_part),
		TEST(test_hook_for_writes_is_not_told_of_reads),
		TEST(test_we_tell_no_hook),
		TEST(test_there_are_so_many_hooks_and_no_more),
		TEST(test_reset_brings_back_what_was_declared),
		TEST(test_reset_may_keep_the_addresses),
		TEST(test_reset_may_keep_what_else_is_said_of_bars),
		TEST(test_reset_may_keep_what_is_sticky),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
