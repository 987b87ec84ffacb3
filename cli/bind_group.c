/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices that share an IOMMU group. What one of them may reach, all may; so the kernel opens
 * the group for a program only while no other driver uses any of them.
 */
#include "bind.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* Drivers that do no DMA of their own, and say so (driver_managed_dma). */
static bool does_no_dma(const char *driver)
{
	return !strcmp(driver, "pcieport") || !strcmp(driver, "pci-stub");
}

static void add(const struct bind_device *device, const char *address, struct bind_group *group)
{
	struct bind_neighbour *neighbour;
	struct bind_device other;

	if (group->count == BIND_GROUP_MAX || bind_look(&other, device->roots, address))
		return;
	neighbour = &group->neighbours[group->count++];
	snprintf(neighbour->address, sizeof(neighbour->address), "%s", other.address);
	snprintf(neighbour->driver, sizeof(neighbour->driver), "%s", other.driver);
	neighbour->in_the_way = other.driver[0] && !other.vfio && !does_no_dma(other.driver);
	group->in_the_way += neighbour->in_the_way;
}

void bind_look_at_group(const struct bind_device *device, struct bind_group *ret)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	*ret = (struct bind_group){0};
	bind_attribute(device, "iommu_group/devices", path);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, device->address) != 0)
			add(device, entry->d_name, ret);
	}
	if (directory)
		closedir(directory);
}
