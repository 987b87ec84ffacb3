/* SPDX-License-Identifier: BSD-2-Clause */
/* Which IOVAs are free, beside a bitmap of the same pages. */
#include "unit.h"

#include "driver/iova.h"

#define SHIFT 12
#define PAGE  UINT64_C(4096)
#define LARGE (UINT64_C(1) << 21)
#define PAGES 4096u /* of the bitmap's space */
#define STEPS 20000

static struct umd_iova iova;

static void begin(const struct umd_driver_dma_range *ranges, unsigned int count)
{
	umd_iova_init(&iova, SHIFT, ranges, count);
}

static void begin_all(void)
{
	begin(&(struct umd_driver_dma_range){0, UINT64_MAX}, 1);
}

static uint64_t choose(struct umd_iova_node *node, uint64_t bytes)
{
	assert_int_equal(umd_iova_choose(&iova, node, bytes / PAGE), 0);
	return umd_iova_address(&iova, node);
}

static int reserve(struct umd_iova_node *node, uint64_t address, uint64_t bytes)
{
	return umd_iova_reserve(&iova, node, address / PAGE, bytes / PAGE);
}

/* ---- Beside a bitmap ----------------------------------------------------------------------- */

static struct {
	bool allowed[PAGES + 1], taken[PAGES + 1];
	struct umd_iova_node nodes[512];
	bool used[512];
} model;

/* Some random ranges of whole pages. */
static unsigned int make_ranges(uint64_t *random, struct umd_driver_dma_range *ranges)
{
	unsigned int count = 0;
	uint64_t at = unit_below(random, 3);

	while (at < PAGES - 16 && count < 8) {
		uint64_t pages = 1 + unit_below(random, PAGES / 4);

		if (pages > PAGES - at)
			pages = PAGES - at;
		ranges[count++] = (struct umd_driver_dma_range){at * PAGE, (at + pages) * PAGE - 1};
		memset(model.allowed + at, true, pages);
		at += pages + unit_below(random, 20);
	}
	return count;
}

static bool is_free(uint64_t first, uint64_t pages)
{
	for (uint64_t i = first; i < first + pages; i++) {
		if (i >= PAGES || !model.allowed[i] || model.taken[i])
			return false;
	}
	return true;
}

static bool has_room(uint64_t pages, uint64_t align)
{
	for (uint64_t i = align == 1 ? 1 : align; i + pages <= PAGES; i += align) {
		if (is_free(i, pages))
			return true;
	}
	return false;
}

static bool overlaps_taken(uint64_t first, uint64_t pages)
{
	for (uint64_t i = first; i < first + pages && i < PAGES; i++) {
		if (model.taken[i])
			return true;
	}
	return false;
}

static uint64_t power_below(uint64_t pages)
{
	uint64_t power = 1;

	while (power * 2 <= pages && power < LARGE / PAGE)
		power *= 2;
	return power;
}

/* What was chosen is free; it is aligned where the room for it is plain to see. */
static bool check_choice(struct umd_iova_node *node, uint64_t pages)
{
	uint64_t align = power_below(pages);
	int err = umd_iova_choose(&iova, node, pages);

	if (err)
		return err == -ENOSPC && !has_room(pages, 1);
	if (!is_free(node->first, pages) || node->last != node->first + pages - 1 || !node->first)
		return false;
	return node->first % align == 0 || !has_room(pages + align - 1, 1);
}

static bool check_reservation(struct umd_iova_node *node, uint64_t first, uint64_t pages,
			      bool *ret_taken)
{
	bool free = is_free(first, pages);
	int err = umd_iova_reserve(&iova, node, first, pages);

	*ret_taken = !err;
	if (!err || free)
		return !err && free;
	return err == -ERANGE || (err == -EEXIST && overlaps_taken(first, pages));
}

static bool take(uint64_t *random, struct umd_iova_node *node)
{
	uint64_t pages = 1 + unit_below(random, unit_below(random, 8) ? 16 : 700);
	bool taken = true, good;

	if (unit_below(random, 2)) {
		bool room = has_room(pages, 1);

		good = check_choice(node, pages);
		taken = room;
	} else {
		good = check_reservation(node, unit_below(random, PAGES), pages, &taken);
	}
	if (good && taken)
		memset(model.taken + node->first, true, pages);
	model.used[node - model.nodes] = taken;
	return good;
}

static void give_back(struct umd_iova_node *node)
{
	memset(model.taken + node->first, false, node->last - node->first + 1);
	umd_iova_release(&iova, node);
	model.used[node - model.nodes] = false;
}

static bool check_find(uint64_t page)
{
	const struct umd_iova_node *node = umd_iova_find(&iova, page);

	return node ? model.taken[page] && node->first <= page && page <= node->last
		    : !model.taken[page];
}

static long run(uint64_t seed)
{
	struct umd_driver_dma_range ranges[8];
	uint64_t random = seed;

	memset(&model, 0, sizeof(model));
	begin(ranges, make_ranges(&random, ranges));
	for (long step = 0; step < STEPS; step++) {
		struct umd_iova_node *node = &model.nodes[unit_below(&random, 512)];

		if (model.used[node - model.nodes])
			give_back(node);
		else if (!take(&random, node))
			return step;
		if (!check_find(unit_below(&random, PAGES)))
			return step;
	}
	return -1;
}

