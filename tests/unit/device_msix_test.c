/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X of a device: where table and pending bits may lie and what an author is told who puts them
 * elsewhere, the capability, and the table as a driver reaches it through its BAR.
 */
#include "device_fixture.h"

#include <linux/vfio.h>
#include <sys/eventfd.h>

static struct device_log told;
static struct umd_device *device;

static int setup(void **state)
{
	device = device_create(&told);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	return 0;
}

static void add_bar(unsigned int index, uint64_t size, unsigned int flags)
{
	struct umd_region region = {.size = size, .flags = flags};

	assert_int_equal(umd_device_add_bar(device, index, &region), 0);
}

/* Pages 2 and 3 of BAR 0 are memory. */
static void add_memory(void)
{
	static const struct umd_area area = {2 * PAGE, 2 * PAGE};
	int file = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(file, 4 * PAGE), 0);
	assert_int_equal(umd_device_add_memory(device, 0, file, 0, &area, 1), 0);
	close(file);
}

static void expect_refused(const struct umd_msix *msix, const char *text)
{
	struct umd_error error = {0};

	assert_int_equal(umd_device_add_msix(device, msix), 0);
	assert_int_equal(umd_device_realize(device, &error), -EINVAL);
	assert_int_equal(error.code, -EINVAL);
	assert_string_equal(error.text, text);
	assert_false(device->realized);
}

/* ---- What an author is told ---------------------------------------------------------------- */

static void test_places_that_table_and_pending_bits_cannot_have(void **state)
{
	static const struct {
		struct umd_msix msix;
		const char *text;
	} rows[] = {
		{{.vectors = 1, .table_bar = 4}, "MSI-X table: BAR 4 is no memory BAR"},
		{{.vectors = 1, .table_bar = 1}, "MSI-X table: BAR 1 is no memory BAR"},
		{{.vectors = 1, .table_bar = 3}, "MSI-X table: BAR 3 is no memory BAR"},
		{{.vectors = 1, .pba_bar = 1}, "MSI-X pending bits: BAR 1 is no memory BAR"},
		{{.vectors = 1, .table_offset = 4 * PAGE},
		 "MSI-X table: 16 bytes at 0x4000 do not fit into BAR 0"},
		{{.vectors = 1, .table_offset = 4 * PAGE - 8},
		 "MSI-X table: 16 bytes at 0x3ff8 do not fit into BAR 0"},
		{{.vectors = 2048}, "MSI-X table: 32768 bytes at 0x0 do not fit into BAR 0"},
		{{.vectors = 65, .pba_offset = 4 * PAGE - 8},
		 "MSI-X pending bits: 16 bytes at 0x3ff8 do not fit into BAR 0"},
		{{.vectors = 1, .table_offset = 3 * PAGE},
		 "MSI-X table: overlaps memory at 0x2000 of BAR 0"},
		{{.vectors = 2, .table_offset = 2 * PAGE - 16},
		 "MSI-X table: overlaps memory at 0x2000 of BAR 0"},
		{{.vectors = 1, .pba_offset = 2 * PAGE},
		 "MSI-X pending bits: overlaps memory at 0x2000 of BAR 0"},
		{{.vectors = 4, .table_offset = 64, .pba_offset = 120},
		 "MSI-X pending bits: overlaps memory at 0x40 of BAR 0"},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		add_bar(0, 4 * PAGE, 0);
		add_bar(1, 256, UMD_REGION_IO);
		add_bar(2, 4 * PAGE, UMD_REGION_MEM64);
		add_memory();
		expect_refused(&rows[i].msix, rows[i].text);
		teardown(state);
		setup(state);
	}
}

static void test_refusal_needs_no_reader(void **state)
{
	static const struct umd_msix msix = {.vectors = 1};

	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_realize(device, NULL), -EINVAL);
}

static void test_refusal_is_the_same_when_realising_is_tried_again(void **state)
{
	static const struct umd_msix msix = {.vectors = 1, .pba_offset = 4 * PAGE};
	struct umd_error first = {0}, second = {0};

	add_bar(0, 4 * PAGE, 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_realize(device, &first), -EINVAL);
	assert_int_equal(umd_device_realize(device, &second), -EINVAL);
	assert_string_equal(first.text, second.text);
}

