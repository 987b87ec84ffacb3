// SPDX-License-Identifier: BSD-2-Clause
/*
 * Registers of a BAR that the driver library has mapped, on a device of this process.
 *
 * usage: bench_mapped MILLISECONDS read|write|both
 *
 * 4 bytes each; `both` writes one and reads another, which takes a fence. Prints nanoseconds per
 * call, or pair of them.
 */
#include "measure.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/device.h>
#include <umdev/driver.h>
#include <umdev/fake.h>

#define BAR_BYTES 65536u
#define BATCH	  16384u

static void read_registers(void *data, unsigned int count)
{
	uint32_t value;

	for (unsigned int i = 0; i < count; i++)
		umd_driver_read32(data, UMD_DRIVER_BAR0, i % 1024 * 4, &value);
}

static void write_registers(void *data, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		umd_driver_write32(data, UMD_DRIVER_BAR0, i % 1024 * 4, i);
}

static void write_and_read(void *data, unsigned int count)
{
	uint32_t value;

	for (unsigned int i = 0; i < count; i++) {
		umd_driver_write32(data, UMD_DRIVER_BAR0, i % 1024 * 4, i);
		umd_driver_read32(data, UMD_DRIVER_BAR0, 8192, &value);
	}
}

static struct umd_device *make_device(void)
{
	const struct umd_device_info info = {.size = sizeof(info), .vendor = 1, .device = 2};
	const struct umd_region bar = {.size = BAR_BYTES};
	const struct umd_area area = {.size = BAR_BYTES};
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct umd_device *device;

	if (fd < 0 || ftruncate(fd, BAR_BYTES) < 0 || umd_device_create(&info, &device) < 0)
		err(1, "no device");
	umd_device_add_bar(device, 0, &bar);
	umd_device_add_memory(device, 0, fd, 0, &area, 1);
	close(fd);
	if (umd_device_realize(device, NULL) < 0 || umd_fake_offer(device, "bench") < 0)
		errx(1, "no device");
	return device;
}

int main(int argc, char **argv)
{
	struct umd_device *device;
	struct umd_driver *driver;
	volatile void *registers;

	if (argc != 3)
		errx(2, "usage: bench_mapped MILLISECONDS read|write|both");
	device = make_device();
	if (umd_driver_open("fake:bench", NULL, &driver, NULL) < 0 ||
	    umd_driver_region_map(driver, UMD_DRIVER_BAR0, 0, BAR_BYTES, &registers) < 0)
		errx(1, "the BAR cannot be mapped");
	measure((unsigned int)strtoul(argv[1], NULL, 10),
		strcmp(argv[2], "both") == 0	? write_and_read
		: strcmp(argv[2], "write") == 0 ? write_registers
						: read_registers,
		driver, BATCH, BATCH);
	umd_driver_close(driver);
	umd_fake_withdraw(device);
	umd_device_destroy(device);
	return 0;
}
