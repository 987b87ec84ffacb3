/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A job: one operation of the accelerator, done piece by piece in the memory of whoever asked.
 *
 * A piece is as much as one visit to the space allows (umd_dma_enter() to umd_dma_leave()), so that
 * unmaps wait for a piece at most, and a queue's turn can end in the middle of a large transfer. A
 * job knows nothing of queues, batches, completion records' addresses and interrupts: engine.h.
 */
#ifndef DSA_JOB_H
#define DSA_JOB_H

#include <stddef.h>

#include <umdev/dma.h>

#include "descriptor.h"

/* What a queue allows of an operation. */
struct dsa_limits {
	uint64_t max_transfer; /* bytes */
	uint64_t opcodes[4];   /* a bit for each that may be used */
	bool block_on_fault;   /* the flag may be used */
};

struct dsa_job {
	struct dsa_descriptor descriptor;
	struct dsa_record record; /* complete once the job has ended */
	uint64_t done;		  /* bytes of the operation's size */
	union {
		uint64_t crc;
		struct {
			uint32_t size, previous; /* of the record so far; the last offset, + 1 */
		} delta;
		struct {
			uint32_t source_tag, destination_tag, block;
			uint16_t source_app, destination_app;
		} dif;
		uint64_t words[8];
	} state;
};

/*
 * Begins a job: checks all of the descriptor that is the operation's own: opcode, flags, reserved
 * fields, size, alignment, overlap, in the specification's order. Not for DSA_BATCH and DSA_DRAIN,
 * which are the engine's. False: it has ended with an error in job->record.
 */
bool dsa_job_begin(struct dsa_job *job, const struct dsa_descriptor *descriptor,
		   const struct dsa_limits *limits);

/*
 * Moves on by at most about `budget` bytes. True: it has ended, and job->record says how. A page
 * fault ends it (DSA_FAULT, the bytes completed, the first address that is not there); what was
 * done before it is done. A job that faulted and was given DSA_FLAG_BOF can go on after the page
 * was made available: dsa_job_step() again.
 *
 * @param ret_cost bytes that were read or written, the larger of both: what the queue is charged
 */
bool dsa_job_step(struct dsa_job *job, struct umd_dma_reader *reader, size_t budget,
		  size_t *ret_cost);

#endif
