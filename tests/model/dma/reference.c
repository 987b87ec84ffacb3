/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference.h"

#include <errno.h>
#include <string.h>

#define PAGE	    4096u
#define MAPS_MAX    65535u
#define HUGE_PAGES  (UINT64_C(1) << 34) /* more than an address space of 47 bits can hold */
#define HUGE_OFFSET ((UINT64_C(1) << 63) - PAGE) /* no file has a byte behind it */

static const struct {
	unsigned int reason;
	int error;
} errors[] = {
	{REF_INVAL, -EINVAL},	    {REF_OVERFLOW, -EOVERFLOW}, {REF_EXIST, -EEXIST},
	{REF_NOSPC, -ENOSPC},	    {REF_NOMEM, -ENOMEM},	{REF_ACCES, -EACCES},
	{REF_MEDIUM, -EMEDIUMTYPE}, {REF_FAULT, -EFAULT},	{REF_REMOTE, -EREMOTE},
	{REF_TOOBIG, -E2BIG},
};

bool ref_allows(unsigned int reasons, int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if ((reasons & errors[i].reason) && errors[i].error == error)
			return true;
	}
	return false;
}

void ref_init(struct ref *ref, const struct umd_dma_space_options *options)
{
	memset(ref, 0, sizeof(*ref));
	ref->max_maps = options->max_maps ? options->max_maps : MAPS_MAX;
	ref->max_pages = options->max_mapped_bytes ? options->max_mapped_bytes / PAGE : UINT64_MAX;
	ref->max_pinned = options->max_pinned_bytes;
}

static unsigned int check_range(uint64_t iova, uint64_t size)
{
	unsigned int reasons = 0;

	if (size == 0 || size % PAGE || iova % PAGE)
		reasons |= REF_INVAL;
	if (size && iova > UINT64_MAX - (size - 1))
		reasons |= REF_OVERFLOW;
	return reasons;
}

/* ---- Mapping ------------------------------------------------------------------------------- */

static bool can_write(const struct ref_change *change)
{
	return change->memory_kind == MEMORY_PLAIN && change->fd_kind == MEMORY_FD_BOTH;
}

static unsigned int check_fd(const struct ref_change *change)
{
	const struct umd_dma_change *map = &change->change;
	unsigned int reasons = 0;

	if (map->offset % PAGE)
		reasons |= REF_INVAL;
	if (map->offset >= HUGE_OFFSET || map->size / PAGE >= HUGE_PAGES)
		reasons |= REF_OVERFLOW | REF_NOMEM;
	if (change->fd_kind == MEMORY_FD_FOREIGN)
		return reasons | REF_MEDIUM;
	if (change->fd_kind == MEMORY_FD_WRITE)
		return reasons | REF_MEDIUM | REF_ACCES; /* nothing can be mapped by it */
	if ((map->prot & UMD_DMA_WRITE) && !can_write(change))
		reasons |= REF_ACCES;
	return reasons;
}

static bool overlaps(const struct ref *ref, uint64_t iova, uint64_t last)
{
	for (unsigned int i = 0; i < ref->count; i++) {
		if (ref->maps[i].iova <= last && ref->maps[i].last >= iova)
			return true;
	}
	return false;
}

static unsigned int check_map(const struct ref *ref, const struct ref_change *change)
{
	const struct umd_dma_change *map = &change->change;
	unsigned int reasons = check_range(map->iova, map->size);

	if (!(map->prot & (UMD_DMA_READ | UMD_DMA_WRITE)) ||
	    (map->prot & ~(UMD_DMA_READ | UMD_DMA_WRITE | UMD_DMA_EXECUTE | UMD_DMA_PRIVILEGED)))
		reasons |= REF_INVAL;
	if ((unsigned int)map->kind >= UMD_DMA_KINDS)
		reasons |= REF_INVAL;
	if (!(reasons & REF_OVERFLOW) && map->size &&
	    overlaps(ref, map->iova, map->iova + (map->size - 1)))
		reasons |= REF_EXIST;
	if (ref->count >= ref->max_maps)
		reasons |= REF_NOSPC;
	if (map->size / PAGE > ref->max_pages - ref->pages)
		reasons |= REF_NOMEM;
	return map->kind == UMD_DMA_BY_FD ? reasons | check_fd(change) : reasons;
}

static unsigned int add_map(struct ref *ref, const struct ref_change *change)
{
	const struct umd_dma_change *map = &change->change;
	unsigned int reasons = check_map(ref, change);

	if (reasons)
		return reasons;
	ref->maps[ref->count++] = (struct ref_map){
		.iova = map->iova,
		.last = map->iova + (map->size - 1),
		.prot = map->prot,
		.kind = map->kind,
		.memory = change->memory,
		.offset = map->offset,
		.id = ++ref->last_id,
	};
	ref->pages += map->size / PAGE;
	return 0;
}

