/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mirrors: what a device's client maps and unmaps is made in a link's space, too, in the same
 * order. The mirror is the shadow of the device's space.
 *
 * Changes are collected and go out as a batch: before something is submitted that may need them,
 * with an unmap, when there are many, or after a moment: work that was submitted before may wait
 * for a page. Nobody waits for a map to be made: the link's queues keep back what was submitted
 * behind it. An unmap holds its answer back until the parent has said that it is made; a parent
 * that does not within the second of that answer is lost.
 *
 * The parent's limits are kept here, so that the client is told of them. Should the parent refuse a
 * map all the same, the two are out of step: everything is taken from the parent, and the link's
 * user is told. The next map after the client has unmapped everything is mirrored again.
 */
#include "parent/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/export.h"
#include "base/fd.h"
#include "device/device.h"

#define BATCH_NS UINT64_C(1000000) /* after which a batch goes out as it is */

/* A file that maps of the batch lie in. */
struct file {
	const struct umd_dma_memory *memory;
	int fd; /* a duplicate of the client's */
};

struct umd_mirror {
	struct umd_link *link;
	struct umd_device *device; /* NULL: it has ended */
	struct umd_dma_shadow shadow;
	struct umd_watch *watch; /* of the link; NULL: the link is lost, or the device has ended */
	struct umd_watch *later; /* for what is to be done at the end of a dispatch, or in one */
	struct umd_watch *due;	 /* the batch's time has come */
	bool is_due_set;
	size_t max_maps; /* the parent's */
	uint64_t max_pages;

	unsigned int unmaps_out; /* batches with unmaps that the parent has not answered yet */
	int refused;		 /* a change that is to be told of; 0: none */
	bool broken;		 /* nothing is mirrored until everything is unmapped */
	bool useless;		 /* the parent does not even unmap */
	bool retells;		 /* what was mapped before there was this mirror */
	bool posting;
	bool freed; /* the link has ended, in a call of ours */
	unsigned int calls;

	/* The batch. */
	bool has_unmaps;
	unsigned int count, file_count;
	unsigned int files_from; /* those before may be gone, and others in their places */
	struct umd_dma_change changes[UMD_MIRROR_BATCH];
	struct file files[UMD_MIRROR_BATCH];
};

static const struct umd_dma_change unmap_all = {.unmap = true};

/* Unmaps that were not made for what was refused before them count, too. */
static bool holds_anything(const struct umd_mirror *mirror)
{
	return (mirror->unmaps_out || mirror->refused || mirror->useless) && !mirror->link->lost;
}

/* What is left to do is done at the end of this dispatch, or in the next one. */
static void do_later(struct umd_mirror *mirror)
{
	if (mirror->device && !umd_watch_call_later(mirror->later))
		umd_watch_set_timer(mirror->later, 1);
}

/* Calls in which the link may be closed by its user. False where it was. */
static void begin_call(struct umd_mirror *mirror)
{
	mirror->calls++;
}

static bool end_call(struct umd_mirror *mirror)
{
	bool freed = mirror->freed;

	if (--mirror->calls == 0 && freed)
		free(mirror);
	return !freed;
}

/* ---- Batches ------------------------------------------------------------------------------- */

static void empty(struct umd_mirror *mirror)
{
	for (unsigned int i = 0; i < mirror->file_count; i++)
		umd_close(&mirror->files[i].fd);
	mirror->count = mirror->file_count = mirror->files_from = 0;
	mirror->has_unmaps = false;
}

/* May be called in any call on the link, so the rest is left for later. */
static void batch_ended(struct umd_mirror *mirror, int result)
{
	if (result && result != -ENOTCONN && !mirror->refused)
		mirror->refused = result;
	do_later(mirror);
}

static void maps_done(void *data, int result)
{
	if (result)
		batch_ended(data, result);
}

static void unmaps_done(void *data, int result)
{
	struct umd_mirror *mirror = data;

	mirror->unmaps_out--;
	batch_ended(mirror, result);
}

/* The call may end other batches, and the link. False where it is gone. */
static bool send_batch(struct umd_mirror *mirror)
{
	unsigned int unmaps = mirror->has_unmaps;
	int err;

	begin_call(mirror);
	mirror->posting = true;
	mirror->unmaps_out += unmaps;
	err = umd_link_change(mirror->link, mirror->changes, mirror->count,
			      unmaps ? unmaps_done : maps_done, mirror);
	mirror->posting = false;
	empty(mirror);
	if (err != -EINPROGRESS)
		mirror->unmaps_out -= unmaps;
	if (err && err != -EINPROGRESS)
		batch_ended(mirror, err);
	return end_call(mirror);
}

static bool post_batch(struct umd_mirror *mirror)
{
	return !mirror->count || mirror->posting || send_batch(mirror);
}

