/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fds that come with messages: each finds the message it was sent with, the ones that nobody can
 * claim are closed, and no peer can make a process hold more than a box of them.
 */
#include "conn_fixture.h"

#include "wire/pasid.h"

#include <fcntl.h>
#include <sys/stat.h>

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

/* ---- Files that can be told apart ---------------------------------------------------------- */

/* A file of `mark` bytes. */
static int make_file(uint32_t mark)
{
	int fd = memfd_create("mark", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, mark), 0);
	return fd;
}

static uint32_t get_mark(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint32_t)st.st_size;
}

/* Sends bytes with `count` fds, marked `mark`, `mark` + 1 and so on, of which none is kept. */
static void send_marked(const void *bytes, size_t size, uint32_t mark, unsigned int count)
{
	int fds[UMD_SCM_MAX_FD];

	for (unsigned int i = 0; i < count; i++)
		fds[i] = make_file(mark + i);
	assert_int_equal(conn_send(f.peer, bytes, size, fds, count), size);
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

static void send_message(uint16_t id, uint16_t command, uint32_t flags, unsigned int fds)
{
	uint8_t bytes[48];

	conn_build(bytes, id, command, flags, sizeof(bytes));
	send_marked(bytes, sizeof(bytes), id * 100u, fds);
}

/* The next message has these fds, marked with its id. */
static void take_marked(uint16_t id, unsigned int fds)
{
	struct umd_message message;

	conn_expect(&f, id, fds, &message);
	for (unsigned int i = 0; i < fds; i++)
		assert_int_equal(get_mark(message.fds[i]), id * 100u + i);
	umd_conn_consume(&f.conn, &message);
}

static void receive_all(void)
{
	int n;

	while ((n = umd_conn_receive(&f.conn)) > 0)
		;
	assert_int_equal(n, -EAGAIN);
}

/* Fds in the connection's hands. */
static int count_held(void)
{
	return unit_count_fds() - f.fds_before - 2;
}

/* ---- Which messages carry fds -------------------------------------------------------------- */

static void test_only_some_messages_carry_fds(void **state)
{
	for (uint16_t i = 0; i < 80; i++) {
		uint16_t command = i < 64 ? i : 0xf000 + i - 64;
		bool carries = command == UMD_WIRE_DMA_MAP || command == UMD_WIRE_SET_IRQS ||
			       command == UMD_WIRE_DEVICE_FEATURE ||
			       command == UMD_WIRE_PASID_DMA_MAP;

		send_message(1, command, UMD_WIRE_TYPE_COMMAND, 2);
		receive_all();
		take_marked(1, carries ? 2 : 0);
		assert_int_equal(count_held(), 0);
	}
}

static void test_only_some_replies_carry_fds(void **state)
{
	for (uint16_t command = 0; command < 64; command++) {
		bool carries = command == UMD_WIRE_VERSION || command == UMD_WIRE_GET_REGION_INFO ||
			       command == UMD_WIRE_GET_REGION_IO_FDS;

		send_message(1, command, UMD_WIRE_TYPE_REPLY, 1);
		receive_all();
		take_marked(1, carries ? 1 : 0);
		assert_int_equal(count_held(), 0);
	}
}

static void test_fd_that_was_taken_outlives_its_message(void **state)
{
	struct umd_message message;
	int kept;

	send_message(1, UMD_WIRE_SET_IRQS, 0, 3);
	receive_all();
	conn_expect(&f, 1, 3, &message);
	kept = message.fds[1];
	message.fds[1] = -1;
	umd_conn_consume(&f.conn, &message);
	assert_int_equal(get_mark(kept), 101);
	assert_int_equal(count_held(), 1);
	close(kept);
}

static void test_fds_are_closed_on_exec(void **state)
{
	struct umd_message message;

	send_message(1, UMD_WIRE_SET_IRQS, 0, 1);
	receive_all();
	conn_expect(&f, 1, 1, &message);
	assert_int_equal(fcntl(message.fds[0], F_GETFD), FD_CLOEXEC);
	umd_conn_consume(&f.conn, &message);
}

/* ---- Several messages in one receive ------------------------------------------------------- */

static void test_fds_belong_to_the_last_message_of_their_receive_that_can_carry_them(void **state)
{
	send_message(1, UMD_WIRE_DMA_MAP, 0, 0);
	send_message(2, UMD_WIRE_REGION_READ, 0, 0);
	send_message(3, UMD_WIRE_SET_IRQS, 0, 0);
	send_message(4, UMD_WIRE_DMA_MAP, 0, 1);
	assert_int_equal(umd_conn_receive(&f.conn), 4 * 48);
	take_marked(1, 0);
	take_marked(2, 0);
	take_marked(3, 0);
	take_marked(4, 1);
}

static void test_fds_belong_to_the_last_message_of_their_send_that_can_carry_them(void **state)
{
	uint8_t bytes[144], *end = conn_build(bytes, 1, UMD_WIRE_DMA_MAP, 0, 48);

	end = conn_build(end, 2, UMD_WIRE_DMA_MAP, 0, 48);
	conn_build(end, 3, UMD_WIRE_REGION_WRITE, 0, 48);
	send_marked(bytes, sizeof(bytes), 200, 1);
	receive_all();
	take_marked(1, 0);
	take_marked(2, 1);
	take_marked(3, 0);
}

/* A VMM sends its maps without waiting for the replies, some of them without an fd. */
static void test_pipelined_maps_keep_their_fds(void **state)
{
	for (uint16_t id = 1; id <= 12; id++)
		send_message(id, UMD_WIRE_DMA_MAP, UMD_WIRE_NO_REPLY, id % 3 != 0);
	receive_all();
	for (uint16_t id = 1; id <= 12; id++)
		take_marked(id, id % 3 != 0);
	assert_int_equal(count_held(), 0);
}

static void test_map_after_a_map_with_an_fd_has_none(void **state)
{
	send_message(1, UMD_WIRE_DMA_MAP, 0, 1);
	send_message(2, UMD_WIRE_DMA_MAP, 0, 0);
	receive_all();
	take_marked(1, 1);
	take_marked(2, 0);
}

static void test_fds_of_later_messages_stay_while_one_is_in_hand(void **state)
{
	struct umd_message message;

	send_message(1, UMD_WIRE_SET_IRQS, 0, 2);
	receive_all();
	conn_expect(&f, 1, 2, &message);
	for (uint16_t id = 2; id <= 6; id++) {
		send_message(id, UMD_WIRE_DMA_MAP, 0, 1);
		receive_all();
	}
	assert_int_equal(get_mark(message.fds[0]), 100);
	assert_int_equal(get_mark(message.fds[1]), 101);
	umd_conn_consume(&f.conn, &message);
	for (uint16_t id = 2; id <= 6; id++)
		take_marked(id, 1);
}

/* A receive stops behind fds, whatever else is there. */
static void test_receive_with_fds_tells_whether_it_left_something(void **state)
{
	send_message(1, UMD_WIRE_DMA_MAP, 0, 1);
	send_message(2, UMD_WIRE_DMA_MAP, 0, 0);
	assert_int_equal(umd_conn_receive(&f.conn), 48);
	assert_true(umd_conn_has_more(&f.conn));
	assert_int_equal(umd_conn_receive(&f.conn), 48);
	assert_false(umd_conn_has_more(&f.conn));
	send_message(3, UMD_WIRE_DMA_MAP, 0, 1);
	assert_int_equal(umd_conn_receive(&f.conn), 48);
	assert_false(umd_conn_has_more(&f.conn));
	take_marked(1, 1);
	take_marked(2, 0);
	take_marked(3, 1);
}

static void test_end_behind_a_receive_with_fds_is_something(void **state)
{
	send_message(1, UMD_WIRE_DMA_MAP, 0, 1);
	close(f.peer);
	f.peer = -1;
	assert_int_equal(umd_conn_receive(&f.conn), 48);
	assert_true(umd_conn_has_more(&f.conn));
	assert_int_equal(umd_conn_receive(&f.conn), 0);
	take_marked(1, 1);
}

/* ---- Messages in pieces -------------------------------------------------------------------- */

static void test_fds_find_a_message_whose_beginning_they_came_with(void **state)
{
	uint8_t bytes[48];

	conn_build(bytes, 1, UMD_WIRE_DMA_MAP, 0, sizeof(bytes));
	for (size_t cut = 1; cut < sizeof(bytes); cut++) {
		send_marked(bytes, cut, 100, 1);
		receive_all();
		conn_expect_none(&f);
		conn_send_all(&f, bytes + cut, sizeof(bytes) - cut);
		receive_all();
		take_marked(1, 1);
	}
}

static void test_fds_find_a_message_whose_end_they_came_with(void **state)
{
	uint8_t bytes[48];

	conn_build(bytes, 1, UMD_WIRE_DMA_MAP, 0, sizeof(bytes));
	for (size_t cut = 1; cut < sizeof(bytes); cut++) {
		conn_send_all(&f, bytes, cut);
		receive_all();
		conn_expect_none(&f);
		send_marked(bytes + cut, sizeof(bytes) - cut, 100, 1);
		receive_all();
		take_marked(1, 1);
	}
}

static void test_fds_with_a_header_in_pieces_pass_the_messages_before_it(void **state)
{
	uint8_t bytes[96];

	conn_build(bytes, 1, UMD_WIRE_SET_IRQS, 0, 48);
	conn_build(bytes + 48, 2, UMD_WIRE_DMA_MAP, 0, 48);
	for (size_t cut = 1; cut < 48; cut++) {
		conn_send_all(&f, bytes, 48);
		send_marked(bytes + 48, cut, 200, 1);
		assert_int_equal(umd_conn_receive(&f.conn), 48 + cut);
		take_marked(1, 0);
		conn_expect_none(&f);
		conn_send_all(&f, bytes + 48 + cut, 48 - cut);
		receive_all();
		take_marked(2, 1);
	}
}

static void test_fds_of_all_pieces_of_a_message_are_its_own(void **state)
{
	uint8_t bytes[48];

	conn_build(bytes, 1, UMD_WIRE_SET_IRQS, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i += 16) {
		send_marked(bytes + i, 16, 100 + (uint32_t)i / 16, 1);
		receive_all();
	}
	take_marked(1, 3);
}

static void test_fds_of_a_message_too_large_are_closed(void **state)
{
	struct umd_wire_header header = {.command = UMD_WIRE_DMA_MAP,
					 .size = UMD_WIRE_MAX_MESSAGE + 1};
	size_t rest = header.size - sizeof(header);
	uint8_t zeros[32768] = {0};
	struct umd_message message;

	send_marked(&header, sizeof(header), 1, 5);
	receive_all();
	assert_int_equal(umd_conn_next(&f.conn, &message), -EMSGSIZE);
	umd_conn_consume(&f.conn, &message);
	while (rest) {
		size_t n = rest < sizeof(zeros) ? rest : sizeof(zeros);

		send_marked(zeros, n, 1, 1);
		receive_all();
		conn_expect_none(&f);
		assert_int_equal(count_held(), 0);
		rest -= n;
	}
	send_message(2, UMD_WIRE_DMA_MAP, 0, 1);
	receive_all();
	take_marked(2, 1);
}

/* ---- Too many ------------------------------------------------------------------------------ */

static void test_message_in_pieces_that_brings_too_many_fds_is_refused(void **state)
{
	uint8_t bytes[1024];
	struct umd_message message;
	size_t at = 0;
	int more;

	conn_build(bytes, 1, UMD_WIRE_SET_IRQS, 0, sizeof(bytes));
	do {
		assert_true(at < 64);
		send_marked(bytes + at++, 1, 1, 1);
		assert_int_equal(umd_conn_receive(&f.conn), 1);
		more = umd_conn_next(&f.conn, &message);
	} while (more == 0);
	assert_int_equal(more, -EPROTO);
	assert_int_equal(umd_conn_receive(&f.conn), -ENOBUFS);
}

static void test_so_is_one_that_brings_them_in_two_heaps(void **state)
{
	uint8_t bytes[1024];
	struct umd_message message;

	conn_build(bytes, 1, UMD_WIRE_SET_IRQS, 0, sizeof(bytes));
	send_marked(bytes, 20, 1, UMD_SCM_MAX_FD);
	receive_all();
	conn_expect_none(&f);
	send_marked(bytes + 20, 20, 1, UMD_SCM_MAX_FD);
	assert_int_equal(umd_conn_receive(&f.conn), 20);
	assert_int_equal(umd_conn_next(&f.conn, &message), -EPROTO);
}

static void test_heap_of_fds_with_one_message_is_taken(void **state)
{
	send_message(1, UMD_WIRE_SET_IRQS, 0, UMD_SCM_MAX_FD);
	send_message(2, UMD_WIRE_SET_IRQS, 0, UMD_SCM_MAX_FD);
	assert_int_equal(umd_conn_receive(&f.conn), 48);
	assert_int_equal(umd_conn_receive(&f.conn), 48);
	assert_int_equal(umd_conn_receive(&f.conn), -ENOBUFS);
	take_marked(1, UMD_SCM_MAX_FD);
	take_marked(2, UMD_SCM_MAX_FD);
}

static void test_messages_with_fds_behind_one_in_hand_wait_when_the_box_is_full(void **state)
{
	struct umd_message message;
	uint16_t sent = 1, id = 2;
	int n;

	send_message(1, UMD_WIRE_SET_IRQS, 0, 1);
	receive_all();
	conn_expect(&f, 1, 1, &message);
	do {
		assert_true(sent < 100);
		send_message(++sent, UMD_WIRE_SET_IRQS, 0, 1);
		n = umd_conn_receive(&f.conn);
	} while (n > 0);
	assert_int_equal(n, -ENOBUFS);
	umd_conn_consume(&f.conn, &message);
	for (; id < sent; id++)
		take_marked(id, 1);
	receive_all();
	take_marked(id, 1);
}

/* ---- A process without room for fds -------------------------------------------------------- */

static struct rlimit limit_before;

static void allow_fds(int more)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit_before), 0);
	limit = limit_before;
	limit.rlim_cur = (rlim_t)(dup(0) + more);
	close((int)limit.rlim_cur - more);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void allow_fds_again(void)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
}

