/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI: SET_IRQS says how many messages there are, the driver may choose fewer, turn it off and on,
 * and mask; its registers in config space are the state itself.
 */
#include "device_fixture.h"

#define MESSAGES 32u

static struct irq_fixture f;
static int eventfds[MESSAGES];
static uint8_t registers[24]; /* a capability with 64-bit addresses and masks */

static void open_eventfds(void)
{
	for (unsigned int i = 0; i < MESSAGES; i++)
		eventfds[i] = irq_eventfd();
}

static void close_eventfds(void)
{
	for (unsigned int i = 0; i < MESSAGES; i++)
		close(eventfds[i]);
}

static int setup(void **state)
{
	open_eventfds();
	irq_start(&f);
	memset(registers, 0, sizeof(registers));
	umd_put_le16(&registers[PCI_MSI_FLAGS], PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	assert_int_equal(umd_irqs_declare(&f.irqs, UMD_IRQ_MSI, MESSAGES), 0);
	umd_msi_state_attach(&f.irqs.msi, &registers[PCI_MSI_FLAGS], &registers[PCI_MSI_MASK_64],
			     &registers[PCI_MSI_PENDING_64]);
	return 0;
}

static int teardown(void **state)
{
	irq_stop(&f);
	close_eventfds();
	return 0;
}

static int allocate_from(unsigned int start, unsigned int count)
{
	return irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSI, start, &eventfds[start], count);
}

static void allocate(unsigned int messages)
{
	assert_int_equal(allocate_from(0, messages), 0);
}

static uint16_t control(void)
{
	return umd_get_le16(&registers[PCI_MSI_FLAGS]);
}

static bool is_on(void)
{
	return control() & PCI_MSI_FLAGS_ENABLE;
}

static unsigned int qsize(void)
{
	return (control() & PCI_MSI_FLAGS_QSIZE) >> 4;
}

/* What the driver writes: bits that it may not write stay, which is config space's business. */
static void write_control(bool enable, unsigned int log2)
{
	umd_put_le16(&registers[PCI_MSI_FLAGS],
		     (uint16_t)(PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | log2 << 4 | enable));
	umd_irqs_msi_written(&f.irqs);
}

static void write_mask(uint32_t mask)
{
	umd_put_le32(&registers[PCI_MSI_MASK_64], mask);
	umd_irqs_msi_written(&f.irqs);
}

static uint32_t pending(void)
{
	return umd_get_le32(&registers[PCI_MSI_PENDING_64]);
}

static void trigger(unsigned int vector)
{
	irq_trigger(&f, UMD_IRQ_MSI, vector);
}

static void expect_signals(unsigned int message, unsigned int count)
{
	assert_int_equal(unit_take_events(eventfds[message]), count);
}

/* ---- On and off ---------------------------------------------------------------------------- */

static void test_driver_cannot_enable_what_the_client_has_not(void **state)
{
	for (unsigned int log2 = 0; log2 < 8; log2++) {
		write_control(true, log2);
		assert_false(is_on());
		assert_int_equal(qsize(), 0);
		assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSI), 0);
	}
	trigger(0);
	assert_int_equal(pending(), 0);
}

/* With three messages a driver sees four: of the fourth nothing is heard. */
static void test_messages_enabled_are_at_most_those_that_the_client_gave(void **state)
{
	static const struct {
		unsigned int given, log2;
	} rows[] = {{1, 0}, {2, 1}, {3, 2},  {4, 2},  {5, 3},
		    {8, 3}, {9, 4}, {16, 4}, {17, 5}, {32, 5}};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		allocate(rows[i].given);
		assert_true(is_on());
		assert_int_equal(qsize(), rows[i].log2);
		for (unsigned int wanted = 0; wanted < 8; wanted++) {
			unsigned int got = wanted < rows[i].log2 ? wanted : rows[i].log2;

			write_control(true, wanted);
			assert_true(is_on());
			assert_int_equal(qsize(), got);
			assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSI), 1u << got);
		}
		irq_disable(&f, UMD_IRQ_MSI);
		assert_false(is_on());
		assert_int_equal(qsize(), 0);
	}
}

