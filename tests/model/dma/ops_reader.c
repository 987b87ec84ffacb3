/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers, and what they look up while they are inside. */
#include "ops.h"

static struct rig_reader *choose_reader(struct rig *rig)
{
	return &rig->readers[rig_below(rig, RIG_READERS)];
}

static void create_or_destroy(struct rig *rig)
{
	struct rig_reader *reader = choose_reader(rig);
	bool without = rig->handles_sigbus && rig_chance(rig, 50);
	unsigned int flags = without ? UMD_DMA_READER_NO_SIGBUS : 0;

	rig_note(rig, (uint64_t)(reader - rig->readers));
	if (!reader->reader) {
		rig->handles_sigbus = true; /* for all, once one of them asked for it */
		rig_expect(rig, "umd_dma_reader_create()",
			   umd_dma_reader_create(rig->space, flags, &reader->reader) == 0);
	} else if (!reader->inside && rig_chance(rig, 20)) {
		umd_dma_reader_destroy(reader->reader);
		reader->reader = NULL;
	}
}

/* Pins outlive them all. */
static void destroy_all(struct rig *rig)
{
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		rig_leave(rig, &rig->readers[i]);
		umd_dma_reader_destroy(rig->readers[i].reader);
		rig->readers[i].reader = NULL;
	}
}

static void enter(struct rig *rig)
{
	struct rig_reader *reader = choose_reader(rig);

	rig_note(rig, (uint64_t)(reader - rig->readers));
	if (!reader->reader || reader->inside)
		return;
	umd_dma_enter(reader->reader);
	reader->inside = true;
	reader->entered = rig->ref.now;
}

/* What was looked up is all right until the end, whatever was unmapped. */
void rig_leave(struct rig *rig, struct rig_reader *reader)
{
	if (!reader->inside)
		return;
	for (unsigned int i = 0; i < RIG_VISITS; i++) {
		struct rig_use *use = &reader->visits[i];

		if (!use->count)
			continue;
		rig_use_touch(rig, use);
		rig_use_check(rig, use);
		use->count = 0;
	}
	umd_dma_leave(reader->reader);
	reader->inside = false;
}

static void leave(struct rig *rig)
{
	struct rig_reader *reader = choose_reader(rig);

	rig_note(rig, (uint64_t)(reader - rig->readers));
	rig_leave(rig, reader);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

static size_t choose_size(struct rig *rig, uint64_t iova)
{
	if (rig_chance(rig, 2))
		return SIZE_MAX - (size_t)rig_below(rig, 3);
	return (size_t)rig_choose_size(rig, iova, 4 * MEMORY_PAGE);
}

static uint32_t choose_prot(struct rig *rig)
{
	uint32_t prot = rig_choose_prot(rig, 15);

	return rig_chance(rig, 5) ? prot | (1 + (uint32_t)rig_below(rig, 15)) : prot;
}

static void count(struct rig *rig, const struct rig_reader *reader, const struct ref_piece *pieces,
		  unsigned int n)
{
	rig_saw(rig, n > 1 ? RIG_SAW_SPAN : RIG_SAW_FOUND);
	for (unsigned int i = 0; i < n; i++) {
		if (pieces[i].iova + (pieces[i].size - 1) == UINT64_MAX)
			rig_saw(rig, RIG_SAW_LAST_BYTE);
	}
	for (unsigned int i = 0; i < RIG_VISITS; i++) {
		const struct rig_use *use = &reader->visits[i];

		if (use->count && rig_piece_is_gone(rig, &use->pieces[0]))
			rig_saw(rig, RIG_SAW_FOUND_ANEW);
	}
}

void rig_look_up(struct rig *rig, struct rig_reader *reader, uint64_t iova, size_t size,
		 uint32_t prot, unsigned int room)
{
	struct rig_use *use = &reader->visits[rig_below(rig, RIG_VISITS)];
	struct umd_dma_segment segments[RIG_ROOM + 1];
	struct ref_piece pieces[RIG_PIECES];
	unsigned int n, reasons;
	int result;

	rig_note(rig, iova);
	rig_note(rig, size);
	rig_note(rig, prot);
	rig_note(rig, room);
	memset(segments, 0xa5, sizeof(segments));
	reasons = ref_find(&rig->ref, iova, size, prot, pieces, RIG_PIECES, &n);
	reasons |= n > room ? REF_TOOBIG : 0;
	result = umd_dma_resolve(reader->reader, iova, size, prot, segments, room);
	rig_expect(rig, "no segment behind the room",
		   segments[room].size == (size_t)UINT64_C(0xa5a5a5a5a5a5a5a5));
	if (!rig_expect_result(rig, "umd_dma_resolve()", result, reasons,
			       rig_doubts(rig, pieces, n)))
		return;
	rig_use_take(rig, use, prot, segments, result, pieces, n);
	count(rig, reader, pieces, n);
	if ((prot & UMD_DMA_WRITE) && rig_chance(rig, 50))
		umd_dma_mark(reader->reader, iova, size);
}

static void resolve(struct rig *rig)
{
	struct rig_reader *reader = choose_reader(rig);
	uint64_t iova = rig_choose_iova(rig);

	if (!reader->inside)
		return;
	rig_look_up(rig, reader, iova, choose_size(rig, iova), choose_prot(rig),
		    rig_chance(rig, 80) ? RIG_ROOM : (unsigned int)rig_below(rig, RIG_ROOM));
}

/* Where a range was that a reader has: it may be gone, or be something else. */
static void resolve_again(struct rig *rig)
{
	struct rig_reader *reader = choose_reader(rig);
	const struct rig_use *use = &reader->visits[rig_below(rig, RIG_VISITS)];
	uint64_t iova;

	if (!reader->inside || !use->count)
		return;
	if (rig_piece_is_gone(rig, &use->pieces[0]))
		rig_saw(rig, RIG_SAW_HIDDEN);
	iova = use->pieces[0].ref.iova;
	rig_look_up(rig, reader, iova, use->pieces[0].segment.size, use->prot, RIG_ROOM);
}

/* Any use, of a reader or a pin: much may have happened since. */
static void touch(struct rig *rig)
{
	struct rig_use *use = rig_use_choose(rig);

	if (!use)
		return;
	rig_use_touch(rig, use);
	rig_use_check(rig, use);
}

const struct rig_op rig_reader_ops[] = {
	{"create or destroy a reader", 10, create_or_destroy},
	{"destroy all readers", 2, destroy_all},
	{"enter", 60, enter},
	{"leave", 25, leave},
	{"resolve", 160, resolve},
	{"resolve again", 60, resolve_again},
	{"touch", 120, touch},
};
const unsigned int rig_reader_op_count = UNIT_COUNT(rig_reader_ops);
