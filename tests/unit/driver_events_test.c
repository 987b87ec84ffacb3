/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device tells unasked: each kind of event, removal in its many forms, and servers that
 * would make the driver wait for them.
 */
#include "driver_fixture.h"

#include <fcntl.h>

#define PROMPT_MS 100 /* what does not wait takes less; a sanitised process is slow */

static struct fake fake;
static struct umd_driver *driver;

static void open_device(fake_twist *twist)
{
	fake.twist = twist;
	fake_start(&fake);
	driver = fake_open(&fake);
}

static void begin(fake_twist *twist)
{
	open_device(twist);
	assert_int_equal(umd_driver_enable_events(driver), 0);
}

static int end(void **state)
{
	umd_driver_close(driver);
	if (*fake.uri)
		fake_stop(&fake);
	memset(&fake, 0, sizeof(fake));
	driver = NULL;
	return 0;
}

static bool is_readable(int timeout_ms)
{
	struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};

	return poll(&pollfd, 1, timeout_ms) == 1;
}

/* The kind of the next event, without waiting for it, or its errno. */
static int take_event(void)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	int64_t start = now_ms();
	int err = umd_driver_next_event(driver, &event);

	assert_true(now_ms() - start < PROMPT_MS);
	return err ? err : (int)event.kind;
}

/* The kind of the next event; -EAGAIN where there is none within `timeout_ms`. */
static int next_event_within(int64_t timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int64_t left;

	while ((left = deadline - now_ms()) > 0 && is_readable((int)left)) {
		int event = take_event();

		if (event != -EAGAIN)
			return event;
	}
	return -EAGAIN;
}

static int next_event(void)
{
	return next_event_within(10 * SHORT_MS);
}

static void expect_quiet(void)
{
	assert_int_equal(next_event_within(20), -EAGAIN);
	assert_false(is_readable(0));
}

/* The device's last event; nothing comes after it. */
static void expect_removal(void)
{
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_REMOVED);
	expect_quiet();
}

static void signal_irq(unsigned int index)
{
	assert_int_equal(eventfd_write(fake.eventfds[index], 1), 0);
}

/* ---- Enabling ------------------------------------------------------------------------------ */

static void test_events_are_to_be_enabled(void **state)
{
	struct umd_driver_event event = {.size = sizeof(event)};

	open_device(NULL);
	assert_int_equal(umd_driver_event_fd(driver), -EINVAL);
	assert_int_equal(umd_driver_next_event(driver, &event), -EINVAL);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_enable_events(driver), -EALREADY);
	expect_quiet();
}

static bool saw_sets[FAKE_IRQS]; /* SET_IRQS of an eventfd */

static bool note_sets(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		      size_t size)
{
	struct umd_wire_set_irqs set;

	if (command->command != UMD_WIRE_SET_IRQS)
		return false;
	memcpy(&set, payload, sizeof(set));
	saw_sets[set.index] = size == sizeof(set) && set.argsz == sizeof(set) &&
			      set.flags == 0x24 && set.start == 0 && set.count == 1 &&
			      f->fd_count == 1;
	return false;
}

static void test_enabling_takes_err_and_req(void **state)
{
	memset(saw_sets, 0, sizeof(saw_sets));
	begin(note_sets);
	assert_true(saw_sets[UMD_DRIVER_ERR]);
	assert_true(saw_sets[UMD_DRIVER_REQ]);
	assert_int_equal(fake.sets, 2);
}

static void test_device_without_err_and_req(void **state)
{
	fake.no_events = true;
	begin(NULL);
	assert_int_equal(fake.sets, 0);
	expect_quiet();
	shutdown(fake.connection, SHUT_RDWR);
	expect_removal();
}

static bool refuse_req(struct fake *f, const struct umd_wire_header *command,
		       const uint8_t *payload, size_t size)
{
	struct umd_wire_set_irqs set;

	if (command->command != UMD_WIRE_SET_IRQS)
		return false;
	memcpy(&set, payload, sizeof(set));
	if (set.index != UMD_DRIVER_REQ)
		return false;
	fake_error(f, command, EACCES);
	return true;
}

static void test_a_refusal_leaves_nothing_behind(void **state)
{
	unsigned int before;
	uint8_t byte;

	open_device(refuse_req);
	before = count_fds();
	assert_int_equal(umd_driver_enable_events(driver), -EACCES);
	assert_int_equal(fake.last_set.index, UMD_DRIVER_ERR); /* taken back */
	assert_int_equal(fake.last_set_fds, 0);
	assert_int_equal(fake.eventfds[UMD_DRIVER_ERR], -1);
	assert_int_equal(count_fds(), before);
	assert_int_equal(umd_driver_event_fd(driver), -EINVAL);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), 0);
}

