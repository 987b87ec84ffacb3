/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities of QEMU 11.1.3's own devices beside ours: what a Linux guest reads there before any
 * driver has been bound, and what reads back after all ones and all zeroes.
 */
#include "pci_caps_seen.h"

#include <linux/pci_regs.h>

/* ---- Where QEMU's encoding is another one -------------------------------------------------- */

/* Device Control: `initial` and `rw` are what is other, which depends on the device. */
#define DEVICE_CONTROL(at, initial, rw)                                                                          \
	{                                                                                                        \
		(at) + 0x08, initial, rw,                                                                        \
			"ours begins with relaxed ordering, no snoop and reads of 512 bytes, and all of it can " \
			"be written; there it is off, and error reporting at most can be written"                \
	}

#define DEVICE_2(at)                                                                                   \
	{(at) + 0x24, 0x00000010, 0, "ours has a completion timeout that can be disabled"},            \
	{                                                                                              \
		(at) + 0x28, 0, 0x00008010,                                                            \
			"timeout disable; blocking of prefixes is a switch's, there it is everybody's" \
	}

#define LINK(at)                                                                                \
	{(at) + 0x0c, 0x00400400, 0, "ours has no ASPM and says that it may; there it is L0s"}, \
	{                                                                                       \
		(at) + 0x10, 0, 0x000000cb, "link control is read-only there"                   \
	}

#define SLOW_LINK_2(at)                                                              \
	{(at) + 0x2c, 0x00000002, 0, "2.5 GT/s is in our vector of speeds too"},     \
	{                                                                            \
		(at) + 0x30, 0x00000001, 0x0000ff9f,                                 \
			"a target speed, which a device of 2.5 GT/s may have or not" \
	}

/* PMC and PMCSR of a device of version 2. */
#define POWER_2(at)                                                                            \
	{(at), 0x00210000, 0, "version 2 with device specific initialisation there"},          \
	{                                                                                      \
		(at) + 4, 0, 0x00001f00,                                                       \
			"data select and PME enable can be written there without data and PME" \
	}

#define ERRORS_OF_PORTS                                                                            \
	"there are four errors there that only ports detect; the mask of blocked prefixes begins " \
	"as set there, not in the specification"

/* Uncorrectable Mask and Severity. */
#define ERRORS(at)                                                   \
	{(at) + 0x08, 0x02000000, 0x03800020, ERRORS_OF_PORTS},      \
	{                                                            \
		(at) + 0x0c, 0x00000020, 0x03800020, ERRORS_OF_PORTS \
	}

#define MSI_CONTROL(at, initial, rw)                                                                           \
	{                                                                                                      \
		(at), initial, rw,                                                                             \
			"how many messages are enabled is bounded when it is written: there in the register, " \
			"here by what writes do"                                                               \
	}

#define PAST_THE_END "all of what lies behind a capability can be written there"

#define VF_BARS "of virtual functions, nothing can be written here"

/* ---- nvme: MSI-X, PCI Express, Power Management -------------------------------------------- */

static const struct caps_seen nvme_seen[] = {
	{0x40, 0x00408011, 0xc0000000}, {0x44, 0x00002000, 0x00000000},
	{0x48, 0x00003000, 0x00000000}, {0x80, 0x00026010, 0x00000000},
	{0x84, 0x10008020, 0x00000000}, {0x88, 0x00000000, 0x0000000f},
	{0x8c, 0x00000411, 0x00000000}, {0x90, 0x00110000, 0x00000000},
	{0xa4, 0x00300000, 0x00000000}, {0xa8, 0x00000000, 0x00008000},
	{0x60, 0x00030001, 0x00000000}, {0x64, 0x00000008, 0x00000003},
};

static const struct caps_differ nvme_differ[] = {
	DEVICE_CONTROL(0x80, 0x00002810, 0x0000fd10),
	LINK(0x80),
	DEVICE_2(0x80),
	SLOW_LINK_2(0x80),
};

static void declare_nvme(unsigned int vectors, bool integrated)
{
	CAPS_ADD(umd_pci_add_msix, (struct umd_msix){.at = 0x40,
						     .vectors = vectors,
						     .table_offset = 0x2000,
						     .pba_offset = 0x3000});
	CAPS_ADD(umd_pci_add_express,
		 (struct umd_pcie){
			 .at = 0x80, .integrated = integrated, .flr = true, .extended_tag = true});
	CAPS_ADD(umd_pci_add_pm, (struct umd_pm){.at = 0x60, .no_soft_reset = true});
}

