/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slice and its driver: Linux idxd's sequence for a configuration that cannot be changed, what
 * becomes of descriptors, interrupts and errors, and a parent that goes away.
 */
#include "dsa_slice_fixture.h"

static struct rig rig;

static int setup(void **state)
{
	rig_start(&rig, false);
	return 0;
}

static int setup_shared(void **state)
{
	rig_start(&rig, true);
	return 0;
}

static int teardown(void **state)
{
	rig_stop(&rig);
	return 0;
}

static void expect_commands(const enum umd_queue_command *commands, unsigned int count)
{
	assert_int_equal(rig.command_count, count);
	assert_memory_equal(rig.commands, commands, count * sizeof(commands[0]));
	rig.command_count = 0;
}

/* ---- Linux's idxd -------------------------------------------------------------------------- */

static uint64_t read64(uint64_t offset)
{
	uint64_t value = 0;

	assert_int_equal(umd_driver_read64(rig.driver, UMD_DRIVER_BAR0, offset, &value), 0);
	return value;
}

/* idxd_pci_probe(): reset, capabilities, tables, interrupts. */
static void probe(void)
{
	rig_set_master(&rig, true);
	assert_int_equal(rig_read(&rig, 0x00), 0x100);
	assert_int_not_equal(rig_state(&rig), DSA_STATE_HALT);
	rig_write(&rig, 0xa0, 0x00500000);
	assert_false(rig_read(&rig, 0xa8) & DSA_CMDSTS_ACTIVE);
	assert_true(read64(0x10) & DSA_GENCAP_CMDCAP);
	assert_false(read64(0x10) & DSA_GENCAP_CONFIG);
	assert_true(rig_read(&rig, 0xb0) & 1u << DSA_REQUEST_HANDLE);
	assert_int_equal(read64(0x30) & 0xff, 1);
	assert_int_equal(read64(0x38) & 0xff, 1);
	assert_int_equal(DSA_GET(read64(0x20), DSA_WQCAP_COUNT), 1);
	assert_int_equal(read64(0x40), DSA_OPCAP_1_0);
	rig_write(&rig, 0x88, rig_read(&rig, 0x88) | 3);
	assert_int_equal(rig_read(&rig, 0x88), 3);
}

/* idxd_device_load_config(): -EOPNOTSUPP unless the WQ is dedicated, and without PASID. */
static void load_config(void)
{
	uint64_t tables = read64(0x60);
	uint64_t group = DSA_GET(tables, DSA_TABLE_GRPCFG) * DSA_TABLE_UNIT;
	uint64_t wq = DSA_GET(tables, DSA_TABLE_WQCFG) * DSA_TABLE_UNIT;

	assert_int_equal(rig_read(&rig, 0x80), 0);
	assert_int_equal(read64(group), 1);
	assert_int_equal(read64(group + DSA_GRPCFG_ENGINES), 1);
	assert_true(rig_read(&rig, wq + 8) & DSA_WQ_DEDICATED);
	assert_false(rig_read(&rig, wq + 8) & DSA_WQ_PASID_EN);
	assert_int_equal(rig_read(&rig, wq) & DSA_WQ_SIZE, 128);
}

static void test_idxd_binds_uses_and_unbinds(void **state)
{
	uint32_t status;

	probe();
	load_config();
	assert_int_equal(rig_command_by_irq(&rig, DSA_ENABLE_DEVICE, 0), 0);
	assert_int_equal(rig_command_by_irq(&rig, DSA_ENABLE_WQ, 0), 0);
	status = rig_command_by_irq(&rig, DSA_REQUEST_HANDLE, 1);
	assert_int_equal(status & 0xff, 0);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(rig_submit(&rig, (uint8_t)(0x40 + i)), 0);
		assert_int_equal(rig_take(&rig), 0x40 + i);
		assert_int_equal(umd_work_trigger(rig.work, status >> 8), 0);
		assert_int_equal(rig_take_irqs(&rig, 1), 1);
	}

	assert_int_equal(rig_command_by_irq(&rig, DSA_DRAIN_WQ, 1), 0);
	rig_write(&rig, 0xa0, rig_cmd(DSA_RELEASE_HANDLE, status >> 8)); /* which it polls for */
	assert_int_equal(rig_read(&rig, 0xa8), 0);
	rig_write(&rig, 0x300 + 8, 0);
	assert_int_equal(rig_command_by_irq(&rig, DSA_RESET_WQ, 1), 0);
	assert_null(rig.work);
	assert_int_equal(rig_command_by_irq(&rig, DSA_DISABLE_DEVICE, 0), 0);
}

