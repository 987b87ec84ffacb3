/* SPDX-License-Identifier: BSD-2-Clause */
/* A link through a socket: what it does is what a link of the parent's own process does. */
#include "parent_remote_fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct served served;
static struct umd_link *link_;
static struct rig *rig = &served.rig;

static int setup(void **state)
{
	const struct umd_owner owner = rig_owner(7);

	served_start(&served, &owner);
	served_connect(&served);
	link_ = served.link;
	return 0;
}

static int teardown(void **state)
{
	served_stop(&served);
	return 0;
}

/* ---- The parent ---------------------------------------------------------------------------- */

static void test_parent_is_as_a_link_of_its_process_sees_it(void **state)
{
	struct umd_parent_info info = get_info(link_);

	assert_string_equal(info.api, "toy-1");
	assert_string_equal(info.algorithms, "nop count");
	assert_int_equal(info.entry_size, ENTRY);
	assert_int_equal(info.max_depth, 1024);
	assert_int_equal(info.shared_queues, 3);
	assert_int_equal(info.queues, 4);
	assert_int_equal(info.free_queues, 4);
	assert_int_equal(info.vectors, 4);
	assert_int_equal(info.free_vectors, 4);
	assert_int_equal(info.max_weight, 8);
	assert_int_equal(info.max_batch, 7);
	assert_int_equal(info.max_transfer, 1 << 20);
	assert_int_equal(info.max_maps, 65535);
	assert_int_equal(info.max_mapped_bytes, 0);
}

static void test_info_of_another_size_is_refused(void **state)
{
	struct umd_parent_info info = {.size = sizeof(info) - 1};

	assert_int_equal(umd_link_get_info(link_, &info), -EINVAL);
}

static void test_second_connection_is_told_who_is_there(void **state)
{
	struct umd_error error = {.code = 0};
	struct umd_link *second = NULL;

	assert_int_equal(umd_link_connect(served.path, &second, &error), -EBUSY);
	assert_null(second);
	assert_int_equal(error.code, -EBUSY);
	assert_string_equal(error.text, "owner 7 has a link already");
	assert_int_equal(get_info(link_).free_queues, 4);
}

static void test_link_may_come_again(void **state)
{
	for (int i = 0; i < 3; i++) {
		umd_link_close(served.link);
		served_connect(&served);
		assert_int_equal(get_info(served.link).free_queues, 4);
	}
}

/* ---- Queues -------------------------------------------------------------------------------- */

static void test_what_is_submitted_is_taken_and_answered_by_interrupt(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	int fd = rig_eventfd();
	uint32_t vector = rig_vector(link_, fd);

	assert_int_equal(get_info(link_).free_vectors, 3); /* the eventfd has got there */
	assert_int_equal(submit(queue, 5), 1);
	expect_entry(rig->author.work, 5);
	assert_int_equal(take_one(rig->author.work), 0);
	assert_int_equal(umd_work_trigger(rig->author.work, vector), 0);
	assert_int_equal(unit_take_events(fd), 1);
	umd_queue_close(queue);
	assert_int_equal(rig->author.closed, 1);
	close(fd);
}

static void test_queue_is_as_it_was_asked_for(void **state)
{
	struct umd_queue_options options = queue_options(5);
	struct umd_queue *queue = NULL;

	options.weight = 8;
	options.config = "how it is to be";
	options.config_size = 16;
	assert_int_equal(umd_queue_open(link_, &options, &queue), 0);
	assert_int_equal(umd_queue_depth(queue), 8);
	assert_int_equal(umd_queue_room(queue), 8);
	assert_int_equal(rig->author.weight, 8);
	assert_string_equal((const char *)rig->author.config, "how it is to be");
	assert_int_equal(get_info(link_).free_queues, 3);
	umd_queue_close(queue);
	assert_int_equal(get_info(link_).free_queues, 4);
}

