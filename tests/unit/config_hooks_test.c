/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers that do something: COMMAND, the page request interface's control, and the bodies that a
 * device's author declares with functions to be called.
 */
#include "device_fixture.h"

static struct device_log told;
static struct umd_device *device;

/* What the author's functions were called with. */
static struct {
	char which;
	size_t offset, size;
} calls[16];
static unsigned int call_count;

static void note(void *data, char which, size_t offset, size_t size)
{
	assert_ptr_equal(data, &told);
	assert_true(call_count < UNIT_COUNT(calls));
	calls[call_count].which = which;
	calls[call_count].offset = offset;
	calls[call_count++].size = size;
}

static void on_written(void *data, size_t offset, size_t size)
{
	note(data, 'w', offset, size);
}

static void on_reading(void *data, size_t offset, size_t size)
{
	note(data, 'r', offset, size);
}

static void on_other_written(void *data, size_t offset, size_t size)
{
	note(data, 'W', offset, size);
}

static int setup(void **state)
{
	static const struct umd_pcie pcie = {.flr = true};

	alarm(20);
	device = device_create(&told);
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	call_count = 0;
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	alarm(0);
	return 0;
}

static void realize(void)
{
	assert_int_equal(umd_device_realize(device, NULL), 0);
}

/* ---- COMMAND ------------------------------------------------------------------------------- */

/* Memory BARs, I/O BARs and DMA each have their bit, and no other one matters. */
static void test_each_bit_of_command_gates_what_is_its_own(void **state)
{
	static const struct umd_region memory = {.size = 64};
	static const struct umd_region io = {.size = 64, .flags = UMD_REGION_IO};
	static const struct umd_region wide = {.size = 64, .flags = UMD_REGION_MEM64};
	uint8_t byte = 0;

	assert_int_equal(umd_device_add_bar(device, 0, &memory), 0);
	assert_int_equal(umd_device_add_bar(device, 1, &io), 0);
	assert_int_equal(umd_device_add_bar(device, 2, &wide), 0);
	realize();
	for (uint32_t command = 0; command < 0x800; command++) {
		int with_memory = command & PCI_COMMAND_MEMORY ? 0 : -EIO;
		int with_io = command & PCI_COMMAND_IO ? 0 : -EIO;
		int with_dma = command & PCI_COMMAND_MASTER ? -EFAULT : -ENODEV;

		device_set_command(device, (uint16_t)command);
		assert_int_equal(device_read(device, 0, 0, &byte, 1), with_memory);
		assert_int_equal(device_write(device, 2, 0, &byte, 1), with_memory);
		assert_int_equal(device_read(device, 1, 0, &byte, 1), with_io);
		assert_int_equal(device_write(device, 1, 0, &byte, 1), with_io);
		assert_int_equal(umd_dma_read(device, 0, &byte, 1), with_dma);
		assert_int_equal(umd_dma_write(device, 0, &byte, 1), with_dma);
	}
}

/* A write of any size that has a byte of COMMAND in it counts. */
static void test_command_is_written_by_bytes_and_with_its_neighbours(void **state)
{
	static const struct umd_region memory = {.size = 64};
	uint8_t all[8] = {0}, byte;

	assert_int_equal(umd_device_add_bar(device, 0, &memory), 0);
	realize();
	device_set_config(device, PCI_COMMAND, 1, PCI_COMMAND_MEMORY);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, 0, all, 8), 0);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), -EIO);
	all[4] = PCI_COMMAND_MEMORY;
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, 2, &all[2], 3), 0);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	device_set_config(device, PCI_COMMAND + 1, 1, 0);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	device_set_config(device, PCI_STATUS, 2, 0);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
}

