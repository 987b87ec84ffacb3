/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions: memory of a parent's that links map, in its process and through a socket. What is not
 * writable cannot be written, what is taken away is nobody's, and neither end believes the other
 * what cannot be.
 */
#include "parent_remote_fixture.h"

#include "parent_raw.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OWNER	7u
#define COUNTER 0u /* read-only, two pages behind another one of the file */
#define BELL	1u /* writable, a page */

static struct rig rig;
static struct umd_link *link_;
static int files[2], idle_fds;
static uint32_t *pages[2]; /* as the author has mapped them */

/* ---- A parent with regions ----------------------------------------------------------------- */

static void offer(struct rig *to, uint32_t index, bool writable, uint64_t offset, uint64_t bytes)
{
	files[index] = make_memory(4 * PAGE);
	pages[index] = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, files[index], 0);
	assert_true(pages[index] != MAP_FAILED);
	to->author.regions[index] =
		(struct umd_parent_region){.size = sizeof(to->author.regions[0]),
					   .fd = files[index],
					   .offset = offset,
					   .bytes = bytes,
					   .writable = writable};
}

static void offer_both(struct rig *to)
{
	offer(to, COUNTER, false, PAGE, 2 * PAGE);
	offer(to, BELL, true, 0, PAGE);
}

static void withdraw(uint32_t index)
{
	munmap(pages[index], 4 * PAGE);
	close(files[index]);
}

static int setup(void **state)
{
	idle_fds = unit_count_fds();
	rig_init(&rig);
	offer_both(&rig);
	link_ = rig_link(&rig, OWNER);
	return 0;
}

static int teardown(void **state)
{
	umd_link_close(link_);
	rig_finish(&rig);
	withdraw(COUNTER);
	withdraw(BELL);
	assert_int_equal(unit_count_fds(), idle_fds);
	return 0;
}

static struct umd_link_region region_of(struct umd_link *link, uint32_t index)
{
	struct umd_link_region region = {.size = sizeof(region)};

	assert_int_equal(umd_link_get_region(link, index, &region), 0);
	return region;
}

static volatile uint32_t *map_region(struct umd_link *link, uint32_t index)
{
	struct umd_link_region region = {.size = sizeof(region)};

	assert_int_equal(umd_link_map_region(link, index, &region), 0);
	assert_non_null(region.address);
	assert_false(region.revoked);
	return region.address;
}

static int try_map(uint32_t index)
{
	struct umd_link_region region = {.size = sizeof(region)};

	return umd_link_map_region(link_, index, &region);
}

/* ---- What a link maps: the same whichever way it leads --------------------------------------- */

static void expect_both(struct umd_link *link)
{
	struct umd_link_region region = region_of(link, COUNTER);

	assert_int_equal(get_info(link).regions, REGIONS);
	assert_int_equal(region.bytes, 2 * PAGE);
	assert_false(region.writable);
	assert_null(region.address);
	region = region_of(link, BELL);
	assert_int_equal(region.bytes, PAGE);
	assert_true(region.writable);
	assert_int_equal(umd_link_get_region(link, 2, &region), -ENOENT); /* has no bytes */
	assert_int_equal(umd_link_get_region(link, REGIONS, &region), -ENOENT);
	assert_int_equal(umd_link_map_region(link, 2, &region), -ENOENT);
	assert_int_equal(umd_link_map_region(link, UINT32_MAX, &region), -ENOENT);
	region.size--;
	assert_int_equal(umd_link_get_region(link, BELL, &region), -EINVAL);
	assert_int_equal(umd_link_map_region(link, BELL, &region), -EINVAL);
}

