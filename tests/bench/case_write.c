// SPDX-License-Identifier: BSD-2-Clause
/*
 * Register writes of 8 bytes: posted, a message each, with a read after each batch that waits until
 * all have taken effect; and 200 in one REGION_WRITE_MULTI, as QEMU sends them.
 */
#include "measure.h"

#define POSTED 1000
#define MULTI  200

struct multi_write {
	uint64_t offset;
	uint32_t region, count;
	uint64_t data;
};

struct multi_request {
	struct header header;
	uint64_t count;
	struct multi_write writes[MULTI];
};

struct multi_reply {
	struct header header;
	uint64_t count;
};

static void read_register(struct client *client)
{
	const size_t size = sizeof(struct header) + sizeof(struct access);
	struct access_message request = {.access = {0, REGION_BAR0, 4}}, reply;

	client_header(client, &request.header, CMD_REGION_READ, size, 0);
	client_send(client, &request, size);
	client_receive(client, &reply, size + 4);
	client_check(client, &reply.header, size + 4);
}

static void post_batch(void *data, unsigned int count)
{
	struct access_message request = {.access = {0, REGION_BAR0, 8}};
	struct client *client = data;

	while (count--) {
		client_header(client, &request.header, CMD_REGION_WRITE, sizeof(request),
			      FLAG_NO_REPLY);
		client_send(client, &request, sizeof(request));
	}
	read_register(client);
}

static void multi_batch(void *data, unsigned int count)
{
	static struct multi_request request = {.count = MULTI};
	struct client *client = data;
	struct multi_reply reply;

	for (uint64_t i = 0; i < MULTI; i++)
		request.writes[i] = (struct multi_write){i * 8, REGION_BAR0, 8, i};
	while (count--) {
		client_header(client, &request.header, CMD_WRITE_MULTI, sizeof(request), 0);
		client_send(client, &request, sizeof(request));
		client_receive(client, &reply, sizeof(reply));
		client_check(client, &reply.header, sizeof(reply));
		if (reply.count != MULTI)
			client_fail("WRITE_MULTI");
	}
}

void case_post(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	client_enable(client);
	measure(milliseconds, post_batch, client, POSTED, POSTED);
}

void case_multi(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	client_enable(client);
	measure(milliseconds, multi_batch, client, 25, 25);
}
