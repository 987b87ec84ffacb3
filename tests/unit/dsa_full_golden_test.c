/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dsa-full-v1 shows its driver, byte by byte: after a reset, and after each command. A type
 * that is published never changes, so neither do these tables: another image is another type.
 */
#include "dsa_full_fixture.h"

#define IMAGE  0x10000u /* BAR 0; the MSI-X table in it is not the registers' */
#define DWORDS 64u

/* Dwords that are not what they are after a reset; the list ends with offset and value 0. */
struct dword {
	uint32_t offset, value;
};

/* All that is not zero after a reset, but WQCFG. */
static const struct dword at_reset[] = {
	{0x00, 0x00000100},			/* VERSION */
	{0x10, 0x915f0107},			/* GENCAP */
	{0x14, 0x00000040}, {0x20, 0x01080080}, /* WQCAP */
	{0x24, 0x005b0000}, {0x30, 0x00036004}, /* GRPCAP */
	{0x38, 0x00000004},			/* ENGCAP */
	{0x40, 0x003f03ff},			/* OPCAP */
	{0x44, 0x00000001}, {0x60, 0x00050004}, /* TABLE_OFFSET */
	{0x64, 0x00000007},
};

/* The same of each WQ, from 0x500 on, 0x40 bytes each. */
static const struct dword wq_at_reset[] = {
	{0x18, 0x20000000},
	{0x20, 0x003f03ff},
	{0x24, 0x00000001},
};

static uint8_t expected[IMAGE];

static void expect_dword(uint32_t offset, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		expected[offset + i] = (uint8_t)(value >> 8 * i);
}

static void expect_image(const struct dword *changes)
{
	memset(expected, 0, sizeof(expected));
	for (size_t i = 0; i < UNIT_COUNT(at_reset); i++)
		expect_dword(at_reset[i].offset, at_reset[i].value);
	for (uint32_t wq = 0; wq < 8; wq++)
		for (size_t i = 0; i < UNIT_COUNT(wq_at_reset); i++)
			expect_dword(0x500 + 0x40 * wq + wq_at_reset[i].offset,
				     wq_at_reset[i].value);
	for (size_t i = 0; changes[i].offset; i++)
		expect_dword(changes[i].offset, changes[i].value);

	for (uint32_t offset = 0; offset < IMAGE; offset++) {
		uint64_t byte = dsa_full_read(&regs, offset, 1);

		if (byte != expected[offset])
			fail_msg("byte %#x is %#llx, not %#x", offset, (unsigned long long)byte,
				 expected[offset]);
	}
}

/* ---- Commands ------------------------------------------------------------------------------ */

struct step {
	const char *name;
	uint32_t command;
	bool interrupts;
	struct dword changes[DWORDS];
};

/* What configure() writes. */
#define CONFIGURED                                                                          \
	{0x400, 0x000000ff}, {0x420, 0x0000000f}, {0x500, 0x00000010}, {0x508, 0x000000a1}, \
		{0x50c, 0x000000b5}, {0x540, 0x00000008}, {0x544, 0x00000004},              \
		{0x548, 0x000000a0},                                                        \
	{                                                                                   \
		0x54c, 0x000000b5                                                           \
	}

