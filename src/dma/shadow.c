/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/shadow.h"

#include <errno.h>

#include "dma/file.h"
#include "dma/space.h"

int umd_dma_shadow_attach(struct umd_dma_space *space, struct umd_dma_shadow *shadow)
{
	int err = space->shadow ? -EBUSY : umd_dma_wake_open(&space->client->wake);

	if (err)
		return err;

	space->client->files.keeps = true;
	space->shadow = shadow;
	return 0;
}

static int retell(struct umd_dma_space *space, const struct umd_dma_map *map)
{
	struct umd_dma_memory *memory = map->hold->memory;
	const struct umd_dma_change change = {
		.iova = map->iova,
		.size = map->size,
		.prot = umd_dma_rights(map->prot),
		.kind = UMD_DMA_BY_FD,
		.fd = umd_dma_file_fd(memory),
		.offset = (uint64_t)(map->base - memory->base),
	};

	return change.fd < 0 ? -EBADF
			     : space->shadow->ops->map(space->shadow->data, &change, memory);
}

int umd_dma_shadow_retell(struct umd_dma_space *space)
{
	struct umd_dma_place place;
	const struct umd_dma_map *map = umd_dma_table_find(&space->table, 0, &place);
	int err = 0;

	for (; map && !err; map = umd_dma_table_next(&space->table, &place)) {
		if (map->hold && map->hold->memory->way == umd_dma_ways[UMD_DMA_BY_FD])
			err = retell(space, map);
	}
	return err;
}

/* Out of any call: who waits is told by the fd, be it that he expects a call. */
void umd_dma_shadow_detach(struct umd_dma_space *space)
{
	space->shadow = NULL;
	umd_dma_wake_arm(&space->client->wake);
	umd_dma_wake_signal(&space->client->wake);
}

void umd_dma_shadow_quiet(struct umd_dma_space *space)
{
	umd_dma_wake_tell(&space->client->wake);
	if (space->hears)
		space->hears(space->hears_data);
}
