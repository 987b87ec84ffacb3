/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that misbehave, as memory for DMA: too short, cut short, sealed, full of holes, on a file
 * system without room, or no memory at all. Whatever the way of access, the device sees an error;
 * nothing crashes, nothing waits, other files are not affected and nothing is left behind.
 *
 * Each test runs in a child with a fresh handler of SIGBUS.
 */
#include "child.h"
#include "dma_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "dma/reader.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 /* linux/fcntl.h, since 6.3 */
#endif

#define PAGES	4u
#define LENGTH	((uint64_t)PAGES * PAGE)
#define BASE	UINT64_C(0x10000) /* the IOVA of the map */
#define FILLING 0xa5
#define PLACE	8u /* in a page, where bytes are written */
#define ROOM	4u

static struct umd_dma_space space;
static struct umd_dma_reader *reader;
static int fds_before;

/* ---- A space with a reader, and files ------------------------------------------------------ */

static void begin(void)
{
	fds_before = unit_count_fds();
	init_space(&space);
	EXPECT(umd_dma_reader_create(&space, 0, &reader) == 0);
}

static bool is_quiet(void)
{
	return umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space));
}

/* No mapping, no fd and nothing that waits is left. */
static void end(int fd)
{
	umd_dma_space_unmap_all(&space);
	EXPECT(is_quiet());
	umd_dma_reader_destroy(reader);
	finish_space(&space);
	EXPECT(space.holds.count == 0);
	EXPECT(client.corpse_count == 0);
	EXPECT(count_mappings(fd) == 0);
	close(fd);
	EXPECT(unit_count_fds() == fds_before);
}

static void fill(int fd, size_t size)
{
	uint8_t page[PAGE];

	memset(page, FILLING, sizeof(page));
	for (size_t at = 0; at < size; at += PAGE) {
		size_t part = size - at < PAGE ? size - at : PAGE;

		EXPECT(pwrite(fd, page, part, (off_t)at) == (ssize_t)part);
	}
}

static int make_filled(size_t size)
{
	int fd = make_file(0);

	fill(fd, size);
	return fd;
}

static int map_at(uint64_t iova, uint32_t prot, int fd)
{
	return umd_dma_space_map_fd(&space, iova, LENGTH, prot, fd, 0);
}

static void map(int fd)
{
	EXPECT(map_at(BASE, READ_WRITE, fd) == 0);
}

static void cut(int fd, size_t size)
{
	EXPECT(ftruncate(fd, (off_t)size) == 0);
}

static uint8_t byte_of(int fd, uint64_t at)
{
	uint8_t byte = 0;

	EXPECT(pread(fd, &byte, 1, (off_t)at) == 1);
	return byte;
}

/* ---- Ways of access: a byte at an IOVA, 0 or the error that the device sees ---------------- */

static uint8_t last_read;

static int read_on_loop(uint64_t iova)
{
	return umd_dma_space_read(&space, iova, &last_read, 1);
}

static int write_on_loop(uint64_t iova)
{
	return umd_dma_space_write(&space, iova, &(uint8_t){1}, 1);
}

static int start(uint64_t iova, bool write)
{
	struct umd_dma_transfer transfer = {
		.write = write, .iova = iova, .buffer = &last_read, .size = 1};

	return umd_dma_space_start(&space, &transfer);
}

static int start_read(uint64_t iova)
{
	return start(iova, false);
}

static int start_write(uint64_t iova)
{
	last_read = 1;
	return start(iova, true);
}

/* Atomic, since threads touch the same bytes. */
static void touch(const struct umd_dma_segment *segment, uint32_t prot)
{
	if (prot & WRITE)
		__atomic_store_n(segment->base, 1, __ATOMIC_RELAXED);
	else
		last_read = __atomic_load_n(segment->base, __ATOMIC_RELAXED);
}

static int visit(uint64_t iova, uint32_t prot)
{
	struct umd_dma_segment segment;
	int count;

	umd_dma_enter(reader);
	count = umd_dma_resolve(reader, iova, 1, prot, &segment, 1);
	if (count > 0) {
		touch(&segment, prot);
		count = umd_dma_check(&segment, 1);
	}
	umd_dma_leave(reader);
	return count;
}

static int visit_read(uint64_t iova)
{
	return visit(iova, READ);
}

static int visit_write(uint64_t iova)
{
	return visit(iova, WRITE);
}

static int pin(uint64_t iova, uint32_t prot)
{
	struct umd_dma_segment segment;
	int count = umd_dma_pin(reader, iova, 1, prot, &segment, 1);

	if (count > 0) {
		touch(&segment, prot);
		count = umd_dma_check(&segment, 1);
		umd_dma_unpin(&segment, 1);
	}
	return count;
}

