/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended capabilities, register by register (PCIe, chapters 7, 9 and 10). */
#include "parts.h"

/* Errors that an endpoint detects, and those of them that are fatal unless the driver says else. */
#define UNCORRECTABLE 0x007ff010u
#define FATAL	      0x00462010u
#define CORRECTABLE   0x0000f1c1u

static void each_bit(struct model *m, size_t at, uint32_t bits, enum model_kind kind,
		     uint32_t value)
{
	for (unsigned int i = 0; i < 32; i++) {
		if (bits >> i & 1)
			model_bits(m, at, i, 1, kind, value >> i & 1);
	}
}

/* Section 7.8.4. Internal errors, advisory and overflow are masked in the beginning. */
static void aer(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	each_bit(m, at + 0x04, UNCORRECTABLE, MODEL_RW1CS, 0);
	each_bit(m, at + 0x08, UNCORRECTABLE, MODEL_RWS, 1u << 22);
	each_bit(m, at + 0x0c, UNCORRECTABLE, MODEL_RWS, FATAL);
	each_bit(m, at + 0x10, CORRECTABLE, MODEL_RW1CS, 0);
	each_bit(m, at + 0x14, CORRECTABLE, MODEL_RWS, 0xe000);
	model_bits(m, at + 0x18, 0, 5, MODEL_ROS, 0); /* First Error Pointer */
	model_bits(m, at + 0x18, 5, 1, MODEL_RO, s->ecrc_generation);
	if (s->ecrc_generation)
		model_bits(m, at + 0x18, 6, 1, MODEL_RWS, 0);
	model_bits(m, at + 0x18, 7, 1, MODEL_RO, s->ecrc_check);
	if (s->ecrc_check)
		model_bits(m, at + 0x18, 8, 1, MODEL_RWS, 0);
	model_bits(m, at + 0x1c, 0, 128, MODEL_ROS, 0);
}

/* Section 7.9.3. */
static void dsn(struct model *m, size_t at)
{
	model_bits(m, at + 4, 0, 64, MODEL_RO, m->shape->serial);
}

/* Section 7.9.5. */
static void vsec(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 4, 0, 16, MODEL_RO, s->vsec_id);
	model_bits(m, at + 4, 16, 4, MODEL_RO, s->vsec_revision);
	model_bits(m, at + 4, 20, 12, MODEL_RO, s->vsec_body.size + VSEC_BODY);
	model_body(m, at + VSEC_BODY, &s->vsec_body);
}

/* Section 7.9.6. */
static void dvsec(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 4, 0, 16, MODEL_RO, s->dvsec_vendor);
	model_bits(m, at + 4, 16, 4, MODEL_RO, s->dvsec_revision);
	model_bits(m, at + 4, 20, 12, MODEL_RO, s->dvsec_body.size + DVSEC_BODY);
	model_bits(m, at + 8, 0, 16, MODEL_RO, s->dvsec_id);
	model_body(m, at + DVSEC_BODY, &s->dvsec_body);
}

/* Section 7.7.8: what there is can be enabled. */
static void acs(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 4, 0, 7, MODEL_RO, s->acs_services);
	model_bits(m, at + 5, 0, 8, MODEL_RO, s->egress_bits); /* 0 means 256 */
	each_bit(m, at + 6, s->acs_services, MODEL_RW, 0);
	model_bits(m, at + 8, 0, s->egress_bits, MODEL_RW, 0);
}

/* Section 7.8.7. */
static void ari(struct model *m, size_t at)
{
	model_bits(m, at + 5, 0, 8, MODEL_RO, m->shape->next_function);
}

/* Section 10.5.1; a depth of 0 means 32. */
static void ats(struct model *m, size_t at)
{
	model_bits(m, at + 4, 0, 5, MODEL_RO, m->shape->queue_depth);
	model_bits(m, at + 4, 5, 1, MODEL_RO, m->shape->page_aligned);
	model_bits(m, at + 4, 6, 1, MODEL_RO, m->shape->global_invalidate);
	model_bits(m, at + 6, 0, 5, MODEL_RW, 0); /* smallest translation unit */
	model_bits(m, at + 6, 15, 1, MODEL_RW, 0);
}

/* Section 10.5.2. */
static void pri(struct model *m, size_t at)
{
	model_bits(m, at + 4, 0, 2, MODEL_RW, 0); /* enable, reset */
	model_bits(m, at + 6, 0, 2, MODEL_RW1C, 0);
	model_bits(m, at + 6, 8, 1, MODEL_RO, 1); /* stopped */
	model_bits(m, at + 6, 15, 1, MODEL_RO, m->shape->pasid_required);
	model_bits(m, at + 8, 0, 32, MODEL_RO, m->shape->capacity);
	model_bits(m, at + 12, 0, 32, MODEL_RW, 0); /* allocation */
}

/* Section 7.8.8. */
static void pasid(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 4, 1, 1, MODEL_RO, s->execute);
	model_bits(m, at + 4, 2, 1, MODEL_RO, s->privileged);
	model_bits(m, at + 4, 8, 5, MODEL_RO, s->pasid_width);
	model_bits(m, at + 6, 0, 1, MODEL_RW, 0);
	if (s->execute)
		model_bits(m, at + 6, 1, 1, MODEL_RW, 0);
	if (s->privileged)
		model_bits(m, at + 6, 2, 1, MODEL_RW, 0);
}

