/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches: descriptors in a list in their owner's memory.
 *
 * The list is copied in pieces, each descriptor once, shortly before it is begun, and what is done
 * is what the copy says. A list that changes meanwhile, or that its own descriptors write to, gives
 * its owner whatever he has made of it.
 */
#ifndef DSA_BATCH_H
#define DSA_BATCH_H

#include <umdev/dma.h>

#include "descriptor.h"
#include "job.h"

#define DSA_BATCH_PIECE 16u /* descriptors that are copied at a time */
#define DSA_BATCH_MIN	2u

struct dsa_batch {
	struct dsa_descriptor descriptor; /* the batch's own */
	uint32_t at;			  /* descriptors begun */
	bool failed;			  /* one of them did not succeed */
	unsigned int copied, next;	  /* in the piece */
	uint8_t piece[DSA_BATCH_PIECE][DSA_DESCRIPTOR_SIZE];
};

/*
 * What is wrong with a batch's descriptor, or a drain's, in the specification's order: an enum
 * dsa_status, or 0. DSA_BAD_FLAGS: *ret_flags are the wrong ones.
 */
uint8_t dsa_batch_check(const struct dsa_descriptor *descriptor, const struct dsa_limits *limits,
			uint32_t max_batch, uint32_t *ret_flags);
uint8_t dsa_drain_check(const struct dsa_descriptor *descriptor, const struct dsa_limits *limits,
			uint32_t *ret_flags);

void dsa_batch_begin(struct dsa_batch *batch, const struct dsa_descriptor *descriptor);

/*
 * The next descriptor of the list; NULL: the batch has ended, as *ret_record says. Its place in the
 * list is batch->at - 1 from now on.
 */
const uint8_t *dsa_batch_next(struct dsa_batch *batch, struct umd_dma_reader *reader,
			      struct dsa_record *ret_record);

/* The descriptor that came last was refused a beginning: it waits for those before it, in vain. */
void dsa_batch_fence(struct dsa_batch *batch, struct dsa_record *ret_record);

#endif
