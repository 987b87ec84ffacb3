/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550A's registers and interrupts. LSR and IIR are computed when they are read; the state
 * kept is what reading them changes: latched errors, modem deltas, the THRE acknowledgement and
 * the character time-out.
 */
#include "uart.h"

#include <string.h>

#define NS_PER_SECOND 1000000000ull

static const uint8_t triggers[] = {1, 4, 8, 14}; /* by FCR bits 7:6, section 8.5 */

/* ---- FIFOs --------------------------------------------------------------------------------- */

static void fifo_clear(struct uart_fifo *fifo)
{
	memset(fifo, 0, sizeof(*fifo));
}

static void fifo_push(struct uart_fifo *fifo, uint8_t byte, uint8_t errors)
{
	unsigned int at = (fifo->head + fifo->count++) % UART_FIFO_SIZE;

	fifo->bytes[at] = byte;
	fifo->errors[at] = errors;
}

static uint8_t fifo_pop(struct uart_fifo *fifo)
{
	uint8_t byte = fifo->bytes[fifo->head];

	fifo->errors[fifo->head] = 0;
	fifo->head = (fifo->head + 1) % UART_FIFO_SIZE;
	fifo->count--;
	return byte;
}

static bool fifo_has_errors(const struct uart_fifo *fifo)
{
	for (unsigned int i = 0; i < UART_FIFO_SIZE; i++)
		if (fifo->errors[i])
			return true;
	return false;
}

static bool fifos_on(const struct uart *uart)
{
	return uart->fcr & UART_FCR_ENABLE;
}

/* With the FIFOs off the chip is a 16450: one byte in each direction. */
static unsigned int depth(const struct uart *uart)
{
	return fifos_on(uart) ? UART_FIFO_SIZE : 1;
}

