/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The owner: maps what it has poisoned, unmaps what is mapped, alone and in batches, and poisons
 * what is unmapped once it is told that nobody uses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty.h"
#include "stress.h"

#define BATCH	       12u
#define EXTENT_MAX     8u /* pages of a map */
#define QUEUE	       (STRESS_POOLS * STRESS_PAGES * STRESS_SIDES)
#define PATIENCE_NS    UINT64_C(20000000)    /* with pins, before they are revoked */
#define LIMIT_NS       UINT64_C(20000000000) /* then it has to be quiet */
#define SEASON_NS      UINT64_C(100000000)   /* with revocations, or without */
#define DOOMED_PAGES   32u
#define DOOMED_LIFE_NS UINT64_C(3000000)

enum state {
	POISONED,
	MAPPED,
	UNMAPPED, /* and perhaps still in use */
};

/* Pages of one side that are mapped together. */
struct extent {
	unsigned int pool, side, first, count; /* count 0: there is none */
};

struct grave {
	struct extent extent;
	uint64_t mark, since_ns;
};

struct owner {
	struct stress_world *world;
	const struct stress_link *link;
	uint64_t random;
	uint64_t generation;
	enum state states[STRESS_POOLS][STRESS_PAGES][STRESS_SIDES];
	struct extent extents[STRESS_POOLS][STRESS_PAGES]; /* by their first page */

	/* Of each engine, the last write before a page was mapped. */
	uint64_t since[STRESS_POOLS][STRESS_SIDES][STRESS_PAGES][STRESS_ENGINES];

	struct umd_dma_change changes[BATCH];
	unsigned int count;

	struct grave graves[QUEUE];	/* in the order of their marks */
	unsigned int head, ready, tail; /* from `ready` on, those of the present batch */
	uint64_t revoked_ns, season_ns;

	bool maps_no_address;

	struct dirty dirty;

	enum state doomed; /* POISONED: there is none */
	bool doomed_is_cut;
	uint64_t doomed_until_ns, doomed_mark;
};

/* ---- Memory -------------------------------------------------------------------------------- */

static uint64_t *page_memory(const struct stress_world *world, const struct extent *extent,
			     unsigned int page)
{
	uint64_t at = (uint64_t)extent->side * STRESS_PAGES + page;

	return world->pools[extent->pool].memory + at * STRESS_WORDS;
}

static uint64_t poison_sequence(const struct extent *extent)
{
	return extent->side;
}

static void fill(const struct stress_world *world, const struct extent *extent, enum word_kind kind,
		 uint64_t sequence)
{
	for (unsigned int page = extent->first; page < extent->first + extent->count; page++) {
		uint64_t *words = page_memory(world, extent, page);

		for (uint64_t i = 0; i < STRESS_WORDS; i++)
			words[i] = word_make(kind, 0,
					     word_place(extent->pool, page * STRESS_WORDS + i),
					     sequence);
	}
}

static void complain(struct stress_world *world, const struct extent *extent, unsigned int page,
		     uint64_t i, const char *what)
{
	stress_wrong(world, "%s: %#llx in pool %u, side %u, page %u, word %llu", what,
		     (unsigned long long)page_memory(world, extent, page)[i], extent->pool,
		     extent->side, page, (unsigned long long)i);
}

/* Nobody has written where nothing was mapped. */
static void check_poison(struct stress_world *world, const struct extent *extent)
{
	for (unsigned int page = extent->first; page < extent->first + extent->count; page++) {
		const uint64_t *words = page_memory(world, extent, page);

		for (uint64_t i = 0; i < STRESS_WORDS; i++) {
			uint32_t place = word_place(extent->pool, page * STRESS_WORDS + i);

			if (words[i] == word_make(WORD_POISON, 0, place, poison_sequence(extent)))
				continue;
			complain(world, extent, page, i, "written after the unmap");
			return;
		}
	}
}

static void check_stamps(struct stress_world *world, const struct extent *extent, unsigned int page)
{
	const uint64_t *words = page_memory(world, extent, page);

	for (uint64_t i = 0; i < STRESS_WORDS; i++) {
		uint32_t place = word_place(extent->pool, page * STRESS_WORDS + i);

		if (word_is_plausible(words[i], place, world->options->engines))
			continue;
		complain(world, extent, page, i, "written to a wrong place");
		return;
	}
}

