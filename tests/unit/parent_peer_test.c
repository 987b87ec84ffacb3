/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link whose parent is not in its right mind: the test is the parent, whose bytes are written by
 * hand. What cannot be ends the link, and nothing else. Answers lie in the socket before they are
 * asked for; the link numbers its questions from 1.
 */
#include "parent_raw.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define OFFER 320u

static int peer, idle_fds;
static struct umd_link *link_;
static unsigned int losses;

static void put_zeros(struct raw *raw, size_t size)
{
	raw->size += size;
}

static void put_offer(struct raw *raw)
{
	put_zeros(raw, 256);
	put32(raw, ENTRY);
	put_zeros(raw, OFFER - 256 - 4);
}

static struct raw make_welcome(uint32_t version, int result, const char *text)
{
	struct raw raw = raw_begin(HELLO, 0, 1);

	put32(&raw, version);
	put32(&raw, (uint32_t)result);
	memcpy(raw.bytes + raw.size, text, strlen(text));
	put_zeros(&raw, 232);
	put_offer(&raw);
	return raw;
}

static struct raw make_info(uint32_t id)
{
	struct raw raw = raw_begin(INFO, 0, id);

	put_offer(&raw);
	return raw;
}

static void put_done(struct raw *raw, uint32_t id, int result, uint32_t value)
{
	put32(raw, id);
	put32(raw, (uint32_t)result);
	put32(raw, value);
	put32(raw, 0);
}

static struct raw make_done(uint32_t id, int result, uint32_t value)
{
	struct raw raw = raw_begin(DONE, 0, 0);

	put32(&raw, 1);
	put32(&raw, 0);
	put_done(&raw, id, result, value);
	return raw;
}

static struct raw make_event(uint16_t type, uint32_t queue, uint32_t size)
{
	struct raw raw = raw_begin(type, 0, 0);

	put32(&raw, queue);
	put32(&raw, 0);
	put32(&raw, 0);
	put32(&raw, size);
	put_zeros(&raw, 64);
	return raw;
}

static struct raw make_opened(uint32_t id, uint32_t depth, uint32_t entry_size)
{
	struct raw raw = raw_begin(OPEN_QUEUE, 0, id);

	put32(&raw, 9);
	put32(&raw, depth);
	put32(&raw, entry_size);
	put32(&raw, 0);
	return raw;
}

static void lost(void *data)
{
	losses++;
}

/* What the parent says first is `welcome`. */
static int connect_to(const struct raw *welcome, struct umd_error *error)
{
	int pair[2], err;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	peer = pair[0];
	if (welcome)
		raw_send(peer, welcome);
	err = umd_link_connect_fd(pair[1], &link_, error);
	if (err)
		close(pair[1]);
	return err;
}

static void connect_well(void)
{
	static const struct umd_link_ops ops = {.lost = lost};
	const struct raw welcome = make_welcome(1, 0, "");

	losses = 0;
	assert_int_equal(connect_to(&welcome, NULL), 0);
	umd_link_set_ops(link_, &ops, NULL);
}

static void disconnect(void)
{
	close(peer);
	umd_link_close(link_);
	link_ = NULL;
}

static int setup(void **state)
{
	idle_fds = unit_count_fds();
	connect_well();
	return 0;
}

static int teardown(void **state)
{
	disconnect();
	assert_int_equal(unit_count_fds(), idle_fds);
	return 0;
}

static int get_info(void)
{
	struct umd_parent_info info = {.size = sizeof(info)};

	return umd_link_get_info(link_, &info);
}

static void expect_lost(void)
{
	struct pollfd ready = {.fd = umd_link_fd(link_), .events = POLLIN};

	assert_int_equal(get_info(), -ENOTCONN);
	assert_int_equal(poll(&ready, 1, 0), 1);
	assert_int_equal(umd_link_dispatch(link_), -ENOTCONN);
	assert_int_equal(losses, 1);
	assert_int_equal(poll(&ready, 1, 0), 0);
}

