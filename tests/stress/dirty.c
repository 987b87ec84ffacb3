/* SPDX-License-Identifier: BSD-2-Clause */
#include "dirty.h"

#define RUN_NS UINT64_C(40000000) /* of a log, and of the time without one, at most */
#define RARITY 16u		  /* of reports among changes */

static const uint64_t *memory_of(const struct dirty *dirty, unsigned int pool, unsigned int side,
				 unsigned int page)
{
	return dirty->world->pools[pool].memory +
	       ((uint64_t)side * STRESS_PAGES + page) * STRESS_WORDS;
}

/* While engines may be writing. */
static void copy_page(struct dirty *dirty, unsigned int pool, unsigned int side, unsigned int page)
{
	const uint64_t *words = memory_of(dirty, pool, side, page);

	for (uint64_t i = 0; i < STRESS_WORDS && dirty->tracked[pool][side][page]; i++)
		dirty->copies[pool][side][page][i] = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
}

/* `pages` has a bit for each page of the pool. */
static void copy_pages(struct dirty *dirty, unsigned int pool, uint64_t pages)
{
	for (unsigned int page = 0; page < STRESS_PAGES; page++) {
		if (!(pages >> page & 1))
			continue;
		for (unsigned int side = 0; side < STRESS_SIDES; side++)
			copy_page(dirty, pool, side, page);
	}
}

static void report(struct dirty *dirty, unsigned int pool)
{
	uint64_t pages = dirty->link->report_log(dirty->world, pool);

	dirty->world->counts.reports++;
	copy_pages(dirty, pool, pages);
}

static void start(struct dirty *dirty)
{
	dirty->link->start_log(dirty->world);
	dirty->runs = true;
	dirty->world->counts.logs++;
	for (unsigned int pool = 0; pool < DIRTY_POOLS; pool++)
		copy_pages(dirty, pool, UINT64_MAX);
}

void dirty_turn(struct dirty *dirty)
{
	if (stress_now_ns() >= dirty->until_ns) {
		dirty->until_ns = stress_now_ns() + stress_below(&dirty->random, RUN_NS);
		if (!dirty->runs) {
			start(dirty);
		} else {
			dirty->link->stop_log(dirty->world);
			dirty->runs = false;
		}
	}
	if (dirty->runs && stress_below(&dirty->random, RARITY) == 0)
		report(dirty, (unsigned int)stress_below(&dirty->random, DIRTY_POOLS));
}

void dirty_track(struct dirty *dirty, unsigned int pool, unsigned int side, unsigned int page)
{
	dirty->tracked[pool][side][page] = true;
	if (dirty->runs)
		copy_page(dirty, pool, side, page);
}

static void compare(struct dirty *dirty, unsigned int pool, unsigned int side, unsigned int page)
{
	const uint64_t *words = memory_of(dirty, pool, side, page);
	const uint64_t *copy = dirty->copies[pool][side][page];

	for (uint64_t i = 0; i < STRESS_WORDS; i++) {
		if (copy[i] == words[i])
			continue;
		stress_wrong(dirty->world,
			     "not reported as written: %#llx, copied %#llx, in pool %u, side %u, "
			     "page %u, word %llu",
			     (unsigned long long)words[i], (unsigned long long)copy[i], pool, side,
			     page, (unsigned long long)i);
		return;
	}
}

void dirty_check(struct dirty *dirty, unsigned int pool, unsigned int side, unsigned int first,
		 unsigned int count)
{
	bool compares = dirty->runs && !stress_revokes(dirty->world);

	if (compares)
		report(dirty, pool);
	for (unsigned int page = first; page < first + count; page++) {
		if (compares)
			compare(dirty, pool, side, page);
		dirty->tracked[pool][side][page] = false;
	}
}
