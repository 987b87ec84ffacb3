/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSI-X table and pending bits (PCI Local Bus 3.0, section 6.8.2), as they lie in a BAR.
 *
 * There are two kinds of client. One with a VMM keeps the table itself, never writes this one, and
 * says by SET_IRQS alone what a vector signals. One without writes this table. So an entry masks
 * its vector only once the client has written the entry.
 */
#ifndef UMD_IRQ_MSIX_H
#define UMD_IRQ_MSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct umd_msix_state {
	unsigned int vectors;
	uint8_t *table;	       /* 16 bytes a vector, little-endian */
	uint8_t *pending;      /* a bit a vector, in whole 8 bytes */
	uint32_t control_bits; /* of vector control; others read as zero */
	bool *governed;	       /* a vector whose entry the client has written */
	bool function_masked;  /* PCI_MSIX_FLAGS_MASKALL */
	bool quiet;	       /* nothing goes out: everything is pending */
};

/* 0 or -ENOMEM. */
int umd_msix_state_init(struct umd_msix_state *msix, unsigned int vectors);
void umd_msix_state_finish(struct umd_msix_state *msix);

size_t umd_msix_table_size(unsigned int vectors);
size_t umd_msix_pending_size(unsigned int vectors);

/* All entries masked and not governing, nothing pending. */
void umd_msix_state_reset(struct umd_msix_state *msix);

/* Whether entry, function or power state hold a vector back. */
bool umd_msix_is_masked(const struct umd_msix_state *msix, unsigned int vector);

void umd_msix_set_pending(struct umd_msix_state *msix, unsigned int vector, bool pending);

/* Whether a message may go out now; if not, it is pending from here on. */
bool umd_msix_admit(struct umd_msix_state *msix, unsigned int vector);

/* Takes note of what the client wrote: bytes of the table that have been stored. */
void umd_msix_written(struct umd_msix_state *msix, size_t offset, size_t size);

/* The next vector from `from` on that is pending and no longer masked, which ends its pending. */
bool umd_msix_release(struct umd_msix_state *msix, unsigned int from, unsigned int *ret_vector);

#endif
