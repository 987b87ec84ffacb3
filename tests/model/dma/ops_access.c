/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies from the space's memory and to it, on its thread. */
#include "ops.h"

#define BYTES 20000u

/* Whether a piece reaches behind the end of its file; who tries makes the memory shaky. */
static bool is_cut_off(struct rig *rig, const struct ref_piece *piece)
{
	struct memory *memory = &rig->memories[piece->memory];

	if (piece->offset + piece->size <= memory->pages * MEMORY_PAGE)
		return false;
	memory->shaky = true;
	rig_saw(rig, RIG_SAW_CUT_OFF);
	return true;
}

static unsigned int check_ends(struct rig *rig, const struct ref_piece *pieces, unsigned int count)
{
	unsigned int reasons = 0;

	for (unsigned int i = 0; i < count && i < RIG_PIECES; i++) {
		if (pieces[i].kind != UMD_DMA_BY_MESSAGE && is_cut_off(rig, &pieces[i]))
			reasons |= REF_FAULT;
	}
	return reasons;
}

static uint8_t *bytes_of(struct rig *rig, const struct ref_piece *piece)
{
	return rig->memories[piece->memory].bytes + piece->offset;
}

static void compare_read(struct rig *rig, const uint8_t *buffer, const struct ref_piece *pieces,
			 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		rig_expect(rig, "bytes that were read",
			   memcmp(buffer, bytes_of(rig, &pieces[i]), pieces[i].size) == 0);
		buffer += pieces[i].size;
	}
}

/* Pieces may lie in the same memory: what comes later is what stays. */
static void compare_written(struct rig *rig, const uint8_t *buffer, const struct ref_piece *pieces,
			    unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		memcpy(bytes_of(rig, &pieces[i]), buffer, pieces[i].size);
		buffer += pieces[i].size;
	}
	for (unsigned int i = 0; i < count; i++)
		rig_expect(rig, "bytes that were written",
			   memory_is_right(&rig->memories[pieces[i].memory], pieces[i].offset,
					   pieces[i].size));
}

/* Whether two pieces may lie in the same bytes. */
static bool are_mixed(const struct ref_piece *pieces, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		for (unsigned int j = 0; j < i; j++) {
			if (pieces[i].memory == pieces[j].memory)
				return true;
		}
	}
	return false;
}

static void adopt(struct rig *rig, uint64_t iova, const uint8_t *buffer,
		  const struct ref_piece *pieces, unsigned int count)
{
	bool mixed = are_mixed(pieces, count);

	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *written = mixed ? NULL : buffer + (pieces[i].iova - iova);

		if (pieces[i].kind != UMD_DMA_BY_MESSAGE)
			rig_adopt(rig, pieces[i].memory, pieces[i].offset, written, pieces[i].size);
	}
}

/* ---- Operations ---------------------------------------------------------------------------- */

static void count(struct rig *rig, unsigned int pieces, uint64_t iova, size_t size)
{
	rig_saw(rig, pieces > 1 ? RIG_SAW_COPIED_OVER_MAPS : RIG_SAW_COPIED);
	if (size && iova + (size - 1) == UINT64_MAX)
		rig_saw(rig, RIG_SAW_LAST_BYTE);
}

static void read_some(struct rig *rig)
{
	static uint8_t buffer[BYTES];
	struct ref_piece pieces[RIG_PIECES];
	uint64_t iova = rig_choose_iova(rig);
	size_t size = (size_t)rig_choose_size(rig, iova, BYTES);
	unsigned int n, reasons, may;
	int err;

	rig_note(rig, iova);
	rig_note(rig, size);
	reasons = ref_find(&rig->ref, iova, size, UMD_DMA_READ, pieces, RIG_PIECES, &n);
	may = rig_doubts(rig, pieces, n);
	reasons |= check_ends(rig, pieces, n);
	err = umd_dma_space_read(rig->space, iova, buffer, size);
	if (!rig_expect_result(rig, "umd_dma_space_read()", err, reasons, may))
		return;
	compare_read(rig, buffer, pieces, n);
	count(rig, n, iova, size);
}

static void write_some(struct rig *rig)
{
	static uint8_t buffer[BYTES];
	struct ref_piece pieces[RIG_PIECES];
	uint64_t iova = rig_choose_iova(rig);
	size_t size = (size_t)rig_choose_size(rig, iova, BYTES);
	unsigned int n, reasons, may;
	int err;

	rig_note(rig, iova);
	rig_note(rig, size);
	for (size_t i = 0; i < size; i++)
		buffer[i] = (uint8_t)(unit_random(&rig->random) >> 32);
	reasons = ref_find(&rig->ref, iova, size, UMD_DMA_WRITE, pieces, RIG_PIECES, &n);
	may = rig_doubts(rig, pieces, n);
	reasons |= check_ends(rig, pieces, n);
	err = umd_dma_space_write(rig->space, iova, buffer, size);
	if (!rig_expect_result(rig, "umd_dma_space_write()", err, reasons, may)) {
		adopt(rig, iova, buffer, pieces, n);
		return;
	}
	compare_written(rig, buffer, pieces, n);
	count(rig, n, iova, size);
}

const struct rig_op rig_access_ops[] = {
	{"read", 80, read_some},
	{"write", 80, write_some},
};
const unsigned int rig_access_op_count = UNIT_COUNT(rig_access_ops);
