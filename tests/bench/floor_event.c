// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of an interrupt, without messages: two processes wake each other through two eventfds.
 *
 * usage: floor_event MILLISECONDS [CPU]
 *
 * With CPU, the process that answers runs there.
 * Prints nanoseconds per round trip, which is two wake-ups: the median over batches of BATCH trips.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 25

static uint64_t samples[1 << 16];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void signal_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		exit(1);
}

static void await_event(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		exit(1);
}

static void move_to(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(1);
}

static _Noreturn void answer(int ping, int out, const char *cpu)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cpu)
		move_to(strtoul(cpu, NULL, 10));
	for (;; signal_event(out))
		await_event(ping);
}

static uint64_t batch(int out, int in)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++) {
		signal_event(out);
		await_event(in);
	}
	return now() - begin;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint64_t budget = argc >= 2 ? strtoull(argv[1], NULL, 10) * 1000000u : 0, end;
	int doorbell = eventfd(0, EFD_CLOEXEC), interrupt = eventfd(0, EFD_CLOEXEC);
	size_t count = 0;
	pid_t device;

	if (argc < 2 || argc > 3 || doorbell < 0 || interrupt < 0)
		return 2;
	device = fork();
	if (!device)
		answer(doorbell, interrupt, argv[2]);
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch(doorbell, interrupt);
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch(doorbell, interrupt);
	kill(device, SIGKILL);
	wait(NULL);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / BATCH, count);
	return 0;
}