/* ---- The beginning ------------------------------------------------------------------------- */

static void expect_connect(const struct raw *welcome, int result, const char *text)
{
	struct umd_error error = {.code = 0};

	disconnect();
	assert_int_equal(connect_to(welcome, &error), result);
	assert_null(link_);
	assert_int_equal(error.code, result);
	assert_string_equal(error.text, text);
	close(peer);
	connect_well();
}

static void test_parent_that_refuses_says_why(void **state)
{
	const struct raw welcome = make_welcome(1, -ENOSPC, "nothing is left");

	expect_connect(&welcome, -ENOSPC, "nothing is left");
}

static void test_parent_of_another_version_is_none(void **state)
{
	struct raw welcome = make_welcome(2, 0, "");

	expect_connect(&welcome, -EPROTO, "the parent speaks version 2 of the protocol");
	welcome = make_done(1, -EPROTONOSUPPORT, 0);
	expect_connect(&welcome, -EPROTONOSUPPORT, "the parent refuses the connection");
}

static void test_what_does_not_say_hello_is_no_parent(void **state)
{
	static const char text[] = "the parent does not speak the protocol";
	struct raw raw = make_welcome(1, 0, "");

	raw.size--;
	expect_connect(&raw, -EPROTO, text);
	raw.size += 2;
	expect_connect(&raw, -EPROTO, text);
	raw = make_welcome(1, 1, "");
	expect_connect(&raw, -EPROTO, text);
	raw = make_welcome(1, 0, "");
	memset(raw.bytes + 16, 'x', 232); /* without an end */
	expect_connect(&raw, -EPROTO, text);
	raw = make_welcome(1, 0, "");
	memset(raw.bytes + 16 + 232, 'x', 32);
	expect_connect(&raw, -EPROTO, text);
	raw = make_welcome(1, 0, "");
	raw.fds[raw.fd_count++] = STDIN_FILENO;
	expect_connect(&raw, -EPROTO, text);
	raw = make_info(1);
	expect_connect(&raw, -EPROTO, text);
	raw.size = 0;
	expect_connect(&raw, -EPROTO, text);
}

static void test_parent_that_says_nothing_is_none(void **state)
{
	expect_connect(NULL, -ETIMEDOUT, "the parent does not answer");
}

static void test_socket_that_does_not_wait_is_waited_for(void **state)
{
	disconnect();
	connect_well();
	assert_int_equal(fcntl(umd_link_fd(link_), F_GETFD), FD_CLOEXEC);
	disconnect();
	{
		const struct raw welcome = make_welcome(1, 0, "");
		int pair[2];

		assert_int_equal(
			socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			0);
		peer = pair[0];
		raw_send(peer, &welcome);
		assert_int_equal(umd_link_connect_fd(pair[1], &link_, NULL), 0);
	}
	assert_int_equal(get_info(), -ENOTCONN); /* after the time that an answer has */
}

/* ---- Answers ------------------------------------------------------------------------------- */

#define NONSENSE 18u

static struct raw make_nonsense(unsigned int which)
{
	struct raw raw = make_done(2, 0, 0);

