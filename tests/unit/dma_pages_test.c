/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests without anybody who carries them: how many are out at a time, whose turn it is, and
 * how they end, also where whoever is told starts or cancels others.
 */
#include "unit.h"

#include "dma/pages.h"

#define COUNT	 400u
#define CAPACITY 64u
#define SECOND	 UINT64_C(1000000000)

/* A request, how it ended, and what is done when it has. */
struct job {
	struct umd_page_request request;
	unsigned int ends;
	int result;
	void (*then)(struct job *job);
};

static struct umd_pages pages;
static struct job jobs[COUNT];
static unsigned int wakes, settles;

static void on_wake(void *data)
{
	wakes++;
}

static void on_settled(void *data)
{
	settles++;
}

static void on_done(void *data, int result)
{
	struct job *job = data;

	job->ends++;
	job->result = result;
	if (job->then)
		job->then(job);
}

static int setup(void **state)
{
	pages = (struct umd_pages){.settled = on_settled, .allowed = UINT32_MAX};
	memset(jobs, 0, sizeof(jobs));
	umd_pages_open(&pages, CAPACITY, on_wake, NULL);
	wakes = settles = 0;
	return 0;
}

static int teardown(void **state)
{
	umd_pages_close(&pages, -ECANCELED);
	assert_false(umd_pages_is_busy(&pages));
	assert_int_equal(pages.out, 0);
	return 0;
}

static int try_start(struct job *job, uint32_t pasid, uint32_t count)
{
	job->request = (struct umd_page_request){.prefix.pasid = pasid,
						 .address = UINT64_C(4096) * (job - jobs),
						 .pages = count,
						 .read = true,
						 .done = on_done,
						 .data = job};
	return umd_pages_start(&pages, &job->request);
}

static void start(struct job *job, uint32_t pasid, uint32_t count)
{
	assert_int_equal(try_start(job, pasid, count), 0);
}

/* The next one that is sent. */
static struct umd_page_group *next(void)
{
	uint32_t index = UINT32_MAX;
	bool expected = umd_pages_has_next(&pages);
	const struct umd_page_group *group = umd_pages_next(&pages, &index);

	assert_int_equal(!!group, expected);
	if (!group)
		return NULL;
	assert_int_equal(index, umd_pages_index(&pages, group));
	assert_ptr_equal(umd_pages_find(&pages, group->id), group);
	return &pages.groups[index];
}

static struct umd_page_group *expect_next(const struct job *job)
{
	struct umd_page_group *group = next();

	assert_non_null(group);
	assert_ptr_equal(group->request, &job->request);
	return group;
}

static void answer(struct umd_page_group *group, int result)
{
	struct umd_page_request *request = umd_pages_answer(&pages, group);

	if (request)
		umd_pages_end(&pages, request, result);
}

static void expect_end(const struct job *job, unsigned int ends, int result)
{
	assert_int_equal(job->ends, ends);
	if (ends)
		assert_int_equal(job->result, result);
}

/* As if so much time had passed. */
static void let_time_pass(uint64_t ns)
{
	pages.answered_ns -= ns < pages.answered_ns ? ns : pages.answered_ns;
	for (unsigned int i = 0; i < UMD_PAGE_GROUPS; i++)
		pages.groups[i].sent_ns -= pages.groups[i].out ? ns : 0;
	for (unsigned int i = 0; i < COUNT; i++)
		jobs[i].request.own.started_ns -= jobs[i].request.own.started_ns ? ns : 0;
	umd_pages_expire(&pages);
}

/* ---- Sending and answers ------------------------------------------------------------------- */

static void test_requests_are_sent_in_their_order_and_answered_in_any(void **state)
{
	struct umd_page_group *groups[3];

	for (unsigned int i = 0; i < 3; i++)
		start(&jobs[i], 5, i + 1);
	assert_int_equal(wakes, 3);
	for (unsigned int i = 0; i < 3; i++)
		groups[i] = expect_next(&jobs[i]);
	assert_null(next());
	assert_int_equal(pages.out, 6);

	answer(groups[1], 0);
	answer(groups[2], -EFAULT);
	expect_end(&jobs[0], 0, 0);
	expect_end(&jobs[1], 1, 0);
	expect_end(&jobs[2], 1, -EFAULT);
	assert_int_equal(settles, 0);
	answer(groups[0], 0);
	expect_end(&jobs[0], 1, 0);
	assert_int_equal(settles, 1);
	assert_false(umd_pages_is_busy(&pages));
}

