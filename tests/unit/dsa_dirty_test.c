/* SPDX-License-Identifier: BSD-2-Clause */
/* The dirty log of what the accelerator's jobs write: all that changed, and nothing else. */
#include "dsa_jobs.h"

#include "dma/space.h"

static struct world world;
static uint8_t before[PAGES * PAGE], after[PAGES * PAGE];

static int setup(void **state)
{
	uint64_t random = 11;

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

/* A bit for each page that differs. */
static uint64_t changed(void)
{
	uint64_t bits = 0;

	world_copy(&world, after);
	for (unsigned int i = 0; i < PAGES; i++) {
		if (memcmp(before + (size_t)i * PAGE, after + (size_t)i * PAGE, PAGE) != 0)
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

/* What is logged of a job, which is all that changed. */
static uint64_t run_logged(const uint8_t *raw, size_t budget)
{
	const struct umd_dma_range range = {WORLD, (uint64_t)PAGES * PAGE};
	struct dsa_job job;
	uint64_t bits = 0;

	world_scatter(&world, before);
	assert_int_equal(umd_dma_space_start_log(world.space, &range, 1, PAGE), 0);
	assert_true(run_job(&world, &job, raw, budget));
	umd_dma_space_report_log(world.space, &range, PAGE, (uint8_t *)&bits);
	umd_dma_space_stop_log(world.space);
	assert_int_equal(bits, changed());
	return bits;
}

static void test_pages_that_jobs_write_are_logged(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(job_makers); i++) {
		uint8_t raw[64];

		job_makers[i](raw);
		assert_true(run_logged(raw, SIZE_MAX));
		assert_true(run_logged(raw, 3000));
	}
}

static void test_pages_written_before_a_fault_are_logged(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(job_makers); i++) {
		uint8_t raw[64];

		world_remap(&world, 27, UMD_DMA_READ);
		world_remap(&world, 8, UMD_DMA_READ);
		job_makers[i](raw);
		run_logged(raw, SIZE_MAX);
	}
}

/* Entries far apart: the pages between them are not written. */
static void test_a_delta_record_writes_few_pages(void **state)
{
	static const uint16_t offsets[] = {0, 3, 511, 512, 5000};
	uint8_t raw[64];

	for (unsigned int i = 0; i < UNIT_COUNT(offsets); i++) {
		put(before, i * 10, 2, offsets[i]);
		put(before, i * 10 + 2, 8, 0x0123456789abcdef);
	}
	make(raw, DSA_APPLY_DELTA, FLAGS, WORLD, WORLD + 10 * PAGE, 20 * PAGE);
	put(raw, 40, 4, UNIT_COUNT(offsets) * 10);
	assert_int_equal(run_logged(raw, SIZE_MAX), UINT64_C(0x203) << 10);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_pages_that_jobs_write_are_logged),
		WITH_WORLD(test_pages_written_before_a_fault_are_logged),
		WITH_WORLD(test_a_delta_record_writes_few_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
