/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an owner has had of an engine, for itself to read without a call: the first page of region
 * DSA_COUNTERS_REGION of each link (umdev/parent.h), read-only.
 *
 *	offset	bytes
 *	0	4	version, DSA_COUNTERS_VERSION: another one has another layout
 *	4	4	size of what is there, from the beginning: later engines may add behind it
 *	8	8 each	the counters
 *
 * Numbers are of the machine's byte order and naturally aligned, and each is read with one relaxed
 * atomic load. They only grow, by themselves, and are those of all queues and all links that the
 * owner has had since the engine first saw it: a program that wants its own takes the difference.
 *
 * They are added to when a turn of a queue ends, which is some time behind the completions; a queue
 * that was closed is counted to the end. The page is revoked where the engine has seen more than
 * DSA_OWNERS_MAX owners, and this one had no queue: whoever maps it again begins at 0.
 */
#ifndef DSA_COUNTERS_H
#define DSA_COUNTERS_H

#include <stdint.h>

#define DSA_COUNTERS_REGION  0u
#define DSA_COUNTERS_VERSION 1u

struct dsa_counters {
	uint32_t version, size;
	uint64_t descriptors, bytes, interrupts;
	uint64_t faults;  /* addresses that are not its own, or not there */
	uint64_t refused; /* interrupt handles and PASIDs of others, rings that are nonsense */
};

#endif
