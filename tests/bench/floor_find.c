// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floors of finding a map by an address: reading its place out of an array, as if every page had an
 * entry there, and a binary search over the maps' beginnings. Neither checks anything.
 *
 * usage: floor_find MILLISECONDS MAPS array|search
 *
 * Maps of 4 KiB lie 8 KiB apart; the addresses asked for are random. Prints nanoseconds per
 * question: the median over batches of QUESTIONS.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUESTIONS 16384
#define DISTANCE  8192

static uint64_t questions[QUESTIONS], samples[1 << 16], *begins, *places;
static size_t maps;
static volatile uint64_t result;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t random_number(void)
{
	static uint64_t x = 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static uint64_t look_up(uint64_t address)
{
	return places[address / DISTANCE] + address % DISTANCE;
}

static uint64_t search(uint64_t address)
{
	size_t low = 0, high = maps;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (begins[middle] <= address)
			low = middle;
		else
			high = middle;
	}
	return places[low] + (address - begins[low]);
}

static uint64_t batch(uint64_t (*find)(uint64_t address))
{
	uint64_t begin = now(), sum = 0;

	for (size_t i = 0; i < QUESTIONS; i++)
		sum += find(questions[i]);
	result = sum;
	return now() - begin;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void fill(void)
{
	begins = malloc(maps * sizeof(*begins));
	places = malloc(maps * sizeof(*places));
	if (!begins || !places)
		exit(1);
	for (size_t i = 0; i < maps; i++) {
		begins[i] = i * DISTANCE;
		places[i] = i * 4096;
	}
	for (size_t i = 0; i < QUESTIONS; i++)
		questions[i] = random_number() % maps * DISTANCE + random_number() % 8 * 448;
}

int main(int argc, char **argv)
{
	uint64_t (*find)(uint64_t address);
	uint64_t budget, end;
	double median;
	size_t n = 0;

	if (argc != 4 || (maps = strtoul(argv[2], NULL, 10)) == 0)
		return 2;
	find = strcmp(argv[3], "array") == 0 ? look_up : search;
	budget = strtoul(argv[1], NULL, 10) * 1000000u;
	fill();
	for (end = now() + budget / 4; now() < end;)
		batch(find);
	for (end = now() + budget; !n || (now() < end && n < sizeof(samples) / sizeof(*samples));
	     n++)
		samples[n] = batch(find);
	qsort(samples, n, sizeof(*samples), by_value);
	median = (double)samples[n / 2];
	printf("ns=%.2f batches=%zu\n", median / QUESTIONS, n);
	return 0;
}
