/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that unmaps or detaches what threads of the device still use through a PASID: it is
 * answered when they have done with it, or when it has been taken from them.
 */
#include "server_fixture.h"

#include "device_fixture.h"

#include <time.h>

#include <umdev/pasid.h>

#include "device/pasid.h"
#include "wire/pasid.h"

#define READ_WRITE (UMD_DMA_READ | UMD_DMA_WRITE)
#define PAGES	   4u
#define PASIDS	   2u

static struct server_fixture f;
static struct device_log told;
static struct umd_device *device;
static struct umd_server *server;
static struct umd_dma_reader *readers[PASIDS];
static struct umd_dma_segment segment;
static int client, fd;

/* ---- A device with a reader for each PASID, and a client with a file ------------------------- */

static void on_attached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	assert_int_equal(umd_dma_reader_create(space, 0, &readers[pasid]), 0);
}

static void on_detached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	umd_dma_reader_destroy(readers[pasid]);
	readers[pasid] = NULL;
}

static void make_device(void)
{
	static const struct umd_pasid_ops ops = {.attached = on_attached, .detached = on_detached};

	device = device_create(&told);
	umd_device_add_pcie(device, &(struct umd_pcie){0});
	umd_device_add_pri(device, &(struct umd_pri){.capacity = 4});
	umd_device_add_pasid(device, &(struct umd_pasid){.width = 1});
	assert_int_equal(umd_device_set_pasid_ops(device, &ops), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
}

static void dispatch(void)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(umd_server_dispatch(server, 0), 0);
}

static void send_offer(void)
{
	static const char json[] = "{\"capabilities\":{\"max_msg_fds\":16,\"umdev_pasid\":"
				   "{\"max_spaces\":2,\"max_page_requests\":4}}}";
	uint8_t payload[sizeof(struct umd_wire_version) + sizeof(json)] = {0};

	memcpy(payload + sizeof(struct umd_wire_version), json, sizeof(json));
	server_send(client, 1, UMD_WIRE_VERSION, payload, sizeof(payload), NULL, 0);
}

static void enable(void)
{
	device_set_command(device, PCI_COMMAND_MASTER);
	device_set_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_PASID, PCI_PASID_CTRL), 2,
			  PCI_PASID_CTRL_ENABLE);
}

static void join(void)
{
	client = server_connect(f.path);
	assert_true(client >= 0);
	send_offer();
	dispatch();
	assert_int_equal(server_receive(client).error, 0);
	enable();
	told.resets = 0;
}

static void expect_reply(uint16_t id)
{
	struct umd_wire_header header = server_receive(client);

	assert_int_equal(header.id, id);
	assert_int_equal(header.flags, UMD_WIRE_TYPE_REPLY);
}

static void expect_marker(uint32_t pasid)
{
	struct {
		struct umd_wire_header header;
		struct umd_wire_stop_marker marker;
	} message;

	dispatch();
	assert_int_equal(recv(client, &message, sizeof(message), MSG_DONTWAIT), sizeof(message));
	assert_int_equal(message.header.command, UMD_WIRE_STOP_MARKER);
	assert_int_equal(message.marker.pasid, pasid);
}

