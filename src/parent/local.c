/* SPDX-License-Identifier: BSD-2-Clause */
/* The way within a process: a link's life, and what it is told about its parent. */
#include "parent/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/export.h"

/* ---- Waiting ------------------------------------------------------------------------------- */

void umd_local_ended(void *data, int result)
{
	struct umd_local_wait *wait = data;

	wait->ended = true;
	wait->result = result;
}

/* Whatever it is ends: the parent's author says so, the time is up, or the queue is closed. */
int umd_local_wait(struct umd_parent *parent, struct umd_local_wait *wait)
{
	while (!wait->ended)
		umd_parent_dispatch(parent, -1);
	return wait->result;
}

/* ---- What the parent offers ---------------------------------------------------------------- */

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t free_queues(const struct umd_local *local)
{
	const struct umd_parent *parent = local->parent;
	uint32_t left = local->owner.queues - local->queue_count;
	uint32_t most = parent->options.max_queues;

	return most ? min(left, most - parent->queue_count) : left;
}

static int get_info(struct umd_link *link, struct umd_parent_info *ret)
{
	struct umd_local *local = (struct umd_local *)link;
	const struct umd_parent_options *options = &local->parent->options;

	*ret = (struct umd_parent_info){.size = sizeof(*ret),
					.entry_size = options->entry_size,
					.max_depth = options->max_depth,
					.shared_queues = options->shared_queues,
					.queues = local->owner.queues,
					.free_queues = free_queues(local),
					.vectors = local->owner.vectors,
					.free_vectors = umd_local_free_vectors(local),
					.max_weight = local->owner.max_weight,
					.max_maps = local->owner.max_maps,
					.max_mapped_bytes = local->owner.max_mapped_bytes,
					.regions = options->regions};
	memcpy(ret->api, local->parent->api, sizeof(ret->api));
	memcpy(ret->algorithms, local->parent->algorithms, sizeof(ret->algorithms));
	if (options->ops->get_info)
		options->ops->get_info(options->data, ret);
	return 0;
}

static int get_fd(const struct umd_link *link)
{
	const struct umd_local *local = (const struct umd_local *)link;

	return local->parent ? umd_parent_fd(local->parent) : -1;
}

static int dispatch(struct umd_link *link)
{
	umd_parent_dispatch(((struct umd_local *)link)->parent, 0);
	return 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

/* From now on only the link's user knows of it. Who is told meanwhile asks in vain. */
static void leave(struct umd_local *local)
{
	struct umd_local **at = &local->parent->links;

	__atomic_store_n(&local->link.lost, true, __ATOMIC_RELAXED);
	while (*at != local)
		at = &(*at)->next;
	*at = local->next;
	umd_local_close_space(local);
	umd_local_close_vectors(local);
	umd_local_close_regions(local);
	local->parent = NULL;
}

static void close_link(struct umd_link *link)
{
	struct umd_local *local = (struct umd_local *)link;

	if (local->parent)
		leave(local);
	free(local);
}

static struct umd_queue *find_working(const struct umd_local *local)
{
	struct umd_queue *queue = local->link.queues;

	while (queue && !queue->own)
		queue = queue->next;
	return queue;
}

/* The queues stay, for their users to close, and can do nothing. */
void umd_local_lose(struct umd_local *local)
{
	struct umd_link *link = &local->link;
	struct umd_queue *queue;

	__atomic_store_n(&link->lost, true, __ATOMIC_RELAXED);
	while ((queue = find_working(local)))
		umd_local_close_queue(queue);
	leave(local);
	if (link->ops.lost)
		link->ops.lost(link->data);
}

static const struct umd_link_way way = {
	.close = close_link,
	.get_info = get_info,
	.get_fd = get_fd,
	.dispatch = dispatch,
	.change = umd_local_change,
	.alloc_vector = umd_local_alloc_vector,
	.free_vector = umd_local_free_vector,
	.set_eventfd = umd_local_set_eventfd,
	.set_mask = umd_local_set_mask,
	.is_pending = umd_local_is_pending,
	.get_region = umd_local_get_region,
	.put_region = umd_local_put_region,
	.open_queue = umd_local_open_queue,
	.close_queue = umd_local_close_queue,
	.command = umd_local_command,
};

static struct umd_owner complete(const struct umd_owner *owner)
{
	struct umd_owner whole = *owner;

	whole.queues = owner->queues ? owner->queues : 1;
	whole.vectors = owner->vectors ? owner->vectors : 1;
	whole.max_weight = owner->max_weight ? owner->max_weight : 1;
	whole.max_maps = owner->max_maps ? owner->max_maps : 65535;
	return whole;
}

static bool has_link(const struct umd_parent *parent, uint32_t owner)
{
	const struct umd_local *local = parent->links;

	while (local && local->owner.owner != owner)
		local = local->next;
	return local;
}

static int check(const struct umd_parent *parent, const struct umd_owner *owner,
		 struct umd_error *error)
{
	if (owner->size != sizeof(*owner))
		return umd_error_set(error, -EINVAL, "this does not describe an owner");
	if (owner->owner == UMD_DMA_NO_OWNER)
		return umd_error_set(error, -EINVAL, "%u is nobody's number", owner->owner);
	if (has_link(parent, owner->owner))
		return umd_error_set(error, -EBUSY, "owner %u has a link already", owner->owner);
	return 0;
}

static int init(struct umd_local *local, struct umd_dma_space *space, struct umd_error *error)
{
	int err = umd_local_open_space(local, space);

	if (err)
		return umd_error_set(error, err, "owner %u gets no address space",
				     local->owner.owner);
	return umd_local_open_vectors(local, error);
}

UMD_EXPORT int umd_link_open(struct umd_parent *parent, const struct umd_owner *owner,
			     struct umd_dma_space *space, struct umd_link **ret,
			     struct umd_error *error)
{
	int err = check(parent, owner, error);
	struct umd_local *local;

	if (err)
		return err;
	local = calloc(1, sizeof(*local));
	if (!local)
		return umd_error_set(error, -ENOMEM, "no memory for a link");

	*local = (struct umd_local){
		.link = {.way = &way, .entry_size = parent->options.entry_size},
		.parent = parent,
		.next = parent->links,
		.owner = complete(owner),
	};
	umd_local_open_regions(local);
	parent->links = local;
	err = init(local, space, error);
	if (err) {
		close_link(&local->link);
		return err;
	}
	*ret = &local->link;
	return 0;
}
