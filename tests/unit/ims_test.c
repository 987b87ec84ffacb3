/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt message stores: what a domain reserves and gives back, what is parcelled out, and that
 * a handle is never used again.
 */
#include "ims_pair.h"

/* ---- Stores -------------------------------------------------------------------------------- */

static void test_store_within_its_limits_is_made(void **state)
{
	static const struct {
		struct umd_ims_options options;
		int err;
	} cases[] = {
		{{sizeof(struct umd_ims_options), 0, 0}, 0},
		{{sizeof(struct umd_ims_options), 1, 1}, 0},
		{{sizeof(struct umd_ims_options), UMD_IMS_ENTRIES_MAX, UMD_IMS_PER_OWNER_MAX}, 0},
		{{sizeof(struct umd_ims_options), UMD_IMS_ENTRIES_MAX + 1, 1}, -EINVAL},
		{{sizeof(struct umd_ims_options), 1, UMD_IMS_PER_OWNER_MAX + 1}, -EINVAL},
		{{sizeof(struct umd_ims_options), 0, UMD_IMS_PER_OWNER_MAX + 1}, -EINVAL},
		{{sizeof(struct umd_ims_options) - 1, 1, 1}, -EINVAL},
		{{0, 1, 1}, -EINVAL},
	};

	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		struct umd_ims *made = NULL;

		assert_int_equal(umd_ims_create(&cases[i].options, &made), cases[i].err);
		assert_int_equal(made != NULL, cases[i].err == 0);
		umd_ims_destroy(made);
	}
	umd_ims_destroy(NULL);
	umd_ims_domain_destroy(NULL);
}

static void test_stats_tell_what_is_reserved_and_out(void **state)
{
	struct umd_ims_stats stats = {.size = sizeof(stats) - 1};
	umd_ims_handle handle = ims_entry(a, fd_a);

	assert_int_equal(umd_ims_get_stats(ims, &stats), -EINVAL);
	stats = ims_stats(ims);
	assert_int_equal(stats.entries, 8);
	assert_int_equal(stats.reserved, 6);
	assert_int_equal(stats.in_use, 1);
	assert_int_equal(stats.delivered + stats.refused + stats.stale, 0);

	assert_int_equal(umd_ims_free(a, handle), 0);
	umd_ims_domain_destroy(b);
	b = NULL;
	stats = ims_stats(ims);
	assert_int_equal(stats.reserved, 4);
	assert_int_equal(stats.in_use, 0);
}

static void test_stats_outlive_domains(void **state)
{
	umd_ims_handle handle = ims_entry(a, fd_a);

	assert_int_equal(umd_ims_trigger(ims, handle, A), 0);
	assert_int_equal(umd_ims_trigger(ims, handle, B), -EPERM);
	umd_ims_domain_destroy(a);
	a = NULL;
	assert_int_equal(umd_ims_trigger(ims, handle, A), -ENOENT);
	assert_int_equal(ims_stats(ims).delivered, 1);
	assert_int_equal(ims_stats(ims).refused, 1);
	assert_int_equal(ims_stats(ims).stale, 1);
}

/* ---- Domains ------------------------------------------------------------------------------- */

struct domain_case {
	uint32_t owner;
	unsigned int vectors;
	int err;
	const char *text;
};

static void expect_domain(struct umd_ims *store, const struct domain_case *c)
{
	struct umd_ims_domain_options options = {
		.size = sizeof(options), .owner = c->owner, .vectors = c->vectors};
	struct umd_ims_domain *domain = NULL;
	struct umd_error error = {0};

	assert_int_equal(umd_ims_domain_create(store, &options, &domain, &error), c->err);
	assert_int_equal(error.code, c->err);
	assert_string_equal(error.text, c->text);
	assert_int_equal(domain != NULL, c->err == 0);
	assert_int_equal(umd_ims_domain_create(store, &options, &domain, NULL),
			 c->err ? c->err : -EEXIST);
	umd_ims_domain_destroy(domain);
}