static int pin_read(uint64_t iova)
{
	return pin(iova, READ);
}

static int pin_write(uint64_t iova)
{
	return pin(iova, WRITE);
}

struct way {
	int (*use)(uint64_t iova);
	bool writes;
	bool loses; /* it touches the memory: a fault is for good */
};

static const struct way ways[] = {
	{.use = read_on_loop},
	{.use = write_on_loop, .writes = true},
	{.use = start_read},
	{.use = start_write, .writes = true},
	{.use = visit_read, .loses = true},
	{.use = visit_write, .writes = true, .loses = true},
	{.use = pin_read, .loses = true},
	{.use = pin_write, .writes = true, .loses = true},
};

static uint64_t iova_of(unsigned int page)
{
	return BASE + page * PAGE + PLACE;
}

/* What every way of access to some pages says. */
static void expect_all(unsigned int first, unsigned int last, int result)
{
	for (size_t i = 0; i < UNIT_COUNT(ways); i++) {
		for (unsigned int page = first; page < last; page++)
			EXPECT(ways[i].use(iova_of(page)) == result);
	}
}

/* ---- Files that are too short -------------------------------------------------------------- */

struct shape {
	size_t before, now;   /* bytes: when it is mapped, and when it is used */
	unsigned int present; /* pages that can be used, from the first on */
};

static const struct shape shapes[] = {
	{0, 0, 0},
	{1, 1, 1},
	{PAGE, PAGE, 1},
	{LENGTH, 0, 0},
	{LENGTH, 1, 1},
	{LENGTH, 2 * PAGE, 2},
	{LENGTH, 2 * PAGE + 100, 3},
	{LENGTH, LENGTH - 1, PAGES},
	{LENGTH, LENGTH, PAGES},
	{PAGE, LENGTH, PAGES},
};

/* Maps a file, uses all there is of it, and gives it the size it shall have. */
static int map_shape(const struct shape *shape)
{
	int fd = make_filled(shape->before);

	map(fd);
	for (uint64_t at = 0; at < shape->before; at += PAGE)
		EXPECT(visit_read(BASE + at) == 0 && last_read == FILLING);
	cut(fd, shape->now);
	return fd;
}

static void use_present(const struct way *way, const struct shape *shape, int fd)
{
	for (unsigned int page = 0; page < shape->present; page++) {
		uint64_t at = page * PAGE + PLACE;

		EXPECT(way->use(BASE + at) == 0);
		if (way->writes && at < shape->now)
			EXPECT(byte_of(fd, at) == 1);
		else if (!way->writes)
			EXPECT(last_read == (at < shape->before && at < shape->now ? FILLING : 0));
	}
}

static void use_shape(const struct way *way, const struct shape *shape)
{
	bool lost = way->loses && shape->present < PAGES;
	int fd;

	begin();
	fd = map_shape(shape);
	use_present(way, shape, fd);
	for (unsigned int page = shape->present; page < PAGES; page++)
		EXPECT(way->use(iova_of(page)) == -EFAULT);
	for (unsigned int page = 0; page < shape->present; page++)
		EXPECT(way->use(iova_of(page)) == (lost ? -EFAULT : 0));
	if (lost)
		expect_all(0, PAGES, -EFAULT);
	end(fd);
}

static void use_short_files(void)
{
	for (size_t i = 0; i < UNIT_COUNT(shapes); i++) {
		for (size_t j = 0; j < UNIT_COUNT(ways); j++)
			use_shape(&ways[j], &shapes[i]);
	}
}

static void test_what_a_file_has_not_is_a_fault_whatever_the_way(void **state)
{
	child_expect_success(use_short_files);
}

static void copy_across_the_end(void)
{
	uint8_t bytes[LENGTH] = {0};
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	cut(fd, 2 * PAGE + 100);
	EXPECT(umd_dma_space_read(&space, BASE, bytes, 3 * PAGE) == 0);
	EXPECT(bytes[2 * PAGE + 99] == FILLING && bytes[2 * PAGE + 100] == 0);
	EXPECT(umd_dma_space_read(&space, BASE, bytes, 3 * PAGE + 1) == -EFAULT);
	EXPECT(umd_dma_space_write(&space, BASE + 2 * PAGE, bytes, PAGE) == 0);
	EXPECT(umd_dma_space_write(&space, BASE + 2 * PAGE, bytes, PAGE + 1) == -EFAULT);
	end(fd);
}

