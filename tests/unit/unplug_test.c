/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hot-unplug: the client is asked again and again, lets go or does not, and what is left of a
 * device that is gone.
 */
#include "device_fixture.h"

#include <time.h>

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static struct device_log told;
static struct umd_device *device;
static struct umd_request *put_off;
static int req;
static int fds_before;

static uint64_t on_read(void *data, uint64_t offset, unsigned int size)
{
	device_log_call(data, 'r');
	return 0;
}

static void on_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	device_log_call(data, 'w');
}

static void on_cancel(void *data)
{
	device_log_call(data, 'c');
}

static void on_access(void *data, struct umd_request *request)
{
	put_off = request;
	umd_request_defer(request, on_cancel, data);
}

static int setup(void **state)
{
	static const struct umd_region memory = {
		.size = 4 * PAGE, .read = on_read, .write = on_write};
	static const struct umd_region requests = {
		.size = 64, .flags = UMD_REGION_IO, .access = on_access};
	static const struct umd_msix msix = {
		.vectors = 2, .table_offset = PAGE, .pba_offset = 2 * PAGE};

	alarm(20);
	fds_before = unit_count_fds();
	req = irq_eventfd();
	device = device_create(&told);
	assert_int_equal(umd_device_add_bar(device, 0, &memory), 0);
	assert_int_equal(umd_device_add_bar(device, 1, &requests), 0);
	assert_int_equal(umd_device_add_rom(device, "rom", 3), 0);
	assert_int_equal(umd_device_add_intx(device, 1), 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	close(req);
	assert_int_equal(unit_count_fds(), fds_before);
	alarm(0);
	return 0;
}

/* A client that has said how it wants to be asked. */
static void have_client(void)
{
	device->has_client = true;
	device_assign(device, UMD_IRQ_REQ, 0, req);
}

/* As a session ends. */
static void client_leaves(void)
{
	device->has_client = false;
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	umd_unplug_released(device);
}

static void unplug(uint64_t deadline_ns)
{
	assert_int_equal(umd_device_unplug(device, deadline_ns), 0);
}

static void expect_asked(unsigned int times)
{
	assert_int_equal(unit_take_events(req), times);
}

/* The timer's next expiry, now instead of in ten seconds. */
static void hurry(void)
{
	assert_int_equal(umd_watch_set_timer(device->unplug.timer, 1), 0);
	assert_int_equal(umd_poller_dispatch(&device->poller, 1000), 0);
}

/* ---- Asking -------------------------------------------------------------------------------- */

static void test_device_without_a_client_is_gone_at_once(void **state)
{
	unplug(3600 * S);
	device_expect_calls(&told, "U");
	assert_true(umd_unplug_is_gone(device));
	assert_int_equal(umd_device_unplug(device, 0), -EALREADY);
	device_expect_calls(&told, "");
}

static void test_client_is_asked_and_lets_go(void **state)
{
	have_client();
	unplug(3600 * S);
	expect_asked(1);
	device_expect_calls(&told, "");
	assert_false(umd_unplug_is_gone(device));
	assert_int_equal(umd_device_unplug(device, 0), -EALREADY);
	expect_asked(0);
	client_leaves();
	device_expect_calls(&told, "RU");
	assert_true(umd_unplug_is_gone(device));
	expect_asked(0);
}

/* Every ten seconds, as the kernel repeats it, and the last wait is what is left. */
static void test_client_is_asked_again_till_the_deadline(void **state)
{
	static const struct {
		uint64_t deadline_s;
		unsigned int asked;
	} rows[] = {{1, 1}, {9, 1}, {10, 1}, {11, 2}, {20, 2}, {25, 3}, {600, 60}};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		have_client();
		unplug(rows[i].deadline_s * S);
		for (unsigned int n = 1; n < rows[i].asked; n++) {
			assert_int_equal(device->unplug.left_ns,
					 (rows[i].deadline_s - UINT64_C(10) * n) * S);
			expect_asked(1);
			hurry();
			assert_false(umd_unplug_is_gone(device));
		}
		expect_asked(1);
		assert_int_equal(device->unplug.left_ns, 0);
		hurry();
		device_expect_calls(&told, "S");
		assert_true(umd_unplug_is_gone(device));
		teardown(state);
		setup(state);
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * S + (uint64_t)t.tv_nsec;
}

static void test_deadline_is_kept(void **state)
{
	uint64_t before = now_ns();

	have_client();
	unplug(20 * MS);
	device_expect_calls(&told, "");
	while (!umd_unplug_is_gone(device))
		assert_int_equal(umd_poller_dispatch(&device->poller, 10000), 0);
	assert_true(now_ns() - before >= 20 * MS);
	device_expect_calls(&told, "S");
}

static void test_device_that_is_destroyed_in_between_leaves_nothing(void **state)
{
	have_client();
	unplug(S);
	umd_device_destroy(device);
	device = device_create(&told);
}

/* Nobody listens: the client has not asked to be asked. */
static void test_client_without_the_interrupt_is_surprised(void **state)
{
	device->has_client = true;
	unplug(S);
	hurry();
	device_expect_calls(&told, "S");
}

/* ---- Gone ---------------------------------------------------------------------------------- */

static void test_everything_reads_as_ones_and_writes_are_dropped(void **state)
{
	static const uint32_t regions[] = {0, 1, UMD_REGION_ROM, UMD_REGION_CONFIG};
	uint8_t ones[8], data[8], zeros[8] = {0};
	uint32_t command = device_config(device, PCI_COMMAND, 2);

	memset(ones, 0xff, sizeof(ones));
	have_client();
	unplug(0);
	device_expect_calls(&told, "S");
	for (size_t i = 0; i < UNIT_COUNT(regions); i++) {
		assert_int_equal(device_write(device, regions[i], 0, zeros, 8), 0);
		assert_int_equal(device_read(device, regions[i], 0, data, 8), 0);
		assert_memory_equal(data, ones, 8);
	}
	assert_int_equal(device_write(device, 0, PAGE, zeros, 8), 0);
	assert_int_equal(device_read(device, 0, PAGE, data, 8), 0);
	assert_memory_equal(data, ones, 8);
	assert_int_equal(device_read(device, 0, 4 * PAGE, data, 1), -EINVAL);
	assert_int_equal(device_read(device, 5, 0, data, 1), -EINVAL);
	assert_int_equal(umd_device_config_read(device, PCI_COMMAND, 2), command);
	device_expect_calls(&told, "");
}

static void test_client_is_told_that_there_is_no_device(void **state)
{
	int fd = irq_eventfd(), copy = dup(fd);
	struct umd_irq_set off = {.flags = NONE | TRIGGER, .index = UMD_IRQ_MSIX};
	uint8_t byte;

	have_client();
	unplug(0);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), -ENODEV);
	assert_int_equal(umd_dma_write(device, 0, &byte, 1), -ENODEV);
	assert_int_equal(umd_device_reset_by_client(device), -ENODEV);
	assert_int_equal(device_try_assign(device, UMD_IRQ_MSIX, 0, fd), -ENODEV);
	assert_int_equal(umd_device_set_irqs(device, &off), -ENODEV);
	assert_int_equal(umd_power_enter_low(device, &copy), -ENODEV);
	assert_int_equal(umd_power_exit_low(device), -ENODEV);
	assert_true(copy >= 0);
	device_expect_calls(&told, "S");
	close(copy);
	close(fd);
}

