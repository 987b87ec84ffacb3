/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings, for processors that reorder what they may.
 *
 * An index is stored with release after the entries that it tells of were written, or copied out,
 * and loaded with acquire before they are read, or written anew.
 *
 * The doorbell is a question of two stores and two loads. The parent says that it sleeps, and looks
 * at the tail once more; the submitter stores the tail, and looks whether the parent sleeps. Each
 * has a full fence between its store and its load, so that one of them at least sees the other's
 * store: no entry waits for a parent that sleeps without somebody who rings.
 */
#include "parent/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/range.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

bool umd_ring_is_valid(uint32_t depth, uint32_t entry_size)
{
	return umd_is_power_of_2(depth) && depth <= UMD_RING_DEPTH_MAX &&
	       umd_is_power_of_2(entry_size) && entry_size >= UMD_RING_ENTRY_MIN &&
	       entry_size <= UMD_RING_ENTRY_MAX;
}

static size_t size_of(uint32_t depth, uint32_t entry_size)
{
	return UMD_RING_ENTRIES_AT + (size_t)depth * entry_size;
}

/* Populated, so that neither end waits for a page later. */
static int map(struct umd_ring *ring, int fd, uint32_t depth, uint32_t entry_size)
{
	size_t size = size_of(depth, entry_size);
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (shared == MAP_FAILED)
		return -errno;
	*ring = (struct umd_ring){.shared = shared,
				  .entries = (uint8_t *)shared + UMD_RING_ENTRIES_AT,
				  .depth = depth,
				  .entry_size = entry_size,
				  .size = size};
	return 0;
}