static void expect_nothing(void)
{
	uint8_t byte;

	dispatch();
	assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void send_pasid(uint16_t command, uint32_t pasid)
{
	const struct umd_wire_pasid request = {.argsz = sizeof(request), .pasid = pasid};

	server_send(client, 2, command, &request, sizeof(request), NULL, 0);
	dispatch();
}

static void attach(uint32_t pasid)
{
	send_pasid(UMD_WIRE_PASID_ATTACH, pasid);
	expect_reply(2);
}

static void map(uint32_t pasid, uint64_t page)
{
	const struct umd_wire_pasid_map map = {.argsz = sizeof(map),
					       .flags = READ_WRITE,
					       .offset = page * PAGE,
					       .size = PAGE,
					       .pasid = pasid};

	server_send(client, 3, UMD_WIRE_PASID_DMA_MAP, &map, sizeof(map), &fd, 1);
	dispatch();
	expect_reply(3);
}

static void send_unmap(uint32_t pasid)
{
	const struct umd_wire_pasid_unmap unmap = {
		.argsz = sizeof(unmap), .size = PAGE, .pasid = pasid};

	server_send(client, 4, UMD_WIRE_PASID_DMA_UNMAP, &unmap, sizeof(unmap), NULL, 0);
	dispatch();
}

static void pin(uint32_t pasid)
{
	assert_int_equal(umd_dma_pin(readers[pasid], 0, 8, READ_WRITE, &segment, 1), 1);
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
	memset(readers, 0, sizeof(readers));
	make_device();
	assert_int_equal(umd_server_create(device, &options, &server), 0);
	fd = memfd_create("client", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
	join();
	attach(0);
	attach(1);
	map(0, 0);
	map(1, 1);
	return 0;
}

static int teardown(void **state)
{
	close(client);
	umd_server_destroy(server);
	assert_null(readers[0]);
	umd_device_destroy(device);
	close(fd);
	server_stop(&f);
	return 0;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void test_an_unmap_waits_for_the_pins_of_its_own_space(void **state)
{
	pin(0);
	send_unmap(1);
	expect_reply(4);
	send_unmap(0);
	expect_nothing();
	segment.base[0] = 1;
	umd_dma_unpin(&segment, 1);
	dispatch();
	expect_reply(4);
	assert_int_equal(told.resets, 0);
}

/* The Stop Marker does not wait: it is about page requests. */
static void test_a_detach_waits_for_the_pins_of_its_space(void **state)
{
	pin(0);
	send_pasid(UMD_WIRE_PASID_DETACH, 0);
	expect_marker(0);
	assert_null(readers[0]);
	expect_nothing();
	umd_dma_unpin(&segment, 1);
	dispatch();
	expect_reply(2);
	attach(0);
	map(0, 2);
}

static void test_a_pin_that_does_not_end_is_revoked_and_the_device_reset(void **state)
{
	uint8_t byte = 0;

	pin(0);
	segment.base[0] = 1;
	send_pasid(UMD_WIRE_PASID_DETACH, 0);
	expect_marker(0);
	sleep_ms(1050);
	dispatch();
	expect_reply(2);
	assert_int_equal(told.resets, 1);
	assert_int_equal(told.kind, UMD_RESET_SELF);
	segment.base[0] = 2;
	assert_int_equal(umd_dma_check(&segment, 1), -EFAULT);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 1);

	/* It counts as attached until the pin has ended. */
	send_pasid(UMD_WIRE_PASID_ATTACH, 0);
	server_expect_error(client, 2, EBUSY);
	umd_dma_unpin(&segment, 1);
	attach(0);
}

static void test_a_client_that_leaves_takes_its_memory_along(void **state)
{
	uint8_t byte = 0;

	pin(0);
	send_pasid(UMD_WIRE_PASID_DETACH, 0);
	expect_marker(0);
	close(client);
	dispatch();
	assert_int_equal(told.kind, UMD_RESET_DISCONNECT);
	assert_null(readers[1]);
	segment.base[0] = 5;
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 0);
	join();
	attach(0);
	umd_dma_unpin(&segment, 1);
}

static void test_a_reset_waits_for_readers_inside_any_space(void **state)
{
	for (unsigned int i = 0; i < PASIDS; i++) {
		umd_dma_enter(readers[i]);
		assert_int_equal(umd_dma_resolve(readers[i], 0, 1, UMD_DMA_READ, &segment, 1), 1);
	}
	server_send(client, 5, UMD_WIRE_DEVICE_RESET, NULL, 0, NULL, 0);
	expect_nothing();
	assert_int_equal(told.resets, 1);
	umd_dma_leave(readers[0]);
	expect_nothing();
	umd_dma_leave(readers[1]);
	dispatch();
	expect_reply(5);
	assert_int_equal(told.resets, 1);
	umd_dma_enter(readers[0]);
	assert_int_equal(umd_dma_resolve(readers[0], 0, 1, UMD_DMA_READ, &segment, 1), -ENODEV);
	umd_dma_leave(readers[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_an_unmap_waits_for_the_pins_of_its_own_space),
		TEST(test_a_detach_waits_for_the_pins_of_its_space),
		TEST(test_a_pin_that_does_not_end_is_revoked_and_the_device_reset),
		TEST(test_a_client_that_leaves_takes_its_memory_along),
		TEST(test_a_reset_waits_for_readers_inside_any_space),
	};

	return cmocka_run_group_tests_name("pasid_drain", tests, NULL, NULL);
}
