/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of dsa-full-pasid-v1: what they show beyond dsa-full-v1's, byte by byte, and what
 * PASIDs do to WQs, descriptors, commands and handles.
 */
#include "dsa_full_fixture.h"

#define DRAIN_PASID    (11u << 20)
#define ABORT_PASID    (12u << 20)
#define REQUEST_HANDLE (13u << 20)
#define RELEASE_HANDLE (14u << 20)
#define PASID_EN       (1u << 28)
#define PRIVILEGED     (1u << 29)
#define ATS_DISABLE    4u
#define ALL	       UINT32_MAX
#define NONE	       UINT32_MAX

static int begin(void **state)
{
	full_begin_as(&dsa_full_pasid_v1_shape);
	queues.enabled.pasid = queues.enabled.ats = queues.enabled.pri = true;
	return 0;
}

/* ---- The image ----------------------------------------------------------------------------- */

/* Dwords that are not those of dsa-full-v1. */
static const struct {
	uint32_t offset, value;
} differences[] = {
	{0x10, 0x915f0117}, /* GENCAP: commands are told by CMDCAP */
	{0x24, 0x005f0000}, /* WQCAP: ATS */
	{0xb0, 0x00007ffe}, /* CMDCAP */
};

static void test_image_at_reset(void **state)
{
	static uint8_t expected[0x10000];

	full_begin(state);
	for (uint32_t offset = 0; offset < sizeof(expected); offset++)
		expected[offset] = (uint8_t)dsa_full_read(&regs, offset, 1);
	for (size_t i = 0; i < UNIT_COUNT(differences); i++)
		for (unsigned int byte = 0; byte < 4; byte++)
			expected[differences[i].offset + byte] =
				(uint8_t)(differences[i].value >> 8 * byte);

	begin(state);
	for (uint32_t offset = 0; offset < sizeof(expected); offset++)
		if (dsa_full_read(&regs, offset, 1) != expected[offset])
			fail_msg("byte %#x is not %#x", offset, expected[offset]);
}

static void test_permissions_can_be_written(void **state)
{
	put32(MSIX_PERM + 8, 0xffffffff);
	assert_int_equal(get32(MSIX_PERM + 8), 0xfffff00c);
	put32(MSIX_PERM + 12, 0xffffffff);
	assert_int_equal(get32(MSIX_PERM + 12), 0);
	put32(wqcfg(0, 2), 0xffffffff);
	assert_int_equal(get32(wqcfg(0, 2)), 0x3ffffff7);
}

/* ---- WQs ----------------------------------------------------------------------------------- */

static void set_mode(unsigned int wq, uint32_t mode)
{
	put32(wqcfg(wq, 2), mode | 1 << 4);
}

static void test_13_for_page_requests_without_translation(void **state)
{
	configure();
	queues.enabled.ats = false;
	assert_int_equal(command(ENABLE_DEVICE), 0x13);
	queues.enabled.pri = false;
	assert_int_equal(command(ENABLE_DEVICE), 0);
}

static void test_25_where_no_page_can_be_asked_for(void **state)
{
	configure();
	command(ENABLE_DEVICE);
	set_mode(0, DEDICATED | BOF | ATS_DISABLE);
	assert_int_equal(command(ENABLE_WQ), 0x25);
	set_mode(0, DEDICATED | BOF);
	queues.enabled.pri = false;
	assert_int_equal(command(ENABLE_WQ), 0x25);
	queues.enabled.pri = true;
	assert_int_equal(command(ENABLE_WQ), 0);
	assert_true(queues.opened[0].asks_for_pages);
}

static void test_26_for_pasids_that_do_not_fit_the_mode(void **state)
{
	configure();
	command(ENABLE_DEVICE);
	set_mode(1, 0);
	assert_int_equal(command(ENABLE_WQ | 1), 0x26);
	set_mode(0, DEDICATED | PASID_EN | PRIVILEGED);
	assert_int_equal(command(ENABLE_WQ), 0x26);

	queues.enabled.pasid = false;
	set_mode(0, DEDICATED | PASID_EN);
	assert_int_equal(command(ENABLE_WQ), 0x26);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
	assert_int_equal(command(DISABLE_WQ | 0x2), 0);

	queues.enabled.pasid = true;
	set_mode(1, PASID_EN);
	assert_int_equal(command(ENABLE_WQ), 0);
	assert_int_equal(command(ENABLE_WQ | 1), 0);
}

/* WQ 0 is PASID 0x54321's, WQ 1 is shared, WQ 2 is the default space's. */
static void enable_with_pasids(void)
{
	configure();
	set_mode(0, DEDICATED | PASID_EN | 0x54321 << 8);
	set_mode(1, PASID_EN | 0x777 << 8);
	configure_wq(2, 8, 0, DEDICATED);
	assert_int_equal(command(ENABLE_DEVICE), 0);
	for (uint32_t wq = 0; wq < 3; wq++)
		assert_int_equal(command(ENABLE_WQ | wq), 0);
}

static void test_a_wq_has_the_pasid_of_its_configuration(void **state)
{
	enable_with_pasids();
	assert_true(queues.opened[0].has_pasid);
	assert_int_equal(queues.opened[0].pasid, 0x54321);
	assert_true(queues.opened[1].has_pasid);
	assert_false(queues.opened[2].has_pasid);
	assert_int_equal(queues.opened[2].pasid, NONE);
}

