/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interrupt tests share: the irq room with every index declared, SET_IRQS as a call, and a
 * guard that ends the program where a signal waits for its peer.
 */
#ifndef IRQ_FIXTURE_H
#define IRQ_FIXTURE_H

#include "unit.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>

#include "irq/irq.h"

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK

#define VECTORS 70u /* of MSI-X: more than a word of pending bits */
#define MSI	4u

struct irq_fixture {
	struct umd_poller poller;
	struct umd_irqs irqs;
	int fds_before;
};

static inline void irq_start(struct irq_fixture *f)
{
	static const unsigned int counts[] = {1, MSI, VECTORS, 1, 1};

	alarm(20);
	f->fds_before = unit_count_fds();
	assert_int_equal(umd_poller_init(&f->poller), 0);
	assert_int_equal(umd_irqs_init(&f->irqs, &f->poller), 0);
	for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++)
		assert_int_equal(umd_irqs_declare(&f->irqs, i, counts[i]), 0);
}

/* Ends the room; it keeps no fd. */
static inline void irq_stop(struct irq_fixture *f)
{
	umd_irqs_finish(&f->irqs);
	umd_poller_finish(&f->poller);
	assert_int_equal(unit_count_fds(), f->fds_before);
	alarm(0);
}

static inline int irq_set(struct irq_fixture *f, uint32_t flags, uint32_t index, uint32_t start,
			  uint32_t count)
{
	struct umd_irq_set set = {.flags = flags, .index = index, .start = start, .count = count};

	return umd_irqs_set(&f->irqs, &set);
}

/* SET_IRQS with fds: copies go along, which are closed unless they were taken. */
static inline int irq_set_fds(struct irq_fixture *f, uint32_t flags, uint32_t index, uint32_t start,
			      const int *fds, uint32_t count)
{
	int copies[VECTORS];
	struct umd_irq_set set = {.flags = flags,
				  .index = index,
				  .start = start,
				  .count = count,
				  .fds = copies,
				  .fd_count = count};
	int err;

	for (uint32_t i = 0; i < count; i++) {
		copies[i] = dup(fds[i]);
		assert_true(copies[i] >= 0);
	}
	err = umd_irqs_set(&f->irqs, &set);
	for (uint32_t i = 0; i < count; i++) {
		if (copies[i] >= 0)
			close(copies[i]);
	}
	return err;
}

static inline void irq_assign(struct irq_fixture *f, uint32_t index, uint32_t vector, int fd)
{
	assert_int_equal(irq_set_fds(f, EVENTFD | TRIGGER, index, vector, &fd, 1), 0);
}

static inline void irq_disable(struct irq_fixture *f, uint32_t index)
{
	assert_int_equal(irq_set(f, NONE | TRIGGER, index, 0, 0), 0);
}

static inline void irq_trigger(struct irq_fixture *f, enum umd_irq index, unsigned int vector)
{
	assert_int_equal(umd_irqs_trigger(&f->irqs, index, vector), 0);
}

static inline int irq_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* ---- Peers that would have us wait --------------------------------------------------------- */

#define IRQ_TRAPS 2u /* kinds of them */

/*
 * Eventfds that a write() would wait for: they are full, and they block: from the beginning, or
 * since the peer has taken O_NONBLOCK away behind our back.
 */
static inline int irq_trap_open(unsigned int kind)
{
	int fd = eventfd(0, EFD_CLOEXEC | (kind ? EFD_NONBLOCK : 0));

	assert_true(fd >= 0);
	return fd;
}

/* To be called once the room has the fd. */
static inline void irq_trap_spring(int fd)
{
	const uint64_t most = UINT64_MAX - 1;

	assert_int_equal(write(fd, &most, sizeof(most)), sizeof(most));
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

/* It is as full as it was: nothing was lost, nobody has waited. */
static inline void irq_trap_close(int fd)
{
	assert_true(unit_take_events(fd) >= UINT64_MAX - 1);
	close(fd);
}

#endif
