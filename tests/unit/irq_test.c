/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SET_IRQS: what it refuses and how, which of INTx, MSI and MSI-X is in use, and which eventfd each
 * vector signals after it; and what holds for all vectors: quiet, gone, and peers that do not read.
 */
#include "irq_fixture.h"

static struct irq_fixture f;

static int setup(void **state)
{
	irq_start(&f);
	return 0;
}

static int teardown(void **state)
{
	irq_stop(&f);
	return 0;
}

/* ---- What is refused ----------------------------------------------------------------------- */

static void test_flags_indexes_and_ranges_are_checked(void **state)
{
	static const struct {
		uint32_t flags, index, start, count;
		int err;
	} rows[] = {
		/* One kind of data and one action, no other flag. */
		{0, UMD_IRQ_MSIX, 0, 1, -EINVAL},
		{TRIGGER, UMD_IRQ_MSIX, 0, 1, -EINVAL},
		{NONE | BOOL | TRIGGER, UMD_IRQ_MSIX, 0, 1, -EINVAL},
		{NONE | EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, 1, -EINVAL},
		{NONE | BOOL | EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, 1, -EINVAL},
		{NONE, UMD_IRQ_MSIX, 0, 1, -ENOTTY},
		{NONE | MASK | UNMASK, UMD_IRQ_INTX, 0, 1, -ENOTTY},
		{NONE | MASK | TRIGGER, UMD_IRQ_INTX, 0, 1, -ENOTTY},
		{NONE | TRIGGER | 1u << 6, UMD_IRQ_MSIX, 0, 0, -EINVAL},
		{NONE | TRIGGER | 1u << 31, UMD_IRQ_MSIX, 0, 0, -EINVAL},
		{UINT32_MAX, UMD_IRQ_MSIX, 0, 1, -EINVAL},

		/* Indexes there are, and vectors within them. */
		{NONE | TRIGGER, UMD_IRQ_INDEXES, 0, 0, -EINVAL},
		{NONE | TRIGGER, UINT32_MAX, 0, 0, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, VECTORS + 1, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, VECTORS, 0, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, VECTORS, 1, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, VECTORS - 1, 2, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, 1, UINT32_MAX, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, UINT32_MAX, 1, -EINVAL},
		{EVENTFD | TRIGGER, UMD_IRQ_MSIX, UINT32_MAX, UINT32_MAX, -EINVAL},
		{NONE | TRIGGER, UMD_IRQ_INTX, 1, 0, -EINVAL},
		{NONE | TRIGGER, UMD_IRQ_ERR, 0, 2, -EINVAL},
		{NONE | TRIGGER, UMD_IRQ_REQ, 1, 0, -EINVAL},

		/* A trigger needs an index that is in use. */
		{NONE | TRIGGER, UMD_IRQ_INTX, 0, 1, -EINVAL},
		{NONE | TRIGGER, UMD_IRQ_MSIX, 0, 1, -EINVAL},
		{BOOL | TRIGGER, UMD_IRQ_MSI, 0, 1, -EINVAL},
		{NONE | TRIGGER, UMD_IRQ_ERR, 0, 1, -EINVAL},
		{NONE | TRIGGER, UMD_IRQ_REQ, 0, 1, -EINVAL},

		/* Masks are INTx's, while it is in use. */
		{NONE | MASK, UMD_IRQ_INTX, 0, 1, -EINVAL},
		{NONE | UNMASK, UMD_IRQ_INTX, 0, 1, -EINVAL},
		{EVENTFD | UNMASK, UMD_IRQ_INTX, 0, 1, -EINVAL},
		{NONE | MASK, UMD_IRQ_MSI, 0, 1, -ENOTTY},
		{NONE | MASK, UMD_IRQ_MSIX, 0, 1, -ENOTTY},
		{NONE | UNMASK, UMD_IRQ_MSIX, 0, 1, -ENOTTY},
		{EVENTFD | UNMASK, UMD_IRQ_MSIX, 0, 1, -ENOTTY},
		{NONE | MASK, UMD_IRQ_ERR, 0, 1, -ENOTTY},
		{NONE | UNMASK, UMD_IRQ_REQ, 0, 1, -ENOTTY},

		/* What is off can be turned off. */
		{NONE | TRIGGER, UMD_IRQ_INTX, 0, 0, 0},
		{NONE | TRIGGER, UMD_IRQ_MSI, 0, 0, 0},
		{NONE | TRIGGER, UMD_IRQ_MSIX, 0, 0, 0},
		{NONE | TRIGGER, UMD_IRQ_ERR, 0, 0, 0},
		{NONE | TRIGGER, UMD_IRQ_REQ, 0, 0, 0},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int err = irq_set(&f, rows[i].flags, rows[i].index, rows[i].start, rows[i].count);

		if (err != rows[i].err)
			fail_msg("row %zu: %d", i, err);
		assert_int_equal(f.irqs.live, UMD_IRQ_INDEXES);
	}
}

