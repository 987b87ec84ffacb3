/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes a whole session: the input says what a client sends, with which fds, and when the device
 * completes what it has deferred, signals, or does DMA. Each input is a client of its own.
 *
 * An input is a list of records, each an operation byte and its operands (see `enum op`). Whatever
 * the client does, the session must end once it has hung up, and no fd may be left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/device.h>

#include "wire/proto.h"

#define MAX_FDS	 20
#define PATIENCE 200  /* dispatches until a client that hung up must be gone */
#define CENSUS	 1024 /* runs between two counts of the fds */

enum op {
	OP_RAW,	     /* length u8, bytes */
	OP_MESSAGE,  /* command u8, flags u8, fds u8, length u16, payload: framed as it should be */
	OP_COMPLETE, /* error u8: the deferred request */
	OP_TRIGGER,  /* index u8, vector u8 */
	OP_INTX,     /* level u8 */
	OP_DMA,	     /* iova u64, length u16: reads, then writes back */
	OP_READ,     /* takes the replies there are */
	OP_RESET,
	OPS,
};

struct input {
	const uint8_t *at;
	size_t left;
};

static struct {
	struct umd_device *device;
	struct umd_request *deferred;
	int memory, eventfd;
} target;

/* ---- The device ---------------------------------------------------------------------------- */

static void cancelled(void *data)
{
	target.deferred = NULL;
}

/* The lower half answers at once, the upper half when the input says so. */
static void access_bar0(void *data, struct umd_request *request)
{
	if (umd_request_offset(request) < 2048) {
		umd_request_complete(request, 0);
		return;
	}
	target.deferred = request;
	umd_request_defer(request, cancelled, NULL);
}

static uint64_t read_register(void *data, uint64_t offset, unsigned int size)
{
	return offset;
}

static void write_register(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
}

static void make_device(void)
{
	const struct umd_device_info info = {
		.size = sizeof(info), .name = "fuzz", .vendor = 0x1b36};
	const struct umd_region bar0 = {.size = 4096, .access = access_bar0};
	const struct umd_region bar1 = {
		.size = 64, .flags = UMD_REGION_IO, .read = read_register, .write = write_register};
	const struct umd_region bar2 = {.size = 65536,
					.flags = UMD_REGION_MEM64,
					.read = read_register,
					.write = write_register};
	const struct umd_area areas[] = {{0, 4096}, {16384, 8192}};
	const struct umd_msix msix = {.vectors = 20,
				      .table_bar = 2,
				      .table_offset = 4096,
				      .pba_bar = 2,
				      .pba_offset = 8192};

	target.memory = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	target.eventfd = eventfd(0, EFD_CLOEXEC);
	if (ftruncate(target.memory, 65536) < 0 || umd_device_create(&info, &target.device) < 0 ||
	    umd_device_add_bar(target.device, 0, &bar0) < 0 ||
	    umd_device_add_bar(target.device, 1, &bar1) < 0 ||
	    umd_device_add_bar(target.device, 2, &bar2) < 0 ||
	    umd_device_add_memory(target.device, 2, target.memory, 0, areas, 2) < 0 ||
	    umd_device_add_ioeventfd(target.device, 0, 16, 4, 0, 0, target.eventfd) < 0 ||
	    umd_device_add_intx(target.device, 1) < 0 ||
	    umd_device_add_msix(target.device, &msix) < 0 ||
	    umd_device_realize(target.device, NULL) < 0)
		abort();
}

/* ---- The client ---------------------------------------------------------------------------- */

static uint64_t take(struct input *input, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size && input->left; i++, input->left--)
		value |= (uint64_t)*input->at++ << (8 * i);
	return value;
}

static const uint8_t *take_bytes(struct input *input, size_t *size)
{
	const uint8_t *bytes = input->at;

	if (*size > input->left)
		*size = input->left;
	input->at += *size;
	input->left -= *size;
	return bytes;
}

static void read_replies(int client)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_WIRE_MAX_FDS * sizeof(int))];
	} control;
	static uint8_t bytes[65536];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr msg;

	do {
		msg = (struct msghdr){.msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control.bytes,
				      .msg_controllen = sizeof(control.bytes)};
		if (recvmsg(client, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
			const int *fds = (const int *)CMSG_DATA(c);

			for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
				close(fds[i]);
		}
	} while (true);
}