static void expect_sharing(struct umd_link *link)
{
	volatile uint32_t *counter = map_region(link, COUNTER), *bell = map_region(link, BELL);
	struct umd_link_region region = region_of(link, COUNTER);

	assert_ptr_equal(region.address, counter);
	assert_int_equal(region.bytes, 2 * PAGE);
	assert_int_equal(umd_link_map_region(link, COUNTER, &region), -EBUSY);
	__atomic_store_n(&pages[COUNTER][PAGE / 4], 17, __ATOMIC_RELAXED);
	__atomic_store_n(&pages[COUNTER][3 * PAGE / 4 - 1], 18, __ATOMIC_RELAXED);
	assert_int_equal(counter[0], 17);
	assert_int_equal(counter[2 * PAGE / 4 - 1], 18);
	bell[1] = 5;
	assert_int_equal(__atomic_load_n(&pages[BELL][1], __ATOMIC_RELAXED), 5);

	assert_int_equal(umd_link_unmap_region(link, BELL), 0);
	assert_int_equal(umd_link_unmap_region(link, BELL), -ENOENT);
	assert_int_equal(umd_link_unmap_region(link, 99), -ENOENT);
	assert_null(region_of(link, BELL).address);
	assert_int_equal(map_region(link, BELL)[1], 5);
}