static void test_interrupt_disable_is_in_its_upper_byte(void **state)
{
	int line = irq_eventfd();

	assert_int_equal(umd_device_add_intx(device, 1), 0);
	realize();
	device_assign(device, UMD_IRQ_INTX, 0, line);
	device_set_config(device, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	umd_device_set_intx(device, true);
	assert_int_equal(unit_take_events(line), 0);
	device_set_config(device, PCI_COMMAND + 1, 1, 0);
	assert_int_equal(unit_take_events(line), 1);
	close(line);
}

/* ---- Page requests ------------------------------------------------------------------------- */

static void realize_pri(bool pasid)
{
	const struct umd_pri pri = {.capacity = 16, .pasid_required = pasid};

	assert_int_equal(umd_device_add_pri(device, &pri), 0);
	realize();
}

static uint32_t pri(unsigned int offset)
{
	return device_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_PRI, offset), 2);
}

static void write_pri(unsigned int offset, uint32_t value)
{
	device_set_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_PRI, offset), 2, value);
}

/* Off is stopped, since nothing is under way; on is not; the reset bit is never seen. */
static void test_page_requests_are_stopped_while_they_are_off(void **state)
{
	static const struct {
		uint32_t write, control;
		bool stopped;
	} rows[] = {
		{0, 0, true},
		{PCI_PRI_CTRL_ENABLE, PCI_PRI_CTRL_ENABLE, false},
		{PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET, PCI_PRI_CTRL_ENABLE, false},
		{PCI_PRI_CTRL_RESET, 0, true},
		{0xffff, PCI_PRI_CTRL_ENABLE, false},
		{0, 0, true},
	};

	for (int pasid = 0; pasid < 2; pasid++) {
		uint32_t fixed = pasid ? PCI_PRI_STATUS_PASID : 0;

		realize_pri(pasid);
		assert_int_equal(pri(PCI_PRI_STATUS), fixed | PCI_PRI_STATUS_STOPPED);
		for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
			write_pri(PCI_PRI_CTRL, rows[i].write);
			assert_int_equal(pri(PCI_PRI_CTRL), rows[i].control);
			assert_int_equal(pri(PCI_PRI_STATUS),
					 fixed | (rows[i].stopped ? PCI_PRI_STATUS_STOPPED : 0));
		}
		teardown(state);
		setup(state);
	}
}

static void test_failures_of_page_requests_stay_till_they_are_cleared(void **state)
{
	const uint32_t both = PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI;

	realize_pri(false);
	write_pri(PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE);
	umd_device_config_write(device, device_ext_cap(device, PCI_EXT_CAP_ID_PRI, PCI_PRI_STATUS),
				2, both);
	write_pri(PCI_PRI_CTRL, 0);
	assert_int_equal(pri(PCI_PRI_STATUS), both | PCI_PRI_STATUS_STOPPED);
	write_pri(PCI_PRI_STATUS, PCI_PRI_STATUS_RF);
	assert_int_equal(pri(PCI_PRI_STATUS), PCI_PRI_STATUS_UPRGI | PCI_PRI_STATUS_STOPPED);
}

static void test_reset_stops_page_requests(void **state)
{
	realize_pri(true);
	write_pri(PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE);
	assert_int_equal(umd_device_reset_by_client(device), 0);
	assert_int_equal(pri(PCI_PRI_CTRL), 0);
	assert_int_equal(pri(PCI_PRI_STATUS), PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID);
}

/* ---- Bodies with functions ----------------------------------------------------------------- */

#define BODY 6u /* bytes */

/* The three kinds of body; each returns where it begins. */
static unsigned int add_vendor(const struct umd_cap_body *body)
{
	const struct umd_vendor_cap cap = {.body = *body};

	assert_int_equal(umd_device_add_vendor_cap(device, &cap), 0);
	return device_cap(device, PCI_CAP_ID_VNDR, 3);
}

static unsigned int add_vsec(const struct umd_cap_body *body)
{
	const struct umd_vsec vsec = {.body = *body};

	assert_int_equal(umd_device_add_vsec(device, &vsec), 0);
	return device_ext_cap(device, PCI_EXT_CAP_ID_VNDR, 8);
}

static unsigned int add_dvsec(const struct umd_cap_body *body)
{
	const struct umd_dvsec dvsec = {.body = *body};

	assert_int_equal(umd_device_add_dvsec(device, &dvsec), 0);
	return device_ext_cap(device, PCI_EXT_CAP_ID_DVSEC, 10);
}

