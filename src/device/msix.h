/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X of a device: the capability, and the table and pending bits in its BARs.
 *
 * A client with a VMM behind it keeps the table itself and says by SET_IRQS what a vector signals;
 * the table here is memory that such a client never touches.
 */
#ifndef UMD_DEVICE_MSIX_H
#define UMD_DEVICE_MSIX_H

#include "device/device.h"

/* Checks the declaration, adds the capability and takes its stretches of the BARs. */
int umd_msix_realize(struct umd_device *device, struct umd_error *error);

/* All entries masked, nothing pending. */
void umd_msix_reset(struct umd_device *device);

#endif
