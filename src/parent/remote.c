/* SPDX-License-Identifier: BSD-2-Clause */
/* A link to a parent of another process: its life, its memory, its queues. */
#include "parent/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/listen.h"

/* ---- What the parent offers ---------------------------------------------------------------- */

static int get_info(struct umd_link *link, struct umd_parent_info *ret)
{
	struct umd_remote *remote = umd_remote_of(link);
	struct umd_msg_header msg = {.type = UMD_MSG_INFO};
	struct umd_remote_call call = {0};
	int err = umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);

	if (!err)
		umd_msg_get_offer(&remote->answer.info.offer, ret);
	return err;
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* A message that is being filled. */
struct piece {
	struct umd_msg_change msg;
	int fds[UMD_MSG_CHANGES_MAX];
	unsigned int fd_count;
};

/* The fd's place among those of the message: often it is the last one's. */
static uint16_t put_fd(struct piece *piece, int fd)
{
	unsigned int i = piece->fd_count;

	while (i > 0 && piece->fds[i - 1] != fd)
		i--;
	if (i > 0)
		return (uint16_t)(i - 1);
	piece->fds[piece->fd_count] = fd;
	return (uint16_t)piece->fd_count++;
}

static void put_change(struct piece *piece, const struct umd_dma_change *change)
{
	struct umd_msg_one_change *to = &piece->msg.changes[piece->msg.count++];

	*to = (struct umd_msg_one_change){.iova = change->iova, .size = change->size};
	if (change->unmap) {
		to->flags = UMD_MSG_UNMAP;
		return;
	}
	to->offset = change->offset;
	to->prot = change->prot;
	to->fd = put_fd(piece, change->fd);
}

static void fill(struct piece *piece, const struct umd_dma_change *changes, size_t count)
{
	piece->msg.header = (struct umd_msg_header){.type = UMD_MSG_CHANGE};
	piece->msg.count = piece->msg.zero = 0;
	piece->fd_count = 0;
	for (size_t i = 0; i < count; i++)
		put_change(piece, &changes[i]);
}

/* The parent counts them, too: umd_link.changes. */
static void count_change(struct umd_link *link)
{
	__atomic_store_n(&link->changes, link->changes + 1, __ATOMIC_RELAXED);
}

static int send_piece(struct umd_remote *remote, const struct umd_remote_call *call,
		      struct piece *piece, uint16_t flags)
{
	int err;

	piece->msg.header.flags = flags;
	err = umd_remote_send(remote, call, &piece->msg, umd_msg_change_size(piece->msg.count),
			      piece->fds, piece->fd_count);
	if (!err)
		count_change(&remote->link);
	return err == -EBADF ? -EMEDIUMTYPE : err;
}

static unsigned int count_pieces(size_t count)
{
	return (unsigned int)((count + UMD_MSG_CHANGES_MAX - 1) / UMD_MSG_CHANGES_MAX);
}

/* What cannot be sent ends the call there. */
static void send_changes(struct umd_remote *remote, struct umd_remote_call *call,
			 const struct umd_dma_change *changes, size_t count)
{
	uint16_t last = call->posted ? 0 : UMD_MSG_WAITS;
	struct piece piece;

	for (size_t n; count; changes += n, count -= n) {
		int err;

		n = count < UMD_MSG_CHANGES_MAX ? count : UMD_MSG_CHANGES_MAX;
		fill(&piece, changes, n);
		err = send_piece(remote, call, &piece, n < count ? UMD_MSG_MORE : last);
		if (err) {
			umd_remote_skip(remote, call, count_pieces(count), err);
			return;
		}
	}
}

static bool can_be_sent(const struct umd_dma_change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!changes[i].unmap && changes[i].kind != UMD_DMA_BY_FD)
			return false;
	return true;
}

static int change_and_wait(struct umd_remote *remote, const struct umd_dma_change *changes,
			   size_t count)
{
	struct umd_remote_call call = {0};

	umd_remote_begin(remote, &call, count_pieces(count));
	send_changes(remote, &call, changes, count);
	return umd_remote_wait(remote, &call);
}

static int post_changes(struct umd_remote *remote, const struct umd_dma_change *changes,
			size_t count, umd_link_done_fn *done, void *data)
{
	struct umd_remote_call *call;
	int err = umd_remote_make_room(remote);

	if (err)
		return err;
	call = umd_remote_new_call(done, data);
	if (!call)
		return -ENOMEM;
	umd_remote_begin(remote, call, count_pieces(count));
	send_changes(remote, call, changes, count);
	return -EINPROGRESS;
}

static int change(struct umd_link *link, const struct umd_dma_change *changes, size_t count,
		  umd_link_done_fn *done, void *data)
{
	struct umd_remote *remote = umd_remote_of(link);

	if (remote->gone)
		return -ENOTCONN;
	if (!can_be_sent(changes, count))
		return -EREMOTE;
	if (!count)
		return 0;
	return done ? post_changes(remote, changes, count, done, data)
		    : change_and_wait(remote, changes, count);
}

