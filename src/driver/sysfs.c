/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI device in sysfs (Documentation/ABI/testing/sysfs-bus-pci, sysfs-devices-vfio-dev):
 *
 *	bus/pci/devices/ADDRESS/driver		link to the driver that it is bound to
 *	bus/pci/devices/ADDRESS/iommu_group	link to kernel/iommu_groups/N
 *	bus/pci/devices/ADDRESS/vfio-dev/vfioN	there while a driver of VFIO has it
 *	kernel/iommu_groups/N/devices/...	links to all devices of the group
 *	bus/pci/drivers/vfio-pci		there while the module is loaded
 */
#include "driver/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- Paths and links ------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static int make_path(char to[PATH_MAX], const char *format,
							   ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to, PATH_MAX, format, args);
	va_end(args);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int copy_name(char *to, size_t size, const char *name)
{
	if (strlen(name) >= size)
		return -ENAMETOOLONG;
	strcpy(to, name);
	return 0;
}

/* The last part of what a link leads to; "" where there is no such link. */
static int read_link(const char *path, char *to, size_t size)
{
	char target[PATH_MAX];
	const char *slash;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0) {
		*to = '\0';
		return 0;
	}
	target[n] = '\0';
	slash = strrchr(target, '/');
	return copy_name(to, size, slash ? slash + 1 : target);
}

static int read_device_link(const struct umd_driver_options *options, const char *address,
			    const char *link, char *to, size_t size)
{
	char path[PATH_MAX];
	int err = make_path(path, "%s/bus/pci/devices/%s/%s", options->sysfs, address, link);

	return err ? err : read_link(path, to, size);
}

static bool starts_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* ---- The device ------------------------------------------------------------------------------ */

static size_t count_hex(const char *text)
{
	size_t n = 0;

	while (isxdigit((unsigned char)text[n]))
		n++;
	return n;
}

bool umd_sysfs_is_address(const char *text)
{
	size_t domain = count_hex(text);

	if (domain < 4 || domain > 8 || text[domain] != ':')
		return false;
	text += domain + 1;
	if (count_hex(text) != 2 || text[2] != ':' || count_hex(text + 3) != 2 || text[5] != '.')
		return false;
	return text[6] >= '0' && text[6] <= '7' && !text[7];
}

/* vfioN in vfio-dev; "" where there is none. */
static int find_cdev(const struct umd_driver_options *options, const char *address, char *to,
		     size_t size)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	int err = make_path(path, "%s/bus/pci/devices/%s/vfio-dev", options->sysfs, address);
	DIR *directory;

	*to = '\0';
	if (err)
		return err;
	directory = opendir(path);
	if (!directory)
		return 0;

	while (!*to && !err && (entry = readdir(directory)))
		if (starts_with(entry->d_name, "vfio"))
			err = copy_name(to, size, entry->d_name);
	closedir(directory);
	return err;
}

int umd_sysfs_find(const struct umd_driver_options *options, const char *address,
		   struct umd_sysfs_device *ret, struct umd_error *error)
{
	struct umd_sysfs_device device = {0};
	char path[PATH_MAX];
	int err;

	if (!umd_sysfs_is_address(address))
		return umd_error_set(error, -EINVAL,
				     "'%.64s' is no address: DDDD:BB:DD.F, as lspci -D shows it",
				     address);
	strcpy(device.address, address);

	err = make_path(path, "%s/bus/pci/devices/%s", options->sysfs, address);
	if (!err && access(path, F_OK) < 0)
		return umd_error_set(error, -ENOENT, "there is no PCI device %s here: see lspci -D",
				     address);
	if (!err)
		err = read_device_link(options, address, "driver", device.driver,
				       sizeof(device.driver));
	if (!err)
		err = read_device_link(options, address, "iommu_group", device.group,
				       sizeof(device.group));
	if (!err)
		err = find_cdev(options, address, device.cdev, sizeof(device.cdev));
	if (err)
		return umd_error_set(error, err, "%s: a name in sysfs is too long", address);
	*ret = device;
	return 0;
}

