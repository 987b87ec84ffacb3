/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/ims_table.h"

#include <errno.h>
#include <stdlib.h>

/* Segment n begins at SEGMENT_0 * (2^n - 1). */
static unsigned int segment_of(uint32_t index)
{
	return 31 - (unsigned int)__builtin_clz(index / UMD_IMS_SEGMENT_0 + 1);
}

static uint32_t start_of(unsigned int segment)
{
	return UMD_IMS_SEGMENT_0 * ((1u << segment) - 1);
}

static struct umd_ims_slot *slot_at(struct umd_ims_table *table, uint32_t index)
{
	unsigned int segment = segment_of(index);

	return &table->segments[segment][index - start_of(segment)];
}

struct umd_ims_slot *umd_ims_table_find(struct umd_ims_table *table, uint32_t index)
{
	return index < umd_ims_table_count(table) ? slot_at(table, index) : NULL;
}

/* Memory for the indexes below `end`. Most of it is not touched before its slots are made. */
static int reserve(struct umd_ims_table *table, uint32_t end)
{
	for (unsigned int i = 0; i < UMD_IMS_SEGMENTS && start_of(i) < end; i++) {
		size_t length = (size_t)UMD_IMS_SEGMENT_0 << i;

		if (table->segments[i])
			continue;
		table->segments[i] = aligned_alloc(64, length * sizeof(struct umd_ims_slot));
		if (!table->segments[i])
			return -ENOMEM;
	}
	return 0;
}

static void make(struct umd_ims_slot *slot, uint32_t index)
{
	*slot = (struct umd_ims_slot){.index = index, .eventfd = -1};
	pthread_mutex_init(&slot->lock, NULL);
}

int umd_ims_table_grow(struct umd_ims_table *table, uint32_t more)
{
	uint32_t count = umd_ims_table_count(table);

	if (more > UMD_IMS_SLOTS_MAX - count || reserve(table, count + more) < 0)
		return -ENOMEM;

	for (uint32_t i = count; i < count + more; i++)
		make(slot_at(table, i), i);
	atomic_store_explicit(&table->count, count + more, memory_order_release);
	return 0;
}

void umd_ims_table_finish(struct umd_ims_table *table)
{
	for (uint32_t i = 0; i < umd_ims_table_count(table); i++)
		pthread_mutex_destroy(&slot_at(table, i)->lock);
	for (unsigned int i = 0; i < UMD_IMS_SEGMENTS; i++)
		free(table->segments[i]);
}