	switch (which) {
	case 0: /* nobody asked */
		return make_done(3, 0, 0);
	case 1:
		return make_done(2, 1, 0);
	case 2:
		raw.bytes[8] = 0; /* none */
		return raw;
	case 3:
		raw.bytes[8] = 2; /* of which one is there */
		return raw;
	case 4:
		raw.bytes[8] = 65;
		for (int i = 1; i < 65; i++)
			put_done(&raw, 0, 0, 0);
		return raw;
	case 5:
		raw.size = 12;
		return raw;
	case 6:
		raw.fds[raw.fd_count++] = STDIN_FILENO;
		return raw;
	case 7:
		return make_info(3);
	case 8:
		raw = make_info(2);
		raw.size--;
		return raw;
	case 9:
		raw = make_info(2);
		memset(raw.bytes + 8, 'x', 256);
		return raw;
	case 10:
		raw = make_opened(2, 4, ENTRY);
		raw.fds[0] = raw.fds[1] = STDIN_FILENO;
		raw.fd_count = 2;
		return raw;
	case 11:
		return make_event(NOTED, 1, 65);
	case 12:
		raw = make_event(HALTED, 1, 0);
		raw.size--;
		return raw;
	case 13:
		return raw_two(REVOKED, 0, 0, 0);
	case 14:
		return raw_two(REVOKED, 0, 65, 0);
	case 15:
		return raw_begin(99, 0, 2);
	case 16:
		raw.size = 4097;
		return raw;
	default:
		raw.fd_count = 40;
		for (int i = 0; i < 40; i++)
			raw.fds[i] = STDIN_FILENO;
		return raw;
	}
}

static void test_nonsense_ends_the_link(void **state)
{
	for (unsigned int i = 0; i < NONSENSE; i++) {
		const struct raw raw = make_nonsense(i);

		raw_send(peer, &raw);
		assert_int_equal(get_info(), -ENOTCONN);
		expect_lost();
		disconnect();
		connect_well();
		raw_send(peer, &raw);
		assert_int_equal(umd_link_dispatch(link_), -ENOTCONN);
		assert_int_equal(losses, 1);
		disconnect();
		connect_well();
	}
}

static void test_second_event_that_does_not_wait_ends_the_link(void **state)
{
	const struct raw event = make_event(NOTED, 1, 5), info = make_info(2);

	raw_send(peer, &event);
	raw_send(peer, &info);
	assert_int_equal(get_info(), 0);
	raw_send(peer, &event);
	assert_int_equal(get_info(), -ENOTCONN);
	expect_lost();
}

static void test_error_of_what_was_posted_ends_nothing(void **state)
{
	const struct raw done = make_done(0, -ENOENT, 0), info = make_info(2);

	raw_send(peer, &done);
	raw_send(peer, &info);
	assert_int_equal(get_info(), 0);
}

static void test_vectors_that_the_link_has_not_got_are_no_news(void **state)
{
	struct raw raw = raw_two(REVOKED, 0, 2, 0);
	const struct raw info = make_info(2);

	put32(&raw, 0);
	put32(&raw, UINT32_MAX);
	raw_send(peer, &raw);
	raw_send(peer, &info);
	assert_int_equal(get_info(), 0);
	assert_int_equal(umd_link_dispatch(link_), 0);
}

/* News are no answer, however many there are. */
static void test_news_do_not_put_off_the_end(void **state)
{
	struct raw raw = raw_two(REVOKED, 0, 1, 0);

	put32(&raw, 5);
	for (int i = 0; i < 100; i++)
		raw_send(peer, &raw);
	assert_int_equal(get_info(), -ENOTCONN);
	expect_lost();
}

