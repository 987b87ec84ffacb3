/* SPDX-License-Identifier: BSD-2-Clause */
/* The header (PCI, section 6.1; PCIe, section 7.5.1) and the chains of capabilities. */
#include "parts.h"

#define ROM_SIZE_MIN 2048u

/* Special cycles, VGA snooping, stepping and fast back-to-back are not an endpoint's. */
static void command_and_status(struct model *m)
{
	model_bits(m, HEADER_COMMAND, 0, 3, MODEL_RW, 0);  /* IO, MEM, bus master */
	model_bits(m, HEADER_COMMAND, 6, 1, MODEL_RW, 0);  /* parity error response */
	model_bits(m, HEADER_COMMAND, 8, 1, MODEL_RW, 0);  /* SERR# */
	model_bits(m, HEADER_COMMAND, 10, 1, MODEL_RW, 0); /* INTx disable */
	model_bits(m, HEADER_STATUS, 4, 1, MODEL_RO, m->shape->order[0] != MODEL_END);
	model_bits(m, HEADER_STATUS, 8, 1, MODEL_RW1C, 0);  /* master data parity error */
	model_bits(m, HEADER_STATUS, 11, 5, MODEL_RW1C, 0); /* aborts, SERR#, parity error */
}

void model_bar_bits(struct model *m, unsigned int bar, uint64_t size)
{
	const struct model_bar *b = &m->shape->bars[bar];
	unsigned int all = b->is_64bit ? 64 : 32, low = 0;
	size_t at = HEADER_BARS + 4 * bar;
	uint64_t value = model_get(m, at, 4);

	if (b->is_64bit)
		value |= (uint64_t)model_get(m, at + 4, 4) << 32;
	while (UINT64_C(1) << low < size)
		low++;
	model_bits(m, at, 0, low, MODEL_RO, b->io | b->is_64bit << 2 | b->prefetch << 3);
	model_bits(m, at, low, all - low, MODEL_ADDRESS, 0);
	for (unsigned int i = low / 8; i < all / 8; i++)
		m->bytes[at + i] |= (uint8_t)(value >> low << low >> 8 * i);
}

static void rom_bits(struct model *m)
{
	unsigned int low = 0;
	size_t size = ROM_SIZE_MIN;

	while (size < m->shape->rom_size)
		size *= 2;
	while (1u << low < size)
		low++;
	model_bits(m, HEADER_ROM, 0, 1, MODEL_ADDRESS, 0); /* enable */
	model_bits(m, HEADER_ROM, low, 32 - low, MODEL_ADDRESS, 0);
}

static bool is_extended(enum model_cap cap)
{
	return cap >= MODEL_FIRST_EXTENDED;
}

/* The capability that follows in the same chain; 0: none. */
static unsigned int next_of(const struct model_shape *shape, unsigned int i)
{
	enum model_cap cap = shape->order[i];

	while (cap != MODEL_END && shape->order[++i] != MODEL_END) {
		if (is_extended(shape->order[i]) == is_extended(cap))
			return shape->at[shape->order[i]];
	}
	return 0;
}

static void capabilities(struct model *m)
{
	const struct model_shape *shape = m->shape;

	for (unsigned int i = 0; shape->order[i] != MODEL_END; i++) {
		enum model_cap cap = shape->order[i];
		size_t at = shape->at[cap];

		if (is_extended(cap)) {
			model_extended(m, cap);
			model_bits(m, at, 20, 12, MODEL_RO, next_of(shape, i));
			continue;
		}
		if (!m->bytes[0x34])
			model_bits(m, 0x34, 0, 8, MODEL_RO, at);
		model_capability(m, cap);
		model_bits(m, at, 8, 8, MODEL_RO, next_of(shape, i));
	}
}

void model_header(struct model *m)
{
	const struct model_shape *shape = m->shape;
	bool express = shape->at[MODEL_EXPRESS];

	m->size = express ? 4096 : 256;
	model_bits(m, 0x00, 0, 16, MODEL_RO, shape->vendor);
	model_bits(m, 0x02, 0, 16, MODEL_RO, shape->device);
	command_and_status(m);
	model_bits(m, 0x08, 0, 8, MODEL_RO, shape->revision);
	model_bits(m, 0x09, 0, 24, MODEL_RO, shape->class_code);
	model_bits(m, 0x0c, 0, 8, MODEL_RW, 0); /* cache line */
	/* The latency timer is hardwired to 0 in PCIe (section 7.5.1.1.8). */
	model_bits(m, 0x0d, 0, 8, express ? MODEL_RO : MODEL_RW, 0);
	for (unsigned int i = 0; i < MODEL_BARS; i++) {
		if (shape->bars[i].size)
			model_bar_bits(m, i, shape->bars[i].size);
	}
	model_bits(m, 0x2c, 0, 16, MODEL_RO, shape->subsystem_vendor);
	model_bits(m, 0x2e, 0, 16, MODEL_RO, shape->subsystem);
	if (shape->rom_size)
		rom_bits(m);
	model_bits(m, 0x3c, 0, 8, MODEL_RW, 0); /* interrupt line */
	model_bits(m, 0x3d, 0, 8, MODEL_RO, shape->pin);
	capabilities(m);
}
