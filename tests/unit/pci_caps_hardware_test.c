/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities of real devices beside ours, for those that no device of QEMU's has: config space as
 * lspci has dumped it for the tests of pciutils, with drivers at work.
 */
#include "pci_caps_seen.h"

#include <linux/pci_regs.h>

#define CHOICE	"the maker's choice, or its driver's"
#define NEXT	"there, a capability is next that ours has not"
#define ENABLED "its driver has enabled it"

#define CAPS_DUMP(seen, differ)                                          \
	{                                                                \
		seen, UNIT_COUNT(seen), differ, UNIT_COUNT(differ), true \
	}

/* ---- Intel ICH10 USB UHCI: Advanced Features ----------------------------------------------- */

static const struct caps_seen uhci_seen[] = {{0x50, 0x03060013, 0}};

static void test_intel_uhci(void **state)
{
	const struct caps_other other = {.seen = uhci_seen, .seen_count = 1, .initial_only = true};

	CAPS_ADD(umd_pci_add_af, (struct umd_af){.at = 0x50});
	caps_compare(&other);
}

/* ---- Intel Data Streaming Accelerator: LTR, TPH, DVSEC, ATS, PASID, PRI -------------------- */

static const struct caps_seen dsa_seen[] = {
	{0x40, 0x00928010, 0},	{0x44, 0x10008022, 0},	{0x48, 0x00005957, 0},
	{0x64, 0x10730810, 0},	{0x68, 0x00001010, 0},	{0x80, 0x80089011, 0},
	{0x84, 0x00002000, 0},	{0x88, 0x00003000, 0},	{0x90, 0x00030001, 0},
	{0x94, 0x00000008, 0},	{0x100, 0x15020001, 0}, {0x108, 0x00100000, 0},
	{0x10c, 0x00040000, 0}, {0x150, 0x16010018, 0}, {0x160, 0x17010017, 0},
	{0x164, 0x00010205, 0}, {0x168, 0x00000102, 0}, {0x16c, 0x000a0000, 0},
	{0x200, 0x22010023, 0}, {0x204, 0x01808086, 0}, {0x208, 0x00000005, 0},
	{0x20c, 0x00000001, 0}, {0x210, 0x00000001, 0}, {0x214, 0x00000001, 0},
	{0x220, 0x2301000f, 0}, {0x224, 0x80000060, 0}, {0x230, 0x2401001b, 0},
	{0x234, 0x00051404, 0}, {0x240, 0x00010013, 0}, {0x244, 0x81000000, 0},
	{0x248, 0x00000200, 0},
};

static const struct caps_differ dsa_differ[] = {
	{0x48, 0x00007147, 0, "extended tags, payloads, reads and error reporting are set up"},
	{0x64, 0x10430000, 0, "tags of 10 bits, deferrable writes, one prefix instead of four"},
	{0x68, 0x00001010, 0, "timeouts disabled, tags of 10 bits enabled"},
	{0x80, 0x80000000, 0, ENABLED},
	{0x108, 0x00500000, 0, CHOICE},
	{0x10c, 0x00422010, 0, CHOICE},
	{0x114, 0x0000e000, 0, CHOICE},
	{0x160, 0x37000000, 0, NEXT},
	{0x168, 0x00000102, 0, ENABLED},
	{0x16c, 0x000a0000, 0, "a steering tag is in the table"},
	{0x224, 0x80000000, 0, ENABLED},
	{0x234, 0x00050000, 0, ENABLED},
};

static void declare_dsa_standard(void)
{
	CAPS_ADD(umd_pci_add_express, (struct umd_pcie){.at = 0x40,
							.integrated = true,
							.flr = true,
							.extended_tag = true,
							.ltr = true,
							.max_payload = 512});
	CAPS_ADD(umd_pci_add_msix,
		 (struct umd_msix){
			 .at = 0x80, .vectors = 9, .table_offset = 0x2000, .pba_offset = 0x3000});
	CAPS_ADD(umd_pci_add_pm, (struct umd_pm){.at = 0x90, .no_soft_reset = true});
}