/* A device that is about to go is a device still. */
static void test_device_works_till_it_is_gone(void **state)
{
	uint8_t byte;

	have_client();
	unplug(S);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), -EFAULT);
	assert_int_equal(umd_device_reset_by_client(device), 0);
	device_expect_calls(&told, "rR");
}

static void test_every_eventfd_is_signalled_once(void **state)
{
	static const uint8_t masked[4] = {1};
	int fds[3];

	for (unsigned int i = 0; i < 3; i++)
		fds[i] = irq_eventfd();
	have_client();
	device_assign(device, UMD_IRQ_MSIX, 0, fds[0]);
	device_assign(device, UMD_IRQ_MSIX, 1, fds[1]);
	device_assign(device, UMD_IRQ_ERR, 0, fds[2]);
	assert_int_equal(device_write(device, 0, PAGE + 16 + 12, masked, 4), 0);
	unplug(0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(unit_take_events(fds[i]), 1);
	expect_asked(1);

	/* The device is gone, whatever its own code still does. */
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 0), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_ERR, 0), 0);
	umd_device_reset(device);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(unit_take_events(fds[i]), 0);
		close(fds[i]);
	}
}

static void test_line_of_a_device_that_is_gone_is_silent(void **state)
{
	const struct umd_irq_set unmask = {
		.flags = NONE | UNMASK, .index = UMD_IRQ_INTX, .count = 1};
	int line = irq_eventfd();

	have_client();
	device_assign(device, UMD_IRQ_INTX, 0, line);
	unplug(0);
	assert_int_equal(unit_take_events(line), 1);
	umd_device_set_intx(device, true);
	assert_int_equal(unit_take_events(line), 0);
	assert_int_equal(umd_device_set_irqs(device, &unmask), -ENODEV);
	close(line);
}

