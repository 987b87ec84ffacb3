/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending and ending: what was built leaves in order, in as many pieces as the peer takes, with its
 * fds; a message under construction stays where it is; and a connection that ends does so without a
 * reset.
 */
#include "conn_fixture.h"

#include <sys/stat.h>

#define MAX UMD_WIRE_MAX_MESSAGE

static struct conn_fixture f;

static int setup(void **state)
{
	conn_start(&f);
	return 0;
}

static int teardown(void **state)
{
	conn_stop(&f);
	return 0;
}

/* Makes the socket take little at a time. */
static void narrow(void)
{
	int size = 1;

	assert_int_equal(setsockopt(f.conn.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

static void put_message(uint16_t id, uint32_t size, const int *fds, unsigned int fd_count)
{
	assert_true(umd_conn_can_send(&f.conn));
	conn_build(umd_conn_reserve(&f.conn, size), id, UMD_WIRE_GET_INFO, UMD_WIRE_TYPE_REPLY,
		   size);
	umd_conn_commit(&f.conn, size, fds, fd_count);
}

/* ---- The peer's side ----------------------------------------------------------------------- */

/* What the peer has received, and where in it fds came. */
static struct {
	uint8_t bytes[4 * MAX];
	size_t size;
	int fd; /* of the last receive that had one */
	unsigned int fd_count;
	size_t fd_start, fd_end; /* that receive's stretch */
} got;

static void got_clear(void)
{
	got.size = 0;
	got.fd_count = 0;
}

static void got_fds(struct msghdr *msg, size_t n)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (!c)
		return;
	got.fd_count += (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(&got.fd, CMSG_DATA(c), sizeof(got.fd));
	got.fd_start = got.size;
	got.fd_end = got.size + n;
}

/* One receive of the peer's; its result. */
static ssize_t peer_receive(size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_WIRE_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = got.bytes + got.size, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n;

	assert_true(got.size + size <= sizeof(got.bytes));
	n = recvmsg(f.peer, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n > 0) {
		got_fds(&msg, (size_t)n);
		got.size += (size_t)n;
	}
	return n;
}

/* Flushes and receives until all has come; how many flushes could not send all. */
static unsigned int transfer(size_t piece)
{
	unsigned int stalls = 0;
	int err;

	while ((err = umd_conn_flush(&f.conn)) == -EAGAIN) {
		assert_true(umd_conn_has_output(&f.conn));
		stalls++;
		while (peer_receive(piece) > 0)
			;
	}
	assert_int_equal(err, 0);
	assert_false(umd_conn_has_output(&f.conn));
	while (peer_receive(piece) > 0)
		;
	return stalls;
}

/* Whether the peer got a message at this place; moves on behind it. */
static void expect_message(size_t *at, uint16_t id, uint32_t size)
{
	struct umd_wire_header header;

	memcpy(&header, got.bytes + *at, sizeof(header));
	assert_int_equal(header.id, id);
	assert_int_equal(header.size, size);
	assert_true(conn_is_pattern(id, got.bytes + *at + CONN_HEADER, size - CONN_HEADER));
	*at += size;
}

/* ---- Batches ------------------------------------------------------------------------------- */

static void test_nothing_to_send_is_sent_at_once(void **state)
{
	assert_int_equal(umd_conn_flush(&f.conn), 0);
	assert_false(umd_conn_has_output(&f.conn));
	assert_true(umd_conn_can_send(&f.conn));
}

static void test_messages_leave_in_one_send(void **state)
{
	size_t at = 0;

	got_clear();
	for (uint16_t id = 1; id <= 20; id++)
		put_message(id, 100, NULL, 0);
	assert_int_equal(umd_conn_flush(&f.conn), 0);
	assert_int_equal(peer_receive(65536), 2000);
	for (uint16_t id = 1; id <= 20; id++)
		expect_message(&at, id, 100);
}

static void test_message_committed_without_bytes_is_none(void **state)
{
	got_clear();
	umd_conn_reserve(&f.conn, MAX);
	umd_conn_commit(&f.conn, 0, NULL, 0);
	assert_false(umd_conn_has_output(&f.conn));
	assert_int_equal(umd_conn_flush(&f.conn), 0);
	assert_int_equal(peer_receive(16), -1);
}

static void test_building_stops_while_much_waits(void **state)
{
	put_message(1, 65536, NULL, 0);
	assert_true(umd_conn_can_send(&f.conn));
	put_message(2, 16, NULL, 0);
	assert_false(umd_conn_can_send(&f.conn));
	got_clear();
	transfer(65536);
	assert_true(umd_conn_can_send(&f.conn));
}

static void test_largest_messages_leave_piece_by_piece(void **state)
{
	size_t at = 0;

	narrow();
	got_clear();
	for (uint16_t id = 1; id <= 3; id++) {
		put_message(id, MAX, NULL, 0);
		assert_int_not_equal(transfer(5000), 0);
	}
	for (uint16_t id = 1; id <= 3; id++)
		expect_message(&at, id, MAX);
	assert_int_equal(at, got.size);
}

static void test_peer_that_is_gone_is_an_error_and_no_signal(void **state)
{
	close(f.peer);
	f.peer = -1;
	put_message(1, 100, NULL, 0);
	assert_int_equal(umd_conn_flush(&f.conn), -EPIPE);
}

/* ---- Fds ----------------------------------------------------------------------------------- */

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	assert_int_equal(fstat(a, &x), 0);
	assert_int_equal(fstat(b, &y), 0);
	return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void test_fds_leave_with_their_message(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	got_clear();
	put_message(1, 100, NULL, 0);
	put_message(2, 100, &fd, 1);
	assert_false(umd_conn_can_send(&f.conn));
	transfer(65536);
	assert_int_equal(got.size, 200);
	assert_int_equal(got.fd_count, 1);
	assert_true(got.fd_start < 200 && got.fd_end > 100);
	assert_true(is_same_file(got.fd, fd));
	assert_true(umd_conn_can_send(&f.conn));
	close(got.fd);
	close(fd);
}

static void test_as_many_fds_as_announced_leave_together(void **state)
{
	int fds[UMD_WIRE_MAX_FDS];

	for (unsigned int i = 0; i < UMD_WIRE_MAX_FDS; i++)
		fds[i] = f.peer;
	put_message(1, 100, fds, UMD_WIRE_MAX_FDS);
	assert_int_equal(umd_conn_flush(&f.conn), 0);
	got_clear();
	assert_int_equal(peer_receive(65536), 100);
	assert_int_equal(got.fd_count, UMD_WIRE_MAX_FDS);
	for (int i = 0; i < (int)UMD_WIRE_MAX_FDS; i++)
		close(got.fd + i);
}

/* The fds come once, with the message's first bytes, however many sends it takes. */
static void test_fds_leave_once_when_the_peer_takes_little_at_a_time(void **state)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	size_t at = 0;

	narrow();
	got_clear();
	put_message(1, 60000, NULL, 0);
	put_message(2, 60000, &fd, 1);
	assert_int_not_equal(transfer(3000), 0);
	assert_int_equal(got.fd_count, 1);
	assert_true(got.fd_start <= 60000 && got.fd_end > 60000);
	assert_true(is_same_file(got.fd, fd));
	close(got.fd);
	close(fd);

	put_message(3, 60000, NULL, 0);
	transfer(3000);
	assert_int_equal(got.fd_count, 1);
	expect_message(&at, 1, 60000);
	expect_message(&at, 2, 60000);
	expect_message(&at, 3, 60000);
}

static void test_fds_of_a_message_that_never_left_do_not_go_to_the_next_client(void **state)
{
	int pair[2];

	put_message(1, 100, &f.peer, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	umd_conn_attach(&f.conn, pair[0]);
	close(f.peer);
	f.peer = pair[1];
	assert_false(umd_conn_has_output(&f.conn));
	got_clear();
	put_message(2, 100, NULL, 0);
	transfer(65536);
	assert_int_equal(got.size, 100);
	assert_int_equal(got.fd_count, 0);
}

/* ---- A message under construction ---------------------------------------------------------- */

static void test_message_being_built_stays_while_others_are_sent(void **state)
{
	uint8_t *place;
	size_t at = 0;

	got_clear();
	put_message(1, 100, NULL, 0);
	place = umd_conn_reserve(&f.conn, MAX);
	conn_build(place, 2, UMD_WIRE_GET_INFO, 0, 50000);
	transfer(65536);
	assert_int_equal(got.size, 100);
	conn_build(place + 100, 77, 0, 0, 16);
	conn_build(place, 2, UMD_WIRE_GET_INFO, 0, 50000);
	umd_conn_commit(&f.conn, 50000, NULL, 0);
	put_message(3, 100, NULL, 0);
	transfer(65536);
	expect_message(&at, 1, 100);
	expect_message(&at, 2, 50000);
	expect_message(&at, 3, 100);
	assert_int_equal(at, got.size);
}

static uint32_t draw_size(uint64_t *seed)
{
	switch (unit_below(seed, 6)) {
	case 0:
		return (uint32_t)(MAX - unit_below(seed, 50));
	case 1:
		return (uint32_t)(60000 + unit_below(seed, 10000));
	default:
		return (uint32_t)(CONN_HEADER + unit_below(seed, 3000));
	}
}

static bool check_got(size_t *at, uint16_t *checked)
{
	struct umd_wire_header header;

	while (got.size - *at >= sizeof(header)) {
		memcpy(&header, got.bytes + *at, sizeof(header));
		if (header.id != *checked + 1 || header.size > MAX)
			return false;
		if (got.size - *at < header.size)
			break;
		expect_message(at, ++*checked, header.size);
	}
	memmove(got.bytes, got.bytes + *at, got.size - *at);
	got.size -= *at;
	*at = 0;
	return true;
}

/* Reserves at any time, commits at any later one, flushes and receives in between. */
static long run_sends(uint64_t seed)
{
	uint16_t built = 0, checked = 0;
	uint8_t *place = NULL;
	size_t at = 0;

	got_clear();
	for (long step = 0; step < 4000; step++) {
		uint32_t size = draw_size(&seed);

		if (!place && umd_conn_can_send(&f.conn) && built < 60000)
			place = umd_conn_reserve(&f.conn, MAX);
		if (place && unit_below(&seed, 2)) {
			conn_build(place, ++built, UMD_WIRE_GET_INFO, 0, size);
			umd_conn_commit(&f.conn, size, NULL, 0);
			place = NULL;
		}
		if (unit_below(&seed, 2))
			umd_conn_flush(&f.conn);
		for (uint64_t n = unit_below(&seed, 12); n; n--)
			peer_receive(1 + unit_below(&seed, 100000));
		if (!check_got(&at, &checked))
			return step;
	}
	if (place)
		umd_conn_commit(&f.conn, 0, NULL, 0);
	transfer(65536);
	return check_got(&at, &checked) && checked == built ? -1 : 4000;
}

static long run_narrow_sends(uint64_t seed)
{
	long step;

	conn_stop(&f);
	conn_start(&f);
	narrow();
	step = run_sends(seed);
	return step;
}

static void test_stream_survives_any_order_of_building_and_sending(void **state)
{
	unit_run_seeds(run_sends);
	unit_run_seeds(run_narrow_sends);
}

/* ---- The end ------------------------------------------------------------------------------- */

/* The peer gets what was sent, and then the stream's end, not an error. */
static void expect_goodbye(size_t size)
{
	ssize_t n;

	got_clear();
	while ((n = peer_receive(65536)) > 0)
		;
	assert_int_equal(n, 0);
	assert_int_equal(got.size, size);
}

static void test_peer_sees_the_end_and_no_reset_though_its_data_was_not_read(void **state)
{
	conn_send_message(&f, 1, UMD_WIRE_GET_INFO, 100, NULL, 0);
	put_message(2, 50, NULL, 0);
	assert_int_equal(umd_conn_flush(&f.conn), 0);
	umd_conn_close(&f.conn);
	expect_goodbye(50);
}

static void test_so_it_does_with_all_that_a_socket_holds(void **state)
{
	static uint8_t bytes[16384];
	int fd = 0;

	while (conn_send(f.peer, bytes, sizeof(bytes), &fd, 1) > 0)
		;
	umd_conn_close(&f.conn);
	assert_int_equal(unit_count_fds(), f.fds_before + 1);
	expect_goodbye(0);
}

static void test_so_it_does_when_the_receive_buffer_is_full(void **state)
{
	static uint8_t bytes[65536];
	int n;

	conn_build(bytes, 1, UMD_WIRE_REGION_WRITE, 0, 100);
	do {
		conn_send(f.peer, bytes, sizeof(bytes), NULL, 0);
		n = umd_conn_receive(&f.conn);
	} while (n > 0);
	assert_int_equal(n, -ENOBUFS);
	conn_send(f.peer, bytes, sizeof(bytes), NULL, 0);
	umd_conn_close(&f.conn);
	expect_goodbye(0);
}

static void close_without_room_for_fds(void)
{
	struct rlimit limit, before;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	umd_conn_close(&f.conn);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_so_it_does_when_the_process_has_no_room_for_the_fds(void **state)
{
	int fd = 0;

	for (uint16_t id = 1; id <= 3; id++)
		conn_send_message(&f, id, UMD_WIRE_DMA_MAP, 48, &fd, 1);
	close_without_room_for_fds();
	expect_goodbye(0);
}

static void test_what_the_peer_sends_after_the_end_fails(void **state)
{
	uint8_t byte = 0;

	umd_conn_close(&f.conn);
	assert_int_equal(conn_send(f.peer, &byte, 1, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
}

static void test_connection_begins_anew_with_the_next_socket(void **state)
{
	struct umd_wire_header large = {.size = MAX + 1};
	struct umd_message message;
	int pair[2];

	conn_send_all(&f, &large, sizeof(large));
	umd_conn_receive(&f.conn);
	assert_int_equal(umd_conn_next(&f.conn, &message), -EMSGSIZE);
	umd_conn_consume(&f.conn, &message);
	umd_conn_reserve(&f.conn, MAX);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	umd_conn_attach(&f.conn, pair[0]);
	close(f.peer);
	f.peer = pair[1];
	conn_send_message(&f, 5, UMD_WIRE_DMA_MAP, 48, &pair[1], 1);
	umd_conn_receive(&f.conn);
	conn_take(&f, 5, 1);
	got_clear();
	put_message(6, 100, NULL, 0);
	transfer(65536);
	assert_int_equal(got.size, 100);
}

static void test_ending_twice_and_ending_none_is_allowed(void **state)
{
	struct umd_conn none;

	umd_conn_close(&f.conn);
	umd_conn_close(&f.conn);
	assert_int_equal(umd_conn_init(&none, -1), 0);
	umd_conn_close(&none);
	umd_conn_finish(&none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_nothing_to_send_is_sent_at_once),
		TEST(test_messages_leave_in_one_send),
		TEST(test_message_committed_without_bytes_is_none),
		TEST(test_building_stops_while_much_waits),
		TEST(test_largest_messages_leave_piece_by_piece),
		TEST(test_peer_that_is_gone_is_an_error_and_no_signal),
		TEST(test_fds_leave_with_their_message),
		TEST(test_as_many_fds_as_announced_leave_together),
		TEST(test_fds_leave_once_when_the_peer_takes_little_at_a_time),
		TEST(test_fds_of_a_message_that_never_left_do_not_go_to_the_next_client),
		TEST(test_message_being_built_stays_while_others_are_sent),
		TEST(test_stream_survives_any_order_of_building_and_sending),
		TEST(test_peer_sees_the_end_and_no_reset_though_its_data_was_not_read),
		TEST(test_so_it_does_with_all_that_a_socket_holds),
		TEST(test_so_it_does_when_the_receive_buffer_is_full),
		TEST(test_so_it_does_when_the_process_has_no_room_for_the_fds),
		TEST(test_what_the_peer_sends_after_the_end_fails),
		TEST(test_connection_begins_anew_with_the_next_socket),
		TEST(test_ending_twice_and_ending_none_is_allowed),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("conn_send", tests, NULL, NULL);
}
