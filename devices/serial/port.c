/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: whatever happened, an access by the driver, an event at the host end or a timer, settle()
 * moves what can be moved, sets line states and timer accordingly, and reports the interrupt.
 *
 * Work is done per burst, not per byte. Reads take what the host has, up to a ring. What the driver
 * writes stays in the transmitter until that is full or the driver looks at its state, so that the
 * transmitter's interrupt, which costs a VMM several messages, is raised once a burst. It goes to
 * the host when the driver finds no interrupt in IIR any more, or when there is a good piece of it.
 * Whatever the driver does, it has been moved FLUSH_DELAY_NS later. The timer is left running when
 * its reason has gone or moved: it then fires for nothing, once, where setting it anew would cost a
 * call each time.
 */
#include "port.h"

#include <string.h>
#include <time.h>

#define FLUSH_DELAY_NS 500000u
#define FLUSH_BYTES    1024u
#define REFILL_BYTES   (SERIAL_RING_SIZE / 2) /* below it the rx ring is read into */

/* CTS falls with a quarter of the ring left, and rises again when three quarters are. */
#define CTS_OFF_BYTES (SERIAL_RING_SIZE / 4 * 3)
#define CTS_ON_BYTES  (SERIAL_RING_SIZE / 4)

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- Towards the host ---------------------------------------------------------------------- */

/* From the transmitter into the ring, or nowhere while nobody is there. */
static void take_output(struct serial_port *port)
{
	uint8_t bytes[UART_FIFO_SIZE];

	while (uart_transmitting(&port->uart)) {
		uint32_t room = serial_ring_room(&port->tx);
		unsigned int max = room < sizeof(bytes) ? room : sizeof(bytes);
		unsigned int count;

		if (!max)
			return;
		count = uart_transmit(&port->uart, bytes, max);
		if (port->end->connected)
			serial_ring_put(&port->tx, bytes, count);
	}
}

/* From the ring to the host end. What is meant for somebody who has left is dropped. */
static void flush_output(struct serial_port *port)
{
	struct serial_end *end = port->end;
	struct iovec iov[2];

	while (end->connected && end->writable && serial_ring_used(&port->tx)) {
		int count = serial_ring_used_iov(&port->tx, iov);

		serial_ring_taken(&port->tx, (uint32_t)end->ops->write(end, iov, count));
	}
	if (!end->connected)
		serial_ring_drop(&port->tx);
	port->flush_at = 0;
}

/* Whether anything can still be moved without the host end's doing something first. */
static bool awaits_flush(const struct serial_port *port)
{
	if (uart_transmitting(&port->uart) && serial_ring_room(&port->tx))
		return true;
	return port->end->writable && serial_ring_used(&port->tx);
}

static void move_output(struct serial_port *port, bool flush, uint64_t now)
{
	bool take = flush || uart_transmitter_full(&port->uart);

	if (take)
		take_output(port);
	if (flush || serial_ring_used(&port->tx) >= FLUSH_BYTES)
		flush_output(port);
	if (take)
		take_output(port);
	if (!port->flush_at && awaits_flush(port))
		port->flush_at = now + FLUSH_DELAY_NS;
}

/* The end decides what a break is; most have no notion of it. */
static void pass_break(struct serial_port *port)
{
	bool on = uart_sends_break(&port->uart);

	if (on == port->sends_break)
		return;

	port->sends_break = on;
	if (port->end->ops->set_break) {
		flush_output(port);
		port->end->ops->set_break(port->end, on);
	}
}

/* ---- Towards the driver -------------------------------------------------------------------- */

static void fetch_input(struct serial_port *port)
{
	struct serial_end *end = port->end;
	struct iovec iov[2];

	while (end->readable && serial_ring_used(&port->rx) < REFILL_BYTES) {
		int count = serial_ring_room_iov(&port->rx, iov);

		serial_ring_added(&port->rx, (uint32_t)end->ops->read(end, iov, count));
	}
}

static void deliver_input(struct serial_port *port, uint64_t now)
{
	uint8_t bytes[UART_FIFO_SIZE];
	uint32_t count = serial_ring_get(&port->rx, bytes, uart_room(&port->uart));

	if (count)
		uart_receive(&port->uart, bytes, count, now);
}

