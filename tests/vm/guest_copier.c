/* SPDX-License-Identifier: BSD-2-Clause */
/* The device of examples/copier_device.c: its registers are described there. */
#include "guest_copier.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { SOURCE = 0x00, DESTINATION = 0x08, LENGTH = 0x10, START = 0x14, STATUS = 0x18 };

#define COPY_TIMEOUT 20 /* seconds: far more than the device gives a DMA message */
#define PAUSE_US     20

static void set_address(struct guest_device *device, unsigned int at, uint64_t iova)
{
	guest_device_write(device, at, (uint32_t)iova);
	guest_device_write(device, at + 4, (uint32_t)(iova >> 32));
}

/*
 * QEMU serves the device's DMA messages while no CPU of the guest is in the middle of a register
 * access, so a loop that only reads the status makes a copy take six times as long.
 */
static int wait_for_status(struct guest_device *device)
{
	time_t end = time(NULL) + COPY_TIMEOUT;
	uint32_t status;

	while ((status = guest_device_read(device, STATUS)) == EINPROGRESS && time(NULL) < end)
		usleep(PAUSE_US);

	errno = 0;
	if (status >= EINPROGRESS)
		return guest_problem("the copier's status is %#x", status);
	return (int)status;
}

int guest_copy(struct guest_device *device, uint64_t from, uint64_t to, uint32_t size)
{
	set_address(device, SOURCE, from);
	set_address(device, DESTINATION, to);
	guest_device_write(device, LENGTH, size);
	guest_device_write(device, START, 1);
	return wait_for_status(device);
}
