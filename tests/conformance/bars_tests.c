/* SPDX-License-Identifier: BSD-2-Clause */
/* BARs by calls: registers of every width, their order, what lies outside. */
#include "suite.h"

#include <errno.h>
#include <string.h>

static uint64_t read_register(struct suite *suite, const struct kind_scratch *at,
			      unsigned int width)
{
	uint8_t byte = 0;
	uint16_t word = 0;
	uint32_t dword = 0;
	uint64_t qword = 0;

	if (width == 1)
		must(umd_driver_read8(suite->driver, at->bar, at->offset, &byte));
	else if (width == 2)
		must(umd_driver_read16(suite->driver, at->bar, at->offset, &word));
	else if (width == 4)
		must(umd_driver_read32(suite->driver, at->bar, at->offset, &dword));
	else
		must(umd_driver_read64(suite->driver, at->bar, at->offset, &qword));
	return byte | word | dword | qword;
}

static void write_register(struct suite *suite, const struct kind_scratch *at, unsigned int width,
			   uint64_t value)
{
	if (width == 1)
		must(umd_driver_write8(suite->driver, at->bar, at->offset, (uint8_t)value));
	else if (width == 2)
		must(umd_driver_write16(suite->driver, at->bar, at->offset, (uint16_t)value));
	else if (width == 4)
		must(umd_driver_write32(suite->driver, at->bar, at->offset, (uint32_t)value));
	else
		must(umd_driver_write64(suite->driver, at->bar, at->offset, value));
}

static uint64_t ones(unsigned int width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

/* What is written in one width is there in all that are not wider. */
static void check_widths(struct suite *suite, const struct kind_scratch *at)
{
	for (unsigned int written = 1; written <= 8; written *= 2) {
		uint64_t value = UINT64_C(0x8877665544332211) ^ harness_random(UINT32_MAX);

		if (!(at->writes & written))
			continue;
		write_register(suite, at, written, value);
		for (unsigned int read = 1; read <= written; read *= 2) {
			if (at->reads & read)
				check(read_register(suite, at, read) ==
				      (suite_kept(at, value) & ones(read)));
		}
	}
}

static void test_widths(void *context, unsigned int argument)
{
	struct suite *suite = context;

	for (const struct kind_scratch *at = suite_scratch(suite); at->reads; at++)
		check_widths(suite, at);
}

/* Numbers on this side are little-endian bytes on the device's. */
static void test_bytes(void *context, unsigned int argument)
{
	static const uint8_t bytes[4] = {0x11, 0x22, 0x33, 0x44};
	struct suite *suite = context;
	const struct kind_scratch *at = suite_scratch(suite);
	uint8_t back[4] = {0};
	uint32_t value, kept;

	must(umd_driver_region_write(suite->driver, at->bar, at->offset, bytes, sizeof(bytes)));
	must(umd_driver_read32(suite->driver, at->bar, at->offset, &value));
	check_is(value, suite_kept(at, 0x44332211));
	must(umd_driver_write32(suite->driver, at->bar, at->offset, 0x88776655));
	must(umd_driver_region_read(suite->driver, at->bar, at->offset, back, sizeof(back)));
	kept = (uint32_t)suite_kept(at, 0x88776655);
	for (unsigned int i = 0; i < sizeof(back); i++)
		check_is(back[i], kept >> 8 * i & 0xff);
}

/* A write is there for the read behind it, and the last of several writes stays. */
static void test_order(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind_scratch *at = suite_scratch(suite);

	for (uint32_t i = 1; i <= 500; i++) {
		uint32_t value;

		must(umd_driver_write32(suite->driver, at->bar, at->offset, ~i));
		must(umd_driver_write32(suite->driver, at->bar, at->offset, i));
		must(umd_driver_read32(suite->driver, at->bar, at->offset, &value));
		check_is(value, suite_kept(at, i));
	}
}

static void test_offsets(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver *driver = suite->driver;
	const struct kind_scratch *at = suite_scratch(suite);
	uint16_t word = 0;
	uint32_t dword = 0;
	uint64_t qword = 0;

	check_is(umd_driver_read16(driver, at->bar, at->offset + 1, &word), -EINVAL);
	check_is(umd_driver_read32(driver, at->bar, at->offset + 2, &dword), -EINVAL);
	check_is(umd_driver_read64(driver, at->bar, at->offset + 4, &qword), -EINVAL);
	check_is(umd_driver_write16(driver, at->bar, at->offset + 1, word), -EINVAL);
	check_is(umd_driver_write32(driver, at->bar, at->offset + 1, dword), -EINVAL);
	check_is(umd_driver_write64(driver, at->bar, at->offset + 4, qword), -EINVAL);
	check_is(umd_driver_read32(driver, at->bar, UINT64_MAX - 3, &dword), -EINVAL);
}

static void test_outside(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_info info = {.size = sizeof(info)};
	struct umd_driver_region region = {.size = sizeof(region)};
	const struct kind_scratch *at = suite_scratch(suite);
	uint32_t value;

	must(umd_driver_get_info(suite->driver, &info));
	check_is(umd_driver_get_region(suite->driver, info.regions, &region), -EINVAL);
	check_is(umd_driver_read32(suite->driver, info.regions, 0, &value), -EINVAL);
	must(umd_driver_get_region(suite->driver, at->bar, &region));
	check_is(umd_driver_read32(suite->driver, at->bar, region.bytes, &value), -EINVAL);
	check_is(umd_driver_write32(suite->driver, at->bar, region.bytes, 0), -EINVAL);
}

/* Nothing answers while memory decoding is off. */
static void test_decoding(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind_scratch *at = suite_scratch(suite);
	uint32_t value;

	must(umd_driver_write32(suite->driver, at->bar, at->offset, 0x600d));
	suite_command(suite, false, false);
	check_is(umd_driver_read32(suite->driver, at->bar, at->offset, &value), -EIO);
	suite_command(suite, true, false);
	must(umd_driver_read32(suite->driver, at->bar, at->offset, &value));
	check_is(value, suite_kept(at, 0x600d));
}

const struct harness_test bars_tests[] = {
	{"registers are written and read in every width", test_widths, 0},
	{"registers are little-endian", test_bytes, 0},
	{"accesses take effect in order", test_order, 0},
	{"registers refuse misaligned offsets", test_offsets, 0},
	{"regions end where they say", test_outside, 0},
	{"BARs do not answer while memory decoding is off", test_decoding, 0},
	{0},
};