/* ---- Queues -------------------------------------------------------------------------------- */

static int ask_queue(struct umd_queue *queue, uint16_t type)
{
	const struct umd_remote_queue *own = queue->own;
	struct umd_msg_queue msg = {.header.type = type, .queue = own->number};
	struct umd_remote_call call = {0};

	return umd_remote_call(umd_remote_of(queue->link), &call, &msg, sizeof(msg), NULL, 0);
}

/* Takes over the fds that have come. */
static int take_queue(struct umd_queue *queue, struct umd_remote *remote)
{
	const struct umd_msg_opened *msg = &remote->answer.opened;
	cleanup_close int ring = remote->fds[0];
	cleanup_close int doorbell = remote->fds[1];
	struct umd_remote_queue *own = queue->own;
	int err;

	own->number = msg->queue;
	if (msg->entry_size != queue->link->entry_size)
		return -EPROTO;
	err = umd_ring_open(&queue->ring, ring, msg->depth, msg->entry_size);
	if (!err)
		queue->doorbell = umd_steal_fd(&doorbell);
	return err;
}

/* What the parent has opened cannot be used. */
static int give_back(struct umd_queue *queue, int err)
{
	struct umd_remote *remote = umd_remote_of(queue->link);

	if (err == -EPROTO)
		umd_remote_lose(remote);
	else
		ask_queue(queue, UMD_MSG_CLOSE_QUEUE);
	return err;
}

static int ask_to_open(struct umd_remote *remote, const struct umd_queue_options *options)
{
	struct umd_msg_open msg = {.header.type = UMD_MSG_OPEN_QUEUE,
				   .shared = options->shared,
				   .depth = options->depth,
				   .weight = options->weight,
				   .config_size = options->config_size};
	struct umd_remote_call call = {0};

	if (options->config_size)
		memcpy(msg.config, options->config, options->config_size);
	return umd_remote_call(remote, &call, &msg, umd_msg_open_size(msg.config_size), NULL, 0);
}

static int open_queue(struct umd_queue *queue, const struct umd_queue_options *options)
{
	struct umd_remote *remote = umd_remote_of(queue->link);
	int err;

	queue->own = calloc(1, sizeof(struct umd_remote_queue));
	if (!queue->own)
		return -ENOMEM;
	err = ask_to_open(remote, options);
	if (!err) {
		err = take_queue(queue, remote);
		if (err)
			err = give_back(queue, err);
	}
	if (err)
		free(queue->own);
	return err;
}

/* What was told of it meanwhile, and is kept, finds no queue any more. */
static void close_queue(struct umd_queue *queue)
{
	struct umd_remote *remote = umd_remote_of(queue->link);

	ask_queue(queue, UMD_MSG_CLOSE_QUEUE);
	umd_remote_tell_queue(remote, queue);
	umd_ring_close(&queue->ring);
	umd_close(&queue->doorbell);
	free(queue->own);
}

static int command_and_wait(struct umd_queue *queue, struct umd_msg_queue *msg)
{
	struct umd_remote_call call = {.slow = true};
	int err;

	queue->commanded = true;
	err = umd_remote_call(umd_remote_of(queue->link), &call, msg, sizeof(*msg), NULL, 0);
	queue->commanded = false;
	return err;
}

static int post_command(struct umd_queue *queue, struct umd_msg_queue *msg, umd_link_done_fn *done,
			void *data)
{
	struct umd_remote *remote = umd_remote_of(queue->link);
	struct umd_remote_call *call = umd_remote_new_call(done, data);
	int err;

	if (!call)
		return -ENOMEM;
	call->slow = queue->commanded = true;
	call->queue = queue;
	umd_remote_begin(remote, call, 1);
	err = umd_remote_send(remote, call, msg, sizeof(*msg), NULL, 0);
	if (err)
		umd_remote_skip(remote, call, 1, err);
	return -EINPROGRESS;
}

static int command(struct umd_queue *queue, enum umd_queue_command command, umd_link_done_fn *done,
		   void *data)
{
	const struct umd_remote_queue *own = queue->own;
	struct umd_msg_queue msg = {
		.header.type = UMD_MSG_COMMAND, .queue = own->number, .value = command};

	if (umd_remote_of(queue->link)->gone)
		return -ENOTCONN;
	return done ? post_command(queue, &msg, done, data) : command_and_wait(queue, &msg);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void destroy(struct umd_remote *remote)
{
	umd_close(&remote->fd);
	umd_close(&remote->poll_fd);
	umd_close(&remote->kick);
	umd_close(&remote->timer);
	free(remote->vectors);
	free(remote);
}

/* The answer is the end: when it comes, the parent has let go of everything. */
static void close_link(struct umd_link *link)
{
	struct umd_remote *remote = umd_remote_of(link);
	struct umd_msg_header msg = {.type = UMD_MSG_BYE};
	struct umd_remote_call call = {0};
	const bool never = false;

	umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);
	umd_remote_lose(remote);
	if (remote->closed)
		*remote->closed = true;
	umd_remote_tell_ended(remote, &never);
	destroy(remote);
}

