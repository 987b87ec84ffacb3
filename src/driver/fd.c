/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fd: a device by an fd that is open already: a socket of vfio-user, or a cdev of the kernel's. It
 * is taken over when the device is open, so that on error it still is the caller's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "driver/kernel.h"
#include "driver/sysfs.h"
#include "driver/vfio_user.h"

/* An fd's number in digits, or -1. */
static int parse(const char *address)
{
	size_t digits = strspn(address, "0123456789");
	unsigned long fd;

	errno = 0;
	fd = strtoul(address, NULL, 10);
	return digits && !address[digits] && !errno && fd <= INT_MAX ? (int)fd : -1;
}

static int open_cdev(int fd, const char *name, const struct umd_driver_options *options,
		     struct umd_driver **ret, struct umd_error *error)
{
	char address[UMD_SYSFS_NAME_MAX];

	if (umd_sysfs_find_cdev(options, fd, address, sizeof(address)) == 0)
		name = address;
	return umd_kernel_open_cdev_fd(fd, name, options, ret, error);
}

/* There is no socket to connect to again. */
static int open_socket(int fd, const char *name, const struct umd_driver_options *options,
		       struct umd_driver **ret, struct umd_error *error)
{
	struct umd_driver_options once = *options;

	once.flags &= ~UMD_DRIVER_CAN_RECONNECT;
	return umd_vfio_user_open_fd(fd, name, &once, ret, error);
}

/* Takes over `fd`. */
static int open_device(int fd, const char *name, const struct umd_driver_options *options,
		       struct umd_driver **ret, struct umd_error *error)
{
	struct stat status = {0};

	if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
		return open_socket(fd, name, options, ret, error);
	if (S_ISCHR(status.st_mode))
		return open_cdev(fd, name, options, ret, error);
	umd_close(&fd);
	return umd_error_set(error, -EINVAL,
			     "%s is neither a socket nor a character device of VFIO's", name);
}

static int open_uri(const char *address, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error)
{
	int given = parse(address), fd, err;
	char name[32];

	if (given < 0)
		return umd_error_set(error, -EINVAL, "fd: needs a number");
	snprintf(name, sizeof(name), "fd:%d", given);

	fd = fcntl(given, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return umd_error_set(error, -errno, "%s: %s", name, strerror(errno));
	err = open_device(fd, name, options, ret, error);
	if (!err)
		umd_close(&given);
	return err;
}

const struct umd_driver_backend umd_fd_backend = {
	.scheme = "fd",
	.open = open_uri,
};
