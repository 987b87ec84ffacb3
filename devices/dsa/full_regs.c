/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image, and what writing to it does.
 *
 * Registers are written by 4 bytes, and by 8 as two halves in ascending order. Smaller writes are
 * none of the specification's, and dropped.
 */
#include "full_regs.h"

#include <string.h>

#include "full_image.h"

/* ---- State --------------------------------------------------------------------------------- */

enum dsa_state dsa_full_state(const struct dsa_full_regs *regs)
{
	return (enum dsa_state)DSA_GET(dsa_full_get32(regs, DSA_GENSTS), DSA_GENSTS_STATE);
}

/* Linux gets a device out of a halt by a function level reset only, whatever else it offers. */
void dsa_full_set_state(struct dsa_full_regs *regs, enum dsa_state state)
{
	enum dsa_reset_type type = state == DSA_STATE_HALT ? DSA_RESET_FLR : DSA_RESET_SOFTWARE;

	dsa_full_put32(regs, DSA_GENSTS,
		       DSA_PUT(state, DSA_GENSTS_STATE) | DSA_PUT(type, DSA_GENSTS_RESET));
}

bool dsa_full_wq_is_enabled(const struct dsa_full_regs *regs, unsigned int wq)
{
	uint32_t word = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_STATE);

	return DSA_GET(word, DSA_WQ_STATE) == DSA_WQ_ENABLED_STATE;
}

uint32_t dsa_full_enabled_wqs(const struct dsa_full_regs *regs)
{
	uint32_t wqs = 0;

	for (unsigned int wq = 0; wq < dsa_full_wqs(regs->shape); wq++)
		if (dsa_full_wq_is_enabled(regs, wq))
			wqs |= 1u << wq;
	return wqs;
}

static void show_wq(struct dsa_full_regs *regs, unsigned int wq, enum dsa_wq_state state,
		    unsigned int occupied)
{
	uint32_t word = DSA_WQ_MODE_SUPPORT;

	word |= DSA_PUT(state, DSA_WQ_STATE) | DSA_PUT(occupied, DSA_WQ_OCCUPANCY);
	dsa_full_put32(regs, dsa_full_wqcfg(wq, DSA_WQCFG_STATE), word);
}

int dsa_full_open_wq(struct dsa_full_regs *regs, unsigned int wq)
{
	struct dsa_full_wq config;
	int err;

	dsa_full_decode_wq(regs, wq, &config);
	err = regs->ops->open(regs->data, wq, &config);
	if (err)
		return err;

	show_wq(regs, wq, DSA_WQ_ENABLED_STATE, 0);
	return 0;
}

void dsa_full_close_wqs(struct dsa_full_regs *regs, uint32_t wqs)
{
	for (unsigned int wq = 0; wq < dsa_full_wqs(regs->shape); wq++) {
		if (!(wqs & 1u << wq) || !dsa_full_wq_is_enabled(regs, wq))
			continue;
		show_wq(regs, wq, DSA_WQ_DISABLED_STATE, 0);
		regs->ops->close(regs->data, wq);
	}
}

/* ---- What a reset leaves ------------------------------------------------------------------- */

void dsa_full_reset_wqcfg(struct dsa_full_regs *regs, unsigned int wq)
{
	uint32_t size = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_SIZE);

	memset(regs->image + dsa_full_wqcfg(wq, 0), 0, DSA_FULL_WQCFG_STRIDE);
	dsa_full_put32(regs, dsa_full_wqcfg(wq, DSA_WQCFG_SIZE), size);
	dsa_full_put64(regs, dsa_full_wqcfg(wq, DSA_WQCFG_OPS), regs->shape->opcap);
	show_wq(regs, wq, DSA_WQ_DISABLED_STATE, 0);
}

static void show_capabilities(struct dsa_full_regs *regs)
{
	const struct dsa_full_shape *shape = regs->shape;

	dsa_full_put32(regs, DSA_VERSION, DSA_VERSION_1_0);
	dsa_full_put64(regs, DSA_GENCAP, shape->gencap);
	dsa_full_put64(regs, DSA_WQCAP, shape->wqcap);
	dsa_full_put64(regs, DSA_GRPCAP, shape->grpcap);
	dsa_full_put64(regs, DSA_ENGCAP, shape->engcap);
	dsa_full_put64(regs, DSA_OPCAP, shape->opcap);
	if (shape->gencap & DSA_GENCAP_CMDCAP)
		dsa_full_put32(regs, DSA_CMDCAP, shape->cmdcap);
	dsa_full_put64(regs, DSA_TABLE_OFFSET,
		       DSA_PUT(DSA_FULL_GRPCFG / DSA_TABLE_UNIT, DSA_TABLE_GRPCFG) |
			       DSA_PUT(DSA_FULL_WQCFG / DSA_TABLE_UNIT, DSA_TABLE_WQCFG) |
			       DSA_PUT(DSA_FULL_MSIX_PERM / DSA_TABLE_UNIT, DSA_TABLE_MSIX_PERM));
}