/* A store to it ends the process that makes it. */
static bool store_is_fatal(volatile uint32_t *at)
{
	pid_t child = fork();
	int status;

	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		*at = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void expect_read_only(struct umd_link *link)
{
	volatile uint32_t *counter = map_region(link, COUNTER), *bell = map_region(link, BELL);
	void *start = (void *)(uintptr_t)counter;

	assert_true(store_is_fatal(counter));
	assert_false(store_is_fatal(bell));
	assert_int_equal(mprotect(start, 2 * PAGE, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(counter[0], 0);
}

static void test_a_link_is_told_of_its_regions(void **state)
{
	expect_both(link_);
	assert_int_equal(rig.author.region_owner, OWNER);
}

static void test_a_region_is_shared_memory(void **state)
{
	expect_sharing(link_);
	assert_int_equal(rig.author.put, 1);
	umd_link_close(link_);
	assert_int_equal(rig.author.put, 3);
	link_ = rig_link(&rig, OWNER);
}

static void test_what_is_not_writable_is_not_written(void **state)
{
	expect_read_only(link_);
}

/* ---- Files that are none ----------------------------------------------------------------------
 */

static int map_file(int fd, uint64_t offset, uint64_t bytes, bool writable)
{
	struct umd_parent_region *region = &rig.author.regions[2];
	struct umd_link_region told = {.size = sizeof(told)};
	int err;

	*region = (struct umd_parent_region){.size = sizeof(*region),
					     .fd = fd,
					     .offset = offset,
					     .bytes = bytes,
					     .writable = writable};
	err = umd_link_get_region(link_, 2, &told);
	assert_int_equal(try_map(2), err);
	if (!err)
		assert_int_equal(umd_link_unmap_region(link_, 2), 0);
	return err;
}

static void test_a_region_lies_inside_its_file_in_whole_pages(void **state)
{
	int fd = make_memory(4 * PAGE);

	assert_int_equal(map_file(fd, 0, 5 * PAGE, true), -EPERM);
	assert_int_equal(map_file(fd, 4 * PAGE, PAGE, true), -EPERM);
	assert_int_equal(map_file(fd, UINT64_MAX - PAGE + 1, PAGE, true), -EINVAL);
	assert_int_equal(map_file(fd, 1, PAGE, true), -EINVAL);
	assert_int_equal(map_file(fd, 0, PAGE - 1, true), -EINVAL);
	assert_int_equal(map_file(fd, 0, UMD_REGION_BYTES_MAX + PAGE, true), -EINVAL);
	assert_int_equal(map_file(-1, 0, PAGE, true), -EBADF);
	assert_int_equal(map_file(fd, 3 * PAGE, PAGE, true), 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	close(fd);
}

static int reopen(int fd, int mode)
{
	char path[32];
	int opened;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opened = open(path, mode | O_CLOEXEC);
	assert_true(opened >= 0);
	return opened;
}

static void test_a_file_that_can_be_cut_short_or_written_to_is_refused(void **state)
{
	int plain = memfd_create("plain", MFD_CLOEXEC),
	    tmp = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	int fd = make_memory(PAGE), read_only, sealed = make_memory(PAGE);

	assert_int_equal(ftruncate(plain, PAGE), 0);
	assert_int_equal(ftruncate(tmp, PAGE), 0);
	read_only = reopen(fd, O_RDONLY);
	assert_int_equal(map_file(plain, 0, PAGE, true), -EPERM);
	assert_int_equal(map_file(tmp, 0, PAGE, true), -EPERM);
	assert_int_equal(map_file(read_only, 0, PAGE, true), -EPERM);
	assert_int_equal(map_file(read_only, 0, PAGE, false), -EPERM); /* others can write to it */

	assert_int_equal(map_file(sealed, 0, PAGE, true), 0);
	assert_int_equal(map_file(sealed, 0, PAGE, false), -EPERM); /* somebody may have it */
	assert_int_equal(map_file(fd, 0, PAGE, false), 0);
	assert_int_equal(map_file(fd, 0, PAGE, true), -EPERM);
	assert_int_equal(map_file(read_only, 0, PAGE, false), 0); /* sealed by now */
	close(plain);
	close(tmp);
	close(fd);
	close(read_only);
	close(sealed);
}

static void test_a_devices_file_is_as_writable_as_it_was_opened(void **state)
{
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int read_only = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	assert_int_equal(map_file(zero, 0, PAGE, true), 0);
	assert_int_equal(map_file(zero, 0, PAGE, false), -EPERM);
	assert_int_equal(map_file(read_only, 0, PAGE, false), 0);
	assert_int_equal(map_file(read_only, 0, PAGE, true), -EPERM);
	close(zero);
	close(read_only);
}

/* ---- Taking away ------------------------------------------------------------------------------
 */

struct told {
	unsigned int count;
	uint32_t index; /* the last one */
	bool closes;
};

static void region_revoked(void *data, uint32_t index)
{
	struct told *told = data;

	told->count++;
	told->index = index;
	if (told->closes)
		umd_link_close(link_);
	if (told->closes)
		link_ = NULL;
}

static const struct umd_link_ops told_ops = {.region_revoked = region_revoked};

static void test_what_is_revoked_is_nobodys_at_once(void **state)
{
	volatile uint32_t *counter = map_region(link_, COUNTER), *bell = map_region(link_, BELL);
	struct told told = {.count = 0};

	umd_link_set_ops(link_, &told_ops, &told);
	pages[COUNTER][PAGE / 4] = 17;
	bell[0] = 3;
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, 2), -ENOENT);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER + 1, BELL), -ENOENT);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), 0);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), -ENOENT);
	assert_int_equal(bell[0], 0);
	bell[0] = 4;
	assert_int_equal(pages[BELL][0], 3);
	assert_int_equal(counter[0], 17);
	assert_true(region_of(link_, BELL).revoked);
	assert_int_equal(told.count, 0); /* in a dispatch only */
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, COUNTER), 0);
	assert_int_equal(counter[0], 0);
	assert_int_equal(counter[2 * PAGE / 4 - 1], 0);
	assert_true(store_is_fatal(counter));

	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 2);
	assert_int_equal(try_map(BELL), -EBUSY);
	assert_int_equal(umd_link_unmap_region(link_, BELL), 0);
	withdraw(BELL);
	offer(&rig, BELL, true, 0, PAGE);
	pages[BELL][0] = 9;
	assert_int_equal(map_region(link_, BELL)[0], 9);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 2);
}

static void test_what_was_unmapped_meanwhile_is_no_news(void **state)
{
	struct told told = {.count = 0};

	umd_link_set_ops(link_, &told_ops, &told);
	map_region(link_, BELL);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), 0);
	assert_int_equal(umd_link_unmap_region(link_, BELL), 0);
	map_region(link_, BELL);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 0);
	assert_false(region_of(link_, BELL).revoked);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), 0);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.index, BELL);
}

static void test_a_link_may_be_closed_out_of_the_news(void **state)
{
	struct told told = {.closes = true};

	umd_link_set_ops(link_, &told_ops, &told);
	map_region(link_, COUNTER);
	map_region(link_, BELL);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, COUNTER), 0);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(umd_parent_dispatch(rig.parent, 0), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(rig.author.put, 2);
}

