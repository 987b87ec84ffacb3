// SPDX-License-Identifier: BSD-2-Clause
/*
 * Floor of a DMA map and its unmap: vfio-user's two messages and their replies by size, the first
 * with a file descriptor, which the server receives and closes. Nothing is mapped.
 *
 * usage: floor_dma MILLISECONDS
 *
 * Prints nanoseconds per pair: the median over batches of BATCH pairs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 12
enum { MAP = 48, MAP_REPLY = 16, UNMAP = 40, UNMAP_REPLY = 40 }; /* bytes */

static uint64_t samples[1 << 16];
static char buffer[64];
static _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
static struct iovec iov = {buffer, sizeof(buffer)};
static struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int serve(int fd)
{
	int file;

	message.msg_controllen = sizeof(control);
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) <= 0)
		return 0;
	if (!message.msg_controllen)
		return send(fd, buffer, UNMAP_REPLY, MSG_NOSIGNAL) > 0;
	memcpy(&file, CMSG_DATA((struct cmsghdr *)control), sizeof(file));
	close(file);
	return send(fd, buffer, MAP_REPLY, MSG_NOSIGNAL) > 0;
}

static uint64_t batch(int fd)
{
	uint64_t begin = now();

	for (int i = 0; i < BATCH; i++)
		if (sendmsg(fd, &message, MSG_NOSIGNAL) != MAP ||
		    recv(fd, buffer, MAP_REPLY, MSG_WAITALL) != MAP_REPLY ||
		    send(fd, buffer, UNMAP, MSG_NOSIGNAL) != UNMAP ||
		    recv(fd, buffer, UNMAP_REPLY, MSG_WAITALL) != UNMAP_REPLY)
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
	uint64_t budget = argc == 2 ? strtoull(argv[1], NULL, 10) * 1000000u : 0, end;
	int pair[2], file = memfd_create("floor", MFD_CLOEXEC);
	size_t count = 0;

	if (file < 0 || ftruncate(file, 256 << 20) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	if (!fork()) {
		close(pair[0]);
		while (serve(pair[1]))
			continue;
		_exit(0);
	}
	iov.iov_len = MAP;
	message.msg_controllen = sizeof(control);
	*(struct cmsghdr *)control =
		(struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA((struct cmsghdr *)control), &file, sizeof(file));
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