void dsa_full_reset_image(struct dsa_full_regs *regs)
{
	memset(regs->image, 0, sizeof(regs->image));
	show_capabilities(regs);
	for (unsigned int wq = 0; wq < dsa_full_wqs(regs->shape); wq++)
		dsa_full_reset_wqcfg(regs, wq);
}

void dsa_full_forget(struct dsa_full_regs *regs)
{
	dsa_full_close_wqs(regs, UINT32_MAX);
	regs->ops->forget_handles(regs->data);
	dsa_full_reset_image(regs);
}

void dsa_full_init(struct dsa_full_regs *regs, const struct dsa_full_shape *shape,
		   const struct dsa_full_ops *ops, void *data)
{
	memset(regs, 0, sizeof(*regs));
	regs->shape = shape;
	regs->ops = ops;
	regs->data = data;
	dsa_full_reset_image(regs);
}

void dsa_full_reset(struct dsa_full_regs *regs)
{
	memset(&regs->command, 0, sizeof(regs->command));
	dsa_full_forget(regs);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void refresh_occupancy(struct dsa_full_regs *regs, uint64_t offset)
{
	uint64_t wq = (offset - DSA_FULL_WQCFG) / DSA_FULL_WQCFG_STRIDE;

	if (offset < DSA_FULL_WQCFG || wq >= dsa_full_wqs(regs->shape) ||
	    !dsa_full_wq_is_enabled(regs, (unsigned int)wq))
		return;
	show_wq(regs, (unsigned int)wq, DSA_WQ_ENABLED_STATE,
		regs->ops->occupied(regs->data, (unsigned int)wq));
}

uint64_t dsa_full_read(struct dsa_full_regs *regs, uint64_t offset, unsigned int size)
{
	uint8_t bytes[8] = {0};

	if (offset >= sizeof(regs->image))
		return 0;

	refresh_occupancy(regs, offset);
	memcpy(bytes, regs->image + offset, size);
	return dsa_get64(bytes);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Stores what of a register can be written. */
static void store(struct dsa_full_regs *regs, unsigned int offset, uint32_t mask, uint32_t value)
{
	uint32_t old = dsa_full_get32(regs, offset);

	dsa_full_put32(regs, offset, (old & ~mask) | (value & mask));
}

static void clear(struct dsa_full_regs *regs, unsigned int offset, uint32_t ones)
{
	dsa_full_put32(regs, offset, dsa_full_get32(regs, offset) & ~ones);
}

/* Once the error is acknowledged there is none to tell of. */
static void acknowledge_swerr(struct dsa_full_regs *regs, uint32_t value)
{
	clear(regs, DSA_SWERR, value & (DSA_SWERR_VALID | DSA_SWERR_OVERFLOW));
	if (value & DSA_SWERR_VALID)
		memset(regs->image + DSA_SWERR, 0, DSA_SWERR_SIZE);
}

static bool is_disabled(const struct dsa_full_regs *regs)
{
	return dsa_full_state(regs) == DSA_STATE_DISABLED;
}

static void write_grpcfg(struct dsa_full_regs *regs, unsigned int at, uint32_t value)
{
	uint32_t mask = 0;

	switch (at % DSA_GRPCFG_STRIDE) {
	case DSA_GRPCFG_WQS:
		mask = (1u << dsa_full_wqs(regs->shape)) - 1;
		break;
	case DSA_GRPCFG_ENGINES:
		mask = (1u << dsa_full_engines(regs->shape)) - 1;
		break;
	case DSA_GRPCFG_FLAGS:
		mask = DSA_GRPFLAGS_TC_A | DSA_GRPFLAGS_TC_B | DSA_GRPFLAGS_LIMIT |
		       DSA_GRPFLAGS_RESERVED | (uint32_t)DSA_GRPFLAGS_ALLOWED;
		break;
	default:
		break;
	}
	if (is_disabled(regs))
		store(regs, DSA_FULL_GRPCFG + at, mask, value);
}

/*
 * Of a dword of WQCFG, what can be written. WQs are as large as they are for as long as the device
 * is enabled; the rest of their configuration is theirs.
 */
static uint32_t wqcfg_mask(const struct dsa_full_regs *regs, unsigned int word)
{
	switch (word) {
	case DSA_WQCFG_SIZE:
		return is_disabled(regs) ? DSA_WQ_SIZE : 0;
	case DSA_WQCFG_THRESHOLD:
		return DSA_WQ_THRESHOLD;
	case DSA_WQCFG_MODE:
		return DSA_WQ_DEDICATED | DSA_WQ_BOF | DSA_WQ_PRIORITY | DSA_WQ_PASID |
		       DSA_WQ_PASID_EN | DSA_WQ_PRIVILEGED |
		       (regs->shape->wqcap & DSA_WQCAP_ATS ? DSA_WQ_ATS_DISABLE : 0);
	case DSA_WQCFG_LIMITS:
		return DSA_WQ_MAX_XFER | DSA_WQ_MAX_BATCH;
	case DSA_WQCFG_OPS:
		return (uint32_t)regs->shape->opcap;
	case DSA_WQCFG_OPS + 1:
		return (uint32_t)(regs->shape->opcap >> 32);
	default:
		return 0;
	}
}

static void write_wqcfg(struct dsa_full_regs *regs, unsigned int at, uint32_t value)
{
	unsigned int wq = at / DSA_FULL_WQCFG_STRIDE;
	unsigned int word = at % DSA_FULL_WQCFG_STRIDE / 4;

	if (!dsa_full_wq_is_enabled(regs, wq) && dsa_full_state(regs) != DSA_STATE_HALT)
		store(regs, DSA_FULL_WQCFG + at, wqcfg_mask(regs, word), value);
}

static void write_msix_perm(struct dsa_full_regs *regs, unsigned int at, uint32_t value)
{
	uint32_t mask = DSA_MSIX_PERM_IGNORE;

	if (regs->shape->has_pasid)
		mask |= DSA_MSIX_PERM_PASID_EN | DSA_MSIX_PERM_PASID;
	if (at % DSA_MSIX_PERM_STRIDE == 0)
		store(regs, DSA_FULL_MSIX_PERM + at, mask, value);
}

static bool is_in(uint64_t offset, unsigned int begin, unsigned int size)
{
	return offset >= begin && offset - begin < size;
}

static void write_table(struct dsa_full_regs *regs, uint64_t offset, uint32_t value)
{
	const struct dsa_full_shape *shape = regs->shape;

	if (is_in(offset, DSA_FULL_GRPCFG, dsa_full_groups(shape) * DSA_GRPCFG_STRIDE))
		write_grpcfg(regs, (unsigned int)offset - DSA_FULL_GRPCFG, value);
	else if (is_in(offset, DSA_FULL_WQCFG, dsa_full_wqs(shape) * DSA_FULL_WQCFG_STRIDE))
		write_wqcfg(regs, (unsigned int)offset - DSA_FULL_WQCFG, value);
	else if (is_in(offset, DSA_FULL_MSIX_PERM, DSA_FULL_VECTORS * DSA_MSIX_PERM_STRIDE))
		write_msix_perm(regs, (unsigned int)offset - DSA_FULL_MSIX_PERM, value);
}

static void write_dword(struct dsa_full_regs *regs, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case DSA_GENCFG:
		if (is_disabled(regs))
			store(regs, DSA_GENCFG, DSA_GENCFG_RDBUFS | DSA_GENCFG_USER_INT, value);
		break;
	case DSA_GENCTRL:
		store(regs, DSA_GENCTRL, DSA_GENCTRL_SWERR | DSA_GENCTRL_HALT, value);
		break;
	case DSA_INTCAUSE:
		clear(regs, DSA_INTCAUSE, value);
		break;
	case DSA_CMD:
		dsa_full_command(regs, value);
		break;
	case DSA_SWERR:
		acknowledge_swerr(regs, value);
		break;
	default:
		write_table(regs, offset, value);
		break;
	}
}

void dsa_full_write(struct dsa_full_regs *regs, uint64_t offset, unsigned int size, uint64_t value)
{
	if (size < 4)
		return;

	write_dword(regs, offset, (uint32_t)value);
	if (size == 8)
		write_dword(regs, offset + 4, (uint32_t)(value >> 32));
}
