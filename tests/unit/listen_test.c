/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets to serve on: a path is taken over from the dead and from nobody else, fds that are no
 * Unix stream sockets are told, and a connection is turned away without a reset.
 */
#include "server_fixture.h"

#include <netinet/in.h>
#include <sys/eventfd.h>

#include "base/listen.h"
#include "server/listen.h"

static struct server_fixture f;

static int setup(void **state)
{
	server_start(&f);
	return 0;
}

static int teardown(void **state)
{
	server_stop(&f);
	return 0;
}

/* ---- Paths --------------------------------------------------------------------------------- */

static void test_path_is_listened_at(void **state)
{
	int fd = umd_listen(f.path, SOCK_STREAM), client;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	client = server_connect(f.path);
	assert_true(client >= 0);
	close(client);
	close(fd);
}

static void test_socket_of_a_dead_server_is_replaced(void **state)
{
	int fd;

	close(server_bind(f.path, 1));
	fd = umd_listen(f.path, SOCK_STREAM);
	assert_true(fd >= 0);
	close(fd);
	fd = umd_listen(f.path, SOCK_STREAM);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(server_connect(f.path), -1);
}

static void test_path_where_someone_listens_is_left_alone(void **state)
{
	int other = server_bind(f.path, 4), client;

	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EADDRINUSE);
	client = server_connect(f.path);
	assert_true(client >= 0);
	close(client);
	close(other);
}

static void test_listener_with_a_full_backlog_is_someone(void **state)
{
	int other = server_bind(f.path, 0), clients[8], count = 0;

	while (count < 8 && (clients[count] = server_connect(f.path)) >= 0)
		count++;
	assert_true(count < 8);
	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EADDRINUSE);
	while (count--)
		close(clients[count]);
	close(other);
}

static void test_file_of_another_kind_is_left_alone(void **state)
{
	char target[80];
	struct stat st;
	int fd = open(f.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EEXIST);
	assert_int_equal(unlink(f.path), 0);

	assert_int_equal(mkfifo(f.path, 0600), 0);
	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EEXIST);
	assert_int_equal(unlink(f.path), 0);

	assert_int_equal(mkdir(f.path, 0700), 0);
	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EEXIST);
	assert_int_equal(rmdir(f.path), 0);

	snprintf(target, sizeof(target), "%s/other", f.dir);
	assert_int_equal(symlink(target, f.path), 0);
	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EEXIST);
	close(server_bind(target, 1));
	assert_int_equal(umd_listen(f.path, SOCK_STREAM), -EEXIST);
	assert_int_equal(lstat(target, &st), 0);
	assert_int_equal(unlink(target), 0);
}

static void test_path_without_a_directory_is_an_error(void **state)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/none/socket", f.dir);
	assert_int_equal(umd_listen(path, SOCK_STREAM), -ENOENT);
	snprintf(path, sizeof(path), "%s/", f.dir);
	assert_true(umd_listen(path, SOCK_STREAM) < 0);
}

/* The kernel would take an empty name for one of its own choice, which nobody finds. */
static void test_empty_path_is_an_error(void **state)
{
	int fd = umd_listen("", SOCK_STREAM);

	if (fd >= 0)
		close(fd);
	assert_true(fd < 0);
}

static void test_longest_path(void **state)
{
	char path[200];
	size_t n = strlen(f.dir);
	int fd;

	memcpy(path, f.dir, n);
	memset(path + n, 'x', sizeof(path) - n);
	path[n] = '/';
	path[sizeof(path) - 1] = 0;
	assert_int_equal(umd_listen(path, SOCK_STREAM), -ENAMETOOLONG);
	path[108] = 0;
	assert_int_equal(umd_listen(path, SOCK_STREAM), -ENAMETOOLONG);
	path[107] = 0;
	fd = umd_listen(path, SOCK_STREAM);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
}

/* ---- Fds ----------------------------------------------------------------------------------- */

