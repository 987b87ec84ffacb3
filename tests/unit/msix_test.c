/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSI-X table and pending bits: an entry masks its vector once the client has written it, the
 * function mask holds back those same vectors, and what was held back goes out once.
 */
#include "irq_fixture.h"

#include <linux/pci_regs.h>

#include "base/bytes.h"

static struct irq_fixture f;
static int eventfds[VECTORS];

static int setup(void **state)
{
	for (unsigned int i = 0; i < VECTORS; i++)
		eventfds[i] = irq_eventfd();
	irq_start(&f);
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, eventfds, VECTORS), 0);
	return 0;
}

static int teardown(void **state)
{
	irq_stop(&f);
	for (unsigned int i = 0; i < VECTORS; i++)
		close(eventfds[i]);
	return 0;
}

static uint8_t *entry(unsigned int vector)
{
	return &f.irqs.msix.table[(size_t)vector * PCI_MSIX_ENTRY_SIZE];
}

/* What a driver does: stores bytes in the table, of which the room is told. */
static void write_table(size_t offset, const void *from, size_t size)
{
	memcpy(&f.irqs.msix.table[offset], from, size);
	umd_irqs_msix_written(&f.irqs, offset, size);
}

static void write_control(unsigned int vector, uint32_t value)
{
	uint8_t bytes[8];

	umd_put_le32(bytes, value);
	write_table(vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, bytes, 4);
}

static uint32_t get_control(unsigned int vector)
{
	return umd_get_le32(entry(vector) + PCI_MSIX_ENTRY_VECTOR_CTRL);
}

static void trigger(unsigned int vector)
{
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, vector), 0);
}

static bool is_pending(unsigned int vector)
{
	return f.irqs.msix.pending[vector / 8] >> vector % 8 & 1;
}

static void expect(unsigned int vector, unsigned int signals, bool pending)
{
	assert_int_equal(unit_take_events(eventfds[vector]), signals);
	assert_int_equal(is_pending(vector), pending);
}

/* ---- Shapes -------------------------------------------------------------------------------- */

static void test_table_has_16_bytes_a_vector_and_pending_bits_whole_8_bytes(void **state)
{
	static const struct {
		unsigned int vectors;
		size_t table, pending;
	} rows[] = {
		{1, 16, 8},	{2, 32, 8},	 {64, 1024, 8},
		{65, 1040, 16}, {128, 2048, 16}, {2048, 32768, 256},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_int_equal(umd_msix_table_size(rows[i].vectors), rows[i].table);
		assert_int_equal(umd_msix_pending_size(rows[i].vectors), rows[i].pending);
	}
}

static void test_fresh_table_is_masked_and_empty(void **state)
{
	for (unsigned int i = 0; i < VECTORS; i++) {
		assert_int_equal(umd_get_le64(entry(i)), 0);
		assert_int_equal(umd_get_le32(entry(i) + PCI_MSIX_ENTRY_DATA), 0);
		assert_int_equal(get_control(i), PCI_MSIX_ENTRY_CTRL_MASKBIT);
		assert_false(is_pending(i));
	}
}

/* ---- Who governs --------------------------------------------------------------------------- */

static void test_entry_that_nobody_wrote_masks_nothing(void **state)
{
	for (unsigned int i = 0; i < VECTORS; i++) {
		trigger(i);
		expect(i, 1, false);
	}
}

