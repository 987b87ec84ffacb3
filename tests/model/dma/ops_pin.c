/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins, marks, and taking pins away. */
#include "ops.h"

#define PATIENCE_MS 5000

/* ---- Pins ---------------------------------------------------------------------------------- */

static bool exceeds(const struct rig *rig, uint64_t size)
{
	return rig->ref.max_pinned && size > rig->ref.max_pinned - rig->ref.pinned;
}

static uint64_t size_of(const struct rig_use *pin)
{
	uint64_t size = 0;

	for (unsigned int i = 0; i < pin->count; i++)
		size += pin->pieces[i].ref.size;
	return size;
}

static void pin(struct rig *rig)
{
	struct rig_use *use = &rig->pins[rig_below(rig, RIG_PINS)];
	struct umd_dma_reader *reader = rig->readers[rig_below(rig, RIG_READERS)].reader;
	uint64_t iova = rig_choose_iova(rig);
	size_t size = (size_t)rig_choose_size(rig, iova, 4 * MEMORY_PAGE);
	uint32_t prot = rig_choose_prot(rig, 15);
	unsigned int n, reasons,
		room = rig_chance(rig, 80) ? RIG_ROOM : (unsigned int)rig_below(rig, RIG_ROOM);
	struct umd_dma_segment segments[RIG_ROOM];
	struct ref_piece pieces[RIG_PIECES];
	int result;

	if (!reader || use->count)
		return;
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		if (rig->readers[i].reader == reader && rig->readers[i].inside)
			return;
	}
	if (rig->ref.max_pinned && rig_chance(rig, 5)) /* just what may be pinned, or too much */
		size = rig->ref.max_pinned - rig->ref.pinned + rig_below(rig, 2);
	rig_note(rig, iova);
	rig_note(rig, size);
	rig_note(rig, prot);
	rig_note(rig, room);
	reasons = ref_find(&rig->ref, iova, size, prot, pieces, RIG_PIECES, &n);
	reasons |= n > room ? REF_TOOBIG : 0;
	reasons |= exceeds(rig, size) ? REF_NOMEM : 0;
	result = umd_dma_pin(reader, iova, size, prot, segments, room);
	if (!rig_expect_result(rig, "umd_dma_pin()", result, reasons, rig_doubts(rig, pieces, n))) {
		if (reasons == REF_NOMEM)
			rig_saw(rig, RIG_SAW_PIN_REFUSED);
		return;
	}
	rig->ref.pinned += size;
	rig_use_take(rig, use, prot, segments, result, pieces, n);
	rig_saw(rig, RIG_SAW_PINNED);
}

/* All at once, or one by one from the last. */
void rig_unpin(struct rig *rig, struct rig_use *use)
{
	struct umd_dma_segment segments[RIG_ROOM];
	unsigned int count = rig_use_segments(use, segments);

	if (!count)
		return;
	rig_use_touch(rig, use);
	rig_use_check(rig, use);
	for (unsigned int i = 0; i < count; i++) {
		if (rig_piece_is_gone(rig, &use->pieces[i]))
			rig_saw(rig, RIG_SAW_UNMAPPED_IN_USE);
	}
	rig->ref.pinned -= size_of(use);
	use->count = 0;
	if (rig_chance(rig, 70)) {
		umd_dma_unpin(segments, count);
		return;
	}
	while (count--)
		umd_dma_unpin(&segments[count], 1);
}

static void unpin(struct rig *rig)
{
	unsigned int i = (unsigned int)rig_below(rig, RIG_PINS);

	rig_note(rig, i);
	rig_unpin(rig, &rig->pins[i]);
}

/* ---- Quiet --------------------------------------------------------------------------------- */

/* Whether a use has something that was unmapped before the mark, and that nobody took away. */
static bool holds_back(const struct rig *rig, const struct rig_use *use,
		       const struct rig_mark *mark)
{
	for (unsigned int i = 0; i < use->count; i++) {
		uint32_t gone = rig->ref.gone_at[use->pieces[i].ref.map];

		if (gone && gone < mark->made && !use->pieces[i].revoked)
			return true;
	}
	return false;
}

static bool is_pinned(const struct rig *rig, const struct rig_mark *mark)
{
	for (unsigned int i = 0; i < RIG_PINS; i++) {
		if (holds_back(rig, &rig->pins[i], mark))
			return true;
	}
	return false;
}

/* A reader that came in before the mark may hold back; one that looked up what is gone has to. */
static bool is_visited(const struct rig *rig, const struct rig_mark *mark, bool *ret_must)
{
	bool may = false;

	*ret_must = false;
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		const struct rig_reader *reader = &rig->readers[i];

		if (!reader->inside || reader->entered >= mark->made)
			continue;
		may = true;
		for (unsigned int j = 0; j < RIG_VISITS; j++)
			*ret_must |= holds_back(rig, &reader->visits[j], mark);
	}
	return may;
}

