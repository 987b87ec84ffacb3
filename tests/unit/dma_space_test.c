/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of mapping and unmapping, which are type1 v2's, up to the last byte of the address
 * space; and the space against a model that knows each page.
 */
#include "dma_fixture.h"

#define TOP UINT64_C(0xfffffffffffff000) /* the last page */

static struct umd_dma_space space;

static int setup(void **state)
{
	init_space(&space);
	return 0;
}

static int teardown(void **state)
{
	finish_space(&space);
	return 0;
}

static int map(uint64_t iova, uint64_t size)
{
	return umd_dma_space_map_fd(&space, iova, size, READ_WRITE, -1, 0);
}

static int unmap(uint64_t iova, uint64_t size)
{
	return umd_dma_space_unmap(&space, iova, size);
}

/* ---- Mapping ------------------------------------------------------------------------------- */

static void test_ranges_that_cannot_be_mapped(void **state)
{
	static const struct {
		uint64_t iova, size;
		int err;
	} rows[] = {
		{0, 0, -EINVAL},
		{PAGE, 0, -EINVAL},
		{1, PAGE, -EINVAL},
		{PAGE / 2, PAGE, -EINVAL},
		{0, 1, -EINVAL},
		{0, PAGE + 1, -EINVAL},
		{0, PAGE - 1, -EINVAL},
		{UINT64_MAX, PAGE, -EINVAL},
		{0, UINT64_MAX, -EINVAL},
		{TOP, 2 * PAGE, -EOVERFLOW},
		{PAGE, TOP + 0, 0},
		{2 * PAGE, TOP, -EOVERFLOW},
		{UINT64_C(1) << 63, (UINT64_C(1) << 63) + PAGE, -EOVERFLOW},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_int_equal(map(rows[i].iova, rows[i].size), rows[i].err);
		assert_int_equal(space.table.count, rows[i].err == 0);
		assert_int_equal(unmap(rows[i].iova, rows[i].size), rows[i].err);
		assert_int_equal(space.table.count, 0);
	}
}

static void test_map_reads_or_writes_and_nothing_else(void **state)
{
	static const uint32_t bad[] = {0, 4, 8, READ | 4, 1u << 31, UINT32_MAX};

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, bad[i], -1, 0), -EINVAL);
	for (uint32_t prot = 1; prot <= 3; prot++)
		assert_int_equal(umd_dma_space_map_fd(&space, prot * PAGE, PAGE, prot, -1, 0), 0);
}

static void test_maps_never_overlap(void **state)
{
	static const struct {
		uint64_t iova, size; /* in pages; the map is [8, 12) */
		int err;
	} rows[] = {
		{8, 4, -EEXIST}, {8, 1, -EEXIST},  {11, 1, -EEXIST},  {9, 2, -EEXIST},
		{7, 2, -EEXIST}, {11, 2, -EEXIST}, {0, 100, -EEXIST}, {7, 6, -EEXIST},
		{7, 1, 0},	 {12, 1, 0},	   {0, 7, 0},	      {13, 1 << 20, 0},
	};

	assert_int_equal(map(8 * PAGE, 4 * PAGE), 0);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(map(rows[i].iova * PAGE, rows[i].size * PAGE), rows[i].err);
	assert_int_equal(space.table.count, 5);
}

static void test_map_at_the_top_of_the_address_space(void **state)
{
	assert_int_equal(map(TOP, PAGE), 0);
	assert_int_equal(map(TOP, PAGE), -EEXIST);
	assert_int_equal(map(0, TOP + PAGE - PAGE), 0);
	assert_int_equal(map(TOP - PAGE, PAGE), -EEXIST);
	assert_int_equal(unmap(TOP, PAGE), 0);
	assert_int_equal(map(TOP, PAGE), 0);
	assert_int_equal(unmap(TOP - PAGE, 2 * PAGE), -EINVAL);
	assert_int_equal(space.table.count, 2);
}

static void test_maps_are_counted(void **state)
{
	space.max_maps = 3;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(map(i * PAGE, PAGE), 0);
	assert_int_equal(map(3 * PAGE, PAGE), -ENOSPC);
	assert_int_equal(map(2 * PAGE, PAGE), -EEXIST);
	assert_int_equal(unmap(PAGE, PAGE), 0);
	assert_int_equal(map(3 * PAGE, PAGE), 0);
	space.max_maps = 0;
	assert_int_equal(map(9 * PAGE, PAGE), -ENOSPC);
}

static void test_space_of_a_new_client_takes_the_most_maps(void **state)
{
	for (uint64_t i = 0; i < UMD_DMA_MAPS_MAX; i++)
		assert_int_equal(map(i * PAGE, PAGE), 0);
	assert_int_equal(map(TOP, PAGE), -ENOSPC);
	assert_int_equal(unmap(0, UMD_DMA_MAPS_MAX * (uint64_t)PAGE), 0);
	assert_int_equal(space.table.count, 0);
}

/* ---- Memory behind a map ------------------------------------------------------------------- */

