/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same through a served device: the server's thread has the space, the owner is a client that
 * speaks the protocol, and the reply to an UNMAP is what says that nobody uses the memory any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <umdev/device.h>

#include "../bench/client.h"
#include "stress.h"

#define MAP_READ  1u /* VFIO_DMA_MAP_FLAG_READ, _WRITE (linux/vfio.h) */
#define MAP_WRITE 2u
#define UNMAP_ALL 2u /* VFIO_DMA_UNMAP_FLAG_ALL */
#define TICK_MS	  1
#define LATE_NS	  UINT64_C(900000000)  /* an UNMAP that took so long was ended by a reset */
#define REPLY_NS  UINT64_C(5000000000) /* it never takes that long */

struct served {
	struct umd_device *device;
	struct umd_server *server;
	char directory[32], path[48];
	struct client client;
};

static struct served served;

/* ---- The owner's end ----------------------------------------------------------------------- */

static void map(const struct umd_dma_change *change)
{
	const struct dma_map request = {.argsz = sizeof(request),
					.flags = MAP_READ | MAP_WRITE,
					.offset = change->offset,
					.address = change->iova,
					.size = change->size};

	client_call(&served.client, CMD_DMA_MAP, &request, sizeof(request), change->fd, NULL, 0);
}

/* After a reset the device has to be enabled again. */
static void unmap(struct stress_world *world, const struct umd_dma_change *change)
{
	const struct dma_unmap request = {.argsz = sizeof(request),
					  .flags = change->size ? 0 : UNMAP_ALL,
					  .address = change->iova,
					  .size = change->size};
	struct dma_unmap reply;
	uint64_t begin = stress_now_ns(), end;

	client_call(&served.client, CMD_DMA_UNMAP, &request, sizeof(request), NO_FD, &reply,
		    sizeof(reply));
	end = stress_now_ns();
	if (end - begin > REPLY_NS)
		stress_wrong(world, "an UNMAP took %llu ms",
			     (unsigned long long)((end - begin) / 1000000));
	if (end - begin < LATE_NS)
		return;
	world->counts.revocations++;
	client_enable(&served.client);
}

static int change(struct stress_world *world, const struct umd_dma_change *changes,
		  unsigned int count, uint64_t *ret_mark)
{
	for (unsigned int i = 0; i < count; i++) {
		if (changes[i].unmap)
			unmap(world, &changes[i]);
		else
			map(&changes[i]);
	}
	*ret_mark = 1;
	return (int)count;
}

static bool is_quiet(struct stress_world *world, uint64_t mark)
{
	return true;
}

static void do_nothing(struct stress_world *world)
{
}

static void wait_for_nothing(struct stress_world *world, uint64_t mark)
{
}

/* ---- The dirty log: DEVICE_FEATURE 6, 7 and 8 (docs/interop/vfio-user.rst of QEMU) --------- */

enum { LOG_START = 6, LOG_STOP = 7, LOG_REPORT = 8, FEATURE_GET = 1 << 16, FEATURE_SET = 1 << 17 };

struct feature {
	uint32_t argsz, flags;
};

struct log_range {
	uint64_t iova, size;
};

static const uint64_t pool_bytes = (uint64_t)STRESS_PAGES * STRESS_PAGE;

static void start_log(struct stress_world *world)
{
	struct {
		struct feature feature;
		uint64_t page_size;
		uint32_t count, reserved;
		struct log_range ranges[STRESS_DOOMED];
	} message = {.feature = {sizeof(message), LOG_START | FEATURE_SET},
		     .page_size = STRESS_PAGE,
		     .count = STRESS_DOOMED};

	for (unsigned int i = 0; i < STRESS_DOOMED; i++)
		message.ranges[i] = (struct log_range){world->pools[i].iova, pool_bytes};
	client_call(&served.client, CMD_DEVICE_FEATURE, &message, sizeof(message), NO_FD, &message,
		    sizeof(message));
}

static uint64_t report_log(struct stress_world *world, unsigned int pool)
{
	struct {
		struct feature feature;
		struct log_range range;
		uint64_t page_size, bitmap;
	} message = {.feature = {sizeof(message), LOG_REPORT | FEATURE_GET},
		     .range = {world->pools[pool].iova, pool_bytes},
		     .page_size = STRESS_PAGE};

	client_call(&served.client, CMD_DEVICE_FEATURE, &message,
		    sizeof(message) - sizeof(uint64_t), NO_FD, &message, sizeof(message));
	return message.bitmap;
}

static void stop_log(struct stress_world *world)
{
	struct feature message = {sizeof(message), LOG_STOP | FEATURE_SET};

	client_call(&served.client, CMD_DEVICE_FEATURE, &message, sizeof(message), NO_FD, &message,
		    sizeof(message));
}

static const struct stress_link by_protocol = {
	.change = change,
	.is_quiet = is_quiet,
	.wait = wait_for_nothing,
	.revoke = do_nothing,
	.start_log = start_log,
	.report_log = report_log,
	.stop_log = stop_log,
};

static void *own(void *data)
{
	struct stress_world *world = data;

	client_open(&served.client, served.path);
	client_enable(&served.client);
	stress_own(world, &by_protocol);
	close(served.client.fd);
	return NULL;
}

/* ---- The server's -------------------------------------------------------------------------- */

static int create_device(void)
{
	static const struct umd_device_ops ops = {0};
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = "stress",
					     .vendor = 0x1b36,
					     .device = 0x0005,
					     .class_code = 0xff0000,
					     .ops = &ops};
	const struct umd_region registers = {.size = STRESS_PAGE};
	int err = umd_device_create(&info, &served.device);

	if (!err)
		err = umd_device_add_bar(served.device, 0, &registers);
	return err ? err : umd_device_realize(served.device, NULL);
}

static int create_server(void)
{
	struct umd_server_options options = {.size = sizeof(options), .fd = -1};
	int err;

	strcpy(served.directory, "/tmp/dma-stress-XXXXXX");
	if (!mkdtemp(served.directory))
		return -errno;
	snprintf(served.path, sizeof(served.path), "%s/socket", served.directory);
	options.socket_path = served.path;
	err = create_device();
	return err ? err : umd_server_create(served.device, &options, &served.server);
}

/* Until the owner has ended: it needs replies to the last. */
static void serve(struct stress_world *world, pthread_t owner)
{
	while (pthread_tryjoin_np(owner, NULL) == EBUSY) {
		int err = umd_server_dispatch(served.server, TICK_MS);

		if (err && err != -EINTR)
			stress_wrong(world, "umd_server_dispatch(): %d", err);
		stress_serve_readers(world);
		if (stress_is_over(world))
			stress_end_mail(world);
	}
}

int stress_run_server(struct stress_world *world)
{
	pthread_t owner;
	int err = create_server();

	if (err)
		return err;
	world->space = umd_device_space(served.device);
	stress_start_engines(world);
	if (pthread_create(&owner, NULL, own, world))
		abort();
	serve(world, owner);
	stress_join_engines(world);
	stress_end_readers(world);
	umd_server_destroy(served.server);
	umd_device_destroy(served.device);
	rmdir(served.directory);
	return 0;
}