static void test_queue_that_cannot_be_is_refused(void **state)
{
	struct umd_queue_options options = queue_options(4);
	struct umd_queue *queues[4], *none = NULL;

	options.weight = 9;
	assert_int_equal(umd_queue_open(link_, &options, &none), -EPERM);
	options.weight = 1;
	options.shared = 4;
	assert_int_equal(umd_queue_open(link_, &options, &none), -ENOENT);
	options.shared = 0;
	rig->author.refuse = -EDOM;
	assert_int_equal(umd_queue_open(link_, &options, &none), -EDOM);
	rig->author.refuse = 0;
	for (int i = 0; i < 4; i++)
		queues[i] = rig_queue(link_, 4);
	assert_int_equal(umd_queue_open(link_, &options, &none), -ENOSPC);
	assert_null(none);
	for (int i = 0; i < 4; i++)
		umd_queue_close(queues[i]);
}

static void test_sleeping_parent_is_woken(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	struct umd_work *work = rig->author.work;

	assert_int_equal(submit(queue, 1), 1);
	assert_int_equal(unit_take_events(umd_work_doorbell(work)), 0);
	expect_entry(work, 1);
	assert_true(umd_work_sleep(work));
	assert_int_equal(submit(queue, 2), 1);
	assert_int_equal(unit_take_events(umd_work_doorbell(work)), 1);
	umd_work_wake(work);
	expect_entry(work, 2);
	umd_queue_close(queue);
}

static void test_command_ends_when_the_parent_says_so(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	struct ending ending = {0};

	rig->author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending),
			 -EINPROGRESS);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending), -EBUSY);
	get_info(link_);
	assert_int_equal(rig->author.command, UMD_QUEUE_DRAIN);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(ending.told, 0);
	umd_work_ended(rig->author.work, 0);
	await(link_, ending.told);
	assert_int_equal(ending.result, 0);
	rig->author.is_slow = false;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_STOP, NULL, NULL), 0);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_START, NULL, NULL), 0);
	assert_int_equal(submit(queue, 1), 1);
	umd_queue_close(queue);
	assert_int_equal(ending.told, 1);
}

static void *end_later(void *data)
{
	usleep(2500000);
	umd_work_ended(data, -EIO);
	return NULL;
}

static void test_command_may_take_longer_than_an_answer(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	pthread_t thread;

	rig->author.is_slow = true;
	assert_int_equal(pthread_create(&thread, NULL, end_later, rig->author.work), 0);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, NULL, NULL), -EIO);
	pthread_join(thread, NULL);
	umd_queue_close(queue);
}

static void test_command_ends_with_its_queue(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	struct ending ending = {0};

	rig->author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending),
			 -EINPROGRESS);
	umd_queue_close(queue);
	assert_int_equal(ending.told, 1);
	assert_int_equal(ending.result, -ECANCELED);
}

/* ---- News ---------------------------------------------------------------------------------- */

static struct {
	unsigned int halts, notes, revocations, losses;
	struct umd_queue *queue;
	int reason;
	uint32_t lost, vector;
	char note[UMD_NOTE_MAX];
} news;

static void on_halted(void *data, struct umd_queue *queue, int reason)
{
	news.halts++;
	news.queue = queue;
	news.reason = reason;
}

static void on_noted(void *data, struct umd_queue *queue, const void *note, size_t size,
		     uint32_t lost)
{
	news.notes++;
	news.queue = queue;
	news.lost += lost;
	memcpy(news.note, note, size);
}

static void on_revoked(void *data, uint32_t vector)
{
	news.revocations++;
	news.vector = vector;
}

static void on_lost(void *data)
{
	news.losses++;
}

static void listen_to_news(void)
{
	static const struct umd_link_ops ops = {
		.halted = on_halted, .noted = on_noted, .revoked = on_revoked, .lost = on_lost};

	memset(&news, 0, sizeof(news));
	umd_link_set_ops(link_, &ops, NULL);
}

static void test_nonsense_in_a_ring_halts_the_queue(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);

	listen_to_news();
	umd_work_halt(rig->author.work, -EPROTO);
	await(link_, news.halts);
	assert_ptr_equal(news.queue, queue);
	assert_int_equal(news.reason, -EPROTO);
	assert_int_equal(submit(queue, 1), -ESHUTDOWN);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_START, NULL, NULL), 0);
	assert_int_equal(submit(queue, 1), 1);
	umd_queue_close(queue);
}

