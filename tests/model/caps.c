/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard capabilities, register by register. Where the specification lets a device choose, the
 * choice is the library's, and a comment says so.
 */
#include "parts.h"

static unsigned int log2_of(uint64_t value)
{
	unsigned int n = 0;

	while (UINT64_C(2) << n <= value)
		n++;
	return n;
}

/* PM, section 3.2. PME_En and PME_Status are sticky where PME works in D3cold. */
static void power_management(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;
	enum model_kind enable = MODEL_RW, status = MODEL_RW1C;

	if (s->pme & 0x10) {
		enable = MODEL_RWS;
		status = MODEL_RW1CS;
	} else if (s->pme & 0x08) {
		enable = MODEL_CONTEXT;
		status = MODEL_CONTEXT1C;
	}
	model_bits(m, at + 2, 0, 3, MODEL_RO, 3); /* version */
	model_bits(m, at + 2, 6, 3, MODEL_RO, s->aux_power);
	model_bits(m, at + 2, 9, 1, MODEL_RO, s->d1);
	model_bits(m, at + 2, 10, 1, MODEL_RO, s->d2);
	model_bits(m, at + 2, 11, 5, MODEL_RO, s->pme);
	model_bits(m, at + 4, 0, 2, MODEL_RW, 0); /* PowerState */
	model_bits(m, at + 4, 3, 1, MODEL_RO, s->no_soft_reset);
	if (!s->pme)
		return;
	model_bits(m, at + 4, 8, 1, enable, 0);
	model_bits(m, at + 4, 15, 1, status, 0);
}

/* PCI, section 6.8.1. */
static void msi(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;
	size_t data = at + (s->only_32bit ? 8 : 12);

	model_bits(m, at + 2, 0, 1, MODEL_RW, 0); /* enable */
	model_bits(m, at + 2, 1, 3, MODEL_RO, log2_of(s->messages));
	model_bits(m, at + 2, 4, 3, MODEL_RW, 0); /* Multiple Message Enable */
	model_bits(m, at + 2, 7, 1, MODEL_RO, !s->only_32bit);
	model_bits(m, at + 2, 8, 1, MODEL_RO, !s->unmaskable);
	model_bits(m, at + 4, 2, 30, MODEL_RW, 0);
	if (!s->only_32bit)
		model_bits(m, at + 8, 0, 32, MODEL_RW, 0);
	model_bits(m, data, 0, 16, MODEL_RW, 0);
	if (!s->unmaskable)
		model_bits(m, data + 4, 0, s->messages, MODEL_RW, 0);
}

/* PCI, section 6.8.2. */
static void msix(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;

	model_bits(m, at + 2, 0, 11, MODEL_RO, s->vectors - 1);
	model_bits(m, at + 2, 14, 2, MODEL_RW, 0); /* function mask, enable */
	model_bits(m, at + 4, 0, 32, MODEL_RO, s->table_at | s->table_bar);
	model_bits(m, at + 8, 0, 32, MODEL_RO, s->pba_at | s->pba_bar);
}

/* PCIe, section 7.5.3.4; what outlives a function level reset: section 6.6.2. */
static void device_registers(struct model *m, size_t at)
{
	const struct model_shape *s = m->shape;
	unsigned int payload = s->max_payload ? log2_of(s->max_payload) - 7 : 0;

	model_bits(m, at + 2, 0, 4, MODEL_RO, 2);
	model_bits(m, at + 2, 4, 4, MODEL_RO, s->integrated ? 9 : 0);
	model_bits(m, at + 4, 0, 3, MODEL_RO, payload);
	model_bits(m, at + 4, 5, 1, MODEL_RO, s->extended_tag);
	model_bits(m, at + 4, 15, 1, MODEL_RO, 1); /* role-based error reporting */
	model_bits(m, at + 4, 28, 1, MODEL_RO, s->flr);

	model_bits(m, at + 8, 0, 4, MODEL_RW, 0); /* error reporting */
	if (!s->no_relaxed_ordering)
		model_bits(m, at + 8, 4, 1, MODEL_RW, 1);
	if (payload) /* may be hardwired to 0 where nothing but 128 bytes is supported */
		model_bits(m, at + 8, 5, 3, MODEL_RWS, 0);
	if (s->extended_tag)
		model_bits(m, at + 8, 8, 1, MODEL_RW, 0);
	model_bits(m, at + 8, 10, 1, MODEL_RWS, 0); /* aux power */
	model_bits(m, at + 8, 11, 1, MODEL_RW, 1);  /* no snoop */
	model_bits(m, at + 8, 12, 3, MODEL_RW, 2);  /* Max_Read_Request_Size: 512 bytes */
	if (s->flr)
		model_bits(m, at + 8, 15, 1, MODEL_RW, 0);
	model_bits(m, at + 10, 0, 4, MODEL_RW1C, 0); /* errors detected */

	/* Timeouts can be disabled; prefixes are taken, since PASIDs travel in them. */
	model_bits(m, at + 0x24, 4, 1, MODEL_RO, 1);
	model_bits(m, at + 0x24, 11, 1, MODEL_RO, s->ltr);
	model_bits(m, at + 0x24, 20, 2, MODEL_RO, 3);
	model_bits(m, at + 0x28, 4, 1, MODEL_RW, 0);
	if (s->ltr)
		model_bits(m, at + 0x28, 10, 1, MODEL_RW, 0);
}

