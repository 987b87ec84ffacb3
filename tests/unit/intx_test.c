/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INTx: a level over eventfds. It is signalled once when it becomes pending, masks itself, and is
 * signalled again at an unmask while the device still asserts it; KVM unmasks by an eventfd.
 */
#include "irq_fixture.h"

static struct irq_fixture f;
static int line;     /* what the client's line signals */
static int resample; /* the client's unmask eventfd */

static int setup(void **state)
{
	line = irq_eventfd();
	resample = irq_eventfd();
	irq_start(&f);
	irq_assign(&f, UMD_IRQ_INTX, 0, line);
	return 0;
}

static int teardown(void **state)
{
	irq_stop(&f);
	close(line);
	close(resample);
	return 0;
}

static void assert_line(bool asserted)
{
	umd_irqs_set_intx(&f.irqs, asserted);
}

static void unmask(void)
{
	assert_int_equal(irq_set(&f, NONE | UNMASK, UMD_IRQ_INTX, 0, 1), 0);
}

static void mask(void)
{
	assert_int_equal(irq_set(&f, NONE | MASK, UMD_IRQ_INTX, 0, 1), 0);
}

static void give_resample(int fd)
{
	assert_int_equal(irq_set_fds(&f, EVENTFD | UNMASK, UMD_IRQ_INTX, 0, &fd, 1), 0);
}

static void dispatch(void)
{
	assert_int_equal(umd_poller_dispatch(&f.poller, 0), 0);
}

static void expect_signals(unsigned int count)
{
	assert_int_equal(unit_take_events(line), count);
}

/* ---- The level ----------------------------------------------------------------------------- */

static void test_line_is_signalled_once_when_it_rises(void **state)
{
	assert_line(true);
	expect_signals(1);
	assert_line(true);
	expect_signals(0);
	assert_line(false);
	assert_line(true);
	expect_signals(0);
}

static void test_unmask_signals_again_while_the_line_is_high(void **state)
{
	assert_line(true);
	expect_signals(1);
	for (int i = 0; i < 3; i++) {
		unmask();
		expect_signals(1);
	}
	assert_line(false);
	unmask();
	expect_signals(0);
	assert_line(true);
	expect_signals(1);
}

static void test_line_that_fell_before_the_unmask_is_not_signalled(void **state)
{
	assert_line(true);
	expect_signals(1);
	assert_line(false);
	unmask();
	expect_signals(0);
}

static void test_masked_line_is_signalled_at_the_unmask(void **state)
{
	mask();
	assert_line(true);
	expect_signals(0);
	unmask();
	expect_signals(1);
}

static void test_line_that_rose_before_the_client_is_signalled_to_it(void **state)
{
	irq_disable(&f, UMD_IRQ_INTX);
	assert_line(true);
	expect_signals(0);
	irq_assign(&f, UMD_IRQ_INTX, 0, line);
	expect_signals(1);
}

static void test_disabling_forgets_the_mask(void **state)
{
	assert_line(true);
	expect_signals(1);
	irq_disable(&f, UMD_IRQ_INTX);
	unit_take_events(line);
	irq_assign(&f, UMD_IRQ_INTX, 0, line);
	expect_signals(1);
}

static void test_line_is_silent_while_messages_are_in_use(void **state)
{
	int message = irq_eventfd();

	irq_disable(&f, UMD_IRQ_INTX);
	irq_assign(&f, UMD_IRQ_MSIX, 0, message);
	assert_line(true);
	expect_signals(0);
	irq_disable(&f, UMD_IRQ_MSIX);
	irq_assign(&f, UMD_IRQ_INTX, 0, line);
	expect_signals(1);
	assert_int_equal(unit_take_events(message), 0);
	close(message);
}

/* ---- Masks --------------------------------------------------------------------------------- */

static void test_interrupt_disable_holds_the_line_back(void **state)
{
	umd_irqs_disable_intx(&f.irqs, true);
	assert_line(true);
	unmask();
	expect_signals(0);
	umd_irqs_disable_intx(&f.irqs, false);
	expect_signals(1);
	umd_irqs_disable_intx(&f.irqs, false);
	expect_signals(0);
}

static void test_both_masks_must_be_off(void **state)
{
	mask();
	umd_irqs_disable_intx(&f.irqs, true);
	assert_line(true);
	umd_irqs_disable_intx(&f.irqs, false);
	expect_signals(0);
	unmask();
	expect_signals(1);
}

