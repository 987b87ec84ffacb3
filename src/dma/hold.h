/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds: each map of memory of this process has one, which keeps the memory for those that use the
 * map.
 *
 * A map that is removed leaves its hold behind. It is let go, and with it the reference to the
 * memory, when no reader is inside any more that came in before, and no pin is left. All calls are
 * for the thread that maps and unmaps, and none waits; pins are made by any thread (dma/pin.h).
 */
#ifndef UMD_DMA_HOLD_H
#define UMD_DMA_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dma/way.h"

struct umd_dma_space;

#define UMD_DMA_HOLDS_MAX   65536u /* of removed maps */
#define UMD_DMA_HOLDS_BATCH 64u	   /* looked after together, for one membarrier() */

struct umd_dma_hold {
	struct umd_dma_memory *memory;
	uint64_t mark;	/* the epoch that began when the map had been removed */
	uint64_t round; /* the last in which a pin of it was found */
	struct umd_dma_hold *next;
};

/* Those of removed maps, by their marks. */
struct umd_dma_holds {
	struct umd_dma_hold *first, **end; /* where the next one goes */
	size_t count;
	size_t added, kept; /* since they were looked after last; what had to stay then */
	uint64_t round;	    /* of looking for pins */
};

void umd_dma_holds_init(struct umd_dma_holds *holds);

/* For a map. The reference to the memory becomes the hold's. 0 or -ENOMEM. */
int umd_dma_hold_create(struct umd_dma_memory *memory, struct umd_dma_hold **ret);

/* Its map has been removed; or was never added. */
void umd_dma_hold_release(struct umd_dma_space *space, struct umd_dma_hold *hold);

/* Lets go what can be. Releasing does so by itself, in batches. */
void umd_dma_holds_settle(struct umd_dma_space *space);

/* Whether there are so many that no map may be added. */
bool umd_dma_holds_are_full(struct umd_dma_space *space);

#endif
