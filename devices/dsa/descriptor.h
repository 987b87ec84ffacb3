/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors and completion records of the Intel Data Streaming Accelerator, version 1.0.
 *
 * Source: Intel DSA Architecture Specification (341204), chapters 5 and 8; the kernel's
 * include/uapi/linux/idxd.h. All fields are little-endian in memory.
 */
#ifndef DSA_DESCRIPTOR_H
#define DSA_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

#define DSA_DESCRIPTOR_SIZE 64u
#define DSA_RECORD_SIZE	    32u
#define DSA_SPECIFIC_SIZE   24u /* bytes 40 to 63 of a descriptor */

enum dsa_opcode {
	DSA_NOP,
	DSA_BATCH,
	DSA_DRAIN,
	DSA_MOVE,
	DSA_FILL,
	DSA_COMPARE,
	DSA_COMPARE_PATTERN,
	DSA_CREATE_DELTA,
	DSA_APPLY_DELTA,
	DSA_DUALCAST,
	DSA_CRC = 16,
	DSA_COPY_CRC,
	DSA_DIF_CHECK,
	DSA_DIF_INSERT,
	DSA_DIF_STRIP,
	DSA_DIF_UPDATE,
	DSA_CACHE_FLUSH = 32,
};

#define DSA_FLAG_FENCE (1u << 0)
#define DSA_FLAG_BOF   (1u << 1) /* block on fault */
#define DSA_FLAG_CRAV  (1u << 2) /* the completion record's address is valid */
#define DSA_FLAG_RCR   (1u << 3) /* request a completion record, always */
#define DSA_FLAG_RCI   (1u << 4) /* request an interrupt */
#define DSA_FLAG_CR    (1u << 7) /* check result: compare with expected_res */
#define DSA_FLAG_CC    (1u << 8) /* cache control: a hint */

enum dsa_status {
	DSA_OK = 0x01,
	DSA_PREDICATE = 0x02,	  /* ok, and the result is not the expected one */
	DSA_FAULT = 0x03,	  /* a page fault, without block on fault; | DSA_FAULT_WRITE */
	DSA_PAGE_RESPONSE = 0x04, /* the page request was answered with an error */
	DSA_BATCH_FAIL = 0x05,	  /* a descriptor of the batch did not succeed */
	DSA_LIST_FAULT = 0x06,	  /* a page fault in the descriptor list */
	DSA_DELTA_OFFSET = 0x07,  /* of the delta record: not in ascending order */
	DSA_DELTA_SIZE = 0x08,	  /* an offset beyond the transfer */
	DSA_DIF_ERROR = 0x09,
	DSA_BAD_OPCODE = 0x10,
	DSA_BAD_FLAGS = 0x11,
	DSA_BAD_RESERVED = 0x12,
	DSA_BAD_SIZE = 0x13,
	DSA_BAD_COUNT = 0x14,
	DSA_BAD_DELTA_RANGE = 0x15, /* max_delta_size, or the delta record's size */
	DSA_OVERLAP = 0x16,
	DSA_BAD_DUALCAST = 0x17, /* bits 11:0 of the two destinations differ */
	DSA_BAD_LIST = 0x18,	 /* the list's address is not aligned */
	DSA_BAD_HANDLE = 0x19,
	DSA_RECORD_TRANSLATE = 0x1a,
	DSA_BAD_RECORD = 0x1b,	/* the completion record's address is not aligned */
	DSA_BAD_ADDRESS = 0x1c, /* an address is not aligned as the operation needs it */
	DSA_BAD_PRIVILEGE = 0x1d,
	DSA_FAULT_WRITE = 0x80,
};

/* A descriptor, copied once and taken apart. */
struct dsa_descriptor {
	uint32_t pasid; /* 20 bits */
	bool privileged;
	uint32_t flags; /* 24 bits */
	uint8_t opcode;
	uint64_t completion;
	uint64_t source;				  /* or pattern, or a batch's list */
	uint64_t destination;				  /* or the second source */
	uint32_t size;					  /* or a batch's count */
	uint16_t handle;				  /* of the interrupt */
	_Alignas(16) uint8_t specific[DSA_SPECIFIC_SIZE]; /* read as it was stored: fast */
	uint32_t reserved; /* the common part's reserved bits: dword 0 30:20, bytes 38 and 39; 0 if
			      right */
};

/* What a completion record will say. */
struct dsa_record {
	uint8_t status, result;
	uint32_t bytes; /* completed, or descriptors of a batch */
	uint64_t fault_address;
	uint8_t specific[16]; /* invalid flags, delta record size, CRC, DIF tags */
};

void dsa_descriptor_decode(const uint8_t *raw, struct dsa_descriptor *ret);

/* All 32 bytes; the caller writes the first one last. */
void dsa_record_encode(const struct dsa_record *record, uint8_t *raw);

#endif
