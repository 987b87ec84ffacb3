/* SPDX-License-Identifier: BSD-2-Clause */
/* The INTx line's masks, for irq.c. */
#ifndef UMD_IRQ_INTX_H
#define UMD_IRQ_INTX_H

#include "irq/irq.h"

/* Signals the line where it is asserted and nothing holds it back. */
void umd_intx_update(struct umd_irqs *irqs);

/* MASK and UNMASK, by command or by eventfd. */
int umd_intx_set_mask(struct umd_irqs *irqs, const struct umd_irq_set *set);

void umd_intx_reset(struct umd_irqs *irqs);

/* Lets go of the unmask eventfd and of the masked state: the index was disabled. */
void umd_intx_forget(struct umd_irqs *irqs);

#endif