static void test_the_queue_is_as_the_wq_says(void **state)
{
	rig_enable(&rig);
	assert_int_equal(rig.queue.depth, 128);
	assert_int_equal(rig.queue.shared, 0);
	assert_int_equal(rig.queue.weight, 3); /* all that the owner may have */
}

/* ---- Portals ------------------------------------------------------------------------------- */

static void test_eight_writes_make_a_descriptor(void **state)
{
	rig_enable(&rig);
	for (uint64_t at = 0; at < 64; at += 8) {
		assert_int_equal(rig_take(&rig), -1);
		assert_int_equal(umd_driver_write64(rig.driver, UMD_DRIVER_BAR2, 0x1fc0 + at,
						    UINT64_C(0x2222222222222222)),
				 0);
	}
	assert_int_equal(rig_take(&rig), 0x22);
}

static void test_both_pages_take_descriptors(void **state)
{
	uint8_t descriptor[64] = {0};

	rig_enable(&rig);
	assert_int_equal(umd_driver_region_write(rig.driver, UMD_DRIVER_BAR2, 0, descriptor, 64),
			 0);
	assert_int_equal(rig_take(&rig), 0);
	assert_int_equal(rig_submit(&rig, 1), 0);
	assert_int_equal(rig_take(&rig), 1);
}

static void test_a_portal_reads_as_ones(void **state)
{
	uint64_t value = 0;

	rig_set_master(&rig, true);
	assert_int_equal(umd_driver_read64(rig.driver, UMD_DRIVER_BAR2, 0x1000, &value), 0);
	assert_int_equal(value, UINT64_MAX);
}

static void test_a_dedicated_wq_loses_what_it_cannot_take(void **state)
{
	rig_set_master(&rig, true);
	assert_int_equal(rig_submit(&rig, 1), 0); /* not enabled */
	assert_int_equal(read64(DSA_SWERR), UINT64_C(0x000000010000500d));
	rig_write(&rig, DSA_SWERR, 3);
	rig_enable(&rig);
	assert_int_equal(rig_take(&rig), -1);
	for (int i = 0; i < 129; i++)
		assert_int_equal(rig_submit(&rig, (uint8_t)i), 0);
	for (int i = 0; i < 128; i++)
		assert_int_equal(rig_take(&rig), i);
	assert_int_equal(rig_take(&rig), -1);
	assert_int_equal(read64(DSA_SWERR), UINT64_C(0x000000800000500d));
}

static void test_a_shared_wq_says_retry(void **state)
{
	rig_set_master(&rig, true);
	assert_int_equal(rig_submit(&rig, 1), -EAGAIN);
	rig_enable(&rig);
	assert_int_equal(rig.queue.shared, 1);
	for (int i = 0; i < 128; i++)
		assert_int_equal(rig_submit(&rig, (uint8_t)i), 0);
	assert_int_equal(rig_submit(&rig, 0xff), -EAGAIN);
	assert_int_equal(rig_take(&rig), 0);
	assert_int_equal(rig_submit(&rig, 0xfe), 0);
}

