/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parent's socket and a client that means no good: whatever comes is refused by its own error,
 * changes nothing, costs nobody else anything, and leaves nothing behind.
 */
#include "parent_raw.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"

#define PAGE 4096u

static struct rig rig;
static struct umd_link *other; /* of another owner, in the parent's own process */
static uint32_t others_vector;
static int client, memory, event, idle_fds;

/* ---- A client and its parent --------------------------------------------------------------- */

static void pump(void)
{
	struct pollfd ready = {.fd = umd_parent_fd(rig.parent), .events = POLLIN};

	while (poll(&ready, 1, 0) == 1)
		assert_int_equal(umd_parent_dispatch(rig.parent, 0), 0);
}

static int connect_owner(uint32_t number)
{
	const struct umd_owner owner = rig_owner(number);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(umd_parent_accept(rig.parent, pair[0], &owner), 0);
	return pair[1];
}

/* Sends, has it handled, receives one message. */
static struct raw ask(const struct raw *raw)
{
	struct raw answer;

	raw_send(client, raw);
	pump();
	assert_true(raw_try_receive(client, &answer) > 0);
	return answer;
}

static int result_of(const struct raw *answer, uint32_t id)
{
	assert_int_equal(get16(answer, 0), DONE);
	assert_int_equal(get32(answer, 8), 1);
	assert_int_equal(answer->size, 32);
	assert_int_equal(get32(answer, 16), id);
	return (int)get32(answer, 20);
}

static int ask_result(const struct raw *raw, uint32_t id)
{
	const struct raw answer = ask(raw);

	return result_of(&answer, id);
}

static void expect_silence(void)
{
	struct raw answer;

	pump();
	assert_int_equal(raw_try_receive(client, &answer), -EAGAIN);
}

static void expect_end(void)
{
	struct raw answer;
	int n;

	pump();
	while ((n = raw_try_receive(client, &answer)) > 0)
		for (unsigned int i = 0; i < answer.fd_count; i++)
			close(answer.fds[i]);
	assert_true(n == 0 || n == -ECONNRESET);
}

static void say_hello(void)
{
	const struct raw hello = raw_two(HELLO, 1, 1, 0), answer = ask(&hello);

	assert_int_equal(get16(&answer, 0), HELLO);
	assert_int_equal(get32(&answer, 4), 1);
	assert_int_equal(get32(&answer, 8), 1);	 /* version */
	assert_int_equal(get32(&answer, 12), 0); /* result */
	assert_int_equal(answer.size, 568);
}

/* What the owner has left: queues, vectors. */
static void expect_left(uint32_t queues, uint32_t vectors)
{
	const struct raw info = raw_begin(INFO, 0, 77), answer = ask(&info);

	assert_int_equal(get16(&answer, 0), INFO);
	assert_int_equal(get32(&answer, 4), 77);
	assert_int_equal(answer.size, 328);
	assert_int_equal(get32(&answer, 8 + 256 + 16), queues);
	assert_int_equal(get32(&answer, 8 + 256 + 24), vectors);
}

/* A queue's number; its ring and doorbell are ours to close. */
static uint32_t open_queue(int ret_fds[2])
{
	const struct raw raw = raw_open(5, 4), answer = ask(&raw);

	assert_int_equal(get16(&answer, 0), OPEN_QUEUE);
	assert_int_equal(get32(&answer, 4), 5);
	assert_int_equal(get32(&answer, 12), 4);     /* depth */
	assert_int_equal(get32(&answer, 16), ENTRY); /* of bytes */
	assert_int_equal(answer.fd_count, 2);
	memcpy(ret_fds, answer.fds, 2 * sizeof(int));
	return get32(&answer, 8);
}

static uint32_t alloc_vector(void)
{
	const struct raw raw = raw_begin(ALLOC_VECTOR, 0, 6), answer = ask(&raw);

	assert_int_equal(result_of(&answer, 6), 0);
	return get32(&answer, 24);
}

static int setup(void **state)
{
	rig_init(&rig);
	other = rig_link(&rig, 1);
	others_vector = rig_vector(other, -1);
	memory = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(memory, 128 * PAGE), 0);
	event = rig_eventfd();
	idle_fds = unit_count_fds();
	client = connect_owner(2);
	say_hello();
	return 0;
}

/* Whatever the client has done: when it has gone, the owner can come again, and nothing is left. */
static int teardown(void **state)
{
	struct umd_link *next;

	close(client);
	unit_wait_closed(); /* it may have sent itself */
	pump();
	assert_int_equal(rig.author.opened, rig.author.closed);
	next = rig_link(&rig, 2);
	umd_link_close(next);
	assert_int_equal(unit_count_fds(), idle_fds);
	assert_int_equal(umd_link_is_pending(other, others_vector), 0);
	umd_link_close(other);
	close(memory);
	close(event);
	rig_finish(&rig);
	return 0;
}

