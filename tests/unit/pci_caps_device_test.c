/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities that are registers and no more, as a device's author declares them: each
 * call declares its own, none works on a realised device, and the first failure is the one that
 * umd_device_realize() tells.
 */
#include "device_fixture.h"

#include <umdev/caps.h>

static struct device_log told;
static struct umd_device *device;

static int setup(void **state)
{
	device = device_create(&told);
	assert_int_equal(umd_device_add_pcie(device, &(struct umd_pcie){.ltr = true}), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

/* Declares each; `err` is what each returns. */
static void add_all(int err)
{
	const struct umd_sriov sriov = {.total_vfs = 1, .vf_offset = 1};

	assert_int_equal(umd_device_add_dsn(device, &(struct umd_dsn){.serial = 1}), err);
	assert_int_equal(umd_device_add_acs(device, &(struct umd_acs){.services = 0}), err);
	assert_int_equal(umd_device_add_ari(device, &(struct umd_ari){.next_function = 0}), err);
	assert_int_equal(umd_device_add_ats(device, &(struct umd_ats){.queue_depth = 1}), err);
	assert_int_equal(umd_device_add_pasid(device, &(struct umd_pasid){.width = 1}), err);
	assert_int_equal(umd_device_add_ltr(device, &(struct umd_ltr){.at = 0}), err);
	assert_int_equal(umd_device_add_tph(device, &(struct umd_tph){.at = 0}), err);
	assert_int_equal(umd_device_add_sriov(device, &sriov), err);
}

static void test_each_call_declares_its_capability(void **state)
{
	/* id, and how far its next one is: serial number, ACS, ARI, ATS, PASID, LTR, TPH, SR-IOV */
	static const uint32_t headers[] = {0x10c10003, 0x1141000d, 0x11c1000e, 0x1241000f,
					   0x12c1001b, 0x13410018, 0x14010017, 0x00010010};
	struct umd_error error = {0};
	uint32_t at = 0x100;

	add_all(0);
	assert_int_equal(umd_device_realize(device, &error), 0);
	for (size_t i = 0; i < UNIT_COUNT(headers); i++) {
		assert_int_equal(device_config(device, at, 4), headers[i]);
		at = headers[i] >> 20;
	}
}

static void test_realised_device_takes_no_more(void **state)
{
	struct umd_pci_config before;

	assert_int_equal(umd_device_realize(device, NULL), 0);
	before = device->config;
	add_all(-EBUSY);
	assert_memory_equal(&before, &device->config, sizeof(before));
}

static void test_first_failure_is_told_in_the_end(void **state)
{
	struct umd_error error = {0};

	assert_int_equal(umd_device_add_pasid(device, &(struct umd_pasid){.width = 21}), -EINVAL);
	assert_int_equal(umd_device_add_ats(device, &(struct umd_ats){.queue_depth = 0}), -EINVAL);
	assert_int_equal(umd_device_add_ltr(device, &(struct umd_ltr){.at = 0}), 0);
	assert_int_equal(umd_device_realize(device, &error), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	assert_string_equal(error.text, "PASID: width 21 is not 1 to 20");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_each_call_declares_its_capability),
		TEST(test_realised_device_takes_no_more),
		TEST(test_first_failure_is_told_in_the_end),
	};

	return cmocka_run_group_tests_name("pci_caps_device", tests, NULL, NULL);
}
