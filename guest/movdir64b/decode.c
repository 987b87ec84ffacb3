// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * MOVDIR64B's encoding: 66 [REX] 0F 38 F8 /r, where ModRM.reg is the register that holds the
 * destination's address and ModRM.rm is memory. Intel's manual, volume 2, chapter 2 has the forms.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "decode.h"

/* Bits of the REX prefix: a fourth bit for ModRM.reg, for SIB.index, and for ModRM.rm or SIB.base.
 */
#define REX_R 4
#define REX_X 2
#define REX_B 1

#define RM_SIB	   4 /* ModRM.rm: a SIB byte follows */
#define RM_NONE	   5 /* ModRM.rm and SIB.base, if ModRM.mod is 0: no register */
#define INDEX_NONE 4 /* SIB.index */

struct cursor {
	const u8 *next;
	const u8 *end;
};

static int take(struct cursor *at, u8 *ret)
{
	if (at->next == at->end)
		return -EINVAL;
	*ret = *at->next++;
	return 0;
}

static int expect(struct cursor *at, u8 expected)
{
	u8 byte;

	return take(at, &byte) || byte != expected ? -EINVAL : 0;
}

/* A displacement of 0, 1 or 4 bytes, added to an address. */
static int add_displacement(struct cursor *at, unsigned int size, unsigned long *address)
{
	s32 value = 0;

	if (at->end - at->next < size)
		return -EINVAL;
	if (size == 1)
		value = (s8)*at->next;
	if (size == 4)
		memcpy(&value, at->next, sizeof(value));
	*address += value;
	at->next += size;
	return 0;
}

/* A register by its number in an instruction. */
static unsigned long register_of(const struct pt_regs *regs, unsigned int number)
{
	static const u8 offsets[] = {
		offsetof(struct pt_regs, ax),  offsetof(struct pt_regs, cx),
		offsetof(struct pt_regs, dx),  offsetof(struct pt_regs, bx),
		offsetof(struct pt_regs, sp),  offsetof(struct pt_regs, bp),
		offsetof(struct pt_regs, si),  offsetof(struct pt_regs, di),
		offsetof(struct pt_regs, r8),  offsetof(struct pt_regs, r9),
		offsetof(struct pt_regs, r10), offsetof(struct pt_regs, r11),
		offsetof(struct pt_regs, r12), offsetof(struct pt_regs, r13),
		offsetof(struct pt_regs, r14), offsetof(struct pt_regs, r15),
	};

	return *(const unsigned long *)((const u8 *)regs + offsets[number]);
}

/* 66, which belongs to the opcode, beside segments without a meaning; then REX; up to 0F. */
static int take_prefixes(struct cursor *at, u8 *ret_rex)
{
	bool mandatory = false;
	u8 byte;
	u8 rex = 0;

	for (;;) {
		if (take(at, &byte))
			return -EINVAL;
		if (byte == 0x66)
			mandatory = true;
		else if (byte != 0x26 && byte != 0x2e && byte != 0x36 && byte != 0x3e)
			break;
	}
	if ((byte & 0xf0) == 0x40) {
		rex = byte;
		if (take(at, &byte))
			return -EINVAL;
	}
	if (!mandatory || byte != 0x0f)
		return -EINVAL;

	*ret_rex = rex;
	return 0;
}

/* base + index * scale + displacement */
static int take_sib(struct cursor *at, const struct pt_regs *regs, u8 rex, u8 mod,
		    unsigned int displacement, unsigned long *ret_address)
{
	unsigned long address = 0;
	unsigned int index;
	u8 sib;

	if (take(at, &sib))
		return -EINVAL;

	index = (sib >> 3 & 7) | (rex & REX_X ? 8 : 0);
	if (index != INDEX_NONE)
		address += register_of(regs, index) << (sib >> 6);
	if (mod == 0 && (sib & 7) == RM_NONE)
		displacement = 4;
	else
		address += register_of(regs, (sib & 7) | (rex & REX_B ? 8 : 0));
	if (add_displacement(at, displacement, &address))
		return -EINVAL;

	*ret_address = address;
	return 0;
}

/* Relative to the next instruction, which begins where the displacement ends. */
static int take_relative(struct cursor *at, unsigned long next, unsigned long *ret_address)
{
	if (add_displacement(at, 4, &next))
		return -EINVAL;

	*ret_address = next;
	return 0;
}

/* The address of the memory operand; `start` is the instruction's first byte. */
static int take_address(struct cursor *at, const u8 *start, const struct pt_regs *regs, u8 rex,
			u8 modrm, unsigned long *ret_address)
{
	static const u8 displacements[] = {0, 1, 4};
	u8 mod = modrm >> 6;
	u8 rm = modrm & 7;
	unsigned long address;

	if (mod == 3)
		return -EINVAL;
	if (rm == RM_SIB)
		return take_sib(at, regs, rex, mod, displacements[mod], ret_address);
	if (mod == 0 && rm == RM_NONE)
		return take_relative(at, regs->ip + (at->next - start) + 4, ret_address);

	address = register_of(regs, rm | (rex & REX_B ? 8 : 0));
	if (add_displacement(at, displacements[mod], &address))
		return -EINVAL;

	*ret_address = address;
	return 0;
}

int movdir64b_decode(const u8 *bytes, size_t count, const struct pt_regs *regs,
		     struct movdir64b *ret)
{
	struct cursor at = {bytes, bytes + min_t(size_t, count, INSN_SIZE_MAX)};
	unsigned long from;
	u8 modrm;
	u8 rex;

	if (take_prefixes(&at, &rex) || expect(&at, 0x38) || expect(&at, 0xf8))
		return -EINVAL;
	if (take(&at, &modrm) || take_address(&at, bytes, regs, rex, modrm, &from))
		return -EINVAL;

	ret->from = from;
	ret->to = register_of(regs, (modrm >> 3 & 7) | (rex & REX_R ? 8 : 0));
	ret->length = at.next - bytes;
	return 0;
}
