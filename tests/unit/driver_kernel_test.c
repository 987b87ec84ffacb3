/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel's VFIO answers, taken apart: chains of capabilities, and hostile bytes for them.
 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "driver/kernel.h"

#define HEADER 32u /* bytes before the chain */

/* An answer under construction. Behind its last byte begins memory that must not be touched. */
struct chain {
	uint8_t bytes[UNIT_GUARDED_MAX];
	size_t size;
	size_t last; /* where the last capability lies; 0: none */
	uint32_t start;
};

static void chain_begin(struct chain *chain)
{
	*chain = (struct chain){.size = HEADER};
}

static void chain_link(struct chain *chain, uint32_t to)
{
	if (chain->last)
		memcpy(chain->bytes + chain->last + offsetof(struct vfio_info_cap_header, next),
		       &to, sizeof(to));
	else
		chain->start = to;
}

/* A capability with `size` bytes behind its header. */
static void chain_add(struct chain *chain, uint16_t id, const void *data, size_t size)
{
	struct vfio_info_cap_header header = {.id = id, .version = 1};

	chain_link(chain, (uint32_t)chain->size);
	chain->last = chain->size;
	memcpy(chain->bytes + chain->size, &header, sizeof(header));
	memcpy(chain->bytes + chain->size + sizeof(header), data, size);
	chain->size += sizeof(header) + size;
}

struct parsed {
	struct unit_guarded memory;
	struct umd_kernel_answer answer;
};

static struct umd_kernel_answer *parse(struct parsed *parsed, const struct chain *chain)
{
	unit_guarded_init(&parsed->memory);
	parsed->answer = (struct umd_kernel_answer){
		.bytes = unit_guarded_put(&parsed->memory, chain->bytes, chain->size),
		.size = chain->size,
		.start = chain->start,
		.at_least = HEADER,
	};
	return &parsed->answer;
}

static int parse_areas(const struct chain *chain, uint64_t bytes, struct umd_driver_area *areas)
{
	struct parsed parsed;
	int n = umd_kernel_parse_areas(parse(&parsed, chain), bytes, areas);

	unit_guarded_finish(&parsed.memory);
	return n;
}

static int parse_ranges(const struct chain *chain, struct umd_driver_dma_range *ranges)
{
	struct parsed parsed;
	int n = umd_kernel_parse_ranges(parse(&parsed, chain), ranges);

	unit_guarded_finish(&parsed.memory);
	return n;
}

static int parse_avail(const struct chain *chain, uint32_t *ret)
{
	struct parsed parsed;
	int n = umd_kernel_parse_avail(parse(&parsed, chain), ret);

	unit_guarded_finish(&parsed.memory);
	return n;
}

/* ---- Areas ----------------------------------------------------------------------------------- */

struct areas {
	uint32_t count, reserved;
	struct umd_driver_area area[UMD_DRIVER_AREAS_MAX + 1];
};

static void chain_add_areas(struct chain *chain, const struct areas *areas, uint32_t there)
{
	chain_add(chain, VFIO_REGION_INFO_CAP_SPARSE_MMAP, areas,
		  8 + there * sizeof(areas->area[0]));
}

static void test_areas_are_found_behind_other_capabilities(void **state)
{
	struct areas areas = {.count = 2, .area = {{0, 0x1000}, {0x3000, 0x5000}}};
	struct umd_driver_area got[UMD_DRIVER_AREAS_MAX];
	struct chain chain;

	chain_begin(&chain);
	chain_add(&chain, VFIO_REGION_INFO_CAP_TYPE, "12345678", 8);
	chain_add(&chain, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, "", 0);
	chain_add_areas(&chain, &areas, 2);
	assert_int_equal(parse_areas(&chain, 0x8000, got), 2);
	assert_memory_equal(got, areas.area, 2 * sizeof(got[0]));
}

static void test_all_of_a_region_without_areas_can_be_mapped(void **state)
{
	struct umd_driver_area got[UMD_DRIVER_AREAS_MAX];
	struct chain chain;

	chain_begin(&chain);
	assert_int_equal(parse_areas(&chain, 0, got), 0);
	assert_int_equal(parse_areas(&chain, 0x2000, got), 1);
	assert_true(got[0].offset == 0 && got[0].size == 0x2000);
	chain_add(&chain, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, "", 0);
	assert_int_equal(parse_areas(&chain, 0x2000, got), 1);
}

static void test_no_area_is_none(void **state)
{
	struct areas areas = {.count = 0};
	struct umd_driver_area got[UMD_DRIVER_AREAS_MAX];
	struct chain chain;

	chain_begin(&chain);
	chain_add_areas(&chain, &areas, 0);
	assert_int_equal(parse_areas(&chain, 0x2000, got), 0);
}

