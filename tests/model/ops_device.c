/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device's own code, the client's commands and time do to a device. */
#include "ops.h"

#include <linux/pci_regs.h>

#include <umdev/caps.h>

/* ---- Resets -------------------------------------------------------------------------------- */

static void reset_by_client(struct rig *rig)
{
	rig_compare(rig, "DEVICE_RESET", (uint64_t)umd_device_reset_by_client(rig->device), 0);
	model_reset(&rig->model, MODEL_RESET_DEVICE);
}

static void reset_itself(struct rig *rig)
{
	umd_device_reset(rig->device);
	model_reset(&rig->model, MODEL_RESET_SELF);
}

static void disconnect(struct rig *rig)
{
	umd_device_do_reset(rig->device, UMD_RESET_DISCONNECT);
	model_reset(&rig->model, MODEL_RESET_DISCONNECT);
}

/* ---- Low power ----------------------------------------------------------------------------- */

static void enter_low(struct rig *rig)
{
	int device = umd_power_enter_low(rig->device, NULL);

	rig_compare(rig, "low power entry", (uint64_t)device,
		    (uint64_t)model_enter_low(&rig->model, MODEL_NONE));
}

static void enter_low_with_wakeup(struct rig *rig)
{
	int wakeup = rig_chance(rig, 90) ? (int)rig_below(rig, RIG_TRIGGERS) : MODEL_NO_EVENT;
	int fd = dup(wakeup >= 0 ? rig->fds[wakeup] : rig->no_event);
	int device = umd_power_enter_low(rig->device, &fd);

	rig_note(rig, (uint64_t)wakeup);
	if (fd >= 0)
		close(fd);
	rig_compare(rig, "low power entry with wake-up", (uint64_t)device,
		    (uint64_t)model_enter_low(&rig->model, wakeup));
}

static void exit_low(struct rig *rig)
{
	rig_compare(rig, "low power exit", (uint64_t)umd_power_exit_low(rig->device),
		    (uint64_t)model_exit_low(&rig->model));
}

static void wake(struct rig *rig)
{
	umd_device_wake(rig->device);
	model_wake(&rig->model);
}

/* ---- Config space by the device ------------------------------------------------------------ */

/* Status bits of a device, which it sets and clears itself. */
static void set_status(struct rig *rig)
{
	const unsigned int *at = rig->model.shape->at;
	const struct {
		unsigned int at, size;
		uint32_t bits;
	} registers[] = {
		{PCI_STATUS, 2, 0xf900},
		{at[MODEL_PM] ? at[MODEL_PM] + 5 : 0, 1, 0x80},
		{at[MODEL_EXPRESS] ? at[MODEL_EXPRESS] + PCI_EXP_DEVSTA : 0, 2, 0x2f},
		{at[MODEL_AF] ? at[MODEL_AF] + PCI_AF_STATUS : 0, 1, 1},
		{at[MODEL_PRI] ? at[MODEL_PRI] + PCI_PRI_STATUS : 0, 1, 3},
		{at[MODEL_AER] ? at[MODEL_AER] + PCI_ERR_COR_STATUS : 0, 4, 0xf1c1},
		{at[MODEL_VENDOR] ? at[MODEL_VENDOR] + 8 : 0, 4, UINT32_MAX},
		{at[MODEL_DVSEC] ? at[MODEL_DVSEC] + 10 : 0, 2, UINT32_MAX},
	};
	size_t i = rig_below(rig, UNIT_COUNT(registers));
	unsigned int size = registers[i].size;
	uint32_t old, bits = registers[i].bits & (uint32_t)unit_random(&rig->random);

	rig_note(rig, registers[i].at);
	rig_note(rig, bits);
	if (!registers[i].at)
		return;
	old = umd_device_config_read(rig->device, registers[i].at, size);
	rig_compare(rig, "what the device reads", old,
		    model_peek(&rig->model, registers[i].at, size));
	bits |= old & ~registers[i].bits;
	umd_device_config_write(rig->device, registers[i].at, size, bits);
	model_poke(&rig->model, registers[i].at, size, bits);
}

