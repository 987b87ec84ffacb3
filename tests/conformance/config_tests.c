/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space: accesses of every width, what is read-only, BARs that are sized. */
#include "suite.h"

#include <errno.h>
#include <linux/pci_regs.h>

/* What stands there byte by byte. */
static uint32_t by_bytes(struct suite *suite, unsigned int offset, unsigned int width)
{
	uint32_t value = 0;
	uint8_t byte;

	for (unsigned int i = 0; i < width; i++) {
		must(umd_driver_config_read8(suite->driver, offset + i, &byte));
		value |= (uint32_t)byte << (8 * i);
	}
	return value;
}

static void test_widths(void *context, unsigned int argument)
{
	struct suite *suite = context;
	uint16_t word;
	uint32_t dword, region;

	for (unsigned int offset = 0; offset < PCI_STD_HEADER_SIZEOF; offset += 4) {
		must(umd_driver_config_read32(suite->driver, offset, &dword));
		check_is(dword, by_bytes(suite, offset, 4));
		must(umd_driver_config_read16(suite->driver, offset + 2, &word));
		check_is(word, dword >> 16);
		must(umd_driver_read32(suite->driver, UMD_DRIVER_CONFIG, offset, &region));
		check_is(region, dword);
	}
}

static void test_offsets(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver *driver = suite->driver;
	uint8_t byte;
	uint16_t word = 0;
	uint32_t dword = 0;

	check_is(umd_driver_config_read16(driver, 1, &word), -EINVAL);
	check_is(umd_driver_config_read32(driver, 2, &dword), -EINVAL);
	check_is(umd_driver_config_write16(driver, 5, word), -EINVAL);
	check_is(umd_driver_config_write32(driver, 6, dword), -EINVAL);
	check_is(umd_driver_config_read8(driver, 4096, &byte), -EINVAL);
	check_is(umd_driver_config_read32(driver, 4096, &dword), -EINVAL);
	check_is(umd_driver_config_write8(driver, 4096, 0), -EINVAL);
	check_is(umd_driver_config_read16(driver, UINT32_MAX - 1, &word), -EINVAL);
}

static void test_end(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_region region = {.size = sizeof(region)};
	uint8_t byte;

	must(umd_driver_get_region(suite->driver, UMD_DRIVER_CONFIG, &region));
	check(region.bytes == 256 || region.bytes == 4096);
	must(umd_driver_read8(suite->driver, UMD_DRIVER_CONFIG, region.bytes - 1, &byte));
	check(umd_driver_read8(suite->driver, UMD_DRIVER_CONFIG, region.bytes, &byte) < 0);
}

static void test_read_only(void *context, unsigned int argument)
{
	struct suite *suite = context;
	uint32_t before, after;

	must(umd_driver_config_read32(suite->driver, PCI_VENDOR_ID, &before));
	check(before != 0 && before != UINT32_MAX);
	must(umd_driver_config_write32(suite->driver, PCI_VENDOR_ID, ~before));
	must(umd_driver_config_read32(suite->driver, PCI_VENDOR_ID, &after));
	check_is(after, before);
}

static void test_writes(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver *driver = suite->driver;
	uint16_t command, back;
	uint8_t line;

	must(umd_driver_config_write8(driver, PCI_INTERRUPT_LINE, 0xa5));
	must(umd_driver_config_read8(driver, PCI_INTERRUPT_LINE, &line));
	check_is(line, 0xa5);

	must(umd_driver_config_read16(driver, PCI_COMMAND, &command));
	command ^= PCI_COMMAND_MASTER;
	must(umd_driver_config_write16(driver, PCI_COMMAND, command));
	must(umd_driver_config_read16(driver, PCI_COMMAND, &back));
	check_is(back & PCI_COMMAND_MASTER, command & PCI_COMMAND_MASTER);
}

/* The lower half of a BAR that was written with all ones tells its size. */
static void check_size(struct suite *suite, unsigned int bar, uint64_t bytes)
{
	unsigned int offset = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t before, ones, mask;

	must(umd_driver_config_read32(suite->driver, offset, &before));
	must(umd_driver_config_write32(suite->driver, offset, UINT32_MAX));
	must(umd_driver_config_read32(suite->driver, offset, &ones));
	must(umd_driver_config_write32(suite->driver, offset, before));

	mask = ones & PCI_BASE_ADDRESS_SPACE_IO ? (uint32_t)PCI_BASE_ADDRESS_IO_MASK
						: (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	check_is(ones & mask, (uint32_t) ~(bytes - 1) & mask);
	must(umd_driver_config_read32(suite->driver, offset, &ones));
	check_is(ones, before);
}

static void test_sizing(void *context, unsigned int argument)
{
	struct suite *suite = context;
	unsigned int sized = 0;

	suite_command(suite, false, false);
	for (unsigned int bar = UMD_DRIVER_BAR0; bar <= UMD_DRIVER_BAR5; bar++) {
		struct umd_driver_region region = {.size = sizeof(region)};

		must(umd_driver_get_region(suite->driver, bar, &region));
		if (!region.bytes || region.bytes > UINT32_MAX)
			continue;
		check_size(suite, bar, region.bytes);
		sized++;
	}
	suite_command(suite, true, false);
	if (!sized)
		harness_skip("the device has no BAR");
}

const struct harness_test config_tests[] = {
	{"config space reads the same in every width", test_widths, 0},
	{"config space refuses offsets that are misaligned or outside", test_offsets, 0},
	{"config space ends where its region does", test_end, 0},
	{"config space keeps what is read-only", test_read_only, 0},
	{"config space takes what is writable", test_writes, 0},
	{"BARs are sized by writing ones", test_sizing, 0},
	{0},
};
