/* SPDX-License-Identifier: BSD-2-Clause */
/* What registers do when they have been written. */
#include "parts.h"

static size_t at_of(const struct model *m, enum model_cap cap)
{
	return m->shape->at[cap];
}

/* ---- Function level reset: the bit reads back 0 (PCIe, section 7.5.3.4; AF) ---------------- */

static void flr(struct model *m, size_t at, unsigned int bit)
{
	if (!(m->bytes[at] >> bit & 1))
		return;
	m->bytes[at] &= (uint8_t) ~(1u << bit);
	m->events[MODEL_SAW_FLR]++;
	model_reset(m, MODEL_RESET_FLR);
}

static void express(struct model *m)
{
	flr(m, at_of(m, MODEL_EXPRESS) + EXPRESS_CONTROL + 1, 7);
}

static void advanced_features(struct model *m)
{
	flr(m, at_of(m, MODEL_AF) + AF_CONTROL, 0);
}

/* ---- Vital Product Data (PCI, appendix I) -------------------------------------------------- */

/* What is not there reads as zero, and what may not be written stays; F turns over either way. */
static void vpd(struct model *m)
{
	const struct model_shape *s = m->shape;
	size_t at = at_of(m, MODEL_VPD);
	uint32_t address = model_get(m, at + VPD_ADDRESS, 2);
	bool write = address & 0x8000;

	for (size_t i = 0; i < 4; i++) {
		size_t from = (address & 0x7fff) + i;
		uint8_t *data = &m->bytes[at + VPD_DATA + i];

		if (!write)
			*data = from < s->vpd_size ? m->vpd[from] : 0;
		else if (from >= s->vpd_writable_at &&
			 from < s->vpd_writable_at + s->vpd_writable_size)
			m->vpd[from] = *data;
	}
	model_put(m, at + VPD_ADDRESS, 2, address ^ 0x8000);
	m->events[write ? MODEL_SAW_VPD_WRITTEN : MODEL_SAW_VPD_READ]++;
}

/* ---- Page requests (PCIe, section 10.5.2): reset reads as 0; off means stopped ------------- */

static void pri(struct model *m)
{
	size_t at = at_of(m, MODEL_PRI);
	bool enabled = m->bytes[at + PRI_CONTROL] & 1;

	m->bytes[at + PRI_CONTROL] &= (uint8_t)~2u;
	m->bytes[at + PRI_STATUS + 1] = (uint8_t)((m->bytes[at + PRI_STATUS + 1] & ~1u) | !enabled);
}

/* ---- Resizable BAR (PCIe, section 7.8.6) --------------------------------------------------- */

static void resize(struct model *m, size_t i)
{
	const struct model_shape *s = m->shape;
	uint8_t *size = &m->bytes[at_of(m, MODEL_REBAR) + REBAR_CONTROL + 8 * i + 1];
	unsigned int bits = *size & 0x3f;

	if (bits >= 44 || !(s->rebar_sizes[i] >> 20 >> bits & 1)) {
		*size = (uint8_t)m->size_bits[i];
		m->events[MODEL_SAW_SIZE_REFUSED]++;
	} else if (bits != m->size_bits[i]) {
		m->size_bits[i] = bits;
		model_bar_bits(m, s->rebar_bar[i], UINT64_C(1) << 20 << bits);
		m->events[MODEL_SAW_RESIZED]++;
	}
}

void model_resize_all(struct model *m)
{
	for (size_t i = 0; at_of(m, MODEL_REBAR) && i < m->shape->rebars; i++)
		resize(m, i);
}

/* ---- Dynamic Power Allocation (PCIe, section 7.9.12) --------------------------------------- */

static void dpa(struct model *m)
{
	size_t at = at_of(m, MODEL_DPA);
	uint8_t wanted = m->bytes[at + DPA_CONTROL];

	if (!(m->bytes[at + DPA_STATUS + 1] & 1) || wanted >= m->shape->substates)
		return;
	if (m->bytes[at + DPA_STATUS] != wanted)
		m->events[MODEL_SAW_SUBSTATE]++;
	m->bytes[at + DPA_STATUS] = wanted;
}

/* ---- All of them --------------------------------------------------------------------------- */

/* Registers that do something; `cap` MODEL_END: of the header. */
static const struct effect {
	enum model_cap cap;
	unsigned int offset, size;
	void (*happen)(struct model *m);
} effects[] = {
	{MODEL_END, HEADER_COMMAND, 2, model_settle},
	{MODEL_PM, PM_CONTROL, 1, model_move},
	{MODEL_MSI, MSI_CONTROL, 2, model_msi_limit},
	{MODEL_EXPRESS, EXPRESS_CONTROL, 2, express},
	{MODEL_AF, AF_CONTROL, 1, advanced_features},
	{MODEL_VPD, VPD_ADDRESS + 1, 1, vpd},
	{MODEL_PRI, PRI_CONTROL, 1, pri},
	{MODEL_REBAR, REBAR_CONTROL, 8 * MODEL_BARS, model_resize_all},
	{MODEL_DPA, DPA_CONTROL, 1, dpa},
};

/* The part of [at, at + size) that lies in a body; false: none. */
static bool cut(const struct model *m, enum model_cap cap, size_t offset,
		const struct model_body *body, size_t at, size_t size, size_t *ret_at,
		size_t *ret_size)
{
	size_t begin = at_of(m, cap) + offset, end = begin + body->size;

	if (!at_of(m, cap) || at >= end || at + size <= begin)
		return false;
	*ret_at = at > begin ? at - begin : 0;
	*ret_size = (at + size < end ? at + size : end) - begin - *ret_at;
	return true;
}

void model_body_hooks(struct model *m, size_t at, size_t size, model_body_fn *tell)
{
	const struct {
		enum model_cap cap;
		size_t offset;
		const struct model_body *body;
	} bodies[] = {
		{MODEL_VENDOR, VENDOR_BODY, &m->shape->vendor_body},
		{MODEL_VSEC, VSEC_BODY, &m->shape->vsec_body},
		{MODEL_DVSEC, DVSEC_BODY, &m->shape->dvsec_body},
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		size_t from, part;

		if (cut(m, bodies[i].cap, bodies[i].offset, bodies[i].body, at, size, &from, &part))
			tell(m->sink.data, bodies[i].cap, from, part);
	}
}

void model_written(struct model *m, size_t at, size_t size)
{
	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		const struct effect *e = &effects[i];
		size_t begin = at_of(m, e->cap) + e->offset;

		if ((e->cap != MODEL_END && !at_of(m, e->cap)) || at >= begin + e->size ||
		    at + size <= begin)
			continue;
		e->happen(m);
	}
	model_settle(m);
}
