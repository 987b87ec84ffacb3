/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slots that a store's entries live in, by index.
 *
 * The table only grows, and a slot never moves: it is a row of segments, each twice as long as the
 * one before. A slot is published after it has been made, so that a thread looks up whatever index
 * it was given without a lock, while another thread adds slots.
 */
#ifndef UMD_IRQ_IMS_TABLE_H
#define UMD_IRQ_IMS_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define UMD_IMS_SEGMENTS  26u
#define UMD_IMS_SEGMENT_0 64u /* slots of the first segment */
#define UMD_IMS_SLOTS_MAX (UMD_IMS_SEGMENT_0 * ((1u << UMD_IMS_SEGMENTS) - 1))

struct umd_ims_domain;

/* Lines of its own, so that an owner's triggers do not slow its neighbour's. */
struct umd_ims_slot {
	/* Held over the signal: whoever took the eventfd out under the lock may close it. */
	pthread_mutex_t lock __attribute__((aligned(64)));
	struct umd_ims_domain *domain; /* whose entry it holds; NULL: none's */
	uint32_t generation;	       /* of the handle given out last */
	uint32_t index;
	int eventfd; /* -1: none */
	bool masked, pending;
	uint32_t data; /* as the driver wrote it, and the address */
	uint64_t address;

	struct umd_ims_slot *next; /* in the store's list of those that no domain has */
	unsigned int place;	   /* in its domain's array, under the domain's lock */
};

struct umd_ims_table {
	_Atomic uint32_t count;
	struct umd_ims_slot *segments[UMD_IMS_SEGMENTS];
};

/* Adds slots at the end. One thread at a time. 0 or -ENOMEM. */
int umd_ims_table_grow(struct umd_ims_table *table, uint32_t more);
void umd_ims_table_finish(struct umd_ims_table *table);

static inline uint32_t umd_ims_table_count(struct umd_ims_table *table)
{
	return atomic_load_explicit(&table->count, memory_order_acquire);
}

/* The slot of an index, from any thread; NULL where there is none. */
struct umd_ims_slot *umd_ims_table_find(struct umd_ims_table *table, uint32_t index);

#endif
