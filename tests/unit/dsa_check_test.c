/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a descriptor may say: every flag, every bit of its 64 bytes, and every limit of a queue, for
 * every opcode; beside the reference, and the codes that matter by hand.
 */
#include "dsa_fixture.h"
#include "dsa_reference.h"

#define PAGES 64u
#define FLAGS (DSA_FLAG_CRAV | DSA_FLAG_RCR)

static const uint8_t opcodes[] = {
	DSA_NOP,	  DSA_MOVE,	   DSA_FILL,	  DSA_COMPARE,	  DSA_COMPARE_PATTERN,
	DSA_CREATE_DELTA, DSA_APPLY_DELTA, DSA_DUALCAST,  DSA_CRC,	  DSA_COPY_CRC,
	DSA_DIF_CHECK,	  DSA_DIF_INSERT,  DSA_DIF_STRIP, DSA_DIF_UPDATE, DSA_CACHE_FLUSH,
};

static struct world world;
static struct ref ref;
static uint8_t image[PAGES * PAGE];

static int setup(void **state)
{
	world_init(&world, PAGES);
	world_map_all(&world);
	ref = (struct ref){.base = WORLD,
			   .pages = PAGES,
			   .bytes = image,
			   .rights = world.rights,
			   .max_transfer = world.limits.max_transfer,
			   .opcodes = world.limits.opcodes[0],
			   .may_block = true};
	return 0;
}

static int teardown(void **state)
{
	world_finish(&world);
	return 0;
}

/* A descriptor that is right, of zeroed memory. */
static void make_right(uint8_t *raw, uint8_t opcode)
{
	uint64_t from = WORLD + 8, to = WORLD + 20 * PAGE + 8;

	make(raw, opcode, FLAGS, from, to, 520 * 8);
	if (opcode == DSA_NOP)
		memset(raw + 16, 0, 20);
	if (opcode == DSA_CRC || opcode == DSA_DIF_CHECK)
		put(raw, 24, 8, 0);
	if (opcode == DSA_CACHE_FLUSH)
		put(raw, 16, 8, 0);
	if (opcode == DSA_CREATE_DELTA || opcode == DSA_DUALCAST)
		put(raw, 40, 8, WORLD + 40 * PAGE + 8);
	if (opcode == DSA_CREATE_DELTA)
		put(raw, 48, 4, 1000);
	if (opcode == DSA_APPLY_DELTA)
		put(raw, 40, 4, 10);
	if (opcode == DSA_CRC || opcode == DSA_COPY_CRC)
		put(raw, 48, 8, from);
	if (opcode == DSA_DIF_INSERT)
		raw[42] = 1;
	if (opcode == DSA_DIF_CHECK || opcode == DSA_DIF_STRIP || opcode == DSA_DIF_UPDATE)
		raw[40] = 0x80; /* the same reference tag in all blocks */
}

/* Does it both ways. Returns the status. */
static uint8_t run_both(const uint8_t *raw)
{
	uint8_t record[DSA_RECORD_SIZE];
	struct dsa_job job;

	memcpy(ref.raw, raw, sizeof(ref.raw));
	world_copy(&world, image);
	ref_run(&ref);
	run_job(&world, &job, raw, SIZE_MAX);
	dsa_record_encode(&job.record, record);
	assert_memory_equal(record, ref.record, sizeof(record));
	memset(world.memory, 0, (size_t)PAGES * PAGE);
	return job.record.status;
}

static void test_right_descriptors_are_taken(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(opcodes); i++) {
		uint8_t raw[64];

		make_right(raw, opcodes[i]);
		assert_int_equal(run_both(raw), DSA_OK);
	}
}

static void test_every_bit_of_a_descriptor_counts(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(opcodes); i++) {
		for (unsigned int bit = 0; bit < 512; bit++) {
			uint8_t raw[64];

			make_right(raw, opcodes[i]);
			raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
			run_both(raw);
		}
	}
}

static void test_every_pair_of_flags(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(opcodes); i++) {
		for (unsigned int pair = 0; pair < 24 * 24; pair++) {
			uint8_t raw[64];

			make_right(raw, opcodes[i]);
			put(raw, 4, 3, FLAGS ^ (1u << pair / 24 | 1u << pair % 24));
			run_both(raw);
		}
	}
}

static void test_opcodes_that_do_not_exist(void **state)
{
	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		bool exists = false;
		struct dsa_job job;
		uint8_t raw[64];

		for (unsigned int i = 0; i < UNIT_COUNT(opcodes); i++)
			exists |= opcodes[i] == opcode;
		make(raw, (uint8_t)opcode, FLAGS, 0, 0, 0);
		run_job(&world, &job, raw, SIZE_MAX);
		assert_int_equal(job.record.status == DSA_BAD_OPCODE, !exists);
	}
}

/* ---- Limits of a queue --------------------------------------------------------------------- */

static uint8_t status_of(const uint8_t *raw)
{
	struct dsa_job job;

	run_job(&world, &job, raw, SIZE_MAX);
	return job.record.status;
}

static void test_a_queue_may_refuse_opcodes(void **state)
{
	uint8_t raw[64];

	make_right(raw, DSA_MOVE);
	world.limits.opcodes[0] = ~(UINT64_C(1) << DSA_MOVE);
	assert_int_equal(status_of(raw), DSA_BAD_OPCODE);
	make_right(raw, DSA_FILL);
	assert_int_equal(status_of(raw), DSA_OK);
}

