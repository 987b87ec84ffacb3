/* SPDX-License-Identifier: BSD-2-Clause */
/* pci: a device by its address. Its cdev where there is one that we may open, else its group. */
#include "driver/kernel.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "driver/sysfs.h"

/* The cdev's node; false where it cannot be used, or iommufd cannot. */
static bool find_cdev(const struct umd_driver_options *options,
		      const struct umd_sysfs_device *device, char *ret, size_t size)
{
	char iommufd[PATH_MAX];

	return *device->cdev &&
	       umd_sysfs_node(options, "vfio/devices/", device->cdev, ret, size) == 0 &&
	       umd_sysfs_node(options, "", "iommu", iommufd, sizeof(iommufd)) == 0 &&
	       access(ret, R_OK | W_OK) == 0 && access(iommufd, R_OK | W_OK) == 0;
}

static int open_uri(const char *address, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error)
{
	struct umd_sysfs_device device = {0};
	char node[PATH_MAX];
	int err = umd_sysfs_find(options, address, &device, error);

	if (!err)
		err = umd_sysfs_check(options, &device, error);
	if (err)
		return err;
	if (find_cdev(options, &device, node, sizeof(node)))
		return umd_kernel_open_cdev(node, address, options, ret, error);
	return umd_kernel_open_group(device.group, address, options, ret, error);
}

const struct umd_driver_backend umd_kernel_pci_backend = {
	.scheme = "pci",
	.open = open_uri,
};
