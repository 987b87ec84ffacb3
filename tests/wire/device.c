/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire suite's device (device.h says what it looks like). BAR0 is kept as one page of bytes:
 * a write stores its bytes and then acts, a read first refreshes what is read-only. An access that
 * is deferred acts when it completes, so that an order of completion is an order of effects.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

#define NS_PER_MS 1000000ull

struct wire_device {
	struct umd_device *device;
	uint8_t bar0[BAR0_SIZE];
	uint8_t bar1[BAR1_SIZE];
	uint8_t *memory; /* BAR2's areas, mapped from memory_fd */
	int memory_fd;

	bool deferring;
	uint64_t random; /* state of next_random() */
	struct umd_watch *timer;
	struct umd_request *held; /* the deferred request, if any */
	bool self_reset;	  /* the timer resets the device instead of completing `held` */

	int doorbell_fd, matched_fd;
	struct umd_watch *doorbell_watch, *matched_watch;
	uint32_t cancels, resets, disconnects, completed, doorbells, matches;
};

static const struct umd_area memory_areas[] = {{0, 0x4000}, {0x8000, 0x4000}};
#define MEMORY_SIZE 0xc000

/* ---- Little-endian bytes ------------------------------------------------------------------- */

static uint64_t get_le(const uint8_t *bytes, unsigned int size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | bytes[size];
	return value;
}

static void put_le(uint8_t *bytes, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

/* ---- The log of register pieces ------------------------------------------------------------ */

static void log_piece(struct wire_device *wire, unsigned int bar, bool write, uint64_t offset,
		      unsigned int size, uint64_t value)
{
	uint32_t count = (uint32_t)get_le(wire->bar0 + LOG_COUNT, 4);
	uint8_t *entry;

	put_le(wire->bar0 + LOG_COUNT, 4, count + 1);
	if (count >= LOG_ENTRIES)
		return;

	entry = wire->bar0 + LOG_FIRST + 8 * count;
	put_le(entry, 2, offset);
	entry[2] = (uint8_t)size;
	entry[3] = (uint8_t)(bar << 1 | write);
	put_le(entry + 4, 4, value);
}

static void clear_log(struct wire_device *wire)
{
	memset(wire->bar0 + LOG_COUNT, 0, LOG_FIRST + 8 * LOG_ENTRIES - LOG_COUNT);
}

/* ---- BAR1 and BAR2: registers -------------------------------------------------------------- */

static uint64_t bar1_read(void *data, uint64_t offset, unsigned int size)
{
	struct wire_device *wire = data;
	uint64_t value = get_le(wire->bar1 + offset, size);

	log_piece(wire, 1, false, offset, size, value);
	return value;
}

static void bar1_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct wire_device *wire = data;

	put_le(wire->bar1 + offset, size, value);
	log_piece(wire, 1, true, offset, size, value);
}

static uint64_t bar2_read(void *data, uint64_t offset, unsigned int size)
{
	uint8_t bytes[8];
	uint64_t value;

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)((offset + i) ^ (offset + i) >> 8);
	value = get_le(bytes, size);
	log_piece(data, 2, false, offset, size, value);
	return value;
}

static void bar2_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	log_piece(data, 2, true, offset, size, value);
}

/* ---- BAR0: commands ------------------------------------------------------------------------ */

static int copy(struct wire_device *wire)
{
	static uint8_t bounce[COPY_MAX];
	uint64_t from = get_le(wire->bar0 + REG_COPY_FROM, 8);
	uint64_t to = get_le(wire->bar0 + REG_COPY_TO, 8);
	uint32_t size = (uint32_t)get_le(wire->bar0 + REG_COPY_SIZE, 4);
	int error;

	if (size > COPY_MAX)
		return -EINVAL;

	error = umd_dma_read(wire->device, from, bounce, size);
	return error ? error : umd_dma_write(wire->device, to, bounce, size);
}

static void ring(struct wire_device *wire)
{
	wire->doorbells++;
	umd_device_trigger(wire->device, UMD_IRQ_MSIX, ANSWER_VECTOR);
}

/* What the write of a whole register does. Returns what the write completes with. */
static int act(struct wire_device *wire, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case LOG_COUNT:
		clear_log(wire);
		return 0;
	case REG_TRIGGER:
		return umd_device_trigger(wire->device, UMD_IRQ_MSIX, value);
	case REG_INTX:
		umd_device_set_intx(wire->device, value != 0);
		return 0;
	case REG_COPY_RUN:
		if (value == 1)
			put_le(wire->bar0 + REG_COPY_RESULT, 4, (uint32_t)-copy(wire));
		return 0;
	case REG_FAIL:
		return -(int)(value & 0xfff);
	case REG_SIGNAL:
		return umd_device_trigger(wire->device, (enum umd_irq)value, 0);
	case REG_DOORBELL:
		ring(wire);
		return 0;
	case REG_MATCHED_DOORBELL:
		wire->matches += value == DOORBELL_VALUE;
		return 0;
	default:
		return 0;
	}
}

