/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver is told unasked: causes of interrupts, SWERR, and that the device has halted.
 * SWERR keeps the first error until the driver has acknowledged it; of later ones it says that
 * there were.
 */
#include "engine.h"
#include "full_image.h"

void dsa_full_cause(struct dsa_full_regs *regs, uint32_t cause)
{
	dsa_full_put32(regs, DSA_INTCAUSE, dsa_full_get32(regs, DSA_INTCAUSE) | cause);
	regs->ops->interrupt(regs->data);
}

static void cause_if(struct dsa_full_regs *regs, uint32_t control, uint32_t cause)
{
	if (dsa_full_get32(regs, DSA_GENCTRL) & control)
		dsa_full_cause(regs, cause);
}

void dsa_full_report(struct dsa_full_regs *regs, const uint64_t words[DSA_SWERR_WORDS])
{
	uint64_t first = dsa_full_get64(regs, DSA_SWERR);

	if (first & DSA_SWERR_VALID) {
		dsa_full_put64(regs, DSA_SWERR, first | DSA_SWERR_OVERFLOW);
		return;
	}
	for (unsigned int i = 0; i < DSA_SWERR_WORDS; i++)
		dsa_full_put64(regs, DSA_SWERR + 8 * i, words[i]);
	cause_if(regs, DSA_GENCTRL_SWERR, DSA_INTCAUSE_SWERR);
}

void dsa_full_report_error(struct dsa_full_regs *regs, enum dsa_software_error error)
{
	const uint64_t words[DSA_SWERR_WORDS] = {DSA_SWERR_VALID | DSA_PUT(error, DSA_SWERR_ERROR)};

	dsa_full_report(regs, words);
}

void dsa_full_note(struct dsa_full_regs *regs, unsigned int wq, const struct dsa_note *note,
		   uint32_t lost)
{
	uint64_t words[DSA_SWERR_WORDS] = {
		DSA_SWERR_VALID | DSA_SWERR_DESC | DSA_SWERR_WQ_VALID | DSA_PUT(wq, DSA_SWERR_WQ),
		DSA_PUT(note->batch_index, DSA_SWERR_BATCH_INDEX) |
			DSA_PUT(note->invalid_flags, DSA_SWERR_FLAGS),
		note->address,
	};

	words[0] |= (lost ? DSA_SWERR_OVERFLOW : 0) | (note->in_batch ? DSA_SWERR_BATCH : 0) |
		    (note->write ? DSA_SWERR_WRITE : 0) | DSA_PUT(note->status, DSA_SWERR_ERROR) |
		    DSA_PUT(note->opcode, DSA_SWERR_OPCODE) | DSA_PUT(note->pasid, DSA_SWERR_PASID);
	dsa_full_report(regs, words);
}

static bool is_running(const struct dsa_full_regs *regs)
{
	enum dsa_state state = dsa_full_state(regs);

	return state == DSA_STATE_ENABLED || state == DSA_STATE_DRAIN;
}

/* Nothing is done any more when this returns, and nothing will be before a reset. */
static void halt(struct dsa_full_regs *regs)
{
	dsa_full_set_state(regs, DSA_STATE_HALT);
	dsa_full_close_wqs(regs, UINT32_MAX);
	dsa_full_fail_command(regs, DSA_CMD_HARDWARE);
	cause_if(regs, DSA_GENCTRL_HALT, DSA_INTCAUSE_HALT);
}

void dsa_full_lost_bus(struct dsa_full_regs *regs)
{
	if (!is_running(regs))
		return;
	dsa_full_report_error(regs, DSA_SWERR_BUS_MASTER);
	halt(regs);
}

void dsa_full_lost_queue(struct dsa_full_regs *regs, unsigned int wq)
{
	if (dsa_full_wq_is_enabled(regs, wq))
		halt(regs);
}
