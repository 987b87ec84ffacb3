/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver library against a device that the library serves: what one end says, the other hears.
 */
#include "driver_fixture.h"

#include <linux/pci_regs.h>

#include <umdev/caps.h>

#define WAIT_MS 3000

/* What the device is to do next; on its thread, which alone touches it. */
enum action { NOTHING, REPORT_ERROR, WAKE, UNPLUG, REMOVE };

static struct {
	char dir[32], path[48];
	struct umd_device *device;
	struct umd_server *server;
	pthread_t thread;
	atomic_int action, power;
	atomic_bool stop, unplugged;
	unsigned int fds_before;
} served;

static struct umd_driver *driver;

/* ---- The device ---------------------------------------------------------------------------- */

static void note_power(void *data, enum umd_power power)
{
	served.power = (int)power;
}

static void note_unplugged(void *data, bool surprise)
{
	served.unplugged = true;
}

static const struct umd_device_ops ops = {.power = note_power, .unplugged = note_unplugged};

static void create_device(void)
{
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = "served",
					     .vendor = 0x1234,
					     .device = 0x5678,
					     .ops = &ops};
	struct umd_error error;

	assert_int_equal(umd_device_create(&info, &served.device), 0);
	umd_device_add_pcie(served.device, &(struct umd_pcie){.flr = true});
	umd_device_add_aer(served.device, &(struct umd_aer){0});
	if (umd_device_realize(served.device, &error))
		fail_msg("%s", error.text);
}

static void act(enum action action)
{
	if (action == REPORT_ERROR)
		umd_device_report_error(served.device, true, PCI_ERR_COR_RCVR, NULL);
	else if (action == WAKE)
		umd_device_wake(served.device);
	else if (action == UNPLUG)
		umd_device_unplug(served.device, UINT64_C(60000000000));
	else if (action == REMOVE)
		umd_device_unplug(served.device, 0);
}

static void *serve(void *data)
{
	while (!served.stop) {
		umd_server_dispatch(served.server, 2);
		act((enum action)served.action);
		served.action = NOTHING;
	}
	return NULL;
}

static void have_it(enum action action)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	served.action = (int)action;
	while (served.action != NOTHING)
		nanosleep(&pause, NULL);
}

static void stop_serving(void)
{
	served.stop = true;
	pthread_join(served.thread, NULL);
	umd_server_destroy(served.server);
	served.server = NULL;
}

/* ---- The driver ---------------------------------------------------------------------------- */

static int begin(void **state)
{
	struct umd_server_options options = {.size = sizeof(options), .fd = -1};
	char uri[64];

	memset(&served, 0, sizeof(served));
	served.fds_before = count_fds();
	strcpy(served.dir, "/tmp/umdev-served-XXXXXX");
	assert_non_null(mkdtemp(served.dir));
	snprintf(served.path, sizeof(served.path), "%s/s", served.dir);
	create_device();
	options.socket_path = served.path;
	assert_int_equal(umd_server_create(served.device, &options, &served.server), 0);
	assert_int_equal(pthread_create(&served.thread, NULL, serve, NULL), 0);

	snprintf(uri, sizeof(uri), "vfio-user:%s", served.path);
	assert_int_equal(umd_driver_open(uri, NULL, &driver, NULL), 0);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	return 0;
}

static int end(void **state)
{
	umd_driver_close(driver);
	if (served.server)
		stop_serving();
	umd_device_destroy(served.device);
	assert_int_equal(rmdir(served.dir), 0);
	assert_int_equal(count_fds(), served.fds_before);
	return 0;
}

/* The kind of the next event; -EAGAIN where there is none in time. */
static int next_event(int timeout_ms)
{
	struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};
	struct umd_driver_event event = {.size = sizeof(event)};
	int64_t deadline = now_ms() + timeout_ms;

	while (now_ms() < deadline && poll(&pollfd, 1, (int)(deadline - now_ms())) == 1) {
		if (umd_driver_next_event(driver, &event) == 0)
			return (int)event.kind;
	}
	return -EAGAIN;
}

static void test_an_error_is_heard_of(void **state)
{
	unsigned int express;

	assert_int_equal(umd_driver_find_cap(driver, PCI_CAP_ID_EXP, &express), 0);
	have_it(REPORT_ERROR); /* the driver does not want to know */
	assert_int_equal(next_event(50), -EAGAIN);

	assert_int_equal(
		umd_driver_config_write16(driver, express + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_CERE),
		0);
	have_it(REPORT_ERROR);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_ERROR);
	assert_int_equal(next_event(50), -EAGAIN);
}

static void test_an_unplug_request_is_heard_of(void **state)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	have_it(UNPLUG);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	assert_int_equal(umd_driver_reset(driver), 0); /* it is there until it is let go */
	assert_false(served.unplugged);

	umd_driver_close(driver);
	driver = NULL;
	for (int i = 0; i < WAIT_MS && !served.unplugged; i++)
		nanosleep(&pause, NULL);
	assert_true(served.unplugged);
}

static void test_surprise_removal_is_heard_of(void **state)
{
	uint32_t ids;

	have_it(REMOVE);
	assert_int_equal(umd_driver_config_read32(driver, 0, &ids), 0);
	assert_int_equal(ids, UINT32_MAX); /* which could be, and is no proof */
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_REMOVED);
	assert_int_equal(next_event(50), -EAGAIN);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	assert_int_equal(umd_driver_low_power_enter(driver, false), -ENODEV);
	assert_int_equal(umd_driver_config_read32(driver, 0, &ids), -ENODEV);
}

static void test_the_end_of_the_server_is_heard_of(void **state)
{
	stop_serving();
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_REMOVED);
}

static void test_low_power(void **state)
{
	uint32_t ids;

	assert_int_equal(umd_driver_low_power_enter(driver, false), 0);
	assert_int_equal(served.power, UMD_POWER_LOW);
	assert_int_equal(umd_driver_low_power_enter(driver, false), -EINVAL);
	assert_int_equal(umd_driver_config_read32(driver, 0, &ids), 0);
	assert_int_equal(umd_driver_low_power_exit(driver), 0);
	assert_int_equal(served.power, UMD_POWER_D0);
	assert_int_equal(next_event(50), -EAGAIN);
}

static void test_the_device_wakes_itself(void **state)
{
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
	assert_int_equal(served.power, UMD_POWER_LOW);
	assert_int_equal(next_event(50), -EAGAIN);
	have_it(WAKE);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_WAKEUP);
	assert_int_equal(served.power, UMD_POWER_D0);
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
}

/* Asking whether a sleeping device is there does not wake it. */
static void test_events_leave_it_asleep(void **state)
{
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
	have_it(UNPLUG);
	assert_int_equal(next_event(WAIT_MS), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	assert_int_equal(served.power, UMD_POWER_LOW);
	assert_int_equal(next_event(50), -EAGAIN);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_an_error_is_heard_of),
		CASE(test_an_unplug_request_is_heard_of),
		CASE(test_surprise_removal_is_heard_of),
		CASE(test_the_end_of_the_server_is_heard_of),
		CASE(test_low_power),
		CASE(test_the_device_wakes_itself),
		CASE(test_events_leave_it_asleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
