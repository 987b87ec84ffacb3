/* SPDX-License-Identifier: BSD-2-Clause */
#include "parent/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/range.h"

/* ---- What can be a region ------------------------------------------------------------------ */

bool umd_region_is_valid(const struct umd_parent_region *region)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return region->bytes && region->bytes <= UMD_REGION_BYTES_MAX &&
	       (region->bytes | region->offset) % page == 0 &&
	       umd_range_within(region->offset, region->bytes, INT64_MAX);
}

/* What is neither a memfd nor an ordinary file is a device's, which answers for it. */
bool umd_region_is_safe(const struct umd_parent_region *region)
{
	int seals = fcntl(region->fd, F_GET_SEALS);
	struct stat status;

	if (fstat(region->fd, &status) < 0)
		return false;
	if (seals < 0)
		return !S_ISREG(status.st_mode);
	return (seals & F_SEAL_SHRINK) &&
	       umd_range_within(region->offset, region->bytes, (uint64_t)status.st_size);
}

/* ---- What is held -------------------------------------------------------------------------- */

/* Where the region hangs; where it does not, for none. */
static struct umd_held_region **find(struct umd_link *link, uint32_t index)
{
	struct umd_held_region **at = &link->regions;

	while (*at && (*at)->index != index)
		at = &(*at)->next;
	return at;
}

static void drop(struct umd_link *link, struct umd_held_region **at)
{
	struct umd_held_region *held = *at;
	uint32_t index = held->index;

	if (held->address)
		munmap(held->address, held->bytes);
	*at = held->next;
	free(held);
	link->way->put_region(link, index);
}

void umd_region_drop_all(struct umd_link *link)
{
	while (link->regions)
		drop(link, &link->regions);
}

static void hold(struct umd_link *link, struct umd_held_region *held, uint32_t index,
		 const struct umd_parent_region *region)
{
	*held = (struct umd_held_region){.next = link->regions,
					 .index = index,
					 .bytes = region->bytes,
					 .writable = region->writable};
	link->regions = held;
}

int umd_region_get(struct umd_link *link, uint32_t index, bool holds, struct umd_parent_region *ret)
{
	struct umd_held_region *held;
	int err;

	if (!holds)
		return link->way->get_region(link, index, false, ret);
	if (*find(link, index))
		return -EBUSY;
	held = malloc(sizeof(*held));
	if (!held)
		return -ENOMEM;

	err = link->way->get_region(link, index, true, ret);
	if (err)
		free(held);
	else
		hold(link, held, index, ret);
	return err;
}

/* ---- Revocation ---------------------------------------------------------------------------- */

static int get_prot(bool writable)
{
	return writable ? PROT_READ | PROT_WRITE : PROT_READ;
}

/*
 * In one step, so that no access finds nothing there. Where there is no memory for that, what is
 * mapped stays: by the parent's word it is nobody else's.
 */
static void replace(const struct umd_held_region *held)
{
	void *address = mmap(held->address, held->bytes, get_prot(held->writable),
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	(void)address;
}

bool umd_region_revoke(struct umd_link *link, uint32_t index)
{
	struct umd_held_region *held = *find(link, index);

	if (!held || held->revoked)
		return false;
	held->revoked = true;
	if (held->address)
		replace(held);
	return true;
}

bool umd_region_next_revoked(struct umd_link *link, uint32_t *ret)
{
	struct umd_held_region *held = link->regions;

	while (held && (!held->revoked || held->told))
		held = held->next;
	if (!held)
		return false;
	held->told = true;
	*ret = held->index;
	return true;
}

/* ---- For the link's user ------------------------------------------------------------------- */

static bool is_lost(const struct umd_link *link)
{
	return __atomic_load_n(&link->lost, __ATOMIC_RELAXED);
}

static void describe(const struct umd_held_region *held, struct umd_link_region *ret)
{
	*ret = (struct umd_link_region){.size = sizeof(*ret),
					.bytes = held->bytes,
					.writable = held->writable,
					.revoked = held->revoked,
					.address = held->address};
}

static int ask(struct umd_link *link, uint32_t index, struct umd_link_region *ret)
{
	struct umd_parent_region region;
	int err = umd_region_get(link, index, false, &region);

	if (err)
		return err;
	*ret = (struct umd_link_region){
		.size = sizeof(*ret), .bytes = region.bytes, .writable = region.writable};
	return 0;
}

UMD_EXPORT int umd_link_get_region(struct umd_link *link, uint32_t index,
				   struct umd_link_region *ret)
{
	const struct umd_held_region *held = *find(link, index);

	if (ret->size != sizeof(*ret))
		return -EINVAL;
	if (is_lost(link))
		return -ENOTCONN;
	if (!held)
		return ask(link, index, ret);
	describe(held, ret);
	return 0;
}

/* Of the region that was held last. */
static int map(struct umd_held_region *held, const struct umd_parent_region *region)
{
	void *address = mmap(NULL, held->bytes, get_prot(held->writable), MAP_SHARED, region->fd,
			     (off_t)region->offset);

	if (address == MAP_FAILED)
		return -errno;
	held->address = address;
	return 0;
}

UMD_EXPORT int umd_link_map_region(struct umd_link *link, uint32_t index,
				   struct umd_link_region *ret)
{
	struct umd_parent_region region;
	struct umd_held_region **at;
	int err;

	if (ret->size != sizeof(*ret))
		return -EINVAL;
	err = is_lost(link) ? -ENOTCONN : umd_region_get(link, index, true, &region);
	if (err)
		return err;

	at = find(link, index);
	err = map(*at, &region);
	umd_close(&region.fd);
	if (err)
		drop(link, at);
	else
		describe(*at, ret);
	return err;
}

UMD_EXPORT int umd_link_unmap_region(struct umd_link *link, uint32_t index)
{
	struct umd_held_region **at = find(link, index);

	if (!*at)
		return -ENOENT;
	drop(link, at);
	return 0;
}
