/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses to regions: how they are cut into registers, who serves which bytes of a BAR, what is
 * gated while the driver has it disabled, and what lies outside.
 */
#include "device_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define SIZE (16 * PAGE)

static struct device_log told;
static struct umd_device *device;
static int file; /* behind the memory areas */

/* ---- Registers that keep a log ------------------------------------------------------------- */

static struct {
	uint64_t offset, value;
	unsigned int size;
	bool write;
} calls[SIZE];
static unsigned int call_count;

/* A register reads as its offset in every byte. */
static uint64_t on_read(void *data, uint64_t offset, unsigned int size)
{
	uint8_t bytes[8];

	assert_ptr_equal(data, &told);
	calls[call_count].offset = offset;
	calls[call_count].size = size;
	calls[call_count++].write = false;
	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(offset + i);
	return umd_get_le64(bytes);
}

static void on_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	assert_ptr_equal(data, &told);
	calls[call_count].offset = offset;
	calls[call_count].size = size;
	calls[call_count].value = value;
	calls[call_count++].write = true;
}

/* The accesses that a handler of whole requests saw. */
static void on_access(void *data, struct umd_request *request)
{
	calls[call_count].offset = umd_request_offset(request);
	calls[call_count].size = (unsigned int)umd_request_size(request);
	calls[call_count++].write = umd_request_is_write(request);
	umd_request_complete(request, 0);
}

static int setup(void **state)
{
	file = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(file, SIZE), 0);
	device = device_create(&told);
	call_count = 0;
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	close(file);
	return 0;
}

static void add_registers(unsigned int index, uint64_t size, unsigned int flags, unsigned int max)
{
	struct umd_region region = {.size = size,
				    .flags = flags,
				    .max_access = max,
				    .read = on_read,
				    .write = on_write};

	assert_int_equal(umd_device_add_bar(device, index, &region), 0);
}

static void realize(void)
{
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
}

static int get(uint32_t region, uint64_t offset, void *to, size_t size)
{
	call_count = 0;
	return device_read(device, region, offset, to, size);
}

static int put(uint32_t region, uint64_t offset, const void *from, size_t size)
{
	call_count = 0;
	return device_write(device, region, offset, from, size);
}

/* ---- Cutting ------------------------------------------------------------------------------- */

static void test_accesses_are_cut_into_aligned_registers_in_ascending_order(void **state)
{
	static const struct {
		uint64_t offset;
		size_t size;
		unsigned int pieces[8]; /* ends with 0 */
	} rows[] = {
		{0, 1, {1}},	       {0, 2, {2}},
		{0, 3, {2, 1}},	       {0, 4, {4}},
		{0, 5, {4, 1}},	       {0, 6, {4, 2}},
		{0, 7, {4, 2, 1}},     {0, 8, {8}},
		{0, 16, {8, 8}},       {1, 1, {1}},
		{1, 2, {1, 1}},	       {1, 3, {1, 2}},
		{1, 4, {1, 2, 1}},     {1, 7, {1, 2, 4}},
		{1, 8, {1, 2, 4, 1}},  {1, 15, {1, 2, 4, 8}},
		{2, 4, {2, 2}},	       {2, 6, {2, 4}},
		{3, 2, {1, 1}},	       {4, 8, {4, 4}},
		{4, 12, {4, 8}},       {6, 12, {2, 8, 2}},
		{7, 18, {1, 8, 8, 1}}, {SIZE - 1, 1, {1}},
		{SIZE - 8, 8, {8}},    {SIZE - 7, 7, {1, 2, 4}},
	};
	uint8_t data[32];

	add_registers(0, SIZE, 0, 0);
	realize();
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		uint64_t offset = rows[i].offset;
		unsigned int n = 0;

		assert_int_equal(get(0, offset, data, rows[i].size), 0);
		for (size_t b = 0; b < rows[i].size; b++)
			assert_int_equal(data[b], (uint8_t)(offset + b));
		for (; rows[i].pieces[n]; n++) {
			assert_int_equal(calls[n].offset, offset);
			assert_int_equal(calls[n].size, rows[i].pieces[n]);
			offset += rows[i].pieces[n];
		}
		assert_int_equal(call_count, n);
	}
}

