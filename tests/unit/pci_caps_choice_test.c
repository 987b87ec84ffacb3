/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities by which a driver chooses, byte by byte as PCIe 5.0 has them: latency,
 * power, steering tags, sizes of BARs, virtual functions.
 */
#include "pci_caps_fixture.h"

#include <linux/pci_regs.h>

#define MIB (UINT64_C(1) << 20)

/* ---- Latency Tolerance Reporting (section 7.8.2) ------------------------------------------- */

static void test_latency_tolerance_has_a_value_and_a_scale_each(void **state)
{
	caps_check(umd_pci_add_ltr(&config, &(struct umd_ltr){.at = 0}, &error),
		   &(struct caps_golden){
			   .initial = "18 00 01 00 00 00 00 00",
			   .ones = "18 00 01 00 ff 1f ff 1f",
		   });
}

/* ---- Dynamic Power Allocation (section 7.9.12) --------------------------------------------- */

static void test_power_allocation_has_a_power_for_each_substate(void **state)
{
	const struct umd_dpa dpa = {.substates = 3,
				    .latency_unit = 1,
				    .latency = {7, 9},
				    .latency_indicator = 0x2,
				    .power_scale = 2,
				    .power = (const uint8_t[]){200, 100, 50}};

	/* Control is enabled until the driver writes a one there. */
	caps_check(umd_pci_add_dpa(&config, &dpa, &error),
		   &(struct caps_golden){
			   .initial = "16 00 01 00 02 21 07 09 02 00 00 00 00 01 00 00"
				      " c8 64 32",
			   .ones = "16 00 01 00 02 21 07 09 02 00 00 00 00 00 1f 00"
				   " c8 64 32",
			   .zeros = "16 00 01 00 02 21 07 09 02 00 00 00 00 00 00 00"
				    " c8 64 32",
			   .w1c = "00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00"
				  " 00 00 00",
		   });
}

static void test_power_allocation_at_its_largest(void **state)
{
	const uint8_t power[32] = {0};
	const struct umd_dpa dpa = {.substates = 32,
				    .latency_unit = 2,
				    .latency = {255, 255},
				    .latency_indicator = UINT32_MAX,
				    .power_scale = 3,
				    .power = power};

	assert_int_equal(umd_pci_add_dpa(&config, &dpa, &error), 0x100);
	caps_same_hex("registers", 0x100, "16 00 01 00 1f 32 ff ff ff ff ff ff 00 01 00 00");
	assert_int_equal(config.caps[0].size, 48);
}

static void test_power_allocation_refuses(void **state)
{
	static const uint8_t rising[] = {1, 1, 2};
	static const struct {
		struct umd_dpa cap;
		const char *text;
	} rows[] = {
		{{.substates = 0, .power = rising},
		 "Dynamic Power Allocation: substates 0 is not 1 to 32"},
		{{.substates = 33, .power = rising},
		 "Dynamic Power Allocation: substates 33 is not 1 to 32"},
		{{.substates = 1, .latency_unit = 3, .power = rising},
		 "Dynamic Power Allocation: latency_unit 3 is not 0 to 2"},
		{{.substates = 1, .power_scale = 4, .power = rising},
		 "Dynamic Power Allocation: power_scale 4 is not 0 to 3"},
		{{.substates = 2, .latency_indicator = 0x4, .power = rising},
		 "Dynamic Power Allocation: latency_indicator 0x4 has bits beyond 2 substates"},
		{{.substates = 1}, "Dynamic Power Allocation: power is missing"},
		{{.substates = 3, .power = rising},
		 "Dynamic Power Allocation: power[2] 2 is more than power[1] 1"},
	};

	CAPS_REFUSES(umd_pci_add_dpa, rows);
}

/* ---- TPH Requester (section 7.9.13) -------------------------------------------------------- */

static void test_hints_with_a_table_of_extended_tags(void **state)
{
	const struct umd_tph tph = {.interrupt_vector_mode = true,
				    .extended = true,
				    .table_location = PCI_TPH_LOC_CAP,
				    .table_entries = 3};

	caps_check(umd_pci_add_tph(&config, &tph, &error),
		   &(struct caps_golden){
			   .initial = "17 00 01 00 03 03 02 00 00 00 00 00"
				      " 00 00 00 00 00 00",
			   .ones = "17 00 01 00 03 03 02 00 07 03 00 00"
				   " ff ff ff ff ff ff",
		   });
}

