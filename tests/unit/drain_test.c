/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that unmaps memory which threads of the device still use: it is answered when they have
 * done with it, or when it has been taken from them.
 */
#include "server_fixture.h"

#include "device_fixture.h"

#include <pthread.h>
#include <time.h>

#include <umdev/dma.h>

#define READ_WRITE (UMD_DMA_READ | UMD_DMA_WRITE)
#define PAGES	   4u

static struct server_fixture f;
static struct device_log told;
static struct umd_device *device;
static struct umd_server *server;
static struct umd_dma_reader *reader;
static struct umd_dma_segment segment;
static uint64_t unmapped, unmapped_last;
static unsigned int unmaps;
static int found_while_told;
static bool inside;
static int client, fd;

/* ---- A device with a reader, and a client with a file ---------------------------------------- */

static int look_up(uint64_t iova)
{
	struct umd_dma_segment found;
	int count;

	umd_dma_enter(reader);
	count = umd_dma_resolve(reader, iova, 1, UMD_DMA_READ, &found, 1);
	umd_dma_leave(reader);
	return count;
}

static void on_dma_unmap(void *data, uint64_t iova, uint64_t last)
{
	unmaps++;
	unmapped = iova;
	unmapped_last = last;
	if (!inside)
		found_while_told = look_up(iova);
}

static void on_destroy(void *data)
{
	umd_dma_reader_destroy(reader);
}

