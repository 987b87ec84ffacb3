/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guards: files that are cut short, have no room or no huge pages, under threads that touch them.
 * Each test runs in a child with a fresh handler of SIGBUS.
 */
#include "child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "dma/guard.h"

#define PAGE	4096u
#define FILLING 0xa5
#define THREADS 4u

#ifdef __SANITIZE_THREAD__
#define WITH_TSAN true
#else
#define WITH_TSAN false
#endif

/* Where a filter of system calls finds an argument's low 32 bits. */
#define LOW_HALF(argument)                                      \
	(offsetof(struct seccomp_data, args) + 8 * (argument) + \
	 (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

/* ---- Areas --------------------------------------------------------------------------------- */

struct area {
	int fd;
	struct umd_dma_guard guard;
	bool lost;
};

static void map_fd(struct area *area, int fd, size_t length, size_t block, bool writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;

	*area = (struct area){.fd = fd};
	area->guard = (struct umd_dma_guard){
		.length = length, .block = block, .writable = writable, .lost = &area->lost};
	area->guard.base = mmap(NULL, length, prot, MAP_SHARED | MAP_NORESERVE, fd, 0);
	EXPECT(area->guard.base != MAP_FAILED);
}

static int make_file(size_t pages)
{
	uint8_t page[PAGE];
	int fd = memfd_create("guarded", MFD_CLOEXEC);

	memset(page, FILLING, sizeof(page));
	EXPECT(fd >= 0);
	for (size_t i = 0; i < pages; i++)
		EXPECT(write(fd, page, sizeof(page)) == (ssize_t)sizeof(page));
	return fd;
}

static void map_file(struct area *area, size_t pages, bool writable)
{
	map_fd(area, make_file(pages), pages * PAGE, PAGE, writable);
}

static void map_guarded(struct area *area, size_t pages)
{
	map_file(area, pages, true);
	EXPECT(umd_dma_guard_add(&area->guard) == 0);
}

static void unmap(struct area *area)
{
	umd_dma_guard_remove(&area->guard);
	munmap(area->guard.base, area->guard.length);
	close(area->fd);
}

static void cut(const struct area *area, size_t pages)
{
	EXPECT(ftruncate(area->fd, (off_t)(pages * PAGE)) == 0);
}

static volatile uint8_t *page_of(const struct area *area, size_t page)
{
	return area->guard.base + page * area->guard.block;
}

static bool is_lost(const struct area *area)
{
	return umd_dma_guard_is_lost(&area->guard);
}

/* ---- What is put in the place of what was cut off ------------------------------------------ */

static void read_cut(void)
{
	struct area area;

	map_guarded(&area, 4);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 2);
	EXPECT(*page_of(&area, 1) == FILLING);
	EXPECT(!is_lost(&area));
	EXPECT(*page_of(&area, 2) == 0);
	EXPECT(is_lost(&area));
	EXPECT(*page_of(&area, 3) == 0);
	unmap(&area);
}

static void test_what_was_cut_off_reads_zero_and_is_lost(void **state)
{
	child_expect_success(read_cut);
}

static void write_cut(void)
{
	struct area area;
	uint8_t byte;

	map_guarded(&area, 4);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 2);
	*page_of(&area, 3) = 1;
	EXPECT(is_lost(&area));
	EXPECT(*page_of(&area, 3) == 1);
	*page_of(&area, 0) = 2;
	cut(&area, 4);
	EXPECT(pread(area.fd, &byte, 1, 3 * PAGE) == 1 && byte == 0);
	EXPECT(pread(area.fd, &byte, 1, 0) == 1 && byte == FILLING);
	unmap(&area);
}

static void test_writes_to_a_lost_range_reach_nobody(void **state)
{
	child_expect_success(write_cut);
}

static void grow_again(void)
{
	struct area area;

	map_guarded(&area, 2);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 0);
	EXPECT(*page_of(&area, 1) == 0);
	cut(&area, 2);
	EXPECT(pwrite(area.fd, "x", 1, PAGE) == 1);
	EXPECT(*page_of(&area, 1) == 0);
	EXPECT(is_lost(&area));
	unmap(&area);
}

