/* SPDX-License-Identifier: BSD-2-Clause */
/* Spaces of their own: how they are made, changes many at a time, and limits. */
#include "dma_changes.h"

#include <sys/socket.h>

#define PAGES UINT64_C(0x10000000000000) /* of the address space */
#define CROWD 640u

static struct umd_dma_space *space;
static int fd;

static void make_space(uint32_t max_maps, uint64_t max_mapped, uint64_t max_pinned)
{
	const struct umd_dma_space_options options = {.size = sizeof(options),
						      .owner = 5,
						      .max_maps = max_maps,
						      .max_mapped_bytes = max_mapped,
						      .max_pinned_bytes = max_pinned};

	umd_dma_space_destroy(space);
	assert_int_equal(umd_dma_space_create(&options, &space), 0);
}

static int setup(void **state)
{
	const uint8_t bytes[] = {10, 11, 12, 13, 14, 15, 16, 17};

	fd = make_file(sizeof(bytes) * PAGE);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(pwrite(fd, &bytes[i], 1, (off_t)i * PAGE), 1);
	make_space(0, 0, 0);
	return 0;
}

static int teardown(void **state)
{
	umd_dma_space_destroy(space);
	space = NULL;
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
	return 0;
}

static int map(uint64_t page, uint64_t pages)
{
	return dma_change(space, dma_map(page, pages, READ_WRITE, fd, 0));
}

/* ---- Spaces -------------------------------------------------------------------------------- */

static void test_options_that_make_no_sense_are_refused(void **state)
{
	struct umd_dma_space_options options = {.size = sizeof(options) - 1};
	struct umd_dma_space *none = NULL;

	assert_int_equal(umd_dma_space_create(&options, &none), -EINVAL);
	options.size = sizeof(options);
	options.max_maps = 65536;
	assert_int_equal(umd_dma_space_create(&options, &none), -EINVAL);
	assert_null(none);
	umd_dma_space_destroy(NULL);
}

static void test_space_keeps_its_owner(void **state)
{
	assert_int_equal(umd_dma_space_owner(space), 5);
}

static void test_maps_of_an_owner_grant_what_requests_with_its_tag_ask_for(void **state)
{
	const struct umd_dma_space_options options = {.size = sizeof(options),
						      .owner = UMD_DMA_NO_OWNER};
	struct umd_dma_space *plain;

	assert_int_equal(dma_change(space, dma_map(0, 1, READ | UMD_DMA_EXECUTE, fd, 0)), 0);
	assert_int_equal(dma_change(space, dma_map(1, 1, WRITE | UMD_DMA_PRIVILEGED, fd, 0)), 0);
	assert_int_equal(dma_change(space, dma_map(2, 1, UMD_DMA_EXECUTE, fd, 0)), -EINVAL);
	assert_int_equal(dma_change(space, dma_map(2, 1, READ | 16, fd, 0)), -EINVAL);
	assert_int_equal(umd_dma_space_create(&options, &plain), 0);
	assert_int_equal(dma_change(plain, dma_map(0, 1, READ | UMD_DMA_EXECUTE, fd, 0)), -EINVAL);
	assert_int_equal(dma_change(plain, dma_map(0, 1, READ, fd, 0)), 0);
	umd_dma_space_destroy(plain);
}

/* ---- Batches ------------------------------------------------------------------------------- */

static void test_changes_are_made_in_their_order(void **state)
{
	const struct umd_dma_change changes[] = {
		dma_map(0, 2, READ, fd, 0), dma_unmap(0, 2),
		dma_map(0, 1, READ, fd, 3), dma_map(1, 1, READ, fd, 4),
		dma_map(2, 1, READ, fd, 5), dma_unmap(1, 1),
	};
	size_t done = 100;

	assert_int_equal(umd_dma_space_change(space, changes, UNIT_COUNT(changes), &done), 0);
	assert_int_equal(done, UNIT_COUNT(changes));
	assert_int_equal(dma_byte(space, 0), 13);
	assert_int_equal(dma_byte(space, PAGE), -1);
	assert_int_equal(dma_byte(space, 2 * PAGE), 15);
}

static void test_changes_end_with_the_first_that_fails(void **state)
{
	const struct umd_dma_change changes[] = {
		dma_map(0, 2, READ, fd, 0),
		dma_unmap(0, 1), /* would cut it */
		dma_unmap(0, 2),
	};
	size_t done = 100;

	assert_int_equal(umd_dma_space_change(space, changes, UNIT_COUNT(changes), &done), -EINVAL);
	assert_int_equal(done, 1);
	assert_int_equal(dma_byte(space, PAGE), 11);
	assert_int_equal(umd_dma_space_change(space, changes, 1, &done), -EEXIST);
	assert_int_equal(done, 0);
}

