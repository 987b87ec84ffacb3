/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port between a driver, played here with register accesses, and a real socket or pty: every byte
 * arrives once and in order, however slow either side is, with hardware flow control and without.
 */
#include "serial_fixture.h"

#include <sys/ioctl.h>
#include <sys/stat.h>

#include "serial/port.h"

static struct fixture fixture;
static struct serial_port port;
static int host = -1; /* the host's side of the port */
static bool interrupt;

static void on_change(void *data)
{
	interrupt = serial_port_interrupt(&port);
}

static void open_port(const char *backend)
{
	struct serial_port_config config = {
		.device = fixture.device, .backend = backend, .changed = on_change};
	struct umd_error error = {0};

	assert_int_equal(serial_port_init(&port, &config, &error), 0);
}

static int setup(void **state)
{
	fixture_start(&fixture);
	interrupt = false;
	return 0;
}

static int teardown(void **state)
{
	serial_port_finish(&port);
	if (host >= 0)
		close(host);
	host = -1;
	fixture_stop(&fixture);
	return 0;
}

/* A port with somebody at its socket. */
static int setup_socket(void **state)
{
	char backend[80];

	setup(state);
	snprintf(backend, sizeof(backend), "unix:%s", fixture_path(&fixture, "port"));
	open_port(backend);
	host = connect_unix(fixture.path);
	assert_true(host >= 0);
	fixture_run(&fixture);
	assert_true(port.end->connected);
	return 0;
}

static uint8_t rd(unsigned int reg)
{
	return serial_port_read(&port, reg);
}

/* What IIR names, without the FIFO bits. */
static uint8_t interrupt_id(void)
{
	uint8_t iir = rd(UART_IIR);

	return iir & 0x0f;
}

static void wr(unsigned int reg, uint8_t value)
{
	serial_port_write(&port, reg, value);
}

/* As a driver opens a port: 8 bits, 115200 baud, FIFOs with trigger 8, RTS and DTR on. */
static void open_uart(uint8_t ier)
{
	wr(UART_LCR, 0x83);
	wr(UART_DLL, 1);
	wr(UART_DLM, 0);
	wr(UART_LCR, 0x03);
	wr(UART_FCR, UART_FCR_ENABLE | 0x80);
	wr(UART_MCR, UART_MCR_RTS | UART_MCR_DTR | UART_MCR_OUT2);
	wr(UART_IER, ier);
}

static void host_sends(const char *text)
{
	assert_int_equal(write(host, text, strlen(text)), strlen(text));
	fixture_run(&fixture);
}

static void expect_at_host(const char *text)
{
	char buffer[256] = "";

	fixture_run(&fixture);
	if (*text)
		assert_int_equal(read(host, buffer, sizeof(buffer) - 1), strlen(text));
	else
		assert_int_equal(read(host, buffer, sizeof(buffer) - 1), -1);
	assert_string_equal(buffer, text);
}

/* A timer that was left running fires once; after that nothing may. */
static void expect_idle(void)
{
	fixture_count_wakeups(&fixture, 20);
	assert_int_equal(fixture_count_wakeups(&fixture, 100), 0);
}

/* ---- Single bytes -------------------------------------------------------------------------- */

static void test_host_to_driver(void **state)
{
	open_uart(UART_IER_RX);
	host_sends("hello wonderful world");
	assert_true(interrupt);
	for (const char *p = "hello wonderful world"; *p; p++) {
		assert_true(rd(UART_LSR) & UART_LSR_DR);
		assert_int_equal(rd(UART_RBR), *p);
	}
	assert_false(rd(UART_LSR) & UART_LSR_DR);
}

/* A driver that has found the interrupt is not called again until it is done, or takes too long. */
static void test_no_call_while_serving(void **state)
{
	open_uart(UART_IER_RX);
	host_sends("0123456789abcdef");
	assert_true(interrupt);
	assert_int_equal(interrupt_id(), UART_IIR_RX);
	assert_false(interrupt);
	assert_true(uart_interrupt(&port.uart));
	fixture_run_until(&fixture, interrupt);
	assert_int_equal(interrupt_id(), UART_IIR_RX);
	while (rd(UART_LSR) & UART_LSR_DR)
		rd(UART_RBR);
	host_sends("0123456789abcdef");
	assert_false(rd(UART_LSR) & UART_LSR_DR);
	assert_int_equal(interrupt_id(), UART_IIR_NONE);
	assert_true(interrupt);
}

