/* SPDX-License-Identifier: BSD-2-Clause */
/* The vectors' eventfds, and SET_IRQS: what it may say and what it does. INTx: intx.c. */
#include "irq/irq.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/range.h"
#include "irq/intx.h"

int umd_irqs_init(struct umd_irqs *irqs, struct umd_poller *poller)
{
	*irqs = (struct umd_irqs){.poller = poller, .live = UMD_IRQ_INDEXES};
	irqs->intx.unmask_fd = -1;
	return umd_signaller_init(&irqs->signaller);
}

static void drop_eventfds(struct umd_irqs *irqs, enum umd_irq index)
{
	umd_close_all(irqs->indexes[index].eventfds, irqs->indexes[index].count);
	if (index == UMD_IRQ_INTX)
		umd_intx_forget(irqs);
	if (irqs->live == index)
		irqs->live = UMD_IRQ_INDEXES;
}

void umd_irqs_finish(struct umd_irqs *irqs)
{
	for (enum umd_irq i = 0; i < UMD_IRQ_INDEXES; i++) {
		drop_eventfds(irqs, i);
		free(irqs->indexes[i].eventfds);
	}
	umd_msix_state_finish(&irqs->msix);
	umd_signaller_finish(&irqs->signaller);
}

int umd_irqs_declare(struct umd_irqs *irqs, enum umd_irq index, unsigned int count)
{
	int *fds = malloc(count * sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	if (index == UMD_IRQ_MSIX && umd_msix_state_init(&irqs->msix, count) < 0) {
		free(fds);
		return -ENOMEM;
	}

	memset(fds, 0xff, count * sizeof(*fds));
	free(irqs->indexes[index].eventfds);
	irqs->indexes[index] = (struct umd_irq_index){.count = count, .eventfds = fds};
	return 0;
}

void umd_irqs_reset(struct umd_irqs *irqs, bool drop)
{
	umd_intx_reset(irqs);
	umd_msix_state_reset(&irqs->msix);
	for (enum umd_irq i = 0; drop && i < UMD_IRQ_INDEXES; i++)
		drop_eventfds(irqs, i);
}

/* MSI-X may grow while enabled, so it lacks NORESIZE. */
uint32_t umd_irqs_flags(enum umd_irq index)
{
	switch (index) {
	case UMD_IRQ_INTX:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	case UMD_IRQ_MSIX:
		return VFIO_IRQ_INFO_EVENTFD;
	default:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	}
}

static void signal_vector(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector)
{
	int eventfd = irqs->indexes[index].eventfds[vector];

	if (eventfd >= 0)
		umd_signaller_send(&irqs->signaller, eventfd);
}

int umd_irqs_trigger(struct umd_irqs *irqs, enum umd_irq index, unsigned int vector)
{
	if (index >= UMD_IRQ_INDEXES || vector >= irqs->indexes[index].count)
		return -EINVAL;
	if (index != UMD_IRQ_MSIX || umd_msix_admit(&irqs->msix, vector))
		signal_vector(irqs, index, vector);
	return 0;
}

static void release_msix(struct umd_irqs *irqs)
{
	unsigned int vector = 0;

	while (umd_msix_release(&irqs->msix, vector, &vector))
		signal_vector(irqs, UMD_IRQ_MSIX, vector);
}

void umd_irqs_msix_written(struct umd_irqs *irqs, size_t offset, size_t size)
{
	umd_msix_written(&irqs->msix, offset, size);
	release_msix(irqs);
}

void umd_irqs_mask_msix(struct umd_irqs *irqs, bool masked)
{
	irqs->msix.function_masked = masked;
	release_msix(irqs);
}

/* ---- SET_IRQS ------------------------------------------------------------------------------ */

static bool is_one_of(uint32_t flags, uint32_t mask)
{
	return umd_is_power_of_2(flags & mask);
}

static int check_set(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (set->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	if (!is_one_of(set->flags, VFIO_IRQ_SET_DATA_TYPE_MASK))
		return -EINVAL;
	if (set->index >= UMD_IRQ_INDEXES)
		return -EINVAL;
	if (set->start >= irqs->indexes[set->index].count ||
	    !umd_range_within(set->start, set->count, irqs->indexes[set->index].count))
		return -EINVAL;
	if (!is_one_of(set->flags, VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -ENOTTY;
	return 0;
}

static int check_eventfds(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (set->fd_count && set->fd_count != set->count)
		return -EINVAL;
	for (unsigned int i = 0; i < set->fd_count; i++) {
		if (umd_signaller_check(&irqs->signaller, set->fds[i]) < 0)
			return -EINVAL;
	}
	return 0;
}

/* INTx, MSI and MSI-X exclude each other; ERR and REQ stand beside them. */
static bool is_message_or_line(uint32_t index)
{
	return index <= UMD_IRQ_MSIX;
}

static bool is_enabled(const struct umd_irqs *irqs, uint32_t index)
{
	return is_message_or_line(index) ? irqs->live == index
					 : irqs->indexes[index].eventfds[0] >= 0;
}

static int assign(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	int *eventfds = irqs->indexes[set->index].eventfds;
	int err = check_eventfds(irqs, set);

	if (err)
		return err;

	for (unsigned int i = 0; i < set->count; i++) {
		umd_close(&eventfds[set->start + i]);
		if (set->fd_count)
			eventfds[set->start + i] = umd_steal_fd(&set->fds[i]);
	}
	if (is_message_or_line(set->index))
		irqs->live = set->index;
	if (set->index == UMD_IRQ_INTX)
		umd_intx_update(irqs);
	return 0;
}

/* A trigger without an fd: the client tests its own wiring, so masks do not count. */
static int loop_back(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (!is_enabled(irqs, set->index))
		return -EINVAL;

	for (unsigned int i = 0; i < set->count; i++) {
		if (!(set->flags & VFIO_IRQ_SET_DATA_BOOL) || set->bools[i])
			signal_vector(irqs, set->index, set->start + i);
	}
	return 0;
}

static int set_trigger(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if ((set->flags & VFIO_IRQ_SET_DATA_NONE) && !set->count) {
		drop_eventfds(irqs, set->index);
		return 0;
	}
	if (is_message_or_line(set->index) && irqs->live != UMD_IRQ_INDEXES &&
	    irqs->live != set->index)
		return -EINVAL;
	return set->flags & VFIO_IRQ_SET_DATA_EVENTFD ? assign(irqs, set) : loop_back(irqs, set);
}

int umd_irqs_set(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	int err = check_set(irqs, set);

	if (err)
		return err;
	if (set->flags & VFIO_IRQ_SET_ACTION_TRIGGER)
		return set_trigger(irqs, set);
	return set->index == UMD_IRQ_INTX ? umd_intx_set_mask(irqs, set) : -ENOTTY;
}
