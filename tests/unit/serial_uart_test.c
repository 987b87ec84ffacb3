/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UART core against the 16550D data sheet: registers, each interrupt's raising, clearing and
 * priority, FIFOs, time-outs, loopback, and what Linux's 8250 driver asks of it when it probes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "serial/uart.h"

#define NOW 1000000000ull

static struct uart uart;
static uint64_t now;

static uint8_t rd(unsigned int reg)
{
	return uart_read(&uart, reg, now);
}

static void wr(unsigned int reg, uint8_t value)
{
	uart_write(&uart, reg, value, now);
}

static void arrive(const char *bytes)
{
	uart_receive(&uart, (const uint8_t *)bytes, (unsigned int)strlen(bytes), now);
}

/* What the transmitter has for the line, as a string. */
static const char *sent(void)
{
	static char bytes[UART_FIFO_SIZE + 1];

	bytes[uart_transmit(&uart, (uint8_t *)bytes, UART_FIFO_SIZE)] = 0;
	return bytes;
}

/* The interrupt that IIR names, without the FIFO bits; the output pin must agree beforehand. */
static uint8_t interrupt(void)
{
	bool pin = uart_interrupt(&uart);
	uint8_t iir = rd(UART_IIR);

	assert_int_equal(pin, !(iir & UART_IIR_NONE));
	return iir & 0x0f;
}

/* A fresh UART with 8 data bits and RTS on. */
static int setup(void **state)
{
	memset(&uart, 0, sizeof(uart));
	now = NOW;
	uart_reset(&uart);
	wr(UART_LCR, 0x03);
	wr(UART_MCR, UART_MCR_RTS);
	return 0;
}

/* ---- Registers ----------------------------------------------------------------------------- */

/* Table I: what a master reset leaves. */
static void test_reset(void **state)
{
	static const uint8_t values[UART_REGISTERS] = {
		[UART_IIR] = UART_IIR_NONE, [UART_LSR] = UART_LSR_THRE | UART_LSR_TEMT};

	uart_set_inputs(&uart, UART_MSR_DCD | UART_MSR_CTS);
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_IER, 0x0f);
	arrive("left over");
	wr(UART_SCR, 0x55);
	uart_reset(&uart);

	for (unsigned int reg = 0; reg < UART_REGISTERS; reg++) {
		uint8_t inputs = reg == UART_MSR ? UART_MSR_DCD | UART_MSR_CTS : 0;

		assert_int_equal(rd(reg), values[reg] | inputs);
	}
	assert_int_equal(uart.divisor, 12);
	assert_false(uart_interrupt(&uart));
	assert_int_equal(uart_deadline(&uart), 0);
	for (unsigned int i = 0; i < UART_FIFO_SIZE; i++)
		assert_int_equal(uart.rx.bytes[i], 0);
}

/* Which bits of each register a driver can set (table II). */
static void test_writable_bits(void **state)
{
	static const struct {
		unsigned int reg;
		uint8_t mask;
	} rows[] = {
		{UART_IER, 0x0f},
		{UART_LCR, 0xff},
		{UART_MCR, 0x1f},
		{UART_SCR, 0xff},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int value = 0; value < 256; value++) {
			setup(NULL);
			wr(rows[i].reg, (uint8_t)value);
			assert_int_equal(rd(rows[i].reg), value & rows[i].mask);
		}
}

