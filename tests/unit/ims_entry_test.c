/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of a store: triggers and what holds them back, eventfds, revocation, and moving to
 * another store.
 */
#include "ims_pair.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>

/* ---- Triggers ------------------------------------------------------------------------------ */

static void test_trigger_signals_its_entry(void **state)
{
	umd_ims_handle of_a = ims_entry(a, fd_a), of_b = ims_entry(b, fd_b);

	for (int i = 0; i < 3; i++)
		assert_int_equal(umd_ims_trigger(ims, of_a, A), 0);
	ims_expect_events(3, 0);
	assert_int_equal(umd_ims_trigger(ims, of_b, B), 0);
	ims_expect_events(0, 1);
	assert_int_equal(ims_stats(ims).delivered, 4);
}

static void test_trigger_for_somebody_else_is_refused_and_counted(void **state)
{
	umd_ims_handle of_a = ims_entry(a, fd_a), of_b = ims_entry(b, fd_b);

	assert_int_equal(umd_ims_trigger(ims, of_b, A), -EPERM);
	assert_int_equal(umd_ims_trigger(ims, of_b, 0), -EPERM);
	assert_int_equal(umd_ims_trigger(ims, of_a, UINT32_MAX), -EPERM);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_is_pending(b, of_b), 0);
	assert_int_equal(umd_ims_domain_refused(a), 1);
	assert_int_equal(umd_ims_domain_refused(b), 2);
	assert_int_equal(ims_stats(ims).refused, 3);
	assert_int_equal(ims_stats(ims).delivered, 0);
}

static void test_an_index_triggers_the_entry_that_it_has_now(void **state)
{
	umd_ims_handle first = ims_entry(a, fd_a), second;
	uint32_t index = ims_index(first);

	assert_int_equal(umd_ims_trigger_index(ims, index, A), 0);
	ims_expect_events(1, 0);
	assert_int_equal(umd_ims_free(a, first), 0);
	assert_int_equal(umd_ims_trigger_index(ims, index, A), -ENOENT);
	second = ims_entry(a, fd_a);
	assert_int_equal(ims_index(second), index);
	assert_int_equal(umd_ims_trigger_index(ims, index, A), 0);
	ims_expect_events(1, 0);
	assert_int_equal(ims_stats(ims).stale, 1);
}

static void test_an_index_of_somebody_else_s_is_refused_and_counted(void **state)
{
	uint32_t index = ims_index(ims_entry(b, fd_b));

	assert_int_equal(umd_ims_trigger_index(ims, index, A), -EPERM);
	assert_int_equal(umd_ims_trigger_index(ims, UINT32_MAX, A), -ENOENT);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_domain_refused(b), 1);
	assert_int_equal(ims_stats(ims).stale, 1);
}

static void test_a_check_counts_and_triggers_nothing(void **state)
{
	uint32_t index = ims_index(ims_entry(b, fd_b));

	assert_int_equal(umd_ims_check_index(ims, index, B), 0);
	assert_int_equal(umd_ims_check_index(ims, index, A), -EPERM);
	assert_int_equal(umd_ims_check_index(ims, UINT32_MAX, A), -ENOENT);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_domain_refused(b), 1);
	assert_int_equal(ims_stats(ims).stale, 1);
	assert_int_equal(ims_stats(ims).delivered, 0);
}

static void test_masked_triggers_are_delivered_once(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a);

	assert_int_equal(umd_ims_set_mask(a, handle, true), 0);
	assert_int_equal(umd_ims_is_pending(a, handle), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_is_pending(a, handle), 1);

	assert_int_equal(umd_ims_set_mask(a, handle, true), 0);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_set_mask(a, handle, false), 0);
	ims_expect_events(1, 0);
	assert_int_equal(umd_ims_is_pending(a, handle), 0);
	assert_int_equal(umd_ims_set_mask(a, handle, false), 0);
	ims_expect_events(0, 0);
	assert_int_equal(ims_stats(ims).delivered, 1);
}

