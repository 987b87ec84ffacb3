/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue's ring: memory that the two ends of a queue share, perhaps across processes.
 *
 *	0	tail     u32  entries submitted so far, modulo 2^32; written by the submitter
 *	4	barrier  u32  the number of the change of the space that these entries need made
 *	64	head     u32  entries taken so far; written by the parent
 *	68	flags    u32  UMD_RING_..., written by the parent
 *	4096	entries, entry_size bytes each, depth of them
 *
 * The file is the parent's, sealed in its size. The parent believes nothing in it: its own head,
 * depth and flags are copies of its own, and a tail that is further than depth from its head ends
 * the queue. The submitter believes nothing either: a head that cannot be is a full ring.
 */
#ifndef UMD_PARENT_RING_H
#define UMD_PARENT_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UMD_RING_SLEEPS	 (1u << 0) /* the parent wants the doorbell */
#define UMD_RING_STOPPED (1u << 1) /* it takes no entries: stopped, halted */

#define UMD_RING_DEPTH_MAX  65536u
#define UMD_RING_ENTRIES_AT 4096u

struct umd_ring_shared {
	_Alignas(64) uint32_t tail;
	uint32_t barrier;
	_Alignas(64) uint32_t head;
	uint32_t flags;
};

/* Either end's view of it. */
struct umd_ring {
	struct umd_ring_shared *shared;
	uint8_t *entries;
	uint32_t depth, entry_size;
	uint32_t at;   /* this end's own index: the tail of a submitter, the head of a parent */
	uint32_t seen; /* what was last seen of the other end's */
	size_t size;   /* of the mapping */
};

/* Makes a ring, and the sealed memfd that it lies in. 0; -ENOMEM; -EMFILE. */
int umd_ring_create(struct umd_ring *ring, uint32_t depth, uint32_t entry_size, int *ret_fd);

/* Maps a ring that a parent has sent: checks size and seals. 0; -EPROTO; what mmap() returns. */
int umd_ring_open(struct umd_ring *ring, int fd, uint32_t depth, uint32_t entry_size);

void umd_ring_close(struct umd_ring *ring);

/* ---- The submitter's ----------------------------------------------------------------------- */

uint32_t umd_ring_room(struct umd_ring *ring);

/* As many as there is room for; behind change `barrier`. Then look whether the parent sleeps. */
uint32_t umd_ring_put(struct umd_ring *ring, const void *entries, uint32_t count, uint32_t barrier);
bool umd_ring_wants_doorbell(const struct umd_ring *ring);

/* ---- The parent's -------------------------------------------------------------------------- */

/*
 * Copies out. How many; 0; -EPROTO for a tail that cannot be; -EAGAIN where entries are there, but
 * `changes`, the number of the last change made, is behind the barrier.
 */
int umd_ring_take(struct umd_ring *ring, void *entries, uint32_t room, uint32_t changes);

/* Whether there are entries, or nonsense. */
bool umd_ring_has_entries(const struct umd_ring *ring);

void umd_ring_set_flags(struct umd_ring *ring, uint32_t set, uint32_t clear);

#endif
