/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies to and from a space: across maps, files and directions, against a plain array; and what is
 * not there, not allowed or gone is an error, never a signal.
 */
#include "dma_fixture.h"

#define TOP UINT64_C(0xfffffffffffff000) /* the last page */

static struct umd_dma_space space;
static uint8_t buffer[64 * PAGE], expected[64 * PAGE];

static int setup(void **state)
{
	init_space(&space);
	memset(buffer, 0, sizeof(buffer));
	return 0;
}

static int teardown(void **state)
{
	finish_space(&space);
	return 0;
}

static void map(uint64_t iova, uint64_t size, uint32_t prot, int fd, uint64_t offset)
{
	assert_int_equal(umd_dma_space_map_fd(&space, iova, size, prot, fd, offset), 0);
}

static int read_at(uint64_t iova, size_t size)
{
	return umd_dma_space_read(&space, iova, buffer, size);
}

static int write_at(uint64_t iova, size_t size)
{
	return umd_dma_space_write(&space, iova, buffer, size);
}

static void fill(uint8_t *to, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)unit_random(&seed);
}

/* ---- Copies -------------------------------------------------------------------------------- */

static void test_copy_reaches_the_bytes_at_the_maps_offset(void **state)
{
	int fd = make_file(8 * PAGE);

	map(16 * PAGE, 2 * PAGE, READ_WRITE, fd, 3 * PAGE);
	assert_int_equal(pwrite(fd, "there", 5, 3 * PAGE + 100), 5);
	assert_int_equal(read_at(16 * PAGE + 100, 5), 0);
	assert_memory_equal(buffer, "there", 5);

	memcpy(buffer, "back!", 5);
	assert_int_equal(write_at(18 * PAGE - 5, 5), 0);
	memset(buffer, 0, 5);
	assert_int_equal(pread(fd, buffer, 5, 5 * PAGE - 5), 5);
	assert_memory_equal(buffer, "back!", 5);
	close(fd);
}

static void test_copy_of_nothing_succeeds_anywhere(void **state)
{
	assert_int_equal(read_at(0, 0), 0);
	assert_int_equal(write_at(UINT64_MAX, 0), 0);
	assert_int_equal(read_at(12345, 0), 0);
}

/* 64 maps of one page, each another page of the file, in reverse order. */
static void map_in_reverse(int fd, uint64_t iova)
{
	for (uint64_t i = 0; i < 64; i++)
		map(iova + i * PAGE, PAGE, READ_WRITE, fd, (63 - i) * PAGE);
}

static void test_copy_spans_more_maps_than_go_into_one_call(void **state)
{
	int fd = make_file(64 * PAGE);

	map_in_reverse(fd, TOP - 63 * PAGE);
	fill(expected, sizeof(expected), 1);
	memcpy(buffer, expected, sizeof(buffer));
	assert_int_equal(write_at(TOP - 63 * PAGE, sizeof(buffer)), 0);
	memset(buffer, 0, sizeof(buffer));
	assert_int_equal(read_at(TOP - 63 * PAGE, sizeof(buffer)), 0);
	assert_memory_equal(buffer, expected, sizeof(buffer));
	for (uint64_t i = 0; i < 64; i++) {
		assert_int_equal(pread(fd, buffer, PAGE, (off_t)((63 - i) * PAGE)), PAGE);
		assert_memory_equal(buffer, &expected[i * PAGE], PAGE);
	}
	close(fd);
}

static void test_copy_spans_files(void **state)
{
	int a = make_file(PAGE), b = make_file(PAGE), c = reopen(a, O_RDONLY);

	map(0, PAGE, READ_WRITE, a, 0);
	map(PAGE, PAGE, READ_WRITE, b, 0);
	map(2 * PAGE, PAGE, READ, c, 0);
	fill(buffer, 2 * PAGE, 2);
	memcpy(expected, buffer, 2 * PAGE);
	assert_int_equal(write_at(0, 2 * PAGE), 0);
	assert_int_equal(read_at(100, 3 * PAGE - 100), 0);
	assert_memory_equal(buffer, &expected[100], 2 * PAGE - 100);
	assert_memory_equal(&buffer[2 * PAGE - 100], expected, PAGE);
	close(a);
	close(b);
	close(c);
}