static void test_quiet_device_holds_the_line_back(void **state)
{
	umd_irqs_set_quiet(&f.irqs, true);
	assert_line(true);
	unmask();
	umd_irqs_disable_intx(&f.irqs, false);
	expect_signals(0);
	umd_irqs_set_quiet(&f.irqs, false);
	expect_signals(1);
	umd_irqs_set_quiet(&f.irqs, true);
	unmask();
	expect_signals(0);
	umd_irqs_set_quiet(&f.irqs, false);
	expect_signals(1);
}

static void test_mask_by_bool_acts_on_true_only(void **state)
{
	static const uint8_t yes = 1, no;
	struct umd_irq_set set = {
		.flags = BOOL | MASK, .index = UMD_IRQ_INTX, .count = 1, .bools = &no};

	assert_int_equal(umd_irqs_set(&f.irqs, &set), 0);
	assert_line(true);
	expect_signals(1);
	set.flags = BOOL | UNMASK;
	assert_int_equal(umd_irqs_set(&f.irqs, &set), 0);
	expect_signals(0);
	set.bools = &yes;
	assert_int_equal(umd_irqs_set(&f.irqs, &set), 0);
	expect_signals(1);
}

static void test_loopback_signals_whatever_the_masks_say(void **state)
{
	mask();
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_INTX, 0, 1), 0);
	expect_signals(1);
}

/* ---- The unmask eventfd -------------------------------------------------------------------- */

static void test_unmask_eventfd_unmasks(void **state)
{
	give_resample(resample);
	assert_line(true);
	expect_signals(1);
	dispatch();
	expect_signals(0);
	for (int i = 0; i < 3; i++) {
		unit_add_event(resample);
		dispatch();
		expect_signals(1);
	}
	assert_line(false);
	unit_add_event(resample);
	dispatch();
	expect_signals(0);
}

static void test_unmask_eventfd_is_left_to_its_owner(void **state)
{
	give_resample(resample);
	unit_add_event(resample);
	dispatch();
	unit_add_event(resample);
	dispatch();
	assert_int_equal(unit_take_events(resample), 2);
}

/* KVM: mask, hand over the resample fd, unmask; then every end of interrupt signals the fd. */
static void test_sequence_of_a_kvm_irqchip(void **state)
{
	assert_line(true);
	expect_signals(1);
	mask();
	give_resample(resample);
	dispatch();
	expect_signals(0);
	unmask();
	expect_signals(1);
	unit_add_event(resample);
	dispatch();
	expect_signals(1);
	assert_line(false);
	unit_add_event(resample);
	dispatch();
	expect_signals(0);

	mask();
	assert_int_equal(irq_set(&f, EVENTFD | UNMASK, UMD_IRQ_INTX, 0, 1), 0);
	unmask();
	assert_line(true);
	expect_signals(1);
	unit_add_event(resample);
	dispatch();
	expect_signals(0);
}

static void test_eventfd_that_was_signalled_before_it_came_unmasks_at_once(void **state)
{
	assert_line(true);
	expect_signals(1);
	unit_add_event(resample);
	give_resample(resample);
	dispatch();
	expect_signals(1);
}

static void test_unmask_eventfd_can_be_exchanged(void **state)
{
	int other = irq_eventfd(), before;

	give_resample(resample);
	before = unit_count_fds();
	give_resample(other);
	assert_int_equal(unit_count_fds(), before);
	assert_line(true);
	expect_signals(1);
	unit_add_event(resample);
	dispatch();
	expect_signals(0);
	unit_add_event(other);
	dispatch();
	expect_signals(1);
	close(other);
}

static void test_same_eventfd_may_be_given_twice(void **state)
{
	give_resample(resample);
	give_resample(resample);
	assert_line(true);
	expect_signals(1);
	unit_add_event(resample);
	dispatch();
	expect_signals(1);
}

static void test_refused_unmask_eventfd_leaves_the_one_there_is(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	give_resample(resample);
	assert_int_equal(irq_set_fds(&f, EVENTFD | UNMASK, UMD_IRQ_INTX, 0, ends, 1), -EINVAL);
	close(ends[0]);
	close(ends[1]);
	assert_line(true);
	expect_signals(1);
	unit_add_event(resample);
	dispatch();
	expect_signals(1);
}

static void test_unmask_eventfd_goes_with_the_index(void **state)
{
	int before = unit_count_fds();

	give_resample(resample);
	irq_disable(&f, UMD_IRQ_INTX);
	assert_int_equal(unit_count_fds(), before - 1);
	assert_line(true);
	unit_add_event(resample);
	dispatch();
	expect_signals(0);
}

