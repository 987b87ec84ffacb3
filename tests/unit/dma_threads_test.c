/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A space from many threads: readers look up, read and pin while its owner maps and unmaps.
 *
 * Each page of the file says whose memory it is at present: the IOVA's page and a number that no
 * two maps share. As soon as the space says that nobody uses a map any more, its memory is
 * poisoned: a reader that sees anything but what it found at first was told so too early.
 */
#include "dma_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "dma/reader.h"

#define READERS	     3u
#define PAGES	     512u /* of IOVA */
#define SPARE	     256u /* pages of the file that wait for their poison */
#define MILLISECONDS 1000
#define POISON	     UINT64_C(0x6b6b6b6b6b6b6b6b)

struct world {
	struct umd_dma_space space;
	int fd;
	_Atomic uint64_t *memory; /* the file, mapped by the test itself */
	atomic_bool over;
	atomic_uint wrong;
};

struct engine {
	struct world *world;
	struct umd_dma_reader *reader;
	uint64_t random;
	atomic_ulong found, missed, pinned;
};

/* A page of the file, and the IOVA page that it is mapped at or was. */
struct slot {
	uint64_t page;
	uint64_t mark; /* of its unmap */
};

struct owner {
	struct world *world;
	struct slot at[PAGES + SPARE];
	unsigned int free[PAGES + SPARE], free_count;	 /* of the file's pages */
	unsigned int waiting[PAGES + SPARE], head, tail; /* unmapped, not yet poisoned */
	unsigned int mapped[PAGES];			 /* the file's page, plus 1 */
	uint64_t serial;
	unsigned long maps, refused;
};

/* ---- Readers ------------------------------------------------------------------------------- */

static uint64_t load(const struct umd_dma_segment *segment)
{
	return atomic_load((_Atomic uint64_t *)(void *)segment->base);
}

/* What the memory says must be the IOVA's, and stay the same for as long as it is used. */
static void check(struct engine *engine, const struct umd_dma_segment *segment, uint64_t page)
{
	uint64_t value = load(segment);
	bool right = value != POISON && value % PAGES == page;

	if (unit_below(&engine->random, 64) == 0)
		sched_yield();
	for (int i = 0; right && i < 8; i++)
		right = load(segment) == value;
	engine->world->wrong += !right;
}

static void visit(struct engine *engine, uint64_t page)
{
	struct umd_dma_segment segment;

	umd_dma_enter(engine->reader);
	for (int i = 0; i < 4; i++, page = (page + 1) % PAGES) {
		if (umd_dma_resolve(engine->reader, page * PAGE, 512, READ, &segment, 1) == 1) {
			check(engine, &segment, page);
			engine->found++;
		} else {
			engine->missed++;
		}
	}
	umd_dma_leave(engine->reader);
}

static void pin(struct engine *engine, uint64_t page)
{
	struct umd_dma_segment segment;

	if (umd_dma_pin(engine->reader, page * PAGE, 512, READ, &segment, 1) != 1)
		return;
	for (int i = 0; i < 20; i++)
		check(engine, &segment, page);
	umd_dma_unpin(&segment, 1);
	engine->pinned++;
}

static void *work(void *data)
{
	struct engine *engine = data;

	while (!engine->world->over) {
		uint64_t page = unit_below(&engine->random, PAGES);

		if (unit_below(&engine->random, 16))
			visit(engine, page);
		else
			pin(engine, page);
	}
	return NULL;
}

/* ---- The owner ----------------------------------------------------------------------------- */

static _Atomic uint64_t *memory_of(struct world *world, unsigned int file_page)
{
	return world->memory + (size_t)file_page * (PAGE / sizeof(uint64_t));
}

static void poison_what_is_quiet(struct owner *owner)
{
	while (owner->head != owner->tail) {
		unsigned int file_page = owner->waiting[owner->head % UNIT_COUNT(owner->waiting)];

		if (!umd_dma_space_is_quiet(&owner->world->space, owner->at[file_page].mark))
			return;
		atomic_store(memory_of(owner->world, file_page), POISON);
		owner->free[owner->free_count++] = file_page;
		owner->head++;
	}
}

static void map_page(struct owner *owner, unsigned int page)
{
	unsigned int file_page;
	int err;

	if (!owner->free_count) {
		owner->refused++;
		return;
	}
	file_page = owner->free[--owner->free_count];
	atomic_store(memory_of(owner->world, file_page), ++owner->serial * PAGES + page);
	err = umd_dma_space_map_fd(&owner->world->space, (uint64_t)page * PAGE, PAGE, READ_WRITE,
				   owner->world->fd, (uint64_t)file_page * PAGE);
	if (err) {
		owner->world->wrong += err != -ENOMEM;
		owner->free[owner->free_count++] = file_page;
		owner->refused++;
		return;
	}
	owner->mapped[page] = file_page + 1;
	owner->maps++;
}

