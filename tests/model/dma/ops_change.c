/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps and unmaps, one and several at a time. */
#include "ops.h"

#define BATCH	 6u
#define HOLE_MAX (64 * MEMORY_PAGE)

/* ---- What to map --------------------------------------------------------------------------- */

static uint64_t choose_map_iova(struct rig *rig)
{
	const struct ref_map *map = rig_choose_map(rig);

	switch (rig_below(rig, 10)) {
	case 0: /* right behind a map, or right before it */
	case 1:
	case 2:
	case 3:
		if (map)
			return rig_chance(rig, 50) ? map->last + 1 : map->iova - MEMORY_PAGE;
		break;
	case 4:
		if (rig_chance(rig, 20))
			return rig_choose_page(rig) * MEMORY_PAGE + 1 + rig_below(rig, 4095);
		break;
	default:
		break;
	}
	return rig_choose_page(rig) * MEMORY_PAGE;
}

static uint64_t choose_map_size(struct rig *rig, uint64_t iova)
{
	uint64_t pages = 1 + rig_below(rig, rig_chance(rig, 60) ? 2 : 12);

	switch (rig_below(rig, 200)) {
	case 0:
		return 0;
	case 1:
		return pages * MEMORY_PAGE - 1 - rig_below(rig, 4095);
	case 2: /* to the end of the address space, or one page further */
		return 0 - iova + rig_below(rig, 2) * MEMORY_PAGE;
	case 3:
		return UINT64_C(1) << (47 + rig_below(rig, 17));
	case 4:
		return UINT64_MAX - 4095;
	case 5:
	case 6:
		return (30 + rig_below(rig, 300)) * MEMORY_PAGE;
	default:
		return pages * MEMORY_PAGE;
	}
}

/* Sometimes just what fits between two maps. */
static uint64_t choose_fitting_size(struct rig *rig, uint64_t iova)
{
	uint64_t gap = rig_chance(rig, 20) ? ref_gap(&rig->ref, iova, HOLE_MAX) : 0;

	return gap && gap < HOLE_MAX ? gap : choose_map_size(rig, iova);
}

static uint32_t choose_prot(struct rig *rig)
{
	static const uint32_t bad[] = {
		0, 16, UMD_DMA_EXECUTE, UMD_DMA_READ | 32, UINT32_MAX, UMD_DMA_PRIVILEGED};
	uint32_t prot = rig_choose_prot(rig, 60);

	if (rig_chance(rig, 2))
		return bad[rig_below(rig, UNIT_COUNT(bad))];
	if (rig_chance(rig, 10))
		prot |= UMD_DMA_EXECUTE;
	if (rig_chance(rig, 10))
		prot |= UMD_DMA_PRIVILEGED;
	return prot;
}

static uint64_t choose_offset(struct rig *rig, const struct memory *memory)
{
	static const uint64_t far[] = {UINT64_C(1) << 63, (UINT64_C(1) << 63) - 4096,
				       UINT64_MAX - 4095};

	if (rig_chance(rig, 1))
		return far[rig_below(rig, UNIT_COUNT(far))];
	if (rig_chance(rig, 1))
		return 1 + rig_below(rig, 4095);
	return rig_below(rig, memory->room + (rig_chance(rig, 5) ? 8 : 0)) * MEMORY_PAGE;
}

static void choose_file(struct rig *rig, struct ref_change *change)
{
	const struct memory *memory = &rig->memories[change->memory];

	change->fd_kind = (enum memory_fd)rig_below(rig, MEMORY_FD_WRITE + 1);
	if (rig_chance(rig, 60))
		change->fd_kind = MEMORY_FD_BOTH;
	/* Older kernels map what is sealed against writes by an fd that can only read. */
	if (memory->kind == MEMORY_SEALED)
		change->fd_kind = MEMORY_FD_READ;
	change->change.fd = memory->fds[change->fd_kind];
	change->change.offset = choose_offset(rig, memory);
	if (rig_chance(rig, 1)) {
		change->fd_kind = MEMORY_FD_FOREIGN;
		change->change.fd = rig->foreign[rig_below(rig, UNIT_COUNT(rig->foreign))];
	}
}

/* By address nothing is mapped but what is there; more of it goes by message. */
static void choose_address(struct rig *rig, struct ref_change *change)
{
	const struct memory *memory = &rig->memories[change->memory];
	struct umd_dma_change *map = &change->change;

	map->offset = rig_below(rig, memory->room) * MEMORY_PAGE;
	map->address = memory->view + map->offset;
	if (map->size > memory->room * MEMORY_PAGE - map->offset)
		map->kind = UMD_DMA_BY_MESSAGE;
}