static unsigned int (*const add_body[])(const struct umd_cap_body *body) = {add_vendor, add_vsec,
									    add_dvsec};

static void expect_call(unsigned int i, char which, size_t offset, size_t size)
{
	assert_true(i < call_count);
	assert_int_equal(calls[i].which, which);
	assert_int_equal(calls[i].offset, offset);
	assert_int_equal(calls[i].size, size);
}

/* Whether there is a call for what [from, to), counted from the body's beginning, has of the body.
 */
static bool expect_part(unsigned int i, char which, int from, int to)
{
	int first = from > 0 ? from : 0, last = to < (int)BODY ? to : (int)BODY;

	if (first >= last)
		return false;
	expect_call(i, which, (size_t)first, (size_t)(last - first));
	return true;
}

/* A write takes effect in aligned pieces of at most four bytes, one after the other. */
static void expect_pieces(unsigned int at, int from, int to)
{
	unsigned int expected = 0;

	while (from < to) {
		int size = 4;

		while (((int)at + from) % size || size > to - from)
			size /= 2;
		expected += expect_part(expected, 'w', from, from + size);
		from += size;
	}
	assert_int_equal(call_count, expected);
}

static void test_function_is_called_for_the_part_that_is_accessed(void **state)
{
	static const struct umd_cap_body body = {
		.size = BODY, .written = on_written, .reading = on_reading};
	uint8_t data[16] = {0};

	for (size_t kind = 0; kind < UNIT_COUNT(add_body); kind++) {
		unsigned int at = add_body[kind](&body);

		realize();
		for (int from = -3; from < (int)BODY + 2; from++) {
			for (int to = from + 1; to < (int)BODY + 3; to++) {
				uint64_t offset = (uint64_t)at + (uint64_t)from;
				size_t size = (size_t)(to - from);

				call_count = 0;
				assert_int_equal(
					device_write(device, UMD_REGION_CONFIG, offset, data, size),
					0);
				expect_pieces(at, from, to);
				call_count = 0;
				assert_int_equal(
					device_read(device, UMD_REGION_CONFIG, offset, data, size),
					0);
				assert_int_equal(call_count, expect_part(0, 'r', from, to));
			}
		}
		teardown(state);
		setup(state);
	}
}

static unsigned int body_at;

/* After the masks have been applied, the author finds what the driver sees. */
static void look_at_written(void *data, size_t offset, size_t size)
{
	static const uint8_t written[4] = {0x12, 0xff, 0x55, 0x0a};

	note(data, 'w', offset, size);
	for (size_t i = offset; i < offset + size; i++)
		assert_int_equal(umd_device_config_read(device, body_at + (unsigned int)i, 1),
				 written[i]);
}

static void test_function_is_called_after_the_bytes_are_stored(void **state)
{
	static const uint8_t initial[4] = {0x12, 0xff, 0x55, 0x0f}, writable[4] = {0, 0, 0xf0, 0},
			     clearable[4] = {0, 0, 0, 0x05};
	static const struct umd_cap_body body = {.size = 4,
						 .bytes = initial,
						 .writable = writable,
						 .clearable = clearable,
						 .written = look_at_written};

	for (size_t kind = 0; kind < UNIT_COUNT(add_body); kind++) {
		body_at = add_body[kind](&body);
		realize();
		call_count = 0;
		device_set_config(device, body_at, 4, 0x05500000);
		assert_true(call_count > 0);
		assert_int_equal(device_config(device, body_at, 4), 0x0a55ff12);
		teardown(state);
		setup(state);
	}
}

static void refresh(void *data, size_t offset, size_t size)
{
	static uint32_t counter;

	note(data, 'r', offset, size);
	umd_device_config_write(device, body_at, 4, ++counter);
}

/* What is set past the driver is neither masked nor told. */
static void test_function_may_refresh_what_is_about_to_be_read(void **state)
{
	static const struct umd_cap_body body = {
		.size = 4, .written = on_written, .reading = refresh};
	uint32_t first;

	body_at = add_vsec(&body);
	realize();
	first = device_config(device, body_at, 4);
	assert_int_equal(device_config(device, body_at, 4), first + 1);
	assert_int_equal(device_config(device, body_at, 4), first + 2);
	assert_int_equal(call_count, 3);
	assert_int_equal(umd_device_config_read(device, body_at, 4), first + 2);
	assert_int_equal(call_count, 3);
}

