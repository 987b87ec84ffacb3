/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the full device's registers share: reading and writing the image, and each
 * other's steps.
 */
#ifndef DSA_FULL_IMAGE_H
#define DSA_FULL_IMAGE_H

#include "bytes.h"
#include "full_regs.h"

static inline uint32_t dsa_full_get32(const struct dsa_full_regs *regs, unsigned int offset)
{
	return dsa_get32(regs->image + offset);
}

static inline uint64_t dsa_full_get64(const struct dsa_full_regs *regs, unsigned int offset)
{
	return dsa_get64(regs->image + offset);
}

static inline void dsa_full_put32(struct dsa_full_regs *regs, unsigned int offset, uint32_t value)
{
	dsa_put32(regs->image + offset, value);
}

static inline void dsa_full_put64(struct dsa_full_regs *regs, unsigned int offset, uint64_t value)
{
	dsa_put64(regs->image + offset, value);
}

/* Where a dword of a WQ's configuration lies, and what it says. */
static inline unsigned int dsa_full_wqcfg(unsigned int wq, unsigned int word)
{
	return DSA_FULL_WQCFG + wq * DSA_FULL_WQCFG_STRIDE + word * 4;
}

static inline uint32_t dsa_full_get_wqcfg(const struct dsa_full_regs *regs, unsigned int wq,
					  unsigned int word)
{
	return dsa_full_get32(regs, dsa_full_wqcfg(wq, word));
}

static inline uint64_t dsa_full_get_grpcfg(const struct dsa_full_regs *regs, unsigned int group,
					   unsigned int offset)
{
	return dsa_full_get64(regs, DSA_FULL_GRPCFG + group * DSA_GRPCFG_STRIDE + offset);
}

/* ---- full_regs.c --------------------------------------------------------------------------- */

enum dsa_state dsa_full_state(const struct dsa_full_regs *regs);
void dsa_full_set_state(struct dsa_full_regs *regs, enum dsa_state state);

bool dsa_full_wq_is_enabled(const struct dsa_full_regs *regs, unsigned int wq);

/* WQs that are enabled, a bit each. */
uint32_t dsa_full_enabled_wqs(const struct dsa_full_regs *regs);

/* Opens a WQ's queue, and closes it: its state follows. */
int dsa_full_open_wq(struct dsa_full_regs *regs, unsigned int wq);
void dsa_full_close_wqs(struct dsa_full_regs *regs, uint32_t wqs);

/* Ends all that is under way, and brings back the registers. */
void dsa_full_forget(struct dsa_full_regs *regs);

/* What is configured becomes what it was at first: all of it; of a WQ, but for its size. */
void dsa_full_reset_image(struct dsa_full_regs *regs);
void dsa_full_reset_wqcfg(struct dsa_full_regs *regs, unsigned int wq);

/* ---- full_command.c ------------------------------------------------------------------------ */

bool dsa_full_is_active(const struct dsa_full_regs *regs);

/* CMD is written. */
void dsa_full_command(struct dsa_full_regs *regs, uint32_t value);

/* The command under way, if there is one, ends with an error. */
void dsa_full_fail_command(struct dsa_full_regs *regs, enum dsa_command_error error);

/* Whether a command under way will disable the WQ: it takes no more descriptors. */
bool dsa_full_is_ending(const struct dsa_full_regs *regs, unsigned int wq);

/* ---- full_config.c ------------------------------------------------------------------------- */

/* Whether the device, or a WQ, can be enabled as it is configured. */
enum dsa_command_error dsa_full_check_device(const struct dsa_full_regs *regs);
enum dsa_command_error dsa_full_check_wq(const struct dsa_full_regs *regs, unsigned int wq);

void dsa_full_decode_wq(const struct dsa_full_regs *regs, unsigned int wq, struct dsa_full_wq *ret);

/* ---- full_report.c ------------------------------------------------------------------------- */

/* Sets a cause, and sends the interrupt. */
void dsa_full_cause(struct dsa_full_regs *regs, uint32_t cause);

/* Enters an error in SWERR. */
void dsa_full_report(struct dsa_full_regs *regs, const uint64_t words[DSA_SWERR_WORDS]);
void dsa_full_report_error(struct dsa_full_regs *regs, enum dsa_software_error error);

#endif