static void make_device(void)
{
	static const struct umd_device_ops ops = {
		.reset = device_on_reset, .dma_unmap = on_dma_unmap, .destroy = on_destroy};
	const struct umd_device_info info = {
		.size = sizeof(info), .vendor = 0x1234, .ops = &ops, .data = &told};

	told = (struct device_log){0};
	assert_int_equal(umd_device_create(&info, &device), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_dma_reader_create(umd_device_space(device), 0, &reader), 0);
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

static void map(uint64_t page, uint64_t pages)
{
	const struct umd_wire_dma_map map = {.argsz = sizeof(map),
					     .flags = READ_WRITE,
					     .offset = page * PAGE,
					     .address = page * PAGE,
					     .size = pages * PAGE};

	server_send(client, 2, UMD_WIRE_DMA_MAP, &map, sizeof(map), &fd, 1);
	dispatch();
	expect_reply(2);
}

static void send_unmap(uint64_t page, uint64_t pages, uint32_t flags)
{
	const struct umd_wire_dma_unmap unmap = {.argsz = sizeof(unmap),
						 .flags = flags,
						 .address = page * PAGE,
						 .size = pages * PAGE};

	server_send(client, 3, UMD_WIRE_DMA_UNMAP, &unmap, sizeof(unmap), NULL, 0);
	dispatch();
}

static void pin(uint64_t iova)
{
	assert_int_equal(umd_dma_pin(reader, iova, 8, READ_WRITE, &segment, 1), 1);
}

static uint8_t byte_at(uint64_t offset)
{
	uint8_t byte = 0;

	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	return byte;
}

static void sleep_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static int setup(void **state)
{
	struct umd_server_options options = {.size = sizeof(options)};

	server_start(&f);
	options.socket_path = f.path;
	unmaps = 0;
	inside = false;
	make_device();
	assert_int_equal(umd_server_create(device, &options, &server), 0);
	fd = memfd_create("client", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
	join();
	return 0;
}

static int teardown(void **state)
{
	close(client);
	umd_server_destroy(server);
	umd_device_destroy(device);
	close(fd);
	server_stop(&f);
	return 0;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void test_memory_that_nobody_uses_is_unmapped_at_once(void **state)
{
	map(0, 1);
	pin(0);
	umd_dma_unpin(&segment, 1);
	send_unmap(0, 1, 0);
	expect_reply(3);
}

static void test_device_is_told_when_lookups_find_nothing_any_more(void **state)
{
	map(1, 2);
	map(3, 1);
	assert_int_equal(look_up(PAGE), 1);
	send_unmap(1, 2, 0);
	expect_reply(3);
	assert_int_equal(unmaps, 1);
	assert_int_equal(unmapped, PAGE);
	assert_int_equal(unmapped_last, 3 * PAGE - 1);
	assert_int_equal(found_while_told, -EFAULT);
	send_unmap(1, 2, 0);
	expect_reply(3);
	assert_int_equal(unmaps, 1);
	send_unmap(0, 0, UMD_WIRE_UNMAP_ALL);
	expect_reply(3);
	assert_int_equal(unmaps, 2);
	assert_int_equal(unmapped_last, UINT64_MAX);
}

static void test_pin_holds_back_the_reply_and_what_comes_behind_it(void **state)
{
	struct umd_wire_device_info info = {.argsz = sizeof(info)};

	map(0, 2);
	pin(PAGE);
	send_unmap(0, 2, 0);
	assert_int_equal(look_up(0), -EFAULT);
	server_send(client, 4, UMD_WIRE_GET_INFO, &info, sizeof(info), NULL, 0);
	expect_nothing();
	segment.base[0] = 7;
	assert_int_equal(umd_dma_check(&segment, 1), 0);
	umd_dma_unpin(&segment, 1);
	dispatch();
	expect_reply(3);
	expect_reply(4);
	assert_int_equal(byte_at(PAGE), 7);
	assert_int_equal(told.resets, 0);
}

static void test_reader_inside_holds_back_the_reply(void **state)
{
	map(0, 1);
	inside = true;
	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, 0, 8, UMD_DMA_READ, &segment, 1), 1);
	server_send(client, 3, UMD_WIRE_DMA_UNMAP,
		    &(struct umd_wire_dma_unmap){.argsz = 24, .size = PAGE}, 24, NULL, 0);
	expect_nothing();
	umd_dma_leave(reader);
	dispatch();
	expect_reply(3);
}

static void test_unmap_of_all_waits_for_every_pin(void **state)
{
	struct umd_dma_segment other;

	map(0, 1);
	map(1, 1);
	pin(0);
	assert_int_equal(umd_dma_pin(reader, PAGE, 8, UMD_DMA_READ, &other, 1), 1);
	send_unmap(0, 0, UMD_WIRE_UNMAP_ALL);
	umd_dma_unpin(&other, 1);
	expect_nothing();
	umd_dma_unpin(&segment, 1);
	dispatch();
	expect_reply(3);
}

static void test_pins_of_other_maps_hold_back_nothing(void **state)
{
	map(0, 1);
	map(1, 1);
	pin(0);
	send_unmap(1, 1, 0);
	expect_reply(3);
	umd_dma_unpin(&segment, 1);
}

static void test_reset_waits_for_a_reader_inside(void **state)
{
	map(0, 1);
	inside = true;
	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, 0, 8, UMD_DMA_READ, &segment, 1), 1);
	server_send(client, 3, UMD_WIRE_DEVICE_RESET, NULL, 0, NULL, 0);
	expect_nothing();
	assert_int_equal(told.resets, 1);
	umd_dma_leave(reader);
	dispatch();
	expect_reply(3);
	assert_int_equal(told.resets, 1);
}

static void *unpin_soon(void *data)
{
	sleep_ms(20);
	umd_dma_unpin(&segment, 1);
	return NULL;
}

static void test_pin_that_ends_in_another_thread_wakes_the_server(void **state)
{
	pthread_t thread;
	struct pollfd end;

	map(0, 1);
	pin(0);
	send_unmap(0, 1, 0);
	assert_int_equal(pthread_create(&thread, NULL, unpin_soon, NULL), 0);
	end = (struct pollfd){.fd = client, .events = POLLIN};
	while (poll(&end, 1, 0) == 0)
		assert_int_equal(umd_server_dispatch(server, 900), 0);
	pthread_join(thread, NULL);
	expect_reply(3);
	assert_int_equal(told.resets, 0);
}

/* ---- Taking away --------------------------------------------------------------------------- */

