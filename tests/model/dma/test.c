/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on a DMA space and on a reference that is a plain array: rig.h, reference.h.
 * Fails with the last operations where the two differ, and where something never happened.
 *
 * usage: dma_model [SEED [OPERATIONS]]
 */
#include "ops.h"

#define SEEDS	   4u
#define OPERATIONS 200000u /* for each seed */
#define OPS_MAX	   64u
#define CHECK_EACH 512u /* operations between two looks at all memory */

static struct {
	const struct rig_op *op;
	uint64_t count;
} ops[OPS_MAX];
static unsigned int op_count, total_weight;
static uint64_t events[RIG_EVENTS];
static uint64_t operations = OPERATIONS;

static void add_ops(const struct rig_op *from, unsigned int count)
{
	assert_true(op_count + count <= OPS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		ops[op_count++].op = &from[i];
		total_weight += from[i].weight;
	}
}

static unsigned int choose(struct rig *rig)
{
	uint64_t left = rig_below(rig, total_weight);
	unsigned int i = 0;

	while (left >= ops[i].op->weight)
		left -= ops[i++].op->weight;
	return i;
}

static void step(struct rig *rig)
{
	unsigned int i = choose(rig);

	rig->history[rig->step % RIG_HISTORY] = (struct rig_record){.name = ops[i].op->name};
	rig->ref.now++;
	ops[i].count++;
	ops[i].op->run(rig);
	if (rig->step % CHECK_EACH == 0)
		rig_check_memory(rig);
	if (rig_is_spent(rig))
		rig_renew(rig);
}

static void run(uint64_t seed)
{
	static struct rig rig;

	rig_init(&rig, seed);
	for (rig.step = 0; rig.step < operations; rig.step++) {
		step(&rig);
		if (rig.mismatch[0]) {
			rig_print_history(&rig);
			fail_msg("seed %llu, operation %llu", (unsigned long long)seed,
				 (unsigned long long)rig.step);
		}
	}
	for (unsigned int i = 0; i < RIG_EVENTS; i++)
		events[i] += rig.events[i];
	rig_finish(&rig);
	assert_string_equal(rig.mismatch, "");
}

static void test_space_is_like_a_plain_array_of_maps(void **state)
{
	int fds = unit_count_fds();

	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run(unit_seed ? unit_seed + seed - 1 : seed);
	assert_int_equal(unit_count_fds(), fds);
}

static void test_everything_has_happened(void **state)
{
	static const char *const names[RIG_EVENTS] = {
		[RIG_SAW_MAPPED] = "maps",
		[RIG_SAW_UNMAPPED] = "unmaps of one",
		[RIG_SAW_UNMAPPED_MANY] = "unmaps of several",
		[RIG_SAW_UNMAPPED_ALL] = "unmaps of all",
		[RIG_SAW_CROWD] = "crowds of maps",
		[RIG_SAW_BATCH_CUT_SHORT] = "batches that failed in the middle",
		[RIG_SAW_EINVAL] = "EINVAL",
		[RIG_SAW_EOVERFLOW] = "EOVERFLOW",
		[RIG_SAW_EEXIST] = "EEXIST",
		[RIG_SAW_ENOSPC] = "ENOSPC",
		[RIG_SAW_ENOMEM] = "ENOMEM",
		[RIG_SAW_EACCES] = "EACCES",
		[RIG_SAW_EMEDIUMTYPE] = "EMEDIUMTYPE",
		[RIG_SAW_COPIED] = "copies",
		[RIG_SAW_COPIED_OVER_MAPS] = "copies over several maps",
		[RIG_SAW_EFAULT] = "EFAULT",
		[RIG_SAW_EREMOTE] = "EREMOTE",
		[RIG_SAW_CUT_OFF] = "copies that met the end of a file",
		[RIG_SAW_FOUND] = "ranges found",
		[RIG_SAW_SPAN] = "ranges of several maps",
		[RIG_SAW_LAST_BYTE] = "ranges up to the last byte",
		[RIG_SAW_E2BIG] = "E2BIG",
		[RIG_SAW_FOUND_ANEW] = "ranges found beside what was unmapped meanwhile",
		[RIG_SAW_HIDDEN] = "ranges looked for that were unmapped meanwhile",
		[RIG_SAW_PINNED] = "pins",
		[RIG_SAW_PIN_REFUSED] = "pins beyond the limit",
		[RIG_SAW_UNMAPPED_IN_USE] = "pins of what was unmapped",
		[RIG_SAW_BUSY] = "not quiet",
		[RIG_SAW_QUIET] = "quiet",
		[RIG_SAW_WOKEN] = "waits for quiet",
		[RIG_SAW_REVOKED] = "pins revoked",
		[RIG_SAW_TOUCHED_NOTHING] = "touches of what was cut off",
		[RIG_SAW_REGROWN] = "files that grew again",
	};
	unsigned int missing = 0;

	for (unsigned int i = 0; i < op_count; i++)
		print_message("%9llu  %s\n", (unsigned long long)ops[i].count, ops[i].op->name);
	for (unsigned int i = 0; i < RIG_EVENTS; i++) {
		print_message("%9llu  %s\n", (unsigned long long)events[i], names[i]);
		missing += !events[i];
	}
	assert_int_equal(missing, 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space_is_like_a_plain_array_of_maps),
		cmocka_unit_test(test_everything_has_happened),
	};

	unit_take_seed(argc, argv);
	if (argc > 2)
		operations = strtoull(argv[2], NULL, 0);
	add_ops(rig_change_ops, rig_change_op_count);
	add_ops(rig_access_ops, rig_access_op_count);
	add_ops(rig_reader_ops, rig_reader_op_count);
	add_ops(rig_pin_ops, rig_pin_op_count);
	add_ops(rig_memory_ops, rig_memory_op_count);
	return cmocka_run_group_tests_name("dma_model", tests, NULL, NULL);
}
