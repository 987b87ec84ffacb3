/* SPDX-License-Identifier: BSD-2-Clause */
#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

/* A turn while others wait, and while nobody does. */
#define TURN_BYTES	  (64u << 10)
#define TURN_DESCRIPTORS  64u
#define ALONE_BYTES	  (1u << 20)
#define ALONE_DESCRIPTORS 1024u

/* How often a turn without rivals looks for more when it has found nothing: some microseconds. */
#define LOOKS 128u

#define TURNS_PER_LOOK 32u /* at the doorbells, while all work */
#define EVENTS	       16

#define KICK_TAG   UINT64_MAX
#define INDEX_BITS 16u /* of a tag */
#define INDEX_MASK ((1u << INDEX_BITS) - 1)

struct dsa_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;   /* there is more than those awake can do, or somebody has to watch */
	pthread_cond_t let_go; /* a line that is held was put back */
	struct dsa_schedule schedule;
	uint64_t spin_ns;

	size_t ready;	       /* lines waiting in the schedule that do not doze */
	unsigned int idle;     /* workers that wait for `work` */
	unsigned int roused;   /* of these, how many were told */
	bool spinning;	       /* a worker looks at dozing lines only */
	bool watching;	       /* a worker waits for doorbells */
	uint64_t watches_till; /* it looks at the schedule then */
	bool kicked;	       /* it was told to look */
	bool ending;

	int epoll, kick;
	unsigned int worker_count, line_room;
	struct dsa_line **lines; /* by index */
	uint32_t *uses;		 /* of the index */
	pthread_t workers[];
};

struct worker {
	struct dsa_pool *pool;
	bool spins;
	unsigned int turns; /* since the last look at the doorbells */
};

static struct dsa_line *line_of(struct dsa_flow *flow)
{
	return (struct dsa_line *)flow;
}

/* ---- Waking workers, under the lock -------------------------------------------------------- */

static void kick(struct dsa_pool *pool)
{
	uint64_t one = 1;

	if (pool->kicked)
		return;
	pool->kicked = true;
	(void)!write(pool->kick, &one, sizeof(one)); /* once between two reads: never full */
}

/* There is more to do than those awake will take by themselves: one more is woken. */
static void rouse(struct dsa_pool *pool)
{
	size_t taken = (size_t)pool->roused + pool->spinning + pool->kicked;

	if (pool->ready <= taken)
		return;
	if (pool->idle > pool->roused) {
		pool->roused++;
		pthread_cond_signal(&pool->work);
	} else if (pool->watching) {
		kick(pool);
	}
}

/* ---- Lines in the schedule, under the lock -------------------------------------------------- */

static void make_ready(struct dsa_pool *pool, struct dsa_line *line)
{
	line->dozing = false;
	line->idle_since = 0;
	dsa_schedule_add(&pool->schedule, &line->flow);
	pool->ready++;
}

static void ring(struct dsa_pool *pool, uint64_t tag)
{
	uint32_t index = tag & INDEX_MASK;
	struct dsa_line *line = index < pool->line_room ? pool->lines[index] : NULL;

	if (!line || line->tag != tag)
		return;
	if (line->running)
		line->rung = true;
	else if (line->asleep && !line->held && !line->flow.in)
		make_ready(pool, line);
}

static void resume_delayed(struct dsa_pool *pool)
{
	if (dsa_schedule_due(&pool->schedule) != UINT64_MAX)
		pool->ready += dsa_schedule_resume(&pool->schedule, dsa_now());
}

/* NULL: nothing, or only what another worker looks at. */
static struct dsa_line *take_line(struct worker *worker)
{
	struct dsa_pool *pool = worker->pool;
	struct dsa_flow *flow = NULL;
	struct dsa_line *line;

	resume_delayed(pool);
	if (pool->ready || !pool->spinning || worker->spins)
		flow = dsa_schedule_next(&pool->schedule);
	if (worker->spins) {
		worker->spins = false;
		pool->spinning = false;
	}
	if (!flow)
		return NULL;

