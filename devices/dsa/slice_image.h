/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a slice as they are after a reset: what a type shows is all in here, and does
 * not change once it is published.
 */
#ifndef DSA_SLICE_IMAGE_H
#define DSA_SLICE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct umd_parent_info;

#define SLICE_IMAGE_SIZE 0x600u /* BAR0 up to the MSI-X table */

#define SLICE_MSIX_PERM_AT  0x300u
#define SLICE_GRPCFG_AT	    0x400u
#define SLICE_WQCFG_AT	    0x500u
#define SLICE_MSIX_TABLE_AT 0x600u
#define SLICE_MSIX_PBA_AT   0x700u

/* Its size where the parent allows it: a power of two. */
#define SLICE_WQ_SLOTS 128u

struct slice_image {
	uint8_t bytes[SLICE_IMAGE_SIZE]; /* little-endian */
};

/* 0; -ENOTSUP for a parent that is no engine such as a slice can be of. */
int slice_image_init(struct slice_image *image, bool shared, const struct umd_parent_info *parent);

/* Registers as numbers: `size` is 1, 2, 4 or 8; beyond the image there are zeroes. */
uint64_t slice_image_get(const struct slice_image *image, uint64_t offset, unsigned int size);
void slice_image_put(struct slice_image *image, uint64_t offset, unsigned int size, uint64_t value);

#endif
