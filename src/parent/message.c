/* SPDX-License-Identifier: BSD-2-Clause */
#include "parent/message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/receive.h"

/* The layouts are for both ends, whatever compiled them: no padding anywhere. */
_Static_assert(sizeof(struct umd_msg_header) == 8, "header");
_Static_assert(sizeof(struct umd_msg_hello) == 16, "hello");
_Static_assert(sizeof(struct umd_msg_offer) == 320, "offer");
_Static_assert(sizeof(struct umd_msg_welcome) == 16 + 232 + 320, "welcome");
_Static_assert(sizeof(struct umd_msg_info) == 328, "info");
_Static_assert(sizeof(struct umd_msg_one_change) == 32, "change");
_Static_assert(offsetof(struct umd_msg_change, changes) == 16, "changes");
_Static_assert(sizeof(struct umd_msg_vector) == 16, "vector");
_Static_assert(sizeof(struct umd_msg_region) == 16, "region");
_Static_assert(sizeof(struct umd_msg_described) == 32, "described");
_Static_assert(offsetof(struct umd_msg_open, config) == 24, "open");
_Static_assert(sizeof(struct umd_msg_opened) == 24, "opened");
_Static_assert(sizeof(struct umd_msg_queue) == 16, "queue");
_Static_assert(sizeof(struct umd_msg_one_done) == 16, "done");
_Static_assert(offsetof(struct umd_msg_done, done) == 16, "dones");
_Static_assert(offsetof(struct umd_msg_revoked, vectors) == 16, "revoked");
_Static_assert(sizeof(struct umd_msg_event) == 88, "event");

/* ---- Sizes --------------------------------------------------------------------------------- */

size_t umd_msg_change_size(uint32_t count)
{
	return offsetof(struct umd_msg_change, changes) + count * sizeof(struct umd_msg_one_change);
}

size_t umd_msg_open_size(uint32_t config_size)
{
	return offsetof(struct umd_msg_open, config) + config_size;
}

size_t umd_msg_done_size(uint32_t count)
{
	return offsetof(struct umd_msg_done, done) + count * sizeof(struct umd_msg_one_done);
}

size_t umd_msg_revoked_size(uint32_t count)
{
	return offsetof(struct umd_msg_revoked, vectors) + count * sizeof(uint32_t);
}

/* ---- Questions ----------------------------------------------------------------------------- */

static int check_one_change(const struct umd_msg_one_change *change, unsigned int *known,
			    unsigned int fd_count)
{
	if (change->flags & ~UMD_MSG_UNMAP)
		return -EINVAL;
	if (change->flags & UMD_MSG_UNMAP)
		return change->offset || change->prot || change->fd ? -EINVAL : 0;
	if (change->fd > *known)
		return -EINVAL;
	if (change->fd == *known)
		++*known;
	return *known > fd_count ? -EBADF : 0;
}

/* Every fd is some map's. */
static int check_changes(const struct umd_msg_change *msg, unsigned int fd_count)
{
	unsigned int known = 0;
	int err = msg->zero ? -EINVAL : 0;

	for (uint32_t i = 0; i < msg->count && !err; i++)
		err = check_one_change(&msg->changes[i], &known, fd_count);
	if (err)
		return err;
	return known == fd_count ? 0 : -EBADF;
}

static int check_change(const struct umd_msg_change *msg, size_t size, unsigned int fd_count)
{
	if (size < umd_msg_change_size(0))
		return -EBADMSG;
	if (msg->count < 1 || msg->count > UMD_MSG_CHANGES_MAX)
		return -EINVAL;
	if (size != umd_msg_change_size(msg->count))
		return -EBADMSG;
	return check_changes(msg, fd_count);
}

static int check_open(const struct umd_msg_open *msg, size_t size)
{
	if (size < umd_msg_open_size(0))
		return -EBADMSG;
	if (msg->config_size > UMD_QUEUE_CONFIG_MAX)
		return -EINVAL;
	return size == umd_msg_open_size(msg->config_size) ? 0 : -EBADMSG;
}

static size_t fixed_size(uint16_t type)
{
	switch (type) {
	case UMD_MSG_HELLO:
		return sizeof(struct umd_msg_hello);
	case UMD_MSG_FREE_VECTOR:
	case UMD_MSG_SET_EVENTFD:
	case UMD_MSG_SET_MASK:
	case UMD_MSG_IS_PENDING:
		return sizeof(struct umd_msg_vector);
	case UMD_MSG_CLOSE_QUEUE:
	case UMD_MSG_COMMAND:
		return sizeof(struct umd_msg_queue);
	case UMD_MSG_GET_REGION:
	case UMD_MSG_PUT_REGION:
		return sizeof(struct umd_msg_region);
	default:
		return sizeof(struct umd_msg_header);
	}
}

