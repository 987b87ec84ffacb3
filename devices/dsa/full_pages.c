/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages that a queue waits for: the driver is asked for them by page requests, one at a time for
 * each queue, and the engine is told the answer.
 */
#include <errno.h>

#include "full_device.h"

#define PAGE_MASK (~UINT64_C(4095))

static void answer(const struct dsa_full_queue *queue, bool granted)
{
	dsa_engine_answer(queue->space->full->engine, dsa_full_owner_of(queue->space),
			  queue->request.address, granted);
}

static void answered(void *data, int result)
{
	struct dsa_full_queue *queue = data;

	queue->asks = false;
	answer(queue, result == 0);
}

static struct umd_dma_prefix prefix_of(const struct dsa_full_space *space)
{
	bool named = space->pasid != DSA_FULL_NO_PASID;

	return (struct umd_dma_prefix){.pasid = named ? space->pasid : UMD_DMA_NO_OWNER};
}

void dsa_full_ask_for_page(struct dsa_full_queue *queue, const struct dsa_note *note)
{
	if (queue->asks)
		return;
	queue->request = (struct umd_page_request){
		.prefix = prefix_of(queue->space),
		.address = note->address & PAGE_MASK,
		.pages = 1,
		.read = !note->write,
		.write = note->write,
		.done = answered,
		.data = queue,
	};
	queue->asks = true;
	if (umd_page_request_start(queue->space->full->device, &queue->request) != -EINPROGRESS)
		answered(queue, -EFAULT);
}

void dsa_full_stop_asking(struct dsa_full_queue *queue)
{
	if (queue->asks)
		umd_page_request_cancel(queue->space->full->device, &queue->request);
	queue->asks = false;
}
