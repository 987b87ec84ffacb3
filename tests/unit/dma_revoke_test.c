/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking memory from those who use what has been unmapped, and from nobody else. */
#include "dma_changes.h"

static struct umd_dma_space *space;
static struct umd_dma_reader *reader;
static struct umd_dma_segment pin;
static int fd;

static int setup(void **state)
{
	const struct umd_dma_space_options options = {.size = sizeof(options)};

	fd = make_file(8 * PAGE);
	assert_int_equal(umd_dma_space_create(&options, &space), 0);
	return umd_dma_reader_create(space, 0, &reader);
}

/* Whatever was revoked, nothing is left. */
static int teardown(void **state)
{
	umd_dma_reader_destroy(reader);
	umd_dma_space_destroy(space);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
	return 0;
}

static void map(uint64_t page, uint64_t offset)
{
	assert_int_equal(dma_change(space, dma_map(page, 1, READ_WRITE, fd, offset)), 0);
}

static void unmap(uint64_t page)
{
	assert_int_equal(dma_change(space, dma_unmap(page, 1)), 0);
}

static void pin_page(uint64_t page, struct umd_dma_segment *ret)
{
	assert_int_equal(umd_dma_pin(reader, page * PAGE, PAGE, READ_WRITE, ret, 1), 1);
}

static int file_byte(uint64_t at)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	return byte;
}

static void test_what_is_written_through_a_revoked_pin_reaches_nobody(void **state)
{
	map(0, 3);
	pin_page(0, &pin);
	unmap(0);
	pin.base[0] = 'a';
	assert_int_equal(umd_dma_check(&pin, 1), 0);
	umd_dma_space_revoke(space);
	pin.base[0] = 'b';
	assert_int_equal(umd_dma_check(&pin, 1), -EFAULT);
	assert_int_equal(file_byte(3 * PAGE), 'a');
	umd_dma_unpin(&pin, 1);
}

static void test_revoked_pin_holds_nothing_back(void **state)
{
	map(0, 0);
	pin_page(0, &pin);
	unmap(0);
	assert_false(dma_is_quiet(space));
	umd_dma_space_revoke(space);
	assert_true(dma_is_quiet(space));
	umd_dma_unpin(&pin, 1);
	assert_true(dma_is_quiet(space));
}

static void test_what_is_still_mapped_leads_to_the_file_after_a_revocation(void **state)
{
	const char written = 'w';

	map(0, 3);
	map(1, 3);
	map(2, 4);
	pin_page(0, &pin);
	unmap(0);
	umd_dma_space_revoke(space);
	memset(pin.base, 'z', PAGE);
	assert_int_equal(umd_dma_space_write(space, PAGE + 5, &written, 1), 0);
	assert_int_equal(file_byte(3 * PAGE + 5), 'w');
	assert_int_equal(file_byte(3 * PAGE + 6), 0);
	umd_dma_unpin(&pin, 1);

	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, PAGE, PAGE, READ_WRITE, &pin, 1), 1);
	pin.base[7] = 'r';
	assert_int_equal(umd_dma_check(&pin, 1), 0);
	umd_dma_leave(reader);
	assert_int_equal(file_byte(3 * PAGE + 7), 'r');
}

static void test_page_that_was_revoked_is_mapped_again(void **state)
{
	map(0, 3);
	pin_page(0, &pin);
	unmap(0);
	umd_dma_space_revoke(space);
	map(0, 3);
	assert_int_equal(pwrite(fd, "n", 1, 3 * PAGE), 1);
	pin.base[0] = 'o';
	assert_int_equal(dma_byte(space, 0), 'n');
	umd_dma_unpin(&pin, 1);
	pin_page(0, &pin);
	assert_int_equal(pin.base[0], 'n');
	assert_int_equal(umd_dma_check(&pin, 1), 0);
	umd_dma_unpin(&pin, 1);
}

