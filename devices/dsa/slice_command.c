/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands. Each is checked, and then is a list of steps; those that the parent has to do end
 * later, and the command is active until the last one has ended. A step that fails ends the command
 * with an error of the hardware's.
 */
#include <errno.h>
#include <string.h>

#include <umdev/caps.h>

#include <linux/pci_regs.h>

#include "slice_state.h"

static void set_status(struct slice *slice, uint32_t status)
{
	slice_image_put(&slice->image, DSA_CMDSTS, 4, status);
}

static bool is_active(const struct slice *slice)
{
	return slice_image_get(&slice->image, DSA_CMDSTS, 4) & DSA_CMDSTS_ACTIVE;
}

static void finish(struct slice *slice, enum dsa_command_error error, uint32_t result)
{
	bool interrupt = slice->command.interrupt;

	slice->command = (struct slice_command){.interrupt = false};
	set_status(slice, (uint32_t)(DSA_PUT(error, DSA_CMDSTS_ERROR) |
				     DSA_PUT(result, DSA_CMDSTS_RESULT)));
	if (interrupt)
		slice_interrupt(slice, DSA_INTCAUSE_CMD);
}

void slice_command_fail(struct slice *slice, enum dsa_command_error error)
{
	if (is_active(slice))
		finish(slice, error, 0);
}

/* ---- Steps --------------------------------------------------------------------------------- */

static void set_wq_state(struct slice *slice, enum dsa_wq_state state)
{
	slice_image_put(&slice->image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_STATE, 4,
			DSA_PUT(state, DSA_WQ_STATE));
}

static bool wq_is_enabled(const struct slice *slice)
{
	uint64_t state = slice_image_get(&slice->image, SLICE_WQCFG_AT + 4 * DSA_WQCFG_STATE, 4);

	return DSA_GET(state, DSA_WQ_STATE) == DSA_WQ_ENABLED_STATE;
}

static int enable_wq(struct slice *slice)
{
	int err = slice_queue_open(slice);

	if (!err)
		set_wq_state(slice, DSA_WQ_ENABLED_STATE);
	return err;
}

static int disable_wq(struct slice *slice)
{
	slice_queue_close(slice);
	dsa_portals_reset(slice->portals);
	set_wq_state(slice, DSA_WQ_DISABLED_STATE);
	return 0;
}

static int enable_device(struct slice *slice)
{
	slice_set_state(slice, DSA_STATE_ENABLED);
	return 0;
}

static int disable_device(struct slice *slice)
{
	disable_wq(slice);
	slice_set_state(slice, DSA_STATE_DISABLED);
	return 0;
}

/* All registers but for the command's own; handles stay the driver's. */
static int reset_registers(struct slice *slice)
{
	uint64_t command = slice_image_get(&slice->image, DSA_CMD, 4);
	uint64_t status = slice_image_get(&slice->image, DSA_CMDSTS, 4);

	disable_wq(slice);
	slice->image = slice->initial;
	slice_image_put(&slice->image, DSA_CMD, 4, command);
	slice_image_put(&slice->image, DSA_CMDSTS, 4, status);
	return 0;
}

static slice_step_fn *const enable_device_steps[] = {enable_device, NULL};
static slice_step_fn *const disable_device_steps[] = {slice_queue_stop, disable_device, NULL};
static slice_step_fn *const reset_device_steps[] = {slice_queue_abort, reset_registers, NULL};
static slice_step_fn *const enable_wq_steps[] = {enable_wq, NULL};
static slice_step_fn *const disable_wq_steps[] = {slice_queue_stop, disable_wq, NULL};
static slice_step_fn *const drain_steps[] = {slice_queue_drain, NULL};
static slice_step_fn *const abort_steps[] = {slice_queue_abort, slice_queue_start, NULL};
static slice_step_fn *const reset_wq_steps[] = {slice_queue_abort, disable_wq, NULL};

/* Goes on until a step takes its time, fails, or was the last one. */
static void run(struct slice *slice)
{
	struct slice_command *command = &slice->command;

	while (*command->steps) {
		slice_step_fn *step = *command->steps++;
		int err;

		command->waiting = true;
		err = step(slice);
		if (!command->waiting)
			return; /* it has ended, and what came then is done, too */
		if (err == -EINPROGRESS)
			return;
		command->waiting = false;
		if (err) {
			finish(slice, DSA_CMD_HARDWARE, 0);
			return;
		}
	}
	finish(slice, DSA_CMD_OK, 0);
}

void slice_command_go_on(struct slice *slice, int result)
{
	if (!slice->command.waiting)
		return;

	slice->command.waiting = false;
	if (result)
		finish(slice, DSA_CMD_HARDWARE, 0);
	else
		run(slice);
}

static void run_steps(struct slice *slice, slice_step_fn *const *steps)
{
	slice->command.steps = steps;
	run(slice);
}

/* ---- Commands: what may be wrong with each ------------------------------------------------- */