/* The kinds of fd a number stands for: the low four bits count, the others choose. */
static unsigned int choose_fds(uint64_t choice, int *fds)
{
	unsigned int count = choice & 15;

	for (unsigned int i = 0; i < count; i++)
		fds[i] = (choice >> 4) % 3 == 0	  ? target.eventfd
			 : (choice >> 4) % 3 == 1 ? target.memory
						  : STDIN_FILENO;
	return count;
}

static void send_bytes(int client, const uint8_t *bytes, size_t size, uint64_t fd_choice)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[MAX_FDS];
	unsigned int count = choose_fds(fd_choice, fds);

	if (count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
							.cmsg_type = SCM_RIGHTS,
							.cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, count * sizeof(int));
	}
	sendmsg(client, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_message(int client, struct input *input)
{
	static uint8_t message[sizeof(struct umd_wire_header) + UINT16_MAX];
	struct umd_wire_header header = {.id = 1};
	uint64_t fds;
	size_t size;
	const uint8_t *payload;

	header.command = (uint16_t)take(input, 1);
	header.flags = (uint32_t)take(input, 1);
	fds = take(input, 1);
	size = (size_t)take(input, 2);
	payload = take_bytes(input, &size);
	header.size = (uint32_t)(sizeof(header) + size);
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), payload, size);
	send_bytes(client, message, header.size, fds);
}

static void send_raw(int client, struct input *input)
{
	size_t size = (size_t)take(input, 1);
	const uint8_t *bytes = take_bytes(input, &size);

	send_bytes(client, bytes, size, 0);
}

static void do_dma(struct input *input)
{
	static uint8_t buffer[UINT16_MAX];
	uint64_t iova = take(input, 8);
	size_t size = (size_t)take(input, 2);

	if (umd_dma_read(target.device, iova, buffer, size) == 0)
		umd_dma_write(target.device, iova, buffer, size);
}

static void complete(struct input *input)
{
	int error = -(int)take(input, 1);
	struct umd_request *request = target.deferred;

	target.deferred = NULL;
	if (request)
		umd_request_complete(request, error);
}

static void run_record(int client, struct input *input)
{
	unsigned int index;

	switch (take(input, 1) % OPS) {
	case OP_RAW:
		send_raw(client, input);
		break;
	case OP_MESSAGE:
		send_message(client, input);
		break;
	case OP_COMPLETE:
		complete(input);
		break;
	case OP_TRIGGER:
		index = (unsigned int)take(input, 1);
		umd_device_trigger(target.device, index, (unsigned int)take(input, 1));
		break;
	case OP_INTX:
		umd_device_set_intx(target.device, take(input, 1) & 1);
		break;
	case OP_DMA:
		do_dma(input);
		break;
	case OP_READ:
		read_replies(client);
		break;
	default:
		umd_device_reset(target.device);
	}
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* The client says a proper VERSION first, unless the input begins with an odd byte. */
static void greet(int client, struct input *input)
{
	static const struct umd_wire_header header = {.command = UMD_WIRE_VERSION,
						      .size = sizeof(header) +
							      sizeof(struct umd_wire_version)};
	uint8_t message[sizeof(header) + sizeof(struct umd_wire_version)] = {0};

	if (take(input, 1) & 1)
		return;
	memcpy(message, &header, sizeof(header));
	send_bytes(client, message, sizeof(message), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int runs, fds;
	struct umd_server_options options = {.size = sizeof(options)};
	struct input input = {data, size};
	struct umd_server *server;
	int pair[2], result = 0;

	if (!target.device)
		make_device();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	options.fd = pair[0];
	if (umd_server_create(target.device, &options, &server) < 0)
		abort();

	greet(pair[1], &input);
	while (input.left && result == 0) {
		run_record(pair[1], &input);
		result = umd_server_dispatch(server, 0);
	}
	close(pair[1]);
	for (int i = 0; result == 0; i++) {
		if (i == PATIENCE)
			abort();
		result = umd_server_dispatch(server, 0);
	}
	umd_server_destroy(server);

	if (++runs % CENSUS == 0) {
		if (fds && count_fds() != fds)
			abort();
		fds = count_fds();
	}
	return 0;
}
