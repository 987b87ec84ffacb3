/* SPDX-License-Identifier: BSD-2-Clause */
/* Setting interrupts inside the driver library: how vectors and their eventfds become messages. */
#include "driver_fixture.h"

#include <linux/vfio.h>
#include <sys/stat.h>

#include "driver/backend.h"

#define EVENTFDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define VECTORS	 20

static struct fake fake;
static struct umd_driver *driver;

/* What the server has in the end, and how many messages it took. */
static int held[VECTORS];
static unsigned int messages, largest;

static bool hold(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		 size_t size)
{
	struct umd_wire_set_irqs set;

	if (command->command != UMD_WIRE_SET_IRQS)
		return false;
	memcpy(&set, payload, sizeof(set));
	if (set.start + set.count > VECTORS || (f->fd_count && f->fd_count != set.count)) {
		fake_error(f, command, EINVAL);
		return true;
	}
	for (unsigned int i = 0; i < set.count; i++) {
		fake_close(&held[set.start + i], 1);
		if (f->fd_count) {
			held[set.start + i] = f->fds[i];
			f->fds[i] = -1;
		}
	}
	messages++;
	if (f->fd_count > largest)
		largest = f->fd_count;
	fake_reply(f, command, NULL, 0);
	return true;
}

static void begin(fake_twist *twist)
{
	memset(held, 0xff, sizeof(held));
	messages = largest = 0;
	fake.twist = twist;
	fake_start(&fake);
	driver = fake_open(&fake);
}

static int end(void **state)
{
	umd_driver_close(driver);
	if (*fake.uri) {
		fake_close(held, VECTORS);
		fake_stop(&fake);
	}
	memset(&fake, 0, sizeof(fake));
	driver = NULL;
	return 0;
}

static int set(unsigned int start, unsigned int count, const int *fds)
{
	return umd_driver_set_irqs(driver, &(struct umd_driver_irq_set){.flags = EVENTFDS,
									.index = UMD_DRIVER_MSIX,
									.start = start,
									.count = count,
									.fds = fds});
}

static void make_eventfds(int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(fds[i] >= 0);
	}
}

/* Whether the server's fd of a vector is this eventfd of ours. */
static bool holds(unsigned int vector, int fd)
{
	eventfd_t count;

	return eventfd_write(held[vector], 1) == 0 && eventfd_read(fd, &count) == 0;
}

static void test_eventfds_are_split(void **state)
{
	int fds[VECTORS];

	begin(hold);
	make_eventfds(fds, VECTORS);
	assert_int_equal(set(0, VECTORS, fds), 0);
	assert_int_equal(messages, 3);
	assert_int_equal(largest, 8); /* max_msg_fds */
	for (unsigned int i = 0; i < VECTORS; i++)
		assert_true(holds(i, fds[i]));
	fake_close(fds, VECTORS);
}

static void test_a_vector_without_an_eventfd(void **state)
{
	int fds[6], some[6];

	begin(hold);
	make_eventfds(fds, 6);
	assert_int_equal(set(4, 6, fds), 0);
	messages = 0;

	memcpy(some, fds, sizeof(some));
	some[0] = some[3] = some[4] = -1;
	assert_int_equal(set(4, 6, some), 0);
	assert_int_equal(messages, 4);
	for (unsigned int i = 0; i < 6; i++) {
		if (some[i] < 0)
			assert_int_equal(held[4 + i], -1);
		else
			assert_true(holds(4 + i, fds[i]));
	}
	fake_close(fds, 6);
}

static void test_no_eventfds_is_one_message(void **state)
{
	int fds[VECTORS];

	begin(hold);
	make_eventfds(fds, VECTORS);
	assert_int_equal(set(0, VECTORS, fds), 0);
	messages = 0;
	assert_int_equal(set(0, VECTORS, NULL), 0);
	assert_int_equal(messages, 1);
	for (unsigned int i = 0; i < VECTORS; i++)
		assert_int_equal(held[i], -1);
	fake_close(fds, VECTORS);
}

static void test_vectors_that_cannot_be(void **state)
{
	begin(hold);
	assert_int_equal(set(65536, 1, NULL), -EINVAL);
	assert_int_equal(set(65535, 2, NULL), -EINVAL);
	assert_int_equal(set(1, UINT32_MAX, NULL), -EINVAL);
	assert_int_equal(
		umd_driver_set_irqs(driver, &(struct umd_driver_irq_set){.flags = EVENTFDS,
									 .index = FAKE_IRQS,
									 .count = 1}),
		-EINVAL);
	assert_int_equal(messages, 0);
}

/* The device's own word: the steps before it are done. */
static void test_a_refusal_in_the_middle(void **state)
{
	int fds[VECTORS];

	begin(hold);
	make_eventfds(fds, VECTORS);
	assert_int_equal(set(10, VECTORS, fds), -EINVAL);
	assert_int_equal(messages, 1);
	assert_true(holds(10, fds[0]));
	assert_int_equal(held[18], -1);
	fake_close(fds, VECTORS);
}

static void test_no_fds_can_be_handed_over(void **state)
{
	int fd;

	fake.version_json = "{\"capabilities\":{\"max_msg_fds\":0}}";
	begin(hold);
	make_eventfds(&fd, 1);
	assert_int_equal(set(0, 1, &fd), -EOPNOTSUPP);
	assert_int_equal(set(0, 1, NULL), 0);
	assert_int_equal(set(0, 1, &(int){-1}), 0);
	close(fd);
}

/* Answers to the server's own commands may fill the socket before a message with fds. */
static bool ask_back(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		     size_t size)
{
	struct umd_wire_header own = {.command = UMD_WIRE_DMA_READ, .size = sizeof(own)};

	for (int i = 0; command->command == UMD_WIRE_DEVICE_RESET && i < 1000; i++)
		fake_send(f, &own, sizeof(own));
	return hold(f, command, payload, size);
}

static void test_eventfds_behind_other_output(void **state)
{
	int fds[VECTORS];

	begin(ask_back);
	make_eventfds(fds, VECTORS);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(umd_driver_reset(driver), 0);
		assert_int_equal(set(0, VECTORS, fds), 0);
	}
	for (unsigned int i = 0; i < VECTORS; i++)
		assert_true(holds(i, fds[i]));
	fake_close(fds, VECTORS);
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_eventfds_are_split),		 CASE(test_a_vector_without_an_eventfd),
		CASE(test_no_eventfds_is_one_message),	 CASE(test_vectors_that_cannot_be),
		CASE(test_a_refusal_in_the_middle),	 CASE(test_no_fds_can_be_handed_over),
		CASE(test_eventfds_behind_other_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
