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
 *
 * That is all of the plain shape, which has INTA# and MSI-X besides. The other shapes (shapes.c)
 * have capabilities, the bell, the interrupt store, and the mailbox (mailbox.c): the same command
 * registers, in config space. BAR5 of the express shape is 8 MiB that read as zero. That of the
 * tagged shape, 2 MiB, makes requests with a PASID and page requests: 32-bit registers of its own.
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
	BAR5_SIZE = 0x800000,
	TAG_BAR_SIZE = 0x200000,
	MSIX_PBA = 0x1000,
	MSIX_VECTORS = 64,
	COPY_MAX = 1 << 20,

	/* The log of pieces. An entry is offset u16, size u8, BAR << 1 | write u8, value u32. */
	LOG_COUNT = 0xe00, /* pieces seen, also those beyond LOG_ENTRIES; a write empties the log */
	LOG_FIRST = 0xe08,
	LOG_ENTRIES = 31,

	/* Commands: what a write does. It ends with what the library says. */
	REG_TRIGGER = 0xf00,	    /* triggers that MSI-X vector */
	REG_INTX = 0xf04,	    /* drives INTA#: 0 or 1 */
	REG_COPY_FROM = 0xf08,	    /* IOVA, 64 bits */
	REG_COPY_TO = 0xf10,	    /* IOVA, 64 bits */
	REG_COPY_SIZE = 0xf18,	    /* bytes, 32 bits, at most COPY_MAX */
	REG_COPY_RUN = 0xf20,	    /* 1 copies */
	REG_COPY_RESULT = 0xf24,    /* read: 0 or the errno of the last copy */
	REG_FAIL = 0xf28,	    /* this write completes with that errno */
	REG_DELAY = 0xf2c,	    /* this write completes after that many milliseconds */
	REG_NEVER = 0xf30,	    /* this write never completes */
	REG_SIGNAL = 0xf50,	    /* triggers vector 0 of that interrupt index: 3 ERR, 4 REQ */
	REG_SELF_RESET = 0xf54,	    /* the device resets itself after so many ms */
	REG_MSI = 0xf58,	    /* triggers that MSI vector */
	REG_UNPLUG = 0xf5c,	    /* unplugs the device; the client has so many ms to let go */
	REG_WAKE = 0xf60,	    /* umd_device_wake() */
	REG_BELL_REGISTER = 0xf64,  /* what the bell does: it writes this register */
	REG_BELL_VALUE = 0xf68,	    /* with this value */
	REG_UNCORRECTABLE = 0xf6c,  /* reports that error: PCI_ERR_UNC_... */
	REG_CORRECTABLE = 0xf70,    /* reports that error: PCI_ERR_COR_... */
	REG_STORE_BACK = 0xf74,	    /* entry << 16 | MSI-X vector: the entry stands behind it */
	REG_STORE_TRIGGER = 0xf78,  /* triggers that entry for its owner */
	REG_STORE_STRANGER = 0xf7c, /* triggers that entry for somebody else */
	REG_STORE_REVOKE = 0xf80,   /* takes that entry away */
	REG_RESET_NOW = 0xfb0,	    /* the device resets itself within the write */
	REG_REMOTE_RUN = 0xfb4,	    /* starts copy n < REMOTE_COPIES as it is described now */
	REG_REMOTE_CANCEL = 0xfb8,  /* takes copy n back: its result is ECANCELED */
	REG_REMOTE_RESULT = 0xfc0,  /* read, 4 of them: 0, or an errno; EINPROGRESS meanwhile */
	REMOTE_COPIES = 4,

	/* Counters, 32 bits, read-only, which a reset leaves alone. */
	REG_CANCELS = 0xf34,	 /* requests of which the device was told that they are cancelled */
	REG_RESETS = 0xf38,	 /* resets of any kind */
	REG_COMPLETED = 0xf3c,	 /* accesses of BAR0 completed */
	REG_DOORBELLS = 0xf40,	 /* signals and writes of REG_DOORBELL */
	REG_MATCHES = 0xf44,	 /* the same of REG_MATCHED_DOORBELL with DOORBELL_VALUE */
	REG_DISCONNECTS = 0xf48, /* resets because the client is gone */
	REG_EVENT_COUNT = 0xf84, /* events, see below */
	REG_EVENTS = 0xf88,	 /* event n is the byte n % EVENTS from here */
	EVENTS = 32,
	REG_MSI_ENABLED = 0xfa8,  /* umd_device_enabled_vectors() of MSI */
	REG_MSIX_ENABLED = 0xfac, /* and of MSI-X */

	/* An event is one of these and what the device was told. */
	EVENT_RESET = 0x10, /* enum umd_reset */
	EVENT_POWER = 0x20, /* enum umd_power */

	/* Doorbells, each with an ioeventfd of 4 bytes. The first triggers ANSWER_VECTOR. */
	REG_DOORBELL = 0xff0,
	REG_MATCHED_DOORBELL = 0xff4,
	REG_BELL = 0xff8, /* acts without any access of the client's; not of the plain shape */
	DOORBELL_VALUE = 0x1234,
	ANSWER_VECTOR = 63,

	/* BAR5 of the tagged shape: what to do, doing it, and how it went: 0, or an errno;
	   EINPROGRESS meanwhile. */
	TAG_PASID = 0x00, /* TAG_NO_PASID: a request without prefix */
	TAG_FLAGS = 0x04,
	TAG_EXECUTE = 1, /* flags */
	TAG_PRIVILEGED = 2,
	TAG_WRITE = 4,
	TAG_READ = 8,	   /* of page requests */
	TAG_MAY_WAIT = 16, /* for pages */
	TAG_IOVA = 0x08,   /* 64 bits, in two registers */
	TAG_SIZE = 0x10,   /* bytes, at most TAG_BUFFER; or pages */
	TAG_COPY = 0x14,   /* starts transfer n < TAG_COPIES */
	TAG_COPY_CANCEL = 0x18,
	TAG_ASK = 0x1c, /* starts page request n < TAG_ASKS */
	TAG_ASK_CANCEL = 0x20,
	TAG_STOP = 0x24,	/* ceases to use that PASID */
	TAG_STOP_RESULT = 0x28, /* read */
	TAG_ATTACHED = 0x2c,	/* read: spaces that the device has been told of */
	TAG_DETACHED = 0x30,	/* read: and that they are gone */
	TAG_COPY_RESULTS = 0x100,
	TAG_COPIES = 8,
	TAG_ASK_RESULTS = 0x1000,
	TAG_ASKS = 512,
	TAG_BUFFERS = 0x100000, /* of transfer n at n * TAG_BUFFER from here */
	TAG_BUFFER = 0x10000,
	TAG_NO_PASID = -1,

	STORE_ENTRIES = 4,
	STORE_OWNER = 7,
	STORE_NOTHING =
		0xffff, /* in place of an entry: nothing stands behind the vector any more */
};

/* What the device is, besides its BARs: shapes.c. */
enum wire_shape {
	WIRE_PLAIN,
	WIRE_EXPRESS,	   /* PCI Express with all the capabilities that there are */
	WIRE_CONVENTIONAL, /* 256 bytes of config space, capabilities at places of their own */
	WIRE_TAGGED,	   /* PASIDs, which its clients must understand, and page requests */
	WIRE_SHAPES,
};

struct wire_options {
	enum wire_shape shape;
	bool deferring; /* completes accesses of BAR0 now, later in the handler, or within 3 ms */
	uint64_t seed;	/* of the choice between them; not 0 */
};

struct wire_device;

/**
 * Makes and realises the device. When it is unplugged, it prints "unplugged", or where its client
 * did not let go in time, "unplugged by surprise".
 */
int wire_device_create(const struct wire_options *options, struct wire_device **ret,
		       struct umd_error *error);

/** The library's handle. wire_device_destroy() ends both. */
struct umd_device *wire_device_handle(struct wire_device *wire);

void wire_device_destroy(struct wire_device *wire);

#endif
