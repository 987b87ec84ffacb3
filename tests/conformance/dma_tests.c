/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps: their limits, where they lie, what is refused. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MANY 400u

/* Memory that a test maps in pieces. */
static struct umd_driver_buffer *make_buffer(struct suite *suite, size_t bytes,
					     struct umd_driver_dma *ret)
{
	struct umd_driver_dma_limits limits;
	struct umd_driver_buffer *buffer;

	suite_dma_limits(suite, &limits);
	must(umd_driver_buffer_create(bytes, 0, &buffer));
	check(buffer->address && buffer->bytes >= bytes && buffer->fd >= 0);
	*ret = (struct umd_driver_dma){.size = sizeof(*ret),
				       .address = buffer->address,
				       .bytes = buffer->bytes,
				       .fd = buffer->fd,
				       .flags = SUITE_BOTH};
	return buffer;
}

static void test_limits(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_dma_limits limits;
	unsigned int count;

	suite_dma_limits(suite, &limits);
	check(limits.page_sizes);
	check(limits.max_maps > 0);
	check(limits.ranges > 0);
	must(umd_driver_get_dma_ranges(suite->driver, NULL, 0, &count));
	check_is(count, limits.ranges);
	must(umd_driver_get_dma_ranges(suite->driver, ranges, UMD_DRIVER_AREAS_MAX, &count));
	for (unsigned int i = 0; i < count; i++) {
		check(ranges[i].first <= ranges[i].last);
		check(!i || ranges[i].first > ranges[i - 1].last);
	}
}

static bool may_be_mapped(struct suite *suite, uint64_t first, uint64_t bytes)
{
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	unsigned int count;

	must(umd_driver_get_dma_ranges(suite->driver, ranges, UMD_DRIVER_AREAS_MAX, &count));
	for (unsigned int i = 0; i < count; i++) {
		if (first >= ranges[i].first && first <= ranges[i].last &&
		    bytes - 1 <= ranges[i].last - first)
			return true;
	}
	return false;
}

static void test_chosen(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer = make_buffer(suite, 16 * SUITE_PAGE, &dma);
	struct umd_driver_map *map, *again;
	uint64_t iova, other;

	must(umd_driver_dma_map(suite->driver, &dma, &map, &iova));
	check(iova && iova % SUITE_PAGE == 0);
	check(may_be_mapped(suite, iova, dma.bytes));
	must(umd_driver_dma_map(suite->driver, &dma, &again, &other));
	check(other >= iova + dma.bytes || iova >= other + dma.bytes);
	must(umd_driver_dma_unmap(suite->driver, map));
	must(umd_driver_dma_unmap(suite->driver, again));
	umd_driver_buffer_destroy(buffer);
}

static void test_fixed(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer = make_buffer(suite, 4 * SUITE_PAGE, &dma);
	uint64_t base = suite_iova(suite, 16 * SUITE_PAGE) + 4 * SUITE_PAGE, iova;
	struct umd_driver_map *map, *other;

	dma.flags |= UMD_DRIVER_DMA_FIXED;
	dma.iova = base;
	must(umd_driver_dma_map(suite->driver, &dma, &map, &iova));
	check(iova == base);

	check_is(umd_driver_dma_map(suite->driver, &dma, &other, &iova), -EEXIST);
	dma.iova = base + SUITE_PAGE;
	check_is(umd_driver_dma_map(suite->driver, &dma, &other, &iova), -EEXIST);
	dma.iova = base - 3 * SUITE_PAGE;
	check_is(umd_driver_dma_map(suite->driver, &dma, &other, &iova), -EEXIST);
	dma.iova = base - 4 * SUITE_PAGE; /* beside it */
	must(umd_driver_dma_map(suite->driver, &dma, &other, &iova));
	must(umd_driver_dma_unmap(suite->driver, map));
	dma.iova = base; /* free again */
	must(umd_driver_dma_map(suite->driver, &dma, &map, &iova));
	must(umd_driver_dma_unmap(suite->driver, map));
	must(umd_driver_dma_unmap(suite->driver, other));
	umd_driver_buffer_destroy(buffer);
}