int umd_sysfs_node(const struct umd_driver_options *options, const char *directory,
		   const char *name, char *to, size_t size)
{
	int n = snprintf(to, size, "%s/%s%s", options->dev, directory, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* Variants of vfio-pci have names of their own; before Linux 6.1 there was no vfio-dev. */
static bool is_vfio(const struct umd_sysfs_device *device)
{
	return *device->cdev || strstr(device->driver, "vfio");
}

static bool is_loaded(const struct umd_driver_options *options, const char *driver)
{
	char path[PATH_MAX];

	return make_path(path, "%s/bus/pci/drivers/%s", options->sysfs, driver) == 0 &&
	       access(path, F_OK) == 0;
}

int umd_sysfs_check(const struct umd_driver_options *options, const struct umd_sysfs_device *device,
		    struct umd_error *error)
{
	const char *address = device->address;

	if (!*device->group)
		return umd_error_set(error, -EOPNOTSUPP,
				     "%s is behind no IOMMU: enable VT-d or AMD-Vi in the "
				     "firmware, and boot Linux with intel_iommu=on on Intel",
				     address);
	if (*device->driver && !is_vfio(device))
		return umd_error_set(error, -EBUSY,
				     "%s is bound to %s: `umdev bind %s` takes it from there",
				     address, device->driver, address);
	if (!*device->driver && !is_loaded(options, "vfio-pci"))
		return umd_error_set(error, -ENXIO,
				     "%s is bound to no driver, and vfio-pci is not loaded: "
				     "`umdev bind %s` does both",
				     address, address);
	if (!*device->driver)
		return umd_error_set(error, -ENXIO,
				     "%s is bound to no driver: `umdev bind %s` binds it to "
				     "vfio-pci",
				     address, address);
	return 0;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static int explain_permission(const char *node, const char *address, int err,
			      struct umd_error *error)
{
	struct stat status;

	if (stat(node, &status) < 0)
		return umd_error_set(error, err, "%s: %s", node, strerror(-err));
	return umd_error_set(error, err,
			     "no permission for %s, of user %u%s, mode %04o: `umdev bind %s --user "
			     "NAME` hands it over",
			     node, status.st_uid, status.st_uid ? "" : " (root)",
			     status.st_mode & 07777u, address ? address : "ADDRESS");
}

int umd_sysfs_explain_open(const struct umd_driver_options *options, const char *node,
			   const char *address, int err, struct umd_error *error)
{
	struct umd_sysfs_device device = {0};
	int found;

	if (err == -EACCES || err == -EPERM)
		return explain_permission(node, address, err, error);
	if (err == -EBUSY)
		return umd_error_set(error, err, "%s is in use by another program", node);

	if (address) {
		found = umd_sysfs_find(options, address, &device, error);
		if (!found)
			found = umd_sysfs_check(options, &device, error);
		if (found)
			return found;
	}
	return umd_error_set(error, err, "%s: %s", node, strerror(-err));
}

int umd_sysfs_find_cdev(const struct umd_driver_options *options, int fd, char *to, size_t size)
{
	char path[PATH_MAX], address[UMD_SYSFS_NAME_MAX];
	struct stat status;
	int err;

	if (fstat(fd, &status) < 0 || !S_ISCHR(status.st_mode))
		return -ENOENT;
	err = make_path(path, "%s/dev/char/%u:%u/device", options->sysfs, major(status.st_rdev),
			minor(status.st_rdev));
	if (!err)
		err = read_link(path, address, sizeof(address));
	if (err || !umd_sysfs_is_address(address))
		return -ENOENT;
	return copy_name(to, size, address);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* Drivers that do without DMA, and so leave a group to VFIO. */
static bool is_harmless(const char *driver)
{
	return !*driver || strstr(driver, "vfio") || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

struct list {
	char text[128];
	unsigned int more; /* that have no room in it */
};

__attribute__((format(printf, 2, 3))) static void add_to_list(struct list *list, const char *format,
							      ...)
{
	char item[2 * UMD_SYSFS_NAME_MAX + 8];
	va_list args;

	va_start(args, format);
	vsnprintf(item, sizeof(item), format, args);
	va_end(args);
	if (list->more || strlen(list->text) + strlen(item) + 2 >= sizeof(list->text)) {
		list->more++;
		return;
	}
	if (*list->text)
		strcat(list->text, ", ");
	strcat(list->text, item);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void list_users(const char *devices, struct list *ret)
{
	char path[PATH_MAX], driver[UMD_SYSFS_NAME_MAX];
	struct dirent **entries;
	int count = scandir(devices, &entries, is_visible, by_name);

	for (int i = 0; i < count; i++) {
		if (!make_path(path, "%s/%s/driver", devices, entries[i]->d_name) &&
		    !read_link(path, driver, sizeof(driver)) && !is_harmless(driver))
			add_to_list(ret, "%.32s (%s)", entries[i]->d_name, driver);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void list_group(const struct umd_driver_options *options, const char *group,
		       struct list *ret)
{
	char path[PATH_MAX];

	if (!make_path(path, "%s/kernel/iommu_groups/%s/devices", options->sysfs, group))
		list_users(path, ret);
}

static int explain_list(const char *group, const struct list *list, struct umd_error *error)
{
	char more[32] = "";

	if (list->more)
		snprintf(more, sizeof(more), " and %u more", list->more);
	return umd_error_set(error, -EBUSY,
			     "IOMMU group %s is not free: the host uses %s%s; `umdev bind` takes "
			     "them, too",
			     group, list->text, more);
}

int umd_sysfs_explain_group(const struct umd_driver_options *options, const char *group,
			    struct umd_error *error)
{
	struct list list = {0};

	list_group(options, group, &list);
	if (!*list.text)
		return umd_error_set(error, -EBUSY, "IOMMU group %s is in use by the host", group);
	return explain_list(group, &list, error);
}

int umd_sysfs_explain_users(const struct umd_driver_options *options, const char *address,
			    struct umd_error *error)
{
	struct umd_sysfs_device device = {0};
	struct list list = {0};

	if (umd_sysfs_find(options, address, &device, NULL) == 0)
		list_group(options, device.group, &list);
	return *list.text ? explain_list(device.group, &list, error) : 0;
}