static void declare_dsa_extended(const struct caps_other *other)
{
	struct caps_seen_body store;

	CAPS_ADD(umd_pci_add_aer, (struct umd_aer){.at = 0x100});
	CAPS_ADD(umd_pci_add_ltr, (struct umd_ltr){.at = 0x150});
	CAPS_ADD(umd_pci_add_tph, (struct umd_tph){.at = 0x160,
						   .device_specific_mode = true,
						   .table_location = PCI_TPH_LOC_CAP,
						   .table_entries = 2});
	CAPS_ADD(umd_pci_add_dvsec,
		 (struct umd_dvsec){.at = 0x200,
				    .vendor = 0x8086,
				    .id = 5,
				    .body = caps_body(&store, other, 0x20a, 0x18 - 10)});
	CAPS_ADD(umd_pci_add_ats, (struct umd_ats){.at = 0x220,
						   .queue_depth = 32,
						   .page_aligned = true,
						   .global_invalidate = true});
	CAPS_ADD(umd_pci_add_pasid,
		 (struct umd_pasid){.at = 0x230, .width = 20, .privileged = true});
	CAPS_ADD(umd_pci_add_pri,
		 (struct umd_pri){.at = 0x240, .capacity = 512, .pasid_required = true});
}

static void test_intel_dsa(void **state)
{
	const struct caps_other other = CAPS_DUMP(dsa_seen, dsa_differ);

	declare_dsa_standard();
	declare_dsa_extended(&other);
	caps_compare(&other);
}

/* ---- AMD Fiji: VSEC, Resizable BAR, PASID, ARI --------------------------------------------- */

static const struct caps_seen fiji_seen[] = {
	{0x100, 0x1501000b, 0}, {0x104, 0x01010001, 0}, {0x150, 0x20020001, 0},
	{0x15c, 0x00462030, 0}, {0x164, 0x00002000, 0}, {0x168, 0x000000a0, 0},
	{0x200, 0x27010015, 0}, {0x204, 0x0001f000, 0}, {0x208, 0x00000820, 0},
	{0x2b0, 0x2c01000f, 0}, {0x2b4, 0x80000020, 0}, {0x2c0, 0x2d010013, 0},
	{0x2c4, 0x01000000, 0}, {0x2c8, 0x00000020, 0}, {0x2d0, 0x3281001b, 0},
	{0x2d4, 0x00001006, 0}, {0x328, 0x0001000e, 0}, {0x32c, 0x00000100, 0},
};

static const struct caps_differ fiji_differ[] = {
	{0x158, 0x00400000, 0, CHOICE},
	{0x15c, 0x00000020, 0, "surprise down is a port's"},
	{0x164, 0x0000c000, 0, CHOICE},
	{0x200, 0x0c000000, 0, NEXT},
	{0x208, 0x00000400, 0, "256 MiB there; ours begins at its largest, 4 GiB"},
	{0x2b4, 0x80000000, 0, ENABLED},
};

static void declare_fiji_bar(void)
{
	const struct umd_rebar rebar = {
		.at = 0x200, .count = 1, .bars = {{.sizes = UINT64_C(31) << 28}}};

	if (umd_pci_add_rebar(&config, &rebar, &(const uint64_t){UINT64_C(1) << 32}, &error) < 0)
		fail_msg("%s", error.text);
}

static void test_amd_fiji(void **state)
{
	const struct caps_other other = CAPS_DUMP(fiji_seen, fiji_differ);

	CAPS_ADD(umd_pci_add_vsec,
		 (struct umd_vsec){.at = 0x100, .id = 1, .revision = 1, .body = {.size = 8}});
	CAPS_ADD(umd_pci_add_aer,
		 (struct umd_aer){.at = 0x150, .ecrc_generation = true, .ecrc_check = true});
	declare_fiji_bar();
	CAPS_ADD(umd_pci_add_ats,
		 (struct umd_ats){.at = 0x2b0, .queue_depth = 32, .page_aligned = true});
	CAPS_ADD(umd_pci_add_pri, (struct umd_pri){.at = 0x2c0, .capacity = 32});
	CAPS_ADD(umd_pci_add_pasid,
		 (struct umd_pasid){.at = 0x2d0, .width = 16, .execute = true, .privileged = true});
	CAPS_ADD(umd_pci_add_ari, (struct umd_ari){.at = 0x328, .next_function = 1});
	caps_compare(&other);
}

/* ---- Samsung PM174X: VPD, AER, serial number, SR-IOV, ACS, LTR, DPA ------------------------ */

