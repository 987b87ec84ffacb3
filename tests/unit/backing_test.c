/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X vectors whose interrupt comes out of a store: what triggers the entry for its owner signals
 * the client's eventfd, masked and pending are the entry's, and nobody else is interrupted by it.
 */
#include "device_fixture.h"

#include <sys/resource.h>

#include "ims_fixture.h"

#define OWNER 42u
#define OTHER 43u
#define PBA   (2 * PAGE)

static struct device_log told;
static struct umd_device *device;
static struct umd_ims *store;
static struct umd_ims_domain *domain;
static umd_ims_handle entry; /* of the owner, behind vector 1 */
static int line;	     /* the client's eventfd of vector 1 */
static int fds_before;

static void create_device(void)
{
	static const struct umd_region bar = {.size = 4 * PAGE};
	static const struct umd_msix msix = {
		.vectors = 70, .table_offset = PAGE, .pba_offset = PBA};
	static const struct umd_pm pm = {.no_soft_reset = true};

	device = device_create(&told);
	assert_int_equal(umd_device_add_bar(device, 0, &bar), 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_add_pm(device, &pm), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
}

static int setup(void **state)
{
	alarm(20);
	fds_before = unit_count_fds();
	store = ims_store(8);
	domain = ims_domain(store, OWNER, 4);
	line = irq_eventfd();
	assert_int_equal(umd_ims_alloc(domain, &entry), 0);
	create_device();
	assert_int_equal(umd_device_back_vector(device, 1, domain, entry), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	umd_ims_domain_destroy(domain);
	umd_ims_destroy(store);
	close(line);
	assert_int_equal(unit_count_fds(), fds_before);
	alarm(0);
	return 0;
}

static void assign(int fd)
{
	device_assign(device, UMD_IRQ_MSIX, 1, fd);
}

static void disable(void)
{
	const struct umd_irq_set set = {.flags = NONE | TRIGGER, .index = UMD_IRQ_MSIX};

	assert_int_equal(umd_device_set_irqs(device, &set), 0);
}

static void trigger(void)
{
	assert_int_equal(umd_ims_trigger(store, entry, OWNER), 0);
}

static void expect(unsigned int signals)
{
	assert_int_equal(unit_take_events(line), signals);
}

static void write_mask(unsigned int vector, bool masked)
{
	uint8_t control[4] = {masked};

	assert_int_equal(device_write(device, 0, PAGE + UINT64_C(16) * vector + 12, control, 4), 0);
}

static void mask_function(bool masked)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2,
			  masked ? PCI_MSIX_FLAGS_MASKALL : 0);
}

static void set_power(enum umd_power state)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2, state);
}

/* The pending bits of the first 64 vectors, as the driver reads them. */
static uint64_t pending_bits(void)
{
	uint8_t bits[8];

	assert_int_equal(device_read(device, 0, PBA, bits, 8), 0);
	return umd_get_le64(bits);
}

/* ---- The way of a signal ------------------------------------------------------------------- */

static void test_entry_signals_the_clients_eventfd(void **state)
{
	assign(line);
	for (unsigned int i = 1; i <= 3; i++) {
		trigger();
		expect(1);
	}
	assert_int_equal(ims_stats(store).delivered, 3);
}

static void test_device_triggers_its_vector_by_the_entry(void **state)
{
	assign(line);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	expect(1);
	assert_int_equal(ims_stats(store).delivered, 1);
}

static void test_vector_beside_it_is_the_devices_own(void **state)
{
	assign(line);
	device_assign(device, UMD_IRQ_MSIX, 0, line);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 0), 0);
	expect(1);
	assert_int_equal(ims_stats(store).delivered, 0);
	trigger();
	expect(1);
}

static void test_nobody_else_can_interrupt_by_it(void **state)
{
	assign(line);
	assert_int_equal(umd_ims_trigger(store, entry, OTHER), -EPERM);
	expect(0);
	assert_int_equal(umd_ims_domain_refused(domain), 1);
}