static void test_pin_that_does_not_end_is_revoked_and_the_device_reset(void **state)
{
	uint8_t byte = 9;

	map(0, 1);
	map(1, 1);
	pin(0);
	segment.base[0] = 1;
	send_unmap(0, 1, 0);
	sleep_ms(1050);
	dispatch();
	expect_reply(3);
	assert_int_equal(told.resets, 1);
	assert_int_equal(told.kind, UMD_RESET_SELF);
	segment.base[0] = 2;
	assert_int_equal(byte_at(0), 1);
	assert_int_equal(umd_dma_check(&segment, 1), -EFAULT);

	device_set_command(device, PCI_COMMAND_MASTER);
	assert_int_equal(umd_dma_write(device, PAGE, &byte, 1), 0);
	assert_int_equal(byte_at(PAGE), 9);
	map(0, 1);
	assert_int_equal(umd_dma_read(device, 0, &byte, 1), 0);
	assert_int_equal(byte, 1);
	umd_dma_unpin(&segment, 1);
	pin(0);
	segment.base[0] = 3;
	assert_int_equal(umd_dma_check(&segment, 1), 0);
	assert_int_equal(byte_at(0), 3);
	umd_dma_unpin(&segment, 1);
}

static void test_client_that_only_listens_on_is_answered_at_once(void **state)
{
	map(0, 1);
	pin(0);
	send_unmap(0, 1, 0);
	shutdown(client, SHUT_WR);
	dispatch();
	expect_reply(3);
	segment.base[0] = 5;
	assert_int_equal(byte_at(0), 0);
	umd_dma_unpin(&segment, 1);
}

static void test_client_that_leaves_takes_its_memory_along(void **state)
{
	map(0, 2);
	pin(0);
	send_unmap(0, 2, 0);
	close(client);
	dispatch();
	assert_int_equal(told.kind, UMD_RESET_DISCONNECT);
	segment.base[0] = 5;
	assert_int_equal(byte_at(0), 0);

	join();
	map(0, 1);
	send_unmap(0, 1, 0);
	expect_reply(3);
	umd_dma_unpin(&segment, 1);
}

/* What was pinned lies somewhere until it is unpinned, and no longer. */
static void test_places_of_revoked_memory_are_given_back(void **state)
{
	unsigned int corpses = 0;

	for (unsigned int i = 0; i < 3; i++) {
		map(0, 1);
		pin(0);
		close(client);
		dispatch();
		corpses += device->dma.corpse_count;
		umd_dma_unpin(&segment, 1);
		join();
	}
	assert_int_equal(corpses, 3);
	map(0, 1);
	umd_dma_space_revoke(&device->space);
	assert_int_equal(device->dma.corpse_count, 0);
}

/* Where there are too many places to look after, memory is lost instead. */
static void test_places_of_revoked_memory_are_bounded(void **state)
{
	struct umd_dma_segment held[UMD_DMA_CORPSES_MAX + 4];

	for (unsigned int i = 0; i < UNIT_COUNT(held); i++) {
		map(0, 1);
		assert_int_equal(umd_dma_pin(reader, 0, 1, READ_WRITE, &held[i], 1), 1);
		close(client);
		dispatch();
		held[i].base[0] = 1;
		assert_int_equal(umd_dma_check(&held[i], 1), -EFAULT);
		assert_int_equal(byte_at(0), 0);
		join();
	}
	assert_int_equal(device->dma.corpse_count, UMD_DMA_CORPSES_MAX);
	umd_dma_unpin(held, UNIT_COUNT(held));
	map(0, 1);
	umd_dma_space_revoke(&device->space);
	assert_int_equal(device->dma.corpse_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_memory_that_nobody_uses_is_unmapped_at_once),
		TEST(test_device_is_told_when_lookups_find_nothing_any_more),
		TEST(test_pin_holds_back_the_reply_and_what_comes_behind_it),
		TEST(test_reader_inside_holds_back_the_reply),
		TEST(test_unmap_of_all_waits_for_every_pin),
		TEST(test_pins_of_other_maps_hold_back_nothing),
		TEST(test_reset_waits_for_a_reader_inside),
		TEST(test_pin_that_ends_in_another_thread_wakes_the_server),
		TEST(test_pin_that_does_not_end_is_revoked_and_the_device_reset),
		TEST(test_client_that_only_listens_on_is_answered_at_once),
		TEST(test_client_that_leaves_takes_its_memory_along),
		TEST(test_places_of_revoked_memory_are_given_back),
		TEST(test_places_of_revoked_memory_are_bounded),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
