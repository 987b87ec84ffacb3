/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replies that break the exchange: each ends a call with its errno in time, the calls after it with
 * -ENODEV, and leaves no descriptor behind.
 */
#include "driver_fixture.h"

#include <fcntl.h>
#include <sys/uio.h>

static struct fake fake;
static struct umd_driver *driver;
static int null_fd; /* what the server hands over */

static void begin(fake_twist *twist)
{
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	memset(&fake, 0, sizeof(fake));
	fake.twist = twist;
	fake_start(&fake);
	driver = fake_open(&fake);
}

static void end(void)
{
	umd_driver_close(driver);
	fake_stop(&fake);
	close(null_fd);
}

/* The reset is where the twists below turn up. */
static int reset_in_time(void)
{
	int64_t start = now_ms();
	int err = umd_driver_reset(driver);

	assert_true(now_ms() - start < 10 * SHORT_MS);
	return err;
}

static void expect_end(fake_twist *twist, int expected)
{
	uint8_t byte;

	begin(twist);
	assert_int_equal(reset_in_time(), expected);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), -ENODEV);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	end();
}

/* ---- Headers ------------------------------------------------------------------------------- */

static struct umd_wire_header patch; /* XORed into a good header */

static bool patched(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		    size_t size)
{
	struct umd_wire_header header = {.id = command->id ^ patch.id,
					 .command = command->command ^ patch.command,
					 .size = sizeof(header) ^ patch.size,
					 .flags = UMD_WIRE_TYPE_REPLY ^ patch.flags,
					 .error = patch.error};

	if (command->command != UMD_WIRE_DEVICE_RESET)
		return false;
	fake_send(f, &header, sizeof(header));
	return true;
}

static void test_replies_to_something_else(void **state)
{
	patch = (struct umd_wire_header){.id = 1};
	expect_end(patched, -EPROTO);
	patch = (struct umd_wire_header){.command = 1};
	expect_end(patched, -EPROTO);
	patch = (struct umd_wire_header){.flags = 3}; /* type 2 */
	expect_end(patched, -EPROTO);
}

static void test_sizes_that_cannot_be(void **state)
{
	patch = (struct umd_wire_header){.size = 16};
	expect_end(patched, -EPROTO);
	patch = (struct umd_wire_header){.size = 31}; /* 15 */
	expect_end(patched, -EPROTO);
	patch = (struct umd_wire_header){.size = 0x7fffff00};
	expect_end(patched, -EPROTO);
	patch = (struct umd_wire_header){.size = 0x100}; /* never comes */
	expect_end(patched, -ETIMEDOUT);
}

/* An error is an answer: the device goes on. */
static void expect_answer(int expected)
{
	uint8_t byte;

	begin(patched);
	assert_int_equal(reset_in_time(), expected);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
	end();
}

static void test_error_replies(void **state)
{
	patch = (struct umd_wire_header){.flags = UMD_WIRE_ERROR, .error = EBUSY};
	expect_answer(-EBUSY);
	patch = (struct umd_wire_header){.flags = UMD_WIRE_ERROR, .error = 0};
	expect_answer(-EPROTO);
	patch = (struct umd_wire_header){.flags = UMD_WIRE_ERROR, .error = 4096};
	expect_answer(-EPROTO);
	patch = (struct umd_wire_header){.flags = UMD_WIRE_ERROR, .error = 0x80000000};
	expect_answer(-EPROTO);
}

/* ---- Time ---------------------------------------------------------------------------------- */

static bool silent(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		   size_t size)
{
	return command->command == UMD_WIRE_DEVICE_RESET;
}