static void test_copy_reaches_up_to_the_end_of_the_last_page(void **state)
{
	child_expect_success(copy_across_the_end);
}

static void hold_pin(void)
{
	struct umd_dma_segment segment;
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	EXPECT(umd_dma_pin(reader, BASE, LENGTH, READ_WRITE, &segment, 1) == 1);
	segment.base[0] = 1;
	cut(fd, PAGE);
	segment.base[1] = 2;
	EXPECT(umd_dma_check(&segment, 1) == 0);
	EXPECT(byte_of(fd, 0) == 1 && byte_of(fd, 1) == 2);
	segment.base[PAGE] = 3;
	EXPECT(umd_dma_check(&segment, 1) == -EFAULT);
	segment.base[0] = 4;
	EXPECT(byte_of(fd, 0) == 1);
	cut(fd, LENGTH);
	segment.base[PAGE] = 5;
	EXPECT(umd_dma_check(&segment, 1) == -EFAULT);
	EXPECT(byte_of(fd, PAGE) == 0);
	umd_dma_unpin(&segment, 1);
	end(fd);
}

static void test_pin_held_while_its_file_is_cut_is_told(void **state)
{
	child_expect_success(hold_pin);
}

/* ---- Files that grow again, and maps after a loss ------------------------------------------ */

static void grow_unseen(void)
{
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	cut(fd, 0);
	EXPECT(read_on_loop(BASE) == -EFAULT);
	cut(fd, LENGTH);
	EXPECT(visit_read(BASE) == 0 && last_read == 0);
	expect_all(0, PAGES, 0);
	EXPECT(byte_of(fd, PLACE) == 1);
	end(fd);
}

static void test_file_that_grew_again_before_a_thread_missed_it_is_as_before(void **state)
{
	child_expect_success(grow_unseen);
}

static int map_lost(void)
{
	int fd = make_filled(LENGTH);

	map(fd);
	cut(fd, PAGE);
	EXPECT(visit_read(BASE + PAGE) == -EFAULT);
	cut(fd, LENGTH);
	fill(fd, LENGTH);
	expect_all(0, PAGES, -EFAULT);
	return fd;
}

static void map_beside(void)
{
	int fd, again;

	begin();
	fd = map_lost();
	again = reopen(fd, O_RDWR);
	EXPECT(map_at(BASE + LENGTH, READ_WRITE, fd) == 0);
	EXPECT(map_at(BASE + 2 * LENGTH, READ, again) == 0);
	for (unsigned int page = PAGES; page < 3 * PAGES; page++)
		EXPECT(visit_read(iova_of(page)) == 0 && last_read == FILLING);
	expect_all(PAGES, 2 * PAGES, 0);
	EXPECT(count_mappings(fd) == 1);
	expect_all(0, PAGES, -EFAULT);
	close(again);
	end(fd);
}

static void test_lost_file_is_mapped_afresh_beside_its_old_map(void **state)
{
	child_expect_success(map_beside);
}

static void map_instead(void)
{
	int fd;

	begin();
	fd = map_lost();
	EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	EXPECT(is_quiet());
	map(fd);
	EXPECT(visit_read(BASE) == 0 && last_read == FILLING);
	expect_all(0, PAGES, 0);
	cut(fd, 0);
	EXPECT(visit_read(BASE) == -EFAULT);
	EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	map(fd);
	EXPECT(visit_read(BASE) == -EFAULT);
	end(fd);
}

static void test_lost_file_is_mapped_afresh_in_the_place_of_its_old_map(void **state)
{
	child_expect_success(map_instead);
}

/* ---- Others -------------------------------------------------------------------------------- */

static int visit_both(void)
{
	struct umd_dma_segment segments[ROOM];
	int count, err;

	umd_dma_enter(reader);
	count = umd_dma_resolve(reader, BASE, 2 * LENGTH, READ_WRITE, segments, ROOM);
	EXPECT(count == 2);
	segments[1].base[0] = 1;
	EXPECT(umd_dma_check(segments, 2) == 0);
	segments[0].base[0] = 1;
	EXPECT(umd_dma_check(&segments[1], 1) == 0);
	err = umd_dma_check(segments, 2);
	umd_dma_leave(reader);
	return err;
}

static void cut_one_of_two(void)
{
	int fd, other;

	begin();
	fd = make_filled(LENGTH);
	other = make_filled(LENGTH);
	map(fd);
	EXPECT(map_at(BASE + LENGTH, READ_WRITE, other) == 0);
	cut(fd, 0);
	EXPECT(visit_both() == -EFAULT);
	expect_all(0, PAGES, -EFAULT);
	expect_all(PAGES, 2 * PAGES, 0);
	EXPECT(byte_of(other, PLACE) == 1);
	EXPECT(count_mappings(other) == 1);
	close(other);
	end(fd);
}

