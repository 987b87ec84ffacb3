/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PASIDs of a device without a server: what the driver has to enable, whose memory a request
 * reaches, how spaces come and go, and what a transfer does about pages that are missing.
 */
#include "device_fixture.h"

#include <umdev/pasid.h>

#include "device/pasid.h"
#include "device/pri.h"

#define WIDTH 4u
#define LIMIT 4u
#define AT    UINT64_C(0x10000)
#define R     UMD_DMA_READ
#define W     UMD_DMA_WRITE
#define X     UMD_DMA_EXECUTE
#define P     UMD_DMA_PRIVILEGED

static struct device_log told;
static struct umd_device *device;
static int file;
static uint8_t *memory; /* the file's */
static char spaces[64]; /* what the device was told: +3-3 */
static char unmaps[128];

static void note(char sign, uint32_t pasid, const struct umd_dma_space *space)
{
	size_t used = strlen(spaces);

	assert_non_null(space);
	snprintf(spaces + used, sizeof(spaces) - used, "%c%u", sign, pasid);
}

static void on_attached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	assert_ptr_equal(data, &told);
	assert_ptr_equal(umd_device_pasid_space(device, pasid), space);
	note('+', pasid, space);
}

static void on_detached(void *data, uint32_t pasid, struct umd_dma_space *space)
{
	assert_null(umd_device_pasid_space(device, pasid));
	note('-', pasid, space);
}

static void on_unmapped(void *data, uint32_t pasid, uint64_t iova, uint64_t last)
{
	size_t used = strlen(unmaps);

	assert_ptr_equal(data, &told);
	snprintf(unmaps + used, sizeof(unmaps) - used, "%u:%llx-%llx ", pasid,
		 (unsigned long long)iova, (unsigned long long)last);
}

static void expect_spaces(const char *expected)
{
	assert_string_equal(spaces, expected);
	spaces[0] = '\0';
}

static void on_wake(void *data)
{
}

static unsigned int pasid_control(void)
{
	return device_ext_cap(device, PCI_EXT_CAP_ID_PASID, PCI_PASID_CTRL);
}

static unsigned int pri_at(unsigned int offset)
{
	return device_ext_cap(device, PCI_EXT_CAP_ID_PRI, offset);
}

static void enable(void)
{
	device_set_command(device, PCI_COMMAND_MASTER);
	device_set_config(device, pasid_control(), 2,
			  PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV);
	device_set_config(device, pri_at(PCI_PRI_ALLOC_REQ), 4, 32);
	device_set_config(device, pri_at(PCI_PRI_CTRL), 2, PCI_PRI_CTRL_ENABLE);
}

static void open_client(void)
{
	umd_pasid_open(device, LIMIT, true);
	umd_pages_open(&device->pri->pages, 64, on_wake, NULL);
	device->has_client = true;
}