static void test_masks_of_the_line_in_use_are_checked(void **state)
{
	static const struct {
		uint32_t flags, count;
		int err;
	} rows[] = {
		{NONE | MASK, 1, 0},	      {NONE | UNMASK, 1, 0},
		{NONE | MASK, 0, -EINVAL},    {NONE | UNMASK, 0, -EINVAL},
		{EVENTFD | MASK, 1, -ENOTTY}, {EVENTFD | UNMASK, 1, 0},
	};
	int fd = irq_eventfd();

	irq_assign(&f, UMD_IRQ_INTX, 0, fd);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(irq_set(&f, rows[i].flags, UMD_IRQ_INTX, 0, rows[i].count),
				 rows[i].err);
	close(fd);
}

static void test_index_that_a_device_has_not_is_refused(void **state)
{
	umd_irqs_finish(&f.irqs);
	assert_int_equal(umd_irqs_init(&f.irqs, &f.poller), 0);
	for (uint32_t index = 0; index < UMD_IRQ_INDEXES; index++) {
		assert_int_equal(irq_set(&f, NONE | TRIGGER, index, 0, 0), -EINVAL);
		assert_int_equal(umd_irqs_trigger(&f.irqs, index, 0), -EINVAL);
	}
}

static void test_fds_must_be_as_many_as_vectors(void **state)
{
	int fds[3] = {irq_eventfd(), irq_eventfd(), irq_eventfd()};

	for (unsigned int given = 1; given <= 3; given++) {
		int copies[3] = {dup(fds[0]), dup(fds[1]), dup(fds[2])};
		struct umd_irq_set set = {.flags = EVENTFD | TRIGGER,
					  .index = UMD_IRQ_MSIX,
					  .count = 2,
					  .fds = copies,
					  .fd_count = given};

		assert_int_equal(umd_irqs_set(&f.irqs, &set), given == 2 ? 0 : -EINVAL);
		for (int i = 0; i < 3; i++)
			close(copies[i]);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void test_fd_that_is_no_eventfd_is_refused_and_changes_nothing(void **state)
{
	int good = irq_eventfd(), other = irq_eventfd(), ends[2];
	int fds[3];

	assert_int_equal(pipe(ends), 0);
	irq_assign(&f, UMD_IRQ_MSIX, 0, good);
	fds[0] = other;
	fds[1] = ends[1];
	fds[2] = other;
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, fds, 3), -EINVAL);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, 0), 0);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, 2), 0);
	assert_int_equal(unit_take_events(good), 1);
	assert_int_equal(unit_take_events(other), 0);
	close(good);
	close(other);
	close(ends[0]);
	close(ends[1]);
}

static void test_refused_fd_does_not_turn_an_index_on(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	for (uint32_t index = 0; index < UMD_IRQ_INDEXES; index++)
		assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, index, 0, ends, 1), -EINVAL);
	assert_int_equal(f.irqs.live, UMD_IRQ_INDEXES);
	close(ends[0]);
	close(ends[1]);
}

/* ---- One of three -------------------------------------------------------------------------- */

