/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking up in a space from a thread that does not change it: an engine's. See umdev/dma.h.
 *
 * A reader remembers the maps that it saw lately, by page. They are good for as long as nothing has
 * been unmapped.
 */
#ifndef UMD_DMA_READER_H
#define UMD_DMA_READER_H

#include <stdint.h>

#include "dma/space.h"

#define UMD_DMA_READER_SLICES 64u /* what the 6 bits of place_of() say */

/* A map of memory as a reader saw it. */
struct umd_dma_slice {
	uint64_t iova;
	uint64_t behind; /* bytes behind the first */
	uint64_t epoch;	 /* in which it was looked up; 0: nothing is here */
	uint8_t *base;	 /* of its first byte */
	struct umd_dma_hold *hold;
	uint32_t prot;
};

struct umd_dma_reader {
	struct umd_dma_visit visit;
	struct umd_dma_space *space;
	const struct umd_dma_epochs *epochs; /* the space's */
	struct umd_dma_wake *wake;	     /* its owner's */
	struct umd_dma_pin_cursor cursor;
	struct umd_dma_slice slices[UMD_DMA_READER_SLICES] __attribute__((aligned(64)));
};

#endif