static void test_changes_need_not_be_counted_or_be_any(void **state)
{
	const struct umd_dma_change change = dma_map(0, 1, READ, fd, 0);
	size_t done = 100;

	assert_int_equal(umd_dma_space_change(space, &change, 1, NULL), 0);
	assert_int_equal(umd_dma_space_change(space, &change, 1, NULL), -EEXIST);
	assert_int_equal(umd_dma_space_change(space, NULL, 0, &done), 0);
	assert_int_equal(done, 0);
}

static void test_unmap_of_0_and_0_is_of_everything(void **state)
{
	assert_int_equal(map(0, 1), 0);
	assert_int_equal(map(7, 100), 0);
	assert_int_equal(map(PAGES - 1, 1), 0);
	assert_int_equal(dma_change(space, dma_unmap(1, 0)), -EINVAL);
	assert_int_equal(dma_byte(space, UINT64_MAX), 0);
	assert_int_equal(dma_change(space, dma_unmap(0, 0)), 0);
	assert_int_equal(dma_byte(space, 0), -1);
	assert_int_equal(dma_byte(space, 7 * PAGE), -1);
	assert_int_equal(dma_byte(space, UINT64_MAX), -1);
	assert_int_equal(dma_change(space, dma_unmap(0, 0)), 0);
}

static void test_unmap_looks_at_nothing_but_its_range(void **state)
{
	struct umd_dma_change change = dma_unmap(0, 1);

	assert_int_equal(map(0, 1), 0);
	change.prot = UINT32_MAX;
	change.kind = UMD_DMA_KINDS;
	change.fd = -1;
	change.offset = 1;
	assert_int_equal(dma_change(space, change), 0);
	assert_int_equal(dma_byte(space, 0), -1);
}

/* ---- Kinds --------------------------------------------------------------------------------- */

static void test_kinds_that_there_are_not_are_refused(void **state)
{
	struct umd_dma_change change = dma_map(0, 1, READ, fd, 0);

	change.kind = UMD_DMA_KINDS;
	assert_int_equal(dma_change(space, change), -EINVAL);
	change.kind = (enum umd_dma_kind) - 1;
	assert_int_equal(dma_change(space, change), -EINVAL);
}

static void test_memory_by_address_is_reached_where_it_is(void **state)
{
	static uint8_t memory[2 * PAGE];
	const uint8_t byte = 77;

	memory[PAGE] = 7;
	assert_int_equal(dma_change(space, dma_map_address(3, 2, memory)), 0);
	assert_int_equal(dma_byte(space, 4 * PAGE), 7);
	assert_int_equal(umd_dma_space_write(space, 5 * PAGE - 1, &byte, 1), 0);
	assert_int_equal(memory[2 * PAGE - 1], 77);
}

static void test_addresses_that_are_none_are_refused(void **state)
{
	assert_int_equal(dma_change(space, dma_map_address(0, 1, NULL)), -EINVAL);
	assert_int_equal(dma_change(space, dma_map_address(0, PAGES - 1, &space)), -EOVERFLOW);
	assert_int_equal(dma_byte(space, 0), -1);
}

static void test_memory_by_message_is_out_of_reach_here(void **state)
{
	uint8_t byte = 1;

	assert_int_equal(dma_change(space, dma_map_message(0, PAGES - 1)), 0);
	assert_int_equal(umd_dma_space_read(space, PAGE, &byte, 1), -EREMOTE);
	assert_int_equal(umd_dma_space_write(space, PAGE, &byte, 1), -EREMOTE);
	assert_int_equal(umd_dma_space_read(space, UINT64_MAX, &byte, 1), -EFAULT);
}

