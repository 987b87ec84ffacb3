/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended capabilities about errors, identity, routing and translation, byte by byte as PCIe 5.0
 * has them. Those about power, hints, sizes and functions: pci_caps_choice_test.c.
 */
#include "pci_caps_fixture.h"

#include <linux/pci_regs.h>

/* ---- Advanced Error Reporting (section 7.8.4) ---------------------------------------------- */

/* Rows: uncorrectable, correctable and control, header log, root port, prefix log. */
static const struct caps_golden errors = {
	.initial = "01 00 02 00 00 00 00 00 00 00 40 00 10 20 46 00"
		   " 00 00 00 00 00 e0 00 00 a0 00 00 00"
		   " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
	.ones = "01 00 02 00 00 00 00 00 10 f0 7f 00 10 f0 7f 00"
		" 00 00 00 00 c1 f1 00 00 e0 01 00 00"
		" 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
	.zeros = "01 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00 a0 00 00 00"
		 " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
	.w1c = "00 00 00 00 10 f0 7f 00 00 00 00 00 00 00 00 00"
	       " c1 f1 00 00 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
	.sticky = "00 00 00 00 10 f0 7f 00 10 f0 7f 00 10 f0 7f 00"
		  " c1 f1 00 00 c1 f1 00 00 5f 01 00 00"
		  " ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"
		  " 00 00 00 00 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
};

static void test_error_reporting_begins_as_the_specification_says(void **state)
{
	const struct umd_aer aer = {.ecrc_generation = true, .ecrc_check = true};

	caps_check(umd_pci_add_aer(&config, &aer, &error), &errors);
}

static void test_error_reporting_without_ecrc_cannot_enable_it(void **state)
{
	assert_int_equal(umd_pci_add_aer(&config, &(struct umd_aer){.at = 0}, &error), 0x100);
	caps_same_hex("control", 0x118, "00 00 00 00");
	caps_write(0x118, 0xff);
	caps_same_hex("control", 0x118, "00 00 00 00");

	caps_setup(state);
	umd_pci_add_aer(&config, &(struct umd_aer){.ecrc_check = true}, &error);
	caps_write(0x118, 0xff);
	caps_same_hex("control", 0x118, "80 01 00 00");

	caps_setup(state);
	umd_pci_add_aer(&config, &(struct umd_aer){.ecrc_generation = true}, &error);
	caps_write(0x118, 0xff);
	caps_same_hex("control", 0x118, "60 00 00 00");
}

/* ---- Device Serial Number (section 7.9.3) -------------------------------------------------- */

static void test_serial_number_has_its_first_byte_last(void **state)
{
	const struct umd_dsn dsn = {.serial = UINT64_C(0x0102030405060708)};

	caps_check(umd_pci_add_dsn(&config, &dsn, &error),
		   &(struct caps_golden){.initial = "03 00 01 00 08 07 06 05 04 03 02 01"});
}

/* ---- Vendor's extended capabilities (sections 7.9.5, 7.9.6) -------------------------------- */

static const struct umd_cap_body body = {
	.size = 5,
	.bytes = (const uint8_t[]){0x11, 0x22, 0x33, 0x44, 0x55},
	.writable = (const uint8_t[]){0, 0xff, 0x0f, 0, 0},
	.clearable = (const uint8_t[]){0, 0, 0, 0x44, 0},
	.sticky = (const uint8_t[]){0, 0xf0, 0, 0x40, 0x01},
};

static void test_vendor_specific_extended_is_its_body_behind_a_header(void **state)
{
	const struct umd_vsec vsec = {.id = 0x1234, .revision = 5, .body = body};

	caps_check(umd_pci_add_vsec(&config, &vsec, &error),
		   &(struct caps_golden){
			   .initial = "0b 00 01 00 34 12 d5 00 11 22 33 44 55",
			   .ones = "0b 00 01 00 34 12 d5 00 11 ff 3f 00 55",
			   .zeros = "0b 00 01 00 34 12 d5 00 11 00 30 00 55",
			   .w1c = "00 00 00 00 00 00 00 00 00 00 00 44 00",
			   .sticky = "00 00 00 00 00 00 00 00 00 f0 00 40 01",
		   });
}

static void test_vendor_specific_extended_may_fill_config_space(void **state)
{
	const struct umd_vsec vsec = {.id = 0xffff, .revision = 15, .body = {.size = 3832}};

	assert_int_equal(umd_pci_add_vsec(&config, &vsec, &error), 0x100);
	caps_same_hex("header", 0x100, "0b 00 01 00 ff ff 0f f0");
}

