// SPDX-License-Identifier: BSD-2-Clause
/* Several queues on one engine: whose turn it is, whose memory, and how fast each may go. */
#include "dsa_rig.h"

#define LISTS	  8u
#define MEMBERS	  1024u
#define STEP	  16384u /* bytes between two marks of progress */
#define HEAVY	  12u	 /* batches of 4 MiB */
#define MARKS	  (LISTS * MEMBERS / 2)
#define PROGRESS  0x30000u /* where the latest mark is, and what it was twice */
#define FIRST	  (PROGRESS + 64)
#define LAST	  (PROGRESS + 128)
#define MARK_LIST 0x300000u /* the marks: numbers of 8 bytes */
#define OWN	  1000u	    /* a record */
#define TURNS	  0x40000u  /* bytes by which chance may favour either at the ends of a race */

/* ---- Weights ------------------------------------------------------------------------------- */

static uint8_t *list(const struct rig_user *user, unsigned int index)
{
	return user->memory + RIG_LISTS + (size_t)index * MEMBERS * DSA_DESCRIPTOR_SIZE;
}

static void describe(uint8_t *raw, uint64_t from, uint64_t to, uint32_t size)
{
	rig_describe(raw, DSA_MOVE, 0, 0, RIG_BASE + from, RIG_BASE + to, size);
}

/* The light queue moves STEP bytes, and says how far it has come, over and over. */
static void list_light(const struct rig_user *user)
{
	for (unsigned int mark = 0; mark < MARKS; mark++) {
		unsigned int at = mark % (MEMBERS / 2) * 2;
		uint8_t *raw = list(user, mark / (MEMBERS / 2)) + at * DSA_DESCRIPTOR_SIZE;

		rig_put(user->memory + MARK_LIST + mark * 8, mark + 1, 8);
		describe(raw, RIG_SOURCE, RIG_DESTINATION, STEP);
		describe(raw + DSA_DESCRIPTOR_SIZE, MARK_LIST + mark * 8, PROGRESS, 8);
	}
}

static void list_heavy(const struct rig_user *user)
{
	for (unsigned int i = 0; i < MEMBERS; i++)
		describe(list(user, LISTS) + i * DSA_DESCRIPTOR_SIZE, RIG_SOURCE + 65536,
			 RIG_DESTINATION + 65536, 4096);
}

static void submit_light(struct rig_user *user, struct umd_queue *queue)
{
	uint8_t raw[LISTS][DSA_DESCRIPTOR_SIZE];

	for (unsigned int i = 0; i < LISTS; i++)
		rig_describe(raw[i], DSA_BATCH, 0, 0,
			     RIG_BASE + (uint64_t)(list(user, i) - user->memory), 0, MEMBERS);
	assert_int_equal(umd_queue_submit(queue, raw, LISTS), LISTS);
}

/* The heavy one notes how far the other had come when it began, and when it ended. */
static void submit_heavy(const struct rig_user *user, struct umd_queue *queue)
{
	uint8_t raw[HEAVY + 2][DSA_DESCRIPTOR_SIZE];

	describe(raw[0], PROGRESS, FIRST, 8);
	for (unsigned int i = 1; i <= HEAVY; i++)
		rig_describe(raw[i], DSA_BATCH, 0, 0,
			     RIG_BASE + (uint64_t)(list(user, LISTS) - user->memory), 0, MEMBERS);
	rig_describe(raw[HEAVY + 1], DSA_MOVE, RIG_ALWAYS, OWN, RIG_BASE + PROGRESS,
		     RIG_BASE + LAST, 8);
	assert_int_equal(umd_queue_submit(queue, raw, HEAVY + 2), HEAVY + 2);
}

/* What the light one moved meanwhile; 0 where it had not begun by then, or was done too soon. */
static uint64_t race(struct rig_user *user, struct umd_queue *light, struct umd_queue *heavy)
{
	uint64_t first, last;

	memset(user->memory + PROGRESS, 0, 256);
	memset(rig_record(user, OWN), 0, DSA_RECORD_SIZE);
	submit_light(user, light);
	submit_heavy(user, heavy);
	assert_int_equal(rig_wait(user, OWN), DSA_OK);
	assert_int_equal(umd_queue_command(light, UMD_QUEUE_DRAIN, NULL, NULL), 0);
	first = rig_get(user->memory + FIRST, 8);
	last = rig_get(user->memory + LAST, 8);
	return !first || last == MARKS ? 0 : (last - first) * STEP;
}

