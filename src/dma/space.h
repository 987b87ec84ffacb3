/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DMA address space: what of its memory a client lets the device reach, and how. See umdev/dma.h.
 *
 * The rules are type1 v2's (drivers/vfio/vfio_iommu_type1.c): maps never overlap; an unmap removes
 * every map that lies wholly inside its range, holes are fine, and cutting a map in two is refused.
 */
#ifndef UMD_DMA_SPACE_H
#define UMD_DMA_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

#include "dma/client.h"
#include "dma/dirty.h"
#include "dma/hold.h"
#include "dma/pin.h"
#include "dma/remote.h"
#include "dma/shadow.h"
#include "dma/table.h"

#define UMD_DMA_MAPS_MAX 65535u /* the limit where the client names none */

struct umd_dma_space {
	struct umd_dma_table table;
	size_t max_maps;
	struct umd_dma_client *client;
	uint32_t owner;
	bool closed; /* nothing is reached: the device may not master the bus */

	/* Told of a range that has been unmapped, which no lookup finds any more. */
	void (*unmapped)(void *data, uint64_t iova, uint64_t last);
	void *data;
	struct umd_dma_shadow *shadow; /* NULL: none */
	void (*hears)(void *data);     /* the shadow holds nothing any more; may be NULL */
	void *hears_data;

	struct umd_dma_holds holds; /* of maps that are gone */
	struct umd_dma_pins pins;
	uint64_t revoked;	    /* what was unmapped up to this mark is used by nobody */
	uint64_t moved;		    /* the mark of when memory was last taken away */
	struct umd_dma_space *next; /* of the client's */
	struct umd_dma_dirty dirty;
	struct umd_dma_remote remote; /* transfers by message */
};

void umd_dma_space_init(struct umd_dma_space *space, struct umd_dma_client *client, uint32_t owner);

/* Of a space for good: it has no reader and no pin. */
void umd_dma_space_finish(struct umd_dma_space *space);

/*
 * Drops all maps, unmaps the files that are not in use, ends the dirty log. The space is as new,
 * but for its readers.
 */
void umd_dma_space_reset(struct umd_dma_space *space);

/* Whether anything is reached. */
void umd_dma_space_set_closed(struct umd_dma_space *space, bool closed);

/* Maps memory, unmaps a range, or everything; errors are umd_dma_space_change()'s. */
int umd_dma_space_map(struct umd_dma_space *space, uint64_t iova, uint64_t size, uint32_t prot,
		      const struct umd_dma_source *source);

/*
 * Maps what a client sent: no fd (-1), or one that is no shared memory, and only messages reach it.
 */
int umd_dma_space_map_fd(struct umd_dma_space *space, uint64_t iova, uint64_t size, uint32_t prot,
			 int fd, uint64_t offset);

/* Whether the shadow still uses what was unmapped; and an end to waiting for that. */
static inline bool umd_dma_space_is_held(const struct umd_dma_space *space)
{
	return __builtin_expect(space->shadow != NULL, 0) &&
	       space->shadow->ops->holds(space->shadow->data);
}

void umd_dma_space_give_up(struct umd_dma_space *space);

/* Transfers under way that touch the range end with -EFAULT. */
int umd_dma_space_unmap(struct umd_dma_space *space, uint64_t iova, uint64_t size);
void umd_dma_space_unmap_all(struct umd_dma_space *space);

/*
 * Copies from the space's memory or, with UMD_DMA_WRITE, to it, where maps grant all of `prot`.
 * Errors are umd_dma_space_read()'s. What was copied up to there is added to *ret_copied.
 */
int umd_dma_space_copy(struct umd_dma_space *space, uint64_t iova, void *local, size_t size,
		       uint32_t prot, size_t *ret_copied);

/* Whether a byte can be copied so. */
bool umd_dma_space_grants(const struct umd_dma_space *space, uint64_t iova, uint32_t prot);

/* Whether a space without maps has readers or pins still: it cannot be finished. */
bool umd_dma_space_is_in_use(struct umd_dma_space *space);

/* As umd_dma_start(). */
int umd_dma_space_start(struct umd_dma_space *space, struct umd_dma_transfer *transfer);

/*
 * The next message to the client, which is out from now on; NULL where there is none to send. What
 * comes before it and lies in shared memory is copied on the way.
 */
struct umd_dma_message *umd_dma_space_next_message(struct umd_dma_space *space);

/* The dirty log, as dma/dirty.h has it, with pins that write. A `count` of 0 logs everything. */
int umd_dma_space_start_log(struct umd_dma_space *space, const struct umd_dma_range *ranges,
			    size_t count, uint64_t page_size);
void umd_dma_space_stop_log(struct umd_dma_space *space);
void umd_dma_space_report_log(struct umd_dma_space *space, const struct umd_dma_range *range,
			      uint64_t page_size, uint8_t *bitmap);

#endif
