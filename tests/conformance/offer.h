/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices that the suite's process offers to itself, for "fake:NAME". */
#ifndef OFFER_H
#define OFFER_H

struct umd_device;

/* Offers copier, edu, or in conform-dsa dsa, under its name. NULL where that fails, with a
 * complaint. */
struct umd_device *offer_device(const char *name);

/* Ends it. NULL is allowed. */
void offer_end(struct umd_device *device);

#endif
