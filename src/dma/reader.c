/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/export.h"

UMD_EXPORT int umd_dma_reader_create(struct umd_dma_space *space, unsigned int flags,
				     struct umd_dma_reader **ret)
{
	struct umd_dma_wake *wake = &space->client->wake;
	struct umd_dma_reader *reader;
	int err = flags & ~UMD_DMA_READER_NO_SIGBUS ? -EINVAL : umd_dma_wake_open(wake);

	if (!err && !(flags & UMD_DMA_READER_NO_SIGBUS))
		err = umd_dma_guard_install();
	if (err)
		return err;
	reader = aligned_alloc(_Alignof(struct umd_dma_reader), sizeof(*reader));
	if (!reader)
		return -ENOMEM;

	*reader = (struct umd_dma_reader){
		.space = space, .epochs = &space->table.epochs, .wake = wake};
	umd_dma_epochs_join(&space->table.epochs, &reader->visit);
	if (reader->visit.fences)
		__atomic_store_n(&wake->fences, true, __ATOMIC_RELAXED);
	umd_dma_pins_adopt(&space->pins, &reader->cursor);
	*ret = reader;
	return 0;
}

UMD_EXPORT void umd_dma_reader_destroy(struct umd_dma_reader *reader)
{
	struct umd_dma_space *space;

	if (!reader)
		return;
	space = reader->space;
	umd_dma_pins_leave(&reader->cursor);
	umd_dma_epochs_part(&space->table.epochs, &reader->visit);
	umd_dma_holds_settle(space);
	free(reader);
}

UMD_EXPORT void umd_dma_enter(struct umd_dma_reader *reader)
{
	umd_dma_visit_enter(&reader->visit, reader->epochs);
}

UMD_EXPORT void umd_dma_leave(struct umd_dma_reader *reader)
{
	umd_dma_visit_leave(&reader->visit);
	umd_dma_wake_tell(reader->wake);
}

UMD_EXPORT void umd_dma_mark(struct umd_dma_reader *reader, uint64_t iova, size_t size)
{
	if (size)
		umd_dma_dirty_mark(&reader->space->dirty, iova, size);
}

/* Where a page's map is remembered: maps at any regular distance spread well. */
static inline unsigned int place_of(uint64_t iova)
{
	return (uint32_t)(iova / UMD_DMA_PAGE) * 0x9e3779b1u >> 26;
}

/* Before there has been a loss at all, nothing of the hold is looked at: it may be far. */
static inline bool is_lost(const struct umd_dma_map *map)
{
	return __builtin_expect(__atomic_load_n(&umd_dma_guard_losses, __ATOMIC_ACQUIRE), 0) &&
	       map->hold && umd_dma_memory_is_lost(map->hold->memory);
}

/* Looks up in the table, and fills `slice`. */
static int look_up(const struct umd_dma_reader *reader, uint64_t iova, struct umd_dma_slice *slice)
{
	const struct umd_dma_space *space = reader->space;
	const struct umd_dma_map *end, *map = umd_dma_table_read(&space->table, iova, &end);
	uint32_t prot = map ? __atomic_load_n(&map->prot, __ATOMIC_ACQUIRE) : 0;

	if (__atomic_load_n(&space->closed, __ATOMIC_ACQUIRE))
		return -ENODEV;
	if (!prot || is_lost(map))
		return -EFAULT;

	slice->iova = map->iova;
	slice->behind = map->size - 1;
	slice->base = __atomic_load_n(&map->base, __ATOMIC_RELAXED);
	slice->hold = map->hold;
	slice->prot = prot;
	return 0;
}

/*
 * Finds the map that `iova` lies in. The slice holds until the reader finds another; its memory,
 * until the reader leaves.
 */
static inline int find(struct umd_dma_reader *reader, uint64_t now, uint64_t iova,
		       const struct umd_dma_slice **ret)
{
	struct umd_dma_slice *slice = &reader->slices[place_of(iova)];

	/* One branch: on which side of the map another one lies is a toss-up. */
	if ((slice->epoch != now) | (iova - slice->iova > slice->behind)) {
		int err;

		slice->epoch = 0;
		err = look_up(reader, iova, slice);
		if (err)
			return err;
		/* Since before it was looked up: what is unmapped meanwhile is looked up again. */
		slice->epoch = now;
	}
	*ret = slice;
	return 0;
}

/* Writes a segment, in place: a copy would wait for what was just stored. Returns its size. */
static inline size_t put_segment(struct umd_dma_segment *segment, uint8_t *base, uint64_t behind,
				 size_t size, struct umd_dma_hold *hold)
{
	segment->base = base;
	segment->size = behind < size - 1 ? (size_t)behind + 1 : size;
	segment->own = hold;
	segment->pin = NULL;
	return segment->size;
}

/* What a map that was found in the table is good for: 0, or an error. */
static inline int check_map(const struct umd_dma_space *space, const struct umd_dma_map *map,
			    uint32_t prot)
{
	uint32_t granted = map ? __atomic_load_n(&map->prot, __ATOMIC_ACQUIRE) : 0;

	if (__atomic_load_n(&space->closed, __ATOMIC_ACQUIRE))
		return -ENODEV;
	if (!granted || (granted & prot) != prot)
		return -EFAULT;
	if (!map->hold)
		return -EREMOTE;
	return is_lost(map) ? -EFAULT : 0;
}

/* The maps behind the first: neighbours in the table, as a rule. */
static int resolve_more(const struct umd_dma_space *space, uint64_t iova, size_t size,
			uint32_t prot, struct umd_dma_segment *segments, unsigned int room)
{
	const struct umd_dma_map *map = NULL, *end = NULL;
	unsigned int count = 0;

	while (size) {
		uint64_t at;
		size_t taken;
		int err;

		if (!map || ++map == end || map->iova != iova)
			map = umd_dma_table_read(&space->table, iova, &end);
		err = check_map(space, map, prot);
		if (!err && count == room)
			err = -E2BIG;
		if (err)
			return err;

		at = iova - map->iova;
		taken = put_segment(&segments[count++],
				    __atomic_load_n(&map->base, __ATOMIC_RELAXED) + at,
				    map->size - 1 - at, size, map->hold);
		iova += taken;
		size -= taken;
	}
	return (int)count;
}

UMD_EXPORT int umd_dma_resolve(struct umd_dma_reader *reader, uint64_t iova, size_t size,
			       uint32_t prot, struct umd_dma_segment *ret_segments,
			       unsigned int room)
{
	const struct umd_dma_slice *slice;
	uint64_t at;
	size_t taken;
	int err;

	if (!size)
		return 0;
	if (iova > UINT64_MAX - (size - 1))
		return -EFAULT;
	err = find(reader, umd_dma_epochs_now(reader->epochs), iova, &slice);
	if (err)
		return err;
	if ((slice->prot & prot) != prot)
		return -EFAULT;
	if (!slice->base)
		return -EREMOTE;
	if (!room)
		return -E2BIG;

	at = iova - slice->iova;
	taken = put_segment(ret_segments, slice->base + at, slice->behind - at, size, slice->hold);
	if (taken == size)
		return 1;
	err = resolve_more(reader->space, iova + taken, size - taken, prot, ret_segments + 1,
			   room - 1);
	return err < 0 ? err : 1 + err;
}
