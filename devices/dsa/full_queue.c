/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work queues: each that is enabled is a queue of an engine, which is this device's alone, reached
 * by one link whose space is the device's.
 *
 * Interrupt handles are numbers of MSI-X vectors: the driver has no way to ask for others. The
 * engine, which reads the descriptors of a batch itself, knows vectors by the numbers of the link.
 * So the link's are the same: they are the first ones of the engine's store, which nobody else has
 * used. Number 0, which the device keeps to itself, is given back, so that it is nobody's.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>

#include "full_device.h"

#define OWNER	     1u			 /* of all that is the engine's */
#define NO_OPERATION (UINT64_C(1) << 63) /* an opcode that there is not, in the last word */

static struct dsa_full_queue *at(void *data, unsigned int wq)
{
	return &((struct dsa_full *)data)->queues[wq];
}

static unsigned int number_of(const struct dsa_full_queue *queue)
{
	return (unsigned int)(queue - queue->full->queues);
}

/* ---- What the registers ask for ------------------------------------------------------------ */

static bool bus_master(void *data)
{
	const struct dsa_full *full = data;

	return full->is_master;
}

/* For the engine, no bit at all means all opcodes; for WQCFG, none. */
static void allow(uint64_t opcodes, struct dsa_queue_config *config)
{
	config->opcodes[0] = opcodes;
	if (!opcodes)
		config->opcodes[DSA_OPCAP_WORDS - 1] = NO_OPERATION;
}

static int open_queue(void *data, unsigned int wq, const struct dsa_full_wq *config)
{
	struct dsa_full *full = data;
	struct dsa_queue_config wanted = {
		.size = sizeof(wanted),
		.max_batch = config->max_batch,
		.max_transfer = config->max_transfer,
		.block_on_fault = config->block_on_fault,
		.priority = config->priority,
	};
	const struct umd_queue_options options = {
		.size = sizeof(options),
		.depth = config->size,
		.config = &wanted,
		.config_size = sizeof(wanted),
	};

	allow(config->opcodes, &wanted);
	return umd_queue_open(full->link, &options, &full->queues[wq].queue);
}

/* Whose command was under way is not told of it any more. */
static void close_queue(void *data, unsigned int wq)
{
	struct dsa_full *full = data;
	struct umd_queue *queue = full->queues[wq].queue;

	full->queues[wq].queue = NULL;
	dsa_portals_reset_wq(full->portals, wq);
	umd_queue_close(queue);
}

static void ended(void *data, int result)
{
	struct dsa_full_queue *queue = data;

	if (queue->queue)
		dsa_full_ended(&queue->full->regs, number_of(queue));
}

/* A command that cannot be begun has ended: its driver would wait for ever. */
static void begin(struct dsa_full_queue *queue, enum umd_queue_command command,
		  umd_link_done_fn *done)
{
	int result = umd_queue_command(queue->queue, command, done, queue);

	if (result != -EINPROGRESS)
		done(queue, result);
}

static void drain(void *data, unsigned int wq)
{
	begin(at(data, wq), UMD_QUEUE_DRAIN, ended);
}

/* An abort has stopped the queue; a WQ goes on. */
static void aborted(void *data, int result)
{
	struct dsa_full_queue *queue = data;

	if (queue->queue)
		begin(queue, UMD_QUEUE_START, ended);
}

static void abort_queue(void *data, unsigned int wq)
{
	begin(at(data, wq), UMD_QUEUE_ABORT, aborted);
}

static bool submit(void *data, unsigned int wq, const uint8_t *descriptor)
{
	return umd_queue_submit(at(data, wq)->queue, descriptor, 1) == 1;
}

static unsigned int occupied(void *data, unsigned int wq)
{
	const struct umd_queue *queue = at(data, wq)->queue;

	return umd_queue_depth(queue) - umd_queue_room(queue);
}

static void interrupt(void *data)
{
	const struct dsa_full *full = data;

	umd_device_trigger(full->device, UMD_IRQ_MSIX, 0);
}

const struct dsa_full_ops dsa_full_queue_ops = {
	.bus_master = bus_master,
	.open = open_queue,
	.close = close_queue,
	.drain = drain,
	.abort = abort_queue,
	.submit = submit,
	.occupied = occupied,
	.interrupt = interrupt,
};

/* ---- What the engine has to say ------------------------------------------------------------ */

static struct dsa_full_queue *find(struct dsa_full *full, const struct umd_queue *queue)
{
	for (unsigned int wq = 0; wq < DSA_FULL_WQS; wq++)
		if (full->queues[wq].queue == queue)
			return &full->queues[wq];
	return NULL;
}

