/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store and its domains, from the inside.
 *
 * Locks, in the order in which they are taken: the store's (which slots belong to which domain),
 * a domain's (which of them are out), a slot's (the entry). A trigger takes a slot's only.
 */
#ifndef UMD_IRQ_IMS_STORE_H
#define UMD_IRQ_IMS_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include <umdev/ims.h>

#include "irq/ims_table.h"
#include "irq/signallers.h"

struct umd_ims {
	/* What triggers read is far from what others write. */
	struct umd_ims_table table;
	struct umd_signallers signallers;
	unsigned int entries; /* 0: storage per owner */
	unsigned int per_owner;

	pthread_mutex_t lock; /* of all that follows but `stale` */
	struct umd_ims_domain *domains;
	struct umd_ims_slot *free; /* slots that no domain has */
	unsigned int free_count, reserved;
	uint64_t delivered, refused; /* by domains that have ended */
	_Atomic uint64_t stale;
};

struct umd_ims_domain {
	struct umd_ims *ims;
	struct umd_ims_domain *next; /* under the store's lock */
	uint32_t owner;
	void (*revoked)(void *data, umd_ims_handle handle);
	void *data;
	_Atomic uint64_t delivered, refused;
	_Atomic unsigned int revoking; /* calls of umd_ims_revoke() that are not over */

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t revoke_ended;
	unsigned int vectors;	      /* reserved */
	unsigned int usable;	      /* those whose slots are not spent */
	unsigned int in_use;	      /* those that are out */
	struct umd_ims_slot *slots[]; /* first those in use, then the free ones, then the spent */
};

static inline void umd_ims_count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Takes a slot whose entry has ended back among the domain's free ones. */
void umd_ims_domain_take_back(struct umd_ims_domain *domain, struct umd_ims_slot *slot);

/* Opens one of the domain's free slots. 0 or -ENOSPC. */
int umd_ims_domain_give_out(struct umd_ims_domain *domain, const struct umd_ims_state *state,
			    umd_ims_handle *ret);

/* Ends what began with ++revoking. The domain may be gone after it. */
void umd_ims_domain_end_revoke(struct umd_ims_domain *domain);

#endif
