/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One 16550A as a state machine: its registers on one side, a line on the other. It does no I/O
 * and has no clock: whoever drives it moves bytes to and from the line, tells the time, and looks
 * at the interrupt output after every call.
 *
 * Section numbers in this room are those of the PC16550D data sheet (TL/C/8652). The line has no
 * speed of its own: a byte takes no time, and the divisor only sets the character time-out.
 */
#ifndef SERIAL_UART_H
#define SERIAL_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_FIFO_SIZE 16
#define UART_CLOCK_HZ  1843200u /* so that divisor 1 is 115200 baud, as in every PC */

/* The longest that the end of a burst waits for the driver's attention, whatever the divisor. */
#define UART_TIMEOUT_MAX_NS 1000000u

/** Registers by offset (section 8.0, table II). The divisor takes 0 and 1 while LCR.DLAB is set. */
enum uart_register {
	UART_RBR, /* read: receiver buffer; write: transmitter holding (THR) */
	UART_IER, /* interrupt enable */
	UART_IIR, /* read: interrupt identification; write: FIFO control (FCR) */
	UART_LCR, /* line control */
	UART_MCR, /* modem control */
	UART_LSR, /* line status */
	UART_MSR, /* modem status */
	UART_SCR, /* scratch */
	UART_REGISTERS,
	UART_THR = UART_RBR,
	UART_FCR = UART_IIR,
	UART_DLL = UART_RBR,
	UART_DLM = UART_IER,
};

/* Interrupt enable (section 8.7). */
#define UART_IER_RX    0x01
#define UART_IER_THRE  0x02
#define UART_IER_LINE  0x04
#define UART_IER_MODEM 0x08
#define UART_IER_MASK  0x0f

/* Interrupt identification (section 8.6, table IV), by priority. */
#define UART_IIR_LINE	 0x06
#define UART_IIR_RX	 0x04
#define UART_IIR_TIMEOUT 0x0c
#define UART_IIR_THRE	 0x02
#define UART_IIR_MODEM	 0x00
#define UART_IIR_NONE	 0x01
#define UART_IIR_FIFO	 0xc0 /* both bits: the FIFOs are on, and work */

/* FIFO control (section 8.5). */
#define UART_FCR_ENABLE	  0x01
#define UART_FCR_CLEAR_RX 0x02
#define UART_FCR_CLEAR_TX 0x04
#define UART_FCR_TRIGGER  0xc0

/* Line control (section 8.1). */
#define UART_LCR_WORD	0x03 /* data bits less five */
#define UART_LCR_STOP	0x04
#define UART_LCR_PARITY 0x08
#define UART_LCR_BREAK	0x40
#define UART_LCR_DLAB	0x80

/* Modem control (section 8.8). */
#define UART_MCR_DTR  0x01
#define UART_MCR_RTS  0x02
#define UART_MCR_OUT1 0x04
#define UART_MCR_OUT2 0x08
#define UART_MCR_LOOP 0x10
#define UART_MCR_MASK 0x1f

/* Line status (section 8.4). */
#define UART_LSR_DR	0x01
#define UART_LSR_OE	0x02
#define UART_LSR_PE	0x04
#define UART_LSR_FE	0x08
#define UART_LSR_BI	0x10
#define UART_LSR_THRE	0x20
#define UART_LSR_TEMT	0x40
#define UART_LSR_FIFO	0x80 /* an error somewhere in the receive FIFO */
#define UART_LSR_ERRORS (UART_LSR_OE | UART_LSR_PE | UART_LSR_FE | UART_LSR_BI)

/* Modem status (section 8.9): the deltas, and the four inputs. */
#define UART_MSR_DCTS	0x01
#define UART_MSR_DDSR	0x02
#define UART_MSR_TERI	0x04
#define UART_MSR_DDCD	0x08
#define UART_MSR_CTS	0x10
#define UART_MSR_DSR	0x20
#define UART_MSR_RI	0x40
#define UART_MSR_DCD	0x80
#define UART_MSR_DELTAS 0x0f
#define UART_MSR_INPUTS 0xf0

/** Bytes in order, each with the error bits (LSR's PE, FE, BI) that came with it. */
struct uart_fifo {
	uint8_t bytes[UART_FIFO_SIZE];
	uint8_t errors[UART_FIFO_SIZE];
	unsigned int head;
	unsigned int count;
};

struct uart {
	struct uart_fifo rx, tx;
	uint8_t ier, fcr, lcr, mcr, msr, scr;
	uint8_t errors; /* LSR's OE, PE, FE, BI: latched until LSR is read */
	uint8_t inputs; /* what the line drives: MSR's CTS, DSR, RI, DCD */
	uint16_t divisor;
	bool thre_pending; /* the THRE interrupt, which reading IIR acknowledges */
	bool timeout;	   /* the character time-out interrupt */
	bool serving;	   /* the driver is fetching bytes: see uart_room() */
	uint64_t touched;  /* ns: when the receive FIFO was last filled or read */
	uint64_t overruns; /* received bytes lost for want of room */
	uint64_t tx_lost;  /* bytes the driver wrote to a full transmitter */
};

/** What a master reset leaves (table I). The line's inputs and the counters stay. */
void uart_reset(struct uart *uart);

/** The driver reads a register. @param now ns, monotonic */
uint8_t uart_read(struct uart *uart, unsigned int reg, uint64_t now);

/** The driver writes a register. @param now ns, monotonic */
void uart_write(struct uart *uart, unsigned int reg, uint8_t value, uint64_t now);

/** The interrupt output. OUT2 does not gate it: that is wiring of the PC's ISA cards. */
bool uart_interrupt(const struct uart *uart);

/**
 * How many bytes the line may deliver now.
 *
 * None while RTS is off (hardware flow control) or in loopback. None either between the driver's
 * finding a receive interrupt in IIR and its finding no interrupt any more: a line that refilled
 * the FIFO as fast as a driver empties it would never let go of the driver's processor, and the
 * buffers behind the driver would overflow. The character time-out ends that pause for a driver
 * that does not look at IIR again.
 */
unsigned int uart_room(const struct uart *uart);

/** Bytes arrive on the line. What exceeds uart_room() overruns as it would on the chip. */
void uart_receive(struct uart *uart, const uint8_t *bytes, unsigned int count, uint64_t now);

/** A break arrives on the line. */
void uart_receive_break(struct uart *uart, uint64_t now);

/** Moves bytes from the transmitter to the line. @return how many */
unsigned int uart_transmit(struct uart *uart, uint8_t *to, unsigned int max);

/** True while the transmitter holds bytes for the line. */
bool uart_transmitting(const struct uart *uart);

/** True while it holds as many as it can. */
bool uart_transmitter_full(const struct uart *uart);

/** True while the driver sends a break. */
bool uart_sends_break(const struct uart *uart);

/** The line drives the modem inputs: UART_MSR_CTS, _DSR, _RI, _DCD. */
void uart_set_inputs(struct uart *uart, uint8_t inputs);

/** When uart_tick() has something to do, in ns; 0 for never. May move later, so ask again. */
uint64_t uart_deadline(const struct uart *uart);

/** Time has passed. Early calls are harmless. */
void uart_tick(struct uart *uart, uint64_t now);

#endif
