/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/space.h"

#include <errno.h>
#include <stdbool.h>

void umd_dma_space_init(struct umd_dma_space *space)
{
	*space = (struct umd_dma_space){.max_maps = UMD_DMA_MAPS_MAX, .pages_left = UINT64_MAX};
}

void umd_dma_space_limit(struct umd_dma_space *space, uint64_t max_bytes)
{
	space->pages_left = max_bytes ? max_bytes / UMD_DMA_PAGE : UINT64_MAX;
}

void umd_dma_space_reset(struct umd_dma_space *space)
{
	umd_dma_dirty_stop(&space->dirty);
	umd_dma_space_unmap_all(space);
	umd_dma_files_drop_idle(&space->files);
	umd_dma_table_finish(&space->table);
	space->max_maps = UMD_DMA_MAPS_MAX;
}

/* 0 for a range of whole pages that does not wrap. Its last byte may be the address space's. */
static int check_range(uint64_t iova, uint64_t size)
{
	if (size == 0 || iova % UMD_DMA_PAGE || size % UMD_DMA_PAGE)
		return -EINVAL;
	return iova > UINT64_MAX - (size - 1) ? -EOVERFLOW : 0;
}

static bool is_prot(uint32_t prot)
{
	return prot && !(prot & ~(UMD_DMA_READ | UMD_DMA_WRITE));
}

static bool overlaps(const struct umd_dma_space *space, uint64_t iova, uint64_t size)
{
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	return map && map->iova <= iova + (size - 1);
}

/* Finds how to reach the memory; no file means by message. */
static int reach(struct umd_dma_space *space, struct umd_dma_map *map, int fd)
{
	uint64_t end;
	int err;

	if (fd < 0)
		return 0;
	if (map->offset % UMD_DMA_PAGE)
		return -EINVAL;
	if (__builtin_add_overflow(map->offset, map->size, &end) || end > INT64_MAX)
		return -EOVERFLOW;

	err = umd_dma_files_get(&space->files, fd, end, map->prot & UMD_DMA_WRITE, &map->file);
	return err == -EMEDIUMTYPE ? 0 : err;
}

int umd_dma_space_map(struct umd_dma_space *space, uint64_t iova, uint64_t size, uint32_t prot,
		      int fd, uint64_t offset)
{
	struct umd_dma_map map = {.iova = iova, .size = size, .offset = offset, .prot = prot};
	int err = check_range(iova, size);

	if (err)
		return err;
	if (!is_prot(prot))
		return -EINVAL;
	if (overlaps(space, iova, size))
		return -EEXIST;
	if (space->table.count >= space->max_maps)
		return -ENOSPC;
	if (size / UMD_DMA_PAGE > space->pages_left)
		return -ENOMEM;

	err = reach(space, &map, fd);
	if (err)
		return err;

	err = umd_dma_table_add(&space->table, &map);
	if (!err)
		space->pages_left -= size / UMD_DMA_PAGE;
	else if (map.file)
		umd_dma_files_put(&space->files, map.file);
	return err;
}

/* Whether a map reaches out of [iova, last] on either side. */
static bool cuts(const struct umd_dma_space *space, uint64_t iova, uint64_t last)
{
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	if (map && map->iova < iova)
		return true;
	map = umd_dma_table_find(&space->table, last, &place);
	return map && map->iova <= last && map->iova + (map->size - 1) > last;
}

static void remove_range(struct umd_dma_space *space, uint64_t iova, uint64_t last)
{
	struct umd_dma_place place;
	struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	while (map && map->iova <= last) {
		if (map->file)
			umd_dma_files_put(&space->files, map->file);
		space->pages_left += map->size / UMD_DMA_PAGE;
		umd_dma_table_remove(&space->table, &place);
		map = umd_dma_table_at(&space->table, &place);
	}
}

int umd_dma_space_unmap(struct umd_dma_space *space, uint64_t iova, uint64_t size)
{
	int err = check_range(iova, size);

	if (err)
		return err;
	if (cuts(space, iova, iova + (size - 1)))
		return -EINVAL;

	remove_range(space, iova, iova + (size - 1));
	umd_dma_remote_end_range(&space->remote, iova, iova + (size - 1), -EFAULT);
	return 0;
}

void umd_dma_space_unmap_all(struct umd_dma_space *space)
{
	remove_range(space, 0, UINT64_MAX);
	umd_dma_remote_end_all(&space->remote, -EFAULT);
}
