/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/reader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/export.h"

/* The owner's fence does not reach those who wake him, nor those who ask whether memory was lost.
 */
static void let_others_fence(struct umd_dma_wake *wake)
{
	__atomic_store_n(&wake->fences, true, __ATOMIC_RELAXED);
	if (!umd_dma_guard_fences)
		umd_dma_guard_fences = true;
}

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
		let_others_fence(wake);
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

/* What a map that was found in the table is good for: 0, or an error. */
static inline int check_map(const struct umd_dma_space *space, const struct umd_dma_map *map,
			    uint32_t rights)
{
	uint32_t granted = map ? __atomic_load_n(&map->prot, __ATOMIC_ACQUIRE) : 0;

	if (__atomic_load_n(&space->closed, __ATOMIC_ACQUIRE))
		return -ENODEV;
	if (!granted || (granted & rights) != rights)
		return -EFAULT;
	if (!map->hold)
		return -EREMOTE;
	return is_lost(map) ? -EFAULT : 0;
}

/*
 * Remembers a map as of an epoch that had begun before it was looked up: what is unmapped meanwhile
 * is looked up again. What it grants is read once more, and may be nothing by now.
 */
static inline void remember(struct umd_dma_slice *slice, uint64_t epoch,
			    const struct umd_dma_map *map)
{
	slice->iova = map->iova;
	slice->behind = map->size - 1;
	slice->base = __atomic_load_n(&map->base, __ATOMIC_RELAXED);
	slice->hold = map->hold;
	slice->prot = __atomic_load_n(&map->prot, __ATOMIC_RELAXED);
	slice->epoch = epoch;
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

/*
 * Resolves by the table; maps that follow each other are neighbours there, as a rule.
 *
 * @param slice where the first map is to be remembered; NULL: nowhere
 */
__attribute__((noinline)) static int
resolve_far(const struct umd_dma_reader *reader, struct umd_dma_slice *slice, uint64_t iova,
	    size_t size, uint32_t rights, struct umd_dma_segment *segments, unsigned int room)
{
	const struct umd_dma_space *space = reader->space;
	uint64_t epoch = umd_dma_epochs_now(reader->epochs);
	struct umd_dma_found found = {NULL, NULL};
	unsigned int count = 0;

	while (size) {
		const struct umd_dma_map *map;
		uint64_t at;
		size_t taken;
		int err;

		if (!found.map || ++found.map == found.end || found.map->iova != iova)
			found = umd_dma_table_read(&space->table, iova);
		map = found.map;
		err = check_map(space, map, rights);
		if (!err && count == room)
			err = -E2BIG;
		if (err)
			return err;
		if (slice && !count)
			remember(slice, epoch, map);

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
	struct umd_dma_slice *slice = &reader->slices[place_of(iova)];
	uint64_t at = iova - slice->iova;
	uint32_t rights = umd_dma_rights(prot);
	size_t taken;
	int more;

	if (!size)
		return 0;
	if (iova > UINT64_MAX - (size - 1))
		return -EFAULT;
	if (slice->epoch != umd_dma_epochs_now(reader->epochs) || at > slice->behind ||
	    (slice->prot & rights) != rights || !room)
		return resolve_far(reader, slice, iova, size, rights, ret_segments, room);

	taken = put_segment(ret_segments, slice->base + at, slice->behind - at, size, slice->hold);
	if (taken == size)
		return 1;
	more = resolve_far(reader, NULL, iova + taken, size - taken, rights, ret_segments + 1,
			   room - 1);
	return more < 0 ? more : 1 + more;
}
