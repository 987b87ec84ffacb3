/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of DMA maps against a plain sorted array: the same operations in random, ascending and
 * descending order, of which each must leave both with the same maps, as the owner sees them and as
 * a reader does.
 */
#include "unit.h"

#include "dma/leaf.h"

#define PAGE	  4096u
#define PAGES	  8192u /* of the addresses that are played with */
#define REFERENCE 4096u /* maps at most */

static struct umd_dma_table table;
static struct umd_dma_visit visit; /* a reader's, in those tests that have one */
static bool shared;

/* The reference: sorted, without overlaps. */
static struct umd_dma_map maps[REFERENCE];
static size_t count;
static uint64_t base; /* of the addresses */

static int setup(void **state)
{
	count = 0;
	base = 0;
	return 0;
}

static int teardown(void **state)
{
	if (shared)
		umd_dma_epochs_part(&table.epochs, &visit);
	shared = false;
	umd_dma_table_finish(&table);
	assert_int_equal(table.count, 0);
	assert_int_equal(table.epochs.retired_size, 0);
	return 0;
}

static void share(void)
{
	umd_dma_epochs_join(&table.epochs, &visit);
	shared = true;
}

/* ---- The reference ------------------------------------------------------------------------- */

/* The first map that ends at or after `iova`. */
static size_t reference_find(uint64_t iova)
{
	size_t at = 0;

	for (size_t step = REFERENCE; step; step /= 2) {
		while (at + step <= count &&
		       maps[at + step - 1].iova + (maps[at + step - 1].size - 1) < iova)
			at += step;
	}
	return at;
}

static void reference_add(const struct umd_dma_map *map)
{
	size_t at = reference_find(map->iova);

	memmove(&maps[at + 1], &maps[at], (count - at) * sizeof(*maps));
	maps[at] = *map;
	count++;
}

static void reference_remove(size_t at)
{
	count--;
	memmove(&maps[at], &maps[at + 1], (count - at) * sizeof(*maps));
}

/* ---- Both ---------------------------------------------------------------------------------- */

static bool is_same(const struct umd_dma_map *map, size_t at)
{
	if (!map || at >= count)
		return !map && at >= count;
	return map->iova == maps[at].iova && map->size == maps[at].size &&
	       map->base == maps[at].base && map->prot == maps[at].prot;
}

/* Whether a reader finds what `iova` lies in. */
static bool is_read(uint64_t iova)
{
	const struct umd_dma_map *map;
	size_t at = reference_find(iova);
	bool same;

	umd_dma_visit_enter(&visit, &table.epochs);
	map = umd_dma_table_read(&table, iova).map;
	same = at < count && maps[at].iova <= iova ? is_same(map, at) : !map;
	umd_dma_visit_leave(&visit);
	return same;
}

/* Whether a walk from `iova` shows the same maps, up to `limit` of them. */
static bool is_same_walk(uint64_t iova, size_t limit)
{
	struct umd_dma_place place;
	struct umd_dma_map *map = umd_dma_table_find(&table, iova, &place);
	size_t at = reference_find(iova);

	for (; limit; limit--, at++) {
		if (!is_same(map, at))
			return false;
		if (!map)
			break;
		map = umd_dma_table_next(&table, &place);
	}
	return table.count == count;
}

/* Adds a map where it overlaps none. */
static void add(uint64_t iova, uint64_t size)
{
	static uint32_t mark;
	struct umd_dma_map map = {.iova = iova, .size = size};
	size_t at = reference_find(iova);

	if (count == REFERENCE || (at < count && maps[at].iova <= iova + (size - 1)))
		return;
	map.base = (uint8_t *)(uintptr_t)++mark;
	map.prot = mark % 3 + 1;
	reference_add(&map);
	assert_int_equal(umd_dma_table_add(&table, &map), 0);
}

/* Removes the maps that begin in [iova, last], the table's own way. */
static bool remove_range(uint64_t iova, uint64_t last)
{
	struct umd_dma_place place;
	struct umd_dma_map *map = umd_dma_table_find(&table, iova, &place);
	size_t at = reference_find(iova);

	while (map && map->iova <= last) {
		if (!is_same(map, at))
			return false;
		umd_dma_table_remove(&table, &place);
		reference_remove(at);
		map = umd_dma_table_at(&table, &place);
	}
	return is_same(map, at);
}

