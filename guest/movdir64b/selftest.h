/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef UMDEV_MOVDIR64B_SELFTEST_H
#define UMDEV_MOVDIR64B_SELFTEST_H

/* Decodes and executes MOVDIR64B in many forms; 0 if all is right, otherwise says what is not. */
int movdir64b_selftest(void);

#endif
