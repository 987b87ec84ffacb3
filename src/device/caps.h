/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities whose registers do something when they are written. The registers themselves are the
 * pci room's; each has a hook here.
 */
#ifndef UMD_DEVICE_CAPS_H
#define UMD_DEVICE_CAPS_H

#include "device/device.h"

/* Config space has its initial values again: what stands behind the registers follows. */
void umd_caps_reset(struct umd_device *device);

/* The hooks of the header and of no capability: COMMAND. 0 or -ENOSPC. */
int umd_caps_init(struct umd_device *device);
void umd_caps_finish(struct umd_device *device);

/*
 * Calls `written` after the driver has written a register; `offset` counts from config space's
 * beginning. 0 or -ENOSPC with a sentence.
 */
int umd_caps_hook(struct umd_device *device, size_t offset, size_t size, umd_pci_hook_fn *written);

/* sizing.c: BARs have the sizes that their control registers show. */
void umd_rebar_reset(struct umd_device *device);

/* vpd.c: what the client wrote into Vital Product Data is gone with it. */
void umd_vpd_forget(struct umd_device *device);

#endif