static void test_first_note_is_told_and_the_others_are_counted(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	unsigned int i;

	listen_to_news();
	for (i = 0; i < 1000; i++)
		umd_work_note(rig->author.work, "broken", 7);
	await(link_, news.notes + news.lost == 1000);
	assert_true(news.notes < 1000);
	assert_ptr_equal(news.queue, queue);
	assert_string_equal(news.note, "broken");
	umd_work_note(rig->author.work, "again", 6);
	await(link_, news.notes + news.lost == 1001);
	assert_string_equal(news.note, "again");
	umd_queue_close(queue);
}

static void test_news_wait_for_dispatch(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	struct pollfd ready = {.fd = umd_link_fd(link_), .events = POLLIN};

	listen_to_news();
	umd_work_note(rig->author.work, "", 1);
	usleep(50000);
	get_info(link_); /* which receives it on its way */
	assert_int_equal(news.notes, 0);
	assert_int_equal(poll(&ready, 1, 1000), 1);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(news.notes, 1);
	umd_queue_close(queue);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(poll(&ready, 1, 0), 0);
}

static void test_news_of_a_closed_queue_are_none(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);

	listen_to_news();
	umd_work_note(rig->author.work, "", 1);
	usleep(50000);
	umd_queue_close(queue);
	queue = rig_queue(link_, 4);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(news.notes, 0);
	umd_work_note(rig->author.work, "", 1);
	await(link_, news.notes == 1);
	umd_queue_close(queue);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void test_vectors_are_parcelled_out(void **state)
{
	uint32_t vectors[4], none = 99;

	for (int i = 0; i < 4; i++)
		assert_int_equal(umd_link_alloc_vector(link_, &vectors[i]), 0);
	assert_int_equal(umd_link_alloc_vector(link_, &none), -ENOSPC);
	assert_int_equal(none, 99);
	assert_int_equal(umd_link_free_vector(link_, vectors[2]), 0);
	assert_int_equal(umd_link_free_vector(link_, vectors[2]), -ENOENT);
	assert_int_equal(get_info(link_).free_vectors, 1);
	assert_int_equal(umd_link_alloc_vector(link_, &none), 0);
}

static void test_masked_vector_is_pending(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	int fd = rig_eventfd();
	uint32_t vector = rig_vector(link_, fd);

	assert_int_equal(umd_link_is_pending(link_, vector), 0);
	assert_int_equal(umd_link_set_mask(link_, vector, true), 0);
	assert_int_equal(umd_link_is_pending(link_, vector), 0);
	assert_int_equal(umd_work_trigger(rig->author.work, vector), 0);
	assert_int_equal(umd_link_is_pending(link_, vector), 1);
	assert_int_equal(unit_take_events(fd), 0);
	assert_int_equal(umd_link_set_mask(link_, vector, false), 0);
	assert_int_equal(umd_link_is_pending(link_, vector), 0);
	assert_int_equal(unit_take_events(fd), 1);
	assert_int_equal(umd_link_set_eventfd(link_, vector, -1), 0);
	assert_int_equal(umd_link_is_pending(link_, vector), 0);
	assert_int_equal(umd_work_trigger(rig->author.work, vector), 0);
	assert_int_equal(umd_link_is_pending(link_, vector), 1);
	umd_queue_close(queue);
	close(fd);
}

static void test_what_is_no_vector_is_told_at_once(void **state)
{
	assert_int_equal(umd_link_set_mask(link_, 3, true), -ENOENT);
	assert_int_equal(umd_link_set_eventfd(link_, 3, -1), -ENOENT);
	assert_int_equal(umd_link_is_pending(link_, 3), -ENOENT);
	assert_int_equal(umd_link_free_vector(link_, 3), -ENOENT);
}

static void test_what_is_no_eventfd_is_told_at_once(void **state)
{
	uint32_t vector = rig_vector(link_, -1);
	int memory = make_memory(PAGE);

	assert_int_equal(umd_link_set_eventfd(link_, vector, memory), -EINVAL);
	close(memory);
	assert_int_equal(umd_link_set_eventfd(link_, vector, memory), -EINVAL);
	assert_int_equal(umd_link_is_pending(link_, vector), 0);
}

