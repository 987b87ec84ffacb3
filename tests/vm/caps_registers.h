/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of the device that caps_device.c serves and guest_vfio.c drives: the first page of
 * BAR0, 32 bits each, little-endian.
 */
#ifndef UMD_CAPS_REGISTERS_H
#define UMD_CAPS_REGISTERS_H

#define CAPS_VENDOR		 0x1b36
#define CAPS_DEVICE_EXPRESS	 0xffe1
#define CAPS_DEVICE_CONVENTIONAL 0xffe2

enum caps_register {
	CAPS_IDENT = 0x00,   /* read-only: CAPS_IDENT_VALUE */
	CAPS_SCRATCH = 0x04, /* read-write, 0 after a reset */
	CAPS_TRIGGER = 0x08, /* write vector | index << 16: sends a message, index as in VFIO */
	CAPS_INTX = 0x0c,    /* write n: asserts INTx, n times in all; reads how many are to come */
	CAPS_ACK = 0x10,     /* write: deasserts INTx, and asserts it again if more are to come */
	CAPS_RESET = 0x14,   /* write: the device resets itself */
	CAPS_ERROR = 0x18,   /* write PCI_ERR_UNC_...: the device reports that error */
	CAPS_RESETS = 0x20,  /* read-only counts, one for each kind; no reset clears them */
	CAPS_POWERS = 0x40,  /* read-only counts, one for each power state entered; the same */

	CAPS_MSIX_TABLE = 0x800,
	CAPS_MSIX_PBA = 0xc00,
	CAPS_BAR0_SIZE = 0x1000,

	CAPS_IO_SIZE = 0x40, /* the conventional device's BAR2: the same registers as I/O ports */
};

#define CAPS_IDENT_VALUE 0x73706163u /* "caps" */

#endif