/* The last field of messages of 16 bytes. */
static int check_value(const union umd_msg *msg)
{
	switch (msg->header.type) {
	case UMD_MSG_HELLO:
		return msg->hello.zero ? -EINVAL : 0;
	case UMD_MSG_SET_EVENTFD:
	case UMD_MSG_SET_MASK:
		return msg->vector.value > 1 ? -EINVAL : 0;
	case UMD_MSG_FREE_VECTOR:
	case UMD_MSG_IS_PENDING:
		return msg->vector.value ? -EINVAL : 0;
	case UMD_MSG_COMMAND:
		return msg->queue.value >= UMD_QUEUE_COMMANDS ? -EINVAL : 0;
	case UMD_MSG_CLOSE_QUEUE:
		return msg->queue.value ? -EINVAL : 0;
	case UMD_MSG_GET_REGION:
		return msg->region.value > 1 ? -EINVAL : 0;
	case UMD_MSG_PUT_REGION:
		return msg->region.value ? -EINVAL : 0;
	default:
		return 0;
	}
}

static int check_fixed(const union umd_msg *msg, size_t size)
{
	if (size != fixed_size(msg->header.type))
		return -EBADMSG;
	return check_value(msg);
}

static int check_flags(const struct umd_msg_header *header)
{
	if (header->flags & ~UMD_MSG_FLAGS)
		return -EINVAL;
	return (header->flags & UMD_MSG_MORE) && header->type != UMD_MSG_CHANGE ? -EINVAL : 0;
}

/* Of what is no UMD_MSG_CHANGE, after its size has been checked. */
static int check_fd_count(const union umd_msg *msg, unsigned int fd_count)
{
	return fd_count == (msg->header.type == UMD_MSG_SET_EVENTFD ? msg->vector.value : 0)
		       ? 0
		       : -EBADF;
}

int umd_msg_check(const union umd_msg *msg, size_t size, unsigned int fd_count)
{
	int err;

	if (size < sizeof(msg->header))
		return -EBADMSG;
	if (size > UMD_MSG_SIZE_MAX)
		return -EMSGSIZE;
	if (msg->header.type < UMD_MSG_HELLO || msg->header.type >= UMD_MSG_QUESTIONS)
		return -EOPNOTSUPP;
	err = check_flags(&msg->header);
	if (err)
		return err;
	if (msg->header.type == UMD_MSG_CHANGE)
		return check_change(&msg->change, size, fd_count);

	err = msg->header.type == UMD_MSG_OPEN_QUEUE ? check_open(&msg->open, size)
						     : check_fixed(msg, size);
	return err ? err : check_fd_count(msg, fd_count);
}

/* ---- Answers ------------------------------------------------------------------------------- */

static bool is_done(const struct umd_msg_done *msg, size_t size)
{
	return size >= umd_msg_done_size(0) && msg->count >= 1 && msg->count <= UMD_MSG_DONE_MAX &&
	       size == umd_msg_done_size(msg->count);
}

static bool is_revoked(const struct umd_msg_revoked *msg, size_t size)
{
	return size >= umd_msg_revoked_size(0) && msg->count >= 1 &&
	       msg->count <= UMD_MSG_REVOKED_MAX && size == umd_msg_revoked_size(msg->count);
}

static bool is_string(const char *text, size_t room)
{
	return memchr(text, 0, room);
}

static bool is_offer(const struct umd_msg_offer *offer)
{
	return is_string(offer->api, sizeof(offer->api)) &&
	       is_string(offer->algorithms, sizeof(offer->algorithms));
}

static bool is_welcome(const struct umd_msg_welcome *msg, size_t size)
{
	return size == sizeof(*msg) && msg->result <= 0 &&
	       is_string(msg->text, sizeof(msg->text)) && is_offer(&msg->offer);
}

static bool is_described(const struct umd_msg_described *msg, size_t size)
{
	return size == sizeof(*msg) && !(msg->flags & ~(UMD_MSG_WRITABLE | UMD_MSG_WITH_FILE));
}

static bool is_answer(const union umd_msg_answer *msg, size_t size)
{
	switch (msg->header.type) {
	case UMD_MSG_HELLO:
		return is_welcome(&msg->welcome, size);
	case UMD_MSG_INFO:
		return size == sizeof(msg->info) && is_offer(&msg->info.offer);
	case UMD_MSG_OPEN_QUEUE:
		return size == sizeof(msg->opened);
	case UMD_MSG_GET_REGION:
		return is_described(&msg->described, size);
	case UMD_MSG_REGION_REVOKED:
		return size == sizeof(msg->region) && !msg->region.value;
	case UMD_MSG_DONE:
		return is_done(&msg->done, size);
	case UMD_MSG_REVOKED:
		return is_revoked(&msg->revoked, size);
	case UMD_MSG_HALTED:
	case UMD_MSG_NOTED:
		return size == sizeof(msg->event) && msg->event.size <= UMD_NOTE_MAX;
	default:
		return false;
	}
}

