/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Page Request Interface of a device without a server: what its registers allow and show, what
 * each response does, and what ends a request.
 */
#include "device_fixture.h"

#include <umdev/pasid.h>

#include "device/pasid.h"
#include "device/pri.h"

#define NO_PASID UMD_DMA_NO_OWNER
#define NOT_YET	 1 /* no error, and no success */
#define ON	 PCI_PRI_CTRL_ENABLE

static struct device_log told;
static struct umd_device *device;
static struct umd_pages *pages;

/* A request, how it ended, and what starting another gave then. */
struct job {
	struct umd_page_request request;
	int ended, again;
};

static struct job jobs[4];

static void on_wake(void *data)
{
}

static void on_done(void *data, int result)
{
	struct job *job = data;

	assert_int_equal(job->ended, NOT_YET);
	job->ended = result;
	job->again = umd_page_request_start(device, &job->request);
	if (job->again == -EINPROGRESS)
		umd_page_request_cancel(device, &job->request);
}

static unsigned int at(unsigned int offset)
{
	return device_ext_cap(device, PCI_EXT_CAP_ID_PRI, offset);
}

static void set_control(uint32_t value)
{
	device_set_config(device, at(PCI_PRI_CTRL), 2, value);
}

static void expect_status(uint32_t status)
{
	assert_int_equal(device_config(device, at(PCI_PRI_STATUS), 2), status);
}

static int setup(void **state)
{
	device = device_create(&told);
	umd_device_add_pcie(device, &(struct umd_pcie){.flr = true});
	umd_device_add_pm(device, &(struct umd_pm){0});
	umd_device_add_pri(device, &(struct umd_pri){.capacity = 8});
	umd_device_add_pasid(device, &(struct umd_pasid){.width = 20, .execute = true});
	assert_int_equal(umd_device_realize(device, NULL), 0);
	pages = &device->pri->pages;
	umd_pages_open(pages, 64, on_wake, NULL);
	umd_pasid_open(device, 4, true);
	assert_int_equal(umd_pasid_attach(device, 3), 0);
	device->has_client = true;
	device_set_command(device, PCI_COMMAND_MASTER);
	device_set_config(device, device_ext_cap(device, PCI_EXT_CAP_ID_PASID, PCI_PASID_CTRL), 2,
			  PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC);
	device_set_config(device, at(PCI_PRI_ALLOC_REQ), 4, 4);
	set_control(ON);
	for (size_t i = 0; i < UNIT_COUNT(jobs); i++)
		jobs[i].ended = jobs[i].again = NOT_YET;
	return 0;
}

static int teardown(void **state)
{
	umd_pages_close(pages, -ECANCELED);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	umd_device_destroy(device);
	return 0;
}

static int detach(uint32_t pasid)
{
	struct umd_dma_space *space;

	return umd_pasid_detach(device, pasid, &space);
}

static struct umd_page_request request_of(struct job *job, uint32_t pasid, uint32_t count)
{
	return (struct umd_page_request){.prefix.pasid = pasid,
					 .address = 0x1000,
					 .pages = count,
					 .read = true,
					 .done = on_done,
					 .data = job};
}

static int try_start(struct job *job, uint32_t pasid, uint32_t count)
{
	job->request = request_of(job, pasid, count);
	return umd_page_request_start(device, &job->request);
}

static void start(struct job *job, uint32_t count)
{
	assert_int_equal(try_start(job, 3, count), -EINPROGRESS);
}

/* Sends the next one: its response, to be changed. */
static struct umd_pri_response send_next(const struct job *job)
{
	uint32_t index;
	const struct umd_page_group *group = umd_pages_next(pages, &index);

	assert_non_null(group);
	assert_ptr_equal(group->request, &job->request);
	return (struct umd_pri_response){.id = group->id,
					 .legible = true,
					 .pasid = group->pasid == NO_PASID ? 0 : group->pasid,
					 .group = index};
}

static struct umd_pri_response start_and_send(struct job *job)
{
	start(job, 1);
	return send_next(job);
}

static void expect_end(const struct job *job, int result, int again)
{
	assert_int_equal(job->ended, result);
	assert_int_equal(job->again, again);
}

/* ---- What may be asked --------------------------------------------------------------------- */

