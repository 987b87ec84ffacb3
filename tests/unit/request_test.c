/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests: completed once, in the handler or later, cancelled by a reset, failed by a handler that
 * does neither; and what a handler does wrong afterwards does no harm.
 */
#include "device_fixture.h"

static struct device_log told;
static struct umd_device *device;
static struct umd_request request;
static uint8_t data[8];
static unsigned int done, cancels;

/* What the handler does with the request. */
static void (*act)(struct umd_request *r);

static void on_access(void *unused, struct umd_request *r)
{
	act(r);
}

static void on_done(void *unused)
{
	done++;
}

static void on_cancel(void *unused)
{
	cancels++;
}

static int setup(void **state)
{
	static const struct umd_region region = {.size = 4096, .access = on_access};

	device = device_create(&told);
	assert_int_equal(umd_device_add_bar(device, 0, &region), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
	request = (struct umd_request){.done = on_done};
	done = cancels = 0;
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

static void start(void (*how)(struct umd_request *r))
{
	act = how;
	device_access(device, &request, 0, false, 16, data, sizeof(data));
}

static void expect_done(int error, unsigned int done_calls, unsigned int cancel_calls)
{
	assert_int_equal(request.state, UMD_REQUEST_DONE);
	assert_int_equal(request.error, error);
	assert_int_equal(done, done_calls);
	assert_int_equal(cancels, cancel_calls);
	assert_null(device->deferred);
}

static void complete(struct umd_request *r)
{
	umd_request_complete(r, 0);
}

static void fail_access(struct umd_request *r)
{
	umd_request_complete(r, -EPERM);
}

static void defer(struct umd_request *r)
{
	umd_request_defer(r, on_cancel, NULL);
}

static void forget(struct umd_request *r)
{
}

/* ---- In the handler ------------------------------------------------------------------------ */

static void check_fields(struct umd_request *r)
{
	assert_true(umd_request_is_write(r));
	assert_int_equal(umd_request_offset(r), 4095);
	assert_int_equal(umd_request_size(r), 1);
	assert_ptr_equal(umd_request_data(r), data);
	umd_request_complete(r, 0);
}

static void test_handler_sees_the_access(void **state)
{
	act = check_fields;
	assert_int_equal(device_access(device, &request, 0, true, 4095, data, 1), 0);
	expect_done(0, 0, 0);
}

static void test_completed_in_the_handler(void **state)
{
	start(complete);
	expect_done(0, 0, 0);
	start(fail_access);
	expect_done(-EPERM, 0, 0);
	start(complete);
	expect_done(0, 0, 0);
}

static void test_handler_that_neither_completes_nor_defers_has_failed(void **state)
{
	start(forget);
	expect_done(-EIO, 0, 0);
}

/* ---- Later --------------------------------------------------------------------------------- */

static void test_deferred_and_completed_later(void **state)
{
	start(defer);
	assert_int_equal(request.state, UMD_REQUEST_DEFERRED);
	assert_ptr_equal(device->deferred, &request);
	assert_int_equal(done, 0);
	umd_request_complete(&request, 0);
	expect_done(0, 1, 0);
	start(defer);
	umd_request_complete(&request, -EPERM);
	expect_done(-EPERM, 2, 0);
}

static void test_deferred_request_is_cancelled_by_a_reset_of_either_kind(void **state)
{
	start(defer);
	umd_device_reset(device);
	expect_done(-ECANCELED, 1, 1);
	assert_int_equal(told.resets, 1);
	device_set_command(device, PCI_COMMAND_MEMORY);
	start(defer);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	expect_done(-ECANCELED, 2, 2);
}

static void test_cancelled_for_any_reason(void **state)
{
	start(defer);
	umd_request_cancel(&request, -ETIMEDOUT);
	expect_done(-ETIMEDOUT, 1, 1);
	umd_request_cancel(&request, -ECANCELED);
	expect_done(-ETIMEDOUT, 1, 1);
}

static void test_only_a_deferred_request_is_cancelled(void **state)
{
	start(complete);
	umd_request_cancel(&request, -ECANCELED);
	expect_done(0, 0, 0);
}

static void defer_silently(struct umd_request *r)
{
	umd_request_defer(r, NULL, NULL);
}

static void test_handler_need_not_be_told_of_the_end(void **state)
{
	start(defer_silently);
	umd_device_reset(device);
	expect_done(-ECANCELED, 1, 0);
}

/* ---- Handlers that do wrong ---------------------------------------------------------------- */

static void complete_twice(struct umd_request *r)
{
	umd_request_complete(r, 0);
	umd_request_complete(r, -EPERM);
}

static void complete_then_defer(struct umd_request *r)
{
	umd_request_complete(r, 0);
	umd_request_defer(r, on_cancel, NULL);
}

static void defer_twice(struct umd_request *r)
{
	umd_request_defer(r, on_cancel, NULL);
	umd_request_defer(r, NULL, NULL);
}

static void defer_then_complete(struct umd_request *r)
{
	umd_request_defer(r, on_cancel, NULL);
	umd_request_complete(r, -EPERM);
}

static void test_first_completion_counts(void **state)
{
	start(complete_twice);
	expect_done(0, 0, 0);
	start(defer);
	umd_request_complete(&request, 0);
	umd_request_complete(&request, -EPERM);
	expect_done(0, 1, 0);
}

static void test_completed_request_is_not_deferred(void **state)
{
	start(complete_then_defer);
	expect_done(0, 0, 0);
	umd_request_defer(&request, on_cancel, NULL);
	expect_done(0, 0, 0);
}

static void test_deferring_twice_is_deferring_once(void **state)
{
	start(defer_twice);
	umd_device_reset(device);
	expect_done(-ECANCELED, 1, 1);
}

static void test_request_deferred_and_completed_in_the_handler(void **state)
{
	start(defer_then_complete);
	expect_done(-EPERM, 1, 0);
}

static void complete_in_cancel(void *unused)
{
	cancels++;
	umd_request_complete(&request, 0);
}

static void defer_badly(struct umd_request *r)
{
	umd_request_defer(r, complete_in_cancel, NULL);
}

static void test_completion_in_the_cancel_call_ends_the_request_once(void **state)
{
	start(defer_badly);
	umd_device_reset(device);
	assert_int_equal(request.state, UMD_REQUEST_DONE);
	assert_int_equal(done, 1);
	assert_int_equal(cancels, 1);
	assert_null(device->deferred);
}

/* A handler that answers the cancel call with a reset is not called again by that. */
static void reset_in_cancel(void *unused)
{
	if (++cancels < 3)
		umd_device_reset(device);
}

static void defer_to_reset(struct umd_request *r)
{
	umd_request_defer(r, reset_in_cancel, NULL);
}

static void test_cancel_call_may_reset_the_device(void **state)
{
	start(defer_to_reset);
	umd_device_reset(device);
	expect_done(-ECANCELED, 1, 1);
	assert_int_equal(told.resets, 2);
}

static void test_completion_after_a_cancel_does_nothing(void **state)
{
	start(defer);
	umd_device_reset(device);
	umd_request_complete(&request, 0);
	expect_done(-ECANCELED, 1, 1);
}

static void reset_and_complete(struct umd_request *r)
{
	umd_device_reset(device);
	umd_request_complete(r, 0);
}

static void test_device_may_reset_itself_in_a_handler(void **state)
{
	start(reset_and_complete);
	expect_done(0, 0, 0);
	assert_int_equal(told.resets, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_handler_sees_the_access),
		TEST(test_completed_in_the_handler),
		TEST(test_handler_that_neither_completes_nor_defers_has_failed),
		TEST(test_deferred_and_completed_later),
		TEST(test_deferred_request_is_cancelled_by_a_reset_of_either_kind),
		TEST(test_cancelled_for_any_reason),
		TEST(test_only_a_deferred_request_is_cancelled),
		TEST(test_handler_need_not_be_told_of_the_end),
		TEST(test_first_completion_counts),
		TEST(test_completed_request_is_not_deferred),
		TEST(test_deferring_twice_is_deferring_once),
		TEST(test_request_deferred_and_completed_in_the_handler),
		TEST(test_completion_in_the_cancel_call_ends_the_request_once),
		TEST(test_cancel_call_may_reset_the_device),
		TEST(test_completion_after_a_cancel_does_nothing),
		TEST(test_device_may_reset_itself_in_a_handler),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