/* PCIe, sections 7.5.3.6 to 7.5.3.8 and 7.5.3.18 to 7.5.3.20. */
static void link_registers(struct model *m, size_t at)
{
	unsigned int speed = m->shape->link_speed ? m->shape->link_speed : 1;
	unsigned int width = m->shape->link_width ? m->shape->link_width : 1;

	model_bits(m, at + 0x0c, 0, 4, MODEL_RO, speed);
	model_bits(m, at + 0x0c, 4, 6, MODEL_RO, width);
	model_bits(m, at + 0x0c, 22, 1, MODEL_RO, 1); /* ASPM optionality: "must be set" */
	model_bits(m, at + 0x10, 0, 2, MODEL_RWS, 0); /* ASPM */
	model_bits(m, at + 0x10, 3, 1, MODEL_RWS, 0); /* RCB */
	model_bits(m, at + 0x10, 6, 2, MODEL_RWS, 0); /* common clock, extended synch */
	model_bits(m, at + 0x12, 0, 4, MODEL_RO, speed);
	model_bits(m, at + 0x12, 4, 6, MODEL_RO, width);
	model_bits(m, at + 0x2c, 1, speed, MODEL_RO, UINT64_MAX);
	model_bits(m, at + 0x30, 0, 4, MODEL_RWS, speed); /* target */
	model_bits(m, at + 0x30, 4, 1, MODEL_RWS, 0);	  /* enter compliance */
	model_bits(m, at + 0x30, 7, 9, MODEL_RWS, 0);	  /* margin, compliance settings */
}

/* PCI ECN Advanced Capabilities. */
static void advanced_features(struct model *m, size_t at)
{
	model_bits(m, at + 2, 0, 8, MODEL_RO, 6); /* length */
	model_bits(m, at + 3, 0, 2, MODEL_RO, 3); /* TP, FLR */
	model_bits(m, at + 4, 0, 1, MODEL_RW, 0);
}

void model_capability(struct model *m, enum model_cap cap)
{
	static const uint8_t ids[] = {
		[MODEL_PM] = 0x01, [MODEL_MSI] = 0x05, [MODEL_MSIX] = 0x11,  [MODEL_EXPRESS] = 0x10,
		[MODEL_AF] = 0x13, [MODEL_VPD] = 0x03, [MODEL_VENDOR] = 0x09};
	size_t at = m->shape->at[cap];

	model_bits(m, at, 0, 8, MODEL_RO, ids[cap]);
	if (cap == MODEL_PM)
		power_management(m, at);
	else if (cap == MODEL_MSI)
		msi(m, at);
	else if (cap == MODEL_MSIX)
		msix(m, at);
	else if (cap == MODEL_AF)
		advanced_features(m, at);
	else if (cap == MODEL_EXPRESS)
		device_registers(m, at);
	if (cap == MODEL_EXPRESS && !m->shape->integrated)
		link_registers(m, at);
	if (cap == MODEL_VPD) /* PCI, appendix I */
		model_bits(m, at + 2, 0, 48, MODEL_RW, 0);
	if (cap == MODEL_VENDOR) {
		model_bits(m, at + 2, 0, 8, MODEL_RO, m->shape->vendor_body.size + VENDOR_BODY);
		model_body(m, at + VENDOR_BODY, &m->shape->vendor_body);
	}
}
