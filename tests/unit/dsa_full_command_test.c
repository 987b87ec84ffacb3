/* SPDX-License-Identifier: BSD-2-Clause */
/* The full device's commands: every error that CMDSTS knows, and commands that take their time. */
#include "dsa_full_fixture.h"

/* ---- Errors -------------------------------------------------------------------------------- */

static void test_01_for_what_is_no_command(void **state)
{
	for (uint32_t code = 0; code < 32; code++) {
		if (code >= 1 && code <= 10)
			continue;
		assert_int_equal(command(code << 20), 0x01);
	}
}

static void test_02_for_a_wq_that_there_is_not(void **state)
{
	static const uint32_t masks[] = {0, 0x100, 0x101, 0x8000, 0x10001, 0xf0001};

	enable();
	assert_int_equal(command(ENABLE_WQ | 8), 0x02);
	assert_int_equal(command(ENABLE_WQ | 0xfffff), 0x02);
	for (uint32_t code = DISABLE_WQ; code <= RESET_WQ; code += 1u << 20)
		for (size_t i = 0; i < UNIT_COUNT(masks); i++)
			assert_int_equal(command(code | masks[i]), 0x02);
}

static void test_03_where_no_queue_can_be_had(void **state)
{
	configure();
	command(ENABLE_DEVICE);
	queues.open_error = -ENOMEM;
	assert_int_equal(command(ENABLE_WQ), 0x03);
	queues.open_error = 0;
	assert_int_equal(command(ENABLE_WQ), 0);
}

static void test_03_while_halted(void **state)
{
	enable();
	dsa_full_lost_bus(&regs);
	for (uint32_t code = 1; code <= 10; code++)
		assert_int_equal(command(code << 20 | 1), 0x03);
}

static void test_10_for_a_device_that_is_enabled(void **state)
{
	enable();
	assert_int_equal(command(ENABLE_DEVICE), 0x10);
}

