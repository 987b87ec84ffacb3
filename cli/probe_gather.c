/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a device for everything it shows. A question that it refuses leaves an error in its place
 * and the next one is asked; once the device is lost, each fails at once. No question is begun
 * after PATIENCE_S, whatever the device does.
 */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_S 30

uint32_t probe_get(const uint8_t *bytes, size_t size, size_t offset, unsigned int width)
{
	uint32_t value = 0;

	if (offset > size || width > size - offset)
		return UINT32_MAX >> (32 - 8 * width);
	for (unsigned int i = 0; i < width; i++)
		value |= (uint32_t)bytes[offset + i] << (8 * i);
	return value;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Refusals are a device's right; these are not. */
int probe_note(struct probe *probe, int err)
{
	if (!probe->lost && (err == -ENODEV || err == -ETIMEDOUT || err == -EPROTO))
		probe->lost = err;
	return err;
}

int probe_given_up(struct probe *probe)
{
	return probe_note(probe, now_s() >= probe->deadline ? -ETIMEDOUT : 0);
}

static void gather_region(struct probe *probe, struct umd_driver *driver, unsigned int index)
{
	struct probe_region *region = &probe->regions[index];
	unsigned int count;

	region->info.size = sizeof(region->info);
	region->error = probe_note(probe, umd_driver_get_region(driver, index, &region->info));
	if (region->error || !region->info.areas)
		return;

	region->areas = calloc(region->info.areas, sizeof(*region->areas));
	if (!region->areas) {
		region->error = -ENOMEM;
		return;
	}
	region->error = probe_note(probe, umd_driver_get_areas(driver, index, region->areas,
							       region->info.areas, &count));
	if (!region->error && count < region->info.areas)
		region->info.areas = count; /* it says one thing and then another */
}

static void gather_regions(struct probe *probe, struct umd_driver *driver)
{
	for (unsigned int i = 0; i < probe->info.regions; i++) {
		probe->regions[i].error = probe_given_up(probe);
		if (!probe->regions[i].error)
			gather_region(probe, driver, i);
	}
}

static void gather_irqs(struct probe *probe, struct umd_driver *driver)
{
	for (unsigned int i = 0; i < probe->info.irqs; i++) {
		struct probe_irq *irq = &probe->irqs[i];

		irq->info.size = sizeof(irq->info);
		irq->error = probe_given_up(probe);
		if (!irq->error)
			irq->error = probe_note(probe, umd_driver_get_irq(driver, i, &irq->info));
	}
}

static void gather_dma(struct probe *probe, struct umd_driver *driver)
{
	struct probe_dma *dma = &probe->dma;

	dma->limits.size = sizeof(dma->limits);
	dma->error = probe_given_up(probe);
	if (!dma->error)
		dma->error = probe_note(probe, umd_driver_get_dma_limits(driver, &dma->limits));
	if (!dma->error)
		dma->error = probe_note(probe, umd_driver_get_dma_ranges(driver, dma->ranges,
									 UMD_DRIVER_AREAS_MAX,
									 &dma->count));
	if (!dma->error && dma->count > UMD_DRIVER_AREAS_MAX)
		dma->count = UMD_DRIVER_AREAS_MAX;
}

/* The chains are walked by the library in a copy of its own: offsets are checked, bytes may vary.
 */
static void gather_caps(struct probe *probe, struct umd_driver *driver)
{
	struct probe_caps *caps = &probe->caps;

	caps->error =
		probe_note(probe, umd_driver_list_caps(driver, caps->caps, UMD_DRIVER_EXT_CAPS_MAX,
						       &caps->count));
	caps = &probe->ext_caps;
	caps->error =
		probe_note(probe, umd_driver_list_ext_caps(driver, caps->caps,
							   UMD_DRIVER_EXT_CAPS_MAX, &caps->count));
}

static void gather_config(struct probe *probe, struct umd_driver *driver)
{
	const struct umd_driver_region *region = &probe->regions[UMD_DRIVER_CONFIG].info;
	size_t size;

	if (!(probe->info.flags & UMD_DRIVER_PCI) || probe->info.regions <= UMD_DRIVER_CONFIG)
		probe->config_error = -EOPNOTSUPP;
	else
		probe->config_error = probe->regions[UMD_DRIVER_CONFIG].error;
	if (!probe->config_error)
		probe->config_error = probe_given_up(probe);
	if (probe->config_error)
		return;

	size = region->bytes < PROBE_CONFIG_MAX ? (size_t)region->bytes : PROBE_CONFIG_MAX;
	probe->config_error = probe_note(
		probe, umd_driver_region_read(driver, UMD_DRIVER_CONFIG, 0, probe->config, size));
	if (probe->config_error)
		return;

	probe->config_size = size;
	gather_caps(probe, driver);
	probe_gather_vpd(probe, driver);
}

void probe_gather(struct probe *probe, struct umd_driver *driver)
{
	probe->deadline = now_s() + PATIENCE_S;
	probe->limits.size = sizeof(probe->limits);
	probe->info.size = sizeof(probe->info);
	umd_driver_get_limits(driver, &probe->limits);
	umd_driver_get_info(driver, &probe->info);
	snprintf(probe->name, sizeof(probe->name), "%s", umd_driver_name(driver));

	gather_regions(probe, driver);
	gather_irqs(probe, driver);
	gather_dma(probe, driver);
	gather_config(probe, driver);
}

void probe_release(struct probe *probe)
{
	for (unsigned int i = 0; i < UMD_DRIVER_INDEXES_MAX; i++)
		free(probe->regions[i].areas);
}
