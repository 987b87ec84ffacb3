/* SPDX-License-Identifier: BSD-2-Clause */
/* The walks along the capability chains, in config spaces that are well and in broken ones. */
#include "driver_fixture.h"

#include <linux/pci_regs.h>

static struct fake fake;
static struct umd_driver *driver;

static void put16(size_t offset, uint16_t value)
{
	fake.config[offset] = (uint8_t)value;
	fake.config[offset + 1] = (uint8_t)(value >> 8);
}

static void put_cap(size_t offset, uint8_t id, uint8_t next)
{
	fake.config[offset] = id;
	fake.config[offset + 1] = next;
}

static void put_ext_cap(size_t offset, uint16_t id, unsigned int version, size_t next)
{
	put16(offset, id);
	put16(offset + 2, (uint16_t)(version | next << 4));
}

static void begin(void)
{
	fake_start(&fake);
	driver = fake_open(&fake);
}

/* MSI-X at 0x40, vendor at 0x80, another vendor at 0x50. */
static int put_chain(void **state)
{
	memset(&fake, 0, sizeof(fake));
	fake.config_size = 4096;
	put16(PCI_STATUS, PCI_STATUS_CAP_LIST);
	fake.config[PCI_CAPABILITY_LIST] = 0x40;
	put_cap(0x40, PCI_CAP_ID_MSIX, 0x80);
	put_cap(0x80, PCI_CAP_ID_VNDR, 0x50);
	put_cap(0x50, PCI_CAP_ID_VNDR, 0);
	put_ext_cap(0x100, PCI_EXT_CAP_ID_ERR, 2, 0x200);
	put_ext_cap(0x200, PCI_EXT_CAP_ID_PASID, 1, 0xffc);
	put_ext_cap(0xffc, PCI_EXT_CAP_ID_ATS, 1, 0);
	return 0;
}

static int end(void **state)
{
	umd_driver_close(driver);
	if (*fake.uri)
		fake_stop(&fake);
	driver = NULL;
	return 0;
}

static void test_find(void **state)
{
	unsigned int offset = 1;

	begin();
	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_MSIX, &offset), 0);
	assert_int_equal(offset, 0x40);
	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_VNDR, &offset), 0);
	assert_int_equal(offset, 0x80);
	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_MSI, &offset), -ENOENT);
	assert_int_equal(offset, 0x80);
}

static void test_find_extended(void **state)
{
	unsigned int offset;

	begin();
	assert_int_equal(umd_driver_find_ext_cap(driver, PCI_EXT_CAP_ID_ERR, &offset), 0);
	assert_int_equal(offset, 0x100);
	assert_int_equal(umd_driver_find_ext_cap(driver, PCI_EXT_CAP_ID_ATS, &offset), 0);
	assert_int_equal(offset, 0xffc);
	assert_int_equal(umd_driver_find_ext_cap(driver, PCI_EXT_CAP_ID_DSN, &offset), -ENOENT);
}

static void test_list(void **state)
{
	struct umd_driver_cap caps[2];
	unsigned int count;

	begin();
	assert_int_equal(umd_driver_list_caps(driver, caps, 2, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(caps[1].id, PCI_CAP_ID_VNDR);
	assert_int_equal(caps[1].offset, 0x80);
	assert_int_equal(caps[1].version, 0);
	assert_int_equal(umd_driver_list_ext_caps(driver, caps, 2, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(caps[0].version, 2);
	assert_int_equal(caps[1].id, PCI_EXT_CAP_ID_PASID);
	assert_int_equal(caps[1].offset, 0x200);
}

static void test_none(void **state)
{
	unsigned int count, offset;

	put16(PCI_STATUS, 0);
	fake.config_size = 256;
	begin();
	assert_int_equal(umd_driver_list_caps(driver, NULL, 0, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(umd_driver_list_ext_caps(driver, NULL, 0, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_MSIX, &offset), -ENOENT);
	assert_int_equal(umd_driver_find_ext_cap(driver, 0, &offset), -ENOENT);
}

static void test_config_that_is_cut_short(void **state)
{
	unsigned int count;

	fake.config_size = 0x41;
	begin();
	assert_int_equal(umd_driver_list_caps(driver, NULL, 0, &count), 0);
	assert_int_equal(count, 0);
}

static void test_loops(void **state)
{
	unsigned int count, offset;

	put_cap(0x50, PCI_CAP_ID_VNDR, 0x43); /* the low bits do not count */
	put_ext_cap(0x200, PCI_EXT_CAP_ID_PASID, 1, 0x200);
	begin();
	assert_int_equal(umd_driver_list_caps(driver, NULL, 0, &count), -ELOOP);
	assert_int_equal(count, 3);
	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_VNDR, &offset), 0);
	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_MSI, &offset), -ENOENT);
	assert_int_equal(umd_driver_list_ext_caps(driver, NULL, 0, &count), -ELOOP);
	assert_int_equal(count, 2);
}

static void test_chains_that_lead_astray(void **state)
{
	unsigned int count;

	put_cap(0x80, PCI_CAP_ID_VNDR, 0x3c);
	put_ext_cap(0x100, PCI_EXT_CAP_ID_ERR, 2, 0xfc);
	begin();
	assert_int_equal(umd_driver_list_caps(driver, NULL, 0, &count), -ERANGE);
	assert_int_equal(count, 2);
	assert_int_equal(umd_driver_list_ext_caps(driver, NULL, 0, &count), -ERANGE);
	assert_int_equal(count, 1);
}

static void test_all_ones(void **state)
{
	unsigned int count;

	memset(fake.config, 0xff, sizeof(fake.config));
	begin();
	assert_int_equal(umd_driver_list_caps(driver, NULL, 0, &count), -ERANGE);
	assert_int_equal(count, 0);
	assert_int_equal(umd_driver_list_ext_caps(driver, NULL, 0, &count), -ERANGE);
	assert_int_equal(count, 0);
}

static void test_longest_chain(void **state)
{
	struct umd_driver_cap caps[UMD_DRIVER_EXT_CAPS_MAX];
	unsigned int count;

	for (size_t at = 0x100; at < 0x1000; at += 4)
		put_ext_cap(at, 1, 1, at + 4 < 0x1000 ? at + 4 : 0);
	for (size_t at = 0x40; at < 0x100; at += 4)
		put_cap(at, 9, at + 4 < 0x100 ? (uint8_t)(at + 4) : 0);
	begin();
	assert_int_equal(umd_driver_list_caps(driver, caps, UMD_DRIVER_CAPS_MAX, &count), 0);
	assert_int_equal(count, UMD_DRIVER_CAPS_MAX);
	assert_int_equal(umd_driver_list_ext_caps(driver, caps, UMD_DRIVER_EXT_CAPS_MAX, &count),
			 0);
	assert_int_equal(count, UMD_DRIVER_EXT_CAPS_MAX);
	assert_int_equal(caps[count - 1].offset, 0xffc);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, put_chain, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_find),
		CASE(test_find_extended),
		CASE(test_list),
		CASE(test_none),
		CASE(test_config_that_is_cut_short),
		CASE(test_loops),
		CASE(test_chains_that_lead_astray),
		CASE(test_all_ones),
		CASE(test_longest_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
