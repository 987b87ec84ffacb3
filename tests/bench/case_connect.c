// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connect cycles: socket, connect, VERSION, close. A server that has not seen the end of the last
 * connection yet may refuse the next one; such a cycle is repeated and counted.
 */
#include "measure.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM 4096

struct connect_case {
	struct client *client;
	struct sockaddr_un address;
	uint8_t request[ROOM], reply[ROOM];
	size_t request_size, reply_size;
	unsigned long refused;
};

/* Exchanges VERSION on a new connection, receiving up to `size`; returns bytes received. */
static ssize_t exchange(struct connect_case *c, size_t size, int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t got = -1;

	if (connect(fd, (struct sockaddr *)&c->address, sizeof(c->address)))
		client_fail("connect");
	if (send(fd, c->request, c->request_size, MSG_NOSIGNAL) == (ssize_t)c->request_size)
		got = recv(fd, c->reply, size, flags);
	close(fd);
	return got;
}

static void connect_batch(void *data, unsigned int count)
{
	struct connect_case *c = data;

	while (count) {
		if (exchange(c, c->reply_size, MSG_WAITALL) == (ssize_t)c->reply_size)
			count--;
		else if (++c->refused > 100000)
			client_fail("too many connections refused");
	}
}

/* Waits for the server, and learns the size of its reply. */
static void prepare(struct connect_case *c, struct client *client)
{
	struct header header;
	ssize_t got = -1;

	client_open(client, client->path);
	close(client->fd);
	c->client = client;
	c->address.sun_family = AF_UNIX;
	strcpy(c->address.sun_path, client->path);
	c->request_size = client_version_request(client, c->request, sizeof(c->request));
	for (int i = 0; got <= 0 && i < 1000; i++)
		got = exchange(c, ROOM, 0);
	memcpy(&header, c->reply, sizeof(header));
	if (got < (ssize_t)sizeof(header))
		client_fail("VERSION");
	client_check(client, &header, (size_t)got);
	c->reply_size = (size_t)got;
}

void case_connect(struct client *client, unsigned int milliseconds)
{
	static struct connect_case c;

	prepare(&c, client);
	c.refused = 0;
	measure(milliseconds, connect_batch, &c, 10, 10);
	printf("refused=%lu\n", c.refused);
}

/* Only prints the sizes of the exchange, for the floor. */
void case_version(struct client *client, unsigned int milliseconds)
{
	static struct connect_case c;

	(void)milliseconds;
	prepare(&c, client);
	printf("request=%zu reply=%zu\n", c.request_size, c.reply_size);
}