static bool is_piece(unsigned int max, uint64_t offset, unsigned int size)
{
	return size <= max && offset % size == 0 && (size & (size - 1)) == 0;
}

/* Every access of every largest size: aligned pieces, none too large, none that two could join. */
static void test_no_register_is_larger_than_the_bar_allows(void **state)
{
	uint8_t data[40];

	for (unsigned int max = 1; max <= 8; max *= 2) {
		add_registers(0, 64, 0, max);
		realize();
		for (uint64_t offset = 0; offset < 20; offset++) {
			for (size_t size = 1; size <= 40; size++) {
				uint64_t at = offset;

				assert_int_equal(get(0, offset, data, size), 0);
				for (unsigned int i = 0; i < call_count; i++) {
					assert_int_equal(calls[i].offset, at);
					assert_true(is_piece(max, at, calls[i].size));
					at += calls[i].size;
				}
				assert_int_equal(at, offset + size);
				for (size_t b = 0; b < size; b++)
					assert_int_equal(data[b], (uint8_t)(offset + b));
			}
		}
		teardown(state);
		setup(state);
	}
}

static void test_writes_carry_their_values_little_end_first(void **state)
{
	static const uint8_t bytes[15] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	add_registers(0, 64, 0, 0);
	realize();
	assert_int_equal(put(0, 1, bytes, sizeof(bytes)), 0);
	assert_int_equal(call_count, 4);
	assert_int_equal(calls[0].value, 0x01);
	assert_int_equal(calls[1].value, 0x0302);
	assert_int_equal(calls[2].value, 0x07060504);
	assert_true(calls[3].value == UINT64_C(0x0f0e0d0c0b0a0908));
	for (unsigned int i = 0; i < call_count; i++)
		assert_true(calls[i].write);
}

static void test_missing_handlers_read_zero_and_ignore(void **state)
{
	static const struct umd_region region = {.size = 64};
	uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};

	assert_int_equal(umd_device_add_bar(device, 0, &region), 0);
	realize();
	assert_int_equal(put(0, 0, data, 8), 0);
	assert_int_equal(get(0, 0, data, 8), 0);
	assert_true(umd_get_le64(data) == 0);
}

/* ---- Outside ------------------------------------------------------------------------------- */

static void test_accesses_outside_a_region_are_refused(void **state)
{
	static const struct {
		uint32_t region;
		uint64_t offset;
		size_t size;
	} rows[] = {
		{0, 0, 0},
		{0, 64, 1},
		{0, 63, 2},
		{0, 60, 8},
		{0, UINT64_MAX, 1},
		{0, UINT64_MAX - 3, 8},
		{0, 4, SIZE_MAX},
		{0, 1, SIZE_MAX},
		{1, 0, 1},
		{UMD_REGION_ROM, 0, 1},
		{UMD_REGION_CONFIG, 256, 1},
		{UMD_REGION_CONFIG, 255, 2},
		{UMD_REGION_CONFIG, 0, 257},
		{UMD_REGION_CONFIG, UINT64_MAX, 4},
		{UMD_REGION_CONFIG, 0, 0},
		{8, 0, 1},
		{9, 0, 1},
		{UINT32_MAX, 0, 1},
	};
	struct umd_request request = {0};
	uint8_t data[8];

	add_registers(0, 64, 0, 0);
	realize();
	call_count = 0;
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		for (int write = 0; write < 2; write++)
			assert_int_equal(device_access(device, &request, rows[i].region, write,
						       rows[i].offset, data, rows[i].size),
					 -EINVAL);
	}
	assert_int_equal(call_count, 0);
}

static void test_upper_half_of_a_64_bit_bar_is_no_region(void **state)
{
	uint8_t byte;

	add_registers(2, 64, UMD_REGION_MEM64, 0);
	realize();
	assert_int_equal(get(2, 0, &byte, 1), 0);
	assert_int_equal(get(3, 0, &byte, 1), -EINVAL);
}

static void test_config_space_is_reached_to_its_last_byte(void **state)
{
	uint8_t all[256];

	realize();
	assert_int_equal(get(UMD_REGION_CONFIG, 0, all, 256), 0);
	assert_int_equal(umd_get_le32(all), 0x56781234);
	assert_int_equal(get(UMD_REGION_CONFIG, 255, all, 1), 0);
	assert_int_equal(put(UMD_REGION_CONFIG, 0, all, 256), 0);
}

