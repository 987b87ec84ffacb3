/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzes the accelerator's jobs: the input says what is mapped, what lies in memory, the
 * descriptors and how much each step may do. Maps of the same memory may lie at several addresses,
 * so that ranges overlap where their addresses do not.
 *
 * Whatever a descriptor says, the job ends, has not done more than was asked, charges for what it
 * did, and writes nothing outside the maps.
 */
#include <stdlib.h>
#include <string.h>

#include "dsa/job.h"

#define PAGE	  4096u
#define PAGES	  16u /* of memory */
#define SLOTS	  48u /* where one may be mapped */
#define GUARD	  4096u
#define BASE	  UINT64_C(0x10000)
#define STEPS_MAX 200000u /* more than that: it does not end */

static struct {
	struct umd_dma_space *space;
	struct umd_dma_reader *reader;
	uint8_t *memory; /* between two guards */
	bool mapped[SLOTS];
} target;

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t take(struct input *input, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && input->left; i++, input->left--)
		value |= (uint64_t)*input->at++ << (8 * i);
	return value;
}

static void make_world(void)
{
	const struct umd_dma_space_options options = {.size = sizeof(options), .owner = 1};

	if (posix_memalign((void **)&target.memory, PAGE, PAGES * PAGE + 2 * GUARD) ||
	    umd_dma_space_create(&options, &target.space) ||
	    umd_dma_reader_create(target.space, UMD_DMA_READER_NO_SIGBUS, &target.reader))
		abort();
}

static void unmap_all(void)
{
	const struct umd_dma_change unmap = {.unmap = true};

	if (umd_dma_space_change(target.space, &unmap, 1, NULL))
		abort();
	memset(target.mapped, 0, sizeof(target.mapped));
}

/* Slot u8, page u8 with two bits of rights. */
static void map(struct input *input)
{
	unsigned int slot = (unsigned int)take(input, 1) % SLOTS;
	unsigned int page = (unsigned int)take(input, 1);
	const struct umd_dma_change change = {
		.iova = BASE + slot * PAGE,
		.size = PAGE,
		.prot = page >> 6 ? page >> 6 : UMD_DMA_READ | UMD_DMA_WRITE,
		.kind = UMD_DMA_BY_ADDRESS,
		.address = target.memory + GUARD + (size_t)(page % PAGES) * PAGE};

	if (target.mapped[slot])
		return;
	target.mapped[slot] = true;
	if (umd_dma_space_change(target.space, &change, 1, NULL))
		abort();
}

/* At u16, value u8, length u8: bytes of one value. */
static void paint(struct input *input)
{
	size_t at = (size_t)take(input, 2) % (PAGES * PAGE - UINT8_MAX);
	int value = (int)take(input, 1);

	memset(target.memory + GUARD + at, value, (size_t)take(input, 1));
}

/* At u16, length u8, bytes. */
static void write_bytes(struct input *input)
{
	size_t at = (size_t)take(input, 2) % (PAGES * PAGE - UINT8_MAX);
	size_t size = (size_t)take(input, 1);

	for (size_t i = 0; i < size; i++)
		target.memory[GUARD + at + i] = (uint8_t)take(input, 1);
}

static void run_job(struct dsa_job *job, size_t budget)
{
	size_t cost;
	bool ended = false;

	for (unsigned int steps = 0; !ended; steps++) {
		ended = dsa_job_step(job, target.reader, budget, &cost);
		if (steps > STEPS_MAX || (!ended && !cost))
			abort();
		if (cost > budget + 2 * PAGE || job->done > UINT32_MAX)
			abort();
	}
}

static void check_end(const struct dsa_job *job)
{
	uint32_t most = job->descriptor.size;

	if (job->descriptor.opcode == DSA_APPLY_DELTA)
		memcpy(&most, job->descriptor.specific, sizeof(most));
	if (!job->record.status || job->record.bytes > most || job->record.bytes != job->done)
		abort();
}

/* Budget u16 in units of 16 bytes, a descriptor with near addresses. */
static void submit(struct input *input)
{
	const struct dsa_limits limits = {
		.max_transfer = UINT64_C(1) << 31, .opcodes = {UINT64_MAX}, .block_on_fault = true};
	size_t budget = 16 * (1 + (size_t)take(input, 2));
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	struct dsa_descriptor descriptor;
	struct dsa_job job;

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)take(input, 1);
	dsa_descriptor_decode(raw, &descriptor);
	if (dsa_job_begin(&job, &descriptor, &limits)) {
		run_job(&job, budget);
		check_end(&job);
	} else if (!job.record.status || job.record.bytes) {
		abort();
	}
	dsa_record_encode(&job.record, raw);
}

static void check_guards(void)
{
	const uint8_t *behind = target.memory + GUARD + PAGES * PAGE;

	for (size_t i = 0; i < GUARD; i++) {
		if (target.memory[i] || behind[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};

	if (!target.memory)
		make_world();
	memset(target.memory, 0, PAGES * PAGE + 2 * GUARD);
	unmap_all();
	while (input.left) {
		switch (take(&input, 1) % 4) {
		case 0:
			map(&input);
			break;
		case 1:
			paint(&input);
			break;
		case 2:
			write_bytes(&input);
			break;
		default:
			submit(&input);
		}
	}
	check_guards();
	return 0;
}
