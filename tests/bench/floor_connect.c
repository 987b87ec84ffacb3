// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of a connect cycle: the client makes a socket, connects, exchanges one message and closes;
 * the server accepts, receives, replies, sees the end and closes.
 * usage: floor_connect MILLISECONDS REQUEST_BYTES REPLY_BYTES SOCKET_PATH
 * Prints nanoseconds per cycle: the median over batches of BATCH cycles.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 10

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static size_t request, reply; /* bytes */
static char buffer[65536];
static uint64_t samples[1 << 16];

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void serve(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	while (recv(fd, buffer, sizeof(buffer), 0) > 0)
		send(fd, buffer, reply, MSG_NOSIGNAL);
	close(fd);
}

static void cycle(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, buffer, request, MSG_NOSIGNAL) != (ssize_t)request ||
	    recv(fd, buffer, reply, MSG_WAITALL) != (ssize_t)reply || close(fd))
		exit(1);
}

static uint64_t batch(void)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++)
		cycle();
	return now() - begin;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint64_t budget = argc == 5 ? strtoull(argv[1], NULL, 10) * 1000000u : 0, end;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t count = 0;
	pid_t server;

	if (argc != 5)
		return 2;
	request = strtoul(argv[2], NULL, 10);
	reply = strtoul(argv[3], NULL, 10);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[4]);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 16))
		return 1;
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			serve(listener);
	}
	for (end = now() + budget / 4; now() < end;) /* warm-up */
		batch();
	for (end = now() + budget; !count || (now() < end && count < 1 << 16); count++)
		samples[count] = batch();
	kill(server, SIGKILL);
	wait(NULL);
	unlink(address.sun_path);
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("ns=%.1f batches=%zu\n", (double)samples[count / 2] / BATCH, count);
	return 0;
}
