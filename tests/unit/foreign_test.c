/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing what a peer may hold: memory at once, all else soon and without waiting. What hangs is a
 * TCP socket that lingers, until its other end is closed.
 */
#include "unit.h"

#include "base/foreign.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define LINGER_SECONDS 60 /* longer than any test */
#define HANGING_MAX    16
#define SLOW_US	       20000 /* enough to see that a closer does not get on */

struct hanging {
	int fd, other;
};

static struct hanging hanging[HANGING_MAX];
static unsigned int hanging_count;
static int before;

static int setup(void **state)
{
	before = unit_count_fds();
	hanging_count = 0;
	return 0;
}

/* Whatever hangs gets on. */
static void release(void)
{
	for (unsigned int i = 0; i < hanging_count; i++) {
		if (hanging[i].other >= 0)
			close(hanging[i].other);
	}
	hanging_count = 0;
}

static int teardown(void **state)
{
	release();
	assert_int_equal(unit_count_fds(), before);
	return 0;
}

/* ---- Fds ----------------------------------------------------------------------------------- */

static int make_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int listen_anywhere(struct sockaddr_in *ret_address)
{
	socklen_t size = sizeof(*ret_address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_address = (struct sockaddr_in){.sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &size), 0);
	return fd;
}

static void fill(int fd)
{
	static const uint8_t bytes[65536];

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

/* An fd whose close() waits for its other end, which takes nothing. */
static int make_hanging(void)
{
	struct linger linger = {.l_onoff = 1, .l_linger = LINGER_SECONDS};
	struct hanging *it = &hanging[hanging_count];
	struct sockaddr_in address;
	int listener = listen_anywhere(&address);

	assert_true(hanging_count < HANGING_MAX);
	it->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(it->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	it->other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(it->other >= 0);
	close(listener);
	fill(it->fd);
	assert_int_equal(setsockopt(it->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	hanging_count++;
	return it->fd;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Hands over an fd that hangs, and sees to it that a thread is at it. */
static void hang(void)
{
	int fd = make_hanging(), number = fd;

	umd_foreign_close(&fd);
	while (is_open(number))
		usleep(100);
}

static void close_event(void)
{
	int fd = make_event();

	umd_foreign_close(&fd);
}

/* ---- Closing ------------------------------------------------------------------------------- */

static void test_memory_is_closed_at_once(void **state)
{
	int fd = memfd_create("foreign", MFD_CLOEXEC), number = fd;

	umd_foreign_close(&fd);
	assert_int_equal(fd, -1);
	assert_false(is_open(number));
	assert_int_equal(umd_foreign_count(), 0);
}

static void test_anything_else_is_closed_soon(void **state)
{
	int fds[8] = {make_event(), open("/dev/null", O_RDONLY), open("/", O_PATH), -1};

	assert_int_equal(pipe(&fds[4]), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, &fds[6]), 0);
	umd_foreign_close_all(fds, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(fds[i], -1);
	assert_int_equal(unit_count_fds(), before);
}

static void test_none_is_allowed_and_errno_is_kept(void **state)
{
	int none = -1, fd = make_event();

	errno = ENOTTY;
	umd_foreign_close(&none);
	umd_foreign_close(&fd);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(none, -1);
}

static void leave_scope(void)
{
	cleanup_foreign int closed = make_event();
	cleanup_foreign int none = -1;

	assert_true(closed >= 0);
	assert_int_equal(none, -1);
}

static void test_it_ends_with_a_scope(void **state)
{
	leave_scope();
	assert_int_equal(unit_count_fds(), before);
}

static void *close_many(void *data)
{
	for (int i = 0; i < 500; i++)
		close_event();
	return NULL;
}

static void test_threads_close_at_once(void **state)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, close_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(unit_count_fds(), before);
}

static void test_it_goes_on_after_its_thread_has_ended(void **state)
{
	close_event();
	unit_wait_closed();
	usleep(1300000); /* longer than a thread lingers */
	close_event();
	unit_wait_closed();
}

#ifndef __SANITIZE_THREAD__ /* which wants no threads in a child */
static void count_signal(int number)
{
	_exit(2);
}

/* A signal that all of the program's own threads block stays pending. */
static void test_signals_are_left_to_the_program(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		sigset_t set;

		signal(SIGUSR1, count_signal);
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		close_event();
		sigprocmask(SIG_BLOCK, &set, NULL);
		kill(getpid(), SIGUSR1);
		usleep(50000);
		sigpending(&set);
		_exit(sigismember(&set, SIGUSR1) == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#endif

/* ---- What hangs ---------------------------------------------------------------------------- */

static void test_nobody_waits_for_what_hangs(void **state)
{
	int fds[2] = {make_hanging(), make_event()};
	uint64_t start = now_ms();

	umd_foreign_close_all(fds, 2);
	assert_true(now_ms() - start < 1000);
	usleep(50000);
	assert_true(umd_foreign_count() >= 1);
	release();
	assert_int_equal(unit_count_fds(), before);
}

static void test_it_is_stuck_after_a_second_of_the_same(void **state)
{
	assert_false(umd_foreign_is_stuck());
	hang();
	assert_false(umd_foreign_is_stuck());
	usleep(1100000);
	assert_true(umd_foreign_is_stuck());
	release();
	unit_wait_closed();
	assert_false(umd_foreign_is_stuck());
}

static void test_there_is_room_until_too_many_wait(void **state)
{
	hang();
	for (unsigned int i = 1; i < UMD_FOREIGN_BACKLOG; i++) {
		assert_true(umd_foreign_has_room());
		close_event();
	}
	assert_false(umd_foreign_has_room());
	assert_int_equal(umd_foreign_count(), UMD_FOREIGN_BACKLOG);
	close_event();
	assert_int_equal(umd_foreign_count(), UMD_FOREIGN_BACKLOG + 1);
	release();
	unit_wait_closed();
	assert_true(umd_foreign_has_room());
}

static void test_new_peer_does_not_wait_behind_what_another_left(void **state)
{
	for (unsigned int i = 1; i < UMD_FOREIGN_CLOSERS; i++) {
		int fd, number;

		hang();
		umd_foreign_new_peer();
		usleep(SLOW_US);
		number = fd = make_event();
		umd_foreign_close(&fd);
		for (int tries = 0; is_open(number) && tries < 50000; tries++)
			usleep(100);
		assert_false(is_open(number));
	}
}

static void test_peers_share_when_all_hang(void **state)
{
	for (unsigned int i = 0; i < UMD_FOREIGN_CLOSERS; i++) {
		umd_foreign_new_peer();
		hang();
		usleep(SLOW_US);
	}
	assert_true(umd_foreign_has_room());
	for (unsigned int i = 1; i < UMD_FOREIGN_BACKLOG; i++)
		close_event();
	assert_false(umd_foreign_has_room());
	umd_foreign_new_peer();
	assert_false(umd_foreign_has_room());
}

/* ---- Without threads ----------------------------------------------------------------------- */

#ifndef __SANITIZE_THREAD__
static void test_child_closes_by_itself(void **state)
{
	pid_t child;
	int status;

	hang();
	child = fork();
	if (child == 0) {
		int fd = make_event(), number = fd;

		umd_foreign_close(&fd);
		alarm(10);
		while (is_open(number))
			usleep(100);
		_exit(umd_foreign_count() <= 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#endif

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* 0 where an fd waited for its thread, and was closed in the end. */
static int close_without_threads(void)
{
	struct rlimit limit, none;
	int fd = make_event(), number = fd;

	free(malloc(4096)); /* the heap has room */
	getrlimit(RLIMIT_AS, &limit);
	none = (struct rlimit){.rlim_cur = 1, .rlim_max = limit.rlim_max};
	setrlimit(RLIMIT_AS, &none);
	umd_foreign_close(&fd);
	usleep(20000);
	if (!is_open(number) || umd_foreign_count() != 1)
		return 1;
	setrlimit(RLIMIT_AS, &limit);
	umd_foreign_new_peer();
	alarm(10);
	while (is_open(number))
		usleep(100);
	return 0;
}

/* There is no room for a thread's stack. */
static void test_fd_waits_until_a_thread_can_be_made(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(close_without_threads());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		TEST(test_fd_waits_until_a_thread_can_be_made), /* first: none has a stack to use */
#endif
		TEST(test_memory_is_closed_at_once),
		TEST(test_anything_else_is_closed_soon),
		TEST(test_none_is_allowed_and_errno_is_kept),
		TEST(test_it_ends_with_a_scope),
		TEST(test_threads_close_at_once),
		TEST(test_it_goes_on_after_its_thread_has_ended),
		TEST(test_nobody_waits_for_what_hangs),
		TEST(test_it_is_stuck_after_a_second_of_the_same),
		TEST(test_there_is_room_until_too_many_wait),
		TEST(test_new_peer_does_not_wait_behind_what_another_left),
		TEST(test_peers_share_when_all_hang),
#ifndef __SANITIZE_THREAD__
		TEST(test_signals_are_left_to_the_program),
		TEST(test_child_closes_by_itself),
#endif
	};

	return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
