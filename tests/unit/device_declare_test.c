/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Declaring BARs, memory, ioeventfds and interrupts: each shape that PCI has is taken, and each
 * mistake that an author can make is told by its own error.
 */
#include "device_fixture.h"

#include <fcntl.h>
#include <sys/eventfd.h>

static struct device_log told;
static struct umd_device *device;
static int file; /* 64 pages */
static int fds_before;

static int setup(void **state)
{
	file = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(file, 64 * PAGE), 0);
	fds_before = unit_count_fds();
	device = device_create(&told);
	return 0;
}

static int teardown(void **state)
{
	umd_device_destroy(device);
	assert_int_equal(unit_count_fds(), fds_before);
	close(file);
	return 0;
}

static void again(void)
{
	umd_device_destroy(device);
	device = device_create(&told);
}

static uint64_t read_zero(void *data, uint64_t offset, unsigned int size)
{
	return 0;
}

static void write_nothing(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
}

static void access_nothing(void *data, struct umd_request *request)
{
}

static int add_bar(unsigned int index, uint64_t size, unsigned int flags)
{
	struct umd_region region = {.size = size, .flags = flags};

	return umd_device_add_bar(device, index, &region);
}

/* ---- BARs ---------------------------------------------------------------------------------- */

static void test_sizes_and_kinds_of_bars(void **state)
{
	static const struct {
		unsigned int index;
		uint64_t size;
		unsigned int flags;
		int err;
	} rows[] = {
		{0, 16, 0, 0},
		{5, UINT64_C(1) << 31, 0, 0},
		{0, UINT64_C(1) << 32, 0, -EINVAL},
		{0, 8, 0, -EINVAL},
		{0, 0, 0, -EINVAL},
		{0, 48, 0, -EINVAL},
		{0, 4095, 0, -EINVAL},
		{0, UINT64_MAX, 0, -EINVAL},
		{6, 16, 0, -EINVAL},
		{UINT32_MAX, 16, 0, -EINVAL},
		{0, 4, UMD_REGION_IO, 0},
		{0, 256, UMD_REGION_IO, 0},
		{0, 2, UMD_REGION_IO, -EINVAL},
		{0, 512, UMD_REGION_IO, -EINVAL},
		{0, 256, UMD_REGION_IO | UMD_REGION_MEM64, -EINVAL},
		{0, 256, UMD_REGION_IO | UMD_REGION_PREFETCH, -EINVAL},
		{0, 4096, 1u << 3, -EINVAL},
		{0, 4096, UINT32_MAX, -EINVAL},
		{0, 4096, UMD_REGION_PREFETCH, 0},
		{4, UINT64_C(1) << 63, UMD_REGION_MEM64 | UMD_REGION_PREFETCH, 0},
		{0, 8, UMD_REGION_MEM64, -EINVAL},
		{5, 4096, UMD_REGION_MEM64, -EINVAL},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int err = add_bar(rows[i].index, rows[i].size, rows[i].flags);

		if (err != rows[i].err)
			fail_msg("row %zu: %d", i, err);
		if (!err)
			again();
	}
}

static void test_register_accesses_have_sizes_that_there_are(void **state)
{
	for (unsigned int max = 0; max <= 32; max++) {
		struct umd_region region = {.size = 4096, .max_access = max};
		bool ok = max == 0 || max == 1 || max == 2 || max == 4 || max == 8;

		assert_int_equal(umd_device_add_bar(device, 0, &region), ok ? 0 : -EINVAL);
		if (ok)
			again();
	}
}

static void test_bar_has_registers_or_requests_and_not_both(void **state)
{
	struct umd_region region = {.size = 4096, .access = access_nothing, .read = read_zero};

	assert_int_equal(umd_device_add_bar(device, 0, &region), -EINVAL);
	region.read = NULL;
	region.write = write_nothing;
	assert_int_equal(umd_device_add_bar(device, 0, &region), -EINVAL);
	region.write = NULL;
	assert_int_equal(umd_device_add_bar(device, 0, &region), 0);
}