/*
 * What engines know to have written is there, and nothing that they never tried to. One that was
 * interrupted after its memory was revoked may note what it wrote before the page was last mapped.
 */
static void check_diaries(struct owner *owner, const struct extent *extent, unsigned int page)
{
	const uint64_t *words = page_memory(owner->world, extent, page);
	const struct stress_pool *pool = &owner->world->pools[extent->pool];

	for (unsigned int i = 0; i < owner->world->options->engines; i++) {
		const struct stress_diary *diary = &pool->diaries[extent->side][page][i];
		uint64_t since = owner->since[extent->pool][extent->side][page][i];
		uint64_t tried = __atomic_load_n(&diary->tried, __ATOMIC_RELAXED);
		uint64_t done = __atomic_load_n(&diary->done, __ATOMIC_RELAXED);
		uint64_t is = words[i] >> 56 == WORD_INITIAL ? since : word_sequence(words[i]);

		if ((done > since && is < done) || (is > since && is > tried))
			complain(owner->world, extent, page, i, "not what an engine wrote last");
	}
}

static void note_sequences(struct owner *owner, const struct extent *extent)
{
	for (unsigned int page = extent->first; page < extent->first + extent->count; page++) {
		for (unsigned int i = 0; i < owner->world->options->engines; i++)
			owner->since[extent->pool][extent->side][page][i] = __atomic_load_n(
				&owner->world->engines[i].sequence, __ATOMIC_RELAXED);
	}
}

/* ---- States -------------------------------------------------------------------------------- */

static void set_state(struct owner *owner, const struct extent *extent, enum state state)
{
	for (unsigned int page = extent->first; page < extent->first + extent->count; page++)
		owner->states[extent->pool][page][extent->side] = state;
}

static bool is_mapped(const struct owner *owner, unsigned int pool, unsigned int page)
{
	return owner->states[pool][page][0] == MAPPED || owner->states[pool][page][1] == MAPPED;
}

/* How many pages from one on can be mapped on a side. */
static unsigned int count_room(const struct owner *owner, unsigned int pool, unsigned int page,
			       unsigned int side)
{
	unsigned int count = 0;

	while (page + count < STRESS_PAGES && count < EXTENT_MAX &&
	       !is_mapped(owner, pool, page + count) &&
	       owner->states[pool][page + count][side] == POISONED)
		count++;
	return count;
}

/* ---- Planning ------------------------------------------------------------------------------ */

static struct umd_dma_change map_of(const struct owner *owner, const struct extent *extent)
{
	const struct stress_pool *pool = &owner->world->pools[extent->pool];
	uint64_t page = (uint64_t)extent->side * STRESS_PAGES + extent->first;

	return (struct umd_dma_change){
		.iova = pool->iova + (uint64_t)extent->first * STRESS_PAGE,
		.size = (uint64_t)extent->count * STRESS_PAGE,
		.prot = UMD_DMA_READ | UMD_DMA_WRITE,
		.kind = pool->fd < 0 ? UMD_DMA_BY_ADDRESS : UMD_DMA_BY_FD,
		.fd = pool->fd,
		.offset = page * STRESS_PAGE,
		.address = pool->fd < 0 ? pool->memory + page * STRESS_WORDS : NULL,
	};
}

static void plan_map(struct owner *owner)
{
	struct extent extent = {.pool = (unsigned int)stress_below(&owner->random, STRESS_DOOMED)};
	unsigned int room;

	if (extent.pool == STRESS_ADDRESS && owner->maps_no_address)
		return;
	extent.first = stress_choose_page(&owner->random);
	extent.side = (unsigned int)stress_below(&owner->random, STRESS_SIDES);
	room = count_room(owner, extent.pool, extent.first, extent.side);
	if (!room)
		return;

	extent.count = 1 + (unsigned int)stress_below(&owner->random, room);
	check_poison(owner->world, &extent);
	fill(owner->world, &extent, WORD_INITIAL, ++owner->generation * STRESS_SIDES + extent.side);
	note_sequences(owner, &extent);
	for (unsigned int page = extent.first; page < extent.first + extent.count; page++)
		dirty_track(&owner->dirty, extent.pool, extent.side, page);
	set_state(owner, &extent, MAPPED);
	owner->extents[extent.pool][extent.first] = extent;
	owner->changes[owner->count++] = map_of(owner, &extent);
	owner->world->counts.maps++;
}

