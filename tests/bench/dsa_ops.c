// SPDX-License-Identifier: BSD-2-Clause
/*
 * Operations of the software DSA, as bare jobs in a space, beside what they cannot do without:
 * libc's functions, and checksums by ISA-L where it was found.
 *
 * usage: dsa_ops MILLISECONDS OPERATION SIZE KIB ours|floor|both
 *        dsa_ops isal
 *
 * Ranges of SIZE bytes are taken one after the other out of KIB of memory for each of a job's
 * ranges, so that KIB decides which cache they are in. The floor of copy-crc is the two passes on
 * their own, that of dif-insert ISA-L's copy with checksum. Prints nanoseconds per job; of both,
 * done in turns, also the floor's, and the median of the floor's share. The second prints whether
 * the checksums of floors are ISA-L's.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#ifdef DSA_ISAL
#include <isa-l/crc.h>
#endif

#include "dsa/crc.h"
#include "dsa/job.h"

#define BATCHES	 65536u
#define BATCH_NS 200000u /* about how long one takes */
#define RANGES	 3u
#define IOVA	 UINT64_C(0x100000000)
#define BLOCK	 512u /* of DIF */

struct bench {
	struct umd_dma_reader *reader;
	uint8_t *ranges[RANGES];
	size_t size, memory, at, stride;
	struct dsa_limits limits;
	uint8_t raw[DSA_DESCRIPTOR_SIZE];
	unsigned int sum; /* what a floor has computed */
};

typedef void floor_fn(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c);

struct operation {
	const char *name;
	uint8_t opcode;
	uint32_t flags;
	floor_fn *floor;
	unsigned int ranges; /* the first ones, that it has memory in */
};

/* ---- Floors -------------------------------------------------------------------------------- */

static uint32_t crc32c(const uint8_t *from, size_t size)
{
#ifdef DSA_ISAL
	return crc32_iscsi((unsigned char *)(uintptr_t)from, (int)size, 0);
#else
	return dsa_crc32c_by_table(0, from, size);
#endif
}

static uint16_t copy_block(uint8_t *to, uint8_t *from)
{
#ifdef DSA_ISAL
	return crc16_t10dif_copy(0, to, from, BLOCK);
#else
	memcpy(to, from, BLOCK);
	return dsa_crc16_by_table(0, from, BLOCK);
#endif
}

static void floor_nop(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
}

static void floor_move(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	memcpy(b, a, bench->size);
}

static void floor_fill(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	memset(b, 0x55, bench->size);
}

static void floor_compare(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	bench->sum += (unsigned int)memcmp(a, b, bench->size);
}

static void floor_dualcast(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	memcpy(b, a, bench->size);
	memcpy(c, a, bench->size);
}

static void floor_crc(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	bench->sum += crc32c(a, bench->size);
}

static void floor_copy_crc(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	memcpy(b, a, bench->size);
	bench->sum += crc32c(b, bench->size);
}

static void floor_insert(struct bench *bench, uint8_t *a, uint8_t *b, uint8_t *c)
{
	size_t blocks = bench->size / BLOCK;

	for (size_t i = 0; i < blocks; i++) {
		uint64_t field = copy_block(b + i * (BLOCK + 8), a + i * BLOCK);

		memcpy(b + i * (BLOCK + 8) + BLOCK, &field, sizeof(field));
	}
}

/* The last argument of CRC: as many bytes, since a job of one kind must have the right fields. */
static const struct operation operations[] = {
	{"nop", DSA_NOP, 0, floor_nop, 1},
	{"move", DSA_MOVE, 0, floor_move, 2},
	{"fill", DSA_FILL, 0, floor_fill, 2},
	{"fill-word", DSA_FILL, 0, floor_fill, 2},
	{"compare", DSA_COMPARE, 0, floor_compare, 2},
	{"compare-pattern", DSA_COMPARE_PATTERN, 0, floor_compare, 2},
	{"dualcast", DSA_DUALCAST, 0, floor_dualcast, 3},
	{"create-delta", DSA_CREATE_DELTA, 0, floor_compare, 3},
	{"crc", DSA_CRC, 0, floor_crc, 1},
	{"crc-msb", DSA_CRC, 1u << 18, floor_crc, 1},
	{"copy-crc", DSA_COPY_CRC, 0, floor_copy_crc, 2},
	{"dif-insert", DSA_DIF_INSERT, 0, floor_insert, 2},
};

/* ---- Jobs ---------------------------------------------------------------------------------- */

static void put(uint8_t *raw, unsigned int at, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++, value >>= 8)
		raw[at + i] = (uint8_t)value;
}

static uint64_t address(const struct bench *bench, unsigned int range)
{
	return IOVA + range * UINT64_C(0x40000000) + bench->at;
}

static void make(struct bench *bench, const struct operation *operation)
{
	bool is_word = !strcmp(operation->name, "fill-word");
	uint8_t *raw = bench->raw;

	put(raw, 4, 3, DSA_FLAG_CRAV | DSA_FLAG_RCR | operation->flags);
	raw[7] = operation->opcode;
	if (operation->opcode != DSA_NOP)
		put(raw, 32, 4, bench->size);
	if (operation->opcode == DSA_FILL)
		put(raw, 16, 8, is_word ? 0x123456789abcdef0 : 0x5555555555555555);
	if (operation->opcode == DSA_CREATE_DELTA)
		put(raw, 48, 4, 80);
}