static void test_11_for_more_read_buffers_than_there_are(void **state)
{
	configure();
	put32(GENCFG, 97);
	assert_int_equal(command(ENABLE_DEVICE), 0x11);
	put32(GENCFG, 96);
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void test_12_without_bus_mastering(void **state)
{
	configure();
	queues.enabled.bus_master = false;
	assert_int_equal(command(ENABLE_DEVICE), 0x12);
	queues.enabled.bus_master = true;
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void test_14_for_more_slots_than_there_are(void **state)
{
	configure();
	put32(wqcfg(7, 0), 128 - 16 - 8 + 1);
	assert_int_equal(command(ENABLE_DEVICE), 0x14);
	put32(wqcfg(7, 0), 0xffff);
	assert_int_equal(command(ENABLE_DEVICE), 0x14);
	put32(wqcfg(7, 0), 128 - 16 - 8);
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void test_15_for_a_wq_in_two_groups(void **state)
{
	configure();
	put64(GRPCFG + 3 * 64, 0x80);
	put64(GRPCFG + 3 * 64 + 0x20, 0);
	assert_int_equal(command(ENABLE_DEVICE), 0x15);
	put64(GRPCFG, 0x7f);
	put64(GRPCFG + 0x20, 0x7);
	put64(GRPCFG + 3 * 64 + 0x20, 0x8);
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void test_16_for_an_engine_in_two_groups(void **state)
{
	configure();
	put64(GRPCFG + 64 + 0x20, 0x8);
	assert_int_equal(command(ENABLE_DEVICE), 0x16);
	put64(GRPCFG + 0x20, 0x7);
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void test_17_for_a_group_without_engine(void **state)
{
	configure();
	put64(GRPCFG + 0x20, 0);
	assert_int_equal(command(ENABLE_DEVICE), 0x17);
	put64(GRPCFG + 64 + 0x20, 0xf);
	assert_int_equal(command(ENABLE_DEVICE), 0x17);
	put64(GRPCFG, 0);
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void try_buffers(uint32_t flags, uint32_t flags_of_next, uint32_t result)
{
	put32(GRPCFG + 0x28, flags);
	put32(GRPCFG + 64 + 0x28, flags_of_next);
	assert_int_equal(command(ENABLE_DEVICE), result);
	if (!result)
		assert_int_equal(command(DISABLE_DEVICE), 0);
}

static void test_18_for_read_buffers_that_there_are_not(void **state)
{
	configure();
	try_buffers(97u << 20, 0, 0x18);
	try_buffers(96u << 20, 0, 0);
	try_buffers(96u << 20 | 97u << 8, 0, 0x18);
	try_buffers(4u << 20 | 5u << 8, 0, 0x18);
	try_buffers(4u << 20 | 4u << 8, 0, 0);
	try_buffers(48u << 8, 49u << 8, 0x18);
	try_buffers(48u << 8, 48u << 8, 0);
}

static void test_20_for_a_wq_of_a_device_that_is_not_enabled(void **state)
{
	configure();
	assert_int_equal(command(ENABLE_WQ), 0x20);
}

static void test_21_for_a_wq_that_is_enabled(void **state)
{
	enable();
	assert_int_equal(command(ENABLE_WQ), 0x21);
}

static void test_22_for_a_size_or_threshold_that_cannot_be(void **state)
{
	configure();
	put64(GRPCFG, 0x7);
	put32(wqcfg(3, 0), 8); /* in no group */
	put32(wqcfg(3, 2), 10 << 4 | DEDICATED);
	command(ENABLE_DEVICE);
	assert_int_equal(command(ENABLE_WQ | 2), 0x22);
	assert_int_equal(command(ENABLE_WQ | 3), 0x22);
	put32(wqcfg(1, 1), 0);
	assert_int_equal(command(ENABLE_WQ | 1), 0x22);
	put32(wqcfg(1, 1), 9);
	assert_int_equal(command(ENABLE_WQ | 1), 0x22);
	put32(wqcfg(1, 1), 8);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
}

static void test_23_without_priority(void **state)
{
	configure();
	command(ENABLE_DEVICE);
	put32(wqcfg(0, 2), DEDICATED);
	assert_int_equal(command(ENABLE_WQ), 0x23);
	put32(wqcfg(0, 2), DEDICATED | 1 << 4);
	assert_int_equal(command(ENABLE_WQ), 0);
	assert_int_equal(queues.opened[0].priority, 1);
}

static void test_24_for_a_mode_that_the_device_does_not_have(void **state)
{
	struct dsa_full_shape shape = dsa_full_v1_shape;

	shape.wqcap &= ~(UINT64_C(1) << 48);
	full_begin_as(&shape);
	configure();
	command(ENABLE_DEVICE);
	assert_int_equal(command(ENABLE_WQ | 1), 0x24);
	assert_int_equal(command(ENABLE_WQ | 0), 0);

	shape.wqcap ^= UINT64_C(3) << 48;
	full_begin_as(&shape);
	configure();
	command(ENABLE_DEVICE);
	assert_int_equal(command(ENABLE_WQ | 0), 0x24);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
}

static void test_25_for_block_on_fault_that_the_device_does_not_have(void **state)
{
	struct dsa_full_shape shape = dsa_full_v1_shape;

	configure();
	command(ENABLE_DEVICE);
	put32(wqcfg(0, 2), DEDICATED | BOF | 1 << 4);
	assert_int_equal(command(ENABLE_WQ), 0);
	assert_true(queues.opened[0].block_on_fault);

	shape.gencap &= ~UINT64_C(1);
	full_begin_as(&shape);
	configure();
	command(ENABLE_DEVICE);
	put32(wqcfg(0, 2), DEDICATED | BOF | 1 << 4);
	assert_int_equal(command(ENABLE_WQ), 0x25);
}

static void test_26_for_a_pasid_that_config_space_does_not_enable(void **state)
{
	configure();
	command(ENABLE_DEVICE);
	put32(wqcfg(0, 2), DEDICATED | 1 << 4 | 1u << 28 | 5 << 8);
	assert_int_equal(command(ENABLE_WQ), 0x26);
	put32(wqcfg(0, 2), DEDICATED | 1 << 4 | 5 << 8);
	assert_int_equal(command(ENABLE_WQ), 0);
}

static void test_27_and_28_for_limits_beyond_the_devices(void **state)
{
	struct dsa_full_shape shape = dsa_full_v1_shape;

	configure();
	command(ENABLE_DEVICE);
	put32(wqcfg(0, 3), 31 | 11 << 5);
	assert_int_equal(command(ENABLE_WQ), 0x27);
	put32(wqcfg(0, 3), 31 | 10 << 5);
	assert_int_equal(command(ENABLE_WQ), 0);
	assert_int_equal(queues.opened[0].max_transfer, UINT64_C(1) << 31);
	assert_int_equal(queues.opened[0].max_batch, 1024);

	shape.gencap -= 11 << 16;
	full_begin_as(&shape);
	configure();
	command(ENABLE_DEVICE);
	put32(wqcfg(0, 3), 21 | 10 << 5);
	assert_int_equal(command(ENABLE_WQ), 0x28);
	put32(wqcfg(0, 3), 20 | 10 << 5);
	assert_int_equal(command(ENABLE_WQ), 0);
}

static void test_31_for_a_device_that_is_not_enabled(void **state)
{
	configure();
	assert_int_equal(command(DISABLE_DEVICE), 0x31);
	assert_int_equal(command(DRAIN_ALL), 0x31);
	assert_int_equal(command(ABORT_ALL), 0x31);
}

static void test_32_for_wqs_that_are_not_enabled(void **state)
{
	for (uint32_t code = DISABLE_WQ; code <= RESET_WQ; code += 1u << 20) {
		full_begin_as(&dsa_full_v1_shape);
		configure();
		assert_int_equal(command(code | 0x1), 0x32);
		command(ENABLE_DEVICE);
		assert_int_equal(command(code | 0x1), 0x32);
		command(ENABLE_WQ | 1);
		assert_int_equal(command(code | 0x1), 0x32);
		assert_int_equal(command(code | 0x3), 0);
	}
}

/* ---- What commands do ---------------------------------------------------------------------- */

static void test_a_wq_is_opened_as_it_is_configured(void **state)
{
	const struct dsa_full_wq *wq = &queues.opened[1];

	configure();
	put64(wqcfg(1, 8), 1u << 3 | 1u << 1 | 1u << 31);
	command(ENABLE_DEVICE);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
	assert_false(wq->dedicated);
	assert_false(wq->block_on_fault);
	assert_int_equal(wq->size, 8);
	assert_int_equal(wq->threshold, 4);
	assert_int_equal(wq->priority, 10);
	assert_int_equal(wq->max_transfer, 1 << 21);
	assert_int_equal(wq->max_batch, 32);
	assert_int_equal(wq->opcodes, 1u << 3 | 1u << 1);
}

static void test_commands_reach_the_wqs_they_name(void **state)
{
	enable();
	command(DRAIN_WQ | 0x1);
	command(ABORT_WQ | 0x2);
	assert_int_equal(queues.drains[0], 1);
	assert_int_equal(queues.drains[1], 0);
	assert_int_equal(queues.aborts[0], 0);
	assert_int_equal(queues.aborts[1], 1);
	command(DRAIN_ALL);
	command(ABORT_ALL);
	assert_int_equal(queues.drains[0] + queues.drains[1], 3);
	assert_int_equal(queues.aborts[0] + queues.aborts[1], 3);
	assert_true(queues.is_open[0] && queues.is_open[1]);

	command(DISABLE_WQ | 0x1);
	assert_int_equal(queues.drains[0], 3);
	assert_false(queues.is_open[0]);
	command(RESET_WQ | 0x2);
	assert_int_equal(queues.aborts[1], 3);
	assert_false(queues.is_open[1]);
	for (unsigned int wq = 2; wq < WQS; wq++)
		assert_int_equal(queues.drains[wq] + queues.aborts[wq], 0);
}

static void test_reset_of_a_wq_keeps_its_size(void **state)
{
	enable();
	command(RESET_WQ | 0x2);
	assert_int_equal(get32(wqcfg(1, 0)), 8);
	assert_int_equal(get32(wqcfg(1, 2)), 0);
	put32(wqcfg(1, 2), 1 << 4 | DEDICATED);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
	assert_int_equal(queues.opened[1].opcodes, UINT64_C(0x1003f03ff));
}

static void test_disabling_keeps_the_configuration(void **state)
{
	enable();
	command(DISABLE_DEVICE);
	assert_false(queues.is_open[0] || queues.is_open[1]);
	assert_int_equal(command(ENABLE_DEVICE), 0);
	assert_int_equal(command(ENABLE_WQ), 0);
}

static void test_reset_of_the_device_aborts_and_forgets(void **state)
{
	enable();
	put32(GENCTRL, 3);
	assert_int_equal(command(RESET_DEVICE), 0);
	assert_false(queues.is_open[0] || queues.is_open[1]);
	assert_int_equal(get32(GENSTS), 0);
	assert_int_equal(get32(GENCTRL), 0);
	assert_int_equal(get32(wqcfg(0, 0)), 0);
	assert_int_equal(get64(GRPCFG), 0);
}

/* ---- Commands that take their time --------------------------------------------------------- */

static void test_a_command_is_active_until_the_last_wq_has_ended(void **state)
{
	static const uint32_t all[] = {DISABLE_DEVICE,	 DRAIN_ALL,	 ABORT_ALL,
				       DISABLE_WQ | 0x3, DRAIN_WQ | 0x3, ABORT_WQ | 0x3,
				       RESET_WQ | 0x3};

	for (size_t i = 0; i < UNIT_COUNT(all); i++) {
		full_begin_as(&dsa_full_v1_shape);
		enable();
		queues.puts_off = true;
		assert_int_equal(command(INT_REQ | all[i]), ACTIVE);
		dsa_full_ended(&regs, 0);
		dsa_full_ended(&regs, 0);
		dsa_full_ended(&regs, 2);
		assert_int_equal(get32(CMDSTS), ACTIVE);
		assert_int_equal(queues.interrupts, 0);
		assert_true(queues.is_open[0]);
		dsa_full_ended(&regs, 1);
		assert_int_equal(get32(CMDSTS), 0);
		assert_int_equal(queues.interrupts, 1);
		assert_int_equal(get32(INTCAUSE), 2);
	}
}

static void test_a_command_while_one_is_active_is_dropped_and_told_of(void **state)
{
	enable();
	queues.puts_off = true;
	put32(GENCTRL, 1);
	command(DRAIN_ALL);
	assert_int_equal(command(INT_REQ | RESET_DEVICE), ACTIVE);
	assert_int_equal(get32(CMD), DRAIN_ALL);
	assert_int_equal(get64(SWERR), 0x5201);
	assert_int_equal(get32(INTCAUSE), 1);
	assert_int_equal(queues.interrupts, 1);
	assert_true(queues.is_open[0]);
	dsa_full_ended(&regs, 0);
	dsa_full_ended(&regs, 1);
	assert_int_equal(get32(CMDSTS), 0);
	assert_int_equal(queues.interrupts, 1);
}

static void test_an_interrupt_comes_only_when_it_was_asked_for(void **state)
{
	configure();
	command(ENABLE_DEVICE);
	assert_int_equal(get32(INTCAUSE), 0);
	assert_int_equal(queues.interrupts, 0);
	command(INT_REQ | ENABLE_WQ);
	assert_int_equal(get32(INTCAUSE), 2);
	assert_int_equal(queues.interrupts, 1);
	put32(INTCAUSE, 2);
	assert_int_equal(get32(INTCAUSE), 0);
	assert_int_equal(command(INT_REQ | ENABLE_WQ), 0x21);
	assert_int_equal(queues.interrupts, 2);
}

static void test_a_halt_ends_the_command_under_way(void **state)
{
	enable();
	queues.puts_off = true;
	command(INT_REQ | DISABLE_DEVICE);
	assert_int_equal(get32(GENSTS), 2);
	dsa_full_lost_bus(&regs);
	assert_int_equal(get32(CMDSTS), 0x03);
	assert_int_equal(get32(INTCAUSE), 2);
	assert_int_equal(get32(GENSTS), 7);
	dsa_full_ended(&regs, 0);
	dsa_full_ended(&regs, 1);
	assert_int_equal(get32(GENSTS), 7);
	assert_int_equal(get32(CMDSTS), 0x03);
}

static void test_a_reset_of_the_function_ends_the_command_under_way(void **state)
{
	enable();
	queues.puts_off = true;
	command(INT_REQ | DISABLE_DEVICE);
	dsa_full_reset(&regs);
	dsa_full_ended(&regs, 0);
	dsa_full_ended(&regs, 1);
	assert_int_equal(get32(CMDSTS), 0);
	assert_int_equal(queues.interrupts, 0);
	queues.puts_off = false;
	enable();
}

static void test_a_wq_that_ends_takes_no_more(void **state)
{
	enable();
	queues.puts_off = true;
	command(DRAIN_ALL);
	assert_int_equal(submit(0, DSA_PORTAL_UNLIMITED), 0);
	assert_int_equal(queues.submitted[0], 1);
	dsa_full_ended(&regs, 0);
	dsa_full_ended(&regs, 1);

	command(DISABLE_WQ | 0x2);
	assert_int_equal(submit(1, DSA_PORTAL_UNLIMITED), -EAGAIN);
	assert_int_equal(submit(0, DSA_PORTAL_UNLIMITED), 0);
	assert_int_equal(queues.submitted[0], 2);
	assert_int_equal(queues.submitted[1], 0);
	dsa_full_ended(&regs, 1);

	command(DISABLE_DEVICE);
	submit(0, DSA_PORTAL_UNLIMITED);
	assert_int_equal(queues.submitted[0], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_01_for_what_is_no_command, full_begin),
		cmocka_unit_test_setup(test_02_for_a_wq_that_there_is_not, full_begin),
		cmocka_unit_test_setup(test_03_where_no_queue_can_be_had, full_begin),
		cmocka_unit_test_setup(test_03_while_halted, full_begin),
		cmocka_unit_test_setup(test_10_for_a_device_that_is_enabled, full_begin),
		cmocka_unit_test_setup(test_11_for_more_read_buffers_than_there_are, full_begin),
		cmocka_unit_test_setup(test_12_without_bus_mastering, full_begin),
		cmocka_unit_test_setup(test_14_for_more_slots_than_there_are, full_begin),
		cmocka_unit_test_setup(test_15_for_a_wq_in_two_groups, full_begin),
		cmocka_unit_test_setup(test_16_for_an_engine_in_two_groups, full_begin),
		cmocka_unit_test_setup(test_17_for_a_group_without_engine, full_begin),
		cmocka_unit_test_setup(test_18_for_read_buffers_that_there_are_not, full_begin),
		cmocka_unit_test_setup(test_20_for_a_wq_of_a_device_that_is_not_enabled,
				       full_begin),
		cmocka_unit_test_setup(test_21_for_a_wq_that_is_enabled, full_begin),
		cmocka_unit_test_setup(test_22_for_a_size_or_threshold_that_cannot_be, full_begin),
		cmocka_unit_test_setup(test_23_without_priority, full_begin),
		cmocka_unit_test_setup(test_24_for_a_mode_that_the_device_does_not_have,
				       full_begin),
		cmocka_unit_test_setup(test_25_for_block_on_fault_that_the_device_does_not_have,
				       full_begin),
		cmocka_unit_test_setup(test_26_for_a_pasid_that_config_space_does_not_enable,
				       full_begin),
		cmocka_unit_test_setup(test_27_and_28_for_limits_beyond_the_devices, full_begin),
		cmocka_unit_test_setup(test_31_for_a_device_that_is_not_enabled, full_begin),
		cmocka_unit_test_setup(test_32_for_wqs_that_are_not_enabled, full_begin),
		cmocka_unit_test_setup(test_a_wq_is_opened_as_it_is_configured, full_begin),
		cmocka_unit_test_setup(test_commands_reach_the_wqs_they_name, full_begin),
		cmocka_unit_test_setup(test_reset_of_a_wq_keeps_its_size, full_begin),
		cmocka_unit_test_setup(test_disabling_keeps_the_configuration, full_begin),
		cmocka_unit_test_setup(test_reset_of_the_device_aborts_and_forgets, full_begin),
		cmocka_unit_test_setup(test_a_command_is_active_until_the_last_wq_has_ended,
				       full_begin),
		cmocka_unit_test_setup(test_a_command_while_one_is_active_is_dropped_and_told_of,
				       full_begin),
		cmocka_unit_test_setup(test_an_interrupt_comes_only_when_it_was_asked_for,
				       full_begin),
		cmocka_unit_test_setup(test_a_halt_ends_the_command_under_way, full_begin),
		cmocka_unit_test_setup(test_a_reset_of_the_function_ends_the_command_under_way,
				       full_begin),
		cmocka_unit_test_setup(test_a_wq_that_ends_takes_no_more, full_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
