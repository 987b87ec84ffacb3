// SPDX-License-Identifier: BSD-2-Clause
/* Times a case in batches and prints the median. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 65536

static uint64_t samples[BATCHES];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t time_batch(batch_fn *batch, void *data, unsigned int count)
{
	uint64_t begin = now();

	batch(data, count);
	return now() - begin;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void measure(unsigned int milliseconds, batch_fn *batch, void *data, unsigned int count,
	     unsigned int operations)
{
	uint64_t budget = milliseconds * 1000000ull, end = now() + budget / 4;
	size_t n = 0;

	while (now() < end)
		time_batch(batch, data, count);
	for (end = now() + budget; !n || (now() < end && n < BATCHES); n++)
		samples[n] = time_batch(batch, data, count);
	qsort(samples, n, sizeof(samples[0]), by_value);
	printf("ns=%.2f batches=%zu\n", (double)samples[n / 2] / operations, n);
}