static void test_nobody_carries_a_request_without_a_client(void **state)
{
	umd_pages_close(&pages, -ECANCELED);
	assert_int_equal(try_start(&jobs[0], 1, 1), -ENOTCONN);
	umd_pages_open(&pages, 0, on_wake, NULL);
	assert_int_equal(try_start(&jobs[0], 1, 1), -E2BIG);
}

static void test_no_more_pages_are_out_than_driver_and_client_allow(void **state)
{
	static const uint32_t limits[] = {16, CAPACITY, CAPACITY + 1};

	for (size_t i = 0; i < UNIT_COUNT(limits); i++) {
		uint32_t limit = limits[i] < CAPACITY ? limits[i] : CAPACITY;

		pages.allowed = limits[i];
		assert_int_equal(umd_pages_limit(&pages), limit);
		assert_int_equal(try_start(&jobs[0], 1, limit + 1), -E2BIG);
		start(&jobs[0], 1, limit - 1);
		start(&jobs[1], 1, 2);
		start(&jobs[2], 1, 1);
		answer(expect_next(&jobs[0]), 0);
		expect_next(&jobs[1]);
		expect_next(&jobs[2]);
		umd_pages_close(&pages, -ECANCELED);
		umd_pages_open(&pages, CAPACITY, on_wake, NULL);
	}
}

static void test_a_large_request_is_not_overtaken(void **state)
{
	struct umd_page_group *first;

	pages.allowed = 8;
	start(&jobs[0], 1, 4);
	start(&jobs[1], 1, 8);
	start(&jobs[2], 1, 1);
	first = expect_next(&jobs[0]);
	assert_null(next());
	answer(first, 0);
	expect_next(&jobs[1]);
	assert_null(next());
}

static void test_a_full_queue_takes_no_more(void **state)
{
	for (unsigned int i = 0; i < UMD_PAGE_REQUEST_QUEUE; i++)
		start(&jobs[i], 1, 1);
	assert_int_equal(try_start(&jobs[UMD_PAGE_REQUEST_QUEUE], 1, 1), -EBUSY);
	expect_next(&jobs[0]);
	start(&jobs[UMD_PAGE_REQUEST_QUEUE], 1, 1);
}

static void test_groups_and_ids_are_not_used_twice_at_a_time(void **state)
{
	static bool used[UMD_PAGE_GROUPS];

	memset(used, 0, sizeof(used));
	umd_pages_open(&pages, UINT32_MAX, on_wake, NULL);
	for (unsigned int i = 0; i < UMD_PAGE_GROUPS; i++) {
		struct umd_page_group *group;

		start(&jobs[0], 1, 1);
		group = expect_next(&jobs[0]);
		assert_false(used[group - pages.groups]);
		used[group - pages.groups] = true;
		umd_pages_cancel(&pages, &jobs[0].request);
	}
	start(&jobs[0], 1, 1);
	assert_null(next());
	answer(&pages.groups[77], 0);
	assert_int_equal(umd_pages_index(&pages, expect_next(&jobs[0])), 77);
}

