/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PASIDs of a cdev. Each has an IOAS and a page table of its own; the kernel wants all page tables
 * of the device, also that of requests without PASID, to be made for use beside PASIDs.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "driver/iommufd.h"
#include "driver/kernel_cdev.h"

int umd_kernel_ioas_alloc(const struct umd_kernel_cdev *cdev, uint32_t *ret)
{
	struct umd_iommufd_ioas_alloc alloc = {.size = sizeof(alloc)};

	if (ioctl(cdev->iommufd, UMD_IOMMUFD_IOAS_ALLOC, &alloc) < 0)
		return -errno;
	*ret = alloc.out_ioas;
	return 0;
}

static bool has_pasids(const struct umd_kernel_cdev *cdev)
{
	struct umd_iommufd_hw_info info = {.size = sizeof(info), .device = cdev->device};

	return ioctl(cdev->iommufd, UMD_IOMMUFD_HW_INFO, &info) == 0 && info.out_max_pasid_log2;
}

int umd_kernel_pasid_table(const struct umd_kernel_cdev *cdev, uint32_t ioas, uint32_t *ret)
{
	struct umd_iommufd_hwpt_alloc alloc = {.size = sizeof(alloc),
					       .flags = UMD_IOMMUFD_HWPT_PASID,
					       .device = cdev->device,
					       .parent = ioas};

	if (!has_pasids(cdev))
		return -EOPNOTSUPP;
	if (ioctl(cdev->iommufd, UMD_IOMMUFD_HWPT_ALLOC, &alloc) < 0)
		return -errno;
	*ret = alloc.out_hwpt;
	return 0;
}

static void destroy(const struct umd_kernel_cdev *cdev, uint32_t id)
{
	struct umd_iommufd_destroy request = {.size = sizeof(request), .id = id};

	if (id)
		ioctl(cdev->iommufd, UMD_IOMMUFD_DESTROY, &request);
}

static int attach(struct umd_kernel_cdev *cdev, struct umd_kernel_space *space)
{
	struct umd_vfio_attach request = {
		.argsz = sizeof(request), .flags = UMD_VFIO_ATTACH_PASID, .pasid = space->pasid};
	int err = umd_kernel_ioas_alloc(cdev, &space->ioas);

	if (!err)
		err = umd_kernel_pasid_table(cdev, space->ioas, &space->table);
	if (err)
		return err;
	request.table = space->table;
	return umd_kernel_ioctl(&cdev->kernel, UMD_VFIO_ATTACH, &request);
}

static void free_space(struct umd_kernel_cdev *cdev, struct umd_kernel_space *space)
{
	destroy(cdev, space->table);
	destroy(cdev, space->ioas);
	free(space);
}

struct umd_kernel_space *umd_kernel_space_find(const struct umd_kernel_cdev *cdev, uint32_t pasid)
{
	struct umd_kernel_space *space = cdev->spaces;

	while (space && space->pasid != pasid)
		space = space->next;
	return space;
}

/* 0 stands for requests without PASID. */
int umd_kernel_attach_pasid(struct umd_driver *driver, uint32_t pasid)
{
	struct umd_kernel_cdev *cdev = (struct umd_kernel_cdev *)driver;
	struct umd_kernel_space *space = pasid ? calloc(1, sizeof(*space)) : NULL;
	int err;

	if (!space)
		return pasid ? -ENOMEM : -EINVAL;

	space->pasid = pasid;
	err = attach(cdev, space);
	if (err < 0) {
		free_space(cdev, space);
		return err;
	}
	space->next = cdev->spaces;
	cdev->spaces = space;
	return 0;
}

int umd_kernel_detach_pasid(struct umd_driver *driver, uint32_t pasid)
{
	struct umd_kernel_cdev *cdev = (struct umd_kernel_cdev *)driver;
	struct umd_vfio_detach request = {
		.argsz = sizeof(request), .flags = UMD_VFIO_ATTACH_PASID, .pasid = pasid};
	struct umd_kernel_space **link = &cdev->spaces, *space;
	int err;

	while (*link && (*link)->pasid != pasid)
		link = &(*link)->next;
	space = *link;
	if (!space)
		return -ENOENT;

	*link = space->next;
	err = umd_kernel_ioctl(&cdev->kernel, UMD_VFIO_DETACH, &request);
	free_space(cdev, space);
	return err < 0 ? err : 0;
}

void umd_kernel_spaces_finish(struct umd_kernel_cdev *cdev)
{
	while (cdev->spaces) {
		struct umd_kernel_space *space = cdev->spaces;

		cdev->spaces = space->next;
		free(space);
	}
}
