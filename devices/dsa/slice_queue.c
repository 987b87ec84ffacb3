/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The WQ: a queue of the link's, open while the WQ is enabled. What is written to a portal goes to
 * it as it is, but for the sender that it names: whose it is, and whether it may do what it asks
 * for, the parent looks at.
 *
 * A descriptor for a dedicated WQ that is full or not enabled is lost, as a posted write is, and
 * SWERR says so. A shared WQ answers instead: such a write fails with -EAGAIN, which is what ENQCMD
 * calls retry. Reading a portal gives ones.
 */
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "slice_state.h"

static uint32_t logarithm(const struct slice *slice, uint64_t field)
{
	uint64_t limits =
		slice_image_get(&slice->initial, SLICE_WQCFG_AT + 4 * DSA_WQCFG_LIMITS, 4);

	return (uint32_t)DSA_GET(limits, field);
}

static int open_queue(struct slice *slice)
{
	const struct dsa_queue_config config = {
		.size = sizeof(config),
		.max_batch = UINT32_C(1) << logarithm(slice, DSA_WQ_MAX_BATCH),
		.max_transfer = UINT64_C(1) << logarithm(slice, DSA_WQ_MAX_XFER)};
	const struct umd_queue_options options = {.size = sizeof(options),
						  .shared = slice->shared ? 1 : 0,
						  .depth = slice->slots,
						  .weight = slice->shared ? 0 : slice->weight,
						  .config = &config,
						  .config_size = sizeof(config)};

	return umd_queue_open(slice->link, &options, &slice->queue);
}

int slice_queue_open(struct slice *slice)
{
	return slice->link && !slice->lost ? open_queue(slice) : -ENOTCONN;
}

void slice_queue_close(struct slice *slice)
{
	struct umd_queue *queue = slice->queue;

	slice->queue = NULL;
	umd_queue_close(queue);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void ended(void *data, int result)
{
	slice_command_go_on(data, result);
}

static int command(struct slice *slice, enum umd_queue_command command)
{
	return slice->queue ? umd_queue_command(slice->queue, command, ended, slice) : 0;
}

int slice_queue_start(struct slice *slice)
{
	return command(slice, UMD_QUEUE_START);
}

int slice_queue_stop(struct slice *slice)
{
	return command(slice, UMD_QUEUE_STOP);
}

int slice_queue_drain(struct slice *slice)
{
	return command(slice, UMD_QUEUE_DRAIN);
}

int slice_queue_abort(struct slice *slice)
{
	return command(slice, UMD_QUEUE_ABORT);
}

/* ---- Portals ------------------------------------------------------------------------------- */

#define OPCODE_AT 7u /* in a descriptor */

static bool takes(const struct slice *slice, const uint8_t *descriptor)
{
	return slice_state(slice) == DSA_STATE_ENABLED && slice->queue &&
	       umd_queue_submit(slice->queue, descriptor, 1) == 1;
}

static int write_portal(struct slice *slice, struct umd_request *request)
{
	struct dsa_submission submission;
	int ret = dsa_portals_write(slice->portals, umd_request_offset(request),
				    umd_request_data(request), umd_request_size(request),
				    &submission);

	if (ret <= 0)
		return ret;
	dsa_submission_drop_sender(&submission);
	if (takes(slice, submission.descriptor))
		return 0;
	if (slice->shared)
		return -EAGAIN;
	slice_report_lost(slice, submission.descriptor[OPCODE_AT]);
	return 0;
}

void slice_portal_access(void *data, struct umd_request *request)
{
	int err = 0;

	if (umd_request_is_write(request))
		err = write_portal(data, request);
	else
		memset(umd_request_data(request), 0xff, umd_request_size(request));
	umd_request_complete(request, err);
}
