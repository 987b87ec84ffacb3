/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of devices share: a device whose handlers keep a log, and accesses to it without a
 * server.
 */
#ifndef DEVICE_FIXTURE_H
#define DEVICE_FIXTURE_H

#include "irq_fixture.h"

#include <linux/pci_regs.h>
#include <stdio.h>

#include <umdev/caps.h>

#include "base/bytes.h"
#include "device/device.h"

#define PAGE UINT64_C(4096)

/* What the device's own code was told. */
struct device_log {
	unsigned int resets, destroys;
	enum umd_reset kind;

	/* All of it in order: power states '0' to '3' and 'L'; 'R'eset, 'U'nplugged, 'S'urprise. */
	char calls[64];
};

static inline void device_log_call(struct device_log *log, char call)
{
	size_t used = strlen(log->calls);

	assert_true(used + 1 < sizeof(log->calls));
	log->calls[used] = call;
}

/* What has been told since the last time is this, and no more. */
static inline void device_expect_calls(struct device_log *log, const char *calls)
{
	assert_string_equal(log->calls, calls);
	memset(log->calls, 0, sizeof(log->calls));
}

static inline void device_on_reset(void *data, enum umd_reset kind)
{
	struct device_log *log = data;

	log->resets++;
	log->kind = kind;
	device_log_call(log, 'R');
}

static inline void device_on_power(void *data, enum umd_power state)
{
	device_log_call(data, "0123L"[state]);
}

static inline void device_on_unplugged(void *data, bool surprise)
{
	device_log_call(data, surprise ? 'S' : 'U');
}

static inline void device_on_destroy(void *data)
{
	struct device_log *log = data;

	log->destroys++;
}

static inline struct umd_device *device_create(struct device_log *log)
{
	static const struct umd_device_ops ops = {.reset = device_on_reset,
						  .power = device_on_power,
						  .unplugged = device_on_unplugged,
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

/* Where a register of a capability is. */
static inline unsigned int device_cap(const struct umd_device *device, unsigned int id,
				      unsigned int offset)
{
	int at = umd_device_find_cap(device, id);

	assert_true(at > 0);
	return (unsigned int)at + offset;
}

static inline unsigned int device_ext_cap(const struct umd_device *device, unsigned int id,
					  unsigned int offset)
{
	int at = umd_device_find_ext_cap(device, id);

	assert_true(at > 0);
	return (unsigned int)at + offset;
}

/* SET_IRQS as a server would do it, with a copy of the fd, which is closed unless it is taken. */
static inline int device_try_assign(struct umd_device *device, enum umd_irq index,
				    unsigned int vector, int fd)
{
	int copy = dup(fd), err;
	struct umd_irq_set set = {.flags = EVENTFD | TRIGGER,
				  .index = index,
				  .start = vector,
				  .count = 1,
				  .fds = &copy,
				  .fd_count = 1};

	assert_true(copy >= 0);
	err = umd_device_set_irqs(device, &set);
	if (copy >= 0)
		close(copy);
	return err;
}

static inline void device_assign(struct umd_device *device, enum umd_irq index, unsigned int vector,
				 int fd)
{
	assert_int_equal(device_try_assign(device, index, vector, fd), 0);
}

/* A declaration that is refused: realising the device fails with the same, and says why. */
static inline void device_expect_refused(struct umd_device *device, int code, const char *why)
{
	struct umd_error error = {0};

	assert_int_equal(umd_device_realize(device, &error), code);
	assert_int_equal(error.code, code);
	if (!strstr(error.text, why))
		fail_msg("'%s' does not say '%s'", error.text, why);
	assert_false(device->realized);
}

static inline void device_set_command(struct umd_device *device, uint16_t command)
{
	device_set_config(device, PCI_COMMAND, 2, command);
}

#endif
