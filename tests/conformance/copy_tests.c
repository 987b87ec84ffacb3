/* SPDX-License-Identifier: BSD-2-Clause */
/* The memcpy contract: the device moves the right bytes, and reaches nothing but what is mapped. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES	(256u * 1024)
#define SINGLES 12u

/* A source and a destination of the same size, with a copy of what they should hold. */
struct rig {
	struct suite *suite;
	uint8_t *source, *destination;
	uint64_t source_iova, destination_iova;
	size_t bytes;
	uint8_t expected[BYTES];
};

static struct rig rig;

static void check_destination(void)
{
	check(!memcmp(rig.destination, rig.expected, rig.bytes));
}

static void begin(struct suite *suite, uint8_t *source, uint64_t source_iova, uint8_t *destination,
		  uint64_t destination_iova, size_t bytes)
{
	check(bytes <= BYTES);
	rig.suite = suite;
	rig.source = source;
	rig.source_iova = source_iova;
	rig.destination = destination;
	rig.destination_iova = destination_iova;
	rig.bytes = bytes;
	harness_fill(source, bytes);
	memset(destination, 0xa5, bytes);
	memset(rig.expected, 0xa5, bytes);
}

/* The two in memory of their own. */
static void map_both(struct suite *suite, struct suite_memory *source,
		     struct suite_memory *destination, size_t bytes)
{
	suite_map(suite, source, bytes, UMD_DRIVER_DMA_READ);
	suite_map(suite, destination, bytes, SUITE_BOTH);
	begin(suite, source->bytes, source->iova, destination->bytes, destination->iova, bytes);
}

static void copy(size_t from, size_t to, size_t bytes)
{
	must(suite_copy(rig.suite, rig.source_iova + from, rig.destination_iova + to, bytes));
	memcpy(rig.expected + to, rig.source + from, bytes);
}

/* Of any size, from anywhere to anywhere. */
static void copy_at_random(void)
{
	size_t most = rig.suite->kind->copy_max < rig.bytes ? rig.suite->kind->copy_max : rig.bytes;
	size_t bytes = 1 + harness_random((uint32_t)most);

	copy(harness_random((uint32_t)(rig.bytes - bytes + 1)),
	     harness_random((uint32_t)(rig.bytes - bytes + 1)), bytes);
}

/* ---- Copies -------------------------------------------------------------------------------- */

static void test_singles(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	suite_kind(suite);
	map_both(suite, &source, &destination, BYTES);
	copy(0, 0, 1);
	copy(SUITE_PAGE - 1, 3, 2);
	copy(0, 0, suite->kind->copy_max < BYTES ? suite->kind->copy_max : BYTES);
	check_destination();
	for (unsigned int i = 0; i < SINGLES; i++) {
		copy_at_random();
		check_destination();
	}
	suite_unmap(suite, &source);
	suite_unmap(suite, &destination);
}

static void test_storm(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	suite_kind(suite);
	map_both(suite, &source, &destination, BYTES);
	for (unsigned int i = 0; i < suite->kind->storm; i++)
		copy_at_random();
	check_destination();
	suite_unmap(suite, &source);
	suite_unmap(suite, &destination);
}

/* Copies of a batch go to pieces of the destination of their own. */
static void copy_a_batch(struct suite *suite)
{
	struct kind_copy copies[64];
	unsigned int most = suite->kind->batch_max < 64 ? suite->kind->batch_max : 64;
	unsigned int count = 2 + harness_random(most - 1);
	size_t room = rig.bytes / count;

	for (unsigned int i = 0; i < count; i++) {
		size_t bytes = 1 + harness_random((uint32_t)room);
		size_t from = harness_random((uint32_t)(rig.bytes - bytes + 1)), to = i * room;

		copies[i] = (struct kind_copy){rig.source_iova + from, rig.destination_iova + to,
					       bytes};
		memcpy(rig.expected + to, rig.source + from, bytes);
	}
	suite->kind->memcpy_batch(suite, copies, count);
	must(suite->kind->memcpy_wait(suite));
}

