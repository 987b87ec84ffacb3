/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in each 64-bit word of memory, so that a look tells who put it there, and for which
 * place: 8 bits of kind, 4 of who, 18 of the place, and 34 of a sequence number.
 */
#ifndef STRESS_WORD_H
#define STRESS_WORD_H

#include <stdbool.h>
#include <stdint.h>

enum word_kind {
	WORD_INITIAL = 0xc1, /* put there by the owner before it mapped the page */
	WORD_STAMP = 0x5e,   /* by an engine, while it is mapped */
	WORD_POISON = 0xde,  /* by the owner, once nobody uses the page any more */
};

#define WORD_PLACE    UINT64_C(0x3ffff)
#define WORD_SEQUENCE UINT64_C(0x3ffffffff)

/* A place is that of a pool, a page of its addresses and a word of the page. */
static inline uint32_t word_place(unsigned int pool, uint64_t word)
{
	return (uint32_t)pool << 15 | (uint32_t)word;
}

static inline uint64_t word_make(enum word_kind kind, unsigned int who, uint32_t place,
				 uint64_t sequence)
{
	return (uint64_t)kind << 56 | (uint64_t)who << 52 | (uint64_t)place << 34 |
	       (sequence & WORD_SEQUENCE);
}

static inline uint64_t word_sequence(uint64_t word)
{
	return word & WORD_SEQUENCE;
}

/* Whether a word may stand at a place of mapped memory, with so many engines. */
static inline bool word_is_plausible(uint64_t word, uint32_t place, unsigned int engines)
{
	unsigned int kind = (unsigned int)(word >> 56), who = word >> 52 & 0xf;

	if ((word >> 34 & WORD_PLACE) != place)
		return false;
	return kind == WORD_INITIAL ? who == 0 : kind == WORD_STAMP && who < engines;
}

#endif
