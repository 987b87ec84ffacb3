/* SPDX-License-Identifier: BSD-2-Clause */
/* The example device, for who serves it and for who offers it to itself (copier_device.c). */
#ifndef COPIER_DEVICE_H
#define COPIER_DEVICE_H

#include <umdev/device.h>

/* Makes and realises one. `error` is filled in on failure. */
int copier_create(struct umd_device **ret, struct umd_error *error);

#endif
