// SPDX-License-Identifier: BSD-2-Clause
/*
 * DMA by message: the device of bench_dma.c reads 64 KiB of memory that was mapped without a file,
 * on the one socket or on a twin socket. The client answers what it is asked for, as floor_pull's
 * other process does, until the device's interrupt says that a batch is over.
 */
#include "measure.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOVA	  (1ull << 32) /* see bench_dma.c */
#define SIZE	  65536ull
#define START	  0x0
#define LAST_WORD 0x8
#define WAYS	  3 /* readable and writable */
#define BATCH	  16
#define DEPTH	  16 /* requests that may be out at a time */

#define IRQ_DATA_EVENTFD   (1u << 2)
#define IRQ_ACTION_TRIGGER (1u << 5)

struct pull_request {
	struct header header;
	struct dma_access access;
};

struct pull_case {
	struct client *client;
	int requests;  /* the socket that they come on */
	int interrupt; /* the eventfd that vector 0 signals */
	_Alignas(4096) uint8_t memory[SIZE];
};

static void answer(const struct pull_case *c, const struct pull_request *request)
{
	struct pull_request head = *request;
	uint64_t at = head.access.address - IOVA;
	struct iovec iov[2] = {{&head, sizeof(head)}};
	const struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

	if (head.header.command != CMD_DMA_READ || at > SIZE || head.access.count > SIZE - at)
		client_fail("DMA_READ");
	head.header.flags = FLAG_REPLY;
	head.header.size = (uint32_t)(sizeof(head) + head.access.count);
	iov[1] = (struct iovec){(void *)&c->memory[at], head.access.count};
	if (sendmsg(c->requests, &message, MSG_NOSIGNAL) != (ssize_t)head.header.size)
		client_fail("send an answer");
}

/* Answers `bytes` bytes' worth of requests, however many there are of them. */
static void serve(const struct pull_case *c, uint64_t bytes)
{
	struct pull_request requests[DEPTH];
	size_t have = 0;

	while (bytes) {
		ssize_t got =
			recv(c->requests, (char *)requests + have, sizeof(requests) - have, 0);

		if (got <= 0)
			client_fail("receive requests");
		have += (size_t)got;
		for (size_t i = 0; i < have / sizeof(requests[0]); i++) {
			answer(c, &requests[i]);
			bytes -= requests[i].access.count;
		}
		memmove(requests, &requests[have / sizeof(requests[0])],
			have % sizeof(requests[0]));
		have %= sizeof(requests[0]);
	}
}

static void pull_batch(void *data, unsigned int count)
{
	const size_t size = sizeof(struct header) + sizeof(struct access) + 4;
	struct access_message request = {.access = {START, REGION_BAR0, 4}};
	struct pull_case *c = data;
	uint64_t interrupts;

	memcpy(request.data, &count, 4);
	client_header(c->client, &request.header, CMD_REGION_WRITE, size, FLAG_NO_REPLY);
	client_send(c->client, &request, size);
	serve(c, count * SIZE);
	if (read(c->interrupt, &interrupts, sizeof(interrupts)) != sizeof(interrupts))
		client_fail("eventfd");
}

static void prepare(struct pull_case *c)
{
	const struct irq_set set = {sizeof(set), IRQ_DATA_EVENTFD | IRQ_ACTION_TRIGGER, IRQ_MSIX, 0,
				    1};
	const struct dma_map map = {sizeof(map), WAYS, 0, IOVA, SIZE};

	for (uint64_t i = 0; i < SIZE; i++)
		c->memory[i] = (uint8_t)(i * 7 + 1);
	client_enable(c->client);
	c->interrupt = eventfd(0, EFD_CLOEXEC);
	if (c->interrupt < 0)
		client_fail("eventfd");
	client_call(c->client, CMD_SET_IRQS, &set, sizeof(set), c->interrupt, NULL, 0);
	client_call(c->client, CMD_DMA_MAP, &map, sizeof(map), NO_FD, NULL, 0);
}

/* What the device has read is what the memory's end holds. */
static void check(const struct pull_case *c)
{
	const struct access access = {LAST_WORD, REGION_BAR0, 8};
	struct {
		struct access access;
		uint8_t word[8];
	} reply;

	client_call(c->client, CMD_REGION_READ, &access, sizeof(access), NO_FD, &reply,
		    sizeof(reply));
	if (memcmp(reply.word, &c->memory[SIZE - sizeof(reply.word)], sizeof(reply.word)) != 0)
		client_fail("what the device has read");
}

static void run(struct client *client, unsigned int milliseconds, int requests)
{
	static struct pull_case c;

	c.client = client;
	c.requests = requests;
	prepare(&c);
	measure(milliseconds, pull_batch, &c, BATCH, BATCH);
	check(&c);
}

void case_pull(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	run(client, milliseconds, client->fd);
}

void case_pull_twin(struct client *client, unsigned int milliseconds)
{
	client_open_twin(client, client->path);
	run(client, milliseconds, client->file);
}
