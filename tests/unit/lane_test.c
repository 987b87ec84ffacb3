/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Express lanes: who gets one, that no signal is lost on the way to it and none goes astray after
 * it, and that it does not block. Where the kernel has none, only what then happens is tested.
 */
#include "irq_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

static struct irq_fixture f;
static int eventfds[2];

static int setup(void **state)
{
	irq_start(&f);
	eventfds[0] = irq_eventfd();
	eventfds[1] = irq_eventfd();
	return 0;
}

static int teardown(void **state)
{
	close(eventfds[0]);
	close(eventfds[1]);
	irq_stop(&f);
	return 0;
}

static void trigger(unsigned int vector, unsigned int times)
{
	while (times--)
		assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, vector), 0);
}

static void expect(int first, unsigned int count)
{
	assert_int_equal(unit_take_events(eventfds[first]), count);
}

static bool has_lane(unsigned int vector)
{
	const struct umd_lane *lane = &f.irqs.lanes.each[vector % UMD_LANES];

	return lane->fd >= 0 && (lane->vector & 0xffff) == vector;
}

/* Assigns and warms up; skips the test where the kernel has no lanes. */
static void start_lane(unsigned int vector, int first)
{
	irq_assign(&f, UMD_IRQ_MSIX, vector, eventfds[first]);
	trigger(vector, UMD_LANE_THRESHOLD + 1);
	expect(first, UMD_LANE_THRESHOLD + 1);
	if (f.irqs.lanes.impossible)
		skip();
	assert_true(has_lane(vector));
}

static void test_no_signal_is_lost_on_the_way_to_a_lane(void **state)
{
	irq_assign(&f, UMD_IRQ_MSIX, 3, eventfds[0]);
	for (unsigned int i = 0; i < 10 * UMD_LANE_THRESHOLD; i++) {
		trigger(3, 1);
		expect(0, 1);
	}
	trigger(3, 100000);
	expect(0, 100000);
}

static void test_lane_is_for_vectors_that_are_signalled_again_and_again(void **state)
{
	int before = unit_count_fds();

	irq_assign(&f, UMD_IRQ_MSIX, 3, eventfds[0]);
	trigger(3, UMD_LANE_THRESHOLD);
	expect(0, UMD_LANE_THRESHOLD);
	assert_false(has_lane(3));
	assert_int_equal(unit_count_fds(), before + 1);
}

static void test_vectors_of_one_place_do_not_take_each_others_signals(void **state)
{
	start_lane(3, 0);
	irq_assign(&f, UMD_IRQ_MSIX, 3 + UMD_LANES, eventfds[1]);
	for (unsigned int i = 0; i < 3 * UMD_LANE_THRESHOLD; i++) {
		trigger(3 + UMD_LANES, 1);
		expect(1, 1);
		expect(0, 0);
	}
	assert_true(has_lane(3));
	trigger(3, 2);
	expect(0, 2);
	expect(1, 0);
}

static void test_indexes_of_one_place_do_not_take_each_others_signals(void **state)
{
	start_lane(0, 0);
	irq_assign(&f, UMD_IRQ_ERR, 0, eventfds[1]);
	for (unsigned int i = 0; i < 3 * UMD_LANE_THRESHOLD; i++)
		assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_ERR, 0), 0);
	expect(1, 3 * UMD_LANE_THRESHOLD);
	expect(0, 0);
}

static void test_another_eventfd_ends_the_lane(void **state)
{
	int before;

	start_lane(3, 0);
	before = unit_count_fds();
	irq_assign(&f, UMD_IRQ_MSIX, 3, eventfds[1]);
	assert_false(has_lane(3));
	assert_int_equal(unit_count_fds(), before - 1);
	trigger(3, 2 * UMD_LANE_THRESHOLD);
	expect(0, 0);
	expect(1, 2 * UMD_LANE_THRESHOLD);
	assert_true(has_lane(3));
}

static void test_vector_without_an_eventfd_has_no_lane(void **state)
{
	start_lane(3, 0);
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 3, 1), 0);
	assert_false(has_lane(3));
	trigger(3, 2 * UMD_LANE_THRESHOLD);
	expect(0, 0);
	start_lane(3, 0);
	irq_disable(&f, UMD_IRQ_MSIX);
	assert_false(has_lane(3));
	trigger(3, 2 * UMD_LANE_THRESHOLD);
	expect(0, 0);
}

/* As an eventfd's overflow is: the counter stays full, and nobody waits. */
static void test_full_eventfd_blocks_no_lane(void **state)
{
	const uint64_t most = UINT64_MAX - 1;

	start_lane(3, 0);
	assert_int_equal(write(eventfds[0], &most, sizeof(most)), sizeof(most));
	assert_int_equal(fcntl(eventfds[0], F_SETFL, 0), 0);
	trigger(3, 1000);
	assert_true(has_lane(3));
}

static void test_edge_is_seen_for_each_signal(void **state)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int set = epoll_create1(EPOLL_CLOEXEC);

	start_lane(3, 0);
	assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, eventfds[0], &event), 0);
	assert_int_equal(epoll_wait(set, &event, 1, 0), 0);
	for (int i = 0; i < 3; i++) {
		trigger(3, 1);
		assert_int_equal(epoll_wait(set, &event, 1, 0), 1);
		assert_int_equal(epoll_wait(set, &event, 1, 0), 0);
	}
	close(set);
}

static void test_kernel_without_lanes_signals_the_other_way(void **state)
{
	f.irqs.lanes.impossible = true;
	irq_assign(&f, UMD_IRQ_MSIX, 3, eventfds[0]);
	trigger(3, 4 * UMD_LANE_THRESHOLD);
	expect(0, 4 * UMD_LANE_THRESHOLD);
	assert_false(has_lane(3));
}

static void test_lane_that_fails_loses_nothing(void **state)
{
	start_lane(3, 0);
	f.irqs.lanes.each[3].message.fd = -1;
	trigger(3, 3);
	expect(0, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_signal_is_lost_on_the_way_to_a_lane),
		TEST(test_lane_is_for_vectors_that_are_signalled_again_and_again),
		TEST(test_vectors_of_one_place_do_not_take_each_others_signals),
		TEST(test_indexes_of_one_place_do_not_take_each_others_signals),
		TEST(test_another_eventfd_ends_the_lane),
		TEST(test_vector_without_an_eventfd_has_no_lane),
		TEST(test_full_eventfd_blocks_no_lane),
		TEST(test_edge_is_seen_for_each_signal),
		TEST(test_kernel_without_lanes_signals_the_other_way),
		TEST(test_lane_that_fails_loses_nothing),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
