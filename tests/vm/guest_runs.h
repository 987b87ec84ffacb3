/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a guest program maps for its device page by page, through the kernel's type1 VFIO.
 *
 * A run is a range of IOVAs, each page of it mapped by itself, to pages in a random order. Every
 * run has pages of its own and a window of IOVAs of its own, in which it begins somewhere else each
 * time. Beside the memory stands a copy of what it must contain.
 */
#ifndef UMD_GUEST_RUNS_H
#define UMD_GUEST_RUNS_H

#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE	((size_t)4096)
#define GUEST_RUNS	64u
#define GUEST_RUN_PAGES 32u

struct guest_run {
	uint64_t iova;
	size_t number;			/* which run this is, and so where its pages are */
	size_t pages;			/* mapped now; 0: none */
	uint8_t order[GUEST_RUN_PAGES]; /* which of its pages comes first, second... */
};

struct guest_runs {
	int container;			/* of type1 v2 */
	uint64_t random;		/* the generator's state */
	uint8_t *memory;		/* of all runs */
	uint8_t *expected;		/* what it must contain */
	size_t standing, most_standing; /* maps */
	size_t maps, unmaps;		/* calls that made one map; that ended one or more */
	struct guest_run run[GUEST_RUNS];
};

/* Takes memory and fills it. The seed decides about all that is random, and is not 0. 0 or -1. */
int guest_runs_init(struct guest_runs *runs, int container, uint64_t seed);
void guest_runs_finish(struct guest_runs *runs);

/* A random number below `limit`, which fits into 32 bits. */
size_t guest_random(struct guest_runs *runs, size_t limit);

/* Maps a run that has no maps: up to `limit` pages of it, somewhere in its window. 0 or -1. */
int guest_run_map(struct guest_runs *runs, struct guest_run *run, size_t limit);

/* Ends a run's maps: one by one in any order, or all at once; both happen. 0 or -1. */
int guest_run_unmap(struct guest_runs *runs, struct guest_run *run);

/* Ends all maps of all runs by one call. 0 or -1. */
int guest_runs_unmap_all(struct guest_runs *runs);

/* Writes something new to a part of a run, and knows it. */
void guest_run_fill(struct guest_runs *runs, struct guest_run *run, size_t offset, size_t size);

/* Takes note that the device has copied from one run to another. */
void guest_run_expect_copy(struct guest_runs *runs, const struct guest_run *from,
			   size_t from_offset, const struct guest_run *to, size_t to_offset,
			   size_t size);

/* Whether all memory of a run, mapped or not, contains what it must. 0 or -1. */
int guest_run_check(const struct guest_runs *runs, const struct guest_run *run);

#endif