static void test_nvme(void **state)
{
	const struct caps_other other = CAPS_OTHER(nvme_seen, nvme_differ);

	declare_nvme(65, false);
	caps_compare(&other);
}

/* ---- nvme on the root bus: a root complex integrated endpoint ------------------------------ */

static const struct caps_seen nvme_integrated_seen[] = {
	{0x40, 0x00408011, 0xc0000000}, {0x44, 0x00002000, 0x00000000},
	{0x48, 0x00003000, 0x00000000}, {0x80, 0x00926010, 0x00000000},
	{0x84, 0x10008020, 0x00000000}, {0x88, 0x00000000, 0x0000000f},
	{0x8c, 0x00000411, 0x00000000}, {0x90, 0x00110000, 0x00000000},
	{0xa4, 0x00300000, 0x00000000}, {0xa8, 0x00000000, 0x00008000},
	{0x60, 0x00030001, 0x00000000}, {0x64, 0x00000008, 0x00000003},
};

static const struct caps_differ nvme_integrated_differ[] = {
	DEVICE_CONTROL(0x80, 0x00002810, 0x0000fd10),
	{0x8c, 0x00000411, 0, "an integrated endpoint has no link"},
	{0x90, 0x00110000, 0, "an integrated endpoint has no link"},
	DEVICE_2(0x80),
};

static void test_nvme_on_the_root_bus(void **state)
{
	const struct caps_other other = CAPS_OTHER(nvme_integrated_seen, nvme_integrated_differ);

	declare_nvme(65, true);
	caps_compare(&other);
}

/* ---- nvme with virtual functions: ARI, SR-IOV ---------------------------------------------- */

static const struct caps_seen nvme_pf_seen[] = {
	{0x40, 0x000e8011, 0xc0000000},	 {0x44, 0x00002000, 0x00000000},
	{0x48, 0x00003000, 0x00000000},	 {0x80, 0x00026010, 0x00000000},
	{0x84, 0x10008020, 0x00000000},	 {0x88, 0x00000000, 0x0000000f},
	{0x8c, 0x00000411, 0x00000000},	 {0x90, 0x00110000, 0x00000000},
	{0xa4, 0x00300000, 0x00000000},	 {0xa8, 0x00000000, 0x00008000},
	{0x60, 0x00030001, 0x00000000},	 {0x64, 0x00000008, 0x00000003},
	{0x100, 0x1201000e, 0x00000000}, {0x120, 0x00010010, 0x00000000},
	{0x128, 0x00000000, 0x00000019}, {0x12c, 0x00040004, 0x00000000},
	{0x130, 0x00000000, 0x0000ffff}, {0x134, 0x00010001, 0x00000000},
	{0x138, 0x00100000, 0x00000000}, {0x13c, 0x00000553, 0x00000000},
	{0x140, 0x00000001, 0x00000553}, {0x144, 0x00000004, 0xffffc000},
	{0x148, 0x00000000, 0xffffffff}, {0x14c, 0x00000000, 0xffffffff},
	{0x150, 0x00000000, 0xffffffff}, {0x154, 0x00000000, 0xffffffff},
	{0x158, 0x00000000, 0xffffffff}, {0x15c, 0x00000000, 0xffffffff},
};

static const struct caps_differ nvme_pf_differ[] = {
	DEVICE_CONTROL(0x80, 0x00002810, 0x0000fd10),
	LINK(0x80),
	DEVICE_2(0x80),
	SLOW_LINK_2(0x80),
	{0x128, 0, 0x00000019, VF_BARS},
	{0x130, 0, 0x0000ffff, VF_BARS},
	{0x140, 0, 0x00000553, VF_BARS},
	{0x144, 0, 0xffffc000, VF_BARS},
	{0x148, 0, 0xffffffff, VF_BARS},
	{0x14c, 0, 0xffffffff, PAST_THE_END},
	{0x150, 0, 0xffffffff, PAST_THE_END},
	{0x154, 0, 0xffffffff, PAST_THE_END},
	{0x158, 0, 0xffffffff, PAST_THE_END},
	{0x15c, 0, 0xffffffff, PAST_THE_END},
};

static void test_nvme_with_virtual_functions(void **state)
{
	const struct caps_other other = CAPS_OTHER(nvme_pf_seen, nvme_pf_differ);

	declare_nvme(15, false);
	CAPS_ADD(umd_pci_add_ari, (struct umd_ari){.at = 0x100});
	CAPS_ADD(umd_pci_add_sriov, (struct umd_sriov){.at = 0x120,
						       .total_vfs = 4,
						       .vf_offset = 1,
						       .vf_stride = 1,
						       .vf_device = 0x0010,
						       .bar_sizes = {0x4000},
						       .bar_flags = {UMD_REGION_MEM64}});
	caps_compare(&other);
}