static void test_reset_forgets_what_is_pending_and_masked(void **state)
{
	struct umd_ims_state saved = {.size = sizeof(saved)};
	umd_ims_handle handle = ims_entry(a, fd_a);

	assert_int_equal(umd_ims_write(ims, A, (uint32_t)handle * 16, "\1\2\3\4", 4), 0);
	assert_int_equal(umd_ims_set_mask(a, handle, true), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(umd_ims_reset(a, handle), 0);
	assert_int_equal(umd_ims_save(a, handle, &saved), 0);
	assert_false(saved.pending || saved.masked || saved.address);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	ims_expect_events(1, 0);

	assert_int_equal(umd_ims_reset(b, handle), -ENOENT);
	assert_int_equal(umd_ims_free(a, handle), 0);
	assert_int_equal(umd_ims_reset(a, handle), -ENOENT);
}

static void test_entry_without_an_eventfd_waits_for_one(void **state)
{
	umd_ims_handle handle;

	assert_int_equal(umd_ims_alloc(a, &handle), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(umd_ims_is_pending(a, handle), 1);
	assert_int_equal(umd_ims_set_eventfd(a, handle, fd_a), 0);
	ims_expect_events(1, 0);

	assert_int_equal(umd_ims_set_eventfd(a, handle, -1), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(umd_ims_set_mask(a, handle, true), 0);
	assert_int_equal(umd_ims_set_eventfd(a, handle, fd_a), 0);
	ims_expect_events(0, 0);
	assert_int_equal(umd_ims_set_mask(a, handle, false), 0);
	ims_expect_events(1, 0);
}

static void test_entry_starts_with_nothing_of_its_predecessor(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a), next;

	assert_int_equal(umd_ims_set_mask(a, handle, true), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(umd_ims_free(a, handle), 0);
	assert_int_equal(umd_ims_alloc(a, &next), 0);
	assert_int_equal(ims_index(next), ims_index(handle));
	assert_int_equal(umd_ims_is_pending(a, next), 0);
	assert_int_equal(umd_ims_set_eventfd(a, next, fd_b), 0);
	assert_int_equal(umd_ims_trigger(ims, next, A), 0);
	ims_expect_events(0, 1);
}

static void test_eventfd_is_replaced(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a);
	int open_fds = unit_count_fds();

	assert_int_equal(umd_ims_set_eventfd(a, handle, fd_b), 0);
	assert_int_equal(unit_count_fds(), open_fds);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	ims_expect_events(0, 1);
	assert_int_equal(umd_ims_set_eventfd(a, handle, -1), 0);
	assert_int_equal(unit_count_fds(), open_fds - 1);
}

static void test_eventfd_is_a_duplicate_that_no_child_inherits(void **state)
{
	int fd = ims_eventfd(), copy = dup(fd);
	umd_ims_handle handle = ims_entry(a, fd);

	assert_true(fcntl(ims_slot_of(handle)->eventfd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(unit_take_events(copy), 1);
	close(copy);
}

static void test_what_is_no_eventfd_is_refused(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a);
	int open_fds = unit_count_fds(), ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(umd_ims_set_eventfd(a, handle, ends[0]), -EINVAL);
	assert_int_equal(umd_ims_set_eventfd(a, handle, ends[1]), -EINVAL);
	assert_int_equal(umd_ims_set_eventfd(a, handle, 1 << 20), -EINVAL);
	assert_int_equal(umd_ims_set_eventfd(a, handle, -2), -EINVAL);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(unit_count_fds(), open_fds);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	ims_expect_events(1, 0);
}

static void test_lack_of_fds_is_told(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a);
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)fd_b + 1, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(umd_ims_set_eventfd(a, handle, fd_b), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	ims_expect_events(1, 0);
}

/* ---- Revocation ---------------------------------------------------------------------------- */

/* A domain whose owner is told, and asks for an entry again at once. */
struct told {
	struct umd_ims_domain *domain;
	unsigned int count;
	umd_ims_handle gone, again;
	sem_t reached, go_on;
};

static void on_revoked(void *data, umd_ims_handle handle)
{
	struct told *told = data;

	told->count++;
	told->gone = handle;
	assert_int_equal(umd_ims_alloc(told->domain, &told->again), 0);
}

static struct umd_ims_domain *told_domain(struct told *told,
					  void (*revoked)(void *data, umd_ims_handle handle))
{
	struct umd_ims_domain_options options = {.size = sizeof(options),
						 .owner = 9,
						 .vectors = 1,
						 .revoked = revoked,
						 .data = told};

	assert_int_equal(umd_ims_domain_create(ims, &options, &told->domain, NULL), 0);
	return told->domain;
}

static void test_revoked_entry_is_gone_and_its_domain_told(void **state)
{
	struct told told = {0};
	struct umd_ims_domain *c = told_domain(&told, on_revoked);
	umd_ims_handle handle = ims_entry(c, fd_a);
	int open_fds = unit_count_fds();

	assert_int_equal(umd_ims_revoke(ims, handle), 0);
	assert_int_equal(unit_count_fds(), open_fds - 1);
	assert_int_equal(told.count, 1);
	assert_true(told.gone == handle);
	assert_int_equal(ims_index(told.again), ims_index(handle));
	assert_int_equal(umd_ims_trigger(ims, handle, 9), -ENOENT);
	assert_int_equal(umd_ims_revoke(ims, handle), -ENOENT);
	assert_int_equal(umd_ims_free(c, handle), -ENOENT);
	assert_int_equal(told.count, 1);
	assert_int_equal(umd_ims_free(c, told.again), 0);
	assert_int_equal(told.count, 1);
	umd_ims_domain_destroy(c);
}

static void test_revocation_needs_nobody_to_be_told(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a);

	assert_int_equal(umd_ims_revoke(ims, handle), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, A), -ENOENT);
	ims_expect_events(0, 0);
}

