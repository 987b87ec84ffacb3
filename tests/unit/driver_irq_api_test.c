/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts as a driver uses them, on a device of this process and on one that is served. */
#include "driver_device.h"

#include <fcntl.h>

#include "driver/irqs.h"

static int fds[MSIX_COUNT];

static void make_fds(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(fds[i] >= 0);
	}
}

static void close_fds(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

static int set_fds(unsigned int index, unsigned int start, unsigned int count, const int *from)
{
	return umd_driver_irq_set_fds(driver, index, start, count, from);
}

/* A served device has signalled before the write to its register is answered. */
static void expect_signals(unsigned int vector, uint64_t count)
{
	assert_int_equal(unit_take_events(fds[vector]), count);
}

static void expect_irq(unsigned int index, unsigned int vector, uint64_t count)
{
	struct umd_driver_event event;

	assert_int_equal(next_event(&event, WAIT_MS), 0);
	assert_int_equal(event.kind, UMD_DRIVER_EVENT_IRQ);
	assert_int_equal(event.index, index);
	assert_int_equal(event.vector, vector);
	assert_int_equal(event.count, count);
}

/* ---- Eventfds of the driver's -------------------------------------------------------------- */

static void test_vectors_signal_their_eventfds(void **state)
{
	make_fds(MSIX_COUNT);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, MSIX_COUNT, fds), 0);
	for (unsigned int i = 0; i < MSIX_COUNT; i++)
		put(TRIGGER_MSIX, i);
	put(TRIGGER_MSIX, 3);
	for (unsigned int i = 0; i < MSIX_COUNT; i++)
		expect_signals(i, i == 3 ? 2 : 1);
	close_fds(MSIX_COUNT);
}

static void test_vectors_are_added_and_taken_away_while_others_are_used(void **state)
{
	static const int none = -1;

	make_fds(4);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 1, 1, &fds[1]), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 3, 1, &fds[3]), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 1, &fds[0]), 0);
	put(TRIGGER_MSIX, 0);
	put(TRIGGER_MSIX, 1);
	put(TRIGGER_MSIX, 2);
	put(TRIGGER_MSIX, 3);
	expect_signals(0, 1);
	expect_signals(1, 1);
	expect_signals(3, 1);

	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 1, 1, &none), 0);
	put(TRIGGER_MSIX, 0);
	put(TRIGGER_MSIX, 1);
	put(TRIGGER_MSIX, 3);
	expect_signals(0, 1);
	expect_signals(1, 0);
	expect_signals(3, 1);
	close_fds(4);
}

static void test_another_eventfd_takes_a_vectors_place(void **state)
{
	make_fds(2);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 5, 1, &fds[0]), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 5, 1, &fds[1]), 0);
	put(TRIGGER_MSIX, 5);
	expect_signals(0, 0);
	expect_signals(1, 1);
	close_fds(2);
}

/* MSI is NORESIZE: the vectors that were in use are so afterwards. */
static void test_an_index_that_cannot_grow_begins_anew(void **state)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};

	assert_int_equal(umd_driver_get_irq(driver, UMD_DRIVER_MSI, &irq), 0);
	assert_true(irq.flags & UMD_DRIVER_IRQ_NORESIZE);

	make_fds(MSI_COUNT);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 1, 1, &fds[1]), 0);
	assert_int_equal(get(ENABLED_MSI), 2);
	put(TRIGGER_MSI, 1);
	expect_signals(1, 1);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 5, 3, &fds[5]), 0);
	assert_int_equal(get(ENABLED_MSI), 8);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 3, 1, &fds[3]), 0);
	for (unsigned int i = 0; i < MSI_COUNT; i++)
		put(TRIGGER_MSI, i);
	for (unsigned int i = 0; i < MSI_COUNT; i++)
		expect_signals(i, i == 1 || i == 3 || i >= 5);
	close_fds(MSI_COUNT);
}

