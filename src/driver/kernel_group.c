/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * group: a device by its VFIO group, with DMA by a type1 container of its own
 * (Documentation/driver-api/vfio.rst).
 */
#include "driver/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "driver/sysfs.h"

struct kernel_group {
	struct umd_kernel kernel;
	int group, container;
};

/* What is being opened. */
struct request {
	const char *number, *address; /* of the group, of the device */
	const struct umd_driver_options *options;
	struct umd_error *error;
	char node[PATH_MAX]; /* of the group */
};

static struct kernel_group *kernel_group(struct umd_driver *driver)
{
	return (struct kernel_group *)driver; /* its first member, and that one's */
}

static void close_device(struct umd_driver *driver)
{
	struct kernel_group *group = kernel_group(driver);

	umd_kernel_finish(&group->kernel);
	umd_close(&group->group);
	umd_close(&group->container);
	free(group);
}

/* ---- DMA ------------------------------------------------------------------------------------- */

static int map_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct kernel_group *group = kernel_group(driver);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = (dma->flags & UMD_DRIVER_DMA_READ ? VFIO_DMA_MAP_FLAG_READ : 0u) |
			 (dma->flags & UMD_DRIVER_DMA_WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0u),
		.vaddr = (uintptr_t)dma->address,
		.iova = dma->iova,
		.size = dma->bytes,
	};

	if (driver->gone)
		return -ENODEV;
	if (dma->flags & UMD_DRIVER_DMA_PASID)
		return -EOPNOTSUPP;
	return ioctl(group->container, VFIO_IOMMU_MAP_DMA, &map) < 0 ? -errno : 0;
}

/* Also where the device is gone: the memory is pinned until it is unmapped. */
static int unmap_dma(struct umd_driver *driver, const struct umd_driver_dma *dma)
{
	struct kernel_group *group = kernel_group(driver);
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = dma->iova, .size = dma->bytes};

	if (ioctl(group->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0)
		return -errno;
	if (unmap.size != dma->bytes)
		return -ENOENT;
	return driver->gone ? -ENODEV : 0;
}

/* Before Linux 5.4 the kernel does not say what it takes. 39 bits is what every IOMMU has. */
#define OLD_LAST_IOVA ((UINT64_C(1) << 39) - 1)
/* Before Linux 5.10 it does not say how many: dma_entry_limit of vfio_iommu_type1, by default. */
#define OLD_MAX_MAPS 65535u

union info_answer {
	struct vfio_iommu_type1_info info;
	uint8_t bytes[sizeof(struct vfio_iommu_type1_info) + 256 +
		      sizeof(struct vfio_iommu_type1_info_cap_iova_range) +
		      UMD_DRIVER_AREAS_MAX * sizeof(struct vfio_iova_range)];
};

static int take_info(struct umd_kernel *kernel, const union info_answer *given)
{
	struct umd_kernel_answer answer = {
		.bytes = given->bytes,
		.size = sizeof(*given),
		.start = given->info.flags & VFIO_IOMMU_INFO_CAPS ? given->info.cap_offset : 0,
		.at_least = sizeof(given->info),
	};
	uint32_t avail = OLD_MAX_MAPS;
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	int count = umd_kernel_parse_ranges(&answer, kernel->ranges);
	int err = umd_kernel_parse_avail(&answer, &avail);

	if (count < 0 || err < 0)
		return count < 0 ? count : err;
	if (!count) {
		kernel->ranges[0] = (struct umd_driver_dma_range){.last = OLD_LAST_IOVA};
		count = 1;
	}

	kernel->dma = (struct umd_driver_dma_limits){.size = sizeof(kernel->dma),
						     .page_sizes = page_size,
						     .max_maps = avail,
						     .ranges = (unsigned int)count};
	if (given->info.flags & VFIO_IOMMU_INFO_PGSIZES)
		kernel->dma.page_sizes = given->info.iova_pgsizes & -page_size;
	return kernel->dma.page_sizes ? 0 : -EPROTO;
}

static int get_iommu_info(struct kernel_group *group)
{
	union info_answer answer = {.info = {.argsz = sizeof(answer)}};

	if (ioctl(group->container, VFIO_IOMMU_GET_INFO, &answer) < 0)
		return -errno;
	if (answer.info.argsz > sizeof(answer))
		return -E2BIG;
	return take_info(&group->kernel, &answer);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int explain(const struct request *request, int err, const char *what)
{
	return umd_error_set(request->error, err, "%s: %s: %s", request->address, what,
			     strerror(-err));
}

static int open_group(struct kernel_group *group, struct request *request)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	if (umd_sysfs_node(request->options, "vfio/", request->number, request->node,
			   sizeof(request->node)))
		return explain(request, -ENAMETOOLONG, "its group's node");
	group->group = open(request->node, O_RDWR | O_CLOEXEC);
	if (group->group < 0)
		return umd_sysfs_explain_open(request->options, request->node, request->address,
					      -errno, request->error);

	if (ioctl(group->group, VFIO_GROUP_GET_STATUS, &status) < 0)
		return explain(request, -errno, request->node);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return umd_sysfs_explain_group(request->options, request->number, request->error);
	return 0;
}

