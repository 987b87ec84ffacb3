// SPDX-License-Identifier: BSD-2-Clause
/* Users of the DSA engine's queues. */
#include "dsa_user.h"

#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BASE	    UINT64_C(0x100000000)
#define RECORD	    UINT64_C(0) /* where in the memory */
#define IGNORED	    UINT64_C(64)
#define LIST	    UINT64_C(4096)
#define SOURCE	    (UINT64_C(1) << 20)
#define DESTINATION (SOURCE + USER_MEMORY)
#define SIZE	    (DESTINATION + USER_MEMORY)
#define DEPTH	    4096u

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- Engines ------------------------------------------------------------------------------- */

static void go_to(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		err(1, "CPU %d", cpu);
}

/* Threads begin where the one is that makes them. */
struct dsa_engine *user_make_engine(int cpu)
{
	const struct dsa_engine_options options = {.workers = 1};
	struct dsa_engine *engine;
	struct umd_error error;
	cpu_set_t before;

	sched_getaffinity(0, sizeof(before), &before);
	go_to(cpu);
	if (dsa_engine_create(&options, &engine, &error))
		errx(1, "%s", error.text);
	sched_setaffinity(0, sizeof(before), &before);
	return engine;
}

/* The other process. Its thread that is asked sleeps while descriptors are done. */
static void serve(int fd, int cpu)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = 1};
	struct umd_parent *parent;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	go_to(cpu);
	parent = dsa_engine_parent(user_make_engine(cpu));
	if (umd_parent_accept(parent, fd, &owner))
		errx(1, "accept");
	while (!umd_parent_dispatch(parent, -1))
		continue;
	_exit(1);
}

static int start_engine(pid_t *ret_process, int cpu)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		err(1, "socketpair");
	*ret_process = fork();
	if (*ret_process < 0)
		err(1, "fork");
	if (!*ret_process) {
		close(fds[0]);
		serve(fds[1], cpu);
	}
	close(fds[1]);
	return fds[0];
}

/* ---- Memory -------------------------------------------------------------------------------- */

static uint8_t *make_memory(int *ret_fd)
{
	uint8_t *memory;

	*ret_fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*ret_fd < 0 || ftruncate(*ret_fd, (off_t)SIZE) < 0)
		err(1, "memory");
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	memset(memory, 0, SOURCE);
	memset(memory + SOURCE, 1, SIZE - SOURCE);
	return memory;
}

uint8_t *user_floor_memory(void)
{
	int fd;
	uint8_t *memory = make_memory(&fd);

	close(fd);
	return memory + SOURCE;
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static void put(uint8_t *to, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static void describe(uint8_t *raw, uint8_t opcode, uint64_t source, uint64_t destination,
		     uint32_t size)
{
	memset(raw, 0, DSA_DESCRIPTOR_SIZE);
	put(raw + 4, (uint32_t)opcode << 24, 4);
	put(raw + 16, source, 8);
	put(raw + 24, destination, 8);
	put(raw + 32, size, 4);
}

static void make_moves(struct user *user, uint32_t size)
{
	for (uint32_t i = 0; i < USER_DESCRIPTORS; i++) {
		uint64_t at = i % (USER_MEMORY / size) * size;

		describe(user->moves[i], DSA_MOVE, BASE + SOURCE + at, BASE + DESTINATION + at,
			 size);
	}
}

void user_make_batch(struct user *user, uint8_t *raw, uint32_t members)
{
	memcpy(user->memory + LIST, user->moves, (size_t)members * DSA_DESCRIPTOR_SIZE);
	describe(raw, DSA_BATCH, BASE + LIST, 0, members);
}

static void ask(uint8_t *raw, uint64_t record)
{
	raw[4] |= DSA_FLAG_CRAV | DSA_FLAG_RCR;
	put(raw + 8, BASE + record, 8);
}

void user_ask(uint8_t *raw)
{
	ask(raw, RECORD);
}

void user_ignore(uint8_t *raw)
{
	ask(raw, IGNORED);
}

void user_wait(struct user *user)
{
	uint8_t status;

	while (!(status = __atomic_load_n(user->memory + RECORD, __ATOMIC_ACQUIRE)))
		continue;
	if (status != DSA_OK)
		errx(1, "status %#x", status);
	user->memory[RECORD] = 0;
}

/* ---- Users --------------------------------------------------------------------------------- */

/* Opens the memory and the queue of a link. */
static void set_up(struct user *user, uint32_t weight, uint32_t size)
{
	const struct umd_queue_options options = {
		.size = sizeof(options), .depth = DEPTH, .weight = weight};
	struct umd_dma_change change = {
		.iova = BASE, .size = SIZE, .prot = UMD_DMA_READ | UMD_DMA_WRITE};
	int fd;

	user->memory = make_memory(&fd);
	change.fd = fd;
	if (umd_link_change(user->link, &change, 1, NULL, NULL) ||
	    umd_queue_open(user->link, &options, &user->queue))
		errx(1, "no queue");
	close(fd);
	make_moves(user, size);
}

void user_join(struct user *user, struct dsa_engine *engine, uint32_t owner, uint32_t weight,
	       uint32_t size)
{
	const struct umd_owner who = {.size = sizeof(who), .owner = owner, .max_weight = weight};

	*user = (struct user){0};
	if (umd_link_open(dsa_engine_parent(engine), &who, NULL, &user->link, NULL))
		errx(1, "no link");
	set_up(user, weight, size);
}

void user_join_remote(struct user *user, int cpu, uint32_t size)
{
	int fd;

	*user = (struct user){0};
	fd = start_engine(&user->parent, cpu);
	if (umd_link_connect_fd(fd, &user->link, NULL))
		errx(1, "no link");
	set_up(user, 1, size);
}

void user_leave(struct user *user)
{
	umd_queue_close(user->queue);
	umd_link_close(user->link);
	munmap(user->memory, SIZE);
	if (!user->parent)
		return;
	kill(user->parent, SIGKILL);
	waitpid(user->parent, NULL, 0);
}