static void test_each_bar_is_declared_once(void **state)
{
	assert_int_equal(add_bar(2, 4096, UMD_REGION_MEM64), 0);
	assert_int_equal(add_bar(2, 4096, 0), -EEXIST);
	assert_int_equal(add_bar(3, 4096, 0), -EEXIST);
	assert_int_equal(add_bar(1, 4096, UMD_REGION_MEM64), -EEXIST);
	assert_int_equal(add_bar(1, 4096, 0), 0);
	assert_int_equal(add_bar(0, 4096, UMD_REGION_MEM64), -EEXIST);
	assert_int_equal(add_bar(4, 4096, UMD_REGION_MEM64), 0);
	assert_int_equal(add_bar(5, 4096, 0), -EEXIST);
}

/* ---- Memory -------------------------------------------------------------------------------- */

static int add_memory(const struct umd_area *areas, unsigned int count)
{
	return umd_device_add_memory(device, 0, file, 0, areas, count);
}

static void test_areas_that_a_bar_cannot_have(void **state)
{
	static const struct {
		struct umd_area areas[2];
		unsigned int count;
	} rows[] = {
		{{{0}}, 0},
		{{{0, 0}}, 1},
		{{{0, 1}}, 1},
		{{{0, PAGE + 1}}, 1},
		{{{1, PAGE}}, 1},
		{{{PAGE / 2, PAGE}}, 1},
		{{{16 * PAGE, PAGE}}, 1},
		{{{15 * PAGE, 2 * PAGE}}, 1},
		{{{0, 17 * PAGE}}, 1},
		{{{UINT64_MAX - PAGE + 1, PAGE}}, 1},
		{{{PAGE, UINT64_MAX - PAGE + 1}}, 1},
		{{{PAGE, PAGE}, {PAGE, PAGE}}, 2},
		{{{PAGE, 2 * PAGE}, {2 * PAGE, PAGE}}, 2},
		{{{4 * PAGE, PAGE}, {0, PAGE}}, 2},
	};

	assert_int_equal(add_bar(0, 16 * PAGE, 0), 0);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++)
		assert_int_equal(add_memory(rows[i].areas, rows[i].count), -EINVAL);
	assert_int_equal(device->bars[0].backed_count, 0);
}

static void test_a_few_areas_and_no_more(void **state)
{
	struct umd_area areas[UMD_AREAS_MAX + 1];

	for (unsigned int i = 0; i <= UMD_AREAS_MAX; i++)
		areas[i] = (struct umd_area){PAGE * 2 * i, PAGE};
	assert_int_equal(add_bar(0, 64 * PAGE, 0), 0);
	assert_int_equal(add_memory(areas, UMD_AREAS_MAX + 1), -EINVAL);
	assert_int_equal(add_memory(areas, UMD_AREAS_MAX), 0);
	assert_int_equal(add_memory(areas, 1), -EEXIST);
	assert_int_equal(device->bars[0].area_count, UMD_AREAS_MAX);
}

static void test_memory_needs_its_bar(void **state)
{
	static const struct umd_area area = {0, PAGE};

	for (unsigned int index = 0; index < 10; index++)
		assert_int_equal(umd_device_add_memory(device, index, file, 0, &area, 1), -EINVAL);
	assert_int_equal(add_bar(0, 256, UMD_REGION_IO), 0);
	assert_int_equal(add_memory(&area, 1), -EINVAL);
	assert_int_equal(add_bar(2, 16 * PAGE, UMD_REGION_MEM64), 0);
	assert_int_equal(umd_device_add_memory(device, 3, file, 0, &area, 1), -EINVAL);
}

static void test_memory_needs_a_file_that_stays_large_enough(void **state)
{
	static const struct umd_area area = {0, 2 * PAGE};
	int loose = memfd_create("loose", MFD_CLOEXEC);
	int small = memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(loose, 2 * PAGE), 0);
	assert_int_equal(ftruncate(small, 2 * PAGE - 1), 0);
	assert_int_equal(add_bar(0, 16 * PAGE, 0), 0);
	assert_int_equal(umd_device_add_memory(device, 0, loose, 0, &area, 1), -EPERM);
	assert_int_equal(umd_device_add_memory(device, 0, small, 0, &area, 1), -EINVAL);
	close(loose);
	close(small);
}