/* The other end's, too: the owner's first handle of index 0. */
static void test_revoked_vector_is_told(void **state)
{
	uint32_t vector = rig_vector(link_, -1);

	listen_to_news();
	assert_int_equal(umd_ims_revoke(rig->ims, (UINT64_C(1) << 32) | vector), 0);
	await(link_, news.revocations == 1);
	assert_int_equal(news.vector, vector);
	assert_int_equal(umd_link_free_vector(link_, vector), -ENOENT);
	assert_int_equal(get_info(link_).free_vectors, 4);
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* What the parent sees of a word of the owner's. The parent's thread is at rest. */
static uint32_t peek(uint64_t iova)
{
	uint32_t word = 0;
	int err;

	served_halt(&served);
	err = umd_dma_space_read(umd_work_space(rig->author.work), iova, &word, sizeof(word));
	served_go(&served);
	return err ? UINT32_MAX : word;
}

static void write_word(int fd, uint64_t offset, uint32_t word)
{
	assert_int_equal(pwrite(fd, &word, sizeof(word), (off_t)offset), sizeof(word));
}

static void test_memory_is_mapped_and_unmapped(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	int fd = make_memory(4 * PAGE);

	write_word(fd, PAGE, 1234);
	assert_int_equal(map(link_, 0x10000, 2 * PAGE, fd, PAGE), 0);
	assert_int_equal(peek(0x10000), 1234);
	assert_int_equal(map(link_, 0x11000, PAGE, fd, 0), -EEXIST);
	assert_int_equal(unmap(link_, 0x11000, PAGE), -EINVAL);
	assert_int_equal(unmap(link_, 0x10000, 2 * PAGE), 0);
	assert_int_equal(peek(0x10000), UINT32_MAX);
	umd_queue_close(queue);
	close(fd);
}

#define MANY 200u

static void test_changes_of_one_call_are_many(void **state)
{
	static struct umd_dma_change changes[MANY];
	struct umd_queue *queue = rig_queue(link_, 4);
	int fds[2] = {make_memory(PAGE * MANY), make_memory(PAGE * MANY)};

	for (uint32_t i = 0; i < MANY; i++) {
		write_word(fds[i % 2], (uint64_t)i * PAGE, 1000 + i);
		changes[i] = map_change((uint64_t)i * PAGE, PAGE, fds[i % 2], (uint64_t)i * PAGE);
	}
	assert_int_equal(umd_link_change(link_, changes, MANY, NULL, NULL), 0);
	served_halt(&served);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t word = 0;

		assert_int_equal(umd_dma_space_read(umd_work_space(rig->author.work),
						    (uint64_t)i * PAGE, &word, sizeof(word)),
				 0);
		assert_int_equal(word, 1000 + i);
	}
	served_go(&served);
	assert_int_equal(unmap(link_, 0, 0), 0);
	assert_int_equal(peek(0), UINT32_MAX);
	umd_queue_close(queue);
	close(fds[0]);
	close(fds[1]);
}

/* In whichever message it is; and entries behind it are not held back for ever. */
static void test_changes_behind_one_that_fails_are_not_made(void **state)
{
	static struct umd_dma_change changes[MANY];
	struct umd_queue *queue = rig_queue(link_, 4);
	int fd = make_memory(PAGE * MANY);

	for (uint32_t bad = 5; bad < MANY; bad += 70) {
		for (uint32_t i = 0; i < MANY; i++)
			changes[i] = map_change((uint64_t)i * PAGE, PAGE, fd, 0);
		changes[bad].size = 5;
		assert_int_equal(umd_link_change(link_, changes, MANY, NULL, NULL), -EINVAL);
		write_word(fd, 0, 4711);
		assert_int_equal(peek((uint64_t)(bad - 1) * PAGE), 4711);
		assert_int_equal(peek((uint64_t)(bad + 1) * PAGE), UINT32_MAX);
		assert_int_equal(peek((uint64_t)(MANY - 1) * PAGE), UINT32_MAX);
		assert_int_equal(submit(queue, bad), 1);
		expect_entry(rig->author.work, bad);
		assert_int_equal(unmap(link_, 0, 0), 0);
	}
	umd_queue_close(queue);
	close(fd);
}

