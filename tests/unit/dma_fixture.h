/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DMA tests share: memory files of all kinds, and how often one is mapped into this
 * process.
 */
#ifndef DMA_FIXTURE_H
#define DMA_FIXTURE_H

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "dma/space.h"

#define PAGE	   4096u
#define READ	   UMD_DMA_READ
#define WRITE	   UMD_DMA_WRITE
#define READ_WRITE (READ | WRITE)

static struct umd_dma_client client;

static inline void init_space(struct umd_dma_space *space)
{
	umd_dma_client_init(&client);
	umd_dma_space_init(space, &client, UMD_DMA_NO_OWNER);
}

/* Its readers are gone, and its pins have ended. */
static inline void finish_space(struct umd_dma_space *space)
{
	umd_dma_space_finish(space);
	umd_dma_client_finish(&client);
}

static inline void limit_space(struct umd_dma_space *space, uint64_t max_mapped)
{
	umd_dma_client_limit(space->client, max_mapped, 0);
}

static inline int make_file(size_t size)
{
	int fd = memfd_create("dma", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

/* The same file, by another fd with another access mode. */
static inline int reopen(int fd, int flags)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	assert_true(again >= 0);
	return again;
}

/* Mappings of a file in this process. */
static inline int count_mappings(int fd)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	struct stat st;
	int count = 0;

	assert_non_null(maps);
	assert_int_equal(fstat(fd, &st), 0);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long inode = 0;

		if (sscanf(line, "%*s %*s %*s %*s %lu", &inode) == 1 && inode == st.st_ino &&
		    strstr(line, "memfd:"))
			count++;
	}
	fclose(maps);
	return count;
}

#endif
