/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving: whole messages come out in order and unharmed, however the stream was cut; what cannot
 * be true is told, and what is too large is passed over.
 */
#include "conn_fixture.h"

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

/* ---- Cuts ---------------------------------------------------------------------------------- */

/* Takes the messages there are; they must be the next ones after `*taken`. */
static void take_some(uint16_t *taken)
{
	struct umd_message message;
	int more;

	while ((more = umd_conn_next(&f.conn, &message)) == 1) {
		assert_int_equal(message.header.id, ++*taken);
		assert_true(conn_is_pattern(*taken, message.payload, message.size));
		umd_conn_consume(&f.conn, &message);
	}
	assert_int_equal(more, 0);
}

static void send_and_take(const uint8_t *from, const uint8_t *to, uint16_t *taken)
{
	if (from == to)
		return;
	conn_send_all(&f, from, (size_t)(to - from));
	assert_int_equal(umd_conn_receive(&f.conn), to - from);
	take_some(taken);
}

/* Three messages, the first without a payload. */
static uint8_t *build_three(uint8_t *bytes)
{
	uint8_t *end = conn_build(bytes, 1, UMD_WIRE_DEVICE_RESET, 0, 16);

	end = conn_build(end, 2, UMD_WIRE_REGION_READ, 0, 32);
	return conn_build(end, 3, UMD_WIRE_REGION_WRITE, 0, 57);
}

static void test_messages_survive_every_cut_in_three(void **state)
{
	uint8_t bytes[128];
	const uint8_t *end = build_three(bytes);

	for (const uint8_t *first = bytes; first <= end; first++) {
		for (const uint8_t *second = first; second <= end; second++) {
			uint16_t taken = 0;

			send_and_take(bytes, first, &taken);
			send_and_take(first, second, &taken);
			send_and_take(second, end, &taken);
			assert_int_equal(taken, 3);
		}
	}
}

static void test_messages_survive_coming_byte_by_byte(void **state)
{
	uint8_t bytes[128];
	const uint8_t *end = build_three(bytes);
	uint16_t taken = 0;

	for (const uint8_t *at = bytes; at < end; at++)
		send_and_take(at, at + 1, &taken);
	assert_int_equal(taken, 3);
}

static void test_one_receive_takes_many_messages(void **state)
{
	uint8_t bytes[1000 * 24], *end = bytes;
	uint16_t taken = 0;

	for (uint16_t id = 1; id <= 1000; id++)
		end = conn_build(end, id, UMD_WIRE_REGION_READ, 0, 24);
	conn_send_all(&f, bytes, sizeof(bytes));
	assert_int_equal(umd_conn_receive(&f.conn), sizeof(bytes));
	take_some(&taken);
	assert_int_equal(taken, 1000);
}

static void test_receive_that_was_filled_may_have_left_something(void **state)
{
	static uint8_t bytes[100000];
	int n;

	conn_build(bytes, 1, UMD_WIRE_REGION_WRITE, 0, sizeof(bytes));
	conn_send_all(&f, bytes, 50000);
	conn_send_all(&f, bytes + 50000, 50000);
	n = umd_conn_receive(&f.conn);
	assert_true(n > 0 && n < 100000);
	assert_true(umd_conn_has_more(&f.conn));
	assert_int_equal(umd_conn_receive(&f.conn), 100000 - n);
	assert_false(umd_conn_has_more(&f.conn));
	conn_take(&f, 1, 0);
}

static void test_nothing_there_is_no_end(void **state)
{
	assert_int_equal(umd_conn_receive(&f.conn), -EAGAIN);
	conn_expect_none(&f);
	close(f.peer);
	f.peer = -1;
	assert_int_equal(umd_conn_receive(&f.conn), 0);
	conn_expect_none(&f);
}

/* ---- Headers that cannot be true ----------------------------------------------------------- */

static void test_size_below_a_header_is_told_with_the_header(void **state)
{
	for (uint32_t size = 0; size < CONN_HEADER; size++) {
		struct umd_wire_header header = {.id = 9, .command = 4, .size = size};
		struct umd_message message;

		conn_send_all(&f, &header, sizeof(header));
		assert_int_equal(umd_conn_receive(&f.conn), sizeof(header));
		assert_int_equal(umd_conn_next(&f.conn, &message), -EBADMSG);
		assert_int_equal(message.header.id, 9);
		assert_int_equal(umd_conn_next(&f.conn, &message), -EBADMSG);
		conn_stop(&f);
		conn_start(&f);
	}
}

