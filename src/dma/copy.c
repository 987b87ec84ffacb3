/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying to and from a space. The bytes are moved by process_vm_readv() and _writev() on
 * ourselves: where the file behind a map was cut short, they return EFAULT where a plain copy would
 * end the process with SIGBUS.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/export.h"
#include "dma/space.h"

/* Copied with one system call: it moves no more than 2 GiB less a page (MAX_RW_COUNT). */
#define SEGMENTS 16u
#define BYTES	 ((size_t)1 << 30)

/* Host segments of a range's beginning. */
struct segments {
	struct iovec iov[SEGMENTS];
	const struct umd_dma_memory *memories[SEGMENTS];
	unsigned int count;
	size_t bytes;
};

/* Whether a map, the first that ends behind `at`, serves it: 0; -EFAULT; -EREMOTE. */
static int check(const struct umd_dma_map *map, uint64_t at, uint32_t prot)
{
	uint32_t rights = umd_dma_rights(prot);

	if (!map || map->iova > at || (map->prot & rights) != rights)
		return -EFAULT;
	if (!map->base)
		return -EREMOTE;
	return umd_dma_memory_is_lost(map->hold->memory) ? -EFAULT : 0;
}

/* Up to the first place that cannot be reached; an error where that is the first byte. */
static int translate(struct umd_dma_space *space, uint64_t iova, size_t size, uint32_t prot,
		     struct segments *ret)
{
	struct umd_dma_place place;
	struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	ret->count = 0;
	ret->bytes = 0;
	for (; ret->bytes < size && ret->count < SEGMENTS;
	     map = umd_dma_table_next(&space->table, &place)) {
		uint64_t at = iova + ret->bytes, left;
		int err = check(map, at, prot);

		if (err)
			return ret->count ? 0 : err;

		left = map->size - (at - map->iova);
		if (left > size - ret->bytes)
			left = size - ret->bytes;
		ret->memories[ret->count] = map->hold->memory;
		ret->iov[ret->count++] = (struct iovec){.iov_base = map->base + (at - map->iova),
							.iov_len = (size_t)left};
		ret->bytes += (size_t)left;
	}
	return 0;
}

/* A thread that found the memory gone may have put other memory there. */
static bool are_lost(const struct segments *segments)
{
	for (unsigned int i = 0; i < segments->count; i++) {
		if (umd_dma_memory_is_lost(segments->memories[i]))
			return true;
	}
	return false;
}

int umd_dma_space_copy(struct umd_dma_space *space, uint64_t iova, void *local, size_t size,
		       uint32_t prot, size_t *ret_copied)
{
	uint8_t *to = local;

	if (space->closed)
		return -ENODEV;
	if (size && iova > UINT64_MAX - (size - 1))
		return -EFAULT;

	while (size) {
		struct segments segments;
		struct iovec ours = {.iov_base = to};
		ssize_t n;
		int err = translate(space, iova, size < BYTES ? size : BYTES, prot, &segments);

		if (err)
			return err;

		ours.iov_len = segments.bytes;
		n = !(prot & UMD_DMA_WRITE)
			    ? process_vm_readv(getpid(), &ours, 1, segments.iov, segments.count, 0)
			    : process_vm_writev(getpid(), &ours, 1, segments.iov, segments.count,
						0);
		if (prot & UMD_DMA_WRITE) /* what failed may have been written in part */
			umd_dma_dirty_mark(&space->dirty, iova, segments.bytes);
		if (n < 0 || (size_t)n != segments.bytes || are_lost(&segments))
			return -EFAULT;
		iova += segments.bytes;
		to += segments.bytes;
		size -= segments.bytes;
		*ret_copied += segments.bytes;
	}
	return 0;
}

UMD_EXPORT int umd_dma_space_read(struct umd_dma_space *space, uint64_t iova, void *to, size_t size)
{
	size_t copied = 0;

	return umd_dma_space_copy(space, iova, to, size, UMD_DMA_READ, &copied);
}

UMD_EXPORT int umd_dma_space_write(struct umd_dma_space *space, uint64_t iova, const void *from,
				   size_t size)
{
	size_t copied = 0;

	return umd_dma_space_copy(space, iova, (void *)(uintptr_t)from, size, UMD_DMA_WRITE,
				  &copied);
}

bool umd_dma_space_grants(const struct umd_dma_space *space, uint64_t iova, uint32_t prot)
{
	struct umd_dma_place place;

	return check(umd_dma_table_find(&space->table, iova, &place), iova, prot) == 0;
}