	line = line_of(flow);
	if (!line->dozing) {
		pool->ready--;
	} else if (!pool->ready && !pool->spinning) {
		worker->spins = true;
		pool->spinning = true;
	}
	line->running = true;
	rouse(pool);
	return line;
}

/* An empty turn counts as a whole one, so that looking never keeps others from working. */
static void doze(struct dsa_pool *pool, struct dsa_line *line)
{
	line->dozing = true;
	dsa_schedule_put(&pool->schedule, &line->flow, (uint64_t)TURN_BYTES * line->flow.weight);
}

static void delay(struct dsa_pool *pool, struct dsa_line *line, uint64_t charged, uint64_t until)
{
	line->dozing = false;
	dsa_schedule_delay(&pool->schedule, &line->flow, charged, until);
	if (pool->watching && until < pool->watches_till)
		kick(pool);
}

/* ---- A turn -------------------------------------------------------------------------------- */

/* How a turn has ended. */
struct turn {
	enum dsa_turn turn;
	uint64_t charged, until;
	bool asleep;
};

/* An empty turn, without the lock: whether the line has fallen asleep. */
static bool fall_asleep(const struct dsa_pool *pool, struct dsa_line *line)
{
	uint64_t now = dsa_now();

	if (!line->idle_since)
		line->idle_since = now;
	return now - line->idle_since >= pool->spin_ns && dsa_line_sleep(line);
}

/* Between two looks: each takes the line away from whoever is about to write it. */
static void pause_look(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#endif
}

/* Whoever waits for a record before he submits again is heard sooner than by another turn. */
static bool look(struct dsa_line *line, unsigned int *looks)
{
	while (*looks && !__atomic_load_n(&line->leave, __ATOMIC_RELAXED)) {
		--*looks;
		pause_look();
		if (dsa_line_has_entries(line))
			return true;
	}
	return false;
}

static struct turn give_turn(const struct dsa_pool *pool, struct dsa_line *line, bool alone)
{
	struct dsa_quantum quantum = {.bytes = alone ? ALONE_BYTES : TURN_BYTES,
				      .descriptors = alone ? ALONE_DESCRIPTORS : TURN_DESCRIPTORS,
				      .leave = &line->leave};
	unsigned int looks = alone ? LOOKS : 0;
	struct turn turn = {0};

	if (line->asleep) {
		line->asleep = false;
		dsa_line_wake(line);
	}
	do {
		turn.turn = dsa_line_run(line, &quantum, &turn.until);
	} while (turn.turn == DSA_TURN_EMPTY && look(line, &looks));
	turn.charged = quantum.charged;
	if (alone && turn.charged > TURN_BYTES)
		turn.charged = TURN_BYTES; /* who came meanwhile has waited for one turn */
	if (turn.charged)
		line->idle_since = 0;
	else if (turn.turn == DSA_TURN_EMPTY)
		turn.asleep = fall_asleep(pool, line);
	return turn;
}

static void put_back(struct dsa_pool *pool, struct dsa_line *line, const struct turn *turn)
{
	bool rung = line->rung;

	line->running = false;
	line->rung = false;
	line->asleep = turn->asleep;
	if (line->held) {
		dsa_schedule_rest(&pool->schedule, &line->flow, turn->charged);
		pthread_cond_broadcast(&pool->let_go);
	} else if (turn->turn == DSA_TURN_LATER) {
		delay(pool, line, turn->charged, turn->until);
	} else if (turn->asleep && !rung) {
		dsa_schedule_rest(&pool->schedule, &line->flow, turn->charged);
	} else if (turn->turn == DSA_TURN_EMPTY && !turn->charged && !rung) {
		doze(pool, line);
	} else {
		line->dozing = false;
		dsa_schedule_put(&pool->schedule, &line->flow, turn->charged);
		pool->ready++;
	}
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static int timeout_of(uint64_t until)
{
	uint64_t now, ms;

	if (until == UINT64_MAX)
		return -1;
	now = dsa_now();
	ms = until > now ? (until - now + 999999) / 1000000 : 0;
	return ms < 60000 ? (int)ms : 60000;
}

static void hear(struct dsa_pool *pool, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		uint64_t ignored;

		if (events[i].data.u64 != KICK_TAG) {
			ring(pool, events[i].data.u64);
			continue;
		}
		(void)!read(pool->kick, &ignored, sizeof(ignored));
		pool->kicked = false;
	}
}

