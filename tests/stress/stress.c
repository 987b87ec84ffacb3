/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stress test of DMA spaces: threads look up, copy and pin while maps change; stress.h says how
 * it notices what goes wrong.
 *
 * usage: dma_stress [--server] [--seconds N] [--threads N] [--seed N] [--no-cuts] [--no-stuck]
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define COMPLAINTS 10u

uint64_t stress_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* splitmix64 */
uint64_t stress_below(uint64_t *random, uint64_t limit)
{
	uint64_t z = (*random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % limit;
}

unsigned int stress_choose_page(uint64_t *random)
{
	return (unsigned int)stress_below(random,
					  stress_below(random, 2) ? STRESS_HOT : STRESS_PAGES);
}

void stress_wrong(struct stress_world *world, const char *format, ...)
{
	static unsigned int complaints;
	va_list args;

	__atomic_store_n(&world->failed, true, __ATOMIC_RELAXED);
	__atomic_store_n(&world->over, true, __ATOMIC_RELAXED);
	if (__atomic_fetch_add(&complaints, 1, __ATOMIC_RELAXED) >= COMPLAINTS)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* ---- The clock ----------------------------------------------------------------------------- */

/* Ends the run when its time is over, and the process where the run does not end then. */
static void *watch(void *data)
{
	struct stress_world *world = data;
	uint64_t end = stress_now_ns() + world->options->seconds * UINT64_C(1000000000);

	while (stress_now_ns() < end && !stress_is_over(world))
		usleep(10000);
	__atomic_store_n(&world->over, true, __ATOMIC_RELAXED);
	alarm(60);
	return NULL;
}

/* ---- The report ---------------------------------------------------------------------------- */

static struct stress_counts add_counts(const struct stress_world *world)
{
	struct stress_counts sum = world->counts;

	for (unsigned int i = 0; i < world->options->engines; i++) {
		const struct stress_counts *counts = &world->engines[i].counts;

		sum.copies += counts->copies;
		sum.spans += counts->spans;
		sum.missed += counts->missed;
		sum.pins += counts->pins;
		sum.refused += counts->refused;
		sum.revoked += counts->revoked;
		sum.cut += counts->cut;
		sum.handed += counts->handed;
	}
	return sum;
}

static void print_counts(const struct stress_counts *counts)
{
	const struct {
		uint64_t count;
		const char *name;
	} rows[] = {
		{counts->maps, "maps"},
		{counts->unmaps, "unmaps"},
		{counts->batches, "batches"},
		{counts->waits, "waits"},
		{counts->copies, "copies"},
		{counts->spans, "over several maps"},
		{counts->missed, "lookups missed"},
		{counts->pins, "pins"},
		{counts->handed, "ended by another"},
		{counts->revoked, "revoked"},
		{counts->revocations, "revocations"},
		{counts->logs, "dirty logs"},
		{counts->reports, "reports"},
		{counts->files, "doomed files"},
		{counts->cut, "uses cut off"},
		{counts->readers, "readers"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%s%llu %s", i ? ", " : "", (unsigned long long)rows[i].count, rows[i].name);
	putchar('\n');
}

/* A run in which nothing happened proves nothing. */
static void check_counts(struct stress_world *world, const struct stress_counts *counts)
{
	const struct stress_options *options = world->options;

	if (!counts->maps || !counts->unmaps || !counts->copies || !counts->missed || !counts->pins)
		stress_wrong(world, "something has never happened");
	if (!counts->logs || !counts->reports)
		stress_wrong(world, "no dirty log was reported");
	if (options->cuts && !counts->cut)
		stress_wrong(world, "no engine met a file that had been cut off");
	if (options->stuck && options->seconds >= 20 && !counts->revocations)
		stress_wrong(world, "no pin was revoked");
}

/* ---- Arguments ----------------------------------------------------------------------------- */

static const struct option arguments[] = {
	{"server", no_argument, NULL, 'S'},
	{"seconds", required_argument, NULL, 's'},
	{"threads", required_argument, NULL, 't'},
	{"seed", required_argument, NULL, 'r'},
	{"no-cuts", no_argument, NULL, 'c'},
	{"no-stuck", no_argument, NULL, 'p'},
	{0},
};

static bool take_argument(struct stress_options *options, int argument, const char *value)
{
	switch (argument) {
	case 'S':
		options->server = true;
		return true;
	case 's':
		options->seconds = (unsigned int)strtoul(value, NULL, 0);
		return true;
	case 't':
		options->engines = (unsigned int)strtoul(value, NULL, 0);
		return options->engines && options->engines <= STRESS_ENGINES;
	case 'r':
		options->seed = strtoull(value, NULL, 0);
		return true;
	case 'c':
		options->cuts = false;
		return true;
	case 'p':
		options->stuck = false;
		return true;
	default:
		return false;
	}
}

static bool take_arguments(struct stress_options *options, int argc, char **argv)
{
	int argument;

	while ((argument = getopt_long(argc, argv, "", arguments, NULL)) >= 0) {
		if (!take_argument(options, argument, optarg))
			return false;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	static struct stress_world world;
	struct stress_options options = {
		.seconds = 2, .engines = 3, .seed = 1, .cuts = true, .stuck = true};
	struct stress_counts counts;
	pthread_t clock;
	int err;

	if (!take_arguments(&options, argc, argv)) {
		fprintf(stderr, "usage: dma_stress [--server] [--seconds N] [--threads N] "
				"[--seed N] [--no-cuts] [--no-stuck]\n");
		return 2;
	}

	world.options = &options;
	stress_pools_init(&world);
	if (pthread_create(&clock, NULL, watch, &world))
		abort();
	err = options.server ? stress_run_server(&world) : stress_run_local(&world);
	if (err)
		stress_wrong(&world, "it does not start: %s", strerror(-err));
	pthread_join(clock, NULL);
	stress_pools_finish(&world);

	counts = add_counts(&world);
	print_counts(&counts);
	check_counts(&world, &counts);
	return world.failed ? 1 : 0;
}
