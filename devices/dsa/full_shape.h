/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a type of full device shows its driver: capabilities, and where its tables lie. All that a
 * published type shows is in here or follows from it, and never changes.
 */
#ifndef DSA_FULL_SHAPE_H
#define DSA_FULL_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "regs.h"

/* The most that a shape has, in arrays. */
#define DSA_FULL_WQS	 8u
#define DSA_FULL_GROUPS	 4u
#define DSA_FULL_ENGINES 4u
#define DSA_FULL_VECTORS (DSA_FULL_WQS + 1u) /* MSI-X: commands and errors, and one for each WQ */

/* BAR 0. The image ends before the MSI-X table. */
#define DSA_FULL_BAR0_SIZE    UINT64_C(0x10000)
#define DSA_FULL_IMAGE_SIZE   0x1000u
#define DSA_FULL_GRPCFG	      0x400u
#define DSA_FULL_WQCFG	      0x500u
#define DSA_FULL_WQCFG_STRIDE 64u
#define DSA_FULL_MSIX_PERM    0x700u
#define DSA_FULL_MSIX_TABLE   0x2000u
#define DSA_FULL_MSIX_PBA     0x3000u

struct dsa_full_shape {
	uint64_t gencap, wqcap, grpcap, engcap;
	uint64_t opcap;	 /* the first word; the others are 0 */
	uint32_t cmdcap; /* commands, a bit each; shown where GENCAP says so */
	bool has_pasid;	 /* PASIDs can be enabled in config space */
};

extern const struct dsa_full_shape dsa_full_v1_shape;	    /* dsa-full-v1 */
extern const struct dsa_full_shape dsa_full_pasid_v1_shape; /* dsa-full-pasid-v1 */

static inline unsigned int dsa_full_wqs(const struct dsa_full_shape *shape)
{
	return (unsigned int)DSA_GET(shape->wqcap, DSA_WQCAP_COUNT);
}

static inline unsigned int dsa_full_groups(const struct dsa_full_shape *shape)
{
	return (unsigned int)DSA_GET(shape->grpcap, DSA_GRPCAP_COUNT);
}

static inline unsigned int dsa_full_engines(const struct dsa_full_shape *shape)
{
	return (unsigned int)DSA_GET(shape->engcap, DSA_ENGCAP_COUNT);
}

#endif