static void test_entries_wait_for_changes_before_them(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	int fd = make_memory(PAGE);
	const struct umd_dma_change change = map_change(0, PAGE, fd, 0);
	struct umd_work *work = rig->author.work;
	struct ending ending = {0};

	served_halt(&served);
	assert_int_equal(submit(queue, 1), 1);
	expect_entry(work, 1);
	assert_int_equal(umd_link_change(link_, &change, 1, ending_done, &ending), -EINPROGRESS);
	assert_int_equal(submit(queue, 2), 1);
	assert_int_equal(take_one(work), -EAGAIN);
	served_go(&served);
	await(link_, ending.told);
	assert_int_equal(ending.result, 0);
	expect_entry(work, 2);
	umd_queue_close(queue);
	close(fd);
}

static void test_posted_changes_are_told_once_each(void **state)
{
	static struct ending endings[MANY];
	int fd = make_memory(PAGE);
	unsigned int told = 0;

	memset(endings, 0, sizeof(endings));
	for (uint32_t i = 0; i < MANY; i++) {
		const struct umd_dma_change change =
			map_change((uint64_t)(i / 2) * PAGE, PAGE, fd, 0);

		assert_int_equal(umd_link_change(link_, &change, 1, ending_done, &endings[i]),
				 -EINPROGRESS);
	}
	await(link_, endings[MANY - 1].told);
	for (uint32_t i = 0; i < MANY; i++) {
		told += (unsigned int)endings[i].told;
		assert_int_equal(endings[i].result, i % 2 ? -EEXIST : 0);
	}
	assert_int_equal(told, MANY);
	close(fd);
}

static void test_memory_that_cannot_be_is_refused(void **state)
{
	struct umd_dma_change change = map_change(0, PAGE, -1, 0);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), memory = make_memory(PAGE);

	assert_int_equal(umd_link_change(link_, &change, 1, NULL, NULL), -EMEDIUMTYPE);
	change.fd = file;
	assert_int_equal(umd_link_change(link_, &change, 1, NULL, NULL), -EMEDIUMTYPE);
	change.fd = memory;
	change.prot = 0;
	assert_int_equal(umd_link_change(link_, &change, 1, NULL, NULL), -EINVAL);
	change.kind = UMD_DMA_BY_ADDRESS;
	assert_int_equal(umd_link_change(link_, &change, 1, NULL, NULL), -EREMOTE);
	change.kind = UMD_DMA_BY_MESSAGE;
	assert_int_equal(umd_link_change(link_, &change, 1, NULL, NULL), -EREMOTE);
	assert_int_equal(umd_link_change(link_, NULL, 0, NULL, NULL), 0);
	close(file);
	close(memory);
}

/* An engine's reader is inside: the answer waits for it. */
static void test_unmap_ends_when_nobody_uses_the_memory(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	const struct umd_dma_change change = unmap_change(0, PAGE);
	struct umd_dma_reader *reader = NULL;
	struct umd_dma_segment segment;
	struct ending ending = {0};
	int fd = make_memory(PAGE);

	assert_int_equal(map(link_, 0, PAGE, fd, 0), 0);
	served_halt(&served);
	assert_int_equal(umd_dma_reader_create(umd_work_space(rig->author.work), 0, &reader), 0);
	served_go(&served);
	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, 0, 1, UMD_DMA_READ, &segment, 1), 1);
	assert_int_equal(umd_link_change(link_, &change, 1, ending_done, &ending), -EINPROGRESS);
	get_info(link_);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(ending.told, 0);
	umd_dma_leave(reader);
	await(link_, ending.told);
	assert_int_equal(ending.result, 0);
	served_halt(&served);
	umd_dma_reader_destroy(reader);
	served_go(&served);
	umd_queue_close(queue);
	close(fd);
}

/* ---- The end ------------------------------------------------------------------------------- */

/* The parent's thread has done all that it has to do for a client that is gone. */
static int count_fds(void)
{
	int count;

	served_halt(&served);
	count = unit_count_fds();
	served_go(&served);
	return count;
}

