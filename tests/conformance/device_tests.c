/* SPDX-License-Identifier: BSD-2-Clause */
/* The device as a whole: its name, opening it, structs of other versions, resets. */
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void need_reset(struct suite *suite)
{
	struct umd_driver_info info = {.size = sizeof(info)};

	must(umd_driver_get_info(suite->driver, &info));
	if (info.flags & UMD_DRIVER_RESET)
		return;
	check_is(umd_driver_reset(suite->driver), -EOPNOTSUPP);
	harness_skip("the device cannot be reset");
}

static void reset(struct suite *suite)
{
	must(umd_driver_reset(suite->driver));
	suite_command(suite, true, true);
}

static void test_registers(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind_scratch *at = suite_scratch(suite);
	uint32_t value;

	need_reset(suite);
	must(umd_driver_write32(suite->driver, at->bar, at->offset, 0x12345678));
	reset(suite);
	must(umd_driver_read32(suite->driver, at->bar, at->offset, &value));
	check_is(value, 0);
}

static void test_maps(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory memory;

	need_reset(suite);
	suite_kind(suite);
	suite_map(suite, &memory, SUITE_PAGE, SUITE_BOTH);
	reset(suite);
	strcpy((char *)memory.bytes, "after the reset");
	must(suite_copy(suite, memory.iova, memory.iova + 2048, 16));
	check(!strcmp((char *)memory.bytes + 2048, "after the reset"));
	suite_unmap(suite, &memory);
}

static void test_interrupts(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind *kind = suite_kind(suite);
	int fd;

	need_reset(suite);
	if (umd_driver_irq_count(suite->driver, kind->msi_index) <= 0)
		harness_skip("the device sends no messages");
	fd = suite_eventfd();
	must(umd_driver_irq_set_fds(suite->driver, kind->msi_index, 0, 1, &fd));
	reset(suite);
	kind->send_msi(suite);
	check_is(suite_fired(fd, SUITE_WAIT_MS), 1);
	must(umd_driver_irq_disable(suite->driver, kind->msi_index));
	close(fd);
}

/* Who opens the device finds it fresh. */
static void test_reopened(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind_scratch *at = suite_scratch(suite);
	struct umd_error error;
	uint32_t value;

	need_reset(suite);
	must(umd_driver_write32(suite->driver, at->bar, at->offset, 0x12345678));
	suite_close(suite);
	must(umd_driver_open(suite->uri, NULL, &suite->driver, &error));
	suite_command(suite, true, true);
	must(umd_driver_read32(suite->driver, at->bar, at->offset, &value));
	check_is(value, 0);
}

static void test_name(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const char *name = umd_driver_name(suite->driver);

	check(name && *name);
	check(strstr(suite->uri, name) || !strncmp(suite->uri, "fd:", 3) ||
	      !strncmp(suite->uri, "cdev:", 5));
}

/* Structs of another version: shorter ones are filled in part, longer ones with zeroes. */
static void test_sizes(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_info whole = {.size = sizeof(whole)};
	struct umd_driver_info part = {.size = offsetof(struct umd_driver_info, regions),
				       .regions = 12345};
	struct {
		struct umd_driver_info info;
		uint64_t later;
	} longer = {.info.size = sizeof(longer), .later = 1};

	must(umd_driver_get_info(suite->driver, &whole));
	must(umd_driver_get_info(suite->driver, &part));
	must(umd_driver_get_info(suite->driver, &longer.info));
	check_is(part.flags, whole.flags);
	check_is(part.regions, 12345);
	check_is(longer.info.irqs, whole.irqs);
	check_is(longer.later, 0);
	part.size = 1;
	check_is(umd_driver_get_info(suite->driver, &part), -EINVAL);
}

static void test_open(void *context, unsigned int argument)
{
	struct umd_driver_options options = {.size = 1};
	struct suite *suite = context;
	struct umd_driver *driver = NULL;
	struct umd_error error = {0};

	check_is(umd_driver_open("nothing:/x", NULL, &driver, &error), -EPROTONOSUPPORT);
	check(error.text[0]);
	check_is(umd_driver_open("nothing", NULL, &driver, NULL), -EINVAL);
	check_is(umd_driver_open(suite->uri, &options, &driver, NULL), -EINVAL);
	check(!driver);
	umd_driver_close(NULL);
}

const struct harness_test device_tests[] = {
	{"the device has a name", test_name, 0},
	{"what cannot be opened is told in a sentence", test_open, 0},
	{"structs of other sizes are filled in as far as they go", test_sizes, 0},
	{"a reset brings registers back", test_registers, 0},
	{"a reset keeps maps", test_maps, 0},
	{"a reset keeps eventfds", test_interrupts, 0},
	{"a device that is opened again is fresh", test_reopened, 0},
	{0},
};
