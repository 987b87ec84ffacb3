/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device by its cdev and an iommufd (kernel_cdev.c), and the spaces of its PASIDs
 * (kernel_pasid.c).
 */
#ifndef UMD_DRIVER_KERNEL_CDEV_H
#define UMD_DRIVER_KERNEL_CDEV_H

#include "driver/kernel.h"

/* The space of a PASID. */
struct umd_kernel_space {
	struct umd_kernel_space *next;
	uint32_t pasid;
	uint32_t ioas, table; /* the kernel's ids; 0: none */
};

struct umd_kernel_cdev {
	struct umd_kernel kernel;
	int iommufd;
	uint32_t device; /* the kernel's id of it in the iommufd */
	uint32_t ioas;	 /* of requests without PASID */
	struct umd_kernel_space *spaces;
};

/* An IOAS, the memory that one space maps. 0 or what the kernel answers. */
int umd_kernel_ioas_alloc(const struct umd_kernel_cdev *cdev, uint32_t *ret);

/*
 * A page table of an IOAS beside which a device may have PASIDs. -EOPNOTSUPP where the device or
 * its IOMMU has none.
 */
int umd_kernel_pasid_table(const struct umd_kernel_cdev *cdev, uint32_t ioas, uint32_t *ret);

/* The backend's operations (backend.h). */
int umd_kernel_attach_pasid(struct umd_driver *driver, uint32_t pasid);
int umd_kernel_detach_pasid(struct umd_driver *driver, uint32_t pasid);

/* NULL where the PASID is not attached. */
struct umd_kernel_space *umd_kernel_space_find(const struct umd_kernel_cdev *cdev, uint32_t pasid);

/* Forgets all of them, when the iommufd has been closed. */
void umd_kernel_spaces_finish(struct umd_kernel_cdev *cdev);

#endif
