// SPDX-License-Identifier: BSD-2-Clause
/*
 * The device whose config space is measured: with no capability, or with one of each kind that
 * umdev/caps.h and umdev/device.h offer.
 *
 * usage: bench_caps SOCKET_PATH none|all
 */
#include "serve.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include <umdev/caps.h>

#define PAGE	 4096
#define MIB	 (1u << 20)
#define TABLE_AT 0
#define PBA_AT	 0x800

static const uint8_t bytes[64];
static const struct umd_cap_body body = {.size = sizeof(bytes), .bytes = bytes};

static void add_bars(struct umd_device *device)
{
	const struct umd_region sized = {.size = MIB};
	const struct umd_region table = {.size = PAGE};

	umd_device_add_bar(device, 0, &sized);
	umd_device_add_bar(device, 1, &table);
}

static void add_caps(struct umd_device *device)
{
	const struct umd_pm pm = {.d1 = true, .d2 = true};
	const struct umd_msi msi = {.messages = 8};
	const struct umd_msix msix = {.vectors = 8,
				      .table_bar = 1,
				      .table_offset = TABLE_AT,
				      .pba_bar = 1,
				      .pba_offset = PBA_AT};
	const struct umd_pcie pcie = {.flr = true, .ltr = true};
	const struct umd_af af = {0};
	const struct umd_vpd vpd = {.bytes = bytes, .size = sizeof(bytes)};
	const struct umd_vendor_cap vendor = {.body = {.size = 12, .bytes = bytes}};

	umd_device_add_pm(device, &pm);
	umd_device_add_msi(device, &msi);
	umd_device_add_msix(device, &msix);
	umd_device_add_pcie(device, &pcie);
	umd_device_add_af(device, &af);
	umd_device_add_vpd(device, &vpd);
	umd_device_add_vendor_cap(device, &vendor);
}

static void add_identity(struct umd_device *device)
{
	const struct umd_aer aer = {.ecrc_check = true};
	const struct umd_dsn dsn = {.serial = 1};
	const struct umd_vsec vsec = {.id = 1, .body = body};
	const struct umd_dvsec dvsec = {.vendor = 0x1b36, .id = 1, .body = body};

	umd_device_add_aer(device, &aer);
	umd_device_add_dsn(device, &dsn);
	umd_device_add_vsec(device, &vsec);
	umd_device_add_dvsec(device, &dvsec);
}

static void add_translation(struct umd_device *device)
{
	const struct umd_acs acs = {.services = PCI_ACS_RR | PCI_ACS_CR};
	const struct umd_ari ari = {0};
	const struct umd_ats ats = {.queue_depth = 32};
	const struct umd_pri pri = {.capacity = 64};
	const struct umd_pasid pasid = {.width = 20};

	umd_device_add_acs(device, &acs);
	umd_device_add_ari(device, &ari);
	umd_device_add_ats(device, &ats);
	umd_device_add_pri(device, &pri);
	umd_device_add_pasid(device, &pasid);
}

static void add_resources(struct umd_device *device)
{
	const struct umd_ltr ltr = {0};
	const struct umd_tph tph = {.interrupt_vector_mode = true,
				    .table_location = PCI_TPH_LOC_CAP,
				    .table_entries = 8};
	const struct umd_rebar rebar = {.count = 1, .bars = {{.bar = 0, .sizes = MIB}}};
	const struct umd_sriov sriov = {.total_vfs = 4,
					.vf_offset = 1,
					.vf_stride = 1,
					.vf_device = 6,
					.bar_sizes = {PAGE}};
	const struct umd_dpa dpa = {.substates = 1, .power = bytes};

	umd_device_add_ltr(device, &ltr);
	umd_device_add_tph(device, &tph);
	umd_device_add_rebar(device, &rebar);
	umd_device_add_sriov(device, &sriov);
	umd_device_add_dpa(device, &dpa);
}

static int make_device(int all, struct umd_device **ret, struct umd_error *error)
{
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "caps",
		.vendor = 0x1b36,
		.device = 0x0005,
		.class_code = 0xff0000,
	};
	int r = umd_device_create(&info, ret);

	if (r)
		return umd_error_set(error, r, "%s", strerror(-r));
	add_bars(*ret);
	if (all) {
		add_caps(*ret);
		add_identity(*ret);
		add_translation(*ret);
		add_resources(*ret);
	}
	return umd_device_realize(*ret, error);
}

int main(int argc, char **argv)
{
	struct umd_device *device = NULL;
	struct umd_error error = {0};
	int all = argc == 3 && !strcmp(argv[2], "all"), r;

	if (argc != 3 || (!all && strcmp(argv[2], "none") != 0))
		return 2;
	r = make_device(all, &device, &error);
	if (r)
		fprintf(stderr, "bench_caps: %s\n", error.text);
	if (!r)
		r = bench_serve(device, argv[1]);
	umd_device_destroy(device);
	return r ? 1 : 0;
}
