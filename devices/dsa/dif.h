/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data Integrity Fields (T10): 8 bytes behind each block, big-endian: a guard of 16 bits, the CRC
 * of the block; an application tag of 16; a reference tag of 32.
 */
#ifndef DSA_DIF_H
#define DSA_DIF_H

#define DSA_FIELD_SIZE 8u
#define DSA_BLOCK_MAX  4104u

/* The DIF flags, of a descriptor's own bytes the third. */
#define DSA_DIF_BLOCK	      0x03 /* 512, 520, 4096, 4104 */
#define DSA_DIF_INVERT_SEED   0x04 /* the CRC begins with all ones */
#define DSA_DIF_INVERT_RESULT 0x08

/* Of the source: what to check, and what tells that there is nothing to be checked. */
#define DSA_DIF_ALL_F_ERROR 0x01 /* a field that is all ones is an error, with ALL_F */
#define DSA_DIF_ALL_F	    0x02 /* a field that is all ones is not checked */
#define DSA_DIF_APP_F	    0x04 /* an application tag of all ones: it is not checked */
#define DSA_DIF_TAGS_F	    0x08 /* both tags all ones: it is not checked */
#define DSA_DIF_NO_GUARD    0x20
#define DSA_DIF_NO_REF	    0x40

/* Of the destination: what is taken over from the source. */
#define DSA_DIF_PASS_APP   0x08
#define DSA_DIF_PASS_GUARD 0x20
#define DSA_DIF_PASS_REF   0x40

/* Of either. */
#define DSA_DIF_COUNT_APP 0x10 /* the application tag grows by one with each block */
#define DSA_DIF_FIXED_REF 0x80 /* the reference tag does not */

/* What is wrong with a block: the result of a record whose status is DSA_DIF_ERROR. */
#define DSA_DIF_BAD_GUARD 0x01
#define DSA_DIF_BAD_APP	  0x02
#define DSA_DIF_BAD_REF	  0x04
#define DSA_DIF_BAD_ALL_F 0x08

#endif