/* Room for another change; NULL where there is none, in the middle of a post. */
static struct umd_dma_change *add(struct umd_mirror *mirror)
{
	if (mirror->count == UMD_MIRROR_BATCH && !post_batch(mirror))
		return NULL;
	if (mirror->posting)
		return NULL;
	if (!mirror->is_due_set)
		mirror->is_due_set = umd_watch_set_timer(mirror->due, BATCH_NS) == 0;
	return &mirror->changes[mirror->count++];
}

static void add_unmap(struct umd_mirror *mirror, const struct umd_dma_change *change)
{
	struct umd_dma_change *place = add(mirror);

	if (!place) {
		batch_ended(mirror, -EBUSY);
		return;
	}
	*place = *change;
	mirror->has_unmaps = true;
	mirror->files_from = mirror->file_count;
	do_later(mirror);
}

/* ---- Out of step --------------------------------------------------------------------------- */

/* What cannot even unmap everything is no parent. */
static void all_unmapped(void *data, int result)
{
	struct umd_mirror *mirror = data;

	mirror->unmaps_out--;
	if (result)
		mirror->useless = true;
	do_later(mirror);
}

static void unmap_everything(struct umd_mirror *mirror)
{
	int err;

	empty(mirror);
	mirror->unmaps_out++;
	err = umd_link_change(mirror->link, &unmap_all, 1, all_unmapped, mirror);
	if (err != -EINPROGRESS)
		all_unmapped(mirror, err);
}

/* A batch ends with the change that is refused, so unmaps behind it were not made either. */
static void break_off(struct umd_mirror *mirror)
{
	struct umd_link *link = mirror->link;
	int why = mirror->refused;

	mirror->refused = 0;
	mirror->broken = mirror->device->space.table.count > 0;
	unmap_everything(mirror);
	if (link->ops.unmirrored)
		link->ops.unmirrored(link->data, why);
}

/* ---- The shadow ---------------------------------------------------------------------------- */

/* The file's fd in the batch. A negative errno. */
static int find_fd(struct umd_mirror *mirror, const struct umd_dma_memory *memory, int fd)
{
	for (unsigned int i = mirror->file_count; i > mirror->files_from; i--) {
		if (mirror->files[i - 1].memory == memory)
			return mirror->files[i - 1].fd;
	}
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	mirror->files[mirror->file_count++] = (struct file){memory, fd};
	return fd;
}

/* What is retold is among what is mapped already. */
static int check_limits(const struct umd_mirror *mirror, uint64_t size)
{
	const struct umd_dma_client *client = &mirror->device->dma;
	uint64_t mapped = client->max_pages - client->pages_left;
	uint64_t more = mirror->retells ? 0 : size / UMD_DMA_PAGE;

	if (mirror->device->space.table.count + !mirror->retells > mirror->max_maps)
		return -ENOSPC;
	return mapped > mirror->max_pages || more > mirror->max_pages - mapped ? -ENOMEM : 0;
}

static int map(void *data, const struct umd_dma_change *change, const struct umd_dma_memory *memory)
{
	struct umd_mirror *mirror = data;
	struct umd_dma_change *place;
	int fd, err = check_limits(mirror, change->size);

	if (err || mirror->broken || mirror->link->lost)
		return err;
	place = add(mirror);
	if (!place)
		return -EBUSY;
	fd = find_fd(mirror, memory, change->fd);
	if (fd < 0) {
		mirror->count--;
		return fd;
	}
	*place = *change;
	place->fd = fd;
	return 0;
}

static void unmap(void *data, uint64_t iova, uint64_t last)
{
	struct umd_mirror *mirror = data;
	const struct umd_dma_change change = {
		.unmap = true, .iova = iova, .size = last - iova + 1}; /* of everything: 0 and 0 */

	if (!mirror->broken)
		add_unmap(mirror, &change);
	else if (!mirror->device->space.table.count)
		mirror->broken = false;
}

static bool holds(void *data)
{
	return post_batch(data) && holds_anything(data);
}

static void give_up(void *data)
{
	struct umd_mirror *mirror = data;

	begin_call(mirror);
	umd_link_lose(mirror->link);
	if (end_call(mirror))
		do_later(mirror);
}

/* ---- The device's dispatch ----------------------------------------------------------------- */

/* Whether the mirror still stands between a link and a device. */
static bool is_up(const struct umd_mirror *mirror)
{
	return !mirror->freed && mirror->device;
}

/* What calls on the link have left to do. A link that is lost is readable for ever. */
static void settle(struct umd_mirror *mirror)
{
	if (mirror->useless)
		umd_link_lose(mirror->link);
	else if (mirror->refused && !mirror->link->lost)
		break_off(mirror);
	if (!is_up(mirror))
		return;
	if (mirror->link->lost) {
		umd_watch_destroy(mirror->watch);
		mirror->watch = NULL;
	}
	if (!holds_anything(mirror))
		umd_dma_shadow_quiet(&mirror->device->space);
}

