/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How memory is reached: a way for each kind of source, all behind one struct of functions.
 *
 * A way turns a source into memory of this process, which stays where it is for as long as maps
 * refer to it. Another way is another row: Xen's grants, say, would come as a source of a domain
 * and its grant references, of which get() makes one mapping by gntdev and put() takes it down.
 */
#ifndef UMD_DMA_WAY_H
#define UMD_DMA_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

#include "dma/guard.h"

struct umd_dma_client;
struct umd_dma_way;

/* Memory that maps lie in. The beginning of what a way keeps of it. */
struct umd_dma_memory {
	const struct umd_dma_way *way;
	uint8_t *base; /* its first byte; another when it was taken from who used it */
	size_t length;
	size_t refs; /* maps that lie in it, and those that were unmapped and are still in use */
	bool lost;   /* for good: it was cut off, and what is at `base` is memory of nobody */
	struct umd_dma_guard guard; /* over [base, base + length), where a way has one */
	uint64_t taken;		    /* the revocation that moved it last */
};

/* Where the memory of a map lies. */
struct umd_dma_source {
	enum umd_dma_kind kind;
	int fd;
	uint64_t offset; /* in the file */
	void *address;
};

struct umd_dma_way {
	/*
	 * Finds memory, and refers to it.
	 *
	 * @param prot what a map of it shall allow
	 * @param ret_memory NULL: there is none here, the client has to be asked for the bytes
	 * @param ret_offset of the source's first byte in the memory
	 * @return 0; -EACCES where the source does not allow that much; -EINVAL; -EOVERFLOW;
	 *	   -EMEDIUMTYPE for a source that is none of this kind
	 */
	int (*get)(struct umd_dma_client *client, const struct umd_dma_source *source,
		   uint64_t size, uint32_t prot, struct umd_dma_memory **ret_memory,
		   uint64_t *ret_offset);

	/* Ends a reference. */
	void (*put)(struct umd_dma_client *client, struct umd_dma_memory *memory);

	/*
	 * Makes the memory appear at another address, too; the old one becomes the caller's. NULL
	 * where that cannot be done. No function: what was given out cannot be taken back. Who
	 * has it has a guard.
	 */
	uint8_t *(*map_again)(struct umd_dma_memory *memory);

	/* Unmaps what became the caller's, at whichever address. With map_again(). */
	void (*unmap)(uint8_t *base, size_t length);
};

extern const struct umd_dma_way *const umd_dma_ways[UMD_DMA_KINDS];

/* Asked behind a use of the memory, it tells of that use, too. */
static inline bool umd_dma_memory_is_lost(const struct umd_dma_memory *memory)
{
	return umd_dma_guard_tells(&memory->lost);
}

#endif
