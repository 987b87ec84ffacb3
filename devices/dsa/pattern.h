/* SPDX-License-Identifier: BSD-2-Clause */
/* A pattern of 8 bytes, repeated. */
#ifndef DSA_PATTERN_H
#define DSA_PATTERN_H

#include <endian.h>
#include <stdint.h>

/* Eight bytes of it as they lie in memory, from byte `offset` of the repetition on. */
static inline uint64_t dsa_pattern_at(uint64_t pattern, uint64_t offset)
{
	unsigned int turn = (unsigned int)(offset % 8) * 8;

	return htole64(turn ? pattern >> turn | pattern << (64 - turn) : pattern);
}

#endif