static unsigned int trigger(const struct uart *uart)
{
	return fifos_on(uart) ? triggers[uart->fcr >> 6] : 1;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* The line carries as many bits of a byte as the word length says (section 8.1). */
static uint8_t word_mask(const struct uart *uart)
{
	return 0xff >> (3 - (uart->lcr & UART_LCR_WORD));
}

/* A byte's errors are revealed when it reaches the top of the FIFO, and latched (section 8.4). */
static void reveal_errors(struct uart *uart)
{
	if (uart->rx.count) {
		uart->errors |= uart->rx.errors[uart->rx.head];
		uart->rx.errors[uart->rx.head] = 0;
	}
}

/*
 * A full FIFO keeps what it has and loses the newcomer; the 16450's single buffer is overwritten
 * (section 8.4, bit 1).
 */
static void receive(struct uart *uart, uint8_t byte, uint8_t errors, uint64_t now)
{
	uart->touched = now;
	if (uart->rx.count == depth(uart)) {
		uart->errors |= UART_LSR_OE;
		uart->overruns++;
		if (fifos_on(uart))
			return;
		fifo_pop(&uart->rx);
	}

	fifo_push(&uart->rx, byte & word_mask(uart), errors);
	if (uart->rx.count == 1)
		reveal_errors(uart);
}

void uart_receive(struct uart *uart, const uint8_t *bytes, unsigned int count, uint64_t now)
{
	for (unsigned int i = 0; i < count; i++)
		receive(uart, bytes[i], 0, now);
}

/* One zero byte, however long the break; it has no stop bit either (section 8.4, bits 3, 4). */
void uart_receive_break(struct uart *uart, uint64_t now)
{
	receive(uart, 0, UART_LSR_BI | UART_LSR_FE, now);
}

unsigned int uart_room(const struct uart *uart)
{
	if (!(uart->mcr & UART_MCR_RTS) || (uart->mcr & UART_MCR_LOOP) || uart->serving)
		return 0;
	return depth(uart) - uart->rx.count;
}

static uint8_t read_rbr(struct uart *uart, uint64_t now)
{
	uint8_t byte;

	if (!uart->rx.count)
		return 0;

	byte = fifo_pop(&uart->rx);
	reveal_errors(uart);
	uart->timeout = false;
	uart->touched = now;
	return byte;
}

static void clear_rx(struct uart *uart)
{
	fifo_clear(&uart->rx);
	uart->timeout = false;
	uart->serving = false;
}

/* ---- Transmitting -------------------------------------------------------------------------- */

unsigned int uart_transmit(struct uart *uart, uint8_t *to, unsigned int max)
{
	unsigned int count = 0;

	while (count < max && uart->tx.count)
		to[count++] = fifo_pop(&uart->tx) & word_mask(uart);
	if (count && !uart->tx.count)
		uart->thre_pending = true;
	return count;
}

bool uart_transmitting(const struct uart *uart)
{
	return uart->tx.count;
}

bool uart_transmitter_full(const struct uart *uart)
{
	return uart->tx.count == depth(uart);
}

/* In loopback the transmitter's output is the receiver's input (section 8.8, bit 4). */
static void loop_back(struct uart *uart, uint64_t now)
{
	uint8_t bytes[UART_FIFO_SIZE] = {0};
	uint32_t count;

	if (!(uart->mcr & UART_MCR_LOOP))
		return;
	count = uart_transmit(uart, bytes, sizeof(bytes));
	uart_receive(uart, bytes, count, now);
}

/* A driver that writes without looking at THRE loses bytes, as on the chip. */
static void write_thr(struct uart *uart, uint8_t byte, uint64_t now)
{
	uart->thre_pending = false;
	if (uart_transmitter_full(uart)) {
		uart->tx_lost++;
		if (fifos_on(uart))
			return;
		fifo_pop(&uart->tx);
	}

	fifo_push(&uart->tx, byte, 0);
	loop_back(uart, now);
}

static void clear_tx(struct uart *uart)
{
	if (uart->tx.count)
		uart->thre_pending = true;
	fifo_clear(&uart->tx);
}

bool uart_sends_break(const struct uart *uart)
{
	return (uart->lcr & UART_LCR_BREAK) && !(uart->mcr & UART_MCR_LOOP);
}

/* ---- Modem lines --------------------------------------------------------------------------- */

/* In loopback the four outputs stand in for the four inputs (section 8.8, bit 4). */
static uint8_t looped_inputs(uint8_t mcr)
{
	return (mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) | (mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
	       (mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) | (mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
}

/* A delta for every change, but for RI only the trailing edge (section 8.9). */
static void update_msr(struct uart *uart)
{
	bool loop = uart->mcr & UART_MCR_LOOP;
	uint8_t inputs = loop ? looped_inputs(uart->mcr) : uart->inputs;
	uint8_t changed = (uart->msr ^ inputs) & UART_MSR_INPUTS;
	uint8_t deltas = changed >> 4;

	if (inputs & UART_MSR_RI)
		deltas &= ~UART_MSR_TERI;
	uart->msr = inputs | (uart->msr & UART_MSR_DELTAS) | deltas;
}

void uart_set_inputs(struct uart *uart, uint8_t inputs)
{
	uart->inputs = inputs & UART_MSR_INPUTS;
	update_msr(uart);
}

static uint8_t read_msr(struct uart *uart)
{
	uint8_t value = uart->msr;

	uart->msr &= ~UART_MSR_DELTAS;
	return value;
}

static void write_mcr(struct uart *uart, uint8_t value, uint64_t now)
{
	uart->mcr = value & UART_MCR_MASK;
	update_msr(uart);
	loop_back(uart, now);
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

/* What IIR names: the first of table IV's sources that is enabled and pending. */
static uint8_t source(const struct uart *uart)
{
	if ((uart->ier & UART_IER_LINE) && uart->errors)
		return UART_IIR_LINE;
	if ((uart->ier & UART_IER_RX) && uart->timeout)
		return UART_IIR_TIMEOUT;
	if ((uart->ier & UART_IER_RX) && uart->rx.count >= trigger(uart))
		return UART_IIR_RX;
	if ((uart->ier & UART_IER_THRE) && uart->thre_pending)
		return UART_IIR_THRE;
	if ((uart->ier & UART_IER_MODEM) && (uart->msr & UART_MSR_DELTAS))
		return UART_IIR_MODEM;
	return UART_IIR_NONE;
}

bool uart_interrupt(const struct uart *uart)
{
	return source(uart) != UART_IIR_NONE;
}

/* Reading IIR acknowledges THRE, and only where it is THRE that IIR names (table IV). */
static uint8_t read_iir(struct uart *uart, uint64_t now)
{
	uint8_t value = source(uart);

	if (value == UART_IIR_THRE)
		uart->thre_pending = false;
	if (value == UART_IIR_RX || value == UART_IIR_TIMEOUT) {
		uart->serving = true;
		uart->touched = now;
	}
	if (value == UART_IIR_NONE)
		uart->serving = false;
	return value | (fifos_on(uart) ? UART_IIR_FIFO : 0);
}

/*
 * Enabling the THRE interrupt while the transmitter is empty raises it. Drivers count on it to
 * start sending; Linux tests for it, and falls back to polling where it is missing.
 */
static void write_ier(struct uart *uart, uint8_t value)
{
	uint8_t enabled = value & ~uart->ier;

	uart->ier = value & UART_IER_MASK;
	if ((enabled & UART_IER_THRE) && !uart->tx.count)
		uart->thre_pending = true;
}

static uint8_t read_lsr(struct uart *uart)
{
	uint8_t value = uart->errors;

	if (uart->rx.count)
		value |= UART_LSR_DR;
	if (!uart->tx.count)
		value |= UART_LSR_THRE | UART_LSR_TEMT;
	if (fifos_on(uart) &&
	    ((value & UART_LSR_ERRORS & ~UART_LSR_OE) || fifo_has_errors(&uart->rx)))
		value |= UART_LSR_FIFO;

	uart->errors = 0;
	return value;
}

/*
 * Turning the FIFOs on or off clears them. The other bits count only in a write that has the
 * enable bit, and the clear bits clear themselves (section 8.5). DMA mode has no pins here.
 */
static void write_fcr(struct uart *uart, uint8_t value)
{
	bool toggled = (value ^ uart->fcr) & UART_FCR_ENABLE;
	bool on = value & UART_FCR_ENABLE;

	if (toggled || (on && (value & UART_FCR_CLEAR_RX)))
		clear_rx(uart);
	if (toggled || (on && (value & UART_FCR_CLEAR_TX)))
		clear_tx(uart);
	uart->fcr = on ? value & (UART_FCR_ENABLE | UART_FCR_TRIGGER) : 0;
}

/* ---- Character time-out -------------------------------------------------------------------- */

/* Half bits of a frame: five data bits take one and a half stop bits where others take two. */
static unsigned int frame_half_bits(uint8_t lcr)
{
	unsigned int data = 5 + (lcr & UART_LCR_WORD);
	unsigned int stop = !(lcr & UART_LCR_STOP) ? 2 : data == 5 ? 3 : 4;

	return 2 + 2 * data + (lcr & UART_LCR_PARITY ? 2 : 0) + stop;
}

/* Four character times at the programmed rate (section 8.11); a divisor of zero means none. */
static uint64_t timeout_ns(const struct uart *uart)
{
	uint64_t half_bits = 4ull * frame_half_bits(uart->lcr);
	uint64_t ns = half_bits * uart->divisor * 8 * NS_PER_SECOND / UART_CLOCK_HZ;

	return ns && ns < UART_TIMEOUT_MAX_NS ? ns : UART_TIMEOUT_MAX_NS;
}

static bool awaits_timeout(const struct uart *uart)
{
	return fifos_on(uart) && (uart->ier & UART_IER_RX) && !uart->timeout && uart->rx.count &&
	       uart->rx.count < trigger(uart);
}

uint64_t uart_deadline(const struct uart *uart)
{
	if (!uart->serving && !awaits_timeout(uart))
		return 0;
	return uart->touched + timeout_ns(uart);
}

void uart_tick(struct uart *uart, uint64_t now)
{
	uint64_t deadline = uart_deadline(uart);

	if (!deadline || now < deadline)
		return;
	if (awaits_timeout(uart))
		uart->timeout = true;
	uart->serving = false;
}

/* ---- Registers ----------------------------------------------------------------------------- */

static uint8_t read_divisor(const struct uart *uart, unsigned int reg)
{
	return reg == UART_DLL ? uart->divisor & 0xff : uart->divisor >> 8;
}

static void write_divisor(struct uart *uart, unsigned int reg, uint8_t value)
{
	if (reg == UART_DLL)
		uart->divisor = (uart->divisor & 0xff00) | value;
	else
		uart->divisor = (uart->divisor & 0x00ff) | value << 8;
}

static bool selects_divisor(const struct uart *uart, unsigned int reg)
{
	return (uart->lcr & UART_LCR_DLAB) && (reg == UART_DLL || reg == UART_DLM);
}

uint8_t uart_read(struct uart *uart, unsigned int reg, uint64_t now)
{
	if (selects_divisor(uart, reg))
		return read_divisor(uart, reg);

	switch (reg) {
	case UART_RBR:
		return read_rbr(uart, now);
	case UART_IER:
		return uart->ier;
	case UART_IIR:
		return read_iir(uart, now);
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return read_lsr(uart);
	case UART_MSR:
		return read_msr(uart);
	case UART_SCR:
		return uart->scr;
	default:
		return 0;
	}
}

/* LSR is for factory tests and MSR is read only (sections 8.4, 8.9): writes to them are dropped. */
void uart_write(struct uart *uart, unsigned int reg, uint8_t value, uint64_t now)
{
	if (selects_divisor(uart, reg)) {
		write_divisor(uart, reg, value);
		return;
	}

	switch (reg) {
	case UART_THR:
		write_thr(uart, value, now);
		break;
	case UART_IER:
		write_ier(uart, value);
		break;
	case UART_FCR:
		write_fcr(uart, value);
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		write_mcr(uart, value, now);
		break;
	case UART_SCR:
		uart->scr = value;
		break;
	default:
		break;
	}
}

/*
 * The chip leaves the divisor and the scratch register as they were (table I); here they are
 * initialised too, since the next driver may belong to somebody else.
 */
void uart_reset(struct uart *uart)
{
	*uart = (struct uart){
		.divisor = 12, /* 9600 baud, what firmware sets */
		.inputs = uart->inputs,
		.msr = uart->inputs,
		.overruns = uart->overruns,
		.tx_lost = uart->tx_lost,
	};
}
