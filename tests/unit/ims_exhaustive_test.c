/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every sequence of calls up to a length, on small stores that two owners share: what works for one
 * owner never interrupts the other, whatever handle it was given and whenever.
 *
 * Beside the store runs a model that knows of each handle only whose entry it is, and whether that
 * lives, is masked or waits. After each step the call's result, both owners' eventfds and the
 * entry's pending bit must be what the model says. The store itself lives through all sequences, so
 * that no handle of any of them may be given out twice.
 */
#include "ims_fixture.h"

/* A step less where each costs several times as much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LENGTH 0
#elif defined(__has_feature)
#define LENGTH (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer))
#else
#define LENGTH 1
#endif

#define OWNERS	    2u
#define STEPS_MAX   8u
#define HANDLES_MAX STEPS_MAX
#define CALLS_MAX   (2 * OWNERS + HANDLES_MAX * 9)
#define INDEXES_MAX 8u

static const uint32_t pasids[OWNERS] = {7, 8};

/* ---- What is tried ------------------------------------------------------------------------- */

struct config {
	const char *name;
	unsigned int entries;	      /* of the array; 0: storage per owner */
	unsigned int vectors[OWNERS]; /* that each reserves */
	bool present[OWNERS];	      /* at the start */
	unsigned int steps[2];	      /* by LENGTH */
	unsigned long sequences[2];   /* that there are of so many steps */
};

static const struct config configs[] = {
	{"array of 2, one each", 2, {1, 1}, {true, true}, {5, 6}, {124682, 2751652}},
	{"array of 3, two and one", 3, {2, 1}, {true, true}, {4, 5}, {6963, 141062}},
	{"array of 2, one at a time", 2, {2, 2}, {true, false}, {5, 6}, {21848, 364139}},
	{"storage per owner, two and one", 0, {2, 1}, {true, true}, {4, 5}, {6963, 141062}},
};

enum verb { COME_OR_GO, ALLOC, TRIGGER, FREE, MASK, UNMASK, REVOKE, MOVE };

struct call {
	enum verb verb;
	unsigned int owner; /* who calls, or for whom, or to whom it moves */
	unsigned int entry; /* in the order in which the sequence got them */
};

/* ---- The model ----------------------------------------------------------------------------- */

struct entry {
	umd_ims_handle handle;
	unsigned int owner;
	bool lives, masked, pending;
};

struct model {
	const struct config *config;
	bool present[OWNERS];
	unsigned int out[OWNERS];
	struct entry entries[HANDLES_MAX];
	unsigned int count;
	unsigned int events[OWNERS]; /* of this step */
	struct umd_ims_stats stats;
};

static struct entry *model_add(struct model *model, unsigned int owner)
{
	struct entry *entry = &model->entries[model->count++];

	*entry = (struct entry){.owner = owner, .lives = true};
	model->out[owner]++;
	return entry;
}

static void model_end(struct model *model, struct entry *entry)
{
	entry->lives = false;
	model->out[entry->owner]--;
}

/* Something to deliver, or an end of what held it back. */
static void model_deliver(struct model *model, struct entry *entry)
{
	if (!entry->pending || entry->masked)
		return;
	entry->pending = false;
	model->events[entry->owner]++;
	model->stats.delivered++;
}

static bool model_is_full(const struct model *model, unsigned int owner)
{
	return model->out[owner] == model->config->vectors[owner];
}

static unsigned int model_reserved(const struct model *model)
{
	unsigned int reserved = 0;

	for (unsigned int i = 0; i < OWNERS; i++)
		reserved += model->present[i] ? model->config->vectors[i] : 0;
	return reserved;
}

static bool model_has_room(const struct model *model, unsigned int owner)
{
	return !model->config->entries ||
	       model_reserved(model) + model->config->vectors[owner] <= model->config->entries;
}

static bool model_is_like(const struct model *model, const struct model *other)
{
	if (model->count != other->count)
		return false;
	for (unsigned int i = 0; i < OWNERS; i++) {
		if (model->present[i] != other->present[i])
			return false;
	}
	for (unsigned int i = 0; i < model->count; i++) {
		const struct entry *a = &model->entries[i], *b = &other->entries[i];

		if (a->lives != b->lives || a->masked != b->masked || a->pending != b->pending)
			return false;
	}
	return true;
}