/* ---- BAR0: accesses ------------------------------------------------------------------------ */

static void refresh(struct wire_device *wire)
{
	put_le(wire->bar0 + REG_CANCELS, 4, wire->cancels);
	put_le(wire->bar0 + REG_RESETS, 4, wire->resets);
	put_le(wire->bar0 + REG_COMPLETED, 4, wire->completed);
	put_le(wire->bar0 + REG_DOORBELLS, 4, wire->doorbells);
	put_le(wire->bar0 + REG_MATCHES, 4, wire->matches);
	put_le(wire->bar0 + REG_DISCONNECTS, 4, wire->disconnects);
}

/* True for the write of one of the registers, with what is written. */
static bool is_command(struct umd_request *request, uint32_t *ret_value)
{
	if (!umd_request_is_write(request) || umd_request_size(request) != 4)
		return false;

	*ret_value = (uint32_t)get_le(umd_request_data(request), 4);
	return true;
}

static void complete(struct wire_device *wire, struct umd_request *request)
{
	uint64_t offset = umd_request_offset(request);
	size_t size = umd_request_size(request);
	uint32_t value;
	int error = 0;

	if (umd_request_is_write(request)) {
		memcpy(wire->bar0 + offset, umd_request_data(request), size);
		if (is_command(request, &value))
			error = act(wire, offset, value);
	} else {
		refresh(wire);
		memcpy(umd_request_data(request), wire->bar0 + offset, size);
	}
	wire->completed++;
	umd_request_complete(request, error);
}

static void cancelled(void *data)
{
	struct wire_device *wire = data;

	wire->cancels++;
	wire->held = NULL;
	wire->self_reset = false;
	umd_watch_set_timer(wire->timer, 0);
}

static void elapsed(void *data, uint32_t events)
{
	struct wire_device *wire = data;
	struct umd_request *request = wire->held;

	if (wire->self_reset) {
		umd_device_reset(wire->device);
		return;
	}
	wire->held = NULL;
	complete(wire, request);
}

/* Defers a request; 0 ns is for ever. */
static void hold(struct wire_device *wire, struct umd_request *request, uint64_t delay_ns)
{
	wire->held = request;
	umd_request_defer(request, cancelled, wire);
	if (delay_ns)
		umd_watch_set_timer(wire->timer, delay_ns);
}

/* xorshift64 */
static uint64_t next_random(struct wire_device *wire)
{
	wire->random ^= wire->random << 13;
	wire->random ^= wire->random >> 7;
	wire->random ^= wire->random << 17;
	return wire->random;
}

/* Completes at once, or at once but deferred, or within three milliseconds. */
static void complete_sometime(struct wire_device *wire, struct umd_request *request)
{
	switch (next_random(wire) % 6) {
	case 0:
		complete(wire, request);
		break;
	case 1:
		umd_request_defer(request, cancelled, wire);
		complete(wire, request);
		break;
	default:
		hold(wire, request, 1 + next_random(wire) % (3 * NS_PER_MS));
	}
}

static void bar0_access(void *data, struct umd_request *request)
{
	struct wire_device *wire = data;
	uint64_t offset = umd_request_offset(request);
	uint32_t value = 0;
	bool command = is_command(request, &value);

	if (command && offset == REG_NEVER) {
		hold(wire, request, 0);
	} else if (command && (offset == REG_DELAY || offset == REG_SELF_RESET)) {
		wire->self_reset = offset == REG_SELF_RESET;
		hold(wire, request, 1 + value * NS_PER_MS);
	} else if (wire->deferring) {
		complete_sometime(wire, request);
	} else {
		complete(wire, request);
	}
}

/* ---- Doorbells ----------------------------------------------------------------------------- */

/*
 * The client shares the eventfds, may clear O_NONBLOCK and be the first to read: reading them could
 * block. So they are watched for edges and never read.
 */
static void doorbell_rang(void *data, uint32_t events)
{
	ring(data);
}

static void matched_rang(void *data, uint32_t events)
{
	struct wire_device *wire = data;

	wire->matches++;
}

