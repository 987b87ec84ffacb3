/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The accelerator's registers: offsets, fields, commands and error codes.
 *
 * Source: Intel DSA Architecture Specification (341204), chapter 9; the kernel's
 * drivers/dma/idxd/registers.h. All are little-endian; masks are of the register as a number.
 */
#ifndef DSA_REGS_H
#define DSA_REGS_H

#include <stdint.h>

/* A field's value in a register, and a register with nothing but that field. */
#define DSA_GET(value, field) (((value) & (field)) / ((field) & -(field)))
#define DSA_PUT(value, field) (((uint64_t)(value) * ((field) & -(field))) & (field))

/* ---- PCI ----------------------------------------------------------------------------------- */

#define DSA_VENDOR	 0x8086u
#define DSA_DEVICE_SPR	 0x0b25u   /* Sapphire Rapids */
#define DSA_DEVICE_GNRD	 0x11fbu   /* Granite Rapids D */
#define DSA_CLASS	 0x088000u /* a system peripheral, other */
#define DSA_BAR_REGS	 0u
#define DSA_BAR_PORTALS	 2u
#define DSA_PORTAL_PAGE	 UINT64_C(0x1000)
#define DSA_PORTAL_PAGES 4u /* of a WQ: enum dsa_portal_kind */

/* ---- BAR 0: what it can do ----------------------------------------------------------------- */

#define DSA_VERSION	0x00u /* u32 */
#define DSA_VERSION_1_0 0x100u

#define DSA_GENCAP	      0x10u /* u64 */
#define DSA_GENCAP_BOF	      UINT64_C(0x1)
#define DSA_GENCAP_OVERLAP    UINT64_C(0x2) /* overlapping moves */
#define DSA_GENCAP_CC_MEMORY  UINT64_C(0x4)
#define DSA_GENCAP_CC_CACHE   UINT64_C(0x8)
#define DSA_GENCAP_CMDCAP     UINT64_C(0x10)
#define DSA_GENCAP_DST_RDBK   UINT64_C(0x100)
#define DSA_GENCAP_DRAIN_RDBK UINT64_C(0x200)
#define DSA_GENCAP_EVL	      UINT64_C(0x6000)
#define DSA_GENCAP_BATCH_CONT UINT64_C(0x8000)
#define DSA_GENCAP_MAX_XFER   UINT64_C(0x1f0000)   /* log2 of bytes */
#define DSA_GENCAP_MAX_BATCH  UINT64_C(0x1e00000)  /* log2 of descriptors */
#define DSA_GENCAP_IMS	      UINT64_C(0x7e000000) /* entries / 256 */
#define DSA_GENCAP_CONFIG     UINT64_C(0x80000000) /* groups and WQs can be configured */

#define DSA_WQCAP		0x20u /* u64 */
#define DSA_WQCAP_SLOTS		UINT64_C(0xffff)
#define DSA_WQCAP_COUNT		UINT64_C(0xff0000)
#define DSA_WQCAP_WQCFG_SIZE	UINT64_C(0xf000000) /* log2 of bytes, less 5 */
#define DSA_WQCAP_SHARED	(UINT64_C(1) << 48)
#define DSA_WQCAP_DEDICATED	(UINT64_C(1) << 49)
#define DSA_WQCAP_ATS		(UINT64_C(1) << 50)
#define DSA_WQCAP_PRIORITY	(UINT64_C(1) << 51)
#define DSA_WQCAP_OCCUPANCY	(UINT64_C(1) << 52)
#define DSA_WQCAP_OCCUPANCY_INT (UINT64_C(1) << 53)
#define DSA_WQCAP_OP_CONFIG	(UINT64_C(1) << 54)
#define DSA_WQCAP_PRS		(UINT64_C(1) << 55)

#define DSA_GRPCAP	       0x30u /* u64 */
#define DSA_GRPCAP_COUNT       UINT64_C(0xff)
#define DSA_GRPCAP_RDBUFS      UINT64_C(0xff00)
#define DSA_GRPCAP_RDBUF_CTRL  UINT64_C(0x10000)
#define DSA_GRPCAP_RDBUF_LIMIT UINT64_C(0x20000)

