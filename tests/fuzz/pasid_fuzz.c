/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of a device with PASIDs and page requests, whose commands, responses and settings an
 * input makes, beside a device that makes transfers, page requests, readers and pins. After each
 * input everything that was begun has ended, and nothing is left.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/caps.h>
#include <umdev/pasid.h>

#include "wire/pasid.h"
#include "wire/proto.h"

#define PAGE	  4096u
#define PASIDS	  8u /* of which the client may attach half */
#define SPACES	  4u
#define PAGES	  16u /* of the client's memory */
#define TRANSFERS 4u
#define REQUESTS  8u
#define PINS	  4u
#define PATIENCE  100 /* dispatches until a client that left is gone */
#define PRI_AT	  0x100u
#define PASID_AT  0x110u
#define COPY_MAX  (3u * PAGE)

struct input {
	const uint8_t *at;
	size_t left;
};

struct transfer {
	struct umd_tagged_transfer transfer;
	bool in_progress;
	uint8_t buffer[COPY_MAX];
};

struct request {
	struct umd_page_request request;
	bool in_progress;
};

struct pin {
	struct umd_dma_segment segment;
	bool is_held;
};

static struct {
	struct umd_device *device;
	struct umd_server *server;
	int memory;
	int client, twin; /* twin: -1 where the commands of the server's come on the first */
	struct transfer transfers[TRANSFERS];
	struct request requests[REQUESTS];
	struct umd_dma_reader *readers[PASIDS];
	struct pin pins[PINS];
	struct umd_wire_page_request asked; /* the last one that came */
	uint16_t asked_id;
	unsigned int attached;
} world;

static uint64_t take(struct input *input, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size && input->left; i++, input->left--)
		value |= (uint64_t)*input->at++ << (8 * i);
	return value;
}

/* ---- The device ---------------------------------------------------------------------------- */

static void on_attached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	if (pasid >= PASIDS || ++world.attached > SPACES)
		abort();
	if (!world.readers[pasid] && umd_dma_reader_create(space, 0, &world.readers[pasid]) < 0)
		abort();
}

/* Odd ones keep their reader for a while. */
static void on_detached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	world.attached--;
	if (pasid & 1)
		return;
	umd_dma_reader_destroy(world.readers[pasid]);
	world.readers[pasid] = NULL;
}

static void make_device(void)
{
	static const struct umd_pasid_ops ops = {.attached = on_attached, .detached = on_detached};
	const struct umd_device_info info = {.size = sizeof(info), .vendor = 0x1b36};

	if (umd_device_create(&info, &world.device) < 0)
		abort();
	umd_device_add_pcie(world.device, &(struct umd_pcie){.flr = true});
	umd_device_add_pri(world.device, &(struct umd_pri){.at = PRI_AT, .capacity = 12});
	umd_device_add_pasid(world.device, &(struct umd_pasid){.at = PASID_AT,
							       .width = 3,
							       .execute = true,
							       .privileged = true});
	umd_device_set_pasid_ops(world.device, &ops);
	world.memory = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (umd_device_realize(world.device, NULL) < 0 || ftruncate(world.memory, PAGES * PAGE) < 0)
		abort();
}

static struct umd_dma_prefix take_prefix(struct input *input)
{
	uint64_t choice = take(input, 1);
	uint32_t pasid = choice % (PASIDS + 2);

	return (struct umd_dma_prefix){.pasid = pasid > PASIDS ? UMD_DMA_NO_OWNER : pasid,
				       .execute = choice & 0x40,
				       .privileged = choice & 0x80};
}

static void transferred(void *data, int error)
{
	struct transfer *transfer = data;

	if (!transfer->in_progress || error > 0 || error == -EINPROGRESS)
		abort();
	transfer->in_progress = false;
}