static void test_either_function_may_be_missing(void **state)
{
	static const struct umd_cap_body writes = {.size = 4, .written = on_written};
	static const struct umd_cap_body reads = {.size = 4, .reading = on_reading};
	unsigned int first = add_vsec(&writes), second = add_dvsec(&reads);

	realize();
	device_config(device, first, 4);
	device_set_config(device, second, 4, 1);
	assert_int_equal(call_count, 0);
	device_set_config(device, first, 4, 1);
	device_config(device, second, 4);
	assert_int_equal(call_count, 2);
	expect_call(0, 'w', 0, 4);
	expect_call(1, 'r', 0, 4);
}

static void test_access_across_bodies_calls_each_in_order(void **state)
{
	static const struct umd_vendor_cap first = {.at = 0xe0,
						    .body = {.size = 5, .written = on_written}};
	static const struct umd_vendor_cap second = {
		.at = 0xe8, .body = {.size = 2, .written = on_other_written}};
	uint8_t data[12] = {0};

	assert_int_equal(umd_device_add_vendor_cap(device, &first), 0);
	assert_int_equal(umd_device_add_vendor_cap(device, &second), 0);
	realize();
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, 0xe5, data, 7), 0);
	assert_int_equal(call_count, 3);
	expect_call(0, 'w', 2, 1);
	expect_call(1, 'w', 3, 2);
	expect_call(2, 'W', 0, 1);
}

static void test_body_at_the_end_of_config_space_is_called_too(void **state)
{
	static const struct umd_vsec first = {.at = 0x100};
	static const struct umd_vsec last = {
		.at = 4096 - 12, .body = {.size = 4, .written = on_written, .reading = on_reading}};
	uint8_t byte = 0;

	assert_int_equal(umd_device_add_vsec(device, &first), 0);
	assert_int_equal(umd_device_add_vsec(device, &last), 0);
	realize();
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, 4095, &byte, 1), 0);
	assert_int_equal(device_read(device, UMD_REGION_CONFIG, 4095, &byte, 1), 0);
	expect_call(0, 'w', 3, 1);
	expect_call(1, 'r', 3, 1);
}

static void reset_myself(void *data, size_t offset, size_t size)
{
	note(data, 'w', offset, size);
	umd_device_reset(device);
}

/* A reset register of its own: what follows in the same access is written to the device as reset.
 */
static void test_function_may_reset_the_device(void **state)
{
	static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};
	static const struct umd_cap_body first = {
		.size = 4, .writable = ones, .written = reset_myself};
	static const struct umd_cap_body second = {
		.size = 4, .writable = ones, .written = on_other_written};
	unsigned int at = add_vsec(&first), other = add_dvsec(&second);
	uint8_t data[64];

	realize();
	memset(data, 0xff, sizeof(data));
	device_set_command(device, PCI_COMMAND_MASTER);
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, at, data, other + 4 - at), 0);
	assert_int_equal(call_count, 3);
	expect_call(0, 'w', 0, 4);
	expect_call(1, 'W', 0, 2);
	expect_call(2, 'W', 2, 2);
	assert_int_equal(told.resets, 1);
	assert_int_equal(told.kind, UMD_RESET_SELF);
	assert_int_equal(device_config(device, at, 4), 0);
	assert_int_equal(device_config(device, other, 4), UINT32_MAX);
	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
}

static void unplug_myself(void *data, size_t offset, size_t size)
{
	device->has_client = true;
	assert_int_equal(umd_device_unplug(device, 0), 0);
}

static void test_function_may_unplug_the_device(void **state)
{
	static const struct umd_cap_body body = {.size = 4, .written = unplug_myself};
	unsigned int at = add_vsec(&body);

	realize();
	device_set_config(device, at, 4, 1);
	assert_int_equal(device_config(device, at, 4), UINT32_MAX);
	device_expect_calls(&told, "S");
}

