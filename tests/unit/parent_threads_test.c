/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue between threads: an engine that takes, sleeps and is rung for, a submitter, and the
 * parent's own thread, all at the same time. What must never happen is an entry that nobody takes
 * because everybody believes that the engine is awake: then a wait here takes too long.
 */
#include "dma_changes.h"
#include "parent_fixture.h"

#include <pthread.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "parent/work.h"

#define DEPTH	   16u
#define TOO_LONG   5000 /* milliseconds */
#define SUBMITTED  100000u
#define HANDSHAKES 50000u
#define CHANGES	   3000u
#define CONTROLLED 2000u
#define HALTS	   500u
#define LONG_NS	   UINT64_C(20000000000)

static struct rig rig;
static struct umd_link *link_;
static struct umd_queue *queue;

/* An engine with one thread for one queue. */
struct engine {
	struct umd_work *work;
	struct umd_dma_reader *reader; /* NULL: it reads nobody's memory */
	int epoll;
	bool stop; /* atomic */
	bool overslept;
	uint64_t next; /* the entry that comes next */
	uint64_t wrong, taken;
	unsigned int tries, sleeps;
};

static int setup(void **state)
{
	rig_init(&rig);
	link_ = rig_link(&rig, 1);
	queue = rig_queue(link_, DEPTH);
	return 0;
}

static int teardown(void **state)
{
	umd_link_close(link_);
	rig_finish(&rig);
	return 0;
}

static void init_engine(struct engine *engine)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	*engine = (struct engine){.work = rig.author.work, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	assert_true(engine->epoll >= 0);
	assert_int_equal(
		epoll_ctl(engine->epoll, EPOLL_CTL_ADD, umd_work_doorbell(engine->work), &event),
		0);
}

static bool is_stopped(struct engine *engine)
{
	return __atomic_load_n(&engine->stop, __ATOMIC_ACQUIRE);
}

/* The word at page `number` says the number: it was written before the page was mapped. */
static bool is_right(struct engine *engine, uint64_t number)
{
	struct umd_dma_segment segment;
	bool right = false;

	if (!engine->reader)
		return true;
	umd_dma_enter(engine->reader);
	if (umd_dma_resolve(engine->reader, number * PAGE, PAGE, READ, &segment, 1) == 1)
		right = *(volatile uint64_t *)segment.base == number;
	umd_dma_leave(engine->reader);
	return right;
}

static int take(struct engine *engine)
{
	struct entry entries[5];
	int n = umd_work_take(engine->work, entries, UNIT_COUNT(entries));

	for (int i = 0; i < n; i++) {
		uint64_t number = engine->next++;

		engine->wrong += !says(&entries[i], number) || !is_right(engine, number);
	}
	if (n > 0)
		__atomic_store_n(&engine->taken, engine->next, __ATOMIC_RELEASE);
	return n;
}

static void sleep_engine(struct engine *engine)
{
	struct epoll_event event;

	engine->tries++;
	if (umd_work_sleep(engine->work) && !is_stopped(engine)) {
		engine->sleeps++;
		if (epoll_wait(engine->epoll, &event, 1, TOO_LONG) == 0)
			engine->overslept = true;
	}
	umd_work_wake(engine->work);
}

static void *run_engine(void *data)
{
	struct engine *engine = data;

	while (!is_stopped(engine) && !engine->overslept) {
		int n = take(engine);

		if (n == 0 || n == -EAGAIN)
			sleep_engine(engine);
	}
	return NULL;
}

/* It may sleep: so it is woken as by anybody who rings. */
static void stop_engine(struct engine *engine, pthread_t thread)
{
	__atomic_store_n(&engine->stop, true, __ATOMIC_RELEASE);
	unit_add_event(umd_work_doorbell(engine->work));
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(engine->epoll);
}

static uint64_t taken(const struct engine *engine)
{
	return __atomic_load_n(&engine->taken, __ATOMIC_ACQUIRE);
}

static void wait_until_taken(const struct engine *engine, uint64_t count)
{
	for (int i = 0; taken(engine) < count && i < 10 * TOO_LONG; i++)
		usleep(100);
	assert_int_equal(taken(engine), count);
}