/* A byte at a time, each well within the timeout. */
static bool dribble(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		    size_t size)
{
	const struct timespec pause = {.tv_nsec = SHORT_MS / 5 * 1000000};
	struct umd_wire_header header = {.id = command->id,
					 .command = command->command,
					 .size = sizeof(header),
					 .flags = UMD_WIRE_TYPE_REPLY};

	if (command->command != UMD_WIRE_DEVICE_RESET)
		return false;
	for (size_t i = 0; i < sizeof(header); i++) {
		fake_send(f, (const char *)&header + i, 1);
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool half_a_reply(struct fake *f, const struct umd_wire_header *command,
			 const uint8_t *payload, size_t size)
{
	if (command->command != UMD_WIRE_DEVICE_RESET)
		return false;
	fake_send(f, command, 7);
	shutdown(f->connection, SHUT_RDWR);
	return true;
}

static void test_silence(void **state)
{
	expect_end(silent, -ETIMEDOUT);
	expect_end(dribble, -ETIMEDOUT);
}

static void test_the_server_dies(void **state)
{
	expect_end(half_a_reply, -ENODEV);
}

/* The late answer to one question must not be taken for the next one's. */
static bool late(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		 size_t size)
{
	const struct timespec pause = {.tv_nsec = 2 * SHORT_MS * 1000000};

	if (command->command == UMD_WIRE_DEVICE_RESET)
		nanosleep(&pause, NULL);
	return false;
}

static void test_a_late_answer(void **state)
{
	expect_end(late, -ETIMEDOUT);
}

/* A server that reads nothing: the request does not fit into the socket. */
static bool stop_reading(struct fake *f, const struct umd_wire_header *command,
			 const uint8_t *payload, size_t size)
{
	const struct timespec pause = {.tv_nsec = 3 * SHORT_MS * 1000000};

	if (command->command == UMD_WIRE_REGION_WRITE)
		nanosleep(&pause, NULL);
	return false;
}

static void test_the_server_stops_reading(void **state)
{
	static uint8_t bytes[1 << 20];

	begin(stop_reading);
	assert_int_equal(umd_driver_region_write(driver, 0, 0, bytes, sizeof(bytes)), -ETIMEDOUT);
	end();
}

/* ---- Descriptors that nobody asked for ----------------------------------------------------- */

static void send_with_fds(struct fake *f, const void *bytes, size_t size, unsigned int count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(250 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)bytes, size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*c = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	for (unsigned int i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &null_fd, sizeof(null_fd));
	sendmsg(f->connection, &msg, MSG_NOSIGNAL); /* a driver that has hung up is no failure */
}

static unsigned int fds_a_reply;

static bool reply_with_fds(struct fake *f, const struct umd_wire_header *command,
			   const uint8_t *payload, size_t size)
{
	struct umd_wire_region_info info = {.argsz = sizeof(info)};
	struct {
		struct umd_wire_header header;
		struct umd_wire_region_info info;
	} reply = {.header = {.id = command->id,
			      .command = command->command,
			      .size = sizeof(reply),
			      .flags = UMD_WIRE_TYPE_REPLY},
		   .info = info};

	if (command->command == UMD_WIRE_DEVICE_RESET) {
		reply.header.size = sizeof(reply.header);
		send_with_fds(f, &reply, sizeof(reply.header), fds_a_reply);
		return true;
	}
	if (command->command != UMD_WIRE_GET_REGION_INFO)
		return false;
	memcpy(&reply.info, payload, sizeof(info));
	send_with_fds(f, &reply, sizeof(reply), fds_a_reply);
	return true;
}

static void test_fds_are_closed(void **state)
{
	struct umd_driver_region region = {.size = sizeof(region)};
	unsigned int before;

	for (fds_a_reply = 1; fds_a_reply <= 250; fds_a_reply += 249) {
		begin(reply_with_fds);
		before = count_fds();
		for (int i = 0; i < 20; i++) {
			assert_int_equal(umd_driver_reset(driver), 0);
			assert_int_equal(count_fds(), before);
			assert_int_equal(umd_driver_get_region(driver, 0, &region), 0);
			assert_int_equal(count_fds(), before);
		}
		end();
	}
}

/* Descriptors pile up with a reply that never becomes whole. */
static bool pile_up(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		    size_t size)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	if (command->command != UMD_WIRE_DEVICE_RESET)
		return false;
	for (size_t i = 0; i < 5; i++) {
		send_with_fds(f, (const char *)command + i, 1, 250);
		nanosleep(&pause, NULL);
	}
	return true;
}

static void test_fds_pile_up(void **state)
{
	expect_end(pile_up, -EPROTO);
}

/* ---- Commands of the server's own ---------------------------------------------------------- */

static bool ask_back(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		     size_t size)
{
	struct umd_wire_header own = {.id = 77, .command = UMD_WIRE_GET_INFO, .size = 32};
	uint8_t message[32] = {0};

	if (command->command != UMD_WIRE_DEVICE_RESET)
		return false;
	memcpy(message, &own, sizeof(own));
	fake_send(f, message, sizeof(message));
	return false;
}

static void test_commands_are_refused(void **state)
{
	uint8_t byte;

	begin(ask_back);
	assert_int_equal(umd_driver_reset(driver), 0);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
	assert_int_equal(fake.last_reply.id, 77);
	assert_int_equal(fake.last_reply.command, UMD_WIRE_GET_INFO);
	assert_int_equal(fake.last_reply.flags, UMD_WIRE_TYPE_REPLY | UMD_WIRE_ERROR);
	assert_int_equal(fake.last_reply.error, ENOTSUP);
	assert_int_equal(fake.last_reply.size, 16);
	end();
}

/* Asks without end, and reads no answer, for longer than the timeout. */
static bool ask_and_ask(struct fake *f, const struct umd_wire_header *command,
			const uint8_t *payload, size_t size)
{
	struct umd_wire_header own = {.command = UMD_WIRE_DMA_READ, .size = sizeof(own)};

	if (command->command != UMD_WIRE_DEVICE_RESET)
		return false;
	while (send(f->connection, &own, sizeof(own), MSG_NOSIGNAL) > 0)
		;
	return true;
}

static void test_commands_without_end(void **state)
{
	int err;

	begin(ask_and_ask);
	err = reset_in_time();
	assert_true(err == -EPROTO || err == -ETIMEDOUT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies_to_something_else),
		cmocka_unit_test(test_sizes_that_cannot_be),
		cmocka_unit_test(test_error_replies),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_the_server_dies),
		cmocka_unit_test(test_a_late_answer),
		cmocka_unit_test(test_the_server_stops_reading),
		cmocka_unit_test(test_fds_are_closed),
		cmocka_unit_test(test_fds_pile_up),
		cmocka_unit_test(test_commands_are_refused),
		cmocka_unit_test(test_commands_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
