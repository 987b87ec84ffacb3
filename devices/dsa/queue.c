/* SPDX-License-Identifier: BSD-2-Clause */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "record.h"

#define COST_MIN     64u /* what a descriptor costs at least */
#define PRIORITY_MAX 15u
#define STEP_MAX     (512u << 10)	  /* bytes until a turn may have to end */
#define ASK_NS	     UINT64_C(1000000000) /* between two times that a page is asked for */
#define ASKS_MAX     10u

/* ---- Life ---------------------------------------------------------------------------------- */

/* What the queue asks for; all zero where it does not ask. */
static int read_config(const struct umd_queue_options *options, struct dsa_queue_config *ret)
{
	*ret = (struct dsa_queue_config){.size = sizeof(*ret)};
	if (!options->config_size)
		return 0;
	if (options->config_size != sizeof(*ret))
		return -EINVAL;
	memcpy(ret, options->config, sizeof(*ret));
	return ret->size == sizeof(*ret) ? 0 : -EINVAL;
}

static int check_config(const struct dsa_queue_config *config,
			const struct dsa_capabilities *capabilities)
{
	if (config->max_batch > capabilities->max_batch ||
	    config->max_transfer > capabilities->max_transfer || config->priority > PRIORITY_MAX ||
	    config->block_on_fault > 1 || config->asks_for_pages > 1)
		return -EINVAL;
	return 0;
}

static bool any_opcode(const struct dsa_queue_config *config)
{
	return config->opcodes[0] || config->opcodes[1] || config->opcodes[2] || config->opcodes[3];
}

static void configure(struct dsa_queue *queue, const struct dsa_queue_config *config,
		      const struct dsa_capabilities *capabilities)
{
	uint64_t now = dsa_now();

	queue->max_batch = config->max_batch ? config->max_batch : capabilities->max_batch;
	queue->limits.max_transfer = config->max_transfer ? config->max_transfer
							  : capabilities->max_transfer;
	queue->limits.block_on_fault = config->block_on_fault;
	queue->asks_for_pages = config->block_on_fault && config->asks_for_pages;
	for (int i = 0; i < 4; i++) {
		queue->limits.opcodes[i] = capabilities->opcodes[i];
		if (any_opcode(config))
			queue->limits.opcodes[i] &= config->opcodes[i];
	}
	queue->weight = config->priority ? config->priority : 1;
	dsa_limit_init(&queue->bytes, config->bytes_per_second, now);
	dsa_limit_init(&queue->descriptors, config->descriptors_per_second, now);
	queue->is_limited = config->bytes_per_second || config->descriptors_per_second;
}

static uint32_t multiply(uint32_t weight, uint32_t priority)
{
	uint64_t product = (uint64_t)(weight ? weight : 1) * priority;

	return product < UINT32_MAX ? (uint32_t)product : UINT32_MAX;
}

int dsa_queue_create(struct umd_work *work, const struct dsa_capabilities *capabilities,
		     struct dsa_usages *usages, struct dsa_queue **ret)
{
	const struct umd_queue_options *options = umd_work_options(work);
	struct dsa_queue_config config;
	struct dsa_queue *queue;
	int err = read_config(options, &config);

	if (!err)
		err = check_config(&config, capabilities);
	if (err)
		return err;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;

	queue->work = work;
	queue->owner = umd_work_owner(work);
	configure(queue, &config, capabilities);
	queue->weight = multiply(options->weight, queue->weight);
	err = umd_dma_reader_create(umd_work_space(work), 0, &queue->reader);
	if (!err)
		err = dsa_usage_join(usages, queue->owner, &queue->meter);
	if (err) {
		dsa_queue_destroy(queue);
		return err;
	}
	*ret = queue;
	return 0;
}

void dsa_queue_destroy(struct dsa_queue *queue)
{
	if (queue->meter)
		dsa_usage_part(queue->meter);
	umd_dma_reader_destroy(queue->reader);
	free(queue);
}

/* ---- How a descriptor ends ----------------------------------------------------------------- */