#define DSA_ENGCAP	 0x38u /* u64 */
#define DSA_ENGCAP_COUNT UINT64_C(0xff)

#define DSA_OPCAP	0x40u /* u64[4]: a bit for each opcode */
#define DSA_OPCAP_WORDS 4u
#define DSA_OPCAP_1_0	UINT64_C(0x1003f03ff) /* all of version 1.0's */

#define DSA_TABLE_OFFSET    0x60u /* u64[2]: where the tables are, in units of 0x100 bytes */
#define DSA_TABLE_UNIT	    0x100u
#define DSA_TABLE_GRPCFG    UINT64_C(0xffff)
#define DSA_TABLE_WQCFG	    UINT64_C(0xffff0000)
#define DSA_TABLE_MSIX_PERM UINT64_C(0xffff00000000)
#define DSA_TABLE_IMS	    UINT64_C(0xffff000000000000)
#define DSA_TABLE_PERFMON   UINT64_C(0xffff) /* of the second word; 0: none */

/* ---- BAR 0: how it is set, and how it does ------------------------------------------------- */

#define DSA_GENCFG	    0x80u /* u32 */
#define DSA_GENCFG_RDBUFS   0xffu
#define DSA_GENCFG_USER_INT 0x1000u
#define DSA_GENCFG_EVL	    0x2000u

#define DSA_GENCTRL	  0x88u /* u32 */
#define DSA_GENCTRL_SWERR 0x1u	/* an interrupt for SWERR */
#define DSA_GENCTRL_HALT  0x2u
#define DSA_GENCTRL_EVL	  0x4u

#define DSA_GENSTS	 0x90u /* u32 */
#define DSA_GENSTS_STATE 0x3u
#define DSA_GENSTS_RESET 0xcu /* what ends a halt */

enum dsa_state {
	DSA_STATE_DISABLED,
	DSA_STATE_ENABLED,
	DSA_STATE_DRAIN,
	DSA_STATE_HALT,
};

enum dsa_reset_type {
	DSA_RESET_SOFTWARE, /* the reset command */
	DSA_RESET_FLR,
};

#define DSA_INTCAUSE	       0x98u /* u32; ones clear */
#define DSA_INTCAUSE_SWERR     0x1u
#define DSA_INTCAUSE_CMD       0x2u
#define DSA_INTCAUSE_OCCUPANCY 0x4u
#define DSA_INTCAUSE_PERFMON   0x8u
#define DSA_INTCAUSE_HALT      0x10u
#define DSA_INTCAUSE_EVL       0x20u
#define DSA_INTCAUSE_REVOKED   0x80000000u /* interrupt handles */

#define DSA_CMD		0xa0u /* u32 */
#define DSA_CMD_OPERAND 0xfffffu
#define DSA_CMD_CODE	0x1f00000u
#define DSA_CMD_INT	0x80000000u /* an interrupt when it has ended */

/* What DSA_CMD_CODE says. The operand of one WQ is its number; of several see below. */
enum dsa_command {
	DSA_ENABLE_DEVICE = 1,
	DSA_DISABLE_DEVICE,
	DSA_DRAIN_ALL,
	DSA_ABORT_ALL,
	DSA_RESET_DEVICE,
	DSA_ENABLE_WQ,
	DSA_DISABLE_WQ,
	DSA_DRAIN_WQ,
	DSA_ABORT_WQ,
	DSA_RESET_WQ,
	DSA_DRAIN_PASID,
	DSA_ABORT_PASID,
	DSA_REQUEST_HANDLE,
	DSA_RELEASE_HANDLE,
};

/* The operand for WQs: 16 of them, a bit each, and which 16. */
#define DSA_OPERAND_WQS	  0xffffu
#define DSA_OPERAND_GROUP 0xf0000u

