/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of parents share: a parent whose author is the test, which takes entries by hand,
 * and an owner's link and queue in one line each.
 */
#ifndef PARENT_FIXTURE_H
#define PARENT_FIXTURE_H

#include "unit.h"

#include <sys/eventfd.h>

#include <umdev/ims.h>
#include <umdev/parent.h>

#define ENTRY	64u
#define VECTORS 64u /* of the store */
#define REGIONS 3u

struct entry {
	uint64_t words[ENTRY / sizeof(uint64_t)];
};

/* What the author was asked, and how he answers. */
struct author {
	struct umd_work *work; /* of the queue opened last */
	unsigned int opened, closed;
	int refuse;	 /* what open() returns */
	bool is_slow;	 /* a command ends when the test says so */
	int result;	 /* of those that end at once */
	int command;	 /* the last one; -1: none */
	uint32_t weight; /* of the queue opened last */
	uint8_t config[UMD_QUEUE_CONFIG_MAX];
	struct umd_parent_region regions[REGIONS]; /* of every owner; without bytes: none */
	uint32_t region_owner;			   /* who asked last */
	unsigned int described, put;
};

struct rig {
	struct umd_ims *ims;
	struct umd_parent *parent;
	struct author author;
};

static inline int author_open(void *data, struct umd_work *work, void **ret)
{
	struct author *author = data;
	const struct umd_queue_options *options = umd_work_options(work);

	if (author->refuse)
		return author->refuse;
	author->opened++;
	author->work = work;
	author->weight = options->weight;
	memcpy(author->config, options->config, options->config_size);
	*ret = work;
	return 0;
}

static inline void author_close(void *data, void *context)
{
	struct author *author = data;

	author->closed++;
	if (author->work == context)
		author->work = NULL;
}

static inline void author_command(void *data, void *context, enum umd_queue_command command)
{
	struct author *author = data;

	author->command = (int)command;
	if (!author->is_slow)
		umd_work_ended(context, author->result);
}

static inline void author_get_info(void *data, struct umd_parent_info *info)
{
	info->max_batch = 7;
	info->max_transfer = 1 << 20;
}

static inline int author_get_region(void *data, uint32_t owner, uint32_t index,
				    struct umd_parent_region *ret)
{
	struct author *author = data;

	author->region_owner = owner;
	author->described++;
	if (!author->regions[index].bytes)
		return -ENOENT;
	*ret = author->regions[index];
	return 0;
}

static inline void author_put_region(void *data, uint32_t owner, uint32_t index)
{
	struct author *author = data;

	author->region_owner = owner;
	author->put++;
}

static const struct umd_parent_ops author_ops = {.open = author_open,
						 .close = author_close,
						 .command = author_command,
						 .get_info = author_get_info,
						 .get_region = author_get_region,
						 .put_region = author_put_region};

static inline struct umd_parent_options rig_options(struct rig *rig)
{
	return (struct umd_parent_options){.size = sizeof(struct umd_parent_options),
					   .api = "toy-1",
					   .algorithms = "nop count",
					   .entry_size = ENTRY,
					   .max_depth = 1024,
					   .shared_queues = 3,
					   .ims = rig->ims,
					   .ops = &author_ops,
					   .data = &rig->author,
					   .regions = REGIONS};
}

static inline void rig_make_store(struct rig *rig)
{
	const struct umd_ims_options options = {.size = sizeof(options), .entries = VECTORS};

	*rig = (struct rig){.author = {.command = -1}};
	assert_int_equal(umd_ims_create(&options, &rig->ims), 0);
}

static inline void rig_init(struct rig *rig)
{
	struct umd_parent_options options;

	rig_make_store(rig);
	options = rig_options(rig);
	assert_int_equal(umd_parent_create(&options, &rig->parent), 0);
}

static inline void rig_finish(struct rig *rig)
{
	umd_parent_destroy(rig->parent);
	umd_ims_destroy(rig->ims);
}

static inline struct umd_owner rig_owner(uint32_t owner)
{
	return (struct umd_owner){.size = sizeof(struct umd_owner),
				  .owner = owner,
				  .queues = 4,
				  .vectors = 4,
				  .max_weight = 8};
}

static inline struct umd_link *rig_link(struct rig *rig, uint32_t number)
{
	const struct umd_owner owner = rig_owner(number);
	struct umd_link *link = NULL;

	assert_int_equal(umd_link_open(rig->parent, &owner, NULL, &link, NULL), 0);
	return link;
}

static inline struct umd_queue_options queue_options(uint32_t depth)
{
	return (struct umd_queue_options){.size = sizeof(struct umd_queue_options), .depth = depth};
}

/* A queue, whose other end is the author's `work` from now on. */
static inline struct umd_queue *rig_queue(struct umd_link *link, uint32_t depth)
{
	const struct umd_queue_options options = queue_options(depth);
	struct umd_queue *queue = NULL;

	assert_int_equal(umd_queue_open(link, &options, &queue), 0);
	return queue;
}

static inline uint32_t rig_vector(struct umd_link *link, int eventfd)
{
	uint32_t vector = 0;

	assert_int_equal(umd_link_alloc_vector(link, &vector), 0);
	assert_int_equal(umd_link_set_eventfd(link, vector, eventfd), 0);
	return vector;
}

static inline int rig_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

static inline struct umd_work_stats work_stats(const struct umd_work *work)
{
	struct umd_work_stats stats = {.size = sizeof(stats)};

	assert_int_equal(umd_work_get_stats(work, &stats), 0);
	return stats;
}

/* Submits an entry that says `n` everywhere. */
static inline int submit(struct umd_queue *queue, uint64_t n)
{
	struct entry entry;

	for (size_t i = 0; i < UNIT_COUNT(entry.words); i++)
		entry.words[i] = n + (i << 32);
	return umd_queue_submit(queue, &entry, 1);
}

static inline bool says(const struct entry *entry, uint64_t n)
{
	for (size_t i = 0; i < UNIT_COUNT(entry->words); i++) {
		if (entry->words[i] != n + (i << 32))
			return false;
	}
	return true;
}

/* Takes one entry that says `n`. */
static inline void expect_entry(struct umd_work *work, uint64_t n)
{
	struct entry entry;

	assert_int_equal(umd_work_take(work, &entry, 1), 1);
	assert_true(says(&entry, n));
}

static inline int take_one(struct umd_work *work)
{
	struct entry entry;

	return umd_work_take(work, &entry, 1);
}

/* How a call has ended; `told` counts. */
struct ending {
	int told, result;
};

static inline void ending_done(void *data, int result)
{
	struct ending *ending = data;

	ending->told++;
	ending->result = result;
}

#endif
