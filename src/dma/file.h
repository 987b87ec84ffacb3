/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that a client shares its memory through. Each file is mapped into this process once for
 * each access mode, however many maps of the space lie in it: a map of a slice of a known file
 * costs no mmap().
 *
 * Only files of shmem and hugetlbfs (memfd_create(), /dev/shm, tmpfs) are taken: any other file
 * system could make us wait in fstat() or at a page fault. The test is F_GET_SEALS, which those two
 * answer and which asks no file system anything.
 */
#ifndef UMD_DMA_FILE_H
#define UMD_DMA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dma/way.h"

struct umd_dma_file {
	struct umd_dma_memory memory; /* the first: umd_dma_file_of() */
	struct umd_dma_file *next;    /* in its bucket */
	dev_t device;
	ino_t inode;
	bool writable;
	int fd; /* a duplicate, where files are kept; else -1 */
};

static inline struct umd_dma_file *umd_dma_file_of(struct umd_dma_memory *memory)
{
	return (struct umd_dma_file *)(void *)memory;
}

#define UMD_DMA_FILE_BUCKETS 64u
#define UMD_DMA_FILE_IDLE    4u /* files kept mapped though no map lies in them */
#define UMD_DMA_FILE_RECENT  4u

/*
 * Bytes of all mapped files of the process: of 64 bits, half of the addresses that x86-64 gives to
 * one. A file has any size its owner likes, and costs him nothing.
 */
#define UMD_DMA_FILE_BYTES_MAX (UINT64_C(1) << (sizeof(void *) == 8 ? 46 : 30))

/* A file description that was mapped lately: one call tells whether an fd is another of it. */
struct umd_dma_recent {
	int fd;			   /* ours */
	struct umd_dma_file *file; /* NULL: the slot is free */
};

/* What each map touches comes first. */
struct umd_dma_files {
	unsigned int idle;
	bool keeps; /* an fd of each file that is mapped from now on: for umd_dma_file_fd() */
	struct umd_dma_recent recent[UMD_DMA_FILE_RECENT]; /* the latest first */
	struct umd_dma_file *buckets[UMD_DMA_FILE_BUCKETS];
};

/*
 * Finds or maps the file behind an fd, and refers to it.
 *
 * @param fd       stays the caller's
 * @param end      the file is mapped up to here at least
 * @param writable maps that write need it
 * @return 0; -EMEDIUMTYPE for an fd that is no mappable shared memory; what mmap() returns
 */
int umd_dma_files_get(struct umd_dma_files *files, int fd, uint64_t end, bool writable,
		      struct umd_dma_file **ret);

/* Ends a reference. The last one leaves the file mapped for the next map of it, within a limit. */
void umd_dma_files_put(struct umd_dma_files *files, struct umd_dma_file *file);

/*
 * Maps the file once more, at another address; one of the two is the caller's, to be ended by
 * umd_dma_file_unmap(). NULL where that fails.
 */
uint8_t *umd_dma_file_map_again(const struct umd_dma_file *file);
void umd_dma_file_unmap(uint8_t *base, size_t length);

/* The file behind memory of this way, -1 where it is not kept. It stays the file's. */
static inline int umd_dma_file_fd(struct umd_dma_memory *memory)
{
	return umd_dma_file_of(memory)->fd;
}

/* Unmaps the files that nothing refers to. */
void umd_dma_files_drop_idle(struct umd_dma_files *files);

#endif