/* Of DSA_REQUEST_HANDLE and DSA_RELEASE_HANDLE. */
#define DSA_OPERAND_INDEX 0xffffu
#define DSA_OPERAND_IMS	  0x10000u

#define DSA_CMDSTS	  0xa8u /* u32 */
#define DSA_CMDSTS_ERROR  0xffu
#define DSA_CMDSTS_RESULT 0xffff00u
#define DSA_CMDSTS_ACTIVE 0x80000000u

enum dsa_command_error {
	DSA_CMD_OK,
	DSA_CMD_BAD_COMMAND = 0x01,
	DSA_CMD_BAD_WQ = 0x02, /* no such WQ, or none at all */
	DSA_CMD_HARDWARE = 0x03,

	/* Enable Device */
	DSA_CMD_DEVICE_ENABLED = 0x10, /* or halted */
	DSA_CMD_BAD_CONFIG = 0x11,     /* in a general register */
	DSA_CMD_BUS_MASTER = 0x12,
	DSA_CMD_BAD_PASID = 0x13,
	DSA_CMD_WQ_SIZES = 0x14, /* the WQs have more slots than there are */
	DSA_CMD_GROUP_WQ = 0x15,
	DSA_CMD_GROUP_ENGINE = 0x16,
	DSA_CMD_GROUP_HALF = 0x17,
	DSA_CMD_GROUP_RDBUFS = 0x18,

	/* Enable WQ */
	DSA_CMD_NOT_ENABLED = 0x20, /* the device */
	DSA_CMD_WQ_ENABLED = 0x21,
	DSA_CMD_WQ_SIZE = 0x22, /* it has none, or is in no group */
	DSA_CMD_WQ_PRIORITY = 0x23,
	DSA_CMD_WQ_MODE = 0x24,
	DSA_CMD_WQ_BOF = 0x25,
	DSA_CMD_WQ_PASID = 0x26,
	DSA_CMD_WQ_MAX_BATCH = 0x27,
	DSA_CMD_WQ_MAX_XFER = 0x28,

	DSA_CMD_DEVICE_NOT_ENABLED = 0x31, /* Disable Device, Drain All, Abort All, ... PASID */
	DSA_CMD_WQ_NOT_ENABLED = 0x32,	   /* Disable, Drain, Abort, Reset WQ */

	DSA_CMD_BAD_INDEX = 0x41, /* Request Interrupt Handle */
	DSA_CMD_NO_HANDLE = 0x42,
};

#define DSA_CMDCAP 0xb0u /* u32: a bit for each command, where DSA_GENCAP_CMDCAP */

#define DSA_SWERR	     0xc0u /* u64[4]; the first word's valid and overflow: ones clear */
#define DSA_SWERR_VALID	     UINT64_C(0x1)
#define DSA_SWERR_OVERFLOW   UINT64_C(0x2) /* there were more than are told of */
#define DSA_SWERR_DESC	     UINT64_C(0x4) /* it was a descriptor's: what names it is valid */
#define DSA_SWERR_WQ_VALID   UINT64_C(0x8)
#define DSA_SWERR_BATCH	     UINT64_C(0x10)
#define DSA_SWERR_WRITE	     UINT64_C(0x20) /* the fault was one of writing */
#define DSA_SWERR_PRIVILEGED UINT64_C(0x40)
#define DSA_SWERR_ERROR	     UINT64_C(0xff00) /* enum dsa_status, enum dsa_software_error */
#define DSA_SWERR_WQ	     UINT64_C(0xff0000)
#define DSA_SWERR_OPCODE     UINT64_C(0xff00000000)
#define DSA_SWERR_PASID	     UINT64_C(0xfffff0000000000)
/* The second word; the third one is an address. */
#define DSA_SWERR_BATCH_INDEX UINT64_C(0xffff)
#define DSA_SWERR_FLAGS	      UINT64_C(0xffffffff00000000)
#define DSA_SWERR_WORDS	      4u
#define DSA_SWERR_SIZE	      32u /* bytes */