static void test_memory_needs_a_file_that_can_be_mapped(void **state)
{
	static const struct umd_area area = {0, PAGE};
	int event = eventfd(0, EFD_CLOEXEC), reads = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(add_bar(0, 16 * PAGE, 0), 0);
	assert_int_equal(umd_device_add_memory(device, 0, -1, 0, &area, 1), -EBADF);
	assert_int_equal(umd_device_add_memory(device, 0, event, 0, &area, 1), -EPERM);
	assert_int_equal(umd_device_add_memory(device, 0, reads, 0, &area, 1), -EPERM);
	assert_int_equal(umd_device_add_memory(device, 0, file, 1, &area, 1), -EINVAL);
	assert_true(umd_device_add_memory(device, 0, file, UINT64_MAX - PAGE + 1, &area, 1) < 0);
	assert_int_equal(device->bars[0].backed_count, 0);
	assert_int_equal(umd_device_add_memory(device, 0, file, 48 * PAGE, &area, 1), 0);
	close(event);
	close(reads);
}

/* ---- Ioeventfds ---------------------------------------------------------------------------- */

static void test_ioeventfds_lie_in_their_bar(void **state)
{
	static const struct {
		unsigned int index;
		uint64_t offset, size;
		unsigned int flags;
		int err;
	} rows[] = {
		{0, 0, 0, 0, 0},
		{0, 4095, 1, 0, 0},
		{0, 4094, 2, UMD_IOEVENTFD_DATAMATCH, 0},
		{0, 4092, 4, 0, 0},
		{0, 4088, 8, 0, 0},
		{0, 4095, 0, 0, 0},
		{0, 4096, 0, 0, -EINVAL},
		{0, 4096, 1, 0, -EINVAL},
		{0, 4095, 2, 0, -EINVAL},
		{0, 4089, 8, 0, -EINVAL},
		{0, UINT64_MAX, 1, 0, -EINVAL},
		{0, UINT64_MAX, 0, 0, -EINVAL},
		{0, UINT64_MAX - 7, 8, 0, -EINVAL},
		{0, 0, 3, 0, -EINVAL},
		{0, 0, 16, 0, -EINVAL},
		{0, 0, UINT64_MAX, 0, -EINVAL},
		{0, 0, 4, 2, -EINVAL},
		{0, 0, 4, UINT32_MAX, -EINVAL},
		{1, 0, 4, 0, -EINVAL},
		{6, 0, 4, 0, -EINVAL},
		{UINT32_MAX, 0, 4, 0, -EINVAL},
	};
	int event = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(add_bar(0, 4096, 0), 0);
	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		int err = umd_device_add_ioeventfd(device, rows[i].index, rows[i].offset,
						   rows[i].size, rows[i].flags, 7, event);

		if (err != rows[i].err)
			fail_msg("row %zu: %d", i, err);
	}
	assert_int_equal(umd_device_add_ioeventfd(device, 0, 0, 4, 0, 0, -1), -EBADF);
	close(event);
}

