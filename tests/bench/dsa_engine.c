// SPDX-License-Identifier: BSD-2-Clause
/*
 * The DSA engine through queues of its parent, beside memcpy() in the same process.
 *
 * usage: dsa_engine MILLISECONDS descriptors|move SIZE single|batch local|remote
 *        dsa_engine MILLISECONDS shares equal|weights
 *
 * `descriptors` moves SIZE bytes over and over, and prints nanoseconds per descriptor. `move` takes
 * turns with memcpy() over memory of as many bytes, of its own, and prints nanoseconds for either,
 * and the median of memcpy()'s time by the engine's. In batches only a batch has a record, singly
 * each descriptor does. `remote` is an engine of another process. `shares` keeps several queues
 * busy, served by one worker, and prints what part of the bytes each has moved: four of equal
 * weight that send 64 bytes, 4 KiB, 1 MiB, and batches; three that send 4 KiB with weights of 1, 2
 * and 4.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <umdev/parent.h>

#include "dsa/engine.h"

#define BASE	     UINT64_C(0x100000000)
#define SIZE	     (UINT64_C(16) << 20)
#define RECORDS	     UINT64_C(0) /* where in the memory */
#define LISTS	     (UINT64_C(1) << 20)
#define SOURCE	     (UINT64_C(4) << 20)
#define DESTINATION  (UINT64_C(8) << 20)
#define ROUNDS	     65536u
#define MEMBERS	     256u /* of a batch, at most */
#define USERS_MAX    4u
#define WINDOW_NS    UINT64_C(10000000)
#define ENTRIES	     256u
#define WINDOW_BYTES (UINT64_C(16) << 20) /* many turns of each */

struct user {
	struct umd_link *link;
	struct umd_queue *queue;
	uint8_t *memory;
	uint32_t size;	  /* bytes of a descriptor */
	uint32_t members; /* of a batch; 0: singly */
};

static double ratios[ROUNDS], ours[ROUNDS], theirs[ROUNDS];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- Users --------------------------------------------------------------------------------- */

static struct dsa_engine *make_engine(void)
{
	const struct dsa_engine_options options = {.workers = 1};
	struct dsa_engine *engine;
	struct umd_error error;

	if (dsa_engine_create(&options, &engine, &error))
		errx(1, "%s", error.text);
	return engine;
}

static uint8_t *make_memory(int *ret_fd)
{
	uint8_t *memory;

	*ret_fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*ret_fd < 0 || ftruncate(*ret_fd, (off_t)SIZE) < 0)
		err(1, "memory");
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	memset(memory, 1, SIZE);
	memset(memory + RECORDS, 0, 65536);
	return memory;
}

static const struct umd_owner first_owner = {
	.size = sizeof(first_owner), .owner = 1, .max_weight = 16};

/* Opens the memory and the queue of a link. */
static void set_up(struct user *user, uint32_t weight)
{
	const struct umd_queue_options options = {
		.size = sizeof(options), .depth = 4096, .weight = weight};
	struct umd_dma_change change = {
		.iova = BASE, .size = SIZE, .prot = UMD_DMA_READ | UMD_DMA_WRITE};
	int fd;

	user->memory = make_memory(&fd);
	change.fd = fd;
	if (umd_link_change(user->link, &change, 1, NULL, NULL) ||
	    umd_queue_open(user->link, &options, &user->queue))
		errx(1, "no queue");
	close(fd);
}

static void join(struct user *user, struct dsa_engine *engine, uint32_t number, uint32_t weight,
		 uint32_t size, uint32_t members)
{
	struct umd_owner owner = first_owner;

	owner.owner = number;
	*user = (struct user){.size = size, .members = members};
	if (umd_link_open(dsa_engine_parent(engine), &owner, NULL, &user->link, NULL))
		errx(1, "no link");
	set_up(user, weight);
}

/* The other process. */
static void serve(int fd)
{
	struct umd_parent *parent = dsa_engine_parent(make_engine());

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (umd_parent_accept(parent, fd, &first_owner))
		errx(1, "accept");
	while (!umd_parent_dispatch(parent, -1))
		continue;
	_exit(1);
}