static void test_a_half_written_descriptor_ends_with_the_wq(void **state)
{
	rig_enable(&rig);
	for (uint64_t at = 0; at < 56; at += 8)
		assert_int_equal(umd_driver_write64(rig.driver, UMD_DRIVER_BAR2, at, 0), 0);
	assert_int_equal(rig_command_by_irq(&rig, DSA_RESET_WQ, 1), 0);
	assert_int_equal(rig_command_by_irq(&rig, DSA_ENABLE_WQ, 0), 0);
	assert_int_equal(umd_driver_write64(rig.driver, UMD_DRIVER_BAR2, 56, 0), 0);
	assert_int_equal(rig_take(&rig), -1);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void test_commands_are_the_queues(void **state)
{
	rig_enable(&rig);
	rig_command_by_irq(&rig, DSA_DRAIN_ALL, 0);
	rig_command_by_irq(&rig, DSA_ABORT_WQ, 1);
	rig_command_by_irq(&rig, DSA_DISABLE_WQ, 1);
	expect_commands((const enum umd_queue_command[]){UMD_QUEUE_DRAIN, UMD_QUEUE_ABORT,
							 UMD_QUEUE_START, UMD_QUEUE_STOP},
			4);
	assert_null(rig.work);
}

static void test_an_interrupt_only_where_it_was_asked_for(void **state)
{
	rig_set_master(&rig, true);
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_ENABLE_DEVICE, 0));
	assert_int_equal(rig_take_irqs(&rig, 0), 0);
	assert_int_equal(rig_read(&rig, DSA_INTCAUSE), 0);
}

static void test_a_command_while_one_is_active_is_an_error(void **state)
{
	rig_enable(&rig);
	rig_write(&rig, DSA_GENCTRL, DSA_GENCTRL_SWERR);
	rig.holds = true;
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_DRAIN_WQ, 1));
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_DISABLE_DEVICE, 0));
	assert_int_equal(rig_take_irqs(&rig, 0), 1);
	assert_int_equal(rig_read(&rig, DSA_INTCAUSE), DSA_INTCAUSE_SWERR);
	assert_int_equal(rig_read(&rig, DSA_SWERR), DSA_SWERR_VALID | 0x5200);
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_DISABLE_DEVICE, 0));
	assert_int_equal(rig_read(&rig, DSA_SWERR), DSA_SWERR_VALID | DSA_SWERR_OVERFLOW | 0x5200);
	umd_work_ended(rig.work, 0);
	rig_take_irqs(&rig, 0);
	assert_int_equal(rig_read(&rig, DSA_CMDSTS), 0);
	assert_int_equal(rig_state(&rig), DSA_STATE_ENABLED);
	assert_int_equal(umd_driver_write64(rig.driver, UMD_DRIVER_BAR0, DSA_SWERR, 3), 0);
	assert_int_equal(rig_read(&rig, DSA_SWERR), 0x5200);
}

static void test_a_command_that_the_parent_fails(void **state)
{
	rig_enable(&rig);
	rig.holds = true;
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_DRAIN_WQ, 1));
	rig_end_command(&rig, -EIO);
	assert_int_equal(rig_read(&rig, DSA_CMDSTS), DSA_CMD_HARDWARE);
}

static void test_a_reset_of_the_function_ends_a_command(void **state)
{
	rig_enable(&rig);
	rig.holds = true;
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_DRAIN_WQ, 1) | DSA_CMD_INT);
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	assert_null(rig.work);
	assert_int_equal(rig_take_irqs(&rig, 0), 0);
	rig.holds = false;
	rig_enable(&rig);
	assert_int_equal(rig_read(&rig, DSA_CMDSTS), 0);
}

/* ---- Registers that can be written --------------------------------------------------------- */

