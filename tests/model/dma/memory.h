/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory that maps lead to: files of several sizes and kinds, and memory of this process. Of
 * each there is a plain copy of what it should hold, which never goes through the space.
 */
#ifndef MODEL_DMA_MEMORY_H
#define MODEL_DMA_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_PAGE  ((size_t)4096)
#define MEMORY_PAGES 64u /* of one, at most */

enum memory_kind {
	MEMORY_PLAIN,	/* a file that can be read and written by its fds */
	MEMORY_FUTURE,	/* a file sealed against new mappings that write */
	MEMORY_SEALED,	/* a file sealed against all writes */
	MEMORY_ADDRESS, /* of this process */
};

/* How an fd leads to it; FOREIGN ones lead to something that is no shared memory. */
enum memory_fd {
	MEMORY_FD_BOTH,
	MEMORY_FD_READ,
	MEMORY_FD_WRITE,
	MEMORY_FD_FOREIGN,
	MEMORY_FDS,
};

struct memory {
	enum memory_kind kind;
	int fds[MEMORY_FDS]; /* -1: there is none */
	uint8_t *view;	     /* the memory itself, as whoever owns it sees it */
	uint8_t *bytes;	     /* what it holds */
	uint64_t pages;	     /* that are there; those behind have been cut off */
	uint64_t room;
	bool shaky; /* a page that has been cut off was touched by somebody */
};

void memory_init(struct memory *memory, enum memory_kind kind, uint64_t pages, uint64_t *random);
void memory_finish(struct memory *memory);

/* Whether its owner can still change it. */
static inline bool memory_is_writable(const struct memory *memory)
{
	return memory->kind != MEMORY_SEALED;
}

/* What its owner does to it, and to the copy. */
void memory_fill(struct memory *memory, uint64_t at, size_t size, uint64_t *random);
void memory_resize(struct memory *memory, uint64_t pages);
void memory_punch(struct memory *memory, uint64_t page, uint64_t pages);

/* Whether it holds what it should. */
bool memory_is_right(const struct memory *memory, uint64_t at, size_t size);

#endif
