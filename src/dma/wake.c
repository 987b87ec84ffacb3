/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

int umd_dma_wake_open(struct umd_dma_wake *wake)
{
	if (wake->fd < 0)
		wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return wake->fd < 0 ? -errno : 0;
}

void umd_dma_wake_close(struct umd_dma_wake *wake)
{
	umd_close(&wake->fd);
}

/*
 * Whatever was told so far is found by who looks after this. Also while the owner waits already:
 * who told him may have been slow.
 */
void umd_dma_wake_arm(struct umd_dma_wake *wake)
{
	uint64_t count;

	if (wake->fd >= 0 && read(wake->fd, &count, sizeof(count)) < 0)
		atomic_signal_fence(memory_order_seq_cst); /* it was not signalled: as well */
	__atomic_store_n(&wake->waiting, true, __ATOMIC_RELAXED);
}

/* Once for each time that the owner waits. */
void umd_dma_wake_signal(struct umd_dma_wake *wake)
{
	const uint64_t one = 1;

	if (__atomic_exchange_n(&wake->waiting, false, __ATOMIC_ACQ_REL) &&
	    write(wake->fd, &one, sizeof(one)) < 0)
		__atomic_store_n(&wake->waiting, true, __ATOMIC_RELAXED);
}