/* ---- e1000e: Power Management, MSI without masks, MSI-X ------------------------------------ */

static const struct caps_seen e1000e_seen[] = {
	{0xc8, 0x0022d001, 0x00000000}, {0xcc, 0x00000000, 0x00001f03},
	{0xd0, 0x0080e005, 0x00010000}, {0xd4, 0x00000000, 0xfffffffc},
	{0xd8, 0x00000000, 0xffffffff}, {0xdc, 0x00000000, 0xffffffff},
	{0xa0, 0x00040011, 0xc0000000}, {0xa4, 0x00000003, 0x00000000},
	{0xa8, 0x00002003, 0x00000000},
};

static const struct caps_differ e1000e_differ[] = {
	POWER_2(0xc8),
	/* There, PCI Express of version 1 is next, at 0xe0, where ours does not fit. */
	MSI_CONTROL(0xd0, 0x00004000, 0x00700000),
};

static void test_e1000e(void **state)
{
	const struct caps_other other = CAPS_OTHER(e1000e_seen, e1000e_differ);

	CAPS_ADD(umd_pci_add_pm, (struct umd_pm){.at = 0xc8});
	CAPS_ADD(umd_pci_add_msi, (struct umd_msi){.at = 0xd0, .messages = 1, .unmaskable = true});
	CAPS_ADD(umd_pci_add_msix, (struct umd_msix){.at = 0xa0,
						     .vectors = 5,
						     .table_bar = 3,
						     .pba_bar = 3,
						     .pba_offset = 0x2000});
	caps_compare(&other);
}

/* ---- nec-usb-xhci: several messages, no function level reset ------------------------------- */

static const struct caps_seen xhci_seen[] = {
	{0x90, 0x000fa011, 0xc0000000}, {0x94, 0x00003000, 0x00000000},
	{0x98, 0x00003800, 0x00000000}, {0xa0, 0x00027010, 0x00000000},
	{0xa4, 0x00008020, 0x00000000}, {0xac, 0x00000411, 0x00000000},
	{0xb0, 0x00110000, 0x00000000}, {0xc4, 0x00300000, 0x00000000},
	{0xc8, 0x00000000, 0x00008000}, {0x70, 0x00880005, 0x00410000},
	{0x74, 0x00000000, 0xfffffffc}, {0x78, 0x00000000, 0xffffffff},
	{0x7c, 0x00000000, 0xffffffff},
};

static const struct caps_differ xhci_differ[] = {
	DEVICE_CONTROL(0xa0, 0x00002810, 0x00007d1f),
	LINK(0xa0),
	DEVICE_2(0xa0),
	SLOW_LINK_2(0xa0),
	MSI_CONTROL(0x70, 0, 0x00300000),
};

static void test_nec_usb_xhci(void **state)
{
	const struct caps_other other = CAPS_OTHER(xhci_seen, xhci_differ);

	CAPS_ADD(umd_pci_add_msix,
		 (struct umd_msix){
			 .at = 0x90, .vectors = 16, .table_offset = 0x3000, .pba_offset = 0x3800});
	CAPS_ADD(umd_pci_add_express, (struct umd_pcie){.at = 0xa0, .extended_tag = true});
	CAPS_ADD(umd_pci_add_msi, (struct umd_msi){.at = 0x70, .messages = 16, .unmaskable = true});
	caps_compare(&other);
}

/* ---- igb: MSI with masks, AER, ARI, SR-IOV ------------------------------------------------- */

