/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches: what is ready is called back, and nothing that was destroyed or stopped is, however the
 * callbacks of one batch interfere with each other.
 */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <time.h>

#include "base/poller.h"

#define MS UINT64_C(1000000)

static struct umd_poller poller;

/* A watch with an eventfd or a timer behind it, and what its callback is to do. */
struct probe {
	struct umd_watch *watch;
	int fd;
	int calls;
	uint32_t events;
	void (*then)(struct probe *probe);
	struct probe *other;
};

static void on_ready(void *data, uint32_t events)
{
	struct probe *probe = data;

	probe->calls++;
	probe->events = events;
	if (probe->then)
		probe->then(probe);
}

static void watch_event(struct probe *probe)
{
	*probe = (struct probe){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	assert_true(probe->fd >= 0);
	assert_int_equal(
		umd_poller_watch_fd(&poller, probe->fd, EPOLLIN, on_ready, probe, &probe->watch),
		0);
}

static void watch_timer(struct probe *probe)
{
	*probe = (struct probe){.fd = -1};
	assert_int_equal(umd_poller_watch_timer(&poller, on_ready, probe, &probe->watch), 0);
}

static void end_probe(struct probe *probe)
{
	umd_watch_destroy(probe->watch);
	probe->watch = NULL;
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
}

static void destroy_own(struct probe *probe)
{
	umd_watch_destroy(probe->watch);
	probe->watch = NULL;
}

static void destroy_other(struct probe *probe)
{
	umd_watch_destroy(probe->other->watch);
	probe->other->watch = NULL;
}

static void dispatch(int timeout_ms)
{
	assert_int_equal(umd_poller_dispatch(&poller, timeout_ms), 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int setup(void **state)
{
	return umd_poller_init(&poller);
}

static int teardown(void **state)
{
	umd_poller_finish(&poller);
	return 0;
}

/* ---- File descriptors ---------------------------------------------------------------------- */

static void test_ready_fd_is_called_back_with_its_events(void **state)
{
	struct probe probe;

	watch_event(&probe);
	dispatch(0);
	assert_int_equal(probe.calls, 0);
	unit_add_event(probe.fd);
	dispatch(-1);
	assert_int_equal(probe.calls, 1);
	assert_int_equal(probe.events, EPOLLIN);
	end_probe(&probe);
}

static void test_events_can_be_changed_and_turned_off(void **state)
{
	struct probe probe;

	watch_event(&probe);
	unit_add_event(probe.fd);
	assert_int_equal(umd_watch_set_events(probe.watch, 0), 0);
	dispatch(0);
	assert_int_equal(probe.calls, 0);
	assert_int_equal(umd_watch_set_events(probe.watch, EPOLLIN | EPOLLOUT), 0);
	dispatch(0);
	assert_int_equal(probe.events, EPOLLIN | EPOLLOUT);
	assert_int_equal(umd_watch_set_events(probe.watch, EPOLLIN | EPOLLOUT), 0);
	dispatch(0);
	assert_int_equal(probe.calls, 2);
	end_probe(&probe);
}

static void test_edge_triggered_watch_is_called_again_when_rearmed_and_ready(void **state)
{
	struct probe probe;

	watch_event(&probe);
	assert_int_equal(umd_watch_set_events(probe.watch, EPOLLIN | EPOLLET), 0);
	umd_watch_rearm(probe.watch);
	dispatch(0);
	assert_int_equal(probe.calls, 0);
	unit_add_event(probe.fd);
	dispatch(0);
	dispatch(0);
	assert_int_equal(probe.calls, 1);
	umd_watch_rearm(probe.watch);
	dispatch(0);
	dispatch(0);
	assert_int_equal(probe.calls, 2);
	end_probe(&probe);
}

static void test_fds_that_cannot_be_watched_are_refused(void **state)
{
	int before = unit_count_fds();
	int file = memfd_create("file", MFD_CLOEXEC);
	struct umd_watch *watch = NULL;
	struct probe probe;

	watch_event(&probe);
	assert_int_equal(umd_poller_watch_fd(&poller, -1, EPOLLIN, on_ready, NULL, &watch), -EBADF);
	assert_int_equal(umd_poller_watch_fd(&poller, file, EPOLLIN, on_ready, NULL, &watch),
			 -EPERM);
	assert_int_equal(umd_poller_watch_fd(&poller, probe.fd, EPOLLIN, on_ready, NULL, &watch),
			 -EEXIST);
	assert_null(watch);
	close(file);
	end_probe(&probe);
	assert_int_equal(unit_count_fds(), before);
}

/* ---- Destroying ---------------------------------------------------------------------------- */

static void test_destroying_nothing_is_allowed(void **state)
{
	umd_watch_destroy(NULL);
}

static void test_watch_destroyed_in_its_callback_is_not_called_again(void **state)
{
	struct probe probe;

	watch_event(&probe);
	probe.then = destroy_own;
	unit_add_event(probe.fd);
	dispatch(0);
	dispatch(0);
	assert_int_equal(probe.calls, 1);
	end_probe(&probe);
}

static void test_watch_destroyed_by_another_of_its_batch_is_not_called(void **state)
{
	struct probe a, b;

	watch_event(&a);
	watch_event(&b);
	a.then = b.then = destroy_other;
	a.other = &b;
	b.other = &a;
	unit_add_event(a.fd);
	unit_add_event(b.fd);
	dispatch(0);
	assert_int_equal(a.calls + b.calls, 1);
	end_probe(&a);
	end_probe(&b);
}

static struct probe replacement;

/* The other's place may not go to a new watch while the batch still names the old one. */
static void replace_other(struct probe *probe)
{
	if (replacement.watch)
		return;
	destroy_other(probe);
	watch_event(&replacement);
}

static void test_new_watch_does_not_inherit_an_event_of_a_destroyed_one(void **state)
{
	struct probe a, b;

	watch_event(&a);
	watch_event(&b);
	a.then = b.then = replace_other;
	a.other = &b;
	b.other = &a;
	unit_add_event(a.fd);
	unit_add_event(b.fd);
	dispatch(0);
	assert_int_equal(a.calls + b.calls, 1);
	assert_int_equal(replacement.calls, 0);
	end_probe(&a);
	end_probe(&b);
	end_probe(&replacement);
}

static void dispatch_and_destroy_other(struct probe *probe)
{
	uint64_t count;

	assert_int_equal(read(probe->fd, &count, sizeof(count)), sizeof(count));
	dispatch(0);
	if (probe->other->watch)
		destroy_other(probe);
}

static void test_watch_destroyed_in_a_dispatch_inside_a_dispatch_stays_allocated(void **state)
{
	struct probe a, b;

	watch_event(&a);
	watch_event(&b);
	a.then = dispatch_and_destroy_other;
	b.then = destroy_own;
	a.other = &b;
	unit_add_event(a.fd);
	unit_add_event(b.fd);
	dispatch(0);
	assert_int_equal(a.calls, 1);
	assert_int_equal(b.calls, 1);
	end_probe(&a);
	end_probe(&b);
}

static void test_fd_that_a_peer_holds_too_ends_with_its_watch(void **state)
{
	struct probe probe;
	int peer;

	watch_event(&probe);
	peer = fcntl(probe.fd, F_DUPFD_CLOEXEC, 0);
	assert_true(peer >= 0);
	end_probe(&probe);
	unit_add_event(peer);
	dispatch(0);
	assert_int_equal(probe.calls, 0);
	close(peer);
}

#define MANY 100u

static struct probe many[MANY];
static uint64_t chance;

static void destroy_some(struct probe *probe)
{
	for (int i = 0; i < 3; i++) {
		struct probe *victim = &many[unit_below(&chance, MANY)];

		umd_watch_destroy(victim->watch);
		victim->watch = NULL;
		victim->then = NULL;
	}
}

/* A destroyed one has no `then`, so a call to it after that would be counted. */
static long run_many(uint64_t seed)
{
	int calls[MANY] = {0};
	long wrong = -1;

	chance = seed;
	for (unsigned int i = 0; i < MANY; i++) {
		watch_event(&many[i]);
		many[i].then = destroy_some;
		unit_add_event(many[i].fd);
	}
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < MANY; i++)
			calls[i] = many[i].watch ? -1 : many[i].calls;
		dispatch(0);
		for (unsigned int i = 0; i < MANY; i++) {
			if (calls[i] >= 0 && many[i].calls != calls[i])
				wrong = (long)round;
		}
	}
	for (unsigned int i = 0; i < MANY; i++)
		end_probe(&many[i]);
	return wrong;
}

static void test_many_watches_that_destroy_each_other(void **state)
{
	unit_run_seeds(run_many);
}

/* ---- Later --------------------------------------------------------------------------------- */

static bool asked[2];

static void call_other_later(struct probe *probe)
{
	asked[0] = umd_watch_call_later(probe->other->watch);
	asked[1] = umd_watch_call_later(probe->other->watch);
	assert_int_equal(probe->other->calls, 0);
}

/* One whose callback asks for another's late one, and that other, which is never ready itself. */
static void watch_late(struct probe *asker, struct probe *late, void (*then)(struct probe *probe))
{
	watch_event(asker);
	watch_timer(late);
	asker->then = then;
	asker->other = late;
	unit_add_event(asker->fd);
}

static void test_a_late_call_comes_once_behind_the_callbacks_of_its_dispatch(void **state)
{
	struct probe asker, late;

	watch_late(&asker, &late, call_other_later);
	assert_false(umd_watch_call_later(late.watch));
	dispatch(0);
	assert_true(asked[0]);
	assert_true(asked[1]);
	assert_int_equal(late.calls, 1);
	assert_int_equal(late.events, 0);
	asker.then = NULL;
	dispatch(0);
	assert_int_equal(late.calls, 1);
	end_probe(&asker);
	end_probe(&late);
}

static void ask_again(struct probe *probe)
{
	asked[0] = umd_watch_call_later(probe->watch);
}

static void test_a_late_call_cannot_ask_for_another_one(void **state)
{
	struct probe asker, late;

	watch_late(&asker, &late, call_other_later);
	late.then = ask_again;
	dispatch(0);
	assert_false(asked[0]);
	assert_int_equal(late.calls, 1);
	end_probe(&asker);
	end_probe(&late);
}

static void call_other_later_and_dispatch(struct probe *probe)
{
	uint64_t count;

	assert_int_equal(read(probe->fd, &count, sizeof(count)), sizeof(count));
	assert_true(umd_watch_call_later(probe->other->watch));
	dispatch(0);
	assert_int_equal(probe->other->calls, 1);
}

static void test_a_dispatch_inside_a_dispatch_makes_the_late_calls_first(void **state)
{
	struct probe asker, late;

	watch_late(&asker, &late, call_other_later_and_dispatch);
	dispatch(0);
	assert_int_equal(asker.calls, 1);
	assert_int_equal(late.calls, 1);
	end_probe(&asker);
	end_probe(&late);
}

static void call_other_later_and_destroy_it(struct probe *probe)
{
	assert_true(umd_watch_call_later(probe->other->watch));
	destroy_other(probe);
}

static void test_a_watch_that_is_destroyed_gets_no_late_call(void **state)
{
	struct probe asker, late;

	watch_late(&asker, &late, call_other_later_and_destroy_it);
	dispatch(0);
	assert_int_equal(asker.calls, 1);
	assert_int_equal(late.calls, 0);
	end_probe(&asker);
}

/* ---- Timers -------------------------------------------------------------------------------- */

static void test_timer_does_not_run_before_it_is_started(void **state)
{
	struct probe probe;

	watch_timer(&probe);
	dispatch(5);
	assert_int_equal(probe.calls, 0);
	end_probe(&probe);
}

static void test_timer_fires_once_and_not_early(void **state)
{
	uint64_t start = now_ns();
	struct probe probe;

	watch_timer(&probe);
	probe.events = 77;
	assert_int_equal(umd_watch_set_timer(probe.watch, 10 * MS), 0);
	dispatch(-1);
	assert_true(now_ns() - start >= 10 * MS);
	assert_int_equal(probe.calls, 1);
	assert_int_equal(probe.events, 0);
	dispatch(20);
	assert_int_equal(probe.calls, 1);
	end_probe(&probe);
}

static void start_again(struct probe *probe)
{
	if (probe->calls < 5)
		assert_int_equal(umd_watch_set_timer(probe->watch, 1), 0);
}

static void test_timer_can_be_started_again_in_its_callback(void **state)
{
	struct probe probe;

	watch_timer(&probe);
	probe.then = start_again;
	assert_int_equal(umd_watch_set_timer(probe.watch, 1), 0);
	for (int i = 0; i < 5; i++)
		dispatch(1000);
	dispatch(5);
	assert_int_equal(probe.calls, 5);
	end_probe(&probe);
}

static void test_timer_started_again_runs_anew(void **state)
{
	struct probe probe;

	watch_timer(&probe);
	assert_int_equal(umd_watch_set_timer(probe.watch, UINT64_MAX), 0);
	assert_int_equal(umd_watch_set_timer(probe.watch, 1), 0);
	dispatch(1000);
	assert_int_equal(probe.calls, 1);
	assert_int_equal(umd_watch_set_timer(probe.watch, 1), 0);
	assert_int_equal(umd_watch_set_timer(probe.watch, 3600 * 1000 * MS), 0);
	dispatch(10);
	assert_int_equal(probe.calls, 1);
	end_probe(&probe);
}

static void wait_expired(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 2 * (long)MS}, NULL);
}