static void test_one_of_intx_msi_and_msix_is_in_use(void **state)
{
	int fd = irq_eventfd();

	for (uint32_t used = 0; used <= UMD_IRQ_MSIX; used++) {
		irq_assign(&f, used, 0, fd);
		for (uint32_t other = 0; other <= UMD_IRQ_MSIX; other++) {
			if (other == used)
				continue;
			assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, other, 0, &fd, 1),
					 -EINVAL);
			assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, other, 0, 1), -EINVAL);
			assert_int_equal(irq_set(&f, NONE | TRIGGER, other, 0, 1), -EINVAL);
			irq_disable(&f, other);
			assert_int_equal(f.irqs.live, used);
		}
		irq_disable(&f, used);
		assert_int_equal(f.irqs.live, UMD_IRQ_INDEXES);
	}
	close(fd);
}

static void test_err_and_req_stand_beside_them(void **state)
{
	int msix = irq_eventfd(), err = irq_eventfd(), req = irq_eventfd();

	irq_assign(&f, UMD_IRQ_ERR, 0, err);
	irq_assign(&f, UMD_IRQ_MSIX, 0, msix);
	irq_assign(&f, UMD_IRQ_REQ, 0, req);
	assert_int_equal(f.irqs.live, UMD_IRQ_MSIX);
	irq_disable(&f, UMD_IRQ_MSIX);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_ERR, 0), 0);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_REQ, 0), 0);
	assert_int_equal(unit_take_events(err), 1);
	assert_int_equal(unit_take_events(req), 1);
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_ERR, 0, 1), 0);
	assert_int_equal(unit_take_events(err), 1);
	irq_disable(&f, UMD_IRQ_ERR);
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_ERR, 0, 1), -EINVAL);
	assert_int_equal(unit_take_events(err), 0);
	close(msix);
	close(err);
	close(req);
}

static void test_index_stays_in_use_though_its_fds_are_taken_away(void **state)
{
	int fd = irq_eventfd();

	irq_assign(&f, UMD_IRQ_MSIX, 3, fd);
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 3, 1), 0);
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSI, 0, &fd, 1), -EINVAL);
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_MSIX, 3, 1), 0);
	assert_int_equal(unit_take_events(fd), 0);
	close(fd);
}

/* ---- Vectors ------------------------------------------------------------------------------- */

static void test_each_vector_signals_its_own_eventfd(void **state)
{
	int fds[VECTORS];

	for (unsigned int i = 0; i < VECTORS; i++)
		fds[i] = irq_eventfd();
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, fds, VECTORS), 0);
	for (unsigned int i = 0; i < VECTORS; i++) {
		for (unsigned int n = 0; n < i; n++)
			assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, i), 0);
	}
	for (unsigned int i = 0; i < VECTORS; i++) {
		assert_int_equal(unit_take_events(fds[i]), i);
		close(fds[i]);
	}
}

static void test_vectors_are_assigned_and_taken_away_in_part(void **state)
{
	int fds[4] = {irq_eventfd(), irq_eventfd(), irq_eventfd(), irq_eventfd()};
	int other = irq_eventfd();

	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSI, 0, fds, 4), 0);
	irq_assign(&f, UMD_IRQ_MSI, 1, other);
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSI, 2, 1), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSI, i), 0);
	assert_int_equal(unit_take_events(fds[0]), 1);
	assert_int_equal(unit_take_events(fds[1]), 0);
	assert_int_equal(unit_take_events(other), 1);
	assert_int_equal(unit_take_events(fds[2]), 0);
	assert_int_equal(unit_take_events(fds[3]), 1);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(other);
}

static void test_trigger_without_a_vector_is_refused(void **state)
{
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, VECTORS), -EINVAL);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, UINT32_MAX), -EINVAL);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_ERR, 1), -EINVAL);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_INDEXES, 0), -EINVAL);
	assert_int_equal(umd_irqs_trigger(&f.irqs, (enum umd_irq)1000000, 0), -EINVAL);
}

static void test_trigger_without_a_client_is_none(void **state)
{
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, 5), 0);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_REQ, 0), 0);
}

