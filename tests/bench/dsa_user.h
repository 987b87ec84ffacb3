/* SPDX-License-Identifier: BSD-2-Clause */
/* What those that measure the DSA engine have in common: who uses a queue of it, and descriptors.
 */
#ifndef UMDEV_BENCH_DSA_USER_H
#define UMDEV_BENCH_DSA_USER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <umdev/parent.h>

#include "dsa/descriptor.h"
#include "dsa/engine.h"

#define USER_DESCRIPTORS 256u /* that are made: of a batch, and of what is submitted singly */
#define USER_MEMORY	 (UINT64_C(2) << 20) /* moved from, and as much moved to */

/*
 * The user of a queue. Its descriptors move `size` bytes each, one behind the other through all of
 * its memory, and then from the beginning: what a core finds in a cache of its own is little.
 */
struct user {
	struct umd_link *link;
	struct umd_queue *queue;
	uint8_t *memory;
	pid_t parent; /* the engine's process; 0: this one */
	uint8_t moves[USER_DESCRIPTORS][DSA_DESCRIPTOR_SIZE];
};

uint64_t now_ns(void);

/* An engine with one worker, on a CPU of its own; -1: on any. */
struct dsa_engine *user_make_engine(int cpu);

/* A link to an engine of this process, and a queue of a weight. */
void user_join(struct user *user, struct dsa_engine *engine, uint32_t owner, uint32_t weight,
	       uint32_t size);

/* The same with an engine in a process of its own, on a CPU; -1: on any. */
void user_join_remote(struct user *user, int cpu, uint32_t size);

void user_leave(struct user *user);

/* Memory as a user's is, of this process alone: the first half is moved from, the second to. */
uint8_t *user_floor_memory(void);

/* Makes the descriptor of a batch of so many moves, which lie in the user's memory. */
void user_make_batch(struct user *user, uint8_t *raw, uint32_t members);

/*
 * Has a descriptor write a record that the user waits for, or with user_ignore() one that nobody
 * looks at.
 */
void user_ask(uint8_t *raw);
void user_ignore(uint8_t *raw);

/* Waits for the record, and clears it. */
void user_wait(struct user *user);

#endif
