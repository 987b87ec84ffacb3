/* SPDX-License-Identifier: BSD-2-Clause */
/* What whoever owns the memory does to it behind the space's back. */
#include "ops.h"

static struct memory *choose_memory(struct rig *rig)
{
	unsigned int i = (unsigned int)rig_below(rig, RIG_MEMORIES);

	rig_note(rig, i);
	return &rig->memories[i];
}

static void fill(struct rig *rig)
{
	struct memory *memory = choose_memory(rig);
	uint64_t page;

	if (!memory_is_writable(memory) || !memory->pages)
		return;
	page = rig_below(rig, memory->pages);
	memory_fill(memory, page * MEMORY_PAGE + rig_below(rig, 2000), 1 + rig_below(rig, 2000),
		    &rig->random);
}

static void punch(struct rig *rig)
{
	struct memory *memory = choose_memory(rig);
	uint64_t page;

	if (memory->kind != MEMORY_PLAIN || !memory->pages)
		return;
	page = rig_below(rig, memory->pages);
	memory_punch(memory, page, 1 + rig_below(rig, memory->pages - page));
}

static void cut_off(struct rig *rig)
{
	struct memory *memory = choose_memory(rig);

	if (memory->kind != MEMORY_PLAIN || !memory->pages || rig->is_crowded ||
	    rig_chance(rig, 40))
		return;
	memory_resize(memory, rig_below(rig, memory->pages));
	rig_note(rig, memory->pages);
}

/* Nobody has what was put in the place of what was cut off. */
static bool is_forgotten(struct rig *rig, unsigned int i)
{
	if (ref_uses(&rig->ref, i) || rig_is_in_use(rig, i))
		return false;
	return umd_dma_space_is_quiet(rig->space, umd_dma_space_mark(rig->space));
}

/*
 * Files grow again, full of zeros. Where a part that had been cut off was touched, that part's
 * place may be taken by something else for as long as the file is mapped.
 */
static void grow_one(struct rig *rig, struct memory *memory)
{
	if (memory->pages == memory->room)
		return;
	if (memory->shaky && !is_forgotten(rig, (unsigned int)(memory - rig->memories)))
		return;
	if (memory->shaky)
		rig_saw(rig, RIG_SAW_REGROWN);
	memory->shaky = false;
	memory_resize(memory, memory->room);
}

static void grow(struct rig *rig)
{
	grow_one(rig, choose_memory(rig));
}

/* Unmaps all, so that there is a beginning for files that have been cut. */
static void restore(struct rig *rig)
{
	const struct ref_change all = {.change = {.unmap = true}};
	bool any = false;

	for (unsigned int i = 0; i < RIG_MEMORIES; i++)
		any |= rig->memories[i].shaky;
	if (!any)
		return;

	for (unsigned int i = 0; i < RIG_READERS; i++)
		rig_leave(rig, &rig->readers[i]);
	for (unsigned int i = 0; i < RIG_PINS; i++)
		rig_unpin(rig, &rig->pins[i]);
	ref_change(&rig->ref, &all);
	rig_expect(rig, "umd_dma_space_change()",
		   umd_dma_space_change(rig->space, &all.change, 1, NULL) == 0);
	for (unsigned int i = 0; i < RIG_MEMORIES; i++)
		grow_one(rig, &rig->memories[i]);
}

const struct rig_op rig_memory_ops[] = {
	{"fill", 20, fill}, {"punch a hole", 4, punch}, {"cut off", 1, cut_off},
	{"grow", 8, grow},  {"restore", 3, restore},
};
const unsigned int rig_memory_op_count = UNIT_COUNT(rig_memory_ops);
