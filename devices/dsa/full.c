/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI device: an Intel DSA of Sapphire Rapids (or Granite Rapids D), an endpoint integrated
 * into the root complex. BAR 0 is its registers with the MSI-X table, BAR 2 its portals.
 */
#include "full.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <umdev/caps.h>

#include "full_device.h"

/* Where capabilities lie. */
enum {
	EXPRESS_AT = 0x40,
	MSIX_AT = 0x80,
	PM_AT = 0x90,
};

#define PAGE_REQUESTS 512u /* that may be out */

/* A type of full device. */
struct type {
	const char *name;
	const struct dsa_full_shape *shape;
};

/* ---- The driver's side --------------------------------------------------------------------- */

static uint64_t read_register(void *data, uint64_t offset, unsigned int size)
{
	struct dsa_full *full = data;

	return dsa_full_read(&full->regs, offset, size);
}

static void write_register(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct dsa_full *full = data;

	dsa_full_write(&full->regs, offset, size, value);
}

/* Portals are for writing: whoever reads one gets what a bus without anybody gives. */
static int access_portal(struct dsa_full *full, struct umd_request *request)
{
	struct dsa_submission submission;
	size_t size = umd_request_size(request);
	int complete;

	if (!umd_request_is_write(request)) {
		memset(umd_request_data(request), 0xff, size);
		return 0;
	}
	complete = dsa_portals_write(full->portals, umd_request_offset(request),
				     umd_request_data(request), size, &submission);
	return complete == 1 ? dsa_full_submit(&full->regs, &submission) : complete;
}

static void write_portal(void *data, struct umd_request *request)
{
	umd_request_complete(request, access_portal(data, request));
}

static void on_reset(void *data, enum umd_reset kind)
{
	struct dsa_full *full = data;

	full->is_master = false;
	dsa_portals_reset(full->portals);
	dsa_full_reset(&full->regs);
}

static void on_bus_master(void *data, bool allowed)
{
	struct dsa_full *full = data;

	full->is_master = allowed;
	if (!allowed)
		dsa_full_lost_bus(&full->regs);
}

static void on_destroy(void *data)
{
	struct dsa_full *full = data;

	dsa_full_engine_finish(full);
	dsa_portals_destroy(full->portals);
	free(full);
}

/* ---- Making one ---------------------------------------------------------------------------- */

/* What belongs to PASIDs; a client that cannot serve it is refused. */
static void declare_pasids(struct umd_device *device)
{
	umd_device_add_ats(device, &(struct umd_ats){.queue_depth = 32, .page_aligned = true});
	umd_device_add_pri(device, &(struct umd_pri){.capacity = PAGE_REQUESTS});
	umd_device_add_pasid(device, &(struct umd_pasid){.width = 20, .required = true});
}

static void declare(struct dsa_full *full)
{
	const struct umd_region registers = {
		.size = DSA_FULL_BAR0_SIZE,
		.flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH,
		.read = read_register,
		.write = write_register,
	};
	const struct umd_region portals = {
		.size = DSA_PORTAL_PAGE * DSA_PORTAL_PAGES * DSA_FULL_WQS,
		.flags = UMD_REGION_MEM64 | UMD_REGION_PREFETCH,
		.access = write_portal,
	};
	const struct umd_msix msix = {
		.at = MSIX_AT,
		.vectors = DSA_FULL_VECTORS,
		.table_bar = DSA_BAR_REGS,
		.table_offset = DSA_FULL_MSIX_TABLE,
		.pba_bar = DSA_BAR_REGS,
		.pba_offset = DSA_FULL_MSIX_PBA,
	};

	umd_device_add_bar(full->device, DSA_BAR_REGS, &registers);
	umd_device_add_bar(full->device, DSA_BAR_PORTALS, &portals);
	umd_device_add_pcie(full->device, &(struct umd_pcie){.at = EXPRESS_AT,
							     .integrated = true,
							     .flr = true,
							     .extended_tag = true,
							     .max_payload = 512});
	umd_device_add_msix(full->device, &msix);
	umd_device_add_pm(full->device, &(struct umd_pm){.at = PM_AT});
	if (full->regs.shape->has_pasid)
		declare_pasids(full->device);
}