static int parse_one_area(uint32_t count, uint64_t offset, uint64_t size, uint32_t there)
{
	struct areas areas = {.count = count, .area = {{offset, size}}};
	struct umd_driver_area got[UMD_DRIVER_AREAS_MAX];
	struct chain chain;

	chain_begin(&chain);
	chain_add_areas(&chain, &areas, there);
	return parse_areas(&chain, 0x2000, got);
}

static void test_areas_outside_of_their_region_or_of_the_answer(void **state)
{
	assert_int_equal(parse_one_area(1, 0, 0x2000, 1), 1);
	assert_int_equal(parse_one_area(1, 0x1000, 0x2000, 1), -EPROTO);
	assert_int_equal(parse_one_area(1, UINT64_MAX, 2, 1), -EPROTO);
	assert_int_equal(parse_one_area(1, 2, UINT64_MAX, 1), -EPROTO);
	assert_int_equal(parse_one_area(2, 0, 0x1000, 1), -EPROTO);
	assert_int_equal(parse_one_area(1, 0, 0x1000, 0), -EPROTO);
	assert_int_equal(parse_one_area(UMD_DRIVER_AREAS_MAX, 0, 0x1000, UMD_DRIVER_AREAS_MAX),
			 UMD_DRIVER_AREAS_MAX);
	assert_int_equal(
		parse_one_area(UMD_DRIVER_AREAS_MAX + 1, 0, 0x1000, UMD_DRIVER_AREAS_MAX + 1),
		-E2BIG);
	assert_int_equal(parse_one_area(UINT32_MAX, 0, 0x1000, 1), -E2BIG);
}

/* ---- Chains ---------------------------------------------------------------------------------- */

static int find_in(const struct chain *chain, unsigned int id)
{
	struct parsed parsed;
	size_t at;
	int n = umd_kernel_find_cap(parse(&parsed, chain), id, &at);

	unit_guarded_finish(&parsed.memory);
	return n;
}

static void test_chains_that_lead_back_or_out(void **state)
{
	struct chain chain;

	chain_begin(&chain);
	chain_add(&chain, 7, "1234", 4);
	chain_add(&chain, 8, "1234", 4);
	assert_int_equal(find_in(&chain, 8), 1);
	assert_int_equal(find_in(&chain, 9), 0);

	for (uint32_t to = 1; to < chain.size + 8; to++) {
		chain_link(&chain, to); /* behind the last: nothing is left for a whole header */
		assert_int_equal(find_in(&chain, 9), -EPROTO);
		assert_int_equal(find_in(&chain, 8), 1);
	}
	chain_link(&chain, UINT32_MAX);
	assert_int_equal(find_in(&chain, 9), -EPROTO);
}

static void test_chains_that_begin_where_none_can(void **state)
{
	struct chain chain;

	chain_begin(&chain);
	chain_add(&chain, 7, "1234", 4);
	for (chain.start = 1; chain.start < HEADER; chain.start++)
		assert_int_equal(find_in(&chain, 7), -EPROTO);
	chain.start = (uint32_t)chain.size - 7;
	assert_int_equal(find_in(&chain, 7), -EPROTO);
	chain.start = UINT32_MAX;
	assert_int_equal(find_in(&chain, 7), -EPROTO);
}

