// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the shim makes of MOVDIR64B, form by form: instructions that are decoded only, among them
 * those that it has to leave alone; instructions that are executed; addresses that would fault.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest: " fmt

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/asm.h>

#include "decode.h"
#include "selftest.h"

/* Registers while decoding: a value for each. */
static const struct pt_regs decode_regs __initconst = {
	.ip = 0x1000,
	.ax = 0x100,
	.cx = 0x200,
	.dx = 0x300,
	.bx = 0x400,
	.sp = 0x500,
	.bp = 0x600,
	.si = 0x700,
	.di = 0x800,
	.r8 = 0x900,
	.r9 = 0xa00,
	.r10 = 0xb00,
	.r11 = 0xc00,
	.r12 = 0xd00,
	.r13 = 0xe00,
	.r14 = 0xf00,
	.r15 = 0x1100,
};

struct decode_case {
	u8 count; /* of the bytes given */
	u8 bytes[INSN_SIZE_MAX + 1];
	struct movdir64b expected; /* .length 0: not ours */
};

static const struct decode_case decode_cases[] __initconst = {
	/* Addresses: a register; with a displacement; relative; each with and without REX. */
	{5, {0x66, 0x0f, 0x38, 0xf8, 0x02}, {0x300, 0x100, 5}},
	{5, {0x66, 0x0f, 0x38, 0xf8, 0x3e}, {0x700, 0x800, 5}},
	{6, {0x66, 0x45, 0x0f, 0x38, 0xf8, 0x3b}, {0xc00, 0x1100, 6}},
	{6, {0x66, 0x44, 0x0f, 0x38, 0xf8, 0x03}, {0x400, 0x900, 6}},
	{6, {0x66, 0x41, 0x0f, 0x38, 0xf8, 0x20}, {0x900, 0x500, 6}},
	{6, {0x66, 0x0f, 0x38, 0xf8, 0x6d, 0xf8}, {0x5f8, 0x600, 6}},
	{9, {0x66, 0x0f, 0x38, 0xf8, 0x91, 0x78, 0x56, 0x34, 0x12}, {0x12345878, 0x300, 9}},
	{9, {0x66, 0x0f, 0x38, 0xf8, 0x80, 0xff, 0xff, 0xff, 0xff}, {0xff, 0x100, 9}},
	{9, {0x66, 0x0f, 0x38, 0xf8, 0x05, 0x10, 0, 0, 0}, {0x1019, 0x100, 9}},
	{10, {0x66, 0x41, 0x0f, 0x38, 0xf8, 0x0d, 0xfe, 0xff, 0xff, 0xff}, {0x1008, 0x200, 10}},
	/* A SIB byte: base and index; the index that is none; the base that is none. */
	{6, {0x66, 0x0f, 0x38, 0xf8, 0x04, 0xca}, {0x1300, 0x100, 6}},
	{6, {0x66, 0x0f, 0x38, 0xf8, 0x04, 0x24}, {0x500, 0x100, 6}},
	{7, {0x66, 0x42, 0x0f, 0x38, 0xf8, 0x04, 0x60}, {0x1b00, 0x100, 7}},
	{7, {0x66, 0x41, 0x0f, 0x38, 0xf8, 0x04, 0x24}, {0xd00, 0x100, 7}},
	{8, {0x66, 0x43, 0x0f, 0x38, 0xf8, 0x44, 0x7d, 0x08}, {0x3008, 0x100, 8}},
	{10, {0x66, 0x0f, 0x38, 0xf8, 0x04, 0x8d, 0x40, 0, 0, 0}, {0x840, 0x100, 10}},
	{10, {0x66, 0x0f, 0x38, 0xf8, 0x04, 0x25, 0, 0, 0, 0x80}, {0xffffffff80000000, 0x100, 10}},
	{10, {0x66, 0x0f, 0x38, 0xf8, 0xa4, 0x0d, 1, 0, 0, 0}, {0x801, 0x500, 10}},
	/* Prefixes without a meaning; bytes of the next instruction. */
	{7, {0x3e, 0x66, 0x48, 0x0f, 0x38, 0xf8, 0x02}, {0x300, 0x100, 7}},
	{8, {0x66, 0x2e, 0x36, 0x26, 0x0f, 0x38, 0xf8, 0x02}, {0x300, 0x100, 8}},
	{8, {0x66, 0x0f, 0x38, 0xf8, 0x02, 0x66, 0x0f, 0x38}, {0x300, 0x100, 5}},
	{15, {[0 ... 9] = 0x66, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {0x300, 0x100, 15}},

	/* Not ours: a register in place of memory; no 66; F2, F3 (ENQCMD), LOCK; other opcodes. */
	{5, {0x66, 0x0f, 0x38, 0xf8, 0xc2}, {}},
	{4, {0x0f, 0x38, 0xf8, 0x02}, {}},
	{5, {0xf2, 0x0f, 0x38, 0xf8, 0x02}, {}},
	{6, {0x66, 0xf3, 0x0f, 0x38, 0xf8, 0x02}, {}},
	{6, {0xf0, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {}},
	{5, {0x66, 0x0f, 0x38, 0xf9, 0x02}, {}},
	{5, {0x66, 0x0f, 0x3a, 0xf8, 0x02}, {}},
	{2, {0x0f, 0x0b}, {}},
	/* Not ours: other address sizes and segments; REX before another prefix. */
	{6, {0x67, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {}},
	{6, {0x64, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {}},
	{6, {0x65, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {}},
	{6, {0x48, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {}},
	/* Not ours: not all there, or too long. */
	{0, {}, {}},
	{1, {0x66}, {}},
	{2, {0x66, 0x48}, {}},
	{4, {0x66, 0x0f, 0x38, 0xf8}, {}},
	{5, {0x66, 0x0f, 0x38, 0xf8, 0x42}, {}},
	{5, {0x66, 0x0f, 0x38, 0xf8, 0x04}, {}},
	{8, {0x66, 0x0f, 0x38, 0xf8, 0x05, 0, 0, 0}, {}},
	{8, {0x66, 0x0f, 0x38, 0xf8, 0x80, 0, 0, 0}, {}},
	{16, {[0 ... 10] = 0x66, 0x66, 0x0f, 0x38, 0xf8, 0x02}, {}},
};

static bool __init decodes(const struct decode_case *test)
{
	struct movdir64b insn = {};
	int status = movdir64b_decode(test->bytes, test->count, &decode_regs, &insn);

	if (!test->expected.length)
		return status == -EINVAL;
	return !status && insn.from == test->expected.from && insn.to == test->expected.to &&
	       insn.length == test->expected.length;
}

/* Each executes one instruction. The operands are in the registers that its name shows. */
typedef void (*move)(void *to, const void *from);

static u8 fixed[MOVDIR64B_SIZE]; /* what the relative form moves */

static void __init as_idxd(void *to, const void *from)
{
	asm volatile("movdir64b (%%rdx), %%rax" : : "a"(to), "d"(from) : "memory");
}

static void __init base_and_byte(void *to, const void *from)
{
	asm volatile("movdir64b -8(%%rsi), %%rdi" : : "D"(to), "S"(from + 8) : "memory");
}

static void __init base_and_long(void *to, const void *from)
{
	asm volatile("movdir64b 0x12345(%%rcx), %%rbx" : : "b"(to), "c"(from - 0x12345) : "memory");
}

static void __init base_and_index(void *to, const void *from)
{
	asm volatile("movdir64b 16(%%rdx,%%rcx,8), %%rax"
		     :
		     : "a"(to), "d"(from - 56), "c"(5L)
		     : "memory");
}

static void __init index_alone(void *to, const void *from)
{
	asm volatile("mov %0, %%r10; movdir64b 0x40(,%1,2), %%r10"
		     :
		     : "r"(to), "r"(((unsigned long)from - 0x40) >> 1)
		     : "r10", "memory");
}

static void __init base_r12(void *to, const void *from)
{
	asm volatile("mov %0, %%r9; mov %1, %%r12; movdir64b (%%r12), %%r9"
		     :
		     : "r"(to), "r"(from)
		     : "r9", "r12", "memory");
}

static void __init base_r13(void *to, const void *from)
{
	asm volatile("mov %0, %%r8; mov %1, %%r13; movdir64b (%%r13), %%r8"
		     :
		     : "r"(to), "r"(from)
		     : "r8", "r13", "memory");
}

static void __init high_registers(void *to, const void *from)
{
	asm volatile("mov %0, %%r11; mov %1, %%r14; mov $3, %%r15d;"
		     "movdir64b -12(%%r14,%%r15,4), %%r11"
		     :
		     : "r"(to), "r"(from)
		     : "r11", "r14", "r15", "memory");
}

static void __init base_stack(void *to, const void *from)
{
	asm volatile("sub %%rsp, %1; movdir64b (%%rsp,%1), %0"
		     : "+r"(to), "+r"(from)
		     :
		     : "memory", "cc");
}

static void __init relative(void *to, const void *from)
{
	memcpy(fixed, from, sizeof(fixed));
	asm volatile("movdir64b %0, %1" : : "m"(fixed), "r"(to) : "memory");
}

static void __init with_prefixes(void *to, const void *from)
{
	/* ds rex.w movdir64b (%rdx), %rax */
	asm volatile(".byte 0x3e, 0x66, 0x48, 0x0f, 0x38, 0xf8, 0x02"
		     :
		     : "a"(to), "d"(from)
		     : "memory");
}

static const struct {
	const char *name;
	move move;
} moves[] __initconst = {
	{"(%rdx), %rax", as_idxd},
	{"-8(%rsi), %rdi", base_and_byte},
	{"0x12345(%rcx), %rbx", base_and_long},
	{"16(%rdx,%rcx,8), %rax", base_and_index},
	{"0x40(,index,2), %r10", index_alone},
	{"(%r12), %r9", base_r12},
	{"(%r13), %r8", base_r13},
	{"-12(%r14,%r15,4), %r11", high_registers},
	{"(%rsp,index), register", base_stack},
	{"fixed(%rip), register", relative},
	{"ds rex.w (%rdx), %rax", with_prefixes},
};

/* Executes one instruction, or is told by the kernel that it is invalid; false in that case. */
static bool __init executes(unsigned long to, unsigned long from)
{
	bool done = false;

	asm volatile("1: movdir64b (%2), %1; movb $1, %0; 2:" _ASM_EXTABLE(1b, 2b)
		     : "+m"(done)
		     : "r"(to), "r"(from)
		     : "memory");
	return done;
}

#define USER	 0x400000UL
#define UNMAPPED (-PAGE_SIZE) /* where the kernel's error pointers are */
#define NOWHERE	 (1UL << 63)  /* not canonical */

/* What would fault is left to the kernel; what would not is not: `page` is good for both ends. */
static unsigned int __init count_bad_addresses(unsigned long page)
{
	const unsigned long bad[][2] = {
		{page + 8, page}, {page, USER}, {page, UNMAPPED}, {page, NOWHERE},
		{page, -32UL},	  {USER, page}, {UNMAPPED, page}, {NOWHERE, page},
	};
	unsigned int wrong = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (executes(bad[i][0], bad[i][1])) {
			pr_err("moved from 0x%lx to 0x%lx\n", bad[i][1], bad[i][0]);
			wrong++;
		}
	}
	if (!executes(page, page + 100)) {
		pr_err("did not move from 0x%lx to 0x%lx\n", page + 100, page);
		wrong++;
	}
	return wrong;
}

/* Move within a page, and see that the 64 bytes came and no others. */
static bool __init moves_right(move move, u8 *page, u8 seed)
{
	u8 *from = page + 102; /* a source is aligned to nothing; index_alone wants it even */
	u8 *to = page + 1024;
	unsigned int i;

	memset(page, 0xee, PAGE_SIZE);
	for (i = 0; i < MOVDIR64B_SIZE; i++)
		from[i] = seed + i;
	move(to, from);
	return !memcmp(to, from, MOVDIR64B_SIZE) && to[-1] == 0xee &&
	       !memchr_inv(to + MOVDIR64B_SIZE, 0xee, PAGE_SIZE - 1024 - MOVDIR64B_SIZE);
}

static unsigned int __init count_wrongly_decoded(void)
{
	unsigned int wrong = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(decode_cases); i++) {
		if (!decodes(&decode_cases[i])) {
			pr_err("decoded wrongly: %*ph\n", decode_cases[i].count,
			       decode_cases[i].bytes);
			wrong++;
		}
	}
	return wrong;
}

static unsigned int __init count_wrongly_moved(u8 *page)
{
	unsigned int wrong = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		if (!moves_right(moves[i].move, page, i * 16)) {
			pr_err("moved wrongly: movdir64b %s\n", moves[i].name);
			wrong++;
		}
	}
	return wrong;
}

int __init movdir64b_selftest(void)
{
	u8 *page = (u8 *)__get_free_page(GFP_KERNEL);
	unsigned int wrong;

	if (!page)
		return -ENOMEM;

	wrong = count_wrongly_decoded();
	wrong += count_wrongly_moved(page);
	wrong += count_bad_addresses((unsigned long)page);
	free_page((unsigned long)page);
	if (!wrong)
		pr_info("passed: %zu forms decoded, %zu executed\n", ARRAY_SIZE(decode_cases),
			ARRAY_SIZE(moves));
	return wrong ? -EIO : 0;
}
