/* SPDX-License-Identifier: BSD-2-Clause */
/* Transfers of many pieces, which go past the cache where the descriptor does not ask for it. */
#include "dsa_fixture.h"

#include "dsa/crc.h"

#define SIZE   (9u << 20)
#define PAGES  (2 * SIZE / PAGE + 16)
#define FLAGS  (DSA_FLAG_CRAV | DSA_FLAG_RCR)
#define BUDGET 1000003u /* no multiple of anything */

static struct world world;
static uint8_t *before;

static int setup(void **state)
{
	uint64_t random = 17, word;

	world_init(&world, PAGES);
	world_map_all(&world);
	before = malloc((size_t)PAGES * PAGE);
	assert_non_null(before);
	for (size_t i = 0; i < (size_t)PAGES * PAGE; i += sizeof(word)) {
		word = unit_random(&random);
		memcpy(before + i, &word, sizeof(word));
	}
	return 0;
}

static int teardown(void **state)
{
	free(before);
	world_finish(&world);
	return 0;
}

/* Where a range begins, and how a move of it to elsewhere should leave all memory. */
static void check_move(uint64_t from, uint64_t to, uint32_t flags)
{
	uint8_t *expected = malloc((size_t)PAGES * PAGE);
	struct dsa_job job;
	uint8_t raw[64];

	assert_non_null(expected);
	memcpy(expected, before, (size_t)PAGES * PAGE);
	memmove(expected + to, expected + from, SIZE);
	memcpy(world.memory, before, (size_t)PAGES * PAGE);
	make(raw, DSA_MOVE, FLAGS | flags, WORLD + from, WORLD + to, SIZE);
	assert_true(run_job(&world, &job, raw, BUDGET));
	assert_int_equal(job.record.status, DSA_OK);
	assert_int_equal(job.record.bytes, SIZE);
	assert_memory_equal(world.memory, expected, (size_t)PAGES * PAGE);
	free(expected);
}

static void test_large_moves(void **state)
{
	for (uint32_t flags = 0; flags <= DSA_FLAG_CC; flags += DSA_FLAG_CC) {
		check_move(5, SIZE + 70, flags);
		check_move(SIZE + 64, 0, flags);
	}
}

static void test_large_moves_that_overlap(void **state)
{
	static const uint32_t distances[] = {1, 3, 63, 64, 65, 4000, 300000};

	for (unsigned int i = 0; i < UNIT_COUNT(distances); i++) {
		check_move(10, 10 + distances[i], 0);
		check_move(10 + distances[i], 10, 0);
	}
}

static void test_large_copies_with_a_checksum(void **state)
{
	for (uint32_t flags = 0; flags <= DSA_FLAG_CC; flags += DSA_FLAG_CC) {
		uint32_t crc = 0;
		struct dsa_job job;
		uint8_t raw[64];

		memcpy(world.memory, before, (size_t)PAGES * PAGE);
		make(raw, DSA_COPY_CRC, FLAGS | flags, WORLD + 3, WORLD + SIZE + 7, SIZE);
		assert_true(run_job(&world, &job, raw, BUDGET));
		assert_int_equal(job.record.status, DSA_OK);
		assert_memory_equal(world.memory + SIZE + 7, before + 3, SIZE);
		assert_memory_equal(world.memory, before, SIZE + 7);
		memcpy(&crc, job.record.specific, sizeof(crc));
		assert_int_equal(le32toh(crc),
				 (uint32_t)~dsa_crc32c_by_table(UINT32_MAX, before + 3, SIZE));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_moves),
		cmocka_unit_test(test_large_moves_that_overlap),
		cmocka_unit_test(test_large_copies_with_a_checksum),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