/* Section 7.8.2: value and scale, twice. */
static void ltr(struct model *m, size_t at)
{
	model_bits(m, at + 4, 0, 13, MODEL_RW, 0);
	model_bits(m, at + 6, 0, 13, MODEL_RW, 0);
}

/* Section 7.9.13. */
static void tph(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 4, 0, 1, MODEL_RO, 1);
	model_bits(m, at + 4, 1, 1, MODEL_RO, s->interrupt_vector_mode);
	model_bits(m, at + 4, 2, 1, MODEL_RO, s->device_specific_mode);
	model_bits(m, at + 4, 8, 1, MODEL_RO, s->extended_tph);
	model_bits(m, at + 4, 9, 2, MODEL_RO, s->tph_location);
	if (s->tph_entries)
		model_bits(m, at + 4, 16, 11, MODEL_RO, s->tph_entries - 1);
	model_bits(m, at + 8, 0, 3, MODEL_RW, 0); /* mode */
	model_bits(m, at + 8, 8, s->extended_tph ? 2 : 1, MODEL_RW, 0);
	for (size_t i = 0; s->tph_location == 1 && i < s->tph_entries; i++)
		model_bits(m, at + 12 + 2 * i, 0, s->extended_tph ? 16 : 8, MODEL_RW, 0);
}

/* Section 7.8.6: sizes from 1 MiB on are bits from bit 4 on; the largest is chosen at first. */
static void rebar(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	for (size_t i = 0; i < s->rebars; i++) {
		size_t capability = at + REBAR_CAPABILITY + 8 * i, control = capability + 4;

		model_bits(m, capability, 4, 28, MODEL_RO, s->rebar_sizes[i] >> 20);
		model_bits(m, control, 0, 3, MODEL_RO, s->rebar_bar[i]);
		model_bits(m, control, 5, 3, MODEL_RO, i ? 0 : s->rebars);
		while (s->bars[s->rebar_bar[i]].size >> 20 != UINT64_C(1) << m->size_bits[i])
			m->size_bits[i]++;
		model_bits(m, control, 8, 6, MODEL_ADDRESS, m->size_bits[i]);
	}
}

/* Section 9.3.3: all of it to be read only. A page of 4 KiB is the one chosen. */
static void sriov(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 0x0c, 0, 16, MODEL_RO, s->total_vfs); /* InitialVFs */
	model_bits(m, at + 0x0e, 0, 16, MODEL_RO, s->total_vfs);
	model_bits(m, at + 0x14, 0, 16, MODEL_RO, s->vf_offset);
	model_bits(m, at + 0x16, 0, 16, MODEL_RO, s->vf_stride);
	model_bits(m, at + 0x1a, 0, 16, MODEL_RO, s->vf_device);
	model_bits(m, at + 0x1c, 0, 32, MODEL_RO, s->page_sizes);
	model_bits(m, at + 0x20, 0, 32, MODEL_RO, 1);
	for (size_t i = 0; i < MODEL_BARS; i++)
		model_bits(m, at + 0x24 + 4 * i, 0, 4, MODEL_RO,
			   s->vf_bar_64bit[i] << 2 | s->vf_bar_prefetch[i] << 3);
}

/* Section 7.9.12. */
static void dpa(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 4, 0, 5, MODEL_RO, s->substates - 1);
	model_bits(m, at + 4, 8, 2, MODEL_RO, s->latency_unit);
	model_bits(m, at + 4, 12, 2, MODEL_RO, s->power_scale);
	model_bits(m, at + 4, 16, 8, MODEL_RO, s->latency[0]);
	model_bits(m, at + 4, 24, 8, MODEL_RO, s->latency[1]);
	model_bits(m, at + 8, 0, 32, MODEL_RO, s->latency_indicator);
	model_bits(m, at + 12, 8, 1, MODEL_RW1C, 1); /* Substate Control Enabled */
	model_bits(m, at + 14, 0, 5, MODEL_RW, 0);
	model_bytes(m, at + 16, s->substate_power, s->substates);
}

static const struct {
	enum model_cap cap;
	uint16_t id, version;
	void (*registers)(struct model *m, size_t at);
} caps[] = {
	{MODEL_AER, 0x01, 2, aer},     {MODEL_DSN, 0x03, 1, dsn}, {MODEL_VSEC, 0x0b, 1, vsec},
	{MODEL_DVSEC, 0x23, 1, dvsec}, {MODEL_ACS, 0x0d, 1, acs}, {MODEL_ARI, 0x0e, 1, ari},
	{MODEL_ATS, 0x0f, 1, ats},     {MODEL_PRI, 0x13, 1, pri}, {MODEL_PASID, 0x1b, 1, pasid},
	{MODEL_LTR, 0x18, 1, ltr},     {MODEL_TPH, 0x17, 1, tph}, {MODEL_REBAR, 0x15, 1, rebar},
	{MODEL_SRIOV, 0x10, 1, sriov}, {MODEL_DPA, 0x16, 1, dpa},
};

void model_extended(struct model *m, enum model_cap cap)
{
	size_t at = m->shape->at[cap];

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		if (caps[i].cap != cap)
			continue;
		model_bits(m, at, 0, 16, MODEL_RO, caps[i].id);
		model_bits(m, at, 16, 4, MODEL_RO, caps[i].version);
		caps[i].registers(m, at);
	}
}