static const struct caps_seen igb_seen[] = {
	{0x40, 0x00225001, 0x00000000},	 {0x44, 0x00000000, 0x00001f03},
	{0x50, 0x01807005, 0x00010000},	 {0x54, 0x00000000, 0xfffffffc},
	{0x58, 0x00000000, 0xffffffff},	 {0x5c, 0x00000000, 0x0000ffff},
	{0x60, 0x00000000, 0x00000001},	 {0x70, 0x0009a011, 0xc0000000},
	{0x74, 0x00000003, 0x00000000},	 {0x78, 0x00002003, 0x00000000},
	{0xa0, 0x00020010, 0x00000000},	 {0xa4, 0x10008020, 0x00000000},
	{0xac, 0x00000411, 0x00000000},	 {0xb0, 0x00110000, 0x00000000},
	{0xc4, 0x00300000, 0x00000000},	 {0xc8, 0x00000000, 0x00008000},
	{0x100, 0x15010001, 0x00000000}, {0x108, 0x02400000, 0x03fff030},
	{0x10c, 0x00462030, 0x03fff030}, {0x114, 0x0000e000, 0x0000f1c1},
	{0x118, 0x000000a0, 0x00000140}, {0x140, 0x00000000, 0xffffffff},
	{0x144, 0x00000000, 0xffffffff}, {0x150, 0x1601000e, 0x00000000},
	{0x160, 0x00010010, 0x00000000}, {0x168, 0x00000000, 0x00000019},
	{0x16c, 0x00080008, 0x00000000}, {0x170, 0x00000000, 0x0000ffff},
	{0x174, 0x00020080, 0x00000000}, {0x178, 0x10ca0000, 0x00000000},
	{0x17c, 0x00000553, 0x00000000}, {0x180, 0x00000001, 0x00000553},
	{0x184, 0x0000000c, 0xffffc000}, {0x188, 0x00000000, 0xffffffff},
	{0x190, 0x0000000c, 0xffffc000}, {0x194, 0x00000000, 0xffffffff},
	{0x198, 0x00000000, 0xffffffff}, {0x19c, 0x00000000, 0xffffffff},
};

static const struct caps_differ igb_differ[] = {
	POWER_2(0x40),
	MSI_CONTROL(0x50, 0, 0x00700000),
	DEVICE_CONTROL(0xa0, 0x00002810, 0x0000fd1f),
	LINK(0xa0),
	DEVICE_2(0xa0),
	SLOW_LINK_2(0xa0),
	{0x100, 0x00030000, 0, "error reporting is of version 1 there"},
	ERRORS(0x100),
	{0x140, 0, 0xffffffff, PAST_THE_END},
	{0x144, 0, 0xffffffff, PAST_THE_END},
	{0x168, 0, 0x00000019, VF_BARS},
	{0x170, 0, 0x0000ffff, VF_BARS},
	{0x180, 0, 0x00000553, VF_BARS},
	{0x184, 0, 0xffffc000, VF_BARS},
	{0x188, 0, 0xffffffff, VF_BARS},
	{0x190, 0, 0xffffc000, VF_BARS},
	{0x194, 0, 0xffffffff, VF_BARS},
	{0x198, 0, 0xffffffff, PAST_THE_END},
	{0x19c, 0, 0xffffffff, PAST_THE_END},
};

static void declare_igb_extended(void)
{
	const unsigned int flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH;

	CAPS_ADD(umd_pci_add_aer,
		 (struct umd_aer){.at = 0x100, .ecrc_generation = true, .ecrc_check = true});
	CAPS_ADD(umd_pci_add_ari, (struct umd_ari){.at = 0x150});
	CAPS_ADD(umd_pci_add_sriov, (struct umd_sriov){.at = 0x160,
						       .total_vfs = 8,
						       .vf_offset = 128,
						       .vf_stride = 2,
						       .vf_device = 0x10ca,
						       .bar_sizes = {0x4000, 0, 0, 0x4000},
						       .bar_flags = {flags, 0, 0, flags}});
}

static void test_igb(void **state)
{
	const struct caps_other other = CAPS_OTHER(igb_seen, igb_differ);

	CAPS_ADD(umd_pci_add_pm, (struct umd_pm){.at = 0x40});
	CAPS_ADD(umd_pci_add_msi, (struct umd_msi){.at = 0x50, .messages = 1});
	CAPS_ADD(umd_pci_add_msix, (struct umd_msix){.at = 0x70,
						     .vectors = 10,
						     .table_bar = 3,
						     .pba_bar = 3,
						     .pba_offset = 0x2000});
	CAPS_ADD(umd_pci_add_express,
		 (struct umd_pcie){.at = 0xa0, .flr = true, .extended_tag = true});
	declare_igb_extended();
	caps_compare(&other);
}

/* ---- virtio-net-pci with ATS and AER: vendor's capabilities, translation ------------------- */

