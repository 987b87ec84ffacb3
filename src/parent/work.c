/* SPDX-License-Identifier: BSD-2-Clause */
/* Work: a queue as its parent's engine sees it. */
#include "parent/work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/export.h"
#include "base/fd.h"
#include "base/foreign.h"
#include "irq/ims_store.h"
#include "parent/local.h"

/* Behind the largest ring, on a page of any size. */
#define RING_END (2l * UMD_RING_DEPTH_MAX * UMD_RING_ENTRY_MAX)

/* ---- Life ---------------------------------------------------------------------------------- */

static void copy_options(struct umd_work *work, const struct umd_queue_options *options)
{
	work->options = *options;
	work->options.config = work->config;
	if (options->config_size)
		memcpy(work->config, options->config, options->config_size);
}

static int make_doorbell(struct umd_work *work)
{
	work->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return work->doorbell < 0 ? -errno : 0;
}

int umd_work_create(struct umd_local *local, struct umd_queue *queue,
		    const struct umd_queue_options *options, struct umd_work **ret)
{
	struct umd_work *work = aligned_alloc(_Alignof(struct umd_work), sizeof(*work));
	int err;

	if (!work)
		return -ENOMEM;

	*work = (struct umd_work){.local = local,
				  .queue = queue,
				  .doorbell = -1,
				  .ring_fd = -1,
				  .news = {.tell = umd_local_tell_work}};
	copy_options(work, options);
	err = umd_ring_create(&work->ring, options->depth, local->link.entry_size, &work->ring_fd);
	if (!err)
		err = make_doorbell(work);
	if (err) {
		umd_work_destroy(work);
		return err;
	}
	*ret = work;
	return 0;
}

/* A peer may have both fds, too, and what it touches of the ring from now on is its own expense. */
void umd_work_destroy(struct umd_work *work)
{
	if (work->ring_fd >= 0)
		fallocate(work->ring_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, RING_END);
	umd_ring_close(&work->ring);
	umd_foreign_close(&work->doorbell);
	umd_foreign_close(&work->ring_fd);
	free(work);
}

/* ---- What it is ---------------------------------------------------------------------------- */

UMD_EXPORT uint32_t umd_work_owner(const struct umd_work *work)
{
	return work->local->owner.owner;
}

UMD_EXPORT const struct umd_queue_options *umd_work_options(const struct umd_work *work)
{
	return &work->options;
}

UMD_EXPORT struct umd_dma_space *umd_work_space(const struct umd_work *work)
{
	return work->local->space;
}

UMD_EXPORT int umd_work_doorbell(const struct umd_work *work)
{
	return work->doorbell;
}

/* ---- Counters: any thread counts some of them, and any reads -------------------------------- */

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static uint64_t read_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

