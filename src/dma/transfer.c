/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers through a space: what lies in shared memory is copied at once, and what the client
 * alone can reach is cut into messages, none of which crosses the end of a map.
 */
#include <errno.h>

#include "dma/space.h"

/*
 * The part of a transfer from `at` on that is reached in one way: 0 for copying, -EREMOTE for
 * messages; -EFAULT where it is not mapped, or not for this direction.
 */
static int find_stretch(const struct umd_dma_space *space, const struct umd_dma_transfer *transfer,
			size_t at, size_t *ret_size)
{
	uint32_t prot = transfer->write ? UMD_DMA_WRITE : UMD_DMA_READ;
	uint64_t iova = transfer->iova + at, left;
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, iova, &place);

	if (!map || map->iova > iova || !(map->prot & prot))
		return -EFAULT;

	left = map->size - (iova - map->iova);
	*ret_size = left < transfer->size - at ? (size_t)left : transfer->size - at;
	return map->base ? 0 : -EREMOTE;
}

static int copy(struct umd_dma_space *space, const struct umd_dma_transfer *transfer, size_t at,
		size_t size)
{
	uint8_t *local = (uint8_t *)transfer->buffer + at;

	return transfer->write ? umd_dma_space_write(space, transfer->iova + at, local, size)
			       : umd_dma_space_read(space, transfer->iova + at, local, size);
}

/* How the whole of a transfer is reached: as find_stretch(). */
static int check(const struct umd_dma_space *space, const struct umd_dma_transfer *transfer)
{
	int way, result = 0;
	size_t size;

	if (space->closed)
		return -ENODEV;
	if (transfer->size && transfer->iova > UINT64_MAX - (transfer->size - 1))
		return -EFAULT;

	for (size_t at = 0; at < transfer->size; at += size) {
		way = find_stretch(space, transfer, at, &size);
		if (way == -EFAULT)
			return way;
		if (way)
			result = way;
	}
	return result;
}

int umd_dma_space_start(struct umd_dma_space *space, struct umd_dma_transfer *transfer)
{
	int err = check(space, transfer);

	if (!err)
		return copy(space, transfer, 0, transfer->size);
	if (err == -EREMOTE)
		err = umd_dma_remote_start(&space->remote, transfer);
	return err ? err : -EINPROGRESS;
}

/* Copies a stretch of a waiting transfer, which may end it. */
static void copy_stretch(struct umd_dma_space *space, struct umd_dma_transfer *transfer,
			 size_t size)
{
	int err = copy(space, transfer, transfer->own.taken, size);

	if (err)
		umd_dma_remote_end(&space->remote, transfer, err);
	else
		umd_dma_remote_advance(&space->remote, transfer, size, NULL);
}

struct umd_dma_message *umd_dma_space_next_message(struct umd_dma_space *space)
{
	struct umd_dma_remote *remote = &space->remote;
	struct umd_dma_message *message = umd_dma_remote_free(remote);
	struct umd_dma_transfer *transfer;
	size_t size;

	while (message && (transfer = umd_dma_remote_turn(remote))) {
		int way = find_stretch(space, transfer, transfer->own.taken, &size);

		if (way == 0) {
			copy_stretch(space, transfer, size);
		} else if (way == -EREMOTE) {
			size = size < remote->max_size ? size : remote->max_size;
			umd_dma_remote_advance(remote, transfer, size, message);
			return message;
		} else {
			umd_dma_remote_end(remote, transfer, way);
		}
	}
	return NULL;
}