static void halted(void *data, struct umd_queue *queue, int reason)
{
	struct dsa_full *full = data;
	const struct dsa_full_queue *found = find(full, queue);

	if (found)
		dsa_full_lost_queue(&full->regs, number_of(found));
}

static void noted(void *data, struct umd_queue *queue, const void *note, size_t size, uint32_t lost)
{
	struct dsa_full *full = data;
	const struct dsa_full_queue *found = find(full, queue);
	struct dsa_note told;

	if (!found || size != sizeof(told))
		return;
	memcpy(&told, note, sizeof(told));
	dsa_full_note(&full->regs, number_of(found), &told, lost);
}

static void dispatch(void *data, uint32_t events)
{
	struct dsa_full *full = data;

	umd_parent_dispatch(dsa_engine_parent(full->engine), 0);
}

/* ---- Life ---------------------------------------------------------------------------------- */

/* See above: numbers are those of MSI-X vectors. */
static int take_vectors(struct dsa_full *full, struct umd_error *error)
{
	uint32_t vector;
	int err;

	for (unsigned int i = 0; i < DSA_FULL_VECTORS; i++) {
		err = umd_link_alloc_vector(full->link, &vector);
		if (!err && vector != i)
			err = -ENOTSUP;
		if (!err && i)
			err = umd_link_back_vector(full->link, i, full->device, i);
		if (err)
			return umd_error_set(error, err, "no interrupt %u of the engine's: %s", i,
					     strerror(-err));
	}
	umd_link_free_vector(full->link, 0);
	return 0;
}

static int open_link(struct dsa_full *full, struct umd_error *error)
{
	static const struct umd_link_ops ops = {.halted = halted, .noted = noted};
	const struct umd_owner owner = {
		.size = sizeof(owner),
		.owner = OWNER,
		.queues = DSA_FULL_WQS,
		.vectors = DSA_FULL_VECTORS,
	};
	int err = umd_link_open(dsa_engine_parent(full->engine), &owner,
				umd_device_space(full->device), &full->link, error);

	if (!err)
		umd_link_set_ops(full->link, &ops, full);
	return err;
}

static int watch(struct dsa_full *full, struct umd_error *error)
{
	int err = umd_watch_fd(full->device, umd_parent_fd(dsa_engine_parent(full->engine)),
			       EPOLLIN, dispatch, full, &full->watch);

	return err ? umd_error_set(error, err, "cannot wait for the engine: %s", strerror(-err))
		   : 0;
}

static void tell_status(void *data, uint32_t events)
{
	const struct dsa_full *full = data;

	dsa_status_dispatch(full->status);
}

static int open_status(struct dsa_full *full, const char *path, struct umd_error *error)
{
	int err = dsa_status_create(full->engine, path, &full->status, error);

	if (err)
		return err;
	err = umd_watch_fd(full->device, dsa_status_fd(full->status), EPOLLIN, tell_status, full,
			   &full->status_watch);
	return err ? umd_error_set(error, err, "waiting for the status: %s", strerror(-err)) : 0;
}

int dsa_full_queues_init(struct dsa_full *full, const struct dsa_full_options *options,
			 struct umd_error *error)
{
	const struct dsa_engine_options engine = {
		.workers = options->workers,
		.queues = DSA_FULL_WQS,
		.vectors = DSA_FULL_VECTORS,
		.max_transfer = UINT64_C(1)
				<< DSA_GET(full->regs.shape->gencap, DSA_GENCAP_MAX_XFER),
		.max_batch = 1u << DSA_GET(full->regs.shape->gencap, DSA_GENCAP_MAX_BATCH),
	};
	int err = dsa_engine_create(&engine, &full->engine, error);

	for (unsigned int wq = 0; wq < DSA_FULL_WQS; wq++)
		full->queues[wq].full = full;
	if (!err)
		err = watch(full, error);
	if (!err)
		err = open_link(full, error);
	if (!err)
		err = take_vectors(full, error);
	if (!err && options->status)
		err = open_status(full, options->status, error);
	return err;
}

void dsa_full_queues_finish(struct dsa_full *full)
{
	for (unsigned int i = 1; full->link && i < DSA_FULL_VECTORS; i++)
		umd_link_unback_vector(full->link, full->device, i);
	umd_link_close(full->link);
	umd_watch_destroy(full->watch);
	umd_watch_destroy(full->status_watch);
	dsa_status_destroy(full->status);
	dsa_engine_destroy(full->engine);
}
