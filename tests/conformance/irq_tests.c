/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: vectors of each kind, with eventfds of the caller's. */
#include "suite.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <unistd.h>

#define MOST	 64u /* vectors that a test uses */
#define MESSAGES 200 /* that a device sends */
#define QUIET_MS 50  /* for what must not come */

/* The index's vectors with an eventfd each. */
struct vectors {
	unsigned int index, count;
	int fds[MOST];
};

static unsigned int usable(struct suite *suite, unsigned int index)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};

	must(umd_driver_get_irq(suite->driver, index, &irq));
	if (!(irq.flags & UMD_DRIVER_IRQ_EVENTFD))
		return 0;
	return irq.count < MOST ? irq.count : MOST;
}

static struct vectors make_vectors(struct suite *suite, unsigned int index)
{
	struct vectors vectors = {.index = index, .count = usable(suite, index)};

	if (!vectors.count)
		harness_skip("the device has none");
	suite_command(suite, true, true);
	for (unsigned int i = 0; i < vectors.count; i++)
		vectors.fds[i] = suite_eventfd();
	return vectors;
}

static void end_vectors(struct suite *suite, struct vectors *vectors)
{
	must(umd_driver_irq_disable(suite->driver, vectors->index));
	for (unsigned int i = 0; i < vectors->count; i++)
		close(vectors->fds[i]);
}

static void enable(struct suite *suite, const struct vectors *vectors)
{
	must(umd_driver_irq_set_fds(suite->driver, vectors->index, 0, vectors->count,
				    vectors->fds));
}

static void trigger(struct suite *suite, unsigned int index, unsigned int vector)
{
	must(umd_driver_irq_trigger(suite->driver, index, vector, 1));
}

/* ---- Counts -------------------------------------------------------------------------------- */

static unsigned int register_of(struct suite *suite, unsigned int id, unsigned int offset)
{
	unsigned int at;
	uint16_t value;

	if (umd_driver_find_cap(suite->driver, id, &at))
		return UINT32_MAX;
	must(umd_driver_config_read16(suite->driver, at + offset, &value));
	return value;
}

static void test_counts(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_info info = {.size = sizeof(info)};
	struct umd_driver_irq irq = {.size = sizeof(irq)};
	unsigned int msi = register_of(suite, PCI_CAP_ID_MSI, PCI_MSI_FLAGS);
	unsigned int msix = register_of(suite, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS);
	uint8_t pin;

	must(umd_driver_config_read8(suite->driver, PCI_INTERRUPT_PIN, &pin));
	check_is(umd_driver_irq_count(suite->driver, UMD_DRIVER_INTX), pin != 0);
	check_is(umd_driver_irq_count(suite->driver, UMD_DRIVER_MSI),
		 msi == UINT32_MAX ? 0 : 1 << ((msi & PCI_MSI_FLAGS_QMASK) >> 1));
	check_is(umd_driver_irq_count(suite->driver, UMD_DRIVER_MSIX),
		 msix == UINT32_MAX ? 0 : (msix & PCI_MSIX_FLAGS_QSIZE) + 1);

	must(umd_driver_get_info(suite->driver, &info));
	check_is(umd_driver_irq_count(suite->driver, info.irqs), -EINVAL);
	check_is(umd_driver_get_irq(suite->driver, info.irqs, &irq), -EINVAL);
}

/* ---- Vectors ------------------------------------------------------------------------------- */

static void test_each_fires(void *context, unsigned int index)
{
	struct suite *suite = context;
	struct vectors vectors = make_vectors(suite, index);

	enable(suite, &vectors);
	for (unsigned int i = 0; i < vectors.count; i++) {
		trigger(suite, index, i);
		check_is(suite_fired(vectors.fds[i], SUITE_WAIT_MS), 1);
		for (unsigned int other = 0; other < vectors.count; other++)
			check_is(suite_fired(vectors.fds[other], 0), 0);
	}
	if (vectors.count > 1) {
		must(umd_driver_irq_trigger(suite->driver, index, 0, vectors.count));
		for (unsigned int i = 0; i < vectors.count; i++)
			check_is(suite_fired(vectors.fds[i], SUITE_WAIT_MS), 1);
	}
	end_vectors(suite, &vectors);
}

static void test_refused(void *context, unsigned int index)
{
	struct suite *suite = context;
	struct vectors vectors = make_vectors(suite, index);
	unsigned int count = (unsigned int)umd_driver_irq_count(suite->driver, index);
	const int fds[2] = {vectors.fds[0], vectors.fds[0]};
	struct umd_driver_info info = {.size = sizeof(info)};

	check_is(umd_driver_irq_set_fds(suite->driver, index, count, 1, fds), -EINVAL);
	check_is(umd_driver_irq_set_fds(suite->driver, index, count - 1, 2, fds), -EINVAL);
	check_is(umd_driver_irq_set_fds(suite->driver, index, UINT32_MAX, 2, fds), -EINVAL);
	check_is(umd_driver_irq_trigger(suite->driver, index, count, 1), -EINVAL);
	must(umd_driver_get_info(suite->driver, &info));
	check_is(umd_driver_irq_set_fds(suite->driver, info.irqs, 0, 1, fds), -EINVAL);
	check_is(umd_driver_irq_disable(suite->driver, info.irqs), -EINVAL);
	end_vectors(suite, &vectors);
}

