/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes of a descriptor that was written to a portal.
 *
 * A dedicated WQ is written by MOVDIR64B, whose end nobody waits for: a descriptor that it has no
 * room for is lost, and SWERR says so. A shared one is written by ENQCMD, which asks to try again.
 */
#include <errno.h>

#include "engine.h"
#include "full_image.h"

/* In a descriptor, bytes. */
#define OPCODE_AT  7u
#define RECORD_AT  8u
#define PASID_MASK 0xfffffu

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

/* Whose it is: as the WQ says, or in one that is shared, the descriptor. */
static uint32_t pasid_of(const struct dsa_full_wq *config, const struct dsa_submission *submission)
{
	if (!config->has_pasid || config->dedicated)
		return config->pasid;
	return dsa_get32(submission->descriptor) & PASID_MASK;
}

/* Nobody is told of a record that cannot be written but by SWERR. */
static void report_stranger(struct dsa_full_regs *regs, const struct dsa_submission *submission,
			    uint32_t pasid)
{
	const struct dsa_note note = {.status = DSA_RECORD_TRANSLATE,
				      .opcode = submission->descriptor[OPCODE_AT],
				      .write = true,
				      .pasid = pasid,
				      .address = dsa_get64(submission->descriptor + RECORD_AT)};

	dsa_full_note(regs, submission->wq, &note, 0);
}

/* Whether the WQ has taken it, to do it or to find it wrong. */
static bool submit(struct dsa_full_regs *regs, const struct dsa_submission *submission)
{
	struct dsa_submission sent = *submission;
	struct dsa_full_wq config;
	uint32_t pasid;
	int err;

	dsa_full_decode_wq(regs, submission->wq, &config);
	pasid = pasid_of(&config, submission);
	dsa_submission_drop_sender(&sent);
	err = regs->ops->submit(regs->data, sent.wq, pasid, sent.descriptor);
	if (err == -ENXIO)
		report_stranger(regs, submission, pasid);
	return !err || err == -ENXIO;
}

static void report_lost(struct dsa_full_regs *regs, const struct dsa_submission *submission)
{
	const uint64_t words[DSA_SWERR_WORDS] = {
		DSA_SWERR_VALID | DSA_SWERR_DESC | DSA_SWERR_WQ_VALID |
		DSA_PUT(DSA_SWERR_PORTAL, DSA_SWERR_ERROR) | DSA_PUT(submission->wq, DSA_SWERR_WQ) |
		DSA_PUT(submission->descriptor[OPCODE_AT], DSA_SWERR_OPCODE)};

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