static void test_other_files_of_the_client_are_not_affected(void **state)
{
	child_expect_success(cut_one_of_two);
}

/* The mapping for reading and the one for writing are lost each by itself. */
static void cut_two_modes(void)
{
	int fd, reads;

	begin();
	fd = make_filled(LENGTH);
	reads = reopen(fd, O_RDONLY);
	map(fd);
	EXPECT(map_at(BASE + LENGTH, READ, reads) == 0);
	cut(fd, PAGE);
	EXPECT(visit_read(BASE + LENGTH + PAGE) == -EFAULT);
	EXPECT(visit_read(BASE + LENGTH) == -EFAULT);
	EXPECT(visit_write(BASE) == 0 && byte_of(fd, 0) == 1);
	EXPECT(visit_write(BASE + PAGE) == -EFAULT);
	close(reads);
	end(fd);
}

static void test_mapping_of_each_access_mode_is_lost_by_itself(void **state)
{
	child_expect_success(cut_two_modes);
}

static size_t count_lines(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t lines = 0;
	int c;

	EXPECT(maps != NULL);
	while ((c = fgetc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

static void lose_often(void)
{
	size_t lines;
	int fd;

	begin();
	fd = make_filled(LENGTH);
	lines = count_lines();
	for (unsigned int i = 0; i < 300; i++) {
		map(fd);
		cut(fd, 0);
		EXPECT(visit_write(BASE) == -EFAULT);
		EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
		cut(fd, LENGTH);
	}
	EXPECT(is_quiet());
	EXPECT(count_lines() < lines + 20);
	end(fd);
}

static void test_losses_leave_no_memory_behind(void **state)
{
	child_expect_success(lose_often);
}

/* ---- Taken away and cut, in either order --------------------------------------------------- */

static void revoke_pinned(bool cut_first)
{
	struct umd_dma_segment segment;
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	EXPECT(umd_dma_pin(reader, BASE, LENGTH, READ_WRITE, &segment, 1) == 1);
	EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	if (cut_first) {
		cut(fd, PAGE);
		segment.base[PAGE] = 1;
	}
	umd_dma_space_revoke(&space);
	cut(fd, 0);
	EXPECT(umd_dma_check(&segment, 1) == -EFAULT);
	segment.base[0] = 2;
	segment.base[LENGTH - 1] = 2;
	cut(fd, LENGTH);
	EXPECT(byte_of(fd, 0) == 0 && byte_of(fd, LENGTH - 1) == 0);
	EXPECT(is_quiet() && space.holds.count == 1);
	map(fd);
	EXPECT(visit_write(BASE) == 0 && byte_of(fd, 0) == 1);
	umd_dma_unpin(&segment, 1);
	end(fd);
}

static void revoke_then_cut(void)
{
	revoke_pinned(false);
}

static void cut_then_revoke(void)
{
	revoke_pinned(true);
}

static void test_memory_that_was_taken_away_and_cut_off_is_void_and_no_more(void **state)
{
	child_expect_success(revoke_then_cut);
	child_expect_success(cut_then_revoke);
}

/* As of a thread that faulted just before its memory was taken away, and gets the signal after. */
static void fault_late(void)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = BUS_ADRERR};
	struct umd_dma_segment segment;
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	EXPECT(umd_dma_pin(reader, BASE, LENGTH, READ_WRITE, &segment, 1) == 1);
	EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	umd_dma_space_revoke(&space);
	info.si_addr = segment.base;
	EXPECT(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, &info) == 0);
	map(fd);
	EXPECT(visit_read(BASE) == 0 && last_read == FILLING);
	cut(fd, 0);
	EXPECT(visit_read(BASE) == -EFAULT);
	umd_dma_unpin(&segment, 1);
	end(fd);
}

static void test_fault_that_is_handled_after_memory_was_taken_away_is_no_other(void **state)
{
	child_expect_success(fault_late);
}

/* ---- Seals --------------------------------------------------------------------------------- */

static void seal(int fd, int seals)
{
	EXPECT(fcntl(fd, F_ADD_SEALS, seals) == 0);
}

