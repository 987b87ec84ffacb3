/* SPDX-License-Identifier: BSD-2-Clause */
/* BAR0 of the test device: the registers of caps_registers.h. */
#ifndef UMD_CAPS_BAR_H
#define UMD_CAPS_BAR_H

#include <umdev/device.h>

#define CAPS_KINDS 8u /* at most, of resets and of power states */

struct caps_bar {
	struct umd_device *device;
	uint32_t scratch;
	uint32_t intx_left; /* assertions to come, the present one included */
	uint32_t resets[CAPS_KINDS];
	uint32_t powers[CAPS_KINDS];
};

uint64_t caps_bar_read(void *data, uint64_t offset, unsigned int size);
void caps_bar_write(void *data, uint64_t offset, unsigned int size, uint64_t value);
void caps_bar_reset(void *data, enum umd_reset kind);
void caps_bar_power(void *data, enum umd_power state);

#endif
