/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checksums: CRC-32C (Castagnoli, 0x1edc6f41) and T10's CRC-16 (0x8bb7), by ISA-L where it was
 * found when umdev was built, by tables elsewhere.
 */
#ifndef DSA_CRC_H
#define DSA_CRC_H

#include <stddef.h>
#include <stdint.h>

/*
 * Moves a CRC-32C register on by some bytes. The register is reflected (bit 31 is the coefficient
 * of x^0), and nothing is inverted; bit 0 of a byte comes first.
 */
uint32_t dsa_crc32c(uint32_t crc, const uint8_t *from, size_t size);

/* The same with bit 7 of a byte first. */
uint32_t dsa_crc32c_msb(uint32_t crc, const uint8_t *from, size_t size);

/* Bit 7 of a byte first, a register that is not reflected. */
uint16_t dsa_crc16(uint16_t crc, const uint8_t *from, size_t size);

/* By tables, which any machine can. */
uint32_t dsa_crc32c_by_table(uint32_t crc, const uint8_t *from, size_t size);
uint16_t dsa_crc16_by_table(uint16_t crc, const uint8_t *from, size_t size);

#endif
