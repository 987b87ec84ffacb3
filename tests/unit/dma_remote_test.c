/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers by message, without anybody who carries them: how they are cut, whose turn it is, and
 * how they end, also where whoever is told starts or cancels others.
 */
#include "dma_fixture.h"

#define MAX   1000u /* bytes that the client takes in a message */
#define COUNT 8u

static struct umd_dma_space space;
static struct umd_dma_remote *remote;
static uint8_t buffer[64 * PAGE], theirs[64 * PAGE];
static unsigned int wakes;

/* A transfer, how it ended, and what is done when it has. */
struct job {
	struct umd_dma_transfer transfer;
	unsigned int ends;
	int error;
	void (*then)(struct job *job);
};

static struct job jobs[COUNT];

static void on_wake(void *data)
{
	wakes++;
}

static void on_done(void *data, int error)
{
	struct job *job = data;

	job->ends++;
	job->error = error;
	if (job->then)
		job->then(job);
}

static int setup(void **state)
{
	init_space(&space);
	remote = &space.remote;
	umd_dma_remote_open(remote, MAX, on_wake, NULL);
	wakes = 0;
	memset(jobs, 0, sizeof(jobs));
	assert_int_equal(umd_dma_space_map_fd(&space, 0, 32 * PAGE, READ_WRITE, -1, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_dma_remote_close(remote, -ECANCELED);
	umd_dma_space_reset(&space);
	assert_false(umd_dma_remote_is_busy(remote));
	return 0;
}

static int start(struct job *job, uint64_t iova, size_t size, bool write)
{
	job->transfer = (struct umd_dma_transfer){.iova = iova,
						  .buffer = buffer,
						  .size = size,
						  .write = write,
						  .done = on_done,
						  .data = job};
	return umd_dma_space_start(&space, &job->transfer);
}

static void start_remote(struct job *job, uint64_t iova, size_t size)
{
	assert_int_equal(start(job, iova, size, false), -EINPROGRESS);
}

static struct umd_dma_message *next(void)
{
	return umd_dma_space_next_message(&space);
}

/* The next message is this one. */
static struct umd_dma_message *expect(uint64_t iova, size_t size)
{
	struct umd_dma_message *message = next();

	assert_non_null(message);
	assert_int_equal(message->iova, iova);
	assert_int_equal(message->size, size);
	return message;
}

static void answer(struct umd_dma_message *message)
{
	umd_dma_remote_answer(remote, message, 0);
}

static void expect_end(const struct job *job, int error)
{
	assert_int_equal(job->ends, 1);
	assert_int_equal(job->error, error);
}

/* As if that much time had gone by since all that has happened. */
static void let_time_pass(uint64_t ns)
{
	remote->answered_ns -= ns < remote->answered_ns ? ns : remote->answered_ns;
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++)
		remote->messages[i].sent_ns -= remote->messages[i].out ? ns : 0;
	for (unsigned int i = 0; i < COUNT; i++)
		jobs[i].transfer.own.started_ns -= jobs[i].transfer.own.started_ns ? ns : 0;
	umd_dma_remote_expire(remote);
}

/* ---- Cutting ------------------------------------------------------------------------------- */

static void test_transfer_is_cut_into_messages_the_client_takes(void **state)
{
	struct umd_dma_message *messages[3];

	start_remote(&jobs[0], 100, 2 * MAX + 1);
	assert_int_equal(wakes, 1);
	messages[0] = expect(100, MAX);
	messages[1] = expect(100 + MAX, MAX);
	messages[2] = expect(100 + 2 * MAX, 1);
	assert_null(next());
	assert_ptr_equal(messages[2]->local, buffer + 2 * MAX);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(jobs[0].ends, 0);
		answer(messages[2 - i]);
	}
	expect_end(&jobs[0], 0);
}

static void test_message_has_a_largest_size_of_ours(void **state)
{
	umd_dma_remote_open(remote, 1u << 20, on_wake, NULL);
	start_remote(&jobs[0], 0, UMD_DMA_MESSAGE_MAX + 5);
	expect(0, UMD_DMA_MESSAGE_MAX);
	expect(UMD_DMA_MESSAGE_MAX, 5);
}