/* Every call that can be made now. Without a domain there is nothing to call it on. */
static unsigned int model_list(const struct model *model, struct call *calls)
{
	unsigned int n = 0;

	for (unsigned int owner = 0; owner < OWNERS; owner++) {
		calls[n++] = (struct call){COME_OR_GO, owner, 0};
		if (model->present[owner])
			calls[n++] = (struct call){ALLOC, owner, 0};
	}
	for (unsigned int i = 0; i < model->count; i++) {
		unsigned int of = model->entries[i].owner;

		calls[n++] = (struct call){REVOKE, of, i};
		for (unsigned int owner = 0; owner < OWNERS; owner++) {
			calls[n++] = (struct call){TRIGGER, owner, i};
			if (model->present[owner])
				calls[n++] = (struct call){FREE, owner, i};
			if (model->present[owner] && model->present[of])
				calls[n++] = (struct call){MOVE, owner, i};
		}
		if (model->present[of]) {
			calls[n++] = (struct call){MASK, of, i};
			calls[n++] = (struct call){UNMASK, of, i};
		}
	}
	return n;
}

/* ---- The store ----------------------------------------------------------------------------- */

struct world {
	struct umd_ims *ims;
	struct umd_ims_domain *domains[OWNERS];
	int fds[OWNERS];
	umd_ims_handle revoked[OWNERS]; /* told last */
	uint32_t generations[INDEXES_MAX];
};

static void world_init(struct world *world, const struct config *config)
{
	*world = (struct world){.ims = ims_store(config->entries)};
	for (unsigned int i = 0; i < OWNERS; i++)
		world->fds[i] = ims_eventfd();
}

static void world_finish(struct world *world)
{
	umd_ims_destroy(world->ims);
	for (unsigned int i = 0; i < OWNERS; i++)
		close(world->fds[i]);
}

static void on_revoked(void *data, umd_ims_handle handle)
{
	*(umd_ims_handle *)data = handle;
}

static int create_domain(struct world *world, const struct config *config, unsigned int owner)
{
	struct umd_ims_domain_options options = {.size = sizeof(options),
						 .owner = pasids[owner],
						 .vectors = config->vectors[owner],
						 .revoked = on_revoked,
						 .data = &world->revoked[owner]};

	return umd_ims_domain_create(world->ims, &options, &world->domains[owner], NULL);
}

static void destroy_domain(struct world *world, unsigned int owner)
{
	umd_ims_domain_destroy(world->domains[owner]);
	world->domains[owner] = NULL;
}

/* Each index counts upwards, so no handle comes twice. */
static bool is_new(struct world *world, umd_ims_handle handle)
{
	uint32_t index = ims_index(handle);

	if (handle == 0 || index >= INDEXES_MAX ||
	    ims_generation(handle) <= world->generations[index])
		return false;
	world->generations[index] = ims_generation(handle);
	return true;
}

static bool is_unlike_living(const struct model *model, const struct entry *entry)
{
	for (unsigned int i = 0; i < model->count; i++) {
		const struct entry *other = &model->entries[i];

		if (other != entry && other->lives &&
		    ims_index(other->handle) == ims_index(entry->handle))
			return false;
	}
	return true;
}

static uint64_t take_events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* ---- Calls, on the store and on the model -------------------------------------------------- */

static bool come_or_go(struct world *world, struct model *model, unsigned int owner)
{
	if (!model->present[owner]) {
		model->present[owner] = model_has_room(model, owner);
		return create_domain(world, model->config, owner) ==
		       (model->present[owner] ? 0 : -ENOSPC);
	}

	for (unsigned int i = 0; i < model->count; i++) {
		if (model->entries[i].lives && model->entries[i].owner == owner)
			model_end(model, &model->entries[i]);
	}
	model->present[owner] = false;
	destroy_domain(world, owner);
	return true;
}

/* What `result` gave the owner: a new entry, which gets the owner's eventfd, or -ENOSPC. */
static bool take_entry(struct world *world, struct model *model, unsigned int owner, int result,
		       umd_ims_handle handle, const struct entry *from)
{
	struct entry *entry;

	if (model_is_full(model, owner))
		return result == -ENOSPC;

	entry = model_add(model, owner);
	entry->handle = handle;
	entry->masked = from->masked;
	entry->pending = from->pending;
	model_deliver(model, entry);
	return result == 0 && is_new(world, handle) && is_unlike_living(model, entry) &&
	       umd_ims_set_eventfd(world->domains[owner], handle, world->fds[owner]) == 0;
}

