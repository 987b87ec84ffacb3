/* SPDX-License-Identifier: BSD-2-Clause */
/* What guest_vfio does with interrupts. All return 0, or -1 with a word on stderr. */
#ifndef UMD_GUEST_INTERRUPTS_H
#define UMD_GUEST_INTERRUPTS_H

#include <umdev/driver.h>

/* MSI or MSI-X: has the device send each of `count` messages, and watches which eventfd says so. */
int guest_messages(struct umd_driver *device, unsigned int index, unsigned int count);

/* INTx: serves `count` level interrupts. */
int guest_levels(struct umd_driver *device, unsigned int count);

/* ERR or REQ: assigns an eventfd; waits for its signal up to `seconds`, if that is not 0. */
int guest_notice(struct umd_driver *device, unsigned int index, unsigned int seconds);

#endif
