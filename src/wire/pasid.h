/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An extension of vfio-user: DMA spaces by PASID, and page requests. Its commands are understood
 * between peers that have agreed on it in VERSION. docs/extensions.md is the reference.
 */
#ifndef UMD_WIRE_PASID_H
#define UMD_WIRE_PASID_H

#include <assert.h>
#include <stdint.h>

/* Far from the standard's numbers. The last two are the server's. */
#define UMD_WIRE_PASID_BASE 0xf000u

enum umd_wire_pasid_command {
	UMD_WIRE_PASID_ATTACH = 0xf001,
	UMD_WIRE_PASID_DETACH = 0xf002,
	UMD_WIRE_PASID_DMA_MAP = 0xf003,
	UMD_WIRE_PASID_DMA_UNMAP = 0xf004,
	UMD_WIRE_PAGE_REQUEST = 0xf005,
	UMD_WIRE_STOP_MARKER = 0xf006,
};

/* Our limits. */
#define UMD_WIRE_MAX_SPACES	   256u
#define UMD_WIRE_MAX_PAGE_REQUESTS 512u /* pages asked for and not answered */

/* ATTACH and DETACH; replies have no payload. */
struct umd_wire_pasid {
	uint32_t argsz, flags; /* flags: 0 */
	uint32_t pasid;
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct umd_wire_pasid) == 16, "layout");

/* struct umd_wire_pasid_map.flags */
#define UMD_WIRE_PASID_MAP_READ	      (1u << 0)
#define UMD_WIRE_PASID_MAP_WRITE      (1u << 1)
#define UMD_WIRE_PASID_MAP_EXECUTE    (1u << 2)
#define UMD_WIRE_PASID_MAP_PRIVILEGED (1u << 3)

/* With one fd; the reply has no payload. */
struct umd_wire_pasid_map {
	uint32_t argsz, flags;
	uint64_t offset; /* in the file whose fd comes along */
	uint64_t address, size;
	uint32_t pasid;
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct umd_wire_pasid_map) == 40, "layout");

/* The flags are DMA_UNMAP's; the reply echoes all of it. */
struct umd_wire_pasid_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
	uint32_t pasid;
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct umd_wire_pasid_unmap) == 32, "layout");

/* struct umd_wire_page_request.flags */
#define UMD_WIRE_PAGE_READ	 (1u << 0)
#define UMD_WIRE_PAGE_WRITE	 (1u << 1)
#define UMD_WIRE_PAGE_EXECUTE	 (1u << 2)
#define UMD_WIRE_PAGE_PRIVILEGED (1u << 3)
#define UMD_WIRE_PAGE_PASID	 (1u << 4) /* it has one; else it is for the default space */

struct umd_wire_page_request {
	uint32_t flags;
	uint32_t pasid;	  /* 0 where it has none */
	uint64_t address; /* of the first page */
	uint32_t pages;	  /* of 4096 bytes */
	uint32_t group;	  /* Page Request Group index, 9 bits */
};
static_assert(sizeof(struct umd_wire_page_request) == 24, "layout");

/* Response codes (PCI Express Base 5.0, section 10.4.2.1); others mean UMD_WIRE_PAGE_FAILURE. */
#define UMD_WIRE_PAGE_SUCCESS 0u
#define UMD_WIRE_PAGE_INVALID 1u
#define UMD_WIRE_PAGE_FAILURE 15u

/* The reply to PAGE_REQUEST. */
struct umd_wire_page_response {
	uint32_t pasid, group; /* the request's */
	uint32_t code;
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct umd_wire_page_response) == 16, "layout");

/* STOP_MARKER has no reply. */
struct umd_wire_stop_marker {
	uint32_t pasid;
	uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct umd_wire_stop_marker) == 8, "layout");

#endif