/* Much memory, all of which is one small file. */
static uint8_t *map_repeated(int fd, size_t file, size_t times)
{
	uint8_t *base = mmap(NULL, file * times, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(base != MAP_FAILED);
	for (size_t i = 0; i < times; i++) {
		assert_true(mmap(base + i * file, file, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	}
	return base;
}

/* More than the kernel moves with one call, within as many maps as go into one. */
static void test_copy_of_gigabytes_is_made_in_pieces(void **state)
{
	const size_t file = (size_t)130 << 20, times = 16, part = (size_t)1 << 20;
	int fd = make_file(file), local = make_file(part);
	uint8_t *to = map_repeated(local, part, file * times / part);

	for (uint64_t i = 0; i < times; i++)
		map(i * file, file, READ_WRITE, fd, 0);
	assert_int_equal(pwrite(fd, "end", 3, (off_t)(file - 3)), 3);
	assert_int_equal(umd_dma_space_read(&space, 0, to, file * times), 0);
	assert_memory_equal(to + file * times - 3, "end", 3);
	munmap(to, file * times);
	close(fd);
	close(local);
}

/* ---- Errors -------------------------------------------------------------------------------- */

static void test_what_is_not_mapped_is_a_fault(void **state)
{
	int fd = make_file(4 * PAGE);

	assert_int_equal(read_at(0, 1), -EFAULT);
	map(4 * PAGE, PAGE, READ_WRITE, fd, 0);
	map(6 * PAGE, PAGE, READ_WRITE, fd, PAGE);
	assert_int_equal(read_at(4 * PAGE, PAGE), 0);
	assert_int_equal(read_at(4 * PAGE - 1, 1), -EFAULT);
	assert_int_equal(read_at(4 * PAGE - 1, 2), -EFAULT);
	assert_int_equal(read_at(5 * PAGE, 1), -EFAULT);
	assert_int_equal(read_at(5 * PAGE - 1, 2), -EFAULT);
	assert_int_equal(write_at(4 * PAGE, 3 * PAGE), -EFAULT);
	assert_int_equal(read_at(7 * PAGE - 1, 2), -EFAULT);
	close(fd);
}

static void test_copy_does_not_wrap_around_the_address_space(void **state)
{
	int fd = make_file(PAGE);

	map(TOP, PAGE, READ_WRITE, fd, 0);
	map(0, PAGE, READ_WRITE, fd, 0);
	assert_int_equal(read_at(UINT64_MAX, 1), 0);
	assert_int_equal(read_at(TOP, PAGE), 0);
	assert_int_equal(read_at(UINT64_MAX, 2), -EFAULT);
	assert_int_equal(write_at(TOP, PAGE + 1), -EFAULT);
	assert_int_equal(umd_dma_space_read(&space, PAGE, buffer, SIZE_MAX), -EFAULT);
	close(fd);
}

static void test_direction_is_the_maps(void **state)
{
	int fd = make_file(2 * PAGE);

	map(0, PAGE, READ, fd, 0);
	map(PAGE, PAGE, WRITE, fd, PAGE);
	assert_int_equal(read_at(0, PAGE), 0);
	assert_int_equal(write_at(0, 1), -EFAULT);
	assert_int_equal(write_at(PAGE, PAGE), 0);
	assert_int_equal(read_at(PAGE, 1), -EFAULT);
	assert_int_equal(read_at(PAGE - 1, 2), -EFAULT);
	assert_int_equal(write_at(PAGE - 1, 2), -EFAULT);
	close(fd);
}

static void test_memory_without_a_file_is_remote(void **state)
{
	int fd = make_file(PAGE);

	map(0, PAGE, READ_WRITE, fd, 0);
	map(PAGE, PAGE, READ, -1, 0);
	assert_int_equal(read_at(PAGE, 1), -EREMOTE);
	assert_int_equal(read_at(0, 2 * PAGE), -EREMOTE);
	assert_int_equal(write_at(PAGE, 1), -EFAULT);
	close(fd);
}

static void test_memory_in_a_file_that_cannot_be_mapped_is_remote(void **state)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	map(0, PAGE, READ_WRITE, fd, 0);
	assert_int_equal(read_at(0, 1), -EREMOTE);
	close(fd);
}

static void test_memory_that_was_cut_off_is_a_fault_and_no_signal(void **state)
{
	int fd = make_file(4 * PAGE);

	map(0, 4 * PAGE, READ_WRITE, fd, 0);
	assert_int_equal(write_at(0, 4 * PAGE), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(read_at(0, PAGE), 0);
	assert_int_equal(read_at(PAGE, 1), -EFAULT);
	assert_int_equal(write_at(4 * PAGE - 1, 1), -EFAULT);
	assert_int_equal(read_at(0, 4 * PAGE), -EFAULT);
	assert_int_equal(write_at(PAGE - 1, 2), -EFAULT);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(read_at(0, 1), -EFAULT);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_int_equal(read_at(0, 4 * PAGE), 0);
	close(fd);
}

static void test_memory_that_never_was_is_a_fault_and_no_signal(void **state)
{
	int fd = make_file(0);

	map(0, PAGE, READ_WRITE, fd, 64 * PAGE);
	assert_int_equal(read_at(0, 1), -EFAULT);
	assert_int_equal(write_at(0, PAGE), -EFAULT);
	close(fd);
}

static void test_file_that_grew_is_reached_by_its_next_map(void **state)
{
	int fd = make_file(PAGE);

	map(0, PAGE, READ_WRITE, fd, 0);
	assert_int_equal(ftruncate(fd, 8 * PAGE), 0);
	assert_int_equal(pwrite(fd, "new", 3, 7 * PAGE), 3);
	map(PAGE, PAGE, READ_WRITE, fd, 7 * PAGE);
	assert_int_equal(read_at(PAGE - 1, 4), 0);
	assert_memory_equal(&buffer[1], "new", 3);
	close(fd);
}

static void test_unmapped_memory_is_out_of_sight_at_once(void **state)
{
	int fd = make_file(PAGE);

	map(0, PAGE, READ_WRITE, fd, 0);
	assert_int_equal(read_at(0, 1), 0);
	assert_int_equal(umd_dma_space_unmap(&space, 0, PAGE), 0);
	assert_int_equal(read_at(0, 1), -EFAULT);
	close(fd);
}

/* ---- Any copies ---------------------------------------------------------------------------- */

#define PAGES 64u

/* Where in the file each page of the space lies. */
static uint8_t pages[PAGES];

/* Maps every page of the space to some page of one of two files; a page may lie in several. */
static void map_at_random(uint64_t *seed, const int *fds)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		pages[i] = (uint8_t)unit_below(seed, 2 * PAGES);
		map(i * PAGE, PAGE, READ_WRITE, fds[pages[i] / PAGES], pages[i] % PAGES * PAGE);
	}
}

static long run_copies(uint64_t seed)
{
	static uint8_t model[2 * PAGES * PAGE];
	int fds[2] = {make_file(PAGES * PAGE), make_file(PAGES * PAGE)};
	long wrong = -1;

	memset(model, 0, sizeof(model));
	map_at_random(&seed, fds);
	for (long step = 0; step < 1000 && wrong < 0; step++) {
		size_t at = unit_below(&seed, PAGES * PAGE);
		size_t most = unit_below(&seed, 4) ? 3 * PAGE : PAGES * PAGE;
		size_t size =
			unit_below(&seed, PAGES * PAGE - at < most ? PAGES * PAGE - at : most);
		bool writes = unit_below(&seed, 2);

		if (writes)
			fill(buffer, size, seed);
		if (writes ? write_at(at, size) : read_at(at, size))
			wrong = step;
		for (size_t i = 0; i < size; i++) {
			uint8_t *byte = &model[pages[(at + i) / PAGE] * PAGE + (at + i) % PAGE];

			if (writes)
				*byte = buffer[i];
			else if (*byte != buffer[i])
				wrong = step;
		}
	}
	umd_dma_space_unmap_all(&space);
	close(fds[0]);
	close(fds[1]);
	return wrong;
}

static void test_copies_move_the_bytes_that_an_array_would(void **state)
{
	unit_run_seeds(run_copies);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_copy_reaches_the_bytes_at_the_maps_offset),
		TEST(test_copy_of_nothing_succeeds_anywhere),
		TEST(test_copy_spans_more_maps_than_go_into_one_call),
		TEST(test_copy_spans_files),
		TEST(test_copy_of_gigabytes_is_made_in_pieces),
		TEST(test_what_is_not_mapped_is_a_fault),
		TEST(test_copy_does_not_wrap_around_the_address_space),
		TEST(test_direction_is_the_maps),
		TEST(test_memory_without_a_file_is_remote),
		TEST(test_memory_in_a_file_that_cannot_be_mapped_is_remote),
		TEST(test_memory_that_was_cut_off_is_a_fault_and_no_signal),
		TEST(test_memory_that_never_was_is_a_fault_and_no_signal),
		TEST(test_file_that_grew_is_reached_by_its_next_map),
		TEST(test_unmapped_memory_is_out_of_sight_at_once),
		TEST(test_copies_move_the_bytes_that_an_array_would),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("dma_copy", tests, NULL, NULL);
}
