/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Create Delta Record and Apply Delta Record. A record has an entry for each 8 bytes that differ:
 * their offset in units of 8 bytes, 16 bits, and what the second source has there.
 *
 * For Apply Delta, what is done is counted in bytes of the record.
 */
#include <string.h>

#include "bytes.h"
#include "op.h"

#define WORD	     8u
#define ENTRY	     10u
#define TRANSFER_MAX 0x80000u /* what 16 bits reach */
#define RECORD_MIN   80u
#define PAGE	     UINT64_C(4096)
#define CHUNK	     4096u /* of the sources, compared at a time */
#define PER_CHUNK    (CHUNK / WORD)

/* Of the descriptor's own bytes. */
#define CREATE_RECORD	0
#define CREATE_MAX	8
#define CREATE_EXPECTED 16 /* a bit for each result that is expected */
#define APPLY_SIZE	0

#define RESULT_DIFFERENT 1
#define RESULT_TOO_LARGE 2

static bool is_odd_size(uint32_t size)
{
	return size % WORD || size > TRANSFER_MAX;
}

/* ---- Create -------------------------------------------------------------------------------- */

static uint64_t record_address(const struct dsa_job *job)
{
	return dsa_get64(job->descriptor.specific + CREATE_RECORD);
}

static uint32_t max_record(const struct dsa_job *job)
{
	uint32_t most = job->descriptor.size / WORD * ENTRY;
	uint32_t max = dsa_get32(job->descriptor.specific + CREATE_MAX);

	return max < most ? max : most;
}

static uint8_t check_create(const struct dsa_job *job)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;
	uint64_t record = record_address(job);
	uint32_t size = descriptor->size, max = max_record(job);

	if (is_odd_size(size))
		return DSA_BAD_SIZE;
	if (dsa_get32(descriptor->specific + CREATE_MAX) < RECORD_MIN)
		return DSA_BAD_DELTA_RANGE;
	if (dsa_overlaps(record, max, descriptor->source, size) ||
	    dsa_overlaps(record, max, descriptor->destination, size))
		return DSA_OVERLAP;
	return (descriptor->source | descriptor->destination | record) % WORD ? DSA_BAD_ADDRESS : 0;
}

static void begin_create(struct dsa_job *job)
{
	job->state.delta.size = 0;
}

/* What is made of a chunk of the sources. */
struct entries {
	unsigned int count, room;
	uint8_t bytes[PER_CHUNK * ENTRY];
};

static bool are_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[8], y[8], other = 0;

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	for (unsigned int i = 0; i < 8; i++)
		other |= x[i] ^ y[i];
	return !other;
}

/* Of one word, which is read once. False: there is no room for it. */
static bool compare_word(struct entries *entries, const uint8_t *a, const uint8_t *b,
			 uint64_t offset)
{
	uint64_t x, y;
	uint8_t *to = entries->bytes + (size_t)entries->count * ENTRY;

	memcpy(&x, a, WORD);
	memcpy(&y, b, WORD);
	if (x == y)
		return true;
	if (entries->count == entries->room)
		return false;
	dsa_put16(to, (uint16_t)(offset / WORD));
	memcpy(to + 2, &y, WORD);
	entries->count++;
	return true;
}

/* How many bytes were compared: all, or up to the word that there was no room for. */
static size_t compare_words(struct entries *entries, const uint8_t *a, const uint8_t *b,
			    uint64_t offset, size_t size)
{
	size_t i = 0;

	while (i < size) {
		if (i + 64 <= size && are_equal(a + i, b + i)) {
			i += 64;
			continue;
		}
		for (size_t end = size - i < 64 ? size : i + 64; i < end; i += WORD) {
			if (!compare_word(entries, a + i, b + i, offset + i))
				return i;
		}
	}
	return size;
}

/* A piece of the sources, between enter and leave. */
struct create {
	struct dsa_job *job;
	struct umd_dma_reader *reader;
	struct dsa_range a, b, record;
	uint64_t done; /* of the sources */
	uint32_t size; /* of the record */
	struct entries entries;
};

/* Writes the entries. False: the job has ended with a fault, and with the entries before it. */
static bool write_entries(struct create *create)
{
	struct dsa_range *to = &create->record;
	struct entries *entries = &create->entries;
	size_t bytes = (size_t)entries->count * ENTRY, whole;
	uint64_t lost;

	if (!bytes)
		return true;
	dsa_range_find(to, create->reader, record_address(create->job), create->size, bytes,
		       UMD_DMA_WRITE);
	whole = to->there / ENTRY;
	dsa_range_put(to, entries->bytes, to->there);
	umd_dma_mark(create->reader, to->iova, to->there);
	if (!dsa_range_lasted(to, &lost)) {
		whole = 0;
	} else if (to->there == bytes) {
		create->size += (uint32_t)bytes;
		return true;
	} else {
		lost = to->iova + to->there;
	}
	create->size += (uint32_t)(whole * ENTRY);
	create->done = (uint64_t)dsa_get16(entries->bytes + whole * ENTRY) * WORD;
	dsa_job_fault(create->job, lost, true);
	return false;
}