static void test_last_vector_has_an_entry_as_well(void **state)
{
	umd_ims_handle last;

	assert_int_equal(umd_ims_alloc(domain, &last), 0);
	device_assign(device, UMD_IRQ_MSIX, 69, line);
	assert_int_equal(umd_device_back_vector(device, 69, domain, last), 0);
	assert_int_equal(umd_ims_trigger(store, last, OWNER), 0);
	expect(1);
}

/* ---- Following the client ------------------------------------------------------------------ */

static void test_eventfd_may_come_before_the_entry_or_after(void **state)
{
	assert_int_equal(umd_device_back_vector(device, 1, NULL, 0), 0);
	assign(line);
	assert_int_equal(umd_device_back_vector(device, 1, domain, entry), 0);
	trigger();
	expect(1);
	disable();
	assign(line);
	trigger();
	expect(1);
}

static void test_eventfd_is_exchanged(void **state)
{
	int other = irq_eventfd();

	assign(other);
	assign(line);
	trigger();
	expect(1);
	assert_int_equal(unit_take_events(other), 0);
	close(other);
}

/* Where the store cannot take the new one for want of fds, the old one is the client's no more. */
static void test_eventfd_that_was_exchanged_is_silent_whatever_the_store_can_do(void **state)
{
	int other = irq_eventfd(), copy = dup(line);
	struct umd_irq_set set = {.flags = EVENTFD | TRIGGER,
				  .index = UMD_IRQ_MSIX,
				  .start = 1,
				  .count = 1,
				  .fds = &copy,
				  .fd_count = 1};
	struct rlimit before, few;

	assign(other);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){1, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	umd_device_set_irqs(device, &set);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	if (copy >= 0)
		close(copy);
	trigger();
	assert_int_equal(unit_take_events(other), 0);
	assign(line);
	unit_take_events(line);
	trigger();
	expect(1);
	close(other);
}

/* The store holds no eventfd of a client that has taken it back. */
static void test_eventfd_goes_with_the_index(void **state)
{
	int before = unit_count_fds();

	assign(line);
	disable();
	assert_int_equal(unit_count_fds(), before);
	trigger();
	expect(0);
}

static void test_eventfd_goes_with_the_client(void **state)
{
	int before = unit_count_fds();

	assign(line);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assert_int_equal(unit_count_fds(), before);
	trigger();
	expect(0);
}

/* What was triggered for one client is not the next one's interrupt. */
static void test_next_client_is_not_interrupted_by_what_waited_for_the_last(void **state)
{
	assign(line);
	write_mask(1, true);
	trigger();
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	unit_take_events(line);
	assign(line);
	expect(0);

	disable();
	trigger();
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assign(line);
	expect(0);
}

/* ---- Masked and pending -------------------------------------------------------------------- */

/* Each of the ways in which MSI-X holds a vector back. */
static void hold(unsigned int way, bool held)
{
	if (way == 0)
		write_mask(1, held);
	else if (way == 1)
		mask_function(held);
	else
		set_power(held ? UMD_POWER_D3HOT : UMD_POWER_D0);
}

static void test_entry_is_masked_as_its_vector_is(void **state)
{
	assign(line);
	write_mask(1, false);
	for (unsigned int way = 0; way < 3; way++) {
		hold(way, true);
		trigger();
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
		expect(0);
		assert_int_equal(umd_ims_is_pending(domain, entry), 1);
		hold(way, false);
		expect(1);
		assert_int_equal(umd_ims_is_pending(domain, entry), 0);
		device_set_command(device, PCI_COMMAND_MEMORY);
	}
}

static void test_entry_that_comes_while_masked_is_masked(void **state)
{
	umd_ims_handle late;

	assert_int_equal(umd_ims_alloc(domain, &late), 0);
	device_assign(device, UMD_IRQ_MSIX, 2, line);
	write_mask(2, true);
	assert_int_equal(umd_device_back_vector(device, 2, domain, late), 0);
	assert_int_equal(umd_ims_trigger(store, late, OWNER), 0);
	expect(0);
	write_mask(2, false);
	expect(1);
}

