// SPDX-License-Identifier: BSD-2-Clause
/* 64 reads of 4 bytes in flight: sent with one call, their replies received with one call. */
#include "measure.h"

#include <string.h>

#define DEPTH	64
#define REQUEST (sizeof(struct header) + sizeof(struct access))
#define REPLY	(REQUEST + 4)
#define ROUNDS	10

static void flight(struct client *client)
{
	uint8_t requests[DEPTH * REQUEST], replies[DEPTH * REPLY];
	struct access access = {0, REGION_BAR0, 4};
	struct header header;

	for (unsigned int i = 0; i < DEPTH; i++) {
		client_header(client, &header, CMD_REGION_READ, REQUEST, 0);
		memcpy(requests + i * REQUEST, &header, sizeof(header));
		memcpy(requests + i * REQUEST + sizeof(header), &access, sizeof(access));
	}
	client_send(client, requests, sizeof(requests));
	client_receive(client, replies, sizeof(replies));
	client->id -= DEPTH;
	for (unsigned int i = 0; i < DEPTH; i++) {
		memcpy(&header, replies + i * REPLY, sizeof(header));
		client->id++;
		client_check(client, &header, REPLY);
	}
}

static void flight_batch(void *data, unsigned int count)
{
	while (count--)
		flight(data);
}

void case_flight(struct client *client, unsigned int milliseconds)
{
	client_open(client, client->path);
	client_enable(client);
	measure(milliseconds, flight_batch, client, ROUNDS, ROUNDS * DEPTH);
}