static void test_a_file_that_grows_again_stays_lost(void **state)
{
	child_expect_success(grow_again);
}

static void read_only(void)
{
	struct area area;

	map_file(&area, 1, false);
	EXPECT(umd_dma_guard_add(&area.guard) == 0);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 0);
	EXPECT(*page_of(&area, 0) == 0);
	EXPECT(is_lost(&area));
}

static void write_read_only(void)
{
	struct area area;

	map_file(&area, 1, false);
	EXPECT(umd_dma_guard_add(&area.guard) == 0);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 0);
	EXPECT(*page_of(&area, 0) == 0);
	*page_of(&area, 0) = 1;
}

static void test_a_range_that_was_read_only_stays_so(void **state)
{
	child_expect_success(read_only);
	child_expect_death(write_read_only, SIGSEGV);
}

/* Two files, one behind the other in memory. */
static void neighbours(void)
{
	struct area first, second;
	uint8_t *behind;

	map_file(&first, 2, true);
	map_file(&second, 2, true);
	behind = mmap(NULL, 4 * (size_t)PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(behind != MAP_FAILED);
	EXPECT(mremap(first.guard.base, 2 * (size_t)PAGE, 2 * (size_t)PAGE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, behind) == behind);
	first.guard.base = behind;
	behind += 2 * (size_t)PAGE;
	EXPECT(mremap(second.guard.base, 2 * (size_t)PAGE, 2 * (size_t)PAGE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, behind) == behind);
	second.guard.base = behind;
	EXPECT(umd_dma_guard_add(&first.guard) == 0);
	EXPECT(umd_dma_guard_add(&second.guard) == 0);
	EXPECT(umd_dma_guard_install() == 0);

	cut(&first, 0);
	cut(&second, 1);
	EXPECT(first.guard.base[2 * PAGE - 1] == 0);
	EXPECT(is_lost(&first) && !is_lost(&second));
	EXPECT(*page_of(&second, 0) == FILLING);
	EXPECT(*page_of(&second, 1) == 0);
	EXPECT(is_lost(&second));
}

static void test_a_loss_is_of_one_range_only(void **state)
{
	child_expect_success(neighbours);
}

static void move(void)
{
	struct area area;
	struct umd_dma_guard old;

	map_guarded(&area, 2);
	EXPECT(umd_dma_guard_install() == 0);
	old = area.guard;
	area.guard.base =
		mmap(NULL, 2 * (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, area.fd, 0);
	EXPECT(area.guard.base != MAP_FAILED);
	EXPECT(umd_dma_guard_add(&area.guard) == 0);
	cut(&area, 1);
	EXPECT(old.base[PAGE] == 0);
	EXPECT(is_lost(&area));
	umd_dma_guard_remove(&old);
	EXPECT(*page_of(&area, 0) == FILLING);
	EXPECT(*page_of(&area, 1) == 0);
	unmap(&area);
}

static void test_memory_that_moves_is_guarded_in_both_places(void **state)
{
	child_expect_success(move);
}

/* ---- Other reasons than a file cut short --------------------------------------------------- */

/* Without huge pages already the first touch fails; with them, the one after the cut. */
static void huge(void)
{
	size_t block = (size_t)2 << 20;
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | (21u << 26) /* MFD_HUGE_2MB */);
	struct area area;

	if (fd < 0 || ftruncate(fd, (off_t)(2 * block)) < 0)
		child_skip("no hugetlbfs");
	map_fd(&area, fd, 2 * block, block, true);
	EXPECT(umd_dma_guard_add(&area.guard) == 0);
	EXPECT(umd_dma_guard_install() == 0);
	*page_of(&area, 1) = 1;
	EXPECT(ftruncate(fd, 0) == 0);
	EXPECT(*(page_of(&area, 1) + block - 1) == 0);
	EXPECT(is_lost(&area));
	EXPECT(*page_of(&area, 0) == 0);
	unmap(&area);
}

static void test_huge_pages_are_replaced(void **state)
{
	child_expect_success(huge);
}

static void fill_file_system(void)
{
	int fd = child_open_small_file();
	struct area area;

	EXPECT(ftruncate(fd, 64 * (off_t)PAGE) == 0);
	map_fd(&area, fd, 64 * (size_t)PAGE, PAGE, true);
	EXPECT(umd_dma_guard_add(&area.guard) == 0);
	EXPECT(umd_dma_guard_install() == 0);

	*page_of(&area, 0) = 1;
	EXPECT(!is_lost(&area));
	for (size_t page = 1; page < 64; page++)
		*page_of(&area, page) = 1;
	EXPECT(is_lost(&area));
}

static void test_a_full_file_system_is_a_loss(void **state)
{
	child_expect_success(fill_file_system);
}

static void punch(void)
{
	struct area area;

	map_guarded(&area, 4);
	EXPECT(umd_dma_guard_install() == 0);
	EXPECT(fallocate(area.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE) == 0);
	EXPECT(*page_of(&area, 1) == 0);
	*page_of(&area, 1) = 1;
	EXPECT(!is_lost(&area));
}

static void test_a_hole_is_no_loss(void **state)
{
	child_expect_success(punch);
}

/* Sends this thread a SIGBUS as the kernel or a process would. */
static void send(int code, void *address)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = code};

	info.si_addr = address;
	EXPECT(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, &info) == 0);
}

