/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The measuring client: a raw vfio-user client with an encoding of its own, so that it shares
 * nothing with the library it measures. What goes wrong ends the program with a sentence.
 */
#ifndef UMDEV_BENCH_CLIENT_H
#define UMDEV_BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* The protocol's structures: host-endian, no padding. */
struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

struct access {
	uint64_t offset;
	uint32_t region, count;
};

struct dma_map {
	uint32_t argsz, flags;
	uint64_t offset, address, size;
};

struct dma_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
};

/* Of a DMA_READ, and before the data of its reply. */
struct dma_access {
	uint64_t address, count;
};

struct irq_set {
	uint32_t argsz, flags, index, start, count;
};

struct io_fds {
	uint32_t argsz, flags, index, count;
};

struct io_fd {
	uint64_t offset, size;
	uint32_t fd_index, type, flags, padding;
	uint64_t datamatch;
};

/* A region access as one message: up to 8 bytes written, or none to read. */
struct access_message {
	struct header header;
	struct access access;
	uint8_t data[8];
};

enum command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_REGION_IO_FDS = 6,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_DMA_READ = 11,
	CMD_WRITE_MULTI = 15,
	CMD_DEVICE_FEATURE = 16,
};

enum {
	FLAG_REPLY = 1,
	FLAG_NO_REPLY = 1 << 4,
	FLAG_ERROR = 1 << 5,

	REGION_BAR0 = 0,
	REGION_CONFIG = 7,
	IRQ_MSIX = 2,
	NO_FD = -1,
};

struct client {
	const char *path;
	int fd;
	uint16_t id; /* of the last message */
	int file;    /* that came with the last reply of client_call(), or NO_FD */
};

_Noreturn void client_fail(const char *what);

/* Connects and negotiates the version, waiting a little for a server that is just starting. */
void client_open(struct client *client, const char *path);

/* The same, with a twin socket for the server's commands: client->file. */
void client_open_twin(struct client *client, const char *path);

/* Sets COMMAND to memory space and bus master, as a driver does before it uses its device. */
void client_enable(struct client *client);

/* The bytes of a VERSION request, header included, as client_open() sends it. */
size_t client_version_request(struct client *client, void *ret_bytes, size_t room);

void client_send(struct client *client, const void *bytes, size_t size);

/* Receives exactly `size` bytes. */
void client_receive(struct client *client, void *ret_bytes, size_t size);

/* Fails unless `reply` is a success of `size` bytes to the message that was sent last. */
void client_check(const struct client *client, const struct header *reply, size_t size);

/* Fills in the header of a command that is sent next. */
void client_header(struct client *client, struct header *header, enum command command, size_t size,
		   uint32_t flags);

/* Sends header and payload, with `file` unless it is NO_FD; returns the size of the reply's
 * payload. */
size_t client_call(struct client *client, enum command command, const void *payload, size_t size,
		   int file, void *ret_reply, size_t room);

#endif