static int submit_as(unsigned int wq, uint32_t sender)
{
	struct dsa_submission submission = {.wq = wq, .kind = DSA_PORTAL_UNLIMITED};
	uint64_t record = 0x1122334455667780;

	memcpy(submission.descriptor, &sender, 4);
	submission.descriptor[7] = 3;
	memcpy(submission.descriptor + 8, &record, 8);
	return dsa_full_submit(&regs, &submission);
}

static void test_a_descriptor_goes_where_its_pasid_leads(void **state)
{
	enable_with_pasids();
	assert_int_equal(submit_as(0, 0x80000123), 0);
	assert_int_equal(queues.pasid, 0x54321);
	assert_int_equal(submit_as(1, 0x80000123), 0);
	assert_int_equal(queues.pasid, 0x123);
	assert_int_equal(submit_as(2, 0x80000123), 0);
	assert_int_equal(queues.pasid, NONE);
	assert_int_equal(queues.submitted[0] + queues.submitted[1] + queues.submitted[2], 3);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(queues.last[i], 0);
}

static void test_a_pasid_that_is_nobodys_is_told_in_swerr(void **state)
{
	enable_with_pasids();
	assert_int_equal(submit_as(1, STRANGER), 0);
	assert_int_equal(get64(SWERR), UINT64_C(0x000bad0300011a2d));
	assert_int_equal(get64(SWERR + 16), UINT64_C(0x1122334455667780));
	assert_int_equal(queues.submitted[1], 0);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void test_a_pasid_is_drained_and_aborted(void **state)
{
	assert_int_equal(command(DRAIN_PASID | 5), 0x31);
	assert_int_equal(command(ABORT_PASID | 5), 0x31);
	enable_with_pasids();
	queues.puts_off = true;
	assert_int_equal(command(DRAIN_PASID | 0x54321), ACTIVE);
	assert_int_equal(queues.pasid, 0x54321);
	for (unsigned int wq = 0; wq < 3; wq++) {
		assert_int_equal(queues.drains[wq], 1);
		assert_int_equal(get32(CMDSTS), ACTIVE);
		dsa_full_ended(&regs, wq);
	}
	assert_int_equal(get32(CMDSTS), 0);

	queues.puts_off = false;
	assert_int_equal(command(ABORT_PASID | 0x777), 0);
	assert_int_equal(queues.pasid, 0x777);
	assert_int_equal(queues.aborts[0], 1);
	assert_true(queues.is_open[0]);
	assert_int_equal(command(DRAIN_ALL), 0);
	assert_int_equal(queues.pasid, ALL);
}

static void test_a_handle_is_for_whom_its_permission_names(void **state)
{
	queues.handle = 0x1234;
	assert_int_equal(command(REQUEST_HANDLE | 1), 0x1234 << 8);
	assert_int_equal(queues.vector, 1);
	assert_int_equal(queues.pasid, NONE);
	put32(MSIX_PERM + 8 * 8, 0x54321 << 12 | 8);
	assert_int_equal(command(REQUEST_HANDLE | 8), 0x1234 << 8);
	assert_int_equal(queues.vector, 8);
	assert_int_equal(queues.pasid, 0x54321);
	assert_int_equal(command(RELEASE_HANDLE | 0x1234), 0);
	assert_int_equal(command(DRAIN_ALL), 0x31);
}

static void test_41_and_42_for_handles_that_cannot_be(void **state)
{
	assert_int_equal(command(REQUEST_HANDLE | 0), 0x41);
	assert_int_equal(command(REQUEST_HANDLE | 9), 0x41);
	assert_int_equal(command(REQUEST_HANDLE | 0xffff), 0x41);
	assert_int_equal(command(REQUEST_HANDLE | 0x10001), 0x42);
	put32(MSIX_PERM + 8, STRANGER << 12 | 8);
	assert_int_equal(command(REQUEST_HANDLE | 1), 0x42);
	queues.handle = 7;
	assert_int_equal(command(RELEASE_HANDLE | 8), 0x41);
	assert_int_equal(command(RELEASE_HANDLE | 0x10007), 0x42);
	assert_int_equal(command(RELEASE_HANDLE | 7), 0);
}

static void test_resets_forget_handles(void **state)
{
	command(RESET_DEVICE);
	assert_int_equal(queues.forgets, 1);
	dsa_full_reset(&regs);
	assert_int_equal(queues.forgets, 2);
}

static void test_there_is_no_other_command(void **state)
{
	for (uint32_t code = 15; code < 32; code++)
		assert_int_equal(command(code << 20), 0x01);
	assert_int_equal(command(0), 0x01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image_at_reset),
		cmocka_unit_test_setup(test_permissions_can_be_written, begin),
		cmocka_unit_test_setup(test_13_for_page_requests_without_translation, begin),
		cmocka_unit_test_setup(test_25_where_no_page_can_be_asked_for, begin),
		cmocka_unit_test_setup(test_26_for_pasids_that_do_not_fit_the_mode, begin),
		cmocka_unit_test_setup(test_a_wq_has_the_pasid_of_its_configuration, begin),
		cmocka_unit_test_setup(test_a_descriptor_goes_where_its_pasid_leads, begin),
		cmocka_unit_test_setup(test_a_pasid_that_is_nobodys_is_told_in_swerr, begin),
		cmocka_unit_test_setup(test_a_pasid_is_drained_and_aborted, begin),
		cmocka_unit_test_setup(test_a_handle_is_for_whom_its_permission_names, begin),
		cmocka_unit_test_setup(test_41_and_42_for_handles_that_cannot_be, begin),
		cmocka_unit_test_setup(test_resets_forget_handles, begin),
		cmocka_unit_test_setup(test_there_is_no_other_command, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