/* It is an eventfd that a client waits on, like the others. */
static void test_client_that_waits_for_a_wakeup_is_signalled_too(void **state)
{
	int wakeup = irq_eventfd(), copy = dup(wakeup);

	have_client();
	assert_int_equal(umd_power_enter_low(device, &copy), 0);
	unplug(0);
	assert_int_equal(unit_take_events(wakeup), 1);
	close(wakeup);
}

/* One that lets go in time has nothing to look at. */
static void test_client_that_lets_go_is_not_signalled(void **state)
{
	int fd = irq_eventfd();

	have_client();
	device_assign(device, UMD_IRQ_MSIX, 0, fd);
	unplug(S);
	client_leaves();
	assert_int_equal(unit_take_events(fd), 0);
	expect_asked(1);
	close(fd);
}

static void note(void *data)
{
	device_log_call(data, 'd');
}

static void test_access_that_was_put_off_ends(void **state)
{
	struct umd_request request = {.done = note, .done_data = &told};
	uint8_t byte;

	have_client();
	device_access(device, &request, 1, false, 0, &byte, 1);
	unplug(0);
	device_expect_calls(&told, "cdS");
	assert_int_equal(request.error, -ENODEV);
	assert_null(device->deferred);
	umd_request_complete(put_off, 0);
	device_expect_calls(&told, "");
}

/* The client of a device that went by surprise leaves later; that is no second end. */
static void test_end_is_told_once(void **state)
{
	have_client();
	unplug(0);
	device_expect_calls(&told, "S");
	client_leaves();
	device_expect_calls(&told, "R");
	assert_true(umd_unplug_is_gone(device));
}

static void test_reset_does_not_bring_a_device_back(void **state)
{
	uint8_t byte;

	have_client();
	unplug(0);
	umd_device_reset(device);
	assert_int_equal(device_config(device, PCI_VENDOR_ID, 4), UINT32_MAX);
	umd_device_config_write(device, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	umd_device_reset(device);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), -ENODEV);
}

/* ---- In a handler -------------------------------------------------------------------------- */

static void unplug_at_once(void *data, struct umd_request *request)
{
	unplug(0);
	umd_request_complete(request, 0);
}

static void test_device_may_unplug_itself_in_a_handler(void **state)
{
	struct umd_request request = {.done = note, .done_data = &told};
	uint8_t byte;

	device->bars[1].region.access = unplug_at_once;
	have_client();
	assert_int_equal(device_access(device, &request, 1, false, 0, &byte, 1), 0);
	device_expect_calls(&told, "S");
}

/* ---- Peers that would have us wait --------------------------------------------------------- */

/* A signal that waited would be ended by the alarm. */
static void test_no_request_waits_for_an_eventfd_that_is_full(void **state)
{
	for (unsigned int kind = 0; kind < IRQ_TRAPS; kind++) {
		int fd = irq_trap_open(kind);

		device->has_client = true;
		for (enum umd_irq i = UMD_IRQ_MSIX; i < UMD_IRQ_INDEXES; i++)
			device_assign(device, i, 0, fd);
		irq_trap_spring(fd);
		unplug(15 * S);
		hurry();
		hurry();
		device_expect_calls(&told, "S");
		irq_trap_close(fd);
		teardown(state);
		setup(state);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_device_without_a_client_is_gone_at_once),
		TEST(test_client_is_asked_and_lets_go),
		TEST(test_client_is_asked_again_till_the_deadline),
		TEST(test_deadline_is_kept),
		TEST(test_device_that_is_destroyed_in_between_leaves_nothing),
		TEST(test_client_without_the_interrupt_is_surprised),
		TEST(test_everything_reads_as_ones_and_writes_are_dropped),
		TEST(test_client_is_told_that_there_is_no_device),
		TEST(test_device_works_till_it_is_gone),
		TEST(test_every_eventfd_is_signalled_once),
		TEST(test_line_of_a_device_that_is_gone_is_silent),
		TEST(test_client_that_waits_for_a_wakeup_is_signalled_too),
		TEST(test_client_that_lets_go_is_not_signalled),
		TEST(test_access_that_was_put_off_ends),
		TEST(test_end_is_told_once),
		TEST(test_reset_does_not_bring_a_device_back),
		TEST(test_device_may_unplug_itself_in_a_handler),
		TEST(test_no_request_waits_for_an_eventfd_that_is_full),
	};

	return cmocka_run_group_tests_name("unplug", tests, NULL, NULL);
}
