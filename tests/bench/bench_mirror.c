// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device whose maps are made for an engine, too: one whose client's memory is reached by a
 * thread. A write to BAR0, of 4 KiB, submits an entry where there is a queue.
 *
 * usage: bench_mirror SOCKET_PATH own|remote
 *
 * own: the thread is the device's. remote: it is a parent's in a process of its own, to which every
 * map and unmap is passed on (umd_link_mirror()).
 */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <umdev/dma.h>
#include <umdev/ims.h>
#include <umdev/parent.h>

#define ENTRY_SIZE 64

/* ---- The parent ---------------------------------------------------------------------------- */

static int open_queue(void *data, struct umd_work *work, void **ret)
{
	struct umd_dma_reader *reader;
	int r = umd_dma_reader_create(umd_work_space(work), 0, &reader);

	if (!r)
		*ret = reader;
	return r;
}

static void close_queue(void *data, void *context)
{
	umd_dma_reader_destroy(context);
}

static void command(void *data, void *context, enum umd_queue_command command)
{
}

static struct umd_parent *make_parent(void)
{
	static const struct umd_parent_ops ops = {
		.open = open_queue, .close = close_queue, .command = command};
	const struct umd_ims_options store = {.size = sizeof(store), .entries = 64};
	struct umd_parent_options options = {.size = sizeof(options),
					     .api = "bench-1",
					     .algorithms = "none",
					     .entry_size = ENTRY_SIZE,
					     .max_depth = 64,
					     .ops = &ops};
	struct umd_parent *parent;

	if (umd_ims_create(&store, &options.ims) || umd_parent_create(&options, &parent))
		exit(1);
	return parent;
}

/* The other process. */
static void be_parent(int fd)
{
	const struct umd_owner owner = {.size = sizeof(owner), .owner = 1};
	struct umd_parent *parent = make_parent();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (umd_parent_accept(parent, fd, &owner))
		exit(1);
	while (!umd_parent_dispatch(parent, -1))
		continue;
	_exit(0);
}

/* ---- The device ---------------------------------------------------------------------------- */

struct mirrored {
	struct umd_device *device;
	struct umd_dma_reader *reader;
	struct umd_link *link;
	struct umd_queue *queue;
	pid_t parent;
};

static int start_parent(struct mirrored *mirrored)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	mirrored->parent = fork();
	if (mirrored->parent < 0)
		return -errno;
	if (!mirrored->parent) {
		close(fds[0]);
		be_parent(fds[1]);
	}
	close(fds[1]);
	return umd_link_connect_fd(fds[0], &mirrored->link, NULL);
}

/* The ring is full soon, since nothing is taken. */
static void write_register(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	static const uint8_t entry[ENTRY_SIZE];
	const struct mirrored *mirrored = data;

	if (mirrored->queue)
		umd_queue_submit(mirrored->queue, entry, 1);
}

static uint64_t read_register(void *data, uint64_t offset, unsigned int size)
{
	return 0;
}

/* Without a queue nobody would read the space. */
static int mirror(struct mirrored *mirrored)
{
	const struct umd_queue_options options = {.size = sizeof(options)};
	int r = start_parent(mirrored);

	if (!r)
		r = umd_queue_open(mirrored->link, &options, &mirrored->queue);
	return r ? r : umd_link_mirror(mirrored->link, mirrored->device);
}

static int make_device(struct mirrored *mirrored, int remote)
{
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "mirror",
		.vendor = 0x1b36,
		.device = 0x0005,
		.class_code = 0xff0000,
		.data = mirrored,
	};
	const struct umd_region bar = {
		.size = 4096, .read = read_register, .write = write_register};
	int r = umd_device_create(&info, &mirrored->device);

	if (!r)
		r = umd_device_add_bar(mirrored->device, 0, &bar);
	if (!r)
		r = umd_device_realize(mirrored->device, NULL);
	if (r)
		return r;
	if (remote)
		return mirror(mirrored);
	return umd_dma_reader_create(umd_device_space(mirrored->device), 0, &mirrored->reader);
}

static void destroy(struct mirrored *mirrored)
{
	umd_dma_reader_destroy(mirrored->reader);
	umd_queue_close(mirrored->queue);
	umd_link_close(mirrored->link);
	umd_device_destroy(mirrored->device);
	if (mirrored->parent <= 0)
		return;
	kill(mirrored->parent, SIGKILL);
	waitpid(mirrored->parent, NULL, 0);
}

int main(int argc, char **argv)
{
	static struct mirrored mirrored;
	int remote = argc == 3 && !strcmp(argv[2], "remote"), r;

	if (argc != 3 || (!remote && strcmp(argv[2], "own") != 0))
		return 2;
	r = make_device(&mirrored, remote);
	if (!r)
		r = bench_serve(mirrored.device, argv[1]);
	if (r)
		fprintf(stderr, "bench_mirror: %s\n", strerror(-r));
	destroy(&mirrored);
	return r ? 1 : 0;
}
