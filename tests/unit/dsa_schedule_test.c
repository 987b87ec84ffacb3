// SPDX-License-Identifier: BSD-2-Clause
/* Who gets the next turn, and how fast somebody may go: exact, without threads and clocks. */
#include "unit.h"

#include "dsa/limit.h"
#include "dsa/schedule.h"

#define FLOWS  8u
#define SECOND UINT64_C(1000000000)

static struct dsa_schedule schedule;
static struct dsa_flow flows[FLOWS];
static uint64_t served[FLOWS];

static int set_up(void **state)
{
	(void)state;
	memset(served, 0, sizeof(served));
	for (unsigned int i = 0; i < FLOWS; i++)
		dsa_flow_init(&flows[i], 1);
	return dsa_schedule_init(&schedule, FLOWS);
}

static int tear_down(void **state)
{
	(void)state;
	dsa_schedule_finish(&schedule);
	return 0;
}

static int next(void)
{
	struct dsa_flow *flow = dsa_schedule_next(&schedule);

	return flow ? (int)(flow - flows) : -1;
}

/* A turn of the next one: it does so many bytes, by its number, and has more to do. */
static unsigned int turn(const uint64_t *bytes)
{
	int who = next();

	assert_true(who >= 0);
	served[who] += bytes[who];
	dsa_schedule_put(&schedule, &flows[who], bytes[who]);
	return (unsigned int)who;
}

/* ---- Turns --------------------------------------------------------------------------------- */

static void nobody_waits_at_first(void **state)
{
	(void)state;
	assert_int_equal(next(), -1);
	assert_true(dsa_schedule_due(&schedule) == UINT64_MAX);
}

static void equals_take_turns_in_their_order(void **state)
{
	static const uint64_t bytes[FLOWS] = {100, 100, 100};

	(void)state;
	dsa_schedule_add(&schedule, &flows[2]);
	dsa_schedule_add(&schedule, &flows[0]);
	dsa_schedule_add(&schedule, &flows[1]);
	for (int round = 0; round < 5; round++) {
		assert_int_equal(turn(bytes), 2);
		assert_int_equal(turn(bytes), 0);
		assert_int_equal(turn(bytes), 1);
	}
}

static void shares_are_of_bytes_not_of_turns(void **state)
{
	static const uint64_t bytes[FLOWS] = {64, 4096, 65536, 333};

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		dsa_schedule_add(&schedule, &flows[i]);
	for (int i = 0; i < 100000; i++) {
		turn(bytes);
		for (unsigned int k = 1; k < 4; k++) {
			assert_true(served[0] + 65536 + 64 >= served[k]);
			assert_true(served[k] + 65536 + 4096 >= served[0]);
		}
	}
	assert_true(served[0] > 1000000);
}

static void shares_are_by_weight(void **state)
{
	static const uint64_t bytes[FLOWS] = {1000, 3000, 700};
	uint64_t unit;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		dsa_flow_set_weight(&flows[i], 1u << i);
		dsa_schedule_add(&schedule, &flows[i]);
	}
	for (int i = 0; i < 70000; i++)
		turn(bytes);
	unit = (served[0] + served[1] + served[2]) / 7;
	assert_in_range(served[0], unit - 3000, unit + 3000);
	assert_in_range(served[1], 2 * unit - 3000, 2 * unit + 3000);
	assert_in_range(served[2], 4 * unit - 3000, 4 * unit + 3000);
}

static void what_a_weight_does_not_divide_is_not_lost(void **state)
{
	(void)state;
	dsa_flow_set_weight(&flows[0], 7);
	for (int i = 0; i < 7000; i++) {
		dsa_schedule_add(&schedule, &flows[0]);
		assert_int_equal(next(), 0);
		dsa_schedule_rest(&schedule, &flows[0], 3);
	}
	assert_int_equal(flows[0].pass, 3000);
}

static void who_was_idle_has_saved_nothing(void **state)
{
	static const uint64_t bytes[FLOWS] = {100, 100};

	(void)state;
	dsa_schedule_add(&schedule, &flows[0]);
	for (int i = 0; i < 1000; i++)
		turn(bytes);
	dsa_schedule_add(&schedule, &flows[1]);
	served[0] = 0;
	for (int i = 0; i < 10; i++)
		turn(bytes);
	assert_int_equal(served[0], 500);
	assert_int_equal(served[1], 500);
}

