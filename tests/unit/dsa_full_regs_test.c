/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The full device's registers: which bits can be written when, SWERR, and what comes of
 * descriptors.
 */
#include "dsa_full_fixture.h"

#include "dsa/engine.h"

/* ---- Writing ------------------------------------------------------------------------------- */

/* What of a dword a driver can set: writes ones, then zeroes. */
static uint32_t writable(uint64_t offset)
{
	uint32_t old = get32(offset), ones, zeroes;

	put32(offset, 0xffffffff);
	ones = get32(offset);
	put32(offset, 0);
	zeroes = get32(offset);
	put32(offset, old);
	assert_int_equal(get32(offset), old);
	return ones & ~zeroes;
}

static uint32_t expected_wqcfg(uint32_t word, bool sizes, bool others)
{
	static const uint32_t masks[16] = {
		[0] = 0xffff, [1] = 0xffff,   [2] = 0x3ffffff3,
		[3] = 0x1ff,  [8] = 0x3f03ff, [9] = 0x1,
	};

	return word == 0 ? (sizes ? masks[0] : 0) : others ? masks[word] : 0;
}

/* By the driver's words of what may be written. CMD, INTCAUSE and SWERR are not stored. */
static uint32_t expected_mask(uint32_t offset, bool disabled)
{
	uint32_t in;

	switch (offset) {
	case 0x80:
		return disabled ? 0x10ff : 0;
	case 0x88:
		return 0x3;
	default:
		break;
	}
	if (offset >= 0x400 && offset < 0x500 && disabled) {
		in = offset % 64;
		return in == 0 ? 0xff : in == 0x20 ? 0xf : in == 0x28 ? 0x0ff0ffbf : 0;
	}
	if (offset >= 0x500 && offset < 0x700)
		return expected_wqcfg(offset % 64 / 4, disabled, disabled || offset >= 0x580);
	if (offset >= 0x700 && offset < 0x748)
		return offset % 8 ? 0 : 0x4;
	return 0;
}

static void expect_masks(bool disabled)
{
	for (uint32_t offset = 0; offset < 0x1100; offset += 4) {
		uint32_t mask;

		if (offset == 0xa0)
			continue;
		mask = expected_mask(offset, disabled);
		if (writable(offset) != mask)
			fail_msg("%#x: %#x can be written, not %#x", offset, writable(offset),
				 mask);
	}
}

static void test_what_can_be_written_while_disabled(void **state)
{
	expect_masks(true);
}

/* WQs 0 and 1 are enabled, too. */
static void test_what_can_be_written_while_enabled(void **state)
{
	enable();
	expect_masks(false);
}

static void test_a_halted_device_is_not_configured(void **state)
{
	enable();
	dsa_full_lost_bus(&regs);
	for (uint32_t offset = 0x400; offset < 0x700; offset += 4)
		assert_int_equal(writable(offset), 0);
	assert_int_equal(writable(GENCFG), 0);
}

static void test_8_bytes_are_two_registers(void **state)
{
	put64(wqcfg(0, 0), UINT64_C(0x0000000700000010));
	assert_int_equal(get32(wqcfg(0, 0)), 0x10);
	assert_int_equal(get32(wqcfg(0, 1)), 0x7);
	assert_int_equal(get64(wqcfg(0, 0)), UINT64_C(0x0000000700000010));
	put64(wqcfg(0, 2), UINT64_C(0x000001ff000000a1));
	assert_int_equal(get64(wqcfg(0, 2)), UINT64_C(0x000001ff000000a1));
	put64(CMD, UINT64_C(0xffffffff00000000) | ENABLE_DEVICE);
	assert_int_equal(get32(GENSTS), 1);
	assert_int_equal(get64(CMD), ENABLE_DEVICE);
}

static void test_smaller_writes_are_dropped_smaller_reads_are_not(void **state)
{
	dsa_full_write(&regs, GENCFG, 2, 0x20);
	dsa_full_write(&regs, GENCFG, 1, 0x20);
	dsa_full_write(&regs, CMD + 2, 2, ENABLE_DEVICE >> 16);
	assert_int_equal(get32(GENCFG), 0);
	assert_int_equal(get32(GENSTS), 0);
	assert_int_equal(dsa_full_read(&regs, 0x10, 2), 0x0107);
	assert_int_equal(dsa_full_read(&regs, 0x12, 2), 0x915f);
	assert_int_equal(dsa_full_read(&regs, 0x14, 1), 0x40);
}

