/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a device: URIs, options, version negotiation, and servers that do not let it happen. */
#include "driver_fixture.h"

#include <fcntl.h>

static int open_uri(const char *uri, const struct umd_driver_options *options,
		    struct umd_error *error)
{
	struct umd_driver *driver = NULL;
	int err = umd_driver_open(uri, options, &driver, error);

	umd_driver_close(driver);
	return err;
}

static void test_unknown_scheme_says_which_are_known(void **state)
{
	struct umd_error error = {0};

	assert_int_equal(open_uri("usb:1-2", NULL, &error), -EPROTONOSUPPORT);
	assert_non_null(strstr(error.text, "'usb'"));
	assert_non_null(strstr(error.text, "vfio-user:PATH"));
	assert_int_equal(open_uri("vfio-use:/x", NULL, NULL), -EPROTONOSUPPORT);
	assert_int_equal(open_uri("vfio-user2:/x", NULL, NULL), -EPROTONOSUPPORT);
	assert_int_equal(open_uri(":", NULL, NULL), -EPROTONOSUPPORT);
}

static void test_bad_uris(void **state)
{
	struct umd_error error = {0};
	char longest[128];

	assert_int_equal(open_uri("/run/x.sock", NULL, &error), -EINVAL);
	assert_int_equal(open_uri("vfio-user:", NULL, &error), -EINVAL);
	assert_int_equal(open_uri("vfio-user:/nonexistent/x", NULL, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/x"));
	snprintf(longest, sizeof(longest), "vfio-user:%0108d", 0);
	assert_int_equal(open_uri(longest, NULL, &error), -ENAMETOOLONG);
}

static void test_nobody_listens(void **state)
{
	struct umd_error error = {0};
	struct fake fake = {0};

	fake_listen(&fake, 1);
	shutdown(fake.listener, SHUT_RDWR);
	assert_int_equal(fake_open_error(&fake, &error), -ECONNREFUSED);
	fake_remove(&fake);
	assert_int_equal(count_fds(), fake.fds_before);
}

static void test_full_backlog_times_out(void **state)
{
	struct umd_error error = {0};
	struct fake fake = {0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int waiting = socket(AF_UNIX, SOCK_STREAM, 0);
	int64_t start;

	fake_listen(&fake, 0);
	strcpy(address.sun_path, fake.uri + strlen("vfio-user:"));
	assert_int_equal(connect(waiting, (void *)&address, sizeof(address)), 0);
	start = now_ms();
	assert_int_equal(fake_open_error(&fake, &error), -ETIMEDOUT);
	assert_in_range(now_ms() - start, SHORT_MS - 10, 10 * SHORT_MS);
	close(waiting);
	fake_remove(&fake);
}

static int connect_fake(const struct fake *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, fake->uri + strlen("vfio-user:"));
	assert_int_equal(connect(fd, (void *)&address, sizeof(address)), 0);
	return fd;
}

static void test_a_socket_that_is_connected_already(void **state)
{
	struct umd_driver *driver = NULL;
	struct umd_error error = {0};
	struct fake fake = {0};
	uint32_t id;
	char uri[32];
	int fd;

	fake_start(&fake);
	fd = connect_fake(&fake);
	snprintf(uri, sizeof(uri), "fd:%d", fd);
	assert_int_equal(umd_driver_open(uri, NULL, &driver, &error), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over */
	assert_int_equal(umd_driver_config_read32(driver, 0, &id), 0);
	umd_driver_close(driver);
	fake_stop(&fake);
}

static void test_options(void **state)
{
	struct {
		struct umd_driver_options known;
		unsigned int later;
	} newer = {.known = {.size = sizeof(newer)}};
	struct umd_driver_options options = {.size = sizeof(options), .timeout_ms = 0x80000000u};
	struct umd_error error = {0};

	assert_int_equal(open_uri("vfio-user:/nonexistent/x", &newer.known, NULL), -ENOENT);
	newer.later = 1;
	assert_int_equal(open_uri("vfio-user:/nonexistent/x", &newer.known, &error), -EINVAL);
	assert_int_equal(open_uri("vfio-user:/nonexistent/x", &options, &error), -EINVAL);
	options.size = 4;
	assert_int_equal(open_uri("vfio-user:/nonexistent/x", &options, &error), -EINVAL);
}

/* ---- Negotiation --------------------------------------------------------------------------- */

static void test_limits_are_the_lesser_ones(void **state)
{
	struct umd_driver_limits limits = {.size = sizeof(limits)};
	struct fake fake = {0};
	struct umd_driver *driver;

	fake_start(&fake);
	driver = fake_open(&fake);
	assert_int_equal(umd_driver_get_limits(driver, &limits), 0);
	assert_int_equal(limits.size, sizeof(limits));
	assert_int_equal(limits.major, 0);
	assert_int_equal(limits.minor, 1);
	assert_int_equal(limits.max_data_xfer_size, 65536);
	assert_int_equal(limits.max_msg_fds, 8);
	assert_int_equal(limits.max_dma_maps, 100);
	assert_int_equal(limits.page_sizes, 4096);
	assert_true(limits.write_multiple);
	umd_driver_close(driver);
	fake_stop(&fake);
}

static void test_defaults_without_json(void **state)
{
	struct umd_driver_limits limits = {.size = sizeof(limits)};
	struct fake fake = {.version_json = ""};
	struct umd_driver *driver;

	fake_start(&fake);
	driver = fake_open(&fake);
	assert_int_equal(umd_driver_get_limits(driver, &limits), 0);
	assert_int_equal(limits.max_data_xfer_size, 1 << 20);
	assert_int_equal(limits.max_msg_fds, 1);
	assert_false(limits.write_multiple);
	umd_driver_close(driver);
	fake_stop(&fake);
}

static void test_limits_for_an_older_caller(void **state)
{
	struct umd_driver_limits limits;
	struct fake fake = {0};
	struct umd_driver *driver;

	memset(&limits, 0x55, sizeof(limits));
	limits.size = offsetof(struct umd_driver_limits, minor);
	fake_start(&fake);
	driver = fake_open(&fake);
	assert_int_equal(umd_driver_get_limits(driver, &limits), 0);
	assert_int_equal(limits.major, 0);
	assert_int_equal(limits.minor, 0x55555555);
	limits.size = 1;
	assert_int_equal(umd_driver_get_limits(driver, &limits), -EINVAL);
	umd_driver_close(driver);
	fake_stop(&fake);
}

/* ---- Servers that do not play along -------------------------------------------------------- */

static void expect_open_error(struct fake *fake, int expected)
{
	struct umd_error error = {0};
	int64_t start = now_ms();

	fake_start(fake);
	assert_int_equal(fake_open_error(fake, &error), expected);
	assert_true(now_ms() - start < 10 * SHORT_MS);
	fake_stop(fake);
}

static bool hang_up(struct fake *fake, const struct umd_wire_header *command,
		    const uint8_t *payload, size_t size)
{
	shutdown(fake->connection, SHUT_RDWR);
	return true;
}

static bool be_silent(struct fake *fake, const struct umd_wire_header *command,
		      const uint8_t *payload, size_t size)
{
	return true;
}

static bool other_major(struct fake *fake, const struct umd_wire_header *command,
			const uint8_t *payload, size_t size)
{
	struct umd_wire_version version = {.major = 1};

	fake_reply(fake, command, &version, sizeof(version));
	return true;
}

static bool short_version(struct fake *fake, const struct umd_wire_header *command,
			  const uint8_t *payload, size_t size)
{
	fake_reply(fake, command, "\0\0", 2);
	return true;
}

static bool endless_version(struct fake *fake, const struct umd_wire_header *command,
			    const uint8_t *payload, size_t size)
{
	static uint8_t reply[5000];

	fake_reply(fake, command, reply, sizeof(reply));
	return true;
}

static bool refuse_version(struct fake *fake, const struct umd_wire_header *command,
			   const uint8_t *payload, size_t size)
{
	fake_error(fake, command, EACCES);
	return true;
}

static void test_server_hangs_up(void **state)
{
	expect_open_error(&(struct fake){.twist = hang_up}, -ENODEV);
}

static void test_server_is_silent(void **state)
{
	expect_open_error(&(struct fake){.twist = be_silent}, -ETIMEDOUT);
}

static bool be_busy(struct fake *fake, const struct umd_wire_header *command,
		    const uint8_t *payload, size_t size)
{
	fake_error(fake, command, EBUSY);
	return true;
}

static void test_server_is_busy(void **state)
{
	struct fake fake = {.twist = be_busy};
	struct umd_error error = {0};

	fake_start(&fake);
	assert_int_equal(fake_open_error(&fake, &error), -EBUSY);
	assert_non_null(strstr(error.text, "another driver"));
	fake_stop(&fake);
}

static void test_server_refuses(void **state)
{
	expect_open_error(&(struct fake){.twist = refuse_version}, -EACCES);
}

static void test_bad_versions(void **state)
{
	expect_open_error(&(struct fake){.twist = other_major}, -EPROTO);
	expect_open_error(&(struct fake){.twist = short_version}, -EPROTO);
	expect_open_error(&(struct fake){.twist = endless_version}, -EPROTO);
	expect_open_error(&(struct fake){.version_json = "{\"capabilities\":"}, -EPROTO);
	expect_open_error(
		&(struct fake){.version_json = "{\"capabilities\":{\"max_data_xfer_size\":0}}"},
		-EPROTO);
}

static bool many_regions(struct fake *fake, const struct umd_wire_header *command,
			 const uint8_t *payload, size_t size)
{
	struct umd_wire_device_info info = {sizeof(info), 2, 257, 5};

	if (command->command != UMD_WIRE_GET_INFO)
		return false;
	fake_reply(fake, command, &info, sizeof(info));
	return true;
}

static bool many_irqs(struct fake *fake, const struct umd_wire_header *command,
		      const uint8_t *payload, size_t size)
{
	struct umd_wire_device_info info = {sizeof(info), 2, 9, UINT32_MAX};

	if (command->command != UMD_WIRE_GET_INFO)
		return false;
	fake_reply(fake, command, &info, sizeof(info));
	return true;
}

static void test_too_many_indexes(void **state)
{
	expect_open_error(&(struct fake){.twist = many_regions}, -EPROTO);
	expect_open_error(&(struct fake){.twist = many_irqs}, -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_scheme_says_which_are_known),
		cmocka_unit_test(test_bad_uris),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_full_backlog_times_out),
		cmocka_unit_test(test_a_socket_that_is_connected_already),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_limits_are_the_lesser_ones),
		cmocka_unit_test(test_defaults_without_json),
		cmocka_unit_test(test_limits_for_an_older_caller),
		cmocka_unit_test(test_server_hangs_up),
		cmocka_unit_test(test_server_is_silent),
		cmocka_unit_test(test_server_is_busy),
		cmocka_unit_test(test_server_refuses),
		cmocka_unit_test(test_bad_versions),
		cmocka_unit_test(test_too_many_indexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