static void start_transfer(struct input *input)
{
	struct transfer *transfer = &world.transfers[take(input, 1) % TRANSFERS];
	struct umd_dma_prefix prefix = take_prefix(input);
	uint64_t choice = take(input, 1);

	if (transfer->in_progress)
		return;
	transfer->transfer = (struct umd_tagged_transfer){.prefix = prefix,
							  .iova = take(input, 2),
							  .buffer = transfer->buffer,
							  .size = take(input, 2) % COPY_MAX,
							  .write = choice & 1,
							  .may_wait = choice & 2,
							  .done = transferred,
							  .data = transfer};
	transfer->in_progress = umd_dma_start_tagged(world.device, &transfer->transfer) ==
				-EINPROGRESS;
}

static void cancel_transfer(struct input *input)
{
	struct transfer *transfer = &world.transfers[take(input, 1) % TRANSFERS];

	umd_dma_cancel_tagged(world.device, &transfer->transfer);
	transfer->in_progress = false;
}

static void requested(void *data, int result)
{
	struct request *request = data;

	if (!request->in_progress || result > 0 || result == -EINPROGRESS)
		abort();
	request->in_progress = false;
}

static void start_request(struct input *input)
{
	struct request *request = &world.requests[take(input, 1) % REQUESTS];
	struct umd_dma_prefix prefix = take_prefix(input);
	uint64_t choice = take(input, 1);

	if (request->in_progress)
		return;
	request->request = (struct umd_page_request){.prefix = prefix,
						     .address = take(input, 1) * PAGE,
						     .pages = choice >> 2 & 7,
						     .read = choice & 1,
						     .write = choice & 2,
						     .done = requested,
						     .data = request};
	request->in_progress = umd_page_request_start(world.device, &request->request) ==
			       -EINPROGRESS;
}

static void cancel_request(struct input *input)
{
	struct request *request = &world.requests[take(input, 1) % REQUESTS];

	umd_page_request_cancel(world.device, &request->request);
	request->in_progress = false;
}

static void unpin(struct pin *pin)
{
	if (pin->is_held)
		umd_dma_unpin(&pin->segment, 1);
	pin->is_held = false;
}

/* Pins, or ends a pin, by the reader of a PASID. */
static void pin(struct input *input)
{
	struct pin *pin = &world.pins[take(input, 1) % PINS];
	struct umd_dma_reader *reader = world.readers[take(input, 1) % PASIDS];
	uint64_t iova = take(input, 2);

	if (pin->is_held)
		unpin(pin);
	else if (reader)
		pin->is_held = umd_dma_pin(reader, iova, 1, UMD_DMA_READ, &pin->segment, 1) == 1;
}

/* A reader that has outlived its space, and the pins that were made through it. */
static void destroy_reader(uint32_t pasid)
{
	if (umd_device_pasid_space(world.device, pasid))
		return;
	umd_dma_reader_destroy(world.readers[pasid]);
	world.readers[pasid] = NULL;
}

/* ---- The client ---------------------------------------------------------------------------- */

