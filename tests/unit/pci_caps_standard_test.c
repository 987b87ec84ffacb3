/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The standard capabilities, byte by byte as the specifications have them: Power Management, MSI,
 * MSI-X, Advanced Features, Vital Product Data, Vendor-Specific.
 */
#include "pci_caps_fixture.h"

/* ---- Power Management (PM 1.2, section 3.2) ------------------------------------------------ */

static void test_power_management_with_all_states_wakes_from_d3cold(void **state)
{
	const struct umd_pm pm = {
		.d1 = true, .d2 = true, .no_soft_reset = true, .pme = 0x1f, .aux_power = 2};

	/* PMC: version 3, 100 mA, D1, D2, PME from all; PMCSR: No_Soft_Reset */
	caps_check(umd_pci_add_pm(&config, &pm, &error),
		   &(struct caps_golden){
			   .initial = "01 00 83 fe 08 00 00 00",
			   .ones = "01 00 83 fe 0b 01 00 00", /* PowerState, PME_En */
			   .w1c = "00 00 00 00 00 80 00 00",  /* PME_Status */
			   .sticky = "00 00 00 00 00 81 00 00",
		   });
}

static void test_power_management_that_wakes_from_d3hot_keeps_nothing(void **state)
{
	const struct umd_pm pm = {.d2 = true, .pme = 0x09};

	caps_check(umd_pci_add_pm(&config, &pm, &error),
		   &(struct caps_golden){
			   .initial = "01 00 03 4c 00 00 00 00",
			   .ones = "01 00 03 4c 03 01 00 00",
			   .w1c = "00 00 00 00 00 80 00 00",
		   });
}

static void test_power_management_that_cannot_wake_has_power_states_only(void **state)
{
	caps_check(umd_pci_add_pm(&config, &(struct umd_pm){.at = 0}, &error),
		   &(struct caps_golden){
			   .initial = "01 00 03 00 00 00 00 00",
			   .ones = "01 00 03 00 03 00 00 00",
		   });
}

static void test_power_management_refuses(void **state)
{
	static const struct {
		struct umd_pm cap;
		const char *text;
	} rows[] = {
		{{.pme = 0x20}, "Power Management: pme 0x20 has more than bits 0 to 4"},
		{{.pme = 0x02}, "Power Management: pme 0x2 names D1, which the device has not"},
		{{.d1 = true, .pme = 0x1f},
		 "Power Management: pme 0x1f names D2, which the device has not"},
		{{.pme = 0x09, .aux_power = 1},
		 "Power Management: aux_power 1 without pme from D3cold"},
		{{.pme = 0x10, .aux_power = 8}, "Power Management: aux_power 8 is not 0 to 7"},
	};

	CAPS_REFUSES(umd_pci_add_pm, rows);
}

/* ---- MSI (PCI 3.0, section 6.8.1) ---------------------------------------------------------- */

static void test_msi_has_64_bits_and_masks_unless_told_otherwise(void **state)
{
	caps_check(umd_pci_add_msi(&config, &(struct umd_msi){.messages = 32}, &error),
		   &(struct caps_golden){
			   .initial = "05 00 8a 01 00 00 00 00 00 00 00 00 00 00 00 00"
				      " 00 00 00 00 00 00 00 00",
			   .ones = "05 00 fb 01 fc ff ff ff ff ff ff ff ff ff 00 00"
				   " ff ff ff ff 00 00 00 00",
		   });
}

static void test_msi_masks_what_messages_there_are(void **state)
{
	caps_check(umd_pci_add_msi(&config, &(struct umd_msi){.messages = 8}, &error),
		   &(struct caps_golden){
			   .initial = "05 00 86 01 00 00 00 00 00 00 00 00 00 00 00 00"
				      " 00 00 00 00 00 00 00 00",
			   .ones = "05 00 f7 01 fc ff ff ff ff ff ff ff ff ff 00 00"
				   " ff 00 00 00 00 00 00 00",
		   });
}

