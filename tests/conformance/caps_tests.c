/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities: what the library finds against a walk of the chains by hand. */
#include "suite.h"

#include <errno.h>
#include <linux/pci_regs.h>

static uint8_t byte_at(struct suite *suite, unsigned int offset)
{
	uint8_t value;

	must(umd_driver_config_read8(suite->driver, offset, &value));
	return value;
}

/* Each is listed, in this order, and the first with its id is found. */
static void test_walk(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_cap caps[UMD_DRIVER_CAPS_MAX];
	bool seen[256] = {false};
	unsigned int count, listed, found, at = 0;

	must(umd_driver_list_caps(suite->driver, caps, UMD_DRIVER_CAPS_MAX, &count));
	if (byte_at(suite, PCI_STATUS) & PCI_STATUS_CAP_LIST)
		at = byte_at(suite, PCI_CAPABILITY_LIST) & ~3u;
	for (listed = 0; at; listed++) {
		unsigned int id = byte_at(suite, at);

		check(listed < count);
		check_is(caps[listed].offset, at);
		check_is(caps[listed].id, id);
		must(umd_driver_find_cap(suite->driver, id, &found));
		check(found == at || seen[id]);
		seen[id] = true;
		at = byte_at(suite, at + PCI_CAP_LIST_NEXT) & ~3u;
	}
	check_is(count, listed);
	check_is(umd_driver_find_cap(suite->driver, 0xfe, &found), -ENOENT);
}

static void test_extended_walk(void *context, unsigned int argument)
{
	struct suite *suite = context;
	static struct umd_driver_cap caps[UMD_DRIVER_EXT_CAPS_MAX];
	unsigned int count, listed = 0, found, at = PCI_CFG_SPACE_SIZE;
	uint32_t header;

	must(umd_driver_list_ext_caps(suite->driver, caps, UMD_DRIVER_EXT_CAPS_MAX, &count));
	if (!count)
		harness_skip("the device has no extended capability");
	for (; at; listed++, at = PCI_EXT_CAP_NEXT(header)) {
		check(listed < count);
		must(umd_driver_config_read32(suite->driver, at, &header));
		check_is(caps[listed].offset, at);
		check_is(caps[listed].id, PCI_EXT_CAP_ID(header));
		check_is(caps[listed].version, PCI_EXT_CAP_VER(header));
		must(umd_driver_find_ext_cap(suite->driver, caps[listed].id, &found));
		check(found <= at);
	}
	check_is(count, listed);
	check_is(umd_driver_find_ext_cap(suite->driver, 0xfffe, &found), -ENOENT);
}

static void test_room(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_cap all[UMD_DRIVER_CAPS_MAX], one;
	unsigned int count, again;

	must(umd_driver_list_caps(suite->driver, all, UMD_DRIVER_CAPS_MAX, &count));
	if (!count)
		harness_skip("the device has no capability");
	must(umd_driver_list_caps(suite->driver, NULL, 0, &again));
	check_is(again, count);
	must(umd_driver_list_caps(suite->driver, &one, 1, &again));
	check_is(again, count);
	check_is(one.offset, all[0].offset);
}

const struct harness_test caps_tests[] = {
	{"capabilities are found as the chain has them", test_walk, 0},
	{"extended capabilities are found as the chain has them", test_extended_walk, 0},
	{"capabilities are counted where there is no room for them", test_room, 0},
	{0},
};
