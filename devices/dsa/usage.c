/* SPDX-License-Identifier: BSD-2-Clause */
#include "usage.h"

#include <stdlib.h>
#include <string.h>

/* ---- The owners' thread -------------------------------------------------------------------- */

/* A reader that sees any of the new values sees the odd version, too: each store is a release. */
static void give_to(struct dsa_meter *meter, uint32_t owner)
{
	uint32_t version = meter->version;

	__atomic_store_n(&meter->version, version + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&meter->owner, owner, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->queues, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->counts.descriptors, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->counts.bytes, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->counts.interrupts, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->counts.faults, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->counts.refused, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&meter->version, version + 2, __ATOMIC_RELEASE);
}

static struct dsa_meter *find(struct dsa_usages *usages, uint32_t owner)
{
	for (size_t i = 0; i < usages->count; i++) {
		if (usages->meters[i].owner == owner)
			return &usages->meters[i];
	}
	return NULL;
}

static struct dsa_meter *find_free(struct dsa_usages *usages)
{
	if (usages->count < DSA_OWNERS_MAX)
		return &usages->meters[usages->count];
	for (size_t i = 0; i < usages->count; i++) {
		if (!usages->meters[i].queues)
			return &usages->meters[i];
	}
	return NULL;
}

static struct dsa_meter *make(struct dsa_usages *usages, uint32_t owner)
{
	struct dsa_meter *meter = find_free(usages);

	if (!meter)
		return NULL;
	give_to(meter, owner);
	if (meter == &usages->meters[usages->count])
		__atomic_store_n(&usages->count, usages->count + 1, __ATOMIC_RELEASE);
	return meter;
}

struct dsa_meter *dsa_usage_join(struct dsa_usages *usages, uint32_t owner)
{
	struct dsa_meter *meter = find(usages, owner);

	if (!meter)
		meter = make(usages, owner);
	if (meter)
		__atomic_store_n(&meter->queues, meter->queues + 1, __ATOMIC_RELEASE);
	return meter;
}

void dsa_usage_part(struct dsa_meter *meter)
{
	__atomic_store_n(&meter->queues, meter->queues - 1, __ATOMIC_RELEASE);
}

/* ---- Any thread ---------------------------------------------------------------------------- */

static void add(uint64_t *to, uint64_t amount)
{
	if (amount)
		__atomic_fetch_add(to, amount, __ATOMIC_RELAXED);
}

void dsa_usage_add(struct dsa_meter *meter, const struct dsa_counts *counts)
{
	add(&meter->counts.descriptors, counts->descriptors);
	add(&meter->counts.bytes, counts->bytes);
	add(&meter->counts.interrupts, counts->interrupts);
	add(&meter->counts.faults, counts->faults);
	add(&meter->counts.refused, counts->refused);
}

/* Each load is an acquire, so that the version is not read again before it. */
static struct dsa_usage read_meter(const struct dsa_meter *meter)
{
	const struct dsa_counts *counts = &meter->counts;
	struct dsa_usage usage;
	uint32_t version;

	do {
		version = __atomic_load_n(&meter->version, __ATOMIC_ACQUIRE);
		usage = (struct dsa_usage){
			.owner = __atomic_load_n(&meter->owner, __ATOMIC_ACQUIRE),
			.queues = __atomic_load_n(&meter->queues, __ATOMIC_ACQUIRE),
			.descriptors = __atomic_load_n(&counts->descriptors, __ATOMIC_ACQUIRE),
			.bytes = __atomic_load_n(&counts->bytes, __ATOMIC_ACQUIRE),
			.interrupts = __atomic_load_n(&counts->interrupts, __ATOMIC_ACQUIRE),
			.faults = __atomic_load_n(&counts->faults, __ATOMIC_ACQUIRE),
			.refused = __atomic_load_n(&counts->refused, __ATOMIC_ACQUIRE),
		};
	} while (version % 2 || version != __atomic_load_n(&meter->version, __ATOMIC_RELAXED));
	return usage;
}

static int by_owner(const void *a, const void *b)
{
	uint32_t x = ((const struct dsa_usage *)a)->owner, y = ((const struct dsa_usage *)b)->owner;

	return (x > y) - (x < y);
}

size_t dsa_usage_get(const struct dsa_usages *usages, struct dsa_usage *ret, size_t room)
{
	size_t count = __atomic_load_n(&usages->count, __ATOMIC_ACQUIRE);
	struct dsa_usage all[DSA_OWNERS_MAX];

	if (!count || !room)
		return count;
	for (size_t i = 0; i < count; i++)
		all[i] = read_meter(&usages->meters[i]);
	qsort(all, count, sizeof(all[0]), by_owner);
	memcpy(ret, all, (count < room ? count : room) * sizeof(all[0]));
	return count;
}