static void test_a_request_has_a_shape(void **state)
{
	static const struct {
		uint64_t address;
		uint32_t pages;
		bool read, write, execute;
		int err;
	} rows[] = {
		{0x1000, 1, true, false, false, -EINPROGRESS},
		{0x1000, 1, false, true, false, -EINPROGRESS},
		{0x1000, 4, true, true, true, -EINPROGRESS},
		{UINT64_MAX - 4095, 1, true, false, false, -EINPROGRESS},
		{UINT64_MAX - 4095, 2, true, false, false, -EINVAL},
		{0x1001, 1, true, false, false, -EINVAL},
		{0x1000, 0, true, false, false, -EINVAL},
		{0x1000, UMD_PAGE_REQUEST_PAGES + 1, true, false, false, -EINVAL},
		{0x1000, UINT32_MAX, true, false, false, -EINVAL},
		{0x1000, 1, false, false, false, -EINVAL},
		{0x1000, 1, false, true, true, -EINVAL},
		{0x1000, 5, true, false, false, -E2BIG},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		struct umd_page_request request = request_of(&jobs[0], 3, rows[i].pages);

		request.prefix.execute = rows[i].execute;
		request.address = rows[i].address;
		request.read = rows[i].read;
		request.write = rows[i].write;
		assert_int_equal(umd_page_request_start(device, &request), rows[i].err);
		umd_page_request_cancel(device, &request);
	}
}

static void test_each_refusal_has_its_errno(void **state)
{
	assert_int_equal(try_start(&jobs[0], 4, 1), -ENXIO);
	assert_int_equal(try_start(&jobs[0], 1u << 20, 1), -ERANGE);
	set_control(0);
	assert_int_equal(try_start(&jobs[0], 3, 1), -EOPNOTSUPP);
	assert_int_equal(umd_page_request_stop(device, 3), -EOPNOTSUPP);
	set_control(ON);
	assert_int_equal(umd_page_request_stop(device, 4), -ENXIO);
	umd_pages_close(pages, -ECANCELED);
	assert_int_equal(try_start(&jobs[0], 3, 1), -ENOTCONN);
	assert_int_equal(umd_page_request_stop(device, 3), -ENOTCONN);
	device_set_command(device, 0);
	assert_int_equal(try_start(&jobs[0], 3, 1), -ENODEV);
}

static void test_the_default_space_has_page_requests_too(void **state)
{
	struct umd_pri_response response;

	assert_int_equal(try_start(&jobs[0], NO_PASID, 1), -EINPROGRESS);
	response = send_next(&jobs[0]);
	umd_pri_respond(device, &response);
	expect_end(&jobs[0], 0, -EINPROGRESS);
}

static void test_the_driver_allows_no_more_than_the_capacity(void **state)
{
	device_set_config(device, at(PCI_PRI_ALLOC_REQ), 4, UINT32_MAX);
	assert_int_equal(umd_pages_limit(pages), 8);
	device_set_config(device, at(PCI_PRI_ALLOC_REQ), 1, 2);
	device_set_config(device, at(PCI_PRI_ALLOC_REQ) + 1, 1, 0);
	device_set_config(device, at(PCI_PRI_ALLOC_REQ) + 2, 2, 0);
	assert_int_equal(umd_pages_limit(pages), 2);
	umd_device_reset(device);
	assert_int_equal(umd_pages_limit(pages), 0);
}

static void test_more_than_the_driver_allows_waits(void **state)
{
	struct umd_pri_response response;
	uint32_t index;

	start(&jobs[0], 3);
	start(&jobs[1], 2);
	response = send_next(&jobs[0]);
	assert_null(umd_pages_next(pages, &index));
	umd_pri_respond(device, &response);
	send_next(&jobs[1]);
}

/* ---- Responses ----------------------------------------------------------------------------- */

static void test_each_code_has_its_result(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	response.code = 0;
	umd_pri_respond(device, &response);
	expect_end(&jobs[0], 0, -EINPROGRESS);
	response = start_and_send(&jobs[1]);
	response.code = 1;
	umd_pri_respond(device, &response);
	expect_end(&jobs[1], -EFAULT, -EINPROGRESS);
	expect_status(0);
}

