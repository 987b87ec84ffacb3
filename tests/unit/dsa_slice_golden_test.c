/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dsa-1dwq-v1 and dsa-1swq-v1 show, register by register: after a reset, and after each
 * command. These are published: a change of what is pinned here is a new type, not an edit.
 */
#include "dsa_slice_fixture.h"

#define BAR0_BYTES 0x2000u

struct dword {
	uint32_t offset, value;
};

static struct rig rig;

/* ---- Comparing ----------------------------------------------------------------------------- */

/* All that is not zero, of a dedicated WQ; the parent allows more than the type has. */
static const struct dword dedicated[] = {
	{0x000, 0x00000100},			  /* VERSION 1.0 */
	{0x010, 0x015f0016},			  /* GENCAP: 2 GiB, 1024; overlap, cache, CMDCAP */
	{0x020, 0x00010080}, {0x024, 0x00020000}, /* WQCAP: 128 slots, 1 WQ, dedicated */
	{0x030, 0x00000001},			  /* GRPCAP */
	{0x038, 0x00000001},			  /* ENGCAP */
	{0x040, 0x003f03ff}, {0x044, 0x00000001}, /* OPCAP: all of version 1.0 */
	{0x060, 0x00050004}, {0x064, 0x00000003}, /* tables at 400, 500, 300 */
	{0x0b0, 0x000067fe},			  /* CMDCAP: all but those for PASIDs */
	{0x400, 0x00000001},			  /* GRPCFG: WQ 0 */
	{0x420, 0x00000001},			  /* engine 0 */
	{0x500, 0x00000080},			  /* WQCFG: size */
	{0x508, 0x00000001},			  /* dedicated */
	{0x50c, 0x0000015f},			  /* 2 GiB, 1024 */
};

/* Where a shared one is another. */
static const struct dword shared[] = {
	{0x024, 0x00010000}, {0x504, 0x00000080}, {0x508, 0x00000000}};

static void put(uint32_t *image, const struct dword *dwords, size_t count)
{
	for (size_t i = 0; i < count; i++)
		image[dwords[i].offset / 4] = dwords[i].value;
}

static void expect_image(const uint32_t *image)
{
	for (uint32_t at = 0; at < BAR0_BYTES; at += 4) {
		uint32_t seen = rig_read(&rig, at);

		if (seen != image[at / 4])
			fail_msg("%03x is %08x, not %08x", at, seen, image[at / 4]);
	}
}

/* The image after a reset, but for these. */
static void expect(bool is_shared, const struct dword *others, size_t count)
{
	uint32_t image[BAR0_BYTES / 4] = {0};

	put(image, dedicated, UNIT_COUNT(dedicated));
	if (is_shared)
		put(image, shared, UNIT_COUNT(shared));
	image[0x60c / 4] = image[0x61c / 4] = 1; /* MSI-X vectors are masked */
	put(image, others, count);
	expect_image(image);
}

#define EXPECT(...)                                        \
	expect(false, (const struct dword[]){__VA_ARGS__}, \
	       sizeof((const struct dword[]){__VA_ARGS__}) / sizeof(struct dword))

static int setup_dedicated(void **state)
{
	rig_start(&rig, false);
	rig_set_master(&rig, true);
	return 0;
}

