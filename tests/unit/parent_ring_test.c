/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings: what goes in comes out, and a peer that writes nonsense harms nobody but itself. */
#include "unit.h"

#include <fcntl.h>

#include "parent/ring.h"

#define SIZE  16u
#define DEPTH 8u

struct pair {
	struct umd_ring parent, submitter;
	int fd;
};

struct entry {
	uint64_t number, check;
};

/* Two mappings, as two processes have them. */
static void init_pair(struct pair *pair, uint32_t depth)
{
	assert_int_equal(umd_ring_create(&pair->parent, depth, SIZE, &pair->fd), 0);
	assert_int_equal(umd_ring_open(&pair->submitter, pair->fd, depth, SIZE), 0);
}

static void finish_pair(struct pair *pair)
{
	umd_ring_close(&pair->submitter);
	umd_ring_close(&pair->parent);
	close(pair->fd);
}

static struct pair pair;

static int setup(void **state)
{
	init_pair(&pair, DEPTH);
	return 0;
}

static int teardown(void **state)
{
	finish_pair(&pair);
	return 0;
}

static uint32_t put(uint64_t first, uint32_t count, uint32_t barrier)
{
	struct entry entries[2 * DEPTH] = {{0}};

	for (uint32_t i = 0; i < count; i++)
		entries[i] = (struct entry){.number = first + i, .check = ~(first + i)};
	return umd_ring_put(&pair.submitter, entries, count, barrier);
}

/* How many were taken, which follow each other from `first`. */
static int take(uint64_t first, uint32_t room, uint32_t changes)
{
	struct entry entries[2 * DEPTH];
	int n = umd_ring_take(&pair.parent, entries, room, changes);

	for (int i = 0; i < n; i++) {
		assert_int_equal(entries[i].number, first + (uint64_t)i);
		assert_int_equal(entries[i].check, ~(first + (uint64_t)i));
	}
	return n;
}

static struct umd_ring_shared *shared(void)
{
	return pair.submitter.shared;
}

/* ---- The file ------------------------------------------------------------------------------ */

