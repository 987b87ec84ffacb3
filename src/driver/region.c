/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to regions: bytes, split into the transfers that the backend takes, and registers, which
 * are one load or store where they are mapped.
 *
 * The order of what is mapped: a processor may let a load pass a store before it, and nothing else
 * that umd_barrier_before_store() and umd_barrier_after_load() do not keep. So there is a whole
 * fence between a store and the next load, and none from load to load. A transfer by message or
 * system call comes after what was stored, since a socket's or a device's lock does.
 */
#include <errno.h>

#include "base/barrier.h"
#include "base/bytes.h"
#include "base/export.h"
#include "driver/mapping.h"

/* ---- Bytes --------------------------------------------------------------------------------- */

/* Pieces stay multiples of 8, so that a split access does not cut registers in two. */
static size_t piece(const struct umd_driver *driver, size_t left)
{
	size_t most = driver->max_transfer & ~(size_t)7;

	return left < most ? left : most;
}

static int check_range(const struct umd_driver *driver, unsigned int index, uint64_t offset,
		       size_t size)
{
	if (index >= driver->info.regions || size > UINT64_MAX - offset)
		return -EINVAL;
	return driver->gone ? -ENODEV : 0;
}

UMD_EXPORT int umd_driver_region_read(struct umd_driver *driver, unsigned int index,
				      uint64_t offset, void *to, size_t size)
{
	uint8_t *bytes = to;
	int err = check_range(driver, index, offset, size);

	if (err)
		return err;

	for (size_t at = 0; at < size;) {
		size_t n = piece(driver, size - at);

		err = driver->backend->read(driver, index, offset + at, bytes + at, n);
		if (err)
			return err;
		at += n;
	}
	return 0;
}

UMD_EXPORT int umd_driver_region_write(struct umd_driver *driver, unsigned int index,
				       uint64_t offset, const void *from, size_t size)
{
	const uint8_t *bytes = from;
	int err = check_range(driver, index, offset, size);

	if (err)
		return err;

	for (size_t at = 0; at < size;) {
		size_t n = piece(driver, size - at);

		err = driver->backend->write(driver, index, offset + at, bytes + at, n);
		if (err)
			return err;
		at += n;
	}
	return 0;
}

/* ---- Registers ----------------------------------------------------------------------------- */

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What the processor has no single load and store for is not accessed where it is mapped. */
ALWAYS_INLINE const struct umd_driver_window *find(const struct umd_driver *driver,
						   unsigned int index, uint64_t offset, size_t size,
						   unsigned int access)
{
	return size > sizeof(uintptr_t)
		       ? NULL
		       : umd_driver_find_window(driver, index, offset, size, access);
}

/* Neither is cut in pieces, merged or left out: volatile, aligned, no wider than a register. */
ALWAYS_INLINE uint64_t load(const uint8_t *at, size_t size)
{
	switch (size) {
	case 1:
		return *(const volatile uint8_t *)at;
	case 2:
		return le16toh(*(const volatile uint16_t *)(const void *)at);
	case 4:
		return le32toh(*(const volatile uint32_t *)(const void *)at);
	default:
		return le64toh(*(const volatile uint64_t *)(const void *)at);
	}
}

ALWAYS_INLINE void store(uint8_t *at, size_t size, uint64_t value)
{
	switch (size) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)(void *)at = htole16((uint16_t)value);
		break;
	case 4:
		*(volatile uint32_t *)(void *)at = htole32((uint32_t)value);
		break;
	default:
		*(volatile uint64_t *)(void *)at = htole64(value);
	}
}

/* Asked behind the access, it tells of that one, too. */
ALWAYS_INLINE int check_guard(const struct umd_driver_window *window)
{
	return window->guard && umd_dma_guard_is_lost(&window->guard->guard) ? -EIO : 0;
}