static void fail_hardware(void)
{
	struct area area;

	map_guarded(&area, 2);
	EXPECT(umd_dma_guard_install() == 0);
	send(BUS_MCEERR_AR, area.guard.base + PAGE);
	EXPECT(is_lost(&area));
	EXPECT(*page_of(&area, 0) == 0);
}

static void test_memory_that_the_hardware_lost_is_lost(void **state)
{
	child_expect_success(fail_hardware);
}

/* As where the kernel has no memory to promise: puts nothing of at least this size in a place. */
static void limit_replacement(uint32_t size)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_HALF(3)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_HALF(1)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, size, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = UNIT_COUNT(code), .filter = code};

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		child_skip("no filter of system calls");
}

static void replace_by_page(void)
{
	struct area area;

	map_guarded(&area, 64);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 1);
	limit_replacement(2 * PAGE);

	for (size_t page = 1; page < 64; page += 9) {
		errno = EXDEV;
		*page_of(&area, page) = 1;
		EXPECT(errno == EXDEV);
		EXPECT(*page_of(&area, page) == 1);
	}
	EXPECT(*page_of(&area, 0) == FILLING);
	EXPECT(is_lost(&area));
}

static void test_where_memory_is_short_a_page_at_a_time_must_do(void **state)
{
	child_expect_success(replace_by_page);
}

static void replace_nothing(void)
{
	struct area area;

	map_guarded(&area, 2);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 0);
	limit_replacement(1);
	*page_of(&area, 1) = 1;
}

static void test_where_nothing_can_be_replaced_the_process_ends(void **state)
{
	child_expect_death(replace_nothing, SIGBUS);
}

/* ---- What is passed on --------------------------------------------------------------------- */

static volatile unsigned int calls;
static volatile int last_code;
static void *volatile last_address;
static struct area foreign;

