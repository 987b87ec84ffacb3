/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files behind maps: each is mapped once for each access mode, grows when it must, never gains an
 * access that its fd has not, and is let go in the end; what is no shared memory is never touched.
 */
#include "dma_fixture.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct umd_dma_files files;
static int fds_before;

static int setup(void **state)
{
	files = (struct umd_dma_files){0};
	fds_before = unit_count_fds();
	return 0;
}

static int teardown(void **state)
{
	umd_dma_files_drop_idle(&files);
	for (size_t i = 0; i < UMD_DMA_FILE_BUCKETS; i++)
		assert_null(files.buckets[i]);
	assert_int_equal(files.idle, 0);
	assert_int_equal(unit_count_fds(), fds_before);
	return 0;
}

static int try_get(int fd, uint64_t end, bool writable, struct umd_dma_file **ret)
{
	return umd_dma_files_get(&files, fd, end, writable, ret);
}

static struct umd_dma_file *get(int fd, uint64_t end, bool writable)
{
	struct umd_dma_file *file = NULL;

	assert_int_equal(try_get(fd, end, writable, &file), 0);
	assert_true(file->memory.length >= end);
	return file;
}

/* ---- One mapping --------------------------------------------------------------------------- */

static void test_file_is_mapped_once_whatever_fd_it_comes_by(void **state)
{
	int fd = make_file(16 * PAGE), twin = fcntl(fd, F_DUPFD_CLOEXEC, 0),
	    other = reopen(fd, O_RDWR);
	struct umd_dma_file *file = get(fd, PAGE, true);

	assert_ptr_equal(get(twin, 16 * PAGE, true), file);
	assert_ptr_equal(get(other, 3 * PAGE, false), file);
	assert_int_equal(file->memory.refs, 3);
	assert_int_equal(file->memory.length, 16 * PAGE);
	assert_int_equal(count_mappings(fd), 1);
	for (int i = 0; i < 3; i++)
		umd_dma_files_put(&files, file);
	close(fd);
	close(twin);
	close(other);
}

static void test_file_is_mapped_for_each_access_mode(void **state)
{
	int fd = make_file(PAGE), reads = reopen(fd, O_RDONLY);
	struct umd_dma_file *a = get(fd, PAGE, true), *b = get(reads, PAGE, false);

	assert_ptr_not_equal(a, b);
	assert_ptr_equal(get(fd, PAGE, false), a);
	assert_ptr_equal(get(reads, PAGE, false), b);
	assert_true(a->writable && !b->writable);
	for (int i = 0; i < 2; i++) {
		umd_dma_files_put(&files, a);
		umd_dma_files_put(&files, b);
	}
	close(fd);
	close(reads);
}