static void watch(struct dsa_pool *pool)
{
	struct epoll_event events[EVENTS];
	int count;

	pool->watching = true;
	pool->watches_till = dsa_schedule_due(&pool->schedule);
	pthread_mutex_unlock(&pool->lock);
	count = epoll_wait(pool->epoll, events, EVENTS, timeout_of(pool->watches_till));
	pthread_mutex_lock(&pool->lock);
	pool->watching = false;
	hear(pool, events, count);
}

static void wait_for_work(struct dsa_pool *pool)
{
	/* Somebody looks at the dozing lines, or the doorbells: whichever there is to look at. */
	if (!pool->watching && !pool->schedule.waiting.count) {
		watch(pool);
		return;
	}
	pool->idle++;
	pthread_cond_wait(&pool->work, &pool->lock);
	pool->idle--;
	if (pool->roused)
		pool->roused--;
}

/* While lines are asleep, their doorbells are heard also if everybody works. */
static void look_at_doorbells(struct worker *worker)
{
	struct dsa_pool *pool = worker->pool;
	struct epoll_event events[EVENTS];
	int count;

	if (worker->turns < TURNS_PER_LOOK)
		return;
	worker->turns = 0;
	if (pool->watching)
		return;
	if (pool->idle > pool->roused) {
		pool->roused++;
		pthread_cond_signal(&pool->work);
		return;
	}
	pool->watching = true; /* one is enough */
	pthread_mutex_unlock(&pool->lock);
	count = epoll_wait(pool->epoll, events, EVENTS, 0);
	pthread_mutex_lock(&pool->lock);
	pool->watching = false;
	hear(pool, events, count);
}

static void *work(void *data)
{
	struct worker worker = {.pool = data};
	struct dsa_pool *pool = data;

	pthread_mutex_lock(&pool->lock);
	while (!pool->ending) {
		struct dsa_line *line = take_line(&worker);
		struct turn turn;
		bool alone;

		if (!line) {
			worker.turns = 0;
			wait_for_work(pool);
			continue;
		}
		alone = !pool->schedule.waiting.count;
		pthread_mutex_unlock(&pool->lock);
		turn = give_turn(pool, line, alone);
		pthread_mutex_lock(&pool->lock);
		put_back(pool, line, &turn);
		worker.turns += alone ? ALONE_BYTES / TURN_BYTES : 1;
		look_at_doorbells(&worker);
	}
	if (worker.spins)
		pool->spinning = false;
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* ---- Lines, in the parent's thread ----------------------------------------------------------- */

struct dsa_line *dsa_pool_add(struct dsa_pool *pool)
{
	struct dsa_line *line;
	unsigned int index = 0;

	while (index < pool->line_room && pool->lines[index])
		index++;
	if (index == pool->line_room)
		return NULL;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;

	dsa_line_init(line, ++pool->uses[index] << INDEX_BITS | index);
	line->held = true;
	pthread_mutex_lock(&pool->lock);
	pool->lines[index] = line;
	pthread_mutex_unlock(&pool->lock);
	return line;
}

void dsa_pool_remove(struct dsa_pool *pool, struct dsa_line *line)
{
	pthread_mutex_lock(&pool->lock);
	pool->lines[line->tag & INDEX_MASK] = NULL;
	pthread_mutex_unlock(&pool->lock);
	free(line);
}

void dsa_pool_hold(struct dsa_pool *pool, struct dsa_line *line)
{
	__atomic_store_n(&line->leave, true, __ATOMIC_RELAXED);
	pthread_mutex_lock(&pool->lock);
	line->held = true;
	while (line->running)
		pthread_cond_wait(&pool->let_go, &pool->lock);
	if (line->flow.in == &pool->schedule.waiting && !line->dozing)
		pool->ready--;
	dsa_schedule_remove(&pool->schedule, &line->flow);
	pthread_mutex_unlock(&pool->lock);
	__atomic_store_n(&line->leave, false, __ATOMIC_RELAXED);
}

void dsa_pool_release(struct dsa_pool *pool, struct dsa_line *line)
{
	pthread_mutex_lock(&pool->lock);
	line->held = false;
	make_ready(pool, line);
	rouse(pool);
	pthread_mutex_unlock(&pool->lock);
}

int dsa_pool_watch(struct dsa_pool *pool, const struct dsa_line *line, int doorbell)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = line->tag};

	return epoll_ctl(pool->epoll, EPOLL_CTL_ADD, doorbell, &event) < 0 ? -errno : 0;
}

