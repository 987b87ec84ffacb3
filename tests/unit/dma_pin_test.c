/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What readers find of a space, and what they may do with it while it is unmapped: short visits and
 * pins, with their ends.
 */
#include "child.h"
#include "dma_fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "dma/reader.h"

#define ROOM 4u

static struct umd_dma_space space;
static struct umd_dma_reader *reader;
static struct umd_dma_segment segments[ROOM];

static int setup(void **state)
{
	init_space(&space);
	return umd_dma_reader_create(&space, 0, &reader);
}

static int teardown(void **state)
{
	umd_dma_space_reset(&space);
	umd_dma_reader_destroy(reader);
	finish_space(&space);
	assert_int_equal(space.holds.count, 0);
	assert_int_equal(space.table.epochs.retired_size, 0);
	return 0;
}

static void map(uint64_t page, uint64_t pages, uint32_t prot, int fd, uint64_t offset)
{
	assert_int_equal(
		umd_dma_space_map_fd(&space, page * PAGE, pages * PAGE, prot, fd, offset * PAGE),
		0);
}

static void unmap(uint64_t page, uint64_t pages)
{
	assert_int_equal(umd_dma_space_unmap(&space, page * PAGE, pages * PAGE), 0);
}

static int resolve(uint64_t iova, size_t size, uint32_t prot)
{
	int count;

	umd_dma_enter(reader);
	count = umd_dma_resolve(reader, iova, size, prot, segments, ROOM);
	umd_dma_leave(reader);
	return count;
}

static int pin(uint64_t iova, size_t size)
{
	return umd_dma_pin(reader, iova, size, READ, segments, ROOM);
}

/* ---- Resolving ----------------------------------------------------------------------------- */

static void test_range_is_resolved_into_a_segment_for_each_map(void **state)
{
	int fd = make_file(8 * PAGE);
	uint8_t *base;

	map(1, 2, READ, fd, 4);
	map(3, 1, READ_WRITE, fd, 0);
	assert_int_equal(resolve(PAGE + 100, 2 * PAGE + 7, READ), 2);
	base = segments[0].base - 100 - 4 * PAGE;
	assert_int_equal(segments[0].size, 2 * PAGE - 100);
	assert_ptr_equal(segments[1].base, base);
	assert_int_equal(segments[1].size, 107);
	assert_int_equal(resolve(4 * PAGE - 1, 1, WRITE), 1);
	assert_ptr_equal(segments[0].base, base + PAGE - 1);
	assert_int_equal(resolve(0, 0, READ), 0);
	close(fd);
}

static void test_range_that_is_not_all_there_is_refused(void **state)
{
	int fd = make_file(8 * PAGE);

	map(1, 1, READ, fd, 0);
	map(2, 1, WRITE, fd, 1);
	map(3, 1, READ, -1, 0);
	assert_int_equal(resolve(0, 1, READ), -EFAULT);
	assert_int_equal(resolve(PAGE - 1, 2, READ), -EFAULT);
	assert_int_equal(resolve(PAGE, 1, WRITE), -EFAULT);
	assert_int_equal(resolve(PAGE, 1, READ_WRITE), -EFAULT);
	assert_int_equal(resolve(PAGE, PAGE + 1, READ), -EFAULT);
	assert_int_equal(resolve(3 * PAGE, 1, READ), -EREMOTE);
	assert_int_equal(resolve(4 * PAGE, 1, READ), -EFAULT);
	assert_int_equal(resolve(UINT64_MAX, 2, READ), -EFAULT);
	assert_int_equal(resolve(PAGE, SIZE_MAX, READ), -EFAULT);
	close(fd);
}

static void test_range_of_more_maps_than_there_is_room_for_is_refused(void **state)
{
	int fd = make_file(8 * PAGE);

	for (uint64_t i = 0; i < ROOM + 1; i++)
		map(i, 1, READ, fd, i);
	assert_int_equal(resolve(0, ROOM * PAGE, READ), ROOM);
	assert_int_equal(resolve(0, ROOM * PAGE + 1, READ), -E2BIG);
	assert_int_equal(pin(0, ROOM * PAGE + 1), -E2BIG);
	close(fd);
}

static void test_last_byte_of_the_address_space_is_resolved(void **state)
{
	int fd = make_file(PAGE);

	map(UINT64_MAX / PAGE, 1, READ, fd, 0);
	assert_int_equal(resolve(UINT64_MAX, 1, READ), 1);
	assert_int_equal(resolve(UINT64_MAX - PAGE + 1, PAGE, READ), 1);
	assert_int_equal(segments[0].size, PAGE);
	close(fd);
}

