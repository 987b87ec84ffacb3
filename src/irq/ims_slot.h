/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to one entry, under its slot's lock. */
#ifndef UMD_IRQ_IMS_SLOT_H
#define UMD_IRQ_IMS_SLOT_H

#include <umdev/ims.h>

#include "irq/ims_table.h"

/* The slot that a handle names, locked; NULL where the handle names no entry. */
struct umd_ims_slot *umd_ims_slot_lock(struct umd_ims_table *table, umd_ims_handle handle);

/* The same by the index alone: whichever entry it has. */
struct umd_ims_slot *umd_ims_slot_lock_index(struct umd_ims_table *table, uint32_t index);

static inline void umd_ims_slot_unlock(struct umd_ims_slot *slot)
{
	pthread_mutex_unlock(&slot->lock);
}

/* Makes a free slot a domain's entry. The handle is a new one. */
umd_ims_handle umd_ims_slot_open(struct umd_ims_slot *slot, struct umd_ims_domain *domain,
				 const struct umd_ims_state *state);

/*
 * Ends the entry of a locked slot. From here on its handle names nothing.
 *
 * @return its eventfd, which is the caller's to close, or -1
 */
int umd_ims_slot_clear(struct umd_ims_slot *slot);

/* Signals what is pending, where neither the mask nor a lack of an eventfd holds it back. */
void umd_ims_slot_deliver(struct umd_ims_slot *slot);

/* Whether the slot has been through all generations: it must not be opened again. */
static inline bool umd_ims_slot_is_spent(const struct umd_ims_slot *slot)
{
	return slot->generation == UINT32_MAX;
}

#endif