static void test_other_bits_of_the_register_are_left_alone(void **state)
{
	const uint16_t fixed = PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT;

	allocate(4);
	assert_int_equal(control(), fixed | 2u << 4 | PCI_MSI_FLAGS_ENABLE);
	write_control(false, 7);
	assert_int_equal(control(), fixed | 2u << 4);
	irq_disable(&f, UMD_IRQ_MSI);
	assert_int_equal(control(), fixed);
}

static void test_driver_turns_messages_off_and_on(void **state)
{
	allocate(4);
	write_control(false, 2);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSI), 0);
	trigger(1);
	expect_signals(1, 0);
	assert_int_equal(pending(), 0);
	write_control(true, 2);
	expect_signals(1, 0);
	trigger(1);
	expect_signals(1, 1);
}

/* ---- Vectors and messages ------------------------------------------------------------------ */

static void test_vectors_share_the_messages_that_there_are(void **state)
{
	allocate(MESSAGES);
	for (unsigned int log2 = 0; log2 <= 5; log2++) {
		unsigned int messages = 1u << log2;

		write_control(true, log2);
		for (unsigned int i = 0; i < MESSAGES; i++)
			trigger(i);
		for (unsigned int i = 0; i < MESSAGES; i++)
			expect_signals(i, i < messages ? MESSAGES / messages : 0);
	}
}

static void test_message_without_an_eventfd_is_lost(void **state)
{
	allocate(3);
	trigger(3);
	assert_int_equal(pending(), 0);
	for (unsigned int i = 0; i < 4; i++)
		expect_signals(i, 0);
}

/* A client may have more messages than fds fit into its message: they may follow, without holes. */
static void test_messages_may_follow_those_that_are_on(void **state)
{
	static const struct {
		unsigned int on, start, count;
		int err;
	} rows[] = {
		{0, 0, 0, -EINVAL},   {0, 0, 32, 0},	    {0, 4, 4, 0},
		{16, 16, 16, 0},      {16, 16, 1, 0},	    {16, 15, 2, -EINVAL},
		{16, 17, 1, -EINVAL}, {16, 0, 32, -EINVAL}, {16, 0, 16, 0},
		{16, 15, 1, 0},	      {16, 31, 1, -EINVAL}, {1, 1, 1, 0},
		{1, 0, 2, -EINVAL},   {4, 0, 0, 0},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int err;

		if (rows[i].on)
			allocate(rows[i].on);
		err = allocate_from(rows[i].start, rows[i].count);
		if (err != rows[i].err)
			fail_msg("row %zu: %d", i, err);
		irq_disable(&f, UMD_IRQ_MSI);
	}
}

static void test_messages_that_follow_are_enabled_too(void **state)
{
	allocate(16);
	assert_int_equal(qsize(), 4);
	assert_int_equal(allocate_from(16, 16), 0);
	assert_int_equal(qsize(), 5);
	trigger(3);
	trigger(20);
	expect_signals(3, 1);
	expect_signals(20, 1);
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSI, 20, 1), 0);
	assert_int_equal(qsize(), 5);
	trigger(20);
	expect_signals(20, 0);
}

static void test_messages_that_follow_lose_none_that_waits(void **state)
{
	allocate(16);
	write_mask(1u << 3);
	trigger(3);
	assert_int_equal(allocate_from(16, 16), 0);
	assert_int_equal(pending(), 1u << 3);
	write_mask(0);
	expect_signals(3, 1);
}

/* ---- Masks --------------------------------------------------------------------------------- */