/* ---- The beginning ------------------------------------------------------------------------- */

static void test_another_version_is_refused_and_may_ask_again(void **state)
{
	struct raw raw, answer;

	close(client);
	pump();
	client = connect_owner(2);
	raw = raw_two(HELLO, 9, 2, 0);
	answer = ask(&raw);
	assert_int_equal(get16(&answer, 0), HELLO);
	assert_int_equal(get32(&answer, 4), 9);
	assert_int_equal(get32(&answer, 8), 1);
	assert_int_equal((int)get32(&answer, 12), -EPROTONOSUPPORT);
	assert_string_equal((const char *)answer.bytes + 16,
			    "version 2 of the protocol is asked for, 1 is there");
	raw = raw_begin(INFO, 0, 3);
	assert_int_equal(ask_result(&raw, 3), -EPROTO);
	say_hello();
	expect_left(4, 4);
}

static void test_nothing_comes_before_hello_or_is_one_again(void **state)
{
	struct raw raw = raw_two(HELLO, 3, 1, 0);

	assert_int_equal(ask_result(&raw, 3), -EPROTO);
	close(client);
	pump();
	client = connect_owner(2);
	raw = raw_map(4, 0, memory);
	assert_int_equal(ask_result(&raw, 4), -EPROTO);
	raw = raw_begin(BYE, 0, 5);
	assert_int_equal(ask_result(&raw, 5), -EPROTO);
	say_hello();
}

static void test_second_connection_is_told_why_not_before_it_asks(void **state)
{
	const struct umd_owner owner = rig_owner(3);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/parent-XXXXXX";
	struct raw answer;
	int first, second;

	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir);
	assert_int_equal(umd_parent_listen(rig.parent, address.sun_path, &owner), 0);
	first = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	second = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(first, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(connect(second, (struct sockaddr *)&address, sizeof(address)), 0);
	pump();
	assert_int_equal(raw_try_receive(first, &answer), -EAGAIN);
	assert_int_equal(raw_try_receive(second, &answer), 568);
	assert_int_equal(get16(&answer, 0), HELLO);
	assert_int_equal(get32(&answer, 4), 0);
	assert_int_equal((int)get32(&answer, 12), -EBUSY);
	assert_string_equal((const char *)answer.bytes + 16, "owner 3 has a link already");
	assert_int_equal(raw_try_receive(second, &answer), 0);
	close(second);

	/* Who comes while the last one's end has not been seen yet is not turned away. */
	close(first);
	second = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(second, (struct sockaddr *)&address, sizeof(address)), 0);
	pump();
	assert_int_equal(raw_try_receive(second, &answer), -EAGAIN);
	close(second);
	pump();
	umd_parent_destroy(rig.parent); /* with the listener, and the doors */
	assert_int_equal(access(address.sun_path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0);
	umd_link_close(other);
	umd_ims_destroy(rig.ims);
	rig_init(&rig);
	other = rig_link(&rig, 1);
	others_vector = rig_vector(other, -1);
}

/* The connection waits, and nobody spins meanwhile. */
static void test_connection_waits_for_fds_to_be_had(void **state)
{
	const struct umd_owner owner = rig_owner(3);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/parent-XXXXXX";
	struct rlimit before, none;
	struct pollfd ready = {.fd = umd_parent_fd(rig.parent), .events = POLLIN};
	struct raw hello = raw_two(HELLO, 1, 1, 0), answer;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), times = 0;

	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir);
	assert_int_equal(umd_parent_listen(rig.parent, address.sun_path, &owner), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	raw_send(fd, &hello);
	for (uint64_t end = umd_now_ns() + 100000000; umd_now_ns() < end; times++) {
		poll(&ready, 1, 10);
		umd_parent_dispatch(rig.parent, 0);
	}
	assert_true(times < 50);
	assert_int_equal(raw_try_receive(fd, &answer), -EAGAIN);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 100 && raw_try_receive(fd, &answer) < 0; i++) {
		poll(&ready, 1, 10);
		umd_parent_dispatch(rig.parent, 0);
	}
	assert_int_equal(get16(&answer, 0), HELLO);
	close(fd);
	pump();
	assert_int_equal(unlink(address.sun_path), 0);
	assert_int_equal(rmdir(dir), 0);
	idle_fds += 2; /* the listener, and its timer */
}

/* ---- Shapes -------------------------------------------------------------------------------- */

#define KINDS 16u

/* One message of each type that would do something, were it right. */
static struct raw make(unsigned int kind, uint32_t queue, uint32_t vector)
{
	struct raw raw;

