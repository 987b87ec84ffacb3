// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moves of the DSA engine through a queue of its parent, beside memcpy().
 *
 * usage: dsa_engine MILLISECONDS single|stream|batch SIZE local|remote ours|floor|both [CPU]
 *
 * single: one descriptor at a time, and the next one when its record is there. stream: as many as
 * the queue takes, a record for each, of which the last is waited for. batch: batches of 256, or of
 * 16 MiB where that is less, of which the last one's record is waited for. remote: the engine of
 * another process. CPU: where the engine works; it looks at its queues and the user at his record,
 * so that the two need a CPU each.
 *
 * Prints nanoseconds per move of SIZE bytes, ours or memcpy()'s; of both, done in turns, either,
 * and the median of memcpy()'s time by ours. memcpy() goes through as much memory in the same
 * steps.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsa_user.h"

#define ROUNDS	    65536u
#define ROUND_BYTES (UINT64_C(16) << 20) /* at most: half a millisecond or so */

struct bench {
	struct user user;
	void (*work)(struct bench *bench, unsigned int count);
	unsigned int count; /* moves of a round */
	uint32_t members;   /* of a batch */
	uint32_t size;
	uint8_t batch[DSA_DESCRIPTOR_SIZE], last_batch[DSA_DESCRIPTOR_SIZE];
	uint8_t last[USER_DESCRIPTORS][DSA_DESCRIPTOR_SIZE]; /* moves that are waited for */
	uint8_t *floor;
};

static double samples[3][ROUNDS]; /* ours, the floor's, its share */

/* ---- Rounds -------------------------------------------------------------------------------- */

static void submit(struct user *user, const uint8_t *raw)
{
	while (umd_queue_submit(user->queue, raw, 1) != 1)
		continue;
}

static void do_single(struct bench *bench, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		submit(&bench->user, bench->last[i % USER_DESCRIPTORS]);
		user_wait(&bench->user);
	}
}

static void do_stream(struct bench *bench, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++)
		submit(&bench->user, bench->user.moves[i % USER_DESCRIPTORS]);
	submit(&bench->user, bench->last[0]);
	user_wait(&bench->user);
}

static void do_batches(struct bench *bench, unsigned int count)
{
	for (; count > bench->members; count -= bench->members)
		submit(&bench->user, bench->batch);
	submit(&bench->user, bench->last_batch);
	user_wait(&bench->user);
}

static void do_floor(struct bench *bench, unsigned int count)
{
	size_t at = 0;

	for (unsigned int i = 0; i < count; i++) {
		memcpy(bench->floor + USER_MEMORY + at, bench->floor + at, bench->size);
		__asm__ volatile("" ::: "memory");
		at += bench->size;
		if (i % USER_DESCRIPTORS == USER_DESCRIPTORS - 1 || at + bench->size > USER_MEMORY)
			at = 0;
	}
}

/* ---- Times --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), by_value);
	return values[count / 2];
}

/* It is awake when the clock starts. */
static double time_ours(struct bench *bench)
{
	uint64_t begin;

	do_single(bench, 1);
	begin = now_ns();
	bench->work(bench, bench->count);
	return (double)(now_ns() - begin) / bench->count;
}

static double time_floor(struct bench *bench)
{
	uint64_t begin = now_ns();

	do_floor(bench, bench->count);
	return (double)(now_ns() - begin) / bench->count;
}

static void measure(struct bench *bench, unsigned int milliseconds, bool ours, bool floors)
{
	uint64_t end;
	size_t n = 0;

	if (ours)
		time_ours(bench);
	if (floors)
		time_floor(bench);
	end = now_ns() + milliseconds * UINT64_C(1000000);
	for (; !n || (now_ns() < end && n < ROUNDS); n++) {
		if (ours)
			samples[0][n] = time_ours(bench);
		if (floors)
			samples[1][n] = time_floor(bench);
		samples[2][n] = samples[1][n] / (samples[0][n] + 0.001);
	}
	printf("ns=%.2f", median(samples[ours ? 0 : 1], n));
	if (ours && floors)
		printf(" floor=%.2f share=%.3f", median(samples[1], n), median(samples[2], n));
	printf(" rounds=%zu\n", n);
}

/* ---- Life ---------------------------------------------------------------------------------- */

/* A round is of whole batches. */
static void count_moves(struct bench *bench)
{
	uint64_t members = ROUND_BYTES / bench->size;

	bench->members = members < USER_DESCRIPTORS ? (uint32_t)members : USER_DESCRIPTORS;
	bench->count = (unsigned int)(ROUND_BYTES / (bench->size + 8192));
	bench->count = (bench->count / bench->members + 1) * bench->members;
}

static void describe(struct bench *bench)
{
	memcpy(bench->last, bench->user.moves, sizeof(bench->last));
	for (unsigned int i = 0; i < USER_DESCRIPTORS; i++) {
		user_ask(bench->last[i]);
		user_ignore(bench->user.moves[i]);
	}
}

static void set_up(struct bench *bench, const char *how)
{
	count_moves(bench);
	user_make_batch(&bench->user, bench->batch, bench->members);
	memcpy(bench->last_batch, bench->batch, sizeof(bench->batch));
	user_ask(bench->last_batch);
	describe(bench);
	bench->work = strcmp(how, "batch") == 0	   ? do_batches
		      : strcmp(how, "stream") == 0 ? do_stream
						   : do_single;
	bench->floor = user_floor_memory();
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct dsa_engine *engine = NULL;
	int cpu = argc == 7 ? (int)strtol(argv[6], NULL, 10) : -1;

	if (argc < 6 || argc > 7)
		errx(2, "usage: dsa_engine MILLISECONDS single|stream|batch SIZE local|remote "
			"ours|floor|both [CPU]");
	bench.size = (uint32_t)strtoul(argv[3], NULL, 10);
	if (!bench.size || bench.size > USER_MEMORY)
		errx(2, "no such size");
	if (strcmp(argv[4], "remote") == 0) {
		user_join_remote(&bench.user, cpu, bench.size);
	} else {
		engine = user_make_engine(cpu);
		user_join(&bench.user, engine, 1, 1, bench.size);
	}
	set_up(&bench, argv[2]);
	measure(&bench, (unsigned int)strtoul(argv[1], NULL, 10), strcmp(argv[5], "floor") != 0,
		strcmp(argv[5], "ours") != 0);
	user_leave(&bench.user);
	dsa_engine_destroy(engine);
	return 0;
}