static void test_random_addresses_agree_with_a_bitmap(void **state)
{
	unit_run_seeds(run);
}

/* ---- By hand ------------------------------------------------------------------------------- */

static void test_page_0_is_never_chosen(void **state)
{
	struct umd_iova_node first, second, fixed;

	begin_all();
	assert_int_equal(choose(&first, PAGE), PAGE);
	assert_int_equal(reserve(&fixed, 0, PAGE), 0); /* who asks for it gets it */
	assert_int_equal(choose(&second, PAGE), 2 * PAGE);
	umd_iova_release(&iova, &fixed);
	umd_iova_release(&iova, &first);
	assert_int_equal(choose(&first, PAGE), PAGE);
	assert_ptr_equal(umd_iova_find(&iova, 1), &first);
	assert_null(umd_iova_find(&iova, 0));
}

static void test_large_maps_lie_at_large_pages(void **state)
{
	struct umd_iova_node small, large, larger, between;

	begin_all();
	assert_int_equal(choose(&small, PAGE), PAGE);
	assert_int_equal(choose(&large, 3 * LARGE + PAGE), LARGE);
	assert_int_equal(choose(&larger, 16 * LARGE), 5 * LARGE);
	assert_int_equal(choose(&between, LARGE / 2), LARGE / 2);
}

static void test_the_last_page_can_be_mapped(void **state)
{
	const uint64_t last = UINT64_MAX - PAGE + 1;
	struct umd_iova_node node, other;

	begin_all();
	assert_int_equal(reserve(&node, last, PAGE), 0);
	assert_int_equal(reserve(&other, last, PAGE), -EEXIST);
	assert_int_equal(reserve(&other, last, 2 * PAGE), -EEXIST);
	umd_iova_release(&iova, &node);
	assert_int_equal(reserve(&other, last, 2 * PAGE), -ERANGE);
	assert_int_equal(umd_iova_reserve(&iova, &other, UINT64_C(1) << 52, 1), -ERANGE);
	assert_int_equal(umd_iova_choose(&iova, &other, UINT64_C(1) << 52), -ENOSPC);
	assert_int_equal(umd_iova_choose(&iova, &other, (UINT64_C(1) << 52) - 1), 0);
}

static void test_parts_of_pages_cannot_be_mapped(void **state)
{
	const struct umd_driver_dma_range ranges[] = {
		{0x10, 0xfff}, {0x1800, 0x37ff}, {0x4000, 0x4ffe}, {0x5000, 0x5fff}};
	struct umd_iova_node node, other;

	begin(ranges, 4);
	assert_int_equal(choose(&node, PAGE), 0x2000);
	assert_int_equal(choose(&other, PAGE), 0x5000);
	umd_iova_release(&iova, &node);
	assert_int_equal(umd_iova_choose(&iova, &node, 2), -ENOSPC);
	assert_int_equal(reserve(&node, 0x1000, PAGE), -ERANGE);
	assert_int_equal(reserve(&node, 0x2000, 2 * PAGE), -ERANGE);
}

static void test_nothing_may_be_mapped(void **state)
{
	struct umd_iova_node node;

	begin(NULL, 0);
	assert_int_equal(umd_iova_choose(&iova, &node, 1), -ENOSPC);
	assert_int_equal(reserve(&node, PAGE, PAGE), -ERANGE);
}

static void test_neighbours_that_are_given_back_become_one(void **state)
{
	const struct umd_driver_dma_range range = {PAGE, 9 * PAGE - 1};
	struct umd_iova_node nodes[8], whole;

	begin(&range, 1);
	for (int i = 0; i < 8; i++)
		assert_int_equal(choose(&nodes[i], PAGE), (i + 1) * PAGE);
	for (int i = 0; i < 8; i++)
		umd_iova_release(&iova, &nodes[i * 5 % 8]);
	assert_int_equal(choose(&whole, 8 * PAGE), PAGE);
}

/* Sorted addresses are what a tree without balance would take for a list. */
static void test_the_tree_stays_flat(void **state)
{
	struct umd_iova_node *nodes = calloc(65535, sizeof(*nodes));
	unsigned int deepest = 0;

	assert_non_null(nodes);
	begin_all();
	for (unsigned int i = 0; i < 65535; i++)
		choose(&nodes[i], PAGE);
	for (unsigned int i = 0; i < 65535; i++) {
		unsigned int depth = 0;

		for (const struct umd_iova_node *n = &nodes[i]; n; n = n->parent)
			depth++;
		if (depth > deepest)
			deepest = depth;
	}
	assert_in_range(deepest, 16, 64);
	for (unsigned int i = 0; i < 65535; i++)
		umd_iova_release(&iova, &nodes[i]);
	assert_ptr_equal(iova.root, &iova.walls[0]);
	free(nodes);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_addresses_agree_with_a_bitmap),
		cmocka_unit_test(test_page_0_is_never_chosen),
		cmocka_unit_test(test_large_maps_lie_at_large_pages),
		cmocka_unit_test(test_the_last_page_can_be_mapped),
		cmocka_unit_test(test_parts_of_pages_cannot_be_mapped),
		cmocka_unit_test(test_nothing_may_be_mapped),
		cmocka_unit_test(test_neighbours_that_are_given_back_become_one),
		cmocka_unit_test(test_the_tree_stays_flat),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
