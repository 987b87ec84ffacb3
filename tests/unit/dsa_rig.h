/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine and those who use it: owners, each with a link, a queue, and memory of its own that
 * lies at RIG_BASE in its space. Descriptors are written byte by byte, as the specification has
 * them.
 */
#ifndef DSA_RIG_H
#define DSA_RIG_H

#include "unit.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>

#include <umdev/parent.h>

#include "dsa/engine.h"

#define RIG_BASE UINT64_C(0x100000)
#define RIG_SIZE (UINT64_C(4) << 20)

/* Where in an owner's memory: records of 32 bytes, lists, and two buffers of 1 MiB. */
#define RIG_RECORDS	0u
#define RIG_LISTS	0x40000u
#define RIG_SOURCE	0x100000u
#define RIG_DESTINATION 0x200000u
#define RIG_ALWAYS	(DSA_FLAG_CRAV | DSA_FLAG_RCR)

struct rig_user {
	struct dsa_engine *engine;
	struct umd_link *link;
	struct umd_queue *queue;
	uint8_t *memory;
	unsigned int notes, lost, halts;
	struct dsa_note note; /* the last one */
	int reason;
};

static inline struct dsa_engine *rig_engine(const struct dsa_engine_options *options)
{
	const struct dsa_engine_options one = {.workers = 1};
	struct dsa_engine *engine;
	struct umd_error error = {0};

	if (dsa_engine_create(options ? options : &one, &engine, &error))
		fail_msg("%s", error.text);
	return engine;
}

static inline uint64_t rig_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- Users --------------------------------------------------------------------------------- */

static inline void rig_noted(void *data, struct umd_queue *queue, const void *note, size_t size,
			     uint32_t lost)
{
	struct rig_user *user = data;

	(void)queue;
	assert_int_equal(size, sizeof(user->note));
	memcpy(&user->note, note, size);
	user->notes++;
	user->lost += lost;
}

static inline void rig_halted(void *data, struct umd_queue *queue, int reason)
{
	struct rig_user *user = data;

	(void)queue;
	user->halts++;
	user->reason = reason;
}

static inline void rig_map(struct rig_user *user, uint64_t offset, uint64_t size)
{
	const struct umd_dma_change change = {.iova = RIG_BASE + offset,
					      .size = size,
					      .prot = UMD_DMA_READ | UMD_DMA_WRITE,
					      .kind = UMD_DMA_BY_ADDRESS,
					      .address = user->memory + offset};

	assert_int_equal(umd_link_change(user->link, &change, 1, NULL, NULL), 0);
}

static inline void rig_unmap(struct rig_user *user, uint64_t offset, uint64_t size)
{
	const struct umd_dma_change change = {
		.unmap = true, .iova = RIG_BASE + offset, .size = size};

	assert_int_equal(umd_link_change(user->link, &change, 1, NULL, NULL), 0);
}