static void test_pins_in_the_same_file_are_told_that_they_are_void(void **state)
{
	struct umd_dma_segment other;

	map(0, 0);
	map(1, 1);
	pin_page(0, &pin);
	pin_page(1, &other);
	unmap(0);
	umd_dma_space_revoke(space);
	assert_int_equal(umd_dma_check(&other, 1), -EFAULT);
	umd_dma_unpin(&pin, 1);
	umd_dma_unpin(&other, 1);
}

static void test_pins_in_other_files_are_left_alone(void **state)
{
	struct umd_dma_segment other;
	int file = make_file(PAGE);

	map(0, 0);
	assert_int_equal(dma_change(space, dma_map(1, 1, READ_WRITE, file, 0)), 0);
	pin_page(0, &pin);
	pin_page(1, &other);
	unmap(0);
	umd_dma_space_revoke(space);
	assert_int_equal(pwrite(file, "k", 1, 0), 1);
	assert_int_equal(*other.base, 'k');
	assert_int_equal(umd_dma_check(&other, 1), 0);
	umd_dma_unpin(&pin, 1);
	umd_dma_unpin(&other, 1);
	close(file);
}

static void test_without_anything_unmapped_nothing_is_taken(void **state)
{
	map(0, 0);
	pin_page(0, &pin);
	umd_dma_space_revoke(space);
	pin.base[9] = 's';
	assert_int_equal(umd_dma_check(&pin, 1), 0);
	assert_int_equal(file_byte(9), 's');
	unmap(0);
	assert_false(dma_is_quiet(space));
	umd_dma_unpin(&pin, 1);
	assert_true(dma_is_quiet(space));
}

static void test_reader_inside_loses_what_was_unmapped_too(void **state)
{
	map(0, 0);
	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, 0, PAGE, READ_WRITE, &pin, 1), 1);
	unmap(0);
	umd_dma_space_revoke(space);
	pin.base[0] = 'v';
	assert_int_equal(umd_dma_check(&pin, 1), -EFAULT);
	umd_dma_leave(reader);
	assert_int_equal(file_byte(0), 0);
}

static void test_memory_by_address_stays(void **state)
{
	static uint8_t memory[PAGE];

	assert_int_equal(dma_change(space, dma_map_address(0, 1, memory)), 0);
	pin_page(0, &pin);
	unmap(0);
	umd_dma_space_revoke(space);
	assert_ptr_equal(pin.base, memory);
	pin.base[0] = 'm';
	assert_int_equal(memory[0], 'm');
	assert_int_equal(umd_dma_check(&pin, 1), 0);
	umd_dma_unpin(&pin, 1);
}

static void test_pins_may_be_revoked_again_and_again(void **state)
{
	struct umd_dma_segment pins[20];

	for (unsigned int i = 0; i < UNIT_COUNT(pins); i++) {
		map(0, i % 8);
		pin_page(0, &pins[i]);
		pins[i].base[0] = (uint8_t)('A' + i);
		unmap(0);
		umd_dma_space_revoke(space);
		pins[i].base[0] = '!';
		assert_int_equal(file_byte(i % 8 * PAGE), 'A' + i);
	}
	for (unsigned int i = 0; i < UNIT_COUNT(pins); i++)
		assert_int_equal(umd_dma_check(&pins[i], 1), -EFAULT);
	umd_dma_unpin(pins, UNIT_COUNT(pins));
	assert_true(dma_is_quiet(space));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_what_is_written_through_a_revoked_pin_reaches_nobody),
		TEST(test_revoked_pin_holds_nothing_back),
		TEST(test_what_is_still_mapped_leads_to_the_file_after_a_revocation),
		TEST(test_page_that_was_revoked_is_mapped_again),
		TEST(test_pins_in_the_same_file_are_told_that_they_are_void),
		TEST(test_pins_in_other_files_are_left_alone),
		TEST(test_without_anything_unmapped_nothing_is_taken),
		TEST(test_reader_inside_loses_what_was_unmapped_too),
		TEST(test_memory_by_address_stays),
		TEST(test_pins_may_be_revoked_again_and_again),
	};

	return cmocka_run_group_tests_name("dma_revoke", tests, NULL, NULL);
}