static bool alloc(struct world *world, struct model *model, unsigned int owner)
{
	static const struct entry fresh;
	umd_ims_handle handle = 0;
	int result = umd_ims_alloc(world->domains[owner], &handle);

	return take_entry(world, model, owner, result, handle, &fresh);
}

static bool trigger(struct world *world, struct model *model, struct entry *entry,
		    unsigned int owner)
{
	int result = umd_ims_trigger(world->ims, entry->handle, pasids[owner]);

	if (!entry->lives) {
		model->stats.stale++;
		return result == -ENOENT;
	}
	if (entry->owner != owner) {
		model->stats.refused++;
		return result == -EPERM;
	}
	entry->pending = true;
	model_deliver(model, entry);
	return result == 0;
}

static bool free_entry(struct world *world, struct model *model, struct entry *entry,
		       unsigned int owner)
{
	int result = umd_ims_free(world->domains[owner], entry->handle);

	if (!entry->lives || entry->owner != owner)
		return result == -ENOENT;
	model_end(model, entry);
	return result == 0;
}

static bool set_mask(struct world *world, struct model *model, struct entry *entry, bool masked)
{
	int result = umd_ims_set_mask(world->domains[entry->owner], entry->handle, masked);

	if (!entry->lives)
		return result == -ENOENT;
	entry->masked = masked;
	model_deliver(model, entry);
	return result == 0;
}

static bool revoke_entry(struct world *world, struct model *model, struct entry *entry)
{
	umd_ims_handle *told = &world->revoked[entry->owner];
	int result;

	*told = 0;
	result = umd_ims_revoke(world->ims, entry->handle);
	if (!entry->lives)
		return result == -ENOENT && *told == 0;
	model_end(model, entry);
	return result == 0 && *told == entry->handle;
}

/* Saved, ended here, and restored there. */
static bool move(struct world *world, struct model *model, struct entry *entry, unsigned int to)
{
	struct umd_ims_domain *from = world->domains[entry->owner];
	struct umd_ims_state saved = {.size = sizeof(saved)};
	int result = umd_ims_save(from, entry->handle, &saved);
	umd_ims_handle handle = 0;

	if (!entry->lives)
		return result == -ENOENT;
	if (result != 0 || saved.masked != entry->masked || saved.pending != entry->pending)
		return false;
	if (umd_ims_free(from, entry->handle) != 0)
		return false;

	model_end(model, entry);
	result = umd_ims_restore(world->domains[to], &saved, &handle);
	return take_entry(world, model, to, result, handle, entry);
}

static bool apply(struct world *world, struct model *model, const struct call *call)
{
	struct entry *entry = &model->entries[call->entry];

	switch (call->verb) {
	case COME_OR_GO:
		return come_or_go(world, model, call->owner);
	case ALLOC:
		return alloc(world, model, call->owner);
	case TRIGGER:
		return trigger(world, model, entry, call->owner);
	case FREE:
		return free_entry(world, model, entry, call->owner);
	case MASK:
	case UNMASK:
		return set_mask(world, model, entry, call->verb == MASK);
	case REVOKE:
		return revoke_entry(world, model, entry);
	case MOVE:
		return move(world, model, entry, call->owner);
	}
	return false;
}

/* ---- Steps --------------------------------------------------------------------------------- */

static bool events_agree(struct world *world, struct model *model)
{
	bool agree = true;

	for (unsigned int i = 0; i < OWNERS; i++) {
		agree = take_events(world->fds[i]) == model->events[i] && agree;
		model->events[i] = 0;
	}
	return agree;
}

static bool pending_agrees(struct world *world, const struct model *model, unsigned int i)
{
	const struct entry *entry = &model->entries[i];

	if (i >= model->count || !model->present[entry->owner])
		return true;
	return umd_ims_is_pending(world->domains[entry->owner], entry->handle) ==
	       (entry->lives ? (int)entry->pending : -ENOENT);
}

static bool stats_agree(struct world *world, const struct model *model)
{
	struct umd_ims_stats stats = ims_stats(world->ims);

	return stats.reserved == model_reserved(model) &&
	       stats.in_use == model->out[0] + model->out[1] &&
	       stats.delivered == model->stats.delivered && stats.refused == model->stats.refused &&
	       stats.stale == model->stats.stale;
}