static void test_a_few_ioeventfds_and_no_more(void **state)
{
	int event = eventfd(0, EFD_CLOEXEC);

	assert_int_equal(add_bar(0, 4096, 0), 0);
	for (unsigned int i = 0; i < UMD_IOEVENTFDS_MAX; i++)
		assert_int_equal(
			umd_device_add_ioeventfd(device, 0, UINT64_C(4) * i, 4, 0, 0, event), 0);
	assert_int_equal(umd_device_add_ioeventfd(device, 0, 0, 4, 0, 0, event), -ENOSPC);
	close(event);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static void test_intx_has_one_of_four_pins(void **state)
{
	assert_int_equal(umd_device_add_intx(device, 0), -EINVAL);
	assert_int_equal(umd_device_add_intx(device, 5), -EINVAL);
	assert_int_equal(umd_device_add_intx(device, UINT32_MAX), -EINVAL);
	assert_int_equal(umd_device_add_intx(device, 4), 0);
	assert_int_equal(umd_device_add_intx(device, 4), -EEXIST);
	assert_int_equal(umd_device_add_intx(device, 1), -EEXIST);
}

static void test_msix_has_numbers_that_its_capability_can_hold(void **state)
{
	static const struct {
		struct umd_msix msix;
		int err;
	} rows[] = {
		{{.vectors = 0}, -EINVAL},
		{{.vectors = 2049}, -EINVAL},
		{{.vectors = UINT32_MAX}, -EINVAL},
		{{.vectors = 1, .table_bar = 6}, -EINVAL},
		{{.vectors = 1, .pba_bar = 6}, -EINVAL},
		{{.vectors = 1, .pba_bar = UINT32_MAX}, -EINVAL},
		{{.vectors = 1, .table_offset = 4}, -EINVAL},
		{{.vectors = 1, .pba_offset = 12}, -EINVAL},
		{{.vectors = 1, .table_offset = UINT64_C(1) << 32}, -EINVAL},
		{{.vectors = 1, .pba_offset = UINT64_C(1) << 32}, -EINVAL},
		{{.vectors = 1, .table_offset = UINT64_MAX - 7}, -EINVAL},
		{{.vectors = 1}, 0},
		{{.vectors = 2048, .table_bar = 5, .pba_bar = 5, .pba_offset = 0xfffffff8}, 0},
	};

	for (size_t i = 0; i < UNIT_COUNT(rows); i++) {
		assert_int_equal(umd_device_add_msix(device, &rows[i].msix), rows[i].err);
		if (rows[i].err)
			continue;
		assert_int_equal(umd_device_add_msix(device, &rows[i].msix), -EEXIST);
		again();
	}
}

/* ---- A declaration that fails is remembered ------------------------------------------------ */

static void bad_bar(void)
{
	add_bar(3, 100, 0);
}

static void bar_twice(void)
{
	add_bar(0, 4096, 0);
	add_bar(0, 4096, 0);
}

static void bad_memory(void)
{
	static const struct umd_area area = {0, PAGE};

	umd_device_add_memory(device, 2, file, 0, &area, 1);
}

static void file_that_can_shrink(void)
{
	static const struct umd_area area = {0, PAGE};
	int loose = memfd_create("loose", MFD_CLOEXEC);

	assert_int_equal(ftruncate(loose, PAGE), 0);
	add_bar(1, PAGE, 0);
	umd_device_add_memory(device, 1, loose, 0, &area, 1);
	close(loose);
}

static void bad_ioeventfd(void)
{
	umd_device_add_ioeventfd(device, 4, 0, 4, 0, 0, file);
}

static void ioeventfd_that_is_none(void)
{
	add_bar(1, PAGE, 0);
	umd_device_add_ioeventfd(device, 1, 0, 4, 0, 0, -1);
}

static void bad_pin(void)
{
	umd_device_add_intx(device, 5);
}

static void pin_twice(void)
{
	umd_device_add_intx(device, 1);
	umd_device_add_intx(device, 1);
}

static void bad_msi(void)
{
	umd_device_add_msi(device, &(struct umd_msi){.messages = 3});
}

static void bad_msix(void)
{
	umd_device_add_msix(device, &(struct umd_msix){.vectors = 4096});
}

static void bad_pm(void)
{
	umd_device_add_pm(device, &(struct umd_pm){.aux_power = 9, .pme = 1u << 4});
}

static void bad_pcie(void)
{
	umd_device_add_pcie(device, &(struct umd_pcie){.max_payload = 100});
}

static void af_twice(void)
{
	umd_device_add_af(device, &(struct umd_af){0});
	umd_device_add_af(device, &(struct umd_af){0});
}

static void bad_vendor(void)
{
	umd_device_add_vendor_cap(device, &(struct umd_vendor_cap){.body = {.size = 254}});
}

static void bad_place(void)
{
	umd_device_add_pm(device, &(struct umd_pm){.at = 0x3c});
}

static void two_at_a_place(void)
{
	umd_device_add_pm(device, &(struct umd_pm){.at = 0x40});
	umd_device_add_msi(device, &(struct umd_msi){.at = 0x44, .messages = 1});
}

static void extended_without_pci_express(void)
{
	umd_device_add_dsn(device, &(struct umd_dsn){.serial = 1});
}

static void bad_pri(void)
{
	umd_device_add_pri(device, &(struct umd_pri){.capacity = 0});
}

static void bad_vpd(void)
{
	umd_device_add_vpd(device, &(struct umd_vpd){.bytes = "abc", .size = 3});
}

static void bad_rebar(void)
{
	umd_device_add_rebar(device, &(struct umd_rebar){.count = 1});
}

static void bad_dpa(void)
{
	umd_device_add_dpa(device, &(struct umd_dpa){.substates = 33});
}

static void bad_rom(void)
{
	umd_device_add_rom(device, "", 0);
}

/* What a declaration ends with, and what its author reads of it when the device is realised. */
static const struct mistake {
	void (*declare)(void);
	int code;
	const char *why;
} mistakes[] = {
	{bad_bar, -EINVAL, "BAR 3: size is no power of two"},
	{bar_twice, -EEXIST, "BAR 0: its place is taken"},
	{bad_memory, -EINVAL, "memory of BAR 2"},
	{file_that_can_shrink, -EPERM, "memory of BAR 1: the file is no memfd"},
	{bad_ioeventfd, -EINVAL, "BAR 4: no place or shape for an ioeventfd"},
	{ioeventfd_that_is_none, -EBADF, "BAR 1: cannot duplicate"},
	{bad_pin, -EINVAL, "INTx: pin 5"},
	{pin_twice, -EEXIST, "INTx"},
	{bad_msi, -EINVAL, "MSI: messages 3"},
	{bad_msix, -EINVAL, "MSI-X: vectors 4096"},
	{bad_pm, -EINVAL, "Power Management: aux_power 9"},
	{bad_pcie, -EINVAL, "PCI Express: max_payload 100"},
	{af_twice, -EEXIST, "Advanced Features"},
	{bad_vendor, -EINVAL, "Vendor-Specific: body.size 254"},
	{bad_place, -EINVAL, "Power Management: at 0x3c"},
	{two_at_a_place, -EEXIST, "MSI: at 0x44 overlaps Power Management at 0x40"},
	{extended_without_pci_express, -EINVAL, "Device Serial Number"},
	{bad_pri, -EINVAL, "Page Request Interface: capacity 0"},
	{bad_vpd, -EINVAL, "Vital Product Data: size 3"},
	{bad_rebar, -EINVAL, "Resizable BAR"},
	{bad_dpa, -EINVAL, "Dynamic Power Allocation: substates 33"},
	{bad_rom, -EINVAL, "ROM: size 0"},
};

static void test_failed_declaration_makes_realising_fail_with_its_sentence(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(mistakes); i++) {
		mistakes[i].declare();
		for (int n = 0; n < 2; n++)
			device_expect_refused(device, mistakes[i].code, mistakes[i].why);
		assert_int_equal(umd_device_realize(device, NULL), mistakes[i].code);
		again();
	}
}

