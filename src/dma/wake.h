/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling the owner of spaces that a reader has left or a pin has ended, when it waits for that.
 *
 * A reader looks at `waiting` after it has left, the owner sets it before it looks at the readers:
 * with a fence between the two on each side, one of them sees the other. The owner's fence serves
 * for both where membarrier() works (dma/epoch.h).
 */
#ifndef UMD_DMA_WAKE_H
#define UMD_DMA_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>

struct umd_dma_wake {
	int fd;	     /* an eventfd; -1: none, nobody is about to be waited for */
	bool fences; /* readers execute the fence themselves */
	bool waiting;
};

/* Makes the eventfd, unless there is one. 0 or a negative errno. */
int umd_dma_wake_open(struct umd_dma_wake *wake);
void umd_dma_wake_close(struct umd_dma_wake *wake);

/* The owner will wait, unless it finds what it wants after a fence. */
void umd_dma_wake_arm(struct umd_dma_wake *wake);

/* What umd_dma_wake_tell() does where the owner waits. */
void umd_dma_wake_signal(struct umd_dma_wake *wake);

/* Something has ended, in any thread. */
static inline void umd_dma_wake_tell(struct umd_dma_wake *wake)
{
	if (__builtin_expect(__atomic_load_n(&wake->fences, __ATOMIC_RELAXED), 0))
		atomic_thread_fence(memory_order_seq_cst);
	else
		atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(__atomic_load_n(&wake->waiting, __ATOMIC_RELAXED), 0))
		umd_dma_wake_signal(wake);
}

#endif