static void test_fds_that_were_lost_are_told_and_the_others_closed(void **state)
{
	send_message(1, UMD_WIRE_SET_IRQS, 0, 5);
	allow_fds(2);
	assert_int_equal(umd_conn_receive(&f.conn), -EMFILE);
	allow_fds_again();
	umd_conn_close(&f.conn);
	assert_int_equal(unit_count_fds(), f.fds_before + 1);
}

/* ---- Any order ----------------------------------------------------------------------------- */

#define QUEUE 512u

static struct {
	uint16_t id;
	unsigned int fds;
} queue[QUEUE];
static uint16_t first, last; /* of the messages sent and not taken: [first, last) */

static void send_any(uint64_t *seed)
{
	static const uint16_t commands[] = {UMD_WIRE_DMA_MAP, UMD_WIRE_SET_IRQS,
					    UMD_WIRE_REGION_READ, UMD_WIRE_DMA_UNMAP};
	uint64_t which = unit_below(seed, UNIT_COUNT(commands));
	unsigned int fds = which < 2 ? (unsigned int)unit_below(seed, 4) : 0;

	queue[last % QUEUE].id = (uint16_t)(last % 400 + 1);
	queue[last % QUEUE].fds = fds;
	send_message(queue[last % QUEUE].id, commands[which], 0, fds);
	last++;
}