static void test_one_kind_of_interrupt_is_used_at_a_time(void **state)
{
	make_fds(2);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 0, 1, &fds[0]), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 1, &fds[1]), -EINVAL);
	assert_int_equal(set_fds(UMD_DRIVER_INTX, 0, 1, &fds[1]), -EINVAL);
	put(TRIGGER_MSI, 0);
	expect_signals(0, 1);

	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSI), 0);
	put(TRIGGER_MSI, 0);
	expect_signals(0, 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 1, &fds[1]), 0);
	put(TRIGGER_MSIX, 0);
	expect_signals(1, 1);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSIX), 0);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSIX), 0);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_INTX), 0);
	close_fds(2);
}

/* Also of vectors that were never used, and it does not begin their use. */
static void test_no_eventfd_is_nothing_to_begin_with(void **state)
{
	static const int none[2] = {-1, -1};

	make_fds(1);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 0, 2, none), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 1, fds), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 0, NULL), 0);
	close_fds(1);
}

static void test_vectors_that_are_not_there_are_refused(void **state)
{
	make_fds(1);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, MSIX_COUNT, 1, fds), -EINVAL);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, UINT32_MAX, 2, fds), -EINVAL);
	assert_int_equal(set_fds(UMD_DRIVER_INTX, 0, 2, fds), -EINVAL);
	assert_int_equal(set_fds(5, 0, 1, fds), -EINVAL);
	assert_int_equal(umd_driver_irq_disable(driver, 5), -EINVAL);
	assert_int_equal(umd_driver_irq_mask(driver, UMD_DRIVER_INTX, 1, 1), -EINVAL);
	assert_int_equal(umd_driver_irq_mask(driver, UMD_DRIVER_MSIX, 0, 1), -ENOTTY);
	assert_int_equal(umd_driver_irq_trigger(driver, UMD_DRIVER_MSIX, 0, 41), -EINVAL);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 1), -EINVAL);
	close_fds(1);
}

static void test_what_is_refused_leaves_vectors_as_they_were(void **state)
{
	int bad[3];

	make_fds(MSI_COUNT);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 0, 3, fds), 0);
	memcpy(bad, &fds[3], sizeof(bad));
	bad[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(bad[1] >= 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 1, 2, bad), -EINVAL); /* no eventfd */
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 2, 3, bad), -EINVAL); /* while it begins anew */
	close(bad[1]);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 0, 1, &bad[1]), -EBADF);

	for (unsigned int i = 0; i < 3; i++)
		put(TRIGGER_MSI, i);
	for (unsigned int i = 0; i < MSI_COUNT; i++)
		expect_signals(i, i < 3);
	close_fds(MSI_COUNT);
}

static void test_an_eventfd_may_be_closed_once_it_is_set(void **state)
{
	int copy;

	make_fds(2);
	copy = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 0, 1, &copy), 0);
	close(copy);
	assert_int_equal(set_fds(UMD_DRIVER_MSI, 1, 1, &fds[1]), 0); /* all anew */
	put(TRIGGER_MSI, 0);
	expect_signals(0, 1);
	close_fds(2);
}

/* ---- The line ------------------------------------------------------------------------------ */

static void test_the_line_fires_once_until_it_is_unmasked(void **state)
{
	make_fds(1);
	assert_int_equal(set_fds(UMD_DRIVER_INTX, 0, 1, fds), 0);
	put(LINE, 1);
	expect_signals(0, 1);
	put(LINE, 1);
	expect_signals(0, 0);
	assert_int_equal(umd_driver_irq_unmask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	expect_signals(0, 1); /* it is high still */

	put(LINE, 0);
	assert_int_equal(umd_driver_irq_unmask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	assert_int_equal(umd_driver_irq_mask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	put(LINE, 1);
	expect_signals(0, 0);
	assert_int_equal(umd_driver_irq_unmask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	expect_signals(0, 1);
	close_fds(1);
}

static void test_interrupts_can_be_tried_out(void **state)
{
	make_fds(3);
	assert_int_equal(umd_driver_irq_trigger(driver, UMD_DRIVER_MSIX, 0, 1), -EINVAL);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 3, fds), 0);
	assert_int_equal(umd_driver_irq_trigger(driver, UMD_DRIVER_MSIX, 1, 2), 0);
	assert_int_equal(umd_driver_irq_trigger(driver, UMD_DRIVER_MSIX, 0, 0), 0);
	expect_signals(0, 0);
	expect_signals(1, 1);
	expect_signals(2, 1);
	put(TRIGGER_MSIX, 0); /* nothing has ended */
	expect_signals(0, 1);
	close_fds(3);
}

/* ---- Listening ----------------------------------------------------------------------------- */

static void test_vectors_are_listened_to(void **state)
{
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, MSIX_COUNT), 0);
	expect_no_event();
	put(TRIGGER_MSIX, 7);
	expect_irq(UMD_DRIVER_MSIX, 7, 1);
	put(TRIGGER_MSIX, 39);
	put(TRIGGER_MSIX, 0);
	put(TRIGGER_MSIX, 39);
	put(TRIGGER_MSIX, 39);
	expect_irq(UMD_DRIVER_MSIX, 39, 3);
	expect_irq(UMD_DRIVER_MSIX, 0, 1);
	expect_no_event();
}