static void test_batches(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	if (!suite_kind(suite)->memcpy_batch)
		harness_skip("the device takes no batches");
	map_both(suite, &source, &destination, BYTES);
	for (unsigned int i = 0; i < suite->kind->storm / 10; i++)
		copy_a_batch(suite);
	check_destination();
	suite_unmap(suite, &source);
	suite_unmap(suite, &destination);
}

/* Pages that lie the other way round in memory. */
static void test_between_maps(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_buffer *buffer;
	struct umd_driver_map *maps[8];
	struct umd_driver_dma dma = {.size = sizeof(dma),
				     .flags = SUITE_BOTH | UMD_DRIVER_DMA_FIXED};
	struct umd_driver_dma_limits limits;
	uint64_t base, iova;

	suite_kind(suite);
	suite_dma_limits(suite, &limits);
	must(umd_driver_buffer_create(sizeof(maps) / sizeof(maps[0]) * SUITE_PAGE, 0, &buffer));
	base = suite_iova(suite, buffer->bytes);
	dma.bytes = SUITE_PAGE;
	dma.fd = buffer->fd;
	for (unsigned int i = 0; i < 8; i++) { /* the pages the other way round */
		dma.fd_offset = (uint64_t)(7 - i) * SUITE_PAGE;
		dma.address = (uint8_t *)buffer->address + dma.fd_offset;
		dma.iova = base + (uint64_t)i * SUITE_PAGE;
		must(umd_driver_dma_map(suite->driver, &dma, &maps[i], &iova));
	}
	harness_fill(buffer->address, buffer->bytes);
	must(suite_copy(suite, base + SUITE_PAGE - 8, base + 5 * SUITE_PAGE - 8, 16));
	check(!memcmp((uint8_t *)buffer->address + 4 * SUITE_PAGE - 8,
		      (uint8_t *)buffer->address + 8 * SUITE_PAGE - 8, 8));
	check(!memcmp((uint8_t *)buffer->address + 2 * SUITE_PAGE,
		      (uint8_t *)buffer->address + 6 * SUITE_PAGE, 8));
	for (unsigned int i = 0; i < 8; i++)
		must(umd_driver_dma_unmap(suite->driver, maps[i]));
	umd_driver_buffer_destroy(buffer);
}

/* ---- Kinds of memory ----------------------------------------------------------------------- */

static void copy_within(struct suite *suite, uint8_t *memory, size_t bytes, int fd)
{
	struct umd_driver_dma dma = {.size = sizeof(dma),
				     .address = memory,
				     .bytes = bytes,
				     .fd = fd,
				     .flags = SUITE_BOTH};
	struct umd_driver_map *map;
	size_t half = bytes / 2 < BYTES ? bytes / 2 : BYTES;
	uint64_t iova;

	must(suite_map_dma(suite, &dma, &map, &iova));
	begin(suite, memory, iova, memory + bytes - half, iova + bytes - half, half);
	for (unsigned int i = 0; i < SINGLES; i++)
		copy_at_random();
	check_destination();
	must(umd_driver_dma_unmap(suite->driver, map));
}

static void test_without_file(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma_limits limits;
	void *memory;

	suite_need_messages(suite);
	suite_dma_limits(suite, &limits);
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	copy_within(suite, memory, BYTES, -1);
	munmap(memory, BYTES);
}

static void test_huge(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_buffer *buffer;
	struct umd_driver_dma_limits limits;
	int err;

	suite_kind(suite);
	suite_dma_limits(suite, &limits);
	err = umd_driver_buffer_create(SUITE_PAGE, UMD_DRIVER_BUFFER_HUGE, &buffer);
	if (err == -ENOMEM)
		harness_skip("there are no huge pages left");
	must(err);
	check(buffer->bytes > SUITE_PAGE);
	copy_within(suite, buffer->address, buffer->bytes, buffer->fd);
	umd_driver_buffer_destroy(buffer);
}

/* ---- What is not mapped -------------------------------------------------------------------- */

/* A copy that cannot be: where the device tells faults, this is one. */
static void copy_in_vain(struct suite *suite, uint64_t source, uint64_t destination, size_t bytes)
{
	int err = suite_copy(suite, source, destination, bytes);

	if (suite->kind->tells_faults)
		check_is(err, -EFAULT);
}

