/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast somebody may go: a token bucket. It holds what a hundredth of a second brings. Who takes
 * may take more than there is, once: the next one waits until that is paid for, so that what is
 * larger than the bucket passes, too, and on the average nobody is faster than his rate.
 */
#ifndef DSA_LIMIT_H
#define DSA_LIMIT_H

#include <stdint.h>

struct dsa_limit {
	uint64_t rate; /* per second; 0: no limit */
	int64_t level, full;
	uint64_t filled_at; /* nanoseconds */
};

/* Full, at this time. */
void dsa_limit_init(struct dsa_limit *limit, uint64_t rate, uint64_t now);

/* When something may be taken: `now` or before it, at once. */
uint64_t dsa_limit_ready(struct dsa_limit *limit, uint64_t now);

void dsa_limit_take(struct dsa_limit *limit, uint64_t amount);

#endif
