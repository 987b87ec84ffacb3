/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses: who answers which bytes of a region, and when nobody does. */
#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROM_SIZE_MIN 2048u

int model_init(struct model *m, const struct model_shape *shape, const struct model_sink *sink)
{
	const struct model_bar *bars = shape->bars;
	size_t area = 1;

	*m = (struct model){.shape = shape,
			    .sink = *sink,
			    .live = MODEL_IRQS,
			    .unmask = MODEL_NONE,
			    .wakeup = MODEL_NONE};
	for (unsigned int i = 0; i < MODEL_BARS; i++)
		area += bars[i].area_size;
	m->vpd = calloc(1, shape->vpd_size + 1);
	m->memory = calloc(1, area);
	if (!m->vpd || !m->memory) {
		model_finish(m);
		return -1;
	}

	if (shape->vpd_size)
		memcpy(m->vpd, shape->vpd, shape->vpd_size);
	model_header(m);
	for (enum model_irq i = 0; i < MODEL_IRQS; i++)
		model_drop(m, i);
	model_msix_reset(m);
	return 0;
}

void model_finish(struct model *m)
{
	free(m->vpd);
	free(m->memory);
}

/* ---- Who is there -------------------------------------------------------------------------- */

static bool allows(const struct model *m, uint32_t command)
{
	return m->power == MODEL_D0 && (model_get(m, HEADER_COMMAND, 2) & command);
}

bool model_is_master(const struct model *m)
{
	return allows(m, COMMAND_MASTER);
}

uint64_t model_region_size(const struct model *m, unsigned int region)
{
	uint64_t rom = ROM_SIZE_MIN;

	if (region < MODEL_BARS)
		return m->shape->bars[region].size;
	if (region == 7)
		return m->size;
	if (region != 6 || !m->shape->rom_size)
		return 0;
	while (rom < m->shape->rom_size)
		rom *= 2;
	return rom;
}

/* What lies at an offset of a BAR, and up to where. */
enum place { PLACE_HANDLER, PLACE_TABLE, PLACE_PENDING, PLACE_AREA };

static enum place place_of(const struct model *m, unsigned int bar, uint64_t offset)
{
	const struct model_shape *s = m->shape;
	const struct model_bar *b = &s->bars[bar];
	uint64_t pending = (s->vectors + UINT64_C(63)) / 64 * 8;

	if (offset >= b->area_at && offset < b->area_at + b->area_size)
		return PLACE_AREA;
	if (!s->at[MODEL_MSIX])
		return PLACE_HANDLER;
	if (bar == s->table_bar && offset >= s->table_at && offset < s->table_at + 16 * s->vectors)
		return PLACE_TABLE;
	if (bar == s->pba_bar && offset >= s->pba_at && offset < s->pba_at + pending)
		return PLACE_PENDING;
	return PLACE_HANDLER;
}

/* How many of `size` bytes lie in the same place as the first. */
static size_t stretch(const struct model *m, unsigned int bar, uint64_t offset, size_t size)
{
	enum place place = place_of(m, bar, offset);
	size_t same = 1;

	while (same < size && place_of(m, bar, offset + same) == place)
		same++;
	return same;
}

/* ---- What it does -------------------------------------------------------------------------- */

static uint64_t number(const uint8_t *data, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)data[i] << 8 * i;
	return value;
}

static void put_number(uint8_t *data, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		data[i] = (uint8_t)(value >> 8 * i);
}

/* Naturally aligned pieces, as large as they can be, in ascending order. */
static void registers(struct model *m, unsigned int bar, bool write, uint64_t offset, uint8_t *data,
		      size_t size)
{
	unsigned int most = m->shape->bars[bar].max_access ? m->shape->bars[bar].max_access : 8;

	for (size_t done = 0; done < size;) {
		unsigned int piece = most;

		while (piece > size - done || (offset + done) % piece)
			piece /= 2;
		if (write)
			m->sink.write(m->sink.data, bar, offset + done, piece,
				      number(data + done, piece));
		else
			put_number(data + done, piece,
				   m->sink.read(m->sink.data, bar, offset + done, piece));
		done += piece;
	}
}

static void memory(struct model *m, bool write, size_t at, uint8_t *data, size_t size)
{
	if (write)
		memcpy(m->memory + at, data, size);
	else
		memcpy(data, m->memory + at, size);
}

static void serve(struct model *m, unsigned int bar, bool write, uint64_t offset, uint8_t *data,
		  size_t size)
{
	switch (place_of(m, bar, offset)) {
	case PLACE_TABLE:
		model_table_access(m, write, (size_t)(offset - m->shape->table_at), data, size);
		break;
	case PLACE_PENDING:
		model_pending_access(m, write, (size_t)(offset - m->shape->pba_at), data, size);
		break;
	case PLACE_AREA:
		memory(m, write, (size_t)(offset - m->shape->bars[bar].area_at), data, size);
		break;
	case PLACE_HANDLER:
		registers(m, bar, write, offset, data, size);
		break;
	}
}

int model_bar_access(struct model *m, unsigned int bar, bool write, uint64_t offset, uint8_t *data,
		     size_t size)
{
	const struct model_bar *b = &m->shape->bars[bar];

	if (!allows(m, b->io ? COMMAND_IO : COMMAND_MEMORY))
		return -EIO;
	if (b->requests && stretch(m, bar, offset, size) < size)
		return -EINVAL; /* partly memory */
	if (b->requests && place_of(m, bar, offset) == PLACE_HANDLER)
		return m->sink.request(m->sink.data, write, offset, data, size);
	while (size) {
		size_t part = stretch(m, bar, offset, size);

		serve(m, bar, write, offset, data, part);
		offset += part;
		data += part;
		size -= part;
	}
	return 0;
}

int model_rom_access(const struct model *m, bool write, uint64_t offset, uint8_t *data, size_t size)
{
	if (write)
		return -EINVAL;
	if (!allows(m, COMMAND_MEMORY))
		return -EIO;
	for (size_t i = 0; i < size; i++)
		data[i] = offset + i < m->shape->rom_size ? m->shape->rom[offset + i] : 0xff;
	return 0;
}

/*
 * As vfio-pci does it: in aligned pieces of 4, 2 and 1 bytes, each of which has its effect, and of
 * each of which the device's own code is told.
 */
static void config_write(struct model *m, size_t at, const uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		size_t piece = 4;

		while (piece > size - done || (at + done) % piece)
			piece /= 2;
		model_store(m, at + done, data + done, piece);
		model_written(m, at + done, piece);
		model_body_hooks(m, at + done, piece, m->sink.body_written);
		done += piece;
	}
}

static void config_access(struct model *m, bool write, size_t at, uint8_t *data, size_t size)
{
	if (write) {
		config_write(m, at, data, size);
		return;
	}
	model_body_hooks(m, at, size, m->sink.body_reading);
	memcpy(data, &m->bytes[at], size);
}

int model_access(struct model *m, unsigned int region, bool write, uint64_t offset, uint8_t *data,
		 size_t size)
{
	uint64_t limit = model_region_size(m, region);
	int err = 0;

	if (!size || offset >= limit || size > limit - offset)
		return -EINVAL;
	model_access_begins(m);
	if (region == 7)
		config_access(m, write, (size_t)offset, data, size);
	else if (region == 6)
		err = model_rom_access(m, write, offset, data, size);
	else
		err = model_bar_access(m, region, write, offset, data, size);
	model_access_ends(m);
	return err;
}