static void test_the_configuration_cannot_be_written(void **state)
{
	static const uint32_t offsets[] = {0x00,  0x10,	 0x20,	0x60,  0x80,  0x90,  0xa8, 0xb0,
					   0x300, 0x308, 0x400, 0x428, 0x500, 0x508, 0x518};

	rig_set_master(&rig, true);
	for (size_t i = 0; i < UNIT_COUNT(offsets); i++) {
		uint32_t before = rig_read(&rig, offsets[i]);

		rig_write(&rig, offsets[i], ~before);
		assert_int_equal(rig_read(&rig, offsets[i]), before);
	}
	rig_write(&rig, DSA_GENCTRL, UINT32_MAX);
	assert_int_equal(rig_read(&rig, DSA_GENCTRL), DSA_GENCTRL_SWERR | DSA_GENCTRL_HALT);
}

static void test_narrow_writes_do_nothing(void **state)
{
	rig_set_master(&rig, true);
	assert_int_equal(umd_driver_write8(rig.driver, UMD_DRIVER_BAR0, DSA_GENCTRL, 3), 0);
	assert_int_equal(umd_driver_write16(rig.driver, UMD_DRIVER_BAR0, DSA_CMD + 2, 0x10), 0);
	assert_int_equal(rig_read(&rig, DSA_GENCTRL), 0);
	assert_int_equal(rig_read(&rig, DSA_CMD), 0);
}

/* ---- Interrupt handles --------------------------------------------------------------------- */

static uint32_t request_handle(void)
{
	uint32_t status = rig_command_by_irq(&rig, DSA_REQUEST_HANDLE, 1);

	assert_int_equal(status & DSA_CMDSTS_ERROR, 0);
	return status >> 8;
}

static void test_a_handle_is_good_until_it_is_released(void **state)
{
	uint32_t handle;

	rig_enable(&rig);
	handle = request_handle();
	assert_int_equal(request_handle(), handle);
	assert_int_equal(umd_work_check_vector(rig.work, handle), 0);
	assert_int_equal(rig_command_by_irq(&rig, DSA_RELEASE_HANDLE, handle), 0);
	assert_int_equal(umd_work_check_vector(rig.work, handle), -ENOENT);
	assert_int_equal(rig_command_by_irq(&rig, DSA_RELEASE_HANDLE, handle), DSA_CMD_BAD_INDEX);
	handle = request_handle();
	assert_int_equal(umd_work_trigger(rig.work, handle), 0);
	assert_int_equal(rig_take_irqs(&rig, 1), 1);
}

static void test_handles_outlive_a_reset_by_command_only(void **state)
{
	uint32_t handle;

	rig_set_master(&rig, true);
	handle = request_handle();
	rig_command_by_irq(&rig, DSA_RESET_DEVICE, 0);
	rig_enable(&rig);
	assert_int_equal(umd_work_trigger(rig.work, handle), 0);
	assert_int_equal(rig_take_irqs(&rig, 1), 1);
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_enable(&rig);
	assert_int_equal(umd_work_check_vector(rig.work, handle), -ENOENT);
}

static void test_a_handle_that_is_revoked_is_asked_for_again(void **state)
{
	umd_ims_handle entry = 0;
	uint32_t handle;

	rig_enable(&rig);
	handle = request_handle();
	for (uint64_t generation = 1; generation < 8 && !entry; generation++) {
		if (umd_ims_revoke(rig.ims, generation << 32 | handle) == 0)
			entry = generation << 32 | handle;
	}
	assert_int_not_equal(entry, 0);
	assert_int_equal(rig_take_irqs(&rig, 0), 1);
	assert_int_equal(rig_read(&rig, DSA_INTCAUSE), DSA_INTCAUSE_REVOKED);
	rig_write(&rig, DSA_INTCAUSE, DSA_INTCAUSE_REVOKED);
	handle = request_handle();
	assert_int_equal(umd_work_trigger(rig.work, handle), 0);
	assert_int_equal(rig_take_irqs(&rig, 1), 1);
}

/* ---- Errors -------------------------------------------------------------------------------- */

