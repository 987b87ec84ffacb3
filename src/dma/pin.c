/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/pin.h"

#include <errno.h>
#include <stdlib.h>

#include "base/export.h"
#include "dma/reader.h"

#define BLOCKS_TRIED 4u /* that may be full, before another one is made */

/* ---- What the owner sees ------------------------------------------------------------------- */

static const struct umd_dma_pin_block *first_block(const struct umd_dma_pins *pins)
{
	return __atomic_load_n(&pins->blocks, __ATOMIC_ACQUIRE);
}

static struct umd_dma_hold *hold_of(const struct umd_dma_pin *pin)
{
	return __atomic_load_n(&pin->hold, __ATOMIC_ACQUIRE);
}

/* Only the owner frees holds, so those found are there. */
void umd_dma_pins_tell_holds(const struct umd_dma_pins *pins, uint64_t round)
{
	for (const struct umd_dma_pin_block *block = first_block(pins); block;
	     block = block->next) {
		for (unsigned int i = 0; i < UMD_DMA_PIN_BLOCK; i++) {
			struct umd_dma_hold *hold = hold_of(&block->pins[i]);

			if (hold)
				hold->round = round;
		}
	}
}

bool umd_dma_pins_reach(const struct umd_dma_pins *pins, const uint8_t *base, size_t length)
{
	for (const struct umd_dma_pin_block *block = first_block(pins); block;
	     block = block->next) {
		for (unsigned int i = 0; i < UMD_DMA_PIN_BLOCK; i++) {
			const struct umd_dma_pin *pin = &block->pins[i];

			if (hold_of(pin) &&
			    (uintptr_t)__atomic_load_n(&pin->base, __ATOMIC_RELAXED) -
					    (uintptr_t)base <
				    length)
				return true;
		}
	}
	return false;
}

/* A pin that ends and gives way to another meanwhile may be told of wrongly. */
static void tell(const struct umd_dma_pin *pin,
		 void (*fn)(void *data, uint64_t iova, uint64_t size), void *data)
{
	uint64_t iova, size, end;

	if (!hold_of(pin) || !(__atomic_load_n(&pin->prot, __ATOMIC_RELAXED) & UMD_DMA_WRITE))
		return;
	iova = __atomic_load_n(&pin->iova, __ATOMIC_RELAXED);
	size = __atomic_load_n(&pin->size, __ATOMIC_RELAXED);
	if (size && !__builtin_add_overflow(iova, size - 1, &end))
		fn(data, iova, size);
}

void umd_dma_pins_tell_writing(const struct umd_dma_pins *pins,
			       void (*fn)(void *data, uint64_t iova, uint64_t size), void *data)
{
	for (const struct umd_dma_pin_block *block = first_block(pins); block;
	     block = block->next) {
		for (unsigned int i = 0; i < UMD_DMA_PIN_BLOCK; i++)
			tell(&block->pins[i], fn, data);
	}
}

