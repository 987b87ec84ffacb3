/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of device `dsa-full-v1`, a whole Intel DSA with an engine of its own, to be configured
 * by its driver, and `dsa-full-pasid-v1`, the same with PASIDs.
 */
#ifndef DSA_FULL_H
#define DSA_FULL_H

#include <umdev/device.h>

extern const struct umd_device_kind dsa_full_kind, dsa_full_pasid_kind;

#endif
