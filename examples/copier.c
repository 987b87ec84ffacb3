/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole PCI device in about a hundred lines: it copies memory for its driver.
 *
 *   copier SOCKET
 *
 * Vendor 1b36, device ffe0. BAR0 is a memory BAR of 4 KiB with these registers (little-endian):
 *   00  source       u64  IOVA
 *   08  destination  u64  IOVA
 *   10  length       u32  bytes, at most 64 KiB
 *   14  start        u32  a write of 1 copies, then sends MSI-X vector 0
 *   18  status       u32  read-only: 0, or the errno of the last copy
 * Its MSI-X table and pending bits lie at 800 and c00 of the same BAR.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/device.h>

#define COPY_MAX 65536u

enum { SOURCE = 0x00, DESTINATION = 0x08, LENGTH = 0x10, START = 0x14, STATUS = 0x18, END = 0x20 };

struct copier {
	struct umd_device *device;
	uint64_t source, destination;
	uint32_t length, status;
	uint8_t buffer[COPY_MAX];
};

/* A register as a driver may see part of: 4 or 8 bytes of a 64-bit field. */
static uint64_t field(uint64_t value, uint64_t offset)
{
	return value >> (offset % 8 * 8);
}

static uint64_t copier_read(void *data, uint64_t offset, unsigned int size)
{
	const struct copier *copier = data;

	switch (offset & ~UINT64_C(7)) {
	case SOURCE:
		return field(copier->source, offset);
	case DESTINATION:
		return field(copier->destination, offset);
	case LENGTH:
		return offset == LENGTH ? copier->length : 0;
	case STATUS:
		return field(copier->status, offset);
	default:
		return 0;
	}
}

static int copy(struct copier *copier)
{
	int err;

	if (copier->length > COPY_MAX)
		return -E2BIG;

	err = umd_dma_read(copier->device, copier->source, copier->buffer, copier->length);
	if (err)
		return err;
	return umd_dma_write(copier->device, copier->destination, copier->buffer, copier->length);
}

/* The driver writes a 64-bit field whole, or in two halves. */
static void set_field(uint64_t *to, uint64_t offset, unsigned int size, uint64_t value)
{
	uint64_t mask = size == 8 ? UINT64_MAX : UINT64_C(0xffffffff) << (offset % 8 * 8);

	*to = (*to & ~mask) | (value << (offset % 8 * 8) & mask);
}

static void copier_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct copier *copier = data;

	if (size < 4)
		return;
	if (offset < DESTINATION) {
		set_field(&copier->source, offset, size, value);
	} else if (offset < LENGTH) {
		set_field(&copier->destination, offset, size, value);
	} else if (offset == LENGTH) {
		copier->length = (uint32_t)value;
	} else if (offset == START && value == 1) {
		copier->status = (uint32_t)-copy(copier);
		umd_device_trigger(copier->device, UMD_IRQ_MSIX, 0);
	}
}

static void copier_reset(void *data, enum umd_reset kind)
{
	struct copier *copier = data;

	copier->source = copier->destination = copier->length = copier->status = 0;
	memset(copier->buffer, 0, sizeof(copier->buffer));
}

static int make(struct umd_device **ret, struct umd_error *error)
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
	const struct umd_region bar = {.size = 4096, .read = copier_read, .write = copier_write};
	const struct umd_msix msix = {.vectors = 1, .table_offset = 0x800, .pba_offset = 0xc00};

	if (!copier || umd_device_create(&info, ret) < 0) {
		free(copier);
		return umd_error_set(error, -ENOMEM, "out of memory");
	}
	copier->device = *ret;
	umd_device_add_bar(copier->device, 0, &bar);
	umd_device_add_msix(copier->device, &msix);
	return umd_device_realize(copier->device, error);
}

int main(int argc, char **argv)
{
	struct umd_server_options options = {.size = sizeof(options)};
	struct umd_error error = {0};
	struct umd_device *device;
	struct umd_server *server;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: copier SOCKET\n");
		return 2;
	}
	if (make(&device, &error) < 0) {
		fprintf(stderr, "copier: %s\n", error.text);
		return 1;
	}

	options.socket_path = argv[1];
	err = umd_server_create(device, &options, &server);
	while (!err)
		err = umd_server_dispatch(server, -1);
	fprintf(stderr, "copier: %s\n", strerror(-err));
	return 1;
}