static void send_framed(int to, uint16_t id, uint16_t command, uint32_t flags, const void *payload,
			size_t size, int fd)
{
	struct umd_wire_header header = {.id = id,
					 .command = command,
					 .flags = flags,
					 .size = (uint32_t)(sizeof(header) + size)};
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)(uintptr_t)payload, size}};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (fd >= 0) {
		control.align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS,
						 .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_pasid(struct input *input, uint16_t command)
{
	const struct umd_wire_pasid payload = {.argsz = sizeof(payload),
					       .pasid = take(input, 1) % (PASIDS + 1)};

	send_framed(world.client, 1, command, 0, &payload, sizeof(payload), -1);
}

static void send_map(struct input *input)
{
	uint64_t page = take(input, 1) % PAGES, count = take(input, 1) % PAGES;
	const struct umd_wire_pasid_map payload = {.argsz = sizeof(payload),
						   .flags = take(input, 1) & 31,
						   .offset = page * PAGE,
						   .address = page * PAGE,
						   .size = count * PAGE,
						   .pasid = take(input, 1) % PASIDS};

	send_framed(world.client, 1, UMD_WIRE_PASID_DMA_MAP, 0, &payload, sizeof(payload),
		    world.memory);
}

static void send_unmap(struct input *input)
{
	const struct umd_wire_pasid_unmap payload = {.argsz = sizeof(payload),
						     .flags = take(input, 1) & 2,
						     .address = take(input, 1) * PAGE,
						     .size = take(input, 1) * PAGE,
						     .pasid = take(input, 1) % PASIDS};

	send_framed(world.client, 1, UMD_WIRE_PASID_DMA_UNMAP, 0, &payload, sizeof(payload), -1);
}

/* A right answer to the last request, or one that is off by what the input says. */
static void send_response(struct input *input)
{
	uint64_t off = take(input, 1);
	const struct umd_wire_page_response payload = {
		.pasid = world.asked.pasid ^ (off & 1),
		.group = world.asked.group ^ (off >> 1 & 1),
		.code = (uint32_t)take(input, 1) % 3,
	};
	uint16_t id = (uint16_t)(world.asked_id - (off >> 2 & 3));
	uint32_t flags = UMD_WIRE_TYPE_REPLY | (off & 0x80 ? UMD_WIRE_ERROR : 0);
	size_t size = off & 0x80 ? 0 : sizeof(payload) - (off >> 4 & 7);

	send_framed(world.twin >= 0 && !(off & 0x10) ? world.twin : world.client, id,
		    UMD_WIRE_PAGE_REQUEST, flags, &payload, size, -1);
}

/* The registers that matter: COMMAND, FLR, PASID control, PRI control and allocation. */
static void send_config(struct input *input)
{
	static const uint64_t places[] = {PCI_COMMAND,
					  0x48,
					  PASID_AT + PCI_PASID_CTRL,
					  PRI_AT + PCI_PRI_CTRL,
					  PRI_AT + PCI_PRI_STATUS,
					  PRI_AT + PCI_PRI_ALLOC_REQ};
	struct {
		struct umd_wire_region_access access;
		uint8_t bytes[2];
	} payload = {.access = {.region = 7, .count = 2}};

	payload.access.offset = places[take(input, 1) % (sizeof(places) / sizeof(places[0]))];
	payload.bytes[0] = (uint8_t)take(input, 1);
	payload.bytes[1] = (uint8_t)take(input, 1);
	send_framed(world.client, 1, UMD_WIRE_REGION_WRITE, 0, &payload,
		    sizeof(payload.access) + sizeof(payload.bytes), -1);
}

/* Any message of the extension, with bytes of the input's. */
static void send_any(struct input *input)
{
	uint16_t command = (uint16_t)(0xf000 + take(input, 1) % 16);
	uint32_t flags = (uint32_t)take(input, 1) & 0x31;
	uint16_t id = (uint16_t)take(input, 1);
	size_t size = (size_t)take(input, 1) % 64;

	if (size > input->left)
		size = input->left;
	send_framed(world.client, id, command, flags, input->at, size, -1);
	input->at += size;
	input->left -= size;
}

static void take_message(const uint8_t *message)
{
	struct umd_wire_header header;

	memcpy(&header, message, sizeof(header));
	if (header.command != UMD_WIRE_PAGE_REQUEST ||
	    (header.flags & UMD_WIRE_TYPE_MASK) != UMD_WIRE_TYPE_COMMAND)
		return;
	memcpy(&world.asked, message + sizeof(header), sizeof(world.asked));
	world.asked_id = header.id;
	if (!world.asked.pages || world.asked.pages > 12 || world.asked.group > 511)
		abort();
}

static void read_from(int from)
{
	static uint8_t bytes[65536];
	struct umd_wire_header header;
	ssize_t size = from < 0 ? 0 : recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);

	for (ssize_t at = 0; size - at >= (ssize_t)sizeof(header); at += header.size) {
		memcpy(&header, bytes + at, sizeof(header));
		if (header.size < sizeof(header))
			abort();
		if (header.size <= size - at)
			take_message(bytes + at);
	}
}