UMD_EXPORT int umd_work_get_stats(const struct umd_work *work, struct umd_work_stats *ret)
{
	if (ret->size != sizeof(*ret))
		return -EINVAL;

	ret->entries = read_counter(&work->entries);
	ret->doorbells = read_counter(&work->queue->doorbells);
	ret->triggers = read_counter(&work->triggers);
	ret->refused = read_counter(&work->refused);
	return 0;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static bool is_stopped(const struct umd_work *work)
{
	return __atomic_load_n(&work->stopped, __ATOMIC_ACQUIRE);
}

static uint32_t changes_of(const struct umd_work *work)
{
	return __atomic_load_n(&work->local->link.changes, __ATOMIC_ACQUIRE);
}

UMD_EXPORT int umd_work_take(struct umd_work *work, void *entries, unsigned int room)
{
	int n;

	if (is_stopped(work))
		return 0;

	n = umd_ring_take(&work->ring, entries, room, changes_of(work));
	if (n > 0)
		__atomic_store_n(&work->entries, work->entries + (unsigned int)n, __ATOMIC_RELAXED);
	else if (n == -EPROTO)
		umd_work_halt(work, -EPROTO);
	return n;
}

UMD_EXPORT unsigned int umd_work_waiting(const struct umd_work *work)
{
	uint32_t waiting = is_stopped(work) ? 0 : umd_ring_count(&work->ring);

	return waiting > work->ring.depth ? 0 : waiting;
}

/*
 * Whether there is something to take, nonsense included. What waits for a change is nothing, but
 * whoever makes the change has to know of it: as with the doorbell, this end says that it is
 * blocked and looks again, the other makes the change and looks whether this one is blocked, each
 * with a fence between the two.
 */
static bool has_entries(struct umd_work *work)
{
	if (is_stopped(work) || !umd_ring_count(&work->ring))
		return false;
	if (work->ring.seen != work->ring.at || !umd_ring_is_behind(&work->ring, changes_of(work)))
		return true;

	__atomic_store_n(&work->blocked, true, __ATOMIC_RELAXED);
	umd_ring_fence();
	return !umd_ring_is_behind(&work->ring, changes_of(work));
}

UMD_EXPORT bool umd_work_sleep(struct umd_work *work)
{
	umd_ring_set_flags(&work->ring, UMD_RING_SLEEPS, 0);
	umd_ring_fence(); /* between the flag and the tail */
	return !has_entries(work);
}

UMD_EXPORT void umd_work_wake(struct umd_work *work)
{
	umd_ring_set_flags(&work->ring, 0, UMD_RING_SLEEPS);
	__atomic_store_n(&work->blocked, false, __ATOMIC_RELAXED);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static int account(struct umd_work *work, int err)
{
	if (err == -EPERM)
		count(&work->refused);
	return err;
}

UMD_EXPORT int umd_work_check_vector(struct umd_work *work, uint32_t vector)
{
	struct umd_ims *ims = work->local->parent->options.ims;

	return account(work, umd_ims_check_index(ims, vector, umd_work_owner(work)));
}

UMD_EXPORT int umd_work_trigger(struct umd_work *work, uint32_t vector)
{
	struct umd_ims *ims = work->local->parent->options.ims;
	int err = umd_ims_trigger_index(ims, vector, umd_work_owner(work));

	if (!err)
		count(&work->triggers);
	return account(work, err);
}

/* ---- Stopping and starting ----------------------------------------------------------------- */

static void stop(struct umd_work *work)
{
	__atomic_store_n(&work->stopped, true, __ATOMIC_RELEASE);
	umd_ring_set_flags(&work->ring, UMD_RING_STOPPED, 0);
}

static struct umd_newsroom *lock(struct umd_work *work)
{
	struct umd_newsroom *room = &work->local->parent->news;

	pthread_mutex_lock(&room->lock);
	return room;
}

static void unlock(struct umd_newsroom *room)
{
	pthread_mutex_unlock(&room->lock);
}

static bool has_event(const struct umd_work *work, enum umd_work_event event)
{
	for (unsigned int i = 0; i < work->event_count; i++) {
		if (work->events[i] == event)
			return true;
	}
	return false;
}

void umd_work_stop(struct umd_work *work)
{
	struct umd_newsroom *room = lock(work);

	stop(work);
	unlock(room);
}

void umd_work_start(struct umd_work *work)
{
	struct umd_newsroom *room = lock(work);

	if (!has_event(work, UMD_WORK_HALTED)) {
		umd_ring_drop(&work->ring);
		umd_ring_set_flags(&work->ring, 0, UMD_RING_STOPPED);
		__atomic_store_n(&work->stopped, false, __ATOMIC_RELEASE);
	}
	unlock(room);
}

/* ---- Events -------------------------------------------------------------------------------- */

/* False: one of the kind waits already. */
static bool add_event(struct umd_newsroom *room, struct umd_work *work, enum umd_work_event event)
{
	if (has_event(work, event))
		return false;
	work->events[work->event_count++] = event;
	umd_news_post(room, &work->news);
	return true;
}

static void remove_first(struct umd_work *work)
{
	work->event_count--;
	memmove(work->events, work->events + 1, work->event_count * sizeof(work->events[0]));
}

static void describe(const struct umd_work *work, struct umd_work_said *ret)
{
	ret->event = work->events[0];
	ret->result = ret->event == UMD_WORK_ENDED ? work->result : work->reason;
	ret->notes_lost = work->notes_lost;
	ret->note_size = work->note_size;
	memcpy(ret->note, work->note, work->note_size);
}

bool umd_work_next(struct umd_work *work, struct umd_work_said *ret)
{
	struct umd_newsroom *room = lock(work);
	bool said = work->event_count;

	if (said) {
		describe(work, ret);
		remove_first(work);
	}
	if (work->event_count)
		umd_news_post(room, &work->news);
	unlock(room);
	return said;
}

bool umd_work_has_ended(struct umd_work *work, int *ret_result)
{
	struct umd_newsroom *room = lock(work);
	bool ended = work->event_count && work->events[0] == UMD_WORK_ENDED;

	if (ended) {
		*ret_result = work->result;
		remove_first(work);
	}
	unlock(room);
	return ended;
}

void umd_work_begin(struct umd_work *work)
{
	struct umd_newsroom *room = lock(work);

	work->commanded = true;
	unlock(room);
}

UMD_EXPORT void umd_work_ended(struct umd_work *work, int result)
{
	struct umd_newsroom *room = lock(work);

	if (work->commanded) {
		work->commanded = false;
		work->result = result;
		add_event(room, work, UMD_WORK_ENDED);
	}
	unlock(room);
}

UMD_EXPORT void umd_work_halt(struct umd_work *work, int reason)
{
	struct umd_newsroom *room = lock(work);

	stop(work);
	if (add_event(room, work, UMD_WORK_HALTED))
		work->reason = reason;
	unlock(room);
}

UMD_EXPORT void umd_work_note(struct umd_work *work, const void *note, size_t size)
{
	struct umd_newsroom *room = lock(work);

	if (add_event(room, work, UMD_WORK_NOTED)) {
		work->note_size = size < UMD_NOTE_MAX ? size : UMD_NOTE_MAX;
		memcpy(work->note, note, work->note_size);
		work->notes_lost = 0;
	} else {
		work->notes_lost += work->notes_lost < UINT32_MAX;
	}
	unlock(room);
}

/* ---- Changes of the space ------------------------------------------------------------------ */

/* Its other end is a peer's, who may have filled it: write() could block. */
static int ring_doorbell(struct umd_work *work)
{
	struct umd_signallers *signallers = &work->local->parent->options.ims->signallers;

	return umd_signaller_send(umd_signallers_here(signallers), work->doorbell);
}

/* Where the kernel has no memory for a signal, it is asked again at the next dispatch. */
void umd_work_look_again(struct umd_work *work)
{
	struct umd_newsroom *room;

	if (!__atomic_exchange_n(&work->blocked, false, __ATOMIC_RELAXED) ||
	    ring_doorbell(work) != -EAGAIN)
		return;

	room = lock(work);
	__atomic_store_n(&work->blocked, true, __ATOMIC_RELAXED);
	add_event(room, work, UMD_WORK_BLOCKED);
	unlock(room);
}