static const struct caps_seen virtio_seen[] = {
	{0xdc, 0x0003c811, 0xc0000000},	 {0xe0, 0x00000001, 0x00000000},
	{0xe4, 0x00000801, 0x00000000},	 {0xc8, 0x0514b409, 0x00000000},
	{0xcc, 0x00000000, 0x000000ff},	 {0xd0, 0x00000000, 0xffffffff},
	{0xd4, 0x00000000, 0xffffffff},	 {0xd8, 0x00000000, 0xffffffff},
	{0xb4, 0x0214a409, 0x00000000},	 {0xb8, 0x00000004, 0x00000000},
	{0xbc, 0x00003000, 0x00000000},	 {0xc0, 0x00001000, 0x00000000},
	{0xc4, 0x00000004, 0x00000000},	 {0xa4, 0x04109409, 0x00000000},
	{0xa8, 0x00000004, 0x00000000},	 {0xac, 0x00002000, 0x00000000},
	{0xb0, 0x00001000, 0x00000000},	 {0x94, 0x03108409, 0x00000000},
	{0x98, 0x00000004, 0x00000000},	 {0x9c, 0x00001000, 0x00000000},
	{0xa0, 0x00001000, 0x00000000},	 {0x84, 0x01107c09, 0x00000000},
	{0x88, 0x00000004, 0x00000000},	 {0x90, 0x00001000, 0x00000000},
	{0x7c, 0x00034001, 0x00000000},	 {0x80, 0x00000000, 0x00000003},
	{0x40, 0x00020010, 0x00000000},	 {0x44, 0x10008020, 0x00000000},
	{0x48, 0x0000000f, 0x00000000},	 {0x4c, 0x00000411, 0x00000000},
	{0x50, 0x00110000, 0x000000c0},	 {0x64, 0x00300000, 0x00000000},
	{0x68, 0x00000000, 0x00008000},	 {0x100, 0x14820001, 0x00000000},
	{0x108, 0x02400000, 0x03fff030}, {0x10c, 0x00462030, 0x03fff030},
	{0x114, 0x0000e000, 0x0000f1c1}, {0x118, 0x000000a0, 0x00000140},
	{0x148, 0x0001000f, 0x00000000}, {0x14c, 0x00000020, 0x800f0000},
};

static const struct caps_differ virtio_differ[] = {
	/* Linux has error reporting on, and the ones that were written reset the function. */
	DEVICE_CONTROL(0x40, 0x0000281f, 0x0000fd1f),
	{0x4c, 0x00400400, 0, "ours has no ASPM and says that it may; there it is L0s"},
	{0x50, 0, 0x0000000b, "of link control, the clock's and synch's bits are writable there"},
	DEVICE_2(0x40),
	SLOW_LINK_2(0x40),
	ERRORS(0x100),
	{0x14c, 0, 0x00100000, "the smallest translation unit has four bits there, not five"},
};

static void declare_virtio_vendor(const struct caps_other *other)
{
	static const struct {
		uint32_t at;
		size_t size;
	} caps[] = {{0xc8, 20}, {0xb4, 20}, {0xa4, 16}, {0x94, 16}, {0x84, 16}};

	for (size_t i = 0; i < UNIT_COUNT(caps); i++) {
		struct caps_seen_body store;

		CAPS_ADD(umd_pci_add_vendor,
			 (struct umd_vendor_cap){.at = caps[i].at,
						 .body = caps_body(&store, other, caps[i].at + 3,
								   caps[i].size - 3)});
	}
}

static void test_virtio_net_with_ats_and_aer(void **state)
{
	const struct caps_other other = CAPS_OTHER(virtio_seen, virtio_differ);

	CAPS_ADD(umd_pci_add_msix, (struct umd_msix){.at = 0xdc,
						     .vectors = 4,
						     .table_bar = 1,
						     .pba_bar = 1,
						     .pba_offset = 0x800});
	declare_virtio_vendor(&other);
	CAPS_ADD(umd_pci_add_pm, (struct umd_pm){.at = 0x7c});
	CAPS_ADD(umd_pci_add_express,
		 (struct umd_pcie){.at = 0x40, .flr = true, .extended_tag = true});
	CAPS_ADD(umd_pci_add_aer,
		 (struct umd_aer){.at = 0x100, .ecrc_generation = true, .ecrc_check = true});
	CAPS_ADD(umd_pci_add_ats,
		 (struct umd_ats){.at = 0x148, .queue_depth = 32, .page_aligned = true});
	caps_compare(&other);
}

/* ---- cxl-type3: a fast and wide link, a serial number, designated vendor's capabilities ---- */

