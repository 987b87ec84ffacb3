/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI (PCI Local Bus 3.0, section 6.8.1): its state is what config space holds, in place. As in
 * vfio-pci, SET_IRQS says whether MSI is on and with how many messages; the driver can turn it off
 * and on and choose fewer in the capability, and mask.
 */
#ifndef UMD_IRQ_MSI_H
#define UMD_IRQ_MSI_H

#include <stdbool.h>
#include <stdint.h>

#define UMD_MSI_VECTORS_MAX 32u

struct umd_msi_state {
	uint8_t *control;	/* PCI_MSI_FLAGS, 2 bytes, little-endian as all here */
	const uint8_t *mask;	/* a bit for each message, 4 bytes */
	uint8_t *pending;	/* 4 bytes */
	unsigned int allocated; /* messages that SET_IRQS has enabled; 0: off */

	/* What the pointers lead to for want of registers. */
	uint8_t own_control[2], own_mask[4], own_pending[4];
};

void umd_msi_state_init(struct umd_msi_state *msi);

/* Says where the registers are. `mask` and `pending` are NULL where the device has none. */
void umd_msi_state_attach(struct umd_msi_state *msi, uint8_t *control, const uint8_t *mask,
			  uint8_t *pending);

/* SET_IRQS has enabled so many messages, or with 0 none any more. */
void umd_msi_allocate(struct umd_msi_state *msi, unsigned int messages);

/* The driver has written the control register: takes back what it cannot have. */
void umd_msi_control_written(struct umd_msi_state *msi);

/* A reset has emptied the registers; what SET_IRQS enabled stays so. */
void umd_msi_state_reset(struct umd_msi_state *msi);

/*
 * Which message carries a vector: with fewer messages than the device has vectors, several share
 * one. False while MSI is off.
 */
bool umd_msi_route(const struct umd_msi_state *msi, unsigned int vector, unsigned int *ret_message);

/* Whether a message may go out now; if not, it is pending from here on. */
bool umd_msi_admit(struct umd_msi_state *msi, unsigned int message, bool quiet);

/* The next message that is pending and no longer masked, which ends its pending. */
bool umd_msi_release(struct umd_msi_state *msi, unsigned int *ret_message);

#endif