static void shares_are_by_weight(void **state)
{
	static const uint32_t weights[] = {1, 3, 9};
	struct dsa_engine *engine = rig_engine(NULL);
	struct umd_queue *heavy;
	struct rig_user user;

	(void)state;
	rig_join(&user, engine, 7);
	list_light(&user);
	list_heavy(&user);
	for (size_t i = 0; i < UNIT_COUNT(weights); i++) {
		uint64_t moved = 0, right = ((uint64_t)HEAVY << 22) / weights[i];

		heavy = rig_queue(&user, weights[i], 0, NULL);
		for (int tries = 0; !moved && tries < 100; tries++)
			moved = race(&user, user.queue, heavy);
		assert_in_range(moved, right - right / 50 - TURNS, right + right / 50 + TURNS);
		umd_queue_close(heavy);
	}
	rig_leave(&user);
	dsa_engine_destroy(engine);
}

static void a_priority_is_a_weight(void **state)
{
	const struct dsa_queue_config config = {.size = sizeof(config), .priority = 3};
	struct dsa_engine *engine = rig_engine(NULL);
	uint64_t moved = 0, right = ((uint64_t)HEAVY << 22) / 6;
	struct umd_queue *heavy;
	struct rig_user user;

	(void)state;
	rig_join(&user, engine, 7);
	list_light(&user);
	list_heavy(&user);
	heavy = rig_queue(&user, 2, 0, &config);
	for (int tries = 0; !moved && tries < 100; tries++)
		moved = race(&user, user.queue, heavy);
	assert_in_range(moved, right - right / 50 - TURNS, right + right / 50 + TURNS);
	umd_queue_close(heavy);
	rig_leave(&user);
	dsa_engine_destroy(engine);
}

/* ---- Limits -------------------------------------------------------------------------------- */

static void a_limit_holds_one_queue_back_and_no_other(void **state)
{
	const struct dsa_queue_config config = {.size = sizeof(config),
						.bytes_per_second = UINT64_C(64) << 20};
	struct dsa_engine *engine = rig_engine(NULL);
	uint64_t begin, now;
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user slow, fast;

	(void)state;
	rig_join(&slow, engine, 7);
	rig_join(&fast, engine, 8);
	umd_queue_close(slow.queue);
	slow.queue = rig_queue(&slow, 0, 0, &config);
	begin = rig_now_ms();
	for (unsigned int i = 0; i < 16; i++) {
		rig_describe_move(raw, i, 0, 0, 1 << 20);
		rig_submit(&slow, raw);
	}
	rig_describe_move(raw, 0, 0, 0, 1 << 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(rig_do(&fast, raw, 0), DSA_OK);
	assert_int_equal(rig_status(&slow, 15), 0);
	assert_int_equal(rig_wait(&slow, 15), DSA_OK);
	now = rig_now_ms();
	assert_true(now - begin >= 200);
	rig_leave(&slow);
	rig_leave(&fast);
	dsa_engine_destroy(engine);
}

static void a_limit_of_descriptors_counts_those_of_batches(void **state)
{
	const struct dsa_queue_config config = {.size = sizeof(config),
						.descriptors_per_second = 5000};
	struct dsa_engine *engine = rig_engine(NULL);
	uint64_t begin = rig_now_ms();
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user user;

	(void)state;
	rig_join(&user, engine, 7);
	umd_queue_close(user.queue);
	user.queue = rig_queue(&user, 0, 0, &config);
	for (unsigned int i = 0; i < MEMBERS; i++)
		describe(list(&user, 0) + i * DSA_DESCRIPTOR_SIZE, RIG_SOURCE, RIG_DESTINATION, 8);
	rig_describe(raw, DSA_BATCH, RIG_ALWAYS, 0, RIG_BASE + RIG_LISTS, 0, MEMBERS);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	assert_true(rig_now_ms() - begin >= 350);
	rig_leave(&user);
	dsa_engine_destroy(engine);
}

/* ---- Shared queues ------------------------------------------------------------------------- */

static void owners_of_a_shared_queue_stay_in_their_own_memory(void **state)
{
	const struct dsa_engine_options options = {.workers = 2, .shared_queues = 2};
	struct dsa_engine *engine = rig_engine(&options);
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user users[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		rig_link(&users[i], engine, 10 + i);
		rig_map(&users[i], 0, RIG_SIZE);
		users[i].queue = rig_queue(&users[i], 0, 1, NULL);
		rig_fill(users[i].memory + RIG_SOURCE, 1 << 20, i);
	}
	for (unsigned int k = 0; k < 50; k++) {
		rig_describe_move(raw, k, k * 4096, k * 4096, 4096);
		for (unsigned int i = 0; i < 3; i++)
			rig_submit(&users[i], raw);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(rig_wait(&users[i], 49), DSA_OK);
		assert_memory_equal(users[i].memory + RIG_DESTINATION, users[i].memory + RIG_SOURCE,
				    50 * 4096);
		rig_drain(&users[i]);
		assert_int_equal(rig_usage(engine, 10 + i).bytes, 50 * 4096);
	}
	rig_leave(&users[1]);
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 60, 0, 0, 0);
	assert_int_equal(rig_do(&users[0], raw, 60), DSA_OK);
	assert_int_equal(rig_do(&users[2], raw, 60), DSA_OK);
	rig_leave(&users[0]);
	assert_int_equal(rig_do(&users[2], raw, 60), DSA_OK);
	rig_leave(&users[2]);
	dsa_engine_destroy(engine);
}

