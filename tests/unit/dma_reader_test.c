/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers: what they find while maps change, whom they hold back, and who is told of it. */
#include "dma_changes.h"

#include <signal.h>

#define ROOM 4u

static struct umd_dma_space *space;
static struct umd_dma_reader *reader;
static struct umd_dma_segment segments[ROOM];
static int fd;

static int setup(void **state)
{
	const struct umd_dma_space_options options = {.size = sizeof(options)};

	fd = make_file(8 * PAGE);
	assert_int_equal(umd_dma_space_create(&options, &space), 0);
	return umd_dma_reader_create(space, 0, &reader);
}

static int teardown(void **state)
{
	umd_dma_reader_destroy(reader);
	umd_dma_space_destroy(space);
	close(fd);
	return 0;
}

static void map(uint64_t page, uint64_t pages, uint32_t prot)
{
	assert_int_equal(dma_change(space, dma_map(page, pages, prot, fd, page)), 0);
}

static void unmap(uint64_t page, uint64_t pages)
{
	assert_int_equal(dma_change(space, dma_unmap(page, pages)), 0);
}

static int resolve(uint64_t iova, size_t size, uint32_t prot)
{
	return umd_dma_resolve(reader, iova, size, prot, segments, ROOM);
}

/* ---- Finding ------------------------------------------------------------------------------- */

static void test_reader_inside_finds_what_is_mapped_meanwhile(void **state)
{
	umd_dma_enter(reader);
	assert_int_equal(resolve(PAGE, 1, READ), -EFAULT);
	map(1, 1, READ);
	assert_int_equal(resolve(PAGE, 1, READ), 1);
	unmap(1, 1);
	assert_int_equal(resolve(PAGE, 1, READ), -EFAULT);
	assert_int_equal(dma_change(space, dma_map(1, 1, READ, fd, 5)), 0);
	assert_int_equal(pwrite(fd, "x", 1, 5 * PAGE), 1);
	assert_int_equal(resolve(PAGE, 1, READ), 1);
	assert_int_equal(*segments[0].base, 'x');
	umd_dma_leave(reader);
}

/* The memory that was found stays, under whatever is found now. */
static void test_memory_found_stays_while_another_takes_its_place(void **state)
{
	struct umd_dma_segment found;

	map(1, 1, READ_WRITE);
	umd_dma_enter(reader);
	assert_int_equal(resolve(PAGE, PAGE, WRITE), 1);
	found = segments[0];
	unmap(1, 1);
	map(1, 2, READ_WRITE);
	memset(found.base, 0x5a, found.size);
	assert_int_equal(umd_dma_check(&found, 1), 0);
	umd_dma_leave(reader);
	assert_int_equal(dma_byte(space, 2 * PAGE - 1), 0x5a);
}

static void test_all_of_a_range_must_allow_all_that_is_asked_for(void **state)
{
	map(0, 1, READ);
	map(1, 1, READ_WRITE);
	map(2, 1, WRITE);
	assert_int_equal(dma_change(space, dma_map(3, 1, READ | UMD_DMA_EXECUTE, fd, 0)), 0);
	assert_int_equal(dma_change(space, dma_map(4, 1, READ | UMD_DMA_PRIVILEGED, fd, 0)), 0);
	umd_dma_enter(reader);
	assert_int_equal(resolve(0, 2 * PAGE, READ), 2);
	assert_int_equal(resolve(0, 2 * PAGE, WRITE), -EFAULT);
	assert_int_equal(resolve(PAGE, 2 * PAGE, WRITE), 2);
	assert_int_equal(resolve(PAGE, 2 * PAGE, READ_WRITE), -EFAULT);
	assert_int_equal(resolve(PAGE, PAGE, READ_WRITE), 1);
	assert_int_equal(resolve(3 * PAGE, 1, READ | UMD_DMA_EXECUTE), 1);
	assert_int_equal(resolve(3 * PAGE, 1, READ | UMD_DMA_PRIVILEGED), 1);
	assert_int_equal(resolve(4 * PAGE, 1, READ | UMD_DMA_PRIVILEGED), 1);
	assert_int_equal(resolve(4 * PAGE, 1, READ), -EFAULT);
	assert_int_equal(resolve(3 * PAGE, 2 * PAGE, READ), -EFAULT);
	assert_int_equal(resolve(0, 1, READ | UMD_DMA_EXECUTE), -EFAULT);
	umd_dma_leave(reader);
}