/* ---- A submitter --------------------------------------------------------------------------- */

struct submitter {
	uint64_t seed;
	int failed;
};

static void fill(struct entry *entries, uint64_t first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		for (size_t word = 0; word < UNIT_COUNT(entries->words); word++)
			entries[i].words[word] = first + i + (word << 32);
	}
}

/* In batches of any size, with pauses in which the engine falls asleep. */
static void *run_submitter(void *data)
{
	struct submitter *submitter = data;
	struct entry entries[2 * DEPTH];
	uint64_t next = 0;

	while (next < SUBMITTED && submitter->failed >= 0) {
		unsigned int count = 1 + (unsigned int)unit_below(&submitter->seed, 2 * DEPTH);

		if (next + count > SUBMITTED)
			count = (unsigned int)(SUBMITTED - next);
		fill(entries, next, count);
		submitter->failed = umd_queue_submit(queue, entries, count);
		next += (uint64_t)submitter->failed;
		if (unit_below(&submitter->seed, 64) == 0)
			usleep(20);
	}
	return NULL;
}

static void test_no_entry_is_lost_between_an_engine_that_sleeps_and_a_submitter(void **state)
{
	struct submitter submitter = {.seed = unit_seed + 1};
	struct engine engine;
	pthread_t threads[2];

	init_engine(&engine);
	assert_int_equal(pthread_create(&threads[0], NULL, run_engine, &engine), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, run_submitter, &submitter), 0);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	wait_until_taken(&engine, SUBMITTED);
	stop_engine(&engine, threads[0]);
	assert_false(engine.overslept);
	assert_int_equal(engine.wrong, 0);
	assert_true(submitter.failed >= 0);
	assert_int_equal(work_stats(engine.work).entries, SUBMITTED);
	assert_true(work_stats(engine.work).doorbells <= engine.tries);
	assert_true(engine.sleeps > 0);
}

/*
 * One entry at a time, each just when the engine is about to sleep: whoever of the two does not see
 * what the other has stored leaves it asleep.
 */
static void test_no_entry_is_lost_just_when_an_engine_falls_asleep(void **state)
{
	uint64_t seed = unit_seed + 1;
	struct engine engine;
	pthread_t thread;

	init_engine(&engine);
	assert_int_equal(pthread_create(&thread, NULL, run_engine, &engine), 0);
	for (uint64_t i = 0; i < HANDSHAKES; i++) {
		assert_int_equal(submit(queue, i), 1);
		for (int spins = 0; taken(&engine) <= i && spins < 100000; spins++)
			continue;
		if (taken(&engine) <= i)
			wait_until_taken(&engine, i + 1);
		for (uint64_t pause = unit_below(&seed, 300); pause; pause--)
			__asm__ volatile("" ::: "memory");
	}
	stop_engine(&engine, thread);
	assert_false(engine.overslept);
	assert_int_equal(engine.wrong, 0);
}

/* ---- Changes ------------------------------------------------------------------------------- */

/* A peer's entries come before its changes have. The last page that an engine needs is left. */
static void test_an_engine_sees_the_changes_that_its_entries_need(void **state)
{
	int fd = make_file(PAGE * CHANGES);
	struct engine engine;
	pthread_t thread;

	init_engine(&engine);
	assert_int_equal(umd_dma_reader_create(umd_work_space(engine.work), 0, &engine.reader), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_engine, &engine), 0);
	for (uint64_t i = 0; i < CHANGES; i++) {
		struct umd_dma_change map = dma_map(i, 1, READ, fd, i);
		struct entry entry;

		fill(&entry, i, 1);
		assert_int_equal(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)), sizeof(i));
		if (!umd_queue_room(queue))
			wait_until_taken(&engine, i);
		assert_int_equal(umd_ring_put(&queue->ring, &entry, 1, (uint32_t)i + 1), 1);
		if (umd_ring_wants_doorbell(&queue->ring))
			unit_add_event(queue->doorbell);
		if (i % 16 == 0)
			usleep(30); /* until it waits for the change */
		assert_int_equal(umd_link_change(link_, &map, 1, NULL, NULL), 0);
	}
	wait_until_taken(&engine, CHANGES);
	stop_engine(&engine, thread);
	assert_false(engine.overslept);
	assert_int_equal(engine.wrong, 0);
	umd_dma_reader_destroy(engine.reader);
	close(fd);
}

