/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vectors of a link behind MSI-X vectors of a device: the parent signals the eventfd that the
 * client assigned, masked as the vector is; the device's own triggers are the device's.
 */
#include "device_fixture.h"

#include <sys/resource.h>

#include "link_fixture.h"

#define PBA (2 * PAGE)

static struct device_log told;
static struct umd_device *device;
static struct fake_link fake;
static uint32_t vector; /* of the link, behind MSI-X vector 1 */
static int line;	/* the client's eventfd of that one */
static int fds_before;

static void create_device(void)
{
	static const struct umd_region bar = {.size = 4 * PAGE};
	static const struct umd_msix msix = {.vectors = 3, .table_offset = PAGE, .pba_offset = PBA};

	device = device_create(&told);
	assert_int_equal(umd_device_add_bar(device, 0, &bar), 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
}

static int setup(void **state)
{
	alarm(20);
	fds_before = unit_count_fds();
	fake_link_init(&fake);
	line = ims_eventfd();
	vector = ims_index(fake.handles[0]);
	create_device();
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 1), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	fake_link_finish(&fake);
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

/* By the parent. */
static void trigger(void)
{
	assert_int_equal(umd_ims_trigger(fake.ims, fake.handles[0], LINK_OWNER), 0);
}

static void trigger_by_device(void)
{
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
}

static void expect(unsigned int signals)
{
	assert_int_equal(unit_take_events(line), signals);
}

static void write_mask(bool masked)
{
	uint8_t control[4] = {masked};

	assert_int_equal(device_write(device, 0, PAGE + 16 + 12, control, 4), 0);
}

static void mask_function(bool masked)
{
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2,
			  masked ? PCI_MSIX_FLAGS_MASKALL : 0);
}

static uint64_t pending_bits(void)
{
	uint8_t bits[8];

	assert_int_equal(device_read(device, 0, PBA, bits, 8), 0);
	return umd_get_le64(bits);
}

/* ---- The way of a signal ------------------------------------------------------------------- */

static void test_parent_signals_the_clients_eventfd(void **state)
{
	assign(line);
	for (unsigned int i = 0; i < 3; i++) {
		trigger();
		expect(1);
	}
}

static void test_device_signals_it_itself(void **state)
{
	assign(line);
	trigger_by_device();
	expect(1);
	assert_int_equal(ims_stats(fake.ims).delivered, 0);
}

static void test_a_trigger_of_the_devices_asks_the_parent_nothing(void **state)
{
	unsigned int before;

	assign(line);
	write_mask(false);
	before = fake.vector_calls;
	for (unsigned int i = 0; i < 40; i++)
		trigger_by_device();
	expect(40);
	assert_int_equal(fake.vector_calls, before);
}

static void test_eventfd_may_come_before_the_vector_or_after(void **state)
{
	assert_int_equal(umd_link_unback_vector(&fake.link, device, 1), 0);
	assign(line);
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 1), 0);
	trigger();
	expect(1);
	disable();
	trigger();
	expect(0);
	assign(line);
	expect(1);
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

/* ---- Masked and pending -------------------------------------------------------------------- */

static void hold(unsigned int way, bool held)
{
	if (way)
		mask_function(held);
	else
		write_mask(held);
}

static void test_what_waits_goes_out_once_and_from_whence_it_came(void **state)
{
	assign(line);
	write_mask(false);
	for (unsigned int way = 0; way < 2; way++) {
		for (unsigned int who = 1; who < 4; who++) {
			hold(way, true);
			if (who & 1)
				trigger();
			if (who & 2)
				trigger_by_device();
			expect(0);
			assert_true(pending_bits() == 1u << 1);
			assert_true(pending_bits() == 1u << 1);
			hold(way, false);
			expect(who == 3 ? 2 : 1);
			assert_true(pending_bits() == 0);
		}
	}
}

/* Nobody looks at the pending bits, as most drivers do not. */
static void test_what_waits_unseen_goes_out_as_well(void **state)
{
	assign(line);
	write_mask(true);
	trigger();
	write_mask(false);
	expect(1);
	write_mask(true);
	trigger_by_device();
	write_mask(false);
	expect(1);
	write_mask(true);
	write_mask(false);
	expect(0);
}

static void test_mask_is_told_when_it_changes(void **state)
{
	unsigned int before;

	assign(line);
	write_mask(true);
	before = fake.vector_calls;
	write_mask(true);
	mask_function(true);
	write_mask(false);
	assert_int_equal(fake.vector_calls, before);
	mask_function(false);
	assert_int_equal(fake.vector_calls, before + 1);
}

/* Whatever mask the vector had from its last use. */
static void test_vector_takes_the_mask_of_its_place(void **state)
{
	assert_int_equal(umd_link_unback_vector(&fake.link, device, 1), 0);
	umd_link_set_mask(&fake.link, vector, true);
	assign(line);
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 1), 0);
	trigger();
	expect(1);

	assert_int_equal(umd_link_unback_vector(&fake.link, device, 1), 0);
	umd_link_set_mask(&fake.link, vector, false);
	write_mask(true);
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 1), 0);
	trigger();
	expect(0);
}