static void test_masked_message_goes_out_once_at_the_unmask(void **state)
{
	allocate(MESSAGES);
	write_mask(1u << 31 | 1u << 4);
	trigger(31);
	trigger(31);
	trigger(4);
	trigger(5);
	expect_signals(31, 0);
	expect_signals(5, 1);
	assert_int_equal(pending(), 1u << 31 | 1u << 4);
	write_mask(1u << 4);
	expect_signals(31, 1);
	expect_signals(4, 0);
	assert_int_equal(pending(), 1u << 4);
	write_mask(0);
	expect_signals(4, 1);
	assert_int_equal(pending(), 0);
	write_mask(0);
	expect_signals(4, 0);
}

/* The mask is the message's, whichever vector it carries. */
static void test_mask_holds_back_every_vector_that_shares_the_message(void **state)
{
	allocate(MESSAGES);
	write_control(true, 1);
	write_mask(1u << 1);
	trigger(7);
	trigger(6);
	assert_int_equal(pending(), 1u << 1);
	expect_signals(0, 1);
	write_mask(0);
	expect_signals(1, 1);
}

static void test_message_that_waits_while_off_goes_out_when_on(void **state)
{
	allocate(4);
	write_mask(1);
	trigger(0);
	write_control(false, 2);
	write_mask(0);
	expect_signals(0, 0);
	assert_int_equal(pending(), 1);
	write_control(true, 2);
	expect_signals(0, 1);
	assert_int_equal(pending(), 0);
}

static void test_disabling_forgets_what_waits(void **state)
{
	allocate(4);
	write_mask(1);
	trigger(0);
	irq_disable(&f, UMD_IRQ_MSI);
	assert_int_equal(pending(), 0);
	allocate(4);
	write_mask(0);
	expect_signals(0, 0);
}

static void test_loopback_ignores_masks_and_enable(void **state)
{
	allocate(4);
	write_mask(UINT32_MAX);
	write_control(false, 2);
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_MSI, 2, 1), 0);
	expect_signals(2, 1);
	assert_int_equal(pending(), 0);
}

static void test_device_without_masks_keeps_its_messages_while_quiet(void **state)
{
	umd_msi_state_attach(&f.irqs.msi, &registers[PCI_MSI_FLAGS], NULL, NULL);
	umd_put_le32(&registers[PCI_MSI_MASK_64], UINT32_MAX);
	allocate(2);
	trigger(1);
	expect_signals(1, 1);
	umd_irqs_set_quiet(&f.irqs, true);
	trigger(1);
	trigger(1);
	expect_signals(1, 0);
	umd_irqs_msi_written(&f.irqs);
	expect_signals(1, 0);
	umd_irqs_set_quiet(&f.irqs, false);
	expect_signals(1, 1);
	assert_int_equal(umd_get_le32(&registers[PCI_MSI_PENDING_64]), 0);
}

/* ---- Reset --------------------------------------------------------------------------------- */

/* Config space is emptied first, by others. */
static void test_reset_forgets_what_waits_and_keeps_what_the_client_enabled(void **state)
{
	allocate(4);
	write_control(true, 0);
	write_mask(1);
	trigger(0);
	memset(registers, 0, sizeof(registers));
	umd_irqs_reset(&f.irqs);
	assert_true(is_on());
	assert_int_equal(qsize(), 2);
	umd_irqs_msi_written(&f.irqs);
	expect_signals(0, 0);
	trigger(3);
	expect_signals(3, 1);
	umd_irqs_forget(&f.irqs);
	assert_false(is_on());
	write_control(true, 2);
	assert_false(is_on());
}

/* ---- Any order ----------------------------------------------------------------------------- */

static struct {
	unsigned int given, log2;
	bool on, quiet;
	uint32_t mask, pending;
} model;
static unsigned int signals[MESSAGES];

static unsigned int model_log2_of(unsigned int messages)
{
	return messages > 1 ? 32 - (unsigned int)__builtin_clz(messages - 1) : 0;
}

