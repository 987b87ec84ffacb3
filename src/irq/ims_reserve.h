/* SPDX-License-Identifier: BSD-2-Clause */
/* A store's slots between domains. All of it under the store's lock. */
#ifndef UMD_IRQ_IMS_RESERVE_H
#define UMD_IRQ_IMS_RESERVE_H

#include "irq/ims_store.h"

/* Makes new slots, which are free. 0 or -ENOMEM. */
int umd_ims_add_slots(struct umd_ims *ims, unsigned int count);

/* Gives a domain as many free slots as it has vectors; there are so many. */
void umd_ims_reserve(struct umd_ims *ims, struct umd_ims_domain *domain);

/* Takes them back, but for those that are spent. */
void umd_ims_unreserve(struct umd_ims *ims, struct umd_ims_domain *domain);

#endif
