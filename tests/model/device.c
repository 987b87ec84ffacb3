/* SPDX-License-Identifier: BSD-2-Clause */
/* How a shape is told to the library. The handlers: model_handlers.c. */
#include "device.h"

#include <linux/pci_regs.h>

#include <umdev/caps.h>

#include "handlers.h"

/* ---- Capabilities -------------------------------------------------------------------------- */

typedef int add_fn(struct umd_device *device, const struct model_shape *s, unsigned int at);

static int add_pm(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_pm pm = {.at = at,
				  .d1 = s->d1,
				  .d2 = s->d2,
				  .no_soft_reset = s->no_soft_reset,
				  .pme = s->pme,
				  .aux_power = s->aux_power};

	return umd_device_add_pm(device, &pm);
}

static int add_msi(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_msi msi = {.at = at,
				    .messages = s->messages,
				    .only_32bit = s->only_32bit,
				    .unmaskable = s->unmaskable};

	return umd_device_add_msi(device, &msi);
}

static int add_msix(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_msix msix = {.vectors = s->vectors,
				      .table_bar = s->table_bar,
				      .table_offset = s->table_at,
				      .pba_bar = s->pba_bar,
				      .pba_offset = s->pba_at,
				      .at = at};

	return umd_device_add_msix(device, &msix);
}

static int add_express(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_pcie pcie = {.at = at,
				      .integrated = s->integrated,
				      .flr = s->flr,
				      .extended_tag = s->extended_tag,
				      .no_relaxed_ordering = s->no_relaxed_ordering,
				      .ltr = s->ltr,
				      .max_payload = s->max_payload,
				      .link_speed = s->link_speed,
				      .link_width = s->link_width};

	return umd_device_add_pcie(device, &pcie);
}

static int add_af(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	return umd_device_add_af(device, &(struct umd_af){.at = at});
}

static int add_vpd(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_vpd vpd = {.at = at,
				    .bytes = s->vpd,
				    .size = s->vpd_size,
				    .writable_at = s->vpd_writable_at,
				    .writable_size = s->vpd_writable_size};

	return umd_device_add_vpd(device, &vpd);
}

static struct umd_cap_body body_of(const struct model_body *body, unsigned int index)
{
	struct umd_cap_body ret = {.size = body->size,
				   .bytes = body->bytes,
				   .writable = body->writable,
				   .clearable = body->clearable,
				   .sticky = body->sticky};

	model_handlers_body(index, &ret);
	return ret;
}

static int add_vendor(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_vendor_cap cap = {.at = at, .body = body_of(&s->vendor_body, 0)};

	return umd_device_add_vendor_cap(device, &cap);
}

static int add_vsec(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_vsec vsec = {.at = at,
				      .id = s->vsec_id,
				      .revision = s->vsec_revision,
				      .body = body_of(&s->vsec_body, 1)};

	return umd_device_add_vsec(device, &vsec);
}

static int add_dvsec(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_dvsec dvsec = {.at = at,
					.vendor = s->dvsec_vendor,
					.id = s->dvsec_id,
					.revision = s->dvsec_revision,
					.body = body_of(&s->dvsec_body, 2)};

	return umd_device_add_dvsec(device, &dvsec);
}

static int add_aer(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_aer aer = {
		.at = at, .ecrc_generation = s->ecrc_generation, .ecrc_check = s->ecrc_check};

	return umd_device_add_aer(device, &aer);
}

static int add_dsn(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	return umd_device_add_dsn(device, &(struct umd_dsn){.at = at, .serial = s->serial});
}

static int add_acs(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_acs acs = {
		.at = at, .services = s->acs_services, .egress_bits = s->egress_bits};

	return umd_device_add_acs(device, &acs);
}

static int add_ari(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_ari ari = {.at = at, .next_function = s->next_function};

	return umd_device_add_ari(device, &ari);
}