/* Opens a link whose memory is not mapped yet. */
static inline void rig_link(struct rig_user *user, struct dsa_engine *engine, uint32_t number)
{
	static const struct umd_link_ops ops = {.noted = rig_noted, .halted = rig_halted};
	const struct umd_owner owner = {.size = sizeof(owner),
					.owner = number,
					.queues = 4,
					.vectors = 4,
					.max_weight = 64};

	*user = (struct rig_user){.engine = engine};
	user->memory =
		mmap(NULL, RIG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(user->memory != MAP_FAILED);
	assert_int_equal(umd_link_open(dsa_engine_parent(engine), &owner, NULL, &user->link, NULL),
			 0);
	umd_link_set_ops(user->link, &ops, user);
}

static inline struct umd_queue *rig_queue(struct rig_user *user, uint32_t weight, uint32_t shared,
					  const struct dsa_queue_config *config)
{
	const struct umd_queue_options options = {.size = sizeof(options),
						  .shared = shared,
						  .depth = 256,
						  .weight = weight,
						  .config = config,
						  .config_size = config ? sizeof(*config) : 0};
	struct umd_queue *queue;

	assert_int_equal(umd_queue_open(user->link, &options, &queue), 0);
	return queue;
}

static inline void rig_join(struct rig_user *user, struct dsa_engine *engine, uint32_t number)
{
	rig_link(user, engine, number);
	rig_map(user, 0, RIG_SIZE);
	user->queue = rig_queue(user, 0, 0, NULL);
}

static inline void rig_leave(struct rig_user *user)
{
	umd_queue_close(user->queue);
	umd_link_close(user->link);
	munmap(user->memory, RIG_SIZE);
}

static inline void rig_dispatch(struct rig_user *user)
{
	assert_int_equal(umd_parent_dispatch(dsa_engine_parent(user->engine), 0), 0);
	assert_int_equal(umd_link_dispatch(user->link), 0);
}

static inline struct dsa_usage rig_usage(struct dsa_engine *engine, uint32_t owner)
{
	struct dsa_usage all[DSA_OWNERS_MAX];
	size_t count = dsa_engine_get_usage(engine, all, DSA_OWNERS_MAX);

	for (size_t i = 0; i < count; i++) {
		if (all[i].owner == owner)
			return all[i];
	}
	return (struct dsa_usage){0};
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static inline void rig_put(uint8_t *to, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t rig_get(const uint8_t *from, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

/* With a record of this number, where flags say that it has one. */
static inline void rig_describe(uint8_t *raw, uint8_t opcode, uint32_t flags, unsigned int record,
				uint64_t source, uint64_t destination, uint32_t size)
{
	memset(raw, 0, DSA_DESCRIPTOR_SIZE);
	rig_put(raw + 4, flags | (uint32_t)opcode << 24, 4);
	if (flags & DSA_FLAG_CRAV)
		rig_put(raw + 8, RIG_BASE + RIG_RECORDS + record * DSA_RECORD_SIZE, 8);
	rig_put(raw + 16, source, 8);
	rig_put(raw + 24, destination, 8);
	rig_put(raw + 32, size, 4);
}

static inline void rig_describe_move(uint8_t *raw, unsigned int record, uint64_t from, uint64_t to,
				     uint32_t size)
{
	rig_describe(raw, DSA_MOVE, RIG_ALWAYS, record, RIG_BASE + RIG_SOURCE + from,
		     RIG_BASE + RIG_DESTINATION + to, size);
}

static inline uint8_t *rig_record(const struct rig_user *user, unsigned int record)
{
	return user->memory + RIG_RECORDS + record * DSA_RECORD_SIZE;
}

static inline void rig_submit(struct rig_user *user, const uint8_t *raw)
{
	uint64_t end = rig_now_ms() + 10000;

	while (umd_queue_submit(user->queue, raw, 1) != 1) {
		rig_dispatch(user);
		if (rig_now_ms() > end)
			fail_msg("the queue stays full");
	}
}

static inline uint8_t rig_status(const struct rig_user *user, unsigned int record)
{
	return __atomic_load_n(rig_record(user, record), __ATOMIC_ACQUIRE);
}

/* Waits until a record says something. */
static inline uint8_t rig_wait(struct rig_user *user, unsigned int record)
{
	uint64_t end = rig_now_ms() + 10000;
	uint8_t status;

	while (!(status = rig_status(user, record))) {
		rig_dispatch(user);
		if (rig_now_ms() > end)
			fail_msg("record %u stays empty", record);
		sched_yield();
	}
	return status;
}

static inline uint8_t rig_do(struct rig_user *user, const uint8_t *raw, unsigned int record)
{
	memset(rig_record(user, record), 0, DSA_RECORD_SIZE);
	rig_submit(user, raw);
	return rig_wait(user, record);
}

/* Has all that was submitted before done. */
static inline void rig_drain(struct rig_user *user)
{
	assert_int_equal(umd_queue_command(user->queue, UMD_QUEUE_DRAIN, NULL, NULL), 0);
	rig_dispatch(user);
}

static inline void rig_fill(uint8_t *memory, size_t size, uint64_t seed)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t value = unit_random(&seed);

		memcpy(memory + i, &value, 8);
	}
}

#endif
