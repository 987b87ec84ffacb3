/* SPDX-License-Identifier: BSD-2-Clause */
/* BARs that are mapped: the areas that may be, and what is the same through map and call. */
#include "suite.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

/* An area that can be mapped, with a register that may be written. */
struct place {
	unsigned int bar;
	struct umd_driver_area area;
	uint64_t offset; /* of a register of 32 bits, in the region */
	uint32_t mask;	 /* bits that it has */
	uint64_t region_bytes;
};

static bool holds(const struct umd_driver_area *area, uint64_t offset)
{
	return offset >= area->offset && offset - area->offset < area->size;
}

/* Memory behind a BAR that is not the scratch registers' takes anything, too. */
static bool find_register(const struct kind *kind, struct place *place)
{
	bool registers = false;

	for (const struct kind_scratch *at = kind->scratch; at->reads; at++) {
		registers |= at->bar == place->bar;
		if (at->bar != place->bar || !holds(&place->area, at->offset))
			continue;
		place->offset = at->offset;
		place->mask = (uint32_t)suite_kept(at, UINT32_MAX);
		return true;
	}
	place->offset = place->area.offset;
	place->mask = UINT32_MAX;
	return !registers;
}

static bool find_in_bar(struct suite *suite, unsigned int bar, struct place *ret)
{
	struct umd_driver_region region = {.size = sizeof(region)};
	struct umd_driver_area areas[UMD_DRIVER_AREAS_MAX];
	unsigned int count;

	must(umd_driver_get_region(suite->driver, bar, &region));
	must(umd_driver_get_areas(suite->driver, bar, areas, UMD_DRIVER_AREAS_MAX, &count));
	check_is(count, region.areas);
	for (unsigned int i = 0; i < count; i++) {
		*ret = (struct place){.bar = bar, .area = areas[i], .region_bytes = region.bytes};
		check(areas[i].size && areas[i].size <= region.bytes &&
		      areas[i].offset <= region.bytes - areas[i].size);
		if (find_register(suite->kind, ret))
			return true;
	}
	return false;
}

static struct place find_place(struct suite *suite)
{
	struct place place;

	suite_kind(suite);
	for (unsigned int bar = UMD_DRIVER_BAR0; bar <= UMD_DRIVER_BAR5; bar++) {
		if (find_in_bar(suite, bar, &place))
			return place;
	}
	harness_skip("the device has no BAR that can be mapped");
}

static volatile uint32_t *map_place(struct suite *suite, const struct place *place,
				    volatile void **ret)
{
	must(umd_driver_region_map(suite->driver, place->bar, place->area.offset, place->area.size,
				   ret));
	return (volatile uint32_t *)((volatile uint8_t *)*ret +
				     (place->offset - place->area.offset));
}

static void test_same(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct place place = find_place(suite);
	volatile void *address;
	volatile uint32_t *there;
	uint32_t value;

	must(umd_driver_write32(suite->driver, place.bar, place.offset, 0x11223344));
	there = map_place(suite, &place, &address);
	check_is(le32toh(*there), 0x11223344 & place.mask);
	*there = htole32(0x55667788);
	must(umd_driver_region_read(suite->driver, place.bar, place.offset, &value, 4));
	check_is(le32toh(value), 0x55667788 & place.mask);
	must(umd_driver_write32(suite->driver, place.bar, place.offset, 0x99aabbcc));
	check_is(le32toh(*there), 0x99aabbcc & place.mask);

	must(umd_driver_region_unmap(suite->driver, address));
	must(umd_driver_read32(suite->driver, place.bar, place.offset, &value));
	check_is(value, 0x99aabbcc & place.mask);
	check_is(umd_driver_region_unmap(suite->driver, address), -EINVAL);
}

static void test_refused(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct place place = find_place(suite);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), at = place.area.offset;
	volatile void *address, *other;

	check_is(umd_driver_region_map(suite->driver, place.bar, at + 4, page, &address), -EINVAL);
	check_is(umd_driver_region_map(suite->driver, place.bar, at, page - 4, &address), -EINVAL);
	check_is(umd_driver_region_map(suite->driver, place.bar, at, 0, &address), -EINVAL);
	check_is(umd_driver_region_map(suite->driver, place.bar, at, place.region_bytes + page,
				       &address),
		 -ENOTSUP);
	must(umd_driver_region_map(suite->driver, place.bar, at, page, &address));
	check_is(umd_driver_region_map(suite->driver, place.bar, at, page, &other), -EBUSY);
	must(umd_driver_region_unmap(suite->driver, address));
	must(umd_driver_region_map(suite->driver, place.bar, at, page, &address));
	/* The device's end takes it along. */
}

/* Config space is never mapped. */
static void test_config(void *context, unsigned int argument)
{
	struct suite *suite = context;
	volatile void *address;

	check_is(umd_driver_region_map(suite->driver, UMD_DRIVER_CONFIG, 0, SUITE_PAGE, &address),
		 -ENOTSUP);
}

const struct harness_test map_tests[] = {
	{"a mapped register is the one that calls reach", test_same, 0},
	{"maps of regions are refused outside of areas, and twice", test_refused, 0},
	{"config space cannot be mapped", test_config, 0},
	{0},
};
