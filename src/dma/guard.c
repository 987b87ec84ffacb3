/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of guarded ranges, and the handler that reads it.
 *
 * Slots lie in chunks that are never freed. Who changes one takes a lock; the handler takes none
 * and waits for nobody: a slot that changes under its eyes cannot be the one it looks for, since a
 * range is in use only between umd_dma_guard_add() and umd_dma_guard_remove(). It touches nothing a
 * slot points to before the slot has proved to be the right one.
 *
 * All that the handler calls is a system call.
 */
#include "dma/guard.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK 128u /* slots */

struct umd_dma_guard_slot {
	uint32_t changes; /* odd: it is being changed */
	bool writable;
	uintptr_t base;
	size_t length; /* 0: free */
	size_t block;
	bool *lost;
	struct umd_dma_guard_slot *next_free;
};

struct chunk {
	struct chunk *next;
	struct umd_dma_guard_slot slots[CHUNK];
};

bool umd_dma_guard_fences;
bool umd_dma_guard_losses;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct chunk *chunks; /* the handler reads it */
static struct umd_dma_guard_slot *free_slots;
static unsigned int used_slots;

static bool installed;
static struct sigaction previous;
static bool previous_spent; /* it was for one signal only, and has had it */

/* ---- The registry, under the lock ---------------------------------------------------------- */

static int grow(void)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return -ENOMEM;

	for (unsigned int i = CHUNK; i-- > 0;) {
		chunk->slots[i].next_free = free_slots;
		free_slots = &chunk->slots[i];
	}
	chunk->next = chunks;
	__atomic_store_n(&chunks, chunk, __ATOMIC_RELEASE);
	return 0;
}

static int take_slot(struct umd_dma_guard_slot **ret)
{
	if (used_slots == UMD_DMA_GUARDS_MAX || (!free_slots && grow()))
		return -ENOMEM;

	*ret = free_slots;
	free_slots = free_slots->next_free;
	used_slots++;
	return 0;
}

/* Whoever sees one of the values sees that the slot changed; see read_slot(). */
static void fill_slot(struct umd_dma_guard_slot *slot, const struct umd_dma_guard *guard)
{
	__atomic_store_n(&slot->changes, slot->changes + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->base, (uintptr_t)guard->base, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->length, guard->length, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->block, guard->block, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->writable, guard->writable, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->lost, guard->lost, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->changes, slot->changes + 1, __ATOMIC_RELEASE);
}

int umd_dma_guard_add(struct umd_dma_guard *guard)
{
	int err;

	pthread_mutex_lock(&lock);
	err = take_slot(&guard->slot);
	if (!err)
		fill_slot(guard->slot, guard);
	pthread_mutex_unlock(&lock);
	return err;
}

void umd_dma_guard_remove(struct umd_dma_guard *guard)
{
	static const struct umd_dma_guard nothing;

	if (!guard->slot)
		return;
	pthread_mutex_lock(&lock);
	fill_slot(guard->slot, &nothing);
	guard->slot->next_free = free_slots;
	free_slots = guard->slot;
	used_slots--;
	pthread_mutex_unlock(&lock);
	guard->slot = NULL;
}

/* One store, since the slot may be the one that a handler looks for. */
void umd_dma_guard_note_at(struct umd_dma_guard *guard, bool *lost)
{
	guard->lost = lost;
	__atomic_store_n(&guard->slot->lost, lost, __ATOMIC_RELEASE);
}

/* ---- In the handler: whose fault it is ----------------------------------------------------- */

/* A consistent copy of a slot; false where it is free or changes. */
static bool read_slot(const struct umd_dma_guard_slot *slot, struct umd_dma_guard *ret)
{
	uint32_t changes = __atomic_load_n(&slot->changes, __ATOMIC_ACQUIRE);

	ret->base = (uint8_t *)__atomic_load_n(&slot->base, __ATOMIC_ACQUIRE);
	ret->length = __atomic_load_n(&slot->length, __ATOMIC_ACQUIRE);
	ret->block = __atomic_load_n(&slot->block, __ATOMIC_ACQUIRE);
	ret->writable = __atomic_load_n(&slot->writable, __ATOMIC_ACQUIRE);
	ret->lost = __atomic_load_n(&slot->lost, __ATOMIC_ACQUIRE);
	return ret->length && changes % 2 == 0 &&
	       __atomic_load_n(&slot->changes, __ATOMIC_RELAXED) == changes;
}

