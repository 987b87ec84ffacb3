/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spaces: the default one, which is always there, and those of PASIDs, which the client attaches
 * and detaches. Each has a link to the engine; its owner is the PASID.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "full_device.h"

#define DEFAULT_OWNER (1u << 20) /* no PASID */

uint32_t dsa_full_owner_of(const struct dsa_full_space *space)
{
	return space->pasid == DSA_FULL_NO_PASID ? DEFAULT_OWNER : space->pasid;
}

/* ---- What the engine has to say ------------------------------------------------------------ */

static struct dsa_full_queue *find_queue(struct dsa_full_space *space,
					 const struct umd_queue *queue)
{
	for (unsigned int wq = 0; wq < DSA_FULL_WQS; wq++)
		if (space->queues[wq].queue == queue)
			return &space->queues[wq];
	return NULL;
}

static void halted(void *data, struct umd_queue *queue, int reason)
{
	struct dsa_full_space *space = data;
	const struct dsa_full_queue *found = find_queue(space, queue);

	if (found)
		dsa_full_lost_queue(&space->full->regs, dsa_full_number_of(found));
}

static void note(struct dsa_full_queue *queue, struct dsa_note *note, uint32_t lost)
{
	const struct dsa_full_space *space = queue->space;

	if (note->asks) {
		dsa_full_ask_for_page(queue, note);
		return;
	}
	note->pasid = space->pasid == DSA_FULL_NO_PASID ? 0 : space->pasid;
	dsa_full_note(&space->full->regs, dsa_full_number_of(queue), note, lost);
}

static void noted(void *data, struct umd_queue *queue, const void *told, size_t size, uint32_t lost)
{
	struct dsa_full_queue *found = find_queue(data, queue);
	struct dsa_note copy;

	if (!found || size != sizeof(copy))
		return;
	memcpy(&copy, told, sizeof(copy));
	note(found, &copy, lost);
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct dsa_full_space *dsa_full_find_space(struct dsa_full *full, uint32_t pasid)
{
	struct dsa_full_space *space = full->spaces;

	while (space && space->pasid != pasid)
		space = space->next;
	return space;
}

static int open_link(struct dsa_full_space *space, struct umd_dma_space *memory,
		     struct umd_error *error)
{
	static const struct umd_link_ops ops = {.halted = halted, .noted = noted};
	const struct umd_owner owner = {
		.size = sizeof(owner),
		.owner = dsa_full_owner_of(space),
		.queues = DSA_FULL_WQS,
		.vectors = DSA_FULL_VECTORS,
	};
	int err = umd_link_open(dsa_engine_parent(space->full->engine), &owner, memory,
				&space->link, error);

	if (!err)
		umd_link_set_ops(space->link, &ops, space);
	return err;
}

int dsa_full_open_space(struct dsa_full *full, uint32_t pasid, struct umd_dma_space *memory,
			struct umd_error *error)
{
	struct dsa_full_space *space = calloc(1, sizeof(*space));
	int err;

	if (!space)
		return umd_error_set(error, -ENOMEM, "no memory for a space");
	space->full = full;
	space->pasid = pasid;
	for (unsigned int wq = 0; wq < DSA_FULL_WQS; wq++)
		space->queues[wq].space = space;
	err = open_link(space, memory, error);
	if (err) {
		free(space);
		return err;
	}
	space->next = full->spaces;
	full->spaces = space;
	return 0;
}

static void close_space(struct dsa_full_space *space)
{
	struct dsa_full_space **at = &space->full->spaces;

	while (*at != space)
		at = &(*at)->next;
	*at = space->next;
	dsa_full_drop_handles(space);
	for (unsigned int wq = 0; wq < DSA_FULL_WQS; wq++)
		dsa_full_close_queue(&space->queues[wq]);
	umd_link_close(space->link);
	free(space);
}

void dsa_full_close_spaces(struct dsa_full *full)
{
	while (full->spaces)
		close_space(full->spaces);
}

/* ---- PASIDs -------------------------------------------------------------------------------- */

/* One that the engine has no room for is nobody's: descriptors that name it are refused. */
static void attached(void *data, uint32_t pasid, struct umd_dma_space *memory)
{
	dsa_full_open_space(data, pasid, memory, NULL);
}

static void detached(void *data, uint32_t pasid, struct umd_dma_space *memory)
{
	struct dsa_full_space *space = dsa_full_find_space(data, pasid);

	if (space)
		close_space(space);
}

const struct umd_pasid_ops dsa_full_pasid_ops = {.attached = attached, .detached = detached};