/* What realising has done by the time it fails is no obstacle to the next time. */
static void test_refusal_for_another_reason_leaves_table_and_pending_bits_free(void **state)
{
	static const struct umd_msix msix = {.vectors = 1, .pba_offset = PAGE};
	static const struct umd_dsn dsn = {0};
	static const struct umd_pcie pcie = {0};
	struct umd_error error = {0};

	add_bar(0, 4 * PAGE, 0);
	assert_int_equal(umd_device_add_msix(device, &msix), 0);
	assert_int_equal(umd_device_add_dsn(device, &dsn), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(umd_device_realize(device, &error), -EINVAL);
		assert_non_null(strstr(error.text, "Device Serial Number"));
	}
	assert_int_equal(umd_device_add_pcie(device, &pcie), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
}

/* ---- The capability ------------------------------------------------------------------------ */

static unsigned int realize(const struct umd_msix *msix)
{
	add_bar(0, 64 * PAGE, 0);
	add_bar(2, 4 * PAGE, UMD_REGION_MEM64);
	assert_int_equal(umd_device_add_msix(device, msix), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	return device_config(device, PCI_CAPABILITY_LIST, 1);
}

static void test_capability_says_where_table_and_pending_bits_are(void **state)
{
	static const struct umd_msix msix = {.vectors = 2048,
					     .table_bar = 0,
					     .table_offset = 32 * PAGE,
					     .pba_bar = 2,
					     .pba_offset = PAGE};
	unsigned int at = realize(&msix);

	assert_int_equal(device_config(device, at, 1), PCI_CAP_ID_MSIX);
	assert_int_equal(device_config(device, at + 1, 1), 0);
	assert_int_equal(device_config(device, at + PCI_MSIX_FLAGS, 2), 2047);
	assert_int_equal(device_config(device, at + PCI_MSIX_TABLE, 4), 32 * PAGE);
	assert_int_equal(device_config(device, at + PCI_MSIX_PBA, 4), PAGE | 2);
}

static void test_driver_writes_enable_and_function_mask_only(void **state)
{
	static const struct umd_msix msix = {.vectors = 3, .pba_offset = PAGE};
	unsigned int at = realize(&msix);

	device_set_config(device, at + PCI_MSIX_FLAGS, 2, 0xffff);
	assert_int_equal(device_config(device, at + PCI_MSIX_FLAGS, 2),
			 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | 2);
	device_set_config(device, at + PCI_MSIX_TABLE, 4, UINT32_MAX);
	device_set_config(device, at + PCI_MSIX_PBA, 4, UINT32_MAX);
	assert_int_equal(device_config(device, at + PCI_MSIX_TABLE, 4), 0);
	assert_int_equal(device_config(device, at + PCI_MSIX_PBA, 4), PAGE);
	device_set_config(device, at + PCI_MSIX_FLAGS, 2, 0);
	assert_int_equal(device_config(device, at + PCI_MSIX_FLAGS, 2), 2);
}

/* ---- Through the BAR ----------------------------------------------------------------------- */

static const struct umd_msix small = {.vectors = 66, .table_offset = PAGE, .pba_offset = 2 * PAGE};
static int eventfds[66];

static void start_small(void)
{
	int fds[66];
	struct umd_irq_set set = {.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				  .index = UMD_IRQ_MSIX,
				  .count = 66,
				  .fds = fds,
				  .fd_count = 66};

	realize(&small);
	device_set_command(device, PCI_COMMAND_MEMORY);
	for (int i = 0; i < 66; i++) {
		eventfds[i] = eventfd(0, EFD_CLOEXEC);
		fds[i] = dup(eventfds[i]);
	}
	assert_int_equal(umd_irqs_set(&device->irqs, &set), 0);
}

static void stop_small(void)
{
	for (int i = 0; i < 66; i++)
		close(eventfds[i]);
}

static uint32_t get_table(uint64_t offset)
{
	uint8_t bytes[4];

	assert_int_equal(device_read(device, 0, PAGE + offset, bytes, 4), 0);
	return umd_get_le32(bytes);
}

static void set_table(uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	umd_put_le32(bytes, value);
	assert_int_equal(device_write(device, 0, PAGE + offset, bytes, 4), 0);
}

static void test_table_is_memory_with_masks(void **state)
{
	start_small();
	assert_int_equal(get_table(12), 1);
	set_table(0, 0xfee00000);
	set_table(8, 0x4041);
	set_table(12, 0xfffffffe);
	assert_int_equal(get_table(0), 0xfee00000);
	assert_int_equal(get_table(8), 0x4041);
	assert_int_equal(get_table(12), 0);
	assert_int_equal(get_table(28), 1);
	stop_small();
}

static void test_pending_bits_show_and_cannot_be_written(void **state)
{
	uint8_t bits[16], ones[16];

	start_small();
	memset(ones, 0xff, sizeof(ones));
	set_table(65 * 16 + 12, 1);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 65), 0);
	assert_int_equal(device_write(device, 0, 2 * PAGE, ones, 16), 0);
	assert_int_equal(device_read(device, 0, 2 * PAGE, bits, 16), 0);
	assert_int_equal(umd_get_le64(bits), 0);
	assert_int_equal(umd_get_le64(bits + 8), 2);
	set_table(65 * 16 + 12, 0);
	assert_int_equal(unit_take_events(eventfds[65]), 1);
	assert_int_equal(device_read(device, 0, 2 * PAGE, bits, 16), 0);
	assert_int_equal(umd_get_le64(bits + 8), 0);
	stop_small();
}

