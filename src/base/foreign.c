/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define STUCK_NS       UINT64_C(1000000000)
#define SLOW_NS	       UINT64_C(10000000)
#define LINGER_SECONDS 1
#define FIRST_ROOM     64u
#define TURNS	       64

struct waiting {
	int fd;
	bool unread; /* a socket of ours that is to be read to its end */
};

/* Fds and the thread that closes them. `count` and `since` are also read without the lock. */
struct closer {
	pthread_cond_t filled;
	size_t count;	/* not closed yet: those that wait, and the one that is being closed */
	uint64_t since; /* when it last got on, CLOCK_MONOTONIC */
	bool running;	/* it has its thread */
	struct waiting *waiting; /* the last one is next */
	size_t waiting_count, room;
};

static struct closer closers[UMD_FOREIGN_CLOSERS];
static struct closer *current = &closers[0];
static bool peer_is_new; /* the current closer was at work before it came */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t get_count(const struct closer *closer)
{
	return __atomic_load_n(&closer->count, __ATOMIC_RELAXED);
}

static void set_count(struct closer *closer, size_t count)
{
	__atomic_store_n(&closer->count, count, __ATOMIC_RELAXED);
}

static void got_on(struct closer *closer)
{
	__atomic_store_n(&closer->since, umd_now_ns(), __ATOMIC_RELAXED);
}

static bool is_for(const struct closer *closer, uint64_t ns)
{
	return get_count(closer) &&
	       umd_now_ns() - __atomic_load_n(&closer->since, __ATOMIC_RELAXED) >= ns;
}

static struct closer *get_current(void)
{
	return __atomic_load_n(&current, __ATOMIC_RELAXED);
}

/* ---- The thread ---------------------------------------------------------------------------- */

/* Waits for an fd, but not for long; under the lock. */
static void await(struct closer *closer)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += LINGER_SECONDS;
	while (!closer->waiting_count && !pthread_cond_timedwait(&closer->filled, &lock, &end))
		;
}

/* The next fd to close. False: there is none, and the thread is to end. */
static bool take(struct closer *closer, struct waiting *ret)
{
	bool taken;

	pthread_mutex_lock(&lock);
	await(closer);
	taken = closer->waiting_count > 0;
	if (taken)
		*ret = closer->waiting[--closer->waiting_count];
	else
		closer->running = false;
	got_on(closer);
	pthread_mutex_unlock(&lock);
	return taken;
}

/* There is no room for fds, so the kernel closes those that come along. */
static void read_to_the_end(int fd)
{
	char bytes[4096];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void forget_one(struct closer *closer)
{
	pthread_mutex_lock(&lock);
	set_count(closer, closer->count - 1);
	pthread_mutex_unlock(&lock);
}

static void *run(void *data)
{
	struct closer *closer = data;
	struct waiting it;

	while (take(closer, &it)) {
		if (it.unread)
			read_to_the_end(it.fd);
		close(it.fd);
		forget_one(closer);
	}
	return NULL;
}

/* Detached, with all signals blocked: they are for the program's own threads. */
static bool create_thread(struct closer *closer)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int err;

	if (pthread_attr_init(&attributes))
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&thread, &attributes, run, closer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return !err;
}

/* Where no thread can be made now, the fds wait, and it is tried again; under the lock. */
static void start(struct closer *closer)
{
	if (closer->running)
		pthread_cond_signal(&closer->filled);
	else if (closer->waiting_count)
		closer->running = create_thread(closer);
}

/* ---- The process --------------------------------------------------------------------------- */

static void init_conditions(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < UMD_FOREIGN_CLOSERS; i++)
		pthread_cond_init(&closers[i].filled, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

/* A child has the fds that waited, but no threads. */
static void in_child(void)
{
	init_conditions();
	for (unsigned int i = 0; i < UMD_FOREIGN_CLOSERS; i++) {
		closers[i].running = false;
		set_count(&closers[i], closers[i].waiting_count);
	}
	pthread_mutex_unlock(&lock);
}

static void init(void)
{
	init_conditions();
	pthread_atfork(before_fork, after_fork, in_child);
}

/* ---- Closing ------------------------------------------------------------------------------- */

static bool make_room(struct closer *closer)
{
	size_t room = closer->room ? 2 * closer->room : FIRST_ROOM;
	struct waiting *waiting;

	if (closer->waiting_count < closer->room)
		return true;
	waiting = realloc(closer->waiting, room * sizeof(*waiting));
	if (!waiting)
		return false;
	closer->waiting = waiting;
	closer->room = room;
	return true;
}

/* An fd for which there is no memory stays open: that is better than to hang. */
static void put(struct closer *closer, struct waiting it)
{
	if (!make_room(closer))
		return;
	if (!closer->count)
		got_on(closer);
	closer->waiting[closer->waiting_count++] = it;
	set_count(closer, closer->count + 1);
	start(closer);
}

/* Gives a new peer an idle closer where the one before it holds up the current one. */
static void part(void)
{
	if (!peer_is_new || (current->count && !is_for(current, SLOW_NS)))
		return;

	peer_is_new = false;
	if (!current->count)
		return;
	for (unsigned int i = 0; i < UMD_FOREIGN_CLOSERS; i++) {
		if (closers[i].count)
			continue;
		__atomic_store_n(&current, &closers[i], __ATOMIC_RELAXED);
		break;
	}
}

/*
 * Who closes many of their own accord, with nothing received in between, gives the thread its turn
 * now and then, or could run out of fds; a few times only, and none where it hangs.
 */
static void keep_pace(void)
{
	for (int i = 0; i < TURNS && get_count(get_current()) > UMD_FOREIGN_BACKLOG; i++) {
		if (umd_foreign_is_stuck())
			return;
		sched_yield();
	}
}

static void hand_over(struct waiting it)
{
	pthread_once(&once, init);
	pthread_mutex_lock(&lock);
	part();
	put(current, it);
	pthread_mutex_unlock(&lock);
	keep_pace();
}

/* shmem and hugetlbfs answer, and asking asks no file system anything. */
static bool is_shared_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

void umd_foreign_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0) {
		if (is_shared_memory(*fd))
			close(*fd);
		else
			hand_over((struct waiting){.fd = *fd});
	}
	*fd = -1;
	errno = saved;
}

void umd_foreign_close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		umd_foreign_close(&fds[i]);
}

void umd_foreign_hang_up(int *socket)
{
	shutdown(*socket, SHUT_RDWR);
	hand_over((struct waiting){.fd = *socket, .unread = true});
	*socket = -1;
}

/* ---- Room ---------------------------------------------------------------------------------- */

bool umd_foreign_has_room(void)
{
	bool room;

	if (get_count(get_current()) < UMD_FOREIGN_BACKLOG)
		return true;

	pthread_mutex_lock(&lock);
	part();
	start(current);
	room = current->count < UMD_FOREIGN_BACKLOG;
	pthread_mutex_unlock(&lock);
	return room;
}

bool umd_foreign_is_stuck(void)
{
	return is_for(get_current(), STUCK_NS);
}

void umd_foreign_new_peer(void)
{
	if (!get_count(get_current()))
		return;

	pthread_mutex_lock(&lock);
	start(current);
	peer_is_new = true;
	pthread_mutex_unlock(&lock);
}

size_t umd_foreign_count(void)
{
	size_t count = 0;

	for (unsigned int i = 0; i < UMD_FOREIGN_CLOSERS; i++)
		count += get_count(&closers[i]);
	return count;
}
