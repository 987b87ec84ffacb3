/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue's ring: memory that the two ends of a queue share, perhaps across processes.
 *
 *	0	tail     u32  entries submitted so far, modulo 2^32; written by the submitter
 *	4	barrier  u32  the number of the change of the space that these entries need made
 *	64	head     u32  entries taken so far; written by the parent
 *	128	flags    u32  UMD_RING_..., set and cleared by the parent; but whoever rings the
 *			      doorbell clears SLEEPS, so that it is rung once
 *	4096	entries, entry_size bytes each, depth of them
 *
 * What one end writes often lies in a line that the other reads seldom.
 *
 * The file is the parent's, sealed in its size. The parent believes nothing in it: its own head and
 * depth are copies of its own, it reads no flags, and a tail that is further than depth from its
 * head ends the queue. The submitter believes nothing either: a head that cannot be is a full ring.
 */
#ifndef UMD_PARENT_RING_H
#define UMD_PARENT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UMD_RING_SLEEPS	 (1u << 0) /* the parent wants the doorbell */
#define UMD_RING_STOPPED (1u << 1) /* it takes no entries: stopped, halted */

#define UMD_RING_DEPTH_MAX  65536u
#define UMD_RING_ENTRY_MIN  16u
#define UMD_RING_ENTRY_MAX  256u
#define UMD_RING_ENTRIES_AT 4096u

struct umd_ring_shared {
	_Alignas(64) uint32_t tail;
	uint32_t barrier;
	_Alignas(64) uint32_t head;
	_Alignas(64) uint32_t flags;
};

/* Either end's view of it. */
struct umd_ring {
	struct umd_ring_shared *shared; /* NULL: closed */
	uint8_t *entries;
	uint32_t depth, entry_size;
	uint32_t at;   /* this end's own index: the tail of a submitter, the head of a parent */
	uint32_t seen; /* of the other end's, what was last seen, and may be used */
	size_t size;   /* of the mapping; 0: it is another view's */
};

/* Whether there can be such a ring: both are powers of two within the limits. */
bool umd_ring_is_valid(uint32_t depth, uint32_t entry_size);

/* Makes a ring, and the sealed memfd that it lies in. 0; -EINVAL; -ENOMEM; -EMFILE. */
int umd_ring_create(struct umd_ring *ring, uint32_t depth, uint32_t entry_size, int *ret_fd);

/* Maps a ring that a parent has sent: checks size and seals. 0; -EPROTO; what mmap() returns. */
int umd_ring_open(struct umd_ring *ring, int fd, uint32_t depth, uint32_t entry_size);

/* The other end of a new ring in the same process, by the same mapping; ends before it. */
struct umd_ring umd_ring_share(const struct umd_ring *ring);

void umd_ring_close(struct umd_ring *ring);

/* ---- The submitter's ----------------------------------------------------------------------- */

uint32_t umd_ring_room(const struct umd_ring *ring);
bool umd_ring_is_stopped(const struct umd_ring *ring);

/* As many as there is room for; behind change `barrier`. Then look whether the parent sleeps. */
uint32_t umd_ring_put(struct umd_ring *ring, const void *entries, uint32_t count, uint32_t barrier);

/* True: it sleeps, and the caller rings; nobody is told so again before it has woken. */
bool umd_ring_wants_doorbell(const struct umd_ring *ring);

/* ---- The parent's -------------------------------------------------------------------------- */

/*
 * Copies out. How many; 0; -EPROTO for a tail that cannot be; -EAGAIN where entries are there, but
 * `changes`, the number of the last change made, is behind the barrier.
 */
int umd_ring_take(struct umd_ring *ring, void *entries, uint32_t room, uint32_t changes);

/* How many there are, with those behind a barrier; more than depth: nonsense. */
uint32_t umd_ring_count(const struct umd_ring *ring);

/* Whether what is there waits for changes beyond these. */
bool umd_ring_is_behind(const struct umd_ring *ring, uint32_t changes);

/* Drops what is there. */
void umd_ring_drop(struct umd_ring *ring);

/* In any thread. */
void umd_ring_set_flags(struct umd_ring *ring, uint32_t set, uint32_t clear);

/* A full fence between the flags that were set, or a change that was made, and the next look. */
static inline void umd_ring_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
