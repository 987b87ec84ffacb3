/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of accesses to a device's registers, among each other and with memory that the device
 * reaches by DMA: what the kernel's readl() and writel() promise
 * (Documentation/memory-barriers.txt), for any kind of mapping.
 */
#ifndef UMD_BASE_BARRIER_H
#define UMD_BASE_BARRIER_H

#if defined(__aarch64__)
#define UMD_BARRIER(arm) __asm__ volatile("dmb " arm ::: "memory")
#elif defined(__x86_64__) || defined(__i386__)
#define UMD_BARRIER(arm) __asm__ volatile("" ::: "memory") /* the processor keeps these orders */
#else
#define UMD_BARRIER(arm) __sync_synchronize()
#endif

/* Before a register is written: what was written before, memory included, is seen first. */
static inline void umd_barrier_before_store(void)
{
	UMD_BARRIER("oshst");
}

/* After a register was read: what is accessed from here on is accessed after it. */
static inline void umd_barrier_after_load(void)
{
	UMD_BARRIER("oshld");
}

/* Between a register that was written and another one that is read: both are done in that order. */
static inline void umd_barrier_store_to_load(void)
{
#if defined(__aarch64__)
	UMD_BARRIER("osh");
#else
	__sync_synchronize();
#endif
}

#endif
