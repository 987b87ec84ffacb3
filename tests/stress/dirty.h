/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log beside the rest: the owner copies memory as a migration does, again and again the
 * pages that were reported. What is not used any more has to be in the copy.
 */
#ifndef STRESS_DIRTY_H
#define STRESS_DIRTY_H

#include "stress.h"

#define DIRTY_POOLS STRESS_DOOMED /* that are logged: all before it */

struct dirty {
	struct stress_world *world;
	const struct stress_link *link;
	uint64_t random;
	bool runs;
	uint64_t until_ns;
	/* Pages that are mapped, or unmapped and perhaps still in use; and what was copied of them.
	 */
	bool tracked[DIRTY_POOLS][STRESS_SIDES][STRESS_PAGES];
	uint64_t copies[DIRTY_POOLS][STRESS_SIDES][STRESS_PAGES][STRESS_WORDS];
};

/* Starts and ends logs, and copies what is reported, as time goes by. */
void dirty_turn(struct dirty *dirty);

/* A page is about to be mapped. */
void dirty_track(struct dirty *dirty, unsigned int pool, unsigned int side, unsigned int page);

/* Pages are used by nobody any more: the copy is compared, unless they may have been revoked. */
void dirty_check(struct dirty *dirty, unsigned int pool, unsigned int side, unsigned int first,
		 unsigned int count);

#endif