static void run_record(struct input *input)
{
	switch (take(input, 1) % 18) {
	case 0:
		send_pasid(input, UMD_WIRE_PASID_ATTACH);
		break;
	case 1:
		send_pasid(input, UMD_WIRE_PASID_DETACH);
		break;
	case 2:
		send_map(input);
		break;
	case 3:
		send_unmap(input);
		break;
	case 4:
	case 5:
		send_response(input);
		break;
	case 6:
		send_config(input);
		break;
	case 7:
		send_any(input);
		break;
	case 8:
		start_transfer(input);
		break;
	case 9:
		cancel_transfer(input);
		break;
	case 10:
		start_request(input);
		break;
	case 11:
		cancel_request(input);
		break;
	case 12:
		umd_page_request_stop(world.device, (uint32_t)take(input, 1) % PASIDS);
		break;
	case 13:
		pin(input);
		break;
	case 14:
		destroy_reader((uint32_t)take(input, 1) % PASIDS);
		break;
	case 15:
		send_framed(world.client, 1, UMD_WIRE_DEVICE_RESET, 0, NULL, 0, -1);
		break;
	case 16:
		umd_device_reset(world.device);
		break;
	default:
		read_from(world.client);
		read_from(world.twin);
	}
}

/* ---- A run --------------------------------------------------------------------------------- */

static void dispatch(unsigned int times)
{
	while (times--)
		umd_server_dispatch(world.server, 0);
}

/* The fd of the twin socket, which comes with the reply to VERSION. */
static int receive_twin(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	uint8_t bytes[1024];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(world.client, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
		abort();
	if (message.msg_controllen)
		memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
	return fd;
}

static void set(unsigned int offset, unsigned int size, uint32_t value)
{
	struct {
		struct umd_wire_region_access access;
		uint32_t value;
	} payload = {{.offset = offset, .region = 7, .count = size}, value};

	send_framed(world.client, 1, UMD_WIRE_REGION_WRITE, UMD_WIRE_NO_REPLY, &payload,
		    sizeof(payload.access) + size, -1);
}

/* With a twin socket or without; with everything enabled. */
static void greet(bool twin)
{
	static const char *const offers[] = {
		"{\"capabilities\":{\"umdev_pasid\":{\"max_spaces\":4,\"max_page_requests\":9}}}",
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true},"
		"\"umdev_pasid\":{\"max_spaces\":4,\"max_page_requests\":9}}}"};
	uint8_t payload[256] = {0};
	size_t size = strlen(offers[twin]) + 1;

	memcpy(payload + sizeof(struct umd_wire_version), offers[twin], size);
	send_framed(world.client, 1, UMD_WIRE_VERSION, 0, payload,
		    sizeof(struct umd_wire_version) + size, -1);
	dispatch(2);
	world.twin = receive_twin();
	set(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	set(PASID_AT + PCI_PASID_CTRL, 2, 7);
	set(PRI_AT + PCI_PRI_ALLOC_REQ, 4, 10);
	set(PRI_AT + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE);
}

/* Nothing is in progress without a client, and no space is left. */
static void check_end(void)
{
	for (unsigned int i = 0; i < TRANSFERS; i++) {
		if (world.transfers[i].in_progress)
			abort();
	}
	for (unsigned int i = 0; i < REQUESTS; i++) {
		if (world.requests[i].in_progress)
			abort();
	}
	if (world.attached)
		abort();
	for (uint32_t i = 0; i < PASIDS; i++)
		destroy_reader(i);
	for (unsigned int i = 0; i < PINS; i++)
		unpin(&world.pins[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umd_server_options options = {.size = sizeof(options)};
	struct input input = {data, size};
	int pair[2];

	if (!world.device)
		make_device();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	options.fd = pair[0];
	world.client = pair[1];
	if (umd_server_create(world.device, &options, &world.server) < 0)
		abort();

	greet(take(&input, 1) & 1);
	while (input.left) {
		run_record(&input);
		dispatch(1);
	}
	close(world.client);
	if (world.twin >= 0)
		close(world.twin);
	for (int i = 0; umd_server_dispatch(world.server, 0) == 0; i++) {
		if (i == PATIENCE)
			abort();
	}
	umd_server_destroy(world.server);
	check_end();
	return 0;
}