static void test_reservations_never_exceed_the_array(void **state)
{
	static const struct domain_case cases[] = {
		{9, 3, -ENOSPC, "owner 9 asks for 3 vectors; 2 of 8 are free"},
		{9, UINT32_MAX, -ENOSPC,
		 "owner 9 asks for 4294967295 vectors; an owner may have 2048"},
		{9, 0, -EINVAL, "owner 9 asks for no vectors"},
		{A, 1, -EEXIST, "owner 7 has a domain already"},
		{9, 2, 0, ""},
		{UINT32_MAX, 1, 0, ""},
		{0, 1, 0, ""},
	};

	for (size_t i = 0; i < UNIT_COUNT(cases); i++)
		expect_domain(ims, &cases[i]);
	assert_int_equal(ims_stats(ims).reserved, 6);
}

static void test_owner_may_have_so_many(void **state)
{
	static const unsigned int entries[] = {64, 0};
	static const struct domain_case cases[] = {
		{1, 5, -ENOSPC, "owner 1 asks for 5 vectors; an owner may have 4"},
		{1, 4, 0, ""},
	};

	for (size_t i = 0; i < UNIT_COUNT(entries); i++) {
		struct umd_ims_options options = {
			.size = sizeof(options), .entries = entries[i], .per_owner = 4};
		struct umd_ims *store = NULL;

		assert_int_equal(umd_ims_create(&options, &store), 0);
		expect_domain(store, &cases[0]);
		expect_domain(store, &cases[1]);
		umd_ims_destroy(store);
	}
}

static void test_domain_of_another_version_is_refused(void **state)
{
	struct umd_ims_domain_options options = {
		.size = sizeof(options) + 1, .owner = 9, .vectors = 1};
	struct umd_ims_domain *domain = NULL;

	assert_int_equal(umd_ims_domain_create(ims, &options, &domain, NULL), -EINVAL);
	assert_null(domain);
}

static void test_domain_knows_its_owner_and_store(void **state)
{
	assert_int_equal(umd_ims_domain_owner(a), A);
	assert_int_equal(umd_ims_domain_owner(b), B);
	assert_ptr_equal(umd_ims_domain_store(a), ims);
}

static void test_what_a_domain_gives_back_can_be_reserved(void **state)
{
	struct umd_ims_domain *c = NULL;

	assert_int_equal(ims_try_domain(ims, 9, 4, &c), -ENOSPC);
	umd_ims_domain_destroy(b);
	b = NULL;
	assert_int_equal(ims_try_domain(ims, 9, 4, &c), 0);
	assert_int_equal(ims_try_domain(ims, B, 1, &b), -ENOSPC);
	umd_ims_domain_destroy(c);
}

static void test_domain_takes_its_entries_and_eventfds_along(void **state)
{
	umd_ims_handle handles[4];
	int open_fds = unit_count_fds();

	for (size_t i = 0; i < UNIT_COUNT(handles); i++)
		handles[i] = ims_entry(a, fd_a);
	assert_int_equal(unit_count_fds(), open_fds + 4);
	umd_ims_domain_destroy(a);
	assert_int_equal(unit_count_fds(), open_fds);

	a = ims_domain(ims, A, 4);
	for (size_t i = 0; i < UNIT_COUNT(handles); i++) {
		ims_entry(a, fd_a);
		assert_int_equal(umd_ims_trigger(ims, handles[i], A), -ENOENT);
		assert_int_equal(umd_ims_free(a, handles[i]), -ENOENT);
	}
	ims_expect_events(0, 0);
}