/* Of what is an answer. */
static unsigned int answers_fds(const union umd_msg_answer *msg)
{
	switch (msg->header.type) {
	case UMD_MSG_OPEN_QUEUE:
		return 2;
	case UMD_MSG_GET_REGION:
		return (msg->described.flags & UMD_MSG_WITH_FILE) ? 1 : 0;
	default:
		return 0;
	}
}

int umd_msg_check_answer(const union umd_msg_answer *msg, size_t size, unsigned int fd_count)
{
	if (size < sizeof(msg->header) || size > UMD_MSG_SIZE_MAX || !is_answer(msg, size))
		return -EPROTO;
	return fd_count == answers_fds(msg) ? 0 : -EPROTO;
}

/* ---- What a parent offers ------------------------------------------------------------------ */

void umd_msg_put_offer(struct umd_msg_offer *to, const struct umd_parent_info *from)
{
	*to = (struct umd_msg_offer){.entry_size = from->entry_size,
				     .max_depth = from->max_depth,
				     .shared_queues = from->shared_queues,
				     .queues = from->queues,
				     .free_queues = from->free_queues,
				     .vectors = from->vectors,
				     .free_vectors = from->free_vectors,
				     .max_weight = from->max_weight,
				     .max_batch = from->max_batch,
				     .max_maps = from->max_maps,
				     .max_transfer = from->max_transfer,
				     .max_mapped_bytes = from->max_mapped_bytes,
				     .regions = from->regions};
	memcpy(to->api, from->api, sizeof(to->api));
	memcpy(to->algorithms, from->algorithms, sizeof(to->algorithms));
}

void umd_msg_get_offer(const struct umd_msg_offer *from, struct umd_parent_info *to)
{
	*to = (struct umd_parent_info){.size = sizeof(*to),
				       .entry_size = from->entry_size,
				       .max_depth = from->max_depth,
				       .shared_queues = from->shared_queues,
				       .queues = from->queues,
				       .free_queues = from->free_queues,
				       .vectors = from->vectors,
				       .free_vectors = from->free_vectors,
				       .max_weight = from->max_weight,
				       .max_batch = from->max_batch,
				       .max_maps = from->max_maps,
				       .max_transfer = from->max_transfer,
				       .max_mapped_bytes = from->max_mapped_bytes,
				       .regions = from->regions};
	memcpy(to->api, from->api, sizeof(to->api));
	memcpy(to->algorithms, from->algorithms, sizeof(to->algorithms));
}

/* ---- Sending, receiving
 * ------------------------------------------------------------------------------- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(UMD_SCM_MAX_FD * sizeof(int))];
};

static void put_fds(struct msghdr *header, union control *control, const int *fds,
		    unsigned int fd_count)
{
	control->align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(fd_count * sizeof(*fds))};
	memcpy(CMSG_DATA(&control->align), fds, fd_count * sizeof(*fds));
	header->msg_control = control;
	header->msg_controllen = CMSG_SPACE(fd_count * sizeof(*fds));
}

int umd_msg_send(int socket, const void *msg, size_t size, const int *fds, unsigned int fd_count,
		 int flags)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = size};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	if (fds && fd_count)
		put_fds(&header, &control, fds, fd_count);
	do {
		n = sendmsg(socket, &header, flags | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static unsigned int take_fds(struct msghdr *header, int *fds, unsigned int room)
{
	unsigned int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fds);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || n > room - count)
			continue;
		memcpy(&fds[count], CMSG_DATA(c), n * sizeof(*fds));
		count += (unsigned int)n;
	}
	return count;
}

int umd_msg_receive_answer(int socket, union umd_msg_answer *ret, int flags,
			   int fds[UMD_MSG_ANSWER_FDS], unsigned int *ret_fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(UMD_MSG_ANSWER_FDS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
	unsigned int count;

	if (n < 0)
		return -errno;
	count = header.msg_controllen ? take_fds(&header, fds, UMD_MSG_ANSWER_FDS) : 0;
	if (header.msg_flags & MSG_CTRUNC) {
		for (unsigned int i = 0; i < count; i++)
			umd_close(&fds[i]);
		return -EPROTO;
	}
	*ret_fd_count = count;
	return (int)n;
}