static void test_msi_of_64_bits_without_masks(void **state)
{
	const struct umd_msi msi = {.messages = 16, .unmaskable = true};

	caps_check(umd_pci_add_msi(&config, &msi, &error),
		   &(struct caps_golden){
			   .initial = "05 00 88 00 00 00 00 00 00 00 00 00 00 00",
			   .ones = "05 00 f9 00 fc ff ff ff ff ff ff ff ff ff",
		   });
}

static void test_msi_of_32_bits_with_masks(void **state)
{
	const struct umd_msi msi = {.messages = 2, .only_32bit = true};

	caps_check(umd_pci_add_msi(&config, &msi, &error),
		   &(struct caps_golden){
			   .initial = "05 00 02 01 00 00 00 00 00 00 00 00 00 00 00 00"
				      " 00 00 00 00",
			   .ones = "05 00 73 01 fc ff ff ff ff ff 00 00 03 00 00 00"
				   " 00 00 00 00",
		   });
}

static void test_msi_of_32_bits_without_masks_is_the_smallest(void **state)
{
	const struct umd_msi msi = {.messages = 1, .only_32bit = true, .unmaskable = true};

	caps_check(umd_pci_add_msi(&config, &msi, &error),
		   &(struct caps_golden){
			   .initial = "05 00 00 00 00 00 00 00 00 00",
			   .ones = "05 00 71 00 fc ff ff ff ff ff",
		   });
}

static void test_msi_refuses(void **state)
{
	static const struct {
		struct umd_msi cap;
		const char *text;
	} rows[] = {
		{{.messages = 0}, "MSI: messages 0 is not 1, 2, 4, 8, 16 or 32"},
		{{.messages = 3}, "MSI: messages 3 is not 1, 2, 4, 8, 16 or 32"},
		{{.messages = 64}, "MSI: messages 64 is not 1, 2, 4, 8, 16 or 32"},
	};

	CAPS_REFUSES(umd_pci_add_msi, rows);
}

/* ---- MSI-X (PCI 3.0, section 6.8.2) -------------------------------------------------------- */

static void test_msix_says_where_table_and_pending_bits_are(void **state)
{
	const struct umd_msix msix = {.vectors = 32,
				      .table_bar = 2,
				      .table_offset = 0x1000,
				      .pba_bar = 4,
				      .pba_offset = 0x2008};

	caps_check(umd_pci_add_msix(&config, &msix, &error),
		   &(struct caps_golden){
			   .initial = "11 00 1f 00 02 10 00 00 0c 20 00 00",
			   .ones = "11 00 1f c0 02 10 00 00 0c 20 00 00",
		   });
}

static void test_msix_at_its_largest(void **state)
{
	const struct umd_msix msix = {
		.vectors = 2048, .table_bar = 5, .table_offset = 0xfffffff8, .pba_bar = 5};

	caps_check(umd_pci_add_msix(&config, &msix, &error),
		   &(struct caps_golden){
			   .initial = "11 00 ff 07 fd ff ff ff 05 00 00 00",
			   .ones = "11 00 ff c7 fd ff ff ff 05 00 00 00",
		   });
}

static void test_msix_refuses(void **state)
{
	static const struct {
		struct umd_msix cap;
		const char *text;
	} rows[] = {
		{{.vectors = 0}, "MSI-X: vectors 0 is not 1 to 2048"},
		{{.vectors = 2049}, "MSI-X: vectors 2049 is not 1 to 2048"},
		{{.vectors = 1, .table_bar = 6}, "MSI-X: table_bar 6 is not 0 to 5"},
		{{.vectors = 1, .pba_bar = UINT32_MAX}, "MSI-X: pba_bar 4294967295 is not 0 to 5"},
		{{.vectors = 1, .table_offset = 0x801},
		 "MSI-X: table_offset 0x801 is no multiple of 8"},
		{{.vectors = 1, .table_offset = UINT64_C(1) << 32},
		 "MSI-X: table_offset 0x100000000 is not below 4 GiB"},
		{{.vectors = 1, .pba_offset = 4}, "MSI-X: pba_offset 0x4 is no multiple of 8"},
		{{.vectors = 1, .pba_offset = UINT64_C(1) << 63},
		 "MSI-X: pba_offset 0x8000000000000000 is not below 4 GiB"},
	};

	CAPS_REFUSES(umd_pci_add_msix, rows);
}