static void seal_before(void)
{
	static const int seals[] = {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE,
				    F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL};

	for (size_t i = 0; i < UNIT_COUNT(seals); i++) {
		int fd, err;

		begin();
		fd = make_filled(LENGTH);
		seal(fd, seals[i]);
		EXPECT(map_at(BASE, READ_WRITE, fd) == -EACCES);
		EXPECT(map_at(BASE, WRITE, fd) == -EACCES);
		/* Kernels before 6.7 map no file that is sealed by F_SEAL_WRITE. */
		err = map_at(BASE, READ, fd);
		EXPECT(err == 0 || (err == -EPERM && seals[i] == F_SEAL_WRITE));
		for (size_t j = 0; j < UNIT_COUNT(ways) && !err; j++)
			EXPECT(ways[j].use(BASE) == (ways[j].writes ? -EFAULT : 0));
		EXPECT(byte_of(fd, 0) == FILLING);
		end(fd);
	}
}

static void test_file_sealed_against_writing_is_read_only(void **state)
{
	child_expect_success(seal_before);
}

/* The kernel keeps the promise to those who have a mapping. */
static void seal_after(void)
{
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	EXPECT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EBUSY);
	seal(fd, F_SEAL_FUTURE_WRITE);
	expect_all(0, PAGES, 0);
	EXPECT(byte_of(fd, PLACE) == 1);
	end(fd);
}

static void test_seal_behind_the_map_changes_nothing(void **state)
{
	child_expect_success(seal_after);
}

static void seal_size(void)
{
	int fd;

	begin();
	fd = make_filled(PAGE);
	seal(fd, F_SEAL_GROW | F_SEAL_SHRINK);
	map(fd);
	EXPECT(ftruncate(fd, 0) < 0 && errno == EPERM);
	expect_all(0, 1, 0);
	EXPECT(read_on_loop(BASE + PAGE) == -EFAULT);
	EXPECT(visit_write(BASE + PAGE) == -EFAULT);
	EXPECT(byte_of(fd, PLACE) == 1);
	expect_all(0, PAGES, -EFAULT);
	end(fd);
}

static void test_file_sealed_in_its_size_may_still_be_too_short(void **state)
{
	child_expect_success(seal_size);
}

static void seal_execution(void)
{
	int fd;

	begin();
	fd = make_filled(LENGTH);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) < 0)
		child_skip("no F_SEAL_EXEC");
	/* It implies the seals of size and of writing where the file was executable. */
	map_at(BASE, READ, fd);
	EXPECT(visit_read(BASE) == 0 && last_read == FILLING);
	end(fd);
}

static void test_file_sealed_in_its_mode_is_read(void **state)
{
	child_expect_success(seal_execution);
}

/* ---- Holes --------------------------------------------------------------------------------- */

static void punch_holes(void)
{
	struct umd_dma_segment segment;
	int fd;

	begin();
	fd = make_filled(LENGTH);
	map(fd);
	EXPECT(umd_dma_pin(reader, BASE, LENGTH, READ_WRITE, &segment, 1) == 1);
	EXPECT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)LENGTH) == 0);
	for (size_t i = 0; i < UNIT_COUNT(ways); i++) {
		if (ways[i].writes)
			continue;
		EXPECT(ways[i].use(BASE + i % PAGES * PAGE) == 0 && last_read == 0);
	}
	segment.base[PAGE] = 7;
	EXPECT(umd_dma_check(&segment, 1) == 0);
	EXPECT(byte_of(fd, PAGE) == 7);
	umd_dma_unpin(&segment, 1);
	expect_all(0, PAGES, 0);
	EXPECT(byte_of(fd, PLACE) == 1);
	end(fd);
}

static void test_holes_read_zero_and_are_written(void **state)
{
	child_expect_success(punch_holes);
}

/* ---- Files without room -------------------------------------------------------------------- */

#define MANY 64u /* pages, where there is room for eight */

static int use_many(int (*use)(uint64_t iova))
{
	int err = 0;

	for (unsigned int page = 0; page < MANY && !err; page++)
		err = use(BASE + page * PAGE);
	return err;
}

static void fill_file_system(void)
{
	int fd = child_open_small_file();

	begin();
	cut(fd, MANY * PAGE);
	EXPECT(umd_dma_space_map_fd(&space, BASE, MANY * PAGE, READ_WRITE, fd, 0) == 0);
	EXPECT(use_many(write_on_loop) == -EFAULT);
	EXPECT(write_on_loop(BASE) == 0 && byte_of(fd, 0) == 1);
	EXPECT(visit_read(BASE) == 0);
	EXPECT(use_many(visit_write) == -EFAULT);
	EXPECT(visit_read(BASE) == -EFAULT && read_on_loop(BASE) == -EFAULT);
	fds_before--; /* end() closes one that was there at the beginning */
	end(fd);
}

static void test_full_file_system_is_a_fault(void **state)
{
	child_expect_success(fill_file_system);
}

