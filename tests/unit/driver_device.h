/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device for the driver's tests that does what its registers are told, offered in this process
 * ("fake:") or served from a thread of its own ("vfio-user:"). One that includes it runs its tests
 * with both.
 */
#ifndef DRIVER_DEVICE_H
#define DRIVER_DEVICE_H

#include "unit.h"

#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include <umdev/caps.h>
#include <umdev/device.h>
#include <umdev/driver.h>
#include <umdev/fake.h>

#define WAIT_MS	    3000
#define MSIX_COUNT  40u
#define MSI_COUNT   8u
#define AREA_BYTES  UINT64_C(0x40000)
#define AREA_OFFSET UINT64_C(0x10000)
#define SMALL_AREA  UINT64_C(0x8000)

/* BAR 0: 1 MiB, registers of up to 8 bytes; memory at SMALL_AREA and AREA_OFFSET. */
enum {
	SCRATCH = 0x00,	      /* u64 */
	TRIGGER_MSIX = 0x10,  /* write: this vector */
	TRIGGER_MSI = 0x14,   /* the same */
	LINE = 0x18,	      /* INTx, asserted or not */
	UNPLUG = 0x1c,	      /* write 1: a request; 2: by surprise */
	LAST_WIDTH = 0x20,    /* bytes of the last access to SCRATCH */
	ACCESSES = 0x24,      /* how many there were */
	DMA_ADDRESS = 0x28,   /* u64 IOVA */
	DMA_WRITE_TO = 0x30,  /* write: to the 4 bytes at DMA_ADDRESS */
	DMA_STATUS = 0x34,    /* errno of the last one */
	TRIGGER_LATER = 0x38, /* write: MSI-X vector 0 after so many ms */
	WAKE_LATER = 0x3c,    /* write: umd_device_wake() after so many ms */
	ENABLED_MSI = 0x40,   /* vectors in use */
};

/* BAR 2: 4 KiB, requests. */
enum {
	AT_ONCE = 0x00,
	DEFERRED = 0x08,  /* for a few ms */
	FOR_EVER = 0x10,  /* until it is cancelled */
	WITHDRAWN = 0x18, /* withdraws the device a few ms later, unanswered */
};

static struct driver_device {
	struct umd_device *device;
	struct umd_watch *later, *defer;
	struct umd_request *request;
	uint64_t scratch, dma_address;
	uint32_t last_width, accesses, dma_status;
	bool wakes, withdraws;
	unsigned int resets, cancelled;
	enum umd_reset last_reset;
	atomic_int power;
	atomic_bool unplugged;
	int memory_fd;

	/* How it is reached. */
	bool is_served;
	char dir[32], path[48], uri[64];
	struct umd_server *server;
	pthread_t thread;
	atomic_bool stop;
	int fds_before;
} dut;

static struct umd_driver *driver;

/* ---- Its handlers -------------------------------------------------------------------------- */

static inline uint64_t dut_read(void *data, uint64_t offset, unsigned int size)
{
	switch (offset) {
	case SCRATCH ... SCRATCH + 7:
		dut.last_width = size;
		dut.accesses++;
		return dut.scratch >> (8 * offset);
	case LAST_WIDTH:
		return dut.last_width;
	case ACCESSES:
		return dut.accesses;
	case DMA_STATUS:
		return dut.dma_status;
	case ENABLED_MSI:
		return umd_device_enabled_vectors(dut.device, UMD_IRQ_MSI);
	default:
		return 0;
	}
}

static inline void dut_write_scratch(uint64_t offset, unsigned int size, uint64_t value)
{
	uint8_t bytes[8], part[8];

	memcpy(bytes, &dut.scratch, 8);
	memcpy(part, &value, 8);
	memcpy(bytes + offset, part, size);
	memcpy(&dut.scratch, bytes, 8);
	dut.last_width = size;
	dut.accesses++;
}