void umd_dma_pins_finish(struct umd_dma_pins *pins)
{
	struct umd_dma_pin_block *next;

	for (struct umd_dma_pin_block *block = pins->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	*pins = (struct umd_dma_pins){0};
}

/* Adds a block to the reader's ring, behind the one where the next pin goes. */
static void take_block(struct umd_dma_pin_cursor *cursor, struct umd_dma_pin_block *block)
{
	block->taken = true;
	block->more = cursor->block ? cursor->block->more : block;
	if (cursor->block)
		cursor->block->more = block;
	cursor->block = block;
	cursor->at = 0;
}

void umd_dma_pins_adopt(struct umd_dma_pins *pins, struct umd_dma_pin_cursor *cursor)
{
	struct umd_dma_pin_block *block = __atomic_load_n(&pins->blocks, __ATOMIC_ACQUIRE);

	for (; block; block = block->next) {
		if (!block->taken)
			take_block(cursor, block);
	}
}

void umd_dma_pins_leave(struct umd_dma_pin_cursor *cursor)
{
	struct umd_dma_pin_block *first = cursor->block, *block = first;

	while (block && block->taken) {
		block->taken = false;
		block = block->more;
	}
	cursor->block = NULL;
}

/* ---- Making and ending pins ---------------------------------------------------------------- */

static struct umd_dma_pin_block *add_block(struct umd_dma_reader *reader)
{
	struct umd_dma_pins *pins = &reader->space->pins;
	struct umd_dma_pin_block *block;

	if (__atomic_fetch_add(&pins->count, 1, __ATOMIC_RELAXED) >= UMD_DMA_PIN_BLOCKS ||
	    !(block = calloc(1, sizeof(*block)))) {
		__atomic_fetch_sub(&pins->count, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	block->space = reader->space;
	for (unsigned int i = 0; i < UMD_DMA_PIN_BLOCK; i++)
		block->pins[i].at = (uint16_t)i;
	take_block(&reader->cursor, block);
	block->next = __atomic_load_n(&pins->blocks, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&pins->blocks, &block->next, block, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		continue;
	return block;
}

/* The next free slot of the block where the cursor stands. */
static struct umd_dma_pin *find_slot(struct umd_dma_pin_cursor *cursor)
{
	for (unsigned int i = 0; i < UMD_DMA_PIN_BLOCK; i++) {
		struct umd_dma_pin *pin = &cursor->block->pins[cursor->at];

		cursor->at = cursor->at + 1 < UMD_DMA_PIN_BLOCK ? cursor->at + 1 : 0;
		if (!hold_of(pin))
			return pin;
	}
	return NULL;
}

/* Looks further than at one block, and where some are full makes another. NULL: no room. */
static struct umd_dma_pin *find_far(struct umd_dma_reader *reader)
{
	struct umd_dma_pin_cursor *cursor = &reader->cursor;
	struct umd_dma_pin *pin = NULL;

	for (unsigned int i = 0; cursor->block && !pin && i < BLOCKS_TRIED; i++) {
		cursor->block = cursor->block->more;
		pin = find_slot(cursor);
	}
	if (!pin && add_block(reader))
		pin = find_slot(cursor);
	for (unsigned int i = 0; cursor->block && !pin && i < UMD_DMA_PIN_BLOCKS; i++) {
		cursor->block = cursor->block->more;
		pin = find_slot(cursor);
	}
	return pin;
}

static bool add_pin(struct umd_dma_reader *reader, uint64_t iova, uint32_t prot,
		    struct umd_dma_segment *segment)
{
	struct umd_dma_pin *pin = reader->cursor.block ? find_slot(&reader->cursor) : NULL;

	if (!pin)
		pin = find_far(reader);
	if (!pin)
		return false;

	__atomic_store_n(&pin->base, segment->base, __ATOMIC_RELAXED);
	__atomic_store_n(&pin->iova, iova, __ATOMIC_RELAXED);
	__atomic_store_n(&pin->size, segment->size, __ATOMIC_RELAXED);
	__atomic_store_n(&pin->prot, prot, __ATOMIC_RELAXED);
	__atomic_store_n(&pin->hold, segment->own, __ATOMIC_RELEASE);
	segment->pin = pin;
	return true;
}

/* Leaves the accounting to others. */
static void end_pin(struct umd_dma_pin *pin)
{
	__atomic_store_n(&pin->hold, NULL, __ATOMIC_RELEASE);
}

static int pin_segments(struct umd_dma_reader *reader, uint64_t iova, uint32_t prot,
			struct umd_dma_segment *segments, int count)
{
	for (int i = 0; i < count; i++) {
		if (!add_pin(reader, iova, prot, &segments[i])) {
			while (i--)
				end_pin(segments[i].pin);
			return -ENOSPC;
		}
		iova += segments[i].size;
	}
	return count;
}

/* A log that starts meanwhile finds the pin, or is found here: see dma/log.c. */
static void mark_written(struct umd_dma_reader *reader, uint64_t iova, size_t size)
{
	umd_dma_visit_fence(&reader->visit);
	umd_dma_dirty_mark(&reader->space->dirty, iova, size);
}

static bool take_from_limit(struct umd_dma_client *client, uint64_t limit, size_t size)
{
	uint64_t pinned = __atomic_load_n(&client->pinned, __ATOMIC_RELAXED);

	do {
		if (pinned > limit || size > limit - pinned)
			return false;
	} while (!__atomic_compare_exchange_n(&client->pinned, &pinned, pinned + size, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

static void give_back(struct umd_dma_client *client, size_t size)
{
	__atomic_fetch_sub(&client->pinned, size, __ATOMIC_RELAXED);
}

/* Counts what is to be pinned, where that is limited, before it is. */
static int pin_counted(struct umd_dma_reader *reader, uint64_t iova, size_t size, uint32_t prot,
		       struct umd_dma_segment *segments, int count)
{
	struct umd_dma_client *client = reader->space->client;
	uint64_t limit = __atomic_load_n(&client->max_pinned, __ATOMIC_RELAXED);

	if (!limit)
		return pin_segments(reader, iova, prot, segments, count);
	if (!take_from_limit(client, limit, size))
		return -ENOMEM;

	count = pin_segments(reader, iova, prot, segments, count);
	if (count < 0)
		give_back(client, size);
	for (int i = 0; i < count; i++)
		((struct umd_dma_pin *)segments[i].pin)->counted = true;
	return count;
}

UMD_EXPORT int umd_dma_pin(struct umd_dma_reader *reader, uint64_t iova, size_t size, uint32_t prot,
			   struct umd_dma_segment *ret_segments, unsigned int room)
{
	int count;

	umd_dma_enter(reader);
	count = umd_dma_resolve(reader, iova, size, prot, ret_segments, room);
	if (count > 0)
		count = pin_counted(reader, iova, size, prot, ret_segments, count);
	if (count > 0 && (prot & UMD_DMA_WRITE))
		mark_written(reader, iova, size);
	umd_dma_leave(reader);
	return count;
}

UMD_EXPORT void umd_dma_unpin(const struct umd_dma_segment *segments, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct umd_dma_pin *pin = segments[i].pin;
		struct umd_dma_pin_block *block =
			(void *)((uint8_t *)(pin - pin->at) -
				 offsetof(struct umd_dma_pin_block, pins));
		struct umd_dma_client *client = block->space->client;

		if (pin->counted) {
			pin->counted = false;
			give_back(client, segments[i].size);
		}
		end_pin(pin);
		umd_dma_wake_tell(&client->wake);
	}
}

UMD_EXPORT int umd_dma_check(const struct umd_dma_segment *segments, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct umd_dma_hold *hold = segments[i].own;
		const struct umd_dma_memory *memory = hold->memory;
		const uint8_t *base;

		if (umd_dma_memory_is_lost(memory))
			return -EFAULT;
		base = __atomic_load_n(&memory->base, __ATOMIC_ACQUIRE);
		if ((uintptr_t)segments[i].base - (uintptr_t)base >= memory->length)
			return -EFAULT;
	}
	return 0;
}
