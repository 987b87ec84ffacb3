/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a backend of the driver library does what umdev/driver.h says, in TAP.
 *
 *   conform URI [--device copier|dsa|edu] [--maps N]
 *
 * The kind of device is known by its ids. `fake:copier` and `fake:edu` are offered by the program
 * itself. Maps are made up to the limit where that is at most N.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "offer.h"
#include "suite.h"

#define TIME_LIMIT 540 /* seconds, for all of it */
#define SETTLE_US  200000
#define FAKE	   "fake:"

static const struct kind *const kinds[] = {&kind_copier, &kind_dsa, &kind_edu};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- Around each test ---------------------------------------------------------------------- */

static void begin(void *context)
{
	struct suite *suite = context;
	struct umd_error error = {0};

	suite->fds_before = harness_fds();
	suite->next_iova = 0x1000000;
	suite->fds_may_stay = false;
	suite->driver = NULL;
	if (umd_driver_open(suite->uri, NULL, &suite->driver, &error))
		harness_fail(__FILE__, __LINE__, "%s: %s", suite->uri, error.text);
}

/* What a device of this process makes with its first copy is there before fds are counted. */
static void test_first(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory memory;

	suite->fds_may_stay = true;
	suite_kind(suite);
	suite_map(suite, &memory, SUITE_PAGE, SUITE_BOTH);
	must(suite_copy(suite, memory.iova, memory.iova + SUITE_PAGE / 2, 64));
	suite_unmap(suite, &memory);
}

static const struct harness_test first_tests[] = {
	{"a first copy is made", test_first, 0},
	{0},
};

static const struct harness_test *const tables[] = {
	first_tests, device_tests, config_tests, caps_tests, bars_tests, map_tests,
	irq_tests,   event_tests,  dma_tests,	 copy_tests, NULL,
};

/* A process that serves itself closes what it was sent on a thread: that may take a moment. */
static void end(void *context)
{
	struct suite *suite = context;
	int64_t patience = harness_ms() + SUITE_WAIT_MS;

	suite_close(suite);
	if (suite->fds_may_stay) {
		harness_sleep_us(SETTLE_US);
		return;
	}
	while (harness_fds() > suite->fds_before && harness_ms() < patience)
		harness_sleep_us(1000);
	check_is(harness_fds(), suite->fds_before);
}

/* ---- What it runs on ----------------------------------------------------------------------- */

static bool is_of(const struct kind *kind, uint16_t vendor, uint16_t device)
{
	return vendor == kind->vendor &&
	       (device == kind->device || (kind->other_device && device == kind->other_device));
}

static const struct kind *recognise(const char *uri)
{
	const struct kind *found = NULL;
	struct umd_driver *driver;
	struct umd_error error = {0};
	uint32_t ids;

	if (umd_driver_open(uri, NULL, &driver, &error)) {
		fprintf(stderr, "conform: %s\n", error.text);
		exit(1);
	}
	if (!umd_driver_config_read32(driver, PCI_VENDOR_ID, &ids)) {
		for (unsigned int i = 0; i < KINDS; i++) {
			if (is_of(kinds[i], (uint16_t)ids, (uint16_t)(ids >> 16)))
				found = kinds[i];
		}
	}
	umd_driver_close(driver);
	return found;
}

static const struct kind *by_name(const char *name)
{
	for (unsigned int i = 0; i < KINDS; i++) {
		if (!strcmp(name, kinds[i]->name))
			return kinds[i];
	}
	fprintf(stderr, "conform: no kind of device is called %s\n", name);
	exit(2);
}

static void parse(int argc, char **argv, struct suite *suite)
{
	static const struct option options[] = {
		{"device", required_argument, NULL, 'd'},
		{"maps", required_argument, NULL, 'm'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			suite->kind = by_name(optarg);
		else if (option == 'm')
			suite->most_maps = strtoull(optarg, NULL, 10);
		else
			exit(2);
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: conform URI [--device copier|dsa|edu] [--maps N]\n");
		exit(2);
	}
	suite->uri = argv[optind];
}

int main(int argc, char **argv)
{
	static struct suite suite = {.most_maps = 70000};
	const struct harness harness = {&suite, begin, end};
	struct umd_device *device = NULL;
	int status;

	parse(argc, argv, &suite);
	alarm(TIME_LIMIT);
	if (!strncmp(suite.uri, FAKE, strlen(FAKE))) {
		device = offer_device(suite.uri + strlen(FAKE));
		if (!device)
			return 1;
	}
	if (!suite.kind)
		suite.kind = recognise(suite.uri);
	printf("# %s, %s\n", suite.uri, suite.kind ? suite.kind->name : "of no kind that is known");
	status = harness_run(&harness, tables);
	offer_end(device);
	return status;
}