static bool start(struct world *world, struct model *model, const struct config *config)
{
	*model = (struct model){.config = config, .stats = ims_stats(world->ims)};
	for (unsigned int i = 0; i < OWNERS; i++) {
		model->present[i] = config->present[i];
		if (config->present[i] && create_domain(world, config, i) != 0)
			return false;
	}
	return true;
}

/* With the domains gone, every handle of the sequence is stale for everybody. */
static bool finish(struct world *world, struct model *model)
{
	bool agree = stats_agree(world, model);

	for (unsigned int i = 0; i < OWNERS; i++) {
		if (model->present[i])
			agree = come_or_go(world, model, i) && agree;
	}
	for (unsigned int i = 0; i < OWNERS * model->count; i++)
		agree = trigger(world, model, &model->entries[i / OWNERS], i % OWNERS) && agree;
	return events_agree(world, model) && stats_agree(world, model) && agree;
}

/* ---- Sequences ----------------------------------------------------------------------------- */

/* A sequence is a number of so many digits: which of the possible calls each step makes. */
struct search {
	struct world world;
	const struct config *config;
	unsigned int steps;
	unsigned int choices[STEPS_MAX], widths[STEPS_MAX];
	struct call calls[STEPS_MAX];
	unsigned long sequences; /* run so far */
};

static void print_sequence(const struct search *search, unsigned int count)
{
	static const char *const verbs[] = {"come or go", "alloc",  "trigger", "free",
					    "mask",	  "unmask", "revoke",  "move"};

	print_error("%s:\n", search->config->name);
	for (unsigned int i = 0; i < count; i++)
		print_error("  %s, owner %c, entry %u\n", verbs[search->calls[i].verb],
			    "AB"[search->calls[i].owner], search -> calls[i].entry);
}

static bool run_step(struct search *search, struct model *model, unsigned int i)
{
	struct call calls[CALLS_MAX];
	bool agree;

	search->widths[i] = model_list(model, calls);
	search->calls[i] = calls[search->choices[i]];
	agree = apply(&search->world, model, &search->calls[i]) &&
		events_agree(&search->world, model) &&
		pending_agrees(&search->world, model, search->calls[i].entry);
	if (!agree)
		print_sequence(search, i + 1);
	return agree;
}

/* The last step, and the sequences after this one for which it leaves everything as it was. */
static bool run_last_step(struct search *search, struct model *model)
{
	unsigned int last = search->steps - 1;
	struct model before;

	for (;;) {
		before = *model;
		if (!run_step(search, model, last))
			return false;
		search->sequences++;
		if (!model_is_like(model, &before) ||
		    search->choices[last] + 1 == search->widths[last])
			return true;
		search->choices[last]++;
	}
}

static bool run_sequence(struct search *search)
{
	struct model model;
	bool agree = start(&search->world, &model, search->config);

	for (unsigned int i = 0; i < search->steps - 1 && agree; i++)
		agree = run_step(search, &model, i);
	if (!agree || !run_last_step(search, &model))
		return false;
	if (finish(&search->world, &model))
		return true;
	print_sequence(search, search->steps);
	return false;
}

/* Counts on, the last step fastest. False after the last sequence. */
static bool advance(struct search *search)
{
	for (unsigned int i = search->steps; i > 0; i--) {
		if (++search->choices[i - 1] < search->widths[i - 1])
			return true;
		search->choices[i - 1] = 0;
	}
	return false;
}

static unsigned long run_all(const struct config *config, unsigned int steps)
{
	struct search search = {.config = config, .steps = steps};
	bool agree;

	world_init(&search.world, config);
	do {
		agree = run_sequence(&search);
	} while (agree && advance(&search));
	assert_true(agree);
	world_finish(&search.world);
	return search.sequences;
}

static void test_no_sequence_of_calls_crosses_owners(void **state)
{
	const struct config *config = *state;
	unsigned long sequences = run_all(config, config->steps[LENGTH]);

	print_message("%s: %lu sequences of %u calls\n", config->name, sequences,
		      config->steps[LENGTH]);
	assert_int_equal(sequences, config->sequences[LENGTH]);
}

int main(void)
{
	struct CMUnitTest tests[UNIT_COUNT(configs)];

	for (size_t i = 0; i < UNIT_COUNT(configs); i++)
		tests[i] =
			(struct CMUnitTest){.name = configs[i].name,
					    .test_func = test_no_sequence_of_calls_crosses_owners,
					    .initial_state = (void *)&configs[i]};
	return cmocka_run_group_tests_name("ims_exhaustive", tests, NULL, NULL);
}
