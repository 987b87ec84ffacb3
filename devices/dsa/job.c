/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jobs: what all operations have in common. Checks of a descriptor are in the order of the
 * specification's table of error codes: opcode, flags, reserved fields, size, and what the
 * operation adds.
 */
#include "job.h"

#include <string.h>

#include "bytes.h"
#include "op.h"

static const struct dsa_op *const ops[DSA_CACHE_FLUSH + 1] = {
	[DSA_NOP] = &dsa_op_nop,
	[DSA_MOVE] = &dsa_op_move,
	[DSA_FILL] = &dsa_op_fill,
	[DSA_COMPARE] = &dsa_op_compare,
	[DSA_COMPARE_PATTERN] = &dsa_op_compare_pattern,
	[DSA_CREATE_DELTA] = &dsa_op_create_delta,
	[DSA_APPLY_DELTA] = &dsa_op_apply_delta,
	[DSA_DUALCAST] = &dsa_op_dualcast,
	[DSA_CRC] = &dsa_op_crc,
	[DSA_COPY_CRC] = &dsa_op_copy_crc,
	[DSA_DIF_CHECK] = &dsa_op_dif_check,
	[DSA_DIF_INSERT] = &dsa_op_dif_insert,
	[DSA_DIF_STRIP] = &dsa_op_dif_strip,
	[DSA_DIF_UPDATE] = &dsa_op_dif_update,
	[DSA_CACHE_FLUSH] = &dsa_op_cache_flush,
};

/* ---- How it ends --------------------------------------------------------------------------- */

bool dsa_job_end(struct dsa_job *job, uint8_t status)
{
	job->record.status = status;
	job->record.bytes = (uint32_t)job->done;
	job->record.fault_address = 0;
	return true;
}

bool dsa_job_fault(struct dsa_job *job, uint64_t address, bool write)
{
	dsa_job_end(job, write ? DSA_FAULT | DSA_FAULT_WRITE : DSA_FAULT);
	job->record.fault_address = address;
	return true;
}

/* ---- Checks -------------------------------------------------------------------------------- */

static uint32_t bad_flags(const struct dsa_op *op, uint32_t flags, const struct dsa_limits *limits)
{
	uint32_t bad = flags & ~op->flags;

	bad |= ~flags & op->needed;
	if (!limits->block_on_fault)
		bad |= flags & DSA_FLAG_BOF;
	if (!(flags & DSA_FLAG_CRAV))
		bad |= flags & DSA_FLAG_RCR;
	return bad;
}

static bool uses_reserved(const struct dsa_op *op, const struct dsa_descriptor *descriptor)
{
	uint64_t bytes[DSA_SPECIFIC_SIZE / 8], used[DSA_SPECIFIC_SIZE / 8];

	memcpy(bytes, descriptor->specific, sizeof(bytes));
	memcpy(used, op->used, sizeof(used));
	return descriptor->reserved || (bytes[0] & ~used[0]) || (bytes[1] & ~used[1]) ||
	       (bytes[2] & ~used[2]) || (op->no_source && descriptor->source) ||
	       (op->no_destination && descriptor->destination) || (op->no_size && descriptor->size);
}

/* The descriptor is also the job's; reading that would wait for what was just stored. */
static uint8_t check(const struct dsa_job *job, const struct dsa_descriptor *descriptor,
		     const struct dsa_op *op, const struct dsa_limits *limits)
{
	if (uses_reserved(op, descriptor))
		return DSA_BAD_RESERVED;
	if (!op->no_size && (!descriptor->size || descriptor->size > limits->max_transfer))
		return DSA_BAD_SIZE;
	return op->check ? op->check(job) : 0;
}

static const struct dsa_op *find_op(uint8_t opcode, const struct dsa_limits *limits)
{
	if (opcode > DSA_CACHE_FLUSH || !(limits->opcodes[opcode / 64] >> opcode % 64 & 1))
		return NULL;
	return ops[opcode];
}

bool dsa_job_begin(struct dsa_job *job, const struct dsa_descriptor *descriptor,
		   const struct dsa_limits *limits)
{
	const struct dsa_op *op = find_op(descriptor->opcode, limits);
	uint32_t flags;
	uint8_t wrong;

	job->descriptor = *descriptor;
	job->record = (struct dsa_record){0};
	job->done = 0;
	if (!op)
		return !dsa_job_end(job, DSA_BAD_OPCODE);

	flags = bad_flags(op, descriptor->flags, limits);
	if (flags) {
		dsa_put32(job->record.specific, flags);
		return !dsa_job_end(job, DSA_BAD_FLAGS);
	}
	wrong = check(job, descriptor, op, limits);
	if (wrong)
		return !dsa_job_end(job, wrong);
	if (op->begin)
		op->begin(job);
	return true;
}

