/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How QEMU's edu is driven (its docs/specs/edu.rst). Its engine moves up to 4 KiB between memory
 * and a buffer of its own, 100 ms later, and reaches 28 bits; so a copy is two steps. Of what went
 * wrong with memory it says nothing.
 */
#include "suite.h"

#include <errno.h>

enum {
	RAISE = 0x60,
	ACKNOWLEDGE = 0x64,
	DMA_SOURCE = 0x80,
	DMA_DESTINATION = 0x88,
	DMA_COUNT = 0x90,
	DMA_COMMAND = 0x98,
	BUFFER = 0x40000,
};

enum { DMA_RUN = 1, DMA_TO_MEMORY = 2 };

#define PAUSE_US 1000

static void move(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes,
		 uint32_t command)
{
	struct umd_driver *driver = suite->driver;

	must(umd_driver_write32(driver, UMD_DRIVER_BAR0, DMA_SOURCE, (uint32_t)source));
	must(umd_driver_write32(driver, UMD_DRIVER_BAR0, DMA_DESTINATION, (uint32_t)destination));
	must(umd_driver_write32(driver, UMD_DRIVER_BAR0, DMA_COUNT, (uint32_t)bytes));
	must(umd_driver_write32(driver, UMD_DRIVER_BAR0, DMA_COMMAND, command | DMA_RUN));
}

static void finish_move(struct suite *suite)
{
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	uint32_t command;

	must(umd_driver_read32(suite->driver, UMD_DRIVER_BAR0, DMA_COMMAND, &command));
	while (command & DMA_RUN) {
		check(harness_ms() < end);
		harness_sleep_us(PAUSE_US);
		must(umd_driver_read32(suite->driver, UMD_DRIVER_BAR0, DMA_COMMAND, &command));
	}
}

static void start(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes)
{
	suite->copy.destination = destination;
	suite->copy.bytes = bytes;
	move(suite, source, BUFFER, bytes, 0);
}

static int wait(struct suite *suite)
{
	finish_move(suite);
	move(suite, BUFFER, suite->copy.destination, suite->copy.bytes, DMA_TO_MEMORY);
	finish_move(suite);
	return 0;
}

static void set_line(struct suite *suite, bool raised)
{
	must(umd_driver_write32(suite->driver, UMD_DRIVER_BAR0, raised ? RAISE : ACKNOWLEDGE, 1));
}

static void send_msi(struct suite *suite)
{
	set_line(suite, true);
	set_line(suite, false);
}

static const struct kind_scratch scratch[] = {
	{UMD_DRIVER_BAR0, DMA_SOURCE, 4, 4, 0},
	{UMD_DRIVER_BAR0, DMA_DESTINATION, 4, 4, 0},
	{UMD_DRIVER_BAR0, DMA_COUNT, 4, 4, 0},
	{0},
};

const struct kind kind_edu = {
	.name = "edu",
	.vendor = 0x1234,
	.device = 0x11e8,
	.scratch = scratch,
	.iova_last = (1u << 28) - 1,
	.copy_max = 4096,
	.storm = 20,
	.memcpy_start = start,
	.memcpy_wait = wait,
	.msi_index = UMD_DRIVER_MSI,
	.send_msi = send_msi,
	.set_line = set_line,
};
