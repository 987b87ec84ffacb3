/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole PCI device in about a hundred lines: it copies memory for its driver. copier.c serves it.
 *
 * Vendor 1b36, device ffe0. BAR0 is a memory BAR of 4 KiB with these registers (little-endian):
 *   00  source       u64  IOVA
 *   08  destination  u64  IOVA
 *   10  length       u32  bytes, at most 64 KiB
 *   14  start        u32  a write of 1 copies, then sends the MSI-X vector
 *   18  status       u32  read-only: 0, or the errno of the last copy; EINPROGRESS meanwhile
 *   1c  vector       u32  the MSI-X vector, 0 to 3
 * Its MSI-X table and pending bits lie at 800 and c00 of the same BAR.
 */
#include "copier_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COPY_MAX 65536u
#define VECTORS	 4u

enum {
	SOURCE = 0x00,
	DESTINATION = 0x08,
	LENGTH = 0x10,
	START = 0x14,
	STATUS = 0x18,
	VECTOR = 0x1c,
	END = 0x20,
};

struct copier {
	struct umd_device *device;
	uint32_t registers[END / 4];
	struct umd_dma_transfer transfer; /* first reads the buffer, then writes it */
	uint8_t buffer[COPY_MAX];
};

static uint64_t address(const struct copier *copier, unsigned int at)
{
	return copier->registers[at / 4] | (uint64_t)copier->registers[at / 4 + 1] << 32;
}

static int start_transfer(struct copier *copier, bool write)
{
	copier->transfer.iova = address(copier, write ? DESTINATION : SOURCE);
	copier->transfer.write = write;
	return umd_dma_start(copier->device, &copier->transfer);
}

/* Goes on after a step with this result: the memory may be such that it takes a while. */
static void go_on(void *data, int error)
{
	struct copier *copier = data;

	if (!error && !copier->transfer.write)
		error = start_transfer(copier, true);
	copier->registers[STATUS / 4] = (uint32_t)-error;
	if (error != -EINPROGRESS && error != -ECANCELED)
		umd_device_trigger(copier->device, UMD_IRQ_MSIX, copier->registers[VECTOR / 4]);
}

static void copy(struct copier *copier)
{
	if (copier->registers[STATUS / 4] == EINPROGRESS)
		return;

	copier->transfer.size = copier->registers[LENGTH / 4];
	copier->transfer.write = false;
	go_on(copier, copier->transfer.size > COPY_MAX ? -E2BIG : start_transfer(copier, false));
}

/* Registers are 32 bits wide: the library cuts what is wider, and we allow reading parts. */
static uint64_t copier_read(void *data, uint64_t offset, unsigned int size)
{
	const struct copier *copier = data;

	return offset < END ? copier->registers[offset / 4] >> (offset % 4 * 8) : 0;
}

static void copier_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct copier *copier = data;

	if (size != 4 || offset >= END || offset == STATUS)
		return;
	if (offset != START) {
		copier->registers[offset / 4] = (uint32_t)value;
	} else if (value == 1) {
		copy(copier);
	}
}

static void copier_reset(void *data, enum umd_reset kind)
{
	struct copier *copier = data;

	memset(copier->registers, 0, sizeof(copier->registers));
	memset(copier->buffer, 0, sizeof(copier->buffer));
}

int copier_create(struct umd_device **ret, struct umd_error *error)
{
	static const struct umd_device_ops ops = {.reset = copier_reset, .destroy = free};
	struct copier *copier = calloc(1, sizeof(*copier));
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = "copier",
					     .vendor = 0x1b36,
					     .device = 0xffe0,
					     .class_code = 0x088000, /* system peripheral, other */
					     .ops = &ops,
					     .data = copier};
	const struct umd_region bar = {
		.size = 4096, .max_access = 4, .read = copier_read, .write = copier_write};
	const struct umd_msix msix = {
		.vectors = VECTORS, .table_offset = 0x800, .pba_offset = 0xc00};

	if (!copier || umd_device_create(&info, ret) < 0) {
		free(copier);
		return umd_error_set(error, -ENOMEM, "out of memory");
	}
	copier->device = *ret;
	copier->transfer =
		(struct umd_dma_transfer){.buffer = copier->buffer, .done = go_on, .data = copier};
	umd_device_add_bar(copier->device, 0, &bar);
	umd_device_add_msix(copier->device, &msix);
	return umd_device_realize(copier->device, error);
}