static const struct step steps[] = {
	{"Enable Device, with an interrupt",
	 0x80100000,
	 true,
	 {CONFIGURED, {0x90, 0x1}, {0x98, 0x2}, {0xa0, 0x80100000}}},
	{"Enable WQ 0",
	 0x00600000,
	 false,
	 {CONFIGURED, {0x90, 0x1}, {0x98, 0x2}, {0xa0, 0x00600000}, {0x518, 0x60000000}}},
	{"Enable WQ 1",
	 0x00600001,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00600001},
	  {0x518, 0x60000000},
	  {0x558, 0x60000000}}},
	{"Drain WQ 0",
	 0x00800001,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00800001},
	  {0x518, 0x60000000},
	  {0x558, 0x60000000}}},
	{"Abort WQs 0 and 1",
	 0x00900003,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00900003},
	  {0x518, 0x60000000},
	  {0x558, 0x60000000}}},
	{"Drain All",
	 0x00300000,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00300000},
	  {0x518, 0x60000000},
	  {0x558, 0x60000000}}},
	{"Abort All",
	 0x00400000,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00400000},
	  {0x518, 0x60000000},
	  {0x558, 0x60000000}}},
	{"Disable WQ 0",
	 0x00700001,
	 false,
	 {CONFIGURED, {0x90, 0x1}, {0x98, 0x2}, {0xa0, 0x00700001}, {0x558, 0x60000000}}},
	{"Reset WQ 1",
	 0x00a00002,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00a00002},
	  {0x544, 0},
	  {0x548, 0},
	  {0x54c, 0}}},
	{"Drain WQ 1, which is disabled",
	 0x00800002,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00800002},
	  {0xa8, 0x32},
	  {0x544, 0},
	  {0x548, 0},
	  {0x54c, 0}}},
	{"Drain PASID, which is no command",
	 0x00b00000,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00b00000},
	  {0xa8, 0x01},
	  {0x544, 0},
	  {0x548, 0},
	  {0x54c, 0}}},
	{"Abort PASID, the same",
	 0x00c00000,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00c00000},
	  {0xa8, 0x01},
	  {0x544, 0},
	  {0x548, 0},
	  {0x54c, 0}}},
	{"Request Interrupt Handle, the same",
	 0x00d00001,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00d00001},
	  {0xa8, 0x01},
	  {0x544, 0},
	  {0x548, 0},
	  {0x54c, 0}}},
	{"Release Interrupt Handle, the same",
	 0x00e00001,
	 false,
	 {CONFIGURED,
	  {0x90, 0x1},
	  {0x98, 0x2},
	  {0xa0, 0x00e00001},
	  {0xa8, 0x01},
	  {0x544, 0},
	  {0x548, 0},
	  {0x54c, 0}}},
	{"Disable Device",
	 0x00200000,
	 false,
	 {CONFIGURED, {0x98, 0x2}, {0xa0, 0x00200000}, {0x544, 0}, {0x548, 0}, {0x54c, 0}}},
	{"Reset Device, with an interrupt", 0x80500000, true, {{0x98, 0x2}, {0xa0, 0x80500000}}},
};

static void test_image_at_reset(void **state)
{
	const struct dword none[] = {{0, 0}};

	expect_image(none);
}

static void test_image_after_each_command(void **state)
{
	configure();
	for (size_t i = 0; i < UNIT_COUNT(steps); i++) {
		print_message("%s\n", steps[i].name);
		queues.interrupts = 0;
		put32(CMD, steps[i].command);
		expect_image(steps[i].changes);
		assert_int_equal(queues.interrupts, steps[i].interrupts);
	}
}

static void test_image_of_a_command_under_way(void **state)
{
	const struct dword draining[] = {CONFIGURED,
					 {0x90, 0x2},
					 {0xa0, 0x80200000},
					 {0xa8, 0x80000000},
					 {0x518, 0x60000007},
					 {0x558, 0x60000000},
					 {0, 0}};
	const struct dword done[] = {CONFIGURED, {0x98, 0x2}, {0xa0, 0x80200000}, {0, 0}};

	enable();
	queues.puts_off = true;
	queues.occupied[0] = 7;
	put32(CMD, 0x80200000);
	dsa_full_ended(&regs, 1);
	expect_image(draining);
	dsa_full_ended(&regs, 0);
	expect_image(done);
}

static void test_image_of_a_halted_device(void **state)
{
	const struct dword halted[] = {CONFIGURED,   {0x88, 0x3},	 {0x90, 0x7},
				       {0x98, 0x11}, {0xa0, 0x00600001}, {0xc0, 0x00005101},
				       {0, 0}};

	enable();
	put32(GENCTRL, 3);
	dsa_full_lost_bus(&regs);
	expect_image(halted);
	assert_int_equal(queues.interrupts, 2);
}

static void test_image_after_a_reset_of_the_function(void **state)
{
	enable();
	put32(GENCFG, 0x1020);
	put32(GENCTRL, 3);
	put32(MSIX_PERM + 8, 4);
	command(INT_REQ | DRAIN_ALL);
	dsa_full_lost_bus(&regs);
	dsa_full_reset(&regs);
	test_image_at_reset(state);
	for (unsigned int wq = 0; wq < WQS; wq++)
		assert_false(queues.is_open[wq]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_image_at_reset, full_begin),
		cmocka_unit_test_setup(test_image_after_each_command, full_begin),
		cmocka_unit_test_setup(test_image_of_a_command_under_way, full_begin),
		cmocka_unit_test_setup(test_image_of_a_halted_device, full_begin),
		cmocka_unit_test_setup(test_image_after_a_reset_of_the_function, full_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