static uint64_t draw_iova(uint64_t *seed)
{
	return base + unit_below(seed, PAGES) * PAGE;
}

/* ---- Orders -------------------------------------------------------------------------------- */

static void test_empty_table_finds_nothing(void **state)
{
	struct umd_dma_place place;

	assert_null(umd_dma_table_find(&table, 0, &place));
	assert_null(umd_dma_table_find(&table, UINT64_MAX, &place));
	umd_dma_table_finish(&table);
}

static void test_map_is_found_up_to_its_last_byte(void **state)
{
	struct umd_dma_place place;

	add(PAGE, PAGE);
	assert_true(is_same(umd_dma_table_find(&table, 0, &place), 0));
	assert_true(is_same(umd_dma_table_find(&table, PAGE, &place), 0));
	assert_true(is_same(umd_dma_table_find(&table, 2 * PAGE - 1, &place), 0));
	assert_null(umd_dma_table_find(&table, 2 * PAGE, &place));
}

static void test_map_may_end_with_the_address_space(void **state)
{
	struct umd_dma_place place;

	add(UINT64_MAX - PAGE + 1, PAGE);
	add(0, UINT64_MAX - 2 * PAGE + 1);
	assert_int_equal(table.count, 2);
	assert_true(is_same(umd_dma_table_find(&table, UINT64_MAX, &place), 1));
	assert_null(umd_dma_table_next(&table, &place));
	assert_true(is_same(umd_dma_table_find(&table, 5, &place), 0));
	assert_true(is_same(umd_dma_table_next(&table, &place), 1));
}

static void test_maps_in_ascending_order_fill_their_leaves(void **state)
{
	for (uint64_t i = 0; i < 2000; i++)
		add(i * PAGE, PAGE);
	assert_true(is_same_walk(0, SIZE_MAX));
	assert_int_equal(table.leaf_count, 2000 / UMD_DMA_LEAF_MAPS + 1);
}

static void test_maps_in_descending_order_leave_no_leaf_below_half(void **state)
{
	for (uint64_t i = 2000; i--;)
		add(i * PAGE, PAGE);
	assert_true(is_same_walk(0, SIZE_MAX));
	assert_true(table.leaf_count <= 2000 / (UMD_DMA_LEAF_MAPS / 2) + 1);
}

static void test_few_maps_take_few_leaves(void **state)
{
	for (int with_reader = 0; with_reader < 2; with_reader++) {
		for (uint64_t i = 0; i < REFERENCE; i++)
			add(i * PAGE, PAGE);
		for (uint64_t i = 0; i < REFERENCE; i++)
			assert_true(i % 64 == 5 || remove_range(i * PAGE, i * PAGE));
		assert_int_equal(table.count, REFERENCE / 64);
		assert_true(table.leaf_count <= 2 * table.count / (UMD_DMA_LEAF_MAPS / 2) + 1);
		assert_true(is_same_walk(0, SIZE_MAX));
		assert_true(remove_range(0, UINT64_MAX));
		if (!with_reader)
			share();
	}
}

static void test_all_maps_can_be_removed_from_either_end(void **state)
{
	for (uint64_t i = 0; i < 1000; i++)
		add(i * 2 * PAGE, PAGE);
	for (uint64_t i = 0; i < 500; i++)
		assert_true(remove_range(i * 2 * PAGE, i * 2 * PAGE) && is_same_walk(0, 3));
	for (uint64_t i = 1000; i-- > 500;)
		assert_true(remove_range(i * 2 * PAGE, i * 2 * PAGE) && is_same_walk(i * PAGE, 3));
	assert_int_equal(table.count, 0);
	assert_true(table.leaf_count <= 1);
}

static void test_table_is_used_again_after_it_was_emptied(void **state)
{
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 300; i++)
			add(i * PAGE, PAGE);
		assert_true(remove_range(0, UINT64_MAX));
		assert_true(table.leaf_count <= 1);
	}
	umd_dma_table_finish(&table);
	count = 0;
	add(0, PAGE);
	assert_true(is_same_walk(0, SIZE_MAX));
}

/* ---- Any order ----------------------------------------------------------------------------- */

