/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device on a link: what its client maps is the parent's in the same order and in batches, and
 * the client's unmap is answered after the parent's word.
 */
#include "server_fixture.h"

#include "device_fixture.h"
#include "link_fixture.h"

#include <pthread.h>
#include <time.h>

#include "parent/mirror.h"

#define READ_WRITE (UMD_DMA_READ | UMD_DMA_WRITE)
#define PAGES	   256u
#define FILES	   3u

static struct server_fixture f;
static struct device_log told;
static struct fake_link fake;
static struct umd_device *device;
static struct umd_server *server;
static int client, fds[FILES];
static unsigned int times_lost, times_unmirrored;
static int unmirrored;

/* ---- A device on the link, and a client with files ------------------------------------------ */

static void on_lost(void *data)
{
	times_lost++;
}

static void on_lost_close(void *data)
{
	times_lost++;
	umd_link_close(&fake.link);
}

static void on_unmirrored(void *data, int error)
{
	times_unmirrored++;
	unmirrored = error;
}

static const struct umd_link_ops link_ops = {.lost = on_lost, .unmirrored = on_unmirrored};

static void make_device(void)
{
	device = device_create(&told);
	assert_int_equal(umd_device_realize(device, NULL), 0);
}

static void dispatch(void)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(umd_server_dispatch(server, 0), 0);
}

static void join(void)
{
	client = server_connect(f.path);
	assert_true(client >= 0);
	server_send_version(client, 1);
	dispatch();
	assert_int_equal(server_receive(client).error, 0);
	device_set_command(device, PCI_COMMAND_MASTER);
	memset(told.calls, 0, sizeof(told.calls));
	told.resets = 0;
}

static void leave(void)
{
	close(client);
	dispatch();
}

static void make_file(unsigned int number)
{
	fds[number] = memfd_create("client", MFD_CLOEXEC);
	assert_true(fds[number] >= 0);
	assert_int_equal(ftruncate(fds[number], PAGES * PAGE), 0);
	for (unsigned int page = 0; page < PAGES; page++) {
		uint8_t mark[2] = {(uint8_t)number, (uint8_t)page};

		assert_int_equal(pwrite(fds[number], mark, 2, (off_t)(page * PAGE)), 2);
	}
}

static void serve(void)
{
	struct umd_server_options options = {
		.size = sizeof(options), .socket_path = f.path, .fd = -1};

	assert_int_equal(umd_server_create(device, &options, &server), 0);
}

static int setup(void **state)
{
	server_start(&f);
	times_lost = times_unmirrored = 0;
	unmirrored = 0;
	fake_link_init(&fake);
	umd_link_set_ops(&fake.link, &link_ops, NULL);
	make_device();
	assert_int_equal(umd_link_mirror(&fake.link, device), 0);
	fake.unmaps = fake.batches = 0;
	serve();
	for (unsigned int i = 0; i < FILES; i++)
		make_file(i);
	join();
	return 0;
}

static int teardown(void **state)
{
	close(client);
	umd_server_destroy(server);
	umd_device_destroy(device);
	fake_link_finish(&fake);
	for (unsigned int i = 0; i < FILES; i++)
		close(fds[i]);
	server_stop(&f);
	return 0;
}

static void send_map(unsigned int file, uint64_t iova_page, uint64_t page, uint64_t pages)
{
	const struct umd_wire_dma_map map = {.argsz = sizeof(map),
					     .flags = READ_WRITE,
					     .offset = page * PAGE,
					     .address = iova_page * PAGE,
					     .size = pages * PAGE};

	server_send(client, 2, UMD_WIRE_DMA_MAP, &map, sizeof(map),
		    file < FILES ? &fds[file] : NULL, file < FILES);
}

static void send_unmap(uint64_t page, uint64_t pages, uint32_t flags)
{
	const struct umd_wire_dma_unmap unmap = {.argsz = sizeof(unmap),
						 .flags = flags,
						 .address = page * PAGE,
						 .size = pages * PAGE};

	server_send(client, 3, UMD_WIRE_DMA_UNMAP, &unmap, sizeof(unmap), NULL, 0);
}

static void expect_reply(uint16_t id)
{
	struct umd_wire_header header = server_receive(client);

	assert_int_equal(header.id, id);
	assert_int_equal(header.flags, UMD_WIRE_TYPE_REPLY);
}