/* A reset is not a write: the device hears of it by its own function. */
static void test_reset_calls_no_function(void **state)
{
	static const struct umd_cap_body body = {
		.size = 4, .written = on_written, .reading = on_reading};

	add_vsec(&body);
	realize();
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assert_int_equal(call_count, 0);
}

/* The table of such registers has an end, which an author hears of. */
static void test_registers_with_functions_are_as_many_as_there_is_room_for(void **state)
{
	static const struct umd_vsec vsec = {.body = {.size = 4, .written = on_written}};
	unsigned int added = 0;
	int result;

	while ((result = umd_device_add_vsec(device, &vsec)) == 0)
		added++;
	assert_int_equal(result, -ENOSPC);
	assert_int_equal(added, UMD_PCI_HOOKS_MAX - 2);
	device_expect_refused(device, -ENOSPC, "64 registers");
}

/* ---- Numbers of the author ----------------------------------------------------------------- */

static void test_author_reads_and_writes_fields_within_config_space_only(void **state)
{
	static const struct {
		unsigned int offset, size;
		bool is_field;
	} rows[] = {
		{0, 1, true},		{0, 2, true},
		{0, 4, true},		{4092, 4, true},
		{4095, 1, true},	{4094, 2, true},
		{0, 0, false},		{0, 3, false},
		{0, 8, false},		{4093, 4, false},
		{4095, 2, false},	{4096, 1, false},
		{UINT32_MAX, 1, false}, {UINT32_MAX - 3, 4, false},
		{0, UINT32_MAX, false},
	};

	realize();
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		unsigned int bits = rows[i].size < 4 ? 8 * rows[i].size : 32;
		uint32_t value = rows[i].is_field ? UINT32_MAX >> (32 - bits) : 0;

		umd_device_config_write(device, rows[i].offset, rows[i].size, UINT32_MAX);
		assert_int_equal(umd_device_config_read(device, rows[i].offset, rows[i].size),
				 value);
	}
}

static void test_capabilities_are_found_by_their_ids(void **state)
{
	static const struct umd_vsec vsec = {.id = 1};

	assert_int_equal(umd_device_add_vsec(device, &vsec), 0);
	realize();
	assert_true(umd_device_find_cap(device, PCI_CAP_ID_EXP) >= 0x40);
	assert_int_equal(umd_device_find_ext_cap(device, PCI_EXT_CAP_ID_VNDR), 0x100);
	assert_int_equal(umd_device_find_cap(device, PCI_EXT_CAP_ID_VNDR), -ENOENT);
	assert_int_equal(umd_device_find_ext_cap(device, PCI_CAP_ID_EXP), -ENOENT);
	assert_int_equal(umd_device_find_cap(device, UINT32_MAX), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_each_bit_of_command_gates_what_is_its_own),
		TEST(test_command_is_written_by_bytes_and_with_its_neighbours),
		TEST(test_interrupt_disable_is_in_its_upper_byte),
		TEST(test_page_requests_are_stopped_while_they_are_off),
		TEST(test_failures_of_page_requests_stay_till_they_are_cleared),
		TEST(test_reset_stops_page_requests),
		TEST(test_function_is_called_for_the_part_that_is_accessed),
		TEST(test_function_is_called_after_the_bytes_are_stored),
		TEST(test_function_may_refresh_what_is_about_to_be_read),
		TEST(test_either_function_may_be_missing),
		TEST(test_access_across_bodies_calls_each_in_order),
		TEST(test_body_at_the_end_of_config_space_is_called_too),
		TEST(test_function_may_reset_the_device),
		TEST(test_function_may_unplug_the_device),
		TEST(test_reset_calls_no_function),
		TEST(test_registers_with_functions_are_as_many_as_there_is_room_for),
		TEST(test_author_reads_and_writes_fields_within_config_space_only),
		TEST(test_capabilities_are_found_by_their_ids),
	};

	return cmocka_run_group_tests_name("config_hooks", tests, NULL, NULL);
}