/* Fewer bytes than the trigger level: the time-out raises the interrupt, by the timer. */
static void test_timeout_interrupt(void **state)
{
	open_uart(UART_IER_RX);
	host_sends("abc");
	fixture_run_until(&fixture, interrupt);
	assert_int_equal(interrupt_id(), UART_IIR_TIMEOUT);
	assert_int_equal(rd(UART_RBR), 'a');
	assert_false(interrupt);
	fixture_run_until(&fixture, interrupt);
	assert_int_equal(rd(UART_RBR), 'b');
	assert_int_equal(rd(UART_RBR), 'c');
	assert_false(interrupt);
	expect_idle();
}

/* The burst is written when the driver is done with its interrupts, in one piece. */
static void test_driver_to_host(void **state)
{
	open_uart(UART_IER_THRE);
	for (const char *p = "0123456789abcdef"; *p; p++)
		wr(UART_THR, (uint8_t)*p);
	assert_int_equal(read(host, (char[1]){0}, 1), -1);
	assert_int_equal(interrupt_id(), UART_IIR_THRE);
	assert_int_equal(read(host, (char[1]){0}, 1), -1);
	assert_int_equal(interrupt_id(), UART_IIR_NONE);
	expect_at_host("0123456789abcdef");
}

/* And by the timer for a driver that does not look. */
static void test_flush_by_timer(void **state)
{
	char byte = 0;

	open_uart(0);
	wr(UART_THR, 'x');
	fixture_run_until(&fixture, read(host, &byte, 1) == 1);
	assert_int_equal(byte, 'x');
}

/* Nothing that happens leaves a timer or a watch that keeps firing. */
static void test_idle(void **state)
{
	open_uart(UART_IER_RX);
	host_sends("abc");
	while (rd(UART_LSR) & UART_LSR_DR)
		rd(UART_RBR);
	wr(UART_THR, 'x');
	rd(UART_IIR);
	expect_idle();
}

static void test_rts_holds_input(void **state)
{
	open_uart(UART_IER_RX);
	wr(UART_MCR, 0);
	host_sends("abc");
	assert_false(rd(UART_LSR) & UART_LSR_DR);
	wr(UART_MCR, UART_MCR_RTS);
	assert_true(rd(UART_LSR) & UART_LSR_DR);
	assert_int_equal(rd(UART_RBR), 'a');
}

/* What the host sent before the driver was there is delivered, not overrun. */
static void test_input_waits_for_the_driver(void **state)
{
	host_sends("early");
	open_uart(0);
	for (const char *p = "early"; *p; p++)
		assert_int_equal(rd(UART_RBR), *p);
	assert_int_equal(port.uart.overruns, 0);
}

static void test_loopback_keeps_the_host_out(void **state)
{
	open_uart(0);
	wr(UART_MCR, UART_MCR_LOOP | UART_MCR_RTS);
	host_sends("host");
	wr(UART_THR, 'g');
	assert_int_equal(rd(UART_RBR), 'g');
	assert_false(rd(UART_LSR) & UART_LSR_DR);
	rd(UART_IIR);
	expect_at_host("");
	wr(UART_MCR, UART_MCR_RTS);
	assert_int_equal(rd(UART_RBR), 'h');
}

/* ---- Line states --------------------------------------------------------------------------- */

#define HOST_LINES (UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD)

static void test_connected_lines(void **state)
{
	open_uart(UART_IER_MODEM);
	rd(UART_MSR);
	assert_int_equal(rd(UART_MSR), HOST_LINES);

	close(host);
	host = -1;
	fixture_run(&fixture);
	assert_true(interrupt);
	assert_int_equal(rd(UART_MSR), UART_MSR_DCTS | UART_MSR_DDSR | UART_MSR_DDCD);
	assert_false(interrupt);

	host = connect_unix(fixture.path);
	fixture_run(&fixture);
	assert_int_equal(rd(UART_MSR), HOST_LINES | 0x0b);
}

/* Nobody there: a driver without flow control is not held up, and nothing is kept. */
static void test_output_to_nobody(void **state)
{
	open_uart(0);
	close(host);
	fixture_run(&fixture);
	for (int i = 0; i < 10000; i++) {
		wr(UART_THR, 'x');
		assert_true(rd(UART_LSR) & UART_LSR_THRE);
	}
	host = connect_unix(fixture.path);
	fixture_run(&fixture);
	wr(UART_THR, 'y');
	rd(UART_IIR);
	expect_at_host("y");
}