/* ---- Pieces -------------------------------------------------------------------------------- */

static uint64_t address_of(const struct dsa_descriptor *descriptor, enum dsa_field field)
{
	if (field == DSA_AT_SOURCE)
		return descriptor->source;
	if (field == DSA_AT_DESTINATION)
		return descriptor->destination;
	return dsa_get64(descriptor->specific);
}

/*
 * The memory of a piece, in each range from its beginning. How much all have; where that is less
 * than the piece, *ret_missing is the range that ends first.
 */
static size_t find_ranges(const struct dsa_job *job, const struct dsa_op *op,
			  struct umd_dma_reader *reader, struct dsa_range *ranges, size_t size,
			  const struct dsa_range **ret_missing)
{
	size_t there = size;

	for (unsigned int i = 0; i < op->ranges; i++) {
		const struct dsa_place *place = &op->places[i];

		dsa_range_find(&ranges[i], reader, address_of(&job->descriptor, place->field),
			       job->done, size, place->prot);
		if (ranges[i].there < there) {
			there = ranges[i].there;
			*ret_missing = &ranges[i];
		}
	}
	return there;
}

/* Runs to the end of what is there. How much was done. */
static size_t work(struct dsa_job *job, const struct dsa_op *op, struct dsa_range *ranges,
		   size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint8_t *at[DSA_RANGES_MAX];
		size_t run = size - done, did;

		for (unsigned int i = 0; i < op->ranges; i++) {
			size_t here;

			at[i] = dsa_range_here(&ranges[i], &here);
			if (here < run)
				run = here;
		}
		did = op->run(job, at, run);
		done += did;
		if (did < run)
			break;
		if (done == size)
			break;
		for (unsigned int i = 0; i < op->ranges; i++)
			dsa_range_skip(&ranges[i], run);
	}
	return done;
}

/* Tells the dirty log of what was written. False: something was taken away; see dsa_job_fault(). */
static bool settle(const struct dsa_op *op, struct umd_dma_reader *reader,
		   const struct dsa_range *ranges, size_t done, uint64_t *ret_lost, bool *ret_write)
{
	bool lasted = true;

	for (unsigned int i = 0; i < op->ranges; i++) {
		bool write = ranges[i].prot & UMD_DMA_WRITE;

		if (write && done)
			umd_dma_mark(reader, ranges[i].iova, done);
		if (lasted && !dsa_range_lasted(&ranges[i], ret_lost)) {
			*ret_write = write;
			lasted = false;
		}
	}
	return lasted;
}

bool dsa_piece_side_by_side(struct dsa_job *job, const struct dsa_op *op,
			    struct umd_dma_reader *reader, size_t room, size_t *cost)
{
	struct dsa_range ranges[DSA_RANGES_MAX];
	const struct dsa_range *missing = NULL;
	uint64_t left = job->descriptor.size - job->done, state = job->state.crc, lost = 0;
	size_t size = left < room ? (size_t)left : room, there, done;
	bool lasted, write = false;

	umd_dma_enter(reader);
	there = find_ranges(job, op, reader, ranges, size, &missing);
	done = work(job, op, ranges, there);
	lasted = settle(op, reader, ranges, done, &lost, &write);
	umd_dma_leave(reader);

	*cost += done;
	if (!lasted) {
		job->state.crc = state;
		job->record.result = 0;
		return dsa_job_fault(job, lost, write);
	}
	job->done += done;
	if (done < there)
		return dsa_job_end(job, DSA_OK);
	if (missing)
		return dsa_job_fault(job, missing->iova + there, missing->prot & UMD_DMA_WRITE);
	return job->done == job->descriptor.size && dsa_job_end(job, DSA_OK);
}

bool dsa_job_step(struct dsa_job *job, struct umd_dma_reader *reader, size_t budget,
		  size_t *ret_cost)
{
	const struct dsa_op *op = ops[job->descriptor.opcode];
	size_t cost = 0;
	bool ended;

	if (!budget)
		budget = 1;
	do {
		size_t room = budget - cost < DSA_PIECE ? budget - cost : DSA_PIECE;

		ended = op->piece ? op->piece(job, reader, room, &cost)
				  : dsa_piece_side_by_side(job, op, reader, room, &cost);
	} while (!ended && cost < budget);
	if (ended && op->report)
		op->report(job);
	*ret_cost = cost;
	return ended;
}