static void test_added(void *context, unsigned int index)
{
	struct suite *suite = context;
	struct vectors vectors;
	unsigned int last;

	if (usable(suite, index) < 2)
		harness_skip("the device has no two of them");
	vectors = make_vectors(suite, index);
	last = vectors.count - 1;
	must(umd_driver_irq_set_fds(suite->driver, index, 0, 1, vectors.fds));
	trigger(suite, index, 0);
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	must(umd_driver_irq_set_fds(suite->driver, index, last, 1, &vectors.fds[last]));
	trigger(suite, index, last);
	check_is(suite_fired(vectors.fds[last], SUITE_WAIT_MS), 1);
	trigger(suite, index, 0);
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	end_vectors(suite, &vectors);
}

static void test_replaced(void *context, unsigned int index)
{
	struct suite *suite = context;
	struct vectors vectors = make_vectors(suite, index);
	int other = suite_eventfd(), none = -1;

	enable(suite, &vectors);
	must(umd_driver_irq_set_fds(suite->driver, index, 0, 1, &other));
	trigger(suite, index, 0);
	check_is(suite_fired(other, SUITE_WAIT_MS), 1);
	check_is(suite_fired(vectors.fds[0], 0), 0);

	if (vectors.count > 1) {
		must(umd_driver_irq_set_fds(suite->driver, index, 0, 1, &none));
		must(umd_driver_irq_trigger(suite->driver, index, 0, vectors.count));
		check_is(suite_fired(vectors.fds[1], SUITE_WAIT_MS), 1);
		check_is(suite_fired(other, QUIET_MS), 0);
	}
	end_vectors(suite, &vectors);
	close(other);
}

static void test_one_kind(void *context, unsigned int index)
{
	struct suite *suite = context;
	struct vectors vectors = make_vectors(suite, index);
	unsigned int others = 0;

	enable(suite, &vectors);
	for (unsigned int other = UMD_DRIVER_INTX; other <= UMD_DRIVER_MSIX; other++) {
		if (other == index || !usable(suite, other))
			continue;
		check_is(umd_driver_irq_set_fds(suite->driver, other, 0, 1, vectors.fds), -EINVAL);
		must(umd_driver_irq_disable(suite->driver, index));
		must(umd_driver_irq_set_fds(suite->driver, other, 0, 1, vectors.fds));
		trigger(suite, other, 0);
		check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
		must(umd_driver_irq_disable(suite->driver, other));
		enable(suite, &vectors);
		others++;
	}
	end_vectors(suite, &vectors);
	if (!others)
		harness_skip("the device has no other");
}

/* ---- Of the device ------------------------------------------------------------------------- */

static void test_message(void *context, unsigned int argument)
{
	struct suite *suite = context;
	const struct kind *kind = suite_kind(suite);
	struct vectors vectors = make_vectors(suite, kind->msi_index);

	enable(suite, &vectors);
	for (unsigned int i = 0; i < MESSAGES; i++) {
		kind->send_msi(suite);
		check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	}
	must(umd_driver_irq_disable(suite->driver, kind->msi_index));
	kind->send_msi(suite);
	check_is(suite_fired(vectors.fds[0], QUIET_MS), 0);

	enable(suite, &vectors);
	kind->send_msi(suite);
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	end_vectors(suite, &vectors);
}

/* INTx with a device that holds its line. */
static struct vectors raise_line(struct suite *suite)
{
	const struct kind *kind = suite_kind(suite);
	struct vectors vectors;

	if (!kind->set_line)
		harness_skip("the device has no line");
	vectors = make_vectors(suite, UMD_DRIVER_INTX);
	enable(suite, &vectors);
	kind->set_line(suite, true);
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	return vectors;
}

static void unmask(struct suite *suite)
{
	must(umd_driver_irq_unmask(suite->driver, UMD_DRIVER_INTX, 0, 1));
}

static void test_line(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct vectors vectors = raise_line(suite);

	check_is(suite_fired(vectors.fds[0], QUIET_MS), 0); /* it has masked itself */
	unmask(suite);					    /* the line is still high */
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	suite->kind->set_line(suite, false);
	unmask(suite);
	check_is(suite_fired(vectors.fds[0], QUIET_MS), 0);
	suite->kind->set_line(suite, true);
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	suite->kind->set_line(suite, false);
	end_vectors(suite, &vectors);
}

static void test_mask(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct vectors vectors = raise_line(suite);

	suite->kind->set_line(suite, false);
	unmask(suite);
	must(umd_driver_irq_mask(suite->driver, UMD_DRIVER_INTX, 0, 1));
	suite->kind->set_line(suite, true);
	check_is(suite_fired(vectors.fds[0], QUIET_MS), 0);
	unmask(suite);
	check_is(suite_fired(vectors.fds[0], SUITE_WAIT_MS), 1);
	suite->kind->set_line(suite, false);
	end_vectors(suite, &vectors);
}

#define OF_EACH(what, test)                                                           \
	{"INTx: " what, test, UMD_DRIVER_INTX}, {"MSI: " what, test, UMD_DRIVER_MSI}, \
	{                                                                             \
		"MSI-X: " what, test, UMD_DRIVER_MSIX                                 \
	}

const struct harness_test irq_tests[] = {
	{"vectors are counted as config space says", test_counts, 0},
	OF_EACH("each vector fires its own eventfd", test_each_fires),
	OF_EACH("vectors that there are not are refused", test_refused),
	OF_EACH("vectors are added while others are enabled", test_added),
	OF_EACH("an eventfd is replaced and taken away", test_replaced),
	OF_EACH("one kind is enabled at a time", test_one_kind),
	{"the device sends messages while they are enabled", test_message, 0},
	{"INTx masks itself and fires again while the line is high", test_line, 0},
	{"INTx that is masked fires when it is unmasked", test_mask, 0},
	{0},
};