/* Many owners, so that the table grows through several segments while their entries live. */
static void test_storage_per_owner_has_no_bound_in_total(void **state)
{
	struct umd_ims_domain *domains[40];
	umd_ims_handle handles[40];

	for (uint32_t i = 0; i < UNIT_COUNT(domains); i++) {
		umd_ims_handle other;

		domains[i] = ims_domain(ims, 100 + i, 100);
		handles[i] = ims_entry(domains[i], fd_a);
		for (unsigned int j = 1; j < 100; j++)
			assert_int_equal(umd_ims_alloc(domains[i], &other), 0);
		assert_int_equal(umd_ims_alloc(domains[i], &other), -ENOSPC);
	}
	assert_int_equal(ims_stats(ims).reserved, 4006);
	assert_int_equal(ims_stats(ims).in_use, 4000);

	for (uint32_t i = 0; i < UNIT_COUNT(domains); i++) {
		assert_int_equal(umd_ims_trigger(ims, handles[i], 100 + i), 0);
		assert_int_equal(umd_ims_trigger(ims, handles[i], 101 + i), -EPERM);
	}
	ims_expect_events(40, 0);
	for (size_t i = 0; i < UNIT_COUNT(domains); i++)
		umd_ims_domain_destroy(domains[i]);
}

/* What an owner left is used before there is more: coming and going costs no memory. */
static void test_storage_of_one_that_left_is_used_again(void **state)
{
	umd_ims_handle handle = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct umd_ims_domain *domain = ims_domain(ims, 100 + i, 100);

		assert_int_equal(umd_ims_alloc(domain, &handle), 0);
		assert_in_range(ims_index(handle), 6, 105);
		assert_int_equal(ims_generation(handle), i + 1);
		umd_ims_domain_destroy(domain);
	}
}

/* ---- Entries and handles ------------------------------------------------------------------- */

static void test_domain_gives_out_as_many_as_it_reserved(void **state)
{
	umd_ims_handle handles[4], none = 0;

	for (size_t i = 0; i < UNIT_COUNT(handles); i++) {
		assert_int_equal(umd_ims_alloc(a, &handles[i]), 0);
		assert_true(handles[i] != 0);
		for (size_t j = 0; j < i; j++)
			assert_true(ims_index(handles[i]) != ims_index(handles[j]));
	}
	assert_int_equal(umd_ims_alloc(a, &none), -ENOSPC);
	assert_int_equal(none, 0);
	assert_int_equal(umd_ims_free(a, handles[2]), 0);
	assert_int_equal(umd_ims_alloc(a, &none), 0);
	assert_int_equal(ims_index(none), ims_index(handles[2]));
	assert_int_equal(ims_generation(none), ims_generation(handles[2]) + 1);
}

static void test_handle_that_names_nothing_is_refused_by_every_call(void **state)
{
	umd_ims_handle own = ims_entry(a, fd_a), gone = ims_entry(a, fd_a),
		       of_b = ims_entry(b, fd_b);
	umd_ims_handle wrong[] = {
		0,
		gone,
		own + 1,
		own + (UINT64_C(1) << 32),
		ims_index(own),
		UINT64_MAX,
		(UINT64_C(1) << 32) + 8,
		own | UINT64_MAX << 33,
		of_b,
	};
	struct umd_ims_state saved = {.size = sizeof(saved)};

	assert_int_equal(umd_ims_free(a, gone), 0);
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
		assert_int_equal(umd_ims_free(a, wrong[i]), -ENOENT);
		assert_int_equal(umd_ims_set_eventfd(a, wrong[i], fd_a), -ENOENT);
		assert_int_equal(umd_ims_set_eventfd(a, wrong[i], -1), -ENOENT);
		assert_int_equal(umd_ims_set_mask(a, wrong[i], true), -ENOENT);
		assert_int_equal(umd_ims_set_mask(a, wrong[i], false), -ENOENT);
		assert_int_equal(umd_ims_is_pending(a, wrong[i]), -ENOENT);
		assert_int_equal(umd_ims_save(a, wrong[i], &saved), -ENOENT);
		if (wrong[i] == of_b)
			continue;
		assert_int_equal(umd_ims_revoke(ims, wrong[i]), -ENOENT);
		assert_int_equal(umd_ims_trigger(ims, wrong[i], A), -ENOENT);
	}
	assert_int_equal(umd_ims_trigger(ims, of_b, B), 0);
	ims_expect_events(0, 1);
	assert_int_equal(ims_stats(ims).stale, UNIT_COUNT(wrong) - 1);
}

