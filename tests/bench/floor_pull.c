// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of a DMA read by message: one process asks for a transfer's bytes with as many requests as
 * the protocol's limit on a message's data demands, all in one send; the other one answers each
 * with a header and the data, gathered from where they lie. These are vfio-user's messages by
 * number and size, the least that the bytes can move in; nothing is looked at, and what arrives
 * stays in the buffer that it was received into.
 *
 * usage: floor_pull MILLISECONDS MESSAGES DATA_BYTES
 *
 * Prints nanoseconds per transfer of MESSAGES times DATA_BYTES: the median over batches of BATCH
 * transfers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH	     16
#define MESSAGES_MAX 16
#define DATA_MAX     (1 << 20)
enum { REQUEST = 32, HEAD = 32 }; /* bytes, of a request and of an answer before its data */

static uint64_t samples[1 << 16];
static char requests[MESSAGES_MAX * REQUEST];
static char answers[MESSAGES_MAX * (HEAD + DATA_MAX)]; /* as they arrive */
static char memory[MESSAGES_MAX * DATA_MAX];	       /* that is read */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Answers the n-th request of a transfer. */
static int answer(int fd, size_t n, size_t size)
{
	char head[HEAD] = {0};
	struct iovec iov[2] = {{head, HEAD}, {memory + n * size, size}};
	const struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)(HEAD + size);
}

static void serve(int fd, size_t messages, size_t size)
{
	size_t answered = 0, have = 0;
	ssize_t got;

	while ((got = recv(fd, requests, sizeof(requests), 0)) > 0) {
		for (have += (size_t)got; have >= REQUEST; have -= REQUEST, answered++)
			if (!answer(fd, answered % messages, size))
				return;
	}
}

static uint64_t batch(int fd, size_t messages, size_t size)
{
	size_t whole = messages * (HEAD + size);
	uint64_t begin = now();
	ssize_t got;

	for (int i = 0; i < BATCH; i++) {
		if (send(fd, requests, messages * REQUEST, MSG_NOSIGNAL) < 0)
			exit(1);
		for (size_t have = 0; have < whole; have += (size_t)got) {
			got = recv(fd, answers + have, whole - have, 0);
			if (got <= 0)
				exit(1);
		}
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
	size_t messages = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	size_t size = argc == 4 ? strtoul(argv[3], NULL, 10) : 0, count = 0;
	int pair[2];

	if (!messages || messages > MESSAGES_MAX || !size || size > DATA_MAX)
		return 2;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	for (size_t i = 0; i < messages * size; i++) /* pages of its own */
		memory[i] = (char)i;
	if (!fork()) {
		close(pair[0]);
		serve(pair[1], messages, size);
		_exit(0);
	}
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch(pair[0], messages, size);
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch(pair[0], messages, size);
	shutdown(pair[0], SHUT_RDWR);
	wait(NULL);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / BATCH, count);
	return 0;
}
