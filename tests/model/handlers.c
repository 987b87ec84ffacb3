/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's own code: it has no state, so that it answers both sides alike, and writes down what
 * it is told. In a body, its last byte is a sum that is kept up at writes, and the byte before that
 * is refreshed at reads.
 */
#include "handlers.h"

#include "device.h"

enum side { DEVICE, MODEL };

static struct rig_log *log_of(struct rig *rig, enum side side)
{
	return side == DEVICE ? &rig->device_log : &rig->model_log;
}

/* ---- Registers and requests ---------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return unit_random(&(uint64_t){hash ^ value});
}

static void log_access(struct rig_log *log, uint64_t what, uint64_t offset, uint64_t size,
		       uint64_t value)
{
	log->accesses = mix(mix(log->accesses, offset << 16 | what << 8 | size), value);
}

static uint64_t on_read(struct rig *rig, enum side side, unsigned int bar, uint64_t offset,
			unsigned int size)
{
	log_access(log_of(rig, side), bar, offset, size, 0);
	return mix(bar, offset) >> (64 - 8 * size);
}

static void on_write(struct rig *rig, enum side side, unsigned int bar, uint64_t offset,
		     unsigned int size, uint64_t value)
{
	log_access(log_of(rig, side), 16 + bar, offset, size, value);
}

/* Some accesses fail, so that errors are seen to arrive. */
static int on_request(struct rig *rig, enum side side, bool write, uint64_t offset, uint8_t *bytes,
		      size_t size)
{
	log_access(log_of(rig, side), 32 + write, offset, size, write ? bytes[size - 1] : 0);
	for (size_t i = 0; !write && i < size; i++)
		bytes[i] |= (uint8_t)mix(3, offset + i);
	return offset % 61 == 60 ? -ENXIO : 0;
}

#define REGISTERS(n)                                                                          \
	static uint64_t read_##n(void *data, uint64_t offset, unsigned int size)              \
	{                                                                                     \
		return on_read(data, DEVICE, n, offset, size);                                \
	}                                                                                     \
                                                                                              \
	static void write_##n(void *data, uint64_t offset, unsigned int size, uint64_t value) \
	{                                                                                     \
		on_write(data, DEVICE, n, offset, size, value);                               \
	}

REGISTERS(0)
REGISTERS(1)
REGISTERS(2)
REGISTERS(3)
REGISTERS(4)
REGISTERS(5)

static void device_request(void *data, struct umd_request *request)
{
	int err = on_request(data, DEVICE, umd_request_is_write(request),
			     umd_request_offset(request), umd_request_data(request),
			     umd_request_size(request));

	umd_request_complete(request, err);
}

void model_handlers_region(unsigned int index, bool requests, struct umd_region *region)
{
	static const struct {
		uint64_t (*read)(void *data, uint64_t offset, unsigned int size);
		void (*write)(void *data, uint64_t offset, unsigned int size, uint64_t value);
	} registers[] = {{read_0, write_0}, {read_1, write_1}, {read_2, write_2},
			 {read_3, write_3}, {read_4, write_4}, {read_5, write_5}};

	if (requests) {
		region->access = device_request;
		return;
	}
	region->read = registers[index].read;
	region->write = registers[index].write;
}

static uint64_t model_read(void *data, unsigned int bar, uint64_t offset, unsigned int size)
{
	return on_read(data, MODEL, bar, offset, size);
}

static void model_write(void *data, unsigned int bar, uint64_t offset, unsigned int size,
			uint64_t value)
{
	on_write(data, MODEL, bar, offset, size, value);
}

static int model_request(void *data, bool write, uint64_t offset, uint8_t *bytes, size_t size)
{
	return on_request(data, MODEL, write, offset, bytes, size);
}

/* ---- Resets and power ---------------------------------------------------------------------- */

static void log_call(struct rig_log *log, char call)
{
	if (log->call_count < sizeof(log->calls))
		log->calls[log->call_count] = call;
	log->call_count++;
}

static void device_reset(void *data, enum umd_reset kind)
{
	log_call(log_of(data, DEVICE), "dfpsx"[kind]);
}

static void device_power(void *data, enum umd_power state)
{
	log_call(log_of(data, DEVICE), "0123L"[state]);
}

