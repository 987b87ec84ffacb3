/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A space's shadow: somebody who makes what is mapped and unmapped in the space elsewhere, too, in
 * another process perhaps (parent/mirror.h). What is unmapped is in use until it is unmapped there.
 */
#ifndef UMD_DMA_SHADOW_H
#define UMD_DMA_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/dma.h>

struct umd_dma_memory;
struct umd_dma_space;

struct umd_dma_shadow_ops {
	/*
	 * A map by fd is about to be made; `memory` is the same for maps in the same file, for as
	 * long as one of them is there. 0, or why it is not to be made.
	 */
	int (*map)(void *data, const struct umd_dma_change *change,
		   const struct umd_dma_memory *memory);

	/* A range was unmapped: 0 to UINT64_MAX is everything. */
	void (*unmap)(void *data, uint64_t iova, uint64_t last);

	/*
	 * Whether what was unmapped may still be in use. When that has ended the shadow calls
	 * umd_dma_shadow_quiet(), out of a dispatch.
	 */
	bool (*holds)(void *data);

	/* Whoever holds has had his time: from now on he does not. */
	void (*give_up)(void *data);

	/* The space ends; with its maps, if there are any. */
	void (*end)(void *data);
};

struct umd_dma_shadow {
	const struct umd_dma_shadow_ops *ops;
	void *data;
};

/* From here on the files of its client's maps are kept open. 0; -EBUSY where there is one; -EMFILE.
 */
int umd_dma_shadow_attach(struct umd_dma_space *space, struct umd_dma_shadow *shadow);

/*
 * Tells of the maps that there are, as if they were made now: for a shadow that was attached after
 * another one. What is reached by message is not told.
 *
 * @return 0; -EBADF for a map whose file was not kept; what ops.map() returns
 */
int umd_dma_shadow_retell(struct umd_dma_space *space);

void umd_dma_shadow_detach(struct umd_dma_space *space);

/*
 * What the shadow held is used no more: who waits for the space to be quiet asks again. Who has set
 * `space->hears` is called, which costs less than to wait for the space's fd.
 */
void umd_dma_shadow_quiet(struct umd_dma_space *space);

#endif
