/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEVICE_FEATURE as a client asks for it: what is there, what each feature takes, and what low
 * power and bus mastering do to the device.
 */
#include "server_fixture.h"

#include "device_fixture.h"

#define GET   UMD_WIRE_FEATURE_GET
#define SET   UMD_WIRE_FEATURE_SET
#define PROBE UMD_WIRE_FEATURE_PROBE

/* VFIO_DEVICE_FEATURE_... */
#define ENTRY	    3u
#define WITH_WAKEUP 4u
#define EXIT	    5u
#define LOG_START   6u
#define LOG_STOP    7u
#define LOG_REPORT  8u
#define BUS_MASTER  10u

static struct server_fixture f;
static struct device_log told;
static struct umd_device *device;
static struct umd_server *server;
static int client;

static void dispatch(void)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(umd_server_dispatch(server, 0), 0);
}

static int setup(void **state)
{
	static const struct umd_region region = {.size = 256, .flags = UMD_REGION_IO};
	struct umd_server_options options = {.size = sizeof(options), .socket_path = f.path};

	server_start(&f);
	device = device_create(&told);
	assert_int_equal(umd_device_add_bar(device, 0, &region), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_server_create(device, &options, &server), 0);
	client = server_connect(f.path);
	server_send_version(client, 1);
	dispatch();
	server_receive(client);
	return 0;
}

static int teardown(void **state)
{
	close(client);
	umd_server_destroy(server);
	umd_device_destroy(device);
	server_stop(&f);
	return 0;
}

/* A feature with the largest data that one has. */
struct request {
	struct umd_wire_feature feature;
	uint32_t data[2];
};

/* `size` bytes of a request are sent. The error that it is answered with, or 0. */
static int ask(const struct request *request, size_t size, const int *fds, unsigned int fd_count)
{
	static uint16_t id = 100;
	struct umd_wire_feature reply;
	struct umd_wire_header header;

	server_send(client, ++id, UMD_WIRE_DEVICE_FEATURE, request, size, fds, fd_count);
	dispatch();
	header = server_receive_reply(client, &reply, sizeof(reply));
	assert_int_equal(header.id, id);
	if (header.error) {
		assert_int_equal(header.size, sizeof(header));
		return -(int)header.error;
	}
	assert_int_equal(header.size, sizeof(header) + sizeof(reply));
	assert_int_equal(reply.argsz, request->feature.argsz);
	assert_int_equal(reply.flags, request->feature.flags);
	return 0;
}

static int feature(uint32_t flags, uint32_t first, uint32_t second)
{
	const struct request request = {{sizeof(request), flags}, {first, second}};

	return ask(&request, sizeof(request), NULL, 0);
}

static int enter_with(int fd)
{
	const struct request request = {{sizeof(request), SET | WITH_WAKEUP}, {0}};

	return ask(&request, sizeof(request), &fd, 1);
}

/* ---- What there is ------------------------------------------------------------------------- */

static bool is_there(uint32_t index)
{
	return (index >= ENTRY && index <= LOG_STOP) || index == BUS_MASTER;
}

/* Each feature there is but a report of the dirty log can be set, and nothing else; a probe does
 * nothing and says so. */
static void test_features_are_found_by_probing(void **state)
{
	static const struct {
		uint32_t flags;
		int there, missing;
	} rows[] = {
		{PROBE, 0, -ENOTTY},
		{PROBE | SET, 0, -ENOTTY},
		{PROBE | GET, -EINVAL, -ENOTTY},
		{PROBE | GET | SET, -EINVAL, -ENOTTY},
		{GET, -EINVAL, -ENOTTY},
		{0, -EINVAL, -EINVAL},
		{GET | SET, -EINVAL, -EINVAL},
		{PROBE | 1u << 19, -EINVAL, -EINVAL},
		{SET | 1u << 31, -EINVAL, -EINVAL},
	};
	static const uint32_t indexes[] = {0, 1,  2,  3,  4,  5,  6,	  7,
					   9, 10, 11, 12, 13, 99, 0x7fff, 0xffff};

	for (size_t n = 0; n < UNIT_COUNT(indexes); n++) {
		for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
			int err = feature(rows[i].flags | indexes[n], 0, 0);

			if (err != (is_there(indexes[n]) ? rows[i].there : rows[i].missing))
				fail_msg("index %u, row %zu: %d", indexes[n], i, err);
		}
		if (!is_there(indexes[n]))
			assert_int_equal(feature(SET | indexes[n], 0, 0), -ENOTTY);
	}
	device_expect_calls(&told, "");
	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
}

