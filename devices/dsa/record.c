/* SPDX-License-Identifier: BSD-2-Clause */
#include "record.h"

#include <string.h>

/* Records are aligned, and maps are whole pages: the memory is one segment, and aligned, too. */
static void put(uint8_t *to, const uint8_t *raw)
{
	uint64_t first;

	memcpy(&first, raw, sizeof(first));
	memcpy(to + sizeof(first), raw + sizeof(first), DSA_RECORD_SIZE - sizeof(first));
	__atomic_store_n((uint64_t *)(void *)to, first, __ATOMIC_RELEASE);
}

int dsa_record_write(struct umd_dma_reader *reader, uint64_t address,
		     const struct dsa_record *record)
{
	uint8_t raw[DSA_RECORD_SIZE] __attribute__((aligned(8)));
	struct umd_dma_segment segment;
	int err;

	dsa_record_encode(record, raw);
	umd_dma_enter(reader);
	err = umd_dma_resolve(reader, address, DSA_RECORD_SIZE, UMD_DMA_WRITE, &segment, 1);
	if (err > 0) {
		put(segment.base, raw);
		umd_dma_mark(reader, address, DSA_RECORD_SIZE);
		err = umd_dma_check(&segment, 1);
	}
	umd_dma_leave(reader);
	return err;
}
