/* SPDX-License-Identifier: BSD-2-Clause */
/* Parents and links within a process: who gets what of whom, and what is left when they end. */
#include "parent_fixture.h"

#include <umdev/dma.h>

static struct rig rig;
static struct umd_link *first, *second;
static int fds;

static int setup(void **state)
{
	fds = unit_count_fds();
	rig_init(&rig);
	first = rig_link(&rig, 1);
	second = rig_link(&rig, 2);
	return 0;
}

/* Whatever was done, no fd is left. */
static int teardown(void **state)
{
	umd_link_close(first);
	umd_link_close(second);
	rig_finish(&rig);
	assert_int_equal(unit_count_fds(), fds);
	return 0;
}

static struct umd_parent_info info_of(struct umd_link *link)
{
	struct umd_parent_info info = {.size = sizeof(info)};

	assert_int_equal(umd_link_get_info(link, &info), 0);
	return info;
}

/* ---- Parents ------------------------------------------------------------------------------- */

static int try_create(const struct umd_parent_options *options)
{
	struct umd_parent *parent;
	int err = umd_parent_create(options, &parent);

	if (!err)
		umd_parent_destroy(parent);
	return err;
}

static void test_a_parent_with_nonsense_in_its_options_is_refused(void **state)
{
	const struct umd_parent_options good = rig_options(&rig);
	struct umd_parent_ops mute = author_ops, bare = author_ops;
	struct umd_parent_options bad[11];

	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		bad[i] = good;
	bad[0].size--;
	bad[1].api = NULL;
	bad[2].api = "an API whose name has 32 letters";
	bad[3].entry_size = 48;
	bad[4].entry_size = 8;
	bad[5].max_depth = 131072;
	bad[6].max_depth = 0;
	bad[7].ims = NULL;
	mute.command = NULL;
	bad[8].ops = &mute;
	bad[9].regions = UMD_REGIONS_MAX + 1;
	bare.get_region = NULL;
	bad[10].ops = &bare;

	assert_int_equal(try_create(&good), 0);
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		assert_int_equal(try_create(&bad[i]), -EINVAL);
}

static void test_a_link_is_told_what_there_is_and_what_is_left(void **state)
{
	struct umd_queue *queue = rig_queue(first, 4);
	struct umd_parent_info info = info_of(first);
	uint32_t vector;

	assert_string_equal(info.api, "toy-1");
	assert_string_equal(info.algorithms, "nop count");
	assert_int_equal(info.entry_size, ENTRY);
	assert_int_equal(info.max_depth, 1024);
	assert_int_equal(info.shared_queues, 3);
	assert_int_equal(info.queues, 4);
	assert_int_equal(info.free_queues, 3);
	assert_int_equal(info.vectors, 4);
	assert_int_equal(info.free_vectors, 4);
	assert_int_equal(info.max_weight, 8);
	assert_int_equal(info.max_batch, 7);
	assert_int_equal(info.max_transfer, 1 << 20);
	assert_int_equal(info.max_maps, 65535);
	assert_int_equal(info.regions, REGIONS);

	assert_int_equal(umd_link_alloc_vector(first, &vector), 0);
	umd_queue_close(queue);
	assert_int_equal(info_of(first).free_vectors, 3);
	assert_int_equal(info_of(first).free_queues, 4);
	assert_int_equal(info_of(second).free_vectors, 4);
}

static void test_information_of_another_size_is_not_filled_in(void **state)
{
	struct umd_parent_info info = {.size = sizeof(info) - 1};

	assert_int_equal(umd_link_get_info(first, &info), -EINVAL);
	assert_int_equal(info.entry_size, 0);
}

static void test_the_parent_s_queues_are_left_to_who_comes_first(void **state)
{
	struct umd_parent_options options = rig_options(&rig);
	const struct umd_queue_options wanted = queue_options(4);
	struct umd_parent *parent;
	struct umd_owner owner = rig_owner(3), other = rig_owner(4);
	struct umd_link *link, *late;
	struct umd_queue *queue, *none;

	options.max_queues = 1;
	assert_int_equal(umd_parent_create(&options, &parent), 0);
	assert_int_equal(umd_link_open(parent, &owner, NULL, &link, NULL), 0);
	assert_int_equal(umd_link_open(parent, &other, NULL, &late, NULL), 0);
	assert_int_equal(info_of(late).free_queues, 1);
	assert_int_equal(umd_queue_open(link, &wanted, &queue), 0);
	assert_int_equal(info_of(late).free_queues, 0);
	assert_int_equal(umd_queue_open(late, &wanted, &none), -ENOSPC);
	umd_queue_close(queue);
	assert_int_equal(umd_queue_open(late, &wanted, &none), 0);
	umd_link_close(link);
	umd_link_close(late);
	umd_parent_destroy(parent);
}