	switch (kind) {
	case 0:
		return raw_two(HELLO, 50, 1, 0);
	case 1:
		return raw_begin(INFO, 0, 50);
	case 2:
		return raw_map(50, 0x40000, memory);
	case 3:
		return raw_unmap(50, 0, PAGE);
	case 4:
		return raw_begin(ALLOC_VECTOR, 0, 50);
	case 5:
		return raw_two(FREE_VECTOR, 50, vector, 0);
	case 6:
		raw = raw_two(SET_EVENTFD, 50, vector, 1);
		raw.fds[raw.fd_count++] = event;
		return raw;
	case 7:
		return raw_two(SET_EVENTFD, 50, vector, 0);
	case 8:
		return raw_two(SET_MASK, 50, vector, 1);
	case 9:
		return raw_two(IS_PENDING, 50, vector, 0);
	case 10:
		raw = raw_begin(OPEN_QUEUE, 0, 50);
		put32(&raw, 0);
		put32(&raw, 4);
		put32(&raw, 1);
		put32(&raw, 8);
		put64(&raw, 1);
		return raw;
	case 11:
		return raw_two(CLOSE_QUEUE, 50, queue, 0);
	case 12:
		return raw_two(COMMAND, 50, queue, UMD_QUEUE_DRAIN);
	case 13:
		return raw_two(GET_REGION, 50, 0, 1);
	case 14:
		return raw_two(PUT_REGION, 50, 0, 0);
	default:
		return raw_begin(BYE, 0, 50);
	}
}

/* A client with a queue, a vector with an eventfd, and a page mapped at 0. */
struct state {
	uint32_t queue, vector;
	int fds[2];
};

static struct state equip(void)
{
	struct state it;
	struct raw raw;

	it.queue = open_queue(it.fds);
	it.vector = alloc_vector();
	raw = raw_two(SET_EVENTFD, 0, it.vector, 1);
	raw.fds[raw.fd_count++] = event;
	raw_send(client, &raw);
	raw = raw_map(2, 0, memory);
	assert_int_equal(ask_result(&raw, 2), 0);
	return it;
}

/* All that was there is there and as it was: the map, the vector, the queue. */
static void expect_intact(const struct state *it)
{
	struct raw raw = raw_map(3, 0, memory);

	assert_int_equal(ask_result(&raw, 3), -EEXIST);
	raw = raw_unmap(3, 0x40000, PAGE);
	assert_int_equal(ask_result(&raw, 3), 0);
	assert_int_equal(umd_dma_space_read(umd_work_space(rig.author.work), 0x40000, &raw, 1),
			 -EFAULT);
	expect_left(3, 3);
	assert_int_equal(umd_work_trigger(rig.author.work, it->vector), 0);
	assert_int_equal(unit_take_events(event), 1);
	assert_int_equal(rig.author.command, -1);
	expect_silence();
}

static void leave(const struct state *it)
{
	close(it->fds[0]);
	close(it->fds[1]);
}

static void test_messages_of_another_length_do_nothing(void **state)
{
	const struct state it = equip();

	for (unsigned int kind = 0; kind < KINDS; kind++) {
		const struct raw whole = make(kind, it.queue, it.vector);

		for (size_t size = 1; size < whole.size + 20; size++) {
			struct raw raw = whole;
			int result;

			raw.size = size;
			if (size == whole.size)
				continue;
			result = ask_result(&raw, size < 8 ? 0 : 50);
			assert_true(result == -EBADMSG);
		}
	}
	expect_intact(&it);
	leave(&it);
}

static void test_message_that_is_too_long_does_nothing(void **state)
{
	const struct state it = equip();

	for (unsigned int kind = 0; kind < KINDS; kind++) {
		struct raw raw = make(kind, it.queue, it.vector);

		raw.size = 4097;
		assert_int_equal(ask_result(&raw, 0), -EMSGSIZE);
		raw.size = sizeof(raw.bytes);
		assert_int_equal(ask_result(&raw, 0), -EMSGSIZE);
	}
	expect_intact(&it);
	leave(&it);
}

static void test_messages_with_more_or_fewer_fds_do_nothing(void **state)
{
	static const unsigned int more[] = {1, 2, 64, FDS_MAX - 1};
	const struct state it = equip();

	for (unsigned int kind = 1; kind < KINDS; kind++) {
		const struct raw whole = make(kind, it.queue, it.vector);
		struct raw raw = whole;

		for (unsigned int i = 0; i < UNIT_COUNT(more); i++) {
			raw = whole;
			while (raw.fd_count < whole.fd_count + more[i])
				raw.fds[raw.fd_count++] = i % 2 ? memory : event;
			assert_int_equal(ask_result(&raw, 50), -EBADF);
		}
		raw = whole;
		raw.fd_count = 0;
		if (whole.fd_count)
			assert_int_equal(ask_result(&raw, 50), -EBADF);
	}
	expect_intact(&it);
	leave(&it);
}

