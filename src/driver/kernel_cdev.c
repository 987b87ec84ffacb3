/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cdev: a device by its character device, with DMA by an iommufd of its own (linux/iommufd.h,
 * Documentation/userspace-api/iommufd.rst). Of the fd that was opened first, the kernel makes a
 * device's once it is bound to the iommufd.
 */
#include "driver/kernel_cdev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "driver/iommufd.h"
#include "driver/sysfs.h"

static struct umd_kernel_cdev *kernel_cdev(struct umd_driver *driver)
{
	return (struct umd_kernel_cdev *)driver; /* its first member, and that one's */
}

static void close_device(struct umd_driver *driver)
{
	struct umd_kernel_cdev *cdev = kernel_cdev(driver);

	umd_kernel_finish(&cdev->kernel);
	umd_close(&cdev->iommufd);
	umd_kernel_spaces_finish(cdev);
	free(cdev);
}

/* ---- DMA ------------------------------------------------------------------------------------- */

static int map_in(const struct umd_kernel_cdev *cdev, uint32_t ioas,
		  const struct umd_driver_dma *dma)
{
	struct umd_iommufd_ioas_map map = {
		.size = sizeof(map),
		.flags = UMD_IOMMUFD_MAP_FIXED |
			 (dma->flags & UMD_DRIVER_DMA_READ ? UMD_IOMMUFD_MAP_READ : 0) |
			 (dma->flags & UMD_DRIVER_DMA_WRITE ? UMD_IOMMUFD_MAP_WRITE : 0),
		.ioas = ioas,
		.address = (uintptr_t)dma->address,
		.bytes = dma->bytes,
		.iova = dma->iova,
	};

	return ioctl(cdev->iommufd, UMD_IOMMUFD_IOAS_MAP, &map) < 0 ? -errno : 0;
}

static int unmap_in(const struct umd_kernel_cdev *cdev, uint32_t ioas,
		    const struct umd_driver_dma *dma)
{
	struct umd_iommufd_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas = ioas, .iova = dma->iova, .bytes = dma->bytes};

	return ioctl(cdev->iommufd, UMD_IOMMUFD_IOAS_UNMAP, &unmap) < 0 ? -errno : 0;
}

/* Where a map lies: 0 or -ENOENT. */
static int find_ioas(const struct umd_kernel_cdev *cdev, const struct umd_driver_dma *dma,
		     uint32_t *ret)
{
	const struct umd_kernel_space *space;

	if (!(dma->flags & UMD_DRIVER_DMA_PASID)) {
		*ret = cdev->ioas;
		return 0;
	}
	space = umd_kernel_space_find(cdev, dma->pasid);
	if (!space)
		return -ENOENT;
	*ret = space->ioas;
	return 0;
}

static int map_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_kernel_cdev *cdev = kernel_cdev(driver);
	uint32_t ioas;
	int err = driver->gone ? -ENODEV : find_ioas(cdev, dma, &ioas);

	return err ? err : map_in(cdev, ioas, dma);
}

/* Also where the device is gone: the memory is pinned until it is unmapped. */
static int unmap_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct umd_kernel_cdev *cdev = kernel_cdev(driver);
	uint32_t ioas;
	int err = find_ioas(cdev, dma, &ioas);

	if (!err)
		err = unmap_in(cdev, ioas, dma);
	return !err && driver->gone ? -ENODEV : err;
}

/* More ranges than we ask for are -EMSGSIZE. */
static int get_ranges(struct umd_kernel_cdev *cdev)
{
	struct umd_iommufd_range ranges[UMD_DRIVER_AREAS_MAX] = {0};
	struct umd_iommufd_ioas_ranges request = {.size = sizeof(request),
						  .ioas = cdev->ioas,
						  .count = UMD_DRIVER_AREAS_MAX,
						  .ranges = (uintptr_t)ranges};
	struct umd_kernel *kernel = &cdev->kernel;
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);

	if (ioctl(cdev->iommufd, UMD_IOMMUFD_IOAS_RANGES, &request) < 0)
		return errno == EMSGSIZE ? -E2BIG : -errno;
	if (request.count > UMD_DRIVER_AREAS_MAX)
		return -EPROTO;

	for (uint32_t i = 0; i < request.count; i++)
		kernel->ranges[i] = (struct umd_driver_dma_range){.first = ranges[i].first,
								  .last = ranges[i].last};
	if (!umd_kernel_ranges_ascend(kernel->ranges, request.count) ||
	    request.out_alignment > page_size)
		return -EPROTO;

	/* Any number of maps, and of any power of two from a page on. */
	kernel->dma = (struct umd_driver_dma_limits){.size = sizeof(kernel->dma),
						     .page_sizes = -page_size,
						     .max_maps = UINT32_MAX,
						     .ranges = request.count};
	return 0;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int open_iommufd(struct umd_kernel_cdev *cdev, const struct umd_driver_options *options,
			struct umd_error *error)
{
	char node[PATH_MAX];
	int err = umd_sysfs_node(options, "", "iommu", node, sizeof(node));

	if (err)
		return umd_error_set(error, err, "the node of iommufd: %s", strerror(-err));
	cdev->iommufd = open(node, O_RDWR | O_CLOEXEC);
	if (cdev->iommufd >= 0)
		return 0;

