/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire suite's device (device.h says what it looks like): its life, and what it is told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

static void note(struct wire_device *wire, unsigned int event)
{
	wire->events[wire->event_count++ % EVENTS] = (uint8_t)event;
}

/* ---- What the device is told --------------------------------------------------------------- */

static void reset(void *data, enum umd_reset kind)
{
	struct wire_device *wire = data;

	wire_bars_reset(wire);
	if (kind == UMD_RESET_DISCONNECT)
		wire_store_reset(wire);
	wire->resets++;
	wire->disconnects += kind == UMD_RESET_DISCONNECT;
	note(wire, EVENT_RESET | kind);
}

static void power(void *data, enum umd_power state)
{
	note(data, EVENT_POWER | state);
}

static void unplugged(void *data, bool surprise)
{
	puts(surprise ? "unplugged by surprise" : "unplugged");
	fflush(stdout);
}

static void destroy(void *data)
{
	struct wire_device *wire = data;

	umd_watch_destroy(wire->timer);
	wire_doorbells_finish(wire);
	wire_bars_finish(wire);
	wire_tagged_destroy(wire->tagged);
	free(wire);
}

static const struct umd_device_ops ops = {
	.reset = reset, .power = power, .unplugged = unplugged, .destroy = destroy};

/* ---- Life ---------------------------------------------------------------------------------- */

static int declare(struct wire_device *wire)
{
	int error = wire_add_bars(wire);

	if (!error)
		error = wire_add_shape(wire);
	if (!error)
		error = wire_add_doorbells(wire);
	if (!error)
		error = wire_access_init(wire);
	return error;
}

static int create(const struct wire_options *options, struct wire_device *wire,
		  struct umd_error *error)
{
	const struct umd_device_info info = {
		.size = sizeof(info),
		.name = "wire",
		.vendor = 0x1b36,
		.device = 0xfff0,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0xff0000,
		.revision = 1,
		.ops = &ops,
		.data = wire,
	};
	int code;

	wire->memory_fd = wire->doorbell.fd = wire->matched.fd = wire->bell.fd = -1;
	wire->options = *options;
	wire->random = options->seed;
	code = umd_device_create(&info, &wire->device);
	if (code) {
		umd_error_set(error, code, "cannot create the device");
		free(wire);
	}
	return code;
}

int wire_device_create(const struct wire_options *options, struct wire_device **ret,
		       struct umd_error *error)
{
	struct wire_device *wire = calloc(1, sizeof(*wire));
	int code;

	if (!wire)
		return umd_error_set(error, -ENOMEM, "out of memory");
	code = create(options, wire, error);
	if (code)
		return code;

	code = declare(wire);
	if (code)
		umd_error_set(error, code, "cannot declare the device's parts");
	else
		code = umd_device_realize(wire->device, error);
	if (code) {
		wire_device_destroy(wire);
		return code;
	}
	*ret = wire;
	return 0;
}

struct umd_device *wire_device_handle(struct wire_device *wire)
{
	return wire->device;
}

/* The store's domain is to outlive the device that has its entries behind vectors. */
void wire_device_destroy(struct wire_device *wire)
{
	struct wire_store *store = wire ? wire->store : NULL;

	if (wire)
		umd_device_destroy(wire->device);
	wire_store_destroy(store);
}