static void a_limited_owner_of_a_shared_queue_holds_back_only_himself(void **state)
{
	const struct dsa_engine_options options = {.workers = 1, .shared_queues = 1};
	const struct dsa_queue_config config = {.size = sizeof(config),
						.bytes_per_second = UINT64_C(4) << 20};
	struct dsa_engine *engine = rig_engine(&options);
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user slow, fast;

	(void)state;
	rig_link(&slow, engine, 7);
	rig_map(&slow, 0, RIG_SIZE);
	slow.queue = rig_queue(&slow, 0, 1, &config);
	rig_link(&fast, engine, 8);
	rig_map(&fast, 0, RIG_SIZE);
	fast.queue = rig_queue(&fast, 0, 1, NULL);
	for (unsigned int i = 0; i < 8; i++) {
		rig_describe_move(raw, i, 0, 0, 1 << 20);
		rig_submit(&slow, raw);
	}
	rig_describe_move(raw, 0, 0, 0, 1 << 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(rig_do(&fast, raw, 0), DSA_OK);
	assert_int_equal(rig_status(&slow, 7), 0);
	rig_leave(&slow);
	rig_leave(&fast);
	dsa_engine_destroy(engine);
}

/* ---- Usage --------------------------------------------------------------------------------- */

static void an_owner_who_comes_back_goes_on_counting(void **state)
{
	struct dsa_engine *engine = rig_engine(NULL);
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct dsa_usage all[2];
	struct rig_user user;

	(void)state;
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	for (unsigned int i = 0; i < 4; i++) {
		rig_join(&user, engine, 9 - i % 2);
		assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
		assert_int_equal(rig_usage(engine, 9 - i % 2).queues, 1);
		rig_leave(&user);
	}
	assert_int_equal(dsa_engine_get_usage(engine, NULL, 0), 2);
	assert_int_equal(dsa_engine_get_usage(engine, all, 2), 2);
	assert_int_equal(all[0].owner, 8);
	assert_int_equal(all[1].owner, 9);
	assert_int_equal(all[0].descriptors, 2);
	assert_int_equal(all[1].descriptors, 2);
	assert_int_equal(all[1].queues, 0);
	dsa_engine_destroy(engine);
}

static void the_place_of_one_who_left_is_given_to_another(void **state)
{
	struct dsa_engine *engine = rig_engine(NULL);
	struct rig_user user;

	(void)state;
	for (unsigned int i = 0; i < DSA_OWNERS_MAX + 10; i++) {
		rig_link(&user, engine, 1000 + i);
		user.queue = rig_queue(&user, 0, 0, NULL);
		rig_leave(&user);
	}
	assert_int_equal(dsa_engine_get_usage(engine, NULL, 0), DSA_OWNERS_MAX);
	dsa_engine_destroy(engine);
}

static const volatile struct dsa_counters *map_counters(struct rig_user *user)
{
	struct umd_link_region region = {.size = sizeof(region)};

	assert_int_equal(umd_link_map_region(user->link, DSA_COUNTERS_REGION, &region), 0);
	assert_false(region.writable);
	assert_true(region.bytes >= sizeof(struct dsa_counters));
	return region.address;
}

static void an_owner_reads_his_own_counters(void **state)
{
	struct dsa_engine *engine = rig_engine(NULL);
	const volatile struct dsa_counters *counters, *others;
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user user, other;

	(void)state;
	rig_link(&user, engine, 7);
	counters = map_counters(&user); /* before it has a queue */
	assert_int_equal(counters->version, DSA_COUNTERS_VERSION);
	assert_int_equal(counters->size, 48);
	rig_map(&user, 0, RIG_SIZE);
	user.queue = rig_queue(&user, 0, 0, NULL);
	rig_join(&other, engine, 8);
	others = map_counters(&other);
	for (unsigned int i = 0; i < 20; i++) {
		rig_describe(raw, DSA_MOVE, RIG_ALWAYS, 0, RIG_BASE + RIG_SOURCE,
			     RIG_BASE + RIG_DESTINATION, 100);
		assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	}
	rig_describe(raw, DSA_MOVE, RIG_ALWAYS, 0, 0, RIG_BASE + RIG_DESTINATION, 100);
	assert_int_equal(rig_do(&user, raw, 0), DSA_FAULT);
	umd_queue_close(user.queue);
	assert_int_equal(counters->descriptors, 21);
	assert_int_equal(counters->bytes, 2000);
	assert_int_equal(counters->faults, 1);
	assert_int_equal(counters->refused, 0);
	assert_int_equal(rig_usage(engine, 7).bytes, 2000);
	assert_int_equal(others->descriptors, 0);
	user.queue = NULL;
	rig_leave(&user);
	rig_leave(&other);
	dsa_engine_destroy(engine);
}

static void count_revoked(void *data, uint32_t index)
{
	unsigned int *count = data;

	assert_int_equal(index, DSA_COUNTERS_REGION);
	++*count;
}

static void a_page_of_counters_is_taken_away_with_the_place(void **state)
{
	static const struct umd_link_ops ops = {.region_revoked = count_revoked};
	struct dsa_engine *engine = rig_engine(NULL);
	const volatile struct dsa_counters *counters;
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct rig_user user, other;
	unsigned int revoked = 0;

	(void)state;
	rig_join(&user, engine, 7);
	counters = map_counters(&user);
	rig_describe(raw, DSA_NOP, RIG_ALWAYS, 0, 0, 0, 0);
	assert_int_equal(rig_do(&user, raw, 0), DSA_OK);
	umd_queue_close(user.queue);
	umd_link_set_ops(user.link, &ops, &revoked);
	for (unsigned int i = 0; i < DSA_OWNERS_MAX; i++) {
		assert_int_equal(counters->descriptors, 1);
		rig_link(&other, engine, 1000 + i);
		other.queue = rig_queue(&other, 0, 0, NULL);
		rig_leave(&other);
	}
	assert_int_equal(counters->version, 0);
	assert_int_equal(umd_link_dispatch(user.link), 0);
	assert_int_equal(revoked, 1);
	assert_int_equal(umd_link_unmap_region(user.link, DSA_COUNTERS_REGION), 0);
	counters = map_counters(&user);
	assert_int_equal(counters->version, DSA_COUNTERS_VERSION);
	assert_int_equal(counters->descriptors, 0);
	user.queue = NULL;
	rig_leave(&user);
	dsa_engine_destroy(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_by_weight),
		cmocka_unit_test(a_priority_is_a_weight),
		cmocka_unit_test(a_limit_holds_one_queue_back_and_no_other),
		cmocka_unit_test(a_limit_of_descriptors_counts_those_of_batches),
		cmocka_unit_test(owners_of_a_shared_queue_stay_in_their_own_memory),
		cmocka_unit_test(a_limited_owner_of_a_shared_queue_holds_back_only_himself),
		cmocka_unit_test(an_owner_who_comes_back_goes_on_counting),
		cmocka_unit_test(the_place_of_one_who_left_is_given_to_another),
		cmocka_unit_test(an_owner_reads_his_own_counters),
		cmocka_unit_test(a_page_of_counters_is_taken_away_with_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
