/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIF Check, Insert, Strip and Update, block by block. What a block's tags should be follows from
 * its number, so a job keeps nothing between pieces. What is done is counted in bytes of the
 * source, whole blocks.
 *
 * A block that does not lie together in memory is put together in a buffer.
 */
#include <endian.h>
#include <string.h>

#include "bytes.h"
#include "crc.h"
#include "dif.h"
#include "op.h"

/* Of the descriptor's own bytes, and in the record 8 less. */
#define SOURCE_FLAGS	  0
#define DESTINATION_FLAGS 1
#define DIF_FLAGS	  2
#define SOURCE_TAGS	  8
#define DESTINATION_TAGS  16
#define RECORD_LESS	  8

/* What is expected of one side's next block. Bits of the mask are not checked, and written as 0. */
struct tags {
	uint8_t flags;
	uint32_t ref;
	uint16_t app, mask;
};

/* A field in the machine's order. */
struct field {
	uint16_t guard, app;
	uint32_t ref;
};

/* A job's constants, and the memory of a piece. */
struct dif {
	uint8_t opcode, flags;
	bool has_source, has_destination; /* a field */
	uint32_t block, read, written;	  /* bytes of a block: plain, in source and destination */
	struct tags source, destination;  /* of the next block */
	struct dsa_range from, to;
};

static uint32_t block_size(const struct dsa_descriptor *descriptor)
{
	static const uint16_t sizes[] = {512, 520, 4096, 4104};

	return sizes[descriptor->specific[DIF_FLAGS] & DSA_DIF_BLOCK];
}

static uint32_t source_stride(const struct dsa_descriptor *descriptor)
{
	uint32_t block = block_size(descriptor);

	return descriptor->opcode == DSA_DIF_INSERT ? block : block + DSA_FIELD_SIZE;
}

static uint32_t destination_stride(const struct dsa_descriptor *descriptor)
{
	uint32_t block = block_size(descriptor);

	if (descriptor->opcode == DSA_DIF_CHECK)
		return 0;
	return descriptor->opcode == DSA_DIF_STRIP ? block : block + DSA_FIELD_SIZE;
}

static uint8_t check(const struct dsa_job *job)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;
	uint32_t stride = source_stride(descriptor);
	uint64_t written = (uint64_t)(descriptor->size / stride) * destination_stride(descriptor);

	if (descriptor->size % stride)
		return DSA_BAD_SIZE;
	if (written &&
	    dsa_overlaps(descriptor->source, descriptor->size, descriptor->destination, written))
		return DSA_OVERLAP;
	return 0;
}

static struct tags read_tags(const uint8_t *specific, unsigned int flags, unsigned int at)
{
	return (struct tags){.flags = specific[flags],
			     .ref = dsa_get32(specific + at),
			     .mask = dsa_get16(specific + at + 4),
			     .app = dsa_get16(specific + at + 6)};
}

/* The tags so many blocks later. */
static inline void count(struct tags *tags, uint32_t blocks)
{
	if (!(tags->flags & DSA_DIF_FIXED_REF))
		tags->ref += blocks;
	if (tags->flags & DSA_DIF_COUNT_APP)
		tags->app = (uint16_t)(tags->app + blocks);
}

static void begin_piece(struct dif *dif, const struct dsa_descriptor *descriptor, uint64_t done)
{
	dif->opcode = descriptor->opcode;
	dif->flags = descriptor->specific[DIF_FLAGS];
	dif->block = block_size(descriptor);
	dif->read = source_stride(descriptor);
	dif->written = destination_stride(descriptor);
	dif->has_source = dif->read > dif->block;
	dif->has_destination = dif->written > dif->block;
	dif->source = read_tags(descriptor->specific, SOURCE_FLAGS, SOURCE_TAGS);
	dif->destination = read_tags(descriptor->specific, DESTINATION_FLAGS, DESTINATION_TAGS);
	count(&dif->source, (uint32_t)done / dif->read);
	count(&dif->destination, (uint32_t)done / dif->read);
}

/* ---- A block ------------------------------------------------------------------------------- */