/* A peer that masks and unmasks as fast as it can finds one signal for each, and no more. */
static void test_unmask_eventfd_signalled_many_times_at_once_is_one_unmask(void **state)
{
	give_resample(resample);
	assert_line(true);
	expect_signals(1);
	for (int i = 0; i < 1000; i++)
		unit_add_event(resample);
	dispatch();
	expect_signals(1);
}

/* ---- Resets -------------------------------------------------------------------------------- */

static void test_reset_lowers_the_line_and_keeps_the_clients_side(void **state)
{
	give_resample(resample);
	umd_irqs_disable_intx(&f.irqs, true);
	assert_line(true);
	umd_irqs_reset(&f.irqs);
	unmask();
	expect_signals(0);
	assert_line(true);
	expect_signals(1);
	unit_add_event(resample);
	dispatch();
	expect_signals(1);
}

static void test_client_is_forgotten_with_its_mask(void **state)
{
	int before = unit_count_fds();

	give_resample(resample);
	mask();
	umd_irqs_reset(&f.irqs);
	umd_irqs_forget(&f.irqs);
	assert_int_equal(unit_count_fds(), before - 1);
	assert_line(true);
	expect_signals(0);
	irq_assign(&f, UMD_IRQ_INTX, 0, line);
	expect_signals(1);
}

/* ---- Any order ----------------------------------------------------------------------------- */

static struct {
	bool high, masked, disabled, quiet;
} model;

/* How often the line is signalled by what just happened. */
static unsigned int model_update(void)
{
	if (!model.high || model.masked || model.disabled || model.quiet)
		return 0;
	model.masked = true;
	return 1;
}

static void operate(uint64_t which, bool on)
{
	switch (which) {
	case 0:
		assert_line(on);
		model.high = on;
		break;
	case 1:
		umd_irqs_disable_intx(&f.irqs, on);
		model.disabled = on;
		break;
	case 2:
		umd_irqs_set_quiet(&f.irqs, on);
		model.quiet = on;
		break;
	case 3:
		mask();
		model.masked = true;
		break;
	case 4:
		unmask();
		model.masked = false;
		break;
	default:
		unit_add_event(resample);
		dispatch();
		model.masked = false;
	}
}

static long run_model(uint64_t seed)
{
	teardown(NULL);
	setup(NULL);
	memset(&model, 0, sizeof(model));
	give_resample(resample);
	for (long step = 0; step < 5000; step++) {
		operate(unit_below(&seed, 6), unit_below(&seed, 2));
		if (unit_take_events(line) != model_update())
			return step;
	}
	return -1;
}

static void test_line_is_signalled_when_a_model_says_so(void **state)
{
	unit_run_seeds(run_model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_line_is_signalled_once_when_it_rises),
		TEST(test_unmask_signals_again_while_the_line_is_high),
		TEST(test_line_that_fell_before_the_unmask_is_not_signalled),
		TEST(test_masked_line_is_signalled_at_the_unmask),
		TEST(test_line_that_rose_before_the_client_is_signalled_to_it),
		TEST(test_disabling_forgets_the_mask),
		TEST(test_line_is_silent_while_messages_are_in_use),
		TEST(test_interrupt_disable_holds_the_line_back),
		TEST(test_both_masks_must_be_off),
		TEST(test_quiet_device_holds_the_line_back),
		TEST(test_mask_by_bool_acts_on_true_only),
		TEST(test_loopback_signals_whatever_the_masks_say),
		TEST(test_unmask_eventfd_unmasks),
		TEST(test_unmask_eventfd_is_left_to_its_owner),
		TEST(test_sequence_of_a_kvm_irqchip),
		TEST(test_eventfd_that_was_signalled_before_it_came_unmasks_at_once),
		TEST(test_unmask_eventfd_can_be_exchanged),
		TEST(test_same_eventfd_may_be_given_twice),
		TEST(test_refused_unmask_eventfd_leaves_the_one_there_is),
		TEST(test_unmask_eventfd_goes_with_the_index),
		TEST(test_unmask_eventfd_signalled_many_times_at_once_is_one_unmask),
		TEST(test_reset_lowers_the_line_and_keeps_the_clients_side),
		TEST(test_client_is_forgotten_with_its_mask),
		TEST(test_line_is_signalled_when_a_model_says_so),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("intx", tests, NULL, NULL);
}
