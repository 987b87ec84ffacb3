/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/proto.h"

#define BACKLOG 16

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int set_address(struct sockaddr_un *address, const char *path)
{
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	strcpy(address->sun_path, path);
	return 0;
}

/* 0 where the path is a socket that nobody listens at, as a killed server leaves behind. */
static int check_stale(const char *path)
{
	cleanup_close int fd = -1;
	struct sockaddr_un address;
	struct stat st;
	int err = set_address(&address, path);

	if (err)
		return err;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;

	fd = open_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return -EADDRINUSE;
	return errno == ECONNREFUSED ? 0 : -EADDRINUSE;
}

/* Binds to a name of its own beside the path and listens; returns the socket. */
static int listen_beside(const char *beside)
{
	cleanup_close int fd = open_socket();
	struct sockaddr_un address;
	int err;

	if (fd < 0)
		return fd;
	err = set_address(&address, beside);
	if (err)
		return err;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0) {
		err = -errno;
		unlink(beside);
		return err;
	}
	return umd_steal_fd(&fd);
}

/* Gives the listening socket its name, unless another one listens there. */
static int publish(const char *beside, const char *path)
{
	int err;

	if (link(beside, path) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;

	err = check_stale(path);
	if (err)
		return err;
	return rename(beside, path) < 0 ? -errno : 0;
}

/*
 * The path appears when the socket listens, not before: whoever waits for it may connect at once.
 * The directory is named through its fd, since the name beside the path may be too long otherwise.
 */
int umd_listen(const char *path)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	cleanup_close int folder_fd = -1;
	cleanup_close int fd = -1;
	char beside[64];
	int err;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	if (!folder)
		return -ENOMEM;
	folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return -errno;

	snprintf(beside, sizeof(beside), "/proc/self/fd/%d/.umdev-%d", folder_fd, (int)getpid());
	fd = listen_beside(beside);
	if (fd < 0)
		return fd;
	err = publish(beside, path);
	unlink(beside);
	return err ? err : umd_steal_fd(&fd);
}

static int get_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

int umd_listen_check(int fd, bool *ret_listens)
{
	if (get_option(fd, SO_DOMAIN) != AF_UNIX || get_option(fd, SO_TYPE) != SOCK_STREAM)
		return -EINVAL;
	*ret_listens = get_option(fd, SO_ACCEPTCONN) == 1;
	if (*ret_listens && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

void umd_refuse(int fd, int error)
{
	struct umd_wire_header header;
	uint8_t rest[4096];

	shutdown(fd, SHUT_RD);
	if (recv(fd, &header, sizeof(header), MSG_DONTWAIT) == sizeof(header)) {
		header.flags = UMD_WIRE_TYPE_REPLY | UMD_WIRE_ERROR;
		header.size = sizeof(header);
		header.error = (uint32_t)-error;
		send(fd, &header, sizeof(header), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	while (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
	umd_close(&fd);
}
