/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that its owner cuts short under a job: a fault, and nothing of what the job has kept is
 * made of bytes that were never there. In children, since cmocka takes SIGBUS for itself.
 */
#include "child.h"
#include "dsa_jobs.h"

static struct world world;

static void init(void)
{
	world_init(&world, PAGES);
	for (unsigned int i = 0; i < PAGES; i++)
		world_map(&world, i, RIGHTS_ALL);
	memset(world.memory, 0x3c, (size_t)PAGES * PAGE);
}

static bool is_fault(const struct dsa_job *job)
{
	return (job->record.status & ~DSA_FAULT_WRITE) == DSA_FAULT;
}

static void cut_short(void)
{
	for (unsigned int i = 0; i < UNIT_COUNT(job_makers); i++) {
		struct dsa_job job;
		uint8_t raw[64];

		init();
		EXPECT(ftruncate(world.fd, 0) == 0);
		job_makers[i](raw);
		EXPECT(run_job(&world, &job, raw, 5000));
		EXPECT(is_fault(&job));
		EXPECT(job.record.bytes == 0);
		world_finish(&world);
	}
}

static void test_what_is_cut_off_is_a_fault(void **state)
{
	child_expect_success(cut_short);
}

static uint8_t good[16 * PAGE];

/* Elsewhere, and not in the file. */
static uint64_t map_good(void)
{
	const struct umd_dma_change map = {.iova = UINT64_C(1) << 40,
					   .size = sizeof(good),
					   .prot = RIGHTS_ALL,
					   .kind = UMD_DMA_BY_ADDRESS,
					   .address = good};

	EXPECT(umd_dma_space_change(world.space, &map, 1, NULL) == 0);
	return map.iova;
}

/* Two pages are copied, then the destination is gone: the checksum is that of the two. */
static void lose_destination(void)
{
	struct dsa_descriptor descriptor;
	struct dsa_job job, two;
	uint8_t raw[64];
	size_t cost;
	uint64_t from;

	init();
	from = map_good();
	make(raw, DSA_COPY_CRC, FLAGS, from, WORLD, 8 * PAGE);
	dsa_descriptor_decode(raw, &descriptor);
	EXPECT(dsa_job_begin(&job, &descriptor, &world.limits));
	EXPECT(!dsa_job_step(&job, world.reader, 2 * PAGE, &cost));
	EXPECT(ftruncate(world.fd, 0) == 0);
	EXPECT(dsa_job_step(&job, world.reader, 2 * PAGE, &cost));
	EXPECT(job.record.status == (DSA_FAULT | DSA_FAULT_WRITE));
	EXPECT(job.record.bytes == 2 * PAGE);
	EXPECT(job.record.fault_address == WORLD + 2 * PAGE);

	make(raw, DSA_CRC, FLAGS, from, 0, 2 * PAGE);
	EXPECT(run_job(&world, &two, raw, SIZE_MAX));
	EXPECT(!memcmp(job.record.specific, two.record.specific, 4));
	world_finish(&world);
}

static void test_a_piece_that_was_lost_does_not_count(void **state)
{
	child_expect_success(lose_destination);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_cut_off_is_a_fault),
		cmocka_unit_test(test_a_piece_that_was_lost_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
