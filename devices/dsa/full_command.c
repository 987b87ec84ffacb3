/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands. One is under way at a time: CMDSTS says so until the last WQ that it waits for is
 * drained or aborted. All others end at once.
 */
#include "full_image.h"

#define PENDING (-1) /* a command that ends later */

/* Does a command, or begins to. An error of CMDSTS, or PENDING. */
typedef int command_fn(struct dsa_full_regs *regs, uint32_t operand);

bool dsa_full_is_active(const struct dsa_full_regs *regs)
{
	return dsa_full_get32(regs, DSA_CMDSTS) & DSA_CMDSTS_ACTIVE;
}

static bool ends_wqs(enum dsa_command code)
{
	return code == DSA_DISABLE_DEVICE || code == DSA_DISABLE_WQ || code == DSA_RESET_WQ;
}

bool dsa_full_is_ending(const struct dsa_full_regs *regs, unsigned int wq)
{
	return dsa_full_is_active(regs) && ends_wqs(regs->command.code) &&
	       (regs->command.wqs & 1u << wq);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void end(struct dsa_full_regs *regs, enum dsa_command_error error)
{
	bool interrupt = regs->command.interrupt;

	regs->command.waiting = 0;
	regs->command.interrupt = false;
	dsa_full_put32(regs, DSA_CMDSTS,
		       (uint32_t)(DSA_PUT(error, DSA_CMDSTS_ERROR) |
				  DSA_PUT(regs->command.result, DSA_CMDSTS_RESULT)));
	if (interrupt)
		dsa_full_cause(regs, DSA_INTCAUSE_CMD);
}

void dsa_full_fail_command(struct dsa_full_regs *regs, enum dsa_command_error error)
{
	if (dsa_full_is_active(regs))
		end(regs, error);
}

static void reset_wqs(struct dsa_full_regs *regs, uint32_t wqs)
{
	for (unsigned int wq = 0; wq < dsa_full_wqs(regs->shape); wq++)
		if (wqs & 1u << wq)
			dsa_full_reset_wqcfg(regs, wq);
}

/* All WQs are drained or aborted. */
static void finish(struct dsa_full_regs *regs)
{
	enum dsa_command code = regs->command.code;

	if (ends_wqs(code))
		dsa_full_close_wqs(regs, regs->command.wqs);
	if (code == DSA_RESET_WQ)
		reset_wqs(regs, regs->command.wqs);
	if (code == DSA_DISABLE_DEVICE)
		dsa_full_set_state(regs, DSA_STATE_DISABLED);
	end(regs, DSA_CMD_OK);
}

void dsa_full_ended(struct dsa_full_regs *regs, unsigned int wq)
{
	uint32_t bit = 1u << wq;

	if (!dsa_full_is_active(regs) || !(regs->command.waiting & bit))
		return;
	regs->command.waiting &= ~bit;
	if (!regs->command.waiting)
		finish(regs);
}

/* ---- Begins -------------------------------------------------------------------------------- */

/* A bit more is waited for than there are WQs, so that none of them ends it while others begin. */
#define BEGINNING (1u << 31)

/* Drains or aborts WQs that are enabled, or what is a PASID's in them; see finish(). */
static int work_off_pasid(struct dsa_full_regs *regs, uint32_t wqs, bool abort, uint32_t pasid)
{
	regs->command.wqs = wqs;
	regs->command.waiting = wqs | BEGINNING;
	for (unsigned int wq = 0; wq < dsa_full_wqs(regs->shape); wq++) {
		if (!(wqs & 1u << wq))
			continue;
		if (abort)
			regs->ops->abort(regs->data, wq, pasid);
		else
			regs->ops->drain(regs->data, wq, pasid);
	}
	regs->command.waiting &= ~BEGINNING;
	if (!regs->command.waiting)
		finish(regs);
	return PENDING;
}

static int work_off(struct dsa_full_regs *regs, uint32_t wqs, bool abort)
{
	return work_off_pasid(regs, wqs, abort, DSA_FULL_ALL_PASIDS);
}

static int enable_device(struct dsa_full_regs *regs, uint32_t operand)
{
	enum dsa_command_error error = dsa_full_check_device(regs);

	if (!error)
		dsa_full_set_state(regs, DSA_STATE_ENABLED);
	return error;
}

static bool is_enabled(const struct dsa_full_regs *regs)
{
	return dsa_full_state(regs) == DSA_STATE_ENABLED;
}

static int disable_device(struct dsa_full_regs *regs, uint32_t operand)
{
	if (!is_enabled(regs))
		return DSA_CMD_DEVICE_NOT_ENABLED;
	dsa_full_set_state(regs, DSA_STATE_DRAIN);
	return work_off(regs, dsa_full_enabled_wqs(regs), false);
}

static int drain_all(struct dsa_full_regs *regs, uint32_t operand)
{
	if (!is_enabled(regs))
		return DSA_CMD_DEVICE_NOT_ENABLED;
	return work_off(regs, dsa_full_enabled_wqs(regs), false);
}

static int abort_all(struct dsa_full_regs *regs, uint32_t operand)
{
	if (!is_enabled(regs))
		return DSA_CMD_DEVICE_NOT_ENABLED;
	return work_off(regs, dsa_full_enabled_wqs(regs), true);
}

/* The command itself is what outlives it. */
static int reset_device(struct dsa_full_regs *regs, uint32_t operand)
{
	uint32_t command = dsa_full_get32(regs, DSA_CMD);

	dsa_full_forget(regs);
	dsa_full_put32(regs, DSA_CMD, command);
	return DSA_CMD_OK;
}

static int enable_wq(struct dsa_full_regs *regs, uint32_t operand)
{
	enum dsa_command_error error;

	if (operand >= dsa_full_wqs(regs->shape))
		return DSA_CMD_BAD_WQ;
	if (!is_enabled(regs))
		return DSA_CMD_NOT_ENABLED;
	if (dsa_full_wq_is_enabled(regs, operand))
		return DSA_CMD_WQ_ENABLED;
	error = dsa_full_check_wq(regs, operand);
	if (error)
		return error;
	return dsa_full_open_wq(regs, operand) ? DSA_CMD_HARDWARE : DSA_CMD_OK;
}

/* Those of the operand's WQs that are enabled. 0, or the error where there is none. */
static int select_wqs(const struct dsa_full_regs *regs, uint32_t operand, uint32_t *ret)
{
	uint32_t there = (1u << dsa_full_wqs(regs->shape)) - 1;
	uint32_t wqs = operand & DSA_OPERAND_WQS;

	if ((operand & DSA_OPERAND_GROUP) || !wqs || (wqs & ~there))
		return DSA_CMD_BAD_WQ;
	wqs &= dsa_full_enabled_wqs(regs);
	if (!is_enabled(regs) || !wqs)
		return DSA_CMD_WQ_NOT_ENABLED;
	*ret = wqs;
	return DSA_CMD_OK;
}

static int drain_wqs(struct dsa_full_regs *regs, uint32_t operand)
{
	uint32_t wqs;
	int error = select_wqs(regs, operand, &wqs);

	return error ? error : work_off(regs, wqs, false);
}

static int abort_wqs(struct dsa_full_regs *regs, uint32_t operand)
{
	uint32_t wqs;
	int error = select_wqs(regs, operand, &wqs);

	return error ? error : work_off(regs, wqs, true);
}

static int drain_pasid(struct dsa_full_regs *regs, uint32_t operand)
{
	if (!is_enabled(regs))
		return DSA_CMD_DEVICE_NOT_ENABLED;
	return work_off_pasid(regs, dsa_full_enabled_wqs(regs), false, operand);
}

static int abort_pasid(struct dsa_full_regs *regs, uint32_t operand)
{
	if (!is_enabled(regs))
		return DSA_CMD_DEVICE_NOT_ENABLED;
	return work_off_pasid(regs, dsa_full_enabled_wqs(regs), true, operand);
}

/* Whose a vector is to be, MSIX_PERM says. There is no message store. */
static int request_handle(struct dsa_full_regs *regs, uint32_t operand)
{
	uint32_t vector = operand & DSA_OPERAND_INDEX, permission, pasid = DSA_FULL_NO_PASID;

	if (operand & DSA_OPERAND_IMS)
		return DSA_CMD_NO_HANDLE;
	if (!vector || vector >= DSA_FULL_VECTORS)
		return DSA_CMD_BAD_INDEX;
	permission = dsa_full_get32(regs, DSA_FULL_MSIX_PERM + vector * DSA_MSIX_PERM_STRIDE);
	if (permission & DSA_MSIX_PERM_PASID_EN)
		pasid = (uint32_t)DSA_GET(permission, DSA_MSIX_PERM_PASID);
	return regs->ops->get_handle(regs->data, vector, pasid, &regs->command.result)
		       ? DSA_CMD_NO_HANDLE
		       : DSA_CMD_OK;
}

static int release_handle(struct dsa_full_regs *regs, uint32_t operand)
{
	if (operand & DSA_OPERAND_IMS)
		return DSA_CMD_NO_HANDLE;
	return regs->ops->put_handle(regs->data, operand & DSA_OPERAND_INDEX) ? DSA_CMD_BAD_INDEX
									      : DSA_CMD_OK;
}

/* What the command does besides is finish()'s. */
static command_fn *const commands[] = {
	[DSA_ENABLE_DEVICE] = enable_device,
	[DSA_DISABLE_DEVICE] = disable_device,
	[DSA_DRAIN_ALL] = drain_all,
	[DSA_ABORT_ALL] = abort_all,
	[DSA_RESET_DEVICE] = reset_device,
	[DSA_ENABLE_WQ] = enable_wq,
	[DSA_DISABLE_WQ] = drain_wqs,
	[DSA_DRAIN_WQ] = drain_wqs,
	[DSA_ABORT_WQ] = abort_wqs,
	[DSA_RESET_WQ] = abort_wqs,
	[DSA_DRAIN_PASID] = drain_pasid,
	[DSA_ABORT_PASID] = abort_pasid,
	[DSA_REQUEST_HANDLE] = request_handle,
	[DSA_RELEASE_HANDLE] = release_handle,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int run(struct dsa_full_regs *regs, unsigned int code, uint32_t operand)
{
	if (code >= COMMANDS || !(regs->shape->cmdcap & 1u << code))
		return DSA_CMD_BAD_COMMAND;
	if (dsa_full_state(regs) == DSA_STATE_HALT)
		return DSA_CMD_HARDWARE;
	return commands[code](regs, operand);
}

void dsa_full_command(struct dsa_full_regs *regs, uint32_t value)
{
	int error;

	if (dsa_full_is_active(regs)) {
		dsa_full_report_error(regs, DSA_SWERR_COMMAND);
		return;
	}

	regs->command.code = (enum dsa_command)DSA_GET(value, DSA_CMD_CODE);
	regs->command.interrupt = value & DSA_CMD_INT;
	regs->command.result = 0;
	dsa_full_put32(regs, DSA_CMD, value & (DSA_CMD_OPERAND | DSA_CMD_CODE | DSA_CMD_INT));
	dsa_full_put32(regs, DSA_CMDSTS, DSA_CMDSTS_ACTIVE);
	error = run(regs, regs->command.code, value & DSA_CMD_OPERAND);
	if (error != PENDING)
		end(regs, (enum dsa_command_error)error);
}