static pid_t join_remote(struct user *user, uint32_t size)
{
	int fds[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		err(1, "socketpair");
	child = fork();
	if (!child) {
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	*user = (struct user){.size = size};
	if (child < 0 || umd_link_connect_fd(fds[0], &user->link, NULL))
		errx(1, "no link");
	set_up(user, 1);
	return child;
}

static void leave(struct user *user)
{
	umd_queue_close(user->queue);
	umd_link_close(user->link);
	munmap(user->memory, SIZE);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static void put(uint8_t *to, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static void describe(uint8_t *raw, uint8_t opcode, uint32_t flags, uint64_t source,
		     uint64_t destination, uint32_t size)
{
	memset(raw, 0, DSA_DESCRIPTOR_SIZE);
	put(raw + 4, flags | (uint32_t)opcode << 24, 4);
	put(raw + 8, flags & DSA_FLAG_CRAV ? BASE + RECORDS : 0, 8);
	put(raw + 16, source, 8);
	put(raw + 24, destination, 8);
	put(raw + 32, size, 4);
}

static void describe_move(const struct user *user, uint8_t *raw, uint32_t flags)
{
	describe(raw, DSA_MOVE, flags, BASE + SOURCE, BASE + DESTINATION, user->size);
}

static void describe_batch(const struct user *user, uint8_t *raw, uint32_t flags)
{
	for (uint32_t i = 0; i < user->members; i++)
		describe_move(user, user->memory + LISTS + i * DSA_DESCRIPTOR_SIZE, 0);
	describe(raw, DSA_BATCH, flags, BASE + LISTS, 0, user->members);
}

static void submit(struct user *user, const uint8_t *raw)
{
	while (umd_queue_submit(user->queue, raw, 1) != 1)
		continue;
}

static void wait_for(const struct user *user)
{
	uint8_t status;

	while (!(status = __atomic_load_n(user->memory + RECORDS, __ATOMIC_ACQUIRE)))
		continue;
	if (status != DSA_OK)
		errx(1, "status %#x", status);
	user->memory[RECORDS] = 0;
}

/*
 * Has so many descriptors done. Singly, all have a record, and that of the last is its own. One of
 * batches waits while the one before it is done.
 */
static void do_single(struct user *user, unsigned int count)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE], last[DSA_DESCRIPTOR_SIZE];

	describe_move(user, last, DSA_FLAG_CRAV | DSA_FLAG_RCR);
	memcpy(raw, last, sizeof(raw));
	put(raw + 8, BASE + RECORDS + 64, 8);
	for (unsigned int i = 1; i < count; i++)
		submit(user, raw);
	submit(user, last);
	wait_for(user);
}

static void do_batches(struct user *user, unsigned int count)
{
	uint8_t raw[DSA_DESCRIPTOR_SIZE];

	user->members = count < MEMBERS ? count : MEMBERS;
	describe_batch(user, raw, 0);
	for (unsigned int left = count / user->members; left > 1; left--)
		submit(user, raw);
	describe_batch(user, raw, DSA_FLAG_CRAV | DSA_FLAG_RCR);
	submit(user, raw);
	wait_for(user);
}

/* ---- Speed --------------------------------------------------------------------------------- */

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

typedef void do_fn(struct user *user, unsigned int count);

static double time_of(do_fn *work, struct user *user, unsigned int count)
{
	uint64_t begin = now();

	work(user, count);
	return (double)(now() - begin) / count;
}

static uint8_t *floor_memory;

static void copy(struct user *user, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		memcpy(floor_memory + SIZE / 2, floor_memory, user->size);
		__asm__ volatile("" ::: "memory");
	}
}

/* As many as take about a millisecond or two, so that waiting for the last counts little. */
static unsigned int count_for(uint32_t size)
{
	unsigned int count = (64u << 20) / (size + 4096);

	return count < MEMBERS ? MEMBERS : count / MEMBERS * MEMBERS;
}

static void measure(struct user *user, unsigned int milliseconds, bool compared, do_fn *work)
{
	unsigned int count = count_for(user->size);
	uint64_t end = now() + milliseconds * UINT64_C(1000000);
	size_t n = 0;
	int fd;

	floor_memory = make_memory(&fd);
	work(user, count);
	for (; !n || (now() < end && n < ROUNDS); n++) {
		do_single(user, 1); /* it is awake */
		ours[n] = time_of(work, user, count);
		theirs[n] = compared ? time_of(copy, user, count) : 1;
		ratios[n] = theirs[n] / ours[n];
	}
	printf("ns=%.2f", median(ours, n));
	if (compared)
		printf(" floor=%.2f ratio=%.3f", median(theirs, n), median(ratios, n));
	printf(" batches=%zu\n", n);
}

static void measure_local(unsigned int milliseconds, bool compared, uint32_t size, do_fn *work)
{
	struct dsa_engine *engine = make_engine();
	struct user user;

	join(&user, engine, 1, 1, size, 0);
	measure(&user, milliseconds, compared, work);
	leave(&user);
	dsa_engine_destroy(engine);
}

static void measure_remote(unsigned int milliseconds, bool compared, uint32_t size, do_fn *work)
{
	struct user user;
	pid_t child = join_remote(&user, size);

	measure(&user, milliseconds, compared, work);
	leave(&user);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* ---- Shares -------------------------------------------------------------------------------- */

static uint8_t entries[USERS_MAX][ENTRIES][DSA_DESCRIPTOR_SIZE];

static void describe_all(struct user *users, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		for (unsigned int k = 0; k < ENTRIES; k++) {
			if (users[i].members)
				describe_batch(&users[i], entries[i][k], 0);
			else
				describe_move(&users[i], entries[i][k], 0);
		}
	}
}

/* Fills the rings as far as there is room. False: one of them was less than half full. */
static bool fill(struct user *users, unsigned int count)
{
	bool busy = true;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int room = umd_queue_room(users[i].queue);

		busy = busy && room < umd_queue_depth(users[i].queue) / 2;
		if (room)
			umd_queue_submit(users[i].queue, entries[i], ENTRIES);
	}
	return busy;
}

