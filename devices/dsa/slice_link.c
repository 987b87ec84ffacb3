/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slice's link, from the first one to the one that a reset finds after a parent was lost. A new
 * parent has to be such that the registers stay the same: a driver does not see its device change.
 */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "slice_state.h"

/* ---- What the parent tells ----------------------------------------------------------------- */

static void on_lost(void *data)
{
	struct slice *slice = data;

	slice->lost = true;
	slice_halt(slice);
}

static void on_halted(void *data, struct umd_queue *queue, int reason)
{
	struct slice *slice = data;

	if (queue == slice->queue)
		slice_halt(slice);
}

static void on_noted(void *data, struct umd_queue *queue, const void *note, size_t size,
		     uint32_t lost)
{
	struct slice *slice = data;

	if (queue == slice->queue)
		slice_report_note(slice, note, size, lost);
}

/* The vector is gone already: the driver asks for another one. */
static void on_revoked(void *data, uint32_t vector)
{
	struct slice *slice = data;

	if (!slice->has_handle || vector != slice->handle)
		return;

	slice->has_handle = false;
	slice_interrupt(slice, DSA_INTCAUSE_REVOKED);
}

/* The driver's memory is out of the parent's reach: nothing can be done for it. */
static void on_unmirrored(void *data, int error)
{
	slice_halt(data);
}

static const struct umd_link_ops link_ops = {
	.lost = on_lost,
	.revoked = on_revoked,
	.halted = on_halted,
	.noted = on_noted,
	.unmirrored = on_unmirrored,
};

/* ---- Its life ------------------------------------------------------------------------------ */

static int check_parent(struct slice *slice, const struct umd_parent_info *info,
			struct umd_error *error)
{
	struct slice_image image;
	int err = slice_image_init(&image, slice->shared, info);

	if (err)
		return umd_error_set(error, err, "the parent is no " DSA_API " engine");
	if (slice->shared && !info->shared_queues)
		return umd_error_set(error, -ENOTSUP, "the parent has no shared queue");
	if (slice->slots && memcmp(&image, &slice->initial, sizeof(image)) != 0)
		return umd_error_set(error, -ESTALE, "the parent is not like the one before");

	slice->initial = image;
	slice->slots = (uint32_t)slice_image_get(&image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_SIZE, 4);
	slice->weight = info->max_weight;
	return 0;
}

static int use_link(struct slice *slice, struct umd_error *error)
{
	struct umd_parent_info info = {.size = sizeof(info)};
	int err = umd_link_get_info(slice->link, &info);

	if (err)
		return umd_error_set(error, err, "asking the parent: %s", strerror(-err));
	err = check_parent(slice, &info, error);
	if (err)
		return err;
	umd_link_set_ops(slice->link, &link_ops, slice);
	return 0;
}

int slice_link_connect(struct slice *slice, struct umd_error *error)
{
	int err = slice->source.connect(slice->source.data, slice->device, &slice->link, error);

	if (err)
		return err;

	slice->lost = false;
	err = use_link(slice, error);
	if (err)
		slice_link_close(slice);
	return err;
}

void slice_link_close(struct slice *slice)
{
	if (!slice->link)
		return;

	slice_queue_close(slice);
	slice_handle_forget(slice);
	umd_link_close(slice->link);
	slice->link = NULL;
}

bool slice_link_reconnect(struct slice *slice)
{
	if (slice->link && !slice->lost)
		return true;

	slice_link_close(slice);
	return slice_link_connect(slice, NULL) == 0;
}

/* ---- The interrupt handle ------------------------------------------------------------------ */

/* A handle has 16 bits. */
static int back(struct slice *slice, uint32_t vector)
{
	int err = -ENOSPC;

	if (vector <= DSA_OPERAND_INDEX)
		err = umd_link_back_vector(slice->link, vector, slice->device, SLICE_WQ_VECTOR);
	if (err)
		umd_link_free_vector(slice->link, vector);
	return err;
}

static int alloc_handle(struct slice *slice)
{
	uint32_t vector;
	int err = umd_link_alloc_vector(slice->link, &vector);

	if (!err)
		err = back(slice, vector);
	if (err)
		return err;

	slice->handle = vector;
	slice->has_handle = true;
	slice->is_backed = true;
	return 0;
}

int slice_handle_get(struct slice *slice, uint32_t *ret)
{
	int err = 0;

	if (!slice->link || slice->lost)
		return -ENOTCONN;
	if (!slice->has_handle)
		err = alloc_handle(slice);
	if (err)
		return err;

	*ret = slice->handle;
	return 0;
}

void slice_handle_forget(struct slice *slice)
{
	if (slice->is_backed)
		umd_link_unback_vector(slice->link, slice->device, SLICE_WQ_VECTOR);
	if (slice->has_handle)
		umd_link_free_vector(slice->link, slice->handle);
	slice->is_backed = slice->has_handle = false;
}

int slice_handle_drop(struct slice *slice, uint32_t handle)
{
	if (!slice->has_handle || handle != slice->handle)
		return -ENOENT;

	slice_handle_forget(slice);
	return 0;
}