static void test_readers_do_not_disturb_each_other(void **state)
{
	struct umd_dma_reader *other;

	assert_int_equal(umd_dma_reader_create(space, UMD_DMA_READER_NO_SIGBUS, &other), 0);
	map(1, 1, READ);
	umd_dma_enter(reader);
	umd_dma_enter(other);
	assert_int_equal(resolve(PAGE, 1, READ), 1);
	unmap(1, 1);
	umd_dma_leave(other);
	assert_false(dma_is_quiet(space));
	umd_dma_reader_destroy(other);
	assert_false(dma_is_quiet(space));
	umd_dma_leave(reader);
	assert_true(dma_is_quiet(space));
}

static void test_mark_of_a_write_needs_no_log(void **state)
{
	map(0, 1, READ_WRITE);
	umd_dma_enter(reader);
	assert_int_equal(resolve(0, 1, WRITE), 1);
	umd_dma_mark(reader, 0, 1);
	umd_dma_mark(reader, 0, 0);
	umd_dma_leave(reader);
}

/* ---- Being told ---------------------------------------------------------------------------- */

static bool is_told(void)
{
	struct pollfd ready = {.fd = umd_dma_space_fd(space), .events = POLLIN};

	return poll(&ready, 1, 0) == 1;
}

static void test_end_of_the_last_use_is_told_after_a_no(void **state)
{
	map(0, 1, READ);
	umd_dma_enter(reader);
	assert_int_equal(resolve(0, 1, READ), 1);
	unmap(0, 1);
	assert_false(dma_is_quiet(space));
	assert_false(is_told());
	umd_dma_leave(reader);
	assert_true(is_told());
	assert_true(dma_is_quiet(space));
}

static void test_each_no_is_told_of_anew(void **state)
{
	struct umd_dma_segment pins[2];

	map(0, 1, READ);
	assert_int_equal(umd_dma_pin(reader, 0, 1, READ, &pins[0], 1), 1);
	assert_int_equal(umd_dma_pin(reader, 1, 1, READ, &pins[1], 1), 1);
	unmap(0, 1);
	for (unsigned int i = 0; i < 2; i++) {
		assert_false(dma_is_quiet(space));
		assert_false(is_told());
		umd_dma_unpin(&pins[i], 1);
		assert_true(is_told());
	}
	assert_true(dma_is_quiet(space));
}

static void test_space_without_readers_is_quiet(void **state)
{
	const struct umd_dma_space_options options = {.size = sizeof(options)};
	struct umd_dma_space *alone;

	assert_int_equal(umd_dma_space_create(&options, &alone), 0);
	assert_int_equal(umd_dma_space_fd(alone), -1);
	assert_int_equal(dma_change(alone, dma_map(0, 1, READ, fd, 0)), 0);
	assert_int_equal(dma_change(alone, dma_unmap(0, 0)), 0);
	assert_true(dma_is_quiet(alone));
	umd_dma_space_destroy(alone);
}

/* ---- SIGBUS -------------------------------------------------------------------------------- */

static void nothing(int signal)
{
}

static void (*handler_of_sigbus(void))(int)
{
	struct sigaction action;

	assert_int_equal(sigaction(SIGBUS, NULL, &action), 0);
	return action.sa_handler;
}

/* The first of the tests: the handler is installed once for the process. */
static void test_handler_for_sigbus_is_installed_for_those_who_want_it(void **state)
{
	const struct umd_dma_space_options options = {.size = sizeof(options)};

	signal(SIGBUS, nothing);
	assert_int_equal(umd_dma_space_create(&options, &space), 0);
	assert_int_equal(umd_dma_reader_create(space, 2, &reader), -EINVAL);
	assert_int_equal(umd_dma_reader_create(space, UMD_DMA_READER_NO_SIGBUS, &reader), 0);
	assert_ptr_equal(handler_of_sigbus(), nothing);
	umd_dma_reader_destroy(reader);
	assert_int_equal(umd_dma_reader_create(space, 0, &reader), 0);
	assert_ptr_not_equal(handler_of_sigbus(), nothing);
	umd_dma_reader_destroy(reader);
	umd_dma_reader_destroy(NULL);
	umd_dma_space_destroy(space);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handler_for_sigbus_is_installed_for_those_who_want_it),
		TEST(test_reader_inside_finds_what_is_mapped_meanwhile),
		TEST(test_memory_found_stays_while_another_takes_its_place),
		TEST(test_all_of_a_range_must_allow_all_that_is_asked_for),
		TEST(test_readers_do_not_disturb_each_other),
		TEST(test_mark_of_a_write_needs_no_log),
		TEST(test_end_of_the_last_use_is_told_after_a_no),
		TEST(test_each_no_is_told_of_anew),
		TEST(test_space_without_readers_is_quiet),
	};

	return cmocka_run_group_tests_name("dma_reader", tests, NULL, NULL);
}
