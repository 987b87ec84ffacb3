/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses of BAR0, which is kept as one page of bytes: a write stores its bytes and then acts, a
 * read first refreshes what is read-only. An access that is deferred acts when it completes, so
 * that an order of completion is an order of effects.
 */
#include <string.h>

#include "internal.h"

#define NS_PER_MS 1000000ull

/* True for the write of one of the registers, with what is written. */
static bool is_command(struct umd_request *request, uint32_t *ret_value)
{
	if (!umd_request_is_write(request) || umd_request_size(request) != 4)
		return false;

	*ret_value = (uint32_t)get_le(umd_request_data(request), 4);
	return true;
}

static void complete(struct wire_device *wire, struct umd_request *request)
{
	uint64_t offset = umd_request_offset(request);
	size_t size = umd_request_size(request);
	uint32_t value;
	int error = 0;

	if (umd_request_is_write(request)) {
		memcpy(wire->bar0 + offset, umd_request_data(request), size);
		if (is_command(request, &value))
			error = wire_command(wire, offset, value);
	} else {
		wire_refresh(wire);
		memcpy(umd_request_data(request), wire->bar0 + offset, size);
	}
	wire->completed++;
	umd_request_complete(request, error);
}

static void cancelled(void *data)
{
	struct wire_device *wire = data;

	wire->cancels++;
	wire->held = NULL;
	wire->self_reset = false;
	umd_watch_set_timer(wire->timer, 0);
}

static void elapsed(void *data, uint32_t events)
{
	struct wire_device *wire = data;
	struct umd_request *request = wire->held;

	if (wire->self_reset) {
		umd_device_reset(wire->device);
		return;
	}
	wire->held = NULL;
	complete(wire, request);
}

int wire_access_init(struct wire_device *wire)
{
	return umd_watch_timer(wire->device, elapsed, wire, &wire->timer);
}

/* Defers a request; 0 ns is for ever. */
static void hold(struct wire_device *wire, struct umd_request *request, uint64_t delay_ns)
{
	wire->held = request;
	umd_request_defer(request, cancelled, wire);
	if (delay_ns)
		umd_watch_set_timer(wire->timer, delay_ns);
}

/* xorshift64 */
static uint64_t next_random(struct wire_device *wire)
{
	wire->random ^= wire->random << 13;
	wire->random ^= wire->random >> 7;
	wire->random ^= wire->random << 17;
	return wire->random;
}

/* Completes at once, or at once but deferred, or within three milliseconds. */
static void complete_sometime(struct wire_device *wire, struct umd_request *request)
{
	switch (next_random(wire) % 6) {
	case 0:
		complete(wire, request);
		break;
	case 1:
		umd_request_defer(request, cancelled, wire);
		complete(wire, request);
		break;
	default:
		hold(wire, request, 1 + next_random(wire) % (3 * NS_PER_MS));
	}
}

void wire_bar0_access(void *data, struct umd_request *request)
{
	struct wire_device *wire = data;
	uint64_t offset = umd_request_offset(request);
	uint32_t value = 0;
	bool command = is_command(request, &value);

	if (command && offset == REG_NEVER) {
		hold(wire, request, 0);
	} else if (command && (offset == REG_DELAY || offset == REG_SELF_RESET)) {
		wire->self_reset = offset == REG_SELF_RESET;
		hold(wire, request, 1 + value * NS_PER_MS);
	} else if (wire->options.deferring) {
		complete_sometime(wire, request);
	} else {
		complete(wire, request);
	}
}
