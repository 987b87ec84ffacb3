/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device on a socket: what a server can be made of, one client at a time, a fresh device for
 * each, and ends in good order from either side.
 */
#include "server_fixture.h"

#include "device_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static struct server_fixture f;
static struct device_log told;
static struct umd_device *device;
static struct umd_server *server;
static struct umd_request *put_off;
static unsigned int cancels;

static void on_cancel(void *data)
{
	cancels++;
}

static void on_access(void *data, struct umd_request *request)
{
	put_off = request;
	umd_request_defer(request, on_cancel, NULL);
}

static int setup(void **state)
{
	static const struct umd_region region = {
		.size = 256, .flags = UMD_REGION_IO, .access = on_access};

	server_start(&f);
	cancels = 0;
	server = NULL;
	device = device_create(&told);
	assert_int_equal(umd_device_add_bar(device, 0, &region), 0);
	assert_int_equal(umd_device_add_rom(device, "rom", 3), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	umd_server_destroy(server);
	umd_device_destroy(device);
	server_stop(&f);
	return 0;
}

static int serve(const char *path, int fd)
{
	struct umd_server_options options = {
		.size = sizeof(options), .socket_path = path, .fd = fd};

	return umd_server_create(device, &options, &server);
}

static void dispatch(void)
{
	for (int i = 0; i < 8; i++)
		assert_int_equal(umd_server_dispatch(server, 0), 0);
}

/* A client that has its VERSION answered. */
static int join(uint16_t id)
{
	int client = server_connect(f.path);
	struct umd_wire_header header;

	assert_true(client >= 0);
	server_send_version(client, id);
	dispatch();
	header = server_receive(client);
	assert_int_equal(header.id, id);
	assert_int_equal(header.flags, UMD_WIRE_TYPE_REPLY);
	return client;
}

/* The client's end of a connection that is served. */
static int serve_pair(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(serve(NULL, pair[0]), 0);
	return pair[1];
}

/* A read of a register, which the device puts off; as a driver, which has enabled the BAR. */
static void send_read(int client, uint16_t id)
{
	const struct umd_wire_region_access access = {.count = 8};

	device_set_command(device, PCI_COMMAND_IO);
	server_send(client, id, UMD_WIRE_REGION_READ, &access, sizeof(access), NULL, 0);
}

/* ---- Making -------------------------------------------------------------------------------- */

static void test_options_of_another_size_are_refused(void **state)
{
	struct umd_server_options options = {.size = sizeof(options), .socket_path = f.path};

	options.size--;
	assert_int_equal(umd_server_create(device, &options, &server), -EINVAL);
	options.size = 0;
	assert_int_equal(umd_server_create(device, &options, &server), -EINVAL);
	assert_null(server);
	assert_int_equal(access(f.path, F_OK), -1);
}

static void test_device_must_be_realised(void **state)
{
	struct umd_server_options options = {.size = sizeof(options), .socket_path = f.path};
	struct device_log log;
	struct umd_device *raw = device_create(&log);

	assert_int_equal(umd_server_create(raw, &options, &server), -EINVAL);
	assert_null(server);
	umd_device_destroy(raw);
}

static void test_device_is_served_once_at_a_time(void **state)
{
	struct umd_server_options options = {.size = sizeof(options), .socket_path = f.path};
	struct umd_server *other = NULL;

	assert_int_equal(serve(f.path, -1), 0);
	assert_int_equal(umd_server_create(device, &options, &other), -EBUSY);
	assert_null(other);
	umd_server_destroy(server);
	server = NULL;
	assert_int_equal(serve(f.path, -1), 0);
}

static void test_paths_that_cannot_be_served(void **state)
{
	char longest[200];
	int other = server_bind(f.path, 1);

	assert_int_equal(serve(f.path, -1), -EADDRINUSE);
	assert_int_equal(access(f.path, F_OK), 0);
	close(other);
	assert_int_equal(unlink(f.path), 0);

	close(open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(serve(f.path, -1), -EEXIST);
	assert_int_equal(access(f.path, F_OK), 0);
	assert_int_equal(unlink(f.path), 0);

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(serve(longest, -1), -ENAMETOOLONG);
	assert_null(server);
	assert_int_equal(serve(f.path, -1), 0);
}

static void test_fd_that_cannot_be_served_stays_its_owners(void **state)
{
	int fds[] = {server_socket(SOCK_DGRAM), server_socket(SOCK_SEQPACKET),
		     open("/dev/null", O_RDWR | O_CLOEXEC)};

	for (size_t i = 0; i < UNIT_COUNT(fds); i++) {
		assert_int_equal(serve(NULL, fds[i]), -EINVAL);
		assert_true(fcntl(fds[i], F_GETFD) >= 0);
		close(fds[i]);
	}
	assert_int_equal(serve(NULL, -1), -EINVAL);
	assert_null(server);
	assert_int_equal(serve(f.path, -1), 0);
}

static void test_socket_that_is_not_connected_is_refused_or_over_at_once(void **state)
{
	int fd = server_socket(SOCK_STREAM);
	int err = serve(NULL, fd);

	if (err) {
		assert_int_equal(err, -EINVAL);
		close(fd);
	} else {
		assert_int_equal(umd_server_dispatch(server, 1000), -ESHUTDOWN);
	}
}

static void test_server_leaves_no_path(void **state)
{
	umd_server_destroy(NULL);
	assert_int_equal(serve(f.path, -1), 0);
	assert_int_equal(access(f.path, F_OK), 0);
	umd_server_destroy(server);
	server = NULL;
	assert_int_equal(access(f.path, F_OK), -1);
}

static void test_listening_fd_is_taken_over(void **state)
{
	int client, listener = server_bind(f.path, 4);

	assert_int_equal(serve(NULL, listener), 0);
	client = join(1);
	umd_server_destroy(server);
	server = NULL;
	server_expect_end(client);
	unit_wait_closed();
	assert_int_equal(fcntl(listener, F_GETFD), -1);
	assert_int_equal(access(f.path, F_OK), 0);
	close(client);
}

/* ---- Dispatching --------------------------------------------------------------------------- */

static void test_fd_is_readable_when_there_is_something_to_do(void **state)
{
	struct pollfd ready = {.events = POLLIN};
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	ready.fd = umd_server_fd(server);
	assert_int_equal(poll(&ready, 1, 0), 0);
	client = server_connect(f.path);
	assert_int_equal(poll(&ready, 1, 0), 1);
	dispatch();
	assert_int_equal(poll(&ready, 1, 0), 0);
	server_send_version(client, 1);
	assert_int_equal(poll(&ready, 1, 0), 1);
	dispatch();
	assert_int_equal(poll(&ready, 1, 0), 0);
	close(client);
	assert_int_equal(poll(&ready, 1, 0), 1);
	dispatch();
	assert_int_equal(poll(&ready, 1, 0), 0);
}

/* ---- Clients ------------------------------------------------------------------------------- */

static void test_second_client_is_turned_away_and_the_first_stays(void **state)
{
	int first, second;

	assert_int_equal(serve(f.path, -1), 0);
	first = join(1);
	second = server_connect(f.path);
	server_send_version(second, 2);
	dispatch();
	server_expect_error(second, 2, EBUSY);
	server_expect_end(second);
	send_read(first, 3);
	dispatch();
	umd_device_reset(device);
	dispatch();
	server_expect_error(first, 3, ECANCELED);
	close(first);
	close(second);
	dispatch();
}

static void test_next_client_finds_a_fresh_device(void **state)
{
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	for (unsigned int i = 1; i <= 3; i++) {
		client = join((uint16_t)i);
		assert_int_equal(device_config(device, PCI_COMMAND, 2), 0);
		device_set_command(device, PCI_COMMAND_MASTER);
		assert_int_equal(umd_dma_space_map_fd(&device->space, 0, PAGE, UMD_DMA_READ, -1, 0),
				 0);
		close(client);
		dispatch();
		assert_int_equal(told.resets, i);
		assert_int_equal(told.kind, UMD_RESET_DISCONNECT);
		assert_int_equal(device->space.table.count, 0);
	}
}

/* For every client anew, and not for those of a server that has no limit. */
static void test_client_maps_as_much_as_the_server_allows(void **state)
{
	struct umd_server_options options = {
		.size = sizeof(options), .socket_path = f.path, .max_mapped_bytes = 2 * PAGE};
	struct umd_wire_dma_map map = {
		.argsz = sizeof(map), .flags = UMD_DMA_READ, .size = 2 * PAGE};
	int client;

	assert_int_equal(umd_server_create(device, &options, &server), 0);
	for (unsigned int i = 0; i < 3; i++) {
		client = join(1);
		map.address = 0;
		server_send(client, 2, UMD_WIRE_DMA_MAP, &map, sizeof(map), NULL, 0);
		map.address = 2 * PAGE;
		server_send(client, 3, UMD_WIRE_DMA_MAP, &map, sizeof(map), NULL, 0);
		dispatch();
		assert_int_equal(server_receive(client).error, 0);
		if (i < 2)
			server_expect_error(client, 3, ENOMEM);
		else
			assert_int_equal(server_receive(client).error, 0);
		close(client);
		dispatch();
		if (i == 1) {
			umd_server_destroy(server);
			assert_int_equal(serve(f.path, -1), 0);
		}
	}
}

static void test_client_that_does_not_begin_with_a_version_is_refused(void **state)
{
	struct umd_wire_header header = {
		.id = 9, .command = UMD_WIRE_DEVICE_RESET, .size = sizeof(header)};
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	client = server_connect(f.path);
	assert_int_equal(send(client, &header, sizeof(header), 0), sizeof(header));
	dispatch();
	server_expect_error(client, 9, EINVAL);
	server_expect_end(client);
	close(client);
	close(join(1));
	dispatch();
}

/* What the device left of its answer is what an earlier one left, unless it is zeroed. */
static void test_bytes_that_a_device_does_not_fill_read_as_zero(void **state)
{
	struct {
		struct umd_wire_header header;
		struct umd_wire_region_access access;
		uint64_t value;
	} reply;
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	for (uint16_t id = 2; id <= 3; id++) {
		send_read(client, id);
		dispatch();
		if (id == 2)
			memset(umd_request_data(put_off), 0xff, umd_request_size(put_off));
		umd_request_complete(put_off, 0);
		dispatch();
		assert_int_equal(recv(client, &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
		assert_int_equal(reply.header.id, id);
		assert_int_equal(reply.value, id == 2 ? UINT64_MAX : 0);
	}
	close(client);
	dispatch();
}

static void test_regions_are_described_as_what_they_are(void **state)
{
	static const struct {
		uint32_t region, flags;
		uint64_t size;
	} rows[] = {
		{0, UMD_WIRE_REGION_FLAG_READ | UMD_WIRE_REGION_FLAG_WRITE, 256},
		{1, 0, 0},
		{UMD_REGION_ROM, UMD_WIRE_REGION_FLAG_READ, 2048},
		{UMD_REGION_CONFIG, UMD_WIRE_REGION_FLAG_READ | UMD_WIRE_REGION_FLAG_WRITE, 256},
		{UMD_REGIONS - 1, 0, 0},
	};
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct umd_wire_region_info info = {.argsz = sizeof(info), .index = rows[i].region};

		server_send(client, 2, UMD_WIRE_GET_REGION_INFO, &info, sizeof(info), NULL, 0);
		dispatch();
		assert_int_equal(server_receive_reply(client, &info, sizeof(info)).error, 0);
		assert_int_equal(info.index, rows[i].region);
		assert_int_equal(info.flags, rows[i].flags);
		assert_int_equal(info.size, rows[i].size);
	}
	close(client);
	dispatch();
}

/* ---- A device that goes -------------------------------------------------------------------- */

static void test_server_of_a_device_that_goes_without_a_client_is_over(void **state)
{
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	close(join(1));
	dispatch();
	memset(told.calls, 0, sizeof(told.calls));
	assert_int_equal(umd_device_unplug(device, 1), 0);
	device_expect_calls(&told, "U");
	assert_int_equal(umd_server_dispatch(server, -1), -ESHUTDOWN);
	client = server_connect(f.path);
	assert_int_equal(umd_server_dispatch(server, 0), -ESHUTDOWN);
	close(client);
}

/* One that comes is told why, while the one that was there still looks at what is left. */
static void test_server_of_a_device_that_goes_is_over_when_its_client_leaves(void **state)
{
	int client, next;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	assert_int_equal(umd_device_unplug(device, 0), 0);
	device_expect_calls(&told, "S");
	next = server_connect(f.path);
	server_send_version(next, 2);
	dispatch();
	server_expect_error(next, 2, ENODEV);
	server_expect_end(next);
	close(next);
	server_send(client, 3, UMD_WIRE_DEVICE_RESET, NULL, 0, NULL, 0);
	dispatch();
	server_expect_error(client, 3, ENODEV);
	close(client);
	while (umd_server_dispatch(server, 1000) == 0)
		;
	assert_int_equal(umd_server_dispatch(server, -1), -ESHUTDOWN);
	device_expect_calls(&told, "R");
}

static void test_client_that_is_asked_to_let_go_ends_it_by_leaving(void **state)
{
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	assert_int_equal(umd_device_unplug(device, UINT64_C(3600000000000)), 0);
	dispatch();
	close(client);
	while (umd_server_dispatch(server, 1000) == 0)
		;
	device_expect_calls(&told, "RU");
}

/* The access that was put off is answered, and its client sees the end of the device. */
static void test_access_that_was_put_off_is_answered_when_the_device_goes(void **state)
{
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	send_read(client, 2);
	dispatch();
	assert_int_equal(umd_device_unplug(device, 0), 0);
	assert_int_equal(cancels, 1);
	dispatch();
	server_expect_error(client, 2, ENODEV);
	close(client);
	while (umd_server_dispatch(server, 1000) == 0)
		;
}

/* ---- Clients that leave -------------------------------------------------------------------- */

/* A process that holds all that this one has until it is killed. */
static pid_t fork_holder(void)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		alarm(5);
		pause();
		_exit(0);
	}
	return child;
}

/* Another process may hold the connection too, so closing it is not the end of its events. */
static void leave(int client)
{
	shutdown(client, SHUT_RDWR);
	close(client);
}

static void test_connection_that_a_forked_child_holds_too_is_forgotten(void **state)
{
	const struct umd_wire_header bad = {.size = 1};
	unsigned int resets;
	int client, next;
	pid_t child;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	child = fork_holder();
	assert_int_equal(send(client, &bad, sizeof(bad), 0), sizeof(bad));
	dispatch();
	next = join(2);
	leave(client);
	dispatch();
	resets = told.resets;
	leave(next);
	dispatch();
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(resets, 1);
	assert_int_equal(told.resets, 2);
}

static void test_client_that_leaves_cancels_what_was_put_off(void **state)
{
	int client;

	assert_int_equal(serve(f.path, -1), 0);
	client = join(1);
	send_read(client, 2);
	dispatch();
	assert_int_equal(cancels, 0);
	close(client);
	dispatch();
	assert_int_equal(cancels, 1);
	close(join(3));
	dispatch();
}

/* ---- A connection of its own --------------------------------------------------------------- */

static void test_connection_is_over_when_its_client_leaves(void **state)
{
	int client = serve_pair();

	server_send_version(client, 1);
	dispatch();
	assert_int_equal(server_receive(client).id, 1);
	close(client);
	assert_int_equal(umd_server_dispatch(server, 1000), -ESHUTDOWN);
	assert_int_equal(umd_server_dispatch(server, -1), -ESHUTDOWN);
	assert_int_equal(told.resets, 1);
	assert_int_equal(told.kind, UMD_RESET_DISCONNECT);
}

static void test_connection_whose_client_has_left_before_is_over(void **state)
{
	int client = serve_pair();

	server_send_version(client, 1);
	close(client);
	while (umd_server_dispatch(server, 1000) == 0)
		;
	assert_int_equal(umd_server_dispatch(server, 0), -ESHUTDOWN);
}

static void test_device_is_served_again_after_its_connection(void **state)
{
	close(serve_pair());
	while (umd_server_dispatch(server, 1000) == 0)
		;
	umd_server_destroy(server);
	server = NULL;
	assert_int_equal(serve(f.path, -1), 0);
	close(join(1));
	dispatch();
}

/* ---- The server's end ---------------------------------------------------------------------- */

static void test_client_of_a_server_that_ends_sees_the_end(void **state)
{
	int client = serve_pair();

	server_send_version(client, 1);
	dispatch();
	server_receive(client);
	send_read(client, 2);
	dispatch();
	send_read(client, 3);
	umd_server_destroy(server);
	server = NULL;
	assert_int_equal(cancels, 1);
	assert_int_equal(told.kind, UMD_RESET_DISCONNECT);
	server_expect_end(client);
	close(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_options_of_another_size_are_refused),
		TEST(test_device_must_be_realised),
		TEST(test_device_is_served_once_at_a_time),
		TEST(test_paths_that_cannot_be_served),
		TEST(test_fd_that_cannot_be_served_stays_its_owners),
		TEST(test_socket_that_is_not_connected_is_refused_or_over_at_once),
		TEST(test_server_leaves_no_path),
		TEST(test_listening_fd_is_taken_over),
		TEST(test_fd_is_readable_when_there_is_something_to_do),
		TEST(test_second_client_is_turned_away_and_the_first_stays),
		TEST(test_next_client_finds_a_fresh_device),
		TEST(test_client_maps_as_much_as_the_server_allows),
		TEST(test_client_that_does_not_begin_with_a_version_is_refused),
		TEST(test_bytes_that_a_device_does_not_fill_read_as_zero),
		TEST(test_regions_are_described_as_what_they_are),
		TEST(test_server_of_a_device_that_goes_without_a_client_is_over),
		TEST(test_server_of_a_device_that_goes_is_over_when_its_client_leaves),
		TEST(test_client_that_is_asked_to_let_go_ends_it_by_leaving),
		TEST(test_access_that_was_put_off_is_answered_when_the_device_goes),
		TEST(test_connection_that_a_forked_child_holds_too_is_forgotten),
		TEST(test_client_that_leaves_cancels_what_was_put_off),
		TEST(test_connection_is_over_when_its_client_leaves),
		TEST(test_connection_whose_client_has_left_before_is_over),
		TEST(test_device_is_served_again_after_its_connection),
		TEST(test_client_of_a_server_that_ends_sees_the_end),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