	err = -errno;
	if (err == -ENOENT || err == -ENODEV)
		return umd_error_set(error, -EOPNOTSUPP,
				     "%s is not there: `modprobe iommufd`, or a kernel with "
				     "CONFIG_IOMMUFD",
				     node);
	return umd_error_set(error, err, "%s: %s", node, strerror(-err));
}

/* `err` of binding a device to an iommufd: the kernel has a number for more than one reason. */
static int explain_bind(const struct umd_driver_options *options, int err, const char *name,
			struct umd_error *error)
{
	int busy = err == -EBUSY || err == -EPERM ? umd_sysfs_explain_users(options, name, error)
						  : 0;

	if (busy)
		return busy;

	switch (err) {
	case -ENOTTY:
		return umd_error_set(error, -EINVAL, "%s is no character device of VFIO's", name);
	case -EINVAL:
		return umd_error_set(error, err, "%s has an iommufd already, or is no cdev", name);
	case -EBUSY:
		return umd_error_set(error, err, "%s is in use by another program", name);
	case -EPERM:
		return umd_error_set(error, err,
				     "%s: another program has its IOMMU group, or its IOMMU does "
				     "not remap interrupts (allow_unsafe_interrupts of iommufd)",
				     name);
	default:
		return umd_error_set(error, err, "%s: binding it to an iommufd: %s", name,
				     strerror(-err));
	}
}

static int bind_device(struct umd_kernel_cdev *cdev, int fd)
{
	struct umd_vfio_bind bind = {.argsz = sizeof(bind), .iommufd = cdev->iommufd};

	if (ioctl(fd, UMD_VFIO_BIND, &bind) < 0)
		return -errno;
	cdev->device = bind.out_device;
	return 0;
}

/* To a page table that suffers PASIDs, or where there are none, to one that the kernel makes. */
static int attach_device(struct umd_kernel_cdev *cdev, int fd)
{
	struct umd_vfio_attach attach = {.argsz = offsetof(struct umd_vfio_attach, pasid)};
	bool has_pasid;
	int err = umd_kernel_ioas_alloc(cdev, &cdev->ioas);

	if (err)
		return err;
	has_pasid = umd_kernel_pasid_table(cdev, cdev->ioas, &attach.table) == 0;
	if (!has_pasid)
		attach.table = cdev->ioas;
	if (ioctl(fd, UMD_VFIO_ATTACH, &attach) < 0)
		return -errno;

	err = get_ranges(cdev);
	if (!err && has_pasid)
		cdev->kernel.dma.flags |= UMD_DRIVER_DMA_HAS_PASID;
	return err;
}

static int set_up(struct umd_kernel_cdev *cdev, int fd, const char *name,
		  const struct umd_driver_options *options, struct umd_error *error)
{
	int err = open_iommufd(cdev, options, error);

	if (err)
		return err;
	err = bind_device(cdev, fd);
	if (err)
		return explain_bind(options, err, name, error);

	err = attach_device(cdev, fd);
	if (err)
		return umd_error_set(error, err, "%s: setting up its IOMMU: %s", name,
				     strerror(-err));
	return 0;
}

int umd_kernel_open_cdev_fd(int fd, const char *name, const struct umd_driver_options *options,
			    struct umd_driver **ret, struct umd_error *error)
{
	struct umd_kernel_cdev *cdev = calloc(1, sizeof(*cdev));
	int err;

	if (!cdev) {
		umd_close(&fd);
		return umd_error_set(error, -ENOMEM, "%s: %s", name, strerror(ENOMEM));
	}

	cdev->kernel.fd = fd;
	cdev->iommufd = -1;
	err = set_up(cdev, fd, name, options, error);
	if (!err) {
		err = umd_kernel_init(&cdev->kernel, &umd_kernel_cdev_backend, fd, name, options);
		if (err)
			umd_error_set(error, err, "%s: asking what it is: %s", name,
				      strerror(-err));
	}
	if (err) {
		close_device(&cdev->kernel.driver);
		return err;
	}
	*ret = &cdev->kernel.driver;
	return 0;
}

int umd_kernel_open_cdev(const char *path, const char *address,
			 const struct umd_driver_options *options, struct umd_driver **ret,
			 struct umd_error *error)
{
	char found[UMD_SYSFS_NAME_MAX];
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return umd_sysfs_explain_open(options, path, address, -errno, error);
	if (!address && umd_sysfs_find_cdev(options, fd, found, sizeof(found)) == 0)
		address = found;
	return umd_kernel_open_cdev_fd(fd, address ? address : path, options, ret, error);
}

static int open_uri(const char *path, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error)
{
	if (!*path)
		return umd_error_set(error, -EINVAL, "cdev: needs a path");
	return umd_kernel_open_cdev(path, NULL, options, ret, error);
}

const struct umd_driver_backend umd_kernel_cdev_backend = {
	.scheme = "cdev",
	.open = open_uri,
	.close = close_device,
	.map_dma = map_dma,
	.unmap_dma = unmap_dma,
	.attach_pasid = umd_kernel_attach_pasid,
	.detach_pasid = umd_kernel_detach_pasid,
	UMD_KERNEL_OPERATIONS,
};
