/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a data streaming accelerator is driven: its first work queue, dedicated, by descriptors that
 * go to the limited portal. Registers and descriptors are those of devices/dsa/regs.h and
 * descriptor.h, written down here anew.
 */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* BAR0. */
enum {
	GENCAP = 0x10,
	TABLES = 0x60,
	GENSTS = 0x90,
	INTCAUSE = 0x98,
	CMD = 0xa0,
	CMDSTS = 0xa8,
	TABLE_UNIT = 0x100,
};

#define CAN_CONFIGURE (UINT64_C(1) << 31)
#define INTERRUPT     (1u << 31) /* with the command's end */
#define ACTIVE	      (1u << 31)

enum { DISABLED, ENABLED, DRAINING, HALTED };
enum { ENABLE_DEVICE = 1, DRAIN_ALL = 3, RESET_DEVICE = 5, ENABLE_WQ = 6 };

/* A descriptor, a completion record. */
enum { BATCH = 1, MOVE = 3 };
enum { RECORD_VALID = 1 << 2, RECORD_WANTED = 1 << 3 };
enum { STATUS_OK = 1, STATUS_FAULT = 3, STATUS_BATCH = 5, STATUS_MASK = 0x7f };

#define DESCRIPTOR 64u
#define RECORD	   32u
#define QUEUE	   16u /* entries of the work queue */
#define PORTAL	   0x1000
#define BATCH_MAX  32u
#define PAUSE_US   20

/* Memory for the device beside what the tests move: records, then a batch's list. */
struct rig {
	struct umd_driver_buffer *buffer;
	uint8_t *bytes;
	uint64_t iova;
	bool failed; /* the device could not be enabled */
};

#define LIST_AT	  4096u
#define RIG_BYTES (LIST_AT + BATCH_MAX * DESCRIPTOR)

static uint32_t read32(struct suite *suite, uint64_t offset)
{
	uint32_t value;

	must(umd_driver_read32(suite->driver, UMD_DRIVER_BAR0, offset, &value));
	return value;
}

static void write32(struct suite *suite, uint64_t offset, uint32_t value)
{
	must(umd_driver_write32(suite->driver, UMD_DRIVER_BAR0, offset, value));
}

/* ---- Commands ------------------------------------------------------------------------------ */

/* The error of CMDSTS. */
static uint32_t command(struct suite *suite, uint32_t command, uint32_t operand)
{
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	uint32_t status;

	write32(suite, CMD, command << 20 | operand);
	while ((status = read32(suite, CMDSTS)) & ACTIVE) {
		check(harness_ms() < end);
		harness_sleep_us(PAUSE_US);
	}
	return status & 0xff;
}

/* One group with the first engine and the first queue. */
static void configure(struct suite *suite)
{
	uint32_t tables = read32(suite, TABLES);
	uint64_t group = (uint64_t)(tables & 0xffff) * TABLE_UNIT;
	uint64_t queue = (uint64_t)(tables >> 16) * TABLE_UNIT;

	write32(suite, queue, QUEUE);
	write32(suite, queue + 4, 0);
	write32(suite, queue + 8, 1u << 4 | 1); /* of priority 1, dedicated */
	write32(suite, queue + 12, 5u << 5 | 20);
	write32(suite, group, 1);
	write32(suite, group + 0x20, 1);
}

/* One that has halted wants a reset, after which it may do what it could before. */
static void recover(struct suite *suite)
{
	if ((read32(suite, GENSTS) & 3) != HALTED)
		return;
	must(umd_driver_reset(suite->driver));
	suite_command(suite, true, true);
}

