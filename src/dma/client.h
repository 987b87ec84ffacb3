/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the spaces of one client have in common: the files that its memory lies in, how much of it
 * may be mapped and pinned, and how its owner is woken when something is used no more.
 */
#ifndef UMD_DMA_CLIENT_H
#define UMD_DMA_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dma/file.h"
#include "dma/wake.h"

struct umd_dma_space;

#define UMD_DMA_CORPSES_MAX 64u /* more, and memory is lost rather than moved */

/*
 * Where memory was that pins have lost, for as long as somebody may still touch the place: also
 * with a fault that he had before memory of nobody was there, and that is handled only now.
 */
struct umd_dma_corpse {
	struct umd_dma_corpse *next;
	const struct umd_dma_way *way;
	struct umd_dma_guard guard; /* over the place */
	bool lost;		    /* its; nobody asks */
};

struct umd_dma_client {
	uint64_t pages_left; /* that may be mapped besides */
	uint64_t max_pages;  /* that may be mapped at all */
	struct umd_dma_wake wake;
	struct umd_dma_space *spaces;
	struct umd_dma_files files;
	uint64_t max_pinned; /* bytes; 0: no limit, and pins are not counted */
	uint64_t pinned;     /* by pins that were counted, by any thread */
	uint64_t revocations;
	struct umd_dma_corpse *corpses;
	unsigned int corpse_count;
};

/* Limits in bytes; 0: none. */
void umd_dma_client_init(struct umd_dma_client *client);
void umd_dma_client_limit(struct umd_dma_client *client, uint64_t max_mapped, uint64_t max_pinned);

/* No space, reader or pin is left. */
void umd_dma_client_finish(struct umd_dma_client *client);

/*
 * Takes memory from those who use it: it moves to another address, to which its maps of all spaces
 * follow, and memory of nobody stays at the old one. Once for each of `revocations`. Memory that
 * cannot be moved is lost; what cannot be taken away at all stays.
 */
void umd_dma_client_take_away(struct umd_dma_client *client, struct umd_dma_memory *memory);

/* Frees the places of corpses that nobody uses any more. */
void umd_dma_client_bury(struct umd_dma_client *client);

#endif