static void on_revoked_slowly(void *data, umd_ims_handle handle)
{
	struct told *told = data;

	sem_post(&told->reached);
	sem_wait(&told->go_on);
	on_revoked(data, handle);
}

static void *revoke_it(void *data)
{
	struct told *told = data;

	umd_ims_revoke(ims, told->gone);
	return NULL;
}

static void *destroy_it(void *data)
{
	struct told *told = data;

	umd_ims_domain_destroy(told->domain);
	sem_post(&told->reached);
	return NULL;
}

/* It has no one to tell any more when it returns, and what the last one told took is gone, too. */
static void test_end_of_a_domain_waits_for_those_being_told(void **state)
{
	struct told told = {0};
	struct umd_ims_domain *c = told_domain(&told, on_revoked_slowly);
	pthread_t revoker, destroyer;

	sem_init(&told.reached, 0, 0);
	sem_init(&told.go_on, 0, 0);
	told.gone = ims_entry(c, fd_a);
	assert_int_equal(pthread_create(&revoker, NULL, revoke_it, &told), 0);
	sem_wait(&told.reached);
	assert_int_equal(pthread_create(&destroyer, NULL, destroy_it, &told), 0);
	usleep(50000);
	assert_int_equal(sem_trywait(&told.reached), -1);

	sem_post(&told.go_on);
	sem_wait(&told.reached);
	pthread_join(revoker, NULL);
	pthread_join(destroyer, NULL);
	assert_int_equal(told.count, 1);
	assert_int_equal(umd_ims_trigger(ims, told.again, 9), -ENOENT);
	assert_int_equal(ims_stats(ims).in_use, 0);
	assert_int_equal(ims_stats(ims).reserved, 6);
	sem_destroy(&told.reached);
	sem_destroy(&told.go_on);
}

/* ---- A slice that moves -------------------------------------------------------------------- */