static void test_loopback_signals_the_vectors_that_are_named(void **state)
{
	static const uint8_t bools[4] = {1, 0, 255, 0};
	struct umd_irq_set set = {.flags = BOOL | TRIGGER,
				  .index = UMD_IRQ_MSIX,
				  .start = 2,
				  .count = 4,
				  .bools = bools};
	int fds[8];

	for (int i = 0; i < 8; i++)
		fds[i] = irq_eventfd();
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, fds, 8), 0);
	assert_int_equal(umd_irqs_set(&f.irqs, &set), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(unit_take_events(fds[i]), i == 2 || i == 4);
	assert_int_equal(irq_set(&f, NONE | TRIGGER, UMD_IRQ_MSIX, 6, 2), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(unit_take_events(fds[i]), i >= 6);
		close(fds[i]);
	}
}

static void test_disabling_closes_the_eventfds(void **state)
{
	int fds[4] = {irq_eventfd(), irq_eventfd(), irq_eventfd(), irq_eventfd()};
	int before = unit_count_fds();

	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 10, fds, 4), 0);
	assert_int_equal(unit_count_fds(), before + 4);
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 10, fds, 4), 0);
	assert_int_equal(unit_count_fds(), before + 4);
	irq_disable(&f, UMD_IRQ_MSIX);
	assert_int_equal(unit_count_fds(), before);
	assert_int_equal(umd_irqs_trigger(&f.irqs, UMD_IRQ_MSIX, 10), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(unit_take_events(fds[i]), 0);
		close(fds[i]);
	}
}

/* ---- Resets -------------------------------------------------------------------------------- */

static void test_reset_keeps_the_eventfds_of_every_index(void **state)
{
	int fd = irq_eventfd(), err = irq_eventfd(), req = irq_eventfd();

	irq_assign(&f, UMD_IRQ_ERR, 0, err);
	irq_assign(&f, UMD_IRQ_REQ, 0, req);
	for (uint32_t index = 0; index <= UMD_IRQ_MSIX; index++) {
		irq_assign(&f, index, 0, fd);
		umd_irqs_reset(&f.irqs);
		assert_int_equal(f.irqs.live, index);
		assert_int_equal(irq_set(&f, NONE | TRIGGER, index, 0, 1), 0);
		assert_int_equal(unit_take_events(fd), 1);
		irq_disable(&f, index);
	}
	irq_trigger(&f, UMD_IRQ_ERR, 0);
	irq_trigger(&f, UMD_IRQ_REQ, 0);
	assert_int_equal(unit_take_events(err), 1);
	assert_int_equal(unit_take_events(req), 1);
	close(fd);
	close(err);
	close(req);
}

static void test_forgetting_drops_the_eventfds_of_every_index(void **state)
{
	int fd = irq_eventfd(), before = unit_count_fds();

	for (uint32_t index = 0; index <= UMD_IRQ_MSIX; index++) {
		irq_assign(&f, index, 0, fd);
		irq_assign(&f, UMD_IRQ_ERR, 0, fd);
		irq_assign(&f, UMD_IRQ_REQ, 0, fd);
		umd_irqs_forget(&f.irqs);
		assert_int_equal(f.irqs.live, UMD_IRQ_INDEXES);
		assert_int_equal(unit_count_fds(), before);
		for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++)
			irq_trigger(&f, i, 0);
		umd_irqs_signal_all(&f.irqs);
		assert_int_equal(unit_take_events(fd), 0);
	}
	irq_assign(&f, UMD_IRQ_INTX, 0, fd);
	close(fd);
}

/* ---- What is in use ------------------------------------------------------------------------ */

