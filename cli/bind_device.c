/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI device as sysfs shows it. */
#include "bind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_hex(const char *text, size_t length)
{
	return length && strspn(text, "0123456789abcdefABCDEF") >= length;
}

/* Takes digits up to `end`, which must follow them. */
static bool take(const char **text, size_t digits_max, char end, unsigned int *ret)
{
	size_t length = strcspn(*text, ":.");

	if (!is_hex(*text, length) || length > digits_max || (*text)[length] != end)
		return false;
	*ret = (unsigned int)strtoul(*text, NULL, 16);
	*text += length + (end ? 1 : 0);
	return true;
}

/* A domain has four digits or, behind some bridges of the host, five to eight. */
int bind_parse_address(const char *text, char *to, size_t size)
{
	unsigned int domain = 0, bus, slot, function;
	const char *first = strchr(text, ':');

	if (first && strchr(first + 1, ':') && !take(&text, 8, ':', &domain))
		return -EINVAL;
	if (!take(&text, 2, ':', &bus) || !take(&text, 2, '.', &slot) ||
	    !take(&text, 1, '\0', &function))
		return -EINVAL;
	if (slot > 31 || function > 7)
		return -EINVAL;
	snprintf(to, size, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return 0;
}

void bind_attribute(const struct bind_device *device, const char *name, char *to)
{
	bind_path(to, "%s/%s", device->directory, name);
}

int bind_read_attribute(const struct bind_device *device, const char *name, char *to, size_t size)
{
	char path[PATH_MAX];

	bind_attribute(device, name, path);
	return bind_read(path, to, size);
}

int bind_write_attribute(const struct bind_device *device, const char *name, const char *text)
{
	char path[PATH_MAX];

	bind_attribute(device, name, path);
	return bind_write(path, text);
}

/* The kernel shows an override that is not set as "(null)". */
static void look_at_override(struct bind_device *device)
{
	if (bind_read_attribute(device, "driver_override", device->override,
				sizeof(device->override)) ||
	    !strcmp(device->override, "(null)"))
		device->override[0] = '\0';
}

/* Numbers only: what made the group may have named it otherwise one day. */
static int group_of(const struct bind_device *device)
{
	char path[PATH_MAX], name[BIND_NAME_MAX];
	unsigned long number;
	char *end;

	bind_attribute(device, "iommu_group", path);
	if (bind_read_link(path, name, sizeof(name)))
		return -1;
	number = strtoul(name, &end, 10);
	return end == name || *end || number > INT_MAX ? -1 : (int)number;
}

/* vfio-pci, or one of the drivers that are made of it: those have a directory of VFIO's. */
static bool has_vfio(const struct bind_device *device)
{
	char path[PATH_MAX];

	if (!device->driver[0])
		return false;
	bind_attribute(device, "vfio-dev", path);
	return !strcmp(device->driver, BIND_VFIO) || bind_exists(path);
}

void bind_look_again(struct bind_device *device)
{
	char path[PATH_MAX];

	bind_attribute(device, "driver", path);
	if (bind_read_link(path, device->driver, sizeof(device->driver)))
		device->driver[0] = '\0';
	look_at_override(device);
	device->group = group_of(device);
	device->vfio = has_vfio(device);
}

int bind_look(struct bind_device *device, const struct bind_roots *roots, const char *address)
{
	*device = (struct bind_device){.roots = roots};
	snprintf(device->address, sizeof(device->address), "%s", address);
	bind_path(device->directory, "%s/bus/pci/devices/%s", roots->sysfs, address);
	if (!bind_exists(device->directory))
		return -ENODEV;
	bind_look_again(device);
	return 0;
}