static void test_ids_that_are_out_are_passed_over(void **state)
{
	struct umd_page_group *first, *second;

	start(&jobs[0], 1, 1);
	first = expect_next(&jobs[0]);
	pages.last_id = (uint16_t)(first->id - 1);
	start(&jobs[1], 1, 1);
	second = expect_next(&jobs[1]);
	assert_int_not_equal(first->id, second->id);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static bool has_pasid(const struct umd_page_request *request, uint32_t pasid)
{
	return request->prefix.pasid == pasid;
}

static void test_what_matches_ends_whether_sent_or_not(void **state)
{
	for (unsigned int i = 0; i < 8; i++)
		start(&jobs[i], i % 2, 1);
	for (unsigned int i = 0; i < 4; i++)
		expect_next(&jobs[i]);
	umd_pages_end_matching(&pages, has_pasid, 1, -ENXIO);
	for (unsigned int i = 0; i < 8; i++)
		expect_end(&jobs[i], i % 2, -ENXIO);
	assert_int_equal(pages.out, 4);
	expect_next(&jobs[4]);
	expect_next(&jobs[6]);
}

static void test_what_waits_ends_alone(void **state)
{
	start(&jobs[0], 1, 1);
	expect_next(&jobs[0]);
	start(&jobs[1], 1, 1);
	umd_pages_end_waiting(&pages, -ESHUTDOWN);
	expect_end(&jobs[0], 0, 0);
	expect_end(&jobs[1], 1, -ESHUTDOWN);
	assert_int_equal(settles, 0);
}

static void test_nobody_is_told_of_what_is_cancelled(void **state)
{
	start(&jobs[0], 1, 1);
	start(&jobs[1], 1, 1);
	start(&jobs[2], 1, 1);
	expect_next(&jobs[0]);
	for (unsigned int i = 0; i < 2; i++) {
		umd_pages_cancel(&pages, &jobs[0].request);
		umd_pages_cancel(&pages, &jobs[1].request);
		umd_pages_cancel(&pages, &jobs[3].request); /* never started */
	}
	assert_int_equal(settles, 1);
	expect_next(&jobs[2]);
	assert_null(next());
	umd_pages_end_all(&pages, -ECANCELED);
	expect_end(&jobs[0], 0, 0);
	expect_end(&jobs[1], 0, 0);
	expect_end(&jobs[2], 1, -ECANCELED);
}

static void test_a_late_answer_is_nobodys(void **state)
{
	struct umd_page_group *group;

	start(&jobs[0], 1, 3);
	group = expect_next(&jobs[0]);
	umd_pages_cancel(&pages, &jobs[0].request);
	assert_int_equal(pages.out, 3);
	assert_null(umd_pages_answer(&pages, group));
	assert_int_equal(pages.out, 0);
	assert_null(umd_pages_find(&pages, group->id));
}

static void start_again(struct job *job)
{
	if (job->ends < 3)
		start(job, job->request.prefix.pasid, 1);
}

static void test_whoever_is_told_may_start_again(void **state)
{
	jobs[0].then = start_again;
	start(&jobs[0], 1, 1);
	answer(expect_next(&jobs[0]), 0);
	answer(expect_next(&jobs[0]), -EFAULT);
	answer(expect_next(&jobs[0]), 0);
	expect_end(&jobs[0], 3, 0);
	assert_null(next());
}

static void cancel_next(struct job *job)
{
	umd_pages_cancel(&pages, &job[1].request);
}

static void test_whoever_is_told_may_cancel_others(void **state)
{
	jobs[0].then = jobs[2].then = cancel_next;
	for (unsigned int i = 0; i < 4; i++)
		start(&jobs[i], 1, 1);
	expect_next(&jobs[0]);
	expect_next(&jobs[1]);
	umd_pages_end_all(&pages, -EIO);
	for (unsigned int i = 0; i < 4; i++)
		expect_end(&jobs[i], i % 2 == 0, -EIO);
}

static void fail_to_start(struct job *job)
{
	assert_int_equal(try_start(job, 1, 1), -ENOTCONN);
}

static void test_nothing_is_started_while_the_client_goes(void **state)
{
	jobs[0].then = jobs[1].then = fail_to_start;
	start(&jobs[0], 1, 1);
	start(&jobs[1], 1, 1);
	expect_next(&jobs[0]);
	umd_pages_close(&pages, -ECANCELED);
	expect_end(&jobs[0], 1, -ECANCELED);
	expect_end(&jobs[1], 1, -ECANCELED);
}

/* ---- Patience ------------------------------------------------------------------------------ */

static void test_an_answer_has_five_seconds(void **state)
{
	struct umd_page_group *group;

	start(&jobs[0], 1, 2);
	group = expect_next(&jobs[0]);
	let_time_pass(UMD_PAGES_PATIENCE_NS - SECOND);
	expect_end(&jobs[0], 0, 0);
	let_time_pass(SECOND);
	expect_end(&jobs[0], 1, -ETIMEDOUT);
	assert_int_equal(pages.out, 2);
	assert_null(umd_pages_answer(&pages, group));
}

static void test_what_gets_no_turn_ends_where_nothing_is_answered(void **state)
{
	struct umd_page_group *group;

	pages.allowed = 1;
	start(&jobs[0], 1, 1);
	start(&jobs[1], 1, 1);
	start(&jobs[2], 1, 1);
	group = expect_next(&jobs[0]);
	let_time_pass(UMD_PAGES_PATIENCE_NS - SECOND);
	answer(group, 0);
	group = expect_next(&jobs[1]);
	let_time_pass(UMD_PAGES_PATIENCE_NS - SECOND);
	expect_end(&jobs[2], 0, 0); /* the client does answer */
	let_time_pass(SECOND);
	expect_end(&jobs[1], 1, -ETIMEDOUT);
	expect_end(&jobs[2], 1, -ETIMEDOUT);
	assert_false(umd_pages_is_busy(&pages));

	/* What was given up is out still: there is no room before it is answered. */
	start(&jobs[3], 1, 1);
	assert_null(next());
	answer(group, 0);
	expect_next(&jobs[3]);
}

static void test_what_is_started_by_the_end_of_another_has_its_time(void **state)
{
	jobs[0].then = start_again;
	start(&jobs[0], 1, 1);
	let_time_pass(UMD_PAGES_PATIENCE_NS);
	expect_end(&jobs[0], 1, -ETIMEDOUT);
	expect_next(&jobs[0]);
	jobs[0].then = NULL;
}

/* ---- All of it, at random ------------------------------------------------------------------ */

static uint32_t pages_out(void)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < UMD_PAGE_GROUPS; i++)
		sum += pages.groups[i].out ? pages.groups[i].pages : 0;
	return sum;
}

