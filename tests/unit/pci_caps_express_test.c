/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI Express capability of endpoints, byte by byte as PCIe 5.0, section 7.5.3 has it, and what
 * comes with it.
 */
#include "pci_caps_fixture.h"

#include <linux/pci_regs.h>

/* Offsets of the rows: device 00, link 0c, slot 14, root 1c, device 2 24, link 2 2c, slot 2 34. */
static const struct caps_golden everything = {
	.initial = "10 00 02 00 22 80 00 10 10 28 00 00"
		   " 84 00 40 00 00 00 84 00"
		   " 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00"
		   " 10 08 30 00 00 00 00 00"
		   " 1e 00 00 00 04 00 00 00"
		   " 00 00 00 00 00 00 00 00",
	.ones = "10 00 02 00 22 80 00 10 ff fd 00 00"
		" 84 00 40 00 cb 00 84 00"
		" 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00"
		" 10 08 30 00 10 04 00 00"
		" 1e 00 00 00 9f ff 00 00"
		" 00 00 00 00 00 00 00 00",
	.zeros = "10 00 02 00 22 80 00 10 00 00 00 00"
		 " 84 00 40 00 00 00 84 00"
		 " 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00"
		 " 10 08 30 00 00 00 00 00"
		 " 1e 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00",
	.w1c = "00 00 00 00 00 00 00 00 00 00 0f 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00",
	/* AUX power PM, Max_Payload_Size; link control; link control 2 */
	.sticky = "00 00 00 00 00 00 00 00 e0 04 00 00"
		  " 00 00 00 00 cb 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 9f ff 00 00"
		  " 00 00 00 00 00 00 00 00",
};

static void test_endpoint_with_everything(void **state)
{
	const struct umd_pcie pcie = {.flr = true,
				      .extended_tag = true,
				      .ltr = true,
				      .max_payload = 512,
				      .link_speed = 4,
				      .link_width = 8};

	caps_check(umd_pci_add_express(&config, &pcie, &error), &everything);
}

static const struct caps_golden slow_lane = {
	.initial = "10 00 02 00 00 80 00 00 10 28 00 00"
		   " 11 00 40 00 00 00 11 00"
		   " 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00"
		   " 10 00 30 00 00 00 00 00"
		   " 02 00 00 00 01 00 00 00"
		   " 00 00 00 00 00 00 00 00",
	.ones = "10 00 02 00 00 80 00 00 1f 7c 00 00"
		" 11 00 40 00 cb 00 11 00"
		" 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00"
		" 10 00 30 00 10 00 00 00"
		" 02 00 00 00 9f ff 00 00"
		" 00 00 00 00 00 00 00 00",
	.zeros = "10 00 02 00 00 80 00 00 00 00 00 00"
		 " 11 00 40 00 00 00 11 00"
		 " 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00"
		 " 10 00 30 00 00 00 00 00"
		 " 02 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00",
	.w1c = "00 00 00 00 00 00 00 00 00 00 0f 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00",
	.sticky = "00 00 00 00 00 00 00 00 00 04 00 00"
		  " 00 00 00 00 cb 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 9f ff 00 00"
		  " 00 00 00 00 00 00 00 00",
};

static void test_endpoint_by_default_has_one_slow_lane(void **state)
{
	caps_check(umd_pci_add_express(&config, &(struct umd_pcie){.at = 0}, &error), &slow_lane);
}

static const struct caps_golden integrated = {
	.initial = "10 00 92 00 05 80 00 10 00 28 00 00"
		   " 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00"
		   " 10 08 30 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00"
		   " 00 00 00 00 00 00 00 00",
	.ones = "10 00 92 00 05 80 00 10 ef fc 00 00"
		" 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00"
		" 10 08 30 00 10 04 00 00"
		" 00 00 00 00 00 00 00 00"
		" 00 00 00 00 00 00 00 00",
	.zeros = "10 00 92 00 05 80 00 10 00 00 00 00"
		 " 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00"
		 " 10 08 30 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00"
		 " 00 00 00 00 00 00 00 00",
	.w1c = "00 00 00 00 00 00 00 00 00 00 0f 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00"
	       " 00 00 00 00 00 00 00 00",
	.sticky = "00 00 00 00 00 00 00 00 e0 04 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00"
		  " 00 00 00 00 00 00 00 00",
};

static void test_integrated_endpoint_has_no_link(void **state)
{
	const struct umd_pcie pcie = {.integrated = true,
				      .flr = true,
				      .no_relaxed_ordering = true,
				      .ltr = true,
				      .max_payload = 4096};

	caps_check(umd_pci_add_express(&config, &pcie, &error), &integrated);
}

