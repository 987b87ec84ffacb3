/* SPDX-License-Identifier: BSD-2-Clause */
/* What lies behind the BARs: registers whose pieces are logged, and memory. BAR0: access.c. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static const struct umd_area memory_areas[] = {{0, 0x4000}, {0x8000, 0x4000}};
#define MEMORY_SIZE 0xc000

/* ---- The log of register pieces ------------------------------------------------------------ */

static void log_piece(struct wire_device *wire, unsigned int bar, bool write, uint64_t offset,
		      unsigned int size, uint64_t value)
{
	uint32_t count = (uint32_t)get_le(wire->bar0 + LOG_COUNT, 4);
	uint8_t *entry;

	put_le(wire->bar0 + LOG_COUNT, 4, count + 1);
	if (count >= LOG_ENTRIES)
		return;

	entry = wire->bar0 + LOG_FIRST + (size_t)8 * count;
	put_le(entry, 2, offset);
	entry[2] = (uint8_t)size;
	entry[3] = (uint8_t)(bar << 1 | write);
	put_le(entry + 4, 4, value);
}

void wire_log_clear(struct wire_device *wire)
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

/* ---- Declaration --------------------------------------------------------------------------- */

static const struct umd_region bars[] = {
	[0] = {.size = BAR0_SIZE, .access = wire_bar0_access},
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

static int add_memory(struct wire_device *wire)
{
	wire->memory_fd = memfd_create("wire-bar2", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (wire->memory_fd < 0 || ftruncate(wire->memory_fd, MEMORY_SIZE))
		return -errno;

	wire->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, wire->memory_fd, 0);
	if (wire->memory == MAP_FAILED) {
		wire->memory = NULL;
		return -errno;
	}
	return umd_device_add_memory(wire->device, 2, wire->memory_fd, 0, memory_areas, 2);
}

int wire_add_bars(struct wire_device *wire)
{
	for (unsigned int i = 0; i < sizeof(bars) / sizeof(bars[0]); i++) {
		int error = bars[i].size ? umd_device_add_bar(wire->device, i, &bars[i]) : 0;

		if (error)
			return error;
	}
	return add_memory(wire);
}

void wire_bars_reset(struct wire_device *wire)
{
	memset(wire->bar0, 0, sizeof(wire->bar0));
	memset(wire->bar1, 0, sizeof(wire->bar1));
	memset(wire->memory, 0, MEMORY_SIZE);
}

void wire_bars_finish(struct wire_device *wire)
{
	if (wire->memory)
		munmap(wire->memory, MEMORY_SIZE);
	if (wire->memory_fd >= 0)
		close(wire->memory_fd);
}
