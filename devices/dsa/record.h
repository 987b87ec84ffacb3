/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion records in their owner's memory. */
#ifndef DSA_RECORD_H
#define DSA_RECORD_H

#include <umdev/dma.h>

#include "descriptor.h"

/*
 * Writes a record to an address that is aligned to its size. Its first byte, the status, appears
 * last: whoever has seen it sees the rest, and all that the operation has written.
 *
 * 0; what umd_dma_resolve() returns; -EFAULT where the memory was taken away.
 */
int dsa_record_write(struct umd_dma_reader *reader, uint64_t address,
		     const struct dsa_record *record);

#endif