static void test_what_is_mapped_outlives_the_parent(void **state)
{
	volatile uint32_t *bell = map_region(link_, BELL);
	struct umd_link_region region = {.size = sizeof(region)};

	bell[0] = 3;
	umd_parent_destroy(rig.parent);
	rig.parent = NULL;
	assert_int_equal(rig.author.put, 1);
	assert_int_equal(bell[0], 3);
	assert_int_equal(umd_link_get_region(link_, BELL, &region), -ENOTCONN);
	assert_int_equal(try_map(COUNTER), -ENOTCONN);
	assert_int_equal(umd_link_unmap_region(link_, BELL), 0);
	assert_int_equal(rig.author.put, 1);
}

/* ---- Through a socket, the parent in a thread of its own ---------------------------------------
 */

static struct served served;

static int setup_remote(void **state)
{
	const struct umd_owner owner = rig_owner(OWNER);

	idle_fds = unit_count_fds();
	served_start(&served, &owner);
	served_halt(&served);
	offer_both(&served.rig);
	served_go(&served);
	served_connect(&served);
	link_ = served.link;
	return 0;
}

static int teardown_remote(void **state)
{
	served_stop(&served);
	withdraw(COUNTER);
	withdraw(BELL);
	assert_int_equal(unit_count_fds(), idle_fds);
	return 0;
}

/* In the parent's thread's place. */
static void take_away(uint32_t index)
{
	served_halt(&served);
	assert_int_equal(umd_parent_revoke_region(served.rig.parent, OWNER, index), 0);
	served_go(&served);
}

static void test_a_remote_link_is_told_of_its_regions(void **state)
{
	expect_both(link_);
}

static void test_a_region_is_shared_through_a_socket(void **state)
{
	expect_sharing(link_);
	served_halt(&served);
	assert_int_equal(served.rig.author.put, 1);
	served_go(&served);
	umd_link_close(served.link);
	served.link = NULL;
	served_halt(&served);
	assert_int_equal(served.rig.author.put, 3);
	served_go(&served);
}

static void test_what_is_not_writable_is_not_written_through_a_socket(void **state)
{
	expect_read_only(link_);
}

static void test_what_is_revoked_is_nobodys_through_a_socket(void **state)
{
	volatile uint32_t *bell = map_region(link_, BELL);
	struct told told = {.count = 0};

	umd_link_set_ops(link_, &told_ops, &told);
	bell[0] = 3;
	take_away(BELL);
	await(link_, told.count == 1);
	assert_int_equal(told.index, BELL);
	assert_int_equal(bell[0], 0);
	bell[0] = 4;
	assert_int_equal(pages[BELL][0], 3);
	assert_true(region_of(link_, BELL).revoked);
	assert_int_equal(umd_link_unmap_region(link_, BELL), 0);
	assert_int_equal(map_region(link_, BELL)[0], 3); /* the author is to give a fresh one */
}

/* Word that comes with a call is obeyed there, and told later. */
static void test_any_call_takes_away_what_is_revoked(void **state)
{
	volatile uint32_t *bell = map_region(link_, BELL);
	struct told told = {.count = 0};

	umd_link_set_ops(link_, &told_ops, &told);
	bell[0] = 3;
	take_away(BELL);
	for (int i = 0; bell[0] && i < 5000; i++) {
		get_info(link_);
		usleep(1000);
	}
	assert_int_equal(bell[0], 0);
	assert_int_equal(told.count, 0);
	await(link_, told.count == 1);
}

static void test_what_was_unmapped_remotely_is_no_news(void **state)
{
	struct told told = {.count = 0};

	umd_link_set_ops(link_, &told_ops, &told);
	for (int i = 0; i < 20; i++) {
		map_region(link_, BELL);
		take_away(BELL);
		assert_int_equal(umd_link_unmap_region(link_, BELL), 0);
	}
	map_region(link_, BELL)[0] = 8;
	assert_int_equal(umd_link_dispatch(link_), 0);
	get_info(link_);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 0);
	assert_int_equal(pages[BELL][0], 8);
}

