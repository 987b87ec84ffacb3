/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions within a process, as the parent's author offers them: what he hands out is made safe
 * first, and what he takes away is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/export.h"
#include "parent/local.h"
#include "parent/region.h"

/* ---- What is handed out -------------------------------------------------------------------- */

static bool has_all(int seals, int needed)
{
	return (seals & needed) == needed;
}

/* A seal against writing must not be there, or has to be. */
static int seal(const struct umd_parent_region *region, int seals)
{
	int writing = seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
	int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	if (region->writable && writing)
		return -EPERM;
	if (!region->writable && !writing)
		wanted |= F_SEAL_FUTURE_WRITE;
	if (has_all(seals, wanted & ~(F_SEAL_GROW | F_SEAL_SEAL)) && (seals & F_SEAL_SEAL))
		return 0;
	return fcntl(region->fd, F_ADD_SEALS, wanted) < 0 ? -EPERM : 0;
}

/* The file's own mode is all that keeps anybody from writing to what knows no seals. */
static int check_mode(const struct umd_parent_region *region, bool has_seals)
{
	int flags = fcntl(region->fd, F_GETFL);

	if (flags < 0)
		return -EBADF;
	if ((flags & O_ACCMODE) == O_RDWR)
		return region->writable || has_seals ? 0 : -EPERM;
	return (flags & O_ACCMODE) == O_RDONLY && !region->writable ? 0 : -EPERM;
}

static int make_safe(const struct umd_parent_region *region)
{
	int seals = fcntl(region->fd, F_GET_SEALS), err;

	if (!umd_region_is_valid(region))
		return -EINVAL;
	err = check_mode(region, seals >= 0);
	if (!err && seals >= 0)
		err = seal(region, seals);
	if (err)
		return err;
	return umd_region_is_safe(region) ? 0 : -EPERM;
}

int umd_local_get_region(struct umd_link *link, uint32_t index, bool holds,
			 struct umd_parent_region *ret)
{
	struct umd_local *local = (struct umd_local *)link;
	const struct umd_parent_options *options = &local->parent->options;
	struct umd_parent_region region = {.size = sizeof(region)};
	int err;

	if (index >= options->regions)
		return -ENOENT;
	err = options->ops->get_region(options->data, local->owner.owner, index, &region);
	if (!err)
		err = make_safe(&region);
	if (err)
		return err;
	region.fd = holds ? fcntl(region.fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (holds && region.fd < 0)
		return -errno;
	*ret = region;
	return 0;
}

static void put(struct umd_local *local, uint32_t index)
{
	const struct umd_parent_options *options = &local->parent->options;

	if (options->ops->put_region)
		options->ops->put_region(options->data, local->owner.owner, index);
}

void umd_local_put_region(struct umd_link *link, uint32_t index)
{
	struct umd_local *local = (struct umd_local *)link;

	if (local->parent)
		put(local, index);
}

/* ---- Revocation ---------------------------------------------------------------------------- */

static void tell_soon(struct umd_local *local)
{
	pthread_mutex_lock(&local->parent->news.lock);
	umd_news_post(&local->parent->news, &local->lost_regions);
	pthread_mutex_unlock(&local->parent->news.lock);
}

/* One; the next one in its turn. */
static void tell(struct umd_news *news)
{
	struct umd_local *local =
		(struct umd_local *)(void *)((char *)news -
					     offsetof(struct umd_local, lost_regions));
	struct umd_link *link = &local->link;
	uint32_t index;

	if (!umd_region_next_revoked(link, &index))
		return;
	tell_soon(local);
	if (link->ops.region_revoked)
		link->ops.region_revoked(link->data, index);
}

UMD_EXPORT int umd_parent_revoke_region(struct umd_parent *parent, uint32_t owner, uint32_t index)
{
	struct umd_local *local = parent->links;

	while (local && local->owner.owner != owner)
		local = local->next;
	if (!local || !umd_region_revoke(&local->link, index))
		return -ENOENT;
	tell_soon(local);
	return 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

void umd_local_open_regions(struct umd_local *local)
{
	local->lost_regions.tell = tell;
}

/* What the link's user has mapped is his to unmap. */
void umd_local_close_regions(struct umd_local *local)
{
	umd_news_drop(&local->parent->news, &local->lost_regions);
	for (const struct umd_held_region *it = local->link.regions; it; it = it->next)
		put(local, it->index);
}