static void repair(void)
{
	mmap(foreign.guard.base, foreign.guard.length, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void plain_handler(int sig)
{
	calls += sig == SIGBUS;
	repair();
}

static void info_handler(int sig, siginfo_t *info, void *context)
{
	calls += sig == SIGBUS && context;
	last_code = info->si_code;
	last_address = info->si_addr;
	repair();
}

/* A handler of the program's own, then ours, and a guarded area and one that is not. */
static void start(struct area *guarded, const struct sigaction *action)
{
	EXPECT(sigaction(SIGBUS, action, NULL) == 0);
	map_guarded(guarded, 2);
	map_file(&foreign, 2, true);
	EXPECT(umd_dma_guard_install() == 0);
	EXPECT(umd_dma_guard_install() == 0);
	cut(guarded, 0);
	cut(&foreign, 0);
}

static void call_plain(void)
{
	const struct sigaction action = {.sa_handler = plain_handler};
	struct area guarded;

	start(&guarded, &action);
	EXPECT(*page_of(&foreign, 1) == 0);
	EXPECT(calls == 1);
	EXPECT(*page_of(&guarded, 1) == 0);
	EXPECT(calls == 1);
}

static void call_with_info(void)
{
	const struct sigaction action = {.sa_sigaction = info_handler, .sa_flags = SA_SIGINFO};
	struct area guarded;

	start(&guarded, &action);
	EXPECT(*page_of(&foreign, 1) == 0);
	EXPECT(calls == 1 && last_code == BUS_ADRERR);
	EXPECT(last_address == foreign.guard.base + PAGE);
	EXPECT(!is_lost(&guarded));
	EXPECT(*page_of(&guarded, 1) == 0);
	EXPECT(calls == 1);
}

static void test_other_faults_go_to_the_handler_before(void **state)
{
	child_expect_success(call_plain);
	child_expect_success(call_with_info);
}

static void send_others(void)
{
	static const int codes[] = {SI_QUEUE, SI_USER, BUS_MCEERR_AO, BUS_OBJERR, BUS_ADRALN};
	const struct sigaction action = {.sa_sigaction = info_handler, .sa_flags = SA_SIGINFO};
	struct area guarded;

	start(&guarded, &action);
	for (unsigned int i = 0; i < UNIT_COUNT(codes); i++) {
		send(codes[i], guarded.guard.base);
		EXPECT(calls == i + 1);
		EXPECT(last_code == codes[i] && last_address == guarded.guard.base);
	}
	EXPECT(!is_lost(&guarded));
}

static void test_signals_that_are_no_loss_are_passed_on_as_they_came(void **state)
{
	child_expect_success(send_others);
}

static void note_mask(int sig)
{
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	calls += sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGUSR2) == 0 &&
		 sigismember(&mask, SIGBUS) == 0;
}

static void call_masked(void)
{
	struct sigaction action = {.sa_handler = note_mask, .sa_flags = (int)SA_NODEFER};
	struct area guarded;

	sigaddset(&action.sa_mask, SIGUSR1);
	start(&guarded, &action);
	raise(SIGBUS);
	EXPECT(calls == 1);
}

static void test_the_handler_before_runs_with_its_own_mask(void **state)
{
	if (WITH_TSAN) /* which runs handlers with masks of its own */
		skip();
	child_expect_success(call_masked);
}

static void reset_once(void)
{
	const struct sigaction action = {.sa_handler = plain_handler,
					 .sa_flags = (int)SA_RESETHAND};
	struct area guarded;

	start(&guarded, &action);
	raise(SIGBUS);
	EXPECT(calls == 1);
	EXPECT(*page_of(&guarded, 0) == 0);
	raise(SIGBUS);
	_exit(0);
}

static void test_a_handler_for_one_signal_gets_one(void **state)
{
	child_expect_death(reset_once, SIGBUS);
}

static void start_with(struct area *guarded, void (*handler)(int))
{
	const struct sigaction action = {.sa_handler = handler};

	start(guarded, &action);
	EXPECT(*page_of(guarded, 1) == 0);
}

static void touch_by_default(void)
{
	struct area guarded;

	start_with(&guarded, SIG_DFL);
	*page_of(&foreign, 1) = 1;
}

static void touch_ignoring(void)
{
	struct area guarded;

	start_with(&guarded, SIG_IGN);
	*page_of(&foreign, 1) = 1;
}

static void kill_by_default(void)
{
	struct area guarded;

	start_with(&guarded, SIG_DFL);
	kill(getpid(), SIGBUS);
	sched_yield();
}

static void note_by_default(void)
{
	struct area guarded;

	start_with(&guarded, SIG_DFL);
	send(BUS_MCEERR_AO, guarded.guard.base);
}

static void test_without_a_handler_before_the_process_ends_as_it_would(void **state)
{
	child_expect_death(touch_by_default, SIGBUS);
	child_expect_death(touch_ignoring, SIGBUS);
	child_expect_death(kill_by_default, SIGBUS);
	child_expect_death(note_by_default, SIGBUS);
}

static void kill_ignoring(void)
{
	struct area guarded;

	start_with(&guarded, SIG_IGN);
	kill(getpid(), SIGBUS);
	send(BUS_MCEERR_AO, guarded.guard.base);
}

static void test_what_was_ignored_still_is(void **state)
{
	child_expect_success(kill_ignoring);
}

static void touch_removed(void)
{
	struct area area;

	map_guarded(&area, 2);
	EXPECT(umd_dma_guard_install() == 0);
	umd_dma_guard_remove(&area.guard);
	cut(&area, 0);
	*page_of(&area, 1) = 1;
}

static void test_a_guard_that_was_removed_guards_no_more(void **state)
{
	child_expect_death(touch_removed, SIGBUS);
}

static void remove_twice(void)
{
	struct area areas[3];

	EXPECT(umd_dma_guard_install() == 0);
	map_guarded(&areas[0], 1);
	umd_dma_guard_remove(&areas[0].guard);
	umd_dma_guard_remove(&areas[0].guard);
	for (unsigned int i = 1; i < UNIT_COUNT(areas); i++) {
		map_guarded(&areas[i], 1);
		cut(&areas[i], 0);
	}
	for (unsigned int i = 1; i < UNIT_COUNT(areas); i++) {
		EXPECT(*page_of(&areas[i], 0) == 0);
		EXPECT(is_lost(&areas[i]));
	}
}

static void test_removing_twice_is_harmless(void **state)
{
	child_expect_success(remove_twice);
}

static void touch_behind(void)
{
	struct area area;
	uint8_t *pages;

	map_file(&area, 2, true);
	area.guard.length = PAGE;
	EXPECT(umd_dma_guard_add(&area.guard) == 0);
	EXPECT(umd_dma_guard_install() == 0);
	cut(&area, 0);
	pages = area.guard.base;
	EXPECT(*(volatile uint8_t *)pages == 0);
	*(volatile uint8_t *)(pages + PAGE) = 1;
}

static void test_a_guard_ends_with_its_last_byte(void **state)
{
	child_expect_death(touch_behind, SIGBUS);
}

/* ---- Many ---------------------------------------------------------------------------------- */

#define MANY 3000u

static void guard_many(void)
{
	static struct area areas[MANY];
	int fd = make_file(1);

	EXPECT(umd_dma_guard_install() == 0);
	for (unsigned int i = 0; i < MANY; i++) {
		map_fd(&areas[i], fd, PAGE, PAGE, true);
		EXPECT(umd_dma_guard_add(&areas[i].guard) == 0);
	}
	for (unsigned int i = 0; i < MANY; i += 3)
		umd_dma_guard_remove(&areas[i].guard);
	for (unsigned int i = 0; i < MANY; i += 3)
		EXPECT(umd_dma_guard_add(&areas[i].guard) == 0);
	EXPECT(ftruncate(fd, 0) == 0);

	for (unsigned int i = 0; i < MANY; i++) {
		struct area *area =
			&areas[i * 7u % MANY]; /* 7 and MANY have no divisor in common */

		EXPECT(!is_lost(area));
		EXPECT(*page_of(area, 0) == 0);
		EXPECT(is_lost(area));
	}
}

static void test_thousands_of_ranges_are_told_apart(void **state)
{
	child_expect_success(guard_many);
}

/* Ranges that nobody touches need no memory. */
static void guard_too_many(void)
{
	static struct umd_dma_guard guards[UMD_DMA_GUARDS_MAX + 1];
	bool lost = false;

	for (uintptr_t i = 0; i <= UMD_DMA_GUARDS_MAX; i++) {
		guards[i] = (struct umd_dma_guard){.base = (uint8_t *)((i + 1) * PAGE),
						   .length = PAGE,
						   .block = PAGE,
						   .lost = &lost};
		EXPECT(umd_dma_guard_add(&guards[i]) == (i < UMD_DMA_GUARDS_MAX ? 0 : -ENOMEM));
	}
	umd_dma_guard_remove(&guards[UMD_DMA_GUARDS_MAX]);
	EXPECT(umd_dma_guard_add(&guards[UMD_DMA_GUARDS_MAX]) == -ENOMEM);
	umd_dma_guard_remove(&guards[100]);
	EXPECT(umd_dma_guard_add(&guards[UMD_DMA_GUARDS_MAX]) == 0);
	EXPECT(umd_dma_guard_add(&guards[100]) == -ENOMEM);
	EXPECT(!lost);
}

static void test_ranges_are_limited(void **state)
{
	child_expect_success(guard_too_many);
}

/* ---- Threads ------------------------------------------------------------------------------- */

#define SHARED_PAGES 64u
#define ROUNDS	     100u
#define LOSSES	     2000u /* of each thread's own files */

static struct area shared;
static pthread_barrier_t together;
static atomic_bool over;

static void start_threads(pthread_t *threads, unsigned int count, void *(*work)(void *))
{
	for (unsigned int i = 0; i < count; i++)
		EXPECT(pthread_create(&threads[i], NULL, work, NULL) == 0);
}

static void join_threads(const pthread_t *threads, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
}

/* Atomic, since threads touch the same bytes. */
static uint8_t load(const struct area *area, size_t page)
{
	return __atomic_load_n(area->guard.base + page * PAGE, __ATOMIC_RELAXED);
}

static void store(const struct area *area, size_t page)
{
	__atomic_store_n(area->guard.base + page * PAGE + 1, 1, __ATOMIC_RELAXED);
}

static void *touch_each_page(void *unused)
{
	pthread_barrier_wait(&together);
	for (size_t page = 0; page < SHARED_PAGES; page++) {
		EXPECT(load(&shared, page) == 0);
		store(&shared, page);
		EXPECT(is_lost(&shared));
	}
	return NULL;
}

static void touch_together(void)
{
	pthread_t threads[THREADS];

	EXPECT(umd_dma_guard_install() == 0);
	pthread_barrier_init(&together, NULL, THREADS);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		map_guarded(&shared, SHARED_PAGES);
		cut(&shared, 0);
		start_threads(threads, THREADS, touch_each_page);
		join_threads(threads, THREADS);
		unmap(&shared);
	}
}

