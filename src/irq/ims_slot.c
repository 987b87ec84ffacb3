/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/ims_slot.h"

#include "base/fd.h"
#include "irq/ims_store.h"

static umd_ims_handle handle_of(const struct umd_ims_slot *slot)
{
	return (umd_ims_handle)slot->generation << 32 | slot->index;
}

struct umd_ims_slot *umd_ims_slot_lock_index(struct umd_ims_table *table, uint32_t index)
{
	struct umd_ims_slot *slot = umd_ims_table_find(table, index);

	if (!slot)
		return NULL;

	pthread_mutex_lock(&slot->lock);
	if (slot->domain)
		return slot;
	pthread_mutex_unlock(&slot->lock);
	return NULL;
}

struct umd_ims_slot *umd_ims_slot_lock(struct umd_ims_table *table, umd_ims_handle handle)
{
	struct umd_ims_slot *slot = umd_ims_slot_lock_index(table, (uint32_t)handle);

	if (!slot || handle_of(slot) == handle)
		return slot;
	pthread_mutex_unlock(&slot->lock);
	return NULL;
}

umd_ims_handle umd_ims_slot_open(struct umd_ims_slot *slot, struct umd_ims_domain *domain,
				 const struct umd_ims_state *state)
{
	umd_ims_handle handle;

	pthread_mutex_lock(&slot->lock);
	slot->generation++;
	slot->domain = domain;
	slot->masked = state->masked;
	slot->pending = state->pending;
	slot->address = state->address;
	slot->data = state->data;
	handle = handle_of(slot);
	pthread_mutex_unlock(&slot->lock);
	return handle;
}

int umd_ims_slot_clear(struct umd_ims_slot *slot)
{
	slot->domain = NULL;
	return umd_steal_fd(&slot->eventfd);
}

/* What could not be sent for lack of memory stays pending: the next trigger carries it. */
void umd_ims_slot_deliver(struct umd_ims_slot *slot)
{
	struct umd_ims_domain *domain = slot->domain;

	if (!slot->pending || slot->masked || slot->eventfd < 0)
		return;
	if (umd_signaller_send(umd_signallers_here(&domain->ims->signallers), slot->eventfd) < 0)
		return;

	slot->pending = false;
	umd_ims_count(&domain->delivered);
}