static bool ask(struct rig *rig, const struct rig_mark *mark)
{
	bool quiet = umd_dma_space_is_quiet(rig->space, mark->mark);
	bool pinned = is_pinned(rig, mark), must, may = is_visited(rig, mark, &must);

	rig_note(rig, mark->made);
	if (quiet)
		rig_expect(rig, "not quiet while there is a use", !pinned && !must);
	else
		rig_expect(rig, "quiet when there is no use", pinned || may);
	rig_saw(rig, quiet ? RIG_SAW_QUIET : RIG_SAW_BUSY);
	return quiet;
}

static void mark(struct rig *rig)
{
	struct rig_mark *to = &rig->marks[rig_below(rig, RIG_MARKS)];

	*to = (struct rig_mark){umd_dma_space_mark(rig->space), rig->ref.now};
	rig_note(rig, to->mark);
	ask(rig, to);
}

static void is_quiet(struct rig *rig)
{
	const struct rig_mark *of = &rig->marks[rig_below(rig, RIG_MARKS)];

	if (of->made)
		ask(rig, of);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void end_uses(struct rig *rig, const struct rig_mark *of)
{
	for (unsigned int i = 0; i < RIG_PINS; i++) {
		if (holds_back(rig, &rig->pins[i], of))
			rig_unpin(rig, &rig->pins[i]);
	}
	for (unsigned int i = 0; i < RIG_READERS; i++)
		rig_leave(rig, &rig->readers[i]);
}

/* After a no, the end of the last use makes the space's fd readable. */
static void wait_for_quiet(struct rig *rig)
{
	struct rig_mark now = {umd_dma_space_mark(rig->space), rig->ref.now};
	struct pollfd ready = {.fd = umd_dma_space_fd(rig->space), .events = POLLIN};

	if (ask(rig, &now))
		return;
	end_uses(rig, &now);
	rig_expect(rig, "readable when the last use has ended", poll(&ready, 1, PATIENCE_MS) == 1);
	rig_expect(rig, "quiet at last", ask(rig, &now));
	rig_saw(rig, RIG_SAW_WOKEN);
}

/* ---- Taking away --------------------------------------------------------------------------- */

static void for_all_uses(struct rig *rig, void (*fn)(struct rig *rig, struct rig_use *use))
{
	for (unsigned int i = 0; i < RIG_PINS; i++)
		fn(rig, &rig->pins[i]);
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		for (unsigned int j = 0; j < RIG_VISITS; j++)
			fn(rig, &rig->readers[i].visits[j]);
	}
}

static bool is_taken(const struct rig *rig, unsigned int memory)
{
	return rig->taken & (1u << memory);
}

/* Memory of this process cannot be taken from it: who uses it still holds back what is quiet. */
static void take_pieces(struct rig *rig, struct rig_use *use)
{
	for (unsigned int i = 0; i < use->count; i++) {
		struct rig_piece *piece = &use->pieces[i];

		if (!rig_piece_is_gone(rig, piece) || piece->ref.kind == UMD_DMA_BY_ADDRESS)
			continue;
		piece->revoked = true;
		rig->taken |= 1u << piece->ref.memory;
	}
}

/* All else that lies in the same file may be void, too. */
static void doubt_pieces(struct rig *rig, struct rig_use *use)
{
	for (unsigned int i = 0; i < use->count; i++)
		use->pieces[i].doubtful |= use->pieces[i].ref.kind == UMD_DMA_BY_FD &&
					   is_taken(rig, use->pieces[i].ref.memory);
}

/* What is still mapped is found where it is now. */
static void look_again(struct rig *rig, struct rig_reader *reader)
{
	for (unsigned int i = 0; i < RIG_VISITS && reader->inside; i++) {
		const struct rig_use *use = &reader->visits[i];

		if (use->count)
			rig_look_up(rig, reader, use->pieces[0].ref.iova,
				    use->pieces[0].segment.size, use->prot, RIG_ROOM);
	}
}

/* A reader that is inside may use anything that was unmapped, for all the space knows. */
static void doubt_all_where_inside(struct rig *rig)
{
	for (unsigned int i = 0; i < RIG_READERS; i++) {
		if (rig->readers[i].inside)
			rig->taken = UINT32_MAX;
	}
}

static void take_away(struct rig *rig)
{
	struct rig_mark now = {umd_dma_space_mark(rig->space), rig->ref.now};

	rig->taken = 0;
	umd_dma_space_revoke(rig->space);
	for_all_uses(rig, take_pieces);
	if (rig->taken)
		rig_saw(rig, RIG_SAW_REVOKED);
	doubt_all_where_inside(rig);
	for_all_uses(rig, doubt_pieces);
	for (unsigned int i = 0; i < RIG_READERS; i++)
		look_again(rig, &rig->readers[i]);
	ask(rig, &now);
}

const struct rig_op rig_pin_ops[] = {
	{"pin", 60, pin},	    {"unpin", 40, unpin},	 {"mark", 10, mark},
	{"is quiet", 30, is_quiet}, {"wait", 2, wait_for_quiet}, {"revoke", 2, take_away},
};
const unsigned int rig_pin_op_count = UNIT_COUNT(rig_pin_ops);