static void who_comes_back_still_owes_what_he_had(void **state)
{
	static const uint64_t bytes[FLOWS] = {100, 100};

	(void)state;
	dsa_schedule_add(&schedule, &flows[0]);
	dsa_schedule_add(&schedule, &flows[1]);
	assert_int_equal(next(), 0);
	dsa_schedule_rest(&schedule, &flows[0], 1000);
	dsa_schedule_add(&schedule, &flows[0]);
	for (int i = 0; i < 10; i++)
		assert_int_equal(turn(bytes), 1);
	assert_int_equal(turn(bytes), 0);
}

static void what_is_done_alone_is_owed_to_nobody(void **state)
{
	static const uint64_t bytes[FLOWS] = {1000000, 100};

	(void)state;
	dsa_schedule_add(&schedule, &flows[0]);
	assert_int_equal(turn(bytes), 0);
	dsa_schedule_add(&schedule, &flows[1]);
	assert_int_equal(turn(bytes), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(turn(bytes), 1);
	assert_int_equal(turn(bytes), 0);
}

static void whoever_waits_is_reached_after_one_turn_of_each(void **state)
{
	static const uint64_t bytes[FLOWS] = {[0] = 1 << 20, 1 << 20, 1 << 20, 1 << 20};

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		dsa_schedule_add(&schedule, &flows[i]);
	for (int i = 0; i < 102; i++)
		turn(bytes);
	dsa_schedule_add(&schedule, &flows[5]);
	for (int i = 0; i < 4; i++) {
		if (turn(bytes) == 5)
			return;
	}
	assert_int_equal(next(), 5);
}

/* Two servers, of which a heavy flow has one for itself all the time. */
static void who_cannot_use_his_share_does_not_save_it(void **state)
{
	static const uint64_t bytes[FLOWS] = {1000, 1000, 1000};
	unsigned int alone = 0;

	(void)state;
	dsa_flow_set_weight(&flows[0], 100);
	dsa_schedule_add(&schedule, &flows[0]);
	dsa_schedule_add(&schedule, &flows[1]);
	dsa_schedule_add(&schedule, &flows[2]);
	for (int i = 0; i < 100000; i++) {
		int one = next(), other = next();

		assert_true(i < 2 || one == 0);
		dsa_schedule_put(&schedule, &flows[one], 1000);
		dsa_schedule_put(&schedule, &flows[other], 1000);
	}
	dsa_flow_set_weight(&flows[0], 1);
	while (turn(bytes) == 0)
		alone++;
	assert_in_range(alone, 1, DSA_LAG_MAX / 1000 + 3);
}

/* ---- Standing aside ------------------------------------------------------------------------ */

static void the_delayed_come_back_in_time(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		dsa_schedule_add(&schedule, &flows[i]);
		assert_int_equal(next(), i);
	}
	dsa_schedule_delay(&schedule, &flows[0], 10, 3000);
	dsa_schedule_delay(&schedule, &flows[1], 10, 1000);
	dsa_schedule_delay(&schedule, &flows[2], 10, 2000);
	assert_int_equal(dsa_schedule_due(&schedule), 1000);
	assert_int_equal(dsa_schedule_resume(&schedule, 999), 0);
	assert_int_equal(next(), -1);
	assert_int_equal(dsa_schedule_resume(&schedule, 2000), 2);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), 2);
	assert_int_equal(next(), -1);
	assert_int_equal(dsa_schedule_due(&schedule), 3000);
	dsa_schedule_remove(&schedule, &flows[0]);
	assert_true(dsa_schedule_due(&schedule) == UINT64_MAX);
}

/* ---- Against a list ------------------------------------------------------------------------ */

/* The one that has to be next, as anybody would look for it. */
static int expected(const bool *waits)
{
	int best = -1;

	for (int i = 0; i < (int)FLOWS; i++) {
		if (!waits[i])
			continue;
		if (best < 0 || flows[i].pass < flows[best].pass ||
		    (flows[i].pass == flows[best].pass && flows[i].order < flows[best].order))
			best = i;
	}
	return best;
}

