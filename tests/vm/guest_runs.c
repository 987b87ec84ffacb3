/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory mapped for a device page by page: VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_UNMAP_DMA. */
#include "guest_runs.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guest_device.h"

#define RUN_BYTES    (GUEST_RUN_PAGES * GUEST_PAGE)
#define MEMORY_BYTES (GUEST_RUNS * RUN_BYTES)

/*
 * Windows lie far apart, the first below 4 GiB, all below the smallest reach of a vIOMMU (39 bits).
 * The largest are such that the page tables for them, which the kernel keeps, stay few. In the
 * smallest, IOVAs are soon used again, which shows whether the device has forgotten the last map.
 */
#define WINDOW_FIRST	UINT64_C(0x10000000)
#define WINDOW_DISTANCE UINT64_C(0x100000000)
#define WINDOW_PAGES	16384u
#define WINDOW_SIZES	8u /* each half of the one before */

/* ---- Random numbers: xorshift64* (Vigna, 2014) ---------------------------------------------- */

static uint64_t next_random(struct guest_runs *runs)
{
	runs->random ^= runs->random >> 12;
	runs->random ^= runs->random << 25;
	runs->random ^= runs->random >> 27;
	return runs->random * UINT64_C(0x2545f4914f6cdd1d);
}

size_t guest_random(struct guest_runs *runs, size_t limit)
{
	return (next_random(runs) >> 32) * limit >> 32;
}

static void shuffle(struct guest_runs *runs, uint8_t *order, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t other = guest_random(runs, i + 1);

		order[i] = order[other];
		order[other] = (uint8_t)i;
	}
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* Where a byte of a run lies in the memory. */
static size_t place(const struct guest_run *run, size_t offset)
{
	return run->number * RUN_BYTES + run->order[offset / GUEST_PAGE] * GUEST_PAGE +
	       offset % GUEST_PAGE;
}

/* How much of `size` bytes lies in one page. */
static size_t piece(size_t offset, size_t size)
{
	size_t rest = GUEST_PAGE - offset % GUEST_PAGE;

	return size < rest ? size : rest;
}

static void fill(struct guest_runs *runs, size_t at, size_t size)
{
	for (size_t done = 0; done < size; done += sizeof(uint64_t)) {
		uint64_t value = next_random(runs);
		size_t rest = size - done;

		memcpy(runs->expected + at + done, &value,
		       rest < sizeof(value) ? rest : sizeof(value));
	}
	memcpy(runs->memory + at, runs->expected + at, size);
}

void guest_run_fill(struct guest_runs *runs, struct guest_run *run, size_t offset, size_t size)
{
	size_t part;

	for (; size; offset += part, size -= part) {
		part = piece(offset, size);
		fill(runs, place(run, offset), part);
	}
}

/* The device reads everything before it writes anything. */
void guest_run_expect_copy(struct guest_runs *runs, const struct guest_run *from,
			   size_t from_offset, const struct guest_run *to, size_t to_offset,
			   size_t size)
{
	uint8_t bytes[RUN_BYTES];
	size_t part;

	for (size_t done = 0; done < size; done += part) {
		part = piece(from_offset + done, size - done);
		memcpy(bytes + done, runs->expected + place(from, from_offset + done), part);
	}
	for (size_t done = 0; done < size; done += part) {
		part = piece(to_offset + done, size - done);
		memcpy(runs->expected + place(to, to_offset + done), bytes + done, part);
	}
}

int guest_run_check(const struct guest_runs *runs, const struct guest_run *run)
{
	size_t at = run->number * RUN_BYTES, end = at + RUN_BYTES;

	if (!memcmp(runs->memory + at, runs->expected + at, RUN_BYTES))
		return 0;
	while (at < end && runs->memory[at] == runs->expected[at])
		at++;
	errno = 0;
	return guest_problem("run %zu has %#x instead of %#x at %#zx", run->number,
			     runs->memory[at], runs->expected[at], at % RUN_BYTES);
}

