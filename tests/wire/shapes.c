/* SPDX-License-Identifier: BSD-2-Clause */
/* What the shapes of wire-device have besides their BARs. capabilities.py is their counterpart. */
#include <errno.h>
#include <linux/pci_regs.h>

#include <umdev/caps.h>

#include "internal.h"

#define MIB (UINT64_C(1) << 20)

enum {
	ROM_SIZE = 5000, /* its BAR has 8 KiB */
	VPD_SIZE = 64,
	VPD_WRITABLE_AT = 32,
	VPD_WRITABLE_SIZE = 14,
};

/* The same bytes as memory.py's pattern(). */
static void fill(uint8_t *bytes, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + seed);
}

static int add_msix(struct wire_device *wire, unsigned int at)
{
	const struct umd_msix msix = {.vectors = MSIX_VECTORS,
				      .table_bar = 4,
				      .pba_bar = 4,
				      .pba_offset = MSIX_PBA,
				      .at = at};

	return umd_device_add_msix(wire->device, &msix);
}

/* ---- PCI Express --------------------------------------------------------------------------- */

/* A body of four bytes: read-only, written, cleared by ones, and written but sticky. */
static const uint8_t body_bytes[] = {0x12, 0x34, 0x56, 0x78};
static const uint8_t body_writable[] = {0x00, 0x7e, 0x00, 0xff};
static const uint8_t body_clearable[] = {0x00, 0x00, 0xf0, 0x00};
static const uint8_t body_sticky[] = {0x00, 0x00, 0x00, 0xff};
#define BODY                                                                                \
	{                                                                                   \
		.size = sizeof(body_bytes), .bytes = body_bytes, .writable = body_writable, \
		.clearable = body_clearable, .sticky = body_sticky                          \
	}

static const uint8_t power[] = {100, 60, 20};

static const struct umd_pm express_pm = {.d1 = true, .d2 = true, .pme = 0x1f, .aux_power = 3};
static const struct umd_msi express_msi = {.messages = 8};
static const struct umd_pcie express = {
	.flr = true, .extended_tag = true, .ltr = true, .max_payload = 256, .link_width = 4};
static const struct umd_aer aer = {.ecrc_generation = true, .ecrc_check = true};
static const struct umd_dsn dsn = {.serial = 0x0123456789abcdef};
static const struct umd_vsec vsec = {.id = 0xabcd, .revision = 2, .body = BODY};
static const struct umd_dvsec dvsec = {.vendor = 0x1b36, .id = 0x4321, .revision = 1, .body = BODY};
static const struct umd_acs acs = {.services = PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC | PCI_ACS_DT,
				   .egress_bits = 40};
static const struct umd_ari ari = {.next_function = 3};
static const struct umd_ats ats = {.queue_depth = 32, .page_aligned = true};
static const struct umd_pri pri = {.capacity = 0x200, .pasid_required = true};
static const struct umd_pasid pasid = {.width = 20, .execute = true};
static const struct umd_ltr ltr = {0};
static const struct umd_tph tph = {.interrupt_vector_mode = true,
				   .extended = true,
				   .table_location = PCI_TPH_LOC_CAP,
				   .table_entries = 4};
static const struct umd_rebar rebar = {.count = 1,
				       .bars[0] = {.bar = 5, .sizes = 1 * MIB + 2 * MIB + 8 * MIB}};
static const struct umd_sriov sriov = {.total_vfs = 4,
				       .vf_offset = 1,
				       .vf_stride = 1,
				       .vf_device = 0xfff1,
				       .page_sizes = 0x553,
				       .bar_sizes = {[0] = 4096}};
static const struct umd_dpa dpa = {.substates = 3,
				   .latency_unit = 1,
				   .latency = {2, 5},
				   .latency_indicator = 6,
				   .power_scale = 1,
				   .power = power};