static const struct umd_link_way remote_way = {
	.close = close_link,
	.get_info = get_info,
	.get_fd = umd_remote_get_fd,
	.dispatch = umd_remote_dispatch,
	.change = change,
	.alloc_vector = umd_remote_alloc_vector,
	.free_vector = umd_remote_free_vector,
	.set_eventfd = umd_remote_set_eventfd,
	.set_mask = umd_remote_set_mask,
	.is_pending = umd_remote_is_pending,
	.get_region = umd_remote_get_region,
	.put_region = umd_remote_put_region,
	.open_queue = open_queue,
	.close_queue = close_queue,
	.command = command,
};

static int watch(const struct umd_remote *remote, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(remote->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int set_timeout(int fd, int option)
{
	const struct timeval timeout = {.tv_sec = UMD_LINK_TIMEOUT_MS / 1000,
					.tv_usec = UMD_LINK_TIMEOUT_MS % 1000 * 1000L};

	return setsockopt(fd, SOL_SOCKET, option, &timeout, sizeof(timeout));
}

/* Waiting is the socket's, where somebody who has handed it over has not made it non-blocking. */
static int prepare(struct umd_remote *remote)
{
	int err;

	remote->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	remote->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	remote->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (remote->poll_fd < 0 || remote->kick < 0 || remote->timer < 0 ||
	    set_timeout(remote->fd, SO_RCVTIMEO) < 0)
		return -errno;

	err = watch(remote, remote->kick);
	if (!err)
		err = watch(remote, remote->timer);
	return err ? err : watch(remote, remote->fd);
}

static struct umd_remote *create(int fd)
{
	struct umd_remote *remote = calloc(1, sizeof(*remote));

	if (!remote)
		return NULL;
	remote->link.way = &remote_way;
	remote->fd = fd;
	remote->poll_fd = remote->kick = remote->timer = -1;
	remote->calls_end = &remote->calls;
	remote->ended_end = &remote->ended;
	return remote;
}

static int read_welcome(struct umd_remote *remote, struct umd_error *error)
{
	const struct umd_msg_welcome *welcome = &remote->answer.welcome;

	if (welcome->result)
		return umd_error_set(error, welcome->result, "%s", welcome->text);
	if (welcome->version != UMD_MSG_VERSION)
		return umd_error_set(error, -EPROTO, "the parent speaks version %u of the protocol",
				     welcome->version);
	remote->link.entry_size = welcome->offer.entry_size;
	return 0;
}

static int say_hello(struct umd_remote *remote, struct umd_error *error)
{
	struct umd_msg_hello msg = {.header.type = UMD_MSG_HELLO, .version = UMD_MSG_VERSION};
	struct umd_remote_call call = {0};
	int err = umd_remote_call(remote, &call, &msg, sizeof(msg), NULL, 0);

	if (err == -ENOTCONN)
		return umd_error_set(error, remote->late ? -ETIMEDOUT : -EPROTO, "%s",
				     remote->late ? "the parent does not answer"
						  : "the parent does not speak the protocol");
	if (err)
		return umd_error_set(error, err, "the parent refuses the connection");
	return read_welcome(remote, error);
}

UMD_EXPORT int umd_link_connect_fd(int fd, struct umd_link **ret, struct umd_error *error)
{
	struct umd_remote *remote;
	bool listens;
	int err = umd_listen_check(fd, SOCK_SEQPACKET, &listens);

	if (err || listens)
		return umd_error_set(error, -EINVAL, "not a connected Unix SOCK_SEQPACKET socket");
	remote = create(fd);
	if (!remote)
		return umd_error_set(error, -ENOMEM, "no memory");

	err = prepare(remote);
	if (err)
		umd_error_set(error, err, "no file descriptors for a link");
	else
		err = say_hello(remote, error);
	if (err) {
		umd_remote_lose(remote);
		remote->fd = -1;
		destroy(remote);
		return err;
	}
	*ret = &remote->link;
	return 0;
}

static int connect_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = -1;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return *path ? -ENAMETOOLONG : -EINVAL;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_timeout(fd, SO_SNDTIMEO) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return umd_steal_fd(&fd);
}

UMD_EXPORT int umd_link_connect(const char *path, struct umd_link **ret, struct umd_error *error)
{
	cleanup_close int fd = connect_path(path);
	int err;

	if (fd < 0)
		return umd_error_set(error, fd, "cannot connect to %s: %s", path, strerror(-fd));
	err = umd_link_connect_fd(fd, ret, error);
	if (!err)
		umd_steal_fd(&fd);
	return err;
}