static void test_enabling_on_a_device_that_is_gone(void **state)
{
	open_device(NULL);
	fake.gone = true;
	assert_int_equal(umd_driver_enable_events(driver), -ENODEV);
	fake.gone = false;
	assert_int_equal(umd_driver_enable_events(driver), 0);
}

static void test_enabling_after_the_end(void **state)
{
	fake.no_events = true;
	open_device(NULL);
	shutdown(fake.connection, SHUT_RDWR);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	assert_int_equal(umd_driver_enable_events(driver), -ENODEV);
}

static void test_device_that_takes_no_fds(void **state)
{
	fake.version_json = "{\"capabilities\":{\"max_msg_fds\":0}}";
	open_device(NULL);
	assert_int_equal(umd_driver_enable_events(driver), -EOPNOTSUPP);
}

/* ---- Events -------------------------------------------------------------------------------- */

static void test_each_kind_comes_once(void **state)
{
	begin(NULL);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	expect_quiet();
	signal_irq(UMD_DRIVER_REQ);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	expect_quiet();
	signal_irq(UMD_DRIVER_REQ); /* again, as devices do every ten seconds */
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	expect_quiet();
}

static void test_wakeup(void **state)
{
	begin(NULL);
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
	expect_quiet();
	assert_int_equal(eventfd_write(fake.wakeup, 1), 0);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_WAKEUP);
	expect_quiet();
}

static void test_events_of_a_kind_are_one(void **state)
{
	begin(NULL);
	for (int i = 0; i < 5; i++)
		signal_irq(UMD_DRIVER_REQ);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	expect_quiet();
}

static void test_events_come_in_the_order_of_kinds(void **state)
{
	begin(NULL);
	assert_int_equal(umd_driver_low_power_enter(driver, true), 0);
	signal_irq(UMD_DRIVER_REQ);
	assert_int_equal(eventfd_write(fake.wakeup, 1), 0);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_WAKEUP);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	expect_quiet();
}

static void test_an_event_of_a_size_that_cannot_be(void **state)
{
	struct umd_driver_event event = {.size = 1};

	begin(NULL);
	signal_irq(UMD_DRIVER_ERR);
	while (is_readable(SHORT_MS) && umd_driver_next_event(driver, &event) == -EAGAIN)
		;
	assert_int_equal(umd_driver_next_event(driver, &event), -EINVAL);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR); /* it is not lost */
}

/* What comes while the device is asked about another event is asked about by itself. */
static bool signal_too(struct fake *f, const struct umd_wire_header *command,
		       const uint8_t *payload, size_t size)
{
	struct umd_wire_set_irqs set;

	if (command->command != UMD_WIRE_SET_IRQS || f->sets != 2)
		return false;
	memcpy(&set, payload, sizeof(set));
	eventfd_write(f->eventfds[UMD_DRIVER_REQ], 1);
	return false;
}

static void test_a_signal_during_the_question(void **state)
{
	begin(signal_too);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
	assert_int_equal(fake.sets, 4); /* two of them asked */
	expect_quiet();
}

/* ---- Gone ---------------------------------------------------------------------------------- */

static void test_hang_up(void **state)
{
	begin(NULL);
	shutdown(fake.connection, SHUT_RDWR);
	expect_removal();
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	expect_quiet();
}

/* It can answer no more, though it may still listen. */
static void test_half_a_hang_up(void **state)
{
	begin(NULL);
	shutdown(fake.connection, SHUT_WR);
	expect_removal();
}

static bool hang_up(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		    size_t size)
{
	if (command->command == UMD_WIRE_DEVICE_RESET)
		shutdown(f->connection, SHUT_RDWR);
	return command->command == UMD_WIRE_DEVICE_RESET;
}

static void test_hang_up_in_a_call(void **state)
{
	begin(hang_up);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	expect_removal();
}

/* Nobody waits for a device that takes back what it signalled, whatever it makes of the fd. */
static void test_a_vector_that_the_device_reads_first(void **state)
{
	struct umd_driver_event event = {.size = sizeof(event)};
	eventfd_t count;

	begin(NULL);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 1), 0);
	assert_int_equal(fcntl(fake.eventfds[UMD_DRIVER_MSIX], F_SETFL, 0), 0);
	signal_irq(UMD_DRIVER_MSIX);
	assert_int_equal(eventfd_read(fake.eventfds[UMD_DRIVER_MSIX], &count), 0);
	assert_int_equal(umd_driver_next_event(driver, &event), -EAGAIN);

	signal_irq(UMD_DRIVER_MSIX);
	assert_int_equal(umd_driver_next_event(driver, &event), 0);
	assert_int_equal(event.kind, UMD_DRIVER_EVENT_IRQ);
	assert_int_equal(event.count, 1);
}

