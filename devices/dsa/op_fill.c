/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory Fill, by a pattern of 8 bytes that begins where the destination does. */
#include <string.h>

#include "op.h"
#include "pattern.h"

#define LARGE 2048u

static void fill_words(uint8_t *to, uint64_t word, size_t size)
{
	size_t i = 0;

	for (; i + sizeof(word) <= size; i += sizeof(word))
		memcpy(to + i, &word, sizeof(word));
	memcpy(to + i, &word, size - i);
}

#ifdef __x86_64__
/* The processor's own loop, which does not read what it is going to write. */
static void fill_large(uint8_t *to, uint64_t word, size_t size)
{
	size_t count = size / sizeof(word), rest = size % sizeof(word);

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(word) : "memory");
	memcpy(to, &word, rest);
}
#else
static void fill_large(uint8_t *to, uint64_t word, size_t size)
{
	fill_words(to, word, size);
}
#endif

static size_t run_fill(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	uint64_t pattern = job->descriptor.source;

	if (pattern == (pattern & 0xff) * UINT64_C(0x0101010101010101))
		memset(at[0], (int)(pattern & 0xff), size);
	else if (size < LARGE)
		fill_words(at[0], dsa_pattern_at(pattern, job->state.crc), size);
	else
		fill_large(at[0], dsa_pattern_at(pattern, job->state.crc), size);
	job->state.crc += size;
	return size;
}

static void begin_fill(struct dsa_job *job)
{
	job->state.crc = 0;
}

const struct dsa_op dsa_op_fill = {
	.flags = DSA_FLAGS_WRITE | DSA_FLAG_TCS_2,
	.begin = begin_fill,
	.ranges = 1,
	.places = {{DSA_AT_DESTINATION, UMD_DMA_WRITE}},
	.run = run_fill,
};