static void test_files_of_one_bucket_are_told_apart(void **state)
{
	enum { MANY = 200 };
	struct umd_dma_file *held[MANY];
	int fds[MANY];

	for (int i = 0; i < MANY; i++) {
		fds[i] = make_file(PAGE);
		held[i] = get(fds[i], PAGE, true);
		held[i]->memory.base[0] = (uint8_t)i;
	}
	for (int i = 0; i < MANY; i++) {
		uint8_t byte = 0;

		assert_int_equal(pread(fds[i], &byte, 1, 0), 1);
		assert_int_equal(byte, (uint8_t)i);
		assert_ptr_equal(get(fds[i], PAGE, true), held[i]);
		umd_dma_files_put(&files, held[i]);
	}
	for (int i = 0; i < MANY; i++)
		umd_dma_files_put(&files, held[(i * 7) % MANY]);
	assert_int_equal(files.idle, UMD_DMA_FILE_IDLE);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

static void test_file_that_grew_is_mapped_again_beside_the_old_mapping(void **state)
{
	int fd = make_file(PAGE);
	struct umd_dma_file *small = get(fd, PAGE, true), *large;

	small->memory.base[5] = 0x77;
	assert_int_equal(ftruncate(fd, 8 * PAGE), 0);
	assert_ptr_equal(get(fd, PAGE, true), small);
	umd_dma_files_put(&files, small);
	large = get(fd, 8 * PAGE, true);
	assert_ptr_not_equal(large, small);
	assert_int_equal(large->memory.base[5], 0x77);
	small->memory.base[6] = 0x78;
	assert_int_equal(large->memory.base[6], 0x78);
	umd_dma_files_put(&files, small);
	umd_dma_files_put(&files, large);
	close(fd);
}

static void test_map_beyond_the_end_of_a_file_is_made_for_when_it_grows(void **state)
{
	int fd = make_file(0);
	struct umd_dma_file *file = get(fd, 4 * PAGE, true);

	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	file->memory.base[4 * PAGE - 1] = 1;
	umd_dma_files_put(&files, file);
	close(fd);
}

static void test_odd_size_is_mapped_in_whole_pages(void **state)
{
	int fd = make_file(PAGE + 1);
	struct umd_dma_file *file = get(fd, PAGE, true);

	assert_int_equal(file->memory.length % PAGE, 0);
	assert_true(file->memory.length > PAGE);
	umd_dma_files_put(&files, file);
	close(fd);
}

/* ---- Access -------------------------------------------------------------------------------- */

/* Whether the mapping's pages can be written, as the kernel says. */
static bool is_mapped_writable(const struct umd_dma_file *file)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	bool writable = false;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start;
		char access[8];

		if (sscanf(line, "%lx-%*x %7s", &start, access) == 2 &&
		    start == (uintptr_t)file->memory.base)
			writable = access[1] == 'w';
	}
	fclose(maps);
	return writable;
}

static void test_fd_that_reads_never_gains_a_mapping_that_writes(void **state)
{
	int fd = make_file(PAGE), reads = reopen(fd, O_RDONLY);
	struct umd_dma_file *file = NULL, *writes;

	assert_int_equal(try_get(reads, PAGE, true, &file), -EACCES);
	writes = get(fd, PAGE, true);
	assert_true(is_mapped_writable(writes));
	assert_int_equal(try_get(reads, PAGE, true, &file), -EACCES);
	assert_null(file);
	file = get(reads, PAGE, false);
	assert_false(is_mapped_writable(file));
	for (int i = 0; i < 3; i++) {
		struct umd_dma_file *none = NULL;

		assert_int_equal(try_get(reads, PAGE, true, &none), -EACCES);
		assert_int_equal(try_get(reads, 4 * PAGE, true, &none), -EACCES);
		assert_null(none);
	}
	umd_dma_files_put(&files, file);
	umd_dma_files_put(&files, writes);
	close(fd);
	close(reads);
}

static void test_fd_that_only_writes_is_served_by_message(void **state)
{
	int fd = make_file(PAGE), writes = reopen(fd, O_WRONLY);
	struct umd_dma_file *file;

	assert_int_equal(try_get(writes, PAGE, true, &file), -EMEDIUMTYPE);
	assert_int_equal(try_get(writes, PAGE, false, &file), -EMEDIUMTYPE);
	close(fd);
	close(writes);
}

static void test_path_fd_is_served_by_message(void **state)
{
	int fd = make_file(PAGE), path = reopen(fd, O_PATH);
	struct umd_dma_file *file;

	assert_int_equal(try_get(path, PAGE, false, &file), -EMEDIUMTYPE);
	close(fd);
	close(path);
}

static void test_sealed_file_is_read_and_not_written(void **state)
{
	static const int seals[] = {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_WRITE | F_SEAL_SEAL};

	for (size_t i = 0; i < UNIT_COUNT(seals); i++) {
		int fd = make_file(PAGE);
		struct umd_dma_file *file = NULL;
		int err;

		assert_int_equal(pwrite(fd, "x", 1, 7), 1);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals[i]), 0);
		assert_int_equal(try_get(fd, PAGE, true, &file), -EACCES);
		/* Kernels before 6.7 map no file that is sealed by F_SEAL_WRITE. */
		err = try_get(fd, PAGE, false, &file);
		assert_true(err == 0 || (err == -EPERM && (seals[i] & F_SEAL_WRITE)));
		if (!err) {
			assert_int_equal(file->memory.base[7], 'x');
			umd_dma_files_put(&files, file);
		}
		close(fd);
	}
}

