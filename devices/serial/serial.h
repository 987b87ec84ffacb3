/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kind of device `serial`: a PCI card with one, two or four 16550A UARTs, each with a host end.
 */
#ifndef SERIAL_SERIAL_H
#define SERIAL_SERIAL_H

#include <umdev/device.h>

extern const struct umd_device_kind umd_serial_kind;

#endif
