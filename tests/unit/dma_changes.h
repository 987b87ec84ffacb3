/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of spaces of their own share: changes, by the public calls. */
#ifndef DMA_CHANGES_H
#define DMA_CHANGES_H

#include "dma_fixture.h"

/* In pages. */
static inline struct umd_dma_change dma_map(uint64_t page, uint64_t pages, uint32_t prot, int fd,
					    uint64_t offset)
{
	return (struct umd_dma_change){.iova = page * PAGE,
				       .size = pages * PAGE,
				       .prot = prot,
				       .kind = UMD_DMA_BY_FD,
				       .fd = fd,
				       .offset = offset * PAGE};
}

static inline struct umd_dma_change dma_map_address(uint64_t page, uint64_t pages, void *address)
{
	return (struct umd_dma_change){.iova = page * PAGE,
				       .size = pages * PAGE,
				       .prot = READ_WRITE,
				       .kind = UMD_DMA_BY_ADDRESS,
				       .address = address};
}

static inline struct umd_dma_change dma_map_message(uint64_t page, uint64_t pages)
{
	return (struct umd_dma_change){.iova = page * PAGE,
				       .size = pages * PAGE,
				       .prot = READ_WRITE,
				       .kind = UMD_DMA_BY_MESSAGE};
}

static inline struct umd_dma_change dma_unmap(uint64_t page, uint64_t pages)
{
	return (struct umd_dma_change){.unmap = true, .iova = page * PAGE, .size = pages * PAGE};
}

static inline int dma_change(struct umd_dma_space *space, struct umd_dma_change change)
{
	return umd_dma_space_change(space, &change, 1, NULL);
}

static inline bool dma_is_quiet(struct umd_dma_space *space)
{
	return umd_dma_space_is_quiet(space, umd_dma_space_mark(space));
}

/* A byte of the space's memory; -1 where it is not mapped. */
static inline int dma_byte(struct umd_dma_space *space, uint64_t iova)
{
	uint8_t byte;

	return umd_dma_space_read(space, iova, &byte, 1) ? -1 : byte;
}

#endif