static void test_hints_with_a_table_of_8_bit_tags(void **state)
{
	const struct umd_tph tph = {.device_specific_mode = true,
				    .table_location = PCI_TPH_LOC_CAP,
				    .table_entries = 2};

	caps_check(umd_pci_add_tph(&config, &tph, &error),
		   &(struct caps_golden){
			   .initial = "17 00 01 00 05 02 01 00 00 00 00 00 00 00 00 00",
			   .ones = "17 00 01 00 05 02 01 00 07 01 00 00 ff 00 ff 00",
		   });
}

static void test_hints_with_their_table_in_msix(void **state)
{
	const struct umd_tph tph = {.interrupt_vector_mode = true,
				    .table_location = PCI_TPH_LOC_MSIX,
				    .table_entries = 2048};

	caps_check(umd_pci_add_tph(&config, &tph, &error),
		   &(struct caps_golden){
			   .initial = "17 00 01 00 03 04 ff 07 00 00 00 00",
			   .ones = "17 00 01 00 03 04 ff 07 07 01 00 00",
		   });
}

static void test_hints_without_a_table(void **state)
{
	caps_check(umd_pci_add_tph(&config, &(struct umd_tph){.table_entries = 0}, &error),
		   &(struct caps_golden){
			   .initial = "17 00 01 00 01 00 00 00 00 00 00 00",
			   .ones = "17 00 01 00 01 00 00 00 07 01 00 00",
		   });
}

static void test_hints_with_the_largest_table_of_their_own(void **state)
{
	const struct umd_tph tph = {.table_location = PCI_TPH_LOC_CAP, .table_entries = 64};

	assert_int_equal(umd_pci_add_tph(&config, &tph, &error), 0x100);
	assert_int_equal(config.caps[0].size, 12 + 128);
	caps_write(0x100, 0xff);
	caps_same_hex("the last tag", 0x100 + 12 + 126, "ff 00 00 00");
}

static void test_hints_refuse(void **state)
{
	static const struct {
		struct umd_tph cap;
		const char *text;
	} rows[] = {
		{{.interrupt_vector_mode = true},
		 "TPH Requester: interrupt_vector_mode without a table"},
		{{.table_entries = 1}, "TPH Requester: table_entries 1 is not 0 to 0"},
		{{.table_location = PCI_TPH_LOC_CAP},
		 "TPH Requester: table_entries 0 is not 1 to 64"},
		{{.table_location = PCI_TPH_LOC_CAP, .table_entries = 65},
		 "TPH Requester: table_entries 65 is not 1 to 64"},
		{{.table_location = PCI_TPH_LOC_MSIX, .table_entries = 2049},
		 "TPH Requester: table_entries 2049 is not 1 to 2048"},
		{{.table_location = 0x600, .table_entries = 1},
		 "TPH Requester: table_location 0x600 is not one of PCI_TPH_LOC_NONE, "
		 "PCI_TPH_LOC_CAP, PCI_TPH_LOC_MSIX"},
	};

	CAPS_REFUSES(umd_pci_add_tph, rows);
}

/* ---- Resizable BAR (section 7.8.6) --------------------------------------------------------- */

static void test_resizable_bars_begin_at_their_largest(void **state)
{
	static const uint64_t largest[] = {8 * MIB, UINT64_C(1) << 47};
	const struct umd_rebar rebar = {
		.count = 2,
		.bars = {{.bar = 2, .sizes = 15 * MIB},
			 {.bar = 0, .sizes = UINT64_C(1) << 47 | UINT64_C(1) << 28}}};

	caps_check(umd_pci_add_rebar(&config, &rebar, largest, &error),
		   &(struct caps_golden){
			   .initial = "15 00 01 00 f0 00 00 00 42 03 00 00"
				      " 00 10 00 80 00 1b 00 00",
			   .ones = "15 00 01 00 f0 00 00 00 42 3f 00 00"
				   " 00 10 00 80 00 3f 00 00",
			   .zeros = "15 00 01 00 f0 00 00 00 42 00 00 00"
				    " 00 10 00 80 00 00 00 00",
		   });
}

static void test_all_six_bars_may_be_resizable(void **state)
{
	static const uint64_t largest[] = {MIB, MIB, MIB, MIB, MIB, MIB};
	struct umd_rebar rebar = {.count = 6};

	for (unsigned int i = 0; i < 6; i++) {
		rebar.bars[i].bar = 5 - i;
		rebar.bars[i].sizes = MIB;
	}
	assert_int_equal(umd_pci_add_rebar(&config, &rebar, largest, &error), 0x100);
	caps_same_hex("registers", 0x100,
		      "15 00 01 00 10 00 00 00 c5 00 00 00 10 00 00 00 04 00 00 00"
		      " 10 00 00 00 03 00 00 00 10 00 00 00 02 00 00 00"
		      " 10 00 00 00 01 00 00 00 10 00 00 00 00 00 00 00");
	assert_int_equal(config.caps[0].size, 52);
}