static void test_the_event_fd_tells_of_vectors(void **state)
{
	struct pollfd pollfd;

	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 4), 0);
	expect_no_event();
	pollfd = (struct pollfd){.fd = umd_driver_event_fd(driver), .events = POLLIN};
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	put(TRIGGER_MSIX, 1);
	put(TRIGGER_MSIX, 2);
	assert_int_equal(poll(&pollfd, 1, WAIT_MS), 1);
	expect_irq(UMD_DRIVER_MSIX, 1, 1);
	assert_int_equal(poll(&pollfd, 1, WAIT_MS), 1);
	expect_irq(UMD_DRIVER_MSIX, 2, 1);
	expect_no_event();
	assert_int_equal(poll(&pollfd, 1, 0), 0);
}

static void test_an_event_too_large_for_the_caller_is_not_lost(void **state)
{
	struct umd_driver_event event = {.size = 1};

	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 4), 0);
	put(TRIGGER_MSIX, 1);
	assert_int_equal(umd_driver_next_event(driver, &event), -EINVAL);
	expect_irq(UMD_DRIVER_MSIX, 1, 1);
}

static void test_the_line_is_listened_to(void **state)
{
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_INTX, 0, 1), 0);
	for (int i = 0; i < 3; i++) {
		put(LINE, 1);
		expect_irq(UMD_DRIVER_INTX, 0, 1);
		expect_no_event();
		put(LINE, 0);
		assert_int_equal(umd_driver_irq_unmask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	}
}

static void test_listening_ends(void **state)
{
	make_fds(1);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 3), 0);
	put(TRIGGER_MSIX, 0);
	put(TRIGGER_MSIX, 1);
	put(TRIGGER_MSIX, 2);
	assert_int_equal(umd_driver_next_event(driver,
					       &(struct umd_driver_event){
						       .size = sizeof(struct umd_driver_event)}),
			 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 1, 1, fds), 0);
	expect_irq(UMD_DRIVER_MSIX, 2, 1);
	expect_no_event();
	put(TRIGGER_MSIX, 1);
	expect_signals(0, 1);
	expect_no_event();

	put(TRIGGER_MSIX, 0);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSIX), 0);
	expect_no_event();
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSI, 0, 1), 0);
	put(TRIGGER_MSI, 0);
	expect_irq(UMD_DRIVER_MSI, 0, 1);
	close_fds(1);
}

static void test_events_keep_their_own_interrupts(void **state)
{
	make_fds(1);
	assert_int_equal(set_fds(UMD_DRIVER_ERR, 0, 1, fds), 0);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(set_fds(UMD_DRIVER_ERR, 0, 1, fds), -EBUSY);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_REQ, 0, 1), -EBUSY);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_REQ), -EBUSY);
	assert_int_equal(umd_driver_irq_trigger(driver, UMD_DRIVER_ERR, 0, 1), 0);
	expect_event(UMD_DRIVER_EVENT_ERROR);
	expect_signals(0, 0);
	close_fds(1);
}

