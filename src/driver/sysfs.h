/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sysfs says about a PCI device of this machine, and sentences that say what to do where the
 * device cannot be opened. Paths begin with `sysfs` and `dev` of the options.
 */
#ifndef UMD_DRIVER_SYSFS_H
#define UMD_DRIVER_SYSFS_H

#include <stdbool.h>

#include <umdev/driver.h>

#define UMD_SYSFS_NAME_MAX 64u

/* Names are "" where there is none. */
struct umd_sysfs_device {
	char address[UMD_SYSFS_NAME_MAX]; /* "0000:01:00.0" */
	char driver[UMD_SYSFS_NAME_MAX];  /* that it is bound to */
	char group[UMD_SYSFS_NAME_MAX];	  /* number of its IOMMU group */
	char cdev[UMD_SYSFS_NAME_MAX];	  /* "vfio0" */
};

/* Whether text is DDDD:BB:DD.F, as lspci -D writes it; domains may have up to 8 digits. */
bool umd_sysfs_is_address(const char *text);

/* 0; -EINVAL for no address; -ENOENT for no such device; -ENAMETOOLONG. */
int umd_sysfs_find(const struct umd_driver_options *options, const char *address,
		   struct umd_sysfs_device *ret, struct umd_error *error);

/*
 * Whether VFIO can have the device: 0; -EOPNOTSUPP for one behind no IOMMU; -EBUSY where another
 * driver has it; -ENXIO where none has.
 */
int umd_sysfs_check(const struct umd_driver_options *options, const struct umd_sysfs_device *device,
		    struct umd_error *error);

/* Puts a node of VFIO's together: "vfio/12". -ENAMETOOLONG. */
int umd_sysfs_node(const struct umd_driver_options *options, const char *directory,
		   const char *name, char *to, size_t size);

/*
 * Says why a node could not be opened: whose it is, or what is wrong with the device. `address` may
 * be NULL. Returns err, or what umd_sysfs_check() found instead.
 */
int umd_sysfs_explain_open(const struct umd_driver_options *options, const char *node,
			   const char *address, int err, struct umd_error *error);

/* Names the devices because of which a group cannot be had. Returns -EBUSY. */
int umd_sysfs_explain_group(const struct umd_driver_options *options, const char *group,
			    struct umd_error *error);

/* The same for a device's group: 0 where the host seems to use none of it. */
int umd_sysfs_explain_users(const struct umd_driver_options *options, const char *address,
			    struct umd_error *error);

/* The address of the device that a cdev's fd is of. -ENOENT where that cannot be told. */
int umd_sysfs_find_cdev(const struct umd_driver_options *options, int fd, char *to, size_t size);

#endif
