/* SPDX-License-Identifier: BSD-2-Clause */
/* The capabilities of the test device. What is wrong with one, umd_device_realize() says. */
#ifndef UMD_CAPS_DECLARE_H
#define UMD_CAPS_DECLARE_H

#include <umdev/device.h>

/* All that a PCI Express endpoint can have, MSI-X if it is wanted. */
void caps_declare_express(struct umd_device *device, bool with_msix);

/* Those of a conventional PCI device. */
void caps_declare_conventional(struct umd_device *device);

#endif