static void test_message_ends_where_its_map_does(void **state)
{
	assert_int_equal(umd_dma_space_map_fd(&space, 32 * PAGE, PAGE, READ, -1, 0), 0);
	start_remote(&jobs[0], 32 * PAGE - 10, 20);
	expect(32 * PAGE - 10, 10);
	expect(32 * PAGE, 10);
	assert_int_equal(start(&jobs[1], 32 * PAGE - 10, 20, true), -EFAULT);
}

static void test_shared_memory_between_is_copied_on_the_way(void **state)
{
	int fd = make_file(PAGE);
	struct umd_dma_message *before, *behind;

	assert_int_equal(umd_dma_space_map_fd(&space, 32 * PAGE, PAGE, READ_WRITE, fd, 0), 0);
	assert_int_equal(umd_dma_space_map_fd(&space, 33 * PAGE, PAGE, READ_WRITE, -1, 0), 0);
	assert_int_equal(pwrite(fd, "shared", 6, 0), 6);
	start_remote(&jobs[0], 32 * PAGE - 10, PAGE + 20);
	before = expect(32 * PAGE - 10, 10);
	behind = expect(33 * PAGE, 10);
	assert_memory_equal(buffer + 10, "shared", 6);
	answer(before);
	answer(behind);
	expect_end(&jobs[0], 0);
	close(fd);
}

static void test_transfer_that_ends_in_shared_memory_ends_with_it(void **state)
{
	int fd = make_file(PAGE);

	assert_int_equal(umd_dma_space_map_fd(&space, 32 * PAGE, PAGE, READ_WRITE, fd, 0), 0);
	start_remote(&jobs[0], 32 * PAGE - 10, 20);
	answer(expect(32 * PAGE - 10, 10));
	assert_int_equal(jobs[0].ends, 0);
	assert_null(next());
	expect_end(&jobs[0], 0);

	start_remote(&jobs[1], 32 * PAGE - 10, 20);
	assert_int_equal(ftruncate(fd, 0), 0);
	answer(expect(32 * PAGE - 10, 10));
	assert_null(next());
	expect_end(&jobs[1], -EFAULT);
	close(fd);
}

static void test_transfer_through_shared_memory_alone_is_done_at_once(void **state)
{
	int fd = make_file(PAGE);

	assert_int_equal(umd_dma_space_map_fd(&space, 32 * PAGE, PAGE, READ_WRITE, fd, 0), 0);
	assert_int_equal(start(&jobs[0], 32 * PAGE, PAGE, true), 0);
	assert_int_equal(start(&jobs[0], 32 * PAGE, 0, false), 0);
	assert_int_equal(start(&jobs[0], 32 * PAGE, PAGE + 1, true), -EFAULT);
	assert_int_equal(start(&jobs[0], UINT64_MAX, 2, true), -EFAULT);
	assert_int_equal(jobs[0].ends + wakes, 0);
	close(fd);
}

static void test_nobody_who_carries_messages_is_an_error(void **state)
{
	umd_dma_remote_close(remote, -ECANCELED);
	assert_int_equal(start(&jobs[0], 0, 1, false), -EREMOTE);
	assert_int_equal(start(&jobs[0], 40 * PAGE, 1, false), -EFAULT);
}

/* ---- Turns and bounds ---------------------------------------------------------------------- */

static void test_transfers_take_turns(void **state)
{
	start_remote(&jobs[0], 0, 3 * MAX);
	start_remote(&jobs[1], 16 * PAGE, 2 * MAX);
	expect(0, MAX);
	expect(16 * PAGE, MAX);
	expect(MAX, MAX);
	expect(16 * PAGE + MAX, MAX);
	expect(2 * MAX, MAX);
	assert_null(next());
}

static void test_only_so_many_messages_are_out(void **state)
{
	struct umd_dma_message *last = NULL;

	start_remote(&jobs[0], 0, (UMD_DMA_MESSAGES + 1) * MAX);
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++)
		last = expect(i * MAX, MAX);
	assert_null(next());
	answer(last);
	assert_non_null(next());
}