/* ---- What an engine has to say ------------------------------------------------------------- */

/* An engine that answers commands, and has more to say than anybody can hear. */
struct speaker {
	struct umd_work *work;
	bool commanded, stop; /* atomic */
	uint64_t notes;
};

static struct speaker speaker;

static void speaker_command(void *data, void *context, enum umd_queue_command command)
{
	__atomic_store_n(&speaker.commanded, true, __ATOMIC_RELEASE);
}

static void *run_speaker(void *data)
{
	while (!__atomic_load_n(&speaker.stop, __ATOMIC_ACQUIRE)) {
		umd_work_note(speaker.work, "a word", 7);
		speaker.notes++;
		if (speaker.notes % 7 == 0)
			umd_work_halt(speaker.work, -EIO);
		if (__atomic_exchange_n(&speaker.commanded, false, __ATOMIC_ACQ_REL))
			umd_work_ended(speaker.work, 0);
		if (speaker.notes % 64 == 0)
			usleep(1);
	}
	return NULL;
}

static uint64_t heard;

static void hear(void *data, struct umd_queue *noted, const void *note, size_t size, uint32_t lost)
{
	heard += 1 + lost;
	if (size != 7 || memcmp(note, "a word", 7) != 0)
		heard += UINT32_MAX;
}

static struct umd_parent *make_speaking_parent(void)
{
	static const struct umd_parent_ops ops = {
		.open = author_open, .close = author_close, .command = speaker_command};
	struct umd_parent_options options = rig_options(&rig);
	struct umd_parent *parent;

	options.ops = &ops;
	options.regions = 0;
	assert_int_equal(umd_parent_create(&options, &parent), 0);
	return parent;
}

static void test_an_engine_s_words_all_arrive(void **state)
{
	static const enum umd_queue_command commands[] = {UMD_QUEUE_DRAIN, UMD_QUEUE_STOP,
							  UMD_QUEUE_START, UMD_QUEUE_ABORT};
	const struct umd_link_ops ops = {.noted = hear};
	struct umd_parent *parent = make_speaking_parent();
	struct umd_owner owner = rig_owner(2);
	struct umd_queue *spoken;
	struct umd_link *link;
	pthread_t thread;

	heard = 0;
	assert_int_equal(umd_link_open(parent, &owner, NULL, &link, NULL), 0);
	umd_link_set_ops(link, &ops, NULL);
	spoken = rig_queue(link, DEPTH);
	speaker = (struct speaker){.work = rig.author.work};
	assert_int_equal(pthread_create(&thread, NULL, run_speaker, NULL), 0);
	for (unsigned int i = 0; i < CONTROLLED; i++)
		assert_int_equal(
			umd_queue_command(spoken, commands[i % UNIT_COUNT(commands)], NULL, NULL),
			0);
	__atomic_store_n(&speaker.stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(umd_parent_dispatch(parent, 0), 0);
	assert_int_equal(heard, speaker.notes);
	umd_link_close(link);
	umd_parent_destroy(parent);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

struct triggerer {
	struct umd_work *work;
	uint32_t vector;
	unsigned int refused, absent, done;
};

static void *run_triggerer(void *data)
{
	struct triggerer *triggerer = data;

	for (int i = 0; i < 5000; i++) {
		int err = umd_work_trigger(triggerer->work, triggerer->vector);

		triggerer->refused += err == -EPERM;
		triggerer->absent += err == -ENOENT;
		triggerer->done += !err;
	}
	return NULL;
}

/* One owner's vector comes and goes while two engines trigger it, of which one is another's. */
static void test_no_engine_triggers_what_is_another_owner_s(void **state)
{
	struct umd_link *other = rig_link(&rig, 2);
	struct triggerer own = {.work = rig.author.work}, foreign;
	int fd = rig_eventfd();
	pthread_t threads[2];
	uint32_t vector = rig_vector(link_, fd);

	own.vector = vector;
	rig_queue(other, DEPTH);
	foreign = (struct triggerer){.work = rig.author.work, .vector = vector};
	assert_int_equal(pthread_create(&threads[0], NULL, run_triggerer, &own), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, run_triggerer, &foreign), 0);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(umd_link_free_vector(link_, vector), 0);
		assert_int_equal(umd_link_alloc_vector(link_, &vector), 0);
		assert_int_equal(umd_link_set_eventfd(link_, vector, fd), 0);
	}
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	assert_int_equal(foreign.done, 0);
	assert_int_equal(own.refused, 0);
	assert_int_equal(work_stats(own.work).triggers, own.done);
	assert_int_equal(work_stats(foreign.work).refused, foreign.refused);
	assert_int_equal(own.done + own.absent, 5000);
	umd_link_close(other);
	close(fd);
}