static int add_doorbells(struct wire_device *wire)
{
	int error;

	wire->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wire->matched_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wire->doorbell_fd < 0 || wire->matched_fd < 0)
		return -errno;

	error = umd_device_add_ioeventfd(wire->device, 0, REG_DOORBELL, 4, 0, 0, wire->doorbell_fd);
	if (!error)
		error = umd_device_add_ioeventfd(wire->device, 0, REG_MATCHED_DOORBELL, 4,
						 UMD_IOEVENTFD_DATAMATCH, DOORBELL_VALUE,
						 wire->matched_fd);
	if (!error)
		error = umd_watch_fd(wire->device, wire->doorbell_fd, EPOLLIN | EPOLLET,
				     doorbell_rang, wire, &wire->doorbell_watch);
	if (!error)
		error = umd_watch_fd(wire->device, wire->matched_fd, EPOLLIN | EPOLLET,
				     matched_rang, wire, &wire->matched_watch);
	return error;
}

/* ---- Declaration --------------------------------------------------------------------------- */

static const struct umd_region bars[] = {
	[0] = {.size = BAR0_SIZE, .access = bar0_access},
	[1] = {.size = BAR1_SIZE,
	       .flags = UMD_REGION_IO,
	       .max_access = 4,
	       .read = bar1_read,
	       .write = bar1_write},
	[2] = {.size = BAR2_SIZE,
	       .flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH,
	       .read = bar2_read,
	       .write = bar2_write},
	[4] = {.size = BAR4_SIZE},
};

static int add_bars(struct wire_device *wire)
{
	for (unsigned int i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
		int error = bars[i].size ? umd_device_add_bar(wire->device, i, &bars[i]) : 0;

		if (error)
			return error;
	}
	return 0;
}

static int add_memory(struct wire_device *wire)
{
	wire->memory_fd = memfd_create("wire-bar2", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (wire->memory_fd < 0 || ftruncate(wire->memory_fd, MEMORY_SIZE))
		return -errno;

	wire->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, wire->memory_fd, 0);
	if (wire->memory == MAP_FAILED)
		return -errno;

	return umd_device_add_memory(wire->device, 2, wire->memory_fd, 0, memory_areas, 2);
}

static int add_interrupts(struct wire_device *wire)
{
	const struct umd_msix msix = {
		.vectors = MSIX_VECTORS, .table_bar = 4, .pba_bar = 4, .pba_offset = MSIX_PBA};
	int error = umd_device_add_intx(wire->device, 1);

	return error ? error : umd_device_add_msix(wire->device, &msix);
}

static void reset(void *data, enum umd_reset kind)
{
	struct wire_device *wire = data;

	memset(wire->bar0, 0, sizeof(wire->bar0));
	memset(wire->bar1, 0, sizeof(wire->bar1));
	memset(wire->memory, 0, MEMORY_SIZE);
	wire->resets++;
	wire->disconnects += kind == UMD_RESET_DISCONNECT;
}

static void destroy(void *data)
{
	struct wire_device *wire = data;

	if (wire->memory && wire->memory != MAP_FAILED)
		munmap(wire->memory, MEMORY_SIZE);
	close(wire->memory_fd);
	close(wire->doorbell_fd);
	close(wire->matched_fd);
	free(wire);
}

static const struct umd_device_ops ops = {.reset = reset, .destroy = destroy};

static int declare(struct wire_device *wire)
{
	int error = add_bars(wire);

	if (!error)
		error = add_memory(wire);
	if (!error)
		error = add_interrupts(wire);
	if (!error)
		error = add_doorbells(wire);
	if (!error)
		error = umd_watch_timer(wire->device, elapsed, wire, &wire->timer);
	return error;
}

int wire_device_create(bool deferring, uint64_t seed, struct wire_device **ret,
		       struct umd_error *error)
{
	struct wire_device *wire = calloc(1, sizeof(*wire));
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "wire",
		.vendor = 0x1b36,
		.device = 0xfff0,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0xff0000,
		.revision = 1,
		.ops = &ops,
		.data = wire,
	};
	int code;

	if (!wire)
		return umd_error_set(error, -ENOMEM, "out of memory");

	wire->memory_fd = wire->doorbell_fd = wire->matched_fd = -1;
	wire->deferring = deferring;
	wire->random = seed;
	code = umd_device_create(&info, &wire->device);
	if (code) {
		free(wire);
		return umd_error_set(error, code, "cannot create the device");
	}

	code = declare(wire);
	if (code)
		umd_error_set(error, code, "cannot declare the device's parts");
	else
		code = umd_device_realize(wire->device, error);
	if (code) {
		wire_device_destroy(wire);
		return code;
	}

	*ret = wire;
	return 0;
}

struct umd_device *wire_device_handle(struct wire_device *wire)
{
	return wire->device;
}

void wire_device_destroy(struct wire_device *wire)
{
	if (!wire)
		return;

	umd_watch_destroy(wire->timer);
	umd_watch_destroy(wire->doorbell_watch);
	umd_watch_destroy(wire->matched_watch);
	umd_device_destroy(wire->device);
}