/* Fills a gap: maps behind each other, upwards or downwards from a place. */
static void add_run(uint64_t *seed)
{
	uint64_t iova = draw_iova(seed), n = unit_below(seed, 200);
	bool down = unit_below(seed, 2);

	for (; n; n--) {
		add(iova, PAGE);
		if (down ? iova < base + PAGE : iova >= base + (PAGES - 1) * PAGE)
			break;
		iova += down ? -(uint64_t)PAGE : PAGE;
	}
}

static bool operate(uint64_t *seed)
{
	uint64_t iova = draw_iova(seed);

	switch (unit_below(seed, 32)) {
	case 0:
		add_run(seed);
		return true;
	case 1: /* a whole stretch, now and then all */
		return remove_range(iova, unit_below(seed, 20) ? iova + 300 * PAGE : UINT64_MAX);
	case 2 ... 16:
		add(iova, PAGE * (1 + unit_below(seed, 4)));
		return true;
	case 17 ... 24:
		return remove_range(iova, iova);
	default:
		iova += unit_below(seed, PAGE);
		return is_same_walk(iova, 10) && (!shared || is_read(iova));
	}
}

static long run_operations(uint64_t seed)
{
	for (long step = 0; step < 20000; step++) {
		if (!operate(&seed) || (step % 1000 == 0 && !is_same_walk(0, SIZE_MAX)))
			return step;
	}
	return is_same_walk(0, SIZE_MAX) ? -1 : 20000;
}

static long run_low(uint64_t seed)
{
	teardown(NULL);
	setup(NULL);
	return run_operations(seed);
}

/* A map of four pages at the last place ends with the last byte there is. */
static long run_at_the_top(uint64_t seed)
{
	teardown(NULL);
	setup(NULL);
	base = UINT64_MAX - (PAGES + 3) * PAGE + 1;
	return run_operations(seed);
}

/* With a reader, which stays inside for a while every now and then, so that nothing is freed. */
static long run_shared(uint64_t seed)
{
	long wrong = -1;

	teardown(NULL);
	setup(NULL);
	share();
	for (long step = 0; step < 4000 && wrong < 0; step++) {
		if (step % 200 == 100)
			umd_dma_visit_enter(&visit, &table.epochs);
		if (!operate(&seed))
			wrong = step;
	}
	umd_dma_visit_leave(&visit);
	umd_dma_epochs_collect(&table.epochs);
	assert_int_equal(table.epochs.retired_size, 0);
	return wrong < 0 && !is_same_walk(0, SIZE_MAX) ? 4000 : wrong;
}

/* What a reader has left hidden is in the way of nobody when it has gone. */
static long run_unshared_again(uint64_t seed)
{
	long wrong = run_shared(seed);

	umd_dma_epochs_part(&table.epochs, &visit);
	shared = false;
	for (long step = 0; step < 2000 && wrong < 0; step++) {
		if (!operate(&seed))
			wrong = 4000 + step;
	}
	return wrong < 0 && !is_same_walk(0, SIZE_MAX) ? 6000 : wrong;
}

static void test_table_holds_what_a_sorted_array_holds(void **state)
{
	unit_run_seeds(run_low);
}

static void test_so_it_does_at_the_top_of_the_address_space(void **state)
{
	unit_run_seeds(run_at_the_top);
}

static void test_so_it_does_while_a_reader_looks(void **state)
{
	unit_run_seeds(run_shared);
}

static void test_so_it_does_when_the_reader_has_gone(void **state)
{
	unit_run_seeds(run_unshared_again);
}

/* Maps far apart: their pages are not numbers of 32 bits any more. */
static void test_maps_at_the_ends_of_the_address_space_share_a_leaf(void **state)
{
	share();
	for (uint64_t i = 0; i < 40; i++) {
		add(i << 58, PAGE);
		add(i * 5 * PAGE + PAGE, PAGE);
	}
	assert_true(is_same_walk(0, SIZE_MAX));
	for (uint64_t i = 0; i < 64; i++)
		assert_true(is_read(i << 58) && is_read((i << 58) + PAGE) && is_read(i * PAGE));
}

static void test_removed_map_is_hidden_from_readers_at_once(void **state)
{
	const struct umd_dma_map *map;

	share();
	for (uint64_t i = 0; i < 3; i++)
		add(i * PAGE, PAGE);
	umd_dma_visit_enter(&visit, &table.epochs);
	map = umd_dma_table_read(&table, PAGE).map;
	assert_true(is_same(map, 1));
	assert_true(remove_range(PAGE, PAGE));
	assert_null(umd_dma_table_read(&table, PAGE).map);
	assert_int_equal(map->iova, PAGE);
	umd_dma_visit_leave(&visit);
}