/* Sends a header that claims `size` bytes, and takes note of the message that is too large. */
static void send_too_large(uint32_t size)
{
	struct umd_wire_header header = {.id = 9, .command = UMD_WIRE_DMA_MAP, .size = size};
	struct umd_message message;

	conn_send_all(&f, &header, sizeof(header));
	assert_int_equal(umd_conn_receive(&f.conn), sizeof(header));
	assert_int_equal(umd_conn_next(&f.conn, &message), -EMSGSIZE);
	assert_int_equal(message.header.id, 9);
	assert_int_equal(message.header.size, size);
	umd_conn_consume(&f.conn, &message);
	conn_expect_none(&f);
}

/* The rest of a body, in chunks that end at any place; the next message follows at once. */
static void send_rest(size_t rest, size_t chunk)
{
	uint8_t bytes[40000], *end = bytes;

	memset(bytes, 0xff, sizeof(bytes));
	while (rest > chunk) {
		conn_send_all(&f, bytes, chunk);
		assert_int_equal(umd_conn_receive(&f.conn), chunk);
		conn_expect_none(&f);
		rest -= chunk;
	}
	end = conn_build(bytes + rest, 10, UMD_WIRE_GET_INFO, 0, 64);
	conn_send_all(&f, bytes, (size_t)(end - bytes));
	assert_int_equal(umd_conn_receive(&f.conn), end - bytes);
	conn_take(&f, 10, 0);
	conn_expect_none(&f);
}

static void test_message_too_large_is_told_once_and_passed_over(void **state)
{
	static const size_t chunks[] = {1009, 4096, 32768, 39000};

	for (size_t i = 0; i < UNIT_COUNT(chunks); i++) {
		send_too_large(MAX + 1);
		send_rest(MAX + 1 - CONN_HEADER, chunks[i]);
		send_too_large(3 * MAX);
		send_rest(3 * MAX - CONN_HEADER, chunks[i]);
	}
}

static void test_messages_too_large_follow_each_other(void **state)
{
	uint8_t zeros[32768] = {0};

	for (int i = 0; i < 3; i++) {
		size_t rest = MAX + 1 - CONN_HEADER;

		send_too_large(MAX + 1);
		while (rest) {
			size_t n = rest < sizeof(zeros) ? rest : sizeof(zeros);

			conn_send_all(&f, zeros, n);
			assert_int_equal(umd_conn_receive(&f.conn), n);
			conn_expect_none(&f);
			rest -= n;
		}
	}
}

static void test_size_of_four_gigabytes_does_not_wrap(void **state)
{
	uint8_t bytes[32768];

	send_too_large(UINT32_MAX);
	memset(bytes, 0, sizeof(bytes));
	for (int i = 0; i < 100; i++) {
		conn_send_all(&f, bytes, sizeof(bytes));
		assert_int_equal(umd_conn_receive(&f.conn), sizeof(bytes));
		conn_expect_none(&f);
	}
}

/* ---- A message in hand --------------------------------------------------------------------- */

/* Sends what fits into the socket. */
static size_t send_until_full(const uint8_t *bytes, size_t size)
{
	size_t sent = 0;

	while (sent < size) {
		size_t n = size - sent < 20000 ? size - sent : 20000;
		ssize_t done = conn_send(f.peer, bytes + sent, n, NULL, 0);

		if (done < 0)
			break;
		sent += (size_t)done;
	}
	return sent;
}

static void test_message_in_hand_stays_where_it_is_while_the_buffer_fills(void **state)
{
	const uint16_t count = 3000;
	size_t size = count * 1000u, sent = 1000;
	uint8_t *bytes = conn_big_buffer(size), *end = bytes;
	struct umd_message message;
	uint16_t taken = 1;
	int n;

	for (uint16_t id = 1; id <= count; id++)
		end = conn_build(end, id, UMD_WIRE_REGION_WRITE, 0, 1000);
	conn_send_all(&f, bytes, sent);
	assert_int_equal(umd_conn_receive(&f.conn), 1000);
	conn_expect(&f, 1, 0, &message);
	do {
		sent += send_until_full(bytes + sent, size - sent);
		n = umd_conn_receive(&f.conn);
	} while (n > 0);
	assert_int_equal(n, -ENOBUFS);
	assert_int_equal(umd_conn_receive(&f.conn), -ENOBUFS);
	assert_true(conn_is_pattern(1, message.payload, message.size));

	umd_conn_consume(&f.conn, &message);
	while (taken < count) {
		take_some(&taken);
		sent += send_until_full(bytes + sent, size - sent);
		if (taken < count)
			assert_true(umd_conn_receive(&f.conn) > 0);
	}
	free(bytes);
}

