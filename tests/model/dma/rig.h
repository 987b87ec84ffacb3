/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A space and its reference side by side: each operation is done to both, and what they answer is
 * compared, as are the bytes that it leads to. Nothing of the space but its public calls is used.
 */
#ifndef MODEL_DMA_RIG_H
#define MODEL_DMA_RIG_H

#include "unit.h"

#include "memory.h"
#include "reference.h"

#define RIG_MEMORIES 8u
#define RIG_READERS  3u
#define RIG_VISITS   3u /* ranges that a reader has looked up since it came in */
#define RIG_PINS     24u
#define RIG_MARKS    8u
#define RIG_ROOM     5u	 /* segments of a range */
#define RIG_PIECES   16u /* of a range, that are told apart */
#define RIG_CLUSTERS 4u
#define RIG_HISTORY  40u
#define RIG_NUMBERS  24u

/* Things worth having seen. */
enum rig_event {
	RIG_SAW_MAPPED,
	RIG_SAW_UNMAPPED,
	RIG_SAW_UNMAPPED_MANY,
	RIG_SAW_UNMAPPED_ALL,
	RIG_SAW_CROWD,
	RIG_SAW_BATCH_CUT_SHORT,
	RIG_SAW_EINVAL,
	RIG_SAW_EOVERFLOW,
	RIG_SAW_EEXIST,
	RIG_SAW_ENOSPC,
	RIG_SAW_ENOMEM,
	RIG_SAW_EACCES,
	RIG_SAW_EMEDIUMTYPE,
	RIG_SAW_COPIED,
	RIG_SAW_COPIED_OVER_MAPS,
	RIG_SAW_EFAULT,
	RIG_SAW_EREMOTE,
	RIG_SAW_CUT_OFF, /* a copy that met the end of a file */
	RIG_SAW_FOUND,
	RIG_SAW_SPAN,
	RIG_SAW_LAST_BYTE, /* of the address space */
	RIG_SAW_E2BIG,
	RIG_SAW_FOUND_ANEW, /* inside: what was mapped since the reader came in */
	RIG_SAW_HIDDEN,	    /* inside: what was unmapped since */
	RIG_SAW_PINNED,
	RIG_SAW_PIN_REFUSED,
	RIG_SAW_UNMAPPED_IN_USE,
	RIG_SAW_BUSY,
	RIG_SAW_QUIET,
	RIG_SAW_WOKEN,
	RIG_SAW_REVOKED,
	RIG_SAW_TOUCHED_NOTHING, /* memory that had been cut off */
	RIG_SAW_REGROWN,
	RIG_EVENTS,
};

struct rig_piece {
	struct umd_dma_segment segment;
	struct ref_piece ref;
	bool revoked;  /* nobody's memory */
	bool doubtful; /* perhaps so: another part of the same file was taken away */
	bool lost;     /* it was touched where the file had been cut off */
};

/* A range that a reader looked up, or that is pinned. */
struct rig_use {
	uint32_t prot;
	unsigned int count; /* 0: there is none */
	struct rig_piece pieces[RIG_ROOM];
};

struct rig_reader {
	struct umd_dma_reader *reader; /* NULL: there is none */
	bool inside;
	uint32_t entered;
	struct rig_use visits[RIG_VISITS];
};

struct rig_mark {
	uint64_t mark;
	uint32_t made; /* 0: there is none */
};

struct rig_record {
	const char *name;
	uint64_t numbers[RIG_NUMBERS];
	unsigned int count;
};

struct rig {
	struct umd_dma_space *space;
	struct umd_dma_space_options options;
	struct ref ref;
	struct memory memories[RIG_MEMORIES];
	int foreign[4]; /* fds that are no shared memory */
	struct rig_reader readers[RIG_READERS];
	struct rig_use pins[RIG_PINS];
	struct rig_mark marks[RIG_MARKS];

	bool handles_sigbus;
	uint32_t taken; /* a bit for each memory that was taken away from somebody just now */

	uint64_t random;
	uint64_t width;		/* pages of a cluster of addresses */
	bool is_crowded;	/* there may be many maps, and no file is cut off */
	unsigned int shrinking; /* percent of the changes that unmap */

