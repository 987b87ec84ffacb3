/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: threads that work off queues of descriptors, for many owners at a time. It is a
 * parent (umdev/parent.h), with an API called "dsa-1": entries are descriptors of 64 bytes
 * (descriptor.h), completions are written to the owner's memory, interrupt handles are vectors of
 * the owner's link.
 *
 * Queues share the threads by weight, counted in bytes that they move (a descriptor that moves less
 * than 64 bytes counts as 64): see schedule.h. A dedicated queue is one owner's. A shared queue
 * (the accelerator's shared work queue) is one in the schedule, whichever owners submit to it, each
 * by a ring of its own and each in its own space.
 *
 * The descriptors of a queue are begun in order, one after the other, by one thread at a time;
 * a fence and a drain hold by that.
 */
#ifndef DSA_ENGINE_H
#define DSA_ENGINE_H

#include <umdev/parent.h>

#include "counters.h"
#include "job.h"

#define DSA_API	       "dsa-1"
#define DSA_OWNERS_MAX 256u

struct dsa_engine;

struct dsa_engine_options {
	unsigned int workers;	    /* threads; 0: as many as there are processors, at most 8 */
	unsigned int queues;	    /* at most; 0: 256 */
	unsigned int shared_queues; /* 0: none */
	unsigned int vectors;  /* of the interrupt store; 0: 2048, the most: handles are 16 bits */
	uint64_t max_transfer; /* bytes of a descriptor; 0: 2 GiB */
	uint32_t max_batch;    /* descriptors of a batch; 0: 1024 */
	unsigned int spin_us;  /* how long an idle thread looks before it sleeps; 0: 20 */
};

/* Makes the engine, its interrupt store and its parent. 0; a negative errno. */
int dsa_engine_create(const struct dsa_engine_options *options, struct dsa_engine **ret,
		      struct umd_error *error);

/* After all links have been closed. NULL is allowed. */
void dsa_engine_destroy(struct dsa_engine *engine);

struct umd_parent *dsa_engine_parent(const struct dsa_engine *engine);

/* What a queue is to be like: umd_queue_options.config. A member of 0 is the engine's own limit. */
struct dsa_queue_config {
	uint32_t size;		   /* sizeof(struct dsa_queue_config) */
	uint32_t max_batch;	   /* descriptors */
	uint64_t max_transfer;	   /* bytes */
	uint64_t opcodes[4];	   /* a bit for each that may be used; all zero: all there are */
	uint32_t block_on_fault;   /* whether DSA_FLAG_BOF may be used */
	uint32_t asks_for_pages;   /* which then waits for dsa_engine_answer(), not in vain */
	uint32_t priority;	   /* 1 to 15: its weight counts so many times; 0: 1 */
	uint64_t bytes_per_second; /* a limit; 0: none */
	uint64_t descriptors_per_second;
};

/*
 * What has gone wrong with a descriptor without a completion record to tell it in: the note that
 * its queue's link is given (umd_link_ops.noted). The full device and the slices show it in SWERR.
 */
struct dsa_note {
	uint8_t status; /* enum dsa_status */
	uint8_t opcode;
	bool in_batch, write;
	bool asks; /* no error: a page is missing, and dsa_engine_answer() is waited for */
	uint32_t batch_index, pasid;
	uint32_t invalid_flags;
	uint64_t address;
};

/*
 * Answers queues of an owner's that wait for the page of an address: it is there now, or will not
 * be, and what waits for it ends with DSA_PAGE_RESPONSE. Nothing for what waits for others. In the
 * parent's thread. A queue that is not answered asks again every second, and after ten it has been
 * denied.
 */
void dsa_engine_answer(struct dsa_engine *engine, uint32_t owner, uint64_t address, bool granted);

/*
 * What one owner has had of the engine, since it was first seen: for whoever holds the engine. The
 * owner itself has the counters in a region of its link (counters.h).
 */
struct dsa_usage {
	uint32_t owner;
	unsigned int queues; /* now */
	uint64_t descriptors, bytes, interrupts;
	uint64_t faults;  /* addresses that are not its own, or not there */
	uint64_t refused; /* interrupt handles and PASIDs of others, rings that are nonsense */
};

/* How many owners there are, of which `room` are filled in, by owner. Any thread. */
size_t dsa_engine_get_usage(struct dsa_engine *engine, struct dsa_usage *ret, size_t room);

#endif