/* Whatever the bytes are, the answer is one of those that are documented. */
static long parse_noise(uint64_t seed)
{
	struct umd_driver_area areas[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct chain chain;
	uint32_t avail;

	for (long step = 0; step < 2000; step++) {
		int n;

		chain.size = HEADER + unit_below(&seed, 96);
		for (size_t i = 0; i < chain.size; i++)
			chain.bytes[i] = (uint8_t)unit_below(&seed, 4);
		chain.start = (uint32_t)unit_below(&seed, chain.size);
		n = parse_areas(&chain, 0x1000, areas);
		for (int i = 0; i < n; i++) {
			if (areas[i].size > 0x1000 || areas[i].offset > 0x1000 - areas[i].size)
				return step;
		}
		if (n < 0 && n != -EPROTO && n != -E2BIG)
			return step;
		n = parse_ranges(&chain, ranges);
		if (n > 0 && !umd_kernel_ranges_ascend(ranges, (unsigned int)n))
			return step;
		if (n < 0 && n != -EPROTO && n != -E2BIG)
			return step;
		n = parse_avail(&chain, &avail);
		if (n != 0 && n != 1 && n != -EPROTO)
			return step;
	}
	return -1;
}

static void test_noise(void **state)
{
	unit_run_seeds(parse_noise);
}

/* ---- What a container takes ------------------------------------------------------------------ */

struct ranges {
	uint32_t count, reserved;
	struct umd_driver_dma_range range[3];
};

static int parse_range_list(struct ranges ranges)
{
	struct umd_driver_dma_range got[UMD_DRIVER_AREAS_MAX] = {0};
	struct chain chain;
	int n;

	chain_begin(&chain);
	chain_add(&chain, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, "0123456789012345678", 20);
	chain_add(&chain, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, &ranges, sizeof(ranges));
	n = parse_ranges(&chain, got);
	if (n > 0)
		assert_memory_equal(got, ranges.range, (size_t)n * sizeof(got[0]));
	return n;
}

static void test_ranges_ascend(void **state)
{
	assert_int_equal(parse_range_list((struct ranges){2, 0, {{0, 9}, {10, UINT64_MAX}}}), 2);
	assert_int_equal(parse_range_list((struct ranges){1, 0, {{5, 5}}}), 1);
	assert_int_equal(parse_range_list((struct ranges){0}), 0);
	assert_int_equal(parse_range_list((struct ranges){1, 0, {{9, 8}}}), -EPROTO);
	assert_int_equal(parse_range_list((struct ranges){2, 0, {{0, 9}, {9, 20}}}), -EPROTO);
	assert_int_equal(parse_range_list((struct ranges){2, 0, {{10, 19}, {0, 9}}}), -EPROTO);
	assert_int_equal(parse_range_list((struct ranges){4, 0, {{0, 1}, {2, 3}, {4, 5}}}),
			 -EPROTO);
	assert_int_equal(parse_range_list((struct ranges){UINT32_MAX, 0, {{0, 1}}}), -E2BIG);
}

static void test_how_many_maps_there_may_be(void **state)
{
	uint32_t avail = 65535, got = 1;
	struct chain chain;

	chain_begin(&chain);
	assert_int_equal(parse_avail(&chain, &got), 0);
	assert_int_equal(got, 1);
	chain_add(&chain, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, &avail, sizeof(avail));
	assert_int_equal(parse_avail(&chain, &got), 1);
	assert_int_equal(got, 65535);
	chain.size -= 1;
	assert_int_equal(parse_avail(&chain, &got), -EPROTO);
}

/* ---- fd: ------------------------------------------------------------------------------------- */

static int open_fd(int fd, struct umd_error *error)
{
	struct umd_driver *driver = NULL;
	char uri[32];
	int err;

	snprintf(uri, sizeof(uri), "fd:%d", fd);
	err = umd_driver_open(uri, NULL, &driver, error);
	umd_driver_close(driver);
	return err;
}

static void test_fds_that_are_no_device_stay_the_callers(void **state)
{
	struct umd_error error;
	int pair[2], null = open("/dev/null", O_RDWR), memory = memfd_create("x", 0);
	int before = unit_count_fds();

	assert_int_equal(open_fd(memory, &error), -EINVAL);
	assert_non_null(strstr(error.text, "neither"));
	assert_true(open_fd(null, &error) < 0);
	assert_int_equal(open_fd(1000, &error), -EBADF);
	assert_int_equal(umd_driver_open("fd:", NULL, &(struct umd_driver *){0}, &error), -EINVAL);
	assert_int_equal(umd_driver_open("fd:1x", NULL, &(struct umd_driver *){0}, &error),
			 -EINVAL);
	assert_int_equal(umd_driver_open("fd:-1", NULL, &(struct umd_driver *){0}, &error),
			 -EINVAL);
	assert_int_equal(
		umd_driver_open("fd:99999999999999999999", NULL, &(struct umd_driver *){0}, &error),
		-EINVAL);
	assert_int_equal(unit_count_fds(), before);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	assert_int_equal(open_fd(pair[0], &error), -ENODEV);
	assert_int_equal(unit_count_fds(), before + 1);
	close(pair[0]);
	close(memory);
	close(null);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_areas_are_found_behind_other_capabilities),
		cmocka_unit_test(test_all_of_a_region_without_areas_can_be_mapped),
		cmocka_unit_test(test_no_area_is_none),
		cmocka_unit_test(test_areas_outside_of_their_region_or_of_the_answer),
		cmocka_unit_test(test_chains_that_lead_back_or_out),
		cmocka_unit_test(test_chains_that_begin_where_none_can),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_ranges_ascend),
		cmocka_unit_test(test_how_many_maps_there_may_be),
		cmocka_unit_test(test_fds_that_are_no_device_stay_the_callers),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