/* ---- Owners -------------------------------------------------------------------------------- */

static int try_link(const struct umd_owner *owner, struct umd_error *error)
{
	struct umd_link *link;
	int err = umd_link_open(rig.parent, owner, NULL, &link, error);

	if (!err)
		umd_link_close(link);
	return err;
}

static void test_an_owner_has_one_link_at_a_time(void **state)
{
	const struct umd_owner owner = rig_owner(1);
	struct umd_error error = {.code = 0};

	assert_int_equal(try_link(&owner, &error), -EBUSY);
	assert_string_equal(error.text, "owner 1 has a link already");
	umd_link_close(first);
	first = rig_link(&rig, 1);
}

static void test_an_owner_that_cannot_be_is_refused(void **state)
{
	struct umd_owner strange = rig_owner(3), nobody = rig_owner(UMD_DMA_NO_OWNER);
	struct umd_owner greedy = rig_owner(3), big = rig_owner(3);

	strange.size++;
	greedy.vectors = VECTORS; /* of which eight are reserved */
	big.max_maps = 65536;
	assert_int_equal(try_link(&strange, NULL), -EINVAL);
	assert_int_equal(try_link(&nobody, NULL), -EINVAL);
	assert_int_equal(try_link(&greedy, NULL), -ENOSPC);
	assert_int_equal(try_link(&big, NULL), -EINVAL);
	greedy.vectors = VECTORS - 8;
	assert_int_equal(try_link(&greedy, NULL), 0);
}

static void test_zeros_of_an_owner_s_are_one_of_each(void **state)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = 9};
	struct umd_parent_info info;
	struct umd_link *link;

	assert_int_equal(umd_link_open(rig.parent, &owner, NULL, &link, NULL), 0);
	info = info_of(link);
	assert_int_equal(info.queues, 1);
	assert_int_equal(info.vectors, 1);
	assert_int_equal(info.max_weight, 1);
	umd_link_close(link);
}

static void test_work_carries_its_owner_and_leads_to_its_memory(void **state)
{
	struct umd_dma_space_options options = {.size = sizeof(options), .owner = 77};
	const struct umd_owner owner = rig_owner(3);
	struct umd_dma_space *space;
	struct umd_link *link;

	rig_queue(first, 4);
	assert_int_equal(umd_work_owner(rig.author.work), 1);
	assert_int_equal(umd_dma_space_owner(umd_work_space(rig.author.work)), 1);

	assert_int_equal(umd_dma_space_create(&options, &space), 0);
	assert_int_equal(umd_link_open(rig.parent, &owner, space, &link, NULL), 0);
	rig_queue(link, 4);
	assert_int_equal(umd_work_owner(rig.author.work), 3);
	assert_ptr_equal(umd_work_space(rig.author.work), space);
	umd_link_close(link);
	umd_dma_space_destroy(space);
}

/* ---- Vectors ------------------------------------------------------------------------------- */

static void test_a_vector_signals_its_eventfd_and_no_other(void **state)
{
	int fd = rig_eventfd(), other = rig_eventfd();
	uint32_t vector = rig_vector(first, fd);

	rig_vector(first, other);
	rig_queue(first, 4);
	assert_int_equal(umd_work_check_vector(rig.author.work, vector), 0);
	assert_int_equal(umd_work_trigger(rig.author.work, vector), 0);
	assert_int_equal(unit_take_events(fd), 1);
	assert_int_equal(unit_take_events(other), 0);
	assert_int_equal(work_stats(rig.author.work).triggers, 1);
	close(fd);
	close(other);
}

static void test_another_owner_s_vector_is_refused_and_counted(void **state)
{
	int fd = rig_eventfd();
	uint32_t vector = rig_vector(second, fd);
	struct umd_ims_stats stats = {.size = sizeof(stats)};

	rig_queue(first, 4);
	assert_int_equal(umd_work_trigger(rig.author.work, vector), -EPERM);
	assert_int_equal(umd_work_check_vector(rig.author.work, vector), -EPERM);
	assert_int_equal(unit_take_events(fd), 0);
	assert_int_equal(umd_link_is_pending(second, vector), 0);
	assert_int_equal(work_stats(rig.author.work).refused, 2);
	assert_int_equal(work_stats(rig.author.work).triggers, 0);
	assert_int_equal(umd_ims_get_stats(rig.ims, &stats), 0);
	assert_int_equal(stats.refused, 2);
	close(fd);
}

