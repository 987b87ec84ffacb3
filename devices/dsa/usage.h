/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each owner has had of the engine. Workers add, whoever likes reads, and neither locks.
 *
 * An owner's place is kept when he has left, until somebody else needs one and there is no other.
 */
#ifndef DSA_USAGE_H
#define DSA_USAGE_H

#include "engine.h"

struct dsa_counts {
	uint64_t descriptors, bytes, interrupts, faults, refused;
};

/* An owner's place. Its version is odd while it is given to another owner. */
struct dsa_meter {
	uint32_t version, owner;
	uint32_t queues;
	struct dsa_counts counts;
};

struct dsa_usages {
	size_t count;
	struct dsa_meter meters[DSA_OWNERS_MAX];
};

/* An owner opens a queue, and closes it: one thread. NULL: there are too many. */
struct dsa_meter *dsa_usage_join(struct dsa_usages *usages, uint32_t owner);
void dsa_usage_part(struct dsa_meter *meter);

/* In any thread. */
void dsa_usage_add(struct dsa_meter *meter, const struct dsa_counts *counts);
size_t dsa_usage_get(const struct dsa_usages *usages, struct dsa_usage *ret, size_t room);

#endif
