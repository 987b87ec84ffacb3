/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million random operations on devices and on a second model of them, which share no code:
 * model.h. Fails with the last operations where the two differ, and where a kind of operation or
 * one of the model's events never happened.
 */
#include "ops.h"

#include <stdio.h>

#include "shapes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS UINT64_C(200000)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STEPS UINT64_C(200000)
#endif
#endif
#ifndef STEPS
#define STEPS UINT64_C(1000000)
#endif

#define OPS_MAX 64u

/* How many operations apart all eventfds are read. */
#define CHECK_ALL_EACH 16u

static struct {
	const struct model_op *op;
	uint64_t count;
} ops[OPS_MAX];
static unsigned int op_count;
static uint64_t events[MODEL_EVENTS];

static void add_ops(const struct model_op *from, unsigned int count)
{
	assert_true(op_count + count <= OPS_MAX);
	for (unsigned int i = 0; i < count; i++)
		ops[op_count++].op = &from[i];
}

static bool is_possible(const struct rig *rig, unsigned int i)
{
	enum model_cap needs = ops[i].op->needs;

	return needs == MODEL_END || rig->model.shape->at[needs];
}

static unsigned int choose(struct rig *rig)
{
	uint64_t total = 0, left;
	unsigned int i = 0;

	for (unsigned int j = 0; j < op_count; j++)
		total += is_possible(rig, j) ? ops[j].op->weight : 0;
	for (left = rig_below(rig, total);; i++) {
		uint64_t weight = is_possible(rig, i) ? ops[i].op->weight : 0;

		if (left < weight)
			return i;
		left -= weight;
	}
}

static void step(struct rig *rig)
{
	unsigned int i = choose(rig);

	rig->history[rig->step % RIG_HISTORY] = (struct rig_record){.name = ops[i].op->name};
	ops[i].count++;
	ops[i].op->run(rig);
	rig_check(rig);
	if (rig->step % CHECK_ALL_EACH == 0)
		rig_check_all(rig);
}

static void run(unsigned int shape, uint64_t seed, uint64_t steps)
{
	static struct rig rig;
	bool failed;

	rig_init(&rig, &model_shapes[shape], seed);
	rig_check(&rig);
	rig_check_all(&rig);
	for (rig.step = 0; rig.step < steps && !rig.mismatch[0]; rig.step++)
		step(&rig);
	failed = rig.mismatch[0];
	if (failed)
		rig_print_history(&rig);
	for (unsigned int i = 0; i < MODEL_EVENTS; i++)
		events[i] += rig.model.events[i];
	rig_finish(&rig);
	if (failed)
		fail_msg("%s, seed %llu", model_shapes[shape].name, (unsigned long long)seed);
}

static uint64_t seed_of(unsigned int shape)
{
	return (unit_seed ? unit_seed : 1) + shape;
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void an_endpoint_is_like_its_model(void **state)
{
	run(0, seed_of(0), STEPS / MODEL_SHAPES);
}

static void an_endpoint_placed_by_the_library_is_like_its_model(void **state)
{
	run(1, seed_of(1), STEPS / MODEL_SHAPES);
}

static void an_integrated_endpoint_is_like_its_model(void **state)
{
	run(2, seed_of(2), STEPS / MODEL_SHAPES);
}

static void a_conventional_device_is_like_its_model(void **state)
{
	run(3, seed_of(3), STEPS / MODEL_SHAPES);
}

static void every_kind_of_operation_has_happened(void **state)
{
	static const char *const names[MODEL_EVENTS] = {
		[MODEL_SAW_FLR] = "function level resets",
		[MODEL_SAW_POWER_RESET] = "resets from D3hot to D0",
		[MODEL_SAW_SOFT_RETURN] = "returns from D3hot without one",
		[MODEL_SAW_STATE_REFUSED] = "power states refused",
		[MODEL_SAW_INTX_AGAIN] = "INTx signalled again by an unmask",
		[MODEL_SAW_MSI_SHARED] = "vectors that shared a message",
		[MODEL_SAW_MSI_PENDING] = "MSI messages that had to wait",
		[MODEL_SAW_MSI_RELEASED] = "MSI messages let out",
		[MODEL_SAW_MSI_GROWN] = "MSI grown while it was on",
		[MODEL_SAW_MSIX_PENDING] = "MSI-X messages that had to wait",
		[MODEL_SAW_MSIX_RELEASED] = "MSI-X messages let out",
		[MODEL_SAW_VPD_READ] = "VPD read",
		[MODEL_SAW_VPD_WRITTEN] = "VPD written",
		[MODEL_SAW_RESIZED] = "BARs resized",
		[MODEL_SAW_SIZE_REFUSED] = "sizes refused",
		[MODEL_SAW_SUBSTATE] = "substates entered",
		[MODEL_SAW_ERROR_SENT] = "errors sent",
		[MODEL_SAW_ERROR_LOGGED] = "errors logged",
		[MODEL_SAW_WAKEUP] = "wake-ups signalled",
	};
	unsigned int missing = 0;

	for (unsigned int i = 0; i < op_count; i++) {
		print_message("%9llu  %s\n", (unsigned long long)ops[i].count, ops[i].op->name);
		missing += !ops[i].count;
	}
	for (unsigned int i = 0; i < MODEL_EVENTS; i++) {
		print_message("%9llu  %s\n", (unsigned long long)events[i], names[i]);
		missing += !events[i];
	}
	assert_int_equal(missing, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_like_its_model),
		cmocka_unit_test(an_endpoint_placed_by_the_library_is_like_its_model),
		cmocka_unit_test(an_integrated_endpoint_is_like_its_model),
		cmocka_unit_test(a_conventional_device_is_like_its_model),
		cmocka_unit_test(every_kind_of_operation_has_happened),
	};

	unit_take_seed(argc, argv);
	add_ops(model_access_ops, model_access_op_count);
	add_ops(model_device_ops, model_device_op_count);
	add_ops(model_irq_ops, model_irq_op_count);
	print_message("seed %llu, %llu operations\n", (unsigned long long)seed_of(0),
		      (unsigned long long)STEPS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