static long run(uint64_t seed)
{
	bool waits[FLOWS] = {false};

	for (unsigned int i = 0; i < FLOWS; i++)
		dsa_flow_init(&flows[i], 1 + (uint32_t)unit_below(&seed, 5));
	for (long step = 0; step < 20000; step++) {
		unsigned int who = (unsigned int)unit_below(&seed, FLOWS);

		switch (unit_below(&seed, 4)) {
		case 0:
			if (!waits[who])
				dsa_schedule_add(&schedule, &flows[who]);
			waits[who] = true;
			break;
		case 1:
			dsa_schedule_remove(&schedule, &flows[who]);
			waits[who] = false;
			break;
		default: {
			int right = expected(waits);

			if (next() != right)
				return step;
			if (right >= 0)
				dsa_schedule_put(&schedule, &flows[right], unit_below(&seed, 9));
		}
		}
	}
	while (next() >= 0)
		continue;
	return -1;
}

static void the_next_is_always_the_least(void **state)
{
	(void)state;
	unit_run_seeds(run);
}

/* ---- Limits -------------------------------------------------------------------------------- */

static void no_limit_never_waits(void **state)
{
	struct dsa_limit limit;

	(void)state;
	dsa_limit_init(&limit, 0, 5);
	dsa_limit_take(&limit, UINT64_C(1) << 60);
	assert_int_equal(dsa_limit_ready(&limit, 6), 6);
}

static void what_was_taken_too_much_is_waited_for(void **state)
{
	struct dsa_limit limit;

	(void)state;
	dsa_limit_init(&limit, 1000, SECOND); /* a bucket of 10 */
	assert_int_equal(dsa_limit_ready(&limit, SECOND), SECOND);
	dsa_limit_take(&limit, 510);
	assert_int_equal(dsa_limit_ready(&limit, SECOND), SECOND + 501 * (SECOND / 1000));
	assert_int_equal(dsa_limit_ready(&limit, SECOND + SECOND / 2),
			 SECOND + 501 * (SECOND / 1000));
	assert_int_equal(dsa_limit_ready(&limit, 3 * SECOND), 3 * SECOND);
	dsa_limit_take(&limit, 10);
	assert_int_equal(dsa_limit_ready(&limit, 3 * SECOND), 3 * SECOND + SECOND / 1000);
}

static void a_rate_is_kept_whatever_the_steps(void **state)
{
	static const uint64_t rates[] = {1, 7, 999, 1000003, UINT64_C(3) << 30};
	uint64_t seed = 9;

	(void)state;
	for (size_t i = 0; i < UNIT_COUNT(rates); i++) {
		uint64_t now = SECOND, taken = 0, amount, seconds;
		struct dsa_limit limit;

		dsa_limit_init(&limit, rates[i], now);
		for (int k = 0; k < 100000; k++) {
			uint64_t ready = dsa_limit_ready(&limit, now);

			if (ready > now) {
				now += 1 + unit_below(&seed, ready - now);
				continue;
			}
			amount = 1 + unit_below(&seed, rates[i] / 50 + 1);
			dsa_limit_take(&limit, amount);
			taken += amount;
		}
		seconds = (now - SECOND) / SECOND;
		assert_true(seconds >= 10);
		assert_true(taken <= rates[i] * (seconds + 1) + rates[i] / 20 + 2);
		assert_true(taken >= rates[i] * seconds - rates[i] / 20);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define SCHEDULE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		SCHEDULE_TEST(nobody_waits_at_first),
		SCHEDULE_TEST(equals_take_turns_in_their_order),
		SCHEDULE_TEST(shares_are_of_bytes_not_of_turns),
		SCHEDULE_TEST(shares_are_by_weight),
		SCHEDULE_TEST(what_a_weight_does_not_divide_is_not_lost),
		SCHEDULE_TEST(who_was_idle_has_saved_nothing),
		SCHEDULE_TEST(who_comes_back_still_owes_what_he_had),
		SCHEDULE_TEST(what_is_done_alone_is_owed_to_nobody),
		SCHEDULE_TEST(whoever_waits_is_reached_after_one_turn_of_each),
		SCHEDULE_TEST(who_cannot_use_his_share_does_not_save_it),
		SCHEDULE_TEST(the_delayed_come_back_in_time),
		SCHEDULE_TEST(the_next_is_always_the_least),
		cmocka_unit_test(no_limit_never_waits),
		cmocka_unit_test(what_was_taken_too_much_is_waited_for),
		cmocka_unit_test(a_rate_is_kept_whatever_the_steps),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