static void test_threads_fault_in_the_same_pages_together(void **state)
{
	child_expect_success(touch_together);
}

/* A zero comes from memory of nobody only: then the loss is seen, however fresh it is. */
static void *look_for_zeroes(void *unused)
{
	size_t page = 0;

	pthread_barrier_wait(&together);
	do {
		page = (page + 1) % SHARED_PAGES;
		if (load(&shared, page) == 0)
			EXPECT(is_lost(&shared));
	} while (!is_lost(&shared));
	return NULL;
}

static void cut_meanwhile(void)
{
	pthread_t threads[THREADS];

	EXPECT(umd_dma_guard_install() == 0);
	pthread_barrier_init(&together, NULL, THREADS + 1);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		map_guarded(&shared, SHARED_PAGES);
		start_threads(threads, THREADS, look_for_zeroes);
		pthread_barrier_wait(&together);
		cut(&shared, round % SHARED_PAGES);
		join_threads(threads, THREADS);
		unmap(&shared);
	}
}

static void test_nobody_uses_memory_of_nobody_unknowingly(void **state)
{
	child_expect_success(cut_meanwhile);
}

static void *lose_own_files(void *unused)
{
	for (unsigned int round = 0; round < LOSSES; round++) {
		struct area area;

		map_guarded(&area, 2);
		EXPECT(*page_of(&area, 1) == FILLING && !is_lost(&area));
		cut(&area, 1);
		EXPECT(*page_of(&area, 1) == 0 && is_lost(&area));
		unmap(&area);
	}
	return NULL;
}

