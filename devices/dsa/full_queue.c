/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work queues. One without PASID is one queue of the engine's, in the default space. In one with
 * PASID each space has its own, made with the first descriptor that comes from it; where the WQ is
 * shared these are one in the engine's schedule.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include <umdev/caps.h>

#include "full_device.h"

#define NO_OPERATION (UINT64_C(1) << 63) /* an opcode that there is not, in the last word */

unsigned int dsa_full_number_of(const struct dsa_full_queue *queue)
{
	return (unsigned int)(queue - queue->space->queues);
}

/* ---- Config space -------------------------------------------------------------------------- */

/* A bit of a control register of an extended capability. */
static bool is_set(const struct dsa_full *full, unsigned int id, unsigned int offset, uint32_t bit)
{
	int at = umd_device_find_ext_cap(full->device, id);

	return at > 0 && (umd_device_config_read(full->device, (unsigned int)at + offset, 2) & bit);
}

static struct dsa_full_enabled enabled(void *data)
{
	const struct dsa_full *full = data;

	return (struct dsa_full_enabled){
		.bus_master = full->is_master,
		.pasid = is_set(full, PCI_EXT_CAP_ID_PASID, PCI_PASID_CTRL, PCI_PASID_CTRL_ENABLE),
		.ats = is_set(full, PCI_EXT_CAP_ID_ATS, PCI_ATS_CTRL, PCI_ATS_CTRL_ENABLE),
		.pri = is_set(full, PCI_EXT_CAP_ID_PRI, PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE),
	};
}

/* ---- Opening and closing ------------------------------------------------------------------- */

/* For the engine, no bit at all means all opcodes; for WQCFG, none. */
static void allow(uint64_t opcodes, struct dsa_queue_config *config)
{
	config->opcodes[0] = opcodes;
	if (!opcodes)
		config->opcodes[DSA_OPCAP_WORDS - 1] = NO_OPERATION;
}

static int open_queue(struct dsa_full_queue *queue, const struct dsa_full_wq *config)
{
	struct dsa_queue_config wanted = {
		.size = sizeof(wanted),
		.max_batch = config->max_batch,
		.max_transfer = config->max_transfer,
		.block_on_fault = config->block_on_fault,
		.asks_for_pages = config->asks_for_pages,
		.priority = config->priority,
	};
	const struct umd_queue_options options = {
		.size = sizeof(options),
		.shared = config->has_pasid && !config->dedicated ? dsa_full_number_of(queue) + 1
								  : 0,
		.depth = config->size,
		.config = &wanted,
		.config_size = sizeof(wanted),
	};

	allow(config->opcodes, &wanted);
	return umd_queue_open(queue->space->link, &options, &queue->queue);
}

static int open_wq(void *data, unsigned int wq, const struct dsa_full_wq *config)
{
	struct dsa_full *full = data;
	struct dsa_full_space *space = dsa_full_find_space(full, DSA_FULL_NO_PASID);
	int err = config->has_pasid ? 0 : open_queue(&space->queues[wq], config);

	if (!err)
		full->works[wq] = (struct dsa_full_work){.config = *config, .is_enabled = true};
	return err;
}

/* Who was told of the queue's commands is told that they have ended. */
void dsa_full_close_queue(struct dsa_full_queue *queue)
{
	struct umd_queue *closing = queue->queue;

	dsa_full_stop_asking(queue);
	queue->queue = NULL;
	umd_queue_close(closing);
}

static void close_wq(void *data, unsigned int wq)
{
	struct dsa_full *full = data;

	full->works[wq].is_enabled = false;
	dsa_portals_reset_wq(full->portals, wq);
	for (struct dsa_full_space *space = full->spaces; space; space = space->next) {
		space->queues[wq].commanded = false;
		dsa_full_close_queue(&space->queues[wq]);
	}
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void count_down(struct dsa_full *full, unsigned int wq)
{
	if (!--full->works[wq].waits)
		dsa_full_ended(&full->regs, wq);
}

static void ended(void *data, int result)
{
	struct dsa_full_queue *queue = data;

	if (!queue->commanded)
		return;
	queue->commanded = false;
	count_down(queue->space->full, dsa_full_number_of(queue));
}

/* A command that cannot be begun has ended: its driver would wait for ever. */
static void begin(struct dsa_full_queue *queue, enum umd_queue_command command,
		  umd_link_done_fn *done)
{
	int result = umd_queue_command(queue->queue, command, done, queue);

	if (result != -EINPROGRESS)
		done(queue, result);
}

/* An abort has stopped the queue; a WQ goes on. */
static void aborted(void *data, int result)
{
	struct dsa_full_queue *queue = data;

	if (queue->commanded && queue->queue)
		begin(queue, UMD_QUEUE_START, ended);
	else
		ended(queue, result);
}

/* The WQ itself counts as one while others begin, so that none of them ends it. */
static void command_all(struct dsa_full *full, unsigned int wq, uint32_t pasid,
			enum umd_queue_command command, umd_link_done_fn *done)
{
	full->works[wq].waits = 1;
	for (struct dsa_full_space *space = full->spaces; space; space = space->next) {
		struct dsa_full_queue *queue = &space->queues[wq];

		if (!queue->queue || (pasid != DSA_FULL_ALL_PASIDS && pasid != space->pasid))
			continue;
		full->works[wq].waits++;
		queue->commanded = true;
		begin(queue, command, done);
	}
	count_down(full, wq);
}

static void drain(void *data, unsigned int wq, uint32_t pasid)
{
	command_all(data, wq, pasid, UMD_QUEUE_DRAIN, ended);
}

static void abort_wq(void *data, unsigned int wq, uint32_t pasid)
{
	command_all(data, wq, pasid, UMD_QUEUE_ABORT, aborted);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static int submit(void *data, unsigned int wq, uint32_t pasid, const uint8_t *descriptor)
{
	struct dsa_full *full = data;
	struct dsa_full_space *space = dsa_full_find_space(full, pasid);
	struct dsa_full_queue *queue;

	if (!space)
		return -ENXIO;
	queue = &space->queues[wq];
	if (!queue->queue && open_queue(queue, &full->works[wq].config))
		return -EAGAIN;
	return umd_queue_submit(queue->queue, descriptor, 1) == 1 ? 0 : -EAGAIN;
}

static unsigned int occupied(void *data, unsigned int wq)
{
	const struct dsa_full *full = data;
	unsigned int sum = 0;

	for (const struct dsa_full_space *space = full->spaces; space; space = space->next) {
		const struct umd_queue *queue = space->queues[wq].queue;

		if (queue)
			sum += umd_queue_depth(queue) - umd_queue_room(queue);
	}
	return sum;
}

static void interrupt(void *data)
{
	const struct dsa_full *full = data;

	umd_device_trigger(full->device, UMD_IRQ_MSIX, 0);
}

const struct dsa_full_ops dsa_full_queue_ops = {
	.enabled = enabled,
	.open = open_wq,
	.close = close_wq,
	.drain = drain,
	.abort = abort_wq,
	.submit = submit,
	.occupied = occupied,
	.get_handle = dsa_full_get_handle,
	.put_handle = dsa_full_put_handle,
	.forget_handles = dsa_full_forget_handles,
	.interrupt = interrupt,
};