/* ---- Lines, timer, interrupt --------------------------------------------------------------- */

static void drive_inputs(struct serial_port *port)
{
	uint32_t used = serial_ring_used(&port->tx);
	uint8_t inputs = 0;

	if (used >= CTS_OFF_BYTES)
		port->cts = false;
	else if (used <= CTS_ON_BYTES)
		port->cts = true;

	if (port->end->connected)
		inputs = UART_MSR_DCD | UART_MSR_DSR | (port->cts ? UART_MSR_CTS : 0);
	if (inputs != port->uart.inputs)
		uart_set_inputs(&port->uart, inputs);
}

static void start_timer(struct serial_port *port, uint64_t now)
{
	uint64_t at = uart_deadline(&port->uart);

	if (port->flush_at && (!at || port->flush_at < at))
		at = port->flush_at;
	if (!at || (port->timer_at && port->timer_at <= at))
		return;
	if (!umd_watch_set_timer(port->timer, at > now ? at - now : 1))
		port->timer_at = at;
}

static void move(struct serial_port *port, bool flush, uint64_t now)
{
	fetch_input(port);
	move_output(port, flush, now);
	pass_break(port);
	drive_inputs(port);
	deliver_input(port, now);
	start_timer(port, now);
}

static void settle(struct serial_port *port, bool flush, uint64_t now)
{
	move(port, flush, now);
	port->changed(port->data);
}

static void on_end(void *data)
{
	settle(data, true, now_ns());
}

static void on_timer(void *data, uint32_t events)
{
	struct serial_port *port = data;
	uint64_t now = now_ns();

	port->timer_at = 0;
	uart_tick(&port->uart, now);
	settle(port, port->flush_at && now >= port->flush_at, now);
}

/* ---- The driver's side --------------------------------------------------------------------- */

/* A driver that looks at the transmitter finds that bytes take no time to leave it. */
uint8_t serial_port_read(struct serial_port *port, unsigned int reg)
{
	uint64_t now = now_ns();
	uint8_t value;

	if (reg == UART_LSR || reg == UART_IIR)
		take_output(port);
	value = uart_read(&port->uart, reg, now);
	settle(port, reg == UART_IIR && (value & UART_IIR_NONE), now);
	return value;
}

void serial_port_write(struct serial_port *port, unsigned int reg, uint8_t value)
{
	uint64_t now = now_ns();

	uart_write(&port->uart, reg, value, now);
	settle(port, false, now);
}

bool serial_port_interrupt(const struct serial_port *port)
{
	return uart_interrupt(&port->uart) && !port->uart.serving;
}

void serial_port_reset(struct serial_port *port, bool new_driver)
{
	take_output(port);
	uart_reset(&port->uart);
	if (new_driver)
		serial_ring_scrub(&port->rx);
	move(port, true, now_ns());
}

/* ---- Making and ending --------------------------------------------------------------------- */

int serial_port_init(struct serial_port *port, const struct serial_port_config *config,
		     struct umd_error *error)
{
	struct serial_end_config end = {
		.device = config->device, .port = config->index, .notify = on_end, .data = port};
	int err;

	*port = (struct serial_port){.changed = config->changed, .data = config->data};
	uart_reset(&port->uart);
	err = umd_watch_timer(config->device, on_timer, port, &port->timer);
	if (err)
		return umd_error_set(error, err, "cannot make a timer: %s", strerror(-err));

	err = serial_end_create(&end, config->backend, &port->end, error);
	if (err) {
		umd_watch_destroy(port->timer);
		port->timer = NULL;
		return err;
	}

	drive_inputs(port);
	uart_reset(&port->uart); /* connected from the start: no deltas */
	return 0;
}

/* One last attempt to get rid of what the driver sent; a host end that is full is not waited for.
 */
void serial_port_finish(struct serial_port *port)
{
	if (!port->end)
		return;

	take_output(port);
	flush_output(port);
	serial_end_destroy(port->end);
	umd_watch_destroy(port->timer);
	port->end = NULL;
	port->timer = NULL;
}
