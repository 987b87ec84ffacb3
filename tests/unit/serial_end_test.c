/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host ends, each against a real socket, terminal, pipe or file: connecting, hanging up and
 * coming back, what they refuse and how they say it, and that they leave nothing behind.
 */
#include "serial_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "serial/end.h"

static struct fixture fixture;
static struct serial_end *end;
static int notified;

static void on_notify(void *data)
{
	notified++;
}

static int try_open(const char *spec, struct umd_error *error)
{
	struct serial_end_config config = {.device = fixture.device, .notify = on_notify};

	return serial_end_create(&config, spec, &end, error);
}

static void open_end(const char *kind, const char *name)
{
	char spec[96];

	snprintf(spec, sizeof(spec), "%s:%s", kind, fixture_path(&fixture, name));
	assert_int_equal(try_open(spec, NULL), 0);
}

/* A refused specification, and the sentence that a person gets. */
static void refuse(const char *spec, int code, const char *text)
{
	struct umd_error error = {0};

	assert_int_equal(try_open(spec, &error), code);
	assert_int_equal(error.code, code);
	assert_string_equal(error.text, text);
}

static void close_end(void)
{
	serial_end_destroy(end);
	end = NULL;
}

static int setup(void **state)
{
	fixture_start(&fixture);
	end = NULL;
	notified = 0;
	return 0;
}

static int teardown(void **state)
{
	close_end();
	fixture_stop(&fixture);
	return 0;
}

static size_t end_write(const char *text)
{
	struct iovec iov = {.iov_base = (char *)text, .iov_len = strlen(text)};

	return end->ops->write(end, &iov, 1);
}

/* All that can be read now. */
static const char *end_read(void)
{
	static char buffer[256];
	size_t used = 0;

	while (end->readable) {
		struct iovec iov = {.iov_base = buffer + used,
				    .iov_len = sizeof(buffer) - 1 - used};

		used += end->ops->read(end, &iov, 1);
	}
	buffer[used] = 0;
	return buffer;
}

static void expect_at(int fd, const char *text)
{
	char buffer[256] = "";
	ssize_t n = read(fd, buffer, sizeof(buffer) - 1);

	assert_int_equal(n, strlen(text));
	assert_string_equal(buffer, text);
}

static void write_to(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* ---- Specifications ------------------------------------------------------------------------ */

static void test_specifications(void **state)
{
	static const char *const kinds = ": it is pty[:LINK], stdio, unix:PATH, file:PATH or null";
	static const char *const unknown[] = {"", "tty", "ptyx", "pt", ":x"};
	char text[128];

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		snprintf(text, sizeof(text), "no backend '%.*s'%s", (int)strcspn(unknown[i], ":"),
			 unknown[i], kinds);
		refuse(unknown[i], -EINVAL, text);
	}
	refuse("unix", -EINVAL, "backend unix needs a path: unix:PATH");
	refuse("unix:", -EINVAL, "backend unix needs a path: unix:PATH");
	refuse("file", -EINVAL, "backend file needs a path: file:PATH");
	refuse("null:x", -EINVAL, "backend null takes no argument, but got 'x'");
	refuse("stdio:", -EINVAL, "backend stdio takes no argument, but got ''");
}

static void test_destroy_nothing(void **state)
{
	serial_end_destroy(NULL);
}

static void test_null(void **state)
{
	assert_int_equal(try_open("null", NULL), 0);
	assert_true(end->connected && end->writable && !end->readable);
	assert_int_equal(end_write("anything"), 8);
	assert_string_equal(end_read(), "");
}

/* ---- file ---------------------------------------------------------------------------------- */