/* All eventfds are signalled, and none of them is what it seems. */
static void test_surprise_removal(void **state)
{
	uint8_t byte;

	begin(NULL);
	fake.gone = true;
	signal_irq(UMD_DRIVER_ERR);
	signal_irq(UMD_DRIVER_REQ);
	expect_removal();
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	assert_int_equal(umd_driver_config_read8(driver, 0, &byte), -ENODEV);
	expect_quiet();
}

static void test_a_call_finds_out(void **state)
{
	begin(NULL);
	signal_irq(UMD_DRIVER_ERR);
	fake.gone = true;
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	expect_removal(); /* the error with it */
}

static bool ready_then_gone(struct fake *f, const struct umd_wire_header *command,
			    const uint8_t *payload, size_t size)
{
	if (command->command == UMD_WIRE_DEVICE_RESET)
		f->gone = true;
	return false;
}

static void test_removal_drops_what_was_ready(void **state)
{
	begin(ready_then_gone);
	signal_irq(UMD_DRIVER_ERR);
	signal_irq(UMD_DRIVER_REQ);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	expect_removal();
}

/* ---- Servers that take their time ---------------------------------------------------------- */

static bool is_question(const struct umd_wire_header *command, const uint8_t *payload)
{
	struct umd_wire_set_irqs set;

	if (command->command != UMD_WIRE_SET_IRQS)
		return false;
	memcpy(&set, payload, sizeof(set));
	return !(set.flags & 4);
}

static bool silent(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		   size_t size)
{
	return is_question(command, payload);
}

static void test_silence_is_removal(void **state)
{
	int64_t start = now_ms();

	begin(silent);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event_within(SHORT_MS / 2), -EAGAIN);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_REMOVED);
	assert_in_range(now_ms() - start, SHORT_MS - 10, 5 * SHORT_MS);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	expect_quiet();
}

/* A byte at a time, and all of them in time. */
static bool dribble(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		    size_t size)
{
	const struct timespec pause = {.tv_nsec = SHORT_MS / 40 * 1000000};
	struct umd_wire_header header = {.id = command->id,
					 .command = command->command,
					 .size = sizeof(header),
					 .flags = UMD_WIRE_TYPE_REPLY};

	if (!is_question(command, payload))
		return false;
	for (size_t i = 0; i < sizeof(header); i++) {
		fake_send(f, (const char *)&header + i, 1);
		nanosleep(&pause, NULL);
	}
	return true;
}

static void test_a_slow_answer(void **state)
{
	begin(dribble);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	expect_quiet();
}

static uint32_t answer; /* the error that the question is answered with */

static bool answer_so(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		      size_t size)
{
	if (!is_question(command, payload))
		return false;
	fake_error(f, command, answer);
	return true;
}

static void test_any_answer_but_one_means_there(void **state)
{
	const uint32_t answers[] = {0, EINVAL, ENOTTY, ENOTSUP, 4096, UINT32_MAX};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		answer = answers[i];
		begin(answer_so);
		signal_irq(UMD_DRIVER_REQ);
		assert_int_equal(next_event(), UMD_DRIVER_EVENT_UNPLUG_REQUEST);
		end(state);
	}
}

static bool answer_another(struct fake *f, const struct umd_wire_header *command,
			   const uint8_t *payload, size_t size)
{
	struct umd_wire_header other = *command;

	if (!is_question(command, payload))
		return false;
	other.id += 7;
	fake_reply(f, &other, NULL, 0);
	return true;
}

static void test_an_answer_to_something_else(void **state)
{
	begin(answer_another);
	signal_irq(UMD_DRIVER_ERR);
	expect_removal();
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
}

/* ---- Calls meanwhile ----------------------------------------------------------------------- */

/* Waits until the question has been sent. */
static void ask_about_an_error(void)
{
	signal_irq(UMD_DRIVER_ERR);
	assert_true(is_readable(SHORT_MS));
	assert_int_equal(take_event(), -EAGAIN);
}

static bool pause_a_little(struct fake *f, const struct umd_wire_header *command,
			   const uint8_t *payload, size_t size)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	if (is_question(command, payload))
		nanosleep(&pause, NULL);
	return false;
}

/* The answer comes before the call's reply, and is not taken for it. */
static void test_a_call_takes_the_answer(void **state)
{
	uint8_t byte;

	fake.config[5] = 0x5a;
	begin(pause_a_little);
	ask_about_an_error();
	assert_int_equal(umd_driver_config_read8(driver, 5, &byte), 0);
	assert_int_equal(byte, 0x5a);
	assert_true(is_readable(0));
	assert_int_equal(take_event(), UMD_DRIVER_EVENT_ERROR);
	expect_quiet();
}

