/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks what the shared library offers; all else is hidden. */
#ifndef UMD_BASE_EXPORT_H
#define UMD_BASE_EXPORT_H

#define UMD_EXPORT __attribute__((visibility("default")))

#endif