static bool masters_bus(const struct slice *slice)
{
	return umd_device_config_read(slice->device, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;
}

static void begin_enable_device(struct slice *slice, uint32_t operand)
{
	if (slice_state(slice) != DSA_STATE_DISABLED)
		finish(slice, DSA_CMD_DEVICE_ENABLED, 0);
	else if (!masters_bus(slice))
		finish(slice, DSA_CMD_BUS_MASTER, 0);
	else
		run_steps(slice, enable_device_steps);
}

static void begin_disable_device(struct slice *slice, uint32_t operand)
{
	if (slice_state(slice) != DSA_STATE_ENABLED) {
		finish(slice, DSA_CMD_DEVICE_NOT_ENABLED, 0);
		return;
	}
	slice_set_state(slice, DSA_STATE_DRAIN);
	run_steps(slice, disable_device_steps);
}

/* A halt that wants a reset of the function is not ended by less. */
static void begin_reset_device(struct slice *slice, uint32_t operand)
{
	if (slice_state(slice) == DSA_STATE_HALT)
		finish(slice, DSA_CMD_HARDWARE, 0);
	else
		run_steps(slice, reset_device_steps);
}

static void begin_for_all(struct slice *slice, slice_step_fn *const *steps)
{
	if (slice_state(slice) != DSA_STATE_ENABLED)
		finish(slice, DSA_CMD_DEVICE_NOT_ENABLED, 0);
	else
		run_steps(slice, steps);
}

static void begin_drain_all(struct slice *slice, uint32_t operand)
{
	begin_for_all(slice, drain_steps);
}

static void begin_abort_all(struct slice *slice, uint32_t operand)
{
	begin_for_all(slice, abort_steps);
}

static void begin_enable_wq(struct slice *slice, uint32_t operand)
{
	if (operand != 0)
		finish(slice, DSA_CMD_BAD_WQ, 0);
	else if (slice_state(slice) != DSA_STATE_ENABLED)
		finish(slice, DSA_CMD_NOT_ENABLED, 0);
	else if (wq_is_enabled(slice))
		finish(slice, DSA_CMD_WQ_ENABLED, 0);
	else
		run_steps(slice, enable_wq_steps);
}

/* The operand names WQ 0 and no other. */
static void begin_for_wq(struct slice *slice, uint32_t operand, slice_step_fn *const *steps)
{
	if (operand != 1)
		finish(slice, DSA_CMD_BAD_WQ, 0);
	else if (slice_state(slice) != DSA_STATE_ENABLED || !wq_is_enabled(slice))
		finish(slice, DSA_CMD_WQ_NOT_ENABLED, 0);
	else
		run_steps(slice, steps);
}

static void begin_disable_wq(struct slice *slice, uint32_t operand)
{
	begin_for_wq(slice, operand, disable_wq_steps);
}

static void begin_drain_wq(struct slice *slice, uint32_t operand)
{
	begin_for_wq(slice, operand, drain_steps);
}

static void begin_abort_wq(struct slice *slice, uint32_t operand)
{
	begin_for_wq(slice, operand, abort_steps);
}

static void begin_reset_wq(struct slice *slice, uint32_t operand)
{
	begin_for_wq(slice, operand, reset_wq_steps);
}

/* Vector 0 is the device's own, and has none; a store in the device, where IMS would be, neither.
 */
static void request_handle(struct slice *slice, uint32_t operand)
{
	uint32_t handle;

	if (operand & DSA_OPERAND_IMS)
		finish(slice, DSA_CMD_NO_HANDLE, 0);
	else if (operand != SLICE_WQ_VECTOR)
		finish(slice, DSA_CMD_BAD_INDEX, 0);
	else if (slice_handle_get(slice, &handle) < 0)
		finish(slice, DSA_CMD_NO_HANDLE, 0);
	else
		finish(slice, DSA_CMD_OK, handle);
}

static void release_handle(struct slice *slice, uint32_t operand)
{
	if (operand & DSA_OPERAND_IMS || slice_handle_drop(slice, operand) < 0)
		finish(slice, DSA_CMD_BAD_INDEX, 0);
	else
		finish(slice, DSA_CMD_OK, 0);
}

static void (*const commands[])(struct slice *slice, uint32_t operand) = {
	[DSA_ENABLE_DEVICE] = begin_enable_device, [DSA_DISABLE_DEVICE] = begin_disable_device,
	[DSA_DRAIN_ALL] = begin_drain_all,	   [DSA_ABORT_ALL] = begin_abort_all,
	[DSA_RESET_DEVICE] = begin_reset_device,   [DSA_ENABLE_WQ] = begin_enable_wq,
	[DSA_DISABLE_WQ] = begin_disable_wq,	   [DSA_DRAIN_WQ] = begin_drain_wq,
	[DSA_ABORT_WQ] = begin_abort_wq,	   [DSA_RESET_WQ] = begin_reset_wq,
	[DSA_REQUEST_HANDLE] = request_handle,	   [DSA_RELEASE_HANDLE] = release_handle,
};

void slice_command_begin(struct slice *slice, uint32_t value)
{
	uint32_t code = (uint32_t)DSA_GET(value, DSA_CMD_CODE);

	if (is_active(slice)) {
		slice_report(slice, DSA_SWERR_COMMAND);
		return;
	}

	slice_image_put(&slice->image, DSA_CMD, 4,
			value & (DSA_CMD_OPERAND | DSA_CMD_CODE | DSA_CMD_INT));
	slice->command = (struct slice_command){.interrupt = value & DSA_CMD_INT};
	set_status(slice, DSA_CMDSTS_ACTIVE);
	if (code < sizeof(commands) / sizeof(commands[0]) && commands[code])
		commands[code](slice, value & DSA_CMD_OPERAND);
	else
		finish(slice, DSA_CMD_BAD_COMMAND, 0);
}
