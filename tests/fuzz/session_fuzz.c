/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes a whole session: the input says what a client sends, with which fds, and when the device
 * completes what it has deferred, signals, does DMA, or is unplugged. Each input is a client of its
 * own, and after an unplug the next one finds another device.
 *
 * An input is a list of records, each an operation byte and its operands (see `enum op`). Whatever
 * the client does, the session must end once it has hung up, no fd may be left behind, and an
 * unplug must have come to its end. A transfer in progress ends once, at the latest with its
 * client.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/caps.h>
#include <umdev/ims.h>

#include "base/foreign.h"
#include "wire/proto.h"

#define MAX_FDS	 20
#define PATIENCE 200  /* dispatches until a client that hung up must be gone */
#define CENSUS	 1024 /* runs between two counts of the fds */
#define OWNER	 5
#define ENTRIES	 4
#define COPIES	 4 /* transfers that may be in progress */
#define COPY_MAX 4096
#define CONFIG	 7 /* VFIO_PCI_CONFIG_REGION_INDEX */

enum op {
	OP_RAW,	     /* length u8, bytes */
	OP_MESSAGE,  /* command u8, flags u8, fds u8, length u16, payload: framed as it should be */
	OP_CONFIG,   /* offset u16, length u8, bytes: a write to config space */
	OP_IRQS,     /* flags u8, index u8, start u8, count u8, fds u8: a SET_IRQS */
	OP_FEATURE,  /* index u8, flags u8, fds u8, length u8, data: a DEVICE_FEATURE */
	OP_LOG,	     /* what u8, iova u16, length u8, page size u8: the dirty log */
	OP_COMPLETE, /* error u8: the deferred request */
	OP_TRIGGER,  /* index u8, vector u8 */
	OP_INTX,     /* level u8 */
	OP_DMA,	     /* iova u64, length u16: reads, then writes back */
	OP_START,    /* copy u8, iova u64, size u16: starts a transfer */
	OP_CANCEL,   /* copy u8 */
	OP_ANSWER,   /* copy u8, id u8, at u16, size u16, error u8: to a message of a transfer */
	OP_READ,     /* takes the replies there are */
	OP_RESET,
	OP_WAKE,
	OP_ERROR,  /* correctable u8, bit u8: reports it */
	OP_BACK,   /* vector u8, entry u8: puts it behind the vector; ENTRIES and more: nothing */
	OP_ENTRY,  /* entry u8, owner u8: triggers it */
	OP_REVOKE, /* entry u8 */
	OP_UNPLUG, /* deadline u8, in ms; of some inputs only, see may_unplug() */
	OPS,
};

struct input {
	const uint8_t *at;
	size_t left;
};

struct copy {
	struct umd_dma_transfer transfer;
	bool in_progress;
	uint8_t buffer[COPY_MAX];
};

