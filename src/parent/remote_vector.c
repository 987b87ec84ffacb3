/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link's vectors in another process. The link knows which it has, so that what is posted is
 * refused here where it would be refused there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parent/remote.h"

#define FIRST_ROOM 8u

struct umd_remote_vector *umd_remote_find_vector(struct umd_remote *remote, uint32_t vector)
{
	for (size_t i = 0; i < remote->vector_count; i++)
		if (remote->vectors[i].vector == vector && !remote->vectors[i].revoked)
			return &remote->vectors[i];
	return NULL;
}

void umd_remote_forget_vector(struct umd_remote *remote, struct umd_remote_vector *vector)
{
	*vector = remote->vectors[--remote->vector_count];
}

static int make_room(struct umd_remote *remote)
{
	size_t room = remote->vector_room ? 2 * remote->vector_room : FIRST_ROOM;
	struct umd_remote_vector *vectors;

	if (remote->vector_count < remote->vector_room)
		return 0;
	vectors = realloc(remote->vectors, room * sizeof(*vectors));
	if (!vectors)
		return -ENOMEM;
	remote->vectors = vectors;
	remote->vector_room = room;
	return 0;
}

static int call(struct umd_remote *remote, uint16_t type, uint32_t vector, uint32_t *ret_value)
{
	struct umd_msg_vector msg = {.header.type = type, .vector = vector};
	struct umd_remote_call call = {0};
	int err = umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);

	if (!err && ret_value)
		*ret_value = call.value;
	return err;
}

int umd_remote_alloc_vector(struct umd_link *link, uint32_t *ret)
{
	struct umd_remote *remote = umd_remote_of(link);
	struct umd_msg_header msg = {.type = UMD_MSG_ALLOC_VECTOR};
	struct umd_remote_call call = {0};
	int err = make_room(remote);

	if (!err)
		err = umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);
	if (err)
		return err;
	remote->vectors[remote->vector_count++] = (struct umd_remote_vector){.vector = call.value};
	*ret = call.value;
	return 0;
}

int umd_remote_free_vector(struct umd_link *link, uint32_t vector)
{
	struct umd_remote *remote = umd_remote_of(link);
	struct umd_remote_vector *known = umd_remote_find_vector(remote, vector);
	int err;

	if (!known)
		return remote->gone ? -ENOTCONN : -ENOENT;
	umd_remote_forget_vector(remote, known);
	err = call(remote, UMD_MSG_FREE_VECTOR, vector, NULL);
	return err;
}

static int post(struct umd_remote *remote, uint16_t type, uint32_t vector, uint32_t value, int fd)
{
	struct umd_msg_vector msg = {.header.type = type, .vector = vector, .value = value};

	if (remote->gone)
		return -ENOTCONN;
	if (!umd_remote_find_vector(remote, vector))
		return -ENOENT;
	return umd_remote_post(remote, &msg, sizeof(msg), &fd, fd >= 0);
}

/* As far as it can be told here; the parent takes no other. */
static bool may_be_eventfd(int fd)
{
	static const char name[] = "anon_inode:[eventfd]";
	char path[32], link[sizeof(name)];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link));
	if (n < 0)
		return true;
	return (size_t)n == sizeof(name) - 1 && memcmp(link, name, sizeof(name) - 1) == 0;
}

int umd_remote_set_eventfd(struct umd_link *link, uint32_t vector, int fd)
{
	int err;

	if (fd >= 0 && !may_be_eventfd(fd))
		return -EINVAL;
	err = post(umd_remote_of(link), UMD_MSG_SET_EVENTFD, vector, fd >= 0, fd >= 0 ? fd : -1);
	return err == -EBADF ? -EINVAL : err;
}

int umd_remote_set_mask(struct umd_link *link, uint32_t vector, bool masked)
{
	return post(umd_remote_of(link), UMD_MSG_SET_MASK, vector, masked, -1);
}

int umd_remote_is_pending(struct umd_link *link, uint32_t vector)
{
	struct umd_remote *remote = umd_remote_of(link);
	uint32_t pending = 0;
	int err;

	if (!umd_remote_find_vector(remote, vector))
		return remote->gone ? -ENOTCONN : -ENOENT;
	err = call(remote, UMD_MSG_IS_PENDING, vector, &pending);
	return err ? err : pending != 0;
}