static void bury(struct owner *owner, struct extent *extent)
{
	set_state(owner, extent, UNMAPPED);
	owner->graves[owner->tail++ % QUEUE] =
		(struct grave){.extent = *extent, .since_ns = stress_now_ns()};
	extent->count = 0;
	owner->world->counts.unmaps++;
}

static void plan(struct owner *owner, uint64_t iova, uint64_t size)
{
	owner->changes[owner->count++] =
		(struct umd_dma_change){.unmap = true, .iova = iova, .size = size};
}

/* A map, and perhaps what comes behind it, with or without holes. */
static void plan_unmap(struct owner *owner)
{
	unsigned int pool = (unsigned int)stress_below(&owner->random, STRESS_DOOMED);
	unsigned int page = stress_choose_page(&owner->random), end = page;
	struct extent *extents = owner->extents[pool];

	if (!extents[page].count)
		return;
	do {
		unsigned int count = extents[end].count;

		if (count)
			bury(owner, &extents[end]);
		end += count ? count : 1;
	} while (end < STRESS_PAGES && stress_below(&owner->random, 4) == 0);
	plan(owner, owner->world->pools[pool].iova + (uint64_t)page * STRESS_PAGE,
	     (uint64_t)(end - page) * STRESS_PAGE);
}

static void plan_unmap_all(struct owner *owner)
{
	for (unsigned int pool = 0; pool < STRESS_DOOMED; pool++) {
		for (unsigned int page = 0; page < STRESS_PAGES; page++) {
			if (owner->extents[pool][page].count)
				bury(owner, &owner->extents[pool][page]);
		}
	}
	if (owner->doomed == MAPPED)
		owner->doomed = UNMAPPED;
	plan(owner, 0, 0);
}

/* ---- The end of uses ----------------------------------------------------------------------- */

static void poison(struct owner *owner, const struct extent *extent)
{
	struct stress_world *world = owner->world;

	for (unsigned int page = extent->first; page < extent->first + extent->count; page++) {
		check_stamps(world, extent, page);
		check_diaries(owner, extent, page);
	}
	dirty_check(&owner->dirty, extent->pool, extent->side, extent->first, extent->count);
	fill(world, extent, WORD_POISON, poison_sequence(extent));
	set_state(owner, extent, POISONED);
}

static void close_doomed(struct owner *owner)
{
	struct stress_pool *pool = &owner->world->pools[STRESS_DOOMED];

	close(pool->fd);
	pool->fd = -1;
	owner->doomed = POISONED;
}

/* Pins that are kept for too long are revoked; then everything has to end. */
static void lose_patience(struct owner *owner, uint64_t since_ns)
{
	uint64_t now = stress_now_ns();

	if (now - since_ns > LIMIT_NS)
		stress_wrong(owner->world, "not quiet after %llu s",
			     (unsigned long long)(LIMIT_NS / 1000000000));
	if (!stress_revokes(owner->world) || now - since_ns < PATIENCE_NS ||
	    now - owner->revoked_ns < PATIENCE_NS)
		return;
	owner->revoked_ns = now;
	owner->link->revoke(owner->world);
	owner->world->counts.revocations++;
}

/* Poisons what is quiet by now. Whether that is all there was. */
static bool settle(struct owner *owner)
{
	struct stress_world *world = owner->world;

	if (!world->options->server)
		stress_serve_readers(world);
	while (owner->head != owner->ready) {
		const struct grave *grave = &owner->graves[owner->head % QUEUE];

		if (!owner->link->is_quiet(world, grave->mark)) {
			lose_patience(owner, grave->since_ns);
			return false;
		}
		poison(owner, &grave->extent);
		owner->head++;
	}
	return true;
}

static void settle_all(struct owner *owner)
{
	while (!settle(owner) && !stress_has_failed(owner->world)) {
		owner->world->counts.waits++;
		if (stress_is_over(owner->world)) /* no engine does it any more */
			stress_end_mail(owner->world);
		owner->link->wait(owner->world, owner->graves[owner->head % QUEUE].mark);
	}
}

/* ---- Doing it ------------------------------------------------------------------------------ */

