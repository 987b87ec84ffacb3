// SPDX-License-Identifier: BSD-2-Clause
/* Region reads, one at a time: a register of 4 bytes, and the whole config space of 256. */
#include "measure.h"

struct read_case {
	struct client *client;
	struct access_message request;
	uint32_t count; /* bytes read */
};

static void read_batch(void *data, unsigned int count)
{
	const size_t request = sizeof(struct header) + sizeof(struct access);
	struct read_case *c = data;
	struct {
		struct access_message message;
		uint8_t rest[256];
	} reply;

	while (count--) {
		client_header(c->client, &c->request.header, CMD_REGION_READ, request, 0);
		client_send(c->client, &c->request, request);
		client_receive(c->client, &reply, request + c->count);
		client_check(c->client, &reply.message.header, request + c->count);
	}
}

static void run(struct client *client, unsigned int milliseconds, uint32_t region, uint32_t count)
{
	struct read_case c = {.client = client, .count = count};

	c.request.access = (struct access){0, region, count};
	measure(milliseconds, read_batch, &c, 25, 25);
}

void case_read(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	client_enable(client);
	run(client, milliseconds, REGION_BAR0, 4);
}

void case_config(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	run(client, milliseconds, REGION_CONFIG, 256);
}