static int add_ats(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_ats ats = {.at = at,
				    .queue_depth = s->queue_depth,
				    .page_aligned = s->page_aligned,
				    .global_invalidate = s->global_invalidate};

	return umd_device_add_ats(device, &ats);
}

static int add_pri(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_pri pri = {
		.at = at, .capacity = s->capacity, .pasid_required = s->pasid_required};

	return umd_device_add_pri(device, &pri);
}

static int add_pasid(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_pasid pasid = {.at = at,
					.width = s->pasid_width,
					.execute = s->execute,
					.privileged = s->privileged};

	return umd_device_add_pasid(device, &pasid);
}

static int add_ltr(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	return umd_device_add_ltr(device, &(struct umd_ltr){.at = at});
}

static int add_tph(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	static const unsigned int locations[] = {PCI_TPH_LOC_NONE, PCI_TPH_LOC_CAP,
						 PCI_TPH_LOC_MSIX};
	const struct umd_tph tph = {.at = at,
				    .interrupt_vector_mode = s->interrupt_vector_mode,
				    .device_specific_mode = s->device_specific_mode,
				    .extended = s->extended_tph,
				    .table_location = locations[s->tph_location],
				    .table_entries = s->tph_entries};

	return umd_device_add_tph(device, &tph);
}

static int add_rebar(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	struct umd_rebar rebar = {.at = at, .count = s->rebars};

	for (unsigned int i = 0; i < s->rebars; i++) {
		rebar.bars[i].bar = s->rebar_bar[i];
		rebar.bars[i].sizes = s->rebar_sizes[i];
	}
	return umd_device_add_rebar(device, &rebar);
}

static int add_sriov(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	struct umd_sriov sriov = {.at = at,
				  .total_vfs = s->total_vfs,
				  .vf_offset = s->vf_offset,
				  .vf_stride = s->vf_stride,
				  .vf_device = s->vf_device,
				  .page_sizes = s->page_sizes};

	for (unsigned int i = 0; i < MODEL_BARS; i++) {
		sriov.bar_sizes[i] = s->vf_bar_size[i];
		sriov.bar_flags[i] = (s->vf_bar_64bit[i] ? UMD_REGION_MEM64 : 0) |
				     (s->vf_bar_prefetch[i] ? UMD_REGION_PREFETCH : 0);
	}
	return umd_device_add_sriov(device, &sriov);
}

static int add_dpa(struct umd_device *device, const struct model_shape *s, unsigned int at)
{
	const struct umd_dpa dpa = {.at = at,
				    .substates = s->substates,
				    .latency_unit = s->latency_unit,
				    .latency = {s->latency[0], s->latency[1]},
				    .latency_indicator = s->latency_indicator,
				    .power_scale = s->power_scale,
				    .power = s->substate_power};

	return umd_device_add_dpa(device, &dpa);
}

/* Each capability, and the id that it is found by. */
static const struct {
	add_fn *add;
	unsigned int id;
} caps[MODEL_CAPS] = {
	[MODEL_PM] = {add_pm, PCI_CAP_ID_PM},
	[MODEL_MSI] = {add_msi, PCI_CAP_ID_MSI},
	[MODEL_MSIX] = {add_msix, PCI_CAP_ID_MSIX},
	[MODEL_EXPRESS] = {add_express, PCI_CAP_ID_EXP},
	[MODEL_AF] = {add_af, PCI_CAP_ID_AF},
	[MODEL_VPD] = {add_vpd, PCI_CAP_ID_VPD},
	[MODEL_VENDOR] = {add_vendor, PCI_CAP_ID_VNDR},
	[MODEL_AER] = {add_aer, PCI_EXT_CAP_ID_ERR},
	[MODEL_DSN] = {add_dsn, PCI_EXT_CAP_ID_DSN},
	[MODEL_VSEC] = {add_vsec, PCI_EXT_CAP_ID_VNDR},
	[MODEL_DVSEC] = {add_dvsec, PCI_EXT_CAP_ID_DVSEC},
	[MODEL_ACS] = {add_acs, PCI_EXT_CAP_ID_ACS},
	[MODEL_ARI] = {add_ari, PCI_EXT_CAP_ID_ARI},
	[MODEL_ATS] = {add_ats, PCI_EXT_CAP_ID_ATS},
	[MODEL_PRI] = {add_pri, PCI_EXT_CAP_ID_PRI},
	[MODEL_PASID] = {add_pasid, PCI_EXT_CAP_ID_PASID},
	[MODEL_LTR] = {add_ltr, PCI_EXT_CAP_ID_LTR},
	[MODEL_TPH] = {add_tph, PCI_EXT_CAP_ID_TPH},
	[MODEL_REBAR] = {add_rebar, PCI_EXT_CAP_ID_REBAR},
	[MODEL_SRIOV] = {add_sriov, PCI_EXT_CAP_ID_SRIOV},
	[MODEL_DPA] = {add_dpa, PCI_EXT_CAP_ID_DPA},
};