static void test_timer_stopped_after_it_expired_does_not_fire(void **state)
{
	struct probe probe;

	watch_timer(&probe);
	assert_int_equal(umd_watch_set_timer(probe.watch, 1), 0);
	wait_expired();
	assert_int_equal(umd_watch_set_timer(probe.watch, 0), 0);
	dispatch(5);
	assert_int_equal(probe.calls, 0);
	end_probe(&probe);
}

static void stop_other(struct probe *probe)
{
	assert_int_equal(umd_watch_set_timer(probe->other->watch, 0), 0);
}

static void test_timer_stopped_by_another_watch_of_its_batch_does_not_fire(void **state)
{
	struct probe event, timer;

	watch_event(&event);
	watch_timer(&timer);
	event.then = stop_other;
	event.other = &timer;
	unit_add_event(event.fd);
	assert_int_equal(umd_watch_set_timer(timer.watch, 1), 0);
	wait_expired();
	dispatch(0);
	assert_int_equal(event.calls, 1);
	assert_int_equal(timer.calls, 0);
	end_probe(&event);
	end_probe(&timer);
}

static void test_timer_destroyed_in_its_callback_leaves_no_fd(void **state)
{
	int before = unit_count_fds();
	struct probe probe;

	watch_timer(&probe);
	probe.then = destroy_own;
	assert_int_equal(umd_watch_set_timer(probe.watch, 1), 0);
	dispatch(1000);
	assert_int_equal(probe.calls, 1);
	assert_int_equal(unit_count_fds(), before);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void on_signal(int number)
{
}

static void test_signal_ends_the_wait(void **state)
{
	struct sigaction action = {.sa_handler = on_signal}, old;
	struct itimerval soon = {.it_value.tv_usec = 5000, .it_interval.tv_usec = 5000};
	struct itimerval off = {0};

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(umd_poller_dispatch(&poller, 10000), -EINTR);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
}

static void test_poller_stands_in_another_loop(void **state)
{
	struct pollfd ready;
	struct probe probe;

	watch_event(&probe);
	ready = (struct pollfd){.fd = poller.fd, .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 0), 0);
	unit_add_event(probe.fd);
	assert_int_equal(poll(&ready, 1, 0), 1);
	end_probe(&probe);
	assert_int_equal(poll(&ready, 1, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_ready_fd_is_called_back_with_its_events),
		TEST(test_events_can_be_changed_and_turned_off),
		TEST(test_edge_triggered_watch_is_called_again_when_rearmed_and_ready),
		TEST(test_fds_that_cannot_be_watched_are_refused),
		TEST(test_destroying_nothing_is_allowed),
		TEST(test_watch_destroyed_in_its_callback_is_not_called_again),
		TEST(test_watch_destroyed_by_another_of_its_batch_is_not_called),
		TEST(test_new_watch_does_not_inherit_an_event_of_a_destroyed_one),
		TEST(test_watch_destroyed_in_a_dispatch_inside_a_dispatch_stays_allocated),
		TEST(test_fd_that_a_peer_holds_too_ends_with_its_watch),
		TEST(test_many_watches_that_destroy_each_other),
		TEST(test_a_late_call_comes_once_behind_the_callbacks_of_its_dispatch),
		TEST(test_a_late_call_cannot_ask_for_another_one),
		TEST(test_a_dispatch_inside_a_dispatch_makes_the_late_calls_first),
		TEST(test_a_watch_that_is_destroyed_gets_no_late_call),
		TEST(test_timer_does_not_run_before_it_is_started),
		TEST(test_timer_fires_once_and_not_early),
		TEST(test_timer_can_be_started_again_in_its_callback),
		TEST(test_timer_started_again_runs_anew),
		TEST(test_timer_stopped_after_it_expired_does_not_fire),
		TEST(test_timer_stopped_by_another_watch_of_its_batch_does_not_fire),
		TEST(test_timer_destroyed_in_its_callback_leaves_no_fd),
		TEST(test_signal_ends_the_wait),
		TEST(test_poller_stands_in_another_loop),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("poller", tests, NULL, NULL);
}
