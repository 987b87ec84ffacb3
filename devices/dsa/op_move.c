/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory Move, and Memory Copy with Dualcast. A move's ranges may overlap: where the destination
 * begins inside the source, it goes backwards, and says so in the result if it stops half-way.
 *
 * Ranges that lie apart as addresses may be the same memory: it is always memmove(), which costs
 * what memcpy() does.
 */
#include <string.h>

#include "bytes.h"
#include "op.h"
#include "stream.h"

#define BACKWARDS 1 /* the result of a move that faulted; 0: forwards */

static size_t run_move(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	if (dsa_is_streamed(&job->descriptor, DSA_STREAM_MOVE))
		dsa_stream(at[1], at[0], size);
	else
		memmove(at[1], at[0], size);
	return size;
}

static inline bool is_backwards(const struct dsa_descriptor *descriptor)
{
	uint64_t ahead = descriptor->destination - descriptor->source;

	return ahead && ahead < descriptor->size;
}

/* From the last byte of what is there to the first: the ranges' last segments first. */
static void copy_backwards(const struct dsa_range *from, const struct dsa_range *to, size_t size)
{
	unsigned int f = from->count, t = to->count;
	size_t f_left = 0, t_left = 0;

	while (size) {
		size_t run;

		if (!f_left)
			f_left = from->segments[--f].size;
		if (!t_left)
			t_left = to->segments[--t].size;
		run = f_left < t_left ? f_left : t_left;
		if (run > size)
			run = size;
		f_left -= run;
		t_left -= run;
		size -= run;
		memmove(to->segments[t].base + t_left, from->segments[f].base + f_left, run);
	}
}

static bool fault_backwards(struct dsa_job *job, uint64_t address, bool write)
{
	job->record.result = BACKWARDS;
	return dsa_job_fault(job, address, write);
}

static bool move_backwards(struct dsa_job *job, struct umd_dma_reader *reader, size_t room,
			   size_t *cost)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;
	uint64_t left = descriptor->size - job->done, lost = 0;
	size_t size = left < room ? (size_t)left : room, done;
	struct dsa_range from, to;
	bool from_lasted, to_lasted;

	umd_dma_enter(reader);
	dsa_range_find_end(&from, reader, descriptor->source + (left - size), size, UMD_DMA_READ);
	dsa_range_find_end(&to, reader, descriptor->destination + (left - size), size,
			   UMD_DMA_WRITE);
	done = from.there < to.there ? from.there : to.there;
	copy_backwards(&from, &to, done);
	umd_dma_mark(reader, descriptor->destination + (left - done), done);
	to_lasted = dsa_range_lasted(&to, &lost);
	from_lasted = dsa_range_lasted(&from, &lost);
	umd_dma_leave(reader);

	*cost += done;
	if (!from_lasted || !to_lasted)
		return fault_backwards(job, lost, from_lasted);
	job->done += done;
	if (from.there == done && done < size)
		return fault_backwards(job, from.iova - 1, false);
	if (done < size)
		return fault_backwards(job, to.iova - 1, true);
	job->record.result = 0;
	return job->done == descriptor->size && dsa_job_end(job, DSA_OK);
}

static bool move_piece(struct dsa_job *job, struct umd_dma_reader *reader, size_t room,
		       size_t *cost)
{
	if (is_backwards(&job->descriptor))
		return move_backwards(job, reader, room, cost);
	return dsa_piece_side_by_side(job, &dsa_op_move, reader, room, cost);
}

const struct dsa_op dsa_op_move = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2,
	.ranges = 2,
	.places = {{DSA_AT_SOURCE, UMD_DMA_READ}, {DSA_AT_DESTINATION, UMD_DMA_WRITE}},
	.run = run_move,
	.piece = move_piece,
};

static uint8_t check_dualcast(const struct dsa_job *job)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;
	uint64_t source = descriptor->source, first = descriptor->destination;
	uint64_t second = dsa_get64(descriptor->specific), size = descriptor->size;

	if (dsa_overlaps(source, size, first, size) || dsa_overlaps(source, size, second, size) ||
	    dsa_overlaps(first, size, second, size))
		return DSA_OVERLAP;
	return (first ^ second) & 0xfff ? DSA_BAD_DUALCAST : 0;
}

static size_t run_dualcast(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	memmove(at[1], at[0], size);
	memmove(at[2], at[0], size);
	return size;
}

const struct dsa_op dsa_op_dualcast = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2 | DSA_FLAG_TCS_3,
	.used = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	.check = check_dualcast,
	.ranges = 3,
	.places = {{DSA_AT_SOURCE, UMD_DMA_READ},
		   {DSA_AT_DESTINATION, UMD_DMA_WRITE},
		   {DSA_AT_SPECIFIC, UMD_DMA_WRITE}},
	.run = run_dualcast,
};