static struct ref_change choose_map(struct rig *rig)
{
	struct ref_change change = {.memory = (unsigned int)rig_below(rig, RIG_MEMORIES)};
	struct umd_dma_change *map = &change.change;

	change.memory_kind = rig->memories[change.memory].kind;
	map->iova = choose_map_iova(rig);
	map->size = choose_fitting_size(rig, map->iova);
	map->prot = choose_prot(rig);
	map->fd = -1;
	if (rig_chance(rig, 10)) {
		map->kind = UMD_DMA_BY_MESSAGE;
	} else if (change.memory_kind == MEMORY_ADDRESS) {
		map->kind = UMD_DMA_BY_ADDRESS;
		choose_address(rig, &change);
	} else {
		choose_file(rig, &change);
	}
	if (rig_chance(rig, 1))
		map->kind = rig_chance(rig, 50) ? UMD_DMA_KINDS : (enum umd_dma_kind)0x7fffffff;
	return change;
}

/* ---- What to unmap ------------------------------------------------------------------------- */

static struct umd_dma_change unmap_of(uint64_t iova, uint64_t size)
{
	return (struct umd_dma_change){.unmap = true, .iova = iova, .size = size};
}

/* Another map not far away, if one is soon found. */
static const struct ref_map *choose_neighbour(struct rig *rig, const struct ref_map *map)
{
	for (int i = 0; i < 6; i++) {
		const struct ref_map *other = rig_choose_map(rig);

		if (other->iova - map->iova < 32 * MEMORY_PAGE)
			return other;
	}
	return map;
}

/* From the beginning of one map to the end of another, and sometimes a little more or less. */
static struct umd_dma_change choose_span(struct rig *rig)
{
	const struct ref_map *from = rig_choose_map(rig), *to = rig_choose_map(rig);
	uint64_t iova, last;

	if (!from)
		return unmap_of(rig_choose_page(rig) * MEMORY_PAGE, MEMORY_PAGE);
	if (!rig_chance(rig, 1))
		to = rig_chance(rig, 80) ? from : choose_neighbour(rig, from);
	iova = from->iova < to->iova ? from->iova : to->iova;
	last = from->iova < to->iova ? to->last : from->last;
	if (rig_chance(rig, 10) && iova)
		iova += rig_chance(rig, 50) ? MEMORY_PAGE : -(uint64_t)MEMORY_PAGE;
	if (rig_chance(rig, 10) && last != UINT64_MAX)
		last += rig_chance(rig, 50) ? MEMORY_PAGE : -(uint64_t)MEMORY_PAGE;
	return unmap_of(iova, last - iova + 1);
}

static struct umd_dma_change choose_odd(struct rig *rig)
{
	uint64_t iova = rig_choose_page(rig) * MEMORY_PAGE;

	switch (rig_below(rig, 7)) {
	case 0:
		return unmap_of(iova + 1 + rig_below(rig, 4095), MEMORY_PAGE);
	case 1:
		return unmap_of(iova, 1 + rig_below(rig, 4095));
	case 2:
		return unmap_of(iova, 0);
	case 3: /* exactly to the end of the address space, or beyond */
		return unmap_of(iova, 0 - iova + rig_below(rig, 2) * MEMORY_PAGE);
	case 4:
		return unmap_of(iova, UINT64_MAX - 4095);
	case 5:
		return unmap_of(0, UINT64_C(1) << 63);
	default:
		return unmap_of(0, 0);
	}
}

static struct umd_dma_change choose_unmap(struct rig *rig)
{
	uint64_t pages;

	if (rig_chance(rig, 2))
		return choose_odd(rig);
	if (rig_chance(rig, 85))
		return choose_span(rig);
	pages = 1 + rig_below(rig, 20);
	return unmap_of(rig_choose_page(rig) * MEMORY_PAGE, pages * MEMORY_PAGE);
}

/* ---- Doing it ------------------------------------------------------------------------------ */

static void note(struct rig *rig, const struct umd_dma_change *change)
{
	rig_note(rig, change->iova);
	rig_note(rig, change->size);
	if (change->unmap)
		return;
	rig_note(rig, change->prot);
	rig_note(rig, (uint64_t)change->kind << 32 | (uint32_t)change->fd);
	rig_note(rig, change->offset);
}

static struct ref_change choose(struct rig *rig)
{
	struct ref_change change = {.memory = 0};

	if (!rig_chance(rig, rig->shrinking))
		change = choose_map(rig);
	else
		change.change = choose_unmap(rig);
	note(rig, &change.change);
	return change;
}