static bool is_fault(uint8_t status)
{
	status &= (uint8_t)~DSA_FAULT_WRITE;
	return status == DSA_FAULT || status == DSA_LIST_FAULT;
}

/* What no record could tell. A batch's member is told by its place in the list. */
static void tell(struct dsa_queue *queue, const struct dsa_descriptor *descriptor, uint8_t status,
		 uint64_t address, uint32_t invalid_flags)
{
	bool member = queue->in_batch && descriptor != &queue->batch.descriptor;
	struct dsa_note note = {.status = (uint8_t)(status & ~DSA_FAULT_WRITE),
				.opcode = descriptor->opcode,
				.in_batch = member,
				.write = status & DSA_FAULT_WRITE,
				.batch_index = member ? queue->batch.at - 1 : 0,
				.pasid = descriptor->pasid,
				.invalid_flags = invalid_flags,
				.address = address};

	umd_work_note(queue->work, &note, sizeof(note));
}

static void tell_record(struct dsa_queue *queue, const struct dsa_descriptor *descriptor,
			const struct dsa_record *record)
{
	uint32_t flags = record->status == DSA_BAD_FLAGS ? dsa_get32(record->specific) : 0;

	tell(queue, descriptor, record->status, record->fault_address, flags);
}

/* Whether the owner has got the record he was to get. */
static int give_record(struct dsa_queue *queue, const struct dsa_descriptor *descriptor,
		       const struct dsa_record *record)
{
	bool good = record->status == DSA_OK || record->status == DSA_PREDICATE;
	int err;

	if (!(descriptor->flags & DSA_FLAG_CRAV)) {
		if (!good)
			tell_record(queue, descriptor, record);
		return 0;
	}
	if (good && !(descriptor->flags & DSA_FLAG_RCR))
		return 0;
	err = dsa_record_write(queue->reader, descriptor->completion, record);
	if (err) {
		queue->counts.faults++;
		tell(queue, descriptor, DSA_RECORD_TRANSLATE | DSA_FAULT_WRITE,
		     descriptor->completion, 0);
	}
	return err;
}

/* After its record; not by a handle that was refused, nor for a device that may not signal. */
static void interrupt(struct dsa_queue *queue, const struct dsa_descriptor *descriptor)
{
	if (umd_work_trigger(queue->work, descriptor->handle))
		queue->counts.refused++;
	else
		queue->counts.interrupts++;
}

static void complete(struct dsa_queue *queue, const struct dsa_descriptor *descriptor,
		     const struct dsa_record *record)
{
	int err = give_record(queue, descriptor, record);

	if ((descriptor->flags & DSA_FLAG_RCI) && record->status != DSA_BAD_HANDLE &&
	    err != -ENODEV)
		interrupt(queue, descriptor);
	queue->counts.descriptors++;
	if (is_fault(record->status))
		queue->counts.faults++;
	if (record->status != DSA_OK || err)
		queue->batch.failed = true;
}

/* ---- How it begins ------------------------------------------------------------------------- */

static void charge(struct dsa_quantum *quantum, uint64_t cost)
{
	quantum->charged += cost;
	quantum->bytes -= cost < quantum->bytes ? cost : quantum->bytes;
}

static void refuse(struct dsa_queue *queue, struct dsa_quantum *quantum,
		   const struct dsa_descriptor *descriptor, uint8_t status, uint32_t flags)
{
	struct dsa_record record = {.status = status};

	if (status == DSA_BAD_FLAGS)
		dsa_put32(record.specific, flags);
	complete(queue, descriptor, &record);
	charge(quantum, COST_MIN);
}

/*
 * What is wrong whatever the operation: a status, or 0. A batch's members are as privileged as the
 * batch, whatever they say, and Linux has them say so.
 */
static uint8_t check_sender(struct dsa_queue *queue, const struct dsa_descriptor *descriptor)
{
	if (descriptor->privileged && !queue->in_batch)
		return DSA_BAD_PRIVILEGE;
	if (descriptor->pasid && descriptor->pasid != queue->owner) {
		queue->counts.refused++;
		return DSA_BAD_RESERVED;
	}
	return 0;
}