/* A host end that does not read: CTS falls first, then the transmitter stays busy. */
static void test_stuck_host(void **state)
{
	uint64_t at_cts = 0, count = 0;
	char buffer[65536];
	uint64_t got = 0;

	open_uart(UART_IER_THRE | UART_IER_MODEM);
	while (rd(UART_LSR) & UART_LSR_THRE) {
		for (int i = 0; i < 16; i++, count++)
			wr(UART_THR, (uint8_t)count);
		if (!at_cts && !(rd(UART_MSR) & UART_MSR_CTS))
			at_cts = count;
		rd(UART_IIR);
	}
	assert_true(at_cts > 0 && at_cts + 512 < count);
	assert_false(interrupt);
	expect_idle();

	while (got < count) {
		ssize_t n = read(host, buffer, sizeof(buffer));

		for (ssize_t i = 0; i < n; i++)
			assert_int_equal((uint8_t)buffer[i], (uint8_t)(got + (uint64_t)i));
		got += n > 0 ? (uint64_t)n : 0;
		fixture_run(&fixture);
	}
	assert_true(rd(UART_MSR) & UART_MSR_CTS);
	assert_true(rd(UART_LSR) & UART_LSR_THRE);
	assert_true(interrupt);
	assert_int_equal(port.uart.tx_lost, 0);
}

/* A driver that never reads: the host's writes come to an end, and memory is bounded. */
static void test_stuck_driver(void **state)
{
	static const char zeros[4096];
	int sent = 0;

	open_uart(UART_IER_RX);
	for (int i = 0; i < 1000; i++) {
		if (write(host, zeros, sizeof(zeros)) > 0)
			sent++;
		fixture_run(&fixture);
	}
	assert_true(sent < 1000);
	assert_int_equal(port.uart.overruns, 0);
	expect_idle();
}

/* ---- Reset --------------------------------------------------------------------------------- */

/* The next driver sees nothing of what was meant for this one. */
static void test_reset_for_a_new_driver(void **state)
{
	static const uint8_t zeros[SERIAL_RING_SIZE];

	open_uart(UART_IER_RX);
	host_sends("0123456789abcdef and a secret");
	serial_port_reset(&port, true);
	assert_memory_equal(port.rx.bytes, zeros, sizeof(zeros));
	open_uart(UART_IER_RX);
	assert_false(rd(UART_LSR) & UART_LSR_DR);
	assert_int_equal(rd(UART_MSR) & 0xf0, HOST_LINES);
	host_sends("n");
	assert_int_equal(rd(UART_RBR), 'n');
}

/* A driver that resets its device gets what had not reached the FIFO. */
static void test_reset_by_the_driver(void **state)
{
	open_uart(UART_IER_RX);
	host_sends("0123456789abcdefg");
	serial_port_reset(&port, false);
	assert_false(uart_interrupt(&port.uart));
	open_uart(UART_IER_RX);
	assert_int_equal(rd(UART_RBR), 'g');
}

/* The last words of a guest reach the host, though it is gone. */
static void test_reset_keeps_output(void **state)
{
	open_uart(0);
	for (const char *p = "bye"; *p; p++)
		wr(UART_THR, (uint8_t)*p);
	serial_port_reset(&port, true);
	expect_at_host("bye");
}

static void test_finish_flushes(void **state)
{
	open_uart(0);
	wr(UART_THR, 'x');
	serial_port_finish(&port);
	assert_int_equal(read(host, (char[1]){0}, 1), 1);
}

/* ---- Random interleavings ------------------------------------------------------------------ */

/*
 * A driver in the manner of Linux's, with a bounded buffer that somebody slow reads: full, it turns
 * RTS off. Bytes are a counter in each direction, scrambled so that no two neighbours are alike.
 */
