/* SPDX-License-Identifier: BSD-2-Clause */
/* Bus mastering: a device is told when it may, and when it may not any more. */
#include "device_fixture.h"

static struct umd_device *device;
static char told[16]; /* '+' and '-', in order */

static void on_bus_master(void *data, bool allowed)
{
	size_t used = strlen(told);

	assert_true(used + 1 < sizeof(told));
	told[used] = allowed ? '+' : '-';
}

static void expect(const char *calls)
{
	assert_string_equal(told, calls);
	memset(told, 0, sizeof(told));
}

static int setup(void **state)
{
	static const struct umd_device_ops ops = {.bus_master = on_bus_master};
	const struct umd_device_info info = {.size = sizeof(info), .ops = &ops};
	const struct umd_pm pm = {.d1 = false};

	memset(told, 0, sizeof(told));
	assert_int_equal(umd_device_create(&info, &device), 0);
	umd_device_add_pm(device, &pm);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

static void set_command(uint32_t command)
{
	device_set_config(device, PCI_COMMAND, 2, command);
}

static void test_a_change_is_told_once(void **state)
{
	set_command(PCI_COMMAND_MASTER);
	set_command(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	expect("+");
	set_command(PCI_COMMAND_MEMORY);
	set_command(0);
	expect("-");
}

static void test_a_power_state_is_a_change(void **state)
{
	set_command(PCI_COMMAND_MASTER);
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2,
			  PCI_PM_CTRL_STATE_MASK);
	expect("+-");
}

static void test_a_reset_is_told_as_a_reset(void **state)
{
	set_command(PCI_COMMAND_MASTER);
	umd_device_do_reset(device, UMD_RESET_DEVICE);
	expect("+");
	set_command(PCI_COMMAND_MASTER);
	expect("+");
}

static void test_a_device_that_is_removed_masters_nothing(void **state)
{
	set_command(PCI_COMMAND_MASTER);
	assert_int_equal(umd_device_unplug(device, 0), 0);
	expect("+-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_change_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_power_state_is_a_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_reset_is_told_as_a_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_device_that_is_removed_masters_nothing,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