static void model_deliver(void)
{
	for (unsigned int i = 0; i < MESSAGES; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (!model.on || model.quiet || !(model.pending & bit & ~model.mask))
			continue;
		model.pending &= ~bit;
		signals[i] += i < model.given;
	}
}

static void model_allocate(unsigned int messages)
{
	irq_disable(&f, UMD_IRQ_MSI);
	allocate(messages);
	model.given = messages;
	model.log2 = model_log2_of(messages);
	model.on = true;
	model.pending = 0;
}

static void model_write_control(bool on, unsigned int log2)
{
	unsigned int most = model_log2_of(model.given);

	write_control(on, log2);
	model.on = on && model.given;
	model.log2 = log2 < most ? log2 : most;
}

static void operate(uint64_t *seed)
{
	switch (unit_below(seed, 12)) {
	case 0:
		model_allocate(1 + (unsigned int)unit_below(seed, MESSAGES));
		break;
	case 1:
	case 2:
		model_write_control(unit_below(seed, 4), (unsigned int)unit_below(seed, 8));
		break;
	case 3:
		model.quiet = !model.quiet;
		umd_irqs_set_quiet(&f.irqs, model.quiet);
		break;
	case 4:
	case 5:
		model.mask = (uint32_t)unit_random(seed);
		model.mask &= (uint32_t)unit_random(seed);
		write_mask(model.mask);
		break;
	default: {
		unsigned int vector = (unsigned int)unit_below(seed, MESSAGES);

		trigger(vector);
		if (model.on)
			model.pending |= UINT32_C(1) << (vector & ((1u << model.log2) - 1));
	}
	}
}

static bool is_as_modelled(void)
{
	model_deliver();
	for (unsigned int i = 0; i < MESSAGES; i++) {
		if (unit_take_events(eventfds[i]) != signals[i])
			return false;
	}
	return pending() == model.pending && is_on() == model.on && qsize() == model.log2;
}

static long run_model(uint64_t seed)
{
	teardown(NULL);
	setup(NULL);
	memset(&model, 0, sizeof(model));
	for (long step = 0; step < 2000; step++) {
		memset(signals, 0, sizeof(signals));
		operate(&seed);
		if (!is_as_modelled())
			return step;
	}
	return -1;
}

static void test_messages_go_out_when_a_model_says_so(void **state)
{
	unit_run_seeds(run_model);
}

/* ---- In config space ----------------------------------------------------------------------- */

static struct device_log told;
static struct umd_device *device;
static unsigned int at;

static int setup_device(void **state)
{
	alarm(20);
	open_eventfds();
	device = device_create(&told);
	return 0;
}

static int teardown_device(void **state)
{
	umd_device_destroy(device);
	close_eventfds();
	alarm(0);
	return 0;
}

static void realize(const struct umd_msi *msi)
{
	assert_int_equal(umd_device_add_msi(device, msi), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	at = device_cap(device, PCI_CAP_ID_MSI, 0);
}

static void assign(unsigned int messages)
{
	for (unsigned int i = 0; i < messages; i++)
		device_assign(device, UMD_IRQ_MSI, i, eventfds[i]);
}

static uint32_t device_control(void)
{
	return device_config(device, at + PCI_MSI_FLAGS, 2);
}

/* Every shape of the capability has its registers where a driver looks for them. */
static void test_driver_masks_and_chooses_by_its_registers(void **state)
{
	for (unsigned int shape = 0; shape < 4; shape++) {
		const struct umd_msi msi = {
			.messages = 8, .only_32bit = shape & 1, .unmaskable = shape & 2};
		unsigned int mask;

		realize(&msi);
		mask = at + (msi.only_32bit ? PCI_MSI_MASK_32 : PCI_MSI_MASK_64);
		device_set_config(device, at + PCI_MSI_FLAGS, 2, 0xffff);
		assert_int_equal(device_control() & (PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE),
				 0);
		assign(8);
		device_set_config(device, at + PCI_MSI_FLAGS, 2, 1u << 4 | PCI_MSI_FLAGS_ENABLE);
		assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSI), 2);
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 7), 0);
		expect_signals(1, 1);

		device_set_config(device, mask, 4, 2);
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 7), 0);
		expect_signals(1, msi.unmaskable);
		if (!msi.unmaskable) {
			assert_int_equal(device_config(device, mask + 4, 4), 2);
			device_set_config(device, mask + 4, 4, 0);
			assert_int_equal(device_config(device, mask + 4, 4), 2);
		}
		device_set_config(device, mask, 4, 0);
		expect_signals(1, !msi.unmaskable);
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 8), -EINVAL);
		teardown_device(NULL);
		setup_device(NULL);
	}
}

