/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store from many threads: engines trigger their own owner's entries, the other's and what they
 * make up, while the entries and their eventfds come and go beneath them.
 *
 * Eventfds are closed and made all the time, so that their numbers pass from one owner to the
 * other: a signal to a number that was closed would be one too few here and one too many there.
 */
#include "ims_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "irq/ims_store.h"

#define OWNERS	 2u
#define ENGINES	 4u
#define PLACES	 4u /* entries of an owner */
#define GRAVES	 8u /* eventfds of entries that ended */
#define VISITORS 20u
#define ROUNDS	 10000u

struct config {
	const char *name;
	unsigned int entries; /* 0: storage per owner, which grows meanwhile */
	bool masks;	      /* masks as well, so that triggers may coincide */
	bool restarts;	      /* whole domains come and go */
};

static const struct config configs[] = {
	{"array, domains come and go", 64, false, true},
	{"storage per owner, domains come and go", 0, false, true},
	{"array, entries are masked", 64, true, false},
	{"storage per owner, entries are masked", 0, true, false},
};

struct place {
	umd_ims_handle handle; /* 0: none */
	int fd;
};

struct world;

struct owner {
	struct world *world;
	uint32_t pasid;
	struct umd_ims_domain *domain;
	struct place places[PLACES];
	_Atomic umd_ims_handle published[PLACES];
	int graves[GRAVES];
	unsigned int buried;
	uint64_t received;
	_Atomic uint64_t accepted;
	_Atomic uint64_t guessed; /* of these, by handles that were made up */
	uint64_t random;
};

struct engine {
	struct world *world;
	unsigned int owner;
	uint64_t accepted, guessed, refused, stale, random;
};

struct world {
	const struct config *config;
	struct umd_ims *ims;
	struct owner owners[OWNERS];
	_Atomic bool over;
	_Atomic unsigned int wrong; /* things that must not be */
};

static void expect(struct world *world, bool right)
{
	if (!right)
		world->wrong++;
}

/* What a store has closed takes up places for a moment yet: its thread may not have had its turn.
 */
static int make_eventfd(void)
{
	int fd;

	do {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	} while (fd < 0 && errno == EMFILE && sched_yield() == 0);
	return fd;
}

/* The same goes for the store's copy of it. */
static int set_eventfd(struct umd_ims_domain *domain, umd_ims_handle handle, int fd)
{
	int err;

	do {
		err = umd_ims_set_eventfd(domain, handle, fd);
	} while (err == -EMFILE && sched_yield() == 0);
	return err;
}

static uint64_t take_events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* ---- Owners: what they do to their entries ------------------------------------------------- */

/*
 * One vector more than places, since one may be under way from the revoker back to the domain; and
 * again where visitors have reserved all of the array.
 */
static void create_domain(struct owner *owner)
{
	int err;

	do {
		err = ims_try_domain(owner->world->ims, owner->pasid, PLACES + 1, &owner->domain);
	} while (err == -ENOSPC && sched_yield() == 0);
	expect(owner->world, err == 0);
}

/* What ended signals no more: what the eventfd has counted by now is all that it will. */
static void bury(struct owner *owner, int fd)
{
	int *grave = &owner->graves[owner->buried++ % GRAVES];

	owner->received += take_events(fd);
	if (*grave >= 0) {
		expect(owner->world, take_events(*grave) == 0);
		close(*grave);
	}
	*grave = fd;
}

static void open_place(struct owner *owner, unsigned int i)
{
	struct place *place = &owner->places[i];

	place->fd = make_eventfd();
	expect(owner->world, umd_ims_alloc(owner->domain, &place->handle) == 0);
	expect(owner->world, set_eventfd(owner->domain, place->handle, place->fd) == 0);
	owner->published[i] = place->handle;
}

static void close_place(struct owner *owner, unsigned int i)
{
	struct place *place = &owner->places[i];

	bury(owner, place->fd);
	place->handle = 0;
}

/* Freed, or revoked, if nobody else has revoked it already. */
static void end_place(struct owner *owner, unsigned int i)
{
	umd_ims_handle handle = owner->places[i].handle;

	if (unit_below(&owner->random, 2))
		umd_ims_free(owner->domain, handle);
	else
		umd_ims_revoke(owner->world->ims, handle);
	expect(owner->world, umd_ims_free(owner->domain, handle) == -ENOENT);
	close_place(owner, i);
}