static void count(struct rig *rig, const struct ref_change *change, unsigned int before)
{
	const struct umd_dma_change *made = &change->change;

	if (!made->unmap)
		rig_saw(rig, RIG_SAW_MAPPED);
	else if (rig->ref.count + 1 == before)
		rig_saw(rig, RIG_SAW_UNMAPPED);
	else if (rig->ref.count < before && made->size == 0)
		rig_saw(rig, RIG_SAW_UNMAPPED_ALL);
	else if (rig->ref.count < before)
		rig_saw(rig, RIG_SAW_UNMAPPED_MANY);
}

/* The reference first: what is chosen depends on what came before in the batch. */
static unsigned int try_reference(struct rig *rig, struct umd_dma_change *changes, size_t size,
				  size_t *ret_made, size_t *ret_chosen)
{
	unsigned int reasons = 0;
	size_t i = 0;

	*ret_made = 0;
	for (; i < size && !reasons; i++) {
		struct ref_change change = choose(rig);
		unsigned int before = rig->ref.count;

		changes[i] = change.change;
		reasons = ref_change(&rig->ref, &change);
		if (reasons)
			continue;
		++*ret_made;
		count(rig, &change, before);
	}
	/* What comes behind the one that fails must not be looked at. */
	for (; i < size; i++)
		changes[i] = (struct umd_dma_change){.unmap = true};
	*ret_chosen = size;
	return reasons;
}

static void change(struct rig *rig, size_t size)
{
	struct umd_dma_change changes[BATCH];
	size_t done = SIZE_MAX, made, chosen;
	unsigned int reasons = try_reference(rig, changes, size, &made, &chosen);
	bool tells = rig_chance(rig, 90);
	int err = umd_dma_space_change(rig->space, changes, chosen, tells ? &done : NULL);

	rig_expect_result(rig, "umd_dma_space_change()", err, reasons, 0);
	rig_expect(rig, "0 or an error", err <= 0);
	if (tells && done != made)
		rig_wrong(rig, "changes made", (int64_t)done, (int64_t)made);
	if (reasons && size > 1)
		rig_saw(rig, RIG_SAW_BATCH_CUT_SHORT);
}

static struct ref_change map_of_page(struct rig *rig, uint64_t page)
{
	const struct memory *memory = &rig->memories[0];
	struct ref_change change = {.memory_kind = memory->kind, .fd_kind = MEMORY_FD_BOTH};

	change.change = (struct umd_dma_change){
		.iova = page * MEMORY_PAGE,
		.size = MEMORY_PAGE,
		.prot = UMD_DMA_READ | UMD_DMA_WRITE,
		.kind = rig_chance(rig, 90) ? UMD_DMA_BY_FD : UMD_DMA_BY_MESSAGE,
		.fd = memory->fds[MEMORY_FD_BOTH],
		.offset = rig_below(rig, memory->room) * MEMORY_PAGE,
	};
	return change;
}

/* Many maps of a page each in a row, with and without gaps. */
static void crowd(struct rig *rig)
{
	uint64_t page = rig_choose_page(rig);
	uint64_t pages = !rig->is_crowded ? 0 : 50 + rig_below(rig, 300);
	unsigned int gaps = (unsigned int)rig_below(rig, 60);

	for (uint64_t i = 0; i < pages && !rig->mismatch[0] && !rig_is_spent(rig); i++) {
		struct ref_change map = map_of_page(rig, page + i);
		unsigned int reasons;

		if (rig_chance(rig, gaps))
			continue;
		reasons = ref_change(&rig->ref, &map);
		rig_expect_result(rig, "a map of many",
				  umd_dma_space_change(rig->space, &map.change, 1, NULL), reasons,
				  0);
	}
	if (rig->ref.count > 400)
		rig_saw(rig, RIG_SAW_CROWD);
}

static void change_one(struct rig *rig)
{
	change(rig, 1);
}

static void change_several(struct rig *rig)
{
	change(rig, rig_below(rig, BATCH + 1));
}

/* Spaces fill and empty. */
static void turn(struct rig *rig)
{
	static const unsigned int percents[] = {10, 20, 40, 60};

	rig->shrinking = percents[rig_below(rig, UNIT_COUNT(percents))];
}

static void renew(struct rig *rig)
{
	if (rig_chance(rig, 20) || rig_is_spent(rig))
		rig_renew(rig);
}

const struct rig_op rig_change_ops[] = {
	{"change", 200, change_one}, {"change several", 60, change_several},
	{"crowd", 8, crowd},	     {"turn", 1, turn},
	{"renew", 1, renew},
};
const unsigned int rig_change_op_count = UNIT_COUNT(rig_change_ops);
