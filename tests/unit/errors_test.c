/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors that a device reports: what is entered in the PCI Express and the AER capability, which
 * header is kept, and when the driver is told (PCIe 5.0, section 6.2 and figure 6-2).
 */
#include "device_fixture.h"

#define ENABLED (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE)

static struct device_log told;
static struct umd_device *device;
static int err;

static void create(bool aer)
{
	static const struct umd_pcie pcie = {0};
	static const struct umd_aer with = {0};

	device = device_create(&told);
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	if (aer)
		assert_int_equal(umd_device_add_aer(device, &with), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_assign(device, UMD_IRQ_ERR, 0, err);
}

static int setup(void **state)
{
	alarm(20);
	err = irq_eventfd();
	create(true);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	close(err);
	alarm(0);
	return 0;
}

/* A device as new. */
static void again(bool aer)
{
	if (aer == (device->at.aer > 0)) {
		umd_device_do_reset(device, UMD_RESET_DISCONNECT);
		device_assign(device, UMD_IRQ_ERR, 0, err);
	} else {
		umd_device_destroy(device);
		create(aer);
	}
	unit_take_events(err);
	memset(told.calls, 0, sizeof(told.calls));
}

static void report(bool correctable, uint32_t status)
{
	assert_int_equal(umd_device_report_error(device, correctable, status, NULL), 0);
}

static void expect_told(bool is)
{
	assert_int_equal(unit_take_events(err), is);
}

static unsigned int express(unsigned int offset)
{
	return device_cap(device, PCI_CAP_ID_EXP, offset);
}

static uint32_t aer(unsigned int offset)
{
	return device_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_ERR, offset), 4);
}

static void write_aer(unsigned int offset, uint32_t value)
{
	device_set_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_ERR, offset), 4, value);
}

static void enable(uint32_t kinds)
{
	device_set_config(device, express(PCI_EXP_DEVCTL), 2, kinds);
}

static uint32_t detected(void)
{
	return device_config(device, express(PCI_EXP_DEVSTA), 2);
}

/* ---- What kind of error -------------------------------------------------------------------- */

static const struct {
	bool correctable;
	uint32_t status, detected, enable;
} errors[] = {
	{true, PCI_ERR_COR_RCVR, PCI_EXP_DEVSTA_CED, PCI_EXP_DEVCTL_CERE},
	{true, PCI_ERR_COR_BAD_TLP, PCI_EXP_DEVSTA_CED, PCI_EXP_DEVCTL_CERE},
	{true, PCI_ERR_COR_REP_TIMER, PCI_EXP_DEVSTA_CED, PCI_EXP_DEVCTL_CERE},
	{false, PCI_ERR_UNC_DLP, PCI_EXP_DEVSTA_FED, PCI_EXP_DEVCTL_FERE},
	{false, PCI_ERR_UNC_FCP, PCI_EXP_DEVSTA_FED, PCI_EXP_DEVCTL_FERE},
	{false, PCI_ERR_UNC_RX_OVER, PCI_EXP_DEVSTA_FED, PCI_EXP_DEVCTL_FERE},
	{false, PCI_ERR_UNC_MALF_TLP, PCI_EXP_DEVSTA_FED, PCI_EXP_DEVCTL_FERE},
	{false, PCI_ERR_UNC_POISON_TLP, PCI_EXP_DEVSTA_NFED, PCI_EXP_DEVCTL_NFERE},
	{false, PCI_ERR_UNC_COMP_TIME, PCI_EXP_DEVSTA_NFED, PCI_EXP_DEVCTL_NFERE},
	{false, PCI_ERR_UNC_COMP_ABORT, PCI_EXP_DEVSTA_NFED, PCI_EXP_DEVCTL_NFERE},
	{false, PCI_ERR_UNC_UNX_COMP, PCI_EXP_DEVSTA_NFED, PCI_EXP_DEVCTL_NFERE},
	{false, PCI_ERR_UNC_ECRC, PCI_EXP_DEVSTA_NFED, PCI_EXP_DEVCTL_NFERE},
};