static void test_reset_forgets_what_waits(void **state)
{
	static const enum umd_reset kinds[] = {UMD_RESET_DEVICE, UMD_RESET_FLR, UMD_RESET_SELF};

	for (size_t i = 0; i < UNIT_COUNT(kinds); i++) {
		assign(line);
		write_mask(true);
		trigger();
		trigger_by_device();
		umd_device_do_reset(device, kinds[i]);
		device_set_command(device, PCI_COMMAND_MEMORY);
		assert_true(pending_bits() == 0);
		write_mask(false);
		expect(0);
		trigger();
		expect(1);
	}
}

static void test_next_client_is_not_interrupted_by_what_waited_for_the_last(void **state)
{
	assign(line);
	write_mask(true);
	trigger();
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assign(line);
	expect(0);
	disable();
	trigger();
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assign(line);
	expect(0);
}

/* ---- Vectors that come and go -------------------------------------------------------------- */

static void test_vectors_that_there_are_not(void **state)
{
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 3), -EINVAL);
	assert_int_equal(umd_link_back_vector(&fake.link, vector + 7, device, 2), -ENOENT);
	assert_int_equal(umd_link_unback_vector(&fake.link, device, 3), -EINVAL);
	assert_int_equal(umd_link_unback_vector(&fake.link, device, 2), 0);
	fake.link.lost = true;
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 2), -ENOTCONN);
	fake.link.lost = false;
	assign(line);
	trigger();
	expect(1);
}

/* In the place of another vector, of an entry of a store, of itself. */
static void test_vector_may_be_replaced(void **state)
{
	uint32_t other = ims_index(fake.handles[1]);

	assign(line);
	assert_int_equal(umd_link_back_vector(&fake.link, vector, device, 1), 0);
	trigger();
	expect(1);
	assert_int_equal(umd_link_back_vector(&fake.link, other, device, 1), 0);
	trigger();
	expect(0);
	assert_int_equal(umd_ims_trigger(fake.ims, fake.handles[1], LINK_OWNER), 0);
	expect(1);
	assert_int_equal(umd_device_back_vector(device, 1, fake.domain, fake.handles[2]), 0);
	assert_int_equal(umd_ims_trigger(fake.ims, fake.handles[1], LINK_OWNER), 0);
	expect(0);
	assert_int_equal(umd_link_back_vector(&fake.link, other, device, 1), 0);
	expect(1);
}

static void test_vector_that_is_gone_is_silent(void **state)
{
	assign(line);
	assert_int_equal(umd_ims_free(fake.domain, fake.handles[0]), 0);
	write_mask(true);
	write_mask(false);
	disable();
	assign(line);
	assert_true(pending_bits() == 0);
	umd_device_do_reset(device, UMD_RESET_FLR);
	device_set_command(device, PCI_COMMAND_MEMORY);
	trigger_by_device();
	expect(1);
}

static void test_link_that_is_lost_is_silent(void **state)
{
	assign(line);
	fake.link.lost = true;
	disable();
	assign(line);
	write_mask(true);
	assert_true(pending_bits() == 0);
	trigger_by_device();
	assert_true(pending_bits() == 1u << 1);
	write_mask(false);
	expect(1);
}

static void test_link_that_ends_leaves_the_device_its_vectors(void **state)
{
	assign(line);
	assert_int_equal(umd_link_back_vector(&fake.link, ims_index(fake.handles[1]), device, 2),
			 0);
	umd_link_close(&fake.link);
	trigger();
	expect(0);
	trigger_by_device();
	expect(1);
}

static void test_device_that_ends_leaves_the_vector_silent(void **state)
{
	assign(line);
	umd_device_destroy(device);
	trigger();
	expect(0);
	assert_null(fake.link.vectors);
	create_device();
}

/* Where there are no fds left, nothing is behind the vector, and nothing stays behind. */
static void test_vector_without_fds(void **state)
{
	struct rlimit before, few;
	int err;

	assert_int_equal(umd_link_unback_vector(&fake.link, device, 1), 0);
	assign(line);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){1, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	err = umd_link_back_vector(&fake.link, vector, device, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(err, -EMFILE);
	assert_null(fake.link.vectors);
	trigger();
	trigger_by_device();
	expect(1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_parent_signals_the_clients_eventfd),
		TEST(test_device_signals_it_itself),
		TEST(test_a_trigger_of_the_devices_asks_the_parent_nothing),
		TEST(test_eventfd_may_come_before_the_vector_or_after),
		TEST(test_eventfd_goes_with_the_client),
		TEST(test_what_waits_goes_out_once_and_from_whence_it_came),
		TEST(test_what_waits_unseen_goes_out_as_well),
		TEST(test_mask_is_told_when_it_changes),
		TEST(test_vector_takes_the_mask_of_its_place),
		TEST(test_reset_forgets_what_waits),
		TEST(test_next_client_is_not_interrupted_by_what_waited_for_the_last),
		TEST(test_vectors_that_there_are_not),
		TEST(test_vector_may_be_replaced),
		TEST(test_vector_that_is_gone_is_silent),
		TEST(test_link_that_is_lost_is_silent),
		TEST(test_link_that_ends_leaves_the_device_its_vectors),
		TEST(test_device_that_ends_leaves_the_vector_silent),
		TEST(test_vector_without_fds),
	};

	return cmocka_run_group_tests_name("link_vector", tests, NULL, NULL);
}