/* Each speed and width in the link's capabilities, status, speed vector and target speed. */
static void test_link_registers_agree_with_each_other(void **state)
{
	static const uint8_t speeds[] = {0, 1, 2, 3, 4, 5}, widths[] = {0, 1, 2, 4, 8, 12, 16, 32};
	static const uint32_t vectors[] = {0x02, 0x02, 0x06, 0x0e, 0x1e, 0x3e};

	for (size_t s = 0; s < UNIT_COUNT(speeds); s++) {
		for (size_t w = 0; w < UNIT_COUNT(widths); w++) {
			const struct umd_pcie pcie = {.link_speed = speeds[s],
						      .link_width = widths[w]};
			const uint32_t speed = s ? (uint32_t)s : 1, width = w ? widths[w] : 1;

			caps_setup(state);
			assert_int_equal(umd_pci_add_express(&config, &pcie, &error), 0x40);
			assert_int_equal(umd_pci_config_get(&config, 0x4c, 4),
					 speed | width << 4 | 0x400000);
			assert_int_equal(umd_pci_config_get(&config, 0x52, 2), speed | width << 4);
			assert_int_equal(umd_pci_config_get(&config, 0x6c, 4), vectors[s]);
			assert_int_equal(umd_pci_config_get(&config, 0x70, 2), speed);
		}
	}
}

static void test_payload_sizes_are_counted_from_128_bytes(void **state)
{
	static const unsigned int payloads[] = {128, 256, 512, 1024, 2048, 4096};

	for (uint32_t i = 0; i < UNIT_COUNT(payloads); i++) {
		caps_setup(state);
		assert_int_equal(umd_pci_add_express(&config,
						     &(struct umd_pcie){.max_payload = payloads[i]},
						     &error),
				 0x40);
		assert_int_equal(umd_pci_config_get(&config, 0x44, 4), 0x8000 | i);
	}
}

static void test_express_makes_config_space_4_kib(void **state)
{
	config.size = UMD_PCI_CONFIG_SIZE;
	assert_int_equal(umd_pci_add_express(&config, &(struct umd_pcie){.link_speed = 9}, &error),
			 -EINVAL);
	assert_int_equal(config.size, UMD_PCI_CONFIG_SIZE);
	assert_int_equal(umd_pci_add_express(&config, &(struct umd_pcie){.at = 0}, &error), 0x40);
	assert_int_equal(config.size, UMD_PCIE_CONFIG_SIZE);
}

/* PCIe 5.0, section 7.5.1.1.8: "must be hardwired to 00h". */
static void test_express_has_no_latency_timer(void **state)
{
	caps_write(0, 0xff);
	assert_int_equal(umd_pci_config_get(&config, PCI_LATENCY_TIMER, 1), 0xff);

	caps_setup(state);
	umd_pci_add_express(&config, &(struct umd_pcie){.at = 0}, &error);
	caps_write(0, 0xff);
	assert_int_equal(umd_pci_config_get(&config, PCI_LATENCY_TIMER, 1), 0);
	assert_int_equal(umd_pci_config_get(&config, PCI_CACHE_LINE_SIZE, 1), 0xff);
}

static void test_express_refuses(void **state)
{
	static const struct {
		struct umd_pcie cap;
		const char *text;
	} rows[] = {
		{{.max_payload = 64},
		 "PCI Express: max_payload 64 is not 128, 256, 512, 1024, 2048 or 4096"},
		{{.max_payload = 8192},
		 "PCI Express: max_payload 8192 is not 128, 256, 512, 1024, 2048 or 4096"},
		{{.max_payload = 384},
		 "PCI Express: max_payload 384 is not 128, 256, 512, 1024, 2048 or 4096"},
		{{.link_speed = 6}, "PCI Express: link_speed 6 is not 0 to 5"},
		{{.link_width = 3}, "PCI Express: link_width 3 is not 1, 2, 4, 8, 12, 16 or 32"},
		{{.link_width = 64}, "PCI Express: link_width 64 is not 1, 2, 4, 8, 12, 16 or 32"},
		{{.integrated = true, .link_speed = 1},
		 "PCI Express: link_speed 1 of an integrated endpoint, which has no link"},
		{{.integrated = true, .link_width = 4},
		 "PCI Express: link_width 4 of an integrated endpoint, which has no link"},
	};

	CAPS_REFUSES(umd_pci_add_express, rows);
}

static void test_express_is_there_once(void **state)
{
	CAPS_SINGLE(umd_pci_add_express, &((struct umd_pcie){.at = 0x60}),
		    &((struct umd_pcie){.flr = true}), "PCI Express");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_endpoint_with_everything),
		CAPS_TEST(test_endpoint_by_default_has_one_slow_lane),
		CAPS_TEST(test_integrated_endpoint_has_no_link),
		CAPS_TEST(test_link_registers_agree_with_each_other),
		CAPS_TEST(test_payload_sizes_are_counted_from_128_bytes),
		CAPS_TEST(test_express_makes_config_space_4_kib),
		CAPS_TEST(test_express_has_no_latency_timer),
		CAPS_TEST(test_express_refuses),
		CAPS_TEST(test_express_is_there_once),
	};

	return cmocka_run_group_tests_name("pci_caps_express", tests, NULL, NULL);
}
