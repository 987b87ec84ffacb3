/* SPDX-License-Identifier: BSD-2-Clause */
/* A device for the suite that has what the copier lacks (edu_device.c). */
#ifndef EDU_DEVICE_H
#define EDU_DEVICE_H

#include <umdev/device.h>

/* Makes and realises one. `error` is filled in on failure. */
int edu_create(struct umd_device **ret, struct umd_error *error);

#endif