static inline void dut_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	uint32_t word = (uint32_t)value;

	switch (offset) {
	case SCRATCH ... SCRATCH + 7:
		dut_write_scratch(offset, size, value);
		break;
	case TRIGGER_MSIX:
		umd_device_trigger(dut.device, UMD_IRQ_MSIX, word);
		break;
	case TRIGGER_MSI:
		umd_device_trigger(dut.device, UMD_IRQ_MSI, word);
		break;
	case LINE:
		umd_device_set_intx(dut.device, word);
		break;
	case UNPLUG:
		umd_device_unplug(dut.device, word == 1 ? UINT64_C(60000000000) : 0);
		break;
	case DMA_ADDRESS:
		dut.dma_address = value;
		break;
	case DMA_WRITE_TO:
		dut.dma_status =
			(uint32_t)-umd_dma_write(dut.device, dut.dma_address, &word, sizeof(word));
		break;
	case TRIGGER_LATER:
	case WAKE_LATER:
		dut.wakes = offset == WAKE_LATER;
		umd_watch_set_timer(dut.later, word * UINT64_C(1000000));
		break;
	default:
		break;
	}
}

static inline void dut_later(void *data, uint32_t events)
{
	if (dut.wakes)
		umd_device_wake(dut.device);
	else
		umd_device_trigger(dut.device, UMD_IRQ_MSIX, 0);
}

static inline void dut_cancelled(void *data)
{
	dut.request = NULL;
	dut.cancelled++;
}

static inline void dut_defer_over(void *data, uint32_t events)
{
	struct umd_request *request = dut.request;

	if (dut.withdraws) {
		umd_fake_withdraw(dut.device);
		return;
	}
	if (!request)
		return;
	dut.request = NULL;
	if (!umd_request_is_write(request))
		memset(umd_request_data(request), 0x5a, umd_request_size(request));
	umd_request_complete(request, 0);
}

static inline void dut_access(void *data, struct umd_request *request)
{
	uint64_t offset = umd_request_offset(request);

	if (offset == AT_ONCE) {
		umd_request_complete(request, 0);
		return;
	}
	dut.request = request;
	dut.withdraws = offset == WITHDRAWN;
	umd_request_defer(request, dut_cancelled, NULL);
	if (offset != FOR_EVER)
		umd_watch_set_timer(dut.defer, UINT64_C(5000000));
}

static inline void dut_reset(void *data, enum umd_reset kind)
{
	dut.scratch = 0;
	dut.resets++;
	dut.last_reset = kind;
}

static inline void dut_power(void *data, enum umd_power power)
{
	dut.power = (int)power;
}

static inline void dut_unplugged(void *data, bool surprise)
{
	dut.unplugged = true;
}

static inline void dut_destroy(void *data)
{
	umd_watch_destroy(dut.later);
	umd_watch_destroy(dut.defer);
}

/* ---- Making it ----------------------------------------------------------------------------- */

static inline void dut_add_memory(void)
{
	const struct umd_area areas[] = {{SMALL_AREA, 0x1000}, {AREA_OFFSET, AREA_BYTES}};

	dut.memory_fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(dut.memory_fd, (off_t)(AREA_OFFSET + AREA_BYTES)), 0);
	umd_device_add_memory(dut.device, 0, dut.memory_fd, 0, areas, 2);
	close(dut.memory_fd);
}

static inline void dut_create(void)
{
	static const struct umd_device_ops ops = {.reset = dut_reset,
						  .power = dut_power,
						  .unplugged = dut_unplugged,
						  .destroy = dut_destroy};
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = "dut",
					     .vendor = 0x1234,
					     .device = 0x5678,
					     .ops = &ops};
	const struct umd_region registers = {
		.size = 1 << 20, .max_access = 8, .read = dut_read, .write = dut_write};
	const struct umd_region requests = {.size = 4096, .access = dut_access};
	const struct umd_region tables = {.size = 4096};
	const struct umd_msix msix = {
		.vectors = MSIX_COUNT, .table_bar = 4, .pba_bar = 4, .pba_offset = 0x800};
	struct umd_error error = {0};

	assert_int_equal(umd_device_create(&info, &dut.device), 0);
	umd_device_add_bar(dut.device, 0, &registers);
	umd_device_add_bar(dut.device, 2, &requests);
	umd_device_add_bar(dut.device, 4, &tables);
	dut_add_memory();
	umd_device_add_intx(dut.device, 1);
	umd_device_add_msi(dut.device, &(struct umd_msi){.messages = MSI_COUNT});
	umd_device_add_msix(dut.device, &msix);
	umd_device_add_pcie(dut.device, &(struct umd_pcie){.flr = true});
	umd_device_add_aer(dut.device, &(struct umd_aer){0});
	umd_device_add_pasid(dut.device, &(struct umd_pasid){.width = 8});
	if (umd_device_realize(dut.device, &error))
		fail_msg("%s", error.text);
	assert_int_equal(umd_watch_timer(dut.device, dut_later, NULL, &dut.later), 0);
	assert_int_equal(umd_watch_timer(dut.device, dut_defer_over, NULL, &dut.defer), 0);
}

