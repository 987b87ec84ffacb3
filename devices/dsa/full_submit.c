/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes of a descriptor that was written to a portal.
 *
 * A dedicated WQ is written by MOVDIR64B, whose end nobody waits for: a descriptor that it has no
 * room for is lost, and SWERR says so. A shared one is written by ENQCMD, which asks to try again.
 */
#include <errno.h>

#include "full_image.h"

static bool takes_now(const struct dsa_full_regs *regs, const struct dsa_submission *submission)
{
	unsigned int wq = submission->wq;
	struct dsa_full_wq config;
	struct dsa_portal_wq room;

	if (dsa_full_state(regs) != DSA_STATE_ENABLED || !dsa_full_wq_is_enabled(regs, wq) ||
	    dsa_full_is_ending(regs, wq))
		return false;

	dsa_full_decode_wq(regs, wq, &config);
	room = (struct dsa_portal_wq){
		.dedicated = config.dedicated,
		.size = config.size,
		.threshold = config.threshold,
		.occupied = regs->ops->occupied(regs->data, wq),
	};
	return dsa_portal_admits(&room, submission->kind);
}

static bool submit(struct dsa_full_regs *regs, const struct dsa_submission *submission)
{
	struct dsa_submission sent = *submission;

	dsa_submission_drop_sender(&sent);
	return regs->ops->submit(regs->data, sent.wq, sent.descriptor);
}

static void report_lost(struct dsa_full_regs *regs, const struct dsa_submission *submission)
{
	const uint64_t words[DSA_SWERR_WORDS] = {
		DSA_SWERR_VALID | DSA_SWERR_DESC | DSA_SWERR_WQ_VALID |
		DSA_PUT(DSA_SWERR_PORTAL, DSA_SWERR_ERROR) | DSA_PUT(submission->wq, DSA_SWERR_WQ) |
		DSA_PUT(dsa_get32(submission->descriptor + 4) >> 24, DSA_SWERR_OPCODE)};

	dsa_full_report(regs, words);
}

static bool is_dedicated(const struct dsa_full_regs *regs, unsigned int wq)
{
	return dsa_full_get_wqcfg(regs, wq, DSA_WQCFG_MODE) & DSA_WQ_DEDICATED;
}

int dsa_full_submit(struct dsa_full_regs *regs, const struct dsa_submission *submission)
{
	bool is_ims = submission->kind == DSA_PORTAL_IMS_UNLIMITED ||
		      submission->kind == DSA_PORTAL_IMS_LIMITED;

	if (submission->wq >= dsa_full_wqs(regs->shape))
		return -EINVAL;
	if (is_ims) {
		report_lost(regs, submission);
		return -EINVAL;
	}
	if (takes_now(regs, submission) && submit(regs, submission))
		return 0;
	if (!is_dedicated(regs, submission->wq))
		return -EAGAIN;
	report_lost(regs, submission);
	return 0;
}