static void random_step(uint64_t *state, bool *running)
{
	unsigned int i = (unsigned int)unit_below(state, COUNT);
	struct umd_page_group *group = &pages.groups[unit_below(state, UMD_PAGE_GROUPS)];

	switch (unit_below(state, 8)) {
	case 0:
	case 1:
	case 2:
		if (!running[i])
			running[i] = !try_start(&jobs[i], (uint32_t)unit_below(state, 4),
						1 + (uint32_t)unit_below(state, 16));
		break;
	case 3:
	case 4:
		next();
		break;
	case 5:
		if (group->out)
			answer(group, 0);
		break;
	case 6:
		umd_pages_cancel(&pages, &jobs[i].request);
		running[i] = false;
		break;
	default:
		if (!unit_below(state, 50))
			umd_pages_end_matching(&pages, has_pasid, (uint32_t)unit_below(state, 4),
					       -ENXIO);
	}
}

/* Each request that was started ends once, or was cancelled; and the sums are right. */
static long run(uint64_t seed)
{
	static bool running[COUNT];

	setup(NULL);
	memset(running, 0, sizeof(running));
	for (long step = 0; step < 20000; step++) {
		unsigned int count = 0;

		random_step(&seed, running);
		for (unsigned int i = 0; i < COUNT; i++) {
			if (jobs[i].ends > 1 || (jobs[i].ends && !running[i]))
				return step;
			if (jobs[i].ends)
				jobs[i].ends = running[i] = false;
			count += running[i];
		}
		if (pages.out != pages_out() || pages.out > CAPACITY ||
		    count != pages.waiting + pages.asking)
			return step;
	}
	teardown(NULL);
	return -1;
}

static void test_sums_are_right_at_every_step(void **state)
{
	unit_run_seeds(run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_requests_are_sent_in_their_order_and_answered_in_any),
		TEST(test_nobody_carries_a_request_without_a_client),
		TEST(test_no_more_pages_are_out_than_driver_and_client_allow),
		TEST(test_a_large_request_is_not_overtaken),
		TEST(test_a_full_queue_takes_no_more),
		TEST(test_groups_and_ids_are_not_used_twice_at_a_time),
		TEST(test_ids_that_are_out_are_passed_over),
		TEST(test_what_matches_ends_whether_sent_or_not),
		TEST(test_what_waits_ends_alone),
		TEST(test_nobody_is_told_of_what_is_cancelled),
		TEST(test_a_late_answer_is_nobodys),
		TEST(test_whoever_is_told_may_start_again),
		TEST(test_whoever_is_told_may_cancel_others),
		TEST(test_nothing_is_started_while_the_client_goes),
		TEST(test_an_answer_has_five_seconds),
		TEST(test_what_gets_no_turn_ends_where_nothing_is_answered),
		TEST(test_what_is_started_by_the_end_of_another_has_its_time),
		cmocka_unit_test(test_sums_are_right_at_every_step),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("dma_pages", tests, NULL, NULL);
}