/* ---- Advanced Features (PCI ECN Advanced Capabilities) ------------------------------------- */

static void test_advanced_features_can_be_asked_for_a_reset(void **state)
{
	caps_check(umd_pci_add_af(&config, &(struct umd_af){.at = 0}, &error),
		   &(struct caps_golden){
			   .initial = "13 00 06 03 00 00",
			   .ones = "13 00 06 03 01 00",
		   });
}

/* ---- Vital Product Data (PCI 3.0, appendix I) ---------------------------------------------- */

static const uint8_t product[0x8000];

static void test_vital_product_data_has_an_address_and_data(void **state)
{
	const struct umd_vpd vpd = {.bytes = product, .size = sizeof(product)};

	caps_check(umd_pci_add_vpd(&config, &vpd, &error),
		   &(struct caps_golden){
			   .initial = "03 00 00 00 00 00 00 00",
			   .ones = "03 00 ff ff ff ff ff ff",
		   });
}

static void test_vital_product_data_is_writable_up_to_its_end(void **state)
{
	const struct umd_vpd vpd = {
		.bytes = product, .size = 44, .writable_at = 43, .writable_size = 1};

	assert_int_equal(umd_pci_add_vpd(&config, &vpd, &error), 0x40);
}

static void test_vital_product_data_refuses(void **state)
{
	static const struct {
		struct umd_vpd cap;
		const char *text;
	} rows[] = {
		{{.size = 4}, "Vital Product Data: bytes are missing"},
		{{.bytes = product},
		 "Vital Product Data: size 0 is no multiple of 4 from 4 to 32768"},
		{{.bytes = product, .size = 42},
		 "Vital Product Data: size 42 is no multiple of 4 from 4 to 32768"},
		{{.bytes = product, .size = 0x8004},
		 "Vital Product Data: size 32772 is no multiple of 4 from 4 to 32768"},
		{{.bytes = product, .size = 44, .writable_at = 40, .writable_size = 5},
		 "Vital Product Data: writable_size 5 at writable_at 40 ends beyond size 44"},
		{{.bytes = product, .size = 44, .writable_at = SIZE_MAX, .writable_size = 2},
		 "Vital Product Data: writable_size 2 at writable_at 18446744073709551615 ends "
		 "beyond size 44"},
	};

	CAPS_REFUSES(umd_pci_add_vpd, rows);
}

/* ---- Vendor-Specific (PCI 3.0, section 6.7) ------------------------------------------------ */

static void test_vendor_specific_is_its_body_behind_a_length(void **state)
{
	const struct umd_vendor_cap vendor = {
		.body = {.size = 5,
			 .bytes = (const uint8_t[]){0x11, 0x22, 0x33, 0x44, 0x55},
			 .writable = (const uint8_t[]){0, 0xff, 0x0f, 0, 0},
			 .clearable = (const uint8_t[]){0, 0, 0, 0x44, 0},
			 .sticky = (const uint8_t[]){0, 0xf0, 0, 0x40, 0x01}}};

	caps_check(umd_pci_add_vendor(&config, &vendor, &error),
		   &(struct caps_golden){
			   .initial = "09 00 08 11 22 33 44 55",
			   .ones = "09 00 08 11 ff 3f 00 55",
			   .zeros = "09 00 08 11 00 30 00 55",
			   .w1c = "00 00 00 00 00 00 44 00",
			   .sticky = "00 00 00 00 f0 00 40 01",
		   });
}

static void test_vendor_specific_may_have_no_body(void **state)
{
	caps_check(umd_pci_add_vendor(&config, &(struct umd_vendor_cap){.at = 0}, &error),
		   &(struct caps_golden){.initial = "09 00 03"});
}

static void test_vendor_specific_body_may_be_zeroes(void **state)
{
	const struct umd_vendor_cap vendor = {.at = 0x40, .body = {.size = 189}};

	assert_int_equal(umd_pci_add_vendor(&config, &vendor, &error), 0x40);
	caps_same_hex("header and body", 0x40, "09 00 c0 00 00 00");
}