static void test_vectors_in_use_are_counted_up_to_the_last(void **state)
{
	int fd = irq_eventfd();

	for (enum umd_irq i = 0; i <= UMD_IRQ_INDEXES - 1; i++)
		assert_int_equal(umd_irqs_enabled(&f.irqs, i), 0);
	irq_assign(&f, UMD_IRQ_MSIX, 4, fd);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSIX), 5);
	irq_assign(&f, UMD_IRQ_MSIX, 0, fd);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSIX), 5);
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 4, 1), 0);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSIX), 1);
	irq_assign(&f, UMD_IRQ_MSIX, VECTORS - 1, fd);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSIX), VECTORS);
	irq_disable(&f, UMD_IRQ_MSIX);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSIX), 0);
	irq_assign(&f, UMD_IRQ_INTX, 0, fd);
	irq_assign(&f, UMD_IRQ_REQ, 0, fd);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_INTX), 1);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_REQ), 1);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_ERR), 0);
	assert_int_equal(umd_irqs_enabled(&f.irqs, UMD_IRQ_MSI), 0);
	close(fd);
}

/* ---- Everybody at once --------------------------------------------------------------------- */

/* Whoever waits is to look, so no mask and no state holds that back. */
static void test_every_eventfd_there_is_can_be_signalled_once(void **state)
{
	int fds[VECTORS], err = irq_eventfd(), req = irq_eventfd();
	uint8_t masked[4] = {1};

	for (unsigned int i = 0; i < VECTORS; i++)
		fds[i] = irq_eventfd();
	assert_int_equal(irq_set_fds(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 0, fds, VECTORS), 0);
	assert_int_equal(irq_set(&f, EVENTFD | TRIGGER, UMD_IRQ_MSIX, 3, 1), 0);
	irq_assign(&f, UMD_IRQ_ERR, 0, err);
	irq_assign(&f, UMD_IRQ_REQ, 0, req);
	memcpy(&f.irqs.msix.table[5 * 16 + 12], masked, sizeof(masked));
	umd_irqs_msix_written(&f.irqs, 5 * 16 + 12, sizeof(masked));
	umd_irqs_set_quiet(&f.irqs, true);
	umd_irqs_signal_all(&f.irqs);
	for (unsigned int i = 0; i < VECTORS; i++) {
		assert_int_equal(unit_take_events(fds[i]), i != 3);
		close(fds[i]);
	}
	assert_int_equal(unit_take_events(err), 1);
	assert_int_equal(unit_take_events(req), 1);
	close(err);
	close(req);
}

/* ---- Quiet --------------------------------------------------------------------------------- */

/* INTx, MSI and MSI-X wait; what is not the function's own, errors and requests, does not. */
static void test_quiet_device_keeps_its_interrupts_till_it_is_not(void **state)
{
	int fd = irq_eventfd();

	for (enum umd_irq index = 0; index < UMD_IRQ_INDEXES; index++) {
		bool waits = index <= UMD_IRQ_MSIX;

		irq_assign(&f, index, 0, fd);
		umd_irqs_set_quiet(&f.irqs, true);
		if (index == UMD_IRQ_INTX)
			umd_irqs_set_intx(&f.irqs, true);
		for (int i = 0; i < 2 && index != UMD_IRQ_INTX; i++)
			irq_trigger(&f, index, 0);
		assert_int_equal(unit_take_events(fd), waits ? 0 : 2);
		umd_irqs_set_quiet(&f.irqs, true);
		assert_int_equal(unit_take_events(fd), 0);
		umd_irqs_set_quiet(&f.irqs, false);
		assert_int_equal(unit_take_events(fd), waits);
		umd_irqs_set_quiet(&f.irqs, false);
		assert_int_equal(unit_take_events(fd), 0);
		irq_disable(&f, index);
	}
	close(fd);
}

static void test_line_that_falls_while_quiet_is_not_signalled(void **state)
{
	int fd = irq_eventfd();

	irq_assign(&f, UMD_IRQ_INTX, 0, fd);
	umd_irqs_set_quiet(&f.irqs, true);
	umd_irqs_set_intx(&f.irqs, true);
	umd_irqs_set_intx(&f.irqs, false);
	umd_irqs_set_quiet(&f.irqs, false);
	assert_int_equal(unit_take_events(fd), 0);
	close(fd);
}

/* ---- Peers that would have us wait --------------------------------------------------------- */