struct model {
	bool flow;	      /* crtscts */
	uint64_t sent, total; /* by the driver */
	uint64_t got, host_sent, host_got;
	unsigned int buffered; /* received by the driver and not yet read by its user */
	bool throttled;
	unsigned int late; /* received since RTS went off: at most what the FIFO held */
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

static void model_rts(struct model *m, bool on)
{
	m->throttled = !on;
	m->late = 0;
	wr(UART_MCR, on ? UART_MCR_RTS | UART_MCR_DTR : UART_MCR_DTR);
}

static void model_receive(struct model *m)
{
	while (rd(UART_LSR) & UART_LSR_DR) {
		assert_int_equal(rd(UART_RBR), pattern(m->got++));
		m->buffered++;
		assert_true(!m->throttled || ++m->late <= UART_FIFO_SIZE);
	}
	if (m->flow && m->buffered > 100 && !m->throttled)
		model_rts(m, false);
}

static void model_transmit(struct model *m)
{
	bool may = !m->flow || (rd(UART_MSR) & UART_MSR_CTS);

	if (!may || !(rd(UART_LSR) & UART_LSR_THRE))
		return;
	for (int i = 0; i < 16 && m->sent < m->total; i++)
		wr(UART_THR, pattern(m->sent++));
}

static void model_interrupt(struct model *m)
{
	for (int pass = 0; pass < 8 && !(rd(UART_IIR) & UART_IIR_NONE); pass++) {
		model_receive(m);
		rd(UART_MSR);
		model_transmit(m);
	}
}

static void model_user(struct model *m)
{
	unsigned int read = (unsigned int)random() % 200;

	m->buffered -= read < m->buffered ? read : m->buffered;
	if (m->throttled && m->buffered < 20)
		model_rts(m, true);
	model_transmit(m); /* what a writing user starts */
}

static void model_host_reads(struct model *m)
{
	uint8_t buffer[3000];
	ssize_t n = read(host, buffer, (size_t)random() % sizeof(buffer) + 1);

	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(buffer[i], pattern(m->host_got++));
}

static void model_host_writes(struct model *m)
{
	uint8_t buffer[3000];
	uint64_t left = m->total - m->host_sent;
	size_t count = (size_t)random() % sizeof(buffer);
	ssize_t n;

	if (count > left)
		count = left;
	for (size_t i = 0; i < count; i++)
		buffer[i] = pattern(m->host_sent + i);
	n = write(host, buffer, count);
	m->host_sent += n > 0 ? (uint64_t)n : 0;
}

static bool model_done(const struct model *m)
{
	return m->got == m->total && m->host_got == m->total;
}

/* Weights say how much slower one actor is than the others. */
static void run_model(bool flow, unsigned int driver, unsigned int user, unsigned int reader)
{
	struct model m = {.flow = flow, .total = 60000};
	time_t end = time(NULL) + 60;

	open_uart(UART_IER_RX | UART_IER_THRE | UART_IER_MODEM);
	while (!model_done(&m)) {
		unsigned int what = (unsigned int)random() % (driver + user + reader + 20);

		assert_int_equal(umd_server_dispatch(fixture.server, 0), 0);
		if (what < driver && interrupt)
			model_interrupt(&m);
		else if (what < driver + user)
			model_user(&m);
		else if (what < driver + user + reader)
			model_host_reads(&m);
		else
			model_host_writes(&m);
		assert_true(time(NULL) < end);
	}
	assert_int_equal(port.uart.overruns + port.uart.tx_lost, 0);
}

static void run_models(void)
{
	static const unsigned int weights[][3] = {
		{20, 20, 20}, {1, 20, 20}, {20, 1, 20}, {20, 20, 1}};

	srandom(7);
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		run_model(true, weights[i][0], weights[i][1], weights[i][2]);
		run_model(false, weights[i][0], weights[i][1], weights[i][2]);
	}
}

static void test_random_socket(void **state)
{
	int small = 4096;

	assert_int_equal(setsockopt(host, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	run_models();
}

static void test_random_pty(void **state)
{
	char backend[80];

	setup(state);
	snprintf(backend, sizeof(backend), "pty:%s", fixture_path(&fixture, "tty"));
	open_port(backend);
	host = open(fixture.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(host >= 0);
	fixture_run_until(&fixture, port.end->connected);
	run_models();
	teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_host_to_driver, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_no_call_while_serving, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_timeout_interrupt, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_driver_to_host, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_flush_by_timer, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_idle, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_rts_holds_input, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_input_waits_for_the_driver, setup_socket,
						teardown),
		cmocka_unit_test_setup_teardown(test_loopback_keeps_the_host_out, setup_socket,
						teardown),
		cmocka_unit_test_setup_teardown(test_connected_lines, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_output_to_nobody, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_host, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_driver, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_reset_for_a_new_driver, setup_socket,
						teardown),
		cmocka_unit_test_setup_teardown(test_reset_by_the_driver, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_reset_keeps_output, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_finish_flushes, setup_socket, teardown),
		cmocka_unit_test_setup_teardown(test_random_socket, setup_socket, teardown),
		cmocka_unit_test(test_random_pty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
