/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions about the device, its regions and its interrupts. */
#include "driver/backend.h"

#include <errno.h>
#include <string.h>

#include "base/export.h"

int umd_driver_give(void *to, const void *from, size_t size)
{
	size_t room;

	memcpy(&room, to, sizeof(room));
	if (room < sizeof(room))
		return -EINVAL;

	memset(to, 0, room);
	memcpy(to, from, room < size ? room : size);
	memcpy(to, &room, sizeof(room));
	return 0;
}

/* A caller newer than the library may ask for what it does not know only by leaving it zero. */
static bool is_zero(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

int umd_driver_take(void *to, const void *from, size_t size)
{
	const uint8_t *bytes = from;
	size_t given, known;

	memcpy(&given, from, sizeof(given));
	known = given < size ? given : size;
	if (given < sizeof(given) || !is_zero(bytes + known, given - known))
		return -EINVAL;

	memset(to, 0, size);
	memcpy(to, from, known);
	memcpy(to, &size, sizeof(size));
	return 0;
}

UMD_EXPORT const char *umd_driver_name(const struct umd_driver *driver)
{
	return driver->backend->get_name(driver);
}

UMD_EXPORT int umd_driver_get_limits(const struct umd_driver *driver, struct umd_driver_limits *ret)
{
	return umd_driver_give(ret, &driver->limits, sizeof(driver->limits));
}

UMD_EXPORT int umd_driver_get_info(const struct umd_driver *driver, struct umd_driver_info *ret)
{
	return umd_driver_give(ret, &driver->info, sizeof(driver->info));
}

UMD_EXPORT int umd_driver_reset(struct umd_driver *driver)
{
	if (!(driver->info.flags & UMD_DRIVER_RESET))
		return -EOPNOTSUPP;
	return driver->backend->reset(driver);
}

UMD_EXPORT int umd_driver_get_region(struct umd_driver *driver, unsigned int index,
				     struct umd_driver_region *ret)
{
	struct umd_driver_area areas[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_region region = {.size = sizeof(region)};
	int err;

	if (index >= driver->info.regions)
		return -EINVAL;

	err = driver->backend->get_region(driver, index, &region, areas);
	if (err)
		return err;
	return umd_driver_give(ret, &region, sizeof(region));
}

UMD_EXPORT int umd_driver_get_areas(struct umd_driver *driver, unsigned int index,
				    struct umd_driver_area *areas, unsigned int max,
				    unsigned int *ret_count)
{
	struct umd_driver_area found[UMD_DRIVER_AREAS_MAX];
	struct umd_driver_region region;
	int err;

	if (index >= driver->info.regions)
		return -EINVAL;

	err = driver->backend->get_region(driver, index, &region, found);
	if (err)
		return err;

	for (unsigned int i = 0; i < region.areas && i < max; i++)
		areas[i] = found[i];
	*ret_count = region.areas;
	return 0;
}

UMD_EXPORT int umd_driver_get_irq(struct umd_driver *driver, unsigned int index,
				  struct umd_driver_irq *ret)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};
	int err;

	if (index >= driver->info.irqs)
		return -EINVAL;

	err = driver->backend->get_irq(driver, index, &irq);
	if (err)
		return err;
	return umd_driver_give(ret, &irq, sizeof(irq));
}

UMD_EXPORT int umd_driver_irq_count(struct umd_driver *driver, unsigned int index)
{
	struct umd_driver_irq irq = {.size = sizeof(irq)};
	int err = umd_driver_get_irq(driver, index, &irq);

	return err ? err : (int)irq.count;
}
