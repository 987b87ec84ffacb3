/* SPDX-License-Identifier: BSD-2-Clause */
/* Parents and links within a process: who gets what, and what is left when they end. */
#include "parent_fixture.h"

static struct rig rig;
static struct umd_link *first;

static int setup(void **state)
{
	rig_init(&rig);
	first = rig_link(&rig, 1);
	return 0;
}

static int teardown(void **state)
{
	umd_link_close(first);
	rig_finish(&rig);
	return 0;
}

static void test_what_is_submitted_is_taken_and_answered_by_interrupt(void **state)
{
	struct umd_queue *queue = rig_queue(first, 4);
	int fd = rig_eventfd();
	uint32_t vector = rig_vector(first, fd);

	assert_int_equal(submit(queue, 5), 1);
	expect_entry(rig.author.work, 5);
	assert_int_equal(take_one(rig.author.work), 0);
	assert_int_equal(umd_work_trigger(rig.author.work, vector), 0);
	assert_int_equal(unit_take_events(fd), 1);
	umd_queue_close(queue);
	assert_int_equal(rig.author.closed, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_is_submitted_is_taken_and_answered_by_interrupt, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