/* REMOVED is the last event, whatever else there was. */
static void test_vectors_say_no_more_of_a_device_that_is_gone(void **state)
{
	make_fds(1);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 0, 3), 0);
	put(TRIGGER_MSIX, 0);
	put(UNPLUG, 2);
	assert_int_equal(umd_driver_reset(driver), -ENODEV);
	expect_event(UMD_DRIVER_EVENT_REMOVED);
	expect_no_event();
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 0, 1, fds), -ENODEV);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSIX), -ENODEV);
	assert_int_equal(umd_driver_irq_disable(driver, UMD_DRIVER_MSIX), 0);
	close_fds(1);
}

/* ---- Setting up again ---------------------------------------------------------------------- */

/* What a server that comes back has forgotten is what a disconnect makes it forget. */
static void forget(void)
{
	static const unsigned int all[] = {UMD_DRIVER_INTX, UMD_DRIVER_MSI, UMD_DRIVER_MSIX,
					   UMD_DRIVER_ERR, UMD_DRIVER_REQ};

	for (unsigned int i = 0; i < UNIT_COUNT(all); i++)
		assert_int_equal(
			umd_driver_set_irqs(driver,
					    &(struct umd_driver_irq_set){
						    .flags = 0x21, /* no data, trigger: none */
						    .index = all[i]}),
			0);
}

static void test_interrupts_are_set_up_again(void **state)
{
	make_fds(MSIX_COUNT);
	assert_int_equal(umd_driver_enable_events(driver), 0);
	assert_int_equal(set_fds(UMD_DRIVER_MSIX, 2, 20, &fds[2]), 0);
	assert_int_equal(umd_driver_irq_listen(driver, UMD_DRIVER_MSIX, 30, 2), 0);
	forget();
	put(TRIGGER_MSIX, 5);
	expect_signals(5, 0);

	assert_int_equal(umd_driver_irqs_restore(driver), 0);
	put(TRIGGER_MSIX, 5);
	put(TRIGGER_MSIX, 21);
	expect_signals(5, 1);
	expect_signals(21, 1);
	put(TRIGGER_MSIX, 31);
	expect_irq(UMD_DRIVER_MSIX, 31, 1);
	assert_int_equal(umd_driver_irq_trigger(driver, UMD_DRIVER_ERR, 0, 1), 0);
	expect_event(UMD_DRIVER_EVENT_ERROR);
	close_fds(MSIX_COUNT);
}

static void test_masks_are_set_up_again(void **state)
{
	make_fds(1);
	assert_int_equal(set_fds(UMD_DRIVER_INTX, 0, 1, fds), 0);
	assert_int_equal(umd_driver_irq_mask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	forget();
	assert_int_equal(umd_driver_irqs_restore(driver), 0);
	put(LINE, 1);
	expect_signals(0, 0);
	assert_int_equal(umd_driver_irq_unmask(driver, UMD_DRIVER_INTX, 0, 1), 0);
	expect_signals(0, 1);
	close_fds(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_vectors_signal_their_eventfds),
		ON_BOTH(test_vectors_are_added_and_taken_away_while_others_are_used),
		ON_BOTH(test_another_eventfd_takes_a_vectors_place),
		ON_BOTH(test_an_index_that_cannot_grow_begins_anew),
		ON_BOTH(test_one_kind_of_interrupt_is_used_at_a_time),
		ON_BOTH(test_no_eventfd_is_nothing_to_begin_with),
		ON_BOTH(test_vectors_that_are_not_there_are_refused),
		ON_BOTH(test_what_is_refused_leaves_vectors_as_they_were),
		ON_BOTH(test_an_eventfd_may_be_closed_once_it_is_set),
		ON_BOTH(test_the_line_fires_once_until_it_is_unmasked),
		ON_BOTH(test_interrupts_can_be_tried_out),
		ON_BOTH(test_vectors_are_listened_to),
		ON_BOTH(test_the_event_fd_tells_of_vectors),
		ON_BOTH(test_an_event_too_large_for_the_caller_is_not_lost),
		ON_BOTH(test_the_line_is_listened_to),
		ON_BOTH(test_listening_ends),
		ON_BOTH(test_events_keep_their_own_interrupts),
		ON_BOTH(test_vectors_say_no_more_of_a_device_that_is_gone),
		ON_BOTH(test_interrupts_are_set_up_again),
		ON_BOTH(test_masks_are_set_up_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
