/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals to eventfds that somebody else shares: each adds one, none ever waits, and whether an fd
 * is an eventfd is found out without touching it.
 */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

#include "irq/signal.h"
#include "irq/signallers.h"

static struct umd_signaller signaller;
static int before;

/* A signal that waits for its peer would wait for ever: the alarm ends the program. */
static int setup(void **state)
{
	alarm(20);
	before = unit_count_fds();
	return umd_signaller_init(&signaller);
}

/* As on a kernel that cannot poll /dev/null. */
static int setup_with_writes(void **state)
{
	int err = setup(state);

	signaller.opcode = IOCB_CMD_PWRITE;
	return err;
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

	assert_int_equal(umd_signaller_send(&signaller, -1), -EBADF);
	assert_int_equal(umd_signaller_send(&signaller, signaller.null_fd), -EINVAL);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(umd_signaller_send(&signaller, 1 << 20), -EBADF);
	assert_int_equal(umd_signaller_send(&signaller, fd), 0);
	assert_int_equal(unit_take_events(fd), 1);
	close(fd);
}

/* ---- A full ring --------------------------------------------------------------------------- */

/* Completions that nobody takes: how a head that was moved back leaves the ring for the next call.
 */
static void fill_ring(void)
{
	struct iocb request = {.aio_lio_opcode = IOCB_CMD_PWRITE,
			       .aio_fildes = (uint32_t)signaller.null_fd};
	struct iocb *requests[] = {&request};

	for (int i = 0; i < 10000; i++) {
		if (syscall(SYS_io_submit, signaller.context, 1L, requests) != 1)
			return;
	}
}

static void test_full_ring_is_emptied(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	fill_ring();
	assert_int_equal(umd_signaller_send(&signaller, fd), 0);
	assert_int_equal(unit_take_events(fd), 1);
	fill_ring();
	assert_int_equal(umd_signaller_check(&signaller, fd), 0);
	assert_int_equal(umd_signaller_check(&signaller, 1 << 20), -EINVAL);
	close(fd);
}

/* ---- Threads ------------------------------------------------------------------------------- */

#define THREADS 8u
#define SIGNALS 100000u

struct sender {
	int own, shared;
	bool fills; /* the ring, now and then */
	unsigned int failures;
};

static void *send_many(void *data)
{
	struct sender *sender = data;

	for (unsigned int i = 0; i < SIGNALS; i++) {
		int fd = i % 2 ? sender->own : sender->shared;

		if (sender->fills && i % 1000 == 0)
			fill_ring();
		sender->failures += umd_signaller_send(&signaller, fd) != 0;
	}
	return NULL;
}

static void run_senders(struct sender *senders)
{
	pthread_t threads[THREADS];

	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void expect_every_signal_counted(bool fills)
{
	struct sender senders[THREADS];
	int shared = eventfd(0, EFD_CLOEXEC);

	for (unsigned int i = 0; i < THREADS; i++)
		senders[i] = (struct sender){
			.own = eventfd(0, EFD_CLOEXEC), .shared = shared, .fills = fills};
	run_senders(senders);
	assert_int_equal(unit_take_events(shared), THREADS * SIGNALS / 2);
	for (unsigned int i = 0; i < THREADS; i++) {
		assert_int_equal(senders[i].failures, 0);
		assert_int_equal(unit_take_events(senders[i].own), SIGNALS / 2);
		close(senders[i].own);
	}
	close(shared);
}

static void test_threads_lose_no_signal(void **state)
{
	expect_every_signal_counted(false);
}

static void test_threads_that_find_the_ring_full_lose_no_signal(void **state)
{
	expect_every_signal_counted(true);
}

static void test_signaller_of_every_cpu_signals(void **state)
{
	struct umd_signallers many;
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(umd_signallers_init(&many), 0);
	assert_in_range(many.count, 1, UMD_SIGNALLERS_MAX);
	for (unsigned int i = 0; i < many.count; i++)
		assert_int_equal(umd_signaller_send(&many.each[i], fd), 0);
	assert_int_equal(umd_signaller_send(umd_signallers_here(&many), fd), 0);
	assert_int_equal(unit_take_events(fd), many.count + 1);
	umd_signallers_finish(&many);
	assert_int_equal(many.count, 0);
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

#define TEST(name)	 cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WRITE(name) cmocka_unit_test_setup_teardown(name, setup_with_writes, teardown)
#define TEST_BOTH(name)	 TEST(name), TEST_WRITE(name)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST_BOTH(test_each_signal_adds_one),
		TEST_BOTH(test_signals_never_run_out),
		TEST_BOTH(test_signal_is_there_when_the_call_returns),
		TEST_BOTH(test_full_eventfd_that_blocks_does_not_hold_us_up),
		TEST_BOTH(test_semaphore_counts_signals),
		TEST_BOTH(test_signal_to_an_fd_that_is_gone_is_none),
		TEST_BOTH(test_full_ring_is_emptied),
		TEST_BOTH(test_threads_lose_no_signal),
		TEST_BOTH(test_threads_that_find_the_ring_full_lose_no_signal),
		TEST(test_signaller_of_every_cpu_signals),
		TEST(test_eventfd_is_told_by_not_touching_it),
		TEST(test_everything_else_is_refused),
		TEST(test_checks_never_run_out),
		TEST(test_signallers_do_not_mix),
	};

	return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