static uint8_t *take_memory(void)
{
	uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int guest_runs_init(struct guest_runs *runs, int container, uint64_t seed)
{
	*runs = (struct guest_runs){.container = container,
				    .random = seed,
				    .memory = take_memory(),
				    .expected = take_memory()};
	if (!runs->memory || !runs->expected)
		return guest_problem("no memory");

	fill(runs, 0, MEMORY_BYTES);
	for (size_t i = 0; i < GUEST_RUNS; i++) {
		runs->run[i].number = i;
		shuffle(runs, runs->run[i].order, GUEST_RUN_PAGES);
	}
	return 0;
}

void guest_runs_finish(struct guest_runs *runs)
{
	if (runs->memory)
		munmap(runs->memory, MEMORY_BYTES);
	if (runs->expected)
		munmap(runs->expected, MEMORY_BYTES);
}

/* ---- Maps ---------------------------------------------------------------------------------- */

static int map_page(struct guest_runs *runs, const struct guest_run *run, size_t page)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)runs->memory + place(run, page * GUEST_PAGE),
		.iova = run->iova + page * GUEST_PAGE,
		.size = GUEST_PAGE,
	};

	if (ioctl(runs->container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		return guest_problem("map %#llx", (unsigned long long)map.iova);
	runs->maps++;
	return 0;
}

static uint64_t choose_iova(struct guest_runs *runs, const struct guest_run *run)
{
	size_t pages = WINDOW_PAGES >> run->number % WINDOW_SIZES;

	return WINDOW_FIRST + run->number * WINDOW_DISTANCE +
	       guest_random(runs, pages - GUEST_RUN_PAGES) * GUEST_PAGE;
}

int guest_run_map(struct guest_runs *runs, struct guest_run *run, size_t limit)
{
	size_t pages = 1 + guest_random(runs, limit < GUEST_RUN_PAGES ? limit : GUEST_RUN_PAGES);

	run->iova = choose_iova(runs, run);
	shuffle(runs, run->order, GUEST_RUN_PAGES);
	for (size_t page = 0; page < pages; page++)
		if (map_page(runs, run, page) < 0)
			return -1;

	run->pages = pages;
	runs->standing += pages;
	if (runs->standing > runs->most_standing)
		runs->most_standing = runs->standing;
	return 0;
}

/* The kernel says how much of a range was mapped. */
static int unmap_range(struct guest_runs *runs, uint64_t iova, uint64_t size, uint32_t flags,
		       size_t pages)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = flags, .iova = iova, .size = size};

	if (ioctl(runs->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0)
		return guest_problem("unmap %#llx+%#llx", (unsigned long long)iova,
				     (unsigned long long)size);
	errno = 0;
	if (unmap.size != pages * GUEST_PAGE)
		return guest_problem("unmapped %#llx at %#llx, not %zu pages",
				     (unsigned long long)unmap.size, (unsigned long long)iova,
				     pages);
	runs->unmaps++;
	runs->standing -= pages;
	return 0;
}

static int unmap_one_by_one(struct guest_runs *runs, const struct guest_run *run)
{
	uint8_t order[GUEST_RUN_PAGES] = {0};

	shuffle(runs, order, run->pages);
	for (size_t i = 0; i < run->pages; i++)
		if (unmap_range(runs, run->iova + order[i] * GUEST_PAGE, GUEST_PAGE, 0, 1) < 0)
			return -1;
	return 0;
}

int guest_run_unmap(struct guest_runs *runs, struct guest_run *run)
{
	bool at_once = guest_random(runs, 2);
	int result = at_once ? unmap_range(runs, run->iova, run->pages * GUEST_PAGE, 0, run->pages)
			     : unmap_one_by_one(runs, run);

	run->pages = 0;
	return result;
}

int guest_runs_unmap_all(struct guest_runs *runs)
{
	for (size_t i = 0; i < GUEST_RUNS; i++)
		runs->run[i].pages = 0;
	return unmap_range(runs, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL, runs->standing);
}
