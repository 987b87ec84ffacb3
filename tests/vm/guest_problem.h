/* SPDX-License-Identifier: BSD-2-Clause */
/* How the programs in the guest say what went wrong. */
#ifndef UMD_GUEST_PROBLEM_H
#define UMD_GUEST_PROBLEM_H

/* Says it on stderr, with errno's words if it is set. @return -1 */
int guest_problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
