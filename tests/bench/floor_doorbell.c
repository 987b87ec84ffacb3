// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of an interrupt that a message causes: the client sends a message of a given size, which
 * has no reply; the server receives it and signals an eventfd, for which the client waits.
 *
 * usage: floor_doorbell MILLISECONDS MESSAGE_BYTES
 *
 * Prints nanoseconds per interrupt: the median over batches of BATCH interrupts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 25

static char buffer[4096];
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

static uint64_t batch(int fd, size_t size, int interrupt)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++) {
		if (send(fd, buffer, size, MSG_NOSIGNAL) != (ssize_t)size)
			exit(1);
		await_event(interrupt);
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
	uint64_t budget = argc == 3 ? strtoull(argv[1], NULL, 10) * 1000000u : 0, end;
	size_t size = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, count = 0;
	int pair[2], interrupt = eventfd(0, EFD_CLOEXEC);

	if (!size || size > sizeof(buffer))
		return 2;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	if (!fork()) {
		close(pair[0]);
		while (recv(pair[1], buffer, sizeof(buffer), 0) > 0)
			signal_event(interrupt);
		_exit(0);
	}
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch(pair[0], size, interrupt);
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch(pair[0], size, interrupt);
	shutdown(pair[0], SHUT_RDWR);
	wait(NULL);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / BATCH, count);
	return 0;
}