static void test_a_note_is_shown(void **state)
{
	const struct dsa_note note = {.status = DSA_RECORD_TRANSLATE,
				      .opcode = DSA_MOVE,
				      .in_batch = true,
				      .write = true,
				      .batch_index = 0x1234,
				      .pasid = 0xabcde,
				      .invalid_flags = 0x55aa,
				      .address = UINT64_C(0x123456789abcdef0)};

	rig_enable(&rig);
	rig_write(&rig, DSA_GENCTRL, DSA_GENCTRL_SWERR);
	umd_work_note(rig.work, &note, sizeof(note));
	assert_int_equal(rig_take_irqs(&rig, 0), 1);
	assert_int_equal(read64(DSA_SWERR), UINT64_C(0x0abcde0300001a3d));
	assert_int_equal(read64(DSA_SWERR + 8), UINT64_C(0x000055aa00001234));
	assert_int_equal(read64(DSA_SWERR + 16), UINT64_C(0x123456789abcdef0));
}

static void test_an_error_without_its_interrupt(void **state)
{
	const struct dsa_note note = {.status = DSA_BAD_RECORD};

	rig_enable(&rig);
	umd_work_note(rig.work, &note, sizeof(note));
	assert_int_equal(rig_take_irqs(&rig, 0), 0);
	assert_int_equal(read64(DSA_SWERR), UINT64_C(0x1b0d));
	assert_int_equal(rig_read(&rig, DSA_INTCAUSE), 0);
}

static void test_bus_master_cleared_while_enabled(void **state)
{
	rig_enable(&rig);
	rig_write(&rig, DSA_GENCTRL, DSA_GENCTRL_HALT);
	rig_set_master(&rig, false);
	assert_null(rig.work);
	assert_int_equal(rig_take_irqs(&rig, 0), 1);
	assert_int_equal(rig_read(&rig, DSA_INTCAUSE), DSA_INTCAUSE_HALT);
	rig_set_master(&rig, true);
	assert_int_equal(rig_state(&rig), DSA_STATE_HALT);
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_enable(&rig);
}

static void test_bus_master_cleared_while_disabled_is_no_error(void **state)
{
	rig_set_master(&rig, true);
	rig_set_master(&rig, false);
	assert_int_equal(rig_state(&rig), DSA_STATE_DISABLED);
	assert_int_equal(rig_read(&rig, DSA_SWERR), 0);
}

static void test_a_queue_that_halts_is_a_halt(void **state)
{
	rig_enable(&rig);
	umd_work_halt(rig.work, -EPROTO);
	rig_take_irqs(&rig, 0);
	assert_int_equal(rig_state(&rig), DSA_STATE_HALT);
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_enable(&rig);
}

/* ---- A parent that is lost ----------------------------------------------------------------- */

static void test_a_lost_parent_halts_until_a_reset(void **state)
{
	rig_enable(&rig);
	request_handle();
	rig_write(&rig, DSA_GENCTRL, DSA_GENCTRL_HALT);
	umd_link_lose(rig.link);
	assert_int_equal(rig_take_irqs(&rig, 0), 1);
	assert_int_equal(rig_read(&rig, DSA_INTCAUSE), DSA_INTCAUSE_HALT);
	assert_int_equal(rig_read(&rig, DSA_GENSTS), 0x7);

	assert_int_equal(umd_driver_reset(rig.driver), 0);
	assert_int_equal(rig.connects, 2);
	rig_enable(&rig);
	assert_int_equal(umd_work_trigger(rig.work, request_handle()), 0);
	assert_int_equal(rig_take_irqs(&rig, 1), 1);
}

static void test_no_parent_to_be_found_stays_a_halt(void **state)
{
	rig_enable(&rig);
	rig.is_away = true;
	umd_link_lose(rig.link);
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_set_master(&rig, true);
	assert_int_equal(rig_state(&rig), DSA_STATE_HALT);
	assert_int_equal(rig_command_by_irq(&rig, DSA_REQUEST_HANDLE, 1), DSA_CMD_NO_HANDLE);
	rig.is_away = false;
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_enable(&rig);
}