static bool enable(struct suite *suite)
{
	uint64_t capabilities;

	recover(suite);
	if ((read32(suite, GENSTS) & 3) == ENABLED)
		return true;
	must(umd_driver_read64(suite->driver, UMD_DRIVER_BAR0, GENCAP, &capabilities));
	command(suite, RESET_DEVICE, 0);
	if (capabilities & CAN_CONFIGURE)
		configure(suite);
	return !command(suite, ENABLE_DEVICE, 0) && !command(suite, ENABLE_WQ, 0);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static void put32(uint8_t *to, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static void put64(uint8_t *to, uint64_t value)
{
	put32(to, (uint32_t)value);
	put32(to + 4, (uint32_t)(value >> 32));
}

/* Its record is the rig's number `record`. */
static void describe(const struct rig *rig, uint8_t *to, uint32_t opcode, unsigned int record,
		     uint64_t source, uint64_t destination, uint32_t size)
{
	memset(to, 0, DESCRIPTOR);
	memset(rig->bytes + (size_t)record * RECORD, 0, RECORD);
	put32(to + 4, opcode << 24 | RECORD_VALID | RECORD_WANTED);
	put64(to + 8, rig->iova + (uint64_t)record * RECORD);
	put64(to + 16, source);
	put64(to + 24, destination);
	put32(to + 32, size);
}

static void submit(struct suite *suite, const uint8_t *descriptor)
{
	must(umd_driver_region_write(suite->driver, UMD_DRIVER_BAR2, PORTAL, descriptor,
				     DESCRIPTOR));
}

/* Near the end of what may be mapped, out of the way of what tests map. */
static uint64_t far_away(struct suite *suite)
{
	struct umd_driver_dma_range ranges[UMD_DRIVER_AREAS_MAX];
	unsigned int count;

	must(umd_driver_get_dma_ranges(suite->driver, ranges, UMD_DRIVER_AREAS_MAX, &count));
	check(count);
	return (ranges[count - 1].last - 16 * RIG_BYTES) & ~(uint64_t)(SUITE_PAGE - 1);
}

static struct rig *make_rig(struct suite *suite)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct umd_driver_dma dma = {.size = sizeof(dma),
				     .flags = SUITE_BOTH | UMD_DRIVER_DMA_FIXED,
				     .iova = far_away(suite)};
	struct umd_driver_map *map;

	check(rig);
	must(umd_driver_buffer_create(RIG_BYTES, 0, &rig->buffer));
	dma.address = rig->buffer->address;
	dma.bytes = rig->buffer->bytes;
	dma.fd = rig->buffer->fd;
	must(umd_driver_dma_map(suite->driver, &dma, &map, &rig->iova));
	rig->bytes = rig->buffer->address;
	return rig;
}

/* The rig of this opening of the device, which is enabled, or rig->failed. */
static struct rig *get_rig(struct suite *suite)
{
	struct rig *rig = suite->own;

	if (!rig)
		rig = suite->own = make_rig(suite);
	rig->failed = !enable(suite);
	return rig;
}

static void start(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes)
{
	struct rig *rig = get_rig(suite);
	uint8_t descriptor[DESCRIPTOR];

	describe(rig, descriptor, MOVE, 0, source, destination, (uint32_t)bytes);
	if (!rig->failed)
		submit(suite, descriptor);
}

/* The batch's own record is the first one. */
static void start_batch(struct suite *suite, const struct kind_copy *copies, unsigned int count)
{
	struct rig *rig = get_rig(suite);
	uint8_t descriptor[DESCRIPTOR];

	check(count <= BATCH_MAX);
	for (unsigned int i = 0; i < count; i++)
		describe(rig, rig->bytes + LIST_AT + (size_t)i * DESCRIPTOR, MOVE, i + 1,
			 copies[i].source, copies[i].destination, (uint32_t)copies[i].bytes);
	describe(rig, descriptor, BATCH, 0, rig->iova + LIST_AT, 0, count);
	if (!rig->failed)
		submit(suite, descriptor);
}

static uint8_t status_of(const struct rig *rig, unsigned int record)
{
	return __atomic_load_n(&rig->bytes[(size_t)record * RECORD], __ATOMIC_ACQUIRE) &
	       STATUS_MASK;
}

static int wait(struct suite *suite)
{
	const struct rig *rig = suite->own;
	int64_t end = harness_ms() + SUITE_WAIT_MS;

	if (rig->failed)
		return -EFAULT;
	while (!status_of(rig, 0)) {
		check(harness_ms() < end);
		harness_sleep_us(PAUSE_US);
	}
	if (status_of(rig, 0) == STATUS_FAULT || status_of(rig, 0) == STATUS_BATCH)
		return -EFAULT;
	return status_of(rig, 0) == STATUS_OK ? 0 : -EIO;
}

/* A command that ends says so on vector 0. */
static void send_msi(struct suite *suite)
{
	check(!get_rig(suite)->failed);
	write32(suite, INTCAUSE, UINT32_MAX);
	command(suite, DRAIN_ALL | INTERRUPT >> 20, 0);
}

static void end(struct suite *suite)
{
	struct rig *rig = suite->own;

	if (rig)
		umd_driver_buffer_destroy(rig->buffer);
	free(rig);
}

/* The mode of the first work queue, which does nothing until that is enabled. */
static const struct kind_scratch scratch[] = {
	{UMD_DRIVER_BAR0, 0x508, 1 | 2 | 4 | 8, 4, 0x3ffffff3},
	{0},
};

const struct kind kind_dsa = {
	.name = "dsa",
	.vendor = 0x8086,
	.device = 0x0b25,
	.other_device = 0x11fb, /* vfio-pci refuses the other one */
	.scratch = scratch,
	.iova_last = UINT64_MAX,
	.copy_max = 128 * 1024,
	.storm = 2000,
	.tells_faults = true,
	.needs_files = true,
	.memcpy_start = start,
	.memcpy_batch = start_batch,
	.batch_max = BATCH_MAX,
	.memcpy_wait = wait,
	.msi_index = UMD_DRIVER_MSIX,
	.send_msi = send_msi,
	.end = end,
};