static inline void *dut_serve(void *data)
{
	while (!dut.stop && umd_server_dispatch(dut.server, 2) != -ESHUTDOWN)
		continue;
	return NULL;
}

static inline void dut_reach_by_socket(void)
{
	struct umd_server_options options = {.size = sizeof(options), .fd = -1};

	strcpy(dut.dir, "/tmp/umdev-unit-XXXXXX");
	assert_non_null(mkdtemp(dut.dir));
	snprintf(dut.path, sizeof(dut.path), "%s/s", dut.dir);
	snprintf(dut.uri, sizeof(dut.uri), "vfio-user:%s", dut.path);
	options.socket_path = dut.path;
	assert_int_equal(umd_server_create(dut.device, &options, &dut.server), 0);
	assert_int_equal(pthread_create(&dut.thread, NULL, dut_serve, NULL), 0);
}

static inline void dut_open(unsigned int flags)
{
	struct umd_driver_options options = {.size = sizeof(options), .flags = flags};
	struct umd_error error = {0};

	if (umd_driver_open(dut.uri, &options, &driver, &error))
		fail_msg("%s", error.text);
	assert_int_equal(umd_driver_config_write16(driver, PCI_COMMAND,
						   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			 0);
}

static inline int dut_begin(bool served)
{
	memset(&dut, 0, sizeof(dut));
	dut.is_served = served;
	dut.fds_before = unit_count_fds();
	dut_create();
	if (served) {
		dut_reach_by_socket();
	} else {
		strcpy(dut.uri, "fake:dut");
		assert_int_equal(umd_fake_offer(dut.device, "dut"), 0);
	}
	dut_open(0);
	return 0;
}

static inline int dut_begin_fake(void **state)
{
	return dut_begin(false);
}

static inline int dut_begin_served(void **state)
{
	return dut_begin(true);
}

static inline int dut_end(void **state)
{
	umd_driver_close(driver);
	driver = NULL;
	if (dut.is_served) {
		dut.stop = true;
		pthread_join(dut.thread, NULL);
		umd_server_destroy(dut.server);
		assert_int_equal(rmdir(dut.dir), 0);
	} else {
		umd_fake_withdraw(dut.device);
	}
	umd_device_destroy(dut.device);
	assert_int_equal(unit_count_fds(), dut.fds_before);
	return 0;
}

#define ON_FAKE(test)                                                \
	{                                                            \
#test " (fake)", test, dut_begin_fake, dut_end, NULL \
	}
#define ON_BOTH(test)                                                       \
	ON_FAKE(test),                                                      \
	{                                                                   \
#test " (vfio-user)", test, dut_begin_served, dut_end, NULL \
	}

/* ---- Driving it ---------------------------------------------------------------------------- */

static inline void put(uint64_t offset, uint32_t value)
{
	assert_int_equal(umd_driver_write32(driver, UMD_DRIVER_BAR0, offset, value), 0);
}

static inline uint32_t get(uint64_t offset)
{
	uint32_t value = 0;

	assert_int_equal(umd_driver_read32(driver, UMD_DRIVER_BAR0, offset, &value), 0);
	return value;
}

/* The next event within a while; -EAGAIN where there is none. */
static inline int next_event(struct umd_driver_event *ret, int timeout_ms)
{
	struct pollfd pollfd = {.fd = umd_driver_event_fd(driver), .events = POLLIN};
	int turns = timeout_ms; /* each of a millisecond at most */

	ret->size = sizeof(*ret);
	do {
		int err = umd_driver_next_event(driver, ret);

		if (err != -EAGAIN)
			return err;
		poll(&pollfd, 1, 1);
	} while (turns-- > 0);
	return -EAGAIN;
}

static inline void expect_event(unsigned int kind)
{
	struct umd_driver_event event;

	assert_int_equal(next_event(&event, WAIT_MS), 0);
	assert_int_equal(event.kind, kind);
}

static inline void expect_no_event(void)
{
	struct umd_driver_event event;

	assert_int_equal(next_event(&event, 20), -EAGAIN);
}

#endif