/* ---- Gates --------------------------------------------------------------------------------- */

static void test_bars_answer_only_while_the_driver_has_them_enabled(void **state)
{
	static const uint16_t own[] = {PCI_COMMAND_MEMORY, PCI_COMMAND_IO};
	uint8_t byte = 0;

	add_registers(0, 64, 0, 0);
	add_registers(1, 64, UMD_REGION_IO, 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	for (uint32_t bar = 0; bar < 2; bar++) {
		assert_int_equal(get(bar, 0, &byte, 1), -EIO);
		assert_int_equal(put(bar, 0, &byte, 1), -EIO);
		device_set_command(device, own[!bar] | PCI_COMMAND_MASTER);
		assert_int_equal(get(bar, 0, &byte, 1), -EIO);
		assert_int_equal(put(bar, 0, &byte, 1), -EIO);
		assert_int_equal(call_count, 0);
		device_set_command(device, own[bar]);
		assert_int_equal(get(bar, 0, &byte, 1), 0);
		assert_int_equal(call_count, 1);
		assert_int_equal(put(bar, 0, &byte, 1), 0);
		assert_int_equal(call_count, 1);
		umd_device_reset(device);
		assert_int_equal(get(bar, 0, &byte, 1), -EIO);
		assert_int_equal(call_count, 0);
	}
}

/* The bytes are there, but not for this driver: its own access is refused before them. */
static void test_memory_in_a_bar_is_gated_as_its_registers_are(void **state)
{
	static const struct umd_area area = {0, PAGE};
	uint8_t byte;

	add_registers(0, SIZE, 0, 0);
	assert_int_equal(umd_device_add_memory(device, 0, file, 0, &area, 1), 0);
	realize();
	assert_int_equal(get(0, 0, &byte, 1), 0);
	device_set_command(device, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	assert_int_equal(get(0, 0, &byte, 1), -EIO);
	assert_int_equal(put(0, 0, &byte, 1), -EIO);
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* Memory at pages 1, 2 and 4, registers elsewhere. */
static void add_memory(void)
{
	static const struct umd_area areas[] = {{PAGE, 2 * PAGE}, {4 * PAGE, PAGE}};

	assert_int_equal(umd_device_add_memory(device, 0, file, 0, areas, 2), 0);
}

static void test_memory_is_served_without_a_handler(void **state)
{
	uint8_t data[2 * PAGE];

	add_registers(0, SIZE, 0, 0);
	add_memory();
	realize();
	assert_int_equal(pwrite(file, "memory", 6, 2 * PAGE - 3), 6);
	assert_int_equal(get(0, 2 * PAGE - 3, data, 6), 0);
	assert_memory_equal(data, "memory", 6);
	memset(data, 0x3c, sizeof(data));
	assert_int_equal(put(0, PAGE, data, sizeof(data)), 0);
	assert_int_equal(call_count, 0);
	memset(data, 0, sizeof(data));
	assert_int_equal(pread(file, data, sizeof(data), PAGE), sizeof(data));
	assert_int_equal(data[0], 0x3c);
	assert_int_equal(data[2 * PAGE - 1], 0x3c);
}

static void test_access_across_memory_and_registers_is_cut_at_their_borders(void **state)
{
	static uint8_t data[SIZE];

	add_registers(0, SIZE, 0, 0);
	add_memory();
	realize();
	assert_int_equal(pwrite(file, "AB", 2, PAGE), 2);
	assert_int_equal(pwrite(file, "YZ", 2, 3 * PAGE - 2), 2);
	assert_int_equal(get(0, PAGE - 3, data, 5), 0);
	assert_memory_equal(data,
			    "\xfd\xfe\xff"
			    "AB",
			    5);
	assert_int_equal(call_count, 2);
	assert_int_equal(get(0, 3 * PAGE - 2, data, 5), 0);
	assert_memory_equal(data, "YZ\x00\x01\x02", 5);
	assert_int_equal(call_count, 2);

	assert_int_equal(get(0, 0, data, SIZE), 0);
	assert_int_equal(call_count, (SIZE - 3 * PAGE) / 8);
	assert_memory_equal(&data[PAGE - 1],
			    "\xff"
			    "AB",
			    3);
	for (unsigned int i = 0; i < call_count; i++)
		assert_true(calls[i].offset < PAGE ||
			    (calls[i].offset >= 3 * PAGE && calls[i].offset < 4 * PAGE) ||
			    calls[i].offset >= 5 * PAGE);
}

static void test_memory_of_a_bar_starts_at_the_files_offset(void **state)
{
	static const struct umd_area area = {PAGE, PAGE};
	uint8_t byte;

	add_registers(0, 4 * PAGE, 0, 0);
	assert_int_equal(umd_device_add_memory(device, 0, file, 8 * PAGE, &area, 1), 0);
	realize();
	assert_int_equal(pwrite(file, "x", 1, 9 * PAGE + 5), 1);
	assert_int_equal(get(0, PAGE + 5, &byte, 1), 0);
	assert_int_equal(byte, 'x');
}

static void add_requests(void)
{
	static const struct umd_region region = {.size = SIZE, .access = on_access};

	assert_int_equal(umd_device_add_bar(device, 0, &region), 0);
	add_memory();
	realize();
}

static void test_handler_of_requests_sees_them_whole(void **state)
{
	uint8_t data[64];

	add_requests();
	assert_int_equal(get(0, 3, data, 61), 0);
	assert_int_equal(call_count, 1);
	assert_int_equal(calls[0].offset, 3);
	assert_int_equal(calls[0].size, 61);
	assert_int_equal(get(0, PAGE, data, 64), 0);
	assert_int_equal(put(0, 3 * PAGE - 64, data, 64), 0);
	assert_int_equal(call_count, 0);
}

static bool touches_memory(uint64_t offset, uint64_t size)
{
	return (offset < 3 * PAGE && offset + size > PAGE) ||
	       (offset < 5 * PAGE && offset + size > 4 * PAGE);
}

/* Memory is never a handler's, wherever the access starts. */
static void test_handler_of_requests_never_sees_memory(void **state)
{
	static const struct {
		uint64_t offset;
		size_t size;
	} rows[] = {
		{PAGE - 4, 8},	   {3 * PAGE - 4, 8}, {0, SIZE}, {3 * PAGE - 1, PAGE + 2},
		{5 * PAGE - 1, 2},
	};
	static uint8_t data[SIZE];

	add_requests();
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		get(0, rows[i].offset, data, rows[i].size);
		for (unsigned int n = 0; n < call_count; n++)
			assert_false(touches_memory(calls[n].offset, calls[n].size));
	}
}

/* The driver has the file's fd, so it can cut the file short. */
static void test_memory_that_was_cut_off_does_not_end_the_process(void **state)
{
	int status = 0;
	pid_t child;

	add_registers(0, SIZE, 0, 0);
	add_memory();
	realize();
	/* A file that cannot be cut short is as good. */
	if (ftruncate(file, 0) < 0)
		return;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct umd_request request = {0};
		uint8_t data[8] = {0};

		signal(SIGBUS, SIG_DFL);
		device_access(device, &request, 0, false, PAGE, data, sizeof(data));
		device_access(device, &request, 0, true, PAGE, data, sizeof(data));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_accesses_are_cut_into_aligned_registers_in_ascending_order),
		TEST(test_no_register_is_larger_than_the_bar_allows),
		TEST(test_writes_carry_their_values_little_end_first),
		TEST(test_missing_handlers_read_zero_and_ignore),
		TEST(test_accesses_outside_a_region_are_refused),
		TEST(test_upper_half_of_a_64_bit_bar_is_no_region),
		TEST(test_config_space_is_reached_to_its_last_byte),
		TEST(test_bars_answer_only_while_the_driver_has_them_enabled),
		TEST(test_memory_in_a_bar_is_gated_as_its_registers_are),
		TEST(test_memory_is_served_without_a_handler),
		TEST(test_access_across_memory_and_registers_is_cut_at_their_borders),
		TEST(test_memory_of_a_bar_starts_at_the_files_offset),
		TEST(test_handler_of_requests_sees_them_whole),
		TEST(test_handler_of_requests_never_sees_memory),
		TEST(test_memory_that_was_cut_off_does_not_end_the_process),
	};

	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
