/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals to eventfds that somebody else shares: each adds one, none ever waits, and whether an fd
 * is an eventfd is found out without touching it.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "irq/signal.h"

static struct umd_signaller signaller;
static int before;

/* A signal that waits for its peer would wait for ever: the alarm ends the program. */
static int setup(void **state)
{
	alarm(20);
	before = unit_count_fds();
	return umd_signaller_init(&signaller);
}

static int teardown(void **state)
{
	umd_signaller_finish(&signaller);
	assert_int_equal(unit_count_fds(), before);
	alarm(0);
	return 0;
}

/* ---- Sending ------------------------------------------------------------------------------- */

static void test_each_signal_adds_one(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	for (unsigned int i = 0; i < 1000; i++)
		umd_signaller_send(&signaller, fd);
	assert_int_equal(unit_take_events(fd), 1000);
	assert_int_equal(unit_take_events(fd), 0);
	close(fd);
}

static void test_signals_never_run_out(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	for (unsigned int i = 0; i < 200000; i++)
		umd_signaller_send(&signaller, fd);
	assert_int_equal(unit_take_events(fd), 200000);
	close(fd);
}

static void test_signal_is_there_when_the_call_returns(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	for (unsigned int i = 0; i < 1000; i++) {
		umd_signaller_send(&signaller, fd);
		assert_int_equal(unit_take_events(fd), 1);
	}
	close(fd);
}

static void fill(int fd)
{
	uint64_t most = UINT64_MAX - 1;

	assert_int_equal(write(fd, &most, sizeof(most)), sizeof(most));
}

/* The peer shares the file description, so whether it blocks is the peer's choice. */
static void test_full_eventfd_that_blocks_does_not_hold_us_up(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), other = eventfd(0, EFD_CLOEXEC);

	fill(fd);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	for (int i = 0; i < 100; i++)
		umd_signaller_send(&signaller, fd);
	assert_true(unit_take_events(fd) >= UINT64_MAX - 1);
	umd_signaller_send(&signaller, fd);
	assert_int_equal(unit_take_events(fd), 1);

	umd_signaller_send(&signaller, other);
	assert_int_equal(unit_take_events(other), 1);
	close(fd);
	close(other);
}

static void test_semaphore_counts_signals(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);

	umd_signaller_send(&signaller, fd);
	umd_signaller_send(&signaller, fd);
	assert_int_equal(unit_take_events(fd), 1);
	assert_int_equal(unit_take_events(fd), 1);
	assert_int_equal(unit_take_events(fd), 0);
	close(fd);
}

static void test_signal_to_an_fd_that_is_gone_is_none(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	umd_signaller_send(&signaller, 1 << 20);
	umd_signaller_send(&signaller, -1);
	for (int i = 0; i < 1000; i++)
		umd_signaller_send(&signaller, 1 << 20);
	umd_signaller_send(&signaller, fd);
	assert_int_equal(unit_take_events(fd), 1);
	close(fd);
}

/* ---- Checking ------------------------------------------------------------------------------ */

static void test_eventfd_is_told_by_not_touching_it(void **state)
{
	static const int kinds[] = {0, EFD_NONBLOCK, EFD_SEMAPHORE, EFD_SEMAPHORE | EFD_NONBLOCK};

	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		int fd = eventfd(0, EFD_CLOEXEC | kinds[i]);

		assert_int_equal(umd_signaller_check(&signaller, fd), 0);
		assert_int_equal(unit_take_events(fd), 0);
		fill(fd);
		assert_int_equal(umd_signaller_check(&signaller, fd), 0);
		close(fd);
	}
}

static void expect_refused(int fd)
{
	assert_true(fd >= 0);
	assert_int_equal(umd_signaller_check(&signaller, fd), -EINVAL);
	close(fd);
}

static void test_everything_else_is_refused(void **state)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	expect_refused(ends[0]);
	expect_refused(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	expect_refused(ends[0]);
	expect_refused(ends[1]);
	expect_refused(epoll_create1(EPOLL_CLOEXEC));
	expect_refused(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	expect_refused(memfd_create("file", MFD_CLOEXEC));
	expect_refused(open("/dev/null", O_RDWR | O_CLOEXEC));
	assert_int_equal(umd_signaller_check(&signaller, 1 << 20), -EINVAL);
	assert_int_equal(umd_signaller_check(&signaller, -1), -EINVAL);
}

static void test_checks_never_run_out(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	for (int i = 0; i < 100000; i++) {
		if (umd_signaller_check(&signaller, fd) != 0 ||
		    umd_signaller_check(&signaller, 1 << 20) != -EINVAL)
			fail_msg("check %d", i);
	}
	umd_signaller_send(&signaller, fd);
	assert_int_equal(unit_take_events(fd), 1);
	close(fd);
}

static void test_signallers_do_not_mix(void **state)
{
	struct umd_signaller other;
	int a = eventfd(0, EFD_CLOEXEC), b = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(umd_signaller_init(&other), 0);
	umd_signaller_send(&signaller, a);
	umd_signaller_send(&other, b);
	umd_signaller_finish(&other);
	umd_signaller_finish(&other);
	umd_signaller_send(&signaller, a);
	assert_int_equal(unit_take_events(a), 2);
	assert_int_equal(unit_take_events(b), 1);
	close(a);
	close(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_each_signal_adds_one),
		TEST(test_signals_never_run_out),
		TEST(test_signal_is_there_when_the_call_returns),
		TEST(test_full_eventfd_that_blocks_does_not_hold_us_up),
		TEST(test_semaphore_counts_signals),
		TEST(test_signal_to_an_fd_that_is_gone_is_none),
		TEST(test_eventfd_is_told_by_not_touching_it),
		TEST(test_everything_else_is_refused),
		TEST(test_checks_never_run_out),
		TEST(test_signallers_do_not_mix),
	};

	return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
