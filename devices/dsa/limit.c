/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit.h"

#define SECOND	 UINT64_C(1000000000)
#define RATE_MAX (UINT64_C(1) << 50) /* faster than anything, and nothing below overflows */

void dsa_limit_init(struct dsa_limit *limit, uint64_t rate, uint64_t now)
{
	limit->rate = rate < RATE_MAX ? rate : 0;
	limit->full = (int64_t)(limit->rate / 100 ? limit->rate / 100 : 1);
	limit->level = limit->full;
	limit->filled_at = now;
}

/* How long it takes until the bucket has got so much, rounded up. */
static uint64_t time_for(const struct dsa_limit *limit, uint64_t amount)
{
	unsigned __int128 time = (unsigned __int128)amount * SECOND + limit->rate - 1;

	time /= limit->rate;
	return time > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)time;
}

/* Fractions are not lost: the bucket is full as of the time that whole units have taken. */
static void fill(struct dsa_limit *limit, uint64_t now)
{
	uint64_t passed = now > limit->filled_at ? now - limit->filled_at : 0;
	unsigned __int128 got = (unsigned __int128)passed * limit->rate / SECOND;

	if (got >= (uint64_t)(limit->full - limit->level)) {
		limit->level = limit->full;
		limit->filled_at = now;
		return;
	}
	limit->level += (int64_t)got;
	limit->filled_at += (uint64_t)(got * SECOND / limit->rate);
}

uint64_t dsa_limit_ready(struct dsa_limit *limit, uint64_t now)
{
	if (!limit->rate)
		return now;
	fill(limit, now);
	if (limit->level > 0)
		return now;
	return limit->filled_at + time_for(limit, (uint64_t)(1 - limit->level));
}

void dsa_limit_take(struct dsa_limit *limit, uint64_t amount)
{
	if (limit->rate)
		limit->level -= (int64_t)amount;
}
