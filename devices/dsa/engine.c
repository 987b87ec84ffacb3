/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umdev/ims.h>

#include "pool.h"
#include "queue.h"
#include "usage.h"

#define WORKERS_DEFAULT_MAX 8u
#define QUEUES_DEFAULT	    256u
#define QUEUES_MAX	    4096u
#define VECTORS_DEFAULT	    2048u
#define TRANSFER_DEFAULT    (UINT64_C(2) << 30)
#define TRANSFER_MAX	    (UINT64_C(1) << 32)
#define BATCH_DEFAULT	    1024u
#define SPIN_US_DEFAULT	    20u
#define DEPTH_MAX	    4096u

#define ALGORITHMS                                                                           \
	"nop batch drain move fill compare compare-pattern delta dualcast crc copy-crc dif " \
	"cache-flush"

#define BIT(opcode) (UINT64_C(1) << (opcode))
#define OPCODES                                                                                \
	(BIT(DSA_NOP) | BIT(DSA_BATCH) | BIT(DSA_DRAIN) | BIT(DSA_MOVE) | BIT(DSA_FILL) |      \
	 BIT(DSA_COMPARE) | BIT(DSA_COMPARE_PATTERN) | BIT(DSA_CREATE_DELTA) |                 \
	 BIT(DSA_APPLY_DELTA) | BIT(DSA_DUALCAST) | BIT(DSA_CRC) | BIT(DSA_COPY_CRC) |         \
	 BIT(DSA_DIF_CHECK) | BIT(DSA_DIF_INSERT) | BIT(DSA_DIF_STRIP) | BIT(DSA_DIF_UPDATE) | \
	 BIT(DSA_CACHE_FLUSH))

struct dsa_engine {
	struct umd_parent *parent;
	struct umd_ims *ims;
	struct dsa_pool *pool;
	struct dsa_capabilities capabilities;
	struct dsa_line **shared; /* by number, less 1; NULL: nobody uses it */
	struct dsa_queue *queues; /* all of them */
	struct dsa_usages usages;
};

/* ---- Queues come and go, in the parent's thread ---------------------------------------------- */

/* The line that a queue is to stand in, held; NULL: there are too many. */
static struct dsa_line *get_line(struct dsa_engine *engine, uint32_t shared)
{
	struct dsa_line *line = shared ? engine->shared[shared - 1] : NULL;

	if (line) {
		dsa_pool_hold(engine->pool, line);
		return line;
	}
	line = dsa_pool_add(engine->pool);
	if (line && shared)
		engine->shared[shared - 1] = line;
	return line;
}

/* Nobody needs to hold it any more; without queues it ends. */
static void put_line(struct dsa_engine *engine, struct dsa_line *line, uint32_t shared)
{
	if (line->turn) {
		dsa_pool_release(engine->pool, line);
		return;
	}
	if (shared)
		engine->shared[shared - 1] = NULL;
	dsa_pool_remove(engine->pool, line);
}

static int stand_in_line(struct dsa_engine *engine, struct dsa_queue *queue, uint32_t shared)
{
	struct dsa_line *line = get_line(engine, shared);
	int err;

	if (!line)
		return -ENOSPC;
	err = dsa_pool_watch(engine->pool, line, umd_work_doorbell(queue->work));
	if (!err)
		dsa_line_add(line, queue);
	put_line(engine, line, shared);
	return err;
}

static int open_queue(void *data, struct umd_work *work, void **ret)
{
	struct dsa_engine *engine = data;
	struct dsa_queue *queue;
	int err = dsa_queue_create(work, &engine->capabilities, &engine->usages, &queue);

	if (err)
		return err;
	err = stand_in_line(engine, queue, umd_work_options(work)->shared);
	if (err) {
		dsa_queue_destroy(queue);
		return err;
	}
	queue->next_of_all = engine->queues;
	engine->queues = queue;
	*ret = queue;
	return 0;
}

static void take_out(struct dsa_engine *engine, const struct dsa_queue *queue)
{
	struct dsa_queue **at = &engine->queues;

	while (*at != queue)
		at = &(*at)->next_of_all;
	*at = queue->next_of_all;
}

static void close_queue(void *data, void *context)
{
	struct dsa_engine *engine = data;
	struct dsa_queue *queue = context;
	struct dsa_line *line = queue->line;
	uint32_t shared = umd_work_options(queue->work)->shared;

	take_out(engine, queue);
	dsa_pool_hold(engine->pool, line);
	dsa_pool_unwatch(engine->pool, umd_work_doorbell(queue->work));
	dsa_line_remove(line, queue);
	put_line(engine, line, shared);
	dsa_queue_destroy(queue);
}

static void command_queue(void *data, void *context, enum umd_queue_command command)
{
	struct dsa_engine *engine = data;
	struct dsa_queue *queue = context;

	dsa_pool_hold(engine->pool, queue->line);
	dsa_queue_command(queue, command);
	dsa_pool_release(engine->pool, queue->line);
}

void dsa_engine_answer(struct dsa_engine *engine, uint32_t owner, uint64_t address, bool granted)
{
	for (struct dsa_queue *queue = engine->queues; queue; queue = queue->next_of_all) {
		if (queue->owner != owner || !queue->asks_for_pages)
			continue;
		dsa_pool_hold(engine->pool, queue->line);
		dsa_queue_answer(queue, address, granted);
		dsa_pool_release(engine->pool, queue->line);
	}
}