/*
 * Ranges come and go in the slots that the handlers look through. They lie where no memory is, and
 * are so large that a slot read half before and half after a change would contain all addresses.
 */
static void *change_registry(void *unused)
{
	static bool lost;
	struct umd_dma_guard guards[8];

	while (!atomic_load(&over)) {
		for (unsigned int i = 0; i < UNIT_COUNT(guards); i++) {
			guards[i] = (struct umd_dma_guard){.base = (uint8_t *)(UINTPTR_MAX / 2),
							   .length = UINTPTR_MAX / 2,
							   .block = PAGE,
							   .lost = &lost};
			EXPECT(umd_dma_guard_add(&guards[i]) == 0);
		}
		for (unsigned int i = 0; i < UNIT_COUNT(guards); i++)
			umd_dma_guard_remove(&guards[i]);
	}
	EXPECT(!__atomic_load_n(&lost, __ATOMIC_RELAXED));
	return NULL;
}

static void change_meanwhile(void)
{
	pthread_t threads[THREADS], changer;

	EXPECT(umd_dma_guard_install() == 0);
	start_threads(&changer, 1, change_registry);
	start_threads(threads, THREADS, lose_own_files);
	join_threads(threads, THREADS);
	atomic_store(&over, true);
	join_threads(&changer, 1);
}