static void test_nothing_is_behind_the_registers(void **state)
{
	static const uint64_t offsets[] = {0xff8, 0x1000, 0x2000, 0xfff8, UINT64_C(1) << 40};

	for (size_t i = 0; i < UNIT_COUNT(offsets); i++) {
		put64(offsets[i], UINT64_MAX);
		assert_int_equal(get64(offsets[i]), 0);
	}
}

static void test_occupancy_is_read_as_it_is(void **state)
{
	enable();
	queues.occupied[0] = 5;
	queues.occupied[2] = 9;
	assert_int_equal(get32(wqcfg(0, 6)), 0x60000005);
	assert_int_equal(get64(wqcfg(0, 6)), 0x60000005);
	assert_int_equal(get32(wqcfg(2, 6)), 0x20000000);
	queues.occupied[0] = 0;
	assert_int_equal(get32(wqcfg(0, 6)), 0x60000000);
}

/* ---- SWERR --------------------------------------------------------------------------------- */

static const struct dsa_note note = {
	.status = 0x83,
	.opcode = 3,
	.write = true,
	.in_batch = true,
	.batch_index = 0x1234,
	.pasid = 0xabcde,
	.invalid_flags = 0x89abcdef,
	.address = UINT64_C(0x1122334455667788),
};

static void test_a_note_is_told_in_swerr(void **state)
{
	enable();
	put32(GENCTRL, 1);
	dsa_full_note(&regs, 1, &note, 0);
	assert_int_equal(get64(SWERR), UINT64_C(0x0abcde030001833d));
	assert_int_equal(get64(SWERR + 8), UINT64_C(0x89abcdef00001234));
	assert_int_equal(get64(SWERR + 16), UINT64_C(0x1122334455667788));
	assert_int_equal(get64(SWERR + 24), 0);
	assert_int_equal(get32(INTCAUSE), 1);
	assert_int_equal(queues.interrupts, 1);
}

static void test_the_first_error_stays_until_it_is_acknowledged(void **state)
{
	struct dsa_note other = note;

	enable();
	put32(GENCTRL, 1);
	other.address = 0x1000;
	dsa_full_note(&regs, 1, &note, 0);
	dsa_full_note(&regs, 0, &other, 0);
	assert_int_equal(get64(SWERR), UINT64_C(0x0abcde030001833f));
	assert_int_equal(get64(SWERR + 16), UINT64_C(0x1122334455667788));
	assert_int_equal(queues.interrupts, 1);

	put64(SWERR, 2);
	assert_int_equal(get64(SWERR), UINT64_C(0x0abcde030001833d));
	put32(SWERR, 1);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(get64(SWERR + 8 * i), 0);
	dsa_full_note(&regs, 0, &other, 3);
	assert_int_equal(get64(SWERR), UINT64_C(0x0abcde030000833f));
	assert_int_equal(queues.interrupts, 2);
}

static void test_errors_interrupt_only_where_that_is_enabled(void **state)
{
	enable();
	dsa_full_note(&regs, 1, &note, 0);
	dsa_full_lost_bus(&regs);
	assert_int_equal(get32(INTCAUSE), 0);
	assert_int_equal(queues.interrupts, 0);
}

static void test_causes_are_cleared_by_ones(void **state)
{
	enable();
	put32(GENCTRL, 3);
	dsa_full_lost_bus(&regs);
	assert_int_equal(get32(INTCAUSE), 0x11);
	put32(INTCAUSE, 0x10);
	assert_int_equal(get32(INTCAUSE), 0x01);
	put32(INTCAUSE, 0xffffffff);
	assert_int_equal(get32(INTCAUSE), 0);
}

static void test_bus_mastering_is_nothing_to_a_disabled_device(void **state)
{
	configure();
	dsa_full_lost_bus(&regs);
	assert_int_equal(get32(GENSTS), 0);
	assert_int_equal(get64(SWERR), 0);
	assert_int_equal(command(ENABLE_DEVICE), 0);
	dsa_full_lost_bus(&regs);
	dsa_full_lost_bus(&regs);
	assert_int_equal(get32(GENSTS), 7);
	assert_int_equal(get64(SWERR), 0x5101);
}

