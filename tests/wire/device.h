/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire suite's device: every kind of region, interrupt and deferral, under the control of
 * command registers in BAR0. This list is the reference for registers.py.
 *
 * BAR0, memory, 4 KiB, one handler for all of it. It is RAM but for the registers below, which
 * act when exactly their four bytes are written; the read-only ones are refreshed on each read.
 * BAR1, I/O, 256 bytes, RAM of 1, 2 and 4-byte registers; each piece is entered in the log.
 * BAR2, 64-bit prefetchable memory, 64 KiB: memory in [0, 0x4000) and [0x8000, 0xc000), else
 * registers: the byte at offset o reads as o ^ o >> 8; each piece is entered in the log.
 * BAR4, memory, 8 KiB: the MSI-X table of 64 vectors, and at 0x1000 the pending bits.
 */
#ifndef WIRE_DEVICE_H
#define WIRE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/device.h>

enum {
	BAR0_SIZE = 0x1000,
	BAR1_SIZE = 0x100,
	BAR2_SIZE = 0x10000,
	BAR4_SIZE = 0x2000,
	MSIX_PBA = 0x1000,
	MSIX_VECTORS = 64,
	COPY_MAX = 1 << 20,

	/* The log of pieces. An entry is offset u16, size u8, BAR << 1 | write u8, value u32. */
	LOG_COUNT = 0xe00, /* pieces seen, also those beyond LOG_ENTRIES; a write empties the log */
	LOG_FIRST = 0xe08,
	LOG_ENTRIES = 31,

	/* Commands: what a write does. */
	REG_TRIGGER = 0xf00,	 /* triggers that MSI-X vector; ends with what the library says */
	REG_INTX = 0xf04,	 /* drives INTA#: 0 or 1 */
	REG_COPY_FROM = 0xf08,	 /* IOVA, 64 bits */
	REG_COPY_TO = 0xf10,	 /* IOVA, 64 bits */
	REG_COPY_SIZE = 0xf18,	 /* bytes, 32 bits, at most COPY_MAX */
	REG_COPY_RUN = 0xf20,	 /* 1 copies */
	REG_COPY_RESULT = 0xf24, /* read: 0 or the errno of the last copy */
	REG_FAIL = 0xf28,	 /* this write completes with that errno */
	REG_DELAY = 0xf2c,	 /* this write completes after that many milliseconds */
	REG_NEVER = 0xf30,	 /* this write never completes */
	REG_SIGNAL = 0xf50,	 /* triggers vector 0 of that interrupt index: 3 ERR, 4 REQ */
	REG_SELF_RESET = 0xf54,	 /* the device resets itself after so many ms */

	/* Counters, 32 bits, read-only, which a reset leaves alone. */
	REG_CANCELS = 0xf34,	 /* requests of which the device was told that they are cancelled */
	REG_RESETS = 0xf38,	 /* resets of any kind */
	REG_COMPLETED = 0xf3c,	 /* accesses of BAR0 completed */
	REG_DOORBELLS = 0xf40,	 /* signals and writes of REG_DOORBELL */
	REG_MATCHES = 0xf44,	 /* the same of REG_MATCHED_DOORBELL with DOORBELL_VALUE */
	REG_DISCONNECTS = 0xf48, /* resets because the client is gone */

	/* Doorbells, each with an ioeventfd of 4 bytes. The first triggers ANSWER_VECTOR. */
	REG_DOORBELL = 0xff0,
	REG_MATCHED_DOORBELL = 0xff4,
	DOORBELL_VALUE = 0x1234,
	ANSWER_VECTOR = 63,
};

struct wire_device;

/**
 * Makes and realises the device.
 *
 * @param deferring completes accesses of BAR0 now, later in the handler, or within 3 ms
 * @param seed      of the choice between them; not 0
 */
int wire_device_create(bool deferring, uint64_t seed, struct wire_device **ret,
		       struct umd_error *error);

/** The library's handle. wire_device_destroy() ends both. */
struct umd_device *wire_device_handle(struct wire_device *wire);

void wire_device_destroy(struct wire_device *wire);

#endif