static uint8_t check_handle(struct dsa_queue *queue, const struct dsa_descriptor *descriptor)
{
	if (!(descriptor->flags & DSA_FLAG_RCI) ||
	    !umd_work_check_vector(queue->work, descriptor->handle))
		return 0;
	queue->counts.refused++;
	return DSA_BAD_HANDLE;
}

/* There is no place for its record: nothing is done, and only the note tells. */
static void refuse_record(struct dsa_queue *queue, struct dsa_quantum *quantum,
			  const struct dsa_descriptor *descriptor)
{
	tell(queue, descriptor, DSA_BAD_RECORD, descriptor->completion, 0);
	queue->counts.descriptors++;
	queue->batch.failed = true;
	charge(quantum, COST_MIN);
}

/* What stands before it in its queue is done. */
static void begin_drain(struct dsa_queue *queue, struct dsa_quantum *quantum,
			const struct dsa_descriptor *descriptor)
{
	uint32_t flags = 0;
	uint8_t wrong = dsa_drain_check(descriptor, &queue->limits, &flags);

	if (!wrong)
		wrong = check_handle(queue, descriptor);
	refuse(queue, quantum, descriptor, wrong ? wrong : DSA_OK, flags);
}

static void begin_batch(struct dsa_queue *queue, struct dsa_quantum *quantum,
			const struct dsa_descriptor *descriptor)
{
	uint32_t flags = 0;
	uint8_t wrong = dsa_batch_check(descriptor, &queue->limits, queue->max_batch, &flags);

	if (!wrong)
		wrong = check_handle(queue, descriptor);
	if (wrong) {
		refuse(queue, quantum, descriptor, wrong, flags);
		return;
	}
	dsa_batch_begin(&queue->batch, descriptor);
	queue->in_batch = true;
}

static void begin_job(struct dsa_queue *queue, struct dsa_quantum *quantum,
		      const struct dsa_descriptor *descriptor)
{
	uint8_t wrong;

	if (!dsa_job_begin(&queue->job, descriptor, &queue->limits)) {
		complete(queue, descriptor, &queue->job.record);
		charge(quantum, COST_MIN);
		return;
	}
	wrong = check_handle(queue, descriptor);
	if (wrong) {
		refuse(queue, quantum, descriptor, wrong, 0);
		return;
	}
	queue->in_job = true;
	queue->cost = 0;
}

static void begin(struct dsa_queue *queue, struct dsa_quantum *quantum,
		  const struct dsa_descriptor *descriptor)
{
	uint8_t wrong;

	quantum->descriptors--;
	if ((descriptor->flags & DSA_FLAG_CRAV) && descriptor->completion % DSA_RECORD_SIZE) {
		refuse_record(queue, quantum, descriptor);
		return;
	}
	wrong = check_sender(queue, descriptor);
	if (wrong)
		refuse(queue, quantum, descriptor, wrong, 0);
	else if (descriptor->opcode != DSA_BATCH && descriptor->opcode != DSA_DRAIN)
		begin_job(queue, quantum, descriptor);
	else if (queue->in_batch)
		refuse(queue, quantum, descriptor, DSA_BAD_OPCODE, 0);
	else if (descriptor->opcode == DSA_BATCH)
		begin_batch(queue, quantum, descriptor);
	else
		begin_drain(queue, quantum, descriptor);
}

/* ---- What comes next ----------------------------------------------------------------------- */

/* What a batch has cost are its members, unless there were none. */
static void end_batch(struct dsa_queue *queue, struct dsa_quantum *quantum,
		      const struct dsa_record *record)
{
	struct dsa_descriptor descriptor = queue->batch.descriptor;

	queue->in_batch = false;
	complete(queue, &descriptor, record);
	if (!record->bytes)
		charge(quantum, COST_MIN);
}

