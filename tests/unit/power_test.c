/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power: which states a driver can move the device to by the Power Management capability and what
 * works in them, and low power at the client's word: who is told, what wakes the device up.
 */
#include "device_fixture.h"

static struct device_log told;
static struct umd_device *device;
static struct umd_request *put_off;
static int fds_before;

static uint64_t on_read(void *data, uint64_t offset, unsigned int size)
{
	device_log_call(data, 'r');
	return 0;
}

static void on_access(void *data, struct umd_request *request)
{
	put_off = request;
	umd_request_defer(request, NULL, NULL);
}

static int setup(void **state)
{
	alarm(20);
	fds_before = unit_count_fds();
	device = device_create(&told);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	assert_int_equal(unit_count_fds(), fds_before);
	alarm(0);
	return 0;
}

static void add_bars(void)
{
	static const struct umd_region memory = {.size = 64, .read = on_read};
	static const struct umd_region io = {.size = 64, .flags = UMD_REGION_IO, .read = on_read};
	static const struct umd_region requests = {.size = 64, .access = on_access};

	assert_int_equal(umd_device_add_bar(device, 0, &memory), 0);
	assert_int_equal(umd_device_add_bar(device, 1, &io), 0);
	assert_int_equal(umd_device_add_bar(device, 2, &requests), 0);
}

static void realize(const struct umd_pm *pm)
{
	static const struct umd_msi msi = {.messages = 2, .unmaskable = true};

	add_bars();
	assert_int_equal(umd_device_add_intx(device, 1), 0);
	assert_int_equal(umd_device_add_msi(device, &msi), 0);
	assert_int_equal(umd_device_add_rom(device, "rom", 3), 0);
	if (pm)
		assert_int_equal(umd_device_add_pm(device, pm), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
}

static uint32_t pm_control(void)
{
	return device_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2);
}

static void write_pm(uint32_t control)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2, control);
}

static enum umd_power state_shown(void)
{
	return pm_control() & PCI_PM_CTRL_STATE_MASK;
}

/* ---- Moving -------------------------------------------------------------------------------- */

/* Downwards, or up to D0; only to states that there are (PM 1.2, figure 5-1). */
static bool can_move(const struct umd_pm *pm, unsigned int from, unsigned int to)
{
	if ((to == UMD_POWER_D1 && !pm->d1) || (to == UMD_POWER_D2 && !pm->d2))
		return false;
	return to == UMD_POWER_D0 || to > from;
}

static void check_move(const struct umd_pm *pm, unsigned int from, unsigned int to)
{
	bool resets = from == UMD_POWER_D3HOT && to == UMD_POWER_D0 && !pm->no_soft_reset;
	char calls[] = {(char)('0' + to), resets ? 'R' : 0, 0};

	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	write_pm(from);
	memset(told.calls, 0, sizeof(told.calls));
	told.resets = 0;
	write_pm(to);
	if (from == to || !can_move(pm, from, to)) {
		assert_int_equal(state_shown(), from);
		device_expect_calls(&told, "");
	} else {
		assert_int_equal(state_shown(), to);
		device_expect_calls(&told, calls);
	}
	assert_int_equal(told.resets, resets);
	if (resets)
		assert_int_equal(told.kind, UMD_RESET_POWER);
}

static void test_device_moves_as_the_specification_lets_it(void **state)
{
	for (unsigned int shape = 0; shape < 8; shape++) {
		const struct umd_pm pm = {
			.d1 = shape & 1, .d2 = shape & 2, .no_soft_reset = shape & 4};

		realize(&pm);
		for (unsigned int from = UMD_POWER_D0; from <= UMD_POWER_D3HOT; from++) {
			for (unsigned int to = UMD_POWER_D0; to <= UMD_POWER_D3HOT; to++) {
				if (!from || can_move(&pm, UMD_POWER_D0, from))
					check_move(&pm, from, to);
			}
		}
		teardown(state);
		setup(state);
	}
}

