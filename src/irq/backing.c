/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/backing.h"

#include <errno.h>
#include <stdlib.h>

static struct umd_irq_backing *find(const struct umd_irqs *irqs, unsigned int vector)
{
	return irqs->backing && irqs->backing[vector].ops ? &irqs->backing[vector] : NULL;
}

static int eventfd_of(const struct umd_irqs *irqs, unsigned int vector)
{
	return irqs->indexes[UMD_IRQ_MSIX].eventfds[vector];
}

/* Where the new eventfd cannot be taken, the one before must not be signalled any more. */
int umd_backing_assign(struct umd_irqs *irqs, unsigned int vector)
{
	const struct umd_irq_backing *backing = find(irqs, vector);
	int err;

	if (!backing)
		return 0;
	err = backing->ops->assign(backing->data, backing->entry, eventfd_of(irqs, vector));
	if (err)
		backing->ops->assign(backing->data, backing->entry, -1);
	return err == -ENOENT ? 0 : err;
}

void umd_backing_mask(struct umd_irqs *irqs, unsigned int vector)
{
	const struct umd_irq_backing *backing = find(irqs, vector);

	if (backing)
		backing->ops->mask(backing->data, backing->entry,
				   umd_msix_is_masked(&irqs->msix, vector));
}

void umd_backing_mask_all(struct umd_irqs *irqs)
{
	for (unsigned int i = 0; irqs->backing && i < irqs->msix.vectors; i++)
		umd_backing_mask(irqs, i);
}

void umd_backing_reset(struct umd_irqs *irqs)
{
	for (unsigned int i = 0; irqs->backing && i < irqs->msix.vectors; i++) {
		struct umd_irq_backing *backing = find(irqs, i);

		if (!backing)
			continue;
		backing->waits = false;
		backing->ops->reset(backing->data, backing->entry, eventfd_of(irqs, i));
		umd_backing_mask(irqs, i);
	}
}

bool umd_backing_trigger(struct umd_irqs *irqs, unsigned int vector)
{
	const struct umd_irq_backing *backing = find(irqs, vector);

	if (!backing || !backing->ops->trigger)
		return false;
	backing->ops->trigger(backing->data, backing->entry);
	return true;
}

void umd_backing_hold(struct umd_irqs *irqs, unsigned int vector)
{
	struct umd_irq_backing *backing = find(irqs, vector);

	if (backing)
		backing->waits = true;
}

/* What was pending from elsewhere is but a copy: it is delivered from there. */
bool umd_backing_release(struct umd_irqs *irqs, unsigned int vector)
{
	struct umd_irq_backing *backing = find(irqs, vector);
	bool waits = !backing || backing->waits;

	if (backing)
		backing->waits = false;
	return waits;
}

static void leave(struct umd_irqs *irqs, unsigned int vector)
{
	struct umd_irq_backing backing = irqs->backing[vector];

	irqs->backing[vector] = (struct umd_irq_backing){0};
	umd_msix_set_pending(&irqs->msix, vector, false);
	if (backing.ops)
		backing.ops->end(backing.data, backing.entry);
}

void umd_backing_finish(struct umd_irqs *irqs)
{
	for (unsigned int i = 0; irqs->backing && i < irqs->msix.vectors; i++)
		leave(irqs, i);
	free(irqs->backing);
	irqs->backing = NULL;
}

int umd_irqs_back(struct umd_irqs *irqs, unsigned int vector, const struct umd_irq_backing *backing)
{
	int err;

	if (vector >= irqs->msix.vectors)
		return -EINVAL;
	if (!irqs->backing)
		irqs->backing = calloc(irqs->msix.vectors, sizeof(*irqs->backing));
	if (!irqs->backing)
		return -ENOMEM;

	leave(irqs, vector);
	if (!backing)
		return 0;
	irqs->backing[vector] = *backing;
	umd_backing_mask(irqs, vector);
	err = umd_backing_assign(irqs, vector);
	if (err)
		irqs->backing[vector] = (struct umd_irq_backing){0};
	return err;
}

void umd_irqs_refresh_pending(struct umd_irqs *irqs)
{
	for (unsigned int i = 0; irqs->backing && i < irqs->msix.vectors; i++) {
		const struct umd_irq_backing *backing = find(irqs, i);

		if (backing)
			umd_msix_set_pending(
				&irqs->msix, i,
				backing->waits ||
					backing->ops->is_pending(backing->data, backing->entry));
	}
}