static void expect_nothing(void)
{
	uint8_t byte;

	dispatch();
	assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void map(unsigned int file, uint64_t iova_page, uint64_t page, uint64_t pages)
{
	send_map(file, iova_page, page, pages);
	dispatch();
	expect_reply(2);
}

static void unmap(uint64_t page, uint64_t pages, uint32_t flags)
{
	send_unmap(page, pages, flags);
	dispatch();
	expect_reply(3);
}

static void answer(unsigned int count)
{
	fake_link_answer(&fake, count);
	dispatch();
}

/* As umd_queue_submit() does it. */
static void submit(void)
{
	umd_mirror_post(fake.link.mirror);
}

/* What is submitted now finds a page of a file at this IOVA. */
static bool parent_has(unsigned int file, uint64_t iova_page, uint64_t page)
{
	uint8_t mark[2];

	submit();
	return umd_dma_space_read(fake.space, iova_page * PAGE, mark, 2) == 0 && mark[0] == file &&
	       mark[1] == (uint8_t)page;
}

static bool parent_has_nothing(void)
{
	return fake.space->table.count == 0;
}

/* ---- Maps ---------------------------------------------------------------------------------- */

/*
 * A batch goes out after a millisecond, whatever is in it: a test that wants to see another reason
 * tries again where it was not as fast as that.
 */
static void try_until(bool (*attempt)(void))
{
	bool done = false;

	for (unsigned int i = 0; !done && i < 200; i++) {
		unmap(0, 0, UMD_WIRE_UNMAP_ALL);
		fake.batches = fake.maps = fake.unmaps = 0;
		done = attempt();
	}
	assert_true(done);
}

static bool map_and_submit(void)
{
	bool waited;

	map(1, 5, 9, 2);
	waited = fake.batches == 0;
	submit();
	assert_int_equal(fake.batches, 1);
	assert_true(parent_has(1, 5, 9));
	assert_true(parent_has(1, 6, 10));
	submit();
	assert_int_equal(fake.batches, 1);
	return waited;
}

static void test_map_is_made_for_what_is_submitted_behind_it(void **state)
{
	try_until(map_and_submit);
}

/* What was submitted before may wait for a page. */
static void test_map_is_made_after_a_moment_in_any_case(void **state)
{
	for (unsigned int i = 1; i <= 3; i++) {
		map(0, i, i, 1);
		for (unsigned int tries = 0; fake.maps < i && tries < 100; tries++)
			assert_int_equal(umd_server_dispatch(server, 10), 0);
		assert_int_equal(fake.maps, i);
		assert_int_equal(umd_server_dispatch(server, 5), 0);
	}
}

static void test_what_a_map_allows_is_the_parents_too(void **state)
{
	const struct umd_wire_dma_map map = {
		.argsz = sizeof(map), .flags = UMD_DMA_READ, .address = 0, .size = PAGE};
	uint8_t byte = 1;

	server_send(client, 2, UMD_WIRE_DMA_MAP, &map, sizeof(map), &fds[0], 1);
	dispatch();
	expect_reply(2);
	assert_true(parent_has(0, 0, 0));
	assert_int_equal(umd_dma_space_write(fake.space, 0, &byte, 1), -EFAULT);
}

static bool map_twelve(void)
{
	for (unsigned int i = 0; i < 12; i++)
		map(i % 2, i, i + 1, 1);
	for (unsigned int i = 0; i < 12; i++)
		assert_true(parent_has(i % 2, i, i + 1));
	assert_int_equal(fake.maps, 12);
	return fake.batches == 1 && fake.files == 2;
}

static void test_maps_go_together_and_name_a_file_once(void **state)
{
	try_until(map_twelve);
}

static void test_batch_has_sixty_four_changes_at_most(void **state)
{
	for (unsigned int i = 0; i < 200; i++)
		send_map(0, i, i, 1);
	for (unsigned int i = 0; i < 50; i++)
		dispatch();
	for (unsigned int i = 0; i < 200; i++)
		expect_reply(2);
	for (unsigned int i = 0; i < 200; i++)
		assert_true(parent_has(0, i, i));
	assert_int_equal(fake.maps, 200);
	for (unsigned int i = 0; i < fake.batches; i++)
		assert_in_range(fake.sizes[i], 1, 64);
}

static void test_client_does_not_wait_for_its_maps(void **state)
{
	fake.answers = LINK_LATER;
	map(0, 0, 0, 1);
	submit();
	map(0, 1, 1, 1);
	submit();
	assert_int_equal(fake.out_count, 2);
	answer(2);
}

static void test_memory_without_a_file_stays_here(void **state)
{
	map(FILES, 0, 0, 4);
	map(0, 4, 4, 1);
	assert_true(parent_has(0, 4, 4));
	assert_int_equal(fake.maps, 1);
	unmap(0, 8, 0);
	assert_true(parent_has_nothing());
}

static void test_map_that_is_refused_here_is_not_the_parents(void **state)
{
	map(0, 0, 0, 2);
	send_map(0, 1, 7, 1);
	dispatch();
	server_expect_error(client, 2, EEXIST);
	assert_true(parent_has(0, 1, 1));
	assert_int_equal(fake.maps, 1);
}

static unsigned int count_fds(void)
{
	return (unsigned int)unit_count_fds();
}

/* Also of those that have not been answered: the link keeps what it needs. */
static void test_no_fd_is_kept_once_a_batch_is_out(void **state)
{
	unsigned int before;

	fake.answers = LINK_LATER;
	map(0, 0, 0, 1);
	submit();
	before = count_fds();
	for (unsigned int i = 1; i < 20; i++) {
		map(0, i, i, 1);
		submit();
	}
	assert_int_equal(count_fds(), before);
}

/* ---- Unmaps -------------------------------------------------------------------------------- */

static void test_unmap_is_answered_after_the_parents_word(void **state)
{
	struct umd_wire_device_info info = {.argsz = sizeof(info)};

	map(0, 0, 0, 2);
	fake.answers = LINK_LATER;
	send_unmap(0, 2, 0);
	server_send(client, 4, UMD_WIRE_GET_INFO, &info, sizeof(info), NULL, 0);
	expect_nothing();
	assert_int_equal(fake.out_count, 1);
	answer(1);
	expect_reply(3);
	expect_reply(4);
	assert_int_equal(told.resets, 0);
	assert_true(parent_has_nothing());
}

static bool map_and_unmap(void)
{
	map(0, 0, 0, 1);
	map(1, 1, 1, 1);
	unmap(0, 1, 0);
	assert_false(parent_has(0, 0, 0));
	assert_true(parent_has(1, 1, 1));
	return fake.batches == 1;
}

static void test_unmap_goes_along_with_maps_before_it(void **state)
{
	try_until(map_and_unmap);
}

static void test_unmap_of_all_is_one_change(void **state)
{
	for (unsigned int i = 0; i < 20; i++)
		map(0, 2 * i, i, 1);
	unmap(0, 0, UMD_WIRE_UNMAP_ALL);
	assert_true(parent_has_nothing());
	assert_int_equal(fake.unmaps, 1);
	map(1, 0, 0, 1);
	assert_true(parent_has(1, 0, 0));
}

/* A file may go with its last map, and another be in its place. */
static void test_file_behind_an_unmap_is_looked_at_anew(void **state)
{
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int file = round % 2;

		close(fds[file]);
		make_file(file);
		send_map(file, 0, 3, 1);
		send_unmap(0, 1, 0);
		send_map(2, 1, 4, 1);
		send_unmap(1, 1, 0);
		send_map(file, 2, 5, 1);
		dispatch();
		for (unsigned int i = 0; i < 5; i++)
			server_receive(client);
		assert_true(parent_has(file, 2, 5));
		unmap(2, 1, 0);
	}
}

