/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the cdev backend says to the kernel, for builds with headers from before it: layouts and
 * numbers of linux/iommufd.h and linux/vfio.h of Linux 6.6, those of PASIDs of Linux 6.15. The
 * names are ours, so that newer headers do no harm.
 */
#ifndef UMD_DRIVER_IOMMUFD_H
#define UMD_DRIVER_IOMMUFD_H

#include <linux/vfio.h>
#include <stdint.h>

/* ---- /dev/iommu: each struct begins with its size -------------------------------------------- */

#define UMD_IOMMUFD_DESTROY	_IO(';', 0x80)
#define UMD_IOMMUFD_IOAS_ALLOC	_IO(';', 0x81)
#define UMD_IOMMUFD_IOAS_RANGES _IO(';', 0x84)
#define UMD_IOMMUFD_IOAS_MAP	_IO(';', 0x85)
#define UMD_IOMMUFD_IOAS_UNMAP	_IO(';', 0x86)
#define UMD_IOMMUFD_HWPT_ALLOC	_IO(';', 0x89)
#define UMD_IOMMUFD_HW_INFO	_IO(';', 0x8a)

struct umd_iommufd_destroy {
	uint32_t size, id;
};

struct umd_iommufd_ioas_alloc {
	uint32_t size, flags, out_ioas;
};

struct umd_iommufd_range {
	uint64_t first, last;
};

struct umd_iommufd_ioas_ranges {
	uint32_t size, ioas, count, reserved;
	uint64_t ranges; /* address of `count` struct umd_iommufd_range */
	uint64_t out_alignment;
};

#define UMD_IOMMUFD_MAP_FIXED (1u << 0)
#define UMD_IOMMUFD_MAP_WRITE (1u << 1)
#define UMD_IOMMUFD_MAP_READ  (1u << 2)

struct umd_iommufd_ioas_map {
	uint32_t size, flags, ioas, reserved;
	uint64_t address, bytes, iova;
};

struct umd_iommufd_ioas_unmap {
	uint32_t size, ioas;
	uint64_t iova, bytes; /* bytes: out, what was unmapped */
};

#define UMD_IOMMUFD_HWPT_PASID (1u << 3) /* a device attached to it may have PASIDs */

struct umd_iommufd_hwpt_alloc {
	uint32_t size, flags, device, parent; /* parent: the IOAS */
	uint32_t out_hwpt, reserved, data_type, data_size;
	uint64_t data;
};

struct umd_iommufd_hw_info {
	uint32_t size, flags, device, data_size;
	uint64_t data;
	uint32_t out_data_type;
	uint8_t out_max_pasid_log2; /* 0: no PASIDs, or a kernel that does not tell */
	uint8_t reserved[3];
	uint64_t out_capabilities;
};

/* ---- A device's cdev: each struct begins with its size --------------------------------------- */

#define UMD_VFIO_BIND	_IO(VFIO_TYPE, VFIO_BASE + 18)
#define UMD_VFIO_ATTACH _IO(VFIO_TYPE, VFIO_BASE + 19)
#define UMD_VFIO_DETACH _IO(VFIO_TYPE, VFIO_BASE + 20)

/* The same of DETACH. Without it the structs end before `pasid`. */
#define UMD_VFIO_ATTACH_PASID (1u << 0)

struct umd_vfio_bind {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_device;
};

struct umd_vfio_attach {
	uint32_t argsz, flags;
	uint32_t table; /* an IOAS, or a hardware page table */
	uint32_t pasid;
};

struct umd_vfio_detach {
	uint32_t argsz, flags;
	uint32_t pasid;
};

#endif
