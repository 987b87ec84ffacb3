/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/way.h"

#include <errno.h>
#include <stdlib.h>

#include "dma/client.h"

#define PAGE 4096u

/* ---- By fd --------------------------------------------------------------------------------- */

static int get_file(struct umd_dma_client *client, const struct umd_dma_source *source,
		    uint64_t size, uint32_t prot, struct umd_dma_memory **ret_memory,
		    uint64_t *ret_offset)
{
	struct umd_dma_file *file;
	uint64_t end;
	int err;

	if (source->offset % PAGE)
		return -EINVAL;
	if (__builtin_add_overflow(source->offset, size, &end) || end > INT64_MAX)
		return -EOVERFLOW;

	err = umd_dma_files_get(&client->files, source->fd, end, prot & UMD_DMA_WRITE, &file);
	if (err)
		return err;
	*ret_memory = &file->memory;
	*ret_offset = source->offset;
	return 0;
}

static void put_file(struct umd_dma_client *client, struct umd_dma_memory *memory)
{
	umd_dma_files_put(&client->files, umd_dma_file_of(memory));
}

static uint8_t *map_file_again(struct umd_dma_memory *memory)
{
	return umd_dma_file_map_again(umd_dma_file_of(memory));
}

static const struct umd_dma_way by_fd = {
	.get = get_file, .put = put_file, .map_again = map_file_again, .unmap = umd_dma_file_unmap};

/* ---- By address ---------------------------------------------------------------------------- */

static const struct umd_dma_way by_address;

static int get_address(struct umd_dma_client *client, const struct umd_dma_source *source,
		       uint64_t size, uint32_t prot, struct umd_dma_memory **ret_memory,
		       uint64_t *ret_offset)
{
	struct umd_dma_memory *memory;

	if (!source->address)
		return -EINVAL;
	if (size > SIZE_MAX - (uintptr_t)source->address)
		return -EOVERFLOW;
	memory = malloc(sizeof(*memory));
	if (!memory)
		return -ENOMEM;

	*memory = (struct umd_dma_memory){
		.way = &by_address, .base = source->address, .length = (size_t)size, .refs = 1};
	*ret_memory = memory;
	*ret_offset = 0;
	return 0;
}

static void put_address(struct umd_dma_client *client, struct umd_dma_memory *memory)
{
	if (--memory->refs == 0)
		free(memory);
}

static const struct umd_dma_way by_address = {.get = get_address, .put = put_address};

/* ---- By message ---------------------------------------------------------------------------- */

static int get_message(struct umd_dma_client *client, const struct umd_dma_source *source,
		       uint64_t size, uint32_t prot, struct umd_dma_memory **ret_memory,
		       uint64_t *ret_offset)
{
	*ret_memory = NULL;
	*ret_offset = 0;
	return 0;
}

static const struct umd_dma_way by_message = {.get = get_message};

const struct umd_dma_way *const umd_dma_ways[UMD_DMA_KINDS] = {
	[UMD_DMA_BY_FD] = &by_fd,
	[UMD_DMA_BY_ADDRESS] = &by_address,
	[UMD_DMA_BY_MESSAGE] = &by_message,
};
