/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma/hold.h"

#include <errno.h>
#include <stdlib.h>

#include "dma/space.h"

void umd_dma_holds_init(struct umd_dma_holds *holds)
{
	*holds = (struct umd_dma_holds){.end = &holds->first};
}

int umd_dma_hold_create(struct umd_dma_memory *memory, struct umd_dma_hold **ret)
{
	struct umd_dma_hold *hold = malloc(sizeof(*hold));

	if (!hold)
		return -ENOMEM;
	*hold = (struct umd_dma_hold){.memory = memory};
	*ret = hold;
	return 0;
}

static void let_go(struct umd_dma_space *space, struct umd_dma_hold *hold)
{
	hold->memory->way->put(space->client, hold->memory);
	free(hold);
}

void umd_dma_hold_release(struct umd_dma_space *space, struct umd_dma_hold *hold)
{
	struct umd_dma_holds *holds = &space->holds;

	if (!umd_dma_epochs_are_shared(&space->table.epochs) &&
	    !umd_dma_pins_are_possible(&space->pins)) {
		let_go(space, hold);
		return;
	}

	hold->mark = umd_dma_epochs_now(&space->table.epochs);
	hold->next = NULL;
	*holds->end = hold;
	holds->end = &hold->next;
	holds->count++;
	if (++holds->added > UMD_DMA_HOLDS_BATCH + holds->kept)
		umd_dma_holds_settle(space);
}

/*
 * No pin is made of what readers do not see any more, so a hold that is not found pinned then never
 * will be. Pins are looked through once for all holds; and the more holds there were to keep the
 * last time, the more are to be added before another look.
 */
void umd_dma_holds_settle(struct umd_dma_space *space)
{
	struct umd_dma_holds *holds = &space->holds;
	struct umd_dma_hold **at = &holds->first, *hold;
	uint64_t past = 0;

	for (hold = holds->first; hold; hold = hold->next) {
		if (!umd_dma_epochs_are_past(&space->table.epochs, hold->mark))
			break;
		past = hold->mark;
	}
	holds->added = 0;
	holds->kept = holds->count;
	if (!past)
		return;

	umd_dma_pins_tell_holds(&space->pins, ++holds->round);
	while ((hold = *at) && hold->mark <= past) {
		if (hold->round == holds->round) {
			at = &hold->next;
			continue;
		}
		*at = hold->next;
		if (!hold->next)
			holds->end = at;
		holds->count--;
		let_go(space, hold);
	}
	holds->kept = holds->count;
	umd_dma_client_bury(space->client);
}

bool umd_dma_holds_are_full(struct umd_dma_space *space)
{
	if (space->holds.count >= UMD_DMA_HOLDS_MAX)
		umd_dma_holds_settle(space);
	return space->holds.count >= UMD_DMA_HOLDS_MAX;
}