static void test_offsets_that_no_file_has(void **state)
{
	int fd = make_file(PAGE);

	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, 1), -EINVAL);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, UINT64_MAX), -EINVAL);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, TOP), -EOVERFLOW);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, TOP - PAGE), -EOVERFLOW);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, INT64_MAX - PAGE + 1),
			 -EOVERFLOW);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, TOP, READ, fd, 0), -EOVERFLOW);
	assert_int_equal(space.table.count, 0);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
}

/* A sparse file costs nothing, but this process has fewer addresses than that. */
static void test_file_beyond_what_can_be_mapped_is_refused(void **state)
{
	int fd = make_file(PAGE);
	const uint64_t most = (uint64_t)INT64_MAX / PAGE * PAGE;

	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, most - PAGE), -ENOMEM);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, UINT64_C(1) << 60, READ, fd, 0), -ENOMEM);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, 0), 0);
	assert_int_equal(space.table.count, 1);
	close(fd);
}

static void test_offset_without_a_file_means_nothing(void **state)
{
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, -1, 12345), 0);
}

static void test_map_that_writes_needs_an_fd_that_can(void **state)
{
	int fd = make_file(PAGE), reads = reopen(fd, O_RDONLY);

	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ_WRITE, reads, 0), -EACCES);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, WRITE, reads, 0), -EACCES);
	assert_int_equal(space.table.count, 0);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, reads, 0), 0);
	close(fd);
	close(reads);
}

static void test_refused_map_keeps_no_file(void **state)
{
	int fd = make_file(PAGE);

	assert_int_equal(map(0, PAGE), 0);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, 0), -EEXIST);
	space.max_maps = 1;
	assert_int_equal(umd_dma_space_map_fd(&space, PAGE, PAGE, READ, fd, 0), -ENOSPC);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
}

static void test_map_beyond_the_budget_is_refused_and_an_unmap_gives_back(void **state)
{
	limit_space(&space, 11 * PAGE - 1);
	assert_int_equal(map(0, 11 * PAGE), -ENOMEM);
	assert_int_equal(map(0, TOP), -ENOMEM);
	assert_int_equal(map(0, 4 * PAGE), 0);
	assert_int_equal(map(4 * PAGE, 6 * PAGE), 0);
	assert_int_equal(map(TOP, PAGE), -ENOMEM);
	assert_int_equal(map(0, PAGE), -EEXIST);
	assert_int_equal(unmap(4 * PAGE, 6 * PAGE), 0);
	assert_int_equal(map(TOP - 6 * PAGE, 7 * PAGE), -ENOMEM);
	assert_int_equal(map(TOP - 5 * PAGE, 6 * PAGE), 0);
	umd_dma_space_unmap_all(&space);
	assert_int_equal(map(0, 10 * PAGE), 0);
	umd_dma_space_reset(&space);
	assert_int_equal(map(0, 11 * PAGE), -ENOMEM);
	assert_int_equal(map(0, 10 * PAGE), 0);
}

static void test_map_that_fails_takes_nothing_from_the_budget(void **state)
{
	int fd = make_file(PAGE), reads = reopen(fd, O_RDONLY);

	limit_space(&space, 2 * PAGE);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, 2 * PAGE, READ, fd, 1), -EINVAL);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, 2 * PAGE, WRITE, reads, 0), -EACCES);
	assert_int_equal(map(0, 2 * PAGE), 0);
	close(fd);
	close(reads);
}

static void test_without_a_budget_the_whole_address_space_can_be_mapped(void **state)
{
	limit_space(&space, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(map(0, TOP), 0);
		assert_int_equal(map(TOP, PAGE), 0);
		assert_int_equal(unmap(0, TOP), 0);
		umd_dma_space_unmap_all(&space);
	}
}

static void test_reset_leaves_nothing(void **state)
{
	int fd = make_file(16 * PAGE), fds = unit_count_fds();

	for (uint64_t i = 0; i < 16; i++)
		assert_int_equal(umd_dma_space_map_fd(&space, i * PAGE, PAGE, READ, fd, i * PAGE),
				 0);
	space.max_maps = 2;
	umd_dma_space_reset(&space);
	assert_int_equal(count_mappings(fd), 0);
	assert_int_equal(unit_count_fds(), fds);
	assert_int_equal(space.max_maps, UMD_DMA_MAPS_MAX);
	assert_int_equal(map(0, PAGE), 0);
	close(fd);
}

/* ---- Unmapping ----------------------------------------------------------------------------- */

static void test_unmap_of_nothing_succeeds(void **state)
{
	assert_int_equal(unmap(0, PAGE), 0);
	assert_int_equal(unmap(0, TOP), 0);
	assert_int_equal(unmap(TOP, PAGE), 0);
	assert_int_equal(map(4 * PAGE, PAGE), 0);
	assert_int_equal(unmap(0, 4 * PAGE), 0);
	assert_int_equal(unmap(5 * PAGE, 4 * PAGE), 0);
	assert_int_equal(space.table.count, 1);
}