static int create_device(struct dsa_full *full, const char *name, uint16_t device_id)
{
	static const struct umd_device_ops ops = {
		.reset = on_reset, .bus_master = on_bus_master, .destroy = on_destroy};
	struct umd_device_info info = {
		.size = sizeof(info),
		.name = name,
		.vendor = DSA_VENDOR,
		.device = device_id,
		.subsystem_vendor = DSA_VENDOR,
		.class_code = DSA_CLASS,
		.ops = &ops,
		.data = full,
	};

	return umd_device_create(&info, &full->device);
}

/* What it returns belongs to its device, and ends with that. */
static int make(const struct type *type, uint16_t device_id, struct dsa_full **ret,
		struct umd_error *error)
{
	struct dsa_full *full = calloc(1, sizeof(*full));
	int err = -ENOMEM;

	if (full)
		err = dsa_portals_create(DSA_FULL_WQS * DSA_PORTAL_PAGES, &full->portals);
	if (!err)
		err = create_device(full, type->name, device_id);
	if (err) {
		if (full)
			dsa_portals_destroy(full->portals);
		free(full);
		umd_error_set(error, err, "cannot make a device: %s", strerror(-err));
		return err;
	}

	dsa_full_init(&full->regs, type->shape, &dsa_full_queue_ops, full);
	*ret = full;
	return 0;
}

static int create(const struct type *type, const char *const *strings, size_t count,
		  struct umd_device **ret, struct umd_error *error)
{
	struct dsa_full_options options;
	struct dsa_full *full = NULL;
	int err = dsa_full_options_parse(&options, strings, count, error);

	if (err)
		return err;
	err = make(type, options.device_id, &full, error);
	if (err)
		return err;

	declare(full);
	err = umd_device_realize(full->device, error);
	if (!err)
		err = dsa_full_engine_init(full, &options, error);
	if (err) {
		umd_device_destroy(full->device);
		return err;
	}
	*ret = full->device;
	return 0;
}

/* ---- Types --------------------------------------------------------------------------------- */

static int create_v1(const char *const *strings, size_t count, struct umd_device **ret,
		     struct umd_error *error)
{
	static const struct type type = {"dsa-full-v1", &dsa_full_v1_shape};

	return create(&type, strings, count, ret, error);
}

static int create_pasid_v1(const char *const *strings, size_t count, struct umd_device **ret,
			   struct umd_error *error)
{
	static const struct type type = {"dsa-full-pasid-v1", &dsa_full_pasid_v1_shape};

	return create(&type, strings, count, ret, error);
}

static const char description[] =
	"A whole Intel Data Streaming Accelerator, to be configured by its driver: 4 groups,\n"
	"8 work queues with 128 slots, 4 engines, 9 MSI-X vectors, and all operations of\n"
	"version 1.0. The work is done by threads of this process, in the client's memory.\n"
	"\n"
	"Linux's idxd drives it. A guest needs a virtual CPU without MOVDIR64B, since no\n"
	"hypervisor can take apart that instruction when it is trapped, and the module\n"
	"shipped with umdev, guest/movdir64b, which does in its place what the CPU cannot. A\n"
	"program that speaks vfio-user writes descriptors to the portals as they are, 64 bytes\n"
	"at a time; for a shared work queue that is full the answer is EAGAIN, which is what\n"
	"ENQCMD calls retry.\n";

static const char pasid_description[] =
	"The accelerator of dsa-full-v1, with PASID, ATS and PRI: work queues reach memory\n"
	"through the space of their PASID, or of their descriptors', and ask for pages that\n"
	"are missing where descriptors may block. Interrupt handles are requested, each for\n"
	"one PASID.\n"
	"\n"
	"For clients that speak umdev's extension for PASIDs (docs/extensions.md); others,\n"
	"QEMU's among them, are refused.\n";

const struct umd_device_kind dsa_full_kind = {
	.name = "dsa-full-v1",
	.summary = "Intel DSA, configurable by its driver",
	.description = description,
	.options = dsa_full_option_table,
	.create = create_v1,
};

const struct umd_device_kind dsa_full_pasid_kind = {
	.name = "dsa-full-pasid-v1",
	.summary = "Intel DSA with PASIDs, for clients of umdev's extension",
	.description = pasid_description,
	.options = dsa_full_option_table,
	.create = create_pasid_v1,
};