static void test_answers_to_maps_do_not_end_the_wait(void **state)
{
	fake.answers = LINK_LATER;
	map(0, 0, 0, 1);
	submit();
	send_unmap(0, 1, 0);
	expect_nothing();
	answer(1);
	expect_nothing();
	answer(1);
	expect_reply(3);
}

static void test_threads_of_the_device_are_waited_for_as_well(void **state)
{
	struct umd_dma_reader *reader;
	struct umd_dma_segment segment;

	assert_int_equal(umd_dma_reader_create(umd_device_space(device), 0, &reader), 0);
	fake.answers = LINK_LATER;
	for (unsigned int first = 0; first < 2; first++) {
		map(0, 0, 0, 1);
		assert_int_equal(umd_dma_pin(reader, 0, 8, READ_WRITE, &segment, 1), 1);
		send_unmap(0, 1, 0);
		expect_nothing();
		if (first == 0)
			answer(1);
		else
			umd_dma_unpin(&segment, 1);
		expect_nothing();
		if (first == 0)
			umd_dma_unpin(&segment, 1);
		else
			answer(1);
		dispatch();
		expect_reply(3);
	}
	umd_dma_reader_destroy(reader);
}

/* Nothing of the device is unmapped by it. */
static void test_reset_waits_for_no_map(void **state)
{
	fake.answers = LINK_LATER;
	map(0, 0, 0, 1);
	submit();
	server_send(client, 4, UMD_WIRE_DEVICE_RESET, NULL, 0, NULL, 0);
	dispatch();
	expect_reply(4);
	assert_true(parent_has(0, 0, 0));
}