/* ---- BARs ---------------------------------------------------------------------------------- */

static void add_area(struct umd_device *device, unsigned int index, const struct model_bar *bar)
{
	const struct umd_area area = {bar->area_at, bar->area_size};
	int fd = memfd_create("area", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(bar->area_at + bar->area_size)), 0);
	assert_int_equal(umd_device_add_memory(device, index, fd, 0, &area, 1), 0);
	close(fd);
}

static void add_bar(struct umd_device *device, unsigned int index, const struct model_bar *bar)
{
	struct umd_region region = {.size = bar->size,
				    .flags = (bar->io ? UMD_REGION_IO : 0) |
					     (bar->is_64bit ? UMD_REGION_MEM64 : 0) |
					     (bar->prefetch ? UMD_REGION_PREFETCH : 0),
				    .max_access = bar->max_access};

	model_handlers_region(index, bar->requests, &region);
	assert_int_equal(umd_device_add_bar(device, index, &region), 0);
	if (bar->area_size)
		add_area(device, index, bar);
}

/* ---- The device ---------------------------------------------------------------------------- */

static void check_places(const struct umd_device *device, const struct model_shape *s)
{
	for (enum model_cap i = MODEL_PM; i < MODEL_CAPS; i++) {
		int expected = s->at[i] ? (int)s->at[i] : -ENOENT;

		assert_int_equal(i < MODEL_FIRST_EXTENDED
					 ? umd_device_find_cap(device, caps[i].id)
					 : umd_device_find_ext_cap(device, caps[i].id),
				 expected);
	}
}

struct umd_device *model_device_create(struct rig *rig, const struct model_shape *s)
{
	struct umd_device_info info = {.size = sizeof(info),
				       .name = s->name,
				       .vendor = s->vendor,
				       .device = s->device,
				       .subsystem_vendor = s->subsystem_vendor,
				       .subsystem = s->subsystem,
				       .class_code = s->class_code,
				       .revision = s->revision,
				       .ops = model_handlers_ops(),
				       .data = rig};
	struct umd_error error = {0};
	struct umd_device *device;

	assert_int_equal(umd_device_create(&info, &device), 0);
	for (unsigned int i = 0; i < MODEL_BARS; i++) {
		if (s->bars[i].size)
			add_bar(device, i, &s->bars[i]);
	}
	if (s->pin)
		assert_int_equal(umd_device_add_intx(device, s->pin), 0);
	if (s->rom_size)
		assert_int_equal(umd_device_add_rom(device, s->rom, s->rom_size), 0);
	for (const enum model_cap *cap = s->order; *cap != MODEL_END; cap++)
		assert_int_equal(caps[*cap].add(device, s, s->packed ? 0 : s->at[*cap]), 0);
	if (umd_device_realize(device, &error))
		fail_msg("%s: %s", s->name, error.text);
	check_places(device, s);
	return device;
}
