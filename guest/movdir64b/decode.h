/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What one MOVDIR64B instruction moves. */
#ifndef UMDEV_MOVDIR64B_DECODE_H
#define UMDEV_MOVDIR64B_DECODE_H

#include <linux/types.h>
#include <asm/ptrace.h>

#define MOVDIR64B_SIZE 64 /* bytes that it moves */
#define INSN_SIZE_MAX  15 /* bytes that an instruction of x86 can have */

struct movdir64b {
	unsigned long from;
	unsigned long to;
	unsigned int length; /* of the instruction, in bytes */
};

/*
 * Decode the instruction at regs->ip, whose first `count` bytes are given, as a CPU in 64-bit mode
 * does. 0, or -EINVAL: it is another one, it is not all there, or it has a prefix that changes its
 * addresses (address size, FS, GS).
 */
int movdir64b_decode(const u8 *bytes, size_t count, const struct pt_regs *regs,
		     struct movdir64b *ret);

#endif
