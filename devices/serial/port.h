/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One port: a UART, a host end, and a ring for each direction between them.
 *
 *   driver <-> UART <- rx ring <- host end      a full ring is not read into: the host waits
 *                   -> tx ring -> host end      a full ring is not sent into: the driver waits
 *
 * So nothing is lost in either direction while the host end is connected. Towards the driver, the
 * FIFO is filled only as far as it has room, and only with RTS on. Towards the host, CTS falls
 * while the ring still takes what a driver with hardware flow control has under way; a driver that
 * ignores CTS finds, at a full ring, that its transmitter does not become empty.
 *
 * DCD and DSR say whether the host end is connected. While it is not, CTS is off as on a loose
 * cable, and what is sent all the same is lost, so that a console that nobody listens to does not
 * stop its guest.
 */
#ifndef SERIAL_PORT_H
#define SERIAL_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <umdev/device.h>

#include "end.h"
#include "ring.h"
#include "uart.h"

struct serial_port {
	struct uart uart;
	struct serial_ring rx, tx;
	struct serial_end *end;
	struct umd_watch *timer;
	uint64_t timer_at; /* ns: when the timer fires; 0: it is not running */
	uint64_t flush_at; /* ns: when the tx ring is written at the latest; 0: nothing to write */
	bool cts;	   /* the tx ring takes more */
	bool sends_break;  /* as the host end knows it */
	void (*changed)(void *data); /* serial_port_interrupt() may have changed */
	void *data;
};

/** What a port is made from. */
struct serial_port_config {
	struct umd_device *device;
	unsigned int index;  /* for messages */
	const char *backend; /* NAME or NAME:ARGUMENT */
	void (*changed)(void *data);
	void *data;
};

/** @return 0 or a negative errno; on error there is nothing to finish */
int serial_port_init(struct serial_port *port, const struct serial_port_config *config,
		     struct umd_error *error);

/** Ends a port. One that was zeroed and not initialised is allowed. */
void serial_port_finish(struct serial_port *port);

/** The driver reads one of the eight registers. */
uint8_t serial_port_read(struct serial_port *port, unsigned int reg);

/** The driver writes one of the eight registers. */
void serial_port_write(struct serial_port *port, unsigned int reg, uint8_t value);

/**
 * Whether the driver is to be called: the UART's interrupt output, but not while the driver is
 * fetching bytes (struct uart, `serving`). It looks at IIR again before it leaves, or is called
 * after the character time-out; a level that stayed up meanwhile would have a VMM signal, mask and
 * unmask it with every access.
 */
bool serial_port_interrupt(const struct serial_port *port);

/**
 * Resets the UART, whose interrupt output is then low; changed() is not called. The host end stays
 * connected, and still gets what was sent to it.
 *
 * @param new_driver the next driver is somebody else: what the host sent to this one is scrubbed
 */
void serial_port_reset(struct serial_port *port, bool new_driver);

#endif