int umd_ring_create(struct umd_ring *ring, uint32_t depth, uint32_t entry_size, int *ret_fd)
{
	cleanup_close int fd = -1;
	int err;

	if (!umd_ring_is_valid(depth, entry_size))
		return -EINVAL;
	fd = memfd_create("umdev-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size_of(depth, entry_size)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;

	err = map(ring, fd, depth, entry_size);
	if (!err)
		*ret_fd = umd_steal_fd(&fd);
	return err;
}

/* What answers about seals is shared memory, so that asking for its size waits for nobody. */
static bool is_sealed(int fd, size_t size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;

	return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(fd, &status) == 0 &&
	       (uint64_t)status.st_size == size;
}

int umd_ring_open(struct umd_ring *ring, int fd, uint32_t depth, uint32_t entry_size)
{
	if (!umd_ring_is_valid(depth, entry_size) || !is_sealed(fd, size_of(depth, entry_size)))
		return -EPROTO;
	return map(ring, fd, depth, entry_size);
}

struct umd_ring umd_ring_share(const struct umd_ring *ring)
{
	return (struct umd_ring){.shared = ring->shared,
				 .entries = ring->entries,
				 .depth = ring->depth,
				 .entry_size = ring->entry_size};
}

void umd_ring_close(struct umd_ring *ring)
{
	if (ring->size)
		munmap(ring->shared, ring->size);
	*ring = (struct umd_ring){.shared = NULL};
}

/* ---- Entries ------------------------------------------------------------------------------- */

static uint8_t *slot(const struct umd_ring *ring, uint32_t index)
{
	return ring->entries + (size_t)(index & (ring->depth - 1)) * ring->entry_size;
}

/* How many of `count` lie before the end of the ring. */
static uint32_t until_end(const struct umd_ring *ring, uint32_t count)
{
	uint32_t left = ring->depth - (ring->at & (ring->depth - 1));

	return count < left ? count : left;
}

static void copy_in(struct umd_ring *ring, const uint8_t *entries, uint32_t count)
{
	uint32_t first = until_end(ring, count);
	size_t size = (size_t)first * ring->entry_size;

	memcpy(slot(ring, ring->at), entries, size);
	if (first < count)
		memcpy(ring->entries, entries + size, (size_t)(count - first) * ring->entry_size);
}

static void copy_out(const struct umd_ring *ring, uint8_t *entries, uint32_t count)
{
	uint32_t first = until_end(ring, count);
	size_t size = (size_t)first * ring->entry_size;

	memcpy(entries, slot(ring, ring->at), size);
	if (first < count)
		memcpy(entries + size, ring->entries, (size_t)(count - first) * ring->entry_size);
}

/* ---- The submitter's ----------------------------------------------------------------------- */

uint32_t umd_ring_room(const struct umd_ring *ring)
{
	uint32_t used;

	if (!ring->shared)
		return 0;
	used = ring->at - __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
	return used > ring->depth ? 0 : ring->depth - used;
}

bool umd_ring_is_stopped(const struct umd_ring *ring)
{
	return __atomic_load_n(&ring->shared->flags, __ATOMIC_RELAXED) & UMD_RING_STOPPED;
}

/* Looks at the head only where what was seen of it does not do. */
static uint32_t find_room(struct umd_ring *ring, uint32_t count)
{
	uint32_t room = ring->depth - (ring->at - ring->seen);

	if (room >= count)
		return room;
	room = umd_ring_room(ring);
	ring->seen = ring->at + room - ring->depth;
	return room;
}

uint32_t umd_ring_put(struct umd_ring *ring, const void *entries, uint32_t count, uint32_t barrier)
{
	uint32_t room = find_room(ring, count);

	if (count > room)
		count = room;
	if (!count)
		return 0;

	copy_in(ring, entries, count);
	ring->at += count;
	__atomic_store_n(&ring->shared->barrier, barrier, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->shared->tail, ring->at, __ATOMIC_RELEASE);
	return count;
}

bool umd_ring_wants_doorbell(const struct umd_ring *ring)
{
	uint32_t *flags = &ring->shared->flags;

	umd_ring_fence(); /* between the tail and the flags */
	if (!(__atomic_load_n(flags, __ATOMIC_RELAXED) & UMD_RING_SLEEPS))
		return false;
	return __atomic_fetch_and(flags, ~UMD_RING_SLEEPS, __ATOMIC_RELAXED) & UMD_RING_SLEEPS;
}

/* ---- The parent's -------------------------------------------------------------------------- */

uint32_t umd_ring_count(const struct umd_ring *ring)
{
	return __atomic_load_n(&ring->shared->tail, __ATOMIC_ACQUIRE) - ring->at;
}

/*
 * Asked after the tail was read, so that the barrier belongs to this tail or to a later one: then
 * entries wait for more than they need.
 */
bool umd_ring_is_behind(const struct umd_ring *ring, uint32_t changes)
{
	return (int32_t)(changes - __atomic_load_n(&ring->shared->barrier, __ATOMIC_RELAXED)) < 0;
}

/* Sees how far entries may be taken. */
static int look(struct umd_ring *ring, uint32_t changes)
{
	uint32_t count = umd_ring_count(ring);

	if (count > ring->depth)
		return -EPROTO;
	if (count && umd_ring_is_behind(ring, changes))
		return -EAGAIN;
	ring->seen = ring->at + count;
	return 0;
}

int umd_ring_take(struct umd_ring *ring, void *entries, uint32_t room, uint32_t changes)
{
	uint32_t count = ring->seen - ring->at;

	if (count < room) {
		int err = look(ring, changes);

		if (err == -EPROTO || (err && !count))
			return err;
		count = ring->seen - ring->at;
	}
	if (count > room)
		count = room;
	if (!count)
		return 0;

	copy_out(ring, entries, count);
	ring->at += count;
	__atomic_store_n(&ring->shared->head, ring->at, __ATOMIC_RELEASE);
	return (int)count;
}

void umd_ring_drop(struct umd_ring *ring)
{
	ring->at = ring->seen = __atomic_load_n(&ring->shared->tail, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->shared->head, ring->at, __ATOMIC_RELEASE);
}

void umd_ring_set_flags(struct umd_ring *ring, uint32_t set, uint32_t clear)
{
	if (set)
		__atomic_fetch_or(&ring->shared->flags, set, __ATOMIC_RELAXED);
	if (clear)
		__atomic_fetch_and(&ring->shared->flags, ~clear, __ATOMIC_RELAXED);
}
