/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "dma/space.h"

void umd_dma_client_init(struct umd_dma_client *client)
{
	*client = (struct umd_dma_client){
		.wake.fd = -1, .pages_left = UINT64_MAX, .max_pages = UINT64_MAX};
}

void umd_dma_client_limit(struct umd_dma_client *client, uint64_t max_mapped, uint64_t max_pinned)
{
	client->max_pages = max_mapped ? max_mapped / UMD_DMA_PAGE : UINT64_MAX;
	client->pages_left = client->max_pages;
	__atomic_store_n(&client->max_pinned, max_pinned, __ATOMIC_RELAXED);
}

void umd_dma_client_finish(struct umd_dma_client *client)
{
	umd_dma_files_drop_idle(&client->files);
	umd_dma_client_bury(client);
	umd_dma_wake_close(&client->wake);
}

/* ---- Taking memory away -------------------------------------------------------------------- */

/* Maps of the memory follow it to its new address. */
static void follow(struct umd_dma_space *space, const struct umd_dma_memory *memory,
		   const uint8_t *old)
{
	struct umd_dma_place place;
	struct umd_dma_map *map = umd_dma_table_find(&space->table, 0, &place);

	for (; map; map = umd_dma_table_next(&space->table, &place)) {
		if (map->hold && map->hold->memory == memory)
			__atomic_store_n(&map->base, memory->base + (map->base - old),
					 __ATOMIC_RELAXED);
	}
	space->moved = umd_dma_epochs_turn(&space->table.epochs);
}

/* 0 where the memory's place will be looked after until nobody touches it any more. */
static int keep_place(struct umd_dma_client *client, const struct umd_dma_memory *memory)
{
	struct umd_dma_corpse *corpse = malloc(sizeof(*corpse));

	if (!corpse)
		return -ENOMEM;
	*corpse = (struct umd_dma_corpse){
		.next = client->corpses, .way = memory->way, .guard = memory->guard};
	client->corpses = corpse;
	client->corpse_count++;
	return 0;
}

/* The place that was kept last, of which nothing came. */
static void drop_place(struct umd_dma_client *client)
{
	struct umd_dma_corpse *corpse = client->corpses;

	client->corpses = corpse->next;
	client->corpse_count--;
	free(corpse);
}

/* Maps memory at another address, under a guard of its own. */
static int map_again(struct umd_dma_memory *memory, struct umd_dma_guard *ret)
{
	struct umd_dma_guard guard = memory->guard;
	int err;

	guard.base = memory->way->map_again(memory);
	if (!guard.base)
		return -ENOMEM;
	err = umd_dma_guard_add(&guard);
	if (err)
		memory->way->unmap(guard.base, guard.length);
	else
		*ret = guard;
	return err;
}

/* Moves memory to another address, and has everything follow. */
static int move(struct umd_dma_client *client, struct umd_dma_memory *memory)
{
	uint8_t *old = memory->base;
	int err;

	if (client->corpse_count >= UMD_DMA_CORPSES_MAX)
		return -ENOBUFS;
	err = keep_place(client, memory);
	if (err)
		return err;
	err = map_again(memory, &memory->guard);
	if (err) {
		drop_place(client);
		return err;
	}

	__atomic_store_n(&memory->base, memory->guard.base, __ATOMIC_RELEASE);
	for (struct umd_dma_space *space = client->spaces; space; space = space->next)
		follow(space, memory, old);
	return 0;
}

/*
 * Puts memory of nobody in a place. It need not be there yet; where the system insists on that, it
 * is a file's; and where nothing helps, whoever touches the place ends the process rather than
 * reach the client.
 */
static void put_nobody(uint8_t *base, size_t length, bool writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	int fd;

	if (umd_dma_guard_cover(base, length, writable))
		return;
	fd = memfd_create("nobody", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)length) < 0 ||
	    mmap(base, length, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED)
		mprotect(base, length, PROT_NONE);
	umd_close(&fd);
}

/* What was said before is seen by who finds memory of nobody after. */
static void fence(struct umd_dma_client *client)
{
	for (struct umd_dma_space *space = client->spaces; space; space = space->next) {
		if (umd_dma_epochs_are_shared(&space->table.epochs) || space->pins.blocks)
			umd_dma_epochs_fence(&space->table.epochs);
	}
}

void umd_dma_client_take_away(struct umd_dma_client *client, struct umd_dma_memory *memory)
{
	struct umd_dma_guard old = memory->guard;
	bool moved;

	if (!memory->way->map_again || memory->taken == client->revocations)
		return;
	memory->taken = client->revocations;
	moved = !umd_dma_memory_is_lost(memory) && move(client, memory) == 0;
	if (!moved)
		umd_dma_guard_lose(&memory->lost);
	fence(client);
	put_nobody(old.base, old.length, old.writable);
	if (moved)
		umd_dma_guard_note_at(&client->corpses->guard, &client->corpses->lost);
}

static bool is_touched(const struct umd_dma_client *client, const struct umd_dma_corpse *corpse)
{
	for (struct umd_dma_space *space = client->spaces; space; space = space->next) {
		if (!umd_dma_epochs_are_past(&space->table.epochs, space->moved) ||
		    umd_dma_pins_reach(&space->pins, corpse->guard.base, corpse->guard.length))
			return true;
	}
	return false;
}

void umd_dma_client_bury(struct umd_dma_client *client)
{
	struct umd_dma_corpse **at = &client->corpses, *corpse;

	while ((corpse = *at)) {
		if (is_touched(client, corpse)) {
			at = &corpse->next;
			continue;
		}
		*at = corpse->next;
		client->corpse_count--;
		umd_dma_guard_remove(&corpse->guard);
		corpse->way->unmap(corpse->guard.base, corpse->guard.length);
		free(corpse);
	}
}