/* Both sources have the same so far; returns whether the job goes on. */
static bool create_chunk(struct create *create, size_t size)
{
	struct entries *entries = &create->entries;
	size_t left_a, left_b, did;
	const uint8_t *a = dsa_range_here(&create->a, &left_a);
	const uint8_t *b = dsa_range_here(&create->b, &left_b);

	size = size < left_a ? size : left_a;
	size = size < left_b ? size : left_b;
	size = size < CHUNK ? size : CHUNK;
	entries->count = 0;
	entries->room = (max_record(create->job) - create->size) / ENTRY;
	if (entries->room > PER_CHUNK)
		entries->room = PER_CHUNK;
	did = compare_words(entries, a, b, create->done, size);
	create->done += did;
	if (!write_entries(create))
		return false;
	if (did < size) {
		create->job->record.result = RESULT_TOO_LARGE;
		dsa_job_end(create->job, DSA_OK);
		return false;
	}
	dsa_range_skip(&create->a, size);
	dsa_range_skip(&create->b, size);
	return true;
}

/* As far as both sources are there. True: the job has ended. */
static bool compare_sources(struct create *create, size_t size)
{
	const struct dsa_range *first = create->a.there <= create->b.there ? &create->a
									   : &create->b;
	uint64_t end = create->done + first->there;

	while (create->done < end) {
		if (!create_chunk(create, (size_t)(end - create->done)))
			return true;
	}
	return first->there < size && dsa_job_fault(create->job, first->iova + first->there, false);
}

static bool create_piece(struct dsa_job *job, struct umd_dma_reader *reader, size_t room,
			 size_t *cost)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;
	size_t size = descriptor->size - (size_t)job->done;
	struct create create;
	uint64_t lost = 0;
	bool ended;

	if (size > room)
		size = room < WORD ? WORD : room - room % WORD;
	create.job = job;
	create.reader = reader;
	create.done = job->done;
	create.size = job->state.delta.size;

	umd_dma_enter(reader);
	dsa_range_find(&create.a, reader, descriptor->source, job->done, size, UMD_DMA_READ);
	dsa_range_find(&create.b, reader, descriptor->destination, job->done, size, UMD_DMA_READ);
	ended = compare_sources(&create, size);
	if (!dsa_range_lasted(&create.a, &lost) || !dsa_range_lasted(&create.b, &lost)) {
		create.done = job->done;
		create.size = job->state.delta.size;
		job->record.result = 0;
		ended = dsa_job_fault(job, lost, false);
	}
	umd_dma_leave(reader);

	*cost += size;
	job->done = create.done;
	job->state.delta.size = create.size;
	return ended || (job->done == descriptor->size && dsa_job_end(job, DSA_OK));
}

static void report_create(struct dsa_job *job)
{
	uint8_t expected = job->descriptor.specific[CREATE_EXPECTED];
	struct dsa_record *record = &job->record;

	record->bytes = (uint32_t)job->done;
	dsa_put32(record->specific, job->state.delta.size);
	if (record->status != DSA_OK)
		return;
	if (!record->result && job->state.delta.size)
		record->result = RESULT_DIFFERENT;
	if (job->descriptor.flags & DSA_FLAG_CR && !(expected >> record->result & 1))
		record->status = DSA_PREDICATE;
}

const struct dsa_op dsa_op_create_delta = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_CR | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2 | DSA_FLAG_TCS_3,
	.needed = DSA_FLAG_CRAV | DSA_FLAG_RCR,
	.used = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
		 7},
	.check = check_create,
	.begin = begin_create,
	.piece = create_piece,
	.report = report_create,
};

/* ---- Apply --------------------------------------------------------------------------------- */

static uint32_t record_size(const struct dsa_job *job)
{
	return dsa_get32(job->descriptor.specific + APPLY_SIZE);
}

static uint8_t check_apply(const struct dsa_job *job)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;
	uint32_t size = record_size(job);

	if (is_odd_size(descriptor->size))
		return DSA_BAD_SIZE;
	if (!size || size % ENTRY)
		return DSA_BAD_DELTA_RANGE;
	if (dsa_overlaps(descriptor->source, size, descriptor->destination, descriptor->size))
		return DSA_OVERLAP;
	return (descriptor->source | descriptor->destination) % WORD ? DSA_BAD_ADDRESS : 0;
}

static void begin_apply(struct dsa_job *job)
{
	job->state.delta.previous = 0;
}