/* ---- Unmapping ----------------------------------------------------------------------------- */

static bool is_cut(const struct ref_map *map, uint64_t iova, uint64_t last)
{
	return map->iova <= last && map->last >= iova && (map->iova < iova || map->last > last);
}

static void remove_maps(struct ref *ref, uint64_t iova, uint64_t last)
{
	for (unsigned int i = 0; i < ref->count;) {
		const struct ref_map *map = &ref->maps[i];

		if (map->iova < iova || map->last > last) {
			i++;
			continue;
		}
		ref->gone_at[map->id] = ref->now;
		ref->pages -= (map->last - map->iova) / PAGE + 1;
		ref->maps[i] = ref->maps[--ref->count];
	}
}

static unsigned int unmap(struct ref *ref, uint64_t iova, uint64_t size)
{
	bool all = iova == 0 && size == 0;
	unsigned int reasons = all ? 0 : check_range(iova, size);
	uint64_t last = iova + (size - 1);

	for (unsigned int i = 0; i < ref->count && !all && !(reasons & REF_OVERFLOW); i++) {
		if (size && is_cut(&ref->maps[i], iova, last))
			reasons |= REF_INVAL;
	}
	if (!reasons)
		remove_maps(ref, iova, last);
	return reasons;
}

unsigned int ref_change(struct ref *ref, const struct ref_change *change)
{
	if (change->change.unmap)
		return unmap(ref, change->change.iova, change->change.size);
	return add_map(ref, change);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

static void insert(struct ref_piece *pieces, unsigned int count, const struct ref_piece *piece)
{
	unsigned int i = count;

	for (; i > 0 && pieces[i - 1].iova > piece->iova; i--)
		pieces[i] = pieces[i - 1];
	pieces[i] = *piece;
}

static struct ref_piece cut(const struct ref_map *map, uint64_t iova, uint64_t last)
{
	uint64_t from = map->iova > iova ? map->iova : iova;
	uint64_t to = map->last < last ? map->last : last;

	return (struct ref_piece){
		.iova = from,
		.size = to - from + 1,
		.memory = map->memory,
		.offset = map->offset + (from - map->iova),
		.kind = map->kind,
		.map = map->id,
	};
}

static bool allows(uint32_t map, uint32_t access)
{
	uint32_t wanted = access & ~UMD_DMA_PRIVILEGED;

	return (map & wanted) == wanted &&
	       (!(map & UMD_DMA_PRIVILEGED) || (access & UMD_DMA_PRIVILEGED));
}

unsigned int ref_find(const struct ref *ref, uint64_t iova, uint64_t size, uint32_t prot,
		      struct ref_piece *ret_pieces, unsigned int room, unsigned int *ret_count)
{
	unsigned int reasons = 0, count = 0;
	uint64_t last = iova + (size - 1), covered = 0;

	*ret_count = 0;
	if (size == 0)
		return 0;
	if (last < iova)
		return REF_FAULT;

	for (unsigned int i = 0; i < ref->count; i++) {
		const struct ref_map *map = &ref->maps[i];
		struct ref_piece piece;

		if (map->iova > last || map->last < iova)
			continue;
		piece = cut(map, iova, last);
		covered += piece.size;
		if (!allows(map->prot, prot))
			reasons |= REF_FAULT;
		if (map->kind == UMD_DMA_BY_MESSAGE)
			reasons |= REF_REMOTE;
		if (count < room)
			insert(ret_pieces, count, &piece);
		count++;
	}
	*ret_count = count;
	return covered == size ? reasons : reasons | REF_FAULT;
}

const struct ref_map *ref_at(const struct ref *ref, uint64_t iova)
{
	for (unsigned int i = 0; i < ref->count; i++) {
		if (ref->maps[i].iova <= iova && iova <= ref->maps[i].last)
			return &ref->maps[i];
	}
	return NULL;
}

uint64_t ref_gap(const struct ref *ref, uint64_t iova, uint64_t limit)
{
	uint64_t gap = limit;

	for (unsigned int i = 0; i < ref->count; i++) {
		const struct ref_map *map = &ref->maps[i];

		if (map->last >= iova && map->iova <= iova)
			return 0;
		if (map->iova > iova && map->iova - iova < gap)
			gap = map->iova - iova;
	}
	return gap;
}

bool ref_uses(const struct ref *ref, unsigned int memory)
{
	for (unsigned int i = 0; i < ref->count; i++) {
		if (ref->maps[i].kind != UMD_DMA_BY_MESSAGE && ref->maps[i].memory == memory)
			return true;
	}
	return false;
}