/* Any write that reaches the upper byte of a register is one to the register. */
static void test_registers_are_written_byte_by_byte_as_well(void **state)
{
	static const struct umd_msi msi = {.messages = 32};

	realize(&msi);
	assign(32);
	device_set_config(device, at + PCI_MSI_MASK_64 + 3, 1, 0x80);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 31), 0);
	expect_signals(31, 0);
	device_set_config(device, at + PCI_MSI_MASK_64 + 3, 1, 0);
	expect_signals(31, 1);
	device_set_config(device, at + PCI_MSI_FLAGS, 1, 0);
	assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSI), 0);
}

static void test_reset_leaves_on_what_the_client_enabled(void **state)
{
	static const struct umd_msi msi = {.messages = 4};

	realize(&msi);
	assign(4);
	device_set_config(device, at + PCI_MSI_MASK_64, 4, 1);
	device_set_config(device, at + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 0), 0);
	assert_int_equal(umd_device_reset_by_client(device), 0);
	assert_int_equal(device_config(device, at + PCI_MSI_MASK_64, 4), 0);
	assert_int_equal(device_config(device, at + PCI_MSI_PENDING_64, 4), 0);
	assert_int_equal(device_config(device, at + PCI_MSI_ADDRESS_LO, 4), 0);
	expect_signals(0, 0);
	assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSI), 4);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSI, 2), 0);
	expect_signals(2, 1);

	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assert_int_equal(device_control() & PCI_MSI_FLAGS_ENABLE, 0);
	assert_int_equal(umd_device_enabled_vectors(device, UMD_IRQ_MSI), 0);
}

#define TEST(name)	  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define DEVICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_device, teardown_device)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_driver_cannot_enable_what_the_client_has_not),
		TEST(test_messages_enabled_are_at_most_those_that_the_client_gave),
		TEST(test_other_bits_of_the_register_are_left_alone),
		TEST(test_driver_turns_messages_off_and_on),
		TEST(test_vectors_share_the_messages_that_there_are),
		TEST(test_message_without_an_eventfd_is_lost),
		TEST(test_messages_may_follow_those_that_are_on),
		TEST(test_messages_that_follow_are_enabled_too),
		TEST(test_messages_that_follow_lose_none_that_waits),
		TEST(test_masked_message_goes_out_once_at_the_unmask),
		TEST(test_mask_holds_back_every_vector_that_shares_the_message),
		TEST(test_message_that_waits_while_off_goes_out_when_on),
		TEST(test_disabling_forgets_what_waits),
		TEST(test_loopback_ignores_masks_and_enable),
		TEST(test_device_without_masks_keeps_its_messages_while_quiet),
		TEST(test_reset_forgets_what_waits_and_keeps_what_the_client_enabled),
		TEST(test_messages_go_out_when_a_model_says_so),
		DEVICE_TEST(test_driver_masks_and_chooses_by_its_registers),
		DEVICE_TEST(test_registers_are_written_byte_by_byte_as_well),
		DEVICE_TEST(test_reset_leaves_on_what_the_client_enabled),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("msi", tests, NULL, NULL);
}
