/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the serial tests that need a loop share: a device that serves a silent client, so that its
 * watches run, and a directory for sockets, links and files.
 */
#ifndef SERIAL_FIXTURE_H
#define SERIAL_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <umdev/device.h>

struct fixture {
	struct umd_device *device;
	struct umd_server *server;
	int client; /* the other end of the server's connection */
	char dir[32];
	char path[64]; /* of a file in it, by fixture_path() */
};

static inline void fixture_start(struct fixture *f)
{
	struct umd_device_info info = {.size = sizeof(info), .name = "fixture"};
	struct umd_server_options options = {.size = sizeof(options)};
	int fds[2];

	strcpy(f->dir, "/tmp/umdev-serial-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(umd_device_create(&info, &f->device), 0);
	assert_int_equal(umd_device_realize(f->device, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	options.fd = fds[0];
	f->client = fds[1];
	assert_int_equal(umd_server_create(f->device, &options, &f->server), 0);
}

/* Everything that the devices made must be gone. */
static inline void fixture_stop(struct fixture *f)
{
	umd_server_destroy(f->server);
	umd_device_destroy(f->device);
	close(f->client);
	assert_int_equal(rmdir(f->dir), 0);
}

static inline const char *fixture_path(struct fixture *f, const char *name)
{
	snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	return f->path;
}

/* Runs the watches that are ready, until none is. */
static inline void fixture_run(struct fixture *f)
{
	struct pollfd fd = {.fd = umd_server_fd(f->server), .events = POLLIN};

	while (poll(&fd, 1, 0) == 1)
		assert_int_equal(umd_server_dispatch(f->server, 0), 0);
}

/* Runs the watches until the condition holds; fails after some seconds. */
#define fixture_run_until(f, condition)                                            \
	do {                                                                       \
		time_t end_ = time(NULL) + 10;                                     \
		while (!(condition)) {                                             \
			assert_int_equal(umd_server_dispatch((f)->server, 10), 0); \
			assert_true(time(NULL) < end_);                            \
		}                                                                  \
	} while (0)

/* How often the watches run in a while in which nothing happens. */
static inline int fixture_count_wakeups(struct fixture *f, int ms)
{
	struct pollfd fd = {.fd = umd_server_fd(f->server), .events = POLLIN};
	int wakeups = 0;

	while (poll(&fd, 1, ms) == 1 && wakeups < 1000) {
		assert_int_equal(umd_server_dispatch(f->server, 0), 0);
		wakeups++;
	}
	return wakeups;
}

static inline int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

#endif