static struct field get_field(const uint8_t *from)
{
	struct field field;
	uint16_t guard, app;

	memcpy(&guard, from, sizeof(guard));
	memcpy(&app, from + 2, sizeof(app));
	memcpy(&field.ref, from + 4, sizeof(field.ref));
	field.guard = be16toh(guard);
	field.app = be16toh(app);
	field.ref = be32toh(field.ref);
	return field;
}

static void put_field(uint8_t *to, const struct field *field)
{
	uint16_t guard = htobe16(field->guard), app = htobe16(field->app);
	uint32_t ref = htobe32(field->ref);

	memcpy(to, &guard, sizeof(guard));
	memcpy(to + 2, &app, sizeof(app));
	memcpy(to + 4, &ref, sizeof(ref));
}

static uint16_t make_guard(const struct dif *dif, const uint8_t *block)
{
	uint16_t crc = dif->flags & DSA_DIF_INVERT_SEED ? 0xffff : 0;

	crc = dsa_crc16(crc, block, dif->block);
	return dif->flags & DSA_DIF_INVERT_RESULT ? (uint16_t)~crc : crc;
}

static bool is_all_ones(const struct field *field)
{
	return field->guard == 0xffff && field->app == 0xffff && field->ref == UINT32_MAX;
}

/* Whether a field says that there is nothing to be checked. */
static bool is_exempt(uint8_t flags, const struct field *field)
{
	if (field->app != 0xffff)
		return false;
	return (flags & DSA_DIF_APP_F) || (flags & DSA_DIF_TAGS_F && field->ref == UINT32_MAX) ||
	       (flags & DSA_DIF_ALL_F && is_all_ones(field));
}

/* What is wrong with a block's field: DSA_DIF_BAD_..., or 0. */
static inline uint8_t judge(const struct dif *dif, const struct field *field, const uint8_t *block)
{
	const struct tags *tags = &dif->source;
	uint8_t flags = tags->flags, wrong = 0;

	if (flags & DSA_DIF_ALL_F && flags & DSA_DIF_ALL_F_ERROR && is_all_ones(field))
		return DSA_DIF_BAD_ALL_F;
	if (is_exempt(flags, field))
		return 0;
	if (!(flags & DSA_DIF_NO_GUARD) && make_guard(dif, block) != field->guard)
		wrong |= DSA_DIF_BAD_GUARD;
	if ((field->app ^ tags->app) & ~tags->mask & 0xffff)
		wrong |= DSA_DIF_BAD_APP;
	if (!(flags & DSA_DIF_NO_REF) && field->ref != tags->ref)
		wrong |= DSA_DIF_BAD_REF;
	return wrong;
}

/* The field that a destination's block gets; `source` is that of the source's, if there is one. */
static inline struct field make_field(const struct dif *dif, const struct field *source,
				      const uint8_t *block)
{
	const struct tags *tags = &dif->destination;
	uint8_t passed = dif->has_source ? tags->flags : 0;
	struct field field = {.app = tags->app & (uint16_t)~tags->mask, .ref = tags->ref};

	if (passed & DSA_DIF_PASS_APP)
		field.app = source->app;
	if (passed & DSA_DIF_PASS_REF)
		field.ref = source->ref;
	field.guard = passed & DSA_DIF_PASS_GUARD ? source->guard : make_guard(dif, block);
	return field;
}

/*
 * Returns what is wrong with it. The checksum comes first: it brings the block into the cache, from
 * where the copy takes it.
 */
static inline uint8_t do_block(struct dif *dif, const uint8_t *from, uint8_t *to)
{
	struct field field = {0}, made;
	uint8_t wrong;

	if (dif->has_source) {
		field = get_field(from + dif->block);
		wrong = judge(dif, &field, from);
		if (wrong)
			return wrong;
	}
	if (to && dif->has_destination) {
		made = make_field(dif, &field, from);
		put_field(to + dif->block, &made);
	}
	if (to)
		memmove(to, from, dif->block);
	count(&dif->source, 1);
	count(&dif->destination, 1);
	return 0;
}

