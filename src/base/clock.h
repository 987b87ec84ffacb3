/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock that deadlines are counted by. */
#ifndef UMD_BASE_CLOCK_H
#define UMD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, in nanoseconds. */
static inline uint64_t umd_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