static int ask(struct umd_driver *driver, unsigned int index, uint64_t offset, unsigned int size,
	       uint64_t *ret)
{
	uint8_t bytes[8];
	int err = umd_driver_region_read(driver, index, offset, bytes, size);

	if (!err)
		*ret = umd_get_le(bytes, size);
	return err;
}

static int tell(struct umd_driver *driver, unsigned int index, uint64_t offset, unsigned int size,
		uint64_t value)
{
	uint8_t bytes[8];

	umd_put_le(bytes, size, value);
	return umd_driver_region_write(driver, index, offset, bytes, size);
}

ALWAYS_INLINE int read_register(struct umd_driver *driver, unsigned int index, uint64_t offset,
				unsigned int size, uint64_t *ret)
{
	const struct umd_driver_window *window;

	if (offset % size)
		return -EINVAL;
	window = find(driver, index, offset, size, UMD_DRIVER_REGION_READ);
	if (!window)
		return ask(driver, index, offset, size, ret);
	if (driver->gone)
		return -ENODEV;

	if (driver->stored) {
		umd_barrier_store_to_load();
		driver->stored = false;
	}
	*ret = load(window->address + (offset - window->offset), size);
	umd_barrier_after_load();
	return check_guard(window);
}

ALWAYS_INLINE int write_register(struct umd_driver *driver, unsigned int index, uint64_t offset,
				 unsigned int size, uint64_t value)
{
	const struct umd_driver_window *window;

	if (offset % size)
		return -EINVAL;
	window = find(driver, index, offset, size, UMD_DRIVER_REGION_WRITE);
	if (!window)
		return tell(driver, index, offset, size, value);
	if (driver->gone)
		return -ENODEV;

	umd_barrier_before_store();
	store(window->address + (offset - window->offset), size, value);
	driver->stored = true;
	return check_guard(window);
}

UMD_EXPORT int umd_driver_read8(struct umd_driver *driver, unsigned int index, uint64_t offset,
				uint8_t *ret)
{
	uint64_t value;
	int err = read_register(driver, index, offset, sizeof(*ret), &value);

	if (!err)
		*ret = (uint8_t)value;
	return err;
}

UMD_EXPORT int umd_driver_read16(struct umd_driver *driver, unsigned int index, uint64_t offset,
				 uint16_t *ret)
{
	uint64_t value;
	int err = read_register(driver, index, offset, sizeof(*ret), &value);

	if (!err)
		*ret = (uint16_t)value;
	return err;
}

UMD_EXPORT int umd_driver_read32(struct umd_driver *driver, unsigned int index, uint64_t offset,
				 uint32_t *ret)
{
	uint64_t value;
	int err = read_register(driver, index, offset, sizeof(*ret), &value);

	if (!err)
		*ret = (uint32_t)value;
	return err;
}

UMD_EXPORT int umd_driver_read64(struct umd_driver *driver, unsigned int index, uint64_t offset,
				 uint64_t *ret)
{
	uint64_t value;
	int err = read_register(driver, index, offset, sizeof(*ret), &value);

	if (!err)
		*ret = value;
	return err;
}

UMD_EXPORT int umd_driver_write8(struct umd_driver *driver, unsigned int index, uint64_t offset,
				 uint8_t value)
{
	return write_register(driver, index, offset, sizeof(value), value);
}

UMD_EXPORT int umd_driver_write16(struct umd_driver *driver, unsigned int index, uint64_t offset,
				  uint16_t value)
{
	return write_register(driver, index, offset, sizeof(value), value);
}

UMD_EXPORT int umd_driver_write32(struct umd_driver *driver, unsigned int index, uint64_t offset,
				  uint32_t value)
{
	return write_register(driver, index, offset, sizeof(value), value);
}

UMD_EXPORT int umd_driver_write64(struct umd_driver *driver, unsigned int index, uint64_t offset,
				  uint64_t value)
{
	return write_register(driver, index, offset, sizeof(value), value);
}
