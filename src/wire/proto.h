/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vfio-user on the wire: commands, flags and layouts, as in QEMU's docs/interop/vfio-user.rst
 * (protocol 0.1). All numbers are in the host's byte order; both ends share a machine. The layouts
 * have no padding that the compiler could add: the sizes are asserted.
 */
#ifndef UMD_WIRE_PROTO_H
#define UMD_WIRE_PROTO_H

#include <assert.h>
#include <stdint.h>

enum umd_wire_command {
	UMD_WIRE_VERSION = 1,
	UMD_WIRE_DMA_MAP = 2,
	UMD_WIRE_DMA_UNMAP = 3,
	UMD_WIRE_GET_INFO = 4,
	UMD_WIRE_GET_REGION_INFO = 5,
	UMD_WIRE_GET_REGION_IO_FDS = 6,
	UMD_WIRE_GET_IRQ_INFO = 7,
	UMD_WIRE_SET_IRQS = 8,
	UMD_WIRE_REGION_READ = 9,
	UMD_WIRE_REGION_WRITE = 10,
	UMD_WIRE_DMA_READ = 11,
	UMD_WIRE_DMA_WRITE = 12,
	UMD_WIRE_DEVICE_RESET = 13,
	UMD_WIRE_REGION_WRITE_MULTI = 15,
	UMD_WIRE_DEVICE_FEATURE = 16,
	UMD_WIRE_COMMANDS, /* one more than the largest that a client sends */
};

#define UMD_WIRE_MAJOR 0
#define UMD_WIRE_MINOR 1

/* Limits: ours, and the protocol's defaults where a peer names none. */
#define UMD_WIRE_MAX_XFER     (1u << 20) /* bytes of data in a message */
#define UMD_WIRE_MAX_FDS      16u	 /* that we announce and send */
#define UMD_WIRE_MAX_MAPS     65535u
#define UMD_WIRE_PGSIZES      4096u /* a bitmap, as VFIO_IOMMU_INFO_PGSIZES */
#define UMD_WIRE_DEFAULT_FDS  1u
#define UMD_WIRE_DEFAULT_XFER (1u << 20)

/* struct umd_wire_header.flags */
#define UMD_WIRE_TYPE_MASK    0xfu
#define UMD_WIRE_TYPE_COMMAND 0u
#define UMD_WIRE_TYPE_REPLY   1u
#define UMD_WIRE_NO_REPLY     (1u << 4)
#define UMD_WIRE_ERROR	      (1u << 5)

struct umd_wire_header {
	uint16_t id; /* the sender's; a reply carries its command's */
	uint16_t command;
	uint32_t size; /* of the message, this header included */
	uint32_t flags;
	uint32_t error; /* a positive errno, in a reply with UMD_WIRE_ERROR */
};
static_assert(sizeof(struct umd_wire_header) == 16, "layout");

struct umd_wire_version {
	uint16_t major, minor;
	/* then JSON, NUL-terminated */
};
static_assert(sizeof(struct umd_wire_version) == 4, "layout");

struct umd_wire_dma_map {
	uint32_t argsz;
	uint32_t flags;	 /* VFIO_DMA_MAP_FLAG_READ, _WRITE */
	uint64_t offset; /* in the file whose fd comes along */
	uint64_t address, size;
};
static_assert(sizeof(struct umd_wire_dma_map) == 32, "layout");

#define UMD_WIRE_UNMAP_ALL (1u << 1)

struct umd_wire_dma_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
};
static_assert(sizeof(struct umd_wire_dma_unmap) == 24, "layout");

#define UMD_WIRE_DEVICE_FLAG_RESET (1u << 0)
#define UMD_WIRE_DEVICE_FLAG_PCI   (1u << 1)

struct umd_wire_device_info {
	uint32_t argsz, flags, regions, irqs;
};
static_assert(sizeof(struct umd_wire_device_info) == 16, "layout");

#define UMD_WIRE_REGION_FLAG_READ  (1u << 0)
#define UMD_WIRE_REGION_FLAG_WRITE (1u << 1)
#define UMD_WIRE_REGION_FLAG_MMAP  (1u << 2)
#define UMD_WIRE_REGION_FLAG_CAPS  (1u << 3)