/* Errors that are no descriptor's status. */
enum dsa_software_error {
	DSA_SWERR_PORTAL = 0x50,     /* a descriptor that its portal did not take: a code of ours */
	DSA_SWERR_BUS_MASTER = 0x51, /* cleared while the device is enabled: it halts */
	DSA_SWERR_COMMAND = 0x52,    /* a command while one was active: it is dropped */
};

#define DSA_EVLCFG    0xe0u /* u64[2], where DSA_GENCAP_EVL */
#define DSA_EVLSTATUS 0xf0u /* u64 */

/* ---- BAR 0: tables ------------------------------------------------------------------------- */

#define DSA_GRPCFG_STRIDE  64u
#define DSA_GRPCFG_WQS	   0x00u /* u64[4]: a bit for each WQ */
#define DSA_GRPCFG_ENGINES 0x20u /* u64: a bit for each engine */
#define DSA_GRPCFG_FLAGS   0x28u /* u64 */

#define DSA_GRPFLAGS_TC_A     UINT64_C(0x7)
#define DSA_GRPFLAGS_TC_B     UINT64_C(0x38)
#define DSA_GRPFLAGS_LIMIT    UINT64_C(0x80) /* GENCFG's limit of read buffers applies */
#define DSA_GRPFLAGS_RESERVED UINT64_C(0xff00)
#define DSA_GRPFLAGS_ALLOWED  UINT64_C(0xff00000)

/* A WQ's configuration, by dwords. */
enum dsa_wqcfg_word {
	DSA_WQCFG_SIZE,	     /* DSA_WQ_SIZE */
	DSA_WQCFG_THRESHOLD, /* DSA_WQ_THRESHOLD */
	DSA_WQCFG_MODE,
	DSA_WQCFG_LIMITS,
	DSA_WQCFG_OCC_HANDLE,
	DSA_WQCFG_OCC_LIMIT,
	DSA_WQCFG_STATE,
	DSA_WQCFG_OPS = 8, /* u64[4], where DSA_WQCAP_OP_CONFIG: a bit for each opcode */
	DSA_WQCFG_WORDS = 16,
};

#define DSA_WQ_SIZE	 0xffffu
#define DSA_WQ_THRESHOLD 0xffffu

#define DSA_WQ_DEDICATED   0x1u /* DSA_WQCFG_MODE */
#define DSA_WQ_BOF	   0x2u
#define DSA_WQ_ATS_DISABLE 0x4u
#define DSA_WQ_PRS_DISABLE 0x8u
#define DSA_WQ_PRIORITY	   0xf0u
#define DSA_WQ_PASID	   0xfffff00u
#define DSA_WQ_PASID_EN	   0x10000000u
#define DSA_WQ_PRIVILEGED  0x20000000u

#define DSA_WQ_MAX_XFER	 0x1fu /* DSA_WQCFG_LIMITS: logarithms, as in GENCAP */
#define DSA_WQ_MAX_BATCH 0x1e0u

#define DSA_WQ_OCC_HANDLE 0xffffu  /* DSA_WQCFG_OCC_HANDLE */
#define DSA_WQ_OCC_TABLE  0x10000u /* the handle is one of IMS */
#define DSA_WQ_OCC_LIMIT  0xffffu  /* DSA_WQCFG_OCC_LIMIT */
#define DSA_WQ_OCC_INT	  0x10000u

#define DSA_WQ_OCCUPANCY    0xffffu /* DSA_WQCFG_STATE, all read-only */
#define DSA_WQ_OCC_PENDING  0x10000u
#define DSA_WQ_MODE_SUPPORT 0x20000000u /* its mode can be configured */
#define DSA_WQ_STATE	    0xc0000000u

enum dsa_wq_state {
	DSA_WQ_DISABLED_STATE,
	DSA_WQ_ENABLED_STATE,
};

#define DSA_MSIX_PERM_STRIDE   8u
#define DSA_MSIX_PERM_IGNORE   0x4u
#define DSA_MSIX_PERM_PASID_EN 0x8u
#define DSA_MSIX_PERM_PASID    0xfffff000u

#endif