/* The addresses of the next ranges, where the operation has some. */
static void point(struct bench *bench)
{
	uint8_t opcode = bench->raw[7];

	if (opcode != DSA_FILL && opcode != DSA_NOP)
		put(bench->raw, 16, 8, address(bench, 0));
	if (opcode != DSA_CRC && opcode != DSA_COMPARE_PATTERN && opcode != DSA_NOP)
		put(bench->raw, 24, 8, address(bench, 1));
	if (opcode == DSA_DUALCAST || opcode == DSA_CREATE_DELTA)
		put(bench->raw, 40, 8, address(bench, 2));
}

static void advance(struct bench *bench)
{
	bench->at += bench->stride;
	if (bench->at + bench->stride > bench->memory)
		bench->at = 0;
}

static void run_ours(struct bench *bench, unsigned int count)
{
	while (count--) {
		struct dsa_descriptor descriptor;
		struct dsa_job job;
		size_t cost;

		point(bench);
		dsa_descriptor_decode(bench->raw, &descriptor);
		if (dsa_job_begin(&job, &descriptor, &bench->limits)) {
			while (!dsa_job_step(&job, bench->reader, SIZE_MAX, &cost))
				;
		}
		if (job.record.status != DSA_OK)
			errx(1, "status %#x", job.record.status);
		advance(bench);
	}
}

static void run_floor(struct bench *bench, const struct operation *operation, unsigned int count)
{
	while (count--) {
		operation->floor(bench, bench->ranges[0] + bench->at, bench->ranges[1] + bench->at,
				 bench->ranges[2] + bench->at);
		__asm__ volatile("" ::: "memory");
		advance(bench);
	}
}

/* ---- Times --------------------------------------------------------------------------------- */

static double samples[3][BATCHES]; /* ours, the floor's, its share */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double time_batch(struct bench *bench, const struct operation *operation, bool ours,
			 unsigned int count)
{
	double begin = now();

	if (ours)
		run_ours(bench, count);
	else
		run_floor(bench, operation, count);
	return (now() - begin) / count;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void measure(struct bench *bench, const struct operation *operation, double milliseconds,
		    const char *which)
{
	bool ours = strcmp(which, "floor") != 0, floors = strcmp(which, "ours") != 0;
	double once = time_batch(bench, operation, ours, 10), end = now() + milliseconds * 1e6;
	unsigned int count = once > BATCH_NS ? 1 : (unsigned int)(BATCH_NS / (once + 1)) + 1;
	size_t n = 0;

	for (; n < BATCHES && (!n || now() < end); n++) {
		if (ours)
			samples[0][n] = time_batch(bench, operation, true, count);
		if (floors)
			samples[1][n] = time_batch(bench, operation, false, count);
		samples[2][n] = samples[1][n] / (samples[0][n] + 0.001);
	}
	printf("ns=%.1f", median(samples[ours ? 0 : 1], n));
	if (ours && floors)
		printf(" floor=%.1f share=%.3f", median(samples[1], n), median(samples[2], n));
	printf(" batches=%zu\n", n);
}

/* ---- The space ----------------------------------------------------------------------------- */

static void map(struct bench *bench, struct umd_dma_space *space, unsigned int range)
{
	size_t size = (bench->memory + bench->size / 8 + 8192) & ~(size_t)4095;
	struct umd_dma_change change = {.iova = IOVA + range * UINT64_C(0x40000000),
					.size = size,
					.prot = UMD_DMA_READ | UMD_DMA_WRITE,
					.kind = UMD_DMA_BY_ADDRESS};
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "memory");
	memset(memory, 0, size);
	bench->ranges[range] = memory;
	change.address = memory;
	if (umd_dma_space_change(space, &change, 1, NULL))
		errx(1, "range %u is not mapped", range);
}

/* What a floor is given of the other ranges is no address that it uses. */
static void open_space(struct bench *bench, unsigned int ranges)
{
	const struct umd_dma_space_options options = {.size = sizeof(options), .owner = 1};
	struct umd_dma_space *space;

	if (umd_dma_space_create(&options, &space) ||
	    umd_dma_reader_create(space, 0, &bench->reader))
		errx(1, "no space");
	for (unsigned int i = 0; i < ranges; i++)
		map(bench, space, i);
	for (unsigned int i = ranges; i < RANGES; i++)
		bench->ranges[i] = bench->ranges[0];
}

static const struct operation *find(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	}
	errx(2, "no operation '%s'", name);
}

static int tell_isal(void)
{
#ifdef DSA_ISAL
	puts("isal=1");
#else
	puts("isal=0");
#endif
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench bench = {
		.limits = {.max_transfer = UINT64_C(1) << 31, .opcodes = {UINT64_MAX}}};
	const struct operation *operation;

	if (argc == 2 && !strcmp(argv[1], "isal"))
		return tell_isal();
	if (argc != 6)
		errx(2, "usage: dsa_ops MILLISECONDS OPERATION SIZE KIB ours|floor|both");
	operation = find(argv[2]);
	bench.size = strtoul(argv[3], NULL, 0);
	bench.memory = strtoul(argv[4], NULL, 0) * 1024;
	bench.stride = bench.size + (bench.size / BLOCK + 1) * 8;
	bench.stride = (bench.stride + 63) & ~(size_t)63;
	if (!bench.size || bench.memory > (size_t)512 << 20)
		errx(2, "a size is missing, or too large");
	open_space(&bench, operation->ranges);
	make(&bench, operation);
	measure(&bench, operation, strtod(argv[1], NULL), argv[5]);
	return 0;
}