static void test_write_that_leaves_the_state_is_no_move(void **state)
{
	static const struct umd_pm pm = {.pme = 1u << 3, .no_soft_reset = true};

	realize(&pm);
	write_pm(UMD_POWER_D3HOT);
	device_expect_calls(&told, "3");
	write_pm(UMD_POWER_D3HOT | PCI_PM_CTRL_PME_ENABLE);
	device_expect_calls(&told, "");
	assert_int_equal(pm_control(),
			 UMD_POWER_D3HOT | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_NO_SOFT_RESET);
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL) + 1, 1, 0);
	device_expect_calls(&told, "");
	assert_int_equal(state_shown(), UMD_POWER_D3HOT);
}

/* ---- Below D0 ------------------------------------------------------------------------------ */

static void expect_accesses(int error)
{
	static const uint32_t regions[] = {0, 1, UMD_REGION_ROM};
	uint8_t byte;

	for (size_t i = 0; i < UNIT_COUNT(regions); i++)
		assert_int_equal(device_read(device, regions[i], 0, &byte, 1), error);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), error ? -ENODEV : -EFAULT);
	assert_int_equal(umd_dma_write(device, 0, &byte, 1), error ? -ENODEV : -EFAULT);
}

static void test_device_below_d0_is_reached_by_config_space_only(void **state)
{
	static const struct umd_pm pm = {.d1 = true, .d2 = true, .no_soft_reset = true};

	realize(&pm);
	expect_accesses(0);
	memset(told.calls, 0, sizeof(told.calls));
	for (unsigned int power = UMD_POWER_D1; power <= UMD_POWER_D3HOT; power++) {
		write_pm(power);
		expect_accesses(-EIO);
		assert_int_equal(device_config(device, PCI_VENDOR_ID, 4), 0x56781234);
		device_set_command(device, 0);
		device_set_command(device,
				   PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
		expect_accesses(-EIO);
	}
	device_expect_calls(&told, "123");
	write_pm(UMD_POWER_D0);
	device_expect_calls(&told, "0");
	expect_accesses(0);
}

static void test_reset_on_the_way_to_d0_clears_command(void **state)
{
	static const struct umd_pm pm = {0};

	realize(&pm);
	write_pm(UMD_POWER_D3HOT);
	write_pm(UMD_POWER_D0);
	assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
	expect_accesses(-EIO);
	device_set_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	expect_accesses(0);
}

static void test_device_below_d0_sends_no_interrupt_till_it_is_back(void **state)
{
	static const struct umd_pm pm = {.d1 = true, .d2 = true, .no_soft_reset = true};
	int message = irq_eventfd();

	realize(&pm);
	device_assign(device, UMD_IRQ_MSI, 0, message);
	for (unsigned int power = UMD_POWER_D1; power <= UMD_POWER_D3HOT; power++) {
		write_pm(power);
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
		assert_int_equal(unit_take_events(message), 0);
		write_pm(UMD_POWER_D0);
		assert_int_equal(unit_take_events(message), 1);
	}
	close(message);
}

static void test_line_of_a_device_below_d0_waits_and_shows_in_status(void **state)
{
	static const struct umd_pm pm = {.no_soft_reset = true};
	int line = irq_eventfd();

	realize(&pm);
	device_assign(device, UMD_IRQ_INTX, 0, line);
	write_pm(UMD_POWER_D3HOT);
	umd_device_set_intx(device, true);
	assert_int_equal(unit_take_events(line), 0);
	assert_int_equal(device_config(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
			 PCI_STATUS_INTERRUPT);
	write_pm(UMD_POWER_D0);
	assert_int_equal(unit_take_events(line), 1);
	close(line);
}

static void test_reset_on_the_way_to_d0_forgets_what_waited(void **state)
{
	static const struct umd_pm pm = {0};
	int message = irq_eventfd();

	realize(&pm);
	device_assign(device, UMD_IRQ_MSI, 0, message);
	write_pm(UMD_POWER_D3HOT);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
	write_pm(UMD_POWER_D0);
	assert_int_equal(unit_take_events(message), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
	assert_int_equal(unit_take_events(message), 1);
	close(message);
}

static void test_every_reset_leads_to_d0(void **state)
{
	static const struct umd_pm pm = {.no_soft_reset = true};

	realize(&pm);
	for (enum umd_reset kind = UMD_RESET_DEVICE; kind <= UMD_RESET_DISCONNECT; kind++) {
		memset(told.calls, 0, sizeof(told.calls));
		write_pm(UMD_POWER_D3HOT);
		umd_device_do_reset(device, kind);
		assert_int_equal(state_shown(), UMD_POWER_D0);
		device_expect_calls(&told, "30R");
		umd_device_do_reset(device, kind);
		device_expect_calls(&told, "R");
		device_set_command(device,
				   PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
		expect_accesses(0);
	}
}

/* ---- Power management events --------------------------------------------------------------- */

static void test_wake_sets_pme_status_in_the_states_that_can_send_it(void **state)
{
	for (unsigned int pme = 0; pme < 16; pme++) {
		const struct umd_pm pm = {.d1 = true, .d2 = true, .pme = pme};

		realize(&pm);
		for (unsigned int power = UMD_POWER_D0; power <= UMD_POWER_D3HOT; power++) {
			bool sends = pme >> power & 1;

			write_pm(power);
			umd_device_wake(device);
			assert_int_equal(pm_control() & PCI_PM_CTRL_PME_STATUS,
					 sends ? PCI_PM_CTRL_PME_STATUS : 0);
			write_pm(power);
			assert_int_equal(pm_control() & PCI_PM_CTRL_PME_STATUS,
					 sends ? PCI_PM_CTRL_PME_STATUS : 0);
			write_pm(power | PCI_PM_CTRL_PME_STATUS);
			assert_int_equal(pm_control(), power);
		}
		teardown(state);
		setup(state);
	}
}

/* Who has woken the system up is still to be seen when the driver has brought the device back. */
static void test_event_of_d3hot_outlives_the_way_back(void **state)
{
	static const struct umd_pm pm = {.pme = 1u << 3};

	realize(&pm);
	write_pm(UMD_POWER_D3HOT | PCI_PM_CTRL_PME_ENABLE);
	umd_device_wake(device);
	write_pm(UMD_POWER_D0 | PCI_PM_CTRL_PME_ENABLE);
	assert_int_equal(told.kind, UMD_RESET_POWER);
	assert_int_equal(told.resets, 1);
	assert_int_equal(pm_control(), PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS);
}

static void test_device_without_the_capability_may_wake_too(void **state)
{
	realize(NULL);
	umd_device_wake(device);
	device_expect_calls(&told, "");
}

/* ---- Low power at the client's word -------------------------------------------------------- */

static void enter(void)
{
	assert_int_equal(umd_power_enter_low(device, NULL), 0);
	device_expect_calls(&told, "L");
}

static void enter_with(int fd)
{
	int copy = dup(fd);

	assert_int_equal(umd_power_enter_low(device, &copy), 0);
	assert_int_equal(copy, -1);
	device_expect_calls(&told, "L");
}

static void test_client_lets_go_and_comes_back(void **state)
{
	realize(NULL);
	assert_int_equal(umd_power_exit_low(device), 0);
	device_expect_calls(&told, "");
	for (int i = 0; i < 2; i++) {
		enter();
		assert_int_equal(umd_power_enter_low(device, NULL), -EINVAL);
		device_expect_calls(&told, "");
		assert_int_equal(umd_power_exit_low(device), 0);
		device_expect_calls(&told, "0");
		assert_int_equal(umd_power_exit_low(device), 0);
		device_expect_calls(&told, "");
	}
}

/* Any access wakes the device for as long as it takes; without a wake-up eventfd it sleeps on. */
static void test_access_wakes_the_device_and_it_sleeps_again(void **state)
{
	uint8_t byte;

	realize(NULL);
	enter();
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	device_expect_calls(&told, "0rL");
	assert_int_equal(device_config(device, PCI_VENDOR_ID, 2), 0x1234);
	device_expect_calls(&told, "0L");
	assert_int_equal(device_read(device, UMD_REGION_ROM, 0, &byte, 1), 0);
	device_expect_calls(&told, "0L");
	assert_int_equal(device_read(device, 0, 64, &byte, 1), -EINVAL);
	device_expect_calls(&told, "");
	assert_int_equal(umd_power_exit_low(device), 0);
	device_expect_calls(&told, "0");
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	device_expect_calls(&told, "r");
}

static void count_done(void *data)
{
	unsigned int *count = data;

	(*count)++;
}

static void test_access_that_is_put_off_keeps_the_device_awake(void **state)
{
	unsigned int done = 0;
	struct umd_request request = {.done = count_done, .done_data = &done};
	uint8_t byte;

	realize(NULL);
	enter();
	device_access(device, &request, 2, false, 0, &byte, 1);
	device_expect_calls(&told, "0");
	umd_request_complete(put_off, 0);
	device_expect_calls(&told, "L");
	assert_int_equal(done, 1);
	device_access(device, &request, 2, false, 0, &byte, 1);
	assert_int_equal(umd_power_exit_low(device), 0);
	umd_request_complete(put_off, 0);
	device_expect_calls(&told, "0");
}

static void test_with_a_wakeup_an_access_is_the_end_of_it(void **state)
{
	int wakeup = irq_eventfd(), before;
	uint8_t byte;

	realize(NULL);
	before = unit_count_fds();
	enter_with(wakeup);
	assert_int_equal(unit_count_fds(), before + 1);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	device_expect_calls(&told, "0r");
	assert_int_equal(unit_take_events(wakeup), 1);
	assert_int_equal(unit_count_fds(), before);
	assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
	device_expect_calls(&told, "r");
	assert_int_equal(unit_take_events(wakeup), 0);
	enter();
	close(wakeup);
}

static void test_with_a_wakeup_the_device_wakes_its_client(void **state)
{
	int wakeup = irq_eventfd();

	realize(NULL);
	enter_with(wakeup);
	umd_device_wake(device);
	device_expect_calls(&told, "0");
	assert_int_equal(unit_take_events(wakeup), 1);
	umd_device_wake(device);
	device_expect_calls(&told, "");
	assert_int_equal(unit_take_events(wakeup), 0);
	enter_with(wakeup);
	close(wakeup);
}

/* Nobody has said how the client would hear of it. */
static void test_without_a_wakeup_the_device_wakes_nobody(void **state)
{
	realize(NULL);
	enter();
	umd_device_wake(device);
	device_expect_calls(&told, "");
	assert_int_equal(umd_power_exit_low(device), 0);
	device_expect_calls(&told, "0");
}

static void test_client_that_comes_back_by_itself_is_not_woken(void **state)
{
	int wakeup = irq_eventfd(), before = unit_count_fds();

	realize(NULL);
	enter_with(wakeup);
	assert_int_equal(umd_power_exit_low(device), 0);
	device_expect_calls(&told, "0");
	assert_int_equal(unit_take_events(wakeup), 0);
	assert_int_equal(unit_count_fds(), before);
	close(wakeup);
}

static void test_wakeup_that_is_no_eventfd_is_refused_and_not_taken(void **state)
{
	int ends[2], gone = -1;

	realize(NULL);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(umd_power_enter_low(device, &ends[0]), -EINVAL);
	assert_int_equal(umd_power_enter_low(device, &ends[1]), -EINVAL);
	assert_int_equal(umd_power_enter_low(device, &gone), -EINVAL);
	assert_true(ends[0] >= 0 && ends[1] >= 0);
	close(ends[0]);
	close(ends[1]);
	device_expect_calls(&told, "");
	enter();
}

static void test_second_wakeup_is_not_taken(void **state)
{
	int first = irq_eventfd(), second = irq_eventfd(), copy = dup(second);

	realize(NULL);
	enter_with(first);
	assert_int_equal(umd_power_enter_low(device, &copy), -EINVAL);
	assert_true(copy >= 0);
	umd_device_wake(device);
	assert_int_equal(unit_take_events(first), 1);
	assert_int_equal(unit_take_events(second), 0);
	close(copy);
	close(first);
	close(second);
}

static void test_every_reset_wakes_the_device(void **state)
{
	int wakeup = irq_eventfd();

	realize(NULL);
	for (enum umd_reset kind = UMD_RESET_DEVICE; kind <= UMD_RESET_DISCONNECT; kind++) {
		int before = unit_count_fds();

		enter_with(wakeup);
		umd_device_do_reset(device, kind);
		device_expect_calls(&told, "0R");
		assert_int_equal(unit_count_fds(), before);
		assert_int_equal(unit_take_events(wakeup), 0);
		assert_int_equal(umd_power_exit_low(device), 0);
		device_expect_calls(&told, "");
	}
	close(wakeup);
}

/* Both at once: the driver's state is the one that the device wakes up to. */
static void test_device_wakes_up_to_the_state_that_its_driver_chose(void **state)
{
	static const struct umd_pm pm = {.d1 = true};

	realize(&pm);
	enter();
	write_pm(UMD_POWER_D1);
	device_expect_calls(&told, "01L");
	pm_control();
	device_expect_calls(&told, "1L");
	assert_int_equal(umd_power_exit_low(device), 0);
	device_expect_calls(&told, "1");
}

/* Low power is for the client to leave at any time: what it has mapped and set up works on. */
static void test_device_in_low_power_interrupts_and_reaches_memory(void **state)
{
	int message = irq_eventfd();
	uint8_t byte;

	realize(NULL);
	device_assign(device, UMD_IRQ_MSI, 0, message);
	enter();
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
	assert_int_equal(unit_take_events(message), 1);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), -EFAULT);
	close(message);
}

/* ---- Peers that would have us wait --------------------------------------------------------- */

/* A signal that waited would be ended by the alarm. */
static void test_no_wakeup_waits_for_an_eventfd_that_is_full(void **state)
{
	uint8_t byte;

	realize(NULL);
	for (unsigned int kind = 0; kind < IRQ_TRAPS; kind++) {
		int fd = irq_trap_open(kind);

		enter_with(fd);
		irq_trap_spring(fd);
		umd_device_wake(device);
		device_expect_calls(&told, "0");
		enter_with(fd);
		assert_int_equal(device_read(device, 0, 0, &byte, 1), 0);
		device_expect_calls(&told, "0r");
		irq_trap_close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_device_moves_as_the_specification_lets_it),
		TEST(test_write_that_leaves_the_state_is_no_move),
		TEST(test_device_below_d0_is_reached_by_config_space_only),
		TEST(test_reset_on_the_way_to_d0_clears_command),
		TEST(test_device_below_d0_sends_no_interrupt_till_it_is_back),
		TEST(test_line_of_a_device_below_d0_waits_and_shows_in_status),
		TEST(test_reset_on_the_way_to_d0_forgets_what_waited),
		TEST(test_every_reset_leads_to_d0),
		TEST(test_wake_sets_pme_status_in_the_states_that_can_send_it),
		TEST(test_event_of_d3hot_outlives_the_way_back),
		TEST(test_device_without_the_capability_may_wake_too),
		TEST(test_client_lets_go_and_comes_back),
		TEST(test_access_wakes_the_device_and_it_sleeps_again),
		TEST(test_access_that_is_put_off_keeps_the_device_awake),
		TEST(test_with_a_wakeup_an_access_is_the_end_of_it),
		TEST(test_with_a_wakeup_the_device_wakes_its_client),
		TEST(test_without_a_wakeup_the_device_wakes_nobody),
		TEST(test_client_that_comes_back_by_itself_is_not_woken),
		TEST(test_wakeup_that_is_no_eventfd_is_refused_and_not_taken),
		TEST(test_second_wakeup_is_not_taken),
		TEST(test_every_reset_wakes_the_device),
		TEST(test_device_wakes_up_to_the_state_that_its_driver_chose),
		TEST(test_device_in_low_power_interrupts_and_reaches_memory),
		TEST(test_no_wakeup_waits_for_an_eventfd_that_is_full),
	};

	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
