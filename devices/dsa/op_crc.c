/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC Generation and Copy with CRC. The seed is in the descriptor, or in memory. job->state.crc is
 * the register between runs, reflected.
 *
 * As a rule, the seed is inverted, the checksum is the inverse of the register, and both are
 * written as CRC-32C always is. Without inversion and reflection both are the register itself, not
 * reflected.
 */
#include <string.h>

#include "bytes.h"
#include "crc.h"
#include "op.h"
#include "stream.h"

#define FLAG_READ_SEED	 (1u << 16)
#define FLAG_RAW	 (1u << 17) /* no inversion, no reflection, of seed and checksum */
#define FLAG_RAW_DATA	 (1u << 18) /* bit 7 of a byte is the first */
#define FLAGS_CRC	 (FLAG_READ_SEED | FLAG_RAW | FLAG_RAW_DATA)
#define SEED		 0 /* bytes of the descriptor's own: the seed, its address */
#define SEED_ADDRESS	 8
#define SEED_SIZE	 4u
#define IS_SEEDED	 1 /* job->state.words[] */
#define COPIED_AT_A_TIME 8192u

static uint32_t reflect(uint32_t value)
{
	value = (value >> 1 & 0x55555555u) | (value & 0x55555555u) << 1;
	value = (value >> 2 & 0x33333333u) | (value & 0x33333333u) << 2;
	value = (value >> 4 & 0x0f0f0f0fu) | (value & 0x0f0f0f0fu) << 4;
	return __builtin_bswap32(value);
}

/* From what drivers see to the register, and back. */
static uint32_t convert(const struct dsa_job *job, uint32_t value)
{
	return job->descriptor.flags & FLAG_RAW ? reflect(value) : ~value;
}

static void seed(struct dsa_job *job, const uint8_t *from)
{
	job->state.crc = convert(job, dsa_get32(from));
	job->state.words[IS_SEEDED] = 1;
}

static void begin(struct dsa_job *job)
{
	job->state.words[IS_SEEDED] = 0;
	if (!(job->descriptor.flags & FLAG_READ_SEED))
		seed(job, job->descriptor.specific + SEED);
}

static uint64_t seed_address(const struct dsa_job *job)
{
	return dsa_get64(job->descriptor.specific + SEED_ADDRESS);
}

static uint8_t check_seed(const struct dsa_job *job)
{
	if (job->descriptor.flags & FLAG_READ_SEED && seed_address(job) % SEED_SIZE)
		return DSA_BAD_ADDRESS;
	return 0;
}

static uint8_t check_copy(const struct dsa_job *job)
{
	const struct dsa_descriptor *descriptor = &job->descriptor;

	if (dsa_overlaps(descriptor->source, descriptor->size, descriptor->destination,
			 descriptor->size))
		return DSA_OVERLAP;
	return check_seed(job);
}

/* False: it is not there. */
static bool read_seed(struct dsa_job *job, struct umd_dma_reader *reader)
{
	struct umd_dma_segment segment;
	uint8_t bytes[SEED_SIZE];
	bool there;

	umd_dma_enter(reader);
	there = umd_dma_resolve(reader, seed_address(job), SEED_SIZE, UMD_DMA_READ, &segment, 1) ==
		1;
	if (there) {
		memcpy(bytes, segment.base, SEED_SIZE);
		there = umd_dma_check(&segment, 1) == 0;
	}
	umd_dma_leave(reader);
	if (there)
		seed(job, bytes);
	return there;
}

static bool do_piece(struct dsa_job *job, const struct dsa_op *op, struct umd_dma_reader *reader,
		     size_t room, size_t *cost)
{
	if (!job->state.words[IS_SEEDED] && !read_seed(job, reader))
		return dsa_job_fault(job, seed_address(job), false);
	return dsa_piece_side_by_side(job, op, reader, room, cost);
}

static uint32_t move_on(const struct dsa_job *job, uint32_t crc, const uint8_t *from, size_t size)
{
	return job->descriptor.flags & FLAG_RAW_DATA ? dsa_crc32c_msb(crc, from, size)
						     : dsa_crc32c(crc, from, size);
}

static void report(struct dsa_job *job)
{
	if (job->state.words[IS_SEEDED])
		dsa_put32(job->record.specific, convert(job, (uint32_t)job->state.crc));
}

static size_t run_crc(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	job->state.crc = move_on(job, (uint32_t)job->state.crc, at[0], size);
	return size;
}

static bool crc_piece(struct dsa_job *job, struct umd_dma_reader *reader, size_t room, size_t *cost)
{
	return do_piece(job, &dsa_op_crc, reader, room, cost);
}

const struct dsa_op dsa_op_crc = {
	.flags = DSA_FLAGS_MEMORY | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_3 | FLAGS_CRC,
	.needed = DSA_FLAG_CRAV | DSA_FLAG_RCR,
	.no_destination = true,
	.used = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff},
	.check = check_seed,
	.begin = begin,
	.ranges = 1,
	.places = {{DSA_AT_SOURCE, UMD_DMA_READ}},
	.run = run_crc,
	.piece = crc_piece,
	.report = report,
};

/*
 * Block by block: the checksum brings a block into the cache, from where the copy takes it. The
 * other way round it is slower by a third.
 */
static size_t run_copy(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	bool streamed = dsa_is_streamed(&job->descriptor, DSA_STREAM_COPY_CRC);
	uint32_t crc = (uint32_t)job->state.crc;

	for (size_t done = 0; done < size;) {
		size_t block = size - done < COPIED_AT_A_TIME ? size - done : COPIED_AT_A_TIME;

		crc = move_on(job, crc, at[0] + done, block);
		if (streamed)
			dsa_stream(at[1] + done, at[0] + done, block);
		else
			memmove(at[1] + done, at[0] + done, block);
		done += block;
	}
	job->state.crc = crc;
	return size;
}

static bool copy_piece(struct dsa_job *job, struct umd_dma_reader *reader, size_t room,
		       size_t *cost)
{
	return do_piece(job, &dsa_op_copy_crc, reader, room, cost);
}

const struct dsa_op dsa_op_copy_crc = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_1 | DSA_FLAG_TCS_2 | DSA_FLAG_TCS_3 | FLAGS_CRC,
	.needed = DSA_FLAG_CRAV | DSA_FLAG_RCR,
	.used = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff},
	.check = check_copy,
	.begin = begin,
	.ranges = 2,
	.places = {{DSA_AT_SOURCE, UMD_DMA_READ}, {DSA_AT_DESTINATION, UMD_DMA_WRITE}},
	.run = run_copy,
	.piece = copy_piece,
	.report = report,
};