static void
test_commands_behind_the_message_in_hand_are_seen_once_their_header_is_whole(void **state)
{
	uint8_t bytes[64], *end = conn_build(bytes, 1, UMD_WIRE_REGION_READ, 0, 32);
	struct umd_message message;

	conn_build(end, 2, UMD_WIRE_DEVICE_RESET, 0, 16);
	conn_send_all(&f, bytes, 32);
	umd_conn_receive(&f.conn);
	conn_expect(&f, 1, 0, &message);
	for (size_t i = 32; i < 48; i++) {
		assert_false(umd_conn_has_behind(&f.conn, &message, UMD_WIRE_DEVICE_RESET));
		conn_send_all(&f, &bytes[i], 1);
		assert_int_equal(umd_conn_receive(&f.conn), 1);
	}
	assert_true(umd_conn_has_behind(&f.conn, &message, UMD_WIRE_DEVICE_RESET));
	assert_false(umd_conn_has_behind(&f.conn, &message, UMD_WIRE_REGION_READ));
}

static void test_looking_behind_ends_at_a_size_that_cannot_be_true(void **state)
{
	static const uint32_t sizes[] = {0, 15, 1 << 30, UINT32_MAX};

	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		struct umd_wire_header strange = {.command = UMD_WIRE_GET_INFO, .size = sizes[i]};
		uint8_t bytes[64];
		struct umd_message message;

		conn_build(bytes, 1, UMD_WIRE_REGION_READ, 0, 32);
		memcpy(bytes + 32, &strange, sizeof(strange));
		conn_build(bytes + 48, 2, UMD_WIRE_DEVICE_RESET, 0, 16);
		conn_send_all(&f, bytes, sizeof(bytes));
		umd_conn_receive(&f.conn);
		conn_expect(&f, 1, 0, &message);
		assert_false(umd_conn_has_behind(&f.conn, &message, UMD_WIRE_DEVICE_RESET));
		conn_stop(&f);
		conn_start(&f);
	}
}

static void test_looking_behind_walks_the_whole_messages_there_are(void **state)
{
	struct umd_message message, behind;
	uint64_t position = 0;
	uint8_t bytes[160], *end;

	end = conn_build(bytes, 1, UMD_WIRE_GET_INFO, 0, 16);
	end = conn_build(end, 2, UMD_WIRE_REGION_READ, 0, 32);
	end = conn_build(end, 3, UMD_WIRE_DMA_READ, UMD_WIRE_TYPE_REPLY, 64);
	end = conn_build(end, 4, UMD_WIRE_DMA_WRITE, UMD_WIRE_TYPE_REPLY, 48);
	conn_send_all(&f, bytes, (size_t)(end - bytes) - 1);
	umd_conn_receive(&f.conn);
	conn_take(&f, 1, 0);
	conn_expect(&f, 2, 0, &message);

	assert_true(umd_conn_look_behind(&f.conn, &message, &position, &behind));
	assert_int_equal(behind.header.id, 3);
	assert_int_equal(behind.size, 48);
	assert_true(conn_is_pattern(3, behind.payload, behind.size));
	assert_int_equal(behind.fd_count, 0);
	assert_int_equal(position, 16 + 32 + 64);
	assert_false(umd_conn_look_behind(&f.conn, &message, &position, &behind));
	conn_send_all(&f, end - 1, 1);
	umd_conn_receive(&f.conn);
	assert_true(umd_conn_look_behind(&f.conn, &message, &position, &behind));
	assert_int_equal(behind.header.id, 4);
	assert_false(umd_conn_look_behind(&f.conn, &message, &position, &behind));
	umd_conn_consume(&f.conn, &message);
	conn_take(&f, 3, 0);
	conn_expect(&f, 4, 0, &message);
	assert_false(umd_conn_look_behind(&f.conn, &message, &position, &behind));
	umd_conn_consume(&f.conn, &message);
}

static void test_walking_behind_ends_at_a_size_that_cannot_be_true(void **state)
{
	static const uint32_t sizes[] = {0, 15, 1 << 30, UINT32_MAX};

	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		struct umd_wire_header strange = {.command = UMD_WIRE_GET_INFO, .size = sizes[i]};
		struct umd_message message, behind;
		uint64_t position = 0;
		uint8_t bytes[64];

		conn_build(bytes, 1, UMD_WIRE_REGION_READ, 0, 32);
		memcpy(bytes + 32, &strange, sizeof(strange));
		conn_build(bytes + 48, 2, UMD_WIRE_DMA_READ, UMD_WIRE_TYPE_REPLY, 16);
		conn_send_all(&f, bytes, sizeof(bytes));
		umd_conn_receive(&f.conn);
		conn_expect(&f, 1, 0, &message);
		assert_false(umd_conn_look_behind(&f.conn, &message, &position, &behind));
		assert_int_equal(position, 0);
		conn_stop(&f);
		conn_start(&f);
	}
}

