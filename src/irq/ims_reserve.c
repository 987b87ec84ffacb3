/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/ims_reserve.h"

#include "irq/ims_slot.h"

static void push(struct umd_ims *ims, struct umd_ims_slot *slot)
{
	slot->next = ims->free;
	ims->free = slot;
	ims->free_count++;
}

static struct umd_ims_slot *pop(struct umd_ims *ims)
{
	struct umd_ims_slot *slot = ims->free;

	ims->free = slot->next;
	ims->free_count--;
	return slot;
}

/* The lowest index is to be taken first. */
int umd_ims_add_slots(struct umd_ims *ims, unsigned int count)
{
	uint32_t first = umd_ims_table_count(&ims->table);
	int err = umd_ims_table_grow(&ims->table, count);

	if (err)
		return err;

	for (unsigned int i = count; i > 0; i--)
		push(ims, umd_ims_table_find(&ims->table, first + i - 1));
	return 0;
}

void umd_ims_reserve(struct umd_ims *ims, struct umd_ims_domain *domain)
{
	for (unsigned int i = 0; i < domain->vectors; i++) {
		domain->slots[i] = pop(ims);
		domain->slots[i]->place = i;
	}
	domain->usable = domain->vectors;
	ims->reserved += domain->vectors;
}

void umd_ims_unreserve(struct umd_ims *ims, struct umd_ims_domain *domain)
{
	for (unsigned int i = domain->vectors; i > 0; i--) {
		if (!umd_ims_slot_is_spent(domain->slots[i - 1]))
			push(ims, domain->slots[i - 1]);
	}
	ims->reserved -= domain->vectors;
}