static void test_another_owner_s_vector_is_no_vector_of_a_link_s(void **state)
{
	uint32_t vector = rig_vector(second, -1);

	assert_int_equal(umd_link_free_vector(first, vector), -ENOENT);
	assert_int_equal(umd_link_set_eventfd(first, vector, -1), -ENOENT);
	assert_int_equal(umd_link_set_mask(first, vector, true), -ENOENT);
	assert_int_equal(umd_link_is_pending(first, vector), -ENOENT);
	assert_int_equal(umd_link_set_eventfd(second, vector, -2), -EINVAL);
}

static void test_a_vector_that_nobody_has_is_not_there(void **state)
{
	uint32_t vector = rig_vector(first, -1);

	rig_queue(first, 4);
	assert_int_equal(umd_work_trigger(rig.author.work, VECTORS), -ENOENT);
	assert_int_equal(umd_work_trigger(rig.author.work, UINT32_MAX), -ENOENT);
	assert_int_equal(umd_link_free_vector(first, vector), 0);
	assert_int_equal(umd_work_trigger(rig.author.work, vector), -ENOENT);
	assert_int_equal(umd_work_check_vector(rig.author.work, vector), -ENOENT);
	assert_int_equal(umd_link_free_vector(first, vector), -ENOENT);
	assert_int_equal(work_stats(rig.author.work).refused, 0);
}

static void test_what_a_mask_holds_back_is_pending_until_it_is_gone(void **state)
{
	int fd = rig_eventfd();
	uint32_t vector = rig_vector(first, fd);

	rig_queue(first, 4);
	assert_int_equal(umd_link_set_mask(first, vector, true), 0);
	assert_int_equal(umd_work_trigger(rig.author.work, vector), 0);
	assert_int_equal(umd_link_is_pending(first, vector), 1);
	assert_int_equal(unit_take_events(fd), 0);
	assert_int_equal(umd_link_set_mask(first, vector, false), 0);
	assert_int_equal(umd_link_is_pending(first, vector), 0);
	assert_int_equal(unit_take_events(fd), 1);
	close(fd);
}

static void test_an_owner_has_the_vectors_it_was_promised_and_no_more(void **state)
{
	uint32_t vectors[4], more;

	for (size_t i = 0; i < UNIT_COUNT(vectors); i++)
		assert_int_equal(umd_link_alloc_vector(first, &vectors[i]), 0);
	assert_int_equal(umd_link_alloc_vector(first, &more), -ENOSPC);
	assert_int_equal(umd_link_free_vector(first, vectors[2]), 0);
	assert_int_equal(umd_link_alloc_vector(first, &more), 0);
	assert_int_equal(umd_link_is_pending(first, vectors[0]), 0);
	assert_int_equal(umd_link_is_pending(first, vectors[3]), 0);
}

/* ---- Vectors that are taken away ----------------------------------------------------------- */

static uint32_t taken[4];
static unsigned int taken_count;

static void note_revoked(void *data, uint32_t vector)
{
	taken[taken_count++] = vector;
}

static const struct umd_link_ops hears_of_revocations = {.revoked = note_revoked};

/* Of an index that was given out for the first time: that is what the high half says. */
static void take_away(uint32_t vector)
{
	assert_int_equal(umd_ims_revoke(rig.ims, UINT64_C(1) << 32 | vector), 0);
}

static void test_a_link_is_told_of_each_vector_that_was_taken_away(void **state)
{
	uint32_t vectors[2] = {rig_vector(first, -1), rig_vector(first, -1)};

	taken_count = 0;
	umd_link_set_ops(first, &hears_of_revocations, NULL);
	take_away(vectors[1]);
	take_away(vectors[0]);
	assert_int_equal(taken_count, 0);
	assert_int_equal(umd_link_dispatch(first), 0);
	assert_int_equal(taken_count, 2);
	assert_int_equal(taken[0] + taken[1], vectors[0] + vectors[1]);
	assert_int_equal(umd_link_dispatch(first), 0);
	assert_int_equal(taken_count, 2);
	assert_int_equal(info_of(first).free_vectors, 4);
}

static void test_a_vector_that_was_taken_away_is_gone_before_that_is_told(void **state)
{
	uint32_t vector = rig_vector(first, -1);

	take_away(vector);
	assert_int_equal(umd_link_set_mask(first, vector, true), -ENOENT);
	assert_int_equal(umd_link_free_vector(first, vector), -ENOENT);
	assert_int_equal(info_of(first).free_vectors, 3);
	assert_int_equal(umd_link_dispatch(first), 0);
	assert_int_equal(info_of(first).free_vectors, 4);
}

