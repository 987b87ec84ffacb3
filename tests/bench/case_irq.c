// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a doorbell to the wake-up that its interrupt causes, MSI-X vector 0. The doorbell is rung by
 * the eventfd that the device offers in place of a register, or by a posted write to a register.
 * The device of `ping` (bench_ping.c) takes the eventfd as floor_event's other process does.
 */
#include "measure.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DOORBELL 0x800 /* of 4 bytes, see bench_device.c */

#define IRQ_DATA_EVENTFD   (1u << 2)
#define IRQ_ACTION_TRIGGER (1u << 5)

struct irq_case {
	struct client *client;
	int interrupt; /* the eventfd that vector 0 signals */
};

static void await_interrupt(const struct irq_case *c)
{
	uint64_t count;

	if (read(c->interrupt, &count, sizeof(count)) != sizeof(count))
		client_fail("eventfd");
}

static void ring(const struct irq_case *c, uint64_t count)
{
	if (write(c->client->file, &count, sizeof(count)) != sizeof(count))
		client_fail("ioeventfd");
}

static void event_batch(void *data, unsigned int count)
{
	struct irq_case *c = data;

	while (count--) {
		ring(c, 1);
		await_interrupt(c);
	}
}

static void doorbell_batch(void *data, unsigned int count)
{
	struct access_message request = {.access = {DOORBELL, REGION_BAR0, 4}};
	const size_t size = sizeof(request) - sizeof(request.data) + 4;
	struct irq_case *c = data;

	while (count--) {
		client_header(c->client, &request.header, CMD_REGION_WRITE, size, FLAG_NO_REPLY);
		client_send(c->client, &request, size);
		await_interrupt(c);
	}
}

static void prepare(struct irq_case *c, struct client *client)
{
	const struct irq_set set = {sizeof(set), IRQ_DATA_EVENTFD | IRQ_ACTION_TRIGGER, IRQ_MSIX, 0,
				    1};

	client_open(client, client->path);
	client_enable(client);
	*c = (struct irq_case){client, eventfd(0, EFD_CLOEXEC)};
	if (c->interrupt < 0)
		client_fail("eventfd");
	client_call(client, CMD_SET_IRQS, &set, sizeof(set), c->interrupt, NULL, 0);
}

/* Asks for the eventfds of BAR0, of which the device has one. */
static void get_ioeventfd(struct client *client)
{
	struct {
		struct io_fds head;
		struct io_fd fd;
	} io = {.head = {sizeof(io), 0, REGION_BAR0, 0}};

	if (client_call(client, CMD_REGION_IO_FDS, &io.head, sizeof(io.head), NO_FD, &io,
			sizeof(io)) != sizeof(io) ||
	    client->file == NO_FD)
		client_fail("no ioeventfd offered");
}

void case_event(struct client *client, unsigned int milliseconds)
{
	struct irq_case c;

	prepare(&c, client);
	get_ioeventfd(client);
	measure(milliseconds, event_batch, &c, 25, 25);
}

/* A count that is no ping ends the device's waiting for pings. */
void case_ping(struct client *client, unsigned int milliseconds)
{
	struct irq_case c;

	prepare(&c, client);
	get_ioeventfd(client);
	measure(milliseconds, event_batch, &c, 25, 25);
	ring(&c, 2);
}

void case_doorbell(struct client *client, unsigned int milliseconds)
{
	struct irq_case c;

	prepare(&c, client);
	measure(milliseconds, doorbell_batch, &c, 25, 25);
}