void dsa_pool_unwatch(struct dsa_pool *pool, int doorbell)
{
	epoll_ctl(pool->epoll, EPOLL_CTL_DEL, doorbell, NULL);
}

/* ---- Life ---------------------------------------------------------------------------------- */

static int open_fds(struct dsa_pool *pool)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = KICK_TAG};

	pool->epoll = epoll_create1(EPOLL_CLOEXEC);
	pool->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->epoll < 0 || pool->kick < 0 ||
	    epoll_ctl(pool->epoll, EPOLL_CTL_ADD, pool->kick, &event) < 0)
		return -errno;
	return 0;
}

/* Signals are for the program's own threads, but those that a thread brings upon itself. */
static void block_signals(sigset_t *ret_before)
{
	static const int own[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
	sigset_t blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&blocked, own[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

static int start(struct dsa_pool *pool, unsigned int workers)
{
	sigset_t before;
	int err = 0;

	block_signals(&before);
	while (!err && pool->worker_count < workers) {
		err = pthread_create(&pool->workers[pool->worker_count], NULL, work, pool);
		pool->worker_count += !err;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int dsa_pool_create(const struct dsa_pool_options *options, struct dsa_pool **ret)
{
	struct dsa_pool *pool =
		calloc(1, sizeof(*pool) + options->workers * sizeof(pool->workers[0]));
	int err;

	if (!pool)
		return -ENOMEM;
	pool->spin_ns = options->spin_ns;
	pool->line_room = options->lines;
	pool->epoll = -1;
	pool->kick = -1;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->let_go, NULL);
	pool->lines = calloc(options->lines, sizeof(*pool->lines));
	pool->uses = calloc(options->lines, sizeof(*pool->uses));
	err = pool->lines && pool->uses ? dsa_schedule_init(&pool->schedule, options->lines)
					: -ENOMEM;
	if (!err)
		err = open_fds(pool);
	if (!err)
		err = start(pool, options->workers);
	if (err) {
		dsa_pool_destroy(pool);
		return err;
	}
	*ret = pool;
	return 0;
}

static void stop(struct dsa_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	if (pool->kick >= 0)
		kick(pool);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->worker_count; i++)
		pthread_join(pool->workers[i], NULL);
}

void dsa_pool_destroy(struct dsa_pool *pool)
{
	if (!pool)
		return;
	stop(pool);
	if (pool->epoll >= 0)
		close(pool->epoll);
	if (pool->kick >= 0)
		close(pool->kick);
	pthread_cond_destroy(&pool->let_go);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	dsa_schedule_finish(&pool->schedule);
	free(pool->lines);
	free(pool->uses);
	free(pool);
}
