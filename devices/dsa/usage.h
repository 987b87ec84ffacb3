/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each owner has had of the engine. Workers add without a lock, whoever likes reads, and the
 * owner itself by its own page (counters.h), each of which is a file.
 *
 * An owner's place is kept when he has left, until somebody else needs one and there is no other.
 */
#ifndef DSA_USAGE_H
#define DSA_USAGE_H

#include <pthread.h>

#include "engine.h"

struct dsa_counts {
	uint64_t descriptors, bytes, interrupts, faults, refused;
};

/* An owner's place. */
struct dsa_meter {
	uint32_t owner;
	uint32_t queues; /* any thread reads */
	int fd;
	struct dsa_counters *counters;
};

struct dsa_usages {
	struct umd_parent *parent; /* from whose links pages are taken away */
	pthread_mutex_t lock;	   /* of who has which place */
	size_t count;
	struct dsa_meter meters[DSA_OWNERS_MAX];
};

void dsa_usage_init(struct dsa_usages *usages);
void dsa_usage_finish(struct dsa_usages *usages);

/* Of one thread, the parent's: an owner's place, made where there is none. 0; -ENOSPC; -errno */
int dsa_usage_find(struct dsa_usages *usages, uint32_t owner, struct dsa_meter **ret);

/* An owner opens a queue, and closes it: the same thread, the same errors. */
int dsa_usage_join(struct dsa_usages *usages, uint32_t owner, struct dsa_meter **ret);
void dsa_usage_part(struct dsa_meter *meter);

/* In any thread. */
void dsa_usage_add(struct dsa_meter *meter, const struct dsa_counts *counts);
size_t dsa_usage_get(struct dsa_usages *usages, struct dsa_usage *ret, size_t room);

/* Bytes of a page. */
size_t dsa_usage_page(void);

#endif