/* Those that follow may only follow from it; they neither replace it nor make it good. */
static void test_first_failure_is_the_one_that_is_told(void **state)
{
	for (size_t i = 0; i < UNIT_COUNT(mistakes); i++) {
		const struct mistake *other = &mistakes[i ? 0 : 1];

		mistakes[i].declare();
		if (mistakes[i].declare != extended_without_pci_express)
			other->declare();
		umd_device_add_bar(device, 5, &(struct umd_region){.size = PAGE});
		device_expect_refused(device, mistakes[i].code, mistakes[i].why);
		again();
	}
}

/* ---- Too late ------------------------------------------------------------------------------ */

static void test_nothing_is_added_to_a_realised_device(void **state)
{
	static const struct umd_region region = {.size = 4096};
	static const struct umd_area area = {0, PAGE};
	static const struct umd_msix msix = {.vectors = 1};

	assert_int_equal(add_bar(0, 4096, 0), 0);
	assert_int_equal(umd_device_realize(device, NULL), 0);
	assert_int_equal(umd_device_add_bar(device, 1, &region), -EBUSY);
	assert_int_equal(add_memory(&area, 1), -EBUSY);
	assert_int_equal(umd_device_add_rom(device, "rom", 3), -EBUSY);
	assert_int_equal(umd_device_add_ioeventfd(device, 0, 0, 4, 0, 0, file), -EBUSY);
	assert_int_equal(umd_device_add_intx(device, 1), -EBUSY);
	assert_int_equal(umd_device_add_msix(device, &msix), -EBUSY);
}

