/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations, as job.c sees them: which flags and fields each has, and how a piece of it is done.
 *
 * Most operations go through one to three ranges of memory side by side, byte by byte: these name
 * their ranges and give a function for a run, bytes that lie together in every range. Others have a
 * function for a whole piece.
 */
#ifndef DSA_OP_H
#define DSA_OP_H

#include "job.h"
#include "range.h"

#define DSA_FLAG_TCS_1	    (1u << 9) /* traffic classes of addresses 1 to 3: hints */
#define DSA_FLAG_TCS_2	    (1u << 10)
#define DSA_FLAG_TCS_3	    (1u << 11)
#define DSA_FLAG_TCS_RECORD (1u << 12)
#define DSA_FLAG_STRICT	    (1u << 13) /* writes in order: they are */
#define DSA_FLAG_READBACK   (1u << 14) /* written data is where it belongs: it is */

/* Flags that every operation has, those that touch memory, and those that write it. */
#define DSA_FLAGS_ALL \
	(DSA_FLAG_FENCE | DSA_FLAG_CRAV | DSA_FLAG_RCR | DSA_FLAG_RCI | DSA_FLAG_TCS_RECORD)
#define DSA_FLAGS_MEMORY (DSA_FLAGS_ALL | DSA_FLAG_BOF)
#define DSA_FLAGS_WRITE	 (DSA_FLAGS_MEMORY | DSA_FLAG_CC | DSA_FLAG_STRICT | DSA_FLAG_READBACK)

/* Where a descriptor has the address of a range. */
enum dsa_field {
	DSA_AT_SOURCE,
	DSA_AT_DESTINATION,
	DSA_AT_SPECIFIC, /* bytes 40 to 47 */
};

struct dsa_place {
	enum dsa_field field;
	uint32_t prot;
};

#define DSA_RANGES_MAX 3u

struct dsa_op {
	uint32_t flags;				 /* that may be set */
	uint32_t needed;			 /* that must be */
	bool no_source, no_destination, no_size; /* fields that are reserved: must be zero */
	uint8_t used[DSA_SPECIFIC_SIZE];	 /* the bits of bytes 40 to 63 that are not */

	/* What is wrong with the rest: an enum dsa_status, or 0. May be NULL. */
	uint8_t (*check)(const struct dsa_job *job);

	/* Sets up job->state. May be NULL. */
	void (*begin)(struct dsa_job *job);

	unsigned int ranges;
	struct dsa_place places[DSA_RANGES_MAX];

	/*
	 * Does a run. How many bytes; fewer than there are: the operation has ended, as
	 * job->record.result says.
	 */
	size_t (*run)(struct dsa_job *job, uint8_t *const *at, size_t size);

	/*
	 * Or does a piece of its own way, of at most about `room` bytes, as dsa_job_step(); adds to
	 * the cost. NULL: by run().
	 */
	bool (*piece)(struct dsa_job *job, struct umd_dma_reader *reader, size_t room,
		      size_t *cost);

	/* Puts what job->state holds into the record, after every end. May be NULL. */
	void (*report)(struct dsa_job *job);
};

extern const struct dsa_op dsa_op_nop, dsa_op_move, dsa_op_fill, dsa_op_compare,
	dsa_op_compare_pattern, dsa_op_create_delta, dsa_op_apply_delta, dsa_op_dualcast,
	dsa_op_crc, dsa_op_copy_crc, dsa_op_dif_check, dsa_op_dif_insert, dsa_op_dif_strip,
	dsa_op_dif_update, dsa_op_cache_flush;

/* The common piece. */
bool dsa_piece_side_by_side(struct dsa_job *job, const struct dsa_op *op,
			    struct umd_dma_reader *reader, size_t room, size_t *cost);

/* Ends a job; all return true. */
bool dsa_job_fault(struct dsa_job *job, uint64_t address, bool write);
bool dsa_job_end(struct dsa_job *job, uint8_t status);

/* Whether two ranges have a byte in common; the address space has no end. */
static inline bool dsa_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a - b < b_size || b - a < a_size;
}

#endif