/* Whether the driver wants it or not, device status has it; the driver clears it. */
static void test_device_status_says_of_what_kind_it_was(void **state)
{
	for (int with = 0; with < 2; with++) {
		for (size_t i = 0; i < UNIT_COUNT(errors); i++) {
			again(with);
			report(errors[i].correctable, errors[i].status);
			assert_int_equal(detected(), errors[i].detected);
			expect_told(false);
			device_set_config(device, express(PCI_EXP_DEVSTA), 2, errors[i].detected);
			assert_int_equal(detected(), 0);
		}
	}
}

static void test_driver_is_told_of_the_kinds_that_it_wants(void **state)
{
	static const uint32_t kinds[] = {PCI_EXP_DEVCTL_CERE, PCI_EXP_DEVCTL_NFERE,
					 PCI_EXP_DEVCTL_FERE};

	for (int with = 0; with < 2; with++) {
		for (size_t i = 0; i < UNIT_COUNT(errors); i++) {
			for (size_t k = 0; k < UNIT_COUNT(kinds); k++) {
				again(with);
				enable(kinds[k]);
				report(errors[i].correctable, errors[i].status);
				expect_told(kinds[k] == errors[i].enable);
			}
		}
	}
}

/* An internal error is masked by default, fatal where it is not. */
static void test_internal_error_is_fatal(void **state)
{
	enable(ENABLED);
	report(false, PCI_ERR_UNC_INTN);
	assert_int_equal(detected(), PCI_EXP_DEVSTA_FED);
	expect_told(false);
	again(false);
	enable(ENABLED);
	report(false, PCI_ERR_UNC_INTN);
	assert_int_equal(detected(), PCI_EXP_DEVSTA_FED);
	expect_told(true);
}

static void test_severity_is_the_drivers_to_choose(void **state)
{
	write_aer(PCI_ERR_UNCOR_SEVER, PCI_ERR_UNC_COMP_TIME);
	enable(PCI_EXP_DEVCTL_FERE);
	report(false, PCI_ERR_UNC_COMP_TIME);
	assert_int_equal(detected(), PCI_EXP_DEVSTA_FED);
	expect_told(true);
	report(false, PCI_ERR_UNC_MALF_TLP);
	assert_int_equal(detected(), PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_NFED);
	expect_told(false);
}

/* SERR# Enable of the header asks for messages of uncorrectable errors as well. */
static void test_driver_may_ask_for_messages_in_the_header_too(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(errors); i++) {
		uint32_t signalled = errors[i].correctable ? 0 : PCI_STATUS_SIG_SYSTEM_ERROR;

		again(true);
		device_set_command(device, PCI_COMMAND_SERR);
		report(errors[i].correctable, errors[i].status);
		expect_told(!errors[i].correctable);
		assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_SIG_SYSTEM_ERROR,
				 signalled);
	}
}

/* Unsupported Requests have bits of their own besides. */
static void test_unsupported_request_has_its_own_bits(void **state)
{
	for (int with = 0; with < 2; with++) {
		again(with);
		enable(PCI_EXP_DEVCTL_NFERE);
		report(false, PCI_ERR_UNC_UNSUP);
		assert_int_equal(detected(), PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_URD);
		expect_told(false);
		enable(PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_URRE);
		report(false, PCI_ERR_UNC_UNSUP);
		expect_told(true);
	}
}

/* ---- Advanced Error Reporting -------------------------------------------------------------- */

