/* SPDX-License-Identifier: BSD-2-Clause */
/* What all links have in common: who has lost his parent is told so, whatever he asks. */
#include "parent/link.h"

#include <errno.h>

#include "base/export.h"
#include "parent/mirror.h"
#include "parent/region.h"

static bool is_lost(const struct umd_link *link)
{
	return __atomic_load_n(&link->lost, __ATOMIC_RELAXED);
}

void umd_link_lose(struct umd_link *link)
{
	if (is_lost(link))
		return;
	__atomic_store_n(&link->lost, true, __ATOMIC_RELAXED);
	if (link->ops.lost)
		link->ops.lost(link->data);
}

UMD_EXPORT void umd_link_close(struct umd_link *link)
{
	struct umd_mirror *mirror;

	if (!link)
		return;

	link->ops = (struct umd_link_ops){.lost = NULL};
	umd_mirror_leave(link);
	umd_link_unback_all(link);
	while (link->queues)
		umd_queue_close(link->queues);
	umd_region_drop_all(link);
	mirror = link->mirror;
	link->way->close(link);
	umd_mirror_free(mirror);
}

UMD_EXPORT void umd_link_set_ops(struct umd_link *link, const struct umd_link_ops *ops, void *data)
{
	link->ops = ops ? *ops : (struct umd_link_ops){.lost = NULL};
	link->data = data;
}

UMD_EXPORT int umd_link_get_info(struct umd_link *link, struct umd_parent_info *ret)
{
	if (ret->size != sizeof(*ret))
		return -EINVAL;
	return is_lost(link) ? -ENOTCONN : link->way->get_info(link, ret);
}

UMD_EXPORT int umd_link_fd(const struct umd_link *link)
{
	return link->way->get_fd(link);
}

UMD_EXPORT int umd_link_dispatch(struct umd_link *link)
{
	return is_lost(link) ? -ENOTCONN : link->way->dispatch(link);
}

UMD_EXPORT int umd_link_change(struct umd_link *link, const struct umd_dma_change *changes,
			       size_t count, umd_link_done_fn *done, void *data)
{
	return is_lost(link) ? -ENOTCONN : link->way->change(link, changes, count, done, data);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

UMD_EXPORT int umd_link_alloc_vector(struct umd_link *link, uint32_t *ret)
{
	return is_lost(link) ? -ENOTCONN : link->way->alloc_vector(link, ret);
}

UMD_EXPORT int umd_link_free_vector(struct umd_link *link, uint32_t vector)
{
	return is_lost(link) ? -ENOTCONN : link->way->free_vector(link, vector);
}

UMD_EXPORT int umd_link_set_eventfd(struct umd_link *link, uint32_t vector, int fd)
{
	if (fd < -1)
		return -EINVAL;
	return is_lost(link) ? -ENOTCONN : link->way->set_eventfd(link, vector, fd);
}

UMD_EXPORT int umd_link_set_mask(struct umd_link *link, uint32_t vector, bool masked)
{
	return is_lost(link) ? -ENOTCONN : link->way->set_mask(link, vector, masked);
}

UMD_EXPORT int umd_link_is_pending(struct umd_link *link, uint32_t vector)
{
	return is_lost(link) ? -ENOTCONN : link->way->is_pending(link, vector);
}