static void test_nothing_is_left_of_a_link_that_was_closed(void **state)
{
	int fds, memory = make_memory(PAGE), event = rig_eventfd();

	umd_link_close(served.link);
	served.link = NULL;
	fds = count_fds();
	for (int i = 0; i < 3; i++) {
		served_connect(&served);
		rig_queue(served.link, 4);
		rig_vector(served.link, event);
		assert_int_equal(map(served.link, 0, PAGE, memory, 0), 0);
		umd_link_close(served.link);
		served.link = NULL;
		assert_int_equal(rig->author.opened, rig->author.closed);
	}
	assert_int_equal(count_fds(), fds);
	close(memory);
	close(event);
}

static void expect_lost(struct umd_queue *queue, uint32_t vector)
{
	const struct umd_dma_change change = unmap_change(0, PAGE);
	const struct umd_queue_options options = queue_options(4);
	struct umd_parent_info info = {.size = sizeof(info)};
	struct umd_queue *other;
	uint32_t number;

	assert_int_equal(umd_link_get_info(link_, &info), -ENOTCONN);
	assert_int_equal(umd_link_change(link_, &change, 1, NULL, NULL), -ENOTCONN);
	assert_int_equal(umd_link_alloc_vector(link_, &number), -ENOTCONN);
	assert_int_equal(umd_link_free_vector(link_, vector), -ENOTCONN);
	assert_int_equal(umd_link_set_eventfd(link_, vector, -1), -ENOTCONN);
	assert_int_equal(umd_link_set_mask(link_, vector, true), -ENOTCONN);
	assert_int_equal(umd_link_is_pending(link_, vector), -ENOTCONN);
	assert_int_equal(umd_queue_open(link_, &options, &other), -ENOTCONN);
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, NULL, NULL), -ENOTCONN);
	assert_int_equal(submit(queue, 1), -ENOTCONN);
	assert_int_equal(umd_link_dispatch(link_), -ENOTCONN);
}

static void test_parent_that_ends_is_lost_once(void **state)
{
	struct umd_queue *queue = rig_queue(link_, 4);
	uint32_t vector = rig_vector(link_, -1);
	struct pollfd ready = {.fd = umd_link_fd(link_), .events = POLLIN};
	struct ending ending = {0};

	listen_to_news();
	rig->author.is_slow = true;
	assert_int_equal(umd_queue_command(queue, UMD_QUEUE_DRAIN, ending_done, &ending),
			 -EINPROGRESS);
	get_info(link_);
	served_halt(&served);
	umd_parent_destroy(rig->parent);
	rig->parent = NULL;
	assert_int_equal(poll(&ready, 1, 1000), 1);
	while (umd_link_dispatch(link_) == 0)
		;
	assert_int_equal(news.losses, 1);
	assert_int_equal(ending.told, 1);
	expect_lost(queue, vector);
	assert_int_equal(news.losses, 1);
	assert_int_equal(ending.told, 1);
	assert_int_equal(poll(&ready, 1, 0), 0);
	umd_queue_close(queue);
}

/* Found by a call, told by dispatch. */
static void test_parent_that_ends_is_found_by_a_call(void **state)
{
	struct umd_parent_info info = {.size = sizeof(info)};

	listen_to_news();
	served_halt(&served);
	umd_parent_destroy(rig->parent);
	rig->parent = NULL;
	assert_int_equal(umd_link_get_info(link_, &info), -ENOTCONN);
	assert_int_equal(news.losses, 0);
	await(link_, news.losses == 1);
}

static void test_parent_that_hangs_is_lost(void **state)
{
	struct umd_parent_info info = {.size = sizeof(info)};

	listen_to_news();
	served_halt(&served);
	assert_int_equal(umd_link_get_info(link_, &info), -ENOTCONN);
	await(link_, news.losses == 1);
	served_go(&served);
}

static void test_parent_that_does_not_answer_what_was_posted_is_lost(void **state)
{
	const struct umd_dma_change change = unmap_change(0, PAGE);
	struct ending ending = {0};

	listen_to_news();
	served_halt(&served);
	assert_int_equal(umd_link_change(link_, &change, 1, ending_done, &ending), -EINPROGRESS);
	await(link_, news.losses == 1);
	assert_int_equal(ending.told, 1);
	assert_int_equal(ending.result, -ENOTCONN);
	served_go(&served);
}

