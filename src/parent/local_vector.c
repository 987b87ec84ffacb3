/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An owner's vectors: entries of the parent's store, by their index there.
 *
 * An entry that the store takes away (umd_ims_revoke(), in any thread) stays in the table until the
 * link was told, so that its index means nothing else meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "parent/local.h"

static uint32_t index_of(const struct umd_local_vector *vector)
{
	return (uint32_t)vector->handle;
}

static struct umd_newsroom *lock(struct umd_local *local)
{
	pthread_mutex_lock(&local->parent->news.lock);
	return &local->parent->news;
}

static void unlock(struct umd_newsroom *room)
{
	pthread_mutex_unlock(&room->lock);
}

static struct umd_local_vector *find(struct umd_local *local, uint32_t index)
{
	for (uint32_t i = 0; i < local->vector_count; i++) {
		if (index_of(&local->vectors[i]) == index)
			return &local->vectors[i];
	}
	return NULL;
}

static void take_out(struct umd_local *local, struct umd_local_vector *vector)
{
	*vector = local->vectors[--local->vector_count];
}

/* ---- Revocations --------------------------------------------------------------------------- */

static void revoked(void *data, umd_ims_handle handle)
{
	struct umd_local *local = data;
	struct umd_newsroom *room = lock(local);
	struct umd_local_vector *vector = find(local, (uint32_t)handle);

	if (vector && vector->handle == handle) {
		vector->revoked = true;
		umd_news_post(room, &local->revocations);
	}
	unlock(room);
}

/* Takes a revoked vector out of the table; has the next one told in its turn. */
static bool take_revoked(struct umd_local *local, uint32_t *ret)
{
	for (uint32_t i = 0; i < local->vector_count; i++) {
		struct umd_local_vector *vector = &local->vectors[i];

		if (!vector->revoked)
			continue;
		*ret = index_of(vector);
		take_out(local, vector);
		umd_news_post(&local->parent->news, &local->revocations);
		return true;
	}
	return false;
}

static void tell(struct umd_news *news)
{
	struct umd_local *local =
		(struct umd_local *)(void *)((char *)news -
					     offsetof(struct umd_local, revocations));
	struct umd_newsroom *room = lock(local);
	uint32_t vector;
	bool taken = take_revoked(local, &vector);

	unlock(room);
	if (taken && local->link.ops.revoked)
		local->link.ops.revoked(local->link.data, vector);
}

/* ---- Life ---------------------------------------------------------------------------------- */

int umd_local_open_vectors(struct umd_local *local, struct umd_error *error)
{
	const struct umd_ims_domain_options options = {.size = sizeof(options),
						       .owner = local->owner.owner,
						       .vectors = local->owner.vectors,
						       .revoked = revoked,
						       .data = local};
	int err =
		umd_ims_domain_create(local->parent->options.ims, &options, &local->domain, error);

	if (err)
		return err == -EEXIST ? -EBUSY : err;
	local->revocations.tell = tell;
	local->vectors = calloc(local->owner.vectors, sizeof(local->vectors[0]));
	return local->vectors ? 0 : -ENOMEM;
}

void umd_local_close_vectors(struct umd_local *local)
{
	umd_ims_domain_destroy(local->domain);
	local->domain = NULL;
	umd_news_drop(&local->parent->news, &local->revocations);
	free(local->vectors);
	local->vectors = NULL;
	local->vector_count = 0;
}

uint32_t umd_local_free_vectors(struct umd_local *local)
{
	struct umd_newsroom *room = lock(local);
	uint32_t left = local->owner.vectors - local->vector_count;

	unlock(room);
	return left;
}

/* ---- A way's calls ------------------------------------------------------------------------- */

/* An entry whose index is not one that was revoked, of which the link does not know yet. */
static int alloc_fresh(struct umd_local *local, umd_ims_handle *ret)
{
	umd_ims_handle handle;
	int err = umd_ims_alloc(local->domain, &handle);

	if (err)
		return err;
	if (!find(local, (uint32_t)handle)) {
		*ret = handle;
		return 0;
	}
	err = alloc_fresh(local, ret);
	umd_ims_free(local->domain, handle);
	return err;
}

int umd_local_alloc_vector(struct umd_link *link, uint32_t *ret)
{
	struct umd_local *local = (struct umd_local *)link;
	struct umd_newsroom *room = lock(local);
	umd_ims_handle handle;
	int err = local->vector_count < local->owner.vectors ? alloc_fresh(local, &handle)
							     : -ENOSPC;

	if (!err) {
		local->vectors[local->vector_count++] = (struct umd_local_vector){.handle = handle};
		*ret = (uint32_t)handle;
	}
	unlock(room);
	return err;
}

/* The handle of a vector that is out, and has not been revoked; 0: there is none. */
static umd_ims_handle handle_of(struct umd_local *local, uint32_t index)
{
	struct umd_newsroom *room = lock(local);
	const struct umd_local_vector *vector = find(local, index);
	umd_ims_handle handle = vector && !vector->revoked ? vector->handle : 0;

	unlock(room);
	return handle;
}

int umd_local_free_vector(struct umd_link *link, uint32_t index)
{
	struct umd_local *local = (struct umd_local *)link;
	umd_ims_handle handle = handle_of(local, index);
	int err = umd_ims_free(local->domain, handle);
	struct umd_newsroom *room;

	if (err)
		return err;
	room = lock(local);
	take_out(local, find(local, index));
	unlock(room);
	return 0;
}

int umd_local_set_eventfd(struct umd_link *link, uint32_t vector, int fd)
{
	struct umd_local *local = (struct umd_local *)link;

	return umd_ims_set_eventfd(local->domain, handle_of(local, vector), fd);
}

int umd_local_set_mask(struct umd_link *link, uint32_t vector, bool masked)
{
	struct umd_local *local = (struct umd_local *)link;

	return umd_ims_set_mask(local->domain, handle_of(local, vector), masked);
}

int umd_local_is_pending(struct umd_link *link, uint32_t vector)
{
	struct umd_local *local = (struct umd_local *)link;

	return umd_ims_is_pending(local->domain, handle_of(local, vector));
}
