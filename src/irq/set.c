/* SPDX-License-Identifier: BSD-2-Clause */
/* SET_IRQS: what it may say and what it does. */
#include <errno.h>
#include <linux/vfio.h>

#include "base/fd.h"
#include "base/range.h"
#include "irq/backing.h"
#include "irq/intx.h"

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

/* What stands behind vectors of MSI-X signals the new eventfds from here on. */
static int follow(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	int err = 0;

	for (unsigned int i = 0; set->index == UMD_IRQ_MSIX && i < set->count; i++) {
		int failed = umd_backing_assign(irqs, set->start + i);

		err = err ? err : failed;
	}
	return err;
}

/* The index is in use from here on. */
static void enable(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	bool grows = set->index == UMD_IRQ_MSI && set->start + set->count > irqs->msi.allocated;

	if (grows && (set->count || !irqs->msi.allocated)) {
		umd_msi_allocate(&irqs->msi, set->start + set->count);
		umd_irqs_msi_written(irqs); /* MSI is on again, where the driver had it off */
	}
	if (is_message_or_line(set->index))
		irqs->live = set->index;
	if (set->index == UMD_IRQ_INTX)
		umd_intx_update(irqs);
}

/*
 * NORESIZE: MSI cannot grow once it is enabled, but for vectors that follow on those enabled, since
 * a client may have more of them than fds fit into a message.
 */
static bool is_beyond(const struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (set->index != UMD_IRQ_MSI || irqs->live != UMD_IRQ_MSI || !set->count)
		return false;
	return set->start + set->count > irqs->msi.allocated && set->start != irqs->msi.allocated;
}

/* INTx, ERR and REQ have one vector. Messages can be enabled without eventfds, but not none. */
static bool is_count(const struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (set->index != UMD_IRQ_MSI && set->index != UMD_IRQ_MSIX)
		return set->count == 1;
	return irqs->live == set->index || set->start + set->count > 0;
}

static int assign(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	int *eventfds = irqs->indexes[set->index].eventfds;
	int err = check_eventfds(irqs, set);

	if (err)
		return err;
	if (is_beyond(irqs, set))
		return -EINVAL;

	for (unsigned int i = 0; i < set->count; i++) {
		umd_irqs_drop_vector(irqs, set->index, set->start + i);
		if (set->fd_count)
			eventfds[set->start + i] = umd_steal_fd(&set->fds[i]);
	}
	enable(irqs, set);
	return follow(irqs, set);
}

/* A trigger without an fd: the client tests its own wiring, so masks do not count. */
static int loop_back(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (!is_enabled(irqs, set->index))
		return -EINVAL;

	for (unsigned int i = 0; i < set->count; i++) {
		if (!(set->flags & VFIO_IRQ_SET_DATA_BOOL) || set->bools[i])
			umd_irqs_signal_vector(irqs, set->index, set->start + i);
	}
	return 0;
}

static int set_trigger(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if ((set->flags & VFIO_IRQ_SET_DATA_NONE) && !set->count) {
		umd_irqs_drop_index(irqs, set->index);
		return 0;
	}
	if (is_message_or_line(set->index) && irqs->live != UMD_IRQ_INDEXES &&
	    irqs->live != set->index)
		return -EINVAL;
	if (!is_count(irqs, set))
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
