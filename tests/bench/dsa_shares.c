// SPDX-License-Identifier: BSD-2-Clause
/*
 * What busy queues get of the DSA engine's one worker.
 *
 * usage: dsa_shares MILLISECONDS equal|weights [CPU]
 *
 * equal: four queues of equal weight that send moves of 64 bytes, of 4 KiB, of 1 MiB, and batches
 * of 100 moves of 1 KiB. weights: three that send moves of 4 KiB, with weights of 1, 2 and 4. CPU:
 * where the engine works.
 *
 * Prints what part of the bytes each has moved, in windows in which all of them had work: so many
 * as make up the time, or as there are in ten times as long.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsa_user.h"

#define USERS_MAX    4u
#define WINDOW_NS    UINT64_C(4000000)
#define WINDOW_BYTES (UINT64_C(8) << 20) /* many turns of each */
#define PATIENCE     10u		 /* how many times as long it may take */

struct sharer {
	struct user user;
	uint8_t entries[USER_DESCRIPTORS][DSA_DESCRIPTOR_SIZE];
};

static void join(struct sharer *sharer, struct dsa_engine *engine, uint32_t owner, uint32_t weight,
		 uint32_t size)
{
	user_join(&sharer->user, engine, owner, weight, size);
	memcpy(sharer->entries, sharer->user.moves, sizeof(sharer->entries));
}

static void make_batches(struct sharer *sharer, uint32_t members)
{
	for (unsigned int i = 0; i < USER_DESCRIPTORS; i++)
		user_make_batch(&sharer->user, sharer->entries[i], members);
}

/* Fills the rings as far as there is room. False: one of them was less than half full. */
static bool fill(struct sharer *sharers, unsigned int count)
{
	bool busy = true;

	for (unsigned int i = 0; i < count; i++) {
		struct umd_queue *queue = sharers[i].user.queue;
		unsigned int room = umd_queue_room(queue);

		busy = busy && room < umd_queue_depth(queue) / 2;
		if (room)
			umd_queue_submit(queue, sharers[i].entries, USER_DESCRIPTORS);
	}
	return busy;
}

/* Until some time. False: one of the rings was not kept full, seen in the end at the latest. */
static bool keep_busy(struct sharer *sharers, unsigned int count, uint64_t till)
{
	bool busy = true;

	while (now_ns() < till)
		busy = fill(sharers, count) && busy;
	return fill(sharers, count) && busy;
}

static void read_bytes(struct dsa_engine *engine, uint64_t *ret, unsigned int count)
{
	struct dsa_usage usage[USERS_MAX];

	dsa_engine_get_usage(engine, usage, count);
	for (unsigned int i = 0; i < count; i++)
		ret[i] = usage[i].bytes;
}

/* Adds what each has moved in a while. False: that is too little, or not all were busy. */
static bool measure_window(struct dsa_engine *engine, struct sharer *sharers, unsigned int count,
			   uint64_t *bytes)
{
	uint64_t before[USERS_MAX], after[USERS_MAX], sum = 0;
	bool busy;

	keep_busy(sharers, count, now_ns() + WINDOW_NS / 4);
	read_bytes(engine, before, count);
	busy = keep_busy(sharers, count, now_ns() + WINDOW_NS);
	read_bytes(engine, after, count);
	for (unsigned int i = 0; i < count; i++)
		sum += after[i] - before[i];
	if (!busy || sum < WINDOW_BYTES)
		return false;
	for (unsigned int i = 0; i < count; i++)
		bytes[i] += after[i] - before[i];
	return true;
}

/* Whoever fills the rings, and who empties them, may lose the processor: that does not count. */
static void measure(struct dsa_engine *engine, struct sharer *sharers, unsigned int count,
		    unsigned int milliseconds)
{
	uint64_t end = now_ns() + milliseconds * UINT64_C(1000000) * PATIENCE;
	uint64_t left = milliseconds * UINT64_C(1000000) / WINDOW_NS, sum = 0;
	uint64_t bytes[USERS_MAX] = {0};

	do {
		left -= measure_window(engine, sharers, count, bytes) && left;
	} while (left && now_ns() < end);
	for (unsigned int i = 0; i < count; i++)
		sum += bytes[i];
	for (unsigned int i = 0; i < count; i++)
		printf("share%u=%.4f ", i, (double)bytes[i] / (double)(sum ? sum : 1));
	printf("bytes=%llu\n", (unsigned long long)sum);
}

static unsigned int join_equals(struct sharer *sharers, struct dsa_engine *engine)
{
	join(&sharers[0], engine, 1, 1, 64);
	join(&sharers[1], engine, 2, 1, 4096);
	join(&sharers[2], engine, 3, 1, 1u << 20);
	join(&sharers[3], engine, 4, 1, 1024);
	make_batches(&sharers[3], 100);
	return 4;
}

static unsigned int join_weighted(struct sharer *sharers, struct dsa_engine *engine)
{
	for (unsigned int i = 0; i < 3; i++)
		join(&sharers[i], engine, 1 + i, 1u << i, 4096);
	return 3;
}

int main(int argc, char **argv)
{
	static struct sharer sharers[USERS_MAX];
	struct dsa_engine *engine;
	unsigned int count;

	if (argc < 3 || argc > 4)
		errx(2, "usage: dsa_shares MILLISECONDS equal|weights [CPU]");
	engine = user_make_engine(argc == 4 ? (int)strtol(argv[3], NULL, 10) : -1);
	count = strcmp(argv[2], "equal") == 0 ? join_equals(sharers, engine)
					      : join_weighted(sharers, engine);
	measure(engine, sharers, count, (unsigned int)strtoul(argv[1], NULL, 10));
	for (unsigned int i = 0; i < count; i++)
		user_leave(&sharers[i].user);
	dsa_engine_destroy(engine);
	return 0;
}