static void test_id_is_not_used_again_while_its_message_is_out(void **state)
{
	struct umd_dma_message *held;
	uint16_t id;

	start_remote(&jobs[0], 0, 1);
	held = expect(0, 1);
	id = held->id;
	umd_dma_remote_cancel(remote, &jobs[0].transfer);
	for (unsigned int i = 0; i < 70000; i++) {
		struct umd_dma_message *message;

		jobs[1].ends = 0;
		start_remote(&jobs[1], 0, 1);
		message = expect(0, 1);
		if (message->id == id)
			fail_msg("used again after %u", i);
		answer(message);
	}
	assert_ptr_equal(umd_dma_remote_find(remote, id), held);
	answer(held);
	assert_null(umd_dma_remote_find(remote, id));
	assert_int_equal(jobs[0].ends, 0);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void test_error_ends_it_and_the_rest_is_nobodys(void **state)
{
	struct umd_dma_message *a, *b;

	start_remote(&jobs[0], 0, 3 * MAX);
	a = expect(0, MAX);
	b = expect(MAX, MAX);
	umd_dma_remote_answer(remote, b, -EIO);
	expect_end(&jobs[0], -EIO);
	assert_null(a->transfer);
	assert_true(a->out);
	assert_null(next());
	answer(a);
	expect_end(&jobs[0], -EIO);
}

static void test_unmap_ends_what_touches_it(void **state)
{
	assert_int_equal(umd_dma_space_map_fd(&space, 32 * PAGE, PAGE, READ_WRITE, -1, 0), 0);
	start_remote(&jobs[0], 32 * PAGE - 1, 1);
	start_remote(&jobs[1], 32 * PAGE - 1, 2);
	start_remote(&jobs[2], 33 * PAGE - 1, 1);
	expect(32 * PAGE - 1, 1);
	assert_int_equal(umd_dma_space_unmap(&space, 32 * PAGE, PAGE), 0);
	assert_int_equal(jobs[0].ends, 0);
	expect_end(&jobs[1], -EFAULT);
	expect_end(&jobs[2], -EFAULT);
	umd_dma_space_unmap_all(&space);
	expect_end(&jobs[0], -EFAULT);
}

static void start_again(struct job *job)
{
	job->then = NULL;
	assert_int_equal(start(job, 0, 1, false), job == &jobs[0] ? -EFAULT : -EINPROGRESS);
}

static void cancel_others(struct job *job)
{
	for (unsigned int i = 0; i < COUNT; i++)
		umd_dma_remote_cancel(remote, &jobs[i].transfer);
}

static void test_who_is_told_may_start_another(void **state)
{
	start_remote(&jobs[1], 0, 1);
	jobs[1].then = start_again;
	answer(expect(0, 1));
	assert_int_equal(jobs[1].ends, 1);
	expect(0, 1);

	start_remote(&jobs[0], 4, 1);
	jobs[0].then = start_again;
	umd_dma_space_unmap_all(&space);
	expect_end(&jobs[0], -EFAULT);
}

static void test_who_is_told_may_cancel_others(void **state)
{
	for (unsigned int i = 0; i < COUNT; i++) {
		start_remote(&jobs[i], i * PAGE, 2 * MAX);
		jobs[i].then = cancel_others;
	}
	expect(0, MAX);
	umd_dma_remote_end_all(remote, -ENODEV);
	expect_end(&jobs[1], -ENODEV);
	for (unsigned int i = 0; i < COUNT; i++)
		assert_int_equal(jobs[i].ends, i == 1);
	assert_false(umd_dma_remote_is_busy(remote));
}

static void test_cancel_of_what_is_not_under_way_does_nothing(void **state)
{
	struct umd_dma_transfer never;

	memset(&never, 0xa5, sizeof(never));
	umd_dma_remote_cancel(remote, &never);
	start_remote(&jobs[0], 0, 1);
	umd_dma_remote_cancel(remote, &never);
	answer(expect(0, 1));
	expect_end(&jobs[0], 0);
	umd_dma_remote_cancel(remote, &jobs[0].transfer);
}

/* ---- Patience ------------------------------------------------------------------------------ */

static void test_what_is_not_answered_ends_in_time(void **state)
{
	start_remote(&jobs[0], 0, MAX);
	start_remote(&jobs[1], PAGE, MAX);
	expect(0, MAX);
	let_time_pass(UMD_DMA_PATIENCE_NS - 1000000000);
	answer(expect(PAGE, MAX));
	expect_end(&jobs[1], 0);
	assert_int_equal(jobs[0].ends, 0);
	let_time_pass(1000000000);
	expect_end(&jobs[0], -ETIMEDOUT);
	assert_int_equal(remote->messages[0].out, 1);
}

static void test_what_gets_no_turn_ends_only_if_nothing_is_answered(void **state)
{
	struct umd_dma_message *messages[UMD_DMA_MESSAGES];

	start_remote(&jobs[0], 0, UMD_DMA_MESSAGES * MAX);
	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++)
		messages[i] = expect(i * MAX, MAX);
	umd_dma_remote_cancel(remote, &jobs[0].transfer);
	start_remote(&jobs[1], 16 * PAGE, 8);
	assert_null(next());
	let_time_pass(UMD_DMA_PATIENCE_NS - 1000000000);
	answer(messages[3]);
	let_time_pass(UMD_DMA_PATIENCE_NS - 1000000000);
	assert_int_equal(jobs[1].ends, 0);
	let_time_pass(1000000000);
	expect_end(&jobs[1], -ETIMEDOUT);
}