static void add_extended(struct umd_device *device)
{
	umd_device_add_aer(device, &aer);
	umd_device_add_dsn(device, &dsn);
	umd_device_add_vsec(device, &vsec);
	umd_device_add_dvsec(device, &dvsec);
	umd_device_add_acs(device, &acs);
	umd_device_add_ari(device, &ari);
	umd_device_add_ats(device, &ats);
	umd_device_add_pri(device, &pri);
	umd_device_add_pasid(device, &pasid);
	umd_device_add_ltr(device, &ltr);
	umd_device_add_tph(device, &tph);
	umd_device_add_rebar(device, &rebar);
	umd_device_add_sriov(device, &sriov);
	umd_device_add_dpa(device, &dpa);
}

static void add_rom(struct umd_device *device)
{
	static uint8_t bytes[ROM_SIZE];

	fill(bytes, sizeof(bytes), 9);
	umd_device_add_rom(device, bytes, sizeof(bytes));
}

static void add_vpd(struct umd_device *device)
{
	uint8_t bytes[VPD_SIZE];
	const struct umd_vpd vpd = {.bytes = bytes,
				    .size = sizeof(bytes),
				    .writable_at = VPD_WRITABLE_AT,
				    .writable_size = VPD_WRITABLE_SIZE};

	fill(bytes, sizeof(bytes), 1);
	umd_device_add_vpd(device, &vpd);
}

/* What the device lacks for a failed call, realising it says. */
static int add_express(struct wire_device *wire)
{
	const struct umd_region bar5 = {.size = BAR5_SIZE};

	umd_device_add_bar(wire->device, 5, &bar5);
	add_rom(wire->device);
	umd_device_add_pm(wire->device, &express_pm);
	umd_device_add_msi(wire->device, &express_msi);
	add_msix(wire, 0);
	umd_device_add_pcie(wire->device, &express);
	add_vpd(wire->device);
	wire_add_mailbox(wire, 0);
	add_extended(wire->device);
	return 0;
}

/* ---- Conventional PCI: capabilities at places of their own, not in the order of the chain --- */

static const struct umd_pm conventional_pm = {.at = 0xd0, .no_soft_reset = true};
static const struct umd_msi conventional_msi = {
	.at = 0x60, .messages = 4, .only_32bit = true, .unmaskable = true};
static const struct umd_af af = {.at = 0xf0};

static int add_conventional(struct wire_device *wire)
{
	umd_device_add_pm(wire->device, &conventional_pm);
	umd_device_add_msi(wire->device, &conventional_msi);
	add_msix(wire, 0x40);
	umd_device_add_af(wire->device, &af);
	wire_add_mailbox(wire, 0x80);
	return 0;
}

/* ---- PASIDs and page requests --------------------------------------------------------------- */

static const struct umd_pri tagged_pri = {.at = 0x100, .capacity = 0x200, .pasid_required = true};
static const struct umd_pasid tagged_pasid = {
	.at = 0x110, .width = 16, .execute = true, .privileged = true, .required = true};

static int add_tagged(struct wire_device *wire)
{
	int error = wire_tagged_create(wire);

	if (error)
		return error;
	wire_add_tagged_bar(wire);
	add_msix(wire, 0);
	umd_device_add_pcie(wire->device, &express);
	umd_device_add_pri(wire->device, &tagged_pri);
	umd_device_add_pasid(wire->device, &tagged_pasid);
	wire_add_tagged_ops(wire);
	return 0;
}

int wire_add_shape(struct wire_device *wire)
{
	int error;

	umd_device_add_intx(wire->device, 1);
	if (wire->options.shape == WIRE_PLAIN)
		return add_msix(wire, 0);

	error = wire_store_create(&wire->store);
	if (error)
		return error;
	switch (wire->options.shape) {
	case WIRE_EXPRESS:
		return add_express(wire);
	case WIRE_TAGGED:
		return add_tagged(wire);
	default:
		return add_conventional(wire);
	}
}