static void test_payload_is_read_within_its_bounds_only(void **state)
{
	const uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	const struct umd_message message = {.payload = payload, .size = sizeof(payload)};
	uint8_t to[16];

	assert_true(umd_message_get(&message, 0, to, 8));
	assert_memory_equal(to, payload, 8);
	assert_true(umd_message_get(&message, 7, to, 1));
	assert_int_equal(to[0], 8);
	assert_true(umd_message_get(&message, 8, to, 0));
	assert_false(umd_message_get(&message, 8, to, 1));
	assert_false(umd_message_get(&message, 0, to, 9));
	assert_false(umd_message_get(&message, 9, to, 0));
	assert_false(umd_message_get(&message, SIZE_MAX, to, 2));
	assert_false(umd_message_get(&message, 1, to, SIZE_MAX));
}

/* ---- Large messages ------------------------------------------------------------------------ */

static void test_largest_message_is_taken(void **state)
{
	uint8_t *bytes = conn_big_buffer(MAX);
	size_t sent = 0;
	uint16_t taken = 0;

	conn_build(bytes, 1, UMD_WIRE_REGION_WRITE, 0, MAX);
	while (sent < MAX) {
		sent += send_until_full(bytes + sent, MAX - sent);
		while (umd_conn_receive(&f.conn) > 0)
			;
		take_some(&taken);
	}
	assert_int_equal(taken, 1);
	free(bytes);
}

/* Sizes that make the buffer run over at many places: small, around a receive's, and large ones. */
static uint32_t draw_size(uint64_t *seed)
{
	switch (unit_below(seed, 8)) {
	case 0:
		return (uint32_t)(MAX - unit_below(seed, 2) * unit_below(seed, 100000));
	case 1:
		return (uint32_t)(65536 - 100 + unit_below(seed, 200));
	case 2:
		return (uint32_t)(512 - 20 + unit_below(seed, 40));
	case 3:
		return (uint32_t)(100000 + unit_below(seed, 400000));
	default:
		return (uint32_t)(CONN_HEADER + unit_below(seed, 300));
	}
}

/* A stream of messages, sent and received in pieces that have nothing to do with each other. */
static long run_stream(uint64_t seed)
{
	uint8_t *bytes = conn_big_buffer(MAX);
	uint16_t built = 0, taken = 0;
	size_t size = 0, sent = 0;
	long step = 0;

	for (; taken < 300 && step < 100000; step++) {
		if (sent == size && built < 300) {
			size = draw_size(&seed);
			conn_build(bytes, ++built, UMD_WIRE_REGION_WRITE, 0, (uint32_t)size);
			sent = 0;
		}
		if (sent < size) {
			size_t n = 1 + unit_below(&seed, 120000);
			ssize_t done = conn_send(f.peer, bytes + sent,
						 n < size - sent ? n : size - sent, NULL, 0);

			sent += done > 0 ? (size_t)done : 0;
		}
		for (uint64_t n = unit_below(&seed, 4); n; n--)
			umd_conn_receive(&f.conn);
		if (unit_below(&seed, 3))
			take_some(&taken);
	}
	free(bytes);
	return taken == 300 ? -1 : step;
}

static void test_messages_of_all_sizes_survive_any_pieces(void **state)
{
	unit_run_seeds(run_stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_messages_survive_every_cut_in_three),
		TEST(test_messages_survive_coming_byte_by_byte),
		TEST(test_one_receive_takes_many_messages),
		TEST(test_receive_that_was_filled_may_have_left_something),
		TEST(test_nothing_there_is_no_end),
		TEST(test_size_below_a_header_is_told_with_the_header),
		TEST(test_message_too_large_is_told_once_and_passed_over),
		TEST(test_messages_too_large_follow_each_other),
		TEST(test_size_of_four_gigabytes_does_not_wrap),
		TEST(test_message_in_hand_stays_where_it_is_while_the_buffer_fills),
		TEST(test_commands_behind_the_message_in_hand_are_seen_once_their_header_is_whole),
		TEST(test_looking_behind_ends_at_a_size_that_cannot_be_true),
		TEST(test_looking_behind_walks_the_whole_messages_there_are),
		TEST(test_walking_behind_ends_at_a_size_that_cannot_be_true),
		TEST(test_payload_is_read_within_its_bounds_only),
		TEST(test_largest_message_is_taken),
		TEST(test_messages_of_all_sizes_survive_any_pieces),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("conn_receive", tests, NULL, NULL);
}
