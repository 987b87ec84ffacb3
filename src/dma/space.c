/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/space.h"

#include <errno.h>

#include "base/export.h"

#define PROT_PLAIN  (UMD_DMA_READ | UMD_DMA_WRITE)
#define PROT_TAGGED (PROT_PLAIN | UMD_DMA_EXECUTE | UMD_DMA_PRIVILEGED)

/* ---- Life ---------------------------------------------------------------------------------- */

void umd_dma_space_init(struct umd_dma_space *space, struct umd_dma_client *client, uint32_t owner)
{
	*space = (struct umd_dma_space){.client = client,
					.next = client->spaces,
					.max_maps = UMD_DMA_MAPS_MAX,
					.owner = owner};
	client->spaces = space;
	space->dirty.epochs = &space->table.epochs;
	umd_dma_holds_init(&space->holds);
}

void umd_dma_space_reset(struct umd_dma_space *space)
{
	umd_dma_space_stop_log(space);
	umd_dma_space_unmap_all(space);
	umd_dma_holds_settle(space);
	umd_dma_files_drop_idle(&space->client->files);
	umd_dma_client_bury(space->client);
	umd_dma_table_finish(&space->table);
	space->max_maps = UMD_DMA_MAPS_MAX;
}

void umd_dma_space_finish(struct umd_dma_space *space)
{
	struct umd_dma_space **at = &space->client->spaces;

	if (space->shadow)
		space->shadow->ops->end(space->shadow->data);
	umd_dma_space_reset(space);
	umd_dma_pins_finish(&space->pins);
	while (*at != space)
		at = &(*at)->next;
	*at = space->next;
}

void umd_dma_space_set_closed(struct umd_dma_space *space, bool closed)
{
	if (space->closed == closed)
		return;
	__atomic_store_n(&space->closed, closed, __ATOMIC_RELEASE);
	umd_dma_epochs_turn(&space->table.epochs);
}

/* ---- Maps ---------------------------------------------------------------------------------- */

/* 0 for a range of whole pages that does not wrap. Its last byte may be the address space's. */
static int check_range(uint64_t iova, uint64_t size)
{
	if (size == 0 || iova % UMD_DMA_PAGE || size % UMD_DMA_PAGE)
		return -EINVAL;
	return iova > UINT64_MAX - (size - 1) ? -EOVERFLOW : 0;
}

/* A map can be read or written, whatever it grants besides. */
static bool is_prot(const struct umd_dma_space *space, uint32_t prot)
{
	uint32_t known = space->owner == UMD_DMA_NO_OWNER ? PROT_PLAIN : PROT_TAGGED;

	return (prot & PROT_PLAIN) && !(prot & ~known);
}

static bool overlaps(const struct umd_dma_space *space, uint64_t iova, uint64_t size)
{
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	return map && map->iova <= iova + (size - 1);
}

static int check_limits(struct umd_dma_space *space, uint64_t size)
{
	if (space->table.count >= space->max_maps)
		return -ENOSPC;
	if (umd_dma_holds_are_full(space))
		return -ENOBUFS;
	return size / UMD_DMA_PAGE > space->client->pages_left ? -ENOMEM : 0;
}

/* Finds the memory. */
static int reach(struct umd_dma_space *space, struct umd_dma_map *map,
		 const struct umd_dma_source *source)
{
	const struct umd_dma_way *way = umd_dma_ways[source->kind];
	struct umd_dma_memory *memory;
	uint64_t offset;
	int err = way->get(space->client, source, map->size, map->prot, &memory, &offset);

	if (err || !memory)
		return err;

	err = umd_dma_hold_create(memory, &map->hold);
	if (err)
		way->put(space->client, memory);
	else
		map->base = memory->base + offset;
	return err;
}

/* The shadow makes the map, too, where it can: what is reached by fd. */
static int tell_mapped(struct umd_dma_space *space, const struct umd_dma_map *map, uint32_t prot,
		       const struct umd_dma_source *source)
{
	const struct umd_dma_change change = {.iova = map->iova,
					      .size = map->size,
					      .prot = prot,
					      .kind = source->kind,
					      .fd = source->fd,
					      .offset = source->offset};

	if (source->kind != UMD_DMA_BY_FD || !map->hold)
		return 0;
	return space->shadow->ops->map(space->shadow->data, &change, map->hold->memory);
}

/* As far as it came: what was told is taken back. */
static int add_map(struct umd_dma_space *space, const struct umd_dma_map *map, uint32_t prot,
		   const struct umd_dma_source *source)
{
	int err = space->shadow ? tell_mapped(space, map, prot, source) : 0;

	if (err)
		return err;
	err = umd_dma_table_add(&space->table, map);
	if (err && space->shadow)
		space->shadow->ops->unmap(space->shadow->data, map->iova,
					  map->iova + (map->size - 1));
	return err;
}

int umd_dma_space_map(struct umd_dma_space *space, uint64_t iova, uint64_t size, uint32_t prot,
		      const struct umd_dma_source *source)
{
	struct umd_dma_map map = {.iova = iova, .size = size, .prot = umd_dma_rights(prot)};
	int err = check_range(iova, size);

	if (err)
		return err;
	if (!is_prot(space, prot))
		return -EINVAL;
	if (overlaps(space, iova, size))
		return -EEXIST;
	err = check_limits(space, size);
	if (!err)
		err = reach(space, &map, source);
	if (err)
		return err;

	err = add_map(space, &map, prot, source);
	if (!err)
		space->client->pages_left -= size / UMD_DMA_PAGE;
	else if (map.hold)
		umd_dma_hold_release(space, map.hold);
	return err;
}