static void test_a_parent_unlike_the_last_is_none(void **state)
{
	rig_set_master(&rig, true);
	umd_link_lose(rig.link);
	rig.is_other = true;
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_set_master(&rig, true);
	assert_int_equal(rig_state(&rig), DSA_STATE_HALT);
	rig.is_other = false;
	assert_int_equal(umd_driver_reset(rig.driver), 0);
	rig_enable(&rig);
}

static void test_a_parent_that_cannot_do_all_is_none(void **state)
{
	const struct dsa_slice_options options = {.source = {rig_connect, rig_destroy, &rig}};
	struct umd_error error = {0};

	rig = (struct rig){.lacks_dif = true};
	rig_start_parent(&rig);
	assert_int_equal(dsa_slice_create(&options, &rig.device, &error), -ENOTSUP);
	assert_non_null(strstr(error.text, "no dsa-1 engine"));
	assert_true(rig.destroyed);
	umd_parent_destroy(rig.parent);
	umd_ims_destroy(rig.ims);
}

static void test_no_parent_at_all(void **state)
{
	const struct dsa_slice_options options = {.source = {rig_connect, rig_destroy, &rig}};
	struct umd_error error = {0};

	rig = (struct rig){.is_away = true};
	assert_int_equal(dsa_slice_create(&options, &rig.device, &error), -ECONNREFUSED);
	assert_string_equal(error.text, "away");
	assert_true(rig.destroyed);
}

static void test_a_command_of_a_lost_parent_ends(void **state)
{
	rig_enable(&rig);
	rig.holds = true;
	rig_write(&rig, DSA_CMD, rig_cmd(DSA_DRAIN_WQ, 1) | DSA_CMD_INT);
	umd_link_lose(rig.link);
	assert_int_equal(rig_take_irqs(&rig, 0), 1);
	assert_int_equal(rig_read(&rig, DSA_CMDSTS), DSA_CMD_HARDWARE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_idxd_binds_uses_and_unbinds),
		CASE(test_the_queue_is_as_the_wq_says),
		CASE(test_eight_writes_make_a_descriptor),
		CASE(test_both_pages_take_descriptors),
		CASE(test_a_portal_reads_as_ones),
		CASE(test_a_dedicated_wq_loses_what_it_cannot_take),
		cmocka_unit_test_setup_teardown(test_a_shared_wq_says_retry, setup_shared,
						teardown),
		CASE(test_a_half_written_descriptor_ends_with_the_wq),
		CASE(test_commands_are_the_queues),
		CASE(test_an_interrupt_only_where_it_was_asked_for),
		CASE(test_a_command_while_one_is_active_is_an_error),
		CASE(test_a_command_that_the_parent_fails),
		CASE(test_a_reset_of_the_function_ends_a_command),
		CASE(test_the_configuration_cannot_be_written),
		CASE(test_narrow_writes_do_nothing),
		CASE(test_a_handle_is_good_until_it_is_released),
		CASE(test_handles_outlive_a_reset_by_command_only),
		CASE(test_a_handle_that_is_revoked_is_asked_for_again),
		CASE(test_a_note_is_shown),
		CASE(test_an_error_without_its_interrupt),
		CASE(test_bus_master_cleared_while_enabled),
		CASE(test_bus_master_cleared_while_disabled_is_no_error),
		CASE(test_a_queue_that_halts_is_a_halt),
		CASE(test_a_lost_parent_halts_until_a_reset),
		CASE(test_no_parent_to_be_found_stays_a_halt),
		CASE(test_a_parent_unlike_the_last_is_none),
		CASE(test_a_command_of_a_lost_parent_ends),
		cmocka_unit_test(test_a_parent_that_cannot_do_all_is_none),
		cmocka_unit_test(test_no_parent_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
