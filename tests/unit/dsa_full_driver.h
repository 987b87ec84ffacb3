/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A full device as its driver has it: opened by the driver library, in this process ("fake:") or
 * served by a thread ("vfio-user:"), with memory mapped and registers by their numbers.
 */
#ifndef DSA_FULL_DRIVER_H
#define DSA_FULL_DRIVER_H

#include "unit.h"

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include <umdev/driver.h>
#include <umdev/fake.h>

#include "dsa/full.h"

#define VECTORS	     9u
#define MEMORY_BYTES (UINT64_C(32) << 20)
#define MEMORY_IOVA  UINT64_C(0x100000000)
#define NOT_MAPPED   UINT64_C(0x900000000)
#define LONG_MS	     20000

enum {
	GENCFG = 0x80,
	GENCTRL = 0x88,
	GENSTS = 0x90,
	INTCAUSE = 0x98,
	CMD = 0xa0,
	CMDSTS = 0xa8,
	SWERR = 0xc0,
};

/* Flags and operations of descriptors. */
enum {
	F_FENCE = 0x1,
	F_BOF = 0x2,
	F_CRAV = 0x4,
	F_RCR = 0x8,
	F_RCI = 0x10,

	OP_NOP = 0,
	OP_BATCH = 1,
	OP_DRAIN = 2,
	OP_MOVE = 3,
	OP_FILL = 4,
};

/* Where things lie in the driver's memory. */
enum {
	RECORDS = 0x0,	    /* of 32 bytes */
	LIST = 0x10000,	    /* of descriptors */
	SOURCE = 0x100000,  /* 8 MiB */
	TARGET = 0x1000000, /* the same */
};

static struct {
	struct umd_device *device;
	struct umd_driver *driver;
	struct umd_driver_buffer *memory;
	struct umd_driver_map *map;
	int events[VECTORS];
	int fds_before;

	bool is_served;
	char dir[32], path[48], uri[64];
	struct umd_server *server;
	pthread_t thread;
	atomic_bool stop;
} full;

/* ---- Registers ----------------------------------------------------------------------------- */

static inline uint32_t r32(uint64_t offset)
{
	uint32_t value = 0;

	assert_int_equal(umd_driver_read32(full.driver, UMD_DRIVER_BAR0, offset, &value), 0);
	return value;
}

static inline uint64_t r64(uint64_t offset)
{
	uint64_t value = 0;

	assert_int_equal(umd_driver_read64(full.driver, UMD_DRIVER_BAR0, offset, &value), 0);
	return value;
}

static inline void w32(uint64_t offset, uint32_t value)
{
	assert_int_equal(umd_driver_write32(full.driver, UMD_DRIVER_BAR0, offset, value), 0);
}

static inline void w64(uint64_t offset, uint64_t value)
{
	assert_int_equal(umd_driver_write64(full.driver, UMD_DRIVER_BAR0, offset, value), 0);
}

static inline uint64_t wqcfg_at(unsigned int wq, unsigned int word)
{
	return (r64(0x60) >> 16 & 0xffff) * 0x100 + 64 * wq + 4 * word;
}

static inline uint64_t grpcfg_at(unsigned int group)
{
	return (r64(0x60) & 0xffff) * 0x100 + 64 * group;
}

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Polls CMDSTS as the VFIO selftest does. */
static inline uint32_t wait_command(void)
{
	uint64_t end = now_ms() + LONG_MS;
	uint32_t status;

	while ((status = r32(CMDSTS)) & 0x80000000u) {
		assert_true(now_ms() < end);
		usleep(200);
	}
	return status;
}