/* Blocks that lie together. How many were done. */
static uint32_t do_run(struct dif *dif, uint32_t blocks, const uint8_t *from, uint8_t *to,
		       uint8_t *ret_wrong)
{
	uint32_t done = 0;

	for (; done < blocks; done++) {
		*ret_wrong = do_block(dif, from, to);
		if (*ret_wrong)
			break;
		from += dif->read;
		if (to)
			to += dif->written;
	}
	return done;
}

/* ---- A piece ------------------------------------------------------------------------------- */

/* A block that does not lie together, put together. */
static uint8_t do_split(struct dif *dif)
{
	uint8_t in[DSA_BLOCK_MAX + DSA_FIELD_SIZE], out[DSA_BLOCK_MAX + DSA_FIELD_SIZE], wrong;

	dsa_range_get(&dif->from, in, dif->read);
	wrong = do_block(dif, in, dif->written ? out : NULL);
	if (!wrong && dif->written)
		dsa_range_put(&dif->to, out, dif->written);
	return wrong;
}

/* How many of the blocks that are there lie together from here on. */
static uint32_t count_together(const struct dif *dif, uint32_t blocks)
{
	size_t here;

	dsa_range_here(&dif->from, &here);
	if (here / dif->read < blocks)
		blocks = (uint32_t)(here / dif->read);
	if (!dif->written)
		return blocks;
	dsa_range_here(&dif->to, &here);
	return here / dif->written < blocks ? (uint32_t)(here / dif->written) : blocks;
}

/* How many were done, up to one that is wrong. */
static uint32_t do_blocks(struct dif *dif, uint32_t blocks, uint8_t *ret_wrong)
{
	uint32_t done = 0;

	while (done < blocks && !*ret_wrong) {
		uint32_t run = count_together(dif, blocks - done);
		const uint8_t *from;
		uint8_t *to;
		size_t here;

		if (!run) {
			*ret_wrong = do_split(dif);
			done += !*ret_wrong;
			continue;
		}
		from = dsa_range_here(&dif->from, &here);
		to = dif->written ? dsa_range_here(&dif->to, &here) : NULL;
		done += do_run(dif, run, from, to, ret_wrong);
		dsa_range_skip(&dif->from, (size_t)run * dif->read);
		dsa_range_skip(&dif->to, (size_t)run * dif->written);
	}
	return done;
}

/* Of which both sides are there as a whole. */
static uint32_t whole_blocks(const struct dif *dif, uint32_t blocks)
{
	size_t in = dif->from.there / dif->read;
	size_t out = dif->written ? dif->to.there / dif->written : blocks;

	return (uint32_t)(in < out ? in : out);
}

/* Of a block that is not there as a whole. */
static bool fault(struct dsa_job *job, const struct dif *dif, uint32_t done)
{
	const struct dsa_range *range = &dif->from;
	bool write = range->there >= (size_t)(done + 1) * dif->read;

	if (write)
		range = &dif->to;
	return dsa_job_fault(job, range->iova + range->there, write);
}

static void find_blocks(struct dif *dif, struct umd_dma_reader *reader,
			const struct dsa_descriptor *descriptor, uint32_t first, uint32_t blocks)
{
	dsa_range_find(&dif->from, reader, descriptor->source, (uint64_t)first * dif->read,
		       (size_t)blocks * dif->read, UMD_DMA_READ);
	dsa_range_find(&dif->to, reader, descriptor->destination, (uint64_t)first * dif->written,
		       (size_t)blocks * dif->written, UMD_DMA_WRITE);
}

/* How many blocks a piece has: at least one. */
static uint32_t blocks_of(const struct dif *dif, size_t left, size_t room)
{
	size_t larger = dif->read > dif->written ? dif->read : dif->written;
	size_t blocks = room < larger ? 1 : room / larger;

	return (uint32_t)(left / dif->read < blocks ? left / dif->read : blocks);
}

