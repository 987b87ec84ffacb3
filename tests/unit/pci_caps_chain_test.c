/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where capabilities lie and how they are linked: the two chains, places that are chosen and places
 * that are found, and what an author is told whose capabilities do not fit.
 */
#include "pci_caps_fixture.h"

#include <linux/pci_regs.h>

static uint32_t get(size_t offset, unsigned int size)
{
	return umd_pci_config_get(&config, offset, size);
}

static int add(const char *name, unsigned int id, unsigned int version, unsigned int at,
	       unsigned int size)
{
	const struct umd_pci_cap cap = {
		.name = name, .id = id, .version = version, .at = at, .size = size};

	return umd_pci_config_add_cap(&config, &cap, NULL, 0, &error);
}

static int add_standard(unsigned int at, unsigned int size)
{
	return add("standard", PCI_CAP_ID_VNDR, 0, at, size);
}

static int add_extended(unsigned int at, unsigned int size)
{
	return add("extended", PCI_EXT_CAP_ID_VNDR, 1, at, size);
}

/* ---- Chains -------------------------------------------------------------------------------- */

static void test_without_capabilities_there_is_no_chain(void **state)
{
	assert_int_equal(get(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
	assert_int_equal(get(PCI_CAPABILITY_LIST, 1), 0);
	assert_int_equal(get(0x100, 4), 0);
}

static void test_standard_capabilities_are_linked_in_their_order(void **state)
{
	assert_int_equal(add("MSI-X", PCI_CAP_ID_MSIX, 0, 0, 12), 0x40);
	assert_int_equal(add("vendor", PCI_CAP_ID_VNDR, 0, 0, 3), 0x4c);
	assert_int_equal(add("power", PCI_CAP_ID_PM, 0, 0, 8), 0x50);
	assert_int_equal(get(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	assert_int_equal(get(PCI_CAPABILITY_LIST, 1), 0x40);
	assert_int_equal(get(0x40, 2), 0x4c11);
	assert_int_equal(get(0x4c, 2), 0x5009);
	assert_int_equal(get(0x50, 2), 0x0001);
}

static void test_extended_capabilities_are_linked_in_their_order(void **state)
{
	assert_int_equal(add("errors", 0x0001, 2, 0, 0x48), 0x100);
	assert_int_equal(add("routing", 0x000e, 1, 0, 8), 0x148);
	assert_int_equal(add("last", 0xffff, 15, 0, 5), 0x150);
	assert_int_equal(get(0x100, 4), 0x14820001);
	assert_int_equal(get(0x148, 4), 0x1501000e);
	assert_int_equal(get(0x150, 4), 0x000fffff);
	assert_int_equal(get(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
}

static void test_the_two_chains_do_not_meet(void **state)
{
	add_standard(0, 8);
	add_extended(0, 8);
	add_standard(0, 8);
	add_extended(0, 8);
	assert_int_equal(get(0x40, 2), 0x4809);
	assert_int_equal(get(0x48, 2), 0x0009);
	assert_int_equal(get(0x100, 4), 0x1081000b);
	assert_int_equal(get(0x108, 4), 0x0001000b);
}

/* The order is that of declaration, wherever they lie. */
static void test_chosen_places_are_linked_in_order_of_declaration(void **state)
{
	assert_int_equal(add_standard(0xf8, 8), 0xf8);
	assert_int_equal(add_standard(0x40, 4), 0x40);
	assert_int_equal(add_standard(0x80, 4), 0x80);
	assert_int_equal(get(PCI_CAPABILITY_LIST, 1), 0xf8);
	assert_int_equal(get(0xf8, 2), 0x4009);
	assert_int_equal(get(0x40, 2), 0x8009);
	assert_int_equal(get(0x80, 2), 0x0009);

	assert_int_equal(add_extended(0x100, 8), 0x100);
	assert_int_equal(add_extended(0xff8, 8), 0xff8);
	assert_int_equal(add_extended(0x200, 8), 0x200);
	assert_int_equal(get(0x100, 4), 0xff81000b);
	assert_int_equal(get(0xff8, 4), 0x2001000b);
	assert_int_equal(get(0x200, 4), 0x0001000b);
}

static void test_a_place_is_found_between_chosen_ones(void **state)
{
	add_standard(0x48, 8);
	add_standard(0x54, 8);
	assert_int_equal(add_standard(0, 8), 0x40);
	assert_int_equal(add_standard(0, 8), 0x5c);
	assert_int_equal(add_standard(0, 4), 0x50);
}

static void test_headers_are_read_only_and_outlive_resets(void **state)
{
	add_standard(0, 8);
	add_standard(0, 8);
	add_extended(0, 8);
	add_extended(0, 8);
	caps_write(PCI_STD_HEADER_SIZEOF, 0xff);
	caps_write(PCI_STD_HEADER_SIZEOF, 0);
	umd_pci_config_reset(&config, 0);
	assert_int_equal(get(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	assert_int_equal(get(PCI_CAPABILITY_LIST, 1), 0x40);
	assert_int_equal(get(0x40, 2), 0x4809);
	assert_int_equal(get(0x48, 2), 0x0009);
	assert_int_equal(get(0x100, 4), 0x1081000b);
	assert_int_equal(get(0x108, 4), 0x0001000b);
}

/* PCI Express and SR-IOV have the same number, one in each chain. */
static void test_capabilities_are_found_in_their_chain(void **state)
{
	add("PCI Express", 0x10, 0, 0x60, 60);
	assert_int_equal(umd_pci_config_find_cap(&config, 0x10, false), 0x60);
	assert_int_equal(umd_pci_config_find_cap(&config, 0x10, true), -ENOENT);
	add("SR-IOV", 0x10, 1, 0, 64);
	add("vendor", 0x0b, 1, 0x200, 8);
	add("vendor", 0x0b, 1, 0x180, 8);
	assert_int_equal(umd_pci_config_find_cap(&config, 0x10, true), 0x100);
	assert_int_equal(umd_pci_config_find_cap(&config, 0x0b, true), 0x200);
	assert_int_equal(umd_pci_config_find_cap(&config, 0x0b, false), -ENOENT);
}

/* ---- The ends of the space ----------------------------------------------------------------- */

static void test_standard_capabilities_fill_their_space(void **state)
{
	unsigned int count = 0;

	assert_int_equal(add_standard(0, 192), 0x40);
	caps_setup(state);
	while (add_standard(0, 4) > 0)
		count++;
	assert_int_equal(count, 48);
	assert_string_equal(error.text, "standard: no place is left for it");
}

static void test_extended_capabilities_fill_their_space(void **state)
{
	assert_int_equal(add_extended(0, 3840), 0x100);
	caps_setup(state);
	assert_int_equal(add_extended(0, 3836), 0x100);
	assert_int_equal(add_extended(0, 4), 0xffc);
	assert_int_equal(add_extended(0, 4), -ENOSPC);
	assert_string_equal(error.text, "extended: no place is left for it");
}

static void test_there_are_so_many_capabilities_and_no_more(void **state)
{
	struct umd_pci_config before;

	for (unsigned int i = 0; i < UMD_PCI_CAPS_MAX; i++)
		assert_int_equal(add_extended(0, 4), 0x100 + 4 * i);
	before = config;
	caps_refused(add_extended(0, 4), -ENOSPC, "extended: more than 64 capabilities", &before);
	caps_refused(add_standard(0, 4), -ENOSPC, "standard: more than 64 capabilities", &before);
}

/* Beside one at 0x80 of 16 bytes, and one at 0x100 of 16 bytes. */
static void test_places_that_cannot_be_are_refused(void **state)
{
	static const struct {
		int (*add)(unsigned int at, unsigned int size);
		unsigned int at, size;
		int code;
		const char *text;
	} rows[] = {
		{add_standard, 0x42, 4, -EINVAL, "standard: at 0x42 is no place for a capability"},
		{add_standard, 0x3c, 4, -EINVAL, "standard: at 0x3c is no place for a capability"},
		{add_standard, 0x100, 4, -EINVAL,
		 "standard: at 0x100 is no place for a capability"},
		{add_extended, 0xfc, 4, -EINVAL, "extended: at 0xfc is no place for a capability"},
		{add_extended, 0x201, 4, -EINVAL,
		 "extended: at 0x201 is no place for a capability"},
		{add_extended, 0x1000, 4, -EINVAL,
		 "extended: at 0x1000 is no place for a capability"},
		{add_extended, 0xfffffffc, 8, -EINVAL,
		 "extended: at 0xfffffffc is no place for a capability"},
		{add_standard, 0xf8, 9, -ENOSPC, "standard: 9 bytes do not fit at 0xf8"},
		{add_extended, 0xffc, 5, -ENOSPC, "extended: 5 bytes do not fit at 0xffc"},
		{add_standard, 0, 113, -ENOSPC, "standard: no place is left for it"},
		{add_extended, 0, 3825, -ENOSPC, "extended: 3825 bytes do not fit at 0x110"},
		{add_standard, 0x80, 4, -EEXIST, "standard: at 0x80 overlaps first at 0x80"},
		{add_standard, 0x7c, 5, -EEXIST, "standard: at 0x7c overlaps first at 0x80"},
		{add_standard, 0x8c, 4, -EEXIST, "standard: at 0x8c overlaps first at 0x80"},
		{add_extended, 0x10c, 32, -EEXIST, "extended: at 0x10c overlaps second at 0x100"},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct umd_pci_config before;

		caps_setup(state);
		add("first", PCI_CAP_ID_PM, 0, 0x80, 16);
		add("second", PCI_EXT_CAP_ID_ERR, 1, 0x100, 16);
		before = config;
		caps_refused(rows[i].add(rows[i].at, rows[i].size), rows[i].code, rows[i].text,
			     &before);
	}
}

static void test_extended_chain_begins_at_0x100(void **state)
{
	struct umd_pci_config before = config;

	caps_refused(add_extended(0x200, 8), -EINVAL,
		     "extended: at 0x200: the first extended capability lies at 0x100", &before);
	assert_int_equal(add_extended(0x100, 8), 0x100);
	assert_int_equal(add_extended(0x200, 8), 0x200);
}

static void test_declarations_need_no_error(void **state)
{
	const struct umd_pci_cap cap = {.name = "x", .id = 1, .at = 3, .size = 4};

	assert_int_equal(umd_pci_config_add_cap(&config, &cap, NULL, 0, NULL), -EINVAL);
}

/* ---- The whole ----------------------------------------------------------------------------- */

static void test_extended_capabilities_need_pci_express(void **state)
{
	assert_int_equal(umd_pci_config_realize(&config, &error), 0);
	add_standard(0, 8);
	config.is_express = false;
	assert_int_equal(umd_pci_config_realize(&config, &error), 0);
	add_extended(0, 8);
	assert_int_equal(umd_pci_config_realize(&config, &error), -EINVAL);
	assert_string_equal(error.text,
			    "extended: extended capabilities need a PCI Express capability");
	config.is_express = true;
	assert_int_equal(umd_pci_config_realize(&config, &error), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_without_capabilities_there_is_no_chain),
		CAPS_TEST(test_standard_capabilities_are_linked_in_their_order),
		CAPS_TEST(test_extended_capabilities_are_linked_in_their_order),
		CAPS_TEST(test_the_two_chains_do_not_meet),
		CAPS_TEST(test_chosen_places_are_linked_in_order_of_declaration),
		CAPS_TEST(test_a_place_is_found_between_chosen_ones),
		CAPS_TEST(test_headers_are_read_only_and_outlive_resets),
		CAPS_TEST(test_capabilities_are_found_in_their_chain),
		CAPS_TEST(test_standard_capabilities_fill_their_space),
		CAPS_TEST(test_extended_capabilities_fill_their_space),
		CAPS_TEST(test_there_are_so_many_capabilities_and_no_more),
		CAPS_TEST(test_places_that_cannot_be_are_refused),
		CAPS_TEST(test_extended_chain_begins_at_0x100),
		CAPS_TEST(test_declarations_need_no_error),
		CAPS_TEST(test_extended_capabilities_need_pci_express),
	};

	return cmocka_run_group_tests_name("pci_caps_chain", tests, NULL, NULL);
}