static void test_unmap_may_cover_many_maps_and_holes(void **state)
{
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(map(i * 2 * PAGE, PAGE), 0);
	assert_int_equal(unmap(100 * PAGE, 1000 * PAGE), 0);
	assert_int_equal(space.table.count, 500);
	assert_int_equal(unmap(0, UINT64_C(1) << 40), 0);
	assert_int_equal(space.table.count, 0);
}

static void test_unmap_never_cuts_a_map(void **state)
{
	static const struct {
		uint64_t iova, size; /* in pages; the maps are [8, 12) and [14, 16) */
	} rows[] = {
		{8, 1},	 {8, 3}, {9, 3},  {9, 1},   {11, 1}, {7, 2},  {0, 11},
		{11, 5}, {8, 7}, {15, 1}, {9, 100}, {0, 15}, {11, 4},
	};

	assert_int_equal(map(8 * PAGE, 4 * PAGE), 0);
	assert_int_equal(map(14 * PAGE, 2 * PAGE), 0);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_int_equal(unmap(rows[i].iova * PAGE, rows[i].size * PAGE), -EINVAL);
		assert_int_equal(space.table.count, 2);
	}
	assert_int_equal(unmap(7 * PAGE, 9 * PAGE), 0);
	assert_int_equal(space.table.count, 0);
}

static void test_unmap_all(void **state)
{
	umd_dma_space_unmap_all(&space);
	assert_int_equal(map(0, PAGE), 0);
	assert_int_equal(map(PAGE, TOP - PAGE), 0);
	assert_int_equal(map(TOP, PAGE), 0);
	umd_dma_space_unmap_all(&space);
	assert_int_equal(space.table.count, 0);
	assert_int_equal(map(0, TOP), 0);
}

/* ---- The model ----------------------------------------------------------------------------- */

#define PAGES 256u

/* For each page, the first page of the map it is in plus one; 0: none. */
static uint16_t model[PAGES];

static int model_map(uint64_t page, uint64_t pages)
{
	for (uint64_t i = page; i < page + pages; i++) {
		if (model[i])
			return -EEXIST;
	}
	for (uint64_t i = page; i < page + pages; i++)
		model[i] = (uint16_t)(page + 1);
	return 0;
}

static bool is_cut_at(uint64_t page)
{
	return page && page < PAGES && model[page] && model[page] == model[page - 1];
}

static int model_unmap(uint64_t page, uint64_t pages)
{
	if (is_cut_at(page) || is_cut_at(page + pages))
		return -EINVAL;
	memset(&model[page], 0, pages * sizeof(*model));
	return 0;
}

static size_t model_count(void)
{
	size_t count = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		count += model[i] && !is_cut_at(i);
	return count;
}

/* The pages end with the address space. */
static long run_model(uint64_t seed)
{
	const uint64_t base = TOP - (PAGES - 1) * (uint64_t)PAGE;

	teardown(NULL);
	setup(NULL);
	memset(model, 0, sizeof(model));
	for (long step = 0; step < 30000; step++) {
		uint64_t page = unit_below(&seed, PAGES);
		uint64_t most = unit_below(&seed, 4) ? 8 : PAGES;
		uint64_t pages = 1 + unit_below(&seed, PAGES - page < most ? PAGES - page : most);
		bool maps = unit_below(&seed, 2);
		int err = maps ? map(base + page * PAGE, pages * PAGE)
			       : unmap(base + page * PAGE, pages * PAGE);

		if (err != (maps ? model_map(page, pages) : model_unmap(page, pages)))
			return step;
		if (step % 64 == 0 && space.table.count != model_count())
			return step;
	}
	return -1;
}

static void test_space_has_the_maps_that_a_page_by_page_model_has(void **state)
{
	unit_run_seeds(run_model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_ranges_that_cannot_be_mapped),
		TEST(test_map_reads_or_writes_and_nothing_else),
		TEST(test_maps_never_overlap),
		TEST(test_map_at_the_top_of_the_address_space),
		TEST(test_maps_are_counted),
		TEST(test_space_of_a_new_client_takes_the_most_maps),
		TEST(test_offsets_that_no_file_has),
		TEST(test_file_beyond_what_can_be_mapped_is_refused),
		TEST(test_offset_without_a_file_means_nothing),
		TEST(test_map_that_writes_needs_an_fd_that_can),
		TEST(test_refused_map_keeps_no_file),
		TEST(test_map_beyond_the_budget_is_refused_and_an_unmap_gives_back),
		TEST(test_map_that_fails_takes_nothing_from_the_budget),
		TEST(test_without_a_budget_the_whole_address_space_can_be_mapped),
		TEST(test_reset_leaves_nothing),
		TEST(test_unmap_of_nothing_succeeds),
		TEST(test_unmap_may_cover_many_maps_and_holes),
		TEST(test_unmap_never_cuts_a_map),
		TEST(test_unmap_all),
		TEST(test_space_has_the_maps_that_a_page_by_page_model_has),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("dma_space", tests, NULL, NULL);
}