static void test_flags_that_mean_nothing_are_refused(void **state)
{
	const struct state it = equip();

	for (unsigned int kind = 0; kind < KINDS; kind++) {
		for (unsigned int bit = 1; bit < 16; bit++) {
			struct raw raw = make(kind, it.queue, it.vector);

			raw.bytes[2] = (uint8_t)(1u << bit);
			raw.bytes[3] = (uint8_t)(1u << bit >> 8);
			if (bit != 1 || (kind != 2 && kind != 3))
				assert_int_equal(ask_result(&raw, 50), -EINVAL);
		}
	}
	expect_intact(&it);
	leave(&it);
}

static void test_fields_without_a_meaning_are_zero(void **state)
{
	static const unsigned int kinds[] = {0, 2, 3, 5, 9, 11, 14};
	const struct state it = equip();

	for (unsigned int i = 0; i < UNIT_COUNT(kinds); i++) {
		for (unsigned int byte = 12; byte < 16; byte++) {
			struct raw raw = make(kinds[i], it.queue, it.vector);

			raw.bytes[byte] = 1;
			assert_int_equal(ask_result(&raw, 50), -EINVAL);
		}
	}
	expect_intact(&it);
	leave(&it);
}

static void test_types_that_there_are_not_are_refused(void **state)
{
	static const uint16_t types[] = {
		0, 16, 17, 63, DONE, REVOKED, HALTED, NOTED, REGION_REVOKED, 255, 65535};
	const struct state it = equip();

	for (unsigned int i = 0; i < UNIT_COUNT(types); i++) {
		struct raw raw = raw_begin(types[i], 0, 50);

		assert_int_equal(ask_result(&raw, 50), -EOPNOTSUPP);
		raw.size = 600;
		raw.fds[raw.fd_count++] = memory;
		assert_int_equal(ask_result(&raw, 50), -EOPNOTSUPP);
	}
	expect_intact(&it);
	leave(&it);
}

static void test_values_beyond_their_range_are_refused(void **state)
{
	const struct state it = equip();
	struct raw raw = raw_two(SET_MASK, 50, it.vector, 2);

	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_two(SET_EVENTFD, 50, it.vector, 2);
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_two(COMMAND, 50, it.queue, UMD_QUEUE_COMMANDS);
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_two(COMMAND, 50, it.queue, UINT32_MAX);
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_open(50, 4);
	raw.bytes[20] = 1;
	raw.bytes[21] = 1; /* 257 bytes of config */
	raw.size = 24 + 257;
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_open(50, UINT32_MAX);
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_begin(HEARD, 0, 50); /* of nothing */
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	expect_intact(&it);
	leave(&it);
}

/* Random bytes, and random changes of what was right: nothing to be seen but that it goes on. */
static long run_noise(uint64_t seed)
{
	const struct state it = equip();
	struct raw answer;

	for (long step = 0; step < 3000; step++) {
		struct raw raw =
			make((unsigned int)unit_below(&seed, KINDS - 1), it.queue, it.vector);
		unsigned int flips = (unsigned int)unit_below(&seed, 4);

		while (flips--)
			raw.bytes[unit_below(&seed, raw.size)] = (uint8_t)unit_random(&seed);
		if (raw.bytes[0] == BYE || raw.bytes[0] == CLOSE_QUEUE)
			continue;
		if (raw_try_send(client, &raw) < 0)
			return step;
		pump();
		while (raw_try_receive(client, &answer) > 0)
			for (unsigned int i = 0; i < answer.fd_count; i++)
				close(answer.fds[i]);
	}
	leave(&it);
	return -1;
}

static void test_noise_ends_nothing(void **state)
{
	unit_run_seed(run_noise, 1);
}

/* ---- What is not the client's -------------------------------------------------------------- */

