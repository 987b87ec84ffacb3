/* SPDX-License-Identifier: BSD-2-Clause */
/* Low power: what is asked of the device, and devices that cannot, or answer nonsense. */
#include "driver_fixture.h"

static struct fake fake;
static struct umd_driver *driver;

static void begin(fake_twist *twist)
{
	fake.twist = twist;
	fake_start(&fake);
	driver = fake_open(&fake);
}

static int end(void **state)
{
	umd_driver_close(driver);
	if (*fake.uri)
		fake_stop(&fake);
	memset(&fake, 0, sizeof(fake));
	driver = NULL;
	return 0;
}

/* Each message about a feature: its flags, its data, its fds. */
static struct {
	uint32_t argsz, flags, data[2];
	size_t size;
	unsigned int fds;
} seen[8];
static unsigned int seen_count;

static bool note(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		 size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_FEATURE || seen_count == 8)
		return false;
	assert_true(size <= 16);
	memset(&seen[seen_count], 0xaa, sizeof(seen[0]));
	memcpy(&seen[seen_count], payload, size);
	seen[seen_count].size = size;
	seen[seen_count++].fds = f->fd_count;
	return false;
}

static void test_the_feature_is_asked_for_then_set(void **state)
{
	seen_count = 0;
	begin(note);
	assert_int_equal(umd_driver_low_power_enter(driver, false), 0);
	assert_true(fake.low_power);
	assert_int_equal(fake.wakeup, -1);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].flags, 3 | UMD_WIRE_FEATURE_SET | UMD_WIRE_FEATURE_PROBE);
	assert_int_equal(seen[1].flags, 3 | UMD_WIRE_FEATURE_SET);
	assert_int_equal(seen[1].argsz, 8);
	assert_int_equal(seen[1].size, 8);

	assert_int_equal(umd_driver_low_power_exit(driver), 0);
	assert_false(fake.low_power);
	assert_int_equal(umd_driver_low_power_exit(driver), 0);
}

static void test_the_wakeup_eventfd_goes_along(void **state)
{
	seen_count = 0;
	begin(note);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].fds, 0);
	assert_int_equal(seen[1].flags, 4 | UMD_WIRE_FEATURE_SET);
	assert_int_equal(seen[1].argsz, 16);
	assert_int_equal(seen[1].size, 16);
	assert_int_equal(seen[1].data[0], 0); /* the first fd of the message */
	assert_int_equal(seen[1].data[1], 0);
	assert_int_equal(seen[1].fds, 1);
	assert_int_equal(eventfd_write(fake.wakeup, 1), 0);
}

static void test_it_can_be_entered_once(void **state)
{
	begin(NULL);
	assert_int_equal(umd_driver_low_power_enter(driver, false), 0);
	assert_int_equal(umd_driver_low_power_enter(driver, false), -EINVAL);
	assert_int_equal(umd_driver_low_power_exit(driver), 0);
	assert_int_equal(umd_driver_low_power_enter(driver, false), 0);
}

static void test_wakeup_needs_events(void **state)
{
	begin(NULL);
	assert_int_equal(umd_driver_low_power_enter(driver, true), -EINVAL);
	assert_false(fake.low_power);
}

static void test_a_device_that_is_gone(void **state)
{
	begin(NULL);
	fake.gone = true;
	assert_int_equal(umd_driver_low_power_enter(driver, false), -ENODEV);
	assert_int_equal(umd_driver_low_power_exit(driver), -ENODEV);
}

/* ---- Devices that cannot ------------------------------------------------------------------- */

static uint32_t refusal;

static bool refuse(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		   size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_FEATURE)
		return false;
	fake_error(f, command, refusal);
	return true;
}

/* Servers differ in how they refuse what they do not know. */
static void test_however_it_refuses_it_cannot(void **state)
{
	const uint32_t refusals[] = {ENOTTY, ENOTSUP, EINVAL, ENOSYS};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		refusal = refusals[i];
		begin(refuse);
		assert_int_equal(umd_driver_low_power_enter(driver, false), -ENOTTY);
		assert_int_equal(umd_driver_low_power_exit(driver), -ENOTTY);
		end(state);
	}
}

static void test_no_wakeup_without_fds(void **state)
{
	fake.version_json = "{\"capabilities\":{\"max_msg_fds\":0}}";
	fake.no_events = true;
	begin(NULL);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_low_power_enter(driver, true), -ENOTTY);
	assert_int_equal(umd_driver_low_power_enter(driver, false), 0);
}

/* ---- Nonsense ------------------------------------------------------------------------------ */

static uint8_t nonsense[32];
static size_t nonsense_size;

static bool say_nonsense(struct fake *f, const struct umd_wire_header *command,
			 const uint8_t *payload, size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_FEATURE)
		return false;
	fake_reply(f, command, nonsense, nonsense_size);
	return true;
}

static void test_replies_that_are_none(void **state)
{
	uint8_t byte;

	for (nonsense_size = 0; nonsense_size <= sizeof(nonsense); nonsense_size += 4) {
		begin(say_nonsense);
		assert_int_equal(umd_driver_low_power_enter(driver, false), -EPROTO);
		assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
		end(state);
	}
}

static bool repeat_all(struct fake *f, const struct umd_wire_header *command,
		       const uint8_t *payload, size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_FEATURE)
		return false;
	fake_reply(f, command, payload, size);
	return true;
}

static void test_a_reply_that_repeats_the_data(void **state)
{
	begin(repeat_all);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
}

static bool silent(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		   size_t size)
{
	return command->command == UMD_WIRE_DEVICE_FEATURE;
}

static void test_silence(void **state)
{
	int64_t start = now_ms();

	begin(silent);
	assert_int_equal(umd_driver_low_power_enter(driver, false), -ETIMEDOUT);
	assert_true(now_ms() - start < 10 * SHORT_MS);
	assert_int_equal(umd_driver_low_power_exit(driver), -ENODEV);
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_feature_is_asked_for_then_set),
		CASE(test_the_wakeup_eventfd_goes_along),
		CASE(test_it_can_be_entered_once),
		CASE(test_wakeup_needs_events),
		CASE(test_a_device_that_is_gone),
		CASE(test_however_it_refuses_it_cannot),
		CASE(test_no_wakeup_without_fds),
		CASE(test_replies_that_are_none),
		CASE(test_a_reply_that_repeats_the_data),
		CASE(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