static struct {
	struct umd_device *device;
	struct copy copies[COPIES];
	struct umd_request *deferred;
	int memory, eventfd, null;
	struct umd_ims *ims;
	struct umd_ims_domain *domain;
	umd_ims_handle entries[ENTRIES]; /* 0: revoked */
	bool may_unplug, unplugging, unplugged;
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

static void body_accessed(void *data, size_t offset, size_t size)
{
	if (!size || offset + size > 13)
		abort();
}

static void told_power(void *data, enum umd_power state)
{
	if (state > UMD_POWER_LOW)
		abort();
}

static void told_unplugged(void *data, bool surprise)
{
	if (!target.unplugging || target.unplugged)
		abort();
	target.unplugged = true;
}

static const struct umd_device_ops ops = {.power = told_power, .unplugged = told_unplugged};

static void add_regions(void)
{
	static const uint8_t rom[3000] = {0x55, 0xaa};
	const struct umd_region bar0 = {.size = 4096, .access = access_bar0};
	const struct umd_region bar1 = {
		.size = 64, .flags = UMD_REGION_IO, .read = read_register, .write = write_register};
	const struct umd_region bar2 = {.size = 65536,
					.flags = UMD_REGION_MEM64,
					.read = read_register,
					.write = write_register};
	const struct umd_region bar4 = {.size = 8 << 20};
	const struct umd_area areas[] = {{0, 4096}, {16384, 8192}};

	umd_device_add_bar(target.device, 0, &bar0);
	umd_device_add_bar(target.device, 1, &bar1);
	umd_device_add_bar(target.device, 2, &bar2);
	umd_device_add_bar(target.device, 4, &bar4);
	umd_device_add_memory(target.device, 2, target.memory, 0, areas, 2);
	umd_device_add_ioeventfd(target.device, 0, 16, 4, 0, 0, target.eventfd);
	umd_device_add_rom(target.device, rom, sizeof(rom));
}

static void add_capabilities(void)
{
	static const uint8_t vpd_bytes[64], writable[13] = {[1 ... 8] = 0xff};
	const struct umd_pm pm = {.d1 = true, .d2 = true, .pme = 0x1f};
	const struct umd_msi msi = {.messages = 8};
	const struct umd_msix msix = {.vectors = 20,
				      .table_bar = 2,
				      .table_offset = 4096,
				      .pba_bar = 2,
				      .pba_offset = 8192};
	const struct umd_pcie pcie = {.flr = true, .extended_tag = true, .max_payload = 256};
	const struct umd_vpd vpd = {.bytes = vpd_bytes,
				    .size = sizeof(vpd_bytes),
				    .writable_at = 8,
				    .writable_size = 30};
	const struct umd_vendor_cap vendor = {.body = {.size = sizeof(writable),
						       .writable = writable,
						       .written = body_accessed,
						       .reading = body_accessed}};

	umd_device_add_intx(target.device, 1);
	umd_device_add_pm(target.device, &pm);
	umd_device_add_msi(target.device, &msi);
	umd_device_add_msix(target.device, &msix);
	umd_device_add_pcie(target.device, &pcie);
	umd_device_add_vpd(target.device, &vpd);
	umd_device_add_vendor_cap(target.device, &vendor);
}

/* Those whose registers do something. */
static void add_extended_capabilities(void)
{
	static const uint8_t power[] = {9, 5, 1};
	const struct umd_aer aer = {.ecrc_check = true};
	const struct umd_pri pri = {.capacity = 64};
	const struct umd_rebar rebar = {.count = 1, .bars[0] = {.bar = 4, .sizes = 11 << 20}};
	const struct umd_dpa dpa = {.substates = 3, .power = power};

	umd_device_add_aer(target.device, &aer);
	umd_device_add_pri(target.device, &pri);
	umd_device_add_rebar(target.device, &rebar);
	umd_device_add_dpa(target.device, &dpa);
}

static void make_device(void)
{
	const struct umd_device_info info = {
		.size = sizeof(info), .name = "fuzz", .vendor = 0x1b36, .ops = &ops};

	target.unplugging = target.unplugged = false;
	if (umd_device_create(&info, &target.device) < 0)
		abort();
	add_regions();
	add_capabilities();
	add_extended_capabilities();
	if (umd_device_realize(target.device, NULL) < 0)
		abort();
}

static void make_world(void)
{
	const struct umd_ims_options options = {.size = sizeof(options)};
	const struct umd_ims_domain_options domain = {
		.size = sizeof(domain), .owner = OWNER, .vectors = ENTRIES};

	target.memory = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	target.eventfd = eventfd(0, EFD_CLOEXEC);
	target.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (ftruncate(target.memory, 65536) < 0 || umd_ims_create(&options, &target.ims) < 0 ||
	    umd_ims_domain_create(target.ims, &domain, &target.domain, NULL) < 0)
		abort();
	make_device();
}

/* Every input begins with all entries, and with the first two behind vectors. */
static void renew_entries(void)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		if (target.entries[i])
			umd_ims_free(target.domain, target.entries[i]);
		if (umd_ims_alloc(target.domain, &target.entries[i]) < 0)
			abort();
	}
	for (unsigned int vector = 0; vector < 20; vector++)
		umd_device_back_vector(target.device, vector, NULL, 0);
	umd_device_back_vector(target.device, 0, target.domain, target.entries[0]);
	umd_device_back_vector(target.device, 1, target.domain, target.entries[1]);
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
						  : target.null;
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
		control.align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS,
						 .cmsg_len = CMSG_LEN(count * sizeof(int))};
		memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
	}
	sendmsg(client, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A message framed as it should be. */
static void send_framed(int client, uint16_t id, uint64_t command, uint64_t flags, uint64_t fds,
			const uint8_t *payload, size_t size)
{
	static uint8_t message[sizeof(struct umd_wire_header) + UINT16_MAX];
	const struct umd_wire_header header = {.id = id,
					       .command = (uint16_t)command,
					       .flags = (uint32_t)flags,
					       .size = (uint32_t)(sizeof(header) + size)};

	memcpy(message, &header, sizeof(header));
	if (size)
		memcpy(message + sizeof(header), payload, size);
	send_bytes(client, message, header.size, fds);
}

static void send_message(int client, struct input *input)
{
	uint64_t command = take(input, 1), flags = take(input, 1), fds = take(input, 1);
	size_t size = (size_t)take(input, 2);
	const uint8_t *payload = take_bytes(input, &size);

	send_framed(client, 1, command, flags, fds, payload, size);
}

static void send_config(int client, struct input *input)
{
	uint8_t payload[sizeof(struct umd_wire_region_access) + UINT8_MAX];
	struct umd_wire_region_access access = {.offset = take(input, 2), .region = CONFIG};
	size_t size = (size_t)take(input, 1);
	const uint8_t *bytes = take_bytes(input, &size);

	access.count = (uint32_t)size;
	memcpy(payload, &access, sizeof(access));
	memcpy(payload + sizeof(access), bytes, size);
	send_framed(client, 1, UMD_WIRE_REGION_WRITE, 0, 0, payload, sizeof(access) + size);
}

static void send_irqs(int client, struct input *input)
{
	uint8_t payload[sizeof(struct umd_wire_set_irqs) + UINT8_MAX] = {0};
	struct umd_wire_set_irqs request = {.argsz = sizeof(payload)};

	request.flags = (uint32_t)take(input, 1);
	request.index = (uint32_t)take(input, 1) % 6;
	request.start = (uint32_t)take(input, 1);
	request.count = (uint32_t)take(input, 1);
	memcpy(payload, &request, sizeof(request));
	memset(payload + sizeof(request), 1, sizeof(payload) - sizeof(request));
	send_framed(client, 1, UMD_WIRE_SET_IRQS, 0, take(input, 1), payload, sizeof(payload));
}

static void send_feature(int client, struct input *input)
{
	uint8_t payload[sizeof(struct umd_wire_feature) + UINT8_MAX];
	struct umd_wire_feature request = {.argsz = sizeof(payload)};
	uint64_t fds;
	size_t size;
	const uint8_t *data;

	request.flags = (uint32_t)take(input, 1);
	request.flags |= (uint32_t)take(input, 1) << 16;
	fds = take(input, 1);
	size = (size_t)take(input, 1);
	data = take_bytes(input, &size);
	memcpy(payload, &request, sizeof(request));
	memcpy(payload + sizeof(request), data, size);
	send_framed(client, 1, UMD_WIRE_DEVICE_FEATURE, 0, fds, payload, sizeof(request) + size);
}

/* Starts, stops or reports the dirty log; in pages, and the page size a logarithm. */
static void send_log(int client, struct input *input)
{
	struct {
		struct umd_wire_feature feature;
		union {
			struct umd_wire_log_report report;
			struct {
				struct umd_wire_log_start start;
				struct umd_wire_log_range range;
			};
		};
	} payload = {0};
	const uint32_t index = 6u + (uint32_t)take(input, 1) % 3; /* VFIO_DEVICE_FEATURE_... */
	const uint64_t iova = take(input, 2) << 12, length = take(input, 1) << 12;
	const uint64_t page_size = UINT64_C(1) << (take(input, 1) & 63);

	payload.feature.argsz = UINT16_MAX;
	if (index == 8) {
		payload.feature.flags = UMD_WIRE_FEATURE_GET | index;
		payload.report = (struct umd_wire_log_report){iova, length, page_size};
	} else {
		payload.feature.flags = UMD_WIRE_FEATURE_SET | index;
		payload.start = (struct umd_wire_log_start){page_size, length > 0, 0};
		payload.range = (struct umd_wire_log_range){iova, length};
	}
	send_framed(client, 1, UMD_WIRE_DEVICE_FEATURE, 0, 0, (const uint8_t *)&payload,
		    sizeof(payload));
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

/* ---- Transfers by message ------------------------------------------------------------------ */

static void transferred(void *data, int error)
{
	struct copy *copy = data;

	if (!copy->in_progress || error > 0)
		abort();
	copy->in_progress = false;
}

static struct copy *take_copy(struct input *input, bool *ret_odd)
{
	uint64_t choice = take(input, 1);

	*ret_odd = choice & COPIES;
	return &target.copies[choice % COPIES];
}

static void start_copy(struct input *input)
{
	bool write;
	struct copy *copy = take_copy(input, &write);
	uint64_t iova = take(input, 8);
	size_t size = (size_t)take(input, 2) % (COPY_MAX + 1);

	if (copy->in_progress)
		return;
	copy->transfer = (struct umd_dma_transfer){.iova = iova,
						   .buffer = copy->buffer,
						   .size = size,
						   .write = write,
						   .done = transferred,
						   .data = copy};
	copy->in_progress = umd_dma_start(target.device, &copy->transfer) == -EINPROGRESS;
}

static void cancel_copy(struct input *input)
{
	bool odd;
	struct copy *copy = take_copy(input, &odd);

	umd_dma_cancel(target.device, &copy->transfer);
	copy->in_progress = false;
}

static void send_answer(int client, struct input *input)
{
	uint8_t payload[sizeof(struct umd_wire_dma_access) + COPY_MAX] = {0};
	bool odd;
	const struct umd_dma_transfer *transfer = &take_copy(input, &odd)->transfer;
	uint64_t command = transfer->write ? UMD_WIRE_DMA_WRITE : UMD_WIRE_DMA_READ;
	uint16_t id = (uint16_t)take(input, 1);
	struct umd_wire_dma_access access = {.address = transfer->iova + take(input, 2),
					     .count = take(input, 2) % (COPY_MAX + 1)};
	uint32_t error = (uint32_t)take(input, 1);

	memcpy(payload, &access, sizeof(access));
	if (error)
		send_framed(client, id, command, UMD_WIRE_TYPE_REPLY | UMD_WIRE_ERROR, 0, NULL, 0);
	else
		send_framed(client, id, command, UMD_WIRE_TYPE_REPLY, 0, payload,
			    sizeof(access) + (transfer->write ? 0 : access.count));
}

/* ---- What the device does of its own ------------------------------------------------------- */

static void complete(struct input *input)
{
	int error = -(int)take(input, 1);
	struct umd_request *request = target.deferred;

	target.deferred = NULL;
	if (request)
		umd_request_complete(request, error);
}

static void trigger(struct input *input)
{
	unsigned int index = (unsigned int)take(input, 1);

	umd_device_trigger(target.device, index, (unsigned int)take(input, 1));
}

static void report(struct input *input)
{
	bool correctable = take(input, 1) & 1;

	umd_device_report_error(target.device, correctable, 1u << (take(input, 1) & 31), NULL);
}

static void back(struct input *input)
{
	unsigned int vector = (unsigned int)take(input, 1);
	unsigned int entry = (unsigned int)take(input, 1);
	struct umd_ims_domain *domain = entry < ENTRIES ? target.domain : NULL;

	umd_device_back_vector(target.device, vector, domain,
			       entry < ENTRIES ? target.entries[entry] : 0);
}

static void trigger_entry(struct input *input)
{
	unsigned int entry = (unsigned int)take(input, 1) % ENTRIES;

	umd_ims_trigger(target.ims, target.entries[entry], (uint32_t)take(input, 1));
}

static void revoke_entry(struct input *input)
{
	unsigned int entry = (unsigned int)take(input, 1) % ENTRIES;

	umd_ims_revoke(target.ims, target.entries[entry]);
	target.entries[entry] = 0;
}

static void unplug(struct input *input)
{
	uint64_t deadline_ns = take(input, 1) * 1000000;
	int expected = target.unplugging ? -EALREADY : 0;

	if (!target.may_unplug)
		return;
	target.unplugging = true;
	if (umd_device_unplug(target.device, deadline_ns) != expected)
		abort();
}

static void run_device(enum op op, struct input *input)
{
	switch (op) {
	case OP_COMPLETE:
		complete(input);
		break;
	case OP_TRIGGER:
		trigger(input);
		break;
	case OP_INTX:
		umd_device_set_intx(target.device, take(input, 1) & 1);
		break;
	case OP_DMA:
		do_dma(input);
		break;
	case OP_START:
		start_copy(input);
		break;
	case OP_CANCEL:
		cancel_copy(input);
		break;
	case OP_WAKE:
		umd_device_wake(target.device);
		break;
	case OP_ERROR:
		report(input);
		break;
	case OP_BACK:
		back(input);
		break;
	case OP_ENTRY:
		trigger_entry(input);
		break;
	case OP_REVOKE:
		revoke_entry(input);
		break;
	case OP_UNPLUG:
		unplug(input);
		break;
	default:
		umd_device_reset(target.device);
	}
}

static void run_record(int client, struct input *input)
{
	enum op op = take(input, 1) % OPS;

	switch (op) {
	case OP_RAW:
		send_raw(client, input);
		break;
	case OP_MESSAGE:
		send_message(client, input);
		break;
	case OP_CONFIG:
		send_config(client, input);
		break;
	case OP_IRQS:
		send_irqs(client, input);
		break;
	case OP_FEATURE:
		send_feature(client, input);
		break;
	case OP_LOG:
		send_log(client, input);
		break;
	case OP_ANSWER:
		send_answer(client, input);
		break;
	case OP_READ:
		read_replies(client);
		break;
	default:
		run_device(op, input);
	}
}

/* ---- A run --------------------------------------------------------------------------------- */

/* Pipes are the sanitisers' own: to their symbolizer. */
static bool is_pipe(const char *name)
{
	char path[64], link[8] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%s", name);
	return readlink(path, link, sizeof(link)) > 5 && !memcmp(link, "pipe:", 5);
}

/* Those that are left to a thread to be closed are closed first. */
static unsigned int count_fds(void)
{
	struct dirent *entry;
	unsigned int count = 0;
	DIR *dir;

	while (umd_foreign_count())
		usleep(100);
	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir)))
		count += !is_pipe(entry->d_name);
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