static void test_vectors_and_queues_of_others_are_none(void **state)
{
	const struct state it = equip();
	const uint32_t vectors[] = {others_vector, VECTORS - 1, VECTORS, UINT32_MAX};
	struct umd_queue *queue = rig_queue(other, 4);
	struct raw raw;

	for (unsigned int i = 0; i < UNIT_COUNT(vectors); i++) {
		raw = raw_two(FREE_VECTOR, 50, vectors[i], 0);
		assert_int_equal(ask_result(&raw, 50), -ENOENT);
		raw = raw_two(SET_MASK, 50, vectors[i], 1);
		assert_int_equal(ask_result(&raw, 50), -ENOENT);
		raw = raw_two(IS_PENDING, 50, vectors[i], 0);
		assert_int_equal(ask_result(&raw, 50), -ENOENT);
		raw = raw_two(SET_EVENTFD, 50, vectors[i], 1);
		raw.fds[raw.fd_count++] = event;
		assert_int_equal(ask_result(&raw, 50), -ENOENT);
	}
	for (uint32_t number = it.queue + 1; number != it.queue; number += 0x1111111) {
		raw = raw_two(CLOSE_QUEUE, 50, number, 0);
		assert_int_equal(ask_result(&raw, 50), -ENOENT);
		raw = raw_two(COMMAND, 50, number, UMD_QUEUE_ABORT);
		assert_int_equal(ask_result(&raw, 50), -ENOENT);
		if (number > UINT32_MAX - 0x1111111)
			break;
	}
	assert_int_equal(umd_work_trigger(rig.author.work, others_vector), 0);
	assert_int_equal(umd_link_is_pending(other, others_vector), 1);
	umd_queue_close(queue);
	assert_int_equal(umd_link_free_vector(other, others_vector), 0);
	others_vector = rig_vector(other, -1);
	leave(&it);
}

static void test_what_is_said_twice_is_done_once(void **state)
{
	const struct state it = equip();
	struct raw raw = raw_map(50, 0, memory);

	assert_int_equal(ask_result(&raw, 50), -EEXIST);
	raw = raw_two(FREE_VECTOR, 50, it.vector, 0);
	assert_int_equal(ask_result(&raw, 50), 0);
	assert_int_equal(ask_result(&raw, 50), -ENOENT);
	raw = raw_two(CLOSE_QUEUE, 50, it.queue, 0);
	assert_int_equal(ask_result(&raw, 50), 0);
	assert_int_equal(ask_result(&raw, 50), -ENOENT);
	raw = raw_two(COMMAND, 50, it.queue, UMD_QUEUE_DRAIN);
	assert_int_equal(ask_result(&raw, 50), -ENOENT);
	expect_left(4, 4);
	leave(&it);
}

static void test_queue_is_commanded_once_at_a_time(void **state)
{
	const struct state it = equip();
	struct raw raw = raw_two(COMMAND, 50, it.queue, UMD_QUEUE_DRAIN);

	rig.author.is_slow = true;
	raw_send(client, &raw);
	expect_silence();
	raw = raw_two(COMMAND, 51, it.queue, UMD_QUEUE_ABORT);
	assert_int_equal(ask_result(&raw, 51), -EBUSY);
	assert_int_equal(rig.author.command, UMD_QUEUE_DRAIN);
	umd_work_ended(rig.author.work, -EIO);
	pump();
	assert_true(raw_try_receive(client, &raw) > 0);
	assert_int_equal(result_of(&raw, 50), -EIO);
	leave(&it);
}