static void test_a_queue_that_stops_by_itself_halts_the_device(void **state)
{
	enable();
	dsa_full_lost_queue(&regs, 5);
	assert_int_equal(get32(GENSTS), 1);
	put32(GENCTRL, 2);
	dsa_full_lost_queue(&regs, 1);
	assert_int_equal(get32(GENSTS), 7);
	assert_int_equal(get32(INTCAUSE), 0x10);
	assert_false(queues.is_open[0] || queues.is_open[1]);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static void test_a_descriptor_is_submitted_without_pasid(void **state)
{
	enable();
	assert_int_equal(submit(0, DSA_PORTAL_LIMITED), 0);
	assert_int_equal(queues.submitted[0], 1);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(queues.last[i], i < 4 ? 0 : (uint8_t)(0xf0 + i));
}

static void test_a_full_shared_wq_asks_to_try_again(void **state)
{
	enable();
	queues.occupied[1] = 4;
	assert_int_equal(submit(1, DSA_PORTAL_LIMITED), -EAGAIN);
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), 0);
	queues.occupied[1] = 8;
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), -EAGAIN);
	queues.occupied[1] = 3;
	assert_int_equal(submit(1, DSA_PORTAL_LIMITED), 0);
	queues.refuses = true;
	assert_int_equal(submit(1, DSA_PORTAL_LIMITED), -EAGAIN);
	assert_int_equal(queues.submitted[1], 2);
	assert_int_equal(get64(SWERR), 0);
}

static void test_a_full_dedicated_wq_loses_it_and_says_so(void **state)
{
	enable();
	queues.occupied[0] = 15;
	assert_int_equal(submit(0, DSA_PORTAL_LIMITED), 0);
	assert_int_equal(get64(SWERR), 0);
	queues.occupied[0] = 16;
	assert_int_equal(submit(0, DSA_PORTAL_LIMITED), 0);
	assert_int_equal(queues.submitted[0], 1);
	assert_int_equal(get64(SWERR), UINT64_C(0xf70000500d));
	put32(SWERR, 1);
	queues.occupied[0] = 0;
	queues.refuses = true;
	assert_int_equal(submit(0, DSA_PORTAL_UNLIMITED), 0);
	assert_int_equal(get64(SWERR), UINT64_C(0xf70000500d));
}

static void test_what_is_not_enabled_takes_nothing(void **state)
{
	configure();
	assert_int_equal(submit(0, DSA_PORTAL_UNLIMITED), 0);
	assert_int_equal(get64(SWERR), UINT64_C(0xf70000500d));
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), -EAGAIN);
	command(ENABLE_DEVICE);
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), -EAGAIN);
	command(ENABLE_WQ | 1);
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), 0);
	dsa_full_lost_bus(&regs);
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), -EAGAIN);
}

static void test_portals_of_a_message_store_are_refused(void **state)
{
	enable();
	assert_int_equal(submit(0, DSA_PORTAL_IMS_UNLIMITED), -EINVAL);
	assert_int_equal(submit(1, DSA_PORTAL_IMS_LIMITED), -EINVAL);
	assert_int_equal(get64(SWERR), UINT64_C(0xf70000500f));
	assert_int_equal(submit(8, DSA_PORTAL_UNLIMITED), -EINVAL);
	assert_int_equal(queues.submitted[0] + queues.submitted[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_can_be_written_while_disabled, full_begin),
		cmocka_unit_test_setup(test_what_can_be_written_while_enabled, full_begin),
		cmocka_unit_test_setup(test_a_halted_device_is_not_configured, full_begin),
		cmocka_unit_test_setup(test_8_bytes_are_two_registers, full_begin),
		cmocka_unit_test_setup(test_smaller_writes_are_dropped_smaller_reads_are_not,
				       full_begin),
		cmocka_unit_test_setup(test_nothing_is_behind_the_registers, full_begin),
		cmocka_unit_test_setup(test_occupancy_is_read_as_it_is, full_begin),
		cmocka_unit_test_setup(test_a_note_is_told_in_swerr, full_begin),
		cmocka_unit_test_setup(test_the_first_error_stays_until_it_is_acknowledged,
				       full_begin),
		cmocka_unit_test_setup(test_errors_interrupt_only_where_that_is_enabled,
				       full_begin),
		cmocka_unit_test_setup(test_causes_are_cleared_by_ones, full_begin),
		cmocka_unit_test_setup(test_bus_mastering_is_nothing_to_a_disabled_device,
				       full_begin),
		cmocka_unit_test_setup(test_a_queue_that_stops_by_itself_halts_the_device,
				       full_begin),
		cmocka_unit_test_setup(test_a_descriptor_is_submitted_without_pasid, full_begin),
		cmocka_unit_test_setup(test_a_full_shared_wq_asks_to_try_again, full_begin),
		cmocka_unit_test_setup(test_a_full_dedicated_wq_loses_it_and_says_so, full_begin),
		cmocka_unit_test_setup(test_what_is_not_enabled_takes_nothing, full_begin),
		cmocka_unit_test_setup(test_portals_of_a_message_store_are_refused, full_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