static void test_a_queue_limits_transfers(void **state)
{
	uint8_t raw[64];

	make_right(raw, DSA_MOVE);
	world.limits.max_transfer = 520 * 8 - 1;
	assert_int_equal(status_of(raw), DSA_BAD_SIZE);
	world.limits.max_transfer = 520 * 8;
	assert_int_equal(status_of(raw), DSA_OK);
}

static void test_a_queue_may_refuse_to_block(void **state)
{
	struct dsa_job job;
	uint8_t raw[64];

	make_right(raw, DSA_MOVE);
	raw[4] |= DSA_FLAG_BOF;
	assert_int_equal(status_of(raw), DSA_OK);
	world.limits.block_on_fault = false;
	assert_false(run_job(&world, &job, raw, SIZE_MAX));
	assert_int_equal(job.record.status, DSA_BAD_FLAGS);
	assert_int_equal(job.record.specific[0], DSA_FLAG_BOF);
}

/* ---- By hand ------------------------------------------------------------------------------- */

struct expectation {
	uint8_t opcode;
	unsigned int at, bytes;
	uint64_t value;
	uint8_t status;
};

static const struct expectation expectations[] = {
	{DSA_MOVE, 32, 4, 0, DSA_BAD_SIZE},
	{DSA_MOVE, 24, 8, WORLD + 9, DSA_OK}, /* overlaps, and is allowed to */
	{DSA_MOVE, 38, 1, 1, DSA_BAD_RESERVED},
	{DSA_MOVE, 40, 1, 1, DSA_BAD_RESERVED},
	{DSA_MOVE, 4, 3, 0x8c, DSA_BAD_FLAGS}, /* check result */
	{DSA_MOVE, 4, 3, 0x08, DSA_BAD_FLAGS}, /* a record without an address */
	{DSA_NOP, 32, 4, 1, DSA_BAD_RESERVED},
	{DSA_COMPARE, 4, 3, 0x04, DSA_BAD_FLAGS}, /* a result for nobody */
	{DSA_COMPARE, 4, 3, 0x8c, DSA_OK},	  /* equal, as expected */
	{DSA_COMPARE, 40, 1, 2, DSA_BAD_RESERVED},
	{DSA_CREATE_DELTA, 32, 4, 12, DSA_BAD_SIZE},
	{DSA_CREATE_DELTA, 32, 4, 0x80008, DSA_BAD_SIZE},
	{DSA_CREATE_DELTA, 48, 4, 79, DSA_BAD_DELTA_RANGE},
	{DSA_CREATE_DELTA, 48, 4, 81, DSA_OK},
	{DSA_CREATE_DELTA, 40, 8, WORLD + 16, DSA_OVERLAP},
	{DSA_CREATE_DELTA, 16, 8, WORLD + 4, DSA_BAD_ADDRESS},
	{DSA_APPLY_DELTA, 40, 4, 15, DSA_BAD_DELTA_RANGE},
	{DSA_APPLY_DELTA, 40, 4, 0, DSA_BAD_DELTA_RANGE},
	{DSA_APPLY_DELTA, 40, 4, 20, DSA_DELTA_OFFSET}, /* offset 0, twice */
	{DSA_APPLY_DELTA, 24, 8, WORLD + 16, DSA_OVERLAP},
	{DSA_APPLY_DELTA, 24, 8, WORLD + 20 * PAGE + 4, DSA_BAD_ADDRESS},
	{DSA_DUALCAST, 40, 8, WORLD + 40 * PAGE + 9, DSA_BAD_DUALCAST},
	{DSA_DUALCAST, 40, 8, WORLD + 20 * PAGE + 8, DSA_OVERLAP},
	{DSA_CRC, 4, 3, 0x01000c, DSA_OK},
	{DSA_CRC, 4, 3, 0x08000c, DSA_BAD_FLAGS},
	{DSA_CRC, 24, 8, WORLD, DSA_BAD_RESERVED},
	{DSA_COPY_CRC, 24, 8, WORLD + 16, DSA_OVERLAP},
	{DSA_DIF_CHECK, 42, 1, 0x10, DSA_BAD_RESERVED},
	{DSA_DIF_CHECK, 42, 1, 1, DSA_BAD_SIZE},  /* blocks of 520 do not fit */
	{DSA_DIF_CHECK, 48, 4, 1, DSA_DIF_ERROR}, /* another reference tag */
	{DSA_DIF_STRIP, 24, 8, WORLD + 16, DSA_OVERLAP},
	{DSA_DIF_INSERT, 41, 1, 0x20, DSA_BAD_RESERVED},
	{DSA_CACHE_FLUSH, 16, 8, WORLD, DSA_BAD_RESERVED},
};

static void test_codes_by_hand(void **state)
{
	for (unsigned int i = 0; i < UNIT_COUNT(expectations); i++) {
		const struct expectation *expectation = &expectations[i];
		uint8_t raw[64];

		make_right(raw, expectation->opcode);
		put(raw, expectation->at, expectation->bytes, expectation->value);
		if (run_both(raw) != expectation->status)
			fail_msg("expectation %u", i);
	}
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(test_right_descriptors_are_taken),
		WITH_WORLD(test_every_bit_of_a_descriptor_counts),
		WITH_WORLD(test_every_pair_of_flags),
		WITH_WORLD(test_opcodes_that_do_not_exist),
		WITH_WORLD(test_a_queue_may_refuse_opcodes),
		WITH_WORLD(test_a_queue_limits_transfers),
		WITH_WORLD(test_a_queue_may_refuse_to_block),
		WITH_WORLD(test_codes_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
