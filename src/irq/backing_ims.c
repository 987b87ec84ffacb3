/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of an interrupt store behind MSI-X vectors. Whoever works for the entry's owner triggers
 * the entry, the device by it, too. An entry that was revoked is gone, and the calls on it say so.
 */
#include <errno.h>

#include "irq/irq.h"

static int assign(void *data, uint64_t entry, int eventfd)
{
	return umd_ims_set_eventfd(data, entry, eventfd);
}

static void mask(void *data, uint64_t entry, bool masked)
{
	umd_ims_set_mask(data, entry, masked);
}

static void reset(void *data, uint64_t entry, int eventfd)
{
	umd_ims_reset(data, entry);
}

static void trigger(void *data, uint64_t entry)
{
	umd_ims_trigger(umd_ims_domain_store(data), entry, umd_ims_domain_owner(data));
}

static bool is_pending(void *data, uint64_t entry)
{
	return umd_ims_is_pending(data, entry) == 1;
}

/* The entry keeps what it has, but signals nobody any more. */
static void end(void *data, uint64_t entry)
{
	umd_ims_set_eventfd(data, entry, -1);
}

static const struct umd_irq_backing_ops ops = {.assign = assign,
					       .mask = mask,
					       .reset = reset,
					       .trigger = trigger,
					       .is_pending = is_pending,
					       .end = end};

int umd_irqs_back_ims(struct umd_irqs *irqs, unsigned int vector, struct umd_ims_domain *domain,
		      umd_ims_handle handle)
{
	const struct umd_irq_backing backing = {.ops = &ops, .data = domain, .entry = handle};

	if (vector >= irqs->msix.vectors)
		return -EINVAL;
	if (domain && umd_ims_is_pending(domain, handle) < 0)
		return -ENOENT;
	return umd_irqs_back(irqs, vector, domain ? &backing : NULL);
}
