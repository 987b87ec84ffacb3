// SPDX-License-Identifier: BSD-2-Clause
/*
 * The floor of a register that is mapped: one load of 4 bytes that cannot be left out.
 *
 * usage: floor_load MILLISECONDS
 *
 * Prints nanoseconds per load: the median over batches of LOADS.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOADS 16384

static uint64_t samples[1 << 16];
static volatile uint32_t registers[1024];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t batch(void)
{
	uint64_t begin = now();

	for (unsigned int i = 0; i < LOADS; i++)
		(void)registers[i % 1024];
	return now() - begin;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint64_t budget, end;
	size_t n = 0;

	if (argc != 2)
		return 2;
	budget = strtoul(argv[1], NULL, 10) * 1000000u;
	for (end = now() + budget / 4; now() < end;)
		batch();
	for (end = now() + budget; !n || (now() < end && n < sizeof(samples) / sizeof(*samples));
	     n++)
		samples[n] = batch();
	qsort(samples, n, sizeof(*samples), by_value);
	printf("ns=%.2f batches=%zu\n", (double)samples[n / 2] / LOADS, n);
	return 0;
}
