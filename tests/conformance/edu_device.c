/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of QEMU's edu (its docs/specs/edu.rst) that the suite uses, by umdev: a line, and
 * an engine that moves up to 4 KiB between memory and a buffer, some time after it was told to.
 * Other than edu it has several messages, can be reset, and has a BAR of memory that can be mapped
 * in two places.
 */
#include "edu_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/caps.h>

enum {
	STATUS = 0x24,
	RAISE = 0x60,
	ACKNOWLEDGE = 0x64,
	DMA_SOURCE = 0x80,
	DMA_DESTINATION = 0x88,
	DMA_COUNT = 0x90,
	DMA_COMMAND = 0x98,
	BUFFER = 0x40000,
};

enum { DMA_RUN = 1, DMA_TO_MEMORY = 2 };

#define BAR_SIZE    0x100000u
#define BUFFER_SIZE 4096u
#define DELAY_NS    200000u
#define MESSAGES    4u
#define MEMORY_SIZE 65536u

struct edu {
	struct umd_device *device;
	struct umd_watch *timer;
	uint32_t status, source, destination, count, command;
	struct umd_dma_transfer transfer;
	uint8_t buffer[BUFFER_SIZE];
};

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void set_status(struct edu *edu, uint32_t status)
{
	bool rose = status & ~edu->status;

	edu->status = status;
	umd_device_set_intx(edu->device, status != 0);
	if (rose)
		umd_device_trigger(edu->device, UMD_IRQ_MSI, 0);
}

/* ---- The engine ---------------------------------------------------------------------------- */

/* What cannot be reached is left out, and nobody is told. */
static void end_move(void *data, int error)
{
	struct edu *edu = data;

	edu->command &= ~(uint32_t)DMA_RUN;
}

static void move(void *data, uint32_t events)
{
	struct edu *edu = data;
	bool to_memory = edu->command & DMA_TO_MEMORY;
	uint32_t in_buffer = (to_memory ? edu->source : edu->destination) - BUFFER;
	int err;

	if (in_buffer > BUFFER_SIZE || edu->count > BUFFER_SIZE - in_buffer) {
		end_move(edu, 0);
		return;
	}
	if (!to_memory)
		memset(edu->buffer + in_buffer, 0, edu->count);
	edu->transfer.iova = to_memory ? edu->destination : edu->source;
	edu->transfer.buffer = edu->buffer + in_buffer;
	edu->transfer.size = edu->count;
	edu->transfer.write = to_memory;
	err = umd_dma_start(edu->device, &edu->transfer);
	if (err != -EINPROGRESS)
		end_move(edu, err);
}

/* ---- Registers ----------------------------------------------------------------------------- */

static uint32_t *find_register(struct edu *edu, uint64_t offset)
{
	switch (offset) {
	case STATUS:
		return &edu->status;
	case DMA_SOURCE:
		return &edu->source;
	case DMA_DESTINATION:
		return &edu->destination;
	case DMA_COUNT:
		return &edu->count;
	case DMA_COMMAND:
		return &edu->command;
	default:
		return NULL;
	}
}

static uint64_t edu_read(void *data, uint64_t offset, unsigned int size)
{
	const uint32_t *at = find_register(data, offset);

	return at && size == 4 ? *at : UINT32_MAX;
}

static void edu_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct edu *edu = data;
	uint32_t *at = find_register(edu, offset);

	if (size != 4 || (edu->command & DMA_RUN && offset >= DMA_SOURCE))
		return;
	if (offset == RAISE)
		set_status(edu, edu->status | (uint32_t)value);
	else if (offset == ACKNOWLEDGE)
		set_status(edu, edu->status & ~(uint32_t)value);
	else if (at && offset != STATUS)
		*at = (uint32_t)value;
	if (offset == DMA_COMMAND && value & DMA_RUN)
		umd_watch_set_timer(edu->timer, DELAY_NS);
}

static void edu_reset(void *data, enum umd_reset kind)
{
	struct edu *edu = data;

	umd_dma_cancel(edu->device, &edu->transfer);
	umd_watch_set_timer(edu->timer, 0);
	edu->status = edu->source = edu->destination = edu->count = edu->command = 0;
	memset(edu->buffer, 0, sizeof(edu->buffer));
}

static void edu_destroy(void *data)
{
	struct edu *edu = data;

	umd_watch_destroy(edu->timer);
	free(edu);
}

/* ---- Making one ---------------------------------------------------------------------------- */

/* A BAR of memory with a hole in it, which reads as zeroes. */
static int add_memory(struct umd_device *device)
{
	static const struct umd_area areas[] = {{0, 4096}, {16384, MEMORY_SIZE - 16384}};
	const struct umd_region bar = {.size = MEMORY_SIZE};
	int fd = memfd_create("edu", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0 || ftruncate(fd, MEMORY_SIZE) < 0) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	umd_device_add_bar(device, 2, &bar);
	err = umd_device_add_memory(device, 2, fd, 0, areas, 2);
	close(fd);
	return err;
}

static void declare(struct edu *edu)
{
	const struct umd_region bar = {
		.size = BAR_SIZE, .max_access = 4, .read = edu_read, .write = edu_write};

	umd_device_add_bar(edu->device, 0, &bar);
	umd_device_add_intx(edu->device, 1);
	umd_device_add_msi(edu->device, &(struct umd_msi){.messages = MESSAGES});
	umd_device_add_pcie(edu->device, &(struct umd_pcie){.flr = true});
}

int edu_create(struct umd_device **ret, struct umd_error *error)
{
	static const struct umd_device_ops ops = {.reset = edu_reset, .destroy = edu_destroy};
	struct edu *edu = calloc(1, sizeof(*edu));
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = "edu",
					     .vendor = 0x1234,
					     .device = 0x11e8,
					     .class_code = 0x00ff00, /* unclassified, other */
					     .ops = &ops,
					     .data = edu};

	if (!edu || umd_device_create(&info, ret) < 0) {
		free(edu);
		return umd_error_set(error, -ENOMEM, "out of memory");
	}
	edu->device = *ret;
	edu->transfer.done = end_move;
	edu->transfer.data = edu;
	declare(edu);
	if (umd_watch_timer(edu->device, move, edu, &edu->timer) < 0 || add_memory(edu->device) < 0)
		return umd_error_set(error, -ENOMEM, "no timer, or no memory");
	return umd_device_realize(edu->device, error);
}