static void test_vendor_specific_extended_refuses(void **state)
{
	static const struct {
		struct umd_vsec cap;
		const char *text;
	} rows[] = {
		{{.body = {.size = 3833}},
		 "Vendor-Specific Extended: body.size 3833 is not 0 to 3832"},
		{{.revision = 16}, "Vendor-Specific Extended: revision 16 is not 0 to 15"},
	};

	CAPS_REFUSES(umd_pci_add_vsec, rows);
}

static void test_designated_vendor_specific_names_its_vendor(void **state)
{
	const struct umd_dvsec dvsec = {
		.vendor = 0x1b36, .id = 0x4321, .revision = 3, .body = body};

	caps_check(umd_pci_add_dvsec(&config, &dvsec, &error),
		   &(struct caps_golden){
			   .initial = "23 00 01 00 36 1b f3 00 21 43 11 22 33 44 55",
			   .ones = "23 00 01 00 36 1b f3 00 21 43 11 ff 3f 00 55",
			   .zeros = "23 00 01 00 36 1b f3 00 21 43 11 00 30 00 55",
			   .w1c = "00 00 00 00 00 00 00 00 00 00 00 00 00 44 00",
			   .sticky = "00 00 00 00 00 00 00 00 00 00 00 f0 00 40 01",
		   });
}

static void test_designated_vendor_specific_refuses(void **state)
{
	static const struct {
		struct umd_dvsec cap;
		const char *text;
	} rows[] = {
		{{.body = {.size = 3831}},
		 "Designated Vendor-Specific: body.size 3831 is not 0 to 3830"},
		{{.revision = 255}, "Designated Vendor-Specific: revision 255 is not 0 to 15"},
	};

	CAPS_REFUSES(umd_pci_add_dvsec, rows);
}

static void test_device_may_have_several_of_its_vendor(void **state)
{
	const struct umd_vsec vsec = {.id = 1};
	const struct umd_dvsec dvsec = {.id = 1};

	assert_int_equal(umd_pci_add_vsec(&config, &vsec, &error), 0x100);
	assert_int_equal(umd_pci_add_vsec(&config, &vsec, &error), 0x108);
	assert_int_equal(umd_pci_add_dvsec(&config, &dvsec, &error), 0x110);
	assert_int_equal(umd_pci_add_dvsec(&config, &dvsec, &error), 0x11c);
	caps_same_hex("chain", 0x100,
		      "0b 00 81 10 01 00 80 00 0b 00 01 11 01 00 80 00"
		      " 23 00 c1 11 00 00 a0 00 01 00 00 00 23 00 01 00");
}

static void test_identity_lies_where_it_is_to(void **state)
{
	assert_int_equal(umd_pci_add_ltr(&config, &(struct umd_ltr){.at = 0x100}, &error), 0x100);
	assert_int_equal(umd_pci_add_dsn(&config, &(struct umd_dsn){.at = 0x200}, &error), 0x200);
	assert_int_equal(umd_pci_add_vsec(&config, &(struct umd_vsec){.at = 0x180}, &error), 0x180);
}

/* ---- Access Control Services (section 7.7.8) ----------------------------------------------- */

static void test_access_control_of_an_endpoint_with_all_services(void **state)
{
	const struct umd_acs acs = {.services = PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC | PCI_ACS_DT,
				    .egress_bits = 40};

	caps_check(umd_pci_add_acs(&config, &acs, &error),
		   &(struct caps_golden){
			   .initial = "0d 00 01 00 6c 28 00 00 00 00 00 00 00 00 00 00",
			   .ones = "0d 00 01 00 6c 28 6c 00 ff ff ff ff ff 00 00 00",
		   });
}

static void test_access_control_of_256_functions_says_0(void **state)
{
	const struct umd_acs acs = {.services = PCI_ACS_EC, .egress_bits = 256};

	caps_check(umd_pci_add_acs(&config, &acs, &error),
		   &(struct caps_golden){
			   .initial = "0d 00 01 00 20 00 00 00"
				      " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
				      " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
			   .ones = "0d 00 01 00 20 00 20 00"
				   " ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"
				   " ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff",
		   });
}

static void test_access_control_may_have_no_service(void **state)
{
	caps_check(umd_pci_add_acs(&config, &(struct umd_acs){.services = 0}, &error),
		   &(struct caps_golden){.initial = "0d 00 01 00 00 00 00 00"});
}

