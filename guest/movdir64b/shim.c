// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * MOVDIR64B for kernels on CPUs without it: drivers that insist on the instruction, as idxd does,
 * work on an emulated machine.
 *
 * The CPU raises #UD, about which the kernel asks its die notifiers. Ours moves the 64 bytes, in
 * ascending order and 8 at a time, and goes on behind the instruction. What is not a MOVDIR64B of
 * the kernel's, or would fault, is left alone: the kernel reports it as if we were not there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/kdebug.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/trapnr.h>

#include "decode.h"
#include "selftest.h"

#define CPUID_FEATURES	      7
#define CPUID_7_ECX_MOVDIR64B BIT(28)

static atomic_long_t emulated;

/* All of a range is in the kernel's half of the address space, at addresses that exist. */
static bool is_kernels(unsigned long start)
{
	unsigned long last = start + MOVDIR64B_SIZE - 1;
	unsigned int unused = BITS_PER_LONG - boot_cpu_data.x86_virt_bits;

	/* Shifted up and down, an address keeps the top bits that it must have. */
	return last > start && (long)start < 0 &&
	       ((long)(start << unused) >> unused) == (long)start;
}

static int store(unsigned long to, const u64 *data)
{
	unsigned int i;

	for (i = 0; i < MOVDIR64B_SIZE / sizeof(*data); i++)
		__put_kernel_nofault((u64 *)to + i, data + i, u64, fault);
	return 0;

fault:
	return -EFAULT;
}

/* The bytes at an address of code: all that an instruction can have, or those up to the page's end.
 */
static size_t fetch(unsigned long ip, u8 *bytes)
{
	size_t count = min_t(size_t, INSN_SIZE_MAX, PAGE_SIZE - offset_in_page(ip));

	if (!copy_from_kernel_nofault(bytes, (const void *)ip, INSN_SIZE_MAX))
		return INSN_SIZE_MAX;
	return copy_from_kernel_nofault(bytes, (const void *)ip, count) ? 0 : count;
}

static int emulate(struct pt_regs *regs)
{
	u64 data[MOVDIR64B_SIZE / sizeof(u64)];
	u8 bytes[INSN_SIZE_MAX];
	struct movdir64b insn;
	int status;

	status = movdir64b_decode(bytes, fetch(regs->ip, bytes), regs, &insn);
	if (status)
		return status;
	if (!is_kernels(insn.from) || !is_kernels(insn.to) || insn.to % MOVDIR64B_SIZE)
		return -EFAULT;

	status = copy_from_kernel_nofault(data, (const void *)insn.from, sizeof(data));
	if (!status)
		status = store(insn.to, data);
	if (status)
		return status;

	regs->ip += insn.length;
	atomic_long_inc(&emulated);
	return 0;
}

static int on_die(struct notifier_block *block, unsigned long event, void *data)
{
	struct die_args *args = data;

	if (event != DIE_TRAP || args->trapnr != X86_TRAP_UD || args->regs->cs != __KERNEL_CS)
		return NOTIFY_DONE;
	return emulate(args->regs) ? NOTIFY_DONE : NOTIFY_STOP;
}

static struct notifier_block notifier = {.notifier_call = on_die};

/* Ask the CPU itself: setcpuid=movdir64b has made the kernel believe that it has it. */
static bool cpu_has_movdir64b(void)
{
	unsigned int eax = CPUID_FEATURES;
	unsigned int ecx = 0;
	unsigned int ebx, edx;

	if (boot_cpu_data.cpuid_level < CPUID_FEATURES)
		return false;
	asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ecx & CPUID_7_ECX_MOVDIR64B;
}

static bool selftest;
module_param(selftest, bool, 0444);
MODULE_PARM_DESC(selftest, "test the emulation first; do not load if it fails");

static int emulated_get(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%ld\n", atomic_long_read(&emulated));
}

static int emulated_set(const char *value, const struct kernel_param *parameter)
{
	return -EPERM;
}

static const struct kernel_param_ops emulated_ops = {.get = emulated_get, .set = emulated_set};
module_param_cb(emulated, &emulated_ops, NULL, 0444);
MODULE_PARM_DESC(emulated, "how many instructions have been emulated (read only)");

static int __init movdir64b_init(void)
{
	int status;

	if (cpu_has_movdir64b()) {
		pr_info("not needed: the CPU has MOVDIR64B\n");
		return -ENODEV;
	}

	status = register_die_notifier(&notifier);
	if (status)
		return status;

	if (selftest)
		status = movdir64b_selftest();
	if (status)
		unregister_die_notifier(&notifier);
	return status;
}

static void __exit movdir64b_exit(void)
{
	unregister_die_notifier(&notifier);
}

module_init(movdir64b_init);
module_exit(movdir64b_exit);

MODULE_DESCRIPTION("MOVDIR64B on CPUs without it");
MODULE_LICENSE("Dual BSD/GPL");