static bool find(uintptr_t address, struct umd_dma_guard *ret)
{
	const struct chunk *chunk = __atomic_load_n(&chunks, __ATOMIC_ACQUIRE);

	for (; chunk; chunk = chunk->next) {
		for (unsigned int i = 0; i < CHUNK; i++) {
			if (read_slot(&chunk->slots[i], ret) &&
			    address - (uintptr_t)ret->base < ret->length)
				return true;
		}
	}
	return false;
}

/* ---- In the handler: memory of nobody ------------------------------------------------------ */

/* ThreadSanitizer would take a mmap() that it sees for a write of ours to all of the range. */
#ifdef __SANITIZE_THREAD__
#define map_memory(...) ((void *)syscall(SYS_mmap, __VA_ARGS__))
#else
#define map_memory(...) mmap(__VA_ARGS__)
#endif

bool umd_dma_guard_cover(uint8_t *base, size_t length, bool writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

	return map_memory(base, length, prot, flags, -1, 0) != MAP_FAILED;
}

/*
 * It is noted before memory is put in, with a fence of all threads in between: whoever then used
 * that memory finds the note. Threads that fault at the same time all do all of it, so that none
 * waits for another. Where the kernel does not promise memory for the whole range, as with
 * vm.overcommit_memory 2, the page must do.
 */
static bool replace(uintptr_t address)
{
	struct umd_dma_guard guard;
	size_t offset;

	if (!find(address, &guard))
		return false;

	umd_dma_guard_lose(guard.lost);
	if (!umd_dma_guard_fences)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);

	offset = (address - (uintptr_t)guard.base) / guard.block * guard.block;
	return umd_dma_guard_cover(guard.base, guard.length, guard.writable) ||
	       umd_dma_guard_cover(guard.base + offset, guard.block, guard.writable);
}

/* ---- In the handler: what is not ours ------------------------------------------------------ */

/* Whether the thread will do again what it got the signal for. */
static bool is_synchronous(const siginfo_t *info)
{
	return info->si_code > 0 && info->si_code != BUS_MCEERR_AO;
}

/* The process ends: by the access itself, or by the same signal once more. */
static void end_process(int sig, siginfo_t *info)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(sig, &action, NULL);
	if (!is_synchronous(info))
		syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), sig, info);
}

/* As if the handler before ours were in place. The kernel does not let a fault be ignored. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	bool spent = previous.sa_flags & (int)SA_RESETHAND &&
		     __atomic_exchange_n(&previous_spent, true, __ATOMIC_RELAXED);

	if (previous.sa_handler == SIG_IGN && !is_synchronous(info))
		return;
	if (spent || previous.sa_handler == SIG_IGN || previous.sa_handler == SIG_DFL)
		end_process(sig, info);
	else if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(sig, info, context);
	else
		previous.sa_handler(sig);
}

/* A page that the file has not, or that the hardware has lost, and that was needed now. */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	bool gone = info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR;
	bool replaced = gone && replace((uintptr_t)info->si_addr);

	errno = saved;
	if (!replaced)
		pass_on(sig, info, context);
}

/* ---- Installing it ------------------------------------------------------------------------- */

/* The handler before ours gets its signals with the mask and the restarts it asked for. */
static int install(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus};

	if (sigaction(SIGBUS, NULL, &previous) < 0)
		return -errno;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0)
		umd_dma_guard_fences = true;
	action.sa_mask = previous.sa_mask;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK |
			  (previous.sa_flags & (SA_RESTART | (int)SA_NODEFER));
	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

int umd_dma_guard_install(void)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!installed)
		err = install();
	installed = !err;
	pthread_mutex_unlock(&lock);
	return err;
}