static void test_listening_socket_is_made_not_to_wait(void **state)
{
	int fd = server_bind(f.path, 1);
	bool listens = false;

	assert_int_equal(umd_listen_check(fd, SOCK_STREAM, &listens), 0);
	assert_true(listens);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

static void test_connected_socket_is_told_from_a_listening_one(void **state)
{
	bool listens = true;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(umd_listen_check(pair[0], SOCK_STREAM, &listens), 0);
	assert_false(listens);
	close(pair[0]);
	close(pair[1]);
}

static void expect_refused(int fd)
{
	bool listens;

	assert_true(fd >= 0);
	assert_int_equal(umd_listen_check(fd, SOCK_STREAM, &listens), -EINVAL);
	close(fd);
}

static void test_fds_of_other_kinds_are_refused(void **state)
{
	bool listens;

	expect_refused(server_socket(SOCK_DGRAM));
	expect_refused(server_socket(SOCK_SEQPACKET));
	expect_refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	expect_refused(eventfd(0, EFD_CLOEXEC));
	expect_refused(open("/dev/null", O_RDWR | O_CLOEXEC));
	assert_int_equal(umd_listen_check(-1, SOCK_STREAM, &listens), -EINVAL);
	assert_int_equal(umd_listen_check(1 << 20, SOCK_STREAM, &listens), -EINVAL);
}

/* ---- Turning away -------------------------------------------------------------------------- */

static int make_pair(int *ret_ours)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*ret_ours = pair[0];
	return pair[1];
}

static void test_client_that_has_spoken_is_told_why(void **state)
{
	int ours, client = make_pair(&ours);

	server_send_version(client, 77);
	umd_refuse(ours, -EBUSY);
	server_expect_error(client, 77, EBUSY);
	server_expect_end(client);
	close(client);
}

static void test_client_that_has_not_spoken_sees_the_end(void **state)
{
	int ours, client = make_pair(&ours);

	umd_refuse(ours, -EBUSY);
	server_expect_end(client);
	close(client);
}

static void test_client_that_has_spoken_in_part_sees_the_end(void **state)
{
	int ours, client = make_pair(&ours);

	assert_int_equal(send(client, "0123456", 7, 0), 7);
	umd_refuse(ours, -EBUSY);
	server_expect_end(client);
	close(client);
}

static void test_client_that_has_sent_much_sees_no_reset(void **state)
{
	static uint8_t zeros[16384];
	int ours, client = make_pair(&ours);

	server_send_version(client, 5);
	while (send(client, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	umd_refuse(ours, -EBUSY);
	server_expect_error(client, 5, EBUSY);
	server_expect_end(client);
	close(client);
}

static void test_client_that_does_not_read_holds_nobody_up(void **state)
{
	static uint8_t zeros[16384];
	int ours, client = make_pair(&ours);

	while (send(ours, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	server_send_version(client, 5);
	umd_refuse(ours, -EBUSY);
	close(client);
}

static void test_client_that_has_left_is_turned_away_too(void **state)
{
	int ours, client = make_pair(&ours);

	server_send_version(client, 5);
	close(client);
	umd_refuse(ours, -EBUSY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_path_is_listened_at),
		TEST(test_socket_of_a_dead_server_is_replaced),
		TEST(test_path_where_someone_listens_is_left_alone),
		TEST(test_listener_with_a_full_backlog_is_someone),
		TEST(test_file_of_another_kind_is_left_alone),
		TEST(test_path_without_a_directory_is_an_error),
		TEST(test_empty_path_is_an_error),
		TEST(test_longest_path),
		TEST(test_listening_socket_is_made_not_to_wait),
		TEST(test_connected_socket_is_told_from_a_listening_one),
		TEST(test_fds_of_other_kinds_are_refused),
		TEST(test_client_that_has_spoken_is_told_why),
		TEST(test_client_that_has_not_spoken_sees_the_end),
		TEST(test_client_that_has_spoken_in_part_sees_the_end),
		TEST(test_client_that_has_sent_much_sees_no_reset),
		TEST(test_client_that_does_not_read_holds_nobody_up),
		TEST(test_client_that_has_left_is_turned_away_too),
	};

	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
