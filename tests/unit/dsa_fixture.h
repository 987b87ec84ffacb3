/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A space with memory for the accelerator's jobs: pages of a file in any order, each of which may
 * be missing, or be there for reading or writing only.
 */
#ifndef DSA_FIXTURE_H
#define DSA_FIXTURE_H

#include "unit.h"

#include <umdev/dma.h>

#include "dsa/job.h"

#define PAGE	   4096u
#define WORLD	   UINT64_C(0x123456000) /* the first IOVA */
#define RIGHTS_ALL (UMD_DMA_READ | UMD_DMA_WRITE)

struct world {
	struct umd_dma_space *space;
	struct umd_dma_reader *reader;
	unsigned int pages;
	uint8_t *memory; /* the file, in its own order */
	int fd;
	uint32_t *place; /* of each page, in the file */
	uint8_t *rights; /* UMD_DMA_READ and _WRITE of each page; 0: it is missing */
	struct dsa_limits limits;
};

static inline void world_map(struct world *world, unsigned int page, uint8_t rights)
{
	const struct umd_dma_change map = {.iova = WORLD + (uint64_t)page * PAGE,
					   .size = PAGE,
					   .prot = rights,
					   .fd = world->fd,
					   .offset = (uint64_t)world->place[page] * PAGE};

	world->rights[page] = rights;
	if (rights)
		assert_int_equal(umd_dma_space_change(world->space, &map, 1, NULL), 0);
}

static inline void world_unmap(struct world *world, unsigned int page)
{
	const struct umd_dma_change unmap = {
		.unmap = true, .iova = WORLD + (uint64_t)page * PAGE, .size = PAGE};

	world->rights[page] = 0;
	assert_int_equal(umd_dma_space_change(world->space, &unmap, 1, NULL), 0);
}

/* Gives a page other rights. */
static inline void world_remap(struct world *world, unsigned int page, uint8_t rights)
{
	if (world->rights[page])
		world_unmap(world, page);
	world_map(world, page, rights);
}

/* Nothing is mapped yet; the pages lie in the file backwards. */
static inline void world_init(struct world *world, unsigned int pages)
{
	const struct umd_dma_space_options options = {.size = sizeof(options), .owner = 7};

	world->pages = pages;
	world->fd = memfd_create("dsa", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(world->fd >= 0);
	assert_int_equal(ftruncate(world->fd, (off_t)pages * PAGE), 0);
	world->memory =
		mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, world->fd, 0);
	assert_true(world->memory != MAP_FAILED);
	world->place = calloc(pages, sizeof(*world->place));
	world->rights = calloc(pages, 1);
	assert_non_null(world->place);
	assert_non_null(world->rights);
	for (unsigned int i = 0; i < pages; i++)
		world->place[i] = pages - 1 - i;
	assert_int_equal(umd_dma_space_create(&options, &world->space), 0);
	assert_int_equal(umd_dma_reader_create(world->space, 0, &world->reader), 0);
	world->limits = (struct dsa_limits){
		.max_transfer = UINT64_C(1) << 31, .opcodes = {UINT64_MAX}, .block_on_fault = true};
}

static inline void world_finish(struct world *world)
{
	umd_dma_reader_destroy(world->reader);
	umd_dma_space_destroy(world->space);
	munmap(world->memory, (size_t)world->pages * PAGE);
	close(world->fd);
	free(world->place);
	free(world->rights);
}

/* All of it, as one map where it can be: in the file's order. */
static inline void world_map_all(struct world *world)
{
	const struct umd_dma_change map = {.iova = WORLD,
					   .size = (uint64_t)world->pages * PAGE,
					   .prot = RIGHTS_ALL,
					   .fd = world->fd};

	for (unsigned int i = 0; i < world->pages; i++) {
		world->place[i] = i;
		world->rights[i] = RIGHTS_ALL;
	}
	assert_int_equal(umd_dma_space_change(world->space, &map, 1, NULL), 0);
}

/* A byte by its address, whatever may be done with it. */
static inline uint8_t *world_at(const struct world *world, uint64_t iova)
{
	uint64_t at = iova - WORLD;

	return world->memory + (size_t)world->place[at / PAGE] * PAGE + at % PAGE;
}

/* All bytes in the order of their addresses. */
static inline void world_copy(const struct world *world, uint8_t *to)
{
	for (unsigned int i = 0; i < world->pages; i++)
		memcpy(to + (size_t)i * PAGE, world->memory + (size_t)world->place[i] * PAGE, PAGE);
}

static inline void world_scatter(const struct world *world, const uint8_t *from)
{
	for (unsigned int i = 0; i < world->pages; i++)
		memcpy(world->memory + (size_t)world->place[i] * PAGE, from + (size_t)i * PAGE,
		       PAGE);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static inline void put(uint8_t *raw, unsigned int at, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++, value >>= 8)
		raw[at + i] = (uint8_t)value;
}

static inline void make(uint8_t *raw, uint8_t opcode, uint32_t flags, uint64_t source,
			uint64_t destination, uint32_t size)
{
	memset(raw, 0, DSA_DESCRIPTOR_SIZE);
	put(raw, 4, 3, flags);
	raw[7] = opcode;
	put(raw, 16, 8, source);
	put(raw, 24, 8, destination);
	put(raw, 32, 4, size);
}

/* Runs a job to its end; its steps get budgets of at most `budget` bytes. */
static inline void finish_job(struct world *world, struct dsa_job *job, size_t budget)
{
	size_t cost;

	while (!dsa_job_step(job, world->reader, budget, &cost))
		;
}

/* Returns whether it began. */
static inline bool run_job(struct world *world, struct dsa_job *job, const uint8_t *raw,
			   size_t budget)
{
	struct dsa_descriptor descriptor;

	dsa_descriptor_decode(raw, &descriptor);
	if (!dsa_job_begin(job, &descriptor, &world->limits))
		return false;
	finish_job(world, job, budget);
	return true;
}

#endif