static void test_ranges_come_and_go_while_others_are_lost(void **state)
{
	child_expect_success(change_meanwhile);
}

static void find_without_membarrier(void)
{
	umd_dma_guard_fences = true;
	cut_meanwhile();
}

static void test_without_membarrier_losses_are_seen_as_well(void **state)
{
	child_expect_success(find_without_membarrier);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_cut_off_reads_zero_and_is_lost),
		cmocka_unit_test(test_writes_to_a_lost_range_reach_nobody),
		cmocka_unit_test(test_a_file_that_grows_again_stays_lost),
		cmocka_unit_test(test_a_range_that_was_read_only_stays_so),
		cmocka_unit_test(test_a_loss_is_of_one_range_only),
		cmocka_unit_test(test_memory_that_moves_is_guarded_in_both_places),
		cmocka_unit_test(test_huge_pages_are_replaced),
		cmocka_unit_test(test_a_full_file_system_is_a_loss),
		cmocka_unit_test(test_a_hole_is_no_loss),
		cmocka_unit_test(test_memory_that_the_hardware_lost_is_lost),
		cmocka_unit_test(test_where_memory_is_short_a_page_at_a_time_must_do),
		cmocka_unit_test(test_where_nothing_can_be_replaced_the_process_ends),
		cmocka_unit_test(test_other_faults_go_to_the_handler_before),
		cmocka_unit_test(test_signals_that_are_no_loss_are_passed_on_as_they_came),
		cmocka_unit_test(test_the_handler_before_runs_with_its_own_mask),
		cmocka_unit_test(test_a_handler_for_one_signal_gets_one),
		cmocka_unit_test(test_without_a_handler_before_the_process_ends_as_it_would),
		cmocka_unit_test(test_what_was_ignored_still_is),
		cmocka_unit_test(test_a_guard_that_was_removed_guards_no_more),
		cmocka_unit_test(test_removing_twice_is_harmless),
		cmocka_unit_test(test_a_guard_ends_with_its_last_byte),
		cmocka_unit_test(test_thousands_of_ranges_are_told_apart),
		cmocka_unit_test(test_ranges_are_limited),
		cmocka_unit_test(test_threads_fault_in_the_same_pages_together),
		cmocka_unit_test(test_nobody_uses_memory_of_nobody_unknowingly),
		cmocka_unit_test(test_ranges_come_and_go_while_others_are_lost),
		cmocka_unit_test(test_without_membarrier_losses_are_seen_as_well),
	};

	return cmocka_run_group_tests_name("dma_guard", tests, NULL, NULL);
}