static void test_file_appends(void **state)
{
	int fd = open(fixture_path(&fixture, "log"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	write_to(fd, "old ");
	open_end("file", "log");
	assert_true(end->connected && end->writable && !end->readable);
	assert_int_equal(end_write("new"), 3);
	assert_int_equal(end_write(" and newer"), 10);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	expect_at(fd, "old new and newer");
	assert_int_equal(fixture_count_wakeups(&fixture, 20), 0);
	close(fd);
	unlink(fixture.path);
}

static void test_file_refused(void **state)
{
	refuse("file:/nonexistent/log", -ENOENT,
	       "cannot append to /nonexistent/log: No such file or directory");
	refuse("file:/", -EISDIR, "cannot append to /: Is a directory");
}

/* A full disk loses bytes, but never stops the guest. */
static void test_file_full(void **state)
{
	assert_int_equal(try_open("file:/dev/full", NULL), 0);
	assert_int_equal(end_write("lost"), 4);
	assert_int_equal(end_write("too"), 3);
	assert_true(end->connected && end->writable);
}

/* A FIFO whose reader is slow is waited for, as any slow host end. */
static void test_file_fifo(void **state)
{
	static char big[1 << 17];
	struct iovec iov = {.iov_base = big, .iov_len = sizeof(big)};
	int fd;

	assert_int_equal(mkfifo(fixture_path(&fixture, "fifo"), 0600), 0);
	fd = open(fixture.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	open_end("file", "fifo");
	fixture_run(&fixture);
	assert_true(end->ops->write(end, &iov, 1) > 0);
	assert_int_equal(end->ops->write(end, &iov, 1), 0);
	assert_false(end->writable);
	while (read(fd, big, sizeof(big)) > 0)
		;
	fixture_run_until(&fixture, end->writable);
	close(fd);
	unlink(fixture.path);
}

/* ---- unix ---------------------------------------------------------------------------------- */

static int connect_client(void)
{
	int fd = connect_unix(fixture.path);

	assert_true(fd >= 0);
	fixture_run(&fixture);
	return fd;
}

static void test_unix_carries(void **state)
{
	int client;

	open_end("unix", "socket");
	assert_false(end->connected);
	client = connect_client();
	assert_true(end->connected && end->writable && notified);
	write_to(client, "from host");
	fixture_run(&fixture);
	assert_string_equal(end_read(), "from host");
	assert_int_equal(end_write("from guest"), 10);
	expect_at(client, "from guest");
	close(client);
	fixture_run(&fixture);
	assert_string_equal(end_read(), "");
	assert_false(end->connected);
}

/* The socket is there while the end is, and not after. */
static void test_unix_removes_its_socket(void **state)
{
	struct stat st;

	open_end("unix", "socket");
	assert_int_equal(lstat(fixture.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	close_end();
	assert_int_equal(lstat(fixture.path, &st), -1);
}

/* Unless it has become somebody else's. */
static void test_unix_spares_another_socket(void **state)
{
	struct stat st;
	int fd;

	open_end("unix", "socket");
	unlink(fixture.path);
	fd = open(fixture.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close_end();
	assert_int_equal(lstat(fixture.path, &st), 0);
	close(fd);
	unlink(fixture.path);
}

static void test_unix_refuses_paths(void **state)
{
	struct serial_end *first;
	char spec[96], text[160];
	int fd;

	open_end("unix", "socket");
	first = end;
	snprintf(spec, sizeof(spec), "unix:%s", fixture.path);
	snprintf(text, sizeof(text), "somebody listens at %s already", fixture.path);
	refuse(spec, -EADDRINUSE, text);
	fixture_run(&fixture);
	end = first;
	close_end();

	fd = open(fixture.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	snprintf(text, sizeof(text), "%s exists and is no socket", fixture.path);
	refuse(spec, -EEXIST, text);
	close(fd);
	unlink(fixture.path);

	refuse("unix:/nonexistent/socket", -ENOENT,
	       "cannot make a socket at /nonexistent/socket: No such file or directory");
}

static void test_unix_long_path(void **state)
{
	char spec[160] = "unix:/";

	memset(spec + 6, 'x', 107);
	refuse(spec, -ENAMETOOLONG, "a socket path has at most 107 bytes, this one has 108");
}

/* Left behind by a process that was killed. */
static void test_unix_replaces_a_stale_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, fixture_path(&fixture, "socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	open_end("unix", "socket");
	fd = connect_client();
	assert_true(end->connected);
	close(fd);
}

static void test_unix_second_client_waits(void **state)
{
	int first, second;

	open_end("unix", "socket");
	first = connect_client();
	second = connect_client();
	write_to(second, "second");
	assert_int_equal(end_write("for the first"), 13);
	expect_at(first, "for the first");
	assert_string_equal(end_read(), "");
	fixture_count_wakeups(&fixture, 10);
	assert_int_equal(fixture_count_wakeups(&fixture, 50), 0);

	close(first);
	fixture_run(&fixture);
	assert_string_equal(end_read(), "");
	fixture_run_until(&fixture, end->connected);
	assert_string_equal(end_read(), "second");
	assert_int_equal(end_write("for the second"), 14);
	expect_at(second, "for the second");
	close(second);
}

/* What a client sent before it left arrives; it counts as connected until then. */
static void test_unix_reads_after_hangup(void **state)
{
	int client;

	open_end("unix", "socket");
	client = connect_client();
	write_to(client, "last words");
	close(client);
	fixture_run(&fixture);
	assert_true(end->connected);
	assert_int_equal(end_write("too late"), 8);
	assert_string_equal(end_read(), "last words");
	assert_false(end->connected);
}

/* A client that has no more to say still listens. */
static void test_unix_half_close(void **state)
{
	int client;

	open_end("unix", "socket");
	client = connect_client();
	write_to(client, "question");
	shutdown(client, SHUT_WR);
	fixture_run(&fixture);
	assert_string_equal(end_read(), "question");
	fixture_run(&fixture);
	assert_true(end->connected);
	assert_int_equal(end_write("answer"), 6);
	expect_at(client, "answer");
	close(client);
	fixture_run(&fixture);
	assert_false(end->connected);
}

/* And one that has stopped listening still speaks. */
static void test_unix_stops_listening(void **state)
{
	int client;

	open_end("unix", "socket");
	client = connect_client();
	shutdown(client, SHUT_RD);
	fixture_run(&fixture);
	assert_int_equal(end_write("into the void"), 13);
	assert_int_equal(end_write("again"), 5);
	write_to(client, "still here");
	fixture_run(&fixture);
	assert_string_equal(end_read(), "still here");
	close(client);
	fixture_run(&fixture);
	end_read();
	assert_false(end->connected);
}

static void test_unix_slow_client(void **state)
{
	static char big[1 << 20];
	struct iovec iov = {.iov_base = big, .iov_len = sizeof(big)};
	int client;

	open_end("unix", "socket");
	client = connect_client();
	while (end->writable)
		end->ops->write(end, &iov, 1);
	fixture_count_wakeups(&fixture, 10);
	assert_int_equal(fixture_count_wakeups(&fixture, 50), 0);
	assert_false(end->writable);
	while (read(client, big, sizeof(big)) > 0)
		;
	fixture_run_until(&fixture, end->writable);
	close(client);
}

static void test_unix_reconnects(void **state)
{
	int fds;

	open_end("unix", "socket");
	fds = count_fds();
	for (int i = 0; i < 200; i++) {
		int client = connect_client();

		assert_true(end->connected);
		write_to(client, "x");
		fixture_run(&fixture);
		if (i % 2)
			assert_string_equal(end_read(), "x");
		close(client);
		fixture_run(&fixture);
		end_read();
		fixture_run(&fixture);
		assert_false(end->connected);
	}
	assert_int_equal(count_fds(), fds);
}

/* ---- pty ----------------------------------------------------------------------------------- */

static int open_slave(void)
{
	int fd = open(fixture.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	fixture_run_until(&fixture, end->connected);
	return fd;
}

/* Raw: neither echo nor changed line ends, whoever opened it before. */
static void test_pty_carries(void **state)
{
	open_end("pty", "tty");
	assert_false(end->connected);
	for (int i = 0; i < 3; i++) {
		int slave = open_slave();

		assert_true(end->writable);
		write_to(slave, "a\r\nb\x03\x04\x11\x13");
		fixture_run_until(&fixture, end->readable);
		assert_string_equal(end_read(), "a\r\nb\x03\x04\x11\x13");
		assert_int_equal(end_write("c\n\x03\x7f"), 4);
		usleep(20000);
		expect_at(slave, "c\n\x03\x7f");
		assert_string_equal(end_read(), "");
		close(slave);
		fixture_run_until(&fixture, !end->connected);
	}
}

/* While nobody has it open, nothing runs; nor does anything once somebody has. */
static void test_pty_idle(void **state)
{
	int slave;

	open_end("pty", "tty");
	fixture_run(&fixture);
	assert_int_equal(fixture_count_wakeups(&fixture, 100), 0);
	slave = open_slave();
	fixture_count_wakeups(&fixture, 10);
	assert_int_equal(fixture_count_wakeups(&fixture, 100), 0);
	close(slave);
	fixture_run_until(&fixture, !end->connected);
	end_read();
	end_write("to nobody");
	fixture_count_wakeups(&fixture, 10);
	assert_int_equal(fixture_count_wakeups(&fixture, 100), 0);
}

/* As `echo hello >/dev/pts/N` does it. */
static void test_pty_short_visit(void **state)
{
	int slave;

	open_end("pty", "tty");
	fixture_run(&fixture);
	slave = open(fixture.path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	write_to(slave, "hello");
	close(slave);
	fixture_run_until(&fixture, end->readable);
	assert_string_equal(end_read(), "hello");
	assert_false(end->connected);
}

static void test_pty_slow_terminal(void **state)
{
	static char big[1 << 17];
	struct iovec iov = {.iov_base = big, .iov_len = sizeof(big)};
	size_t got = 0, put = 0;
	int slave;

	open_end("pty", "tty");
	slave = open_slave();
	memset(big, 'x', sizeof(big));
	while (end->writable)
		put += end->ops->write(end, &iov, 1);
	assert_true(end->connected && put > 0 && put < sizeof(big));
	while (got < put) {
		ssize_t n = read(slave, big, sizeof(big));

		got += n > 0 ? (size_t)n : 0;
		fixture_run(&fixture);
	}
	fixture_run_until(&fixture, end->writable);
	close(slave);
}

static void test_pty_link(void **state)
{
	char spec[96], text[160];
	struct stat st;

	open_end("pty", "tty");
	assert_int_equal(lstat(fixture.path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close_end();
	assert_int_equal(lstat(fixture.path, &st), -1);

	/* What exists is not replaced, */
	close(open(fixture.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	snprintf(spec, sizeof(spec), "pty:%s", fixture.path);
	snprintf(text, sizeof(text), "cannot make the link %s: File exists", fixture.path);
	refuse(spec, -EEXIST, text);
	unlink(fixture.path);

	/* but a link that leads nowhere is. */
	assert_int_equal(symlink("/nonexistent", fixture.path), 0);
	assert_int_equal(try_open(spec, NULL), 0);
	assert_int_equal(stat(fixture.path, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_pty_leaves_no_fds(void **state)
{
	int fds = count_fds();

	for (int i = 0; i < 10; i++) {
		open_end("pty", "tty");
		close(open_slave());
		close_end();
	}
	assert_int_equal(count_fds(), fds);
}

/* ---- stdio --------------------------------------------------------------------------------- */

/* Makes the end with these as standard input and output; it keeps them by itself. */
static void open_stdio(int in, int out)
{
	int saved_in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int err;

	fflush(stdout);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	err = try_open("stdio", NULL);
	dup2(saved_in, STDIN_FILENO);
	dup2(saved_out, STDOUT_FILENO);
	close(saved_in);
	close(saved_out);
	assert_int_equal(err, 0);
}

/* The end of the input is no hang-up; the end of the output is. */
static void test_stdio_pipes(void **state)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	open_stdio(in[0], out[1]);
	assert_true(end->connected);
	write_to(in[1], "input");
	fixture_run(&fixture);
	assert_string_equal(end_read(), "input");
	assert_int_equal(end_write("output"), 6);
	expect_at(out[0], "output");
	assert_false(fcntl(in[0], F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);

	close(in[1]);
	fixture_run(&fixture);
	assert_string_equal(end_read(), "");
	fixture_run(&fixture);
	assert_int_equal(fixture_count_wakeups(&fixture, 50), 0);
	assert_true(end->connected);

	close(out[0]);
	assert_int_equal(end_write("lost"), 0);
	assert_false(end->connected);
	fixture_run(&fixture);
	assert_int_equal(fixture_count_wakeups(&fixture, 50), 0);
	close(in[0]);
	close(out[1]);
}

static void test_stdio_sockets(void **state)
{
	static char big[1 << 20];
	struct iovec iov = {.iov_base = big, .iov_len = sizeof(big)};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	open_stdio(fds[0], fds[0]);
	write_to(fds[1], "input");
	fixture_run(&fixture);
	assert_string_equal(end_read(), "input");
	assert_int_equal(end_write("output"), 6);
	expect_at(fds[1], "output");
	while (end->writable)
		end->ops->write(end, &iov, 1);
	assert_true(end->connected);
	assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	close(fds[0]);
	close(fds[1]);
}

/* Regular files cannot be watched, and need not be; output goes on where the file is. */
static void test_stdio_files(void **state)
{
	int in = open(fixture_path(&fixture, "in"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int out = open(fixture_path(&fixture, "out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	write_to(in, "input");
	lseek(in, 0, SEEK_SET);
	write_to(out, "before ");
	open_stdio(in, out);
	assert_string_equal(end_read(), "input");
	assert_int_equal(end_write("after"), 5);
	lseek(out, 0, SEEK_SET);
	expect_at(out, "before after");
	close(in);
	close(out);
	unlink(fixture_path(&fixture, "in"));
	unlink(fixture_path(&fixture, "out"));
}

/* In a process of its own, whose controlling terminal this is. */
static int check_terminal(const char *path)
{
	struct termios before, during, after;
	int fd;

	setsid();
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &before) < 0)
		return 1;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	if (try_open("stdio", NULL) < 0)
		return 2;
	tcgetattr(fd, &during);
	if (during.c_lflag & (ICANON | ECHO) || !(during.c_lflag & ISIG) || during.c_oflag & OPOST)
		return 3;
	if (fcntl(fd, F_GETFL) & O_NONBLOCK)
		return 4;
	close_end();
	tcgetattr(fd, &after);
	return after.c_lflag != before.c_lflag || after.c_oflag != before.c_oflag ? 5 : 0;
}

static void test_stdio_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char path[64];
	int status;
	pid_t child;

	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, path, sizeof(path)), 0);
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(check_terminal(path));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_specifications, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_appends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_carries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_removes_its_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_spares_another_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_refuses_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_long_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_replaces_a_stale_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_second_client_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_reads_after_hangup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_half_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_stops_listening, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_slow_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unix_reconnects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_carries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_short_visit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_slow_terminal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pty_leaves_no_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdio_pipes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdio_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdio_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdio_terminal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