/* The reader remembers what it saw; it must not remember that too long. */
static void test_page_that_is_mapped_anew_is_seen_anew(void **state)
{
	int fd = make_file(8 * PAGE);
	uint8_t *first;

	map(5, 1, READ, fd, 0);
	assert_int_equal(resolve(5 * PAGE, 1, READ), 1);
	first = segments[0].base;
	unmap(5, 1);
	assert_int_equal(resolve(5 * PAGE, 1, READ), -EFAULT);
	map(5, 1, WRITE, fd, 3);
	assert_int_equal(resolve(5 * PAGE, 1, READ), -EFAULT);
	assert_int_equal(resolve(5 * PAGE, 1, WRITE), 1);
	assert_ptr_equal(segments[0].base, first + 3 * PAGE);
	umd_dma_space_unmap_all(&space);
	assert_int_equal(resolve(5 * PAGE, 1, WRITE), -EFAULT);
	close(fd);
}

/* ---- Unmapping meanwhile ------------------------------------------------------------------- */

static void test_unmapped_memory_stays_while_a_reader_is_inside(void **state)
{
	int fd = make_file(PAGE);
	uint64_t mark;

	map(0, 1, READ, fd, 0);
	umd_dma_enter(reader);
	assert_int_equal(umd_dma_resolve(reader, 0, PAGE, READ, segments, ROOM), 1);
	unmap(0, 1);
	umd_dma_space_reset(&space);
	mark = umd_dma_space_mark(&space);
	assert_false(umd_dma_space_is_quiet(&space, mark));
	assert_int_equal(umd_dma_resolve(reader, 0, PAGE, READ, segments + 1, 1), -EFAULT);
	assert_int_equal(count_mappings(fd), 1);
	assert_int_equal(*(volatile uint8_t *)segments[0].base, 0);
	umd_dma_leave(reader);
	assert_true(umd_dma_space_is_quiet(&space, mark));
	umd_dma_space_reset(&space);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
}

static void test_reader_that_came_in_later_holds_nothing_back(void **state)
{
	int fd = make_file(PAGE);
	uint64_t mark;

	map(0, 1, READ, fd, 0);
	unmap(0, 1);
	mark = umd_dma_space_mark(&space);
	umd_dma_enter(reader);
	assert_true(umd_dma_space_is_quiet(&space, mark));
	umd_dma_leave(reader);
	close(fd);
}

static void test_pinned_memory_stays_until_the_last_pin_ends(void **state)
{
	int fd = make_file(2 * PAGE);
	struct umd_dma_segment held;
	uint64_t mark;

	map(0, 1, READ, fd, 1);
	assert_int_equal(pin(10, 20), 1);
	held = segments[0];
	assert_int_equal(pin(0, 1), 1);
	umd_dma_space_reset(&space);
	mark = umd_dma_space_mark(&space);
	umd_dma_unpin(segments, 1);
	assert_false(umd_dma_space_is_quiet(&space, mark));
	assert_int_equal(count_mappings(fd), 1);
	assert_int_equal(pwrite(fd, "x", 1, PAGE + 10), 1);
	assert_int_equal(*(volatile uint8_t *)held.base, 'x');
	umd_dma_unpin(&held, 1);
	assert_true(umd_dma_space_is_quiet(&space, mark));
	umd_dma_space_reset(&space);
	assert_int_equal(count_mappings(fd), 0);
	close(fd);
}

static void test_pin_of_another_map_holds_nothing_back(void **state)
{
	int fd = make_file(2 * PAGE);
	uint64_t mark;

	map(0, 1, READ, fd, 0);
	map(1, 1, READ, fd, 1);
	assert_int_equal(pin(0, 1), 1);
	unmap(1, 1);
	mark = umd_dma_space_mark(&space);
	assert_true(umd_dma_space_is_quiet(&space, mark));
	unmap(0, 1);
	assert_true(umd_dma_space_is_quiet(&space, mark));
	assert_false(umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space)));
	umd_dma_unpin(segments, 1);
	assert_true(umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space)));
	close(fd);
}

static void test_refused_pin_holds_nothing_back(void **state)
{
	int fd = make_file(PAGE);

	map(0, 1, READ, fd, 0);
	assert_int_equal(pin(0, PAGE + 1), -EFAULT);
	unmap(0, 1);
	assert_true(umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space)));
	close(fd);
}

static void test_pin_outlives_its_reader(void **state)
{
	int fd = make_file(PAGE);

	map(0, 1, READ, fd, 0);
	assert_int_equal(pin(0, 1), 1);
	umd_dma_reader_destroy(reader);
	umd_dma_space_reset(&space);
	assert_int_equal(count_mappings(fd), 1);
	umd_dma_unpin(segments, 1);
	umd_dma_space_reset(&space);
	assert_int_equal(count_mappings(fd), 0);
	assert_int_equal(umd_dma_reader_create(&space, 0, &reader), 0);
	close(fd);
}