static void begin_member(struct dsa_queue *queue, struct dsa_quantum *quantum)
{
	struct dsa_descriptor descriptor;
	struct dsa_record record;
	const uint8_t *raw = dsa_batch_next(&queue->batch, queue->reader, &record);

	if (!raw) {
		end_batch(queue, quantum, &record);
		return;
	}
	dsa_descriptor_decode(raw, &descriptor);
	if ((descriptor.flags & DSA_FLAG_FENCE) && queue->batch.failed) {
		dsa_batch_fence(&queue->batch, &record);
		end_batch(queue, quantum, &record);
		return;
	}
	begin(queue, quantum, &descriptor);
}

/* What has been counted is there to read once a command has ended. */
static void tell_counts(struct dsa_queue *queue)
{
	dsa_usage_add(queue->meter, &queue->counts);
	queue->counts = (struct dsa_counts){0};
}

/* The command that waited for what there was has ended. */
static void end_command(struct dsa_queue *queue, int result)
{
	tell_counts(queue);
	queue->is_commanded = false;
	if (queue->command == UMD_QUEUE_STOP)
		queue->has_ended = true;
	umd_work_ended(queue->work, result);
}

/* False: nothing has come. */
static bool take(struct dsa_queue *queue)
{
	int n;

	if (queue->has_ended)
		return false;
	n = umd_work_take(queue->work, queue->entries, DSA_TAKE);
	if (n == -EPROTO) {
		queue->counts.refused++;
		queue->has_ended = true;
		if (queue->is_commanded)
			end_command(queue, n);
	}
	if (n <= 0)
		return false;

	queue->taken = (unsigned int)n;
	queue->begun = 0;
	queue->left -= queue->taken < queue->left ? queue->taken : queue->left;
	return true;
}

/* Nothing that was taken is left. False: nothing is there to go on with. */
static bool take_more(struct dsa_queue *queue)
{
	if (queue->is_commanded && !queue->left)
		end_command(queue, 0);
	return take(queue);
}

static bool begin_next(struct dsa_queue *queue, struct dsa_quantum *quantum)
{
	struct dsa_descriptor descriptor;

	if (queue->in_batch) {
		begin_member(queue, quantum);
		return true;
	}
	if (queue->begun == queue->taken && !take_more(queue))
		return false;
	dsa_descriptor_decode(queue->entries[queue->begun++], &descriptor);
	begin(queue, quantum, &descriptor);
	return true;
}

/* Whether the job has ended for want of a page that it may wait for. */
static bool misses_page(const struct dsa_queue *queue)
{
	uint8_t status = queue->job.record.status;

	return queue->asks_for_pages && (queue->job.descriptor.flags & DSA_FLAG_BOF) &&
	       (status & ~DSA_FAULT_WRITE) == DSA_FAULT;
}

static void ask(struct dsa_queue *queue)
{
	const struct dsa_record *record = &queue->job.record;
	const struct dsa_note note = {.status = DSA_FAULT,
				      .opcode = queue->job.descriptor.opcode,
				      .asks = true,
				      .write = record->status & DSA_FAULT_WRITE,
				      .address = record->fault_address};

	queue->asks = true;
	queue->asked_at = dsa_now();
	umd_work_note(queue->work, &note, sizeof(note));
}

/*
 * A note is lost where another one waits to be told, so it is given again. Who has asked for an
 * answer and gives none does not keep a line from its sleep for good.
 */
static void ask_again(struct dsa_queue *queue)
{
	if (dsa_now() - queue->asked_at < ASK_NS)
		return;
	if (++queue->asked_again < ASKS_MAX) {
		ask(queue);
		return;
	}
	queue->asks = false;
	queue->denied = true;
}

/* It ends where it stands: what its record says of how far it came is true. */
static void end_denied(struct dsa_queue *queue)
{
	uint8_t write = queue->job.record.status & DSA_FAULT_WRITE;

	queue->denied = false;
	queue->in_job = false;
	queue->job.record.status = DSA_PAGE_RESPONSE | write;
	complete(queue, &queue->job.descriptor, &queue->job.record);
}

