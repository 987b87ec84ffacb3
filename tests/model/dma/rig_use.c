/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges that are in use: whether they lead where they should, and what becomes of them. */
#include "rig.h"

#define TOUCH_MAX 300u /* bytes */

static struct memory *memory_of(struct rig *rig, const struct rig_piece *piece)
{
	return &rig->memories[piece->ref.memory];
}

/* ---- Taking over --------------------------------------------------------------------------- */

void rig_use_take(struct rig *rig, struct rig_use *use, uint32_t prot,
		  const struct umd_dma_segment *segments, int result,
		  const struct ref_piece *pieces, unsigned int count)
{
	use->count = 0;
	if (result != (int)count) {
		rig_wrong(rig, "number of segments", result, count);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (segments[i].size != pieces[i].size) {
			rig_wrong(rig, "size of a segment", (int64_t)segments[i].size,
				  (int64_t)pieces[i].size);
			return;
		}
		use->pieces[i] = (struct rig_piece){.segment = segments[i], .ref = pieces[i]};
	}
	use->prot = prot;
	use->count = count;
	rig_use_touch(rig, use);
	rig_use_check(rig, use);
}

/* ---- Touching ------------------------------------------------------------------------------ */

/* Some bytes of a piece that do not cross a page of the memory. */
static void choose_bytes(struct rig *rig, const struct rig_piece *piece, uint64_t *ret_at,
			 size_t *ret_size)
{
	uint64_t at = rig_chance(rig, 50) ? 0 : rig_below(rig, piece->ref.size);
	uint64_t left = MEMORY_PAGE - (piece->ref.offset + at) % MEMORY_PAGE;

	if (rig_chance(rig, 25))
		at = piece->ref.size - 1;
	if (left > piece->ref.size - at)
		left = piece->ref.size - at;
	*ret_at = at;
	*ret_size = (size_t)(1 + rig_below(rig, left < TOUCH_MAX ? left : TOUCH_MAX));
}

/* Nobody's memory takes what is written, and has something to be read. */
static void touch_nothing(struct rig *rig, const struct rig_piece *piece, bool write, uint64_t at)
{
	volatile uint8_t *byte = piece->segment.base + at;

	if (write)
		*byte = (uint8_t)rig_below(rig, 256);
	else
		(void)*byte;
}

static void touch_memory(struct rig *rig, const struct rig_piece *piece, bool write, uint64_t at,
			 size_t size)
{
	struct memory *memory = memory_of(rig, piece);
	uint8_t *bytes = memory->bytes + piece->ref.offset + at;
	uint8_t *base = piece->segment.base + at;

	if (!rig_expect(rig, "bytes of a segment", memcmp(base, bytes, size) == 0) || !write)
		return;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)rig_below(rig, 256);
	memcpy(base, bytes, size);
	rig_expect(rig, "bytes written through a segment",
		   memory_is_right(memory, piece->ref.offset + at, size));
}

/* It counts only where nothing was taken away meanwhile. */
static void touch_doubtful(struct rig *rig, const struct rig_piece *piece, bool write, uint64_t at,
			   size_t size)
{
	const struct memory *memory = memory_of(rig, piece);
	uint64_t offset = piece->ref.offset + at;
	uint8_t bytes[TOUCH_MAX];

	if (!write) {
		memcpy(bytes, piece->segment.base + at, size);
		rig_expect(rig, "bytes that were there all the time",
			   umd_dma_check(&piece->segment, 1) == -EFAULT ||
				   memcmp(bytes, memory->bytes + offset, size) == 0);
		return;
	}
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)rig_below(rig, 256);
	memcpy(piece->segment.base + at, bytes, size);
	rig_expect(rig, "bytes that were written where nothing was cut off",
		   umd_dma_check(&piece->segment, 1) == -EFAULT ||
			   memcmp(bytes, memory->view + offset, size) == 0);
	rig_adopt(rig, piece->ref.memory, offset, bytes, size);
}

/* What lies behind the end of the file is touched now and then only: it makes the memory shaky. */
static void touch_piece(struct rig *rig, struct rig_piece *piece, bool write)
{
	struct memory *memory = memory_of(rig, piece);
	uint64_t at;
	size_t size;

	choose_bytes(rig, piece, &at, &size);
	if (piece->revoked) {
		touch_nothing(rig, piece, write, at);
	} else if ((piece->ref.offset + at) / MEMORY_PAGE < memory->pages) {
		if (piece->doubtful || memory->shaky)
			touch_doubtful(rig, piece, write, at, size);
		else
			touch_memory(rig, piece, write, at, size);
	} else if (rig_chance(rig, 20)) {
		touch_nothing(rig, piece, write, at);
		piece->lost = memory->shaky = true;
		rig_saw(rig, RIG_SAW_TOUCHED_NOTHING);
	}
}

void rig_use_touch(struct rig *rig, struct rig_use *use)
{
	bool write = (use->prot & UMD_DMA_WRITE) && rig_chance(rig, 50);

	if (!write && !(use->prot & UMD_DMA_READ))
		return;
	for (unsigned int i = 0; i < use->count && !rig->mismatch[0]; i++)
		touch_piece(rig, &use->pieces[i], write);
}

/* ---- Asking -------------------------------------------------------------------------------- */

unsigned int rig_use_segments(const struct rig_use *use, struct umd_dma_segment *ret_segments)
{
	for (unsigned int i = 0; i < use->count; i++)
		ret_segments[i] = use->pieces[i].segment;
	return use->count;
}

/*
 * What was cut off where it was not touched may be noticed or not, as may that of another use of
 * the same memory.
 */
void rig_use_check(struct rig *rig, const struct rig_use *use)
{
	struct umd_dma_segment segments[RIG_ROOM];
	unsigned int count = rig_use_segments(use, segments);
	bool must = false, may = false;
	int result;

	if (!count)
		return;
	result = umd_dma_check(segments, count);

	for (unsigned int i = 0; i < count; i++) {
		const struct rig_piece *piece = &use->pieces[i];

		must |= piece->revoked || piece->lost;
		may |= memory_of(rig, piece)->shaky || piece->doubtful;
		may |= piece->ref.offset + piece->ref.size >
		       memory_of(rig, piece)->pages * MEMORY_PAGE;
	}
	if (must ? result != -EFAULT : result != 0 && !(may && result == -EFAULT))
		rig_wrong(rig, "umd_dma_check()", result, must ? -EFAULT : 0);
}

/* ---- All of them --------------------------------------------------------------------------- */

struct rig_use *rig_use_choose(struct rig *rig)
{
	struct rig_use *use;

	if (rig_chance(rig, 50)) {
		use = &rig->pins[rig_below(rig, RIG_PINS)];
	} else {
		struct rig_reader *reader = &rig->readers[rig_below(rig, RIG_READERS)];

		use = &reader->visits[rig_below(rig, RIG_VISITS)];
	}
	return use->count ? use : NULL;
}

static bool leads_to(const struct rig_use *use, unsigned int memory)
{
	for (unsigned int i = 0; i < use->count; i++) {
		if (use->pieces[i].ref.memory == memory)
			return true;
	}
	return false;
}

bool rig_is_in_use(const struct rig *rig, unsigned int memory)
{
	for (unsigned int i = 0; i < RIG_PINS; i++) {
		if (leads_to(&rig->pins[i], memory))
			return true;
	}
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		for (unsigned int j = 0; j < RIG_VISITS; j++) {
			if (leads_to(&rig->readers[i].visits[j], memory))
				return true;
		}
	}
	return false;
}