/* Neither the capabilities' calls, whatever they are called with. */
static void test_no_capability_is_added_to_a_realised_device(void **state)
{
	static uint8_t before[256], after[256];

	assert_int_equal(umd_device_realize(device, NULL), 0);
	memcpy(before, device->config.bytes, sizeof(before));
	assert_int_equal(umd_device_add_pm(device, &(struct umd_pm){0}), -EBUSY);
	assert_int_equal(umd_device_add_msi(device, &(struct umd_msi){0}), -EBUSY);
	assert_int_equal(umd_device_add_pcie(device, &(struct umd_pcie){0}), -EBUSY);
	assert_int_equal(umd_device_add_af(device, &(struct umd_af){0}), -EBUSY);
	assert_int_equal(umd_device_add_vpd(device, &(struct umd_vpd){0}), -EBUSY);
	assert_int_equal(umd_device_add_vendor_cap(device, &(struct umd_vendor_cap){0}), -EBUSY);
	assert_int_equal(umd_device_add_aer(device, &(struct umd_aer){0}), -EBUSY);
	assert_int_equal(umd_device_add_dsn(device, &(struct umd_dsn){0}), -EBUSY);
	assert_int_equal(umd_device_add_vsec(device, &(struct umd_vsec){0}), -EBUSY);
	assert_int_equal(umd_device_add_dvsec(device, &(struct umd_dvsec){0}), -EBUSY);
	assert_int_equal(umd_device_add_acs(device, &(struct umd_acs){0}), -EBUSY);
	assert_int_equal(umd_device_add_ari(device, &(struct umd_ari){0}), -EBUSY);
	assert_int_equal(umd_device_add_ats(device, &(struct umd_ats){0}), -EBUSY);
	assert_int_equal(umd_device_add_pri(device, &(struct umd_pri){0}), -EBUSY);
	assert_int_equal(umd_device_add_pasid(device, &(struct umd_pasid){0}), -EBUSY);
	assert_int_equal(umd_device_add_ltr(device, &(struct umd_ltr){0}), -EBUSY);
	assert_int_equal(umd_device_add_tph(device, &(struct umd_tph){0}), -EBUSY);
	assert_int_equal(umd_device_add_rebar(device, &(struct umd_rebar){0}), -EBUSY);
	assert_int_equal(umd_device_add_sriov(device, &(struct umd_sriov){0}), -EBUSY);
	assert_int_equal(umd_device_add_dpa(device, &(struct umd_dpa){0}), -EBUSY);
	memcpy(after, device->config.bytes, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(device->declared.code, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_sizes_and_kinds_of_bars),
		TEST(test_register_accesses_have_sizes_that_there_are),
		TEST(test_bar_has_registers_or_requests_and_not_both),
		TEST(test_each_bar_is_declared_once),
		TEST(test_areas_that_a_bar_cannot_have),
		TEST(test_a_few_areas_and_no_more),
		TEST(test_memory_needs_its_bar),
		TEST(test_memory_needs_a_file_that_stays_large_enough),
		TEST(test_memory_needs_a_file_that_can_be_mapped),
		TEST(test_ioeventfds_lie_in_their_bar),
		TEST(test_a_few_ioeventfds_and_no_more),
		TEST(test_intx_has_one_of_four_pins),
		TEST(test_msix_has_numbers_that_its_capability_can_hold),
		TEST(test_failed_declaration_makes_realising_fail_with_its_sentence),
		TEST(test_first_failure_is_the_one_that_is_told),
		TEST(test_nothing_is_added_to_a_realised_device),
		TEST(test_no_capability_is_added_to_a_realised_device),
	};

	return cmocka_run_group_tests_name("device_declare", tests, NULL, NULL);
}
