/* SPDX-License-Identifier: BSD-2-Clause */
#include "batch.h"

#include <string.h>

#include "op.h"

#define PAGE UINT64_C(4096)

#define BATCH_FLAGS (DSA_FLAGS_MEMORY | DSA_FLAG_TCS_1)
#define DRAIN_FLAGS DSA_FLAGS_ALL

/* ---- Checks -------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t size)
{
	static const uint8_t zero[DSA_SPECIFIC_SIZE];

	return memcmp(bytes, zero, size) == 0;
}

/* What both have in common: the opcode, flags, and fields that neither uses. */
static uint8_t check(const struct dsa_descriptor *descriptor, const struct dsa_limits *limits,
		     uint32_t allowed, uint32_t *ret_flags)
{
	uint32_t bad = descriptor->flags & ~allowed;

	if (!(limits->opcodes[0] >> descriptor->opcode & 1))
		return DSA_BAD_OPCODE;
	if (!limits->block_on_fault)
		bad |= descriptor->flags & DSA_FLAG_BOF;
	if (!(descriptor->flags & DSA_FLAG_CRAV))
		bad |= descriptor->flags & DSA_FLAG_RCR;
	if (bad) {
		*ret_flags = bad;
		return DSA_BAD_FLAGS;
	}
	if (descriptor->reserved || descriptor->destination ||
	    !is_zero(descriptor->specific, DSA_SPECIFIC_SIZE))
		return DSA_BAD_RESERVED;
	return 0;
}

uint8_t dsa_batch_check(const struct dsa_descriptor *descriptor, const struct dsa_limits *limits,
			uint32_t max_batch, uint32_t *ret_flags)
{
	uint8_t wrong = check(descriptor, limits, BATCH_FLAGS, ret_flags);

	if (wrong)
		return wrong;
	if (descriptor->size < DSA_BATCH_MIN || descriptor->size > max_batch)
		return DSA_BAD_COUNT;
	return descriptor->source % DSA_DESCRIPTOR_SIZE ? DSA_BAD_LIST : 0;
}

uint8_t dsa_drain_check(const struct dsa_descriptor *descriptor, const struct dsa_limits *limits,
			uint32_t *ret_flags)
{
	uint8_t wrong = check(descriptor, limits, DRAIN_FLAGS, ret_flags);

	if (wrong)
		return wrong;
	return descriptor->source || descriptor->size ? DSA_BAD_RESERVED : 0;
}

/* ---- The list ------------------------------------------------------------------------------ */

void dsa_batch_begin(struct dsa_batch *batch, const struct dsa_descriptor *descriptor)
{
	batch->descriptor = *descriptor;
	batch->at = 0;
	batch->failed = false;
	batch->copied = 0;
	batch->next = 0;
}

static struct dsa_record end_with(const struct dsa_batch *batch, uint8_t status, uint64_t address)
{
	return (struct dsa_record){.status = status,
				   .result = batch->failed,
				   .bytes = batch->at,
				   .fault_address = address};
}

/* How many are copied next: of one page, so that all of them are there, or none. */
static unsigned int piece_size(const struct dsa_batch *batch, uint64_t address)
{
	uint64_t left = batch->descriptor.size - batch->at;
	uint64_t page = (PAGE - address % PAGE) / DSA_DESCRIPTOR_SIZE;
	uint64_t size = left < page ? left : page;

	return size < DSA_BATCH_PIECE ? (unsigned int)size : DSA_BATCH_PIECE;
}

static int copy_piece(struct dsa_batch *batch, struct umd_dma_reader *reader, uint64_t address)
{
	unsigned int count = piece_size(batch, address);
	size_t size = (size_t)count * DSA_DESCRIPTOR_SIZE;
	struct umd_dma_segment segment;
	int err;

	umd_dma_enter(reader);
	err = umd_dma_resolve(reader, address, size, UMD_DMA_READ, &segment, 1);
	if (err > 0) {
		memcpy(batch->piece, segment.base, size);
		err = umd_dma_check(&segment, 1);
	}
	umd_dma_leave(reader);
	if (err)
		return err;

	batch->copied = count;
	batch->next = 0;
	return 0;
}

/* The list's addresses wrap at the end of the address space no more than a transfer's do. */
static uint64_t address_of_next(const struct dsa_batch *batch, bool *ret_wraps)
{
	uint64_t offset = (uint64_t)batch->at * DSA_DESCRIPTOR_SIZE;

	*ret_wraps = batch->descriptor.source + offset < offset;
	return batch->descriptor.source + offset;
}

const uint8_t *dsa_batch_next(struct dsa_batch *batch, struct umd_dma_reader *reader,
			      struct dsa_record *ret_record)
{
	if (batch->at == batch->descriptor.size) {
		*ret_record = end_with(batch, batch->failed ? DSA_BATCH_FAIL : DSA_OK, 0);
		return NULL;
	}
	if (batch->next == batch->copied) {
		bool wraps;
		uint64_t address = address_of_next(batch, &wraps);

		if (wraps || copy_piece(batch, reader, address)) {
			*ret_record = end_with(batch, DSA_LIST_FAULT, address);
			return NULL;
		}
	}
	batch->at++;
	return batch->piece[batch->next++];
}

void dsa_batch_fence(struct dsa_batch *batch, struct dsa_record *ret_record)
{
	batch->at--;
	*ret_record = end_with(batch, DSA_BATCH_FAIL, 0);
}