static void close_lost_link(void *data)
{
	news.losses++;
	umd_link_close(served.link);
	served.link = NULL;
}

static void test_link_may_be_closed_when_it_is_lost(void **state)
{
	static const struct umd_link_ops ops = {.lost = close_lost_link};
	struct pollfd ready = {.fd = umd_link_fd(link_), .events = POLLIN};

	memset(&news, 0, sizeof(news));
	rig_queue(link_, 4);
	umd_link_set_ops(link_, &ops, NULL);
	served_halt(&served);
	umd_parent_destroy(rig->parent);
	rig->parent = NULL;
	assert_int_equal(poll(&ready, 1, 1000), 1);
	assert_int_equal(umd_link_dispatch(link_), -ENOTCONN);
	assert_int_equal(news.losses, 1);
	assert_null(served.link);
}

static void close_in_done(void *data, int result)
{
	close_lost_link(NULL);
}

static void close_in_revoked(void *data, uint32_t vector)
{
	close_lost_link(NULL);
}

static void close_in_noted(void *data, struct umd_queue *queue, const void *note, size_t size,
			   uint32_t lost)
{
	close_lost_link(NULL);
}

static void wait_for_news(void)
{
	struct pollfd ready = {.fd = umd_link_fd(served.link), .events = POLLIN};

	assert_int_equal(poll(&ready, 1, 1000), 1);
}

/* Several things are to be told; the first is the last. */
static void test_link_may_be_closed_in_whatever_is_told(void **state)
{
	static const struct umd_link_ops ops = {.revoked = close_in_revoked,
						.noted = close_in_noted};
	const struct umd_dma_change change = unmap_change(0, PAGE);

	for (int i = 0; i < 3; i++) {
		uint32_t vector = rig_vector(served.link, -1);

		memset(&news, 0, sizeof(news));
		umd_link_set_ops(served.link, &ops, NULL);
		rig_queue(served.link, 4);
		umd_work_note(rig->author.work, "", 1);
		if (i > 0)
			umd_ims_revoke(rig->ims, ((uint64_t)(2 * i) - 1) << 32 | vector);
		wait_for_news();
		if (i > 1)
			umd_link_change(served.link, &change, 1, close_in_done, NULL);
		usleep(50000);
		assert_int_equal(umd_link_dispatch(served.link), -ENOTCONN);
		assert_int_equal(news.losses, 1);
		assert_null(served.link);
		served_connect(&served);
	}
}

/* ---- Listening ----------------------------------------------------------------------------- */

static void test_socket_can_be_handed_over(void **state)
{
	const struct umd_owner owner = rig_owner(8);
	struct umd_link *second = NULL;
	struct umd_error error;
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	served_halt(&served);
	assert_int_equal(umd_parent_accept(rig->parent, pair[0], &owner), 0);
	assert_int_equal(umd_parent_accept(rig->parent, pair[1], &owner), -EBUSY);
	served_go(&served);
	assert_int_equal(umd_link_connect_fd(pair[1], &second, &error), 0);
	assert_int_equal(get_info(second).free_queues, 4);
	umd_link_close(second);
}

