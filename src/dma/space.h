/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DMA address space: what of its memory a client lets the device reach, and how.
 *
 * The rules are type1 v2's (drivers/vfio/vfio_iommu_type1.c): maps never overlap; an unmap removes
 * every map that lies wholly inside its range, holes are fine, and cutting a map in two is refused.
 */
#ifndef UMD_DMA_SPACE_H
#define UMD_DMA_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "dma/dirty.h"
#include "dma/file.h"
#include "dma/remote.h"
#include "dma/table.h"

#define UMD_DMA_PAGE	 4096u
#define UMD_DMA_MAPS_MAX 65535u /* the limit where the client names none */

struct umd_dma_space {
	struct umd_dma_table table;
	struct umd_dma_files files;
	struct umd_dma_dirty dirty;
	struct umd_dma_remote remote; /* transfers by message */
	size_t max_maps;
	uint64_t pages_left; /* that may be mapped besides */
};

void umd_dma_space_init(struct umd_dma_space *space);

/* How much may be mapped, in bytes; 0: no limit. While nothing is mapped. */
void umd_dma_space_limit(struct umd_dma_space *space, uint64_t max_bytes);

/*
 * Drops all maps, unmaps all files, ends the dirty log. The space is as new, but for its limit.
 */
void umd_dma_space_reset(struct umd_dma_space *space);

/*
 * Maps memory.
 *
 * @param prot UMD_DMA_READ, UMD_DMA_WRITE or both
 * @param fd   what the memory lies in, not taken over; -1, or an fd that is no shared memory: it
 *             can be reached by message only
 * @return 0; -EINVAL for a bad alignment, size or prot; -EOVERFLOW; -EEXIST for an overlap; -ENOSPC
 *         beyond max_maps; -EACCES to write through an fd that cannot; -ENOMEM, also beyond
 *         the limit, as type1 has it for RLIMIT_MEMLOCK
 */
int umd_dma_space_map(struct umd_dma_space *space, uint64_t iova, uint64_t size, uint32_t prot,
		      int fd, uint64_t offset);

/*
 * Unmaps a range. Transfers under way that touch it end with -EFAULT.
 *
 * 0; -EINVAL for a bad alignment or where it would cut a map; -EOVERFLOW.
 */
int umd_dma_space_unmap(struct umd_dma_space *space, uint64_t iova, uint64_t size);

void umd_dma_space_unmap_all(struct umd_dma_space *space);

/* As umd_dma_read() and umd_dma_write(), without the device's bus master bit. */
int umd_dma_space_read(struct umd_dma_space *space, uint64_t iova, void *to, size_t size);
int umd_dma_space_write(struct umd_dma_space *space, uint64_t iova, const void *from, size_t size);

/* As umd_dma_start(), without the device's bus master bit. */
int umd_dma_space_start(struct umd_dma_space *space, struct umd_dma_transfer *transfer);

/*
 * The next message to the client, which is out from now on; NULL where there is none to send. What
 * comes before it and lies in shared memory is copied on the way.
 */
struct umd_dma_message *umd_dma_space_next_message(struct umd_dma_space *space);

#endif
