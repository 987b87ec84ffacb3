/* SPDX-License-Identifier: BSD-2-Clause */
/* Cache Flush: writes lines back and drops them, where a program may ask for that. */
#include "op.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define LINE 64u

__attribute__((target("clflushopt"))) static void flush_fast(uint8_t *at, const uint8_t *end)
{
	for (; at < end; at += LINE)
		_mm_clflushopt(at);
	_mm_sfence();
}

static void flush_slowly(uint8_t *at, const uint8_t *end)
{
	for (; at < end; at += LINE)
		_mm_clflush(at);
}

/* 1, or -1; asking takes long in a virtual machine. */
static int has_clflushopt(void)
{
	static int answer;
	unsigned int eax, ebx = 0, ecx, edx;
	int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);

	if (known)
		return known;
	known = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ebx & bit_CLFLUSHOPT ? 1 : -1;
	__atomic_store_n(&answer, known, __ATOMIC_RELAXED);
	return known;
}

static void flush(uint8_t *at, size_t size)
{
	uint8_t *line = at - (uintptr_t)at % LINE;

	if (has_clflushopt() > 0)
		flush_fast(line, at + size);
	else
		flush_slowly(line, at + size);
}
#else
static void flush(uint8_t *at, size_t size)
{
}
#endif

static size_t run(struct dsa_job *job, uint8_t *const *at, size_t size)
{
	flush(at[0], size);
	return size;
}

const struct dsa_op dsa_op_cache_flush = {
	.flags = DSA_FLAGS_MEMORY | DSA_FLAG_TCS_2 | DSA_FLAG_STRICT | DSA_FLAG_READBACK,
	.no_source = true,
	.ranges = 1,
	.places = {{DSA_AT_DESTINATION, UMD_DMA_READ}},
	.run = run,
};