static void test_client_that_has_said_its_last_is_answered_after_the_parents_word(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	expect_nothing();
	answer(1);
	expect_reply(3);
	server_expect_end(client);
}

static void test_client_that_says_its_last_while_it_waits(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	expect_nothing();
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	expect_nothing();
	answer(1);
	expect_reply(3);
	server_expect_end(client);
}

/* ---- Parents that do not answer, or are gone ----------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Dispatches until the client has something to read. */
static int64_t wait_for_reply(void)
{
	struct pollfd ready = {.fd = client, .events = POLLIN};
	int64_t start = now_ms();

	while (poll(&ready, 1, 0) == 0)
		assert_int_equal(umd_server_dispatch(server, 10), 0);
	return now_ms() - start;
}

static void test_parent_that_does_not_answer_is_lost_after_a_second(void **state)
{
	map(0, 0, 0, 1);
	map(0, 1, 1, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	assert_in_range(wait_for_reply(), 900, 2000);
	expect_reply(3);
	assert_int_equal(times_lost, 1);
	assert_true(fake.link.lost);
	assert_int_equal(told.resets, 0);

	unmap(1, 1, 0);
	map(0, 2, 2, 1);
	assert_int_equal(times_lost, 1);
}

/* Both have their time; the device's threads are the device's fault. */
static void test_pin_that_does_not_end_beside_a_parent_that_does_not_answer(void **state)
{
	struct umd_dma_reader *reader;
	struct umd_dma_segment segment;

	assert_int_equal(umd_dma_reader_create(umd_device_space(device), 0, &reader), 0);
	map(0, 0, 0, 1);
	assert_int_equal(umd_dma_pin(reader, 0, 8, READ_WRITE, &segment, 1), 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	assert_in_range(wait_for_reply(), 900, 2000);
	expect_reply(3);
	assert_int_equal(times_lost, 1);
	assert_int_equal(told.resets, 1);
	umd_dma_unpin(&segment, 1);
	umd_dma_reader_destroy(reader);
}

static int lose_in_dispatch(struct umd_link *link)
{
	unit_take_events(fake.news);
	umd_link_lose(link);
	return -ENOTCONN;
}

static void lose(void)
{
	static struct umd_link_way way;

	way = *fake.link.way;
	way.dispatch = lose_in_dispatch;
	fake.link.way = &way;
	unit_add_event(fake.news);
	dispatch();
}

static void test_nobody_waits_for_a_parent_that_is_gone(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	expect_nothing();
	lose();
	expect_reply(3);
	assert_int_equal(times_lost, 1);
	map(0, 0, 0, 1);
	unmap(0, 1, 0);
}

static void test_link_may_be_closed_when_it_is_lost(void **state)
{
	static const struct umd_link_ops ops = {.lost = on_lost_close};

	umd_link_set_ops(&fake.link, &ops, NULL);
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	expect_nothing();
	lose();
	assert_true(fake.closed);
	expect_reply(3);
	map(0, 0, 0, 1);
	unmap(0, 1, 0);
}

static void test_link_may_be_closed_when_its_parent_is_late(void **state)
{
	static const struct umd_link_ops ops = {.lost = on_lost_close};

	umd_link_set_ops(&fake.link, &ops, NULL);
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	wait_for_reply();
	expect_reply(3);
	assert_true(fake.closed);
	map(0, 0, 0, 1);
}

/* ---- Parents that refuse ------------------------------------------------------------------- */

static void refuse_next(int error)
{
	fake.refuse_at = fake.maps + 1;
	fake.refuse_with = error;
}

static void test_map_that_the_parent_refuses_takes_all_from_it(void **state)
{
	for (enum link_answers answers = LINK_AT_ONCE; answers <= LINK_SOON; answers++) {
		fake.answers = answers;
		times_unmirrored = 0;
		map(0, 0, 0, 1);
		submit();
		refuse_next(-ENOMEM);
		map(0, 1, 1, 1);
		submit();
		dispatch();
		assert_int_equal(times_unmirrored, 1);
		assert_int_equal(unmirrored, -ENOMEM);
		assert_true(parent_has_nothing());

		map(0, 2, 2, 1);
		unmap(0, 1, 0);
		assert_true(parent_has_nothing());
		unmap(0, 0, UMD_WIRE_UNMAP_ALL);
		map(0, 3, 3, 1);
		assert_true(parent_has(0, 3, 3));
		assert_int_equal(times_unmirrored, 1);
		unmap(3, 1, 0);
	}
	assert_int_equal(told.resets, 0);
}

/* The refused map ends its batch, and the unmap in it was not made. */
static void test_unmap_behind_a_refused_map_waits_until_all_is_unmapped(void **state)
{
	for (enum link_answers answers = LINK_AT_ONCE; answers <= LINK_LATER; answers += 2) {
		fake.answers = LINK_AT_ONCE;
		map(0, 0, 0, 1);
		submit();
		fake.answers = answers;
		refuse_next(-ENOSPC);
		send_map(0, 1, 1, 1);
		send_unmap(0, 1, 0);
		dispatch();
		expect_reply(2);
		if (answers == LINK_LATER) {
			expect_nothing();
			assert_true(parent_has(0, 0, 0));
			answer(1);
			expect_nothing();
			assert_true(parent_has_nothing());
			fake_link_answer(&fake, 1);
		}
		dispatch();
		expect_reply(3);
		assert_true(parent_has_nothing());
		assert_int_equal(unmirrored, -ENOSPC);
		fake.answers = LINK_AT_ONCE;
		unmap(0, 0, UMD_WIRE_UNMAP_ALL);
	}
}

static int refuse_all(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
		      umd_link_done_fn *done, void *data)
{
	return -EINVAL;
}

static void test_parent_that_does_not_even_unmap_is_lost(void **state)
{
	static struct umd_link_way way;

	map(0, 0, 0, 1);
	way = *fake.link.way;
	way.change = refuse_all;
	fake.link.way = &way;
	send_unmap(0, 1, 0);
	dispatch();
	expect_reply(3);
	assert_int_equal(times_lost, 1);
}

/* ---- The parent's limits ------------------------------------------------------------------- */

/* Begins anew with a parent that has limits. */
static void restart(uint32_t max_maps, uint64_t max_bytes)
{
	close(client);
	umd_server_destroy(server);
	umd_device_destroy(device);
	fake.max_maps = max_maps;
	fake.max_mapped_bytes = max_bytes;
	make_device();
	assert_int_equal(umd_link_mirror(&fake.link, device), 0);
	fake.maps = 0;
	serve();
	join();
}

static void test_client_is_told_of_the_parents_limit_of_maps(void **state)
{
	restart(3, 0);
	for (unsigned int i = 0; i < 3; i++)
		map(0, i, i, 1);
	send_map(0, 3, 3, 1);
	dispatch();
	server_expect_error(client, 2, ENOSPC);
	unmap(0, 1, 0);
	map(0, 3, 3, 1);
	submit();
	assert_int_equal(fake.maps, 4);
}

static void test_client_is_told_of_the_parents_limit_of_bytes(void **state)
{
	restart(65535, 10 * PAGE);
	map(0, 0, 0, 9);
	send_map(0, 9, 9, 2);
	dispatch();
	server_expect_error(client, 2, ENOMEM);
	map(0, 9, 9, 1);
	send_map(0, 10, 10, 1);
	dispatch();
	server_expect_error(client, 2, ENOMEM);
	unmap(9, 1, 0);
	map(0, 10, 10, 1);
	submit();
	assert_int_equal(fake.maps, 3);
}

/* ---- Clients that go ----------------------------------------------------------------------- */

static void test_client_that_leaves_takes_its_maps_from_the_parent(void **state)
{
	for (unsigned int i = 0; i < 10; i++)
		map(i % FILES, i, i, 1);
	send_map(0, 20, 20, 1);
	leave();
	assert_true(parent_has_nothing());
	assert_int_equal(fake.unmaps, 1);
	join();
	map(1, 0, 0, 1);
	assert_true(parent_has(1, 0, 0));
}

static void test_next_clients_maps_come_behind_the_last_ones_unmap(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	leave();
	join();
	map(1, 0, 0, 1);
	assert_true(parent_has(1, 0, 0));
	send_unmap(0, 1, 0);
	expect_nothing();
	answer(fake.out_count);
	expect_reply(3);
}

static void test_client_that_leaves_while_its_unmap_waits(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	expect_nothing();
	leave();
	join();
	answer(fake.out_count);
	map(1, 0, 0, 1);
	assert_true(parent_has(1, 0, 0));
}

/* ---- Beginning and ending ------------------------------------------------------------------ */

static void test_device_whose_files_were_not_kept_cannot_be_mirrored(void **state)
{
	struct fake_link other;

	umd_link_close(&fake.link);
	device->dma.files.keeps = false;
	map(0, 0, 0, 1);
	fake_link_init(&other);
	assert_int_equal(umd_link_mirror(&other.link, device), -EBUSY);
	unmap(0, 1, 0);
	map(1, 0, 0, 1);
	assert_int_equal(umd_link_mirror(&other.link, device), 0);
	umd_link_close(&other.link);
	fake_link_finish(&other);
}

static void test_device_with_a_link_cannot_be_mirrored(void **state)
{
	struct fake_link other;
	struct umd_device *second;
	struct device_log log;

	fake_link_init(&other);
	assert_int_equal(umd_link_mirror(&other.link, device), -EBUSY);
	leave();
	assert_int_equal(umd_link_mirror(&other.link, device), -EBUSY);
	join();
	second = device_create(&log);
	assert_int_equal(umd_link_mirror(&fake.link, second), -EBUSY);
	assert_int_equal(umd_link_mirror(&other.link, second), 0);
	umd_device_destroy(second);
	fake_link_finish(&other);
}

static int is_the_callers(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
			  umd_link_done_fn *done, void *data)
{
	return -EPERM;
}

static void test_link_whose_space_is_the_callers_mirrors_nothing(void **state)
{
	struct fake_link other;
	struct umd_link_way way;
	struct umd_device *second;
	struct device_log log;

	fake_link_init(&other);
	way = *other.link.way;
	way.change = is_the_callers;
	other.link.way = &way;
	second = device_create(&log);
	assert_int_equal(umd_link_mirror(&other.link, second), -EPERM);
	other.link.lost = true;
	assert_int_equal(umd_link_mirror(&other.link, second), -ENOTCONN);
	umd_device_destroy(second);
	fake_link_finish(&other);
}

static void test_links_space_is_the_devices_alone(void **state)
{
	const struct umd_dma_change own = {
		.iova = 77 * PAGE, .size = PAGE, .prot = READ_WRITE, .fd = fds[0]};

	close(client);
	umd_server_destroy(server);
	umd_device_destroy(device);
	assert_int_equal(umd_link_change(&fake.link, &own, 1, NULL, NULL), 0);
	make_device();
	assert_int_equal(umd_link_mirror(&fake.link, device), 0);
	assert_true(parent_has_nothing());
	serve();
	join();
	map(0, 77, 0, 1);
}

/* Without a server, nobody but the device's end says that its maps are gone. */
static void test_device_that_ends_takes_its_maps_from_the_parent(void **state)
{
	const struct umd_dma_source source = {.kind = UMD_DMA_BY_FD, .fd = fds[0]};

	leave();
	umd_server_destroy(server);
	assert_int_equal(umd_dma_space_map(&device->space, 0, PAGE, READ_WRITE, &source), 0);
	assert_true(parent_has(0, 0, 0));
	umd_device_destroy(device);
	assert_true(parent_has_nothing());
	make_device();
	serve();
	join();
}

static void test_device_ends_before_the_parent_has_answered(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	leave();
	umd_server_destroy(server);
	umd_device_destroy(device);
	assert_true(fake.out_count > 0);
	fake_link_answer(&fake, fake.out_count);
	assert_int_equal(umd_link_dispatch(&fake.link), 0);
	make_device();
	serve();
	join();
}

static void test_link_ends_before_the_device(void **state)
{
	map(0, 0, 0, 1);
	fake.answers = LINK_LATER;
	send_unmap(0, 1, 0);
	expect_nothing();
	umd_link_close(&fake.link);
	dispatch();
	expect_reply(3);
	map(0, 0, 0, 1);
	unmap(0, 1, 0);
}

/* ---- Another parent ------------------------------------------------------------------------ */

static bool has(const struct fake_link *link, unsigned int file, uint64_t iova_page, uint64_t page)
{
	uint8_t mark[2];

	return umd_dma_space_read(link->space, iova_page * PAGE, mark, 2) == 0 && mark[0] == file &&
	       mark[1] == (uint8_t)page;
}

static void test_another_link_gets_what_the_client_has_mapped(void **state)
{
	struct fake_link next;

	for (unsigned int i = 0; i < 100; i++)
		map(i % 2, i, i + 1, 1);
	map(FILES, 200, 0, 1); /* by message */
	unmap(50, 1, 0);
	umd_link_lose(&fake.link);
	umd_link_close(&fake.link);
	map(2, 100, 7, 2);

	fake_link_init(&next);
	assert_int_equal(umd_link_mirror(&next.link, device), 0);
	dispatch();
	assert_int_equal(next.maps, 100);
	assert_true(has(&next, 2, 101, 8));
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(has(&next, i % 2, i, i + 1), i != 50);
	unmap(0, 102, 0);
	map(1, 3, 9, 1);
	umd_mirror_post(next.link.mirror);
	assert_true(has(&next, 1, 3, 9));
	assert_int_equal(next.space->table.count, 1);
	umd_link_close(&next.link);
	fake_link_finish(&next);
}

static void test_another_link_that_has_no_room_is_refused(void **state)
{
	struct fake_link next;

	map(0, 0, 0, 4);
	map(0, 4, 4, 4);
	umd_link_close(&fake.link);
	fake_link_init(&next);
	next.max_maps = 1;
	assert_int_equal(umd_link_mirror(&next.link, device), -ENOSPC);
	next.max_maps = 2;
	next.max_mapped_bytes = 7 * PAGE;
	assert_int_equal(umd_link_mirror(&next.link, device), -ENOMEM);
	next.max_mapped_bytes = 8 * PAGE;
	assert_int_equal(umd_link_mirror(&next.link, device), 0);
	dispatch();
	assert_true(has(&next, 0, 7, 7));
	umd_link_close(&next.link);
	fake_link_finish(&next);
}

static void test_files_are_kept_for_another_link_and_no_longer_than_their_maps(void **state)
{
	int before, number;

	map(0, 0, 0, 1);
	before = unit_count_fds();
	for (number = 0; number < 20; number++) {
		close(fds[1]);
		make_file(1);
		map(1, 1, 0, 1);
		unmap(1, 1, 0);
	}
	assert_in_range(unit_count_fds(), before, before + 8); /* those that are idle, or recent */
}

/* ---- Storms -------------------------------------------------------------------------------- */

/* What the client has mapped, by page of IOVA: file * PAGES + page + 1. */
static unsigned int model[PAGES];

static void expect_model(void)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		unsigned int at = model[i] - 1;

		if (model[i])
			assert_true(parent_has(at / PAGES, i, at % PAGES));
	}
}

