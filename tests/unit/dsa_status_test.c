/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine's status on a socket: what it says, for how many owners, and to whom. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <umdev/parent.h>

#include "dsa/status.h"

static struct dsa_engine *engine;
static char dir[32], path[64];

static int setup(void **state)
{
	const struct dsa_engine_options options = {.workers = 1, .queues = 512};

	strcpy(dir, "/tmp/umdev-status-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/status", dir);
	assert_int_equal(dsa_engine_create(&options, &engine, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	dsa_engine_destroy(engine);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static struct dsa_status_socket *create(void)
{
	struct dsa_status_socket *status = NULL;

	assert_int_equal(dsa_status_create(engine, path, &status, NULL), 0);
	return status;
}

static int connect_to(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* All that comes, up to the end. */
static const char *read_all(int fd)
{
	static char text[1 << 17];
	size_t have = 0;
	ssize_t got;

	while ((got = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)got;
	assert_int_equal(got, 0);
	text[have] = '\0';
	close(fd);
	return text;
}

static struct umd_link *join(uint32_t number, struct umd_queue **ret_queue)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = number};
	const struct umd_queue_options options = {.size = sizeof(options), .depth = 1};
	struct umd_link *link;

	assert_int_equal(umd_link_open(dsa_engine_parent(engine), &owner, NULL, &link, NULL), 0);
	assert_int_equal(umd_queue_open(link, &options, ret_queue), 0);
	return link;
}

static void test_nobody_yet(void **state)
{
	struct dsa_status_socket *status = create();
	int fd = connect_to();

	dsa_status_dispatch(status);
	assert_string_equal(read_all(fd), "{\"owners\": [\n]}\n");
	dsa_status_destroy(status);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_an_owner(void **state)
{
	struct dsa_status_socket *status = create();
	struct umd_queue *queue;
	struct umd_link *link = join(7, &queue);
	int fd = connect_to();

	dsa_status_dispatch(status);
	assert_string_equal(read_all(fd),
			    "{\"owners\": [\n"
			    "  {\"owner\": 7, \"queues\": 1, \"descriptors\": 0, \"bytes\": 0, "
			    "\"interrupts\": 0, \"faults\": 0, \"refused\": 0}\n]}\n");
	umd_queue_close(queue);
	umd_link_close(link);
	dsa_status_destroy(status);
}

static void test_all_owners_fit_for_those_who_do_not_read(void **state)
{
	struct dsa_status_socket *status = create();
	struct umd_queue *queues[DSA_OWNERS_MAX];
	struct umd_link *links[DSA_OWNERS_MAX];
	int fds[8];

	for (uint32_t i = 0; i < DSA_OWNERS_MAX; i++)
		links[i] = join(UINT32_MAX - 1 - i, &queues[i]);
	for (size_t i = 0; i < UNIT_COUNT(fds); i++)
		fds[i] = connect_to();
	dsa_status_dispatch(status);
	for (size_t i = 0; i < UNIT_COUNT(fds); i++) {
		const char *text = read_all(fds[i]);
		unsigned int owners = 0;

		for (const char *at = text; (at = strstr(at, "\"owner\"")); at++)
			owners++;
		assert_int_equal(owners, DSA_OWNERS_MAX);
		assert_string_equal(text + strlen(text) - 4, "\n]}\n");
	}
	for (uint32_t i = 0; i < DSA_OWNERS_MAX; i++) {
		umd_queue_close(queues[i]);
		umd_link_close(links[i]);
	}
	dsa_status_destroy(status);
}

static void test_whoever_hung_up_is_nobody(void **state)
{
	struct dsa_status_socket *status = create();

	for (int i = 0; i < 40; i++) {
		close(connect_to());
		dsa_status_dispatch(status);
	}
	dsa_status_destroy(status);
}

static void test_a_socket_left_over_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	dsa_status_destroy(create());
}

static void test_a_path_in_use(void **state)
{
	struct dsa_status_socket *status = create(), *other;
	struct umd_error error;

	assert_int_equal(dsa_status_create(engine, path, &other, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(access(path, F_OK), 0);
	dsa_status_destroy(status);
}

static void test_paths_that_cannot_be(void **state)
{
	struct dsa_status_socket *status;
	char name[200];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(dsa_status_create(engine, name, &status, NULL), -ENAMETOOLONG);
	assert_int_equal(dsa_status_create(engine, "/nonexistent/s", &status, NULL), -ENOENT);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(dsa_status_create(engine, path, &status, NULL), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nobody_yet),
		CASE(test_an_owner),
		CASE(test_all_owners_fit_for_those_who_do_not_read),
		CASE(test_whoever_hung_up_is_nobody),
		CASE(test_a_socket_left_over_is_replaced),
		CASE(test_a_path_in_use),
		CASE(test_paths_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