static const struct caps_seen cxl_seen[] = {
	{0x40, 0x00078011, 0xc0000000},	 {0x44, 0x00000004, 0x00000000},
	{0x48, 0x00000804, 0x00000000},	 {0x80, 0x00020010, 0x00000000},
	{0x84, 0x00008020, 0x00000000},	 {0x88, 0x0000000f, 0x0000000f},
	{0x8c, 0x00000505, 0x00000000},	 {0x90, 0x01050000, 0x00000000},
	{0xa4, 0x00300000, 0x00000000},	 {0xa8, 0x00000000, 0x00008000},
	{0xac, 0x0000003e, 0x00000000},	 {0xb0, 0x00000005, 0x00000000},
	{0x100, 0x10c10003, 0x00000000}, {0x104, 0x55667788, 0x00000000},
	{0x108, 0x11223344, 0x00000000}, {0x10c, 0x14810023, 0x00000000},
	{0x110, 0x03c31e98, 0x00000000}, {0x114, 0x001e0000, 0x00000000},
	{0x118, 0x00000002, 0x00004ffd}, {0x11c, 0x00020000, 0x0000000f},
	{0x120, 0x00000000, 0x00000001}, {0x128, 0x1000004b, 0x00000000},
	{0x12c, 0x00000000, 0xffffffff}, {0x130, 0x00000000, 0xf0000000},
	{0x13c, 0x00000000, 0xffffffff}, {0x140, 0x00000000, 0xf0000000},
	{0x148, 0x16c10023, 0x00000000}, {0x14c, 0x02401e98, 0x00000000},
	{0x150, 0x00000008, 0x00000000}, {0x154, 0x00000100, 0x00000000},
	{0x15c, 0x00000302, 0x00000000}, {0x16c, 0x17c10023, 0x00000000},
	{0x170, 0x01001e98, 0x00000000}, {0x174, 0x06030005, 0x0f0f0000},
	{0x178, 0x00000033, 0xffffffff}, {0x17c, 0x19c10023, 0x00000000},
	{0x180, 0x02021e98, 0x00000000}, {0x184, 0x00260007, 0x00000000},
	{0x188, 0x00260002, 0x00000000}, {0x18c, 0x000000ef, 0x00000000},
};

static const struct caps_differ cxl_differ[] = {
	/* Linux has error reporting on. */
	DEVICE_CONTROL(0x80, 0x0000281f, 0x00007d10),
	LINK(0x80),
	DEVICE_2(0x80),
	{0xb0, 0, 0x0000ff9f, "link control 2 is read-only there"},
	{0x17c, 0x19c00000, 0, "there, Data Object Exchange is next"},
};

static void declare_cxl_designated(const struct caps_other *other)
{
	static const struct {
		uint32_t at;
		uint16_t id;
		uint8_t revision;
		size_t size;
	} caps[] = {
		{0x10c, 0, 3, 0x3c}, {0x148, 8, 0, 0x24}, {0x16c, 5, 0, 0x10}, {0x17c, 7, 2, 0x20}};

	for (size_t i = 0; i < UNIT_COUNT(caps); i++) {
		struct caps_seen_body store;

		CAPS_ADD(umd_pci_add_dvsec,
			 (struct umd_dvsec){.at = caps[i].at,
					    .vendor = 0x1e98,
					    .id = caps[i].id,
					    .revision = caps[i].revision,
					    .body = caps_body(&store, other, caps[i].at + 10,
							      caps[i].size - 10)});
	}
}

static void test_cxl_type_3(void **state)
{
	const struct caps_other other = CAPS_OTHER(cxl_seen, cxl_differ);

	CAPS_ADD(umd_pci_add_msix, (struct umd_msix){.at = 0x40,
						     .vectors = 8,
						     .table_bar = 4,
						     .pba_bar = 4,
						     .pba_offset = 0x800});
	CAPS_ADD(umd_pci_add_express,
		 (struct umd_pcie){
			 .at = 0x80, .extended_tag = true, .link_speed = 5, .link_width = 16});
	CAPS_ADD(umd_pci_add_dsn,
		 (struct umd_dsn){.at = 0x100, .serial = UINT64_C(0x1122334455667788)});
	declare_cxl_designated(&other);
	caps_compare(&other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CAPS_TEST(test_nvme),
		CAPS_TEST(test_nvme_on_the_root_bus),
		CAPS_TEST(test_nvme_with_virtual_functions),
		CAPS_TEST(test_e1000e),
		CAPS_TEST(test_nec_usb_xhci),
		CAPS_TEST(test_igb),
		CAPS_TEST(test_virtio_net_with_ats_and_aer),
		CAPS_TEST(test_cxl_type_3),
	};

	return cmocka_run_group_tests_name("pci_caps_qemu", tests, NULL, NULL);
}