static bool do_piece(struct dsa_job *job, struct umd_dma_reader *reader, size_t room, size_t *cost)
{
	struct dif dif;
	uint32_t first, blocks, done;
	uint64_t lost = 0;
	uint8_t wrong = 0;
	bool from_lasted, to_lasted;

	begin_piece(&dif, &job->descriptor, job->done);
	first = (uint32_t)job->done / dif.read;
	blocks = blocks_of(&dif, job->descriptor.size - (size_t)job->done, room);

	umd_dma_enter(reader);
	find_blocks(&dif, reader, &job->descriptor, first, blocks);
	done = do_blocks(&dif, whole_blocks(&dif, blocks), &wrong);
	umd_dma_mark(reader, dif.to.iova, (size_t)done * dif.written);
	to_lasted = dsa_range_lasted(&dif.to, &lost);
	from_lasted = dsa_range_lasted(&dif.from, &lost);
	umd_dma_leave(reader);

	*cost += (size_t)(done + (wrong != 0)) * (dif.read > dif.written ? dif.read : dif.written);
	if (!from_lasted || !to_lasted)
		return dsa_job_fault(job, lost, from_lasted);
	job->done += (uint64_t)done * dif.read;
	job->record.result = wrong;
	if (wrong)
		return dsa_job_end(job, DSA_DIF_ERROR);
	if (done < blocks)
		return fault(job, &dif, done);
	return job->done == job->descriptor.size && dsa_job_end(job, DSA_OK);
}

static void report_tags(struct dsa_job *job, unsigned int flags, unsigned int at)
{
	uint8_t *record = job->record.specific + (at - RECORD_LESS);
	struct tags tags = read_tags(job->descriptor.specific, flags, at);

	count(&tags, (uint32_t)job->done / source_stride(&job->descriptor));
	dsa_put32(record, tags.ref);
	dsa_put16(record + 4, tags.mask);
	dsa_put16(record + 6, tags.app);
}

/* The tags of the first block that was not done: what a job that goes on from there begins with. */
static void report(struct dsa_job *job)
{
	uint8_t opcode = job->descriptor.opcode;

	if (opcode != DSA_DIF_INSERT)
		report_tags(job, SOURCE_FLAGS, SOURCE_TAGS);
	if (opcode == DSA_DIF_INSERT || opcode == DSA_DIF_UPDATE)
		report_tags(job, DESTINATION_FLAGS, DESTINATION_TAGS);
}

/* ---- What is in the descriptor ------------------------------------------------------------- */

#define USED_DIF_FLAGS (DSA_DIF_BLOCK | DSA_DIF_INVERT_SEED | DSA_DIF_INVERT_RESULT)
#define USED_INSERT    (DSA_DIF_COUNT_APP | DSA_DIF_FIXED_REF)
#define USED_UPDATE    (USED_INSERT | DSA_DIF_PASS_APP | DSA_DIF_PASS_GUARD | DSA_DIF_PASS_REF)

const struct dsa_op dsa_op_dif_check = {
	.flags = DSA_FLAGS_MEMORY | DSA_FLAG_TCS_1,
	.no_destination = true,
	.used = {0xff, 0, USED_DIF_FLAGS, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff},
	.check = check,
	.piece = do_piece,
	.report = report,
};

const struct dsa_op dsa_op_dif_insert = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2,
	.used = {0,    USED_INSERT, USED_DIF_FLAGS,
		 0,    0,	    0,
		 0,    0,	    0,
		 0,    0,	    0,
		 0,    0,	    0,
		 0,    0xff,	    0xff,
		 0xff, 0xff,	    0xff,
		 0xff, 0xff,	    0xff},
	.check = check,
	.piece = do_piece,
	.report = report,
};

const struct dsa_op dsa_op_dif_strip = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2,
	.used = {0xff, 0, USED_DIF_FLAGS, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff},
	.check = check,
	.piece = do_piece,
	.report = report,
};

const struct dsa_op dsa_op_dif_update = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2,
	.used = {0xff, USED_UPDATE, USED_DIF_FLAGS, 0,	  0,	0,    0,    0,
		 0xff, 0xff,	    0xff,	    0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff,	    0xff,	    0xff, 0xff, 0xff, 0xff, 0xff},
	.check = check,
	.piece = do_piece,
	.report = report,
};
