/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include <string.h>

#define LINE 64u

#ifdef __SSE2__
#include <emmintrin.h>

/* Wider registers are no faster: memory is what it waits for. */
static size_t stream_lines(uint8_t *to, const uint8_t *from, size_t size)
{
	size_t done = 0;

	for (; size - done >= LINE; done += LINE) {
		const __m128i *in = (const __m128i *)(const void *)(from + done);
		__m128i *out = (__m128i *)(void *)(to + done);
		__m128i a = _mm_loadu_si128(in), b = _mm_loadu_si128(in + 1);
		__m128i c = _mm_loadu_si128(in + 2), d = _mm_loadu_si128(in + 3);

		_mm_stream_si128(out, a);
		_mm_stream_si128(out + 1, b);
		_mm_stream_si128(out + 2, c);
		_mm_stream_si128(out + 3, d);
	}
	_mm_sfence(); /* before anybody is told that it is there */
	return done;
}
#else
static size_t stream_lines(uint8_t *to, const uint8_t *from, size_t size)
{
	return 0;
}
#endif

void dsa_stream(uint8_t *to, const uint8_t *from, size_t size)
{
	size_t head = (0 - (uintptr_t)to) % LINE, lines;

	if (head > size)
		head = size;
	memmove(to, from, head);
	lines = stream_lines(to + head, from + head, size - head);
	memmove(to + head + lines, from + head + lines, size - head - lines);
}
