// SPDX-License-Identifier: BSD-2-Clause
/*
 * DMA maps of 4 KiB slices of one sparse file of 256 MiB: pairs of a map and its unmap, with the
 * file otherwise unmapped, with one slice that stays, or with 65,000, or with a posted write
 * between the two; and 65,535 maps at once, kept until the caller has looked at the server. The
 * slices lie in file order at IOVAs that jump about, as a guest's IOMMU driver hands them out.
 */
#include "measure.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLICE  4096ull
#define SLICES 65536ull
#define DEEP   65000ull	    /* slices that stay, of case_dma_deep() */
#define BASE   (1ull << 32) /* IOVA of the first slice */
#define HELD   (1ull << 40) /* IOVA of the slice that stays */
#define WAYS   3	    /* readable and writable */

struct map_request {
	struct header header;
	struct dma_map map;
};

struct unmap_request {
	struct header header;
	struct dma_unmap unmap;
};

struct dma_case {
	struct client *client;
	struct map_request request;
	struct iovec iov;
	struct msghdr message; /* the request with its file */
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	uint64_t slice, first; /* the last one mapped; those before `first` stay */
};

static void prepare(struct dma_case *c, struct client *client)
{
	int file = memfd_create("slices", MFD_CLOEXEC);

	if (file < 0 || ftruncate(file, (off_t)(SLICE * SLICES)))
		client_fail("memfd");
	*c = (struct dma_case){.client = client};
	c->iov = (struct iovec){&c->request, sizeof(c->request)};
	c->message.msg_iov = &c->iov;
	c->message.msg_iovlen = 1;
	c->message.msg_control = c->control;
	c->message.msg_controllen = sizeof(c->control);
	*CMSG_FIRSTHDR(&c->message) =
		(struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&c->message)), &file, sizeof(file));
}

static void map(struct dma_case *c, uint64_t slice, uint64_t iova)
{
	struct header reply;

	client_header(c->client, &c->request.header, CMD_DMA_MAP, sizeof(c->request), 0);
	c->request.map = (struct dma_map){sizeof(c->request.map), WAYS, slice * SLICE, iova, SLICE};
	if (sendmsg(c->client->fd, &c->message, MSG_NOSIGNAL) != sizeof(c->request))
		client_fail("send DMA_MAP");
	client_receive(c->client, &reply, sizeof(reply));
	client_check(c->client, &reply, sizeof(reply));
}

static void unmap(struct dma_case *c, uint64_t iova)
{
	struct unmap_request request, reply;

	client_header(c->client, &request.header, CMD_DMA_UNMAP, sizeof(request), 0);
	request.unmap = (struct dma_unmap){sizeof(request.unmap), 0, iova, SLICE};
	client_send(c->client, &request, sizeof(request));
	client_receive(c->client, &reply, sizeof(reply));
	client_check(c->client, &reply.header, sizeof(reply));
}

/* An odd factor leaves none of the places out. */
static uint64_t iova_of(uint64_t slice)
{
	return BASE + slice * 40503 % SLICES * SLICE;
}

static void pair_batch(void *data, unsigned int count)
{
	struct dma_case *c = data;

	while (count--) {
		c->slice = c->slice + 1 < SLICES ? c->slice + 1 : c->first;
		map(c, c->slice, iova_of(c->slice));
		unmap(c, iova_of(c->slice));
	}
}

void case_dma(struct client *client, unsigned int milliseconds)
{
	struct dma_case c;

	client_open(client, client->path);
	prepare(&c, client);
	measure(milliseconds, pair_batch, &c, 12, 12);
}

/* As a driver does that has the device use what it has mapped. */
static void used_batch(void *data, unsigned int count)
{
	struct access_message doorbell = {.access = {0, REGION_BAR0, 8}};
	struct dma_case *c = data;

	while (count--) {
		c->slice = c->slice + 1 < SLICES ? c->slice + 1 : c->first;
		map(c, c->slice, iova_of(c->slice));
		client_header(c->client, &doorbell.header, CMD_REGION_WRITE, sizeof(doorbell),
			      FLAG_NO_REPLY);
		client_send(c->client, &doorbell, sizeof(doorbell));
		unmap(c, iova_of(c->slice));
	}
}

void case_dma_used(struct client *client, unsigned int milliseconds)
{
	struct dma_case c;

	client_open(client, client->path);
	prepare(&c, client);
	measure(milliseconds, used_batch, &c, 12, 12);
}

void case_dma_held(struct client *client, unsigned int milliseconds)
{
	struct dma_case c;

	client_open(client, client->path);
	prepare(&c, client);
	map(&c, 0, HELD);
	measure(milliseconds, pair_batch, &c, 12, 12);
}

void case_dma_deep(struct client *client, unsigned int milliseconds)
{
	struct dma_case c;

	client_open(client, client->path);
	prepare(&c, client);
	for (; c.first < DEEP; c.first++)
		map(&c, c.first, iova_of(c.first));
	c.slice = c.first;
	measure(milliseconds, pair_batch, &c, 12, 12);
}

void case_maps(struct client *client, unsigned int milliseconds)
{
	struct timespec begin, end;
	struct dma_case c;
	double elapsed;

	(void)milliseconds;
	client_open(client, client->path);
	prepare(&c, client);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint64_t i = 0; i < SLICES - 1; i++)
		map(&c, i, iova_of(i));
	clock_gettime(CLOCK_MONOTONIC, &end);
	elapsed = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	printf("maps=%llu ns=%.1f\n", SLICES - 1, elapsed / (double)(SLICES - 1));
	fflush(stdout);
	getchar();
}