/* ---- Queues -------------------------------------------------------------------------------- */

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int make_ring(size_t size, int seals)
{
	int fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int open_queue(const struct raw *opened, int ring, struct umd_queue **ret)
{
	const struct umd_queue_options options = queue_options(4);
	struct raw raw = *opened;
	int event = rig_eventfd(), err;

	raw.fds[0] = ring;
	raw.fds[1] = event;
	raw.fd_count = 2;
	raw_send(peer, &raw);
	close(ring);
	close(event);
	err = umd_queue_open(link_, &options, ret);
	return err;
}

static void expect_no_queue(const struct raw *opened, int ring)
{
	struct umd_queue *queue = NULL;

	assert_int_equal(open_queue(opened, ring, &queue), -EPROTO);
	assert_null(queue);
	expect_lost();
	disconnect();
	connect_well();
}

static void test_ring_that_cannot_be_ends_the_link(void **state)
{
	const size_t size = 4096 + 4 * ENTRY;
	struct raw opened = make_opened(2, 4, ENTRY);

	expect_no_queue(&opened, make_ring(size - 1, SEALS));
	expect_no_queue(&opened, make_ring(size + 1, SEALS));
	expect_no_queue(&opened, make_ring(size, 0));
	expect_no_queue(&opened, rig_eventfd());
	opened = make_opened(2, 3, ENTRY);
	expect_no_queue(&opened, make_ring(4096 + 3 * ENTRY, SEALS));
	opened = make_opened(2, 0, ENTRY);
	expect_no_queue(&opened, make_ring(4096, SEALS));
	opened = make_opened(2, 1u << 31, ENTRY);
	expect_no_queue(&opened, make_ring(size, SEALS));
	opened = make_opened(2, 4, ENTRY / 2);
	expect_no_queue(&opened, make_ring(4096 + 2 * ENTRY, SEALS));
}

static void test_ring_that_can_be_is_used(void **state)
{
	const struct raw opened = make_opened(2, 4, ENTRY), closed = make_done(3, 0, 0);
	int ring = make_ring(4096 + 4 * ENTRY, SEALS), copy = dup(ring);
	struct umd_queue *queue = NULL;
	uint32_t head = 77, tail = 0;

	assert_int_equal(open_queue(&opened, ring, &queue), 0);
	assert_int_equal(submit(queue, 1), 1);
	assert_int_equal(pread(copy, &tail, sizeof(tail), 0), sizeof(tail));
	assert_int_equal(tail, 1);
	assert_int_equal(pwrite(copy, &head, sizeof(head), 64), sizeof(head)); /* cannot be */
	assert_int_equal(umd_queue_room(queue), 0);
	for (int i = 1; i < 4; i++)
		submit(queue, 1);
	assert_int_equal(submit(queue, 1), 0);
	raw_send(peer, &closed);
	umd_queue_close(queue);
	close(copy);
}

/* ---- Noise --------------------------------------------------------------------------------- */

static struct raw make_noise(uint64_t *seed, uint32_t id)
{
	struct raw raw;
	unsigned int flips;

	switch (unit_below(seed, 4)) {
	case 0:
		raw = make_info(id);
		break;
	case 1:
		raw = make_done(id, -EIO, 1);
		break;
	case 2:
		raw = make_event(NOTED, 1, 8);
		break;
	default:
		raw = make_nonsense((unsigned int)unit_below(seed, NONSENSE));
	}
	for (flips = (unsigned int)unit_below(seed, 3); flips; flips--)
		raw.bytes[unit_below(seed, 24)] = (uint8_t)unit_random(seed);
	return raw;
}

static long run_noise(uint64_t seed)
{
	uint32_t id = 2;

	for (long step = 0; step < 2000; step++, id++) {
		const struct raw noise = make_noise(&seed, id), nothing = {.size = 0};
		struct raw question;
		int err;

		raw_send(peer, &noise);
		raw_send(peer, &nothing); /* the end, so that nobody waits */
		err = get_info();
		if (err > 0)
			return step;
		umd_link_dispatch(link_);
		while (raw_try_receive(peer, &question) > 0)
			;
		disconnect();
		connect_well();
		id = 1;
	}
	return -1;
}

static void test_noise_is_survived(void **state)
{
	unit_run_seed(run_noise, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parent_that_refuses_says_why),
		TEST(test_parent_of_another_version_is_none),
		TEST(test_what_does_not_say_hello_is_no_parent),
		TEST(test_parent_that_says_nothing_is_none),
		TEST(test_socket_that_does_not_wait_is_waited_for),
		TEST(test_nonsense_ends_the_link),
		TEST(test_second_event_that_does_not_wait_ends_the_link),
		TEST(test_error_of_what_was_posted_ends_nothing),
		TEST(test_vectors_that_the_link_has_not_got_are_no_news),
		TEST(test_news_do_not_put_off_the_end),
		TEST(test_ring_that_cannot_be_ends_the_link),
		TEST(test_ring_that_can_be_is_used),
		TEST(test_noise_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