static void test_what_is_mapped_outlives_a_parent_that_is_gone(void **state)
{
	volatile uint32_t *bell = map_region(link_, BELL);
	struct umd_link_region region = {.size = sizeof(region)};

	bell[0] = 3;
	served_halt(&served);
	umd_parent_destroy(served.rig.parent);
	served.rig.parent = NULL;
	assert_int_equal(umd_link_dispatch(link_), -ENOTCONN);
	assert_int_equal(bell[0], 3);
	assert_int_equal(umd_link_get_region(link_, BELL, &region), -ENOTCONN);
	assert_int_equal(umd_link_unmap_region(link_, BELL), 0);
}

/* ---- A client that means no good ------------------------------------------------------------- */

static int client;

static void pump(void)
{
	struct pollfd ready = {.fd = umd_parent_fd(rig.parent), .events = POLLIN};

	while (poll(&ready, 1, 0) == 1)
		assert_int_equal(umd_parent_dispatch(rig.parent, 0), 0);
}

static struct raw ask(const struct raw *raw)
{
	struct raw answer;

	raw_send(client, raw);
	pump();
	assert_true(raw_try_receive(client, &answer) > 0);
	return answer;
}

static int setup_raw(void **state)
{
	const struct umd_owner owner = rig_owner(OWNER);
	const struct raw hello = raw_two(HELLO, 1, 1, 0);
	struct raw answer;
	int pair[2];

	idle_fds = unit_count_fds();
	rig_init(&rig);
	offer_both(&rig);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(umd_parent_accept(rig.parent, pair[0], &owner), 0);
	client = pair[1];
	answer = ask(&hello);
	assert_int_equal(get16(&answer, 0), HELLO);
	link_ = NULL;
	return 0;
}

static int teardown_raw(void **state)
{
	close(client);
	pump();
	return teardown(state);
}

static int result_of(const struct raw *answer)
{
	assert_int_equal(get16(answer, 0), DONE);
	assert_int_equal(get32(answer, 8), 1);
	return (int)get32(answer, 20);
}

static int ask_result(const struct raw *raw)
{
	const struct raw answer = ask(raw);

	return result_of(&answer);
}

/* The file of a region. */
static int take_region(uint32_t index)
{
	const struct raw raw = raw_two(GET_REGION, 3, index, 1), answer = ask(&raw);

	assert_int_equal(get16(&answer, 0), GET_REGION);
	assert_int_equal(get32(&answer, 4), 3);
	assert_int_equal(answer.size, 32);
	assert_int_equal(get32(&answer, 8), index);
	assert_int_equal(answer.fd_count, 1);
	return answer.fds[0];
}

static void test_a_question_that_is_none_is_refused(void **state)
{
	struct raw raw = raw_two(GET_REGION, 3, BELL, 2), answer;

	assert_int_equal(ask_result(&raw), -EINVAL);
	raw = raw_two(PUT_REGION, 3, BELL, 1);
	assert_int_equal(ask_result(&raw), -EINVAL);
	raw = raw_two(PUT_REGION, 3, BELL, 0);
	assert_int_equal(ask_result(&raw), -ENOENT);
	raw = raw_two(GET_REGION, 3, UINT32_MAX, 1);
	assert_int_equal(ask_result(&raw), -ENOENT);
	raw = raw_two(GET_REGION, 3, 2, 0);
	assert_int_equal(ask_result(&raw), -ENOENT);
	raw = raw_two(GET_REGION, 3, BELL, 1);
	raw.size = 12;
	assert_int_equal(ask_result(&raw), -EBADMSG);
	raw = raw_two(GET_REGION, 3, BELL, 1);
	raw.fds[raw.fd_count++] = client;
	assert_int_equal(ask_result(&raw), -EBADF);

	raw = raw_two(GET_REGION, 3, BELL, 0);
	answer = ask(&raw);
	assert_int_equal(get16(&answer, 0), GET_REGION);
	assert_int_equal(get32(&answer, 12), 1); /* writable */
	assert_int_equal(answer.fd_count, 0);
	assert_int_equal(rig.author.put, 0);
}

