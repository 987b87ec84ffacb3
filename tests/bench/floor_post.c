// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of posted messages, the sender's: one call for each message, into a socket that the peer
 * merely drains. A synchronous exchange after each batch waits until all have arrived.
 *
 * usage: floor_post MILLISECONDS MESSAGE REQUEST REPLY (bytes)
 * Prints nanoseconds per posted message: the median over batches.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000

static size_t message, request, reply; /* bytes */
static char buffer[65536];
static uint64_t samples[1 << 16];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void transmit(int fd, size_t size)
{
	if (send(fd, buffer, size, MSG_NOSIGNAL) != (ssize_t)size)
		exit(1);
}

static void drain(int fd)
{
	const size_t whole = message * BATCH + request;
	size_t have = 0;
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
		have += (size_t)got;
		if (have < whole)
			continue;
		have -= whole;
		transmit(fd, reply);
	}
}

static uint64_t batch(int fd)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++)
		transmit(fd, message);
	transmit(fd, request);
	if (recv(fd, buffer, reply, MSG_WAITALL) != (ssize_t)reply)
		exit(1);
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
	size_t count = 0;
	int pair[2];

	if (argc != 5)
		return 2;
	budget = strtoull(argv[1], NULL, 10) * 1000000u;
	message = strtoul(argv[2], NULL, 10);
	request = strtoul(argv[3], NULL, 10);
	reply = strtoul(argv[4], NULL, 10);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	if (!fork()) {
		close(pair[0]);
		drain(pair[1]);
		_exit(0);
	}
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch(pair[0]);
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch(pair[0]);
	shutdown(pair[0], SHUT_RDWR);
	wait(NULL);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / BATCH, count);
	return 0;
}
