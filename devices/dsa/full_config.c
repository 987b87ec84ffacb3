/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a configuration has to be like before the device, or a WQ, can be enabled: the checks in the
 * order of their error codes, of which the first that fails is told.
 */
#include "full_image.h"

/* ---- The device ---------------------------------------------------------------------------- */

static unsigned int read_buffers(const struct dsa_full_regs *regs)
{
	return (unsigned int)DSA_GET(regs->shape->grpcap, DSA_GRPCAP_RDBUFS);
}

static bool is_general_bad(const struct dsa_full_regs *regs)
{
	return DSA_GET(dsa_full_get32(regs, DSA_GENCFG), DSA_GENCFG_RDBUFS) > read_buffers(regs);
}

static bool are_sizes_bad(const struct dsa_full_regs *regs)
{
	uint64_t sum = 0;

	for (unsigned int wq = 0; wq < dsa_full_wqs(regs->shape); wq++)
		sum += dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_SIZE);
	return sum > DSA_GET(regs->shape->wqcap, DSA_WQCAP_SLOTS);
}

/* Whether a WQ, or an engine, is in several groups. */
static bool is_in_several(const struct dsa_full_regs *regs, unsigned int offset)
{
	uint64_t seen = 0;

	for (unsigned int group = 0; group < dsa_full_groups(regs->shape); group++) {
		uint64_t members = dsa_full_get_grpcfg(regs, group, offset);

		if (seen & members)
			return true;
		seen |= members;
	}
	return false;
}

/* Engines may have nothing to do; WQs need somebody who does it. */
static bool lacks_engine(const struct dsa_full_regs *regs)
{
	for (unsigned int group = 0; group < dsa_full_groups(regs->shape); group++)
		if (dsa_full_get_grpcfg(regs, group, DSA_GRPCFG_WQS) &&
		    !dsa_full_get_grpcfg(regs, group, DSA_GRPCFG_ENGINES))
			return true;
	return false;
}

/* A group is reserved no more read buffers than it may use, and all of them no more than there are.
 * May use 0: all. */
static bool are_read_buffers_bad(const struct dsa_full_regs *regs)
{
	uint64_t sum = 0;

	for (unsigned int group = 0; group < dsa_full_groups(regs->shape); group++) {
		uint64_t flags = dsa_full_get_grpcfg(regs, group, DSA_GRPCFG_FLAGS);
		uint64_t reserved = DSA_GET(flags, DSA_GRPFLAGS_RESERVED);
		uint64_t allowed = DSA_GET(flags, DSA_GRPFLAGS_ALLOWED);

		if (allowed > read_buffers(regs) || (allowed && reserved > allowed))
			return true;
		sum += reserved;
	}
	return sum > read_buffers(regs);
}

enum dsa_command_error dsa_full_check_device(const struct dsa_full_regs *regs)
{
	struct dsa_full_enabled enabled = regs->ops->enabled(regs->data);

	if (dsa_full_state(regs) != DSA_STATE_DISABLED)
		return DSA_CMD_DEVICE_ENABLED;
	if (is_general_bad(regs))
		return DSA_CMD_BAD_CONFIG;
	if (!enabled.bus_master)
		return DSA_CMD_BUS_MASTER;
	if (enabled.pri && !enabled.ats)
		return DSA_CMD_BAD_PASID;
	if (are_sizes_bad(regs))
		return DSA_CMD_WQ_SIZES;
	if (is_in_several(regs, DSA_GRPCFG_WQS))
		return DSA_CMD_GROUP_WQ;
	if (is_in_several(regs, DSA_GRPCFG_ENGINES))
		return DSA_CMD_GROUP_ENGINE;
	if (lacks_engine(regs))
		return DSA_CMD_GROUP_HALF;
	if (are_read_buffers_bad(regs))
		return DSA_CMD_GROUP_RDBUFS;
	return DSA_CMD_OK;
}

/* ---- A WQ ---------------------------------------------------------------------------------- */

static bool is_in_group(const struct dsa_full_regs *regs, unsigned int wq)
{
	for (unsigned int group = 0; group < dsa_full_groups(regs->shape); group++)
		if (dsa_full_get_grpcfg(regs, group, DSA_GRPCFG_WQS) & UINT64_C(1) << wq)
			return true;
	return false;
}

