// SPDX-License-Identifier: BSD-2-Clause
/*
 * Region reads, one at a time: a register of 4 bytes, the 256 of conventional config space, and 4
 * bytes of config space where it begins or where its last capability is.
 */
#include "measure.h"

#define EXTENDED_CAPS	  0x100u /* where their chain begins (PCI Express Base 5.0, section 7.6.3) */
#define EXTENDED_CAPS_MIN 10	 /* of a device that is worth a measurement */

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

static void run(struct client *client, unsigned int milliseconds, struct access access)
{
	struct read_case c = {.client = client, .request.access = access, .count = access.count};

	measure(milliseconds, read_batch, &c, 25, 25);
}

void case_read(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	client_enable(client);
	run(client, milliseconds, (struct access){0, REGION_BAR0, 4});
}

void case_config(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	run(client, milliseconds, (struct access){0, REGION_CONFIG, 256});
}

void case_config_first(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	run(client, milliseconds, (struct access){0, REGION_CONFIG, 4});
}

/* An extended capability's header has the offset of the next one in its upper 12 bits, or 0. */
static uint32_t next_of(struct client *client, uint32_t offset)
{
	const struct access access = {offset, REGION_CONFIG, 4};
	struct {
		struct access access;
		uint8_t header[4]; /* little-endian */
	} reply;

	client_call(client, CMD_REGION_READ, &access, sizeof(access), NO_FD, &reply,
		    sizeof(reply.access) + sizeof(reply.header));
	return (uint32_t)reply.header[3] << 4 | reply.header[2] >> 4;
}

void case_config_last(struct client *client, unsigned int milliseconds)
{
	uint32_t last, next = EXTENDED_CAPS;
	unsigned int caps = 0;

	client_open(client, client->path);
	do {
		last = next;
		next = next_of(client, last);
	} while (++caps < EXTENDED_CAPS && next);
	if (caps < EXTENDED_CAPS_MIN || next)
		client_fail("extended capabilities");
	run(client, milliseconds, (struct access){last, REGION_CONFIG, 4});
}