static bool has_huge_pages(void)
{
	FILE *info = fopen("/proc/meminfo", "re");
	unsigned int pages = 0;
	char line[128];

	EXPECT(info != NULL);
	while (fgets(line, sizeof(line), info) && sscanf(line, "HugePages_Total: %u", &pages) != 1)
		continue;
	fclose(info);
	return pages > 0;
}

static void use_huge(const struct way *way)
{
	const uint64_t huge = 2 << 20;
	int fd;

	begin();
	fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | (21u << 26) /* MFD_HUGE_2MB */);
	if (fd < 0 || ftruncate(fd, (off_t)huge) < 0 || has_huge_pages())
		child_skip("no hugetlbfs without pages");
	EXPECT(umd_dma_space_map_fd(&space, BASE, huge, READ_WRITE, fd, 0) == 0);
	EXPECT(way->use(BASE) == -EFAULT);
	EXPECT(way->use(BASE + huge - 1) == -EFAULT);
	end(fd);
}

static void use_no_huge_pages(void)
{
	for (size_t i = 0; i < UNIT_COUNT(ways); i++)
		use_huge(&ways[i]);
}

static void test_huge_pages_that_are_not_there_are_a_fault(void **state)
{
	child_expect_success(use_no_huge_pages);
}

/* ---- What is no memory --------------------------------------------------------------------- */

/* Only a message reaches it, and here nobody carries one. It stays that, whatever is asked. */
static void expect_remote(int fd)
{
	EXPECT(fd >= 0);
	begin();
	map(fd);
	expect_all(0, PAGES, -EREMOTE);
	EXPECT(map_at(BASE + LENGTH, READ, fd) == 0);
	EXPECT(map_at(BASE, READ, fd) == -EEXIST);
	umd_dma_space_unmap_all(&space);
	EXPECT(is_quiet());
	expect_all(0, PAGES, -EFAULT);
	fds_before--;
	end(fd);
}

