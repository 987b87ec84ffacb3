/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/backing.h"

#include <errno.h>
#include <stdlib.h>

/* An entry that was revoked is gone, and the calls on it say so: the vector is silent then. */
static const struct umd_irq_backing *find(const struct umd_irqs *irqs, unsigned int vector)
{
	return irqs->backing && irqs->backing[vector].domain ? &irqs->backing[vector] : NULL;
}

bool umd_backing_has(const struct umd_irqs *irqs, unsigned int vector)
{
	return find(irqs, vector);
}

/* Where the store cannot take the eventfd, it must not go on signalling the one before. */
int umd_backing_assign(struct umd_irqs *irqs, unsigned int vector)
{
	const struct umd_irq_backing *backing = find(irqs, vector);
	int eventfd = irqs->indexes[UMD_IRQ_MSIX].eventfds[vector], err;

	if (!backing)
		return 0;
	err = umd_ims_set_eventfd(backing->domain, backing->handle, eventfd);
	if (err)
		umd_ims_set_eventfd(backing->domain, backing->handle, -1);
	return err == -ENOENT ? 0 : err;
}

void umd_backing_mask(struct umd_irqs *irqs, unsigned int vector)
{
	const struct umd_irq_backing *backing = find(irqs, vector);

	if (backing)
		umd_ims_set_mask(backing->domain, backing->handle,
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
		const struct umd_irq_backing *backing = find(irqs, i);

		if (!backing)
			continue;
		umd_ims_reset(backing->domain, backing->handle);
		umd_backing_mask(irqs, i);
	}
}

bool umd_backing_trigger(struct umd_irqs *irqs, unsigned int vector)
{
	const struct umd_irq_backing *backing = find(irqs, vector);

	if (!backing)
		return false;
	umd_ims_trigger(umd_ims_domain_store(backing->domain), backing->handle,
			umd_ims_domain_owner(backing->domain));
	return true;
}

/* The entry that is left keeps what it has, but signals nobody any more. */
static void leave(struct umd_irqs *irqs, unsigned int vector)
{
	struct umd_irq_backing *backing = &irqs->backing[vector];

	if (backing->domain)
		umd_ims_set_eventfd(backing->domain, backing->handle, -1);
	*backing = (struct umd_irq_backing){0};
	umd_msix_set_pending(&irqs->msix, vector, false);
}

int umd_irqs_back(struct umd_irqs *irqs, unsigned int vector, struct umd_ims_domain *domain,
		  umd_ims_handle handle)
{
	if (vector >= irqs->msix.vectors)
		return -EINVAL;
	if (domain && umd_ims_is_pending(domain, handle) < 0)
		return -ENOENT;
	if (!irqs->backing)
		irqs->backing = calloc(irqs->msix.vectors, sizeof(*irqs->backing));
	if (!irqs->backing)
		return -ENOMEM;

	leave(irqs, vector);
	irqs->backing[vector] = (struct umd_irq_backing){domain, handle};
	umd_backing_mask(irqs, vector);
	return umd_backing_assign(irqs, vector);
}

void umd_irqs_refresh_pending(struct umd_irqs *irqs)
{
	for (unsigned int i = 0; irqs->backing && i < irqs->msix.vectors; i++) {
		const struct umd_irq_backing *backing = find(irqs, i);

		if (backing)
			umd_msix_set_pending(&irqs->msix, i,
					     umd_ims_is_pending(backing->domain, backing->handle) ==
						     1);
	}
}
