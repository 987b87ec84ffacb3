/* SPDX-License-Identifier: BSD-2-Clause */
#include "irq/msix.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

size_t umd_msix_table_size(unsigned int vectors)
{
	return (size_t)vectors * PCI_MSIX_ENTRY_SIZE;
}

size_t umd_msix_pending_size(unsigned int vectors)
{
	return ((size_t)vectors + 63) / 64 * 8;
}

int umd_msix_state_init(struct umd_msix_state *msix, unsigned int vectors)
{
	*msix = (struct umd_msix_state){
		.vectors = vectors,
		.control_bits = PCI_MSIX_ENTRY_CTRL_MASKBIT,
		.table = malloc(umd_msix_table_size(vectors)),
		.pending = malloc(umd_msix_pending_size(vectors)),
		.governed = malloc(vectors * sizeof(*msix->governed)),
	};
	if (!msix->table || !msix->pending || !msix->governed) {
		umd_msix_state_finish(msix);
		return -ENOMEM;
	}

	umd_msix_state_reset(msix);
	return 0;
}

void umd_msix_state_finish(struct umd_msix_state *msix)
{
	free(msix->table);
	free(msix->pending);
	free(msix->governed);
	*msix = (struct umd_msix_state){0};
}

static uint8_t *control(const struct umd_msix_state *msix, size_t vector)
{
	return &msix->table[vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL];
}

void umd_msix_state_reset(struct umd_msix_state *msix)
{
	if (!msix->vectors)
		return;

	memset(msix->table, 0, umd_msix_table_size(msix->vectors));
	memset(msix->pending, 0, umd_msix_pending_size(msix->vectors));
	memset(msix->governed, 0, msix->vectors * sizeof(*msix->governed));
	for (unsigned int i = 0; i < msix->vectors; i++)
		umd_put_le32(control(msix, i), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	msix->function_masked = false;
}

bool umd_msix_is_masked(const struct umd_msix_state *msix, unsigned int vector)
{
	if (msix->quiet)
		return true;
	return msix->governed[vector] &&
	       (msix->function_masked ||
		(umd_get_le32(control(msix, vector)) & PCI_MSIX_ENTRY_CTRL_MASKBIT));
}

void umd_msix_set_pending(struct umd_msix_state *msix, unsigned int vector, bool pending)
{
	uint8_t bit = (uint8_t)(1u << vector % 8), *byte = &msix->pending[vector / 8];

	*byte = (uint8_t)(pending ? *byte | bit : *byte & ~bit);
}

bool umd_msix_admit(struct umd_msix_state *msix, unsigned int vector)
{
	if (!umd_msix_is_masked(msix, vector))
		return true;
	umd_msix_set_pending(msix, vector, true);
	return false;
}

/* The reserved bits of vector control read as zero. */
void umd_msix_written(struct umd_msix_state *msix, size_t offset, size_t size)
{
	size_t last = (offset + size - 1) / PCI_MSIX_ENTRY_SIZE;

	for (size_t i = offset / PCI_MSIX_ENTRY_SIZE; i <= last; i++) {
		uint8_t *c = control(msix, i);

		msix->governed[i] = true;
		umd_put_le32(c, umd_get_le32(c) & msix->control_bits);
	}
}

bool umd_msix_release(struct umd_msix_state *msix, unsigned int from, unsigned int *ret_vector)
{
	for (unsigned int i = from; i < msix->vectors; i++) {
		if (!(msix->pending[i / 8] & 1u << i % 8) || umd_msix_is_masked(msix, i))
			continue;
		umd_msix_set_pending(msix, i, false);
		*ret_vector = i;
		return true;
	}
	return false;
}