static void swap_eventfd(struct owner *owner, unsigned int i)
{
	struct place *place = &owner->places[i];
	int fd = make_eventfd();

	if (set_eventfd(owner->domain, place->handle, fd) < 0) {
		close(fd);
		return;
	}
	bury(owner, place->fd);
	place->fd = fd;
}

static void restart(struct owner *owner)
{
	umd_ims_domain_destroy(owner->domain);
	for (unsigned int i = 0; i < PLACES; i++) {
		if (owner->places[i].handle)
			close_place(owner, i);
	}
	create_domain(owner);
}

static void churn_place(struct owner *owner, unsigned int i)
{
	struct place *place = &owner->places[i];

	if (!place->handle)
		open_place(owner, i);
	else if (owner->world->config->masks && unit_below(&owner->random, 4))
		umd_ims_set_mask(owner->domain, place->handle, unit_below(&owner->random, 2));
	else if (unit_below(&owner->random, 4) == 0)
		swap_eventfd(owner, i);
	else
		end_place(owner, i);
}

static void *churn(void *data)
{
	struct owner *owner = data;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (owner->world->config->restarts && unit_below(&owner->random, 50) == 0)
			restart(owner);
		churn_place(owner, (unsigned int)unit_below(&owner->random, PLACES));
	}
	return NULL;
}

/* ---- Engines ------------------------------------------------------------------------------- */

static bool trigger(struct engine *engine, umd_ims_handle handle, bool foreign)
{
	struct owner *owner = &engine->world->owners[engine->owner];
	int result = umd_ims_trigger(engine->world->ims, handle, owner->pasid);

	expect(engine->world, result == 0 || result == -EPERM || result == -ENOENT);
	expect(engine->world, !(foreign && result == 0));
	engine->accepted += result == 0;
	engine->refused += result == -EPERM;
	engine->stale += result == -ENOENT;
	return result == 0;
}

static umd_ims_handle make_up(struct engine *engine)
{
	return unit_below(&engine->random, 5) << 32 | unit_below(&engine->random, 4096);
}

static void *work(void *data)
{
	struct engine *engine = data;

	while (!engine->world->over) {
		unsigned int of = (unsigned int)unit_below(&engine->random, OWNERS);
		unsigned int i = (unsigned int)unit_below(&engine->random, PLACES);

		trigger(engine, engine->world->owners[of].published[i], of != engine->owner);
		engine->guessed += trigger(engine, make_up(engine), false);
	}
	engine->world->owners[engine->owner].accepted += engine->accepted;
	engine->world->owners[engine->owner].guessed += engine->guessed;
	return NULL;
}

/* ---- Third parties ------------------------------------------------------------------------- */

/* Revokes whatever it finds. */
static void *revoke_some(void *data)
{
	struct world *world = data;
	uint64_t random = 3;

	while (!world->over) {
		struct owner *owner = &world->owners[unit_below(&random, OWNERS)];
		int result =
			umd_ims_revoke(world->ims, owner->published[unit_below(&random, PLACES)]);

		expect(world, result == 0 || result == -ENOENT);
		usleep(100);
	}
	return NULL;
}

/* Owners that come and go, so that the store grows, and looks at what it has counted. */
static void *visit(void *data)
{
	struct world *world = data;
	struct umd_ims_domain *domains[VISITORS] = {NULL};
	uint64_t random = 4;
	umd_ims_handle handle;

	while (!world->over) {
		unsigned int i = (unsigned int)unit_below(&random, VISITORS);
		unsigned int vectors = (unsigned int)unit_below(&random, 100) + 1;
		struct umd_ims_stats stats = {.size = sizeof(stats)};

		umd_ims_domain_destroy(domains[i]);
		domains[i] = NULL;
		if (ims_try_domain(world->ims, 100 + i, vectors, &domains[i]) == 0)
			expect(world, umd_ims_alloc(domains[i], &handle) == 0);
		expect(world, umd_ims_get_stats(world->ims, &stats) == 0);
		expect(world, !stats.entries || stats.reserved <= stats.entries);
	}
	for (unsigned int i = 0; i < VISITORS; i++)
		umd_ims_domain_destroy(domains[i]);
	return NULL;
}

/* ---- A run --------------------------------------------------------------------------------- */