static void test_pending_bit_is_the_entrys(void **state)
{
	assign(line);
	write_mask(1, true);
	assert_true(pending_bits() == 0);
	trigger();
	assert_true(pending_bits() == 1u << 1);
	write_mask(1, false);
	assert_true(pending_bits() == 0);
	expect(1);
}

/* Reading the pending bits must not make a second message of the one that waits. */
static void test_message_goes_out_once_though_it_was_seen_pending(void **state)
{
	for (unsigned int way = 0; way < 2; way++) {
		assign(line);
		write_mask(1, false);
		hold(way, true);
		trigger();
		assert_true(pending_bits() == 1u << 1);
		hold(way, false);
		expect(1);
		assert_true(pending_bits() == 0);
	}
}

static void test_one_write_unmasks_the_whole_table(void **state)
{
	static const uint8_t zeros[70 * 16];

	assign(line);
	write_mask(1, true);
	trigger();
	assert_int_equal(device_write(device, 0, PAGE, zeros, sizeof(zeros)), 0);
	expect(1);
}

static void test_reset_forgets_the_message_that_waits(void **state)
{
	static const enum umd_reset kinds[] = {UMD_RESET_DEVICE, UMD_RESET_FLR, UMD_RESET_POWER,
					       UMD_RESET_SELF};

	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		assign(line);
		write_mask(1, true);
		trigger();
		umd_device_do_reset(device, kinds[i]);
		expect(0);
		device_set_command(device, PCI_COMMAND_MEMORY);
		assert_true(pending_bits() == 0);
		trigger();
		expect(1);
	}
}

/* ---- Entries that come and go -------------------------------------------------------------- */

static void test_vectors_and_entries_that_there_are_not(void **state)
{
	struct umd_ims_domain *stranger = ims_domain(store, OTHER, 1);

	assert_int_equal(umd_device_back_vector(device, 70, domain, entry), -EINVAL);
	assert_int_equal(umd_device_back_vector(device, UINT32_MAX, domain, entry), -EINVAL);
	assert_int_equal(umd_device_back_vector(device, 70, NULL, 0), -EINVAL);
	assert_int_equal(umd_device_back_vector(device, 1, domain, 0), -ENOENT);
	assert_int_equal(umd_device_back_vector(device, 1, domain, entry + 1), -ENOENT);
	assert_int_equal(umd_device_back_vector(device, 1, domain, UINT64_MAX), -ENOENT);
	assert_int_equal(umd_device_back_vector(device, 1, stranger, entry), -ENOENT);
	umd_ims_domain_destroy(stranger);
	assign(line);
	trigger();
	expect(1);
}

static void test_device_without_msix_has_no_vector_to_back(void **state)
{
	struct device_log log;
	struct umd_device *other = device_create(&log);

	assert_int_equal(umd_device_back_vector(other, 0, domain, entry), -EINVAL);
	assert_int_equal(umd_device_back_vector(other, 0, NULL, 0), -EINVAL);
	umd_device_destroy(other);
}

static void test_entry_that_was_revoked_leaves_the_vector_silent(void **state)
{
	int before = unit_count_fds();

	assign(line);
	assert_int_equal(umd_ims_revoke(store, entry), 0);
	assert_int_equal(unit_count_fds(), before + 1);
	assert_int_equal(umd_ims_trigger(store, entry, OWNER), -ENOENT);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	write_mask(1, true);
	write_mask(1, false);
	expect(0);
	assert_true(pending_bits() == 0);
}