static void test_what_is_no_socket_of_the_kind_stays_the_callers(void **state)
{
	const struct umd_owner owner = rig_owner(8);
	struct umd_error error = {.code = 0};
	struct umd_link *second = NULL;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	served_halt(&served);
	assert_int_equal(umd_parent_accept(rig->parent, pair[0], &owner), -EINVAL);
	assert_int_equal(umd_parent_accept(rig->parent, -1, &owner), -EINVAL);
	served_go(&served);
	assert_int_equal(umd_link_connect_fd(pair[1], &second, &error), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	close(pair[0]);
	close(pair[1]);
}

static void test_path_that_cannot_be_is_refused(void **state)
{
	const struct umd_owner same = rig_owner(7), other = rig_owner(8);
	struct umd_owner nobody = rig_owner(UINT32_MAX), short_one = rig_owner(9);
	struct umd_error error = {.code = 0};
	struct umd_link *second = NULL;
	char long_path[200];

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = 0;
	short_one.size--;
	served_halt(&served);
	assert_int_equal(umd_parent_listen(rig->parent, "/tmp/none", &same), -EBUSY);
	assert_int_equal(umd_parent_listen(rig->parent, served.path, &other), -EADDRINUSE);
	assert_int_equal(umd_parent_listen(rig->parent, served.dir, &other), -EEXIST);
	assert_int_equal(umd_parent_listen(rig->parent, "", &other), -EINVAL);
	assert_int_equal(umd_parent_listen(rig->parent, long_path, &other), -ENAMETOOLONG);
	assert_int_equal(umd_parent_listen(rig->parent, "/tmp/none", &nobody), -EINVAL);
	assert_int_equal(umd_parent_listen(rig->parent, "/tmp/none", &short_one), -EINVAL);
	served_go(&served);
	assert_int_equal(umd_link_connect("", &second, &error), -EINVAL);
	assert_int_equal(umd_link_connect(long_path, &second, &error), -ENAMETOOLONG);
	assert_int_equal(umd_link_connect("/tmp/none/none", &second, &error), -ENOENT);
	assert_string_equal(error.text,
			    "cannot connect to /tmp/none/none: No such file or directory");
}

/* An owner of no vectors to be had is turned away, and says so. */
static void test_connection_without_room_for_it_is_told_so(void **state)
{
	struct umd_owner owner = rig_owner(9);
	struct umd_error error = {.code = 0};
	struct umd_link *second = NULL;
	char path[64];

	owner.vectors = VECTORS;
	snprintf(path, sizeof(path), "%s/second", served.dir);
	served_halt(&served);
	assert_int_equal(umd_parent_listen(rig->parent, path, &owner), 0);
	served_go(&served);
	assert_int_equal(umd_link_connect(path, &second, &error), -ENOSPC);
	assert_true(strlen(error.text) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parent_is_as_a_link_of_its_process_sees_it),
		TEST(test_info_of_another_size_is_refused),
		TEST(test_second_connection_is_told_who_is_there),
		TEST(test_link_may_come_again),
		TEST(test_what_is_submitted_is_taken_and_answered_by_interrupt),
		TEST(test_queue_is_as_it_was_asked_for),
		TEST(test_queue_that_cannot_be_is_refused),
		TEST(test_sleeping_parent_is_woken),
		TEST(test_command_ends_when_the_parent_says_so),
		TEST(test_command_may_take_longer_than_an_answer),
		TEST(test_command_ends_with_its_queue),
		TEST(test_nonsense_in_a_ring_halts_the_queue),
		TEST(test_first_note_is_told_and_the_others_are_counted),
		TEST(test_news_wait_for_dispatch),
		TEST(test_news_of_a_closed_queue_are_none),
		TEST(test_vectors_are_parcelled_out),
		TEST(test_masked_vector_is_pending),
		TEST(test_what_is_no_vector_is_told_at_once),
		TEST(test_what_is_no_eventfd_is_told_at_once),
		TEST(test_revoked_vector_is_told),
		TEST(test_memory_is_mapped_and_unmapped),
		TEST(test_changes_of_one_call_are_many),
		TEST(test_changes_behind_one_that_fails_are_not_made),
		TEST(test_entries_wait_for_changes_before_them),
		TEST(test_posted_changes_are_told_once_each),
		TEST(test_memory_that_cannot_be_is_refused),
		TEST(test_unmap_ends_when_nobody_uses_the_memory),
		TEST(test_nothing_is_left_of_a_link_that_was_closed),
		TEST(test_parent_that_ends_is_lost_once),
		TEST(test_parent_that_ends_is_found_by_a_call),
		TEST(test_parent_that_hangs_is_lost),
		TEST(test_parent_that_does_not_answer_what_was_posted_is_lost),
		TEST(test_link_may_be_closed_when_it_is_lost),
		TEST(test_link_may_be_closed_in_whatever_is_told),
		TEST(test_socket_can_be_handed_over),
		TEST(test_what_is_no_socket_of_the_kind_stays_the_callers),
		TEST(test_path_that_cannot_be_is_refused),
		TEST(test_connection_without_room_for_it_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