static void test_each_error_has_its_status_bit(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(errors); i++) {
		unsigned int own = errors[i].correctable ? PCI_ERR_COR_STATUS
							 : PCI_ERR_UNCOR_STATUS;
		unsigned int other = errors[i].correctable ? PCI_ERR_UNCOR_STATUS
							   : PCI_ERR_COR_STATUS;

		again(true);
		report(errors[i].correctable, errors[i].status);
		assert_int_equal(aer(own), errors[i].status);
		assert_int_equal(aer(other), 0);
		write_aer(own, errors[i].status);
		assert_int_equal(aer(own), 0);
	}
}

static void test_masked_error_is_entered_and_not_told(void **state)
{
	enable(ENABLED);
	write_aer(PCI_ERR_COR_MASK, PCI_ERR_COR_RCVR);
	write_aer(PCI_ERR_UNCOR_MASK, PCI_ERR_UNC_COMP_TIME);
	report(true, PCI_ERR_COR_RCVR);
	report(false, PCI_ERR_UNC_COMP_TIME);
	expect_told(false);
	assert_int_equal(aer(PCI_ERR_COR_STATUS), PCI_ERR_COR_RCVR);
	assert_int_equal(aer(PCI_ERR_UNCOR_STATUS), PCI_ERR_UNC_COMP_TIME);
	assert_int_equal(detected(), PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED);
	report(true, PCI_ERR_COR_BAD_TLP);
	expect_told(true);
	report(false, PCI_ERR_UNC_POISON_TLP);
	expect_told(true);
}

static void test_driver_is_told_of_an_error_that_is_not_new(void **state)
{
	enable(ENABLED);
	for (int i = 0; i < 2; i++) {
		report(false, PCI_ERR_UNC_COMP_TIME);
		expect_told(true);
	}
}

/* ---- The header log ------------------------------------------------------------------------ */

static const uint32_t first[4] = {0x4a000001, 0x01000004, 0x02030405, 0x06070809};
static const uint32_t second[4] = {0x11111111, 0x22222222, 0x33333333, 0x44444444};
static const uint32_t none[4];

static void report_with(uint32_t status, const uint32_t *header)
{
	assert_int_equal(umd_device_report_error(device, false, status, header), 0);
}

static void expect_log(uint32_t status, const uint32_t *header)
{
	assert_int_equal(UINT32_C(1) << PCI_ERR_CAP_FEP(aer(PCI_ERR_CAP)), status);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(aer(PCI_ERR_HEADER_LOG + 4 * i), header[i]);
}

static void test_first_error_is_logged_till_it_is_cleared(void **state)
{
	report_with(PCI_ERR_UNC_COMP_TIME, first);
	expect_log(PCI_ERR_UNC_COMP_TIME, first);
	report_with(PCI_ERR_UNC_POISON_TLP, second);
	report_with(PCI_ERR_UNC_COMP_TIME, second);
	expect_log(PCI_ERR_UNC_COMP_TIME, first);
	write_aer(PCI_ERR_UNCOR_STATUS, PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_POISON_TLP);
	report_with(PCI_ERR_UNC_MALF_TLP, second);
	expect_log(PCI_ERR_UNC_MALF_TLP, second);
}

