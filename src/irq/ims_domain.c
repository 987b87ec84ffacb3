/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: an owner's reserved slots, and which of them are out.
 *
 * A domain has its slots from the first moment to the last. So giving one out touches nothing that
 * other owners use, and who wears out generations by giving back and asking again wears out its
 * own.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/export.h"
#include "base/foreign.h"
#include "irq/ims_reserve.h"
#include "irq/ims_slot.h"
#include "irq/ims_store.h"

/* ---- What is out --------------------------------------------------------------------------- */

int umd_ims_domain_give_out(struct umd_ims_domain *domain, const struct umd_ims_state *state,
			    umd_ims_handle *ret)
{
	int err = -ENOSPC;

	pthread_mutex_lock(&domain->lock);
	if (domain->in_use < domain->usable) {
		*ret = umd_ims_slot_open(domain->slots[domain->in_use++], domain, state);
		err = 0;
	}
	pthread_mutex_unlock(&domain->lock);
	return err;
}

static void move(struct umd_ims_domain *domain, struct umd_ims_slot *slot, unsigned int place)
{
	struct umd_ims_slot *other = domain->slots[place];

	other->place = slot->place;
	domain->slots[other->place] = other;
	slot->place = place;
	domain->slots[place] = slot;
}

void umd_ims_domain_take_back(struct umd_ims_domain *domain, struct umd_ims_slot *slot)
{
	pthread_mutex_lock(&domain->lock);
	move(domain, slot, --domain->in_use);
	if (umd_ims_slot_is_spent(slot))
		move(domain, slot, --domain->usable);
	pthread_mutex_unlock(&domain->lock);
}

void umd_ims_domain_end_revoke(struct umd_ims_domain *domain)
{
	pthread_mutex_lock(&domain->lock);
	domain->revoking--;
	pthread_cond_broadcast(&domain->revoke_ended);
	pthread_mutex_unlock(&domain->lock);
}

/* ---- A domain's life ----------------------------------------------------------------------- */

static struct umd_ims_domain *allocate(struct umd_ims *ims,
				       const struct umd_ims_domain_options *options)
{
	struct umd_ims_domain *domain =
		calloc(1, sizeof(*domain) + options->vectors * sizeof(domain->slots[0]));

	if (!domain)
		return NULL;

	domain->ims = ims;
	domain->owner = options->owner;
	domain->vectors = options->vectors;
	domain->revoked = options->revoked;
	domain->data = options->data;
	pthread_mutex_init(&domain->lock, NULL);
	pthread_cond_init(&domain->revoke_ended, NULL);
	return domain;
}

static void release(struct umd_ims_domain *domain)
{
	pthread_cond_destroy(&domain->revoke_ended);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
}

static int check_options(const struct umd_ims *ims, const struct umd_ims_domain_options *options,
			 struct umd_error *error)
{
	if (options->size != sizeof(*options))
		return umd_error_set(error, -EINVAL, "these are not a domain's options");
	if (options->vectors == 0)
		return umd_error_set(error, -EINVAL, "owner %u asks for no vectors",
				     options->owner);
	if (options->vectors > ims->per_owner)
		return umd_error_set(error, -ENOSPC,
				     "owner %u asks for %u vectors; an owner may have %u",
				     options->owner, options->vectors, ims->per_owner);
	return 0;
}

static bool has_domain(const struct umd_ims *ims, uint32_t owner)
{
	const struct umd_ims_domain *domain = ims->domains;

	while (domain && domain->owner != owner)
		domain = domain->next;
	return domain;
}

/* Sees to it that there are enough free slots. */
static int make_room(struct umd_ims *ims, const struct umd_ims_domain *domain,
		     struct umd_error *error)
{
	if (domain->vectors <= ims->free_count)
		return 0;
	if (ims->entries)
		return umd_error_set(error, -ENOSPC,
				     "owner %u asks for %u vectors; %u of %u are free",
				     domain->owner, domain->vectors, ims->free_count, ims->entries);
	if (umd_ims_add_slots(ims, domain->vectors - ims->free_count) < 0)
		return umd_error_set(error, -ENOMEM, "no memory for %u vectors of owner %u",
				     domain->vectors, domain->owner);
	return 0;
}

static int enter(struct umd_ims *ims, struct umd_ims_domain *domain, struct umd_error *error)
{
	int err;

	if (has_domain(ims, domain->owner))
		return umd_error_set(error, -EEXIST, "owner %u has a domain already",
				     domain->owner);
	err = make_room(ims, domain, error);
	if (err)
		return err;

	umd_ims_reserve(ims, domain);
	domain->next = ims->domains;
	ims->domains = domain;
	return 0;
}

UMD_EXPORT int umd_ims_domain_create(struct umd_ims *ims,
				     const struct umd_ims_domain_options *options,
				     struct umd_ims_domain **ret, struct umd_error *error)
{
	int err = check_options(ims, options, error);
	struct umd_ims_domain *domain;

	if (err)
		return err;
	domain = allocate(ims, options);
	if (!domain)
		return umd_error_set(error, -ENOMEM, "no memory for owner %u", options->owner);

	pthread_mutex_lock(&ims->lock);
	err = enter(ims, domain, error);
	pthread_mutex_unlock(&ims->lock);
	if (err) {
		release(domain);
		return err;
	}
	*ret = domain;
	return 0;
}

/* Also waits for triggers that are under way: they hold their slot's lock. */
static void clear_entries(struct umd_ims_domain *domain)
{
	for (unsigned int i = 0; i < domain->vectors; i++) {
		struct umd_ims_slot *slot = domain->slots[i];
		int eventfd = -1;

		pthread_mutex_lock(&slot->lock);
		if (slot->domain)
			eventfd = umd_ims_slot_clear(slot);
		pthread_mutex_unlock(&slot->lock);
		umd_foreign_close(&eventfd);
	}
}

/* Revocations that began before are waited for; what they parcel out anew ends as well. */
static void end_entries(struct umd_ims_domain *domain)
{
	pthread_mutex_lock(&domain->lock);
	clear_entries(domain);
	while (domain->revoking) {
		pthread_cond_wait(&domain->revoke_ended, &domain->lock);
		clear_entries(domain);
	}
	pthread_mutex_unlock(&domain->lock);
}

static void leave(struct umd_ims *ims, struct umd_ims_domain *domain)
{
	struct umd_ims_domain **link = &ims->domains;

	while (*link != domain)
		link = &(*link)->next;
	*link = domain->next;

	umd_ims_unreserve(ims, domain);
	ims->delivered += domain->delivered;
	ims->refused += domain->refused;
}

UMD_EXPORT void umd_ims_domain_destroy(struct umd_ims_domain *domain)
{
	if (!domain)
		return;

	end_entries(domain);
	pthread_mutex_lock(&domain->ims->lock);
	leave(domain->ims, domain);
	pthread_mutex_unlock(&domain->ims->lock);
	release(domain);
}

UMD_EXPORT uint32_t umd_ims_domain_owner(const struct umd_ims_domain *domain)
{
	return domain->owner;
}

UMD_EXPORT struct umd_ims *umd_ims_domain_store(const struct umd_ims_domain *domain)
{
	return domain->ims;
}

UMD_EXPORT uint64_t umd_ims_domain_refused(const struct umd_ims_domain *domain)
{
	return domain->refused;
}
