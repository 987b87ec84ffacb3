/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page faults of the accelerator's jobs: at every page of every range, found exactly, and resumed.
 */
#include "dsa_jobs.h"

static struct world world;
static uint8_t before[PAGES * PAGE], expected[PAGES * PAGE], after[PAGES * PAGE];

static int setup(void **state)
{
	uint64_t random = 5;

	world_init(&world, PAGES);
	for (unsigned int i = 0; i < PAGES; i++)
		world_map(&world, i, RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(before); i++)
		before[i] = (uint8_t)unit_random(&random);
	world_scatter(&world, before);
	return 0;
}

static int teardown(void **state)
{
	world_finish(&world);
	return 0;
}

/* ---- Every page missing, once -------------------------------------------------------------- */

static bool is_fault(const struct dsa_job *job)
{
	return (job->record.status & ~DSA_FAULT_WRITE) == DSA_FAULT;
}

/*
 * A job finds a page missing, is told that it came, and goes on: in the end nothing is different
 * from a job that found all there. Returns whether it found it missing.
 */
static bool run_with_missing(const uint8_t *raw, unsigned int page, uint8_t rights, size_t budget,
			     const struct dsa_record *whole)
{
	struct dsa_job job;
	bool faulted;

	world_scatter(&world, before);
	world_remap(&world, page, rights);
	assert_true(run_job(&world, &job, raw, budget));
	faulted = is_fault(&job);
	if (faulted) {
		assert_int_equal((job.record.fault_address - WORLD) / PAGE, page);
		assert_int_equal(!!(job.record.status & DSA_FAULT_WRITE), rights == UMD_DMA_READ);
		world_remap(&world, page, RIGHTS_ALL);
		finish_job(&world, &job, budget);
	} else {
		world_remap(&world, page, RIGHTS_ALL);
	}
	assert_memory_equal(&job.record, whole, sizeof(*whole));
	world_copy(&world, after);
	assert_memory_equal(after, expected, sizeof(after));
	return faulted;
}

static void test_a_job_goes_on_when_the_page_has_come(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(job_makers); i++) {
		struct dsa_record whole;
		struct dsa_job job;
		uint8_t raw[64];
		unsigned int faults = 0;

		job_makers[i](raw);
		world_scatter(&world, before);
		assert_true(run_job(&world, &job, raw, SIZE_MAX));
		assert_int_equal(job.record.status, DSA_OK);
		whole = job.record;
		world_copy(&world, expected);
		for (unsigned int page = 0; page < PAGES; page++) {
			faults += run_with_missing(raw, page, UMD_DMA_READ, SIZE_MAX, &whole);
			faults += run_with_missing(raw, page, UMD_DMA_WRITE, 5000, &whole);
		}
		assert_true(faults >= 10);
	}
}

/* ---- Where exactly ------------------------------------------------------------------------- */

static void check_fault(const struct dsa_job *job, uint8_t status, uint64_t address, uint32_t bytes)
{
	assert_int_equal(job->record.status, status);
	assert_int_equal(job->record.fault_address, address);
	assert_int_equal(job->record.bytes, bytes);
}

static void test_a_fault_tells_what_is_done(void **state)
{
	struct dsa_job job;
	uint8_t raw[64];

	make_move(raw);
	world_unmap(&world, 22);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x83, WORLD + 22 * PAGE, 2 * PAGE - 500);
	assert_int_equal(job.record.result, 0);

	world_unmap(&world, 1);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x03, WORLD + PAGE, PAGE - 100);

	world_unmap(&world, 0);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x03, FROM, 0);
}

/* Backwards, the first address that is missing is the page's last. */
static void test_a_move_backwards_says_so(void **state)
{
	struct dsa_job job;
	uint8_t raw[64];

	make_move_backwards(raw);
	world_unmap(&world, 9);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x03, WORLD + 10 * PAGE - 1,
		    (uint32_t)(FROM + SIZE - (WORLD + 10 * PAGE)));
	assert_int_equal(job.record.result, 1);
}

static void test_whole_blocks_are_done_before_a_fault(void **state)
{
	struct dsa_job job;
	uint8_t raw[64];

	make_insert(raw);
	world_unmap(&world, 3);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x03, WORLD + 3 * PAGE, (3 * PAGE - 100) / 520 * 520);
	assert_int_equal(job.record.specific[8] + 256 * job.record.specific[9],
			 1000 + (3 * PAGE - 100) / 520);
}

static void test_a_checksum_of_what_was_read_goes_on(void **state)
{
	struct dsa_job job, rest, whole;
	uint8_t raw[64];

	make(raw, DSA_CRC, FLAGS, FROM, 0, SIZE);
	put(raw, 40, 4, 0x12345678);
	assert_true(run_job(&world, &whole, raw, SIZE_MAX));
	world_unmap(&world, 4);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x03, WORLD + 4 * PAGE, 4 * PAGE - 100);

	world_map(&world, 4, RIGHTS_ALL);
	make(raw, DSA_CRC, FLAGS, FROM + job.record.bytes, 0, SIZE - job.record.bytes);
	memcpy(raw + 40, job.record.specific, 4);
	assert_true(run_job(&world, &rest, raw, SIZE_MAX));
	assert_memory_equal(rest.record.specific, whole.record.specific, 4);
}

static void test_a_seed_can_be_missing(void **state)
{
	struct dsa_job job;
	uint8_t raw[64];

	make(raw, DSA_CRC, FLAGS | 1u << 16, FROM, 0, SIZE);
	put(raw, 48, 8, WORLD + 30 * PAGE + 16);
	world_unmap(&world, 30);
	assert_true(run_job(&world, &job, raw, SIZE_MAX));
	check_fault(&job, 0x03, WORLD + 30 * PAGE + 16, 0);

	world_map(&world, 30, UMD_DMA_READ);
	finish_job(&world, &job, SIZE_MAX);
	assert_int_equal(job.record.status, DSA_OK);
}

static void test_nothing_is_beyond_the_last_address(void **state)
{
	struct dsa_job job;
	uint8_t raw[64];
	const struct umd_dma_change map = {.iova = UINT64_MAX - PAGE + 1,
					   .size = PAGE,
					   .prot = RIGHTS_ALL,
					   .kind = UMD_DMA_BY_ADDRESS,
					   .address = before};
	const struct umd_dma_change first = {.iova = 0,
					     .size = PAGE,
					     .prot = RIGHTS_ALL,
					     .kind = UMD_DMA_BY_ADDRESS,
					     .address = after};

	assert_int_equal(umd_dma_space_change(world.space, &map, 1, NULL), 0);
	assert_int_equal(umd_dma_space_change(world.space, &first, 1, NULL), 0);
	for (size_t budget = 50; budget < 200; budget += 50) {
		make(raw, DSA_FILL, FLAGS, 0, UINT64_MAX - 99, 300);
		assert_true(run_job(&world, &job, raw, budget));
		check_fault(&job, 0x83, 0, 100);
	}
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_a_job_goes_on_when_the_page_has_come),
		WITH_WORLD(test_a_fault_tells_what_is_done),
		WITH_WORLD(test_a_move_backwards_says_so),
		WITH_WORLD(test_whole_blocks_are_done_before_a_fault),
		WITH_WORLD(test_a_checksum_of_what_was_read_goes_on),
		WITH_WORLD(test_a_seed_can_be_missing),
		WITH_WORLD(test_nothing_is_beyond_the_last_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