static void test_function_mask_of_the_capability_holds_back(void **state)
{
	start_small();
	set_table(12, 0);
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2,
			  PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 0), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 1), 0);
	assert_int_equal(unit_take_events(eventfds[0]), 0);
	assert_int_equal(unit_take_events(eventfds[1]), 1);
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2, 0);
	assert_int_equal(unit_take_events(eventfds[0]), 1);
	stop_small();
}

static void test_one_write_may_unmask_the_whole_table(void **state)
{
	uint8_t zeros[66 * 16] = {0};

	start_small();
	for (unsigned int i = 0; i < 66; i++) {
		set_table(i * 16 + 12, 1);
		assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, i), 0);
		assert_int_equal(unit_take_events(eventfds[i]), 0);
	}
	assert_int_equal(device_write(device, 0, PAGE, zeros, sizeof(zeros)), 0);
	for (unsigned int i = 0; i < 66; i++)
		assert_int_equal(unit_take_events(eventfds[i]), 1);
	stop_small();
}

static void test_reset_masks_the_table_and_frees_the_function(void **state)
{
	start_small();
	set_table(12, 0);
	device_set_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2, 0xc000);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 0), 0);
	umd_device_reset(device);
	device_set_command(device, PCI_COMMAND_MEMORY);
	assert_int_equal(get_table(12), 1);
	assert_int_equal(
		device_config(device, device_cap(device, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS), 2), 65);
	assert_int_equal(unit_take_events(eventfds[0]), 0);
	set_table(12, 0);
	assert_int_equal(unit_take_events(eventfds[0]), 0);
	assert_int_equal(umd_device_trigger(device, UMD_IRQ_MSIX, 0), 0);
	assert_int_equal(unit_take_events(eventfds[0]), 1);
	stop_small();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_places_that_table_and_pending_bits_cannot_have),
		TEST(test_refusal_needs_no_reader),
		TEST(test_refusal_is_the_same_when_realising_is_tried_again),
		TEST(test_refusal_for_another_reason_leaves_table_and_pending_bits_free),
		TEST(test_capability_says_where_table_and_pending_bits_are),
		TEST(test_driver_writes_enable_and_function_mask_only),
		TEST(test_table_is_memory_with_masks),
		TEST(test_pending_bits_show_and_cannot_be_written),
		TEST(test_function_mask_of_the_capability_holds_back),
		TEST(test_one_write_may_unmask_the_whole_table),
		TEST(test_reset_masks_the_table_and_frees_the_function),
	};

	return cmocka_run_group_tests_name("device_msix", tests, NULL, NULL);
}