/* A shared WQ without a threshold would take nothing from a limited portal. */
static bool is_size_bad(const struct dsa_full_regs *regs, unsigned int wq)
{
	uint32_t mode = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_MODE);
	uint32_t size = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_SIZE);
	uint32_t threshold = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_THRESHOLD);

	if (!size || !is_in_group(regs, wq))
		return true;
	return !(mode & DSA_WQ_DEDICATED) && (!threshold || threshold > size);
}

static bool is_mode_bad(const struct dsa_full_regs *regs, uint32_t mode)
{
	uint64_t needs = mode & DSA_WQ_DEDICATED ? DSA_WQCAP_DEDICATED : DSA_WQCAP_SHARED;

	return !(regs->shape->wqcap & needs);
}

/* A device that can ask for pages blocks for nothing else. */
static bool is_bof_bad(const struct dsa_full_regs *regs, uint32_t mode,
		       const struct dsa_full_enabled *enabled)
{
	if (!(mode & DSA_WQ_BOF))
		return false;
	return !(regs->shape->gencap & DSA_GENCAP_BOF) ||
	       (regs->shape->has_pasid && (!enabled->pri || (mode & DSA_WQ_ATS_DISABLE)));
}

/* A WQ that many processes share knows them by their PASIDs. Nobody is privileged. */
static bool is_pasid_bad(const struct dsa_full_regs *regs, uint32_t mode,
			 const struct dsa_full_enabled *enabled)
{
	if (!(mode & DSA_WQ_PASID_EN))
		return enabled->pasid && !(mode & DSA_WQ_DEDICATED);
	return !enabled->pasid || (mode & DSA_WQ_PRIVILEGED);
}

enum dsa_command_error dsa_full_check_wq(const struct dsa_full_regs *regs, unsigned int wq)
{
	struct dsa_full_enabled enabled = regs->ops->enabled(regs->data);
	uint64_t gencap = regs->shape->gencap;
	uint32_t mode = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_MODE);
	uint32_t limits = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_LIMITS);

	if (is_size_bad(regs, wq))
		return DSA_CMD_WQ_SIZE;
	if (!DSA_GET(mode, DSA_WQ_PRIORITY))
		return DSA_CMD_WQ_PRIORITY;
	if (is_mode_bad(regs, mode))
		return DSA_CMD_WQ_MODE;
	if (is_bof_bad(regs, mode, &enabled))
		return DSA_CMD_WQ_BOF;
	if (is_pasid_bad(regs, mode, &enabled))
		return DSA_CMD_WQ_PASID;
	if (DSA_GET(limits, DSA_WQ_MAX_BATCH) > DSA_GET(gencap, DSA_GENCAP_MAX_BATCH))
		return DSA_CMD_WQ_MAX_BATCH;
	if (DSA_GET(limits, DSA_WQ_MAX_XFER) > DSA_GET(gencap, DSA_GENCAP_MAX_XFER))
		return DSA_CMD_WQ_MAX_XFER;
	return DSA_CMD_OK;
}

void dsa_full_decode_wq(const struct dsa_full_regs *regs, unsigned int wq, struct dsa_full_wq *ret)
{
	uint32_t mode = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_MODE);
	uint32_t limits = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_LIMITS);
	bool dedicated = mode & DSA_WQ_DEDICATED, named = mode & DSA_WQ_PASID_EN;

	*ret = (struct dsa_full_wq){
		.dedicated = dedicated,
		.block_on_fault = mode & DSA_WQ_BOF,
		.asks_for_pages = (mode & DSA_WQ_BOF) && regs->shape->has_pasid,
		.pasid = named && dedicated ? (uint32_t)DSA_GET(mode, DSA_WQ_PASID)
					    : DSA_FULL_NO_PASID,
		.has_pasid = named,
		.size = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_SIZE),
		.threshold = dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_THRESHOLD),
		.priority = DSA_GET(mode, DSA_WQ_PRIORITY),
		.max_transfer = UINT64_C(1) << DSA_GET(limits, DSA_WQ_MAX_XFER),
		.max_batch = 1u << DSA_GET(limits, DSA_WQ_MAX_BATCH),
		.opcodes = dsa_full_get64(regs, dsa_full_wqcfg(wq, DSA_WQCFG_OPS)),
	};
}