static void test_fd_that_is_no_shared_memory_is_refused(void **state)
{
	int fds[] = {socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		     open("/dev/null", O_RDWR | O_CLOEXEC), open("/proc/self", O_PATH | O_CLOEXEC),
		     -1};

	for (size_t i = 0; i < UNIT_COUNT(fds); i++) {
		assert_int_equal(dma_change(space, dma_map(0, 1, READ, fds[i], 0)), -EMEDIUMTYPE);
		assert_int_equal(dma_byte(space, 0), -1);
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void test_fd_stays_the_callers(void **state)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	assert_int_equal(dma_change(space, dma_map(0, 1, READ, copy, 1)), 0);
	assert_int_equal(close(copy), 0);
	assert_int_equal(dma_byte(space, 0), 11);
}

/* ---- Limits -------------------------------------------------------------------------------- */

static void test_maps_are_no_more_than_allowed(void **state)
{
	make_space(2, 0, 0);
	assert_int_equal(map(0, 1), 0);
	assert_int_equal(map(1, 1), 0);
	assert_int_equal(map(2, 1), -ENOSPC);
	assert_int_equal(dma_change(space, dma_unmap(0, 1)), 0);
	assert_int_equal(map(2, 1), 0);
}

static void test_memory_mapped_is_no_more_than_allowed(void **state)
{
	make_space(0, 3 * PAGE + 100, 0);
	assert_int_equal(map(0, 4), -ENOMEM);
	assert_int_equal(map(0, 2), 0);
	assert_int_equal(dma_change(space, dma_map_message(8, 2)), -ENOMEM);
	assert_int_equal(dma_change(space, dma_map_message(8, 1)), 0);
	assert_int_equal(map(20, 1), -ENOMEM);
	assert_int_equal(dma_change(space, dma_unmap(0, 0)), 0);
	assert_int_equal(map(0, 3), 0);
}

static void test_memory_pinned_is_no_more_than_allowed(void **state)
{
	struct umd_dma_segment first[2], second;
	struct umd_dma_reader *reader;

	make_space(0, 0, 1000);
	assert_int_equal(umd_dma_reader_create(space, 0, &reader), 0);
	assert_int_equal(map(0, 1), 0);
	assert_int_equal(map(1, 1), 0);
	assert_int_equal(umd_dma_pin(reader, 0, 1001, READ, first, 2), -ENOMEM);
	assert_int_equal(umd_dma_pin(reader, 2 * PAGE, 1000, READ, first, 2), -EFAULT);
	assert_int_equal(umd_dma_pin(reader, PAGE - 400, 1000, READ, first, 2), 2);
	assert_int_equal(umd_dma_pin(reader, 0, 1, READ, &second, 1), -ENOMEM);
	umd_dma_unpin(first, 1);
	assert_int_equal(umd_dma_pin(reader, 0, 401, READ, &second, 1), -ENOMEM);
	assert_int_equal(umd_dma_pin(reader, 0, 400, READ, &second, 1), 1);
	umd_dma_unpin(&second, 1);
	umd_dma_unpin(&first[1], 1);
	assert_int_equal(umd_dma_pin(reader, 0, 1000, READ, first, 2), 1);
	umd_dma_unpin(first, 1);
	umd_dma_reader_destroy(reader);
}

/* ---- Many maps ----------------------------------------------------------------------------- */

/* A crowd begins with the address space, and one ends with it. */
static uint64_t crowd_page(uint64_t i)
{
	return i < CROWD ? 2 * i : PAGES - 1 - 2 * (2 * CROWD - 1 - i);
}

static void test_maps_at_both_ends_of_the_address_space_are_found(void **state)
{
	for (uint64_t i = 0; i < 2 * CROWD; i++)
		assert_int_equal(dma_change(space, dma_map(crowd_page(i), 1, READ, fd, i % 8)), 0);
	for (uint64_t i = 0; i < 2 * CROWD; i++) {
		assert_int_equal(dma_byte(space, crowd_page(i) * PAGE), 10 + i % 8);
		assert_int_equal(dma_byte(space, (crowd_page(i) ^ 1) * PAGE), -1);
		assert_int_equal(map(crowd_page(i), 1), -EEXIST);
	}
	for (uint64_t i = 0; i < 2 * CROWD; i++) {
		assert_int_equal(dma_change(space, dma_unmap(crowd_page(i), 1)), 0);
		assert_int_equal(dma_byte(space, crowd_page(i) * PAGE), -1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_options_that_make_no_sense_are_refused),
		TEST(test_space_keeps_its_owner),
		TEST(test_maps_of_an_owner_grant_what_requests_with_its_tag_ask_for),
		TEST(test_changes_are_made_in_their_order),
		TEST(test_changes_end_with_the_first_that_fails),
		TEST(test_changes_need_not_be_counted_or_be_any),
		TEST(test_unmap_of_0_and_0_is_of_everything),
		TEST(test_unmap_looks_at_nothing_but_its_range),
		TEST(test_kinds_that_there_are_not_are_refused),
		TEST(test_memory_by_address_is_reached_where_it_is),
		TEST(test_addresses_that_are_none_are_refused),
		TEST(test_memory_by_message_is_out_of_reach_here),
		TEST(test_fd_that_is_no_shared_memory_is_refused),
		TEST(test_fd_stays_the_callers),
		TEST(test_maps_are_no_more_than_allowed),
		TEST(test_memory_mapped_is_no_more_than_allowed),
		TEST(test_memory_pinned_is_no_more_than_allowed),
		TEST(test_maps_at_both_ends_of_the_address_space_are_found),
	};

	return cmocka_run_group_tests_name("dma_change", tests, NULL, NULL);
}