static void test_entry_moves_with_what_it_holds(void **state)
{
	static const struct {
		bool masked, pending;
	} cases[] = {{false, false}, {true, false}, {false, true}, {true, true}};

	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		struct umd_ims_state from = {.size = sizeof(from),
					     .masked = cases[i].masked,
					     .pending = cases[i].pending,
					     .address = UINT64_C(0xfee00000deadbeef),
					     .data = 0x12345678},
				     to = {.size = sizeof(to)};
		umd_ims_handle handle;

		assert_int_equal(umd_ims_restore(b, &from, &handle), 0);
		assert_int_equal(umd_ims_save(b, handle, &to), 0);
		assert_int_equal(to.masked, from.masked);
		assert_int_equal(to.pending, from.pending);
		assert_true(to.address == from.address);
		assert_int_equal(to.data, from.data);

		assert_int_equal(umd_ims_set_eventfd(b, handle, fd_b), 0);
		ims_expect_events(0, cases[i].pending && !cases[i].masked);
		assert_int_equal(umd_ims_set_mask(b, handle, false), 0);
		ims_expect_events(0, cases[i].pending && cases[i].masked);
		assert_int_equal(umd_ims_trigger(ims, handle, A), -EPERM);
		assert_int_equal(umd_ims_trigger(ims, handle, B), 0);
		ims_expect_events(0, 1);
		assert_int_equal(umd_ims_free(b, handle), 0);
	}
}

static void test_state_of_another_version_is_refused(void **state)
{
	struct umd_ims_state saved = {.size = sizeof(saved) - 1};
	umd_ims_handle handle = ims_entry(a, fd_a);

	assert_int_equal(umd_ims_save(a, handle, &saved), -EINVAL);
	assert_int_equal(umd_ims_restore(a, &saved, &handle), -EINVAL);
	assert_int_equal(ims_stats(ims).in_use, 1);
}

static void test_restoring_takes_a_vector(void **state)
{
	struct umd_ims_state saved = {.size = sizeof(saved)};
	umd_ims_handle handle;

	assert_int_equal(umd_ims_restore(b, &saved, &handle), 0);
	assert_int_equal(umd_ims_restore(b, &saved, &handle), 0);
	assert_int_equal(umd_ims_restore(b, &saved, &handle), -ENOSPC);
	assert_int_equal(umd_ims_alloc(b, &handle), -ENOSPC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ims_pair_setup, ims_pair_teardown)
#define TEST_PER_OWNER(name) \
	cmocka_unit_test_setup_teardown(name, ims_pair_setup_per_owner, ims_pair_teardown)
#define TEST_BOTH(name) TEST(name), TEST_PER_OWNER(name)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST_BOTH(test_trigger_signals_its_entry),
		TEST_BOTH(test_trigger_for_somebody_else_is_refused_and_counted),
		TEST_BOTH(test_an_index_triggers_the_entry_that_it_has_now),
		TEST_BOTH(test_an_index_of_somebody_else_s_is_refused_and_counted),
		TEST_BOTH(test_a_check_counts_and_triggers_nothing),
		TEST_BOTH(test_masked_triggers_are_delivered_once),
		TEST(test_reset_forgets_what_is_pending_and_masked),
		TEST_BOTH(test_entry_without_an_eventfd_waits_for_one),
		TEST_BOTH(test_entry_starts_with_nothing_of_its_predecessor),
		TEST(test_eventfd_is_replaced),
		TEST(test_eventfd_is_a_duplicate_that_no_child_inherits),
		TEST(test_what_is_no_eventfd_is_refused),
		TEST(test_lack_of_fds_is_told),
		TEST_BOTH(test_revoked_entry_is_gone_and_its_domain_told),
		TEST(test_revocation_needs_nobody_to_be_told),
		TEST(test_end_of_a_domain_waits_for_those_being_told),
		TEST_BOTH(test_entry_moves_with_what_it_holds),
		TEST(test_state_of_another_version_is_refused),
		TEST_BOTH(test_restoring_takes_a_vector),
	};

	return cmocka_run_group_tests_name("ims_entry", tests, NULL, NULL);
}