static void map_no_memory(void)
{
	int file = make_filled(LENGTH), ends[2];

	expect_remote(reopen(file, O_WRONLY));
	expect_remote(reopen(file, O_PATH));
	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	expect_remote(ends[0]);
	expect_remote(ends[1]);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	expect_remote(ends[0]);
	expect_remote(ends[1]);
	expect_remote(eventfd(0, EFD_CLOEXEC));
	expect_remote(open("/dev/null", O_RDWR | O_CLOEXEC));
	expect_remote(open("/dev/zero", O_RDWR | O_CLOEXEC));
	expect_remote(open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	expect_remote(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	expect_remote(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

static void test_what_is_no_memory_is_reached_by_message_only(void **state)
{
	child_expect_success(map_no_memory);
}

/* In the test's folder, where that is on a disk. */
static void map_disk_file(void)
{
	char name[] = "misbehave-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		child_skip("no file here");
	unlink(name);
	fill(fd, LENGTH);
	if (fcntl(fd, F_GET_SEALS) >= 0)
		child_skip("no disk here");
	expect_remote(fd);
}

static void test_file_on_a_disk_is_reached_by_message_only(void **state)
{
	child_expect_success(map_disk_file);
}

static void map_read_only(void)
{
	int file, fd;

	begin();
	file = make_filled(LENGTH);
	fd = reopen(file, O_RDONLY);
	EXPECT(map_at(BASE, READ_WRITE, fd) == -EACCES);
	EXPECT(map_at(BASE, READ, fd) == 0);
	for (size_t i = 0; i < UNIT_COUNT(ways); i++)
		EXPECT(ways[i].use(BASE) == (ways[i].writes ? -EFAULT : 0));
	cut(file, 0);
	EXPECT(visit_read(BASE) == -EFAULT && last_read == 0);
	EXPECT(visit_write(BASE) == -EFAULT);
	close(file);
	end(fd);
}

static void test_file_opened_for_reading_is_read_only(void **state)
{
	child_expect_success(map_read_only);
}

/* ---- Threads ------------------------------------------------------------------------------- */

#define THREADS 3u
#define ROUNDS	60u
#define STORMS	100000u

struct engine {
	pthread_t thread;
	struct umd_dma_reader *reader;
	uint64_t random;
};

static struct engine engines[THREADS];
static pthread_barrier_t together;
static atomic_bool over;

/* What a thread finds at a byte, and whether it may rely on it. */
static int look(struct umd_dma_reader *own, uint64_t iova, bool pinned, uint8_t *ret)
{
	struct umd_dma_segment segment;
	int count;

	if (!pinned)
		umd_dma_enter(own);
	count = pinned ? umd_dma_pin(own, iova, 2, READ_WRITE, &segment, 1)
		       : umd_dma_resolve(own, iova, 2, READ_WRITE, &segment, 1);
	if (count == 1) {
		*ret = __atomic_load_n(segment.base, __ATOMIC_RELAXED);
		__atomic_store_n(segment.base + 1, 1, __ATOMIC_RELAXED);
		count = umd_dma_check(&segment, 1);
		if (pinned)
			umd_dma_unpin(&segment, 1);
	}
	if (!pinned)
		umd_dma_leave(own);
	return count;
}

static uint64_t any_page(uint64_t *random)
{
	return BASE + unit_below(random, PAGES) * PAGE;
}

/* Zeroes are of nobody: then the loss is seen, however fresh it is. */
static void *look_until_lost(void *data)
{
	struct engine *engine = data;
	uint8_t byte = 0;

	pthread_barrier_wait(&together);
	while (look(engine->reader, any_page(&engine->random), unit_below(&engine->random, 2),
		    &byte) == 0)
		EXPECT(byte == FILLING);
	return NULL;
}

static void *look_until_over(void *data)
{
	struct engine *engine = data;
	uint8_t byte;

	while (!atomic_load(&over)) {
		int err = look(engine->reader, any_page(&engine->random),
			       unit_below(&engine->random, 2), &byte);

		EXPECT(err == 0 || err == -EFAULT);
	}
	return NULL;
}

static void start_engines(void *(*work)(void *data))
{
	for (unsigned int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&engines[i].thread, NULL, work, &engines[i]) == 0);
}

static void join_engines(void)
{
	for (unsigned int i = 0; i < THREADS; i++)
		EXPECT(pthread_join(engines[i].thread, NULL) == 0);
}

static void create_readers(void)
{
	for (unsigned int i = 0; i < THREADS; i++) {
		engines[i].random = i + 1;
		EXPECT(umd_dma_reader_create(&space, 0, &engines[i].reader) == 0);
	}
}

static void destroy_readers(void)
{
	for (unsigned int i = 0; i < THREADS; i++)
		umd_dma_reader_destroy(engines[i].reader);
}

/* The loop's copies go on all the while. */
static void cut_under_threads(int fd, size_t size)
{
	uint64_t random = size;

	fill(fd, LENGTH);
	map(fd);
	start_engines(look_until_lost);
	pthread_barrier_wait(&together);
	for (unsigned int i = 0; i < 8; i++)
		EXPECT(read_on_loop(any_page(&random)) == 0 && last_read == FILLING);
	cut(fd, size);
	for (unsigned int i = 0; i < 8; i++)
		EXPECT(read_on_loop(any_page(&random)) != 0 || last_read == FILLING);
	join_engines();
	EXPECT(read_on_loop(BASE) == -EFAULT);
	EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	EXPECT(is_quiet());
}

static void cut_rounds(void)
{
	int fd;

	begin();
	create_readers();
	fd = make_file(0);
	pthread_barrier_init(&together, NULL, THREADS + 1);
	for (unsigned int round = 0; round < ROUNDS; round++)
		cut_under_threads(fd, round % PAGES * PAGE);
	destroy_readers();
	end(fd);
}

static void test_threads_whose_file_is_cut_are_told_and_go_on(void **state)
{
	child_expect_success(cut_rounds);
}

static void cut_without_membarrier(void)
{
	umd_dma_guard_fences = true;
	cut_rounds();
}

static void test_threads_are_told_without_membarrier_as_well(void **state)
{
	child_expect_success(cut_without_membarrier);
}

/* What a thread wrote through its pin last, and what of that it was told is in the client's file.
 */
static atomic_uint written[THREADS], confirmed[THREADS];

static void *write_until_taken(void *data)
{
	struct engine *engine = data;
	size_t number = (size_t)(engine - engines);
	struct umd_dma_segment segment;
	unsigned int value = 0;

	EXPECT(umd_dma_pin(engine->reader, BASE + number * PAGE, 8, WRITE, &segment, 1) == 1);
	confirmed[number] = 0;
	pthread_barrier_wait(&together);
	do {
		confirmed[number] = value++;
		__atomic_store_n((unsigned int *)(void *)segment.base, value, __ATOMIC_RELAXED);
	} while (umd_dma_check(&segment, 1) == 0);
	written[number] = value;
	umd_dma_unpin(&segment, 1);
	return NULL;
}

static unsigned int value_in(int fd, size_t number)
{
	unsigned int value = 0;

	EXPECT(pread(fd, &value, sizeof(value), (off_t)(number * PAGE)) == sizeof(value));
	return value;
}

/* Once the memory is taken away nothing is written there, and what was written before is known. */
static void take_away_under_threads(int fd)
{
	unsigned int then[THREADS];

	cut(fd, 0);
	cut(fd, LENGTH);
	map(fd);
	start_engines(write_until_taken);
	pthread_barrier_wait(&together);
	EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	EXPECT(!is_quiet());
	umd_dma_space_revoke(&space);
	EXPECT(is_quiet());
	for (size_t i = 0; i < THREADS; i++)
		then[i] = value_in(fd, i);
	join_engines();
	for (size_t i = 0; i < THREADS; i++) {
		EXPECT(value_in(fd, i) == then[i]);
		EXPECT(then[i] == confirmed[i] || then[i] == written[i]);
	}
}

static void take_away_rounds(void)
{
	int fd;

	begin();
	create_readers();
	fd = make_file(LENGTH);
	pthread_barrier_init(&together, NULL, THREADS + 1);
	for (unsigned int round = 0; round < ROUNDS; round++)
		take_away_under_threads(fd);
	destroy_readers();
	end(fd);
}

static void test_memory_is_out_of_reach_once_it_was_taken_away(void **state)
{
	child_expect_success(take_away_rounds);
}

/* The client cuts, grows, maps and unmaps; the owner takes away. */
static void storm(int fd, uint64_t *random)
{
	uint64_t action = unit_below(random, 8);

	if (action < 3)
		cut(fd, unit_below(random, PAGES + 1) * PAGE);
	else if (action < 5)
		umd_dma_space_map_fd(&space, BASE, LENGTH, READ_WRITE, fd, 0);
	else
		EXPECT(umd_dma_space_unmap(&space, BASE, LENGTH) == 0);
	if (action == 7)
		umd_dma_space_revoke(&space);
	if (action == 6)
		umd_dma_space_reset(&space);
	read_on_loop(any_page(random));
}

static void storm_long(void)
{
	uint64_t random = 1;
	int fd;

	begin();
	create_readers();
	fd = make_file(LENGTH);
	start_engines(look_until_over);
	for (unsigned int i = 0; i < STORMS; i++)
		storm(fd, &random);
	atomic_store(&over, true);
	join_engines();
	destroy_readers();
	end(fd);
}

static void test_client_and_owner_change_everything_under_threads(void **state)
{
	child_expect_success(storm_long);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_file_has_not_is_a_fault_whatever_the_way),
		cmocka_unit_test(test_copy_reaches_up_to_the_end_of_the_last_page),
		cmocka_unit_test(test_pin_held_while_its_file_is_cut_is_told),
		cmocka_unit_test(test_file_that_grew_again_before_a_thread_missed_it_is_as_before),
		cmocka_unit_test(test_lost_file_is_mapped_afresh_beside_its_old_map),
		cmocka_unit_test(test_lost_file_is_mapped_afresh_in_the_place_of_its_old_map),
		cmocka_unit_test(test_other_files_of_the_client_are_not_affected),
		cmocka_unit_test(test_mapping_of_each_access_mode_is_lost_by_itself),
		cmocka_unit_test(test_losses_leave_no_memory_behind),
		cmocka_unit_test(test_memory_that_was_taken_away_and_cut_off_is_void_and_no_more),
		cmocka_unit_test(
			test_fault_that_is_handled_after_memory_was_taken_away_is_no_other),
		cmocka_unit_test(test_file_sealed_against_writing_is_read_only),
		cmocka_unit_test(test_seal_behind_the_map_changes_nothing),
		cmocka_unit_test(test_file_sealed_in_its_size_may_still_be_too_short),
		cmocka_unit_test(test_file_sealed_in_its_mode_is_read),
		cmocka_unit_test(test_holes_read_zero_and_are_written),
		cmocka_unit_test(test_full_file_system_is_a_fault),
		cmocka_unit_test(test_huge_pages_that_are_not_there_are_a_fault),
		cmocka_unit_test(test_what_is_no_memory_is_reached_by_message_only),
		cmocka_unit_test(test_file_on_a_disk_is_reached_by_message_only),
		cmocka_unit_test(test_file_opened_for_reading_is_read_only),
		cmocka_unit_test(test_threads_whose_file_is_cut_are_told_and_go_on),
		cmocka_unit_test(test_threads_are_told_without_membarrier_as_well),
		cmocka_unit_test(test_memory_is_out_of_reach_once_it_was_taken_away),
		cmocka_unit_test(test_client_and_owner_change_everything_under_threads),
	};

	return cmocka_run_group_tests_name("dma_misbehave", tests, NULL, NULL);
}