static void test_other_bits_of_the_control_register_stay(void **state)
{
	static const struct umd_pcie pcie = {0};
	static const struct umd_aer with = {.ecrc_generation = true, .ecrc_check = true};
	uint32_t before;

	umd_device_destroy(device);
	device = device_create(&told);
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	assert_int_equal(umd_device_add_aer(device, &with), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	write_aer(PCI_ERR_CAP, UINT32_MAX);
	before = aer(PCI_ERR_CAP);
	assert_true(before & PCI_ERR_CAP_ECRC_CHKE);
	report_with(PCI_ERR_UNC_UNX_COMP, first);
	assert_int_equal(aer(PCI_ERR_CAP), before | 16);
	write_aer(PCI_ERR_UNCOR_STATUS, UINT32_MAX);
	report_with(PCI_ERR_UNC_DLP, first);
	assert_int_equal(aer(PCI_ERR_CAP), before | 4);
}

/* A masked error takes no part in the log: neither its own nor by keeping another out of it. */
static void test_masked_error_is_not_logged_and_does_not_keep_others_out(void **state)
{
	write_aer(PCI_ERR_UNCOR_MASK, PCI_ERR_UNC_COMP_TIME);
	report_with(PCI_ERR_UNC_COMP_TIME, first);
	expect_log(1, none);
	report_with(PCI_ERR_UNC_POISON_TLP, second);
	expect_log(PCI_ERR_UNC_POISON_TLP, second);
}

static void test_correctable_error_is_not_logged(void **state)
{
	assert_int_equal(umd_device_report_error(device, true, PCI_ERR_COR_BAD_TLP, first), 0);
	expect_log(1, none);
}

/* An error without a TLP does not come with that of an earlier one. */
static void test_error_without_a_header_has_none(void **state)
{
	report_with(PCI_ERR_UNC_COMP_TIME, first);
	write_aer(PCI_ERR_UNCOR_STATUS, PCI_ERR_UNC_COMP_TIME);
	report_with(PCI_ERR_UNC_DLP, NULL);
	expect_log(PCI_ERR_UNC_DLP, none);
}

/* ---- What is refused ----------------------------------------------------------------------- */

static void test_report_is_of_one_error(void **state)
{
	static const uint32_t rows[] = {0, PCI_ERR_UNC_DLP | PCI_ERR_UNC_FCP, UINT32_MAX};

	enable(ENABLED);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_int_equal(umd_device_report_error(device, false, rows[i], first), -EINVAL);
		assert_int_equal(umd_device_report_error(device, true, rows[i], first), -EINVAL);
	}
	assert_int_equal(aer(PCI_ERR_UNCOR_STATUS), 0);
	assert_int_equal(detected(), 0);
	expect_told(false);
}

static void test_device_without_pci_express_reports_none(void **state)
{
	umd_device_destroy(device);
	device = device_create(&told);
	device_assign(device, UMD_IRQ_ERR, 0, err);
	assert_int_equal(umd_device_report_error(device, false, PCI_ERR_UNC_DLP, NULL), -ENOENT);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_device_report_error(device, true, PCI_ERR_COR_RCVR, NULL), -ENOENT);
	expect_told(false);
}

/* ---- Peers that would have us wait --------------------------------------------------------- */

/* A signal that waited would be ended by the alarm. */
static void test_no_report_waits_for_an_eventfd_that_is_full(void **state)
{
	enable(ENABLED);
	for (unsigned int kind = 0; kind < IRQ_TRAPS; kind++) {
		int fd = irq_trap_open(kind);

		device_assign(device, UMD_IRQ_ERR, 0, fd);
		irq_trap_spring(fd);
		for (int i = 0; i < 3; i++)
			report(false, PCI_ERR_UNC_COMP_TIME);
		irq_trap_close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_device_status_says_of_what_kind_it_was),
		TEST(test_driver_is_told_of_the_kinds_that_it_wants),
		TEST(test_internal_error_is_fatal),
		TEST(test_severity_is_the_drivers_to_choose),
		TEST(test_driver_may_ask_for_messages_in_the_header_too),
		TEST(test_unsupported_request_has_its_own_bits),
		TEST(test_each_error_has_its_status_bit),
		TEST(test_masked_error_is_entered_and_not_told),
		TEST(test_driver_is_told_of_an_error_that_is_not_new),
		TEST(test_first_error_is_logged_till_it_is_cleared),
		TEST(test_other_bits_of_the_control_register_stay),
		TEST(test_masked_error_is_not_logged_and_does_not_keep_others_out),
		TEST(test_correctable_error_is_not_logged),
		TEST(test_error_without_a_header_has_none),
		TEST(test_report_is_of_one_error),
		TEST(test_device_without_pci_express_reports_none),
		TEST(test_no_report_waits_for_an_eventfd_that_is_full),
	};

	return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
