/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards over mapped files that others can cut short.
 *
 * Whoever touches a page of such a mapping that the file no longer has, or for which the file
 * system finds no room, gets SIGBUS. Once umd_dma_guard_install() was called, a thread that gets it
 * inside a guarded range goes on: the handler notes that the range is lost and puts zeroed memory
 * of nobody in its place, all of it, so that one fault is the last one and the process has no
 * mapping more than before. Lost is for good: whoever asks after he used the range learns that he
 * may have used memory of nobody, also if the file has grown again meanwhile.
 *
 * A thread that touches guarded ranges must not block SIGBUS: the kernel ends the process then.
 */
#ifndef UMD_DMA_GUARD_H
#define UMD_DMA_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ranges at a time: half of the mappings that Linux lets a process have by default, so that peers
 * with many files cannot use up what the handler and everybody else need.
 */
#define UMD_DMA_GUARDS_MAX 32768u

struct umd_dma_guard_slot;

/*
 * A guarded range, a whole mapping. It may be copied: a copy stands for the same range. Where
 * memory moves, the new range is added before the old one is removed, both with the same `lost`.
 */
struct umd_dma_guard {
	uint8_t *base;
	size_t length; /* a multiple of block */
	size_t block;  /* the mapping's page size, also of huge pages */
	bool writable; /* so is what is put in its place */
	bool *lost;    /* set by the handler, never cleared; lives while the range is guarded */
	struct umd_dma_guard_slot *slot; /* ours */
};

extern bool umd_dma_guard_fences; /* no membarrier() here: who asks executes the fence */
extern bool umd_dma_guard_losses; /* there has been one, of whatever range */

/* Notes that a range is lost, for whoever asks later, in any thread and in signal handlers. */
static inline void umd_dma_guard_lose(bool *lost)
{
	__atomic_store_n(lost, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&umd_dma_guard_losses, true, __ATOMIC_SEQ_CST);
}

/* Installs the handler for SIGBUS, once for the process; the one that was there gets the rest. */
int umd_dma_guard_install(void);

/*
 * Guards a range from now on: after mmap(), before anybody uses it. In any thread.
 *
 * @return 0; -ENOMEM, also beyond UMD_DMA_GUARDS_MAX
 */
int umd_dma_guard_add(struct umd_dma_guard *guard);

/* Ends it: before munmap(), when nobody uses the range any more. Allowed where none was added. */
void umd_dma_guard_remove(struct umd_dma_guard *guard);

/*
 * Notes losses elsewhere from now on, while the range stays guarded all the time. Those who use the
 * range now may still be noted where they were.
 */
void umd_dma_guard_note_at(struct umd_dma_guard *guard, bool *lost);

/* Puts memory of nobody in a place: zeroes, and private. False where there is none to be had. */
bool umd_dma_guard_cover(uint8_t *base, size_t length, bool writable);

/*
 * Whether any use of the range so far may have been of memory of nobody, by its `lost`. The use
 * before comes first for all to see: for that the handler makes every thread execute a fence before
 * it puts memory in.
 */
static inline bool umd_dma_guard_tells(const bool *lost)
{
	if (__builtin_expect(umd_dma_guard_fences, false))
		__sync_synchronize();
	else
		atomic_signal_fence(memory_order_seq_cst);
	return __atomic_load_n(lost, __ATOMIC_ACQUIRE);
}

static inline bool umd_dma_guard_is_lost(const struct umd_dma_guard *guard)
{
	return umd_dma_guard_tells(guard->lost);
}

#endif