/* As where a thread is told that the owner waits, and signals him much later. */
static void test_signal_that_came_late_is_no_reason_to_ask_again(void **state)
{
	struct pollfd wake = {.events = POLLIN};
	int fd = make_file(PAGE);
	uint64_t mark;

	map(0, 1, READ, fd, 0);
	assert_int_equal(pin(0, 1), 1);
	unmap(0, 1);
	mark = umd_dma_space_mark(&space);
	assert_false(umd_dma_space_is_quiet(&space, mark));
	wake.fd = umd_dma_space_fd(&space);
	unit_add_event(wake.fd);
	assert_int_equal(poll(&wake, 1, 0), 1);
	assert_false(umd_dma_space_is_quiet(&space, mark));
	assert_int_equal(poll(&wake, 1, 0), 0);
	umd_dma_unpin(segments, 1);
	assert_int_equal(poll(&wake, 1, 0), 1);
	assert_true(umd_dma_space_is_quiet(&space, mark));
	close(fd);
}

/* Lets membarrier() fail from now on. */
static void forbid_membarrier(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = UNIT_COUNT(code), .filter = code};

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		child_skip("no filter of system calls");
}

/* The thread that ends the pin relies on the owner's fence, as a reader would. */
static void outlive(void)
{
	bool fences = reader->visit.fences;

	umd_dma_reader_destroy(reader);
	forbid_membarrier();
	EXPECT(umd_dma_epochs_fence(&space.table.epochs) == (fences ? 0 : -EAGAIN));
}

static void test_owner_fences_for_pins_whose_readers_are_gone(void **state)
{
	child_expect_success(outlive);
}

/* Also who asks whether memory was taken away. */
static void fence_alone(void)
{
	struct umd_dma_reader *other;

	EXPECT(!umd_dma_guard_fences || reader->visit.fences);
	space.table.epochs.fences = true;
	EXPECT(umd_dma_reader_create(&space, UMD_DMA_READER_NO_SIGBUS, &other) == 0);
	EXPECT(other->visit.fences && client.wake.fences && umd_dma_guard_fences);
}

static void test_without_membarrier_everybody_fences_for_himself(void **state)
{
	child_expect_success(fence_alone);
}

static void test_unmapped_maps_in_use_are_bounded(void **state)
{
	int fd = make_file(PAGE);

	space.max_maps = UMD_DMA_HOLDS_MAX;
	for (uint64_t i = 0; i < UMD_DMA_HOLDS_MAX; i++)
		map(i, 1, READ, fd, 0);
	umd_dma_enter(reader);
	umd_dma_space_unmap_all(&space);
	assert_int_equal(space.holds.count, UMD_DMA_HOLDS_MAX);
	assert_int_equal(umd_dma_space_map_fd(&space, 0, PAGE, READ, fd, 0), -ENOBUFS);
	umd_dma_leave(reader);
	map(0, 1, READ, fd, 0);
	assert_int_equal(space.holds.count, 0);
	close(fd);
}

#define MANY 30000u

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Looking for the pins of each map by itself takes minutes. */
static void test_many_pinned_maps_are_unmapped_in_time(void **state)
{
	static struct umd_dma_segment held[MANY];
	int fd = make_file(PAGE);
	uint64_t began;

	for (uint64_t i = 0; i < MANY; i++) {
		map(i, 1, READ, fd, 0);
		assert_int_equal(umd_dma_pin(reader, i * PAGE, 1, READ, &held[i], 1), 1);
	}
	began = now_ms();
	umd_dma_space_unmap_all(&space);
	assert_false(umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space)));
	assert_int_equal(space.holds.count, MANY);
	umd_dma_unpin(held, MANY / 2);
	assert_false(umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space)));
	assert_int_equal(space.holds.count, MANY / 2);
	umd_dma_unpin(&held[MANY / 2], MANY / 2);
	assert_true(umd_dma_space_is_quiet(&space, umd_dma_space_mark(&space)));
	assert_in_range(now_ms() - began, 0, 5000);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_range_is_resolved_into_a_segment_for_each_map),
		TEST(test_range_that_is_not_all_there_is_refused),
		TEST(test_range_of_more_maps_than_there_is_room_for_is_refused),
		TEST(test_last_byte_of_the_address_space_is_resolved),
		TEST(test_page_that_is_mapped_anew_is_seen_anew),
		TEST(test_unmapped_memory_stays_while_a_reader_is_inside),
		TEST(test_reader_that_came_in_later_holds_nothing_back),
		TEST(test_pinned_memory_stays_until_the_last_pin_ends),
		TEST(test_pin_of_another_map_holds_nothing_back),
		TEST(test_refused_pin_holds_nothing_back),
		TEST(test_pin_outlives_its_reader),
		TEST(test_signal_that_came_late_is_no_reason_to_ask_again),
		TEST(test_owner_fences_for_pins_whose_readers_are_gone),
		TEST(test_without_membarrier_everybody_fences_for_himself),
		TEST(test_unmapped_maps_in_use_are_bounded),
		TEST(test_many_pinned_maps_are_unmapped_in_time),
	};

	return cmocka_run_group_tests_name("dma_pin", tests, NULL, NULL);
}