/* The page of the destination that entries are applied to, between enter and leave. */
struct window {
	uint64_t iova;	     /* of the page's part that belongs to the destination */
	size_t size;	     /* 0: there is none yet */
	uint64_t first, end; /* what of it was written, as addresses */
	struct umd_dma_segment segment;
};

struct apply {
	struct dsa_job *job;
	struct umd_dma_reader *reader;
	struct window window;
	uint64_t settled; /* of the record: what has lasted */
	uint32_t settled_previous;
};

/* Tells of what was written to the page. False: it was taken away, and the job has ended. */
static bool close_window(struct apply *apply)
{
	struct window *window = &apply->window;
	struct dsa_job *job = apply->job;

	if (!window->size)
		return true;
	umd_dma_mark(apply->reader, window->first, (size_t)(window->end - window->first));
	window->size = 0;
	if (umd_dma_check(&window->segment, 1) == 0) {
		apply->settled = job->done;
		apply->settled_previous = job->state.delta.previous;
		return true;
	}
	job->done = apply->settled;
	job->state.delta.previous = apply->settled_previous;
	dsa_job_fault(job, window->first, true);
	return false;
}

static bool open_window(struct apply *apply, uint64_t at)
{
	const struct dsa_descriptor *descriptor = &apply->job->descriptor;
	struct window *window = &apply->window;
	uint64_t begin = descriptor->destination, end = begin + descriptor->size;
	uint64_t page = at & ~(PAGE - 1);

	if (at < begin) {
		dsa_job_fault(apply->job, at, true);
		return false;
	}
	window->iova = page > begin ? page : begin;
	window->size = (size_t)((end - page < PAGE ? end : page + PAGE) - window->iova);
	window->first = at;
	if (umd_dma_resolve(apply->reader, window->iova, window->size, UMD_DMA_WRITE,
			    &window->segment, 1) == 1)
		return true;
	window->size = 0;
	dsa_job_fault(apply->job, at, true);
	return false;
}

/* False: the job has ended. */
static bool apply_entry(struct apply *apply, const uint8_t *entry)
{
	struct dsa_job *job = apply->job;
	struct window *window = &apply->window;
	uint64_t index = dsa_get16(entry), at = job->descriptor.destination + index * WORD;

	if (index < job->state.delta.previous || index * WORD >= job->descriptor.size) {
		if (close_window(apply))
			dsa_job_end(job, index < job->state.delta.previous ? DSA_DELTA_OFFSET
									   : DSA_DELTA_SIZE);
		return false;
	}
	if (at - window->iova >= window->size && (!close_window(apply) || !open_window(apply, at)))
		return false;
	memcpy(window->segment.base + (at - window->iova), entry + 2, WORD);
	window->end = at + WORD;
	job->state.delta.previous = (uint32_t)index + 1;
	job->done += ENTRY;
	return true;
}

/* Of a copy: what is checked is what is applied. */
static bool apply_entries(struct apply *apply, struct dsa_range *record, size_t count)
{
	uint8_t bytes[128 * ENTRY];

	while (count) {
		size_t some = count < 128 ? count : 128;

		dsa_range_get(record, bytes, some * ENTRY);
		for (size_t i = 0; i < some; i++) {
			if (!apply_entry(apply, bytes + i * ENTRY))
				return false;
		}
		count -= some;
	}
	return close_window(apply);
}

static bool apply_piece(struct dsa_job *job, struct umd_dma_reader *reader, size_t room,
			size_t *cost)
{
	size_t size = record_size(job) - (size_t)job->done;
	struct apply apply = {.job = job,
			      .reader = reader,
			      .settled = job->done,
			      .settled_previous = job->state.delta.previous};
	struct dsa_range record;
	uint32_t previous = job->state.delta.previous;
	uint64_t began = job->done, lost = 0;
	bool ended;

	if (size > room)
		size = room < ENTRY ? ENTRY : room - room % ENTRY;
	umd_dma_enter(reader);
	dsa_range_find(&record, reader, job->descriptor.source, job->done, size, UMD_DMA_READ);
	ended = !apply_entries(&apply, &record, record.there / ENTRY);
	if (!dsa_range_lasted(&record, &lost)) {
		job->done = began;
		job->state.delta.previous = previous;
		ended = dsa_job_fault(job, lost, false);
	}
	umd_dma_leave(reader);

	*cost += size;
	if (!ended && record.there < size)
		return dsa_job_fault(job, record.iova + record.there, false);
	return ended || (job->done == record_size(job) && dsa_job_end(job, DSA_OK));
}

const struct dsa_op dsa_op_apply_delta = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2,
	.used = {0xff, 0xff, 0xff, 0xff},
	.check = check_apply,
	.begin = begin_apply,
	.piece = apply_piece,
};