struct umd_wire_region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};
static_assert(sizeof(struct umd_wire_region_info) == 32, "layout");

#define UMD_WIRE_CAP_SPARSE_MMAP 1

struct umd_wire_sparse_mmap {
	uint16_t id, version;
	uint32_t next;
	uint32_t areas, reserved;
	/* then areas: struct umd_wire_area */
};
static_assert(sizeof(struct umd_wire_sparse_mmap) == 16, "layout");

struct umd_wire_area {
	uint64_t offset, size;
};
static_assert(sizeof(struct umd_wire_area) == 16, "layout");

struct umd_wire_io_fds {
	uint32_t argsz, flags, index, count;
	/* then, in a reply, entries: struct umd_wire_io_fd */
};
static_assert(sizeof(struct umd_wire_io_fds) == 16, "layout");

#define UMD_WIRE_IO_FD_TYPE_IOEVENTFD 0
#define UMD_WIRE_IO_FD_FLAG_DATAMATCH (1u << 0) /* KVM_IOEVENTFD_FLAG_DATAMATCH */

struct umd_wire_io_fd {
	uint64_t offset, size;
	uint32_t fd_index, type, flags, padding;
	uint64_t datamatch;
};
static_assert(sizeof(struct umd_wire_io_fd) == 40, "layout");

struct umd_wire_irq_info {
	uint32_t argsz, flags, index, count;
};
static_assert(sizeof(struct umd_wire_irq_info) == 16, "layout");

struct umd_wire_set_irqs {
	uint32_t argsz, flags, index, start, count;
	/* then `count` bytes with DATA_BOOL; fds come along with DATA_EVENTFD */
};
static_assert(sizeof(struct umd_wire_set_irqs) == 20, "layout");

struct umd_wire_region_access {
	uint64_t offset;
	uint32_t region, count;
	/* then the data: in a write, and in the reply to a read */
};
static_assert(sizeof(struct umd_wire_region_access) == 16, "layout");

struct umd_wire_dma_access {
	uint64_t address, count;
	/* then the data: in a DMA_WRITE, and in the reply to a DMA_READ */
};
static_assert(sizeof(struct umd_wire_dma_access) == 16, "layout");

struct umd_wire_write_multi {
	uint64_t count;
	/* then `count` of struct umd_wire_multi_entry */
};

struct umd_wire_multi_entry {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[8];
};
static_assert(sizeof(struct umd_wire_multi_entry) == 24, "layout");

#define UMD_WIRE_FEATURE_INDEX 0xffffu
#define UMD_WIRE_FEATURE_GET   (1u << 16)
#define UMD_WIRE_FEATURE_SET   (1u << 17)
#define UMD_WIRE_FEATURE_PROBE (1u << 18)

struct umd_wire_feature {
	uint32_t argsz, flags;
	/* then the feature's data */
};
static_assert(sizeof(struct umd_wire_feature) == 8, "layout");

/* The data of VFIO_DEVICE_FEATURE_DMA_LOGGING_START. */
struct umd_wire_log_start {
	uint64_t page_size; /* bytes; a hint, and in the reply what was chosen */
	uint32_t count;	    /* of ranges; 0: all that is written is logged */
	uint32_t reserved;
	/* then `count` of struct umd_wire_log_range */
};
static_assert(sizeof(struct umd_wire_log_start) == 16, "layout");

struct umd_wire_log_range {
	uint64_t iova, size; /* bytes */
};
static_assert(sizeof(struct umd_wire_log_range) == 16, "layout");

/* The data of VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT. */
struct umd_wire_log_report {
	uint64_t iova, size, page_size; /* bytes */
	/* then, in a reply, the bitmap: 64-bit words, bit n for the page n * page_size behind iova
	 */
};
static_assert(sizeof(struct umd_wire_log_report) == 24, "layout");

/* The largest message taken: a write of the largest transfer, with room for extensions. */
#define UMD_WIRE_MAX_MESSAGE (UMD_WIRE_MAX_XFER + 4096u)

#endif