static void get_info(void *data, struct umd_parent_info *info)
{
	const struct dsa_engine *engine = data;

	info->max_batch = engine->capabilities.max_batch;
	info->max_transfer = engine->capabilities.max_transfer;
}

/* What an owner has had is its own to read: counters.h. */
static int get_region(void *data, uint32_t owner, uint32_t index, struct umd_parent_region *ret)
{
	struct dsa_engine *engine = data;
	struct dsa_meter *meter;
	int err = dsa_usage_find(&engine->usages, owner, &meter);

	if (err)
		return err;
	ret->fd = meter->fd;
	ret->bytes = dsa_usage_page();
	return 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static unsigned int count_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	if (count < 1)
		return 1;
	return count < (long)WORKERS_DEFAULT_MAX ? (unsigned int)count : WORKERS_DEFAULT_MAX;
}

/* With the defaults where there is nothing. */
static struct dsa_engine_options complete(const struct dsa_engine_options *options)
{
	struct dsa_engine_options whole = *options;

	whole.workers = whole.workers ? whole.workers : count_processors();
	whole.queues = whole.queues ? whole.queues : QUEUES_DEFAULT;
	whole.vectors = whole.vectors ? whole.vectors : VECTORS_DEFAULT;
	whole.max_transfer = whole.max_transfer ? whole.max_transfer : TRANSFER_DEFAULT;
	whole.max_batch = whole.max_batch ? whole.max_batch : BATCH_DEFAULT;
	whole.spin_us = whole.spin_us ? whole.spin_us : SPIN_US_DEFAULT;
	return whole;
}

static int check(const struct dsa_engine_options *options, struct umd_error *error)
{
	if (options->workers > DSA_WORKERS_MAX)
		return umd_error_set(error, -EINVAL, "an engine has at most %u workers",
				     DSA_WORKERS_MAX);
	if (options->queues > QUEUES_MAX || options->shared_queues > QUEUES_MAX)
		return umd_error_set(error, -EINVAL, "an engine has at most %u queues", QUEUES_MAX);
	if (options->vectors > UMD_IMS_ENTRIES_MAX)
		return umd_error_set(error, -EINVAL, "an engine has at most %u vectors",
				     UMD_IMS_ENTRIES_MAX);
	if (options->max_transfer > TRANSFER_MAX)
		return umd_error_set(error, -EINVAL, "a transfer has at most 4 GiB");
	if (options->max_batch < DSA_BATCH_MIN)
		return umd_error_set(error, -EINVAL, "a batch has at least %u descriptors",
				     DSA_BATCH_MIN);
	return 0;
}

static int make_parent(struct dsa_engine *engine, const struct dsa_engine_options *options)
{
	static const struct umd_parent_ops ops = {.open = open_queue,
						  .close = close_queue,
						  .command = command_queue,
						  .get_info = get_info,
						  .get_region = get_region};
	const struct umd_parent_options parent = {.size = sizeof(parent),
						  .api = DSA_API,
						  .algorithms = ALGORITHMS,
						  .entry_size = DSA_DESCRIPTOR_SIZE,
						  .max_depth = DEPTH_MAX,
						  .max_queues = options->queues,
						  .shared_queues = options->shared_queues,
						  .ims = engine->ims,
						  .ops = &ops,
						  .data = engine,
						  .regions = DSA_COUNTERS_REGION + 1};
	int err = umd_parent_create(&parent, &engine->parent);

	engine->usages.parent = engine->parent;
	return err;
}

static int init(struct dsa_engine *engine, const struct dsa_engine_options *options)
{
	const struct umd_ims_options ims = {.size = sizeof(ims), .entries = options->vectors};
	const struct dsa_pool_options pool = {.workers = options->workers,
					      .lines = options->queues + options->shared_queues,
					      .spin_ns = options->spin_us * UINT64_C(1000)};
	int err;

	engine->capabilities = (struct dsa_capabilities){
		.max_transfer = options->max_transfer,
		.max_batch = options->max_batch,
		.opcodes = {OPCODES},
	};
	engine->shared = calloc(options->shared_queues + 1, sizeof(*engine->shared));
	if (!engine->shared)
		return -ENOMEM;
	err = umd_ims_create(&ims, &engine->ims);
	if (!err)
		err = dsa_pool_create(&pool, &engine->pool);
	return err ? err : make_parent(engine, options);
}

int dsa_engine_create(const struct dsa_engine_options *options, struct dsa_engine **ret,
		      struct umd_error *error)
{
	struct dsa_engine_options whole = complete(options);
	int err = check(&whole, error);
	struct dsa_engine *engine;

	if (err)
		return err;
	engine = calloc(1, sizeof(*engine));
	if (engine)
		dsa_usage_init(&engine->usages);
	err = engine ? init(engine, &whole) : -ENOMEM;
	if (err) {
		dsa_engine_destroy(engine);
		return umd_error_set(error, err, "cannot make an engine: %s", strerror(-err));
	}
	*ret = engine;
	return 0;
}

void dsa_engine_destroy(struct dsa_engine *engine)
{
	if (!engine)
		return;
	umd_parent_destroy(engine->parent);
	dsa_pool_destroy(engine->pool);
	umd_ims_destroy(engine->ims);
	dsa_usage_finish(&engine->usages);
	free(engine->shared);
	free(engine);
}

struct umd_parent *dsa_engine_parent(const struct dsa_engine *engine)
{
	return engine->parent;
}

size_t dsa_engine_get_usage(struct dsa_engine *engine, struct dsa_usage *ret, size_t room)
{
	return dsa_usage_get(&engine->usages, ret, room);
}