/* ---- Random transfers, against a plain array ----------------------------------------------- */

static struct umd_dma_message *out_at_random(uint64_t *seed)
{
	unsigned int first = (unsigned int)unit_below(seed, UMD_DMA_MESSAGES);

	for (unsigned int i = 0; i < UMD_DMA_MESSAGES; i++) {
		struct umd_dma_message *message = &remote->messages[(first + i) % UMD_DMA_MESSAGES];

		if (message->out)
			return message;
	}
	return NULL;
}

/* The client moves the bytes of one of the messages. */
static void answer_one(uint64_t *seed)
{
	struct umd_dma_message *message = out_at_random(seed);

	if (!message)
		return;
	if (message->transfer && message->write)
		memcpy(theirs + message->iova, message->local, message->size);
	else if (message->transfer)
		memcpy(message->local, theirs + message->iova, message->size);
	answer(message);
}

static long run_transfers(uint64_t seed)
{
	static uint8_t expected[32 * PAGE];

	for (long step = 0; step < 300; step++) {
		size_t size = 1 + unit_below(&seed, 20 * PAGE);
		uint64_t iova = unit_below(&seed, 32 * PAGE - size);
		bool write = unit_below(&seed, 2);

		for (size_t i = 0; i < size; i++)
			buffer[i] = (uint8_t)unit_random(&seed);
		memcpy(expected, write ? buffer : theirs + iova, size);
		jobs[0] = (struct job){0};
		if (start(&jobs[0], iova, size, write) != -EINPROGRESS)
			return step;
		while (!jobs[0].ends) {
			if (unit_below(&seed, 2))
				next();
			else
				answer_one(&seed);
		}
		if (jobs[0].error || memcmp(write ? theirs + iova : buffer, expected, size) != 0)
			return step;
	}
	return -1;
}

static void test_transfers_move_the_bytes_that_an_array_would(void **state)
{
	unit_run_seeds(run_transfers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_transfer_is_cut_into_messages_the_client_takes),
		TEST(test_message_has_a_largest_size_of_ours),
		TEST(test_message_ends_where_its_map_does),
		TEST(test_shared_memory_between_is_copied_on_the_way),
		TEST(test_transfer_that_ends_in_shared_memory_ends_with_it),
		TEST(test_transfer_through_shared_memory_alone_is_done_at_once),
		TEST(test_nobody_who_carries_messages_is_an_error),
		TEST(test_transfers_take_turns),
		TEST(test_only_so_many_messages_are_out),
		TEST(test_id_is_not_used_again_while_its_message_is_out),
		TEST(test_error_ends_it_and_the_rest_is_nobodys),
		TEST(test_unmap_ends_what_touches_it),
		TEST(test_who_is_told_may_start_another),
		TEST(test_who_is_told_may_cancel_others),
		TEST(test_cancel_of_what_is_not_under_way_does_nothing),
		TEST(test_what_is_not_answered_ends_in_time),
		TEST(test_what_gets_no_turn_ends_only_if_nothing_is_answered),
		TEST(test_transfers_move_the_bytes_that_an_array_would),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("dma_remote", tests, NULL, NULL);
}