static void storm_map(uint64_t *random, unsigned int at)
{
	unsigned int file = (unsigned int)unit_below(random, FILES);
	unsigned int page = (unsigned int)unit_below(random, PAGES);

	if (model[at])
		return;
	send_map(file, at, page, 1);
	dispatch();
	expect_reply(2);
	model[at] = file * PAGES + page + 1;
	if (unit_below(random, 2))
		submit();
}

/* Answers at random; the unmap's is among them in the end. */
static void storm_unmap(uint64_t *random, unsigned int at, unsigned int pages)
{
	struct pollfd ready = {.fd = client, .events = POLLIN};
	unsigned int waited = 0;

	send_unmap(at, pages, 0);
	dispatch();
	while (poll(&ready, 1, 0) == 0) {
		assert_true(fake.out_count > 0);
		answer(1 + (unsigned int)unit_below(random, fake.out_count));
		waited++;
	}
	expect_reply(3);
	for (unsigned int i = at; i < at + pages; i++) {
		waited += !model[i];
		model[i] = 0;
		assert_int_equal(umd_dma_space_read(fake.space, i * PAGE, &(uint8_t){0}, 1),
				 -EFAULT);
	}
	assert_true(waited > 0);
}

static long storm(uint64_t seed)
{
	uint64_t random = seed;

	fake.answers = LINK_LATER;
	for (unsigned int step = 0; step < 2000; step++) {
		unsigned int at = (unsigned int)unit_below(&random, PAGES);

		if (unit_below(&random, 3))
			storm_map(&random, at);
		else
			storm_unmap(&random, at, 1 + (unsigned int)unit_below(&random, PAGES - at));
	}
	expect_model();
	storm_unmap(&random, 0, PAGES);
	assert_true(parent_has_nothing());
	answer(fake.out_count);
	return -1;
}

