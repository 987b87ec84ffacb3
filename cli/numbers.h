/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in arguments. */
#ifndef CLI_NUMBERS_H
#define CLI_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* From 0 to max, in decimal. False for anything else. */
bool cli_parse_number(const char *text, long max, long *ret);

/* Bytes, or with a letter behind, K, M, G or T, so many times 1024. */
bool cli_parse_size(const char *text, uint64_t *ret);

#endif