static int open_container(struct kernel_group *group, const struct request *request)
{
	char node[PATH_MAX];
	int err = umd_sysfs_node(request->options, "vfio/", "vfio", node, sizeof(node));

	if (err)
		return explain(request, err, "its container's node");
	group->container = open(node, O_RDWR | O_CLOEXEC);
	if (group->container >= 0)
		return 0;

	err = -errno;
	if (err == -ENOENT || err == -ENODEV)
		return umd_error_set(request->error, -EOPNOTSUPP,
				     "%s is not there: `modprobe vfio_iommu_type1`", node);
	return umd_sysfs_explain_open(request->options, node, NULL, err, request->error);
}

/* The kernel refuses an IOMMU that lets a device send any interrupt, unless it is told otherwise.
 */
static int explain_iommu(const struct request *request, int err)
{
	if (err == -EPERM)
		return umd_error_set(request->error, err,
				     "%s: its IOMMU does not remap interrupts, so that it could "
				     "send any: see allow_unsafe_interrupts of vfio_iommu_type1",
				     request->address);
	return explain(request, err, "setting up its IOMMU");
}

static int join_container(struct kernel_group *group, const struct request *request)
{
	if (ioctl(group->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(group->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		return umd_error_set(request->error, -EOPNOTSUPP,
				     "the kernel has no type1 IOMMU for VFIO: `modprobe "
				     "vfio_iommu_type1`");
	if (ioctl(group->group, VFIO_GROUP_SET_CONTAINER, &group->container) < 0)
		return errno == EPERM ? umd_sysfs_explain_group(request->options, request->number,
								request->error)
				      : explain(request, -errno, "joining a container");
	if (ioctl(group->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return explain_iommu(request, -errno);
	return 0;
}

static int open_device(struct kernel_group *group, const struct request *request)
{
	int err, fd = ioctl(group->group, VFIO_GROUP_GET_DEVICE_FD, request->address);

	if (fd < 0)
		return umd_sysfs_explain_open(request->options, request->node, request->address,
					      -errno, request->error);

	err = get_iommu_info(group);
	if (err) {
		umd_close(&fd);
		return explain(request, err, "asking what its IOMMU takes");
	}
	err = umd_kernel_init(&group->kernel, &umd_kernel_group_backend, fd, request->address,
			      request->options);
	return err ? explain(request, err, "asking what it is") : 0;
}

static int open_all(struct kernel_group *group, struct request *request)
{
	int err = open_group(group, request);

	if (!err)
		err = open_container(group, request);
	if (!err)
		err = join_container(group, request);
	return err ? err : open_device(group, request);
}

int umd_kernel_open_group(const char *number, const char *address,
			  const struct umd_driver_options *options, struct umd_driver **ret,
			  struct umd_error *error)
{
	struct request request = {
		.number = number, .address = address, .options = options, .error = error};
	struct kernel_group *group = calloc(1, sizeof(*group));
	int err;

	if (!group)
		return explain(&request, -ENOMEM, "opening");

	group->kernel.fd = group->group = group->container = -1;
	err = open_all(group, &request);
	if (err) {
		close_device(&group->kernel.driver);
		return err;
	}
	*ret = &group->kernel.driver;
	return 0;
}

/* N/DDDD:BB:DD.F */
static int open_uri(const char *address, const struct umd_driver_options *options,
		    struct umd_driver **ret, struct umd_error *error)
{
	size_t digits = strspn(address, "0123456789");
	char number[UMD_SYSFS_NAME_MAX] = "";

	if (!digits || digits >= sizeof(number) || address[digits] != '/' ||
	    !umd_sysfs_is_address(address + digits + 1))
		return umd_error_set(error, -EINVAL, "'%.64s' is no group:N/DDDD:BB:DD.F", address);
	memcpy(number, address, digits);
	return umd_kernel_open_group(number, address + digits + 1, options, ret, error);
}

const struct umd_driver_backend umd_kernel_group_backend = {
	.scheme = "group",
	.open = open_uri,
	.close = close_device,
	.map_dma = map_dma,
	.unmap_dma = unmap_dma,
	UMD_KERNEL_OPERATIONS,
};