static void test_a_region_is_handed_out_once_at_a_time(void **state)
{
	struct raw raw = raw_two(GET_REGION, 3, BELL, 1);

	for (int i = 0; i < 300; i++) {
		int fd = take_region(BELL);

		close(fd);
		assert_int_equal(ask_result(&raw), -EBUSY);
		raw = raw_two(PUT_REGION, 3, BELL, 0);
		assert_int_equal(ask_result(&raw), 0);
		raw = raw_two(GET_REGION, 3, BELL, 1);
	}
	assert_int_equal(rig.author.put, 300);
}

/* All that an fd of it may be tried for, by whoever may open the file again. */
static void test_nothing_makes_a_read_only_file_writable(void **state)
{
	int fd = take_region(COUNTER), again = reopen(fd, O_RDWR), value = 1;

	for (int i = 0; i < 2; i++) {
		int tried = i ? again : fd;
		void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, tried, PAGE);

		assert_true(map != MAP_FAILED);
		assert_int_equal(mprotect(map, PAGE, PROT_READ | PROT_WRITE), -1);
		munmap(map, PAGE);
		assert_ptr_equal(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, tried, PAGE), MAP_FAILED);
		assert_int_equal(pwrite(tried, &value, sizeof(value), PAGE), -1);
		assert_int_equal(ftruncate(tried, 0), -1);
		assert_int_equal(ftruncate(tried, 8 * PAGE), -1);
		assert_int_equal(
			fallocate(tried, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE),
			-1);
		assert_int_equal(fcntl(tried, F_ADD_SEALS, F_SEAL_WRITE), -1);
	}
	pages[COUNTER][PAGE / 4] = 5; /* the author goes on */
	assert_int_equal(pread(fd, &value, sizeof(value), PAGE), sizeof(value));
	assert_int_equal(value, 5);
	close(fd);
	close(again);
}

static void test_a_client_that_listens_to_nothing_is_told_once(void **state)
{
	struct raw raw, answer;
	int fd = take_region(BELL);

	for (int i = 0; i < 100; i++)
		umd_parent_revoke_region(rig.parent, OWNER, BELL);
	pump();
	assert_int_equal(raw_try_receive(client, &answer), 16);
	assert_int_equal(get16(&answer, 0), REGION_REVOKED);
	assert_int_equal(get32(&answer, 8), BELL);
	assert_int_equal(raw_try_receive(client, &answer), -EAGAIN);
	raw = raw_two(GET_REGION, 3, BELL, 1); /* it is not back yet */
	assert_int_equal(ask_result(&raw), -EBUSY);
	close(fd);
}

/* What it takes again is not what was revoked. */
static void test_word_of_a_revoked_region_never_comes_behind_the_next_one(void **state)
{
	struct raw raw = raw_two(PUT_REGION, 0, BELL, 0), answer;
	int fd = take_region(BELL);

	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), 0);
	raw_send(client, &raw);
	raw = raw_two(GET_REGION, 4, BELL, 1);
	raw_send(client, &raw);
	pump();
	assert_true(raw_try_receive(client, &answer) > 0);
	if (get16(&answer, 0) == REGION_REVOKED)
		assert_true(raw_try_receive(client, &answer) > 0);
	assert_int_equal(get16(&answer, 0), GET_REGION);
	assert_int_equal(answer.fd_count, 1);
	close(answer.fds[0]);
	assert_int_equal(raw_try_receive(client, &answer), -EAGAIN);
	close(fd);
}

static void test_a_client_that_vanishes_leaves_nothing(void **state)
{
	struct umd_link *next;
	int fds[2] = {take_region(COUNTER), take_region(BELL)};

	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, BELL), 0);
	close(client);
	pump();
	assert_int_equal(rig.author.put, 2);
	assert_int_equal(umd_parent_revoke_region(rig.parent, OWNER, COUNTER), -ENOENT);
	next = rig_link(&rig, OWNER);
	map_region(next, BELL);
	umd_link_close(next);
	assert_int_equal(rig.author.put, 3);
	close(fds[0]);
	close(fds[1]);
	client = open("/dev/null", O_RDONLY);
}

