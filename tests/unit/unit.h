/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the unit tests share: cmocka with what it needs before it, and a few helpers. Random tests
 * run with fixed seeds, so that a failure comes back; a program's argument is a seed of one's own.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Random numbers (splitmix64) ----------------------------------------------------------- */

#define UNIT_SEEDS 4u

static inline uint64_t unit_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A number below `limit`. */
static inline uint64_t unit_below(uint64_t *state, uint64_t limit)
{
	return unit_random(state) % limit;
}

/* The one seed given to the program; 0 where there is none. */
static uint64_t unit_seed __attribute__((unused));

static inline void unit_take_seed(int argc, char **argv)
{
	unit_seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
}

/* The first step at which a run with this seed went wrong, or -1. */
typedef long unit_run_fn(uint64_t seed);

static inline void unit_run_seed(unit_run_fn *run, uint64_t seed)
{
	long step = run(seed);

	if (step >= 0)
		fail_msg("seed %llu, step %ld", (unsigned long long)seed, step);
}

static inline void unit_run_seeds(unit_run_fn *run)
{
	if (unit_seed) {
		unit_run_seed(run, unit_seed);
		return;
	}
	for (uint64_t seed = 1; seed <= UNIT_SEEDS; seed++)
		unit_run_seed(run, seed);
}

/* ---- Memory whose end is the end ----------------------------------------------------------- */

#define UNIT_GUARDED_MAX 8192u

struct unit_guarded {
	uint8_t *base;
	size_t page;
};

/* Bytes behind which a touch ends the process. */
static inline void unit_guarded_init(struct unit_guarded *guarded)
{
	guarded->page = (size_t)sysconf(_SC_PAGESIZE);
	guarded->base = mmap(NULL, UNIT_GUARDED_MAX + guarded->page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(guarded->base != MAP_FAILED);
	assert_int_equal(mprotect(guarded->base + UNIT_GUARDED_MAX, guarded->page, PROT_NONE), 0);
}

static inline uint8_t *unit_guarded_put(struct unit_guarded *guarded, const void *from, size_t size)
{
	uint8_t *to = guarded->base + UNIT_GUARDED_MAX - size;

	assert_true(size <= UNIT_GUARDED_MAX);
	memcpy(to, from, size);
	return to;
}

static inline void unit_guarded_finish(struct unit_guarded *guarded)
{
	munmap(guarded->base, UNIT_GUARDED_MAX + guarded->page);
}

/* ---- File descriptors ---------------------------------------------------------------------- */

/* base/foreign.h's: some programs here see public headers only. */
size_t umd_foreign_count(void);

/* Waits until what was left to a thread to be closed is closed. */
static inline void unit_wait_closed(void)
{
	for (int i = 0; umd_foreign_count() && i < 50000; i++)
		usleep(100);
	assert_int_equal(umd_foreign_count(), 0);
}

/* How many this process has open. */
static inline int unit_count_fds(void)
{
	DIR *dir;
	int count = 0;

	unit_wait_closed();
	dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* What an eventfd has counted since the last call; never waits. */
static inline uint64_t unit_take_events(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t count = 0;

	if (poll(&ready, 1, 0) == 1)
		assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	return count;
}

static inline void unit_add_event(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

#endif