/* The device of the refused rows: its BARs 0 and 1 have 8 MiB, the others are not there. */
static int add_rebar(struct umd_pci_config *to, const struct umd_rebar *rebar,
		     struct umd_error *ret)
{
	uint64_t largest[6] = {0};

	for (unsigned int i = 0; i < rebar->count && i < 6; i++)
		largest[i] = rebar->bars[i].bar < 2 ? 8 * MIB : 0;
	return umd_pci_add_rebar(to, rebar, largest, ret);
}

static void test_resizable_bars_refuse(void **state)
{
	static const struct {
		struct umd_rebar cap;
		const char *text;
	} rows[] = {
		{{.count = 0}, "Resizable BAR: count 0 is not 1 to 6"},
		{{.count = 7}, "Resizable BAR: count 7 is not 1 to 6"},
		{{.count = 1, .bars = {{.bar = 6, .sizes = 8 * MIB}}},
		 "Resizable BAR: bars[0].bar 6 is not 0 to 5"},
		{{.count = 1, .bars = {{.bar = 2, .sizes = 8 * MIB}}},
		 "Resizable BAR: bars[0].bar 2 is no memory BAR of the device"},
		{{.count = 2, .bars = {{.bar = 1, .sizes = 8 * MIB}, {.bar = 1, .sizes = 8 * MIB}}},
		 "Resizable BAR: bars[1].bar 1 is there twice"},
		{{.count = 1, .bars = {{.sizes = 0}}},
		 "Resizable BAR: bars[0].sizes 0x0 are not of 1 MiB to 128 TiB"},
		{{.count = 1, .bars = {{.sizes = 8 * MIB | 4096}}},
		 "Resizable BAR: bars[0].sizes 0x801000 are not of 1 MiB to 128 TiB"},
		{{.count = 1, .bars = {{.sizes = 8 * MIB | UINT64_C(1) << 48}}},
		 "Resizable BAR: bars[0].sizes 0x1000000800000 are not of 1 MiB to 128 TiB"},
		{{.count = 2, .bars = {{.sizes = 12 * MIB}, {.bar = 1, .sizes = 7 * MIB}}},
		 "Resizable BAR: bars[1].sizes 0x700000: the largest is not the BAR's 0x800000"},
		{{.count = 1, .bars = {{.sizes = 31 * MIB}}},
		 "Resizable BAR: bars[0].sizes 0x1f00000: the largest is not the BAR's 0x800000"},
	};

	CAPS_REFUSES(add_rebar, rows);
}

/* ---- Single Root I/O Virtualization (section 9.3.3) ---------------------------------------- */

static void test_virtual_functions_can_only_be_looked_at(void **state)
{
	const struct umd_sriov sriov = {
		.total_vfs = 8,
		.vf_offset = 0x80,
		.vf_stride = 2,
		.vf_device = 0x10ca,
		.bar_sizes = {0x4000, 0, 0x1000, UINT64_C(1) << 40, 0, UINT64_C(1) << 31},
		.bar_flags = {UMD_REGION_MEM64 | UMD_REGION_PREFETCH, 0, 0, UMD_REGION_MEM64, 0,
			      UMD_REGION_PREFETCH}};

	caps_check(umd_pci_add_sriov(&config, &sriov, &error),
		   &(struct caps_golden){
			   .initial = "10 00 01 00 00 00 00 00 00 00 00 00 08 00 08 00"
				      " 00 00 00 00 80 00 02 00 00 00 ca 10 53 05 00 00"
				      " 01 00 00 00 0c 00 00 00 00 00 00 00 00 00 00 00"
				      " 04 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00",
		   });
}

static void test_virtual_functions_may_have_more_page_sizes(void **state)
{
	const struct umd_sriov sriov = {.total_vfs = 1, .vf_offset = 1, .page_sizes = 0xfff};

	assert_int_equal(umd_pci_add_sriov(&config, &sriov, &error), 0x100);
	caps_same_hex("page sizes", 0x11c, "ff 0f 00 00 01 00 00 00");
}