static void test_a_ring_s_file_can_neither_grow_nor_shrink(void **state)
{
	assert_int_equal(ftruncate(pair.fd, 4096), -1);
	assert_int_equal(ftruncate(pair.fd, 1 << 20), -1);
	assert_int_equal(fcntl(pair.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void test_a_ring_that_cannot_be_is_not_made(void **state)
{
	struct umd_ring ring;
	int fd;

	assert_int_equal(umd_ring_create(&ring, 0, SIZE, &fd), -EINVAL);
	assert_int_equal(umd_ring_create(&ring, 12, SIZE, &fd), -EINVAL);
	assert_int_equal(umd_ring_create(&ring, 2 * UMD_RING_DEPTH_MAX, SIZE, &fd), -EINVAL);
	assert_int_equal(umd_ring_create(&ring, DEPTH, 8, &fd), -EINVAL);
	assert_int_equal(umd_ring_create(&ring, DEPTH, 24, &fd), -EINVAL);
	assert_int_equal(umd_ring_create(&ring, DEPTH, 512, &fd), -EINVAL);
}

static void test_what_is_no_sealed_file_of_the_size_is_not_opened(void **state)
{
	int loose = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING), null;
	struct umd_ring ring;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(loose >= 0 && null >= 0);
	assert_int_equal(ftruncate(loose, UMD_RING_ENTRIES_AT + DEPTH * SIZE), 0);
	assert_int_equal(umd_ring_open(&ring, loose, DEPTH, SIZE), -EPROTO);
	assert_int_equal(umd_ring_open(&ring, null, DEPTH, SIZE), -EPROTO);
	assert_int_equal(umd_ring_open(&ring, -1, DEPTH, SIZE), -EPROTO);
	assert_int_equal(umd_ring_open(&ring, pair.fd, 2 * DEPTH, SIZE), -EPROTO);
	assert_int_equal(umd_ring_open(&ring, pair.fd, DEPTH / 2, SIZE), -EPROTO);
	assert_int_equal(umd_ring_open(&ring, pair.fd, 3, SIZE), -EPROTO);

	assert_int_equal(fcntl(loose, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(umd_ring_open(&ring, loose, DEPTH, SIZE), 0);
	umd_ring_close(&ring);
	close(loose);
	close(null);
}

static void test_the_fields_lie_where_the_layout_says(void **state)
{
	const uint8_t *bytes = (const uint8_t *)shared();

	put(1, 2, 0x1234);
	umd_ring_set_flags(&pair.parent, UMD_RING_STOPPED, 0);
	assert_int_equal(take(1, 1, 0x1234), 1);
	assert_int_equal(*(const uint32_t *)(bytes + 0), 2);
	assert_int_equal(*(const uint32_t *)(bytes + 4), 0x1234);
	assert_int_equal(*(const uint32_t *)(bytes + 64), 1);
	assert_int_equal(*(const uint32_t *)(bytes + 128), UMD_RING_STOPPED);
	assert_int_equal(*(const uint64_t *)(bytes + 4096 + SIZE), 2);
}

/* ---- Entries ------------------------------------------------------------------------------- */

static void test_entries_come_out_in_order_and_once(void **state)
{
	assert_int_equal(take(0, DEPTH, 0), 0);
	assert_int_equal(put(0, 3, 0), 3);
	assert_int_equal(take(0, 2, 0), 2);
	assert_int_equal(put(3, 1, 0), 1);
	assert_int_equal(take(2, DEPTH, 0), 2);
	assert_int_equal(take(0, DEPTH, 0), 0);
}

static void test_what_does_not_fit_is_not_taken(void **state)
{
	assert_int_equal(umd_ring_room(&pair.submitter), DEPTH);
	assert_int_equal(put(0, DEPTH + 3, 0), DEPTH);
	assert_int_equal(put(0, 1, 0), 0);
	assert_int_equal(umd_ring_room(&pair.submitter), 0);
	assert_int_equal(take(0, 2, 0), 2);
	assert_int_equal(umd_ring_room(&pair.submitter), 2);
	assert_int_equal(put(DEPTH, 3, 0), 2);
	assert_int_equal(take(2, 2 * DEPTH, 0), DEPTH);
}

static void test_no_room_takes_nothing(void **state)
{
	assert_int_equal(put(0, 0, 0), 0);
	assert_int_equal(put(0, 1, 0), 1);
	assert_int_equal(take(0, 0, 0), 0);
	assert_int_equal(take(0, 1, 0), 1);
}

/* Random batches, also across the end of the entries and of the 32 bits of the indices. */
static long run_batches(uint64_t seed)
{
	static const uint32_t starts[] = {0, 5, UINT32_MAX - 40};
	uint64_t in = 0, out = 0;
	uint32_t start = starts[seed % UNIT_COUNT(starts)];

	init_pair(&pair, DEPTH);
	pair.parent.at = pair.parent.seen = start;
	pair.submitter.at = pair.submitter.seen = start;
	pair.parent.shared->tail = pair.parent.shared->head = start;
	for (long step = 0; step < 10000; step++) {
		uint32_t count = (uint32_t)unit_below(&seed, 2 * DEPTH);
		uint32_t room = umd_ring_room(&pair.submitter);

		if (room != DEPTH - (in - out))
			return step;
		in += put(in, count, 0);
		if (in - out != (count < room ? DEPTH - room + count : DEPTH))
			return step;
		out += (uint64_t)take(out, (uint32_t)unit_below(&seed, 2 * DEPTH), 0);
	}
	finish_pair(&pair);
	return -1;
}

static void test_batches_of_all_sizes_come_out_as_they_went_in(void **state)
{
	unit_run_seeds(run_batches);
}

static void test_both_ends_may_have_one_mapping(void **state)
{
	umd_ring_close(&pair.submitter);
	pair.submitter = umd_ring_share(&pair.parent);
	assert_int_equal(put(0, 5, 0), 5);
	assert_int_equal(take(0, 5, 0), 5);
}

/* ---- Barriers ------------------------------------------------------------------------------ */

static void test_entries_wait_for_the_change_that_they_need(void **state)
{
	assert_int_equal(put(0, 1, 7), 1);
	assert_int_equal(take(0, DEPTH, 6), -EAGAIN);
	assert_int_equal(take(0, DEPTH, 7), 1);
	assert_int_equal(put(1, 1, 7), 1);
	assert_int_equal(take(1, DEPTH, 8), 1);
}

static void test_the_number_of_a_change_may_wrap(void **state)
{
	assert_int_equal(put(0, 1, 1), 1);
	assert_int_equal(take(0, DEPTH, UINT32_MAX), -EAGAIN);
	assert_int_equal(take(0, DEPTH, 1), 1);
	assert_int_equal(put(1, 1, UINT32_MAX), 1);
	assert_int_equal(take(1, DEPTH, 2), 1);
}

static void test_no_entries_wait_for_nothing(void **state)
{
	assert_int_equal(put(0, 1, 7), 1);
	assert_int_equal(take(0, DEPTH, 7), 1);
	assert_int_equal(take(0, DEPTH, 6), 0);
}

/* They were seen before somebody put more behind a barrier. */
static void test_what_could_be_taken_before_a_barrier_still_can(void **state)
{
	assert_int_equal(put(0, 3, 0), 3);
	assert_int_equal(take(0, 1, 0), 1);
	assert_int_equal(put(3, 2, 1), 2);
	assert_int_equal(take(1, DEPTH, 0), 2);
	assert_int_equal(take(3, DEPTH, 0), -EAGAIN);
	assert_int_equal(take(3, DEPTH, 1), 2);
}

/* ---- Doorbells ----------------------------------------------------------------------------- */

static void test_the_doorbell_is_wanted_once_for_each_sleep(void **state)
{
	assert_false(umd_ring_wants_doorbell(&pair.submitter));
	umd_ring_set_flags(&pair.parent, UMD_RING_SLEEPS, 0);
	assert_true(umd_ring_wants_doorbell(&pair.submitter));
	assert_false(umd_ring_wants_doorbell(&pair.submitter));
	umd_ring_set_flags(&pair.parent, UMD_RING_SLEEPS, 0);
	umd_ring_set_flags(&pair.parent, 0, UMD_RING_SLEEPS);
	assert_false(umd_ring_wants_doorbell(&pair.submitter));
}

static void test_a_stop_does_not_disturb_a_sleep(void **state)
{
	umd_ring_set_flags(&pair.parent, UMD_RING_SLEEPS, 0);
	umd_ring_set_flags(&pair.parent, UMD_RING_STOPPED, 0);
	assert_true(umd_ring_is_stopped(&pair.submitter));
	umd_ring_set_flags(&pair.parent, 0, UMD_RING_STOPPED);
	assert_false(umd_ring_is_stopped(&pair.submitter));
	assert_true(umd_ring_wants_doorbell(&pair.submitter));
}

/* ---- Nonsense ------------------------------------------------------------------------------ */

static void test_a_tail_beyond_the_depth_is_nonsense(void **state)
{
	const uint32_t tails[] = {DEPTH + 1, UINT32_MAX, 0x80000000, 0x7fffffff};

	for (size_t i = 0; i < UNIT_COUNT(tails); i++) {
		shared()->tail = tails[i];
		assert_int_equal(take(0, DEPTH, 0), -EPROTO);
		assert_int_equal(take(0, 1, 0), -EPROTO);
	}
	shared()->tail = DEPTH;
	assert_int_equal(umd_ring_take(&pair.parent, (struct entry[DEPTH]){0}, DEPTH, 0), DEPTH);
}

static void test_a_tail_that_goes_back_is_nonsense(void **state)
{
	assert_int_equal(put(0, 4, 0), 4);
	assert_int_equal(take(0, 4, 0), 4);
	shared()->tail = 3;
	assert_int_equal(take(0, DEPTH, 0), -EPROTO);
}

static void test_a_tail_that_goes_back_over_what_was_seen_is_taken_as_it_is(void **state)
{
	assert_int_equal(put(0, 4, 0), 4);
	assert_int_equal(take(0, 1, 0), 1);
	shared()->tail = 2;
	assert_int_equal(take(1, DEPTH, 0), 1);
	assert_int_equal(take(2, DEPTH, 0), 0);
}

static void test_the_parent_does_not_believe_the_head_in_the_ring(void **state)
{
	assert_int_equal(put(0, 4, 0), 4);
	shared()->head = 77;
	shared()->flags = UINT32_MAX;
	assert_int_equal(take(0, 2, 0), 2);
	assert_int_equal(shared()->head, 2);
	shared()->head = 0;
	assert_int_equal(take(2, DEPTH, 0), 2);
	assert_int_equal(shared()->head, 4);
}

static void test_a_head_that_cannot_be_is_a_full_ring(void **state)
{
	const uint32_t heads[] = {1, UINT32_MAX - DEPTH, 0x80000000};

	for (size_t i = 0; i < UNIT_COUNT(heads); i++) {
		shared()->head = heads[i];
		pair.submitter.seen = 0u - DEPTH; /* it was full */
		assert_int_equal(umd_ring_room(&pair.submitter), 0);
		assert_int_equal(put(0, 1, 0), 0);
	}
	shared()->head = 0;
	assert_int_equal(put(0, DEPTH + 1, 0), DEPTH);
}

static void test_what_is_dropped_is_not_taken(void **state)
{
	assert_int_equal(put(0, 4, 0), 4);
	assert_int_equal(take(0, 1, 0), 1);
	assert_int_equal(umd_ring_count(&pair.parent), 3);
	umd_ring_drop(&pair.parent);
	assert_int_equal(umd_ring_room(&pair.submitter), DEPTH);
	assert_int_equal(umd_ring_count(&pair.parent), 0);
	assert_int_equal(take(0, DEPTH, 0), 0);
	assert_int_equal(put(4, 1, 0), 1);
	assert_int_equal(take(4, DEPTH, 0), 1);
}

/* Whatever is written into the ring, no more is copied than there is room for, and than depth. */
static long run_scribbles(uint64_t seed)
{
	struct entry entries[2 * DEPTH + 1];
	uint32_t *words;

	init_pair(&pair, DEPTH);
	words = (uint32_t *)shared();
	for (long step = 0; step < 20000; step++) {
		uint32_t room = (uint32_t)unit_below(&seed, 2 * DEPTH), at = pair.parent.at;
		uint64_t near = unit_below(&seed, 2);
		int n;

		words[unit_below(&seed, UMD_RING_ENTRIES_AT / 4)] = (uint32_t)unit_random(&seed);
		shared()->tail =
			at + (uint32_t)(near ? unit_below(&seed, 2 * DEPTH) : unit_random(&seed));
		shared()->barrier = (uint32_t)unit_below(&seed, 3);
		memset(&entries[room], 0xa5, sizeof(entries[room]));
		n = umd_ring_take(&pair.parent, entries, room, 1);
		if (n > (int)room || n > (int)DEPTH || (n < 0 && n != -EPROTO && n != -EAGAIN))
			return step;
		if (pair.parent.at != at + (uint32_t)(n > 0 ? n : 0) ||
		    entries[room].number != UINT64_C(0xa5a5a5a5a5a5a5a5))
			return step;
	}
	finish_pair(&pair);
	return -1;
}

static void test_scribbles_do_not_lead_out_of_the_ring(void **state)
{
	unit_run_seeds(run_scribbles);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_ring_s_file_can_neither_grow_nor_shrink),
		cmocka_unit_test(test_a_ring_that_cannot_be_is_not_made),
		TEST(test_what_is_no_sealed_file_of_the_size_is_not_opened),
		TEST(test_the_fields_lie_where_the_layout_says),
		TEST(test_entries_come_out_in_order_and_once),
		TEST(test_what_does_not_fit_is_not_taken),
		TEST(test_no_room_takes_nothing),
		cmocka_unit_test(test_batches_of_all_sizes_come_out_as_they_went_in),
		TEST(test_both_ends_may_have_one_mapping),
		TEST(test_entries_wait_for_the_change_that_they_need),
		TEST(test_the_number_of_a_change_may_wrap),
		TEST(test_no_entries_wait_for_nothing),
		TEST(test_what_could_be_taken_before_a_barrier_still_can),
		TEST(test_the_doorbell_is_wanted_once_for_each_sleep),
		TEST(test_a_stop_does_not_disturb_a_sleep),
		TEST(test_a_tail_beyond_the_depth_is_nonsense),
		TEST(test_a_tail_that_goes_back_is_nonsense),
		TEST(test_a_tail_that_goes_back_over_what_was_seen_is_taken_as_it_is),
		TEST(test_the_parent_does_not_believe_the_head_in_the_ring),
		TEST(test_a_head_that_cannot_be_is_a_full_ring),
		TEST(test_what_is_dropped_is_not_taken),
		cmocka_unit_test(test_scribbles_do_not_lead_out_of_the_ring),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