static void raise_index(enum umd_irq index)
{
	if (index == UMD_IRQ_INTX)
		umd_irqs_set_intx(&f.irqs, true);
	else
		irq_trigger(&f, index, 0);
}

/* A signal that waited would be ended by the alarm of irq_start(). */
static void test_no_signal_waits_for_an_eventfd_that_is_full(void **state)
{
	for (enum umd_irq index = 0; index < UMD_IRQ_INDEXES; index++) {
		for (unsigned int kind = 0; kind < IRQ_TRAPS; kind++) {
			int fd = irq_trap_open(kind);

			irq_assign(&f, index, 0, fd);
			irq_trap_spring(fd);
			for (int i = 0; i < 3; i++)
				raise_index(index);
			assert_int_equal(irq_set(&f, NONE | TRIGGER, index, 0, 1), 0);
			umd_irqs_signal_all(&f.irqs);
			umd_irqs_set_intx(&f.irqs, false);
			irq_disable(&f, index);
			irq_trap_close(fd);
		}
	}
}

static void test_no_release_waits_for_an_eventfd_that_is_full(void **state)
{
	for (enum umd_irq index = 0; index <= UMD_IRQ_MSIX; index++) {
		for (unsigned int kind = 0; kind < IRQ_TRAPS; kind++) {
			int fd = irq_trap_open(kind);

			irq_assign(&f, index, 0, fd);
			irq_trap_spring(fd);
			umd_irqs_set_quiet(&f.irqs, true);
			raise_index(index);
			umd_irqs_set_quiet(&f.irqs, false);
			umd_irqs_set_intx(&f.irqs, false);
			irq_disable(&f, index);
			irq_trap_close(fd);
		}
	}
}

static void test_flags_say_what_an_index_can_do(void **state)
{
	assert_int_equal(umd_irqs_flags(UMD_IRQ_INTX),
			 VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED);
	assert_int_equal(umd_irqs_flags(UMD_IRQ_MSI),
			 VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
	assert_int_equal(umd_irqs_flags(UMD_IRQ_MSIX), VFIO_IRQ_INFO_EVENTFD);
	assert_int_equal(umd_irqs_flags(UMD_IRQ_ERR),
			 VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
	assert_int_equal(umd_irqs_flags(UMD_IRQ_REQ),
			 VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_flags_indexes_and_ranges_are_checked),
		TEST(test_masks_of_the_line_in_use_are_checked),
		TEST(test_index_that_a_device_has_not_is_refused),
		TEST(test_fds_must_be_as_many_as_vectors),
		TEST(test_fd_that_is_no_eventfd_is_refused_and_changes_nothing),
		TEST(test_refused_fd_does_not_turn_an_index_on),
		TEST(test_one_of_intx_msi_and_msix_is_in_use),
		TEST(test_err_and_req_stand_beside_them),
		TEST(test_index_stays_in_use_though_its_fds_are_taken_away),
		TEST(test_each_vector_signals_its_own_eventfd),
		TEST(test_vectors_are_assigned_and_taken_away_in_part),
		TEST(test_trigger_without_a_vector_is_refused),
		TEST(test_trigger_without_a_client_is_none),
		TEST(test_loopback_signals_the_vectors_that_are_named),
		TEST(test_disabling_closes_the_eventfds),
		TEST(test_reset_keeps_the_eventfds_of_every_index),
		TEST(test_forgetting_drops_the_eventfds_of_every_index),
		TEST(test_vectors_in_use_are_counted_up_to_the_last),
		TEST(test_every_eventfd_there_is_can_be_signalled_once),
		TEST(test_quiet_device_keeps_its_interrupts_till_it_is_not),
		TEST(test_line_that_falls_while_quiet_is_not_signalled),
		TEST(test_no_signal_waits_for_an_eventfd_that_is_full),
		TEST(test_no_release_waits_for_an_eventfd_that_is_full),
		TEST(test_flags_say_what_an_index_can_do),
	};

	return cmocka_run_group_tests_name("irq", tests, NULL, NULL);
}
