/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of devices share: a device whose handlers keep a log, and accesses to it without a
 * server.
 */
#ifndef DEVICE_FIXTURE_H
#define DEVICE_FIXTURE_H

#include "unit.h"

#include <linux/pci_regs.h>

#include "base/bytes.h"
#include "device/device.h"

#define PAGE 4096u

/* What the device's own code was told. */
struct device_log {
	unsigned int resets, destroys;
	enum umd_reset kind;
};

static inline void device_on_reset(void *data, enum umd_reset kind)
{
	struct device_log *log = data;

	log->resets++;
	log->kind = kind;
}

static inline void device_on_destroy(void *data)
{
	struct device_log *log = data;

	log->destroys++;
}

static inline struct umd_device *device_create(struct device_log *log)
{
	static const struct umd_device_ops ops = {.reset = device_on_reset,
						  .destroy = device_on_destroy};
	struct umd_device_info info = {.size = sizeof(info),
				       .name = "test",
				       .vendor = 0x1234,
				       .device = 0x5678,
				       .class_code = 0xff0000,
				       .ops = &ops,
				       .data = log};
	struct umd_device *device = NULL;

	*log = (struct device_log){0};
	assert_int_equal(umd_device_create(&info, &device), 0);
	return device;
}

/* An access as a server would start it; the request's error once it is done. */
static inline int device_access(struct umd_device *device, struct umd_request *request,
				uint32_t region, bool write, uint64_t offset, void *data,
				size_t size)
{
	request->region = region;
	request->write = write;
	request->offset = offset;
	request->size = size;
	request->data = data;
	umd_device_access(device, request);
	return request->error;
}

static inline int device_read(struct umd_device *device, uint32_t region, uint64_t offset,
			      void *data, size_t size)
{
	struct umd_request request = {0};

	memset(data, 0, size);
	return device_access(device, &request, region, false, offset, data, size);
}

static inline int device_write(struct umd_device *device, uint32_t region, uint64_t offset,
			       const void *data, size_t size)
{
	struct umd_request request = {0};

	return device_access(device, &request, region, true, offset, (void *)(uintptr_t)data, size);
}

static inline uint32_t device_config(struct umd_device *device, uint64_t offset, unsigned int size)
{
	uint8_t bytes[8];

	assert_int_equal(device_read(device, UMD_REGION_CONFIG, offset, bytes, size), 0);
	return (uint32_t)umd_get_le(bytes, size);
}

static inline void device_set_config(struct umd_device *device, uint64_t offset, unsigned int size,
				     uint32_t value)
{
	uint8_t bytes[8];

	umd_put_le(bytes, size, value);
	assert_int_equal(device_write(device, UMD_REGION_CONFIG, offset, bytes, size), 0);
}

static inline void device_set_command(struct umd_device *device, uint16_t command)
{
	device_set_config(device, PCI_COMMAND, 2, command);
}

#endif
