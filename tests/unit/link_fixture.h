/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link to nowhere: its parent is the test. What is mapped goes into a space of its own, vectors
 * are entries of a store, and a change is answered at once, later, or never.
 */
#ifndef LINK_FIXTURE_H
#define LINK_FIXTURE_H

#include "ims_fixture.h"

#include "parent/link.h"

#define LINK_OWNER   7u
#define LINK_VECTORS 4u
#define LINK_BATCHES 4096u /* whose sizes are remembered */

enum link_answers {
	LINK_AT_ONCE, /* out of the call */
	LINK_SOON,    /* in the next dispatch */
	LINK_LATER,   /* when the test says so */
};

struct link_answer {
	umd_link_done_fn *done;
	void *data;
	int result;
};

struct fake_link {
	struct umd_link link; /* the first */
	enum link_answers answers;
	struct umd_dma_space *space;
	uint32_t max_maps; /* told, not kept */
	uint64_t max_mapped_bytes;
	int news; /* an eventfd: there is something to dispatch */
	bool closed;

	/* Changes. */
	unsigned int maps, unmaps, batches;
	unsigned int sizes[LINK_BATCHES]; /* of batches */
	unsigned int files;		  /* different fds in the last one */
	unsigned int refuse_at;		  /* the number of the map to refuse; 0: none */
	int refuse_with;
	struct link_answer *out; /* answers that have not been given */
	unsigned int out_count, out_room;
	unsigned int due; /* of these, how many the next dispatch gives */

	/* Vectors. */
	struct umd_ims *ims;
	struct umd_ims_domain *domain;
	umd_ims_handle handles[LINK_VECTORS];
	unsigned int vector_calls;
};

static inline struct fake_link *fake_link_of(struct umd_link *link)
{
	return (struct fake_link *)(void *)link;
}

/* ---- Changes ------------------------------------------------------------------------------- */

static inline int fake_link_change_one(struct fake_link *fake, const struct umd_dma_change *change)
{
	if (change->unmap)
		fake->unmaps++;
	else if (++fake->maps == fake->refuse_at)
		return fake->refuse_with;
	return umd_dma_space_change(fake->space, change, 1, NULL);
}

static inline unsigned int fake_link_count_files(const struct umd_dma_change *changes, size_t count)
{
	unsigned int files = 0;

	for (size_t i = 0; i < count; i++) {
		bool known = changes[i].unmap;

		for (size_t j = 0; j < i && !known; j++)
			known = !changes[j].unmap && changes[j].fd == changes[i].fd;
		files += !known;
	}
	return files;
}

static inline void fake_link_put_off(struct fake_link *fake, const struct link_answer *answer)
{
	if (fake->out_count == fake->out_room) {
		fake->out_room = fake->out_room ? 2 * fake->out_room : 16;
		fake->out = realloc(fake->out, fake->out_room * sizeof(*fake->out));
		assert_non_null(fake->out);
	}
	fake->out[fake->out_count++] = *answer;
}

/* Gives answers, the oldest first, in the next dispatch. */
static inline void fake_link_answer(struct fake_link *fake, unsigned int count)
{
	fake->due += count;
	assert_true(fake->due <= fake->out_count);
	unit_add_event(fake->news);
}

static inline int fake_link_change(struct umd_link *link, const struct umd_dma_change *changes,
				   size_t count, umd_link_done_fn *done, void *data)
{
	struct fake_link *fake = fake_link_of(link);
	int err = 0;

	if (fake->batches < LINK_BATCHES)
		fake->sizes[fake->batches] = (unsigned int)count;
	fake->batches++;
	fake->files = fake_link_count_files(changes, count);
	for (size_t i = 0; i < count && !err; i++)
		err = fake_link_change_one(fake, &changes[i]);
	if (!done || fake->answers == LINK_AT_ONCE)
		return err;

	fake_link_put_off(fake, &(struct link_answer){done, data, err});
	if (fake->answers == LINK_SOON)
		fake_link_answer(fake, 1);
	return -EINPROGRESS;
}

/* ---- The rest of a way --------------------------------------------------------------------- */

static inline void fake_link_close(struct umd_link *link)
{
	fake_link_of(link)->closed = true;
}

static inline int fake_link_get_info(struct umd_link *link, struct umd_parent_info *ret)
{
	ret->max_maps = fake_link_of(link)->max_maps;
	ret->max_mapped_bytes = fake_link_of(link)->max_mapped_bytes;
	return 0;
}

static inline int fake_link_get_fd(const struct umd_link *link)
{
	return ((const struct fake_link *)(const void *)link)->news;
}

static inline int fake_link_dispatch(struct umd_link *link)
{
	struct fake_link *fake = fake_link_of(link);
	unsigned int due = fake->due;

	unit_take_events(fake->news);
	for (unsigned int i = 0; i < due; i++) {
		struct link_answer answer = fake->out[0];

		memmove(fake->out, fake->out + 1, --fake->out_count * sizeof(answer));
		fake->due--;
		answer.done(answer.data, answer.result);
	}
	return 0;
}

static inline umd_ims_handle fake_link_handle(struct umd_link *link, uint32_t vector)
{
	struct fake_link *fake = fake_link_of(link);

	fake->vector_calls++;
	for (unsigned int i = 0; i < LINK_VECTORS; i++) {
		if (fake->handles[i] && ims_index(fake->handles[i]) == vector)
			return fake->handles[i];
	}
	return 0;
}

static inline int fake_link_set_eventfd(struct umd_link *link, uint32_t vector, int fd)
{
	return umd_ims_set_eventfd(fake_link_of(link)->domain, fake_link_handle(link, vector), fd);
}

static inline int fake_link_set_mask(struct umd_link *link, uint32_t vector, bool masked)
{
	return umd_ims_set_mask(fake_link_of(link)->domain, fake_link_handle(link, vector), masked);
}

static inline int fake_link_is_pending(struct umd_link *link, uint32_t vector)
{
	return umd_ims_is_pending(fake_link_of(link)->domain, fake_link_handle(link, vector));
}

static inline void fake_link_init(struct fake_link *fake)
{
	static const struct umd_link_way way = {.close = fake_link_close,
						.get_info = fake_link_get_info,
						.get_fd = fake_link_get_fd,
						.dispatch = fake_link_dispatch,
						.change = fake_link_change,
						.set_eventfd = fake_link_set_eventfd,
						.set_mask = fake_link_set_mask,
						.is_pending = fake_link_is_pending};
	const struct umd_dma_space_options options = {.size = sizeof(options), .owner = LINK_OWNER};

	*fake = (struct fake_link){
		.link.way = &way, .max_maps = 65535, .news = ims_eventfd(), .ims = ims_store(8)};
	assert_int_equal(umd_dma_space_create(&options, &fake->space), 0);
	fake->domain = ims_domain(fake->ims, LINK_OWNER, LINK_VECTORS);
	for (unsigned int i = 0; i < LINK_VECTORS; i++)
		assert_int_equal(umd_ims_alloc(fake->domain, &fake->handles[i]), 0);
}

/* The link has been closed, or is now. */
static inline void fake_link_finish(struct fake_link *fake)
{
	if (!fake->closed)
		umd_link_close(&fake->link);
	umd_dma_space_destroy(fake->space);
	umd_ims_domain_destroy(fake->domain);
	umd_ims_destroy(fake->ims);
	free(fake->out);
	close(fake->news);
}

#endif