/* What could not be made since too much is still in use is tried again. */
static void make_changes(struct owner *owner)
{
	uint64_t mark = 0;
	unsigned int made = 0;

	while (made < owner->count && !stress_has_failed(owner->world)) {
		int n = owner->link->change(owner->world, owner->changes + made,
					    owner->count - made, &mark);

		made += n < 0 ? 0 : (unsigned int)n;
		if (made < owner->count)
			settle(owner);
	}
	for (; owner->ready != owner->tail; owner->ready++)
		owner->graves[owner->ready % QUEUE].mark = mark;
	if (owner->doomed == UNMAPPED && !owner->doomed_mark)
		owner->doomed_mark = mark;
	owner->world->counts.batches += owner->count > 1;
	owner->count = 0;
}

/* ---- The doomed file ----------------------------------------------------------------------- */

static void write_doomed(const struct stress_pool *pool)
{
	uint64_t words[STRESS_WORDS];

	for (unsigned int page = 0; page < DOOMED_PAGES; page++) {
		for (uint64_t i = 0; i < STRESS_WORDS; i++)
			words[i] = word_make(WORD_INITIAL, 0,
					     word_place(STRESS_DOOMED, page * STRESS_WORDS + i), 0);
		if (pwrite(pool->fd, words, sizeof(words), (off_t)page * STRESS_PAGE) < 0)
			abort();
	}
}

static void plan_doomed(struct owner *owner)
{
	struct stress_pool *pool = &owner->world->pools[STRESS_DOOMED];
	uint64_t middle = (1 + stress_below(&owner->random, DOOMED_PAGES - 1)) * STRESS_PAGE;
	struct umd_dma_change map = {.iova = pool->iova,
				     .size = middle,
				     .prot = UMD_DMA_READ | UMD_DMA_WRITE,
				     .kind = UMD_DMA_BY_FD};

	pool->fd = memfd_create("doomed", MFD_CLOEXEC);
	if (pool->fd < 0)
		abort();
	write_doomed(pool);
	map.fd = pool->fd;
	owner->changes[owner->count++] = map;
	map.iova += middle;
	map.offset = middle;
	map.size = DOOMED_PAGES * STRESS_PAGE - middle;
	owner->changes[owner->count++] = map;
	owner->doomed = MAPPED;
	owner->doomed_is_cut = false;
	owner->doomed_mark = 0;
	owner->world->counts.files++;
}

static void set_doomed_time(struct owner *owner)
{
	owner->doomed_until_ns = stress_now_ns() + stress_below(&owner->random, DOOMED_LIFE_NS);
}