static bool take_any(void)
{
	struct umd_message message;

	while (umd_conn_next(&f.conn, &message) == 1) {
		uint16_t id = queue[first % QUEUE].id;

		if (message.header.id != id || message.fd_count != queue[first % QUEUE].fds)
			return false;
		for (unsigned int i = 0; i < message.fd_count; i++) {
			if (get_mark(message.fds[i]) != id * 100u + i)
				return false;
		}
		umd_conn_consume(&f.conn, &message);
		first++;
	}
	return true;
}

static long run_any(uint64_t seed)
{
	first = last = 0;
	for (long step = 0; step < 3000; step++) {
		for (uint64_t n = unit_below(&seed, 6); n && last - first < 100; n--)
			send_any(&seed);
		for (uint64_t n = unit_below(&seed, 6); n; n--)
			umd_conn_receive(&f.conn);
		if (unit_below(&seed, 2) && !take_any())
			return step;
	}
	while (first != last) {
		umd_conn_receive(&f.conn);
		if (!take_any())
			return 3000;
	}
	return count_held() ? 3001 : -1;
}

static void test_fds_find_their_messages_in_any_order_of_sends_and_receives(void **state)
{
	unit_run_seeds(run_any);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_only_some_messages_carry_fds),
		TEST(test_only_some_replies_carry_fds),
		TEST(test_fd_that_was_taken_outlives_its_message),
		TEST(test_fds_are_closed_on_exec),
		TEST(test_fds_belong_to_the_last_message_of_their_receive_that_can_carry_them),
		TEST(test_fds_belong_to_the_last_message_of_their_send_that_can_carry_them),
		TEST(test_pipelined_maps_keep_their_fds),
		TEST(test_map_after_a_map_with_an_fd_has_none),
		TEST(test_fds_of_later_messages_stay_while_one_is_in_hand),
		TEST(test_receive_with_fds_tells_whether_it_left_something),
		TEST(test_end_behind_a_receive_with_fds_is_something),
		TEST(test_fds_find_a_message_whose_beginning_they_came_with),
		TEST(test_fds_find_a_message_whose_end_they_came_with),
		TEST(test_fds_with_a_header_in_pieces_pass_the_messages_before_it),
		TEST(test_fds_of_all_pieces_of_a_message_are_its_own),
		TEST(test_fds_of_a_message_too_large_are_closed),
		TEST(test_message_in_pieces_that_brings_too_many_fds_is_refused),
		TEST(test_so_is_one_that_brings_them_in_two_heaps),
		TEST(test_heap_of_fds_with_one_message_is_taken),
		TEST(test_messages_with_fds_behind_one_in_hand_wait_when_the_box_is_full),
		TEST(test_fds_that_were_lost_are_told_and_the_others_closed),
		TEST(test_fds_find_their_messages_in_any_order_of_sends_and_receives),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("conn_fds", tests, NULL, NULL);
}