static void test_owner_gets_no_more_than_its_share(void **state)
{
	struct raw raw = raw_begin(ALLOC_VECTOR, 0, 50);
	int fds[4][2];

	for (int i = 0; i < 4; i++) {
		alloc_vector();
		open_queue(fds[i]);
	}
	assert_int_equal(ask_result(&raw, 50), -ENOSPC);
	raw = raw_open(50, 4);
	assert_int_equal(ask_result(&raw, 50), -ENOSPC);
	expect_left(0, 0);
	for (int i = 0; i < 4; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

/* ---- Memory -------------------------------------------------------------------------------- */

static void test_changes_name_each_fd_that_comes(void **state)
{
	struct raw raw = raw_changes(50, 0, 2);

	put_map(&raw, 0, PAGE, 0, 0);
	put_map(&raw, PAGE, PAGE, 0, 2); /* behind the next */
	raw.fds[raw.fd_count++] = memory;
	raw.fds[raw.fd_count++] = memory;
	raw.fds[raw.fd_count++] = memory;
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw = raw_changes(50, 0, 2);
	put_map(&raw, 0, PAGE, 0, 0);
	put_map(&raw, PAGE, PAGE, 0, 1);
	raw.fds[raw.fd_count++] = memory;
	assert_int_equal(ask_result(&raw, 50), -EBADF); /* the second is not there */
	raw = raw_changes(50, 0, 1);
	put_unmap(&raw, 0, PAGE);
	raw.fds[raw.fd_count++] = memory;
	assert_int_equal(ask_result(&raw, 50), -EBADF); /* nobody's */
	raw = raw_changes(50, 0, 2);
	put_map(&raw, 0, PAGE, 0, 0);
	put_map(&raw, PAGE, PAGE, 0, 0);
	raw.fds[raw.fd_count++] = memory;
	assert_int_equal(ask_result(&raw, 50), 0); /* both in one file */
}

static void test_changes_are_one_to_sixty_four(void **state)
{
	static const uint32_t counts[] = {0, 65, 1000, UINT32_MAX};
	struct raw raw;

	for (unsigned int i = 0; i < UNIT_COUNT(counts); i++) {
		raw = raw_changes(50, 0, counts[i]);
		for (int n = 0; n < 65; n++)
			put_unmap(&raw, 0, PAGE);
		assert_int_equal(ask_result(&raw, 50), -EINVAL);
	}
	raw = raw_changes(50, 0, 64);
	for (uint16_t n = 0; n < 64; n++) {
		put_map(&raw, (uint64_t)n * PAGE, PAGE, (uint64_t)n * PAGE, n);
		raw.fds[raw.fd_count++] = memory;
	}
	assert_int_equal(ask_result(&raw, 50), 0);
}

static void test_unmap_has_nothing_of_a_map(void **state)
{
	static const unsigned int fields[] = {16 + 16, 16 + 24, 16 + 30};

	for (unsigned int i = 0; i < UNIT_COUNT(fields); i++) {
		struct raw raw = raw_unmap(50, 0, PAGE);

		raw.bytes[fields[i]] = 1;
		assert_int_equal(ask_result(&raw, 50), -EINVAL);
	}
}

static void test_change_that_cannot_be_leaves_those_before_it(void **state)
{
	struct raw raw = raw_changes(50, 0, 3);
	int fds[2];

	put_map(&raw, 0, PAGE, 0, 0);
	put_map(&raw, 0, PAGE, 0, 0);
	put_map(&raw, PAGE, PAGE, 0, 0);
	raw.fds[raw.fd_count++] = memory;
	open_queue(fds);
	assert_int_equal(ask_result(&raw, 50), -EEXIST);
	assert_int_equal(umd_dma_space_read(umd_work_space(rig.author.work), 0, &raw, 1), 0);
	assert_int_equal(umd_dma_space_read(umd_work_space(rig.author.work), PAGE, &raw, 1),
			 -EFAULT);
	close(fds[0]);
	close(fds[1]);
}

static void test_pieces_of_another_call_are_their_own(void **state)
{
	struct raw bad = raw_changes(50, MORE, 1), good = raw_map(50, 0, memory);

	put_unmap(&bad, 1, PAGE);
	assert_int_equal(ask_result(&bad, 50), -EINVAL);
	assert_int_equal(ask_result(&good, 50), -EINVAL); /* went on with it */
	assert_int_equal(ask_result(&good, 50), 0);	  /* did not */
	assert_int_equal(ask_result(&bad, 50), -EINVAL);
	good = raw_map(51, PAGE, memory);
	assert_int_equal(ask_result(&good, 51), 0);
	good = raw_map(50, 2 * PAGE, memory);
	assert_int_equal(ask_result(&good, 50), 0);
}

/* None of these is asked anything that it could answer late. */
static void test_memory_is_what_cannot_make_us_wait(void **state)
{
	int pipes[2], pair[2];
	int kinds[5];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	kinds[0] = pipes[0];
	kinds[1] = pair[0];
	kinds[2] = client; /* itself */
	kinds[3] = epoll_create1(EPOLL_CLOEXEC);
	kinds[4] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	for (unsigned int i = 0; i < UNIT_COUNT(kinds); i++) {
		struct raw raw = raw_map(50, 0, kinds[i]);

		assert_int_equal(ask_result(&raw, 50), -EMEDIUMTYPE);
		if (kinds[i] != client)
			close(kinds[i]);
	}
	close(pipes[1]);
	close(pair[1]);
}

static void test_only_an_eventfd_is_signalled(void **state)
{
	uint32_t vector = alloc_vector();
	struct raw raw = raw_two(SET_EVENTFD, 50, vector, 1);

	raw.fds[raw.fd_count++] = memory;
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw.fds[0] = client;
	assert_int_equal(ask_result(&raw, 50), -EINVAL);
	raw.fds[0] = event;
	assert_int_equal(ask_result(&raw, 50), 0);
}

/* ---- Too much ------------------------------------------------------------------------------ */

/* Each has an answer, which it leaves lying. */
static void test_client_that_does_not_read_is_sent_away(void **state)
{
	const struct raw info = raw_begin(INFO, 0, 50);
	int sent = 0;

	while (raw_try_send(client, &info) == 0 && sent < 100000) {
		sent++;
		pump();
	}
	assert_true(sent < 100000);
	expect_end();
}

static void test_errors_that_are_not_read_are_not_kept(void **state)
{
	const struct raw nothing = raw_begin(0, 0, 50);
	int sent = 0;

	while (raw_try_send(client, &nothing) == 0 && sent < 100000) {
		sent++;
		if (sent % 8 == 0)
			pump();
	}
	assert_true(sent < 100000);
	expect_end();
}

static void test_others_have_their_turn(void **state)
{
	const struct raw raw = raw_begin(ALLOC_VECTOR, 0, 50);
	struct raw answer;

	for (int i = 0; i < 100; i++)
		raw_send(client, &raw);
	assert_int_equal(umd_parent_dispatch(rig.parent, 0), 0);
	assert_true(raw_try_receive(client, &answer) > 0);
	assert_true(get32(&answer, 8) <= 16);
	assert_int_equal(raw_try_receive(client, &answer), -EAGAIN);
}

#define CHANGES 100u

/* Unmaps that cannot end yet take up what there is of room; then the client waits. */
static void test_changes_under_way_are_bounded(void **state)
{
	struct umd_dma_reader *reader = NULL;
	struct umd_dma_segment segment;
	struct raw raw, answer;
	unsigned int done = 0;
	int fds[2];

	open_queue(fds);
	for (uint32_t i = 0; i < CHANGES; i++) {
		raw = raw_map(50, (uint64_t)i * PAGE, memory);
		assert_int_equal(ask_result(&raw, 50), 0);
	}
	assert_int_equal(umd_dma_reader_create(umd_work_space(rig.author.work), 0, &reader), 0);
	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, 0, 1, UMD_DMA_READ, &segment, 1), 1);
	for (uint32_t i = 0; i < CHANGES; i++) {
		raw = raw_unmap(100 + i, (uint64_t)i * PAGE, PAGE);
		raw_send(client, &raw);
	}
	pump();
	assert_int_equal(umd_dma_space_read(umd_work_space(rig.author.work), 63 * PAGE, &raw, 1),
			 -EFAULT);
	assert_int_equal(umd_dma_space_read(umd_work_space(rig.author.work), 64 * PAGE, &raw, 1),
			 0);
	expect_silence();
	umd_dma_leave(reader);
	pump();
	while (raw_try_receive(client, &answer) > 0)
		for (uint32_t i = 0; i < get32(&answer, 8); i++)
			assert_int_equal(get32(&answer, 16 + 16 * i), 100 + done++);
	assert_int_equal(done, CHANGES);
	umd_dma_reader_destroy(reader);
	close(fds[0]);
	close(fds[1]);
}