static void test_parent_has_what_the_client_has_after_any_storm(void **state)
{
	unit_run_seeds(storm);
}

/* As a vIOMMU maps a guest's memory. */
static void test_sixty_five_thousand_maps_of_a_page(void **state)
{
	unsigned int count = 65000, before = count_fds();

	alarm(60);
	fake.answers = LINK_SOON;
	for (unsigned int i = 0; i < count; i += 25) {
		for (unsigned int j = i; j < i + 25; j++)
			send_map(j / 10000 % 2, 2 * j, j % PAGES, 1);
		dispatch();
		for (unsigned int j = i; j < i + 25; j++)
			expect_reply(2);
	}
	submit();
	assert_int_equal(fake.space->table.count, count);
	assert_true(fake.batches <= count / 10);
	assert_true(parent_has(0, 2 * 64999, 64999 % PAGES));
	assert_in_range(count_fds(), before, before + 6); /* files: lately seen, kept; both sides */
	unmap(0, 2 * 65000, 0);
	assert_true(parent_has_nothing());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_map_is_made_for_what_is_submitted_behind_it),
		TEST(test_map_is_made_after_a_moment_in_any_case),
		TEST(test_what_a_map_allows_is_the_parents_too),
		TEST(test_maps_go_together_and_name_a_file_once),
		TEST(test_batch_has_sixty_four_changes_at_most),
		TEST(test_client_does_not_wait_for_its_maps),
		TEST(test_memory_without_a_file_stays_here),
		TEST(test_map_that_is_refused_here_is_not_the_parents),
		TEST(test_no_fd_is_kept_once_a_batch_is_out),
		TEST(test_unmap_is_answered_after_the_parents_word),
		TEST(test_unmap_goes_along_with_maps_before_it),
		TEST(test_unmap_of_all_is_one_change),
		TEST(test_file_behind_an_unmap_is_looked_at_anew),
		TEST(test_answers_to_maps_do_not_end_the_wait),
		TEST(test_threads_of_the_device_are_waited_for_as_well),
		TEST(test_reset_waits_for_no_map),
		TEST(test_client_that_has_said_its_last_is_answered_after_the_parents_word),
		TEST(test_client_that_says_its_last_while_it_waits),
		TEST(test_parent_that_does_not_answer_is_lost_after_a_second),
		TEST(test_pin_that_does_not_end_beside_a_parent_that_does_not_answer),
		TEST(test_nobody_waits_for_a_parent_that_is_gone),
		TEST(test_link_may_be_closed_when_it_is_lost),
		TEST(test_link_may_be_closed_when_its_parent_is_late),
		TEST(test_map_that_the_parent_refuses_takes_all_from_it),
		TEST(test_unmap_behind_a_refused_map_waits_until_all_is_unmapped),
		TEST(test_parent_that_does_not_even_unmap_is_lost),
		TEST(test_client_is_told_of_the_parents_limit_of_maps),
		TEST(test_client_is_told_of_the_parents_limit_of_bytes),
		TEST(test_client_that_leaves_takes_its_maps_from_the_parent),
		TEST(test_next_clients_maps_come_behind_the_last_ones_unmap),
		TEST(test_client_that_leaves_while_its_unmap_waits),
		TEST(test_device_with_a_link_cannot_be_mirrored),
		TEST(test_device_whose_files_were_not_kept_cannot_be_mirrored),
		TEST(test_another_link_gets_what_the_client_has_mapped),
		TEST(test_another_link_that_has_no_room_is_refused),
		TEST(test_files_are_kept_for_another_link_and_no_longer_than_their_maps),
		TEST(test_link_whose_space_is_the_callers_mirrors_nothing),
		TEST(test_links_space_is_the_devices_alone),
		TEST(test_device_that_ends_takes_its_maps_from_the_parent),
		TEST(test_device_ends_before_the_parent_has_answered),
		TEST(test_link_ends_before_the_device),
		TEST(test_parent_has_what_the_client_has_after_any_storm),
		TEST(test_sixty_five_thousand_maps_of_a_page),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
