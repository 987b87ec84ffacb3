/* SPDX-License-Identifier: BSD-2-Clause */
/* BAR0 of the test device: sends what interrupts it is told to, counts what befalls it. */
#include "caps_bar.h"

#include <umdev/caps.h>

#include "caps_registers.h"

static uint32_t count_of(const uint32_t *counts, uint64_t offset)
{
	return offset / 4 < CAPS_KINDS ? counts[offset / 4] : 0;
}

uint64_t caps_bar_read(void *data, uint64_t offset, unsigned int size)
{
	const struct caps_bar *bar = data;

	switch (offset) {
	case CAPS_IDENT:
		return CAPS_IDENT_VALUE;
	case CAPS_SCRATCH:
		return bar->scratch;
	case CAPS_INTX:
		return bar->intx_left;
	default:
		if (offset >= CAPS_POWERS)
			return count_of(bar->powers, offset - CAPS_POWERS);
		if (offset >= CAPS_RESETS)
			return count_of(bar->resets, offset - CAPS_RESETS);
		return 0;
	}
}

/* The line falls between two interrupts, so that each is an edge for whoever looks at edges. */
static void acknowledge(struct caps_bar *bar)
{
	umd_device_set_intx(bar->device, false);
	if (bar->intx_left && --bar->intx_left)
		umd_device_set_intx(bar->device, true);
}

void caps_bar_write(void *data, uint64_t offset, unsigned int size, uint64_t value)
{
	struct caps_bar *bar = data;

	switch (offset) {
	case CAPS_SCRATCH:
		bar->scratch = (uint32_t)value;
		break;
	case CAPS_TRIGGER:
		umd_device_trigger(bar->device, (enum umd_irq)(value >> 16 & 0xffff),
				   value & 0xffff);
		break;
	case CAPS_INTX:
		bar->intx_left = (uint32_t)value;
		umd_device_set_intx(bar->device, value != 0);
		break;
	case CAPS_ACK:
		acknowledge(bar);
		break;
	case CAPS_RESET:
		umd_device_reset(bar->device);
		break;
	case CAPS_ERROR:
		umd_device_report_error(bar->device, false, (uint32_t)value, NULL);
		break;
	default:
		break;
	}
}

void caps_bar_reset(void *data, enum umd_reset kind)
{
	struct caps_bar *bar = data;

	bar->scratch = 0;
	bar->intx_left = 0;
	if (kind < CAPS_KINDS)
		bar->resets[kind]++;
}

void caps_bar_power(void *data, enum umd_power state)
{
	struct caps_bar *bar = data;

	if (state < CAPS_KINDS)
		bar->powers[state]++;
}