static inline uint32_t command(uint32_t code, uint32_t operand)
{
	w32(CMD, code << 20 | operand);
	return wait_command();
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

/* A fake device does what it does later in its driver's calls. */
static inline bool wait_vector(unsigned int vector, int timeout_ms)
{
	struct pollfd ready = {.fd = full.events[vector], .events = POLLIN};
	uint64_t end = now_ms() + (uint64_t)timeout_ms;

	do {
		r32(0);
		if (poll(&ready, 1, 1) == 1)
			return unit_take_events(full.events[vector]) > 0;
	} while (now_ms() < end);
	return false;
}

static inline void expect_vector(unsigned int vector)
{
	if (!wait_vector(vector, LONG_MS))
		fail_msg("vector %u did not come", vector);
}

/* As idxd does it: a command's end comes by vector 0, its errors are read then. */
static inline uint32_t command_by_interrupt(uint32_t code, uint32_t operand)
{
	uint32_t cause;

	w32(CMD, 0x80000000u | code << 20 | operand);
	expect_vector(0);
	cause = r32(INTCAUSE);
	w32(INTCAUSE, cause);
	assert_int_equal(cause, 2);
	assert_int_equal(r32(INTCAUSE), 0);
	return r32(CMDSTS);
}

static inline void take_vectors(void)
{
	assert_int_equal(umd_driver_irq_count(full.driver, UMD_DRIVER_MSIX), VECTORS);
	assert_int_equal(
		umd_driver_irq_set_fds(full.driver, UMD_DRIVER_MSIX, 0, VECTORS, full.events), 0);
}

/* ---- Memory -------------------------------------------------------------------------------- */

static inline uint8_t *at(uint64_t offset)
{
	return (uint8_t *)full.memory->address + offset;
}

static inline uint64_t iova(uint64_t offset)
{
	return MEMORY_IOVA + offset;
}

static inline void map_memory(void)
{
	struct umd_driver_dma dma = {
		.size = sizeof(dma),
		.address = full.memory->address,
		.bytes = full.memory->bytes,
		.fd = full.memory->fd,
		.flags = UMD_DRIVER_DMA_READ | UMD_DRIVER_DMA_WRITE | UMD_DRIVER_DMA_FIXED,
		.iova = MEMORY_IOVA,
	};
	uint64_t where;

	assert_int_equal(umd_driver_dma_map(full.driver, &dma, &full.map, &where), 0);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

struct descriptor {
	uint8_t bytes[64];
} __attribute__((aligned(64)));

static inline uint64_t record_at(unsigned int index)
{
	return RECORDS + 32 * (uint64_t)index;
}

static inline struct descriptor describe(uint32_t opcode, uint32_t flags, unsigned int record,
					 uint64_t source, uint64_t target, uint32_t size)
{
	/* As Linux has it, privileged whoever asks. */
	uint32_t words[16] = {0x80000000u, opcode << 24 | flags};
	uint64_t completion = flags & F_CRAV ? iova(record_at(record)) : 0;
	struct descriptor result;

	memcpy(&words[2], &completion, 8);
	memcpy(&words[4], &source, 8);
	memcpy(&words[6], &target, 8);
	words[8] = size;
	memcpy(result.bytes, words, 64);
	memset(at(record_at(record)), 0, 32);
	return result;
}

static inline struct descriptor with_handle(struct descriptor descriptor, uint16_t handle)
{
	memcpy(descriptor.bytes + 0x24, &handle, 2);
	return descriptor;
}

static inline struct descriptor move(unsigned int record, uint32_t flags, uint32_t size)
{
	return describe(OP_MOVE, F_CRAV | F_RCR | flags, record, iova(SOURCE), iova(TARGET), size);
}

enum { UNLIMITED, LIMITED, IMS };

static inline uint64_t portal_at(unsigned int wq, unsigned int kind)
{
	return wq * UINT64_C(0x4000) + kind * UINT64_C(0x1000);
}

static inline int submit(unsigned int wq, unsigned int kind, struct descriptor descriptor)
{
	return umd_driver_region_write(full.driver, UMD_DRIVER_BAR2, portal_at(wq, kind),
				       descriptor.bytes, 64);
}

static inline uint8_t record_status(unsigned int record)
{
	return __atomic_load_n(at(record_at(record)), __ATOMIC_ACQUIRE);
}

static inline uint8_t wait_record(unsigned int record)
{
	uint64_t end = now_ms() + LONG_MS;

	while (!record_status(record)) {
		r32(0);
		assert_true(now_ms() < end);
		usleep(50);
	}
	return record_status(record);
}

static inline void fill_source(size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t value = unit_random(&seed);

		memcpy(at(SOURCE + i), &value, 8);
	}
	memset(at(TARGET), 0, size);
}

static inline void expect_moved(size_t size)
{
	assert_memory_equal(at(SOURCE), at(TARGET), size);
}

/* ---- Configuring --------------------------------------------------------------------------- */

static inline void configure_wq(unsigned int wq, uint32_t size, uint32_t threshold, uint32_t mode)
{
	w32(wqcfg_at(wq, 0), size);
	w32(wqcfg_at(wq, 1), threshold);
	w32(wqcfg_at(wq, 2), mode | 10 << 4);
	w32(wqcfg_at(wq, 3), 31 | 10 << 5);
}

/* WQ 0 is dedicated, WQ 1 shared. */
static inline void enable_all(void)
{
	configure_wq(0, 64, 0, 1);
	configure_wq(1, 16, 8, 0);
	w64(grpcfg_at(0), 0x3);
	w64(grpcfg_at(0) + 0x20, 0xf);
	assert_int_equal(command(1, 0), 0);
	assert_int_equal(command(6, 0), 0);
	assert_int_equal(command(6, 1), 0);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static inline void *serve(void *data)
{
	while (!full.stop && umd_server_dispatch(full.server, 2) != -ESHUTDOWN)
		continue;
	return NULL;
}

static inline void serve_device(void)
{
	struct umd_server_options options = {.size = sizeof(options), .fd = -1};

	strcpy(full.dir, "/tmp/umdev-unit-XXXXXX");
	assert_non_null(mkdtemp(full.dir));
	snprintf(full.path, sizeof(full.path), "%s/s", full.dir);
	snprintf(full.uri, sizeof(full.uri), "vfio-user:%s", full.path);
	options.socket_path = full.path;
	assert_int_equal(umd_server_create(full.device, &options, &full.server), 0);
	assert_int_equal(pthread_create(&full.thread, NULL, serve, NULL), 0);
}

static inline void open_driver(void)
{
	struct umd_driver_options options = {.size = sizeof(options)};
	struct umd_error error = {0};

	if (umd_driver_open(full.uri, &options, &full.driver, &error))
		fail_msg("%s", error.text);
	assert_int_equal(umd_driver_config_write16(full.driver, PCI_COMMAND,
						   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			 0);
	map_memory();
	take_vectors();
}

static inline int begin_kind(const struct umd_device_kind *kind, bool served)
{
	static const char *const options[] = {"workers=2"};
	struct umd_error error = {0};

	alarm(120);
	memset(&full, 0, sizeof(full));
	full.fds_before = unit_count_fds();
	full.is_served = served;
	for (unsigned int i = 0; i < VECTORS; i++)
		full.events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(umd_driver_buffer_create(MEMORY_BYTES, 0, &full.memory), 0);
	if (kind->create(options, 1, &full.device, &error))
		fail_msg("%s", error.text);
	if (served) {
		serve_device();
	} else {
		strcpy(full.uri, "fake:dsa");
		assert_int_equal(umd_fake_offer(full.device, "dsa"), 0);
	}
	open_driver();
	return 0;
}

static inline int begin_fake(void **state)
{
	return begin_kind(&dsa_full_kind, false);
}

static inline int begin_served(void **state)
{
	return begin_kind(&dsa_full_kind, true);
}

static inline int end(void **state)
{
	umd_driver_close(full.driver);
	if (full.is_served) {
		full.stop = true;
		pthread_join(full.thread, NULL);
		umd_server_destroy(full.server);
		assert_int_equal(rmdir(full.dir), 0);
	} else {
		umd_fake_withdraw(full.device);
	}
	umd_device_destroy(full.device);
	umd_driver_buffer_destroy(full.memory);
	for (unsigned int i = 0; i < VECTORS; i++)
		close(full.events[i]);
	assert_int_equal(unit_count_fds(), full.fds_before);
	alarm(0);
	return 0;
}

#define ON_BOTH(test)                                               \
	{#test " (fake)", test, begin_fake, end, NULL},             \
	{                                                           \
#test " (vfio-user)", test, begin_served, end, NULL \
	}

#endif