static void test_virtual_functions_refuse(void **state)
{
	static const struct {
		struct umd_sriov cap;
		const char *text;
	} rows[] = {
		{{.vf_offset = 1}, "SR-IOV: total_vfs is 0"},
		{{.total_vfs = 1}, "SR-IOV: vf_offset is 0"},
		{{.total_vfs = 2, .vf_offset = 1},
		 "SR-IOV: vf_stride is 0 for 2 virtual functions"},
		{{.total_vfs = 1, .vf_offset = 1, .page_sizes = 1},
		 "SR-IOV: page_sizes 0x1 lacks some of 0x553, which all have"},
		{{.total_vfs = 1,
		  .vf_offset = 1,
		  .bar_sizes = {4096},
		  .bar_flags = {UMD_REGION_IO}},
		 "SR-IOV: bar_flags[0] 0x1 has more than a memory BAR's 0x6"},
		{{.total_vfs = 1, .vf_offset = 1, .bar_flags = {0, 4}},
		 "SR-IOV: bar_flags[1] 0x4 of a BAR that is not there"},
		{{.total_vfs = 1, .vf_offset = 1, .bar_sizes = {0, 0, 2048}},
		 "SR-IOV: bar_sizes[2] 0x800 is no power of two from 4 KiB on"},
		{{.total_vfs = 1, .vf_offset = 1, .bar_sizes = {0x3000}},
		 "SR-IOV: bar_sizes[0] 0x3000 is no power of two from 4 KiB on"},
		{{.total_vfs = 1, .vf_offset = 1, .bar_sizes = {UINT64_C(1) << 32}},
		 "SR-IOV: bar_sizes[0] 0x100000000 is too large for 32 bits"},
		{{.total_vfs = 1,
		  .vf_offset = 1,
		  .bar_sizes = {4096, 4096},
		  .bar_flags = {UMD_REGION_MEM64}},
		 "SR-IOV: bar_flags[0] 0x2: the next place is not free for 64 bits"},
		{{.total_vfs = 1,
		  .vf_offset = 1,
		  .bar_sizes = {0, 0, 0, 0, 0, 4096},
		  .bar_flags = {0, 0, 0, 0, 0, UMD_REGION_MEM64}},
		 "SR-IOV: bar_flags[5] 0x2: the next place is not free for 64 bits"},
	};

	CAPS_REFUSES(umd_pci_add_sriov, rows);
}

/* ---- All ----------------------------------------------------------------------------------- */

static void test_each_is_there_once(void **state)
{
	const struct umd_dpa dpa = {.substates = 1, .power = (const uint8_t[]){1}};
	const struct umd_rebar rebar = {.count = 1, .bars = {{.sizes = 8 * MIB}}};
	const struct umd_sriov sriov = {.total_vfs = 1, .vf_offset = 1};

	CAPS_SINGLE(umd_pci_add_ltr, &((struct umd_ltr){.at = 0}), &((struct umd_ltr){.at = 0x200}),
		    "Latency Tolerance Reporting");
	CAPS_SINGLE(umd_pci_add_dpa, &dpa, &dpa, "Dynamic Power Allocation");
	CAPS_SINGLE(umd_pci_add_tph, &((struct umd_tph){.at = 0}), &((struct umd_tph){.at = 0}),
		    "TPH Requester");
	CAPS_SINGLE(add_rebar, &rebar, &rebar, "Resizable BAR");
	CAPS_SINGLE(umd_pci_add_sriov, &sriov, &sriov, "SR-IOV");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_latency_tolerance_has_a_value_and_a_scale_each),
		CAPS_TEST(test_power_allocation_has_a_power_for_each_substate),
		CAPS_TEST(test_power_allocation_at_its_largest),
		CAPS_TEST(test_power_allocation_refuses),
		CAPS_TEST(test_hints_with_a_table_of_extended_tags),
		CAPS_TEST(test_hints_with_a_table_of_8_bit_tags),
		CAPS_TEST(test_hints_with_their_table_in_msix),
		CAPS_TEST(test_hints_without_a_table),
		CAPS_TEST(test_hints_with_the_largest_table_of_their_own),
		CAPS_TEST(test_hints_refuse),
		CAPS_TEST(test_resizable_bars_begin_at_their_largest),
		CAPS_TEST(test_all_six_bars_may_be_resizable),
		CAPS_TEST(test_resizable_bars_refuse),
		CAPS_TEST(test_virtual_functions_can_only_be_looked_at),
		CAPS_TEST(test_virtual_functions_may_have_more_page_sizes),
		CAPS_TEST(test_virtual_functions_refuse),
		CAPS_TEST(test_each_is_there_once),
	};

	return cmocka_run_group_tests_name("pci_caps_choice", tests, NULL, NULL);
}