/* Serves one client, which hangs up at the end of the input. */
static void run(struct umd_server *server, int client, struct input *input)
{
	int result = 0;

	greet(client, input);
	while (input->left && result == 0) {
		run_record(client, input);
		result = umd_server_dispatch(server, 0);
	}
	close(client);
	for (int i = 0; result == 0; i++) {
		if (i == PATIENCE)
			abort();
		while (!umd_foreign_has_room()) /* the server receives no fds before */
			usleep(100);
		result = umd_server_dispatch(server, 0);
	}
}

/* The end of a device takes the kernel some 30 ms, 200 times as long as the rest of a run. */
static bool may_unplug(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += data[i];
	return sum % 64 == 0;
}

static void check_copies(void)
{
	for (unsigned int i = 0; i < COPIES; i++) {
		if (target.copies[i].in_progress)
			abort();
	}
}

/* A device that was unplugged has been told so, and is nobody's any more. */
static void replace_device(void)
{
	if (!target.unplugging)
		return;
	if (!target.unplugged)
		abort();
	umd_device_destroy(target.device);
	make_device();
}

static void take_census(void)
{
	static unsigned int runs, fds;

	if (++runs % CENSUS)
		return;
	if (fds && count_fds() != fds)
		abort();
	fds = count_fds();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umd_server_options options = {.size = sizeof(options)};
	struct input input = {data, size};
	struct umd_server *server;
	int pair[2];

	if (!target.device)
		make_world();
	renew_entries();
	target.may_unplug = may_unplug(data, size);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	options.fd = pair[0];
	if (umd_server_create(target.device, &options, &server) < 0)
		abort();

	run(server, pair[1], &input);
	umd_server_destroy(server);
	check_copies();
	replace_device();
	take_census();
	return 0;
}
