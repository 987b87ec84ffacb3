/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * umd_dma_start() on a device: what keeps a transfer from starting, what ends one in progress, and
 * that whoever is told then cannot start another where DMA is over.
 */
#include "device_fixture.h"

#define AT	UINT64_C(0x10000)
#define NOT_YET 1 /* no error, and no success */

static struct device_log told;
static struct umd_device *device;
static struct umd_dma_transfer transfer;
static uint8_t buffer[64];
static int ended, again; /* the transfer's end, and what starting another gave then */

static void on_wake(void *data)
{
}

static void on_done(void *data, int error)
{
	assert_int_equal(ended, NOT_YET);
	ended = error;
	again = umd_dma_start(device, &transfer);
}

static int setup(void **state)
{
	static const struct umd_pm pm = {0};

	device = device_create(&told);
	assert_true(umd_device_add_pm(device, &pm) >= 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	umd_dma_remote_open(&device->space.remote, sizeof(buffer), on_wake, NULL);
	assert_int_equal(umd_dma_space_map_fd(&device->space, AT, PAGE, UMD_DMA_READ, -1, 0), 0);
	device_set_command(device, PCI_COMMAND_MASTER);
	device->has_client = true;
	transfer = (struct umd_dma_transfer){
		.iova = AT, .buffer = buffer, .size = sizeof(buffer), .done = on_done};
	ended = again = NOT_YET;
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

static void start(void)
{
	assert_int_equal(umd_dma_start(device, &transfer), -EINPROGRESS);
	assert_int_equal(ended, NOT_YET);
}

static void expect_end(int error, int error_again)
{
	assert_int_equal(ended, error);
	assert_int_equal(again, error_again);
	assert_false(umd_dma_remote_is_busy(&device->space.remote));
}

static void set_power(unsigned int state)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2, state);
}

static void test_transfer_needs_a_bus_master_in_d0(void **state)
{
	device_set_command(device, PCI_COMMAND_MEMORY);
	assert_int_equal(umd_dma_start(device, &transfer), -ENODEV);
	device_set_command(device, PCI_COMMAND_MASTER);
	set_power(3);
	assert_int_equal(umd_dma_start(device, &transfer), -ENODEV);
	assert_int_equal(ended, NOT_YET);
}

static void test_synchronous_calls_refuse_memory_without_a_file(void **state)
{
	assert_int_equal(umd_dma_read(device, AT, buffer, 1), -EREMOTE);
	assert_int_equal(umd_dma_write(device, AT, buffer, 1), -EFAULT);
}

static void test_bus_master_going_off_ends_it(void **state)
{
	start();
	device_set_command(device, PCI_COMMAND_MEMORY);
	expect_end(-ENODEV, -ENODEV);
}

static void test_leaving_d0_ends_it(void **state)
{
	start();
	set_power(3);
	expect_end(-ENODEV, -ENODEV);
}

static void test_reset_ends_it(void **state)
{
	start();
	assert_int_equal(umd_device_reset_by_client(device), 0);
	expect_end(-ECANCELED, -ENODEV);
	device_set_command(device, PCI_COMMAND_MASTER);
	ended = NOT_YET;
	start();
	umd_device_reset(device);
	expect_end(-ECANCELED, -ENODEV);
}

static void test_surprise_removal_ends_it(void **state)
{
	start();
	assert_int_equal(umd_device_unplug(device, 0), 0);
	expect_end(-ENODEV, -ENODEV);
}

static void test_unmap_ends_it(void **state)
{
	start();
	assert_int_equal(umd_dma_space_unmap(&device->space, AT, PAGE), 0);
	expect_end(-EFAULT, -EFAULT);
}

static void test_nobody_is_told_of_what_is_cancelled(void **state)
{
	start();
	umd_dma_cancel(device, &transfer);
	umd_device_reset(device);
	expect_end(NOT_YET, NOT_YET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_transfer_needs_a_bus_master_in_d0),
		TEST(test_synchronous_calls_refuse_memory_without_a_file),
		TEST(test_bus_master_going_off_ends_it),
		TEST(test_leaving_d0_ends_it),
		TEST(test_reset_ends_it),
		TEST(test_surprise_removal_ends_it),
		TEST(test_unmap_ends_it),
		TEST(test_nobody_is_told_of_what_is_cancelled),
	};

	return cmocka_run_group_tests_name("dma_start", tests, NULL, NULL);
}
