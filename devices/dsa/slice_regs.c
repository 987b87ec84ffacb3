/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a slice's registers do. Reading gives what they hold; the few that can be written are
 * written in whole dwords, an access of eight bytes being two of them, and the rest of the
 * configuration cannot be changed: neither the tables nor GENCFG, whose fields are all of what is
 * not there (limits of read buffers, the event log, interrupts by PASID).
 */
#include "slice_state.h"

uint64_t slice_regs_read(void *data, uint64_t offset, unsigned int size)
{
	const struct slice *slice = data;

	return slice_image_get(&slice->image, offset, size);
}

static void clear(struct slice *slice, uint64_t offset, uint32_t bits)
{
	slice_image_put(&slice->image, offset, 4,
			slice_image_get(&slice->image, offset, 4) & ~(uint64_t)bits);
}

static void write_dword(struct slice *slice, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case DSA_GENCTRL:
		slice_image_put(&slice->image, offset, 4,
				value & (DSA_GENCTRL_SWERR | DSA_GENCTRL_HALT));
		break;
	case DSA_INTCAUSE:
		clear(slice, offset, value);
		break;
	case DSA_CMD:
		slice_command_begin(slice, value);
		break;
	case DSA_SWERR:
		clear(slice, offset, value & (DSA_SWERR_VALID | DSA_SWERR_OVERFLOW));
		break;
	}
}

void slice_regs_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i + 4 <= size; i += 4)
		write_dword(data, offset + i, (uint32_t)(value >> 8 * i));
}