static void test_device_may_have_several_vendor_specific_capabilities(void **state)
{
	const struct umd_vendor_cap vendor = {.body = {.size = 2}};

	assert_int_equal(umd_pci_add_vendor(&config, &vendor, &error), 0x40);
	assert_int_equal(umd_pci_add_vendor(&config, &vendor, &error), 0x48);
	caps_same_hex("both", 0x40, "09 48 05 00 00 00 00 00 09 00 05 00 00");
}

static void test_vendor_specific_refuses(void **state)
{
	const struct {
		struct umd_vendor_cap cap;
		const char *text;
	} rows[] = {
		{{.body = {.size = 190}}, "Vendor-Specific: body.size 190 is not 0 to 189"},
		{{.body = {.size = SIZE_MAX - 2}},
		 "Vendor-Specific: body.size 18446744073709551613 is not 0 to 189"},
		{{.body = {.size = 2,
			   .writable = (const uint8_t[]){0xff, 0x18},
			   .clearable = (const uint8_t[]){0x00, 0x0f}}},
		 "Vendor-Specific: bits 0x8 of byte 1 of the body are both writable and "
		 "clearable"},
	};

	CAPS_REFUSES(umd_pci_add_vendor, rows);
}

/* ---- All ----------------------------------------------------------------------------------- */

static void test_each_of_the_others_is_there_once(void **state)
{
	const struct umd_vpd vpd = {.bytes = product, .size = 4};
	const struct umd_vpd far_vpd = {.at = 0xf0, .bytes = product, .size = 4};

	CAPS_SINGLE(umd_pci_add_pm, &((struct umd_pm){.at = 0x50}), &((struct umd_pm){.d1 = true}),
		    "Power Management");
	CAPS_SINGLE(umd_pci_add_msi, &((struct umd_msi){.messages = 1}),
		    &((struct umd_msi){.messages = 2}), "MSI");
	CAPS_SINGLE(umd_pci_add_msix, &((struct umd_msix){.vectors = 1}),
		    &((struct umd_msix){.vectors = 2}), "MSI-X");
	CAPS_SINGLE(umd_pci_add_af, &((struct umd_af){.at = 0x80}), &((struct umd_af){.at = 0x90}),
		    "Advanced Features");
	CAPS_SINGLE(umd_pci_add_vpd, &vpd, &far_vpd, "Vital Product Data");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_power_management_with_all_states_wakes_from_d3cold),
		CAPS_TEST(test_power_management_that_wakes_from_d3hot_keeps_nothing),
		CAPS_TEST(test_power_management_that_cannot_wake_has_power_states_only),
		CAPS_TEST(test_power_management_refuses),
		CAPS_TEST(test_msi_has_64_bits_and_masks_unless_told_otherwise),
		CAPS_TEST(test_msi_masks_what_messages_there_are),
		CAPS_TEST(test_msi_of_64_bits_without_masks),
		CAPS_TEST(test_msi_of_32_bits_with_masks),
		CAPS_TEST(test_msi_of_32_bits_without_masks_is_the_smallest),
		CAPS_TEST(test_msi_refuses),
		CAPS_TEST(test_msix_says_where_table_and_pending_bits_are),
		CAPS_TEST(test_msix_at_its_largest),
		CAPS_TEST(test_msix_refuses),
		CAPS_TEST(test_advanced_features_can_be_asked_for_a_reset),
		CAPS_TEST(test_vital_product_data_has_an_address_and_data),
		CAPS_TEST(test_vital_product_data_is_writable_up_to_its_end),
		CAPS_TEST(test_vital_product_data_refuses),
		CAPS_TEST(test_vendor_specific_is_its_body_behind_a_length),
		CAPS_TEST(test_vendor_specific_may_have_no_body),
		CAPS_TEST(test_vendor_specific_body_may_be_zeroes),
		CAPS_TEST(test_device_may_have_several_vendor_specific_capabilities),
		CAPS_TEST(test_vendor_specific_refuses),
		CAPS_TEST(test_each_of_the_others_is_there_once),
	};

	return cmocka_run_group_tests_name("pci_caps_standard", tests, NULL, NULL);
}