/* Until some time. False: one of the rings was not kept full, seen in the end at the latest. */
static bool keep_busy(struct user *users, unsigned int count, uint64_t till)
{
	bool busy = true;

	while (now() < till)
		busy = fill(users, count) && busy;
	return fill(users, count) && busy;
}

static void read_bytes(struct dsa_engine *engine, uint64_t *ret, unsigned int count)
{
	struct dsa_usage usage[USERS_MAX];

	dsa_engine_get_usage(engine, usage, count);
	for (unsigned int i = 0; i < count; i++)
		ret[i] = usage[i].bytes;
}

/* Adds what each has moved in a while. False: too little for a share, or not all were busy. */
static bool measure_window(struct dsa_engine *engine, struct user *users, unsigned int count,
			   uint64_t *bytes)
{
	uint64_t before[USERS_MAX], after[USERS_MAX], sum = 0;
	bool busy;

	keep_busy(users, count, now() + WINDOW_NS / 4);
	read_bytes(engine, before, count);
	busy = keep_busy(users, count, now() + WINDOW_NS);
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
static void measure_shares(struct dsa_engine *engine, struct user *users, unsigned int count,
			   unsigned int milliseconds)
{
	uint64_t end = now() + milliseconds * UINT64_C(1000000), bytes[USERS_MAX] = {0}, sum = 0;
	unsigned int windows = 0;

	describe_all(users, count);
	while (now() < end)
		windows += measure_window(engine, users, count, bytes);
	for (unsigned int i = 0; i < count; i++)
		sum += bytes[i];
	for (unsigned int i = 0; i < count; i++)
		printf("share%u=%.4f ", i, (double)bytes[i] / (double)(sum ? sum : 1));
	printf("bytes=%llu windows=%u\n", (unsigned long long)sum, windows);
}

static void shares(unsigned int milliseconds, bool equal)
{
	struct dsa_engine *engine = make_engine();
	struct user users[USERS_MAX];
	unsigned int count = equal ? 4 : 3;

	if (equal) {
		join(&users[0], engine, 1, 1, 64, 0);
		join(&users[1], engine, 2, 1, 4096, 0);
		join(&users[2], engine, 3, 1, 1u << 20, 0);
		join(&users[3], engine, 4, 1, 1024, 100);
	}
	for (unsigned int i = 0; !equal && i < count; i++)
		join(&users[i], engine, 1 + i, 1u << i, 4096, 0);
	measure_shares(engine, users, count, milliseconds);
	for (unsigned int i = 0; i < count; i++)
		leave(&users[i]);
	dsa_engine_destroy(engine);
}

int main(int argc, char **argv)
{
	unsigned int milliseconds = argc > 3 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	uint32_t size = argc == 6 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;

	if (milliseconds && argc == 4 && strcmp(argv[2], "shares") == 0) {
		shares(milliseconds, strcmp(argv[3], "equal") == 0);
	} else if (milliseconds && size && size <= SIZE / 4) {
		(strcmp(argv[5], "remote") == 0 ? measure_remote : measure_local)(
			milliseconds, strcmp(argv[2], "move") == 0, size,
			strcmp(argv[4], "batch") == 0 ? do_batches : do_single);
	} else {
		errx(2, "usage: dsa_engine MILLISECONDS descriptors|move SIZE single|batch "
			"local|remote, or shares equal|weights");
	}
	return 0;
}
