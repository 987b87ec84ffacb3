/* SPDX-License-Identifier: BSD-2-Clause */
/* How the copier is driven: examples/copier_device.c describes its registers. */
#include "suite.h"

#include <errno.h>

enum { SOURCE = 0x00, DESTINATION = 0x08, LENGTH = 0x10, START = 0x14, STATUS = 0x18 };

#define PAUSE_US 20

static void start(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes)
{
	struct umd_driver *driver = suite->driver;

	must(umd_driver_write64(driver, UMD_DRIVER_BAR0, SOURCE, source));
	must(umd_driver_write64(driver, UMD_DRIVER_BAR0, DESTINATION, destination));
	must(umd_driver_write32(driver, UMD_DRIVER_BAR0, LENGTH, (uint32_t)bytes));
	must(umd_driver_write32(driver, UMD_DRIVER_BAR0, START, 1));
}

/* A guest's CPU that only reads the status keeps QEMU from serving the device's DMA messages. */
static int wait(struct suite *suite)
{
	int64_t end = harness_ms() + SUITE_WAIT_MS;
	uint32_t status;

	must(umd_driver_read32(suite->driver, UMD_DRIVER_BAR0, STATUS, &status));
	while (status == EINPROGRESS) {
		check(harness_ms() < end);
		harness_sleep_us(PAUSE_US);
		must(umd_driver_read32(suite->driver, UMD_DRIVER_BAR0, STATUS, &status));
	}
	return -(int)status;
}

/* It says that a copy is done, whatever came of it. */
static void send_msi(struct suite *suite)
{
	start(suite, 0, 0, 0);
	wait(suite);
}

static const struct kind_scratch scratch[] = {
	{UMD_DRIVER_BAR0, SOURCE, 1 | 2 | 4 | 8, 4 | 8, 0},
	{UMD_DRIVER_BAR0, DESTINATION, 1 | 2 | 4 | 8, 4 | 8, 0},
	{UMD_DRIVER_BAR0, LENGTH, 1 | 2 | 4, 4, 0},
	{0},
};

const struct kind kind_copier = {
	.name = "copier",
	.vendor = 0x1b36,
	.device = 0xffe0,
	.scratch = scratch,
	.iova_last = UINT64_MAX,
	.copy_max = 65536,
	.storm = 2000,
	.tells_faults = true,
	.memcpy_start = start,
	.memcpy_wait = wait,
	.msi_index = UMD_DRIVER_MSIX,
	.send_msi = send_msi,
};
