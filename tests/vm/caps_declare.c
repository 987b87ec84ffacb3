/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capabilities of the test device, with values that are told apart when they are seen again.
 * caps_test.py has the same numbers, as lspci and setpci show them.
 */
#include "caps_declare.h"

#include <linux/pci_regs.h>
#include <umdev/caps.h>

#include "caps_registers.h"

/*
 * Vital Product Data: an identifier string, read-only fields (a part number and the checksum over
 * all before it), and eight writable bytes (PCI, appendix I).
 */
static const uint8_t vpd[44] = {
	0x82, 8,   0, 'u',  'm', 'd', 'e', 'v', ' ',  'P', 'F', /* identifier */
	0x90, 12,  0, 'P',  'N', 4,   'C', 'A', 'P',  'S',	/* VPD-R: part number */
	'R',  'V', 2, 0x90, 0,					/* checksum, reserved */
	0x91, 11,  0, 'Y',  'A', 8,		      /* VPD-W: an asset tag, eight zeroes */
	0,    0,   0, 0,    0,	 0,   0,   0,	0x78, /* the end */
};

#define VPD_WRITABLE_AT 32 /* the asset tag's bytes */

static const uint8_t vendor_bytes[] = {0x11, 0x22, 0x33, 0x44, 0x55};
static const uint8_t vendor_writable[] = {0, 0xff, 0x0f, 0, 0};
static const uint8_t vendor_clearable[] = {0, 0, 0, 0x44, 0};

static const struct umd_cap_body vendor_body = {
	.size = sizeof(vendor_bytes),
	.bytes = vendor_bytes,
	.writable = vendor_writable,
	.clearable = vendor_clearable,
};

static const struct umd_msi msi = {.at = 0x48, .messages = 8};

static const struct umd_msix msix = {
	.at = 0x60,
	.vectors = 32,
	.table_offset = CAPS_MSIX_TABLE,
	.pba_offset = CAPS_MSIX_PBA,
};

static void declare_standard(struct umd_device *device)
{
	umd_device_add_pm(device, &(struct umd_pm){.at = 0x40, .d1 = true, .pme = 0x1b});
	umd_device_add_msi(device, &msi);
	umd_device_add_pcie(device, &(struct umd_pcie){.at = 0x70,
						       .flr = true,
						       .extended_tag = true,
						       .ltr = true,
						       .max_payload = 256,
						       .link_speed = 2,
						       .link_width = 4});
	umd_device_add_vpd(device, &(struct umd_vpd){.at = 0xb0,
						     .bytes = vpd,
						     .size = sizeof(vpd),
						     .writable_at = VPD_WRITABLE_AT,
						     .writable_size = 8});
	umd_device_add_vendor_cap(device,
				  &(struct umd_vendor_cap){.at = 0xb8, .body = vendor_body});
}

static void declare_errors_and_names(struct umd_device *device)
{
	umd_device_add_aer(device, &(struct umd_aer){.at = 0x100, .ecrc_check = true});
	umd_device_add_dsn(device, &(struct umd_dsn){.at = 0x148, .serial = 0x1122334455667788});
	umd_device_add_vsec(
		device,
		&(struct umd_vsec){.at = 0x154, .id = 0x1234, .revision = 5, .body = vendor_body});
	umd_device_add_dvsec(device, &(struct umd_dvsec){.at = 0x164,
							 .vendor = 0x1b36,
							 .id = 0x4321,
							 .revision = 3,
							 .body = vendor_body});
}

static void declare_translation(struct umd_device *device)
{
	umd_device_add_acs(device, &(struct umd_acs){.at = 0x178,
						     .services = PCI_ACS_RR | PCI_ACS_CR |
								 PCI_ACS_EC | PCI_ACS_DT,
						     .egress_bits = 8});
	umd_device_add_ari(device, &(struct umd_ari){.at = 0x184});
	umd_device_add_ats(device, &(struct umd_ats){.at = 0x18c,
						     .queue_depth = 16,
						     .page_aligned = true,
						     .global_invalidate = true});
	umd_device_add_pri(device,
			   &(struct umd_pri){.at = 0x194, .capacity = 64, .pasid_required = true});
	umd_device_add_pasid(device,
			     &(struct umd_pasid){.at = 0x1a4, .width = 20, .privileged = true});
}

static void declare_traffic_and_power(struct umd_device *device)
{
	static const uint8_t power[] = {200, 100, 50};

	umd_device_add_ltr(device, &(struct umd_ltr){.at = 0x1ac});
	umd_device_add_tph(device, &(struct umd_tph){.at = 0x1b4,
						     .interrupt_vector_mode = true,
						     .extended = true,
						     .table_location = PCI_TPH_LOC_CAP,
						     .table_entries = 4});
	umd_device_add_dpa(device, &(struct umd_dpa){.at = 0x1c8,
						     .substates = 3,
						     .latency = {7, 9},
						     .latency_indicator = 0x2,
						     .power_scale = 2,
						     .power = power});
}

static void declare_sizes_and_functions(struct umd_device *device)
{
	umd_device_add_rebar(device, &(struct umd_rebar){.at = 0x1e0,
							 .count = 1,
							 .bars = {{.bar = 2, .sizes = 15 << 20}}});
	umd_device_add_sriov(device, &(struct umd_sriov){.at = 0x200,
							 .total_vfs = 7,
							 .vf_offset = 1,
							 .vf_stride = 1,
							 .vf_device = 0xffe3,
							 .bar_sizes = {CAPS_BAR0_SIZE}});
}

void caps_declare_express(struct umd_device *device, bool with_msix)
{
	declare_standard(device);
	if (with_msix)
		umd_device_add_msix(device, &msix);
	declare_errors_and_names(device);
	declare_translation(device);
	declare_traffic_and_power(device);
	declare_sizes_and_functions(device);
}

void caps_declare_conventional(struct umd_device *device)
{
	umd_device_add_pm(device, &(struct umd_pm){.at = 0x40, .no_soft_reset = true});
	umd_device_add_msi(device, &msi);
	umd_device_add_af(device, &(struct umd_af){.at = 0x70});
	umd_device_add_vpd(device,
			   &(struct umd_vpd){.at = 0x78, .bytes = vpd, .size = sizeof(vpd)});
}
