/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X vectors whose interrupt comes out of a store: the entry signals the eventfd that the client
 * assigned to the vector, without a detour, and is masked as the vector is. Whoever works for the
 * entry's owner triggers the entry; the device sees of it only what is pending.
 */
#ifndef UMD_IRQ_BACKING_H
#define UMD_IRQ_BACKING_H

#include "irq/irq.h"

/*
 * Follow the client: a vector has another eventfd; its mask may have changed, or everyone's. 0, or
 * what the store says where it cannot take the eventfd: the vector is silent then.
 */
int umd_backing_assign(struct umd_irqs *irqs, unsigned int vector);
void umd_backing_mask(struct umd_irqs *irqs, unsigned int vector);
void umd_backing_mask_all(struct umd_irqs *irqs);

/* A reset: nothing that was pending is delivered any more. */
void umd_backing_reset(struct umd_irqs *irqs);

/* Whether an entry stands behind a vector. */
bool umd_backing_has(const struct umd_irqs *irqs, unsigned int vector);

/* Triggers the entry behind a vector; false where the vector has none. */
bool umd_backing_trigger(struct umd_irqs *irqs, unsigned int vector);

#endif
