/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: one file descriptor for everything, and vectors that the library listens to. */
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define QUIET_MS 50

static struct umd_driver_event next(struct suite *suite)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	struct pollfd pollfd = {.fd = umd_driver_event_fd(suite->driver), .events = POLLIN};
	int err;

	check(pollfd.fd >= 0);
	do {
		check(harness_ms() < end);
		poll(&pollfd, 1, (int)(end - harness_ms()));
		err = umd_driver_next_event(suite->driver, &event);
	} while (err == -EAGAIN);
	must(err);
	return event;
}

static void check_silence(struct suite *suite)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	struct pollfd pollfd = {.fd = umd_driver_event_fd(suite->driver), .events = POLLIN};
	int64_t end = harness_ms() + QUIET_MS;

	while (harness_ms() < end) {
		check_is(umd_driver_next_event(suite->driver, &event), -EAGAIN);
		poll(&pollfd, 1, 10);
	}
}

/* The index with the most vectors; skips where there is none. */
static unsigned int choose(struct suite *suite, unsigned int *ret_count)
{
	unsigned int best = UMD_DRIVER_INTX;
	int count, most = 0;

	for (unsigned int index = UMD_DRIVER_INTX; index <= UMD_DRIVER_MSIX; index++) {
		count = umd_driver_irq_count(suite->driver, index);
		check(count >= 0);
		if (count < most || !count)
			continue;
		best = index;
		most = count;
	}
	if (!most)
		harness_skip("the device has no interrupt");
	*ret_count = most < 16 ? (unsigned int)most : 16;
	suite_command(suite, true, true);
	return best;
}

static void test_before(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_event event = {.size = sizeof(event)};
	unsigned int count, index = choose(suite, &count);

	check_is(umd_driver_event_fd(suite->driver), -EINVAL);
	check_is(umd_driver_next_event(suite->driver, &event), -EINVAL);
	check_is(umd_driver_irq_listen(suite->driver, index, 0, 1), -EINVAL);
	must(umd_driver_enable_events(suite->driver));
	check_is(umd_driver_enable_events(suite->driver), -EALREADY);
	check_silence(suite);
}

/* An event is not lost to a struct that has no room for it. */
static void test_size(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_event event = {.size = 1};
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	unsigned int count, index = choose(suite, &count);
	int err;

	must(umd_driver_enable_events(suite->driver));
	must(umd_driver_irq_listen(suite->driver, index, 0, 1));
	must(umd_driver_irq_trigger(suite->driver, index, 0, 1));
	do {
		check(harness_ms() < end);
		err = umd_driver_next_event(suite->driver, &event);
	} while (err == -EAGAIN);
	check_is(err, -EINVAL);
	check_is(next(suite).kind, UMD_DRIVER_EVENT_IRQ);
}

static void test_listen(void *context, unsigned int argument)
{
	struct suite *suite = context;
	unsigned int count, index = choose(suite, &count);

	must(umd_driver_enable_events(suite->driver));
	must(umd_driver_irq_listen(suite->driver, index, 0, count));
	for (unsigned int vector = 0; vector < count; vector++) {
		struct umd_driver_event event;

		must(umd_driver_irq_trigger(suite->driver, index, vector, 1));
		event = next(suite);
		check_is(event.kind, UMD_DRIVER_EVENT_IRQ);
		check_is(event.index, index);
		check_is(event.vector, vector);
		check_is(event.count, 1);
	}
	check_silence(suite);
	must(umd_driver_irq_disable(suite->driver, index));
}

/* Several vectors that fired meanwhile are told one by one, each with how often. */
static void test_counts(void *context, unsigned int argument)
{
	struct suite *suite = context;
	unsigned int count, index = choose(suite, &count);
	uint64_t fired[16] = {0};

	must(umd_driver_enable_events(suite->driver));
	must(umd_driver_irq_listen(suite->driver, index, 0, count));
	for (unsigned int i = 0; i < 3; i++)
		must(umd_driver_irq_trigger(suite->driver, index, 0, count));
	for (uint64_t sum = 0; sum < 3 * (uint64_t)count;) {
		struct umd_driver_event event = next(suite);

		check_is(event.kind, UMD_DRIVER_EVENT_IRQ);
		check(event.index == index && event.vector < count && event.count);
		fired[event.vector] += event.count;
		sum += event.count;
	}
	for (unsigned int vector = 0; vector < count; vector++)
		check_is(fired[vector], 3);
	check_silence(suite);
}

static void test_taken(void *context, unsigned int argument)
{
	struct suite *suite = context;
	unsigned int count, index = choose(suite, &count);
	int fd = suite_eventfd();

	must(umd_driver_enable_events(suite->driver));
	must(umd_driver_irq_listen(suite->driver, index, 0, count));
	must(umd_driver_irq_set_fds(suite->driver, index, 0, 1, &fd));
	must(umd_driver_irq_trigger(suite->driver, index, 0, 1));
	check_is(suite_fired(fd, SUITE_WAIT_MS), 1);
	check_silence(suite);
	must(umd_driver_irq_disable(suite->driver, index));
	close(fd);
}

static void test_device(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind *kind = suite_kind(suite);
	struct umd_driver_event event;

	if (umd_driver_irq_count(suite->driver, kind->msi_index) <= 0)
		harness_skip("the device sends no messages");
	must(umd_driver_enable_events(suite->driver));
	must(umd_driver_irq_listen(suite->driver, kind->msi_index, 0, 1));
	kind->send_msi(suite);
	event = next(suite);
	check(event.kind == UMD_DRIVER_EVENT_IRQ && event.index == kind->msi_index &&
	      !event.vector);
}

static void test_line(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind *kind = suite_kind(suite);

	if (!kind->set_line || umd_driver_irq_count(suite->driver, UMD_DRIVER_INTX) <= 0)
		harness_skip("the device has no line");
	must(umd_driver_enable_events(suite->driver));
	must(umd_driver_irq_listen(suite->driver, UMD_DRIVER_INTX, 0, 1));
	for (unsigned int i = 0; i < 3; i++) {
		kind->set_line(suite, true);
		check_is(next(suite).index, UMD_DRIVER_INTX);
		kind->set_line(suite, false);
		must(umd_driver_irq_unmask(suite->driver, UMD_DRIVER_INTX, 0, 1));
	}
	check_silence(suite);
}

const struct harness_test event_tests[] = {
	{"events are enabled once, and nothing is heard before", test_before, 0},
	{"an event waits for a struct that it fits", test_size, 0},
	{"vectors that are listened to are events", test_listen, 0},
	{"vectors that fired meanwhile are told with their counts", test_counts, 0},
	{"a vector that was listened to is taken back", test_taken, 0},
	{"a message of the device is an event", test_device, 0},
	{"a line is an event each time it was unmasked", test_line, 0},
	{0},
};