static void test_entry_that_was_written_masks_its_vector_alone(void **state)
{
	write_control(5, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	trigger(4);
	trigger(5);
	trigger(6);
	expect(4, 1, false);
	expect(5, 0, true);
	expect(6, 1, false);
}

/* Whatever part of an entry is written, the mask bit that was there holds. */
static void test_any_byte_of_an_entry_makes_it_govern(void **state)
{
	static const uint8_t byte = 0x10;

	for (size_t at = 0; at < PCI_MSIX_ENTRY_VECTOR_CTRL; at++) {
		unsigned int vector = 1 + (unsigned int)at;

		write_table((size_t)vector * PCI_MSIX_ENTRY_SIZE + at, &byte, 1);
		trigger(vector);
		expect(vector, 0, true);
	}
	trigger(0);
	expect(0, 1, false);
	trigger(13);
	expect(13, 1, false);
}

static void test_write_across_entries_makes_them_all_govern(void **state)
{
	static const uint8_t zeros[4 * PCI_MSIX_ENTRY_SIZE];

	write_table(3 * PCI_MSIX_ENTRY_SIZE - 1, zeros, 1 + 2 * PCI_MSIX_ENTRY_SIZE + 1);
	for (unsigned int i = 1; i <= 6; i++)
		assert_int_equal(f.irqs.msix.governed[i], i >= 2 && i <= 5);
	assert_int_equal(get_control(3), 0);
	assert_int_equal(get_control(5), PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void test_last_byte_of_the_table_is_the_last_vectors(void **state)
{
	static const uint8_t ones = 0xff;

	write_table(VECTORS * PCI_MSIX_ENTRY_SIZE - 1, &ones, 1);
	assert_true(f.irqs.msix.governed[VECTORS - 1]);
	assert_false(f.irqs.msix.governed[VECTORS - 2]);
}

static void test_reserved_bits_of_vector_control_read_as_zero(void **state)
{
	write_control(7, UINT32_MAX);
	assert_int_equal(get_control(7), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	write_control(7, ~PCI_MSIX_ENTRY_CTRL_MASKBIT);
	assert_int_equal(get_control(7), 0);
}

/* ---- Pending ------------------------------------------------------------------------------- */

static void test_message_held_back_goes_out_once_at_the_unmask(void **state)
{
	write_control(65, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	trigger(65);
	trigger(65);
	expect(65, 0, true);
	write_control(65, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	expect(65, 0, true);
	write_control(65, 0);
	expect(65, 1, false);
	write_control(65, 0);
	expect(65, 0, false);
	trigger(65);
	expect(65, 1, false);
}

static void test_function_mask_holds_back_what_is_governed(void **state)
{
	write_control(1, 0);
	umd_irqs_mask_msix(&f.irqs, true);
	trigger(0);
	trigger(1);
	expect(0, 1, false);
	expect(1, 0, true);
	umd_irqs_mask_msix(&f.irqs, false);
	expect(1, 1, false);
}

static void test_both_masks_must_be_off(void **state)
{
	write_control(1, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	write_control(2, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	umd_irqs_mask_msix(&f.irqs, true);
	trigger(1);
	trigger(2);
	write_control(1, 0);
	expect(1, 0, true);
	umd_irqs_mask_msix(&f.irqs, false);
	expect(1, 1, false);
	expect(2, 0, true);
	write_control(2, 0);
	expect(2, 1, false);
}

static void test_unmasking_the_function_sends_all_that_waits(void **state)
{
	umd_irqs_mask_msix(&f.irqs, true);
	for (unsigned int i = 0; i < VECTORS; i++)
		write_control(i, i % 3 ? 0 : PCI_MSIX_ENTRY_CTRL_MASKBIT);
	for (unsigned int i = 0; i < VECTORS; i++)
		trigger(i);
	umd_irqs_mask_msix(&f.irqs, false);
	for (unsigned int i = 0; i < VECTORS; i++)
		expect(i, i % 3 != 0, i % 3 == 0);
}

/* Below D0 nothing goes out, whether the entry governs its vector or not. */
static void test_quiet_device_keeps_every_message(void **state)
{
	write_control(1, 0);
	write_control(2, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	umd_irqs_set_quiet(&f.irqs, true);
	for (unsigned int i = 0; i < 3; i++) {
		trigger(i);
		expect(i, 0, true);
	}
	umd_irqs_mask_msix(&f.irqs, true);
	umd_irqs_mask_msix(&f.irqs, false);
	expect(0, 0, true);
	umd_irqs_set_quiet(&f.irqs, false);
	expect(0, 1, false);
	expect(1, 1, false);
	expect(2, 0, true);
}

static void test_loopback_ignores_the_masks(void **state)
{
	write_control(1, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_MSIX, 1, 1), 0);
	expect(1, 1, false);
}

static void test_vector_without_an_eventfd_loses_its_message(void **state)
{
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 1, 1), 0);
	write_control(1, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	trigger(1);
	expect(1, 0, true);
	write_control(1, 0);
	expect(1, 0, false);
}

/* ---- Reset --------------------------------------------------------------------------------- */

static void test_reset_empties_the_table_and_governs_nothing(void **state)
{
	static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	write_table((size_t)2 * PCI_MSIX_ENTRY_SIZE, ones, sizeof(ones));
	write_control(2, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	umd_irqs_mask_msix(&f.irqs, true);
	trigger(2);
	umd_irqs_reset(&f.irqs);
	test_fresh_table_is_masked_and_empty(state);
	trigger(2);
	expect(2, 1, false);
}

static void test_room_without_msix_resets_and_masks_as_well(void **state)
{
	umd_irqs_finish(&f.irqs);
	assert_int_equal(umd_irqs_init(&f.irqs, &f.poller), 0);
	umd_irqs_reset(&f.irqs);
	umd_irqs_forget(&f.irqs);
	umd_irqs_refresh_pending(&f.irqs);
	umd_irqs_mask_msix(&f.irqs, true);
	umd_irqs_mask_msix(&f.irqs, false);
}

/* ---- Any order ----------------------------------------------------------------------------- */

static struct {
	bool governed, masked, pending;
} model[VECTORS];
static bool model_function, model_quiet;

static bool is_held(unsigned int vector)
{
	return model_quiet || (model[vector].governed && (model[vector].masked || model_function));
}

static void operate(uint64_t *seed, unsigned int *signals)
{
	unsigned int vector = (unsigned int)unit_below(seed, VECTORS);

	switch (unit_below(seed, 16)) {
	case 0:
		model_function = !model_function;
		umd_irqs_mask_msix(&f.irqs, model_function);
		break;
	case 1:
		model_quiet = !model_quiet;
		umd_irqs_set_quiet(&f.irqs, model_quiet);
		break;
	case 2 ... 6:
		model[vector].governed = true;
		model[vector].masked = unit_below(seed, 2);
		write_control(vector, model[vector].masked);
		break;
	default:
		trigger(vector);
		if (is_held(vector))
			model[vector].pending = true;
		else
			signals[vector]++;
	}
}

static bool is_as_modelled(unsigned int *signals)
{
	for (unsigned int i = 0; i < VECTORS; i++) {
		if (model[i].pending && !is_held(i)) {
			model[i].pending = false;
			signals[i]++;
		}
		if (is_pending(i) != model[i].pending ||
		    unit_take_events(eventfds[i]) != signals[i])
			return false;
	}
	return true;
}

static long run_model(uint64_t seed)
{
	teardown(NULL);
	setup(NULL);
	memset(model, 0, sizeof(model));
	for (unsigned int i = 0; i < VECTORS; i++)
		model[i].masked = true;
	model_function = model_quiet = false;
	for (long step = 0; step < 1000; step++) {
		unsigned int signals[VECTORS] = {0};

		operate(&seed, signals);
		if (!is_as_modelled(signals))
			return step;
	}
	return -1;
}

static void test_messages_go_out_when_a_model_says_so(void **state)
{
	unit_run_seeds(run_model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_table_has_16_bytes_a_vector_and_pending_bits_whole_8_bytes),
		TEST(test_fresh_table_is_masked_and_empty),
		TEST(test_entry_that_nobody_wrote_masks_nothing),
		TEST(test_entry_that_was_written_masks_its_vector_alone),
		TEST(test_any_byte_of_an_entry_makes_it_govern),
		TEST(test_write_across_entries_makes_them_all_govern),
		TEST(test_last_byte_of_the_table_is_the_last_vectors),
		TEST(test_reserved_bits_of_vector_control_read_as_zero),
		TEST(test_message_held_back_goes_out_once_at_the_unmask),
		TEST(test_function_mask_holds_back_what_is_governed),
		TEST(test_both_masks_must_be_off),
		TEST(test_unmasking_the_function_sends_all_that_waits),
		TEST(test_quiet_device_keeps_every_message),
		TEST(test_loopback_ignores_the_masks),
		TEST(test_vector_without_an_eventfd_loses_its_message),
		TEST(test_reset_empties_the_table_and_governs_nothing),
		TEST(test_room_without_msix_resets_and_masks_as_well),
		TEST(test_messages_go_out_when_a_model_says_so),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("msix", tests, NULL, NULL);
}