/* No size of a field, or beyond the end: reads zero, writes nothing. */
static void set_no_field(struct rig *rig)
{
	static const unsigned int sizes[] = {0, 3, 5, 8, 1, 2, 4};
	size_t kind = rig_below(rig, UNIT_COUNT(sizes));
	unsigned int at =
		(unsigned int)(kind < 4 ? rig_below(rig, 64) : rig->model.size - sizes[kind] + 1);

	rig_note(rig, at);
	umd_device_config_write(rig->device, at, sizes[kind], UINT32_MAX);
	rig_compare(rig, "a field that is none",
		    umd_device_config_read(rig->device, at, sizes[kind]), 0);
}

/* An error that the device's registers know; now and then no error, or two. */
static uint32_t some_error(struct rig *rig, bool correctable)
{
	const uint32_t known = correctable ? 0xf1c1 : 0x7ff010;

	for (;;) {
		uint32_t status = UINT32_C(1) << rig_below(rig, 32);

		if (rig_chance(rig, 2))
			return rig_chance(rig, 50) ? 0 : status | 0x41;
		if (status & known)
			return status;
	}
}

static void report_error(struct rig *rig)
{
	bool correctable = rig_chance(rig, 40);
	uint32_t status = some_error(rig, correctable), header[4];
	bool with_header = rig_chance(rig, 70);
	int device;

	for (unsigned int i = 0; i < 4; i++)
		header[i] = (uint32_t)unit_random(&rig->random);
	rig_note(rig, correctable);
	rig_note(rig, status);
	rig_note(rig, with_header);
	device = umd_device_report_error(rig->device, correctable, status,
					 with_header ? header : NULL);
	rig_compare(rig, "reporting an error", (uint64_t)device,
		    (uint64_t)model_report_error(&rig->model, correctable, status,
						 with_header ? header : NULL));
}

/* A driver that wants errors reported, and clears them. */
static void handle_errors(struct rig *rig)
{
	const unsigned int *at = rig->model.shape->at;

	if (rig_chance(rig, 50))
		rig_write_config(rig, at[MODEL_EXPRESS] + PCI_EXP_DEVCTL, 1,
				 (uint32_t)rig_below(rig, 16));
	else
		rig_write_config(rig, at[MODEL_EXPRESS] + PCI_EXP_DEVSTA, 2, 0xf);
	if (!at[MODEL_AER])
		return;
	if (rig_chance(rig, 50))
		rig_write_config(rig, at[MODEL_AER] + PCI_ERR_UNCOR_STATUS, 4,
				 (uint32_t)unit_random(&rig->random));
	else
		rig_write_config(rig, at[MODEL_AER] + (rig_chance(rig, 50) ? 8 : 0x14), 4,
				 rig_chance(rig, 70) ? 0 : (uint32_t)unit_random(&rig->random));
}

/* ---- DMA ----------------------------------------------------------------------------------- */

/* Nothing is mapped, so all that can be seen is whether the device may ask. */
static void ask_for_memory(struct rig *rig)
{
	int expected = model_is_master(&rig->model) ? -EFAULT : -ENODEV;
	uint8_t byte = 0;

	rig_compare(rig, "reading memory", (uint64_t)umd_dma_read(rig->device, 0x1000, &byte, 1),
		    (uint64_t)expected);
	rig_compare(rig, "writing memory", (uint64_t)umd_dma_write(rig->device, 0x1000, &byte, 1),
		    (uint64_t)expected);
}

/* ---- All of them --------------------------------------------------------------------------- */

const struct model_op model_device_ops[] = {
	{"DEVICE_RESET", 2, reset_by_client, MODEL_END},
	{"the device resets itself", 2, reset_itself, MODEL_END},
	{"the client leaves", 1, disconnect, MODEL_END},
	{"low power entry", 8, enter_low, MODEL_END},
	{"low power entry with wake-up", 8, enter_low_with_wakeup, MODEL_END},
	{"low power exit", 10, exit_low, MODEL_END},
	{"the device wakes up", 10, wake, MODEL_END},
	{"the device sets a status", 25, set_status, MODEL_END},
	{"the device sets what is no field", 3, set_no_field, MODEL_END},
	{"the device reports an error", 50, report_error, MODEL_END},
	{"the driver handles errors", 40, handle_errors, MODEL_EXPRESS},
	{"the device reads and writes memory", 20, ask_for_memory, MODEL_END},
};

const unsigned int model_device_op_count = UNIT_COUNT(model_device_ops);