static void init_owner(struct world *world, unsigned int i)
{
	struct owner *owner = &world->owners[i];

	owner->world = world;
	owner->pasid = 7 + i;
	owner->random = 1 + i;
	memset(owner->graves, 0xff, sizeof(owner->graves));
	create_domain(owner);
}

static void run_threads(struct world *world, struct engine *engines)
{
	pthread_t churners[OWNERS], workers[ENGINES], revoker, visitor;

	for (unsigned int i = 0; i < ENGINES; i++) {
		engines[i] = (struct engine){.world = world, .owner = i % OWNERS, .random = 10 + i};
		assert_int_equal(pthread_create(&workers[i], NULL, work, &engines[i]), 0);
	}
	assert_int_equal(pthread_create(&revoker, NULL, revoke_some, world), 0);
	assert_int_equal(pthread_create(&visitor, NULL, visit, world), 0);
	for (unsigned int i = 0; i < OWNERS; i++)
		assert_int_equal(pthread_create(&churners[i], NULL, churn, &world->owners[i]), 0);

	for (unsigned int i = 0; i < OWNERS; i++)
		pthread_join(churners[i], NULL);
	world->over = true;
	for (unsigned int i = 0; i < ENGINES; i++)
		pthread_join(workers[i], NULL);
	pthread_join(revoker, NULL);
	pthread_join(visitor, NULL);
}

/* Takes the masks off first: what still waits behind them is to be delivered, too. */
static void settle(struct owner *owner)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		struct place *place = &owner->places[i];

		if (!place->handle)
			continue;
		umd_ims_set_mask(owner->domain, place->handle, false);
		assert_true(umd_ims_is_pending(owner->domain, place->handle) <= 0);
		close_place(owner, i);
	}
	for (unsigned int i = 0; i < GRAVES; i++) {
		expect(owner->world, owner->graves[i] < 0 || take_events(owner->graves[i]) == 0);
		if (owner->graves[i] >= 0)
			close(owner->graves[i]);
	}
}

/*
 * Triggers may coincide while an entry is masked, and while it has no eventfd yet: then nobody
 * knows its handle, but one that was made up may hit it.
 */
static void check_owner(const struct world *world, const struct owner *owner)
{
	uint64_t least = world->config->masks ? 1 : owner->accepted - owner->guessed;

	assert_in_range(owner->received, least, owner->accepted);
	if (!world->config->restarts)
		assert_int_equal(owner->received, owner->domain->delivered);
}

static void check_engines(const struct engine *engines, const struct umd_ims_stats *stats)
{
	uint64_t refused = 0, stale = 0;

	for (unsigned int i = 0; i < ENGINES; i++) {
		refused += engines[i].refused;
		stale += engines[i].stale;
	}
	assert_int_equal(stats->refused, refused);
	assert_int_equal(stats->stale, stale);
	assert_true(refused > 0 && stale > 0);
}

static void test_signals_reach_their_owner_and_nobody_else(void **state)
{
	struct world world = {.config = *state};
	struct engine engines[ENGINES];
	struct umd_ims_stats stats;
	int before = unit_count_fds();

	world.ims = ims_store(world.config->entries);
	for (unsigned int i = 0; i < OWNERS; i++)
		init_owner(&world, i);
	run_threads(&world, engines);
	for (unsigned int i = 0; i < OWNERS; i++)
		settle(&world.owners[i]);

	assert_int_equal(world.wrong, 0);
	stats = ims_stats(world.ims);
	check_engines(engines, &stats);
	assert_int_equal(stats.delivered, world.owners[0].received + world.owners[1].received);
	for (unsigned int i = 0; i < OWNERS; i++) {
		check_owner(&world, &world.owners[i]);
		umd_ims_domain_destroy(world.owners[i].domain);
	}
	assert_int_equal(ims_stats(world.ims).reserved, 0);
	assert_int_equal(ims_stats(world.ims).in_use, 0);
	umd_ims_destroy(world.ims);
	assert_int_equal(unit_count_fds(), before);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_COUNT(configs)];

	for (size_t i = 0; i < UNIT_COUNT(configs); i++)
		tests[i] = (struct CMUnitTest){
			.name = configs[i].name,
			.test_func = test_signals_reach_their_owner_and_nobody_else,
			.initial_state = (void *)&configs[i]};
	return cmocka_run_group_tests_name("ims_threads", tests, NULL, NULL);
}