static void model_was_reset(void *data, enum model_reset kind)
{
	log_call(log_of(data, MODEL), "dfpsx"[kind]);
}

static void model_has_power(void *data, int state)
{
	log_call(log_of(data, MODEL), state < 0 ? 'L' : "0123"[state]);
}

const struct umd_device_ops *model_handlers_ops(void)
{
	static const struct umd_device_ops ops = {.reset = device_reset, .power = device_power};

	return &ops;
}

/* ---- Bodies -------------------------------------------------------------------------------- */

static const struct model_body *body_of(const struct rig *rig, unsigned int index)
{
	const struct model_shape *s = rig->model.shape;
	const struct model_body *bodies[RIG_BODIES] = {&s->vendor_body, &s->vsec_body,
						       &s->dvsec_body};

	return bodies[index];
}

static unsigned int body_at(const struct rig *rig, unsigned int index)
{
	const unsigned int *at = rig->model.shape->at;
	const unsigned int places[RIG_BODIES] = {at[MODEL_VENDOR] + 3, at[MODEL_VSEC] + 8,
						 at[MODEL_DVSEC] + 10};

	return places[index];
}

static uint8_t peek(const struct rig *rig, enum side side, unsigned int at)
{
	return (uint8_t)(side == DEVICE ? umd_device_config_read(rig->device, at, 1)
					: model_peek(&rig->model, at, 1));
}

static void poke(struct rig *rig, enum side side, unsigned int at, uint8_t value)
{
	if (side == DEVICE)
		umd_device_config_write(rig->device, at, 1, value);
	else
		model_poke(&rig->model, at, 1, value);
}

static void on_body_written(struct rig *rig, enum side side, unsigned int index, size_t offset,
			    size_t size)
{
	const unsigned int at = body_at(rig, index), last = body_of(rig, index)->size - 1;
	struct rig_log *log = log_of(rig, side);
	uint8_t sum = 0;

	for (unsigned int i = 0; i < last; i++)
		sum = (uint8_t)(sum * 3 + peek(rig, side, at + i));
	poke(rig, side, at + last, sum);
	assert_true(size > 0 && offset + size <= body_of(rig, index)->size);
	memset(&log->touched[index][offset], 1, size);
	log->is_touched = true;
}

static void on_body_reading(struct rig *rig, enum side side, unsigned int index)
{
	poke(rig, side, body_at(rig, index) + body_of(rig, index)->size - 2, (uint8_t)rig->step);
}

#define BODY(n)                                                              \
	static void body_written_##n(void *data, size_t offset, size_t size) \
	{                                                                    \
		on_body_written(data, DEVICE, n, offset, size);              \
	}                                                                    \
                                                                             \
	static void body_reading_##n(void *data, size_t offset, size_t size) \
	{                                                                    \
		on_body_reading(data, DEVICE, n);                            \
	}

BODY(0)
BODY(1)
BODY(2)

void model_handlers_body(unsigned int index, struct umd_cap_body *body)
{
	static const struct {
		void (*written)(void *data, size_t offset, size_t size);
		void (*reading)(void *data, size_t offset, size_t size);
	} hooks[RIG_BODIES] = {{body_written_0, body_reading_0},
			       {body_written_1, body_reading_1},
			       {body_written_2, body_reading_2}};

	body->written = hooks[index].written;
	body->reading = hooks[index].reading;
}

static unsigned int index_of(enum model_cap cap)
{
	if (cap == MODEL_VENDOR)
		return 0;
	return cap == MODEL_VSEC ? 1 : 2;
}

static void model_body_written(void *data, enum model_cap cap, size_t offset, size_t size)
{
	on_body_written(data, MODEL, index_of(cap), offset, size);
}

static void model_body_reading(void *data, enum model_cap cap, size_t offset, size_t size)
{
	on_body_reading(data, MODEL, index_of(cap));
}

struct model_sink model_device_sink(struct rig *rig)
{
	return (struct model_sink){.data = rig,
				   .read = model_read,
				   .write = model_write,
				   .request = model_request,
				   .reset = model_was_reset,
				   .power = model_has_power,
				   .body_written = model_body_written,
				   .body_reading = model_body_reading};
}