static void test_report_of_the_dirty_log_is_what_can_be_got(void **state)
{
	assert_int_equal(feature(PROBE | LOG_REPORT, 0, 0), 0);
	assert_int_equal(feature(PROBE | GET | LOG_REPORT, 0, 0), 0);
	assert_int_equal(feature(PROBE | SET | LOG_REPORT, 0, 0), -EINVAL);
	assert_int_equal(feature(PROBE | GET | SET | LOG_REPORT, 0, 0), -EINVAL);
	assert_int_equal(feature(SET | LOG_REPORT, 0, 0), -EINVAL);
}

static void test_requests_that_are_too_short_are_refused(void **state)
{
	static const struct {
		uint32_t index;
		size_t needs;
	} rows[] = {{ENTRY, 8}, {WITH_WAKEUP, 16}, {EXIT, 8}, {BUS_MASTER, 12}};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct request request = {.feature = {16, SET | rows[i].index}};
		size_t needs = rows[i].needs;
		int wakeup = irq_eventfd();

		for (size_t size = 0; size < needs; size++)
			assert_int_equal(ask(&request, size, &wakeup, 1), -EINVAL);
		for (request.feature.argsz = 0; request.feature.argsz < needs;
		     request.feature.argsz++)
			assert_int_equal(ask(&request, sizeof(request), &wakeup, 1), -EINVAL);
		device_expect_calls(&told, "");
		assert_int_equal(ask(&request, needs, &wakeup, rows[i].index == WITH_WAKEUP), 0);
		umd_power_exit_low(device);
		memset(told.calls, 0, sizeof(told.calls));
		close(wakeup);
	}
}

/* A probe takes no data. */
static void test_probe_needs_no_data(void **state)
{
	const struct request request = {.feature = {8, PROBE | SET | WITH_WAKEUP}};

	assert_int_equal(ask(&request, 8, NULL, 0), 0);
	device_expect_calls(&told, "");
}

static void test_fds_that_nobody_wants_are_closed(void **state)
{
	static const uint32_t flags[] = {SET | ENTRY,	      SET | EXIT, SET | BUS_MASTER,
					 PROBE | WITH_WAKEUP, SET | 99,	  GET | WITH_WAKEUP};
	int fd = irq_eventfd(), before = unit_count_fds();

	for (size_t i = 0; i < UNIT_COUNT(flags); i++) {
		const struct request request = {{sizeof(request), flags[i]}, {0}};

		ask(&request, sizeof(request), &fd, 1);
		assert_int_equal(unit_count_fds(), before);
	}
	close(fd);
}

/* ---- Low power ----------------------------------------------------------------------------- */

static void test_client_puts_the_device_to_sleep_and_wakes_it(void **state)
{
	assert_int_equal(feature(SET | ENTRY, 0, 0), 0);
	device_expect_calls(&told, "L");
	assert_int_equal(feature(SET | ENTRY, 0, 0), -EINVAL);
	device_expect_calls(&told, "");
	assert_int_equal(feature(SET | EXIT, 0, 0), 0);
	device_expect_calls(&told, "0");
	assert_int_equal(feature(SET | EXIT, 0, 0), 0);
	device_expect_calls(&told, "");
}

static void test_access_of_the_client_wakes_the_device(void **state)
{
	const struct umd_wire_region_access access = {.region = UMD_REGION_CONFIG, .count = 4};

	assert_int_equal(feature(SET | ENTRY, 0, 0), 0);
	server_send(client, 2, UMD_WIRE_REGION_READ, &access, sizeof(access), NULL, 0);
	dispatch();
	assert_int_equal(server_receive(client).error, 0);
	device_expect_calls(&told, "L0L");
}

static void test_device_wakes_its_client_by_the_eventfd_that_came_along(void **state)
{
	int wakeup = irq_eventfd(), before = unit_count_fds();

	assert_int_equal(enter_with(wakeup), 0);
	assert_int_equal(unit_count_fds(), before + 1);
	device_expect_calls(&told, "L");
	umd_device_wake(device);
	device_expect_calls(&told, "0");
	assert_int_equal(unit_take_events(wakeup), 1);
	assert_int_equal(unit_count_fds(), before);
	close(wakeup);
}