static const struct caps_seen pm174x_seen[] = {
	{0xd0, 0x00000003, 0},	{0x100, 0x14820001, 0}, {0x108, 0x00400000, 0},
	{0x10c, 0x00462030, 0}, {0x110, 0x00002000, 0}, {0x114, 0x0000e000, 0},
	{0x118, 0x000002a0, 0}, {0x148, 0x16810003, 0}, {0x14c, 0x8c382500, 0},
	{0x150, 0x2b0a5031, 0}, {0x1f8, 0x3c010010, 0}, {0x1fc, 0x00000002, 0},
	{0x200, 0x00000010, 0}, {0x204, 0x00400040, 0}, {0x20c, 0x00010020, 0},
	{0x210, 0xa8260000, 0}, {0x214, 0x00000553, 0}, {0x218, 0x00000001, 0},
	{0x21c, 0x88408004, 0}, {0x238, 0x2441000d, 0}, {0x23c, 0x0000080c, 0},
	{0x244, 0x24c10018, 0}, {0x24c, 0x27c10016, 0}, {0x250, 0xff80111f, 0},
	{0x258, 0x00000100, 0}, {0x25c, 0x1d1e1f20, 0}, {0x260, 0x191a1b1c, 0},
	{0x264, 0x15161718, 0}, {0x268, 0x11121314, 0}, {0x26c, 0x0d0e0f10, 0},
	{0x270, 0x090a0b0c, 0}, {0x274, 0x05060708, 0}, {0x278, 0x01020304, 0},
};

static const struct caps_differ pm174x_differ[] = {
	{0x10c, 0x00000020, 0, "surprise down is a port's"},
	{0x110, 0x00002000, 0, "an error has been"},
	{0x118, 0x00000200, 0, "it keeps several headers"},
	{0x148, 0x09000000, 0, NEXT},
	{0x1f8, 0x1f800000, 0, NEXT},
	{0x1fc, 0x00000002, 0, "it keeps what its driver says about the hierarchy"},
	{0x200, 0x00000010, 0, ENABLED},
	{0x21c, 0x88408000, 0, "its BAR has an address"},
	{0x23c, 0x00000800, 0, "it gives the size of a vector that it has not"},
	{0x24c, 0x27c00000, 0, NEXT},
};

static void declare_pm174x_functions(void)
{
	CAPS_ADD(umd_pci_add_sriov, (struct umd_sriov){.at = 0x1f8,
						       .total_vfs = 64,
						       .vf_offset = 32,
						       .vf_stride = 1,
						       .vf_device = 0xa826,
						       .bar_sizes = {0x8000},
						       .bar_flags = {UMD_REGION_MEM64}});
	CAPS_ADD(umd_pci_add_acs,
		 (struct umd_acs){.at = 0x238, .services = PCI_ACS_RR | PCI_ACS_CR});
}

static void declare_pm174x_power(void)
{
	uint8_t power[32];

	for (uint8_t i = 0; i < sizeof(power); i++)
		power[i] = (uint8_t)(sizeof(power) - i);
	CAPS_ADD(umd_pci_add_ltr, (struct umd_ltr){.at = 0x244});
	CAPS_ADD(umd_pci_add_dpa, (struct umd_dpa){.at = 0x24c,
						   .substates = 32,
						   .latency_unit = 1,
						   .latency = {0x80, 0xff},
						   .power_scale = 1,
						   .power = power});
}

static void test_samsung_pm174x(void **state)
{
	const struct caps_other other = CAPS_DUMP(pm174x_seen, pm174x_differ);
	const uint8_t product[4] = {0};

	CAPS_ADD(umd_pci_add_vpd, (struct umd_vpd){.at = 0xd0, .bytes = product, .size = 4});
	CAPS_ADD(umd_pci_add_aer,
		 (struct umd_aer){.at = 0x100, .ecrc_generation = true, .ecrc_check = true});
	CAPS_ADD(umd_pci_add_dsn,
		 (struct umd_dsn){.at = 0x148, .serial = UINT64_C(0x2b0a50318c382500)});
	declare_pm174x_functions();
	declare_pm174x_power();
	caps_compare(&other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_intel_uhci),
		CAPS_TEST(test_intel_dsa),
		CAPS_TEST(test_amd_fiji),
		CAPS_TEST(test_samsung_pm174x),
	};

	return cmocka_run_group_tests_name("pci_caps_hardware", tests, NULL, NULL);
}
