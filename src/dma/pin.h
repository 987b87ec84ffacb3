/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins: memory that is used for longer than a reader stays inside.
 *
 * A pin is a slot that its reader's thread fills and any thread empties. The owner finds out what
 * is pinned by looking through the slots, which it does when maps have been removed, and for the
 * dirty log: so that making and ending a pin are a few stores, and no counter is shared.
 *
 * Slots come in blocks. A block belongs to one reader, and to the next one when that is gone.
 */
#ifndef UMD_DMA_PIN_H
#define UMD_DMA_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "dma/hold.h"

#define UMD_DMA_PIN_BLOCK  63u
#define UMD_DMA_PIN_BLOCKS 1024u /* of a space */

struct umd_dma_space;

struct umd_dma_pin {
	struct umd_dma_hold *hold; /* NULL: free */
	uint8_t *base;
	uint64_t iova, size;
	uint32_t prot;
	uint16_t at;  /* in its block */
	bool counted; /* among the client's pinned bytes */
};

struct umd_dma_pin_block {
	struct umd_dma_space *space;
	struct umd_dma_pin_block *next; /* of the space's */
	struct umd_dma_pin_block *more; /* of the reader's, a ring */
	bool taken;			/* by a reader */
	struct umd_dma_pin pins[UMD_DMA_PIN_BLOCK];
};

struct umd_dma_pins {
	struct umd_dma_pin_block *blocks; /* readers add, nobody takes away */
	unsigned int count;
};

/* Where a reader's next pin goes. */
struct umd_dma_pin_cursor {
	struct umd_dma_pin_block *block; /* NULL: none yet */
	unsigned int at;
};

/* Whether there may be any: there has been one. */
static inline bool umd_dma_pins_are_possible(const struct umd_dma_pins *pins)
{
	return __atomic_load_n(&pins->blocks, __ATOMIC_ACQUIRE);
}

/* Writes a number into each hold that is pinned, as its `round`. */
void umd_dma_pins_tell_holds(const struct umd_dma_pins *pins, uint64_t round);

/* Whether somebody has a pin in a stretch of memory. */
bool umd_dma_pins_reach(const struct umd_dma_pins *pins, const uint8_t *base, size_t length);

/* Tells of each pin that writes. */
void umd_dma_pins_tell_writing(const struct umd_dma_pins *pins,
			       void (*fn)(void *data, uint64_t iova, uint64_t size), void *data);

/* Frees the blocks. No pin and no reader is left. */
void umd_dma_pins_finish(struct umd_dma_pins *pins);

/* A reader has come, and takes what others left; it is gone, and its pins may stay. */
void umd_dma_pins_adopt(struct umd_dma_pins *pins, struct umd_dma_pin_cursor *cursor);
void umd_dma_pins_leave(struct umd_dma_pin_cursor *cursor);

#endif