static void expect_failure(struct umd_pri_response response)
{
	struct umd_pri_response other;

	start(&jobs[1], 1);
	start(&jobs[2], 3);
	other = send_next(&jobs[1]);
	umd_pri_respond(device, &response);
	for (unsigned int i = 0; i < 3; i++)
		expect_end(&jobs[i], -EIO, -EIO);
	expect_status(PCI_PRI_STATUS_RF);

	/* Other responses are ignored, whether they are expected or not. */
	umd_pri_respond(device, &other);
	umd_pri_respond(device, &other);
	expect_status(PCI_PRI_STATUS_RF);
	assert_int_equal(pages->out, 0);
	device_set_config(device, at(PCI_PRI_STATUS), 2, PCI_PRI_STATUS_RF);
	assert_int_equal(try_start(&jobs[3], 3, 1), -EIO);
	set_control(ON);
	assert_int_equal(try_start(&jobs[3], 3, 1), -EIO);
	set_control(0);
	expect_status(PCI_PRI_STATUS_STOPPED);
	set_control(ON);
	start(&jobs[3], 1);
}

static void test_a_response_failure_ends_all_until_enabled_again(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	response.code = 15;
	expect_failure(response);
}

static void test_a_code_without_meaning_is_a_response_failure(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	response.code = 2;
	expect_failure(response);
}

static void test_what_is_not_legible_is_a_response_failure(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	response = (struct umd_pri_response){.id = response.id};
	expect_failure(response);
}

static void test_what_answers_nothing_is_unexpected(void **state)
{
	const struct umd_pri_response good = start_and_send(&jobs[0]);
	struct umd_pri_response wrong[] = {good, good, good, good};

	wrong[0].id ^= 1;
	wrong[1].group ^= 1;
	wrong[2].pasid ^= 1;
	wrong[3].group = UINT32_MAX;
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
		umd_pri_respond(device, &wrong[i]);
		assert_int_equal(jobs[0].ended, NOT_YET);
		expect_status(PCI_PRI_STATUS_UPRGI);
		device_set_config(device, at(PCI_PRI_STATUS), 2, PCI_PRI_STATUS_UPRGI);
		expect_status(0);
	}
	umd_pri_respond(device, &good);
	expect_end(&jobs[0], 0, -EINPROGRESS);
	expect_status(0);
	umd_pri_respond(device, &good);
	expect_status(PCI_PRI_STATUS_UPRGI);
}

static void test_a_late_response_is_not_unexpected(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	umd_page_request_cancel(device, &jobs[0].request);
	response.code = 15;
	umd_pri_respond(device, &response);
	expect_status(0);
	start(&jobs[1], 1);
}

/* ---- Switching off ------------------------------------------------------------------------- */

static void test_stopped_waits_for_what_is_out(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	start(&jobs[1], 1);
	set_control(0);
	expect_status(0);
	assert_int_equal(jobs[0].ended, NOT_YET);
	expect_end(&jobs[1], -ESHUTDOWN, -EOPNOTSUPP);
	umd_pri_respond(device, &response);
	expect_end(&jobs[0], 0, -EOPNOTSUPP);
	expect_status(PCI_PRI_STATUS_STOPPED);
}

static void test_a_response_failure_while_stopping_stops(void **state)
{
	struct umd_pri_response response = start_and_send(&jobs[0]);

	response.code = 15;
	set_control(0);
	umd_pri_respond(device, &response);
	expect_status(PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_RF);
}

static void test_a_client_that_does_not_answer_does_not_keep_it_from_stopping(void **state)
{
	start_and_send(&jobs[0]);
	set_control(0);
	pages->groups[pages->last_group].sent_ns -= UMD_PAGES_PATIENCE_NS;
	umd_pages_expire(pages);
	expect_end(&jobs[0], -ETIMEDOUT, -EOPNOTSUPP);
	expect_status(PCI_PRI_STATUS_STOPPED);
}

static void test_the_reset_bit_ends_what_is_out_while_off(void **state)
{
	start_and_send(&jobs[0]);
	set_control(ON | PCI_PRI_CTRL_RESET);
	assert_int_equal(jobs[0].ended, NOT_YET);
	assert_int_equal(device_config(device, at(PCI_PRI_CTRL), 2), ON);
	set_control(0);
	expect_status(0);
	set_control(PCI_PRI_CTRL_RESET);
	expect_end(&jobs[0], -ECANCELED, -EOPNOTSUPP);
	expect_status(PCI_PRI_STATUS_STOPPED);
	assert_int_equal(device_config(device, at(PCI_PRI_CTRL), 2), 0);
}

