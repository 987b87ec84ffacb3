/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Epochs: when what one thread took out of sight is no longer seen by others.
 *
 * One thread, the owner, takes things out of a structure that other threads read without a lock. A
 * reader writes into a cache line of its own which epoch it came in, and that it has left. The
 * owner begins a new epoch once a thing is out of sight: when no reader is inside that came in
 * before, nobody sees the thing any more. The owner asks whether that is so and never waits for it.
 *
 * A reader's entry needs a full fence between its store and its first load. Where the kernel has
 * membarrier(), the owner makes all threads of the process execute one when it asks, and a reader
 * gets by with a compiler barrier; elsewhere each entry executes it.
 *
 * All calls but enter and leave are the owner's.
 */
#ifndef UMD_DMA_EPOCH_H
#define UMD_DMA_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UMD_DMA_RETIRED_BATCH 64u		 /* freed together, for one membarrier() */
#define UMD_DMA_RETIRED_MAX   ((size_t)16 << 20) /* bytes */

/* The beginning of an allocation that can be retired. */
struct umd_dma_retired {
	struct umd_dma_retired *next;
	size_t size; /* of the allocation, in bytes */
};

/* A reader's cache line. */
struct umd_dma_visit {
	uint64_t epoch __attribute__((aligned(64))); /* in which it came in; 0: it is outside */
	bool fences;				     /* its entry executes the fence */
	struct umd_dma_visit *next;
};

/* Zeroed is as new. */
struct umd_dma_epochs {
	uint64_t ended;	 /* epochs so far; the present one is the next */
	uint64_t fenced; /* the last epoch whose beginning a fence of all readers has followed */
	bool fences;	 /* no membarrier() here */
	struct umd_dma_visit *visits;

	struct umd_dma_retired *fresh, *waiting; /* the latter for `mark` */
	size_t fresh_count, retired_size;
	uint64_t mark;
};

void umd_dma_epochs_join(struct umd_dma_epochs *epochs, struct umd_dma_visit *visit);
/* Its reader is outside for good. */
void umd_dma_epochs_part(struct umd_dma_epochs *epochs, struct umd_dma_visit *visit);

/* Whether anybody but the owner may be looking. */
static inline bool umd_dma_epochs_are_shared(const struct umd_dma_epochs *epochs)
{
	return epochs->visits;
}

/* The present epoch, in any thread: it changes whenever something was taken out of sight. */
static inline uint64_t umd_dma_epochs_now(const struct umd_dma_epochs *epochs)
{
	return __atomic_load_n(&epochs->ended, __ATOMIC_ACQUIRE) + 1;
}

/* Begins an epoch and returns its mark, for umd_dma_epochs_are_past(). */
uint64_t umd_dma_epochs_turn(struct umd_dma_epochs *epochs);

/*
 * Puts a full fence into every reader, between two instructions of its, and into whoever ends a
 * pin. 0, or not everywhere: also where there has been no reader yet.
 */
int umd_dma_epochs_fence(struct umd_dma_epochs *epochs);

/* Whether all readers that came in before the epoch `mark` have left. */
bool umd_dma_epochs_are_past(struct umd_dma_epochs *epochs, uint64_t mark);

/* Whether `size` more bytes may be retired. Else changes that retire have to be refused. */
bool umd_dma_epochs_can_retire(struct umd_dma_epochs *epochs, size_t size);

/* Frees an allocation that is out of sight, now or when nobody can see it any more. */
void umd_dma_epochs_retire(struct umd_dma_epochs *epochs, struct umd_dma_retired *retired);

/* Frees what can be freed by now. Retiring does so by itself, in batches. */
void umd_dma_epochs_collect(struct umd_dma_epochs *epochs);

/* ---- Readers ------------------------------------------------------------------------------- */

/* The fence between what a reader has done and what it looks at: the owner's, as at the entry. */
static inline void umd_dma_visit_fence(const struct umd_dma_visit *visit)
{
	if (visit->fences)
		atomic_thread_fence(memory_order_seq_cst);
	else
		atomic_signal_fence(memory_order_seq_cst);
}

/* Not nested. The owner may free nothing that is seen from here on, until the reader leaves. */
static inline void umd_dma_visit_enter(struct umd_dma_visit *visit,
				       const struct umd_dma_epochs *epochs)
{
	__atomic_store_n(&visit->epoch, umd_dma_epochs_now(epochs), __ATOMIC_RELEASE);
	umd_dma_visit_fence(visit);
}

static inline void umd_dma_visit_leave(struct umd_dma_visit *visit)
{
	__atomic_store_n(&visit->epoch, 0, __ATOMIC_RELEASE);
}

#endif
