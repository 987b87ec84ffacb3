/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space bit by bit: what a driver may do to each, and what a reset does. */
#include <string.h>

#include "parts.h"

static bool get_bit(const uint8_t *bytes, size_t bit)
{
	return bytes[bit / 8] >> bit % 8 & 1;
}

static void put_bit(uint8_t *bytes, size_t bit, bool value)
{
	bytes[bit / 8] =
		(uint8_t)((bytes[bit / 8] & ~(1u << bit % 8)) | (unsigned)value << bit % 8);
}

void model_bits(struct model *m, size_t at, unsigned int low, unsigned int width,
		enum model_kind kind, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++) {
		size_t bit = at * 8 + low + i;
		bool is_set = i < 64 && (value >> i & 1);

		m->kinds[bit] = kind;
		put_bit(m->bytes, bit, is_set);
		put_bit(m->initial, bit, is_set);
	}
}

void model_bytes(struct model *m, size_t at, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		model_bits(m, at + i, 0, 8, MODEL_RO, bytes[i]);
}

static enum model_kind body_kind(const struct model_body *body, size_t bit)
{
	bool sticky = body->sticky && get_bit(body->sticky, bit);

	if (body->writable && get_bit(body->writable, bit))
		return sticky ? MODEL_RWS : MODEL_RW;
	if (body->clearable && get_bit(body->clearable, bit))
		return sticky ? MODEL_RW1CS : MODEL_RW1C;
	return sticky ? MODEL_ROS : MODEL_RO;
}

void model_body(struct model *m, size_t at, const struct model_body *body)
{
	for (size_t i = 0; i < (size_t)body->size * 8; i++)
		model_bits(m, at, (unsigned int)i, 1, body_kind(body, i),
			   body->bytes && get_bit(body->bytes, i));
}

uint32_t model_get(const struct model *m, size_t at, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)m->bytes[at + i] << 8 * i;
	return value;
}

void model_put(struct model *m, size_t at, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++)
		m->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static bool is_field(const struct model *m, size_t at, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4) && at < m->size && size <= m->size - at;
}

uint32_t model_peek(const struct model *m, size_t at, unsigned int size)
{
	return is_field(m, at, size) ? model_get(m, at, size) : 0;
}

void model_poke(struct model *m, size_t at, unsigned int size, uint32_t value)
{
	if (is_field(m, at, size))
		model_put(m, at, size, value);
}

static bool stored(enum model_kind kind, bool old, bool written)
{
	switch (kind) {
	case MODEL_RW:
	case MODEL_RWS:
	case MODEL_ADDRESS:
	case MODEL_CONTEXT:
		return written;
	case MODEL_RW1C:
	case MODEL_RW1CS:
	case MODEL_CONTEXT1C:
		return old && !written;
	default:
		return old;
	}
}

void model_store(struct model *m, size_t at, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size * 8; i++) {
		size_t bit = at * 8 + i;

		put_bit(m->bytes, bit,
			stored(m->kinds[bit], get_bit(m->bytes, bit), get_bit(data, i)));
	}
}

static bool survives(enum model_kind kind, enum model_reset reset)
{
	if (reset == MODEL_RESET_DISCONNECT)
		return false;
	switch (kind) {
	case MODEL_ROS:
	case MODEL_RWS:
	case MODEL_RW1CS:
		return true;
	case MODEL_CONTEXT:
	case MODEL_CONTEXT1C:
		return reset == MODEL_RESET_POWER;
	case MODEL_ADDRESS:
		return reset == MODEL_RESET_SELF;
	default:
		return false;
	}
}

void model_space_reset(struct model *m, enum model_reset kind)
{
	for (size_t bit = 0; bit < m->size * 8; bit++) {
		if (bit % 8 == 0 && m->bytes[bit / 8] == m->initial[bit / 8])
			bit += 7;
		else if (!survives(m->kinds[bit], kind))
			put_bit(m->bytes, bit, get_bit(m->initial, bit));
	}
}