static void test_access_control_refuses(void **state)
{
	static const struct {
		struct umd_acs cap;
		const char *text;
	} rows[] = {
		{{.services = PCI_ACS_SV},
		 "Access Control Services: services 0x1 has more than an endpoint's 0x6c"},
		{{.services = 0x100},
		 "Access Control Services: services 0x100 has more than an endpoint's 0x6c"},
		{{.services = PCI_ACS_RR},
		 "Access Control Services: services 0x4 redirects requests only: both or none"},
		{{.services = PCI_ACS_CR},
		 "Access Control Services: services 0x8 redirects completions only: both or none"},
		{{.services = PCI_ACS_DT, .egress_bits = 8},
		 "Access Control Services: egress_bits 8 without egress control in services"},
		{{.services = PCI_ACS_EC},
		 "Access Control Services: egress_bits 0 is not 1 to 256"},
		{{.services = PCI_ACS_EC, .egress_bits = 257},
		 "Access Control Services: egress_bits 257 is not 1 to 256"},
	};

	CAPS_REFUSES(umd_pci_add_acs, rows);
}

/* ---- Alternative Routing-ID Interpretation (section 7.8.7) --------------------------------- */

static void test_alternative_routing_leads_to_the_next_function(void **state)
{
	caps_check(umd_pci_add_ari(&config, &(struct umd_ari){.next_function = 255}, &error),
		   &(struct caps_golden){.initial = "0e 00 01 00 00 ff 00 00"});
}

static void test_alternative_routing_refuses(void **state)
{
	static const struct {
		struct umd_ari cap;
		const char *text;
	} rows[] = {
		{{.next_function = 256},
		 "Alternative Routing-ID Interpretation: next_function 256 is not 0 to 255"},
	};

	CAPS_REFUSES(umd_pci_add_ari, rows);
}

/* ---- Address Translation Service (section 10.5.1) ------------------------------------------ */

static void test_translation_service_with_everything(void **state)
{
	const struct umd_ats ats = {
		.queue_depth = 16, .page_aligned = true, .global_invalidate = true};

	caps_check(umd_pci_add_ats(&config, &ats, &error),
		   &(struct caps_golden){
			   .initial = "0f 00 01 00 70 00 00 00",
			   .ones = "0f 00 01 00 70 00 1f 80",
		   });
}

static void test_translation_service_with_the_deepest_queue_says_0(void **state)
{
	caps_check(umd_pci_add_ats(&config, &(struct umd_ats){.queue_depth = 32}, &error),
		   &(struct caps_golden){
			   .initial = "0f 00 01 00 00 00 00 00",
			   .ones = "0f 00 01 00 00 00 1f 80",
		   });
}

static void test_translation_service_refuses(void **state)
{
	static const struct {
		struct umd_ats cap;
		const char *text;
	} rows[] = {
		{{.queue_depth = 0}, "Address Translation Service: queue_depth 0 is not 1 to 32"},
		{{.queue_depth = 33}, "Address Translation Service: queue_depth 33 is not 1 to 32"},
	};

	CAPS_REFUSES(umd_pci_add_ats, rows);
}

/* ---- Page Request Interface (section 10.5.2) ----------------------------------------------- */

static void test_page_requests_begin_stopped(void **state)
{
	const struct umd_pri pri = {.capacity = 0x200, .pasid_required = true};

	caps_check(umd_pci_add_pri(&config, &pri, &error),
		   &(struct caps_golden){
			   .initial = "13 00 01 00 00 00 00 81 00 02 00 00 00 00 00 00",
			   .ones = "13 00 01 00 03 00 00 81 00 02 00 00 ff ff ff ff",
			   .w1c = "00 00 00 00 00 00 03 00 00 00 00 00 00 00 00 00",
		   });
}

static void test_page_requests_without_pasid(void **state)
{
	caps_check(umd_pci_add_pri(&config, &(struct umd_pri){.capacity = UINT32_MAX}, &error),
		   &(struct caps_golden){
			   .initial = "13 00 01 00 00 00 00 01 ff ff ff ff 00 00 00 00",
			   .ones = "13 00 01 00 03 00 00 01 ff ff ff ff ff ff ff ff",
			   .w1c = "00 00 00 00 00 00 03 00 00 00 00 00 00 00 00 00",
		   });
}

static void test_page_requests_refuse(void **state)
{
	static const struct {
		struct umd_pri cap;
		const char *text;
	} rows[] = {
		{{.capacity = 0}, "Page Request Interface: capacity 0 is not 1 to 4294967295"},
	};

	CAPS_REFUSES(umd_pci_add_pri, rows);
}

