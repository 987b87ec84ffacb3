/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges given by peers: [start, start + size) checks that cannot overflow.
 */
#ifndef UMD_BASE_RANGE_H
#define UMD_BASE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether [start, start + size) lies inside [0, limit). */
static inline bool umd_range_within(uint64_t start, uint64_t size, uint64_t limit)
{
	return size <= limit && start <= limit - size;
}

/* Whether two ranges, neither of which wraps, have a byte in common. */
static inline bool umd_range_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static inline bool umd_is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

#endif
