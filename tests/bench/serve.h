/* SPDX-License-Identifier: BSD-2-Clause */
/* What the devices that are measured have in common: a process that serves one until SIGTERM. */
#ifndef UMDEV_BENCH_SERVE_H
#define UMDEV_BENCH_SERVE_H

#include <umdev/device.h>

/*
 * Serves a realised device at a socket path until SIGTERM.
 *
 * @return 0; what umd_server_create() or umd_server_dispatch() returned
 */
int bench_serve(struct umd_device *device, const char *path);

#endif