/* It is mapped, cut off, unmapped, closed, each when its time has come. */
static void doom(struct owner *owner)
{
	struct stress_pool *pool = &owner->world->pools[STRESS_DOOMED];

	if (owner->doomed == UNMAPPED) {
		if (owner->doomed_mark && owner->link->is_quiet(owner->world, owner->doomed_mark))
			close_doomed(owner);
		return;
	}
	if (stress_now_ns() < owner->doomed_until_ns)
		return;
	set_doomed_time(owner);
	if (owner->doomed == POISONED) {
		plan_doomed(owner);
	} else if (!owner->doomed_is_cut) {
		owner->doomed_is_cut = true;
		if (ftruncate(pool->fd,
			      (off_t)(stress_below(&owner->random, DOOMED_PAGES) * STRESS_PAGE)))
			abort();
	} else {
		plan(owner, pool->iova, DOOMED_PAGES * STRESS_PAGE);
		owner->doomed = UNMAPPED;
	}
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void plan_one(struct owner *owner)
{
	uint64_t what = stress_below(&owner->random, 1000);

	if (what < 2)
		plan_unmap_all(owner);
	else if (what < 550)
		plan_map(owner);
	else
		plan_unmap(owner);
}

static void churn(struct owner *owner)
{
	uint64_t count =
		stress_below(&owner->random, 8) ? 1 : 1 + stress_below(&owner->random, BATCH - 4);

	for (uint64_t i = 0; i < count; i++)
		plan_one(owner);
	if (owner->world->options->cuts)
		doom(owner);
	make_changes(owner);
	dirty_turn(&owner->dirty);
	if (stress_below(&owner->random, 40))
		settle(owner);
	else
		settle_all(owner);
}

static void end_all(struct owner *owner)
{
	plan_unmap_all(owner);
	make_changes(owner);
	settle_all(owner);
}

/* A server gives every pin a second: such times are to be rare there. */
static void set_season(struct owner *owner, bool revokes)
{
	bool lasts = owner->world->options->server && !revokes;

	owner->season_ns = stress_now_ns() + SEASON_NS * (lasts ? 40 : 1);
}

/* When nothing is mapped or in use, pins that are kept begin to be allowed, or cease to be. */
static void turn(struct owner *owner)
{
	struct stress_world *world = owner->world;
	bool revokes = world->options->stuck && !world->revokes;

	if (stress_now_ns() < owner->season_ns)
		return;
	/* A server gives every pin a second: such times are to be rare there. */
	set_season(owner, revokes);
	if (revokes) {
		end_all(owner);
		__atomic_store_n(&world->revokes, true, __ATOMIC_RELAXED);
	} else if (world->revokes) {
		end_all(owner); /* which is what revokes */
		__atomic_store_n(&world->revokes, false, __ATOMIC_RELAXED);
	}
	owner->maps_no_address = world->revokes || world->options->server;
}

/* At the end everything is poisoned. */
static void check_all_poison(struct owner *owner)
{
	for (unsigned int pool = 0; pool < STRESS_DOOMED; pool++) {
		for (unsigned int side = 0; side < STRESS_SIDES; side++) {
			const struct extent all = {pool, side, 0, STRESS_PAGES};

			if (owner->world->pools[pool].memory)
				check_poison(owner->world, &all);
		}
	}
}

/* ---- Pools --------------------------------------------------------------------------------- */

static void open_pool(struct stress_pool *pool)
{
	const size_t size = (size_t)STRESS_SIDES * STRESS_PAGES * STRESS_PAGE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (pool->kind != STRESS_ADDRESS) {
		flags = MAP_SHARED;
		pool->fd = memfd_create("stress", MFD_CLOEXEC);
		if (pool->fd < 0 || ftruncate(pool->fd, (off_t)size))
			abort();
	}
	pool->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, pool->fd, 0);
	if (pool->memory == MAP_FAILED)
		abort();
}

void stress_pools_init(struct stress_world *world)
{
	static const uint64_t iovas[STRESS_POOLS] = {
		[STRESS_FILE] = 0,
		[STRESS_OTHER_FILE] = (UINT64_C(1) << 32) - STRESS_PAGES / 2 * STRESS_PAGE,
		[STRESS_ADDRESS] = 0 - (uint64_t)STRESS_PAGES * STRESS_PAGE,
		[STRESS_DOOMED] = UINT64_C(1) << 63,
	};

	for (unsigned int i = 0; i < STRESS_POOLS; i++) {
		struct stress_pool *pool = &world->pools[i];

		*pool = (struct stress_pool){
			.kind = (enum stress_pool_kind)i, .iova = iovas[i], .fd = -1};
		if (i != STRESS_DOOMED)
			open_pool(pool);
	}
}

void stress_pools_finish(struct stress_world *world)
{
	for (unsigned int i = 0; i < STRESS_DOOMED; i++) {
		struct stress_pool *pool = &world->pools[i];

		munmap(pool->memory, (size_t)STRESS_SIDES * STRESS_PAGES * STRESS_PAGE);
		if (pool->fd >= 0)
			close(pool->fd);
	}
}

/* ---- A run --------------------------------------------------------------------------------- */

void stress_own(struct stress_world *world, const struct stress_link *link)
{
	static struct owner owner;

	owner = (struct owner){
		.world = world,
		.link = link,
		.random = world->options->seed,
		.dirty = {.world = world, .link = link, .random = world->options->seed + 1}};
	for (unsigned int pool = 0; pool < STRESS_DOOMED; pool++) {
		for (unsigned int side = 0; side < STRESS_SIDES; side++) {
			const struct extent all = {pool, side, 0, STRESS_PAGES};

			if (world->pools[pool].memory)
				fill(world, &all, WORD_POISON, poison_sequence(&all));
		}
	}
	owner.maps_no_address = world->options->server;
	set_season(&owner, false);
	while (!stress_is_over(world)) {
		turn(&owner);
		churn(&owner);
	}
	end_all(&owner);
	if (stress_has_failed(world))
		return;
	if (world->pools[STRESS_DOOMED].fd >= 0)
		close_doomed(&owner);
	check_all_poison(&owner);
}