/* ---- News ---------------------------------------------------------------------------------- */

static void test_one_event_waits_to_be_heard(void **state)
{
	const struct raw heard = raw_begin(HEARD, 0, 0);
	struct raw event_;
	uint32_t numbers[2];
	struct umd_work *works[2];
	int fds[2][2];

	for (int i = 0; i < 2; i++) {
		numbers[i] = open_queue(fds[i]);
		works[i] = rig.author.work;
	}
	umd_work_note(works[0], "one", 4);
	pump();
	for (int i = 0; i < 1000; i++) {
		umd_work_note(works[0], "two", 4);
		pump();
	}
	umd_work_halt(works[1], -EIO);
	pump();
	assert_int_equal(raw_try_receive(client, &event_), 88);
	assert_int_equal(get16(&event_, 0), NOTED);
	assert_int_equal(get32(&event_, 8), numbers[0]);
	assert_int_equal(get32(&event_, 16), 0);
	assert_int_equal(get32(&event_, 20), 4);
	assert_string_equal((const char *)event_.bytes + 24, "one");
	expect_silence();

	raw_send(client, &heard); /* the other queue's turn */
	pump();
	assert_int_equal(raw_try_receive(client, &event_), 88);
	assert_int_equal(get16(&event_, 0), HALTED);
	assert_int_equal(get32(&event_, 8), numbers[1]);
	assert_int_equal((int)get32(&event_, 12), -EIO);
	expect_silence();

	raw_send(client, &heard);
	pump();
	assert_int_equal(raw_try_receive(client, &event_), 88);
	assert_int_equal(get16(&event_, 0), NOTED);
	assert_int_equal(get32(&event_, 16), 999);
	assert_string_equal((const char *)event_.bytes + 24, "two");
	raw_send(client, &heard);
	expect_silence();
	for (int i = 0; i < 2; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static void test_ring_that_is_nonsense_is_told(void **state)
{
	int fds[2];
	uint32_t number = open_queue(fds);
	struct raw told;
	uint32_t tail = 1000;

	assert_int_equal(pwrite(fds[0], &tail, sizeof(tail), 0), sizeof(tail));
	assert_int_equal(take_one(rig.author.work), -EPROTO);
	pump();
	assert_int_equal(raw_try_receive(client, &told), 88);
	assert_int_equal(get16(&told, 0), HALTED);
	assert_int_equal(get32(&told, 8), number);
	assert_int_equal((int)get32(&told, 12), -EPROTO);
	assert_true(ftruncate(fds[0], 0) < 0);
	close(fds[0]);
	close(fds[1]);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void test_bye_ends_everything_before_it_is_answered(void **state)
{
	const struct state it = equip();
	const struct raw bye = raw_begin(BYE, 0, 51);
	struct raw raw = raw_two(COMMAND, 50, it.queue, UMD_QUEUE_DRAIN), answer;

	rig.author.is_slow = true;
	raw_send(client, &raw);
	raw_send(client, &bye);
	pump();
	assert_int_equal(rig.author.closed, 1);
	assert_true(raw_try_receive(client, &answer) > 0);
	assert_int_equal(result_of(&answer, 50), -ECANCELED);
	assert_int_equal(raw_try_receive(client, &answer), 0);
	leave(&it);
}

static void test_ring_that_is_kept_is_no_expense_of_the_parents(void **state)
{
	int fds[2];
	const struct raw raw = raw_two(CLOSE_QUEUE, 50, open_queue(fds), 0);
	struct stat st;

	assert_int_equal(fstat(fds[0], &st), 0);
	assert_true(st.st_blocks > 0);
	assert_int_equal(ask_result(&raw, 50), 0);
	assert_int_equal(fstat(fds[0], &st), 0);
	assert_int_equal(st.st_blocks, 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_empty_message_is_the_end(void **state)
{
	struct raw raw = {.size = 0};

	raw.fds[raw.fd_count++] = memory;
	raw_send(client, &raw);
	expect_end();
}

static void test_end_of_one_direction_is_the_end(void **state)
{
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	expect_end();
}

static void test_client_may_vanish_at_any_point(void **state)
{
	for (int step = 0; step < 8; step++) {
		struct state it;
		struct raw raw;

		if (step)
			say_hello();
		if (step == 0)
			goto gone;
		it = equip();
		rig.author.is_slow = true;
		raw = raw_two(COMMAND, 50, it.queue, UMD_QUEUE_DRAIN);
		if (step > 1)
			raw_send(client, &raw);
		if (step > 2)
			pump();
		raw = raw_map(50, PAGE, memory);
		if (step > 3)
			raw_send(client, &raw); /* never read */
		raw = raw_open(50, 4);
		if (step > 4)
			raw_send(client, &raw);
		if (step > 5)
			pump(); /* the answer, with fds, is never read */
		if (step > 6)
			umd_work_note(rig.author.work, "", 1);
		leave(&it);
	gone:
		close(client);
		pump();
		assert_int_equal(rig.author.opened, rig.author.closed);
		assert_int_equal(unit_count_fds(), idle_fds);
		client = connect_owner(2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_another_version_is_refused_and_may_ask_again),
		TEST(test_nothing_comes_before_hello_or_is_one_again),
		TEST(test_second_connection_is_told_why_not_before_it_asks),
		TEST(test_connection_waits_for_fds_to_be_had),
		TEST(test_messages_of_another_length_do_nothing),
		TEST(test_message_that_is_too_long_does_nothing),
		TEST(test_messages_with_more_or_fewer_fds_do_nothing),
		TEST(test_flags_that_mean_nothing_are_refused),
		TEST(test_fields_without_a_meaning_are_zero),
		TEST(test_types_that_there_are_not_are_refused),
		TEST(test_values_beyond_their_range_are_refused),
		TEST(test_noise_ends_nothing),
		TEST(test_vectors_and_queues_of_others_are_none),
		TEST(test_what_is_said_twice_is_done_once),
		TEST(test_queue_is_commanded_once_at_a_time),
		TEST(test_owner_gets_no_more_than_its_share),
		TEST(test_changes_name_each_fd_that_comes),
		TEST(test_changes_are_one_to_sixty_four),
		TEST(test_unmap_has_nothing_of_a_map),
		TEST(test_change_that_cannot_be_leaves_those_before_it),
		TEST(test_pieces_of_another_call_are_their_own),
		TEST(test_memory_is_what_cannot_make_us_wait),
		TEST(test_only_an_eventfd_is_signalled),
		TEST(test_client_that_does_not_read_is_sent_away),
		TEST(test_errors_that_are_not_read_are_not_kept),
		TEST(test_others_have_their_turn),
		TEST(test_changes_under_way_are_bounded),
		TEST(test_one_event_waits_to_be_heard),
		TEST(test_ring_that_is_nonsense_is_told),
		TEST(test_bye_ends_everything_before_it_is_answered),
		TEST(test_ring_that_is_kept_is_no_expense_of_the_parents),
		TEST(test_empty_message_is_the_end),
		TEST(test_end_of_one_direction_is_the_end),
		TEST(test_client_may_vanish_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
