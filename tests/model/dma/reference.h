/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a space does, said once more and as plainly as can be: maps are an array in no order that
 * is searched from its beginning to its end, and nothing is remembered between two calls.
 *
 * Where several things are wrong with a call, umdev/dma.h does not say which of them is reported:
 * here they are a set, of which the space has to report one.
 */
#ifndef MODEL_DMA_REFERENCE_H
#define MODEL_DMA_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <umdev/dma.h>

#include "memory.h"

#define REF_MAPS 4096u
#define REF_IDS	 65536u

/* Reasons to refuse. */
#define REF_INVAL    (1u << 0)
#define REF_OVERFLOW (1u << 1)
#define REF_EXIST    (1u << 2)
#define REF_NOSPC    (1u << 3)
#define REF_NOMEM    (1u << 4)
#define REF_ACCES    (1u << 5)
#define REF_MEDIUM   (1u << 6)
#define REF_FAULT    (1u << 7)
#define REF_REMOTE   (1u << 8)
#define REF_TOOBIG   (1u << 9)

/* Whether an error number stands for one of these reasons. */
bool ref_allows(unsigned int reasons, int error);

struct ref_map {
	uint64_t iova, last; /* bytes */
	uint32_t prot;
	enum umd_dma_kind kind;
	unsigned int memory; /* its number */
	uint64_t offset;
	uint32_t id;
};

struct ref {
	struct ref_map maps[REF_MAPS];
	unsigned int count;
	uint32_t max_maps;
	uint64_t pages, max_pages;   /* mapped */
	uint64_t pinned, max_pinned; /* bytes */
	uint32_t last_id;
	uint32_t now;		   /* what gone_at gets */
	uint32_t gone_at[REF_IDS]; /* when each map was unmapped; 0: it was not */
};

/* A change, and what its fd leads to. */
struct ref_change {
	struct umd_dma_change change;
	unsigned int memory;
	enum memory_kind memory_kind;
	enum memory_fd fd_kind;
};

/* A part of a range: what of one map it needs. */
struct ref_piece {
	uint64_t iova, size;
	unsigned int memory;
	uint64_t offset;
	enum umd_dma_kind kind;
	uint32_t map;
};

void ref_init(struct ref *ref, const struct umd_dma_space_options *options);

/* Makes a change. 0, or why not. */
unsigned int ref_change(struct ref *ref, const struct ref_change *change);

/*
 * Finds a range's pieces, in their order; those beyond `room` are counted only.
 *
 * Returns 0, or what is wrong with the range.
 */
unsigned int ref_find(const struct ref *ref, uint64_t iova, uint64_t size, uint32_t prot,
		      struct ref_piece *ret_pieces, unsigned int room, unsigned int *ret_count);

/* The map that a byte lies in; NULL: there is none. */
const struct ref_map *ref_at(const struct ref *ref, uint64_t iova);

/* Bytes from `iova` on that nothing is mapped to, up to the next map; `limit` at most. */
uint64_t ref_gap(const struct ref *ref, uint64_t iova, uint64_t limit);

bool ref_uses(const struct ref *ref, unsigned int memory);

#endif