static void test_file_that_cannot_shrink_is_mapped_as_any_other(void **state)
{
	int fd = make_file(PAGE);
	struct umd_dma_file *file;

	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	file = get(fd, PAGE, true);
	file->memory.base[0] = 1;
	umd_dma_files_put(&files, file);
	close(fd);
}

/* ---- What is no shared memory -------------------------------------------------------------- */

static void expect_message_only(int fd)
{
	struct umd_dma_file *file = NULL;

	assert_true(fd >= 0);
	assert_int_equal(try_get(fd, PAGE, false, &file), -EMEDIUMTYPE);
	assert_int_equal(try_get(fd, PAGE, true, &file), -EMEDIUMTYPE);
	assert_null(file);
	close(fd);
}

static void test_fds_that_are_no_files_are_served_by_message(void **state)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	expect_message_only(ends[0]);
	expect_message_only(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	expect_message_only(ends[0]);
	expect_message_only(ends[1]);
	expect_message_only(eventfd(0, EFD_CLOEXEC));
	expect_message_only(epoll_create1(EPOLL_CLOEXEC));
	expect_message_only(open("/dev/null", O_RDWR | O_CLOEXEC));
	expect_message_only(open("/dev/zero", O_RDWR | O_CLOEXEC));
	expect_message_only(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	expect_message_only(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
	expect_message_only(open("/proc", O_RDONLY | O_CLOEXEC));
}

static void test_fd_that_is_none_is_served_by_message(void **state)
{
	struct umd_dma_file *file;

	assert_int_equal(try_get(1 << 20, PAGE, false, &file), -EMEDIUMTYPE);
}

/* A file of one huge page; -1 where the system has none to give. */
static int make_huge_file(size_t size)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_ALLOW_SEALING);
	void *page = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		munmap(page, size);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void test_huge_pages_are_mapped_in_whole_ones(void **state)
{
	const size_t size = 2 << 20;
	int fd = make_huge_file(size);

	if (fd < 0) {
		skip();
	} else {
		struct umd_dma_file *file = get(fd, PAGE, true);

		assert_int_equal(file->memory.length, size);
		umd_dma_files_put(&files, file);
		close(fd);
	}
}

/* ---- Files of any size --------------------------------------------------------------------- */

/* Two of them are all that may be mapped. What is idle gives way. */
static void test_sparse_files_leave_the_process_addresses(void **state)
{
	enum { MANY = 3 };
	struct umd_dma_file *held[MANY] = {NULL};
	int fds[MANY];

	for (int i = 0; i < MANY; i++)
		fds[i] = make_file(UMD_DMA_FILE_BYTES_MAX / 2);
	if (try_get(fds[0], PAGE, true, &held[0]) == -ENOMEM)
		skip();
	held[1] = get(fds[1], PAGE, true);
	assert_int_equal(try_get(fds[2], PAGE, true, &held[2]), -ENOMEM);
	assert_null(umd_dma_file_map_again(held[0]));
	umd_dma_files_put(&files, held[0]);
	held[2] = get(fds[2], PAGE, true);
	assert_int_equal(count_mappings(fds[0]), 0);
	umd_dma_files_put(&files, held[1]);
	umd_dma_files_put(&files, held[2]);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

static void test_addresses_of_a_file_that_moved_are_given_back(void **state)
{
	int fd = make_file(UMD_DMA_FILE_BYTES_MAX / 4);
	struct umd_dma_file *file;

	if (try_get(fd, PAGE, true, &file) == -ENOMEM)
		skip();
	for (int i = 0; i < 10; i++) {
		uint8_t *again = umd_dma_file_map_again(file);

		assert_non_null(again);
		umd_dma_file_unmap(again, file->memory.length);
	}
	umd_dma_files_put(&files, file);
	close(fd);
}

/* ---- Letting go ---------------------------------------------------------------------------- */

static void test_idle_file_stays_mapped_for_its_next_map(void **state)
{
	int fd = make_file(PAGE);
	struct umd_dma_file *file = get(fd, PAGE, true);

	umd_dma_files_put(&files, file);
	assert_int_equal(files.idle, 1);
	assert_int_equal(count_mappings(fd), 1);
	assert_ptr_equal(get(fd, PAGE, true), file);
	assert_int_equal(files.idle, 0);
	umd_dma_files_put(&files, file);
	umd_dma_files_drop_idle(&files);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
}

static void test_few_files_stay_mapped_idle(void **state)
{
	int fds[2 * UMD_DMA_FILE_IDLE], mapped = 0;

	for (size_t i = 0; i < UNIT_COUNT(fds); i++) {
		fds[i] = make_file(PAGE);
		umd_dma_files_put(&files, get(fds[i], PAGE, true));
		assert_true(files.idle <= UMD_DMA_FILE_IDLE);
	}
	for (size_t i = 0; i < UNIT_COUNT(fds); i++) {
		mapped += count_mappings(fds[i]);
		close(fds[i]);
	}
	assert_int_equal(mapped, UMD_DMA_FILE_IDLE);
}

static void test_file_in_use_is_not_dropped_with_the_idle_ones(void **state)
{
	int fd = make_file(PAGE), other = make_file(PAGE);
	struct umd_dma_file *file = get(fd, PAGE, true);

	umd_dma_files_put(&files, get(other, PAGE, true));
	umd_dma_files_drop_idle(&files);
	assert_int_equal(count_mappings(other), 0);
	file->memory.base[0] = 1;
	umd_dma_files_put(&files, file);
	close(fd);
	close(other);
}

static void test_few_fds_are_kept_and_none_beyond_its_file(void **state)
{
	enum { MANY = 20, FEW = 4 };
	struct umd_dma_file *held[MANY];

	for (int i = 0; i < MANY; i++) {
		int fd = make_file(PAGE);

		held[i] = get(fd, PAGE, true);
		close(fd);
		assert_true(unit_count_fds() <= fds_before + FEW);
		held[i]->memory.base[0] = (uint8_t)i;
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(held[i]->memory.base[0], i);
		umd_dma_files_put(&files, held[i]);
	}
	umd_dma_files_drop_idle(&files);
	assert_int_equal(unit_count_fds(), fds_before);
}

static void test_refused_fd_is_not_kept(void **state)
{
	int fd = make_file(PAGE), reads = reopen(fd, O_RDONLY), writes = reopen(fd, O_WRONLY);
	struct umd_dma_file *file;

	assert_int_equal(try_get(reads, PAGE, true, &file), -EACCES);
	assert_int_equal(try_get(writes, PAGE, true, &file), -EMEDIUMTYPE);
	assert_int_equal(try_get(fd, INT64_MAX, true, &file), -ENOMEM);
	close(fd);
	close(reads);
	close(writes);
	assert_int_equal(unit_count_fds(), fds_before);
}

static void test_fds_stay_their_owners(void **state)
{
	int fd = make_file(PAGE), twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	umd_dma_files_put(&files, get(fd, PAGE, true));
	umd_dma_files_put(&files, get(twin, PAGE, true));
	umd_dma_files_drop_idle(&files);
	assert_int_equal(unit_count_fds(), fds_before + 2);
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(twin), 0);
}

/* A number that is used again is another file. */
static void test_fd_that_was_closed_and_opened_again_is_another_file(void **state)
{
	int fd = make_file(PAGE), number = fd;
	struct umd_dma_file *a = get(fd, PAGE, true), *b;

	close(fd);
	fd = make_file(PAGE);
	assert_int_equal(dup2(fd, number), number);
	b = get(number, PAGE, true);
	assert_ptr_not_equal(a, b);
	umd_dma_files_put(&files, a);
	umd_dma_files_put(&files, b);
	if (fd != number)
		close(number);
	close(fd);
}

/* ---- Any order ----------------------------------------------------------------------------- */

#define NUMBER 8 /* of files */
#define REFS   64

static int fds[2 * NUMBER]; /* even: reads and writes; odd: reads */
static struct {
	struct umd_dma_file *file;
	int number;
} refs[REFS];

/* Each file says its number in its first byte. */
static bool get_any(uint64_t *seed, unsigned int ref)
{
	int which = (int)unit_below(seed, 2 * NUMBER);
	bool writable = unit_below(seed, 2);
	int err = try_get(fds[which], (1 + unit_below(seed, 4)) * PAGE, writable, &refs[ref].file);

	if (err) {
		refs[ref].file = NULL;
		return err == -EACCES && writable && which % 2;
	}
	refs[ref].number = which / 2;
	return refs[ref].file->writable == !(which % 2);
}

static bool is_right(unsigned int ref)
{
	return !refs[ref].file || refs[ref].file->memory.base[0] == refs[ref].number;
}

static bool operate(uint64_t *seed)
{
	unsigned int ref = (unsigned int)unit_below(seed, REFS);

	if (unit_below(seed, 50) == 0)
		umd_dma_files_drop_idle(&files);
	if (!refs[ref].file)
		return get_any(seed, ref) && is_right(ref);
	if (!is_right(ref))
		return false;
	umd_dma_files_put(&files, refs[ref].file);
	refs[ref].file = NULL;
	return true;
}

static long run_any(uint64_t seed)
{
	long wrong = -1;

	for (int i = 0; i < NUMBER; i++) {
		uint8_t number = (uint8_t)i;

		fds[2 * i] = make_file(PAGE);
		fds[2 * i + 1] = reopen(fds[2 * i], O_RDONLY);
		assert_int_equal(pwrite(fds[2 * i], &number, 1, 0), 1);
	}
	for (long step = 0; step < 5000 && wrong < 0; step++) {
		if (!operate(&seed) || files.idle > UMD_DMA_FILE_IDLE)
			wrong = step;
	}
	for (unsigned int i = 0; i < REFS; i++) {
		if (refs[i].file)
			umd_dma_files_put(&files, refs[i].file);
		refs[i].file = NULL;
	}
	for (int i = 0; i < 2 * NUMBER; i++)
		close(fds[i]);
	umd_dma_files_drop_idle(&files);
	return wrong;
}

static void test_any_order_of_gets_and_puts_finds_the_right_files(void **state)
{
	unit_run_seeds(run_any);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_file_is_mapped_once_whatever_fd_it_comes_by),
		TEST(test_file_is_mapped_for_each_access_mode),
		TEST(test_files_of_one_bucket_are_told_apart),
		TEST(test_file_that_grew_is_mapped_again_beside_the_old_mapping),
		TEST(test_map_beyond_the_end_of_a_file_is_made_for_when_it_grows),
		TEST(test_odd_size_is_mapped_in_whole_pages),
		TEST(test_fd_that_reads_never_gains_a_mapping_that_writes),
		TEST(test_fd_that_only_writes_is_served_by_message),
		TEST(test_path_fd_is_served_by_message),
		TEST(test_sealed_file_is_read_and_not_written),
		TEST(test_file_that_cannot_shrink_is_mapped_as_any_other),
		TEST(test_fds_that_are_no_files_are_served_by_message),
		TEST(test_fd_that_is_none_is_served_by_message),
		TEST(test_huge_pages_are_mapped_in_whole_ones),
		TEST(test_sparse_files_leave_the_process_addresses),
		TEST(test_addresses_of_a_file_that_moved_are_given_back),
		TEST(test_idle_file_stays_mapped_for_its_next_map),
		TEST(test_few_files_stay_mapped_idle),
		TEST(test_file_in_use_is_not_dropped_with_the_idle_ones),
		TEST(test_few_fds_are_kept_and_none_beyond_its_file),
		TEST(test_refused_fd_is_not_kept),
		TEST(test_fds_stay_their_owners),
		TEST(test_fd_that_was_closed_and_opened_again_is_another_file),
		TEST(test_any_order_of_gets_and_puts_finds_the_right_files),
	};

	unit_take_seed(argc, argv);
	return cmocka_run_group_tests_name("dma_file", tests, NULL, NULL);
}
