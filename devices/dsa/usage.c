/* SPDX-License-Identifier: BSD-2-Clause */
#include "usage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Pages --------------------------------------------------------------------------------- */

size_t dsa_usage_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void close_page(struct dsa_meter *meter)
{
	if (meter->counters)
		munmap(meter->counters, dsa_usage_page());
	if (meter->fd >= 0)
		close(meter->fd);
}

/* Mapped before anybody asks for it, since it is sealed against writing then. */
static int fill_page(struct dsa_meter *meter)
{
	size_t size = dsa_usage_page();
	void *page;

	if (ftruncate(meter->fd, (off_t)size) < 0)
		return -errno;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, meter->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	meter->counters = page;
	meter->counters->version = DSA_COUNTERS_VERSION;
	meter->counters->size = sizeof(*meter->counters);
	return 0;
}

static int open_page(struct dsa_meter *meter)
{
	int err;

	meter->fd = memfd_create("dsa-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (meter->fd < 0)
		return -errno;
	err = fill_page(meter);
	if (err)
		close_page(meter);
	return err;
}

/* ---- The owners' thread -------------------------------------------------------------------- */

void dsa_usage_init(struct dsa_usages *usages)
{
	pthread_mutex_init(&usages->lock, NULL);
}

void dsa_usage_finish(struct dsa_usages *usages)
{
	for (size_t i = 0; i < usages->count; i++)
		close_page(&usages->meters[i]);
	pthread_mutex_destroy(&usages->lock);
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

/* Whoever had the place keeps what he has mapped of it, if he likes, and nobody else gets that. */
static void give(struct dsa_usages *usages, struct dsa_meter *place, const struct dsa_meter *fresh)
{
	bool is_new = place == &usages->meters[usages->count];
	struct dsa_meter old = {.fd = -1};

	pthread_mutex_lock(&usages->lock);
	if (!is_new)
		old = *place;
	*place = *fresh;
	usages->count += is_new;
	pthread_mutex_unlock(&usages->lock);
	if (!is_new)
		umd_parent_revoke_region(usages->parent, old.owner, DSA_COUNTERS_REGION);
	close_page(&old);
}

static int make(struct dsa_usages *usages, uint32_t owner, struct dsa_meter **ret)
{
	struct dsa_meter *place = find_free(usages), fresh = {.owner = owner};
	int err = place ? open_page(&fresh) : -ENOSPC;

	if (err)
		return err;
	give(usages, place, &fresh);
	*ret = place;
	return 0;
}

int dsa_usage_find(struct dsa_usages *usages, uint32_t owner, struct dsa_meter **ret)
{
	struct dsa_meter *meter = find(usages, owner);

	if (!meter)
		return make(usages, owner, ret);
	*ret = meter;
	return 0;
}

int dsa_usage_join(struct dsa_usages *usages, uint32_t owner, struct dsa_meter **ret)
{
	int err = dsa_usage_find(usages, owner, ret);

	if (!err)
		__atomic_store_n(&(*ret)->queues, (*ret)->queues + 1, __ATOMIC_RELAXED);
	return err;
}

void dsa_usage_part(struct dsa_meter *meter)
{
	__atomic_store_n(&meter->queues, meter->queues - 1, __ATOMIC_RELAXED);
}

/* ---- Any thread ---------------------------------------------------------------------------- */

static void add(uint64_t *to, uint64_t amount)
{
	if (amount)
		__atomic_fetch_add(to, amount, __ATOMIC_RELAXED);
}

void dsa_usage_add(struct dsa_meter *meter, const struct dsa_counts *counts)
{
	struct dsa_counters *counters = meter->counters;

	add(&counters->descriptors, counts->descriptors);
	add(&counters->bytes, counts->bytes);
	add(&counters->interrupts, counts->interrupts);
	add(&counters->faults, counts->faults);
	add(&counters->refused, counts->refused);
}

static struct dsa_usage read_meter(const struct dsa_meter *meter)
{
	const struct dsa_counters *counters = meter->counters;

	return (struct dsa_usage){
		.owner = meter->owner,
		.queues = __atomic_load_n(&meter->queues, __ATOMIC_RELAXED),
		.descriptors = __atomic_load_n(&counters->descriptors, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&counters->bytes, __ATOMIC_RELAXED),
		.interrupts = __atomic_load_n(&counters->interrupts, __ATOMIC_RELAXED),
		.faults = __atomic_load_n(&counters->faults, __ATOMIC_RELAXED),
		.refused = __atomic_load_n(&counters->refused, __ATOMIC_RELAXED),
	};
}

static size_t read_all(struct dsa_usages *usages, struct dsa_usage ret[DSA_OWNERS_MAX])
{
	size_t count;

	pthread_mutex_lock(&usages->lock);
	count = usages->count;
	for (size_t i = 0; i < count; i++)
		ret[i] = read_meter(&usages->meters[i]);
	pthread_mutex_unlock(&usages->lock);
	return count;
}

static int by_owner(const void *a, const void *b)
{
	uint32_t x = ((const struct dsa_usage *)a)->owner, y = ((const struct dsa_usage *)b)->owner;

	return (x > y) - (x < y);
}

size_t dsa_usage_get(struct dsa_usages *usages, struct dsa_usage *ret, size_t room)
{
	struct dsa_usage all[DSA_OWNERS_MAX];
	size_t count = read_all(usages, all);

	if (!count || !room)
		return count;
	qsort(all, count, sizeof(all[0]), by_owner);
	memcpy(ret, all, (count < room ? count : room) * sizeof(all[0]));
	return count;
}
