// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of requests in flight: the client sends DEPTH requests with one call and receives all
 * replies with another; the server receives as many as came with one call and sends as many replies
 * with another.
 *
 * usage: floor_batch MILLISECONDS REQUEST_BYTES REPLY_BYTES
 *
 * Prints nanoseconds per request: the median over batches of BATCH rounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH	64
#define BATCH	10
#define LARGEST (DEPTH * 512)

static char buffer[LARGEST];
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

static void serve(int fd, size_t request, size_t reply)
{
	size_t have = 0;
	ssize_t got;

	while ((got = recv(fd, buffer, request * DEPTH, 0)) > 0) {
		have += (size_t)got;
		if (have >= request)
			transmit(fd, have / request * reply);
		have %= request;
	}
}

static uint64_t batch(int fd, size_t request, size_t reply)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++) {
		transmit(fd, request * DEPTH);
		if (recv(fd, buffer, reply * DEPTH, MSG_WAITALL) != (ssize_t)(reply * DEPTH))
			exit(1);
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
	uint64_t budget = argc == 4 ? strtoull(argv[1], NULL, 10) * 1000000u : 0, end;
	size_t request = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	size_t reply = argc == 4 ? strtoul(argv[3], NULL, 10) : 0, count = 0;
	int pair[2];

	if (!request || request > 512 || !reply || reply > 512)
		return 2;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	if (!fork()) {
		close(pair[0]);
		serve(pair[1], request, reply);
		_exit(0);
	}
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch(pair[0], request, reply);
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch(pair[0], request, reply);
	shutdown(pair[0], SHUT_RDWR);
	wait(NULL);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / (BATCH * DEPTH), count);
	return 0;
}
