/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X vectors whose interrupt comes from elsewhere: an entry of a store, or a vector of a parent.
 * It signals the eventfd that the client assigned to the vector, without a detour, and is masked as
 * the vector is. The device sees of it only what is pending.
 */
#ifndef UMD_IRQ_BACKING_H
#define UMD_IRQ_BACKING_H

#include "irq/irq.h"

/*
 * Follow the client: a vector has another eventfd; its mask may have changed, or everyone's. 0, or
 * why the eventfd cannot be signalled from there: the vector is silent then.
 */
int umd_backing_assign(struct umd_irqs *irqs, unsigned int vector);
void umd_backing_mask(struct umd_irqs *irqs, unsigned int vector);
void umd_backing_mask_all(struct umd_irqs *irqs);

/* A reset: nothing that was pending is delivered any more. */
void umd_backing_reset(struct umd_irqs *irqs);

/*
 * The device triggers a vector. False where that is the vector's own business, of which the second
 * call tells that a mask holds the message back.
 */
bool umd_backing_trigger(struct umd_irqs *irqs, unsigned int vector);
void umd_backing_hold(struct umd_irqs *irqs, unsigned int vector);

/* A mask has gone from a pending vector: whether the message is the device's own to send. */
bool umd_backing_release(struct umd_irqs *irqs, unsigned int vector);

/* No vector has anything behind it any more. */
void umd_backing_finish(struct umd_irqs *irqs);

#endif