static int setup(void **state)
{
	static const struct umd_pasid_ops ops = {
		.attached = on_attached, .unmapped = on_unmapped, .detached = on_detached};

	device = device_create(&told);
	umd_device_add_pcie(device, &(struct umd_pcie){.flr = true});
	umd_device_add_pm(device, &(struct umd_pm){0});
	umd_device_add_pri(device, &(struct umd_pri){.capacity = 48});
	umd_device_add_pasid(
		device, &(struct umd_pasid){.width = WIDTH, .execute = true, .privileged = true});
	assert_int_equal(umd_device_set_pasid_ops(device, &ops), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	file = memfd_create("pasid", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(file, 16 * PAGE), 0);
	memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	assert_true(memory != MAP_FAILED);
	open_client();
	enable();
	spaces[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	umd_pages_close(&device->pri->pages, -ECANCELED);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	umd_device_destroy(device);
	munmap(memory, 16 * PAGE);
	close(file);
	return 0;
}

static void attach(uint32_t pasid)
{
	assert_int_equal(umd_pasid_attach(device, pasid), 0);
}

static int detach(uint32_t pasid)
{
	struct umd_dma_space *space;

	return umd_pasid_detach(device, pasid, &space);
}

/* Pages of the file at an address of a PASID. */
static void map(uint32_t pasid, uint64_t iova, unsigned int count, uint32_t prot, unsigned int page)
{
	assert_int_equal(umd_dma_space_map_fd(umd_pasid_find(device, pasid), iova, count * PAGE,
					      prot, file, page * PAGE),
			 0);
}

static struct umd_dma_prefix prefix(uint32_t pasid)
{
	return (struct umd_dma_prefix){.pasid = pasid};
}

static int read_byte(const struct umd_dma_prefix *with, uint64_t iova)
{
	uint8_t byte = 0;
	int err = umd_dma_read_tagged(device, with, iova, &byte, 1);

	return err ? err : byte;
}

static int write_byte(const struct umd_dma_prefix *with, uint64_t iova, uint8_t byte)
{
	return umd_dma_write_tagged(device, with, iova, &byte, 1);
}

/* ---- What the driver has enabled ----------------------------------------------------------- */

/* What a request gets with these bits of PASID control. */
static int check_with(uint32_t control, uint32_t pasid, bool execute, bool privileged)
{
	const struct umd_dma_prefix with = {pasid, execute, privileged};

	device_set_config(device, pasid_control(), 2, control);
	return umd_dma_check_prefix(device, &with, false);
}

static void test_what_is_not_enabled_is_refused(void **state)
{
	const uint32_t on = PCI_PASID_CTRL_ENABLE, exec = on | PCI_PASID_CTRL_EXEC,
		       priv = on | PCI_PASID_CTRL_PRIV;

	attach(3);
	assert_int_equal(check_with(0, 3, false, false), -EACCES);
	assert_int_equal(check_with(exec & ~on, 3, false, false), -EACCES);
	assert_int_equal(check_with(on, 3, false, false), 0);
	assert_int_equal(check_with(priv, 3, true, false), -ENOEXEC);
	assert_int_equal(check_with(exec, 3, false, true), -EPERM);
	assert_int_equal(check_with(exec, 3, true, false), 0);
	assert_int_equal(check_with(priv, 3, false, true), 0);
	assert_int_equal(check_with(exec | priv, 3, true, true), 0);
	assert_int_equal(check_with(on, 1u << WIDTH, false, false), -ERANGE);
	assert_int_equal(check_with(on, UINT32_MAX - 1, false, false), -ERANGE);
	assert_int_equal(check_with(on, 4, false, false), -ENXIO);
}

static void test_a_write_cannot_ask_for_execution(void **state)
{
	const struct umd_dma_prefix with = {.pasid = 3, .execute = true};

	attach(3);
	assert_int_equal(umd_dma_check_prefix(device, &with, true), -EINVAL);
	assert_int_equal(write_byte(&with, AT, 1), -EINVAL);
}

static void test_a_bus_master_in_d0_it_has_to_be(void **state)
{
	const struct umd_dma_prefix with = prefix(3);

	attach(3);
	map(3, AT, 1, R, 0);
	assert_int_equal(read_byte(&with, AT), 0);
	device_set_command(device, PCI_COMMAND_MEMORY);
	assert_int_equal(read_byte(&with, AT), -ENODEV);
	device_set_command(device, PCI_COMMAND_MASTER);
	device_set_config(device, device_cap(device, PCI_CAP_ID_PM, PCI_PM_CTRL), 2, 3);
	assert_int_equal(read_byte(&with, AT), -ENODEV);
}

static void test_a_device_without_pasids_has_none(void **state)
{
	struct device_log log;
	struct umd_device *plain = device_create(&log);
	struct umd_dma_space *space;
	const struct umd_dma_prefix with = prefix(0);
	struct umd_page_request request = {.prefix = with, .pages = 1, .read = true};

	assert_int_equal(umd_device_realize(plain, NULL), 0);
	device_set_command(plain, PCI_COMMAND_MASTER);
	assert_int_equal(umd_device_set_pasid_ops(plain, &(struct umd_pasid_ops){0}), -ENOENT);
	assert_int_equal(umd_dma_check_prefix(plain, &with, false), -EACCES);
	assert_null(umd_device_pasid_space(plain, 0));
	assert_int_equal(umd_pasid_attach(plain, 0), -ERANGE);
	assert_int_equal(umd_pasid_detach(plain, 0, &space), -ENOENT);
	request.prefix.pasid = UMD_DMA_NO_OWNER;
	assert_int_equal(umd_page_request_start(plain, &request), -EOPNOTSUPP);
	assert_int_equal(umd_page_request_stop(plain, 0), -EOPNOTSUPP);
	umd_page_request_cancel(plain, &request);
	umd_device_destroy(plain);
}

/* ---- Whose memory -------------------------------------------------------------------------- */

static void test_spaces_do_not_mix(void **state)
{
	const struct umd_dma_prefix none = prefix(UMD_DMA_NO_OWNER), three = prefix(3),
				    four = prefix(4);

	memory[0] = 30;
	memory[PAGE] = 40;
	attach(4);
	attach(3);
	map(3, AT, 1, R | W, 0);
	map(4, AT, 1, R | W, 1);
	assert_int_equal(read_byte(&three, AT), 30);
	assert_int_equal(read_byte(&four, AT), 40);
	assert_int_equal(read_byte(&none, AT), -EFAULT);
	assert_int_equal(write_byte(&four, AT, 41), 0);
	assert_int_equal(memory[0], 30);
	assert_int_equal(memory[PAGE], 41);
	assert_int_equal(umd_dma_space_unmap(umd_pasid_find(device, 3), AT, PAGE), 0);
	assert_int_equal(read_byte(&three, AT), -EFAULT);
	assert_int_equal(read_byte(&four, AT), 41);
}

static void test_no_prefix_is_the_default_space(void **state)
{
	struct umd_dma_prefix none = prefix(UMD_DMA_NO_OWNER);

	memory[0] = 7;
	assert_int_equal(umd_dma_space_map_fd(&device->space, AT, PAGE, R, file, 0), 0);
	device_set_config(device, pasid_control(), 2, 0);
	assert_int_equal(read_byte(&none, AT), 7);
	none.privileged = true;
	assert_int_equal(read_byte(&none, AT), -EINVAL);
	none = (struct umd_dma_prefix){.pasid = UMD_DMA_NO_OWNER, .execute = true};
	assert_int_equal(read_byte(&none, AT), -EINVAL);
}

/* Each permission that is asked for has to be granted, by every map of a range. */
static void test_a_map_grants_what_it_says(void **state)
{
	uint8_t bytes[2];

	attach(3);
	for (uint32_t prot = 1; prot < 16; prot++) {
		if (prot & (R | W))
			map(3, AT + prot * PAGE, 1, prot, prot);
	}
	for (uint32_t prot = 1; prot < 16; prot++) {
		for (uint32_t asked = 0; asked < 8; asked++) {
			const struct umd_dma_prefix with = {
				.pasid = 3, .execute = asked & 2, .privileged = asked & 4};
			uint32_t wanted = (asked & 1 ? W : R) | (asked & 2 ? X : 0);
			bool granted = (prot & wanted) == wanted && (!(prot & P) || (asked & 4));

			if ((asked & 1) && (asked & 2))
				continue;
			assert_int_equal(asked & 1 ? write_byte(&with, AT + prot * PAGE, 0)
						   : read_byte(&with, AT + prot * PAGE),
					 granted ? 0 : -EFAULT);
		}
	}
	assert_int_equal(umd_dma_read_tagged(device,
					     &(struct umd_dma_prefix){.pasid = 3, .execute = true},
					     AT + 6 * PAGE - 1, bytes, 2),
			 -EFAULT);
}

/* ---- Spaces come and go -------------------------------------------------------------------- */

static void test_attached_spaces_are_found_in_any_order(void **state)
{
	static const uint32_t order[] = {9, 2, 15, 0};

	for (size_t i = 0; i < UNIT_COUNT(order); i++)
		attach(order[i]);
	expect_spaces("+9+2+15+0");
	for (uint32_t pasid = 0; pasid < 16; pasid++) {
		bool there = pasid == 9 || pasid == 2 || pasid == 15 || pasid == 0;

		assert_int_equal(!!umd_device_pasid_space(device, pasid), there);
	}
	assert_int_equal(umd_pasid_attach(device, 9), -EEXIST);
	assert_int_equal(umd_pasid_attach(device, 1), -ENOSPC);
	assert_int_equal(detach(1), -ENOENT);
	assert_int_equal(detach(2), 0);
	assert_int_equal(detach(2), -ENOENT);
	expect_spaces("-2");
}

static void test_a_pasid_is_no_wider_than_the_capability(void **state)
{
	assert_int_equal(umd_pasid_attach(device, 1u << WIDTH), -ERANGE);
	assert_int_equal(umd_pasid_attach(device, UMD_DMA_NO_OWNER), -ERANGE);
}

static void test_a_space_that_is_attached_again_is_empty(void **state)
{
	const struct umd_dma_prefix with = prefix(3);

	attach(3);
	map(3, AT, 1, R, 0);
	assert_int_equal(detach(3), 0);
	assert_int_equal(read_byte(&with, AT), -ENXIO);
	assert_int_equal(umd_pasid_take_marker(device->pasids), 3);
	attach(3);
	assert_int_equal(read_byte(&with, AT), -EFAULT);
}

static void test_a_pasid_waits_for_its_stop_marker(void **state)
{
	attach(5);
	assert_int_equal(detach(5), 0);
	assert_int_equal(umd_pasid_attach(device, 5), -EBUSY);
	assert_int_equal(umd_pasid_take_marker(device->pasids), 5);
	attach(5);
	assert_int_equal(detach(5), 0);
	assert_int_equal(umd_pasid_take_marker(device->pasids), 5);
}

static void test_spaces_that_wait_for_their_markers_count_as_attached(void **state)
{
	for (uint32_t pasid = 0; pasid < LIMIT; pasid++)
		attach(pasid);
	assert_int_equal(detach(2), 0);
	assert_int_equal(detach(1), 0);
	assert_int_equal(umd_pasid_attach(device, 7), -EBUSY);
	assert_true(umd_pasids_have_marker(device->pasids));
	assert_int_equal(umd_pasid_take_marker(device->pasids), 2);
	attach(7);
	assert_int_equal(umd_pasid_take_marker(device->pasids), 1);
	assert_false(umd_pasids_have_marker(device->pasids));
	attach(2);
}

static void test_no_marker_is_made_for_a_client_that_takes_none(void **state)
{
	umd_pasid_open(device, LIMIT, false);
	attach(3);
	assert_int_equal(detach(3), 0);
	assert_false(umd_pasids_have_marker(device->pasids));
	attach(3);
}

static void test_reset_leaves_spaces_alone_and_disconnect_does_not(void **state)
{
	const struct umd_dma_prefix with = prefix(3);

	memory[0] = 9;
	attach(3);
	attach(5);
	map(3, AT, 1, R, 0);
	expect_spaces("+3+5");
	assert_int_equal(umd_device_reset_by_client(device), 0);
	umd_device_reset(device);
	expect_spaces("");
	assert_int_equal(read_byte(&with, AT), -ENODEV);
	device_set_command(device, PCI_COMMAND_MASTER);
	assert_int_equal(read_byte(&with, AT), -EACCES);
	enable();
	assert_int_equal(read_byte(&with, AT), 9);

	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	expect_spaces("-5-3");
	assert_false(umd_pasids_have_marker(device->pasids));
	enable();
	assert_int_equal(read_byte(&with, AT), -ENXIO);
	assert_int_equal(umd_pasid_attach(device, 3), -ENOSPC);
}

static void test_no_space_is_attached_while_a_dirty_log_runs(void **state)
{
	const struct umd_dma_range range = {.size = PAGE};

	assert_int_equal(umd_dma_space_start_log(&device->space, &range, 1, PAGE), 0);
	assert_int_equal(umd_pasid_attach(device, 3), -EBUSY);
	umd_dma_space_stop_log(&device->space);
	attach(3);
}

/* ---- Readers ------------------------------------------------------------------------------- */

static struct umd_dma_reader *reader_of(uint32_t pasid)
{
	struct umd_dma_reader *reader;

	assert_int_equal(umd_dma_reader_create(umd_device_pasid_space(device, pasid),
					       UMD_DMA_READER_NO_SIGBUS, &reader),
			 0);
	return reader;
}

static int resolve(struct umd_dma_reader *reader, uint32_t prot)
{
	struct umd_dma_segment segment;
	int result;

	umd_dma_enter(reader);
	result = umd_dma_resolve(reader, AT, 1, prot, &segment, 1);
	umd_dma_leave(reader);
	return result;
}

static void test_readers_see_what_is_enabled_and_granted(void **state)
{
	struct umd_dma_reader *reader;

	attach(3);
	assert_int_equal(umd_dma_space_owner(umd_device_pasid_space(device, 3)), 3);
	reader = reader_of(3);
	map(3, AT, 1, R | X, 0);
	assert_int_equal(resolve(reader, R), 1);
	assert_int_equal(resolve(reader, R | X), 1);
	assert_int_equal(resolve(reader, R | P), 1);
	assert_int_equal(resolve(reader, W), -EFAULT);
	device_set_config(device, pasid_control(), 2, 0);
	assert_int_equal(resolve(reader, R), -ENODEV);
	enable();
	assert_int_equal(resolve(reader, R), 1);
	device_set_command(device, 0);
	assert_int_equal(resolve(reader, R), -ENODEV);
	umd_dma_reader_destroy(reader);
}

static void test_a_space_attached_while_the_device_is_off_is_closed(void **state)
{
	struct umd_dma_reader *reader;

	device_set_config(device, pasid_control(), 2, 0);
	attach(3);
	map(3, AT, 1, R, 0);
	reader = reader_of(3);
	assert_int_equal(resolve(reader, R), -ENODEV);
	enable();
	assert_int_equal(resolve(reader, R), 1);
	umd_dma_reader_destroy(reader);
}

/* It lives on for them, and counts as one that the client may attach. */
static void test_a_space_that_has_gone_keeps_its_readers(void **state)
{
	struct umd_dma_reader *readers[LIMIT];

	umd_pasid_open(device, LIMIT, false);
	for (uint32_t i = 0; i < LIMIT; i++) {
		attach(i);
		map(i, AT, 1, R, i);
		readers[i] = reader_of(i);
		assert_int_equal(detach(i), 0);
		assert_int_equal(resolve(readers[i], R), -EFAULT);
	}
	assert_int_equal(umd_pasid_attach(device, 0), -EBUSY);
	umd_dma_reader_destroy(readers[2]);
	attach(0);
	assert_int_equal(resolve(readers[0], R), -EFAULT);
	assert_int_equal(umd_pasid_attach(device, 1), -EBUSY);
	for (uint32_t i = 0; i < LIMIT; i++) {
		if (i != 2)
			umd_dma_reader_destroy(readers[i]);
	}
	attach(1);
	attach(2);
	attach(3);
}

static void test_a_pin_keeps_its_memory_until_the_client_leaves(void **state)
{
	struct umd_dma_segment segment;
	struct umd_dma_space *space;
	struct umd_dma_reader *reader;
	uint64_t mark;

	memory[0] = 5;
	attach(3);
	map(3, AT, 1, R, 0);
	reader = reader_of(3);
	assert_int_equal(umd_dma_pin(reader, AT, 1, R, &segment, 1), 1);
	assert_int_equal(umd_pasid_detach(device, 3, &space), 0);
	mark = umd_dma_space_mark(space);
	assert_false(umd_dma_space_is_quiet(space, mark));
	assert_int_equal(*segment.base, 5);
	assert_int_equal(umd_dma_check(&segment, 1), 0);
	umd_pages_close(&device->pri->pages, -ECANCELED);
	umd_device_do_reset(device, UMD_RESET_DISCONNECT);
	assert_int_equal(umd_dma_check(&segment, 1), -EFAULT);
	assert_true(umd_dma_space_is_quiet(space, mark));
	umd_dma_unpin(&segment, 1);
	umd_dma_reader_destroy(reader);
}

static void test_the_device_is_told_what_is_unmapped_whose(void **state)
{
	attach(3);
	attach(5);
	map(3, AT, 1, R, 0);
	map(5, AT, 2, R, 0);
	unmaps[0] = '\0';
	assert_int_equal(umd_dma_space_unmap(umd_pasid_find(device, 5), AT, 2 * PAGE), 0);
	assert_string_equal(unmaps, "5:10000-11fff ");
	assert_int_equal(detach(3), 0);
	assert_string_equal(unmaps, "5:10000-11fff 3:0-ffffffffffffffff ");
	assert_int_equal(detach(5), 0);
	assert_string_equal(unmaps, "5:10000-11fff 3:0-ffffffffffffffff ");
}

/* ---- Transfers that fault ------------------------------------------------------------------ */

#define NOT_YET 1 /* no error, and no success */

static uint8_t buffer[16 * PAGE];
static int ended, again;
static struct umd_tagged_transfer transfer;

static void on_done(void *data, int error)
{
	assert_ptr_equal(data, &transfer);
	assert_int_equal(ended, NOT_YET);
	ended = error;
}

static int start(uint64_t iova, size_t size, bool write)
{
	transfer = (struct umd_tagged_transfer){.prefix = prefix(3),
						.iova = iova,
						.buffer = buffer,
						.size = size,
						.write = write,
						.may_wait = true,
						.done = on_done,
						.data = &transfer};
	ended = again = NOT_YET;
	return umd_dma_start_tagged(device, &transfer);
}

/* What the client is asked for next: a group that is out now. */
static const struct umd_page_group *asked(uint64_t address, uint32_t count, bool write)
{
	uint32_t index;
	const struct umd_page_group *group = umd_pages_next(&device->pri->pages, &index);

	assert_non_null(group);
	assert_int_equal(group->request->prefix.pasid, 3);
	assert_int_equal(group->request->address, address);
	assert_int_equal(group->request->pages, count);
	assert_int_equal(group->request->write, write);
	assert_int_equal(group->request->read, !write);
	return group;
}

static void respond(const struct umd_page_group *group, uint32_t code)
{
	const struct umd_pri_response response = {
		.id = group->id,
		.legible = true,
		.pasid = group->pasid,
		.group = umd_pages_index(&device->pri->pages, group),
		.code = code,
	};

	umd_pri_respond(device, &response);
}

static void test_what_is_mapped_is_copied_at_once(void **state)
{
	memset(memory, 0x5a, 3 * PAGE);
	attach(3);
	map(3, AT, 3, R | W, 0);
	assert_int_equal(start(AT + 5, 2 * PAGE, false), 0);
	assert_int_equal(buffer[2 * PAGE - 1], 0x5a);
	assert_int_equal(start(AT, 0, false), 0);
	assert_int_equal(ended, NOT_YET);
}

static void test_missing_pages_are_asked_for_up_to_the_next_one(void **state)
{
	for (unsigned int i = 0; i < 8; i++)
		memory[i * PAGE] = (uint8_t)(i + 1);
	attach(3);
	map(3, AT + 3 * PAGE, 1, R, 3);
	assert_int_equal(start(AT, 6 * PAGE, false), -EINPROGRESS);
	map(3, AT, 3, R, 0);
	respond(asked(AT, 3, false), UMD_PRI_SUCCESS);
	assert_int_equal(ended, NOT_YET);
	map(3, AT + 4 * PAGE, 2, R, 4);
	respond(asked(AT + 4 * PAGE, 2, false), UMD_PRI_SUCCESS);
	assert_int_equal(ended, 0);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(buffer[i * PAGE], i + 1);
}

static void test_a_write_asks_for_writing(void **state)
{
	attach(3);
	map(3, AT, 1, R, 0);
	memset(buffer, 0x77, PAGE);
	assert_int_equal(start(AT + 8, 16, true), -EINPROGRESS);
	assert_int_equal(umd_dma_space_unmap(umd_pasid_find(device, 3), AT, PAGE), 0);
	map(3, AT, 1, R | W, 0);
	respond(asked(AT, 1, true), UMD_PRI_SUCCESS);
	assert_int_equal(ended, 0);
	assert_int_equal(memory[8], 0x77);
	assert_int_equal(memory[24], 0);
}

static void test_a_page_is_asked_for_once(void **state)
{
	attach(3);
	assert_int_equal(start(AT, 2 * PAGE, false), -EINPROGRESS);
	map(3, AT, 1, R, 0);
	respond(asked(AT, 2, false), UMD_PRI_SUCCESS);
	assert_int_equal(ended, -EFAULT);
	assert_false(umd_pages_is_busy(&device->pri->pages));
}

static void test_no_more_is_asked_for_at_a_time_than_is_allowed(void **state)
{
	attach(3);
	device_set_config(device, pri_at(PCI_PRI_ALLOC_REQ), 4, 2);
	assert_int_equal(start(AT, 3 * PAGE, false), -EINPROGRESS);
	map(3, AT, 2, R, 0);
	respond(asked(AT, 2, false), UMD_PRI_SUCCESS);
	map(3, AT + 2 * PAGE, 1, R, 2);
	respond(asked(AT + 2 * PAGE, 1, false), UMD_PRI_SUCCESS);
	assert_int_equal(ended, 0);
	device_set_config(device, pri_at(PCI_PRI_ALLOC_REQ), 4, 0);
	assert_int_equal(start(AT + 4 * PAGE, 1, false), -E2BIG);
}

static void test_a_transfer_that_may_not_wait_does_not(void **state)
{
	attach(3);
	start(AT, 8, false);
	umd_dma_cancel_tagged(device, &transfer);
	transfer.may_wait = false;
	assert_int_equal(umd_dma_start_tagged(device, &transfer), -EFAULT);
	assert_int_equal(start(UINT64_MAX - 6, 8, false), -EFAULT);
	assert_int_equal(start(UINT64_MAX - 7, 8, false), -EINPROGRESS);
	umd_dma_cancel_tagged(device, &transfer);
	umd_dma_cancel_tagged(device, &transfer);
	assert_int_equal(ended, NOT_YET);
	assert_false(umd_pages_is_busy(&device->pri->pages));
}

static void test_what_ends_a_request_ends_the_transfer(void **state)
{
	static const struct {
		uint32_t code;
		int result;
	} rows[] = {{UMD_PRI_INVALID, -EFAULT}, {15, -EIO}};

	attach(3);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_int_equal(start(AT, 8, false), -EINPROGRESS);
		respond(asked(AT, 1, false), rows[i].code);
		assert_int_equal(ended, rows[i].result);
	}
	assert_int_equal(start(AT, 8, false), -EIO);
}

static void test_detaching_ends_it(void **state)
{
	attach(3);
	attach(5);
	assert_int_equal(start(AT, 8, false), -EINPROGRESS);
	assert_int_equal(detach(5), 0);
	assert_int_equal(ended, NOT_YET);
	assert_int_equal(detach(3), 0);
	assert_int_equal(ended, -ENXIO);
}

static void test_disabling_pasids_ends_it(void **state)
{
	attach(3);
	assert_int_equal(start(AT, 8, false), -EINPROGRESS);
	device_set_config(device, pasid_control(), 2, PCI_PASID_CTRL_EXEC);
	assert_int_equal(ended, -EACCES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_what_is_not_enabled_is_refused),
		TEST(test_a_write_cannot_ask_for_execution),
		TEST(test_a_bus_master_in_d0_it_has_to_be),
		TEST(test_a_device_without_pasids_has_none),
		TEST(test_spaces_do_not_mix),
		TEST(test_no_prefix_is_the_default_space),
		TEST(test_a_map_grants_what_it_says),
		TEST(test_attached_spaces_are_found_in_any_order),
		TEST(test_a_pasid_is_no_wider_than_the_capability),
		TEST(test_a_space_that_is_attached_again_is_empty),
		TEST(test_a_pasid_waits_for_its_stop_marker),
		TEST(test_spaces_that_wait_for_their_markers_count_as_attached),
		TEST(test_no_marker_is_made_for_a_client_that_takes_none),
		TEST(test_reset_leaves_spaces_alone_and_disconnect_does_not),
		TEST(test_no_space_is_attached_while_a_dirty_log_runs),
		TEST(test_readers_see_what_is_enabled_and_granted),
		TEST(test_a_space_attached_while_the_device_is_off_is_closed),
		TEST(test_a_space_that_has_gone_keeps_its_readers),
		TEST(test_a_pin_keeps_its_memory_until_the_client_leaves),
		TEST(test_the_device_is_told_what_is_unmapped_whose),
		TEST(test_what_is_mapped_is_copied_at_once),
		TEST(test_missing_pages_are_asked_for_up_to_the_next_one),
		TEST(test_a_write_asks_for_writing),
		TEST(test_a_page_is_asked_for_once),
		TEST(test_no_more_is_asked_for_at_a_time_than_is_allowed),
		TEST(test_a_transfer_that_may_not_wait_does_not),
		TEST(test_what_ends_a_request_ends_the_transfer),
		TEST(test_detaching_ends_it),
		TEST(test_disabling_pasids_ends_it),
	};

	return cmocka_run_group_tests_name("pasid", tests, NULL, NULL);
}