static int setup_shared(void **state)
{
	rig_start(&rig, true);
	rig_set_master(&rig, true);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

/* ---- After a reset ------------------------------------------------------------------------- */

static void test_a_dedicated_one_after_a_reset(void **state)
{
	expect(false, NULL, 0);
}

static void test_a_shared_one_after_a_reset(void **state)
{
	expect(true, NULL, 0);
}

static void test_wide_and_narrow_reads_agree(void **state)
{
	for (uint32_t at = 0; at < 0x600; at += 8) {
		uint32_t low = rig_read(&rig, at), high = rig_read(&rig, at + 4);
		uint64_t both;
		uint8_t byte;

		assert_int_equal(umd_driver_read64(rig.driver, UMD_DRIVER_BAR0, at, &both), 0);
		assert_int_equal(both, (uint64_t)high << 32 | low);
		assert_int_equal(umd_driver_read8(rig.driver, UMD_DRIVER_BAR0, at + 5, &byte), 0);
		assert_int_equal(byte, high >> 8 & 0xff);
	}
}

static uint32_t config(uint64_t offset)
{
	uint32_t value = 0;

	assert_int_equal(umd_driver_config_read32(rig.driver, offset, &value), 0);
	return value;
}

static void test_config_space(void **state)
{
	static const struct dword header[] = {
		{0x00, 0x0b258086},  {0x04, 0x00100006}, {0x08, 0x08800000}, {0x0c, 0x00000000},
		{0x10, 0x0000000c},  {0x14, 0x00000000}, {0x18, 0x0000000c}, {0x1c, 0x00000000},
		{0x20, 0x00000000},  {0x24, 0x00000000}, {0x28, 0x00000000}, {0x2c, 0x20108086},
		{0x30, 0x00000000},  {0x34, 0x00000040}, {0x38, 0x00000000}, {0x44, 0x00000600},
		{0x48, 0x00000700},  /* MSI-X: table and PBA */
		{0x50, 0x00920010},  /* PCI Express: integrated endpoint */
		{0x100, 0x00000000}, /* no extended capability */
	};

	for (size_t i = 0; i < UNIT_COUNT(header); i++)
		assert_int_equal(config(header[i].offset), header[i].value);
	assert_int_equal(config(0x40) & 0x7fffffff, 0x00015011); /* two vectors; enabled by us */
	assert_int_equal(config(0x54) & PCI_EXP_DEVCAP_FLR, PCI_EXP_DEVCAP_FLR);
}

/* ---- After each command -------------------------------------------------------------------- */

#define OK(command)              \
	{                        \
		DSA_CMD, command \
	}
#define DEVICE_ENABLED        \
	{                     \
		DSA_GENSTS, 1 \
	}
#define DEVICE_DRAINS         \
	{                     \
		DSA_GENSTS, 2 \
	}
#define WQ_ENABLED                \
	{                         \
		0x518, 0x40000000 \
	}
#define CMDSTS(value)             \
	{                         \
		DSA_CMDSTS, value \
	}

static void test_enable_and_disable_the_device(void **state)
{
	rig_write(&rig, DSA_CMD, 0x00100000);
	EXPECT(OK(0x00100000), DEVICE_ENABLED);
	rig_write(&rig, DSA_CMD, 0x00100000);
	EXPECT(OK(0x00100000), DEVICE_ENABLED, CMDSTS(0x10));
	rig_write(&rig, DSA_CMD, 0x00200000);
	EXPECT(OK(0x00200000));
	rig_write(&rig, DSA_CMD, 0x00200000);
	EXPECT(OK(0x00200000), CMDSTS(0x31));
}

static void test_enable_without_bus_master(void **state)
{
	rig_set_master(&rig, false);
	rig_write(&rig, DSA_CMD, 0x00100000);
	EXPECT(OK(0x00100000), CMDSTS(0x12));
}

static void test_enable_the_wq(void **state)
{
	rig_write(&rig, DSA_CMD, 0x00600000);
	EXPECT(OK(0x00600000), CMDSTS(0x20));
	rig_write(&rig, DSA_CMD, 0x00100000);
	rig_write(&rig, DSA_CMD, 0x00600001);
	EXPECT(OK(0x00600001), DEVICE_ENABLED, CMDSTS(0x02));
	rig_write(&rig, DSA_CMD, 0x00600000);
	EXPECT(OK(0x00600000), DEVICE_ENABLED, WQ_ENABLED);
	rig_write(&rig, DSA_CMD, 0x00600000);
	EXPECT(OK(0x00600000), DEVICE_ENABLED, WQ_ENABLED, CMDSTS(0x21));
}

static void enable(void)
{
	rig_write(&rig, DSA_CMD, 0x00100000);
	rig_write(&rig, DSA_CMD, 0x00600000);
}

static void test_what_ends_with_the_wq_disabled(void **state)
{
	enable();
	rig_write(&rig, DSA_CMD, 0x00700001);
	EXPECT(OK(0x00700001), DEVICE_ENABLED);
	rig_write(&rig, DSA_CMD, 0x00700001);
	EXPECT(OK(0x00700001), DEVICE_ENABLED, CMDSTS(0x32));
	rig_write(&rig, DSA_CMD, 0x00600000);
	rig_write(&rig, DSA_CMD, 0x00a00001);
	EXPECT(OK(0x00a00001), DEVICE_ENABLED);
	rig_write(&rig, DSA_CMD, 0x00a00001);
	EXPECT(OK(0x00a00001), DEVICE_ENABLED, CMDSTS(0x32));
	rig_write(&rig, DSA_CMD, 0x00600000);
	rig_write(&rig, DSA_CMD, 0x00200000);
	EXPECT(OK(0x00200000));
}

static void test_drains_and_aborts_leave_the_wq_enabled(void **state)
{
	static const uint32_t commands[] = {0x00300000, 0x00400000, 0x00800001, 0x00900001};

	enable();
	for (size_t i = 0; i < UNIT_COUNT(commands); i++) {
		rig_write(&rig, DSA_CMD, commands[i]);
		EXPECT(OK(commands[i]), DEVICE_ENABLED, WQ_ENABLED);
	}
}

static void test_drains_and_aborts_want_what_they_name(void **state)
{
	static const struct dword commands[] = {
		{0x00300000, 0x31}, {0x00400000, 0x31}, {0x00800001, 0x32}, {0x00900001, 0x32},
		{0x00800000, 0x02}, {0x00900002, 0x02}, {0x00710001, 0x02}, {0x00a00003, 0x02}};

	for (size_t i = 0; i < UNIT_COUNT(commands); i++) {
		rig_write(&rig, DSA_CMD, commands[i].offset);
		EXPECT(OK(commands[i].offset), CMDSTS(commands[i].value));
	}
}

static void test_a_reset_leaves_nothing(void **state)
{
	enable();
	rig_write(&rig, DSA_GENCTRL, 3);
	rig_write(&rig, DSA_CMD, 0x00500000);
	EXPECT(OK(0x00500000));
}

static void test_a_command_that_takes_its_time(void **state)
{
	enable();
	rig.holds = true;
	rig_write(&rig, DSA_CMD, 0x80800001);
	EXPECT(OK(0x80800001), DEVICE_ENABLED, WQ_ENABLED, CMDSTS(0x80000000));
	rig_end_command(&rig, 0);
	EXPECT(OK(0x80800001), DEVICE_ENABLED, WQ_ENABLED, {DSA_INTCAUSE, 2});
	rig_write(&rig, DSA_INTCAUSE, 2);
	rig_write(&rig, DSA_CMD, 0x00200000);
	EXPECT(OK(0x00200000), DEVICE_DRAINS, WQ_ENABLED, CMDSTS(0x80000000));
	rig_end_command(&rig, 0);
	EXPECT(OK(0x00200000));
}

static void test_handles(void **state)
{
	uint32_t handle;

	rig_write(&rig, DSA_CMD, 0x00d00001);
	handle = rig_read(&rig, DSA_CMDSTS) >> 8;
	EXPECT(OK(0x00d00001), CMDSTS(handle << 8));
	rig_write(&rig, DSA_CMD, 0x00d00000);
	EXPECT(OK(0x00d00000), CMDSTS(0x41));
	rig_write(&rig, DSA_CMD, 0x00d00002);
	EXPECT(OK(0x00d00002), CMDSTS(0x41));
	rig_write(&rig, DSA_CMD, 0x00d10001);
	EXPECT(OK(0x00d10001), CMDSTS(0x42));
	rig_write(&rig, DSA_CMD, 0x00e00000 | (handle + 1));
	EXPECT(OK(0x00e00000 | (handle + 1)), CMDSTS(0x41));
	rig_write(&rig, DSA_CMD, 0x00e00000 | handle);
	EXPECT(OK(0x00e00000 | handle));
	rig_write(&rig, DSA_CMD, 0x00e00000 | handle);
	EXPECT(OK(0x00e00000 | handle), CMDSTS(0x41));
}

static void test_commands_that_there_are_not(void **state)
{
	static const uint32_t commands[] = {0x00000000, 0x00b00000, 0x00c00000, 0x00f00000,
					    0x01f00000};

	for (size_t i = 0; i < UNIT_COUNT(commands); i++) {
		rig_write(&rig, DSA_CMD, commands[i]);
		EXPECT(OK(commands[i]), CMDSTS(0x01));
	}
}

static void test_a_halt(void **state)
{
	enable();
	rig_set_master(&rig, false);
	EXPECT(OK(0x00600000), {DSA_GENSTS, 0x7}, WQ_ENABLED, {DSA_SWERR, 0x5101});
	rig_write(&rig, DSA_CMD, 0x00500000);
	EXPECT(OK(0x00500000), {DSA_GENSTS, 0x7}, WQ_ENABLED, {DSA_SWERR, 0x5101}, CMDSTS(0x03));
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_dedicated_one_after_a_reset, setup_dedicated),
		CASE(test_a_shared_one_after_a_reset, setup_shared),
		CASE(test_wide_and_narrow_reads_agree, setup_dedicated),
		CASE(test_config_space, setup_dedicated),
		CASE(test_enable_and_disable_the_device, setup_dedicated),
		CASE(test_enable_without_bus_master, setup_dedicated),
		CASE(test_enable_the_wq, setup_dedicated),
		CASE(test_what_ends_with_the_wq_disabled, setup_dedicated),
		CASE(test_drains_and_aborts_leave_the_wq_enabled, setup_dedicated),
		CASE(test_drains_and_aborts_want_what_they_name, setup_dedicated),
		CASE(test_a_reset_leaves_nothing, setup_dedicated),
		CASE(test_a_command_that_takes_its_time, setup_dedicated),
		CASE(test_handles, setup_dedicated),
		CASE(test_commands_that_there_are_not, setup_dedicated),
		CASE(test_a_halt, setup_dedicated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