static void test_no_epoch_is_past_while_a_reader_of_it_is_inside(void **state)
{
	uint64_t mark;

	for (int fences = 0; fences < 2; fences++) {
		table.epochs.fences = fences;
		share();
		assert_int_equal(visit.fences, fences);
		umd_dma_visit_enter(&visit, &table.epochs);
		mark = umd_dma_epochs_turn(&table.epochs);
		assert_false(umd_dma_epochs_are_past(&table.epochs, mark));
		umd_dma_visit_leave(&visit);
		assert_true(umd_dma_epochs_are_past(&table.epochs, mark));
		umd_dma_visit_enter(&visit, &table.epochs);
		assert_true(umd_dma_epochs_are_past(&table.epochs, mark));
		umd_dma_visit_leave(&visit);
		teardown(NULL);
	}
	table.epochs.fences = false;
}

/* Adding is refused rather than memory used up; removing always works. */
static void test_reader_that_stays_inside_holds_back_bounded_memory(void **state)
{
	struct umd_dma_map map = {.iova = PAGE, .size = PAGE, .prot = UMD_DMA_READ};
	struct umd_dma_place place;
	unsigned int added = 0;

	share();
	add(0, PAGE);
	umd_dma_visit_enter(&visit, &table.epochs);
	for (; umd_dma_table_add(&table, &map) == 0; added++) {
		assert_non_null(umd_dma_table_find(&table, PAGE, &place));
		umd_dma_table_remove(&table, &place);
		assert_true(table.epochs.retired_size <= UMD_DMA_RETIRED_MAX);
	}
	assert_true(added > 1000);
	assert_true(remove_range(0, 0));
	assert_null(umd_dma_table_read(&table, 0).map);
	umd_dma_visit_leave(&visit);
	assert_int_equal(umd_dma_table_add(&table, &map), 0);
	assert_non_null(umd_dma_table_read(&table, PAGE).map);
	assert_null(umd_dma_table_read(&table, 0).map);
}

/* The leaf that its address belongs to has nothing but hidden maps there. */
static void test_map_that_begins_in_the_leaf_before_is_found(void **state)
{
	const struct umd_dma_map *map;

	share();
	for (uint64_t i = 0; i < UMD_DMA_LEAF_MAPS; i++)
		add(i * PAGE, PAGE);
	for (uint64_t i = 100; i < 110; i++)
		add(i * PAGE, PAGE);
	assert_int_equal(table.leaf_count, 2);
	assert_true(remove_range(63 * PAGE, 63 * PAGE));
	add(63 * PAGE, 8 * PAGE);
	for (uint64_t page = 63; page < 71; page++) {
		umd_dma_visit_enter(&visit, &table.epochs);
		map = umd_dma_table_read(&table, page * PAGE).map;
		umd_dma_visit_leave(&visit);
		assert_non_null(map);
		assert_int_equal(map->iova, 63 * PAGE);
	}
	assert_true(is_same_walk(0, REFERENCE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_empty_table_finds_nothing),
		TEST(test_map_is_found_up_to_its_last_byte),
		TEST(test_map_may_end_with_the_address_space),
		TEST(test_maps_in_ascending_order_fill_their_leaves),
		TEST(test_maps_in_descending_order_leave_no_leaf_below_half),
		TEST(test_few_maps_take_few_leaves),
		TEST(test_all_maps_can_be_removed_from_either_end),
		TEST(test_table_is_used_again_after_it_was_emptied),
		TEST(test_table_holds_what_a_sorted_array_holds),
		TEST(test_so_it_does_at_the_top_of_the_address_space),
		TEST(test_so_it_does_while_a_reader_looks),
		TEST(test_so_it_does_when_the_reader_has_gone),
		TEST(test_maps_at_the_ends_of_the_address_space_share_a_leaf),
		TEST(test_removed_map_is_hidden_from_readers_at_once),
		TEST(test_no_epoch_is_past_while_a_reader_of_it_is_inside),
		TEST(test_reader_that_stays_inside_holds_back_bounded_memory),
		TEST(test_map_that_begins_in_the_leaf_before_is_found),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