/* ---- Process Address Space ID (section 7.8.8) ---------------------------------------------- */

static void test_pasid_with_everything(void **state)
{
	const struct umd_pasid pasid = {.width = 20, .execute = true, .privileged = true};

	caps_check(umd_pci_add_pasid(&config, &pasid, &error),
		   &(struct caps_golden){
			   .initial = "1b 00 01 00 06 14 00 00",
			   .ones = "1b 00 01 00 06 14 07 00",
		   });
}

static void test_pasid_enables_only_what_it_is_capable_of(void **state)
{
	caps_check(umd_pci_add_pasid(&config, &(struct umd_pasid){.width = 1}, &error),
		   &(struct caps_golden){
			   .initial = "1b 00 01 00 00 01 00 00",
			   .ones = "1b 00 01 00 00 01 01 00",
		   });
}

static void test_pasid_refuses(void **state)
{
	static const struct {
		struct umd_pasid cap;
		const char *text;
	} rows[] = {
		{{.width = 0}, "PASID: width 0 is not 1 to 20"},
		{{.width = 21}, "PASID: width 21 is not 1 to 20"},
	};

	CAPS_REFUSES(umd_pci_add_pasid, rows);
}

/* ---- All ----------------------------------------------------------------------------------- */

static void test_each_of_the_others_is_there_once(void **state)
{
	CAPS_SINGLE(umd_pci_add_aer, &((struct umd_aer){.at = 0}), &((struct umd_aer){.at = 0x200}),
		    "Advanced Error Reporting");
	CAPS_SINGLE(umd_pci_add_dsn, &((struct umd_dsn){.serial = 1}),
		    &((struct umd_dsn){.serial = 2}), "Device Serial Number");
	CAPS_SINGLE(umd_pci_add_acs, &((struct umd_acs){.at = 0x100}),
		    &((struct umd_acs){.at = 0x200}), "Access Control Services");
	CAPS_SINGLE(umd_pci_add_ari, &((struct umd_ari){.at = 0}), &((struct umd_ari){.at = 0}),
		    "Alternative Routing-ID Interpretation");
	CAPS_SINGLE(umd_pci_add_ats, &((struct umd_ats){.queue_depth = 1}),
		    &((struct umd_ats){.queue_depth = 2}), "Address Translation Service");
	CAPS_SINGLE(umd_pci_add_pri, &((struct umd_pri){.capacity = 1}),
		    &((struct umd_pri){.capacity = 2}), "Page Request Interface");
	CAPS_SINGLE(umd_pci_add_pasid, &((struct umd_pasid){.width = 1}),
		    &((struct umd_pasid){.width = 2}), "PASID");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_error_reporting_begins_as_the_specification_says),
		CAPS_TEST(test_error_reporting_without_ecrc_cannot_enable_it),
		CAPS_TEST(test_serial_number_has_its_first_byte_last),
		CAPS_TEST(test_vendor_specific_extended_is_its_body_behind_a_header),
		CAPS_TEST(test_vendor_specific_extended_may_fill_config_space),
		CAPS_TEST(test_vendor_specific_extended_refuses),
		CAPS_TEST(test_designated_vendor_specific_names_its_vendor),
		CAPS_TEST(test_designated_vendor_specific_refuses),
		CAPS_TEST(test_device_may_have_several_of_its_vendor),
		CAPS_TEST(test_identity_lies_where_it_is_to),
		CAPS_TEST(test_access_control_of_an_endpoint_with_all_services),
		CAPS_TEST(test_access_control_of_256_functions_says_0),
		CAPS_TEST(test_access_control_may_have_no_service),
		CAPS_TEST(test_access_control_refuses),
		CAPS_TEST(test_alternative_routing_leads_to_the_next_function),
		CAPS_TEST(test_alternative_routing_refuses),
		CAPS_TEST(test_translation_service_with_everything),
		CAPS_TEST(test_translation_service_with_the_deepest_queue_says_0),
		CAPS_TEST(test_translation_service_refuses),
		CAPS_TEST(test_page_requests_begin_stopped),
		CAPS_TEST(test_page_requests_without_pasid),
		CAPS_TEST(test_page_requests_refuse),
		CAPS_TEST(test_pasid_with_everything),
		CAPS_TEST(test_pasid_enables_only_what_it_is_capable_of),
		CAPS_TEST(test_pasid_refuses),
		CAPS_TEST(test_each_of_the_others_is_there_once),
	};

	return cmocka_run_group_tests_name("pci_caps_extended", tests, NULL, NULL);
}
