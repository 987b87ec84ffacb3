/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X of a device: the places of the table and pending bits in its BARs. What they do is the irq
 * room's.
 */
#ifndef UMD_DEVICE_MSIX_H
#define UMD_DEVICE_MSIX_H

#include "device/device.h"

/* Checks where table and pending bits are to lie, and takes those stretches of the BARs. */
int umd_msix_realize(struct umd_device *device, struct umd_error *error);

#endif
