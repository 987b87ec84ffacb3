// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of a synchronous exchange: a client and a server process, a stream socket between them, and
 * nothing else. The server receives a request of a given size and sends a reply of another; with
 * `fds` it receives as a protocol must that lets a client attach file descriptors.
 *
 * usage: floor_echo MILLISECONDS REQUEST_BYTES REPLY_BYTES [fds]
 * Prints nanoseconds per exchange: the median over batches of BATCH exchanges.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH	25
#define LARGEST 65536

static char buffer[LARGEST];
static uint64_t samples[1 << 16];
static int with_fds; /* in the server */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static ssize_t receive_some(int fd, size_t at, size_t size)
{
	static _Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))];
	struct iovec iov = {buffer + at, size};
	struct msghdr message = {NULL, 0, &iov, 1, control, sizeof(control), 0};

	return with_fds ? recvmsg(fd, &message, MSG_CMSG_CLOEXEC) : recv(fd, buffer + at, size, 0);
}

/* Returns whether the peer is still there. */
static int receive(int fd, size_t size)
{
	ssize_t got = 1;

	for (size_t have = 0; have < size && got > 0; have += (size_t)got)
		got = receive_some(fd, have, size - have);
	return got > 0;
}

static uint64_t batch(int fd, size_t request, size_t reply)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++)
		if (send(fd, buffer, request, MSG_NOSIGNAL) < 0 || !receive(fd, reply))
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
	uint64_t budget = argc >= 4 ? strtoull(argv[1], NULL, 10) * 1000000u : 0, end;
	size_t request = argc >= 4 ? strtoul(argv[2], NULL, 10) : 0;
	size_t reply = argc >= 4 ? strtoul(argv[3], NULL, 10) : 0, count = 0;
	int pair[2];

	if (!request || request > LARGEST || !reply || reply > LARGEST)
		return 2;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	if (!fork()) {
		close(pair[0]);
		with_fds = argc > 4;
		while (receive(pair[1], request) && send(pair[1], buffer, reply, MSG_NOSIGNAL) > 0)
			continue;
		_exit(0);
	}
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch(pair[0], request, reply);
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch(pair[0], request, reply);
	shutdown(pair[0], SHUT_RDWR);
	wait(NULL);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / BATCH, count);
	return 0;
}
