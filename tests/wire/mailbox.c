/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox: a vendor-specific capability by which BAR0's registers are reached where BAR0 is
 * not. The client writes a value and then a register's offset, which acts as the write of that
 * register; what it reads are the errno of that and what the register reads as.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include <umdev/caps.h>

#include "internal.h"

/* From the capability's beginning; its body begins behind id, next and length. */
#define BODY	 3u
#define VALUE	 4u  /* u32, read-write */
#define REGISTER 8u  /* u16, read-write: its upper byte acts */
#define RESULT	 10u /* u16, read-only */
#define CONTENTS 12u /* u32, read-only */
#define END	 16u

static unsigned int place_of(struct wire_device *wire)
{
	return (unsigned int)umd_device_find_cap(wire->device, PCI_CAP_ID_VNDR);
}

static void written(void *data, size_t offset, size_t size)
{
	struct wire_device *wire = data;
	unsigned int at = place_of(wire);
	size_t last = BODY + offset + size - 1;
	uint32_t value = umd_device_config_read(wire->device, at + VALUE, 4);
	uint32_t target = umd_device_config_read(wire->device, at + REGISTER, 2);
	int error;

	if (BODY + offset > REGISTER + 1 || last < REGISTER + 1)
		return;

	error = wire_command(wire, target, value);
	umd_device_config_write(wire->device, at + RESULT, 2, (uint32_t)-error);
}

static void reading(void *data, size_t offset, size_t size)
{
	struct wire_device *wire = data;
	unsigned int at = place_of(wire);
	uint32_t target = umd_device_config_read(wire->device, at + REGISTER, 2);

	wire_refresh(wire);
	if (target <= BAR0_SIZE - 4)
		umd_device_config_write(wire->device, at + CONTENTS, 4,
					(uint32_t)get_le(wire->bar0 + target, 4));
}

int wire_add_mailbox(struct wire_device *wire, unsigned int at)
{
	uint8_t writable[END - BODY] = {0};
	const struct umd_vendor_cap cap = {
		.at = at,
		.body = {.size = sizeof(writable),
			 .writable = writable,
			 .written = written,
			 .reading = reading},
	};

	memset(writable + VALUE - BODY, 0xff, RESULT - VALUE);
	return umd_device_add_vendor_cap(wire->device, &cap);
}