/* The last of an index's handles is given out, and then no more. */
static void test_index_that_ran_out_of_handles_is_not_used_again(void **state)
{
	umd_ims_handle handle, others[4];
	struct umd_ims_domain *c = NULL;

	assert_int_equal(umd_ims_alloc(b, &handle), 0);
	ims_slot_of(handle)->generation = UINT32_MAX - 1;
	assert_int_equal(umd_ims_free(b, ims_index(handle) | UINT64_C(0xfffffffe) << 32), 0);
	assert_int_equal(umd_ims_alloc(b, &handle), 0);
	assert_int_equal(ims_generation(handle), UINT32_MAX);
	assert_int_equal(umd_ims_alloc(b, &others[0]), 0);

	assert_int_equal(umd_ims_free(b, handle), 0);
	assert_int_equal(umd_ims_alloc(b, &others[1]), -ENOSPC);
	assert_int_equal(umd_ims_free(b, others[0]), 0);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(umd_ims_alloc(b, &others[0]), 0);
		assert_true(ims_index(others[0]) != ims_index(handle));
		assert_int_equal(umd_ims_alloc(b, &others[1]), -ENOSPC);
		assert_int_equal(umd_ims_free(b, others[0]), 0);
	}

	umd_ims_domain_destroy(b);
	b = NULL;
	assert_int_equal(ims_try_domain(ims, 9, 4, &c), -ENOSPC);
	assert_int_equal(ims_try_domain(ims, 9, 3, &c), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(umd_ims_alloc(c, &others[i]), 0);
		assert_true(ims_index(others[i]) != ims_index(handle));
	}
	umd_ims_domain_destroy(c);
}

static void test_index_that_was_spent_last_leaves_the_others(void **state)
{
	umd_ims_handle handles[4], other;

	for (size_t i = 0; i < UNIT_COUNT(handles); i++)
		assert_int_equal(umd_ims_alloc(a, &handles[i]), 0);
	for (size_t i = 0; i < UNIT_COUNT(handles); i++) {
		ims_slot_of(handles[i])->generation = UINT32_MAX;
		handles[i] |= UINT64_MAX << 32;
		assert_int_equal(umd_ims_free(a, handles[i]), 0);
		assert_int_equal(umd_ims_alloc(a, &other), -ENOSPC);
	}
	assert_int_equal(ims_stats(ims).in_use, 0);
	assert_int_equal(ims_stats(ims).reserved, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ims_pair_setup, ims_pair_teardown)
#define TEST_PER_OWNER(name) \
	cmocka_unit_test_setup_teardown(name, ims_pair_setup_per_owner, ims_pair_teardown)
#define TEST_BOTH(name) TEST(name), TEST_PER_OWNER(name)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_within_its_limits_is_made),
		TEST(test_stats_tell_what_is_reserved_and_out),
		TEST_BOTH(test_stats_outlive_domains),
		TEST(test_reservations_never_exceed_the_array),
		TEST(test_owner_may_have_so_many),
		TEST_BOTH(test_domain_of_another_version_is_refused),
		TEST(test_domain_knows_its_owner_and_store),
		TEST(test_what_a_domain_gives_back_can_be_reserved),
		TEST_BOTH(test_domain_takes_its_entries_and_eventfds_along),
		TEST_PER_OWNER(test_storage_per_owner_has_no_bound_in_total),
		TEST_PER_OWNER(test_storage_of_one_that_left_is_used_again),
		TEST_BOTH(test_domain_gives_out_as_many_as_it_reserved),
		TEST_BOTH(test_handle_that_names_nothing_is_refused_by_every_call),
		TEST(test_index_that_ran_out_of_handles_is_not_used_again),
		TEST(test_index_that_was_spent_last_leaves_the_others),
	};

	return cmocka_run_group_tests_name("ims", tests, NULL, NULL);
}
