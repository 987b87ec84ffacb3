/* SPDX-License-Identifier: BSD-2-Clause */
/* The device of examples/copier_device.c, driven by a program in the guest. */
#ifndef UMD_GUEST_COPIER_H
#define UMD_GUEST_COPIER_H

#include "guest_device.h"

#define GUEST_COPY_MAX 65536u /* bytes */

/*
 * Has the device copy `size` bytes from one IOVA to another, and waits for it, not for ever.
 * @return the device's status: 0 or an errno; -1 with a word on stderr where there is none
 */
int guest_copy(struct guest_device *device, uint64_t from, uint64_t to, uint32_t size);

#endif
