/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory.h"

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>

static int reopen(int fd, int flags)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	assert_true(again >= 0);
	return again;
}

static void map_view(struct memory *memory, int fd, int prot)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	memory->view = mmap(NULL, memory->room * MEMORY_PAGE, prot, flags, fd, 0);
	assert_true(memory->view != MAP_FAILED);
}

static void seal(struct memory *memory, int seals)
{
	assert_int_equal(fcntl(memory->fds[MEMORY_FD_BOTH], F_ADD_SEALS, seals), 0);
}

static void open_file(struct memory *memory)
{
	int fd = memfd_create("model", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t size = memory->room * MEMORY_PAGE;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, memory->bytes, size, 0), size);
	memory->fds[MEMORY_FD_BOTH] = fd;
	memory->fds[MEMORY_FD_READ] = reopen(fd, O_RDONLY);
	memory->fds[MEMORY_FD_WRITE] = reopen(fd, O_WRONLY);
	if (memory->kind == MEMORY_SEALED)
		seal(memory, F_SEAL_WRITE);
	map_view(memory, memory->fds[memory_is_writable(memory) ? MEMORY_FD_BOTH : MEMORY_FD_READ],
		 memory_is_writable(memory) ? PROT_READ | PROT_WRITE : PROT_READ);
	if (memory->kind == MEMORY_FUTURE)
		seal(memory, F_SEAL_FUTURE_WRITE);
}

static void fill(uint8_t *bytes, size_t size, uint64_t *random)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(unit_random(random) >> 32);
}

void memory_init(struct memory *memory, enum memory_kind kind, uint64_t pages, uint64_t *random)
{
	*memory = (struct memory){
		.kind = kind, .pages = pages, .room = pages, .fds = {-1, -1, -1, -1}};
	memory->bytes = calloc(pages, MEMORY_PAGE);
	assert_non_null(memory->bytes);
	fill(memory->bytes, pages * MEMORY_PAGE, random);
	if (kind != MEMORY_ADDRESS) {
		open_file(memory);
		return;
	}
	map_view(memory, -1, PROT_READ | PROT_WRITE);
	memcpy(memory->view, memory->bytes, pages * MEMORY_PAGE);
}

void memory_finish(struct memory *memory)
{
	for (unsigned int i = 0; i < MEMORY_FDS; i++) {
		if (memory->fds[i] >= 0)
			close(memory->fds[i]);
	}
	munmap(memory->view, memory->room * MEMORY_PAGE);
	free(memory->bytes);
}

void memory_fill(struct memory *memory, uint64_t at, size_t size, uint64_t *random)
{
	fill(memory->bytes + at, size, random);
	memcpy(memory->view + at, memory->bytes + at, size);
}

void memory_resize(struct memory *memory, uint64_t pages)
{
	if (pages < memory->pages)
		memset(memory->bytes + pages * MEMORY_PAGE, 0,
		       (memory->pages - pages) * MEMORY_PAGE);
	memory->pages = pages;
	assert_int_equal(ftruncate(memory->fds[MEMORY_FD_BOTH], (off_t)(pages * MEMORY_PAGE)), 0);
}

void memory_punch(struct memory *memory, uint64_t page, uint64_t pages)
{
	uint64_t at = page * MEMORY_PAGE, size = pages * MEMORY_PAGE;

	memset(memory->bytes + at, 0, size);
	assert_int_equal(fallocate(memory->fds[MEMORY_FD_BOTH],
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
				   (off_t)size),
			 0);
}

bool memory_is_right(const struct memory *memory, uint64_t at, size_t size)
{
	uint64_t end = memory->pages * MEMORY_PAGE;

	if (at >= end)
		return true;
	if (size > end - at)
		size = end - at;
	return memcmp(memory->view + at, memory->bytes + at, size) == 0;
}
