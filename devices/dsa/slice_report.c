/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a slice tells its driver unasked: causes of interrupts, SWERR, and that it has halted. SWERR
 * keeps the first error until the driver has cleared it; of later ones it says that there were.
 */
#include <string.h>

#include "engine.h"
#include "slice_state.h"

enum dsa_state slice_state(const struct slice *slice)
{
	return (enum dsa_state)DSA_GET(slice_image_get(&slice->image, DSA_GENSTS, 4),
				       DSA_GENSTS_STATE);
}

static void set_status(struct slice *slice, enum dsa_state state, enum dsa_reset_type reset)
{
	slice_image_put(&slice->image, DSA_GENSTS, 4,
			DSA_PUT(state, DSA_GENSTS_STATE) | DSA_PUT(reset, DSA_GENSTS_RESET));
}

void slice_set_state(struct slice *slice, enum dsa_state state)
{
	set_status(slice, state, DSA_RESET_SOFTWARE);
}

void slice_interrupt(struct slice *slice, uint32_t causes)
{
	uint64_t before = slice_image_get(&slice->image, DSA_INTCAUSE, 4);

	slice_image_put(&slice->image, DSA_INTCAUSE, 4, before | causes);
	umd_device_trigger(slice->device, UMD_IRQ_MSIX, SLICE_MISC_VECTOR);
}

static bool is_enabled(const struct slice *slice, uint32_t control)
{
	return slice_image_get(&slice->image, DSA_GENCTRL, 4) & control;
}

static void enter(struct slice *slice, const uint64_t words[DSA_SWERR_WORDS])
{
	uint64_t first = slice_image_get(&slice->image, DSA_SWERR, 8);

	if (first & DSA_SWERR_VALID) {
		slice_image_put(&slice->image, DSA_SWERR, 8, first | DSA_SWERR_OVERFLOW);
	} else {
		for (unsigned int i = 0; i < DSA_SWERR_WORDS; i++)
			slice_image_put(&slice->image, DSA_SWERR + 8 * i, 8, words[i]);
	}
	if (is_enabled(slice, DSA_GENCTRL_SWERR))
		slice_interrupt(slice, DSA_INTCAUSE_SWERR);
}

void slice_report(struct slice *slice, enum dsa_software_error error)
{
	const uint64_t words[DSA_SWERR_WORDS] = {DSA_SWERR_VALID | DSA_PUT(error, DSA_SWERR_ERROR)};

	enter(slice, words);
}

void slice_report_lost(struct slice *slice, uint8_t opcode)
{
	const uint64_t words[DSA_SWERR_WORDS] = {
		DSA_SWERR_VALID | DSA_SWERR_DESC | DSA_SWERR_WQ_VALID |
		DSA_PUT(DSA_SWERR_PORTAL, DSA_SWERR_ERROR) | DSA_PUT(opcode, DSA_SWERR_OPCODE)};

	enter(slice, words);
}

void slice_report_note(struct slice *slice, const void *note, size_t size, uint32_t lost)
{
	struct dsa_note told;
	uint64_t words[DSA_SWERR_WORDS] = {DSA_SWERR_VALID | DSA_SWERR_DESC | DSA_SWERR_WQ_VALID};

	if (size != sizeof(told))
		return;

	memcpy(&told, note, sizeof(told));
	words[0] |= (told.in_batch ? DSA_SWERR_BATCH : 0) | (told.write ? DSA_SWERR_WRITE : 0) |
		    (lost ? DSA_SWERR_OVERFLOW : 0) | DSA_PUT(told.status, DSA_SWERR_ERROR) |
		    DSA_PUT(told.opcode, DSA_SWERR_OPCODE) | DSA_PUT(told.pasid, DSA_SWERR_PASID);
	words[1] = DSA_PUT(told.batch_index, DSA_SWERR_BATCH_INDEX) |
		   DSA_PUT(told.invalid_flags, DSA_SWERR_FLAGS);
	words[2] = told.address;
	enter(slice, words);
}

void slice_halt(struct slice *slice)
{
	if (slice_state(slice) == DSA_STATE_HALT)
		return;

	set_status(slice, DSA_STATE_HALT, DSA_RESET_FLR);
	slice_command_fail(slice, DSA_CMD_HARDWARE);
	if (is_enabled(slice, DSA_GENCTRL_HALT))
		slice_interrupt(slice, DSA_INTCAUSE_HALT);
}
