// SPDX-License-Identifier: BSD-2-Clause
/* A connection of the measuring client: version, headers, exchanges, file descriptors. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COMMAND_REGISTER 4 /* PCI Local Bus 3.0, section 6.2.2 */
#define COMMAND_MEMORY	 2
#define COMMAND_MASTER	 4

#define CAPABILITIES                                         \
	"\"max_msg_fds\":16,\"max_data_xfer_size\":1048576," \
	"\"pgsizes\":4096,\"max_dma_maps\":65535,\"write_multiple\":true"

static const char version[] = "{\"capabilities\":{" CAPABILITIES "}}";
static const char twin_version[] = "{\"capabilities\":{" CAPABILITIES
				   ",\"twin_socket\":{\"supported\":true}}}";

void client_fail(const char *what)
{
	fprintf(stderr, "bench_client: %s: %s\n", what, errno ? strerror(errno) : "not expected");
	exit(1);
}

void client_header(struct client *client, struct header *header, enum command command, size_t size,
		   uint32_t flags)
{
	*header = (struct header){++client->id, (uint16_t)command, (uint32_t)size, flags, 0};
}

void client_send(struct client *client, const void *bytes, size_t size)
{
	if (send(client->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		client_fail("send");
}

void client_receive(struct client *client, void *ret_bytes, size_t size)
{
	if (recv(client->fd, ret_bytes, size, MSG_WAITALL) != (ssize_t)size)
		client_fail("receive");
}

void client_check(const struct client *client, const struct header *reply, size_t size)
{
	if (reply->id == client->id && reply->size == size && reply->flags == FLAG_REPLY)
		return;
	fprintf(stderr,
		"bench_client: reply to command %u: size %u, not %zu; flags %#x; error %u\n",
		reply->command, reply->size, size, reply->flags, reply->error);
	exit(1);
}

/* Sends a whole message, with `file` unless it is NO_FD. */
static void send_with_file(struct client *client, void *bytes, size_t size, int file)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {bytes, size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c = (struct cmsghdr *)control;

	if (file != NO_FD) {
		*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &file, sizeof(file));
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	if (sendmsg(client->fd, &message, MSG_NOSIGNAL) != (ssize_t)size)
		client_fail("sendmsg");
}

/* Receives a header and the file that comes with it, if any. */
static void receive_header(struct client *client, struct header *ret_header)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {ret_header, sizeof(*ret_header)};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	client->file = NO_FD;
	errno = 0;
	if (recvmsg(client->fd, &message, MSG_WAITALL) != sizeof(*ret_header))
		client_fail("receive a header");
	c = CMSG_FIRSTHDR(&message);
	if (c)
		memcpy(&client->file, CMSG_DATA(c), sizeof(client->file));
}

size_t client_call(struct client *client, enum command command, const void *payload, size_t size,
		   int file, void *ret_reply, size_t room)
{
	uint8_t request[512];
	struct header header;

	client_header(client, &header, command, sizeof(header) + size, 0);
	memcpy(request, &header, sizeof(header));
	if (size)
		memcpy(request + sizeof(header), payload, size);
	send_with_file(client, request, sizeof(header) + size, file);

	receive_header(client, &header);
	if (header.size < sizeof(header) || header.size - sizeof(header) > room)
		client_fail("size of a reply");
	client_check(client, &header, header.size);
	size = header.size - sizeof(header);
	if (size)
		client_receive(client, ret_reply, size);
	return size;
}

/* A VERSION request that offers what `json` says, which takes `json_size` bytes with its NUL. */
static size_t version_request(struct client *client, const char *json, size_t json_size,
			      void *ret_bytes, size_t room)
{
	const uint16_t number[2] = {0, 0}; /* major, minor */
	const size_t size = sizeof(struct header) + sizeof(number) + json_size;
	struct header header;
	uint8_t *bytes = ret_bytes;

	if (size > room)
		client_fail("room for VERSION");
	client_header(client, &header, CMD_VERSION, size, 0);
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), number, sizeof(number));
	memcpy(bytes + sizeof(header) + sizeof(number), json, json_size);
	return size;
}

size_t client_version_request(struct client *client, void *ret_bytes, size_t room)
{
	return version_request(client, version, sizeof(version), ret_bytes, room);
}

static int try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		client_fail("socket");
	strcpy(address.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static void wait_for_server(struct client *client, const char *path)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	*client = (struct client){.path = path, .fd = -1, .file = NO_FD};
	for (int i = 0; client->fd < 0 && i < 3000; i++) {
		client->fd = try_connect(path);
		if (client->fd < 0)
			nanosleep(&pause, NULL);
	}
	if (client->fd < 0)
		client_fail(path);
}

static void negotiate(struct client *client, const char *json, size_t json_size)
{
	struct header header;
	uint8_t bytes[4096];

	client_send(client, bytes, version_request(client, json, json_size, bytes, sizeof(bytes)));
	receive_header(client, &header);
	if (header.size < sizeof(header) || header.size > sizeof(bytes))
		client_fail("size of VERSION's reply");
	client_check(client, &header, header.size);
	client_receive(client, bytes, header.size - sizeof(header));
}

void client_open(struct client *client, const char *path)
{
	wait_for_server(client, path);
	negotiate(client, version, sizeof(version));
}

void client_open_twin(struct client *client, const char *path)
{
	wait_for_server(client, path);
	negotiate(client, twin_version, sizeof(twin_version));
	if (client->file == NO_FD)
		client_fail("no twin socket");
}

void client_enable(struct client *client)
{
	const struct {
		struct access access;
		uint8_t value[2];
	} write = {{COMMAND_REGISTER, REGION_CONFIG, 2}, {COMMAND_MEMORY | COMMAND_MASTER, 0}};
	struct access reply;

	client_call(client, CMD_REGION_WRITE, &write, sizeof(write.access) + 2, NO_FD, &reply,
		    sizeof(reply));
}