/* Of a range that has been unmapped. */
static void bury(struct owner *owner, unsigned int begin, unsigned int end)
{
	for (unsigned int page = begin; page < end; page++) {
		unsigned int file_page = owner->mapped[page] - 1;

		if (!owner->mapped[page])
			continue;
		owner->mapped[page] = 0;
		owner->at[file_page].mark = umd_dma_space_mark(&owner->world->space);
		owner->waiting[owner->tail++ % UNIT_COUNT(owner->waiting)] = file_page;
	}
}

static void churn(struct owner *owner, uint64_t *random)
{
	unsigned int page = (unsigned int)unit_below(random, PAGES);
	unsigned int most = unit_below(random, 100) ? 1 : PAGES;
	unsigned int end = page + most < PAGES ? page + most : PAGES;

	if (owner->mapped[page] || most > 1) {
		owner->world->wrong += umd_dma_space_unmap(&owner->world->space,
							   (uint64_t)page * PAGE,
							   (uint64_t)(end - page) * PAGE) != 0;
		bury(owner, page, end);
	} else {
		map_page(owner, page);
	}
	if (unit_below(random, 8) == 0)
		poison_what_is_quiet(owner);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- A run --------------------------------------------------------------------------------- */

static void init_owner(struct owner *owner, struct world *world)
{
	*owner = (struct owner){.world = world};
	for (unsigned int i = 0; i < PAGES + SPARE; i++) {
		owner->free[owner->free_count++] = i;
		atomic_store(memory_of(world, i), POISON);
	}
}

/* On a busy machine a thread may get its turn late. */
static bool have_all_worked(const struct engine *engines)
{
	for (unsigned int i = 0; i < READERS; i++) {
		if (!engines[i].found || !engines[i].missed || !engines[i].pinned)
			return false;
	}
	return true;
}

static void run_threads(struct owner *owner, struct engine *engines)
{
	uint64_t end = now_ms() + MILLISECONDS, random = 1;
	pthread_t threads[READERS];

	for (unsigned int i = 0; i < READERS; i++) {
		engines[i] = (struct engine){.world = owner->world, .random = 10 + i};
		assert_int_equal(umd_dma_reader_create(&owner->world->space, 0, &engines[i].reader),
				 0);
		assert_int_equal(pthread_create(&threads[i], NULL, work, &engines[i]), 0);
	}
	while (now_ms() < end || !have_all_worked(engines)) {
		for (int i = 0; i < 100; i++)
			churn(owner, &random);
	}
	owner->world->over = true;
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
}

static void check_run(struct owner *owner, struct engine *engines)
{
	struct world *world = owner->world;

	assert_int_equal(world->wrong, 0);
	assert_true(owner->maps > 100);
	umd_dma_space_unmap_all(&world->space);
	assert_true(umd_dma_space_is_quiet(&world->space, umd_dma_space_mark(&world->space)));
	assert_int_equal(world->space.holds.count, 0);
	for (unsigned int i = 0; i < READERS; i++) {
		umd_dma_reader_destroy(engines[i].reader);
	}
	assert_int_equal(world->space.table.epochs.retired_size, 0);
}

static void run(bool fences)
{
	static struct owner owner;
	static struct world world;
	size_t size = (size_t)(PAGES + SPARE) * PAGE;
	struct engine engines[READERS];

	world = (struct world){.fd = make_file(size)};
	world.memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, world.fd, 0);
	assert_true(world.memory != MAP_FAILED);
	init_space(&world.space);
	world.space.table.epochs.fences = fences;
	init_owner(&owner, &world);
	run_threads(&owner, engines);
	check_run(&owner, engines);
	finish_space(&world.space);
	munmap((void *)world.memory, size);
	assert_int_equal(count_mappings(world.fd), 0);
	close(world.fd);
}

static void test_readers_never_see_memory_that_was_given_up(void **state)
{
	run(false);
}

static void test_nor_do_readers_that_fence_for_themselves(void **state)
{
	run(true);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_never_see_memory_that_was_given_up),
		cmocka_unit_test(test_nor_do_readers_that_fence_for_themselves),
	};

	return cmocka_run_group_tests_name("dma_threads", tests, NULL, NULL);
}