static void link_ready(void *data, uint32_t events)
{
	struct umd_mirror *mirror = data;

	begin_call(mirror);
	umd_link_dispatch(mirror->link);
	if (is_up(mirror))
		settle(mirror);
	end_call(mirror);
}

static void late(void *data, uint32_t events)
{
	struct umd_mirror *mirror = data;

	if (mirror->has_unmaps && !post_batch(mirror))
		return;
	begin_call(mirror);
	if (mirror->device)
		settle(mirror);
	end_call(mirror);
}

/* Set once for many batches that have gone out before. */
static void batch_due(void *data, uint32_t events)
{
	struct umd_mirror *mirror = data;

	mirror->is_due_set = false;
	post_batch(mirror);
}

void umd_mirror_post(struct umd_mirror *mirror)
{
	post_batch(mirror);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void leave(struct umd_mirror *mirror)
{
	empty(mirror);
	umd_watch_destroy(mirror->watch);
	umd_watch_destroy(mirror->later);
	umd_watch_destroy(mirror->due);
	mirror->watch = mirror->later = mirror->due = NULL;
	mirror->is_due_set = false;
	if (mirror->device->space.shadow == &mirror->shadow)
		umd_dma_shadow_detach(&mirror->device->space);
	mirror->device = NULL;
}

/* The device ends before the link does, mostly after its client. */
static void space_ends(void *data)
{
	struct umd_mirror *mirror = data;

	if (mirror->device->space.table.count && !mirror->broken)
		add_unmap(mirror, &unmap_all);
	if (post_batch(mirror))
		leave(mirror);
}

static const struct umd_dma_shadow_ops shadow_ops = {
	.map = map, .unmap = unmap, .holds = holds, .give_up = give_up, .end = space_ends};

void umd_mirror_leave(struct umd_link *link)
{
	if (link->mirror && link->mirror->device)
		leave(link->mirror);
}

void umd_mirror_free(struct umd_mirror *mirror)
{
	if (mirror && mirror->calls)
		mirror->freed = true;
	else
		free(mirror);
}

/* The parent's end is empty, and stays within its limits. */
static int begin(struct umd_mirror *mirror)
{
	struct umd_parent_info info = {.size = sizeof(info)};
	int err = umd_link_get_info(mirror->link, &info);

	if (!err)
		err = umd_link_change(mirror->link, &unmap_all, 1, NULL, NULL);
	if (err)
		return err;
	mirror->max_maps = info.max_maps;
	mirror->max_pages = info.max_mapped_bytes ? info.max_mapped_bytes / UMD_DMA_PAGE
						  : UINT64_MAX;
	return 0;
}

/* The maps of a client that is there already: an earlier mirror has seen to their files. */
static int retell(struct umd_mirror *mirror)
{
	int err;

	mirror->retells = true;
	err = umd_dma_shadow_retell(&mirror->device->space);
	mirror->retells = false;
	if (err)
		return err == -EBADF ? -EBUSY : err;
	post_batch(mirror);
	return 0;
}

static int enter(struct umd_mirror *mirror, struct umd_device *device)
{
	struct umd_poller *poller = &device->poller;
	int err = umd_poller_watch_timer(poller, late, mirror, &mirror->later);

	mirror->device = device;
	if (!err)
		err = umd_poller_watch_timer(poller, batch_due, mirror, &mirror->due);
	if (!err)
		err = umd_poller_watch_fd(poller, umd_link_fd(mirror->link), EPOLLIN, link_ready,
					  mirror, &mirror->watch);
	if (!err)
		err = umd_dma_shadow_attach(&device->space, &mirror->shadow);
	if (!err)
		err = retell(mirror);
	if (err)
		leave(mirror);
	return err;
}

/* Of a link that had a device before, answers may be missing still. */
static struct umd_mirror *get_mirror(struct umd_link *link)
{
	struct umd_mirror *mirror = link->mirror ? link->mirror : calloc(1, sizeof(*mirror));

	if (!mirror)
		return NULL;
	mirror->link = link;
	mirror->shadow = (struct umd_dma_shadow){&shadow_ops, mirror};
	mirror->broken = false;
	mirror->refused = 0;
	mirror->useless = false;
	link->mirror = mirror;
	return mirror;
}

UMD_EXPORT int umd_link_mirror(struct umd_link *link, struct umd_device *device)
{
	struct umd_mirror *mirror;
	int err;

	if ((link->mirror && link->mirror->device) || device->space.shadow)
		return -EBUSY;
	mirror = get_mirror(link);
	if (!mirror)
		return -ENOMEM;
	err = begin(mirror);
	return err ? err : enter(mirror, device);
}