static void test_wakeup_takes_one_eventfd_and_its_place(void **state)
{
	static const struct {
		uint32_t place, reserved;
		unsigned int fds;
	} rows[] = {{0, 0, 0}, {0, 0, 2}, {1, 0, 1}, {UINT32_MAX, 0, 1}, {0, 1, 1}, {1, 0, 2}};
	int fds[2] = {irq_eventfd(), irq_eventfd()}, ends[2], before;

	assert_int_equal(pipe(ends), 0);
	before = unit_count_fds();
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		const struct request request = {{sizeof(request), SET | WITH_WAKEUP},
						{rows[i].place, rows[i].reserved}};

		assert_int_equal(ask(&request, sizeof(request), fds, rows[i].fds), -EINVAL);
	}
	assert_int_equal(enter_with(ends[0]), -EINVAL);
	assert_int_equal(enter_with(ends[1]), -EINVAL);
	assert_int_equal(unit_count_fds(), before);
	device_expect_calls(&told, "");
	assert_int_equal(enter_with(fds[0]), 0);
	assert_int_equal(enter_with(fds[1]), -EINVAL);
	assert_int_equal(unit_count_fds(), before + 1);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(ends[i]);
	}
}

static void test_client_that_leaves_leaves_no_sleeping_device(void **state)
{
	int wakeup = irq_eventfd(), before;

	assert_int_equal(enter_with(wakeup), 0);
	before = unit_count_fds();
	close(client);
	dispatch();
	device_expect_calls(&told, "L0R");
	assert_int_equal(unit_take_events(wakeup), 0);
	assert_int_equal(unit_count_fds(), before - 3); /* both ends, and the wake-up */
	close(wakeup);
	client = server_connect(f.path);
	server_send_version(client, 1);
	dispatch();
	server_receive(client);
	assert_int_equal(feature(SET | ENTRY, 0, 0), 0);
}

/* ---- Bus mastering ------------------------------------------------------------------------- */

static void test_client_sets_and_clears_bus_mastering(void **state)
{
	const uint16_t others = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE;
	uint8_t byte;

	device_set_command(device, others);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(feature(SET | BUS_MASTER, 1, 0), 0);
		assert_int_equal(device_config(device, PCI_COMMAND, 2),
				 others | PCI_COMMAND_MASTER);
		assert_int_equal(umd_dma_read(device, 0, &byte, 1), -EFAULT);
		assert_int_equal(feature(SET | BUS_MASTER, 0, 0), 0);
		assert_int_equal(device_config(device, PCI_COMMAND, 2), others);
		assert_int_equal(umd_dma_read(device, 0, &byte, 1), -ENODEV);
	}
	assert_int_equal(feature(SET | BUS_MASTER, 2, 0), -EINVAL);
	assert_int_equal(feature(SET | BUS_MASTER, UINT32_MAX, 0), -EINVAL);
	assert_int_equal(device_config(device, PCI_COMMAND, 2), others);
}

/* ---- Gone ---------------------------------------------------------------------------------- */

static void test_device_that_is_gone_has_no_features(void **state)
{
	int wakeup = irq_eventfd();

	assert_int_equal(umd_device_unplug(device, 0), 0);
	assert_int_equal(feature(SET | ENTRY, 0, 0), -ENODEV);
	assert_int_equal(feature(SET | EXIT, 0, 0), -ENODEV);
	assert_int_equal(feature(SET | BUS_MASTER, 1, 0), -ENODEV);
	assert_int_equal(feature(SET | LOG_STOP, 0, 0), -ENODEV);
	assert_int_equal(enter_with(wakeup), -ENODEV);
	device_expect_calls(&told, "S");
	close(wakeup);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_features_are_found_by_probing),
		TEST(test_report_of_the_dirty_log_is_what_can_be_got),
		TEST(test_requests_that_are_too_short_are_refused),
		TEST(test_probe_needs_no_data),
		TEST(test_fds_that_nobody_wants_are_closed),
		TEST(test_client_puts_the_device_to_sleep_and_wakes_it),
		TEST(test_access_of_the_client_wakes_the_device),
		TEST(test_device_wakes_its_client_by_the_eventfd_that_came_along),
		TEST(test_wakeup_takes_one_eventfd_and_its_place),
		TEST(test_client_that_leaves_leaves_no_sleeping_device),
		TEST(test_client_sets_and_clears_bus_mastering),
		TEST(test_device_that_is_gone_has_no_features),
	};

	return cmocka_run_group_tests_name("feature", tests, NULL, NULL);
}
