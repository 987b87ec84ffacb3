/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors of each operation that writes, over ranges of several pages in a world of PAGES. */
#ifndef DSA_JOBS_H
#define DSA_JOBS_H

#include "dsa_fixture.h"

#define PAGES  64u
#define SIZE   (11 * PAGE) /* of a range: it begins and ends inside a page */
#define FROM   (WORLD + 100)
#define TO     (WORLD + 20 * PAGE + 500)
#define SECOND (WORLD + 40 * PAGE + 500)
#define FLAGS  (DSA_FLAG_CRAV | DSA_FLAG_RCR)

static inline void make_move(uint8_t *raw)
{
	make(raw, DSA_MOVE, FLAGS, FROM, TO, SIZE);
}

static inline void make_move_backwards(uint8_t *raw)
{
	make(raw, DSA_MOVE, FLAGS, FROM, FROM + 3 * PAGE + 7, SIZE);
}

static inline void make_move_forwards(uint8_t *raw)
{
	make(raw, DSA_MOVE, FLAGS, FROM + 3 * PAGE + 7, FROM, SIZE);
}

static inline void make_dualcast(uint8_t *raw)
{
	make(raw, DSA_DUALCAST, FLAGS, FROM, TO, SIZE);
	put(raw, 40, 8, SECOND);
}

static inline void make_fill(uint8_t *raw)
{
	make(raw, DSA_FILL, FLAGS, 0x1122334455667788, TO, SIZE);
}

static inline void make_copy_crc(uint8_t *raw)
{
	make(raw, DSA_COPY_CRC, FLAGS, FROM, TO, SIZE);
}

static inline void make_insert(uint8_t *raw)
{
	make(raw, DSA_DIF_INSERT, FLAGS, FROM, TO, 80 * 520);
	raw[42] = 1;
	put(raw, 56, 4, 1000);
}

static inline void make_create(uint8_t *raw)
{
	make(raw, DSA_CREATE_DELTA, FLAGS, WORLD + 104, WORLD + 20 * PAGE + 504, 8 * PAGE);
	put(raw, 40, 8, WORLD + 40 * PAGE + 504);
	put(raw, 48, 4, 1 << 20);
}

static void (*const job_makers[])(uint8_t *raw) = {
	make_move, make_move_backwards, make_move_forwards, make_dualcast,
	make_fill, make_copy_crc,	make_insert,	    make_create,
};

#endif
