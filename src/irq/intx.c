/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INTx, a level, over eventfds, which are edges: the line is signalled once and masked until the
 * client has served it and unmasks. KVM does so through an eventfd of its own (a resample fd).
 */
#include "irq/intx.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/foreign.h"

void umd_intx_update(struct umd_irqs *irqs)
{
	struct umd_intx *intx = &irqs->intx;

	if (!intx->asserted || intx->masked || intx->disabled || irqs->quiet ||
	    irqs->live != UMD_IRQ_INTX)
		return;

	intx->masked = true;
	umd_irqs_signal_vector(irqs, UMD_IRQ_INTX, 0);
}

static void unmask(struct umd_irqs *irqs)
{
	irqs->intx.masked = false;
	umd_intx_update(irqs);
}

static void unmask_signalled(void *data, uint32_t events)
{
	unmask(data);
}

static void drop_unmask_fd(struct umd_irqs *irqs)
{
	umd_watch_destroy(irqs->intx.unmask_watch);
	irqs->intx.unmask_watch = NULL;
	umd_foreign_close(&irqs->intx.unmask_fd);
}

/*
 * The client's eventfd is never read, since a read could block if the client read it first:
 * watched edge-triggered, each signal is an event of its own.
 */
static int assign_unmask_fd(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	if (set->fd_count > 1 ||
	    (set->fd_count && umd_signaller_check(&irqs->signaller, set->fds[0]) < 0))
		return -EINVAL;

	drop_unmask_fd(irqs);
	if (!set->fd_count)
		return 0;
	irqs->intx.unmask_fd = umd_steal_fd(&set->fds[0]);
	return umd_poller_watch_fd(irqs->poller, irqs->intx.unmask_fd, EPOLLIN | EPOLLET,
				   unmask_signalled, irqs, &irqs->intx.unmask_watch);
}

int umd_intx_set_mask(struct umd_irqs *irqs, const struct umd_irq_set *set)
{
	bool masks = set->flags & VFIO_IRQ_SET_ACTION_MASK;

	if (irqs->live != UMD_IRQ_INTX || set->count != 1)
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return masks ? -ENOTTY : assign_unmask_fd(irqs, set);
	if ((set->flags & VFIO_IRQ_SET_DATA_BOOL) && !set->bools[0])
		return 0;

	if (masks)
		irqs->intx.masked = true;
	else
		unmask(irqs);
	return 0;
}

void umd_intx_reset(struct umd_irqs *irqs)
{
	irqs->intx.asserted = false;
	irqs->intx.disabled = false;
}

void umd_intx_forget(struct umd_irqs *irqs)
{
	drop_unmask_fd(irqs);
	irqs->intx.masked = false;
}

void umd_irqs_set_intx(struct umd_irqs *irqs, bool asserted)
{
	irqs->intx.asserted = asserted;
	umd_intx_update(irqs);
}

void umd_irqs_disable_intx(struct umd_irqs *irqs, bool disabled)
{
	irqs->intx.disabled = disabled;
	umd_intx_update(irqs);
}