static void test_the_reset_bit_acts_with_the_write_that_switches_off(void **state)
{
	start_and_send(&jobs[0]);
	set_control(PCI_PRI_CTRL_RESET);
	expect_end(&jobs[0], -ECANCELED, -EOPNOTSUPP);
	expect_status(PCI_PRI_STATUS_STOPPED);
}

/* ---- What ends a request ------------------------------------------------------------------- */

static void start_both(void)
{
	start_and_send(&jobs[0]);
	start(&jobs[1], 4);
}

static void expect_both(int result, int again)
{
	expect_end(&jobs[0], result, again);
	expect_end(&jobs[1], result, again);
}

static void test_resets_end_it(void **state)
{
	start_both();
	assert_int_equal(umd_device_reset_by_client(device), 0);
	expect_both(-ECANCELED, -ENODEV);
	expect_status(PCI_PRI_STATUS_STOPPED);
}

static void test_function_level_reset_ends_it(void **state)
{
	start_both();
	device_set_config(device, device_cap(device, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL), 2,
			  PCI_EXP_DEVCTL_BCR_FLR);
	expect_both(-ECANCELED, -ENODEV);
}

static void test_bus_master_going_off_ends_it(void **state)
{
	start_both();
	device_set_command(device, PCI_COMMAND_MEMORY);
	expect_both(-ENODEV, -ENODEV);
}

static void test_leaving_d0_ends_it(void **state)
{
	start_both();
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2, 3);
	expect_both(-ENODEV, -ENODEV);
}

static void test_surprise_removal_ends_it(void **state)
{
	start_both();
	assert_int_equal(umd_device_unplug(device, 0), 0);
	expect_both(-ENODEV, -ENODEV);
}

static void test_detaching_ends_it(void **state)
{
	start_both();
	assert_int_equal(detach(3), 0);
	expect_both(-ENXIO, -ENXIO);
}

static void test_stopping_ends_it_and_makes_a_marker(void **state)
{
	assert_int_equal(umd_pasid_attach(device, 5), 0);
	assert_int_equal(try_start(&jobs[2], 5, 1), -EINPROGRESS);
	start(&jobs[0], 1);
	assert_int_equal(umd_page_request_stop(device, 3), 0);
	expect_end(&jobs[0], -ECANCELED, -EINPROGRESS);
	assert_int_equal(jobs[2].ended, NOT_YET);
	assert_true(umd_pasids_have_marker(device->pasids));
	assert_int_equal(umd_page_request_stop(device, 3), 0);
	assert_int_equal(umd_pasid_take_marker(device->pasids), 3);
	assert_false(umd_pasids_have_marker(device->pasids));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_a_request_has_a_shape),
		TEST(test_each_refusal_has_its_errno),
		TEST(test_the_default_space_has_page_requests_too),
		TEST(test_the_driver_allows_no_more_than_the_capacity),
		TEST(test_more_than_the_driver_allows_waits),
		TEST(test_each_code_has_its_result),
		TEST(test_a_response_failure_ends_all_until_enabled_again),
		TEST(test_a_code_without_meaning_is_a_response_failure),
		TEST(test_what_is_not_legible_is_a_response_failure),
		TEST(test_what_answers_nothing_is_unexpected),
		TEST(test_a_late_response_is_not_unexpected),
		TEST(test_stopped_waits_for_what_is_out),
		TEST(test_a_response_failure_while_stopping_stops),
		TEST(test_a_client_that_does_not_answer_does_not_keep_it_from_stopping),
		TEST(test_the_reset_bit_ends_what_is_out_while_off),
		TEST(test_the_reset_bit_acts_with_the_write_that_switches_off),
		TEST(test_resets_end_it),
		TEST(test_function_level_reset_ends_it),
		TEST(test_bus_master_going_off_ends_it),
		TEST(test_leaving_d0_ends_it),
		TEST(test_surprise_removal_ends_it),
		TEST(test_detaching_ends_it),
		TEST(test_stopping_ends_it_and_makes_a_marker),
	};

	return cmocka_run_group_tests_name("pri", tests, NULL, NULL);
}