/* ---- A peer that scribbles ----------------------------------------------------------------- */

struct scribbler {
	struct umd_ring ring; /* by a mapping of its own, as a peer's */
	uint64_t seed;
	bool stop; /* atomic */
};

static void *run_scribbler(void *data)
{
	struct scribbler *scribbler = data;
	uint32_t *words = (uint32_t *)scribbler->ring.shared;
	size_t size = (UMD_RING_ENTRIES_AT + DEPTH * ENTRY) / sizeof(*words);

	while (!__atomic_load_n(&scribbler->stop, __ATOMIC_RELAXED)) {
		bool head = unit_below(&scribbler->seed, 2);
		size_t at = head ? unit_below(&scribbler->seed, 2) * 16
				 : unit_below(&scribbler->seed, size);
		uint32_t word = (uint32_t)unit_random(&scribbler->seed);

		__atomic_store_n(&words[at], head ? word % (4 * DEPTH) : word, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Whoever owns the ring may write whatever, and other queues get on. */
static void test_a_scribbled_ring_is_its_owner_s_trouble_only(void **state)
{
	struct umd_work *scribbled = rig.author.work, *honest;
	struct umd_link *other = rig_link(&rig, 2);
	struct umd_queue *theirs = rig_queue(other, DEPTH);
	struct scribbler scribbler = {.seed = unit_seed + 1};
	struct entry entries[DEPTH + 1];
	uint64_t start = umd_now_ns();
	unsigned int halts = 0;
	pthread_t thread;

	assert_int_equal(umd_ring_open(&scribbler.ring, scribbled->ring_fd, DEPTH, ENTRY), 0);
	honest = rig.author.work;
	memset(&entries[DEPTH], 0xa5, ENTRY);
	assert_int_equal(pthread_create(&thread, NULL, run_scribbler, &scribbler), 0);
	for (uint64_t i = 0; halts < HALTS && umd_now_ns() - start < LONG_NS; i++) {
		int n = umd_work_take(scribbled, entries, DEPTH);

		assert_true(n <= (int)DEPTH && (n >= 0 || n == -EPROTO || n == -EAGAIN));
		halts += n == -EPROTO;
		if (n == -EPROTO)
			assert_int_equal(umd_queue_command(queue, UMD_QUEUE_START, NULL, NULL), 0);
		umd_work_sleep(scribbled);
		umd_work_wake(scribbled);
		assert_true(umd_work_waiting(scribbled) <= DEPTH);
		assert_int_equal(submit(theirs, i), 1);
		expect_entry(honest, i);
	}
	__atomic_store_n(&scribbler.stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(entries[DEPTH].words[0], UINT64_C(0xa5a5a5a5a5a5a5a5));
	assert_int_equal(halts, HALTS);
	umd_ring_close(&scribbler.ring);
	umd_link_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_entry_is_lost_between_an_engine_that_sleeps_and_a_submitter),
		TEST(test_no_entry_is_lost_just_when_an_engine_falls_asleep),
		TEST(test_an_engine_sees_the_changes_that_its_entries_need),
		TEST(test_an_engine_s_words_all_arrive),
		TEST(test_no_engine_triggers_what_is_another_owner_s),
		TEST(test_a_scribbled_ring_is_its_owner_s_trouble_only),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