	struct rig_record history[RIG_HISTORY];
	uint64_t step;
	uint64_t events[RIG_EVENTS];
	char mismatch[200]; /* empty: none */
};

void rig_init(struct rig *rig, uint64_t seed);
void rig_finish(struct rig *rig);

/* A new space of another kind, in place of the old one, where there is any. */
void rig_renew(struct rig *rig);

/* Whether the space has seen as much as the reference can hold. */
bool rig_is_spent(const struct rig *rig);

uint64_t rig_below(struct rig *rig, uint64_t limit);
bool rig_chance(struct rig *rig, unsigned int percent);
static inline void rig_saw(struct rig *rig, enum rig_event event)
{
	rig->events[event]++;
}

/* Adds a number to the record of the operation under way. */
void rig_note(struct rig *rig, uint64_t number);

/* Says that something is wrong, unless something was before. */
void rig_wrong(struct rig *rig, const char *what, int64_t is, int64_t should);
bool rig_expect(struct rig *rig, const char *what, bool right);

/*
 * Compares a result with reasons to refuse, and counts it; `may` are reasons that the space is free
 * to see or not. Whether both say yes.
 */
bool rig_expect_result(struct rig *rig, const char *what, int result, unsigned int reasons,
		       unsigned int may);

/* Addresses that are worth something: near a cluster's, or in a map. */
uint64_t rig_choose_page(struct rig *rig);
const struct ref_map *rig_choose_map(struct rig *rig); /* NULL: there is none */
uint64_t rig_choose_iova(struct rig *rig);
uint32_t rig_choose_prot(struct rig *rig, unsigned int percent_both);

/* A size for a range from `iova` on: up to `limit`, or to the end of a map, or one byte beyond. */
uint64_t rig_choose_size(struct rig *rig, uint64_t iova, uint64_t limit);

/* Of a space that is new: the history begins anew, too. */
void rig_print_history(const struct rig *rig);

/* All memory holds what it should. */
void rig_check_memory(struct rig *rig);

/*
 * Takes over what a memory holds where a write may have failed or gone nowhere: each byte is as
 * before or as it was to be written; any where nobody can say (NULL).
 */
void rig_adopt(struct rig *rig, unsigned int memory, uint64_t at, const uint8_t *written,
	       size_t size);

/* Reasons for which pieces may be refused: memory that has been cut off is lost as a whole. */
unsigned int rig_doubts(const struct rig *rig, const struct ref_piece *pieces, unsigned int count);

/* ---- Uses (rig_use.c) ---------------------------------------------------------------------- */

/* Takes over what was looked up, and compares it with what the reference found. */
void rig_use_take(struct rig *rig, struct rig_use *use, uint32_t prot,
		  const struct umd_dma_segment *segments, int result,
		  const struct ref_piece *pieces, unsigned int count);

/* Reads through it, or writes; also what has been unmapped, taken away or cut off. */
void rig_use_touch(struct rig *rig, struct rig_use *use);
void rig_use_check(struct rig *rig, const struct rig_use *use);

/* Its segments from one on, in a row. */
unsigned int rig_use_segments(const struct rig_use *use, struct umd_dma_segment *ret_segments);

/* A pin, or a range of a reader inside; NULL where there is none. */
struct rig_use *rig_use_choose(struct rig *rig);

/* Whether any use leads to a memory. */
bool rig_is_in_use(const struct rig *rig, unsigned int memory);

static inline bool rig_piece_is_gone(const struct rig *rig, const struct rig_piece *piece)
{
	return rig->ref.gone_at[piece->ref.map] != 0;
}

/* ---- Readers (ops_reader.c) and pins (ops_pin.c) ------------------------------------------- */

void rig_look_up(struct rig *rig, struct rig_reader *reader, uint64_t iova, size_t size,
		 uint32_t prot, unsigned int room);
void rig_leave(struct rig *rig, struct rig_reader *reader);
void rig_unpin(struct rig *rig, struct rig_use *pin);

#endif
