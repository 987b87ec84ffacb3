/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI device that a slice is: its config space, its BARs, and what a reset does. */
#include "slice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/caps.h>

#include "slice_state.h"

#define BAR_SIZE     UINT64_C(0x2000)
#define PORTAL_PAGES 2u
#define SUBSYSTEM    0x2010u /* the series' own */
#define MSIX_AT	     0x40u
#define PCIE_AT	     0x50u

static void on_reset(void *data, enum umd_reset kind)
{
	struct slice *slice = data;

	slice->command = (struct slice_command){.interrupt = false};
	slice_queue_close(slice);
	slice_handle_forget(slice);
	dsa_portals_reset(slice->portals);
	slice->image = slice->initial;
	if (!slice_link_reconnect(slice))
		slice_halt(slice);
}

static void on_bus_master(void *data, bool allowed)
{
	struct slice *slice = data;
	enum dsa_state state = slice_state(slice);

	if (allowed || (state != DSA_STATE_ENABLED && state != DSA_STATE_DRAIN))
		return;

	slice_report(slice, DSA_SWERR_BUS_MASTER);
	slice_halt(slice);
	slice_queue_close(slice); /* what is under way ends here */
}

static void on_destroy(void *data)
{
	struct slice *slice = data;

	slice_link_close(slice);
	dsa_portals_destroy(slice->portals);
	if (slice->source.destroy)
		slice->source.destroy(slice->source.data);
	free(slice);
}

static void declare(struct slice *slice)
{
	const struct umd_region registers = {.size = BAR_SIZE,
					     .flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH,
					     .read = slice_regs_read,
					     .write = slice_regs_write};
	const struct umd_region portals = {.size = BAR_SIZE,
					   .flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH,
					   .access = slice_portal_access};
	const struct umd_msix msix = {.vectors = SLICE_VECTORS,
				      .table_bar = DSA_BAR_REGS,
				      .table_offset = SLICE_MSIX_TABLE_AT,
				      .pba_bar = DSA_BAR_REGS,
				      .pba_offset = SLICE_MSIX_PBA_AT,
				      .at = MSIX_AT};
	const struct umd_pcie pcie = {.at = PCIE_AT, .integrated = true, .flr = true};

	umd_device_add_bar(slice->device, DSA_BAR_REGS, &registers);
	umd_device_add_bar(slice->device, DSA_BAR_PORTALS, &portals);
	umd_device_add_msix(slice->device, &msix);
	umd_device_add_pcie(slice->device, &pcie);
}

static int create_device(struct slice *slice, const struct dsa_slice_options *options)
{
	static const struct umd_device_ops ops = {
		.reset = on_reset, .bus_master = on_bus_master, .destroy = on_destroy};
	const struct umd_device_info info = {.size = sizeof(info),
					     .name = options->name,
					     .vendor = DSA_VENDOR,
					     .device = options->device_id ? options->device_id
									  : DSA_DEVICE_SPR,
					     .subsystem_vendor = DSA_VENDOR,
					     .subsystem = SUBSYSTEM,
					     .class_code = DSA_CLASS,
					     .ops = &ops,
					     .data = slice};

	return umd_device_create(&info, &slice->device);
}

static int create_slice(const struct dsa_slice_options *options, struct slice **ret)
{
	struct slice *slice = calloc(1, sizeof(*slice));
	int err;

	if (!slice)
		return -ENOMEM;

	slice->shared = options->shared;
	err = dsa_portals_create(PORTAL_PAGES, &slice->portals);
	if (!err)
		err = create_device(slice, options);
	if (err) {
		dsa_portals_destroy(slice->portals);
		free(slice);
		return err;
	}
	*ret = slice;
	return 0;
}

int dsa_slice_create(const struct dsa_slice_options *options, struct umd_device **ret,
		     struct umd_error *error)
{
	struct slice *slice;
	int err = create_slice(options, &slice);

	if (err) {
		if (options->source.destroy)
			options->source.destroy(options->source.data);
		return umd_error_set(error, err, "cannot make a device: %s", strerror(-err));
	}

	slice->source = options->source;
	declare(slice);
	err = slice_link_connect(slice, error);
	if (!err) {
		slice->image = slice->initial;
		err = umd_device_realize(slice->device, error);
	}
	if (err) {
		umd_device_destroy(slice->device);
		return err;
	}
	*ret = slice->device;
	return 0;
}
