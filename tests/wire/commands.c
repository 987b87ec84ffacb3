/* SPDX-License-Identifier: BSD-2-Clause */
/* BAR0's registers: what a write of each does, and the doorbells that do the same. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <umdev/caps.h>

#include "internal.h"

#define NS_PER_MS 1000000ull

static int copy(struct wire_device *wire)
{
	static uint8_t bounce[COPY_MAX];
	uint64_t from = get_le(wire->bar0 + REG_COPY_FROM, 8);
	uint64_t to = get_le(wire->bar0 + REG_COPY_TO, 8);
	uint32_t size = (uint32_t)get_le(wire->bar0 + REG_COPY_SIZE, 4);
	int error;

	if (size > COPY_MAX)
		return -EINVAL;

	error = umd_dma_read(wire->device, from, bounce, size);
	return error ? error : umd_dma_write(wire->device, to, bounce, size);
}

static void ring(struct wire_device *wire)
{
	wire->doorbells++;
	umd_device_trigger(wire->device, UMD_IRQ_MSIX, ANSWER_VECTOR);
}

/* ---- Registers ----------------------------------------------------------------------------- */

static int command_of_plain_shape(struct wire_device *wire, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case LOG_COUNT:
		wire_log_clear(wire);
		return 0;
	case REG_TRIGGER:
		return umd_device_trigger(wire->device, UMD_IRQ_MSIX, value);
	case REG_INTX:
		umd_device_set_intx(wire->device, value != 0);
		return 0;
	case REG_COPY_RUN:
		if (value == 1)
			put_le(wire->bar0 + REG_COPY_RESULT, 4, (uint32_t)-copy(wire));
		return 0;
	case REG_FAIL:
		return -(int)(value & 0xfff);
	case REG_SIGNAL:
		return umd_device_trigger(wire->device, (enum umd_irq)value, 0);
	case REG_UNPLUG:
		return umd_device_unplug(wire->device, value * NS_PER_MS);
	case REG_DOORBELL:
		ring(wire);
		return 0;
	case REG_MATCHED_DOORBELL:
		wire->matches += value == DOORBELL_VALUE;
		return 0;
	default:
		return 0;
	}
}

static int command_of_store(struct wire_device *wire, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_STORE_BACK:
		return wire_store_back(wire, value);
	case REG_STORE_TRIGGER:
		return wire_store_trigger(wire->store, value, STORE_OWNER);
	case REG_STORE_STRANGER:
		return wire_store_trigger(wire->store, value, STORE_OWNER + 1);
	default:
		return wire_store_revoke(wire->store, value);
	}
}

int wire_command(struct wire_device *wire, uint64_t offset, uint32_t value)
{
	if (wire->store && offset >= REG_STORE_BACK && offset <= REG_STORE_REVOKE)
		return command_of_store(wire, offset, value);

	switch (offset) {
	case REG_MSI:
		return umd_device_trigger(wire->device, UMD_IRQ_MSI, value);
	case REG_WAKE:
		umd_device_wake(wire->device);
		return 0;
	case REG_UNCORRECTABLE:
	case REG_CORRECTABLE:
		return umd_device_report_error(wire->device, offset == REG_CORRECTABLE, value,
					       NULL);
	case REG_REMOTE_RUN:
		return wire_remote_run(wire, value);
	case REG_REMOTE_CANCEL:
		return wire_remote_cancel(wire, value);
	case REG_RESET_NOW:
		umd_device_reset(wire->device);
		return 0;
	default:
		return command_of_plain_shape(wire, offset, value);
	}
}

void wire_refresh(struct wire_device *wire)
{
	const struct {
		unsigned int at;
		uint32_t value;
	} values[] = {
		{REG_CANCELS, wire->cancels},
		{REG_RESETS, wire->resets},
		{REG_COMPLETED, wire->completed},
		{REG_DOORBELLS, wire->doorbells},
		{REG_MATCHES, wire->matches},
		{REG_DISCONNECTS, wire->disconnects},
		{REG_EVENT_COUNT, wire->event_count},
		{REG_MSI_ENABLED, umd_device_enabled_vectors(wire->device, UMD_IRQ_MSI)},
		{REG_MSIX_ENABLED, umd_device_enabled_vectors(wire->device, UMD_IRQ_MSIX)},
	};

	for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		put_le(wire->bar0 + values[i].at, 4, values[i].value);
	memcpy(wire->bar0 + REG_EVENTS, wire->events, EVENTS);
	for (unsigned int i = 0; i < REMOTE_COPIES; i++)
		put_le(wire->bar0 + REG_REMOTE_RESULT + 4 * i, 4,
		       (uint32_t)-wire->remotes[i].result);
}

/* ---- Doorbells ----------------------------------------------------------------------------- */

/*
 * The client shares the eventfds, may clear O_NONBLOCK and be the first to read: reading them could
 * block. So they are watched for edges and never read.
 */
static void doorbell_rang(void *data, uint32_t events)
{
	ring(data);
}

static void matched_rang(void *data, uint32_t events)
{
	struct wire_device *wire = data;

	wire->matches++;
}

static void bell_rang(void *data, uint32_t events)
{
	struct wire_device *wire = data;

	wire_command(wire, get_le(wire->bar0 + REG_BELL_REGISTER, 4),
		     (uint32_t)get_le(wire->bar0 + REG_BELL_VALUE, 4));
}

static int add_doorbell(struct wire_device *wire, struct wire_doorbell *doorbell, uint64_t offset,
			unsigned int flags, umd_watch_fn *rang)
{
	int error;

	doorbell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (doorbell->fd < 0)
		return -errno;

	error = umd_device_add_ioeventfd(wire->device, 0, offset, 4, flags,
					 flags ? DOORBELL_VALUE : 0, doorbell->fd);
	if (error)
		return error;
	return umd_watch_fd(wire->device, doorbell->fd, EPOLLIN | EPOLLET, rang, wire,
			    &doorbell->watch);
}

int wire_add_doorbells(struct wire_device *wire)
{
	int error = add_doorbell(wire, &wire->doorbell, REG_DOORBELL, 0, doorbell_rang);

	if (!error)
		error = add_doorbell(wire, &wire->matched, REG_MATCHED_DOORBELL,
				     UMD_IOEVENTFD_DATAMATCH, matched_rang);
	if (!error && wire->options.shape != WIRE_PLAIN)
		error = add_doorbell(wire, &wire->bell, REG_BELL, 0, bell_rang);
	return error;
}

void wire_doorbells_finish(struct wire_device *wire)
{
	struct wire_doorbell *doorbells[] = {&wire->doorbell, &wire->matched, &wire->bell};

	for (unsigned int i = 0; i < sizeof(doorbells) / sizeof(doorbells[0]); i++) {
		umd_watch_destroy(doorbells[i]->watch);
		if (doorbells[i]->fd >= 0)
			close(doorbells[i]->fd);
	}
}