static void step(struct dsa_queue *queue, struct dsa_quantum *quantum)
{
	size_t room = quantum->bytes < STEP_MAX ? quantum->bytes : STEP_MAX, cost = 0;
	bool ended = dsa_job_step(&queue->job, queue->reader, room, &cost);

	queue->cost += cost;
	queue->counts.bytes += cost;
	charge(quantum, cost);
	if (!ended)
		return;
	if (misses_page(queue)) {
		queue->asked_again = 0;
		ask(queue);
		return;
	}

	queue->in_job = false;
	if (queue->cost < COST_MIN)
		charge(quantum, COST_MIN - queue->cost);
	complete(queue, &queue->job.descriptor, &queue->job.record);
}

/* ---- Turns --------------------------------------------------------------------------------- */

static bool may_go_on(const struct dsa_queue *queue, const struct dsa_quantum *quantum)
{
	return quantum->bytes && (quantum->descriptors || queue->in_job) &&
	       !__atomic_load_n(quantum->leave, __ATOMIC_RELAXED);
}

/* When both limits let it go on. */
static uint64_t ready_at(struct dsa_queue *queue, uint64_t now)
{
	uint64_t bytes = dsa_limit_ready(&queue->bytes, now);
	uint64_t descriptors = dsa_limit_ready(&queue->descriptors, now);

	return bytes > descriptors ? bytes : descriptors;
}

static bool is_idle(const struct dsa_queue *queue)
{
	return !queue->in_job && !queue->in_batch && queue->begun == queue->taken;
}

static void settle(struct dsa_queue *queue, uint64_t charged, unsigned int descriptors)
{
	dsa_limit_take(&queue->bytes, charged);
	dsa_limit_take(&queue->descriptors, descriptors);
	tell_counts(queue);
}

enum dsa_turn dsa_queue_run(struct dsa_queue *queue, struct dsa_quantum *quantum,
			    uint64_t *ret_until)
{
	uint64_t before = quantum->charged, now = queue->is_limited ? dsa_now() : 0;
	unsigned int descriptors = quantum->descriptors;
	enum dsa_turn turn = DSA_TURN_MORE;

	if (queue->is_limited && ready_at(queue, now) > now &&
	    (!is_idle(queue) || umd_work_waiting(queue->work))) {
		*ret_until = ready_at(queue, now);
		return DSA_TURN_LATER;
	}
	if (queue->asks)
		ask_again(queue);
	while (may_go_on(queue, quantum) && !queue->asks) {
		if (queue->denied)
			end_denied(queue);
		if (!queue->in_job && !begin_next(queue, quantum)) {
			turn = DSA_TURN_EMPTY;
			break;
		}
		if (queue->in_job)
			step(queue, quantum);
	}
	settle(queue, quantum->charged - before, descriptors - quantum->descriptors);
	if (!queue->asks)
		return turn;
	*ret_until = queue->asked_at + ASK_NS;
	return DSA_TURN_LATER;
}

#define PAGE_MASK (~UINT64_C(4095))

void dsa_queue_answer(struct dsa_queue *queue, uint64_t address, bool granted)
{
	if (!queue->asks || ((queue->job.record.fault_address ^ address) & PAGE_MASK))
		return;
	queue->asks = false;
	queue->denied = !granted;
}

/* ---- Commands ------------------------------------------------------------------------------ */

static void forget(struct dsa_queue *queue)
{
	queue->in_job = false;
	queue->in_batch = false;
	queue->asks = false;
	queue->denied = false;
	queue->taken = 0;
	queue->begun = 0;
}

/* What waits in the ring is dropped by the next start. */
static void abort_all(struct dsa_queue *queue)
{
	forget(queue);
	queue->has_ended = true;
}

void dsa_queue_command(struct dsa_queue *queue, enum umd_queue_command command)
{
	queue->command = command;
	if (command == UMD_QUEUE_START) {
		queue->has_ended = false;
	} else if (command == UMD_QUEUE_ABORT) {
		abort_all(queue);
	} else if (!queue->has_ended) {
		queue->left = umd_work_waiting(queue->work);
		queue->is_commanded = true;
		if (queue->left || !is_idle(queue))
			return;
	}
	end_command(queue, 0);
}