/* ---- A parent that is not in its right mind ------------------------------------------------- */

static int peer;
static unsigned int losses;

static void lost(void *data)
{
	losses++;
}

static void connect_peer(void)
{
	static const struct umd_link_ops ops = {.lost = lost};
	struct raw welcome = raw_two(HELLO, 1, 1, 0);
	uint32_t entry = ENTRY;
	int pair[2];

	memcpy(welcome.bytes + 16 + 232 + 256, &entry, sizeof(entry));
	welcome.size = 568;
	losses = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	peer = pair[0];
	raw_send(peer, &welcome);
	assert_int_equal(umd_link_connect_fd(pair[1], &link_, NULL), 0);
	umd_link_set_ops(link_, &ops, NULL);
}

static void disconnect_peer(void)
{
	close(peer);
	umd_link_close(link_);
}

static int setup_peer(void **state)
{
	idle_fds = unit_count_fds();
	connect_peer();
	return 0;
}

static int teardown_peer(void **state)
{
	disconnect_peer();
	assert_int_equal(unit_count_fds(), idle_fds);
	return 0;
}

/* Region 0, the answer to the first question. */
static struct raw make_described(uint32_t flags, uint64_t offset, uint64_t bytes, int fd)
{
	struct raw raw = raw_two(GET_REGION, 2, 0, flags);

	put64(&raw, offset);
	put64(&raw, bytes);
	if (fd >= 0)
		raw.fds[raw.fd_count++] = fd;
	return raw;
}

static void expect_end_of(const struct raw *raw, bool maps)
{
	struct umd_link_region region = {.size = sizeof(region)};
	int err;

	raw_send(peer, raw);
	err = maps ? umd_link_map_region(link_, 0, &region)
		   : umd_link_get_region(link_, 0, &region);
	assert_true(err == -EPROTO || err == -ENOTCONN);
	assert_null(region.address);
	assert_int_equal(umd_link_dispatch(link_), -ENOTCONN);
	assert_int_equal(losses, 1);
	disconnect_peer();
	connect_peer();
}