/* Output parameters are not touched. */
static void check_refused(struct suite *suite, const struct umd_driver_dma *dma, int expected)
{
	struct umd_driver_map *map = NULL;
	uint64_t iova = 1;

	check_is(umd_driver_dma_map(suite->driver, dma, &map, &iova), expected);
	check(!map && iova == 1);
}

static void test_refused(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma good, dma;
	struct umd_driver_buffer *buffer = make_buffer(suite, 4 * SUITE_PAGE, &good);

	dma = good;
	dma.bytes = 0;
	check_refused(suite, &dma, -EINVAL);
	dma.bytes = SUITE_PAGE / 2;
	check_refused(suite, &dma, -EINVAL);
	dma = good;
	dma.address = (uint8_t *)good.address + 8;
	check_refused(suite, &dma, -EINVAL);
	dma = good;
	dma.flags = 0;
	check_refused(suite, &dma, -EINVAL);
	dma.flags = SUITE_BOTH | 1u << 31;
	check_refused(suite, &dma, -EINVAL);
	dma = good;
	dma.size = 4;
	check_refused(suite, &dma, -EINVAL);
	dma = good;
	dma.flags |= UMD_DRIVER_DMA_FIXED;
	dma.iova = suite_iova(suite, 8 * SUITE_PAGE) + 8;
	check_refused(suite, &dma, -EINVAL);
	umd_driver_buffer_destroy(buffer);
}

static void test_outside(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer = make_buffer(suite, 4 * SUITE_PAGE, &dma);
	unsigned int count;

	must(umd_driver_get_dma_ranges(suite->driver, ranges, UMD_DRIVER_AREAS_MAX, &count));
	umd_driver_buffer_destroy(buffer);
	if (ranges[count - 1].last == UINT64_MAX && count == 1 && !ranges[0].first)
		harness_skip("everything may be mapped");

	buffer = make_buffer(suite, 4 * SUITE_PAGE, &dma);
	dma.flags |= UMD_DRIVER_DMA_FIXED;
	for (unsigned int i = 0; i < count; i++) {
		if (ranges[i].last >= UINT64_MAX - 4 * SUITE_PAGE)
			continue;
		dma.iova = ranges[i].last + 1 - SUITE_PAGE; /* partly */
		check_refused(suite, &dma, -ERANGE);
		dma.iova = ranges[i].last + 1;
		if (!may_be_mapped(suite, dma.iova, dma.bytes))
			check_refused(suite, &dma, -ERANGE);
	}
	umd_driver_buffer_destroy(buffer);
}

static void test_pasid(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma_limits limits;
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer;

	suite_dma_limits(suite, &limits);
	if (limits.flags & UMD_DRIVER_DMA_HAS_PASID)
		harness_skip("the device has PASIDs");
	buffer = make_buffer(suite, SUITE_PAGE, &dma);
	dma.flags |= UMD_DRIVER_DMA_PASID;
	dma.pasid = 1;
	check_refused(suite, &dma, -EOPNOTSUPP);
	umd_driver_buffer_destroy(buffer);
}

/* ---- Many maps ----------------------------------------------------------------------------- */

struct maps {
	struct umd_driver_map *handles[MANY];
	uint64_t iovas[MANY];
	bool mapped[MANY];
};

static void check_apart(const struct maps *maps, unsigned int one)
{
	for (unsigned int i = 0; i < MANY; i++) {
		if (i != one && maps->mapped[i])
			check(maps->iovas[i] + SUITE_PAGE <= maps->iovas[one] ||
			      maps->iovas[one] + SUITE_PAGE <= maps->iovas[i]);
	}
}