static void test_a_vector_s_number_is_not_given_out_before_its_end_was_told(void **state)
{
	uint32_t vectors[4], next;

	for (size_t i = 0; i < UNIT_COUNT(vectors); i++)
		vectors[i] = rig_vector(first, -1);
	take_away(vectors[3]);
	assert_int_equal(umd_link_alloc_vector(first, &next), -ENOSPC);
	assert_int_equal(umd_link_free_vector(first, vectors[0]), 0);
	assert_int_equal(umd_link_alloc_vector(first, &next), 0);
	assert_int_equal(next, vectors[0]);
	assert_int_equal(umd_link_dispatch(first), 0);
	assert_int_equal(umd_link_alloc_vector(first, &next), 0);
	assert_int_equal(next, vectors[3]);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void test_what_a_closed_link_had_is_free_again(void **state)
{
	struct umd_ims_stats stats = {.size = sizeof(stats)};

	for (int i = 0; i < 3; i++)
		rig_queue(second, 4);
	rig_vector(second, -1);
	umd_link_close(second);
	second = NULL;
	assert_int_equal(rig.author.closed, 3);
	assert_int_equal(umd_ims_get_stats(rig.ims, &stats), 0);
	assert_int_equal(stats.in_use, 0);
	assert_int_equal(stats.reserved, 4);
}

static int lost;

static void note_lost(void *data)
{
	lost++;
}

/* Here the link itself goes, in its last call. */
static void close_lost(void *data)
{
	umd_link_close(second);
	second = NULL;
}

static void test_links_of_a_parent_that_ends_are_lost(void **state)
{
	const struct umd_link_ops counts = {.lost = note_lost}, closes = {.lost = close_lost};
	const struct umd_queue_options wanted = queue_options(4);
	struct umd_parent_info info = {.size = sizeof(info)};
	struct umd_queue *queue = rig_queue(first, 4), *none;
	struct umd_dma_change unmap = {.unmap = true};
	uint32_t vector;

	lost = 0;
	rig_queue(second, 4);
	umd_link_set_ops(first, &counts, NULL);
	umd_link_set_ops(second, &closes, NULL);
	umd_parent_destroy(rig.parent);
	rig.parent = NULL;
	assert_int_equal(lost, 1);
	assert_null(second);
	assert_int_equal(rig.author.closed, 2);

	assert_int_equal(submit(queue, 1), -ENOTCONN);
	assert_int_equal(umd_queue_room(queue), 0);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, NULL, NULL), -ENOTCONN);
	assert_int_equal(umd_queue_open(first, &wanted, &none), -ENOTCONN);
	assert_int_equal(umd_link_get_info(first, &info), -ENOTCONN);
	assert_int_equal(umd_link_alloc_vector(first, &vector), -ENOTCONN);
	assert_int_equal(umd_link_change(first, &unmap, 1, NULL, NULL), -ENOTCONN);
	assert_int_equal(umd_link_dispatch(first), -ENOTCONN);
	umd_queue_close(queue);
}

static void test_who_waits_for_a_command_of_a_lost_link_is_told(void **state)
{
	struct umd_queue *queue = rig_queue(first, 4);
	struct ending ending = {.told = 0};

	rig.author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, ending_done, &ending),
			 -EINPROGRESS);
	umd_parent_destroy(rig.parent);
	rig.parent = NULL;
	assert_int_equal(ending.told, 1);
	assert_int_equal(ending.result, -ECANCELED);
}

static void test_nothing_can_be_closed(void **state)
{
	umd_link_close(NULL);
	umd_queue_close(NULL);
	umd_parent_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_parent_with_nonsense_in_its_options_is_refused),
		TEST(test_a_link_is_told_what_there_is_and_what_is_left),
		TEST(test_information_of_another_size_is_not_filled_in),
		TEST(test_the_parent_s_queues_are_left_to_who_comes_first),
		TEST(test_an_owner_has_one_link_at_a_time),
		TEST(test_an_owner_that_cannot_be_is_refused),
		TEST(test_zeros_of_an_owner_s_are_one_of_each),
		TEST(test_work_carries_its_owner_and_leads_to_its_memory),
		TEST(test_a_vector_signals_its_eventfd_and_no_other),
		TEST(test_another_owner_s_vector_is_refused_and_counted),
		TEST(test_another_owner_s_vector_is_no_vector_of_a_link_s),
		TEST(test_a_vector_that_nobody_has_is_not_there),
		TEST(test_what_a_mask_holds_back_is_pending_until_it_is_gone),
		TEST(test_an_owner_has_the_vectors_it_was_promised_and_no_more),
		TEST(test_a_link_is_told_of_each_vector_that_was_taken_away),
		TEST(test_a_vector_that_was_taken_away_is_gone_before_that_is_told),
		TEST(test_a_vector_s_number_is_not_given_out_before_its_end_was_told),
		TEST(test_what_a_closed_link_had_is_free_again),
		TEST(test_links_of_a_parent_that_ends_are_lost),
		TEST(test_who_waits_for_a_command_of_a_lost_link_is_told),
		TEST(test_nothing_can_be_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