static bool filled_with(const uint8_t *bytes, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

/* The bytes of a map that is gone do not arrive, and the device works on. */
static void test_source(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	suite_kind(suite);
	suite_map(suite, &source, SUITE_PAGE, SUITE_BOTH);
	suite_map(suite, &destination, SUITE_PAGE, SUITE_BOTH);
	memset(source.bytes, 0x5a, SUITE_PAGE);
	must(suite_copy(suite, source.iova, destination.iova, 64));
	check(filled_with(destination.bytes, 64, 0x5a));

	memset(source.bytes, 0x77, SUITE_PAGE);
	must(umd_driver_dma_unmap(suite->driver, source.map));
	copy_in_vain(suite, source.iova, destination.iova, 64);
	check(!memchr(destination.bytes, 0x77, SUITE_PAGE));

	memset(destination.bytes, 0x11, 64);
	must(suite_copy(suite, destination.iova, destination.iova + 128, 64));
	check(filled_with(destination.bytes + 128, 64, 0x11));
	umd_driver_buffer_destroy(source.buffer);
	suite_unmap(suite, &destination);
}

static void test_destination(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	suite_kind(suite);
	suite_map(suite, &source, SUITE_PAGE, SUITE_BOTH);
	suite_map(suite, &destination, SUITE_PAGE, SUITE_BOTH);
	memset(source.bytes, 0x5a, SUITE_PAGE);
	must(umd_driver_dma_unmap(suite->driver, destination.map));
	copy_in_vain(suite, source.iova, destination.iova, 64);
	check(filled_with(destination.bytes, SUITE_PAGE, 0));

	must(suite_copy(suite, source.iova, source.iova + 128, 64));
	umd_driver_buffer_destroy(destination.buffer);
	suite_unmap(suite, &source);
}

/* Maps that allow one direction. */
static void test_read_only(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	suite_kind(suite);
	suite_map(suite, &source, SUITE_PAGE, UMD_DRIVER_DMA_READ);
	suite_map(suite, &destination, SUITE_PAGE, UMD_DRIVER_DMA_READ);
	memset(source.bytes, 0x5a, SUITE_PAGE);
	copy_in_vain(suite, source.iova, destination.iova, 64);
	check(filled_with(destination.bytes, SUITE_PAGE, 0));
	suite_unmap(suite, &source);
	suite_unmap(suite, &destination);
}

static void test_beyond(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory memory;

	suite_kind(suite);
	(void)suite_iova(suite, SUITE_PAGE); /* nothing lies before it */
	suite_map(suite, &memory, 2 * SUITE_PAGE, SUITE_BOTH);
	suite->next_iova += 16 * SUITE_PAGE; /* nor behind it */
	copy_in_vain(suite, memory.iova + memory.size - 16, memory.iova, 32);
	copy_in_vain(suite, memory.iova, memory.iova + memory.size - 16, 32);
	memset(memory.bytes, 0x3c, 64);
	must(suite_copy(suite, memory.iova, memory.iova + SUITE_PAGE, 64));
	check(filled_with(memory.bytes + SUITE_PAGE, 64, 0x3c));
	suite_unmap(suite, &memory);
}

static void test_master(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory memory;
	int err;

	suite_kind(suite);
	suite_map(suite, &memory, SUITE_PAGE, SUITE_BOTH);
	memset(memory.bytes, 0x5a, 64);
	suite_command(suite, true, false);
	err = suite_copy(suite, memory.iova, memory.iova + 2048, 64);
	check(err || !suite->kind->tells_faults);
	check(filled_with(memory.bytes + 2048, 64, 0));
	suite_command(suite, true, true);
	must(suite_copy(suite, memory.iova, memory.iova + 2048, 64));
	check(filled_with(memory.bytes + 2048, 64, 0x5a));
	suite_unmap(suite, &memory);
}

/* ---- While it goes on ---------------------------------------------------------------------- */

/* Maps come and go beside a storm: it is not disturbed. */
static void test_maps_meanwhile(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct suite_memory source, destination;

	suite_kind(suite);
	map_both(suite, &source, &destination, 64 * 1024);
	for (unsigned int i = 0; i < suite->kind->storm / 4; i++) {
		size_t bytes = 1 + harness_random((uint32_t)suite->kind->copy_max / 2);
		struct suite_memory other;

		suite->kind->memcpy_start(suite, source.iova, destination.iova, bytes);
		suite_map(suite, &other, SUITE_PAGE, SUITE_BOTH);
		suite_unmap(suite, &other);
		must(suite->kind->memcpy_wait(suite));
		memcpy(rig.expected, source.bytes, bytes);
	}
	check_destination();
	suite_unmap(suite, &source);
	suite_unmap(suite, &destination);
}

/* Memory may go in the middle of a copy: it ends, one way or the other, and so does the unmap. */
static void test_unmap_meanwhile(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma dma = {.size = sizeof(dma), .fd = -1, .flags = SUITE_BOTH};
	struct umd_driver_dma_limits limits;
	uint8_t *memory;

	suite_need_messages(suite);
	suite_dma_limits(suite, &limits);
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	dma.address = memory;
	dma.bytes = BYTES;
	for (unsigned int i = 0; i < suite->kind->storm / 10; i++) {
		struct umd_driver_map *map;
		uint64_t iova;
		int err;

		must(suite_map_dma(suite, &dma, &map, &iova));
		suite->kind->memcpy_start(suite, iova, iova + BYTES / 2, suite->kind->copy_max);
		must(umd_driver_dma_unmap(suite->driver, map));
		memset(memory, 0, BYTES);
		err = suite->kind->memcpy_wait(suite);
		check(err == 0 || err == -EFAULT);
		check(filled_with(memory, BYTES, 0)); /* nothing came later */
	}
	munmap(memory, BYTES);
}

/* ---- The dirty log ------------------------------------------------------------------------- */

static void test_dirty(void *context, unsigned int argument)
{
	struct suite *suite = context;
	struct umd_driver_dma_limits limits;
	struct suite_memory memory;
	uint64_t bits = 0;

	suite_dma_limits(suite, &limits);
	if (!(limits.flags & UMD_DRIVER_DMA_HAS_DIRTY)) {
		check(umd_driver_dirty_start(suite->driver, NULL, 0, SUITE_PAGE) < 0);
		harness_skip("there is no dirty log");
	}
	suite_kind(suite);
	suite_map(suite, &memory, 8 * SUITE_PAGE, SUITE_BOTH);
	must(umd_driver_dirty_start(
		suite->driver,
		&(struct umd_driver_dma_range){memory.iova, memory.iova + memory.size - 1}, 1,
		SUITE_PAGE));
	must(suite_copy(suite, memory.iova, memory.iova + 3 * SUITE_PAGE + 100, 64));
	must(umd_driver_dirty_report(suite->driver, memory.iova, memory.size, SUITE_PAGE, &bits));
	check_is(bits, 1 << 3);
	bits = 0;
	must(umd_driver_dirty_report(suite->driver, memory.iova, memory.size, SUITE_PAGE, &bits));
	check_is(bits, 0);
	must(umd_driver_dirty_stop(suite->driver));
	suite_unmap(suite, &memory);
}

const struct harness_test copy_tests[] = {
	{"copies of any size arrive, and nothing beside them", test_singles, 0},
	{"a storm of copies arrives", test_storm, 0},
	{"a storm of batches arrives", test_batches, 0},
	{"a copy goes over the borders of maps", test_between_maps, 0},
	{"memory without a file is copied", test_without_file, 0},
	{"huge pages are copied", test_huge, 0},
	{"a source that is not mapped is not read", test_source, 0},
	{"a destination that is not mapped is not written", test_destination, 0},
	{"a map that may only be read is not written", test_read_only, 0},
	{"a copy beyond the end of a map fails", test_beyond, 0},
	{"nothing is copied while bus mastering is off", test_master, 0},
	{"maps come and go while copies are under way", test_maps_meanwhile, 0},
	{"memory goes while a copy is under way", test_unmap_meanwhile, 0},
	{"the dirty log has what was written", test_dirty, 0},
	{0},
};
