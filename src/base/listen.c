/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define BACKLOG 16

static int open_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* 0 where the path is a socket that nobody listens at, as a killed server leaves behind. */
static int check_stale(const struct sockaddr_un *address, int type)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;

	fd = open_socket(type);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return -EADDRINUSE;
	return errno == ECONNREFUSED ? 0 : -EADDRINUSE;
}

static int bind_path(int fd, const struct sockaddr_un *address, int type)
{
	int err;

	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;

	err = check_stale(address, type);
	if (err)
		return err;
	unlink(address->sun_path);
	return bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
}

int umd_listen(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;
	int err;

	if (!*path)
		return -EINVAL;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);

	fd = open_socket(type);
	if (fd < 0)
		return fd;
	err = bind_path(fd, &address, type);
	if (err)
		return err;
	if (listen(fd, BACKLOG) < 0) {
		err = -errno;
		unlink(path);
		return err;
	}
	return umd_steal_fd(&fd);
}

static int get_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

int umd_listen_check(int fd, int type, bool *ret_listens)
{
	if (get_option(fd, SO_DOMAIN) != AF_UNIX || get_option(fd, SO_TYPE) != type)
		return -EINVAL;
	*ret_listens = get_option(fd, SO_ACCEPTCONN) == 1;
	if (*ret_listens && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}
