/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of config space: little-endian in the region, numbers for the caller. */
#include "driver/backend.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/export.h"

#define CONFIG_SIZE 4096u /* PCI Express; a conventional device has 256 and refuses the rest */

static int check(const struct umd_driver *driver, unsigned int offset, unsigned int size)
{
	if (!(driver->info.flags & UMD_DRIVER_PCI) || driver->info.regions <= UMD_DRIVER_CONFIG)
		return -EOPNOTSUPP;
	return offset % size || offset >= CONFIG_SIZE ? -EINVAL : 0;
}

static int read_register(struct umd_driver *driver, unsigned int offset, unsigned int size,
			 uint64_t *ret)
{
	uint8_t bytes[8];
	int err = check(driver, offset, size);

	if (!err)
		err = umd_driver_region_read(driver, UMD_DRIVER_CONFIG, offset, bytes, size);
	if (err)
		return err;

	*ret = umd_get_le(bytes, size);
	return 0;
}

static int write_register(struct umd_driver *driver, unsigned int offset, unsigned int size,
			  uint64_t value)
{
	uint8_t bytes[8];
	int err = check(driver, offset, size);

	if (err)
		return err;

	umd_put_le(bytes, size, value);
	return umd_driver_region_write(driver, UMD_DRIVER_CONFIG, offset, bytes, size);
}

UMD_EXPORT int umd_driver_config_read8(struct umd_driver *driver, unsigned int offset, uint8_t *ret)
{
	uint64_t value;
	int err = read_register(driver, offset, sizeof(*ret), &value);

	if (!err)
		*ret = (uint8_t)value;
	return err;
}

UMD_EXPORT int umd_driver_config_read16(struct umd_driver *driver, unsigned int offset,
					uint16_t *ret)
{
	uint64_t value;
	int err = read_register(driver, offset, sizeof(*ret), &value);

	if (!err)
		*ret = (uint16_t)value;
	return err;
}

UMD_EXPORT int umd_driver_config_read32(struct umd_driver *driver, unsigned int offset,
					uint32_t *ret)
{
	uint64_t value;
	int err = read_register(driver, offset, sizeof(*ret), &value);

	if (!err)
		*ret = (uint32_t)value;
	return err;
}

UMD_EXPORT int umd_driver_config_write8(struct umd_driver *driver, unsigned int offset,
					uint8_t value)
{
	return write_register(driver, offset, sizeof(value), value);
}

UMD_EXPORT int umd_driver_config_write16(struct umd_driver *driver, unsigned int offset,
					 uint16_t value)
{
	return write_register(driver, offset, sizeof(value), value);
}

UMD_EXPORT int umd_driver_config_write32(struct umd_driver *driver, unsigned int offset,
					 uint32_t value)
{
	return write_register(driver, offset, sizeof(value), value);
}

int umd_driver_read_config(struct umd_driver *driver, uint8_t *to, size_t max, size_t *ret_size)
{
	struct umd_driver_region region = {.size = sizeof(region)};
	size_t size;
	int err = check(driver, 0, 1);

	if (!err)
		err = umd_driver_get_region(driver, UMD_DRIVER_CONFIG, &region);
	if (err)
		return err;

	size = region.bytes < max ? (size_t)region.bytes : max;
	err = umd_driver_region_read(driver, UMD_DRIVER_CONFIG, 0, to, size);
	if (!err)
		*ret_size = size;
	return err;
}