int umd_dma_space_map_fd(struct umd_dma_space *space, uint64_t iova, uint64_t size, uint32_t prot,
			 int fd, uint64_t offset)
{
	static const struct umd_dma_source by_message = {.kind = UMD_DMA_BY_MESSAGE};
	const struct umd_dma_source by_fd = {.kind = UMD_DMA_BY_FD, .fd = fd, .offset = offset};
	int err = fd < 0 ? -EMEDIUMTYPE : umd_dma_space_map(space, iova, size, prot, &by_fd);

	return err == -EMEDIUMTYPE ? umd_dma_space_map(space, iova, size, prot, &by_message) : err;
}

/* Whether a map reaches out of [iova, last] on either side. */
static bool cuts(const struct umd_dma_space *space, uint64_t iova, uint64_t last)
{
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	if (map && map->iova < iova)
		return true;
	map = umd_dma_table_find(&space->table, last, &place);
	return map && map->iova <= last && map->iova + (map->size - 1) > last;
}

static void remove_map(struct umd_dma_space *space, const struct umd_dma_map *map,
		       struct umd_dma_place *place)
{
	struct umd_dma_hold *hold = map->hold;

	space->client->pages_left += map->size / UMD_DMA_PAGE;
	umd_dma_table_remove(&space->table, place);
	if (hold)
		umd_dma_hold_release(space, hold);
}

/* What a range was is hidden by now: the others are told. */
static void tell_unmapped(struct umd_dma_space *space, uint64_t iova, uint64_t last)
{
	if (space->shadow)
		space->shadow->ops->unmap(space->shadow->data, iova, last);
	umd_dma_remote_end_range(&space->remote, iova, last, -EFAULT);
	if (space->unmapped)
		space->unmapped(space->data, iova, last);
}

static void remove_range(struct umd_dma_space *space, uint64_t iova, uint64_t last)
{
	size_t count = space->table.count;
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	while (map && map->iova <= last) {
		remove_map(space, map, &place);
		map = umd_dma_table_at(&space->table, &place);
	}
	if (space->table.count != count)
		tell_unmapped(space, iova, last);
}

int umd_dma_space_unmap(struct umd_dma_space *space, uint64_t iova, uint64_t size)
{
	int err = check_range(iova, size);
	struct umd_dma_place place;
	const struct umd_dma_map *map;

	if (err)
		return err;
	map = umd_dma_table_find(&space->table, iova, &place);
	if (map && map->iova == iova && map->size == size) { /* as ever, with a vIOMMU */
		remove_map(space, map, &place);
		tell_unmapped(space, iova, iova + (size - 1));
		return 0;
	}
	if (cuts(space, iova, iova + (size - 1)))
		return -EINVAL;

	remove_range(space, iova, iova + (size - 1));
	return 0;
}

void umd_dma_space_unmap_all(struct umd_dma_space *space)
{
	remove_range(space, 0, UINT64_MAX);
}

/* ---- Who still uses what has been unmapped ------------------------------------------------- */

UMD_EXPORT uint64_t umd_dma_space_mark(const struct umd_dma_space *space)
{
	return umd_dma_epochs_now(&space->table.epochs);
}

/* What was revoked is used by nobody, whether its pins have ended or not; if it could be. */
static bool is_harmless(const struct umd_dma_space *space, const struct umd_dma_hold *hold)
{
	return hold->mark <= space->revoked && hold->memory->way->map_again;
}

static bool is_quiet(struct umd_dma_space *space, uint64_t mark)
{
	const struct umd_dma_hold *hold;

	umd_dma_holds_settle(space);
	if (mark > space->revoked && !umd_dma_epochs_are_past(&space->table.epochs, mark))
		return false;
	for (hold = space->holds.first; hold && is_harmless(space, hold); hold = hold->next)
		continue;
	return !hold || hold->mark > mark;
}

UMD_EXPORT bool umd_dma_space_is_quiet(struct umd_dma_space *space, uint64_t mark)
{
	bool quiet = is_quiet(space, mark);

	if (quiet && !umd_dma_space_is_held(space))
		return true;
	umd_dma_wake_arm(&space->client->wake);
	if (!quiet) {
		umd_dma_epochs_fence(&space->table.epochs);
		quiet = is_quiet(space, mark);
	}
	return quiet && !umd_dma_space_is_held(space);
}

/* Who holds what was unmapped in another place is not waited for any longer. */
void umd_dma_space_give_up(struct umd_dma_space *space)
{
	if (umd_dma_space_is_held(space))
		space->shadow->ops->give_up(space->shadow->data);
}

UMD_EXPORT int umd_dma_space_fd(const struct umd_dma_space *space)
{
	return space->client->wake.fd;
}

UMD_EXPORT void umd_dma_space_revoke(struct umd_dma_space *space)
{
	umd_dma_holds_settle(space);
	space->client->revocations++;
	for (struct umd_dma_hold *hold = space->holds.first; hold; hold = hold->next) {
		if (hold->mark > space->revoked)
			umd_dma_client_take_away(space->client, hold->memory);
	}
	space->revoked = umd_dma_space_mark(space);
	umd_dma_client_bury(space->client);
}

bool umd_dma_space_is_in_use(struct umd_dma_space *space)
{
	umd_dma_holds_settle(space);
	return umd_dma_epochs_are_shared(&space->table.epochs) || space->holds.count;
}

UMD_EXPORT uint32_t umd_dma_space_owner(const struct umd_dma_space *space)
{
	return space->owner;
}