static void test_read_only_registers(void **state)
{
	wr(UART_LSR, 0xff);
	assert_int_equal(rd(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	wr(UART_MSR, 0xff);
	assert_int_equal(rd(UART_MSR), 0);
}

/* DLAB swaps registers 0 and 1, and no others. */
static void test_divisor_latch(void **state)
{
	wr(UART_SCR, 0x77);
	wr(UART_IER, 0x05);
	wr(UART_LCR, 0x83);
	wr(UART_DLL, 0x34);
	wr(UART_DLM, 0x12);
	assert_int_equal(rd(UART_DLL), 0x34);
	assert_int_equal(rd(UART_DLM), 0x12);
	assert_int_equal(uart.divisor, 0x1234);
	assert_int_equal(rd(UART_SCR), 0x77);
	assert_int_equal(rd(UART_IIR), UART_IIR_NONE);

	wr(UART_LCR, 0x03);
	assert_int_equal(rd(UART_IER), 0x05);
	assert_int_equal(rd(UART_RBR), 0);
	assert_string_equal(sent(), "");
}

static void test_register_beyond(void **state)
{
	wr(UART_REGISTERS, 0xff);
	assert_int_equal(rd(UART_REGISTERS), 0);
}

/* LCR 1:0 is how many bits of a byte are carried, both ways. */
static void test_word_length(void **state)
{
	static const uint8_t masks[] = {0x1f, 0x3f, 0x7f, 0xff};
	uint8_t byte = 0xff;

	for (uint8_t lcr = 0; lcr < 4; lcr++) {
		wr(UART_LCR, lcr);
		uart_receive(&uart, &byte, 1, now);
		assert_int_equal(rd(UART_RBR), masks[lcr]);
		wr(UART_THR, 0xff);
		assert_int_equal((uint8_t)sent()[0], masks[lcr]);
	}
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static void test_receive_without_fifo(void **state)
{
	wr(UART_IER, UART_IER_RX);
	assert_int_equal(uart_room(&uart), 1);
	arrive("a");
	assert_int_equal(uart_room(&uart), 0);
	assert_int_equal(rd(UART_LSR) & UART_LSR_DR, UART_LSR_DR);
	assert_int_equal(interrupt(), UART_IIR_RX);
	assert_int_equal(rd(UART_RBR), 'a');
	assert_int_equal(rd(UART_LSR) & UART_LSR_DR, 0);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

/* Section 8.4: the single buffer is overwritten, and OE says so. */
static void test_overrun_without_fifo(void **state)
{
	wr(UART_IER, UART_IER_LINE);
	arrive("ab");
	assert_int_equal(uart.overruns, 1);
	assert_int_equal(interrupt(), UART_IIR_LINE);
	assert_int_equal(rd(UART_LSR) & UART_LSR_OE, UART_LSR_OE);
	assert_int_equal(rd(UART_LSR) & UART_LSR_OE, 0);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_int_equal(rd(UART_RBR), 'b');
}

/* Section 8.4: a full FIFO keeps what it has. */
static void test_overrun_with_fifo(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	arrive("0123456789abcdefXY");
	assert_int_equal(uart.overruns, 2);
	assert_int_equal(rd(UART_LSR) & UART_LSR_OE, UART_LSR_OE);
	for (const char *p = "0123456789abcdef"; *p; p++)
		assert_int_equal(rd(UART_RBR), *p);
	assert_int_equal(rd(UART_LSR) & (UART_LSR_DR | UART_LSR_OE), 0);
}

/* Section 8.5: the interrupt is raised at the trigger level, and falls below it. */
static void test_triggers(void **state)
{
	static const unsigned int levels[] = {1, 4, 8, 14};

	for (unsigned int i = 0; i < 4; i++) {
		setup(NULL);
		wr(UART_FCR, (uint8_t)(UART_FCR_ENABLE | i << 6));
		wr(UART_IER, UART_IER_RX);
		for (unsigned int count = 1; count <= UART_FIFO_SIZE; count++) {
			arrive("x");
			assert_int_equal(uart_interrupt(&uart), count >= levels[i]);
			assert_true(rd(UART_LSR) & UART_LSR_DR);
		}
		assert_int_equal(interrupt(), UART_IIR_RX);
		for (unsigned int count = UART_FIFO_SIZE; count-- > 0;) {
			rd(UART_RBR);
			assert_int_equal(uart_interrupt(&uart), count >= levels[i]);
		}
	}
}

static void test_fifo_identification(void **state)
{
	assert_int_equal(rd(UART_IIR), 0x01);
	wr(UART_FCR, UART_FCR_ENABLE);
	assert_int_equal(rd(UART_IIR), 0xc1);
	wr(UART_FCR, 0);
	assert_int_equal(rd(UART_IIR), 0x01);
}

/* Section 8.5: bits 1 and 2 clear one FIFO each; changing bit 0 clears both. */
static void test_fifo_clear(void **state)
{
	static const struct {
		uint8_t fcr;
		bool rx_left, tx_left;
	} rows[] = {
		{UART_FCR_ENABLE, true, true},
		{UART_FCR_ENABLE | UART_FCR_CLEAR_RX, false, true},
		{UART_FCR_ENABLE | UART_FCR_CLEAR_TX, true, false},
		{UART_FCR_ENABLE | UART_FCR_CLEAR_RX | UART_FCR_CLEAR_TX, false, false},
		{0, false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(NULL);
		wr(UART_FCR, UART_FCR_ENABLE);
		arrive("secret");
		wr(UART_THR, 't');
		wr(UART_FCR, rows[i].fcr);
		assert_int_equal(!!(rd(UART_LSR) & UART_LSR_DR), rows[i].rx_left);
		assert_int_equal(rd(UART_RBR), rows[i].rx_left ? 's' : 0);
		assert_int_equal(!(rd(UART_LSR) & UART_LSR_THRE), rows[i].tx_left);
		assert_string_equal(sent(), rows[i].tx_left ? "t" : "");
	}
}

/* Bits other than the enable bit count only together with it. */
static void test_fifo_control_without_enable(void **state)
{
	arrive("a");
	wr(UART_FCR, UART_FCR_CLEAR_RX | UART_FCR_TRIGGER);
	assert_int_equal(rd(UART_RBR), 'a');
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_IER, UART_IER_RX);
	arrive("b");
	assert_int_equal(interrupt(), UART_IIR_RX);
}

/* A break is one zero byte, whose error shows when it is at the top (section 8.4). */
static void test_receive_break(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_IER, UART_IER_LINE);
	arrive("a");
	uart_receive_break(&uart, now);
	arrive("b");

	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_int_equal(rd(UART_LSR), 0x60 | UART_LSR_DR | UART_LSR_FIFO);
	assert_int_equal(rd(UART_RBR), 'a');
	assert_int_equal(interrupt(), UART_IIR_LINE);
	assert_int_equal(rd(UART_LSR), 0xe0 | UART_LSR_DR | UART_LSR_BI | UART_LSR_FE);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_int_equal(rd(UART_LSR), 0x60 | UART_LSR_DR);
	assert_int_equal(rd(UART_RBR), 0);
	assert_int_equal(rd(UART_RBR), 'b');
	assert_int_equal(rd(UART_LSR), 0x60);
}

/* An error that was revealed stays until LSR is read, though its byte be gone. */
static void test_error_latch(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_IER, UART_IER_LINE);
	uart_receive_break(&uart, now);
	assert_int_equal(rd(UART_RBR), 0);
	assert_int_equal(interrupt(), UART_IIR_LINE);
	assert_int_equal(rd(UART_LSR) & UART_LSR_BI, UART_LSR_BI);
	assert_int_equal(rd(UART_LSR), 0x60);
}

/* ---- Character time-out -------------------------------------------------------------------- */

/* Four characters at the programmed rate and frame length, but never more than a millisecond. */
static void test_timeout_length(void **state)
{
	static const struct {
		uint8_t lcr;
		uint16_t divisor;
		uint64_t ns;
	} rows[] = {
		{0x03, 1, 347222},   /* 8N1: 40 bits of 8.68 us */
		{0x07, 1, 381944},   /* 8N2: 44 bits */
		{0x0b, 1, 381944},   /* 8 with parity */
		{0x00, 1, 243055},   /* 5N1: 28 bits */
		{0x04, 1, 260416},   /* 5N1.5: 30 bits */
		{0x02, 2, 625000},   /* 7N1, 57600 baud: 36 bits of 17.4 us */
		{0x03, 12, 1000000}, /* 9600 baud: 4.2 ms */
		{0x03, 0xffff, 1000000}, {0x03, 0, 1000000}, /* no rate at all */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(NULL);
		wr(UART_FCR, UART_FCR_ENABLE | 0x80);
		wr(UART_IER, UART_IER_RX);
		wr(UART_LCR, rows[i].lcr | UART_LCR_DLAB);
		wr(UART_DLL, rows[i].divisor & 0xff);
		wr(UART_DLM, rows[i].divisor >> 8);
		wr(UART_LCR, rows[i].lcr);
		arrive("a");
		assert_int_equal(uart_deadline(&uart), now + rows[i].ns);
	}
}

static void prepare_timeout(void)
{
	wr(UART_LCR, 0x83);
	wr(UART_DLL, 1);
	wr(UART_DLM, 0);
	wr(UART_LCR, 0x03);
	wr(UART_FCR, UART_FCR_ENABLE | 0x80); /* trigger 8 */
	wr(UART_IER, UART_IER_RX);
}

static void test_timeout(void **state)
{
	uint64_t deadline;

	prepare_timeout();
	assert_int_equal(uart_deadline(&uart), 0);
	arrive("abc");
	deadline = uart_deadline(&uart);
	uart_tick(&uart, deadline - 1);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	uart_tick(&uart, deadline);
	assert_int_equal(interrupt(), UART_IIR_TIMEOUT);

	/* Reading a byte clears it and starts over (section 8.11). */
	now = deadline;
	assert_int_equal(rd(UART_RBR), 'a');
	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_true(uart_deadline(&uart) > now);
	now = uart_deadline(&uart);
	uart_tick(&uart, now);
	assert_int_equal(interrupt(), UART_IIR_TIMEOUT);

	/* An empty FIFO has nothing to wait for. */
	rd(UART_RBR);
	rd(UART_RBR);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_int_equal(uart_deadline(&uart), 0);
}

/* Every byte that arrives or is read starts the time anew. */
static void test_timeout_restarts(void **state)
{
	uint64_t first;

	prepare_timeout();
	arrive("a");
	first = uart_deadline(&uart);
	now += 1000;
	arrive("b");
	assert_int_equal(uart_deadline(&uart), first + 1000);
	now += 1000;
	rd(UART_RBR);
	assert_int_equal(uart_deadline(&uart), first + 2000);
	uart_tick(&uart, first + 1000);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

/* Once raised, it stays until a byte is read, whatever arrives. */
static void test_timeout_stays(void **state)
{
	prepare_timeout();
	arrive("a");
	uart_tick(&uart, uart_deadline(&uart));
	arrive("bcdefghij");
	assert_int_equal(interrupt(), UART_IIR_TIMEOUT);
	rd(UART_RBR);
	assert_int_equal(interrupt(), UART_IIR_RX);
}

static void test_no_timeout(void **state)
{
	/* Not without FIFOs, */
	wr(UART_IER, UART_IER_RX);
	arrive("a");
	assert_int_equal(uart_deadline(&uart), 0);

	/* not at the trigger level, where there is an interrupt anyway, */
	setup(NULL);
	prepare_timeout();
	arrive("abcdefgh");
	assert_int_equal(uart_deadline(&uart), 0);

	/* and not for a driver that polls; but at once when it stops polling. */
	setup(NULL);
	prepare_timeout();
	wr(UART_IER, 0);
	arrive("a");
	assert_int_equal(uart_deadline(&uart), 0);
	now += 10000000;
	wr(UART_IER, UART_IER_RX);
	assert_true(uart_deadline(&uart) < now);
}

/* ---- Room for the line --------------------------------------------------------------------- */

static void test_room_needs_rts(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	assert_int_equal(uart_room(&uart), 16);
	arrive("abc");
	assert_int_equal(uart_room(&uart), 13);
	wr(UART_MCR, 0);
	assert_int_equal(uart_room(&uart), 0);
	wr(UART_MCR, UART_MCR_RTS | UART_MCR_LOOP);
	assert_int_equal(uart_room(&uart), 0);
	wr(UART_MCR, UART_MCR_RTS);
	assert_int_equal(uart_room(&uart), 13);
}

/* The line pauses from a receive interrupt's being found to no interrupt's being found. */
static void test_room_while_serving(void **state)
{
	prepare_timeout();
	arrive("0123456789abcdef");
	assert_int_equal(interrupt(), UART_IIR_RX);
	for (int i = 0; i < 16; i++) {
		rd(UART_RBR);
		rd(UART_LSR);
		assert_int_equal(uart_room(&uart), 0);
	}
	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_int_equal(uart_room(&uart), 16);
}

/* A driver that does not look at IIR again gets more after the time-out. */
static void test_room_after_timeout(void **state)
{
	prepare_timeout();
	arrive("0123456789abcdef");
	interrupt();
	for (int i = 0; i < 16; i++)
		rd(UART_RBR);
	assert_int_equal(uart_room(&uart), 0);
	uart_tick(&uart, uart_deadline(&uart));
	assert_int_equal(uart_room(&uart), 16);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	assert_int_equal(uart_deadline(&uart), 0);
}

/* A driver that polls sees no pause. */
static void test_room_while_polling(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	arrive("ab");
	rd(UART_LSR);
	rd(UART_RBR);
	assert_int_equal(uart_room(&uart), 15);
}

/* ---- Transmitting -------------------------------------------------------------------------- */

static void test_transmit_without_fifo(void **state)
{
	wr(UART_THR, 'a');
	assert_int_equal(rd(UART_LSR), 0);
	assert_string_equal(sent(), "a");
	assert_int_equal(rd(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);

	/* Written without looking at THRE: the older byte is overwritten. */
	wr(UART_THR, 'b');
	wr(UART_THR, 'c');
	assert_int_equal(uart.tx_lost, 1);
	assert_string_equal(sent(), "c");
}

static void test_transmit_with_fifo(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	for (const char *p = "0123456789abcdefX"; *p; p++)
		wr(UART_THR, (uint8_t)*p);
	assert_int_equal(uart.tx_lost, 1);
	assert_int_equal(rd(UART_LSR), 0);
	assert_string_equal(sent(), "0123456789abcdef");
	assert_int_equal(rd(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

/* Raised when the transmitter becomes empty, not while something is left. */
static void test_thre_when_empty(void **state)
{
	uint8_t byte;

	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_IER, UART_IER_THRE);
	assert_int_equal(interrupt(), UART_IIR_THRE);
	wr(UART_THR, 'a');
	wr(UART_THR, 'b');
	assert_int_equal(interrupt(), UART_IIR_NONE);
	uart_transmit(&uart, &byte, 1);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	uart_transmit(&uart, &byte, 1);
	assert_int_equal(interrupt(), UART_IIR_THRE);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

/* Table IV: reading IIR clears it only where IIR names it. */
static void test_thre_acknowledge(void **state)
{
	wr(UART_IER, UART_IER_THRE | UART_IER_RX);
	arrive("a");
	assert_int_equal(interrupt(), UART_IIR_RX);
	assert_int_equal(interrupt(), UART_IIR_RX);
	rd(UART_RBR);
	assert_int_equal(interrupt(), UART_IIR_THRE);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

static void test_thre_cleared_by_write(void **state)
{
	wr(UART_IER, UART_IER_THRE);
	assert_true(uart_interrupt(&uart));
	wr(UART_THR, 'a');
	assert_false(uart_interrupt(&uart));
}

/* Enabling it anew raises it again while the transmitter is empty; enabling it twice does not. */
static void test_thre_enable(void **state)
{
	for (int i = 0; i < 3; i++) {
		wr(UART_IER, UART_IER_THRE);
		assert_int_equal(interrupt(), UART_IIR_THRE);
		wr(UART_IER, UART_IER_THRE);
		assert_int_equal(interrupt(), UART_IIR_NONE);
		wr(UART_IER, 0);
		assert_int_equal(interrupt(), UART_IIR_NONE);
	}
	wr(UART_THR, 'a');
	wr(UART_IER, UART_IER_THRE);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

static void test_thre_after_clear(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_IER, UART_IER_THRE);
	wr(UART_THR, 'a');
	wr(UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_TX);
	assert_int_equal(interrupt(), UART_IIR_THRE);
}

static void test_send_break(void **state)
{
	assert_false(uart_sends_break(&uart));
	wr(UART_LCR, 0x43);
	assert_true(uart_sends_break(&uart));
	wr(UART_MCR, UART_MCR_LOOP);
	assert_false(uart_sends_break(&uart));
	wr(UART_MCR, 0);
	wr(UART_LCR, 0x03);
	assert_false(uart_sends_break(&uart));
}

/* ---- Modem lines --------------------------------------------------------------------------- */

static void test_modem_deltas(void **state)
{
	static const struct {
		uint8_t from, to, msr;
	} rows[] = {
		{0x00, 0x10, 0x11}, {0x10, 0x00, 0x01}, {0x00, 0x20, 0x22}, {0x20, 0x00, 0x02},
		{0x00, 0x40, 0x40}, {0x40, 0x00, 0x04}, {0x00, 0x80, 0x88}, {0x80, 0x00, 0x08},
		{0x00, 0xf0, 0xfb}, {0xf0, 0x00, 0x0f}, {0xa0, 0xb0, 0xb1}, {0xb0, 0xb0, 0xb0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(NULL);
		uart_set_inputs(&uart, rows[i].from);
		rd(UART_MSR);
		wr(UART_IER, UART_IER_MODEM);
		uart_set_inputs(&uart, rows[i].to);
		assert_int_equal(interrupt(), rows[i].msr & 0x0f ? UART_IIR_MODEM : UART_IIR_NONE);
		assert_int_equal(rd(UART_MSR), rows[i].msr);
		assert_int_equal(rd(UART_MSR), rows[i].msr & 0xf0);
		assert_int_equal(interrupt(), UART_IIR_NONE);
	}
}

/* A line that came and went leaves its delta. */
static void test_modem_delta_stays(void **state)
{
	uart_set_inputs(&uart, UART_MSR_CTS);
	uart_set_inputs(&uart, 0);
	assert_int_equal(rd(UART_MSR), UART_MSR_DCTS);
}

/* Section 8.8: in loopback the outputs drive the inputs, and the line's are not seen. */
static void test_loopback_lines(void **state)
{
	static const struct {
		uint8_t mcr, msr;
	} rows[] = {
		{UART_MCR_DTR, UART_MSR_DSR},
		{UART_MCR_RTS, UART_MSR_CTS},
		{UART_MCR_OUT1, UART_MSR_RI},
		{UART_MCR_OUT2, UART_MSR_DCD},
		{0x0f, 0xf0},
		{0, 0},
	};

	uart_set_inputs(&uart, UART_MSR_DSR | UART_MSR_CTS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr(UART_MCR, rows[i].mcr | UART_MCR_LOOP);
		assert_int_equal(rd(UART_MSR) & 0xf0, rows[i].msr);
	}
	wr(UART_MCR, 0);
	assert_int_equal(rd(UART_MSR) & 0xf0, UART_MSR_DSR | UART_MSR_CTS);
}

/* Modem interrupts work in loopback, from the outputs. */
static void test_loopback_modem_interrupt(void **state)
{
	wr(UART_MCR, UART_MCR_LOOP);
	rd(UART_MSR);
	wr(UART_IER, UART_IER_MODEM);
	assert_int_equal(interrupt(), UART_IIR_NONE);
	wr(UART_MCR, UART_MCR_LOOP | UART_MCR_DTR);
	assert_int_equal(interrupt(), UART_IIR_MODEM);
	assert_int_equal(rd(UART_MSR), UART_MSR_DSR | UART_MSR_DDSR);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

static void test_loopback_data(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_MCR, UART_MCR_LOOP);
	wr(UART_IER, UART_IER_RX | UART_IER_THRE);
	wr(UART_THR, 'a');
	assert_string_equal(sent(), "");
	assert_int_equal(interrupt(), UART_IIR_RX);
	assert_int_equal(rd(UART_RBR), 'a');
	assert_int_equal(interrupt(), UART_IIR_THRE);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

/* What waited for a slow line goes round when loopback is switched on. */
static void test_loopback_pending(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_THR, 'a');
	wr(UART_MCR, UART_MCR_LOOP);
	assert_int_equal(rd(UART_RBR), 'a');
	assert_string_equal(sent(), "");
}

static void test_loopback_overrun(void **state)
{
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_MCR, UART_MCR_LOOP);
	for (int i = 0; i < 20; i++)
		wr(UART_THR, (uint8_t)i);
	assert_int_equal(uart.overruns, 4);
	assert_int_equal(rd(UART_LSR) & UART_LSR_OE, UART_LSR_OE);
}

/* ---- Priorities and gating ----------------------------------------------------------------- */

static void raise_everything(void)
{
	wr(UART_FCR, UART_FCR_ENABLE); /* trigger 1 */
	wr(UART_IER, 0x0f);
	uart_set_inputs(&uart, UART_MSR_CTS);
	arrive("0123456789abcdefX"); /* overruns */
}

/* Table IV: line status, received data, transmitter, modem. */
static void test_priorities(void **state)
{
	raise_everything();
	assert_int_equal(interrupt(), UART_IIR_LINE);
	rd(UART_LSR);
	assert_int_equal(interrupt(), UART_IIR_RX);
	while (rd(UART_LSR) & UART_LSR_DR)
		rd(UART_RBR);
	assert_int_equal(interrupt(), UART_IIR_THRE);
	assert_int_equal(interrupt(), UART_IIR_MODEM);
	assert_int_equal(interrupt(), UART_IIR_MODEM);
	rd(UART_MSR);
	assert_int_equal(interrupt(), UART_IIR_NONE);
}

/* Each enable bit lets through its own, and nothing else. */
static void test_enables(void **state)
{
	static const uint8_t by_bit[] = {UART_IIR_RX, UART_IIR_THRE, UART_IIR_LINE, UART_IIR_MODEM};

	for (unsigned int bit = 0; bit < 4; bit++) {
		setup(NULL);
		raise_everything();
		wr(UART_IER, (uint8_t)(1u << bit));
		assert_int_equal(interrupt(), by_bit[bit]);
		wr(UART_IER, 0);
		assert_int_equal(interrupt(), UART_IIR_NONE);
	}
}

/* OUT2 gates the interrupt on the PC's ISA cards; on this one it does not. */
static void test_out2_does_not_gate(void **state)
{
	wr(UART_MCR, 0);
	wr(UART_IER, UART_IER_THRE);
	assert_true(uart_interrupt(&uart));
	wr(UART_MCR, UART_MCR_OUT2);
	assert_true(uart_interrupt(&uart));
}

/* ---- Linux --------------------------------------------------------------------------------- */

/* The number of bytes that come back of 256 sent in loopback: the FIFO's size. */
static unsigned int linux_fifo_size(void)
{
	unsigned int count = 0;

	wr(UART_LCR, 0);
	wr(UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_RX | UART_FCR_CLEAR_TX);
	wr(UART_MCR, UART_MCR_LOOP | UART_MCR_RTS);
	wr(UART_LCR, 0x83);
	wr(UART_DLL, 1);
	wr(UART_DLM, 0);
	wr(UART_LCR, 0x03);
	for (unsigned int i = 0; i < 256; i++)
		wr(UART_THR, (uint8_t)i);
	while ((rd(UART_LSR) & UART_LSR_DR) && count < 256) {
		assert_int_equal(rd(UART_RBR), count);
		count++;
	}
	wr(UART_MCR, 0);
	return count;
}

/* The probe's first part: is there a UART? */
static void linux_existence(void)
{
	wr(UART_IER, 0);
	assert_int_equal(rd(UART_IER) & 0x0f, 0);
	wr(UART_IER, 0x0f);
	assert_int_equal(rd(UART_IER) & 0x0f, 0x0f);
	wr(UART_IER, 0);
	wr(UART_MCR, UART_MCR_LOOP | 0x0a);
	assert_int_equal(rd(UART_MSR) & 0xf0, 0x90);
	wr(UART_MCR, 0);
	wr(UART_SCR, 0xa5);
	assert_int_equal(rd(UART_SCR), 0xa5);
	wr(UART_SCR, 0x5a);
	assert_int_equal(rd(UART_SCR), 0x5a);
}

/*
 * The probe's second part: a 16550A and none of its many relatives, which have an extended feature
 * register, banks, larger FIFOs, or an IER with more bits.
 */
static void linux_variant(void)
{
	uint8_t looped;

	wr(UART_LCR, 0xbf);
	wr(UART_FCR, 0);
	wr(UART_LCR, 0);
	wr(UART_FCR, UART_FCR_ENABLE);
	assert_int_equal(rd(UART_IIR) >> 6, 3);

	wr(UART_LCR, 0x80); /* an EFR would read zero */
	assert_int_not_equal(rd(UART_IIR), 0);
	wr(UART_LCR, 0xbf);
	assert_int_not_equal(rd(UART_IIR), 0);

	wr(UART_LCR, 0); /* National's bank 2 would show MCR's loop bit */
	wr(UART_MCR, UART_MCR_LOOP);
	wr(UART_LCR, 0xe0);
	looped = rd(UART_IIR);
	wr(UART_LCR, 0);
	wr(UART_MCR, 0);
	wr(UART_LCR, 0xe0);
	assert_int_equal((looped ^ rd(UART_IIR)) & 0x10, 0);

	for (uint8_t dlab = 0; dlab < 2; dlab++) { /* TI's 64-byte FIFO, with DLAB or without */
		wr(UART_LCR, dlab ? 0x80 : 0);
		wr(UART_FCR, UART_FCR_ENABLE | 0x20);
		assert_int_equal(rd(UART_IIR) >> 5, 6);
		wr(UART_FCR, UART_FCR_ENABLE);
	}
	wr(UART_LCR, 0);
	wr(UART_IER, 0x40); /* Xscale's unit enable */
	assert_int_equal(rd(UART_IER) & 0x40, 0);
	wr(UART_IER, 0);
}

static void test_linux_autoconfig(void **state)
{
	setup(NULL);
	uart_reset(&uart);
	linux_existence();
	linux_variant();
	assert_int_equal(linux_fifo_size(), 16);
}

/* What serial8250_do_startup() tests; a failure makes Linux work around us with timers. */
static void test_linux_startup(void **state)
{
	uart_reset(&uart);
	wr(UART_FCR, UART_FCR_ENABLE);
	wr(UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_RX | UART_FCR_CLEAR_TX);
	wr(UART_FCR, 0);
	rd(UART_LSR);
	rd(UART_RBR);
	rd(UART_IIR);
	rd(UART_MSR);
	assert_int_not_equal(rd(UART_LSR), 0xff);

	wr(UART_IER, UART_IER_THRE);
	assert_int_equal(rd(UART_IIR) & UART_IIR_NONE, 0);
	wr(UART_IER, 0);
	wr(UART_IER, UART_IER_THRE);
	assert_int_equal(rd(UART_IIR) & UART_IIR_NONE, 0);
	wr(UART_IER, 0);

	wr(UART_LCR, 0x03);
	wr(UART_MCR, UART_MCR_OUT2);
	wr(UART_IER, UART_IER_THRE);
	assert_true(rd(UART_LSR) & UART_LSR_TEMT);
	assert_int_equal(rd(UART_IIR) & UART_IIR_NONE, 0);
	wr(UART_IER, 0);
	assert_false(uart_interrupt(&uart));
}

/* ---- Anything ------------------------------------------------------------------------------ */

/* Random accesses and events: the invariants hold, and the sanitizers stay quiet. */
static void test_random_accesses(void **state)
{
	uint8_t bytes[64] = {0};

	srandom(1);
	for (int i = 0; i < 300000; i++) {
		unsigned int what = (unsigned int)random() % 8;
		uint8_t value = (uint8_t)random();
		unsigned int reg = (unsigned int)random() % 8;

		now += (uint64_t)random() % 200000;
		if (what < 3)
			rd(reg);
		else if (what < 5)
			wr(reg, value);
		else if (what == 5)
			uart_receive(&uart, bytes, value % 20, now);
		else if (what == 6)
			uart_transmit(&uart, bytes, value % 20);
		else
			uart_tick(&uart, now);
		assert_true(uart.rx.count <= UART_FIFO_SIZE && uart.tx.count <= UART_FIFO_SIZE);
		assert_true(uart_room(&uart) + uart.rx.count <= UART_FIFO_SIZE);
		assert_true(!uart_deadline(&uart) ||
			    uart_deadline(&uart) <= now + UART_TIMEOUT_MAX_NS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset, setup),
		cmocka_unit_test_setup(test_writable_bits, setup),
		cmocka_unit_test_setup(test_read_only_registers, setup),
		cmocka_unit_test_setup(test_divisor_latch, setup),
		cmocka_unit_test_setup(test_register_beyond, setup),
		cmocka_unit_test_setup(test_word_length, setup),
		cmocka_unit_test_setup(test_receive_without_fifo, setup),
		cmocka_unit_test_setup(test_overrun_without_fifo, setup),
		cmocka_unit_test_setup(test_overrun_with_fifo, setup),
		cmocka_unit_test_setup(test_triggers, setup),
		cmocka_unit_test_setup(test_fifo_identification, setup),
		cmocka_unit_test_setup(test_fifo_clear, setup),
		cmocka_unit_test_setup(test_fifo_control_without_enable, setup),
		cmocka_unit_test_setup(test_receive_break, setup),
		cmocka_unit_test_setup(test_error_latch, setup),
		cmocka_unit_test_setup(test_timeout_length, setup),
		cmocka_unit_test_setup(test_timeout, setup),
		cmocka_unit_test_setup(test_timeout_restarts, setup),
		cmocka_unit_test_setup(test_timeout_stays, setup),
		cmocka_unit_test_setup(test_no_timeout, setup),
		cmocka_unit_test_setup(test_room_needs_rts, setup),
		cmocka_unit_test_setup(test_room_while_serving, setup),
		cmocka_unit_test_setup(test_room_after_timeout, setup),
		cmocka_unit_test_setup(test_room_while_polling, setup),
		cmocka_unit_test_setup(test_transmit_without_fifo, setup),
		cmocka_unit_test_setup(test_transmit_with_fifo, setup),
		cmocka_unit_test_setup(test_thre_when_empty, setup),
		cmocka_unit_test_setup(test_thre_acknowledge, setup),
		cmocka_unit_test_setup(test_thre_cleared_by_write, setup),
		cmocka_unit_test_setup(test_thre_enable, setup),
		cmocka_unit_test_setup(test_thre_after_clear, setup),
		cmocka_unit_test_setup(test_send_break, setup),
		cmocka_unit_test_setup(test_modem_deltas, setup),
		cmocka_unit_test_setup(test_modem_delta_stays, setup),
		cmocka_unit_test_setup(test_loopback_lines, setup),
		cmocka_unit_test_setup(test_loopback_modem_interrupt, setup),
		cmocka_unit_test_setup(test_loopback_data, setup),
		cmocka_unit_test_setup(test_loopback_pending, setup),
		cmocka_unit_test_setup(test_loopback_overrun, setup),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_enables, setup),
		cmocka_unit_test_setup(test_out2_does_not_gate, setup),
		cmocka_unit_test_setup(test_linux_autoconfig, setup),
		cmocka_unit_test_setup(test_linux_startup, setup),
		cmocka_unit_test_setup(test_random_accesses, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
