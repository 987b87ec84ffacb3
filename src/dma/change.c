/* SPDX-License-Identifier: BSD-2-Clause */
/* Spaces of their own, and changes many at a time: for who holds the table for somebody else. */
#include <errno.h>
#include <stdlib.h>

#include "base/export.h"
#include "dma/space.h"

/* A space without a served device behind it. */
struct own_space {
	struct umd_dma_space space; /* the first: umd_dma_space_destroy() */
	struct umd_dma_client client;
};

UMD_EXPORT int umd_dma_space_create(const struct umd_dma_space_options *options,
				    struct umd_dma_space **ret)
{
	struct own_space *own;

	if (options->size != sizeof(*options) || options->max_maps > UMD_DMA_MAPS_MAX)
		return -EINVAL;
	own = malloc(sizeof(*own));
	if (!own)
		return -ENOMEM;

	umd_dma_client_init(&own->client);
	umd_dma_client_limit(&own->client, options->max_mapped_bytes, options->max_pinned_bytes);
	umd_dma_space_init(&own->space, &own->client, options->owner);
	if (options->max_maps)
		own->space.max_maps = options->max_maps;
	*ret = &own->space;
	return 0;
}

UMD_EXPORT void umd_dma_space_destroy(struct umd_dma_space *space)
{
	struct own_space *own = (struct own_space *)(void *)space;

	if (!own)
		return;
	umd_dma_space_finish(&own->space);
	umd_dma_client_finish(&own->client);
	free(own);
}

static int unmap(struct umd_dma_space *space, const struct umd_dma_change *change)
{
	if (change->iova || change->size)
		return umd_dma_space_unmap(space, change->iova, change->size);
	umd_dma_space_unmap_all(space);
	return 0;
}

static int make(struct umd_dma_space *space, const struct umd_dma_change *change)
{
	const struct umd_dma_source source = {.kind = change->kind,
					      .fd = change->fd,
					      .offset = change->offset,
					      .address = change->address};

	if (change->unmap)
		return unmap(space, change);
	if ((unsigned int)change->kind >= UMD_DMA_KINDS)
		return -EINVAL;
	return umd_dma_space_map(space, change->iova, change->size, change->prot, &source);
}

UMD_EXPORT int umd_dma_space_change(struct umd_dma_space *space,
				    const struct umd_dma_change *changes, size_t count,
				    size_t *ret_done)
{
	size_t done = 0;
	int err = 0;

	while (done < count && !(err = make(space, &changes[done])))
		done++;
	if (ret_done)
		*ret_done = done;
	return err;
}