/* The next user of the slot has another handle, so the vector does not follow it. */
static void test_vector_does_not_follow_the_slots_next_entry(void **state)
{
	umd_ims_handle next[4];

	assign(line);
	assert_int_equal(umd_ims_free(domain, entry), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(umd_ims_alloc(domain, &next[i]), 0);
	assign(line);
	write_mask(1, false);
	for (int i = 0; i < 4; i++)
		assert_int_equal(umd_ims_trigger(store, next[i], OWNER), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	expect(0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(umd_ims_is_pending(domain, next[i]), 1);
}

static void test_vector_without_its_entry_is_the_devices_own_again(void **state)
{
	assign(line);
	assert_int_equal(umd_device_back_vector(device, 1, NULL, 0), 0);
	trigger();
	expect(0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	expect(1);
	write_mask(1, true);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	write_mask(1, false);
	expect(1);
}

static void test_pending_bit_goes_with_the_entry(void **state)
{
	assign(line);
	write_mask(1, true);
	trigger();
	assert_true(pending_bits() == 1u << 1);
	assert_int_equal(umd_device_back_vector(device, 1, NULL, 0), 0);
	assert_true(pending_bits() == 0);
	write_mask(1, false);
	expect(0);
}

static void test_entry_may_be_replaced_by_another_or_by_itself(void **state)
{
	umd_ims_handle next;

	assign(line);
	assert_int_equal(umd_device_back_vector(device, 1, domain, entry), 0);
	trigger();
	expect(1);
	assert_int_equal(umd_ims_alloc(domain, &next), 0);
	assert_int_equal(umd_device_back_vector(device, 1, domain, next), 0);
	trigger();
	expect(0);
	assert_int_equal(umd_ims_trigger(store, next, OWNER), 0);
	expect(1);
}

/* A device that has ended signals nobody, while the store lives on. */
static void test_device_that_ends_leaves_its_entries_silent(void **state)
{
	assign(line);
	umd_device_destroy(device);
	trigger();
	expect(0);
	assert_int_equal(umd_ims_is_pending(domain, entry), 1);
	create_device();
}

/* ---- Peers that would have us wait --------------------------------------------------------- */

/* A signal that waited would be ended by the alarm. */
static void test_no_trigger_waits_for_an_eventfd_that_is_full(void **state)
{
	for (unsigned int kind = 0; kind < IRQ_TRAPS; kind++) {
		int fd = irq_trap_open(kind);

		assign(fd);
		irq_trap_spring(fd);
		trigger();
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
		for (unsigned int way = 0; way < 3; way++) {
			hold(way, true);
			trigger();
			hold(way, false);
		}
		device_set_command(device, PCI_COMMAND_MEMORY);
		disable();
		irq_trap_close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_entry_signals_the_clients_eventfd),
		TEST(test_device_triggers_its_vector_by_the_entry),
		TEST(test_vector_beside_it_is_the_devices_own),
		TEST(test_nobody_else_can_interrupt_by_it),
		TEST(test_last_vector_has_an_entry_as_well),
		TEST(test_eventfd_may_come_before_the_entry_or_after),
		TEST(test_eventfd_is_exchanged),
		TEST(test_eventfd_that_was_exchanged_is_silent_whatever_the_store_can_do),
		TEST(test_eventfd_goes_with_the_index),
		TEST(test_eventfd_goes_with_the_client),
		TEST(test_next_client_is_not_interrupted_by_what_waited_for_the_last),
		TEST(test_entry_is_masked_as_its_vector_is),
		TEST(test_entry_that_comes_while_masked_is_masked),
		TEST(test_pending_bit_is_the_entrys),
		TEST(test_message_goes_out_once_though_it_was_seen_pending),
		TEST(test_one_write_unmasks_the_whole_table),
		TEST(test_reset_forgets_the_message_that_waits),
		TEST(test_vectors_and_entries_that_there_are_not),
		TEST(test_device_without_msix_has_no_vector_to_back),
		TEST(test_entry_that_was_revoked_leaves_the_vector_silent),
		TEST(test_vector_does_not_follow_the_slots_next_entry),
		TEST(test_vector_without_its_entry_is_the_devices_own_again),
		TEST(test_pending_bit_goes_with_the_entry),
		TEST(test_entry_may_be_replaced_by_another_or_by_itself),
		TEST(test_device_that_ends_leaves_its_entries_silent),
		TEST(test_no_trigger_waits_for_an_eventfd_that_is_full),
	};

	return cmocka_run_group_tests_name("backing", tests, NULL, NULL);
}
