/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Engines look up, copy and pin in a DMA space while its owner maps and unmaps.
 *
 * The owner fills what it has unmapped, and is told that nobody uses any more, with poison, and
 * looks whether the poison is still there before it maps the memory again. Engines leave stamps in
 * mapped memory that name their place, and look at those that others left. So an access after that
 * is seen by whoever comes later, and so is one that went to a wrong place.
 *
 * Addresses are divided into pools. A page of a pool's addresses has two pages of memory of its
 * own, its sides, one of which is mapped there at a time. Some words of a page are kept: one for
 * each engine, which signs it, and a last one that only the owner writes, and that tells the side.
 *
 * Memory of this process cannot be taken away from those who use it. So there are times in which it
 * is mapped, and times in which pins are kept until they are revoked.
 */
#ifndef STRESS_H
#define STRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

#include "word.h"

#define STRESS_PAGE    ((size_t)4096)
#define STRESS_WORDS   (STRESS_PAGE / sizeof(uint64_t))
#define STRESS_PAGES   64u /* of addresses of a pool */
#define STRESS_HOT     4u  /* of them, where half of everything happens */
#define STRESS_SIDES   2u
#define STRESS_ENGINES 8u		  /* at most */
#define STRESS_WITNESS (STRESS_WORDS - 1) /* the word that tells the side */
#define STRESS_ROOM    4u
#define STRESS_HELD    6u /* pins of an engine */
#define STRESS_MAIL    4u
#define STRESS_CLUTTER (1u << 20) /* words */

enum stress_pool_kind {
	STRESS_FILE,
	STRESS_OTHER_FILE,
	STRESS_ADDRESS, /* memory of this process: TSan watches it, and nothing is revoked here */
	STRESS_DOOMED,	/* a file that its owner cuts off */
	STRESS_POOLS,
};

/* The last write of an engine to its word of a page: tried, and known to have arrived. */
struct stress_diary {
	uint64_t tried, done;
};

struct stress_pool {
	enum stress_pool_kind kind;
	uint64_t iova;	  /* of its first page */
	int fd;		  /* -1 for memory of this process */
	uint64_t *memory; /* sides behind each other; NULL for the doomed one */
	struct stress_diary diaries[STRESS_SIDES][STRESS_PAGES][STRESS_ENGINES];
};

static inline bool stress_is_kept(uint64_t word)
{
	return word % STRESS_WORDS < STRESS_ENGINES || word % STRESS_WORDS == STRESS_WITNESS;
}

struct stress_pin {
	struct umd_dma_segment segments[STRESS_ROOM];
	unsigned int count; /* 0: there is none */
	unsigned int pool;
	uint64_t word; /* of the pool, the first */
	uint64_t words;
	bool write;
	bool stuck; /* ends only when it is revoked */
	uint64_t until_ns;
};

struct stress_counts {
	uint64_t copies, spans, missed, pins, refused, revoked, cut, handed;
	uint64_t maps, unmaps, batches, waits, revocations, readers, files;
	uint64_t logs, reports;
};

struct stress_world;

struct stress_engine {
	struct stress_world *world;
	unsigned int number;
	uint64_t random;
	uint64_t sequence; /* of its last write */
	struct umd_dma_reader *reader;
	struct stress_pin held[STRESS_HELD];
	struct stress_counts counts;
	uint64_t words[2 * STRESS_WORDS]; /* copied */
	uint64_t clutter[STRESS_CLUTTER]; /* more than caches hold */
	pthread_t thread;

	/* To the space's thread, and back. */
	struct umd_dma_reader *given_back, *fresh;
};

struct stress_options {
	unsigned int seconds, engines;
	uint64_t seed;
	bool server, cuts, stuck;
};

struct stress_world {
	const struct stress_options *options;
	struct umd_dma_space *space;
	struct stress_pool pools[STRESS_POOLS];
	struct stress_engine engines[STRESS_ENGINES];
	struct stress_pin *mail[STRESS_MAIL]; /* pins for any engine to end */
	struct stress_counts counts;	      /* the owner's */
	bool revokes;			      /* pins may be kept until they are revoked */
	bool over, failed;
};

/* ---- stress.c ------------------------------------------------------------------------------ */

/* Says what is wrong, and ends the run. */
__attribute__((format(printf, 2, 3))) void stress_wrong(struct stress_world *world,
							const char *format, ...);

static inline bool stress_revokes(const struct stress_world *world)
{
	return __atomic_load_n(&world->revokes, __ATOMIC_RELAXED);
}

static inline bool stress_has_failed(const struct stress_world *world)
{
	return __atomic_load_n(&world->failed, __ATOMIC_RELAXED);
}

static inline bool stress_is_over(const struct stress_world *world)
{
	return __atomic_load_n(&world->over, __ATOMIC_RELAXED);
}

uint64_t stress_now_ns(void);
uint64_t stress_below(uint64_t *random, uint64_t limit);
unsigned int stress_choose_page(uint64_t *random);

/* ---- engine.c ------------------------------------------------------------------------------ */

void *stress_engine_run(void *engine);

/* On the space's thread: makes readers for engines that have given theirs back, or have none. */
void stress_serve_readers(struct stress_world *world);
void stress_end_readers(struct stress_world *world);

/* Ends the pins that nobody has taken out of the mail. */
void stress_end_mail(struct stress_world *world);

/* ---- owner.c ------------------------------------------------------------------------------- */

/* How the owner changes maps, and learns that they are not used. */
struct stress_link {
	/*
	 * Makes changes; returns how many, or -1 where that went wrong. What was unmapped is used
	 * no more once is_quiet() says so for *ret_mark.
	 */
	int (*change)(struct stress_world *world, const struct umd_dma_change *changes,
		      unsigned int count, uint64_t *ret_mark);
	bool (*is_quiet)(struct stress_world *world, uint64_t mark);
	/* Returns after a while, or when asking again makes sense. */
	void (*wait)(struct stress_world *world, uint64_t mark);
	void (*revoke)(struct stress_world *world);

	/* The dirty log of all pools but the doomed one; a report has a bit for each page. */
	void (*start_log)(struct stress_world *world);
	uint64_t (*report_log)(struct stress_world *world, unsigned int pool);
	void (*stop_log)(struct stress_world *world);
};

void stress_pools_init(struct stress_world *world);
void stress_pools_finish(struct stress_world *world);

/* Maps and unmaps until the run is over, then unmaps everything. */
void stress_own(struct stress_world *world, const struct stress_link *link);

/* ---- local.c, server.c: a space of its own, and a served device's -------------------------- */

int stress_run_local(struct stress_world *world);
int stress_run_server(struct stress_world *world);

/* Engines, from the space's thread. */
void stress_start_engines(struct stress_world *world);
void stress_join_engines(struct stress_world *world);

#endif
