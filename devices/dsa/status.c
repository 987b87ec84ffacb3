/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine's status on a socket: accepted, written to and closed in one go. */
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define AT_A_TIME  16
#define OWNER_SIZE 256u /* bytes of text, at most: seven numbers with their names */

struct dsa_status_socket {
	struct dsa_engine *engine;
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct dsa_usage usage[DSA_OWNERS_MAX];
	char text[DSA_OWNERS_MAX * OWNER_SIZE + 64];
};

/* ---- The text ------------------------------------------------------------------------------ */

static size_t put_owner(char *to, size_t room, const struct dsa_usage *usage, const char *separator)
{
	return (size_t)snprintf(to, room,
				"%s\n  {\"owner\": %" PRIu32 ", \"queues\": %u"
				", \"descriptors\": %" PRIu64 ", \"bytes\": %" PRIu64
				", \"interrupts\": %" PRIu64 ", \"faults\": %" PRIu64
				", \"refused\": %" PRIu64 "}",
				separator, usage->owner, usage->queues, usage->descriptors,
				usage->bytes, usage->interrupts, usage->faults, usage->refused);
}

static size_t put_text(struct dsa_status_socket *status)
{
	char *text = status->text;
	const size_t room = sizeof(status->text);
	size_t count = dsa_engine_get_usage(status->engine, status->usage, DSA_OWNERS_MAX);
	size_t at = (size_t)snprintf(text, room, "{\"owners\": [");

	for (size_t i = 0; i < count && i < DSA_OWNERS_MAX; i++)
		at += put_owner(text + at, room - at, &status->usage[i], i ? "," : "");
	return at + (size_t)snprintf(text + at, room - at, "\n]}\n");
}

/* ---- The socket ---------------------------------------------------------------------------- */

/* Whoever does not read has it in a buffer that was made large enough. */
static void answer(struct dsa_status_socket *status, int fd)
{
	const int size = sizeof(status->text);
	size_t length = put_text(status);

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (send(fd, status->text, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* it has hung up already */
}

void dsa_status_dispatch(struct dsa_status_socket *status)
{
	for (int i = 0; i < AT_A_TIME; i++) {
		int fd = accept4(status->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		answer(status, fd);
		close(fd);
	}
}

int dsa_status_fd(const struct dsa_status_socket *status)
{
	return status->fd;
}

static bool is_listened_on(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 &&
		       (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return answers;
}

/* A socket may be left over from a process that is gone. */
static int remove_left_over(const struct sockaddr_un *address)
{
	struct stat stat;

	if (lstat(address->sun_path, &stat) < 0)
		return -errno;
	if (!S_ISSOCK(stat.st_mode))
		return -EEXIST;
	if (is_listened_on(address))
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_to(int fd, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int err;

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;

	err = remove_left_over(&address);
	if (!err && bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		err = -errno;
	return err;
}

static int open_socket(struct dsa_status_socket *status, const char *path)
{
	int err;

	if (strlen(path) >= sizeof(status->path))
		return -ENAMETOOLONG;
	status->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (status->fd < 0)
		return -errno;

	err = bind_to(status->fd, path);
	if (err)
		return err;
	memcpy(status->path, path, strlen(path) + 1);
	return listen(status->fd, SOMAXCONN) < 0 ? -errno : 0;
}

int dsa_status_create(struct dsa_engine *engine, const char *path, struct dsa_status_socket **ret,
		      struct umd_error *error)
{
	struct dsa_status_socket *status = calloc(1, sizeof(*status));
	int err;

	if (!status)
		return umd_error_set(error, -ENOMEM, "no memory for the status");

	status->engine = engine;
	status->fd = -1;
	err = open_socket(status, path);
	if (err) {
		dsa_status_destroy(status);
		return umd_error_set(error, err, "status at %s: %s", path, strerror(-err));
	}
	*ret = status;
	return 0;
}

void dsa_status_destroy(struct dsa_status_socket *status)
{
	if (!status)
		return;

	if (status->path[0])
		unlink(status->path);
	if (status->fd >= 0)
		close(status->fd);
	free(status);
}