static void test_many(void *context, unsigned int argument)
{
	static struct maps maps;
	struct suite *suite = context;
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer = make_buffer(suite, MANY * SUITE_PAGE, &dma);

	maps = (struct maps){0};
	dma.bytes = SUITE_PAGE;
	for (unsigned int step = 0; step < 4 * MANY; step++) {
		unsigned int i = step < MANY ? step : harness_random(MANY);

		if (maps.mapped[i]) {
			must(umd_driver_dma_unmap(suite->driver, maps.handles[i]));
		} else {
			dma.address = (uint8_t *)buffer->address + (size_t)i * SUITE_PAGE;
			dma.fd_offset = (uint64_t)i * SUITE_PAGE;
			must(umd_driver_dma_map(suite->driver, &dma, &maps.handles[i],
						&maps.iovas[i]));
			check_apart(&maps, i);
		}
		maps.mapped[i] = !maps.mapped[i];
	}
	for (unsigned int i = 0; i < MANY; i++) {
		if (maps.mapped[i])
			must(umd_driver_dma_unmap(suite->driver, maps.handles[i]));
	}
	umd_driver_buffer_destroy(buffer);
}

/* As many as there may be, then one more; and one goes, another comes. */
static void test_most(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma_limits limits;
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer;
	struct umd_driver_map **maps;
	uint64_t iova;

	suite_dma_limits(suite, &limits);
	if (limits.max_maps > suite->most_maps)
		harness_skip("it takes %llu maps, more than are tried",
			     (unsigned long long)limits.max_maps);
	buffer = make_buffer(suite, SUITE_PAGE, &dma);
	maps = calloc((size_t)limits.max_maps, sizeof(struct umd_driver_map *));
	check(maps);
	for (uint64_t i = 0; i < limits.max_maps; i++)
		must(umd_driver_dma_map(suite->driver, &dma, &maps[i], &iova));
	check_refused(suite, &dma, -ENOSPC);
	must(umd_driver_dma_unmap(suite->driver, maps[limits.max_maps / 2]));
	must(umd_driver_dma_map(suite->driver, &dma, &maps[limits.max_maps / 2], &iova));
	for (uint64_t i = 0; i < limits.max_maps; i++)
		must(umd_driver_dma_unmap(suite->driver, maps[i]));
	free(maps);
	umd_driver_buffer_destroy(buffer);
}

/* What is not unmapped ends with the device. */
static void test_left(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma dma;
	struct umd_driver_buffer *buffer = make_buffer(suite, 8 * SUITE_PAGE, &dma);
	struct umd_driver_map *map;
	struct umd_error error;
	uint64_t iova;

	must(suite_map_dma(suite, &dma, &map, &iova));
	suite_close(suite);
	must(umd_driver_open(suite->uri, NULL, &suite->driver, &error));
	dma.flags |= UMD_DRIVER_DMA_FIXED;
	dma.iova = iova;
	must(umd_driver_dma_map(suite->driver, &dma, &map, &iova));
	umd_driver_buffer_destroy(buffer);
}

static void test_buffers(void *context, unsigned int argument)
{
	struct umd_driver_buffer *buffer = NULL;

	check_is(umd_driver_buffer_create(0, 0, &buffer), -EINVAL);
	check_is(umd_driver_buffer_create(SUITE_PAGE, 1u << 31, &buffer), -EINVAL);
	check(!buffer);
	must(umd_driver_buffer_create(1, 0, &buffer));
	check(buffer->bytes >= SUITE_PAGE && buffer->bytes % SUITE_PAGE == 0);
	check((uintptr_t)buffer->address % SUITE_PAGE == 0);
	for (size_t i = 0; i < buffer->bytes; i++)
		check(!((uint8_t *)buffer->address)[i]);
	umd_driver_buffer_destroy(buffer);
	umd_driver_buffer_destroy(NULL);
}

const struct harness_test dma_tests[] = {
	{"buffers are whole pages of zeroes", test_buffers, 0},
	{"limits of DMA make sense", test_limits, 0},
	{"an IOVA that was chosen may be mapped and is nobody else's", test_chosen, 0},
	{"a fixed IOVA is kept, and overlaps nothing", test_fixed, 0},
	{"maps that are misaligned, empty or of no use are refused", test_refused, 0},
	{"an IOVA outside of what may be mapped is refused", test_outside, 0},
	{"PASIDs are refused where there are none", test_pasid, 0},
	{"hundreds of maps come and go in any order", test_many, 0},
	{"as many maps as the limit says, and no more", test_most, 0},
	{"maps that were left end with the device", test_left, 0},
	{0},
};
