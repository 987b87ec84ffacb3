/* SPDX-License-Identifier: BSD-2-Clause */
/* The MSI-X table and its pending bits (PCI, section 6.8.2; steering tags: PCIe, section 7.7.2). */
#include <string.h>

#include "parts.h"

#define ENTRY	16u
#define CONTROL 12u /* of an entry: Vector Control */

/* Of Vector Control the mask bit is there, and the steering tag where the table has those. */
static const uint8_t *control_bits(const struct model_shape *shape)
{
	static const uint8_t plain[4] = {1}, tags[4] = {1, 0, 0xff}, wide[4] = {1, 0, 0xff, 0xff};

	if (!shape->at[MODEL_TPH] || shape->tph_location != 2)
		return plain;
	return shape->extended_tph ? wide : tags;
}

static bool is_held(const struct model *m, const struct model_entry *entry)
{
	bool function = model_get(m, m->shape->at[MODEL_MSIX] + MSIX_CONTROL, 2) & 0x4000;

	if (model_is_quiet(m))
		return true;
	return entry->governs && (function || (entry->bytes[CONTROL] & 1));
}

void model_msix_reset(struct model *m)
{
	for (unsigned int i = 0; i < MODEL_VECTORS; i++)
		m->entries[i] = (struct model_entry){.bytes = {[CONTROL] = 1}};
}

void model_msix_trigger(struct model *m, unsigned int vector)
{
	struct model_entry *entry = &m->entries[vector];

	if (!is_held(m, entry)) {
		model_signal(m, MODEL_IRQ_MSIX, vector);
		return;
	}
	entry->pending = true;
	m->events[MODEL_SAW_MSIX_PENDING]++;
}

void model_msix_settle(struct model *m)
{
	for (unsigned int i = 0; i < m->shape->vectors; i++) {
		struct model_entry *entry = &m->entries[i];

		if (!entry->pending || is_held(m, entry))
			continue;
		entry->pending = false;
		model_signal(m, MODEL_IRQ_MSIX, i);
		m->events[MODEL_SAW_MSIX_RELEASED]++;
	}
}

void model_table_access(struct model *m, bool write, size_t at, uint8_t *data, size_t size)
{
	const uint8_t *bits = control_bits(m->shape);

	for (size_t i = 0; i < size; i++) {
		struct model_entry *entry = &m->entries[(at + i) / ENTRY];
		size_t byte = (at + i) % ENTRY;

		if (write) {
			entry->governs = true;
			entry->bytes[byte] = data[i] &
					     (byte < CONTROL ? 0xff : bits[byte - CONTROL]);
		} else {
			data[i] = entry->bytes[byte];
		}
	}
	if (write)
		model_settle(m);
}

void model_pending_access(const struct model *m, bool write, size_t at, uint8_t *data, size_t size)
{
	if (write)
		return;
	memset(data, 0, size);
	for (unsigned int i = 0; i < m->shape->vectors; i++) {
		if (m->entries[i].pending && i / 8 >= at && i / 8 < at + size)
			data[i / 8 - at] |= (uint8_t)(1u << i % 8);
	}
}
