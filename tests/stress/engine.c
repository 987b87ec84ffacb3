/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine: short copies inside of enter and leave, and pins that are held for a while, some to be
 * ended by another engine, some until they are revoked.
 */
#include <errno.h>
#include <stdlib.h>

#include "stress.h"

#define READER_LIFE  3000u /* operations */
#define CLUTTER	     64u   /* stores, to as many cache lines */
#define DAWDLE_NS    5000
#define HOLD_NS	     100000  /* a pin, at most as a rule */
#define LONG_HOLD_NS 1500000 /* a pin, at most */

/*
 * Memory that is taken away or cut off is replaced by mmap(), which TSan takes for a write that
 * nothing orders: what is done to it goes unwatched.
 */
#if defined(__SANITIZE_THREAD__)
#define UNWATCHED __attribute__((no_sanitize_thread, noinline))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNWATCHED __attribute__((no_sanitize("thread"), noinline))
#endif
#endif
#ifndef UNWATCHED
#define UNWATCHED
#endif

/* ---- Words --------------------------------------------------------------------------------- */

static void load_watched(const uint64_t *from, uint64_t *to, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

UNWATCHED static void load_unwatched(const uint64_t *from, uint64_t *to, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		to[i] = ((const volatile uint64_t *)from)[i];
}

/* Words that a range leads to. */
struct range {
	const struct umd_dma_segment *segments;
	unsigned int count;
	unsigned int pool;
	uint64_t word, words;
	bool signs; /* into the engine's own word */
};

static void store_watched(uint64_t *to, const uint64_t *from, uint64_t count, uint64_t word,
			  bool signs)
{
	for (uint64_t i = 0; i < count; i++) {
		if (signs || !stress_is_kept(word + i))
			__atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
	}
}

UNWATCHED static void store_unwatched(uint64_t *to, const uint64_t *from, uint64_t count,
				      uint64_t word, bool signs)
{
	for (uint64_t i = 0; i < count; i++) {
		if (signs || !stress_is_kept(word + i))
			((volatile uint64_t *)to)[i] = from[i];
	}
}

static void load(struct stress_engine *engine, const struct range *range)
{
	uint64_t *to = engine->words;

	for (unsigned int i = 0; i < range->count; i++) {
		const uint64_t *from = (const uint64_t *)(const void *)range->segments[i].base;
		uint64_t count = range->segments[i].size / sizeof(uint64_t);

		if (range->pool == STRESS_ADDRESS)
			load_watched(from, to, count);
		else
			load_unwatched(from, to, count);
		to += count;
	}
}

static void store(struct stress_engine *engine, const struct range *range)
{
	const uint64_t *from = engine->words;
	uint64_t word = range->word;

	for (unsigned int i = 0; i < range->count; i++) {
		uint64_t *to = (uint64_t *)(void *)range->segments[i].base;
		uint64_t count = range->segments[i].size / sizeof(uint64_t);

		if (range->pool == STRESS_ADDRESS)
			store_watched(to, from, count, word, range->signs);
		else
			store_unwatched(to, from, count, word, range->signs);
		from += count;
		word += count;
	}
}

static void verify(struct stress_engine *engine, const struct range *range)
{
	struct stress_world *world = engine->world;

	for (uint64_t i = 0; i < range->words; i++) {
		uint32_t place = word_place(range->pool, range->word + i);

		if (word_is_plausible(engine->words[i], place, world->options->engines))
			continue;
		stress_wrong(world, "engine %u read %#llx at pool %u, page %llu, word %llu",
			     engine->number, (unsigned long long)engine->words[i], range->pool,
			     (unsigned long long)((range->word + i) / STRESS_WORDS),
			     (unsigned long long)((range->word + i) % STRESS_WORDS));
		return;
	}
}

static void stamp(struct stress_engine *engine, const struct range *range)
{
	__atomic_store_n(&engine->sequence, engine->sequence + 1, __ATOMIC_RELAXED);
	for (uint64_t i = 0; i < range->words; i++)
		engine->words[i] = word_make(WORD_STAMP, engine->number,
					     word_place(range->pool, range->word + i),
					     engine->sequence);
}

/* What was used may have been taken away meanwhile; memory of this process never is. */
static bool is_intact(struct stress_engine *engine, const struct range *range)
{
	int err = umd_dma_check(range->segments, range->count);

	if (err && err != -EFAULT)
		stress_wrong(engine->world, "umd_dma_check(): %d", err);
	if (err && range->pool == STRESS_ADDRESS)
		stress_wrong(engine->world, "memory of this process was taken away");
	if (err && range->pool == STRESS_DOOMED)
		engine->counts.cut++;
	return !err;
}

static bool use(struct stress_engine *engine, const struct range *range, bool write)
{
	if (write) {
		stamp(engine, range);
		store(engine, range);
		return is_intact(engine, range);
	}
	load(engine, range);
	if (!is_intact(engine, range))
		return false;
	verify(engine, range);
	return true;
}

/* ---- Copies -------------------------------------------------------------------------------- */

static unsigned int choose_pool(struct stress_engine *engine)
{
	unsigned int pool = (unsigned int)stress_below(&engine->random, STRESS_POOLS);

	return pool == STRESS_DOOMED && !engine->world->options->cuts ? STRESS_FILE : pool;
}

/* A range of some words, now and then up to two pages. */
static struct range choose_range(struct stress_engine *engine)
{
	uint64_t most = stress_below(&engine->random, 20) ? 16 : 2 * STRESS_WORDS;
	struct range range = {.pool = choose_pool(engine)};

	range.words = 1 + stress_below(&engine->random, most);
	range.word = stress_choose_page(&engine->random) * STRESS_WORDS +
		     stress_below(&engine->random, STRESS_WORDS);
	if (range.words > STRESS_PAGES * STRESS_WORDS - range.word)
		range.words = STRESS_PAGES * STRESS_WORDS - range.word;
	return range;
}

static uint64_t iova_of(const struct stress_engine *engine, const struct range *range)
{
	return engine->world->pools[range->pool].iova + range->word * sizeof(uint64_t);
}

/* Whether a lookup found something; that it finds nothing is all right. */
static bool is_found(struct stress_engine *engine, int result)
{
	if (result > 0)
		return true;
	if (result != -EFAULT && result != -ENODEV)
		stress_wrong(engine->world, "a lookup returned %d", result);
	engine->counts.missed++;
	return false;
}

/*
 * Stores that take their time, right before coming in: what the reader says of itself waits behind
 * them, and whoever relies on it without a fence is too early.
 */
static void clutter(struct stress_engine *engine)
{
	for (unsigned int i = 0; i < CLUTTER; i++)
		engine->clutter[stress_below(&engine->random, STRESS_CLUTTER)] = i;
}

/* So that who does not wait for it is early by more than an instant. */
static void dawdle(struct stress_engine *engine)
{
	uint64_t end = stress_now_ns() + stress_below(&engine->random, DAWDLE_NS);

	while (stress_now_ns() < end)
		continue;
}

static void copy(struct stress_engine *engine)
{
	struct umd_dma_segment segments[STRESS_ROOM];
	struct range range = choose_range(engine);
	bool write = stress_below(&engine->random, 2);
	uint64_t iova = iova_of(engine, &range);
	size_t size = range.words * sizeof(uint64_t);
	bool slow = stress_below(&engine->random, 5) == 0;
	int count;

	if (slow)
		clutter(engine);
	umd_dma_enter(engine->reader);
	count = umd_dma_resolve(engine->reader, iova, size, write ? UMD_DMA_WRITE : UMD_DMA_READ,
				segments, STRESS_ROOM);
	if (is_found(engine, count)) {
		range.segments = segments;
		range.count = (unsigned int)count;
		if (slow)
			dawdle(engine);
		use(engine, &range, write);
		if (write)
			umd_dma_mark(engine->reader, iova, size);
		engine->counts.copies++;
		engine->counts.spans += count > 1;
	}
	umd_dma_leave(engine->reader);
}

/* The side that a page is mapped to; -1 where that has been taken away. */
static int find_side(struct stress_engine *engine, const struct umd_dma_segment *page,
		     unsigned int pool)
{
	const uint64_t *words = (const uint64_t *)(const void *)page->base;

	if (pool == STRESS_ADDRESS)
		load_watched(words + STRESS_WITNESS, engine->words, 1);
	else
		load_unwatched(words + STRESS_WITNESS, engine->words, 1);
	return umd_dma_check(page, 1) ? -1 : (int)(word_sequence(engine->words[0]) % STRESS_SIDES);
}

static void sign_page(struct stress_engine *engine, const struct umd_dma_segment *page,
		      unsigned int pool, uint64_t number)
{
	struct umd_dma_segment segment = *page;
	struct range range = {&segment, 1, pool, number * STRESS_WORDS + engine->number, 1, true};
	int side = find_side(engine, page, pool);
	struct stress_diary *diary;

	if (side < 0)
		return;
	diary = &engine->world->pools[pool].diaries[side][number][engine->number];
	segment.base += engine->number * sizeof(uint64_t);
	segment.size = sizeof(uint64_t);
	__atomic_store_n(&diary->tried, engine->sequence + 1, __ATOMIC_RELAXED);
	if (use(engine, &range, true))
		__atomic_store_n(&diary->done, engine->sequence, __ATOMIC_RELAXED);
}

/* Writes into a word of its own, of which the owner asks later what was last written. */
static void sign(struct stress_engine *engine)
{
	unsigned int pool = choose_pool(engine);
	uint64_t page = stress_choose_page(&engine->random);
	uint64_t iova = engine->world->pools[pool].iova + page * STRESS_PAGE;
	struct umd_dma_segment segment;

	umd_dma_enter(engine->reader);
	if (is_found(engine, umd_dma_resolve(engine->reader, iova, STRESS_PAGE,
					     UMD_DMA_READ | UMD_DMA_WRITE, &segment, 1))) {
		sign_page(engine, &segment, pool, page);
		umd_dma_mark(engine->reader, iova, STRESS_PAGE);
		engine->counts.copies++;
	}
	umd_dma_leave(engine->reader);
}

/* ---- Pins ---------------------------------------------------------------------------------- */

static struct range range_of(const struct stress_pin *pin)
{
	return (struct range){.segments = pin->segments,
			      .count = pin->count,
			      .pool = pin->pool,
			      .word = pin->word,
			      .words = pin->words};
}

static void unpin(struct stress_pin *pin)
{
	umd_dma_unpin(pin->segments, pin->count);
	pin->count = 0;
}

/* One stuck pin is enough for a server, which waits a second for it. */
static bool is_to_be_stuck(struct stress_engine *engine, unsigned int pool)
{
	unsigned int rarity = engine->world->options->server ? 300 : 3000;

	return stress_revokes(engine->world) && pool <= STRESS_OTHER_FILE &&
	       stress_below(&engine->random, rarity) == 0;
}

static void pin_some(struct stress_engine *engine, struct stress_pin *pin)
{
	struct range range = choose_range(engine);
	bool write = stress_below(&engine->random, 2);
	int count = umd_dma_pin(engine->reader, iova_of(engine, &range),
				range.words * sizeof(uint64_t),
				write ? UMD_DMA_WRITE : UMD_DMA_READ, pin->segments, STRESS_ROOM);

	if (count == -ENOMEM) {
		engine->counts.refused++;
		return;
	}
	if (!is_found(engine, count))
		return;
	pin->count = (unsigned int)count;
	pin->pool = range.pool;
	pin->word = range.word;
	pin->words = range.words;
	pin->write = write;
	pin->until_ns = stress_now_ns() +
			stress_below(&engine->random,
				     stress_below(&engine->random, 20) ? HOLD_NS : LONG_HOLD_NS);
	pin->stuck = is_to_be_stuck(engine, range.pool);
	engine->counts.pins++;
}

/* Leaves a pin to whoever looks into the mail; where that is full, it is nobody else's. */
static bool hand_over(struct stress_engine *engine, struct stress_pin *pin)
{
	struct stress_world *world = engine->world;
	struct stress_pin **place = &world->mail[stress_below(&engine->random, STRESS_MAIL)];
	struct stress_pin *empty = NULL, *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *pin;
	if (!__atomic_compare_exchange_n(place, &empty, copy, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED)) {
		free(copy);
		return false;
	}
	pin->count = 0;
	engine->counts.handed++;
	return true;
}

static void take_mail(struct stress_world *world, unsigned int at)
{
	struct stress_pin *pin = __atomic_exchange_n(&world->mail[at], NULL, __ATOMIC_ACQUIRE);

	if (!pin)
		return;
	unpin(pin);
	free(pin);
}

void stress_end_mail(struct stress_world *world)
{
	for (unsigned int i = 0; i < STRESS_MAIL; i++)
		take_mail(world, i);
}

static void use_pin(struct stress_engine *engine, struct stress_pin *pin)
{
	struct range range = range_of(pin);

	if (!use(engine, &range, pin->write)) {
		engine->counts.revoked += pin->pool != STRESS_DOOMED;
		/* It is written through a little longer: that must not be seen. */
		for (int i = 0; i < 10 && pin->write; i++)
			use(engine, &range, true);
		unpin(pin);
		return;
	}
	if (pin->stuck || stress_now_ns() < pin->until_ns)
		return;
	if (stress_below(&engine->random, 4) || !hand_over(engine, pin))
		unpin(pin);
}

static void pin_or_use(struct stress_engine *engine)
{
	struct stress_pin *pin = &engine->held[stress_below(&engine->random, STRESS_HELD)];

	if (pin->count)
		use_pin(engine, pin);
	else
		pin_some(engine, pin);
}

/* ---- Readers ------------------------------------------------------------------------------- */

/* Gives its reader back, and waits for another, or for the end. */
static void renew_reader(struct stress_engine *engine)
{
	__atomic_store_n(&engine->given_back, engine->reader, __ATOMIC_RELEASE);
	engine->reader = NULL;
	while (!engine->reader && !stress_is_over(engine->world)) {
		engine->reader = __atomic_exchange_n(&engine->fresh, NULL, __ATOMIC_ACQUIRE);
		if (!engine->reader)
			sched_yield();
	}
}

static void make_reader(struct stress_world *world, struct stress_engine *engine)
{
	struct umd_dma_reader *reader;
	int err = umd_dma_reader_create(world->space, 0, &reader);

	if (err) {
		stress_wrong(world, "umd_dma_reader_create(): %d", err);
		return;
	}
	world->counts.readers++;
	__atomic_store_n(&engine->fresh, reader, __ATOMIC_RELEASE);
}

void stress_serve_readers(struct stress_world *world)
{
	for (unsigned int i = 0; i < world->options->engines; i++) {
		struct stress_engine *engine = &world->engines[i];
		struct umd_dma_reader *old;

		if (!__atomic_load_n(&engine->given_back, __ATOMIC_RELAXED))
			continue;
		old = __atomic_exchange_n(&engine->given_back, NULL, __ATOMIC_ACQUIRE);
		umd_dma_reader_destroy(old);
		make_reader(world, engine);
	}
}

void stress_end_readers(struct stress_world *world)
{
	for (unsigned int i = 0; i < world->options->engines; i++) {
		struct stress_engine *engine = &world->engines[i];

		umd_dma_reader_destroy(engine->given_back);
		umd_dma_reader_destroy(engine->fresh);
		umd_dma_reader_destroy(engine->reader);
	}
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void work(struct stress_engine *engine)
{
	uint64_t what = stress_below(&engine->random, 100);

	if (what < 70)
		copy(engine);
	else if (what < 88)
		sign(engine);
	else if (what < 98)
		pin_or_use(engine);
	else
		take_mail(engine->world, (unsigned int)stress_below(&engine->random, STRESS_MAIL));
	if (stress_below(&engine->random, READER_LIFE) == 0)
		renew_reader(engine);
}

void *stress_engine_run(void *data)
{
	struct stress_engine *engine = data;

	engine->reader = __atomic_exchange_n(&engine->fresh, NULL, __ATOMIC_ACQUIRE);
	while (!stress_is_over(engine->world) && engine->reader)
		work(engine);
	for (unsigned int i = 0; i < STRESS_HELD; i++) {
		if (engine->held[i].count)
			unpin(&engine->held[i]);
	}
	return NULL;
}

void stress_start_engines(struct stress_world *world)
{
	for (unsigned int i = 0; i < world->options->engines; i++) {
		struct stress_engine *engine = &world->engines[i];

		engine->world = world;
		engine->number = i;
		engine->random = world->options->seed * 1000 + i;
		make_reader(world, engine);
		if (pthread_create(&engine->thread, NULL, stress_engine_run, engine))
			abort();
	}
}

void stress_join_engines(struct stress_world *world)
{
	for (unsigned int i = 0; i < world->options->engines; i++)
		pthread_join(world->engines[i].thread, NULL);
	stress_end_mail(world);
}
