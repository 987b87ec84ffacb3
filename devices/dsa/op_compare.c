/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compare, and Compare Pattern. They end at the first byte that differs: as many are completed. The
 * memory may change meanwhile, so a difference that is gone when it is looked for is none.
 */
#include <string.h>

#include "bytes.h"
#include "op.h"
#include "pattern.h"

#define EXPECTED	0 /* bytes of the descriptor's own: the expected result, one bit */
#define FLAGS_COMPARE	(DSA_FLAGS_MEMORY | DSA_FLAG_CR | DSA_FLAG_TCS_1)
#define RESULT_IS_OTHER 1

/* The first byte that differs; `size` where none does. */
static size_t find_difference(const uint8_t *a, const uint8_t *b, size_t size)
{
	size_t i = 0;

	while (i + 256 <= size && !memcmp(a + i, b + i, 256))
		i += 256;
	while (i < size && a[i] == b[i])
		i++;
	return i;
}

static size_t find_other(const uint8_t *from, uint64_t word, size_t size)
{
	uint8_t pattern[8];
	size_t i = 0;

	memcpy(pattern, &word, sizeof(pattern));
	while (i + 8 <= size && !memcmp(from + i, pattern, 8))
		i += 8;
	while (i < size && from[i] == pattern[i % 8])
		i++;
	return i;
}

static size_t end_run(struct dsa_job *job, size_t same, size_t size)
{
	if (same < size)
		job->record.result = RESULT_IS_OTHER;
	return same;
}

static size_t run_compare(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	if (!memcmp(at[0], at[1], size))
		return size;
	return end_run(job, find_difference(at[0], at[1], size), size);
}

/* What begins with the pattern and equals itself 8 bytes on is the pattern, repeated. */
static size_t run_pattern(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	uint64_t word = dsa_pattern_at(job->descriptor.destination, job->state.crc);

	job->state.crc += size;
	if (size >= 8 && !memcmp(at[0], &word, 8) && !memcmp(at[0], at[0] + 8, size - 8))
		return size;
	return end_run(job, find_other(at[0], word, size), size);
}

static void begin(struct dsa_job *job)
{
	job->state.crc = 0;
}

/* An end that is none of these was an error. */
static void report(struct dsa_job *job)
{
	bool expected = job->descriptor.specific[EXPECTED] & 1;

	if (job->record.status == DSA_OK && job->descriptor.flags & DSA_FLAG_CR &&
	    job->record.result != expected)
		job->record.status = DSA_PREDICATE;
}

const struct dsa_op dsa_op_compare = {
	.flags = FLAGS_COMPARE | DSA_FLAG_TCS_2,
	.needed = DSA_FLAG_CRAV | DSA_FLAG_RCR,
	.used = {1},
	.ranges = 2,
	.places = {{DSA_AT_SOURCE, UMD_DMA_READ}, {DSA_AT_DESTINATION, UMD_DMA_READ}},
	.run = run_compare,
	.report = report,
};

const struct dsa_op dsa_op_compare_pattern = {
	.flags = FLAGS_COMPARE,
	.needed = DSA_FLAG_CRAV | DSA_FLAG_RCR,
	.used = {1},
	.begin = begin,
	.ranges = 1,
	.places = {{DSA_AT_SOURCE, UMD_DMA_READ}},
	.run = run_pattern,
	.report = report,
};