static int make_sealed(uint64_t size)
{
	int fd = make_memory(size);

	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

static void test_a_region_that_cannot_be_ends_the_link(void **state)
{
	int fd = make_sealed(4 * PAGE), loose = make_memory(PAGE);
	int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	const struct raw bad[] = {
		make_described(2, 0, 5 * PAGE, fd),
		make_described(2, 4 * PAGE, PAGE, fd),
		make_described(2, 0, 0, fd),
		make_described(2, 1, PAGE, fd),
		make_described(2, 0, PAGE + 1, fd),
		make_described(2, 0, UINT64_MAX, fd),
		make_described(2, UINT64_MAX - PAGE + 1, PAGE, fd),
		make_described(2, 0, PAGE, loose),
		make_described(2, 0, PAGE, file),
		make_described(6, 0, PAGE, fd),
		make_described(2, 0, PAGE, -1),
		make_described(0, 0, PAGE, fd),
		make_described(0, 0, PAGE, -1),
	};
	struct raw other = make_described(2, 0, PAGE, fd);

	assert_int_equal(ftruncate(file, PAGE), 0);
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		expect_end_of(&bad[i], true);
	other.bytes[8] = 1; /* another region */
	expect_end_of(&other, true);
	other = make_described(2, 0, PAGE, fd); /* a file that nobody asked for */
	expect_end_of(&other, false);
	other = make_described(0, 0, 0, -1);
	expect_end_of(&other, false);
	other = raw_two(REGION_REVOKED, 0, 0, 1);
	expect_end_of(&other, true);
	other = raw_begin(REGION_REVOKED, 0, 0);
	expect_end_of(&other, true);
	close(fd);
	close(loose);
	close(file);
}

/* A file that cannot be mapped so is an error of that call, and given back. */
static void test_a_file_that_cannot_be_mapped_is_given_back(void **state)
{
	int fd = make_sealed(PAGE), read_only = reopen(fd, O_RDONLY);
	const struct raw described = make_described(3, 0, PAGE, read_only);
	struct raw question;

	raw_send(peer, &described);
	assert_int_equal(try_map(0), -EACCES);
	assert_true(raw_try_receive(peer, &question) > 0); /* HELLO */
	assert_int_equal(raw_try_receive(peer, &question), 16);
	assert_int_equal(get16(&question, 0), GET_REGION);
	assert_int_equal(get32(&question, 12), 1);
	assert_int_equal(raw_try_receive(peer, &question), 16);
	assert_int_equal(get16(&question, 0), PUT_REGION);
	assert_int_equal(get32(&question, 4), 0);
	assert_int_equal(losses, 0);
	close(fd);
	close(read_only);
}

static void test_word_of_regions_that_the_link_has_not_got_is_no_news(void **state)
{
	const struct raw revoked = raw_two(REGION_REVOKED, 0, 0, 0);
	const struct raw far = raw_two(REGION_REVOKED, 0, UINT32_MAX, 0);
	struct told told = {.count = 0};
	int fd = make_sealed(PAGE);
	const struct raw described = make_described(3, 0, PAGE, fd);

	umd_link_set_ops(link_, &told_ops, &told);
	raw_send(peer, &revoked);
	raw_send(peer, &far);
	raw_send(peer, &described);
	map_region(link_, 0)[0] = 6;
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 0);
	assert_int_equal(region_of(link_, 0).revoked, false);

	raw_send(peer, &revoked);
	raw_send(peer, &revoked);
	assert_int_equal(umd_link_dispatch(link_), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(region_of(link_, 0).revoked, true);
	close(fd);
}

#define TEST(name, kind) cmocka_unit_test_setup_teardown(name, setup##kind, teardown##kind)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_link_is_told_of_its_regions, ),
		TEST(test_a_region_is_shared_memory, ),
		TEST(test_what_is_not_writable_is_not_written, ),
		TEST(test_a_region_lies_inside_its_file_in_whole_pages, ),
		TEST(test_a_file_that_can_be_cut_short_or_written_to_is_refused, ),
		TEST(test_a_devices_file_is_as_writable_as_it_was_opened, ),
		TEST(test_what_is_revoked_is_nobodys_at_once, ),
		TEST(test_what_was_unmapped_meanwhile_is_no_news, ),
		TEST(test_a_link_may_be_closed_out_of_the_news, ),
		TEST(test_what_is_mapped_outlives_the_parent, ),
		TEST(test_a_remote_link_is_told_of_its_regions, _remote),
		TEST(test_a_region_is_shared_through_a_socket, _remote),
		TEST(test_what_is_not_writable_is_not_written_through_a_socket, _remote),
		TEST(test_what_is_revoked_is_nobodys_through_a_socket, _remote),
		TEST(test_any_call_takes_away_what_is_revoked, _remote),
		TEST(test_what_was_unmapped_remotely_is_no_news, _remote),
		TEST(test_what_is_mapped_outlives_a_parent_that_is_gone, _remote),
		TEST(test_a_question_that_is_none_is_refused, _raw),
		TEST(test_a_region_is_handed_out_once_at_a_time, _raw),
		TEST(test_nothing_makes_a_read_only_file_writable, _raw),
		TEST(test_a_client_that_listens_to_nothing_is_told_once, _raw),
		TEST(test_word_of_a_revoked_region_never_comes_behind_the_next_one, _raw),
		TEST(test_a_client_that_vanishes_leaves_nothing, _raw),
		TEST(test_a_region_that_cannot_be_ends_the_link, _peer),
		TEST(test_a_file_that_cannot_be_mapped_is_given_back, _peer),
		TEST(test_word_of_regions_that_the_link_has_not_got_is_no_news, _peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