static void test_a_call_takes_the_answer_that_it_is_gone(void **state)
{
	uint8_t byte;

	begin(pause_a_little);
	fake.gone = true;
	ask_about_an_error();
	assert_int_equal(umd_driver_config_read8(driver, 5, &byte), 0);
	assert_int_equal(take_event(), UMD_DRIVER_EVENT_REMOVED);
	expect_quiet();
}

static void test_closing_with_a_question_open(void **state)
{
	begin(silent);
	ask_about_an_error();
	signal_irq(UMD_DRIVER_REQ);
}

/* ---- Commands of the server's own ---------------------------------------------------------- */

static bool ask_back(struct fake *f, const struct umd_wire_header *command, const uint8_t *payload,
		     size_t size)
{
	struct umd_wire_header own = {.id = 77, .command = UMD_WIRE_GET_INFO, .size = sizeof(own)};

	if (is_question(command, payload))
		fake_send(f, &own, sizeof(own));
	return false;
}

static void test_commands_are_refused(void **state)
{
	begin(ask_back);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	assert_int_equal(umd_driver_reset(driver), 0); /* it has read the refusal by now */
	assert_int_equal(fake.last_reply.id, 77);
	assert_int_equal(fake.last_reply.error, ENOTSUP);
}

/* Commands without end, and no look at the answers. */
static bool ask_and_ask(struct fake *f, const struct umd_wire_header *command,
			const uint8_t *payload, size_t size)
{
	struct umd_wire_header own = {.command = UMD_WIRE_DMA_READ, .size = sizeof(own)};

	if (!is_question(command, payload))
		return false;
	while (send(f->connection, &own, sizeof(own), MSG_NOSIGNAL) > 0)
		;
	return true;
}

static void test_commands_without_end(void **state)
{
	int64_t start = now_ms();

	begin(ask_and_ask);
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_REMOVED);
	assert_true(now_ms() - start < 10 * SHORT_MS);
}

/* ---- Eventfds that the server plays with --------------------------------------------------- */

/* It reads them before the driver does, and has made them block. */
static void test_nobody_waits_for_an_eventfd(void **state)
{
	eventfd_t count;
	int fd;

	begin(NULL);
	fd = fake.eventfds[UMD_DRIVER_ERR];
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	for (int i = 0; i < 50; i++) {
		signal_irq(UMD_DRIVER_ERR);
		fcntl(fd, F_SETFL, 0);
		eventfd_read(fd, &count);
		assert_int_equal(take_event(), -EAGAIN);
	}
	expect_quiet();
	signal_irq(UMD_DRIVER_ERR);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
}

static void test_a_full_eventfd(void **state)
{
	begin(NULL);
	assert_int_equal(eventfd_write(fake.eventfds[UMD_DRIVER_ERR], UINT64_MAX - 1), 0);
	assert_int_equal(next_event(), UMD_DRIVER_EVENT_ERROR);
	expect_quiet();
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_events_are_to_be_enabled),
		CASE(test_enabling_takes_err_and_req),
		CASE(test_device_without_err_and_req),
		CASE(test_a_refusal_leaves_nothing_behind),
		CASE(test_enabling_on_a_device_that_is_gone),
		CASE(test_enabling_after_the_end),
		CASE(test_device_that_takes_no_fds),
		CASE(test_each_kind_comes_once),
		CASE(test_wakeup),
		CASE(test_events_of_a_kind_are_one),
		CASE(test_events_come_in_the_order_of_kinds),
		CASE(test_an_event_of_a_size_that_cannot_be),
		CASE(test_a_signal_during_the_question),
		CASE(test_hang_up),
		CASE(test_half_a_hang_up),
		CASE(test_hang_up_in_a_call),
		CASE(test_a_vector_that_the_device_reads_first),
		CASE(test_surprise_removal),
		CASE(test_a_call_finds_out),
		CASE(test_removal_drops_what_was_ready),
		CASE(test_silence_is_removal),
		CASE(test_a_slow_answer),
		CASE(test_any_answer_but_one_means_there),
		CASE(test_an_answer_to_something_else),
		CASE(test_a_call_takes_the_answer),
		CASE(test_a_call_takes_the_answer_that_it_is_gone),
		CASE(test_closing_with_a_question_open),
		CASE(test_commands_are_refused),
		CASE(test_commands_without_end),
		CASE(test_nobody_waits_for_an_eventfd),
		CASE(test_a_full_eventfd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
